//! Pictures show the content of the files: one line per segment, one mark per contact, text as text. The tests check
//! structure, not pixels.

use std::path::Path;
use std::sync::LazyLock;

use leadfield::sonata::electrodes_file::ElectrodesFile;
use tempfile::TempDir;

use crate::support::{golden, leadfield_in, scratch};

/// Creates a folder with the golden circuit's table `s.parquet` (3161 segments), the sixteen contacts `e6.csv` and
/// their weights `w.h5`.
pub fn folder() -> &'static Path {
    static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = |name: &str| golden().join(name).into_os_string().into_string().unwrap();
        std::fs::copy(path("input/electrodes/e6.csv"), folder.path().join("e6.csv")).unwrap();
        let config = path("input/circuit/simulation_config.json");
        leadfield_in(folder.path(), &["positions", &config, "-o", "s.parquet", "--quiet"]).ok();
        leadfield_in(folder.path(), &["weights", "s.parquet", "e6.csv", "-o", "w.h5", "--quiet"]).ok();
        folder
    });
    FOLDER.path()
}

/// Returns the picture for some options.
pub fn svg(args: &[&str]) -> String {
    let out = scratch();
    let file = out.path().join("a.svg");
    leadfield_in(folder(), &[args, &["-o", file.to_str().unwrap(), "--quiet"]].concat()).ok();
    std::fs::read_to_string(file).unwrap()
}

fn weights(electrode: &str, options: &[&str]) -> String {
    svg(&[&["plot", "weights", "s.parquet", "w.h5", "--electrode", electrode], options].concat())
}

/// Returns the content of the groups of a class.
pub fn groups<'a>(svg: &'a str, class: &str) -> Vec<&'a str> {
    let open = format!("<g class=\"{class}\">");
    svg.split(open.as_str()).skip(1).map(|rest| rest.split("</g>").next().unwrap()).collect()
}

/// Returns colour and number of lines of each path, in drawing order.
pub fn paths(group: &str) -> Vec<(String, usize)> {
    let path = |text: &str| {
        let data = text.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
        (text.split('"').next().unwrap().to_string(), data.matches('l').count())
    };
    group.split("<path stroke=\"").skip(1).map(path).collect()
}

/// Returns the texts, in drawing order.
pub fn texts(svg: &str) -> Vec<&str> {
    let content = |rest: &'_ str| rest.find('>').map(|at| at + 1).unwrap_or_default();
    svg.split("<text ").skip(1).map(|rest| rest[content(rest)..].split("</text>").next().unwrap()).collect()
}

/// Returns a contact's weights as stored in the file.
fn weights_of(electrode: &str) -> Vec<f64> {
    let file = ElectrodesFile::open(&folder().join("w.h5")).unwrap();
    let population = &file.populations()[0];
    let column = file.electrodes().iter().find(|e| e.name == electrode).unwrap().column(population.name()).unwrap();
    let all = file.read_rows(population, 0..population.rows()).unwrap();
    all.chunks_exact(population.columns() as usize).map(|row| row[column as usize]).collect()
}

#[test]
fn every_segment_is_one_line_in_every_view() {
    let picture = weights("2", &[]);
    let segments = groups(&picture, "segments");
    assert_eq!(segments.len(), 3);
    for group in segments {
        assert_eq!(paths(group).iter().map(|p| p.1).sum::<usize>(), 3161);
    }
    assert_eq!(groups(&weights("2", &["--view", "xz"]), "segments").len(), 1);
}

#[test]
fn the_largest_weight_has_the_map_s_brightest_colour_and_lies_on_top() {
    let picture = weights("2", &["--view", "xy"]);
    let colours = paths(groups(&picture, "segments")[0]);
    assert_eq!(colours.last().unwrap().0, "#fde725");
    let ones = weights_of("2").iter().filter(|v| **v == weights_of("2").iter().copied().fold(0.0, f64::max)).count();
    assert_eq!(ones, 1);
    assert!(colours.last().unwrap().1 < 50 && colours.len() > 40, "{colours:?}");
}

#[test]
fn a_region_has_two_colours_in_the_numbers_of_its_weights() {
    let inside = weights_of("8").iter().filter(|v| **v == 1.0).count();
    assert!(inside > 0);
    let picture = weights("8", &["--view", "zy"]);
    let colours = paths(groups(&picture, "segments")[0]);
    assert_eq!(colours, [("#cfcfcf".to_string(), 3161 - inside), ("#d55e00".to_string(), inside)]);
    assert!(picture.contains(&format!(">inside: {inside}</text>")), "{:?}", texts(&picture));
}

#[test]
fn axes_units_names_and_the_scale_are_text() {
    let picture = weights("2", &["--view", "xy"]);
    let texts = texts(&picture);
    for text in ["x (µm)", "y (µm)", "weight (V/nA)", "LineSource at contact 2", "3\u{2009}161 segments", "500 µm", "2"]
    {
        assert!(texts.contains(&text), "{text} in {texts:?}");
    }
    // sixteen contacts, all near the circuit
    assert_eq!(groups(&picture, "contacts")[0].matches("<circle").count(), 16);
    assert!(!picture.contains("http://") || picture.matches("http://").count() == 1, "the name space alone");
}

#[test]
fn the_name_of_a_view_states_the_axis_to_the_right_and_the_axis_up() {
    for (name, right, up) in [("yz", "y (µm)", "z (µm)"), ("zy", "z (µm)", "y (µm)"), ("zx", "z (µm)", "x (µm)")]
    {
        let picture = weights("2", &["--view", name]);
        assert_eq!(groups(&picture, &format!("view {name}")).len(), 1);
        let label = |text: &str| picture.lines().find(|l| l.contains(&format!(">{text}</text>"))).unwrap().to_string();
        assert!(!label(right).contains("rotate") && label(up).contains("rotate(-90"), "{name}");
    }
    let all = weights("2", &[]);
    let place = |view: &str| all.find(&format!("<g class=\"view {view}\">")).unwrap();
    assert!(place("xy") < place("zy") && place("zy") < place("xz"), "y is up where it is seen");
}

#[test]
fn a_window_shows_what_reaches_into_it() {
    let picture = weights("5", &["--within", "100", "--view", "xy"]);
    let drawn: usize = paths(groups(&picture, "segments")[0]).iter().map(|p| p.1).sum();
    let query = ["query", "s.parquet", "--box", "-100,150,-70,100,350,130", "--predicate", "intersects", "--count"];
    let expected: usize = leadfield_in(folder(), &query).ok().trim().parse().unwrap();
    assert!(expected > 0 && expected < 3161);
    assert_eq!(drawn, expected);
}

#[test]
fn a_name_that_is_markup_is_shown_as_text() {
    let out = scratch();
    let csv = "name,x,y,z\n\"<script>alert(1)<&\"\"'\",0,0,0\n";
    std::fs::write(out.path().join("e.csv"), csv).unwrap();
    let table = folder().join("s.parquet");
    let run = |args: &[&str]| leadfield_in(out.path(), args).ok();
    run(&["weights", table.to_str().unwrap(), "e.csv", "-o", "w.h5"]);
    let name = "<script>alert(1)<&\"'";
    run(&["plot", "weights", table.to_str().unwrap(), "w.h5", "--electrode", name, "-o", "a.svg"]);
    let picture = std::fs::read_to_string(out.path().join("a.svg")).unwrap();
    assert!(!picture.contains("<script"));
    assert!(picture.contains("LineSource at contact &lt;script&gt;alert(1)&lt;&amp;&quot;&#39;</text>"));
}

#[test]
fn a_png_has_the_page_s_size_at_200_pixels_an_inch() {
    let out = scratch();
    let file = out.path().join("a.png");
    let args = ["plot", "weights", "s.parquet", "w.h5", "--electrode", "2", "-o", file.to_str().unwrap()];
    leadfield_in(folder(), &args).ok();
    let png = std::fs::read(file).unwrap();
    let size = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let picture = weights("2", &[]);
    let points = |name: &str| -> f64 {
        picture.split(&format!(" {name}=\"")).nth(1).unwrap().split("pt").next().unwrap().parse().unwrap()
    };
    let pixels = |name: &str| (points(name) * 200.0 / 72.0).ceil();
    assert!((f64::from(size(16)) - pixels("width")).abs() <= 1.0);
    assert!((f64::from(size(20)) - pixels("height")).abs() <= 1.0);
}

#[test]
fn a_probe_has_a_mark_a_contact_and_an_outline_a_region() {
    // the sixteen contacts have twelve regions: two balls, five disks and five planes; two are point and two are line
    // sources
    let picture = svg(&["plot", "probe", "e6.csv", "--view", "xy"]);
    assert_eq!(groups(&picture, "contacts")[0].matches("<circle").count(), 16);
    let regions = groups(&picture, "regions")[0];
    // each is filled and outlined; balls are circles
    assert_eq!((regions.matches("<circle").count(), regions.matches("<polygon").count()), (2 * 2, 2 * 10));
}

#[test]
fn a_probe_shows_the_segments_that_a_query_finds() {
    let picture = svg(&["plot", "probe", "e6.csv", "--segments", "s.parquet", "--view", "xz"]);
    let query = ["query", "s.parquet", "--sphere", "7,224,204.5,50", "--count"];
    let expected: u64 = leadfield_in(folder(), &query).ok().trim().parse().unwrap();
    assert!(texts(&picture).contains(&format!("4: {expected}").as_str()), "{:?}", texts(&picture));
    // a segment near two contacts is one
    let query = ["query", "s.parquet", "--electrodes", "e6.csv", "--within", "300", "--columns", "row"];
    let rows = leadfield_in(folder(), &query).ok();
    let pairs = rows.lines().count() - 1;
    let found = rows.lines().skip(1).collect::<std::collections::BTreeSet<_>>().len();
    assert!(pairs > found, "{pairs} {found}");
    let picture = svg(&["plot", "probe", "e6.csv", "--segments", "s.parquet", "--within", "300", "--view", "xy"]);
    // thousands are separated by a thin space
    let texts: Vec<String> = texts(&picture).into_iter().map(|text| text.replace('\u{2009}', "")).collect();
    assert!(texts.contains(&format!("{found} segments with their midpoints in the regions")), "{texts:?}");
}

#[test]
fn a_comparison_counts_every_pair_and_lists_the_worst() {
    let reference = golden().join("reference/e6.h5");
    let picture = svg(&["plot", "compare", "w.h5", reference.to_str().unwrap()]);
    let texts = texts(&picture);
    assert!(texts.iter().any(|t| t.starts_with("50\u{2009}576 weights, ")), "3161 x 16 in {texts:?}");
    assert!(texts.contains(&"number of weights") && texts.contains(&"Do w.h5 and e6.h5 agree?"), "{texts:?}");
    // twelve of the sixteen contacts are of ObjectiveCSD
    for name in ["w.h5", "e6.h5"] {
        assert!(texts.contains(&format!("weight in {name} (V/nA; ObjectiveCSD without unit)").as_str()), "{texts:?}");
    }
    let worst = texts.iter().filter(|t| t.contains("relative difference ") && t.contains("  contact ")).count();
    assert!((1..=5).contains(&worst));
    let marks = groups(&picture, "worst")[0].matches("<circle").count();
    assert!(marks <= worst);
}

#[test]
fn a_file_and_itself_are_equal_everywhere() {
    let picture = svg(&["plot", "compare", "w.h5", "w.h5"]);
    assert!(texts(&picture).iter().any(|t| t.starts_with("50\u{2009}576 weights, 50\u{2009}576 of them equal")));
    assert!(texts(&picture).contains(&"Yes: all 50\u{2009}576 weights are equal."));
    assert!(!groups(&picture, "worst")[0].contains("<circle"));
}

#[test]
fn the_vertical_axis_of_a_comparison_fits_for_numbers_of_any_length() {
    let out = scratch();
    let run = |args: &[&str]| leadfield_in(out.path(), args);
    let table = folder().join("s.parquet");
    // after subtraction of a distant contact, weights have both signs
    let csv = "name,x,y,z,type,reference\nnear,0,0,0,LineSource,far\nfar,0,3000,0,LineSource,\n";
    std::fs::write(out.path().join("e.csv"), csv).unwrap();
    run(&["weights", table.to_str().unwrap(), "e.csv", "-o", "w.h5"]).ok();
    run(&["plot", "compare", "w.h5", "w.h5", "-o", "a.svg"]).ok();
    let picture = std::fs::read_to_string(out.path().join("a.svg")).unwrap();
    let label =
        picture.split("<text ").find(|text| text.contains("rotate(-90") && text.contains(">weight in w.h5")).unwrap();
    let at: f64 = label.split("x=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    // the distance of the base line of letters of 10 pt from the page's border
    assert!(texts(&picture).iter().any(|t| t.contains('\u{d7}')) && at > 10.0, "{at}: {label}");
}

#[test]
fn weights_of_regions_have_no_unit_in_a_comparison() {
    let out = scratch();
    let run = |args: &[&str]| leadfield_in(out.path(), args);
    let table = folder().join("s.parquet");
    let made = |name: &str, radius: u32| {
        let csv = format!("name,x,y,z,type\na,0,200,50,ObjectiveCSD_Sphere_{radius}\n");
        std::fs::write(out.path().join("e.csv"), csv).unwrap();
        run(&["weights", table.to_str().unwrap(), "e.csv", "-o", name]).ok();
    };
    made("a.h5", 100);
    made("b.h5", 200);
    run(&["plot", "compare", "a.h5", "b.h5", "-o", "a.svg"]).ok();
    let picture = std::fs::read_to_string(out.path().join("a.svg")).unwrap();
    let texts = texts(&picture);
    assert!(
        texts.contains(&"weight in a.h5") && texts.contains(&"weight in b.h5") && !picture.contains("V/nA"),
        "{texts:?}"
    );
    assert!(texts.iter().any(|t| t.contains(": 0 and 1.000000e0, relative difference")), "{texts:?}");
}

#[test]
fn numbers_of_the_worst_pairs_can_all_be_read() {
    let out = scratch();
    let run = |args: &[&str]| leadfield_in(out.path(), args);
    let table = folder().join("s.parquet");
    let csv: String = (0..5).map(|i| format!("c{i},0,{i},0\n")).collect();
    std::fs::write(out.path().join("e.csv"), format!("name,x,y,z\n{csv}")).unwrap();
    run(&["weights", table.to_str().unwrap(), "e.csv", "-o", "a.h5"]).ok();
    run(&["weights", table.to_str().unwrap(), "e.csv", "-o", "b.h5", "--conductivity", "0.3"]).ok();
    run(&["plot", "compare", "a.h5", "b.h5", "-o", "a.svg"]).ok();
    let picture = std::fs::read_to_string(out.path().join("a.svg")).unwrap();
    // 0.277 S/m and 0.3 S/m
    let answer =
        format!("No: they differ by up to {:.1} % of a weight, most at contact c", 100.0 * (1.0 - 0.277 / 0.3));
    assert!(texts(&picture).iter().any(|t| t.starts_with(&answer)), "{answer} {:?}", texts(&picture));
    let mut numbers: Vec<&str> = texts(groups(&picture, "worst")[0]).iter().flat_map(|t| t.split(", ")).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["1", "2", "3", "4", "5"]);
}

#[test]
fn a_probe_of_many_balls_is_a_small_file_that_names_tip_and_top() {
    let out = scratch();
    let csv: String = (0..384).map(|i| format!("c{i},{},{},0\n", 16 * (i % 2), 20 * (i / 2))).collect();
    std::fs::write(out.path().join("e.csv"), format!("name,x,y,z\n{csv}")).unwrap();
    let run = |options: &[&str]| {
        leadfield_in(out.path(), &[&["plot", "probe", "e.csv", "-o", "a.svg", "--force"], options].concat()).ok();
        std::fs::read_to_string(out.path().join("a.svg")).unwrap()
    };
    let picture = run(&["--within", "50"]);
    assert!(picture.len() < 400_000, "{} bytes", picture.len());
    assert_eq!(groups(&picture, "regions").len(), 3);
    assert_eq!(groups(&picture, "regions")[0].matches("<circle").count(), 384);
    // tip and top are named where the probe is seen from the side, not where it is seen end on
    let named = |view: usize| texts(groups(&picture, "contacts")[view]).len();
    assert_eq!([0, 1, 2].map(named), [2, 2, 0], "{:?}", texts(&picture));
    assert!(texts(groups(&picture, "contacts")[0]).iter().all(|name| ["c0", "c1", "c382", "c383"].contains(name)));
    // without regions the probe is flat: two of the views would show a line
    let flat = run(&[]);
    assert_eq!((groups(&flat, "view xy").len(), groups(&flat, "contacts").len()), (1, 1));
}
