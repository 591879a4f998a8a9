//! Compares the segments that the rule of the cell templates gives with those of a report, neuron by neuron. Without a
//! report it computes what the rule gives, so that a table can be compared with that.

use crate::circuit::morphology_cache::MorphologyCache;
use crate::circuit::node_selection::NodeSelection;
use crate::circuit::placement::CountChecks;
use crate::circuit::plan_by_rule;
use crate::circuit::request::GivenRule;
use crate::circuit::request::{self, BadNeuronPolicy, CircuitRequest, CountSource, Discretisation};
use crate::circuit::selected_neurons::SelectedNeurons;
use crate::circuit::template_rules::TemplateRules;
use crate::circuit::{AmbiguousNeurons, SegmentationPlan, SegmentationProblem, TemplateUse};
use crate::error::{Context, Result};
use crate::segments::SectionCount;
use crate::sonata::compartment_report;
use crate::sonata::config::{NodePopulation, SonataConfig};

/// Result of comparing rule and report for one population. Without a report, only neurons for which the rule gives
/// nothing differ; with one, neurons of a template without a rule are not compared.
#[derive(Debug)]
pub struct RuleReportComparison {
    /// The population's name.
    pub population: String,
    /// Name of the report, if there is one.
    pub report: Option<String>,
    /// The templates, sorted by name.
    pub templates: Vec<TemplateComparison>,
    /// The neurons that differ, sorted by node id.
    pub differing: Vec<NeuronDifference>,
    /// Sections whose length is a rounding tie, one per morphology: there the rule may be wrong.
    pub ties: Vec<AmbiguousNeurons>,
}

/// Number of neurons of a template, and how many of them differ.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateComparison {
    /// The value of `model_template`; empty if the rule was given.
    pub name: String,
    /// Its rule as readable text, or why it has none.
    pub rule: Result<String, String>,
    /// Number of neurons.
    pub neuron_count: u64,
    /// Number of neurons that differ.
    pub differing_count: u64,
}

impl TemplateComparison {
    /// Returns whether its neurons are compared: there is a rule, or there is no report to use instead.
    pub fn is_compared(&self) -> bool {
        self.rule.is_ok() || self.differing_count > 0
    }
}

/// A neuron whose segments differ.
#[derive(Debug, Clone, PartialEq)]
pub struct NeuronDifference {
    /// SONATA node id of the neuron.
    pub node_id: u64,
    /// Its template; empty if the rule was given.
    pub template: String,
    /// Name of its morphology.
    pub morphology: String,
    /// The reason why the rule gives nothing; `None` if it gives segments.
    pub problem: Option<String>,
    /// The sections that differ, sorted by id.
    pub sections: Vec<SectionDifference>,
}

/// A section whose number of segments differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionDifference {
    /// Section id in the neuron.
    pub section_id: u32,
    /// Number of segments by the rule; `None` if it has no such section.
    pub rule_segments: Option<u32>,
    /// Number of segments in the report; `None` if it has no such section.
    pub report_segments: Option<u32>,
}

impl RuleReportComparison {
    /// Returns whether no neuron differs.
    pub fn agrees(&self) -> bool {
        self.differing.is_empty()
    }

    /// Returns the number of neurons of all templates.
    pub fn neuron_count(&self) -> u64 {
        self.templates.iter().map(|t| t.neuron_count).sum()
    }
}

/// How to proceed if no report lists all segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingReportPolicy {
    /// Return an error: there is nothing to compare.
    Error,
    /// Use the rule alone, so that a table can be compared with it.
    UseRule,
}

/// Compares rule and report for the requested population, or else for each biophysical population that the report has.
/// Returns each comparison with the population's segmentation plan: by the report, or by the rule if there is no
/// report.
///
/// # Errors
/// Returns an error if anything in the circuit or the report is missing, malformed or contradictory, or if there is no
/// population to compare. Neurons with a faulty morphology are differences, not errors.
pub fn compare_rule_with_report(
    request: &CircuitRequest<'_>,
    without: MissingReportPolicy,
) -> Result<Vec<(RuleReportComparison, SegmentationPlan)>> {
    let config = SonataConfig::open(request.config)?;
    let by_report =
        CircuitRequest { discretisation: Some(Discretisation::Report), segment_length_um: None, ..*request };
    let may_go_without = without == MissingReportPolicy::UseRule && request.report.is_none();
    let source = match request::choose_count_source(&config, &by_report) {
        Err(_) if may_go_without => CountSource::Rule,
        Ok(CountSource::Report(report)) if may_go_without && !report.file.exists() => CountSource::Rule,
        source => source?,
    };
    GivenRule { axon_replacement: request.axon_replacement, chunk_um: request.segment_length_um }
        .check_chunk_length()?;
    let circuit = config.circuit();
    let populations = match request.population {
        Some(name) => vec![circuit.population(Some(name))?],
        None => {
            let mut all = circuit.biophysical_populations()?;
            if let (CountSource::Report(report), true) = (&source, all.len() > 1) {
                let known = compartment_report::list_populations(&report.file)?;
                all.retain(|p| known.contains(&p.name));
            }
            all
        }
    };
    let compared = populations.into_iter().map(|p| compare_population(&config, p, &source, request));
    compared.collect()
}

fn compare_population(
    config: &SonataConfig,
    population: &NodePopulation,
    source: &CountSource,
    request: &CircuitRequest<'_>,
) -> Result<(RuleReportComparison, SegmentationPlan)> {
    let selection = NodeSelection::select(config, population, source, request)?;
    selection.check_not_empty(config, source)?;
    let circuit = &config.circuit().path;
    let given = GivenRule { axon_replacement: request.axon_replacement, chunk_um: request.segment_length_um };
    let neurons = SelectedNeurons::read(&selection)?;
    let rules = TemplateRules::for_nodes(config, population, &selection.nodes, neurons.node_ids, given)?;
    let no_morphologies = || SegmentationProblem::NoMorphologies(population.name.clone());
    let morphologies = population.morphologies.as_ref().ok_or_else(no_morphologies).in_file(circuit)?;
    let planned = plan_by_rule::plan_neurons(
        &MorphologyCache::new(morphologies)?,
        &neurons,
        &rules,
        &population.name,
        request.max_segments,
    );
    let mut differing = Vec::new();
    let (mut plans, mut bad) = (planned.plans.iter().peekable(), planned.skipped.iter().peekable());
    let mut templates: Vec<TemplateComparison> = rules.templates.iter().map(template_summary).collect();
    for ((&node_id, morphology), &place) in
        neurons.node_ids.iter().zip(&neurons.morphology_names).zip(&rules.template_of_node)
    {
        let plan = plans.next_if(|p| p.node_id == node_id);
        let problem = bad.next_if(|b| b.node_id == node_id).map(|b| b.error.to_string());
        let reported = selection.report_layout.as_ref().map(|l| l.sections(node_id).cloned().unwrap_or_default());
        let sections = plan
            .zip(reported)
            .map(|(p, reported)| section_differences(&p.section_counts, &reported))
            .unwrap_or_default();
        let Some(template) = templates.get_mut(place as usize) else { continue };
        // without a rule there is nothing to compare with the report, which is not a difference
        let is_compared = selection.report_layout.is_none() || template.rule.is_ok();
        if is_compared && (problem.is_some() || !sections.is_empty()) {
            template.differing_count += 1;
            let (template, morphology) = (template.name.clone(), morphology.to_string());
            differing.push(NeuronDifference { node_id, template, morphology, problem, sections });
        }
    }
    let (population_name, ties) = (population.name.clone(), planned.ambiguous);
    let report = match source {
        CountSource::Report(report) => Some(report.name.clone()),
        CountSource::Rule => None,
    };
    let by_rule = report.is_none();
    let agreement = RuleReportComparison { population: population_name, report, templates, differing, ties };
    if by_rule {
        // a neuron without a rule is reported as such: the table is still compared with the others
        let others = CircuitRequest { on_bad_neuron: BadNeuronPolicy::Skip, ..*request };
        return Ok((agreement, SegmentationPlan::from_selection(config, population, selection, source, &others)?));
    }
    // the numbers of segments are the report's here, whatever the rule; the rule only says what replaces an axon
    let by_report = CircuitRequest {
        segment_length_um: None,
        axon_replacement: None,
        count_checks: CountChecks::SectionsOnly,
        ..*request
    };
    let mut assembly = SegmentationPlan::from_selection(config, population, selection, source, &by_report)?;
    assembly.copy_kept_axons(&planned.plans);
    Ok((agreement, assembly))
}

fn template_summary(template: &TemplateUse) -> TemplateComparison {
    let rule = template.rule.as_ref().map(|r| format!("{}, {} µm", r.axon_replacement.name(), r.chunk_um));
    let rule = rule.map_err(|e| e.to_string());
    TemplateComparison { name: template.name.clone(), rule, neuron_count: template.node_count, differing_count: 0 }
}

/// Returns the sections that differ between two lists sorted by section id.
fn section_differences(rule: &[SectionCount], report: &[SectionCount]) -> Vec<SectionDifference> {
    let mut ids: Vec<u32> = rule.iter().chain(report).map(|s| s.section_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let segments = |list: &[SectionCount], id: u32| {
        list.binary_search_by_key(&id, |s| s.section_id).ok().and_then(|i| list.get(i)).map(|s| s.segments)
    };
    let one = |section_id| SectionDifference {
        section_id,
        rule_segments: segments(rule, section_id),
        report_segments: segments(report, section_id),
    };
    ids.into_iter().map(one).filter(|d| d.rule_segments != d.report_segments).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_on_one_side_only_differ_too() {
        let counts = |list: &[(u32, u32)]| -> Vec<SectionCount> {
            list.iter().map(|&(section_id, segments)| SectionCount { section_id, segments }).collect()
        };
        let found = section_differences(&counts(&[(0, 1), (1, 5), (4, 3)]), &counts(&[(0, 1), (2, 5), (4, 5)]));
        let difference =
            |section_id, rule, report| SectionDifference { section_id, rule_segments: rule, report_segments: report };
        assert_eq!(
            found,
            [difference(1, Some(5), None), difference(2, None, Some(5)), difference(4, Some(3), Some(5))]
        );
        assert!(section_differences(&counts(&[(0, 1)]), &counts(&[(0, 1)])).is_empty());
    }
}
