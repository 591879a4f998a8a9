//! The `lfp` report of a simulation configuration, with which a simulator writes the signals at contacts.

use std::path::Path;

use serde_json::{Value, json};

use super::config::RunTimes;

/// The step of a report if the simulation does not state one, ms.
const DEFAULT_STEP_MS: f64 = 0.1;

/// The end of a report if the simulation does not state one, ms.
const DEFAULT_END_MS: f64 = 1000.0;

/// Returns the entry for `reports` of a simulation configuration, with the step and the end of its run. Without `cells`
/// it covers the simulation's own node set.
///
/// libsonata 0.2.2 accepts it; it rejects `variable_name` here, and `electrodes_file` under `run`. A relative path of the
/// electrodes file would begin at the configuration's folder.
pub fn entry(electrodes_file: &Path, run: RunTimes) -> Value {
    json!({
        "lfp": {
            "type": "lfp",
            "electrodes_file": electrodes_file.to_string_lossy(),
            "sections": "all",
            "unit": "V",
            "dt": run.dt_ms.unwrap_or(DEFAULT_STEP_MS),
            "start_time": 0.0,
            "end_time": run.tstop_ms.unwrap_or(DEFAULT_END_MS),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_run_or_the_defaults() {
        let times = |run| {
            let entry = entry(Path::new("/w.h5"), run);
            [&entry["lfp"]["dt"], &entry["lfp"]["end_time"]].map(|value| value.as_f64().unwrap())
        };
        assert_eq!(times(RunTimes { dt_ms: Some(0.025), tstop_ms: Some(250.0) }), [0.025, 250.0]);
        assert_eq!(times(RunTimes::default()), [0.1, 1000.0]);
    }
}
