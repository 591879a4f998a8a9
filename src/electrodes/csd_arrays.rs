//! Assigns contacts to arrays: by array name, by given ranges, or one array for all contacts of a method.

use super::{ConfiguredElectrode, Electrode};
use crate::error::{Problem, Result};
use crate::methods::SettingKind;
use crate::methods::objective_csd::{NeighbourRule, RegionOverrides};

/// A range of consecutive contacts in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactRange {
    /// Index of the first contact, from 0.
    pub first: usize,
    /// Index after the last contact.
    pub end: usize,
}

/// Problems of array ranges.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArrayProblem {
    /// The text is not a range.
    #[error("wrong array, expected `first:end` with first below end, found `{0}`")]
    Syntax(String),
    /// The range ends after the last contact.
    #[error("array outside the electrodes, expected an end of at most {contacts}, found `{first}:{end}`")]
    Outside {
        /// Number of contacts.
        contacts: usize,
        /// Start of the range.
        first: usize,
        /// End of the range.
        end: usize,
    },
    /// No contact of the range can have an array.
    #[error("array without effect, expected a contact of a method with arrays in `{first}:{end}`, found none")]
    NoMember {
        /// Start of the range.
        first: usize,
        /// End of the range.
        end: usize,
    },
    /// A contact is in two ranges.
    #[error("arrays overlap, expected each contact in one, found `{contact}` in two")]
    Overlap {
        /// The contact's name.
        contact: String,
    },
}

impl Problem for ArrayProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoMember { .. } => None,
            Self::Overlap { .. } => Some("the end is excluded: `--csd-array 0:8 --csd-array 8:16`".into()),
            Self::Syntax(_) | Self::Outside { .. } => {
                Some("contacts count from 0 in file order, the end is excluded: `--csd-array 0:8`".into())
            }
        }
    }
}

impl std::str::FromStr for ContactRange {
    type Err = ArrayProblem;

    fn from_str(text: &str) -> Result<Self, ArrayProblem> {
        let bounds = text.split_once(':').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        match bounds {
            Some((first, end)) if first < end => Ok(Self { first, end }),
            _ => Err(ArrayProblem::Syntax(text.into())),
        }
    }
}

/// Returns the region settings of a contact; array names become numbers from 1, and 0 means no name.
pub(super) fn region_overrides(electrode: &Electrode, all: &[Electrode]) -> RegionOverrides {
    let settings = &electrode.settings;
    let name = settings.array.as_ref();
    let first = name.and_then(|name| all.iter().position(|e| e.settings.array.as_ref() == Some(name)));
    RegionOverrides {
        radius_um: settings.radius_um,
        thickness_um: settings.thickness_um,
        array_number: first.map_or(0, |first| first + 1),
        measure: settings.measure.unwrap_or_default(),
        density: settings.density.unwrap_or_default(),
        spacing: NeighbourRule::default(),
    }
}

/// Assigns the contacts of each range to a separate array, and sets the neighbour rule for all. An array name of a
/// contact has priority; contacts in no range form one array.
///
/// # Errors
/// Returns an [`ArrayProblem`] if a range ends after the last contact, contains no contact of a method with arrays, or
/// overlaps another.
pub fn assign_arrays(
    electrodes: &mut [ConfiguredElectrode],
    ranges: &[ContactRange],
    spacing: NeighbourRule,
) -> Result<(), ArrayProblem> {
    electrodes.iter_mut().for_each(|e| e.contact.csd_region.spacing = spacing);
    let count = electrodes.len();
    let mut taken = vec![false; count];
    for (number, &ContactRange { first, end }) in ranges.iter().enumerate() {
        let outside = ArrayProblem::Outside { contacts: count, first, end };
        let members = first..end;
        let (Some(range), Some(taken)) = (electrodes.get_mut(members.clone()), taken.get_mut(members)) else {
            return Err(outside);
        };
        if !range.iter().any(|e| takes_array(&e.electrode)) {
            return Err(ArrayProblem::NoMember { first, end });
        }
        for (ConfiguredElectrode { electrode, contact }, taken) in range.iter_mut().zip(taken) {
            if std::mem::replace(taken, true) {
                return Err(ArrayProblem::Overlap { contact: electrode.name.clone() });
            }
            if electrode.settings.array.is_none() {
                // array numbers from names are at most `count`, so these do not collide
                contact.csd_region.array_number = count + 1 + number;
            }
        }
    }
    Ok(())
}

fn takes_array(electrode: &Electrode) -> bool {
    electrode.method.accepted_settings().contains(&SettingKind::Array)
}

#[cfg(test)]
mod tests {
    use super::super::{ContactExtent, configure, parse};
    use super::*;
    use crate::methods::NearField;

    const FILE: &str = "name,x,y,z,type,array\n\
        a,0,0,0,ObjectiveCSD_Plane,\nb,0,9,0,ObjectiveCSD_Plane,\nc,0,18,0,ObjectiveCSD_Plane,left\n\
        d,0,27,0,PointSource,\ne,0,36,0,ObjectiveCSD_Plane,left\n";

    fn numbers(ranges: &[&str]) -> Result<Vec<usize>, ArrayProblem> {
        let electrodes = parse(FILE.as_bytes(), ContactExtent::Point).unwrap();
        let mut contacts = configure(&electrodes, &[], NearField::ClampToRadius).unwrap();
        let ranges = ranges.iter().map(|r| r.parse()).collect::<Result<Vec<ContactRange>, _>>()?;
        assign_arrays(&mut contacts, &ranges, NeighbourRule::FileOrder)?;
        assert!(contacts.iter().all(|e| e.contact.csd_region.spacing == NeighbourRule::FileOrder));
        Ok(contacts.iter().map(|e| e.contact.csd_region.array_number).collect())
    }

    #[test]
    fn arrays_come_from_names_or_ranges_or_the_remaining_contacts() {
        let together = |n: &[usize]| [(0, 1), (0, 2), (2, 4)].map(|(a, b)| n[a] == n[b]);
        assert_eq!(together(&numbers(&[]).unwrap()), [true, false, true]);
        assert_eq!(together(&numbers(&["1:4"]).unwrap()), [false, false, true]);
        assert_eq!(together(&numbers(&["0:2", "2:5"]).unwrap()), [true, false, true]);
    }

    #[test]
    fn invalid_ranges_are_errors() {
        let refused = |ranges: &[&str]| numbers(ranges).unwrap_err().to_string();
        for text in ["2", "2:2", "3:1", "a:2", "-1:2", ":", "1:2:3"] {
            let expected = "wrong array, expected `first:end` with first below end, found";
            assert_eq!(refused(&[text]), format!("{expected} `{text}`"));
        }
        assert_eq!(refused(&["3:6"]), "array outside the electrodes, expected an end of at most 5, found `3:6`");
        assert_eq!(
            refused(&["3:4"]),
            "array without effect, expected a contact of a method with arrays in `3:4`, found none"
        );
        assert_eq!(refused(&["0:2", "1:3"]), "arrays overlap, expected each contact in one, found `b` in two");
    }
}
