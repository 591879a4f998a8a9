//! The lock of an output: the file `OUT.checkpoint`, which the run that writes `OUT` creates, locks, and removes at its
//! end.
//!
//! It begins with lines of text in [`TEXT_BYTES`] bytes, padded with zeros. The first line is [`FORMAT_LINE`], by which
//! later runs recognise a lock file of this program. Then come `run` with the process and the node, [`CREATES_LINE`]
//! before the run creates `OUT.partial`, and `file` with the identity of `OUT.partial`. The progress of a resumable
//! output follows ([`super::super::checkpoint`]). The file has its name only when the first two lines are in it, so that
//! an empty file never is a lock.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::identity::{FileIdentity, create_with_text, file_kind, file_kind_at, open_existing};
use super::names::{lock_path_for, partial_path_for};
use super::problem::OutputConflict;
use super::{ContentsCheck, OverwritePolicy};
use crate::error::{Context, Error, FileProblem, Result};

/// The first line; the number is the version of the format.
const FORMAT_LINE: &str = "leadfield checkpoint 1";
/// The line that a run writes before it creates `OUT.partial`. If it is killed before the identity is recorded, the
/// partial file is empty, and the next run knows by this line that it may replace it.
const CREATES_LINE: &str = "creates partial";

/// Bytes at the beginning of a lock file that hold its lines.
pub const TEXT_BYTES: u64 = 4080;
/// The byte of a lock file that is 1 when a process asks the others to stop.
pub const STOP_BYTE: u64 = TEXT_BYTES;
/// Where the slots of a checkpoint begin in the lock file.
pub const SLOTS_BYTE: u64 = 4096;

/// How often to try again when a lock file vanishes between two calls.
const MAX_LOCK_TRIES: u32 = 1000;

/// How often to make the folder above an output, which another run that fails may remove.
const MAX_FOLDER_TRIES: u32 = 10;

/// The lock of an output, held until it is dropped.
#[derive(Debug)]
pub struct OutputLock {
    target: PathBuf,
    path: PathBuf,
    file: File,
    /// Whether the lock file belongs to this run and is removed with the lock; otherwise it still is as an interrupted
    /// run left it.
    is_owned: bool,
    /// The folders that were made for the output; those that are empty are removed with the lock.
    _made_folders: MadeFolders,
}

impl OutputLock {
    /// Locks an output against other runs. Missing folders above it are made, and removed with the lock if they are
    /// still empty.
    ///
    /// # Errors
    /// Returns an error if another run writes the output, the name of the lock file belongs to another file, or the
    /// folder cannot be made or written.
    pub fn acquire(target: &Path) -> Result<Self> {
        let path = lock_path_for(target);
        let mut made_folders = MadeFolders::default();
        for tried in 0..MAX_LOCK_TRIES {
            let (file, created) = match create_with_text(&path, &header_text()) {
                Ok(file) => (file, true),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => match open_leftover(&path)? {
                    Some(file) => (file, false),
                    None => continue,
                },
                Err(e) if e.kind() == io::ErrorKind::NotFound && tried < MAX_FOLDER_TRIES => {
                    made_folders.make_above(target).map_err(FileProblem::Write).in_file(target)?;
                    continue;
                }
                Err(e) => return Err(FileProblem::Write(e)).in_file(target),
            };
            lock_exclusively(&file, created).in_file(target)?;
            // a run that ended meanwhile has removed the file that was opened
            if is_file_at(&file, &path) {
                return Ok(Self {
                    target: target.to_path_buf(),
                    path,
                    file,
                    is_owned: created,
                    _made_folders: made_folders,
                });
            }
        }
        Err(OutputConflict::InUse).in_file(target)
    }

    /// Locks an output that is created from the beginning.
    ///
    /// # Errors
    /// The same as for [`OutputLock::acquire`]; also if an interrupted run left finished parts and they must not be
    /// replaced.
    pub fn acquire_for_new(target: &Path, existing: OverwritePolicy) -> Result<Self> {
        let lock = Self::acquire(target)?;
        match existing {
            OverwritePolicy::Refuse if lock.is_unfinished() => {
                Err(OutputConflict::Unfinished).in_file(&partial_path_for(target))
            }
            OverwritePolicy::Refuse | OverwritePolicy::Replace => Ok(lock),
        }
    }

    /// Takes a shared lock of an output that an earlier run has created and left, together with other processes that
    /// join it; runs that do not join are refused. Returns `None` if there is nothing to join.
    ///
    /// # Errors
    /// Returns an error if another run writes the output, or the name of the lock file or of the partial file belongs
    /// to another file.
    pub fn acquire_shared(target: &Path) -> Result<Option<Self>> {
        let path = lock_path_for(target);
        let Some(file) = open_leftover(&path)? else { return Ok(None) };
        if matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return Err(OutputConflict::InUse).in_file(target);
        }
        let lock =
            Self { target: target.to_path_buf(), path, file, is_owned: false, _made_folders: MadeFolders::default() };
        if !is_file_at(&lock.file, &lock.path) || !lock.is_unfinished() {
            return Ok(None);
        }
        lock.check_partial().map(|()| Some(lock))
    }

    /// Returns the output's path.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Returns whether an interrupted run left the lock file.
    pub fn is_leftover(&self) -> bool {
        !self.is_owned
    }

    /// Returns whether an interrupted run left finished parts: the lock file holds its plan, and the partial file
    /// exists.
    pub fn is_unfinished(&self) -> bool {
        !self.is_owned
            && read_lock_text(&self.file).contains("\nprogram ")
            && partial_path_for(&self.target).symlink_metadata().is_ok()
    }

    /// Returns the lock file, in which a run records its progress. It stays locked as long as any of its handles is
    /// open.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    pub fn clone_file(&self) -> Result<File> {
        self.file.try_clone().map_err(FileProblem::Write).in_file(&self.path)
    }

    /// Takes over the lock file for a new run, and removes the unfinished output of an interrupted one. `contents`
    /// checks a folder.
    ///
    /// # Errors
    /// Returns an error if the partial name belongs to a file that no run created.
    pub fn discard_unfinished(&mut self, contents: Option<ContentsCheck>) -> Result<()> {
        self.check_partial()?;
        remove_leftover(&partial_path_for(&self.target), contents)?;
        self.is_owned = true;
        self.rewrite_header().map_err(FileProblem::Write).in_file(&self.target)
    }

    /// Refuses a partial name that belongs to a file that no run created.
    fn check_partial(&self) -> Result<()> {
        let partial = partial_path_for(&self.target);
        match file_kind_at(&partial) {
            Some(found) if !self.has_recorded_partial(&partial) => {
                Err(OutputConflict::Foreign(found)).in_file(&partial)
            }
            _ => Ok(()),
        }
    }

    /// Returns whether the run that left the lock file created this file or folder: it is listed there, or it is empty
    /// and that run was killed before it could list it.
    fn has_recorded_partial(&self, partial: &Path) -> bool {
        let text = read_lock_text(&self.file);
        let was_about_to_list = text.lines().last() == Some(CREATES_LINE);
        // a run that replaces a folder also lists the old folder, before the two names are exchanged
        (was_about_to_list && has_no_contents(partial))
            || FileIdentity::from_path(partial).is_ok_and(|found| self.lists_identity(found))
    }

    /// Returns whether the lock file lists a file or folder as created by this program.
    fn lists_identity(&self, identity: FileIdentity) -> bool {
        let expected = format!("file {}", identity.to_text());
        read_lock_text(&self.file).lines().any(|line| line == expected)
    }

    /// Replaces the lines of an earlier run. The file is a lock file at every moment: a zero ends the new lines before
    /// the rest is cut off.
    fn rewrite_header(&mut self) -> io::Result<()> {
        let header = header_text() + CREATES_LINE + "\n";
        self.file.write_all_at(&[header.as_bytes(), &[0]].concat(), 0)?;
        self.file.set_len(header.len() as u64)
    }

    /// Records for later runs that this program created a file or folder.
    pub(super) fn record_identity(&mut self, identity: FileIdentity) -> io::Result<()> {
        append_text(&self.file, &format!("file {}\n", identity.to_text()))
    }

    /// Takes over the lock file of an interrupted run that is resumed.
    pub(super) fn adopt_for_resume(&mut self, identity: FileIdentity) -> io::Result<()> {
        self.is_owned = true;
        if self.lists_identity(identity) { Ok(()) } else { self.record_identity(identity) }
    }

    /// Leaves the lock file for a later run.
    pub(super) fn keep_lock_file(mut self) {
        self.is_owned = false;
    }

    /// Removes the lock file of an interrupted run; this run's own lock file is removed in any case.
    pub fn remove_lock_file(mut self) {
        self.is_owned = true;
    }
}

/// Folders that were made, the outermost first.
#[derive(Debug, Default)]
struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Makes the missing folders above a file.
    fn make_above(&mut self, file: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = file
            .ancestors()
            .skip(1)
            .take_while(|folder| *folder != Path::new("") && folder.symlink_metadata().is_err())
            .collect();
        for folder in missing.into_iter().rev() {
            match std::fs::create_dir(folder) {
                Ok(()) => self.0.push(folder.to_path_buf()),
                // another run made it meanwhile
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // a folder with an output in it stays
            drop(std::fs::remove_dir(folder));
        }
    }
}

impl Drop for OutputLock {
    fn drop(&mut self) {
        if self.is_owned && is_file_at(&self.file, &self.path) {
            // a lock file that cannot be removed does no harm: the next run takes it over
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// Refuses an output that cannot be created or resumed. Called before hours of work.
///
/// # Errors
/// The same as for [`OutputLock::acquire_for_new`]; also if the partial name belongs to a file that no run created.
pub fn check_can_start(target: &Path, existing: OverwritePolicy, resume: bool) -> Result<()> {
    let lock = if resume { OutputLock::acquire(target)? } else { OutputLock::acquire_for_new(target, existing)? };
    // the unfinished output of a resumed run is checked later, when its expected content is known
    if resume && lock.is_leftover() { Ok(()) } else { lock.check_partial() }
}

/// Removes the lock file of a run that was killed after it had renamed its output.
///
/// # Errors
/// Returns an error if another run holds the lock.
pub fn remove_stale_lock(target: &Path) -> Result<()> {
    let path = lock_path_for(target);
    match file_kind_at(&path) {
        // a file that no run created is left alone
        Some(_) if open_leftover(&path).is_ok_and(|left| left.is_some()) => {
            OutputLock::acquire(target).map(OutputLock::remove_lock_file)
        }
        _ => Ok(()),
    }
}

/// Opens the lock file of an earlier run; `None` if it does not exist.
fn open_leftover(path: &Path) -> Result<Option<File>> {
    let foreign = |found| Err(Error::from(OutputConflict::Foreign(found)).in_file(path));
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => return foreign(file_kind(&found)),
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(FileProblem::Write(e)).in_file(path),
    }
    // opened for writing: network file systems grant an exclusive lock only for such a file
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
    file.metadata().is_ok_and(|found| found.is_file()) && head.starts_with(FORMAT_LINE)
}

/// Reads the complete lines of a lock file.
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

/// Appends lines to a lock file, after the last complete line: an incomplete line of a killed run is overwritten.
pub fn append_text(file: &File, lines: &str) -> io::Result<()> {
    let end = read_lock_text(file).len();
    if end + lines.len() > TEXT_BYTES as usize {
        return Err(io::Error::other("the lines do not fit into its header"));
    }
    file.write_all_at(lines.as_bytes(), end as u64)
}

/// Returns the first lines of this process's lock files.
fn header_text() -> String {
    format!("{FORMAT_LINE}\nrun {} {}\n", std::process::id(), node_name())
}

/// Locks a lock file for this process alone. If the file system has no locks, only the process that the file names is
/// respected, if it runs on this node: then exclusive creation, and the identity check before the rename, keep runs
/// apart.
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

/// Returns whether a lock file names a process that is running on this node.
fn is_held_on_this_node(head: &str) -> bool {
    let run = head.lines().find_map(|line| line.strip_prefix("run ")?.split_once(' '));
    let Some((process, on)) = run.and_then(|(process, on)| Some((process.parse().ok()?, on))) else { return false };
    let process = rustix::process::Pid::from_raw(process);
    on == node_name()
        && process.is_some_and(|process| rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH))
}

/// Returns the name of this node.
fn node_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Returns whether an open file is the one under a name.
fn is_file_at(file: &File, path: &Path) -> bool {
    matches!((FileIdentity::from_file(file), FileIdentity::from_path(path)), (Ok(open), Ok(there)) if open == there)
}

/// Returns whether a file or folder is empty.
fn has_no_contents(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(found) if found.is_file() => found.len() == 0,
        Ok(found) if found.is_dir() => std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()),
        _ => false,
    }
}

/// Removes the unfinished output of an interrupted run; a folder only if this program wrote everything in it.
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
