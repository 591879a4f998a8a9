//! The findings for scripts.

use leadfield::validate::weights::{Cause, Comparison, Difference, ElectrodeComparison, Options, QUANTILES, WorstPair};
use serde_json::{Value, json};

use super::Findings;
use super::segment::Segment;

/// All findings as one object.
pub fn told(findings: &Findings, options: &Options) -> Value {
    json!({
        "agree": findings.agree(),
        "rtol": options.tolerance.rtol,
        "atol": options.tolerance.atol,
        "quantiles_of": QUANTILES,
        "populations_only_in": findings.populations_only_in,
        "populations": findings.comparisons.iter().zip(&findings.causes).map(|(c, why)| comparison(c, why, findings)).collect::<Vec<_>>(),
    })
}

fn comparison(c: &Comparison, causes: &[Cause], findings: &Findings) -> Value {
    let cause = |cause: &Cause| json!({ "name": cause.name(), "text": cause.to_string() });
    let counts = |n: &leadfield::validate::weights::SegmentCounts| json!({ "node": n.node, "segments": n.segments });
    json!({
        "population": c.populations,
        "agree": c.agrees(),
        "nodes": c.nodes,
        "rows": c.rows,
        "nodes_only_in": c.nodes_only_in,
        "segment_counts_differ": c.segment_counts.iter().map(counts).collect::<Vec<_>>(),
        "electrodes_only_in": c.electrodes_only_in,
        "extra_columns_differ": c.extra_columns,
        "units_differ": c.units_differ.iter().map(|d| json!({ "contact": d.contact, "units": d.units })).collect::<Vec<_>>(),
        "electrodes": c.electrodes.iter().map(electrode).collect::<Vec<_>>(),
        "causes": causes.iter().map(cause).collect::<Vec<_>>(),
        "worst": c.worst.iter().map(|pair| worst(pair, findings.segments.of(pair))).collect::<Vec<_>>(),
    })
}

fn electrode(e: &ElectrodeComparison) -> Value {
    json!({
        "name": e.name,
        "outside": e.outside,
        "nan_in_both": e.nan_in_both,
        "largest_absolute": e.largest_absolute.map(difference),
        "largest_relative": e.largest_relative.map(difference),
        "relative_quantiles": e.quantiles,
    })
}

fn difference(d: Difference) -> Value {
    json!({ "value": d.value, "values": d.values, "node": d.node, "row": d.row })
}

fn worst(pair: &WorstPair, segment: Option<Segment>) -> Value {
    let Difference { value, values, node, row } = pair.difference;
    json!({
        "contact": pair.contact, "excess": pair.excess, "absolute": value, "values": values, "node": node, "row": row,
        "section": segment.map(|s| s.section), "segment": segment.map(|s| s.segment),
    })
}
