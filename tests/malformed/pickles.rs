//! Damaged and malicious pickles: each is refused with its own message, and none runs code, recurses or uses much
//! memory.

use leadfield::convert::bluerecording;
use leadfield::convert::pickle::MAX_MEMORY_PER_FILE_BYTE;
use proptest::prelude::*;

use crate::support::allocation::peak;
use crate::support::pickled::{
    Bytes, Frame, array, block, bytes, call, dict, dtype, floats, frame, global, index, int, ints, join, labelled,
    list, multi, none, numbers, pickle, slice, text, tuple, values,
};
use crate::support::{leadfield_in, names_in, root, scratch};

const LABELS: [(i64, i64); 4] = [(1, 0), (1, 3), (1, 3), (2, 0)];

/// Reads an unchanged pickle of pandas.
fn genuine(name: &str) -> Bytes {
    std::fs::read(root().join("datasets/pickles").join(name)).unwrap()
}

/// Returns the offset of some bytes.
fn place(whole: &[u8], piece: &[u8]) -> usize {
    whole.windows(piece.len()).position(|w| w == piece).unwrap()
}

/// Returns the message about a pickle, and asserts that little memory was used.
fn said(pickle: &[u8]) -> String {
    let (result, most) = peak(|| bluerecording::read_pickle(pickle));
    let bound = MAX_MEMORY_PER_FILE_BYTE as usize * pickle.len() + 4096;
    assert!(most <= bound, "{most} bytes for a pickle of {}", pickle.len());
    result.unwrap_err().to_string()
}

/// Asserts that a body after the protocol is refused at a byte.
#[track_caller]
fn refused(body: &[u8], at: usize, message: &str) {
    assert_eq!(said(&join(&[b"\x80\x04", body])), format!("byte[{at}]: {message}"));
}

/// Asserts that a complete body is refused, at any byte.
#[track_caller]
fn wrong(pickle: &[u8], message: &str) {
    let said = said(pickle);
    let (place, rest) = said.split_once("]: ").unwrap();
    assert!(place.starts_with("byte[") || place.starts_with("column["), "{said}");
    assert_eq!(rest, message);
}

#[test]
fn a_frame_written_by_hand_is_read() {
    let neurons = bluerecording::read_pickle(&Frame::new(&LABELS).pickle()).unwrap();
    let found: Vec<_> =
        neurons.iter().flat_map(|n| n.segments(0).map(|s| (s.node_id, s.section_id, s.end.z))).collect();
    assert_eq!(found, [(1, 0, 2.0), (1, 3, 22.0), (2, 0, 32.0)]);
}

#[test]
fn a_file_that_is_not_a_pickle_is_described_by_its_first_bytes() {
    let no = |found: &str| format!("byte[0]: not a pickle, expected protocol 2 to 5, found {found}");
    assert_eq!(said(b""), no("a file of 0 bytes"));
    assert_eq!(said(b"hello"), no("0x68 and 0x65 as its first bytes"));
    for textual in [&b"ccopy_reg\n_reconstructor\np0\n."[..], b"(dp0\n.", b"(lp0\n.", b"}q\0."] {
        assert_eq!(said(textual), "byte[0]: wrong protocol, expected 2 to 5, found 0 or 1");
    }
    assert_eq!(said(b"cat\n"), no("0x63 and 0x61 as its first bytes"));
    assert_eq!(said(b"\x28\xb5\x2f\xfd"), no("zstd's first bytes"));
    assert_eq!(said(b"\x1f\x8b\x08\x00"), no("gzip's first bytes"));
    assert_eq!(said(b"PK\x03\x04"), no("zip's first bytes"));
    assert_eq!(said(b"BZh9"), no("bzip2's first bytes"));
    assert_eq!(said(b"\xfd7zXZ"), no("xz's first bytes"));
    assert_eq!(said(b"\x80\x01}."), "byte[0]: wrong protocol, expected 2 to 5, found 1");
    assert_eq!(said(b"\x80\x06}."), "byte[0]: wrong protocol, expected 2 to 5, found 6");
}

/// Returns the frame of [`LABELS`] with other row labels.
fn with_rows(rows: Bytes) -> Bytes {
    let valid = Frame::new(&LABELS);
    let axes = list(&[valid.columns.clone(), rows]);
    let manager = call(&global("pandas.core.internals.managers", "BlockManager"), &[tuple(&valid.blocks), axes]);
    frame(&[("_mgr", manager), ("_typ", text("dataframe"))])
}

/// Returns an index of Python texts, as in pandas before version 3.
fn texts(labels: &[&str]) -> Bytes {
    let empty = [global("numpy", "ndarray"), tuple(&[int(0)]), bytes(b"b")];
    let made = call(&global("numpy.core.multiarray", "_reconstruct"), &empty);
    let labels: Vec<Bytes> = labels.iter().map(|label| text(label)).collect();
    let shape = tuple(&[int(labels.len() as i64)]);
    let state = [int(1), shape, dtype("O8", "|"), b"\x89".to_vec(), list(&labels)];
    index("Index", &[("data", join(&[&made, &tuple(&state), b"b"])), ("name", none())])
}

/// Returns the same index as an array of Arrow (pandas 3), whose first label is not the first of the buffer.
fn arrow_texts(labels: &[&str]) -> Bytes {
    let all: Vec<&str> = ["skipped"].iter().chain(labels).copied().collect();
    let mut offsets = vec![0_i64];
    all.iter().for_each(|label| offsets.push(offsets[offsets.len() - 1] + label.len() as i64));
    let offsets: Bytes = offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect();
    let buffer = |data: &[u8]| call(&global("pyarrow.lib", "py_buffer"), &[bytes(data)]);
    let kind = call(&global("pyarrow.lib", "type_for_alias"), &[text("large_string")]);
    let buffers = list(&[none(), buffer(&offsets), buffer(all.concat().as_bytes())]);
    let array = tuple(&[kind, int(labels.len() as i64), int(0), int(1), buffers, list(&[]), none()]);
    let array = call(&global("pyarrow.lib", "_restore_array"), &[array]);
    let new = join(&[&global("pandas.arrays", "ArrowStringArray"), b")\x81", &dict(&[("_pa_array", array)]), b"b"]);
    index("Index", &[("data", new), ("name", none())])
}

#[test]
fn rows_are_the_coordinates_that_their_labels_say() {
    // values of column c, row r are 10 c + r; the soma of node 2 is column 3
    let place = |pickle: &[u8]| {
        let neurons = bluerecording::read_pickle(pickle).unwrap();
        neurons[1].sections().next().unwrap().points[0].to_array()
    };
    for as_index in [texts, arrow_texts] {
        assert_eq!(place(&with_rows(as_index(&["x", "y", "z"]))), [30.0, 31.0, 32.0]);
        assert_eq!(place(&with_rows(as_index(&["z", "y", "x"]))), [32.0, 31.0, 30.0]);
        assert_eq!(place(&with_rows(as_index(&["Y", "Z", "X"]))), [32.0, 30.0, 31.0]);
    }
    assert_eq!(place(&with_rows(numbers(&[0, 1, 2]))), [30.0, 31.0, 32.0]);
    assert_eq!(place(&with_rows(numbers(&[2, 0, 1]))), [31.0, 32.0, 30.0]);
    let down = [("start", int(2)), ("stop", int(-1)), ("step", int(-1))];
    assert_eq!(place(&with_rows(index("RangeIndex", &down))), [32.0, 31.0, 30.0]);
    let no = |found: &str| format!("wrong labels of rows, expected x, y, z or 0, 1, 2, each once, found {found}");
    assert_eq!(said(&with_rows(texts(&["a", "b", "c"]))), no("`a`, `b`, `c`"));
    assert_eq!(said(&with_rows(arrow_texts(&["x", "y", "y"]))), no("`x`, `y`, `y`"));
    assert_eq!(said(&with_rows(texts(&["x", "y"]))), no("`x`, `y`"));
    assert_eq!(said(&with_rows(numbers(&[1, 2, 3]))), no("`1`, `2`, `3`"));
    assert_eq!(said(&with_rows(none())), no("an index of another type"));
}

#[test]
fn ids_that_are_text_are_reported_with_their_level() {
    let codes = [ints(&[0, 0, 0, 1]), ints(&[0, 1, 1, 0])];
    let names = [text("id"), text("section")];
    for as_index in [texts, arrow_texts] {
        let columns = multi(&[as_index(&["1", "2"]), numbers(&[0, 3])], &codes, &names);
        let pickle = Frame { columns, ..Frame::new(&LABELS) }.pickle();
        wrong(&pickle, "the column level `id` has text labels, expected integers, found `1`");
        let columns = multi(&[numbers(&[1, 2]), as_index(&["soma", "dend"])], &codes, &names);
        let pickle = Frame { columns, ..Frame::new(&LABELS) }.pickle();
        wrong(&pickle, "the column level `section` has text labels, expected integers, found `soma`");
        let hint = bluerecording::read_pickle(&pickle).unwrap_err().hint().unwrap();
        assert_eq!(
            hint,
            "convert them to numbers in Python: `levels = [level.astype(int) for level in frame.columns.levels]`, then \
             `frame.columns = frame.columns.set_levels(levels)`"
        );
    }
}

#[test]
fn a_truncated_pickle_is_reported_with_its_byte() {
    let whole = genuine("pandas-2.1-plain-2.pkl");
    assert_eq!(
        said(&whole[..whole.len() - 1]),
        format!("byte[{}]: ends too early, expected the instruction `.` at the end, found none", whole.len() - 1)
    );
    let manager = place(&whole, b"X\x04\x00\x00\x00_mgr");
    assert_eq!(said(&whole[..manager + 7]), format!("byte[{manager}]: ends too early, expected 4 more bytes, found 2"));
    let framed = genuine("pandas-2.1-plain-5.pkl");
    let (left, claimed) = (framed.len() - 11, u64::from_le_bytes(framed[3..11].try_into().unwrap()));
    assert_eq!(
        said(&framed[..framed.len() - 20]),
        format!("byte[2]: wrong frame, expected at most {} bytes, found {claimed}", left - 20)
    );
    let longer = join(&[&whole, b"xyz"]);
    assert_eq!(
        said(&longer),
        format!("byte[{}]: data after the end, expected none, found 3 more bytes", whole.len() - 1)
    );
}

#[test]
fn no_name_but_those_of_a_data_frame_has_a_meaning() {
    let names = [
        ("os", "system"),
        ("posix", "system"),
        ("nt", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("builtins", "getattr"),
        ("__builtin__", "__import__"),
        ("importlib", "import_module"),
        ("pandas", "read_pickle"),
        ("numpy", "load"),
        ("operator", "attrgetter"),
    ];
    for (module, name) in names {
        let message = format!("unsupported name `{module}.{name}`, expected a constructor of a pandas data frame");
        let run = join(&[&global(module, name), &tuple(&[text("touch pwned")]), b"R."]);
        refused(&run, 2, &message);
        let on_stack = join(&[&text(module), &text(name), b"\x93", &tuple(&[text("touch pwned")]), b"R."]);
        refused(&on_stack, 2 + 10 + module.len() + name.len(), &message);
    }
}

#[test]
fn nothing_runs_and_nothing_is_written() {
    let dir = scratch();
    let evil = pickle(&call(&global("os", "system"), &[text("touch pwned")]));
    std::fs::write(dir.path().join("evil.pkl"), evil).unwrap();
    leadfield_in(dir.path(), &["convert", "evil.pkl", "-o", "t.parquet", "--quiet"]).refused(
        "error: evil.pkl: byte[2]: unsupported name `os.system`, expected a constructor of a pandas data frame\n\
         hint: not executed here, but Python would execute it: do not open this file in Python",
    );
    assert_eq!(names_in(dir.path()), ["evil.pkl"]);
}

#[test]
fn what_reaches_outside_the_file_is_refused() {
    refused(
        b"P12\n.",
        2,
        "an external object (persistent id) is not supported, expected a self-contained pickle, found 0x50",
    );
    refused(
        b"NQ.",
        3,
        "an external object (persistent id) is not supported, expected a self-contained pickle, found 0x51",
    );
    refused(
        b"\x82\x01.",
        2,
        "an object of Python's extension registry is not supported, expected a self-contained pickle, found 0x82",
    );
    refused(
        b"\x97.",
        2,
        "an external buffer (out of band) is not supported, expected a self-contained pickle, found 0x97",
    );
    refused(
        b"(ios\nsystem\n.",
        3,
        "unsupported instruction, expected those of a data frame in protocol 2 to 5, found 0x69",
    );
    refused(b"\xff", 2, "unsupported instruction, expected those of a data frame in protocol 2 to 5, found 0xff");
}

#[test]
fn lengths_beyond_the_file_take_no_memory() {
    let huge = (1_u64 << 40).to_le_bytes();
    let expected = format!("ends too early, expected {} more bytes, found 3", 1_u64 << 40);
    for instruction in [b"\x8e", b"\x96", b"\x8d"] {
        refused(&join(&[instruction, &huge, b"abc"]), 2, &expected);
    }
    let most = u64::MAX.to_le_bytes();
    refused(&join(&[b"\x96", &most, b"abc"]), 2, &format!("ends too early, expected {} more bytes, found 3", u64::MAX));
    refused(b"\x8b\xff\xff\xff\xff\x00", 2, "ends too early, expected 4294967295 more bytes, found 1");
    refused(b"\x8a\x09123456789.", 2, "number too large, expected at most 8 bytes, found 9");
    refused(
        b"Nr\xff\xff\xff\xff.",
        3,
        "memo too large, expected an index below 9, the file's length, found 4294967295",
    );
    refused(b"h\x05.", 2, "nothing stored in the memo, expected an index used before, found 5");
    refused(&join(&[b"\x95", &huge]), 2, "wrong frame, expected at most 0 bytes, found 1099511627776");
    refused(
        &join(&[b"\x95", &12_u64.to_le_bytes(), b"\x95", &1_u64.to_le_bytes(), b"N.."]),
        11,
        "wrong frame, expected at most 0 bytes, found 1",
    );
    refused(b"X\x01\x00\x00\x00\xff.", 2, "invalid text, expected UTF-8");
}

#[test]
fn depth_is_bounded() {
    refused(&[b'('; 1001], 1002, "nested too deeply, expected at most 1000 open marks, found one more");
    let nest = join(&[b")", &[0x85; 200_000]]);
    wrong(&pickle(&nest), "wrong pickle, expected a `DataFrame`, found a tuple of 1");
    let itself = b"]\x94h\x00a";
    wrong(&pickle(itself), "wrong pickle, expected a `DataFrame`, found a list of 1");
    // each tuple contains the one before twice: a complete walk would visit 2^1000 leaves
    let laughs = join(&[b")", &b"2\x86".repeat(1000)]);
    wrong(&pickle(&laughs), "wrong pickle, expected a `DataFrame`, found a tuple of 2");
}

#[test]
fn instructions_that_do_not_fit_the_stack_are_refused() {
    refused(b".", 2, "empty stack, expected a value, found none");
    refused(b"t.", 2, "empty stack, expected a mark, found none");
    refused(b"(.", 3, "empty stack, expected a value, found none");
    refused(b"R.", 2, "empty stack, expected arguments, found none");
    refused(b"])R.", 4, "wrong call, expected a constructor, found a list of 0");
    refused(&join(&[&global("numpy", "dtype"), b"NR."]), 16, "wrong call, expected a tuple of arguments, found `None`");
    refused(b"]Nb.", 4, "wrong state, expected a constructed object, found a list of 0");
    refused(b")Na.", 4, "wrong target, expected a list to append to, found a tuple of 0");
    refused(b"](NNu.", 6, "wrong target, expected a dictionary to set items of, found a list of 0");
    refused(b"}(Nu.", 5, "empty stack, expected a value for each key, found none");
    refused(b"NN\x93.", 4, "wrong name, expected text, found `None`");
    let twice = join(&[&call(&global("numpy", "dtype"), &[]), b")b)b."]);
    refused(&twice, twice.len(), "wrong state, expected an object without state, found a `dtype`");
}

#[test]
fn a_frame_that_has_no_positions_is_refused() {
    let valid = Frame::new(&LABELS);
    wrong(&pickle(b"N"), "wrong pickle, expected a `DataFrame`, found `None`");
    wrong(&pickle(&numbers(&[1])), "wrong pickle, expected a `DataFrame`, found an `Index`");
    wrong(&frame(&[("_typ", text("dataframe"))]), "wrong frame, expected its `_mgr`, found a dictionary of 1");
    wrong(&frame(&[("_mgr", int(7))]), "wrong frame, expected a `BlockManager` with blocks and axes, found `7`");
    let of = |columns: Bytes| Frame { columns, ..valid.clone() }.pickle();
    wrong(
        &of(numbers(&[1, 2, 3, 4])),
        "wrong columns, expected a `MultiIndex` of two levels or more, found an `Index`",
    );
    let (ids, sections) = (numbers(&[1, 2]), numbers(&[0, 3]));
    let codes = [ints(&[0, 0, 0, 1]), ints(&[0, 1, 1, 0])];
    let names = [text("id"), text("section")];
    let multi_of = |levels: &[Bytes], codes: &[Bytes], names: &[Bytes]| of(multi(levels, codes, names));
    assert!(bluerecording::read_pickle(&multi_of(&[ids.clone(), sections.clone()], &codes, &names)).is_ok());
    wrong(
        &multi_of(&[ids.clone(), sections.clone()], &[ints(&[0, 0, 0, 1]), ints(&[0, 1, 1])], &names),
        "wrong columns, expected 4 codes on each level, found 3",
    );
    wrong(
        &multi_of(&[ids.clone(), sections.clone()], &[ints(&[0, 0, 0, 2]), codes[1].clone()], &names),
        "wrong columns, expected the index of a label, found 2",
    );
    wrong(
        &multi_of(&[ids.clone(), sections.clone()], &[ints(&[0, 0, 0, -1]), codes[1].clone()], &names),
        "wrong columns, expected the index of a label, found -1",
    );
    let swapped = multi_of(&[ids.clone(), sections.clone()], &codes, &[text("section"), text("id")]);
    let labels = "wrong labels of columns, expected `id` and `section`, found `section`, `id`";
    assert_eq!(said(&swapped), labels);
    let three = [ids.clone(), sections.clone(), numbers(&[9])];
    let codes_of_three = [codes[0].clone(), codes[1].clone(), ints(&[0, 0, 0, 0])];
    let named = [text("id"), text("section"), none()];
    let labels = "wrong labels of columns, expected `id` and `section`, found `id`, `section`, ``";
    assert_eq!(said(&multi_of(&three, &codes_of_three, &named)), labels);
    let half = index("Index", &[("data", floats(&[1.0, 2.5], &[2]))]);
    wrong(&multi_of(&[half, sections], &codes, &names), "wrong labels, expected integers, found 2.5");
    let endless = index("RangeIndex", &[("start", int(0)), ("stop", int(i64::MAX)), ("step", int(0))]);
    let last = multi_of(&[endless, numbers(&[0, 3])], &[ints(&[0, 0, 0, 5]), codes[1].clone()], &names);
    assert!(bluerecording::read_pickle(&last).is_err());
}

#[test]
fn blocks_that_do_not_give_each_column_once_are_refused() {
    let of = |blocks: Vec<Bytes>| Frame { columns: labelled(&LABELS), blocks }.pickle();
    let four = |places: Bytes| of(vec![block(values(4), places)]);
    wrong(&of(vec![]), "wrong frame, expected values for all columns, found none for column 0");
    wrong(
        &of(vec![block(values(3), slice(0, 3))]),
        "wrong frame, expected values for all columns, found none for column 3",
    );
    wrong(&four(slice(0, 3)), "wrong block, expected positions of 4 columns, found a slice");
    wrong(&four(slice(1, 5)), "wrong frame, expected columns below 4, found one out of range");
    wrong(&four(ints(&[0, 1, 2, 2])), "wrong frame, expected each column in one block, found column 2 in two");
    wrong(&four(ints(&[0, 1, 2, -1])), "wrong frame, expected columns below 4, found one out of range");
    wrong(
        &of(vec![block(values(2), slice(0, 2)), block(floats(&[0.0; 8], &[2, 4]), slice(2, 4))]),
        "wrong frame, expected 3 rows in each block, found 4",
    );
    let rows = of(vec![block(floats(&[0.0; 8], &[4, 2]), slice(0, 4))]);
    assert_eq!(said(&rows), "wrong number of rows, expected 3 (x, y, z), found 2");
    let flat = of(vec![block(floats(&[0.0; 12], &[12]), slice(0, 12))]);
    wrong(&flat, "wrong block, expected an array of two dimensions, found an array");
}

#[test]
fn arrays_that_do_not_fit_their_description_are_refused() {
    let of = |values: Bytes| Frame { columns: labelled(&LABELS), blocks: vec![block(values, slice(0, 4))] }.pickle();
    let double = dtype("f8", "<");
    wrong(
        &of(array(&double, &[1 << 40, 3], &[0; 96])),
        "wrong array, expected [1099511627776, 3] values of 8 bytes, found 96 bytes",
    );
    wrong(
        &of(array(&double, &[1 << 62, 1 << 62], &[0; 96])),
        "wrong array, expected [4611686018427387904, 4611686018427387904] values of 8 bytes, found 96 bytes",
    );
    wrong(&of(array(&double, &[-4, -3], &[0; 96])), "wrong array, expected the length of a dimension, found `-4`");
    let types = "wrong array type, expected a number type of at most 8 bytes (`f8`, `f4`, `i8`, ...), found ";
    wrong(&of(array(&dtype("O8", "|"), &[4, 3], &[0; 96])), &format!("{types}`O8`"));
    wrong(&of(array(&dtype("f16", "<"), &[4, 3], &[0; 192])), &format!("{types}`f16`"));
    wrong(
        &of(array(&dtype("f8", "!"), &[4, 3], &[0; 96])),
        "wrong array type, expected the byte order `<`, `>` or `|`, found `!`",
    );
    wrong(&of(array(&list(&[]), &[4, 3], &[0; 96])), &format!("{types}a list of 0"));
    let objects = {
        let empty = [global("numpy", "ndarray"), tuple(&[int(0)]), bytes(b"b")];
        let made = call(&global("numpy.core.multiarray", "_reconstruct"), &empty);
        let state = [int(1), tuple(&[int(4), int(3)]), double.clone(), b"\x89".to_vec(), list(&vec![none(); 12])];
        join(&[&made, &tuple(&state), b"b"])
    };
    wrong(&of(objects), "wrong array, expected bytes, found a list of 12");
    let mut nan = vec![0.0; 12];
    nan[4] = f64::NAN;
    wrong(&of(floats(&nan, &[4, 3])), "wrong coordinate, expected a finite number for section 3 of node 1, found NaN");
}

#[test]
fn one_array_used_again_and_again_is_refused_early() {
    // 1000 blocks of one column each, all the same array of 3 values in a text of 100 kB
    let encode = global("_codecs", "encode");
    let long = join(&[&call(&encode, &[text(&"a".repeat(100_000)), text("latin1")]), b"\x94"]);
    let block_of = |data: Bytes| {
        let new = [data, dtype("f8", "<"), tuple(&[int(1), int(3)]), text("C")];
        block(call(&global("numpy.core.numeric", "_frombuffer"), &new), slice(0, 1))
    };
    let mut blocks = vec![block_of(long)];
    blocks.extend((0..1000).map(|_| block_of(b"h\x00".to_vec())));
    let bomb = Frame { columns: labelled(&LABELS), blocks }.pickle();
    let message = "wrong array, expected [1, 3] values of 8 bytes, found 100000 bytes";
    wrong(&bomb, message);
    // a valid array that is used ten times
    let mut codes = vec![join(&[&array(&dtype("i1", "|"), &[10_000], &[0; 10_000]), b"\x94"])];
    codes.extend((1..10).map(|_| b"h\x00".to_vec()));
    let columns = multi(&vec![numbers(&[1]); 10], &codes, &vec![none(); 10]);
    let bomb = Frame { columns, blocks: vec![] }.pickle();
    let most = 4 * bomb.len();
    // each of ten levels has claimed 8 bytes for its label before
    let found = 80 + 10_000 * (most - 80).div_ceil(10_000);
    wrong(&bomb, &format!("arrays too large, expected at most {most} bytes in all, found {found}"));
}

#[test]
fn labels_that_are_not_neurons_are_refused() {
    let of = |labels: &[(i64, i64)]| Frame::new(labels).pickle();
    wrong(
        &of(&[(1, 0), (2, 0), (1, 0)]),
        "columns of a neuron are not consecutive, expected all together, found node 1 again",
    );
    wrong(&of(&[(1, 4), (1, 0)]), "single boundary, expected two or more for section 4 of node 1, found 1");
    wrong(
        &of(&[(1, 4), (1, 4), (1, 0), (1, 4), (1, 4)]),
        "columns of a section are not consecutive, expected all together, found section 4 of node 1 again",
    );
    wrong(&of(&[(-7, 0)]), "wrong id, expected a number from 0 to 9223372036854775807, found -7");
    wrong(&of(&[(1, 1 << 32)]), "wrong section, expected a number from 0 to 4294967295, found 4294967296");
    assert_eq!(said(&of(&[])), "no boundaries, expected at least one neuron");
}

#[test]
fn a_dictionary_that_is_searched_again_and_again_is_not() {
    // an object has few members: a long dictionary is not an object's state
    let many: Vec<(String, Bytes)> = (0..200).map(|i| (format!("k{i}"), none())).collect();
    let mut state: Vec<(&str, Bytes)> = many.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
    state.push(("_mgr", Frame::new(&LABELS).manager()));
    wrong(&frame(&state), "wrong frame, expected its `_mgr`, found a dictionary of 201");
}

/// The pickles that are damaged at random.
fn seeds() -> Vec<Bytes> {
    let mut seeds = vec![Frame::new(&LABELS).pickle()];
    for version in ["1.5", "2.1", "3.1"] {
        seeds.extend([2, 4, 5].map(|protocol| genuine(&format!("pandas-{version}-plain-{protocol}.pkl"))));
        seeds.extend(["blocks", "named-rows"].map(|kind| genuine(&format!("pandas-{version}-{kind}-5.pkl"))));
    }
    seeds
}

/// A random change of some bytes.
#[derive(Debug, Clone)]
enum Change {
    Set(prop::sample::Index, u8),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize, usize),
    Insert(prop::sample::Index, Bytes),
    Cut(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        6 => (at(), any::<u8>()).prop_map(|(i, b)| Change::Set(i, b)),
        2 => (at(), 1..40_usize).prop_map(|(i, n)| Change::Remove(i, n)),
        2 => (at(), 1..60_usize, 1..40_usize).prop_map(|(i, n, times)| Change::Repeat(i, n, times)),
        2 => (at(), prop::collection::vec(any::<u8>(), 1..12)).prop_map(|(i, b)| Change::Insert(i, b)),
        1 => at().prop_map(Change::Cut),
    ]
}

fn changed(pickle: &mut Bytes, change: &Change) {
    if pickle.is_empty() {
        return;
    }
    let length = pickle.len();
    match change {
        Change::Set(i, b) => pickle[i.index(length)] = *b,
        Change::Remove(i, n) => drop(pickle.drain(i.index(length)..(i.index(length) + n).min(length))),
        Change::Repeat(i, n, times) => {
            let from = i.index(length);
            let piece = pickle[from..(from + n).min(length)].repeat(*times);
            pickle.splice(from..from, piece);
        }
        Change::Insert(i, b) => drop(pickle.splice(i.index(length)..i.index(length), b.iter().copied())),
        Change::Cut(i) => pickle.truncate(i.index(length)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn random_damage_neither_panics_nor_takes_memory(
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let seeds = seeds();
        let mut pickle = seed.get(&seeds).clone();
        changes.iter().for_each(|c| changed(&mut pickle, c));
        let (_, most) = peak(|| bluerecording::read_pickle(&pickle).is_ok());
        prop_assert!(most <= MAX_MEMORY_PER_FILE_BYTE as usize * pickle.len() + 4096, "{most} of {}", pickle.len());
    }

    #[test]
    fn random_instructions_neither_panic_nor_take_memory(
        pieces in prop::collection::vec(prop::sample::select(INSTRUCTIONS), 0..400),
        end in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let pickle = join(&[b"\x80\x05", &pieces.concat(), &end, b"."]);
        let (_, most) = peak(|| bluerecording::read_pickle(&pickle).is_ok());
        prop_assert!(most <= MAX_MEMORY_PER_FILE_BYTE as usize * pickle.len() + 4096, "{most} of {}", pickle.len());
    }
}

/// Instructions that create large values from few bytes.
const INSTRUCTIONS: &[&[u8]] = &[
    b"(",
    b"0",
    b"1",
    b"2",
    b"N",
    b"\x88",
    b")",
    b"]",
    b"}",
    b"t",
    b"\x85",
    b"\x86",
    b"\x87",
    b"l",
    b"d",
    b"a",
    b"e",
    b"s",
    b"u",
    b"\x94",
    b"h\x00",
    b"h\x01",
    b"q\x02",
    b"R",
    b"\x81",
    b"b",
    b"K\x03",
    b"X\x01\x00\x00\x00a",
    b"C\x02ab",
    b"cpandas\nDataFrame\n",
    b"cnumpy\ndtype\n",
    b"cnumpy\nndarray\n",
];

#[test]
fn growth_at_its_worst_stays_below_the_bound() {
    for instruction in INSTRUCTIONS {
        let pickle = join(&[b"\x80\x05)]}(", &instruction.repeat(100_000 / instruction.len()), b"."]);
        let (_, most) = peak(|| bluerecording::read_pickle(&pickle).is_ok());
        assert!(most <= MAX_MEMORY_PER_FILE_BYTE as usize * pickle.len() + 4096, "{most} for {instruction:?}");
    }
}
