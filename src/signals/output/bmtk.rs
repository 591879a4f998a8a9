//! BMTK's file of extracellular potentials: `/ecp/data` (time, channel), `/ecp/time` (start, end, step, ms) and
//! `/ecp/channel_id`. It has no groups. `/ecp/channel_name`, which BMTK ignores, has the names of the contacts.

use std::path::Path;

use super::ValueType;
use super::laid_out::{DataExtent, FileLayout, allocate_values, check_common_unit, common_unit};
use super::{SignalFormat, SignalFormatProblem};
use crate::error::Result;
use crate::io::hdf5::Hdf5File;
use crate::signals::Signals;

/// The layout of the file.
pub struct BmtkLayout<'s> {
    signals: &'s Signals<'s>,
    value_type: ValueType,
}

impl<'s> BmtkLayout<'s> {
    /// Creates the layout of signals.
    ///
    /// # Errors
    /// Returns an error if there are several groups, or the signals have several units.
    pub fn new(signals: &'s Signals<'s>, value_type: ValueType) -> Result<Self, SignalFormatProblem> {
        check_common_unit(signals, SignalFormat::Bmtk)?;
        match signals.groups().len() {
            1 => Ok(Self { signals, value_type }),
            found => Err(SignalFormatProblem::Groups { format: SignalFormat::Bmtk.name(), found }),
        }
    }
}

impl FileLayout for BmtkLayout<'_> {
    fn write(&self, path: &Path) -> Result<Vec<DataExtent>> {
        let signals = self.signals;
        let (frames, contacts) = (signals.times_ms().len(), signals.contacts().len());
        let file = Hdf5File::create(path)?;
        file.create_group("/ecp")?;
        let start = signals.times_ms().first().copied().unwrap_or_default();
        let step = signals.step_ms();
        file.write_dataset("/ecp/time", &[start, start + frames as f64 * step, step], &[3])?;
        file.write_string_attribute("/ecp/time", "units", "ms")?;
        let numbers: Vec<u64> = (0..contacts as u64).collect();
        file.write_dataset("/ecp/channel_id", &numbers, &[contacts])?;
        let names: Vec<&str> = signals.contacts().iter().map(|contact| contact.name.as_str()).collect();
        file.write_strings("/ecp/channel_name", &names, &[contacts])?;
        let byte_offset = allocate_values(&file, "/ecp/data", &[frames, contacts], self.value_type)?;
        file.write_string_attribute("/ecp/data", "units", common_unit(signals).unwrap_or_default())?;
        file.close()?;
        Ok(vec![DataExtent { byte_offset, columns: 0..contacts }])
    }
}
