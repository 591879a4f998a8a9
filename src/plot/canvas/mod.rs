//! Pictures: lines, shapes and text on a page, as SVG (text stays text) or PNG; axes, ticks and colour maps.
//!
//! Lengths are points (1/72 inch) from the upper left corner. Fonts, ticks and margins are those of matplotlib's
//! defaults, so that a picture stands beside others in a paper.

mod axes;
mod colour;
mod colour_bar;
mod font;
mod png;
mod scale;
mod strokes;
mod svg;

pub use axes::PlotFrame;
pub use colour::{Colour, ColourMap};
pub use colour_bar::{ColourBar, Extend};
pub use font::{text_width, truncate_to_width};
pub use scale::{AxisScale, Tick};
pub use svg::escape_xml;

use std::path::Path;

use crate::error::Problem;

/// Width of frames and ticks, pt.
pub const FRAME_LINE_PT: f32 = 0.8;
/// Size of labels, pt.
pub const LABEL_SIZE_PT: f32 = 10.0;
/// Size of titles, pt.
pub const TITLE_SIZE_PT: f32 = 12.0;
/// Size of names beside marks and of notes, pt.
pub const SMALL_SIZE_PT: f32 = 8.0;

/// A place on the page, pt.
pub type PagePoint = [f32; 2];

/// The end of a text that stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextAnchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// How a shape is painted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paint {
    /// Colour of the inside.
    pub fill: Option<Colour>,
    /// Colour and width of the outline.
    pub stroke: Option<(Colour, f32)>,
    /// 0 for nothing, 1 for what covers all.
    pub opacity: f32,
}

impl Paint {
    /// An inside alone.
    pub const fn fill(colour: Colour) -> Self {
        Self { fill: Some(colour), stroke: None, opacity: 1.0 }
    }

    /// An outline alone.
    pub const fn stroke(colour: Colour, width: f32) -> Self {
        Self { fill: None, stroke: Some((colour, width)), opacity: 1.0 }
    }
}

/// A line of text. It runs upwards where it is turned.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Where its anchor's base line is.
    pub position: PagePoint,
    /// Size of the font, pt.
    pub size: f32,
    /// What of it is there.
    pub anchor: TextAnchor,
    /// Whether it runs upwards.
    pub is_vertical: bool,
    /// Its colour.
    pub colour: Colour,
    /// A border in another colour round the letters, for text over lines.
    pub halo: Option<Colour>,
    /// What it says.
    pub content: String,
}

impl Text {
    /// Black text.
    pub fn new(at: PagePoint, size: f32, anchor: TextAnchor, content: impl Into<String>) -> Self {
        let content = content.into();
        Self { position: at, size, anchor, is_vertical: false, colour: Colour::BLACK, halo: None, content }
    }
}

/// Something on a page; what comes later lies on top.
#[derive(Debug, Clone, PartialEq)]
pub enum DrawItem {
    /// Straight lines of one colour.
    Lines {
        /// Both ends of each.
        ends: Vec<[PagePoint; 2]>,
        /// Their colour.
        colour: Colour,
        /// Their width, pt.
        width: f32,
    },
    /// A polygon, or a line through points where it is open.
    Polygon {
        /// Its corners.
        points: Vec<PagePoint>,
        /// Whether the last is joined to the first.
        closed: bool,
        /// How it is painted.
        paint: Paint,
    },
    /// A circle.
    Circle {
        /// Its centre.
        center: PagePoint,
        /// Its radius, pt.
        radius: f32,
        /// How it is painted.
        paint: Paint,
    },
    /// A line of text.
    Text(Text),
    /// Things that belong together, under a name for who reads the SVG.
    Group(&'static str, Vec<DrawItem>),
}

impl DrawItem {
    /// A rectangle: left, top, width, height.
    pub fn rectangle([left, top, width, height]: [f32; 4], paint: Paint) -> Self {
        let (right, bottom) = (left + width, top + height);
        Self::Polygon { points: vec![[left, top], [right, top], [right, bottom], [left, bottom]], closed: true, paint }
    }
}

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Width, pt.
    pub width: f32,
    /// Height, pt.
    pub height: f32,
    /// What it is of, for who cannot see it.
    pub title: String,
    /// What is on it, on white.
    pub items: Vec<DrawItem>,
}

/// A form of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// Scalable Vector Graphics 1.1.
    Svg,
    /// Portable Network Graphics.
    Png,
}

/// What can be wrong with a picture.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FigureProblem {
    /// A name whose ending is no form.
    #[error("unknown form of a picture, expected a name that ends in `.svg` or `.png`, found `{0}`")]
    UnknownFormat(String),
    /// More pixels than can be held.
    #[error("too large for a PNG, expected at most {most} pixels a side, found {width} x {height}")]
    Size {
        /// Limit of a side.
        most: u32,
        /// Width asked for.
        width: u32,
        /// Height asked for.
        height: u32,
    },
    /// The letters cannot be had.
    #[error("the built-in font cannot be read")]
    Font,
    /// The encoder failed.
    #[error("the picture cannot be compressed")]
    Compression,
}

impl Problem for FigureProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownFormat(_) => Some("for example `-o figure.svg`".into()),
            Self::Size { .. } => Some("write it as SVG".into()),
            Self::Font | Self::Compression => None,
        }
    }
}

impl ImageFormat {
    /// The form that a file's name asks for.
    ///
    /// # Errors
    /// It ends in neither `.svg` nor `.png`.
    pub fn from_path(path: &Path) -> Result<Self, FigureProblem> {
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => Err(FigureProblem::UnknownFormat(path.file_name().unwrap_or_default().to_string_lossy().into_owned())),
        }
    }
}

impl Figure {
    /// The picture in a form; a PNG has 200 pixels an inch.
    ///
    /// # Errors
    /// A PNG would be too large.
    pub fn encode(&self, form: ImageFormat) -> Result<Vec<u8>, FigureProblem> {
        match form {
            ImageFormat::Svg => Ok(svg::to_svg(self).into_bytes()),
            ImageFormat::Png => png::to_png(self),
        }
    }

    /// The picture as SVG, to stand in a file of its own or in a page of HTML.
    pub fn to_svg(&self) -> String {
        svg::to_svg(self)
    }
}
