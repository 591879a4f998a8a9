//! Symbolic pickle machine: interprets the instructions of protocols 2 to 5 on values, and calls nothing.
//!
//! Source: the documentation in Python's `pickletools`; PEP 307 (protocol 2), 3154 (4) and 574 (5).

use std::cell::Cell;

use super::byte_reader::ByteReader;
use super::memo::Memo;
use super::problem::{MAX_MARKS, PickleResult, describe_magic, is_text_protocol, unsupported_opcode};
use super::{GlobalName, Pickle, PickleProblem, PickleValue, ValueId};
use crate::error::{Error, ErrorLocation, Result as Located};

/// Maximum number of values; only a file of more than 4 GB could have more, and a frame's pickle has some hundred.
const MAX_VALUES: usize = u32::MAX as usize;

/// Interprets a pickle and returns its values. Nothing is executed.
///
/// # Errors
/// Returns a [`PickleProblem`] with the byte offset of the instruction if the input is not a pickle, has another
/// protocol, is truncated, uses a name that is not on the list ([`GlobalName`]), has an instruction that refers to
/// something outside the file, or one that does not fit the stack.
pub fn load(bytes: &[u8]) -> Located<Pickle<'_>> {
    let mut machine = Machine::new(bytes);
    loop {
        let at = machine.input.position() as u64;
        machine.opcode_offset = at;
        match machine.step() {
            Ok(None) => {}
            Ok(Some(root)) => {
                let (values, length) = (machine.values, bytes.len() as u64);
                return Ok(Pickle { values, root, length, claimed_bytes: Cell::new(0) });
            }
            Err(problem) => return Err(Error::new(ErrorLocation::default().with_item("byte").with_index(at), problem)),
        }
    }
}

struct Machine<'a> {
    input: ByteReader<'a>,
    values: Vec<(PickleValue<'a>, u64)>,
    stack: Vec<ValueId>,
    /// Heights of the stack at each mark.
    marks: Vec<usize>,
    memo: Memo,
    length: usize,
    opcode_offset: u64,
}

/// Values that every pickle may use, created once.
const NONE_ID: ValueId = ValueId(0);
const TRUE_ID: ValueId = ValueId(1);
const FALSE_ID: ValueId = ValueId(2);
const EMPTY_ID: ValueId = ValueId(3);

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let ready =
            [PickleValue::None, PickleValue::Bool(true), PickleValue::Bool(false), PickleValue::Tuple(Box::new([]))];
        Self {
            input: ByteReader::new(bytes),
            values: ready.map(|value| (value, 0)).into(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Memo::for_input_length(bytes.len()),
            length: bytes.len(),
            opcode_offset: 0,
        }
    }

    /// Interprets one instruction; returns the pickle's value at the end.
    fn step(&mut self) -> PickleResult<Option<ValueId>> {
        if self.input.position() == 0 {
            return self.check_header().map(|()| None);
        }
        if self.values.len() >= MAX_VALUES {
            return Err(PickleProblem::TooManyValues);
        }
        let instruction = self.input.read_opcode()?;
        match instruction {
            b'.' => return self.finish().map(Some),
            0x95 => self.input.enter_frame()?,
            b'(' => self.mark()?,
            b'0' => self.pop_one()?,
            b'1' => drop(self.pop_marked()?),
            b'2' => self.duplicate_top()?,
            b'N' | 0x88 | 0x89 | b')' => self.stack.push(constant_id(instruction)),
            b'J' | b'K' | b'M' | 0x8a | 0x8b | b'G' => {
                let number = self.read_number(instruction)?;
                self.push(number);
            }
            b'X' | 0x8c | 0x8d | b'B' | b'C' | 0x8e | 0x96 => {
                let piece = self.read_text_or_bytes(instruction)?;
                self.push(piece);
            }
            b']' => self.push(PickleValue::List(Vec::new())),
            b'}' => self.push(PickleValue::Dict(Vec::new())),
            b't' | 0x85..=0x87 => self.build_tuple(instruction)?,
            b'l' | b'd' => self.build_list_or_dict(instruction)?,
            b'a' | b'e' => self.append_items(instruction)?,
            b's' | b'u' => self.set_items(instruction)?,
            b'q' | b'r' | 0x94 => self.store_in_memo(instruction)?,
            b'h' | b'j' => self.load_from_memo(instruction)?,
            b'c' | 0x93 => self.load_global(instruction)?,
            b'R' | 0x81 => self.call_global()?,
            b'b' => self.set_state()?,
            other => return Err(unsupported_opcode(other)),
        }
        Ok(None)
    }

    /// Checks the first instruction, which states the protocol.
    fn check_header(&mut self) -> PickleResult<()> {
        if is_text_protocol(self.input.remaining_bytes()) {
            return Err(PickleProblem::TextProtocol);
        }
        match (self.input.read_opcode(), self.input.read_unsigned(1)) {
            (Ok(0x80), Ok(2..=5)) => Ok(()),
            (Ok(0x80), Ok(other)) => Err(PickleProblem::Protocol(other as u8)),
            (Ok(first), Ok(second)) => Err(PickleProblem::NoPickle(describe_magic(first, second as u8))),
            (_, _) => Err(PickleProblem::NoPickle(format!("a file of {} bytes", self.length))),
        }
    }

    fn finish(&mut self) -> PickleResult<ValueId> {
        match self.input.remaining() {
            0 => self.pop("a value"),
            more => Err(PickleProblem::TrailingBytes(more as u64)),
        }
    }

    fn push(&mut self, value: PickleValue<'a>) {
        // below `MAX_VALUES`, as `step` has checked
        let id = ValueId(self.values.len() as u32);
        self.values.push((value, self.opcode_offset));
        self.stack.push(id);
    }

    fn pop(&mut self, what: &'static str) -> PickleResult<ValueId> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(PickleProblem::StackUnderflow(what));
        }
        self.stack.pop().ok_or(PickleProblem::StackUnderflow(what))
    }

    fn top(&self, what: &'static str) -> PickleResult<ValueId> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack.get(floor..).and_then(<[ValueId]>::last).copied().ok_or(PickleProblem::StackUnderflow(what))
    }

    fn mark(&mut self) -> PickleResult<()> {
        if self.marks.len() >= MAX_MARKS {
            return Err(PickleProblem::NestingDepth);
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn pop_marked(&mut self) -> PickleResult<Vec<ValueId>> {
        let height = self.marks.pop().ok_or(PickleProblem::StackUnderflow("a mark"))?;
        Ok(self.stack.split_off(height))
    }

    /// Removes one value, or the mark if it is on top.
    fn pop_one(&mut self) -> PickleResult<()> {
        match self.marks.last() {
            Some(&height) if height == self.stack.len() => drop(self.marks.pop()),
            _ => drop(self.pop("a value")?),
        }
        Ok(())
    }

    fn duplicate_top(&mut self) -> PickleResult<()> {
        let top = self.top("a value")?;
        self.stack.push(top);
        Ok(())
    }

    fn value(&self, id: ValueId) -> &PickleValue<'a> {
        self.values.get(id.0 as usize).map_or(&PickleValue::None, |(value, _)| value)
    }

    fn value_mut(&mut self, id: ValueId) -> Option<&mut PickleValue<'a>> {
        self.values.get_mut(id.0 as usize).map(|(value, _)| value)
    }

    fn type_error(&self, object: &'static str, expected: &str, id: ValueId) -> PickleProblem {
        PickleProblem::WrongType { object, expected: expected.into(), found: self.value(id).description() }
    }

    fn read_number(&mut self, instruction: u8) -> PickleResult<PickleValue<'a>> {
        Ok(match instruction {
            b'J' => PickleValue::Int(self.input.read_i32()?),
            b'K' => PickleValue::Int(self.input.read_unsigned(1)? as i64),
            b'M' => PickleValue::Int(self.input.read_unsigned(2)? as i64),
            0x8a => PickleValue::Int(self.input.read_long(1)?),
            0x8b => PickleValue::Int(self.input.read_long(4)?),
            _ => PickleValue::Float(self.input.read_f64()?),
        })
    }

    fn read_text_or_bytes(&mut self, instruction: u8) -> PickleResult<PickleValue<'a>> {
        Ok(match instruction {
            b'X' => PickleValue::Text(self.input.read_text(4)?),
            0x8c => PickleValue::Text(self.input.read_text(1)?),
            0x8d => PickleValue::Text(self.input.read_text(8)?),
            b'B' => PickleValue::Bytes(self.input.read_counted_bytes(4)?),
            b'C' => PickleValue::Bytes(self.input.read_counted_bytes(1)?),
            _ => PickleValue::Bytes(self.input.read_counted_bytes(8)?),
        })
    }

    fn build_tuple(&mut self, instruction: u8) -> PickleResult<()> {
        let items = match instruction {
            b't' => self.pop_marked()?,
            some => {
                let mut items = (0x85..=some).map(|_| self.pop("an item")).collect::<PickleResult<Vec<ValueId>>>()?;
                items.reverse();
                items
            }
        };
        if items.is_empty() {
            self.stack.push(EMPTY_ID);
        } else {
            self.push(PickleValue::Tuple(items.into()));
        }
        Ok(())
    }

    /// Builds a list or a dictionary from all values above the mark.
    fn build_list_or_dict(&mut self, instruction: u8) -> PickleResult<()> {
        let items = self.pop_marked()?;
        let value =
            if instruction == b'l' { PickleValue::List(items) } else { PickleValue::Dict(key_value_pairs(&items)?) };
        self.push(value);
        Ok(())
    }

    fn append_items(&mut self, instruction: u8) -> PickleResult<()> {
        let mut items = if instruction == b'e' { self.pop_marked()? } else { vec![self.pop("an item")?] };
        let list = self.top("a list")?;
        match self.value_mut(list) {
            Some(PickleValue::List(own)) => own.append(&mut items),
            _ => return Err(self.type_error("target", "a list to append to", list)),
        }
        Ok(())
    }

    fn set_items(&mut self, instruction: u8) -> PickleResult<()> {
        let items = if instruction == b'u' {
            self.pop_marked()?
        } else {
            let value = self.pop("a value")?;
            vec![self.pop("a key")?, value]
        };
        let mut items = key_value_pairs(&items)?;
        let dict = self.top("a dictionary")?;
        match self.value_mut(dict) {
            Some(PickleValue::Dict(own)) => own.append(&mut items),
            _ => return Err(self.type_error("target", "a dictionary to set items of", dict)),
        }
        Ok(())
    }

    fn store_in_memo(&mut self, instruction: u8) -> PickleResult<()> {
        let index = match instruction {
            b'q' => self.input.read_unsigned(1)?,
            b'r' => self.input.read_unsigned(4)?,
            _ => self.memo.next_index(),
        };
        self.memo.store(index, self.top("a value to store")?)
    }

    fn load_from_memo(&mut self, instruction: u8) -> PickleResult<()> {
        let index = self.input.read_unsigned(if instruction == b'h' { 1 } else { 4 })?;
        self.stack.push(self.memo.get(index)?);
        Ok(())
    }

    fn load_global(&mut self, instruction: u8) -> PickleResult<()> {
        let (module, name) = if instruction == b'c' {
            (self.input.read_line()?, self.input.read_line()?)
        } else {
            let (name, module) = (self.pop("a name")?, self.pop("a module")?);
            (self.text(module)?, self.text(name)?)
        };
        match GlobalName::find(module, name) {
            Some(known) => self.push(PickleValue::Global(known)),
            None => {
                let shown: String = format!("{module}.{name}").chars().take(80).collect();
                return Err(PickleProblem::UnknownGlobal(shown.escape_debug().to_string()));
            }
        }
        Ok(())
    }

    fn text(&self, id: ValueId) -> PickleResult<&'a str> {
        match self.value(id) {
            PickleValue::Text(text) => Ok(text),
            _ => Err(self.type_error("name", "text", id)),
        }
    }

    /// Records the call of a constructor.
    fn call_global(&mut self) -> PickleResult<()> {
        let (arguments, by) = (self.pop("arguments")?, self.pop("a constructor")?);
        let &PickleValue::Global(by) = self.value(by) else { return Err(self.type_error("call", "a constructor", by)) };
        let PickleValue::Tuple(_) = self.value(arguments) else {
            return Err(self.type_error("call", "a tuple of arguments", arguments));
        };
        self.push(PickleValue::Object { by, arguments, state: None });
        Ok(())
    }

    /// Records the state that would be set on an object.
    fn set_state(&mut self) -> PickleResult<()> {
        let new = self.pop("a state")?;
        let object = self.top("an object")?;
        match self.value_mut(object) {
            Some(PickleValue::Object { state: state @ None, .. }) => *state = Some(new),
            Some(PickleValue::Object { .. }) => {
                return Err(self.type_error("state", "an object without state", object));
            }
            _ => return Err(self.type_error("state", "a constructed object", object)),
        }
        Ok(())
    }
}

fn constant_id(instruction: u8) -> ValueId {
    match instruction {
        b'N' => NONE_ID,
        0x88 => TRUE_ID,
        0x89 => FALSE_ID,
        _ => EMPTY_ID,
    }
}

/// Pairs up alternating keys and values.
fn key_value_pairs(items: &[ValueId]) -> PickleResult<Vec<(ValueId, ValueId)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|&[k, v]| (k, v)).collect())
    } else {
        Err(PickleProblem::StackUnderflow("a value for each key"))
    }
}
