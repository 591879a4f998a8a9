//! The procedures of a template, found by their brackets.

use super::TemplateProblem;
use super::lexer::{Placed, Token, tokens};
use crate::error::{Error, listed};

/// A template's text in procedures.
#[derive(Debug)]
pub(super) struct Template<'a> {
    text: &'a str,
    procedures: Vec<Procedure<'a>>,
}

/// A procedure or function.
#[derive(Debug)]
pub(super) struct Procedure<'a> {
    pub name: &'a str,
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
        let mut at = 0;
        while let Some(&(token, from)) = own.get(at) {
            at += 1;
            if !matches!(token, Token::Word("proc" | "func" | "obfunc")) {
                continue;
            }
            let Some(&(Token::Word(name), _)) = own.get(at) else { continue };
            let Some(open) = (at..own.len()).find(|&i| own[i].0 == Token::Mark("{")) else { continue };
            let Some(close) = closing(own, open) else {
                return Err(in_line(text, from, TemplateProblem::NotClosed("{")));
            };
            procedures.push(Procedure { name, body: own[open + 1..close].to_vec(), span: (from, own[close].1) });
            at = close + 1;
        }
        Ok(Self { text, procedures })
    }

    /// The place of a procedure.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.procedures.iter().position(|p| p.name == name)
    }

    /// The procedure at a place.
    pub fn procedure(&self, place: usize) -> Option<&Procedure<'a>> {
        self.procedures.get(place)
    }

    /// The names of all procedures, for a message.
    pub fn names(&self) -> String {
        listed(self.procedures.iter().map(|p| p.name), 8)
    }

    /// A problem of a procedure, with its line and its first lines.
    pub fn error(&self, place: usize, problem: impl FnOnce(String) -> TemplateProblem) -> Error {
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
        in_line(self.text, from, problem(lines.join("\n")))
    }
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
