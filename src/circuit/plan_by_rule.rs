//! Plans neurons by their discretisation rules; parses each morphology once.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use super::morphology_cache::MorphologyCache;
use super::selected_neurons::{SelectedNeurons, describe_morphology_owners};
use super::template_rules::TemplateRules;
use super::{SegmentationProblem, SkippedNeuron};
use crate::circuit::hoc::DiscretisationRule;
use crate::circuit::placement::discretise::{AmbiguousLength, count_section_segments, find_ambiguous_lengths};
use crate::circuit::placement::{AxonTreatment, NeuronPlan, require_axon};
use crate::error::{Context, Error, Result, format_count};
use crate::geometry::Point;
use crate::morphology::{ImporterNote, Morphology};
use crate::segments::SectionCount;

/// A section whose number of segments is ambiguous, and the nodes that have it.
#[derive(Debug, Clone, PartialEq)]
pub struct AmbiguousNeurons {
    /// The first of the nodes.
    pub node_id: u64,
    /// Number of other nodes with this morphology and rule.
    pub other_nodes: u64,
    /// Name of their morphology.
    pub morphology_name: String,
    /// The ambiguous section.
    pub ambiguous_length: AmbiguousLength,
}

/// A change that the simulator makes when it imports a morphology, and that a user may not expect.
#[derive(Debug, Clone, PartialEq)]
pub struct MorphologyFileNote {
    /// The morphology's file.
    pub file: PathBuf,
    /// The change.
    pub note: ImporterNote,
}

/// The plans of neurons by rule, and the neurons and notes to report.
pub(crate) struct RulePlans {
    pub plans: Vec<NeuronPlan>,
    /// The neurons without a rule, or without a morphology that fits it.
    pub skipped: Vec<SkippedNeuron>,
    /// The sections whose number of segments is ambiguous.
    pub ambiguous: Vec<AmbiguousNeurons>,
    /// The changes that the simulator makes when it imports the morphologies.
    pub notes: Vec<MorphologyFileNote>,
}

/// The sections of a morphology, discretised by a rule.
#[derive(Clone)]
struct DiscretisedMorphology {
    section_counts: Arc<[SectionCount]>,
    axon: AxonTreatment,
    ambiguous_lengths: Arc<[AmbiguousLength]>,
    notes: Arc<[ImporterNote]>,
}

/// The discretised sections, or the error that prevents them.
type DiscretisationOutcome = Result<DiscretisedMorphology, Arc<Error>>;

/// Counts the segments of all neurons.
pub(crate) fn plan_neurons(
    cache: &MorphologyCache,
    neurons: &SelectedNeurons<'_>,
    rules: &TemplateRules,
    population: &str,
    max_segments: u64,
) -> RulePlans {
    let (outcome_of_node, counted) = discretise_distinct(cache, neurons, rules, population, max_segments);
    let of_node = |i: usize| counted.get(*outcome_of_node.get(i)?);
    let good = |i: usize| of_node(i)?.as_ref().ok();
    let bad =
        neurons.node_ids.iter().enumerate().filter_map(|(i, &node_id)| {
            Some(SkippedNeuron { node_id, error: Error::clone(of_node(i)?.as_ref().err()?) })
        });
    let mut ambiguous: BTreeMap<usize, AmbiguousNeurons> = BTreeMap::new();
    for (i, &distinct) in outcome_of_node.iter().enumerate() {
        if let Some(&tie) = good(i).and_then(|c| c.ambiguous_lengths.first()) {
            let (node_id, morphology) = (neurons.node_ids[i], neurons.morphology_names[i].to_string());
            let entry = ambiguous.entry(distinct).and_modify(|t| t.other_nodes += 1);
            entry.or_insert(AmbiguousNeurons {
                node_id,
                other_nodes: 0,
                morphology_name: morphology,
                ambiguous_length: tie,
            });
        }
    }
    let mut notes_by_name: BTreeMap<&str, Arc<[ImporterNote]>> = BTreeMap::new();
    for (i, name) in neurons.morphology_names.iter().enumerate() {
        if let Some(counted) = good(i).filter(|c| !c.notes.is_empty()) {
            notes_by_name.entry(name).or_insert_with(|| counted.notes.clone());
        }
    }
    let of_file = |(name, notes): (&str, Arc<[ImporterNote]>)| {
        let file = cache.file_path(name);
        notes.iter().map(|&note| MorphologyFileNote { file: file.clone(), note }).collect::<Vec<_>>()
    };
    RulePlans {
        plans: neurons.to_plans(|i, _| good(i).map(|c| (c.section_counts.clone(), c.axon, rules.stub_diameters(i)))),
        skipped: bad.collect(),
        ambiguous: ambiguous.into_values().collect(),
        notes: notes_by_name.into_iter().flat_map(of_file).collect(),
    }
}

/// Discretises each pair of morphology and template once; the first list has each neuron's index in the second.
fn discretise_distinct(
    cache: &MorphologyCache,
    neurons: &SelectedNeurons<'_>,
    rules: &TemplateRules,
    population: &str,
    max_segments: u64,
) -> (Vec<usize>, Vec<DiscretisationOutcome>) {
    let mut places: HashMap<(&str, u32), usize> = HashMap::new();
    let mut distinct: Vec<(&str, u32)> = Vec::new();
    let mut outcome_of_node = Vec::with_capacity(neurons.node_ids.len());
    for (name, &template) in neurons.morphology_names.iter().zip(&rules.template_of_node) {
        outcome_of_node.push(*places.entry((name, template)).or_insert_with(|| {
            distinct.push((name, template));
            distinct.len() - 1
        }));
    }
    let owner_hint = |name: &str| {
        let named = neurons.node_ids.iter().zip(&neurons.morphology_names).filter(|(_, n)| &***n == name);
        describe_morphology_owners(named.map(|(&id, _)| id), population)
    };
    let one = |&(name, template): &(&str, u32)| match rules.templates.get(template as usize).map(|t| &t.rule) {
        Some(Ok(rule)) => {
            discretise_morphology(cache, name, rule, max_segments).map_err(|e| Arc::new(e.with_hint(owner_hint(name))))
        }
        Some(Err(e)) => Err(e.clone()),
        None => {
            let (ties, notes) = (Arc::new([]), Arc::new([]));
            Ok(DiscretisedMorphology {
                section_counts: Arc::new([]),
                axon: AxonTreatment::Keep,
                ambiguous_lengths: ties,
                notes,
            })
        }
    };
    (outcome_of_node, distinct.par_iter().map(one).collect())
}

fn discretise_morphology(
    cache: &MorphologyCache,
    name: &str,
    rule: &DiscretisationRule,
    max_segments: u64,
) -> Result<DiscretisedMorphology> {
    let morphology = cache.get(name)?;
    let axon = AxonTreatment::from(rule.axon_replacement);
    let file = cache.file_path(name);
    require_axon(&morphology, axon, rule.min_axon_sections).in_file(&file)?;
    let sections = count_section_segments(&morphology, rule.axon_replacement, rule.chunk_um);
    check_segment_count(&morphology, &sections, max_segments).in_file(&file)?;
    let ties = find_ambiguous_lengths(&morphology, rule.axon_replacement, rule.chunk_um).into();
    Ok(DiscretisedMorphology {
        section_counts: sections.into(),
        axon,
        ambiguous_lengths: ties,
        notes: morphology.notes.clone().into(),
    })
}

/// Returns an error if a neuron has more than `most` segments, mostly because a coordinate is wrong. The error names
/// the section with the most segments, and its point that is furthest from the point before it.
fn check_segment_count(morphology: &Morphology, sections: &[SectionCount], most: u64) -> Result<()> {
    let found = sections.iter().map(|s| u64::from(s.segments)).sum::<u64>();
    let Some(longest) = sections.iter().max_by_key(|s| s.segments).filter(|_| found > most) else { return Ok(()) };
    let points: Vec<Point> = match (longest.section_id as usize).checked_sub(morphology.soma_section_count()) {
        None => morphology.soma.points.iter().map(|&p| p.into()).collect(),
        Some(place) => morphology.sections.get(place).map_or(Vec::new(), |s| s.wide_points().collect()),
    };
    let steps = points.iter().zip(points.iter().skip(1));
    let (step, point) = steps
        .map(|(a, b)| (a.distance(*b), if a.norm() > b.norm() { *a } else { *b }))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap_or((0.0, Point::ORIGIN));
    let problem = SegmentationProblem::TooManySegments { expected: most, found, step_um: step, point };
    Err(problem).at_index("section", u64::from(longest.section_id))
}

/// Describes the rule that was given instead of templates; empty if templates are used.
pub(crate) fn describe_given_rule(rules: &TemplateRules) -> String {
    let given = rules.templates.iter().find(|template| template.name.is_empty());
    let rule = given.and_then(|template| template.rule.as_ref().ok());
    rule.map_or_else(String::new, |rule| format!("{}, {} µm", rule.axon_replacement.name(), rule.chunk_um))
}

/// Describes the rules for the metadata: how segments were counted, and how the axon was treated.
pub(crate) fn describe_rules(rules: &TemplateRules) -> (String, String) {
    let mut chunks: Vec<String> = Vec::new();
    let mut forms: BTreeMap<&str, u64> = BTreeMap::new();
    for (template, rule) in rules.templates.iter().filter_map(|t| Some((t, t.rule.as_ref().ok()?))) {
        let chunk = rule.chunk_um.to_string();
        if !chunks.contains(&chunk) {
            chunks.push(chunk);
        }
        *forms.entry(rule.axon_replacement.name()).or_default() += template.node_count;
    }
    let forms: Vec<String> = match forms.len() {
        1 => forms.keys().map(|form| (*form).to_string()).collect(),
        _ => forms.iter().map(|(form, &n)| format!("{form} ({})", format_count(n, "neuron"))).collect(),
    };
    (format!("rule, {} um", chunks.join(" and ")), forms.join(", "))
}
