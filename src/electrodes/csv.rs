//! Parses tables of contacts as text: `name,x,y,z,layer,region,type`, with columns in any order.
//!
//! Tables are read as spreadsheets and data frames export them:
//!
//! | what differs | how it is read |
//! |---|---|
//! | separator | the most frequent one of `,`, `;` and tabs in the header; without any, blanks, as BMTK writes them |
//! | decimal commas | if a coordinate has one; then all numbers have them |
//! | an unnamed first column | the names, or the row index if there is a column `name` |
//! | columns without name and values, rows without values | skipped |
//! | other columns | skipped, with a warning; an error if the name is similar to a known one |

use std::borrow::Cow;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::header::{self, Name};
use super::length_unit::{self, LENGTH_KEYS, LengthUnit};
use super::raw_value::RawValue;
use super::record::{self, ElectrodeRecord, REQUIRED_KEYS};
use super::{ElectrodeProblem, ParsedElectrodes};
use crate::error::{Context, Error, Result, join_quoted};

/// A row with its line, from 1.
type Row = (u64, StringRecord);

/// The cells of a row with their keys.
type KeyedCells<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// Parses the text of a file; `unit` is that of lengths whose column does not state one.
///
/// # Errors
/// Returns an error, with the line, if the header lacks a column or misspells one, or if a row is not a valid contact.
pub(super) fn parse(text: &str, unit: Option<LengthUnit>) -> Result<ParsedElectrodes> {
    let (skipped_lines, text) = skip_separator_line(text);
    let header = find_header_line(text);
    let rows = match find_separator(header) {
        Some(separator) => read_rows(text, separator)?,
        None => read_blank_separated_rows(text),
    };
    let mut rows = rows.into_iter().filter(|(_, row)| row.iter().any(|cell| !cell.is_empty()));
    let Some((line, header)) = rows.next() else { return Err(ElectrodeProblem::Empty.into()) };
    let at_line = |line: u64| line + skipped_lines;
    let rows: Vec<Row> = rows.map(|(line, row)| (at_line(line), row)).collect();
    let header = Header::parse(&header, &rows, unit).at_index("line", at_line(line))?;
    let decimals = find_decimals(&header.columns, &rows)?;
    let cells: Vec<(u64, KeyedCells<'_>)> = rows
        .iter()
        .map(|(line, row)| Ok((*line, header.read_row(row, decimals).at_index("line", *line)?)))
        .collect::<Result<_>>()?;
    let records = cells.iter().map(|(line, cells)| {
        let mut record = ElectrodeRecord::with_units(header.unit_of_others, &header.units);
        cells.iter().for_each(|(key, cell)| record.insert(key, RawValue::Text(cell)));
        (*line, record)
    });
    let electrodes = record::build_electrodes("line", records.collect())?;
    let warnings = header.warnings.into_iter().map(|problem| Error::from(problem).at_index("line", at_line(line)));
    Ok(ParsedElectrodes { electrodes, warnings: warnings.collect() })
}

/// Removes the line `sep=;` that spreadsheets write and hide; returns the number of removed lines.
fn skip_separator_line(text: &str) -> (u64, &str) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let is_separator_line = first.trim_end().strip_prefix("sep=").is_some_and(|separator| separator.len() <= 1);
    if is_separator_line { (1, rest) } else { (0, text) }
}

/// Returns the first line that is not blank.
fn find_header_line(text: &str) -> &str {
    text.split(['\n', '\r']).find(|line| !line.trim().is_empty()).unwrap_or_default()
}

/// Returns the most frequent separator outside quotes; `None` if there is none.
fn find_separator(header: &str) -> Option<u8> {
    let unquoted = || header.split('"').step_by(2).flat_map(str::bytes);
    let counted = [b',', b';', b'\t'].map(|separator| (unquoted().filter(|b| *b == separator).count(), separator));
    // the first of those that are equally frequent
    let (count, separator) = counted.into_iter().reduce(|most, next| if next.0 > most.0 { next } else { most })?;
    (count > 0).then_some(separator)
}

/// Returns rows whose cells are separated by blanks.
fn read_blank_separated_rows(text: &str) -> Vec<Row> {
    let rows = (1..).zip(text.lines()).map(|(line, row)| (line, StringRecord::from_iter(row.split_ascii_whitespace())));
    rows.filter(|(_, row)| !row.is_empty()).collect()
}

/// Returns rows with their line numbers, from 1; blank lines are skipped.
fn read_rows(text: &str, separator: u8) -> Result<Vec<Row>> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let mut lines = LineCounter { text, byte: 0, line: 1 };
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|_| ElectrodeProblem::NoText)?;
        let start = row.position().map_or(0, csv::Position::byte);
        rows.push((lines.line_at(start), row));
    }
    Ok(rows)
}

/// Counts the lines of a text while it is parsed.
struct LineCounter<'a> {
    text: &'a str,
    byte: usize,
    line: u64,
}

impl LineCounter<'_> {
    /// Returns the line of the first text at or after a byte position; positions must ascend. The `csv` crate gives
    /// positions before the blank lines that precede a record.
    fn line_at(&mut self, byte: u64) -> u64 {
        let bytes = self.text.as_bytes();
        let end = usize::try_from(byte).unwrap_or(usize::MAX);
        while let Some(b) = bytes.get(self.byte).filter(|b| self.byte < end || matches!(b, b'\r' | b'\n')) {
            let ends_line = *b == b'\n' || *b == b'\r' && bytes.get(self.byte + 1) != Some(&b'\n');
            self.line += u64::from(ends_line);
            self.byte += 1;
        }
        self.line
    }
}

/// The meaning of the columns.
struct Header {
    /// The key of each column; `None` for a column that is skipped.
    columns: Vec<Option<&'static str>>,
    /// The units that columns state.
    units: Vec<(&'static str, LengthUnit)>,
    /// The unit of the columns that state none.
    unit_of_others: LengthUnit,
    warnings: Vec<ElectrodeProblem>,
}

impl Header {
    fn parse(header: &StringRecord, rows: &[Row], unit: Option<LengthUnit>) -> Result<Self, ElectrodeProblem> {
        let names =
            header.iter().map(|cell| if is_nameless(cell) { Ok(None) } else { header::recognise(cell).map(Some) });
        let names = names.collect::<Result<Vec<Option<Name>>, _>>()?;
        let has = |key: &str| names.iter().any(|name| matches!(name, Some(Name::Known(known, _)) if *known == key));
        let is_used = |column: usize| rows.iter().any(|(_, row)| row.get(column).is_some_and(|cell| !cell.is_empty()));
        let (mut columns, mut units) = (Vec::with_capacity(names.len()), Vec::new());
        let (mut unused, mut warnings) = (Vec::new(), Vec::new());
        for (i, (name, cell)) in names.iter().zip(header).enumerate() {
            let key = match *name {
                None if i == 0 && !has("name") => Some("name"),
                // the first one is the row index
                None if i == 0 || !is_used(i) => None,
                None => {
                    warnings.push(ElectrodeProblem::NamelessColumn(i + 1));
                    None
                }
                Some(Name::Known(key, own)) => {
                    units.extend(own.map(|own| (key, own)));
                    check_unit(key, own, unit)?;
                    Some(key)
                }
                Some(Name::Similar(similar)) if !has(similar) => {
                    return Err(ElectrodeProblem::UnknownKey { noun: "column", found: cell.into(), similar });
                }
                Some(Name::Similar(_) | Name::Unknown) => {
                    unused.push(cell.to_string());
                    None
                }
            };
            match key {
                Some(key) if columns.contains(&Some(key)) => return Err(ElectrodeProblem::ColumnTwice(key.into())),
                key => columns.push(key),
            }
        }
        if let Some(key) = REQUIRED_KEYS.into_iter().find(|key| !columns.contains(&Some(*key))) {
            let found = join_quoted(header.iter(), usize::MAX);
            return Err(ElectrodeProblem::Missing { noun: "column", key, found });
        }
        if !unused.is_empty() {
            warnings.push(ElectrodeProblem::UnusedKeys { noun: "column", names: unused });
        }
        let unit_of_others = length_unit::unit_of_others(&units, unit, columns.iter().flatten().copied())?;
        Ok(Self { columns, units, unit_of_others, warnings })
    }

    /// Returns the cells of a row with their keys.
    fn read_row<'a>(&self, row: &'a StringRecord, decimals: Decimals) -> Result<KeyedCells<'a>, ElectrodeProblem> {
        // separators at the end of a line add empty cells
        let is_surplus = row.iter().skip(self.columns.len()).all(str::is_empty);
        if row.len() < self.columns.len() || !is_surplus {
            return Err(ElectrodeProblem::FieldCount { expected: self.columns.len(), found: row.len() });
        }
        let cells = self.columns.iter().zip(row).filter_map(|(key, cell)| Some(((*key)?, cell)));
        Ok(cells.map(|(key, cell)| (key, decimals.with_points(key, cell))).collect())
    }
}

/// Returns whether a column has no name; pandas calls such columns `Unnamed: 0`.
fn is_nameless(cell: &str) -> bool {
    cell.is_empty() || cell.strip_prefix("Unnamed: ").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
}

/// Checks that a name does not state another unit than the caller.
pub(super) fn check_unit(
    key: &'static str,
    own: Option<LengthUnit>,
    given: Option<LengthUnit>,
) -> Result<(), ElectrodeProblem> {
    match (own, given) {
        (Some(own), Some(given)) if own != given => {
            Err(ElectrodeProblem::ConflictingUnits { key, expected: given.name(), found: own.name().into() })
        }
        _ => Ok(()),
    }
}

/// The decimal separator of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decimals {
    Points,
    Commas,
}

/// Keys of several numbers, in which commas separate numbers unless they are decimal commas.
const LIST_KEYS: [&str; 5] = ["conductivity", "boundary", "disc_normal", "head_conductivities", "coil_normal"];

impl Decimals {
    /// Returns a cell with decimal points.
    fn with_points<'a>(self, key: &str, cell: &'a str) -> Cow<'a, str> {
        let is_number = LENGTH_KEYS.contains(&key) || LIST_KEYS.contains(&key);
        if self == Self::Points || !is_number || !cell.contains(',') {
            return Cow::Borrowed(cell);
        }
        // a comma before a blank separates numbers
        let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        let chars: Vec<char> = cell.chars().collect();
        let converted = |(i, c): (usize, &char)| match c {
            ',' if is_digit(chars.get(i + 1).copied()) => '.',
            c => *c,
        };
        Cow::Owned(chars.iter().enumerate().map(converted).collect())
    }
}

/// Returns the decimal separator, which is that of the coordinates.
fn find_decimals(columns: &[Option<&'static str>], rows: &[Row]) -> Result<Decimals> {
    let is_coordinate: Vec<bool> = columns.iter().map(|key| matches!(key, Some("x" | "y" | "z"))).collect();
    let coordinates = || {
        rows.iter().flat_map(|(line, row)| {
            row.iter().zip(&is_coordinate).filter(|(_, is)| **is).map(move |(cell, _)| (*line, cell))
        })
    };
    let is_comma_number = |cell: &str| cell.matches(',').count() == 1 && cell.replace(',', ".").parse::<f64>().is_ok();
    let Some((line, comma)) = coordinates().find(|(_, cell)| is_comma_number(cell)) else {
        return Ok(Decimals::Points);
    };
    match coordinates().find(|(_, cell)| cell.contains('.')) {
        Some((_, point)) => {
            let (comma, point) = (comma.to_string(), point.to_string());
            Err(ElectrodeProblem::MixedDecimals { comma, point }).at_index("line", line)
        }
        None => Ok(Decimals::Commas),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and positions.
    fn contacts(text: &str) -> Vec<(String, [f64; 3])> {
        let parsed = parse(text, None).unwrap();
        assert!(parsed.warnings.is_empty(), "{:?}", parsed.warnings);
        parsed.electrodes.into_iter().map(|e| (e.name, e.position_um.to_array())).collect()
    }

    fn expected() -> Vec<(String, [f64; 3])> {
        vec![("a".into(), [-0.5, 200.0, 0.25]), ("b".into(), [1.5, 220.0, 0.0])]
    }

    fn refusal(text: &str) -> String {
        parse(text, None).err().unwrap().to_string()
    }

    #[test]
    fn one_table_with_every_separator() {
        for text in [
            "name,x,y,z\na,-0.5,200,0.25\nb,1.5,220,0\n",
            "name;x;y;z\na;-0.5;200;0.25\nb;1.5;220;0\n",
            "name\tx\ty\tz\na\t-0.5\t200\t0.25\nb\t1.5\t220\t0\n",
            "name x y z\na -0.5 200  0.25\nb 1.5 220 0\n",
            "sep=;\r\nname;x;y;z\r\na;-0.5;200;0.25\r\nb;1.5;220;0\r\n",
            "name,x,y,z\ra,-0.5,200,0.25\rb,1.5,220,0\r",
        ] {
            assert_eq!(contacts(text), expected(), "{text:?}");
        }
    }

    #[test]
    fn decimal_commas_are_read_with_every_separator_but_the_comma_and_in_quotes() {
        for text in [
            "name;x;y;z\na;-0,5;2,0E2;0,25\nb;1,5;220;0\n",
            "name\tx\ty\tz\na\t-0,5\t200\t0,25\nb\t1,5\t220\t0\n",
            "name,x,y,z\na,\"-0,5\",200,\"0,25\"\nb,\"1,5\",220,0\n",
        ] {
            assert_eq!(contacts(text), expected(), "{text:?}");
        }
        let text =
            "name;x;y;z;type;conductivity;disc_radius;disc_normal\na;0,5;1;2;PointSource;0,3 0,3 0,1;2,5;0 0,6 0,8\n";
        let settings = parse(text, None).unwrap().electrodes.remove(0).settings;
        assert_eq!(settings.conductivity.unwrap().components_s_per_m(), [0.3, 0.3, 0.1]);
        assert_eq!(settings.disc.map(|disc| (disc.radius_um, disc.normal.to_array())), Some((2.5, [0.0, 0.6, 0.8])));
    }

    #[test]
    fn decimal_commas_and_points_in_one_table_are_an_error() {
        assert_eq!(
            refusal("name;x;y;z\na;0.5;1;2\nb;1,234;1;2\n"),
            "line[3]: decimal commas and decimal points, expected one of them, found `1,234` and `0.5`"
        );
    }

    #[test]
    fn an_index_column_empty_columns_and_empty_rows_are_ignored() {
        for text in [
            ",name,x,y,z\n0,a,-0.5,200,0.25\n1,b,1.5,220,0\n",
            "Unnamed: 0,name,x,y,z\n0,a,-0.5,200,0.25\n1,b,1.5,220,0\n",
            "Unnamed: 0,x,y,z\na,-0.5,200,0.25\nb,1.5,220,0\n",
            "name,x,y,z,,\na,-0.5,200,0.25,,\n,,,,,\nb,1.5,220,0,,\n,,,\n",
            "name,,x,y,z\na,,-0.5,200,0.25,,\nb,,1.5,220,0\n  \n",
            ";;;;\nname;x;y;z;\na;-0,5;200;0,25;\nb;1,5;220;0;\n",
        ] {
            assert_eq!(contacts(text), expected(), "{text:?}");
        }
    }

    #[test]
    fn lines_are_counted_also_after_rows_that_are_skipped() {
        assert_eq!(
            refusal("sep=;\n;;;\nname;x;y;z\n;;;\na;1;2;?\n"),
            "line[5]: wrong `z`, expected a number, found `?`"
        );
        assert_eq!(refusal("name,x,y,z\ra,1,2,3\rb,1,2,?\r"), "line[3]: wrong `z`, expected a number, found `?`");
    }

    #[test]
    fn other_columns_are_skipped_with_a_warning() {
        let parsed = parse("name,depth,x,,y,z,shank\na,9,1,?,2,3,0\n", None).unwrap();
        assert_eq!(parsed.electrodes[0].position_um.to_array(), [1.0, 2.0, 3.0]);
        let warnings: Vec<String> = parsed.warnings.iter().map(Error::to_string).collect();
        assert_eq!(
            warnings,
            [
                "line[1]: no name for column 4, whose values are ignored",
                "line[1]: unknown columns `depth`, `shank`, which nothing here uses"
            ]
        );
        // not a misspelling if the known column is there as well
        assert_eq!(parse("name,x,y,z,type,types\na,1,2,3,PointSource,?\n", None).unwrap().warnings.len(), 1);
    }

    #[test]
    fn all_lengths_of_a_contact_are_converted() {
        let text = "name,x,y,z,type,boundary,head_center,head_radii\n\
                    a,1,2,3,LineSource,\"z>0, 0, z<0.3, 1.5\",,\n\
                    b,0,13.5,0,FourSphere,,0 -76.5 0,79 80 85 90\n";
        let read = |text: &str, unit| parse(text, unit).unwrap().electrodes;
        let found = read(text, Some(LengthUnit::Millimeter));
        let slice = found[0].settings.slice.unwrap();
        assert_eq!([slice.lower.position_um, slice.upper.position_um], [0.0, 300.0]);
        let head = found[1].settings.head;
        assert_eq!(head.center_um.unwrap().to_array(), [0.0, -76_500.0, 0.0]);
        assert_eq!(head.radii_um.unwrap(), [79e3, 80e3, 85e3, 90e3]);
        // units of columns
        let named = "name,x,y,z,type,head_center [mm],head_radii_cm\nb,0,13500,0,FourSphere,0 -76.5 0,7.9 8 8.5 9\n";
        assert_eq!(read(named, None)[0].settings.head, head);
    }

    #[test]
    fn the_unit_of_the_coordinates_is_that_of_all_lengths_without_their_own() {
        let read = |text: &str| parse(text, None).unwrap().electrodes.remove(0);
        let mm = Some(LengthUnit::Millimeter);
        for (stated, given) in [
            (
                "name,x [mm],y [mm],z [mm],boundary,disc_radius,disc_normal",
                "name,x,y,z,boundary,disc_radius,disc_normal",
            ),
            ("name,x [mm],y,z,boundary [mm],disc_radius,disc_normal", "name,x,y,z,boundary,disc_radius,disc_normal"),
        ] {
            let row = "\na,1,2,3,z<4 0,0.5,0 0 1\n";
            let (stated, given) = (read(&format!("{stated}{row}")), parse(&format!("{given}{row}"), mm).unwrap());
            assert_eq!(stated.position_um.to_array(), [1e3, 2e3, 3e3]);
            let settings = &stated.settings;
            assert_eq!((settings.boundary.unwrap().position_um, settings.disc.unwrap().radius_um), (4e3, 500.0));
            assert_eq!(stated.settings, given.electrodes[0].settings);
        }
        let head = "name,x_cm,y_cm,z_cm,type,head_center,head_radii [mm]\na,0,9,0,FourSphere,0 -1 0,79 80 85 90\n";
        let head = read(head).settings.head;
        assert_eq!(head.center_um.unwrap().to_array(), [0.0, -1e4, 0.0]);
        assert_eq!(head.radii_um.unwrap(), [79e3, 80e3, 85e3, 90e3]);
        let region =
            read("name,x [m],y [m],z [m],type,radius,thickness\na,0,0,0,ObjectiveCSD_Disk,1e-4,2e-5\n").settings;
        assert_eq!((region.radius_um, region.thickness_um), (Some(1e-4 * 1e6), Some(2e-5 * 1e6)));
        let slice =
            read("name,x [mm],y [mm],z [mm],boundary\na,0,0,0,\"z>0, 0, z<0.3, 1.5\"\n").settings.slice.unwrap();
        assert_eq!([slice.lower.position_um, slice.upper.position_um], [0.0, 300.0]);
        // the unit of another column is its own alone
        assert_eq!(read("name,x,y,z,boundary [mm]\na,1,2,3,z<4 0\n").position_um.to_array(), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn coordinates_of_different_units_leave_that_of_other_lengths_open() {
        assert_eq!(
            refusal("name,x [mm],y [um],z [mm],boundary\na,1,2,3,z<4 0\n"),
            "line[1]: unknown unit of `boundary`, expected it in the name, as in `boundary [mm]`, found `mm` for `x` and \
             `um` for `y`"
        );
    }

    #[test]
    fn a_setting_under_the_name_of_another_program_is_an_error() {
        let error = parse("name,x,y,z,sigma\na,1,2,3,0.3\n", None).err().unwrap();
        assert!(error.to_string().starts_with("line[1]: unknown column `sigma`, expected `name`, `x`"), "{error}");
        assert_eq!(error.hint().unwrap(), "did you mean `conductivity`? rename it, or remove it");
        // both are there: one is not used
        assert_eq!(parse("name,x,y,z,conductivity,sigma\na,1,2,3,0.3,0.4\n", None).unwrap().warnings.len(), 1);
    }

    #[test]
    fn units_come_from_the_column_or_from_the_caller() {
        let um = |text: &str, unit| parse(text, unit).unwrap().electrodes.remove(0).position_um.to_array();
        assert_eq!(um("name,X [mm],y (um),z_m\na,0.5,20,2e-5\n", None), [500.0, 20.0, 20.0]);
        assert_eq!(um("name,x,y_um,z\na,0.5,20,1\n", None), [0.5, 20.0, 1.0]);
        assert_eq!(um("name,x,y,z\na,0.5,20,1\n", Some(LengthUnit::Millimeter)), [500.0, 20_000.0, 1000.0]);
        let settings = |text: &str, unit| parse(text, unit).unwrap().electrodes.remove(0).settings;
        let text = "name,x,y,z,boundary,disc_radius [um],disc_normal\na,1,2,3,z<4 0,5,0 0 1\n";
        let found = settings(text, None);
        assert_eq!((found.boundary.unwrap().position_um, found.disc.unwrap().radius_um), (4.0, 5.0));
        assert_eq!(
            parse(text, Some(LengthUnit::Millimeter)).err().unwrap().to_string(),
            "line[1]: two units for `disc_radius`, expected `mm` as given for the file, found `um`"
        );
        let text = "name,x,y,z,type,radius,boundary\na,1,2,3,ObjectiveCSD_Sphere,0.05,\n";
        assert_eq!(settings(text, Some(LengthUnit::Millimeter)).radius_um, Some(50.0));
        let text = "name,x,y,z,boundary\na,1,2,3,z<4 0\n";
        assert_eq!(settings(text, Some(LengthUnit::Millimeter)).boundary.unwrap().position_um, 4000.0);
    }
}
