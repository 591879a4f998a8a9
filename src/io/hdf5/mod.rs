//! The only access to HDF5: typed reads and writes whose errors name the file, the object, what was expected and what
//! was found.
//!
//! Every other module reads HDF5 through [`Hdf5File`]; `hdf5::File` itself is opened nowhere else, which a lint checks.

mod call_watch;
mod filters;
mod fork;
mod heap;
mod links;
mod references;
mod rows;
mod storage;
mod text;
mod write;

pub use call_watch::{crash_report, runaway_call};
pub use fork::{hold_locks, release_locks, reset_locks};
pub use heap::HeapProblem;
pub use links::ExternalData;
pub use storage::DatasetStorage;

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hdf5::types::{IntSize, TypeDescriptor};
use hdf5::{Dataset, Group, H5Type, Location};

use crate::error::{Context, Error, ErrorLocation, FileProblem, Problem, Result, join_quoted};
use crate::io::atomic_output::create_without_following;
use crate::io::input_file;

/// Returns the version of the HDF5 library.
pub fn library_version() -> String {
    let (major, minor, release) = hdf5::library_version();
    format!("{major}.{minor}.{release}")
}

/// Errors of an HDF5 file or of an object in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Hdf5Problem {
    /// The library cannot open the file.
    #[error("not a readable HDF5 file: {0}")]
    Open(String),
    /// A group or dataset is missing.
    #[error("missing, expected a {kind}; the nearest group `{parent}` has {members}")]
    Missing {
        /// `dataset` or `group`.
        kind: &'static str,
        /// The deepest existing group on the path.
        parent: String,
        /// The members of that group.
        members: String,
    },
    /// The element type differs.
    #[error("wrong type, expected {expected}, found {found}")]
    Type {
        /// The type that the format requires.
        expected: &'static str,
        /// The type in the file.
        found: String,
    },
    /// The shape differs.
    #[error("wrong shape, expected {expected}, found {found:?}")]
    Shape {
        /// The shape that the format requires.
        expected: String,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A negative number that must be unsigned.
    #[error("negative number, expected an unsigned integer, found {0}")]
    Negative(i64),
    /// A number needs more than 32 bits.
    #[error("number too large, expected at most 4294967295, found {0}")]
    TooLarge(u64),
    /// The dataset declares more values than its file can hold.
    #[error("too many values, expected at most what a file of {bytes} bytes can hold, found {values} values")]
    ImplausibleSize {
        /// Number of values that were requested.
        values: u64,
        /// Length of the file.
        bytes: u64,
    },
    /// The library lacks the code of a filter.
    #[error("compressed by a filter that cannot be decoded, expected `deflate` or none, found `{name}`")]
    UnknownFilter {
        /// The filter's name, or its number.
        name: String,
    },
    /// The dataset is compressed more than once, so that the file's length gives no bound for the size of its values.
    #[error("compressed {0} times, expected at most one compression filter")]
    MultipleFilters(usize),
    /// The values are not in this file.
    #[error("stored elsewhere, expected values in this file, found {0}")]
    External(ExternalData),
    /// The library crashes in a call.
    #[error("damaged, expected an object that the HDF5 library reads, found one at which it crashes")]
    Crash,
    /// The program crashes after the library was used.
    #[error("damaged, expected a file that the HDF5 library reads, found one after which the program crashes")]
    LaterCrash,
    /// The heap that stores strings of variable length is damaged.
    #[error("damaged heap of strings, {0}")]
    Heap(HeapProblem),
    /// The bytes of a string are not text.
    #[error("not text, expected UTF-8, found other bytes")]
    InvalidText,
    /// A library call that does not return.
    #[error("the HDF5 library does not return, expected less than {seconds} s of computing")]
    Hung {
        /// CPU time that a call may take, s.
        seconds: u64,
    },
    /// A library call that allocates more and more memory.
    #[error(
        "the HDF5 library takes too much memory, expected at most {most_mib} MiB in one call, found {found_mib} MiB"
    )]
    Memory {
        /// Memory that a call may take, MiB.
        most_mib: u64,
        /// Memory that it has taken so far, MiB.
        found_mib: u64,
    },
    /// A library call failed while reading.
    #[error("cannot be read: {0}")]
    Read(String),
    /// A library call failed while writing.
    #[error("cannot be written: {0}")]
    Write(String),
}

impl Problem for Hdf5Problem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Open(_) => Some("the file may be cut short, or be of another format".into()),
            Self::UnknownFilter { name } => Some(format!(
                "write the file again without this filter: `h5repack -f GZIP=4 FILE NEW` where HDF5 has the plugin \
                 `{name}`, or Python's h5py (it has lzf; `import hdf5plugin` brings others)"
            )),
            Self::Heap(_) | Self::Memory { .. } => Some("the file is damaged: make it again, or fetch it again".into()),
            Self::External(_) => {
                Some("copy it into one file: `h5repack` does, and `expand_external=True` in h5py".into())
            }
            Self::Crash | Self::LaterCrash => Some(
                "the file is damaged: make it again, or fetch it again; a program built with HDF5 2 may read it".into(),
            ),
            Self::Hung { .. } => {
                Some("the file is damaged, probably where its strings lie: make it again, or fetch it again".into())
            }
            _ => None,
        }
    }
}

/// An open HDF5 file and its path.
#[derive(Debug, Clone)]
pub struct Hdf5File {
    inner: hdf5::File,
    path: PathBuf,
    /// The file as opened by the operating system, to read strings without the library.
    raw_file: Arc<std::fs::File>,
    /// Rows of compressed datasets that were read last.
    row_cache: Arc<Mutex<rows::RowCache>>,
    heap: Arc<Mutex<heap::GlobalHeap>>,
    /// Whether this process creates the file.
    created: bool,
    /// Paths that are known to be hard links.
    hard_links: Arc<Mutex<HashSet<String>>>,
}

impl Hdf5File {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// Returns an error if the file is missing, cannot be read, or is not a complete HDF5 file.
    #[expect(clippy::disallowed_methods, reason = "this module opens all HDF5 files")]
    pub fn open(path: &Path) -> Result<Self> {
        let mut plain = input_file::open(path)?;
        let _watched = call_watch::watch_call_on(path.to_path_buf(), "/");
        let mut opened = hdf5::File::open(path);
        for _ in 0..MAX_LOCK_TRIES {
            if !opened.as_ref().is_err_and(|e| e.to_string().contains("unable to lock file")) {
                break;
            }
            std::thread::sleep(LOCK_WAIT);
            opened = hdf5::File::open(path);
        }
        let mut inner = opened.map_err(|e| Hdf5Problem::Open(one_line_message(&e))).in_file(path)?;
        // another program may replace the file between the two calls that open it
        while !is_at(&plain, path) {
            plain = input_file::open(path)?;
            inner = hdf5::File::open(path).map_err(|e| Hdf5Problem::Open(one_line_message(&e))).in_file(path)?;
        }
        call_watch::record_opened(path);
        // if this process is also writing the file, its strings must be on the disk before they are read from there;
        // otherwise this does nothing
        drop(inner.flush());
        Ok(Self::new(inner, path, plain, false))
    }

    /// Creates a file, or empties an existing one.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    #[expect(clippy::disallowed_methods, reason = "this module opens all HDF5 files")]
    pub fn create(path: &Path) -> Result<Self> {
        create_without_following(path).map_err(FileProblem::Write).in_file(path)?;
        let refusal = |e: hdf5::Error| match system_error(&e) {
            Some(refused) => Error::from(FileProblem::Write(refused)),
            None => Hdf5Problem::Write(one_line_message(&e)).into(),
        };
        // HDF5 2 stores the time of the root group otherwise, so that equal inputs would give different bytes
        let builder = hdf5::FileBuilder::new().with_fcpl(|creation| creation.obj_track_times(false)).clone();
        let inner = builder.create(path).map_err(refusal).in_file(path)?;
        let plain = std::fs::File::open(path).map_err(FileProblem::Read).in_file(path)?;
        Ok(Self::new(inner, path, plain, true))
    }

    fn new(inner: hdf5::File, path: &Path, plain: std::fs::File, created: bool) -> Self {
        Self {
            inner,
            path: path.to_path_buf(),
            raw_file: Arc::new(plain),
            row_cache: Arc::default(),
            heap: Arc::default(),
            created,
            hard_links: Arc::default(),
        }
    }

    /// Returns the file as opened by the operating system: the same file even if another one has its name now.
    pub(crate) fn raw_file(&self) -> &Arc<std::fs::File> {
        &self.raw_file
    }

    /// Returns the length of the file, bytes.
    fn length_bytes(&self) -> Result<u64> {
        Ok(self.raw_file.metadata().map_err(FileProblem::Read).in_file(&self.path)?.len())
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether an object (group, dataset) exists.
    pub fn has_object(&self, object: &str) -> bool {
        // a missing group on the path is an error of the library, and no link either
        let _watched = self.watch_call(object);
        // an object in another file exists, but is refused when it is opened
        object.split('/').all(str::is_empty) || self.check_links(object).is_err() || self.inner.link_exists(object)
    }

    /// Returns whether an object exists and is a dataset.
    pub fn is_dataset(&self, object: &str) -> bool {
        let _watched = self.watch_call(object);
        self.has_object(object) && self.check_links(object).is_ok() && self.inner.dataset(object).is_ok()
    }

    /// Returns the names in a group, sorted.
    ///
    /// # Errors
    /// Returns an error if the group is missing.
    pub fn member_names(&self, group: &str) -> Result<Vec<String>> {
        let found = self.open_group(group)?;
        let _watched = self.watch_call(group);
        let mut names = found.member_names().map_err(|e| self.read_error(group, &e))?;
        names.sort_unstable();
        Ok(names)
    }

    /// Creates an error of this file, at an object.
    pub fn error(&self, object: &str, problem: impl Problem) -> Error {
        Error::new(ErrorLocation::file(&self.path).with_item(object), problem)
    }

    /// Creates an error of this file, at a row of an object.
    pub fn error_at(&self, object: &str, row: usize, problem: impl Problem) -> Error {
        Error::new(ErrorLocation::file(&self.path).with_item(object).with_index(row as u64), problem)
    }

    fn read_error(&self, object: &str, error: &hdf5::Error) -> Error {
        self.error(object, Hdf5Problem::Read(one_line_message(error)))
    }

    fn write_error(&self, object: &str, error: &hdf5::Error) -> Error {
        match system_error(error) {
            Some(refusal) => self.error(object, FileProblem::Write(refusal)),
            None => self.error(object, Hdf5Problem::Write(one_line_message(error))),
        }
    }

    fn missing_error(&self, kind: &'static str, object: &str) -> Error {
        let mut parent = object.trim_end_matches('/');
        loop {
            parent = parent.rsplit_once('/').map_or("", |(head, _)| head);
            if parent.is_empty()
                || (self.has_object(parent) && self.check_links(parent).is_ok() && self.inner.group(parent).is_ok())
            {
                break;
            }
        }
        let parent = if parent.is_empty() { "/" } else { parent };
        // not by `member_names`, whose errors come from here
        let members = self.inner.group(parent).and_then(|group| group.member_names());
        match members {
            Ok(mut members) => {
                members.sort_unstable();
                self.error(
                    object,
                    Hdf5Problem::Missing { kind, parent: parent.into(), members: join_quoted(members, 12) },
                )
            }
            Err(error) => self.read_error(parent, &error),
        }
    }

    fn open_group(&self, object: &str) -> Result<Group> {
        if object != "/" && !self.has_object(object) {
            return Err(self.missing_error("group", object));
        }
        let _watched = self.watch_call(object);
        self.check_links(object)?;
        self.inner.group(object).map_err(|_| self.missing_error("group", object))
    }

    fn open_dataset(&self, object: &str) -> Result<Dataset> {
        let _watched = self.watch_call(object);
        self.check_links(object)?;
        let dataset = self.inner.dataset(object).map_err(|_| self.missing_error("dataset", object))?;
        self.check_values_in_file(object, &dataset)?;
        Ok(dataset)
    }

    /// Returns a dataset's shape; empty for a scalar.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing.
    pub fn shape(&self, object: &str) -> Result<Vec<usize>> {
        Ok(self.open_dataset(object)?.shape())
    }

    /// Returns the number of values of a one-dimensional dataset.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing or has another number of dimensions.
    pub fn length(&self, object: &str) -> Result<usize> {
        match self.shape(object)?[..] {
            [length] => Ok(length),
            ref found => {
                let problem = Hdf5Problem::Shape { expected: "one dimension".into(), found: found.to_vec() };
                Err(self.error(object, problem))
            }
        }
    }

    /// Returns the byte offset of a contiguous dataset; `None` for chunked, compact or unallocated ones.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing.
    pub fn byte_offset(&self, object: &str) -> Result<Option<u64>> {
        Ok(self.open_dataset(object)?.offset())
    }

    fn type_descriptor(&self, object: &str, dataset: &Dataset) -> Result<TypeDescriptor> {
        dataset.dtype().and_then(|t| t.to_descriptor()).map_err(|e| self.read_error(object, &e))
    }

    fn wrong_type_error(&self, object: &str, expected: &'static str, found: &TypeDescriptor) -> Error {
        self.error(object, Hdf5Problem::Type { expected, found: found.to_string() })
    }

    /// Returns the element type of a dataset, as HDF5 names it (`float32`, `uint64`, ...).
    ///
    /// # Errors
    /// Returns an error if the dataset is missing.
    pub fn type_name(&self, object: &str) -> Result<String> {
        let dataset = self.open_dataset(object)?;
        Ok(self.type_descriptor(object, &dataset)?.to_string())
    }

    /// Reads all values of a dataset of floats of any width, or of integers, in row-major order.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing, does not hold numbers, or cannot be read.
    pub fn read_floats(&self, object: &str) -> Result<Vec<f64>> {
        let dataset = self.open_dataset(object)?;
        self.check_float(object, &dataset)?;
        self.read_values(object, &dataset)
    }

    fn check_float(&self, object: &str, dataset: &Dataset) -> Result<()> {
        match self.type_descriptor(object, dataset)? {
            TypeDescriptor::Float(_) | TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_) => Ok(()),
            other => Err(self.wrong_type_error(object, "floats", &other)),
        }
    }

    /// Reads all values of a dataset of integers that must not be negative.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing, does not hold integers, holds a negative one, or cannot be read.
    pub fn read_unsigned(&self, object: &str) -> Result<Vec<u64>> {
        let dataset = self.open_dataset(object)?;
        match self.type_descriptor(object, &dataset)? {
            TypeDescriptor::Unsigned(_) => self.read_values(object, &dataset),
            TypeDescriptor::Integer(_) => self.require_non_negative(object, &self.read_values(object, &dataset)?),
            other => Err(self.wrong_type_error(object, "integers", &other)),
        }
    }

    /// Reads all values of a dataset of integers that need at most 32 bits.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing, does not hold integers, holds one that needs more bits, or cannot be
    /// read.
    pub fn read_u32(&self, object: &str) -> Result<Vec<u32>> {
        let dataset = self.open_dataset(object)?;
        match self.type_descriptor(object, &dataset)? {
            TypeDescriptor::Unsigned(IntSize::U1 | IntSize::U2 | IntSize::U4) => self.read_values(object, &dataset),
            _ => self.narrow_to_u32(object, &self.read_unsigned(object)?),
        }
    }

    fn narrow_to_u32(&self, object: &str, values: &[u64]) -> Result<Vec<u32>> {
        let check = |(row, &v): (usize, &u64)| {
            u32::try_from(v).map_err(|_| self.error_at(object, row, Hdf5Problem::TooLarge(v)))
        };
        values.iter().enumerate().map(check).collect()
    }

    fn require_non_negative(&self, object: &str, values: &[i64]) -> Result<Vec<u64>> {
        let check = |(row, &v): (usize, &i64)| {
            u64::try_from(v).map_err(|_| self.error_at(object, row, Hdf5Problem::Negative(v)))
        };
        values.iter().enumerate().map(check).collect()
    }

    /// Reads all values of a dataset of integers, signed.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing, does not hold integers, or cannot be read.
    pub fn read_signed(&self, object: &str) -> Result<Vec<i64>> {
        let dataset = self.open_dataset(object)?;
        match self.type_descriptor(object, &dataset)? {
            TypeDescriptor::Unsigned(_) | TypeDescriptor::Integer(_) => self.read_values(object, &dataset),
            other => Err(self.wrong_type_error(object, "integers", &other)),
        }
    }

    /// Reads all values of a dataset of booleans, which h5py writes as an enumeration of FALSE and TRUE.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing, does not hold booleans, or cannot be read.
    pub fn read_booleans(&self, object: &str) -> Result<Vec<bool>> {
        let dataset = self.open_dataset(object)?;
        match self.type_descriptor(object, &dataset)? {
            // read as integers: a damaged file may hold other values than 0 and 1, which are not valid as `bool`
            TypeDescriptor::Boolean => {
                Ok(self.read_values::<i8>(object, &dataset)?.into_iter().map(|v| v != 0).collect())
            }
            other => Err(self.wrong_type_error(object, "booleans", &other)),
        }
    }

    /// Reads all values, unless the dataset declares more than the file can hold.
    fn read_values<T: H5Type>(&self, object: &str, dataset: &Dataset) -> Result<Vec<T>> {
        self.check_dataset_plausible(object, dataset)?;
        let _recorded = self.record_call(object);
        dataset.read_raw::<T>().map_err(|e| self.read_error(object, &e))
    }

    /// Reads the value of a dataset that holds a single float.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing, does not hold one number, or cannot be read.
    pub fn read_float_scalar(&self, object: &str) -> Result<f64> {
        self.require_single(object, self.read_floats(object)?)
    }

    /// Reads the value of a dataset that holds a single unsigned integer.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing, does not hold one integer, or cannot be read.
    pub fn read_unsigned_scalar(&self, object: &str) -> Result<u64> {
        self.require_single(object, self.read_unsigned(object)?)
    }

    /// Reads the value of a dataset that holds a single string.
    ///
    /// # Errors
    /// Returns an error if the dataset is missing, does not hold one string, or cannot be read.
    pub fn read_string_scalar(&self, object: &str) -> Result<String> {
        self.require_single(object, self.read_strings(object)?)
    }

    fn require_single<T>(&self, object: &str, mut values: Vec<T>) -> Result<T> {
        match (values.pop(), values.is_empty()) {
            (Some(value), true) => Ok(value),
            _ => {
                Err(self.error(object, Hdf5Problem::Shape { expected: "one value".into(), found: self.shape(object)? }))
            }
        }
    }

    /// Reads a numeric attribute; `None` if it is missing or not a number.
    pub fn read_float_attribute(&self, object: &str, name: &str) -> Option<f64> {
        let _watched = self.watch_call(object);
        self.open_location(object).ok()?.attr(name).ok()?.read_scalar::<f64>().ok()
    }

    /// Reads an attribute that is a list of numbers; `None` if it is missing or not such a list.
    pub fn read_list_attribute(&self, object: &str, name: &str) -> Option<Vec<f64>> {
        let _watched = self.watch_call(object);
        let attribute = self.open_location(object).ok()?.attr(name).ok()?;
        // an attribute that declares more values than the file can hold is ignored
        let bytes = self.length_bytes().ok()?;
        Some(attribute).filter(|a| a.size() as u64 <= bytes)?.read_raw::<f64>().ok()
    }

    fn open_location(&self, object: &str) -> Result<Location> {
        // datasets are tried first: almost all objects are, and opening one takes most of the time
        match self.open_dataset(object) {
            Ok(dataset) => Ok((**dataset).clone()),
            Err(error) if self.is_dataset(object) => Err(error),
            Err(_) => Ok((*self.open_group(object)?).clone()),
        }
    }
}

/// Returns whether a path is the name of an open file.
fn is_at(file: &std::fs::File, path: &Path) -> bool {
    let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => identity(open) == identity(named),
        // a file that was removed stays as it was opened
        _ => true,
    }
}

/// How often a file that is locked is tried again: the program that wrote it may just have started another one.
const MAX_LOCK_TRIES: u32 = 20;
/// Time between two tries.
const LOCK_WAIT: std::time::Duration = std::time::Duration::from_millis(25);

/// Returns the operating system's error behind an error of the library, whose text has its number: a full disk, a lost
/// connection.
fn system_error(error: &hdf5::Error) -> Option<std::io::Error> {
    let text = error.to_string();
    let (_, number) = text.rsplit_once("errno = ")?;
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    let number = number.get(..digits)?.parse().ok().filter(|number| *number > 0)?;
    Some(std::io::Error::from_raw_os_error(number))
}

/// Returns the first line of the library's message.
fn one_line_message(error: &hdf5::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_string()
}
