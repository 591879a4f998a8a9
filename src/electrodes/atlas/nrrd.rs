//! Reads NRRD volumes: a header of text lines, a blank line, then the samples, with the first axis fastest.
//!
//! Supported are three-dimensional volumes with one number per voxel, with attached data, and with the encoding `raw`
//! or `gzip`. Only the requested voxels are stored in memory. `space origin` is the outer corner of the first voxel, as
//! in voxcell, because the atlases of SONATA circuits use its convention; in the NRRD convention it is the voxel's
//! centre.
//!
//! Format: <https://teem.sourceforge.net/nrrd/format.html>.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::super::raw_value::truncate_for_message;
use super::sample_type::SampleType;
use crate::error::{FileProblem, Problem, Result};
use crate::geometry::Point;
use crate::io::input_file;

/// Largest length of a header.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// A problem of a volume.
#[derive(Debug, thiserror::Error)]
pub(super) enum NrrdProblem {
    #[error("not an NRRD file, expected it to begin with `NRRD`")]
    Magic,
    #[error("header without an end, expected a blank line within {MAX_HEADER_BYTES} bytes")]
    EndlessHeader,
    #[error("no `{0}` in the header")]
    Missing(&'static str),
    #[error("wrong `{field}`, expected {expected}, found `{found}`")]
    Field { field: &'static str, expected: &'static str, found: String },
    #[error("wrong dimension, expected 3, found `{0}`")]
    Dimension(String),
    #[error("data end early, expected {expected} bytes")]
    Truncated { expected: u64 },
    #[error("invalid region id in voxel {voxel}, expected an integer, found {found}")]
    NoId { voxel: u64, found: f64 },
}

impl Problem for NrrdProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Dimension(_) => Some("use a volume with one region id per voxel, without colour or time axes".into()),
            _ => None,
        }
    }
}

/// A volume whose header has been read.
#[derive(Debug)]
pub(super) struct Volume {
    path: PathBuf,
    first_byte: u64,
    sizes: [u64; 3],
    sample_type: SampleType,
    big_endian: bool,
    encoding: Encoding,
    voxel_frame: VoxelFrame,
}

#[derive(Debug, Clone, Copy)]
enum Encoding {
    Raw,
    Gzip,
}

/// Transforms positions to voxels.
#[derive(Debug)]
struct VoxelFrame {
    origin: Point,
    /// The dot products with these vectors are the coordinates in voxels along each axis.
    inverse: [Point; 3],
}

impl Volume {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// Returns an error if the file is missing or not NRRD, or if its dimension, type or encoding is not supported.
    pub fn open(path: &Path) -> Result<Self> {
        let mut reader = BufReader::new(input_file::open(path)?);
        let header = Header::read(&mut reader)?;
        header.check_supported()?;
        let type_name = header.get("type")?;
        let sample = SampleType::from_name(type_name).ok_or_else(|| NrrdProblem::Field {
            field: "type",
            expected: "an integer of 8 to 64 bits, `float` or `double`",
            found: truncate_for_message(type_name),
        })?;
        let volume = Self {
            path: path.to_path_buf(),
            first_byte: header.length_bytes,
            sizes: header.sizes()?,
            sample_type: sample,
            big_endian: header.big_endian(sample)?,
            encoding: header.encoding()?,
            voxel_frame: header.voxel_frame()?,
        };
        volume.data_bytes()?;
        Ok(volume)
    }

    /// Returns the number of bytes of all samples.
    fn data_bytes(&self) -> Result<u64, NrrdProblem> {
        let voxels = self.sizes.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
        let bytes = voxels.and_then(|voxels| voxels.checked_mul(self.sample_type.byte_width() as u64));
        let found = || self.sizes.map(|s| s.to_string()).join(" ");
        bytes.ok_or_else(|| NrrdProblem::Field {
            field: "sizes",
            expected: "a volume below 2^64 bytes",
            found: found(),
        })
    }

    /// Returns the voxel that contains a position, µm; `None` outside the volume. The far faces are outside.
    pub fn voxel_at(&self, place: Point) -> Option<u64> {
        let from_corner = place - self.voxel_frame.origin;
        let [nx, ny, nz] = self.sizes;
        let along = |inverse: Point, size: u64| {
            let index = from_corner.dot(inverse).floor();
            (index >= 0.0 && index < size as f64).then_some(index as u64)
        };
        let [a, b, c] = self.voxel_frame.inverse;
        let (i, j, k) = (along(a, nx)?, along(b, ny)?, along(c, nz)?);
        Some(i + nx * (j + ny * k))
    }

    /// Returns the region ids of voxels.
    ///
    /// # Errors
    /// Returns an error if the data end early, are not a gzip stream, or contain a number that is not an integer.
    pub fn region_ids(&self, voxels: &[Option<u64>]) -> Result<Vec<Option<i64>>> {
        let mut wanted: Vec<u64> = voxels.iter().flatten().copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let found = self.read_voxels(&wanted)?;
        Ok(voxels.iter().map(|voxel| found.get(&(*voxel)?).copied()).collect())
    }

    /// Reads the ids of some voxels in ascending order.
    fn read_voxels(&self, wanted: &[u64]) -> Result<HashMap<u64, i64>> {
        let mut file = input_file::open(&self.path)?;
        file.seek(SeekFrom::Start(self.first_byte)).map_err(FileProblem::Read)?;
        let mut reader = BufReader::new(file);
        match self.encoding {
            Encoding::Raw => {
                let skip = |reader: &mut BufReader<File>, n: u64| match i64::try_from(n) {
                    Ok(n) => reader.seek_relative(n),
                    Err(_) => Err(ErrorKind::UnexpectedEof.into()),
                };
                self.read_ascending_voxels(&mut reader, wanted, skip)
            }
            Encoding::Gzip => {
                let skip = |reader: &mut MultiGzDecoder<BufReader<File>>, n| {
                    std::io::copy(&mut reader.take(n), &mut std::io::sink()).map(|_| ())
                };
                self.read_ascending_voxels(&mut MultiGzDecoder::new(reader), wanted, skip)
            }
        }
    }

    fn read_ascending_voxels<R: Read>(
        &self,
        reader: &mut R,
        wanted: &[u64],
        skip: impl Fn(&mut R, u64) -> std::io::Result<()>,
    ) -> Result<HashMap<u64, i64>> {
        let (width, expected) = (self.sample_type.byte_width(), self.data_bytes()?);
        let refused = |error: std::io::Error| match error.kind() {
            ErrorKind::UnexpectedEof => NrrdProblem::Truncated { expected }.into(),
            _ => crate::error::Error::from(FileProblem::Read(error)),
        };
        let (mut at, mut found) = (0, HashMap::with_capacity(wanted.len()));
        for &voxel in wanted {
            let start = voxel * width as u64;
            skip(reader, start - at).map_err(refused)?;
            let mut bytes = [0; 8];
            let sample = bytes.get_mut(..width).unwrap_or_default();
            reader.read_exact(sample).map_err(refused)?;
            at = start + width as u64;
            found.insert(
                voxel,
                self.sample_type
                    .decode_id(sample, self.big_endian)
                    .map_err(|found| NrrdProblem::NoId { voxel, found })?,
            );
        }
        Ok(found)
    }
}

/// The fields of a header.
struct Header {
    fields: HashMap<String, String>,
    /// Number of bytes before the data.
    length_bytes: u64,
}

impl Header {
    fn read(reader: &mut impl BufRead) -> Result<Self> {
        let mut header = Self { fields: HashMap::new(), length_bytes: 0 };
        let mut limited = reader.take(MAX_HEADER_BYTES);
        loop {
            let mut line = Vec::new();
            let read = limited.read_until(b'\n', &mut line).map_err(FileProblem::Read)?;
            let first = header.length_bytes == 0;
            header.length_bytes += read as u64;
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            match line.split_once(": ") {
                _ if first && !line.starts_with("NRRD") => return Err(NrrdProblem::Magic.into()),
                _ if read == 0 => return Err(NrrdProblem::EndlessHeader.into()),
                _ if line.is_empty() => return Ok(header),
                _ if line.starts_with('#') => {}
                Some((field, value)) => {
                    header.fields.insert(field.trim().to_ascii_lowercase(), value.trim().into());
                }
                None => {}
            }
        }
    }

    fn get(&self, field: &'static str) -> Result<&str, NrrdProblem> {
        self.fields.get(field).map(String::as_str).ok_or(NrrdProblem::Missing(field))
    }

    /// Checks that the data are attached, are not preceded by lines or bytes, and that lengths are in µm.
    fn check_supported(&self) -> Result<(), NrrdProblem> {
        let refused = [
            ("data file", "data in this file"),
            ("datafile", "data in this file"),
            ("line skip", "`0`"),
            ("lineskip", "`0`"),
            ("byte skip", "`0`"),
            ("byteskip", "`0`"),
        ];
        for (field, expected) in refused {
            if let Some(found) = self.fields.get(field).filter(|found| *found != "0") {
                return Err(NrrdProblem::Field { field, expected, found: truncate_for_message(found) });
            }
        }
        let units = self.fields.get("space units").map(|units| units.split_ascii_whitespace().collect::<Vec<_>>());
        let um = ["\"um\"", "\"microns\"", "\"micron\"", "\"micrometer\"", "\"micrometers\"", "\"\u{b5}m\"", "\"\""];
        match units.iter().flatten().find(|unit| !um.contains(unit)) {
            Some(found) => Err(NrrdProblem::Field {
                field: "space units",
                expected: "\"um\" for each axis",
                found: truncate_for_message(found),
            }),
            None => Ok(()),
        }
    }

    fn sizes(&self) -> Result<[u64; 3], NrrdProblem> {
        let dimension = self.get("dimension")?;
        if dimension != "3" {
            return Err(NrrdProblem::Dimension(truncate_for_message(dimension)));
        }
        let sizes = self.get("sizes")?;
        let parsed = sizes.split_ascii_whitespace().map(|word| word.parse().ok().filter(|size| *size > 0));
        let parsed = parsed.collect::<Option<Vec<u64>>>().and_then(|sizes| sizes.try_into().ok());
        let expected = "three integers above 0";
        parsed.ok_or_else(|| NrrdProblem::Field { field: "sizes", expected, found: truncate_for_message(sizes) })
    }

    fn encoding(&self) -> Result<Encoding, NrrdProblem> {
        match self.get("encoding")? {
            "raw" => Ok(Encoding::Raw),
            "gzip" | "gz" => Ok(Encoding::Gzip),
            other => Err(NrrdProblem::Field {
                field: "encoding",
                expected: "`raw` or `gzip`",
                found: truncate_for_message(other),
            }),
        }
    }

    fn big_endian(&self, sample: SampleType) -> Result<bool, NrrdProblem> {
        if sample.byte_width() == 1 {
            return Ok(false);
        }
        match self.get("endian")? {
            "little" => Ok(false),
            "big" => Ok(true),
            other => Err(NrrdProblem::Field {
                field: "endian",
                expected: "`little` or `big`",
                found: truncate_for_message(other),
            }),
        }
    }

    fn voxel_frame(&self) -> Result<VoxelFrame, NrrdProblem> {
        let origin = match self.fields.get("space origin") {
            Some(text) => {
                parse_vectors(text).as_deref().and_then(|v| <[Point; 1]>::try_from(v).ok()).map(|[origin]| origin)
            }
            None => Some(Point::ORIGIN),
        };
        let wrong = |field, expected| {
            let found = truncate_for_message(self.fields.get(field).map_or("", String::as_str));
            NrrdProblem::Field { field, expected, found }
        };
        let origin = origin.ok_or_else(|| wrong("space origin", "one vector of three numbers"))?;
        if let Ok(text) = self.get("space directions") {
            let axes = parse_vectors(text).and_then(|v| <[Point; 3]>::try_from(v).ok());
            let expected = "three independent vectors of three numbers";
            return axes
                .and_then(|axes| VoxelFrame::new(origin, axes))
                .ok_or_else(|| wrong("space directions", expected));
        }
        let Ok(text) = self.get("spacings") else { return Err(NrrdProblem::Missing("space directions")) };
        let steps: Option<Vec<f64>> = text.split_ascii_whitespace().map(|word| word.parse().ok()).collect();
        let along = |[x, y, z]: [f64; 3]| [Point::new(x, 0.0, 0.0), Point::new(0.0, y, 0.0), Point::new(0.0, 0.0, z)];
        let axes = steps.and_then(|steps| steps.try_into().ok()).map(along);
        let expected = "three numbers that are not 0";
        axes.and_then(|axes| VoxelFrame::new(origin, axes)).ok_or_else(|| wrong("spacings", expected))
    }
}

impl VoxelFrame {
    /// Creates the frame from a corner and the edges of a voxel; `None` if the edges span no volume.
    fn new(origin: Point, [a, b, c]: [Point; 3]) -> Option<Self> {
        let volume = a.dot(b.cross(c));
        let inverse = [b.cross(c), c.cross(a), a.cross(b)].map(|across| across / volume);
        inverse.iter().all(|row| row.is_finite()).then_some(Self { origin, inverse })
    }
}

/// Parses vectors such as `(1,0,0) (0,1,0)`.
fn parse_vectors(text: &str) -> Option<Vec<Point>> {
    let vector = |text: &str| -> Option<Point> {
        let numbers: Option<Vec<f64>> =
            text.trim().strip_prefix('(')?.split(',').map(|n| n.trim().parse().ok()).collect();
        let point = Point::from(<[f64; 3]>::try_from(numbers?).ok()?);
        point.is_finite().then_some(point)
    };
    text.trim().strip_suffix(')')?.split(')').map(vector).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const FRAME: &str = "space directions: (10,0,0) (0,10,0) (0,0,10)\nspace origin: (0,0,0)\n";

    fn file(header: &str, data: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(format!("NRRD0005\n# a comment\n{header}\n").as_bytes()).unwrap();
        file.write_all(data).unwrap();
        file
    }

    fn header(kind: &str, encoding: &str) -> String {
        format!("type: {kind}\ndimension: 3\nsizes: 2 3 4\nencoding: {encoding}\nendian: little\nkey:=value\n{FRAME}")
    }

    /// Reads all 24 numbers of a volume of 2 x 3 x 4 voxels.
    fn all(file: &tempfile::NamedTempFile) -> Result<Vec<Option<i64>>> {
        let wanted: Vec<Option<u64>> = (0..24).map(Some).collect();
        Volume::open(file.path())?.region_ids(&wanted)
    }

    fn counting() -> Vec<Option<i64>> {
        (0..24).map(Some).collect()
    }

    fn zipped(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_type_is_read_in_both_encodings() {
        let bytes = |of: fn(u8) -> Vec<u8>| (0..24).flat_map(of).collect::<Vec<u8>>();
        let cases: [(&str, Vec<u8>); 10] = [
            ("int8", bytes(|i| vec![i])),
            ("unsigned char", bytes(|i| vec![i])),
            ("short", bytes(|i| i16::from(i).to_le_bytes().into())),
            ("uint16", bytes(|i| u16::from(i).to_le_bytes().into())),
            ("int", bytes(|i| i32::from(i).to_le_bytes().into())),
            ("unsigned int", bytes(|i| u32::from(i).to_le_bytes().into())),
            ("int64", bytes(|i| i64::from(i).to_le_bytes().into())),
            ("uint64", bytes(|i| u64::from(i).to_le_bytes().into())),
            ("float", bytes(|i| f32::from(i).to_le_bytes().into())),
            ("double", bytes(|i| f64::from(i).to_le_bytes().into())),
        ];
        for (kind, data) in cases {
            assert_eq!(all(&file(&header(kind, "raw"), &data)).unwrap(), counting(), "{kind}");
            assert_eq!(all(&file(&header(kind, "gzip"), &zipped(&data))).unwrap(), counting(), "{kind}");
        }
    }

    #[test]
    fn big_endian_and_negative_numbers_are_read() {
        let data: Vec<u8> = (0..24_i16).flat_map(|i| (-300 * i).to_be_bytes()).collect();
        let file = file(&header("int16", "raw").replace("little", "big"), &data);
        assert_eq!(all(&file).unwrap(), (0..24).map(|i| Some(-300 * i)).collect::<Vec<_>>());
    }

    #[test]
    fn voxels_can_be_requested_in_any_order_and_twice() {
        let data: Vec<u8> = (0..24).collect();
        for (encoding, data) in [("raw", data.clone()), ("gz", zipped(&data))] {
            let file = file(&header("uchar", encoding), &data);
            let found = Volume::open(file.path()).unwrap().region_ids(&[Some(23), None, Some(0), Some(23)]).unwrap();
            assert_eq!(found, [Some(23), None, Some(0), Some(23)]);
        }
    }

    #[test]
    fn positions_are_converted_to_voxels_for_any_directions() {
        // the first axis is along -y, the second along x, the third along z, with steps of 2, 4 and 8 µm
        let frame = "space directions: (0,-2,0) (4,0,0) (0,0,8)\nspace origin: (100, 50, 0)\n";
        let file = file(&header("uchar", "raw").replace(FRAME, frame), &[0; 24]);
        let volume = Volume::open(file.path()).unwrap();
        // 1.5 voxels along -y, 2.5 along x, 3.5 along z: (1, 2, 3)
        assert_eq!(volume.voxel_at(Point::new(110.0, 47.0, 28.0)), Some(1 + 2 * (2 + 3 * 3)));
        assert_eq!(volume.voxel_at(Point::new(110.0, 50.1, 28.0)), None);
        assert_eq!(volume.voxel_at(Point::new(f64::NAN, 47.0, 28.0)), None);
    }

    #[test]
    fn spacings_replace_directions() {
        let file = file(&header("uchar", "raw").replace(FRAME, "spacings: 10 20 30\n"), &[0; 24]);
        assert_eq!(Volume::open(file.path()).unwrap().voxel_at(Point::new(15.0, 59.0, 0.0)), Some(1 + 2 * 2));
    }

    #[track_caller]
    fn refused(header: &str, message: &str) {
        assert_eq!(all(&file(header, &[0; 24])).unwrap_err().to_string(), message);
    }

    #[test]
    fn a_wrong_dimension_is_refused() {
        refused(
            &header("uchar", "raw").replace("dimension: 3", "dimension: 4"),
            "wrong dimension, expected 3, found `4`",
        );
    }

    #[test]
    fn unsupported_headers_are_errors() {
        let good = header("uchar", "raw");
        let with = |from: &str, to: &str| good.replace(from, to);
        refused(&with("type: uchar\n", ""), "no `type` in the header");
        refused(
            &with("uchar", "block"),
            "wrong `type`, expected an integer of 8 to 64 bits, `float` or `double`, found `block`",
        );
        refused(&with("2 3 4", "2 3"), "wrong `sizes`, expected three integers above 0, found `2 3`");
        refused(&with("2 3 4", "2 0 4"), "wrong `sizes`, expected three integers above 0, found `2 0 4`");
        let huge = "4294967295 4294967295 4294967295";
        refused(&with("2 3 4", huge), &format!("wrong `sizes`, expected a volume below 2^64 bytes, found `{huge}`"));
        refused(&with("raw", "bzip2"), "wrong `encoding`, expected `raw` or `gzip`, found `bzip2`");
        refused(&with("uchar", "int").replace("endian: little\n", ""), "no `endian` in the header");
        refused(&with(FRAME, ""), "no `space directions` in the header");
        refused(
            &with("(0,0,10)", "(0,10,0)"),
            "wrong `space directions`, expected three independent vectors of three numbers, found `(10,0,0) (0,10,0) (0,10,0)`",
        );
        refused(&with("(0,0,0)", "(0,0)"), "wrong `space origin`, expected one vector of three numbers, found `(0,0)`");
        refused(&format!("{good}data file: a.raw\n"), "wrong `data file`, expected data in this file, found `a.raw`");
        refused(
            &format!("{good}space units: \"mm\" \"mm\" \"mm\"\n"),
            "wrong `space units`, expected \"um\" for each axis, found `\\\"mm\\\"`",
        );
    }

    #[test]
    fn data_that_end_early_are_refused() {
        for (encoding, data) in
            [("raw", vec![0; 23]), ("gzip", zipped(&[0; 23])), ("gzip", zipped(&[0; 24])[..12].into())]
        {
            let error = all(&file(&header("uchar", encoding), &data)).unwrap_err();
            assert_eq!(error.to_string(), "data end early, expected 24 bytes", "{encoding}");
        }
    }

    #[test]
    fn a_number_that_is_not_an_integer_is_an_error() {
        let data: Vec<u8> = (0..24).flat_map(|_| 0.5_f64.to_le_bytes()).collect();
        let error = all(&file(&header("double", "raw"), &data)).unwrap_err();
        assert_eq!(error.to_string(), "invalid region id in voxel 0, expected an integer, found 0.5");
    }

    #[test]
    fn a_file_that_is_not_nrrd_is_an_error() {
        let open = |content: &[u8]| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(content).unwrap();
            Volume::open(file.path()).unwrap_err().to_string()
        };
        assert_eq!(open(b""), "not an NRRD file, expected it to begin with `NRRD`");
        assert_eq!(open(b"\x89HDF"), "not an NRRD file, expected it to begin with `NRRD`");
        assert_eq!(
            open(b"NRRD0004\ntype: uchar\n"),
            "header without an end, expected a blank line within 1048576 bytes"
        );
        assert_eq!(
            open(&[b'N', b'R', b'R', b'D'].repeat(1 << 19)),
            "header without an end, expected a blank line within 1048576 bytes"
        );
    }
}
