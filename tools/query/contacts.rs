//! The contacts of an electrode file and the region of each.

use std::path::Path;

use leadfield::Result;
use leadfield::electrodes::{self, Electrode, arrays};
use leadfield::error::{Context, Problem};
use leadfield::geometry::region::{Region, Sphere};
use leadfield::methods::NearField;
use leadfield::methods::objective_csd::{Contact, Kernel, Options, Setting, Shape, Spacing, Warning};

/// What can be wrong with contacts as regions.
#[derive(Debug, thiserror::Error)]
pub enum ContactProblem {
    #[error("no region of the contacts, expected `--within R` or `--csd`")]
    NoRegion,
    #[error("contact without a region, expected a type `ObjectiveCSD_...`, found `{0}`")]
    NoShape(String),
}

impl Problem for ContactProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRegion => Some("for example `--within 50`: all segments at most 50 um from a contact".into()),
            Self::NoShape(_) => Some("`--within R` takes a sphere round every contact".into()),
        }
    }
}

/// Contacts and their regions, in file order.
pub struct Contacts {
    /// Names of the contacts.
    pub names: Vec<String>,
    /// The region of each.
    pub regions: Vec<Box<dyn Region>>,
    /// What is worth a look.
    pub warnings: Vec<Warning>,
}

/// Which region a contact has.
pub enum RegionOf<'a> {
    /// A sphere of a radius, um.
    Within(f64),
    /// That of its ObjectiveCSD type, with the arrays that are told and the rule of spacing.
    Csd { arrays: &'a [String], spacing: Spacing },
}

impl Contacts {
    /// Reads contacts and makes their regions.
    pub fn open(path: &Path, region: Option<RegionOf<'_>>) -> Result<Self> {
        let electrodes = electrodes::read(path)?;
        let names = electrodes.iter().map(|e| e.name.clone()).collect();
        match region {
            None => Err(ContactProblem::NoRegion).in_object("--electrodes"),
            Some(RegionOf::Within(radius)) => {
                let regions = electrodes.iter().map(|e| sphere(e, radius)).collect::<Result<_>>()?;
                Ok(Self { names, regions, warnings: Vec::new() })
            }
            Some(RegionOf::Csd { arrays, spacing }) => {
                let contacts = csd_contacts(&electrodes, arrays, spacing).in_file(path)?;
                let options = Options { spacing, ..Options::default() };
                let (kernel, warnings) = Kernel::new(&contacts, options).in_file(path)?;
                Ok(Self { names, regions: kernel.into_regions(), warnings })
            }
        }
    }
}

fn sphere(electrode: &Electrode, radius: f64) -> Result<Box<dyn Region>> {
    Ok(Box::new(Sphere::new(electrode.position, radius).in_object("--within")?))
}

/// The contacts as `leadfield weights` has them.
fn csd_contacts(electrodes: &[Electrode], ranges: &[String], spacing: Spacing) -> Result<Vec<Contact>> {
    let shape = |e: &Electrode| {
        let name = e.method.name();
        Shape::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| ContactProblem::NoShape(name.into()))
    };
    let shapes = (0..).zip(electrodes).map(|(row, e)| shape(e).at("contact", row)).collect::<Result<Vec<_>>>()?;
    let mut contacts = electrodes::contacts(electrodes, &[], NearField::default())?;
    let ranges = ranges.iter().map(|range| range.parse()).collect::<Result<Vec<_>, _>>()?;
    arrays::apply(&mut contacts, electrodes, &ranges, spacing)?;
    let contact = |(c, shape): (leadfield::methods::Contact, Shape)| Contact {
        position: c.position,
        setting: Setting { shape, radius: c.region.radius, thickness: c.region.thickness },
        array: c.region.array,
    };
    Ok(contacts.into_iter().zip(shapes).map(contact).collect())
}
