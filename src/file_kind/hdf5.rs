//! Detects the kind of HDF5 files by the names of their groups and datasets.

use std::path::Path;

use super::FileKind;
use crate::io::hdf5::Hdf5File;

/// Detects the kind of an HDF5 file; `None` if it cannot be read.
pub(super) fn detect(path: &Path) -> Option<FileKind> {
    let file = Hdf5File::open(path).ok()?;
    let members = file.member_names("/").ok()?;
    let has = |name: &str| members.iter().any(|member| member == name);
    let kind = if has("electrodes") {
        FileKind::ElectrodesFile
    } else if has("report") {
        if is_lfp_report(&file).unwrap_or(false) { FileKind::LfpReport } else { FileKind::CompartmentReport }
    } else if has("nodes") {
        FileKind::Nodes
    } else if has("edges") {
        FileKind::Edges
    } else if has("FieldGroups") || has("Meshes") || has("axes") {
        FileKind::LeadField
    } else if has("points") && has("structure") {
        FileKind::H5Morphology
    } else if ["xyz", "id", "section"].iter().all(|name| has(name)) || has_pandas_frame(&file, &members) {
        FileKind::Boundaries
    } else if members.first().is_some_and(|group| is_morphology_group(&file, group)) {
        FileKind::MorphologyContainer
    } else {
        FileKind::OtherHdf5
    };
    Some(kind)
}

fn has_pandas_frame(file: &Hdf5File, members: &[String]) -> bool {
    members.iter().any(|group| file.read_string_attribute(&format!("/{group}"), "pandas_type").is_some())
}

fn is_morphology_group(file: &Hdf5File, group: &str) -> bool {
    ["points", "structure"].iter().all(|name| file.is_dataset(&format!("/{group}/{name}")))
}

/// Returns whether a report has the signals at contacts: it names them, as that of `leadfield signals`; or the elements of
/// every neuron are the numbers of the contacts, 0, 1, 2 and so on, where a compartment report has section ids, which
/// repeat. The first neurons decide.
fn is_lfp_report(file: &Hdf5File) -> Option<bool> {
    const NEURONS: usize = 3;
    let population = file.member_names("/report").ok()?.into_iter().next()?;
    let mapping = |name: &str| format!("/report/{population}/mapping/{name}");
    if file.has_object(&mapping("contact_names")) {
        return Some(true);
    }
    let pointers = mapping("index_pointers");
    let neurons = file.length(&pointers).ok()?.checked_sub(1)?.min(NEURONS);
    // offsets are below 2^32 in the first neurons of every report
    let offsets: Vec<usize> =
        file.read_u32_rows(&pointers, 0..neurons + 1).ok()?.into_iter().map(|n| n as usize).collect();
    let lengths: Vec<usize> = offsets.windows(2).filter_map(|pair| pair.get(1)?.checked_sub(*pair.first()?)).collect();
    let contacts = *lengths.first()?;
    if contacts < 2 || lengths.iter().any(|length| *length != contacts) {
        return Some(false);
    }
    let elements = file.read_u32_rows(&mapping("element_ids"), 0..contacts.checked_mul(neurons)?).ok()?;
    Some(elements.chunks(contacts).all(|ids| ids.iter().zip(0..).all(|(id, number)| *id == number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Detects the kind of a file with these groups.
    fn kind_with(write: impl FnOnce(&Hdf5File)) -> Option<FileKind> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.h5");
        let file = Hdf5File::create(&path).unwrap();
        write(&file);
        file.close().unwrap();
        FileKind::detect(&path).unwrap()
    }

    #[test]
    fn files_are_known_by_their_groups() {
        for (groups, kind) in [
            (&["electrodes", "neurons"][..], FileKind::ElectrodesFile),
            (&["nodes"], FileKind::Nodes),
            (&["edges"], FileKind::Edges),
            (&["FieldGroups", "Meshes"], FileKind::LeadField),
            (&["axes"], FileKind::LeadField),
            (&["points", "structure"], FileKind::H5Morphology),
            (&["other"], FileKind::OtherHdf5),
            (&[], FileKind::OtherHdf5),
        ] {
            let found = kind_with(|file| groups.iter().for_each(|g| file.create_group(&format!("/{g}")).unwrap()));
            assert_eq!(found, Some(kind), "{groups:?}");
        }
    }

    #[test]
    fn positions_and_containers_are_known_by_their_datasets() {
        let dataset = |file: &Hdf5File, name: &str| file.write_dataset(name, &[0.0], &[1]).unwrap();
        let plain = kind_with(|file| ["/xyz", "/id", "/section"].iter().for_each(|name| dataset(file, name)));
        assert_eq!(plain, Some(FileKind::Boundaries));
        let container = kind_with(|file| {
            file.create_group("/cell").unwrap();
            ["/cell/points", "/cell/structure"].iter().for_each(|name| dataset(file, name));
        });
        assert_eq!(container, Some(FileKind::MorphologyContainer));
    }

    /// A report of neurons with these elements.
    fn report(neurons: &[&[u32]]) -> Option<FileKind> {
        kind_with(|file| {
            for group in ["/report", "/report/pop", "/report/pop/mapping"] {
                file.create_group(group).unwrap();
            }
            let elements = neurons.concat();
            let mut offsets = vec![0_u64];
            neurons.iter().for_each(|n| offsets.push(offsets.last().unwrap() + n.len() as u64));
            file.write_dataset("/report/pop/mapping/element_ids", &elements, &[elements.len()]).unwrap();
            file.write_dataset("/report/pop/mapping/index_pointers", &offsets, &[offsets.len()]).unwrap();
        })
    }

    #[test]
    fn a_report_of_contacts_is_distinguished_from_one_of_compartments() {
        assert_eq!(report(&[&[0, 1, 2], &[0, 1, 2]]), Some(FileKind::LfpReport));
        for compartments in [&[&[0, 1, 1, 1][..], &[0, 1, 1, 2]][..], &[&[0], &[0]], &[&[0, 1, 2], &[0, 1]], &[]] {
            assert_eq!(report(compartments), Some(FileKind::CompartmentReport), "{compartments:?}");
        }
    }
}
