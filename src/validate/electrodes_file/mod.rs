//! Validates an electrodes file: finds everything that makes a client fail or, worse, silently compute wrong results.
//!
//! The file is read as leniently as possible, so that all of its faults are found at once. Each is a [`Finding`] with a
//! [`Code`]; [`Code::description`] describes what clients do and how to fix it. [`write_fixed_file`] writes a valid
//! file if that needs no guess.

mod code;
mod contacts;
mod expected_nodes;
mod finding;
mod fixing;
mod integers;
mod offsets;
mod population;
mod recomputed;
mod weight_scan;

use std::path::{Path, PathBuf};

pub use code::{Code, CodeDescription, Effect, Severity};
pub use contacts::ContactRecord;
pub use expected_nodes::ExpectedNodes;
pub use finding::Finding;
pub use fixing::{FixSummary, write_fixed_file};
pub use population::{NodeIds, PopulationRecord};
pub use recomputed::{RecomputationSummary, ReferenceSegments};

use crate::error::{Context, Result, format_count};
use crate::file_kind::{FileKind, WrongKind, name_wrong_kind};
use crate::io::hdf5::Hdf5File;
use crate::sonata::electrodes_file::{ColumnRule, ELECTRODES, scaling_factors_path};
use crate::units::SiemensPerMeter;
use finding::FindingList;

/// A request to validate an electrodes file: the file, and the data that it is compared with.
#[derive(Clone, Copy)]
pub struct ValidationRequest<'a> {
    /// The electrodes file.
    pub file: &'a Path,
    /// The expected nodes, from each source that knows them.
    pub expected: &'a [ExpectedNodes],
    /// The segments that the file was computed from: a sample of its weights is recomputed from them.
    pub segments: Option<ReferenceSegments<'a>>,
    /// The conductivity of contacts that state none, as in files of BlueRecording; `None` fits one to each contact.
    pub conductivity: Option<SiemensPerMeter>,
    /// How columns belong to contacts in files of BlueRecording 0.2.1; `None` uses the version that the file states.
    pub column_rule: Option<ColumnRule>,
    /// Called with numbers of rows done, from any thread.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl<'a> ValidationRequest<'a> {
    /// Creates a request to compare a file with the expected nodes only.
    pub fn new(file: &'a Path, expected: &'a [ExpectedNodes]) -> Self {
        Self { file, expected, segments: None, conductivity: None, column_rule: None, progress: &|_| () }
    }
}

/// Called with blocks of rows of each population, row-major, as they are read: in any order, from any thread.
pub type BlockVisitor<'a> = dyn Fn(&str, &[f64]) + Sync + 'a;

/// Result of validating a file.
#[derive(Debug)]
pub struct ValidationReport {
    /// Path of the file.
    pub path: PathBuf,
    /// The findings: errors first, then by code.
    pub findings: Vec<Finding>,
    /// The populations that were read.
    pub populations: Vec<PopulationRecord>,
    /// The contacts, sorted by name.
    pub contacts: Vec<ContactRecord>,
    /// Summary of the recomputed weights.
    pub recomputed: Option<RecomputationSummary>,
}

impl ValidationReport {
    /// Returns the highest severity among the findings; `None` if there are no findings.
    pub fn worst_severity(&self) -> Option<Severity> {
        self.findings.iter().map(Finding::severity).max()
    }

    /// Returns the numbers of findings as text: `1 error, 2 notes`, or `valid`.
    pub fn counts_text(&self) -> String {
        let number = |severity: Severity| self.findings.iter().filter(|f| f.severity() == severity).count() as u64;
        let all = [Severity::Error, Severity::Warning, Severity::Note].map(|s| (number(s), s.name()));
        let counts: Vec<String> =
            all.into_iter().filter(|(n, _)| *n > 0).map(|(n, name)| format_count(n, name)).collect();
        if counts.is_empty() { "valid".into() } else { counts.join(", ") }
    }
}

/// Validates an electrodes file.
///
/// # Errors
/// Returns an error if it is not an HDF5 file, or if its root or its weights cannot be read; anything else is a
/// finding.
pub fn validate(request: &ValidationRequest<'_>) -> Result<ValidationReport> {
    validate_with(request, &|_, _| ())
}

/// Refuses an HDF5 file of another known kind; one without any of their groups is a finding.
fn check_kind(path: &Path) -> Result<()> {
    match FileKind::detect(path)? {
        Some(found) if !matches!(found, FileKind::ElectrodesFile | FileKind::OtherHdf5) => {
            Err(WrongKind { found, expected: &[FileKind::ElectrodesFile], other: None }).in_file(path)
        }
        _ => Ok(()),
    }
}

/// Validates an electrodes file and passes on all weights as they are read: a file may be far larger than memory, and
/// reading takes most of the time.
///
/// # Errors
/// Returns the errors of [`validate`].
pub fn validate_with(request: &ValidationRequest<'_>, each: &BlockVisitor<'_>) -> Result<ValidationReport> {
    let file = name_wrong_kind(Hdf5File::open(request.file), request.file, &[FileKind::ElectrodesFile])?;
    file.member_names("/")?;
    check_kind(request.file)?;
    let mut findings = FindingList::default();
    let path = request.file.to_path_buf();
    if file.member_names(&format!("/{ELECTRODES}")).is_err() {
        findings.add(Code::NoElectrodes, format!("/{ELECTRODES}"), "missing, expected a group");
        let (populations, contacts) = (Vec::new(), Vec::new());
        return Ok(ValidationReport {
            path,
            findings: findings.into_sorted(),
            populations,
            contacts,
            recomputed: None,
        });
    }
    read_strings_first(&file)?;
    let names = population_names(&file)?;
    if names.is_empty() {
        findings.add(Code::NoPopulation, "/", "missing population, expected a group with `node_ids` and `offsets`");
    }
    for expected in request.expected.iter().filter(|e| !names.contains(&e.population)) {
        let known = crate::error::join_quoted(&names, 12);
        let text = format!("population `{}` of {} is missing, found {known}", expected.population, expected.source);
        findings.add(Code::OtherPopulation, "/", text);
    }
    let mut populations: Vec<PopulationRecord> =
        names.into_iter().map(|name| population::read_population(&file, name, &mut findings)).collect();
    let columns: Vec<(String, Option<u64>)> =
        populations.iter().map(|p| (p.name.clone(), p.factors.as_ref().map(|f| f.columns()))).collect();
    let contacts = contacts::read_contacts(&file, &columns, &mut findings);
    let mut recomputed = None;
    for (place, population) in populations.iter_mut().enumerate() {
        for expected in request.expected.iter().filter(|e| e.population == population.name) {
            expected.check(population, &mut findings);
        }
        population.check_values(place, &contacts, (request.progress, each), &mut findings)?;
        population.check_labels(&file, place, &contacts, request.column_rule, &mut findings);
        if let Some(segments) = request.segments.filter(|segments| segments.population() == population.name) {
            let known = (segments, request.conductivity);
            recomputed = recomputed::recompute(population, place, &contacts, known, &mut findings)?;
        }
    }
    if let Err(error) = file.check_strings().and_then(|()| file.check_attributes())
        && !findings.contains_code(Code::Unreadable)
    {
        findings.add(
            Code::Unreadable,
            error.location().item.clone().unwrap_or_default(),
            integers::problem_text(&error),
        );
    }
    Ok(ValidationReport { path, findings: findings.into_sorted(), populations, contacts, recomputed })
}

/// Reads the strings of contacts with bounds checks before any attribute. HDF5 reads attributes itself and may never
/// return from a damaged heap; once damage is found, they are not read, and it is a finding.
fn read_strings_first(file: &Hdf5File) -> Result<()> {
    for contact in file.member_names(&format!("/{ELECTRODES}"))? {
        let object = format!("/{ELECTRODES}/{contact}/type");
        if file.is_dataset(&object) {
            // the fault is reported where the contact is examined
            drop(file.read_strings(&object));
        }
    }
    Ok(())
}

/// Returns the groups that look like populations: with node ids, offsets or weights.
fn population_names(file: &Hdf5File) -> Result<Vec<String>> {
    let own = |name: &String| {
        name != ELECTRODES
            && (file.has_object(&format!("/{name}/node_ids")) || file.has_object(&format!("/{name}/offsets")))
    };
    let mut names: Vec<String> = file.member_names("/")?.into_iter().filter(own).collect();
    let others = file.member_names(&format!("/{ELECTRODES}"))?;
    names.extend(others.into_iter().filter(|name| file.has_object(&scaling_factors_path(name))));
    names.sort_unstable();
    names.dedup();
    Ok(names)
}
