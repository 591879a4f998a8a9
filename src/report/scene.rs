//! The segments round a contact as data for the page's own view.

use crate::error::Result;
use crate::plot::{self, Weights};
use crate::units::COEFFICIENT_UNIT;
use serde_json::{Value, json};

/// Segments in the view at most, beside the nearest: about a megabyte of data.
const MOST: usize = 5_000;

/// What the view shows.
pub struct Scene {
    data: Value,
    /// How many segments of how many, in words.
    pub told: String,
}

impl Scene {
    /// The segments up to `within` um to every side of the contact; all where it has no position.
    pub fn of(request: &Weights<'_>, within: f64) -> Result<Self> {
        let position = request.lookup.description().position;
        let within = position.map(|_| within);
        let plot::Drawn { sample, values, palette, .. } = plot::weights(&Weights { within, most: MOST, ..*request })?;
        let center = position.unwrap_or(sample.bounds.center());
        let radius = within.unwrap_or_else(|| 0.5 * sample.bounds.size().norm());
        // a hundredth of a um is more than can be seen
        let rounded = |v: f64| (v * 100.0).round() / 100.0;
        let ends = sample.lines.iter().flat_map(|l| l.start.to_array().into_iter().chain(l.end.to_array()));
        let near = |p: &crate::geometry::Point| (*p - center).norm() <= 2.0 * radius && *p != center;
        let contacts = request.lookup.file().descriptions()?;
        let contacts = contacts.iter().filter_map(|(_, told)| told.position).filter(near);
        let data = json!({
            "center": center.to_array(),
            "radius": radius,
            "unit": COEFFICIENT_UNIT,
            "ends": ends.map(rounded).collect::<Vec<_>>(),
            "node": sample.lines.iter().map(|l| l.node_id).collect::<Vec<_>>(),
            "section": sample.lines.iter().map(|l| l.section_id).collect::<Vec<_>>(),
            "segment": sample.lines.iter().map(|l| l.segment_id).collect::<Vec<_>>(),
            "value": values.iter().map(|v| v.map(|v| v as f32)).collect::<Vec<_>>(),
            "colour": values.iter().map(|v| palette.colour(*v).0).collect::<Vec<_>>(),
            "contacts": contacts.flat_map(|p| p.to_array()).map(rounded).collect::<Vec<_>>(),
        });
        Ok(Self { data, told: sample.told() })
    }

    /// The data, so that they can stand in a script element: without a `<`.
    pub fn to_json(&self) -> String {
        self.data.to_string().replace('<', "\\u003c")
    }
}
