//! Whether the rule of the cell templates gives the segments that a report has, neuron by neuron; and where there is no
//! report, what the rule gives, for a table to be held against.

use crate::circuit::morphology_cache::MorphologyCache;
use crate::circuit::node_selection::NodeSelection;
use crate::circuit::placement::CountChecks;
use crate::circuit::plan_by_rule;
use crate::circuit::request::{self, BadNeuronPolicy, CircuitRequest, CountSource, Discretisation};
use crate::circuit::selected_neurons::SelectedNeurons;
use crate::circuit::template_rules::{GivenRule, TemplateRules};
use crate::circuit::{AmbiguousNeurons, SegmentationPlan, SegmentationProblem, TemplateUse};
use crate::error::{Context, Result};
use crate::segments::SectionCount;
use crate::sonata::compartment_report;
use crate::sonata::config::{NodePopulation, SonataConfig};

/// Rule and report of one population; without a report no neuron differs but those that the rule gives nothing for, and
/// with one those of a template without a rule are not compared.
#[derive(Debug)]
pub struct RuleReportComparison {
    /// The population.
    pub population: String,
    /// Name of the report, if there is one.
    pub report: Option<String>,
    /// The templates, in the order of their names.
    pub templates: Vec<TemplateComparison>,
    /// The neurons that differ, node ids ascending.
    pub differing: Vec<NeuronDifference>,
    /// Sections whose length is a tie, one a morphology: there the rule may be wrong.
    pub ties: Vec<AmbiguousNeurons>,
}

/// How many neurons of a template agree.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateComparison {
    /// The value of `model_template`; empty where the rule was given.
    pub name: String,
    /// Its rule, for people; what is wrong with it where it has none.
    pub rule: Result<String, String>,
    /// Number of neurons.
    pub neuron_count: u64,
    /// As many of them differ.
    pub differing_count: u64,
}

impl TemplateComparison {
    /// Whether its neurons are compared: there is a rule, or no report that stands in for it.
    pub fn is_compared(&self) -> bool {
        self.rule.is_ok() || self.differing_count > 0
    }
}

/// A neuron whose segments differ.
#[derive(Debug, Clone, PartialEq)]
pub struct NeuronDifference {
    /// SONATA node id.
    pub node_id: u64,
    /// Its template; empty where the rule was given.
    pub template: String,
    /// Name of its morphology.
    pub morphology: String,
    /// Why the rule gives nothing; none where it does.
    pub problem: Option<String>,
    /// The sections that differ, ascending.
    pub sections: Vec<SectionDifference>,
}

/// A section whose number of segments differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionDifference {
    /// Its id.
    pub section_id: u32,
    /// Segments by the rule; none where it has no such section.
    pub rule_segments: Option<u32>,
    /// Segments in the report; none where it has no such section.
    pub report_segments: Option<u32>,
}

impl RuleReportComparison {
    /// Whether no neuron differs.
    pub fn agrees(&self) -> bool {
        self.differing.is_empty()
    }

    /// Number of neurons.
    pub fn neuron_count(&self) -> u64 {
        self.templates.iter().map(|t| t.neuron_count).sum()
    }
}

/// What to do where no report lists all segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingReportPolicy {
    /// It is an error: there is nothing to compare.
    Error,
    /// The rule stands alone, for a table to be held against.
    UseRule,
}

/// Compares rule and report: for the population that is asked for, else for each biophysical one that the report has.
/// With it comes what is known of the population by the report, or by the rule where there is none.
///
/// # Errors
/// Anything missing, malformed or contradictory in circuit or report; no population to compare. Neurons whose morphology
/// is wrong are differences, not errors.
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
        // a template that gives no rule leaves nothing to hold against a report, and says nothing against it
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
        // a neuron without a rule is told as such: the table is held against the others
        let others = CircuitRequest { on_bad_neuron: BadNeuronPolicy::Skip, ..*request };
        return Ok((agreement, SegmentationPlan::from_selection(config, population, selection, source, &others)?));
    }
    // counts are the report's here, whatever the rule; what becomes of an axon it does not tell
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
    let rule = template.rule.as_ref().map(|r| format!("{}, {} um", r.axon_replacement.name(), r.chunk_um));
    let rule = rule.map_err(|e| e.to_string());
    TemplateComparison { name: template.name.clone(), rule, neuron_count: template.node_count, differing_count: 0 }
}

/// The sections that differ between two lists that ascend.
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
