//! The options of methods: how weights are computed from segment tables and contacts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::electrodes::head_pose::HeadPose;
use leadfield::electrodes::lead_field_files::LeadFieldAssignment;
use leadfield::electrodes::{self, ConfiguredElectrode, Electrode, csd_arrays};
use leadfield::error::{Context, FileProblem, Problem};
use leadfield::file_kind::FileKind;
use leadfield::geometry::Aabb;
use leadfield::lead_field::OutsideField;
use leadfield::methods::NearField;
use leadfield::methods::medium::Conductivity;
use leadfield::methods::objective_csd::NeighbourRule;
use leadfield::segments::table::{SegmentTable, TableProblem};
use leadfield::units::DEFAULT_CONDUCTIVITY;
use leadfield::weights::{self, SegmentSource};

use super::contact_file::{ContactFileArgs, name_of};
use super::help::{CIRCUIT, CONTACTS, FIELDS};
use super::{Common, warn_assumptions};

/// The option gives a name, but every table has one.
#[derive(Debug, thiserror::Error)]
#[error("--population: no table lacks a population, expected one for `{0}`, found names in all tables")]
struct UnusedPopulation(String);

impl Problem for UnusedPopulation {
    fn hint(&self) -> Option<String> {
        Some("leave `--population` out: a table that `leadfield positions` wrote names its own".into())
    }
}

/// Options of everything that computes weights.
#[derive(clap::Args)]
pub struct MethodArgs {
    #[command(flatten)]
    contact_file: ContactFileArgs,
    /// Population of a circuit (default: all biophysical ones); or of a table that another program rewrote and that
    /// lost its name, repeated for several such tables
    #[arg(long, value_name = "NAME", help_heading = CIRCUIT)]
    population: Vec<String>,
    /// Conductivity of the medium, S/m, or along x, y and z (0.3,0.4,0.3); repeated, one for each contact of an analytic
    /// method, in file order
    #[arg(long, alias = "sigma", value_name = "S", allow_negative_numbers = true, help_heading = CONTACTS,
          default_values_t = [DEFAULT_CONDUCTIVITY.get().to_string()])]
    conductivity: Vec<String>,
    /// How to treat contacts nearer to a segment than its radius
    #[arg(long, value_name = "RULE", default_value = "radius", help_heading = CONTACTS)]
    near_field: NearFieldArg,
    /// Contacts FIRST:END (from 0 in file order, end excluded) are an array of ObjectiveCSD; can be repeated
    #[arg(long, value_name = "FIRST:END", help_heading = CONTACTS)]
    csd_array: Vec<String>,
    /// Which contacts of an array are neighbours, for the default thickness
    #[arg(long, value_name = "RULE", default_value = "sorted", help_heading = CONTACTS)]
    csd_spacing: SpacingArg,
    /// Lead field of the contacts of Reciprocity and DipoleReciprocity; repeated, or A,B,..., one for each such contact
    /// in file order
    #[arg(long, alias = "path-to-fields", value_name = "FILE", help_heading = FIELDS)]
    fields: Vec<PathBuf>,
    /// Lead field of the contact NAME, or of contacts whose `field` is NAME; can be repeated
    #[arg(long, value_name = "NAME=FILE", help_heading = FIELDS)]
    field: Vec<String>,
    /// How to treat a point outside of a lead field
    #[arg(long, value_name = "RULE", default_value = "error", help_heading = FIELDS)]
    outside_field: OutsideFieldArg,
    /// The current that made the lead fields, nA, instead of the value in the files
    #[arg(long, value_name = "NA", allow_negative_numbers = true, help_heading = FIELDS)]
    field_current: Option<f64>,
    /// Rotate the lead fields by a quaternion, then shift them, µm: w,x,y,z,dx,dy,dz
    #[arg(long, value_name = "NUMBERS", allow_hyphen_values = true, help_heading = FIELDS)]
    field_transform: Option<String>,
    /// Position of the head in the circuit's frame, for FourSphere, FourSphereReciprocity and MEG: JSON with `center` (µm),
    /// and optionally `up`, `front`, `radii` (µm), `conductivities` (S/m)
    #[arg(long, value_name = "FILE", help_heading = FIELDS)]
    head_pose: Option<PathBuf>,
}

impl MethodArgs {
    /// Returns the options that were given and differ from their defaults.
    pub fn given_options(&self) -> impl Iterator<Item = &'static str> {
        let is_default = |text: &String| text.parse() == Ok(DEFAULT_CONDUCTIVITY.get());
        let given = [
            ("--units", self.contact_file.is_given()),
            ("--population", !self.population.is_empty()),
            ("--conductivity", self.conductivity.len() > 1 || !self.conductivity.iter().all(is_default)),
            ("--near-field", !matches!(self.near_field, NearFieldArg::Radius)),
            ("--csd-array", !self.csd_array.is_empty()),
            ("--csd-spacing", !matches!(self.csd_spacing, SpacingArg::Sorted)),
            ("--fields", !self.fields.is_empty()),
            ("--field", !self.field.is_empty()),
            ("--outside-field", !matches!(self.outside_field, OutsideFieldArg::Error)),
            ("--field-current", self.field_current.is_some()),
            ("--field-transform", self.field_transform.is_some()),
            ("--head-pose", self.head_pose.is_some()),
        ];
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name)
    }
}

/// [`NearField`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum NearFieldArg {
    /// No contact comes nearer than the segment's radius
    Radius,
    /// The exact formula; a contact on a segment is an error
    Exact,
}

impl From<NearFieldArg> for NearField {
    fn from(rule: NearFieldArg) -> Self {
        match rule {
            NearFieldArg::Radius => Self::ClampToRadius,
            NearFieldArg::Exact => Self::Unclamped,
        }
    }
}

/// [`OutsideField`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum OutsideFieldArg {
    /// An error that names the point
    Error,
    /// The weight 0
    Zero,
}

impl From<OutsideFieldArg> for OutsideField {
    fn from(rule: OutsideFieldArg) -> Self {
        match rule {
            OutsideFieldArg::Error => Self::Error,
            OutsideFieldArg::Zero => Self::Zero,
        }
    }
}

/// [`Spacing`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum SpacingArg {
    /// Neighbours along the array's axis
    Sorted,
    /// Neighbours in the file, as in BlueRecording
    FileOrder,
}

impl From<SpacingArg> for NeighbourRule {
    fn from(rule: SpacingArg) -> Self {
        match rule {
            SpacingArg::Sorted => Self::AlongAxis,
            SpacingArg::FileOrder => Self::FileOrder,
        }
    }
}

impl MethodArgs {
    /// Returns the values of `--population`.
    pub fn populations(&self) -> &[String] {
        &self.population
    }

    /// Returns the file of the head's position.
    pub fn head_pose(&self) -> Option<&PathBuf> {
        self.head_pose.as_ref()
    }

    /// Returns the files of `--fields`. A name with a comma is a list, unless there is a file of that name.
    pub fn field_files(&self) -> Vec<PathBuf> {
        let split = |path: &PathBuf| match path.to_str() {
            Some(text) if text.contains(',') && !path.exists() => text.split(',').map(PathBuf::from).collect(),
            _ => vec![path.clone()],
        };
        self.fields.iter().flat_map(split).collect()
    }

    /// Reads the contacts, and prints warnings about their file.
    pub fn read_electrodes(&self, path: &Path, common: &Common) -> Result<Vec<Electrode>> {
        self.contact_file.read(path, common)
    }

    /// Configures the electrodes for their methods, with their lead fields, and warns of suspicious settings.
    pub fn configure_electrodes(
        &self,
        path: &Path,
        electrodes: &[Electrode],
        sources: &[&dyn SegmentSource],
        common: &Common,
    ) -> Result<Vec<ConfiguredElectrode>> {
        let conductivities = self.conductivity.iter().map(|s| s.parse()).collect::<Result<Vec<Conductivity>, _>>()?;
        let mut configured = electrodes::configure(electrodes, &conductivities, self.near_field.into())?;
        let ranges = self.csd_array.iter().map(|range| range.parse()).collect::<Result<Vec<_>, _>>()?;
        csd_arrays::assign_arrays(&mut configured, &ranges, self.csd_spacing.into())?;
        let named = self.field.iter().map(|field| field.parse()).collect::<Result<Vec<_>, _>>()?;
        // the box of a circuit costs as much as placing its segments
        let boxes = if configured.iter().any(|e| e.electrode.method.required_field().is_some()) {
            sources.iter().map(|s| s.bounds()).collect::<Result<Vec<_>>>()?
        } else {
            Vec::new()
        };
        let fields = LeadFieldAssignment {
            field_files: &self.field_files(),
            named_files: &named,
            electrodes_folder: path.parent().unwrap_or(Path::new("")),
            bounds_um: boxes.into_iter().fold(Aabb::EMPTY, Aabb::union),
            placement: self.field_transform.as_deref().map(str::parse).transpose()?,
            current_na: self.field_current,
            outside_field: self.outside_field.into(),
        };
        let fields = fields.attach_fields(&mut configured)?;
        if let Some(path) = &self.head_pose {
            HeadPose::read(path)?.assign(&mut configured).in_file(path)?;
        }
        fields.iter().flat_map(|field| field.warnings()).for_each(|warning| common.warn_with_hint(warning));
        let warnings = weights::contact_warnings(&configured).in_file(name_of(path))?;
        warnings.into_iter().for_each(|w| common.warn_with_hint(&w.in_file(name_of(path))));
        Ok(configured)
    }
}

/// Returns the tables in a folder that has one for each of several populations, in order of names; otherwise the path
/// itself.
fn list_tables(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() || FileKind::detect(path)? != Some(FileKind::SegmentTables) {
        return Ok(vec![path.into()]);
    }
    let entries = std::fs::read_dir(path).map_err(FileProblem::Read).in_file(path)?;
    let folders = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    let mut tables: Vec<PathBuf> = folders.collect();
    tables.sort();
    Ok(tables)
}

/// Opens the tables, and all tables of a folder of several populations; those without metadata get the names of the populations in order.
pub fn open_tables(paths: &[PathBuf], populations: &[String], common: &Common) -> Result<Vec<SegmentTable>> {
    let mut names = populations.iter();
    let mut tables = Vec::new();
    for path in paths.iter().map(|path| list_tables(path)).collect::<Result<Vec<_>>>()?.iter().flatten() {
        let mut table = SegmentTable::open(path)?;
        if table.lacks_metadata() {
            let name = names.next().ok_or(TableProblem::NoPopulation).in_file(path)?;
            table.set_population(name);
            warn_assumptions(&table, common);
        }
        tables.push(table);
    }
    if let Some(name) = names.next() {
        return Err(UnusedPopulation(name.clone()).into());
    }
    let assumptions: BTreeSet<String> = tables.iter().filter_map(|t| t.metadata().assumption()).collect();
    assumptions.iter().for_each(|assumption| common.warn(assumption));
    Ok(tables)
}
