//! Signals are the product of currents and weights: the fast product is compared with two loops in double precision, for
//! every source of weights, every group and selection. Threads, blocks and interruptions do not change a byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use leadfield::electrodes::{self, Electrodes};
use leadfield::io::hdf5::Hdf5File;
use leadfield::methods::NearField;
use leadfield::segments::table::SegmentTable;
use leadfield::segments::{SectionType, Segments};
use leadfield::signals::{
    CurrentKind, CurrentReport, Grouping, NodeLabels, SignalReference, SignalUnit, Signals, TimeSelection,
};
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::weights::SegmentSource;

use crate::support::{golden, leadfield_in, scratch};

/// The population of the reference circuit.
const POPULATION: &str = "S1nonbarrel_neurons";

/// The reference circuit: its report, a table of its segments, and weights of eight contacts.
struct Reference {
    folder: tempfile::TempDir,
}

impl Reference {
    fn new() -> Self {
        let folder = scratch();
        std::fs::copy(golden().join("input/circuit/output/compartment.h5"), folder.path().join("c.h5")).unwrap();
        std::fs::copy(golden().join("input/electrodes/np8.csv"), folder.path().join("np8.csv")).unwrap();
        let config = golden().join("input/circuit/simulation_config.json");
        leadfield_in(folder.path(), &["positions", config.to_str().unwrap(), "-o", "s.parquet", "--quiet"]).ok();
        leadfield_in(folder.path(), &["weights", "s.parquet", "np8.csv", "-o", "w.h5", "--quiet"]).ok();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn report(&self) -> Vec<CurrentReport> {
        CurrentReport::open_all(&self.path("c.h5")).unwrap()
    }

    fn weights(&self) -> ElectrodesFile {
        ElectrodesFile::open(&self.path("w.h5")).unwrap()
    }

    fn signals(&self, args: &[&str]) -> crate::support::Run {
        let all: Vec<&str> = [&["signals", "c.h5"], args].concat();
        leadfield_in(self.folder.path(), &all)
    }
}

/// One segment of a neuron: its currents in all frames, and its weights.
struct NaiveSegment {
    node: u64,
    row_in_node: usize,
    currents: Vec<f64>,
    weights: Vec<f64>,
}

/// Reads everything with plain loops: elements are sorted by section id, stable, which gives rows.
fn read_naively(reference: &Reference, weights: &ElectrodesFile) -> Vec<NaiveSegment> {
    let file = Hdf5File::open(&reference.path("c.h5")).unwrap();
    let mapping = |name: &str| format!("/report/{POPULATION}/mapping/{name}");
    let (nodes, pointers) =
        (file.read_unsigned(&mapping("node_ids")).unwrap(), file.read_unsigned(&mapping("index_pointers")).unwrap());
    let sections = file.read_u32(&mapping("element_ids")).unwrap();
    let data_path = format!("/report/{POPULATION}/data");
    let data = file.read_floats(&data_path).unwrap();
    let (frames, elements) = (file.shape(&data_path).unwrap()[0], sections.len());
    let population = weights.population(POPULATION).unwrap();
    let width = population.columns() as usize;
    let mut found = Vec::new();
    for (i, &node) in nodes.iter().enumerate() {
        let rows = weights.read_rows(population, population.rows_of_node(node).unwrap()).unwrap();
        let mut order: Vec<usize> = (pointers[i] as usize..pointers[i + 1] as usize).collect();
        order.sort_by_key(|&element| sections[element]);
        for (row_in_node, &element) in order.iter().enumerate() {
            let currents = (0..frames).map(|frame| data[frame * elements + element]).collect();
            let weights = rows[row_in_node * width..(row_in_node + 1) * width].to_vec();
            found.push(NaiveSegment { node, row_in_node, currents, weights });
        }
    }
    found
}

/// The naive sums in V: frames, groups, contacts.
fn naive_sums(segments: &[NaiveSegment], groups: usize, groups_of: impl Fn(&NaiveSegment) -> Vec<usize>) -> Vec<f64> {
    let (frames, contacts) = (segments[0].currents.len(), segments[0].weights.len());
    let mut sums = vec![0.0; frames * groups * contacts];
    for segment in segments {
        for group in groups_of(segment) {
            for (frame, current) in segment.currents.iter().enumerate() {
                for (contact, weight) in segment.weights.iter().enumerate() {
                    sums[(frame * groups + group) * contacts + contact] += current * weight;
                }
            }
        }
    }
    sums
}

/// Asserts that values differ by at most 1e-12 of the largest.
#[track_caller]
fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
    assert!(largest > 0.0, "there is a signal");
    let difference = found.iter().zip(expected).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs()));
    assert!(difference <= 1e-12 * largest, "{difference:e} of {largest:e}");
}

#[test]
fn signals_are_the_product_of_currents_and_weights() {
    let reference = Reference::new();
    let (reports, weights) = (reference.report(), reference.weights());
    let signals = Signals::from_weights(&reports, &weights).unit(SignalUnit::Volt).prepare().unwrap();
    assert_eq!((signals.times_ms().len(), signals.contacts().len(), signals.element_count()), (20, 8, 3161));
    assert_eq!(signals.units(), ["V"; 8]);
    let expected = naive_sums(&read_naively(&reference, &weights), 1, |_| vec![0]);
    assert_close(&signals.compute().unwrap().values, &expected);
    assert_eq!(signals.imbalances(), [], "the reference's currents sum to zero");
}

/// The table and the electrodes, configured as the program configures them.
fn configured(reference: &Reference) -> (SegmentTable, Vec<electrodes::ConfiguredElectrode>) {
    let table = SegmentTable::open(&reference.path("s.parquet")).unwrap();
    let contacts = Electrodes::read(reference.path("np8.csv")).unwrap();
    let configured = electrodes::configure(&contacts, &[], NearField::default()).unwrap();
    (table, configured)
}

#[test]
fn weights_that_are_computed_give_the_same_signals_as_stored_ones() {
    let reference = Reference::new();
    let (reports, weights) = (reference.report(), reference.weights());
    let (table, electrodes) = configured(&reference);
    let sources: [&dyn SegmentSource; 1] = [&table];
    let computed = Signals::from_tables(&reports, &sources, &electrodes).unit(SignalUnit::Volt).prepare().unwrap();
    let expected = naive_sums(&read_naively(&reference, &weights), 1, |_| vec![0]);
    assert_close(&computed.compute().unwrap().values, &expected);
}

#[test]
fn groups_are_summed_separately_and_together_give_the_total() {
    let reference = Reference::new();
    let (reports, weights) = (reference.report(), reference.weights());
    let naive = read_naively(&reference, &weights);
    let mut nodes: Vec<u64> = reports[0].node_ids().to_vec();
    nodes.sort_unstable();
    let prepared = |grouping: Grouping| {
        Signals::from_weights(&reports, &weights).unit(SignalUnit::Volt).group_by(grouping).prepare().unwrap()
    };

    let by_node = prepared(Grouping::Node);
    assert_eq!(by_node.groups(), nodes.iter().map(u64::to_string).collect::<Vec<_>>());
    let place = |segment: &NaiveSegment| vec![nodes.binary_search(&segment.node).unwrap()];
    let each_node = by_node.compute().unwrap().values;
    assert_close(&each_node, &naive_sums(&naive, nodes.len(), place));
    let contacts = by_node.contacts().len();
    let summed: Vec<f64> = each_node
        .chunks(nodes.len() * contacts)
        .flat_map(|frame| (0..contacts).map(|c| frame.iter().skip(c).step_by(contacts).sum::<f64>()))
        .collect();
    assert_close(&summed, &naive_sums(&naive, 1, |_| vec![0]));

    // overlapping labels: a node in several groups, and nodes in none
    let labels = nodes.iter().filter(|&&node| node % 3 != 0);
    let groups_of = |node: u64| if node % 2 == 0 { vec![0_u32, 1] } else { vec![1] };
    let of_node = BTreeMap::from_iter(labels.map(|&node| (node, groups_of(node)))).into_iter().collect();
    let names = vec!["even".to_string(), "not-third".to_string()];
    let labelled = prepared(Grouping::Labels(NodeLabels { names, of_node: [(POPULATION.into(), of_node)].into() }));
    assert_eq!(labelled.ungrouped_nodes(), nodes.iter().filter(|&&node| node % 3 == 0).count() as u64);
    let expected = naive_sums(&naive, 2, |segment| match segment.node % 3 {
        0 => Vec::new(),
        _ => groups_of(segment.node).into_iter().map(|group| group as usize).collect(),
    });
    assert_close(&labelled.compute().unwrap().values, &expected);
}

#[test]
fn section_types_are_summed_from_the_table() {
    let reference = Reference::new();
    let (reports, weights) = (reference.report(), reference.weights());
    let (table, electrodes) = configured(&reference);
    let segments: Segments =
        table.parts().iter().flat_map(|part| part.read_by_row().unwrap().iter().collect::<Vec<_>>()).collect();
    let first_rows: BTreeMap<u64, u64> =
        table.neurons().unwrap().iter().map(|neuron| (neuron.node_id, neuron.first_row)).collect();
    let kinds: BTreeMap<u64, SectionType> = segments.iter().map(|s| (s.row, s.section_type.unwrap())).collect();
    let kind_of = |s: &NaiveSegment| kinds[&(first_rows[&s.node] + s.row_in_node as u64)];
    let sources: [&dyn SegmentSource; 1] = [&table];
    let signals = Signals::from_tables(&reports, &sources, &electrodes);
    let signals = signals.unit(SignalUnit::Volt).group_by(Grouping::SectionType).prepare().unwrap();
    assert_eq!(signals.groups(), ["soma", "axon", "dend", "apic", "ais", "node", "myelin"]);
    let expected = naive_sums(&read_naively(&reference, &weights), 7, |s| vec![usize::from(kind_of(s).number())]);
    assert_close(&signals.compute().unwrap().values, &expected);
}

#[test]
fn contacts_times_references_and_units_select_and_convert() {
    let reference = Reference::new();
    let (reports, weights) = (reference.report(), reference.weights());
    let all = naive_sums(&read_naively(&reference, &weights), 1, |_| vec![0]);
    let (start, step) = (reports[0].start_ms(), reports[0].step_ms());
    let names: Vec<String> = ["2", "0", "5"]
        .iter()
        .map(|place| {
            let column: usize = place.parse().unwrap();
            let by_column = weights.electrodes().iter().find(|e| e.column(POPULATION) == Some(column as u64));
            by_column.unwrap().name.clone()
        })
        .collect();
    let times = TimeSelection {
        start_ms: Some(start + 3.0 * step),
        end_ms: Some(start + 12.0 * step),
        stride_ms: Some(4.0 * step),
    };
    let prepare = |reference: SignalReference, unit: SignalUnit| {
        let builder = Signals::from_weights(&reports, &weights).contacts(&names).times(times);
        builder.reference(reference).unit(unit).prepare().unwrap().compute().unwrap().values
    };
    let value = |frame: usize, column: usize| all[frame * 8 + column];
    let frames = [3, 7, 11];
    let expected = |of: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
        frames.iter().flat_map(|&frame| [2, 0, 5].map(|column| of(frame, column))).collect()
    };
    assert_close(&prepare(SignalReference::None, SignalUnit::Volt), &expected(&value));
    assert_close(&prepare(SignalReference::None, SignalUnit::Microvolt), &expected(&|f, c| value(f, c) * 1e6));
    let to_contact = expected(&|f, c| (value(f, c) - value(f, 0)) * 1e3);
    assert_close(&prepare(SignalReference::Contact(names[1].clone()), SignalUnit::Millivolt), &to_contact);
    let mean = |f: usize| (value(f, 2) + value(f, 0) + value(f, 5)) / 3.0;
    let to_mean = expected(&|f, c| value(f, c) - mean(f));
    assert_close(&prepare(SignalReference::Mean, SignalUnit::Volt), &to_mean);
}

#[test]
fn densities_are_multiplied_by_the_areas_of_segments() {
    let reference = Reference::new();
    let (reports, weights) = (reference.report(), reference.weights());
    let (table, electrodes) = configured(&reference);
    let mut areas: BTreeMap<(u64, usize), f64> = BTreeMap::new();
    for part in table.parts() {
        for neuron in part.read_by_row().unwrap().neurons() {
            let somata = (0..neuron.len()).filter(|&i| neuron.get(i).section_type == Some(SectionType::Soma)).count();
            for i in 0..neuron.len() {
                let s = neuron.get(i);
                let radius = f64::from(s.radius_um.unwrap());
                let [a, b] = [s.start.to_array(), s.end.to_array()];
                let length = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                let pi = std::f64::consts::PI;
                let area = match s.section_type {
                    Some(SectionType::Soma) => 4.0 * pi * radius.powi(2) / somata as f64,
                    _ => 2.0 * pi * radius * length,
                };
                areas.insert((s.node_id, i), area);
            }
        }
    }
    let mut naive = read_naively(&reference, &weights);
    for segment in &mut naive {
        // 1 mA/cm2 through 1 um2: 1e-3 A / 1e-4 m2 x 1e-12 m2 = 1e-11 A = 0.01 nA
        let factor = areas[&(segment.node, segment.row_in_node)] * 0.01;
        segment.currents.iter_mut().for_each(|current| *current *= factor);
    }
    let sources: [&dyn SegmentSource; 1] = [&table];
    let signals = Signals::from_tables(&reports, &sources, &electrodes).unit(SignalUnit::Volt);
    let signals = signals.currents(CurrentKind::Density).prepare().unwrap();
    assert_close(&signals.compute().unwrap().values, &naive_sums(&naive, 1, |_| vec![0]));
}

/// Reads a CSV file as rows of texts, without the header.
fn csv_rows(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_string).collect()).collect()
}

#[test]
fn the_program_writes_a_report_and_csv() {
    let reference = Reference::new();
    let expected = naive_sums(&read_naively(&reference, &reference.weights()), 1, |_| vec![0]);
    let in_uv: Vec<f64> = expected.iter().map(|v| v * 1e6).collect();
    let options = ["--weights", "w.h5", "--unit", "uV", "--dtype", "f64"];
    reference.signals(&[&options[..], &["-o", "lfp.h5"]].concat()).ok();
    let file = Hdf5File::open(&reference.path("lfp.h5")).unwrap();
    let data = format!("/report/{POPULATION}/data");
    assert_close(&file.read_floats(&data).unwrap(), &in_uv);
    assert_eq!(file.shape(&data).unwrap(), [20, 8]);
    assert_eq!(file.read_string_attribute(&data, "units").unwrap(), "uV");
    let names = file.read_strings(&format!("/report/{POPULATION}/mapping/contact_names")).unwrap();
    let mut sorted: Vec<String> = reference.weights().electrodes().iter().map(|e| e.name.clone()).collect();
    sorted.sort_by_key(|name| names.iter().position(|own| own == name));
    assert_eq!(names, sorted);
    // the file is a report itself: its times and mapping are read back
    let again = CurrentReport::open(&reference.path("lfp.h5"), POPULATION).unwrap();
    let first = &reference.report()[0];
    assert_eq!((again.start_ms(), again.step_ms(), again.frame_count()), (first.start_ms(), first.step_ms(), 20));
    assert!(again.is_like_online());

    reference.signals(&[&options[..], &["-o", "long.csv"]].concat()).ok();
    let rows = csv_rows(&reference.path("long.csv"));
    let values: Vec<f64> = rows.iter().map(|row| row[2].parse().unwrap()).collect();
    assert_close(&values, &in_uv);
    assert_eq!(rows[9][1], names[1]);
    reference.signals(&[&options[..], &["-o", "wide.csv", "--wide"]].concat()).ok();
    let wide = csv_rows(&reference.path("wide.csv"));
    let values: Vec<f64> = wide.iter().flat_map(|row| row[1..].iter().map(|v| v.parse().unwrap())).collect();
    assert_close(&values, &in_uv);
}

#[test]
fn cells_of_an_online_report_are_summed() {
    let reference = Reference::new();
    // signals by node have the form of the simulator's report, in V
    reference.signals(&["--weights", "w.h5", "--by", "node", "--unit", "V", "--dtype", "f64", "-o", "online.h5"]).ok();
    let run = |args: &[&str], out: &str| {
        leadfield_in(reference.folder.path(), &[&["signals", "online.h5", "-o", out], args].concat()).ok();
        let file = Hdf5File::open(&reference.path(out)).unwrap();
        let mapping = format!("/report/{POPULATION}/mapping/contact_names");
        (file.read_floats(&format!("/report/{POPULATION}/data")).unwrap(), file.read_strings(&mapping).unwrap())
    };
    let expected = naive_sums(&read_naively(&reference, &reference.weights()), 1, |_| vec![0]);
    let expected: Vec<f64> = expected.iter().map(|v| v * 1e3).collect();
    let (numbered, names) = run(&["--dtype", "f64"], "a.h5");
    assert_close(&numbered, &expected);
    assert_eq!(names, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    let (named, names) = run(&["--dtype", "f64", "--electrodes", "np8.csv"], "b.h5");
    assert_eq!(named, numbered);
    let contacts = Electrodes::read(reference.path("np8.csv")).unwrap();
    assert_eq!(names, contacts.iter().map(|e| e.name.clone()).collect::<Vec<_>>());
    let (by_file, of_file) = run(&["--dtype", "f64", "--weights", "w.h5"], "d.h5");
    assert_eq!((by_file, of_file), (numbered, names));
}

#[test]
fn bytes_do_not_depend_on_threads_and_blocks() {
    let reference = Reference::new();
    for (name, source) in
        [("w", vec!["--weights", "w.h5"]), ("t", vec!["--segments", "s.parquet", "--electrodes", "np8.csv"])]
    {
        let mut first = None;
        for (threads, frames) in [("1", "1024"), ("3", "7"), ("2", "1"), ("4", "20")] {
            let out = format!("{name}{threads}.h5");
            let own = [
                "-o",
                &out,
                "--threads",
                threads,
                "--block-frames",
                frames,
                "--by",
                "mtype",
                "--quiet",
                "--dtype",
                "f64",
            ];
            let circuit = golden().join("input/circuit/circuit_config.json");
            let circuit = ["--circuit", circuit.to_str().unwrap()];
            reference.signals(&[&source[..], &own[..], &circuit[..]].concat()).ok();
            let bytes = std::fs::read(reference.path(&out)).unwrap();
            assert!(*first.get_or_insert_with(|| bytes.clone()) == bytes, "{threads} threads, {frames} frames");
        }
    }
}

#[test]
fn nodes_that_one_side_lacks_are_left_out_on_request_only() {
    let reference = Reference::new();
    let (reports, weights) = (reference.report(), reference.weights());
    let naive = read_naively(&reference, &weights);
    let node = reports[0].node_ids()[3];
    let filter = Some([(POPULATION.to_string(), vec![node])].into());
    let one = Signals::from_weights(&reports, &weights).nodes(filter).unit(SignalUnit::Volt).prepare().unwrap();
    let expected = naive_sums(&naive, 1, |s| if s.node == node { vec![0] } else { vec![] });
    assert_close(&one.compute().unwrap().values, &expected);
    // the report has 20 of the circuit's 24 nodes; weights of all of them have nodes that the report lacks
    let circuit = golden().join("input/circuit/circuit_config.json");
    let by_rule = ["positions", circuit.to_str().unwrap(), "--axon-rule", "taper", "-o", "all.parquet", "--quiet"];
    leadfield_in(reference.folder.path(), &by_rule).ok();
    leadfield_in(reference.folder.path(), &["weights", "all.parquet", "np8.csv", "-o", "all.h5", "--quiet"]).ok();
    let missing = reference.signals(&["--weights", "all.h5", "-o", "x.csv", "--quiet"]);
    missing.refused(&format!(
        "error: c.h5: nodes of population `{POPULATION}` without currents: 4, expected all nodes of the weights, found no \
         node {first}\nhint: `--allow-missing` leaves such nodes out; `--node-set` selects nodes",
        first = (0..24).find(|node| !reports[0].node_ids().contains(node)).unwrap()
    ));
    let left = reference.signals(&["--weights", "all.h5", "-o", "left.h5", "--allow-missing", "--dtype", "f64"]);
    assert!(left.stderr.contains("warning: 4 nodes left out, which only the report or only the weights have"));
    let file = Hdf5File::open(&reference.path("left.h5")).unwrap();
    let expected: Vec<f64> = naive_sums(&naive, 1, |_| vec![0]).iter().map(|v| v * 1e3).collect();
    assert_close(&file.read_floats(&format!("/report/{POPULATION}/data")).unwrap(), &expected);
}
