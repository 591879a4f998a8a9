//! Opens input files, and refuses everything that is not a regular file.
//!
//! Opening a pipe waits for a writer, and reading a device may never end, so both are refused before they are opened.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::Read;
use std::marker::PhantomData;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::error::{Context, FileProblem, Result};

/// Device and inode of files that were opened for reading.
type FileIds = BTreeSet<(u64, u64)>;

/// The inputs of the process; unset until [`record_inputs`] is called.
static INPUTS: OnceLock<Mutex<FileIds>> = OnceLock::new();

thread_local! {
    /// The inputs of the run that this thread does; unset without an [`InputRecording`].
    static INPUTS_OF_RUN: RefCell<Option<FileIds>> = const { RefCell::new(None) };
}

/// Starts to record which files are inputs, so that no output replaces one. Only for programs in which a process is one
/// run: in a process that writes an output, reads it and writes it again, the output would count as an input, see
/// [`InputRecording`].
pub fn record_inputs() {
    INPUTS.get_or_init(Mutex::default);
}

/// Records which files this thread opens for reading until it is dropped, so that no output that the thread writes
/// meanwhile replaces one. Files that other threads open for it are not recorded.
#[derive(Debug)]
pub struct InputRecording {
    /// The files of the recording before; they are recorded again afterwards.
    before: Option<FileIds>,
    /// The recording belongs to its thread.
    _of_thread: PhantomData<*const ()>,
}

impl InputRecording {
    /// Starts to record.
    #[must_use]
    pub fn start() -> Self {
        Self { before: INPUTS_OF_RUN.replace(Some(FileIds::new())), _of_thread: PhantomData }
    }
}

impl Drop for InputRecording {
    fn drop(&mut self) {
        INPUTS_OF_RUN.set(self.before.take());
    }
}

/// Does something with each set of files that are recorded.
fn for_each_record(mut work: impl FnMut(&mut FileIds)) {
    if let Some(inputs) = INPUTS.get() {
        work(&mut inputs.lock().unwrap_or_else(PoisonError::into_inner));
    }
    INPUTS_OF_RUN.with_borrow_mut(|inputs| inputs.as_mut().map(work));
}

/// Returns whether a path is a file that was opened for reading and recorded. A link is another file than its target.
pub fn is_input(path: &Path) -> bool {
    let Ok(found) = path.symlink_metadata() else { return false };
    let mut is_recorded = false;
    for_each_record(|inputs| is_recorded |= inputs.contains(&device_and_inode(&found)));
    is_recorded
}

/// Removes a file from the recorded inputs: it is an earlier output that was read only to compare it with a new one.
pub fn forget_input(path: &Path) {
    let Ok(found) = path.metadata() else { return };
    for_each_record(|inputs| {
        inputs.remove(&device_and_inode(&found));
    });
}

fn device_and_inode(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// Refuses a folder, a pipe, a socket or a device. A missing file passes: the call that opens it reports the error.
///
/// # Errors
/// Returns [`FileProblem::NotRegular`] for a pipe, a socket or a device, and [`FileProblem::InputFolder`] for a folder.
pub fn check_regular_file(path: &Path) -> Result<()> {
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
    if metadata.is_file() {
        for_each_record(|inputs| {
            inputs.insert(device_and_inode(&metadata));
        });
    }
    let kind = metadata.file_type();
    let found = match kind {
        _ if kind.is_dir() => return Err(FileProblem::InputFolder).in_file(path),
        _ if kind.is_fifo() => "a pipe",
        _ if kind.is_socket() => "a socket",
        _ if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => return Ok(()),
    };
    Err(FileProblem::NotRegular(found)).in_file(path)
}

/// Opens a file for reading.
///
/// # Errors
/// Returns an error if the file is missing, may not be read, or is not a regular file.
pub fn open(path: &Path) -> Result<File> {
    check_regular_file(path)?;
    File::open(path).map_err(FileProblem::Read).in_file(path)
}

/// Reads a whole file.
///
/// # Errors
/// The same as for [`open`].
pub fn read(path: &Path) -> Result<Vec<u8>> {
    check_regular_file(path)?;
    std::fs::read(path).map_err(FileProblem::Read).in_file(path)
}

/// The most bytes of a text file: more than any table of contacts, configuration or morphology has.
const MAX_TEXT_BYTES: u64 = 1 << 30;

/// First bytes of binary files that are often given in place of text.
const BINARY_FORMATS: [(&[u8], &str); 2] = [(b"\x89HDF\r\n\x1a\n", "an HDF5 file"), (b"PAR1", "a Parquet file")];

/// Reads a whole text file. Binary files and files of more than 1 GiB are refused by their first bytes and their length,
/// before the others are read.
///
/// # Errors
/// Returns an error for such a file, and the errors of [`open`].
pub fn read_text(path: &Path) -> Result<Vec<u8>> {
    let mut file = open(path)?;
    let found = file.metadata().map_err(FileProblem::Read).in_file(path)?.len();
    let begin = read_text_begin(&mut file).in_file(path)?;
    if found > MAX_TEXT_BYTES {
        return Err(FileProblem::TooLong { most: MAX_TEXT_BYTES, found }).in_file(path);
    }
    read_text_rest(file, begin, MAX_TEXT_BYTES).in_file(path)
}

/// Reads text to its end, where its length is not known before, such as standard input. It has the same bounds as
/// [`read_text`].
///
/// # Errors
/// Returns an error for binary data, for more than 1 GiB, and if the input cannot be read.
pub fn read_text_from(mut input: impl Read) -> Result<Vec<u8>, FileProblem> {
    let begin = read_text_begin(&mut input)?;
    read_text_rest(input, begin, MAX_TEXT_BYTES)
}

/// Reads the first bytes, and refuses those of binary files.
fn read_text_begin(input: impl Read) -> Result<Vec<u8>, FileProblem> {
    let longest = BINARY_FORMATS.iter().map(|(first, _)| first.len()).max().unwrap_or_default();
    let mut bytes = Vec::new();
    input.take(longest as u64).read_to_end(&mut bytes).map_err(FileProblem::Read)?;
    match BINARY_FORMATS.iter().find(|(first, _)| bytes.starts_with(first)) {
        Some(&(_, format)) => Err(FileProblem::Binary(format)),
        None => Ok(bytes),
    }
}

/// Reads the bytes after the first ones; at most `most` in all.
fn read_text_rest(input: impl Read, mut bytes: Vec<u8>, most: u64) -> Result<Vec<u8>, FileProblem> {
    let left = (most + 1).saturating_sub(bytes.len() as u64);
    input.take(left).read_to_end(&mut bytes).map_err(FileProblem::Read)?;
    if bytes.len() as u64 > most { Err(FileProblem::Endless(most)) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_regular_files_is_refused_before_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let refused = |path: &Path| open(path).unwrap_err().to_string();
        assert_eq!(refused(Path::new("/dev/null")), "/dev/null: is a device, expected a file");
        assert_eq!(refused(&socket), format!("{}: is a socket, expected a file", socket.display()));
        assert_eq!(read(&socket).unwrap_err().hint().unwrap(), "write its data to a file first");
        assert_eq!(refused(folder.path()), format!("{}: is a folder, expected a file", folder.path().display()));
        assert_eq!(refused(Path::new("/none")), "/none: cannot be read: no such file or directory");
    }

    #[test]
    fn inputs_are_recorded_for_the_thread_of_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let [mine, other, before] = ["mine", "other", "before"].map(|name| folder.path().join(name));
        [&mine, &other, &before].into_iter().for_each(|path| std::fs::write(path, "").unwrap());
        open(&before).unwrap();
        let recording = InputRecording::start();
        open(&mine).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _recording = InputRecording::start();
                open(&other).unwrap();
                assert!(is_input(&other) && !is_input(&mine));
            });
        });
        assert!(is_input(&mine) && !is_input(&other) && !is_input(&before));
        {
            let _inner = InputRecording::start();
            assert!(!is_input(&mine));
        }
        forget_input(&other);
        assert!(is_input(&mine));
        drop(recording);
        assert!(!is_input(&mine), "what one run read is an output of the next");
    }

    #[test]
    fn text_is_refused_by_its_first_bytes_or_its_length_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.csv");
        let refused = || read_text(&path).unwrap_err().to_string().replace(&path.display().to_string(), "e.csv");
        std::fs::write(&path, b"\x89HDF\r\n\x1a\nrest").unwrap();
        assert_eq!(refused(), "e.csv: is an HDF5 file, expected text");
        std::fs::write(&path, b"PAR1rest").unwrap();
        assert_eq!(refused(), "e.csv: is a Parquet file, expected text");
        std::fs::write(&path, b"name,x,y,z\n").unwrap();
        assert_eq!(read_text(&path).unwrap(), b"name,x,y,z\n");
        // holes: the file needs no space
        File::options().write(true).open(&path).unwrap().set_len(MAX_TEXT_BYTES + 1).unwrap();
        assert_eq!(refused(), "e.csv: too long, expected text of at most 1073741824 bytes, found 1073741825");
    }

    #[test]
    fn an_input_of_unknown_length_has_the_same_bounds() {
        let refused = |input: &[u8]| read_text_from(input).unwrap_err().to_string();
        assert_eq!(refused(b"\x89HDF\r\n\x1a\nrest"), "is an HDF5 file, expected text");
        assert_eq!(read_text_from(&b"name,x,y,z\n"[..]).unwrap(), b"name,x,y,z\n");
        assert_eq!(read_text_from(&b""[..]).unwrap(), b"");
        let rest = |input: &mut dyn Read| read_text_rest(input, vec![b'a'; 8], 100);
        assert_eq!(rest(&mut std::io::repeat(b'b').take(92)).unwrap().len(), 100);
        let endless = rest(&mut std::io::repeat(b'b')).unwrap_err().to_string();
        assert_eq!(endless, "too long, expected text of at most 100 bytes, found more");
    }
}
