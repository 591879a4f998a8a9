//! Assigns lead fields to contacts, and opens each file once.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::{ConfiguredElectrode, Electrode};
use crate::error::{Error, Problem, Result};
use crate::geometry::{Aabb, Point, Quaternion, Transform};
use crate::lead_field::{self, LeadField, OutsideField, Quantity};

/// Lead field files for contacts, and how to read them.
///
/// A contact's field is the first of these: the entry of `named_files` with the contact's name; the value of its
/// setting `field`, which is a name in `named_files` or a file relative to `electrodes_folder`; the entry of
/// `field_files`.
#[derive(Debug, Clone, Copy)]
pub struct LeadFieldAssignment<'a> {
    /// Empty, one file for all contacts whose method needs a field, or one for each of them in file order.
    pub field_files: &'a [PathBuf],
    /// Files with names.
    pub named_files: &'a [NamedFieldFile],
    /// The folder of the electrodes file.
    pub electrodes_folder: &'a Path,
    /// The box around all segments, µm; parts of a field outside it are not read.
    pub bounds_um: Aabb,
    /// Transforms a point from the field's frame to the circuit's; `None` if they are the same.
    pub placement: Option<FieldPlacement>,
    /// The current that produced the fields, nA; `None` uses the current in each file.
    pub current_na: Option<f64>,
    /// What methods do for a point outside a field.
    pub outside_field: OutsideField,
}

/// A file and its name: `NAME=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFieldFile {
    /// Name of a contact, or value of contacts' setting `field`.
    pub name: String,
    /// The file.
    pub file: PathBuf,
}

/// The position of a field in the circuit: `w,x,y,z,dx,dy,dz`, a quaternion and a shift in µm.
#[derive(Debug, Clone, Copy)]
pub struct FieldPlacement(pub Transform);

/// Problems of the assignment of lead fields.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeadFieldAssignmentProblem {
    /// The number of files is neither one nor that of the contacts.
    #[error("wrong number of lead fields, expected {}, found {found}", describe_expected_count(*.contacts))]
    Number {
        /// Number of contacts whose method needs a field.
        contacts: usize,
        /// Number of given files.
        found: usize,
    },
    /// The text is not `NAME=FILE`.
    #[error("wrong lead field, expected `NAME=FILE`, found `{0}`")]
    Named(String),
    /// No contact has or refers to the name, or the name is given twice.
    #[error("unused lead field, expected the name of a contact that needs one, each name once, found `{0}`")]
    Unused(String),
    /// A setting of lead fields, and no contact has one.
    #[error("{0} of lead fields, expected none (no contact has a lead field), found one")]
    UnusedSetting(&'static str),
    /// The text is not a rotation and a shift.
    #[error("wrong transform, expected `w,x,y,z,dx,dy,dz`: a quaternion other than 0 and a shift in µm, found `{0}`")]
    Placement(String),
}

fn describe_expected_count(contacts: usize) -> String {
    match contacts {
        0 => "none (no contact needs one)".into(),
        1 => "1".into(),
        n => format!("1 or {n} (one for each contact that needs one)"),
    }
}

impl Problem for LeadFieldAssignmentProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Number { contacts: 1.., .. } => {
                Some("give `--fields` one file for all such contacts, or one for each, in file order".into())
            }
            _ => None,
        }
    }
}

impl FromStr for NamedFieldFile {
    type Err = LeadFieldAssignmentProblem;

    fn from_str(text: &str) -> Result<Self, LeadFieldAssignmentProblem> {
        match text.split_once('=') {
            Some((name, file)) if !name.is_empty() && !file.is_empty() => {
                Ok(Self { name: name.into(), file: file.into() })
            }
            _ => Err(LeadFieldAssignmentProblem::Named(text.into())),
        }
    }
}

impl FromStr for FieldPlacement {
    type Err = LeadFieldAssignmentProblem;

    fn from_str(text: &str) -> Result<Self, LeadFieldAssignmentProblem> {
        let wrong = || LeadFieldAssignmentProblem::Placement(text.into());
        let numbers: Vec<f64> =
            text.split(',').map(|n| n.trim().parse()).collect::<Result<_, _>>().map_err(|_| wrong())?;
        let [w, x, y, z, dx, dy, dz] = <[f64; 7]>::try_from(numbers).map_err(|_| wrong())?;
        let translation = Point::new(dx, dy, dz);
        match Quaternion::new(w, x, y, z) {
            Ok(rotation) if translation.is_finite() => Ok(Self(Transform::new(rotation, translation))),
            _ => Err(wrong()),
        }
    }
}

impl LeadFieldAssignment<'_> {
    /// Assigns lead fields to contacts, and returns all fields. Each file is opened once, and only the quantities that
    /// the contacts' methods need are read. A contact without a field is not changed: its method reports the error.
    ///
    /// # Errors
    /// Returns a [`LeadFieldAssignmentProblem`], or an error if a file cannot be read.
    pub fn attach_fields(&self, electrodes: &mut [ConfiguredElectrode]) -> Result<Vec<Arc<LeadField>>> {
        let files = self.files_by_contact(electrodes)?;
        if files.iter().all(Option::is_none)
            && !electrodes.iter().any(|e| e.electrode.method.required_field().is_some())
        {
            let unused = self.placement.map(|_| "transform").or(self.current_na.map(|_| "current"));
            if let Some(setting) = unused {
                return Err(LeadFieldAssignmentProblem::UnusedSetting(setting).into());
            }
        }
        let mut opened: Vec<(&Path, Arc<LeadField>)> = Vec::new();
        for i in 0..electrodes.len() {
            let Some(file) = files.get(i).and_then(Option::as_ref) else { continue };
            let known = opened.iter().find(|(path, _)| path == file).map(|(_, field)| field.clone());
            let field = match known {
                Some(field) => field,
                None => self.open_field(file, &required_quantities(file, electrodes, &files))?,
            };
            if !opened.iter().any(|(path, _)| path == file) {
                opened.push((file, field.clone()));
            }
            if let Some(ConfiguredElectrode { contact, .. }) = electrodes.get_mut(i) {
                (contact.lead_field, contact.outside_field) = (Some(field), self.outside_field);
            }
        }
        Ok(opened.into_iter().map(|(_, field)| field).collect())
    }

    fn open_field(&self, file: &Path, quantities: &[Quantity]) -> Result<Arc<LeadField>> {
        let placement = self.placement.map(|FieldPlacement(transform)| transform);
        let request = lead_field::LeadFieldRequest {
            quantities,
            lookup_bounds: self.bounds_um,
            placement,
            current_na: self.current_na,
        };
        let advice = "the option is `--field-current NA`";
        lead_field::read(file, &request).map(Arc::new).map_err(|e| match e.hint() {
            Some(hint) if hint.contains("as `current`") => e.with_hint(advice),
            _ => e,
        })
    }

    /// Returns the file of each contact.
    fn files_by_contact(&self, electrodes: &[ConfiguredElectrode]) -> Result<Vec<Option<PathBuf>>> {
        let users = electrodes.iter().filter(|e| e.electrode.method.required_field().is_some()).count();
        let found = self.field_files.len();
        if !(found == 0 || found == users || (found == 1 && users > 0)) {
            return Err(Error::from(LeadFieldAssignmentProblem::Number { contacts: users, found }));
        }
        let mut used = vec![false; self.named_files.len()];
        let mut listed = self.field_files.iter().cycle();
        let mut file = |e: &Electrode| {
            e.method.required_field()?;
            let common = listed.next();
            self.take_file_by_name(&e.name, &mut used)
                .or_else(|| self.file_from_setting(e, &mut used))
                .or_else(|| common.cloned())
        };
        let files = electrodes.iter().map(|e| file(&e.electrode)).collect();
        match self.named_files.iter().zip(used).find(|(_, used)| !used) {
            Some((nobodys, _)) => Err(LeadFieldAssignmentProblem::Unused(nobodys.name.clone()).into()),
            None => Ok(files),
        }
    }

    fn take_file_by_name(&self, name: &str, used: &mut [bool]) -> Option<PathBuf> {
        let (named, used) = self.named_files.iter().zip(used).find(|(named, _)| named.name == name)?;
        *used = true;
        Some(named.file.clone())
    }

    /// Returns the file that a contact's setting refers to.
    fn file_from_setting(&self, electrode: &Electrode, used: &mut [bool]) -> Option<PathBuf> {
        let field = electrode.settings.lead_field.as_ref()?;
        self.take_file_by_name(field, used).or_else(|| Some(self.electrodes_folder.join(field)))
    }
}

/// Returns the quantities that the contacts of a file need.
fn required_quantities(file: &Path, electrodes: &[ConfiguredElectrode], files: &[Option<PathBuf>]) -> Vec<Quantity> {
    let users = electrodes.iter().zip(files).filter(|(_, own)| own.as_deref() == Some(file));
    let mut quantities: Vec<Quantity> = Vec::new();
    for quantity in users.filter_map(|(e, _)| e.electrode.method.required_field()) {
        if !quantities.contains(&quantity) {
            quantities.push(quantity);
        }
    }
    quantities
}

#[cfg(test)]
mod tests {
    use super::super::{ContactExtent, configure, parse};
    use super::*;
    use crate::methods::NearField;

    const FILE: &str = "name,x,y,z,type,field\na,0,0,0,Reciprocity,\nb,0,0,0,PointSource,\n\
        c,0,0,0,DipoleReciprocity,\nd,0,0,0,Reciprocity,own.h5\n";

    fn files(listed: &[&str], named: &[&str]) -> Result<Vec<Option<String>>> {
        let listed: Vec<PathBuf> = listed.iter().map(PathBuf::from).collect();
        let named = named.iter().map(|n| n.parse()).collect::<Result<Vec<NamedFieldFile>, _>>()?;
        let (within, outside) = (Aabb::EMPTY, OutsideField::Error);
        let (listed, named, folder) = (listed.as_slice(), named.as_slice(), Path::new("in"));
        let fields = LeadFieldAssignment {
            field_files: listed,
            named_files: named,
            electrodes_folder: folder,
            bounds_um: within,
            placement: None,
            current_na: None,
            outside_field: outside,
        };
        let files = fields.files_by_contact(
            &configure(&parse(FILE.as_bytes(), ContactExtent::Point).unwrap(), &[], NearField::Unclamped).unwrap(),
        )?;
        Ok(files.into_iter().map(|file| Some(file?.to_str().unwrap().to_string())).collect())
    }

    #[track_caller]
    fn are(found: Result<Vec<Option<String>>>, expected: [&str; 4]) {
        assert_eq!(found.unwrap().into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_field_comes_from_the_name_or_the_setting_or_the_list() {
        are(files(&[], &[]), ["", "", "", "in/own.h5"]);
        are(files(&["1"], &[]), ["1", "", "1", "in/own.h5"]);
        are(files(&["1", "2", "3"], &[]), ["1", "", "2", "in/own.h5"]);
        are(files(&["1"], &["c=4", "own.h5=5"]), ["1", "", "4", "5"]);
        are(files(&[], &["d=6"]), ["", "", "", "6"]);
    }

    #[test]
    fn unused_fields_are_errors() {
        let refused = |listed: &[&str], named: &[&str]| files(listed, named).unwrap_err().to_string();
        let number = "wrong number of lead fields, expected 1 or 3 (one for each contact that needs one), found";
        assert_eq!(refused(&["1", "2"], &[]), format!("{number} 2"));
        let unused = "unused lead field, expected the name of a contact that needs one, each name once, found";
        assert_eq!(refused(&[], &["b=1"]), format!("{unused} `b`"));
        assert_eq!(refused(&[], &["a=1", "a=2"]), format!("{unused} `a`"));
        assert_eq!(refused(&[], &["a1"]), "wrong lead field, expected `NAME=FILE`, found `a1`");
    }

    #[test]
    fn a_transform_is_a_rotation_and_a_shift() {
        let FieldPlacement(half_turn) = "0,0,0,2, 1,2,3".parse().unwrap();
        assert_eq!(half_turn.apply(Point::new(1.0, 0.0, 0.0)), Point::new(0.0, 2.0, 3.0));
        for text in ["1,0,0,0,1,2", "0,0,0,0,1,2,3", "1,0,0,0,1,2,inf", "1,0,0,0,1,2,x", ""] {
            assert!(text.parse::<FieldPlacement>().unwrap_err().to_string().ends_with(&format!("found `{text}`")));
        }
    }
}
