//! Reads signals from a SONATA report: the simulator's `lfp` report, or what `leadfield signals` writes.
//!
//! `/report/POPULATION/data` has a row for each frame, and for each cell one column for each contact. Cells are added up.
//! All cells have the same number of contacts (`mapping/index_pointers`). Names and positions are those of
//! `mapping/contact_names` and `mapping/contact_positions`, if the report has them.

use std::path::Path;

use super::{SignalProblem, SignalTraces};
use crate::electrodes::Electrode;
use crate::error::{Context, Result};
use crate::geometry::Point;
use crate::io::hdf5::Hdf5File;

/// Number of values that are read at once.
const BLOCK_VALUES: usize = 1 << 22;

impl SignalTraces {
    /// Reads the signals of a report, summed over all cells of all populations. `electrodes` gives names and positions
    /// of the contacts in the order of the report.
    ///
    /// The unit is that of `data`, or `unit` if given: the simulator writes `mV` whatever the values are.
    ///
    /// # Errors
    /// Returns an error if the file has no report, its populations do not match, or numbers are not finite.
    pub fn read(path: &Path, electrodes: Option<&[Electrode]>, unit: Option<&str>) -> Result<Self> {
        let file = Hdf5File::open(path)?;
        let populations = if file.has_object("/report") { file.member_names("/report")? } else { Vec::new() };
        let mut sum: Option<Self> = None;
        for name in populations.iter().filter(|name| file.is_dataset(&format!("/report/{name}/data"))) {
            let own = read_population(&file, name).in_file(path)?;
            sum = Some(match sum {
                None => own,
                Some(sum) => sum.plus(own).in_item(&format!("/report/{name}")).in_file(path)?,
            });
        }
        let mut traces = sum.ok_or(SignalProblem::NoReport).in_file(path)?;
        if let Some(electrodes) = electrodes {
            let (expected, found) = (traces.contacts(), electrodes.len());
            if expected != found {
                return Err(SignalProblem::Electrodes { expected, found }).in_file(path);
            }
            traces.contact_names = electrodes.iter().map(|e| e.name.clone()).collect();
            traces.positions_um = electrodes.iter().map(|e| e.position_um).collect();
        }
        if let Some(unit) = unit {
            traces.unit = unit.into();
        }
        traces.check().in_file(path)?;
        Ok(traces)
    }

    /// Adds the values of the same contacts at the same times.
    fn plus(mut self, other: Self) -> Result<Self, SignalProblem> {
        if self.values.len() != other.values.len() || self.contacts() != other.contacts() {
            return Err(SignalProblem::Values { expected: self.values.len(), found: other.values.len() });
        }
        self.values.iter_mut().zip(&other.values).for_each(|(a, b)| *a += b);
        Ok(self)
    }
}

fn read_population(file: &Hdf5File, population: &str) -> Result<SignalTraces> {
    let data = format!("/report/{population}/data");
    let mapping = |name: &str| format!("/report/{population}/mapping/{name}");
    let shape = file.shape(&data)?;
    let [frames, columns] = shape[..] else { return Err(file.error(&data, SignalProblem::NoReport)) };
    let pointers = file.read_unsigned(&mapping("index_pointers"))?;
    let contacts = match pointers[..] {
        [first, second, ..] => second.saturating_sub(first) as usize,
        _ => columns,
    };
    let is_same = |pair: &[u64]| pair[1].checked_sub(pair[0]) == Some(contacts as u64);
    if contacts == 0 || contacts > columns || !columns.is_multiple_of(contacts) || !pointers.windows(2).all(is_same) {
        return Err(file.error(&data, SignalProblem::Columns { contacts, found: columns }));
    }
    file.check_box_plausible(&data, &[0..frames, 0..columns])?;
    let time = file.read_floats(&mapping("time"))?;
    let (Some(start), Some(step)) = (time.first().copied(), time.get(2).copied()) else {
        return Err(file.error(&mapping("time"), SignalProblem::Profile));
    };
    let mut values = vec![0.0; frames.saturating_mul(contacts)];
    let rows = (BLOCK_VALUES / columns.max(1)).max(1);
    for from in (0..frames).step_by(rows) {
        let to = (from + rows).min(frames);
        let block = file.read_float_rows(&data, from, to)?;
        for (row, own) in block.chunks_exact(columns).zip(values.chunks_exact_mut(contacts).skip(from)) {
            for cell in row.chunks_exact(contacts) {
                own.iter_mut().zip(cell).for_each(|(sum, v)| *sum += v);
            }
        }
    }
    let names = mapping("contact_names");
    let contact_names = match file.has_object(&names) {
        true => file.read_strings(&names)?,
        false => (0..contacts).map(|i| i.to_string()).collect(),
    };
    let positions = mapping("contact_positions");
    let positions = if file.has_object(&positions) { file.read_floats(&positions)? } else { Vec::new() };
    let positions_um: Vec<Point> = positions.chunks_exact(3).map(|p| Point::new(p[0], p[1], p[2])).collect();
    // positions that are not known are not numbers
    let is_known = positions_um.len() == contacts && positions_um.iter().all(|p| p.is_finite());
    let unit = file.read_string_attribute(&data, "units").unwrap_or_else(|| "mV".into());
    file.check_strings()?;
    Ok(SignalTraces {
        times_ms: (0..frames).map(|i| start + step * i as f64).collect(),
        contact_names,
        positions_um: if is_known { positions_um } else { Vec::new() },
        values,
        unit,
    })
}
