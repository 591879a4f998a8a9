//! Compares the morphology readers with the simulator's importer: NEURON reads the same SWC and ASC files, and must
//! find the same sections under the same ids, of the same length and with the same ends, in order. Handwritten files
//! contain every form; random ones combine the forms.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use leadfield::circuit::hoc::{AxonReplacement, StubDiameters};
use leadfield::circuit::placement::discretise::count_section_segments;
use leadfield::circuit::placement::{AxonTreatment, CountChecks, NeuronPlan, StubPlacement, place_segments};
use leadfield::geometry::{Point, Quaternion, Transform};
use leadfield::morphology::{MorphologyFormat, read};
use leadfield::segments::SectionType;

use crate::morphologies::{ASC, SWC, files_below, write_asc, write_text};
use crate::support;

/// A section of NEURON: name, length, ends of its segments.
struct Imported {
    name: String,
    length_um: f64,
    ends: Vec<Point>,
}

/// Returns the sections that NEURON creates from each file.
fn imported(paths: &[PathBuf]) -> Vec<Vec<Imported>> {
    let python = std::env::var_os("LEADFIELD_PYTHON").expect("LEADFIELD_PYTHON names a Python that has neuron");
    let script = support::root().join("tests/importer.py");
    let output = Command::new(python).arg(script).args(paths).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut files: Vec<Vec<Imported>> = Vec::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["file", ..] => files.push(Vec::new()),
            ["section", name, length, ref numbers @ ..] => {
                let numbers: Vec<f64> = numbers.iter().map(|w| w.parse().unwrap()).collect();
                let ends = numbers.as_chunks().0.iter().map(|&[x, y, z]| Point::new(x, y, z)).collect();
                let length_um = length.parse().unwrap();
                files.last_mut().unwrap().push(Imported { name: name.into(), length_um, ends });
            }
            // the importer's message about sections that it removes
            _ => {}
        }
    }
    assert_eq!(files.len(), paths.len());
    files
}

fn format_of(path: &Path) -> MorphologyFormat {
    if path.extension().unwrap() == "asc" { MorphologyFormat::Asc } else { MorphologyFormat::Swc }
}

/// Asserts that this program's sections, in the order of the rows, are those of NEURON.
#[track_caller]
fn assert_same_sections(path: &Path, theirs: &[Imported]) {
    let cell = read(path, format_of(path)).unwrap();
    let sections = count_section_segments(&cell, AxonReplacement::Keep, 40.0);
    let transform = Transform::new(Quaternion::IDENTITY, Point::ORIGIN);
    let plan = NeuronPlan {
        node_id: 0,
        morphology_name: "m".into(),
        first_row: 0,
        section_counts: sections.into(),
        axon: AxonTreatment::Keep,
        transform,
        stub_diameters: StubDiameters::default(),
    };
    let rows = place_segments(&cell, &plan, StubPlacement::Arc, CountChecks::SectionsAndLengths).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let mut lengths = cell.soma.section_lengths_um();
    lengths.extend(cell.sections.iter().map(|s| s.length_um()));
    assert_eq!(lengths.len(), theirs.len(), "{name}");
    let mut row = 0;
    for ((id, section), &length) in (0..).zip(theirs).zip(&lengths) {
        let place = format!("section {id}, {}, of {name}", section.name);
        // a contour that is as wide as it is long is cut along either axis
        let is_contour = format_of(path) == MorphologyFormat::Asc && section.name.starts_with("soma");
        let tolerance = if is_contour { 0.05 } else { 1e-5 };
        assert!(
            (length - section.length_um).abs() <= tolerance * length.max(1e-3),
            "{length} {} {place}",
            section.length_um
        );
        for (segment, ends) in (0..).zip(section.ends.windows(2)) {
            let ours = rows.get(row);
            row += 1;
            assert_eq!((ours.section_id, ours.segment_id), (id, segment), "{place}");
            let kind = ours.section_type.unwrap();
            assert_eq!(kind.name(), section.name.split('[').next().unwrap(), "{place}");
            let apart = ours.start.distance(ends[0]).max(ours.end.distance(ends[1]));
            // far from the origin NEURON's float32 points are farther apart than that
            let tolerance_um = 1e-3 * (ends[1].norm() / 1000.0).max(1.0);
            assert!(apart < tolerance_um || kind == SectionType::Soma, "segment {segment}, {apart} µm, {place}");
        }
    }
    assert_eq!(row, rows.len(), "{name}");
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with neuron: make clients"]
fn neuron_imports_files_of_every_form_into_the_same_sections() {
    let folder = support::scratch();
    let mut paths: Vec<PathBuf> = Vec::new();
    paths.extend(SWC.iter().map(|(name, text)| write_text(folder.path(), &format!("{name}.swc"), text)));
    paths.extend(ASC.iter().map(|(name, text)| write_asc(folder.path(), name, text)));
    assert!(paths.len() >= 40, "{}", paths.len());
    for (path, theirs) in paths.iter().zip(imported(&paths)) {
        assert_same_sections(path, &theirs);
    }
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with neuron: make clients"]
fn neuron_imports_synthesized_files_into_the_same_sections() {
    let folder = support::scratch();
    support::leadfield_in(folder.path(), &["synthesize", "c", "--cells", "24", "--seed", "5", "--quiet"]).ok();
    let below = folder.path().join("c/components/morphologies");
    let paths: Vec<PathBuf> = ["swc", "asc"].iter().flat_map(|e| files_below(&below, e)).map(PathBuf::from).collect();
    assert_eq!(paths.len(), 48);
    for (path, theirs) in paths.iter().zip(imported(&paths)) {
        assert_same_sections(path, &theirs);
    }
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with neuron: make clients"]
fn neuron_imports_drawn_swc_into_the_same_sections() {
    let folder = support::scratch();
    let mut refused = 0;
    let mut paths = Vec::new();
    for seed in 0..400 {
        let path = write_text(folder.path(), &format!("drawn_{seed}.swc"), &drawn_swc(seed));
        match read(&path, MorphologyFormat::Swc) {
            Ok(_) => paths.push(path),
            Err(error) => {
                assert!(error.to_string().contains("samples are not in depth-first order"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(paths.len() >= 250, "{} files, {refused} refused", paths.len());
    for (path, theirs) in paths.iter().zip(imported(&paths)) {
        assert_same_sections(path, &theirs);
    }
}

/// Repeatable random numbers: the linear congruential generator of Numerical Recipes.
struct Draws(u32);

impl Draws {
    /// Draws a number below `n`.
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % n
    }

    /// Draws true with this probability, in per cent.
    fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// Draws a step in space, in tenths of a micrometre.
    fn step(&mut self) -> [i32; 3] {
        let reach = [30, 100, 300][self.below(3) as usize];
        [(); 3].map(|()| self.below(2 * reach + 1) as i32 - reach as i32)
    }
}

/// A sample: type, position and radius in tenths of a micrometre, index of its parent.
struct Drawn(u32, [i32; 3], u32, Option<usize>);

/// Draws an SWC file with a soma of any form, neurites on any of its samples, types that change anywhere, repeated
/// points, and samples depth first, breadth first or in a mixed order.
fn drawn_swc(seed: u32) -> String {
    let mut draws = Draws(seed.wrapping_mul(2_654_435_761));
    let mut samples = drawn_soma(&mut draws);
    let soma = samples.len();
    let (repeats, changes) = (draws.chance(30), draws.chance(50));
    for _ in 0..draws.below(6) {
        let first = match draws.below(4) {
            0 => 0,
            1 => soma - 1,
            _ => draws.below(soma as u32) as usize,
        };
        let mut tips = vec![(Some(first).filter(|_| !draws.chance(8)), 2 + draws.below(3), 0)];
        while let Some((from, mut kind, depth)) = tips.pop() {
            let mut parent = from;
            for _ in 0..if draws.chance(30) { 1 } else { 1 + draws.below(5) } {
                let mut at = parent.map_or([0; 3], |p| samples[p].1);
                if !(repeats && draws.chance(25)) {
                    at.iter_mut().zip(draws.step()).for_each(|(a, s)| *a += s);
                }
                samples.push(Drawn(kind, at, 1 + draws.below(30), parent));
                parent = Some(samples.len() - 1);
                kind = if changes && draws.chance(10) { 2 + draws.below(3) } else { kind };
            }
            for _ in 0..if depth < 4 && draws.chance(60) { 1 + draws.below(3) } else { 0 } {
                let kind = if changes && draws.chance(30) { 2 + draws.below(3) } else { kind };
                tips.push((parent, kind, depth + 1));
            }
        }
    }
    in_some_order(&samples, &mut draws)
}

fn drawn_soma(draws: &mut Draws) -> Vec<Drawn> {
    let radius = 40 + draws.below(50);
    let tip = |y: i32, parent| Drawn(1, [0, y, 0], radius, parent);
    match draws.below(5) {
        0 => vec![tip(0, None)],
        1 => {
            let off = draws.below(3) as i32;
            let r = radius as i32;
            vec![tip(0, None), tip(-r - off, Some(0)), tip(r, Some(0))]
        }
        form => {
            let mut soma = vec![tip(0, None)];
            for i in 1..2 + draws.below(7) as usize {
                let before = if form == 4 { draws.below(3.min(i as u32)) as usize } else { 0 };
                soma.push(Drawn(1, draws.step(), 10 + draws.below(50), Some(i - 1 - before)));
            }
            soma
        }
    }
}

/// Formats the lines of samples, each after its parent.
fn in_some_order(samples: &[Drawn], draws: &mut Draws) -> String {
    let jumps = [0, 0, 0, 15, 100][draws.below(5) as usize];
    let mut waiting: Vec<usize> = (0..samples.len()).filter(|&i| samples[i].3.is_none()).rev().collect();
    let mut line_of = vec![0; samples.len()];
    let mut text = String::new();
    let mut id = 0;
    while !waiting.is_empty() {
        let last = waiting.len() - 1;
        let next = if id > 0 && draws.chance(jumps) { draws.below(last as u32 + 1) as usize } else { last };
        let i = waiting.remove(next);
        id += 1;
        line_of[i] = id;
        let Drawn(kind, [x, y, z], radius, parent) = samples[i];
        let parent = parent.map_or("-1".into(), |p| line_of[p].to_string());
        let tenths = |v: i32| f64::from(v) / 10.0;
        let place = format!("{} {} {}", tenths(x), tenths(y), tenths(z));
        writeln!(text, "{id} {kind} {place} {} {parent}", tenths(radius as i32)).unwrap();
        waiting.extend((0..samples.len()).rev().filter(|&k| samples[k].3 == Some(i)));
    }
    text
}
