//! Signals are the product of currents and weights: the fast product is compared with two loops in double precision, for
//! every source of weights, every group and selection. Threads, blocks and interruptions do not change a byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

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

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::interrupted::{marked_parts, start, wait_for};
use crate::malformed::electrodes_file::edited;
use crate::support::{ChangedTable, copy_folder, golden, leadfield_in, names_in, scratch};

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

/// Returns the table and the electrodes, configured as the program configures them.
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
    let groups_of = |node: u64| if node.is_multiple_of(2) { vec![0_u32, 1] } else { vec![1] };
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

#[test]
fn neurons_whose_densities_do_not_balance_are_named() {
    let reference = Reference::new();
    let reports = reference.report();
    let (table, electrodes) = configured(&reference);
    let path = reference.path("c.h5");
    let opened = Hdf5File::open(&path).unwrap();
    let at = opened.byte_offset(&format!("/report/{POPULATION}/data")).unwrap().unwrap() as usize;
    drop(opened);
    // densities are the currents of the report, which balance, divided by the areas of the table's segments
    let elements = reports[0].element_count();
    let mut factors = vec![0.0_f64; elements];
    for (place, node) in reports[0].node_ids().iter().enumerate() {
        let (columns, list) = reports[0].elements(place).unwrap();
        for part in table.parts() {
            for neuron in part.read_by_row().unwrap().neurons() {
                if neuron.get(0).node_id != *node {
                    continue;
                }
                let somata =
                    (0..neuron.len()).filter(|&i| neuron.get(i).section_type == Some(SectionType::Soma)).count();
                for (element, &row) in list.rows.iter().enumerate() {
                    let s = neuron.get(row as usize);
                    let (radius, pi) = (f64::from(s.radius_um.unwrap()), std::f64::consts::PI);
                    let area_um2 = match s.section_type {
                        Some(SectionType::Soma) => 4.0 * pi * radius.powi(2) / somata as f64,
                        _ => 2.0 * pi * radius * s.start.distance(s.end),
                    };
                    // 1 mA/cm2 through 1 um2 is 0.01 nA
                    factors[columns.start + element] = 0.01 * area_um2;
                }
            }
        }
    }
    let mut file = std::fs::read(&path).unwrap();
    let value_at = |index: usize| at + 4 * index..at + 4 * index + 4;
    for frame in 0..reports[0].frame_count() {
        for (element, factor) in factors.iter().enumerate() {
            let place = value_at(frame * elements + element);
            let current = f32::from_ne_bytes(file[place.clone()].try_into().unwrap());
            file[place].copy_from_slice(&((f64::from(current) / factor) as f32).to_ne_bytes());
        }
    }
    let imbalances = |name: &str, bytes: &[u8]| {
        std::fs::write(reference.path(name), bytes).unwrap();
        let reports = CurrentReport::open_all(&reference.path(name)).unwrap();
        let sources: [&dyn SegmentSource; 1] = [&table];
        let signals = Signals::from_tables(&reports, &sources, &electrodes).currents(CurrentKind::Density);
        let signals = signals.prepare().unwrap();
        signals.compute().unwrap();
        signals.imbalances()
    };
    assert_eq!(imbalances("balanced.h5", &file), []);
    let (columns, _) = reports[0].elements(4).unwrap();
    let (frame, clamp_na) = (6, 0.75);
    let place = value_at(frame * elements + columns.start);
    let before = f32::from_ne_bytes(file[place.clone()].try_into().unwrap());
    let clamped = f64::from(before) + clamp_na / factors[columns.start];
    file[place].copy_from_slice(&(clamped as f32).to_ne_bytes());
    let found = imbalances("clamp.h5", &file);
    let [found] = found.as_slice() else { panic!("one neuron has a clamp: {found:?}") };
    assert_eq!(found.node_id, reports[0].node_ids()[4]);
    // densities are stored in single precision
    assert!((found.net_na - clamp_na).abs() < 1e-4, "{}", found.net_na);
    assert_eq!(found.time_ms, reports[0].start_ms() + frame as f64 * reports[0].step_ms());
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
    drop(file);
    as_of_simulator(&reference.path("lfp.h5"));
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

/// Removes the datasets from signals by node that the simulator's `lfp` report does not have.
fn as_of_simulator(path: &Path) {
    edited(path, |file| {
        for name in ["contact_names", "contact_positions", "group_names"] {
            file.unlink(&format!("/report/{POPULATION}/mapping/{name}")).unwrap();
        }
    });
}

#[test]
fn cells_of_an_online_report_are_summed() {
    let reference = Reference::new();
    // signals by node have the form of the simulator's report, in V, after the additional datasets are removed
    reference.signals(&["--weights", "w.h5", "--by", "node", "--unit", "V", "--dtype", "f64", "-o", "online.h5"]).ok();
    leadfield_in(reference.folder.path(), &["signals", "online.h5", "-o", "a.h5"]).refused(
        "error: online.h5: /report/S1nonbarrel_neurons: signals that were computed already, expected membrane currents or a \
         simulator's `lfp` report\nhint: compute other sums from the report of currents (`--by`, `--node-set`); `leadfield \
         plot signals` draws these",
    );
    as_of_simulator(&reference.path("online.h5"));
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
fn contacts_far_from_all_segments_are_a_warning() {
    let reference = Reference::new();
    std::fs::write(reference.path("far.csv"), "name,x,y,z\na,0,900000,0\n").unwrap();
    let run = reference.signals(&["--segments", "s.parquet", "--electrodes", "far.csv", "-o", "x.npy"]);
    let warning = "warning: every contact is more than 10 mm from every segment: ";
    assert!(run.code == 0 && run.stderr.contains(warning), "{}", run.stderr);
    let near = reference.signals(&["--segments", "s.parquet", "--electrodes", "np8.csv", "-o", "y.npy"]);
    assert!(near.code == 0 && !near.stderr.contains("warning: every contact"), "{}", near.stderr);
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
    assert!(left.stderr.contains("warning: 4 nodes left out, which only the report or only the weights have: `"));
    let file = Hdf5File::open(&reference.path("left.h5")).unwrap();
    let expected: Vec<f64> = naive_sums(&naive, 1, |_| vec![0]).iter().map(|v| v * 1e3).collect();
    assert_close(&file.read_floats(&format!("/report/{POPULATION}/data")).unwrap(), &expected);
}

#[test]
fn neurons_that_do_not_balance_are_named_with_their_net_current() {
    let reference = Reference::new();
    let mut file = std::fs::read(reference.path("c.h5")).unwrap();
    let opened = Hdf5File::open(&reference.path("c.h5")).unwrap();
    let at = opened.byte_offset(&format!("/report/{POPULATION}/data")).unwrap().unwrap() as usize;
    drop(opened);
    let (reports, weights) = (reference.report(), reference.weights());
    let (columns, _) = reports[0].elements(4).unwrap();
    let elements = reports[0].element_count();
    let (frame, clamp_na) = (6, 0.75_f32);
    let byte = at + (frame * elements + columns.start) * 4;
    let before = f32::from_ne_bytes(file[byte..byte + 4].try_into().unwrap());
    file[byte..byte + 4].copy_from_slice(&(before + clamp_na).to_ne_bytes());
    std::fs::write(reference.path("clamp.h5"), file).unwrap();
    let clamped = CurrentReport::open_all(&reference.path("clamp.h5")).unwrap();
    let signals = Signals::from_weights(&clamped, &weights).prepare().unwrap();
    signals.compute().unwrap();
    let imbalances = signals.imbalances();
    let [found] = imbalances.as_slice() else { panic!("one neuron has a clamp") };
    assert_eq!((found.node_id, found.population.as_str()), (clamped[0].node_ids()[4], POPULATION));
    assert!((found.net_na - f64::from(clamp_na)).abs() < 1e-5, "{}", found.net_na);
    let time_ms = clamped[0].start_ms() + frame as f64 * clamped[0].step_ms();
    assert_eq!(found.time_ms, time_ms);
    let run = leadfield_in(reference.folder.path(), &["signals", "clamp.h5", "--weights", "w.h5", "-o", "x.h5"]);
    // a monopole of 0.75 nA at 1 mm in 0.277 S/m: 0.75e-9 / (4 pi 0.277 1e-3) V
    let far_uv = 0.75e-9 / (4.0 * std::f64::consts::PI * 0.277 * 1e-3) * 1e6;
    let line = format!(
        "  `{POPULATION}` node {}: net current 0.7500 nA at {time_ms} ms, {far_uv:.3} uV at 1 mm in 0.277 S/m\n",
        found.node_id
    );
    assert!(run.stderr.contains(&line), "{} lacks {line}", run.stderr);
}

#[test]
fn an_interrupted_run_is_resumed_to_the_same_bytes() {
    use leadfield::io::atomic_output::OverwritePolicy;
    use leadfield::io::ranks::Ranks;
    use leadfield::io::resumable_output::RunSettings;
    use leadfield::signals::output::{SignalFormat, SignalsRequest, ValueType, write_signals};
    use std::sync::atomic::{AtomicU32, Ordering};

    let reference = Reference::new();
    let (reports, weights) = (reference.report(), reference.weights());
    let signals = Signals::from_weights(&reports, &weights).block_frames(3).prepare().unwrap();
    let endings = [
        (SignalFormat::Report, "h5"),
        (SignalFormat::Bmtk, "ecp.h5"),
        (SignalFormat::Nwb, "nwb"),
        (SignalFormat::Npy, "npy"),
    ];
    for (format, ending) in endings {
        let [whole, output] = ["whole", "resumed"].map(|name| reference.path(&format!("{name}.{ending}")));
        let calls = AtomicU32::new(0);
        let write = |output: &Path, resume: bool, most_calls: u32| {
            calls.store(0, Ordering::Relaxed);
            let is_stopped = || calls.fetch_add(1, Ordering::Relaxed) >= most_calls;
            let settings = RunSettings {
                existing: OverwritePolicy::Refuse,
                resume,
                is_stopped: &is_stopped,
                on_progress: &|_| (),
            };
            let value_type = ValueType::F64;
            write_signals(
                &SignalsRequest { signals: &signals, output, format, value_type, settings },
                &Ranks::default(),
            )
        };
        write(&whole, false, u32::MAX).unwrap();
        // 20 frames are 7 units
        let error = write(&output, false, 6).unwrap_err();
        assert_eq!(error.kind(), leadfield::error::ErrorKind::Interrupted, "{error}");
        assert!(!output.exists(), "nothing under the final name");
        let summary = write(&output, true, u32::MAX).unwrap();
        assert_eq!((summary.units, summary.damaged), (7, 0));
        assert!((1..7).contains(&summary.resumed), "{ending}: {}", summary.resumed);
        assert_eq!(std::fs::read(&output).unwrap(), std::fs::read(&whole).unwrap(), "{ending}");
        let again = write(&output, true, u32::MAX).unwrap();
        assert_eq!(again.resumed, 7, "a complete output is recognised");
    }
}

#[test]
fn runs_killed_at_any_moment_are_resumed_to_the_same_bytes() {
    const FRAMES: u64 = 48;
    const UNITS: u64 = FRAMES / 3;
    let dir = scratch();
    let dir = dir.path();
    let frames = FRAMES.to_string();
    let circuit = ["synthesize", "c", "--cells", "8", "--morphologies", "3", "--with-currents", "--frames", &frames];
    leadfield_in(dir, &[&circuit[..], &["--quiet"]].concat()).ok();
    leadfield_in(dir, &["positions", "c/simulation_config.json", "-o", "s.parquet", "--quiet"]).ok();
    leadfield_in(dir, &["electrodes", "linear", "--contacts", "8", "--pitch", "50", "-o", "e.csv", "--quiet"]).ok();
    let own = ["signals", "c/output/compartment.h5", "--segments", "s.parquet", "--electrodes", "e.csv", "--quiet"];
    let run = |options: &[&str]| leadfield_in(dir, &[&own[..], &["--block-frames", "3"], options].concat());
    for name in ["lfp.h5", "ecp.h5", "lfp.nwb", "lfp.npy"] {
        let output = dir.join(name);
        run(&["-o", name]).ok();
        let expected = std::fs::read(&output).unwrap();
        std::fs::remove_file(&output).unwrap();
        let mut kept = 0;
        for seed in 0..4 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let options = ["--block-frames", "3", "--resume", "-o", name];
            let mut child = start(dir, &[&own[..], &options].concat());
            wait_for(&mut child, rng.random_range(0..UNITS), &output);
            std::thread::sleep(Duration::from_micros(rng.random_range(0..3000)));
            child.kill().unwrap();
            child.wait().unwrap();
            kept += marked_parts(&output);
            let resumed = run(&["--resume", "-o", name]);
            assert_eq!((resumed.code, resumed.stderr.as_str()), (0, ""), "{name}, seed {seed}");
            assert!(std::fs::read(&output).unwrap() == expected, "{name}, seed {seed}");
            std::fs::remove_file(&output).unwrap();
        }
        assert!(kept > 0, "{name}: no run was killed half way");
    }
    assert_eq!(names_in(dir), ["c", "e.csv", "s.parquet"]);
}

#[test]
fn the_program_sums_by_attributes_and_node_sets_of_the_circuit() {
    let reference = Reference::new();
    let naive = read_naively(&reference, &reference.weights());
    let circuit = reference.path("circuit");
    copy_folder(&golden().join("input/circuit"), &circuit);
    let sets =
        r#"{"Low": {"node_id": [0, 1, 2, 3, 4, 5]}, "Even": {"node_id": [0, 2, 4, 6, 8, 10]}, "Low,Even": ["Low"]}"#;
    std::fs::write(circuit.join("node_sets.json"), sets).unwrap();
    let nodes = Hdf5File::open(&circuit.join(format!("networks/nodes/{POPULATION}/nodes.h5"))).unwrap();
    let attribute = |name: &str| -> Vec<String> {
        let group = format!("/nodes/{POPULATION}/0");
        let names = nodes.read_strings(&format!("{group}/@library/{name}")).unwrap();
        let numbers = nodes.read_unsigned(&format!("{group}/{name}")).unwrap();
        numbers.iter().map(|&number| names[number as usize].clone()).collect()
    };
    let config = circuit.join("circuit_config.json");
    let sums = |options: &[&str]| -> (Vec<String>, Vec<f64>) {
        let weights = ["--weights", "w.h5", "--circuit", config.to_str().unwrap(), "--unit", "V", "--dtype", "f64"];
        reference.signals(&[&weights[..], options, &["-o", "by.csv", "--force", "--quiet"]].concat()).ok();
        let rows = csv_rows(&reference.path("by.csv"));
        // time, contact, group, value: the contacts of a group follow each other, and the groups of a frame
        let of_frame = rows.iter().take_while(|row| row[0] == rows[0][0]);
        let groups = of_frame.step_by(8).map(|row| row[2].clone()).collect();
        // the name of a group may have a comma
        (groups, rows.iter().map(|row| row.last().unwrap().parse().unwrap()).collect())
    };
    for name in ["mtype", "layer", "region", "synapse_class", "etype"] {
        let of_node = attribute(name);
        let (groups, values) = sums(&["--by", name]);
        let place = |segment: &NaiveSegment| {
            vec![groups.iter().position(|group| *group == of_node[segment.node as usize]).unwrap()]
        };
        assert_close(&values, &naive_sums(&naive, groups.len(), place));
    }
    let (groups, values) = sums(&["--by", "population"]);
    assert_eq!(groups, [POPULATION]);
    assert_close(&values, &naive_sums(&naive, 1, |_| vec![0]));
    // numbers in numerical order
    let (groups, _) = sums(&["--by", "x"]);
    let numbers: Vec<f64> = groups.iter().map(|group| group.parse().unwrap()).collect();
    assert!(numbers.len() == 20 && numbers.is_sorted(), "{groups:?}");
    // NaN of any sign is one group, behind the numbers
    drop(nodes);
    edited(&circuit.join(format!("networks/nodes/{POPULATION}/nodes.h5")), |file| {
        let values: Vec<f64> = (0..24).map(|i| [f64::NAN, -f64::NAN, -0.5, 1e300][i % 4]).collect();
        file.dataset(&format!("/nodes/{POPULATION}/0/z")).unwrap().write(&values).unwrap();
    });
    let (groups, _) = sums(&["--by", "z"]);
    assert_eq!((groups.len(), groups[0].as_str(), groups[2].as_str()), (3, "-0.5", "NaN"));
    let (groups, values) = sums(&["--by", "Even,Low"]);
    assert_eq!(groups, ["Even", "Low"]);
    let is_in = |node: u64| [node.is_multiple_of(2) && node <= 10, node < 6];
    let sets_of = |segment: &NaiveSegment| (0..2).filter(|&set| is_in(segment.node)[set]).collect();
    assert_close(&values, &naive_sums(&naive, 2, sets_of));
    let (_, values) = sums(&["--by", "population", "--node-set", "Even"]);
    let even = |segment: &NaiveSegment| if is_in(segment.node)[0] { vec![0] } else { Vec::new() };
    assert_close(&values, &naive_sums(&naive, 1, even));
    // a set whose name has a comma
    let (_, values) = sums(&["--by", "Low,Even"]);
    let low = |segment: &NaiveSegment| if is_in(segment.node)[1] { vec![0] } else { Vec::new() };
    assert_close(&values, &naive_sums(&naive, 1, low));
}

#[test]
fn numpy_and_bmtk_files_have_the_values_of_the_report() {
    let reference = Reference::new();
    let expected: Vec<f64> =
        naive_sums(&read_naively(&reference, &reference.weights()), 1, |_| vec![0]).iter().map(|v| v * 1e3).collect();
    let options = ["--weights", "w.h5", "--dtype", "f64", "-o"];
    reference.signals(&[&options[..], &["a.npy"]].concat()).ok();
    let bytes = std::fs::read(reference.path("a.npy")).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let values: Vec<f64> = bytes[header..].chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
    assert_close(&values, &expected);
    reference.signals(&[&options[..], &["ecp.h5"]].concat()).ok();
    let file = Hdf5File::open(&reference.path("ecp.h5")).unwrap();
    assert_close(&file.read_floats("/ecp/data").unwrap(), &expected);
    assert_eq!(file.read_unsigned("/ecp/channel_id").unwrap(), (0..8).collect::<Vec<_>>());
    let first = &reference.report()[0];
    let times = file.read_floats("/ecp/time").unwrap();
    assert_eq!(times, [first.start_ms(), first.start_ms() + 20.0 * first.step_ms(), first.step_ms()]);
    assert_eq!(file.read_string_attribute("/ecp/data", "units").unwrap(), "mV");
}

#[test]
fn chunked_reports_give_the_same_signals() {
    let reference = Reference::new();
    let plain = reference.report();
    let data = format!("/report/{POPULATION}/data");
    let source = Hdf5File::open(&reference.path("c.h5")).unwrap();
    let values = source.read_floats(&data).unwrap();
    let (frames, elements) = (plain[0].frame_count(), plain[0].element_count());
    // chunks, and doubles: read through the library
    let copy = Hdf5File::create(&reference.path("wide.h5")).unwrap();
    let mapping = |name: &str| format!("/report/{POPULATION}/mapping/{name}");
    copy.create_group(&format!("/report/{POPULATION}/mapping")).unwrap();
    for name in ["node_ids", "index_pointers"] {
        let numbers = source.read_unsigned(&mapping(name)).unwrap();
        copy.write_dataset(&mapping(name), &numbers, &[numbers.len()]).unwrap();
    }
    let ids = source.read_u32(&mapping("element_ids")).unwrap();
    copy.write_dataset(&mapping("element_ids"), &ids, &[ids.len()]).unwrap();
    copy.write_dataset(&mapping("time"), &source.read_floats(&mapping("time")).unwrap(), &[3]).unwrap();
    copy.write_chunked_dataset(&data, &values, &[frames, elements], &[7, 100]).unwrap();
    copy.close().unwrap();
    let wide = CurrentReport::open_all(&reference.path("wide.h5")).unwrap();
    assert!(plain[0].is_plain() && !wide[0].is_plain());
    let weights = reference.weights();
    let [a, b] = [&plain, &wide].map(|reports| {
        let times = TimeSelection { stride_ms: Some(2.0 * plain[0].step_ms()), ..Default::default() };
        Signals::from_weights(reports, &weights).times(times).block_frames(4).prepare().unwrap().compute().unwrap()
    });
    assert_eq!(a, b);
}

#[test]
fn a_stop_takes_effect_while_a_part_is_read() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let reference = Reference::new();
    let reports = reference.report();
    let (table, electrodes) = configured(&reference);
    let mut endless = ChangedTable::new(table);
    endless.read = Box::new(|table, part, spare, stop| {
        for _ in 0..1000 {
            stop.check()?;
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        table.read_part(part, spare)
    });
    let sources: [&dyn SegmentSource; 1] = [&endless];
    let signals = Signals::from_tables(&reports, &sources, &electrodes).prepare().unwrap();
    // no stop is requested before the part is begun
    let was_asked = AtomicBool::new(false);
    let is_stopped = || was_asked.swap(true, Ordering::Relaxed);
    let started = std::time::Instant::now();
    let error = signals.compute_frames(0..20, &is_stopped, &|_| ()).unwrap_err();
    assert_eq!(error.kind(), leadfield::error::ErrorKind::Interrupted, "{error}");
    assert_eq!(error.to_string(), "stopped on request");
    // without a stop, reading takes 10 s
    assert!(started.elapsed().as_secs_f64() < 8.0, "{:?}", started.elapsed());
}

#[test]
fn several_populations_are_summed_and_separated() {
    let reference = Reference::new();
    // the same neurons in a second population, with twice the current: a report of two populations
    let source = Hdf5File::open(&reference.path("c.h5")).unwrap();
    let copy = Hdf5File::create(&reference.path("two.h5")).unwrap();
    let (node_ids, pointers) = {
        let mapping = |name: &str| format!("/report/{POPULATION}/mapping/{name}");
        (source.read_unsigned(&mapping("node_ids")).unwrap(), source.read_unsigned(&mapping("index_pointers")).unwrap())
    };
    let element_ids = source.read_u32(&format!("/report/{POPULATION}/mapping/element_ids")).unwrap();
    let time = source.read_floats(&format!("/report/{POPULATION}/mapping/time")).unwrap();
    let values = source.read_floats(&format!("/report/{POPULATION}/data")).unwrap();
    for (name, factor) in [(POPULATION, 1.0), ("others", 2.0)] {
        let mapping = |dataset: &str| format!("/report/{name}/mapping/{dataset}");
        copy.create_group(&format!("/report/{name}/mapping")).unwrap();
        copy.write_dataset(&mapping("node_ids"), &node_ids, &[node_ids.len()]).unwrap();
        copy.write_dataset(&mapping("index_pointers"), &pointers, &[pointers.len()]).unwrap();
        copy.write_dataset(&mapping("element_ids"), &element_ids, &[element_ids.len()]).unwrap();
        copy.write_dataset(&mapping("time"), &time, &[3]).unwrap();
        let own: Vec<f32> = values.iter().map(|v| (v * factor) as f32).collect();
        copy.write_dataset(&format!("/report/{name}/data"), &own, &[20, element_ids.len()]).unwrap();
    }
    copy.close().unwrap();
    let (first, electrodes) = configured(&reference);
    let mut other = ChangedTable::new(configured(&reference).0);
    other.metadata.population = "others".into();
    let sources: [&dyn SegmentSource; 2] = [&first, &other];
    let reports = CurrentReport::open_all(&reference.path("two.h5")).unwrap();
    let prepare = |grouping: Grouping| {
        let signals = Signals::from_tables(&reports, &sources, &electrodes).unit(SignalUnit::Volt);
        signals.group_by(grouping).prepare().unwrap()
    };
    let one = naive_sums(&read_naively(&reference, &reference.weights()), 1, |_| vec![0]);
    let total: Vec<f64> = one.iter().map(|v| 3.0 * v).collect();
    assert_close(&prepare(Grouping::Total).compute().unwrap().values, &total);
    let by_population = prepare(Grouping::Population);
    assert_eq!(by_population.groups(), [POPULATION, "others"]);
    let separate: Vec<f64> =
        one.chunks(8).flat_map(|row| row.iter().copied().chain(row.iter().map(|v| 2.0 * v))).collect();
    assert_close(&by_population.compute().unwrap().values, &separate);
    assert_eq!(prepare(Grouping::Node).groups()[20], format!("others/{}", node_ids.iter().min().unwrap()));
}

#[test]
fn synthetic_currents_balance_and_their_input_travels() {
    let folder = scratch();
    let make = |name: &str, threads: &str| {
        let args = ["synthesize", name, "--cells", "60", "--with-currents", "--frames", "120", "--quiet"];
        leadfield_in(folder.path(), &[&args[..], &["--threads", threads]].concat()).ok();
        folder.path().join(name).join("output/compartment.h5")
    };
    let (path, again) = (make("c", "1"), make("d", "3"));
    assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(again).unwrap(), "for any number of threads");
    let report = CurrentReport::open(&path, "neurons").unwrap();
    assert_eq!((report.frame_count(), report.step_ms()), (120, 0.5));
    let nodes = Hdf5File::open(&folder.path().join("c/networks/nodes/neurons/nodes.h5")).unwrap();
    let x = nodes.read_floats("/nodes/neurons/0/x").unwrap();
    let values = Hdf5File::open(&path).unwrap().read_floats("/report/neurons/data").unwrap();
    let mut arrivals: Vec<(f64, usize)> = Vec::new();
    for (place, &node) in report.node_ids().iter().enumerate() {
        let (columns, _) = report.elements(place).unwrap();
        let of_frame = |frame: usize| &values[frame * report.element_count()..][columns.clone()];
        for frame in 0..120 {
            let (net, absolute) = of_frame(frame).iter().fold((0.0, 0.0), |(n, a), v| (n + v, a + v.abs()));
            assert!(net.abs() <= 1e-5 * absolute, "node {node}, frame {frame}: {net} of {absolute}");
        }
        let first = (0..120).find(|&frame| of_frame(frame).iter().any(|v| v.abs() > 0.0));
        arrivals.push((x[node as usize], first.unwrap()));
    }
    // 10 ms + (x + 400 µm) / (200 µm/ms) + up to 2 ms; frames every 0.5 ms
    for (x, frame) in arrivals {
        let earliest = 10.0 + (x + 400.0) / 200.0;
        let arrival = frame as f64 * 0.5;
        assert!((earliest - 1e-9..=earliest + 2.6).contains(&arrival), "{x}: {arrival} after {earliest}");
    }
}

#[test]
fn nwb_series_have_valid_names_and_tell_the_groups() {
    let reference = Reference::new();
    let (reports, weights) = (reference.report(), reference.weights());
    let nodes = reports[0].node_ids();
    let names = ["", ".", "L2/3", "L2_3"].map(String::from).to_vec();
    let of_node = nodes.iter().map(|&node| (node, vec![(node % 4) as u32])).collect();
    let labels = NodeLabels { names, of_node: [(POPULATION.into(), of_node)].into() };
    let signals = Signals::from_weights(&reports, &weights).group_by(Grouping::Labels(labels)).prepare().unwrap();
    let output = reference.path("groups.nwb");
    write_whole(&signals, &output, leadfield::signals::output::SignalFormat::Nwb);
    let file = Hdf5File::open(&output).unwrap();
    assert_eq!(file.member_names("/acquisition").unwrap(), ["L2_3", "L2_3_2", "group", "group_2"]);
    let expected = signals.compute().unwrap().values;
    let comments = |series: &str| file.read_string_attribute(&format!("/acquisition/{series}"), "comments");
    for (group, (series, comment)) in
        [("group", Some("group ``")), ("group_2", Some("group `.`")), ("L2_3_2", Some("group `L2/3`")), ("L2_3", None)]
            .into_iter()
            .enumerate()
    {
        assert_eq!(comments(series).as_deref(), comment, "{series}");
        let found = file.read_floats(&format!("/acquisition/{series}/data")).unwrap();
        let own: Vec<f64> = expected.chunks_exact(8).skip(group).step_by(4).flatten().copied().collect();
        assert_eq!(found, own, "{series}");
    }
}

#[test]
fn reports_state_their_groups_and_unfinished_ones_are_refused() {
    use leadfield::io::atomic_output::OverwritePolicy;
    use leadfield::io::ranks::Ranks;
    use leadfield::io::resumable_output::RunSettings;
    use leadfield::signals::output::{GROUPS_ATTRIBUTE, SignalFormat, SignalsRequest, ValueType, write_signals};

    let reference = Reference::new();
    let (reports, weights) = (reference.report(), reference.weights());
    for (grouping, expected) in [(Grouping::Total, "total"), (Grouping::Node, "node"), (Grouping::Population, "named")]
    {
        let signals = Signals::from_weights(&reports, &weights).group_by(grouping).prepare().unwrap();
        let output = reference.path(&format!("{expected}.h5"));
        write_whole(&signals, &output, SignalFormat::Report);
        let file = Hdf5File::open(&output).unwrap();
        let found = file.read_string_attribute(&format!("/report/{POPULATION}/mapping"), GROUPS_ATTRIBUTE);
        assert_eq!(found.as_deref(), Some(expected));
    }

    let signals = Signals::from_weights(&reports, &weights).block_frames(3).prepare().unwrap();
    let calls = std::sync::atomic::AtomicU32::new(0);
    let is_stopped = || calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 6;
    let settings =
        RunSettings { existing: OverwritePolicy::Refuse, resume: false, is_stopped: &is_stopped, on_progress: &|_| () };
    let (output, format, value_type) = (reference.path("un.h5"), SignalFormat::Report, ValueType::F64);
    let request = SignalsRequest { signals: &signals, output: &output, format, value_type, settings };
    write_signals(&request, &Ranks::default()).unwrap_err();
    let run = |args: &[&str]| leadfield_in(reference.folder.path(), args);
    // 20 frames are 7 parts
    let text = run(&["info", "un.h5.partial", "--json"]).ok();
    let facts: serde_json::Value = serde_json::from_str(&text).unwrap();
    let done = facts["progress"]["parts"].as_u64().unwrap();
    assert!((1..7).contains(&done), "{text}");
    assert_eq!(facts["progress"]["of_parts"], 7, "{text}");
    assert_eq!(facts["kind"], "lfp report, unfinished");
    let refusal = format!(
        "error: un.h5.partial: unfinished, expected a complete report, found {done} of 7 units of work written\n\
         hint: complete `un.h5` with the command that began it and `--resume`; `leadfield info` shows its progress"
    );
    run(&["plot", "signals", "un.h5.partial", "-o", "a.svg"]).refused(&refusal);
    run(&["convert", "un.h5.partial", "-o", "a.parquet"]).refused(&refusal);
    run(&["report", "s.parquet", "w.h5", "--signals", "un.h5.partial", "-o", "a.html"]).refused(&refusal);
}

/// Writes signals in double precision.
fn write_whole(signals: &Signals<'_>, output: &Path, format: leadfield::signals::output::SignalFormat) {
    use leadfield::signals::output::{SignalsRequest, ValueType, write_signals};
    let settings = leadfield::io::resumable_output::RunSettings {
        existing: leadfield::io::atomic_output::OverwritePolicy::Refuse,
        resume: false,
        is_stopped: &|| false,
        on_progress: &|_| (),
    };
    let request = SignalsRequest { signals, output, format, value_type: ValueType::F64, settings };
    write_signals(&request, &leadfield::io::ranks::Ranks::default()).unwrap();
}
