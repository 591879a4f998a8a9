//! The statements of a procedure: what each does to lengths, segments and axon.

use super::cell::{Cell, Kind, Made, Statement, Strange, Target};
use super::expression::Scope;
use super::lexer::{Placed, Token};
use super::procedure::{Procedure, Template};
use super::walk::Walk;

/// Where the walk goes after a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    Break,
    Continue,
    Return,
}

/// A way that left a loop or the procedure where that depends on something that is not known.
pub(super) struct Exit<'a> {
    pub flow: Flow,
    /// Where it left.
    pub at: Statement,
    pub scope: Scope<'a>,
    pub cell: Cell,
}

/// Statements that a procedure may run, loops counted: far more than any template does.
const MOST_STEPS: usize = 200_000;

/// A place in a procedure.
pub(super) struct Here<'w, 't, 'a> {
    pub(super) walk: &'w mut Walk,
    pub(super) template: &'t Template<'a>,
    procedure: &'t Procedure<'a>,
    pub(super) place: usize,
    pub(super) depth: usize,
    pub(super) scope: Scope<'a>,
    /// Of each block around this one the target.
    pub(super) outer: Vec<Option<Target>>,
    /// The target of this block.
    pub(super) block: Option<Target>,
    /// The target of this statement.
    pub(super) line: Option<Target>,
    /// The sections that the innermost loop over sections around goes over.
    pub(super) looped: Option<Target>,
    /// Whether such a loop did something to other sections than its own.
    pub(super) is_foreign: bool,
    pub(super) exits: Vec<Exit<'a>>,
    pub(super) flow: Flow,
    /// The place of the word that is being taken.
    now: usize,
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
            looped: None,
            is_foreign: false,
            exits: Vec::new(),
            flow: Flow::On,
            now: 0,
            steps: 0,
        }
    }

    /// Takes the procedure's statements one after the other; gives what its variables are afterwards.
    pub fn run(mut self) -> Scope<'a> {
        self.refuse_functions();
        self.run_range(0, self.procedure.body.len());
        self.settle(0, Flow::Return);
        self.scope
    }

    /// Takes the statements between two places.
    pub(super) fn run_range(&mut self, from: usize, to: usize) {
        let mut at = from;
        while let Some(&(token, _)) = self.procedure.body.get(at).filter(|_| at < to && self.flow == Flow::On) {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                self.set_strange(Strange::Sections);
                self.flow = Flow::Return;
            }
            at = match token {
                Token::Word(word) => {
                    self.now = at;
                    self.word(word, at + 1)
                }
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

    /// The statement at a place.
    pub(super) fn statement_at(&self, at: usize) -> Statement {
        let byte = self.body().get(at).map_or_else(|| self.procedure.start(), |placed| placed.1);
        Statement { procedure: self.place, byte }
    }

    /// The place of the word that is being taken.
    pub(super) fn now(&self) -> usize {
        self.now
    }

    /// The statement that is being taken.
    pub(super) fn statement(&self) -> Statement {
        self.statement_at(self.now)
    }

    pub(super) fn set_strange(&mut self, what: Strange) {
        let at = self.statement();
        self.walk.cell.set_strange(what, at);
    }

    /// Notes that all that is known of the number of segments is that it is another.
    pub(super) fn forget_chunk(&mut self) {
        let at = self.statement();
        self.walk.cell.chunk = Some((None, at));
    }

    /// The sections that the current statement is about.
    pub(super) fn target(&self) -> Option<Target> {
        self.line.or(self.block)
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

    /// Takes the statement that a word starts; gives the place after it.
    fn word(&mut self, word: &'a str, next: usize) -> usize {
        match word {
            "create" => self.create(next),
            "delete_section" => self.delete(next),
            "connect" | "local" | "localobj" | "strdef" | "objref" => self.end_of_line(next),
            "for" => self.for_loop(next),
            "if" => self.condition(next),
            "while" => self.while_loop(next),
            "ifsec" => self.if_section(next),
            "break" => self.leave(Flow::Break, next),
            "continue" => self.leave(Flow::Continue, next),
            "return" => self.leave(Flow::Return, next),
            "access" => self.access(next),
            "forall" => self.about_each(Target::Every, next),
            "forsec" => {
                let (name, end) = self.list(next);
                self.about_each(name.map_or(Target::Other, section_list), end)
            }
            "axon" | "myelin" | "soma" | "dend" | "apic" | "ais" | "node" => {
                let (target, end) = self.section(word, next);
                self.about(target, end)
            }
            // of a SectionRef
            "sec" | "child" | "parent" | "trueparent" | "root" if self.is_member() => {
                self.about(Target::Other, self.after_brackets(next))
            }
            "diam" if self.is_mark(next, "(") => self.diameter_at(next),
            _ if self.is_assignment(next) => self.assign(word, next).1,
            _ if self.is_mark(next, ".") && self.word_at(next + 1) == Some("x") && self.is_mark(next + 2, "[") => {
                self.assign_element(word, next + 2)
            }
            _ if self.is_mark(next, "(") => self.call(word, next),
            // a section of another name
            _ if word != "else" && self.is_section(word, next) => self.about(Target::Other, self.after_brackets(next)),
            _ => next,
        }
    }

    /// Whether a word stands for a section: a declared one, or any that has a block.
    fn is_section(&self, word: &str, next: usize) -> bool {
        let is_declared = !self.is_member() && self.template.declares(word);
        is_declared || self.is_mark(self.after_brackets(next), "{")
    }

    /// Whether the current word is a member of an object.
    pub(super) fn is_member(&self) -> bool {
        self.now > 0 && self.is_mark(self.now - 1, ".")
    }

    fn leave(&mut self, flow: Flow, next: usize) -> usize {
        self.flow = flow;
        next
    }

    fn about_each(&mut self, target: Target, next: usize) -> usize {
        let end = self.statement_end(next);
        self.section_loop(target, next, end);
        end
    }

    /// One statement about some sections.
    fn about(&mut self, target: Target, next: usize) -> usize {
        let next = if self.is_mark(next, ".") { next + 1 } else { next };
        let end = self.statement_end(next);
        let saved = (self.outer.len(), self.block, self.line);
        self.line = Some(target);
        self.run_range(next, end);
        self.outer.truncate(saved.0);
        (self.block, self.line) = (saved.1, saved.2);
        end
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
            false => (Some(0.0), next),
        };
        let target = match (name, index) {
            ("axon", Some(index)) => {
                let index = index as usize;
                self.needs_axon(index);
                Target::Axon(Some(index))
            }
            // one that is not known is none of the stubs
            ("axon", None) => Target::Axon(Some(usize::MAX)),
            ("myelin", _) => Target::Myelin,
            _ => Target::Other,
        };
        (target, end)
    }

    /// A piece of the original axon that is named before the axon is deleted has to be there.
    fn needs_axon(&mut self, index: usize) {
        let deletes = self.body().iter().any(|(token, _)| *token == Token::Word("delete_section"));
        let cell = &mut self.walk.cell;
        if cell.stubs.is_empty() && deletes {
            cell.refused_below = cell.refused_below.max(index.min(100) + 1);
        }
    }

    /// `create axon[2], myelin[1]`
    fn create(&mut self, mut at: usize) -> usize {
        while let Some(name) = self.word_at(at) {
            let (values, end) = match self.is_mark(at + 1, "[") {
                true => self.scope.arguments(self.body(), at + 1),
                false => (vec![Some(1.0)], at + 1),
            };
            let n = values.first().copied().flatten();
            match (name, n) {
                ("axon", Some(n)) if (0.0..100.0).contains(&n) => {
                    // what there was of this name goes
                    self.walk.cell.unsure_deletion = None;
                    self.walk.cell.stubs.extend((0..n as usize).map(|i| Made::new(Kind::Axon(i))));
                }
                ("myelin", Some(1.0)) => self.walk.cell.stubs.push(Made::new(Kind::Myelin)),
                _ => self.set_strange(Strange::Sections),
            }
            self.is_foreign |= self.looped.is_some();
            self.walk.cell.replaced_in.get_or_insert(self.place);
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
        match self.target() {
            Some(Target::Every) if !self.walk.cell.is_loaded && self.walk.cell.stubs.is_empty() => return next,
            Some(target @ Target::Axon(_)) if self.walk.cell.stubs.is_empty() => {
                self.is_foreign |= self.looped.is_some_and(|looped| looped != target);
            }
            _ => self.set_strange(Strange::Sections),
        }
        self.walk.cell.replaced_in.get_or_insert(self.place);
        next
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
