//! h5v1: `points` [n, 4] (x, y, z, diameter) and `structure` [m, 3] (first point, type, parent row), in a separate file
//! or, in a merged container, in one group per morphology.
//!
//! Row 0 of `structure` is the soma (type 1, parent -1); a section at the soma has parent 0. A file without a soma has
//! sections only, whose roots have parent -1. A section's points end before the next section's first. They are used
//! unchanged: in this format a section starts with its parent's last point. `perimeters` and organelles are not read.
//! <https://morphology-documentation.readthedocs.io/en/latest/h5v1.html>

use std::ops::Range;
use std::path::Path;

use super::{Morphology, MorphologyProblem, Section, Soma, SomaForm, check_not_empty};
use crate::error::{Context, Error, ErrorLocation, Problem, Result};
use crate::io::hdf5::{Hdf5File, Hdf5Problem};
use crate::segments::SectionType;

/// Reasons why an h5v1 morphology is invalid, apart from the problems of any morphology.
#[derive(Debug, thiserror::Error)]
enum H5v1Problem {
    #[error("wrong first point, expected {expected}, found `{found}`")]
    FirstPoint { expected: String, found: i64 },
    #[error("wrong parent, expected {expected}, found `{found}`")]
    Parent { expected: String, found: i64 },
    #[error("unknown section type, expected 2 (axon), 3 (basal) or 4 (apical), found `{0}`")]
    Type(i64),
    #[error("soma comes late, expected type 1 in row 0 only, found it here")]
    LateSoma,
    #[error("types interleave, expected all {kind} sections consecutively in MorphIO's order, found them separated")]
    Interleaved { kind: &'static str },
}

impl Problem for H5v1Problem {
    fn hint(&self) -> Option<String> {
        matches!(self, Self::Interleaved { .. }).then(|| {
            "neurodamus would give sections of one type the same names, and join them: convert the file to SWC or \
             ASC"
            .into()
        })
    }
}

/// Maximum number of rows: tens of times those of the largest neurons, and few enough for any memory.
const MAX_ROWS: usize = 1 << 24;

/// Reads a file with one morphology.
///
/// # Errors
/// Returns an error if the file cannot be read, or `points` and `structure` are missing, have wrong shapes, or
/// contradict each other.
pub(super) fn read(path: &Path) -> Result<Morphology> {
    MorphologyGroup { file: &Hdf5File::open(path)?, name: "" }.read_morphology()
}

/// An HDF5 file with many morphologies, one group per morphology.
///
/// It is opened once, and several threads may read it; the HDF5 library serialises their calls.
#[derive(Debug, Clone)]
pub struct MorphologyContainer {
    file: Hdf5File,
}

impl MorphologyContainer {
    /// Opens a container.
    ///
    /// # Errors
    /// Returns an error if the file does not exist, cannot be read, or is not HDF5.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { file: Hdf5File::open(path)? })
    }

    /// Reads one morphology by its name, which may contain subfolders (`rat/l5/c1`), and checks it.
    ///
    /// # Errors
    /// Returns an error if there is no such name (the error lists some names), or the morphology is malformed.
    pub fn read(&self, name: &str) -> Result<Morphology> {
        let name = name.trim_matches('/');
        self.file.member_names(name)?;
        let morphology = MorphologyGroup { file: &self.file, name }.read_morphology();
        morphology.and_then(check_not_empty).in_file(&self.file.path().join(name))
    }
}

/// The group of one morphology.
struct MorphologyGroup<'a> {
    file: &'a Hdf5File,
    name: &'a str,
}

/// A row of `structure`.
#[derive(Clone, Copy)]
struct StructureRow {
    first_point: i64,
    kind: i64,
    parent: i64,
}

impl MorphologyGroup<'_> {
    fn object_path(&self, dataset: &str) -> String {
        if self.name.is_empty() { dataset.into() } else { format!("{}/{dataset}", self.name) }
    }

    fn row_error(&self, dataset: &str, row: usize, problem: impl Problem) -> Error {
        let place = ErrorLocation::file(self.file.path()).with_item(self.object_path(dataset)).with_index(row as u64);
        Error::new(place, problem)
    }

    fn read_morphology(&self) -> Result<Morphology> {
        let (points, rows) = (self.read_points()?, self.read_structure()?);
        if points.is_empty() {
            return Ok(Morphology::default());
        }
        let ranges = self.point_ranges(&rows, points.len())?;
        let soma_rows = usize::from(rows.first().is_some_and(|r| r.kind == 1));
        let soma = self.build_soma(ranges.first().filter(|_| soma_rows == 1).map_or(&[], |r| &points[r.clone()]))?;
        let sections =
            (soma_rows..rows.len()).map(|i| self.build_section(&rows, i, soma_rows, &points[ranges[i].clone()]));
        let sections: Vec<Section> = sections.collect::<Result<_>>()?;
        self.check_type_runs(&sections)?;
        Ok(Morphology::from_file_order(soma, sections))
    }

    /// Returns an error if the types interleave in depth-first order: neurodamus numbers each run of a type from 0.
    fn check_type_runs(&self, sections: &[Section]) -> Result<()> {
        let kinds = super::depth_first_order(sections).into_iter().map(|i| sections[i].kind);
        let mut runs: Vec<SectionType> = Vec::new();
        for kind in kinds {
            match runs.last() {
                Some(&last) if last == kind => {}
                _ if runs.contains(&kind) => {
                    let problem = H5v1Problem::Interleaved { kind: kind.name() };
                    return Err(Error::new(
                        ErrorLocation::file(self.file.path()).with_item(self.object_path("structure")),
                        problem,
                    ));
                }
                _ => runs.push(kind),
            }
        }
        Ok(())
    }

    /// Returns an error unless a dataset is a table with this number of columns.
    fn check_shape(&self, object: &str, columns: usize) -> Result<()> {
        let found = self.file.shape(object)?;
        let expected = match found[..] {
            [rows, width] if width == columns && rows <= MAX_ROWS => return Ok(()),
            [_, width] if width == columns => format!("at most {MAX_ROWS} rows"),
            _ => format!("[n, {columns}]"),
        };
        Err(self.file.error(object, Hdf5Problem::Shape { expected, found }))
    }

    /// Reads points and diameters as float32.
    fn read_points(&self) -> Result<Vec<[f32; 4]>> {
        let object = self.object_path("points");
        self.check_shape(&object, 4)?;
        let values: Vec<f32> = self.file.read_floats(&object)?.into_iter().map(|v| v as f32).collect();
        if let Some(i) = values.iter().position(|v| !v.is_finite()) {
            return Err(self.row_error("points", i / 4, MorphologyProblem::NotFinite(values[i])));
        }
        Ok(values.as_chunks().0.to_vec())
    }

    fn read_structure(&self) -> Result<Vec<StructureRow>> {
        let object = self.object_path("structure");
        self.check_shape(&object, 3)?;
        let values = self.file.read_signed(&object)?;
        let rows = values.as_chunks().0.iter();
        Ok(rows.map(|&[first, kind, parent]| StructureRow { first_point: first, kind, parent }).collect())
    }

    /// Returns the point range of each row. The first row starts at 0, the others ascend; only a soma may have no
    /// points.
    fn point_ranges(&self, rows: &[StructureRow], points: usize) -> Result<Vec<Range<usize>>> {
        let mut starts = Vec::with_capacity(rows.len() + 1);
        for (i, row) in rows.iter().enumerate() {
            let least = match starts.last() {
                None => 0,
                Some(&soma) if i == 1 && rows[0].kind == 1 => soma,
                Some(before) => before + 1,
            };
            let first =
                usize::try_from(row.first_point).ok().filter(|&f| f >= least && f < points && (i > 0 || f == 0));
            starts.push(first.ok_or_else(|| {
                let expected = if i == 0 { "0".into() } else { format!("{least} to {}", points.saturating_sub(1)) };
                self.row_error("structure", i, H5v1Problem::FirstPoint { expected, found: row.first_point })
            })?);
        }
        starts.push(points);
        Ok(starts.windows(2).map(|w| w[0]..w[1]).collect())
    }

    fn build_soma(&self, rows: &[[f32; 4]]) -> Result<Soma> {
        let form = match rows.len() {
            0 => SomaForm::None,
            short @ 1..3 => return Err(self.row_error("structure", 0, MorphologyProblem::ShortContour(short))),
            _ => SomaForm::Contour,
        };
        let (points, diameters) = split_diameters(rows);
        Ok(Soma { points, diameters_um: diameters, form, ..Soma::default() })
    }

    fn build_section(&self, rows: &[StructureRow], i: usize, soma_rows: usize, points: &[[f32; 4]]) -> Result<Section> {
        let row = rows[i];
        let kind = match row.kind {
            1 if soma_rows == 1 => return Err(self.row_error("structure", i, MorphologyProblem::TwoSomata)),
            1 => return Err(self.row_error("structure", i, H5v1Problem::LateSoma)),
            2 => SectionType::Axon,
            3 => SectionType::Dend,
            4 => SectionType::Apic,
            other => return Err(self.row_error("structure", i, H5v1Problem::Type(other))),
        };
        let root = soma_rows as i64 - 1;
        if row.parent < root || row.parent >= i as i64 {
            let expected = format!("{root} (a root) to {}", i as i64 - 1);
            return Err(self.row_error("structure", i, H5v1Problem::Parent { expected, found: row.parent }));
        }
        let parent = usize::try_from(row.parent - soma_rows as i64).ok();
        let (points, diameters) = split_diameters(points);
        Ok(Section { kind, parent, points, diameters_um: diameters, starts_at_soma: false })
    }
}

fn split_diameters(rows: &[[f32; 4]]) -> (Vec<[f32; 3]>, Vec<f32>) {
    rows.iter().map(|&[x, y, z, d]| ([x, y, z], d)).unzip()
}
