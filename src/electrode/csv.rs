//! Electrodes in the original's CSV: `name,x,y,z,layer,region,type`, columns in any order.

use super::{DEFAULT_METHOD, Electrode, ElectrodeProblem, Names, UNKNOWN, checked_name, method_of, not_empty};
use crate::error::{Context, Problem, Result, listed};
use crate::geometry::Point;

/// The columns that are known; the first three after the name are the position.
const COLUMNS: [&str; 7] = ["name", "x", "y", "z", "layer", "region", "type"];

/// Columns that must be there.
const MANDATORY: usize = 4;

/// What is wrong with a CSV file as such.
#[derive(Debug, thiserror::Error)]
pub enum CsvProblem {
    /// A mandatory column is not there.
    #[error("missing column, expected `{missing}`, found {}", listed(.found, 20))]
    MissingColumn {
        /// Its name.
        missing: &'static str,
        /// The columns that are there.
        found: Vec<String>,
    },
    /// A column that nothing reads.
    #[error("unknown column, expected some of {}, found `{found}`", listed(COLUMNS, 20))]
    UnknownColumn {
        /// The header cell.
        found: String,
    },
    /// A column twice.
    #[error("duplicate column, expected each column once, found `{0}` twice")]
    DuplicateColumn(String),
    /// Cells more or fewer than columns.
    #[error("wrong number of cells, expected {expected}, found {found}")]
    Ragged {
        /// Number of columns.
        expected: usize,
        /// Number of cells.
        found: usize,
    },
    /// A coordinate that is no number.
    #[error("coordinate `{axis}` is no number, expected um, found `{found}`")]
    NotANumber {
        /// `x`, `y` or `z`.
        axis: &'static str,
        /// The cell.
        found: String,
    },
    /// The text is not UTF-8.
    #[error("cannot be read as text, expected UTF-8, found other bytes")]
    NotText,
    /// The CSV parser gave up otherwise.
    #[error("cannot be read as CSV: {0}")]
    Syntax(String),
}

impl Problem for CsvProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::MissingColumn { found, .. } if found.len() == 1 => {
                Some("cells are separated by commas: `name,x,y,z,layer,region,type`".into())
            }
            Self::MissingColumn { .. } | Self::UnknownColumn { .. } => {
                Some("the header is `name,x,y,z,layer,region,type`; the last three may be left out".into())
            }
            _ => None,
        }
    }
}

/// Parses electrodes from CSV, in file order. An empty first header cell counts as `name`; `layer`, `region` and `type`
/// may be missing or empty. A byte order mark, CRLF, quoted cells and blank lines are allowed.
///
/// # Errors
/// [`CsvProblem`] and [`ElectrodeProblem`], at `line[n]`, counted from 1.
pub fn parse(bytes: &[u8]) -> Result<Vec<Electrode>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(problem).at("line", 1)?;
    let columns = Columns::of(header).at("line", 1)?;
    let mut names = Names::new("line");
    let mut electrodes = Vec::new();
    let mut lines = Lines::of(bytes);
    let mut record = csv::StringRecord::new();
    loop {
        let line = lines.of_next(reader.position());
        if !reader.read_record(&mut record).map_err(problem).at("line", line)? {
            break;
        }
        let electrode = columns.electrode(&record).at("line", line)?;
        names.add(&electrode.name, line).at("line", line)?;
        electrodes.push(electrode);
    }
    not_empty(electrodes)
}

/// Numbers lines by counting line feeds: the parser's own number is that of the blank lines before a record.
struct Lines<'a> {
    bytes: &'a [u8],
    counted: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, counted: 0, line: 1 }
    }

    /// The number of the line on which the record after a position begins.
    fn of_next(&mut self, position: &csv::Position) -> u64 {
        let parsed = usize::try_from(position.byte()).unwrap_or(usize::MAX);
        let blank = self.bytes.iter().skip(parsed).take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let start = parsed.saturating_add(blank);
        let fresh = self.bytes.iter().take(start).skip(self.counted);
        self.line = fresh.filter(|b| **b == b'\n').fold(self.line, |n, _| n + 1);
        self.counted = start;
        self.line
    }
}

fn problem(error: csv::Error) -> CsvProblem {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => CsvProblem::NotText,
        _ => CsvProblem::Syntax(error.to_string()),
    }
}

/// Where each known column is.
struct Columns {
    count: usize,
    place: [Option<usize>; COLUMNS.len()],
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Result<Self, CsvProblem> {
        let mut place = [None; COLUMNS.len()];
        for (i, cell) in header.iter().enumerate() {
            let cell = if i == 0 && cell.is_empty() { "name" } else { cell };
            let known = COLUMNS.iter().position(|c| *c == cell);
            let place =
                known.and_then(|k| place.get_mut(k)).ok_or_else(|| CsvProblem::UnknownColumn { found: cell.into() })?;
            if place.replace(i).is_some() {
                return Err(CsvProblem::DuplicateColumn(cell.into()));
            }
        }
        let missing = COLUMNS.iter().zip(&place).take(MANDATORY).find(|(_, place)| place.is_none());
        match missing {
            Some((missing, _)) => {
                Err(CsvProblem::MissingColumn { missing, found: header.iter().map(String::from).collect() })
            }
            None => Ok(Self { count: header.len(), place }),
        }
    }

    /// A cell of a known column; empty where the column is not there.
    fn cell<'a>(&self, record: &'a csv::StringRecord, column: &str) -> &'a str {
        let place = COLUMNS.iter().zip(&self.place).find(|(c, _)| **c == column).and_then(|(_, place)| *place);
        place.and_then(|i| record.get(i)).unwrap_or_default()
    }

    fn electrode(&self, record: &csv::StringRecord) -> Result<Electrode> {
        if record.len() != self.count {
            return Err(CsvProblem::Ragged { expected: self.count, found: record.len() }.into());
        }
        let or = |column, default| Some(self.cell(record, column)).filter(|c| !c.is_empty()).unwrap_or(default);
        let coordinate = |axis| coordinate(axis, self.cell(record, axis));
        Ok(Electrode {
            name: checked_name(self.cell(record, "name"))?,
            position: Point::new(coordinate("x")?, coordinate("y")?, coordinate("z")?),
            method: method_of(or("type", DEFAULT_METHOD))?,
            layer: or("layer", UNKNOWN).into(),
            region: or("region", UNKNOWN).into(),
        })
    }
}

fn coordinate(axis: &'static str, found: &str) -> Result<f64> {
    let number: f64 = found.parse().map_err(|_| CsvProblem::NotANumber { axis, found: found.into() })?;
    if !number.is_finite() {
        return Err(ElectrodeProblem::NotFinite { axis, found: found.into() }.into());
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn summary(text: &str) -> Vec<String> {
        parse(text.as_bytes()).unwrap().iter().map(|e| format!("{e:?}")).collect()
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        assert_eq!(parse(text.as_bytes()).unwrap_err().to_string(), message);
    }

    #[test]
    fn columns_come_in_any_order_and_only_the_position_is_mandatory() {
        assert_eq!(summary("z,type,y,name,x\n3,PointSource,2,e1,1\n"), ["PointSource e1 at (1, 2, 3) in NA, NA"]);
        assert_eq!(
            summary("name,x,y,z,layer,region,type\ne1,1,2,3,L4,S1HL,\n"),
            ["LineSource e1 at (1, 2, 3) in L4, S1HL"]
        );
    }

    #[test]
    fn the_original_s_empty_first_header_cell_is_the_name() {
        assert_eq!(summary(",x,y,z\n0,1,2,-3e1\n"), ["LineSource 0 at (1, 2, -30) in NA, NA"]);
    }

    #[test]
    fn byte_order_mark_crlf_quotes_spaces_and_blank_lines_are_allowed() {
        assert_eq!(
            summary("\u{feff}name, x, y, z, region\r\n\r\n\"a, b\", 1,\"2\", 3,\"S1, \"\"HL\"\"\"\r\n"),
            ["LineSource a, b at (1, 2, 3) in NA, S1, \"HL\""]
        );
    }

    #[test]
    fn a_missing_column_is_named_with_those_that_are_there() {
        refused("name,x,z\n0,1,2\n", "line[1]: missing column, expected `y`, found `name`, `x`, `z`");
        refused("", "line[1]: missing column, expected `name`, found none");
        let error = parse(b"channel x_pos y_pos z_pos\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line[1]: unknown column, expected some of `name`, `x`, `y`, `z`, `layer`, `region`, `type`, \
             found `channel x_pos y_pos z_pos`"
        );
    }

    #[test]
    fn a_column_that_nothing_reads_is_refused() {
        refused(
            "name,x,y,z,sigma\n0,1,2,3,0.3\n",
            "line[1]: unknown column, expected some of `name`, `x`, `y`, `z`, `layer`, `region`, `type`, found `sigma`",
        );
        refused("name,x,y,z,x\n0,1,2,3,4\n", "line[1]: duplicate column, expected each column once, found `x` twice");
    }

    #[test]
    fn a_coordinate_must_be_a_finite_number() {
        refused("name,x,y,z\n0,1,2,3\n1,one,2,3\n", "line[3]: coordinate `x` is no number, expected um, found `one`");
        refused("name,x,y,z\n0,1,,3\n", "line[2]: coordinate `y` is no number, expected um, found ``");
        for word in ["NaN", "inf", "-infinity", "1e999"] {
            refused(
                &format!("name,x,y,z\n0,1,2,{word}\n"),
                &format!("line[2]: coordinate `z` out of range, expected a finite number in um, found `{word}`"),
            );
        }
    }

    #[test]
    fn names_are_unique_and_both_lines_are_named() {
        refused(
            "name,x,y,z\na,1,2,3\n\nb,1,2,3\na,4,5,6\n",
            "line[5]: duplicate name, expected each name once, found `a` here and in line 2",
        );
    }

    #[test]
    fn lines_are_counted_past_crlf_blank_lines_and_quoted_line_ends() {
        refused(
            "name,x,y,z\r\n\r\n\r\n0,one,2,3\r\n",
            "line[4]: coordinate `x` is no number, expected um, found `one`",
        );
        refused(
            "name,x,y,z\n\"a\nb\",1,2,3\n\n0,1,2,3\n1,1,2,three\n",
            "line[6]: coordinate `z` is no number, expected um, found `three`",
        );
    }

    #[test]
    fn a_name_must_do_as_an_hdf5_group() {
        for name in ["", ".", "..", "a/b"] {
            refused(
                &format!("name,x,y,z\n{name},1,2,3\n"),
                &format!(
                    "line[2]: name cannot be used, expected text without `/` that is neither empty nor `.` nor `..`, \
                     found `{name}`"
                ),
            );
        }
    }

    #[test]
    fn an_unknown_type_lists_the_methods() {
        let error = parse(b"name,x,y,z,type\n0,1,2,3,Linesource\n").unwrap_err().to_string();
        let (before, found) = error.split_once(", found ").unwrap();
        assert!(before.starts_with("line[2]: unknown type, expected one of `PointSource`, `LineSource`"), "{before}");
        assert_eq!(found, "`Linesource`");
    }

    #[test]
    fn a_file_needs_a_contact() {
        refused("name,x,y,z\n", "no contacts, expected one or more, found none");
        refused("name,x,y,z\r\n\r\n", "no contacts, expected one or more, found none");
    }

    #[test]
    fn rows_are_as_long_as_the_header() {
        refused("name,x,y,z\n0,1,2,3\n1,2,3\n", "line[3]: wrong number of cells, expected 4, found 3");
        refused("name,x,y,z\n0,1,2,3,4\n", "line[2]: wrong number of cells, expected 4, found 5");
    }

    #[test]
    fn other_bytes_than_utf_8_are_refused() {
        let message = "cannot be read as text, expected UTF-8, found other bytes";
        assert_eq!(parse(b"name,x,y,z\n\xff,1,2,3\n").unwrap_err().to_string(), format!("line[2]: {message}"));
        assert_eq!(parse(b"name,x,y,\xff\n").unwrap_err().to_string(), format!("line[1]: {message}"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "(name,x,y,z\n)?[a-z0-9,\"\n\r. -]{0,80}"
        ) {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
