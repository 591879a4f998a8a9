//! Orders names as people do: `e2` before `e10`.

use std::cmp::Ordering;

/// Compares two names; their digits are compared as numbers. Names that are equal as such are compared as texts.
pub fn compare_naturally(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (split_name(a), split_name(b));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return a.cmp(b),
            (one, other) => one.cmp(&other),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// A part of a name. A number is before a text.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NamePart<'a> {
    /// Digits without leading zeros, by their length and then by their text: in the order of the numbers.
    Number(usize, &'a str),
    Text(&'a str),
}

fn split_name(name: &str) -> impl Iterator<Item = NamePart<'_>> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let is_digit = rest.chars().next()?.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != is_digit).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        rest = behind;
        let digits = part.trim_start_matches('0');
        Some(if is_digit { NamePart::Number(digits.len(), digits) } else { NamePart::Text(part) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_in_names_are_numbers_of_any_length() {
        let ordered = ["2", "007b", "7c", "10", "a", "a2", "a02b", "a10", "a10b", "b", "b1-2", "b1-11"];
        let mut names = ordered;
        names.reverse();
        names.sort_by(|a, b| compare_naturally(a, b));
        assert_eq!(names, ordered);
        assert_eq!(compare_naturally("e01", "e1"), Ordering::Less, "equal numbers: by their text");
        let long = "9".repeat(60);
        assert_eq!(compare_naturally(&format!("e{long}"), &format!("e1{long}")), Ordering::Less);
    }
}
