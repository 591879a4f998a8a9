//! A report is one page that needs no other file, describes the content of the files, and works in a browser.

use leadfield::geometry::Point;
use leadfield::segments::table::SegmentTable;
use leadfield::sonata::electrodes_file::ElectrodesFile;

use crate::browser::{Browser, Screen};
use crate::pictures::folder;
use crate::support::{leadfield_in, names_in, one_neuron, scratch};

/// Returns the report for some options.
fn report(options: &[&str]) -> String {
    let out = scratch();
    let file = out.path().join("r.html");
    let args = ["report", "s.parquet", "w.h5", "--quiet", "-o", file.to_str().unwrap()];
    leadfield_in(folder(), &[&args, options].concat()).ok();
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn a_page_refers_to_nothing_outside_itself() {
    let page = report(&[]);
    for outside in ["src=", "href=\"http", "url(", "@import", "https:"] {
        assert!(!page.contains(outside), "{outside}");
    }
    // the name of SVG's namespace, from which nothing is loaded
    assert_eq!(page.matches("http:").count(), page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
}

/// Computes signals of the reference circuit with the weights of these options.
fn signals(weights: &[&str]) -> tempfile::TempDir {
    let out = scratch();
    let currents = crate::support::golden().join("input/circuit/output/compartment.h5");
    let lfp = out.path().join("<lfp>.h5");
    let args = ["signals", currents.to_str().unwrap(), "-o", lfp.to_str().unwrap(), "--quiet"];
    leadfield_in(folder(), &[&args, weights].concat()).ok();
    out
}

#[test]
fn signals_are_drawn_as_traces_and_current_source_density_if_a_file_is_given() {
    let contacts = crate::support::golden().join("input/electrodes/np8.csv");
    let lfp = signals(&["--segments", "s.parquet", "--electrodes", contacts.to_str().unwrap()]);
    let path = lfp.path().join("<lfp>.h5");
    let page = report(&["--signals", path.to_str().unwrap()]);
    let section = page.split("<h2 id=\"signals\">Signals of &lt;lfp&gt;.h5</h2>").nth(1).unwrap();
    let section = section.split("</section>").next().unwrap();
    assert_eq!(section.matches("<svg").count(), 1);
    for shown in ["Traces by depth", "Current source density, second difference", "time (ms)", "0.277 S/m"] {
        assert!(section.contains(shown), "{shown}: {section:.3000}");
    }
    for outside in ["src=", "href=\"http", "url(", "@import", "https:"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<th scope=\"row\">report: signals read and drawn</th>").count(), 1);
    // traces are lighter on a dark background
    let dark = page.split("@media screen and (prefers-color-scheme: dark)").nth(2).unwrap();
    let trace = section.split("stroke=\"").map(|rest| &rest[..7]).find(|colour| *colour == "#204a87").unwrap();
    assert!(dark.split('}').any(|rule| rule.contains(&format!("svg [stroke=\"{trace}\"]"))));
    // contacts of `w.h5` that give shares of currents
    let shares = signals(&["--weights", "w.h5", "--electrode", "4,5,6"]);
    let of_shares = report(&["--signals", shares.path().join("<lfp>.h5").to_str().unwrap()]);
    let why =
        "<p class=\"note\">current source density, second difference left out: current source density needs potentials";
    let of_shares = of_shares.split("id=\"signals\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(of_shares.contains(why) && of_shares.contains("Traces by depth"), "{of_shares}");
    assert!(!of_shares.contains("0.277 S/m"));
    // all its contacts have several units
    let of_all = signals(&["--weights", "w.h5"]);
    let mixed = of_all.path().join("<lfp>.h5");
    let args = ["report", "s.parquet", "w.h5", "--signals", mixed.to_str().unwrap(), "-o", "never.html"];
    let refused = leadfield_in(folder(), &args);
    assert!(
        refused.code == 2 && refused.stderr.contains("signals of several units, expected one unit"),
        "{}",
        refused.stderr
    );
    // without the option the page is as before
    assert!(!report(&[]).contains("id=\"signals\""));
}

#[test]
fn signals_that_cannot_be_drawn_are_refused_before_anything_is_written() {
    let out = scratch();
    let weights = folder().join("w.h5");
    let page = out.path().join("r.html");
    let args = ["report", "s.parquet", "w.h5", "--signals", weights.to_str().unwrap(), "-o", page.to_str().unwrap()];
    leadfield_in(folder(), &args).refused(&format!(
        "error: {}: no report of signals, expected a dataset `/report/POPULATION/data` of frames and contacts\n\
         hint: pictures need the `.h5` of `leadfield signals`, `-o signals.h5`, or an `lfp` report of the simulator",
        weights.display()
    ));
    assert!(names_in(out.path()).is_empty());
}

/// Returns a page without its times, which differ in each run.
fn lasting(page: &str) -> String {
    let passing = |line: &&str| !line.ends_with("UTC</td></tr>") && !line.contains("<th scope=\"row\">report: ");
    page.lines().filter(passing).collect()
}

#[test]
fn a_folder_is_searched_for_its_table_and_its_electrodes_file() {
    let out = scratch();
    let file = out.path().join("r.html");
    leadfield_in(folder(), &["report", ".", "--electrode", "3", "--quiet", "-o", file.to_str().unwrap()]).ok();
    let found = std::fs::read_to_string(file).unwrap().replace("./s.parquet", "s.parquet").replace("./w.h5", "w.h5");
    assert!(lasting(&found) == lasting(&report(&["--electrode", "3"])));
}

#[test]
fn a_page_states_when_files_were_written_and_how_long_its_own_steps_took() {
    let page = report(&[]);
    let written = std::fs::metadata(folder().join("w.h5")).unwrap().modified().unwrap();
    let seconds = written.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() % 86_400;
    let clock = format!("{:02}:{:02}:{:02} UTC</td>", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let of_weights = page.split("<th scope=\"row\">electrodes file</th>").nth(1).unwrap();
    assert!(of_weights.split("</tr>").nth(1).unwrap().contains(&clock), "{clock}");
    assert_eq!(page.matches("<tr><th scope=\"row\">report: ").count(), 4);
    assert!(page.contains("hold no times, so that the same inputs give the same bytes"));
}

#[test]
fn a_valid_file_has_no_findings_and_the_page_states_what_was_checked() {
    let page = report(&[]);
    assert!(page.contains("<h2 id=\"findings\">Electrodes file: valid</h2>"));
    for text in [
        "No findings.",
        "all 50\u{2009}576 weights",
        "16 contacts",
        "20 nodes of s.parquet and their numbers of segments",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("how to fix it"));
}

/// Overwrites some bytes of the first value of a dataset, `skip` bytes after its start.
fn overwrite(path: &std::path::Path, object: &str, skip: u64, bytes: &[u8]) {
    use std::os::unix::fs::FileExt;
    let at = leadfield::io::hdf5::Hdf5File::open(path).unwrap().byte_offset(object).unwrap().unwrap() + skip;
    std::fs::File::options().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap();
}

#[test]
fn a_damaged_file_has_its_findings_on_the_page_as_text() {
    let out = scratch();
    let table = folder().join("s.parquet");
    let table = table.to_str().unwrap();
    let run = |args: &[&str]| leadfield_in(out.path(), args);
    std::fs::write(out.path().join("e.csv"), "name,x,y,z\na,9,9,9\n<b onload=\"x\">,0,0,0\n").unwrap();
    run(&["weights", table, "e.csv", "-o", "w.h5"]).ok();
    let weights = out.path().join("w.h5");
    overwrite(&weights, "/electrodes/S1nonbarrel_neurons/scaling_factors", 8, &f64::NAN.to_ne_bytes());
    let output = run(&["report", table, "w.h5", "--electrode", "a"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, "report.html: 2 contacts, drawn at `a`; 1 error\n"));
    let page = std::fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(page.contains("<h2 id=\"findings\">Electrodes file: 1 error</h2>"));
    let row = "<tr><td>E34</td><td class=\"error\">error</td>\
               <td>/electrodes/S1nonbarrel_neurons/scaling_factors[0]: NaN at contact `&lt;b onload=&quot;x&quot;&gt;`, \
               expected a finite number</td>\
               <td>libsonata reads it correctly, the simulator stops with an error</td>\
               <td>is a contact on a segment? compute it again with `leadfield weights --near-field radius`</td></tr>";
    assert!(page.contains(row), "{}", page.split("findings").nth(1).unwrap().split("<figure>").next().unwrap());
    assert!(!page.contains("<b onload"));
}

#[test]
fn for_a_file_that_no_client_can_read_the_page_lists_only_the_findings() {
    let out = scratch();
    let weights = out.path().join("w.h5");
    std::fs::copy(folder().join("w.h5"), &weights).unwrap();
    // the last of 21 offsets
    overwrite(&weights, "/S1nonbarrel_neurons/offsets", 160, &9999_u64.to_ne_bytes());
    let table = folder().join("s.parquet");
    let output = leadfield_in(out.path(), &["report", table.to_str().unwrap(), "w.h5"]);
    let why = "/S1nonbarrel_neurons/offsets: last offset is not the number of rows of `scaling_factors`, expected \
               3161, found 9999";
    assert_eq!(output.stderr, format!("warning: w.h5: {why}\nreport.html: no pictures; 1 error\n"));
    assert_eq!(output.code, 1);
    let page = std::fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(page.contains("<tr><td>E19</td>") && page.contains(&format!("before it is fixed: w.h5: {why}</p>")));
    assert!(!page.contains("<svg") && !page.contains("<script"));
}

#[test]
fn the_table_lists_the_weights_and_neighbours_of_each_contact() {
    let page = report(&["--electrode", "5"]);
    let file = ElectrodesFile::open(&folder().join("w.h5")).unwrap();
    let population = &file.populations()[0];
    let values = file.read_rows(population, 0..population.rows()).unwrap();
    for contact in file.electrodes() {
        let column = contact.column(population.name()).unwrap() as usize;
        let mut own: Vec<f64> = values.chunks_exact(population.columns() as usize).map(|row| row[column]).collect();
        own.sort_unstable_by(f64::total_cmp);
        // 3161 is odd: the median is one of them
        let found =
            [own[0], own[own.len() / 2], own[own.len() - 1]].map(|v| format!("<td class=\"number\">{v:.3e}</td>"));
        let p = file.read_description(&contact.name).unwrap().position_um.unwrap();
        let sphere = format!("{},{},{},100", p.x, p.y, p.z);
        let near: f64 = leadfield_in(folder(), &["query", "s.parquet", "--sphere", &sphere, "--count"])
            .ok()
            .trim()
            .parse()
            .unwrap();
        // with three digits
        let share = match 100.0 * near / 3161.0 {
            0.0 => "0 %".to_string(),
            share if share < 0.1 => format!("{share:.4} %"),
            share if share < 1.0 => format!("{share:.3} %"),
            share if share < 10.0 => format!("{share:.2} %"),
            share => format!("{share:.1} %"),
        };
        assert!(near < 1000.0);
        let class = if contact.name == "5" { " class=\"chosen\"" } else { "" };
        let kind = file.read_description(&contact.name).unwrap().kind.unwrap();
        let unit = if kind.starts_with("ObjectiveCSD") { "" } else { "V/nA" };
        let begin = format!("<tr{class}><td>{}</td><td>{kind}</td>", contact.name);
        let place = p.to_array().map(|v| format!("<td class=\"number\">{v}</td>").replace('-', "\u{2212}")).concat();
        let end = format!(
            "{place}{}<td>{unit}</td><td class=\"number\">{near}</td><td class=\"number\">{share}</td></tr>",
            found.concat()
        );
        assert!(page.lines().any(|row| row.starts_with(&begin) && row.ends_with(&end)), "{begin} {end}");
    }
}

/// Returns the rows of a page's table of contacts.
fn contact_rows(page: &str) -> Vec<&str> {
    let table = page.split("id=\"contacts\"").nth(1).unwrap().split("</table>").next().unwrap();
    table.lines().filter(|line| line.starts_with("<tr><td>")).collect()
}

#[test]
fn the_table_of_contacts_has_volts_whatever_unit_the_file_has() {
    let out = scratch();
    let table = folder().join("s.parquet");
    let table = table.to_str().unwrap();
    let run = |args: &[&str]| leadfield_in(out.path(), args);
    std::fs::write(out.path().join("e.csv"), "name,x,y,z\na,9,9,9\nb,0,0,0\nc,0,90,0\n").unwrap();
    run(&["weights", table, "e.csv", "-o", "w.h5", "--quiet"]).ok();
    let page = |name: &str| {
        run(&["report", table, "w.h5", "--electrode", "c", "-o", name, "--quiet"]).ok();
        std::fs::read_to_string(out.path().join(name)).unwrap()
    };
    let volts = page("volts.html");
    assert!(volts.contains(">median (V/nA)<"));
    crate::malformed::electrodes_file::edited(&out.path().join("w.h5"), |file| {
        let dataset = file.dataset("/electrodes/S1nonbarrel_neurons/scaling_factors").unwrap();
        let microvolts = dataset.read_2d::<f64>().unwrap() * 1e6;
        dataset.write(&microvolts).unwrap();
        dataset.delete_attr("units").unwrap();
        crate::malformed::electrodes_file::text_attribute(&dataset, "units", "uV/nA");
    });
    let microvolts = page("microvolts.html");
    assert!(microvolts.contains(">median (V/nA)<"));
    let rows = contact_rows(&volts);
    assert!(rows.len() == 2 && contact_rows(&microvolts) == rows, "{:?}\n{rows:?}", contact_rows(&microvolts));
    // a column whose unit is not one of potentials is shown unchanged, with its unit
    crate::malformed::electrodes_file::edited(&out.path().join("w.h5"), |file| {
        crate::malformed::electrodes_file::text_attribute(&file.group("/electrodes/b").unwrap(), "units", "fT/nA");
    });
    let mixed = page("mixed.html");
    assert!(!mixed.contains(">median (V/nA)<") && mixed.contains(">median<"));
    let [a, b] = contact_rows(&mixed)[..] else { panic!("{mixed}") };
    assert!(a.contains("<td>V/nA</td>") && b.contains("<td>fT/nA</td>"), "{a}\n{b}");
    // the same numbers, a million times as large
    let numbers = |row: &str| -> Vec<f64> {
        let cells = row.split("<td class=\"number\">").skip(4).take(3);
        cells.map(|cell| cell.split('<').next().unwrap().parse().unwrap()).collect()
    };
    let ratios: Vec<f64> = numbers(b).iter().zip(numbers(rows[1])).map(|(shown, volts)| shown / volts).collect();
    assert!(ratios.len() == 3 && ratios.iter().all(|ratio| (ratio / 1e6 - 1.0).abs() < 2e-3), "{ratios:?}");
}

/// Returns the output of `report` for the golden table and contacts, and the page.
fn page_of(csv: &str, options: &[&str]) -> String {
    let out = scratch();
    let table = folder().join("s.parquet");
    let table = table.to_str().unwrap();
    std::fs::write(out.path().join("e.csv"), csv).unwrap();
    leadfield_in(out.path(), &[&["weights", table, "e.csv", "-o", "w.h5"], options].concat()).ok();
    leadfield_in(out.path(), &["report", table, "w.h5"]).ok();
    std::fs::read_to_string(out.path().join("report.html")).unwrap()
}

#[test]
fn settings_that_contacts_share_are_listed_once() {
    let csv = "name,x,y,z,type,reference\na,0,200,50,LineSource,<b>\n<b>,0,300,50,LineSource,\n";
    let page = page_of(csv, &["--conductivity", "0.3"]);
    let shared = "<tr><th scope=\"row\">method</th><td>LineSource: conductivity 0.3 S/m, near field radius</td></tr>";
    assert!(page.contains(shared));
    assert!(page.contains("<td>a</td><td>LineSource</td><td>reference &lt;b&gt;</td>"));
    assert!(page.contains("<td>&lt;b&gt;</td><td>LineSource</td><td></td>"));
    let page = page_of(csv, &["--conductivity", "0.3", "--conductivity", "0.4"]);
    assert!(page.contains("<td>LineSource</td><td>conductivity 0.3 S/m, reference &lt;b&gt;</td>"));
    assert!(page.contains("LineSource: near field radius</td>") && page.contains("<td>conductivity 0.4 S/m</td>"));
    let plain = page_of("name,x,y,z\na,0,200,50\n", &[]);
    assert!(plain.contains(">min (V/nA)</button>") && !plain.contains(">settings<") && !plain.contains(">unit<"));
}

#[test]
fn the_title_states_what_is_subtracted() {
    let page = page_of("name,x,y,z,type,reference\na,0,200,50,LineSource,b\nb,0,3000,50,LineSource,\n", &[]);
    assert!(page.contains(">LineSource at contact a, reference b</text>"));
}

#[test]
fn weights_of_regions_have_no_unit() {
    let page = page_of("name,x,y,z,type\na,0,200,50,ObjectiveCSD_Sphere_100\n", &[]);
    assert!(page.contains(">min</button></th>") && page.contains("\"unit\":\"\""));
    assert!(page.contains("ObjectiveCSD_Sphere: radius 100 µm</td>"));
}

#[test]
fn a_contact_far_from_all_segments_has_a_page_without_a_view() {
    let page = page_of("name,x,y,z\neeg,0,100000,0\n", &[]);
    assert!(page.contains("<p>There are no segments within 250 µm of it along each axis; use a larger --within.</p>"));
    assert!(page.contains("<td>eeg</td>") && page.contains("<svg") && !page.contains("scene-data"));
}

#[test]
fn for_a_file_of_another_circuit_the_page_lists_only_the_findings() {
    let out = scratch();
    let run = |args: &[&str]| leadfield_in(out.path(), args);
    let [a, b] = [("a", "1"), ("b", "2")].map(|(name, seed)| one_neuron(out.path(), name, seed).segments);
    std::fs::write(out.path().join("e.csv"), "name,x,y,z\nnear,0,0,900\n").unwrap();
    run(&["weights", "a.parquet", "e.csv", "-o", "w.h5"]).ok();
    let output = run(&["report", "b.parquet", "w.h5"]);
    let why = format!("another number of segments, expected {b} as in the table, found {a}");
    assert!(output.code == 1 && output.stderr.contains(&why), "{}", output.stderr);
    assert!(output.stderr.contains("report.html: no pictures; 1 error"), "{}", output.stderr);
    let page = std::fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(page.contains(&why) && page.contains("was the electrodes file made for this circuit and this table?"));
    assert!(page.contains("Electrodes file: 1 error</h2>") && !page.contains("<svg"));
    // an unknown contact is not a fault of the file
    run(&["report", "b.parquet", "w.h5", "--electrode", "x", "-o", "x.html"])
        .refused("error: w.h5: unknown electrode, expected one of `near`, found `x`");
}

#[test]
fn names_that_are_markup_are_text_in_every_place() {
    let out = scratch();
    std::fs::write(out.path().join("e.csv"), "name,x,y,z\n<script>alert(1),0,0,0\n\"</script>\",9,9,9\n").unwrap();
    let table = folder().join("s.parquet");
    let table = table.to_str().unwrap();
    let run = |args: &[&str]| leadfield_in(out.path(), args);
    // a slash cannot stand in a name of HDF5
    assert_eq!(run(&["weights", table, "e.csv", "-o", "w.h5"]).code, 2);
    std::fs::write(out.path().join("e.csv"), "name,x,y,z\n<script>alert(1),0,0,0\n").unwrap();
    run(&["weights", table, "e.csv", "-o", "w.h5"]).ok();
    run(&["report", table, "w.h5"]).ok();
    let page = std::fs::read_to_string(out.path().join("report.html")).unwrap();
    assert_eq!(page.matches("<script").count(), 3, "the data and the two programs alone");
    assert!(page.contains("<td>&lt;script&gt;alert(1)</td>") && page.contains("contact &lt;script&gt;alert(1)</h2>"));
}

#[test]
fn too_few_and_too_many_files_are_refused_and_leave_nothing() {
    let out = scratch();
    let file = out.path().join("r.html");
    let run = |inputs: &[&str]| leadfield_in(folder(), &[&["report", "-o", file.to_str().unwrap()], inputs].concat());
    run(&["w.h5"]).refused(
        "error: expected one segment table, found none\n\
         hint: create one from a circuit with `leadfield positions`, or check only the file with `leadfield validate electrodes-file`",
    );
    run(&["s.parquet"]).refused(
        "error: expected one electrodes file, found none\nhint: create one with `leadfield weights s.parquet \
         ELECTRODES -o weights.h5`",
    );
    run(&["s.parquet", "w.h5", "s.parquet"]).refused(
        "error: expected one segment table, found `s.parquet`, `s.parquet`\n\
         hint: name the two that belong together: `leadfield report s.parquet w.h5`",
    );
    run(&["s.parquet", "w.h5", "--electrode", "x"]).refused(
        "error: w.h5: unknown electrode, expected one of `0`, `1`, `10`, `11`, `12`, `13`, `14`, `15`, `2`, `3`, `4`, \
         `5` and 4 more, found `x`",
    );
    run(&["s.parquet", "w.h5", "--within=-1"]).refused(
        "error: --within: out of range, expected a finite number above 0 µm, found `-1`\nhint: for example `--within \
         200`",
    );
    run(&["nowhere"]).refused("error: nowhere: cannot be read: no such file or directory");
    run(&["s.parquet", "e6.csv"])
        .refused("error: e6.csv: a table of contacts, expected a segment table or an electrodes file");
    assert!(names_in(out.path()).is_empty());
}

#[test]
fn a_folder_with_nothing_too_little_or_too_much_says_so() {
    let out = scratch();
    let put = |from: &str, to: &str| {
        let to = out.path().join(to);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(folder().join(from), to).unwrap();
    };
    std::fs::create_dir(out.path().join("d")).unwrap();
    std::fs::write(out.path().join("d/notes.h5"), "no HDF5").unwrap();
    let run = || leadfield_in(out.path(), &["report", "d"]);
    run().refused(
        "error: expected one segment table, found none\nhint: create one from a circuit with `leadfield positions`, \
         and an electrodes file from it with `leadfield weights`",
    );
    put("s.parquet", "d/s.parquet");
    run().refused(
        "error: expected one electrodes file, found none\n\
         hint: create one with `leadfield weights d/s.parquet ELECTRODES -o weights.h5`",
    );
    put("w.h5", "d/a.h5");
    put("w.h5", "d/b.h5");
    run().refused(
        "error: expected one electrodes file, found `d/a.h5`, `d/b.h5`\n\
         hint: name the two that belong together: `leadfield report d/s.parquet d/a.h5`",
    );
    std::fs::remove_file(out.path().join("d/b.h5")).unwrap();
    std::fs::remove_file(out.path().join("d/s.parquet")).unwrap();
    // as `positions` writes two populations
    put("s.parquet", "d/segments/east/part-00000.parquet");
    put("s.parquet", "d/segments/west/part-00000.parquet");
    run().refused(
        "error: expected one segment table, found `d/segments/east`, `d/segments/west`\n\
         hint: name the two that belong together: `leadfield report d/segments/east d/a.h5`",
    );
    assert_eq!(names_in(out.path()), ["d"]);
    std::fs::remove_dir_all(out.path().join("d/segments/west")).unwrap();
    assert_eq!(run().code, 0);
}

/// Returns the segment with these ends, and its weight at a contact.
fn segment(ends: &[f64], electrode: &str) -> (u64, u32, u32, f64) {
    let table = SegmentTable::open(&folder().join("s.parquet")).unwrap();
    let all = table.parts()[0].read().unwrap();
    let near = |p: Point, at: &[f64]| p.distance(Point::new(at[0], at[1], at[2])) < 0.02;
    let found: Vec<_> = all.iter().filter(|s| near(s.start, ends) && near(s.end, &ends[3..])).collect();
    assert_eq!(found.len(), 1);
    let file = ElectrodesFile::open(&folder().join("w.h5")).unwrap();
    let population = &file.populations()[0];
    let column = file.electrodes().iter().find(|e| e.name == electrode).unwrap().column(population.name()).unwrap();
    let neuron = *table.neurons().unwrap().iter().find(|n| n.node_id == found[0].node_id).unwrap();
    let row = population.rows_of_node(neuron.node_id).unwrap().start + found[0].row - neuron.first_row;
    let value = file.read_rows(population, row..row + 1).unwrap()[column as usize];
    (found[0].node_id, found[0].section_id, found[0].segment_id, value)
}

const WIDE: Screen = Screen { width: 1400, height: 900, scheme: "light" };

/// Returns the centre of the 3D view on the screen, after scrolling to it.
fn scene_middle(browser: &mut Browser) -> [f64; 2] {
    browser.evaluate("document.getElementById('scene').scrollIntoView({ block: 'center' })");
    let at = |axis: &str, size: &str| format!("(r => r.{axis} + r.{size} / 2)(scene.getBoundingClientRect())");
    [browser.number(&at("x", "width")), browser.number(&at("y", "height"))]
}

#[test]
#[ignore = "needs chromium: make clients"]
fn the_page_fits_every_screen_and_begins_with_verdict_and_picture() {
    let page = report(&["--electrode", "2"]);
    for (width, height) in [(1400, 900), (400, 800)] {
        for scheme in ["light", "dark"] {
            let screen = Screen { width, height, scheme };
            let mut browser = Browser::open(&page, screen);
            assert_eq!(browser.number("innerWidth"), f64::from(width));
            let page_width = browser.number("document.documentElement.scrollWidth");
            assert!(page_width <= f64::from(width), "{screen:?}: {page_width}");
            // nothing extends beyond the window, except in elements that scroll or clip
            let beyond = browser.evaluate(
                "[...document.body.querySelectorAll('*')].filter((e) => !e.closest('.scroll, figure, #scene-box, script')\
                 && e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.tagName + '#' + e.id)",
            );
            assert_eq!(beyond, serde_json::json!([]), "{screen:?}");
            // numbers are not broken into lines
            let broken = browser.evaluate(
                "[...document.querySelectorAll('.number, #numbers dd')].filter((e) => e.offsetHeight > 44).length",
            );
            assert_eq!(broken, 0, "{screen:?}");
            let verdict = browser.number("verdict.getBoundingClientRect().bottom");
            let picture = browser.number("document.querySelector('figure svg').getBoundingClientRect().top");
            assert!(verdict > 0.0 && verdict < 200.0, "{screen:?}: {verdict}");
            assert!(picture + 250.0 < f64::from(height), "{screen:?}: the picture begins at {picture}");
            let ground = browser.evaluate("getComputedStyle(document.body).backgroundColor");
            let dark = ground.as_str().unwrap().split(['(', ',']).nth(1).unwrap().parse::<u32>().unwrap() < 64;
            assert_eq!(dark, scheme == "dark", "{ground}");
            let text = browser.evaluate("getComputedStyle(document.querySelector('figure svg text')).fill");
            let light = text.as_str().unwrap().split(['(', ',']).nth(1).unwrap().parse::<u32>().unwrap() > 128;
            assert_eq!(light, scheme == "dark", "letters of pictures are {text}");
            assert_eq!(browser.faults, [""; 0], "{screen:?}");
        }
    }
}

#[test]
#[ignore = "needs chromium: make clients"]
fn a_wheel_scrolls_the_page_and_zooms_with_the_control_key() {
    let mut browser = Browser::open(&report(&["--electrode", "2"]), WIDE);
    let at = scene_middle(&mut browser);
    // a segment's distance from the contact on the screen
    let apart = "(([x, y], [u, v]) => Math.hypot(x - u, y - v))(leadfieldScene.middle(0), leadfieldScene.middle(-1))";
    let (before, size) = (browser.number("scrollY"), browser.number(apart));
    browser.wheel(at, -120.0, 2);
    assert_eq!(browser.number("scrollY"), before, "the page stays");
    let zoomed = browser.number(apart);
    assert!(zoomed > 1.1 * size, "{size} {zoomed}");
    browser.wheel(at, 120.0, 0);
    assert!(browser.number("scrollY") > before + 50.0, "the page scrolls");
    assert_eq!(browser.number(apart), zoomed, "and the view stays");
    browser.evaluate("document.getElementById('scene-reset').click()");
    assert!((browser.number(apart) / size - 1.0).abs() < 1e-6, "reset");
    assert_eq!(browser.faults, [""; 0]);
}

#[test]
#[ignore = "needs chromium: make clients"]
fn one_finger_scrolls_the_page_and_two_turn_the_view() {
    let mut browser = Browser::open(&report(&["--electrode", "2"]), Screen { width: 400, height: 800, ..WIDE });
    browser.call("Emulation.setTouchEmulationEnabled", serde_json::json!({ "enabled": true, "maxTouchPoints": 2 }));
    let [x, y] = scene_middle(&mut browser);
    let place = "leadfieldScene.middle(0).slice(0, 2).join()";
    let (before, scrolled) = (browser.evaluate(place), browser.number("scrollY"));
    browser.move_fingers(&[[[x, y], [x, y - 120.0]]]);
    assert_eq!(browser.evaluate(place), before, "one finger does not turn");
    assert!(browser.number("scrollY") > scrolled + 40.0, "one finger scrolls");
    let [x, y] = scene_middle(&mut browser);
    let scrolled = browser.number("scrollY");
    browser.move_fingers(&[[[x - 40.0, y], [x + 20.0, y]], [[x + 40.0, y], [x + 100.0, y]]]);
    assert_ne!(browser.evaluate(place), before, "two fingers turn");
    assert_eq!(browser.number("scrollY"), scrolled, "and do not scroll");
    assert_eq!(browser.faults, [""; 0]);
}

/// Finds a segment that can be pointed at, points at it, and returns the text of the page.
const POINT: &str = "(() => {\
    const canvas = document.getElementById('scene'), scene = leadfieldScene;\
    const seen = (i) => { const p = scene.middle(i); return p && p[0] > 0 && p[1] > 0 && p[0] < canvas.clientWidth\
      && p[1] < canvas.clientHeight && scene.pick(p[0], p[1]) === i; };\
    let i = 0; while (i < scene.count && !seen(i)) i++;\
    const point = ([x, y]) => { const box = canvas.getBoundingClientRect();\
      canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + x, clientY: box.top + y })); };\
    point(scene.middle(i));\
    const tip = document.getElementById('scene-tip'), told = tip.textContent, hidden = tip.hidden, colour = scene.colour(i);\
    point(scene.middle(-1)); const contact = tip.textContent;\
    return { ends: scene.ends(i), hidden, tip: told, contact, colour };\
    })()";

/// Checks the text about a segment at a contact.
fn check_segment(shown: &serde_json::Value, electrode: &str) {
    assert_eq!(shown["hidden"], false);
    assert_eq!(shown["contact"], format!("contact {electrode}"));
    let ends: Vec<f64> = shown["ends"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let (node, section, segment, value) = segment(&ends, electrode);
    let tip = shown["tip"].as_str().unwrap();
    let (place, number) = tip.split_once(": ").unwrap();
    assert!(place.starts_with(&format!("node {node}, section {section}, segment {segment} (")), "{tip}");
    let number: f64 = number.strip_suffix(" V/nA").unwrap().parse().unwrap();
    assert!((number / value - 1.0).abs() < 1e-3, "{tip} {value}");
}

#[test]
#[ignore = "needs chromium: make clients"]
fn the_view_names_segments_at_every_contact_in_the_colours_of_the_picture() {
    let mut browser = Browser::open(&report(&["--electrode", "2"]), WIDE);
    let drawn = browser.number(
        "(() => { const gl = scene.getContext('webgl2'), n = 4 * scene.width * scene.height, p = new Uint8Array(n);\
         gl.readPixels(0, 0, scene.width, scene.height, gl.RGBA, gl.UNSIGNED_BYTE, p);\
         return p.filter((v, i) => i % 4 === 0 && v < 200).length; })()",
    );
    assert!(drawn > 1000.0, "{drawn}");
    let shown = browser.evaluate(POINT);
    check_segment(&shown, "2");
    // the colour in the picture
    let mut table = SegmentTable::open(&folder().join("s.parquet")).unwrap();
    let lookup = leadfield::weights::WeightLookup::open(&folder().join("w.h5"), "2", &table).unwrap();
    table.set_population(lookup.population().name());
    let plot = leadfield::plot::figures::WeightsPlot {
        table: &table,
        lookup: &lookup,
        views: &leadfield::plot::figures::ViewPlane::ALL,
        within_um: None,
        max_segments: leadfield::plot::figures::MAX_SEGMENTS,
    };
    let picture = leadfield::plot::figures::plot_weights(&plot).unwrap();
    let ends: Vec<f64> = shown["ends"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let expected = picture.palette.colour(Some(segment(&ends, "2").3)).channels();
    for (k, channel) in expected.into_iter().enumerate() {
        let found = shown["colour"][k].as_f64().unwrap();
        assert!((found - f64::from(channel)).abs() <= 1.0, "{} {expected:?}", shown["colour"]);
    }
    // another contact, which is then selected and visible in the table as well
    let other = browser.evaluate("leadfieldScene.names.find((name) => name !== '2' && Number(name) < 4)");
    let other = other.as_str().unwrap();
    browser.evaluate(&format!(
        "(() => {{ const s = document.getElementById('scene-contact'); s.value = leadfieldScene.names.indexOf('{other}');\
         s.dispatchEvent(new Event('change')); }})()"
    ));
    check_segment(&browser.evaluate(POINT), other);
    assert_eq!(browser.evaluate("document.querySelector('tr.chosen td').textContent"), other);
    for colour in ["neuron", "section type", "mtype"] {
        let before = browser.evaluate("leadfieldScene.colour(0).join()");
        let after = browser.evaluate(&format!(
            "(() => {{ const s = document.getElementById('scene-colour'); s.value = '{colour}';\
             s.dispatchEvent(new Event('change')); return s.value + leadfieldScene.colour(0).join(); }})()"
        ));
        assert!(after.as_str().unwrap().starts_with(colour), "{colour} can be chosen");
        assert_ne!(after.as_str().unwrap().replace(colour, ""), before.as_str().unwrap(), "{colour}");
    }
    assert!(browser.number("document.querySelectorAll('#scene-kinds li').length") > 1.0);
    assert_eq!(browser.faults, [""; 0]);
}

#[test]
#[ignore = "needs chromium: make clients"]
fn the_table_is_sorted_by_its_heads_and_shows_the_chosen_contact() {
    let mut browser = Browser::open(&report(&["--electrode", "9"]), WIDE);
    let shown = "(() => { const f = document.getElementById('contacts').getBoundingClientRect(),\
        r = document.querySelector('tr.chosen').getBoundingClientRect(); return r.top >= f.top && r.bottom <= f.bottom; })()";
    assert_eq!(browser.evaluate(shown), true);
    let column = |browser: &mut Browser, name: &str| -> Vec<String> {
        let cells = browser.evaluate(&format!(
            "(() => {{ const t = document.querySelector('#contacts table'), heads = [...t.tHead.rows[0].cells];\
             const i = heads.findIndex((h) => h.textContent.startsWith('{name}')); heads[i].firstChild.click();\
             return [...t.tBodies[0].rows].map((r) => r.cells[i].textContent); }})()"
        ));
        cells.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_string()).collect()
    };
    let numbers = |cells: &[String]| -> Vec<f64> { cells.iter().map(|c| c.parse().unwrap()).collect() };
    let rising = numbers(&column(&mut browser, "max"));
    assert!(rising.len() == 16 && rising.is_sorted() && rising[0] < rising[15], "{rising:?}");
    let falling = numbers(&column(&mut browser, "max"));
    assert!(falling.iter().rev().is_sorted(), "{falling:?}");
    let names = column(&mut browser, "name");
    assert_eq!(names, (0..16).map(|i| i.to_string()).collect::<Vec<_>>(), "10 follows 9");
    assert_eq!(browser.evaluate(shown), true);
    assert_eq!(browser.faults, [""; 0]);
}

#[test]
#[ignore = "needs chromium: make clients"]
fn a_printed_page_has_no_controls_and_nothing_folded() {
    let mut browser = Browser::open(&report(&["--electrode", "2"]), Screen { scheme: "dark", ..WIDE });
    browser.call("Emulation.setEmulatedMedia", serde_json::json!({ "media": "print" }));
    assert_eq!(browser.evaluate("document.getElementById('scene-controls').offsetHeight"), 0);
    assert_eq!(browser.evaluate("getComputedStyle(document.getElementById('contacts')).maxHeight"), "none");
    browser.evaluate("window.dispatchEvent(new Event('beforeprint'))");
    assert_eq!(browser.number("document.querySelectorAll('details:not([open])').length"), 0.0);
    browser.evaluate("window.dispatchEvent(new Event('afterprint'))");
    assert_eq!(browser.number("document.querySelectorAll('details:not([open])').length"), 2.0);
}
