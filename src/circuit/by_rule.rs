//! The plans of neurons by their rules: from each morphology, parsed once.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use super::library::Library;
use super::neurons::{Neurons, owners};
use super::rules::Rules;
use super::{AssemblyProblem, Skipped};
use crate::circuit::hoc::Rule;
use crate::circuit::placement::discretise::{Tie, by_rule, ties};
use crate::circuit::placement::{Axon, NeuronPlan, check_axon};
use crate::error::{Context, Error, Result, count};
use crate::geometry::Point;
use crate::morphology::{Morphology, Note};
use crate::segments::SectionCount;

/// A tie, and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct TiedNeurons {
    /// The first of the nodes.
    pub node_id: u64,
    /// Number of other nodes with this morphology and rule.
    pub others: u64,
    /// Name of their morphology.
    pub morphology: String,
    /// The section.
    pub tie: Tie,
}

/// Something that the simulator does with a morphology and that a user may not expect.
#[derive(Debug, Clone, PartialEq)]
pub struct NotedMorphology {
    /// The morphology's file.
    pub file: PathBuf,
    /// What it is.
    pub note: Note,
}

/// What the rules make of the neurons.
pub(crate) struct Planned {
    pub plans: Vec<NeuronPlan>,
    /// The neurons that have no rule, or no morphology that fits it.
    pub bad: Vec<Skipped>,
    /// The sections whose number of segments is not sure.
    pub ties: Vec<TiedNeurons>,
    /// What the simulator does with the morphologies that a user may not expect.
    pub notes: Vec<NotedMorphology>,
}

/// The sections of a morphology under a rule.
#[derive(Clone)]
struct Counted {
    sections: Arc<[SectionCount]>,
    axon: Axon,
    ties: Arc<[Tie]>,
    notes: Arc<[Note]>,
}

/// The sections, or why there are none.
type Outcome = Result<Counted, Arc<Error>>;

/// Counts the segments of all neurons.
pub(crate) fn plan(
    library: &Library,
    neurons: &Neurons<'_>,
    rules: &Rules,
    population: &str,
    max_segments: u64,
) -> Planned {
    let (of_nodes, counted) = count_distinct(library, neurons, rules, population, max_segments);
    let of_node = |i: usize| counted.get(*of_nodes.get(i)?);
    let good = |i: usize| of_node(i)?.as_ref().ok();
    let bad = neurons
        .ids
        .iter()
        .enumerate()
        .filter_map(|(i, &node_id)| Some(Skipped { node_id, error: Error::shared(of_node(i)?.as_ref().err()?) }));
    let mut tied: BTreeMap<usize, TiedNeurons> = BTreeMap::new();
    for (i, &distinct) in of_nodes.iter().enumerate() {
        if let Some(&tie) = good(i).and_then(|c| c.ties.first()) {
            let (node_id, morphology) = (neurons.ids[i], neurons.morphologies[i].to_string());
            let entry = tied.entry(distinct).and_modify(|t| t.others += 1);
            entry.or_insert(TiedNeurons { node_id, others: 0, morphology, tie });
        }
    }
    let mut noted: BTreeMap<&str, Arc<[Note]>> = BTreeMap::new();
    for (i, name) in neurons.morphologies.iter().enumerate() {
        if let Some(counted) = good(i).filter(|c| !c.notes.is_empty()) {
            noted.entry(name).or_insert_with(|| counted.notes.clone());
        }
    }
    let of_file = |(name, notes): (&str, Arc<[Note]>)| {
        let file = library.file(name);
        notes.iter().map(|&note| NotedMorphology { file: file.clone(), note }).collect::<Vec<_>>()
    };
    Planned {
        plans: neurons.plans(|i, _| good(i).map(|c| (c.sections.clone(), c.axon, rules.diameters(i)))),
        bad: bad.collect(),
        ties: tied.into_values().collect(),
        notes: noted.into_iter().flat_map(of_file).collect(),
    }
}

/// Counts each pair of morphology and template once; the first list has each neuron's place in the second.
fn count_distinct(
    library: &Library,
    neurons: &Neurons<'_>,
    rules: &Rules,
    population: &str,
    max_segments: u64,
) -> (Vec<usize>, Vec<Outcome>) {
    let mut places: HashMap<(&str, u32), usize> = HashMap::new();
    let mut distinct: Vec<(&str, u32)> = Vec::new();
    let mut of_nodes = Vec::with_capacity(neurons.ids.len());
    for (name, &template) in neurons.morphologies.iter().zip(&rules.of_nodes) {
        of_nodes.push(*places.entry((name, template)).or_insert_with(|| {
            distinct.push((name, template));
            distinct.len() - 1
        }));
    }
    let own = |name: &str| {
        let named = neurons.ids.iter().zip(&neurons.morphologies).filter(|(_, n)| &***n == name);
        owners(named.map(|(&id, _)| id), population)
    };
    let one = |&(name, template): &(&str, u32)| match rules.templates.get(template as usize).map(|t| &t.rule) {
        Some(Ok(rule)) => count_one(library, name, rule, max_segments).map_err(|e| Arc::new(e.advised(own(name)))),
        Some(Err(e)) => Err(e.clone()),
        None => {
            let (ties, notes) = (Arc::new([]), Arc::new([]));
            Ok(Counted { sections: Arc::new([]), axon: Axon::Keep, ties, notes })
        }
    };
    (of_nodes, distinct.par_iter().map(one).collect())
}

fn count_one(library: &Library, name: &str, rule: &Rule, max_segments: u64) -> Result<Counted> {
    let morphology = library.get(name)?;
    let axon = Axon::from(rule.axon);
    let file = library.file(name);
    check_axon(&morphology, axon, rule.least_axon_sections).in_file(&file)?;
    let sections = by_rule(&morphology, rule.axon, rule.chunk_um);
    check_segments(&morphology, &sections, max_segments).in_file(&file)?;
    let ties = ties(&morphology, rule.axon, rule.chunk_um).into();
    Ok(Counted { sections: sections.into(), axon, ties, notes: morphology.notes.clone().into() })
}

/// Refuses a neuron with more segments than it may have: mostly a coordinate is wrong. The error names the section with the
/// most segments, and in it the point that is furthest from the one before.
fn check_segments(morphology: &Morphology, sections: &[SectionCount], most: u64) -> Result<()> {
    let found = sections.iter().map(|s| u64::from(s.segments)).sum::<u64>();
    let Some(longest) = sections.iter().max_by_key(|s| s.segments).filter(|_| found > most) else { return Ok(()) };
    let points: Vec<Point> = match (longest.section_id as usize).checked_sub(morphology.soma_sections()) {
        None => morphology.soma.points.iter().map(|&p| p.into()).collect(),
        Some(place) => morphology.sections.get(place).map_or(Vec::new(), |s| s.points().collect()),
    };
    let steps = points.iter().zip(points.iter().skip(1));
    let (step, point) = steps
        .map(|(a, b)| (a.distance(*b), if a.norm() > b.norm() { *a } else { *b }))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap_or((0.0, Point::ORIGIN));
    let problem = AssemblyProblem::TooManySegments { expected: most, found, step_um: step, point };
    Err(problem).at("section", u64::from(longest.section_id))
}

/// The rule that was given in the place of templates, for people; empty where there are templates.
pub(crate) fn assumed(rules: &Rules) -> String {
    let given = rules.templates.iter().find(|template| template.name.is_empty());
    let rule = given.and_then(|template| template.rule.as_ref().ok());
    rule.map_or_else(String::new, |rule| format!("{}, {} µm", rule.axon.name(), rule.chunk_um))
}

/// The rules in use, for the metadata: how segments were counted, and what became of the axon.
pub(crate) fn describe(rules: &Rules) -> (String, String) {
    let mut chunks: Vec<String> = Vec::new();
    let mut forms: BTreeMap<&str, u64> = BTreeMap::new();
    for (template, rule) in rules.templates.iter().filter_map(|t| Some((t, t.rule.as_ref().ok()?))) {
        let chunk = rule.chunk_um.to_string();
        if !chunks.contains(&chunk) {
            chunks.push(chunk);
        }
        *forms.entry(rule.axon.name()).or_default() += template.nodes;
    }
    let forms: Vec<String> = match forms.len() {
        1 => forms.keys().map(|form| (*form).to_string()).collect(),
        _ => forms.iter().map(|(form, &n)| format!("{form} ({})", count(n, "neuron"))).collect(),
    };
    (format!("rule, {} um", chunks.join(" and ")), forms.join(", "))
}
