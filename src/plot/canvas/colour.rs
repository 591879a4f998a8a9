//! Colours, and perceptually uniform colour maps that also suit colour-blind readers.
//!
//! Viridis: Smith, van der Walt and Firing, matplotlib 1.5 (CC0). Vik: Crameri F, Scientific colour maps (2018), MIT,
//! [doi:10.5281/zenodo.1243862](https://doi.org/10.5281/zenodo.1243862). Each has 33 stops; colours between them are
//! interpolated, which is within 3 of 255 of the full tables.

/// An RGB colour: 0xRRGGBB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Colour(pub u32);

impl Colour {
    /// Black.
    pub const BLACK: Self = Self(0x00_0000);
    /// White.
    pub const WHITE: Self = Self(0xff_ffff);
    /// A colour for data without a value, and for less important items.
    pub const GREY: Self = Self(0xb0_b0b0);
    /// A colour for items that should stand out; colour-blind readers can distinguish it from blue, too (Okabe and
    /// Ito's vermillion).
    pub const VERMILLION: Self = Self(0xd5_5e00);

    /// Returns red, green and blue.
    pub const fn channels(self) -> [u8; 3] {
        let [_, r, g, b] = self.0.to_be_bytes();
        [r, g, b]
    }

    /// Returns the colour at fraction `t` of the way to another.
    #[must_use]
    pub fn blend(self, other: Self, t: f64) -> Self {
        let (a, b) = (self.channels(), other.channels());
        let mixed = |i: usize| {
            let value = f64::from(a[i]) + (f64::from(b[i]) - f64::from(a[i])) * t;
            // a value between two bytes fits in a byte
            value.round() as u32
        };
        Self(mixed(0) << 16 | mixed(1) << 8 | mixed(2))
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:06x}", self.0)
    }
}

/// A map from 0..1 to colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourMap {
    /// From dark violet to yellow.
    Viridis,
    /// From blue through white to brown: zero in the middle.
    Vik,
}

impl ColourMap {
    /// Returns the colour of a fraction; a value outside 0..1 has the colour of the nearer end.
    pub fn colour_at(self, t: f64) -> Colour {
        let stops: &[u32; 33] = match self {
            Self::Viridis => &VIRIDIS,
            Self::Vik => &VIK,
        };
        let place = t.clamp(0.0, 1.0) * 32.0;
        let first = (place as usize).min(31);
        Colour(stops[first]).blend(Colour(stops[first + 1]), place - first as f64)
    }
}

const VIRIDIS: [u32; 33] = [
    0x440154, 0x470d60, 0x48186a, 0x482374, 0x472d7b, 0x453781, 0x424086, 0x3e4989, 0x3b528b, 0x375b8d, 0x33638d,
    0x2f6b8e, 0x2c728e, 0x297a8e, 0x26828e, 0x23898e, 0x21918c, 0x1f988b, 0x1fa088, 0x22a785, 0x28ae80, 0x32b67a,
    0x3fbc73, 0x4ec36b, 0x5ec962, 0x70cf57, 0x84d44b, 0x98d83e, 0xaddc30, 0xc2df23, 0xd8e219, 0xece51b, 0xfde725,
];

const VIK: [u32; 33] = [
    0x001261, 0x021f69, 0x022b71, 0x023779, 0x034481, 0x055189, 0x0c5e92, 0x1c6d9c, 0x307da6, 0x488db2, 0x619ebd,
    0x7aaec8, 0x94bed2, 0xadcddd, 0xc6dbe6, 0xdee6e9, 0xece5e0, 0xeed9cd, 0xe9cab8, 0xe2baa2, 0xdbaa8d, 0xd59b79,
    0xcf8c66, 0xc97e53, 0xc27041, 0xbc622f, 0xb2511d, 0xa33e0d, 0x912d06, 0x811f06, 0x731406, 0x650907, 0x590008,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the relative luminance as defined in WCAG 2.1.
    fn luminance(colour: Colour) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let [r, g, b] = colour.channels().map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    #[test]
    fn viridis_grows_brighter_all_the_way_and_vik_is_brightest_at_zero() {
        let bright = |map: ColourMap, t: f64| luminance(map.colour_at(t));
        assert!(
            (0..100).all(|i| bright(ColourMap::Viridis, f64::from(i) / 100.0)
                < bright(ColourMap::Viridis, f64::from(i + 1) / 100.0))
        );
        let half = |from: i32| {
            (0..48).all(|i| {
                bright(ColourMap::Vik, 0.5 + f64::from(from * i) / 100.0)
                    > bright(ColourMap::Vik, 0.5 + f64::from(from * (i + 1)) / 100.0)
            })
        };
        assert!(half(-1) && half(1));
    }

    #[test]
    fn ends_and_what_lies_beyond_them_have_the_end_s_colour() {
        assert_eq!(
            [-1.0, 0.0, 1.0, 2.0].map(|t| ColourMap::Viridis.colour_at(t).to_string()),
            ["#440154", "#440154", "#fde725", "#fde725"]
        );
    }

    #[test]
    fn colours_blend_channel_by_channel() {
        assert_eq!(Colour(0x0a_1428).blend(Colour(0x1e_0064), 0.5), Colour(0x14_0a46));
    }
}
