//! Where the nodes lie and how they are turned.

use super::{Nodes, NodesProblem};
use crate::error::{Context, Result};
use crate::geometry::{Point, Quaternion, Transform};

/// Positions in um and rotations, one entry a node.
#[derive(Debug)]
pub struct Places {
    position: [Vec<f64>; 3],
    rotation: Rotation,
}

/// How the file gives the orientations.
#[derive(Debug)]
enum Rotation {
    None,
    /// w, x, y, z.
    Quaternion([Vec<f64>; 4]),
    /// Radians about the fixed x axis, then y, then z.
    Euler([Option<Vec<f64>>; 3]),
}

/// The coordinates' columns.
const POSITION: [&str; 3] = ["x", "y", "z"];
/// The quaternion's columns.
const QUATERNION: [&str; 4] = ["orientation_w", "orientation_x", "orientation_y", "orientation_z"];
/// The Euler angles' columns.
const EULER: [&str; 3] = ["rotation_angle_xaxis", "rotation_angle_yaxis", "rotation_angle_zaxis"];

impl Places {
    /// Reads the columns.
    ///
    /// # Errors
    /// A coordinate is missing, or a column is of another type or length.
    pub fn read(nodes: &Nodes) -> Result<Self> {
        let [x, y, z] = POSITION.map(|name| nodes.floats(name));
        Ok(Self { position: [x?, y?, z?], rotation: Rotation::read(nodes)? })
    }

    /// The transform of the node at a row of the population.
    ///
    /// # Errors
    /// A number that is not finite, a zero quaternion.
    pub fn transform(&self, nodes: &Nodes, row: usize) -> Result<Transform> {
        let position = self.position.each_ref().map(|column| at(column, row));
        check_finite(nodes, POSITION, position, row, "a position in micrometres")?;
        Ok(Transform { rotation: self.rotation.at(nodes, row)?, translation: Point::from(position) })
    }
}

impl Rotation {
    /// A quaternion counts only with all four columns.
    fn read(nodes: &Nodes) -> Result<Self> {
        let has = |name: &&str| nodes.file.has(&nodes.dataset(name));
        if QUATERNION.iter().all(has) {
            let [w, x, y, z] = QUATERNION.map(|name| nodes.floats(name));
            return Ok(Self::Quaternion([w?, x?, y?, z?]));
        }
        if EULER.iter().any(has) {
            let [x, y, z] = EULER.map(|name| has(&name).then(|| nodes.floats(name)).transpose());
            return Ok(Self::Euler([x?, y?, z?]));
        }
        Ok(Self::None)
    }

    fn at(&self, nodes: &Nodes, row: usize) -> Result<Quaternion> {
        match self {
            Self::None => Ok(Quaternion::IDENTITY),
            Self::Quaternion(columns) => {
                let [w, x, y, z] = columns.each_ref().map(|column| at(column, row));
                Quaternion::new(w, x, y, z).at("node", row as u64).in_file(nodes.file.path())
            }
            Self::Euler(columns) => {
                let angles = columns.each_ref().map(|column| column.as_ref().map_or(0.0, |c| at(c, row)));
                check_finite(nodes, EULER, angles, row, "an angle in radians")?;
                let [x, y, z] = angles;
                Ok(Quaternion::from_euler(x, y, z))
            }
        }
    }
}

/// The value at a row that the column's length has been checked for.
fn at(column: &[f64], row: usize) -> f64 {
    column.get(row).copied().unwrap_or(f64::NAN)
}

fn check_finite(nodes: &Nodes, names: [&str; 3], values: [f64; 3], row: usize, expected: &'static str) -> Result<()> {
    match names.iter().zip(values).find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((name, found)) => {
            let problem = NodesProblem::NotFinite { expected, found };
            Err(nodes.file.error_at(&nodes.dataset(name), row, problem))
        }
    }
}
