//! Reads positions in BlueRecording's layout: pickles of the original and of other pandas versions, Parquet, HDF5.

use std::path::Path;

use leadfield::convert::bluerecording::{self, NeuronPositions};
use leadfield::geometry::Point;
use leadfield::io::hdf5::Hdf5File;

use crate::support::{golden, root, scratch};

/// Returns the labels and points of neurons, in order.
fn labelled_points(neurons: &[NeuronPositions]) -> Vec<(u64, u32, Point)> {
    let of = |n: &NeuronPositions| {
        let sections = n.sections().flat_map(|s| s.points.iter().map(move |p| (s.id, *p)));
        sections.map(|(section, p)| (n.node_id, section, p)).collect::<Vec<_>>()
    };
    neurons.iter().flat_map(of).collect()
}

/// Reads labels and points of plain arrays without the code under test.
fn arrays(path: &Path) -> Vec<(u64, u32, Point)> {
    let file = Hdf5File::open(path).unwrap();
    let (ids, sections, xyz) =
        (file.read_unsigned("/id").unwrap(), file.read_u32("/section").unwrap(), file.read_floats("/xyz").unwrap());
    let n = ids.len();
    let mut all: Vec<_> =
        (0..n).map(|i| (ids[i], sections[i], Point::new(xyz[i], xyz[n + i], xyz[2 * n + i]))).collect();
    all.sort_by_key(|(id, section, _)| (*id, *section));
    all
}

fn read_all(paths: &[&str]) -> Vec<(u64, u32, Point)> {
    let neurons: Vec<NeuronPositions> =
        paths.iter().flat_map(|path| bluerecording::read(&golden().join(path)).unwrap()).collect();
    labelled_points(&neurons)
}

#[test]
fn the_golden_pickles_hold_the_golden_boundaries_to_the_bit() {
    let expected = arrays(&golden().join("reference/positions.h5"));
    assert_eq!(expected.len(), 4082);
    assert_eq!(read_all(&["reference/positions_1file/0/positions0.pkl"]), expected);
    let two = ["reference/positions_2files/0/positions0.pkl", "reference/positions_2files/0/positions1.pkl"];
    assert_eq!(read_all(&two), expected);
}

#[test]
fn so_do_the_pickles_of_the_variants() {
    for entry in std::fs::read_dir(golden().join("variants")).unwrap() {
        let folder = entry.unwrap().path();
        let neurons = bluerecording::read(&folder.join("positions/0/positions0.pkl")).unwrap();
        assert_eq!(labelled_points(&neurons), arrays(&folder.join("positions.h5")), "{}", folder.display());
    }
}

#[test]
fn columns_of_a_frame_in_hdf5_are_the_coordinates_that_their_labels_say() {
    let dir = scratch();
    let path = dir.path().join("b.h5");
    let neurons = bluerecording::read(&golden().join("reference/positions_1file/0/positions0.pkl")).unwrap();
    bluerecording::write_hdf5(&path, &neurons).unwrap();
    crate::malformed::electrodes_file::edited(&path, |file| {
        file.unlink("/positions/block0_items").unwrap();
        let labels = ndarray::arr1(&[2_i64, 1, 0]);
        file.new_dataset_builder().with_data(&labels).create("/positions/block0_items").unwrap();
    });
    let turned = labelled_points(&bluerecording::read(&path).unwrap());
    let expected =
        labelled_points(&neurons).into_iter().map(|(id, section, p)| (id, section, Point::new(p.z, p.y, p.x)));
    assert_eq!(turned, expected.collect::<Vec<_>>());
    crate::malformed::electrodes_file::edited(&path, |file| {
        file.unlink("/positions/block0_items").unwrap();
        file.new_dataset_builder().with_data(&ndarray::arr1(&[0_i64, 1, 3])).create("/positions/block0_items").unwrap();
    });
    assert_eq!(
        bluerecording::read(&path).unwrap_err().to_string(),
        format!(
            "{}: /positions: wrong labels of rows, expected x, y, z or 0, 1, 2, each once, found `0`, `1`, `3`",
            path.display()
        )
    );
}

#[test]
fn plain_arrays_are_read_as_the_pickles_are() {
    let expected = arrays(&golden().join("reference/positions.h5"));
    assert_eq!(read_all(&["reference/positions.h5"]), expected);
}

#[test]
fn parquet_and_hdf5_of_boundaries_are_read_back_to_the_bit() {
    let dir = scratch();
    let neurons = bluerecording::read(&golden().join("reference/positions_1file/0/positions0.pkl")).unwrap();
    let (parquet, hdf5) = (dir.path().join("b.parquet"), dir.path().join("b.h5"));
    bluerecording::write_parquet(&parquet, &neurons).unwrap();
    bluerecording::write_hdf5(&hdf5, &neurons).unwrap();
    for path in [parquet, hdf5] {
        assert!(bluerecording::is_positions_file(&path).unwrap());
        assert_eq!(bluerecording::read(&path).unwrap(), neurons, "{}", path.display());
    }
}

/// The content that `datasets/pickles/make.py` writes: labels, and 100 r + c + 1/4 in row r of column c.
fn made() -> Vec<(u64, u32, Point)> {
    let labels =
        [(7, 0), (7, 0), (7, 0), (7, 3), (7, 3), (7, 3), (2, 0), (2, 1), (2, 1), (2, 9), (2, 9), (2, 9), (2, 9)];
    let point = |c: usize| {
        let c = if c < 3 { 0.0 } else { c as f64 };
        Point::new(c + 0.25, 100.0 + c + 0.25, 200.0 + c + 0.25)
    };
    labels.iter().enumerate().map(|(c, &(id, section))| (id, section, point(c))).collect()
}

#[test]
fn every_pandas_and_protocol_gives_the_same_boundaries() {
    let folder = std::fs::read_dir(root().join("datasets/pickles")).unwrap().map(|entry| entry.unwrap().path());
    let mut versions = std::collections::BTreeMap::new();
    for path in folder.filter(|path| path.extension().is_some_and(|e| e == "pkl")) {
        let name = path.file_stem().unwrap().to_str().unwrap().to_string();
        let protocol = std::fs::read(&path).unwrap()[1];
        assert!(name.ends_with(&format!("-{protocol}")), "{name}");
        assert_eq!(labelled_points(&bluerecording::read(&path).unwrap()), made(), "{name}");
        *versions.entry(name[..10].to_string()).or_insert(0) += 1;
    }
    let expected = [("pandas-1.5", 10), ("pandas-2.1", 9), ("pandas-3.1", 9)].map(|(v, n)| (v.to_string(), n));
    assert_eq!(versions.into_iter().collect::<Vec<_>>(), expected);
}
