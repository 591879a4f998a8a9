//! The position and orientation of a head in the circuit's frame, for all contacts of head methods.
//!
//! ```json
//! {"center": [0, -78500, 0], "up": [0, 1, 0], "front": [0, 0, 1],
//!  "radii": [79000, 80000, 85000, 90000], "conductivities": [0.33, 1.65, 0.0165, 0.33]}
//! ```
//!
//! | key | value | default |
//! |---|---|---|
//! | `center` | centre of the head's spheres in the circuit's frame, µm | none |
//! | `up`, `front` | directions of the vertex and the nose in the circuit's frame | `[0, 0, 1]`, `[0, 1, 0]` |
//! | `radii` | of brain, CSF, skull, scalp, µm | those of [`head`](crate::methods::head) |
//! | `conductivities` | of brain, CSF, skull, scalp, S/m | those of [`head`](crate::methods::head) |
//!
//! Directions have any length. `front` is made perpendicular to `up`. They are used only where contacts are placed by
//! name (`leadfield electrodes cap`): spheres look the same from all sides.

use std::path::Path;

use serde_json::Value;

use super::raw_value::{RawValue, describe_json, parse_document};
use super::settings::{parse_direction, parse_position_um, parse_radii_um, parse_shell_conductivities};
use super::{ConfiguredElectrode, ElectrodeProblem};
use crate::error::{Context, Error, ErrorLocation, Problem, Result, join_quoted};
use crate::geometry::Point;
use crate::io::input_file;
use crate::methods::SettingKind;
use crate::methods::head::HeadSettings;

/// A head in the circuit's frame; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeadPose {
    /// Centre, radii and conductivities; those that the file does not have are missing.
    pub settings: HeadSettings,
    /// Direction of the vertex, a unit vector.
    pub up: Point,
    /// Direction of the nose, a unit vector perpendicular to `up`.
    pub front: Point,
}

/// Problems of a file with a head's pose.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadPoseProblem {
    /// The text is not JSON.
    #[error("no valid JSON at column {column}: {message}")]
    Syntax {
        /// Its column, from 1.
        column: usize,
        /// The parser's message.
        message: String,
    },
    /// The document is not an object.
    #[error("no head pose, expected an object with `center`, found {0}")]
    NotAnObject(String),
    /// A key is unknown.
    #[error("unknown key `{found}`, expected {}", join_quoted(KEYS, usize::MAX))]
    UnknownKey {
        /// The key.
        found: String,
    },
    /// The centre is missing.
    #[error("no `center`, expected the centre of the head in the circuit's frame (three numbers, µm), found none")]
    NoCenter,
    /// The directions do not determine the rotation.
    #[error("`front` is parallel to `up`, expected another direction")]
    Parallel,
    /// No contact uses the head.
    #[error("head pose is not used, expected a contact of a method with a head, found none")]
    Unused,
}

impl Problem for HeadPoseProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unused => Some("leave `--head-pose` out, or choose the type `FourSphere` or `MEG`".into()),
            Self::Syntax { .. } | Self::Parallel => None,
            _ => Some("for example `{\"center\": [0, -78500, 0], \"up\": [0, 1, 0], \"front\": [0, 0, 1]}`".into()),
        }
    }
}

/// The keys of a file.
const KEYS: [&str; 5] = ["center", "up", "front", "radii", "conductivities"];

impl HeadPose {
    /// Reads a file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, is not JSON, or has a key twice or an invalid value.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = input_file::read_text(path)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| ElectrodeProblem::NoText);
        text.map_err(Error::from).and_then(Self::parse).in_file(path)
    }

    fn parse(text: &str) -> Result<Self> {
        let document = parse_document(text).map_err(|error| {
            let text = error.to_string();
            let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_string();
            let place = ErrorLocation::default().with_item("line").with_index(error.line() as u64);
            Error::new(place, HeadPoseProblem::Syntax { column: error.column(), message })
        })?;
        let Value::Object(members) = &document else {
            return Err(HeadPoseProblem::NotAnObject(describe_json(&document)).into());
        };
        if let Some(unknown) = members.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(HeadPoseProblem::UnknownKey { found: unknown.clone() }.into());
        }
        let get = |key: &str| members.get(key).filter(|value| !value.is_null()).map(RawValue::Json);
        let direction = |key, default| get(key).map_or(Ok(default), |value| parse_direction(key, value));
        let center = get("center").ok_or(HeadPoseProblem::NoCenter)?;
        let (up, front) = (direction("up", UP)?, direction("front", FRONT)?);
        Ok(Self {
            settings: HeadSettings {
                center_um: Some(parse_position_um("center", center)?),
                radii_um: get("radii").map(|value| parse_radii_um("radii", value)).transpose()?,
                conductivities: get("conductivities")
                    .map(|value| parse_shell_conductivities("conductivities", value))
                    .transpose()?,
            },
            up,
            front: perpendicular_to(up, front).ok_or(HeadPoseProblem::Parallel)?,
        })
    }

    /// Returns the pose of a head at a centre, with the nose along y and the vertex along z.
    pub fn at(center_um: Point) -> Self {
        let settings = HeadSettings { center_um: Some(center_um), ..HeadSettings::default() };
        Self { settings, up: UP, front: FRONT }
    }

    /// Returns the direction, in the circuit's frame, of one in the head's frame: x to the right ear, y to the nose, z to
    /// the vertex.
    pub fn rotate(&self, direction: Point) -> Point {
        self.front.cross(self.up) * direction.x + self.front * direction.y + self.up * direction.z
    }

    /// Gives the head to all contacts whose methods need one; settings of a contact have priority.
    ///
    /// # Errors
    /// Returns [`HeadPoseProblem::Unused`] if no contact needs a head.
    pub fn assign(&self, electrodes: &mut [ConfiguredElectrode]) -> Result<()> {
        let mut used = false;
        for ConfiguredElectrode { electrode, contact } in electrodes {
            if electrode.method.accepted_settings().contains(&SettingKind::HeadCenter) {
                contact.head = contact.head.or(self.settings);
                used = true;
            }
        }
        if used { Ok(()) } else { Err(HeadPoseProblem::Unused.into()) }
    }
}

/// Direction of the vertex if none is given.
const UP: Point = Point::new(0.0, 0.0, 1.0);

/// Direction of the nose if none is given.
const FRONT: Point = Point::new(0.0, 1.0, 0.0);

/// Smallest sine of the angle between two directions that are not parallel.
const MIN_SINE: f64 = 1e-3;

/// Returns the part of a unit vector that is perpendicular to another one, with the length 1; `None` if they are
/// parallel.
fn perpendicular_to(axis: Point, vector: Point) -> Option<Point> {
    let across = vector - axis * vector.dot(axis);
    let length = across.norm();
    (length > MIN_SINE).then(|| across / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        HeadPose::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_head_has_a_centre_and_two_directions() {
        let text =
            r#"{"center": [1, -78500, 2], "up": [0, 2, 0], "front": [0, 1, 5], "radii": [70e3, 71e3, 72e3, 73e3]}"#;
        let pose = HeadPose::parse(text).unwrap();
        assert_eq!((pose.up, pose.front), (Point::new(0.0, 1.0, 0.0), Point::new(0.0, 0.0, 1.0)));
        assert_eq!(pose.settings.to_head().unwrap().scalp_radius_um(), 73e3);
        // vertex, nose and the right ear, which is nose x vertex
        assert_eq!(pose.rotate(UP), pose.up);
        assert_eq!(pose.rotate(FRONT), pose.front);
        assert_eq!(pose.rotate(Point::new(1.0, 0.0, 0.0)), Point::new(-1.0, 0.0, 0.0));
        let plain = HeadPose::parse(r#"{"center": [1, 2, 3]}"#).unwrap();
        assert_eq!(plain, HeadPose::at(Point::new(1.0, 2.0, 3.0)));
        let p = Point::new(0.3, 0.4, 0.5);
        assert_eq!(plain.rotate(p), p);
    }

    #[test]
    fn wrong_poses_are_reported() {
        assert_eq!(refused("[1, 2]"), "no head pose, expected an object with `center`, found a list");
        assert_eq!(
            refused("{\"centre\": [0, 0, 0]}"),
            "unknown key `centre`, expected `center`, `up`, `front`, `radii`, `conductivities`"
        );
        assert_eq!(
            refused("{}"),
            "no `center`, expected the centre of the head in the circuit's frame (three numbers, µm), found none"
        );
        let at = |rest: &str| refused(&format!("{{\"center\": [0, 0, 0], {rest}}}"));
        assert_eq!(at("\"front\": [0, 0, -4]"), "`front` is parallel to `up`, expected another direction");
        assert_eq!(at("\"up\": [0, 0]"), "wrong `up`, expected three numbers, not all 0, found a list");
        assert_eq!(
            at("\"radii\": [2, 1, 3, 4]"),
            "wrong `radii`, expected four increasing numbers from above 0 to 1e9 µm (brain, CSF, skull, scalp), \
             found a list"
        );
        assert_eq!(
            at("\"up\": [\"a\", 1, 0]"),
            "wrong `up`, expected three numbers, not all 0, found a list with the string `a`"
        );
        assert!(refused("{\"center\": ").starts_with("line[1]: no valid JSON at column 11"));
        // the error is where the second key ends
        assert_eq!(
            refused("{\"center\": [0, 0, 0],\n \"center\": [1, 0, 0]}"),
            "line[2]: no valid JSON at column 9: key `center` occurs twice"
        );
    }
}
