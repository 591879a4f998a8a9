//! Neurons as both rules for the terminal branch of an axon place them: the older version of BlueRecording takes another
//! branch than the newer where none is long enough.

use std::path::Path;

use leadfield::Result;
use leadfield::circuit::placement::Placement;
use leadfield::circuit::{Assembly, Options, Request};
use leadfield::segments::Segments;
use leadfield::validate::weights::ByBranch;

/// Places some neurons of a circuit by both rules.
pub fn by_branch(config: &Path, population: Option<&str>, nodes: &[u64]) -> Result<ByBranch> {
    let assembly = Assembly::open(&Request { population, ..Request::of(config) })?;
    let by = |placement: Placement| -> Result<(&'static str, Segments)> {
        let options = Options { placement, ..Options::default() };
        Ok((placement.name(), assembly.place(nodes, &options)?))
    };
    Ok([by(Placement::BlueRecording)?, by(Placement::BlueRecording02)?])
}
