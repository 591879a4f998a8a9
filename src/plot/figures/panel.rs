//! Views along the axes, next to each other on one page with the same scale.

use crate::geometry::{Aabb, Point};
use crate::plot::canvas::{
    AxisScale, Colour, DrawItem, Figure, LABEL_SIZE_PT, PagePoint, PlotFrame, SMALL_SIZE_PT, Text, TextAnchor,
    text_width, truncate_to_width,
};

/// A view along an axis, named by the plane of the page: the first axis points to the right, the second up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewPlane {
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

impl ViewPlane {
    /// The three views in their order on the page; y, along which columns and probes lie, points up in both views that
    /// show it upright.
    pub const ALL: [Self; 3] = [Self::Xy, Self::Zy, Self::Xz];

    /// Returns the indices of the axes to the right and up: 0 for x, 1 for y, 2 for z.
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

    /// Returns the coordinates to the right and up.
    pub fn project(self, p: Point) -> (f64, f64) {
        let ([right, up], p) = (self.axes(), p.to_array());
        (p[right], p[up])
    }

    /// Converts a direction on the page to a vector.
    pub(super) fn direction(self, right: f64, up: f64) -> Point {
        let (axes, mut p) = (self.axes(), [0.0; 3]);
        (p[axes[0]], p[axes[1]]) = (right, up);
        Point::from(p)
    }

    fn axis_labels(self) -> [&'static str; 2] {
        self.axes().map(|axis| ["x (\u{b5}m)", "y (\u{b5}m)", "z (\u{b5}m)"][axis])
    }

    /// Returns the name of its group in the SVG.
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

/// Size available for the frame of a single view, pt.
const SINGLE_PANEL_PT: (f32, f32) = (400.0, 400.0);
/// Size available for the frames of several views together, pt.
const ALL_PANELS_PT: (f32, f32) = (560.0, 420.0);
/// Space above the frames for the title; below are ticks, labels and a note.
const TOP_MARGIN_PT: f32 = 30.0;
const BOTTOM_MARGIN_PT: f32 = 52.0;
/// Space between frames, so that their tick labels do not touch.
const PANEL_GAP_PT: f32 = 36.0;
/// Minimum side of a frame, pt: two ticks fit. A thin probe gets more space around it.
const MIN_PANEL_SIDE_PT: f32 = 84.0;
/// Minimum width of a page, pt.
const MIN_PAGE_WIDTH_PT: f32 = 280.0;

/// One view on the page.
pub struct Panel {
    /// Viewing direction.
    pub view: ViewPlane,
    /// Position and scales on the page.
    pub frame: PlotFrame,
    /// Whether the panel to its left has the same upward axis.
    shares_y_axis: bool,
}

/// Panels next to each other.
pub struct Panels {
    /// The panels, from left to right.
    pub panels: Vec<Panel>,
    /// Right border of the last panel, pt.
    pub right: f32,
    /// Lowest border, pt.
    pub bottom: f32,
    /// Points on the page per µm.
    points_per_um: f64,
}

impl Panels {
    /// Lays out the panels for a box and some views.
    pub fn new(window: &Aabb, views: &[ViewPlane]) -> Self {
        let spans: Vec<[f64; 4]> = views.iter().map(|v| view_extent(*v, window)).collect();
        let room = if views.len() == 1 { SINGLE_PANEL_PT } else { ALL_PANELS_PT };
        let across: f64 = spans.iter().map(|s| s[1] - s[0]).sum();
        let high = spans.iter().map(|s| s[3] - s[2]).fold(0.0, f64::max);
        let scale = (f64::from(room.0) / across).min(f64::from(room.1) / high);
        let mut left = 8.0;
        let mut panels: Vec<Panel> = Vec::new();
        for (&view, [x0, x1, y0, y1]) in views.iter().zip(spans) {
            let [(x0, x1), (y0, y1)] =
                [(x0, x1), (y0, y1)].map(|(low, high)| widen_interval(low, high, f64::from(MIN_PANEL_SIDE_PT) / scale));
            let [width, height] = [x1 - x0, y1 - y0].map(|length| (length * scale) as f32);
            let mut frame = PlotFrame {
                left,
                top: TOP_MARGIN_PT,
                width,
                height,
                x: AxisScale::Linear(x0, x1),
                y: AxisScale::Linear(y0, y1),
            };
            let shares = panels.last().is_some_and(|p| p.view.axis_labels()[1] == view.axis_labels()[1]);
            frame.left += if shares { 0.0 } else { frame.left_margin() };
            left = frame.right() + PANEL_GAP_PT;
            panels.push(Panel { view, frame, shares_y_axis: shares });
        }
        let bottom = panels.iter().map(|p| p.frame.bottom()).fold(0.0, f32::max);
        Self { right: left - PANEL_GAP_PT, bottom, panels, points_per_um: scale }
    }

    /// Creates the page with a title above the panels and a note below them, at least as wide as requested.
    pub fn to_figure(&self, mut items: Vec<DrawItem>, title: String, note: &str, right: f32) -> Figure {
        let left = self.panels.first().map_or(0.0, |p| p.frame.left);
        let (size, height) = (1.1 * LABEL_SIZE_PT, self.bottom + BOTTOM_MARGIN_PT);
        let right = right.max(left + text_width(note, SMALL_SIZE_PT) + 8.0).max(MIN_PAGE_WIDTH_PT);
        let shown = truncate_to_width(&title, size, right - left - 8.0);
        items.push(DrawItem::Text(Text::new([left, TOP_MARGIN_PT - 9.0], size, TextAnchor::Start, shown)));
        let note = Text::new([left, height - 7.0], SMALL_SIZE_PT, TextAnchor::Start, note);
        items.push(DrawItem::Text(Text { colour: Colour(0x55_5555), ..note }));
        Figure { width: right, height, title, items }
    }

    /// Draws the same items in every panel, then its axes.
    pub fn draw(&self, ground: Colour, inside: impl Fn(&Panel) -> Vec<DrawItem>) -> Vec<DrawItem> {
        let panel = |(i, panel): (usize, &Panel)| {
            let [x, y] = panel.view.axis_labels();
            let mut items = vec![panel.frame.draw_background(ground)];
            items.extend(inside(panel));
            if i == 0 {
                items.push(self.draw_scale_bar(panel, &occupied_boxes(&items)));
            }
            items.push(panel.frame.draw_axes(Some(x), (!panel.shares_y_axis).then_some(y)));
            DrawItem::Group(panel.view.name(), items)
        };
        self.panels.iter().enumerate().map(panel).collect()
    }

    /// Draws a scale bar of round length in the corner of a panel where it covers the fewest contacts and names.
    fn draw_scale_bar(&self, panel: &Panel, taken: &[[f32; 4]]) -> DrawItem {
        let frame = &panel.frame;
        let most = 0.3 * f64::from(frame.width) / self.points_per_um;
        let power = 10f64.powf(most.log10().floor());
        let length = [5.0, 2.0].map(|k| k * power).into_iter().find(|l| *l <= most).unwrap_or(power);
        let (wide, label) = ((length * self.points_per_um) as f32, format!("{length} \u{b5}m"));
        let half = 0.5 * wide.max(text_width(&label, SMALL_SIZE_PT));
        let beside = half.max(0.5 * wide) + 9.0;
        // the middle of the bar; its label is above it
        let corners = [(frame.bottom() - 9.0, frame.right() - beside), (frame.bottom() - 9.0, frame.left + beside)]
            .into_iter()
            .chain([(frame.top + 18.0, frame.right() - beside), (frame.top + 18.0, frame.left + beside)]);
        let covered = |&(y, middle): &(f32, f32)| {
            let own = [middle - half - 3.0, y - 15.0, middle + half + 3.0, y + 5.0];
            let over = |o: &&[f32; 4]| own[2] > o[0] && o[2] > own[0] && own[3] > o[1] && o[3] > own[1];
            taken.iter().filter(over).count()
        };
        let (y, middle) = corners.min_by_key(covered).unwrap_or_default();
        let ends = [[middle - 0.5 * wide, y], [middle + 0.5 * wide, y]];
        let bar = |colour, width| DrawItem::Lines { ends: vec![ends], colour, width };
        let name = Text {
            halo: Some(Colour::WHITE),
            ..Text::new([middle, y - 4.0], SMALL_SIZE_PT, TextAnchor::Middle, label)
        };
        DrawItem::Group("scale-bar", vec![bar(Colour::WHITE, 4.5), bar(Colour::BLACK, 2.5), DrawItem::Text(name)])
    }
}

/// Returns the boxes of contacts and their names: left, top, right, bottom.
fn occupied_boxes(items: &[DrawItem]) -> Vec<[f32; 4]> {
    let box_of = |item: &DrawItem| match item {
        DrawItem::Circle { center: [x, y], radius: r, .. } => Some([x - r, y - r, x + r, y + r]),
        DrawItem::Text(Text { position: [x, y], size, anchor, content, .. }) => {
            let wide = text_width(content, *size);
            let left = match anchor {
                TextAnchor::Start => *x,
                TextAnchor::Middle => x - 0.5 * wide,
                TextAnchor::End => x - wide,
            };
            Some([left, y - size, left + wide, y + 0.25 * size])
        }
        _ => None,
    };
    let contacts = items.iter().filter_map(|item| match item {
        DrawItem::Group("contacts", marks) => Some(marks.iter().filter_map(box_of)),
        _ => None,
    });
    contacts.flatten().collect()
}

impl Panel {
    /// Returns the position of a point, inside or outside of the frame.
    pub fn to_page(&self, p: Point) -> PagePoint {
        let (x, y) = self.view.project(p);
        self.frame.to_page(x, y)
    }

    /// Returns the centre of the view, µm; its depth is that of the origin.
    pub fn center(&self) -> Point {
        let middle = |scale| if let AxisScale::Linear(low, high) = scale { 0.5 * (low + high) } else { 0.0 };
        self.view.direction(middle(self.frame.x), middle(self.frame.y))
    }

    /// Returns the length of the view's diagonal, µm.
    pub fn diagonal_um(&self) -> f64 {
        f64::from(self.frame.width).hypot(f64::from(self.frame.height)) / f64::from(self.to_page_length(1.0))
    }

    /// Returns the visible part of a segment on the page.
    pub fn clip_segment(&self, a: Point, b: Point) -> Option<[PagePoint; 2]> {
        self.frame.clip_line(self.to_page(a), self.to_page(b))
    }

    /// Returns the position of a point; `None` if it is outside.
    pub fn visible_point(&self, p: Point) -> Option<PagePoint> {
        Some(self.to_page(p)).filter(|at| self.frame.contains(*at))
    }

    /// Converts a length in µm to pt on the page.
    pub fn to_page_length(&self, um: f64) -> f32 {
        let [from, _] = self.frame.to_page(0.0, 0.0);
        let [to, _] = self.frame.to_page(um, 0.0);
        to - from
    }
}

/// Widens an interval around its middle to at least `least`.
fn widen_interval(low: f64, high: f64, least: f64) -> (f64, f64) {
    let lacking = 0.5 * (least - (high - low)).max(0.0);
    (low - lacking, high + lacking)
}

/// Returns the part of a box that a view shows: left, right, low and high, µm, with a margin; width and height are
/// never 0.
fn view_extent(view: ViewPlane, window: &Aabb) -> [f64; 4] {
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
        let window = Aabb::enclosing([Point::ORIGIN, Point::new(400.0, 1000.0, 200.0)]);
        let panels = Panels::new(&window, &ViewPlane::ALL);
        let scale = |f: &PlotFrame| match (f.x, f.y) {
            (AxisScale::Linear(x0, x1), AxisScale::Linear(y0, y1)) => {
                [f64::from(f.width) / (x1 - x0), f64::from(f.height) / (y1 - y0)]
            }
            _ => [0.0; 2],
        };
        for panel in &panels.panels {
            assert!(scale(&panel.frame).iter().all(|s| (s / panels.points_per_um - 1.0).abs() < 1e-5));
        }
        assert_eq!(panels.panels.iter().map(|p| p.shares_y_axis).collect::<Vec<_>>(), [false, true, false]);
        let thin = Panels::new(&Aabb::enclosing([Point::ORIGIN, Point::new(0.0, 4000.0, 0.0)]), &ViewPlane::ALL);
        assert!(
            thin.panels
                .iter()
                .all(|p| p.frame.width >= MIN_PANEL_SIDE_PT - 0.1 && p.frame.height >= MIN_PANEL_SIDE_PT - 0.1)
        );
        for panel in panels.panels.iter().chain(&thin.panels) {
            let [across, up] = scale(&panel.frame);
            assert!((across / up - 1.0).abs() < 1e-5, "nothing is stretched");
        }
        assert!(panels.panels.windows(2).all(|p| p[0].frame.right() < p[1].frame.left));
    }

    #[test]
    fn the_scale_bar_stands_where_no_contact_is() {
        let panels = Panels::new(&Aabb::enclosing([Point::ORIGIN, Point::new(100.0, 100.0, 100.0)]), &[ViewPlane::Xy]);
        let frame = panels.panels[0].frame;
        let at = |corner: usize| match corner {
            0 => [frame.right() - 12.0, frame.bottom() - 12.0],
            1 => [frame.left + 12.0, frame.bottom() - 12.0],
            2 => [frame.right() - 12.0, frame.top + 12.0],
            _ => [frame.left + 12.0, frame.top + 12.0],
        };
        for free in 0..4 {
            let marks =
                (0..free).map(|corner| [at(corner)[0] - 2.0, at(corner)[1] - 2.0, at(corner)[0], at(corner)[1]]);
            let DrawItem::Group(_, items) = panels.draw_scale_bar(&panels.panels[0], &marks.collect::<Vec<_>>()) else {
                unreachable!()
            };
            let DrawItem::Lines { ends, .. } = &items[0] else { unreachable!() };
            let [x, y] = ends[0][0];
            let sides = |[x, y]: PagePoint| (x < frame.left + 0.5 * frame.width, y < frame.top + 0.5 * frame.height);
            assert_eq!(sides([x, y]), sides(at(free)), "{free}");
        }
    }

    #[test]
    fn a_view_shows_the_axes_of_its_name_to_the_right_and_up() {
        let p = Point::new(1.0, 2.0, 3.0);
        for view in [ViewPlane::Xy, ViewPlane::Xz, ViewPlane::Yx, ViewPlane::Yz, ViewPlane::Zx, ViewPlane::Zy] {
            let name = view.name().strip_prefix("view ").unwrap();
            let [right, up] = [0, 1].map(|i| name[i..=i].to_string());
            let value = |axis: &str| ["x", "y", "z"].iter().position(|a| *a == axis).unwrap() as f64 + 1.0;
            assert_eq!(view.project(p), (value(&right), value(&up)), "{name}");
            assert_eq!(view.axis_labels(), [format!("{right} (\u{b5}m)"), format!("{up} (\u{b5}m)")]);
            assert_eq!(view.project(view.direction(5.0, 7.0)), (5.0, 7.0));
        }
    }
}
