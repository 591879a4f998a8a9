//! Neurodata Without Borders: an `ElectricalSeries` for each group, and the table of electrodes.
//!
//! Source: NWB schema 2.11 and HDMF common schema 1.8. The file has no cached schema: readers use their own. A
//! simulation has no date: the times of session and file are 1970-01-01. Object ids depend on the object's path and the
//! signals only, so that the same input gives the same bytes.
//!
//! A series has the name of its group if that is a name in NWB. Otherwise `/` and `:` and control characters become `_`,
//! a name without other characters than points becomes `group`, and a number is appended until no other series has the
//! name; the attribute `comments` then has the group's name.

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

use super::laid_out::{DataExtent, FileLayout, allocate_values};
use super::{SignalFormatProblem, ValueType};
use crate::error::Result;
use crate::io::digest::Digest;
use crate::io::hdf5::Hdf5File;
use crate::signals::Signals;
use crate::units::POTENTIAL_UNITS;

const NWB_VERSION: &str = "2.11.0";
const CORE: &str = "core";
const HDMF: &str = "hdmf-common";
/// The time of a session without a date.
const EPOCH: &str = "1970-01-01T00:00:00+00:00";
/// The name of the series of all neurons.
const TOTAL_SERIES: &str = "ElectricalSeries";
/// The name of the series of a group whose name has no characters for one.
const NAMELESS_SERIES: &str = "group";
const DEVICE: &str = "/general/devices/simulation";
const ELECTRODE_GROUP: &str = "/general/extracellular_ephys/contacts";
const ELECTRODES: &str = "/general/extracellular_ephys/electrodes";
/// Milliseconds in a second.
const MS_PER_S: f64 = 1000.0;

/// The layout of the file.
pub struct NwbLayout<'s> {
    signals: &'s Signals<'s>,
    value_type: ValueType,
    /// Volts per unit of the values.
    volts: f64,
}

impl<'s> NwbLayout<'s> {
    /// Creates the layout of signals.
    ///
    /// # Errors
    /// Returns an error if a contact's signal is not a potential, which `ElectricalSeries` requires.
    pub fn new(signals: &'s Signals<'s>, value_type: ValueType) -> Result<Self, SignalFormatProblem> {
        let mut volts = 1.0;
        for (contact, unit) in signals.contacts().iter().zip(signals.units()) {
            volts = POTENTIAL_UNITS
                .factor(unit)
                .map_err(|_| SignalFormatProblem::NotPotential { contact: contact.name.clone(), unit: unit.into() })?;
        }
        Ok(Self { signals, value_type, volts })
    }

    fn write_root(&self, file: &Hdf5File) -> Result<()> {
        self.describe(file, "/", CORE, "NWBFile")?;
        file.write_string_attribute("/", "nwb_version", NWB_VERSION)?;
        let populations: Vec<&str> = self.signals.reports().iter().map(|report| report.population()).collect();
        let description = format!("Signals of simulated membrane currents of {}", populations.join(", "));
        let identifier = self.object_id("/");
        for (name, text) in [
            ("identifier", identifier.as_str()),
            ("session_description", &description),
            ("session_start_time", EPOCH),
            ("timestamps_reference_time", EPOCH),
        ] {
            file.write_strings(&format!("/{name}"), &[text], &[])?;
        }
        file.write_strings("/file_create_date", &[EPOCH], &[1])?;
        ["/acquisition", "/analysis", "/processing", "/stimulus", "/stimulus/presentation", "/stimulus/templates"]
            .iter()
            .chain(&["/general", "/general/devices", "/general/extracellular_ephys"])
            .try_for_each(|group| file.create_group(group))
    }

    fn write_electrodes(&self, file: &Hdf5File) -> Result<()> {
        file.create_group(DEVICE)?;
        self.describe(file, DEVICE, CORE, "Device")?;
        file.write_string_attribute(DEVICE, "description", "simulated contacts")?;
        file.create_group(ELECTRODE_GROUP)?;
        self.describe(file, ELECTRODE_GROUP, CORE, "ElectrodeGroup")?;
        file.write_string_attribute(ELECTRODE_GROUP, "description", "all contacts")?;
        file.write_string_attribute(ELECTRODE_GROUP, "location", "in the circuit's frame")?;
        file.create_soft_link(DEVICE, &format!("{ELECTRODE_GROUP}/device"))?;
        file.create_group(ELECTRODES)?;
        self.describe(file, ELECTRODES, CORE, "ElectrodesTable")?;
        file.write_string_attribute(ELECTRODES, "description", "positions in um, in the circuit's frame")?;
        let contacts = self.signals.contacts();
        let n = [contacts.len()];
        let ids: Vec<i64> = (0..n[0] as i64).collect();
        let object = format!("{ELECTRODES}/id");
        file.write_dataset(&object, &ids, &n)?;
        self.describe(file, &object, HDMF, "ElementIdentifiers")?;
        let mut columns = Vec::new();
        let mut add = |name: &'static str, description: &str| {
            columns.push(name);
            let object = format!("{ELECTRODES}/{name}");
            self.describe(file, &object, HDMF, "VectorData")?;
            file.write_string_attribute(&object, "description", description)
        };
        if contacts.iter().all(|contact| contact.position_um.is_some()) {
            for (axis, name) in ["x", "y", "z"].into_iter().enumerate() {
                let coordinate = |contact: &crate::signals::SignalContact| {
                    let position = contact.position_um.map_or([f64::NAN; 3], |position| position.to_array());
                    position.get(axis).copied().unwrap_or(f64::NAN) as f32
                };
                let values: Vec<f32> = contacts.iter().map(coordinate).collect();
                file.write_dataset(&format!("{ELECTRODES}/{name}"), &values, &n)?;
                add(name, "coordinate, um")?;
            }
        }
        let regions: Vec<&str> = contacts.iter().map(|contact| contact.region.as_str()).collect();
        let layers: Vec<&str> = contacts.iter().map(|contact| contact.layer.as_str()).collect();
        let names: Vec<&str> = contacts.iter().map(|contact| contact.name.as_str()).collect();
        for (name, texts, description) in [
            ("location", regions, "brain region"),
            ("group_name", vec!["contacts"; n[0]], "name of the group"),
            ("contact_name", names, "name of the contact"),
            ("layer", layers, "cortical layer"),
        ] {
            file.write_strings(&format!("{ELECTRODES}/{name}"), &texts, &n)?;
            add(name, description)?;
        }
        file.write_references(&format!("{ELECTRODES}/group"), ELECTRODE_GROUP, n[0])?;
        add("group", "group of contacts")?;
        file.write_strings_attribute(ELECTRODES, "colnames", &columns)
    }

    /// Writes the series of a group. `comments` are written if the series has another name than the group.
    fn write_series(
        &self,
        file: &Hdf5File,
        name: &str,
        comments: Option<&str>,
        columns: Range<usize>,
    ) -> Result<DataExtent> {
        let signals = self.signals;
        let (frames, contacts) = (signals.times_ms().len(), signals.contacts().len());
        let group = format!("/acquisition/{name}");
        file.create_group(&group)?;
        self.describe(file, &group, CORE, "ElectricalSeries")?;
        file.write_string_attribute(&group, "description", "extracellular potentials of simulated membrane currents")?;
        if let Some(comments) = comments {
            file.write_string_attribute(&group, "comments", comments)?;
        }
        let data = format!("{group}/data");
        let byte_offset = allocate_values(file, &data, &[frames, contacts], self.value_type)?;
        file.write_string_attribute(&data, "unit", "volts")?;
        file.write_attribute(&data, "conversion", &(self.volts as f32))?;
        file.write_attribute(&data, "resolution", &-1.0_f32)?;
        let start = format!("{group}/starting_time");
        let first = signals.times_ms().first().copied().unwrap_or_default();
        file.write_dataset(&start, &[first / MS_PER_S], &[])?;
        file.write_attribute(&start, "rate", &((MS_PER_S / signals.step_ms()) as f32))?;
        file.write_string_attribute(&start, "unit", "seconds")?;
        let electrodes = format!("{group}/electrodes");
        let rows: Vec<i64> = (0..contacts as i64).collect();
        file.write_dataset(&electrodes, &rows, &[contacts])?;
        self.describe(file, &electrodes, HDMF, "DynamicTableRegion")?;
        file.write_string_attribute(&electrodes, "description", "all contacts")?;
        file.write_reference_attribute(&electrodes, "table", ELECTRODES)?;
        Ok(DataExtent { byte_offset, columns })
    }

    /// Writes the attributes that every object has.
    fn describe(&self, file: &Hdf5File, object: &str, namespace: &str, kind: &str) -> Result<()> {
        file.write_string_attribute(object, "namespace", namespace)?;
        file.write_string_attribute(object, "neurodata_type", kind)?;
        file.write_string_attribute(object, "object_id", &self.object_id(object))
    }

    /// Returns an identifier in the form of a UUID (version 8: own content).
    fn object_id(&self, object: &str) -> String {
        let half = |salt: u64| {
            let mut digest = Digest::default();
            digest.add_u64(salt);
            digest.add_u64(self.signals.settings_digest());
            digest.add_text(object);
            digest.finish()
        };
        let (high, low) = (half(1), half(2));
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xfff);
        let (d, e) = ((low >> 48) & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
        format!("{a:08x}-{b:04x}-8{c:03x}-{d:04x}-{e:012x}")
    }
}

impl FileLayout for NwbLayout<'_> {
    fn write(&self, path: &Path) -> Result<Vec<DataExtent>> {
        let file = Hdf5File::create(path)?;
        self.write_root(&file)?;
        self.write_electrodes(&file)?;
        let contacts = self.signals.contacts().len();
        let groups = self.signals.groups();
        let names = if self.signals.is_total() { vec![TOTAL_SERIES.into()] } else { name_series(groups) };
        let series = names.iter().zip(groups).enumerate().map(|(number, (name, group))| {
            let comments = Some(group).filter(|group| !self.signals.is_total() && *group != name);
            let comments = comments.map(|group| format!("group `{}`", group.escape_debug()));
            self.write_series(&file, name, comments.as_deref(), number * contacts..(number + 1) * contacts)
        });
        let extents = series.collect::<Result<_>>()?;
        file.close()?;
        Ok(extents)
    }
}

/// Returns a name in NWB for each group: different names, without characters that separate paths.
fn name_series(groups: &[String]) -> Vec<String> {
    let names: Vec<String> = groups.iter().map(|group| valid_name(group)).collect();
    // groups keep their names, whatever the names of earlier groups become
    let mut taken: HashSet<String> = HashSet::new();
    let keeps: Vec<bool> =
        groups.iter().zip(&names).map(|(group, name)| group == name && taken.insert(name.clone())).collect();
    let mut find_free = |name: String| {
        let numbered = |number: usize| if number < 2 { name.clone() } else { format!("{name}_{number}") };
        // one of as many names and one more is free
        (1..=groups.len() + 1).map(numbered).find(|free| taken.insert(free.clone())).unwrap_or_default()
    };
    names.into_iter().zip(keeps).map(|(name, keeps)| if keeps { name } else { find_free(name) }).collect()
}

/// Returns a group's name without characters that are no part of a name in NWB or HDF5.
fn valid_name(group: &str) -> String {
    let is_separator = |c: char| matches!(c, '/' | ':') || c.is_control();
    let name: String = group.chars().map(|c| if is_separator(c) { '_' } else { c }).collect();
    if name.chars().all(|c| c == '.') { NAMELESS_SERIES.into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_a_series_with_another_name() {
        let named = |groups: &[&str]| name_series(&groups.iter().map(|group| (*group).to_string()).collect::<Vec<_>>());
        assert_eq!(named(&["L1", "L2/3"]), ["L1", "L2_3"]);
        assert_eq!(named(&["", ".", "..", "group"]), ["group_2", "group_3", "group_4", "group"]);
        assert_eq!(named(&["a/b", "a_b", "a:b", "a_b_2"]), ["a_b_3", "a_b", "a_b_4", "a_b_2"]);
        assert_eq!(named(&["x\u{0}y", "x", "x"]), ["x_y", "x", "x_2"]);
        assert_eq!(named(&["\u{e9}", "a b", "."]), ["\u{e9}", "a b", "group"]);
    }
}
