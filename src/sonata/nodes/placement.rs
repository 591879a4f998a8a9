//! Where the nodes lie and how they are turned.

use super::{Nodes, NodesProblem};
use crate::error::{Context, Result, join_quoted};
use crate::geometry::{Point, Quaternion, Transform};

/// How orientations are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientation {
    /// Not at all: nothing is rotated.
    None,
    /// As quaternions.
    Quaternion,
    /// As Euler angles.
    Euler {
        /// Whether a node has two or more angles that are not zero, so that their order matters.
        depends_on_order: bool,
    },
}

/// Which nodes say whether their somata are to be moved to the origin before they are rotated: SONATA's `recenter`.
#[derive(Debug, Default)]
pub struct Recentering {
    /// The attribute, where there is one; what is no number says nothing.
    stated: Option<Vec<f64>>,
    /// Whether no node has a place of its own: all lie at (0, 0, 0), by quaternions that rotate nothing.
    is_unplaced: bool,
}

impl Recentering {
    /// What a node says; none where it says nothing.
    pub fn for_node(&self, node: u64) -> Option<bool> {
        let value = *self.stated.as_ref()?.get(usize::try_from(node).ok()?)?;
        (!value.is_nan()).then_some(value != 0.0)
    }

    /// Whether nothing places the nodes: all lie at (0, 0, 0), with quaternions that rotate nothing. Then the frame of a
    /// morphology's file is that of the circuit, as it is for the simulator.
    pub fn is_unplaced(&self) -> bool {
        self.is_unplaced
    }

    /// Number of nodes that are not to be recentred.
    pub fn count_not_recentred(&self) -> u64 {
        self.stated.iter().flatten().filter(|value| **value == 0.0).count() as u64
    }
}

/// Positions in um and rotations, one entry a node.
#[derive(Debug)]
pub struct NodePlacements {
    positions_um: [Vec<f64>; 3],
    rotation: Rotation,
    recentering: Recentering,
}

/// How the file gives the orientations.
#[derive(Debug)]
enum Rotation {
    None,
    /// w, x, y, z.
    Quaternion([Vec<f64>; 4]),
    /// Radians about the fixed axes x, y, z.
    Euler([Option<Vec<f64>>; 3]),
}

/// The coordinates' columns.
const POSITION_COLUMNS: [&str; 3] = ["x", "y", "z"];
/// The quaternion's columns.
const QUATERNION_COLUMNS: [&str; 4] = ["orientation_w", "orientation_x", "orientation_y", "orientation_z"];
/// The attribute that keeps a morphology's points where its file has them, where it is 0.
pub(super) const RECENTER_ATTRIBUTE: &str = "recenter";
/// The Euler angles' columns.
const EULER_COLUMNS: [&str; 3] = ["rotation_angle_xaxis", "rotation_angle_yaxis", "rotation_angle_zaxis"];

impl NodePlacements {
    /// Reads the columns.
    ///
    /// # Errors
    /// A coordinate is missing, or a column is of another type or length.
    pub fn read(nodes: &Nodes) -> Result<Self> {
        let [x, y, z] = POSITION_COLUMNS.map(|name| nodes.read_required_floats(name));
        let (position, rotation) = ([x?, y?, z?], Rotation::read(nodes)?);
        let is_unplaced = position.iter().flatten().all(|&v| v == 0.0) && rotation.is_identity_by_quaternions();
        let recentering = Recentering { stated: nodes.read_optional_floats(RECENTER_ATTRIBUTE)?, is_unplaced };
        Ok(Self { positions_um: position, rotation, recentering })
    }

    /// How orientations are given.
    pub fn orientation(&self) -> Orientation {
        match &self.rotation {
            Rotation::None => Orientation::None,
            Rotation::Quaternion(_) => Orientation::Quaternion,
            Rotation::Euler(columns) => {
                let rows = columns.iter().flatten().map(Vec::len).max().unwrap_or(0);
                let turned = |row: usize| columns.iter().flatten().filter(|c| value_at(c, row) != 0.0).count();
                Orientation::Euler { depends_on_order: (0..rows).any(|row| turned(row) >= 2) }
            }
        }
    }

    /// Which nodes say whether they are to be recentred.
    pub fn recentering(&self) -> &Recentering {
        &self.recentering
    }

    /// The transform of the node at a row of the population.
    ///
    /// # Errors
    /// A number that is not finite, a zero quaternion.
    pub fn transform(&self, nodes: &Nodes, row: usize) -> Result<Transform> {
        let position = self.positions_um.each_ref().map(|column| value_at(column, row));
        check_finite(nodes, POSITION_COLUMNS, position, row, "a position in micrometres")?;
        Ok(Transform::new(self.rotation.quaternion_at(nodes, row)?, Point::from(position)))
    }
}

impl Rotation {
    /// Whether there are quaternions, none of which rotates anything.
    fn is_identity_by_quaternions(&self) -> bool {
        let Self::Quaternion([w, rest @ ..]) = self else { return false };
        w.iter().all(|&w| w != 0.0) && rest.iter().flatten().all(|&v| v == 0.0)
    }

    /// A quaternion has four columns, or is an error.
    fn read(nodes: &Nodes) -> Result<Self> {
        let [w, x, y, z] = QUATERNION_COLUMNS.map(|name| nodes.read_optional_floats(name));
        match [w?, x?, y?, z?] {
            [None, None, None, None] => {}
            [Some(w), Some(x), Some(y), Some(z)] => return Ok(Self::Quaternion([w, x, y, z])),
            columns => {
                let names = QUATERNION_COLUMNS.iter().zip(&columns).filter(|(_, column)| column.is_some());
                let found = join_quoted(names.map(|(name, _)| *name), 4);
                return Err(nodes.file.error(&nodes.group, NodesProblem::PartialQuaternion(found)));
            }
        }
        let [x, y, z] = EULER_COLUMNS.map(|name| nodes.read_optional_floats(name));
        let columns = [x?, y?, z?];
        Ok(if columns.iter().any(Option::is_some) { Self::Euler(columns) } else { Self::None })
    }

    fn quaternion_at(&self, nodes: &Nodes, row: usize) -> Result<Quaternion> {
        match self {
            Self::None => Ok(Quaternion::IDENTITY),
            Self::Quaternion(columns) => {
                let [w, x, y, z] = columns.each_ref().map(|column| value_at(column, row));
                Quaternion::new(w, x, y, z).at_index("node", row as u64).in_file(nodes.file.path())
            }
            Self::Euler(columns) => {
                let angles = columns.each_ref().map(|column| column.as_ref().map_or(0.0, |c| value_at(c, row)));
                check_finite(nodes, EULER_COLUMNS, angles, row, "an angle in radians")?;
                Ok(Quaternion::from_euler_angles(angles, nodes.euler_order))
            }
        }
    }
}

/// The value at a row that the column's length has been checked for.
fn value_at(column: &[f64], row: usize) -> f64 {
    column.get(row).copied().unwrap_or(f64::NAN)
}

fn check_finite(nodes: &Nodes, names: [&str; 3], values: [f64; 3], row: usize, expected: &'static str) -> Result<()> {
    match names.iter().zip(values).find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((name, found)) => {
            let problem = NodesProblem::NotFinite { expected, found };
            Err(nodes.file.error_at(&nodes.dataset_path(name), row, problem))
        }
    }
}
