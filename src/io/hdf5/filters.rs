//! The filters of a dataset: their names, and whether the HDF5 library can decode them.

use hdf5::Dataset;
use hdf5::filters::Filter;

use super::{Hdf5File, Hdf5Problem};
use crate::error::Result;

/// Numbers and names of filters registered with the HDF Group that scientific programs use.
const REGISTERED_FILTERS: &[(i32, &str)] = &[
    (307, "bzip2"),
    (32000, "lzf"),
    (32001, "blosc"),
    (32002, "mafisc"),
    (32003, "snappy"),
    (32004, "lz4"),
    (32008, "bitshuffle"),
    (32013, "zfp"),
    (32015, "zstd"),
    (32017, "sz"),
    (32018, "fcidecomp"),
    (32026, "blosc2"),
];

/// Returns the name of a filter in `h5py` and `h5repack`, or its number.
pub(super) fn filter_name(filter: &Filter) -> String {
    match filter {
        Filter::Deflate(_) => "deflate".into(),
        Filter::Shuffle => "shuffle".into(),
        Filter::Fletcher32 => "fletcher32".into(),
        Filter::SZip(..) => "szip".into(),
        Filter::NBit => "nbit".into(),
        Filter::ScaleOffset(_) => "scaleoffset".into(),
        other => {
            let registered = REGISTERED_FILTERS.iter().find(|(number, _)| *number == other.id());
            registered.map_or_else(|| format!("filter {}", other.id()), |(_, name)| (*name).into())
        }
    }
}

impl Hdf5File {
    /// Refuses a dataset with a filter that the HDF5 library cannot decode.
    ///
    /// # Errors
    /// Returns [`Hdf5Problem::UnknownFilter`] with the filter's name, or an error if the dataset is missing.
    pub fn check_filters(&self, object: &str) -> Result<()> {
        self.check_filters_available(object, &self.open_dataset(object)?)
    }

    /// Refuses an open dataset with a filter that the HDF5 library cannot decode, as [`Hdf5File::check_filters`] does.
    pub(super) fn check_filters_available(&self, object: &str, dataset: &Dataset) -> Result<()> {
        match dataset.filters().iter().find(|filter| !filter.is_available()) {
            Some(filter) => Err(self.error(object, Hdf5Problem::UnknownFilter { name: filter_name(filter) })),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;
    use std::path::Path;

    use crate::io::hdf5::Hdf5File;

    /// Writes a file with the dataset `/packed` in one chunk, whose header names a filter of some number.
    #[expect(clippy::disallowed_methods, reason = "tests write what `Hdf5File` cannot")]
    fn compressed_by(path: &Path, filter: u16) -> Hdf5File {
        let file = hdf5::File::create(path).unwrap();
        file.new_dataset_builder().deflate(4).with_data(&[1.0_f64; 64]).create("packed").unwrap();
        file.close().unwrap();
        let bytes = std::fs::read(path).unwrap();
        // a filter in an object header of version 1: number, length of the name, flags, number of values, name
        let name = bytes.windows(8).position(|window| window == b"deflate\0").unwrap();
        assert_eq!(bytes[name - 8..name - 4], [1, 0, 8, 0]);
        std::fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .write_all_at(&filter.to_le_bytes(), name as u64 - 8)
            .unwrap();
        Hdf5File::open(path).unwrap()
    }

    #[test]
    fn a_filter_that_is_not_available_is_named_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        for (number, name) in [(32000, "lzf"), (32015, "zstd"), (4242, "filter 4242")] {
            let file = compressed_by(&path, number);
            let error = file.read_floats("/packed").unwrap_err();
            let expected = format!(
                "{}: /packed: compressed by a filter that cannot be decoded, expected `deflate` or none, found `{name}`",
                path.display()
            );
            assert_eq!(error.to_string(), expected);
            let hint = format!(
                "write the file again without this filter: `h5repack -f GZIP=4 FILE NEW` where HDF5 has the plugin \
                 `{name}`, or Python's h5py (it has lzf; `import hdf5plugin` brings others)"
            );
            assert_eq!(error.hint(), Some(hint));
            assert_eq!(file.check_filters("/packed").unwrap_err().to_string(), expected);
            assert_eq!(file.storage("/packed").unwrap().compression, [name]);
        }
        assert_eq!(compressed_by(&path, 1).read_floats("/packed").unwrap(), [1.0; 64]);
    }
}
