//! The public interface for computing weights: defaults, and a builder for other settings.

use std::path::{Path, PathBuf};

use super::{SegmentSource, WeightsRequest, WeightsSummary, compute_weights};
use crate::electrodes::head_pose::HeadPose;
use crate::electrodes::lead_field_files::LeadFieldAssignment;
use crate::electrodes::{ConfiguredElectrode, Electrodes, configure};
use crate::error::Result;
use crate::geometry::Aabb;
use crate::io::atomic_output::OverwritePolicy;
use crate::lead_field::OutsideField;
use crate::methods::NearField;
use crate::methods::medium::Conductivity;
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
    existing: OverwritePolicy,
    resume: bool,
}

impl<'a> Weights<'a> {
    /// Prepares the weights of a table's segments. Contacts without a conductivity have
    /// [`DEFAULT_CONDUCTIVITY`](crate::units::DEFAULT_CONDUCTIVITY).
    pub fn new(table: &'a SegmentTable, electrodes: &'a Electrodes) -> Self {
        Self {
            tables: vec![table],
            electrodes,
            conductivities: Vec::new(),
            near_field: NearField::default(),
            lead_fields: Vec::new(),
            head_pose: None,
            existing: OverwritePolicy::Refuse,
            resume: false,
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
    /// Returns an error if a lead field is missing or cannot be read, a weight is not finite, a table cannot be read,
    /// or the file exists or cannot be written.
    pub fn write(&self, out: impl AsRef<Path>) -> Result<WeightsSummary> {
        let sources: Vec<&dyn SegmentSource> = self.tables.iter().map(|&table| table as &dyn SegmentSource).collect();
        let electrodes = self.configured()?;
        compute_weights(&WeightsRequest {
            sources: &sources,
            electrodes: &electrodes,
            output: out.as_ref(),
            existing: self.existing,
            resume: self.resume,
            stop: &|| false,
            progress: &|_| (),
        })
    }

    /// Configures the electrodes for their methods.
    fn configured(&self) -> Result<Vec<ConfiguredElectrode>> {
        let mut electrodes = configure(self.electrodes, &self.conductivities, self.near_field)?;
        let bounds = self.tables.iter().map(|table| table.bounds()).collect::<Result<Vec<_>>>()?;
        let assignment = LeadFieldAssignment {
            field_files: &self.lead_fields,
            named_files: &[],
            electrodes_folder: self.electrodes.folder(),
            bounds_um: bounds.into_iter().fold(Aabb::EMPTY, Aabb::union),
            placement: None,
            current_na: None,
            outside_field: OutsideField::default(),
        };
        assignment.attach_fields(&mut electrodes)?;
        self.head_pose.map_or(Ok(()), |pose| pose.assign(&mut electrodes))?;
        Ok(electrodes)
    }
}
