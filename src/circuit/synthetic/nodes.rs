//! The neurons of a synthetic circuit: positions, orientations and kinds.

use std::path::Path;

use super::morphology_spec::{MorphologySpec, NeuronClass};
use super::seeded_rng::SeededRng;
use super::{CircuitSpec, POPULATION};
use crate::error::Result;
use crate::geometry::{Point, Quaternion, Transform};
use crate::io::hdf5::Hdf5File;

/// Layers from the top of the cylinder (y = height / 2) to its bottom, of equal thickness.
pub(super) const LAYERS: [&str; 5] = ["2", "3", "4", "5", "6"];

/// Returns every class in every layer, in the order of the enums that depend on both.
pub(super) fn classes_by_layer() -> impl Iterator<Item = (NeuronClass, &'static str)> {
    LAYERS.into_iter().flat_map(|layer| NeuronClass::ALL.map(|class| (class, layer)))
}

/// The neurons, as columns of equal length.
pub(super) struct SyntheticNodes {
    /// x, y, z, µm.
    positions: [Vec<f32>; 3],
    /// Quaternions: w, x, y, z.
    orientations: [Vec<f32>; 4],
    /// Number of each neuron's morphology.
    pub morphology: Vec<u32>,
    layer: Vec<u32>,
    class: Vec<u32>,
}

impl SyntheticNodes {
    /// Draws the neurons: every morphology equally often, in random order.
    pub fn draw(spec: &CircuitSpec, rng: &mut SeededRng) -> Self {
        let mut morphology: Vec<u32> = (0..spec.cells).map(|i| (i % spec.morphologies) as u32).collect();
        rng.shuffle(&mut morphology);
        let class = morphology.iter().map(|&m| MorphologySpec::from_number(m as usize).class as u32).collect();
        let mut nodes =
            Self { positions: Default::default(), orientations: Default::default(), morphology, layer: vec![], class };
        for _ in 0..spec.cells {
            let position = draw_in_cylinder(spec.radius_um, spec.height_um, rng);
            nodes.layer.push(layer_index(position[1], spec.height_um));
            nodes.positions.iter_mut().zip(position).for_each(|(column, v)| column.push(v));
            nodes.orientations.iter_mut().zip(rng.next_rotation()).for_each(|(column, v)| column.push(v as f32));
        }
        nodes
    }

    /// Returns the transform that places a neuron.
    pub fn transform(&self, node: u64) -> Transform {
        let value = |column: &Vec<f32>| f64::from(column.get(node as usize).copied().unwrap_or_default());
        let [w, x, y, z] = self.orientations.each_ref().map(value);
        let translation = Point::from(self.positions.each_ref().map(value));
        // drawn quaternions are unit quaternions
        Transform::new(Quaternion::new(w, x, y, z).unwrap_or(Quaternion::IDENTITY), translation)
    }

    /// Writes `nodes.h5` (SONATA "Representing nodes": one group, `@library` enums).
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn write(&self, spec: &CircuitSpec, path: &Path) -> Result<()> {
        let file = Hdf5File::create(path)?;
        let n = [self.morphology.len()];
        let group = format!("/nodes/{POPULATION}/0");
        ["/nodes", &format!("/nodes/{POPULATION}"), &group, &format!("{group}/@library")]
            .iter()
            .try_for_each(|g| file.create_group(g))?;
        file.write_dataset(&format!("/nodes/{POPULATION}/node_type_id"), &vec![-1_i64; n[0]], &n)?;
        for (name, values) in ["x", "y", "z"].iter().zip(&self.positions) {
            file.write_dataset(&format!("{group}/{name}"), values, &n)?;
        }
        for (name, values) in ["w", "x", "y", "z"].iter().zip(&self.orientations) {
            file.write_dataset(&format!("{group}/orientation_{name}"), values, &n)?;
        }
        for (name, library, values) in self.enum_attributes(spec) {
            file.write_strings(&format!("{group}/@library/{name}"), &library, &[library.len()])?;
            file.write_dataset(&format!("{group}/{name}"), &values, &n)?;
        }
        file.close()
    }

    /// Returns the attributes that are stored as indices into a list of strings: name, strings, indices.
    fn enum_attributes(&self, spec: &CircuitSpec) -> [(&'static str, Vec<String>, Vec<u32>); 8] {
        let morphologies = (0..spec.morphologies).map(|i| MorphologySpec::from_number(i).name()).collect();
        let each_kind = |name: fn(NeuronClass, &str) -> String| {
            classes_by_layer().map(|(class, layer)| name(class, layer)).collect()
        };
        let each_class =
            |name: fn(NeuronClass) -> &'static str| NeuronClass::ALL.iter().map(|&c| name(c).into()).collect();
        let kind: Vec<u32> = self
            .layer
            .iter()
            .zip(&self.class)
            .map(|(layer, class)| layer * NeuronClass::ALL.len() as u32 + class)
            .collect();
        let only = || vec![0; self.class.len()];
        [
            ("etype", each_class(NeuronClass::etype), self.class.clone()),
            ("layer", LAYERS.map(String::from).into(), self.layer.clone()),
            ("model_template", each_kind(|class, layer| format!("hoc:{}", class.template_name(layer))), kind.clone()),
            ("model_type", vec!["biophysical".into()], only()),
            ("morphology", morphologies, self.morphology.clone()),
            ("mtype", each_kind(NeuronClass::mtype), kind),
            ("region", vec!["column".into()], only()),
            ("synapse_class", each_class(NeuronClass::synapse_class), self.class.clone()),
        ]
    }
}

/// Draws a point in the cylinder around the y axis with its centre at the origin; it is still inside after rounding.
fn draw_in_cylinder(radius_um: f64, height_um: f64, rng: &mut SeededRng) -> [f32; 3] {
    loop {
        let drawn = [
            rng.next_between(-1.0, 1.0) * radius_um,
            rng.next_between(-0.5, 0.5) * height_um,
            rng.next_between(-1.0, 1.0) * radius_um,
        ];
        let rounded = drawn.map(|c| c as f32);
        let [x, y, z] = rounded.map(f64::from);
        if x * x + z * z <= radius_um * radius_um && y.abs() <= height_um / 2.0 {
            return rounded;
        }
    }
}

/// Returns the index of the layer at a height.
fn layer_index(y: f32, height_um: f64) -> u32 {
    let depth = 0.5 - f64::from(y) / height_um;
    // `as` saturates, so the index is never below 0
    ((depth * LAYERS.len() as f64) as u32).min(LAYERS.len() as u32 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_ordered_from_top_to_bottom() {
        assert_eq!(
            [750.0, 451.0, 449.0, 0.0, -750.0].map(|y| LAYERS[layer_index(y, 1500.0) as usize]),
            ["2", "2", "3", "4", "6"]
        );
    }
}
