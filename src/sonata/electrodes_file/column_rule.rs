//! The order of contacts' names in files of BlueRecording 0.2.1, and which column is whose there.

/// Which column is whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColumnRule {
    /// As the file's own index says.
    #[default]
    Index,
    /// In a file with one column more than contacts (BlueRecording 0.2.1, whose index misleads), column i is that of
    /// the i-th name in sorted order: as integers where all names are integers, as text otherwise. In other files the
    /// index.
    SortedNames,
}

/// Names in the original's order: as integers where all are integers, as text otherwise.
///
/// Probed on its reference files: `0` .. `383` are in numeric order, `e1, e2, e10, ref` become `e1, e10, e2, ref`.
pub fn sort_names(mut names: Vec<String>) -> Vec<String> {
    let numbers: Option<Vec<i64>> = names.iter().map(|n| n.parse().ok()).collect();
    match numbers {
        Some(_) => names.sort_by_key(|n| n.parse::<i64>().unwrap_or_default()),
        None => names.sort_unstable(),
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_sort_as_numbers_and_words_as_text() {
        let sort = |names: &[&str]| sort_names(names.iter().map(|n| n.to_string()).collect());
        assert_eq!(sort(&["10", "9", "0"]), ["0", "9", "10"]);
        assert_eq!(sort(&["e1", "e2", "e10", "ref"]), ["e1", "e10", "e2", "ref"]);
        assert_eq!(sort(&["10", "9", "ref"]), ["10", "9", "ref"]);
    }
}
