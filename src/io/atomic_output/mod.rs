//! Outputs that appear under their name only when they are complete, and that only one run writes at a time.
//!
//! While a run writes `OUT` there are two more files: `OUT.partial`, the unfinished file or folder, and
//! `OUT.checkpoint`, its lock ([`OutputLock`]). Both are created exclusively, never through links, and never replace a
//! file that no run created. When the output is complete, the run checks that `OUT.partial` still is the file that it
//! created, with the length and bytes that it wrote, then renames it.

mod contents;
mod identity;
mod names;
mod output_lock;
mod problem;
mod rename;
mod space;
mod written_checksums;

pub use contents::{FolderEntry, check_contents};
pub use identity::create_without_following;
pub(in crate::io) use identity::open_existing;
pub use names::{check_not_an_input, check_overwrite, check_target, is_plain_name, lock_path_for, partial_path_for};
pub use output_lock::{OutputLock, check_can_start, remove_stale_lock};
pub(super) use output_lock::{SLOTS_BYTE, STOP_BYTE, append_text, read_lock_text};
pub use problem::OutputConflict;
pub use space::{IoProbe, check_space, check_space_before_start, check_unwritten_space, free_bytes};
pub use written_checksums::OutputFile;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::error::{Context, Error, FileProblem, Result};
use identity::FileIdentity;
use names::{check_file_target, check_folder_target, check_not_read_before, sync_parent_folder};
use written_checksums::{WrittenChecksums, lock_checksums};

/// How to treat an existing output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverwritePolicy {
    /// Keep it, and return an error.
    Refuse,
    /// Replace it when the new output is complete.
    Replace,
}

/// A check that a folder holds only files that this program writes to such a folder; its error names the other files.
pub type ContentsCheck = fn(&Path) -> Result<()>;

/// An unfinished output (file or folder): written as `NAME.partial`, renamed by [`AtomicOutput::commit`], left for a
/// later run by [`AtomicOutput::keep_partial`], removed when dropped before either.
#[derive(Debug)]
pub struct AtomicOutput {
    target_path: PathBuf,
    partial_path: PathBuf,
    policy: OverwritePolicy,
    /// The check of a folder's contents; `None` for a file.
    contents_check: Option<ContentsCheck>,
    /// What this run created; `None` if another process created the output.
    created: Option<CreatedOutput>,
    /// Checksums of the bytes written through [`AtomicOutput::open_writer`].
    written: Arc<Mutex<WrittenChecksums>>,
    /// Length of a file that was not written through [`AtomicOutput::open_writer`].
    length: Option<u64>,
}

/// The file or folder that a run created, and its lock.
#[derive(Debug)]
struct CreatedOutput {
    lock: OutputLock,
    identity: FileIdentity,
    /// The file; `None` for a folder.
    file: Option<File>,
}

impl AtomicOutput {
    /// Creates an output that is a file.
    ///
    /// # Errors
    /// Returns an error if the output exists and must not be replaced, or is a folder, a device or a pipe; if another
    /// run writes it; if an interrupted run left finished parts that must not be replaced; if its folder is missing or
    /// cannot be written; or if the partial name belongs to a file that no run created.
    pub fn create_file(target: &Path, existing: OverwritePolicy) -> Result<Self> {
        check_file_target(target, existing)?;
        let lock = OutputLock::acquire_for_new(target, existing)?;
        Self::create_file_locked(lock, existing)
    }

    /// Creates an output that is a file and is locked already.
    ///
    /// # Errors
    /// The same as for [`AtomicOutput::create_file`].
    pub fn create_file_locked(mut lock: OutputLock, existing: OverwritePolicy) -> Result<Self> {
        let target = lock.target().to_path_buf();
        check_file_target(&target, existing)?;
        lock.discard_unfinished(None)?;
        let partial = partial_path_for(&target);
        let file = identity::create_new(&partial).map_err(|e| creation_error(e, &partial)).in_file(&target)?;
        let identity =
            FileIdentity::from_file(&file).and_then(|identity| lock.record_identity(identity).map(|()| identity));
        let identity = identity.map_err(|e| {
            drop(std::fs::remove_file(&partial));
            FileProblem::Write(e)
        });
        let created = CreatedOutput { lock, identity: identity.in_file(&target)?, file: Some(file) };
        Ok(Self::from_parts(&target, existing, None, Some(created)))
    }

    /// Creates an output that is a folder: the partial folder exists and is empty. A folder that is replaced is removed
    /// with all its files, which must pass `contents`.
    ///
    /// # Errors
    /// Returns an error if the output exists and must not be replaced, is a file or a link, or holds other files; if
    /// the parent folder is missing or cannot be written; and for the other reasons of [`AtomicOutput::create_file`].
    pub fn create_folder(target: &Path, existing: OverwritePolicy, contents: ContentsCheck) -> Result<Self> {
        check_folder_target(target, existing, contents)?;
        let lock = OutputLock::acquire_for_new(target, existing)?;
        Self::create_folder_locked(lock, existing, contents)
    }

    /// Creates an output that is a folder and is locked already.
    ///
    /// # Errors
    /// The same as for [`AtomicOutput::create_folder`].
    pub fn create_folder_locked(
        mut lock: OutputLock,
        existing: OverwritePolicy,
        contents: ContentsCheck,
    ) -> Result<Self> {
        let target = lock.target().to_path_buf();
        check_folder_target(&target, existing, contents)?;
        lock.discard_unfinished(Some(contents))?;
        let partial = partial_path_for(&target);
        std::fs::create_dir(&partial).map_err(|e| creation_error(e, &partial)).in_file(&target)?;
        let identity =
            FileIdentity::from_path(&partial).and_then(|identity| lock.record_identity(identity).map(|()| identity));
        let identity = identity.map_err(|e| {
            drop(std::fs::remove_dir(&partial));
            FileProblem::Write(e)
        });
        let created = CreatedOutput { lock, identity: identity.in_file(&target)?, file: None };
        Ok(Self::from_parts(&target, existing, Some(contents), Some(created)))
    }

    /// Resumes an output that an earlier run left under the partial name: a folder if `contents` is given, otherwise a
    /// file. The caller must check that its bytes are those of such a run.
    ///
    /// # Errors
    /// Returns an error if the complete output exists and must not be replaced, or the partial file or folder is a
    /// link, is missing, or holds other files.
    pub fn resume(mut lock: OutputLock, existing: OverwritePolicy, contents: Option<ContentsCheck>) -> Result<Self> {
        let target = lock.target().to_path_buf();
        check_overwrite(&target, existing)?;
        let partial = partial_path_for(&target);
        let found = partial.symlink_metadata().map_err(FileProblem::Read).in_file(&partial)?;
        if if contents.is_some() { !found.is_dir() } else { !found.is_file() } {
            return Err(OutputConflict::Foreign(identity::file_kind(&found))).in_file(&partial);
        }
        contents.map_or(Ok(()), |check| check(&partial))?;
        let identity = FileIdentity::from_metadata(&found);
        lock.adopt_for_resume(identity).map_err(FileProblem::Write).in_file(&target)?;
        let created = CreatedOutput { lock, identity, file: None };
        Ok(Self::from_parts(&target, existing, contents, Some(created)))
    }

    /// Opens an output that another process has created, and will commit, keep or remove.
    pub fn join_started(target: &Path) -> Self {
        Self::from_parts(target, OverwritePolicy::Refuse, None, None)
    }

    fn from_parts(
        target: &Path,
        existing: OverwritePolicy,
        contents: Option<ContentsCheck>,
        created: Option<CreatedOutput>,
    ) -> Self {
        let (target, partial) = (target.to_path_buf(), partial_path_for(target));
        Self {
            target_path: target,
            partial_path: partial,
            policy: existing,
            contents_check: contents,
            created,
            written: Arc::default(),
            length: None,
        }
    }

    /// Leaves the unfinished output for a later run.
    pub fn keep_partial(mut self) {
        if let Some(created) = self.created.take() {
            created.lock.keep_lock_file();
        }
    }

    /// Returns the path to write to.
    pub fn partial_path(&self) -> &Path {
        &self.partial_path
    }

    /// Returns the path of the complete output.
    pub fn target_path(&self) -> &Path {
        &self.target_path
    }

    /// Opens the file for writing from its beginning to its end; its bytes are checked before it is renamed.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    pub fn open_writer(&self) -> Result<OutputFile> {
        let file = match self.created.as_ref().and_then(|created| created.file.as_ref()) {
            Some(file) => file.try_clone(),
            None => Err(std::io::ErrorKind::IsADirectory.into()),
        };
        let file = file.map_err(FileProblem::Write).in_file(&self.target_path)?;
        Ok(OutputFile { file, written: self.written.clone() })
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    pub fn write_all(&self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.open_writer()?.write_all(bytes.as_ref()).map_err(FileProblem::Write).in_file(&self.target_path)
    }

    /// Records the length of a file that a library writes through its path. Call it when the file has its final length.
    ///
    /// # Errors
    /// Returns an error if the file was removed or replaced.
    pub fn record_length(&mut self) -> Result<()> {
        self.check_identity()?;
        let found = self.partial_path.symlink_metadata().map_err(FileProblem::Read).in_file(&self.partial_path)?;
        self.length = Some(found.len());
        Ok(())
    }

    /// Checks that the partial name still belongs to the file or folder that this run created.
    ///
    /// # Errors
    /// Returns an error if it was removed or replaced.
    pub fn check_identity(&self) -> Result<()> {
        let Some(created) = &self.created else { return Ok(()) };
        let what = if self.contents_check.is_some() { "folder" } else { "file" };
        match FileIdentity::from_path(&self.partial_path) {
            Ok(found) if found == created.identity => Ok(()),
            _ => Err(OutputConflict::Replaced(what)).in_file(&self.partial_path),
        }
    }

    /// Renames the complete output to its name.
    ///
    /// # Errors
    /// Returns an error if the file under the partial name is not what was written, a file or folder of the output's
    /// name appeared meanwhile and must not be replaced, or the operating system refuses to sync or rename.
    pub fn commit(mut self) -> Result<()> {
        self.check_identity()?;
        let file = identity::open_existing(&self.partial_path, false)
            .map_err(FileProblem::Write)
            .in_file(&self.target_path)?;
        file.sync_all().map_err(FileProblem::Write).in_file(&self.target_path)?;
        match self.contents_check {
            Some(check) => check(&self.partial_path)?,
            None => self.check_written(&file).in_file(&self.partial_path)?,
        }
        self.check_identity()?;
        self.rename_to_target()?;
        self.check_renamed(&file)?;
        sync_parent_folder(&self.target_path);
        // drops the lock, which removes its file
        self.created = None;
        Ok(())
    }

    /// Checks that a file has the length and the bytes that were written to it.
    fn check_written(&self, file: &File) -> Result<()> {
        let written = lock_checksums(&self.written);
        let expected = self.length.unwrap_or(written.length());
        let found = file.metadata().map_err(FileProblem::Read)?.len();
        if found != expected {
            return Err(OutputConflict::Length { expected, found }.into());
        }
        if self.length.is_none() && !written.matches_file(file).map_err(FileProblem::Read)? {
            return Err(OutputConflict::Content.into());
        }
        Ok(())
    }

    /// Checks that the renamed output is the one that this run created. A file that was cut short in between is
    /// removed.
    fn check_renamed(&self, file: &File) -> Result<()> {
        let Some(created) = &self.created else { return Ok(()) };
        let is_ours = FileIdentity::from_path(&self.target_path).is_ok_and(|found| found == created.identity);
        if !is_ours {
            return Err(OutputConflict::Replaced("output")).in_file(&self.target_path);
        }
        let expected = self.length.unwrap_or(lock_checksums(&self.written).length());
        let found = file.metadata().map_err(FileProblem::Read).in_file(&self.target_path)?.len();
        if self.contents_check.is_none() && found != expected {
            drop(std::fs::remove_file(&self.target_path));
            return Err(OutputConflict::Length { expected, found }).in_file(&self.target_path);
        }
        Ok(())
    }

    /// Renames the complete output.
    fn rename_to_target(&mut self) -> Result<()> {
        let (target, partial) = (&self.target_path, &self.partial_path);
        check_overwrite(target, self.policy)?;
        // inputs may have been opened since the output was begun
        check_not_read_before(target)?;
        let there = target.symlink_metadata().is_ok();
        let renamed = match (self.policy, self.contents_check) {
            (OverwritePolicy::Replace, Some(contents)) if there => return self.replace_folder(contents),
            (OverwritePolicy::Replace, None) if target.is_dir() => return Err(FileProblem::IsFolder).in_file(target),
            (OverwritePolicy::Replace, None) => std::fs::rename(partial, target),
            _ => rename::rename_to_free(partial, target),
        };
        match renamed {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Err(FileProblem::Exists).in_file(target),
            renamed => renamed.map_err(FileProblem::Write).in_file(target),
        }
    }

    /// Replaces an existing folder, and removes it.
    fn replace_folder(&mut self, contents: ContentsCheck) -> Result<()> {
        let (target, partial) = (&self.target_path, &self.partial_path);
        check_folder_target(target, OverwritePolicy::Replace, contents)?;
        let old = FileIdentity::from_path(target).map_err(FileProblem::Read).in_file(target)?;
        if let Some(created) = &mut self.created {
            // if this run is killed, the next one finds in the lock file that the old folder may be removed
            created.lock.record_identity(old).map_err(FileProblem::Write).in_file(target)?;
        }
        if rename::exchange_names(partial, target).map_err(FileProblem::Write).in_file(target)? {
            contents(partial)?;
            return std::fs::remove_dir_all(partial).map_err(FileProblem::Write).in_file(partial);
        }
        let replaced = std::fs::remove_dir_all(target).and_then(|()| std::fs::rename(partial, target));
        replaced.map_err(FileProblem::Write).in_file(target)
    }
}

impl Drop for AtomicOutput {
    fn drop(&mut self) {
        if self.created.is_none() || self.check_identity().is_err() {
            return;
        }
        // an output that cannot be removed stays; a folder is removed only if this program wrote everything in it
        drop(match self.contents_check {
            None => std::fs::remove_file(&self.partial_path),
            Some(check) if check(&self.partial_path).is_ok() => std::fs::remove_dir_all(&self.partial_path),
            Some(_) => Ok(()),
        });
    }
}

/// Returns the error of a partial file or folder that could not be created.
fn creation_error(error: std::io::Error, partial: &Path) -> Error {
    match (error.kind(), identity::file_kind_at(partial)) {
        (std::io::ErrorKind::AlreadyExists, Some(found)) => {
            Error::from(OutputConflict::Foreign(found)).in_file(partial)
        }
        _ => FileProblem::Write(error).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_never_replaces_a_folder_nor_a_folder_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "mine").unwrap();
        let message = |staged: Result<AtomicOutput>| {
            let text = format!("{:?}", staged.unwrap_err());
            text.replace(&format!("{}", folder.path().display()), "")
        };
        let hint = "\nhint: choose another name, or remove it by hand";
        let found = message(AtomicOutput::create_file(folder.path(), OverwritePolicy::Replace));
        assert_eq!(found, format!(": is a folder, expected a file or a free name{hint}"));
        let found = message(AtomicOutput::create_folder(&file, OverwritePolicy::Replace, |_| Ok(())));
        assert_eq!(found, format!("/file: is a file, expected a folder or a free name{hint}"));
        assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    }

    #[test]
    fn a_device_is_never_replaced() {
        // a link to a device, so that a mistake of the code replaces only the link
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        for existing in [OverwritePolicy::Refuse, OverwritePolicy::Replace] {
            let message = AtomicOutput::create_file(&link, existing).unwrap_err().to_string();
            let expected = "is a device or a pipe, expected a file or a free name";
            assert_eq!(message, format!("{}: {expected}", link.display()));
        }
        assert!(link.is_symlink());
    }

    #[test]
    fn a_folder_of_the_partial_name_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let partial = folder.path().join("out.csv.partial");
        std::fs::create_dir(&partial).unwrap();
        let message =
            AtomicOutput::create_file(&folder.path().join("out.csv"), OverwritePolicy::Refuse).unwrap_err().to_string();
        assert_eq!(message, format!("{}: is a folder, expected a file or a free name", partial.display()));
        assert!(partial.is_dir());
    }

    /// Formats an error, without the folder.
    fn message<T: std::fmt::Debug>(folder: &Path, result: Result<T>) -> String {
        format!("{:?}", result.unwrap_err()).replace(&format!("{}/", folder.display()), "")
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A check of folders that accepts only the file `part`.
    fn only_part(folder: &Path) -> Result<()> {
        check_contents(folder, "`part`", &|entry| entry == FolderEntry::File(Path::new("part")))
    }

    const IN_USE: &str =
        "out: in use by another run, expected one run at a time\nhint: wait for it, or choose another name";

    #[test]
    fn only_one_run_at_a_time_writes_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        for existing in [OverwritePolicy::Refuse, OverwritePolicy::Replace] {
            let first = AtomicOutput::create_file(&out, existing).unwrap();
            first.write_all("first").unwrap();
            assert_eq!(message(folder.path(), AtomicOutput::create_file(&out, existing)), IN_USE);
            assert_eq!(message(folder.path(), AtomicOutput::create_folder(&out, existing, only_part)), IN_USE);
            assert_eq!(message(folder.path(), check_can_start(&out, existing, true)), IN_USE);
            assert_eq!(message(folder.path(), remove_stale_lock(&out)), IN_USE);
            first.commit().unwrap();
            assert_eq!(std::fs::read(&out).unwrap(), b"first");
            assert_eq!(names(folder.path()), ["out"]);
            std::fs::remove_file(&out).unwrap();
        }
    }

    /// Leaves the files of a run that is killed while it writes, without a lock.
    fn killed(staged: AtomicOutput) {
        staged.keep_partial();
    }

    #[test]
    fn the_output_of_a_killed_run_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let first = AtomicOutput::create_file(&out, OverwritePolicy::Refuse).unwrap();
        first.write_all("half").unwrap();
        killed(first);
        assert_eq!(names(folder.path()), ["out.checkpoint", "out.partial"]);
        let second = AtomicOutput::create_file(&out, OverwritePolicy::Refuse).unwrap();
        second.write_all("whole").unwrap();
        second.commit().unwrap();
        assert_eq!(std::fs::read(&out).unwrap(), b"whole");
        // killed at each moment before the partial file is recorded: it is missing or empty
        let title = "leadfield checkpoint 1\nrun 1 n\n";
        let creates = &format!("{title}creates partial\n");
        for (text, partial) in [(title, false), (creates, false), (creates, true)] {
            std::fs::remove_file(&out).unwrap();
            std::fs::write(lock_path_for(&out), text).unwrap();
            if partial {
                std::fs::write(partial_path_for(&out), "").unwrap();
            }
            let next = AtomicOutput::create_file(&out, OverwritePolicy::Refuse).unwrap();
            next.write_all("next").unwrap();
            next.commit().unwrap();
            assert_eq!(names(folder.path()), ["out"]);
        }
    }

    #[test]
    fn finished_parts_are_replaced_only_with_force() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let first = AtomicOutput::create_file(&out, OverwritePolicy::Refuse).unwrap();
        let lock_file = File::options().read(true).write(true).open(lock_path_for(&out)).unwrap();
        append_text(&lock_file, "program leadfield\n").unwrap();
        killed(first);
        let hint = "hint: resume it with `--resume`, or start again with `--force`";
        let text = format!("out.partial: exists already, left by an interrupted run\n{hint}");
        assert_eq!(message(folder.path(), AtomicOutput::create_file(&out, OverwritePolicy::Refuse)), text);
        assert_eq!(names(folder.path()), ["out.checkpoint", "out.partial"]);
        drop(AtomicOutput::create_file(&out, OverwritePolicy::Replace).unwrap());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn files_that_no_run_created_are_never_replaced_nor_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let hint = "hint: move it away, or choose another name for the output";
        std::fs::write(at("precious"), "mine").unwrap();
        std::fs::create_dir(at("kept")).unwrap();
        std::fs::write(at("kept/part"), "mine").unwrap();
        type Make = fn(&Path);
        let makes: [(&str, Make); 7] = [
            ("another file", |path| std::fs::write(path, "mine").unwrap()),
            ("another file", |path| std::fs::write(path, "").unwrap()),
            ("another folder", |path| std::fs::create_dir(path).unwrap()),
            ("a link", |path| std::os::unix::fs::symlink(path.with_file_name("precious"), path).unwrap()),
            ("a link", |path| std::os::unix::fs::symlink(path.with_file_name("kept"), path).unwrap()),
            ("a link", |path| std::os::unix::fs::symlink("/nowhere", path).unwrap()),
            ("a device or a pipe", |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
        ];
        for (found, make) in makes {
            for name in ["out.checkpoint", "out.partial"] {
                make(&at(name));
                for existing in [OverwritePolicy::Refuse, OverwritePolicy::Replace] {
                    let text = format!(
                        "{name}: not replaced, expected a free name or what an interrupted run left, found {found}\n{hint}"
                    );
                    let staged = AtomicOutput::create_folder(&at("out"), existing, only_part);
                    assert_eq!(message(folder.path(), staged), text);
                    if !at(name).is_dir() {
                        assert_eq!(message(folder.path(), AtomicOutput::create_file(&at("out"), existing)), text);
                    }
                    assert_eq!(message(folder.path(), check_can_start(&at("out"), existing, true)), text);
                }
                assert_eq!(names(folder.path()), ["kept", name, "precious"]);
                let removed = std::fs::remove_file(at(name)).or_else(|_| std::fs::remove_dir(at(name)));
                removed.unwrap();
            }
        }
        assert_eq!(
            (std::fs::read(at("precious")).unwrap(), std::fs::read(at("kept/part")).unwrap()),
            (b"mine".into(), b"mine".into())
        );
        // a file that replaced the partial file of a killed run
        let first = AtomicOutput::create_file(&at("out"), OverwritePolicy::Refuse).unwrap();
        first.write_all("half").unwrap();
        killed(first);
        std::fs::rename(at("precious"), at("out.partial")).unwrap();
        let text = format!(
            "out.partial: not replaced, expected a free name or what an interrupted run left, found another file\n{hint}"
        );
        assert_eq!(message(folder.path(), AtomicOutput::create_file(&at("out"), OverwritePolicy::Replace)), text);
        assert_eq!(std::fs::read(at("out.partial")).unwrap(), b"mine");
        // also an empty one, since the run had recorded which file it created
        std::fs::write(at("empty"), "").unwrap();
        std::fs::rename(at("empty"), at("out.partial")).unwrap();
        assert_eq!(message(folder.path(), AtomicOutput::create_file(&at("out"), OverwritePolicy::Replace)), text);
    }

    #[test]
    fn a_run_renames_only_the_file_that_it_created() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let hint = "hint: run it again while nothing else writes there; the output was not renamed";
        let replaced = |what: &str| {
            format!(
                "out.partial: removed or replaced while it was written, expected the {what} that this run created\n{hint}"
            )
        };
        type Replace = fn(&Path);
        let replaces: [Replace; 3] = [
            |path| std::fs::remove_file(path).unwrap(),
            |path| {
                std::fs::write(path.with_extension("new"), "whole").unwrap();
                std::fs::rename(path.with_extension("new"), path).unwrap();
            },
            |path| {
                std::fs::rename(path, path.with_extension("moved")).unwrap();
                std::os::unix::fs::symlink(path.with_extension("moved"), path).unwrap();
            },
        ];
        for replace in replaces {
            let staged = AtomicOutput::create_file(&at("out"), OverwritePolicy::Refuse).unwrap();
            staged.write_all("whole").unwrap();
            replace(&at("out.partial"));
            assert_eq!(message(folder.path(), staged.commit()), replaced("file"));
            assert!(at("out").symlink_metadata().is_err());
            for name in ["out.partial", "out.moved"] {
                drop(std::fs::remove_file(at(name)));
            }
            assert!(names(folder.path()).is_empty(), "{:?}", names(folder.path()));
        }
        let staged = AtomicOutput::create_folder(&at("out"), OverwritePolicy::Refuse, only_part).unwrap();
        std::fs::rename(at("out.partial"), at("moved")).unwrap();
        std::fs::create_dir(at("out.partial")).unwrap();
        assert_eq!(message(folder.path(), staged.commit()), replaced("folder"));
        assert_eq!(names(folder.path()), ["moved", "out.partial"]);
    }

    #[test]
    fn a_file_that_was_cut_short_or_changed_is_not_renamed() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let hint = "hint: run it again while nothing else writes there; the output was not renamed";
        let change = |change: fn(&File)| {
            let staged = AtomicOutput::create_file(&out, OverwritePolicy::Refuse).unwrap();
            staged.write_all("0123456789").unwrap();
            change(&File::options().write(true).open(staged.partial_path()).unwrap());
            let text = message(folder.path(), staged.commit());
            assert!(names(folder.path()).is_empty());
            text
        };
        let length = |found: u64| {
            format!("out.partial: changed by others while it was written, expected 10 bytes, found {found}\n{hint}")
        };
        assert_eq!(change(|file| file.set_len(0).unwrap()), length(0));
        assert_eq!(change(|file| file.set_len(9).unwrap()), length(9));
        assert_eq!(change(|file| file.set_len(11).unwrap()), length(11));
        let text = "expected the bytes that were written, found others";
        let changed = change(|mut file| file.write_all(b"x").unwrap());
        assert_eq!(changed, format!("out.partial: changed by others while it was written, {text}\n{hint}"));
        // a file that is written through its path
        let mut staged = AtomicOutput::create_file(&out, OverwritePolicy::Refuse).unwrap();
        std::fs::write(staged.partial_path(), "0123456789").unwrap();
        staged.record_length().unwrap();
        File::options().write(true).open(staged.partial_path()).unwrap().set_len(4).unwrap();
        assert_eq!(message(folder.path(), staged.commit()), length(4));
    }

    #[test]
    fn a_file_that_appears_under_the_name_meanwhile_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let hint = "hint: choose another name, or replace it with `--force`";
        let staged = AtomicOutput::create_file(&out, OverwritePolicy::Refuse).unwrap();
        staged.write_all("ours").unwrap();
        std::fs::write(&out, "mine").unwrap();
        assert_eq!(message(folder.path(), staged.commit()), format!("out: exists already\n{hint}"));
        assert_eq!(std::fs::read(&out).unwrap(), b"mine");
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn a_folder_is_replaced_only_if_this_program_wrote_all_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let make = |existing| {
            let staged = AtomicOutput::create_folder(&at("out"), existing, only_part)?;
            std::fs::write(staged.partial_path().join("part"), "new").unwrap();
            Ok(staged)
        };
        std::fs::create_dir(at("out")).unwrap();
        std::fs::write(at("out/part"), "old").unwrap();
        make(OverwritePolicy::Replace).unwrap().commit().unwrap();
        assert_eq!(std::fs::read(at("out/part")).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["out"]);
        let text = "not replaced, expected a folder with only `part`, found `thesis`\nhint: choose another name, or remove it by hand";
        // a file that appears while the new folder is written
        let staged = make(OverwritePolicy::Replace).unwrap();
        std::fs::write(at("out/thesis"), "mine").unwrap();
        assert_eq!(message(folder.path(), staged.commit()), format!("out: {text}"));
        assert_eq!(message(folder.path(), make(OverwritePolicy::Replace)), format!("out: {text}"));
        assert_eq!(names(&at("out")), ["part", "thesis"]);
        assert_eq!(names(folder.path()), ["out"]);
        // a file in the folder of a killed run, or in the new folder
        std::fs::remove_dir_all(at("out")).unwrap();
        let staged = make(OverwritePolicy::Refuse).unwrap();
        std::fs::write(at("out.partial/thesis"), "mine").unwrap();
        killed(staged);
        assert_eq!(message(folder.path(), make(OverwritePolicy::Replace)), format!("out.partial: {text}"));
        std::fs::rename(at("out.partial/thesis"), at("thesis")).unwrap();
        let staged = make(OverwritePolicy::Refuse).unwrap();
        std::fs::rename(at("thesis"), at("out.partial/thesis")).unwrap();
        assert_eq!(message(folder.path(), staged.commit()), format!("out.partial: {text}"));
        assert_eq!(names(&at("out.partial")), ["part", "thesis"]);
        std::fs::remove_dir_all(at("out.partial")).unwrap();
        // a link to a folder
        std::fs::create_dir(at("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere", at("out")).unwrap();
        let text = "out: is a link, expected a folder or a free name\nhint: choose another name, or remove it by hand";
        assert_eq!(message(folder.path(), make(OverwritePolicy::Replace)), text);
    }
}
