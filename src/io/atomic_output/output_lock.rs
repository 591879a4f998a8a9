//! The lock of an output: `OUT.checkpoint`, a file that the run which writes `OUT` creates, locks, and removes at its end.
//!
//! It begins with lines of text in [`TEXT_BYTES`] bytes, filled up with zeros. The first line is [`FORMAT_LINE`], by which later
//! runs recognise that a run of this program left it. Then come `run` with the process and the node, and `file` with the
//! identity of `OUT.partial`. The progress of a resumable output follows ([`super::super::checkpoint`]). A run that is killed
//! before it wrote the first line leaves an empty file.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::identity::{FileIdentity, create_new, file_kind, file_kind_at, open_existing};
use super::names::partial_path_for;
use super::problem::OutputConflict;
use super::{ContentsCheck, OverwritePolicy};
use crate::error::{Context, Error, FileProblem, Result};

/// The first line; the number is the format's.
const FORMAT_LINE: &str = "leadfield checkpoint 1";

/// Bytes at the beginning of a lock file that hold its lines.
pub const TEXT_BYTES: u64 = 4080;
/// The byte of a lock file that is 1 when a process asks the others to stop.
pub const STOP_BYTE: u64 = TEXT_BYTES;
/// Where the slots of a checkpoint begin in the lock file.
pub const SLOTS_BYTE: u64 = 4096;

/// How often a lock file that vanishes between two calls is looked for again.
const MAX_LOCK_TRIES: u32 = 1000;

/// The lock of an output, held until it is dropped.
#[derive(Debug)]
pub struct OutputLock {
    target: PathBuf,
    path: PathBuf,
    file: File,
    /// Whether it is this run's, and goes with it; else it still is as an interrupted run left it.
    is_owned: bool,
}

/// `OUT.checkpoint`.
pub fn lock_path_for(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(".checkpoint");
    target.with_file_name(name)
}

impl OutputLock {
    /// Keeps other runs from an output.
    ///
    /// # Errors
    /// Another run writes it; the name of the lock file is taken by something else; the folder is missing or cannot be written.
    pub fn acquire(target: &Path) -> Result<Self> {
        let path = lock_path_for(target);
        for _ in 0..MAX_LOCK_TRIES {
            let (file, created) = match create_new(&path) {
                Ok(file) => (file, true),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => match open_leftover(&path)? {
                    Some(file) => (file, false),
                    None => continue,
                },
                Err(e) => return Err(FileProblem::Write(e)).in_file(target),
            };
            lock_exclusively(&file, created).in_file(target)?;
            // a run that ended meanwhile has removed what was opened
            if is_file_at(&file, &path) {
                return Ok(Self { target: target.to_path_buf(), path, file, is_owned: created });
            }
        }
        Err(OutputConflict::InUse).in_file(target)
    }

    /// Keeps other runs from an output that is begun anew.
    ///
    /// # Errors
    /// As [`OutputLock::acquire`]; an interrupted run left done parts of it, and they are to be kept.
    pub fn acquire_for_new(target: &Path, existing: OverwritePolicy) -> Result<Self> {
        let lock = Self::acquire(target)?;
        match existing {
            OverwritePolicy::Refuse if lock.is_unfinished() => {
                Err(OutputConflict::Unfinished).in_file(&partial_path_for(target))
            }
            OverwritePolicy::Refuse | OverwritePolicy::Replace => Ok(lock),
        }
    }

    /// Shares an output that an earlier run has begun and left with other processes that join it; runs that do not join are kept away. None
    /// where there is nothing to join.
    ///
    /// # Errors
    /// Another run writes it; the name of the lock file, or that of the partial one, is taken by something else.
    pub fn acquire_shared(target: &Path) -> Result<Option<Self>> {
        let path = lock_path_for(target);
        let Some(file) = open_leftover(&path)? else { return Ok(None) };
        if matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return Err(OutputConflict::InUse).in_file(target);
        }
        let lock = Self { target: target.to_path_buf(), path, file, is_owned: false };
        if !is_file_at(&lock.file, &lock.path) || !lock.is_unfinished() {
            return Ok(None);
        }
        lock.check_partial().map(|()| Some(lock))
    }

    /// The output.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Whether an interrupted run left the lock file.
    pub fn is_leftover(&self) -> bool {
        !self.is_owned
    }

    /// Whether an interrupted run left parts that are done: it has noted what it makes, and its file is there.
    pub fn is_unfinished(&self) -> bool {
        !self.is_owned
            && read_lock_text(&self.file).contains("\nprogram ")
            && partial_path_for(&self.target).symlink_metadata().is_ok()
    }

    /// The lock file, for what a run notes of its progress. It stays locked as long as any of its handles is open.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn clone_file(&self) -> Result<File> {
        self.file.try_clone().map_err(FileProblem::Write).in_file(&self.path)
    }

    /// Makes the lock file that of a new run, and removes the unfinished output of an interrupted one. `contents` checks a folder.
    ///
    /// # Errors
    /// The partial name is taken by something that no run left.
    pub fn discard_unfinished(&mut self, contents: Option<ContentsCheck>) -> Result<()> {
        self.check_partial()?;
        remove_leftover(&partial_path_for(&self.target), contents)?;
        self.is_owned = true;
        self.rewrite_header().map_err(FileProblem::Write).in_file(&self.target)
    }

    /// Refuses a partial name that is taken by what no run left.
    fn check_partial(&self) -> Result<()> {
        let partial = partial_path_for(&self.target);
        match file_kind_at(&partial) {
            Some(found) if !self.has_recorded_partial(&partial) => {
                Err(OutputConflict::Foreign(found)).in_file(&partial)
            }
            _ => Ok(()),
        }
    }

    /// Whether the file or folder of that name was made by the run that left the lock file: it is told there, or empty.
    fn has_recorded_partial(&self, partial: &Path) -> bool {
        // a run that replaces a folder names that too, before the two trade names
        has_no_contents(partial) || FileIdentity::from_path(partial).is_ok_and(|found| self.lists_identity(found))
    }

    /// Whether the lock file names a file or folder as one of ours.
    fn lists_identity(&self, made: FileIdentity) -> bool {
        let told = format!("file {}", made.to_text());
        read_lock_text(&self.file).lines().any(|line| line == told)
    }

    fn rewrite_header(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        append_text(&self.file, &format!("{FORMAT_LINE}\nrun {} {}\n", std::process::id(), node_name()))
    }

    /// Records for later runs that a file or folder is one of ours.
    pub(super) fn record_identity(&mut self, made: FileIdentity) -> io::Result<()> {
        append_text(&self.file, &format!("file {}\n", made.to_text()))
    }

    /// Makes the lock file of an interrupted run, which is gone on with, that of this run.
    pub(super) fn adopt_for_resume(&mut self, made: FileIdentity) -> io::Result<()> {
        self.is_owned = true;
        if self.lists_identity(made) { Ok(()) } else { self.record_identity(made) }
    }

    /// Leaves the lock file for a later run.
    pub(super) fn keep_lock_file(mut self) {
        self.is_owned = false;
    }

    /// Removes a lock file that an interrupted run left; that of this run goes anyway.
    pub fn remove_lock_file(mut self) {
        self.is_owned = true;
    }
}

impl Drop for OutputLock {
    fn drop(&mut self) {
        if self.is_owned && is_file_at(&self.file, &self.path) {
            // a lock file that stays does no harm: the next run takes it over
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// Refuses an output that cannot be begun, or gone on with: before hours of work.
///
/// # Errors
/// As [`OutputLock::acquire_for_new`]; the name of the partial file is taken by what no run left.
pub fn check_can_start(target: &Path, existing: OverwritePolicy, resume: bool) -> Result<()> {
    let lock = if resume { OutputLock::acquire(target)? } else { OutputLock::acquire_for_new(target, existing)? };
    // what is there of a run that is gone on with is looked at when it is known what it should be
    if resume && lock.is_leftover() { Ok(()) } else { lock.check_partial() }
}

/// Removes a lock file that a run left which was killed after it had given its output the name.
///
/// # Errors
/// Another run holds it.
pub fn remove_stale_lock(target: &Path) -> Result<()> {
    let path = lock_path_for(target);
    match file_kind_at(&path) {
        // what no run left is nobody's business
        Some(_) if open_leftover(&path).is_ok_and(|left| left.is_some()) => {
            OutputLock::acquire(target).map(OutputLock::remove_lock_file)
        }
        _ => Ok(()),
    }
}

/// Opens the lock file of an earlier run; none where it has gone.
fn open_leftover(path: &Path) -> Result<Option<File>> {
    let foreign = |found| Err(Error::from(OutputConflict::Foreign(found)).in_file(path));
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => return foreign(file_kind(&found)),
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(FileProblem::Write(e)).in_file(path),
    }
    // to be written: network file systems lock nothing else for one process alone
    match open_existing(path, true) {
        Ok(file) if is_lock_file(&file) => Ok(Some(file)),
        Ok(_) => foreign("another file"),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) if e.raw_os_error() == Some(libc::ELOOP) => foreign("a link"),
        Err(e) => Err(FileProblem::Write(e)).in_file(path),
    }
}

fn is_lock_file(file: &File) -> bool {
    let head = read_lock_text(file);
    file.metadata().is_ok_and(|found| found.is_file() && (found.len() == 0 || head.starts_with(FORMAT_LINE)))
}

/// The complete lines of a lock file.
pub fn read_lock_text(file: &File) -> String {
    let mut bytes = vec![0; TEXT_BYTES as usize];
    let mut length = 0;
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, length as u64) {
            Ok(0) => break,
            Ok(n) => length += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    bytes.truncate(length);
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let complete = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    String::from_utf8_lossy(text.get(..complete).unwrap_or_default()).into_owned()
}

/// Adds lines to a lock file, behind those that are complete: half a line of a run that was killed is overwritten.
pub fn append_text(file: &File, lines: &str) -> io::Result<()> {
    let end = read_lock_text(file).len();
    if end + lines.len() > TEXT_BYTES as usize {
        return Err(io::Error::other("the lines do not fit into its header"));
    }
    file.write_all_at(lines.as_bytes(), end as u64)
}

/// Locks a lock file for one process alone. Where the file system has no locks, nobody else is kept away, but for the process that the file names
/// if it runs on this node: exclusive creation, and the identity of what is renamed, then are what keeps runs apart.
fn lock_exclusively(file: &File, created: bool) -> Result<(), OutputConflict> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(OutputConflict::InUse),
        Err(TryLockError::Error(_)) if !created && is_held_on_this_node(&read_lock_text(file)) => {
            Err(OutputConflict::InUse)
        }
        Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// Whether a lock file names a process of this node that runs.
fn is_held_on_this_node(head: &str) -> bool {
    let run = head.lines().find_map(|line| line.strip_prefix("run ")?.split_once(' '));
    let Some((process, on)) = run.and_then(|(process, on)| Some((process.parse().ok()?, on))) else { return false };
    let process = rustix::process::Pid::from_raw(process);
    on == node_name()
        && process.is_some_and(|process| rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH))
}

/// The name of this node.
fn node_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Whether an open file is the one of that name.
fn is_file_at(file: &File, path: &Path) -> bool {
    matches!((FileIdentity::from_file(file), FileIdentity::from_path(path)), (Ok(open), Ok(there)) if open == there)
}

/// Whether a file or folder has nothing in it.
fn has_no_contents(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(found) if found.is_file() => found.len() == 0,
        Ok(found) if found.is_dir() => std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()),
        _ => false,
    }
}

/// Removes what an interrupted run left under the partial name; of a folder only if all in it is ours.
fn remove_leftover(partial: &Path, contents: Option<ContentsCheck>) -> Result<()> {
    let removed = match (partial.symlink_metadata(), contents) {
        (Err(_), _) => Ok(()),
        (Ok(found), Some(check)) if found.is_dir() => {
            check(partial)?;
            std::fs::remove_dir_all(partial)
        }
        (Ok(found), None) if found.is_dir() => std::fs::remove_dir(partial),
        (Ok(_), _) => std::fs::remove_file(partial),
    };
    removed.map_err(FileProblem::Write).in_file(partial)
}
