//! Reads electrodes from a file, or from standard input, which is written `-`.

use std::io::Read;
use std::path::Path;

use leadfield::Result;
use leadfield::electrodes::{self, ContactExtent, Electrode};
use leadfield::error::{Context, FileProblem};

/// The name of standard input among the arguments, and of standard output.
pub const DASH: &str = "-";

/// Name of standard input in errors.
const STANDARD_INPUT: &str = "standard input";

/// Returns whether a path means standard input or standard output.
pub fn is_dash(path: &Path) -> bool {
    path == Path::new(DASH)
}

/// Returns the name for errors about a file.
pub fn name_of(path: &Path) -> &Path {
    if is_dash(path) { Path::new(STANDARD_INPUT) } else { path }
}

/// Reads the electrodes of a file, or those of standard input.
pub fn read(path: &Path) -> Result<Vec<Electrode>> {
    read_with_extent(path, ContactExtent::Point)
}

/// Reads electrodes with the requested extent for contacts of probeinterface.
pub fn read_with_extent(path: &Path, extent: ContactExtent) -> Result<Vec<Electrode>> {
    if !is_dash(path) {
        return electrodes::read_with_extent(path, extent);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(FileProblem::Read).in_file(name_of(path))?;
    electrodes::from_bytes(&bytes, extent).in_file(name_of(path))
}
