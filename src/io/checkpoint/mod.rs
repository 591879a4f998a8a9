//! Journals: which parts of an unfinished output are done, so that a later run goes on where one was interrupted.
//!
//! The journal of `OUT` is in `OUT.journal`, the lock file of the output, behind the lines of the lock (title, `run`, `file`):
//!
//! ```text
//! leadfield journal 1
//! run 4711 node-17
//! file 1835045 1764482401000000000
//! program leadfield 0.1.0
//! inputs 9e3779b97f4a7c15
//! segments 3161
//! parts 4
//! layout 5e0f21b7
//! part 0 812 1c291ca3
//! ```
//!
//! `inputs` is a [`Digest`] of everything that the output's bytes depend on. A line `part` is written when the part's bytes
//! are safe on the disk: its number, its segments, the CRC-32 of its bytes. A line counts when its end is there, so that a
//! journal is good wherever its writer was killed.

mod digest;

pub use digest::{Digest, checksum_of};

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Context, FileProblem, Problem, Result};

/// This program, as journals tell it.
pub const PROGRAM: &str = concat!("leadfield ", env!("CARGO_PKG_VERSION"));

/// What an unfinished output is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The program that began it: [`PROGRAM`].
    pub program: String,
    /// Digest of the inputs and the settings.
    pub inputs: u64,
    /// Number of segments in all parts.
    pub segments: u64,
    /// Number of parts.
    pub parts: u64,
}

/// A part that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Its number.
    pub part: u64,
    /// Number of its segments.
    pub segments: u64,
    /// CRC-32 of its bytes.
    pub checksum: u32,
}

/// What a journal tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the output is to become.
    pub header: Header,
    /// CRC-32 of what was laid out before any part; none for outputs that are not laid out.
    pub layout: Option<u32>,
    /// The parts that are done, in the order in which they were.
    pub done: Vec<Done>,
}

/// Why a run cannot go on with what an earlier one left.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JournalProblem {
    /// The earlier run was of another program.
    #[error("unfinished run of another version, expected `{expected}`, found `{found}`")]
    Program {
        /// This program.
        expected: String,
        /// The one that began.
        found: String,
    },
    /// The earlier run had other inputs.
    #[error("unfinished run of other inputs or settings, expected digest {expected:016x}, found {found:016x}")]
    Inputs {
        /// That of this run.
        expected: u64,
        /// That of the earlier one.
        found: u64,
    },
    /// A complete output of other inputs.
    #[error("exists already, and is not what these inputs and settings give")]
    OtherOutput,
    /// What an earlier run left was changed since.
    #[error("damaged, expected what was laid out by the run that did not finish")]
    Damaged,
    /// Stopped on request.
    #[error("stopped as asked, before all parts were done")]
    Stopped,
}

impl Problem for JournalProblem {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Program { .. } | Self::Inputs { .. } => {
                "give the inputs and settings that it was begun with, or begin anew with `--force`"
            }
            Self::OtherOutput => {
                "choose another name, or replace it: `--force`, or `--resume --force` where a run of these inputs was interrupted"
            }
            Self::Damaged => "begin anew: `--force`",
            Self::Stopped => return None,
        };
        Some(text.into())
    }

    fn is_transient(&self) -> bool {
        matches!(self, Self::Stopped)
    }
}

/// `NAME.journal`.
pub fn path_of(output: &Path) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_os_string();
    name.push(".journal");
    output.with_file_name(name)
}

/// What the journal of an output tells; none where there is none, or none that was begun in earnest.
///
/// # Errors
/// It is there and cannot be read.
pub fn read(output: &Path) -> Result<Option<Record>> {
    let path = path_of(output);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(parse(&text).map(|(record, _)| record)),
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::InvalidData) => Ok(None),
        Err(e) => Err(FileProblem::Read(e)).in_file(&path),
    }
}

/// How to go on with an output of which some parts are kept.
pub fn kept(output: &Path, done: u64, all: u64) -> String {
    let force = if output.exists() { " --force" } else { "" };
    format!("{done} of {all} parts are kept: go on with `--resume{force}`")
}

/// A journal that is written.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    layout: Option<u32>,
    /// Whether other processes write to it at the same time.
    is_shared: bool,
}

impl Journal {
    /// Begins a journal in the lock file of an output, behind what that tells. `layout` is the CRC-32 of what was laid out.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(output: &Path, notes: File, header: &Header, layout: Option<u32>) -> Result<Self> {
        let mut journal = Self { file: notes, path: path_of(output), layout, is_shared: false };
        journal.file.seek(SeekFrom::End(0)).map_err(FileProblem::Write).in_file(&journal.path)?;
        let Header { program, inputs, segments, parts } = header;
        let layout = layout.map_or_else(String::new, |layout| format!("layout {layout:08x}\n"));
        journal.append(&format!(
            "program {program}\ninputs {inputs:016x}\nsegments {segments}\nparts {parts}\n{layout}"
        ))?;
        Ok(journal)
    }

    /// Goes on with the journal in the lock file of an output: the parts that it tells are done. None where there is nothing to go on with.
    ///
    /// # Errors
    /// It is of another program or of other inputs; it cannot be read or written.
    pub fn resume(output: &Path, notes: File, expected: &Header) -> Result<Option<(Self, Vec<Done>)>> {
        let mut journal = Self { file: notes, path: path_of(output), layout: None, is_shared: false };
        let mut text = Vec::new();
        let read = journal.file.seek(SeekFrom::Start(0)).and_then(|_| journal.file.read_to_end(&mut text));
        read.map_err(FileProblem::Read).in_file(&journal.path)?;
        let parsed = str::from_utf8(&text).ok().and_then(parse);
        let Some((Record { header, layout, done }, length)) = parsed else { return Ok(None) };
        same(expected, &header).in_file(&journal.path)?;
        journal.cut(length as u64).map_err(FileProblem::Write).in_file(&journal.path)?;
        journal.layout = layout;
        Ok(Some((journal, done)))
    }

    /// Joins the journal in the lock file of an output, to which other processes add at the same time: the parts that it tells are done. None where
    /// there is nothing to join.
    ///
    /// # Errors
    /// As [`Journal::resume`].
    pub fn join(output: &Path, expected: &Header) -> Result<Option<(Self, Vec<Done>)>> {
        let path = path_of(output);
        let Some(Record { header, layout, done }) = read(output)? else { return Ok(None) };
        same(expected, &header).in_file(&path)?;
        let file = File::options().read(true).append(true).open(&path).map_err(FileProblem::Write).in_file(&path)?;
        Ok(Some((Self { file, path, layout, is_shared: true }, done)))
    }

    /// Adds to a journal that others add to: by one call, behind what they have written meanwhile, on a line of its own.
    fn append_shared(&mut self, text: &str) -> Result<()> {
        let mut last = [b'\n'];
        let read = self.file.seek(SeekFrom::End(-1)).and_then(|_| self.file.read_exact(&mut last));
        read.map_err(FileProblem::Read).in_file(&self.path)?;
        // half a line of a process that met with a full disk
        let text = if last == [b'\n'] { text.to_string() } else { format!("\n{text}") };
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(FileProblem::Write).in_file(&self.path)
    }

    /// CRC-32 of what was laid out before any part, where the journal tells it.
    pub fn layout(&self) -> Option<u32> {
        self.layout
    }

    /// Drops what stands behind a length, e.g. half a line.
    fn cut(&mut self, length: u64) -> std::io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length)).map(drop)
    }

    fn append(&mut self, text: &str) -> Result<()> {
        if self.is_shared {
            return self.append_shared(text);
        }
        let end = self.file.stream_position().map_err(FileProblem::Write).in_file(&self.path)?;
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        if written.is_err() {
            // half a line would hide those that are written later, when there is space
            drop(self.cut(end));
        }
        written.map_err(FileProblem::Write).in_file(&self.path)
    }

    /// Tells that parts are done. Their bytes must be synced.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add(&mut self, done: &[Done]) -> Result<()> {
        let line = |text: String, Done { part, segments, checksum }: &Done| {
            text + &format!("part {part} {segments} {checksum:08x}\n")
        };
        self.append(&done.iter().fold(String::new(), line))
    }
}

impl Record {
    /// Number of parts that are done, and of their segments.
    pub fn progress(&self) -> (u64, u64) {
        // a part that was damaged stands twice
        let parts: BTreeMap<u64, u64> = self.done.iter().map(|d| (d.part, d.segments)).collect();
        (parts.len() as u64, parts.values().sum())
    }
}

/// Parses the lines that are whole, and gives their length. The first lines are the lock's.
fn parse(text: &str) -> Option<(Record, usize)> {
    let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).peekable();
    let mut length = 0;
    while let Some(line) = lines.next_if(|line| !line.starts_with("program ")) {
        length += line.len();
    }
    let mut next = |name: &str| {
        let line = lines.next()?;
        length += line.len();
        line.trim_end().strip_prefix(name).map(str::to_string)
    };
    let header = Header {
        program: next("program ")?,
        inputs: u64::from_str_radix(&next("inputs ")?, 16).ok()?,
        segments: next("segments ")?.parse().ok()?,
        parts: next("parts ")?.parse().ok()?,
    };
    let (mut layout, mut done) = (None, Vec::new());
    for line in lines {
        match part(line, &header) {
            Some(part) => done.push(part),
            None if line.starts_with("layout ") && layout.is_none() => {
                layout = Some(u32::from_str_radix(line.trim_end().strip_prefix("layout ")?, 16).ok()?);
            }
            // a run that went on with the output has told what it found
            None if line.starts_with("file ") => {}
            // half a line of one of several processes: what the others tell is checked against the bytes in any case
            None if line.starts_with("part ") => {}
            // behind any other line nothing is to be trusted
            None => break,
        }
        length += line.len();
    }
    Some((Record { header, layout, done }, length))
}

fn part(line: &str, header: &Header) -> Option<Done> {
    let mut words = line.trim_end().strip_prefix("part ")?.split(' ');
    let (part, segments) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let checksum = u32::from_str_radix(words.next()?, 16).ok()?;
    (words.next().is_none() && part < header.parts).then_some(Done { part, segments, checksum })
}

/// Checks that an earlier run is of this program, and of the same inputs and settings.
fn same(expected: &Header, found: &Header) -> Result<(), JournalProblem> {
    if expected.program != found.program {
        let (expected, found) = (expected.program.clone(), found.program.clone());
        return Err(JournalProblem::Program { expected, found });
    }
    if expected != found {
        return Err(JournalProblem::Inputs { expected: expected.inputs, found: found.inputs });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header { program: PROGRAM.into(), inputs: 0xab, segments: 30, parts: 3 }
    }

    const PARTS: [Done; 2] =
        [Done { part: 2, segments: 12, checksum: 0xff }, Done { part: 0, segments: 8, checksum: 7 }];

    /// The lines of the lock.
    const LOCK: &str = "leadfield journal 1\nrun 4711 node\nfile 17 0\n";

    fn notes(output: &Path) -> File {
        File::options().read(true).write(true).open(path_of(output)).unwrap()
    }

    /// A journal of two parts: its folder, the output's name, the text.
    fn journal() -> (tempfile::TempDir, PathBuf, String) {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("w.h5");
        std::fs::write(path_of(&output), LOCK).unwrap();
        let mut journal = Journal::begin(&output, notes(&output), &header(), None).unwrap();
        journal.add(&PARTS).unwrap();
        let text = std::fs::read_to_string(path_of(&output)).unwrap();
        (folder, output, text)
    }

    #[test]
    fn wherever_its_writer_was_killed_the_whole_lines_count_and_the_next_one_follows_them() {
        let (_folder, output, text) = journal();
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        for length in 0..=text.len() {
            std::fs::write(path_of(&output), &text[..length]).unwrap();
            let whole = ends.iter().filter(|end| **end <= length).count();
            let resumed = Journal::resume(&output, notes(&output), &header()).unwrap();
            // three lines of the lock, four of the header
            assert_eq!(resumed.is_some(), whole >= 7, "{length}");
            let Some((mut journal, done)) = resumed else { continue };
            assert_eq!(done, PARTS[..whole - 7]);
            let last = Done { part: 1, segments: 10, checksum: 1 };
            journal.add(&[last]).unwrap();
            let expected: Vec<Done> = done.into_iter().chain([last]).collect();
            assert_eq!(read(&output).unwrap().unwrap(), Record { header: header(), layout: None, done: expected });
        }
    }

    #[test]
    fn a_run_that_goes_on_may_tell_of_its_file_between_the_parts() {
        let (_folder, output, text) = journal();
        let last = text.rfind("part ").unwrap();
        std::fs::write(path_of(&output), format!("{}file 18 0\n{}", &text[..last], &text[last..])).unwrap();
        assert_eq!(read(&output).unwrap().unwrap().done, PARTS);
        std::fs::write(path_of(&output), format!("{}nonsense\n{}", &text[..last], &text[last..])).unwrap();
        assert_eq!(read(&output).unwrap().unwrap().done, PARTS[..1]);
    }

    #[test]
    fn how_to_go_on_is_told_where_an_older_output_is_there_too() {
        let (folder, output, _) = journal();
        assert_eq!(kept(&output, 2, 3), "2 of 3 parts are kept: go on with `--resume`");
        assert_eq!(kept(folder.path(), 2, 3), "2 of 3 parts are kept: go on with `--resume --force`");
    }

    #[test]
    fn runs_of_other_programs_and_of_other_inputs_are_told_apart() {
        let (_folder, output, _) = journal();
        let name = path_of(&output).display().to_string();
        let hint = "\nhint: give the inputs and settings that it was begun with, or begin anew with `--force`";
        let told = |header: &Header| format!("{:?}", Journal::resume(&output, notes(&output), header).unwrap_err());
        let newer = Header { program: "leadfield 9".into(), ..header() };
        let text = format!("unfinished run of another version, expected `leadfield 9`, found `{PROGRAM}`");
        assert_eq!(told(&newer), format!("{name}: {text}{hint}"));
        let other = Header { inputs: 0xcd, ..header() };
        let text =
            "unfinished run of other inputs or settings, expected digest 00000000000000cd, found 00000000000000ab";
        assert_eq!(told(&other), format!("{name}: {text}{hint}"));
    }
}
