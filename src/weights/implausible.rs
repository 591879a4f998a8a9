//! Detects contacts and conductivities that are valid, but that hardly anybody means: another unit, another frame.

use std::fmt;

use super::{DistantContacts, SegmentSource};
use crate::electrodes::ConfiguredElectrode;
use crate::error::{Result, format_count, join_quoted};
use crate::geometry::{Aabb, Point};

/// A probe shorter than this is suspicious beside a circuit, µm.
pub const MIN_PROBE_UM: f64 = 5.0;

/// Contacts nearer to each other than this are suspicious beside a circuit, µm. Dense arrays have 10 µm and more.
pub const MIN_PITCH_UM: f64 = 2.0;

/// Segments that extend this far are a circuit, beside which a tiny probe is suspicious, µm.
pub const CIRCUIT_SPAN_UM: f64 = 500.0;

/// The smallest and the largest conductivity of tissue and fluids, S/m, with a margin: bone has 0.01 and more,
/// cerebrospinal fluid 1.8.
pub const TISSUE_CONDUCTIVITY_S_PER_M: [f64; 2] = [0.01, 5.0];

/// A circuit smaller than this is a test of a few segments, beside which contacts may be anywhere, µm.
const MIN_DIAGONAL_UM: f64 = 100.0;

/// Maximum number of names in a warning.
const MAX_LISTED_NAMES: usize = 6;

/// A warning about inputs that are valid, but implausible.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Implausible {
    /// All contacts are within a few micrometres.
    TinyProbe {
        /// Largest extent of the contacts along an axis, µm.
        contacts_um: f64,
        /// Largest extent of the segments along an axis, µm.
        segments_um: f64,
    },
    /// The contacts are very near to each other.
    TinyPitch {
        /// Median distance of a contact to the nearest other one, µm.
        pitch_um: f64,
        /// Largest extent of the segments along an axis, µm.
        segments_um: f64,
    },
    /// All contacts are in another unit or coordinate frame.
    AllDistant(DistantContacts),
    /// Some contacts are farther from every segment than the circuit is large.
    Distant {
        /// Names of the contacts.
        names: Vec<String>,
        /// Distance of the first one to the box around the segments, µm.
        distance_um: f64,
        /// Diagonal of the box around the segments, µm.
        diagonal_um: f64,
    },
    /// No tissue has the conductivity.
    Conductivity {
        /// The conductivity, S/m.
        s_per_m: f64,
        /// Names of the contacts.
        names: Vec<String>,
    },
}

impl Implausible {
    /// Examines contacts beside the segments. The positions of contacts with a lead field are not used by their
    /// formulas, and electrodes of a head are far away: they are not examined.
    ///
    /// # Errors
    /// Returns an error if the bounding box of a table cannot be read.
    pub fn find(sources: &[&dyn SegmentSource], electrodes: &[ConfiguredElectrode]) -> Result<Vec<Self>> {
        let boxes = sources.iter().map(|s| s.bounds()).collect::<Result<Vec<_>>>()?;
        let placed: Vec<(&str, Point)> = electrodes
            .iter()
            .filter(|e| e.contact.lead_field.is_none() && e.electrode.method.expects_near_contacts())
            .map(|e| (e.electrode.name.as_str(), e.contact.position_um))
            .collect();
        let mut found: Vec<Self> = find_tiny(&boxes, &placed).into_iter().collect();
        match DistantContacts::find(sources, electrodes)? {
            Some(distant) => found.push(Self::AllDistant(distant)),
            None => found.extend(find_distant(&boxes, &placed)),
        }
        found.extend(find_conductivities(electrodes));
        Ok(found)
    }
}

fn find_tiny(boxes: &[Aabb], placed: &[(&str, Point)]) -> Option<Implausible> {
    let segments_um = largest_extent(&boxes.iter().copied().fold(Aabb::EMPTY, Aabb::union));
    let contacts_um = largest_extent(&Aabb::enclosing(placed.iter().map(|(_, position)| *position)));
    // also: no contacts, or one, or all at one place, such as one position under several methods
    if segments_um <= CIRCUIT_SPAN_UM || contacts_um == 0.0 {
        return None;
    }
    if contacts_um < MIN_PROBE_UM {
        return Some(Implausible::TinyProbe { contacts_um, segments_um });
    }
    let pitch_um = median_pitch(placed)?;
    (pitch_um < MIN_PITCH_UM).then_some(Implausible::TinyPitch { pitch_um, segments_um })
}

/// Returns the longest side of a box; 0 if it is empty.
fn largest_extent(bounds: &Aabb) -> f64 {
    if bounds.is_empty() { 0.0 } else { (bounds.max - bounds.min).to_array().into_iter().fold(0.0, f64::max) }
}

/// Returns the median of the distances of contacts to the nearest contact elsewhere. Of many contacts some are examined.
fn median_pitch(placed: &[(&str, Point)]) -> Option<f64> {
    const MAX_EXAMINED: usize = 256;
    let step = placed.len().div_ceil(MAX_EXAMINED).max(1);
    let nearest = |position: Point| {
        let others = placed.iter().map(|(_, other)| position.distance(*other)).filter(|distance| *distance > 0.0);
        others.reduce(f64::min)
    };
    let mut distances: Vec<f64> = placed.iter().step_by(step).filter_map(|(_, position)| nearest(*position)).collect();
    distances.sort_by(f64::total_cmp);
    distances.get(distances.len() / 2).copied()
}

fn find_distant(boxes: &[Aabb], placed: &[(&str, Point)]) -> Option<Implausible> {
    let all = boxes.iter().copied().fold(Aabb::EMPTY, Aabb::union);
    if all.is_empty() {
        return None;
    }
    let diagonal_um = (all.max - all.min).norm().max(MIN_DIAGONAL_UM);
    let distance = |position: Point| {
        let contact = Aabb::enclosing([position]);
        let distances = boxes.iter().filter(|b| !b.is_empty()).map(|b| b.distance(&contact));
        distances.fold(f64::INFINITY, f64::min)
    };
    let distant = placed.iter().map(|(name, position)| (name, distance(*position)));
    let distant: Vec<(&&str, f64)> = distant.filter(|(_, distance)| *distance > diagonal_um).collect();
    let (_, distance_um) = *distant.first()?;
    let names = distant.into_iter().map(|(name, _)| (*name).to_string()).collect();
    Some(Implausible::Distant { names, distance_um, diagonal_um })
}

/// Finds conductivities of no tissue, each with its contacts.
fn find_conductivities(electrodes: &[ConfiguredElectrode]) -> Vec<Implausible> {
    let [low, high] = TISSUE_CONDUCTIVITY_S_PER_M;
    let mut found: Vec<(f64, Vec<String>)> = Vec::new();
    for electrode in electrodes.iter().filter(|e| e.electrode.method.uses_conductivity()) {
        let components = electrode.contact.conductivity.components_s_per_m();
        let Some(s_per_m) = components.into_iter().find(|s| !(low..=high).contains(s)) else { continue };
        let name = electrode.electrode.name.clone();
        match found.iter_mut().find(|(known, _)| *known == s_per_m) {
            Some((_, names)) => names.push(name),
            None => found.push((s_per_m, vec![name])),
        }
    }
    found.into_iter().map(|(s_per_m, names)| Implausible::Conductivity { s_per_m, names }).collect()
}

impl fmt::Display for Implausible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TinyProbe { contacts_um, segments_um } => write!(
                f,
                "the contacts extend over {contacts_um:.3} µm, the segments over {segments_um:.0} µm: are the contacts \
                 in mm or m? their unit is given by `--units`"
            ),
            Self::TinyPitch { pitch_um, segments_um } => write!(
                f,
                "neighbouring contacts are {pitch_um:.3} µm apart, and the segments extend over {segments_um:.0} µm: are \
                 the contacts in mm or m? their unit is given by `--units`"
            ),
            Self::AllDistant(distant) => distant.fmt(f),
            Self::Distant { names, distance_um, diagonal_um } => {
                let contacts = format_count(names.len() as u64, "contact");
                write!(
                    f,
                    "{contacts} farther from every segment than the circuit's diagonal of {diagonal_um:.0} µm: {} \
                     (the first by {distance_um:.0} µm); are positions in µm, and in the circuit's frame?",
                    join_quoted(names, MAX_LISTED_NAMES)
                )
            }
            Self::Conductivity { s_per_m, names } => {
                let [low, high] = TISSUE_CONDUCTIVITY_S_PER_M;
                write!(
                    f,
                    "conductivity of {s_per_m} S/m at {}, expected {low} to {high} S/m in tissue: is it in S/m?",
                    join_quoted(names, MAX_LISTED_NAMES)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contacts(positions: &[[f64; 3]]) -> Vec<(&'static str, Point)> {
        ["a", "b", "c", "d"].into_iter().zip(positions.iter().map(|p| Point::from(*p))).collect()
    }

    fn cube(side: f64) -> [Aabb; 1] {
        [Aabb::enclosing([Point::ORIGIN, Point::new(side, side, side)])]
    }

    #[test]
    fn a_probe_in_millimetres_is_tiny_compared_with_a_circuit() {
        let probe = contacts(&[[0.0, 0.0, 0.0], [0.0, 3.84, 0.0]]);
        assert_eq!(
            find_tiny(&cube(800.0), &probe).unwrap().to_string(),
            "the contacts extend over 3.840 µm, the segments over 800 µm: are the contacts in mm or m? their unit is \
             given by `--units`"
        );
        // no circuit, one contact, and one place under several methods
        assert_eq!(find_tiny(&cube(500.0), &probe), None);
        assert_eq!(find_tiny(&cube(800.0), &probe[..1]), None);
        assert_eq!(find_tiny(&cube(800.0), &contacts(&[[1.0, 2.0, 3.0]; 3])), None);
        assert_eq!(find_tiny(&[], &probe), None);
    }

    #[test]
    fn a_grid_in_millimetres_has_a_tiny_pitch() {
        let grid = contacts(&[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [9.0, 0.0, 0.0]]);
        // distances to the nearest contact elsewhere: 1, 1, 1, 9
        assert_eq!(
            find_tiny(&cube(800.0), &grid).unwrap().to_string(),
            "neighbouring contacts are 1.000 µm apart, and the segments extend over 800 µm: are the contacts in mm or m? \
             their unit is given by `--units`"
        );
        let wide = contacts(&[[0.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 5.0, 0.0]]);
        assert_eq!(find_tiny(&cube(800.0), &wide), None);
    }

    #[test]
    fn contacts_farther_than_the_diagonal_are_named() {
        // the diagonal is 300 sqrt(3) = 519.6 µm; `b` is 520 µm from the cube, `c` 519
        let probe = contacts(&[[0.0, 0.0, 0.0], [820.0, 0.0, 0.0], [819.0, 0.0, 0.0]]);
        assert_eq!(
            find_distant(&cube(300.0), &probe).unwrap().to_string(),
            "1 contact farther from every segment than the circuit's diagonal of 520 µm: `b` (the first by 520 µm); are \
             positions in µm, and in the circuit's frame?"
        );
        assert_eq!(find_distant(&cube(300.0), &probe[..1]), None);
        assert_eq!(find_distant(&cube(0.0), &contacts(&[[99.0, 0.0, 0.0]])), None);
        assert_eq!(find_distant(&[], &probe), None);
    }
}
