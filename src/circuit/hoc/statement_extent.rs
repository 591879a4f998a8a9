//! Extent of statements: a block ends with its bracket, other statements after their last word, even within a line.

use super::cell_state::ASSIGNMENT_MARKS;
use super::lexer::{HocToken, closing_bracket};
use super::statement::Evaluator;

impl<'a> Evaluator<'_, '_, 'a> {
    /// Returns the index at which the line ends, or a block begins or ends.
    pub(super) fn end_of_line(&self, at: usize) -> usize {
        let rest = self.body().iter().skip(at);
        at + rest.take_while(|(token, _)| !matches!(token, HocToken::Mark("\n" | "{" | "}"))).count()
    }

    /// Returns the index after any ends of lines.
    pub(super) fn skip_newlines(&self, at: usize) -> usize {
        (at..).find(|&i| !self.is_mark(i, "\n")).unwrap_or(at)
    }

    /// Returns the index after the bracket that opens at `at` and its contents; `at` if no bracket opens there.
    pub(super) fn after_bracket(&self, at: usize) -> usize {
        match ["(", "[", "{"].iter().any(|mark| self.is_mark(at, mark)) {
            true => closing_bracket(self.body(), at).map_or(self.body().len(), |close| close + 1),
            false => at,
        }
    }

    /// Returns the index after any indices and arguments.
    pub(super) fn after_brackets(&self, mut at: usize) -> usize {
        while self.is_mark(at, "[") || self.is_mark(at, "(") {
            at = self.after_bracket(at);
        }
        at
    }

    pub(super) fn is_assignment(&self, at: usize) -> bool {
        ASSIGNMENT_MARKS.iter().any(|mark| self.is_mark(at, mark))
    }

    /// Parses a list of sections; returns the last word of its name (`None` for a pattern) and the index after it.
    pub(super) fn parse_section_list(&self, at: usize) -> (Option<&'a str>, usize) {
        let Some(mut name) = self.word_at(at) else {
            return (None, at + usize::from(matches!(self.body().get(at), Some((HocToken::Text(_), _)))));
        };
        let mut end = self.after_brackets(at + 1);
        while let (true, Some(member)) = (self.is_mark(end, "."), self.word_at(end + 1)) {
            (name, end) = (member, self.after_brackets(end + 2));
        }
        (Some(name), end)
    }

    /// Returns the index after the statement or block that starts at a token, including what depends on a condition or
    /// loop.
    pub(super) fn statement_end(&self, at: usize) -> usize {
        let first = self.skip_newlines(at);
        // a block may begin on the next line
        let at = if self.is_mark(first, "{") { first } else { at };
        match self.body().get(at) {
            None | Some((HocToken::Mark("\n" | "}"), _)) => at,
            Some((HocToken::Mark("{"), _)) => self.after_bracket(at),
            Some((HocToken::Word(word), _)) => self.end_of_word_statement(word, at + 1),
            Some(_) => self.end_of_line(at),
        }
    }

    /// Returns the index after the statement that a word starts.
    fn end_of_word_statement(&self, word: &str, next: usize) -> usize {
        match word {
            "if" => {
                let end = self.statement_end(self.after_bracket(next));
                let other = self.skip_newlines(end);
                if self.word_at(other) == Some("else") { self.statement_end(other + 1) } else { end }
            }
            "while" => self.statement_end(self.after_bracket(next)),
            "for" if self.is_mark(next, "(") => self.statement_end(self.after_bracket(next)),
            "for" if self.is_mark(next + 1, "=") => {
                let comma = self.scope.evaluate(self.body(), next + 2).1;
                let end = self.scope.evaluate(self.body(), comma + 1).1;
                self.statement_end(end)
            }
            "for" => self.statement_end(self.after_brackets(next + 1)),
            "forall" => self.statement_end(next),
            "forsec" | "ifsec" => self.statement_end(self.parse_section_list(next).1),
            "axon" | "myelin" | "soma" | "dend" | "apic" | "ais" | "node" => {
                let end = self.after_brackets(next);
                self.statement_end(if self.is_mark(end, ".") { end + 1 } else { end })
            }
            "create" | "connect" | "local" | "localobj" | "strdef" | "objref" | "print" => self.end_of_line(next),
            "break" | "continue" => next,
            "insert" | "uninsert" | "access" => self.after_brackets(next + 1),
            _ => self.end_of_simple_statement(next),
        }
    }

    /// Returns the index after an assignment or a call; `at` is the index after the first word.
    fn end_of_simple_statement(&self, mut at: usize) -> usize {
        loop {
            at = self.after_brackets(at);
            match (self.is_mark(at, "."), self.body().get(at + 1)) {
                (true, Some((HocToken::Word(_), _))) => at += 2,
                _ => break,
            }
        }
        // a section with a name that is not built in
        if self.is_mark(at, "{") {
            return self.after_bracket(at);
        }
        while self.is_assignment(at) {
            at = self.scope.evaluate(self.body(), at + 1).1;
            if self.is_mark(at, ":") {
                at = self.scope.evaluate(self.body(), at + 1).1;
            }
        }
        at
    }
}
