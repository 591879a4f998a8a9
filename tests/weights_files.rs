//! Electrodes files: the properties that clients rely on (types, layout, order of rows and columns) and that users rely
//! on (bytes that do not depend on the number of threads, parts and methods; comparisons that find all differences).
//!
//! Segments are in memory and methods are artificial, so that every value is known without a formula: the weight of
//! [`CodedMethod`] is 1000 node + 100 section + segment + contact position / 1000.

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::electrodes::{ConfiguredElectrode, Electrode};
use leadfield::geometry::{Aabb, Point};
use leadfield::io::atomic_output::OverwritePolicy;
use leadfield::io::hdf5::Hdf5File;
use leadfield::methods::{Contact, Method, MethodProperties, PreparedMethod, SettingKind};
use leadfield::segments::table::{TableMetadata, TableNeuron};
use leadfield::segments::{NeuronSegments, Segment, Segments};
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::validate::Tolerance;
use leadfield::validate::weights::{
    ColumnRule, ExtraColumn, WeightsComparison, WeightsOptions, compare, pair_populations,
};
use leadfield::weights::{DistantContacts, SegmentSource, WeightsRequest, WeightsSummary, compute_weights};

use crate::support::{golden, leadfield, leadfield_in, names_in, one_neuron, scratch};

/// A method whose weights encode row and column; [`MINUS`] gives the same weights with a minus sign.
struct CodedMethod {
    name: &'static str,
    sign: f64,
}

static CODED: CodedMethod = CodedMethod { name: "Coded", sign: 1.0 };
static MINUS: CodedMethod = CodedMethod { name: "Minus", sign: -1.0 };
/// Infinite at the second segment of section 7 of node 4, for a contact at x = 3.
static BROKEN: CodedMethod = CodedMethod { name: "Broken", sign: f64::INFINITY };

struct PreparedCodedMethod {
    sign: f64,
    x: Vec<f64>,
}

fn coded_weight(s: Segment, x: f64) -> f64 {
    s.node_id as f64 * 1000.0 + f64::from(s.section_id) * 100.0 + f64::from(s.segment_id) + x / 1000.0
}

impl Method for CodedMethod {
    fn properties(&self) -> MethodProperties {
        MethodProperties::new(self.name, "for tests", SettingKind::MEDIUM_SETTINGS)
    }

    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn PreparedMethod>> {
        Ok(Box::new(PreparedCodedMethod { sign: self.sign, x: contacts.iter().map(|c| c.position_um.x).collect() }))
    }
}

impl PreparedMethod for PreparedCodedMethod {
    fn fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) {
        assert_eq!(out.len(), neuron.len() * self.x.len());
        for (i, row) in out.chunks_exact_mut(self.x.len()).enumerate() {
            for (value, &x) in row.iter_mut().zip(&self.x) {
                let s = neuron.get(i);
                let broken = s.node_id == 4 && s.section_id == 7 && s.segment_id == 1 && x == 3.0;
                let sign = if self.sign.is_finite() || broken { self.sign } else { 1.0 };
                *value = sign * coded_weight(s, x);
            }
        }
    }
}

/// A table in memory.
#[derive(Clone)]
struct InMemory {
    path: PathBuf,
    metadata: TableMetadata,
    parts: Vec<(Vec<TableNeuron>, Segments)>,
}

impl InMemory {
    /// Creates nodes with the given ids, ascending, distributed to parts in turn. Node n has soma and section 7 with 1
    /// + n % 3 segments.
    fn new(population: &str, nodes: &[u64], parts: usize) -> Self {
        let mut table = Self {
            path: format!("{population}.parquet").into(),
            metadata: TableMetadata {
                population: population.into(),
                circuit_path: "circuit.json".into(),
                ..TableMetadata::default()
            },
            parts: vec![Default::default(); parts],
        };
        let mut row = 0;
        for (i, &node_id) in nodes.iter().enumerate() {
            let (neurons, segments) = &mut table.parts[i % parts];
            let of_node = segments_of(node_id, row);
            neurons.push(TableNeuron { node_id, first_row: row, segments: of_node.len() as u64 });
            row += of_node.len() as u64;
            segments.append(&of_node);
        }
        table
    }

    fn all(&self) -> Vec<Segment> {
        let mut all: Vec<Segment> = self.parts.iter().flat_map(|(_, s)| s.iter()).collect();
        all.sort_by_key(|s| s.row);
        all
    }
}

fn segments_of(node_id: u64, first_row: u64) -> Segments {
    let segment = |section_id, segment_id, row| {
        let at = Point::new(node_id as f64, 0.0, 0.0);
        Segment { node_id, section_id, segment_id, section_type: None, start: at, end: at, radius_um: None, row }
    };
    let dendrite = (0..1 + node_id % 3).map(|k| segment(7, k as u32, first_row + 1 + k));
    std::iter::once(segment(0, 0, first_row)).chain(dendrite).collect()
}

impl SegmentSource for InMemory {
    fn path(&self) -> &Path {
        &self.path
    }
    fn metadata(&self) -> &TableMetadata {
        &self.metadata
    }
    fn bounds(&self) -> Result<Aabb> {
        Ok(Aabb::enclosing(self.all().iter().map(|s| s.start)))
    }
    fn fingerprint(&self) -> leadfield::Result<u64> {
        Ok(self.parts.len() as u64)
    }
    fn part_count(&self) -> usize {
        self.parts.len()
    }
    fn part_neurons(&self, part: usize) -> &[TableNeuron] {
        &self.parts[part].0
    }
    fn read_part(&self, part: usize, _: Segments) -> Result<Segments> {
        Ok(self.parts[part].1.clone())
    }
}

fn electrode(name: &str, x: f64, method: &'static dyn Method) -> Electrode {
    let position = Point::new(x, 0.0, 0.0);
    Electrode {
        name: name.into(),
        position_um: position,
        method,
        layer: "L1".into(),
        region: "S1".into(),
        settings: Default::default(),
    }
}

#[test]
fn a_contact_beyond_float32_is_refused() {
    let dir = scratch();
    one_neuron(dir.path(), "t", "1");
    std::fs::write(dir.path().join("e.csv"), "name,x,y,z,type\nfar,0,-1e39,0,LineSource\n").unwrap();
    leadfield_in(dir.path(), &["weights", "t.parquet", "e.csv", "-o", "w.h5", "--quiet"]).refused(
        "error: w.h5: position of contact `far` cannot be stored, expected float32 numbers, found -1e39 µm\n\
         hint: check the unit: positions are in µm",
    );
    assert!(!dir.path().join("w.h5").exists());
}

fn configured(electrodes: &[Electrode]) -> Vec<ConfiguredElectrode> {
    let contact = |e: &Electrode| Contact::new(e.position_um);
    electrodes.iter().map(|e| ConfiguredElectrode { electrode: e.clone(), contact: contact(e) }).collect()
}

fn write(sources: &[&dyn SegmentSource], electrodes: &[Electrode], output: &Path) -> Result<WeightsSummary> {
    let existing = OverwritePolicy::Refuse;
    let electrodes = &configured(electrodes);
    compute_weights(&WeightsRequest {
        sources,
        electrodes,
        output,
        existing,
        resume: false,
        stop: &|| false,
        progress: &|_| (),
    })
}

/// Creates contacts of two methods in turn, with unsorted names.
fn mixed() -> Vec<Electrode> {
    vec![electrode("e2", 1.0, &CODED), electrode("e10", 2.0, &MINUS), electrode("e1", 3.0, &CODED)]
}

const NODES: [u64; 6] = [1, 2, 4, 5, 9, 11];

/// Reads the weights of a file, row by row, by the position of the contact's name.
fn values(path: &Path, population: &str, names: &[&str]) -> Vec<Vec<f64>> {
    let file = ElectrodesFile::open(path).unwrap();
    let population = file.population(population).unwrap();
    let all = file.read_rows(population, 0..population.rows()).unwrap();
    let column = |name: &str| {
        let entry = file.electrodes().iter().find(|e| e.name == name).unwrap();
        entry.column(population.name()).unwrap() as usize
    };
    all.chunks_exact(population.columns() as usize).map(|r| names.iter().map(|n| r[column(n)]).collect()).collect()
}

#[test]
fn every_value_is_in_its_contacts_column_and_its_segments_row() {
    let (dir, table) = (scratch(), InMemory::new("cells", &NODES, 2));
    let path = dir.path().join("w.h5");
    let summary = write(&[&table], &mixed(), &path).unwrap();
    let all = table.all();
    assert_eq!((summary.contacts, summary.neurons, summary.segments), (3, 6, all.len() as u64));
    let expected: Vec<Vec<f64>> =
        all.iter().map(|&s| vec![coded_weight(s, 1.0), -coded_weight(s, 2.0), coded_weight(s, 3.0)]).collect();
    assert_eq!(values(&path, "cells", &["e2", "e10", "e1"]), expected);
    let file = ElectrodesFile::open(&path).unwrap();
    let columns: Vec<_> = file.electrodes().iter().map(|e| (e.name.as_str(), e.column("cells"))).collect();
    assert_eq!(columns, [("e1", Some(2)), ("e10", Some(1)), ("e2", Some(0))]);
}

#[test]
fn types_and_layout_are_those_that_every_client_accepts() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    write(&[&InMemory::new("cells", &NODES, 1)], &mixed(), &path).unwrap();
    let file = Hdf5File::open(&path).unwrap();
    let rows = 6 + NODES.iter().map(|n| 1 + n % 3).sum::<u64>() as usize;
    let kinds: [(&str, &str, &[usize]); 8] = [
        ("/cells/node_ids", "uint64", &[6]),
        ("/cells/offsets", "uint64", &[7]),
        ("/electrodes/cells/scaling_factors", "float64", &[rows, 3]),
        ("/electrodes/e10/position", "float32", &[3]),
        ("/electrodes/e10/type", "unicode (var len)", &[]),
        ("/electrodes/e10/layer", "unicode (var len)", &[]),
        ("/electrodes/e10/region", "unicode (var len)", &[]),
        ("/electrodes/e10/cells", "uint64", &[]),
    ];
    for (object, kind, shape) in kinds {
        assert_eq!((file.type_name(object).unwrap().as_str(), file.shape(object).unwrap().as_slice()), (kind, shape));
    }
    assert!(file.byte_offset("/electrodes/cells/scaling_factors").unwrap().is_some(), "contiguous");
    assert_eq!(file.read_string_attribute("/electrodes/cells/scaling_factors", "units").unwrap(), "V/nA");
    assert_eq!(file.read_unsigned("/cells/node_ids").unwrap(), NODES);
    assert_eq!(file.read_string_attribute("/", "program").unwrap(), concat!("leadfield ", env!("CARGO_PKG_VERSION")));
    assert_eq!(file.read_string_attribute("/cells", "circuit").unwrap(), "circuit.json");
    assert_eq!(file.read_string_attribute("/electrodes/e1/type", "near_field").unwrap(), "radius");
    assert_eq!(file.read_float_attribute("/electrodes/e1/type", "conductivity_S_per_m").unwrap(), 0.277);
}

#[test]
fn bytes_depend_neither_on_threads_nor_on_parts() {
    let dir = scratch();
    let nodes: Vec<u64> = (0..500).map(|i| i * 3 + i % 2).collect();
    let run = |parts: usize, threads: usize| {
        let path = dir.path().join(format!("{parts}-{threads}.h5"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| write(&[&InMemory::new("cells", &nodes, parts)], &mixed(), &path)).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        bytes
    };
    let one = run(1, 1);
    assert!(one == run(1, 1) && one == run(1, 4) && one == run(7, 3));
}

#[test]
fn populations_share_a_file() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    let (a, b) = (InMemory::new("left", &NODES, 2), InMemory::new("right", &[3, 8], 1));
    write(&[&a, &b], &mixed(), &path).unwrap();
    for table in [&a, &b] {
        let expected: Vec<Vec<f64>> = table.all().iter().map(|&s| vec![coded_weight(s, 3.0)]).collect();
        assert_eq!(values(&path, &table.metadata.population, &["e1"]), expected);
    }
}

/// Asserts the text of an error and its hint, and that no files remain in the folder.
#[track_caller]
fn refused(sources: &[&dyn SegmentSource], electrodes: &[Electrode], text: &str) {
    let dir = scratch();
    let error = write(sources, electrodes, &dir.path().join("w.h5")).unwrap_err();
    assert_eq!(format!("{error:?}"), text);
    assert!(names_in(dir.path()).is_empty());
}

#[test]
fn a_value_that_is_not_finite_is_reported_with_contact_node_section_and_segment() {
    let electrodes = [electrode("a", 2.0, &CODED), electrode("b", 2.0, &BROKEN), electrode("c", 3.0, &BROKEN)];
    refused(
        &[&InMemory::new("cells", &NODES, 2)],
        &electrodes,
        "cells.parquet: node[4]: weight out of range at contact `c` for section 7, segment 1, \
         expected a finite number, found inf\n\
         hint: a length, a volume, a conductivity or a current of the contact is too small or too large: check its \
         settings and their units",
    );
}

const DAMAGED: &str = "hint: the table is damaged or was edited: make it again with `leadfield positions`";

#[test]
fn tables_that_contradict_themselves_are_refused() {
    let table = InMemory::new("cells", &NODES, 2);
    let mut twice = table.clone();
    let again = twice.parts[0].0[0];
    twice.parts[1].0.insert(0, again);
    let text = "cells.parquet: node[1]: neuron listed twice in the table, expected each in one part\n";
    refused(&[&twice], &mixed(), &format!("{text}{DAMAGED}"));

    let mut gap = table.clone();
    gap.parts[0].0[1].first_row += 1;
    let text = "cells.parquet: node[4]: rows do not follow those of the node before, expected first row 7, found 8\n";
    refused(&[&gap], &mixed(), &format!("{text}{DAMAGED}"));

    let mut other_row = table.clone();
    other_row.parts[0].1.row[1] = 5;
    let text =
        "cells.parquet: node[1]: segments are not those of the table's neuron list, expected row 1, found row 5\n";
    refused(&[&other_row], &mixed(), &format!("{text}{DAMAGED}"));

    let mut short = table.clone();
    let all: Vec<usize> = (0..short.parts[1].1.len() - 1).collect();
    short.parts[1].1 = short.parts[1].1.reordered(&all);
    let text = "cells.parquet: node[11]: segments are not those of the table's neuron list, \
                expected node 11 with 4 segments, found node 11 with 3 segments\n";
    refused(&[&short], &mixed(), &format!("{text}{DAMAGED}"));

    let mut more = table;
    more.parts[1].1.append(&segments_of(12, 100));
    let text = "cells.parquet: node[12]: segments are not those of the table's neuron list, \
                expected no further node, found node 12\n";
    refused(&[&more], &mixed(), &format!("{text}{DAMAGED}"));
}

#[test]
fn two_tables_of_one_population_are_refused() {
    let (a, mut b) = (InMemory::new("cells", &NODES, 1), InMemory::new("cells", &[100], 1));
    b.path = "again.parquet".into();
    refused(
        &[&a, &b],
        &mixed(),
        "again.parquet: second table of population `cells`, expected one, found `cells.parquet` too\n\
         hint: give one table for each population",
    );
}

#[test]
fn names_that_the_file_cannot_hold_are_refused() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    let table = InMemory::new("cells", &NODES, 1);
    for (name, text) in [
        ("a/b", "name cannot be stored, expected a contact name without `/`, found `a/b`"),
        ("cells", "name used twice in the file, expected each once, found `cells` again"),
        ("electrodes", "reserved name, expected a contact name other than `electrodes`, found `electrodes`"),
    ] {
        let error = write(&[&table], &[electrode(name, 0.0, &CODED)], &path).unwrap_err();
        assert_eq!(error.to_string(), format!("{}: {text}", path.display()));
    }
    assert!(names_in(dir.path()).is_empty());
}

#[test]
fn contacts_far_from_all_segments_are_reported_with_both_boxes() {
    let table = InMemory::new("cells", &[0, 100], 1);
    let at = |x: &[f64]| configured(&x.iter().map(|&x| electrode("e", x, &CODED)).collect::<Vec<_>>());
    let check = |x: &[f64]| DistantContacts::find(&[&table], &at(x)).unwrap();
    assert_eq!(check(&[10_100.0, 30_000.0]), None, "10 mm is not further than 10 mm");
    assert_eq!(check(&[-500.0, 30_000.0]), None, "one contact is near");
    assert_eq!(
        check(&[10_101.0, 30_000.0]).unwrap().to_string(),
        "every contact is more than 10 mm from every segment: contacts in x 10101.0..30000.0, y 0.0..0.0, z 0.0..0.0 µm, \
         segments in x 0.0..100.0, y 0.0..0.0, z 0.0..0.0 µm; are both in µm, and in the circuit's frame?"
    );
}

/// The content of a handwritten file: for each node its id and its rows.
fn hand_made(path: &Path, nodes: &[(u64, &[&[f64]])], electrodes: &[(&str, i64)]) {
    let file = Hdf5File::create(path).unwrap();
    file.create_group("/electrodes/pop").unwrap();
    file.create_group("/pop").unwrap();
    let ids: Vec<i64> = nodes.iter().map(|n| n.0 as i64).collect();
    let mut offsets = vec![0_i64];
    nodes.iter().for_each(|n| offsets.push(offsets.last().unwrap() + n.1.len() as i64));
    file.write_dataset("/pop/node_ids", &ids, &[ids.len()]).unwrap();
    file.write_dataset("/pop/offsets", &offsets, &[offsets.len()]).unwrap();
    let rows: Vec<&[f64]> = nodes.iter().flat_map(|n| n.1.iter().copied()).collect();
    file.write_dataset("/electrodes/pop/scaling_factors", &rows.concat(), &[rows.len(), rows[0].len()]).unwrap();
    for (name, column) in electrodes {
        file.create_group(&format!("/electrodes/{name}")).unwrap();
        file.write_dataset(&format!("/electrodes/{name}/pop"), &[*column], &[]).unwrap();
    }
    file.close().unwrap();
}

#[test]
fn files_of_the_original_and_of_its_successor_are_read() {
    let original = ElectrodesFile::open(&golden().join("reference/e6.h5")).unwrap();
    let [population] = original.populations() else { panic!() };
    assert_eq!((population.name(), population.columns(), population.rows()), ("S1nonbarrel_neurons", 17, 3161));
    assert_eq!(original.electrodes().len(), 16);
    let sphere = original.electrodes().iter().find(|e| e.name == "4").unwrap();
    let kind = original.read_description("4").unwrap().kind;
    assert_eq!((kind.as_deref(), sphere.column("S1nonbarrel_neurons")), (Some("ObjectiveCSD_Sphere"), Some(4)));
    // nodes in rank order, no layer, region, type, position
    let dir = scratch();
    let path = dir.path().join("w.h5");
    hand_made(&path, &[(7, &[&[1.0], &[2.0]]), (3, &[&[3.0]])], &[("e", 0)]);
    let successor = ElectrodesFile::open(&path).unwrap();
    let population = successor.population("pop").unwrap();
    assert_eq!(
        (population.rows_of_node(3), population.rows_of_node(7), population.rows_of_node(1)),
        (Some(2..3), Some(0..2), None)
    );
    assert_eq!(population.node_of_row(1), Some((7, 1)));
    assert_eq!(successor.read_rows(population, 2..3).unwrap(), [3.0]);
}

#[test]
fn the_column_is_also_found_where_the_sonata_text_puts_it() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    let file = Hdf5File::create(&path).unwrap();
    file.create_group("/pop").unwrap();
    file.create_group("/electrodes/pop").unwrap();
    file.create_group("/electrodes/e/pop").unwrap();
    file.write_dataset("/pop/node_ids", &[7_u64], &[1]).unwrap();
    file.write_dataset("/pop/offsets", &[0_u64, 1], &[2]).unwrap();
    file.write_dataset("/electrodes/pop/scaling_factors", &[1.0, 2.0], &[1, 2]).unwrap();
    file.write_dataset("/electrodes/e/pop/electrode_id", &[1_u64], &[]).unwrap();
    file.close().unwrap();
    assert_eq!(ElectrodesFile::open(&path).unwrap().electrodes()[0].column("pop"), Some(1));
}

const OPTIONS: WeightsOptions = WeightsOptions {
    tolerance: Tolerance { rtol: 1e-9, atol: 0.0 },
    extra_column: ExtraColumn::Compare,
    column_rule: ColumnRule::Index,
};

fn compared(a: &Path, b: &Path, options: &WeightsOptions) -> WeightsComparison {
    let (a, b) = (ElectrodesFile::open(a).unwrap(), ElectrodesFile::open(b).unwrap());
    let pairing = pair_populations(&a, &b, None).unwrap();
    let (p, q) = pairing.pairs[0];
    compare((&a, p), (&b, q), options, &|_| ()).unwrap()
}

#[test]
fn nodes_and_columns_in_another_order_agree() {
    let dir = scratch();
    let (a, b) = (dir.path().join("a.h5"), dir.path().join("b.h5"));
    hand_made(&a, &[(1, &[&[1.0, 2.0], &[3.0, 4.0]]), (2, &[&[5.0, 6.0]])], &[("x", 0), ("y", 1)]);
    hand_made(&b, &[(2, &[&[6.0, 5.0]]), (1, &[&[2.0, 1.0], &[4.0, 3.0]])], &[("x", 1), ("y", 0)]);
    let comparison = compared(&a, &b, &OPTIONS);
    assert!(comparison.agrees());
    assert_eq!((comparison.nodes, comparison.rows, comparison.contacts.len()), (2, 3, 2));
}

#[test]
fn the_largest_differences_are_reported_with_node_and_row() {
    let dir = scratch();
    let (a, b) = (dir.path().join("a.h5"), dir.path().join("b.h5"));
    hand_made(&a, &[(1, &[&[8.0], &[4.0]]), (2, &[&[1.0], &[f64::NAN], &[2.0]])], &[("x", 0)]);
    hand_made(&b, &[(1, &[&[8.0], &[4.5]]), (2, &[&[1.25], &[f64::NAN], &[2.0]])], &[("x", 0)]);
    let found = compared(&a, &b, &OPTIONS).contacts.remove(0);
    let absolute = found.largest_absolute.unwrap();
    assert_eq!((absolute.value, absolute.values, absolute.node, absolute.row), (0.5, [4.0, 4.5], 1, 1));
    let relative = found.largest_relative.unwrap();
    assert_eq!((relative.value, relative.node, relative.row), (0.25 / 1.25, 2, 0));
    assert_eq!((found.outside_count, found.nan_in_both_count), (2, 1));
    let wide = WeightsOptions { tolerance: Tolerance { rtol: 0.0, atol: 0.5 }, ..OPTIONS };
    assert!(compared(&a, &b, &wide).agrees());
}

#[test]
fn what_is_on_one_side_only_is_a_difference() {
    let dir = scratch();
    let (a, b) = (dir.path().join("a.h5"), dir.path().join("b.h5"));
    hand_made(&a, &[(1, &[&[1.0, 9.0]]), (2, &[&[1.0, 9.0]]), (4, &[&[1.0, 9.0]])], &[("x", 0)]);
    hand_made(&b, &[(1, &[&[1.0]]), (3, &[&[1.0]]), (4, &[&[1.0], &[1.0]])], &[("x", 0)]);
    let comparison = compared(&a, &b, &OPTIONS);
    assert_eq!(comparison.nodes_only_in, [vec![2], vec![3]]);
    assert_eq!((comparison.segment_counts[0].node, comparison.segment_counts[0].segments), (4, [1, 2]));
    assert_eq!(comparison.extra_columns, Some([1, 0]));
    assert!(!comparison.agrees());
}

#[test]
fn sorted_names_undo_the_originals_mislabelling() {
    let dir = scratch();
    let named = golden().join("reference/named.h5");
    let file = ElectrodesFile::open(&named).unwrap();
    let population = &file.populations()[0];
    // by README, columns are in the order of the sorted names: e1, e10, e2, ref
    let rows = file.read_rows(population, 0..population.rows()).unwrap();
    let rows: Vec<&[f64]> = rows.chunks_exact(5).map(|r| &r[..4]).collect();
    let nodes: Vec<(u64, &[&[f64]])> = population
        .node_ids()
        .iter()
        .map(|&n| {
            let own = population.rows_of_node(n).unwrap();
            (n, &rows[own.start as usize..own.end as usize])
        })
        .collect();
    let ours = dir.path().join("ours.h5");
    hand_made(&ours, &nodes, &[("e1", 0), ("e10", 1), ("e2", 2), ("ref", 3)]);
    let ignore = WeightsOptions { extra_column: ExtraColumn::Ignore, ..OPTIONS };
    let by_index = compared(&ours, &named, &ignore);
    let wrong: Vec<&str> = by_index.contacts.iter().filter(|e| e.outside_count > 0).map(|e| e.name.as_str()).collect();
    assert_eq!(wrong, ["e10", "e2"]);
    assert!(compared(&ours, &named, &WeightsOptions { column_rule: ColumnRule::SortedNames, ..ignore }).agrees());
}

#[test]
fn the_exit_code_of_validate_states_agreement_or_difference() {
    let np8 = golden().join("reference/np8.h5");
    let e6 = golden().join("reference/e6.h5");
    let run = |b: &Path, options: &[&str]| {
        let mut args = vec!["validate", "weights", np8.to_str().unwrap(), b.to_str().unwrap()];
        args.extend(options);
        leadfield(&args)
    };
    let same = run(&np8, &[]);
    assert_eq!((same.code, same.stdout.lines().last()), (0, Some("agree")));
    assert!(same.stdout.starts_with("population `S1nonbarrel_neurons`: 20 nodes, 3161 rows, 9 columns\n"));
    let other = run(&e6, &["--json"]);
    assert_eq!(other.code, 1);
    let results: serde_json::Value = serde_json::from_str(&other.stdout).unwrap();
    assert_eq!(results["agree"], false);
    // e6 has 16 contacts, np8 has 8 of the same names
    assert_eq!(results["populations"][0]["electrodes_only_in"][1].as_array().unwrap().len(), 8);
}

/// Creates contacts of all kinds on three shanks, named by kind and shank before the `_`: lines, spheres, and an array
/// of disks and one of planes for each shank; one shank measures lengths.
fn mixed_contacts() -> Vec<serde_json::Value> {
    let mut contacts = Vec::new();
    for (shank, x) in [0.0, 40.0, -60.0].into_iter().enumerate() {
        for i in 0..4 {
            let z = f64::from(i);
            let contact = |name: &str, kind: &str, more: serde_json::Value| {
                let mut contact = serde_json::json!({
                    "name": format!("{name}{shank}_{i}"), "x": x + 0.3 * z, "y": -60.0 * z + 10.0 * x / 40.0, "z": 3.0 * z, "type": kind,
                });
                let fields = contact.as_object_mut().unwrap();
                fields.extend(more.as_object().cloned().unwrap());
                contact
            };
            let array = |name: &str| format!("{name}{shank}");
            let length = if shank == 1 { "length" } else { "midpoint" };
            // in turn, so that no two neighbours in the file are of one kind
            contacts.push(contact("line", "LineSource", serde_json::json!({})));
            let ball = serde_json::json!({ "radius": 200.0, "measure": length });
            contacts.push(contact("ball", "ObjectiveCSD_Sphere", ball));
            let disk = serde_json::json!({ "array": array("disks"), "radius": 150.0, "measure": length });
            contacts.push(contact("disk", "ObjectiveCSD_Disk", disk));
            let plane = serde_json::json!({ "array": array("planes"), "measure": length });
            contacts.push(contact("plane", "ObjectiveCSD_Plane", plane));
        }
    }
    contacts
}

#[test]
fn contacts_of_many_kinds_and_arrays_in_one_file_have_the_columns_of_runs_of_their_own() {
    let dir = scratch();
    let dir = dir.path();
    leadfield_in(dir, &["synthesize", "c", "--cells", "8", "--with-report", "--quiet"]).ok();
    leadfield_in(dir, &["positions", "c/simulation_config.json", "-o", "t", "--segments-per-part", "600", "--quiet"])
        .ok();
    let write = |name: &str, contacts: &[serde_json::Value]| {
        std::fs::write(dir.join(format!("{name}.json")), serde_json::to_string(contacts).unwrap()).unwrap();
        let (from, to) = (format!("{name}.json"), format!("{name}.h5"));
        leadfield_in(dir, &["weights", "t", &from, "-o", &to, "--quiet"]).ok();
        ElectrodesFile::open(&dir.join(to)).unwrap()
    };
    let columns = |file: &ElectrodesFile| -> std::collections::BTreeMap<String, Vec<u64>> {
        let population = &file.populations()[0];
        let rows = file.read_rows(population, 0..population.rows()).unwrap();
        let width = population.columns() as usize;
        let column = |at: usize| rows.iter().skip(at).step_by(width).map(|v| v.to_bits()).collect();
        let electrodes = file.electrodes().iter();
        electrodes.map(|e| (e.name.clone(), column(e.column(population.name()).unwrap() as usize))).collect()
    };
    let contacts = mixed_contacts();
    let together = columns(&write("all", &contacts));
    assert_eq!(together.len(), contacts.len());
    let mut groups: std::collections::BTreeMap<String, Vec<serde_json::Value>> = Default::default();
    for contact in contacts {
        let name = contact["name"].as_str().unwrap();
        groups.entry(name.split('_').next().unwrap().to_string()).or_default().push(contact);
    }
    // four kinds on three shanks
    assert_eq!(groups.len(), 12);
    let mut apart = std::collections::BTreeMap::new();
    for (name, contacts) in &groups {
        let own = columns(&write(name, contacts));
        let inside = own.values().flatten().filter(|bits| **bits != 0).count();
        assert!(inside > 0, "{name}: no segment in any region");
        apart.extend(own);
    }
    assert!(together == apart);
}
