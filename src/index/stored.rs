//! A resident index as a file: a header, then both trees, blocks and rows as they lie in memory.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | `LFINDEX` and a zero byte |
//! | 8..12 | version, u32 |
//! | 12..16 | bytes of a coordinate, u32: 4 or 8 |
//! | 16..24 | number of segments, u64 |
//! | 24..32 | fingerprint of the table, u64 |
//! | 32..64 | zero |
//! | then | nodes of the tree of the segments' boxes, 24 bytes each |
//! | then | nodes of the tree of the midpoints' boxes, as many; then zeros up to a multiple of 64 |
//! | then | blocks of 32 segments, 768 or 1536 bytes each |
//! | then | rows, u64 |
//!
//! All numbers are little-endian.

use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::mapping::Mapping;
use super::resident::{BLOCK, Block, Blocks, Pieces, Width};
use super::tree::{Box32, level_sizes};
use crate::error::{Context, FileProblem, Problem, Result};
use crate::input_file;
use crate::staged::{Existing, Staged};

const MAGIC: [u8; 8] = *b"LFINDEX\0";
const VERSION: u32 = 2;
const HEADER: usize = 64;

/// What can be wrong with a stored index.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IndexProblem {
    /// Another kind of file.
    #[error("no index, expected a file that `leadfield query --index` has written")]
    NoIndex,
    /// Of a newer or older program.
    #[error("another index format, expected version {VERSION}, found {0}")]
    Version(u32),
    /// The table has changed, or is another one.
    #[error("index of another table, expected the fingerprint {expected:016x}, found {found:016x}")]
    Foreign {
        /// The table's.
        expected: u64,
        /// The index's.
        found: u64,
    },
    /// Not all bytes are there.
    #[error("cut short or damaged, expected {expected} bytes, found {found}")]
    Length {
        /// What the header asks for.
        expected: u64,
        /// The file's length.
        found: u64,
    },
    /// Somebody shortened it while it was read.
    #[error("cut short while it was in use, expected an index that stays as it is")]
    Shortened,
    /// Numbers are stored as a little-endian machine keeps them.
    #[error("stored indices need a little-endian machine")]
    Endian,
}

impl Problem for IndexProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Endian => Some("leave `--index` out".into()),
            _ => Some("remove the file: `--index` makes it anew where there is none".into()),
        }
    }
}

/// Where the pieces lie in the file.
#[derive(Debug, Clone)]
struct Layout {
    width: Width,
    nodes: Range<usize>,
    midpoints: Range<usize>,
    blocks: Range<usize>,
    rows: Range<usize>,
}

impl Layout {
    /// None where the sizes exceed what can be addressed.
    fn of(width: Width, segments: usize) -> Option<Self> {
        let leaves = segments.div_ceil(BLOCK);
        let nodes = level_sizes(leaves).into_iter().sum::<usize>();
        let block = match width {
            Width::Single => size_of::<Block<f32>>(),
            Width::Double => size_of::<Block<f64>>(),
        };
        let tree = nodes.checked_mul(size_of::<Box32>())?;
        let nodes = HEADER..HEADER.checked_add(tree)?;
        let midpoints = nodes.end..nodes.end.checked_add(tree)?;
        let first_block = midpoints.end.checked_next_multiple_of(HEADER)?;
        let blocks = first_block..first_block.checked_add(leaves.checked_mul(block)?)?;
        let rows = blocks.end..blocks.end.checked_add(segments.checked_mul(size_of::<u64>())?)?;
        Some(Self { width, nodes, midpoints, blocks, rows })
    }
}

/// A mapped file whose pieces all lie inside it.
#[derive(Debug)]
pub(super) struct Mapped {
    map: Mapping,
    layout: Layout,
}

impl Mapped {
    pub(super) fn open(path: &Path, fingerprint: u64) -> Result<Self> {
        let file = input_file::open(path)?;
        // `write` changes no file that is there: it renames
        let map = Mapping::new(&file, path).map_err(FileProblem::Read).in_file(path)?;
        let layout = checked(&map, fingerprint).in_file(path)?;
        Ok(Self { map, layout })
    }

    pub(super) fn pieces(&self) -> Pieces<'_> {
        let Layout { width, nodes, midpoints, blocks, rows } = &self.layout;
        Pieces {
            nodes: self.slice(nodes),
            midpoints: self.slice(midpoints),
            blocks: match width {
                Width::Single => Blocks::Single(self.slice(blocks)),
                Width::Double => Blocks::Double(self.slice(blocks)),
            },
            rows: self.slice(rows),
        }
    }

    /// A piece; the layout was checked when the file was opened, and maps begin on a memory page.
    fn slice<T: FromBytes + Immutable + KnownLayout>(&self, range: &Range<usize>) -> &[T] {
        let bytes = self.map.get(range.clone()).unwrap_or_default();
        <[T]>::ref_from_bytes(bytes).unwrap_or_default()
    }
}

fn checked(map: &[u8], fingerprint: u64) -> Result<Layout, IndexProblem> {
    if cfg!(target_endian = "big") {
        return Err(IndexProblem::Endian);
    }
    let header = map.get(..HEADER).filter(|h| h.starts_with(&MAGIC)).ok_or(IndexProblem::NoIndex)?;
    let version = number(header, 8, 4) as u32;
    if version != VERSION {
        return Err(IndexProblem::Version(version));
    }
    let width = match number(header, 12, 4) {
        4 => Width::Single,
        8 => Width::Double,
        _ => return Err(IndexProblem::NoIndex),
    };
    let found = number(header, 24, 8);
    if found != fingerprint {
        return Err(IndexProblem::Foreign { expected: fingerprint, found });
    }
    let layout = usize::try_from(number(header, 16, 8)).ok().and_then(|n| Layout::of(width, n));
    let layout = layout.ok_or(IndexProblem::NoIndex)?;
    match (layout.rows.end, map.len()) {
        (expected, found) if expected == found => Ok(layout),
        (expected, found) => Err(IndexProblem::Length { expected: expected as u64, found: found as u64 }),
    }
}

/// A little-endian number of some bytes of the header.
fn number(header: &[u8], at: usize, length: usize) -> u64 {
    header.iter().skip(at).take(length).rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

/// Writes an index beside its name and renames it.
pub(super) fn write(path: &Path, pieces: &Pieces<'_>, fingerprint: u64, existing: Existing) -> Result<()> {
    if cfg!(target_endian = "big") {
        return Err(IndexProblem::Endian).in_file(path);
    }
    let staged = Staged::new(path, existing)?;
    let mut out = BufWriter::with_capacity(1 << 20, staged.file()?);
    write_pieces(&mut out, pieces, fingerprint).map_err(FileProblem::Write).in_file(path)?;
    staged.commit()
}

fn write_pieces(out: &mut impl Write, pieces: &Pieces<'_>, fingerprint: u64) -> std::io::Result<()> {
    let (width, blocks) = match pieces.blocks {
        Blocks::Single(blocks) => (4_u32, blocks.as_bytes()),
        Blocks::Double(blocks) => (8, blocks.as_bytes()),
    };
    let mut header = Vec::with_capacity(HEADER);
    header.extend(MAGIC);
    header.extend(VERSION.to_le_bytes());
    header.extend(width.to_le_bytes());
    header.extend((pieces.rows.len() as u64).to_le_bytes());
    header.extend(fingerprint.to_le_bytes());
    header.resize(HEADER, 0);
    out.write_all(&header)?;
    let trees = [pieces.nodes.as_bytes(), pieces.midpoints.as_bytes()];
    trees.iter().try_for_each(|nodes| out.write_all(nodes))?;
    let length: usize = trees.iter().map(|nodes| nodes.len()).sum();
    out.write_all(&[0; HEADER][..length.next_multiple_of(HEADER) - length])?;
    out.write_all(blocks)?;
    out.write_all(pieces.rows.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;
    use crate::geometry::region::{Predicate, Sphere};
    use crate::index::Resident;
    use crate::index::resident::Builder;

    fn made(width: Width, segments: u32) -> Resident {
        let mut builder = Builder::new(width);
        for i in 0..segments {
            let x = f64::from(i) * 0.5;
            builder.push(Point::new(x, 0.0, 0.0), Point::new(x + 0.25, 1.0, 0.0), u64::from(i) + 7);
        }
        builder.build()
    }

    fn refusal(change: impl FnOnce(&mut Vec<u8>)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.index");
        made(Width::Single, 100).write(&path, 42, Existing::Keep).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let error = Resident::open(&path, 42).unwrap_err();
        assert!(error.hint().unwrap().starts_with("remove the file"));
        error.to_string().replace(path.to_str().unwrap(), "a.index")
    }

    #[test]
    fn a_stored_index_answers_as_the_one_that_was_stored() {
        let folder = tempfile::tempdir().unwrap();
        for (name, width, n) in [("a", Width::Single, 1000), ("b", Width::Double, 33), ("c", Width::Single, 0)] {
            let (index, path) = (made(width, n), folder.path().join(name));
            index.write(&path, 42, Existing::Keep).unwrap();
            let stored = Resident::open(&path, 42).unwrap();
            let sphere = Sphere::new(Point::new(8.0, 0.0, 0.0), 3.0).unwrap();
            for predicate in Predicate::ALL {
                assert_eq!(stored.find(&sphere, predicate), index.find(&sphere, predicate));
            }
            assert_eq!((stored.len(), stored.bounds()), (index.len(), index.bounds()));
            assert_eq!((stored.row(5), stored.ends(5)), (index.row(5), index.ends(5)));
            assert_eq!(stored.nearest(Point::ORIGIN, 4), index.nearest(Point::ORIGIN, 4));
        }
    }

    #[test]
    fn what_is_no_index_of_the_table_is_refused() {
        let no_index = "a.index: no index, expected a file that `leadfield query --index` has written";
        assert_eq!(refusal(|bytes| bytes[0] = b'X'), no_index);
        assert_eq!(refusal(|bytes| bytes.truncate(63)), no_index);
        assert_eq!(refusal(|bytes| bytes[12] = 5), no_index);
        assert_eq!(refusal(|bytes| bytes[16..24].fill(0xff)), no_index);
        assert_eq!(refusal(|bytes| bytes[8] = 1), "a.index: another index format, expected version 2, found 1");
        assert_eq!(
            refusal(|bytes| bytes[24] = 43),
            "a.index: index of another table, expected the fingerprint 000000000000002a, found 000000000000002b"
        );
        // 100 segments: two trees of 4 leaves and a root of 24 bytes up to 256, 4 blocks of 768, 100 rows of 8; and the header
        let whole = 64 + 256 + 4 * 768 + 100 * 8;
        assert_eq!(
            refusal(|bytes| bytes.truncate(whole - 1)),
            format!("a.index: cut short or damaged, expected {whole} bytes, found {}", whole - 1)
        );
        assert!(refusal(Vec::clear).contains("a.index: "));
    }
}
