//! Reads and writes boundary points in HDF5: a frame in pandas' fixed format, with the index (id, section) and the
//! columns x, y, z; or plain arrays.
//!
//! pandas refuses to store a frame with duplicate column names, so the transposed frame is stored:
//! `positions.T.to_hdf(path, key="positions")`, and `pandas.read_hdf(path).T` returns the original layout.

use std::path::Path;

use super::labelled_points::{LEVEL_NAMES, LabelledPoints, find_axes};
use super::{NeuronPositions, PositionsFileProblem};
use crate::convert::pickle::RowLabels;
use crate::error::{Result, join_quoted};
use crate::geometry::Point;
use crate::io::hdf5::{Hdf5File, Hdf5Problem};

/// The group that [`write()`] creates.
const PANDAS_KEY: &str = "positions";

/// Returns whether an HDF5 file has one of the two layouts.
pub(super) fn is_positions_file(path: &Path) -> bool {
    Hdf5File::open(path).is_ok_and(|file| find_pandas_frame(&file).is_some() || has_plain_arrays(&file))
}

fn has_plain_arrays(file: &Hdf5File) -> bool {
    ["xyz", "id", "section"].iter().all(|name| file.is_dataset(&format!("/{name}")))
}

/// Returns the first group that is marked as a pandas frame.
fn find_pandas_frame(file: &Hdf5File) -> Option<String> {
    let names = file.member_names("/").ok()?;
    names
        .into_iter()
        .map(|name| format!("/{name}"))
        .find(|group| file.read_string_attribute(group, "pandas_type").is_some())
}

/// Reads the columns of a file.
pub(super) fn read(file: &Hdf5File) -> Result<LabelledPoints> {
    match find_pandas_frame(file) {
        Some(group) => read_pandas_frame(file, &group),
        None if has_plain_arrays(file) => read_plain_arrays(file),
        None => Err(file.error("/", PositionsFileProblem::NoFrame(join_quoted(file.member_names("/")?, 8)))),
    }
}

fn read_plain_arrays(file: &Hdf5File) -> Result<LabelledPoints> {
    let (ids, sections) = (file.read_signed("/id")?, file.read_signed("/section")?);
    let (shape, xyz) = (file.shape("/xyz")?, file.read_floats("/xyz")?);
    let [3, columns] = shape[..] else {
        let expected = format!("[3, {}]", ids.len());
        return Err(file.error("/xyz", Hdf5Problem::Shape { expected, found: shape }));
    };
    let (x, rest) = xyz.split_at(columns);
    let (y, z) = rest.split_at(columns);
    let points = x.iter().zip(y).zip(z).map(|((&x, &y), &z)| Point::new(x, y, z)).collect();
    Ok(LabelledPoints { node_ids: ids, section_ids: sections, points })
}

/// Reads a frame in pandas' fixed format.
fn read_pandas_frame(file: &Hdf5File, group: &str) -> Result<LabelledPoints> {
    let text = |name: &str| file.read_string_attribute(group, name).unwrap_or_else(|| "nothing".into());
    let wrong = |found: String| file.error(group, PositionsFileProblem::WrongFrame(found));
    if text("pandas_type") != "frame" {
        return Err(wrong(format!("`{}`", text("pandas_type"))));
    }
    if text("axis1_variety") != "multi" {
        return Err(wrong(format!("an index of type `{}`", text("axis1_variety"))));
    }
    if file.read_float_attribute(group, "axis1_nlevels") != Some(2.0) {
        return Err(wrong("an index with another number of levels".into()));
    }
    if file.read_float_attribute(group, "nblocks") != Some(1.0) {
        return Err(wrong("several blocks".into()));
    }
    let labels = |level: usize| -> Result<Vec<i64>> {
        let (values, codes) = (format!("{group}/axis1_level{level}"), format!("{group}/axis1_label{level}"));
        let name =
            file.read_string_attribute(&values, "name").filter(|name| !name.starts_with("N.")).unwrap_or_default();
        if !name.is_empty() && Some(name.as_str()) != LEVEL_NAMES.get(level).copied() {
            return Err(wrong(format!("a level `{name}`")));
        }
        let known = file.read_signed(&values)?;
        let label = |(row, code): (usize, &i64)| {
            let found = usize::try_from(*code).ok().and_then(|code| known.get(code)).copied();
            found.ok_or_else(|| file.error_at(&codes, row, Hdf5Problem::Negative(*code)))
        };
        file.read_signed(&codes)?.iter().enumerate().map(label).collect()
    };
    let (ids, sections) = (labels(0)?, labels(1)?);
    let object = format!("{group}/block0_values");
    let (shape, values) = (file.shape(&object)?, file.read_floats(&object)?);
    if shape != [ids.len(), 3] {
        let expected = format!("[{}, 3]", ids.len());
        return Err(file.error(&object, Hdf5Problem::Shape { expected, found: shape }));
    }
    file.check_strings()?;
    let axes = find_axes(&read_row_labels(file, group)?).map_err(|problem| file.error(group, problem))?;
    let point = |values: &[f64; 3]| Point::from(axes.map(|column| values[column]));
    let points = values.as_chunks::<3>().0.iter().map(point).collect();
    Ok(LabelledPoints { node_ids: ids, section_ids: sections, points })
}

/// Reads the labels of the value columns, which are the rows of the original frame.
fn read_row_labels(file: &Hdf5File, group: &str) -> Result<RowLabels> {
    let object = format!("{group}/block0_items");
    Ok(match file.read_signed(&object) {
        Ok(numbers) => RowLabels::Numbers(numbers),
        Err(_) if file.read_string_attribute(&object, "kind").as_deref() == Some("string") => {
            RowLabels::Texts(file.read_strings(&object)?)
        }
        Err(_) => RowLabels::Other,
    })
}

/// Writes boundary points as a frame that `pandas.read_hdf(path).T` reads: pandas' fixed format, uncompressed.
///
/// # Errors
/// Returns an error if the file cannot be written.
pub fn write(path: &Path, neurons: &[NeuronPositions]) -> Result<()> {
    let file = Hdf5File::create(path)?;
    let group = format!("/{PANDAS_KEY}");
    file.create_group(&group)?;
    write_node_attributes(&file, "/", "GROUP", "1.0")?;
    file.write_fixed_attribute("/", "PYTABLES_FORMAT_VERSION", "2.1")?;
    write_node_attributes(&file, &group, "GROUP", "1.0")?;
    let texts = [
        ("axis0_variety", "regular"),
        ("axis1_variety", "multi"),
        ("block0_items_variety", "regular"),
        ("encoding", "UTF-8"),
        ("errors", "strict"),
        ("pandas_type", "frame"),
    ];
    texts.iter().try_for_each(|(name, text)| file.write_fixed_attribute(&group, name, text))?;
    let numbers: [(&str, i64); 3] = [("axis1_nlevels", 2), ("nblocks", 1), ("ndim", 2)];
    numbers.iter().try_for_each(|(name, number)| file.write_attribute(&group, name, number))?;
    for name in ["axis0", "block0_items"] {
        let object = write_array(&file, name, &[0_i64, 1, 2], &[3])?;
        file.write_fixed_attribute(&object, "kind", "integer")?;
    }
    let sections = || neurons.iter().flat_map(|n| n.sections().map(|s| (n.node_id, s.id, s.points.len())));
    let repeated = |label: i64, times: usize| std::iter::repeat_n(label, times);
    let ids: Vec<i64> = sections().flat_map(|(id, _, n)| repeated(id as i64, n)).collect();
    let ids_of_sections: Vec<i64> = sections().flat_map(|(_, section, n)| repeated(i64::from(section), n)).collect();
    write_index_level(&file, 0, &ids)?;
    write_index_level(&file, 1, &ids_of_sections)?;
    let points = neurons.iter().flat_map(NeuronPositions::sections).flat_map(|s| s.points);
    let values: Vec<f64> = points.flat_map(|point| point.to_array()).collect();
    write_array(&file, "block0_values", &values, &[ids.len(), 3])?;
    file.close()
}

/// Writes one level of labels: the distinct labels, ascending, and the index among them of each label.
fn write_index_level(file: &Hdf5File, number: usize, labels: &[i64]) -> Result<()> {
    let mut distinct = labels.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let codes: Vec<i64> = labels.iter().map(|label| distinct.partition_point(|other| other < label) as i64).collect();
    let object = write_array(file, &format!("axis1_level{number}"), &distinct, &[distinct.len()])?;
    let name = LEVEL_NAMES.get(number).copied().unwrap_or_default();
    file.write_fixed_attribute(&object, "kind", "integer")?;
    file.write_fixed_attribute(&object, "name", name)?;
    file.write_fixed_attribute(&object, &format!("axis1_name{name}"), name)?;
    write_array(file, &format!("axis1_label{number}"), &codes, &[codes.len()]).map(drop)
}

/// Writes an array with the attributes of PyTables, which pandas uses, and returns its path.
fn write_array<T: hdf5::H5Type>(file: &Hdf5File, name: &str, values: &[T], shape: &[usize]) -> Result<String> {
    let object = format!("/{PANDAS_KEY}/{name}");
    file.write_dataset(&object, values, shape)?;
    write_node_attributes(file, &object, "ARRAY", "2.4")?;
    file.write_fixed_attribute(&object, "FLAVOR", "numpy")?;
    // pandas' flag: the dataset is the transpose of the array in memory, which pandas restores on reading
    file.write_attribute(&object, "transposed", &1_u8)?;
    Ok(object)
}

fn write_node_attributes(file: &Hdf5File, object: &str, class: &str, version: &str) -> Result<()> {
    file.write_fixed_attribute(object, "CLASS", class)?;
    file.write_fixed_attribute(object, "VERSION", version)
}
