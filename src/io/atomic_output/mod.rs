//! Outputs that appear under their name only when they are complete, and that no two runs write at a time.
//!
//! While a run writes `OUT` there is `OUT.partial`, the file or folder under construction, and `OUT.journal`, its lock ([`Claim`]). Both
//! are created exclusively, never through links, and never in the place of what no run left. When the output is complete the run checks
//! that `OUT.partial` is what it has made, and as long as what it has written, then renames it.

mod claim;
mod contents;
mod identity;
mod names;
mod problem;
mod rename;
mod space;
mod written;

pub use claim::{Claim, check_startable, clear, lock_path_of};
pub use contents::{Entry, check_contents};
pub use identity::create_without_following;
pub use names::{check_apart, check_free, check_target, is_plain_name, partial_of};
pub use problem::OutputConflict;
pub use space::{Trial, check_rest, check_room, check_space, free};
pub use written::OutputFile;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::error::{Context, Error, FileProblem, Result};
use identity::Identity;
use names::{check_file, check_folder, check_no_input, sync_folder_of};
use written::{Written, locked};

/// What to do with an output that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Keep it: an error.
    Keep,
    /// Replace it when the new one is complete.
    Replace,
}

/// Checks that all in a folder is what this program writes to such a folder: an error names what else is there.
pub type CheckContents = fn(&Path) -> Result<()>;

/// An output (file or folder) under construction: written as `NAME.partial`, renamed by [`Staged::commit`], left
/// for a later run by [`Staged::leave`], removed when dropped before either.
#[derive(Debug)]
pub struct Staged {
    target: PathBuf,
    partial: PathBuf,
    existing: Existing,
    /// The check of a folder's contents; none for a file.
    contents: Option<CheckContents>,
    /// What this run makes; none where another process makes it.
    made: Option<Made>,
    /// What is known of a file's bytes.
    written: Arc<Mutex<Written>>,
    /// Bytes of a file that was not written through [`Staged::file`].
    length: Option<u64>,
}

/// What a run makes, and its lock.
#[derive(Debug)]
struct Made {
    claim: Claim,
    identity: Identity,
    /// The file; none for a folder.
    file: Option<File>,
}

impl Staged {
    /// Starts an output that is a file.
    ///
    /// # Errors
    /// It exists and is to be kept, or is a folder, a device or a pipe; another run writes it; an interrupted run left done parts of it that are
    /// to be kept; its folder is missing or cannot be written; the partial name is taken by what no run left.
    pub fn new(target: &Path, existing: Existing) -> Result<Self> {
        check_file(target, existing)?;
        let claim = Claim::to_begin(target, existing)?;
        Self::begin(claim, existing)
    }

    /// The same, when the output is locked already.
    ///
    /// # Errors
    /// As [`Staged::new`].
    pub fn begin(mut claim: Claim, existing: Existing) -> Result<Self> {
        let target = claim.target().to_path_buf();
        check_file(&target, existing)?;
        claim.take_over(None)?;
        let partial = partial_of(&target);
        let file = identity::create_new(&partial).map_err(|e| taken(e, &partial)).in_file(&target)?;
        let identity = Identity::of_file(&file).and_then(|identity| claim.tell(identity).map(|()| identity));
        let identity = identity.map_err(|e| {
            drop(std::fs::remove_file(&partial));
            FileProblem::Write(e)
        });
        let made = Made { claim, identity: identity.in_file(&target)?, file: Some(file) };
        Ok(Self::with(&target, existing, None, Some(made)))
    }

    /// Starts an output that is a folder: the partial folder exists and is empty. A folder that is replaced goes with all it holds,
    /// which has to pass `contents`.
    ///
    /// # Errors
    /// It exists and is to be kept, is a file or a link, or holds other things; the folder above is missing or cannot be written; and as
    /// [`Staged::new`].
    pub fn folder(target: &Path, existing: Existing, contents: CheckContents) -> Result<Self> {
        check_folder(target, existing, contents)?;
        let claim = Claim::to_begin(target, existing)?;
        Self::begin_folder(claim, existing, contents)
    }

    /// The same, when the output is locked already.
    ///
    /// # Errors
    /// As [`Staged::folder`].
    pub fn begin_folder(mut claim: Claim, existing: Existing, contents: CheckContents) -> Result<Self> {
        let target = claim.target().to_path_buf();
        check_folder(&target, existing, contents)?;
        claim.take_over(Some(contents))?;
        let partial = partial_of(&target);
        std::fs::create_dir(&partial).map_err(|e| taken(e, &partial)).in_file(&target)?;
        let identity = Identity::at(&partial).and_then(|identity| claim.tell(identity).map(|()| identity));
        let identity = identity.map_err(|e| {
            drop(std::fs::remove_dir(&partial));
            FileProblem::Write(e)
        });
        let made = Made { claim, identity: identity.in_file(&target)?, file: None };
        Ok(Self::with(&target, existing, Some(contents), Some(made)))
    }

    /// Goes on with what an earlier run left under the partial name: a folder where there are `contents` to check. That its bytes are those of such a
    /// run is the caller's to know.
    ///
    /// # Errors
    /// The output exists and is to be kept; the partial file or folder is a link, is gone, or holds other things.
    pub fn resume(mut claim: Claim, existing: Existing, contents: Option<CheckContents>) -> Result<Self> {
        let target = claim.target().to_path_buf();
        check_free(&target, existing)?;
        let partial = partial_of(&target);
        let found = partial.symlink_metadata().map_err(FileProblem::Read).in_file(&partial)?;
        if if contents.is_some() { !found.is_dir() } else { !found.is_file() } {
            return Err(OutputConflict::Foreign(identity::kind_of(&found))).in_file(&partial);
        }
        contents.map_or(Ok(()), |check| check(&partial))?;
        let identity = Identity::new(&found);
        claim.go_on(identity).map_err(FileProblem::Write).in_file(&target)?;
        let made = Made { claim, identity, file: None };
        Ok(Self::with(&target, existing, contents, Some(made)))
    }

    /// Writes to an output that another process has started, and will commit, leave or remove.
    pub fn join(target: &Path) -> Self {
        Self::with(target, Existing::Keep, None, None)
    }

    fn with(target: &Path, existing: Existing, contents: Option<CheckContents>, made: Option<Made>) -> Self {
        let (target, partial) = (target.to_path_buf(), partial_of(target));
        Self { target, partial, existing, contents, made, written: Arc::default(), length: None }
    }

    /// Leaves what is done so far for a later run.
    pub fn leave(mut self) {
        if let Some(made) = self.made.take() {
            made.claim.leave();
        }
    }

    /// Where to write.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// The name it will have.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The file, to be written from its beginning to its end; its bytes are checked before it gets its name.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn file(&self) -> Result<OutputFile> {
        let file = match self.made.as_ref().and_then(|made| made.file.as_ref()) {
            Some(file) => file.try_clone(),
            None => Err(std::io::ErrorKind::IsADirectory.into()),
        };
        let file = file.map_err(FileProblem::Write).in_file(&self.target)?;
        Ok(OutputFile { file, written: self.written.clone() })
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn write(&self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.file()?.write_all(bytes.as_ref()).map_err(FileProblem::Write).in_file(&self.target)
    }

    /// Notes the length of a file that is written through its path, by a library: when it has all its bytes, or its space.
    ///
    /// # Errors
    /// It has gone, or was replaced.
    pub fn note_length(&mut self) -> Result<()> {
        self.check_made()?;
        let found = self.partial.symlink_metadata().map_err(FileProblem::Read).in_file(&self.partial)?;
        self.length = Some(found.len());
        Ok(())
    }

    /// The lock file, for what a run notes of its progress.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn notes(&self) -> Result<Option<File>> {
        self.made.as_ref().map(|made| made.claim.notes()).transpose()
    }

    /// Checks that the partial name still stands for what this run has made.
    ///
    /// # Errors
    /// It was removed or replaced.
    pub fn check_made(&self) -> Result<()> {
        let Some(made) = &self.made else { return Ok(()) };
        let what = if self.contents.is_some() { "folder" } else { "file" };
        match Identity::at(&self.partial) {
            Ok(found) if found == made.identity => Ok(()),
            _ => Err(OutputConflict::Replaced(what)).in_file(&self.partial),
        }
    }

    /// Gives the complete output its name.
    ///
    /// # Errors
    /// What is under the partial name is not what was written; a file or folder of the output's name appeared meanwhile and is to be kept; the operating
    /// system refuses to sync or rename.
    pub fn commit(mut self) -> Result<()> {
        self.check_made()?;
        let file = identity::open_existing(&self.partial, false).map_err(FileProblem::Write).in_file(&self.target)?;
        file.sync_all().map_err(FileProblem::Write).in_file(&self.target)?;
        match self.contents {
            Some(check) => check(&self.partial)?,
            None => self.check_written(&file).in_file(&self.partial)?,
        }
        self.check_made()?;
        self.give_name()?;
        self.check_named(&file)?;
        sync_folder_of(&self.target);
        // the lock goes with what is made
        self.made = None;
        Ok(())
    }

    /// Checks that a file is as long as what was written to it, and holds that.
    fn check_written(&self, file: &File) -> Result<()> {
        let written = locked(&self.written);
        let expected = self.length.unwrap_or(written.length());
        let found = file.metadata().map_err(FileProblem::Read)?.len();
        if found != expected {
            return Err(OutputConflict::Length { expected, found }.into());
        }
        if self.length.is_none() && !written.is_in(file).map_err(FileProblem::Read)? {
            return Err(OutputConflict::Content.into());
        }
        Ok(())
    }

    /// Checks that the name was given to what this run has made, and that a file was not cut short in between: then it loses its name again.
    fn check_named(&self, file: &File) -> Result<()> {
        let Some(made) = &self.made else { return Ok(()) };
        let is_ours = Identity::at(&self.target).is_ok_and(|found| found == made.identity);
        if !is_ours {
            return Err(OutputConflict::Replaced("output")).in_file(&self.target);
        }
        let expected = self.length.unwrap_or(locked(&self.written).length());
        let found = file.metadata().map_err(FileProblem::Read).in_file(&self.target)?.len();
        if self.contents.is_none() && found != expected {
            drop(std::fs::remove_file(&self.target));
            return Err(OutputConflict::Length { expected, found }).in_file(&self.target);
        }
        Ok(())
    }

    /// Renames the complete output.
    fn give_name(&mut self) -> Result<()> {
        let (target, partial) = (&self.target, &self.partial);
        check_free(target, self.existing)?;
        // inputs may have been opened since the output was begun
        check_no_input(target)?;
        let there = target.symlink_metadata().is_ok();
        let renamed = match (self.existing, self.contents) {
            (Existing::Replace, Some(contents)) if there => return self.replace_folder(contents),
            (Existing::Replace, None) if target.is_dir() => return Err(FileProblem::IsFolder).in_file(target),
            (Existing::Replace, None) => std::fs::rename(partial, target),
            _ => rename::rename_to_free(partial, target),
        };
        match renamed {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Err(FileProblem::Exists).in_file(target),
            renamed => renamed.map_err(FileProblem::Write).in_file(target),
        }
    }

    /// Gives a folder the name of another one, which goes.
    fn replace_folder(&mut self, contents: CheckContents) -> Result<()> {
        let (target, partial) = (&self.target, &self.partial);
        check_folder(target, Existing::Replace, contents)?;
        let old = Identity::at(target).map_err(FileProblem::Read).in_file(target)?;
        if let Some(made) = &mut self.made {
            // where this run is killed the next one knows whose the old folder is
            made.claim.tell(old).map_err(FileProblem::Write).in_file(target)?;
        }
        if rename::exchange(partial, target).map_err(FileProblem::Write).in_file(target)? {
            contents(partial)?;
            return std::fs::remove_dir_all(partial).map_err(FileProblem::Write).in_file(partial);
        }
        let replaced = std::fs::remove_dir_all(target).and_then(|()| std::fs::rename(partial, target));
        replaced.map_err(FileProblem::Write).in_file(target)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.made.is_none() || self.check_made().is_err() {
            return;
        }
        // nothing more can be done about what cannot be removed; of a folder no more goes than what is ours
        drop(match self.contents {
            None => std::fs::remove_file(&self.partial),
            Some(check) if check(&self.partial).is_ok() => std::fs::remove_dir_all(&self.partial),
            Some(_) => Ok(()),
        });
    }
}

/// Why a partial file or folder was not created.
fn taken(error: std::io::Error, partial: &Path) -> Error {
    match (error.kind(), identity::kind_at(partial)) {
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
        let told = |staged: Result<Staged>| {
            let text = format!("{:?}", staged.unwrap_err());
            text.replace(&format!("{}", folder.path().display()), "")
        };
        let hint = "\nhint: choose another name, or remove it by hand";
        let found = told(Staged::new(folder.path(), Existing::Replace));
        assert_eq!(found, format!(": is a folder, expected a file or a free name{hint}"));
        let found = told(Staged::folder(&file, Existing::Replace, |_| Ok(())));
        assert_eq!(found, format!("/file: is a file, expected a folder or a free name{hint}"));
        assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    }

    #[test]
    fn what_is_no_file_is_never_replaced() {
        // a link to a device, so that a mistake replaces no more than the link
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        for existing in [Existing::Keep, Existing::Replace] {
            let told = Staged::new(&link, existing).unwrap_err().to_string();
            let expected = "is a device or a pipe, expected a file or a free name";
            assert_eq!(told, format!("{}: {expected}", link.display()));
        }
        assert!(link.is_symlink());
    }

    #[test]
    fn a_folder_of_the_partial_name_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let partial = folder.path().join("out.csv.partial");
        std::fs::create_dir(&partial).unwrap();
        let told = Staged::new(&folder.path().join("out.csv"), Existing::Keep).unwrap_err().to_string();
        assert_eq!(told, format!("{}: is a folder, expected a file or a free name", partial.display()));
        assert!(partial.is_dir());
    }

    /// What an error tells, without the folder.
    fn told<T: std::fmt::Debug>(folder: &Path, result: Result<T>) -> String {
        format!("{:?}", result.unwrap_err()).replace(&format!("{}/", folder.display()), "")
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A check of folders: `part` is ours.
    fn only_part(folder: &Path) -> Result<()> {
        check_contents(folder, "`part`", &|entry| entry == Entry::File(Path::new("part")))
    }

    const IN_USE: &str =
        "out: in use by another run, expected one run at a time\nhint: wait for it, or choose another name";

    #[test]
    fn a_name_is_written_by_one_run_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        for existing in [Existing::Keep, Existing::Replace] {
            let first = Staged::new(&out, existing).unwrap();
            first.write("first").unwrap();
            assert_eq!(told(folder.path(), Staged::new(&out, existing)), IN_USE);
            assert_eq!(told(folder.path(), Staged::folder(&out, existing, only_part)), IN_USE);
            assert_eq!(told(folder.path(), check_startable(&out, existing, true)), IN_USE);
            assert_eq!(told(folder.path(), clear(&out)), IN_USE);
            first.commit().unwrap();
            assert_eq!(std::fs::read(&out).unwrap(), b"first");
            assert_eq!(names(folder.path()), ["out"]);
            std::fs::remove_file(&out).unwrap();
        }
    }

    /// What a run leaves that is killed while it writes: its files, and no lock.
    fn killed(staged: Staged) {
        staged.leave();
    }

    #[test]
    fn what_a_killed_run_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let first = Staged::new(&out, Existing::Keep).unwrap();
        first.write("half").unwrap();
        killed(first);
        assert_eq!(names(folder.path()), ["out.journal", "out.partial"]);
        let second = Staged::new(&out, Existing::Keep).unwrap();
        second.write("whole").unwrap();
        second.commit().unwrap();
        assert_eq!(std::fs::read(&out).unwrap(), b"whole");
        // killed at every moment before the partial file is told: the lock file is empty, or has a title, and the partial file is away, or empty
        for (journal, partial) in
            [("", false), ("leadfield journal 1\n", false), ("leadfield journal 1\nrun 1 n\n", true)]
        {
            std::fs::remove_file(&out).unwrap();
            std::fs::write(lock_path_of(&out), journal).unwrap();
            if partial {
                std::fs::write(partial_of(&out), "").unwrap();
            }
            let next = Staged::new(&out, Existing::Keep).unwrap();
            next.write("next").unwrap();
            next.commit().unwrap();
            assert_eq!(names(folder.path()), ["out"]);
        }
    }

    #[test]
    fn parts_that_are_done_are_not_replaced_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let first = Staged::new(&out, Existing::Keep).unwrap();
        first.notes().unwrap().unwrap().write_all(b"program leadfield\n").unwrap();
        killed(first);
        let hint = "hint: go on with it: `--resume`; or begin anew: `--force`";
        let text = format!("out.partial: exists already, left by a run that did not finish\n{hint}");
        assert_eq!(told(folder.path(), Staged::new(&out, Existing::Keep)), text);
        assert_eq!(names(folder.path()), ["out.journal", "out.partial"]);
        drop(Staged::new(&out, Existing::Replace).unwrap());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn what_no_run_left_is_never_replaced_nor_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let hint = "hint: move it away, or choose another name for the output";
        std::fs::write(at("precious"), "mine").unwrap();
        std::fs::create_dir(at("kept")).unwrap();
        std::fs::write(at("kept/part"), "mine").unwrap();
        type Make = fn(&Path);
        let makes: [(&str, Make); 5] = [
            ("another file", |path| std::fs::write(path, "mine").unwrap()),
            ("a link", |path| std::os::unix::fs::symlink(path.with_file_name("precious"), path).unwrap()),
            ("a link", |path| std::os::unix::fs::symlink(path.with_file_name("kept"), path).unwrap()),
            ("a link", |path| std::os::unix::fs::symlink("/nowhere", path).unwrap()),
            ("a device or a pipe", |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
        ];
        for (found, make) in makes {
            for name in ["out.journal", "out.partial"] {
                make(&at(name));
                for existing in [Existing::Keep, Existing::Replace] {
                    let text = format!(
                        "{name}: not replaced, expected a free name or what an interrupted run left, found {found}\n{hint}"
                    );
                    let staged = Staged::folder(&at("out"), existing, only_part);
                    assert_eq!(told(folder.path(), staged), text);
                    if !at(name).is_dir() {
                        assert_eq!(told(folder.path(), Staged::new(&at("out"), existing)), text);
                    }
                    assert_eq!(told(folder.path(), check_startable(&at("out"), existing, true)), text);
                }
                assert_eq!(names(folder.path()), ["kept", name, "precious"]);
                std::fs::remove_file(at(name)).unwrap();
            }
        }
        assert_eq!(
            (std::fs::read(at("precious")).unwrap(), std::fs::read(at("kept/part")).unwrap()),
            (b"mine".into(), b"mine".into())
        );
        // a file that was put in the place of what a killed run left
        let first = Staged::new(&at("out"), Existing::Keep).unwrap();
        first.write("half").unwrap();
        killed(first);
        std::fs::rename(at("precious"), at("out.partial")).unwrap();
        let text = format!(
            "out.partial: not replaced, expected a free name or what an interrupted run left, found another file\n{hint}"
        );
        assert_eq!(told(folder.path(), Staged::new(&at("out"), Existing::Replace)), text);
        assert_eq!(std::fs::read(at("out.partial")).unwrap(), b"mine");
    }

    #[test]
    fn a_run_renames_only_the_file_that_it_made() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let hint = "hint: run it again, and let nothing else write there: the output was not given its name";
        let replaced = |what: &str| {
            format!(
                "out.partial: removed or replaced while it was written, expected the {what} that this run has made\n{hint}"
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
            let staged = Staged::new(&at("out"), Existing::Keep).unwrap();
            staged.write("whole").unwrap();
            replace(&at("out.partial"));
            assert_eq!(told(folder.path(), staged.commit()), replaced("file"));
            assert!(at("out").symlink_metadata().is_err());
            for name in ["out.partial", "out.moved"] {
                drop(std::fs::remove_file(at(name)));
            }
            assert!(names(folder.path()).is_empty(), "{:?}", names(folder.path()));
        }
        let staged = Staged::folder(&at("out"), Existing::Keep, only_part).unwrap();
        std::fs::rename(at("out.partial"), at("moved")).unwrap();
        std::fs::create_dir(at("out.partial")).unwrap();
        assert_eq!(told(folder.path(), staged.commit()), replaced("folder"));
        assert_eq!(names(folder.path()), ["moved", "out.partial"]);
    }

    #[test]
    fn a_file_that_was_cut_short_or_changed_is_not_given_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let hint = "hint: run it again, and let nothing else write there: the output was not given its name";
        let change = |change: fn(&File)| {
            let staged = Staged::new(&out, Existing::Keep).unwrap();
            staged.write("0123456789").unwrap();
            change(&File::options().write(true).open(staged.partial()).unwrap());
            let text = told(folder.path(), staged.commit());
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
        let mut staged = Staged::new(&out, Existing::Keep).unwrap();
        std::fs::write(staged.partial(), "0123456789").unwrap();
        staged.note_length().unwrap();
        File::options().write(true).open(staged.partial()).unwrap().set_len(4).unwrap();
        assert_eq!(told(folder.path(), staged.commit()), length(4));
    }

    #[test]
    fn what_appears_under_the_name_meanwhile_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let hint = "hint: choose another name, or replace it with `--force`";
        let staged = Staged::new(&out, Existing::Keep).unwrap();
        staged.write("ours").unwrap();
        std::fs::write(&out, "mine").unwrap();
        assert_eq!(told(folder.path(), staged.commit()), format!("out: exists already\n{hint}"));
        assert_eq!(std::fs::read(&out).unwrap(), b"mine");
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn a_folder_is_replaced_only_where_all_in_it_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let make = |existing| {
            let staged = Staged::folder(&at("out"), existing, only_part)?;
            std::fs::write(staged.partial().join("part"), "new").unwrap();
            Ok(staged)
        };
        std::fs::create_dir(at("out")).unwrap();
        std::fs::write(at("out/part"), "old").unwrap();
        make(Existing::Replace).unwrap().commit().unwrap();
        assert_eq!(std::fs::read(at("out/part")).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["out"]);
        let text = "not replaced, expected a folder of nothing but `part`, found `thesis`\nhint: choose another name, or remove it by hand";
        // something that comes while the new folder is made
        let staged = make(Existing::Replace).unwrap();
        std::fs::write(at("out/thesis"), "mine").unwrap();
        assert_eq!(told(folder.path(), staged.commit()), format!("out: {text}"));
        assert_eq!(told(folder.path(), make(Existing::Replace)), format!("out: {text}"));
        assert_eq!(names(&at("out")), ["part", "thesis"]);
        assert_eq!(names(folder.path()), ["out"]);
        // something in what a killed run left, or in what is made
        std::fs::remove_dir_all(at("out")).unwrap();
        let staged = make(Existing::Keep).unwrap();
        std::fs::write(at("out.partial/thesis"), "mine").unwrap();
        killed(staged);
        assert_eq!(told(folder.path(), make(Existing::Replace)), format!("out.partial: {text}"));
        std::fs::rename(at("out.partial/thesis"), at("thesis")).unwrap();
        let staged = make(Existing::Keep).unwrap();
        std::fs::rename(at("thesis"), at("out.partial/thesis")).unwrap();
        assert_eq!(told(folder.path(), staged.commit()), format!("out.partial: {text}"));
        assert_eq!(names(&at("out.partial")), ["part", "thesis"]);
        std::fs::remove_dir_all(at("out.partial")).unwrap();
        // a link to a folder
        std::fs::create_dir(at("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere", at("out")).unwrap();
        let text = "out: is a link, expected a folder or a free name\nhint: choose another name, or remove it by hand";
        assert_eq!(told(folder.path(), make(Existing::Replace)), text);
    }
}
