//! Follows `init` through the procedures that it calls and notes what becomes of segments and axon.
//!
//! Not an interpreter: conditions are taken as met and loops as run once. What decides is written plainly in all forms
//! that are known, and whatever else is done to lengths, segments or axon makes the form an unknown one.

use super::TemplateProblem;
use super::chunk::chunk_of;
use super::expression::Scope;
use super::form::AxonForm;
use super::lexer::{Placed, Token};
use super::procedure::{Procedure, Template, closing};
use crate::error::Result;

/// What `init` does.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The chunk length where all sections get their segments, none where another formula gives them; and where.
    chunk: Option<(Option<f64>, usize)>,
    /// The procedure in which the axon is deleted or made anew.
    replaced_in: Option<usize>,
    /// The sections in its place.
    stubs: Vec<Made>,
    /// Whether something was done that no known form does.
    is_strange: bool,
    /// An axon of fewer sections is refused.
    refused_below: usize,
    /// Whether all sections, stubs too, were cut by the chunk after the stubs were made.
    cut_after: bool,
    /// Calls that were followed.
    calls: usize,
}

/// A section that a procedure creates.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Made {
    kind: Kind,
    length: Option<f64>,
    segments: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Axon(usize),
    Myelin,
}

/// The sections that a statement is about.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Target {
    /// All of the cell.
    Every,
    /// A piece of the axon; none for each of them.
    Axon(Option<usize>),
    Myelin,
    Other,
}

/// Calls that are followed into each other, and in all.
const MOST_CALLS: (usize, usize) = (16, 1000);

impl Walk {
    /// Starts with `init`.
    ///
    /// # Errors
    /// There is none.
    pub fn from_init(template: &Template<'_>) -> Result<Self> {
        let Some(init) = template.find("init") else {
            return Err(TemplateProblem::NoInit(template.names()).into());
        };
        let mut walk = Self::default();
        walk.follow(template, init, &[], 0);
        Ok(walk)
    }

    /// The chunk length, um.
    pub fn chunk(&self, template: &Template<'_>) -> Result<f64> {
        match self.chunk {
            Some((Some(chunk), _)) => Ok(chunk),
            Some((None, place)) => Err(template.error(place, TemplateProblem::Chunk)),
            None => Err(template.error(template.find("init").unwrap_or_default(), TemplateProblem::Chunk)),
        }
    }

    /// What becomes of the axon, and how many sections it must have.
    pub fn axon(&self, template: &Template<'_>, chunk_um: f64) -> Result<(AxonForm, usize)> {
        let Some(place) = self.replaced_in else { return Ok((AxonForm::Keep, 0)) };
        let found = self.form(chunk_um, reads_diameters(template, place));
        let form = found.ok_or_else(|| template.error(place, TemplateProblem::Axon))?;
        Ok((form, self.refused_below.max(2)))
    }

    fn form(&self, chunk_um: f64, reads_diameters: bool) -> Option<AxonForm> {
        let cut = |length: f64| Some(1.0 + 2.0 * (length / chunk_um).trunc());
        let measure = |made: &Made| {
            let segments = if self.cut_after { made.length.and_then(cut) } else { made.segments };
            Some((made.kind, made.length?, segments?))
        };
        let made: Vec<_> = self.stubs.iter().map(measure).collect::<Option<_>>()?;
        let kinds = [Kind::Axon(0), Kind::Axon(1), Kind::Myelin];
        let is = |form: &AxonForm| {
            let stubs = form.stubs().iter().zip(kinds).map(|(s, kind)| (kind, s.length_um, f64::from(s.segments)));
            form.replaces() && stubs.eq(made.iter().copied())
        };
        let form = AxonForm::ALL.into_iter().find(is).filter(|_| !self.is_strange)?;
        Some(if form == AxonForm::BluePyOpt && !reads_diameters { AxonForm::Delete } else { form })
    }

    fn follow(&mut self, template: &Template<'_>, place: usize, arguments: &[Option<f64>], depth: usize) {
        const NAMES: [&str; 9] = ["$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9"];
        self.calls += 1;
        let may_follow = depth < MOST_CALLS.0 && self.calls < MOST_CALLS.1;
        let Some(procedure) = template.procedure(place).filter(|_| may_follow) else { return };
        let mut scope = Scope::default();
        NAMES.iter().zip(arguments).for_each(|(name, &value)| scope.set(name, value));
        let here =
            Here { walk: self, template, procedure, place, depth, scope, outer: Vec::new(), block: None, line: None };
        here.run();
    }

    /// Gives a property to stubs that were made; none where the target is none of them.
    fn stubs_of(&mut self, target: Target) -> impl Iterator<Item = &mut Made> {
        self.stubs.iter_mut().filter(move |made| match (target, made.kind) {
            (Target::Every, _) | (Target::Axon(None), Kind::Axon(_)) | (Target::Myelin, Kind::Myelin) => true,
            (Target::Axon(Some(i)), Kind::Axon(j)) => i == j,
            _ => false,
        })
    }
}

/// Whether a procedure reads or sets single diameters, as those do that take them from the original axon.
fn reads_diameters(template: &Template<'_>, place: usize) -> bool {
    let Some(procedure) = template.procedure(place) else { return false };
    let deleted = procedure.body.iter().position(|(token, _)| *token == Token::Word("delete_section"));
    let before = procedure.body.get(..deleted.unwrap_or(0)).unwrap_or_default();
    before.iter().any(|(token, _)| *token == Token::Word("diam"))
}

/// A place in a procedure.
struct Here<'w, 't, 'a> {
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
}

impl<'a> Here<'_, '_, 'a> {
    fn run(mut self) {
        let mut at = 0;
        while let Some(&(token, _)) = self.procedure.body.get(at) {
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
                let target = self.word_at(next).map_or(Target::Other, section_list);
                self.about(target, next + 1)
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
            let made = |kind| Made { kind, length: None, segments: Some(1.0) };
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

    fn delete(&mut self, next: usize) -> usize {
        match self.line.or(self.block) {
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

    /// Passes over a condition. `nSec < 3` before a block that raises an error tells what is refused.
    fn condition(&mut self, next: usize) -> usize {
        let Some(close) = closing(self.body(), next).filter(|_| self.is_mark(next, "(")) else { return next };
        if let [(Token::Word(_), _), (Token::Mark("<"), _), (Token::Number(least), _)] = self.body()[next + 1..close]
            && self.refuses(close + 1)
        {
            self.walk.refused_below = self.walk.refused_below.max(least as usize);
        }
        close + 1
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
            Some(length) => self.scope.with("L", length),
            None => self.scope.with("L", None),
        };
        let (value, end) = scope.evaluate(self.body(), at);
        match (name, target) {
            ("L" | "nseg", Some(target)) => self.property(name, target, value, &scope, at),
            ("L" | "nseg", None) => self.walk.is_strange = true,
            _ => self.scope.set(name, value),
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
                    *property = value;
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
        let (arguments, end) = self.scope.arguments(self.body(), next);
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
