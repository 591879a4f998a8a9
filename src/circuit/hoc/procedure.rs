//! The procedures of a template, found by their brackets.

use super::TemplateProblem;
use super::cell_state::{ASSIGNMENT_MARKS, StatementPosition, changes_cell};
use super::lexer::{HocToken, PlacedToken, closing_bracket, tokenize};
use crate::error::{Error, join_quoted};

/// The text of a template, split into procedures.
#[derive(Debug)]
pub(super) struct HocTemplate<'a> {
    text: &'a str,
    procedures: Vec<Procedure<'a>>,
    /// Names that the template declares as external.
    externals: Vec<&'a str>,
    /// Names of the sections that the template declares.
    sections: Vec<&'a str>,
}

/// A procedure or function.
#[derive(Debug)]
pub(super) struct Procedure<'a> {
    pub name: &'a str,
    /// Whether it returns a value, and so may be called in an expression.
    is_function: bool,
    /// The tokens between its brackets.
    pub body: Vec<PlacedToken<'a>>,
    /// Byte offsets of its first byte and of its closing bracket.
    byte_span: (usize, usize),
}

/// Maximum number of lines of a procedure in a message.
const MAX_SHOWN_LINES: usize = 16;

/// Maximum number of characters of a line in a message.
const MAX_SHOWN_CHARACTERS: usize = 100;

impl<'a> HocTemplate<'a> {
    /// Finds the template with a name in a text, and parses its procedures.
    pub fn parse(text: &'a str, name: &str) -> Result<Self, Error> {
        let all = tokenize(text);
        let tokens = between_template_marks(&all, name)?;
        let mut procedures = Vec::new();
        let (mut externals, mut sections) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some(&(token, from)) = tokens.get(at) {
            at += 1;
            match token {
                HocToken::Word("proc" | "func" | "obfunc") => {}
                HocToken::Word("external") => {
                    externals.extend(words_of_line(tokens, at));
                    continue;
                }
                HocToken::Word("create") => {
                    sections.extend(words_of_line(tokens, at));
                    continue;
                }
                _ => continue,
            }
            let is_function = token != HocToken::Word("proc");
            let Some(&(HocToken::Word(name), _)) = tokens.get(at) else { continue };
            let Some(open) = (at..tokens.len()).find(|&i| tokens[i].0 == HocToken::Mark("{")) else { continue };
            let Some(close) = closing_bracket(tokens, open) else {
                return Err(error_in_line(text, from, TemplateProblem::NotClosed("{")));
            };
            let body = tokens[open + 1..close].to_vec();
            procedures.push(Procedure { name, is_function, body, byte_span: (from, tokens[close].1) });
            at = close + 1;
        }
        Ok(Self { text, procedures, externals, sections })
    }

    /// Returns the index of a procedure; of several with the same name the last one counts.
    pub fn find_procedure(&self, name: &str) -> Option<usize> {
        self.procedures.iter().rposition(|p| p.name == name)
    }

    /// Returns the function with a name, which an expression may call.
    pub fn find_function(&self, name: &str) -> Option<&Procedure<'a>> {
        self.procedure(self.find_procedure(name)?).filter(|procedure| procedure.is_function)
    }

    /// Returns whether the template declares a name as external.
    pub fn is_external(&self, name: &str) -> bool {
        self.externals.contains(&name)
    }

    /// Returns whether the template declares sections with a name.
    pub fn declares_section(&self, name: &str) -> bool {
        self.sections.contains(&name)
    }

    /// Returns whether statements, or the procedures that they call, change the cell.
    pub fn may_change_cell(&self, body: &[PlacedToken<'a>]) -> bool {
        changes_cell(body)
            || self.called_procedures(body).iter().any(|&place| changes_cell(&self.procedures[place].body))
    }

    /// Returns the variables and vectors that statements, or the procedures that they call, assign.
    pub fn assigned_names(&self, body: &[PlacedToken<'a>]) -> Vec<&'a str> {
        let mut names = assigned_names(body);
        for place in self.called_procedures(body) {
            names.extend(assigned_names(&self.procedures[place].body));
        }
        names
    }

    /// Returns the template's procedures that statements call, directly or indirectly.
    fn called_procedures(&self, body: &[PlacedToken<'a>]) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let mut bodies = vec![body];
        while let Some(body) = bodies.pop() {
            for call in body.windows(2) {
                let [(HocToken::Word(name), _), (HocToken::Mark("("), _)] = call else { continue };
                let Some(place) = self.find_procedure(name).filter(|place| !found.contains(place)) else { continue };
                found.push(place);
                bodies.push(&self.procedures[place].body);
            }
        }
        found
    }

    /// Returns the procedure at an index.
    pub fn procedure(&self, place: usize) -> Option<&Procedure<'a>> {
        self.procedures.get(place)
    }

    /// Returns the names of all procedures, for a message.
    pub fn procedure_names(&self) -> String {
        join_quoted(self.procedures.iter().map(|p| p.name), 8)
    }

    /// Returns the number, from 1, and the text of a statement's line.
    pub fn line_at(&self, at: StatementPosition) -> (u64, String) {
        let before = self.text.get(..at.byte_offset).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        (before.matches('\n').count() as u64 + 1, line.trim().chars().take(MAX_SHOWN_CHARACTERS).collect())
    }

    /// Returns an error that shows the first lines of a procedure and the line of the statement.
    pub fn procedure_error(
        &self,
        place: usize,
        at: Option<StatementPosition>,
        problem: impl FnOnce(String) -> TemplateProblem,
    ) -> Error {
        let Some(procedure) = self.procedure(place) else { return problem("nothing".into()).into() };
        let (from, to) = procedure.byte_span;
        let text = self.text.get(from..=to).unwrap_or_default();
        let line =
            |line: &str| format!("    {}", line.trim_end().chars().take(MAX_SHOWN_CHARACTERS).collect::<String>());
        let mut lines: Vec<String> = text.lines().take(MAX_SHOWN_LINES).map(line).collect();
        match text.lines().count() {
            all if all > MAX_SHOWN_LINES => lines.push(format!("    ... ({} more lines)", all - MAX_SHOWN_LINES)),
            _ => {}
        }
        if let Some((number, line)) = at.map(|at| self.line_at(at)) {
            lines.push(format!("    line {number}: `{line}`"));
        }
        error_in_line(self.text, from, problem(lines.join("\n")))
    }
}

impl<'a> Procedure<'a> {
    /// Returns the byte offset of the procedure's start.
    pub fn start_byte(&self) -> usize {
        self.byte_span.0
    }

    /// Returns the names that the procedure declares with `local` and `localobj`.
    pub fn local_names(&self) -> impl Iterator<Item = &'a str> {
        let starts =
            |(_, (token, _)): &(usize, &PlacedToken<'a>)| matches!(token, HocToken::Word("local" | "localobj"));
        let declared = self.body.iter().enumerate().filter(starts);
        declared.flat_map(|(at, _)| words_of_list(&self.body, at + 1))
    }
}

/// Returns the names of a comma-separated list.
fn words_of_list<'a>(tokens: &[PlacedToken<'a>], mut at: usize) -> Vec<&'a str> {
    let mut names = Vec::new();
    while let Some((HocToken::Word(name), _)) = tokens.get(at) {
        names.push(*name);
        if !matches!(tokens.get(at + 1), Some((HocToken::Mark(","), _))) {
            break;
        }
        at += 2;
    }
    names
}

/// Returns the words up to the end of the line.
fn words_of_line<'a>(tokens: &[PlacedToken<'a>], at: usize) -> Vec<&'a str> {
    let line = tokens.iter().skip(at).take_while(|(token, _)| *token != HocToken::Mark("\n"));
    line.filter_map(|(token, _)| if let HocToken::Word(word) = token { Some(*word) } else { None }).collect()
}

/// Returns the names of variables and vectors that the tokens assign directly.
fn assigned_names<'a>(body: &[PlacedToken<'a>]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for (at, (token, _)) in body.iter().enumerate() {
        let HocToken::Word(name) = token else { continue };
        match body.get(at + 1..) {
            Some([(HocToken::Mark(mark), _), ..]) if ASSIGNMENT_MARKS.contains(mark) => names.push(*name),
            Some([(HocToken::Mark("."), _), (HocToken::Word("x"), _), (HocToken::Mark("["), _), ..]) => {
                names.push(*name)
            }
            // the variable of a loop over numbers, or over segments
            Some([(HocToken::Word(variable), _), ..]) if *name == "for" => names.push(*variable),
            Some([(HocToken::Mark("("), _), (HocToken::Word(variable), _), ..]) if *name == "for" => {
                names.push(*variable)
            }
            // passed by address (`&name`), so the call may assign it
            _ if at > 0 && body[at - 1].0 == HocToken::Mark("&") => names.push(*name),
            _ => {}
        }
    }
    names
}

fn error_in_line(text: &str, at: usize, problem: TemplateProblem) -> Error {
    let before = text.get(..at).unwrap_or_default();
    Error::from(problem).at_index("line", before.matches('\n').count() as u64 + 1)
}

/// Returns the tokens from `begintemplate NAME` to `endtemplate`.
fn between_template_marks<'t, 'a>(
    all: &'t [PlacedToken<'a>],
    name: &str,
) -> Result<&'t [PlacedToken<'a>], TemplateProblem> {
    let begins = |i: &usize| all[*i].0 == HocToken::Word("begintemplate");
    let name_at = |i: usize| match all.get(i + 1) {
        Some((HocToken::Word(word), _)) => *word,
        _ => "",
    };
    let Some(begin) = (0..all.len()).filter(begins).find(|&i| name_at(i) == name) else {
        let found = join_quoted((0..all.len()).filter(begins).map(|i| format!("begintemplate {}", name_at(i))), 4);
        return Err(TemplateProblem::NoTemplate { expected: name.into(), found });
    };
    let rest = &all[begin..];
    let end = rest.iter().position(|(token, _)| *token == HocToken::Word("endtemplate"));
    Ok(&rest[..end.unwrap_or(rest.len())])
}
