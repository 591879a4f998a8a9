//! Draws lines, shapes and text on a page, as SVG (text stays text) or PNG; also axes, ticks and colour maps.
//!
//! Lengths are points (1/72 inch) from the upper left corner. Fonts, ticks and margins are matplotlib's defaults, so
//! that pictures match others in a paper.

mod axes;
mod base64;
mod colour;
mod colour_bar;
mod font;
mod png;
mod scale;
mod strokes;
mod svg;

pub use axes::PlotFrame;
pub(crate) use base64::encode_base64;
pub use colour::{Colour, ColourMap};
pub use colour_bar::{ColourBar, Extend};
pub use font::{text_width, truncate_to_width};
pub(crate) use scale::round_step;
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
/// Size of names next to marks and of notes, pt.
pub const SMALL_SIZE_PT: f32 = 8.0;

/// A position on the page, pt.
pub type PagePoint = [f32; 2];

/// Which part of a text is at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextAnchor {
    /// The beginning.
    Start,
    /// The middle.
    Middle,
    /// The end.
    End,
}

/// Fill, outline and opacity of a shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paint {
    /// Colour of the inside.
    pub fill: Option<Colour>,
    /// Colour and width of the outline.
    pub stroke: Option<(Colour, f32)>,
    /// From 0 (invisible) to 1 (opaque).
    pub opacity: f32,
}

impl Paint {
    /// A fill without an outline.
    pub const fn fill(colour: Colour) -> Self {
        Self { fill: Some(colour), stroke: None, opacity: 1.0 }
    }

    /// An outline without a fill.
    pub const fn stroke(colour: Colour, width: f32) -> Self {
        Self { fill: None, stroke: Some((colour, width)), opacity: 1.0 }
    }
}

/// A line of text; if vertical, it runs upwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Position of its anchor on the base line.
    pub position: PagePoint,
    /// Size of the font, pt.
    pub size: f32,
    /// Which part is at the position.
    pub anchor: TextAnchor,
    /// Whether the text runs upwards.
    pub is_vertical: bool,
    /// Its colour.
    pub colour: Colour,
    /// Colour of a border drawn around the letters, for text over lines.
    pub halo: Option<Colour>,
    /// The text itself.
    pub content: String,
}

impl Text {
    /// Creates black text.
    pub fn new(at: PagePoint, size: f32, anchor: TextAnchor, content: impl Into<String>) -> Self {
        let content = content.into();
        Self { position: at, size, anchor, is_vertical: false, colour: Colour::BLACK, halo: None, content }
    }
}

/// An item on a page; later items are drawn on top.
#[derive(Debug, Clone, PartialEq)]
pub enum DrawItem {
    /// Straight lines of one colour.
    Lines {
        /// Both ends of each line.
        ends: Vec<[PagePoint; 2]>,
        /// Their colour.
        colour: Colour,
        /// Their width, pt.
        width: f32,
    },
    /// A polygon, or a polyline if it is open.
    Polygon {
        /// Its vertices.
        points: Vec<PagePoint>,
        /// Whether the last vertex is joined to the first.
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
    /// An image of cells of equal size, each of one colour.
    Raster {
        /// Left, top, width and height.
        place: [f32; 4],
        /// Number of cells in a row.
        columns: usize,
        /// Colours of the cells, row by row from the top.
        colours: Vec<Colour>,
    },
    /// A line of text.
    Text(Text),
    /// Items that belong together; the SVG has a group of this name.
    Group(&'static str, Vec<DrawItem>),
}

impl DrawItem {
    /// Creates a rectangle: left, top, width, height.
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
    /// Title, which also describes the picture for screen readers.
    pub title: String,
    /// The items, on a white background.
    pub items: Vec<DrawItem>,
}

/// Image file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// Scalable Vector Graphics 1.1.
    Svg,
    /// Portable Network Graphics.
    Png,
}

/// Errors of pictures.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FigureProblem {
    /// The ending of a file name is not a known format.
    #[error("unknown image format, expected a name that ends in `.svg` or `.png`, found `{0}`")]
    UnknownFormat(String),
    /// The picture has too many pixels.
    #[error("too large for a PNG, expected at most {most} pixels per side, found {width} x {height}")]
    Size {
        /// Limit for each side.
        most: u32,
        /// Requested width.
        width: u32,
        /// Requested height.
        height: u32,
    },
    /// The font cannot be read.
    #[error("the built-in font cannot be read")]
    Font,
    /// The image encoder failed.
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
    /// Returns the format for the ending of a file name.
    ///
    /// # Errors
    /// Returns an error if the name ends in neither `.svg` nor `.png`.
    pub fn from_path(path: &Path) -> Result<Self, FigureProblem> {
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => Err(FigureProblem::UnknownFormat(path.file_name().unwrap_or_default().to_string_lossy().into_owned())),
        }
    }
}

impl Figure {
    /// Encodes the picture in a format; a PNG has 200 pixels per inch.
    ///
    /// # Errors
    /// Returns an error if a PNG would be too large.
    pub fn encode(&self, form: ImageFormat) -> Result<Vec<u8>, FigureProblem> {
        match form {
            ImageFormat::Svg => Ok(svg::to_svg(self).into_bytes()),
            ImageFormat::Png => png::to_png(self),
        }
    }

    /// Encodes the picture as SVG, for a separate file or for embedding in HTML.
    pub fn to_svg(&self) -> String {
        svg::to_svg(self)
    }
}
