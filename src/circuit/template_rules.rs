//! The discretisation rule of each neuron: the one that the user gave, or that of its cell template.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::request::GivenRule;
use super::selected_neurons::describe_owners;
use super::{SegmentationProblem, report_hint};
use crate::circuit::hoc::{self, CHUNK_UM, DiscretisationRule, StubDiameters, TemplateNote};
use crate::error::{Context, Error, Result};
use crate::sonata::config::{NodePopulation, SonataConfig};
use crate::sonata::nodes::Nodes;

/// The nodes' attribute that names the cell template.
const TEMPLATE_ATTRIBUTE: &str = "model_template";
/// Prefix of templates in NEURON's language.
const HOC_PREFIX: &str = "hoc:";

/// A template of a population, and how often it is used.
#[derive(Debug)]
pub struct TemplateUse {
    /// The value of `model_template`; empty if the user gave the rule.
    pub name: String,
    /// Number of nodes that have it.
    pub node_count: u64,
    /// The template's rule, or why it could not be read.
    pub rule: Result<DiscretisationRule, Arc<Error>>,
}

/// Something that a cell template does to diameters and that the radii of the table ignore.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateFileNote {
    /// The template's file.
    pub file: PathBuf,
    /// The operation that the radii ignore.
    pub note: TemplateNote,
}

/// The discretisation rules of some nodes.
#[derive(Debug)]
pub(crate) struct TemplateRules {
    /// The templates, in the order of their names.
    pub templates: Vec<TemplateUse>,
    /// Index of each node's template in `templates`.
    pub template_of_node: Vec<u32>,
    /// Scale of the stubs' diameters for each node; empty if no template has one.
    diameter_scales: Vec<f64>,
    /// Operations of the templates on diameters that the radii ignore.
    pub notes: Vec<TemplateFileNote>,
}

impl TemplateRules {
    /// Reads the rules of some nodes of a population. A template that gives no rule is returned with its error.
    ///
    /// # Errors
    /// Returns an error if the population has no folder of templates, or its nodes have no attribute that names them.
    pub fn for_nodes(
        config: &SonataConfig,
        population: &NodePopulation,
        nodes: &Nodes,
        ids: &[u64],
        given: GivenRule,
    ) -> Result<Self> {
        let circuit = &config.circuit().path;
        if let Some(axon) = given.axon_replacement {
            let rule = DiscretisationRule {
                chunk_um: given.chunk_um.unwrap_or(CHUNK_UM),
                ..DiscretisationRule::for_axon(axon)
            };
            let only = TemplateUse { name: String::new(), node_count: ids.len() as u64, rule: Ok(rule) };
            return Ok(Self {
                templates: vec![only],
                template_of_node: vec![0; ids.len()],
                diameter_scales: Vec::new(),
                notes: Vec::new(),
            });
        }
        let folder = population.biophysical_neuron_models_dir.as_deref();
        let hint = report_hint::ReportHint::new(config);
        let with_report_hint = |e: Error| hint.add_to(e);
        let folder = folder.ok_or_else(|| SegmentationProblem::NoTemplates(population.name.clone())).in_file(circuit);
        let folder = folder.map_err(with_report_hint)?;
        config.check_path(folder).map_err(|e| with_report_hint(e.with_hint(hoc::RULE_HINT)))?;
        let names =
            nodes.read_texts(TEMPLATE_ATTRIBUTE, ids).map_err(|e| with_report_hint(e.with_hint(hoc::RULE_HINT)))?;
        let uses = count_template_uses(&names, ids);
        let read = |(name, &(first_node, n)): (&&str, &(u64, u64))| TemplateUse {
            name: (*name).to_string(),
            node_count: n,
            rule: read_rule(name, folder, nodes, first_node, given).map_err(|e| {
                let owners = describe_owners("template", first_node, n - 1, &population.name);
                Arc::new(with_report_hint(e.with_hint(owners)))
            }),
        };
        let templates: Vec<TemplateUse> = uses.iter().collect::<Vec<_>>().into_par_iter().map(read).collect();
        let places: BTreeMap<&str, u32> = (0..).zip(&templates).map(|(i, t)| (t.name.as_str(), i)).collect();
        let template_of_node = names.iter().filter_map(|name| places.get(name.as_str()).copied()).collect();
        let notes = templates.iter().flat_map(|template| file_notes(template, folder)).collect();
        let mut rules = Self { templates, template_of_node, diameter_scales: Vec::new(), notes };
        rules.diameter_scales = rules.read_diameter_scales(nodes, ids)?;
        Ok(rules)
    }

    /// Returns the diameters of a node's stubs; `node` is its index among the nodes.
    pub fn stub_diameters(&self, node: usize) -> StubDiameters {
        let template = self.template_of_node.get(node).and_then(|&t| self.templates.get(t as usize));
        match template.and_then(|t| t.rule.as_ref().ok()).map(|rule| &rule.stub_diameters) {
            Some(StubDiameters::FromTemplate { diameters, scale }) => {
                let scale = self.diameter_scales.get(node).copied().unwrap_or(*scale);
                StubDiameters::FromTemplate { diameters: Arc::clone(diameters), scale }
            }
            Some(other) => other.clone(),
            None => StubDiameters::default(),
        }
    }

    /// Reads each node's scale from the attribute that its template uses; 1 if there is no such attribute.
    fn read_diameter_scales(&self, nodes: &Nodes, ids: &[u64]) -> Result<Vec<f64>> {
        let attribute = |t: &TemplateUse| match &t.rule.as_ref().ok()?.stub_diameters {
            StubDiameters::FromTemplate { diameters, .. } => diameters.scale_attribute.clone(),
            _ => None,
        };
        let attributes: Vec<Option<String>> = self.templates.iter().map(attribute).collect();
        let mut columns: BTreeMap<&str, Option<Vec<f64>>> = BTreeMap::new();
        for name in attributes.iter().flatten() {
            columns.insert(name, nodes.read_dynamics_parameter(name)?);
        }
        if columns.values().all(Option::is_none) {
            return Ok(Vec::new());
        }
        let scale = |(&template, &id): (&u32, &u64)| {
            let name = attributes.get(template as usize)?.as_deref()?;
            columns.get(name)?.as_ref()?.get(usize::try_from(id).ok()?).copied()
        };
        Ok(self.template_of_node.iter().zip(ids).map(|node| scale(node).unwrap_or(1.0)).collect())
    }
}

/// Returns each template's first node and number of nodes.
fn count_template_uses<'a>(names: &'a [String], ids: &[u64]) -> BTreeMap<&'a str, (u64, u64)> {
    let mut uses = BTreeMap::new();
    for (name, &id) in names.iter().zip(ids) {
        uses.entry(name.as_str()).or_insert((id, 0)).1 += 1;
    }
    uses
}

fn read_rule(
    name: &str,
    folder: &Path,
    nodes: &Nodes,
    first_node: u64,
    given: GivenRule,
) -> Result<DiscretisationRule> {
    let Some(template) = name.strip_prefix(HOC_PREFIX) else {
        return Err(nodes.error_at(TEMPLATE_ATTRIBUTE, first_node, SegmentationProblem::NoHoc(name.into())));
    };
    hoc::read(&template_path(folder, template), template, given.chunk_um)
}

fn template_path(folder: &Path, template: &str) -> PathBuf {
    folder.join(format!("{template}.hoc"))
}

/// Returns the notes of a template, with its file.
fn file_notes(template: &TemplateUse, folder: &Path) -> Vec<TemplateFileNote> {
    let file = template_path(folder, template.name.strip_prefix(HOC_PREFIX).unwrap_or(&template.name));
    let notes = template.rule.as_ref().map_or(&[][..], |rule| &rule.notes);
    notes.iter().map(|note| TemplateFileNote { file: file.clone(), note: note.clone() }).collect()
}

/// Reads the templates of a population and their rules, in the order of their names.
///
/// # Errors
/// Returns an error if the population has no folder of templates, or its nodes have no attribute that names them.
pub fn read_templates(config: &SonataConfig, population: &NodePopulation, nodes: &Nodes) -> Result<Vec<TemplateUse>> {
    let ids: Vec<u64> = (0..nodes.len() as u64).collect();
    Ok(TemplateRules::for_nodes(config, population, nodes, &ids, GivenRule::default())?.templates)
}
