//! The section of the page with signals: traces and current source density by depth.

use std::path::Path;

use crate::error::{Context, Result};
use crate::plot::canvas::escape_xml;
use crate::plot::figures::signals::{
    DEFAULT_SOURCE_RADIUS_UM, SignalFigureKind, SignalTraces, SignalsPlot, plot_signals,
};
use crate::units::DEFAULT_CONDUCTIVITY;

/// Pictures of a file of signals.
#[derive(Debug, Clone)]
pub struct SignalsSection {
    /// Name of the file.
    name: String,
    /// The picture, SVG.
    figure: String,
    /// The reason why figures were left out.
    left_out: Vec<String>,
}

impl SignalsSection {
    /// Reads and draws signals: neurons and populations are added up; of several other groups there is no sum.
    ///
    /// # Errors
    /// Returns an error if the file is not a report of signals, or neither figure can be drawn.
    pub fn draw(path: &Path) -> Result<Self> {
        let traces = SignalTraces::read(path, None, None)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let drawn = plot_signals(&SignalsPlot {
            traces: &traces,
            kinds: &[SignalFigureKind::Traces, SignalFigureKind::Csd],
            conductivity_s_per_m: DEFAULT_CONDUCTIVITY.get(),
            source_radius_um: DEFAULT_SOURCE_RADIUS_UM,
            title: &name,
        })
        .in_file(path)?;
        Ok(Self { figure: drawn.figure.to_svg(), left_out: drawn.left_out, name })
    }

    /// Writes the section.
    pub fn to_html(&self) -> String {
        let note = |text: &String| format!("<p class=\"note\">{}</p>\n", escape_xml(text));
        let conductivity = DEFAULT_CONDUCTIVITY.get();
        let notes: String = match self.left_out.as_slice() {
            [] => note(&format!("The current source density is that of a conductivity of {conductivity} S/m.")),
            left_out => left_out.iter().map(note).collect(),
        };
        format!(
            "<section>\n<h2 id=\"signals\">Signals of {}</h2>\n<figure class=\"wide\">\n{}</figure>\n{notes}</section>\n",
            escape_xml(&self.name),
            self.figure
        )
    }
}
