//! Reads brain regions and layers from an atlas: a folder with `brain_regions.nrrd` and `hierarchy.json`.
//!
//! Each voxel of the volume contains the id of a region, 0 outside the brain; the hierarchy contains the region's
//! acronym. An acronym such as `S1HL;L1` is a region and its layer; without `;` the layer is unknown.

mod hierarchy;
mod nrrd;
mod sample_type;

use std::path::{Path, PathBuf};

use super::Electrode;
use super::record::UNKNOWN_REGION;
use crate::error::{Context, Problem, Result};
use crate::geometry::Point;
use hierarchy::Hierarchy;
use nrrd::Volume;

/// Region and layer of points outside the brain.
const OUTSIDE_REGION: &str = "Outside";

/// Problems between the two files of an atlas.
#[derive(Debug, thiserror::Error)]
enum AtlasProblem {
    #[error("unknown region at {place} µm, expected an id of `hierarchy.json`, found {id}")]
    UnknownRegion { place: Point, id: i64 },
}

impl Problem for AtlasProblem {}

/// An atlas; its volume is read when regions are looked up.
#[derive(Debug)]
pub struct Atlas {
    volume_file: PathBuf,
    volume: Volume,
    hierarchy: Hierarchy,
}

impl Atlas {
    /// Opens the atlas in a folder.
    ///
    /// # Errors
    /// Returns an error if a file is missing or malformed, or if the volume does not have three dimensions.
    pub fn open(folder: &Path) -> Result<Self> {
        let volume_file = folder.join("brain_regions.nrrd");
        let volume = Volume::open(&volume_file).in_file(&volume_file)?;
        let hierarchy_file = folder.join("hierarchy.json");
        let hierarchy = Hierarchy::read(&hierarchy_file).in_file(&hierarchy_file)?;
        Ok(Self { volume_file, volume, hierarchy })
    }

    /// Sets region and layer of contacts: `Outside` if they lie outside the volume or in the region 0.
    ///
    /// # Errors
    /// Returns an error if the volume cannot be read, or contains an id that the hierarchy lacks.
    pub fn assign_regions(&self, electrodes: &mut [Electrode]) -> Result<()> {
        let voxels: Vec<Option<u64>> = electrodes.iter().map(|e| self.volume.voxel_at(e.position_um)).collect();
        let ids = self.volume.region_ids(&voxels).in_file(&self.volume_file)?;
        for (electrode, id) in electrodes.iter_mut().zip(ids) {
            let (region, layer) = self.region_and_layer(electrode.position_um, id.unwrap_or(0))?;
            (electrode.region, electrode.layer) = (region.into(), layer.into());
        }
        Ok(())
    }

    fn region_and_layer(&self, place: Point, id: i64) -> Result<(&str, &str)> {
        if id == 0 {
            return Ok((OUTSIDE_REGION, OUTSIDE_REGION));
        }
        let unknown = AtlasProblem::UnknownRegion { place, id };
        let acronym = self.hierarchy.find_acronym(id).ok_or(unknown).in_file(&self.volume_file)?;
        Ok(acronym.split_once(';').unwrap_or((acronym, UNKNOWN_REGION)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::electrodes::{ContactExtent, parse};

    /// Returns an atlas of 2 x 1 x 3 voxels of 10 x 20 x 30 µm that begins at (-10, 0, 100).
    fn atlas(ids: [u8; 6]) -> (tempfile::TempDir, Result<Atlas>) {
        let folder = tempfile::tempdir().unwrap();
        let header = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 1 3\nencoding: raw\n\
            space directions: (10,0,0) (0,20,0) (0,0,30)\nspace origin: (-10,0,100)\n\n";
        std::fs::write(folder.path().join("brain_regions.nrrd"), [header.as_bytes(), &ids].concat()).unwrap();
        let hierarchy =
            r#"{"id": 1, "acronym": "root", "children": [{"id": 7, "acronym": "S1HL;L1", "children": []}]}"#;
        std::fs::write(folder.path().join("hierarchy.json"), hierarchy).unwrap();
        let atlas = Atlas::open(folder.path());
        (folder, atlas)
    }

    fn contacts() -> Vec<Electrode> {
        // voxels (0, 0, 0), (1, 0, 2), and one step outside each face
        let csv = "name,x,y,z,layer\na,-10,0,100,L9\nb,9.9,19.9,189.9,\nc,10,1,101,\nd,-1,20,101,\ne,-1,1,190,\nf,-10.1,1,101,\n";
        parse(csv.as_bytes(), ContactExtent::Point).unwrap()
    }

    #[test]
    fn contacts_get_the_region_of_their_voxel() {
        let mut contacts = contacts();
        let (_folder, atlas) = atlas([7, 1, 1, 1, 0, 1]);
        atlas.unwrap().assign_regions(&mut contacts).unwrap();
        let regions: Vec<_> = contacts.iter().map(|e| (e.region.as_str(), e.layer.as_str())).collect();
        let outside = ("Outside", "Outside");
        assert_eq!(regions, [("S1HL", "L1"), ("root", "NA"), outside, outside, outside, outside]);
    }

    #[test]
    fn region_0_is_outside() {
        let mut contacts = contacts();
        let (_folder, atlas) = atlas([0, 1, 1, 1, 1, 7]);
        atlas.unwrap().assign_regions(&mut contacts).unwrap();
        assert_eq!((contacts[0].region.as_str(), contacts[1].region.as_str()), ("Outside", "S1HL"));
    }

    #[test]
    fn an_id_that_the_hierarchy_lacks_is_an_error() {
        let (folder, atlas) = atlas([9; 6]);
        let error = atlas.unwrap().assign_regions(&mut contacts()).unwrap_err();
        let file = folder.path().join("brain_regions.nrrd");
        let expected = "unknown region at (-10, 0, 100) µm, expected an id of `hierarchy.json`, found 9";
        assert_eq!(error.to_string(), format!("{}: {expected}", file.display()));
    }

    #[test]
    fn a_missing_atlas_is_an_error() {
        let (folder, _) = atlas([0; 6]);
        let missing = |name: &str| {
            let path = folder.path().join(name);
            std::fs::remove_file(&path).unwrap();
            let expected = format!("{}: cannot be read: no such file or directory", path.display());
            assert_eq!(Atlas::open(folder.path()).unwrap_err().to_string(), expected);
        };
        missing("hierarchy.json");
        missing("brain_regions.nrrd");
    }
}
