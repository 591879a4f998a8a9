//! Compares with the simulator: NEURON runs templates of every form, and the stubs have the radii that NEURON gives
//! them.

use std::path::{Path, PathBuf};
use std::process::Command;

use leadfield::io::hdf5::Hdf5File;
use leadfield::segments::SectionType;
use leadfield::segments::table::SegmentTable;

use super::copy_nodes;
use crate::support::{leadfield_in, names_in, root, scratch};

/// The calls of `init` in the synthetic template.
const CALLS: &str = "    geom_nseg()\n    indexSections()\n    replace_axon()\n";

/// Procedures that replace that of the synthetic template, with the calls of each.
const FORMS: [(&str, &str, &str); 6] = [
    ("sampled", "", "replace_axon()"),
    ("optimiser", OPTIMISER, "replace_axon()"),
    ("deleted", DELETED, "delete_axon()"),
    ("deleted_given", DELETED, "delete_axon(3, 2, 1, 0)"),
    ("computed", COMPUTED, "replace_axon($4)"),
    ("short", SHORT, "replace_axon()"),
];

/// The procedure of the synthetic template with other statements.
fn variants() -> Vec<(&'static str, String, &'static str)> {
    let short = |from: &str, to: &str| changed(SHORT, from, to);
    let optimiser = |from: &str, to: &str| changed(OPTIMISER, from, to);
    vec![
        // the original axon has one segment per section when it is read
        ("replaced first", OPTIMISER.into(), "replace_axon()\n    geom_nseg()"),
        ("sampled coarsely", short("chunk = 6", "chunk = 12"), "replace_axon()"),
        ("sampled finely", short("int(L/chunk/2.)*2", "int(L/chunk)*2"), "replace_axon()"),
        ("sampled as cut", short("      nseg = 1 + int(L/chunk/2.)*2\n", ""), "replace_axon()"),
        ("defined twice", format!("proc replace_axon() {{ }}\n{SHORT}"), "replace_axon()"),
        ("four arguments", SHORT.into(), "if (numarg() < 4) return\n    if (numarg() == 4) x = 1 replace_axon()"),
        (
            "fraction",
            optimiser("L = 30 diam = near nseg = 1 + 2*int(L/40)", "L = 30 diam = near nseg = 4 nseg /= 3"),
            "replace_axon()",
        ),
        ("two steps", optimiser("L = 30 diam = near", "L = 20 L += 10 diam = near"), "replace_axon()"),
    ]
}

fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

/// Two diameters of the original axon, the second that of the last section visited.
const OPTIMISER: &str = "proc replace_axon() { local found, near, far
  found = 0
  forsec axonal { found = found + 1 }
  if (found == 0) {
    near = far = 1
  } else if (found == 1) {
    axon[0] near = diam
    far = near
  } else {
    axon[0] near = diam
    far = near
    soma distance()
    forsec axonal {
      far = diam
      if (distance(0.5) > 60) { break }
    }
  }
  forsec axonal { delete_section() }
  create axon[2]
  axon[0] { L = 30 diam = near nseg = 1 + 2*int(L/40) all.append() axonal.append() }
  axon[1] { L = 30 diam = far nseg = 1 + 2*int(L/40) all.append() axonal.append() }
  connect axon[0](0), soma[0](1)
  connect axon[1](0), axon[0](1)
}";

/// The same, the second only of a section that is far enough; or both given, falling off along the stubs.
const DELETED: &str = "proc delete_axon() { local near, far
  access axon[0]
  near = far = diam
  access soma distance()
  forsec axonal {
    if (distance(0.5) > 60) {
      far = diam
      break
    }
  }
  forsec axonal { delete_section() }
  create axon[2]
  access axon[0] {
    if (numarg() == 0) {
      L = 30
      diam = near
      nseg = 1 + 2*int(L/40)
    } else {
      L = 20
      nseg = 1 + 2*int(L/10)
      diam(0:1) = $1:$2
    }
    all.append() axonal.append()
  }
  access axon[1] {
    L = 30
    if (numarg() == 0) {
      diam = far
      nseg = 1 + 2*int(L/40)
    } else {
      nseg = 1 + 2*int(L/10)
      diam(0:1) = $2:$3
    }
    all.append() axonal.append()
  }
  if (numarg() > 0) if ($4) {
    create myelin[1]
    access myelin { L = 1000 nseg = 1 + 2*int(L/100) diam = $4 }
  }
  connect axon[0](0), soma[0](1)
  connect axon[1](0), axon[0](1)
}";

/// Diameters that the template computes, the end of them scaled for each neuron.
const COMPUTED: &str = "proc replace_axon() { local turn, span, i localobj widths
  forsec axonal { delete_section() }
  create axon[2]
  pieces = 10
  span = 60
  widths = new Vector()
  turn = 0
  for i = 0, pieces {
    turn = turn + 1
    widths.resize(turn)
    widths.x[turn-1] = 1.3 * exp(-span * i / pieces / 11.5) + 0.45 * $1
  }
  turn = 0
  for i = 0, 1 {
    access axon[i]
    L = span/2
    nseg = pieces/2
    for (x) {
      if (x > 0 && x < 1) {
        diam(x) = widths.x[turn]
        turn = turn + 1
      }
    }
    all.append()
    axonal.append()
  }
  create myelin[1]
  access myelin {
    L = 1000
    diam = widths.x[turn-1]
    nseg = 5
    all.append()
  }
  connect axon[0](0), soma[0](1)
  connect axon[1](0), axon[0](1)
  connect myelin[0](0), axon[1](1)
}";

/// As the synthetic template, without myelin, and with other statements.
const SHORT: &str = "proc replace_axon() { local found, turn, chunk, i localobj widths
  chunk = 6
  found = 0
  forsec axonal { found = found + 1 }
  if (found < 2) { execerror(\"less than two axon sections\") } else {
    widths = new Vector()
    access axon[0]
    turn = 0
    forsec axonal {
      nseg = 1 + int(L/chunk/2.)*2
      for (x) {
        if (x > 0 && x < 1) {
          turn = turn + 1
          widths.resize(turn)
          widths.x[turn-1] = diam(x)
          if (turn == 10) { break }
        }
      }
      if (turn == 10) { break }
    }
    forsec axonal { delete_section() }
    execute1(\"create axon[2]\", CellRef)
    turn = 0
    for i = 0, 1 {
      access axon[i]
      L = 30
      nseg = 5
      for (x) {
        if (x > 0 && x < 1) {
          diam(x) = widths.x[turn]
          turn = turn + 1
        }
      }
      all.append()
      axonal.append()
    }
    connect axon[0](0), soma[0](1)
    connect axon[1](0), axon[0](1)
  }
}";

/// Rewrites all templates of a circuit with another procedure and its call.
fn rewrite(hoc: &Path, own: &[(String, String)], procedure: &str, call: &str) {
    for (name, text) in own {
        let start = text.find("  proc replace_axon()").unwrap();
        let end = text.find("endtemplate").unwrap();
        let body = if procedure.is_empty() { &text[start..end] } else { procedure };
        let calls = match call.contains("geom_nseg") {
            true => format!("    {call}\n"),
            false => CALLS.replace("replace_axon()", call),
        };
        let head = changed(&text[..start], CALLS, &calls);
        let needs =
            format!("strdef {0}_NeededAttributes\n{0}_NeededAttributes = \"AIS_scaler\"\n", &name[..name.len() - 4]);
        std::fs::write(hoc.join(name), format!("{needs}{head}{body}\n{}", &text[end..])).unwrap();
    }
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with neuron: make clients"]
fn neuron_gives_the_stubs_of_every_form_of_template_the_same_diameters() {
    let folder = scratch();
    leadfield_in(folder.path(), &["synthesize", "c", "--cells", "10", "--seed", "3", "--quiet"]).ok();
    let nodes = folder.path().join("c/networks/nodes/neurons/nodes.h5");
    let file = Hdf5File::open(&nodes).unwrap();
    let column = |name: &str| {
        let library = file.read_strings(&format!("/nodes/neurons/0/@library/{name}")).unwrap();
        let index = file.read_unsigned(&format!("/nodes/neurons/0/{name}")).unwrap();
        index.iter().map(|&i| library[i as usize].clone()).collect::<Vec<_>>()
    };
    let (morphologies, templates) = (column("morphology"), column("model_template"));
    let scales: Vec<f64> = (0..10).map(|i| 0.4 + 0.3 * f64::from(i)).collect();
    let copy = folder.path().join("copy.h5");
    let scaled = Hdf5File::create(&copy).unwrap();
    scaled.create_group("/nodes/neurons/0/dynamics_params").unwrap();
    copy_nodes(&nodes, &scaled, "neurons", 10, |_, _| ());
    scaled.write_dataset("/nodes/neurons/0/dynamics_params/AIS_scaler", &scales, &[10]).unwrap();
    scaled.close().unwrap();
    drop(file);
    std::fs::rename(&copy, &nodes).unwrap();
    let hoc = folder.path().join("c/components/hoc");
    let text = |name: &String| (name.clone(), std::fs::read_to_string(hoc.join(name)).unwrap());
    let own: Vec<(String, String)> = names_in(&hoc).iter().map(text).collect();
    let forms = FORMS.map(|(form, procedure, call)| (form, procedure.to_string(), call));
    for (form, procedure, call) in forms.into_iter().chain(variants()) {
        rewrite(&hoc, &own, &procedure, call);
        for (suffix, below, extension) in [("", "swc", "swc"), ("_asc", "ascii", "asc")] {
            let config = format!("c/circuit_config{suffix}.json");
            leadfield_in(folder.path(), &["positions", &config, "-o", "s.parquet", "--force", "--quiet"]).ok();
            let table = SegmentTable::open(&folder.path().join("s.parquet")).unwrap();
            let segments = table.parts()[0].read_by_row().unwrap();
            let below = folder.path().join("c/components/morphologies").join(below);
            for (node, template) in templates.iter().enumerate() {
                let template = hoc.join(format!("{}.hoc", &template["hoc:".len()..]));
                let name = format!("{}.{extension}", morphologies[node]);
                let expected = diameters(&template, &below, &name, scales[node]);
                let stubs =
                    segments.iter().filter(|s| s.node_id == node as u64 && s.section_type >= Some(SectionType::Ais));
                let found: Vec<f64> = stubs.map(|s| 2.0 * f64::from(s.radius_um.expect(form))).collect();
                // the template declares a myelin section that it may not use
                let expected = &expected[..expected.len().min(found.len())];
                let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5 * b);
                assert!(near && found.len() == expected.len(), "{form} {name}: {found:?} {expected:?}");
            }
        }
    }
}

/// Returns the diameters of all segments of the stubs in NEURON, µm.
fn diameters(template: &Path, folder: &Path, name: &str, scale: f64) -> Vec<f64> {
    let python = std::env::var_os("LEADFIELD_PYTHON").expect("LEADFIELD_PYTHON names a Python that has neuron");
    let script: PathBuf = root().join("tests/template_stubs.py");
    let output =
        Command::new(python).arg(script).args([template, folder]).args([name, &scale.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let stubs = text.lines().filter_map(|line| line.strip_prefix("stub "));
    stubs.flat_map(|line| line.split(' ').skip(2).map(|d| d.parse().unwrap()).collect::<Vec<f64>>()).collect()
}
