//! Lays out the figures of signals on one page.

use super::current_source_density::{SOURCE_RADII_UM, kernel_csd, second_difference_csd};
use super::heat_map::{HeatMap, draw_heat_map};
use super::laminar::LaminarSignal;
use super::panel_parts::{DrawnPanel, FramePlace, shorten, unit_label};
use super::power_spectrum::welch;
use super::spectrum::draw_spectra;
use super::traces::draw_traces;
use super::{SignalProblem, SignalTraces};
use crate::plot::canvas::{
    Colour, DrawItem, Figure, LABEL_SIZE_PT, SMALL_SIZE_PT, TITLE_SIZE_PT, Text, TextAnchor, truncate_to_width,
};
use crate::units::{POTENTIAL_UNITS, SECONDS_PER_MILLISECOND};

/// A figure of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalFigureKind {
    /// Traces by depth.
    Traces,
    /// An image of contacts by time.
    Image,
    /// Current source density by the second difference.
    Csd,
    /// Current source density by the kernel method.
    KernelCsd,
    /// Power spectra by Welch's method.
    Spectrum,
}

impl SignalFigureKind {
    /// All figures, in their order on the page.
    pub const ALL: [Self; 5] = [Self::Traces, Self::Image, Self::Csd, Self::KernelCsd, Self::Spectrum];

    const fn heading(self) -> &'static str {
        match self {
            Self::Traces => "Traces by depth",
            Self::Image => "Potential by depth and time",
            Self::Csd => "Current source density, second difference",
            Self::KernelCsd => "Current source density, kernel method",
            Self::Spectrum => "Power spectra (Welch)",
        }
    }
}

/// The data of a page of signal figures, for [`plot_signals`].
#[derive(Debug, Clone, Copy)]
pub struct SignalsPlot<'a> {
    /// The signals.
    pub traces: &'a SignalTraces,
    /// The figures.
    pub kinds: &'a [SignalFigureKind],
    /// Conductivity for the current source density, S/m.
    pub conductivity_s_per_m: f64,
    /// Radius of the sources of the kernel method, µm.
    pub source_radius_um: f64,
    /// Title of the page.
    pub title: &'a str,
}

/// A page of figures, and why some are missing.
#[derive(Debug)]
pub struct SignalFigure {
    /// The picture.
    pub figure: Figure,
    /// The reason why figures were left out.
    pub left_out: Vec<String>,
    /// What is not drawn of a figure; the picture states it too.
    pub notes: Vec<String>,
}

/// Default radius of the discs of sources of the kernel method, µm.
pub const DEFAULT_SOURCE_RADIUS_UM: f64 = 500.0;

/// Size of a frame, and of a single one, pt.
const FRAME_PT: [f32; 2] = [300.0, 210.0];
const SINGLE_FRAME_PT: [f32; 2] = [440.0, 320.0];
/// Space at the left of a frame for its labels, above it for its heading, below it for its axis, pt.
const LEFT_PT: f32 = 66.0;
const ABOVE_PT: f32 = 30.0;
const BELOW_PT: f32 = 46.0;
/// Space above all frames for the title, pt.
const TITLE_PT: f32 = 26.0;
/// Space at the right of a frame for its colour bar, pt.
const RIGHT_PT: f32 = 104.0;
const COLUMNS: usize = 2;
/// Frames of a segment of a spectrum: at most this many, and a quarter of all.
const MAX_SEGMENT_FRAMES: usize = 4096;
const MIN_SEGMENT_FRAMES: usize = 16;

/// Draws figures of signals. Of several figures those that the signals do not allow are left out.
///
/// # Errors
/// Returns an error if the signals are not consistent, the radius of sources is out of range, or no figure can be
/// drawn.
pub fn plot_signals(request: &SignalsPlot<'_>) -> Result<SignalFigure, SignalProblem> {
    request.traces.check()?;
    if !SOURCE_RADII_UM.contains(&request.source_radius_um) {
        return Err(SignalProblem::SourceRadius(request.source_radius_um));
    }
    let laminar = LaminarSignal::new(request.traces);
    let is_single = request.kinds.len() == 1;
    let [width, height] = if is_single { SINGLE_FRAME_PT } else { FRAME_PT };
    let place = |i: usize| -> FramePlace {
        let (column, row) = ((i % COLUMNS) as f32, (i / COLUMNS) as f32);
        let left = LEFT_PT + column * (LEFT_PT + width + RIGHT_PT);
        [left, TITLE_PT + ABOVE_PT + row * (height + ABOVE_PT + BELOW_PT), width, height]
    };
    let (mut items, mut left_out, mut first_problem) = (Vec::new(), Vec::new(), None);
    let mut notes = request.traces.notes.clone();
    let (mut right, mut bottom, mut count): (f32, f32, usize) = (0.0, 0.0, 0);
    for kind in request.kinds {
        match draw_panel(request, &laminar, *kind, place(count)) {
            Ok(panel) => {
                let [left, top, ..] = place(count);
                items.extend(panel.items);
                notes.extend(panel.note);
                let heading = Text::new([left, top - 9.0], LABEL_SIZE_PT, TextAnchor::Start, kind.heading());
                items.push(DrawItem::Text(heading));
                (right, bottom) = (right.max(panel.right), bottom.max(top + height + BELOW_PT));
                count += 1;
            }
            Err(problem) => {
                left_out.push(format!("{} left out: {problem}", kind.heading().to_lowercase()));
                first_problem.get_or_insert(problem);
            }
        }
    }
    if let (0, Some(problem)) = (count, first_problem) {
        return Err(problem);
    }
    let width = right + 10.0;
    let shown = truncate_to_width(request.title, TITLE_SIZE_PT, width - 20.0);
    items.push(DrawItem::Text(Text::new([10.0, 19.0], TITLE_SIZE_PT, TextAnchor::Start, shown)));
    let height = bottom + 16.0;
    let note = format!(
        "{} contacts, {} frames of {} ms",
        request.traces.contacts(),
        request.traces.frames(),
        shorten(request.traces.step_ms())
    );
    let note = std::iter::once(note).chain(notes.iter().cloned()).collect::<Vec<_>>().join("; ");
    items.push(DrawItem::Text(Text {
        colour: Colour(0x55_5555),
        ..Text::new([10.0, height - 7.0], SMALL_SIZE_PT, TextAnchor::Start, note)
    }));
    Ok(SignalFigure { figure: Figure { width, height, title: request.title.into(), items }, left_out, notes })
}

fn draw_panel(
    request: &SignalsPlot<'_>,
    laminar: &LaminarSignal,
    kind: SignalFigureKind,
    place: FramePlace,
) -> Result<DrawnPanel, SignalProblem> {
    let traces = request.traces;
    let times = [traces.times_ms.first(), traces.times_ms.last()].map(|t| t.copied().unwrap_or_default());
    let map = |depths: &[f64], values: &[f64], label: &str, has_positions: bool| {
        let axis = if has_positions { laminar.label } else { "contact" };
        draw_heat_map(&HeatMap { depths, values, times, label, axis, has_positions }, place)
    };
    let require_positions = |figure| match laminar.has_positions {
        true => Ok(()),
        false => Err(SignalProblem::Depths { figure, expected: 3, found: 1 }),
    };
    // potentials in V; signals of another unit have no current source density
    let volts = || -> Result<Vec<f64>, SignalProblem> {
        let factor = POTENTIAL_UNITS.factor(&traces.unit).map_err(|_| SignalProblem::Unit(traces.unit.clone()))?;
        Ok(laminar.values.iter().map(|v| v * factor).collect())
    };
    const DENSITY_LABEL: &str = "\u{b5}A/mm\u{b3} (sinks below 0)";
    match kind {
        SignalFigureKind::Traces => Ok(draw_traces(traces, laminar, place)),
        SignalFigureKind::Image => {
            let label = format!("potential ({})", unit_label(&traces.unit));
            Ok(map(&laminar.depths, &laminar.values, &label, laminar.has_positions))
        }
        SignalFigureKind::Csd => {
            require_positions("current source density")?;
            let found = second_difference_csd(&laminar.depths, &volts()?, request.conductivity_s_per_m)?;
            let inner = laminar.depths.get(1..laminar.depths.len() - 1).unwrap_or_default();
            Ok(map(inner, &found, DENSITY_LABEL, true))
        }
        SignalFigureKind::KernelCsd => {
            require_positions("current source density")?;
            let radius = request.source_radius_um;
            let found = kernel_csd(&laminar.depths, &volts()?, request.conductivity_s_per_m, radius)?;
            Ok(map(&found.depths_um, &found.values, DENSITY_LABEL, true))
        }
        SignalFigureKind::Spectrum => {
            let frames = traces.frames();
            if frames < MIN_SEGMENT_FRAMES {
                return Err(SignalProblem::Frames { expected: MIN_SEGMENT_FRAMES, found: frames });
            }
            let quarter = (frames / 4).clamp(MIN_SEGMENT_FRAMES, MAX_SEGMENT_FRAMES);
            // the largest power of two that is not longer
            let segment = 1_usize << quarter.ilog2();
            let rate_hz = 1.0 / (traces.step_ms() * SECONDS_PER_MILLISECOND);
            draw_spectra(traces, laminar, place, &|values| welch(values, rate_hz, segment))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;

    /// A dipole that oscillates at 40 Hz, on 16 contacts along y, for 256 frames of 0.5 ms.
    fn traces(positions: bool) -> SignalTraces {
        let depth = |i: usize| 50.0 * i as f64;
        let value = |t: f64, z: f64| ((z - 400.0) / 200.0) * (-((z - 400.0) / 250.0).powi(2)).exp() * (0.251 * t).sin();
        let times: Vec<f64> = (0..256).map(|i| 0.5 * f64::from(i)).collect();
        SignalTraces {
            values: times.iter().flat_map(|t| (0..16).map(|i| value(*t, depth(i))).collect::<Vec<_>>()).collect(),
            times_ms: times,
            contact_names: (0..16).map(|i| format!("c{i}")).collect(),
            positions_um: if positions { (0..16).map(|i| Point::new(0.0, depth(i), 0.0)).collect() } else { vec![] },
            unit: "mV".into(),
            notes: Vec::new(),
        }
    }

    fn plot(traces: &SignalTraces, kinds: &[SignalFigureKind]) -> Result<SignalFigure, SignalProblem> {
        let (conductivity_s_per_m, source_radius_um) = (0.3, 500.0);
        plot_signals(&SignalsPlot { traces, kinds, conductivity_s_per_m, source_radius_um, title: "signals" })
    }

    #[test]
    fn all_figures_are_drawn_where_depths_are_known() {
        let drawn = plot(&traces(true), &SignalFigureKind::ALL).unwrap();
        assert_eq!(drawn.left_out, [""; 0]);
        let svg = drawn.figure.to_svg();
        for kind in SignalFigureKind::ALL {
            assert!(svg.contains(&format!(">{}</text>", kind.heading())), "{kind:?}");
        }
        for label in
            ["time (ms)", "y (\u{b5}m)", "potential (mV)", "\u{b5}A/mm\u{b3} (sinks below 0)", "frequency (Hz)"]
        {
            assert!(svg.contains(&format!(">{label}</text>")), "{label}");
        }
        assert_eq!(svg.matches("<image ").count(), 3);
    }

    #[test]
    fn figures_that_need_depths_are_left_out_without_them() {
        let drawn = plot(&traces(false), &SignalFigureKind::ALL).unwrap();
        assert_eq!(drawn.left_out.len(), 2);
        assert!(
            drawn.left_out[0].starts_with("current source density, second difference left out: "),
            "{:?}",
            drawn.left_out
        );
        let alone = plot(&traces(false), &[SignalFigureKind::Csd]).unwrap_err();
        assert!(matches!(alone, SignalProblem::Depths { .. }));
        let nameless = SignalTraces { unit: "1".into(), ..traces(true) };
        assert_eq!(plot(&nameless, &[SignalFigureKind::Csd]).unwrap_err(), SignalProblem::Unit("1".into()));
    }
}
