//! The file format of a stored segment index: a header, then both trees, the blocks and the rows, in their memory
//! layout.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | `LFINDEX` and a zero byte |
//! | 8..12 | version, u32 |
//! | 12..16 | bytes of a coordinate, u32: 4 or 8 |
//! | 16..24 | number of segments, u64 |
//! | 24..32 | fingerprint of the table, u64 |
//! | 32..36 | CRC-32 of both trees and the zeros after them |
//! | 36..40 | CRC-32 of the list of the blocks' CRC-32 |
//! | 40..44 | CRC-32 of the bytes 0..40 |
//! | 44..64 | zero |
//! | then | nodes of the tree of the segments' boxes, 24 bytes each |
//! | then | nodes of the tree of the midpoints' boxes, as many; then zeros up to a multiple of 64 |
//! | then | blocks of 32 segments, 768 or 1536 bytes each |
//! | then | rows, u64 |
//! | then | CRC-32 of each block and its rows, u32 |
//!
//! Trees and checksums are checked when a file is opened, and a block when it is first used.
//! All numbers are little-endian.

use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::mapping::Mapping;
use super::packed_tree::{Aabb32, level_sizes};
use super::problem::{IndexProblem, VERSION};
use super::segment_blocks::{BlockSlices, CoordinateBlock, CoordinateWidth, SEGMENTS_PER_BLOCK};
use crate::error::{Context, FileProblem, Result};
use crate::io::atomic_output::{AtomicOutput, OverwritePolicy};
use crate::io::input_file;

const MAGIC: [u8; 8] = *b"LFINDEX\0";
const HEADER_BYTES: usize = 64;

/// All pieces of an index, borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct IndexParts<'a> {
    /// The tree over the boxes around the segments.
    pub(super) nodes: &'a [Aabb32],
    /// The tree over the boxes around their midpoints.
    pub(super) midpoints: &'a [Aabb32],
    pub(super) blocks: BlockSlices<'a>,
    pub(super) rows: &'a [u64],
    /// The file that contains the pieces; its blocks are checked before they are used.
    pub(super) mapped: Option<&'a MappedIndex>,
}

/// The byte ranges of the pieces in the file.
#[derive(Debug, Clone)]
struct IndexFileLayout {
    width: CoordinateWidth,
    nodes: Range<usize>,
    midpoints: Range<usize>,
    blocks: Range<usize>,
    rows: Range<usize>,
    checksums: Range<usize>,
}

impl IndexFileLayout {
    /// Returns the layout; `None` if the sizes exceed the address space.
    fn new(width: CoordinateWidth, segments: usize) -> Option<Self> {
        let leaves = segments.div_ceil(SEGMENTS_PER_BLOCK);
        let nodes = level_sizes(leaves).into_iter().sum::<usize>();
        let block = match width {
            CoordinateWidth::Single => size_of::<CoordinateBlock<f32>>(),
            CoordinateWidth::Double => size_of::<CoordinateBlock<f64>>(),
        };
        let tree = nodes.checked_mul(size_of::<Aabb32>())?;
        let nodes = HEADER_BYTES..HEADER_BYTES.checked_add(tree)?;
        let midpoints = nodes.end..nodes.end.checked_add(tree)?;
        let first_block = midpoints.end.checked_next_multiple_of(HEADER_BYTES)?;
        let blocks = first_block..first_block.checked_add(leaves.checked_mul(block)?)?;
        let rows = blocks.end..blocks.end.checked_add(segments.checked_mul(size_of::<u64>())?)?;
        let sums = rows.end..rows.end.checked_add(leaves.checked_mul(size_of::<u32>())?)?;
        Some(Self { width, nodes, midpoints, blocks, rows, checksums: sums })
    }
}

/// A mapped file with all pieces inside it.
#[derive(Debug)]
pub(super) struct MappedIndex {
    map: Mapping,
    layout: IndexFileLayout,
    path: PathBuf,
    /// One bit for each block that has been checked.
    intact_blocks: Box<[AtomicU64]>,
    is_damaged: AtomicBool,
}

impl MappedIndex {
    pub(super) fn open(path: &Path, fingerprint: u64) -> Result<Self> {
        let file = input_file::open(path)?;
        // `write` does not change an existing file: it renames a new one
        let map = Mapping::new(&file, path).map_err(FileProblem::Read).in_file(path)?;
        let layout = check_header(&map, fingerprint).in_file(path)?;
        let words = layout.checksums.len().div_ceil(size_of::<u32>() * 64);
        let intact_blocks = (0..words).map(|_| AtomicU64::new(0)).collect();
        Ok(Self { map, layout, path: path.to_path_buf(), intact_blocks, is_damaged: AtomicBool::new(false) })
    }

    /// Returns whether a block and its rows are as written; [`MappedIndex::check_used_blocks`] reports damaged ones.
    pub(super) fn is_block_intact(&self, block: usize) -> bool {
        let (word, bit) = (block / 64, 1 << (block % 64));
        let Some(seen) = self.intact_blocks.get(word) else { return false };
        if seen.load(Ordering::Relaxed) & bit != 0 {
            return true;
        }
        let IndexFileLayout { blocks, rows, checksums: sums, .. } = &self.layout;
        let size = blocks.len() / (sums.len() / size_of::<u32>()).max(1);
        let first = blocks.start + block * size;
        let first_row = rows.start + block * SEGMENTS_PER_BLOCK * size_of::<u64>();
        let own_rows = first_row..(first_row + SEGMENTS_PER_BLOCK * size_of::<u64>()).min(rows.end);
        let mut sum = crc32fast::Hasher::new();
        sum.update(self.map.get(first..first + size).unwrap_or_default());
        sum.update(self.map.get(own_rows).unwrap_or_default());
        let stated = read_number(&self.map, sums.start + block * size_of::<u32>(), size_of::<u32>());
        let is_sound = u64::from(sum.finalize()) == stated;
        if is_sound {
            seen.fetch_or(bit, Ordering::Relaxed);
        } else {
            self.is_damaged.store(true, Ordering::Relaxed);
        }
        is_sound
    }

    /// Returns an error if a block that was used is damaged.
    pub(super) fn check_used_blocks(&self) -> Result<()> {
        if self.is_damaged.load(Ordering::Relaxed) { Err(IndexProblem::Damaged).in_file(&self.path) } else { Ok(()) }
    }

    pub(super) fn index_parts(&self) -> IndexParts<'_> {
        let IndexFileLayout { width, nodes, midpoints, blocks, rows, .. } = &self.layout;
        IndexParts {
            nodes: self.slice(nodes),
            midpoints: self.slice(midpoints),
            blocks: match width {
                CoordinateWidth::Single => BlockSlices::Single(self.slice(blocks)),
                CoordinateWidth::Double => BlockSlices::Double(self.slice(blocks)),
            },
            rows: self.slice(rows),
            mapped: Some(self),
        }
    }

    /// Returns a piece; the layout was checked when the file was opened, and mappings begin on a memory page.
    fn slice<T: FromBytes + Immutable + KnownLayout>(&self, range: &Range<usize>) -> &[T] {
        let bytes = self.map.get(range.clone()).unwrap_or_default();
        <[T]>::ref_from_bytes(bytes).unwrap_or_default()
    }
}

fn check_header(map: &[u8], fingerprint: u64) -> Result<IndexFileLayout, IndexProblem> {
    if cfg!(target_endian = "big") {
        return Err(IndexProblem::Endian);
    }
    let header = map.get(..HEADER_BYTES).filter(|h| h.starts_with(&MAGIC)).ok_or(IndexProblem::NotAnIndex)?;
    let version = read_number(header, 8, 4) as u32;
    if version != VERSION {
        return Err(IndexProblem::Version(version));
    }
    let width = match read_number(header, 12, 4) {
        4 => CoordinateWidth::Single,
        8 => CoordinateWidth::Double,
        _ => return Err(IndexProblem::NotAnIndex),
    };
    let found = read_number(header, 24, 8);
    if found != fingerprint {
        return Err(IndexProblem::OtherTable { expected: fingerprint, found });
    }
    let layout = usize::try_from(read_number(header, 16, 8)).ok().and_then(|n| IndexFileLayout::new(width, n));
    let layout = layout.ok_or(IndexProblem::NotAnIndex)?;
    let (expected, found) = (layout.checksums.end, map.len());
    if expected != found {
        return Err(IndexProblem::Length { expected: expected as u64, found: found as u64 });
    }
    let sum = |range: Range<usize>| u64::from(crc32fast::hash(map.get(range).unwrap_or_default()));
    let is_sound = sum(HEADER_BYTES..layout.blocks.start) == read_number(header, 32, 4)
        && sum(layout.checksums.clone()) == read_number(header, 36, 4)
        && sum(0..40) == read_number(header, 40, 4);
    if is_sound { Ok(layout) } else { Err(IndexProblem::Damaged) }
}

/// Reads a little-endian number from bytes of the header.
fn read_number(header: &[u8], at: usize, length: usize) -> u64 {
    header.iter().skip(at).take(length).rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

/// Writes an index to a temporary file and renames it.
pub(super) fn write(path: &Path, pieces: &IndexParts<'_>, fingerprint: u64, existing: OverwritePolicy) -> Result<()> {
    if cfg!(target_endian = "big") {
        return Err(IndexProblem::Endian).in_file(path);
    }
    let staged = AtomicOutput::create_file(path, existing)?;
    let mut out = BufWriter::with_capacity(1 << 20, staged.open_writer()?);
    write_parts(&mut out, pieces, fingerprint).map_err(FileProblem::Write).in_file(path)?;
    staged.commit()
}

fn write_parts(out: &mut impl Write, pieces: &IndexParts<'_>, fingerprint: u64) -> std::io::Result<()> {
    let (width, blocks) = match pieces.blocks {
        BlockSlices::Single(blocks) => (4_u32, blocks.as_bytes()),
        BlockSlices::Double(blocks) => (8, blocks.as_bytes()),
    };
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend(MAGIC);
    header.extend(VERSION.to_le_bytes());
    header.extend(width.to_le_bytes());
    header.extend((pieces.rows.len() as u64).to_le_bytes());
    header.extend(fingerprint.to_le_bytes());
    let trees = [pieces.nodes.as_bytes(), pieces.midpoints.as_bytes()];
    let length: usize = trees.iter().map(|nodes| nodes.len()).sum();
    let filling = &[0; HEADER_BYTES][..length.next_multiple_of(HEADER_BYTES) - length];
    let mut sum = crc32fast::Hasher::new();
    trees.iter().chain([&filling]).for_each(|bytes| sum.update(bytes));
    let sums = block_checksums(blocks, pieces.rows);
    header.extend(sum.finalize().to_le_bytes());
    header.extend(crc32fast::hash(sums.as_bytes()).to_le_bytes());
    header.extend(crc32fast::hash(&header).to_le_bytes());
    header.resize(HEADER_BYTES, 0);
    out.write_all(&header)?;
    trees.iter().try_for_each(|nodes| out.write_all(nodes))?;
    out.write_all(filling)?;
    out.write_all(blocks)?;
    out.write_all(pieces.rows.as_bytes())?;
    out.write_all(sums.as_bytes())?;
    out.flush()
}

/// Returns the CRC-32 of each block and its rows.
fn block_checksums(blocks: &[u8], rows: &[u64]) -> Vec<u32> {
    let size = blocks.len() / rows.len().div_ceil(SEGMENTS_PER_BLOCK).max(1);
    let sum = |(block, rows): (&[u8], &[u64])| {
        let mut sum = crc32fast::Hasher::new();
        sum.update(block);
        sum.update(rows.as_bytes());
        sum.finalize()
    };
    blocks.chunks_exact(size.max(1)).zip(rows.chunks(SEGMENTS_PER_BLOCK)).map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;
    use crate::geometry::region::{Predicate, Sphere};
    use crate::segments::index::SegmentIndex;
    use crate::segments::index::segment_index::SegmentIndexBuilder;

    fn build_index(width: CoordinateWidth, segments: u32) -> SegmentIndex {
        let mut builder = SegmentIndexBuilder::new(width);
        for i in 0..segments {
            let x = f64::from(i) * 0.5;
            builder.push(Point::new(x, 0.0, 0.0), Point::new(x + 0.25, 1.0, 0.0), u64::from(i) + 7);
        }
        builder.build()
    }

    fn refusal(change: impl FnOnce(&mut Vec<u8>)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.index");
        build_index(CoordinateWidth::Single, 100).write(&path, 42, OverwritePolicy::Refuse).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let error = SegmentIndex::open(&path, 42).unwrap_err();
        // only a damaged index of this table is of no use to anybody
        let is_other = matches!(error.problem(), Some(IndexProblem::NotAnIndex | IndexProblem::OtherTable { .. }));
        assert_eq!(error.hint().unwrap().starts_with("remove the file"), !is_other);
        error.to_string().replace(path.to_str().unwrap(), "a.index")
    }

    #[test]
    fn a_stored_index_gives_the_same_answers_as_the_original() {
        let folder = tempfile::tempdir().unwrap();
        for (name, width, n) in [
            ("a", CoordinateWidth::Single, 1000),
            ("b", CoordinateWidth::Double, 33),
            ("c", CoordinateWidth::Single, 0),
        ] {
            let (index, path) = (build_index(width, n), folder.path().join(name));
            index.write(&path, 42, OverwritePolicy::Refuse).unwrap();
            let stored = SegmentIndex::open(&path, 42).unwrap();
            let sphere = Sphere::new(Point::new(8.0, 0.0, 0.0), 3.0).unwrap();
            for predicate in Predicate::ALL {
                assert_eq!(stored.find(&sphere, predicate), index.find(&sphere, predicate));
            }
            assert_eq!((stored.len(), stored.bounds()), (index.len(), index.bounds()));
            assert_eq!((stored.row(5), stored.segment_ends(5)), (index.row(5), index.segment_ends(5)));
            assert_eq!(stored.nearest(Point::ORIGIN, 4), index.nearest(Point::ORIGIN, 4));
        }
    }

    #[test]
    fn a_file_that_is_not_an_index_of_the_table_is_an_error() {
        let no_index = "a.index: not an index, expected a file written by `leadfield query --index`";
        assert_eq!(refusal(|bytes| bytes[0] = b'X'), no_index);
        assert_eq!(refusal(|bytes| bytes.truncate(63)), no_index);
        assert_eq!(refusal(|bytes| bytes[12] = 5), no_index);
        assert_eq!(refusal(|bytes| bytes[16..24].fill(0xff)), no_index);
        assert_eq!(refusal(|bytes| bytes[8] = 1), "a.index: unsupported index format, expected version 3, found 1");
        assert_eq!(
            refusal(|bytes| bytes[24] = 43),
            "a.index: index of another table, expected the fingerprint 000000000000002a, found 000000000000002b"
        );
        // 100 segments: the header; two trees of 4 leaves and a root, 24 bytes each, padded to 256; 4 blocks of 768;
        // 100 rows of 8; 4 checksums
        let file_bytes = 64 + 256 + 4 * 768 + 100 * 8 + 4 * 4;
        assert_eq!(
            refusal(|bytes| bytes.truncate(file_bytes - 1)),
            format!("a.index: cut short or damaged, expected {file_bytes} bytes, found {}", file_bytes - 1)
        );
        assert!(refusal(Vec::clear).contains("a.index: "));
        // the trees, the zeros at the end of the header, and the checksums
        for at in [40, 64, 300, file_bytes - 1] {
            let damaged = "a.index: damaged, expected the bytes that were written, found others";
            assert_eq!(refusal(|bytes| bytes[at] ^= 1), damaged, "{at}");
        }
    }

    #[test]
    fn a_flipped_bit_of_a_block_or_its_rows_is_found_when_the_block_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.index");
        build_index(CoordinateWidth::Single, 100).write(&path, 42, OverwritePolicy::Refuse).unwrap();
        let original = std::fs::read(&path).unwrap();
        let everywhere = Sphere::new(Point::new(0.0, 0.0, 0.0), 1e6).unwrap();
        let (blocks, sums) = (64 + 256, original.len() - 16);
        for at in (blocks..sums).step_by(41) {
            let mut bytes = original.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&path, bytes).unwrap();
            let index = SegmentIndex::open(&path, 42).unwrap();
            index.check_used_blocks().unwrap();
            index.find(&everywhere, Predicate::Midpoint);
            let error = index.check_used_blocks().unwrap_err();
            assert!(
                error.to_string().ends_with("a.index: damaged, expected the bytes that were written, found others")
            );
            let index = SegmentIndex::open(&path, 42).unwrap();
            index.nearest(Point::ORIGIN, 100);
            assert!(index.check_used_blocks().is_err(), "{at}");
        }
        // a block that is not used is not read
        let mut bytes = original.clone();
        bytes[sums - 1] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let index = SegmentIndex::open(&path, 42).unwrap();
        assert_eq!(index.count(&Sphere::new(Point::ORIGIN, 3.0).unwrap(), Predicate::Midpoint), 6);
        index.check_used_blocks().unwrap();
    }
}
