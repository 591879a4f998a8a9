//! The public interface: what to compute, and the signals block by block.

use std::sync::{Mutex, PoisonError};

use super::contacts::{SignalContact, SignalUnit, find_contacts};
use super::current_report::{CurrentReport, add_file_state};
use super::frames::TimeSelection;
use super::groups::Grouping;
use super::plan::{NodeFilter, Plan};
use super::product::{Imbalances, Product};
use super::warnings::NodeImbalance;
use super::{CurrentKind, MEAN, MissingNodes, SignalReference, SignalsProblem, WeightSource};
use crate::electrodes::ConfiguredElectrode;
use crate::error::{Context, Result, join_quoted};
use crate::io::digest::Digest;
use crate::sonata::electrodes_file::ElectrodesFile;
use crate::weights::{SegmentSource, WeightColumns, add_electrode};

/// Bytes of the sums of a block of frames.
const BLOCK_BYTES: usize = 128 << 20;

/// Default for the largest number of frames of a block. With this number, computing or reading the weights again for
/// each block costs little.
const BLOCK_FRAMES: usize = 1024;

/// Settings of signals; [`SignalsBuilder::prepare`] makes them [`Signals`].
pub struct SignalsBuilder<'a> {
    reports: &'a [CurrentReport],
    source: Result<WeightSource<'a>>,
    names: Vec<SignalContact>,
    grouping: Grouping,
    filter: NodeFilter,
    electrodes: Vec<String>,
    times: TimeSelection,
    reference: SignalReference,
    unit: SignalUnit,
    missing: MissingNodes,
    kind: CurrentKind,
    block_frames: usize,
}

/// Signals that are ready to be computed: the sum over segments of current times weight, for each frame, group and
/// contact.
pub struct Signals<'a> {
    reports: &'a [CurrentReport],
    source: WeightSource<'a>,
    plan: Plan,
    contacts: Vec<SignalContact>,
    columns: Vec<usize>,
    /// Unit and factor of each contact.
    units: Vec<(String, f64)>,
    by_section_type: bool,
    is_total: bool,
    /// Index of the reference among the contacts.
    reference: Option<Reference>,
    kind: CurrentKind,
    frames: Vec<usize>,
    times_ms: Vec<f64>,
    block_frames: usize,
    imbalances: Mutex<Imbalances>,
    settings_digest: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reference {
    Contact(usize),
    Mean,
}

/// The signals of some consecutive frames.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalBlock {
    /// Index of the first frame among the used ones.
    pub first_frame: usize,
    /// Time of each frame, ms.
    pub times_ms: Vec<f64>,
    /// Row-major: frames, groups, contacts; in the units of [`Signals::units`].
    pub values: Vec<f64>,
}

/// A value of a block, and where it is.
pub(super) struct FoundSignal<'s> {
    pub contact: &'s SignalContact,
    pub group: &'s str,
    pub time_ms: f64,
    pub value: f64,
}

/// The estimated size and memory of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalsEstimate {
    /// Number of neurons.
    pub neurons: u64,
    /// Number of elements of a frame that are used.
    pub elements: u64,
    /// Number of frames.
    pub frames: u64,
    /// Number of blocks.
    pub blocks: u64,
    /// Number of values of the result.
    pub values: u64,
    /// Bytes of the result in double precision.
    pub bytes: u64,
    /// Approximate memory, bytes.
    pub memory: u64,
}

impl<'a> Signals<'a> {
    /// Creates a builder from the given inputs: with the weights of an electrodes file, with weights that are computed
    /// from tables and electrodes, or without weights for online `lfp` reports. Such reports are recognised: each node
    /// has one element for each contact. An electrodes file or electrodes then name the contacts; a report with a
    /// single contact needs an electrode, since a report of somata looks like it.
    ///
    /// # Errors
    /// Returns an error if the reports have currents, and there are no weights; or the contacts of the file cannot be read.
    pub fn from_inputs(
        reports: &'a [CurrentReport],
        file: Option<&'a ElectrodesFile>,
        tables: &[&'a dyn SegmentSource],
        electrodes: &'a [ConfiguredElectrode],
    ) -> Result<SignalsBuilder<'a>> {
        let is_online = tables.is_empty() && reports.iter().all(|report| report.is_online(file, electrodes.len()));
        let first = reports.first().ok_or(SignalsProblem::NoReports)?;
        match file {
            Some(file) if is_online => {
                let contacts = known_in_file(file, reports)?;
                Ok(Self::from_online(reports, contacts.into_iter().map(|(contact, _)| contact).collect()))
            }
            Some(file) => Ok(Self::from_weights(reports, file)),
            None if !tables.is_empty() => Ok(Self::from_tables(reports, tables, electrodes)),
            None if is_online => {
                Ok(Self::from_online(reports, electrodes.iter().map(SignalContact::from_electrode).collect()))
            }
            None => Err(SignalsProblem::NoWeightSource).in_file(first.path()),
        }
    }

    /// Creates a builder with the weights of an electrodes file.
    pub fn from_weights(reports: &'a [CurrentReport], file: &'a ElectrodesFile) -> SignalsBuilder<'a> {
        SignalsBuilder::new(reports, Ok(WeightSource::File { file }))
    }

    /// Creates a builder whose weights are computed from segment tables, one for each population.
    pub fn from_tables(
        reports: &'a [CurrentReport],
        tables: &[&'a dyn SegmentSource],
        electrodes: &'a [ConfiguredElectrode],
    ) -> SignalsBuilder<'a> {
        let columns = WeightColumns::new(electrodes);
        let sources = tables.to_vec();
        let source = columns.map(|columns| WeightSource::Tables { sources, electrodes, columns });
        SignalsBuilder::new(reports, source)
    }

    /// Creates a builder that sums online `lfp` reports, whose cells are potentials in V. Contacts have these names, or
    /// numbers if there are none.
    pub fn from_online(reports: &'a [CurrentReport], contacts: Vec<SignalContact>) -> SignalsBuilder<'a> {
        let mut builder = SignalsBuilder::new(reports, Ok(WeightSource::Online));
        builder.names = contacts;
        builder
    }

    /// Returns the contacts.
    pub fn contacts(&self) -> &[SignalContact] {
        &self.contacts
    }

    /// Returns the names of the groups.
    pub fn groups(&self) -> &[String] {
        &self.plan.groups
    }

    /// Returns report index and node id of each group if there is one group for each neuron; empty otherwise.
    pub fn nodes(&self) -> &[(usize, u64)] {
        &self.plan.nodes
    }

    /// Returns whether there is one sum over all segments.
    pub fn is_total(&self) -> bool {
        self.is_total
    }

    /// Returns the reports.
    pub fn reports(&self) -> &'a [CurrentReport] {
        self.reports
    }

    /// Returns the unit of each contact's signal.
    pub fn units(&self) -> Vec<&str> {
        self.units.iter().map(|(unit, _)| unit.as_str()).collect()
    }

    /// Returns the times of the frames, ms.
    pub fn times_ms(&self) -> &[f64] {
        &self.times_ms
    }

    /// Returns the time between used frames, ms.
    pub fn step_ms(&self) -> f64 {
        let step = self.reports.first().map_or(1.0, CurrentReport::step_ms);
        match self.frames[..] {
            [first, second, ..] => (second - first) as f64 * step,
            _ => step,
        }
    }

    /// Refuses the text `mean` for a reference where a contact has this name, too.
    ///
    /// # Errors
    /// Returns [`SignalsProblem::AmbiguousMean`] if the reference is the mean, and a contact is called `mean`.
    pub fn check_reference_is_clear(&self) -> Result<(), SignalsProblem> {
        let is_ambiguous = self.reference == Some(Reference::Mean) && self.contacts.iter().any(|c| c.name == MEAN);
        if is_ambiguous { Err(SignalsProblem::AmbiguousMean) } else { Ok(()) }
    }

    /// Returns report index and node id of the nodes that were left out because the report or the weights lack them.
    pub fn left_out_nodes(&self) -> &[(usize, u64)] {
        &self.plan.left_out
    }

    /// Returns the number of nodes that are in no group.
    pub fn ungrouped_nodes(&self) -> u64 {
        self.plan.ungrouped
    }

    /// Returns the number of frames of a block.
    pub fn block_frames(&self) -> usize {
        self.block_frames
    }

    /// Returns the number of elements of a frame that are used.
    pub fn element_count(&self) -> u64 {
        self.plan.element_count()
    }

    /// Estimates the size and memory of a run.
    pub fn estimate(&self) -> SignalsEstimate {
        let row = (self.plan.groups.len() * self.contacts.len()) as u64;
        let frames = self.frames.len() as u64;
        let sums = self.block_frames.min(self.frames.len()) as u64 * row * 8;
        SignalsEstimate {
            neurons: self.plan.neuron_count(),
            elements: self.element_count(),
            frames,
            blocks: frames.div_ceil(self.block_frames as u64),
            values: frames * row,
            bytes: frames * row * 8,
            memory: sums * 2 + super::product::WORKING_BYTES,
        }
    }

    /// Returns the quantity that the reports' values are taken for.
    pub fn current_kind(&self) -> CurrentKind {
        self.kind
    }

    /// Returns the neurons of the blocks computed so far whose currents do not sum to zero, that with the largest net
    /// current first.
    pub fn imbalances(&self) -> Vec<NodeImbalance> {
        let found = self.imbalances.lock().unwrap_or_else(PoisonError::into_inner);
        let named = found.iter().filter_map(|(&(report, node_id), imbalance)| {
            let report = self.reports.get(report)?;
            let time_ms = report.start_ms() + imbalance.frame as f64 * report.step_ms();
            Some(NodeImbalance { population: report.population().into(), node_id, net_na: imbalance.net_na, time_ms })
        });
        let mut all: Vec<NodeImbalance> = named.collect();
        all.sort_by(|a, b| b.net_na.abs().total_cmp(&a.net_na.abs()));
        all
    }

    /// Iterates over blocks of frames, each of at most [`Signals::block_frames`].
    pub fn blocks(&self) -> SignalBlocks<'_> {
        SignalBlocks { signals: self, next: 0 }
    }

    /// Computes all frames.
    ///
    /// # Errors
    /// Returns the errors of [`Signals::compute_frames`].
    pub fn compute(&self) -> Result<SignalBlock> {
        let mut all = SignalBlock { first_frame: 0, times_ms: Vec::new(), values: Vec::new() };
        for block in self.blocks() {
            let block = block?;
            all.times_ms.extend_from_slice(&block.times_ms);
            all.values.extend_from_slice(&block.values);
        }
        Ok(all)
    }

    /// Computes some frames, given as indices among the used ones. `progress` is called with the number of elements times
    /// frames that are done.
    ///
    /// # Errors
    /// Returns an error if an input cannot be read, the sections of a neuron are not those of the table, a current, a
    /// weight or a signal is not finite, or `is_stopped` returned true.
    pub fn compute_frames(
        &self,
        frames: std::ops::Range<usize>,
        is_stopped: &(dyn Fn() -> bool + Sync),
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<SignalBlock> {
        let own = self.frames.get(frames.clone()).unwrap_or_default();
        let product = Product {
            reports: self.reports,
            source: &self.source,
            plan: &self.plan,
            columns: &self.columns,
            kind: self.kind,
            by_section_type: self.by_section_type,
            progress,
            is_stopped,
        };
        let sums = product.sum_frames(own, &self.imbalances)?;
        let mut values = sums.ok_or(SignalsProblem::Stopped)?;
        for row in values.chunks_exact_mut(self.contacts.len().max(1)) {
            self.finish_row(row);
        }
        let times_ms = self.times_ms.get(frames.clone()).unwrap_or_default().to_vec();
        let block = SignalBlock { first_frame: frames.start, times_ms, values };
        match self.find_signal(&block, |value| !value.is_finite()) {
            None => Ok(block),
            Some(FoundSignal { contact, group, time_ms, value }) => {
                let [contact, group] = [contact.name.clone(), group.into()];
                let file = self.reports.first().map(CurrentReport::path).unwrap_or(std::path::Path::new(""));
                Err(SignalsProblem::SignalNotFinite { contact, group, time_ms, value }).in_file(file)
            }
        }
    }

    /// Returns the first signal of a block for which a condition is true.
    pub(super) fn find_signal(&self, block: &SignalBlock, is_wanted: impl Fn(f64) -> bool) -> Option<FoundSignal<'_>> {
        let place = block.values.iter().position(|&value| is_wanted(value))?;
        let (contacts, groups) = (self.contacts.len().max(1), self.groups().len().max(1));
        Some(FoundSignal {
            contact: self.contacts.get(place % contacts)?,
            group: self.groups().get(place / contacts % groups)?,
            time_ms: *block.times_ms.get(place / contacts / groups)?,
            value: *block.values.get(place)?,
        })
    }

    /// Converts the units, and subtracts the reference.
    fn finish_row(&self, row: &mut [f64]) {
        for (value, (_, factor)) in row.iter_mut().zip(&self.units) {
            *value *= factor;
        }
        let reference = match self.reference {
            None => 0.0,
            Some(Reference::Contact(contact)) => row.get(contact).copied().unwrap_or_default(),
            Some(Reference::Mean) => row.iter().sum::<f64>() / row.len().max(1) as f64,
        };
        row.iter_mut().for_each(|value| *value -= reference);
    }

    /// Returns a digest of the settings that the values depend on.
    pub(super) fn settings_digest(&self) -> u64 {
        self.settings_digest
    }

    /// Returns a digest of the inputs and of everything that the values depend on.
    ///
    /// # Errors
    /// Returns an error if an input cannot be read.
    pub fn digest(&self) -> Result<u64> {
        let mut digest = Digest::default();
        digest.add_u64(self.settings_digest);
        self.reports.iter().try_for_each(|report| report.add_to(&mut digest))?;
        match &self.source {
            WeightSource::File { file } => add_file_state(&mut digest, file.path())?,
            WeightSource::Tables { sources, electrodes, .. } => {
                sources.iter().try_for_each(|source| -> Result<()> {
                    digest.add_u64(source.fingerprint()?);
                    Ok(())
                })?;
                electrodes.iter().try_for_each(|e| add_electrode(&mut digest, e))?;
            }
            WeightSource::Online => {}
        }
        Ok(digest.finish())
    }
}

impl<'a> SignalsBuilder<'a> {
    fn new(reports: &'a [CurrentReport], source: Result<WeightSource<'a>>) -> Self {
        Self {
            reports,
            source,
            names: Vec::new(),
            grouping: Grouping::default(),
            filter: None,
            electrodes: Vec::new(),
            times: TimeSelection::default(),
            reference: SignalReference::default(),
            unit: SignalUnit::default(),
            missing: MissingNodes::default(),
            kind: CurrentKind::default(),
            block_frames: BLOCK_FRAMES,
        }
    }

    /// Returns whether the reports are online `lfp` reports, whose cells are potentials.
    pub fn is_online(&self) -> bool {
        matches!(self.source, Ok(WeightSource::Online))
    }

    /// Sets how signals are summed.
    #[must_use]
    pub fn group_by(mut self, grouping: Grouping) -> Self {
        self.grouping = grouping;
        self
    }

    /// Uses only some nodes of each population, ascending.
    #[must_use]
    pub fn nodes(mut self, filter: NodeFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Uses only some contacts, in this order. A text is the name of a contact, or, if no contact has it, names separated
    /// by commas.
    #[must_use]
    pub fn contacts(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.electrodes = names.into_iter().map(Into::into).collect();
        self
    }

    /// Uses only some frames.
    #[must_use]
    pub fn times(mut self, times: TimeSelection) -> Self {
        self.times = times;
        self
    }

    /// Sets the reference that is subtracted.
    #[must_use]
    pub fn reference(mut self, reference: SignalReference) -> Self {
        self.reference = reference;
        self
    }

    /// Sets the unit of potentials.
    #[must_use]
    pub fn unit(mut self, unit: SignalUnit) -> Self {
        self.unit = unit;
        self
    }

    /// Sets how to treat nodes that the report or the weights lack.
    #[must_use]
    pub fn missing_nodes(mut self, missing: MissingNodes) -> Self {
        self.missing = missing;
        self
    }

    /// Sets the quantity of the reports' values.
    #[must_use]
    pub fn currents(mut self, kind: CurrentKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the largest number of frames of a block. The values do not depend on it.
    #[must_use]
    pub fn block_frames(mut self, frames: usize) -> Self {
        self.block_frames = frames.max(1);
        self
    }

    /// Matches reports and weights.
    ///
    /// # Errors
    /// Returns an error if there is no report, or two of the same population; the reports have different times, or no
    /// frame is selected; a population has no weights, a node has other numbers of segments than its weights, or only one
    /// side has it and it is not to be left out; a contact is unknown; the reference has another unit than a signal; no
    /// neuron is left; densities or section types are needed and the weights come without segments; or the reports have
    /// voltages.
    pub fn prepare(self) -> Result<Signals<'a>> {
        let source = self.source?;
        check_reports(self.reports)?;
        let first = self.reports.first().ok_or(SignalsProblem::NoReports)?;
        let by_section_type = self.grouping == Grouping::SectionType;
        if !matches!(source, WeightSource::Tables { .. }) {
            let path = match source {
                WeightSource::File { file } => file.path(),
                _ => first.path(),
            };
            if self.kind == CurrentKind::Density {
                return Err(SignalsProblem::NoAreas).in_file(path);
            }
            if by_section_type {
                return Err(SignalsProblem::NoSectionType).in_file(path);
            }
        }
        if let WeightSource::Tables { sources, .. } = &source {
            check_tables(sources)?;
        }
        let frames = self.times.select(first.start_ms(), first.step_ms(), first.frame_count());
        let frames = frames.in_item(first.data_path()).in_file(first.path())?;
        if let Some(&frame) = frames.first() {
            let is_online = matches!(source, WeightSource::Online);
            self.reports.iter().try_for_each(|report| check_is_no_voltage(report, frame, is_online))?;
        }
        let times_ms = frames.iter().map(|&frame| first.start_ms() + frame as f64 * first.step_ms()).collect();
        let known = known_contacts(&source, self.reports, self.names)?;
        let plan =
            Plan::new(self.reports, &source, &self.grouping, &self.filter, self.missing).in_file(first.path())?;
        if known.is_empty() {
            return Err(SignalsProblem::NoContacts).in_file(first.path());
        }
        let chosen = find_contacts(known.iter().map(|(contact, _)| contact.name.as_str()), &self.electrodes);
        let chosen = chosen.in_item("--electrode")?;
        let chosen: Vec<(SignalContact, usize)> = chosen.iter().filter_map(|&i| known.get(i).cloned()).collect();
        let (mut contacts, mut columns): (Vec<_>, Vec<_>) = chosen.into_iter().unzip();
        let mut reference = None;
        match &self.reference {
            SignalReference::None => {}
            SignalReference::Mean => reference = Some(Reference::Mean),
            SignalReference::Contact(name) => {
                let own = contacts.iter().position(|contact: &SignalContact| contact.name == *name);
                let place = match own {
                    Some(place) => place,
                    None => {
                        let names = join_quoted(contacts.iter().map(|contact| &contact.name), 12);
                        let name = name.clone();
                        let problem = match known.iter().any(|(contact, _)| contact.name == name) {
                            true => SignalsProblem::ReferenceNotChosen { name, chosen: names },
                            false => SignalsProblem::UnknownContact { name, known: names },
                        };
                        return Err(problem).in_item("--reference");
                    }
                };
                reference = Some(Reference::Contact(place));
            }
        }
        contacts.shrink_to_fit();
        columns.shrink_to_fit();
        let units: Vec<(String, f64)> = contacts.iter().map(|contact| contact.signal_unit(self.unit)).collect();
        if let Some(reference) = reference {
            check_reference(reference, &contacts, &units).in_item("--reference")?;
        }
        let row_bytes = plan.groups.len() * contacts.len() * size_of::<f64>();
        let block_frames = self.block_frames.min((BLOCK_BYTES / row_bytes.max(1)).max(1));
        let mut signals = Signals {
            reports: self.reports,
            source,
            plan,
            contacts,
            columns,
            units,
            by_section_type,
            is_total: self.grouping == Grouping::Total,
            reference,
            kind: self.kind,
            frames,
            times_ms,
            block_frames,
            imbalances: Mutex::default(),
            settings_digest: 0,
        };
        signals.settings_digest = settings_digest(&signals);
        Ok(signals)
    }
}

/// Computes a digest of the settings that the values depend on.
fn settings_digest(signals: &Signals<'_>) -> u64 {
    let mut digest = Digest::default();
    for (contact, (unit, factor)) in signals.contacts.iter().zip(&signals.units) {
        digest.add_text(&contact.name);
        digest.add_text(unit);
        digest.add_f64(*factor);
        digest.add_option(contact.position_um, |digest, position| digest.add_f64s(&position.to_array()));
    }
    signals.columns.iter().chain(&signals.frames).for_each(|&n| digest.add_u64(n as u64));
    signals.plan.groups.iter().for_each(|name| digest.add_text(name));
    signals.plan.group_sets.iter().for_each(|set| {
        digest.add_u64(set.len() as u64);
        set.iter().for_each(|&group| digest.add_u64(group.into()));
    });
    for part in &signals.plan.parts {
        digest.add_u64(part.report as u64);
        for neuron in &part.neurons {
            [neuron.node_id, neuron.first_column as u64, neuron.first_row, neuron.group_set.into()]
                .into_iter()
                .for_each(|n| digest.add_u64(n));
        }
    }
    digest.add_u64(match signals.reference {
        None => 0,
        Some(Reference::Mean) => 1,
        Some(Reference::Contact(contact)) => 2 + contact as u64,
    });
    digest.add_bool(signals.kind == CurrentKind::Density);
    digest.add_bool(signals.by_section_type);
    digest.finish()
}

/// Checks that the reference and all signals have the same unit.
fn check_reference(
    reference: Reference,
    contacts: &[SignalContact],
    units: &[(String, f64)],
) -> Result<(), SignalsProblem> {
    let place = match reference {
        Reference::Contact(place) => place,
        Reference::Mean => 0,
    };
    let Some((expected, _)) = units.get(place) else { return Ok(()) };
    let other = contacts.iter().zip(units).find(|(_, (unit, _))| unit != expected);
    match (other, contacts.get(place)) {
        (Some((contact, (found, _))), Some(first)) => Err(SignalsProblem::ReferenceUnit {
            reference: first.name.clone(),
            expected: expected.clone(),
            contact: contact.name.clone(),
            found: found.clone(),
        }),
        _ => Ok(()),
    }
}

/// Checks that the values of a frame are not voltages.
fn check_is_no_voltage(report: &CurrentReport, frame: usize, is_online: bool) -> Result<()> {
    let Some(mean) = report.mean_voltage(frame)? else { return Ok(()) };
    let time_ms = report.start_ms() + frame as f64 * report.step_ms();
    let problem = match is_online {
        true => SignalsProblem::OnlineVoltages { time_ms, mean },
        false => SignalsProblem::Voltages { time_ms, mean },
    };
    Err(problem).in_item(report.data_path()).in_file(report.path())
}

/// Checks that populations differ and times do not.
fn check_reports(reports: &[CurrentReport]) -> Result<()> {
    let Some(first) = reports.first() else { return Ok(()) };
    let describe = |report: &CurrentReport| {
        let (frames, step, start) = (report.frame_count(), report.step_ms(), report.start_ms());
        format!("{frames} frames every {step} ms from {start} ms")
    };
    for (i, report) in reports.iter().enumerate() {
        let other = reports.iter().take(i).find(|other| other.population() == report.population());
        if let Some(other) = other {
            let (population, first) = (report.population().to_string(), other.path().display().to_string());
            return Err(SignalsProblem::DuplicatePopulation { population, first }).in_file(report.path());
        }
        let same = report.frame_count() == first.frame_count()
            && report.step_ms() == first.step_ms()
            && report.start_ms() == first.start_ms();
        if !same {
            let (expected, found) = (describe(first), describe(report));
            let first = first.path().display().to_string();
            let at = format!("/report/{}/mapping/time", report.population());
            return Err(SignalsProblem::Times { first, expected, found }).in_item(&at).in_file(report.path());
        }
    }
    Ok(())
}

/// Returns all contacts, each with its column.
fn known_contacts(
    source: &WeightSource<'_>,
    reports: &[CurrentReport],
    names: Vec<SignalContact>,
) -> Result<Vec<(SignalContact, usize)>> {
    match source {
        WeightSource::File { file } => known_in_file(file, reports),
        WeightSource::Tables { electrodes, .. } => {
            Ok(electrodes.iter().map(SignalContact::from_electrode).zip(0..).collect())
        }
        WeightSource::Online => {
            let found = check_online_contacts(reports)?;
            if names.is_empty() {
                return Ok((0..found).map(|number| (SignalContact::named(number.to_string()), number)).collect());
            }
            if names.len() != found {
                let expected = names.len();
                let path = reports.first().map(|report| report.path().to_path_buf()).unwrap_or_default();
                return Err(SignalsProblem::ContactNames { expected, found }).in_file(&path);
            }
            // the simulator's potentials are in V, whatever the unit of the weights is stated to be
            Ok(names.into_iter().zip(0..).collect())
        }
    }
}

/// Checks that all populations of online reports have equally many contacts; returns their number.
fn check_online_contacts(reports: &[CurrentReport]) -> Result<usize> {
    let contacts = |report: &CurrentReport| report.elements(0).map_or(0, |(columns, _)| columns.len());
    let Some((first, others)) = reports.split_first() else { return Ok(0) };
    let expected = contacts(first);
    match others.iter().find(|report| contacts(report) != expected) {
        None => Ok(expected),
        Some(other) => Err(SignalsProblem::OnlinePopulations {
            population: other.population().into(),
            found: contacts(other),
            first: first.population().into(),
            expected,
        })
        .in_file(other.path()),
    }
}

/// Checks that no two tables have the same population.
fn check_tables(sources: &[&dyn SegmentSource]) -> Result<()> {
    for (i, source) in sources.iter().enumerate() {
        let population = &source.metadata().population;
        if let Some(first) = sources.iter().take(i).find(|other| other.metadata().population == *population) {
            let (population, first) = (population.clone(), first.path().display().to_string());
            return Err(SignalsProblem::DuplicateTable { population, first }).in_file(source.path());
        }
    }
    Ok(())
}

fn known_in_file(file: &ElectrodesFile, reports: &[CurrentReport]) -> Result<Vec<(SignalContact, usize)>> {
    let mut known: Option<(&str, Vec<(SignalContact, usize)>)> = None;
    for report in reports.iter().filter(|r| file.populations().iter().any(|p| p.name() == r.population())) {
        let own = SignalContact::read_all(file, report.population())?;
        match &known {
            None => known = Some((report.population(), own)),
            Some((first, expected)) if *expected != own => {
                let list = |contacts: &[(SignalContact, usize)]| join_quoted(contacts.iter().map(|(c, _)| &c.name), 12);
                let problem = SignalsProblem::OtherContacts {
                    population: report.population().into(),
                    first: (*first).into(),
                    expected: list(expected),
                    found: list(&own),
                };
                return Err(problem).in_file(file.path());
            }
            Some(_) => {}
        }
    }
    Ok(known.map(|(_, contacts)| contacts).unwrap_or_default())
}

/// Iterator over the blocks of frames of [`Signals`].
pub struct SignalBlocks<'s> {
    signals: &'s Signals<'s>,
    next: usize,
}

impl Iterator for SignalBlocks<'_> {
    type Item = Result<SignalBlock>;

    fn next(&mut self) -> Option<Self::Item> {
        let all = self.signals.frames.len();
        if self.next >= all {
            return None;
        }
        let frames = self.next..all.min(self.next + self.signals.block_frames);
        self.next = frames.end;
        let block = self.signals.compute_frames(frames, &|| false, &|_| ());
        if block.is_err() {
            self.next = all;
        }
        Some(block)
    }
}
