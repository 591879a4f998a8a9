//! Checkpoints: which units of an unfinished output are done, so that a later run resumes it.
//!
//! The checkpoint of `OUT` is in its lock file `OUT.checkpoint` ([`OutputLock`](super::atomic_output::OutputLock)):
//!
//! | bytes | content |
//! |---|---|
//! | 0..4080 | lines of text, then zeros: the lock's lines (title, `run`, `creates partial`, `file`), then `program`, `inputs`,
//! `segments`, `units`, and `layout` if the output is laid out before its units are written |
//! | 4080 | 1 when a process asks the others to stop |
//! | 4096 + 16 i | the slot of unit i, little-endian: segments (u64), CRC-32 of the unit's bytes (u32), CRC-32 of the unit's number and these twelve bytes (u32) |
//!
//! `inputs` is a [`Digest`](super::digest::Digest) of everything that the output's bytes depend on. The process that
//! writes a unit writes its slot, after the unit's bytes are safe on the disk. A slot is valid only if its own checksum
//! matches, so that the checkpoint stays usable wherever its writer is killed; 16 bytes at a multiple of 16 lie in one
//! sector and one page.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::atomic_output::{SLOTS_BYTE, STOP_BYTE, append_text, lock_path_for, open_existing, read_lock_text};
use crate::error::{Context, ErrorKind, FileProblem, Problem, Result};

/// This program and its version, as checkpoints record it.
pub const PROGRAM: &str = concat!("leadfield ", env!("CARGO_PKG_VERSION"));

/// Size of a slot.
const SLOT_BYTES: usize = 16;

/// The plan of an output: what it is computed from, and its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPlan {
    /// The program and version that write it: [`PROGRAM`].
    pub program: String,
    /// Digest of the inputs and settings.
    pub inputs: u64,
    /// Number of segments in all units.
    pub segments: u64,
    /// Number of units.
    pub units: u64,
}

/// The record of a unit that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitRecord {
    /// Number of its segments.
    pub segments: u64,
    /// CRC-32 of its bytes.
    pub checksum: u32,
}

/// The reasons why a run cannot resume an earlier one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckpointProblem {
    /// Another version of the program began the output.
    #[error("unfinished run of another version, expected `{expected}`, found `{found}`")]
    Program {
        /// This version.
        expected: String,
        /// The version that began the output.
        found: String,
    },
    /// The earlier run had other inputs or settings.
    #[error("unfinished run of other inputs or settings, expected digest {expected:016x}, found {found:016x}")]
    Inputs {
        /// Digest of this run.
        expected: u64,
        /// Digest of the earlier run.
        found: u64,
    },
    /// The earlier run of the same inputs had other units of work.
    #[error("unfinished run with other parts, expected {expected} parts, found {found} parts")]
    Units {
        /// Number of parts of this run.
        expected: u64,
        /// Number of parts of the earlier run.
        found: u64,
    },
    /// The complete output has other inputs or settings.
    #[error("exists already, and is not what these inputs and settings give")]
    OtherOutput,
    /// The unfinished output was changed after the earlier run.
    #[error("damaged, expected the file that the interrupted run laid out")]
    Damaged,
    /// The run was asked to stop.
    #[error("stopped as asked, before all units of work were done")]
    Stopped,
}

impl Problem for CheckpointProblem {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Program { .. } | Self::Inputs { .. } | Self::Units { .. } | Self::OtherOutput => {
                ErrorKind::OutputConflict
            }
            Self::Damaged => ErrorKind::Damaged,
            Self::Stopped => ErrorKind::Interrupted,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Program { .. } | Self::Inputs { .. } | Self::Units { .. } => {
                "use the inputs and settings of that run, or start again with `--force`"
            }
            Self::OtherOutput => {
                "choose another name, or replace it: `--force`, or `--resume --force` where a run of these inputs was interrupted"
            }
            Self::Damaged => "start again with `--force`",
            Self::Stopped => return None,
        };
        Some(text.into())
    }

    fn is_transient(&self) -> bool {
        matches!(self, Self::Stopped)
    }
}

/// Returns the hint that says how to resume an output of which `done` units are done.
pub fn resume_hint(output: &Path, done: u64, units: u64) -> String {
    let force = if output.exists() { " --force" } else { "" };
    let verb = if units == 1 { "is" } else { "are" };
    format!("{done} of {} {verb} kept: resume with `--resume{force}`", format_units(units))
}

/// Formats a number of units of work: `1 unit of work`, `2 units of work`.
pub fn format_units(units: u64) -> String {
    if units == 1 { "1 unit of work".into() } else { format!("{units} units of work") }
}

/// Describes the unfinished output at a path, by its name: returns the name of the output, and how far the run came. `None`
/// for a file that is not called `NAME.partial`.
///
/// # Errors
/// Returns an error if the checkpoint next to it cannot be read while it is examined.
pub fn describe_unfinished(path: &Path) -> Result<Option<(String, String)>> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(output) = name.strip_suffix(".partial") else { return Ok(None) };
    let progress = match Checkpoint::read(&path.with_file_name(output)) {
        Ok(Some(checkpoint)) => {
            let (done, _) = checkpoint.progress()?;
            format!("{done} of {} written", format_units(checkpoint.plan().units))
        }
        _ => "one that was never completed".into(),
    };
    Ok(Some((output.into(), progress)))
}

/// The checkpoint of an output. Several processes may record units in it at the same time, each its own units.
#[derive(Debug)]
pub struct Checkpoint {
    file: File,
    path: PathBuf,
    plan: OutputPlan,
    layout: Option<u32>,
}

impl Checkpoint {
    /// Creates the checkpoint in the lock file of an output. `layout` is the CRC-32 of the bytes that are laid out
    /// before any unit.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn create(output: &Path, lock_file: File, plan: &OutputPlan, layout: Option<u32>) -> Result<Self> {
        let OutputPlan { program, inputs, segments, units } = plan;
        let layout_line = layout.map_or_else(String::new, |layout| format!("layout {layout:08x}\n"));
        let text =
            format!("program {program}\ninputs {inputs:016x}\nsegments {segments}\nunits {units}\n{layout_line}");
        let path = lock_path_for(output);
        append_text(&lock_file, &text).map_err(FileProblem::Write).in_file(&path)?;
        let checkpoint = Self { file: lock_file, path, plan: plan.clone(), layout };
        checkpoint.sync()?;
        Ok(checkpoint)
    }

    /// Opens the checkpoint that an earlier run left in the lock file. Returns `None` if that run did not write one.
    ///
    /// # Errors
    /// Returns an error if the checkpoint is of another program version or of other inputs, or the file cannot be
    /// written.
    pub fn resume(output: &Path, lock_file: File, expected: &OutputPlan) -> Result<Option<Self>> {
        let Some(checkpoint) = Self::open(lock_file, lock_path_for(output)) else { return Ok(None) };
        check_same(expected, &checkpoint.plan).in_file(&checkpoint.path)?;
        checkpoint.write_at(&[0], STOP_BYTE)?;
        Ok(Some(checkpoint))
    }

    /// Opens the checkpoint of an output that another process has locked. Returns `None` if there is no checkpoint.
    ///
    /// # Errors
    /// The same as for [`Checkpoint::resume`].
    pub fn open_shared(output: &Path, expected: &OutputPlan) -> Result<Option<Self>> {
        let path = lock_path_for(output);
        let file = match open_existing(&path, true) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(FileProblem::Write(e)).in_file(&path),
        };
        let Some(checkpoint) = Self::open(file, path) else { return Ok(None) };
        check_same(expected, &checkpoint.plan).in_file(&checkpoint.path)?;
        Ok(Some(checkpoint))
    }

    /// Opens the checkpoint of an output for reading. Returns `None` if there is no complete checkpoint.
    ///
    /// # Errors
    /// Returns an error if the file exists and cannot be read.
    pub fn read(output: &Path) -> Result<Option<Self>> {
        let path = lock_path_for(output);
        match File::open(&path) {
            Ok(file) => Ok(Self::open(file, path)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(FileProblem::Read(e)).in_file(&path),
        }
    }

    fn open(file: File, path: PathBuf) -> Option<Self> {
        let (plan, layout) = parse_plan(&read_lock_text(&file))?;
        Some(Self { file, path, plan, layout })
    }

    /// Returns the plan of the output.
    pub fn plan(&self) -> &OutputPlan {
        &self.plan
    }

    /// Returns the CRC-32 of the bytes that were laid out before any unit; `None` for outputs without a layout.
    pub fn layout_checksum(&self) -> Option<u32> {
        self.layout
    }

    /// Reads the record of each unit; `None` for units that are not done.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub fn read_records(&self) -> Result<Vec<Option<UnitRecord>>> {
        let length = self.file.metadata().map_err(FileProblem::Read).in_file(&self.path)?.len();
        let stored = (length.saturating_sub(SLOTS_BYTE) / SLOT_BYTES as u64).min(self.plan.units);
        let mut bytes = vec![0; usize::try_from(stored).unwrap_or(0) * SLOT_BYTES];
        self.file.read_exact_at(&mut bytes, SLOTS_BYTE).map_err(FileProblem::Read).in_file(&self.path)?;
        let mut records: Vec<_> = (0..).zip(bytes.chunks_exact(SLOT_BYTES)).map(|(i, slot)| decode(i, slot)).collect();
        records.resize(usize::try_from(self.plan.units).unwrap_or(0), None);
        Ok(records)
    }

    /// Returns the number of units that are done, and the number of their segments.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub fn progress(&self) -> Result<(u64, u64)> {
        let records = self.read_records()?;
        let done = records.iter().flatten();
        Ok(done.fold((0, 0), |(units, segments), record| (units + 1, segments + record.segments)))
    }

    /// Records that units are done. Their bytes must be synced before.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn mark_done(&self, units: &[(u64, UnitRecord)]) -> Result<()> {
        for &(unit, record) in units {
            self.write_at(&encode(unit, record), slot_byte(unit))?;
        }
        self.sync()
    }

    /// Records that a unit is not done, because its bytes are damaged.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn clear_unit(&self, unit: u64) -> Result<()> {
        self.write_at(&[0; SLOT_BYTES], slot_byte(unit))
    }

    /// Asks all processes that write this output to stop at the end of a unit. A failure is ignored: the processes then
    /// finish their units, which does no harm.
    pub fn request_stop(&self) {
        drop(self.write_at(&[1], STOP_BYTE));
    }

    /// Returns whether a process has asked all others to stop.
    pub fn is_stop_requested(&self) -> bool {
        let mut byte = [0];
        self.file.read_exact_at(&mut byte, STOP_BYTE).is_ok() && byte != [0]
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> Result<()> {
        self.file.write_all_at(bytes, at).map_err(FileProblem::Write).in_file(&self.path)
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(FileProblem::Write).in_file(&self.path)
    }
}

const fn slot_byte(unit: u64) -> u64 {
    SLOTS_BYTE + unit * SLOT_BYTES as u64
}

fn encode(unit: u64, UnitRecord { segments, checksum }: UnitRecord) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    slot[..8].copy_from_slice(&segments.to_le_bytes());
    slot[8..12].copy_from_slice(&checksum.to_le_bytes());
    let sum = slot_checksum(unit, &slot[..12]);
    slot[12..].copy_from_slice(&sum.to_le_bytes());
    slot
}

fn decode(unit: u64, slot: &[u8]) -> Option<UnitRecord> {
    let (segments, rest) = slot.split_first_chunk::<8>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let (sum, _) = rest.split_first_chunk::<4>()?;
    let record = UnitRecord { segments: u64::from_le_bytes(*segments), checksum: u32::from_le_bytes(*checksum) };
    (u32::from_le_bytes(*sum) == slot_checksum(unit, slot.get(..12)?)).then_some(record)
}

/// Computes the checksum of a slot, which is never 0.
fn slot_checksum(unit: u64, content: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&unit.to_le_bytes());
    sum.update(content);
    // a slot that was never written is all zeros: it must not look like a valid record
    sum.finalize().max(1)
}

/// Parses the plan and the layout's checksum from the lines of a checkpoint.
fn parse_plan(text: &str) -> Option<(OutputPlan, Option<u32>)> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("program ")).peekable();
    let mut next = |name: &str| lines.next_if(|line| line.starts_with(name)).map(|line| line[name.len()..].to_string());
    let plan = OutputPlan {
        program: next("program ")?,
        inputs: u64::from_str_radix(&next("inputs ")?, 16).ok()?,
        segments: next("segments ")?.parse().ok()?,
        units: next("units ")?.parse().ok()?,
    };
    let layout = next("layout ").and_then(|text| u32::from_str_radix(&text, 16).ok());
    Some((plan, layout))
}

/// Checks that an earlier run has the same program version, inputs and settings.
fn check_same(expected: &OutputPlan, found: &OutputPlan) -> Result<(), CheckpointProblem> {
    if expected.program != found.program {
        let (expected, found) = (expected.program.clone(), found.program.clone());
        return Err(CheckpointProblem::Program { expected, found });
    }
    if expected.inputs == found.inputs && expected.units != found.units {
        return Err(CheckpointProblem::Units { expected: expected.units, found: found.units });
    }
    if expected != found {
        return Err(CheckpointProblem::Inputs { expected: expected.inputs, found: found.inputs });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of the lock.
    const LOCK: &str = "leadfield checkpoint 1\nrun 4711 node\nfile 17 0\n";

    fn plan() -> OutputPlan {
        OutputPlan { program: PROGRAM.into(), inputs: 0xab, segments: 30, units: 3 }
    }

    const RECORDS: [(u64, UnitRecord); 2] =
        [(2, UnitRecord { segments: 12, checksum: 0xff }), (0, UnitRecord { segments: 8, checksum: 7 })];

    fn open_lock(output: &Path) -> File {
        File::options().read(true).write(true).open(lock_path_for(output)).unwrap()
    }

    /// Writes a checkpoint of three units, of which two are done; returns its folder, the output's name and the bytes.
    fn written() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("w.h5");
        std::fs::write(lock_path_for(&output), LOCK).unwrap();
        let checkpoint = Checkpoint::create(&output, open_lock(&output), &plan(), Some(0x1f)).unwrap();
        checkpoint.mark_done(&RECORDS).unwrap();
        let bytes = std::fs::read(lock_path_for(&output)).unwrap();
        (folder, output, bytes)
    }

    #[test]
    fn units_that_are_marked_are_read_back_until_they_are_cleared() {
        let (_folder, output, bytes) = written();
        assert_eq!(bytes.len(), 4096 + 3 * 16);
        let checkpoint = Checkpoint::resume(&output, open_lock(&output), &plan()).unwrap().unwrap();
        assert_eq!((checkpoint.plan(), checkpoint.layout_checksum()), (&plan(), Some(0x1f)));
        assert_eq!(checkpoint.read_records().unwrap(), [Some(RECORDS[1].1), None, Some(RECORDS[0].1)]);
        assert_eq!(Checkpoint::read(&output).unwrap().unwrap().progress().unwrap(), (2, 20));
        checkpoint.clear_unit(0).unwrap();
        assert_eq!(checkpoint.progress().unwrap(), (1, 12));
    }

    #[test]
    fn complete_lines_and_slots_are_valid_wherever_the_writer_was_killed() {
        let (_folder, output, bytes) = written();
        let text = bytes.iter().position(|byte| *byte == 0).unwrap();
        for length in (0..=text).chain(4090..=bytes.len()) {
            std::fs::write(lock_path_for(&output), &bytes[..length]).unwrap();
            let checkpoint = Checkpoint::resume(&output, open_lock(&output), &plan()).unwrap();
            // the layout's line comes last, and is missing if the writer was killed before it
            let layout = "layout 0000001f\n".len();
            assert_eq!(checkpoint.is_some(), length >= text - layout, "{length}");
            let Some(checkpoint) = checkpoint else { continue };
            assert_eq!(checkpoint.layout_checksum(), (length >= text).then_some(0x1f), "{length}");
            let done = [4096 + 16, 4096 + 48].into_iter().filter(|end| length >= *end).count();
            assert_eq!(checkpoint.progress().unwrap().0, done as u64, "{length}");
            checkpoint.mark_done(&RECORDS).unwrap();
            assert_eq!(checkpoint.progress().unwrap(), (2, 20), "{length}");
        }
    }

    #[test]
    fn a_slot_with_any_changed_byte_is_invalid() {
        let (_folder, output, bytes) = written();
        for place in 4096..4112 {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            std::fs::write(lock_path_for(&output), changed).unwrap();
            assert_eq!(Checkpoint::read(&output).unwrap().unwrap().progress().unwrap(), (1, 12), "{place}");
        }
        // a slot that is copied to the place of another unit is invalid, too
        let mut moved = bytes.clone();
        moved.copy_within(4096..4112, 4112);
        std::fs::write(lock_path_for(&output), moved).unwrap();
        assert_eq!(Checkpoint::read(&output).unwrap().unwrap().progress().unwrap(), (2, 20));
    }

    #[test]
    fn a_requested_stop_is_seen_by_all_processes_until_the_run_is_resumed() {
        let (_folder, output, _) = written();
        let shared = Checkpoint::open_shared(&output, &plan()).unwrap().unwrap();
        assert!(!shared.is_stop_requested());
        Checkpoint::open_shared(&output, &plan()).unwrap().unwrap().request_stop();
        assert!(shared.is_stop_requested());
        Checkpoint::resume(&output, open_lock(&output), &plan()).unwrap().unwrap();
        assert!(!shared.is_stop_requested());
    }

    #[test]
    fn the_hint_names_force_if_an_older_output_exists() {
        let (folder, output, _) = written();
        assert_eq!(resume_hint(&output, 2, 3), "2 of 3 units of work are kept: resume with `--resume`");
        assert_eq!(resume_hint(folder.path(), 2, 3), "2 of 3 units of work are kept: resume with `--resume --force`");
    }

    #[test]
    fn runs_of_other_programs_and_of_other_inputs_are_refused() {
        let (_folder, output, _) = written();
        let name = lock_path_for(&output).display().to_string();
        let hint = "\nhint: use the inputs and settings of that run, or start again with `--force`";
        let refusal =
            |plan: &OutputPlan| format!("{:?}", Checkpoint::resume(&output, open_lock(&output), plan).unwrap_err());
        let newer = OutputPlan { program: "leadfield 9".into(), ..plan() };
        let text = format!("unfinished run of another version, expected `leadfield 9`, found `{PROGRAM}`");
        assert_eq!(refusal(&newer), format!("{name}: {text}{hint}"));
        let other = OutputPlan { inputs: 0xcd, ..plan() };
        let text =
            "unfinished run of other inputs or settings, expected digest 00000000000000cd, found 00000000000000ab";
        assert_eq!(refusal(&other), format!("{name}: {text}{hint}"));
        let cut_otherwise = OutputPlan { units: 4, ..plan() };
        let text = "unfinished run with other parts, expected 4 parts, found 3 parts";
        assert_eq!(refusal(&cut_otherwise), format!("{name}: {text}{hint}"));
    }
}
