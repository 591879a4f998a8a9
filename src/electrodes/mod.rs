//! Electrodes: contacts with their names, positions and methods, read from CSV and JSON.

pub mod atlas;
pub mod cap;
#[doc(hidden)]
pub mod csd_arrays;
#[doc(hidden)]
pub mod csd_regions;
mod csv;
mod electrode_list;
mod electrode_type;
pub mod head_pose;
mod header;
mod json;
#[doc(hidden)]
pub mod lead_field_files;
mod length_unit;
pub mod probe;
mod probeinterface;
mod problem;
mod raw_value;
mod record;
mod settings;
mod text;
mod writer;

use std::path::Path;

use crate::error::{Context, Error, Result};
use crate::file_kind::{FileKind, name_wrong_kind};
use crate::geometry::Point;
use crate::io::input_file;
use crate::methods::medium::Conductivity;
use crate::methods::{Contact, Method, NearField};
use crate::units::DEFAULT_CONDUCTIVITY;

pub use self::electrode_list::Electrodes;
pub use self::electrode_type::{ElectrodeType, parse as parse_type};
pub use self::length_unit::LengthUnit;
pub use self::probeinterface::ContactExtent;
pub use self::problem::ElectrodeProblem;
pub use self::record::UNKNOWN_REGION;
pub use self::settings::{ElectrodeSettings, Reference};
pub use self::writer::{save, to_csv, to_json, to_probeinterface};

/// One contact of an electrode, as its file describes it.
#[derive(Clone)]
pub struct Electrode {
    /// Name, unique in the file and valid for an HDF5 group.
    pub name: String,
    /// Position, µm.
    pub position_um: Point,
    /// The method that computes its weights.
    pub method: &'static dyn Method,
    /// Cortical layer; `NA` if unknown.
    pub layer: String,
    /// Brain region; `NA` if unknown.
    pub region: String,
    /// Settings of this contact.
    pub settings: ElectrodeSettings,
}

/// How a file of contacts is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// How shapes of probeinterface's contacts are used.
    pub extent: ContactExtent,
    /// The unit of lengths, unless the file states it; micrometres if it is not given.
    pub unit: Option<LengthUnit>,
}

/// The contacts of a file, and warnings about the file.
#[derive(Clone)]
pub struct ParsedElectrodes {
    /// The contacts, in file order.
    pub electrodes: Vec<Electrode>,
    /// Warnings, with file and line or entry: columns that are not used, an assumed encoding.
    pub warnings: Vec<Error>,
}

/// Reads electrodes as point contacts, in file order. The format is detected from the content.
///
/// | format | detected by | content |
/// |---|---|---|
/// | CSV | anything else | header `name,x,y,z,layer,region,type` in any order; the first cell may be empty: `name` |
/// | BMTK | a header without commas, semicolons and tabs | `channel x_pos y_pos z_pos`, separated by blanks; other columns as in CSV |
/// | JSON | `[` | a list of objects with the keys `name`, `x`, `y`, `z` and the others of CSV |
/// | probeinterface | `{` | contacts of all probes; see [`ReadOptions::extent`] |
///
/// Layer and region default to `NA`, the type to `LineSource`; positions are in µm, unless a column or key states
/// another unit (`x [mm]`, `x_mm`). Further columns or keys are [`ElectrodeSettings`]; others are not used. Case does
/// not matter. Tables may have semicolons or tabs, decimal commas, empty rows and columns and a row index; the text is
/// UTF-8, UTF-16 or Latin-1.
///
/// # Errors
/// Returns an error if a column is missing or misspelt, a value is not a number, a name is duplicate, a type is unknown,
/// a setting does not apply to the type, or there are no rows. The error has the file and the line (CSV: from 1) or
/// entry (JSON: from 0).
pub fn read(path: &Path) -> Result<Vec<Electrode>> {
    Ok(read_with_options(path, &ReadOptions::default())?.electrodes)
}

/// Reads electrodes as [`read`] does, with options, and returns warnings.
///
/// # Errors
/// Returns the errors of [`read`], and an error if the file states another unit than the options.
pub fn read_with_options(path: &Path, options: &ReadOptions) -> Result<ParsedElectrodes> {
    name_wrong_kind(read_file(path, options), path, CONTACT_KINDS)
}

/// The kinds of files that [`read`] accepts.
const CONTACT_KINDS: &[FileKind] = &[FileKind::ContactTable, FileKind::ContactList, FileKind::Probeinterface];

fn read_file(path: &Path, options: &ReadOptions) -> Result<ParsedElectrodes> {
    let bytes = input_file::read_text(path)?;
    let mut parsed = parse_bytes(&bytes, options).in_file(path)?;
    parsed.warnings = parsed.warnings.into_iter().map(|warning| warning.in_file(path)).collect();
    Ok(parsed)
}

/// Reads electrodes as [`read_with_options`] does, from the bytes of such a file.
///
/// # Errors
/// Returns the errors of [`read_with_options`], except those of reading a file.
pub fn from_bytes(bytes: &[u8], options: &ReadOptions) -> Result<ParsedElectrodes> {
    parse_bytes(bytes, options)
}

fn parse_bytes(bytes: &[u8], options: &ReadOptions) -> Result<ParsedElectrodes> {
    let decoded = text::decode(bytes)?;
    let text = decoded.text.as_ref();
    let mut parsed = if text.trim_start().starts_with(['[', '{']) {
        json::parse(text, options.extent, options.unit)?
    } else {
        csv::parse(text, options.unit)?
    };
    if decoded.is_assumed_latin1 {
        parsed.warnings.insert(0, ElectrodeProblem::AssumedLatin1.into());
    }
    Ok(parsed)
}

/// Parses contacts in micrometres, for tests.
#[cfg(test)]
fn parse(bytes: &[u8], extent: ContactExtent) -> Result<Vec<Electrode>> {
    parse_bytes(bytes, &ReadOptions { extent, unit: None }).map(|parsed| parsed.electrodes)
}

/// Checks contacts that were not read by [`read`].
///
/// # Errors
/// Returns an error if a name is not valid for an HDF5 group or is used twice, if a setting does not apply to the type,
/// or if there are no contacts.
pub fn validate_electrodes(electrodes: Vec<Electrode>) -> Result<Vec<Electrode>> {
    record::validate_rows("contact", (0..).zip(electrodes).collect())
}

/// Checks that positions are float32 numbers, as which electrodes files have them.
///
/// # Errors
/// Returns an error for the first position that is not.
pub fn check_positions(electrodes: &[Electrode]) -> Result<()> {
    let too_large = |e: &Electrode| e.position_um.to_array().into_iter().find(|v| !(*v as f32).is_finite());
    match electrodes.iter().find_map(|e| Some((e, too_large(e)?))) {
        Some((e, found)) => Err(ElectrodeProblem::Position { name: e.name.clone(), found }.into()),
        None => Ok(()),
    }
}

/// Returns the method and settings of a type such as `LineSource` or `ObjectiveCSD_Disk_200`.
///
/// # Errors
/// Returns an error if there is no such method, or if the text after its name is not its sizes.
pub fn parse_method_type(text: &str) -> Result<(&'static dyn Method, ElectrodeSettings)> {
    let kind = parse_type(text)?;
    Ok((kind.find_method()?, kind.add_sizes_to(ElectrodeSettings::default())?))
}

/// Checks that no contact has the name of a population, because both are groups under `/electrodes` of the electrodes
/// file.
///
/// # Errors
/// Returns an error for the first such contact.
pub fn check_names(electrodes: &[Electrode], populations: &[&str]) -> Result<()> {
    match electrodes.iter().find(|e| populations.contains(&e.name.as_str())) {
        Some(taken) => Err(ElectrodeProblem::PopulationName(taken.name.clone()).into()),
        None => Ok(()),
    }
}

/// An electrode with all that its method uses, from the options of the run and from the electrode's own settings.
#[derive(Clone)]
pub struct ConfiguredElectrode {
    /// The electrode, as its file describes it.
    pub electrode: Electrode,
    /// What its method uses.
    pub contact: Contact,
}

/// Configures electrodes for their methods, in file order.
/// [`lead_field_files::LeadFieldAssignment::attach_fields`] opens lead fields, and [`csd_arrays::assign_arrays`] sets
/// arrays that the contacts do not name.
///
/// `conductivities` is empty (all contacts have [`DEFAULT_CONDUCTIVITY`]), or has one value for all, or one for each
/// contact of an analytic method ([`Method::uses_conductivity`]) in file order. A conductivity in a contact's settings
/// has priority.
///
/// # Errors
/// Returns an error if the number of conductivities is wrong.
pub fn configure(
    electrodes: &[Electrode],
    conductivities: &[Conductivity],
    near_field: NearField,
) -> Result<Vec<ConfiguredElectrode>> {
    let analytic = electrodes.iter().filter(|e| e.method.uses_conductivity()).count();
    let default = Conductivity::from(DEFAULT_CONDUCTIVITY);
    let mut remaining = conductivities.iter().copied();
    let common = match conductivities {
        [] => Some(default),
        [one] => Some(*one),
        several if several.len() == analytic => None,
        several => return Err(Error::from(ElectrodeProblem::Conductivities { analytic, found: several.len() })),
    };
    let mut conductivity = |e: &Electrode| match common {
        None if e.method.uses_conductivity() => remaining.next().unwrap_or(default),
        common => common.unwrap_or(default),
    };
    let mut configure_one = |e: &Electrode| {
        let given = conductivity(e);
        let contact = Contact {
            conductivity: e.settings.conductivity.unwrap_or(given),
            boundary: e.settings.boundary,
            slice: e.settings.slice,
            disc: e.settings.disc,
            near_field,
            name: e.name.clone(),
            csd_region: csd_arrays::region_overrides(e, electrodes),
            head: e.settings.head,
            coil_normal: e.settings.coil_normal,
            dipole_axis: e.settings.dipole_axis,
            ..Contact::new(e.position_um)
        };
        ConfiguredElectrode { electrode: e.clone(), contact }
    };
    Ok(electrodes.iter().map(&mut configure_one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn electrodes(text: &str) -> Vec<Electrode> {
        parse(text.as_bytes(), ContactExtent::Point).unwrap()
    }

    fn fields(e: &Electrode) -> (&str, [f64; 3], &str, &str, &str) {
        (&e.name, e.position_um.to_array(), e.method.name(), &e.layer, &e.region)
    }

    #[test]
    fn csv_columns_come_in_any_order() {
        let found = electrodes("type,z,y,x,region,name,layer\nPointSource,3,-2,1e1,S1HL,e1,L6\n");
        assert_eq!(fields(&found[0]), ("e1", [10.0, -2.0, 3.0], "PointSource", "L6", "S1HL"));
        assert_eq!(found[0].settings, ElectrodeSettings::default());
    }

    #[test]
    fn absent_and_empty_cells_take_the_defaults() {
        let found = electrodes(",x,y,z,layer,type\n7,1,2,3,,\n");
        assert_eq!(fields(&found[0]), ("7", [1.0, 2.0, 3.0], "LineSource", "NA", "NA"));
    }

    #[test]
    fn csv_and_json_of_the_same_contacts_are_the_same() {
        let csv = electrodes("name,x,y,z,layer,type,conductivity\n1,-8.5,2,3,L1,PointSource,0.4\n\"b, c\",4,5,6,,,\n");
        let json = electrodes(
            r#" [{"name": 1, "x": -8.5, "y": 2, "z": 3.0, "layer": "L1", "type": "PointSource", "conductivity": 0.4},
                {"name": "b, c", "x": 4, "y": 5, "z": 6, "layer": null}]"#,
        );
        assert_eq!(csv.iter().map(fields).collect::<Vec<_>>(), json.iter().map(fields).collect::<Vec<_>>());
        let conductivity = Some(siemens(&[0.4])[0]);
        assert_eq!(csv[0].settings, ElectrodeSettings { conductivity, ..ElectrodeSettings::default() });
        assert_eq!(csv[0].settings, json[0].settings);
        assert_eq!(csv[1].name, "b, c");
    }

    #[test]
    fn a_byte_order_mark_and_carriage_returns_are_ignored() {
        let found = electrodes("\u{feff}name,x,y,z,layer\r\na,1,2,3,L1\r\n\r\nb,1,2,3,L2\r\n");
        let layers: Vec<&str> = found.iter().map(|e| e.layer.as_str()).collect();
        assert_eq!(layers, ["L1", "L2"]);
        assert_eq!(electrodes("\u{feff}\r\n[{\"name\":\"a\",\"x\":1,\"y\":2,\"z\":3}]").len(), 1);
    }

    #[test]
    fn a_quoted_name_may_hold_a_line_end_and_later_lines_are_still_counted() {
        let error = parse(b"name,x,y,z\n\"a\nb\",1,2,3\n\n\nc,1,2,?\n", ContactExtent::Point).err().unwrap();
        assert_eq!(error.to_string(), "line[6]: wrong `z`, expected a number, found `?`");
    }

    fn siemens(values: &[f64]) -> Vec<Conductivity> {
        values.iter().map(|v| v.to_string().parse().unwrap()).collect()
    }

    fn isotropic(electrodes: &[ConfiguredElectrode]) -> Vec<f64> {
        electrodes.iter().map(|e| e.contact.conductivity.isotropic_s_per_m().unwrap()).collect()
    }

    fn conductivities(given: &[f64]) -> Vec<f64> {
        let electrodes = electrodes("name,x,y,z\na,1,2,3\nb,1,2,4\n");
        let contacts = configure(&electrodes, &siemens(given), NearField::Unclamped).unwrap();
        assert!(contacts.iter().all(|e| e.contact.near_field == NearField::Unclamped));
        isotropic(&contacts)
    }

    #[test]
    fn conductivity_is_the_default_or_one_for_all_or_one_for_each() {
        assert_eq!(conductivities(&[]), [0.277, 0.277]);
        assert_eq!(conductivities(&[0.3]), [0.3, 0.3]);
        assert_eq!(conductivities(&[0.3, 0.4]), [0.3, 0.4]);
    }

    #[test]
    fn one_conductivity_for_each_of_a_wrong_number_is_an_error() {
        let electrodes = electrodes("name,x,y,z\na,1,2,3\n");
        let error = configure(&electrodes, &siemens(&[0.3, 0.3]), NearField::ClampToRadius).err().unwrap();
        assert_eq!(error.to_string(), "wrong number of conductivities, expected 1, found 2");
    }

    #[test]
    fn a_conductivity_setting_has_priority() {
        let electrodes = electrodes("name,x,y,z,conductivity\na,1,2,3,0.5\nb,1,2,4,\n");
        let given = |s: &[f64]| configure(&electrodes, &siemens(s), NearField::ClampToRadius).unwrap();
        let values = |s: &[f64]| isotropic(&given(s));
        assert_eq!(values(&[0.3]), [0.5, 0.3]);
        assert_eq!(values(&[0.3, 0.4]), [0.5, 0.4]);
    }

    #[test]
    fn medium_settings_are_passed_to_the_method() {
        let electrodes = electrodes(
            "name,x,y,z,conductivity,boundary,disc_radius,disc_normal\na,1,2,3,0.3 0.2 0.1,z<9 0,5,0 0 2\nb,1,2,4,,,,\n",
        );
        let contacts = configure(&electrodes, &siemens(&[0.3]), NearField::ClampToRadius).unwrap();
        assert_eq!(contacts[0].contact.conductivity.components_s_per_m(), [0.3, 0.2, 0.1]);
        assert_eq!(contacts[0].contact.boundary.unwrap().to_string(), "z<9, 0");
        assert_eq!(contacts[0].contact.disc.map(|d| (d.radius_um, d.normal)), Some((5.0, Point::new(0.0, 0.0, 1.0))));
        assert_eq!((contacts[1].contact.boundary, contacts[1].contact.disc), (None, None));
    }

    #[test]
    fn columns_of_bmtk_are_separated_by_blanks() {
        let found = electrodes("channel x_pos y_pos z_pos\r\n0 -10.0 2e1 30\r\n\n1   4 5\t6 \n");
        let found: Vec<_> = found.iter().map(fields).collect();
        let expected = [("0", [-10.0, 20.0, 30.0]), ("1", [4.0, 5.0, 6.0])];
        assert_eq!(found, expected.map(|(name, at)| (name, at, "LineSource", "NA", "NA")));
    }

    #[test]
    fn a_setting_that_does_not_apply_to_the_type_is_an_error() {
        let text = b"name,x,y,z,type,conductivity\na,1,2,3,ObjectiveCSD_Sphere,0.3 0.3 0.1\n";
        let error = parse(text, ContactExtent::Point).err().unwrap();
        assert_eq!(
            error.to_string(),
            "line[2]: `ObjectiveCSD_Sphere` takes no `conductivity sx,sy,sz`, expected `radius`, `measure`, `per_volume`, \
             `reference`, found `conductivity sx,sy,sz`"
        );
        assert_eq!(error.hint().unwrap(), "leave the cell empty, or choose another type");
    }

    #[test]
    fn both_formats_are_read_back_as_written() {
        let first = electrodes(
            "name,x,y,z,layer,region,type,conductivity\n\"e \"\"1\"\", tip\",-0.1,1e-7,12345.678901234567,L1,\"S1;HL\",PointSource,0.3\n\
             2,1e20,-0,5e-324,NA,NA,LineSource,\n",
        );
        for text in [to_csv(&first), to_json(&first)] {
            let again = electrodes(&text);
            assert_eq!(again.iter().map(fields).collect::<Vec<_>>(), first.iter().map(fields).collect::<Vec<_>>());
            assert_eq!(again[0].settings, first[0].settings);
            let through_the_other = electrodes(&to_csv(&electrodes(&to_json(&again))));
            assert_eq!(to_csv(&through_the_other), to_csv(&first));
        }
        assert!(
            to_csv(&first[1..]).starts_with("name,x,y,z,layer,region,type\n2,1e+20,-0.0,5e-324,NA,NA,LineSource\n")
        );
    }

    #[test]
    fn sizes_in_a_type_become_settings() {
        let from_type = electrodes("name,x,y,z,type\na,1,2,3,ObjectiveCSD_Disk_200_40.5\n");
        let from_columns = electrodes("name,x,y,z,type,thickness,radius\na,1,2,3,ObjectiveCSD_Disk,40.5,200\n");
        assert_eq!(from_type[0].method.name(), "ObjectiveCSD_Disk");
        assert_eq!((from_type[0].settings.radius_um, from_type[0].settings.thickness_um), (Some(200.0), Some(40.5)));
        assert_eq!(to_csv(&from_type), to_csv(&from_columns));
        for text in [to_csv(&from_type), to_json(&from_type)] {
            assert_eq!(electrodes(&text)[0].settings, from_type[0].settings);
        }
    }

    #[test]
    fn the_reader_never_panics() {
        use proptest::prelude::*;
        let disc = ReadOptions { extent: ContactExtent::Disc, unit: Some(LengthUnit::Meter) };
        proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..200))| drop(parse_bytes(&bytes, &disc)));
        proptest!(|(text in "(name|x|y|z|,|;|\t|mm|\"|\n|\r|1|-|\\[|\\{|\\}|:|\\]| ){0,60}")| drop(parse(text.as_bytes(), ContactExtent::Point)));
    }
}
