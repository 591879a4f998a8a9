//! Formats the results as test cases: first what must be in both files, then each contact.

use leadfield::error::{format_count, join_quoted};
use leadfield::validate::weights::{ContactComparison, LocatedDifference, WeightsComparison, group_by_units};

use super::WeightsFindings;
use crate::validate::MAX_LISTED_NAMES;
use crate::validate::report::CheckCase;

/// Returns one case for each comparison.
pub fn to_cases(findings: &WeightsFindings) -> Vec<CheckCase> {
    let populations = list_one_sided("population", &findings.populations_only_in);
    let all = findings.comparisons.iter().flat_map(population_cases);
    [CheckCase::new("populations", populations)].into_iter().chain(all).collect()
}

fn population_cases(c: &WeightsComparison) -> Vec<CheckCase> {
    let [name, _] = &c.populations;
    let nodes = c.nodes_only_in.each_ref().map(|ids| ids.iter().map(u64::to_string).collect::<Vec<_>>());
    let counts = c.segment_counts.iter().map(|n| {
        let [a, b] = n.segments;
        format!("node {} has {a} and {b}", n.node)
    });
    let extra = c.extra_columns.map(|[a, b]| format!("columns without a contact: {a} and {b}"));
    let units = group_by_units(&c.unit_mismatches).into_iter().map(|([a, b], contacts)| {
        format!("{a} in the first file, {b} in the second, at contacts {}", join_quoted(contacts, MAX_LISTED_NAMES))
    });
    let mut cases = vec![
        CheckCase::new(format!("{name}: nodes"), list_one_sided("node", &nodes)),
        CheckCase::new(format!("{name}: segments of nodes"), counts.collect()),
        CheckCase::new(format!("{name}: contacts"), list_one_sided("contact", &c.contacts_only_in)),
        CheckCase::new(format!("{name}: columns"), extra.into_iter().collect()),
        CheckCase::new(format!("{name}: units"), units.collect()),
    ];
    cases.extend(c.contacts.iter().map(|e| CheckCase::new(format!("{name}: contact {}", e.name), describe_outside(e))));
    cases
}

fn list_one_sided(noun: &str, names: &[Vec<String>; 2]) -> Vec<String> {
    let only_in = |(names, which): (&Vec<String>, &str)| {
        let number = format_count(names.len() as u64, noun);
        (!names.is_empty())
            .then(|| format!("{number} only in the {which} file: {}", join_quoted(names, MAX_LISTED_NAMES)))
    };
    names.iter().zip(["first", "second"]).filter_map(only_in).collect()
}

fn describe_outside(e: &ContactComparison) -> Vec<String> {
    if e.outside_count == 0 {
        return Vec::new();
    }
    let place = |what: &str, d: Option<LocatedDifference>| {
        d.map(|d| {
            format!(
                "largest {what} difference {:e} at node {}, row {}: {:e} and {:e}",
                d.value, d.node, d.row, d.values[0], d.values[1]
            )
        })
    };
    let largest = [place("absolute", e.largest_absolute), place("relative", e.largest_relative)];
    let first = format!("{} outside the tolerance", format_count(e.outside_count, "weight"));
    [first].into_iter().chain(largest.into_iter().flatten()).collect()
}
