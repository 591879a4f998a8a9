//! Reads the references to strings of variable length, as a file stores them, without the strings.
//!
//! The library can only read such strings completely: it allocates as many bytes as a reference states, up to 4 GiB twice,
//! before it looks at the heap, and follows damaged heaps without bounds checks. So a conversion is registered that
//! copies a reference to an array of bytes; `heap.rs` then reads the string with bounds checks. Source: HDF5 Reference
//! Manual, `H5Tregister`; HDF5 File Format Specification 3.0, section IV.A.2 (references of variable length).

use std::ops::Range;
use std::os::raw::c_void;
use std::sync::OnceLock;

use hdf5::types::VarLenUnicode;
use hdf5::{Container, Datatype, H5Type};
use hdf5_sys::h5::herr_t;
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5t::{H5T_bkg_t, H5T_cdata_t, H5T_cmd_t, H5T_pers_t, H5Tget_size, H5Tregister};

use super::heap::Reference;

/// Bytes of a reference besides the byte offset: a length and a number, 4 bytes each.
const OTHER_BYTES: usize = 8;

/// Values of a dataset or attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ValueRange {
    /// All values.
    All,
    /// Some values of a one-dimensional dataset.
    Some(Range<usize>),
}

impl ValueRange {
    /// Divides a shape into ranges of at most `most` values; a shape of other than one dimension is not divided.
    pub fn divide(shape: &[usize], most: usize) -> Vec<Self> {
        let &[values] = shape else { return vec![Self::All] };
        let begins = (0..values).step_by(most.max(1));
        begins.map(|begin| Self::Some(begin..begin.saturating_add(most).min(values))).collect()
    }

    /// Reads the values.
    pub fn read<T: H5Type>(self, container: &Container) -> hdf5::Result<Vec<T>> {
        match self {
            Self::All => container.read_raw::<T>(),
            Self::Some(range) => Ok(container.read_slice_1d::<T, _>(range)?.into_raw_vec_and_offset().0),
        }
    }
}

/// Reads references of a file with byte offsets of `offset_bytes` bytes: 2, 4 or 8.
pub(super) fn read_references(
    container: &Container,
    range: ValueRange,
    offset_bytes: usize,
) -> hdf5::Result<Vec<Reference>> {
    match offset_bytes {
        2 => read_as::<{ 2 + OTHER_BYTES }>(container, range),
        4 => read_as::<{ 4 + OTHER_BYTES }>(container, range),
        8 => read_as::<{ 8 + OTHER_BYTES }>(container, range),
        _ => Err(hdf5::Error::Internal(format!("byte offsets of {offset_bytes} bytes"))),
    }
}

fn read_as<const BYTES: usize>(container: &Container, range: ValueRange) -> hdf5::Result<Vec<Reference>>
where
    [u8; BYTES]: H5Type,
{
    register_conversion()?;
    let values = range.read::<[u8; BYTES]>(container)?;
    Ok(values.iter().map(|bytes| Reference::parse(bytes)).collect())
}

/// Registers the conversion once per process.
fn register_conversion() -> hdf5::Result<()> {
    static STATUS: OnceLock<herr_t> = OnceLock::new();
    // the types name two classes, strings of variable length and arrays, which the library itself never converts
    let (from, to) = (Datatype::from_type::<VarLenUnicode>()?, Datatype::from_type::<[u8; 16]>()?);
    let register = || {
        // SAFETY: both types are open, the name ends with zero, and the function lives as long as the process
        hdf5::sync::sync(|| unsafe {
            let name = c"leadfield references".as_ptr();
            H5Tregister(H5T_pers_t::H5T_PERS_SOFT, name, from.id(), to.id(), Some(copy_references))
        })
    };
    if *STATUS.get_or_init(register) < 0 {
        return Err(hdf5::Error::Internal("no conversion of references can be registered".into()));
    }
    Ok(())
}

/// Converts references to arrays of bytes; it changes nothing, since both have the same bytes.
extern "C" fn copy_references(
    from: hid_t,
    to: hid_t,
    data: *mut H5T_cdata_t,
    _count: usize,
    _stride: usize,
    _background_stride: usize,
    _values: *mut c_void,
    _background: *mut c_void,
    _properties: hid_t,
) -> herr_t {
    // SAFETY: the library passes valid data, or null
    let Some(data) = (unsafe { data.as_mut() }) else { return -1 };
    match data.command {
        H5T_cmd_t::H5T_CONV_INIT => data.need_bkg = H5T_bkg_t::H5T_BKG_NO,
        H5T_cmd_t::H5T_CONV_FREE => {}
        H5T_cmd_t::H5T_CONV_CONV => {
            // SAFETY: the library passes open types
            if unsafe { H5Tget_size(from) != H5Tget_size(to) } {
                return -1;
            }
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_all_values_once() {
        let some = |range| ValueRange::Some(range);
        assert_eq!(ValueRange::divide(&[7], 3), [some(0..3), some(3..6), some(6..7)]);
        assert_eq!(ValueRange::divide(&[3], 3), [some(0..3)]);
        assert!(ValueRange::divide(&[0], 3).is_empty());
        assert_eq!(ValueRange::divide(&[], 3), [ValueRange::All]);
        assert_eq!(ValueRange::divide(&[2, 2], 3), [ValueRange::All]);
    }
}
