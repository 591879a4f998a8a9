//! Journals: which parts of an unfinished output are done, so that a later run goes on where one was interrupted.
//!
//! The journal of `OUT` is `OUT.journal`, lines of text:
//!
//! ```text
//! leadfield journal 1
//! program leadfield 0.1.0
//! inputs 9e3779b97f4a7c15
//! segments 3161
//! parts 4
//! part 0 812 1c291ca3
//! ```
//!
//! `inputs` is a [`Digest`] of everything that the output's bytes depend on. A line `part` is written when the part's bytes
//! are safe on the disk: its number, its segments, the CRC-32 of its bytes. A line counts when its end is there, so that a
//! journal is good wherever its writer was killed.

mod digest;

pub use digest::{Digest, checksum_of};

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Context, FileProblem, Problem, Result};

/// The first line; the number is the format's.
const TITLE: &str = "leadfield journal 1";

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
    /// The parts that are done, in the order in which they were.
    pub done: Vec<Done>,
}

/// Why a run cannot go on with what an earlier one left.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JournalProblem {
    /// Neither `--resume` nor `--force`.
    #[error("exists already, left by a run that did not finish")]
    Unfinished,
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
    /// Another run is at work.
    #[error("in use, expected no other run that writes this output")]
    InUse,
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
            Self::Unfinished => "go on with it: `--resume`; or begin anew: `--force`",
            Self::Program { .. } | Self::Inputs { .. } => {
                "give the inputs and settings that it was begun with, or begin anew with `--force`"
            }
            Self::InUse => "wait for it, or choose another name",
            Self::OtherOutput => {
                "choose another name, or replace it: `--force`, or `--resume --force` where a run of these inputs was interrupted"
            }
            Self::Damaged => "begin anew: `--force`",
            Self::Stopped => return None,
        };
        Some(text.into())
    }

    fn may_pass(&self) -> bool {
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

/// Removes the journal of an output, if there is one.
///
/// # Errors
/// Another run uses it, or it cannot be removed.
pub fn clear(output: &Path) -> Result<()> {
    let path = path_of(output);
    let Ok(file) = File::open(&path) else { return Ok(()) };
    claim(&file).in_file(&path)?;
    std::fs::remove_file(&path).map_err(FileProblem::Write).in_file(&path)
}

/// Checks that no run writes an output.
///
/// # Errors
/// One does.
pub fn check_idle(output: &Path) -> Result<()> {
    let path = path_of(output);
    File::open(&path).map_or(Ok(()), |file| claim(&file)).in_file(&path)
}

/// How to go on with an output of which some parts are kept.
pub fn kept(output: &Path, done: u64, all: u64) -> String {
    let force = if output.exists() { " --force" } else { "" };
    format!("{done} of {all} parts are kept: go on with `--resume{force}`")
}

/// Whether an open file is the one of that name.
fn is_at(file: &File, path: &Path) -> bool {
    let place = |found: std::io::Result<std::fs::Metadata>| found.ok().map(|found| (found.dev(), found.ino()));
    place(file.metadata()) == place(path.metadata())
}

/// Keeps others from writing, until the file is closed.
fn claim(file: &File) -> Result<(), JournalProblem> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(JournalProblem::InUse),
        // a file system may know no locks: then nobody is told, and nothing else is lost
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// A journal that is written.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Begins a journal, in place of one that is there: keeps other runs from the output, then has `ready` make it ready to
    /// take parts, and synced.
    ///
    /// # Errors
    /// Another run uses it, it cannot be written, or what `ready` fails with; then there is no journal.
    pub fn begin<T>(output: &Path, header: &Header, ready: impl FnOnce() -> Result<T>) -> Result<(Self, T)> {
        let mut journal = Self::open(output)?;
        // what it tells is of what is replaced now
        journal.cut(0).map_err(FileProblem::Write).in_file(&journal.path)?;
        let Header { program, inputs, segments, parts } = header;
        let text = format!("{TITLE}\nprogram {program}\ninputs {inputs:016x}\nsegments {segments}\nparts {parts}\n");
        match ready().and_then(|made| journal.append(&text).map(|()| made)) {
            Ok(made) => Ok((journal, made)),
            Err(error) => {
                journal.remove();
                Err(error)
            }
        }
    }

    /// Goes on with a journal: the parts that it tells are done. None where there is nothing to go on with.
    ///
    /// # Errors
    /// It is of another program or of other inputs; another run uses it; it cannot be read or written.
    pub fn resume(output: &Path, expected: &Header) -> Result<Option<(Self, Vec<Done>)>> {
        if read(output)?.is_none() {
            return Ok(None);
        }
        let mut journal = Self::open(output)?;
        let mut text = String::new();
        journal.file.read_to_string(&mut text).map_err(FileProblem::Read).in_file(&journal.path)?;
        let Some((Record { header, done }, length)) = parse(&text) else { return Ok(None) };
        same(expected, &header).in_file(&journal.path)?;
        journal.cut(length as u64).map_err(FileProblem::Write).in_file(&journal.path)?;
        Ok(Some((journal, done)))
    }

    fn open(output: &Path) -> Result<Self> {
        let path = path_of(output);
        loop {
            let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
            let file = opened.map_err(FileProblem::Write).in_file(output)?;
            claim(&file).in_file(&path)?;
            // a run that ended meanwhile may have removed what was opened
            if is_at(&file, &path) {
                return Ok(Self { file, path });
            }
        }
    }

    /// Drops what stands behind a length, e.g. half a line.
    fn cut(&mut self, length: u64) -> std::io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length)).map(drop)
    }

    fn append(&mut self, text: &str) -> Result<()> {
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

    /// Removes the journal: the output is complete, or given up.
    pub fn remove(self) {
        // a journal without its output does no harm: the next run begins anew
        let _ = std::fs::remove_file(&self.path);
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

/// What is told by the lines that are whole, and their length.
fn parse(text: &str) -> Option<(Record, usize)> {
    let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let mut length = 0;
    let mut next = |name: &str| {
        let line = lines.next()?;
        length += line.len();
        line.trim_end().strip_prefix(name).map(str::to_string)
    };
    next(TITLE)?;
    let header = Header {
        program: next("program ")?,
        inputs: u64::from_str_radix(&next("inputs ")?, 16).ok()?,
        segments: next("segments ")?.parse().ok()?,
        parts: next("parts ")?.parse().ok()?,
    };
    let mut done = Vec::new();
    for line in lines {
        // behind a line that is no part nothing is to be trusted
        let Some(part) = part(line, &header) else { break };
        done.push(part);
        length += line.len();
    }
    Some((Record { header, done }, length))
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

    /// A journal of two parts: its folder, the output's name, the text.
    fn journal() -> (tempfile::TempDir, PathBuf, String) {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("w.h5");
        let (mut journal, ()) = Journal::begin(&output, &header(), || Ok(())).unwrap();
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
            let resumed = Journal::resume(&output, &header()).unwrap();
            assert_eq!(resumed.is_some(), whole >= 5, "{length}");
            let Some((mut journal, done)) = resumed else { continue };
            assert_eq!(done, PARTS[..whole - 5]);
            let last = Done { part: 1, segments: 10, checksum: 1 };
            journal.add(&[last]).unwrap();
            let expected: Vec<Done> = done.into_iter().chain([last]).collect();
            assert_eq!(read(&output).unwrap().unwrap(), Record { header: header(), done: expected });
        }
    }

    #[test]
    fn one_run_at_a_time() {
        let (_folder, output, _) = journal();
        let _first = Journal::resume(&output, &header()).unwrap().unwrap();
        let text = format!(
            "{}: in use, expected no other run that writes this output\nhint: wait for it, or choose another name",
            path_of(&output).display()
        );
        assert_eq!(format!("{:?}", Journal::resume(&output, &header()).unwrap_err()), text);
        let touched = std::cell::Cell::new(false);
        let second = Journal::begin(&output, &header(), || {
            touched.set(true);
            Ok(())
        });
        assert_eq!(format!("{:?}", second.unwrap_err()), text);
        assert_eq!(format!("{:?}", check_idle(&output).unwrap_err()), text);
        assert!(!touched.get(), "the output of the first run is left alone");
    }

    #[test]
    fn an_output_that_cannot_be_made_ready_has_no_journal() {
        let (_folder, output, _) = journal();
        let failed = Journal::begin(&output, &header(), || Err::<(), _>(JournalProblem::Damaged.into()));
        assert!(failed.is_err());
        assert!(!path_of(&output).exists());
        check_idle(&output).unwrap();
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
        let told = |header: &Header| format!("{:?}", Journal::resume(&output, header).unwrap_err());
        let newer = Header { program: "leadfield 9".into(), ..header() };
        let text = format!("unfinished run of another version, expected `leadfield 9`, found `{PROGRAM}`");
        assert_eq!(told(&newer), format!("{name}: {text}{hint}"));
        let other = Header { inputs: 0xcd, ..header() };
        let text =
            "unfinished run of other inputs or settings, expected digest 00000000000000cd, found 00000000000000ab";
        assert_eq!(told(&other), format!("{name}: {text}{hint}"));
    }
}
