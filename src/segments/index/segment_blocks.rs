//! Blocks of segments: the leaves of the index.

/// Number of segments in a block.
pub const SEGMENTS_PER_BLOCK: usize = 32;

/// The coordinates of a block: x0, y0, z0, x1, y1, z1, each for all its segments; NaN for unused places.
pub type CoordinateBlock<T> = [[T; SEGMENTS_PER_BLOCK]; 6];

/// Width of the coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoordinateWidth {
    /// float32: 24 bytes per segment.
    Single,
    /// float64: 48 bytes per segment.
    Double,
}

/// Blocks of one of the two widths.
#[derive(Debug, Clone, Copy)]
pub(super) enum BlockSlices<'a> {
    Single(&'a [CoordinateBlock<f32>]),
    Double(&'a [CoordinateBlock<f64>]),
}
