//! Reads signals from a SONATA report: the simulator's `lfp` report, or what `leadfield signals` writes.
//!
//! `/report/POPULATION/data` has a row for each frame, and for each cell one column for each contact. Cells are added up.
//! All cells have the same number of contacts (`mapping/index_pointers`), which `mapping/element_ids` numbers from 0. Names
//! and positions are those of `mapping/contact_names` and `mapping/contact_positions`, if the report has them. The "cells"
//! of `leadfield signals` may be groups with names, which may overlap: one of them is read, they are never added up.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use super::{SignalProblem, SignalTraces};
use crate::electrodes::Electrode;
use crate::error::{Context, Result, join_quoted};
use crate::geometry::Point;
use crate::io::hdf5::{Hdf5File, Hdf5Problem};
use crate::io::input_file;
use crate::signals::output::{GROUPS_ATTRIBUTE, GROUPS_NAMED, GROUPS_NODE, GROUPS_TOTAL, SignalFormat};
use crate::signals::{find_contacts, read_times};
use crate::sonata::compartment_report::check_finished;

/// Number of values that are read at once.
const BLOCK_VALUES: usize = 1 << 22;
/// Largest number of values that are kept, or decompressed at once: 512 MiB in double precision.
const MAX_VALUES: usize = 1 << 26;
/// Number of element ids that are read at once.
const IDS_PER_READ: usize = 1 << 20;
/// Number of names that a message lists.
const LISTED_NAMES: usize = 12;
/// The first bytes of an HDF5 file.
const HDF5_SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";
/// The unit of a report that states none.
const DEFAULT_UNIT: &str = "mV";
/// The unit that the simulator states for its online report, whose potentials are in V.
const SIMULATOR_UNIT: &str = "mV";

/// Which signals of a report are read.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignalSelection<'a> {
    /// Names of contacts, in this order, as for [`find_contacts`]; all contacts if it is empty.
    pub contacts: &'a [String],
    /// A group by its name, or a cell by its id; otherwise all cells are added up.
    pub group: Option<&'a str>,
}

impl SignalTraces {
    /// Reads the signals of a report, summed over all cells of all populations. `electrodes` gives the positions of the
    /// contacts by name; names and positions in the order of the report if it has no names.
    ///
    /// The unit is `unit`, if given, or that of `data`; V for the simulator's online report, which has no names of contacts
    /// and states `mV` for potentials in V.
    ///
    /// # Errors
    /// The same as for [`SignalTraces::read_selected`].
    pub fn read(path: &Path, electrodes: Option<&[Electrode]>, unit: Option<&str>) -> Result<Self> {
        Self::read_selected(path, electrodes, unit, &SignalSelection::default())
    }

    /// Reads signals of a report as [`SignalTraces::read`] does, at some contacts or of one group. Memory is that of the
    /// result, and of a block of frames: at most 512 MiB for either.
    ///
    /// # Errors
    /// Returns an error if the file has no report of signals or is unfinished, its populations do not match, it has
    /// several groups with names of which none is chosen, contacts have different units, there are too many values, or
    /// numbers are not finite.
    pub fn read_selected(
        path: &Path,
        electrodes: Option<&[Electrode]>,
        unit: Option<&str>,
        selection: &SignalSelection<'_>,
    ) -> Result<Self> {
        check_format(path)?;
        check_finished(path)?;
        let file = Hdf5File::open(path)?;
        let names = if file.has_object("/report") { file.member_names("/report")? } else { Vec::new() };
        let with_data = names.iter().filter(|name| file.is_dataset(&format!("/report/{name}/data")));
        let mut populations =
            with_data.map(|name| ReportPopulation::open(&file, name).in_file(path)).collect::<Result<Vec<_>>>()?;
        choose_groups(&mut populations, selection.group).in_file(path)?;
        let Some(first) = populations.first() else { return Err(SignalProblem::NoReport).in_file(path) };
        let (mut contact_names, mut positions_um) = (first.contact_names.clone(), first.positions_um.clone());
        if let Some(electrodes) = electrodes {
            if first.has_names {
                positions_um = positions_by_name(&contact_names, electrodes).in_file(path)?;
            } else {
                let (expected, found) = (first.contacts, electrodes.len());
                if expected != found {
                    return Err(SignalProblem::Electrodes { expected, found }).in_file(path);
                }
                contact_names = electrodes.iter().map(|e| e.name.clone()).collect();
                positions_um = electrodes.iter().map(|e| e.position_um).collect();
            }
        }
        let chosen = find_contacts(contact_names.iter().map(String::as_str), selection.contacts).in_file(path)?;
        let units = chosen.iter().map(|contact| first.units.get(*contact).map_or(DEFAULT_UNIT, String::as_str));
        let named = chosen.iter().map(|contact| contact_names.get(*contact).map_or("", String::as_str));
        let stated = find_common_unit(units.zip(named)).in_file(path)?;
        let mut notes = Vec::new();
        let stated = match unit {
            None if !first.has_names && stated == SIMULATOR_UNIT => {
                notes.push(match first.states_unit {
                    true => format!("taken as V, although the report states {stated}, as the simulator does"),
                    false => "taken as V, as of the simulator: the report states no unit".into(),
                });
                "V"
            }
            _ => stated,
        };
        let mut traces = Self {
            times_ms: (0..first.frames).map(|i| first.start_ms + first.step_ms * i as f64).collect(),
            unit: unit.unwrap_or(stated).into(),
            values: first.read_sums(&file, &chosen)?,
            contact_names: chosen.iter().filter_map(|contact| contact_names.get(*contact)).cloned().collect(),
            positions_um: chosen.iter().filter_map(|contact| positions_um.get(*contact)).copied().collect(),
            notes,
        };
        for population in populations.iter().skip(1) {
            check_same(first, population).in_item(&format!("/report/{}", population.name)).in_file(path)?;
            let own = population.read_sums(&file, &chosen)?;
            traces.values.iter_mut().zip(&own).for_each(|(sum, v)| *sum += v);
        }
        traces.check().in_file(path)?;
        Ok(traces)
    }
}

/// Refuses other outputs of `leadfield signals`, by their names, unless the content is HDF5 nevertheless.
fn check_format(path: &Path) -> Result<()> {
    let format = match SignalFormat::from_path(path) {
        Ok(format) if !matches!(format, SignalFormat::Report | SignalFormat::Bmtk | SignalFormat::Nwb) => format,
        _ => return Ok(()),
    };
    let mut start = [0; HDF5_SIGNATURE.len()];
    let mut file = input_file::open(path)?;
    match file.read_exact(&mut start) {
        Ok(()) if start == HDF5_SIGNATURE => Ok(()),
        _ => Err(SignalProblem::Format(format.name())).in_file(path),
    }
}

/// One population of a report, without its values.
struct ReportPopulation {
    name: String,
    data: String,
    frames: usize,
    columns: usize,
    contacts: usize,
    start_ms: f64,
    step_ms: f64,
    contact_names: Vec<String>,
    /// Whether the report has these names; otherwise they are numbers.
    has_names: bool,
    /// Positions of the contacts; empty if one is unknown.
    positions_um: Vec<Point>,
    /// Unit of each contact.
    units: Vec<String>,
    /// Whether the report states one.
    states_unit: bool,
    /// Name of each cell or group.
    groups: Vec<String>,
    /// Whether groups have names, so that they must not be added up.
    is_named: bool,
    /// The cells that are read.
    cells: Range<usize>,
}

impl ReportPopulation {
    /// Reads everything about a population except its values.
    fn open(file: &Hdf5File, population: &str) -> Result<Self> {
        let data = format!("/report/{population}/data");
        let mapping = |name: &str| format!("/report/{population}/mapping/{name}");
        let shape = file.shape(&data)?;
        let [frames, columns] = shape[..] else { return Err(file.error(&data, SignalProblem::NoReport)) };
        let pointers = file.read_unsigned(&mapping("index_pointers"))?;
        let contacts = match pointers[..] {
            [first, second, ..] => second.saturating_sub(first) as usize,
            _ => columns,
        };
        let elements = mapping("element_ids");
        let has_elements = file.has_object(&elements);
        if has_elements && has_repeated_elements(file, &elements, &pointers)? {
            return Err(file.error(&elements, SignalProblem::Currents));
        }
        let is_same = |pair: &[u64]| pair[1].checked_sub(pair[0]) == Some(contacts as u64);
        if contacts == 0 || contacts > columns || !columns.is_multiple_of(contacts) || !pointers.windows(2).all(is_same)
        {
            return Err(file.error(&data, SignalProblem::Columns { contacts, found: columns }));
        }
        if has_elements {
            check_elements(file, &elements, contacts, columns)?;
        }
        let cells = columns / contacts;
        let (start_ms, step_ms) = read_times(file, &mapping("time"), &data, frames)?;
        let read_texts = |name: &str, expected: usize| -> Result<Option<Vec<String>>> {
            let object = mapping(name);
            let texts = if file.has_object(&object) { file.read_strings(&object)? } else { return Ok(None) };
            match texts.len() == expected {
                true => Ok(Some(texts)),
                false => Err(file.error(&object, SignalProblem::Texts { expected, found: texts.len() })),
            }
        };
        let numbered = || (0..contacts).map(|i| i.to_string()).collect();
        let contact_names = read_texts("contact_names", contacts)?;
        let has_names = contact_names.is_some();
        let stated = read_texts("contact_units", contacts)?;
        let named = read_texts("group_names", cells)?;
        let unit = file.read_string_attribute(&data, "units");
        let states_unit = unit.is_some();
        let unit = unit.unwrap_or_else(|| DEFAULT_UNIT.into());
        let ids = mapping("node_ids");
        let ids = if file.has_object(&ids) { file.read_unsigned(&ids)? } else { Vec::new() };
        let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
        // names of neurons are their ids, after the population if there are several
        let are_ids = |names: &Vec<String>| {
            names.iter().zip(&ids).all(|(name, id)| name == id || *name == format!("{population}/{id}"))
        };
        let is_named = match file.read_string_attribute(&format!("/report/{population}/mapping"), GROUPS_ATTRIBUTE) {
            Some(kind) if kind == GROUPS_TOTAL || kind == GROUPS_NODE => false,
            Some(kind) if kind == GROUPS_NAMED => true,
            _ => named.as_ref().is_some_and(|names| !are_ids(names)),
        };
        file.check_strings()?;
        let positions = mapping("contact_positions");
        let positions = if file.has_object(&positions) { file.read_floats(&positions)? } else { Vec::new() };
        let positions_um: Vec<Point> = positions.chunks_exact(3).map(|p| Point::new(p[0], p[1], p[2])).collect();
        // positions that are not known are not numbers
        let is_known = positions_um.len() == contacts && positions_um.iter().all(|p| p.is_finite());
        Ok(Self {
            name: population.into(),
            data,
            frames,
            columns,
            contacts,
            start_ms,
            step_ms,
            contact_names: contact_names.unwrap_or_else(numbered),
            has_names,
            positions_um: if is_known { positions_um } else { Vec::new() },
            units: stated.unwrap_or_else(|| vec![unit; contacts]),
            states_unit,
            groups: named.unwrap_or(ids),
            is_named,
            cells: 0..cells,
        })
    }

    /// Reads the values of some contacts, summed over the chosen cells, row-major: frames, then contacts.
    fn read_sums(&self, file: &Hdf5File, chosen: &[usize]) -> Result<Vec<f64>> {
        let too_many = |found: usize| file.error(&self.data, SignalProblem::TooManyValues { most: MAX_VALUES, found });
        let wanted = self.frames.saturating_mul(chosen.len());
        if wanted > MAX_VALUES {
            return Err(too_many(wanted));
        }
        let span = self.column_span(chosen);
        file.check_box_plausible(&self.data, &[0..self.frames, span.clone()])?;
        // a chunk is decompressed completely, with all that the library needs for it
        let chunk: usize = file.chunk_shape(&self.data)?.iter().fold(1, |n, &length| n.saturating_mul(length));
        if chunk > MAX_VALUES {
            return Err(too_many(chunk));
        }
        let mut values = vec![0.0; wanted];
        let chunk_frames = file.chunk_shape(&self.data)?.first().copied().unwrap_or(1).max(1);
        for (frames, columns) in cut_blocks(self.frames, &span, chunk_frames) {
            let block = file.read_float_box(&self.data, &[frames.clone(), columns.clone()])?;
            let rows = values.chunks_exact_mut(chosen.len().max(1)).skip(frames.start);
            for (row, own) in block.chunks_exact(columns.len().max(1)).zip(rows) {
                for cell in self.cells.clone() {
                    for (sum, contact) in own.iter_mut().zip(chosen) {
                        let column = (cell * self.contacts + contact).checked_sub(columns.start);
                        *sum += column.and_then(|column| row.get(column)).copied().unwrap_or(0.0);
                    }
                }
            }
        }
        Ok(values)
    }

    /// Returns the columns from the first to the last that is read.
    fn column_span(&self, chosen: &[usize]) -> Range<usize> {
        let ends = (chosen.iter().min(), chosen.iter().max());
        let (Some(least), Some(most)) = ends else { return 0..0 };
        let last_cell = self.cells.end.saturating_sub(1);
        self.cells.start * self.contacts + least..(last_cell * self.contacts + most + 1).min(self.columns)
    }
}

/// Cuts frames and columns into blocks of about [`BLOCK_VALUES`] values: whole frames if they are short, and whole chunks
/// of frames if such a block is not too large.
fn cut_blocks(frames: usize, span: &Range<usize>, chunk_frames: usize) -> Vec<(Range<usize>, Range<usize>)> {
    let width = span.len().clamp(1, MAX_VALUES);
    let by_size = (BLOCK_VALUES / width).max(1);
    let by_chunk = if chunk_frames.saturating_mul(width) <= MAX_VALUES { chunk_frames } else { 1 };
    let rows = by_size.next_multiple_of(by_chunk);
    let pieces = |range: Range<usize>, length: usize| {
        let end = range.end;
        range.step_by(length).map(move |from| from..from.saturating_add(length).min(end))
    };
    pieces(0..frames, rows).flat_map(|rows| pieces(span.clone(), width).map(move |own| (rows.clone(), own))).collect()
}

/// Returns whether a cell has an element twice, as the sections of a report of currents, which have one element for each
/// segment. The first elements decide.
fn has_repeated_elements(file: &Hdf5File, object: &str, pointers: &[u64]) -> Result<bool> {
    let first = file.read_u32_rows(object, 0..file.length(object)?.min(IDS_PER_READ))?;
    let mut cells = pointers.windows(2).map_while(|ends| first.get(ends[0] as usize..ends[1] as usize));
    Ok(cells.any(|cell| cell.windows(2).any(|pair| pair[0] == pair[1])))
}

/// Checks that the elements of every cell are 0, 1, 2 and so on, as contacts are numbered.
fn check_elements(file: &Hdf5File, object: &str, contacts: usize, columns: usize) -> Result<()> {
    let length = file.length(object)?;
    if length != columns {
        let expected = format!("[{columns}], one element for each column");
        return Err(file.error(object, Hdf5Problem::Shape { expected, found: vec![length] }));
    }
    for from in (0..columns).step_by(IDS_PER_READ) {
        let ids = file.read_u32_rows(object, from..columns.min(from + IDS_PER_READ))?;
        let expected = (from..).map(|place| place % contacts);
        let other = ids.iter().zip(expected).enumerate().find(|(_, (found, expected))| **found as usize != *expected);
        if let Some((place, (&found, expected))) = other {
            return Err(file.error_at(object, from + place, SignalProblem::Elements { expected, found }));
        }
    }
    Ok(())
}

/// Keeps the group with a name and the population that has it. Without a name, all cells of all populations are kept,
/// unless they are several groups with names.
fn choose_groups(populations: &mut Vec<ReportPopulation>, wanted: Option<&str>) -> Result<(), SignalProblem> {
    let all = populations.iter().flat_map(|population| &population.groups);
    let Some(wanted) = wanted else {
        return match populations.iter().any(|p| p.is_named) && all.clone().nth(1).is_some() {
            true => Err(SignalProblem::SeveralGroups(join_quoted(all, LISTED_NAMES))),
            false => Ok(()),
        };
    };
    // with several populations, a group is also known by its name after that of its population
    let in_population = |population: &ReportPopulation, group: &str| format!("{}/{group}", population.name);
    let known = match populations.len() {
        1 => join_quoted(all, LISTED_NAMES),
        _ => {
            let named = populations.iter().flat_map(|p| p.groups.iter().map(|group| in_population(p, group)));
            join_quoted(named, LISTED_NAMES)
        }
    };
    let found = wanted.to_string();
    populations.retain_mut(|population| {
        let own = |group: &String| group == wanted || in_population(population, group) == wanted;
        let cell = population.groups.iter().position(own);
        population.cells = cell.map_or(0..0, |cell| cell..cell + 1);
        cell.is_some()
    });
    match populations.len() {
        0 => Err(SignalProblem::UnknownGroup { known, found }),
        1 => Ok(()),
        _ => Err(SignalProblem::AmbiguousGroup { known, found }),
    }
}

/// Returns the positions of contacts by their names.
fn positions_by_name(contacts: &[String], electrodes: &[Electrode]) -> Result<Vec<Point>, SignalProblem> {
    let place = |contact: &String| {
        let own = electrodes.iter().find(|electrode| electrode.name == *contact).map(|e| e.position_um);
        own.ok_or_else(|| SignalProblem::OtherElectrodes {
            contact: contact.clone(),
            found: join_quoted(electrodes.iter().map(|e| &e.name), LISTED_NAMES),
        })
    };
    contacts.iter().map(place).collect()
}

/// Checks that the values of a population can be added to those of the first one.
fn check_same(first: &ReportPopulation, other: &ReportPopulation) -> Result<(), SignalProblem> {
    let times = |p: &ReportPopulation| format!("{} frames every {} ms from {} ms", p.frames, p.step_ms, p.start_ms);
    let names = |p: &ReportPopulation| join_quoted(&p.contact_names, LISTED_NAMES);
    let units = |p: &ReportPopulation| {
        let mut units: Vec<&String> = p.units.iter().collect();
        units.dedup();
        join_quoted(units, LISTED_NAMES)
    };
    let differences = [
        ("number of contacts", first.contacts != other.contacts, [first, other].map(|p| p.contacts.to_string())),
        ("time", times(first) != times(other), [first, other].map(times)),
        ("list of contacts", first.contact_names != other.contact_names, [first, other].map(names)),
        ("unit", first.units != other.units, [first, other].map(units)),
    ];
    match differences.into_iter().find(|(_, differs, _)| *differs) {
        None => Ok(()),
        Some((what, _, [expected, found])) => {
            Err(SignalProblem::OtherPopulation { what, first: first.name.clone(), expected, found })
        }
    }
}

/// Returns the unit of all contacts, given as pairs of unit and name.
fn find_common_unit<'u>(contacts: impl Iterator<Item = (&'u str, &'u str)>) -> Result<&'u str, SignalProblem> {
    let mut by_unit: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    contacts.for_each(|(unit, name)| by_unit.entry(unit).or_default().push(name));
    match by_unit.len() {
        0 | 1 => Ok(by_unit.keys().next().copied().unwrap_or(DEFAULT_UNIT)),
        _ => {
            let listed = by_unit.iter().map(|(unit, names)| format!("{unit} at {}", join_quoted(names, 3)));
            Err(SignalProblem::SeveralUnits(listed.collect::<Vec<_>>().join("; ")))
        }
    }
}
