//! Positions and orientations of the nodes.

use super::{Nodes, NodesProblem};
use crate::error::{Context, Result, join_quoted};
use crate::geometry::{Point, Quaternion, Transform};

/// How a nodes file stores orientations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientation {
    /// No orientations: nothing is rotated.
    None,
    /// Quaternions.
    Quaternion,
    /// Euler angles.
    Euler {
        /// Whether a node has two or more angles that are not zero, so that their order matters.
        depends_on_order: bool,
    },
}

/// SONATA's attribute `recenter`: whether a node's soma is moved to the origin before the rotation.
#[derive(Debug, Default)]
pub struct Recentering {
    /// The attribute, if there is one; NaN for nodes without a value.
    stated: Option<Vec<f64>>,
    /// Whether all nodes lie at (0, 0, 0) with quaternions that rotate nothing.
    is_unplaced: bool,
}

impl Recentering {
    /// Returns the value of a node; `None` if it has none.
    pub fn for_node(&self, node: u64) -> Option<bool> {
        let value = *self.stated.as_ref()?.get(usize::try_from(node).ok()?)?;
        (!value.is_nan()).then_some(value != 0.0)
    }

    /// Returns whether all nodes lie at (0, 0, 0) with quaternions that rotate nothing. Then the coordinates of a
    /// morphology's file are those of the circuit, as they are for the simulator.
    pub fn is_unplaced(&self) -> bool {
        self.is_unplaced
    }

    /// Returns the number of nodes that are not recentred.
    pub fn count_not_recentred(&self) -> u64 {
        self.stated.iter().flatten().filter(|value| **value == 0.0).count() as u64
    }
}

/// Positions, µm, and rotations, one entry per node.
#[derive(Debug)]
pub struct NodePlacements {
    positions_um: [Vec<f64>; 3],
    rotation: Rotation,
    recentering: Recentering,
}

/// The columns with the orientations.
#[derive(Debug)]
enum Rotation {
    None,
    /// w, x, y, z.
    Quaternion([Vec<f64>; 4]),
    /// Radians about the fixed axes x, y, z.
    Euler([Option<Vec<f64>>; 3]),
}

/// Columns of the coordinates.
const POSITION_COLUMNS: [&str; 3] = ["x", "y", "z"];
/// Columns of the quaternion.
const QUATERNION_COLUMNS: [&str; 4] = ["orientation_w", "orientation_x", "orientation_y", "orientation_z"];
/// The attribute that, if it is 0, keeps a morphology's points at the coordinates of its file.
pub(super) const RECENTER_ATTRIBUTE: &str = "recenter";
/// Columns of the Euler angles.
const EULER_COLUMNS: [&str; 3] = ["rotation_angle_xaxis", "rotation_angle_yaxis", "rotation_angle_zaxis"];

impl NodePlacements {
    /// Reads the columns.
    ///
    /// # Errors
    /// Returns an error if a coordinate is missing, or a column has the wrong type or length.
    pub fn read(nodes: &Nodes) -> Result<Self> {
        let [x, y, z] = POSITION_COLUMNS.map(|name| nodes.read_required_floats(name));
        let (position, rotation) = ([x?, y?, z?], Rotation::read(nodes)?);
        let is_unplaced = position.iter().flatten().all(|&v| v == 0.0) && rotation.is_identity_by_quaternions();
        let recentering = Recentering { stated: nodes.read_optional_floats(RECENTER_ATTRIBUTE)?, is_unplaced };
        Ok(Self { positions_um: position, rotation, recentering })
    }

    /// Returns how the file stores orientations.
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

    /// Returns which nodes are recentred.
    pub fn recentering(&self) -> &Recentering {
        &self.recentering
    }

    /// Returns the transform of the node at a row of the population.
    ///
    /// # Errors
    /// Returns an error if a number is not finite, or the quaternion is zero.
    pub fn transform(&self, nodes: &Nodes, row: usize) -> Result<Transform> {
        let position = self.positions_um.each_ref().map(|column| value_at(column, row));
        check_finite(nodes, POSITION_COLUMNS, position, row, "a position in micrometres")?;
        Ok(Transform::new(self.rotation.quaternion_at(nodes, row)?, Point::from(position)))
    }
}

impl Rotation {
    /// Returns whether there are quaternions, and none of them rotates anything.
    fn is_identity_by_quaternions(&self) -> bool {
        let Self::Quaternion([w, rest @ ..]) = self else { return false };
        w.iter().all(|&w| w != 0.0) && rest.iter().flatten().all(|&v| v == 0.0)
    }

    /// Reads the columns; a quaternion with only some of its four columns is an error.
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

/// Returns the value at a row; the column's length has been checked before.
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
