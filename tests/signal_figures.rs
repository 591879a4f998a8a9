//! Pictures of signals show the content of a report: sums of cells, depths and units on the axes. Invalid reports are
//! refused with the fault. Spectra agree with scipy.

use std::path::Path;
use std::process::Command;

use leadfield::geometry::Point;
use leadfield::io::hdf5::Hdf5File;
use leadfield::plot::figures::signals::{SignalSelection, SignalTraces, welch};

use crate::pictures::{groups, texts};
use crate::support::{Run, leadfield_in, names_in, scratch};

const FRAMES: usize = 200;
const CONTACTS: usize = 8;

/// The potential of a contact, mV: a wave of 40 Hz that changes sign between the contacts.
fn potential(frame: usize, contact: usize) -> f64 {
    (contact as f64 - 3.5) * (std::f64::consts::TAU * 0.04 * 0.5 * frame as f64).sin()
}

/// Writes a report as the simulator does: two cells, one of which has three times the potential of the other.
fn write_report(path: &Path) {
    let file = Hdf5File::create(path).unwrap();
    for group in ["/report", "/report/default", "/report/default/mapping"] {
        file.create_group(group).unwrap();
    }
    let row = |frame: usize| {
        [0.25, 0.75].into_iter().flat_map(move |share| (0..CONTACTS).map(move |c| share * potential(frame, c)))
    };
    let data: Vec<f32> = (0..FRAMES).flat_map(row).map(|v| v as f32).collect();
    file.write_dataset("/report/default/data", &data, &[FRAMES, 2 * CONTACTS]).unwrap();
    file.write_string_attribute("/report/default/data", "units", "mV").unwrap();
    let mapping = |name: &str| format!("/report/default/mapping/{name}");
    file.write_dataset(&mapping("node_ids"), &[4_u64, 9], &[2]).unwrap();
    file.write_dataset(&mapping("index_pointers"), &[0, CONTACTS as u64, 2 * CONTACTS as u64], &[3]).unwrap();
    let elements: Vec<u32> = (0..2).flat_map(|_| 0..CONTACTS as u32).collect();
    file.write_dataset(&mapping("element_ids"), &elements, &[2 * CONTACTS]).unwrap();
    file.write_dataset(&mapping("time"), &[0.0, 0.5 * FRAMES as f64, 0.5], &[3]).unwrap();
    file.close().unwrap();
}

/// Creates a folder with `lfp.h5`, and `e.csv` with its contacts along y.
fn folder() -> tempfile::TempDir {
    let folder = scratch();
    write_report(&folder.path().join("lfp.h5"));
    let rows: String = (0..CONTACTS).map(|i| format!("c{i},0,{},0\n", 50 * i)).collect();
    std::fs::write(folder.path().join("e.csv"), format!("name,x,y,z\n{rows}")).unwrap();
    folder
}

fn draw(folder: &Path, options: &[&str]) -> Run {
    leadfield_in(folder, &[&["plot", "signals", "lfp.h5", "-o", "a.svg"], options].concat())
}

fn edit(folder: &Path, change: impl FnOnce(&crate::malformed::electrodes_file::Damaged)) {
    crate::malformed::electrodes_file::edited(&folder.join("lfp.h5"), change);
}

#[test]
fn the_cells_of_a_report_are_added_up() {
    let folder = folder();
    let traces = SignalTraces::read(&folder.path().join("lfp.h5"), None, None).unwrap();
    assert_eq!((traces.frames(), traces.contacts(), traces.unit.as_str()), (FRAMES, CONTACTS, "V"));
    assert_eq!(traces.notes, ["taken as V, although the report states mV, as the simulator does"]);
    assert!(traces.positions_um.is_empty());
    assert_eq!((traces.times_ms[0], traces.step_ms()), (0.0, 0.5));
    for frame in [0, 7, FRAMES - 1] {
        for contact in 0..CONTACTS {
            let found = traces.values[frame * CONTACTS + contact];
            assert!((found - potential(frame, contact)).abs() < 1e-6, "{frame} {contact}");
        }
    }
    let electrodes = leadfield::electrodes::read(&folder.path().join("e.csv")).unwrap();
    let named = SignalTraces::read(&folder.path().join("lfp.h5"), Some(&electrodes), Some("uV")).unwrap();
    assert_eq!((named.contact_names[7].as_str(), named.unit.as_str()), ("c7", "uV"));
    assert!(named.notes.is_empty());
    assert_eq!(named.positions_um[7], Point::new(0.0, 350.0, 0.0));
}

#[test]
fn all_figures_have_their_axes_and_units() {
    let folder = folder();
    let output = draw(folder.path(), &["--electrodes", "e.csv"]);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (0, "a.svg: 200 frames at 8 contacts; taken as V, although the report states mV, as the simulator does\n")
    );
    let svg = std::fs::read_to_string(folder.path().join("a.svg")).unwrap();
    let texts = texts(&svg);
    for text in [
        "lfp.h5",
        "Traces by depth",
        "Potential by depth and time",
        "Current source density, second difference",
        "Current source density, kernel method",
        "Power spectra (Welch)",
        "time (ms)",
        "y (µm)",
        "potential (V)",
        "µA/mm³ (sinks below 0)",
        "power density (V²/Hz)",
        "8 contacts, 200 frames of 0.5 ms; taken as V, although the report states mV, as the simulator does",
    ] {
        assert!(texts.contains(&text), "{text} in {texts:?}");
    }
    assert_eq!(groups(&svg, "traces")[0].matches("<polyline").count(), CONTACTS);
    assert_eq!(svg.matches("<image ").count(), 3);
}

#[test]
fn without_positions_only_figures_without_depths_are_drawn() {
    let folder = folder();
    let output = draw(folder.path(), &[]);
    assert_eq!(output.code, 0);
    let warnings: Vec<&str> = output.stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warnings.len(), 2, "{}", output.stderr);
    assert_eq!(
        warnings[0],
        "warning: current source density, second difference left out: current source density needs contacts at 3 \
         different depths or more, found 1"
    );
    draw(folder.path(), &["--figure", "csd", "--force"]).refused(
        "error: lfp.h5: current source density needs contacts at 3 different depths or more, found 1\n\
         hint: give the positions of the contacts with `--electrodes FILE`",
    );
    for figure in ["traces", "image", "spectrum"] {
        draw(folder.path(), &["--figure", figure, "--force", "--quiet"]).ok();
    }
}

#[test]
fn reports_that_are_none_or_do_not_fit_are_refused() {
    let folder = folder();
    let path = folder.path();
    std::fs::write(path.join("few.csv"), "name,x,y,z\na,0,0,0\n").unwrap();
    draw(path, &["--electrodes", "few.csv"]).refused("error: lfp.h5: 1 electrodes, expected 8 as in the report");
    draw(path, &["--conductivity", "0"]).refused(
        "error: --conductivity: conductivity out of range, expected a number from 1e-30 to 1e30 S/m, found `0`\n\
         hint: grey matter has about 0.3 S/m: `--conductivity 0.277`",
    );
    draw(path, &["--unit", "kV"]).refused("error: --unit: unknown unit, expected `V`, `mV`, `uV`, found `kV`");
    for (radius, found) in [("0", "0"), ("-1", "-1"), ("nan", "NaN"), ("1e10", "10000000000")] {
        draw(path, &["--electrodes", "e.csv", "--source-radius", radius]).refused(&format!(
            "error: lfp.h5: radius of sources out of range, expected a number from 1e-3 to 1e9 \u{b5}m, found `{found}`"
        ));
    }
    let data = "/report/default/data";
    edit(path, |file| {
        let unit = "A".parse::<hdf5::types::VarLenUnicode>().unwrap();
        let data = file.dataset(data).unwrap();
        data.delete_attr("units").unwrap();
        data.new_attr::<hdf5::types::VarLenUnicode>().create("units").unwrap().write_scalar(&unit).unwrap();
    });
    draw(path, &["--electrodes", "e.csv", "--figure", "csd"])
        .refused("error: lfp.h5: current source density needs potentials in `V`, `mV` or `uV`, found `A`");
    edit(path, |file| {
        let pointers = file.dataset("/report/default/mapping/index_pointers").unwrap();
        pointers.write(&[0_u64, 5, 16]).unwrap();
    });
    draw(path, &[]).refused("error: lfp.h5: /report/default/data: 16 columns, expected a multiple of 5 contacts");
    edit(path, |file| file.unlink("/report").unwrap());
    draw(path, &[]).refused(
        "error: lfp.h5: no report of signals, expected a dataset `/report/POPULATION/data` of frames and contacts\n\
         hint: pictures need the `.h5` of `leadfield signals`, `-o signals.h5`, or an `lfp` report of the simulator",
    );
    assert_eq!(names_in(path), ["e.csv", "few.csv", "lfp.h5"]);
}

/// Adds the datasets of `leadfield signals` to the report: the kind of its two groups, their names, and the contacts'
/// units.
fn describe(folder: &Path, kind: &str, groups: &[&str], units: Option<&[&str]>) {
    edit(folder, |file| {
        let text = |text: &str| text.parse::<hdf5::types::VarLenUnicode>().unwrap();
        let texts = |list: &[&str]| list.iter().map(|t| text(t)).collect::<Vec<_>>();
        let mapping = file.group("/report/default/mapping").unwrap();
        mapping.new_attr::<hdf5::types::VarLenUnicode>().create("groups").unwrap().write_scalar(&text(kind)).unwrap();
        mapping.new_dataset_builder().with_data(&texts(groups)).create("group_names").unwrap();
        if let Some(units) = units {
            mapping.new_dataset_builder().with_data(&texts(units)).create("contact_units").unwrap();
        }
    });
}

#[test]
fn signals_of_several_units_are_not_drawn_on_one_scale() {
    let folder = folder();
    let path = folder.path();
    describe(path, "node", &["4", "9"], Some(&["mV", "mV", "nA", "mV", "fT", "nA", "nA", "nA"]));
    draw(path, &[]).refused(
        "error: lfp.h5: signals of several units, expected one unit, found fT at `4`; mV at `0`, `1`, `3`; nA at `2`, \
         `5`, `6` and 1 more\n\
         hint: choose contacts of one unit with `--electrode NAME,...`, of `plot signals` or of `signals`",
    );
    draw(path, &["--electrode", "2,5", "--figure", "traces"]).ok();
    let svg = std::fs::read_to_string(path.join("a.svg")).unwrap();
    assert_eq!(groups(&svg, "traces")[0].matches("<polyline").count(), 2);
    assert!(texts(&svg).iter().any(|text| text.ends_with(" nA")), "{:?}", texts(&svg));
    draw(path, &["--electrode", "2,x", "--force"])
        .refused("error: lfp.h5: unknown contact, expected one of `0`, `1`, `2`, `3`, `4`, `5`, `6`, `7`, found `x`");
    draw(path, &["--electrode", "2,2", "--force"])
        .refused("error: lfp.h5: contact is chosen twice, expected different ones, found `2` again");
}

#[test]
fn chosen_contacts_have_their_own_values_names_and_positions() {
    let folder = folder();
    let electrodes = leadfield::electrodes::read(&folder.path().join("e.csv")).unwrap();
    let contacts = ["c6", "c1"].map(String::from);
    let selection = SignalSelection { contacts: &contacts, group: Some("9") };
    let report = folder.path().join("lfp.h5");
    let traces = SignalTraces::read_selected(&report, Some(&electrodes), None, &selection).unwrap();
    assert_eq!(traces.contact_names, ["c6", "c1"]);
    assert_eq!(traces.positions_um, [Point::new(0.0, 300.0, 0.0), Point::new(0.0, 50.0, 0.0)]);
    for frame in [0, 7, FRAMES - 1] {
        for (place, contact) in [6, 1].into_iter().enumerate() {
            let found = traces.values[2 * frame + place];
            assert!((found - 0.75 * potential(frame, contact)).abs() < 1e-6, "{frame} {contact}");
        }
    }
}

#[test]
fn groups_with_names_are_not_added_up() {
    let folder = folder();
    let path = folder.path();
    // without a kind, names other than the ids of neurons are those of groups
    for kind in ["", "named"] {
        write_report(&path.join("lfp.h5"));
        describe(path, kind, &["L1", "all"], None);
        draw(path, &[]).refused(
            "error: lfp.h5: signals of several groups, expected one group, found `L1`, `all`\n\
             hint: choose one with `--group NAME` of `plot signals`; the sum over all neurons is `signals` without `--by`",
        );
    }
    draw(path, &["--group", "L2"]).refused("error: lfp.h5: unknown group, expected one of `L1`, `all`, found `L2`");
    draw(path, &["--group", "L1"]).ok();
    let selection = SignalSelection { contacts: &[], group: Some("L1") };
    let traces = SignalTraces::read_selected(&path.join("lfp.h5"), None, None, &selection).unwrap();
    let found = traces.values[7 * CONTACTS + 2];
    assert!((found - 0.25 * potential(7, 2)).abs() < 1e-6, "{found}");
}

#[test]
fn unfinished_signals_are_neither_drawn_nor_converted() {
    let folder = folder();
    let path = folder.path();
    std::fs::rename(path.join("lfp.h5"), path.join("un.h5.partial")).unwrap();
    let refusal = "error: un.h5.partial: unfinished, expected a complete report, found one that was never completed\n\
                   hint: complete `un.h5` with the command that began it and `--resume`; `leadfield info` shows its \
                   progress";
    leadfield_in(path, &["plot", "signals", "un.h5.partial", "-o", "a.svg"]).refused(refusal);
    leadfield_in(path, &["convert", "un.h5.partial", "-o", "a.parquet"]).refused(refusal);
    assert_eq!(names_in(path), ["e.csv", "un.h5.partial"]);
    let text = leadfield_in(path, &["info", "un.h5.partial"]).ok();
    assert!(text.contains("unfinished") && text.contains("unknown: its checkpoint is missing"), "{text}");
}

#[test]
fn elements_that_are_not_numbers_of_contacts_are_refused() {
    let folder = folder();
    let elements = "/report/default/mapping/element_ids";
    let write = |ids: [u32; 2 * CONTACTS]| {
        edit(folder.path(), |file| file.dataset(elements).unwrap().write(&ids).unwrap());
    };
    write([0, 1, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 3, 2, 1, 0]);
    draw(folder.path(), &[]).refused(
        "error: lfp.h5: /report/default/mapping/element_ids[8]: element is not the number of the contact, expected 0, since \
         contacts are 0, 1, 2, ... for each cell, found 7",
    );
    write([0, 1, 1, 1, 2, 2, 3, 3, 0, 1, 1, 1, 2, 2, 3, 3]);
    draw(folder.path(), &[]).refused(
        "error: lfp.h5: /report/default/mapping/element_ids: elements repeat, expected contacts 0, 1, 2, ... for each \
         cell, found sections as in a report of membrane currents\n\
         hint: signals of these currents: `leadfield signals REPORT --weights WEIGHTS -o signals.h5`",
    );
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with scipy: make clients"]
fn spectra_are_those_of_scipy() {
    let python = std::env::var_os("LEADFIELD_PYTHON").expect("LEADFIELD_PYTHON names a Python with the clients");
    // a sum of incommensurate waves, a slope and an offset
    let value = |i: usize| (0.37 * i as f64).sin() + 0.2 * (1.93 * i as f64).cos() + 0.001 * i as f64 - 3.0;
    let values: Vec<f64> = (0..3001).map(value).collect();
    let script = "import json, sys, numpy, scipy.signal as s; d = json.load(sys.stdin); x = numpy.array(d['x']); \
                  print(json.dumps([list(map(float, v)) for v in s.welch(x, fs=d['fs'], nperseg=d['n'])]))";
    for (rate, segment) in [(1000.0, 256), (2000.0, 1024), (1.0, 2)] {
        let folder = scratch();
        let input = folder.path().join("x.json");
        let data = serde_json::json!({ "x": values, "fs": rate, "n": segment });
        std::fs::write(&input, data.to_string()).unwrap();
        let output =
            Command::new(&python).args(["-c", script]).stdin(std::fs::File::open(&input).unwrap()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let [frequencies, density]: [Vec<f64>; 2] = serde_json::from_slice(&output.stdout).unwrap();
        let found = welch(&values, rate, segment).unwrap();
        assert_eq!(found.frequencies_hz.len(), frequencies.len());
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * rate;
        assert!(found.frequencies_hz.iter().zip(&frequencies).all(near), "{:?} {frequencies:?}", found.frequencies_hz);
        let largest = density.iter().copied().fold(0.0, f64::max);
        for (k, (ours, theirs)) in found.density.iter().zip(&density).enumerate() {
            assert!((ours - theirs).abs() <= 1e-12 * largest, "{segment} {k}: {ours} {theirs}");
        }
    }
}

#[test]
fn electrodes_belong_to_the_names_of_a_report() {
    let folder = folder();
    let path = folder.path();
    let names: Vec<String> = (0..CONTACTS).map(|i| format!("c{i}")).collect();
    edit(path, |file| {
        let texts: Vec<hdf5::types::VarLenUnicode> = names.iter().map(|name| name.parse().unwrap()).collect();
        let mapping = file.group("/report/default/mapping").unwrap();
        mapping.new_dataset_builder().with_data(&texts).create("contact_names").unwrap();
    });
    // the same contacts in reverse order, and one more
    let rows: String = (0..=CONTACTS).rev().map(|i| format!("c{i},0,{},0\n", 50 * i)).collect();
    std::fs::write(path.join("r.csv"), format!("name,x,y,z\n{rows}")).unwrap();
    let electrodes = leadfield::electrodes::read(&path.join("r.csv")).unwrap();
    let traces = SignalTraces::read(&path.join("lfp.h5"), Some(&electrodes), None).unwrap();
    assert_eq!(traces.contact_names, names);
    assert_eq!(traces.positions_um[2], Point::new(0.0, 100.0, 0.0));
    assert!((traces.values[7 * CONTACTS + 2] - potential(7, 2)).abs() < 1e-6);
    std::fs::write(path.join("r.csv"), "name,x,y,z\nc0,0,0,0\n").unwrap();
    draw(path, &["--electrodes", "r.csv"]).refused(
        "error: lfp.h5: no electrode of contact `c1`, expected those of the report, found `c0`\n\
         hint: names and positions of the report are used without `--electrodes`",
    );
}

#[test]
fn populations_are_added_up_only_if_they_match() {
    let folder = folder();
    let path = folder.path();
    // a second population, which differs in one respect
    let add_contacts = |unit: &str, start: f64, frames: usize, contacts: usize| {
        write_report(&path.join("lfp.h5"));
        edit(path, |file| {
            let group = file.create_group("/report/zz/mapping").unwrap();
            group.new_dataset_builder().with_data(&[4_u64]).create("node_ids").unwrap();
            group.new_dataset_builder().with_data(&[0_u64, contacts as u64]).create("index_pointers").unwrap();
            let elements: Vec<u32> = (0..contacts as u32).collect();
            group.new_dataset_builder().with_data(&elements).create("element_ids").unwrap();
            let time = [start, start + 0.5 * FRAMES as f64, 0.5];
            group.new_dataset_builder().with_data(&time).create("time").unwrap();
            let data = file.new_dataset::<f32>().shape([frames, contacts]).create("/report/zz/data").unwrap();
            data.write_raw(&vec![1.0_f32; frames * contacts]).unwrap();
            let text: hdf5::types::VarLenUnicode = unit.parse().unwrap();
            data.new_attr::<hdf5::types::VarLenUnicode>().create("units").unwrap().write_scalar(&text).unwrap();
        });
    };
    let add = |unit: &str, start: f64, frames: usize| add_contacts(unit, start, frames, CONTACTS);
    add("mV", 0.0, FRAMES);
    let whole = SignalTraces::read(&path.join("lfp.h5"), None, None).unwrap();
    assert!((whole.values[7 * CONTACTS + 2] - potential(7, 2) - 1.0).abs() < 1e-6);
    // a node of both populations
    draw(path, &["--group", "4"]).refused(
        "error: lfp.h5: group `4` is in several populations, expected one of `default/4`, `default/9`, `zz/4`\n\
         hint: choose one with `--group POPULATION/NAME` of `plot signals`",
    );
    draw(path, &["--group", "zz/7"])
        .refused("error: lfp.h5: unknown group, expected one of `default/4`, `default/9`, `zz/4`, found `zz/7`");
    let of = |group: &str| {
        let selection = SignalSelection { contacts: &[], group: Some(group) };
        SignalTraces::read_selected(&path.join("lfp.h5"), None, None, &selection).unwrap().values[7 * CONTACTS + 2]
    };
    assert_eq!(of("zz/4"), 1.0);
    assert!((of("default/4") - 0.25 * potential(7, 2)).abs() < 1e-6);
    let hint = "hint: choose one with `--group POPULATION/NAME` of `plot signals`";
    // names of contacts of one population only: the others are numbers
    edit(path, |file| {
        let names: Vec<hdf5::types::VarLenUnicode> = (1..=CONTACTS).map(|i| i.to_string().parse().unwrap()).collect();
        let mapping = file.group("/report/zz/mapping").unwrap();
        mapping.new_dataset_builder().with_data(&names).create("contact_names").unwrap();
    });
    let quoted = |first: usize| (first..first + CONTACTS).map(|i| format!("`{i}`")).collect::<Vec<_>>().join(", ");
    draw(path, &["--unit", "V"]).refused(&format!(
        "error: lfp.h5: /report/zz: another list of contacts than in population `default`, expected {}, found {}\n{hint}",
        quoted(0),
        quoted(1)
    ));
    add("uV", 0.0, FRAMES);
    draw(path, &[]).refused(&format!(
        "error: lfp.h5: /report/zz: another unit than in population `default`, expected `mV`, found `uV`\n{hint}"
    ));
    add("mV", 10.0, FRAMES);
    draw(path, &[]).refused(&format!(
        "error: lfp.h5: /report/zz: another time than in population `default`, expected 200 frames every 0.5 ms from 0 ms, \
         found 200 frames every 0.5 ms from 10 ms\n{hint}"
    ));
    add_contacts("mV", 0.0, FRAMES, 3);
    draw(path, &[]).refused(&format!(
        "error: lfp.h5: /report/zz: another number of contacts than in population `default`, expected 8, found 3\n{hint}"
    ));
    // of one population, contacts are its own
    let own = draw(path, &["--group", "zz/4", "--figure", "traces"]);
    assert!(own.stderr.starts_with("a.svg: 200 frames at 3 contacts"), "{}", own.stderr);
    add("mV", 0.0, FRAMES / 2);
    draw(path, &["--force"]).refused(
        "error: lfp.h5: /report/zz/data: wrong number of frames, expected 200 as `mapping/time` states, found 100\n\
         hint: the simulation may have ended early, or the copy of the report: make it again",
    );
}
