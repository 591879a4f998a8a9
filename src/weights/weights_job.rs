//! Writes the electrodes file: the units of the output ([`resumable_output`](crate::io::resumable_output)) are blocks
//! of neurons, each written at its rows.

use std::collections::BTreeSet;
use std::path::Path;

use rayon::prelude::*;
use zerocopy::IntoBytes;

use super::neuron_blocks::{self, BlockBuffer, BufferPool, NeuronBlock, RowRun};
use super::units::{self, NumberedPart, UNIT_BYTES, WorkUnit};
use super::weight_columns::WeightColumns;
use super::{BLOCK_BYTES, SegmentSource, WeightsProblem, WeightsRequest, WeightsSummary, checksum, layout};
use crate::electrodes::ConfiguredElectrode;
use crate::error::{Context, Error, Result};
use crate::file_kind::NamedOutput;
use crate::io::atomic_output::{
    OutputConflict, OutputLock, OverwritePolicy, check_can_start, check_target, partial_path_for,
};
use crate::io::checkpoint::{CheckpointProblem, OutputPlan, PROGRAM, UnitRecord};
use crate::io::digest::Digest;
use crate::io::ranks::Ranks;
use crate::io::resumable_output::{RunSettings, RunSummary, StopCheck, UnitJob, UnitMarker, write_output};
use crate::methods::Contact;
use crate::methods::medium::Boundary;
use crate::segments::{Segment, Segments};
use crate::sonata::electrodes_file::{
    AttributeValue, ContactLayout, ElectrodesFile, FileLayout, Reader, WeightsDataset, Writer, matches_layout,
};
use crate::units::SiemensPerMeter;

/// Refuses an output that must not be replaced or cannot be written, before any input is read. The output of an
/// interrupted run is accepted if it is to be resumed.
///
/// # Errors
/// Returns an error if the output exists and must not be replaced, is a folder or a device, or another run writes it;
/// or if an interrupted run left finished units and is not to be resumed.
pub fn check_output(out: &Path, existing: OverwritePolicy, resume: bool) -> Result<()> {
    NamedOutput::ElectrodesFile.check_name(out)?;
    // with `resume` a complete output is compared later, when its expected content is known
    if !resume || existing == OverwritePolicy::Replace {
        check_target(out, existing, None)?;
    }
    check_can_start(out, existing, resume)
}

/// A prepared run: everything that is known before the first weight is computed.
pub struct WeightsJob<'a> {
    request: &'a WeightsRequest<'a>,
    columns: WeightColumns,
    layout: FileLayout,
    parts: Vec<NumberedPart<'a>>,
    units: Vec<WorkUnit<'a>>,
    sizes: Vec<u64>,
    plan: OutputPlan,
    buffers: BufferPool,
}

impl<'a> WeightsJob<'a> {
    /// Prepares methods and layout, and reads what the digest of the inputs needs.
    ///
    /// # Errors
    /// Returns an error if there are no contacts or a contact lacks a setting, two tables have the same population, the
    /// rows of a table leave gaps, or an input cannot be read.
    pub fn new(request: &'a WeightsRequest<'a>) -> Result<Self> {
        NamedOutput::ElectrodesFile.check_name(request.output)?;
        let columns = WeightColumns::new(request.electrodes)?;
        let layout = layout::build_layout(request, &columns)?;
        let parts = units::number_parts(request.sources);
        let units = units::split_into_units(&parts, columns.width(), UNIT_BYTES);
        let sizes: Vec<u64> = units.iter().map(|unit| unit.block.segment_count as u64).collect();
        let plan = OutputPlan {
            program: PROGRAM.into(),
            inputs: digest_inputs(request, &layout)?,
            segments: sizes.iter().sum(),
            units: units.len() as u64,
        };
        Ok(Self { request, columns, layout, parts, units, sizes, plan, buffers: BufferPool::default() })
    }

    /// Returns the parts of all tables.
    pub fn parts(&self) -> &[NumberedPart<'a>] {
        &self.parts
    }

    /// Returns the units of a part of the tables.
    pub fn units_of_part(&self, number: u64) -> impl Iterator<Item = usize> {
        (0..self.units.len()).filter(move |&unit| self.units.get(unit).is_some_and(|unit| unit.part.number == number))
    }

    /// Returns the number of the part that a unit belongs to.
    pub fn part_of_unit(&self, unit: usize) -> Option<u64> {
        self.units.get(unit).map(|unit| unit.part.number)
    }

    /// Returns whether a file has the layout that this request needs.
    pub fn is_laid_out(&self, path: &Path) -> bool {
        matches_layout(path, &self.layout).unwrap_or(false)
    }

    /// Returns the settings for a run of this request.
    pub fn settings(&self) -> RunSettings<'a> {
        let WeightsRequest { existing, resume, stop, progress, .. } = *self.request;
        RunSettings { existing, resume, is_stopped: stop, on_progress: progress }
    }

    /// Writes the file, alone or as one of several ranks.
    pub fn run(&self, ranks: &Ranks) -> Result<WeightsSummary> {
        let done = write_output(self, &self.settings(), ranks)?;
        Ok(self.summarise(done))
    }

    /// Summarises the complete file.
    pub fn summarise(&self, done: RunSummary) -> WeightsSummary {
        WeightsSummary {
            contacts: self.request.electrodes.len() as u64,
            neurons: self.layout.populations.iter().map(|p| p.node_ids.len() as u64).sum(),
            segments: self.plan.segments,
            bytes: std::fs::metadata(self.request.output).map_or(0, |m| m.len()),
            parts: done.units,
            resumed_parts: done.resumed,
            damaged_parts: done.damaged,
        }
    }

    /// Computes a unit and writes its rows.
    fn write_unit(&self, unit: &WorkUnit<'_>, segments: &Segments, writer: &Writer) -> Result<UnitRecord> {
        let stop = StopCheck::new(self.request.stop);
        let write = |block: &NeuronBlock<'_>| {
            stop.check()?;
            self.write_block(&unit.part, segments, block, writer)
        };
        let written: Vec<Result<crc32fast::Hasher>> = self.blocks_of(unit).par_iter().map(write).collect();
        // the first error in row order, so that the error does not depend on threads either
        let checksum = combine_checksums(written.into_iter().collect::<Result<Vec<_>>>()?);
        Ok(UnitRecord { segments: unit.block.segment_count as u64, checksum })
    }

    /// Splits a unit into blocks, each for one thread.
    fn blocks_of<'u>(&self, unit: &WorkUnit<'u>) -> Vec<NeuronBlock<'u>> {
        let mut blocks = neuron_blocks::split_into_blocks(unit.block.neurons, self.columns.width(), BLOCK_BYTES);
        blocks.iter_mut().for_each(|block| block.first_segment += unit.block.first_segment);
        blocks
    }

    /// Computes and writes the neurons of a block.
    fn write_block(
        &self,
        part: &NumberedPart<'_>,
        segments: &Segments,
        block: &NeuronBlock<'_>,
        writer: &Writer,
    ) -> Result<crc32fast::Hasher> {
        self.buffers.with_buffer(|BlockBuffer { values, scratch }| {
            let width = self.columns.width();
            values.resize(block.segment_count * width, 0.0);
            block.fill_weights(segments, &self.columns, values, scratch);
            let checksum =
                finite_checksum(values).ok_or_else(|| self.not_finite_error(part.source, segments, block, values))?;
            for RowRun { first_row, block_rows: rows } in block.row_runs() {
                let own = values.get(rows.start * width..rows.end * width).unwrap_or_default();
                writer.write_rows(part.population_index, first_row, own)?;
            }
            (self.request.progress)(block.segment_count as u64);
            Ok(checksum)
        })
    }

    /// Returns the error of a weight that is not finite, which a simulator cannot use.
    fn not_finite_error(
        &self,
        source: &dyn SegmentSource,
        part: &Segments,
        block: &NeuronBlock<'_>,
        values: &[f64],
    ) -> Error {
        let bad = values.iter().position(|v| !v.is_finite()).unwrap_or_default();
        let (row, column) = (bad / self.columns.width(), bad % self.columns.width());
        let neuron = block.neuron_at(part, row);
        let explain = |(neuron, segment)| self.columns.explain_missing_weight(&neuron, segment, column);
        if let Some(explained) = neuron.and_then(explain) {
            return explained;
        }
        let Segment { node_id, section_id: section, segment_id: segment, .. } = part.get(block.first_segment + row);
        let contact = self.request.electrodes.get(column).map(|e| e.electrode.name.clone()).unwrap_or_default();
        let value = values.get(bad).copied().unwrap_or(f64::NAN);
        let problem = WeightsProblem::NotFinite { contact, section, segment, value };
        layout::node_error(source.path(), node_id, problem)
    }

    /// Computes the checksum of a unit's rows in the file.
    fn stored_checksum(&self, unit: &WorkUnit<'_>, reader: &Reader<'_>) -> Result<u32> {
        let width = self.columns.width();
        let read = |block: &NeuronBlock<'_>| {
            self.buffers.with_buffer(|BlockBuffer { values, .. }| {
                values.resize(block.segment_count * width, 0.0);
                for RowRun { first_row, block_rows: rows } in block.row_runs() {
                    let own = values.get_mut(rows.start * width..rows.end * width).unwrap_or_default();
                    reader.read_rows(unit.part.population_index, first_row, own)?;
                }
                Ok(checksum(values))
            })
        };
        let checksums = self.blocks_of(unit).iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(combine_checksums(checksums))
    }
}

impl UnitJob for WeightsJob<'_> {
    type Output = Writer;

    const IS_LAID_OUT: bool = true;

    fn target(&self) -> &Path {
        self.request.output
    }

    fn plan(&self) -> &OutputPlan {
        &self.plan
    }

    fn unit_sizes(&self) -> &[u64] {
        &self.sizes
    }

    /// Compares the output with newly computed weights, because nothing else in the file depends on all inputs.
    fn is_complete(&self) -> Result<bool> {
        if !self.request.output.is_file() || !self.is_laid_out(self.request.output) {
            return Ok(false);
        }
        let file = ElectrodesFile::open(self.request.output)?;
        let weights = self.layout.populations.iter().map(|p| file.weights_dataset(file.population(&p.name)?));
        let weights = weights.collect::<Result<_>>()?;
        let stored = StoredWeights { columns: &self.columns, weights, buffers: &self.buffers };
        let mut is_same = true;
        let (parts, stop) = (self.parts.iter().collect::<Vec<_>>(), StopCheck::new(self.request.stop));
        let compared = units::for_each_part(&parts, self.request.stop, |part, segments| {
            stop.check()?;
            is_same = stored.has_part(part, segments)?;
            Ok(is_same)
        });
        compared.in_file(self.request.output)?;
        Ok(is_same)
    }

    fn create(&self, lock: OutputLock) -> Result<(Writer, Option<u32>)> {
        let writer = Writer::create_locked(lock, self.request.existing, &self.layout)?;
        writer.sync()?;
        let layout = writer.layout_checksum();
        Ok((writer, layout))
    }

    fn reopen(&self, lock: OutputLock, layout: Option<u32>) -> Result<Writer> {
        let partial = partial_path_for(self.request.output);
        if !self.is_laid_out(&partial) {
            return Err(CheckpointProblem::Damaged).in_file(&partial);
        }
        let writer = Writer::resume(lock, self.request.existing, &self.layout)?;
        if layout != writer.layout_checksum() {
            // the layout describes the same file, but has other bytes than those that were laid out
            writer.keep_partial();
            return Err(CheckpointProblem::Damaged).in_file(&partial);
        }
        Ok(writer)
    }

    fn join(&self) -> Result<Writer> {
        Writer::open_partial(self.request.output, &self.layout)
    }

    fn find_intact(&self, writer: &Writer, records: &[(usize, UnitRecord)]) -> Result<Vec<bool>> {
        let reader = writer.reader()?;
        let stop = StopCheck::new(self.request.stop);
        let is_intact = |&(unit, record): &(usize, UnitRecord)| {
            stop.check()?;
            let Some(unit) = self.units.get(unit) else { return Ok(false) };
            Ok(self.stored_checksum(unit, &reader)? == record.checksum)
        };
        records.par_iter().map(is_intact).collect()
    }

    fn write_units(&self, writer: &Writer, units: &[usize], marker: &mut UnitMarker<'_>) -> Result<()> {
        let mut rest = units;
        let part_of = |unit: &usize| self.part_of_unit(*unit).unwrap_or(0);
        // each part is read once, for all its units
        let own: BTreeSet<u64> = units.iter().map(part_of).collect();
        let parts: Vec<&NumberedPart<'_>> = self.parts.iter().filter(|part| own.contains(&part.number)).collect();
        units::for_each_part(&parts, self.request.stop, |part, segments| {
            let behind = rest.partition_point(|unit| part_of(unit) <= part.number);
            let (units, others) = rest.split_at(behind);
            rest = others;
            for &unit in units {
                let Some(work) = self.units.get(unit).filter(|_| !marker.is_stopped()) else { return Ok(false) };
                marker.record(unit, self.write_unit(work, segments, writer)?)?;
            }
            Ok(true)
        })
    }

    fn sync(&self, writer: &Writer) -> Result<()> {
        writer.sync()
    }

    fn check_identity(&self, writer: &Writer) -> Result<()> {
        writer.check_partial()
    }

    fn keep_partial(&self, writer: Writer) {
        writer.keep_partial();
    }

    fn write_ending(&self, writer: &Writer, _records: &[Option<UnitRecord>]) -> Result<()> {
        writer.sync()
    }

    fn commit(&self, writer: Writer) -> Result<()> {
        // the contacts are stored after the weights: they are lost if somebody has cut the file short meanwhile
        if !writer.is_layout_intact() {
            return Err(OutputConflict::Content).in_file(writer.partial_path());
        }
        writer.commit()
    }
}

/// Number of values that fit into the nearest cache, so that they can be read twice in a row.
const MAX_CACHED_VALUES: usize = 2048;

/// Computes the checksum of values as the file stores them; `None` if one of them is not finite.
fn finite_checksum(values: &[f64]) -> Option<crc32fast::Hasher> {
    let mut checksum = crc32fast::Hasher::new();
    for near in values.chunks(MAX_CACHED_VALUES) {
        // no early exit: it would prevent vectorisation of the loop
        if !near.iter().fold(true, |all, v| all & v.is_finite()) {
            return None;
        }
        checksum.update(near.as_bytes());
    }
    Some(checksum)
}

/// Combines the checksums of consecutive blocks.
fn combine_checksums(blocks: impl IntoIterator<Item = crc32fast::Hasher>) -> u32 {
    let whole = blocks.into_iter().fold(crc32fast::Hasher::new(), |mut whole, block| {
        whole.combine(&block);
        whole
    });
    whole.finalize()
}

/// Computes a digest of everything that the weights depend on.
fn digest_inputs(request: &WeightsRequest<'_>, layout: &FileLayout) -> Result<u64> {
    let mut digest = Digest::default();
    digest.add_u64(request.sources.len() as u64);
    for source in request.sources {
        source.metadata().add_to(&mut digest);
        digest.add_u64(source.fingerprint()?);
    }
    digest.add_u64(layout.electrodes.len() as u64);
    layout.electrodes.iter().for_each(|contact| add_contact_layout(&mut digest, contact));
    request.electrodes.iter().for_each(|e| add_contact(&mut digest, &e.contact));
    // each file is read once, even if several contacts use it
    let fields = request.electrodes.iter().filter_map(|e| e.contact.lead_field.as_ref());
    let files: BTreeSet<&Path> = fields.map(|field| field.path()).collect();
    files.into_iter().try_for_each(|file| digest.add_file(file))?;
    Ok(digest.finish())
}

fn add_contact_layout(digest: &mut Digest, contact: &ContactLayout) {
    let ContactLayout { name, position_um, kind, layer, region, settings, units } = contact;
    [name, kind, layer, region].into_iter().for_each(|text| digest.add_text(text));
    digest.add_f64s(&position_um.to_array());
    digest.add_u64(settings.len() as u64);
    for (key, value) in settings {
        digest.add_text(key);
        match value {
            AttributeValue::Text(text) => digest.add_text(text),
            AttributeValue::Number(number) => digest.add_f64(*number),
            AttributeValue::Numbers(numbers) => digest.add_f64s(numbers),
        }
    }
    digest.add_option(units.as_deref(), Digest::add_text);
}

/// Adds everything that the weights of an electrode depend on, besides the segments, to a digest.
///
/// # Errors
/// Returns an error if its lead field cannot be read.
pub fn add_electrode(digest: &mut Digest, electrode: &ConfiguredElectrode) -> Result<()> {
    let ConfiguredElectrode { electrode, contact } = electrode;
    digest.add_text(&electrode.name);
    digest.add_text(electrode.method.name());
    digest.add_option(electrode.settings.reference.as_ref(), |digest, other| digest.add_text(&other.to_string()));
    add_contact(digest, contact);
    contact.lead_field.as_ref().map_or(Ok(()), |field| digest.add_file(field.path()))
}

/// Adds the settings of a contact that its method uses and the file does not store.
fn add_contact(digest: &mut Digest, contact: &Contact) {
    digest.add_f64s(&contact.position_um.to_array());
    digest.add_f64s(&contact.conductivity.components_s_per_m());
    digest.add_text(contact.near_field.name());
    digest.add_option(contact.boundary, |digest, boundary| {
        let Boundary { axis, position_um, medium_side, beyond_s_per_m } = boundary;
        digest.add_u64(axis as u64);
        digest.add_f64s(&[position_um, beyond_s_per_m]);
        digest.add_option(medium_side, |digest, side| digest.add_u64(side as u64));
    });
    digest.add_option(contact.slice, |digest, slice| {
        digest.add_u64(slice.axis as u64);
        for plane in [slice.lower, slice.upper] {
            digest.add_f64s(&[plane.position_um, plane.beyond_s_per_m]);
        }
    });
    digest.add_option(contact.disc, |digest, disc| {
        digest.add_f64(disc.radius_um);
        digest.add_f64s(&disc.normal.to_array());
        digest.add_option(disc.min_points, |digest, points| digest.add_u64(points.into()));
    });
    let region = &contact.csd_region;
    digest.add_option(region.radius_um, Digest::add_f64);
    digest.add_option(region.thickness_um, Digest::add_f64);
    digest.add_u64(region.array_number as u64);
    digest.add_u64(region.measure as u64);
    digest.add_u64(region.density as u64);
    digest.add_u64(region.spacing as u64);
    digest.add_u64(contact.outside_field as u64);
    digest.add_option(contact.head.center_um, |digest, center| digest.add_f64s(&center.to_array()));
    digest.add_option(contact.head.radii_um, |digest, radii| digest.add_f64s(&radii));
    digest.add_option(contact.head.conductivities, |digest, s| digest.add_f64s(&s.map(SiemensPerMeter::get)));
    digest.add_option(contact.coil_normal, |digest, normal| digest.add_f64s(&normal.to_array()));
    digest.add_option(contact.dipole_axis, |digest, axis| digest.add_u64(axis as u64));
}

/// The weights of a complete file, with what is needed to compute them again.
struct StoredWeights<'a> {
    columns: &'a WeightColumns,
    /// One dataset for each population.
    weights: Vec<WeightsDataset>,
    buffers: &'a BufferPool,
}

impl StoredWeights<'_> {
    /// Returns whether the file has the rows of a part as they would be computed.
    fn has_part(&self, part: &NumberedPart<'_>, segments: &Segments) -> Result<bool> {
        let Some(weights) = self.weights.get(part.population_index) else { return Ok(false) };
        let blocks = neuron_blocks::split_into_blocks(part.neurons(), self.columns.width(), BLOCK_BYTES);
        let same = blocks.par_iter().map(|block| self.has_block(block, segments, weights));
        same.try_reduce(|| true, |a, b| Ok(a && b))
    }

    fn has_block(&self, block: &NeuronBlock<'_>, segments: &Segments, weights: &WeightsDataset) -> Result<bool> {
        let width = self.columns.width();
        self.buffers.with_buffer(|BlockBuffer { values, scratch }| {
            values.resize(block.segment_count * width, 0.0);
            block.fill_weights(segments, self.columns, values, scratch);
            for run in block.row_runs() {
                weights.read_rows(run.first_row..run.first_row + run.block_rows.len() as u64, scratch)?;
                let own = values.get(run.block_rows.start * width..run.block_rows.end * width).unwrap_or_default();
                if own.as_bytes() != scratch.as_bytes() {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }
}
