//! Compares the main steps (positions, weights) with other programs, as one table in Markdown: `make bench`.
//!
//! Input: 1000 synthesized neurons (about 265,000 segments; `CELLS=n` for another number), 384 contacts; `TMPDIR` sets
//! the file system. What is measured, and what bounds it:
//!
//! - the whole program, positions and weights. `weights` writes 8 bytes per pair, so a plain program that writes and
//!   syncs the same number of bytes is timed for comparison, alternating, both without existing output;
//! - the arithmetic alone, one core, for 16 of these neurons: ours in cache, numpy's, and that of other programs if
//!   `LEADFIELD_PEERS` names a Python that has them (`benches/peers.py`, `make peers`).
//!
//! `cargo bench --bench main_road`

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use leadfield::geometry::Point;
use leadfield::methods::{Contact, METHODS};
use leadfield::segments::table::SegmentTable;
use leadfield::segments::{SectionType, Segment, Segments};
use serde_json::Value;
use zerocopy::IntoBytes;

const CONTACTS: usize = 384;
/// Number of rounds of the program and the plain one.
const ROUNDS: usize = 7;
/// Block size of the plain program: larger blocks do not stay in a core's cache and are slower.
const PLAIN_BLOCK: usize = 1 << 20;
/// Number of neurons whose arithmetic is compared.
const COMPARED: usize = 16;
/// Conductivity, S/m: BMTK supports no other.
const SIGMA: f64 = 0.3;
/// Duration for which each kernel is repeated.
const TIME: Duration = Duration::from_secs(1);

/// Cost of other programs on the machine where they were measured, CPU time, one thread (see docs/benchmarks.md).
const ORIGINAL_POSITIONS_S: f64 = 0.117;
const ORIGINAL_PAIR_NS: f64 = 190_000.0;
const SUCCESSOR_POSITIONS_S: f64 = 0.173;
const SUCCESSOR_PAIR_NS: f64 = 190.0;

fn main() {
    // `cargo test` also runs benches with `harness = false`; only `cargo bench` passes `--bench`
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let cells: u64 = std::env::var("CELLS").ok().and_then(|v| v.parse().ok()).unwrap_or(1000);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("probe.csv"), probe()).unwrap();
    println!("{}\n\n{}", end_to_end(folder.path(), cells), arithmetic(folder.path()));
}

/// Wall, user and system time, s.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    user: f64,
    system: f64,
}

impl Cost {
    fn cpu(self) -> f64 {
        self.user + self.system
    }

    /// Returns the median of each time, and the smallest and the largest wall time.
    fn of(rounds: &[Self]) -> (Self, f64, f64) {
        let sorted = |of: fn(&Self) -> f64| {
            let mut all: Vec<f64> = rounds.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let middle = rounds.len() / 2;
        let wall = sorted(|c| c.wall);
        let median =
            Self { wall: wall[middle], user: sorted(|c| c.user)[middle], system: sorted(|c| c.system)[middle] };
        (median, wall[0], wall[rounds.len() - 1])
    }
}

/// Measures the program and the plain one.
fn end_to_end(folder: &Path, cells: u64) -> String {
    run(folder, &["synthesize", "circuit", "--cells", &cells.to_string(), "--with-report"]);
    let positions = run(folder, &["positions", "circuit/simulation_config.json", "-o", "segments.parquet"]);
    let (output, plain) = (folder.join("weights.h5"), folder.join("plain"));
    let weights = ["weights", "segments.parquet", "probe.csv", "-o", "weights.h5"];
    // a first run to get the size, and so that all inputs are in the page cache
    run(folder, &weights);
    let bytes = std::fs::metadata(&output).unwrap().len();
    let block = first_bytes(&output);
    let mut rounds: [Vec<Cost>; 3] = Default::default();
    for round in 0..ROUNDS {
        for turn in 0..3 {
            for file in [&output, &plain] {
                drop(std::fs::remove_file(file));
            }
            let which = (round + turn) % 3;
            rounds[which].push(match which {
                0 => timed(14, || plain_write(&plain, &block, bytes)),
                1 => run(folder, &weights),
                _ => run(folder, &[&weights[..], &["--threads", "1"]].concat()),
            });
        }
    }
    let pairs = (SegmentTable::open(&folder.join("segments.parquet")).unwrap().len() * CONTACTS as u64) as f64;
    let mut text = format!(
        "{}; {cells} neurons, {:.0} segments, {CONTACTS} LineSource contacts, {:.1} MB\n\n\
         | {ROUNDS} rounds by turns, medians | wall s | of plain | user s | system s | CPU ns a pair |\n|---|---|---|---|---|---|\n",
        machine(),
        pairs / CONTACTS as f64,
        bytes as f64 / 1e6
    );
    let plain_wall = Cost::of(&rounds[0]).0.wall;
    for (name, rounds) in ["plain write and fsync", "`weights`", "`weights --threads 1`"].iter().zip(&rounds) {
        let (c, least, most) = Cost::of(rounds);
        let (of_plain, pair) = (c.wall / plain_wall, 1e9 * c.cpu() / pairs);
        let Cost { wall, user, system } = c;
        let _ = writeln!(
            text,
            "| {name} | {wall:.2} ({least:.2} to {most:.2}) | {of_plain:.2} | {user:.2} | {system:.2} | {pair:.1} |"
        );
    }
    let (a_neuron, pair) = (positions.cpu() / cells as f64, 1e9 * Cost::of(&rounds[1]).0.cpu() / pairs);
    let _ = write!(
        text,
        "\n| CPU | leadfield | BlueRecording 0.2.1 | `bluerecording` 0.7.0 |\n|---|---|---|---|\n\
         | positions, a neuron | {:.2} ms | {:.0} ms: {:.0} times more | {:.0} ms: {:.0} times more |\n\
         | weights, a pair | {pair:.1} ns | {:.0} us: {:.0} times more | {SUCCESSOR_PAIR_NS:.0} ns: {:.0} times more |",
        1e3 * a_neuron,
        1e3 * ORIGINAL_POSITIONS_S,
        ORIGINAL_POSITIONS_S / a_neuron,
        1e3 * SUCCESSOR_POSITIONS_S,
        SUCCESSOR_POSITIONS_S / a_neuron,
        ORIGINAL_PAIR_NS / 1e3,
        ORIGINAL_PAIR_NS / pair,
        SUCCESSOR_PAIR_NS / pair,
    );
    text
}

/// Compares our kernels with those of other programs.
fn arithmetic(folder: &Path) -> String {
    let neurons = compared(&folder.join("segments.parquet"));
    let contacts: Vec<Contact> = positions().map(contact).collect();
    write_inputs(folder, &neurons, &contacts);
    let mut ours = ["LineSource", "PointSource"].map(|name| (name, kernel(folder, name, &contacts, &neurons)));
    let peers = peers(folder);
    // measure again, because the machine may have been busy
    ours.iter_mut().for_each(|(name, ns)| *ns = ns.min(kernel(folder, name, &contacts, &neurons)));
    let [(_, line), (_, point)] = ours;
    let segments = neurons.iter().map(Segments::len).sum::<usize>();
    let mut text = format!(
        "One core, ns per (segment, contact) pair, and how many times ours; {COMPARED} neurons, {segments} segments, \
         {CONTACTS} contacts. Differences from ours: medians.\n\n\
         | | line source, a neuron a call | all in one call | differs | point source, a neuron a call | all in one call | \
         differs |\n|---|---|---|---|---|---|---|\n| leadfield, in cache | {line:.2} | | | {point:.2} | | |\n"
    );
    for peer in &peers {
        let cells = [("line", line), ("point", point)].map(|(kind, ours)| cells(&peer[kind], ours));
        let name = peer["name"].as_str().unwrap_or_default();
        let _ = match peer["missing"].as_str() {
            Some(why) => writeln!(text, "| {name}: {why} | | | | | | |"),
            None => writeln!(text, "| {name} | {} | {} |", cells[0], cells[1]),
        };
    }
    if peers.is_empty() {
        text += "\nOther programs were not run: `make peers`, then LEADFIELD_PEERS=.venv-peers/bin/python\n";
    }
    text
}

fn cells(found: &Value, ours: f64) -> String {
    let [Some(one), Some(all), Some(differs)] = ["one", "all", "differs"].map(|key| found[key].as_f64()) else {
        return "| |".into();
    };
    let times = |ns: f64| format!("{ns:.1}: {:.0} times", ns / ours);
    format!("{} | {} | {differs:.1e}", times(one), times(all))
}

/// Returns some neurons without their somata, which not all programs support.
fn compared(table: &Path) -> Vec<Segments> {
    let table = SegmentTable::open(table).unwrap();
    let segments = table.parts()[0].read_by_row().unwrap();
    let is_cable = |s: &Segment| s.section_type != Some(SectionType::Soma);
    let without_soma = |neuron: leadfield::segments::NeuronSegments<'_>| {
        (0..neuron.len()).map(|i| neuron.get(i)).filter(is_cable).collect()
    };
    segments.neurons().take(COMPARED).map(without_soma).collect()
}

/// Writes the inputs of benches/peers.py.
fn write_inputs(folder: &Path, neurons: &[Segments], contacts: &[Contact]) {
    let mut text = "node_id,section_id,x0,y0,z0,x1,y1,z1,radius\n".to_string();
    for s in neurons.iter().flat_map(Segments::iter) {
        let ends = [s.start.to_array(), s.end.to_array()].concat();
        let ends: Vec<String> = ends.iter().map(f64::to_string).collect();
        let _ = writeln!(text, "{},{},{},{}", s.node_id, s.section_id, ends.join(","), s.radius_um.unwrap_or(0.5));
    }
    std::fs::write(folder.join("segments.csv"), text).unwrap();
    let row = |c: &Contact| c.position_um.to_array().map(|v| v.to_string()).join(",") + "\n";
    std::fs::write(folder.join("contacts.csv"), "x,y,z\n".to_string() + &contacts.iter().map(row).collect::<String>())
        .unwrap();
}

/// Returns the nanoseconds per pair of a method, the minimum of many rounds; writes its weights to a file.
fn kernel(folder: &Path, name: &str, contacts: &[Contact], neurons: &[Segments]) -> f64 {
    let method = METHODS.iter().find(|m| m.name() == name).unwrap();
    let kernel = method.prepare(contacts).unwrap();
    let mut file = std::fs::File::create(folder.join(format!("{name}.f64"))).unwrap();
    let longest = neurons.iter().map(Segments::len).max().unwrap_or_default();
    let (mut values, mut best) = (vec![0.0; longest * CONTACTS], f64::INFINITY);
    for segments in neurons {
        let own = &mut values[..segments.len() * CONTACTS];
        segments.neurons().for_each(|neuron| kernel.fill_weights(&neuron, own));
        file.write_all(own.as_bytes()).unwrap();
    }
    let pairs = neurons.iter().map(Segments::len).sum::<usize>() * CONTACTS;
    let begin = Instant::now();
    while begin.elapsed() < TIME {
        let start = Instant::now();
        for segments in neurons {
            let own = &mut values[..segments.len() * CONTACTS];
            segments
                .neurons()
                .for_each(|neuron| kernel.fill_weights(std::hint::black_box(&neuron), std::hint::black_box(own)));
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    1e9 * best / pairs as f64
}

/// Returns the results of benches/peers.py, if there is a Python for it.
fn peers(folder: &Path) -> Vec<Value> {
    let Some(python) = std::env::var_os("LEADFIELD_PEERS") else { return Vec::new() };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers.py");
    let status = Command::new(python).arg(script).arg(folder).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.unwrap().success(), "benches/peers.py failed");
    let text = std::fs::read_to_string(folder.join("peers.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap().as_array().cloned().unwrap_or_default()
}

/// Runs the program.
fn run(folder: &Path, args: &[&str]) -> Cost {
    timed(16, || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
        let status = command.current_dir(folder).args(args).arg("--quiet").stdout(Stdio::null()).status();
        assert!(status.unwrap().success(), "{args:?}");
    })
}

/// Measures the cost of work. `field` is the number in `/proc/self/stat` (from 1) of the user time in clock ticks of 10
/// ms, which the system time follows: 14 for this process, 16 for its ended children.
fn timed(field: usize, work: impl FnOnce()) -> Cost {
    let cpu = || {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let after_name = stat.rsplit_once(") ").unwrap().1;
        [0, 1].map(|k| after_name.split(' ').nth(field - 3 + k).unwrap().parse::<f64>().unwrap() / 100.0)
    };
    let (started, before) = (Instant::now(), cpu());
    work();
    let (wall, after) = (started.elapsed().as_secs_f64(), cpu());
    Cost { wall, user: after[0] - before[0], system: after[1] - before[1] }
}

fn first_bytes(path: &Path) -> Vec<u8> {
    use std::io::Read;
    let mut block = vec![0; PLAIN_BLOCK];
    std::fs::File::open(path).unwrap().read_exact(&mut block).unwrap();
    block
}

/// Writes the given number of bytes, block by block, and syncs.
fn plain_write(path: &Path, block: &[u8], bytes: u64) {
    let mut file = std::fs::File::create(path).unwrap();
    let mut left = bytes;
    while left > 0 {
        let n = left.min(block.len() as u64);
        file.write_all(&block[..n as usize]).unwrap();
        left -= n;
    }
    file.sync_all().unwrap();
}

/// Describes the processor and its vector instructions, if the system states them.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|l| l.starts_with("model name")).and_then(|l| l.split_once(": ")).map_or("", |p| p.1);
    let vectors = ["avx512f", "avx2"].into_iter().find(|v| info.contains(v)).unwrap_or("no AVX");
    format!("{model}, {} cores, {vectors}", std::thread::available_parallelism().map_or(1, usize::from))
}

fn contact(position: Point) -> Contact {
    Contact { conductivity: SIGMA.to_string().parse().unwrap(), ..Contact::new(position) }
}

/// Positions of a line of contacts along y, 20 µm apart, in staggered columns.
fn positions() -> impl Iterator<Item = Point> {
    (0..CONTACTS).map(|i| Point::new(-24.0 + 16.0 * (i % 4) as f64, -1920.0 + 20.0 * (i / 2) as f64, 5.0))
}

/// Returns the same line as CSV.
fn probe() -> String {
    let row = |(i, p): (usize, Point)| format!("c{i},{},{},{},NA,NA,LineSource\n", p.x, p.y, p.z);
    "name,x,y,z,layer,region,type\n".to_string() + &positions().enumerate().map(row).collect::<String>()
}
