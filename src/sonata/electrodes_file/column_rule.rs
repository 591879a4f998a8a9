//! Assignment of columns to contacts, in particular in files of BlueRecording 0.2.1.

/// Rule that assigns columns to contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColumnRule {
    /// Use the file's own index.
    #[default]
    Index,
    /// In a file with one column more than contacts (BlueRecording 0.2.1, whose index is misleading), column i belongs
    /// to the i-th name in sorted order: as integers if all names are integers, otherwise as text. Other files use the
    /// index.
    SortedNames,
}

/// Sorts names in BlueRecording's order: as integers if all are integers, otherwise as text.
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
