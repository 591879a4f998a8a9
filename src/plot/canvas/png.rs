//! Encodes a page as PNG: shapes and letters are filled with anti-aliasing, then deflated.

use std::io::Write;

use flate2::{Compression, Crc, write::ZlibEncoder};
use tiny_skia::{FillRule, LineCap, LineJoin, Paint as Ink, Path, PathBuilder, Pixmap, Stroke, Transform};

use super::HALO_WIDTH_PT;
use super::font::Font;
use super::strokes;
use super::{Colour, DrawItem, Figure, FigureProblem, PagePoint, Paint, Text};

/// Pixels per point: 200 per inch.
const PIXELS_PER_POINT: f32 = 200.0 / 72.0;

/// Maximum number of pixels of a side.
const MAX_SIDE_PIXELS: u32 = 16_384;

/// Encodes the page as a file.
pub(super) fn to_png(page: &Figure) -> Result<Vec<u8>, FigureProblem> {
    let [width, height] = [page.width, page.height].map(|v| (v * PIXELS_PER_POINT).ceil().max(1.0) as u32);
    let too_large = FigureProblem::Size { most: MAX_SIDE_PIXELS, width, height };
    let mut canvas = Canvas {
        pixels: Some((width, height))
            .filter(|(w, h)| w.max(h) <= &MAX_SIDE_PIXELS)
            .and_then(|(w, h)| Pixmap::new(w, h))
            .ok_or(too_large)?,
        font: Font::open()?,
    };
    canvas.pixels.fill(tiny_skia::Color::WHITE);
    page.items.iter().for_each(|item| canvas.draw(item));
    encode_pixels(&canvas.pixels).map_err(|_| FigureProblem::Compression)
}

struct Canvas {
    pixels: Pixmap,
    font: Font,
}

fn to_ink(colour: Colour, opacity: f32) -> Ink<'static> {
    let [r, g, b] = colour.channels();
    let mut ink = Ink::default();
    // opacity is 0..1, and the cast saturates
    ink.set_color_rgba8(r, g, b, (opacity * 255.0).round() as u8);
    ink.anti_alias = true;
    ink
}

fn line_path(points: &[PagePoint], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    let mut points = points.iter();
    let &[x, y] = points.next()?;
    path.move_to(x, y);
    points.for_each(|&[x, y]| path.line_to(x, y));
    if closed {
        path.close();
    }
    path.finish()
}

impl Canvas {
    fn draw(&mut self, item: &DrawItem) {
        match item {
            DrawItem::Lines { ends, colour, width } => {
                let scaled = |p: &PagePoint| p.map(|v| v * PIXELS_PER_POINT);
                for [from, to] in ends {
                    strokes::draw_line(&mut self.pixels, [scaled(from), scaled(to)], width * PIXELS_PER_POINT, *colour);
                }
            }
            DrawItem::Polygon { points, closed, paint } => self.paint_path(line_path(points, *closed), paint),
            DrawItem::Circle { center, radius, paint } => {
                self.paint_path(PathBuilder::from_circle(center[0], center[1], *radius), paint);
            }
            DrawItem::Raster { place, columns, colours } => self.draw_raster(*place, *columns, colours),
            DrawItem::Text(text) => self.draw_text(text),
            DrawItem::Group(_, items) => items.iter().for_each(|item| self.draw(item)),
        }
    }

    /// Gives each pixel the colour of the cell that contains its middle.
    fn draw_raster(&mut self, place: [f32; 4], columns: usize, colours: &[Colour]) {
        let rows = colours.len() / columns.max(1);
        let [left, top, width, height] = place.map(|v| v * PIXELS_PER_POINT);
        let pixels_across = self.pixels.width() as usize;
        // the casts saturate
        let range = |from: f32, length: f32, most: u32| {
            from.round().max(0.0) as usize..((from + length).round().max(0.0) as usize).min(most as usize)
        };
        let cell = |pixel: usize, from: f32, length: f32, count: usize| {
            (((pixel as f32 + 0.5 - from) / length * count as f32).max(0.0) as usize).min(count.saturating_sub(1))
        };
        for y in range(top, height, self.pixels.height()) {
            for x in range(left, width, self.pixels.width()) {
                let place = cell(y, top, height, rows) * columns + cell(x, left, width, columns);
                let pixel = self.pixels.pixels_mut().get_mut(y * pixels_across + x);
                if let (Some(pixel), Some(colour)) = (pixel, colours.get(place)) {
                    let [r, g, b] = colour.channels();
                    *pixel = tiny_skia::ColorU8::from_rgba(r, g, b, 255).premultiply();
                }
            }
        }
    }

    fn paint_path(&mut self, path: Option<Path>, paint: &Paint) {
        let Some(path) = path else { return };
        if let Some(fill) = paint.fill {
            self.fill_path(&path, fill, paint.opacity);
        }
        if let Some((colour, width)) = paint.stroke {
            self.stroke_path(&path, colour, width, paint.opacity);
        }
    }

    fn fill_path(&mut self, path: &Path, colour: Colour, opacity: f32) {
        let scale = Transform::from_scale(PIXELS_PER_POINT, PIXELS_PER_POINT);
        self.pixels.fill_path(path, &to_ink(colour, opacity), FillRule::Winding, scale, None);
    }

    fn stroke_path(&mut self, path: &Path, colour: Colour, width: f32, opacity: f32) {
        let stroke = Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        self.pixels.stroke_path(
            path,
            &to_ink(colour, opacity),
            &stroke,
            Transform::from_scale(PIXELS_PER_POINT, PIXELS_PER_POINT),
            None,
        );
    }

    fn draw_text(&mut self, text: &Text) {
        let Some(outline) = self.font.outline(text) else { return };
        if let Some(halo) = text.halo {
            self.stroke_path(&outline, halo, HALO_WIDTH_PT, 1.0);
        }
        self.fill_path(&outline, text.colour, 1.0);
    }
}

/// Encodes cells as an image with one pixel each; `None` if there are none, or too many.
pub(super) fn encode_cells(columns: usize, colours: &[Colour]) -> Option<Vec<u8>> {
    let rows = colours.len().checked_div(columns)?;
    let side = |count: usize| u32::try_from(count).ok().filter(|count| *count <= MAX_SIDE_PIXELS);
    let mut pixels = Pixmap::new(side(columns)?, side(rows)?)?;
    for (pixel, colour) in pixels.pixels_mut().iter_mut().zip(colours) {
        let [r, g, b] = colour.channels();
        *pixel = tiny_skia::ColorU8::from_rgba(r, g, b, 255).premultiply();
    }
    encode_pixels(&pixels).ok()
}

/// Writes a PNG (ISO/IEC 15948): signature, header, one stream of rows without alpha, end.
fn encode_pixels(pixels: &Pixmap) -> std::io::Result<Vec<u8>> {
    let (width, height) = (pixels.width(), pixels.height());
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::default());
    let mut row = Vec::with_capacity(1 + 3 * width as usize);
    for line in pixels.pixels().chunks_exact(width as usize) {
        row.clear();
        row.push(0); // no filter
        // the page is opaque, so the colours are not premultiplied by a smaller alpha
        line.iter().for_each(|p| row.extend([p.red(), p.green(), p.blue()]));
        rows.write_all(&row)?;
    }
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]); // 8 bits of red, green and blue
    let per_meter = (PIXELS_PER_POINT * 72.0 / 0.0254).round() as u32;
    let mut size = [per_meter.to_be_bytes(), per_meter.to_be_bytes()].concat();
    size.push(1); // metres
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"pHYs", size), (b"IDAT", rows.finish()?), (b"IEND", Vec::new())] {
        write_chunk(kind, &data, &mut out);
    }
    Ok(out)
}

fn write_chunk(kind: &[u8; 4], data: &[u8], out: &mut Vec<u8>) {
    // data of a page are smaller than 2^30 bytes
    out.extend((data.len() as u32).to_be_bytes());
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(data);
    out.extend_from_slice(kind);
    out.extend_from_slice(data);
    out.extend(crc.sum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::canvas::TextAnchor;

    fn chunks(png: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut rest = png.strip_prefix(b"\x89PNG\r\n\x1a\n").unwrap();
        let mut found = Vec::new();
        while let Some((length, after)) = rest.split_at_checked(4) {
            let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
            found.push((String::from_utf8(after[..4].to_vec()).unwrap(), after[4..4 + length].to_vec()));
            rest = &after[length + 8..];
            if rest.is_empty() {
                break;
            }
        }
        found
    }

    #[test]
    fn a_page_has_its_size_its_colours_and_its_letters() {
        let square = DrawItem::rectangle([0.0, 0.0, 36.0, 36.0], Paint::fill(Colour(0x10_2030)));
        let text = DrawItem::Text(Text::new([54.0, 54.0], 30.0, TextAnchor::Middle, "\u{25a0}"));
        let png =
            to_png(&Figure { width: 72.0, height: 72.0, title: String::new(), items: vec![square, text] }).unwrap();
        let chunks = chunks(&png);
        assert_eq!(chunks.iter().map(|c| c.0.as_str()).collect::<Vec<_>>(), ["IHDR", "pHYs", "IDAT", "IEND"]);
        assert_eq!(chunks[0].1, [0, 0, 0, 200, 0, 0, 0, 200, 8, 2, 0, 0, 0]);
        let mut rows = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(chunks[2].1.as_slice()), &mut rows).unwrap();
        let pixel = |x: usize, y: usize| rows[y * 601 + 1 + 3 * x..][..3].to_vec();
        assert_eq!(rows.len(), 200 * 601);
        assert_eq!((pixel(50, 50), pixel(150, 50), pixel(150, 125)), (vec![16, 32, 48], vec![255; 3], vec![0; 3]));
    }

    #[test]
    fn a_page_beyond_the_limit_is_refused() {
        let page = Figure { width: 7200.0, height: 72.0, title: String::new(), items: Vec::new() };
        let message = to_png(&page).unwrap_err().to_string();
        assert_eq!(message, "too large for a PNG, expected at most 16384 pixels per side, found 20000 x 200");
    }

    #[test]
    fn cells_of_an_image_keep_their_colours_and_their_places() {
        let colours = vec![Colour(0x10_2030), Colour(0x40_5060), Colour(0x70_8090), Colour(0xa0_b0c0)];
        let image = DrawItem::Raster { place: [9.0, 9.0, 18.0, 18.0], columns: 2, colours: colours.clone() };
        let figure = Figure { width: 36.0, height: 36.0, title: String::new(), items: vec![image] };
        let mut canvas = Canvas { pixels: Pixmap::new(100, 100).unwrap(), font: Font::open().unwrap() };
        figure.items.iter().for_each(|item| canvas.draw(item));
        let at = |x: u32, y: u32| {
            let pixel = canvas.pixels.pixel(x, y).unwrap();
            [pixel.red(), pixel.green(), pixel.blue()]
        };
        // 25 pixels of border, then 25 of each cell
        for (i, colour) in colours.iter().enumerate() {
            let (x, y) = (25 + 25 * (i as u32 % 2), 25 + 25 * (i as u32 / 2));
            assert_eq!([at(x, y), at(x + 24, y + 24)], [colour.channels(); 2], "{i}");
        }
        assert_eq!(at(24, 24), [0; 3], "nothing next to it");
        assert!(figure.to_svg().contains("xlink:href=\"data:image/png;base64,iVBORw0KGgo"));
    }
}
