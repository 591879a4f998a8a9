//! Describes a circuit or simulation configuration.

use std::path::Path;

use leadfield::Result;
use leadfield::circuit;
use leadfield::error::format_count;
use leadfield::sonata::config::{NodePopulation, ReportConfig, SonataConfig};
use leadfield::sonata::node_sets::NodeSets;
use leadfield::sonata::nodes::{Nodes, Orientation};

use super::Facts;

/// Lists populations, morphologies, node sets and reports.
pub(super) fn collect_facts(path: &Path) -> Result<Facts> {
    let mut facts = Facts::default();
    let config = SonataConfig::open(path)?;
    match &config {
        SonataConfig::Circuit(_) => facts.add("kind", "circuit configuration"),
        SonataConfig::Simulation(s) => {
            facts.add("kind", "simulation configuration");
            facts.add("circuit", s.circuit.path.display());
            facts.add("node set", s.node_set.as_deref().unwrap_or("all non-virtual nodes"));
        }
    }
    add_populations(&mut facts, &config)?;
    let sets = NodeSets::from_config(&config)?;
    facts.add("node sets", if sets.names().is_empty() { "none".into() } else { sets.names().join(", ") });
    if let SonataConfig::Simulation(s) = &config {
        s.reports.iter().for_each(|r| facts.add(format!("report {}", r.name), describe_report(r)));
    }
    Ok(facts)
}

fn add_populations(facts: &mut Facts, config: &SonataConfig) -> Result<()> {
    for population in &config.circuit().populations {
        config.check_path(&population.nodes_file)?;
        facts.add(format!("population {}", population.name), describe_population(population)?);
        if population.is_biophysical() {
            let nodes = Nodes::open(population)?;
            facts.add(format!("frame of {}", population.name), frame(&nodes)?);
            add_templates(facts, config, population, &nodes)?;
        }
    }
    Ok(())
}

/// Describes which point of a morphology is at a node's position, and how it is rotated.
fn frame(nodes: &Nodes) -> Result<String> {
    let recentering = nodes.recentering()?;
    let place = match (recentering.is_unplaced(), recentering.count_not_recentred()) {
        (true, _) => "points as in the morphology files, because no node has a position or a rotation".into(),
        (false, 0) => "the soma's centre at the node's position".into(),
        (false, n) => format!(
            "the soma's centre at the node's position, the file's origin at {} (`recenter` 0)",
            format_count(n, "node")
        ),
    };
    let rotation = match nodes.orientation()? {
        Orientation::None => "no rotations",
        Orientation::Quaternion => "rotated by quaternions",
        Orientation::Euler { depends_on_order: false } => "rotated by Euler angles, about one axis each",
        Orientation::Euler { depends_on_order: true } => {
            "rotated by Euler angles, z, then y, then x about the world's axes, unless `--euler-order neurodamus` is \
             given"
        }
    };
    Ok(format!("{place}; {rotation}"))
}

/// Adds the rules by which the neurons of each template are divided into segments, if there are templates.
fn add_templates(facts: &mut Facts, config: &SonataConfig, population: &NodePopulation, nodes: &Nodes) -> Result<()> {
    let named = nodes.attribute_names()?.iter().any(|name| name == "model_template");
    if population.biophysical_neuron_models_dir.is_none() || !named {
        facts.add("templates", "none: `positions` needs a report, or `--axon-rule`");
        return Ok(());
    }
    for template in circuit::read_templates(config, population, nodes)? {
        let rule = match &template.rule {
            Ok(rule) => format!("{}, chunks of {} µm", rule.axon_replacement.describe(), rule.chunk_um),
            // only the first line: it may be followed by a procedure
            Err(e) => format!("no rule: {}", e.to_string().lines().next().unwrap_or_default()),
        };
        facts.add(
            format!("template {}", template.name),
            format!("{}, {rule}", format_count(template.node_count, "neuron")),
        );
    }
    Ok(())
}

fn describe_population(population: &NodePopulation) -> Result<String> {
    let nodes = Nodes::open(population)?;
    let mut text = format!("{}, {}", population.kind, format_count(nodes.len() as u64, "node"));
    if let Some(source) = &population.morphologies {
        text += &format!(", morphologies {} in {}", source.format.extension(), source.path.display());
    }
    Ok(text)
}

fn describe_report(r: &ReportConfig) -> String {
    let state = if r.enabled { "" } else { ", disabled" };
    format!("{}, sections {}, compartments {}{state}: {}", r.kind, r.sections, r.compartments, r.file.display())
}
