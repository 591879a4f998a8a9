//! Condition on one attribute in a node set, and the nodes that meet it.

use std::cmp::Ordering;
use std::collections::HashSet;

use regex::Regex;
use serde_json::{Number, Value};

use super::super::json::JsonNode;
use super::super::nodes::AttributeColumn;
use crate::error::{Problem, Result};

/// Reasons why a condition is invalid, by itself or for its attribute.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConditionProblem {
    /// A list contains both numbers and texts.
    #[error("list of text and numbers, expected either text or numbers, found both")]
    Mixed,
    /// The object has no operator.
    #[error("no operator, expected `$regex`, `$gt`, `$lt`, `$gte` or `$lte`, found `{{}}`")]
    NoOperator,
    /// The key is not an operator.
    #[error("unknown operator, expected `$regex`, `$gt`, `$lt`, `$gte` or `$lte`, found `{0}`")]
    UnknownOperator(String),
    /// The regular expression does not parse.
    #[error("invalid regular expression: {0}")]
    Pattern(String),
    /// Values are compared with those of another kind, such as text with numbers.
    #[error("attribute `{attribute}` holds {holds}, expected {holds} to compare it with, found {found}")]
    Kind {
        /// Name of the attribute.
        attribute: String,
        /// Kind of values of the attribute.
        holds: &'static str,
        /// Kind of values in the condition.
        found: &'static str,
    },
    /// Floating-point numbers are compared for equality.
    #[error(
        "attribute `{0}` holds floating-point numbers, expected `$gt`, `$lt`, `$gte` or `$lte`, found exact values"
    )]
    Exact(String),
    /// A fraction is compared with integers.
    #[error("attribute `{attribute}` holds integers, expected integers to compare it with, found {found}")]
    Fraction {
        /// Name of the attribute.
        attribute: String,
        /// The number.
        found: Number,
    },
}

impl Problem for ConditionProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Exact(_) => {
                Some("stored numbers are rounded; give a range, e.g. `{\"$gte\": 0.1, \"$lt\": 0.2}`".into())
            }
            _ => None,
        }
    }
}

/// A condition on one attribute.
#[derive(Debug)]
pub enum Condition<'a> {
    /// The value is one of these texts.
    Texts(Vec<&'a str>),
    /// The value is one of these numbers.
    Numbers(Vec<&'a Number>),
    /// The value is this boolean.
    Boolean(bool),
    /// The value meets all of these operators.
    Operators(Vec<ConditionOperator>),
}

/// An operator and its operand.
#[derive(Debug)]
pub enum ConditionOperator {
    /// The regular expression matches anywhere in the text.
    Regex(Regex),
    /// Comparison with a number.
    Order {
        /// Whether values above the number match, or those below.
        above: bool,
        /// Whether the number itself matches as well.
        or_equal: bool,
        /// The number.
        bound: f64,
        /// The number, if it is an integer: some have more digits than a float.
        integer: Option<i128>,
    },
}

impl<'a> Condition<'a> {
    /// Parses a condition.
    ///
    /// # Errors
    /// Returns an error if the value is not text, a number, a list of either, a boolean, or an object of operators.
    pub fn parse(at: &JsonNode<'a>) -> Result<Self> {
        match at.value {
            Value::String(text) => Ok(Self::Texts(vec![text])),
            Value::Number(number) => Ok(Self::Numbers(vec![number])),
            Value::Array(_) => Self::parse_list(at),
            Value::Object(_) => Self::parse_operators(at),
            Value::Bool(flag) => Ok(Self::Boolean(*flag)),
            Value::Null => Err(at.wrong_type("text, a number, a list of either, a boolean, or operators")),
        }
    }

    fn parse_list(at: &JsonNode<'a>) -> Result<Self> {
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        for item in at.items()? {
            match item.value {
                Value::String(text) => texts.push(text.as_str()),
                Value::Number(number) => numbers.push(number),
                _ => return Err(item.wrong_type("text or a number")),
            }
        }
        match (texts.is_empty(), numbers.is_empty()) {
            (false, false) => Err(at.error(ConditionProblem::Mixed)),
            (_, false) => Ok(Self::Numbers(numbers)),
            (_, true) => Ok(Self::Texts(texts)),
        }
    }

    fn parse_operators(at: &JsonNode<'a>) -> Result<Self> {
        let members = at.members()?;
        if members.is_empty() {
            return Err(at.error(ConditionProblem::NoOperator));
        }
        Ok(Self::Operators(
            members.iter().map(|(name, operand)| ConditionOperator::parse(name, operand)).collect::<Result<_>>()?,
        ))
    }

    /// Returns which nodes of a column meet the condition.
    ///
    /// # Errors
    /// Returns an error if the condition does not fit the kind of values in the column.
    pub fn matching_nodes(&self, attribute: &str, column: &AttributeColumn) -> Result<Vec<bool>, ConditionProblem> {
        match self {
            Self::Texts(texts) if texts.is_empty() => Ok(vec![false; column.len()]),
            Self::Texts(texts) => {
                let texts: HashSet<&str> = texts.iter().copied().collect();
                match_texts(attribute, column, |text| texts.contains(text))
            }
            Self::Numbers(numbers) => match_numbers(attribute, column, numbers),
            Self::Boolean(wanted) => match column {
                AttributeColumn::Boolean(flags) => Ok(flags.iter().map(|flag| flag == wanted).collect()),
                other => Err(kind_mismatch(attribute, other.kind(), "a boolean")),
            },
            Self::Operators(operators) => {
                let mut all = vec![true; column.len()];
                for operator in operators {
                    let one = operator.matching_nodes(attribute, column)?;
                    all.iter_mut().zip(one).for_each(|(all, one)| *all &= one);
                }
                Ok(all)
            }
        }
    }
}

impl ConditionOperator {
    fn parse(name: &str, operand: &JsonNode<'_>) -> Result<Self> {
        let order = |above, or_equal| {
            let Value::Number(number) = operand.value else { return Err(operand.wrong_type("a number")) };
            let bound = number.as_f64().ok_or_else(|| operand.wrong_type("a number"))?;
            Ok(Self::Order { above, or_equal, bound, integer: number.as_i128() })
        };
        match name {
            "$regex" => Self::parse_regex(operand),
            "$gt" => order(true, false),
            "$gte" => order(true, true),
            "$lt" => order(false, false),
            "$lte" => order(false, true),
            _ => Err(operand.error(ConditionProblem::UnknownOperator(name.to_string()))),
        }
    }

    fn parse_regex(operand: &JsonNode<'_>) -> Result<Self> {
        let reason = |error: &regex::Error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            last.strip_prefix("error: ").unwrap_or(last).to_string()
        };
        let text = operand.text()?;
        if has_unicode_property(text) {
            let reason = "`\\p` and `\\P` are not of Python's syntax".into();
            return Err(operand.error(ConditionProblem::Pattern(reason)));
        }
        let regex = Regex::new(text);
        Ok(Self::Regex(regex.map_err(|e| operand.error(ConditionProblem::Pattern(reason(&e))))?))
    }

    fn matching_nodes(&self, attribute: &str, column: &AttributeColumn) -> Result<Vec<bool>, ConditionProblem> {
        match self {
            Self::Regex(regex) => match_texts(attribute, column, |text| regex.is_match(text)),
            &Self::Order { above, or_equal, bound, integer } => {
                let meets = |order: Option<Ordering>| match order {
                    Some(Ordering::Greater) => above,
                    Some(Ordering::Less) => !above,
                    Some(Ordering::Equal) => or_equal,
                    None => false,
                };
                let compare = |n: f64| meets(n.partial_cmp(&bound));
                match (column, integer) {
                    (AttributeColumn::Integer(numbers), Some(bound)) => {
                        Ok(numbers.iter().map(|&n| meets(Some(i128::from(n).cmp(&bound)))).collect())
                    }
                    (AttributeColumn::Integer(numbers), None) => {
                        Ok(numbers.iter().map(|&n| compare(n as f64)).collect())
                    }
                    (AttributeColumn::Float(numbers), _) => Ok(numbers.iter().map(|&n| compare(n)).collect()),
                    (other, _) => Err(kind_mismatch(attribute, other.kind(), "a number")),
                }
            }
        }
    }
}

fn kind_mismatch(attribute: &str, holds: &'static str, found: &'static str) -> ConditionProblem {
    ConditionProblem::Kind { attribute: attribute.to_string(), holds, found }
}

/// Returns which texts of a column meet a predicate, which is evaluated once per entry of a library.
fn match_texts(
    attribute: &str,
    column: &AttributeColumn,
    take: impl Fn(&str) -> bool,
) -> Result<Vec<bool>, ConditionProblem> {
    match column {
        AttributeColumn::Text(texts) => Ok(texts.iter().map(|text| take(text)).collect()),
        AttributeColumn::Enumeration { library, index } => {
            let taken: Vec<bool> = library.iter().map(|text| take(text)).collect();
            Ok(index.iter().map(|&i| taken.get(i as usize).copied().unwrap_or(false)).collect())
        }
        other => Err(kind_mismatch(attribute, other.kind(), "text")),
    }
}

fn match_numbers(
    attribute: &str,
    column: &AttributeColumn,
    numbers: &[&Number],
) -> Result<Vec<bool>, ConditionProblem> {
    match column {
        AttributeColumn::Integer(values) => {
            let wanted = numbers.iter().map(|number| {
                let fraction = || ConditionProblem::Fraction { attribute: attribute.into(), found: (*number).clone() };
                as_whole_number(number).ok_or_else(fraction)
            });
            let wanted = wanted.collect::<Result<HashSet<i128>, _>>()?;
            Ok(values.iter().map(|&value| wanted.contains(&i128::from(value))).collect())
        }
        AttributeColumn::Float(_) => Err(ConditionProblem::Exact(attribute.to_string())),
        other => Err(kind_mismatch(attribute, other.kind(), "a number")),
    }
}

/// Converts a JSON number to an integer if it is whole (`2` and `2.0` are).
pub fn as_whole_number(number: &Number) -> Option<i128> {
    let as_integer = || number.as_f64().filter(|n| n.fract() == 0.0).map(|n| n as i128);
    number.as_i128().or_else(as_integer)
}

/// Returns whether a regular expression has a class by Unicode property.
fn has_unicode_property(pattern: &str) -> bool {
    let mut is_escaped = false;
    pattern.chars().any(|c| {
        let is_property = is_escaped && matches!(c, 'p' | 'P');
        is_escaped = c == '\\' && !is_escaped;
        is_property
    })
}
