//! Sums the series of [`shell_series`](super::shell_series) for several electrodes at a time.

use std::f64::consts::PI;

use super::Contact;
use super::head::FourSphereHead;
use super::lanes::Lanes;
use super::shell_series::{self, MAX_ORDER, order_for_gradient, order_for_potential};
use crate::error::{Context, Problem, Result};
use crate::geometry::Point;
use crate::units::NANOAMPERE_PER_MICROMETER;

/// Number of electrodes that are summed together: the additions of one electrode wait for each other.
const LANES: usize = 8;

/// An electrode of a four-sphere head, on or below the scalp.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadElectrode {
    pub head: FourSphereHead,
    /// Direction from the head's centre.
    direction: Point,
    /// Distance from the head's centre, µm.
    radius_um: f64,
}

impl HeadElectrode {
    /// Creates the electrode at a contact's position.
    ///
    /// # Errors
    /// Returns a [`HeadProblem`](super::head::HeadProblem), with the contact.
    pub fn new(contact: &Contact) -> Result<Self> {
        let place = || format!("contact `{}`", contact.name);
        let head = contact.head.to_head().in_item(&place())?;
        let radius_um = head.electrode_radius_um(contact.position_um).in_item(&place())?;
        let from_center = contact.position_um - head.center_um;
        Ok(Self { head, direction: from_center / from_center.norm(), radius_um })
    }

    /// 1e-3 / (4 pi s1 r): the factor of the potential's series, V/nA.
    fn potential_factor(&self) -> f64 {
        NANOAMPERE_PER_MICROMETER / (4.0 * PI * self.head.conductivities_s_per_m[0] * self.radius_um)
    }
}

/// The series does not converge within [`MAX_ORDER`] terms.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error(
    "{what} is too near to the electrode's sphere for its series of {MAX_ORDER} terms, expected at most 0.997 of the \
     sphere's radius {radius_um:.1} µm, found {share:.5}"
)]
pub struct SlowSeries {
    /// The source.
    pub what: String,
    /// Distance of the electrode from the head's centre, µm.
    pub radius_um: f64,
    /// Distance of the source from it, divided by that of the electrode.
    pub share: f64,
}

impl Problem for SlowSeries {
    fn hint(&self) -> Option<String> {
        Some("at such a distance use `LineSource` or `PointSource`".into())
    }
}

/// Electrodes with their series coefficients, in groups of [`LANES`].
#[derive(Debug)]
pub(super) struct SphereSeries {
    electrodes: Vec<HeadElectrode>,
    groups: Vec<ElectrodeGroup>,
}

/// The electrodes of a group; lanes after the last electrode are copies of it.
#[derive(Debug)]
struct ElectrodeGroup {
    lanes: [HeadElectrode; LANES],
    /// g_n of each lane, from n = 1.
    coefficients: Vec<Lanes<LANES>>,
    /// Largest |g_n| of each lane, divided by |g_1|.
    spread: Lanes<LANES>,
}

/// A source as the electrodes of a group see it.
struct GroupView {
    /// Distance of the source from the head's centre, divided by that of the electrode.
    share: Lanes<LANES>,
    /// Cosine of the angle between source and electrode.
    cosine: Lanes<LANES>,
    /// Direction from the head's centre to the source; 0 at the centre itself.
    direction: [Point; LANES],
    /// Whether the series converges and the source lies in the brain.
    is_valid: [bool; LANES],
    /// Number of terms.
    order: usize,
}

impl SphereSeries {
    /// Prepares contacts for sources anywhere in the brain.
    ///
    /// # Errors
    /// Returns an error if a contact has no head, or does not lie between brain and air.
    pub fn new(contacts: &[Contact]) -> Result<Self> {
        let electrodes = contacts.iter().map(HeadElectrode::new).collect::<Result<Vec<_>>>()?;
        let groups = electrodes.chunks(LANES).filter_map(ElectrodeGroup::new).collect();
        Ok(Self { groups, electrodes })
    }

    /// Returns the number of electrodes.
    pub fn len(&self) -> usize {
        self.electrodes.len()
    }

    /// Returns an electrode.
    pub fn electrode(&self, column: usize) -> Option<&HeadElectrode> {
        self.electrodes.get(column)
    }

    /// Calls `write` for each electrode with the potential of a point source, V/nA; NaN if there is none.
    pub fn potentials(&self, source: Point, mut write: impl FnMut(usize, f64)) {
        for (first, group) in (0..).step_by(LANES).zip(&self.groups) {
            let potentials = group.potentials(source);
            potentials.into_iter().enumerate().for_each(|(lane, value)| write(first + lane, value));
        }
    }

    /// Calls `write` for each electrode with the gradient of [`SphereSeries::potentials`] with respect to the source,
    /// V/(nA µm): the potential of a current dipole.
    pub fn gradients(&self, source: Point, mut write: impl FnMut(usize, Point)) {
        for (first, group) in (0..).step_by(LANES).zip(&self.groups) {
            let gradients = group.gradients(source);
            gradients.into_iter().enumerate().for_each(|(lane, value)| write(first + lane, value));
        }
    }

    /// Returns why a source has no potential at an electrode, if it has none.
    pub fn explain(&self, source: Point, column: usize, what: &str) -> Option<crate::error::Error> {
        let electrode = self.electrode(column)?;
        if let Some(problem) = electrode.head.source_problem(source, what) {
            return Some(problem.into());
        }
        let share = source.distance(electrode.head.center_um) / electrode.radius_um;
        let group = self.groups.get(column / LANES)?;
        let is_slow = order_for_gradient(share, group.spread[column % LANES]) > group.coefficients.len();
        let problem = SlowSeries { what: what.into(), radius_um: electrode.radius_um, share };
        is_slow.then(|| problem.into())
    }
}

impl ElectrodeGroup {
    fn new(electrodes: &[HeadElectrode]) -> Option<Self> {
        let last = electrodes.last()?;
        let lanes: [HeadElectrode; LANES] = std::array::from_fn(|lane| *electrodes.get(lane).unwrap_or(last));
        // the spread of the coefficients is not known yet; 1e3 costs 7 / ln(r/R1) terms at most
        let order = |e: &HeadElectrode| order_for_gradient(e.head.brain_radius_um() / e.radius_um, 1e3).min(MAX_ORDER);
        let orders = lanes.iter().map(order).max().unwrap_or(1);
        let columns = lanes.each_ref().map(|e| shell_series::coefficients(&e.head, e.radius_um, orders));
        let spread = columns.each_ref().map(|g| {
            let largest = g.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
            g.first().map_or(1.0, |first| largest / first.abs())
        });
        let row = |n: usize| Lanes(std::array::from_fn(|lane| columns[lane].get(n).copied().unwrap_or(0.0)));
        Some(Self { coefficients: (0..orders).map(row).collect(), lanes, spread: Lanes(spread) })
    }

    /// Returns the source as the electrodes see it; `order_for` gives the number of terms.
    fn view(&self, source: Point, order_for: fn(f64, f64) -> usize) -> GroupView {
        let mut view = GroupView {
            share: Lanes::default(),
            cosine: Lanes::default(),
            direction: [Point::ORIGIN; LANES],
            is_valid: [false; LANES],
            order: 1,
        };
        for (lane, electrode) in self.lanes.iter().enumerate() {
            let from_center = source - electrode.head.center_um;
            let distance = from_center.norm();
            let direction = if distance > 0.0 { from_center / distance } else { Point::ORIGIN };
            let share = distance / electrode.radius_um;
            let order = order_for(share, self.spread[lane]);
            if distance <= electrode.head.brain_radius_um() && order <= self.coefficients.len() {
                view.is_valid[lane] = true;
                view.share[lane] = share;
                view.direction[lane] = direction;
                view.cosine[lane] = direction.dot(electrode.direction);
                view.order = view.order.max(order);
            }
        }
        view
    }

    fn potentials(&self, source: Point) -> [f64; LANES] {
        let view = self.view(source, order_for_potential);
        let (y, cosine) = (&view.share, &view.cosine);
        let (mut before, mut now) = (Lanes([1.0; LANES]), *cosine);
        let (mut power, mut sum) = (*y, Lanes::<LANES>::default());
        for (n, g) in (1..=view.order).zip(&self.coefficients) {
            let (grow, fade) = legendre_factors(n);
            for lane in 0..LANES {
                sum[lane] += g[lane] * power[lane] * now[lane];
                let next = grow * cosine[lane] * now[lane] - fade * before[lane];
                before[lane] = now[lane];
                now[lane] = next;
                power[lane] *= y[lane];
            }
        }
        std::array::from_fn(|lane| {
            if view.is_valid[lane] { sum[lane] * self.lanes[lane].potential_factor() } else { f64::NAN }
        })
    }

    fn gradients(&self, source: Point) -> [Point; LANES] {
        let view = self.view(source, order_for_gradient);
        let (y, cosine) = (&view.share, &view.cosine);
        // P_(n-1), P_n and P_n'
        let ones = Lanes([1.0; LANES]);
        let (mut before, mut now, mut slope) = (ones, *cosine, ones);
        let zeros = Lanes::<LANES>::default();
        let (mut power, mut radial, mut across) = (ones, zeros, zeros);
        for (n, g) in (1..=view.order).zip(&self.coefficients) {
            let (grow, fade) = legendre_factors(n);
            let order = n as f64;
            for lane in 0..LANES {
                let term = g[lane] * power[lane];
                radial[lane] += order * term * now[lane];
                across[lane] += term * slope[lane];
                let next = grow * cosine[lane] * now[lane] - fade * before[lane];
                slope[lane] = cosine[lane] * slope[lane] + (order + 1.0) * now[lane];
                before[lane] = now[lane];
                now[lane] = next;
                power[lane] *= y[lane];
            }
        }
        std::array::from_fn(|lane| {
            let electrode = &self.lanes[lane];
            if !view.is_valid[lane] {
                return Point::new(f64::NAN, f64::NAN, f64::NAN);
            }
            let towards = electrode.direction - view.direction[lane] * cosine[lane];
            let sum = view.direction[lane] * radial[lane] + towards * across[lane];
            sum * (electrode.potential_factor() / electrode.radius_um)
        })
    }
}

/// Returns the factors of P_(n+1) = ((2n+1) x P_n - n P_(n-1)) / (n+1).
fn legendre_factors(n: usize) -> (f64, f64) {
    let n = n as f64;
    ((2.0 * n + 1.0) / (n + 1.0), n / (n + 1.0))
}
