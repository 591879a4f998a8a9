//! `leadfield validate circuit`: the rule of the cell templates against a report, and a table against both.

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::assembly::{Agreement, Fit, NeuronDifference, Request, SectionDifference, agreement};
use leadfield::error::count;
use leadfield::table::Table;
use serde_json::{Value, json};

use crate::cli::rule::AxonRule;
use crate::cli::{Common, Outcome};

/// Compare the segments that the rule gives with those of a report, neuron by neuron; with a table, whether it fits both
///
/// Every difference is told with its section and counts. Of a table the neurons, their segments, the order of rows and
/// the boxes round soma and dendrites are compared; where the stubs of an axon lie is a convention, and is not.
#[derive(clap::Args)]
pub struct Args {
    /// Simulation configuration (SONATA)
    config: PathBuf,
    /// Segment table; of several populations the folder that has one of each
    segments: Option<PathBuf>,
    /// Compartment report (default: the one that covers all sections and compartments)
    #[arg(long, value_name = "NAME")]
    report: Option<String>,
    /// Only the neurons of this node set
    #[arg(long, value_name = "NAME")]
    node_set: Option<String>,
    /// Population of the nodes (default: all of the report)
    #[arg(long, value_name = "NAME")]
    population: Option<String>,
    /// What becomes of the axon (default: what the cell templates tell)
    #[arg(long, value_name = "RULE")]
    axon_rule: Option<AxonRule>,
    /// Chunk length of the rule, um (default: the templates', or 40)
    #[arg(long, value_name = "UM", allow_negative_numbers = true)]
    segment_length: Option<f64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was found of one population.
struct Finding {
    agreement: Agreement,
    table: Option<(PathBuf, Fit)>,
}

impl Finding {
    fn agrees(&self) -> bool {
        self.agreement.agrees() && self.table.as_ref().is_none_or(|(_, fit)| fit.fits())
    }
}

/// Runs the tool.
pub fn run(args: &Args, _common: &Common) -> Result<Outcome> {
    let request = Request {
        node_set: args.node_set.as_deref(),
        population: args.population.as_deref(),
        report: args.report.as_deref(),
        axon: args.axon_rule.map(Into::into),
        segment_length_um: args.segment_length,
        ..Request::of(&args.config)
    };
    let compared = agreement(&request)?;
    let mut findings = Vec::with_capacity(compared.len());
    for (agreement, assembly) in compared {
        let table = match args.segments.as_deref().map(|folder| table_of(folder, &agreement.population)) {
            Some(path) => Some((assembly.fit(&Table::open(&path)?)?, path)),
            None => None,
        };
        findings.push(Finding { agreement, table: table.map(|(fit, path)| (path, fit)) });
    }
    let agree = findings.iter().all(Finding::agrees);
    if args.json {
        let populations: Vec<Value> = findings.iter().map(as_json).collect();
        println!("{:#}", json!({ "agree": agree, "populations": populations }));
    } else {
        findings.iter().for_each(|f| print!("{}", as_text(f)));
        println!("{}", if agree { "agree" } else { "differ" });
    }
    Ok(if agree { Outcome::Done } else { Outcome::Differ })
}

/// The table of a population: in a folder of that name, or the table itself.
fn table_of(segments: &Path, population: &str) -> PathBuf {
    let own = segments.join(population);
    if own.is_dir() { own } else { segments.to_path_buf() }
}

fn as_text(finding: &Finding) -> String {
    let a = &finding.agreement;
    let mut text = format!("population `{}`, report `{}`: {}\n", a.population, a.report, count(a.neurons(), "neuron"));
    let width = a.templates.iter().map(|t| t.name.len()).max().unwrap_or(0);
    for t in &a.templates {
        let name = if t.name.is_empty() { "rule".into() } else { format!("template {:width$}", t.name) };
        let verdict = match t.differing {
            0 => "agree".into(),
            n => format!("{n} differ"),
        };
        let rule = t.rule.as_deref().unwrap_or("no rule");
        text += &format!("{name}  {rule}: {}, {verdict}\n", count(t.neurons, "neuron"));
    }
    a.differing.iter().for_each(|d| text += &difference(d));
    for tied in &a.ties {
        text += &format!(
            "tie: node {}, section {} of morphology `{}` is {:.6} um long, near to {} um\n",
            tied.node_id, tied.tie.section_id, tied.morphology, tied.tie.length_um, tied.tie.multiple_um
        );
    }
    if let Some((path, fit)) = &finding.table {
        text += &fit_text(path, fit);
    }
    text
}

fn difference(d: &NeuronDifference) -> String {
    let node = format!("node {} (morphology `{}`)", d.node_id, d.morphology);
    if let Some(problem) = &d.problem {
        return format!("{node}: no rule: {problem}\n");
    }
    let section = |s: &SectionDifference| {
        let side = |n: Option<u32>| n.map_or_else(|| "none".into(), |n| n.to_string());
        format!("section {}: {} by the rule, {} in the report", s.section_id, side(s.rule), side(s.report))
    };
    let sections: Vec<String> = d.sections.iter().map(section).collect();
    format!("{node}: {}\n", sections.join("; "))
}

fn fit_text(path: &Path, fit: &Fit) -> String {
    let mut text = format!("table {}: {}", path.display(), count(fit.neurons, "neuron"));
    text += if fit.fits() { ", fits\n" } else { ", does not fit\n" };
    fit.unknown.iter().for_each(|node| text += &format!("node {node}: not in the report\n"));
    fit.missing.iter().for_each(|node| text += &format!("node {node}: not in the table\n"));
    for (node, found, expected) in &fit.counts {
        text += &format!("node {node}: {}, {expected} in the report\n", count(*found, "segment"));
    }
    for (node, row) in &fit.order {
        text += &format!("node {node}: row {row} of the node is out of order\n");
    }
    for (node, um) in &fit.boxes {
        text += &format!("node {node}: {um:.6} um from where the circuit puts it\n");
    }
    fit.unplaced.iter().for_each(|(node, why)| text += &format!("node {node}: cannot be placed: {why}\n"));
    text
}

fn as_json(finding: &Finding) -> Value {
    let a = &finding.agreement;
    let template = |t: &leadfield::assembly::TemplateAgreement| {
        json!({
            "template": t.name, "rule": t.rule.as_ref().ok(), "problem": t.rule.as_ref().err(), "neurons": t.neurons,
            "differing": t.differing,
        })
    };
    let section = |s: &SectionDifference| json!({ "section": s.section_id, "rule": s.rule, "report": s.report });
    let neuron = |d: &NeuronDifference| {
        json!({
            "node": d.node_id, "template": d.template, "morphology": d.morphology, "problem": d.problem,
            "sections": d.sections.iter().map(section).collect::<Vec<_>>(),
        })
    };
    let tie = |t: &leadfield::assembly::TiedNeurons| {
        json!({
            "node": t.node_id, "others": t.others, "morphology": t.morphology, "section": t.tie.section_id,
            "length_um": t.tie.length_um, "multiple_um": t.tie.multiple_um,
        })
    };
    let table = |(path, fit): &(PathBuf, Fit)| {
        json!({
            "table": path, "fits": fit.fits(), "neurons": fit.neurons, "not_in_report": fit.unknown,
            "not_in_table": fit.missing, "segment_counts_differ": fit.counts, "out_of_order": fit.order,
            "moved_um": fit.boxes, "not_placed": fit.unplaced,
        })
    };
    json!({
        "population": a.population,
        "report": a.report,
        "agree": finding.agrees(),
        "neurons": a.neurons(),
        "templates": a.templates.iter().map(template).collect::<Vec<_>>(),
        "differing": a.differing.iter().map(neuron).collect::<Vec<_>>(),
        "ties": a.ties.iter().map(tie).collect::<Vec<_>>(),
        "table": finding.table.as_ref().map(table),
    })
}
