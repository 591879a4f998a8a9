//! The number types of a volume's voxels.

/// The number type of a voxel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum SampleType {
    Signed(usize),
    Unsigned(usize),
    Float(usize),
}

impl SampleType {
    /// Returns the type with a name, of which NRRD has several for each; `None` for other names.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "signed char" | "int8" | "int8_t" => Some(Self::Signed(1)),
            "uchar" | "unsigned char" | "uint8" | "uint8_t" => Some(Self::Unsigned(1)),
            "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => Some(Self::Signed(2)),
            "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Some(Self::Unsigned(2)),
            "int" | "signed int" | "int32" | "int32_t" => Some(Self::Signed(4)),
            "uint" | "unsigned int" | "uint32" | "uint32_t" => Some(Self::Unsigned(4)),
            "longlong"
            | "long long"
            | "long long int"
            | "signed long long"
            | "signed long long int"
            | "int64"
            | "int64_t" => Some(Self::Signed(8)),
            "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => {
                Some(Self::Unsigned(8))
            }
            "float" => Some(Self::Float(4)),
            "double" => Some(Self::Float(8)),
            _ => None,
        }
    }

    /// Returns the number of bytes per voxel.
    pub const fn byte_width(self) -> usize {
        match self {
            Self::Signed(width) | Self::Unsigned(width) | Self::Float(width) => width,
        }
    }

    /// Decodes a sample to an integer; returns the value as the error if it is not an integer or is above 2^63.
    pub fn decode_id(self, bytes: &[u8], big_endian: bool) -> Result<i64, f64> {
        let mut little = [0; 8];
        for (i, byte) in bytes.iter().enumerate() {
            let place = if big_endian { bytes.len() - 1 - i } else { i };
            if let Some(slot) = little.get_mut(place) {
                *slot = *byte;
            }
        }
        let bits = u64::from_le_bytes(little);
        let unused = 64 - 8 * self.byte_width() as u32;
        match self {
            Self::Unsigned(_) => i64::try_from(bits).map_err(|_| bits as f64),
            Self::Signed(_) => Ok((bits << unused).cast_signed() >> unused),
            Self::Float(4) => exact_integer(f64::from(f32::from_bits(bits as u32))),
            Self::Float(_) => exact_integer(f64::from_bits(bits)),
        }
    }
}

/// Returns the integer with the same value as a float, if there is one.
fn exact_integer(value: f64) -> Result<i64, f64> {
    const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= MAX_EXACT_INTEGER { Ok(value as i64) } else { Err(value) }
}
