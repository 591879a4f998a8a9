//! Compartment report of one frame: the segments of each neuron, with random currents.

use std::fs::OpenOptions;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use super::neuron::SyntheticNeuron;
use super::seeded_rng::SeededRng;
use super::{POPULATION, SyntheticReport};
use crate::circuit::hoc::CHUNK_UM;
use crate::circuit::placement::discretise::segments_of_length;
use crate::error::{Context, FileProblem, Result};
use crate::io::hdf5::{Hdf5File, Hdf5Problem};
use crate::segments::SectionType;

/// Quantum of the currents, nA: a power of two, so that sums of currents are exact.
const CURRENT_QUANTUM_NA: f32 = 1.0 / 4_194_304.0;

/// Time of the frame and time to the next one, ms.
pub(super) const STEP_MS: f64 = 0.1;

/// Writes the report and returns the number of its elements.
///
/// `element_ids` contains the section ids of each morphology's segments, `morphology` each neuron's morphology. Neurons
/// are in random order. The values are streamed, so memory does not grow with their number.
///
/// # Errors
/// Returns an error if the file cannot be written.
pub(super) fn write_report(
    path: &Path,
    element_ids: &[Vec<u32>],
    morphology: &[u32],
    rng: &mut SeededRng,
    progress: &mut dyn FnMut(u64),
) -> Result<u64> {
    let mut nodes: Vec<u64> = (0..morphology.len() as u64).collect();
    rng.shuffle(&mut nodes);
    let of_node = |node: u64| {
        let number = morphology.get(node as usize).copied().unwrap_or_default();
        element_ids.get(number as usize).map_or(&[][..], Vec::as_slice)
    };
    let mut end = 0;
    let ends = nodes.iter().map(|&node| {
        end += of_node(node).len() as u64;
        end
    });
    let pointers: Vec<u64> = std::iter::once(0).chain(ends).collect();
    let (data, ids) = create_report_file(path, &nodes, &pointers, SyntheticReport::OneFrame)?;
    let mut data = DatasetStream::open_at(path, data)?;
    let mut ids = DatasetStream::open_at(path, ids)?;
    for &node in &nodes {
        let elements = of_node(node);
        data.write_bytes(draw_currents(elements.len(), rng).iter().flat_map(|v| v.to_ne_bytes()))?;
        ids.write_bytes(elements.iter().flat_map(|v| v.to_ne_bytes()))?;
        progress(1);
    }
    data.finish()?;
    ids.finish()?;
    Ok(end)
}

/// Creates the file (SONATA "Compartment report") and returns the byte offsets of the two long datasets: the currents
/// and the section ids.
pub(super) fn create_report_file(
    path: &Path,
    nodes: &[u64],
    pointers: &[u64],
    report_kind: SyntheticReport,
) -> Result<(u64, u64)> {
    let elements = pointers.last().copied().unwrap_or_default() as usize;
    let report = format!("/report/{POPULATION}");
    let mapping = format!("{report}/mapping");
    let file = Hdf5File::create(path)?;
    ["/report", &report, &mapping].iter().try_for_each(|g| file.create_group(g))?;
    let [node_ids, time, data] = [format!("{mapping}/node_ids"), format!("{mapping}/time"), format!("{report}/data")];
    file.write_dataset(&node_ids, nodes, &[nodes.len()])?;
    file.write_attribute(&node_ids, "sorted", &0_u8)?;
    file.write_dataset(&format!("{mapping}/index_pointers"), pointers, &[pointers.len()])?;
    file.write_dataset(&time, &[0.0, report_kind.end_ms(), report_kind.step_ms()], &[3])?;
    file.write_string_attribute(&time, "units", "ms")?;
    let ids_at = allocate_dataset(&file, &format!("{mapping}/element_ids"), |object| {
        file.allocate_dataset::<u32>(object, &[elements])
    })?;
    let data_at = allocate_dataset(&file, &data, |object| {
        file.allocate_dataset::<f32>(object, &[report_kind.frame_count(), elements])
    })?;
    file.write_string_attribute(&data, "units", "nA")?;
    file.close()?;
    Ok((data_at, ids_at))
}

fn allocate_dataset(file: &Hdf5File, object: &str, allocate: impl FnOnce(&str) -> Result<u64>) -> Result<u64> {
    match allocate(object)? {
        0 => Err(file.error(object, Hdf5Problem::Write("the library allocated no space".into()))),
        at => Ok(at),
    }
}

/// Draws random currents, nA, whose sum is exactly zero.
fn draw_currents(n: usize, rng: &mut SeededRng) -> Vec<f32> {
    let drawn: Vec<i32> = (0..n).map(|_| rng.next_signed_16_bits()).collect();
    let sum: i64 = drawn.iter().copied().map(i64::from).sum();
    let (mean, rest) = (sum.div_euclid(n.max(1) as i64), sum.rem_euclid(n.max(1) as i64));
    let balanced = (0_i64..).zip(drawn).map(|(i, v)| i64::from(v) - mean - i64::from(i < rest));
    // at most 17 bits, so exact in float32
    balanced.map(|v| v as f32 * CURRENT_QUANTUM_NA).collect()
}

/// Writes the values of a dataset sequentially, bypassing the HDF5 library.
struct DatasetStream<'a> {
    out: BufWriter<std::fs::File>,
    path: &'a Path,
    bytes: Vec<u8>,
}

impl<'a> DatasetStream<'a> {
    fn open_at(path: &'a Path, offset: u64) -> Result<Self> {
        let mut file = OpenOptions::new().write(true).open(path).map_err(FileProblem::Write).in_file(path)?;
        file.seek(SeekFrom::Start(offset)).map_err(FileProblem::Write).in_file(path)?;
        Ok(Self { out: BufWriter::with_capacity(1 << 20, file), path, bytes: Vec::new() })
    }

    fn write_bytes(&mut self, bytes: impl Iterator<Item = u8>) -> Result<()> {
        self.bytes.clear();
        self.bytes.extend(bytes);
        self.out.write_all(&self.bytes).map_err(FileProblem::Write).in_file(self.path)
    }

    fn finish(mut self) -> Result<()> {
        self.out.flush().map_err(FileProblem::Write).in_file(self.path)
    }
}

/// Number of segments of each stub: two pieces of axon initial segment and one of myelin.
pub(super) const STUB_SEGMENTS: usize = 5;

/// Returns the section id of every segment, in the order in which the simulator writes them: soma, basal and apical
/// dendrites, axon initial segment (sections 1 and 2), myelin (the number of the file's sections plus one).
pub(super) fn element_ids(neuron: &SyntheticNeuron) -> Vec<u32> {
    let soma_length = 2.0 * f64::from(neuron.soma_radius_um);
    let sections = neuron.in_simulator_order();
    let dendrites = (1_u32..).zip(&sections).filter(|(_, s)| s.kind != SectionType::Axon);
    let counted = dendrites.map(|(id, s)| (id, segments_of_length(s.length_um(), CHUNK_UM) as usize));
    let myelin = sections.len() as u32 + 1;
    let stubs = [1, 2, myelin].map(|id| (id, STUB_SEGMENTS));
    std::iter::once((0, segments_of_length(soma_length, CHUNK_UM) as usize))
        .chain(counted)
        .chain(stubs)
        .flat_map(|(id, n)| std::iter::repeat_n(id, n))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::morphology::Section;

    #[test]
    fn currents_sum_to_zero_without_any_rounding() {
        let mut rng = SeededRng::new(3, 0);
        for n in [0, 1, 2, 7, 300] {
            let currents = draw_currents(n, &mut rng);
            assert_eq!(currents.len(), n);
            assert_eq!(currents.iter().sum::<f32>(), 0.0);
        }
    }

    #[test]
    fn elements_have_the_simulators_order_and_the_files_section_ids() {
        let section = |kind, length: f32| Section {
            kind,
            parent: None,
            points: vec![[0.0; 3], [length, 0.0, 0.0]],
            diameters_um: vec![1.0; 2],
            starts_at_soma: false,
        };
        let neuron = SyntheticNeuron {
            name: String::new(),
            soma_radius_um: 20.0,
            sections: vec![
                section(SectionType::Apic, 50.0),
                section(SectionType::Dend, 10.0),
                section(SectionType::Axon, 900.0),
            ],
        };
        // soma of 40 µm: 3; basal section 2: 1; apical section 3: 3; stubs 5 each, myelin is section 3 + 1
        let expected = [vec![0; 3], vec![2], vec![3; 3], vec![1; 5], vec![2; 5], vec![4; 5]].concat();
        assert_eq!(element_ids(&neuron), expected);
    }
}
