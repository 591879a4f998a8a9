//! The public interface for computing weights: defaults, and a builder for other settings.

use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::{
    Implausible, SegmentSource, WeightValue, WeightsRequest, WeightsSummary, compute_weights, contact_warnings,
    in_memory,
};
use crate::electrodes::head_pose::HeadPose;
use crate::electrodes::lead_field_files::{FieldPlacement, LeadFieldAssignment, NamedFieldFile};
use crate::electrodes::{ConfiguredElectrode, Electrodes, check_names, configure};
use crate::error::Result;
use crate::geometry::Aabb;
use crate::io::atomic_output::OverwritePolicy;
use crate::lead_field::OutsideField;
use crate::methods::NearField;
use crate::methods::medium::Conductivity;
use crate::methods::own_arrays::SegmentArrays;
use crate::segments::table::SegmentTable;
use crate::units::SiemensPerMeter;

/// The weights of all segments of some tables at all contacts of some electrodes.
#[derive(Clone)]
pub struct Weights<'a> {
    tables: Vec<&'a SegmentTable>,
    electrodes: &'a Electrodes,
    conductivities: Vec<Conductivity>,
    near_field: NearField,
    lead_fields: Vec<PathBuf>,
    head_pose: Option<HeadPose>,
    named_lead_fields: Vec<NamedFieldFile>,
    field_placement: Option<FieldPlacement>,
    field_current_na: Option<f64>,
    outside_field: OutsideField,
    existing: OverwritePolicy,
    resume: bool,
    stop: Option<&'a (dyn Fn() -> bool + Sync)>,
    progress: Option<&'a (dyn Fn(u64) + Sync)>,
}

impl<'a> Weights<'a> {
    /// Prepares the weights of a table's segments. Contacts without a conductivity have
    /// [`DEFAULT_CONDUCTIVITY`](crate::units::DEFAULT_CONDUCTIVITY).
    pub fn new(table: &'a SegmentTable, electrodes: &'a Electrodes) -> Self {
        Self::of_tables(vec![table], electrodes)
    }

    /// Prepares the weights of the caller's own segments, for [`Weights::compute_arrays`].
    pub fn without_table(electrodes: &'a Electrodes) -> Self {
        Self::of_tables(Vec::new(), electrodes)
    }

    fn of_tables(tables: Vec<&'a SegmentTable>, electrodes: &'a Electrodes) -> Self {
        Self {
            tables,
            electrodes,
            conductivities: Vec::new(),
            near_field: NearField::default(),
            lead_fields: Vec::new(),
            head_pose: None,
            named_lead_fields: Vec::new(),
            field_placement: None,
            field_current_na: None,
            outside_field: OutsideField::default(),
            existing: OverwritePolicy::Refuse,
            resume: false,
            stop: None,
            progress: None,
        }
    }

    /// Adds the table of another population.
    #[must_use]
    pub fn add_table(mut self, table: &'a SegmentTable) -> Self {
        self.tables.push(table);
        self
    }

    /// Sets the conductivity of the medium, S/m.
    ///
    /// # Errors
    /// Returns an error if it is not a positive number.
    pub fn conductivity(mut self, s_per_m: f64) -> Result<Self> {
        self.conductivities = vec![SiemensPerMeter::new(s_per_m)?.into()];
        Ok(self)
    }

    /// Sets the conductivities: one for all contacts, or one for each contact of an analytic method in order.
    #[must_use]
    pub fn conductivities(mut self, conductivities: impl IntoIterator<Item = Conductivity>) -> Self {
        self.conductivities = conductivities.into_iter().collect();
        self
    }

    /// Sets how contacts nearer to a segment than its radius are treated.
    #[must_use]
    pub fn near_field(mut self, near_field: NearField) -> Self {
        self.near_field = near_field;
        self
    }

    /// Sets the files of the lead fields of reciprocity methods: one for all such contacts, or one for each in order.
    #[must_use]
    pub fn lead_fields(mut self, files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        self.lead_fields = files.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the head of contacts of `FourSphere`, `FourSphereReciprocity` and `MEG` that do not have their own.
    #[must_use]
    pub fn head_pose(mut self, pose: HeadPose) -> Self {
        self.head_pose = Some(pose);
        self
    }

    /// Sets lead fields by name: that of a contact, or the value of contacts' setting `field`.
    #[must_use]
    pub fn named_lead_fields(mut self, files: impl IntoIterator<Item = NamedFieldFile>) -> Self {
        self.named_lead_fields = files.into_iter().collect();
        self
    }

    /// Sets where the lead fields lie in the circuit, if their frame is another one.
    #[must_use]
    pub fn field_placement(mut self, placement: FieldPlacement) -> Self {
        self.field_placement = Some(placement);
        self
    }

    /// Sets the current that made the lead fields, nA, instead of the value in the files.
    #[must_use]
    pub fn field_current_na(mut self, current_na: f64) -> Self {
        self.field_current_na = Some(current_na);
        self
    }

    /// Sets what happens at a point outside of a lead field.
    #[must_use]
    pub fn outside_field(mut self, rule: OutsideField) -> Self {
        self.outside_field = rule;
        self
    }

    /// Sets a function that is asked from time to time, from any thread, whether to stop.
    #[must_use]
    pub fn stop(mut self, stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Sets a function that is called with numbers of segments done, from any thread.
    #[must_use]
    pub fn progress(mut self, progress: &'a (dyn Fn(u64) + Sync)) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Replaces an electrodes file that exists.
    #[must_use]
    pub fn overwrite(mut self) -> Self {
        self.existing = OverwritePolicy::Replace;
        self
    }

    /// Resumes an interrupted run of the same inputs and settings, if there was one.
    #[must_use]
    pub fn resume(mut self) -> Self {
        self.resume = true;
        self
    }

    /// Computes the weights and writes the electrodes file, which appears under its name when it is complete.
    ///
    /// # Errors
    /// Returns an error if a lead field is missing or cannot be read, a weight is not finite, a table cannot be read, a
    /// contact has the name of a population, or the file exists or cannot be written.
    pub fn write(&self, out: impl AsRef<Path>) -> Result<WeightsSummary> {
        let sources = self.sources();
        let populations: Vec<&str> = self.tables.iter().map(|table| table.metadata().population.as_str()).collect();
        check_names(self.electrodes, &populations)?;
        compute_weights(&WeightsRequest {
            sources: &sources,
            electrodes: &self.configured()?,
            output: out.as_ref(),
            existing: self.existing,
            resume: self.resume,
            stop: self.stop.unwrap_or(&|| false),
            progress: self.progress.unwrap_or(&|_| ()),
        })
    }

    /// Computes the weights into memory: one array for each table, of shape (segments, contacts), V/nA. Row i is row i
    /// of the electrodes file, and has the same values.
    ///
    /// # Errors
    /// Returns an error if a lead field is missing or cannot be read, a weight is not finite, a table cannot be read, or
    /// there is too little memory.
    pub fn compute<T: WeightValue>(&self) -> Result<Vec<Array2<T>>> {
        let electrodes = self.configured()?;
        let (stop, progress) = (self.stop.unwrap_or(&|| false), self.progress.unwrap_or(&|_| ()));
        self.sources().into_iter().map(|source| in_memory::compute(source, &electrodes, stop, progress)).collect()
    }

    /// Computes the weights of the caller's own segments, of shape (segments, contacts), V/nA. All segments together are
    /// one neuron, which only matters for `DipoleReciprocity`.
    ///
    /// # Errors
    /// Returns an error if a lead field is missing or cannot be read, there is too little memory, or the run is to stop.
    pub fn compute_arrays(&self, segments: &SegmentArrays) -> Result<Array2<f64>> {
        let stop = self.stop.unwrap_or(&|| false);
        in_memory::compute_segments(segments.columns(), &self.configure_within(segments.bounds())?, stop)
    }

    /// Returns what may be wrong with the contacts, without being an error, as text.
    ///
    /// # Errors
    /// Returns an error if a lead field is missing or cannot be read, or a contact lacks a setting.
    pub fn warnings(&self) -> Result<Vec<String>> {
        let electrodes = self.configured()?;
        let mut warnings: Vec<String> = contact_warnings(&electrodes)?.iter().map(ToString::to_string).collect();
        let fields = electrodes.iter().filter_map(|e| e.contact.lead_field.as_ref());
        for warning in fields.flat_map(|field| field.warnings()).map(ToString::to_string) {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        warnings.extend(Implausible::find(&self.sources(), &electrodes)?.iter().map(ToString::to_string));
        Ok(warnings)
    }

    fn sources(&self) -> Vec<&'a dyn SegmentSource> {
        self.tables.iter().map(|&table| table as &dyn SegmentSource).collect()
    }

    /// Configures the electrodes for their methods, with the settings and lead fields of this builder, as
    /// [`Signals::from_tables`](crate::signals::Signals::from_tables) takes them.
    ///
    /// # Errors
    /// Returns an error if a lead field is missing or cannot be read, or a contact lacks a setting.
    pub fn configured(&self) -> Result<Vec<ConfiguredElectrode>> {
        let bounds = self.tables.iter().map(|table| table.bounds()).collect::<Result<Vec<_>>>()?;
        self.configure_within(bounds.into_iter().fold(Aabb::EMPTY, Aabb::union))
    }

    fn configure_within(&self, bounds_um: Aabb) -> Result<Vec<ConfiguredElectrode>> {
        let mut electrodes = configure(self.electrodes, &self.conductivities, self.near_field)?;
        let assignment = LeadFieldAssignment {
            field_files: &self.lead_fields,
            named_files: &self.named_lead_fields,
            electrodes_folder: self.electrodes.folder(),
            bounds_um,
            placement: self.field_placement,
            current_na: self.field_current_na,
            outside_field: self.outside_field,
        };
        assignment.attach_fields(&mut electrodes)?;
        self.head_pose.map_or(Ok(()), |pose| pose.assign(&mut electrodes))?;
        Ok(electrodes)
    }
}
