//! Centring of morphologies on the soma: which point of a morphology lies at the node's position.
//!
//! SONATA: the soma's centre is moved to the origin, unless the attribute `recenter` of the node or its type is 0; then
//! the morphology is rotated, and moved to the node's position. Soma and neurites always move together.
//!
//! - If the distance of the soma's centre from the file's origin is at most the soma's radius, the file counts as
//!   centred: its points are used unchanged, and the soma lies at the node's position, as in BlueRecording.
//! - With `recenter` 0 the file's origin lies at the node's position, and the soma keeps its offset from it.
//! - The same holds for a population without placement (all nodes at (0, 0, 0), quaternions without rotation): there
//!   the simulator uses the coordinates of the file as the circuit's. `recenter` 1 still centres a node.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::geometry::{Point, Transform};
use crate::io::digest::Digest;
use crate::morphology::{Morphology, SomaForm};
use crate::sonata::nodes::{Nodes, Recentering};

/// Which neurons of a population are centred on their somata.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SomaCentering {
    /// Whether somata are centred if the node has no `recenter`.
    centers_by_default: bool,
    /// The `recenter` values of the nodes that have one.
    stated_by_node: BTreeMap<u64, bool>,
}

impl SomaCentering {
    /// Adds the centring to a digest of inputs.
    pub(super) fn add_to(&self, digest: &mut Digest) {
        let Self { centers_by_default, stated_by_node } = self;
        digest.add_bool(*centers_by_default);
        digest.add_u64(stated_by_node.len() as u64);
        for (node_id, is_centered) in stated_by_node {
            digest.add_u64(*node_id);
            digest.add_bool(*is_centered);
        }
    }

    /// Reads the centring of some nodes.
    ///
    /// # Errors
    /// Returns an error if the nodes' positions or the attribute `recenter` cannot be read.
    pub(super) fn for_nodes(nodes: &Nodes, ids: &[u64]) -> Result<Self> {
        let recentering: &Recentering = nodes.recentering()?;
        let stated = ids.iter().filter_map(|&id| Some((id, recentering.for_node(id)?))).collect();
        Ok(Self { centers_by_default: !recentering.is_unplaced(), stated_by_node: stated })
    }

    /// Returns the transform of a node's morphology; `plain` is the transform about the file's origin.
    pub(super) fn morphology_transform(&self, node: u64, plain: Transform, morphology: &Morphology) -> Transform {
        let Some(center) = offset_soma_center(morphology) else { return plain };
        match self.stated_by_node.get(&node).copied().unwrap_or(self.centers_by_default) {
            true => plain.with_origin(center),
            false => plain.rebased_on(center),
        }
    }
}

/// Returns the soma's centre if its distance from the file's origin exceeds the soma's radius; `None` for a centred
/// soma or no soma.
fn offset_soma_center(morphology: &Morphology) -> Option<Point> {
    let soma = &morphology.soma;
    let center = match soma.form {
        SomaForm::None => return None,
        SomaForm::Point | SomaForm::ThreePoints => Point::from(*soma.points.first()?),
        _ => {
            let sum = soma.points.iter().fold(Point::ORIGIN, |sum, &p| sum + Point::from(p));
            sum / soma.points.len().max(1) as f64
        }
    };
    let radius = soma.radius_um().map_or(0.0, f64::from);
    (center.distance(Point::ORIGIN) > radius).then_some(center)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Quaternion;
    use crate::morphology::Soma;

    fn with_soma(points: &[[f32; 3]], diameter: f32, form: SomaForm) -> Morphology {
        let soma =
            Soma { points: points.to_vec(), diameters_um: vec![diameter; points.len()], form, ..Soma::default() };
        Morphology { soma, ..Morphology::default() }
    }

    #[test]
    fn a_soma_at_the_origin_to_within_its_radius_stays_there() {
        let plain = Transform::new(Quaternion::new(1.0, 2.0, 3.0, 4.0).unwrap(), Point::new(5.0, 6.0, 7.0));
        let centering = SomaCentering { centers_by_default: true, ..SomaCentering::default() };
        for (x, is_near) in [(0.0, true), (5.0, true), (5.1, false), (-400.0, false)] {
            let found = centering.morphology_transform(0, plain, &with_soma(&[[x, 0.0, 0.0]], 10.0, SomaForm::Point));
            assert_eq!(found == plain, is_near, "{x}");
            assert_eq!(found.translation, plain.translation);
            assert_eq!(found.origin.x, if is_near { 0.0 } else { f64::from(x) });
        }
        assert_eq!(centering.morphology_transform(0, plain, &Morphology::default()), plain);
    }

    #[test]
    fn a_nodes_attribute_overrides_the_default() {
        let plain = Transform::new(Quaternion::IDENTITY, Point::new(5.0, 6.0, 7.0));
        let away = with_soma(&[[100.0, 0.0, 0.0], [110.0, 0.0, 0.0]], 8.0, SomaForm::Cylinders);
        let soma = |centers, stated: &[(u64, bool)]| {
            let centering =
                SomaCentering { centers_by_default: centers, stated_by_node: stated.iter().copied().collect() };
            let found = centering.morphology_transform(3, plain, &away);
            // soma and neurites move together
            assert_eq!(found.apply(Point::new(105.0, 0.0, 0.0)), found.translation);
            found.translation.x
        };
        assert_eq!([soma(true, &[]), soma(false, &[])], [5.0, 110.0]);
        assert_eq!(
            [soma(true, &[(3, false)]), soma(false, &[(3, true)]), soma(true, &[(2, false)])],
            [110.0, 5.0, 5.0]
        );
    }
}
