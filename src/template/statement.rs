//! The statements of a procedure: what each does to lengths, segments and axon.

use super::expression::Scope;
use super::lexer::{Placed, Token};
use super::procedure::{Procedure, Template, closing};
use super::walk::{Kind, Made, Property, Target, Walk};

/// Where the walk goes after a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    Break,
    Continue,
    Return,
}

/// Statements that a procedure may run, loops counted: far more than any template does.
const MOST_STEPS: usize = 200_000;

/// A place in a procedure.
pub(super) struct Here<'w, 't, 'a> {
    pub(super) walk: &'w mut Walk,
    template: &'t Template<'a>,
    procedure: &'t Procedure<'a>,
    pub(super) place: usize,
    depth: usize,
    pub(super) scope: Scope<'a>,
    /// Of each block around this one the target, and whether the block within it may run any number of times.
    pub(super) outer: Vec<(Option<Target>, bool)>,
    /// The target of this block.
    pub(super) block: Option<Target>,
    /// The target of this line.
    pub(super) line: Option<Target>,
    /// Whether this line is run for each of some sections.
    pub(super) line_repeats: bool,
    /// How many of the blocks around may not run, or more than once.
    pub(super) uncertain: usize,
    pub(super) flow: Flow,
    steps: usize,
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
            line_repeats: false,
            uncertain: 0,
            flow: Flow::On,
            steps: 0,
        }
    }

    /// Takes the procedure's statements one after the other.
    pub fn run(mut self) {
        self.run_range(0, self.procedure.body.len());
    }

    /// Takes the statements between two places.
    pub(super) fn run_range(&mut self, from: usize, to: usize) {
        let mut at = from;
        while let Some(&(token, _)) = self.procedure.body.get(at).filter(|_| at < to && self.flow == Flow::On) {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                self.walk.is_strange = true;
                self.flow = Flow::Return;
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

    pub(super) fn body(&self) -> &'t [Placed<'a>] {
        &self.procedure.body
    }

    pub(super) fn is_mark(&self, at: usize, mark: &str) -> bool {
        matches!(self.body().get(at), Some((Token::Mark(found), _)) if *found == mark)
    }

    pub(super) fn word_at(&self, at: usize) -> Option<&'a str> {
        match self.body().get(at) {
            Some((Token::Word(word), _)) => Some(word),
            _ => None,
        }
    }

    fn mark(&mut self, mark: &str) {
        match mark {
            "\n" => (self.line, self.line_repeats) = (None, false),
            "{" => {
                self.outer.push((self.block, self.line_repeats));
                self.uncertain += usize::from(self.line_repeats);
                self.line_repeats = false;
                self.block = self.line.take().or(self.block);
            }
            "}" => {
                let (block, repeats) = self.outer.pop().unwrap_or_default();
                self.block = block;
                self.uncertain = self.uncertain.saturating_sub(usize::from(repeats));
                (self.line, self.line_repeats) = (None, false);
            }
            _ => {}
        }
    }

    /// Whether what stands here may not be run, or more than once.
    pub(super) fn is_uncertain(&self) -> bool {
        self.uncertain > 0 || self.line_repeats
    }

    /// The place where a line ends, or a block begins or ends.
    fn end_of_line(&self, at: usize) -> usize {
        let rest = self.body().iter().skip(at);
        at + rest.take_while(|(token, _)| !matches!(token, Token::Mark("\n" | "{" | "}"))).count()
    }

    /// The place behind ends of lines.
    pub(super) fn after_lines(&self, at: usize) -> usize {
        (at..).find(|&i| !self.is_mark(i, "\n")).unwrap_or(at)
    }

    /// The place after the statement, or block, that starts at a token; of a condition after what depends on it.
    pub(super) fn statement_end(&self, at: usize) -> usize {
        let first = self.after_lines(at);
        // a block may begin in a line of its own
        let mut at = if self.is_mark(first, "{") { first } else { at };
        loop {
            match self.body().get(at) {
                None | Some((Token::Mark("\n" | "}"), _)) => return at,
                Some((Token::Mark("{"), _)) => {
                    return closing(self.body(), at).map_or(self.body().len(), |close| close + 1);
                }
                Some((Token::Mark("("), _)) => {
                    at = closing(self.body(), at).map_or(self.body().len(), |close| close + 1)
                }
                Some((Token::Word("if"), _)) => {
                    let head = closing(self.body(), at + 1).map_or(at + 1, |close| close + 1);
                    let end = self.statement_end(head);
                    let other = self.after_lines(end);
                    return if self.word_at(other) == Some("else") { self.statement_end(other + 1) } else { end };
                }
                Some(_) => at += 1,
            }
        }
    }

    /// Takes the statement that a word starts; gives the place after it.
    fn word(&mut self, word: &'a str, next: usize) -> usize {
        match word {
            "create" => self.create(next),
            "delete_section" => self.delete(next),
            "connect" => self.end_of_line(next),
            "for" => self.for_loop(next),
            "if" => self.condition(next, false),
            "while" => self.condition(next, true),
            "break" | "continue" | "return" => self.leave(word, next),
            "access" => self.access(next),
            "forall" => self.about_each(Target::Every, next),
            "forsec" => {
                // `this.all`, `CellRef.all`
                let list = if self.is_mark(next + 1, ".") { next + 2 } else { next };
                let target = self.word_at(list).map_or(Target::Other, section_list);
                self.about_each(target, list + 1)
            }
            "axon" | "myelin" | "soma" | "dend" | "apic" | "ais" | "node" => {
                let (target, end) = self.section(word, next);
                self.about(target, end)
            }
            "diam" if self.is_mark(next, "(") => self.diameter_at(next),
            _ if self.is_mark(next, "=") => self.assign(word, next + 1).1,
            _ if ["+=", "-=", "*=", "/="].iter().any(|mark| self.is_mark(next, mark)) => self.change(word, next),
            _ if self.is_mark(next, ".") && self.word_at(next + 1) == Some("x") && self.is_mark(next + 2, "[") => {
                self.assign_element(word, next + 2)
            }
            _ if self.is_mark(next, "(") => self.call(word, next),
            _ => next,
        }
    }

    fn leave(&mut self, word: &str, next: usize) -> usize {
        if !self.is_uncertain() {
            self.flow = match word {
                "break" => Flow::Break,
                "continue" => Flow::Continue,
                _ => Flow::Return,
            };
        }
        next
    }

    fn about_each(&mut self, target: Target, next: usize) -> usize {
        self.line_repeats = true;
        self.about(target, next)
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
    fn section(&mut self, name: &str, next: usize) -> (Target, usize) {
        let (index, end) = match self.is_mark(next, "[") {
            true => {
                let (values, end) = self.scope.arguments(self.body(), next);
                (values.first().copied().flatten(), end)
            }
            false => (None, next),
        };
        let target = match name {
            "axon" => {
                let index = index.map(|i| i as usize);
                self.needs_axon(index);
                Target::Axon(index)
            }
            "myelin" => Target::Myelin,
            _ => Target::Other,
        };
        (target, end)
    }

    /// A piece of the original axon that is named before the axon is deleted has to be there.
    fn needs_axon(&mut self, index: Option<usize>) {
        if let (Some(index), true, false) = (index, self.walk.stubs.is_empty(), self.place_keeps_axon()) {
            self.walk.refused_below = self.walk.refused_below.max(index.min(100) + 1);
        }
    }

    /// `create axon[2], myelin[1]`
    fn create(&mut self, mut at: usize) -> usize {
        while let Some(name) = self.word_at(at) {
            let (values, end) = match self.is_mark(at + 1, "[") {
                true => self.scope.arguments(self.body(), at + 1),
                false => (vec![Some(1.0)], at + 2),
            };
            let made = |kind| Made { kind, length: Property::Default, segments: Property::Default, diameters: None };
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
