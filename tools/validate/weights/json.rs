//! Formats the results as JSON.

use leadfield::validate::weights::{
    ContactComparison, DifferingNode, DifferingRows, LocatedDifference, QUANTILES, WeightsCause, WeightsComparison,
    WeightsOptions, WorstPair,
};
use serde_json::{Value, json};

use super::WeightsFindings;
use super::worst_segments::SegmentLocation;

/// Returns all results as one object.
pub fn to_json(findings: &WeightsFindings, options: &WeightsOptions) -> Value {
    json!({
        "agree": findings.agrees(),
        "rtol": options.tolerance.rtol,
        "atol": options.tolerance.atol,
        "quantiles_of": QUANTILES,
        "populations_only_in": findings.populations_only_in,
        "populations": findings.comparisons.iter().zip(&findings.causes).zip(&findings.rows).map(|((c, why), rows)| comparison_json(c, why, rows, findings)).collect::<Vec<_>>(),
    })
}

fn comparison_json(
    c: &WeightsComparison,
    causes: &[WeightsCause],
    rows: &DifferingRows,
    findings: &WeightsFindings,
) -> Value {
    let cause = |cause: &WeightsCause| json!({ "name": cause.name(), "text": cause.to_string() });
    let counts = |n: &leadfield::validate::weights::SegmentCounts| json!({ "node": n.node, "segments": n.segments });
    json!({
        "population": c.populations,
        "agree": c.agrees(),
        "nodes": c.nodes,
        "rows": c.rows,
        "nodes_only_in": c.nodes_only_in,
        "segment_counts_differ": c.segment_counts.iter().map(counts).collect::<Vec<_>>(),
        "electrodes_only_in": c.contacts_only_in,
        "extra_columns_differ": c.extra_columns,
        "units_differ": c.unit_mismatches.iter().map(|d| json!({ "contact": d.contact, "units": d.units })).collect::<Vec<_>>(),
        "electrodes": c.contacts.iter().map(contact_json).collect::<Vec<_>>(),
        "rows_differ": rows_json(rows),
        "causes": causes.iter().map(cause).collect::<Vec<_>>(),
        "worst": c.worst.iter().map(|pair| worst_pair_json(pair, findings.segments.get(pair))).collect::<Vec<_>>(),
    })
}

fn rows_json(rows: &DifferingRows) -> Value {
    let node = |n: &DifferingNode| json!({ "node": n.node, "rows": n.rows.iter().map(|r| [r.start, r.end - 1]).collect::<Vec<_>>() });
    json!({
        "rows": rows.row_count,
        "nodes": rows.node_count,
        "first_nodes": rows.first_nodes.iter().map(node).collect::<Vec<_>>(),
        "may_be_axon_stubs": rows.may_be_stubs,
    })
}

fn contact_json(e: &ContactComparison) -> Value {
    json!({
        "name": e.name,
        "outside": e.outside_count,
        "nan_in_both": e.nan_in_both_count,
        "largest_absolute": e.largest_absolute.map(difference_json),
        "largest_relative": e.largest_relative.map(difference_json),
        "relative_quantiles": e.quantiles,
    })
}

fn difference_json(d: LocatedDifference) -> Value {
    json!({ "value": d.value, "values": d.values, "node": d.node, "row": d.row })
}

fn worst_pair_json(pair: &WorstPair, segment: Option<SegmentLocation>) -> Value {
    let LocatedDifference { value, values, node, row } = pair.difference;
    json!({
        "contact": pair.contact, "excess": pair.excess, "absolute": value, "values": values, "node": node, "row": row,
        "section": segment.map(|s| s.section), "segment": segment.map(|s| s.segment),
    })
}
