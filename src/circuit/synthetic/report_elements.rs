//! The segments that the simulator creates for a synthetic neuron, with its axon replaced by stubs.

use super::neuron::SyntheticNeuron;
use crate::circuit::hoc::CHUNK_UM;
use crate::circuit::placement::discretise::segments_of_length;
use crate::segments::SectionType;

/// Number of segments of each stub: two pieces of axon initial segment and one of myelin.
const STUB_SEGMENTS: usize = 5;

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
