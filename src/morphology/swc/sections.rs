//! Cuts the samples of an SWC file into the sections that NEURON's importer creates from them.
//!
//! The rules were determined by running NEURON 9.0.2 on thousands of files, and hold for every one of them:
//!
//! - A section is a run of consecutive samples. A sample ends its section unless its only child is the next sample and
//!   has the same type. For a soma sample only soma samples count as children, and the file's first sample continues
//!   with the next one whatever the number of its children.
//! - One exception: a neurite's first sample at the soma continues with the next sample, of any type, if its last child
//!   has its own type and comes later; this does not apply to the file's second sample. If the next sample is not its
//!   child, the importer still joins the two: such files are refused.
//! - A section begins with a copy of its parent sample. A neurite at the soma does so only on the first or last sample
//!   of a soma section that has several, or if the neurite has a single sample; not on a soma sample that has several
//!   soma children, nor if it has no parent in the file.
//! - A soma of a single sample is a sphere, and so is one of three samples, if two of them are children of the first
//!   one, have no children, and all have one diameter that equals the sum of the two distances to within 1 %.
//! - A section that has a parent section and one point, or two equal ones, is removed; its children keep their points.

use std::ops::Range;

use super::{SwcProblem, SwcSample};
use crate::error::{Context, Error, Result};
use crate::geometry::Point;
use crate::morphology::{ImporterNote, Morphology, MorphologyProblem, Section, Soma, SomaForm};
use crate::segments::SectionType;

/// Builds the morphology of samples; `parents` contains the indices of their parents.
pub(super) fn build_morphology(samples: &[SwcSample], parents: &[Option<usize>]) -> Result<Morphology> {
    check_soma(samples, parents)?;
    let tree = SampleTree::new(samples, parents);
    let runs = tree.split_into_runs()?;
    let mut notes = Vec::new();
    let neurites = tree.build_neurites(&runs, &mut notes);
    let soma = tree.build_soma(&runs);
    let several = Some(soma.section_count()).filter(|&sections| sections > 1);
    notes.extend(several.map(|sections| ImporterNote::SomaSections { sections }));
    Ok(Morphology { notes, ..Morphology::from_importer_order(soma, neurites) })
}

/// Returns an error if the soma is not at the start of the file, or in several places.
fn check_soma(samples: &[SwcSample], parents: &[Option<usize>]) -> Result<()> {
    for (i, sample) in samples.iter().enumerate().filter(|(_, s)| s.kind == SectionType::Soma) {
        let problem = match parents[i] {
            None if i == 0 => continue,
            None if samples[0].kind == SectionType::Soma => Error::from(MorphologyProblem::TwoSomata),
            None => SwcProblem::LateSoma.into(),
            Some(parent) if samples[parent].kind == SectionType::Soma => continue,
            Some(parent) => SwcProblem::SomaOnNeurite(samples[parent].id).into(),
        };
        return Err(problem.at_index("line", sample.line));
    }
    match samples.first() {
        None => Err(MorphologyProblem::Empty.into()),
        Some(first) if first.kind != SectionType::Soma => Err(MorphologyProblem::NoSoma.into()),
        Some(_) => Ok(()),
    }
}

/// Samples with their links. The first sample is the root of the soma.
struct SampleTree<'a> {
    samples: &'a [SwcSample],
    /// Index of each sample's parent; 0 for samples without one.
    parents: Vec<usize>,
    /// Summary of each sample's children.
    children: Vec<ChildSummary>,
    is_sphere: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct ChildSummary {
    count: u32,
    /// Number of children that belong to the soma.
    soma_count: u32,
    /// Index of the last child.
    last: usize,
}

/// The samples of a section.
struct SampleRun {
    samples: Range<usize>,
    /// Index of the parent section.
    parent: Option<usize>,
    /// The sample whose point is copied to the start of the section.
    lead_sample: Option<usize>,
}

impl<'a> SampleTree<'a> {
    fn new(samples: &'a [SwcSample], parents: &[Option<usize>]) -> Self {
        let mut children = vec![ChildSummary::default(); samples.len()];
        let parents: Vec<usize> = parents.iter().map(|p| p.unwrap_or(0)).collect();
        for (i, &parent) in parents.iter().enumerate().skip(1) {
            let of_parent = &mut children[parent];
            of_parent.count += 1;
            of_parent.soma_count += u32::from(samples[i].kind == SectionType::Soma);
            of_parent.last = i;
        }
        let mut tree = Self { samples, parents, children, is_sphere: false };
        tree.is_sphere = tree.has_three_point_sphere();
        tree
    }

    fn kind(&self, i: usize) -> SectionType {
        self.samples[i].kind
    }

    fn is_soma(&self, i: usize) -> bool {
        self.kind(i) == SectionType::Soma
    }

    /// Returns whether the soma is NeuroMorpho's three points, which represent a sphere.
    fn has_three_point_sphere(&self) -> bool {
        let [first, second, third] = match self.samples {
            [a, b, c, rest @ ..] if rest.iter().all(|s| s.kind != SectionType::Soma) => [a, b, c],
            _ => return false,
        };
        let are_soma = self.is_soma(1) && self.is_soma(2) && self.parents[1..3] == [0, 0];
        let are_tips = self.children[1].count == 0 && self.children[2].count == 0;
        let diameter = f64::from(first.diameter_um);
        let distance = |s: &SwcSample| Point::from(s.point).distance(Point::from(first.point));
        are_soma
            && are_tips
            && [second, third].iter().all(|s| s.diameter_um == first.diameter_um)
            // without a diameter the importer divides by zero: `split_into_runs` refuses it
            && (diameter == 0.0 || (distance(second) + distance(third) - diameter).abs() / diameter < SPHERE_TOLERANCE)
    }

    /// Returns whether a sample belongs to the section of the one before it.
    fn continues_section(&self, i: usize) -> Result<bool> {
        let before = i - 1;
        let (children, is_child) = (self.children[before], self.parents[i] == before);
        if self.is_soma(before) {
            let goes_on = children.soma_count == 1 || before == 0;
            return Ok(self.is_soma(i) && (is_child && goes_on || self.is_sphere && i < 3));
        }
        let counts_as_one = before > 1
            && self.is_soma(self.parents[before])
            && children.count > 0
            && children.last != i
            && self.kind(children.last) == self.kind(before);
        if counts_as_one && !is_child {
            let (before, found) = (self.samples[before].id, self.samples[i].id);
            return Err(SwcProblem::Joined { before, found }).at_index("line", self.samples[i].line);
        }
        Ok(counts_as_one || is_child && children.count == 1 && self.kind(i) == self.kind(before))
    }

    /// Returns the sections in the order of their first samples.
    fn split_into_runs(&self) -> Result<Vec<SampleRun>> {
        let mut runs: Vec<SampleRun> = Vec::new();
        let mut run_of_sample: Vec<usize> = Vec::with_capacity(self.samples.len());
        for i in 0..self.samples.len() {
            match runs.last_mut() {
                Some(run) if self.continues_section(i)? => run.samples.end = i + 1,
                _ => {
                    let parent = (i > 0).then(|| run_of_sample[self.parents[i]]);
                    runs.push(SampleRun { samples: i..i + 1, parent, lead_sample: None });
                }
            }
            run_of_sample.push(runs.len() - 1);
        }
        if self.is_sphere && self.samples[0].diameter_um == 0.0 {
            return Err(SwcProblem::FlatSoma).at_index("line", self.samples[0].line);
        }
        for k in 1..runs.len() {
            runs[k].lead_sample = self.find_lead_sample(&runs, k);
        }
        Ok(runs)
    }

    /// Returns the sample whose point is copied to the start of a section that is not the first.
    fn find_lead_sample(&self, runs: &[SampleRun], k: usize) -> Option<usize> {
        let run = &runs[k];
        let (first, is_lone) = (run.samples.start, run.samples.len() == 1);
        let at = self.parents[first];
        if self.is_soma(first) || !self.is_soma(at) {
            return Some(at);
        }
        let soma = &runs[run.parent?].samples;
        let has_no_parent = self.samples[first].parent.is_none();
        let is_ball = soma.start == 0 && soma.len() == 1 || self.is_sphere;
        let begins_there = if has_no_parent || is_ball {
            is_lone
        } else if self.children[at].soma_count > 1 {
            is_lone && at > 0
        } else {
            is_lone || at == 0 || at + 1 == soma.end
        };
        begins_there.then_some(at)
    }

    /// Returns the samples of a section, including the copied one.
    fn samples_with_lead<'t>(&'t self, run: &'t SampleRun) -> impl ExactSizeIterator<Item = &'t SwcSample> + 't {
        let lead = run.lead_sample.map_or(0..0, |i| i..i + 1);
        let range = run.samples.clone();
        let lead_length = lead.len();
        (0..lead_length + range.len()).map(move |k| match k.checked_sub(lead_length) {
            None => &self.samples[lead.start],
            Some(k) => &self.samples[range.start + k],
        })
    }

    /// Returns whether the importer removes a section.
    fn is_removed(&self, run: &SampleRun) -> bool {
        let mut points = self.samples_with_lead(run).map(|s| s.point);
        let (count, first) = (points.len(), points.next());
        run.parent.is_some() && count < 3 && points.all(|p| Some(p) == first)
    }

    fn build_soma(&self, runs: &[SampleRun]) -> Soma {
        let sections = || runs.iter().filter(|p| self.is_soma(p.samples.start) && !self.is_removed(p));
        let mut soma = Soma::default();
        for run in sections() {
            soma.part_starts.push(soma.points.len());
            soma.points.extend(self.samples_with_lead(run).map(|s| s.point));
            soma.diameters_um.extend(self.samples_with_lead(run).map(|s| s.diameter_um));
        }
        soma.form = match soma.points.len() {
            1 => SomaForm::Point,
            _ if self.is_sphere => SomaForm::ThreePoints,
            _ => SomaForm::Cylinders,
        };
        soma
    }

    fn build_neurites(&self, runs: &[SampleRun], notes: &mut Vec<ImporterNote>) -> Vec<Section> {
        // indices among the neurites; `None` for soma sections
        let mut place: Vec<Option<usize>> = Vec::with_capacity(runs.len());
        let mut sections = Vec::new();
        let mut removed = 0;
        for run in runs {
            let first = run.samples.start;
            let above = run.parent.and_then(|p| place[p]);
            if self.is_removed(run) {
                removed += 1;
                place.push(above);
                continue;
            }
            if self.is_soma(first) {
                place.push(None);
                continue;
            }
            let at = self.parents[first];
            let starts_at_soma = self.is_soma(at) && run.lead_sample.is_some();
            if self.samples[first].parent.is_none() && starts_at_soma {
                let length = Point::from(self.samples[at].point).distance(Point::from(self.samples[first].point));
                notes.push(ImporterNote::WireFromSoma { line: self.samples[first].line, length_um: length });
            }
            // a child of the first sample of a section connects where that section does
            let hangs_at_start = run.parent.is_some_and(|p| at == runs[p].samples.start && runs[p].samples.len() > 1);
            let grandparent = || run.parent.and_then(|p| runs[p].parent).and_then(|p| place[p]);
            let parent = if hangs_at_start && !self.is_soma(at) { grandparent() } else { above };
            let points = self.samples_with_lead(run).map(|s| s.point).collect();
            let mut diameters: Vec<f32> = self.samples_with_lead(run).map(|s| s.diameter_um).collect();
            if let [at_soma, next, ..] = diameters.as_mut_slice()
                && starts_at_soma
            {
                *at_soma = *next;
            }
            place.push(Some(sections.len()));
            sections.push(Section { kind: self.kind(first), parent, points, diameters_um: diameters, starts_at_soma });
        }
        if removed > 0 {
            notes.push(ImporterNote::RemovedSections { sections: removed });
        }
        sections
    }
}

/// Maximum relative difference between a three-point soma's diameter and the sum of its two distances.
const SPHERE_TOLERANCE: f64 = 0.01;
