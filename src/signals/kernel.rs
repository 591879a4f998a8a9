//! The product of currents and weights in registers, compiled for each vector width.
//!
//! For frames f, elements k and contacts c
//!
//! ```text
//! S_fc += sum over k of  I_fk w_kc
//! ```
//!
//! with currents `I` in single or double precision, weights `w` and sums `S` in double precision. Elements are taken in
//! equal blocks of at most [`DEPTH`]; within a block one fused multiplication and addition follows the other in the order of elements, and
//! the block's sum is added to `S`. This order is the same for every vector width and every number of frames, and so are
//! the bits of the result.
//!
//! Weights are stored in *panels* of [`PANEL`] contacts, two vectors of AVX-512; the last panel has half as many if these
//! suffice. Eight frames are converted to double precision at a time, and used for all panels while they are in the cache;
//! each step multiplies the weights of a panel by the currents of several frames, whose sums are in registers.

/// Number of contacts of half a panel: a vector of AVX-512, two of AVX2.
const HALF: usize = 8;

/// Number of contacts of a panel.
const PANEL: usize = 2 * HALF;

/// Largest number of elements of a block.
const DEPTH: usize = 256;

/// Number of frames that are converted at a time.
const TILE_FRAMES: usize = 8;

/// Length of a converted row: rows of a power of two would compete for the same lines of the cache.
const ROW_LENGTH: usize = DEPTH + 8;

/// Bytes of a cache line: a vector that lies in two lines takes two loads.
const LINE_BYTES: usize = 64;

/// Part of the sum of absolute currents that the net current of a balanced neuron does not exceed. Currents are stored in
/// single precision, so that their sum has an error of 1e-7 of it.
const BALANCE_TOLERANCE: f64 = 1e-4;

/// The same for current densities. Areas here are those of straight cylinders, those of the simulator follow the neurite.
/// For one input to a reconstructed neuron (segments of 20 to 40 µm, 1.5 % shorter than the neurite) the median net current
/// is 0.6 % of the sum of absolute currents; for several inputs it is less.
const DENSITY_BALANCE_TOLERANCE: f64 = 1e-2;

/// A stored current: single or double precision.
pub(super) trait Current: Copy + Into<f64> + Default + Send + Sync {
    /// Returns whether a fast sum shows that currents balance; otherwise an exact sum decides.
    fn balance_clearly(_currents: &[Self]) -> bool {
        false
    }
}

impl Current for f32 {
    /// Sums in single precision, 32 at a time. With n values the error of each sum is at most (n / 32 + 6) 2^-24 of the
    /// sum of absolute values, 4e-5 for the largest n, so that a net current of half the tolerance is below it.
    #[inline(always)]
    fn balance_clearly(currents: &[Self]) -> bool {
        const MAX_VALUES: usize = 20_000;
        if currents.len() > MAX_VALUES {
            return false;
        }
        let (blocks, rest) = currents.as_chunks::<32>();
        let (mut net, mut absolute) = ([0.0_f32; 32], [0.0_f32; 32]);
        for block in blocks {
            for ((net, absolute), value) in net.iter_mut().zip(&mut absolute).zip(block) {
                *net += value;
                *absolute += value.abs();
            }
        }
        for ((net, absolute), value) in net.iter_mut().zip(&mut absolute).zip(rest) {
            *net += value;
            *absolute += value.abs();
        }
        f64::from(sum_halves(net).abs()) <= 0.5 * BALANCE_TOLERANCE * f64::from(sum_halves(absolute))
    }
}

/// Sums values: the first half and the second, then those of the result, and so on.
#[inline(always)]
fn sum_halves(mut values: [f32; 32]) -> f32 {
    for half in [16, 8, 4, 2, 1] {
        for i in 0..half {
            values[i] += values[i + half];
        }
    }
    values[0]
}

impl Current for f64 {}

/// Currents, row-major: one row per frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct CurrentRows<'a, T> {
    /// The values.
    pub values: &'a [T],
    /// Length of a row.
    pub width: usize,
}

impl<'a, T: Current> CurrentRows<'a, T> {
    /// Returns some elements of a frame.
    #[inline(always)]
    pub fn elements(&self, frame: usize, elements: std::ops::Range<usize>) -> &'a [T] {
        let first = frame * self.width;
        self.values.get(first + elements.start..first + elements.end).unwrap_or_default()
    }
}

/// Weights of some elements, in panels of contacts.
#[derive(Debug, Default)]
pub(super) struct WeightPanels {
    /// From `first` on for each panel its rows, for each row the weights of the panel's contacts; the last panel is filled
    /// up with 0.
    values: Vec<f64>,
    /// The first value that begins a cache line.
    first: usize,
    rows: usize,
    contacts: usize,
}

impl WeightPanels {
    /// Reuses this memory for weights of another size. Every row must then be set; the padding of the last panel is 0.
    pub fn renewed(self, rows: usize, contacts: usize) -> Self {
        let mut values = self.values;
        if !contacts.is_multiple_of(HALF) {
            values.clear();
        }
        values.resize(contacts.next_multiple_of(HALF) * rows + LINE_BYTES / size_of::<f64>(), 0.0);
        // without an aligned offset, reads are unaligned
        let first = values.as_ptr().align_offset(LINE_BYTES).min(LINE_BYTES / size_of::<f64>());
        Self { values, first, rows, contacts }
    }

    /// Returns the bytes of the weights of an element.
    pub const fn row_bytes(contacts: usize) -> usize {
        contacts.next_multiple_of(HALF) * size_of::<f64>()
    }

    /// Sets the weights of a row: those of some columns of the element, or all.
    pub fn set_row(&mut self, row: usize, columns: Option<&[usize]>, weights: &[f64]) {
        let Some(columns) = columns else {
            // arrays of a known length are copied without a call
            let (whole, rest) = weights.as_chunks::<PANEL>();
            for (panel, own) in whole.iter().enumerate() {
                if let Some(out) = self.panel_row_mut(panel, row).first_chunk_mut() {
                    *out = *own;
                }
            }
            for (weight, own) in self.panel_row_mut(whole.len(), row).iter_mut().zip(rest) {
                *weight = *own;
            }
            return;
        };
        for (panel, columns) in columns.chunks(PANEL).enumerate() {
            for (weight, &column) in self.panel_row_mut(panel, row).iter_mut().zip(columns) {
                *weight = weights.get(column).copied().unwrap_or_default();
            }
        }
    }

    fn panel_row_mut(&mut self, panel: usize, row: usize) -> &mut [f64] {
        let width = self.panel_width(panel);
        let first = self.first + panel * PANEL * self.rows + row * width;
        self.values.get_mut(first..first + width).unwrap_or_default()
    }

    /// Returns the first row with a weight that is not finite, and the weight.
    pub fn find_not_finite(&self) -> Option<(usize, f64)> {
        let panels = 0..self.contacts.div_ceil(PANEL);
        let all = panels.flat_map(|i| self.panel(i, 0..self.rows).chunks(self.panel_width(i)).enumerate());
        let bad = all.filter_map(|(row, weights)| Some((row, *weights.iter().find(|weight| !weight.is_finite())?)));
        bad.min_by_key(|(row, _)| *row)
    }

    /// Returns the number of contacts that a panel has room for.
    #[inline(always)]
    fn panel_width(&self, panel: usize) -> usize {
        if self.contacts > panel * PANEL + HALF { PANEL } else { HALF }
    }

    /// Returns some rows of a panel.
    #[inline(always)]
    fn panel(&self, panel: usize, rows: std::ops::Range<usize>) -> &[f64] {
        let (first, width) = (self.first + panel * PANEL * self.rows, self.panel_width(panel));
        self.values.get(first + rows.start * width..first + rows.end * width).unwrap_or_default()
    }
}

/// Converted currents, which are reused.
pub(super) struct Tile(Box<ConvertedRows>);

/// Rows that begin with a cache line ([`LINE_BYTES`]).
#[repr(align(64))]
struct ConvertedRows([[f64; ROW_LENGTH]; TILE_FRAMES]);

impl Default for Tile {
    fn default() -> Self {
        Self(Box::new(ConvertedRows([[0.0; ROW_LENGTH]; TILE_FRAMES])))
    }
}

/// Sums, row-major: one row per frame. A row begins with the sums of a group.
pub(super) struct SumRows<'a> {
    /// The sums, from the first one of the group on.
    pub values: &'a mut [f64],
    /// Length of a row.
    pub width: usize,
}

/// Elements whose currents and weights are consecutive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ElementRun {
    /// First column of the currents.
    pub column: usize,
    /// First row of the weights.
    pub row: usize,
    /// Number of elements.
    pub length: usize,
}

/// Adds the product of a run's currents and weights; returns whether all sums are finite.
pub(super) fn add_product<T: Current>(
    currents: CurrentRows<'_, T>,
    run: ElementRun,
    weights: &WeightPanels,
    tile: &mut Tile,
    sums: &mut SumRows<'_>,
) -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has these instructions
            return unsafe { add_product_avx512(currents, run, weights, tile, sums) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has these instructions
            return unsafe { add_product_avx2(currents, run, weights, tile, sums) };
        }
    }
    add_blocks::<T, 4, false>(currents, run, weights, tile, sums)
}

/// 8 frames x 16 contacts: 16 of 32 registers are sums.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn add_product_avx512<T: Current>(
    currents: CurrentRows<'_, T>,
    run: ElementRun,
    weights: &WeightPanels,
    tile: &mut Tile,
    sums: &mut SumRows<'_>,
) -> bool {
    add_blocks::<T, 8, true>(currents, run, weights, tile, sums)
}

/// 4 frames x 8 contacts: 8 of 16 registers are sums.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn add_product_avx2<T: Current>(
    currents: CurrentRows<'_, T>,
    run: ElementRun,
    weights: &WeightPanels,
    tile: &mut Tile,
    sums: &mut SumRows<'_>,
) -> bool {
    add_blocks::<T, 4, false>(currents, run, weights, tile, sums)
}

/// Returns the number of elements of a block: as few blocks as possible, of nearly the same length.
#[inline(always)]
fn choose_depth(length: usize) -> usize {
    length.div_ceil(length.div_ceil(DEPTH).max(1)).max(1)
}

/// Adds the products of `FRAMES` frames and half a panel at a time, or a panel if `IS_WIDE`.
#[inline(always)]
fn add_blocks<T: Current, const FRAMES: usize, const IS_WIDE: bool>(
    currents: CurrentRows<'_, T>,
    run: ElementRun,
    weights: &WeightPanels,
    Tile(tile): &mut Tile,
    sums: &mut SumRows<'_>,
) -> bool {
    let ConvertedRows(tile) = tile.as_mut();
    let frames = currents.values.len() / currents.width.max(1);
    let block_depth = choose_depth(run.length);
    for block in (0..run.length).step_by(block_depth) {
        let depth = block_depth.min(run.length - block);
        let column = run.column + block;
        let row = run.row + block;
        for first in (0..frames).step_by(TILE_FRAMES) {
            let behind = frames.min(first + TILE_FRAMES);
            for (out, frame) in tile.iter_mut().zip(first..behind) {
                for (out, value) in out.iter_mut().zip(currents.elements(frame, column..column + depth)) {
                    *out = (*value).into();
                }
            }
            for panel in 0..weights.contacts.div_ceil(PANEL) {
                let own = weights.panel(panel, row..row + depth);
                let contact = panel * PANEL;
                let contacts = contact..weights.contacts.min(contact + PANEL);
                for (rows, first) in tile.as_chunks::<FRAMES>().0.iter().zip((first..behind).step_by(FRAMES)) {
                    let frames = first..behind.min(first + FRAMES);
                    if weights.panel_width(panel) == HALF {
                        add_rows(&[&multiply_half::<FRAMES, HALF, 0>(rows, own)], frames, contacts.clone(), sums);
                    } else if IS_WIDE {
                        let [low, high] = multiply_panel(rows, own);
                        add_rows(&[&low, &high], frames, contacts.clone(), sums);
                    } else {
                        let low = multiply_half::<FRAMES, PANEL, 0>(rows, own);
                        let high = multiply_half::<FRAMES, PANEL, HALF>(rows, own);
                        add_rows(&[&low, &high], frames, contacts.clone(), sums);
                    }
                }
            }
        }
    }
    // a sum that is not finite remains so
    let mut is_finite = true;
    for row in sums.values.chunks(sums.width.max(1)).take(frames) {
        is_finite &= are_finite(row.get(..weights.contacts).unwrap_or_default());
    }
    is_finite
}

/// Multiplies the currents of some frames by half a panel, whose rows of `WIDTH` weights have it at `FIRST`.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "loops over constant ranges are unrolled, so that sums are in registers")]
fn multiply_half<const FRAMES: usize, const WIDTH: usize, const FIRST: usize>(
    currents: &[[f64; ROW_LENGTH]; FRAMES],
    weights: &[f64],
) -> [[f64; HALF]; FRAMES] {
    let mut sums = [[0.0; HALF]; FRAMES];
    for (k, weights) in weights.as_chunks::<WIDTH>().0.iter().enumerate().take(DEPTH) {
        for frame in 0..FRAMES {
            let current = currents[frame][k];
            for contact in 0..HALF {
                sums[frame][contact] = current.mul_add(weights[FIRST + contact], sums[frame][contact]);
            }
        }
    }
    sums
}

/// Multiplies the currents of some frames by both halves of a panel.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "loops over constant ranges are unrolled, so that sums are in registers")]
fn multiply_panel<const FRAMES: usize>(
    currents: &[[f64; ROW_LENGTH]; FRAMES],
    weights: &[f64],
) -> [[[f64; HALF]; FRAMES]; 2] {
    // two arrays and two loops: compilers do not put one array of all sums into registers
    let (mut low, mut high) = ([[0.0; HALF]; FRAMES], [[0.0; HALF]; FRAMES]);
    for (k, weights) in weights.as_chunks::<PANEL>().0.iter().enumerate().take(DEPTH) {
        for frame in 0..FRAMES {
            let current = currents[frame][k];
            for contact in 0..HALF {
                low[frame][contact] = current.mul_add(weights[contact], low[frame][contact]);
            }
        }
        for frame in 0..FRAMES {
            let current = currents[frame][k];
            for contact in 0..HALF {
                high[frame][contact] = current.mul_add(weights[HALF + contact], high[frame][contact]);
            }
        }
    }
    [low, high]
}

/// Adds products, of one or two halves of a panel, to the sums of some frames and of these contacts.
#[inline(always)]
fn add_rows<const FRAMES: usize, const HALVES: usize>(
    products: &[&[[f64; HALF]; FRAMES]; HALVES],
    frames: std::ops::Range<usize>,
    contacts: std::ops::Range<usize>,
    sums: &mut SumRows<'_>,
) {
    for (place, frame) in frames.enumerate() {
        let first = frame * sums.width;
        let sums = sums.values.get_mut(first + contacts.start..first + contacts.end).unwrap_or_default();
        let (whole, rest) = sums.as_chunks_mut::<HALF>();
        let mut products = products.iter().filter_map(|half| half.get(place));
        // a vector at a time
        for (sums, products) in whole.iter_mut().zip(&mut products) {
            for (sum, product) in sums.iter_mut().zip(products) {
                *sum += product;
            }
        }
        for (sum, product) in rest.iter_mut().zip(products.flatten()) {
            *sum += product;
        }
    }
}

/// Returns whether all values are finite.
#[inline(always)]
#[allow(clippy::eq_op, reason = "the difference of a value from itself is NaN if it is not finite")]
fn are_finite(values: &[f64]) -> bool {
    // the difference is NaN for infinite values, too; without an early end, the loop is vectorised
    let (vectors, rest) = values.as_chunks::<HALF>();
    let mut differences = [0.0; HALF];
    for vector in vectors {
        for (difference, value) in differences.iter_mut().zip(vector) {
            *difference += value - value;
        }
    }
    for (difference, value) in differences.iter_mut().zip(rest) {
        *difference += value - value;
    }
    differences == [0.0; HALF]
}

/// Finds the frame with the largest net current of some elements, nA, among those in which they do not balance.
pub(super) fn find_net_current<T: Current>(
    currents: CurrentRows<'_, T>,
    elements: std::ops::Range<usize>,
) -> Option<(f64, usize)> {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has these instructions
            return unsafe { find_net_current_avx512(currents, elements) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has these instructions
            return unsafe { find_net_current_avx2(currents, elements) };
        }
    }
    find_largest(currents, elements)
}

/// Finds the frame with the largest net current of some elements, nA, among those in which they do not balance. Each
/// density is multiplied by its factor, that is, the area in the unit that gives nA.
pub(super) fn find_net_current_of_densities<T: Current>(
    densities: CurrentRows<'_, T>,
    elements: std::ops::Range<usize>,
    factors: &[f64],
) -> Option<(f64, usize)> {
    let frames = densities.values.len() / densities.width.max(1);
    let mut largest: Option<(f64, usize)> = None;
    for frame in 0..frames {
        let (mut net_na, mut absolute_na) = (0.0_f64, 0.0_f64);
        for (density, factor) in densities.elements(frame, elements.clone()).iter().zip(factors) {
            let density: f64 = (*density).into();
            net_na += density * factor;
            absolute_na += (density * factor).abs();
        }
        let is_larger = largest.is_none_or(|(known, _)| net_na.abs() > known.abs());
        if net_na.abs() > DENSITY_BALANCE_TOLERANCE * absolute_na && is_larger {
            largest = Some((net_na, frame));
        }
    }
    largest
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn find_net_current_avx512<T: Current>(
    currents: CurrentRows<'_, T>,
    elements: std::ops::Range<usize>,
) -> Option<(f64, usize)> {
    find_largest(currents, elements)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn find_net_current_avx2<T: Current>(
    currents: CurrentRows<'_, T>,
    elements: std::ops::Range<usize>,
) -> Option<(f64, usize)> {
    find_largest(currents, elements)
}

#[inline(always)]
fn find_largest<T: Current>(currents: CurrentRows<'_, T>, elements: std::ops::Range<usize>) -> Option<(f64, usize)> {
    let frames = currents.values.len() / currents.width.max(1);
    let mut largest: Option<(f64, usize)> = None;
    for frame in 0..frames {
        let own = currents.elements(frame, elements.clone());
        if T::balance_clearly(own) {
            continue;
        }
        let (net_na, absolute_na) = sum_currents(own);
        let is_larger = largest.is_none_or(|(known, _)| net_na.abs() > known.abs());
        if net_na.abs() > BALANCE_TOLERANCE * absolute_na && is_larger {
            largest = Some((net_na, frame));
        }
    }
    largest
}

/// Returns the sum of currents, and that of their absolute values.
#[inline(always)]
fn sum_currents<T: Current>(currents: &[T]) -> (f64, f64) {
    // several independent sums, so that the loop is vectorised
    let (blocks, rest) = currents.as_chunks::<16>();
    let (mut net, mut absolute) = ([0.0_f64; 16], [0.0_f64; 16]);
    for block in blocks {
        for ((net, absolute), value) in net.iter_mut().zip(&mut absolute).zip(block) {
            let value: f64 = (*value).into();
            *net += value;
            *absolute += value.abs();
        }
    }
    for value in rest {
        let value: f64 = (*value).into();
        net[0] += value;
        absolute[0] += value.abs();
    }
    (net.iter().sum(), absolute.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Currents, weights and the first sums of a small product: values that are exact in single precision.
    fn make_inputs(frames: usize, elements: usize, contacts: usize) -> (Vec<f32>, Vec<f64>) {
        let number = |i: usize, period: usize| (i * 7 % period) as f64 / 64.0 - 0.75;
        let currents = (0..frames * elements).map(|i| number(i, 97) as f32).collect();
        (currents, (0..elements * contacts).map(|i| number(i, 89) / 3.0).collect())
    }

    /// Computes the sums of a run as the module's text defines them.
    fn sum_naively(currents: &[f32], elements: usize, run: ElementRun, weights: &[f64], contacts: usize) -> Vec<f64> {
        let frames = currents.len() / elements;
        let mut sums = vec![0.5; frames * contacts];
        for (i, sum) in sums.iter_mut().enumerate() {
            let (frame, contact) = (i / contacts, i % contacts);
            let depth = choose_depth(run.length);
            for block in (0..run.length).step_by(depth) {
                let product = (block..run.length.min(block + depth)).fold(0.0, |product: f64, k| {
                    let current = f64::from(currents[frame * elements + run.column + k]);
                    current.mul_add(weights[(run.row + k) * contacts + contact], product)
                });
                *sum += product;
            }
        }
        sums
    }

    #[test]
    fn all_vector_widths_give_the_bits_of_the_definition() {
        for (frames, elements, contacts) in [(1, 1, 1), (3, 300, 7), (8, 256, 8), (13, 700, 21), (9, 513, 40)] {
            let (currents, weights) = make_inputs(frames, elements, contacts);
            let wide: Vec<f64> = currents.iter().map(|v| f64::from(*v)).collect();
            let columns: Vec<usize> = (0..contacts).collect();
            let mut panels = WeightPanels::default().renewed(elements, contacts);
            weights.chunks(contacts).enumerate().for_each(|(row, own)| panels.set_row(row, Some(&columns), own));
            let (column, row) = (elements / 5, elements / 7);
            let run = ElementRun { column, row, length: elements - column };
            let expected = sum_naively(&currents, elements, run, &weights, contacts);
            let rows = CurrentRows { values: &currents, width: elements };
            let wide = CurrentRows { values: &wide, width: elements };
            let mut tile = Tile::default();
            let mut check = |add: &mut dyn FnMut(&mut Tile, &mut SumRows<'_>) -> bool| {
                let mut sums = vec![0.5; frames * contacts];
                assert!(add(&mut tile, &mut SumRows { values: &mut sums, width: contacts }));
                assert_eq!(sums, expected, "{frames} x {elements} x {contacts}");
            };
            check(&mut |tile, sums| add_product(rows, run, &panels, tile, sums));
            let mut all = WeightPanels::default().renewed(elements, contacts);
            weights.chunks(contacts).enumerate().for_each(|(row, own)| all.set_row(row, None, own));
            check(&mut |tile, sums| add_product(rows, run, &all, tile, sums));
            check(&mut |tile, sums| add_product(wide, run, &panels, tile, sums));
            check(&mut |tile, sums| add_blocks::<f32, 4, false>(rows, run, &panels, tile, sums));
            check(&mut |tile, sums| add_blocks::<f32, 8, true>(rows, run, &panels, tile, sums));
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                // SAFETY: the processor has these instructions
                check(&mut |tile, sums| unsafe { add_product_avx2(rows, run, &panels, tile, sums) });
            }
        }
    }

    #[test]
    fn blocks_are_few_and_nearly_equal() {
        let depths = [0, 1, 255, 256, 257, 512, 513, 1000].map(choose_depth);
        assert_eq!(depths, [1, 1, 255, 256, 129, 256, 171, 250]);
    }

    #[test]
    fn sums_that_are_not_finite_are_reported() {
        let mut panels = WeightPanels::default().renewed(3, 2);
        (0..3).for_each(|row| panels.set_row(row, None, &[1.0, 2.0]));
        let add = |currents: &[f32; 6], panels: &WeightPanels| {
            let (mut sums, mut tile) = ([0.0; 4], Tile::default());
            let rows = CurrentRows { values: currents, width: 3 };
            let run = ElementRun { column: 0, row: 0, length: 3 };
            add_product(rows, run, panels, &mut tile, &mut SumRows { values: &mut sums, width: 2 })
        };
        assert!(add(&[1.0; 6], &panels));
        assert!(!add(&[1.0, 1.0, 1.0, 1.0, f32::NAN, 1.0], &panels));
        assert!(!add(&[1.0, f32::INFINITY, 1.0, 1.0, 1.0, 1.0], &panels));
        assert_eq!(panels.find_not_finite(), None);
        panels.set_row(2, Some(&[1, 0]), &[f64::NEG_INFINITY, 1.0]);
        assert!(!add(&[1.0; 6], &panels));
        assert_eq!(panels.find_not_finite(), Some((2, f64::NEG_INFINITY)));
    }

    #[test]
    fn the_largest_net_current_is_found() {
        // rows of 40 elements: balanced; a net current of 0.5; of -0.75, outside the elements too
        let mut values = vec![0.0_f32; 3 * 40];
        for row in values.chunks_mut(40) {
            (0..30).for_each(|i| row[i] = if i < 15 { 1.0 } else { -1.0 });
        }
        values[40 + 3] += 0.5;
        values[80 + 29] -= 0.75;
        let rows = CurrentRows { values: &values, width: 40 };
        assert_eq!(find_net_current(rows, 0..30), Some((-0.75, 2)));
        assert_eq!(find_net_current(rows, 1..29), Some((0.5, 1)));
        assert_eq!(find_net_current(CurrentRows { values: &values[..40], width: 40 }, 0..30), None);
        // net currents of 0.9 and 1.1 of the tolerance, in both precisions
        let exact = |net: f32| [vec![1.0_f32; 500], vec![-1.0; 499], vec![-1.0 + net]].concat();
        for (net, is_found) in [(0.03, false), (0.09, false), (0.11, true), (-0.11, true)] {
            let values = exact(net);
            let wide: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
            let found = find_net_current(CurrentRows { values: &values, width: 1000 }, 0..1000);
            assert_eq!(found.is_some(), is_found, "{net}");
            assert_eq!(found, find_net_current(CurrentRows { values: &wide, width: 1000 }, 0..1000));
        }
    }
}
