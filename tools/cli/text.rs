//! Formats cells as text: numbers with the fewest digits that lose nothing, section types by name.

use std::fmt::Write as _;
use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use leadfield::segments::SectionType;
use leadfield::segments::table::schema::SECTION_TYPE;

/// Buffered text is written when it is longer than this.
const BUFFER_BYTES: usize = 1 << 16;

/// The typed values of a column.
enum ColumnValues<'a> {
    Kind(&'a [u8]),
    Int(&'a [u32]),
    Long(&'a [u64]),
    Signed(&'a [i64]),
    Single(&'a [f32]),
    Double(&'a [f64]),
    Text(&'a StringArray),
    /// Indices into a list of texts.
    Listed(&'a [i32], &'a StringArray),
    Other,
}

impl ColumnValues<'_> {
    /// Returns the text of a row that is not null; `None` if the values are not texts.
    fn text(&self, i: usize) -> Option<&str> {
        match self {
            Self::Text(v) => Some(v.value(i)),
            Self::Listed(keys, texts) => usize::try_from(keys[i]).ok().map(|k| texts.value(k)),
            _ => None,
        }
    }
}

/// The columns of a batch, typed once for all rows.
pub struct Cells<'a> {
    columns: Vec<(&'a str, &'a dyn Array, ColumnValues<'a>)>,
}

impl<'a> Cells<'a> {
    /// Types the columns of a batch.
    pub fn new(batch: &'a RecordBatch) -> Self {
        let fields = batch.schema_ref().fields().iter().zip(batch.columns());
        let column = |(field, array): (&'a arrow_schema::FieldRef, &'a arrow_array::ArrayRef)| {
            (field.name().as_str(), array.as_ref(), column_values(field.name(), array))
        };
        Self { columns: fields.map(column).collect() }
    }

    /// Returns the cells of a row for a table: numbers that are not integers have six digits.
    pub fn row(&self, i: usize) -> Vec<String> {
        let cell = |(_, array, values): &(&str, &dyn Array, ColumnValues<'_>)| {
            let mut text = String::new();
            match values {
                ColumnValues::Single(v) if array.is_valid(i) => text = format_short(v[i].into()),
                ColumnValues::Double(v) if array.is_valid(i) => text = format_short(v[i]),
                _ => write_cell(*array, values, i, &mut text),
            }
            text
        };
        self.columns.iter().map(cell).collect()
    }
}

fn column_values<'a>(name: &str, array: &'a arrow_array::ArrayRef) -> ColumnValues<'a> {
    match array.data_type() {
        DataType::UInt8 if name == SECTION_TYPE => ColumnValues::Kind(array.as_primitive::<UInt8Type>().values()),
        DataType::UInt32 => ColumnValues::Int(array.as_primitive::<UInt32Type>().values()),
        DataType::UInt64 => ColumnValues::Long(array.as_primitive::<UInt64Type>().values()),
        DataType::Int64 => ColumnValues::Signed(array.as_primitive::<Int64Type>().values()),
        DataType::Float32 => ColumnValues::Single(array.as_primitive::<Float32Type>().values()),
        DataType::Float64 => ColumnValues::Double(array.as_primitive::<Float64Type>().values()),
        DataType::Utf8 => ColumnValues::Text(array.as_string::<i32>()),
        DataType::Dictionary(..) => dictionary_values(array).unwrap_or(ColumnValues::Other),
        _ => ColumnValues::Other,
    }
}

fn dictionary_values(array: &arrow_array::ArrayRef) -> Option<ColumnValues<'_>> {
    let dictionary = array.as_dictionary_opt::<Int32Type>()?;
    Some(ColumnValues::Listed(dictionary.keys().values(), dictionary.values().as_string_opt::<i32>()?))
}

/// Appends a cell; nothing for a null.
fn write_cell(array: &dyn Array, values: &ColumnValues<'_>, i: usize, text: &mut String) {
    if array.is_null(i) {
        return;
    }
    // writing to a string cannot fail
    let _: std::fmt::Result = match values {
        ColumnValues::Kind(v) => write!(text, "{}", SectionType::from_number(v[i]).map_or("", SectionType::name)),
        ColumnValues::Int(v) => write!(text, "{}", v[i]),
        ColumnValues::Long(v) => write!(text, "{}", v[i]),
        ColumnValues::Signed(v) => write!(text, "{}", v[i]),
        ColumnValues::Single(v) if has_exponent(v[i].into()) => write!(text, "{:e}", v[i]),
        ColumnValues::Single(v) => write!(text, "{}", v[i]),
        ColumnValues::Double(v) if has_exponent(v[i]) => write!(text, "{:e}", v[i]),
        ColumnValues::Double(v) => write!(text, "{}", v[i]),
        ColumnValues::Text(_) | ColumnValues::Listed(..) => write!(text, "{}", values.text(i).unwrap_or_default()),
        ColumnValues::Other => Ok(()),
    };
}

/// Returns whether a number is written with an exponent: where zeros would be most of its digits. Either way it has the
/// fewest digits that lose nothing.
fn has_exponent(v: f64) -> bool {
    v != 0.0 && v.is_finite() && !(1e-4..1e16).contains(&v.abs())
}

/// Formats a number with six significant digits.
fn format_short(v: f64) -> String {
    if !(1e-3..1e6).contains(&v.abs()) {
        return if v == 0.0 || !v.is_finite() { v.to_string() } else { format!("{v:.5e}") };
    }
    let whole = v.abs().log10().floor() as i32;
    format!("{v:.0$}", usize::try_from(5 - whole).unwrap_or(0))
}

/// Comma-separated values, RFC 4180: a cell with a comma, a quote or a line break is quoted.
pub struct CsvLines;

impl CsvLines {
    /// Writes one line.
    pub fn write_line<'t>(&self, cells: impl Iterator<Item = &'t str>, out: &mut dyn Write) -> std::io::Result<()> {
        let mut text = String::new();
        for (k, cell) in cells.enumerate() {
            if k > 0 {
                text.push(',');
            }
            write_quoted(cell, &mut text);
        }
        text.push('\n');
        out.write_all(text.as_bytes())
    }

    /// Writes the rows of a batch.
    pub fn write_rows(&self, batch: &RecordBatch, out: &mut dyn Write) -> std::io::Result<()> {
        let cells = Cells::new(batch);
        let mut text = String::with_capacity(BUFFER_BYTES + 1024);
        for i in 0..batch.num_rows() {
            for (k, (_, array, values)) in cells.columns.iter().enumerate() {
                if k > 0 {
                    text.push(',');
                }
                match values.text(i) {
                    Some(cell) if array.is_valid(i) => write_quoted(cell, &mut text),
                    _ => write_cell(*array, values, i, &mut text),
                }
            }
            text.push('\n');
            flush_above(&mut text, BUFFER_BYTES, out)?;
        }
        flush_above(&mut text, 0, out)
    }
}

fn write_quoted(cell: &str, text: &mut String) {
    if cell.contains([',', '"', '\n', '\r']) {
        text.push('"');
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(cell);
    }
}

/// Writes the text if it is longer than `most`.
fn flush_above(text: &mut String, most: usize, out: &mut dyn Write) -> std::io::Result<()> {
    if text.len() > most {
        out.write_all(text.as_bytes())?;
        text.clear();
    }
    Ok(())
}

/// One JSON object per line; unknown values, and numbers that JSON does not have, are null.
pub struct JsonLines;

impl JsonLines {
    /// Writes the rows of a batch.
    pub fn write_rows(&self, batch: &RecordBatch, out: &mut dyn Write) -> std::io::Result<()> {
        let cells = Cells::new(batch);
        let keys: Vec<String> =
            cells.columns.iter().map(|(name, ..)| serde_json::Value::from(*name).to_string()).collect();
        let mut text = String::with_capacity(BUFFER_BYTES + 1024);
        for i in 0..batch.num_rows() {
            for (k, ((_, array, values), key)) in cells.columns.iter().zip(&keys).enumerate() {
                text.push(if k == 0 { '{' } else { ',' });
                text.push_str(key);
                text.push(':');
                write_json_cell(*array, values, i, &mut text);
            }
            text.push_str("}\n");
            flush_above(&mut text, BUFFER_BYTES, out)?;
        }
        flush_above(&mut text, 0, out)
    }
}

fn write_json_cell(array: &dyn Array, values: &ColumnValues<'_>, i: usize, text: &mut String) {
    let finite = match values {
        ColumnValues::Single(v) => v[i].is_finite(),
        ColumnValues::Double(v) => v[i].is_finite(),
        ColumnValues::Other => false,
        _ => true,
    };
    if array.is_null(i) || !finite {
        text.push_str("null");
        return;
    }
    match values {
        ColumnValues::Text(_) | ColumnValues::Listed(..) => {
            text.push_str(&serde_json::Value::from(values.text(i)).to_string())
        }
        ColumnValues::Kind(_) => {
            text.push('"');
            write_cell(array, values, i, text);
            text.push('"');
        }
        _ => write_cell(array, values, i, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, DictionaryArray, Float64Array, UInt8Array};
    use std::sync::Arc;

    fn batch() -> RecordBatch {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("section_type", Arc::new(UInt8Array::from(vec![Some(2), None, Some(9)]))),
            ("mtype", Arc::new(StringArray::from(vec![Some("L5,\"A\""), None, Some("b")]))),
            ("contact", Arc::new(DictionaryArray::<Int32Type>::from_iter([Some("a,b"), None, Some("c")]))),
            ("x", Arc::new(Float64Array::from(vec![0.1, f64::NAN, -2.0]))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
    }

    fn text(write: impl Fn(&mut Vec<u8>) -> std::io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn people_get_six_digits() {
        let cases =
            [(1234.5678, "1234.57"), (-0.1, "-0.100000"), (0.001, "0.00100000"), (0.0, "0"), (2e-7, "2.00000e-7")];
        for (v, text) in cases {
            assert_eq!(format_short(v), text);
        }
    }

    #[test]
    fn files_get_the_fewest_digits_with_exponents_for_small_and_large_numbers() {
        let values = [0.1, 1e-4, 9.5e-5, -3.25e-7, 1e15, 1e16, 0.0, f64::INFINITY, 5e-324];
        let column: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
        let batch = RecordBatch::try_from_iter([("w", column)]).unwrap();
        let lines = text(|out| CsvLines.write_rows(&batch, out));
        let expected = ["0.1", "0.0001", "9.5e-5", "-3.25e-7", "1000000000000000", "1e16", "0", "inf", "5e-324"];
        assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
        assert!(lines.lines().zip(values).all(|(line, value)| line.parse() == Ok(value)));
        let single: ArrayRef = Arc::new(arrow_array::Float32Array::from(vec![1e-7_f32, 0.3]));
        let batch = RecordBatch::try_from_iter([("w", single)]).unwrap();
        assert_eq!(text(|out| CsvLines.write_rows(&batch, out)), "1e-7\n0.3\n");
    }

    #[test]
    fn csv_quotes_what_needs_it_and_leaves_nulls_empty() {
        assert_eq!(
            text(|out| CsvLines.write_rows(&batch(), out)),
            "dend,\"L5,\"\"A\"\"\",\"a,b\",0.1\n,,,NaN\n,b,c,-2\n"
        );
    }

    #[test]
    fn json_lines_have_null_for_what_json_cannot_say() {
        let expected = r#"{"section_type":"dend","mtype":"L5,\"A\"","contact":"a,b","x":0.1}
{"section_type":null,"mtype":null,"contact":null,"x":null}
{"section_type":"","mtype":"b","contact":"c","x":-2}
"#;
        assert_eq!(text(|out| JsonLines.write_rows(&batch(), out)), expected);
    }
}
