//! Damaged heaps of strings in HDF5 files: libhdf5 1.10 goes through some of them for ever.

use std::path::Path;

use leadfield::io::hdf5::Hdf5File;

use super::electrodes_file::{edited, sound};
use crate::support::{leadfield_in, scratch};

/// An object of a heap: its number, where it begins in the file, and the bytes it takes.
type Object = (u16, usize, u64);

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// The objects of the only collection of a small file, in order: HDF5 File Format Specification, section III.E.
fn objects(bytes: &[u8]) -> Vec<Object> {
    let places: Vec<usize> = (0..bytes.len() - 4).filter(|&i| bytes[i..].starts_with(b"GCOL")).collect();
    let [begin] = places[..] else { panic!("{places:?}") };
    let end = begin + u64_at(bytes, begin + 8) as usize;
    let (mut at, mut objects) = (begin + 16, Vec::new());
    while at + 16 <= end {
        let number = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let size = u64_at(bytes, at + 8);
        let taken = if number == 0 { size } else { 16 + size.next_multiple_of(8) };
        objects.push((number, at, taken));
        at += taken as usize;
    }
    assert_eq!(at, end);
    objects
}

/// Writes a number over eight bytes of a file.
fn overwrite(path: &Path, at: usize, number: u64) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
    std::fs::write(path, bytes).unwrap();
}

const FREE: usize = 8;

#[test]
fn a_damaged_heap_has_its_own_error_wherever_strings_are_read() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    sound(&path);
    let whole = std::fs::read(&path).unwrap();
    let &(0, at, free) = objects(&whole).last().unwrap() else { panic!() };
    // what is free takes no bytes: what follows it never comes to an end
    overwrite(&path, at + FREE, 0);
    let damaged = format!("damaged heap of strings, expected 16 to {free} bytes for object 0 at byte {at}, found 0");
    let error = Hdf5File::open(&path).unwrap().read_string_scalar("/electrodes/a/type").unwrap_err();
    assert_eq!(error.to_string(), format!("{}: /electrodes/a/type[0]: {damaged}", path.display()));
    assert_eq!(error.hint().unwrap(), "the file is damaged: make it again, or fetch it again");
    let run = leadfield_in(dir.path(), &["validate", "electrodes-file", "w.h5", "--json"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let first = &told["findings"][0];
    assert_eq!((first["code"].as_str(), first["text"].as_str()), (Some("E06"), Some(damaged.as_str())));
    // an attribute is read by the library, which is given up when it does not return
    leadfield_in(dir.path(), &["info", "w.h5"]).refused(
        "error: w.h5: /electrodes/pop/scaling_factors: the HDF5 library does not return, expected less than 5 s of \
         computing\nhint: the file is damaged, probably where its strings lie: make it again, or fetch it again",
    );
}

#[test]
fn each_damage_of_a_heap_is_told() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    sound(&path);
    let whole = std::fs::read(&path).unwrap();
    let all = objects(&whole);
    let begin = all[0].1 - 16;
    let size = u64_at(&whole, begin + 8);
    let refused = |at: usize, number: u64, expected: &str| {
        std::fs::write(&path, &whole).unwrap();
        overwrite(&path, at, number);
        let error = Hdf5File::open(&path).unwrap().read_string_scalar("/electrodes/a/type").unwrap_err().to_string();
        let text = error.split("/electrodes/a/type[0]: damaged heap of strings, ").nth(1).unwrap_or(&error).to_string();
        assert_eq!(text, expected);
    };
    let most = whole.len() - begin;
    refused(begin, 0, &format!("expected a collection of strings at byte {begin}, found none"));
    refused(
        begin + 8,
        u64::MAX,
        &format!("expected a collection of at most {most} bytes at byte {begin}, found one of {}", u64::MAX),
    );
    let (number, at, _) = all[0];
    let left = size - 16;
    refused(
        at + 8,
        u64::MAX - 100,
        // padded to 8, and 16 of its header
        &format!("expected 16 to {left} bytes for object {number} at byte {at}, found {}", u64::MAX - 103 + 8 + 16),
    );
    // the object that the type is in goes by another number: `LineSource` has ten bytes
    let text = |&&(_, at, _): &&(u16, usize, u64)| whole[at + 16..].starts_with(b"LineSource");
    let &(number, at, _) = all.iter().find(text).unwrap();
    let other = u64_at(&whole, at) & !0xffff | 999;
    refused(
        at,
        other,
        &format!("expected object {number} of 10 bytes in the collection at byte {begin}, found no such object"),
    );
    refused(
        at + 8,
        9,
        &format!("expected object {number} of 10 bytes in the collection at byte {begin}, found 9 bytes"),
    );
}

#[test]
fn text_that_is_no_text_is_refused() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    sound(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    let text = |&&(_, at, _): &&Object| bytes[at + 16..].starts_with(b"LineSource");
    let &(_, at, _) = objects(&bytes).iter().find(text).unwrap();
    bytes[at + 16] = 0xff;
    std::fs::write(&path, bytes).unwrap();
    let error = Hdf5File::open(&path).unwrap().read_string_scalar("/electrodes/a/type").unwrap_err().to_string();
    assert_eq!(
        error,
        format!("{}: /electrodes/a/type[0]: not text, expected UTF-8, found other bytes", path.display())
    );
}

#[test]
fn strings_that_all_are_the_same_bytes_are_not_multiplied() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    sound(&path);
    let all: Vec<hdf5::types::VarLenUnicode> =
        ["x".repeat(8000)].iter().chain([&String::from("y"); 9]).map(|text| text.parse().unwrap()).collect();
    edited(&path, |file| drop(file.new_dataset_builder().no_chunk().with_data(&all).create("/texts").unwrap()));
    assert_eq!(Hdf5File::open(&path).unwrap().read_strings("/texts").unwrap().len(), 10);
    let mut bytes = std::fs::read(&path).unwrap();
    // a reference is a length, a collection's place, and a number; the second is made to be the first, and so on
    let is_first = |at: &usize| {
        let collection = u64_at(&bytes, at + 4) as usize;
        bytes[*at..].starts_with(&8000_u32.to_le_bytes())
            && bytes.get(collection..).is_some_and(|rest| rest.starts_with(b"GCOL"))
    };
    let first = (0..bytes.len() - 160).find(is_first).unwrap();
    (1..10).for_each(|i| bytes.copy_within(first..first + 16, first + 16 * i));
    std::fs::write(&path, &bytes).unwrap();
    let copies = bytes.len() / 8000 + 1;
    assert!(copies < 10);
    let error = Hdf5File::open(&path).unwrap().read_strings("/texts").unwrap_err().to_string();
    let told = format!(
        "{}: /texts[{}]: damaged heap of strings, expected strings that share no bytes, found {} bytes of them",
        path.display(),
        copies - 1,
        copies * 8000
    );
    assert_eq!(error, told);
}

/// Adds a text in chunks: the library reads it, since where it lies takes a tree to find.
fn chunked_text(path: &Path) {
    let text: Vec<hdf5::types::VarLenUnicode> = vec!["LineSource".parse().unwrap()];
    edited(path, |file| {
        drop(file.new_dataset_builder().chunk(1).with_data(&text).create("/electrodes/e/type").unwrap())
    });
}

#[test]
fn a_program_that_the_library_does_not_come_back_to_ends_with_an_error() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    let file = Hdf5File::create(&path).unwrap();
    for group in ["/pop", "/electrodes", "/electrodes/pop", "/electrodes/e"] {
        file.create_group(group).unwrap();
    }
    file.write_dataset("/pop/node_ids", &[4_u64], &[1]).unwrap();
    file.write_dataset("/pop/offsets", &[0_u64, 1], &[2]).unwrap();
    file.write_dataset("/electrodes/pop/scaling_factors", &[1.5_f64], &[1, 1]).unwrap();
    file.close().unwrap();
    chunked_text(&path);
    let &(0, at, _) = objects(&std::fs::read(&path).unwrap()).last().unwrap() else { panic!() };
    overwrite(&path, at + FREE, 0);
    leadfield_in(dir.path(), &["validate", "electrodes-file", "w.h5"]).refused(
        "error: w.h5: /electrodes/e/type: the HDF5 library does not return, expected less than 5 s of \
         computing\nhint: the file is damaged, probably where its strings lie: make it again, or fetch it again",
    );
}

#[test]
fn strings_are_read_alike_with_and_without_the_library() {
    let dir = scratch();
    let path = dir.path().join("s.h5");
    // more than one collection, and more than are read at a time
    let texts: Vec<String> = (0..10_000).map(|i| format!("{}{i} \u{b5}m", "x".repeat(i % 50))).collect();
    let file = Hdf5File::create(&path).unwrap();
    file.write_strings("/plain", &texts, &[texts.len()]).unwrap();
    file.write_strings("/empty", &["", "a"], &[2]).unwrap();
    // a file that is written is read by the library
    assert_eq!(file.read_strings("/plain").unwrap(), texts);
    file.close().unwrap();
    let file = Hdf5File::open(&path).unwrap();
    assert_eq!(file.read_strings("/plain").unwrap(), texts);
    assert_eq!(file.read_strings("/empty").unwrap(), ["", "a"]);
}
