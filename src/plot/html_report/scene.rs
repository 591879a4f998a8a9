//! Exports the segments around a contact as data for the 3D view of the page.

use crate::error::Result;
use crate::geometry::Point;
use crate::plot::figures::{self, MAX_NEAREST_SEGMENTS, WeightsPlot, group_thousands};
use serde_json::{Value, json};

/// Maximum number of segments in the view, in addition to the nearest: about a megabyte of data.
const MAX_SEGMENTS: usize = 5_000;

/// Content of the view.
pub struct ViewerScene {
    data: Value,
    /// Describes how many segments are shown, of how many.
    pub summary: String,
    /// Legend of the colours, SVG.
    pub legend: String,
}

impl ViewerScene {
    /// Collects the segments within `within` µm of the contact along each axis, or all if it has no position; returns a
    /// message if there are none.
    pub fn build(request: &WeightsPlot<'_>, within: f64) -> Result<Result<Self, String>> {
        let position = request.lookup.description().position_um;
        let within = position.map(|_| within);
        let Some(drawn) =
            figures::plot_weights_if_any(&WeightsPlot { within_um: within, max_segments: MAX_SEGMENTS, ..*request })?
        else {
            let place = within.map_or_else(String::new, |r| format!(" within {r} um of it along each axis"));
            return Ok(Err(format!("There are no segments{place}; use a larger --within.")));
        };
        let legend = drawn.legend().to_svg();
        let figures::WeightsFigure { sample, values, palette, .. } = drawn;
        let center = position.unwrap_or(sample.bounds.center());
        let radius = within.unwrap_or_else(|| 0.5 * sample.bounds.size().norm());
        // a hundredth of a µm is finer than can be seen
        let rounded = |v: f64| (v * 100.0).round() / 100.0;
        let apart: Vec<f64> = sample.segments.iter().map(|l| (l.midpoint() - center).norm()).collect();
        let complete = (sample.stride > 1 && position.is_some()).then(|| complete_radius(&apart)).flatten();
        let ends = sample.segments.iter().flat_map(|l| l.start.to_array().into_iter().chain(l.end.to_array()));
        let near = |p: &Point| (*p - center).norm() <= 2.0 * radius && *p != center;
        let own = request.lookup.file().read_descriptions()?.into_iter();
        let contacts: Vec<(&str, Point)> = own
            .filter_map(|(e, description)| Some((e.name.as_str(), description.position_um?)))
            .filter(|(_, p)| near(p))
            .collect();
        let data = json!({
            "center": center.to_array(),
            "radius": radius,
            "complete": complete.map(rounded),
            "unit": figures::weight_unit(request.lookup.description().kind.as_deref()),
            "name": request.lookup.electrode(),
            "ends": ends.map(rounded).collect::<Vec<_>>(),
            "apart": apart.into_iter().map(rounded).collect::<Vec<_>>(),
            "node": sample.segments.iter().map(|l| l.node_id).collect::<Vec<_>>(),
            "section": sample.segments.iter().map(|l| l.section_id).collect::<Vec<_>>(),
            "segment": sample.segments.iter().map(|l| l.segment_id).collect::<Vec<_>>(),
            "value": values.iter().map(|v| v.map(|v| v as f32)).collect::<Vec<_>>(),
            "colour": values.iter().map(|v| palette.colour(*v).0).collect::<Vec<_>>(),
            "contacts": contacts.iter().flat_map(|(_, p)| p.to_array()).map(rounded).collect::<Vec<_>>(),
            "names": contacts.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        });
        let place =
            within.map_or_else(String::new, |r| format!(" in the box of {} um per side around the contact", 2.0 * r));
        let mut text = format!("{}{place}", sample.summary());
        if let Some(complete) = complete {
            let every = group_thousands(sample.stride);
            text += &format!(
                ": all with midpoints within {complete:.0} um of the contact, and one of {every} of those further away"
            );
        }
        Ok(Ok(Self { data, summary: text + ".", legend }))
    }

    /// Returns the data as JSON without a `<`, so that it can be embedded in a script element.
    pub fn to_json(&self) -> String {
        self.data.to_string().replace('<', "\\u003c")
    }
}

/// Returns the distance within which no segment is left out, rounded down: that of the last of the nearest.
fn complete_radius(apart: &[f64]) -> Option<f64> {
    let mut apart = apart.to_vec();
    apart.sort_unstable_by(f64::total_cmp);
    apart.get(MAX_NEAREST_SEGMENTS - 1).map(|d| d.floor())
}
