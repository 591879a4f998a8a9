//! Findings about the currents of reports, which are not errors: a stated unit other than nA, and neurons whose currents do
//! not sum to zero.

use std::fmt;
use std::path::PathBuf;

use super::{CurrentKind, CurrentReport, SignalUnit, Signals};
use crate::error::join_quoted;
use crate::units;

/// Distance of the point at which the field of a net current is stated, µm.
const FAR_UM: f64 = 1000.0;

/// The unit that a report states for its currents, if it is not nA. They are taken as nA, as simulators write them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedUnit {
    /// The report.
    pub path: PathBuf,
    /// The unit; `None` if the report states none.
    pub unit: Option<String>,
    /// Whether it is that of current densities, mA/cm².
    pub is_density: bool,
}

impl StatedUnit {
    /// Returns the first report that states the unit of densities; otherwise the first that states another unit than nA,
    /// or none.
    pub fn find(reports: &[CurrentReport]) -> Option<Self> {
        let densities = reports.iter().find(|report| report.states_densities());
        let report = densities.or(reports.iter().find(|report| report.stated_units() != Some("nA")))?;
        Some(Self {
            path: report.path().to_path_buf(),
            unit: report.stated_units().map(str::to_string),
            is_density: densities.is_some(),
        })
    }
}

impl fmt::Display for StatedUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.unit {
            Some(unit) => write!(f, "{path}: `{unit}` is stated for the currents")?,
            None => write!(f, "{path}: no unit is stated for the currents")?,
        }
        f.write_str("; they are taken as nA, as simulators write `i_membrane`")
    }
}

/// A neuron whose currents do not sum to zero, as those of a neuron with a current clamp.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeImbalance {
    /// The population.
    pub population: String,
    /// SONATA node id.
    pub node_id: u64,
    /// Net current with the largest absolute value, nA.
    pub net_na: f64,
    /// Its time, ms.
    pub time_ms: f64,
}

impl NodeImbalance {
    /// Returns the absolute potential of the net current at a distance of 1 mm in an infinite medium of the default
    /// conductivity (0.277 S/m), V: `|I| / (4 pi sigma r)`.
    #[must_use]
    pub fn far_potential_v(&self) -> f64 {
        let sigma = units::DEFAULT_CONDUCTIVITY.get();
        self.net_na.abs() * units::NANOAMPERE_PER_MICROMETER / (4.0 * std::f64::consts::PI * sigma * FAR_UM)
    }
}

impl fmt::Display for NodeImbalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let far_uv = self.far_potential_v() * SignalUnit::Microvolt.per_volt();
        write!(
            f,
            "`{}` node {}: net current {:.4} nA at {} ms, {far_uv:.3} uV at 1 mm in {} S/m",
            self.population,
            self.node_id,
            self.net_na,
            self.time_ms,
            units::DEFAULT_CONDUCTIVITY.get()
        )
    }
}

/// The most nodes that a text names.
const MAX_NAMED_NODES: usize = 12;

impl Signals<'_> {
    /// Returns the names of the first nodes of [`Signals::left_out_nodes`], after their populations if there are several;
    /// `None` if no node is left out.
    pub fn describe_left_out(&self) -> Option<String> {
        let several = self.reports().len() > 1;
        let name = |&(report, node): &(usize, u64)| match self.reports().get(report).filter(|_| several) {
            Some(report) => format!("{}/{node}", report.population()),
            None => node.to_string(),
        };
        let nodes = self.left_out_nodes();
        (!nodes.is_empty()).then(|| join_quoted(nodes.iter().map(name), MAX_NAMED_NODES))
    }

    /// Returns a warning of the neurons of [`Signals::imbalances`]; `None` if there are none.
    pub fn imbalance_warning(&self) -> Option<String> {
        let count = match self.imbalances().len() {
            0 => return None,
            1 => "1 neuron".into(),
            count => format!("{count} neurons"),
        };
        let (what, cause) = match self.current_kind() {
            CurrentKind::Density => {
                ("densities times areas", "with a current clamp, or with areas that are not the simulator's")
            }
            CurrentKind::Current => ("membrane currents", "with a current clamp"),
        };
        Some(format!(
            "{count} whose {what} do not sum to zero, as {cause}: each adds the field of a monopole, which falls with 1/r \
             where that of a balanced neuron falls with 1/r^2 or faster"
        ))
    }
}
