//! Electrodes: contacts with their names, places and methods, read from CSV and JSON.

mod csv;
mod json;

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Context, FileProblem, Problem, Result, listed};
use crate::geometry::Point;
use crate::method::{self, Contact, METHODS, Method, NearField};
use crate::units::{DEFAULT_CONDUCTIVITY, SiemensPerMeter};

pub use self::csv::parse as parse_csv;
pub use self::json::parse as parse_json;

/// One contact of an electrode, as its file describes it.
#[derive(Clone)]
pub struct Electrode {
    /// Its name, unique in the file.
    pub name: String,
    /// Where it is, um.
    pub position: Point,
    /// How its coefficients are computed.
    pub method: &'static dyn Method,
    /// Cortical layer, `NA` where unknown.
    pub layer: String,
    /// Brain region, `NA` where unknown.
    pub region: String,
}

impl std::fmt::Debug for Electrode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} at {} in {}, {}", self.method.name(), self.name, self.position, self.layer, self.region)
    }
}

/// What stands for a layer or region that the file does not give.
const UNKNOWN: &str = "NA";

/// The method of a contact whose file gives no type.
const DEFAULT_METHOD: &str = "LineSource";

/// What electrodes files may be wrong in, whatever their format.
#[derive(Debug, thiserror::Error)]
pub enum ElectrodeProblem {
    /// No contact at all.
    #[error("no contacts, expected one or more, found none")]
    Empty,
    /// A coordinate is infinite or NaN.
    #[error("coordinate `{axis}` out of range, expected a finite number in um, found `{found}`")]
    NotFinite {
        /// `x`, `y` or `z`.
        axis: &'static str,
        /// The text.
        found: String,
    },
    /// A name that cannot be a group of an HDF5 file.
    #[error("name cannot be used, expected text without `/` that is neither empty nor `.` nor `..`, found `{0}`")]
    BadName(String),
    /// Two contacts of one name.
    #[error("duplicate name, expected each name once, found `{name}` here and in {first}")]
    Duplicate {
        /// The name.
        name: String,
        /// Place of the first: `line 2`.
        first: String,
    },
    /// A name that the electrodes file needs for the population's own data.
    #[error("name clashes with the population, expected another name, found `{0}`")]
    IsPopulation(String),
    /// A type that no method has.
    #[error("unknown type, expected one of {}, found `{found}`", listed(METHODS.iter().map(|m| m.name()), usize::MAX))]
    UnknownType {
        /// The type.
        found: String,
    },
    /// Neither one conductivity nor one for each contact that uses it.
    #[error("wrong number of conductivities, expected {}, found {found}", wanted(*.analytic))]
    Conductivities {
        /// Contacts that use the conductivity.
        analytic: usize,
        /// Number of values given.
        found: usize,
    },
}

/// `1`, or `1 or 4 (one for each analytic contact)`.
fn wanted(analytic: usize) -> String {
    if analytic > 1 { format!("1 or {analytic} (one for each analytic contact)") } else { "1".into() }
}

impl Problem for ElectrodeProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::IsPopulation(name) => {
                Some(format!("`/electrodes/{name}` holds the coefficients of population `{name}`: rename the contact"))
            }
            Self::Conductivities { .. } => Some("contacts take conductivities in the order of the file".into()),
            Self::BadName(_) => Some("each contact becomes a group `/electrodes/<name>` of the output".into()),
            _ => None,
        }
    }
}

/// Reads electrodes, in file order. The format is told by the content (`[` or `{` starts JSON), CSV otherwise.
///
/// # Errors
/// A missing column or key, a word for a number, a duplicate name, an unknown type, no contacts; with file and line,
/// or file and entry.
pub fn read(path: &Path) -> Result<Vec<Electrode>> {
    let bytes = std::fs::read(path).map_err(FileProblem::Read).in_file(path)?;
    parse(&bytes).in_file(path)
}

/// Parses electrodes in either format.
fn parse(bytes: &[u8]) -> Result<Vec<Electrode>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match bytes.trim_ascii_start().first() {
        Some(b'[' | b'{') => parse_json(bytes),
        _ => parse_csv(bytes),
    }
}

/// Checks that no contact has the name of a population: `/electrodes/<population>` holds its coefficients, and
/// `/electrodes/<contact>/<population>` its column.
///
/// # Errors
/// [`ElectrodeProblem::IsPopulation`], at the contact's number in the file, from 0.
pub fn check_names(electrodes: &[Electrode], populations: &[&str]) -> Result<()> {
    for (i, electrode) in (0..).zip(electrodes) {
        if populations.contains(&electrode.name.as_str()) {
            return Err(ElectrodeProblem::IsPopulation(electrode.name.clone())).at("electrode", i);
        }
    }
    Ok(())
}

/// What methods need to know of the contacts, in file order. `conductivities` holds one value for all contacts, or one
/// for each contact whose method is analytic, in file order. The other contacts get a value that their methods ignore.
///
/// # Errors
/// [`ElectrodeProblem::Conductivities`] for any other number of values.
pub fn contacts(
    electrodes: &[Electrode],
    conductivities: &[SiemensPerMeter],
    near_field: NearField,
) -> Result<Vec<Contact>> {
    let analytic = electrodes.iter().filter(|e| e.method.is_analytic()).count();
    let found = conductivities.len();
    if found != 1 && (found == 0 || found != analytic) {
        return Err(ElectrodeProblem::Conductivities { analytic, found }.into());
    }
    let mut each = conductivities.iter().copied().cycle();
    let mut contact = |e: &Electrode| Contact {
        position: e.position,
        conductivity: e.method.is_analytic().then(|| each.next()).flatten().unwrap_or(DEFAULT_CONDUCTIVITY),
        near_field,
    };
    Ok(electrodes.iter().map(&mut contact).collect())
}

/// The method of a type's name.
fn method_of(name: &str) -> Result<&'static dyn Method, ElectrodeProblem> {
    method::by_name(name).ok_or_else(|| ElectrodeProblem::UnknownType { found: name.into() })
}

/// A name as HDF5 takes it.
fn checked_name(name: &str) -> Result<String, ElectrodeProblem> {
    let bad = matches!(name, "" | "." | "..") || name.contains(['/', '\0']);
    if bad { Err(ElectrodeProblem::BadName(name.into())) } else { Ok(name.into()) }
}

/// Names seen so far, each with its place.
struct Names {
    /// What the format calls a place: `line`, `electrode`.
    object: &'static str,
    seen: HashMap<String, u64>,
}

impl Names {
    fn new(object: &'static str) -> Self {
        Self { object, seen: HashMap::new() }
    }

    /// Takes note of a name at a place.
    fn add(&mut self, name: &str, row: u64) -> Result<(), ElectrodeProblem> {
        match self.seen.insert(name.into(), row) {
            Some(first) => {
                let first = format!("{} {first}", self.object);
                Err(ElectrodeProblem::Duplicate { name: name.into(), first })
            }
            None => Ok(()),
        }
    }
}

/// Electrodes of a file, unless there are none.
fn not_empty(electrodes: Vec<Electrode>) -> Result<Vec<Electrode>> {
    if electrodes.is_empty() { Err(ElectrodeProblem::Empty.into()) } else { Ok(electrodes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMED: &str = "name,x,y,z,type\na,1,2,3,PointSource\nb,4,5,6,LineSource\n";

    fn sigma(values: &[f64]) -> Vec<SiemensPerMeter> {
        values.iter().map(|v| SiemensPerMeter::new(*v).unwrap()).collect()
    }

    #[test]
    fn the_content_tells_the_format() {
        let from_csv = parse(NAMED.as_bytes()).unwrap();
        let json = "\u{feff} \n[{\"name\": \"a\", \"x\": 1, \"y\": 2, \"z\": 3, \"type\": \"PointSource\"},
                    {\"name\": \"b\", \"x\": 4, \"y\": 5, \"z\": 6}]";
        assert_eq!(format!("{from_csv:?}"), format!("{:?}", parse(json.as_bytes()).unwrap()));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read(Path::new("no/such.csv")).unwrap_err();
        assert_eq!(error.to_string(), "no/such.csv: cannot be read: no such file or directory");
    }

    #[test]
    fn a_file_s_errors_name_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.csv");
        std::fs::write(&path, "name,x,y,z\n0,1,2,three\n").unwrap();
        let expected = format!("{}: line[2]: coordinate `z` is no number, expected um, found `three`", path.display());
        assert_eq!(read(&path).unwrap_err().to_string(), expected);
    }

    #[test]
    fn one_conductivity_serves_all_contacts_and_several_go_in_file_order() {
        let electrodes = parse(NAMED.as_bytes()).unwrap();
        let of = |values: &[f64]| contacts(&electrodes, &sigma(values), NearField::Exact).unwrap();
        assert_eq!(of(&[0.3]).iter().map(|c| c.conductivity.get()).collect::<Vec<_>>(), [0.3, 0.3]);
        let two = of(&[0.3, 0.4]);
        assert_eq!(two.iter().map(|c| c.conductivity.get()).collect::<Vec<_>>(), [0.3, 0.4]);
        assert_eq!(two[1].position, Point::new(4.0, 5.0, 6.0));
        assert_eq!(two[1].near_field, NearField::Exact);
    }

    #[test]
    fn any_other_number_of_conductivities_is_refused() {
        let electrodes = parse(NAMED.as_bytes()).unwrap();
        for (values, found) in [(&[][..], 0), (&[0.1, 0.2, 0.3], 3)] {
            assert_eq!(
                contacts(&electrodes, &sigma(values), NearField::Radius).unwrap_err().to_string(),
                format!(
                    "wrong number of conductivities, expected 1 or 2 (one for each analytic contact), found {found}"
                )
            );
        }
        assert_eq!(
            contacts(&electrodes[..1], &sigma(&[0.1, 0.2]), NearField::Radius).unwrap_err().to_string(),
            "wrong number of conductivities, expected 1, found 2"
        );
    }

    #[test]
    fn a_contact_cannot_have_the_name_of_a_population() {
        let electrodes = parse(NAMED.as_bytes()).unwrap();
        check_names(&electrodes, &["cortex", "c"]).unwrap();
        let error = check_names(&electrodes, &["cortex", "b"]).unwrap_err();
        assert_eq!(
            format!("{error:?}"),
            "electrode[1]: name clashes with the population, expected another name, found `b`\n\
             hint: `/electrodes/b` holds the coefficients of population `b`: rename the contact"
        );
    }
}
