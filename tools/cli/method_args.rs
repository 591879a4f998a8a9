//! The options of methods: how weights are computed from segment tables and contacts.

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::electrodes::lead_field_files::LeadFieldAssignment;
use leadfield::electrodes::{self, ConfiguredElectrode, Electrode, csd_arrays};
use leadfield::error::{Context, Problem};
use leadfield::geometry::Aabb;
use leadfield::lead_field::OutsideField;
use leadfield::methods::NearField;
use leadfield::methods::medium::Conductivity;
use leadfield::methods::objective_csd::NeighbourRule;
use leadfield::segments::table::{SegmentTable, TableProblem};
use leadfield::units::DEFAULT_CONDUCTIVITY;
use leadfield::weights::{self, SegmentSource};

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
    /// Population of a table that another program rewrote and that lost its name; repeat for several such tables
    #[arg(long, value_name = "NAME")]
    population: Vec<String>,
    /// Conductivity of the medium, S/m, or along x, y and z (0.3,0.4,0.3): one for all contacts, or one for each contact of an
    /// analytic method
    #[arg(long, value_name = "S", num_args = 1.., allow_negative_numbers = true, default_values_t = [DEFAULT_CONDUCTIVITY.get().to_string()])]
    conductivity: Vec<String>,
    /// How to treat contacts nearer to a segment than its radius
    #[arg(long, value_name = "RULE", default_value = "radius")]
    near_field: NearFieldArg,
    /// Lead fields of Reciprocity and DipoleReciprocity: one for all such contacts, or one for each in file order
    #[arg(long, value_name = "FILE", num_args = 1..)]
    fields: Vec<PathBuf>,
    /// Lead field of the contact NAME, or of contacts whose `field` is NAME; can be repeated
    #[arg(long, value_name = "NAME=FILE")]
    field: Vec<String>,
    /// How to treat a point outside of a lead field
    #[arg(long, value_name = "RULE", default_value = "error")]
    outside_field: OutsideFieldArg,
    /// The current that made the lead fields, nA, instead of the value in the files
    #[arg(long, value_name = "NA", allow_negative_numbers = true)]
    field_current: Option<f64>,
    /// Rotate the lead fields by a quaternion, then shift them, um: w,x,y,z,dx,dy,dz
    #[arg(long, value_name = "NUMBERS", allow_hyphen_values = true)]
    field_transform: Option<String>,
    /// Contacts FIRST:END (from 0 in file order, end excluded) are an array of ObjectiveCSD; can be repeated
    #[arg(long, value_name = "FIRST:END")]
    csd_array: Vec<String>,
    /// Which contacts of an array are neighbours, for the default thickness
    #[arg(long, value_name = "RULE", default_value = "sorted")]
    csd_spacing: SpacingArg,
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
    /// Returns the files of lead fields without names.
    pub fn field_files(&self) -> impl Iterator<Item = &PathBuf> {
        self.fields.iter()
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
        let boxes = sources.iter().map(|s| s.bounds()).collect::<Result<Vec<_>>>()?;
        let fields = LeadFieldAssignment {
            field_files: &self.fields,
            named_files: &named,
            electrodes_folder: path.parent().unwrap_or(Path::new("")),
            bounds_um: boxes.into_iter().fold(Aabb::EMPTY, Aabb::union),
            placement: self.field_transform.as_deref().map(str::parse).transpose()?,
            current_na: self.field_current,
            outside_field: self.outside_field.into(),
        };
        let fields = fields.attach_fields(&mut configured)?;
        fields.iter().flat_map(|field| field.warnings()).for_each(|warning| common.warn_with_hint(warning));
        let warnings = weights::contact_warnings(&configured).in_file(path)?;
        warnings.into_iter().for_each(|w| common.warn_with_hint(&w.in_file(path)));
        Ok(configured)
    }

    /// Opens the tables; those without metadata get the names of the populations in order.
    pub fn open_tables(&self, paths: &[PathBuf], common: &Common) -> Result<Vec<SegmentTable>> {
        let mut names = self.population.iter();
        let mut tables = Vec::new();
        for path in paths {
            let mut table = SegmentTable::open(path)?;
            if table.lacks_metadata() {
                let name = names.next().ok_or(TableProblem::NoPopulation).in_file(path)?;
                table.set_population(name);
                warn_assumptions(&table, common);
            }
            tables.push(table);
        }
        match names.next() {
            Some(name) => Err(UnusedPopulation(name.clone()).into()),
            None => Ok(tables),
        }
    }
}
