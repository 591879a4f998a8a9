//! A small circuit and the original program's weights for it, embedded in the program.

use std::path::Path;

use leadfield::Result;
use leadfield::error::{Context, FileProblem};
use leadfield::io::atomic_output::{AtomicOutput, OverwritePolicy};

macro_rules! golden {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_bytes!(concat!("../../datasets/golden/", $path)))),*]
    };
}

/// The reference circuit of `datasets/golden`, eight contacts, and BlueRecording 0.2.1's weights for them.
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

/// Writes the files to a folder: `circuit/`, `np8.csv`, `np8.h5`.
pub(super) fn unpack(folder: &Path) -> Result<()> {
    for (path, bytes) in FILES {
        let target = folder.join(file_name_of(path));
        let parent = target.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(FileProblem::Write).in_file(parent)?;
        let staged = AtomicOutput::create_file(&target, OverwritePolicy::Refuse)?;
        staged.write_all(bytes)?;
        staged.commit()?;
    }
    Ok(())
}

/// Returns the path of a file relative to the folder that it is unpacked to.
fn file_name_of(path: &str) -> &str {
    path.trim_start_matches("input/").trim_start_matches("electrodes/").trim_start_matches("reference/")
}

/// Returns whether a path relative to a demo's folder is that of an embedded file.
pub(super) fn is_file(path: &Path) -> bool {
    path.strip_prefix("reference")
        .is_ok_and(|below| FILES.iter().any(|(path, _)| below == Path::new(file_name_of(path))))
}

/// Returns whether a path relative to a demo's folder is that of a folder with embedded files.
pub(super) fn is_folder(path: &Path) -> bool {
    let is_above = |file: &str| {
        Path::new(file_name_of(file)).ancestors().skip(1).any(|above| Path::new("reference").join(above) == path)
    };
    FILES.iter().any(|(file, _)| is_above(file))
}
