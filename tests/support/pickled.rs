//! Pickles written by hand, so that each piece of a data frame can be damaged.

/// An instruction's bytes, or those of a whole value.
pub type Bytes = Vec<u8>;

pub fn join(pieces: &[&[u8]]) -> Bytes {
    pieces.concat()
}

pub fn global(module: &str, name: &str) -> Bytes {
    format!("c{module}\n{name}\n").into_bytes()
}

pub fn text(text: &str) -> Bytes {
    join(&[b"X", &(text.len() as u32).to_le_bytes(), text.as_bytes()])
}

pub fn bytes(bytes: &[u8]) -> Bytes {
    join(&[b"B", &(bytes.len() as u32).to_le_bytes(), bytes])
}

pub fn int(number: i64) -> Bytes {
    join(&[b"\x8a\x08", &number.to_le_bytes()])
}

pub fn tuple(items: &[Bytes]) -> Bytes {
    join(&[b"(", &items.concat(), b"t"])
}

pub fn list(items: &[Bytes]) -> Bytes {
    join(&[b"](", &items.concat(), b"e"])
}

pub fn dict(entries: &[(&str, Bytes)]) -> Bytes {
    let entries: Vec<Bytes> = entries.iter().map(|(key, value)| join(&[&text(key), value])).collect();
    join(&[b"}(", &entries.concat(), b"u"])
}

pub fn call(constructor: &[u8], arguments: &[Bytes]) -> Bytes {
    join(&[constructor, &tuple(arguments), b"R"])
}

pub fn none() -> Bytes {
    b"N".to_vec()
}

pub fn dtype(code: &str, order: &str) -> Bytes {
    let made = call(&global("numpy", "dtype"), &[text(code), b"\x89".to_vec(), b"\x88".to_vec()]);
    let state = [int(3), text(order), none(), none(), none(), int(-1), int(-1), int(0)];
    join(&[&made, &tuple(&state), b"b"])
}

pub fn array(dtype: &[u8], shape: &[i64], data: &[u8]) -> Bytes {
    let empty = [global("numpy", "ndarray"), tuple(&[int(0)]), bytes(b"b")];
    let made = call(&global("numpy.core.multiarray", "_reconstruct"), &empty);
    let shape = tuple(&shape.iter().map(|&n| int(n)).collect::<Vec<_>>());
    join(&[&made, &tuple(&[int(1), shape, dtype.to_vec(), b"\x89".to_vec(), bytes(data)]), b"b"])
}

pub fn ints(values: &[i64]) -> Bytes {
    let data: Bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    array(&dtype("i8", "<"), &[values.len() as i64], &data)
}

pub fn floats(values: &[f64], shape: &[i64]) -> Bytes {
    let data: Bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    array(&dtype("f8", "<"), shape, &data)
}

pub fn index(class: &str, members: &[(&str, Bytes)]) -> Bytes {
    let new = global("pandas.core.indexes.base", "_new_Index");
    call(&new, &[global("pandas", class), dict(members)])
}

pub fn numbers(values: &[i64]) -> Bytes {
    index("Index", &[("data", ints(values)), ("name", none())])
}

pub fn multi(levels: &[Bytes], codes: &[Bytes], names: &[Bytes]) -> Bytes {
    let members = [("levels", list(levels)), ("codes", list(codes)), ("sortorder", none()), ("names", list(names))];
    index("MultiIndex", &members)
}

pub fn slice(start: i64, stop: i64) -> Bytes {
    call(&global("builtins", "slice"), &[int(start), int(stop), int(1)])
}

pub fn block(values: Bytes, places: Bytes) -> Bytes {
    call(&global("pandas._libs.internals", "_unpickle_block"), &[values, places, int(2)])
}

/// A data frame, piece by piece.
#[derive(Clone)]
pub struct Frame {
    pub columns: Bytes,
    pub blocks: Vec<Bytes>,
}

/// The labels of columns, as two levels and their codes.
pub fn labelled(labels: &[(i64, i64)]) -> Bytes {
    let level = |label: fn(&(i64, i64)) -> i64| {
        let mut distinct: Vec<i64> = labels.iter().map(label).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let codes: Vec<i64> =
            labels.iter().map(|l| distinct.iter().position(|d| *d == label(l)).unwrap() as i64).collect();
        (numbers(&distinct), ints(&codes))
    };
    let (ids, sections) = (level(|l| l.0), level(|l| l.1));
    multi(&[ids.0, sections.0], &[ids.1, sections.1], &[text("id"), text("section")])
}

/// Returns the values of columns of three rows: column c, row r is 10 c + r.
pub fn values(columns: usize) -> Bytes {
    let values: Vec<f64> = (0..columns).flat_map(|c| (0..3).map(move |r| (10 * c + r) as f64)).collect();
    floats(&values, &[columns as i64, 3])
}

impl Frame {
    /// Creates a frame with these labels.
    pub fn new(labels: &[(i64, i64)]) -> Self {
        let n = labels.len();
        Self { columns: labelled(labels), blocks: vec![block(values(n), slice(0, n as i64))] }
    }

    pub fn manager(&self) -> Bytes {
        let rows = index("RangeIndex", &[("start", int(0)), ("stop", int(3)), ("step", int(1)), ("name", none())]);
        let axes = list(&[self.columns.clone(), rows]);
        call(&global("pandas.core.internals.managers", "BlockManager"), &[tuple(&self.blocks), axes])
    }

    pub fn pickle(&self) -> Bytes {
        frame(&[("_mgr", self.manager()), ("_typ", text("dataframe"))])
    }
}

/// Returns the pickle of a frame with this state.
pub fn frame(state: &[(&str, Bytes)]) -> Bytes {
    let class = global("pandas.core.frame", "DataFrame");
    pickle(&join(&[&class, b")\x81", &dict(state), b"b"]))
}

/// Returns a pickle of protocol 4 without frames.
pub fn pickle(body: &[u8]) -> Bytes {
    join(&[b"\x80\x04", body, b"."])
}
