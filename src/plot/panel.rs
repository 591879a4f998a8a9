//! Views along the axes, side by side on one page and in one scale.

use crate::geometry::{Aabb, Point};
use crate::picture::{Anchor, Colour, Frame, Item, LABEL, SMALL, Scale, Spot, Text};

/// A view along an axis, named by what the page shows: the first axis runs to the right, the second up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// x to the right, y up.
    Xy,
    /// x to the right, z up.
    Xz,
    /// y to the right, x up.
    Yx,
    /// y to the right, z up.
    Yz,
    /// z to the right, x up.
    Zx,
    /// z to the right, y up.
    Zy,
}

impl View {
    /// From three sides, as they stand side by side; y, along which columns and probes lie, is up where it is seen.
    pub const ALL: [Self; 3] = [Self::Xy, Self::Zy, Self::Xz];

    /// The axes to the right and up: 0 for x, 1 for y, 2 for z.
    const fn axes(self) -> [usize; 2] {
        match self {
            Self::Xy => [0, 1],
            Self::Xz => [0, 2],
            Self::Yx => [1, 0],
            Self::Yz => [1, 2],
            Self::Zx => [2, 0],
            Self::Zy => [2, 1],
        }
    }

    /// The coordinates to the right and up.
    pub fn project(self, p: Point) -> (f64, f64) {
        let ([right, up], p) = (self.axes(), p.to_array());
        (p[right], p[up])
    }

    /// A direction on the page as a vector.
    pub(super) fn direction(self, right: f64, up: f64) -> Point {
        let (axes, mut p) = (self.axes(), [0.0; 3]);
        (p[axes[0]], p[axes[1]]) = (right, up);
        Point::from(p)
    }

    fn labels(self) -> [&'static str; 2] {
        self.axes().map(|axis| ["x (um)", "y (um)", "z (um)"][axis])
    }

    /// The name of its group.
    const fn name(self) -> &'static str {
        match self {
            Self::Xy => "view xy",
            Self::Xz => "view xz",
            Self::Yx => "view yx",
            Self::Yz => "view yz",
            Self::Zx => "view zx",
            Self::Zy => "view zy",
        }
    }
}

/// Room for the frames of one view, pt.
const ONE: (f32, f32) = (400.0, 400.0);
/// Room for the frames of several views together, pt.
const SEVERAL: (f32, f32) = (560.0, 420.0);
/// Above the frames: the title. Below: ticks, labels, a note.
const TOP: f32 = 30.0;
const BOTTOM: f32 = 52.0;
/// Between frames.
const GAP: f32 = 22.0;
/// The least side of a frame, pt.
const LEAST: f32 = 24.0;

/// One view on the page.
pub struct Panel {
    /// From where.
    pub view: View,
    /// Where on the page.
    pub frame: Frame,
    /// Whether the panel to its left has the same upward axis.
    shares: bool,
}

/// Panels side by side.
pub struct Panels {
    /// From left to right.
    pub panels: Vec<Panel>,
    /// Where the right border of the last is, pt.
    pub right: f32,
    /// Where the lowest border is, pt.
    pub bottom: f32,
    /// Points on the page for a um.
    scale: f64,
}

impl Panels {
    /// Room for a box, seen from some sides.
    pub fn of(window: &Aabb, views: &[View]) -> Self {
        let spans: Vec<[f64; 4]> = views.iter().map(|v| span(*v, window)).collect();
        let room = if views.len() == 1 { ONE } else { SEVERAL };
        let across: f64 = spans.iter().map(|s| s[1] - s[0]).sum();
        let high = spans.iter().map(|s| s[3] - s[2]).fold(0.0, f64::max);
        let scale = (f64::from(room.0) / across).min(f64::from(room.1) / high);
        let mut left = 8.0;
        let mut panels: Vec<Panel> = Vec::new();
        for (&view, [x0, x1, y0, y1]) in views.iter().zip(spans) {
            let size = |length: f64| ((length * scale) as f32).max(LEAST);
            let (width, height) = (size(x1 - x0), size(y1 - y0));
            let mut frame = Frame { left, top: TOP, width, height, x: Scale::Linear(x0, x1), y: Scale::Linear(y0, y1) };
            let shares = panels.last().is_some_and(|p| p.view.labels()[1] == view.labels()[1]);
            frame.left += if shares { 0.0 } else { frame.margin() };
            left = frame.right() + GAP;
            panels.push(Panel { view, frame, shares });
        }
        let bottom = panels.iter().map(|p| p.frame.bottom()).fold(0.0, f32::max);
        Self { right: left - GAP, bottom, panels, scale }
    }

    /// Height of the page, pt.
    pub fn height(&self) -> f32 {
        self.bottom + BOTTOM
    }

    /// The same things in every panel, then its axes.
    pub fn draw(&self, ground: Colour, inside: impl Fn(&Panel) -> Vec<Item>) -> Vec<Item> {
        let panel = |(i, panel): (usize, &Panel)| {
            let [x, y] = panel.view.labels();
            let mut items = vec![panel.frame.ground(ground)];
            items.extend(inside(panel));
            if i == 0 {
                items.push(self.scale_bar(panel));
            }
            items.push(panel.frame.axes(Some(x), (!panel.shares).then_some(y)));
            Item::Group(panel.view.name(), items)
        };
        self.panels.iter().enumerate().map(panel).collect()
    }

    /// A note under the panels.
    pub fn note(&self, text: &str) -> Item {
        let left = self.panels.first().map_or(0.0, |p| p.frame.left);
        let text =
            Text { colour: Colour(0x55_5555), ..Text::new([left, self.height() - 7.0], SMALL, Anchor::Start, text) };
        Item::Text(text)
    }

    /// A title over the panels.
    pub fn title(&self, text: &str) -> Item {
        let left = self.panels.first().map_or(0.0, |p| p.frame.left);
        Item::Text(Text::new([left, TOP - 9.0], 1.1 * LABEL, Anchor::Start, text))
    }

    /// A round length at the lower right of a panel.
    fn scale_bar(&self, panel: &Panel) -> Item {
        let frame = &panel.frame;
        let most = 0.3 * f64::from(frame.width) / self.scale;
        let power = 10f64.powf(most.log10().floor());
        let length = [5.0, 2.0].map(|k| k * power).into_iter().find(|l| *l <= most).unwrap_or(power);
        let (wide, y) = ((length * self.scale) as f32, frame.bottom() - 9.0);
        let right = frame.right() - 9.0;
        let bar = |colour, width| Item::Lines { ends: vec![[[right - wide, y], [right, y]]], colour, width };
        let name = Text {
            halo: Some(Colour::WHITE),
            ..Text::new([right - 0.5 * wide, y - 4.0], SMALL, Anchor::Middle, format!("{length} um"))
        };
        Item::Group("scale-bar", vec![bar(Colour::WHITE, 4.5), bar(Colour::BLACK, 2.5), Item::Text(name)])
    }
}

impl Panel {
    /// The place of a point, inside or outside.
    pub fn place(&self, p: Point) -> Spot {
        let (x, y) = self.view.project(p);
        self.frame.at(x, y)
    }

    /// The middle of what is shown, um; the depth is that of the origin.
    pub fn middle(&self) -> Point {
        let middle = |scale| if let Scale::Linear(low, high) = scale { 0.5 * (low + high) } else { 0.0 };
        self.view.direction(middle(self.frame.x), middle(self.frame.y))
    }

    /// From corner to corner, um.
    pub fn diagonal(&self) -> f64 {
        f64::from(self.frame.width).hypot(f64::from(self.frame.height)) / f64::from(self.length(1.0))
    }

    /// The part of a segment that is to be seen, on the page.
    pub fn line(&self, a: Point, b: Point) -> Option<[Spot; 2]> {
        self.frame.clipped(self.place(a), self.place(b))
    }

    /// The place of a point; none where it is outside.
    pub fn spot(&self, p: Point) -> Option<Spot> {
        Some(self.place(p)).filter(|at| self.frame.holds(*at))
    }

    /// A length on the page, pt.
    pub fn length(&self, um: f64) -> f32 {
        let [from, _] = self.frame.at(0.0, 0.0);
        let [to, _] = self.frame.at(um, 0.0);
        to - from
    }
}

/// What a view shows of a box: left, right, low and high, um, with a border; never without width or height.
fn span(view: View, window: &Aabb) -> [f64; 4] {
    let (low, high) = (view.project(window.min), view.project(window.max));
    let largest = (window.max - window.min).to_array().into_iter().fold(1.0, f64::max);
    let padded = |low: f64, high: f64| {
        let border = (0.03 * (high - low)).max(0.02 * largest);
        (low - border, high + border)
    };
    let ((x0, x1), (y0, y1)) = (padded(low.0, high.0), padded(low.1, high.1));
    [x0, x1, y0, y1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_side_by_side_have_one_scale_and_share_the_upright_axis() {
        let window = Aabb::of([Point::ORIGIN, Point::new(400.0, 1000.0, 200.0)]);
        let panels = Panels::of(&window, &View::ALL);
        let scale = |f: &Frame| match (f.x, f.y) {
            (Scale::Linear(x0, x1), Scale::Linear(y0, y1)) => {
                [f64::from(f.width) / (x1 - x0), f64::from(f.height) / (y1 - y0)]
            }
            _ => [0.0; 2],
        };
        for panel in &panels.panels {
            assert!(scale(&panel.frame).iter().all(|s| (s / panels.scale - 1.0).abs() < 1e-5));
        }
        assert_eq!(panels.panels.iter().map(|p| p.shares).collect::<Vec<_>>(), [false, true, false]);
        assert!(panels.panels.windows(2).all(|p| p[0].frame.right() < p[1].frame.left));
    }

    #[test]
    fn a_view_shows_the_axes_of_its_name_to_the_right_and_up() {
        let p = Point::new(1.0, 2.0, 3.0);
        for view in [View::Xy, View::Xz, View::Yx, View::Yz, View::Zx, View::Zy] {
            let name = view.name().strip_prefix("view ").unwrap();
            let [right, up] = [0, 1].map(|i| name[i..=i].to_string());
            let value = |axis: &str| ["x", "y", "z"].iter().position(|a| *a == axis).unwrap() as f64 + 1.0;
            assert_eq!(view.project(p), (value(&right), value(&up)), "{name}");
            assert_eq!(view.labels(), [format!("{right} (um)"), format!("{up} (um)")]);
            assert_eq!(view.project(view.direction(5.0, 7.0)), (5.0, 7.0));
        }
    }
}
