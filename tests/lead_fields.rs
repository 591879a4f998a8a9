//! Lead fields: files of every layout give the same numbers; these agree with the reference and converge to the closed
//! form; and an invalid file is refused with the location of the fault. Formulas and interpolation alone are tested in
//! `src/`.

use std::f64::consts::PI;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use leadfield::Result;
use leadfield::geometry::{Aabb, Point, Quaternion, Transform};
use leadfield::io::hdf5::Hdf5File;
use leadfield::lead_field::grid::{GridAxis, ScalarGrid, cell_midpoints};
use leadfield::lead_field::vector_grid::VectorGrid;
use leadfield::lead_field::{FieldValues, LeadField, LeadFieldRequest, OutsideField, Quantity, read};
use leadfield::methods::reciprocity::FieldContact;
use leadfield::methods::{dipole_reciprocity, reciprocity};
use leadfield::segments::{NeuronSegments, Segment, Segments};
use leadfield::units::DEFAULT_CONDUCTIVITY;

use crate::support::{golden, root, scratch};

const BOTH: &[Quantity] = &[Quantity::Potential, Quantity::ElectricField];
const EVERYWHERE: Aabb = Aabb { min: Point::new(-1e9, -1e9, -1e9), max: Point::new(1e9, 1e9, 1e9) };

fn everything() -> LeadFieldRequest<'static> {
    LeadFieldRequest { quantities: BOTH, lookup_bounds: EVERYWHERE, placement: None, current_na: None }
}

/// Creates segments of length zero at these positions, so that their midpoints are the positions.
fn segments_at(points: impl IntoIterator<Item = (u64, Point)>) -> Segments {
    let segment = |(row, (node_id, p)): (usize, (u64, Point))| Segment {
        node_id,
        section_id: 0,
        segment_id: u32::try_from(row).unwrap(),
        section_type: None,
        start: p,
        end: p,
        radius_um: None,
        row: row as u64,
    };
    points.into_iter().enumerate().map(segment).collect()
}

fn contact(name: &str, field: &Arc<LeadField>, outside: OutsideField) -> FieldContact {
    FieldContact { name: name.into(), lead_field: field.clone(), outside_field: outside }
}

fn contacts(fields: &[Arc<LeadField>]) -> Vec<FieldContact> {
    fields.iter().enumerate().map(|(i, f)| contact(&i.to_string(), f, OutsideField::Error)).collect()
}

fn reciprocity(segments: &Segments, fields: &[Arc<LeadField>]) -> Vec<f64> {
    let kernel = reciprocity::PreparedReciprocity::new(contacts(fields)).unwrap();
    by_neuron(segments, fields.len(), |neuron, out| kernel.try_fill_weights(neuron, out))
}

fn dipole(segments: &Segments, fields: &[Arc<LeadField>]) -> Vec<f64> {
    let kernel = dipole_reciprocity::PreparedDipoleReciprocity::new(contacts(fields)).unwrap();
    by_neuron(segments, fields.len(), |neuron, out| kernel.try_fill_weights(neuron, out))
}

type Fill<'a> = &'a dyn Fn(&NeuronSegments<'_>, &mut [f64]) -> Result<()>;

fn by_neuron(
    segments: &Segments,
    columns: usize,
    fill: impl Fn(&NeuronSegments<'_>, &mut [f64]) -> Result<()>,
) -> Vec<f64> {
    let fill: Fill<'_> = &fill;
    let one = |neuron: NeuronSegments<'_>| {
        let mut out = vec![f64::NAN; neuron.len() * columns];
        fill(&neuron, &mut out).unwrap();
        out
    };
    segments.neurons().flat_map(one).collect()
}

/// Reads the reference's midpoints, fields and one of its electrodes files.
struct Reference {
    segments: Segments,
    fields: [Arc<LeadField>; 2],
}

fn reference() -> Reference {
    let file = Hdf5File::open(&golden().join("reference/midpoints.h5")).unwrap();
    let (xyz, id) = (file.read_floats("/xyz").unwrap(), file.read_unsigned("/id").unwrap());
    let n = id.len();
    let point = |i: usize| (id[i], Point::new(xyz[i], xyz[n + i], xyz[2 * n + i]));
    let segments = segments_at((0..n).map(point));
    let within = Aabb::enclosing(segments.start.iter().copied());
    let field = |name: &str| {
        let path = golden().join("input/electrodes").join(name);
        Arc::new(read(&path, &LeadFieldRequest { lookup_bounds: within, ..everything() }).unwrap())
    };
    Reference { fields: [field("field_src.h5"), field("field_far.h5")], segments }
}

/// Reads two columns of an electrodes file of the reference.
fn columns(name: &str, picked: [usize; 2]) -> Vec<f64> {
    let object = "/electrodes/S1nonbarrel_neurons/scaling_factors";
    let file = Hdf5File::open(&golden().join("reference").join(name)).unwrap();
    let width = file.shape(object).unwrap()[1];
    file.read_floats(object).unwrap().chunks(width).flat_map(|row| picked.map(|column| row[column])).collect()
}

/// Returns the largest |a - b| / scale.
fn worst(found: &[f64], expected: &[f64], scale: impl Fn(usize) -> f64) -> f64 {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().all(|w| w.is_finite()));
    (0..found.len()).map(|i| (found[i] - expected[i]).abs() / scale(i)).fold(0.0, f64::max)
}

#[test]
fn reciprocity_is_that_of_the_reference() {
    let Reference { segments, fields } = reference();
    let expected = columns("recip_per_neuron.h5", [0, 3]);
    assert_eq!(expected, columns("recip.h5", [0, 3]), "potentials do not depend on chunks");
    let difference = worst(&reciprocity(&segments, &fields), &expected, |i| expected[i].abs());
    assert!(difference < 1e-12, "{difference:e}");
}

/// Returns the magnitude of the terms of a dipole weight, relative to which rounding is measured: |r - c| |E| / I.
fn dipole_sizes(segments: &Segments, fields: &[Arc<LeadField>]) -> Vec<f64> {
    let sizes = |neuron: NeuronSegments<'_>| {
        let center = dipole_reciprocity::neuron_center(&neuron).unwrap();
        let size = |f: &Arc<LeadField>| 1e-6 * f.electric_field(center).unwrap().norm() / f.current_na().abs();
        let scales: Vec<f64> = fields.iter().map(size).collect();
        neuron
            .start
            .iter()
            .flat_map(|r| scales.iter().map(|s| r.distance(center) * s).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    segments.neurons().flat_map(sizes).collect()
}

#[test]
fn dipole_reciprocity_is_that_of_the_reference_where_each_chunk_held_one_neuron() {
    let Reference { segments, fields } = reference();
    let (found, sizes) = (dipole(&segments, &fields), dipole_sizes(&segments, &fields));
    let expected = columns("recip_per_neuron.h5", [1, 4]);
    let difference = worst(&found, &expected, |i| sizes[i]);
    assert!(difference < 1e-13, "{difference:e}");
    // also where the scalar product almost cancels
    let relative = worst(&found, &expected, |i| expected[i].abs());
    assert!(relative < 1e-12, "{relative:e}");
}

#[test]
fn the_reference_run_in_one_chunk_has_the_dipoles_about_the_centre_of_all_its_neurons() {
    let Reference { segments, fields } = reference();
    let expected = columns("recip.h5", [1, 4]);
    let as_one = Segments { node_id: vec![0; segments.len()], ..segments.clone() };
    let sizes = dipole_sizes(&as_one, &fields);
    let difference = worst(&dipole(&as_one, &fields), &expected, |i| sizes[i]);
    assert!(difference < 1e-12, "{difference:e}");
    let own = worst(&dipole(&segments, &fields), &expected, |i| sizes[i]);
    assert!(own > 0.1, "about their own centres they differ: {own:e}");
}

#[test]
fn the_part_of_a_field_that_the_circuit_touches_gives_the_bits_of_the_whole() {
    let Reference { segments, fields } = reference();
    let path = golden().join("input/electrodes/field_src.h5");
    let whole = [Arc::new(read(&path, &everything()).unwrap())];
    assert_eq!(reciprocity(&segments, &fields[..1]), reciprocity(&segments, &whole));
    assert_eq!(dipole(&segments, &fields[..1]), dipole(&segments, &whole));
    assert_eq!(fields[0].bounds(Quantity::Potential), whole[0].bounds(Quantity::Potential));
}

/// Position of a point source outside the grids of the tests, µm.
const SOURCE: Point = Point::new(900.0, 100.0, -200.0);

/// The potential (V) of 1 nA at [`SOURCE`].
fn potential(p: Point) -> f64 {
    1e-3 / (4.0 * PI * DEFAULT_CONDUCTIVITY.get() * p.distance(SOURCE))
}

/// Its electric field, V/m: 1e6 µm a metre.
fn electric_field(p: Point) -> Point {
    let d = p - SOURCE;
    d * (1e6 * potential(p) / d.norm_2())
}

/// Uneven nodes over -400..400 µm: those of `n` are among those of `2 n`.
fn uneven(n: usize) -> Vec<f64> {
    (0..=n).map(|i| -1.0 + 2.0 * i as f64 / n as f64).map(|t| 400.0 * (0.7 * t + 0.3 * t * t * t)).collect()
}

fn on_nodes(axes: &[Vec<f64>; 3], f: impl FnMut(Point) -> f64) -> Vec<f64> {
    let [x, y, z] = axes;
    let row = |x: f64, y: f64| z.iter().map(move |&z| Point::new(x, y, z));
    let points = x.iter().flat_map(|&x| y.iter().flat_map(move |&y| row(x, y)));
    points.map(f).collect()
}

fn grid(axes: &[Vec<f64>; 3], f: impl Fn(Point) -> f64) -> ScalarGrid {
    ScalarGrid::new(axes.clone().map(|a| GridAxis::new(a).unwrap()), on_nodes(axes, f)).unwrap()
}

/// The axes of one component of a Yee-staggered field.
fn staggered(axes: &[Vec<f64>; 3], component: usize) -> [Vec<f64>; 3] {
    let mut axes = axes.clone();
    axes[component] = cell_midpoints(&axes[component]);
    axes
}

fn analytic_field(n: usize) -> Arc<LeadField> {
    let axes = [uneven(n), uneven(n), uneven(n)];
    let component = |k: usize| grid(&staggered(&axes, k), |p| electric_field(p).to_array()[k]);
    let electric = VectorGrid { components: [component(0), component(1), component(2)] };
    let values = FieldValues::Grids { potential: Some(grid(&axes, potential).into()), electric: Some(electric.into()) };
    Arc::new(LeadField::new(Path::new("analytic"), values, 1.0).unwrap())
}

/// Creates three neurons of 40 segments each, well inside every grid.
fn neurons() -> Segments {
    let spiral = |i: usize| {
        let (t, node) = (i as f64, (i / 40) as u64);
        (node, Point::new(250.0 * (0.37 * t).sin(), 250.0 * (0.61 * t).cos(), 2.0 * t - 120.0))
    };
    segments_at((0..120).map(spiral))
}

/// Returns points that fill a cube evenly: multiples, modulo 1, of the inverse powers of the root of x^4 = x + 1.
fn spread_out(n: usize) -> Segments {
    let steps = [1.0, 2.0, 3.0].map(|power| 1.220_744_084_605_759_5_f64.powf(-power));
    let place = |i: usize| Point::from(steps.map(|step| 600.0 * (step * i as f64).fract() - 300.0));
    segments_at((0..n).map(|i| (0, place(i))))
}

fn root_mean_square(values: impl Iterator<Item = f64>) -> f64 {
    let (n, sum) = values.fold((0, 0.0), |(n, sum), v| (n + 1, sum + v * v));
    (sum / f64::from(n)).sqrt()
}

#[test]
fn reciprocity_tends_to_the_point_source_with_the_square_of_the_cell() {
    let segments = spread_out(5000);
    let error = |n: usize| {
        let found = reciprocity(&segments, &[analytic_field(n)]);
        root_mean_square(found.iter().zip(&segments.start).map(|(w, &p)| w / potential(p) - 1.0))
    };
    let errors = [error(8), error(16), error(32), error(64)];
    for pair in errors.windows(2) {
        let order = (pair[0] / pair[1]).log2();
        assert!((1.8..2.2).contains(&order), "{errors:?}");
    }
    assert!(errors[3] < 2e-4, "{errors:?}");
}

/// The point at which the current of `field_src.h5` enters, µm.
const GOLDEN_SOURCE: Point = Point::new(4200.0, 2500.0, -3900.0);

/// Returns the analytic potential that `field_src.h5` samples: V for 1 A, which the file states as a current of 1.
fn golden_potential(p: Point) -> f64 {
    1e6 / (4.0 * PI * DEFAULT_CONDUCTIVITY.get() * p.distance(GOLDEN_SOURCE))
}

/// The nodes of an axis of `field_src.h5`, µm.
fn golden_axis(name: &str) -> Vec<f64> {
    let file = Hdf5File::open(&golden().join("input/electrodes/field_src.h5")).unwrap();
    let metres = file.read_floats(&format!("/Meshes/mesh0/axis_{name}")).unwrap();
    metres.iter().map(|m| m * 1e6).collect()
}

/// Returns the axes with every cell divided in two.
fn halved(nodes: &[f64]) -> Vec<f64> {
    let pairs = nodes.iter().zip(cell_midpoints(nodes)).flat_map(|(&node, middle)| [node, middle]);
    pairs.chain(nodes.last().copied()).collect()
}

#[test]
fn reciprocity_in_the_golden_field_tends_to_the_point_source_with_the_square_of_the_cell() {
    let Reference { segments, fields } = reference();
    let own = ["x", "y", "z"].map(golden_axis);
    let errors_in = |field: &Arc<LeadField>| -> Vec<f64> {
        let found = reciprocity(&segments, std::slice::from_ref(field));
        found.iter().zip(&segments.start).map(|(w, &p)| w / golden_potential(p) - 1.0).collect()
    };
    let sampled = |axes: &[Vec<f64>; 3]| {
        let values = FieldValues::Grids { potential: Some(grid(axes, golden_potential).into()), electric: None };
        errors_in(&Arc::new(LeadField::new(Path::new("analytic"), values, 1.0).unwrap()))
    };
    // the file itself holds these samples, as float32
    let here = sampled(&own);
    let of_file = errors_in(&fields[0]);
    assert!(worst(&of_file, &here, |_| 1.0) < 1e-7, "float32 keeps 24 bits: 6e-8");
    let finer = |axes: &[Vec<f64>; 3]| axes.each_ref().map(|axis| halved(axis));
    let levels = [here, sampled(&finer(&own)), sampled(&finer(&finer(&own)))];
    let errors = levels.map(|level| root_mean_square(level.into_iter()));
    for pair in errors.windows(2) {
        let order = (pair[0] / pair[1]).log2();
        assert!((1.8..2.2).contains(&order), "{errors:?}");
    }
}

#[test]
fn the_dipole_tends_to_the_gradient_of_the_point_source_with_the_square_of_the_cell() {
    let segments = neurons();
    let exact: Vec<f64> = segments
        .neurons()
        .flat_map(|neuron| {
            let c = neuron.start.iter().fold(Point::ORIGIN, |sum, &r| sum + r) / neuron.len() as f64;
            neuron.start.iter().map(move |&r| -(r - c).dot(electric_field(c)) * 1e-6).collect::<Vec<_>>()
        })
        .collect();
    let error = |n: usize| {
        let found = dipole(&segments, &[analytic_field(n)]);
        root_mean_square(found.iter().zip(&exact).map(|(w, e)| w - e)) / root_mean_square(exact.iter().copied())
    };
    let (coarse, fine) = (error(8), error(64));
    let order = (coarse / fine).log2() / 3.0;
    assert!((1.6..2.4).contains(&order), "order {order}: {coarse:e} {fine:e}");
}

#[test]
fn weights_do_not_change_when_field_and_segments_move_and_turn_together() {
    let segments = neurons();
    let path = golden().join("input/electrodes/field_src.h5");
    let rotation = Quaternion::new(0.4, -0.3, 0.8, 0.2).unwrap();
    let placement = Transform::new(rotation, Point::new(3000.0, -500.0, 70.0));
    let moved = segments_at(segments.node_id.iter().zip(&segments.start).map(|(&id, &p)| (id, placement.apply(p))));
    let fields = |placement, segments: &Segments| {
        let within = Aabb::enclosing(segments.start.iter().copied());
        [Arc::new(read(&path, &LeadFieldRequest { lookup_bounds: within, placement, ..everything() }).unwrap())]
    };
    let (still, turned) = (fields(None, &segments), fields(Some(placement), &moved));
    let expected = reciprocity(&segments, &still);
    assert!(worst(&reciprocity(&moved, &turned), &expected, |i| expected[i].abs()) < 1e-12);
    let sizes = dipole_sizes(&segments, &still);
    assert!(worst(&dipole(&moved, &turned), &dipole(&segments, &still), |i| sizes[i]) < 1e-11);
}

#[test]
fn the_current_divides_and_a_given_one_goes_before_the_files() {
    let path = golden().join("input/electrodes/field_far.h5");
    let own = read(&path, &everything()).unwrap();
    assert_eq!(own.current_na(), 0.0025);
    let given = read(&path, &LeadFieldRequest { current_na: Some(-0.005), ..everything() }).unwrap();
    let (own, given) = ([Arc::new(own)], [Arc::new(given)]);
    let segments = neurons();
    let halves: Vec<f64> = reciprocity(&segments, &own).iter().map(|w| w / -2.0).collect();
    assert_eq!(reciprocity(&segments, &given), halves);
}

#[test]
fn outside_the_field_is_an_error_that_names_point_contact_and_bounds_or_zero_by_choice() {
    let field = analytic_field(8);
    let segments = segments_at([(7, Point::ORIGIN), (7, Point::new(0.0, 0.0, 401.5))]);
    let neuron = segments.neurons().next().unwrap();
    let mut out = [f64::NAN; 4];
    let both = [contact("a", &field, OutsideField::Zero), contact("b", &field, OutsideField::Error)];
    let refused =
        reciprocity::PreparedReciprocity::new(both.to_vec()).unwrap().try_fill_weights(&neuron, &mut out).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "analytic: contact `b`: point outside the lead field, expected one in x -400.0..400.0, y -400.0..400.0, \
         z -400.0..400.0 µm, found (0.000, 0.000, 401.500), the midpoint of segment 1 of section 0 of node 7"
    );
    let kernel = reciprocity::PreparedReciprocity::new(both[..1].to_vec()).unwrap();
    kernel.try_fill_weights(&neuron, &mut out[..2]).unwrap();
    assert_eq!(out[0], field.potential(Point::ORIGIN).unwrap());
    assert_eq!(out[1], 0.0);

    // the dipole needs its centre in the field, (0, 0, 450), no segment
    let segments = segments_at([(7, Point::ORIGIN), (7, Point::new(0.0, 0.0, 900.0))]);
    let neuron = segments.neurons().next().unwrap();
    let refused = dipole_reciprocity::PreparedDipoleReciprocity::new(both.to_vec())
        .unwrap()
        .try_fill_weights(&neuron, &mut out)
        .unwrap_err();
    let middle = (uneven(8)[0] + uneven(8)[1]) / -2.0;
    assert_eq!(
        refused.to_string(),
        format!(
            "analytic: contact `b`: point outside the lead field, expected one in x -{middle:.1}..{middle:.1}, \
             y -{middle:.1}..{middle:.1}, z -{middle:.1}..{middle:.1} µm, found (0.000, 0.000, 450.000), \
             the centre of node 7"
        )
    );
    let kernel = dipole_reciprocity::PreparedDipoleReciprocity::new(both[..1].to_vec()).unwrap();
    kernel.try_fill_weights(&neuron, &mut out[..2]).unwrap();
    assert_eq!(out[..2], [0.0, 0.0]);
}

#[test]
fn a_field_without_the_quantity_of_the_method_is_refused() {
    let axes = [uneven(2), uneven(2), uneven(2)];
    let values = FieldValues::Grids { potential: Some(grid(&axes, potential).into()), electric: None };
    let field = Arc::new(LeadField::new(Path::new("f.h5"), values, 1.0).unwrap());
    assert_eq!(
        dipole_reciprocity::PreparedDipoleReciprocity::new(contacts(&[field])).unwrap_err().to_string(),
        "f.h5: lead field without the electric field, which `DipoleReciprocity` needs"
    );
}

/// A file in Sim4Life's layout, whose parts a test may damage.
struct Export {
    axes: [Vec<f64>; 3],
    shape: [usize; 4],
    imaginary: f64,
    current: Option<f64>,
    with_electric: bool,
}

const FIELDS: &str = "/FieldGroups/g/AllFields";

impl Export {
    /// Creates the file of the analytic field, with axes in metres.
    fn new() -> Self {
        let axes = [uneven(8), uneven(6), uneven(4)];
        let shape = [9, 7, 5, 2];
        Self { axes, shape, imaginary: 0.0, current: Some(1.0), with_electric: true }
    }

    fn write(&self, path: &Path) -> Result<()> {
        let file = Hdf5File::create(path)?;
        file.create_group("/Meshes/m/grid")?;
        for (name, nodes) in ["x", "y", "z"].iter().zip(&self.axes) {
            let metres: Vec<f64> = nodes.iter().map(|n| n / 1e6).collect();
            file.write_dataset(&format!("/Meshes/m/grid/axis_{name}"), &metres, &[metres.len()])?;
        }
        if let Some(current) = self.current {
            file.write_dataset("/CurrentApplied", &[current], &[])?;
        }
        self.write_component(&file, "EM Potential(x,y,z,f0)", 0, &self.shape, &on_nodes(&self.axes, potential))?;
        for k in 0..if self.with_electric { 3 } else { 0 } {
            let axes = staggered(&self.axes, k);
            let shape = [axes[0].len(), axes[1].len(), axes[2].len(), 2];
            let values = on_nodes(&axes, |p| electric_field(p).to_array()[k]);
            self.write_component(&file, "EM E(x,y,z,f0)", k, &shape, &values)?;
        }
        file.close()
    }

    fn write_component(&self, file: &Hdf5File, name: &str, k: usize, shape: &[usize], values: &[f64]) -> Result<()> {
        let group = format!("{FIELDS}/{name}/_Object/Snapshots/0");
        file.create_group(&group)?;
        let mut pairs: Vec<f64> = values.iter().flat_map(|&v| [v, self.imaginary * v]).collect();
        pairs.resize(shape.iter().product(), 0.0);
        file.write_dataset(&format!("{group}/comp{k}"), &pairs, shape)
    }

    /// Reads the file; errors do not contain the temporary folder.
    fn read(&self, request: &LeadFieldRequest<'_>) -> Result<LeadField, String> {
        let folder = scratch();
        let path = folder.path().join("f.h5");
        self.write(&path).unwrap();
        read(&path, request).map_err(|e| error_text(&e, folder.path()))
    }

    fn refusal(&self) -> String {
        self.read(&everything()).unwrap_err()
    }
}

/// Formats message and hint of an error, without the temporary folder.
fn error_text(error: &leadfield::Error, folder: &Path) -> String {
    format!("{error:?}").replace(&format!("{}/", folder.display()), "")
}

/// Asserts that two fields have the same values, up to rounding.
fn assert_alike(found: LeadField, expected: &Arc<LeadField>) {
    let (segments, found) = (neurons(), [Arc::new(found)]);
    let expected = std::slice::from_ref(expected);
    let potentials = reciprocity(&segments, expected);
    assert!(worst(&reciprocity(&segments, &found), &potentials, |i| potentials[i]) < 1e-13);
    let sizes = dipole_sizes(&segments, expected);
    assert!(worst(&dipole(&segments, &found), &dipole(&segments, expected), |i| sizes[i]) < 1e-12);
}

#[test]
fn an_export_is_read_as_it_was_written_with_its_axes_deeper_down() {
    let n = 8;
    let export = Export { axes: [uneven(n), uneven(n), uneven(n)], shape: [9, 9, 9, 2], ..Export::new() };
    assert_alike(export.read(&everything()).unwrap(), &analytic_field(n));
}

#[test]
fn an_export_that_cannot_be_right_is_refused_with_its_place() {
    let mut axes = Export::new().axes;
    axes[1][3] = axes[1][2];
    let node = axes[1][2] / 1e6;
    assert_eq!(
        Export { axes, ..Export::new() }.refusal(),
        format!(
            "f.h5: /Meshes/m/grid/axis_y[3]: axis not increasing, expected a finite number above `{node}`, found `{node}`"
        )
    );
    assert_eq!(
        Export { shape: [9, 7, 6, 2], ..Export::new() }.refusal(),
        format!(
            "f.h5: {FIELDS}/EM Potential(x,y,z,f0)/_Object/Snapshots/0/comp0: wrong shape, expected [9, 7, 5, 2] \
             (nodes along the axes; real and imaginary part), found [9, 7, 6, 2]"
        )
    );
    assert_eq!(
        Export { with_electric: false, ..Export::new() }.refusal(),
        format!(
            "f.h5: {FIELDS}/EM E(x,y,z,f0)/_Object/Snapshots/0/comp0: missing, expected a dataset; the nearest group \
             `{FIELDS}` has `EM Potential(x,y,z,f0)`"
        )
    );
    let hint = "hint: give the current that produced the field, in nA, as `current`";
    assert_eq!(
        Export { current: None, ..Export::new() }.refusal(),
        format!("f.h5: /CurrentApplied: no current, expected the current that produced the field, found none\n{hint}")
    );
    assert_eq!(
        Export { current: Some(0.0), ..Export::new() }.refusal(),
        format!("f.h5: /CurrentApplied: unusable current, expected a finite number other than 0, found `0`\n{hint}")
    );
    let given = LeadFieldRequest { current_na: Some(2.0), ..everything() };
    assert_eq!(Export { current: None, ..Export::new() }.read(&given).unwrap().current_na(), 2.0);
    assert_eq!(
        Export::new().read(&LeadFieldRequest { current_na: Some(f64::NAN), ..everything() }).unwrap_err(),
        format!("f.h5: current: unusable current, expected a finite number other than 0, found `NaN`\n{hint}")
    );
}

#[test]
fn what_is_not_asked_for_is_not_read() {
    let potential_only = LeadFieldRequest { quantities: &[Quantity::Potential], ..everything() };
    let field = Export { with_electric: false, ..Export::new() }.read(&potential_only).unwrap();
    assert_eq!(field.bounds(Quantity::ElectricField), None);
    assert!(field.potential(Point::ORIGIN).is_some());
}

#[test]
fn a_large_imaginary_part_is_warned_of_and_a_small_one_is_not() {
    let potential_only = LeadFieldRequest { quantities: &[Quantity::Potential], ..everything() };
    let warnings = |imaginary: f64| {
        let field = Export { imaginary, ..Export::new() }.read(&potential_only).unwrap();
        field.warnings().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(warnings(1e-4), [""; 0]);
    let warnings = warnings(0.5);
    let axes = Export::new().axes;
    let largest = on_nodes(&axes, potential).into_iter().fold(0.0, f64::max);
    let says = format!(
        "comp0: complex field, expected an imaginary part below 0.001 of the real one, found {:e} in real values up to {largest:e}; \
         the real part is used",
        0.5 * largest
    );
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].ends_with(&says), "{}", warnings[0]);
}

#[test]
fn a_dataset_that_claims_more_than_its_file_can_hold_is_refused() {
    let folder = scratch();
    let path = folder.path().join("f.h5");
    let axes = std::array::from_fn(|_| (0..3000).map(|i| f64::from(i) / 1e6).collect::<Vec<f64>>());
    Export { axes, shape: [0, 0, 0, 2], ..Export::new() }.write_without_values(&path).unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len();
    assert_eq!(
        error_text(&read(&path, &everything()).unwrap_err(), folder.path()),
        format!(
            "f.h5: {FIELDS}/EM Potential(x,y,z,f0)/_Object/Snapshots/0/comp0: too many values, expected at most what a \
             file of {bytes} bytes can hold, found 54000000000 values"
        )
    );
}

impl Export {
    /// Writes axes, and a potential of the right shape of which no value is stored.
    fn write_without_values(&self, path: &Path) -> Result<()> {
        let file = Hdf5File::create(path)?;
        file.create_group("/Meshes/m")?;
        for (name, nodes) in ["x", "y", "z"].iter().zip(&self.axes) {
            file.write_dataset(&format!("/Meshes/m/axis_{name}"), nodes, &[nodes.len()])?;
        }
        file.write_dataset("/CurrentApplied", &[1.0], &[])?;
        let group = format!("{FIELDS}/EM Potential(x,y,z,f0)/_Object/Snapshots/0");
        file.create_group(&group)?;
        let shape: Vec<usize> = self.axes.iter().map(Vec::len).chain([2]).collect();
        file.write_dataset::<f32>(&format!("{group}/comp0"), &[], &shape)?;
        file.close()
    }
}

/// Writes the plain layout, axes in mm, potential in mV, current in uA.
fn write_plain(path: &Path, axes: &[Vec<f64>; 3], spoil: impl Fn(&Hdf5File) -> Result<()>) -> Result<()> {
    let file = Hdf5File::create(path)?;
    let shape: Vec<usize> = axes.iter().map(Vec::len).collect();
    file.create_group("/axes")?;
    file.create_group("/field")?;
    for (k, (name, nodes)) in ["x", "y", "z"].iter().zip(axes).enumerate() {
        let axis = format!("/axes/{name}");
        file.write_dataset(&axis, &nodes.iter().map(|n| n / 1e3).collect::<Vec<_>>(), &[nodes.len()])?;
        file.write_string_attribute(&axis, "units", "mm")?;
        let component = format!("/field/{name}");
        file.write_dataset(&component, &on_nodes(axes, |p| electric_field(p).to_array()[k]), &shape)?;
        file.write_string_attribute(&component, "units", "V/m")?;
    }
    file.write_dataset("/potential", &on_nodes(axes, |p| 1e3 * potential(p)), &shape)?;
    file.write_dataset("/current", &[0.001], &[])?;
    spoil(&file)?;
    file.close()
}

fn with_units(file: &Hdf5File) -> Result<()> {
    file.write_string_attribute("/potential", "units", "mV")?;
    file.write_string_attribute("/current", "units", "uA")
}

fn plain(spoil: impl Fn(&Hdf5File) -> Result<()>) -> Result<LeadField, String> {
    let folder = scratch();
    let path = folder.path().join("f.h5");
    write_plain(&path, &[uneven(8), uneven(8), uneven(8)], spoil).unwrap();
    read(&path, &everything()).map_err(|e| error_text(&e, folder.path()))
}

#[test]
fn the_plain_layout_is_read_in_its_own_units() {
    let axes = [uneven(8), uneven(8), uneven(8)];
    let component = |k: usize| grid(&axes, |p| electric_field(p).to_array()[k]);
    let electric = Some(VectorGrid { components: [component(0), component(1), component(2)] }.into());
    let values = FieldValues::Grids { potential: Some(grid(&axes, potential).into()), electric };
    let expected = Arc::new(LeadField::new(Path::new("expected"), values, 1.0).unwrap());
    assert_alike(plain(with_units).unwrap(), &expected);
}

#[test]
fn a_plain_file_that_cannot_be_right_is_refused_with_its_place() {
    let units = "`nA`, `uA`, `mA`, `A`";
    assert_eq!(
        plain(|_| Ok(())).unwrap_err(),
        format!(
            "f.h5: /current: no unit, expected the attribute `units` with {units}, found none\n\
             hint: see docs/lead-field.md for how to write a lead field"
        )
    );
    assert_eq!(
        plain(|file| file.write_string_attribute("/current", "units", "pounds")).unwrap_err(),
        format!("f.h5: /current: unknown unit, expected {units}, found `pounds`")
    );
}

#[test]
fn a_file_of_an_unknown_layout_is_refused_with_its_content() {
    let folder = scratch();
    let path = folder.path().join("f.h5");
    let file = Hdf5File::create(&path).unwrap();
    file.create_group("/stuff").unwrap();
    file.close().unwrap();
    assert_eq!(
        error_text(&read(&path, &everything()).unwrap_err(), folder.path()),
        "f.h5: unknown lead field layout, expected `FieldGroups` and `Meshes`, `axes`, or `sources`, found `stuff`\n\
         hint: see docs/lead-field.md for the layouts and how to write one"
    );
}

/// Writes two sources of an electrode, 3 mm apart, in mm and uV/(nA m).
fn write_sources(path: &Path, spoil: impl Fn(&Hdf5File) -> Result<()>) -> Result<()> {
    let file = Hdf5File::create(path)?;
    file.create_group("/sources")?;
    file.write_dataset("/sources/positions", &[0.0, 0.0, 70.0, 3.0, 0.0, 70.0], &[2, 3])?;
    file.write_string_attribute("/sources/positions", "units", "mm")?;
    file.write_dataset("/sources/vectors", &[0.1, 0.2, 0.5, 0.0, 0.0, 0.4], &[2, 3])?;
    spoil(&file)?;
    file.close()
}

fn sources(spoil: impl Fn(&Hdf5File) -> Result<()>) -> Result<LeadField, String> {
    let folder = scratch();
    let path = folder.path().join("f.h5");
    write_sources(&path, spoil).unwrap();
    let request = LeadFieldRequest { quantities: &[Quantity::ElectricField], ..everything() };
    read(&path, &request).map_err(|e| error_text(&e, folder.path()))
}

#[test]
fn dipoles_of_a_head_model_are_weights_of_the_nearest_one() {
    let with_units = |file: &Hdf5File| file.write_string_attribute("/sources/vectors", "units", "uV/(nA m)");
    let field = [Arc::new(sources(with_units).unwrap())];
    // two segments 100 µm above and below a centre 1 mm from the first source
    let at = |z: f64| (7, Point::new(1000.0, 0.0, 70_000.0 + z));
    let found = dipole(&segments_at([at(100.0), at(-100.0)]), &field);
    // 0.5 uV/(nA m) x 100 µm = 0.5e-6 V/nA/m x 1e-4 m
    for (found, expected) in found.iter().zip([0.5e-10, -0.5e-10]) {
        assert!((found / expected - 1.0).abs() < 1e-12, "{found:e}");
    }
    let near_second =
        dipole(&segments_at([(7, Point::new(2000.0, 0.0, 70_100.0)), (7, Point::new(2000.0, 0.0, 69_900.0))]), &field);
    assert!((near_second[0] / 0.4e-10 - 1.0).abs() < 1e-12, "{:e}", near_second[0]);
    let refused = reciprocity::PreparedReciprocity::new(contacts(&field)).unwrap_err();
    assert!(refused.to_string().contains("potential"), "{refused}");
}

#[test]
fn dipoles_of_a_head_model_that_cannot_be_right_are_refused_with_their_place() {
    let units = "`V/(A m)`, `mV/(A m)`, `uV/(A m)`, `uV/(nA m)`, `V/(nA m)`, `mV/(nA um)`";
    assert_eq!(
        sources(|_| Ok(())).unwrap_err(),
        format!(
            "f.h5: /sources/vectors: no unit, expected the attribute `units` with {units}, found none\n\
             hint: see docs/lead-field.md for how to write a lead field"
        )
    );
    assert_eq!(
        sources(|file| file.write_string_attribute("/sources/vectors", "units", "V/m")).unwrap_err(),
        format!("f.h5: /sources/vectors: unknown unit, expected {units}, found `V/m`")
    );
}

/// Writes the analytic field at a lattice of 21^3 points, in mm and mV.
fn csv(header: &str) -> String {
    let nodes: Vec<f64> = (-10..=10).map(|i| f64::from(i) * 40.0).collect();
    let row = |p: Point| {
        let (e, phi) = (electric_field(p), 1e3 * potential(p));
        format!("{},{},{},{phi},{},{},{}\n", p.x / 1e3, p.y / 1e3, p.z / 1e3, e.x, e.y, e.z)
    };
    let axes = [nodes.clone(), nodes.clone(), nodes];
    let mut text = format!("{header}\n");
    on_nodes(&axes, |p| {
        text.push_str(&row(p));
        0.0
    });
    text
}

const HEADER: &str = "x [mm],y [mm],z (mm),potential [mV],ex,ey [V/m],ez";
const ONE_NA: LeadFieldRequest<'static> =
    LeadFieldRequest { quantities: BOTH, lookup_bounds: EVERYWHERE, placement: None, current_na: Some(1.0) };

fn read_csv(text: &str, request: &LeadFieldRequest<'_>) -> Result<LeadField, String> {
    let folder = scratch();
    let path = folder.path().join("points.csv");
    std::fs::write(&path, text).unwrap();
    read(&path, request).map_err(|e| error_text(&e, folder.path()))
}

#[test]
fn scattered_points_give_the_point_source_to_a_thousandth() {
    let field = Arc::new(read_csv(&csv(HEADER), &ONE_NA).unwrap());
    let segments = neurons();
    let found = reciprocity(&segments, std::slice::from_ref(&field));
    let error = worst(&found, &segments.start.iter().map(|&p| potential(p)).collect::<Vec<_>>(), |i| found[i]);
    assert!(error < 1e-3, "{error:e}");
    for neuron in segments.neurons() {
        let center = dipole_reciprocity::neuron_center(&neuron).unwrap();
        let (found, exact) = (field.electric_field(center).unwrap(), electric_field(center));
        assert!(found.distance(exact) < 2e-3 * exact.norm(), "{found} {exact}");
    }
    let outside = field.lookup_error(Quantity::Potential, Point::new(0.0, 0.0, 500.0), "a place", "e");
    assert!(outside.to_string().ends_with(
        "contact `e`: point outside the lead field, expected one among its points in x -400.0..400.0, y -400.0..400.0, \
         z -400.0..400.0 µm, found (0.000, 0.000, 500.000), a place"
    ));
}

#[test]
fn parquet_gives_what_csv_gives() {
    use arrow_array::{ArrayRef, Float64Array, RecordBatch};
    let text = csv(HEADER);
    let rows = || text.lines().skip(1).map(|l| l.split(',').map(|c| c.parse::<f64>().unwrap()).collect::<Vec<_>>());
    // the columns in another order, after one that is not requested
    let column = |k: usize| Arc::new(rows().map(|r| r[k]).collect::<Float64Array>()) as ArrayRef;
    let names = ["label", "ez", "potential [mV]", "x [mm]", "ey", "y [mm]", "ex", "z [mm]"];
    let from = [0, 6, 3, 0, 5, 1, 4, 2];
    let batch = RecordBatch::try_from_iter(names.into_iter().zip(from.map(column))).unwrap();
    let folder = scratch();
    let path = folder.path().join("points.parquet");
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (a, b) = (read(&path, &ONE_NA).unwrap(), read_csv(&text, &ONE_NA).unwrap());
    for p in neurons().start {
        assert_eq!(a.potential(p), b.potential(p));
        assert_eq!(a.electric_field(p), b.electric_field(p));
    }
    std::fs::write(&path, "no parquet").unwrap();
    assert!(
        error_text(&read(&path, &ONE_NA).unwrap_err(), folder.path())
            .starts_with("points.parquet: not a readable Parquet file: ")
    );
}

#[test]
fn a_file_of_points_that_cannot_be_right_is_refused_with_its_line() {
    let refused = |text: &str| read_csv(text, &ONE_NA).unwrap_err();
    assert_eq!(
        refused("x,y,z,V,ex,ey,ez\n"),
        "points.csv: line[1]: missing column, expected `potential`, found `x`, `y`, `z`, `V`, `ex`, `ey`, `ez`"
    );
    assert_eq!(
        refused("x [inch],y,z,potential,ex,ey,ez\n"),
        "points.csv: x: unknown unit, expected `um`, `mm`, `cm`, `m`, found `inch`"
    );
    assert_eq!(
        refused("x,y,z,potential,ex,ey,ez\n# by hand\n0,0,0,1,0,0,0\n1,0,0,zero,0,0,0\n"),
        "points.csv: line[4]: not a number, expected a value of `potential`, found `zero`"
    );
    assert_eq!(
        refused("x,y,z,potential,ex,ey,ez\n0,0,0,1,0,0,0\n"),
        "points.csv: too few points, expected at least 4, found 1"
    );
    assert_eq!(
        read_csv(&csv(HEADER), &everything()).unwrap_err(),
        "points.csv: no current, expected the current that produced the field, found none\n\
         hint: give the current that produced the field, in nA, as `current`"
    );
    assert!(refused("x,y,z,potential,ex,ey,ez\n0,0\n").starts_with("points.csv: invalid CSV: "));
}

#[test]
fn a_missing_file_is_named() {
    let path = PathBuf::from("no/such/field.h5");
    assert_eq!(
        read(&path, &everything()).unwrap_err().to_string(),
        "no/such/field.h5: cannot be read: no such file or directory"
    );
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with h5py, numpy: make clients"]
fn the_documented_example_is_a_lead_field_of_a_point_source() {
    let text = std::fs::read_to_string(root().join("docs/lead-field.md")).unwrap();
    let example = text.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = scratch();
    let python = std::env::var_os("LEADFIELD_PYTHON").expect("LEADFIELD_PYTHON names a Python with h5py");
    let run = std::process::Command::new(python).args(["-c", example]).current_dir(folder.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let potential_only = LeadFieldRequest { quantities: &[Quantity::Potential], ..everything() };
    let field = read(&folder.path().join("field.h5"), &potential_only).unwrap();
    assert_eq!(field.current_na(), 1000.0);
    // the contact of the example is at x = 5 mm; cells of 50 µm
    for p in [Point::ORIGIN, Point::new(-1234.0, 567.0, 2890.0), Point::new(1999.0, -3.0, -980.0)] {
        let exact = 1.0 / (4.0 * PI * 0.277 * p.distance(Point::new(5000.0, 0.0, 0.0)));
        assert!((field.potential(p).unwrap() / exact - 1.0).abs() < 1e-4, "{p}");
    }
}
