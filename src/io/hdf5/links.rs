//! Refuses data outside of a file: external links, virtual datasets, external storage. A file of unknown origin must
//! not make the program read another file.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::os::raw::c_int;
use std::sync::{MutexGuard, PoisonError};

use hdf5::Dataset;
use hdf5_sys::h5d::{H5D_layout_t, H5Dget_create_plist};
// HDF5 1.10, the system's on many machines, has the first call only; HDF5 2, which is linked in, the second only
#[cfg(not(feature = "static-hdf5"))]
#[allow(deprecated, reason = "newer libraries of the system have both, and call this one deprecated")]
use hdf5_sys::h5l::{H5L_info1_t as LinkInfo, H5Lget_info1 as get_link_info};
#[cfg(feature = "static-hdf5")]
use hdf5_sys::h5l::{H5L_info2_t as LinkInfo, H5Lget_info2 as get_link_info};
use hdf5_sys::h5l::{H5L_type_t, H5Lget_val};
use hdf5_sys::h5p::{H5P_DEFAULT, H5Pclose, H5Pget_external_count, H5Pget_layout};

use super::{Hdf5File, Hdf5Problem};
use crate::error::Result;

/// Largest number of soft links on the path to an object, as in the library.
const MAX_SOFT_LINKS: usize = 16;
/// Number of paths that are remembered as hard links, about 1 MB.
const MAX_KNOWN_LINKS: usize = 10_000;
/// Longest target of a soft link, bytes.
const MAX_TARGET_BYTES: usize = 4096;

/// A kind of object or dataset whose data are outside of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExternalData {
    /// A link to an object of another file.
    ExternalLink,
    /// A dataset composed of other datasets.
    Virtual,
    /// A dataset whose values are in other files.
    ExternalStorage,
}

impl std::fmt::Display for ExternalData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ExternalLink => "a link to another file",
            Self::Virtual => "a virtual dataset",
            Self::ExternalStorage => "values in another file",
        })
    }
}

/// The target of a link that is not a hard link.
enum SymbolicLink {
    Soft(String),
    External,
}

impl Hdf5File {
    /// Refuses a path that leads through a link to another file. A file that this process creates has no such links.
    pub(super) fn check_links(&self, object: &str) -> Result<()> {
        if self.created {
            return Ok(());
        }
        self.resolve_links(object, &mut 0).map_err(|found| self.error(object, Hdf5Problem::External(found)))
    }

    /// Follows the soft links of a path, and refuses external ones. `followed` is the number of soft links followed so
    /// far.
    fn resolve_links(&self, object: &str, followed: &mut usize) -> Result<(), ExternalData> {
        let mut path = String::new();
        for part in object.split('/').filter(|part| !part.is_empty() && *part != ".") {
            let parent = path.clone();
            path.push('/');
            path.push_str(part);
            if self.lock_known_links().contains(&path) {
                continue;
            }
            match self.symbolic_link(&path) {
                None => {}
                Some(SymbolicLink::External) => return Err(ExternalData::ExternalLink),
                // the library refuses longer chains, and cycles
                Some(SymbolicLink::Soft(_)) if *followed >= MAX_SOFT_LINKS => return Ok(()),
                Some(SymbolicLink::Soft(target)) => {
                    *followed += 1;
                    let target = if target.starts_with('/') { target } else { format!("{parent}/{target}") };
                    self.resolve_links(&target, followed)?;
                }
            }
        }
        Ok(())
    }

    /// Returns the paths of known hard links, so that the library is called once for each.
    fn lock_known_links(&self) -> MutexGuard<'_, HashSet<String>> {
        self.hard_links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember_hard_link(&self, path: &str) {
        let mut known = self.lock_known_links();
        if known.len() >= MAX_KNOWN_LINKS {
            known.clear();
        }
        known.insert(path.into());
    }

    /// Returns a soft or external link; `None` for hard links and for missing objects.
    fn symbolic_link(&self, path: &str) -> Option<SymbolicLink> {
        let name = CString::new(path).ok()?;
        if self.link_type(&name)? == H5L_type_t::H5L_TYPE_HARD {
            self.remember_hard_link(path);
            return None;
        }
        let mut value = vec![0_u8; MAX_TARGET_BYTES];
        let id = self.inner.id();
        // SAFETY: the name ends with zero, the buffer has the given length, and the file is open
        let status = hdf5::sync::sync(|| unsafe {
            H5Lget_val(id, name.as_ptr(), value.as_mut_ptr().cast(), MAX_TARGET_BYTES, H5P_DEFAULT)
        });
        (status >= 0).then_some(())?;
        let target = value.split(|byte| *byte == 0).next().unwrap_or_default();
        // the value of an external link begins with its version and flags, which are zero
        Some(if target.is_empty() {
            SymbolicLink::External
        } else {
            SymbolicLink::Soft(String::from_utf8_lossy(target).into_owned())
        })
    }

    /// Returns the type of a link; `None` if it is missing. Asking a hard link for its value instead would be an error,
    /// which costs the library 15 µs.
    #[cfg_attr(
        not(feature = "static-hdf5"),
        allow(deprecated, reason = "newer libraries of the system have both, and call this one deprecated")
    )]
    fn link_type(&self, name: &CStr) -> Option<H5L_type_t> {
        let mut info = LinkInfo::default();
        let id = self.inner.id();
        // SAFETY: the name ends with zero, the call fills `info`, and the file is open
        let status = hdf5::sync::sync(|| unsafe { get_link_info(id, name.as_ptr(), &raw mut info, H5P_DEFAULT) });
        (status >= 0).then_some(info.type_)
    }

    /// Refuses a dataset whose values are not in the file.
    pub(super) fn check_values_in_file(&self, object: &str, dataset: &Dataset) -> Result<()> {
        let id = dataset.id();
        // SAFETY: the dataset is open, and its property list is open until it is closed here
        let (layout, external): (H5D_layout_t, c_int) = hdf5::sync::sync(|| unsafe {
            let properties = H5Dget_create_plist(id);
            let found = (H5Pget_layout(properties), H5Pget_external_count(properties));
            H5Pclose(properties);
            found
        });
        let elsewhere = match (layout, external) {
            (H5D_layout_t::H5D_VIRTUAL, _) => ExternalData::Virtual,
            (_, 1..) => ExternalData::ExternalStorage,
            _ => return Ok(()),
        };
        Err(self.error(object, Hdf5Problem::External(elsewhere)))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Writes a file and opens it for reading.
    #[expect(clippy::disallowed_methods, reason = "tests write what `Hdf5File` cannot")]
    fn written(path: &Path, write: impl FnOnce(&hdf5::File)) -> Hdf5File {
        let file = hdf5::File::create(path).unwrap();
        write(&file);
        file.close().unwrap();
        Hdf5File::open(path).unwrap()
    }

    #[test]
    fn data_in_another_file_are_refused_on_every_path() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.h5"), folder.path().join("b.h5"));
        drop(written(&other, |f| {
            f.new_dataset_builder().with_data(&[1.0_f64, 2.0]).create("x").unwrap();
        }));
        let secret = folder.path().join("secret.txt");
        std::fs::write(&secret, "0123456789abcdef").unwrap();
        let file = written(&path, |f| {
            f.new_dataset_builder().with_data(&[3.0_f64, 4.0]).create("own").unwrap();
            f.create_group("g").unwrap();
            f.link_external(other.to_str().unwrap(), "/", "g/link").unwrap();
            f.link_soft("/g/link", "soft").unwrap();
            f.link_soft("/own", "alias").unwrap();
            f.link_soft("circle", "circle").unwrap();
            let external = f.new_dataset::<f64>().no_chunk().external(secret.to_str().unwrap(), 0, 16).shape([2]);
            external.create("external").unwrap();
            let mapped = f.new_dataset::<f64>().virtual_map(other.to_str().unwrap(), "/x", [2], .., [2], ..);
            mapped.shape([2]).create("virtual").unwrap();
        });
        let refused = |object: &str| file.read_floats(object).unwrap_err();
        let text = |object: &str, found: &str| {
            format!("{}: {object}: stored elsewhere, expected values in this file, found {found}", path.display())
        };
        for object in ["/g/link/x", "/soft/x", "soft/x"] {
            assert_eq!(refused(object).to_string(), text(object, "a link to another file"));
            assert!(file.has_object(object) && !file.is_dataset(object), "{object}");
        }
        assert!(file.member_names("/soft").unwrap_err().to_string().ends_with("found a link to another file"));
        assert_eq!(refused("/external").to_string(), text("/external", "values in another file"));
        assert_eq!(refused("/virtual").to_string(), text("/virtual", "a virtual dataset"));
        assert!(refused("/virtual").hint().unwrap().starts_with("copy it into one file"));
        assert_eq!(file.read_floats("/alias").unwrap(), [3.0, 4.0]);
        assert!(refused("/circle").to_string().contains("missing, expected a dataset"));
    }
}
