//! Text rendering with DejaVu Sans, matplotlib's default font, reduced to Latin, Greek, Cyrillic and symbols
//! (`datasets/fonts`).

use tiny_skia::{Path, PathBuilder, Transform};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

use super::{FigureProblem, Text, TextAnchor};

const FONT_BYTES: &[u8] = include_bytes!("../../../datasets/fonts/DejaVuSans.ttf");

/// The font, parsed for measuring and drawing.
pub(super) struct Font {
    face: Face<'static>,
    units_per_em: f32,
}

impl Font {
    pub(super) fn open() -> Result<Self, FigureProblem> {
        let face = Face::parse(FONT_BYTES, 0).map_err(|_| FigureProblem::Font)?;
        let per_em = f32::from(face.units_per_em());
        Ok(Self { face, units_per_em: per_em })
    }

    /// Returns the glyph of a character; that of "no such glyph" if the font does not have it.
    fn glyph(&self, c: char) -> GlyphId {
        self.face.glyph_index(c).unwrap_or(GlyphId(0))
    }

    fn advance(&self, c: char) -> f32 {
        f32::from(self.face.glyph_hor_advance(self.glyph(c)).unwrap_or(0)) / self.units_per_em
    }

    fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| self.advance(c)).sum::<f32>() * size
    }

    /// Returns the outline of a text at its position; `None` if it has no visible glyph.
    pub(super) fn outline(&self, text: &Text) -> Option<Path> {
        let mut pen = OutlinePen { path: PathBuilder::new(), advance: 0.0 };
        for c in text.content.chars() {
            // a glyph without outline, such as a blank, only moves the pen
            let _: Option<ttf_parser::Rect> = self.face.outline_glyph(self.glyph(c), &mut pen);
            pen.advance += self.advance(c) * self.units_per_em;
        }
        let before = match text.anchor {
            TextAnchor::Start => 0.0,
            TextAnchor::Middle => 0.5 * pen.advance,
            TextAnchor::End => pen.advance,
        };
        let scale = text.size / self.units_per_em;
        let [x, y] = text.position;
        let place = Transform::from_translate(-before, 0.0).post_scale(scale, -scale);
        let place = if text.is_vertical {
            place.post_concat(Transform::from_row(0.0, -1.0, 1.0, 0.0, 0.0, 0.0))
        } else {
            place
        };
        pen.path.finish()?.transform(place.post_translate(x, y))
    }
}

/// Returns the width of a text, pt; an estimate if the font cannot be read.
pub fn text_width(text: &str, size: f32) -> f32 {
    Font::open().map_or_else(|_| 0.6 * size * text.chars().count() as f32, |font| font.width(text, size))
}

/// Truncates a text with an ellipsis so that it is no wider than `max_width`.
pub fn truncate_to_width(text: &str, size: f32, max_width: f32) -> String {
    if text_width(text, size) <= max_width {
        return text.into();
    }
    let Ok(font) = Font::open() else { return text.into() };
    let mut wide = font.width("\u{2026}", size);
    let fits = |c: &char| {
        wide += font.advance(*c) * size;
        wide <= max_width
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push('\u{2026}');
    cut
}

/// Appends the outlines of consecutive glyphs, in font units.
struct OutlinePen {
    path: PathBuilder,
    advance: f32,
}

impl OutlineBuilder for OutlinePen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.advance + x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.advance + x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(self.advance + x1, y1, self.advance + x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.path.cubic_to(self.advance + x1, y1, self.advance + x2, y2, self.advance + x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letters_that_pictures_use_are_there() {
        let font = Font::open().unwrap();
        for c in
            "0123456789 azAZ<>&\u{2212}\u{207b}\u{2070}\u{b9}\u{b2}\u{b3}\u{2079}\u{b5}\u{3c3}\u{e9}\u{416}\u{2264}"
                .chars()
        {
            assert!(font.face.glyph_index(c).is_some(), "{c:?}");
        }
    }

    #[test]
    fn a_text_that_is_too_wide_is_cut() {
        assert_eq!(truncate_to_width("contact", 10.0, text_width("contact", 10.0)), "contact");
        let cut = truncate_to_width("contact contact", 10.0, 50.0);
        assert!(cut.starts_with("cont") && cut.ends_with('\u{2026}') && text_width(&cut, 10.0) <= 50.0, "{cut}");
    }

    #[test]
    fn a_text_ends_starts_or_is_centred_at_its_place_and_turned_text_runs_up() {
        let font = Font::open().unwrap();
        let bounds = |anchor, turned| {
            let text = Text { is_vertical: turned, ..Text::new([100.0, 50.0], 10.0, anchor, "HIH") };
            font.outline(&text).unwrap().bounds()
        };
        let wide = text_width("HIH", 10.0);
        assert!((bounds(TextAnchor::Start, false).left() - 100.0).abs() < 1.5);
        assert!((bounds(TextAnchor::End, false).right() - 100.0).abs() < 1.5);
        let middle = bounds(TextAnchor::Middle, false);
        assert!(((middle.left() + middle.right()) * 0.5 - 100.0).abs() < 0.1 && middle.bottom() <= 50.0);
        let up = bounds(TextAnchor::Start, true);
        assert!(up.bottom() <= 50.0 && (up.height() - wide).abs() < 2.5 && up.right() <= 100.01);
    }
}
