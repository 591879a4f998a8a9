//! The contacts of an electrode file and the region of each.

use std::path::Path;

use leadfield::Result;
use leadfield::electrode::{self, Electrode};
use leadfield::error::{Context, Problem};
use leadfield::geometry::region::{Region, Sphere};
use leadfield::method::objective_csd::{Contact, Kernel, Options, Setting, Shape, Warning};

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

impl Contacts {
    /// Spheres of one radius, or each contact's own ObjectiveCSD region.
    pub fn open(path: &Path, within: Option<f64>, csd: bool) -> Result<Self> {
        let electrodes = electrode::read(path)?;
        let names = electrodes.iter().map(|e| e.name.clone()).collect();
        if let Some(radius) = within {
            let sphere = |e: &Electrode| -> Result<Box<dyn Region>> {
                Ok(Box::new(Sphere::new(e.position, radius).in_object("--within")?))
            };
            let regions = electrodes.iter().map(sphere).collect::<Result<_>>()?;
            return Ok(Self { names, regions, warnings: Vec::new() });
        }
        if !csd {
            return Err(ContactProblem::NoRegion).in_object("--electrodes");
        }
        let contacts = (0..).zip(&electrodes).map(|(row, e)| contact(e).at("contact", row)).collect::<Result<Vec<_>>>();
        let (kernel, warnings) = Kernel::new(&contacts.in_file(path)?, Options::default()).in_file(path)?;
        Ok(Self { names, regions: kernel.into_regions(), warnings })
    }
}

fn contact(electrode: &Electrode) -> Result<Contact, ContactProblem> {
    let name = electrode.method.name();
    let shape = Shape::ALL.into_iter().find(|s| s.name() == name);
    let shape = shape.ok_or_else(|| ContactProblem::NoShape(name.into()))?;
    let setting = Setting { shape, radius: electrode.settings.radius, thickness: electrode.settings.thickness };
    Ok(Contact { position: electrode.position, setting, array: 0 })
}
