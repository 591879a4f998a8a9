//! Chooses the colours of weights: by decades, by sign, or inside and outside of a region.

use crate::plot::canvas::{AxisScale, Colour, ColourBar, ColourMap, Extend};
use crate::sonata::electrodes_file::unit_by_type;
use crate::units::WEIGHT_UNIT;

/// Returns whether a method's weights are inside or outside of a region instead of potentials.
pub fn is_csd_method(kind: Option<&str>) -> bool {
    kind.is_some_and(|k| k.starts_with("ObjectiveCSD"))
}

/// Returns the unit of a method's weights; empty if they have none.
pub fn weight_unit(kind: Option<&str>) -> &'static str {
    if is_csd_method(kind) {
        return "";
    }
    kind.and_then(|kind| unit_by_type(kind, &[])).unwrap_or(WEIGHT_UNIT)
}

/// The colours of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Palette {
    /// Numbers on a scale: logarithmic if all are positive, otherwise symmetric about zero.
    Bar(ColourBar),
    /// Zero or not: regions of ObjectiveCSD.
    Inside,
}

/// Share of weights beyond the low end of a logarithmic scale (half of it beyond the high end), and beyond both ends of
/// a symmetric one, so that a few extreme weights do not take most of the colours.
const CLIPPED_SHARE: f64 = 0.005;

/// Maximum length of a logarithmic scale in decades, so that a single far segment does not take the darkest colours.
const MAX_DECADES: f64 = 8.0;

/// Colour of a segment outside a region.
pub const OUTSIDE_COLOUR: Colour = Colour(0xcf_cfcf);
/// Colour of a segment inside a region.
pub const INSIDE_COLOUR: Colour = Colour::VERMILLION;
/// Colour of a segment without a weight, or with one that is not finite or not on the scale.
pub const MISSING_COLOUR: Colour = Colour(0xe2_e2e2);

impl Palette {
    /// Chooses the colours for a method's weights.
    pub fn for_method(kind: Option<&str>, values: impl Iterator<Item = f64>) -> Self {
        if is_csd_method(kind) {
            return Self::Inside;
        }
        let mut values: Vec<f64> = values.filter(|v| v.is_finite()).collect();
        values.sort_unstable_by(f64::total_cmp);
        match (values.first(), values.last()) {
            (Some(low), _) if *low < 0.0 => Self::symmetric(values),
            (_, Some(high)) if *high > 0.0 => Self::logarithmic(&values),
            _ => Self::Bar(ColourBar {
                scale: AxisScale::Linear(0.0, 1.0),
                map: ColourMap::Viridis,
                extend: Extend::default(),
            }),
        }
    }

    /// Creates a logarithmic palette; `values` are ascending, not negative, and not all 0.
    fn logarithmic(values: &[f64]) -> Self {
        let above = &values[values.partition_point(|v| *v <= 0.0)..];
        let high = quantile(above, 1.0 - 0.5 * CLIPPED_SHARE);
        let least = quantile(above, CLIPPED_SHARE).max(high * 10f64.powf(-MAX_DECADES));
        // widen the range, so that ticks are distinct if all weights are nearly equal
        let low = least.min(high / 1.05);
        let extend =
            Extend { low: above.first().is_some_and(|v| *v < low), high: above.last().is_some_and(|v| *v > high) };
        Self::Bar(ColourBar { scale: AxisScale::Log(low, high), map: ColourMap::Viridis, extend })
    }

    fn symmetric(mut values: Vec<f64>) -> Self {
        values.iter_mut().for_each(|v| *v = v.abs());
        values.sort_unstable_by(f64::total_cmp);
        let most = quantile(&values, 1.0 - CLIPPED_SHARE);
        let beyond = values.last().is_some_and(|v| *v > most);
        let extend = Extend { low: beyond, high: beyond };
        Self::Bar(ColourBar { scale: AxisScale::Linear(-most, most), map: ColourMap::Vik, extend })
    }

    /// Returns the colour of a weight.
    pub fn colour(&self, value: Option<f64>) -> Colour {
        match (self, value.filter(|v| v.is_finite())) {
            (Self::Inside, Some(v)) if v > 0.0 => INSIDE_COLOUR,
            (Self::Inside, Some(_)) => OUTSIDE_COLOUR,
            (Self::Bar(bar), Some(v)) => bar.colour(v).unwrap_or(MISSING_COLOUR),
            (_, None) => MISSING_COLOUR,
        }
    }

    /// Returns the drawing order of a weight: larger values are drawn on top. Negative without a weight.
    pub fn prominence(&self, value: Option<f64>) -> f64 {
        let Some(v) = value.filter(|v| v.is_finite()) else { return -1.0 };
        match self {
            Self::Inside => f64::from(u8::from(v > 0.0)),
            Self::Bar(bar) => match bar.scale {
                AxisScale::Log(..) => bar.scale.position(v).clamp(0.0, 1.0),
                AxisScale::Linear(..) => (bar.scale.position(v) - 0.5).abs().clamp(0.0, 0.5) * 2.0,
            },
        }
    }
}

/// Returns the value below which a share of ascending values lies.
fn quantile(ascending: &[f64], share: f64) -> f64 {
    let place = (share * ascending.len().saturating_sub(1) as f64).round() as usize;
    ascending.get(place).copied().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(kind: &str, values: &[f64]) -> ColourBar {
        match Palette::for_method(Some(kind), values.iter().copied()) {
            Palette::Bar(bar) => bar,
            Palette::Inside => panic!("no bar"),
        }
    }

    #[test]
    fn potentials_above_zero_are_drawn_by_decades() {
        let bar = bar("LineSource", &[1e-5, 1e-7, 0.0, 1e-6]);
        assert_eq!((bar.scale, bar.map), (AxisScale::Log(1e-7, 1e-5), ColourMap::Viridis));
        assert!(bar.colour(1e-5).unwrap() == ColourMap::Viridis.colour_at(1.0));
    }

    #[test]
    fn signed_weights_are_drawn_about_zero() {
        let bar = bar("DipoleReciprocity", &[-3.0, 1.0]);
        assert_eq!((bar.scale, bar.map), (AxisScale::Linear(-3.0, 3.0), ColourMap::Vik));
        assert_eq!(bar.colour(0.0).unwrap(), ColourMap::Vik.colour_at(0.5));
    }

    #[test]
    fn regions_have_two_colours() {
        let palette = Palette::for_method(Some("ObjectiveCSD_Disk"), [0.0, 1.0].into_iter());
        assert_eq!(
            [Some(1.0), Some(0.0), None].map(|v| palette.colour(v)),
            [INSIDE_COLOUR, OUTSIDE_COLOUR, MISSING_COLOUR]
        );
    }

    #[test]
    fn what_is_not_finite_is_grey_in_every_palette() {
        let palettes = [("LineSource", 1.0), ("LineSource", -1.0), ("ObjectiveCSD_Disk", 1.0)];
        for palette in palettes.map(|(kind, v)| Palette::for_method(Some(kind), [v, 0.5].into_iter())) {
            for v in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert_eq!((palette.colour(Some(v)), palette.prominence(Some(v))), (MISSING_COLOUR, -1.0));
            }
        }
    }

    #[test]
    fn few_that_lie_far_off_do_not_stretch_the_scale() {
        let mut values: Vec<f64> = (1..=1000).map(f64::from).collect();
        values[0] = 1e-30;
        let bar = bar("LineSource", &values);
        assert!(bar.extend.low && matches!(bar.scale, AxisScale::Log(low, _) if low > 5.0));
    }

    #[test]
    fn zeros_only_or_equal_numbers_make_a_scale() {
        assert_eq!(bar("Reciprocity", &[0.0]).scale, AxisScale::Linear(0.0, 1.0));
        assert_eq!(bar("Reciprocity", &[3.0, 3.0]).scale, AxisScale::Log(3.0 / 1.05, 3.0));
    }
}
