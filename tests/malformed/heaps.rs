//! Damaged heaps of strings and of names in HDF5 files: libhdf5 1.10 never returns from some of them.

use std::path::Path;

use leadfield::io::hdf5::Hdf5File;

use super::electrodes_file::{edited, write_valid_file};
use crate::support::allocation::peak;
use crate::support::{leadfield_in, leadfield_with_peak, scratch};

/// An object of a heap: its number, its offset in the file, and its size, bytes.
type Object = (u16, usize, u64);

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Returns the objects of the only collection of a small file, in order: HDF5 File Format Specification, section III.E.
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
    write_valid_file(&path);
    let whole = std::fs::read(&path).unwrap();
    let &(0, at, free) = objects(&whole).last().unwrap() else { panic!() };
    // the free space has no bytes, so that a walk over the objects after it never ends
    overwrite(&path, at + FREE, 0);
    let damaged = format!("damaged heap of strings, expected 16 to {free} bytes for object 0 at byte {at}, found 0");
    let error = Hdf5File::open(&path).unwrap().read_string_scalar("/electrodes/a/type").unwrap_err();
    assert_eq!(error.to_string(), format!("{}: /electrodes/a/type[0]: {damaged}", path.display()));
    assert_eq!(error.hint().unwrap(), "the file is damaged: make it again, or fetch it again");
    let run = leadfield_in(dir.path(), &["validate", "electrodes-file", "w.h5", "--json"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let results: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let first = &results["findings"][0];
    assert_eq!((first["code"].as_str(), first["text"].as_str()), (Some("E06"), Some(damaged.as_str())));
    // an attribute is in the same heap
    leadfield_in(dir.path(), &["info", "w.h5"]).refused(&format!(
        "error: w.h5: /electrodes/pop/scaling_factors: attribute `units`: {damaged}\n\
         hint: the file is damaged: make it again, or fetch it again"
    ));
}

#[test]
fn each_damage_of_a_heap_is_reported() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    write_valid_file(&path);
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
    // the object with the type has another number: `LineSource` has ten bytes
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
fn text_that_is_not_utf_8_is_refused() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    write_valid_file(&path);
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
    write_valid_file(&path);
    let all: Vec<hdf5::types::VarLenUnicode> =
        ["x".repeat(8000)].iter().chain([&String::from("y"); 9]).map(|text| text.parse().unwrap()).collect();
    edited(&path, |file| drop(file.new_dataset_builder().no_chunk().with_data(&all).create("/texts").unwrap()));
    assert_eq!(Hdf5File::open(&path).unwrap().read_strings("/texts").unwrap().len(), 10);
    let mut bytes = std::fs::read(&path).unwrap();
    // a reference is a length, the offset of a collection, and a number; each reference is replaced by the one before
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
    let message = format!(
        "{}: /texts[{}]: damaged heap of strings, expected strings that share no bytes, found {} bytes of them",
        path.display(),
        copies - 1,
        copies * 8000
    );
    assert_eq!(error, message);
}

/// Adds a text in a chunked dataset, which the library reads, since its offset is in a tree.
fn chunked_text(path: &Path) {
    let text: Vec<hdf5::types::VarLenUnicode> = vec!["LineSource".parse().unwrap()];
    edited(path, |file| {
        drop(file.new_dataset_builder().chunk(1).with_data(&text).create("/electrodes/e/type").unwrap())
    });
}

#[test]
fn a_damaged_heap_is_reported_where_the_library_alone_finds_the_references() {
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
    let whole = std::fs::read(&path).unwrap();
    assert_eq!(Hdf5File::open(&path).unwrap().read_strings("/electrodes/e/type").unwrap(), ["LineSource"]);
    let &(0, at, free) = objects(&whole).last().unwrap() else { panic!() };
    overwrite(&path, at + FREE, 0);
    let run = leadfield_in(dir.path(), &["validate", "electrodes-file", "w.h5"]);
    let damaged = format!("damaged heap of strings, expected 16 to {free} bytes for object 0 at byte {at}, found 0");
    assert!(run.code == 1 && run.stdout.contains(&format!("/electrodes/e/type: {damaged}")), "{run:?}");
}

/// Memory that the program may use for a file of some kilobytes, bytes; most of it is code and libraries.
const MOST_MEMORY: u64 = 200 << 20;

/// Returns the offset of the only reference to a string: its length, the offset of its collection, its number.
fn reference_to(bytes: &[u8], text: &str) -> usize {
    let all = objects(bytes);
    let begin = all[0].1 - 16;
    let is_text = |&&(_, at, _): &&Object| {
        u64_at(bytes, at + 8) == text.len() as u64 && bytes[at + 16..].starts_with(text.as_bytes())
    };
    let &(number, ..) = all.iter().find(is_text).unwrap();
    let reference =
        [&(text.len() as u32).to_le_bytes()[..], &(begin as u64).to_le_bytes(), &u32::from(number).to_le_bytes()];
    let reference = reference.concat();
    let places: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(&reference)).collect();
    let [place] = places[..] else { panic!("{places:?}") };
    place
}

#[test]
fn the_length_of_an_attribute_does_not_ask_for_gigabytes() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    write_valid_file(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    let place = reference_to(&bytes, "V/nA");
    bytes[place..place + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let begin = objects(&bytes)[0].1 - 16;
    for args in [
        &["info", "w.h5"][..],
        &["validate", "electrodes-file", "w.h5"],
        &["validate", "weights", "w.h5", "w.h5"],
        &["convert", "w.h5", "-o", "x.csv"],
    ] {
        let (run, memory) = leadfield_with_peak(dir.path(), args);
        let text = run.stdout + &run.stderr;
        let problem = format!("of 4294967295 bytes in the collection at byte {begin}, found 4 bytes");
        assert!(matches!(run.code, 1 | 2) && text.contains(&problem), "{args:?}: {text}");
        assert!(memory < MOST_MEMORY, "{args:?}: {memory} bytes");
    }
}

/// The local heaps of a file, which hold the names in a group: the byte where each begins. HDF5 File Format Specification 3.0,
/// section III.D: signature, version, length of the data, then the offset of the first free block and the byte of the data.
fn local_heaps(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len() - 4).filter(|&at| bytes[at..].starts_with(b"HEAP")).collect()
}

/// Makes the first free block of a local heap the one that follows it.
fn free_block_after_itself(bytes: &mut [u8], heap: usize) {
    let free = u64_at(bytes, heap + 16);
    let data = u64_at(bytes, heap + 24);
    let block = (data + free) as usize;
    bytes[block..block + 8].copy_from_slice(&free.to_le_bytes());
}

#[test]
fn a_list_of_free_blocks_that_never_ends_does_not_take_gigabytes() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    write_valid_file(&path);
    let whole = std::fs::read(&path).unwrap();
    let heaps = local_heaps(&whole);
    assert_eq!(heaps.len(), 6, "the root and five groups: {heaps:?}");
    let inputs = crate::support::names_in(dir.path());
    // the root's list is read as the file is opened
    for (heap, object, args) in [
        (heaps[0], "/", &["info", "w.h5"][..]),
        (heaps[0], "/", &["convert", "w.h5", "-o", "x.csv"]),
        (heaps[2], "/electrodes", &["convert", "w.h5", "-o", "x.csv"]),
    ] {
        let mut bytes = whole.clone();
        free_block_after_itself(&mut bytes, heap);
        std::fs::write(&path, &bytes).unwrap();
        let (run, memory) = leadfield_with_peak(dir.path(), args);
        assert_eq!(crate::support::names_in(dir.path()), inputs, "{args:?}");
        // another version may find an error of its own
        if leadfield::io::hdf5::library_version() == "1.10.8" {
            let told = format!(
                "error: w.h5: {object}: the HDF5 library takes too much memory, expected at most 512 MiB in one call, found "
            );
            assert!(run.code == 2 && run.stderr.starts_with(&told), "{args:?}: {run:?}");
            assert!(run.stderr.ends_with("\nhint: the file is damaged: make it again, or fetch it again\n"), "{run:?}");
        }
        // 512 MiB, and what is allocated between two checks: 4.7 GB to 6.5 GB without a bound
        assert!(memory < 3 << 29, "{args:?}: {memory} bytes");
    }
}

#[test]
fn the_length_of_a_string_in_chunks_does_not_ask_for_gigabytes() {
    let dir = scratch();
    let path = dir.path().join("nodes.h5");
    let names: Vec<hdf5::types::VarLenUnicode> = vec!["morphology".parse().unwrap(); 1];
    Hdf5File::create(&path).unwrap().close().unwrap();
    edited(&path, |file| drop(file.new_dataset_builder().chunk(1).with_data(&names).create("/names").unwrap()));
    let mut bytes = std::fs::read(&path).unwrap();
    let place = reference_to(&bytes, "morphology");
    bytes[place..place + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    // the library allocates twice as much, and fills it with zeros
    let error = Hdf5File::open(&path).unwrap().read_strings("/names").unwrap_err().to_string();
    assert!(error.contains("/names[0]: damaged heap of strings, expected object 1 of 4294967295 bytes"), "{error}");
}

#[test]
fn short_strings_do_not_take_the_memory_of_the_longest() {
    let dir = scratch();
    let path = dir.path().join("s.h5");
    Hdf5File::create(&path).unwrap().close().unwrap();
    let letter = hdf5::types::FixedAscii::<1>::from_ascii("a").unwrap();
    let letters = vec![letter; 1_000_000];
    edited(&path, |file| {
        let builder = file.new_dataset_builder().chunk(100_000).deflate(9).with_data(&letters);
        drop(builder.create("/letters").unwrap());
    });
    assert!(path.metadata().unwrap().len() < 20_000);
    let file = Hdf5File::open(&path).unwrap();
    let (texts, allocated) = peak(|| file.read_strings("/letters").unwrap());
    assert!(texts.len() == 1_000_000 && texts.iter().all(|text| text == "a"));
    // 24 bytes for each string, and 1 for its letter; not 512
    assert!(allocated < 60_000_000, "{allocated} bytes");
}

#[test]
fn strings_are_read_alike_from_files_that_are_written_and_closed() {
    let dir = scratch();
    let path = dir.path().join("s.h5");
    // more than one collection, and more strings than are read at a time
    let texts: Vec<String> = (0..10_000).map(|i| format!("{}{i} \u{b5}m", "x".repeat(i % 50))).collect();
    let file = Hdf5File::create(&path).unwrap();
    file.write_strings("/plain", &texts, &[texts.len()]).unwrap();
    file.write_strings("/empty", &["", "a"], &[2]).unwrap();
    // a file that is written is flushed first
    assert_eq!(file.read_strings("/plain").unwrap(), texts);
    file.close().unwrap();
    let file = Hdf5File::open(&path).unwrap();
    assert_eq!(file.read_strings("/plain").unwrap(), texts);
    assert_eq!(file.read_strings("/empty").unwrap(), ["", "a"]);
}
