//! Writes the formats that have a layout: units of work are blocks of frames
//! ([`resumable_output`](crate::io::resumable_output)).

use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::bmtk::BmtkLayout;
use super::laid_out::{FileLayout, LaidOutFile, ValuesShape, encode_values, find_extents};
use super::npy::NpyLayout;
use super::nwb::NwbLayout;
use super::report_file::ReportLayout;
use super::{SignalFormat, SignalFormatProblem, ValueType, check_range};
use crate::error::{Context, FileProblem, Result};
use crate::io::atomic_output::{OutputConflict, OutputLock, OverwritePolicy, check_can_start, check_target};
use crate::io::checkpoint::{OutputPlan, PROGRAM, UnitRecord};
use crate::io::digest::Digest;
use crate::io::ranks::Ranks;
use crate::io::resumable_output::{RunSettings, RunSummary, UnitJob, UnitMarker, write_output};
use crate::signals::Signals;

/// A request to write signals to a file.
#[derive(Clone, Copy)]
pub struct SignalsRequest<'a> {
    /// The signals.
    pub signals: &'a Signals<'a>,
    /// The file.
    pub output: &'a Path,
    /// Its format, one that is laid out.
    pub format: SignalFormat,
    /// The type of its values.
    pub value_type: ValueType,
    /// How to treat existing files, and callbacks.
    pub settings: RunSettings<'a>,
}

/// Refuses an output that must not be replaced or cannot be written, before any input is read.
///
/// # Errors
/// Returns an error if the output exists and must not be replaced, or another run writes it; or if an interrupted run left
/// finished units and is not to be resumed.
pub fn check_output(out: &Path, existing: OverwritePolicy, resume: bool) -> Result<()> {
    if !resume || existing == OverwritePolicy::Replace {
        check_target(out, existing, None)?;
    }
    check_can_start(out, existing, resume)
}

/// Writes signals, alone or as one of several ranks. The bytes depend neither on ranks and threads nor on interruptions.
///
/// # Errors
/// Returns an error if the format has no layout, an input cannot be read or has a value that is not finite, a signal is
/// too large for the type of the values, or the output cannot be written or must not be replaced.
pub fn write_signals(request: &SignalsRequest<'_>, ranks: &Ranks) -> Result<RunSummary> {
    let SignalsRequest { signals, value_type, .. } = *request;
    let (report, bmtk, nwb, npy);
    let layout: &dyn FileLayout = match request.format {
        SignalFormat::Report => {
            report = ReportLayout::new(signals, value_type);
            &report
        }
        SignalFormat::Bmtk => {
            bmtk = BmtkLayout::new(signals, value_type).in_file(request.output)?;
            &bmtk
        }
        SignalFormat::Nwb => {
            nwb = NwbLayout::new(signals, value_type).in_file(request.output)?;
            &nwb
        }
        SignalFormat::Npy => {
            npy = NpyLayout::new(signals, value_type).in_file(request.output)?;
            &npy
        }
        other => return Err(SignalFormatProblem::Sequential(other.name())).in_file(request.output),
    };
    let job = SignalsJob::new(request, layout)?;
    write_output(&job, &request.settings, ranks)
}

/// A prepared run.
struct SignalsJob<'a> {
    request: &'a SignalsRequest<'a>,
    layout: &'a dyn FileLayout,
    units: Vec<Range<usize>>,
    sizes: Vec<u64>,
    plan: OutputPlan,
}

impl<'a> SignalsJob<'a> {
    fn new(request: &'a SignalsRequest<'a>, layout: &'a dyn FileLayout) -> Result<Self> {
        let signals = request.signals;
        let (frames, block) = (signals.times_ms().len(), signals.block_frames());
        let units: Vec<Range<usize>> =
            (0..frames).step_by(block).map(|first| first..frames.min(first + block)).collect();
        let elements = signals.element_count();
        let sizes: Vec<u64> = units.iter().map(|unit| unit.len() as u64 * elements).collect();
        let mut digest = Digest::default();
        digest.add_u64(signals.digest()?);
        digest.add_text(request.format.name());
        digest.add_u64(request.value_type.width() as u64);
        let plan = OutputPlan {
            program: PROGRAM.into(),
            inputs: digest.finish(),
            segments: sizes.iter().sum(),
            units: units.len() as u64,
        };
        Ok(Self { request, layout, units, sizes, plan })
    }

    fn shape(&self) -> ValuesShape {
        let frame_count = self.request.signals.times_ms().len();
        ValuesShape { frame_count, value_type: self.request.value_type }
    }

    fn row_length(&self) -> usize {
        self.request.signals.groups().len() * self.request.signals.contacts().len()
    }

    fn compute(&self, frames: Range<usize>) -> Result<Vec<f64>> {
        let SignalsRequest { signals, output, value_type, settings, .. } = *self.request;
        let block = signals.compute_frames(frames, settings.is_stopped, settings.on_progress)?;
        check_range(signals, &block, value_type).in_file(output)?;
        Ok(block.values)
    }
}

impl UnitJob for SignalsJob<'_> {
    type Output = LaidOutFile;

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

    /// Compares the output with newly computed signals, because nothing else in the file depends on all inputs.
    fn is_complete(&self) -> Result<bool> {
        let path = self.request.output;
        if !path.is_file() {
            return Ok(false);
        }
        let read = |error| Err::<bool, _>(FileProblem::Read(error)).in_file(path);
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) => return read(error),
        };
        let (row, value_type) = (self.row_length(), self.request.value_type);
        let extents = find_extents(self.layout)?;
        for unit in &self.units {
            let values = self.compute(unit.clone())?;
            for extent in &extents {
                let expected = encode_values(extent, row, &values, value_type);
                let mut found = vec![0; expected.len()];
                let at = extent.byte_offset + (unit.start * extent.columns.len() * value_type.width()) as u64;
                match file.read_exact_at(&mut found, at) {
                    Ok(()) if found == expected => {}
                    Ok(()) => return Ok(false),
                    Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
                    Err(error) => return read(error),
                }
            }
        }
        Ok(true)
    }

    fn create(&self, lock: OutputLock) -> Result<(LaidOutFile, Option<u32>)> {
        let file = LaidOutFile::create(lock, self.request.settings.existing, self.layout, self.shape())?;
        file.sync()?;
        let checksum = file.layout_checksum();
        Ok((file, checksum))
    }

    fn reopen(&self, lock: OutputLock, layout: Option<u32>) -> Result<LaidOutFile> {
        LaidOutFile::resume(lock, self.request.settings.existing, self.layout, self.shape(), layout)
    }

    fn join(&self) -> Result<LaidOutFile> {
        LaidOutFile::join(self.request.output, self.layout, self.shape())
    }

    fn find_intact(&self, file: &LaidOutFile, records: &[(usize, UnitRecord)]) -> Result<Vec<bool>> {
        let is_intact = |&(unit, record): &(usize, UnitRecord)| {
            let Some(frames) = self.units.get(unit) else { return Ok(false) };
            Ok(file.stored_checksum(frames.clone())? == record.checksum)
        };
        records.iter().map(is_intact).collect()
    }

    fn write_units(&self, file: &LaidOutFile, units: &[usize], marker: &mut UnitMarker<'_>) -> Result<()> {
        for &unit in units {
            let Some(frames) = self.units.get(unit).filter(|_| !marker.is_stopped()) else { return Ok(()) };
            let values = match self.compute(frames.clone()) {
                Ok(values) => values,
                // a unit that was stopped is not recorded; the next run computes it again
                Err(_) if marker.is_stopped() => return Ok(()),
                Err(error) => return Err(error),
            };
            let checksum = file.write_frames(frames.start, self.row_length(), &values)?;
            let segments = self.sizes.get(unit).copied().unwrap_or_default();
            marker.record(unit, UnitRecord { segments, checksum })?;
        }
        Ok(())
    }

    fn sync(&self, file: &LaidOutFile) -> Result<()> {
        file.sync()
    }

    fn check_identity(&self, file: &LaidOutFile) -> Result<()> {
        file.check_identity()
    }

    fn keep_partial(&self, file: LaidOutFile) {
        file.keep_partial();
    }

    fn write_ending(&self, file: &LaidOutFile, _records: &[Option<UnitRecord>]) -> Result<()> {
        file.sync()
    }

    fn commit(&self, file: LaidOutFile) -> Result<()> {
        if !file.is_layout_intact() {
            return Err(OutputConflict::Content).in_file(file.partial_path());
        }
        file.commit()
    }
}
