//! The statements of a procedure: what each does to lengths, segments and axon.

use super::chunk::chunk_of;
use super::expression::{NUMBER_OF_ARGUMENTS, Scope};
use super::lexer::{Placed, Token};
use super::procedure::{Procedure, Template, closing};
use super::walk::{Kind, Made, Property, Target, Walk};

/// A place in a procedure.
pub(super) struct Here<'w, 't, 'a> {
    walk: &'w mut Walk,
    template: &'t Template<'a>,
    procedure: &'t Procedure<'a>,
    place: usize,
    depth: usize,
    scope: Scope<'a>,
    /// The targets of the blocks around this one.
    outer: Vec<Option<Target>>,
    /// The target of this block.
    block: Option<Target>,
    /// The target of this line.
    line: Option<Target>,
    /// Where a block starts that is not run, and the place after it.
    passed_over: Option<(usize, usize)>,
}

impl<'w, 't, 'a> Here<'w, 't, 'a> {
    /// Starts at the beginning of a procedure.
    pub fn new(
        walk: &'w mut Walk,
        template: &'t Template<'a>,
        procedure: &'t Procedure<'a>,
        place: usize,
        depth: usize,
        scope: Scope<'a>,
    ) -> Self {
        Self {
            walk,
            template,
            procedure,
            place,
            depth,
            scope,
            outer: Vec::new(),
            block: None,
            line: None,
            passed_over: None,
        }
    }

    /// Takes the procedure's statements one after the other.
    pub fn run(mut self) {
        let mut at = 0;
        while let Some(&(token, _)) = self.procedure.body.get(at) {
            if let Some((_, end)) = self.passed_over.take_if(|(start, _)| *start == at) {
                at = end;
                continue;
            }
            at = match token {
                Token::Word(word) => self.word(word, at + 1),
                Token::Mark(mark) => {
                    self.mark(mark);
                    at + 1
                }
                Token::Number(_) | Token::Text(_) => at + 1,
            };
        }
    }

    fn body(&self) -> &'_ [Placed<'a>] {
        &self.procedure.body
    }

    fn is_mark(&self, at: usize, mark: &str) -> bool {
        matches!(self.body().get(at), Some((Token::Mark(found), _)) if *found == mark)
    }

    fn word_at(&self, at: usize) -> Option<&'a str> {
        match self.body().get(at) {
            Some((Token::Word(word), _)) => Some(word),
            _ => None,
        }
    }

    fn mark(&mut self, mark: &str) {
        match mark {
            "\n" => self.line = None,
            "{" => {
                self.outer.push(self.block);
                self.block = self.line.take().or(self.block);
            }
            "}" => {
                self.block = self.outer.pop().flatten();
                self.line = None;
            }
            _ => {}
        }
    }

    /// The place where a line ends, or a block begins or ends.
    fn end_of_line(&self, at: usize) -> usize {
        let rest = self.body().iter().skip(at);
        at + rest.take_while(|(token, _)| !matches!(token, Token::Mark("\n" | "{" | "}"))).count()
    }

    /// Takes the statement that a word starts; gives the place after it.
    fn word(&mut self, word: &'a str, next: usize) -> usize {
        match word {
            "create" => self.create(next),
            "delete_section" => self.delete(next),
            "connect" => self.end_of_line(next),
            "for" => self.loop_head(next),
            "if" | "while" => self.condition(next),
            "access" => self.access(next),
            "forall" => self.about(Target::Every, next),
            "forsec" => {
                // `this.all`, `CellRef.all`
                let list = if self.is_mark(next + 1, ".") { next + 2 } else { next };
                let target = self.word_at(list).map_or(Target::Other, section_list);
                self.about(target, list + 1)
            }
            "axon" | "myelin" | "soma" | "dend" | "apic" | "ais" | "node" => {
                let (target, end) = self.section(word, next);
                self.about(target, end)
            }
            _ if self.is_mark(next, "=") => self.assign(word, next + 1),
            _ if ["+=", "-=", "*=", "/="].iter().any(|mark| self.is_mark(next, mark)) => {
                self.scope.set(word, None);
                self.scope.evaluate(self.body(), next + 1).1
            }
            _ if self.is_mark(next, "(") => self.call(word, next),
            _ => next,
        }
    }

    fn about(&mut self, target: Target, next: usize) -> usize {
        self.line = Some(target);
        next
    }

    fn access(&mut self, next: usize) -> usize {
        let Some(word) = self.word_at(next) else { return next };
        let (target, end) = self.section(word, next + 1);
        self.block = Some(target);
        end
    }

    /// The section that a name and perhaps an index stand for.
    fn section(&self, name: &str, next: usize) -> (Target, usize) {
        let (index, end) = match self.is_mark(next, "[") {
            true => {
                let (values, end) = self.scope.arguments(self.body(), next);
                (values.first().copied().flatten(), end)
            }
            false => (None, next),
        };
        let target = match name {
            "axon" => Target::Axon(index.map(|i| i as usize)),
            "myelin" => Target::Myelin,
            _ => Target::Other,
        };
        (target, end)
    }

    /// `create axon[2], myelin[1]`
    fn create(&mut self, mut at: usize) -> usize {
        while let Some(name) = self.word_at(at) {
            let (values, end) = match self.is_mark(at + 1, "[") {
                true => self.scope.arguments(self.body(), at + 1),
                false => (vec![Some(1.0)], at + 2),
            };
            let made = |kind| Made { kind, length: Property::Default, segments: Property::Default };
            let n = values.first().copied().flatten();
            match (name, n) {
                ("axon", Some(n)) if (0.0..100.0).contains(&n) => {
                    self.walk.stubs.extend((0..n as usize).map(|i| made(Kind::Axon(i))));
                }
                ("myelin", Some(1.0)) => self.walk.stubs.push(made(Kind::Myelin)),
                _ => self.walk.is_strange = true,
            }
            self.walk.replaced_in.get_or_insert(self.place);
            at = end;
            if !self.is_mark(at, ",") {
                break;
            }
            at += 1;
        }
        at
    }

    /// `forall delete_section()` empties the cell before anything is in it; else only the axon is deleted.
    fn delete(&mut self, next: usize) -> usize {
        match self.line.or(self.block) {
            Some(Target::Every) => return next,
            Some(Target::Axon(_)) if self.walk.stubs.is_empty() => {}
            _ => self.walk.is_strange = true,
        }
        self.walk.replaced_in.get_or_insert(self.place);
        next
    }

    /// `for i = 0, 1 {`, `for (x) {`, `for (i = 0; i < 2; i += 1) {`: the names in it are not known inside.
    fn loop_head(&mut self, next: usize) -> usize {
        let end = match self.is_mark(next, "(") {
            true => closing(self.body(), next).map_or(next, |close| close + 1),
            false => self.end_of_line(next),
        };
        for at in next..end {
            if let Some(name) = self.word_at(at) {
                self.scope.set(name, None);
            }
        }
        end
    }

    /// Passes over a condition. `nSec < 3` before a block that raises an error tells what is refused; after a condition on
    /// the number of arguments only the block that is run is taken.
    fn condition(&mut self, next: usize) -> usize {
        let Some(close) = closing(self.body(), next).filter(|_| self.is_mark(next, "(")) else { return next };
        if let [(Token::Word(_), _), (Token::Mark("<"), _), (Token::Number(least), _)] = self.body()[next + 1..close]
            && self.refuses(close + 1)
        {
            self.walk.refused_below = self.walk.refused_below.max(least as usize);
        }
        let Some(is_met) = self.is_met(next + 1) else { return close + 1 };
        let Some(end) = self.block_end(close + 1) else { return close + 1 };
        let other = (self.word_at(end) == Some("else")).then(|| self.block_end(end + 1)).flatten();
        match (is_met, other) {
            (true, Some(other)) => {
                self.passed_over = Some((end, other));
                close + 1
            }
            (true, None) => close + 1,
            (false, Some(_)) => end + 1,
            (false, None) => end,
        }
    }

    /// Whether a condition on the number of arguments, which starts at a token, is met; none where it is another.
    fn is_met(&self, at: usize) -> Option<bool> {
        self.word_at(at).filter(|word| *word == NUMBER_OF_ARGUMENTS)?;
        let (arguments, mark) = self.scope.evaluate(self.body(), at);
        let Some(&(Token::Mark(operator), _)) = self.body().get(mark) else { return None };
        let (least, _) = self.scope.evaluate(self.body(), mark + 1);
        let (arguments, other) = (arguments?, least?);
        match operator {
            "==" => Some(arguments == other),
            "!=" => Some(arguments != other),
            "<" => Some(arguments < other),
            ">" => Some(arguments > other),
            "<=" => Some(arguments <= other),
            ">=" => Some(arguments >= other),
            _ => None,
        }
    }

    /// The place after the block that starts at a token, and after the line's end.
    fn block_end(&self, at: usize) -> Option<usize> {
        let close = if self.is_mark(at, "{") { closing(self.body(), at)? } else { return None };
        Some((close + 1..).find(|&i| !self.is_mark(i, "\n")).unwrap_or(close + 1))
    }

    /// Whether a block, or a line, raises an error.
    fn refuses(&self, at: usize) -> bool {
        let end = if self.is_mark(at, "{") { closing(self.body(), at) } else { None };
        let end = end.unwrap_or_else(|| self.end_of_line(at));
        (at..end).filter_map(|i| self.word_at(i)).any(|word| matches!(word, "execerror" | "quit" | "stop"))
    }

    fn assign(&mut self, name: &'a str, at: usize) -> usize {
        let target = self.line.or(self.block);
        let scope = match target.and_then(|t| self.walk.stubs_of(t).next().map(|made| made.length)) {
            Some(length) => self.scope.with("L", length.known(None)),
            None => self.scope.with("L", None),
        };
        let (value, end) = scope.evaluate(self.body(), at);
        match (name, target) {
            ("L" | "nseg", Some(target)) => self.property(name, target, value, &scope, at),
            ("L" | "nseg", None) => self.walk.is_strange = true,
            _ if self.outer.is_empty() => self.scope.set(name, value),
            _ => self.scope.set_perhaps(name, value),
        }
        end
    }

    /// `L = ...` or `nseg = ...` in some sections.
    fn property(&mut self, name: &str, target: Target, value: Option<f64>, scope: &Scope<'a>, at: usize) {
        let is_length = name == "L";
        match target {
            Target::Every if !is_length => {
                self.walk.chunk = Some((chunk_of(scope, self.body(), at), self.place));
                self.walk.cut_after = !self.walk.stubs.is_empty();
            }
            // what is done to the original axon goes with it; where it stays, its segments are cut by a rule of their own
            Target::Axon(_) if self.walk.stubs.is_empty() && !is_length => {
                if self.place_keeps_axon() {
                    self.walk.chunk = Some((None, self.place));
                }
            }
            Target::Axon(_) | Target::Myelin => {
                let mut found = false;
                for made in self.walk.stubs_of(target) {
                    found = true;
                    let property = if is_length { &mut made.length } else { &mut made.segments };
                    property.set(value);
                }
                self.walk.is_strange |= !found;
            }
            Target::Other if !is_length => self.walk.chunk = Some((None, self.place)),
            Target::Every | Target::Other => self.walk.is_strange = true,
        }
    }

    /// Whether this procedure leaves the original axon where it is.
    fn place_keeps_axon(&self) -> bool {
        !self.body().iter().any(|(token, _)| *token == Token::Word("delete_section"))
    }

    /// Follows the call of one of the template's own procedures.
    fn call(&mut self, name: &str, next: usize) -> usize {
        let Some(place) = self.template.find(name) else { return next };
        let (mut arguments, end) = self.scope.arguments(self.body(), next);
        if self.is_mark(next + 1, ")") {
            arguments.clear();
        }
        self.walk.follow(self.template, place, &arguments, self.depth + 1);
        end
    }
}

/// The sections of a list's name.
fn section_list(name: &str) -> Target {
    match name {
        "all" => Target::Every,
        "axonal" => Target::Axon(None),
        "myelinated" => Target::Myelin,
        _ => Target::Other,
    }
}
