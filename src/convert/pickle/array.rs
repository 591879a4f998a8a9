//! Arrays of numbers, as numpy writes them: from a buffer (protocol 5), or an empty array whose state follows.

use std::borrow::Cow;

use super::{Id, Name, Pickle, PickleProblem, Value};
use crate::error::Result;

/// Dimensions of an array; a frame's have two.
const MOST_DIMENSIONS: usize = 32;

/// An array of numbers; its data are those of the file where the file has them as bytes.
#[derive(Debug)]
pub struct Array<'a> {
    element: Element,
    shape: Vec<usize>,
    fortran: bool,
    data: Cow<'a, [u8]>,
}

/// The type of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Element {
    class: Class,
    width: usize,
    big_end_first: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Float,
    Signed,
    Unsigned,
}

impl<'a> Array<'a> {
    /// The array that a value stands for.
    ///
    /// # Errors
    /// The value is no array of numbers, or its data do not fill its shape.
    pub fn of(pickle: &Pickle<'a>, id: Id) -> Result<Self> {
        let array = if let Some((&[data, dtype, shape, order], None)) = pickle.made(id, Name::FromBuffer) {
            let fortran = match pickle.text(order) {
                Some("C") => false,
                Some("F") => true,
                _ => return Err(pickle.wrong(order, "array", "the order `C` or `F`")),
            };
            Self {
                element: Element::of(pickle, dtype)?,
                shape: shape_of(pickle, shape)?,
                fortran,
                data: bytes_of(pickle, data)?,
            }
        } else if let Some((_, Some(state))) = pickle.made(id, Name::Reconstruct) {
            let Some(&[_, shape, dtype, fortran, data]) = pickle.items(state) else {
                return Err(pickle.wrong(state, "array", "a state of 5 items"));
            };
            let element = Element::of(pickle, dtype)?;
            let fortran = truth(pickle, fortran)?;
            Self { element, shape: shape_of(pickle, shape)?, fortran, data: bytes_of(pickle, data)? }
        } else {
            return Err(pickle.wrong(id, "array", "an array of numbers"));
        };
        pickle.claim(id, array.data.len())?;
        let bytes = array.shape.iter().try_fold(array.element.width, |n, &length| n.checked_mul(length));
        if bytes == Some(array.data.len()) {
            return Ok(array);
        }
        let expected = format!("{:?} values of {} bytes", array.shape, array.element.width);
        let found = format!("{} bytes", array.data.len());
        Err(pickle.error(id, PickleProblem::Wrong { object: "array", expected, found }))
    }

    /// Length of each dimension.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether the first index runs fastest.
    pub fn is_fortran(&self) -> bool {
        self.fortran
    }

    /// All values in stored order.
    pub fn floats(&self) -> Vec<f64> {
        let Element { class, width, big_end_first } = self.element;
        if (class, width, big_end_first) == (Class::Float, 8, false) {
            return self.data.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
        }
        let value = |bits: u64| match (class, width) {
            (Class::Float, 4) => f64::from(f32::from_bits(bits as u32)),
            (Class::Float, _) => f64::from_bits(bits),
            (Class::Signed, _) => signed(bits, width) as f64,
            (Class::Unsigned, _) => bits as f64,
        };
        self.bits().map(value).collect()
    }

    /// All values in stored order as whole numbers; the first that is none, otherwise.
    ///
    /// # Errors
    /// The value that is no whole number of 63 bits, as text.
    pub fn ints(&self) -> Result<Vec<i64>, String> {
        let Element { class, width, .. } = self.element;
        match class {
            Class::Float => self.floats().into_iter().map(whole).collect(),
            Class::Signed => Ok(self.bits().map(|bits| signed(bits, width)).collect()),
            Class::Unsigned => self.bits().map(|bits| i64::try_from(bits).map_err(|_| bits.to_string())).collect(),
        }
    }

    /// Elements as they lie in the file, each in the low bits of a number.
    fn bits(&self) -> impl Iterator<Item = u64> {
        let Element { width, big_end_first, .. } = self.element;
        let joined = |n: u64, byte: &u8| n << 8 | u64::from(*byte);
        self.data.chunks_exact(width).map(move |bytes| {
            if big_end_first { bytes.iter().fold(0, joined) } else { bytes.iter().rev().fold(0, joined) }
        })
    }
}

/// A number of `width` bytes with its sign.
fn signed(bits: u64, width: usize) -> i64 {
    let unused = 64 - 8 * width as u32;
    ((bits << unused) as i64) >> unused
}

fn whole(value: f64) -> Result<i64, String> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.trunc() == value && value.abs() <= EXACT { Ok(value as i64) } else { Err(value.to_string()) }
}

impl Element {
    fn of(pickle: &Pickle<'_>, id: Id) -> Result<Self> {
        const EXPECTED: &str = "a number type of at most 8 bytes (`f8`, `f4`, `i8`, ...)";
        let wrong = || pickle.wrong(id, "array type", EXPECTED);
        let (arguments, state) = pickle.made(id, Name::DType).ok_or_else(wrong)?;
        let code = arguments.first().copied().ok_or_else(wrong)?;
        let (class, width) = match pickle.text(code) {
            Some("f4") => (Class::Float, 4),
            Some("f8") => (Class::Float, 8),
            Some("i1") => (Class::Signed, 1),
            Some("i2") => (Class::Signed, 2),
            Some("i4") => (Class::Signed, 4),
            Some("i8") => (Class::Signed, 8),
            Some("u1") => (Class::Unsigned, 1),
            Some("u2") => (Class::Unsigned, 2),
            Some("u4") => (Class::Unsigned, 4),
            Some("u8") => (Class::Unsigned, 8),
            _ => return Err(pickle.wrong(code, "array type", EXPECTED)),
        };
        let order = state.and_then(|state| pickle.items(state)).and_then(|items| items.get(1)).copied();
        let big_end_first = match order.map(|order| (order, pickle.text(order))) {
            Some((_, Some(">"))) => true,
            None | Some((_, Some("<" | "|" | "="))) => false,
            Some((order, _)) => return Err(pickle.wrong(order, "array type", "the byte order `<`, `>` or `|`")),
        };
        Ok(Self { class, width, big_end_first })
    }
}

fn truth(pickle: &Pickle<'_>, id: Id) -> Result<bool> {
    match pickle.get(id) {
        Value::Bool(truth) => Ok(*truth),
        Value::Int(number) => Ok(*number != 0),
        _ => Err(pickle.wrong(id, "array", "a truth")),
    }
}

fn shape_of(pickle: &Pickle<'_>, id: Id) -> Result<Vec<usize>> {
    let lengths = match pickle.get(id) {
        Value::Int(_) => vec![id],
        _ => {
            let items = pickle.items(id).filter(|items| items.len() <= MOST_DIMENSIONS);
            items.ok_or_else(|| pickle.wrong(id, "array", "a shape"))?.to_vec()
        }
    };
    let length = |id: Id| {
        let length = pickle.int(id).and_then(|n| usize::try_from(n).ok());
        length.ok_or_else(|| pickle.wrong(id, "array", "the length of a dimension"))
    };
    lengths.into_iter().map(length).collect()
}

/// Bytes; protocol 2 writes them as text whose characters are their numbers.
pub(super) fn bytes_of<'a>(pickle: &Pickle<'a>, id: Id) -> Result<Cow<'a, [u8]>> {
    // bytes that can be changed are made from those that cannot
    let id = match pickle.made(id, Name::Bytes) {
        Some((&[inner], None)) => inner,
        _ => id,
    };
    if let Value::Bytes(bytes) = pickle.get(id) {
        return Ok(Cow::Borrowed(bytes));
    }
    if let Some((&[], None)) = pickle.made(id, Name::Bytes) {
        return Ok(Cow::Borrowed(&[]));
    }
    let encoded = pickle.made(id, Name::Encode).and_then(|(arguments, _)| match *arguments {
        [text, encoding] => Some((pickle.text(text)?, pickle.text(encoding)?)),
        _ => None,
    });
    let Some((text, "latin1" | "latin-1")) = encoded else {
        return Err(pickle.wrong(id, "array", "bytes"));
    };
    pickle.claim(id, text.len())?;
    let byte = |c: char| u8::try_from(u32::from(c)).map_err(|_| pickle.wrong(id, "array", "characters below 256"));
    Ok(Cow::Owned(text.chars().map(byte).collect::<Result<_>>()?))
}
