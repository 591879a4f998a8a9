//! The machine: instructions of protocols 2 to 5, on values that are only noted.
//!
//! Source: the documentation in Python's `pickletools`; PEP 307 (protocol 2), 3154 (4) and 574 (5).

use std::cell::Cell;

use super::input::Input;
use super::memo::Memo;
use super::refusal::{is_textual, kind_of, refused};
use super::{Id, Name, Pickle, PickleProblem, Value};
use crate::error::{Error, Place, Result as Located};

/// Marks that may be open at once: a frame's pickle has about ten.
pub const MOST_MARKS: usize = 1000;

/// Values that can be numbered; only a file of more than 4 GB has more, and a frame's pickle has some hundred.
const MOST_VALUES: usize = u32::MAX as usize;

type Result<T> = std::result::Result<T, PickleProblem>;

/// Runs a pickle and gives what it stands for. Nothing is executed.
///
/// # Errors
/// [`PickleProblem`] with the byte where the instruction stands: no pickle, another protocol, cut short, a name that is
/// not on the list ([`Name`]), an instruction that reaches outside the file, or one that does not fit what stands before.
pub fn run(bytes: &[u8]) -> Located<Pickle<'_>> {
    let mut machine = Machine::new(bytes);
    loop {
        let at = machine.input.at() as u64;
        machine.instruction_at = at;
        match machine.step() {
            Ok(None) => {}
            Ok(Some(root)) => {
                let (values, length) = (machine.values, bytes.len() as u64);
                return Ok(Pickle { values, root, length, claimed: Cell::new(0) });
            }
            Err(problem) => return Err(Error::new(Place::default().object("byte").row(at), problem)),
        }
    }
}

struct Machine<'a> {
    input: Input<'a>,
    values: Vec<(Value<'a>, u64)>,
    stack: Vec<Id>,
    /// Heights of the stack where a mark was set.
    marks: Vec<usize>,
    memo: Memo,
    length: usize,
    instruction_at: u64,
}

/// Values that every pickle may use, made once.
const NONE: Id = Id(0);
const TRUE: Id = Id(1);
const FALSE: Id = Id(2);
const EMPTY: Id = Id(3);

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let ready = [Value::None, Value::Bool(true), Value::Bool(false), Value::Tuple(Box::new([]))];
        Self {
            input: Input::new(bytes),
            values: ready.map(|value| (value, 0)).into(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Memo::of(bytes.len()),
            length: bytes.len(),
            instruction_at: 0,
        }
    }

    /// Does one instruction; gives the pickle's value at the end.
    fn step(&mut self) -> Result<Option<Id>> {
        if self.input.at() == 0 {
            return self.start().map(|()| None);
        }
        if self.values.len() >= MOST_VALUES {
            return Err(PickleProblem::Values);
        }
        let instruction = self.input.instruction()?;
        match instruction {
            b'.' => return self.end().map(Some),
            0x95 => self.input.enter_frame()?,
            b'(' => self.mark()?,
            b'0' => self.pop_one()?,
            b'1' => drop(self.pop_marked()?),
            b'2' => self.again()?,
            b'N' | 0x88 | 0x89 | b')' => self.stack.push(constant(instruction)),
            b'J' | b'K' | b'M' | 0x8a | 0x8b | b'G' => {
                let number = self.number(instruction)?;
                self.push(number);
            }
            b'X' | 0x8c | 0x8d | b'B' | b'C' | 0x8e | 0x96 => {
                let piece = self.piece(instruction)?;
                self.push(piece);
            }
            b']' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b't' | 0x85..=0x87 => self.tuple(instruction)?,
            b'l' | b'd' => self.collect(instruction)?,
            b'a' | b'e' => self.append(instruction)?,
            b's' | b'u' => self.set(instruction)?,
            b'q' | b'r' | 0x94 => self.remember(instruction)?,
            b'h' | b'j' => self.recall(instruction)?,
            b'c' | 0x93 => self.name(instruction)?,
            b'R' | 0x81 => self.make()?,
            b'b' => self.build()?,
            other => return Err(refused(other)),
        }
        Ok(None)
    }

    /// The first instruction tells the protocol.
    fn start(&mut self) -> Result<()> {
        if is_textual(self.input.rest()) {
            return Err(PickleProblem::Textual);
        }
        match (self.input.instruction(), self.input.unsigned(1)) {
            (Ok(0x80), Ok(2..=5)) => Ok(()),
            (Ok(0x80), Ok(other)) => Err(PickleProblem::Protocol(other as u8)),
            (Ok(first), Ok(second)) => Err(PickleProblem::NoPickle(kind_of(first, second as u8))),
            (_, _) => Err(PickleProblem::NoPickle(format!("a file of {} bytes", self.length))),
        }
    }

    fn end(&mut self) -> Result<Id> {
        match self.input.left() {
            0 => self.pop("a value"),
            more => Err(PickleProblem::Behind(more as u64)),
        }
    }

    fn push(&mut self, value: Value<'a>) {
        // below MOST_VALUES, as `step` has checked
        let id = Id(self.values.len() as u32);
        self.values.push((value, self.instruction_at));
        self.stack.push(id);
    }

    fn pop(&mut self, what: &'static str) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(PickleProblem::Stack(what));
        }
        self.stack.pop().ok_or(PickleProblem::Stack(what))
    }

    fn top(&self, what: &'static str) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack.get(floor..).and_then(<[Id]>::last).copied().ok_or(PickleProblem::Stack(what))
    }

    fn mark(&mut self) -> Result<()> {
        if self.marks.len() >= MOST_MARKS {
            return Err(PickleProblem::Depth);
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn pop_marked(&mut self) -> Result<Vec<Id>> {
        let height = self.marks.pop().ok_or(PickleProblem::Stack("a mark"))?;
        Ok(self.stack.split_off(height))
    }

    /// Takes one value away, or the mark that is on top of all values.
    fn pop_one(&mut self) -> Result<()> {
        match self.marks.last() {
            Some(&height) if height == self.stack.len() => drop(self.marks.pop()),
            _ => drop(self.pop("a value")?),
        }
        Ok(())
    }

    fn again(&mut self) -> Result<()> {
        let top = self.top("a value")?;
        self.stack.push(top);
        Ok(())
    }

    fn value(&self, id: Id) -> &Value<'a> {
        self.values.get(id.0 as usize).map_or(&Value::None, |(value, _)| value)
    }

    fn value_mut(&mut self, id: Id) -> Option<&mut Value<'a>> {
        self.values.get_mut(id.0 as usize).map(|(value, _)| value)
    }

    fn wrong(&self, object: &'static str, expected: &str, id: Id) -> PickleProblem {
        PickleProblem::Wrong { object, expected: expected.into(), found: self.value(id).described() }
    }

    fn number(&mut self, instruction: u8) -> Result<Value<'a>> {
        Ok(match instruction {
            b'J' => Value::Int(self.input.int_32()?),
            b'K' => Value::Int(self.input.unsigned(1)? as i64),
            b'M' => Value::Int(self.input.unsigned(2)? as i64),
            0x8a => Value::Int(self.input.long(1)?),
            0x8b => Value::Int(self.input.long(4)?),
            _ => Value::Float(self.input.float()?),
        })
    }

    fn piece(&mut self, instruction: u8) -> Result<Value<'a>> {
        Ok(match instruction {
            b'X' => Value::Text(self.input.text(4)?),
            0x8c => Value::Text(self.input.text(1)?),
            0x8d => Value::Text(self.input.text(8)?),
            b'B' => Value::Bytes(self.input.counted(4)?),
            b'C' => Value::Bytes(self.input.counted(1)?),
            _ => Value::Bytes(self.input.counted(8)?),
        })
    }

    fn tuple(&mut self, instruction: u8) -> Result<()> {
        let items = match instruction {
            b't' => self.pop_marked()?,
            some => {
                let mut items = (0x85..=some).map(|_| self.pop("an item")).collect::<Result<Vec<Id>>>()?;
                items.reverse();
                items
            }
        };
        if items.is_empty() {
            self.stack.push(EMPTY);
        } else {
            self.push(Value::Tuple(items.into()));
        }
        Ok(())
    }

    /// A list or a dictionary of all that lies above the mark.
    fn collect(&mut self, instruction: u8) -> Result<()> {
        let items = self.pop_marked()?;
        let made = if instruction == b'l' { Value::List(items) } else { Value::Dict(pairs(&items)?) };
        self.push(made);
        Ok(())
    }

    fn append(&mut self, instruction: u8) -> Result<()> {
        let mut items = if instruction == b'e' { self.pop_marked()? } else { vec![self.pop("an item")?] };
        let list = self.top("a list")?;
        match self.value_mut(list) {
            Some(Value::List(own)) => own.append(&mut items),
            _ => return Err(self.wrong("target", "a list to append to", list)),
        }
        Ok(())
    }

    fn set(&mut self, instruction: u8) -> Result<()> {
        let items = if instruction == b'u' {
            self.pop_marked()?
        } else {
            let value = self.pop("a value")?;
            vec![self.pop("a key")?, value]
        };
        let mut items = pairs(&items)?;
        let dict = self.top("a dictionary")?;
        match self.value_mut(dict) {
            Some(Value::Dict(own)) => own.append(&mut items),
            _ => return Err(self.wrong("target", "a dictionary to set items of", dict)),
        }
        Ok(())
    }

    fn remember(&mut self, instruction: u8) -> Result<()> {
        let index = match instruction {
            b'q' => self.input.unsigned(1)?,
            b'r' => self.input.unsigned(4)?,
            _ => self.memo.next(),
        };
        self.memo.store(index, self.top("a value to store")?)
    }

    fn recall(&mut self, instruction: u8) -> Result<()> {
        let index = self.input.unsigned(if instruction == b'h' { 1 } else { 4 })?;
        self.stack.push(self.memo.get(index)?);
        Ok(())
    }

    fn name(&mut self, instruction: u8) -> Result<()> {
        let (module, name) = if instruction == b'c' {
            (self.input.line()?, self.input.line()?)
        } else {
            let (name, module) = (self.pop("a name")?, self.pop("a module")?);
            (self.text(module)?, self.text(name)?)
        };
        match Name::of(module, name) {
            Some(known) => self.push(Value::Name(known)),
            None => {
                let shown: String = format!("{module}.{name}").chars().take(80).collect();
                return Err(PickleProblem::Name(shown.escape_debug().to_string()));
            }
        }
        Ok(())
    }

    fn text(&self, id: Id) -> Result<&'a str> {
        match self.value(id) {
            Value::Text(text) => Ok(text),
            _ => Err(self.wrong("name", "text", id)),
        }
    }

    /// Notes that a constructor would be called.
    fn make(&mut self) -> Result<()> {
        let (arguments, by) = (self.pop("arguments")?, self.pop("a constructor")?);
        let &Value::Name(by) = self.value(by) else { return Err(self.wrong("call", "a constructor", by)) };
        let Value::Tuple(_) = self.value(arguments) else {
            return Err(self.wrong("call", "a tuple of arguments", arguments));
        };
        self.push(Value::Made { by, arguments, state: None });
        Ok(())
    }

    /// Notes what would be set afterwards.
    fn build(&mut self) -> Result<()> {
        let new = self.pop("a state")?;
        let object = self.top("an object")?;
        match self.value_mut(object) {
            Some(Value::Made { state: state @ None, .. }) => *state = Some(new),
            Some(Value::Made { .. }) => return Err(self.wrong("state", "an object without one", object)),
            _ => return Err(self.wrong("state", "an object that a constructor made", object)),
        }
        Ok(())
    }
}

fn constant(instruction: u8) -> Id {
    match instruction {
        b'N' => NONE,
        0x88 => TRUE,
        0x89 => FALSE,
        _ => EMPTY,
    }
}

/// Keys and values that lie one behind the other.
fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|&[k, v]| (k, v)).collect())
    } else {
        Err(PickleProblem::Stack("a value for each key"))
    }
}
