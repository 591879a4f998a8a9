//! The procedures of a template, found by their brackets.

use super::TemplateProblem;
use super::cell::{ASSIGNING, Statement, changes_cell};
use super::lexer::{Placed, Token, tokens};
use crate::error::{Error, listed};

/// A template's text in procedures.
#[derive(Debug)]
pub(super) struct Template<'a> {
    text: &'a str,
    procedures: Vec<Procedure<'a>>,
    /// Names that the template takes from outside.
    externals: Vec<&'a str>,
    /// Names of the sections that it declares.
    sections: Vec<&'a str>,
}

/// A procedure or function.
#[derive(Debug)]
pub(super) struct Procedure<'a> {
    pub name: &'a str,
    /// Whether it has a value, and so may be called in an expression.
    is_function: bool,
    /// What stands between its brackets.
    pub body: Vec<Placed<'a>>,
    /// The place of its first byte, and of the bracket that closes it.
    span: (usize, usize),
}

/// Lines of a procedure that a message shows, and characters of a line.
const SHOWN: (usize, usize) = (16, 100);

impl<'a> Template<'a> {
    /// Finds the template of a name in a text, and its procedures.
    pub fn of(text: &'a str, name: &str) -> Result<Self, Error> {
        let all = tokens(text);
        let own = between_template_marks(&all, name)?;
        let mut procedures = Vec::new();
        let (mut externals, mut sections) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some(&(token, from)) = own.get(at) {
            at += 1;
            match token {
                Token::Word("proc" | "func" | "obfunc") => {}
                Token::Word("external") => {
                    externals.extend(words_of_line(own, at));
                    continue;
                }
                Token::Word("create") => {
                    sections.extend(words_of_line(own, at));
                    continue;
                }
                _ => continue,
            }
            let is_function = token != Token::Word("proc");
            let Some(&(Token::Word(name), _)) = own.get(at) else { continue };
            let Some(open) = (at..own.len()).find(|&i| own[i].0 == Token::Mark("{")) else { continue };
            let Some(close) = closing(own, open) else {
                return Err(in_line(text, from, TemplateProblem::NotClosed("{")));
            };
            let body = own[open + 1..close].to_vec();
            procedures.push(Procedure { name, is_function, body, span: (from, own[close].1) });
            at = close + 1;
        }
        Ok(Self { text, procedures, externals, sections })
    }

    /// The place of a procedure: of several the last one stands.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.procedures.iter().rposition(|p| p.name == name)
    }

    /// The function of a name, which an expression may call.
    pub fn function(&self, name: &str) -> Option<&Procedure<'a>> {
        self.procedure(self.find(name)?).filter(|procedure| procedure.is_function)
    }

    /// Whether the template takes a name from outside.
    pub fn is_external(&self, name: &str) -> bool {
        self.externals.contains(&name)
    }

    /// Whether the template declares sections of a name.
    pub fn declares(&self, name: &str) -> bool {
        self.sections.contains(&name)
    }

    /// Whether statements change the cell, or procedures that they call.
    pub fn may_change_cell(&self, body: &[Placed<'a>]) -> bool {
        changes_cell(body) || self.called(body).iter().any(|&place| changes_cell(&self.procedures[place].body))
    }

    /// The variables and vectors that statements give values, or procedures that they call.
    pub fn assigned(&self, body: &[Placed<'a>]) -> Vec<&'a str> {
        let mut names = assigned(body);
        for place in self.called(body) {
            names.extend(assigned(&self.procedures[place].body));
        }
        names
    }

    /// The template's own procedures that statements call, and those that these call.
    fn called(&self, body: &[Placed<'a>]) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let mut bodies = vec![body];
        while let Some(body) = bodies.pop() {
            for call in body.windows(2) {
                let [(Token::Word(name), _), (Token::Mark("("), _)] = call else { continue };
                let Some(place) = self.find(name).filter(|place| !found.contains(place)) else { continue };
                found.push(place);
                bodies.push(&self.procedures[place].body);
            }
        }
        found
    }

    /// The procedure at a place.
    pub fn procedure(&self, place: usize) -> Option<&Procedure<'a>> {
        self.procedures.get(place)
    }

    /// The names of all procedures, for a message.
    pub fn names(&self) -> String {
        listed(self.procedures.iter().map(|p| p.name), 8)
    }

    /// The line of a statement, and its number, from 1.
    pub fn line(&self, at: Statement) -> (u64, String) {
        let before = self.text.get(..at.byte).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        (before.matches('\n').count() as u64 + 1, line.trim().chars().take(SHOWN.1).collect())
    }

    /// A problem of a procedure, with its line, its first lines, and the statement's.
    pub fn error(&self, place: usize, at: Option<Statement>, problem: impl FnOnce(String) -> TemplateProblem) -> Error {
        let Some(procedure) = self.procedure(place) else { return problem("nothing".into()).into() };
        let (from, to) = procedure.span;
        let text = self.text.get(from..=to).unwrap_or_default();
        let (most_lines, most_characters) = SHOWN;
        let line = |line: &str| format!("    {}", line.trim_end().chars().take(most_characters).collect::<String>());
        let mut lines: Vec<String> = text.lines().take(most_lines).map(line).collect();
        match text.lines().count() {
            all if all > most_lines => lines.push(format!("    ... ({} more lines)", all - most_lines)),
            _ => {}
        }
        if let Some((number, line)) = at.map(|at| self.line(at)) {
            lines.push(format!("    line {number}: `{line}`"));
        }
        in_line(self.text, from, problem(lines.join("\n")))
    }
}

impl<'a> Procedure<'a> {
    /// The place of its first byte.
    pub fn start(&self) -> usize {
        self.span.0
    }

    /// The names that are its own: those after `local` and `localobj`.
    pub fn locals(&self) -> impl Iterator<Item = &'a str> {
        let starts = |(_, (token, _)): &(usize, &Placed<'a>)| matches!(token, Token::Word("local" | "localobj"));
        let declared = self.body.iter().enumerate().filter(starts);
        declared.flat_map(|(at, _)| words_of_list(&self.body, at + 1))
    }
}

/// The names of a list with commas.
fn words_of_list<'a>(tokens: &[Placed<'a>], mut at: usize) -> Vec<&'a str> {
    let mut names = Vec::new();
    while let Some((Token::Word(name), _)) = tokens.get(at) {
        names.push(*name);
        if !matches!(tokens.get(at + 1), Some((Token::Mark(","), _))) {
            break;
        }
        at += 2;
    }
    names
}

/// The words up to a line's end.
fn words_of_line<'a>(tokens: &[Placed<'a>], at: usize) -> Vec<&'a str> {
    let line = tokens.iter().skip(at).take_while(|(token, _)| *token != Token::Mark("\n"));
    line.filter_map(|(token, _)| if let Token::Word(word) = token { Some(*word) } else { None }).collect()
}

/// The names of variables and vectors that stand before a mark that gives them a value.
fn assigned<'a>(body: &[Placed<'a>]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for (at, (token, _)) in body.iter().enumerate() {
        let Token::Word(name) = token else { continue };
        match body.get(at + 1..) {
            Some([(Token::Mark(mark), _), ..]) if ASSIGNING.contains(mark) => names.push(*name),
            Some([(Token::Mark("."), _), (Token::Word("x"), _), (Token::Mark("["), _), ..]) => names.push(*name),
            // the variable of a loop over numbers, or over segments
            Some([(Token::Word(variable), _), ..]) if *name == "for" => names.push(*variable),
            Some([(Token::Mark("("), _), (Token::Word(variable), _), ..]) if *name == "for" => names.push(*variable),
            // by its address, or by a method
            _ if at > 0 && body[at - 1].0 == Token::Mark("&") => names.push(*name),
            _ => {}
        }
    }
    names
}

fn in_line(text: &str, at: usize, problem: TemplateProblem) -> Error {
    let before = text.get(..at).unwrap_or_default();
    Error::from(problem).at("line", before.matches('\n').count() as u64 + 1)
}

/// The tokens from `begintemplate NAME` to `endtemplate`.
fn between_template_marks<'t, 'a>(all: &'t [Placed<'a>], name: &str) -> Result<&'t [Placed<'a>], TemplateProblem> {
    let begins = |i: &usize| all[*i].0 == Token::Word("begintemplate");
    let name_at = |i: usize| match all.get(i + 1) {
        Some((Token::Word(word), _)) => *word,
        _ => "",
    };
    let Some(begin) = (0..all.len()).filter(begins).find(|&i| name_at(i) == name) else {
        let found = listed((0..all.len()).filter(begins).map(|i| format!("begintemplate {}", name_at(i))), 4);
        return Err(TemplateProblem::NoTemplate { expected: name.into(), found });
    };
    let rest = &all[begin..];
    let end = rest.iter().position(|(token, _)| *token == Token::Word("endtemplate"));
    Ok(&rest[..end.unwrap_or(rest.len())])
}

/// The place of the bracket that closes the one at a place.
pub(super) fn closing(tokens: &[Placed<'_>], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (i, (token, _)) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Mark("{" | "(" | "[") => depth += 1,
            Token::Mark("}" | ")" | "]") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(i);
        }
    }
    None
}
