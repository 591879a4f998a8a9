//! Parses CSV: `name,x,y,z,layer,region,type`, with columns in any order. An empty first cell of the header means
//! `name`. Without a comma in the header, blanks separate the cells: BMTK writes `channel x_pos y_pos z_pos`.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::raw_value::RawValue;
use super::record::{self, ElectrodeRecord, REQUIRED_KEYS};
use super::{Electrode, ElectrodeProblem};
use crate::error::{Context, Result, join_quoted};

/// Parses the text of a file.
///
/// # Errors
/// Returns an error, with the line, if the header lacks a column or has an unknown one, or if a row is not a valid
/// contact.
pub(super) fn parse(text: &str) -> Result<Vec<Electrode>> {
    let rows = if find_header_line(text).contains(',') { read_rows(text)? } else { read_blank_separated_rows(text) };
    let Some(((line, header), rows)) = rows.split_first() else {
        return Err(ElectrodeProblem::Empty.into());
    };
    let columns = parse_header(header).at_index("line", *line)?;
    let records = rows.iter().map(|(line, row)| Ok((*line, parse_record(&columns, row).at_index("line", *line)?)));
    record::build_electrodes("line", records.collect::<Result<_>>()?)
}

/// BMTK's names for columns, and the names used here.
const BMTK_COLUMNS: [(&str, &str); 4] = [("channel", "name"), ("x_pos", "x"), ("y_pos", "y"), ("z_pos", "z")];

/// Returns the first line that is not blank.
fn find_header_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default()
}

/// Returns rows whose cells are separated by blanks.
fn read_blank_separated_rows(text: &str) -> Vec<(u64, StringRecord)> {
    let rows = (1..).zip(text.lines()).map(|(line, row)| (line, StringRecord::from_iter(row.split_ascii_whitespace())));
    rows.filter(|(_, row)| !row.is_empty()).collect()
}

/// Returns rows with their line numbers, from 1; blank lines are skipped.
fn read_rows(text: &str) -> Result<Vec<(u64, StringRecord)>> {
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(text.as_bytes());
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
            self.line += u64::from(*b == b'\n');
            self.byte += 1;
        }
        self.line
    }
}

/// Returns the key of each column.
fn parse_header(header: &StringRecord) -> Result<Vec<&'static str>, ElectrodeProblem> {
    let mut columns = Vec::with_capacity(header.len());
    for (i, cell) in header.iter().enumerate() {
        let ours = BMTK_COLUMNS.into_iter().find(|(theirs, _)| *theirs == cell).map_or(cell, |(_, ours)| ours);
        let name = if i == 0 && cell.is_empty() { "name" } else { ours };
        let found = || ElectrodeProblem::UnknownKey { noun: "column", found: cell.into() };
        let key = record::find_key(name).ok_or_else(found)?;
        if columns.contains(&key) {
            return Err(ElectrodeProblem::ColumnTwice(key.into()));
        }
        columns.push(key);
    }
    match REQUIRED_KEYS.into_iter().find(|key| !columns.contains(key)) {
        Some(key) => {
            Err(ElectrodeProblem::Missing { noun: "column", key, found: join_quoted(header.iter(), usize::MAX) })
        }
        None => Ok(columns),
    }
}

fn parse_record<'a>(columns: &[&'static str], row: &'a StringRecord) -> Result<ElectrodeRecord<'a>, ElectrodeProblem> {
    if row.len() != columns.len() {
        return Err(ElectrodeProblem::FieldCount { expected: columns.len(), found: row.len() });
    }
    let mut record = ElectrodeRecord::default();
    for (key, cell) in columns.iter().zip(row) {
        record.insert(key, RawValue::Text(cell));
    }
    Ok(record)
}
