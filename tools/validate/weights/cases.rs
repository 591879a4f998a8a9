//! The findings as test cases: what has to be on both sides, then each contact.

use leadfield::error::{count, listed};
use leadfield::validate::weights::{Comparison, Difference, ElectrodeComparison, by_units};

use super::Findings;
use crate::validate::report::Case;

/// One case for each thing compared.
pub fn cases(findings: &Findings) -> Vec<Case> {
    let populations = one_sided("population", &findings.populations_only_in);
    let all = findings.comparisons.iter().flat_map(of_population);
    [Case::new("populations", populations)].into_iter().chain(all).collect()
}

fn of_population(c: &Comparison) -> Vec<Case> {
    let [name, _] = &c.populations;
    let nodes = c.nodes_only_in.each_ref().map(|ids| ids.iter().map(u64::to_string).collect::<Vec<_>>());
    let counts = c.segment_counts.iter().map(|n| {
        let [a, b] = n.segments;
        format!("node {} has {a} and {b}", n.node)
    });
    let extra = c.extra_columns.map(|[a, b]| format!("columns of no contact: {a} and {b}"));
    let units = by_units(&c.units_differ).into_iter().map(|([a, b], contacts)| {
        format!("{a} in the first file, {b} in the second, at contacts {}", listed(contacts, 12))
    });
    let mut cases = vec![
        Case::new(format!("{name}: nodes"), one_sided("node", &nodes)),
        Case::new(format!("{name}: segments of nodes"), counts.collect()),
        Case::new(format!("{name}: contacts"), one_sided("contact", &c.electrodes_only_in)),
        Case::new(format!("{name}: columns"), extra.into_iter().collect()),
        Case::new(format!("{name}: units"), units.collect()),
    ];
    cases.extend(c.electrodes.iter().map(|e| Case::new(format!("{name}: contact {}", e.name), outside(e))));
    cases
}

fn one_sided(noun: &str, names: &[Vec<String>; 2]) -> Vec<String> {
    let told = |(names, which): (&Vec<String>, &str)| {
        let number = count(names.len() as u64, noun);
        (!names.is_empty()).then(|| format!("{number} only in the {which} file: {}", listed(names, 12)))
    };
    names.iter().zip(["first", "second"]).filter_map(told).collect()
}

fn outside(e: &ElectrodeComparison) -> Vec<String> {
    if e.outside == 0 {
        return Vec::new();
    }
    let place = |what: &str, d: Option<Difference>| {
        d.map(|d| {
            format!(
                "largest {what} difference {:e} at node {}, row {}: {:e} and {:e}",
                d.value, d.node, d.row, d.values[0], d.values[1]
            )
        })
    };
    let largest = [place("absolute", e.largest_absolute), place("relative", e.largest_relative)];
    let first = format!("{} outside the tolerance", count(e.outside, "coefficient"));
    [first].into_iter().chain(largest.into_iter().flatten()).collect()
}
