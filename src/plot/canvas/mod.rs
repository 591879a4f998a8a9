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

pub use axes::Frame;
pub use colour::{Colour, Map};
pub use colour_bar::{ColourBar, Extend};
pub use font::{fitted, width};
pub use scale::{Scale, Tick};
pub use svg::escaped;

use std::path::Path;

use crate::error::Problem;

/// Width of frames and ticks, pt.
pub const LINE: f32 = 0.8;
/// Size of labels, pt.
pub const LABEL: f32 = 10.0;
/// Size of titles, pt.
pub const TITLE: f32 = 12.0;
/// Size of names beside marks and of notes, pt.
pub const SMALL: f32 = 8.0;

/// A place on the page, pt.
pub type Spot = [f32; 2];

/// The end of a text that stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
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
    pub at: Spot,
    /// Size of the font, pt.
    pub size: f32,
    /// What of it is there.
    pub anchor: Anchor,
    /// Whether it runs upwards.
    pub turned: bool,
    /// Its colour.
    pub colour: Colour,
    /// A border in another colour round the letters, for text over lines.
    pub halo: Option<Colour>,
    /// What it says.
    pub content: String,
}

impl Text {
    /// Black text.
    pub fn new(at: Spot, size: f32, anchor: Anchor, content: impl Into<String>) -> Self {
        let content = content.into();
        Self { at, size, anchor, turned: false, colour: Colour::BLACK, halo: None, content }
    }
}

/// Something on a page; what comes later lies on top.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Straight lines of one colour.
    Lines {
        /// Both ends of each.
        ends: Vec<[Spot; 2]>,
        /// Their colour.
        colour: Colour,
        /// Their width, pt.
        width: f32,
    },
    /// A polygon, or a line through points where it is open.
    Polygon {
        /// Its corners.
        points: Vec<Spot>,
        /// Whether the last is joined to the first.
        closed: bool,
        /// How it is painted.
        paint: Paint,
    },
    /// A circle.
    Circle {
        /// Its centre.
        center: Spot,
        /// Its radius, pt.
        radius: f32,
        /// How it is painted.
        paint: Paint,
    },
    /// A line of text.
    Text(Text),
    /// Things that belong together, under a name for who reads the SVG.
    Group(&'static str, Vec<Item>),
}

impl Item {
    /// A rectangle: left, top, width, height.
    pub fn rectangle([left, top, width, height]: [f32; 4], paint: Paint) -> Self {
        let (right, bottom) = (left + width, top + height);
        Self::Polygon { points: vec![[left, top], [right, top], [right, bottom], [left, bottom]], closed: true, paint }
    }
}

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Width, pt.
    pub width: f32,
    /// Height, pt.
    pub height: f32,
    /// What it is of, for who cannot see it.
    pub title: String,
    /// What is on it, on white.
    pub items: Vec<Item>,
}

/// A form of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Scalable Vector Graphics 1.1.
    Svg,
    /// Portable Network Graphics.
    Png,
}

/// What can be wrong with a picture.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PictureProblem {
    /// A name whose ending is no form.
    #[error("unknown form of a picture, expected a name that ends in `.svg` or `.png`, found `{0}`")]
    Form(String),
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

impl Problem for PictureProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Form(_) => Some("for example `-o figure.svg`".into()),
            Self::Size { .. } => Some("write it as SVG".into()),
            Self::Font | Self::Compression => None,
        }
    }
}

impl Form {
    /// The form that a file's name asks for.
    ///
    /// # Errors
    /// It ends in neither `.svg` nor `.png`.
    pub fn of(path: &Path) -> Result<Self, PictureProblem> {
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => Err(PictureProblem::Form(path.file_name().unwrap_or_default().to_string_lossy().into_owned())),
        }
    }
}

impl Page {
    /// The picture in a form; a PNG has 200 pixels an inch.
    ///
    /// # Errors
    /// A PNG would be too large.
    pub fn encode(&self, form: Form) -> Result<Vec<u8>, PictureProblem> {
        match form {
            Form::Svg => Ok(svg::write(self).into_bytes()),
            Form::Png => png::write(self),
        }
    }

    /// The picture as SVG, to stand in a file of its own or in a page of HTML.
    pub fn to_svg(&self) -> String {
        svg::write(self)
    }
}
