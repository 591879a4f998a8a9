//! Evaluation of hoc expressions, as far as they are constant.

use std::collections::{HashMap, HashSet};

use super::lexer::{HocToken, PlacedToken};

/// The function that returns the number of arguments of a procedure.
pub(super) const NUMBER_OF_ARGUMENTS: &str = "numarg";

/// The values of names. A name that is missing, or has no value, is unknown.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope<'a> {
    values: HashMap<&'a str, Option<f64>>,
    /// The known elements of vectors.
    elements: HashMap<(&'a str, u32), f64>,
    /// The names that are local to this procedure.
    locals: HashSet<&'a str>,
    /// Whether `int(x)` returns x, which shows the slope of a stepped function.
    int_is_smooth: bool,
}

impl<'a> Scope<'a> {
    /// Sets the value of a name.
    pub fn set_value(&mut self, name: &'a str, value: Option<f64>) {
        self.values.insert(name, value);
    }

    /// Makes a name local to this procedure.
    pub fn declare(&mut self, name: &'a str) {
        self.locals.insert(name);
        self.values.remove(name);
        self.elements.retain(|(vector, _), _| *vector != name);
    }

    /// Returns whether a name means something else in other procedures.
    fn is_local(&self, name: &str) -> bool {
        self.locals.contains(name) || name.starts_with('$') || name == NUMBER_OF_ARGUMENTS
    }

    /// Returns the initial scope of a procedure that is called with these arguments.
    pub fn for_call(&self, arguments: &[Option<f64>]) -> Self {
        const NAMES: [&str; 9] = ["$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9"];
        let mut scope = Self::default();
        scope.import_globals(self.clone());
        scope.set_value(NUMBER_OF_ARGUMENTS, Some(arguments.len() as f64));
        NAMES.iter().zip(arguments).for_each(|(name, &value)| scope.set_value(name, value));
        scope
    }

    /// Imports the shared variables from the scope of a called procedure.
    pub fn import_globals(&mut self, called: Self) {
        let stays = |scope: &Self, name: &str| scope.is_local(name) || called.locals.contains(name);
        let locals_only = Self { locals: self.locals.clone(), ..Self::default() };
        self.values.retain(|name, _| stays(&locals_only, name));
        self.elements.retain(|(name, _), _| stays(&locals_only, name));
        let is_imported = |name: &str| !locals_only.is_local(name) && !called.is_local(name);
        self.values.extend(called.values.iter().filter(|(name, _)| is_imported(name)));
        self.elements.extend(called.elements.iter().filter(|((name, _), _)| is_imported(name)));
    }

    /// Keeps only what is also known in another scope of the same procedure.
    pub fn keep_common(&mut self, other: &Self) {
        self.values.retain(|name, value| other.values.get(name) == Some(value));
        self.elements.retain(|element, value| other.elements.get(element) == Some(value));
    }

    /// Returns the value of a name, if it is known.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.values.get(name).copied().flatten()
    }

    /// Sets an element of a vector; if the index is unknown, all elements become unknown.
    pub fn set_element(&mut self, vector: &'a str, index: Option<f64>, value: Option<f64>) {
        match (index.map(|i| i as u32), value) {
            (Some(index), Some(value)) => drop(self.elements.insert((vector, index), value)),
            (Some(index), None) => drop(self.elements.remove(&(vector, index))),
            (None, _) => self.elements.retain(|(name, _), _| *name != vector),
        }
    }

    /// Returns a copy of this scope with another value of one name.
    pub fn with_value(&self, name: &'a str, value: Option<f64>) -> Self {
        let mut scope = self.clone();
        scope.set_value(name, value);
        scope
    }

    /// Returns a copy of this scope in which `int(x)` is x.
    pub fn with_smooth_int(&self) -> Self {
        Self { int_is_smooth: true, ..self.clone() }
    }

    /// Evaluates the arguments between brackets; `at` is the opening bracket. Returns the values and the index after
    /// them.
    pub fn evaluate_arguments(&self, tokens: &[PlacedToken<'a>], at: usize) -> (Vec<Option<f64>>, usize) {
        let mut parser = ExpressionParser { scope: self, tokens, index: at, depth: 0 };
        let values = parser.parse_brackets();
        (values, parser.index)
    }

    /// Evaluates the expression that starts at a token; returns its value, if it is known, and the index after it.
    pub fn evaluate(&self, tokens: &[PlacedToken<'a>], at: usize) -> (Option<f64>, usize) {
        let mut parser = ExpressionParser { scope: self, tokens, index: at, depth: 0 };
        let value = parser.parse_or();
        // an unknown operator follows, so the value is incomplete
        let goes_on = matches!(parser.peek_token(), Some(HocToken::Mark(mark)) if !EXPRESSION_ENDS.contains(&mark));
        (value.filter(|_| !goes_on), parser.index)
    }
}

/// Tokens that may follow an expression.
const EXPRESSION_ENDS: [&str; 8] = ["\n", ",", ";", ":", "{", "}", ")", "]"];

struct ExpressionParser<'s, 'a> {
    scope: &'s Scope<'a>,
    tokens: &'s [PlacedToken<'a>],
    index: usize,
    depth: u32,
}

fn truth_value(is_true: bool) -> f64 {
    f64::from(u8::from(is_true))
}

/// Maximum depth of nested brackets: far more than any formula has.
const MAX_BRACKET_DEPTH: u32 = 200;

impl<'a> ExpressionParser<'_, 'a> {
    fn peek_token(&self) -> Option<HocToken<'a>> {
        self.tokens.get(self.index).map(|&(token, _)| token)
    }

    /// Consumes an operator or bracket if it is one of these.
    fn take_mark(&mut self, marks: &[&'static str]) -> Option<&'a str> {
        match self.peek_token() {
            Some(HocToken::Mark(mark)) if marks.contains(&mark) => {
                self.index += 1;
                Some(mark)
            }
            _ => None,
        }
    }

    /// Parses `a || b`.
    fn parse_or(&mut self) -> Option<f64> {
        let mut value = self.parse_and();
        while self.take_mark(&["||"]).is_some() {
            let next = self.parse_and();
            value = match (value, next) {
                (Some(known), _) | (_, Some(known)) if known != 0.0 => Some(1.0),
                (Some(_), Some(_)) => Some(0.0),
                _ => None,
            };
        }
        value
    }

    /// Parses `a && b`.
    fn parse_and(&mut self) -> Option<f64> {
        let mut value = self.parse_comparison();
        while self.take_mark(&["&&"]).is_some() {
            let next = self.parse_comparison();
            value = match (value, next) {
                (Some(0.0), _) | (_, Some(0.0)) => Some(0.0),
                (Some(_), Some(_)) => Some(1.0),
                _ => None,
            };
        }
        value
    }

    /// Parses `a < b`.
    fn parse_comparison(&mut self) -> Option<f64> {
        let value = self.parse_sum();
        let Some(mark) = self.take_mark(&["==", "!=", "<", ">", "<=", ">="]) else { return value };
        let next = self.parse_sum();
        value.zip(next).map(|(a, b)| {
            truth_value(match mark {
                "==" => a == b,
                "!=" => a != b,
                "<" => a < b,
                ">" => a > b,
                "<=" => a <= b,
                _ => a >= b,
            })
        })
    }

    fn parse_sum(&mut self) -> Option<f64> {
        let mut value = self.parse_product();
        while let Some(mark) = self.take_mark(&["+", "-"]) {
            let next = self.parse_product();
            value = value.zip(next).map(|(a, b)| if mark == "+" { a + b } else { a - b });
        }
        value
    }

    fn parse_product(&mut self) -> Option<f64> {
        let mut value = self.parse_unary();
        while let Some(mark) = self.take_mark(&["*", "/", "%"]) {
            let next = self.parse_unary();
            value = value.zip(next).map(|(a, b)| match mark {
                "*" => a * b,
                "/" => a / b,
                _ => a - b * (a / b).floor(),
            });
        }
        value
    }

    fn parse_unary(&mut self) -> Option<f64> {
        let mut is_negative = false;
        while let Some(mark) = self.take_mark(&["+", "-"]) {
            is_negative ^= mark == "-";
        }
        let base = self.parse_primary();
        let value =
            if self.take_mark(&["^"]).is_some() { base.zip(self.parse_unary()).map(|(a, b)| a.powf(b)) } else { base };
        value.map(|v| if is_negative { -v } else { v })
    }

    fn parse_primary(&mut self) -> Option<f64> {
        if self.depth > MAX_BRACKET_DEPTH {
            self.index = self.tokens.len();
            return None;
        }
        match self.peek_token() {
            Some(HocToken::Number(number)) => {
                self.index += 1;
                Some(number)
            }
            Some(HocToken::Mark("!")) => {
                self.index += 1;
                self.parse_primary().map(|value| truth_value(value == 0.0))
            }
            Some(HocToken::Mark("(")) => self.parse_brackets().first().copied().flatten(),
            Some(HocToken::Word("new")) => {
                self.index += 1;
                self.parse_primary();
                None
            }
            Some(HocToken::Word(name)) => {
                self.index += 1;
                self.parse_name(name)
            }
            Some(HocToken::Text(_)) => {
                self.index += 1;
                None
            }
            _ => None,
        }
    }

    /// Parses what follows a name: nothing, arguments, an index, a member.
    fn parse_name(&mut self, name: &'a str) -> Option<f64> {
        let mut value = self.scope.values.get(name).copied().flatten();
        if let Some(HocToken::Mark("(")) = self.peek_token() {
            let argument = self.parse_brackets().first().copied().flatten();
            value = match (name, self.scope.int_is_smooth) {
                ("int", false) => argument.map(f64::trunc),
                ("int", true) => argument,
                ("exp", _) => argument.map(f64::exp),
                ("log", _) => argument.map(f64::ln),
                ("log10", _) => argument.map(f64::log10),
                ("sqrt", _) => argument.map(f64::sqrt),
                ("abs", _) => argument.map(f64::abs),
                (NUMBER_OF_ARGUMENTS, _) => value,
                _ => None,
            };
        }
        let is_element = matches!(
            self.tokens.get(self.index..self.index + 3),
            Some([(HocToken::Mark("."), _), (HocToken::Word("x"), _), (HocToken::Mark("["), _)])
        );
        if is_element {
            self.index += 2;
            let index = self.parse_brackets().first().copied().flatten();
            return index.and_then(|i| self.scope.elements.get(&(name, i as u32)).copied());
        }
        loop {
            match self.peek_token() {
                Some(HocToken::Mark("[" | "(")) => drop(self.parse_brackets()),
                Some(HocToken::Mark(".")) => self.index += 2,
                _ => return value,
            }
            value = None;
        }
    }

    /// Parses the values between brackets; the current token is the opening one.
    fn parse_brackets(&mut self) -> Vec<Option<f64>> {
        self.depth += 1;
        self.index += 1;
        let mut values = vec![self.parse_or()];
        loop {
            match self.peek_token() {
                None | Some(HocToken::Mark("{" | "}")) => break,
                Some(HocToken::Mark(")" | "]")) => {
                    self.index += 1;
                    break;
                }
                Some(HocToken::Mark(",")) => {
                    self.index += 1;
                    values.push(self.parse_or());
                }
                // an assignment or a range has no known value
                Some(_) => {
                    self.index += 1;
                    self.parse_sum();
                    values.pop();
                    values.push(None);
                }
            }
        }
        self.depth -= 1;
        values
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokenize;
    use super::*;

    fn value(text: &str) -> Option<f64> {
        let mut scope = Scope::default();
        [("a", 60.0), ("L", 100.0), ("$1", 40.0)].into_iter().for_each(|(name, v)| scope.set_value(name, Some(v)));
        scope.evaluate(&tokenize(text), 0).0
    }

    #[test]
    fn constants_are_computed_and_other_values_are_unknown() {
        for (text, expected) in [
            ("a/2", Some(30.0)),
            ("1 + 2*int(L/$1)", Some(5.0)),
            ("-(2 - 5)^2 * 2.", Some(-18.0)),
            ("int(-1.5)", Some(-1.0)),
            ("int(L/40./2)*2+1", Some(3.0)),
            ("b + 1", None),
            ("diams.x[2]", None),
            ("lambda_f(100)", None),
            ("new Vector(3)", None),
            ("(a < 3)", Some(0.0)),
            ("(a > 3 && L == 100)", Some(1.0)),
            ("!(a > 3) || b", None),
            ("exp(0) + sqrt(16)", Some(5.0)),
            ("2^3^2", Some(512.0)),
            ("7 % 3", Some(1.0)),
            ("-7 % 3", Some(2.0)),
            ("b && a < 3", Some(0.0)),
            ("b || a > 3", Some(1.0)),
            ("b && a > 3", None),
            ("a ? 3", None),
            ("\"text\"", None),
            ("", None),
            ("((((", None),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn an_expression_ends_where_the_next_statement_begins() {
        let tokens = tokenize("v(0.5) + x.y[2](3) L = 3");
        assert_eq!(tokens[Scope::default().evaluate(&tokens, 0).1].0, HocToken::Word("L"));
    }
}
