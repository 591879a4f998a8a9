//! A small circuit and the original program's coefficients for it, part of the program itself.

use std::path::Path;

use leadfield::Result;
use leadfield::error::{Context, FileProblem};

macro_rules! golden {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_bytes!(concat!("../../datasets/golden/", $path)))),*]
    };
}

/// The reference circuit of `datasets/golden`, eight contacts, and BlueRecording 0.2.1's coefficients for them.
const FILES: &[(&str, &[u8])] = golden![
    "input/circuit/circuit_config.json",
    "input/circuit/simulation_config.json",
    "input/circuit/node_sets.json",
    "input/circuit/networks/nodes/S1nonbarrel_neurons/nodes.h5",
    "input/circuit/output/compartment.h5",
    "input/circuit/components/morphologies/swc/syn_IN_far_11.swc",
    "input/circuit/components/morphologies/swc/syn_IN_late_05.swc",
    "input/circuit/components/morphologies/swc/syn_IN_long_08.swc",
    "input/circuit/components/morphologies/swc/syn_IN_short_02.swc",
    "input/circuit/components/morphologies/swc/syn_PC_far_03.swc",
    "input/circuit/components/morphologies/swc/syn_PC_far_07.swc",
    "input/circuit/components/morphologies/swc/syn_PC_late_01.swc",
    "input/circuit/components/morphologies/swc/syn_PC_late_09.swc",
    "input/circuit/components/morphologies/swc/syn_PC_long_00.swc",
    "input/circuit/components/morphologies/swc/syn_PC_long_04.swc",
    "input/circuit/components/morphologies/swc/syn_PC_short_06.swc",
    "input/circuit/components/morphologies/swc/syn_PC_short_10.swc",
    "input/electrodes/np8.csv",
    "reference/np8.h5",
];

/// Writes them into a folder: `circuit/`, `np8.csv`, `np8.h5`.
pub(super) fn unpack(folder: &Path) -> Result<()> {
    for (path, bytes) in FILES {
        let name = path.trim_start_matches("input/").trim_start_matches("electrodes/").trim_start_matches("reference/");
        let target = folder.join(name);
        let parent = target.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(FileProblem::Write).in_file(parent)?;
        std::fs::write(&target, bytes).map_err(FileProblem::Write).in_file(&target)?;
    }
    Ok(())
}
