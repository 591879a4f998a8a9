//! Converts positions in BlueRecording's layout to one segment table.

use std::path::PathBuf;
use std::time::Instant;

use leadfield::convert::bluerecording::{self, NeuronPositions};
use leadfield::convert::{MAX_POINTS_IN_MEMORY, TableFromPositions, TableOptions};
use leadfield::error::format_count;
use leadfield::segments::table::schema::MAX_SEGMENTS_PER_PART;
use leadfield::{Error, Result};
use rayon::prelude::*;

use super::kind::InputKind;
use super::{Conversion, ConvertProblem};
use crate::cli::print_error;
use crate::cli::progress::Progress;

/// Population name for nodes of files that state none.
const DEFAULT_POPULATION: &str = "default";

/// Number of files per thread that are read before their neurons are added.
const FILES_AT_ONCE: usize = 8;

/// Writes the table.
pub fn write_table(work: &Conversion<'_>, files: &[PathBuf], kinds: Vec<Result<InputKind>>) -> Result<()> {
    let (args, common, started) = (work.args, work.common, Instant::now());
    let mut gathered = TableFromPositions::new(&args.out, work.overwrite_policy(), MAX_POINTS_IN_MEMORY)?;
    let population = args.population.as_deref().unwrap_or(DEFAULT_POPULATION);
    if args.population.is_none() {
        common.print_note(format_args!(
            "note: positions state no population: using `{DEFAULT_POPULATION}`; set it with `--population NAME`"
        ));
    }
    let progress = Progress::new(common, "files", files.len() as u64);
    let mut inputs = files.iter().zip(kinds.into_iter().map(Result::err));
    let mut done = 0;
    loop {
        let at_once = FILES_AT_ONCE * rayon::current_num_threads();
        let mut some: Vec<(&PathBuf, Option<Error>)> = inputs.by_ref().take(at_once).collect();
        if some.is_empty() {
            break;
        }
        let read: Vec<Result<Vec<NeuronPositions>>> = some
            .par_iter_mut()
            .map(|(path, failed)| failed.take().map_or_else(|| bluerecording::read(path), Err))
            .collect();
        for ((path, _), neurons) in some.iter().zip(read) {
            let segments = neurons.as_ref().map_or(0, |n| n.iter().map(NeuronPositions::segment_count).sum::<u64>());
            let number = neurons.as_ref().map_or(0, Vec::len) as u64;
            match neurons.and_then(|neurons| gathered.add_file(path, neurons)) {
                Ok(()) => {
                    done += 1;
                    let (neurons, segments) = (format_count(number, "neuron"), format_count(segments, "segment"));
                    progress.print_note(common, format_args!("{}: {neurons}, {segments}", path.display()));
                }
                Err(error) if files.len() == 1 => return Err(error),
                Err(error) => progress.suspend(|| print_error(&error)),
            }
            progress.add(1);
        }
    }
    progress.finish();
    let all = files.len();
    if done < all && (done == 0 || !args.skip_failed) {
        return Err(ConvertProblem::Partial { all, done }.into());
    }
    let options = TableOptions { population, precision: work.precision(), segments_per_part: MAX_SEGMENTS_PER_PART };
    let counts = gathered.write(&options, &|_| {})?;
    common.print_note(format_args!(
        "{}: {}, {} of population `{population}`, {}, {:.2} s; radii are unknown, and section types except somata",
        args.out.display(),
        format_count(counts.segments, "segment"),
        format_count(counts.neurons, "neuron"),
        format_count(counts.parts, "part"),
        started.elapsed().as_secs_f64(),
    ));
    if done < all { Err(ConvertProblem::Failed { all, done }.into()) } else { Ok(()) }
}
