//! A report is one page that needs nothing else, tells what the files hold, and works in a browser.

use std::process::Command;

use leadfield::geometry::Point;
use leadfield::segments::table::SegmentTable;
use leadfield::sonata::electrodes_file::ElectrodesFile;

use crate::pictures::folder;
use crate::support::{leadfield_in, names_in, one_neuron, scratch};

/// The report that some options make.
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
    // the name of the vocabulary of SVG, which nothing is loaded from
    assert_eq!(page.matches("http:").count(), page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
}

/// A page without its times, which are others each time.
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
fn a_page_tells_when_files_were_written_and_how_long_its_own_steps_took() {
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
fn a_sound_file_has_no_findings_and_what_was_looked_at_is_told() {
    let page = report(&[]);
    assert!(page.contains("<h2 id=\"findings\">Electrodes file: valid</h2>"));
    for told in [
        "No findings.",
        "all 50\u{2009}576 weights",
        "16 contacts",
        "20 nodes of s.parquet and their numbers of segments",
    ] {
        assert!(page.contains(told), "{told}");
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
    let told = run(&["report", table, "w.h5", "--electrode", "a"]);
    assert_eq!((told.code, told.stderr.as_str()), (0, "report.html: 2 contacts, drawn at `a`; 1 error\n"));
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
fn of_a_file_that_no_client_can_read_the_findings_alone_are_told() {
    let out = scratch();
    let weights = out.path().join("w.h5");
    std::fs::copy(folder().join("w.h5"), &weights).unwrap();
    // the last of 21 offsets
    overwrite(&weights, "/S1nonbarrel_neurons/offsets", 160, &9999_u64.to_ne_bytes());
    let table = folder().join("s.parquet");
    let told = leadfield_in(out.path(), &["report", table.to_str().unwrap(), "w.h5"]);
    let why = "/S1nonbarrel_neurons/offsets: last offset is not the number of rows of `scaling_factors`, expected \
               3161, found 9999";
    assert_eq!(told.stderr, format!("warning: w.h5: {why}\nreport.html: no pictures; 1 error\n"));
    assert_eq!(told.code, 0);
    let page = std::fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(page.contains("<tr><td>E19</td>") && page.contains(&format!("before it is fixed: w.h5: {why}</p>")));
    assert!(!page.contains("<svg") && !page.contains("<script"));
}

#[test]
fn the_table_tells_each_contact_s_coefficients_and_neighbours() {
    let page = report(&["--electrode", "5"]);
    let file = ElectrodesFile::open(&folder().join("w.h5")).unwrap();
    let population = &file.populations()[0];
    let values = file.read_rows(population, 0..population.rows()).unwrap();
    for contact in file.electrodes() {
        let column = contact.column(population.name()).unwrap() as usize;
        let mut own: Vec<f64> = values.chunks_exact(population.columns() as usize).map(|row| row[column]).collect();
        own.sort_unstable_by(f64::total_cmp);
        // 3161 is odd: the median is one of them
        let told =
            [own[0], own[own.len() / 2], own[own.len() - 1]].map(|v| format!("<td class=\"number\">{v:.3e}</td>"));
        let p = file.read_description(&contact.name).unwrap().position_um.unwrap();
        let sphere = format!("{},{},{},100", p.x, p.y, p.z);
        let near: f64 = leadfield_in(folder(), &["query", "s.parquet", "--sphere", &sphere, "--count"])
            .ok()
            .trim()
            .parse()
            .unwrap();
        // three digits
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
        let end = format!(
            "<td>{p}</td>{}<td>{unit}</td><td class=\"number\">{near}</td><td class=\"number\">{share}</td></tr>",
            told.concat()
        );
        assert!(page.lines().any(|row| row.starts_with(&begin) && row.ends_with(&end)), "{begin} {end}");
    }
}

/// What `report` says and the page that it makes of the golden table and contacts.
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
fn what_contacts_were_set_to_is_told_once_where_they_share_it() {
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
    assert!(plain.contains("min (V/nA)</th>") && !plain.contains(">settings</th>") && !plain.contains(">unit</th>"));
}

#[test]
fn the_title_tells_what_is_subtracted() {
    let page = page_of("name,x,y,z,type,reference\na,0,200,50,LineSource,b\nb,0,3000,50,LineSource,\n", &[]);
    assert!(page.contains(">LineSource at contact a, reference b</text>"));
}

#[test]
fn coefficients_of_regions_have_no_unit() {
    let page = page_of("name,x,y,z,type\na,0,200,50,ObjectiveCSD_Sphere_100\n", &[]);
    assert!(page.contains("class=\"number\">min</th>") && page.contains("\"unit\":\"\""));
    assert!(page.contains("ObjectiveCSD_Sphere: radius 100 um</td>"));
}

#[test]
fn a_contact_far_from_all_segments_has_a_page_without_a_view() {
    let page = page_of("name,x,y,z\neeg,0,100000,0\n", &[]);
    assert!(page.contains("<p>There are no segments within 250 um of it along each axis; use a larger --within.</p>"));
    assert!(page.contains("<td>eeg</td>") && page.contains("<svg") && !page.contains("<script"));
}

#[test]
fn of_a_file_of_another_circuit_the_findings_alone_are_told() {
    let out = scratch();
    let run = |args: &[&str]| leadfield_in(out.path(), args);
    let [a, b] = [("a", "1"), ("b", "2")].map(|(name, seed)| one_neuron(out.path(), name, seed).segments);
    std::fs::write(out.path().join("e.csv"), "name,x,y,z\nnear,0,0,900\n").unwrap();
    run(&["weights", "a.parquet", "e.csv", "-o", "w.h5"]).ok();
    let told = run(&["report", "b.parquet", "w.h5"]);
    let why = format!("another number of segments, expected {b} as in the table, found {a}");
    assert!(told.code == 0 && told.stderr.contains(&why), "{}", told.stderr);
    assert!(told.stderr.contains("report.html: no pictures; 1 error"), "{}", told.stderr);
    let page = std::fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(page.contains(&why) && page.contains("was the electrodes file made for this circuit and this table?"));
    assert!(page.contains("Electrodes file: 1 error</h2>") && !page.contains("<svg"));
    // a contact that is not there is no fault of the file
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
    assert_eq!(page.matches("<script").count(), 2, "the data and the program alone");
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
        "error: --within: out of range, expected a finite number above 0 um, found `-1`\nhint: for example `--within \
         200`",
    );
    run(&["nowhere"]).refused("error: nowhere: cannot be read: no such file or directory");
    run(&["s.parquet", "e6.csv"]).refused(
        "error: e6.csv: not a readable HDF5 file: H5Fopen(): unable to open file: file signature not found\n\
         hint: the file may be cut short, or be of another format",
    );
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

/// Added to the head: what goes wrong is kept.
const WATCH: &str = "<script>window.faults = []; addEventListener('error', (e) => faults.push(e.message));\
    console.error = (...t) => faults.push(t.join(' '));</script></head>";

/// Added to the end: finds a segment that can be pointed at, points at it, and writes down what the page does.
const POINT: &str = "<script>(() => {\
    const canvas = document.getElementById('scene'), scene = leadfieldScene, gl = canvas.getContext('webgl');\
    const pixels = new Uint8Array(4 * canvas.width * canvas.height);\
    gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);\
    let drawn = 0; for (let i = 0; i < pixels.length; i += 4) if (pixels[i] < 250) drawn++;\
    const seen = (i) => { const p = scene.middle(i); return p && p[0] > 0 && p[1] > 0 && p[0] < canvas.clientWidth\
      && p[1] < canvas.clientHeight && scene.pick(p[0], p[1]) === i; };\
    let i = 0; while (i < scene.count && !seen(i)) i++;\
    const [x, y] = scene.middle(i), box = canvas.getBoundingClientRect();\
    canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + x, clientY: box.top + y }));\
    const tip = document.getElementById('scene-tip'), told = tip.textContent, hidden = tip.hidden;\
    const press = (key) => canvas.dispatchEvent(new KeyboardEvent('keydown', { key, cancelable: true }));\
    press('ArrowLeft'); const turned = scene.middle(i); press('Home'); const back = scene.middle(i);\
    const moved = Math.hypot(turned[0] - x, turned[1] - y), left = Math.hypot(back[0] - x, back[1] - y);\
    const at = scene.middle(-1);\
    canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + at[0], clientY: box.top + at[1] }));\
    const contact = tip.textContent, reach = document.getElementById('scene-reach');\
    reach.value = 1; reach.dispatchEvent(new Event('input')); const none = scene.pick(x, y);\
    const ends = JSON.parse(document.getElementById('scene-data').textContent).ends.slice(6 * i, 6 * i + 6);\
    document.title = JSON.stringify({ faults, drawn, ends, hidden, tip: told, moved, left, contact, none });\
    })()</script></body>";

/// What the page says of itself in headless Chromium.
fn browse(page: &str) -> serde_json::Value {
    let dir = scratch();
    let file = dir.path().join("r.html");
    std::fs::write(&file, page.replace("</head>", WATCH).replace("</body>", POINT)).unwrap();
    let profile = format!("--user-data-dir={}", dir.path().join("profile").display());
    let address = format!("file://{}", file.display());
    let flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
                 --disable-component-update --disable-sync --use-gl=angle --use-angle=swiftshader \
                 --enable-unsafe-swiftshader --window-size=1200,1600 --virtual-time-budget=10000 --dump-dom";
    let output = Command::new("chromium").args(flags.split_whitespace()).args([&profile, &address]).output().unwrap();
    let dom = String::from_utf8(output.stdout).unwrap();
    let title = dom.split("<title>{").nth(1).and_then(|rest| rest.split("</title>").next());
    let title = title.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(&format!("{{{}", title.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))
        .unwrap()
}

/// The segment with these ends, and its coefficient at a contact.
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

#[test]
#[ignore = "needs chromium: make clients"]
fn the_page_draws_and_names_segments_in_a_browser_without_errors() {
    let told = browse(&report(&["--electrode", "2"]));
    assert_eq!(told["faults"], serde_json::json!([]));
    assert!(told["drawn"].as_u64().unwrap() > 1000, "{told}");
    assert_eq!(told["hidden"], false);
    let number = |name: &str| told[name].as_f64().unwrap();
    assert!(number("moved") > 1.0 && number("left") < 1e-6, "arrow keys turn, Home turns back: {told}");
    assert_eq!(told["contact"], "contact 2");
    assert_eq!(told["none"], -1, "nothing is seen within 1 um");
    let ends: Vec<f64> = told["ends"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let (node, section, segment, value) = segment(&ends, "2");
    let tip = told["tip"].as_str().unwrap();
    let (place, number) = tip.split_once(": ").unwrap();
    assert_eq!(place, format!("node {node}, section {section}, segment {segment}"));
    let number: f64 = number.strip_suffix(" V/nA").unwrap().parse().unwrap();
    assert!((number / value - 1.0).abs() < 1e-3, "{tip} {value}");
}
