//! Rasterises straight lines, using the distance of each pixel's centre from the line. This is many times faster than
//! outlining and filling them, which would take most of the time for pictures of tens of thousands of lines.

use tiny_skia::{Pixmap, PremultipliedColorU8};

use super::{Colour, PagePoint};

/// Steps of a pixel's coverage: finer steps are not visible, and take more bytes when compressed.
const COVERAGE_STEPS: u32 = 8;

/// Draws a line with round ends on an opaque background; positions and width are in pixels.
pub(super) fn draw_line(pixels: &mut Pixmap, [from, to]: [PagePoint; 2], width: f32, colour: Colour) {
    let reach = 0.5 * (width + 1.0);
    let step = [to[0] - from[0], to[1] - from[1]];
    let length = step[0].hypot(step[1]);
    // also returns if a coordinate is NaN
    if !(length.is_finite() && from[0].is_finite() && from[1].is_finite()) {
        return;
    }
    let (wide, high) = (pixels.width() as usize, pixels.height() as usize);
    let rows = touched_pixels(from[1].min(to[1]) - reach, from[1].max(to[1]) + reach, high);
    for row in rows {
        let dy = row as f32 + 0.5 - from[1];
        let (mut left, mut right) = (from[0].min(to[0]) - reach, from[0].max(to[0]) + reach);
        if step[1].abs() > 1e-3 * length {
            // the part of the row that is near the line, without its ends
            let (middle, half) = (from[0] + dy * step[0] / step[1], reach * length / step[1].abs());
            (left, right) = (left.max(middle - half), right.min(middle + half));
        }
        let columns = touched_pixels(left, right, wide);
        let start = row * wide;
        let Some(own) = pixels.pixels_mut().get_mut(start + columns.start..start + columns.end) else { continue };
        for (pixel, column) in own.iter_mut().zip(columns) {
            let dx = column as f32 + 0.5 - from[0];
            let along =
                if length > 0.0 { ((dx * step[0] + dy * step[1]) / (length * length)).clamp(0.0, 1.0) } else { 0.0 };
            let (dx, dy) = (dx - along * step[0], dy - along * step[1]);
            let covered = (reach - (dx * dx + dy * dy).sqrt()).clamp(0.0, width.min(1.0));
            // rounded and not negative, so the cast is exact
            *pixel = blend_pixel(*pixel, colour, (covered * COVERAGE_STEPS as f32 + 0.5) as u32);
        }
    }
}

/// Returns the pixels along one side that an interval touches.
fn touched_pixels(from: f32, to: f32, most: usize) -> std::ops::Range<usize> {
    // the casts saturate
    let (from, to) = ((from.floor().max(0.0) as usize).min(most), (to.ceil().max(0.0) as usize).min(most));
    from..to.max(from)
}

/// Blends a colour into a pixel that is covered by some steps.
fn blend_pixel(below: PremultipliedColorU8, colour: Colour, covered: u32) -> PremultipliedColorU8 {
    let [r, g, b] = colour.channels();
    let mixed = |below: u8, own: u8| {
        // a value between two bytes fits in a byte
        ((u32::from(below) * (COVERAGE_STEPS - covered) + u32::from(own) * covered + COVERAGE_STEPS / 2)
            / COVERAGE_STEPS) as u8
    };
    let (r, g, b) = (mixed(below.red(), r), mixed(below.green(), g), mixed(below.blue(), b));
    PremultipliedColorU8::from_rgba(r, g, b, u8::MAX).unwrap_or(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(ends: [PagePoint; 2], width: f32) -> Vec<u8> {
        let mut pixels = Pixmap::new(9, 5).unwrap();
        pixels.fill(tiny_skia::Color::WHITE);
        draw_line(&mut pixels, ends, width, Colour::BLACK);
        pixels.pixels().iter().map(|p| p.red()).collect()
    }

    #[test]
    fn a_line_along_pixels_covers_them_and_nothing_else() {
        let pixels = drawn([[2.5, 2.5], [6.5, 2.5]], 1.0);
        let black: Vec<usize> = (0..45).filter(|i| pixels[*i] == 0).collect();
        assert_eq!(black, [20, 21, 22, 23, 24]);
        assert_eq!(pixels.iter().filter(|v| **v < 255).count(), 5);
    }

    #[test]
    fn ink_is_length_times_width() {
        for (ends, length) in [([[1.0, 2.5], [8.0, 2.5]], 7.0), ([[2.0, 1.0], [6.0, 4.0]], 5.0)] {
            let ink: f32 = drawn(ends, 1.2).iter().map(|v| 1.0 - f32::from(*v) / 255.0).sum();
            // the expected area includes the round ends: a circle of that width
            let expected = length * 1.2 + 0.36 * std::f32::consts::PI;
            assert!((ink - expected).abs() < 0.1 * expected, "{ink} {expected}");
        }
    }

    #[test]
    fn a_line_without_length_is_a_dot_and_one_outside_is_nothing() {
        assert_eq!(drawn([[4.5, 2.5]; 2], 1.0).iter().filter(|v| **v < 255).count(), 1);
        assert!(drawn([[-9.0, -9.0], [-2.0, -1.0]], 1.0).iter().all(|v| *v == 255));
        assert!(drawn([[f32::NAN, 0.0], [2.0, 1.0]], 1.0).iter().all(|v| *v == 255));
    }
}
