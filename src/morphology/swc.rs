//! SWC: one sample a line, `id type x y z radius parent`.
//!
//! Samples come in any order; `#` starts a comment; columns after the seventh are ignored. Types are 1 soma, 2 axon,
//! 3 basal, 4 apical. Cannon et al. 1998, J Neurosci Methods 84:49, <https://doi.org/10.1016/S0165-0270(98)00091-0>.
//!
//! Sections are cut as MorphIO 3 cuts them (with its `ALLOW_UNIFURCATED_SECTION_CHANGE`): a section ends where the
//! neurite branches or changes its type, and its child starts with a copy of its last sample; a neurite at the soma
//! starts with its own first sample. A neurite of one sample without a parent is left out.

use super::{Fault, Morphology, Section, Soma, SomaForm, clipped, number};
use crate::error::{Context, Problem, Result};
use crate::segments::SectionType;

/// What can be wrong with an SWC file, apart from what can be wrong with any morphology.
#[derive(Debug, thiserror::Error)]
enum SwcProblem {
    #[error("too few columns, expected 7 (id, type, x, y, z, radius, parent), found {0}")]
    Columns(usize),
    #[error("wrong {what}, expected {expected}, found `{found}`")]
    Integer { what: &'static str, expected: &'static str, found: String },
    #[error("unknown section type, expected 1 (soma), 2 (axon), 3 (basal) or 4 (apical), found `{0}`")]
    Type(String),
    #[error("id is taken, expected each id once, found `{id}` in line {line} already")]
    Duplicate { id: u32, line: u64 },
    #[error("unknown parent, expected the id of a sample or -1, found `{0}`")]
    UnknownParent(u32),
    #[error("sample is its own ancestor, expected a tree, found a cycle through id `{0}`")]
    Cycle(u32),
    #[error("soma grows from a neurite, expected a soma sample or -1 as parent, found `{0}`")]
    SomaOnNeurite(u32),
    #[error("soma branches, expected at most 1 soma sample to follow id `{id}`, found {found}")]
    SomaBranches { id: u32, found: usize },
}

impl Problem for SwcProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Type(_) => Some("give the neurite one of these types, or remove its samples".into()),
            _ => None,
        }
    }
}

/// Parses the text of a file.
///
/// # Errors
/// A line is no sample, or the samples are no tree with at most one soma; the error names the line.
pub(super) fn parse(text: &str) -> Result<Morphology> {
    let tree = Tree::of(samples(text)?)?;
    Ok(Morphology::from_file_order(tree.soma()?, tree.sections()))
}

/// One line of the file.
#[derive(Debug, Clone, Copy)]
struct Sample {
    id: u32,
    kind: SectionType,
    point: [f32; 3],
    diameter: f32,
    parent: Option<u32>,
    line: u64,
}

fn samples(text: &str) -> Result<Vec<Sample>> {
    let lines = (1..).zip(text.split('\n'));
    lines.filter_map(|(line, words)| sample(line, words).at("line", line).transpose()).collect()
}

fn sample(line: u64, words: &str) -> Result<Option<Sample>> {
    let words = words.split('#').next().unwrap_or_default();
    let mut columns = [""; 7];
    let mut found = 0;
    for (column, word) in columns.iter_mut().zip(words.split_ascii_whitespace()) {
        *column = word;
        found += 1;
    }
    if found == 0 {
        return Ok(None);
    }
    if found < columns.len() {
        return Err(SwcProblem::Columns(found).into());
    }
    let [id, kind, x, y, z, radius, parent] = columns;
    let (id, kind) = (sample_id(id)?, section_type(kind)?);
    let point = [number(x)?, number(y)?, number(z)?];
    Ok(Some(Sample { id, kind, point, diameter: diameter(radius)?, parent: parent_id(parent)?, line }))
}

fn sample_id(word: &str) -> Result<u32, SwcProblem> {
    let expected = "an integer from 0 to 4294967295";
    word.parse().map_err(|_| SwcProblem::Integer { what: "id", expected, found: clipped(word) })
}

fn parent_id(word: &str) -> Result<Option<u32>, SwcProblem> {
    if word == "-1" {
        return Ok(None);
    }
    let wrong = |_| SwcProblem::Integer { what: "parent", expected: "the id of a sample or -1", found: clipped(word) };
    word.parse().map(Some).map_err(wrong)
}

fn section_type(word: &str) -> Result<SectionType, SwcProblem> {
    match word {
        "1" => Ok(SectionType::Soma),
        "2" => Ok(SectionType::Axon),
        "3" => Ok(SectionType::Dend),
        "4" => Ok(SectionType::Apic),
        _ => Err(SwcProblem::Type(clipped(word))),
    }
}

fn diameter(radius: &str) -> Result<f32, Fault> {
    let diameter = 2.0 * number(radius)?;
    if diameter.is_finite() { Ok(diameter) } else { Err(Fault::NotFinite(diameter)) }
}

/// Samples with their links, in file order. There is no cycle.
struct Tree {
    samples: Vec<Sample>,
    /// Place of each sample's parent.
    parents: Vec<Option<usize>>,
    children: Children,
}

impl Tree {
    fn of(samples: Vec<Sample>) -> Result<Self> {
        let places = Places::of(&samples)?;
        let find = |s: &Sample| s.parent.map(|id| places.find(id).ok_or(SwcProblem::UnknownParent(id))).transpose();
        let parents = samples.iter().map(|s| find(s).at("line", s.line)).collect::<Result<Vec<_>>>()?;
        let tree = Self { children: Children::of(&parents), samples, parents };
        tree.refuse_cycles()?;
        Ok(tree)
    }

    fn roots(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.samples.len()).filter(|&i| self.parents[i].is_none())
    }

    fn kind(&self, i: usize) -> SectionType {
        self.samples[i].kind
    }

    /// Children that are part of the soma, or that are not, in file order.
    fn children_of(&self, i: usize, part: SomaPart) -> impl DoubleEndedIterator<Item = usize> + '_ {
        let wanted = move |&c: &usize| (self.kind(c) == SectionType::Soma) == (part == SomaPart::Inside);
        self.children.of_place(i).iter().copied().filter(wanted)
    }

    /// Samples that no root reaches hang on a cycle: that many steps up as there are samples end inside it.
    fn refuse_cycles(&self) -> Result<()> {
        let mut reached = vec![false; self.samples.len()];
        let mut stack: Vec<usize> = self.roots().collect();
        while let Some(i) = stack.pop() {
            reached[i] = true;
            stack.extend(self.children.of_place(i));
        }
        let Some(lost) = reached.iter().position(|r| !r) else { return Ok(()) };
        let up = |i: usize| self.parents[i].unwrap_or(i);
        let inside = (0..self.samples.len()).fold(lost, |i, _| up(i));
        let mut cycle = std::iter::successors(Some(inside), |&i| Some(up(i)).filter(|&i| i != inside));
        let first = cycle.by_ref().fold(inside, usize::min);
        let sample = &self.samples[first];
        Err(SwcProblem::Cycle(sample.id)).at("line", sample.line)
    }

    /// The soma's samples from its root on, a parent before its children.
    fn soma(&self) -> Result<Soma> {
        self.refuse_strange_soma()?;
        let mut order = Vec::new();
        let mut stack: Vec<usize> = self.roots().filter(|&i| self.kind(i) == SectionType::Soma).collect();
        while let Some(i) = stack.pop() {
            order.push(i);
            stack.extend(self.children_of(i, SomaPart::Inside).rev());
        }
        let points = order.iter().map(|&i| self.samples[i].point).collect();
        let diameters = order.iter().map(|&i| self.samples[i].diameter).collect();
        Ok(Soma { points, diameters, form: self.form(&order), ..Soma::default() })
    }

    /// NeuroMorpho's three points are a root and its two children.
    fn form(&self, order: &[usize]) -> SomaForm {
        match order {
            [] => SomaForm::None,
            [_] => SomaForm::Point,
            [root, _, last] if self.parents[*last] == Some(*root) => SomaForm::ThreePoints,
            _ => SomaForm::Cylinders,
        }
    }

    /// A soma is one chain; only its root may have more than one soma sample as a child.
    fn refuse_strange_soma(&self) -> Result<()> {
        let mut root = None;
        for (i, s) in self.samples.iter().enumerate().filter(|(_, s)| s.kind == SectionType::Soma) {
            let Some(parent) = self.parents[i] else {
                if root.replace(i).is_some() {
                    return Err(Fault::TwoSomata).at("line", s.line);
                }
                continue;
            };
            if self.kind(parent) != SectionType::Soma {
                return Err(SwcProblem::SomaOnNeurite(self.samples[parent].id)).at("line", s.line);
            }
            let found = self.children_of(i, SomaPart::Inside).count();
            if found > 1 {
                return Err(SwcProblem::SomaBranches { id: s.id, found }).at("line", s.line);
            }
        }
        Ok(())
    }

    /// First samples of the neurites: children of soma samples, and roots that are no soma and are not alone.
    fn trunks(&self) -> Vec<usize> {
        let mut trunks = Vec::new();
        for i in 0..self.samples.len() {
            if self.kind(i) == SectionType::Soma {
                trunks.extend(self.children_of(i, SomaPart::Outside));
            } else if self.parents[i].is_none() && !self.children.of_place(i).is_empty() {
                trunks.push(i);
            }
        }
        trunks
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        let mut todo: Vec<(usize, Option<usize>)> = self.trunks().into_iter().rev().map(|i| (i, None)).collect();
        while let Some((first, parent)) = todo.pop() {
            let (section, last) = self.section(first, parent);
            todo.extend(self.children.of_place(last).iter().rev().map(|&c| (c, Some(sections.len()))));
            sections.push(section);
        }
        sections
    }

    /// The section that starts at a sample, and its last sample.
    fn section(&self, first: usize, parent: Option<usize>) -> (Section, usize) {
        let mut section = Section { kind: self.kind(first), parent, points: Vec::new(), diameters: Vec::new() };
        let mut push = |i: usize| {
            section.points.push(self.samples[i].point);
            section.diameters.push(self.samples[i].diameter);
        };
        let before = parent.and(self.parents[first]);
        let is_apart = |&before: &usize| self.samples[before].point != self.samples[first].point;
        before.iter().copied().filter(is_apart).for_each(&mut push);
        push(first);
        let mut last = first;
        while let [only] = *self.children.of_place(last)
            && self.kind(only) == self.kind(first)
        {
            push(only);
            last = only;
        }
        (section, last)
    }
}

/// Whether a sample belongs to the soma.
#[derive(Clone, Copy, PartialEq)]
enum SomaPart {
    Inside,
    Outside,
}

/// Ids and the samples' places, ascending.
struct Places(Vec<(u32, usize)>);

impl Places {
    fn of(samples: &[Sample]) -> Result<Self> {
        let mut places: Vec<(u32, usize)> = samples.iter().enumerate().map(|(place, s)| (s.id, place)).collect();
        places.sort();
        let twins = places.windows(2).filter(|w| w[0].0 == w[1].0);
        if let Some(twin) = twins.min_by_key(|w| w[1].1) {
            let (first, second) = (&samples[twin[0].1], &samples[twin[1].1]);
            return Err(SwcProblem::Duplicate { id: first.id, line: first.line }).at("line", second.line);
        }
        Ok(Self(places))
    }

    /// Ids are mostly consecutive; a search finds the others.
    fn find(&self, id: u32) -> Option<usize> {
        let first = self.0.first()?.0;
        let guess = usize::try_from(id.checked_sub(first)?).ok()?;
        match self.0.get(guess) {
            Some(&(found, place)) if found == id => Some(place),
            _ => self.0.binary_search_by_key(&id, |&(id, _)| id).ok().map(|i| self.0[i].1),
        }
    }
}

/// Every sample's children in file order, one list after the other.
struct Children {
    /// Where each sample's list starts, and the end of the last one.
    starts: Vec<usize>,
    places: Vec<usize>,
}

impl Children {
    fn of(parents: &[Option<usize>]) -> Self {
        let mut starts = vec![0; parents.len() + 1];
        parents.iter().flatten().for_each(|&p| starts[p + 1] += 1);
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut places = vec![0; starts[parents.len()]];
        for (child, parent) in parents.iter().enumerate() {
            if let Some(parent) = *parent {
                places[next[parent]] = child;
                next[parent] += 1;
            }
        }
        Self { starts, places }
    }

    fn of_place(&self, i: usize) -> &[usize] {
        &self.places[self.starts[i]..self.starts[i + 1]]
    }
}
