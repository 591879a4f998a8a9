//! Writes a synthetic neuron as SWC, Neurolucida ASC and h5v1, with the same float32 samples in each.
//!
//! Numbers in text are the shortest ones that parse to the same float32.

use std::fmt::Write as _;

use super::neuron::SyntheticNeuron;
use crate::error::Result;
use crate::io::hdf5::Hdf5File;
use crate::segments::SectionType;

/// Returns the number of a section's type in SWC and h5v1.
const fn type_number(kind: SectionType) -> i32 {
    match kind {
        SectionType::Axon => 2,
        SectionType::Apic => 4,
        _ => 3,
    }
}

/// Returns a neuron as SWC, with the soma as NeuroMorpho's three points (centre, below, above), which represent a
/// sphere.
pub(super) fn to_swc(neuron: &SyntheticNeuron) -> String {
    let r = neuron.soma_radius_um;
    let mut text = format!("# {}: a synthetic neuron, free to use\n", neuron.name);
    for (id, y, parent) in [(1, 0.0, -1), (2, -r, 1), (3, r, 1)] {
        append_text(&mut text, format_args!("{id} 1 0 {y} 0 {r} {parent}\n"));
    }
    let mut id = 3;
    let mut last_of = Vec::with_capacity(neuron.sections.len());
    for section in &neuron.sections {
        // the first point of a child is the last one of its parent, which has been written already
        let mut parent = section.parent.and_then(|p| last_of.get(p).copied()).unwrap_or(1);
        let shared_points = usize::from(section.parent.is_some());
        for ([x, y, z], d) in section.points.iter().zip(&section.diameters_um).skip(shared_points) {
            id += 1;
            let kind = type_number(section.kind);
            append_text(&mut text, format_args!("{id} {kind} {x} {y} {z} {} {parent}\n", d / 2.0));
            parent = id;
        }
        last_of.push(parent);
    }
    text
}

/// Returns a neuron as Neurolucida ASC, with the soma as a contour.
pub(super) fn to_asc(neuron: &SyntheticNeuron) -> String {
    let mut text = format!("; {}: a synthetic neuron, free to use\n(\"CellBody\"\n  (CellBody)\n", neuron.name);
    soma_contour(neuron.soma_radius_um).iter().for_each(|&p| append_asc_point(&mut text, 1, p, 0.0));
    text.push_str(")\n");
    let children = children_by_section(neuron);
    for (i, section) in neuron.sections.iter().enumerate().filter(|(_, s)| s.parent.is_none()) {
        let (colour, kind) = match section.kind {
            SectionType::Axon => ("Cyan", "Axon"),
            SectionType::Apic => ("Magenta", "Apical"),
            _ => ("Red", "Dendrite"),
        };
        append_text(&mut text, format_args!("\n((Color {colour})\n  ({kind})\n"));
        append_asc_section(&mut text, neuron, &children, i, 1);
        text.push_str(")\n");
    }
    text
}

fn children_by_section(neuron: &SyntheticNeuron) -> Vec<Vec<usize>> {
    let mut children = vec![Vec::new(); neuron.sections.len()];
    for (i, section) in neuron.sections.iter().enumerate() {
        if let Some(list) = section.parent.and_then(|p| children.get_mut(p)) {
            list.push(i);
        }
    }
    children
}

/// Appends the samples of a section, then its children in brackets: `( first | second )`.
fn append_asc_section(text: &mut String, neuron: &SyntheticNeuron, children: &[Vec<usize>], i: usize, depth: usize) {
    let (Some(section), Some(children_here)) = (neuron.sections.get(i), children.get(i)) else { return };
    section.points.iter().zip(&section.diameters_um).for_each(|(&p, &d)| append_asc_point(text, depth, p, d));
    let indent = "  ".repeat(depth);
    for (n, &child) in children_here.iter().enumerate() {
        append_text(text, format_args!("{indent}{}\n", if n == 0 { "(" } else { "|" }));
        append_asc_section(text, neuron, children, child, depth + 1);
    }
    if !children_here.is_empty() {
        append_text(text, format_args!("{indent})\n"));
    }
}

fn append_asc_point(text: &mut String, depth: usize, [x, y, z]: [f32; 3], diameter: f32) {
    append_text(text, format_args!("{:1$}({x} {y} {z} {diameter})\n", "", 2 * depth));
}

/// Returns the outline of a soma: an ellipse around the origin whose long axis, along y, is the soma's diameter.
///
/// The angles are those of the triples (3, 4, 5) and (5, 12, 13), whose sines and cosines are exact fractions.
fn soma_contour(radius: f32) -> Vec<[f32; 3]> {
    const QUARTER: [[f64; 2]; 5] =
        [[1.0, 0.0], [12.0 / 13.0, 5.0 / 13.0], [0.8, 0.6], [0.6, 0.8], [5.0 / 13.0, 12.0 / 13.0]];
    const WIDTH: f64 = 0.8;
    let radius = f64::from(radius);
    // adding 0 turns a -0 into 0
    let on_ellipse = |[c, s]: [f64; 2]| [(WIDTH * radius * c + 0.0) as f32, (radius * s + 0.0) as f32, 0.0];
    let turns: [fn([f64; 2]) -> [f64; 2]; 4] = [|[c, s]| [c, s], |[c, s]| [-s, c], |[c, s]| [-c, -s], |[c, s]| [s, -c]];
    turns.iter().flat_map(|turn| QUARTER.map(turn)).map(on_ellipse).collect()
}

/// Writes h5v1 into a group: `points` (x, y, z, diameter; float32, µm) and `structure` (first point, type, parent),
/// with the soma's contour as section 0.
pub(super) fn write_h5v1(neuron: &SyntheticNeuron, file: &Hdf5File, group: &str) -> Result<()> {
    let mut points: Vec<f32> =
        soma_contour(neuron.soma_radius_um).iter().flat_map(|&[x, y, z]| [x, y, z, 0.0]).collect();
    let mut structure: Vec<i32> = vec![0, 1, -1];
    for section in &neuron.sections {
        let parent = section.parent.map_or(0, |p| p as i32 + 1);
        structure.extend([(points.len() / 4) as i32, type_number(section.kind), parent]);
        points.extend(section.points.iter().zip(&section.diameters_um).flat_map(|(&[x, y, z], &d)| [x, y, z, d]));
    }
    file.create_group(group)?;
    let group = group.trim_end_matches('/');
    file.write_dataset(&format!("{group}/points"), &points, &[points.len() / 4, 4])?;
    file.write_dataset(&format!("{group}/structure"), &structure, &[structure.len() / 3, 3])
}

fn append_text(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // writing to a string cannot fail
    let _ = text.write_fmt(arguments);
}
