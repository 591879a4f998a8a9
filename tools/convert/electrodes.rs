//! Electrodes from one form to another, and what the new one cannot hold.

use std::path::Path;

use leadfield::Result;
use leadfield::electrodes::{self, Electrode, to_csv, to_json, to_probeinterface};
use leadfield::error::count;
use leadfield::io::atomic_output::Staged;

use super::Work;
use super::target::Target;

/// Converts a file of electrodes.
pub fn convert(work: &Work<'_>, path: &Path, out: &Path, target: Target) -> Result<String> {
    let electrodes = electrodes::read(path)?;
    let (text, lost) = match target {
        Target::Csv => (to_csv(&electrodes), Vec::new()),
        Target::Json => (to_json(&electrodes), Vec::new()),
        _ => to_probeinterface(&electrodes),
    };
    let staged = Staged::new(out, work.existing())?;
    staged.write(text)?;
    staged.commit()?;
    Ok(told(&electrodes, &lost))
}

fn told(electrodes: &[Electrode], lost: &[String]) -> String {
    let contacts = count(electrodes.len() as u64, "contact");
    lost.iter().fold(contacts, |told, lost| format!("{told}\n  {lost}"))
}
