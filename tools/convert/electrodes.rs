//! Converts electrodes between formats, and reports what the new format cannot represent.

use std::path::Path;

use leadfield::Result;
use leadfield::electrodes::{Electrode, to_csv, to_json, to_probeinterface};
use leadfield::error::format_count;
use leadfield::io::atomic_output::AtomicOutput;

use super::Conversion;
use super::target::ConvertTarget;

/// Converts a file of electrodes.
pub fn convert_electrodes(work: &Conversion<'_>, path: &Path, out: &Path, target: ConvertTarget) -> Result<String> {
    let electrodes = work.args.contact_file.read(path, work.common)?;
    let (text, lost) = match target {
        ConvertTarget::Csv => (to_csv(&electrodes), Vec::new()),
        ConvertTarget::Json => (to_json(&electrodes), Vec::new()),
        _ => to_probeinterface(&electrodes),
    };
    let staged = AtomicOutput::create_file(out, work.overwrite_policy())?;
    staged.write_all(text)?;
    staged.commit()?;
    Ok(summary(&electrodes, &lost))
}

fn summary(electrodes: &[Electrode], lost: &[String]) -> String {
    let contacts = format_count(electrodes.len() as u64, "contact");
    lost.iter().fold(contacts, |text, lost| format!("{text}\n  {lost}"))
}
