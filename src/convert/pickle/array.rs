//! Reads numpy arrays of numbers: from a buffer (protocol 5), or as an empty array with its state.

use std::borrow::Cow;

use super::{GlobalName, Pickle, PickleProblem, PickleValue, ValueId};
use crate::error::Result;

/// Maximum number of dimensions of an array; a frame's have two.
const MAX_DIMENSIONS: usize = 32;

/// An array of numbers; its data are borrowed from the file if the file has them as bytes.
#[derive(Debug)]
pub struct Array<'a> {
    element_type: ElementType,
    shape: Vec<usize>,
    fortran_order: bool,
    data: Cow<'a, [u8]>,
}

/// The type of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ElementType {
    kind: NumberKind,
    width_bytes: usize,
    is_big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberKind {
    Float,
    Signed,
    Unsigned,
}

impl<'a> Array<'a> {
    /// Reads the array that a value represents.
    ///
    /// # Errors
    /// Returns an error if the value is not an array of numbers, or if its data do not fit its shape.
    pub fn from_pickle(pickle: &Pickle<'a>, id: ValueId) -> Result<Self> {
        let array = if let Some((&[data, dtype, shape, order], None)) = pickle.find_object(id, GlobalName::FromBuffer) {
            let fortran = match pickle.text(order) {
                Some("C") => false,
                Some("F") => true,
                _ => return Err(pickle.type_error(order, "array", "the order `C` or `F`")),
            };
            Self {
                element_type: ElementType::from_pickle(pickle, dtype)?,
                shape: read_shape(pickle, shape)?,
                fortran_order: fortran,
                data: read_bytes(pickle, data)?,
            }
        } else if let Some((_, Some(state))) = pickle.find_object(id, GlobalName::Reconstruct) {
            let Some(&[_, shape, dtype, fortran, data]) = pickle.items(state) else {
                return Err(pickle.type_error(state, "array", "a state of 5 items"));
            };
            let element = ElementType::from_pickle(pickle, dtype)?;
            let fortran = read_bool(pickle, fortran)?;
            Self {
                element_type: element,
                shape: read_shape(pickle, shape)?,
                fortran_order: fortran,
                data: read_bytes(pickle, data)?,
            }
        } else {
            return Err(pickle.type_error(id, "array", "an array of numbers"));
        };
        pickle.claim_bytes(id, array.data.len())?;
        let bytes = array.shape.iter().try_fold(array.element_type.width_bytes, |n, &length| n.checked_mul(length));
        if bytes == Some(array.data.len()) {
            return Ok(array);
        }
        let expected = format!("{:?} values of {} bytes", array.shape, array.element_type.width_bytes);
        let found = format!("{} bytes", array.data.len());
        Err(pickle.error(id, PickleProblem::WrongType { object: "array", expected, found }))
    }

    /// Returns the length of each dimension.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns whether the first index varies fastest.
    pub fn is_fortran_order(&self) -> bool {
        self.fortran_order
    }

    /// Returns all values in stored order.
    pub fn to_f64(&self) -> Vec<f64> {
        let ElementType { kind: class, width_bytes: width, is_big_endian: big_end_first } = self.element_type;
        if (class, width, big_end_first) == (NumberKind::Float, 8, false) {
            return self.data.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
        }
        let value = |bits: u64| match (class, width) {
            (NumberKind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
            (NumberKind::Float, _) => f64::from_bits(bits),
            (NumberKind::Signed, _) => sign_extend(bits, width) as f64,
            (NumberKind::Unsigned, _) => bits as f64,
        };
        self.element_bits().map(value).collect()
    }

    /// Returns all values in stored order as integers.
    ///
    /// # Errors
    /// Returns the first value that is not an integer of at most 63 bits, as text.
    pub fn to_i64(&self) -> Result<Vec<i64>, String> {
        let ElementType { kind: class, width_bytes: width, .. } = self.element_type;
        match class {
            NumberKind::Float => self.to_f64().into_iter().map(to_integer).collect(),
            NumberKind::Signed => Ok(self.element_bits().map(|bits| sign_extend(bits, width)).collect()),
            NumberKind::Unsigned => {
                self.element_bits().map(|bits| i64::try_from(bits).map_err(|_| bits.to_string())).collect()
            }
        }
    }

    /// Returns the elements as stored in the file, each in the low bits of a number.
    fn element_bits(&self) -> impl Iterator<Item = u64> {
        let ElementType { width_bytes: width, is_big_endian: big_end_first, .. } = self.element_type;
        let joined = |n: u64, byte: &u8| n << 8 | u64::from(*byte);
        self.data.chunks_exact(width).map(move |bytes| {
            if big_end_first { bytes.iter().fold(0, joined) } else { bytes.iter().rev().fold(0, joined) }
        })
    }
}

/// Sign-extends a number of `width` bytes.
fn sign_extend(bits: u64, width: usize) -> i64 {
    let unused = 64 - 8 * width as u32;
    ((bits << unused) as i64) >> unused
}

fn to_integer(value: f64) -> Result<i64, String> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.trunc() == value && value.abs() <= EXACT { Ok(value as i64) } else { Err(value.to_string()) }
}

impl ElementType {
    fn from_pickle(pickle: &Pickle<'_>, id: ValueId) -> Result<Self> {
        const EXPECTED: &str = "a number type of at most 8 bytes (`f8`, `f4`, `i8`, ...)";
        let wrong = || pickle.type_error(id, "array type", EXPECTED);
        let (arguments, state) = pickle.find_object(id, GlobalName::DType).ok_or_else(wrong)?;
        let code = arguments.first().copied().ok_or_else(wrong)?;
        let (class, width) = match pickle.text(code) {
            Some("f4") => (NumberKind::Float, 4),
            Some("f8") => (NumberKind::Float, 8),
            Some("i1") => (NumberKind::Signed, 1),
            Some("i2") => (NumberKind::Signed, 2),
            Some("i4") => (NumberKind::Signed, 4),
            Some("i8") => (NumberKind::Signed, 8),
            Some("u1") => (NumberKind::Unsigned, 1),
            Some("u2") => (NumberKind::Unsigned, 2),
            Some("u4") => (NumberKind::Unsigned, 4),
            Some("u8") => (NumberKind::Unsigned, 8),
            _ => return Err(pickle.type_error(code, "array type", EXPECTED)),
        };
        let order = state.and_then(|state| pickle.items(state)).and_then(|items| items.get(1)).copied();
        let big_end_first = match order.map(|order| (order, pickle.text(order))) {
            Some((_, Some(">"))) => true,
            None | Some((_, Some("<" | "|" | "="))) => false,
            Some((order, _)) => return Err(pickle.type_error(order, "array type", "the byte order `<`, `>` or `|`")),
        };
        Ok(Self { kind: class, width_bytes: width, is_big_endian: big_end_first })
    }
}

fn read_bool(pickle: &Pickle<'_>, id: ValueId) -> Result<bool> {
    match pickle.get(id) {
        PickleValue::Bool(truth) => Ok(*truth),
        PickleValue::Int(number) => Ok(*number != 0),
        _ => Err(pickle.type_error(id, "array", "a truth")),
    }
}

fn read_shape(pickle: &Pickle<'_>, id: ValueId) -> Result<Vec<usize>> {
    let lengths = match pickle.get(id) {
        PickleValue::Int(_) => vec![id],
        _ => {
            let items = pickle.items(id).filter(|items| items.len() <= MAX_DIMENSIONS);
            items.ok_or_else(|| pickle.type_error(id, "array", "a shape"))?.to_vec()
        }
    };
    let length = |id: ValueId| {
        let length = pickle.int(id).and_then(|n| usize::try_from(n).ok());
        length.ok_or_else(|| pickle.type_error(id, "array", "the length of a dimension"))
    };
    lengths.into_iter().map(length).collect()
}

/// Reads bytes; protocol 2 writes them as text with one character per byte.
pub(super) fn read_bytes<'a>(pickle: &Pickle<'a>, id: ValueId) -> Result<Cow<'a, [u8]>> {
    // a `bytearray` is constructed from a `bytes`
    let id = match pickle.find_object(id, GlobalName::Bytes) {
        Some((&[inner], None)) => inner,
        _ => id,
    };
    if let PickleValue::Bytes(bytes) = pickle.get(id) {
        return Ok(Cow::Borrowed(bytes));
    }
    if let Some((&[], None)) = pickle.find_object(id, GlobalName::Bytes) {
        return Ok(Cow::Borrowed(&[]));
    }
    let encoded = pickle.find_object(id, GlobalName::Encode).and_then(|(arguments, _)| match *arguments {
        [text, encoding] => Some((pickle.text(text)?, pickle.text(encoding)?)),
        _ => None,
    });
    let Some((text, "latin1" | "latin-1")) = encoded else {
        return Err(pickle.type_error(id, "array", "bytes"));
    };
    pickle.claim_bytes(id, text.len())?;
    let byte = |c: char| u8::try_from(u32::from(c)).map_err(|_| pickle.type_error(id, "array", "characters below 256"));
    Ok(Cow::Owned(text.chars().map(byte).collect::<Result<_>>()?))
}
