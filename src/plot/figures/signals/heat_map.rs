//! Draws values by depth and time as an image, blue below zero and brown above.

use super::panel_parts::{DrawnPanel, FramePlace, draw_ground};
use crate::plot::canvas::{AxisScale, Colour, ColourBar, ColourMap, DrawItem, Extend, PlotFrame};

/// The data of a heat map.
pub(super) struct HeatMap<'a> {
    /// Depths, ascending.
    pub depths: &'a [f64],
    /// Values, row-major: frames, then depths.
    pub values: &'a [f64],
    /// Times of the first and the last frame, ms.
    pub times: [f64; 2],
    /// Label of the values.
    pub label: &'a str,
    /// Label of the depths.
    pub axis: &'a str,
    /// Whether depths are positions; otherwise they are the negative numbers of contacts.
    pub has_positions: bool,
}

/// Maximum numbers of columns and rows of the image.
const MAX_COLUMNS: usize = 600;
const MAX_ROWS: usize = 400;
/// Share of the values beyond either end of the colours.
const CLIPPED_SHARE: f64 = 0.002;

/// Draws the image with its axes and colour bar.
pub(super) fn draw_heat_map(map: &HeatMap<'_>, place: FramePlace) -> DrawnPanel {
    let [left, top, width, height] = place;
    let edges = depth_edges(map.depths);
    let (low, high) = (edges.first().copied().unwrap_or(0.0), edges.last().copied().unwrap_or(1.0));
    let raster = Raster::new(map, &edges);
    let most = raster.limit();
    let beyond = raster.cells.iter().any(|v| v.abs() > most);
    let extend = Extend { low: beyond, high: beyond };
    let bar = ColourBar { scale: AxisScale::Linear(-most, most), map: ColourMap::Vik, extend };
    let colours = raster.cells.iter().map(|v| bar.colour(*v).unwrap_or(Colour::GREY)).collect();
    let frame = PlotFrame {
        left,
        top,
        width,
        height,
        x: AxisScale::Linear(map.times[0], map.times[1]),
        y: AxisScale::Linear(low, high),
    };
    let image = DrawItem::Raster { place, columns: raster.columns, colours };
    let tip = if beyond { 9.0 } else { 0.0 };
    let bar_place = [frame.right() + 14.0, top + tip, 9.0, height - 2.0 * tip];
    let axis = if map.has_positions { map.axis.to_string() } else { format!("{} (first is 0, downwards)", map.axis) };
    let items = vec![
        draw_ground(place),
        image,
        frame.draw_axes(Some("time (ms)"), Some(&axis)),
        bar.draw(bar_place, map.label),
    ];
    DrawnPanel { items, right: frame.right() + 14.0 + bar.total_width(9.0, bar_place[3]), note: None }
}

/// Returns the borders between depths: the middles of neighbours, and as far beyond the first and the last.
fn depth_edges(depths: &[f64]) -> Vec<f64> {
    let middles: Vec<f64> = depths.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect();
    match (depths, &middles[..]) {
        ([first, .., last], [low, .., high]) => {
            [&[2.0 * first - low][..], &middles[..], &[2.0 * last - high][..]].concat()
        }
        ([first, last], [middle]) => vec![2.0 * first - middle, *middle, 2.0 * last - middle],
        ([only], _) => vec![only - 0.5, only + 0.5],
        _ => Vec::new(),
    }
}

/// Cells of an image, the uppermost row first.
struct Raster {
    columns: usize,
    cells: Vec<f64>,
}

impl Raster {
    /// Averages frames that share a column; each row has the values of the depth between whose borders it is.
    fn new(map: &HeatMap<'_>, edges: &[f64]) -> Self {
        let count = map.depths.len().max(1);
        let frames = map.values.len() / count;
        let columns = frames.clamp(1, MAX_COLUMNS);
        let (low, high) = (edges.first().copied().unwrap_or(0.0), edges.last().copied().unwrap_or(1.0));
        let thinnest = edges.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        // the cast saturates
        let rows = ((high - low) / thinnest).ceil().clamp(1.0, MAX_ROWS as f64) as usize;
        let depth_of = |row: usize| {
            let at = high - (high - low) * (row as f64 + 0.5) / rows as f64;
            edges.partition_point(|edge| *edge <= at).saturating_sub(1).min(count - 1)
        };
        let mut cells = Vec::with_capacity(rows * columns);
        for depth in (0..rows).map(depth_of) {
            for column in 0..columns {
                let own =
                    column * frames / columns..((column + 1) * frames / columns).max(column * frames / columns + 1);
                let length = own.len() as f64;
                let sum: f64 = own.filter_map(|frame| map.values.get(frame * count + depth)).sum();
                cells.push(sum / length);
            }
        }
        Self { columns, cells }
    }

    /// Returns the magnitude that nearly all values stay below, above 0.
    fn limit(&self) -> f64 {
        let mut sizes: Vec<f64> = self.cells.iter().map(|v| v.abs()).collect();
        sizes.sort_unstable_by(f64::total_cmp);
        let place = ((1.0 - CLIPPED_SHARE) * sizes.len().saturating_sub(1) as f64).round() as usize;
        let most = sizes.last().copied().unwrap_or_default();
        sizes.get(place).copied().filter(|v| *v > 0.0).or(Some(most)).filter(|v| *v > 0.0).unwrap_or(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_depth_has_rows_as_thick_as_the_space_around_it() {
        let depths = [0.0, 10.0, 30.0];
        assert_eq!(depth_edges(&depths), [-5.0, 5.0, 20.0, 40.0]);
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let map =
            HeatMap { depths: &depths, values: &values, times: [0.0, 1.0], label: "", axis: "", has_positions: true };
        let raster = Raster::new(&map, &depth_edges(&depths));
        // 45 µm in rows of 9 µm, from above: two of the third depth, two of the second, one of the first
        assert_eq!(raster.columns, 2);
        assert_eq!(raster.cells, [3.0, 6.0, 3.0, 6.0, 2.0, 5.0, 2.0, 5.0, 1.0, 4.0]);
        assert_eq!(raster.limit(), 6.0);
        assert_eq!(depth_edges(&[2.0, 4.0]), [1.0, 3.0, 5.0]);
    }
}
