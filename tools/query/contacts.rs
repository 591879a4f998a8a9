//! Reads the contacts of an electrode file and their regions.

use std::path::Path;

use leadfield::Result;
use leadfield::electrodes::{self, Electrode, csd_arrays};
use leadfield::error::{Context, Problem, join_quoted};
use leadfield::geometry::region::{Region, Sphere};
use leadfield::methods::NearField;
use leadfield::methods::objective_csd::{
    CsdOptions, CsdWarning, NeighbourRule, PreparedCsd, RegionContact, RegionShape, RegionSpec,
};

/// Errors of contacts as regions.
#[derive(Debug, thiserror::Error)]
pub enum ContactProblem {
    #[error("contacts without regions, expected `--within R` or `--csd`")]
    NoRegion,
    #[error("contact without a region, expected a type `ObjectiveCSD_...`, found `{0}`")]
    NoShape(String),
    #[error("unknown contact, expected one of {known}, found `{found}`")]
    Unknown { known: String, found: String },
}

impl Problem for ContactProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRegion => Some("for example `--within 50`: all segments at most 50 µm from a contact".into()),
            Self::NoShape(_) => Some("use `--within R` for a sphere around every contact".into()),
            Self::Unknown { .. } => None,
        }
    }
}

/// Contacts and their regions, in file order.
pub struct QueryContacts {
    /// Names of the contacts.
    pub names: Vec<String>,
    /// The region of each.
    pub regions: Vec<Box<dyn Region>>,
    /// Warnings about the contacts.
    pub warnings: Vec<CsdWarning>,
}

/// How regions are assigned to contacts.
pub enum ContactRegionArg<'a> {
    /// A sphere with this radius, µm.
    Within(f64),
    /// The region of its ObjectiveCSD type, with the given arrays and spacing rule.
    Csd { arrays: &'a [String], spacing: NeighbourRule },
}

impl QueryContacts {
    /// Creates the regions of the contacts of a file.
    pub fn new(path: &Path, electrodes: &[Electrode], region: Option<ContactRegionArg<'_>>) -> Result<Self> {
        let names = electrodes.iter().map(|e| e.name.clone()).collect();
        match region {
            None => Err(ContactProblem::NoRegion).in_item("--electrodes"),
            Some(ContactRegionArg::Within(radius)) => {
                let regions = electrodes.iter().map(|e| sphere(e, radius)).collect::<Result<_>>()?;
                Ok(Self { names, regions, warnings: Vec::new() })
            }
            Some(ContactRegionArg::Csd { arrays, spacing }) => {
                let contacts = csd_contacts(electrodes, arrays, spacing).in_file(path)?;
                let options = CsdOptions { spacing, ..CsdOptions::default() };
                let (kernel, warnings) = PreparedCsd::new(&contacts, options).in_file(path)?;
                Ok(Self { names, regions: kernel.into_regions(), warnings })
            }
        }
    }
}

impl QueryContacts {
    /// Keeps the contacts with these names, in file order; without names, all. The regions stay those that they have among
    /// all contacts.
    pub fn keep_only(&mut self, names: &[String]) -> Result<(), ContactProblem> {
        if names.is_empty() {
            return Ok(());
        }
        if let Some(found) = names.iter().find(|name| !self.names.contains(name)) {
            let known = join_quoted(&self.names, MAX_LISTED_NAMES);
            return Err(ContactProblem::Unknown { known, found: found.clone() });
        }
        let is_kept: Vec<bool> = self.names.iter().map(|name| names.contains(name)).collect();
        let mut kept = is_kept.iter();
        self.regions.retain(|_| kept.next().is_some_and(|kept| *kept));
        self.names.retain(|name| names.contains(name));
        Ok(())
    }
}

/// Number of names that a message lists.
const MAX_LISTED_NAMES: usize = 12;

fn sphere(electrode: &Electrode, radius: f64) -> Result<Box<dyn Region>> {
    Ok(Box::new(Sphere::new(electrode.position_um, radius).in_item("--within")?))
}

/// Prepares the contacts as `leadfield weights` does.
fn csd_contacts(electrodes: &[Electrode], ranges: &[String], spacing: NeighbourRule) -> Result<Vec<RegionContact>> {
    let shape = |e: &Electrode| {
        let name = e.method.name();
        RegionShape::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| ContactProblem::NoShape(name.into()))
    };
    let shapes = (0..).zip(electrodes).map(|(row, e)| shape(e).at_index("contact", row)).collect::<Result<Vec<_>>>()?;
    let mut configured = electrodes::configure(electrodes, &[], NearField::default())?;
    let ranges = ranges.iter().map(|range| range.parse()).collect::<Result<Vec<_>, _>>()?;
    csd_arrays::assign_arrays(&mut configured, &ranges, spacing)?;
    let contact = |(electrodes::ConfiguredElectrode { contact: c, .. }, shape)| RegionContact {
        position_um: c.position_um,
        region_spec: RegionSpec { shape, radius_um: c.csd_region.radius_um, thickness_um: c.csd_region.thickness_um },
        array_number: c.csd_region.array_number,
    };
    Ok(configured.into_iter().zip(shapes).map(contact).collect())
}
