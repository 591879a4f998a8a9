//! A report is one page that needs nothing else, tells what the files hold, and works in a browser.

use std::process::Command;

use leadfield::geometry::Point;
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::table::Table;

use crate::pictures::folder;
use crate::support::{leadfield_in, names_in, scratch};

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

#[test]
fn a_folder_is_searched_for_its_table_and_its_electrodes_file() {
    let out = scratch();
    let file = out.path().join("r.html");
    leadfield_in(folder(), &["report", ".", "--electrode", "3", "--quiet", "-o", file.to_str().unwrap()]).ok();
    assert_eq!(
        std::fs::read_to_string(file).unwrap(),
        report(&["--electrode", "3"]).replace(">s.parquet<", ">./s.parquet<").replace(">w.h5,", ">./w.h5,")
    );
}

#[test]
fn the_table_tells_each_contact_s_coefficients_and_neighbours() {
    let page = report(&["--electrode", "5"]);
    let file = ElectrodesFile::open(&folder().join("w.h5")).unwrap();
    let population = &file.populations()[0];
    let values = file.rows(population, 0..population.rows()).unwrap();
    for contact in file.electrodes() {
        let column = contact.column(population.name()).unwrap() as usize;
        let mut own: Vec<f64> = values.chunks_exact(population.columns() as usize).map(|row| row[column]).collect();
        own.sort_unstable_by(f64::total_cmp);
        // 3161 is odd: the median is one of them
        let told =
            [own[0], own[own.len() / 2], own[own.len() - 1]].map(|v| format!("<td class=\"number\">{v:.3e}</td>"));
        let p = file.description(&contact.name).unwrap().position.unwrap();
        let sphere = format!("{},{},{},100", p.x, p.y, p.z);
        let near: f64 = leadfield_in(folder(), &["query", "s.parquet", "--sphere", &sphere, "--count"])
            .ok()
            .trim()
            .parse()
            .unwrap();
        let class = if contact.name == "5" { " class=\"chosen\"" } else { "" };
        let row = format!(
            "<tr{class}><td>{}</td><td>{}</td><td>{p}</td>{}<td class=\"number\">{:.2} %</td></tr>",
            contact.name,
            file.description(&contact.name).unwrap().kind.unwrap(),
            told.concat(),
            100.0 * near / 3161.0
        );
        assert!(page.contains(&row), "{row}");
    }
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
    let hint = "hint: name both files: `leadfield report segments.parquet weights.h5`";
    let run = |inputs: &[&str]| leadfield_in(folder(), &[&["report", "-o", file.to_str().unwrap()], inputs].concat());
    run(&["w.h5"]).refused(&format!("error: expected one segment table, found none\n{hint}"));
    run(&["s.parquet"]).refused(&format!("error: expected one electrodes file, found none\n{hint}"));
    run(&["s.parquet", "w.h5", "s.parquet"])
        .refused(&format!("error: expected one segment table, found `s.parquet`, `s.parquet`\n{hint}"));
    run(&["s.parquet", "w.h5", "--electrode", "x"]).refused(
        "error: w.h5: unknown electrode, expected one of `0`, `1`, `10`, `11`, `12`, `13`, `14`, `15`, `2`, `3`, `4`, `5` \
         and 4 more, found `x`",
    );
    assert!(names_in(out.path()).is_empty());
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
    const tip = document.getElementById('scene-tip');\
    const ends = JSON.parse(document.getElementById('scene-data').textContent).ends.slice(6 * i, 6 * i + 6);\
    document.title = JSON.stringify({ faults, drawn, ends, hidden: tip.hidden, tip: tip.textContent });\
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
    let table = Table::open(&folder().join("s.parquet")).unwrap();
    let all = table.parts()[0].read().unwrap();
    let near = |p: Point, at: &[f64]| p.distance(Point::new(at[0], at[1], at[2])) < 0.02;
    let found: Vec<_> = all.iter().filter(|s| near(s.start, ends) && near(s.end, &ends[3..])).collect();
    assert_eq!(found.len(), 1);
    let file = ElectrodesFile::open(&folder().join("w.h5")).unwrap();
    let population = &file.populations()[0];
    let column = file.electrodes().iter().find(|e| e.name == electrode).unwrap().column(population.name()).unwrap();
    let neuron = *table.neurons().unwrap().iter().find(|n| n.node_id == found[0].node_id).unwrap();
    let row = population.rows_of(neuron.node_id).unwrap().start + found[0].row - neuron.first_row;
    let value = file.rows(population, row..row + 1).unwrap()[column as usize];
    (found[0].node_id, found[0].section_id, found[0].segment_id, value)
}

#[test]
#[ignore = "needs chromium: make clients"]
fn the_page_draws_and_names_segments_in_a_browser_without_errors() {
    let told = browse(&report(&["--electrode", "2"]));
    assert_eq!(told["faults"], serde_json::json!([]));
    assert!(told["drawn"].as_u64().unwrap() > 1000, "{told}");
    assert_eq!(told["hidden"], false);
    let ends: Vec<f64> = told["ends"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let (node, section, segment, value) = segment(&ends, "2");
    let tip = told["tip"].as_str().unwrap();
    let (place, number) = tip.split_once(": ").unwrap();
    assert_eq!(place, format!("node {node}, section {section}, segment {segment}"));
    let number: f64 = number.strip_suffix(" V/nA").unwrap().parse().unwrap();
    assert!((number / value - 1.0).abs() < 1e-3, "{tip} {value}");
}
