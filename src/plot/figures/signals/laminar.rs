//! Signals by depth: contacts in the order of their depth, with the mean of those at the same depth.

use super::SignalTraces;
use crate::geometry::{Aabb, Point};

/// Contacts nearer in depth than this have the same depth, µm.
const SAME_DEPTH_UM: f64 = 1e-3;
/// The axis of depth if contacts extend along no other further: cortical columns extend along y.
const UPRIGHT: usize = 1;

/// Signals of a probe by depth.
#[derive(Debug, Clone, PartialEq)]
pub struct LaminarSignal {
    /// Depths, µm, ascending and different; the numbers of the contacts if positions are unknown.
    pub depths: Vec<f64>,
    /// Values, row-major: frames, then depths.
    pub values: Vec<f64>,
    /// Whether depths are positions in µm.
    pub has_positions: bool,
    /// Label of the axis of depth.
    pub label: &'static str,
    /// The contacts at each depth.
    pub members: Vec<Vec<usize>>,
}

impl LaminarSignal {
    /// Sorts signals by depth, which is the coordinate along which the contacts extend furthest.
    pub fn new(traces: &SignalTraces) -> Self {
        let positions = &traces.positions_um;
        let bounds = Aabb::enclosing(positions.iter().copied());
        let size = if positions.is_empty() { [0.0; 3] } else { bounds.size().to_array() };
        let axis = (0..3).fold(UPRIGHT, |best, axis| if size[axis] > size[best] { axis } else { best });
        let has_positions = size[axis] > SAME_DEPTH_UM;
        let depth = |contact: usize| match positions.get(contact).filter(|_| has_positions) {
            Some(p) => Point::to_array(*p)[axis],
            // the first contact is the uppermost
            None => -(contact as f64),
        };
        let mut order: Vec<usize> = (0..traces.contacts()).collect();
        order.sort_by(|a, b| depth(*a).total_cmp(&depth(*b)));
        let members: Vec<Vec<usize>> =
            order.chunk_by(|a, b| (depth(*b) - depth(*a)).abs() <= SAME_DEPTH_UM).map(<[usize]>::to_vec).collect();
        let depths = members.iter().filter_map(|group| group.first().map(|first| depth(*first))).collect();
        let mean = |frame: &[f64], group: &Vec<usize>| {
            group.iter().filter_map(|contact| frame.get(*contact)).sum::<f64>() / group.len().max(1) as f64
        };
        let values = traces
            .values
            .chunks_exact(traces.contacts().max(1))
            .flat_map(|frame| members.iter().map(|group| mean(frame, group)).collect::<Vec<_>>())
            .collect();
        let label = if has_positions { ["x (\u{b5}m)", "y (\u{b5}m)", "z (\u{b5}m)"][axis] } else { "contact" };
        Self { depths, values, has_positions, label, members }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_at_one_depth_are_averaged_and_depths_ascend() {
        let traces = SignalTraces {
            times_ms: vec![0.0, 1.0],
            contact_names: ["top", "tip", "left", "right"].map(String::from).to_vec(),
            positions_um: [[0.0, 0.0, 90.0], [0.0, 0.0, 10.0], [-8.0, 0.0, 50.0], [8.0, 0.0, 50.0]]
                .map(Point::from)
                .to_vec(),
            values: vec![1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 50.0],
            unit: "mV".into(),
            notes: Vec::new(),
        };
        let signal = LaminarSignal::new(&traces);
        assert_eq!((signal.depths, signal.label), (vec![10.0, 50.0, 90.0], "z (\u{b5}m)"));
        assert_eq!(signal.values, [2.0, 4.0, 1.0, 20.0, 40.0, 10.0]);
        let unknown = LaminarSignal::new(&SignalTraces { positions_um: Vec::new(), ..traces });
        assert_eq!((unknown.depths, unknown.has_positions), (vec![-3.0, -2.0, -1.0, 0.0], false));
        assert_eq!(unknown.values[..4], [5.0, 3.0, 2.0, 1.0]);
    }
}
