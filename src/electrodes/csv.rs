//! CSV: `name,x,y,z,layer,region,type`, columns in any order. The first cell of the header may be empty: `name`.
//! Without a comma in the header, blanks separate: BMTK writes `channel x_pos y_pos z_pos`.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::field::Field;
use super::record::{self, REQUIRED, Record};
use super::{Electrode, ElectrodeProblem};
use crate::error::{Context, Result, listed};

/// Parses the text of a file.
///
/// # Errors
/// The header lacks a column or has an unknown one, or a row is no contact; the error names the line.
pub(super) fn parse(text: &str) -> Result<Vec<Electrode>> {
    let rows = if header(text).contains(',') { rows(text)? } else { blank_separated(text) };
    let Some(((line, header), rows)) = rows.split_first() else {
        return Err(ElectrodeProblem::Empty.into());
    };
    let columns = columns(header).at("line", *line)?;
    let records = rows.iter().map(|(line, row)| Ok((*line, fields(&columns, row).at("line", *line)?)));
    record::electrodes("line", records.collect::<Result<_>>()?)
}

/// BMTK's names for our columns.
const BMTK: [(&str, &str); 4] = [("channel", "name"), ("x_pos", "x"), ("y_pos", "y"), ("z_pos", "z")];

/// The first line that is not blank.
fn header(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default()
}

/// Rows with blanks between their cells.
fn blank_separated(text: &str) -> Vec<(u64, StringRecord)> {
    let rows = (1..).zip(text.lines()).map(|(line, row)| (line, StringRecord::from_iter(row.split_ascii_whitespace())));
    rows.filter(|(_, row)| !row.is_empty()).collect()
}

/// Rows with their lines, from 1; blank lines are none.
fn rows(text: &str) -> Result<Vec<(u64, StringRecord)>> {
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(text.as_bytes());
    let mut lines = Lines { text, byte: 0, line: 1 };
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|_| ElectrodeProblem::NoText)?;
        let start = row.position().map_or(0, csv::Position::byte);
        rows.push((lines.at(start), row));
    }
    Ok(rows)
}

/// Counts the lines of a text on the way through it.
struct Lines<'a> {
    text: &'a str,
    byte: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the first text at or after a byte. The bytes asked for ascend; the `csv` crate gives that before the
    /// blank lines that a record follows.
    fn at(&mut self, byte: u64) -> u64 {
        let bytes = self.text.as_bytes();
        let end = usize::try_from(byte).unwrap_or(usize::MAX);
        while let Some(b) = bytes.get(self.byte).filter(|b| self.byte < end || matches!(b, b'\r' | b'\n')) {
            self.line += u64::from(*b == b'\n');
            self.byte += 1;
        }
        self.line
    }
}

/// The key of each column.
fn columns(header: &StringRecord) -> Result<Vec<&'static str>, ElectrodeProblem> {
    let mut columns = Vec::with_capacity(header.len());
    for (i, cell) in header.iter().enumerate() {
        let ours = BMTK.into_iter().find(|(theirs, _)| *theirs == cell).map_or(cell, |(_, ours)| ours);
        let name = if i == 0 && cell.is_empty() { "name" } else { ours };
        let found = || ElectrodeProblem::Unknown { noun: "column", found: cell.into() };
        let key = record::key(name).ok_or_else(found)?;
        if columns.contains(&key) {
            return Err(ElectrodeProblem::ColumnTwice(key.into()));
        }
        columns.push(key);
    }
    match REQUIRED.into_iter().find(|key| !columns.contains(key)) {
        Some(key) => Err(ElectrodeProblem::Missing { noun: "column", key, found: listed(header.iter(), usize::MAX) }),
        None => Ok(columns),
    }
}

fn fields<'a>(columns: &[&'static str], row: &'a StringRecord) -> Result<Record<'a>, ElectrodeProblem> {
    if row.len() != columns.len() {
        return Err(ElectrodeProblem::Ragged { expected: columns.len(), found: row.len() });
    }
    let mut record = Record::default();
    for (key, cell) in columns.iter().zip(row) {
        record.insert(key, Field::Text(cell));
    }
    Ok(record)
}
