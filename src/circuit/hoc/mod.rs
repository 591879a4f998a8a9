//! Cell templates: the rule by which a neuron is cut into segments, and the replacement of its axon.
//!
//! A template is a text in NEURON's hoc language, `<biophysical_neuron_models_dir>/<model_template>.hoc`. Two parts of
//! it matter here: the chunk length of `nseg = 1 + 2*int(L/chunk)`, and the procedure that replaces the axon by stubs,
//! if `init` calls one. [`read`] follows `init` through the procedures it calls, with the constants they compute, and
//! compares the result with the known forms ([`AxonReplacement`]); the names of files and procedures do not matter.

mod assignment;
mod axon_diameter_use;
mod axon_replacement;
mod calls;
mod cell_state;
mod control;
mod expression;
mod init_trace;
mod lexer;
mod procedure;
mod statement;
mod statement_extent;
mod stub_diameters;

use std::path::Path;

pub use axon_replacement::{AxonReplacement, StubShape};
pub use stub_diameters::{SAMPLING_CHUNK_UM, StubDiameters, TemplateDiameters};

use crate::error::{Context, Problem, Result};
use crate::io::input_file;
use cell_state::StatementPosition;
use init_trace::InitTrace;
use procedure::HocTemplate;

/// The usual chunk length of cell templates, µm.
pub const CHUNK_UM: f64 = 40.0;

/// The rule by which a neuron is cut into segments.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscretisationRule {
    /// Chunk length, µm: a section of length L gets `1 + 2 int(L / chunk)` segments.
    pub chunk_um: f64,
    /// Treatment of the axon.
    pub axon_replacement: AxonReplacement,
    /// Minimum number of axon sections; the template refuses a neuron with fewer.
    pub min_axon_sections: usize,
    /// Diameters of the stubs.
    pub stub_diameters: StubDiameters,
    /// Operations of the template on diameters that the radii ignore.
    pub notes: Vec<TemplateNote>,
}

/// Kind of operation on diameters that the radii of a table ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TemplateNoteKind {
    /// Sections of the morphology get other diameters.
    Diameters,
    /// The stubs get diameters in an unsupported way.
    StubDiameters,
}

/// A statement of a template that the radii of a table ignore.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateNote {
    /// Line number in the file, from 1.
    pub line: u64,
    /// Text of the line.
    pub text: String,
    /// What the statement does.
    pub kind: TemplateNoteKind,
}

impl std::fmt::Display for TemplateNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let effect = match self.kind {
            TemplateNoteKind::Diameters => "is not applied: radii are those of the morphology",
            TemplateNoteKind::StubDiameters => {
                "sets diameters of the axon stubs in an unsupported way: the stubs have no radius"
            }
        };
        write!(f, "line {}: `{}` {effect}", self.line, self.text)
    }
}

impl DiscretisationRule {
    /// Returns the rule of a treatment of the axon, with the numbers of the usual templates.
    pub fn for_axon(axon: AxonReplacement) -> Self {
        let diameters = if axon.replaces_axon() { StubDiameters::default() } else { StubDiameters::Unset };
        Self {
            chunk_um: CHUNK_UM,
            axon_replacement: axon,
            min_axon_sections: axon.min_axon_sections(),
            stub_diameters: diameters,
            notes: Vec::new(),
        }
    }
}

/// Reasons why a template gives no rule.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum TemplateProblem {
    /// A bracket is not closed.
    #[error("`{0}` is not closed, expected its closing bracket, found the end of the file")]
    NotClosed(&'static str),
    /// The file does not contain the template of its name.
    #[error("no such template, expected `begintemplate {expected}`, found {found}")]
    NoTemplate {
        /// Name of the requested template.
        expected: String,
        /// Templates in the file.
        found: String,
    },
    /// The template has no `init`.
    #[error("no `proc init`, expected one that loads the morphology and cuts it into segments, found {0}")]
    NoInit(String),
    /// The number of segments is computed by an unknown rule.
    #[error(
        "unknown rule for the number of segments, expected `nseg = 1 + 2*int(L/chunk)` over all sections, found:\n{0}"
    )]
    Chunk(String),
    /// The axon is replaced in an unknown way.
    #[error(
        "unknown way to replace an axon, expected two stubs (30 and 30 µm of 5 or 1 segments, or 20 and 30 µm of 5 and \
         7) and perhaps 1000 µm of myelin of 5, found:\n{0}"
    )]
    Axon(String),
    /// The length of a section is changed.
    #[error("the length of a section is changed, expected the lengths of the morphology, found:\n{0}")]
    Length(String),
    /// A function that an expression calls changes lengths, segments or sections.
    #[error("a function changes lengths, segments or sections, expected procedures that `init` calls, found:\n{0}")]
    Function(String),
}

/// Hint for errors of templates: the options that replace the template's rule.
pub const RULE_HINT: &str = "give the rule yourself: `--axon-rule taper|legacy|bluepyopt|delete|keep`, and \
    `--segment-length UM` if it is not 40; `taper` is for templates of current Blue Brain and Open Brain circuits, \
    two stubs and myelin instead of the axon; `legacy` for those of the thalamus, the same without myelin; \
    `bluepyopt` for BluePyOpt's own `replace_axon`, two stubs of 1 segment; `delete` for circuits of 2015, whose \
    `delete_axon` creates the same stubs; `keep` for cells that keep their axon as reconstructed";

impl Problem for TemplateProblem {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Chunk(_) => "give the chunk length yourself: `--segment-length UM`, with `--axon-rule \
                               taper|legacy|bluepyopt|delete|keep` if that is not clear either"
                .into(),
            Self::Length(_) => "sections get the lengths of the morphology: remove the change, or give the rule \
                                yourself: `--axon-rule taper|legacy|bluepyopt|delete|keep`, and `--segment-length UM` \
                                if it is not 40"
                .into(),
            _ => RULE_HINT.into(),
        })
    }
}

/// Reads the rule of a template; `chunk_um` overrides the chunk length of the file.
///
/// # Errors
/// Returns an error if the file cannot be read, does not contain the template, or has none of the known forms; the
/// message shows the procedure.
pub fn read(path: &Path, name: &str, chunk_um: Option<f64>) -> Result<DiscretisationRule> {
    let bytes = input_file::read_text(path);
    let bytes = bytes.map_err(|e| e.with_hint(RULE_HINT))?;
    parse(&String::from_utf8_lossy(&bytes), name, chunk_um).in_file(path)
}

/// Parses the rule of a template from its text.
///
/// # Errors
/// Returns an error if the text does not contain the template, or has none of the known forms.
pub fn parse(text: &str, name: &str, chunk_um: Option<f64>) -> Result<DiscretisationRule> {
    let template = HocTemplate::parse(text, name)?;
    let attributes = stub_diameters::parse_needed_attributes(text, name);
    let found = InitTrace::from_init(&template, &stub_diameters::init_arguments(&attributes, None), chunk_um)?;
    // checked first: a changed length invalidates the chunk length, too
    found.check_supported(&template)?;
    let chunk_um = chunk_um.map_or_else(|| found.chunk_length(&template), Ok)?;
    let (axon, refused_below) = found.axon_replacement(&template)?;
    let diameters = stub_diameters::find_stub_diameters(&template, &attributes, &found, axon);
    let notes = collect_notes(&template, &found, &diameters);
    Ok(DiscretisationRule {
        chunk_um,
        axon_replacement: axon,
        min_axon_sections: refused_below,
        stub_diameters: diameters,
        notes,
    })
}

/// Collects the operations on diameters that the radii ignore.
fn collect_notes(template: &HocTemplate<'_>, trace: &InitTrace, diameters: &StubDiameters) -> Vec<TemplateNote> {
    let note = |(kind, at): (TemplateNoteKind, StatementPosition)| {
        let (line, text) = template.line_at(at);
        TemplateNote { line, text, kind }
    };
    let others = trace.notes.iter().copied().filter(|(kind, _)| *kind == TemplateNoteKind::Diameters);
    let is_lost = trace.sets_diameters() && *diameters == StubDiameters::Unset;
    let replaced =
        trace.cell.replaced_in_procedure.and_then(|place| Some((place, template.procedure(place)?.start_byte())));
    let start = replaced.map(|(procedure, byte)| StatementPosition { procedure_index: procedure, byte_offset: byte });
    let stubs = trace.first_note(TemplateNoteKind::StubDiameters).or(start).filter(|_| is_lost);
    others.chain(stubs.map(|at| (TemplateNoteKind::StubDiameters, at))).map(note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a template with the given statements of `init` and additional procedures.
    fn template(init: &str, procedures: &str) -> String {
        format!(
            "load_file(\"stdrun.hoc\")\nbegintemplate cADpyr /* a {{ in a comment */\npublic init\ncreate soma[1], dend[1], axon[1]\n\
             proc init() {{ localobj nl\n  all = new SectionList() // {{ \n  load_morphology($s2, $s3)\n{init}\n}}\n\
             proc geom_nseg() {{\n  geom_nseg_fixed(40)\n}}\n\
             proc geom_nseg_fixed() {{ local chunkSize\n  chunkSize = $1\n  soma area(.5)\n  forsec all {{\n    nseg = 1 + 2*int(L/chunkSize)\n  }}\n}}\n\
             {procedures}\nendtemplate cADpyr\n"
        )
    }

    const INIT: &str = "  geom_nseg()\n  indexSections()\n  replace_axon()";

    /// Returns the procedure of the published templates, with or without myelin.
    fn replace_axon(least: u32, myelin: &str) -> String {
        format!(
            r#"proc replace_axon() {{ local nSec, L_chunk, dist, i1, i2, count, L_target, chunkSize, L_real localobj diams, lens
    L_target = 60  // length of stub axon
    nseg0 = 5  // number of segments for each of the two axon sections
    nseg_total = nseg0 * 2
    chunkSize = L_target/nseg_total
    nSec = 0
    forsec axonal{{nSec = nSec + 1}}
    if(nSec < {least}){{ //At least that many
        execerror("Less than three axon sections are present! {{")
    }} else {{
        diams = new Vector()
        access axon[0]
        i1 = v(0.0001)
        count = 0
        forsec axonal{{
            nseg = 1 + int(L/chunkSize/2.)*2  //nsegs to get diameter
            for (x) {{
                if (x > 0 && x < 1) {{
                    count = count + 1
                    diams.resize(count)
                    diams.x[count-1] = diam(x)
                    if( count == nseg_total ){{
                        break
                    }}
                }}
            }}
            if( count == nseg_total ){{
                break
            }}
        }}
        forsec axonal{{
            delete_section()
        }}
        execute1("create axon[2]", CellRef)
        L_real = 0
        count = 0
        for i=0,1{{
            access axon[i]
            L =  L_target/2
            nseg = nseg_total/2
            for (x) {{
                if (x > 0 && x < 1) {{
                    diam(x) = diams.x[count]
                    count = count + 1
                }}
            }}
            all.append()
            if (i == 0) {{
                v(0.0001) = i1
            }}
        }}
        nSecAxonal = 2
        soma[0] connect axon[0](0), 1
        axon[0] connect axon[1](0), 1
        {myelin}
    }}
}}"#
        )
    }

    const MYELIN: &str = "execute1(\"create myelin[1]\", CellRef)\naccess myelin[0]{\n L = 1000\n diam = diams.x[count-1]\n nseg = 5\n}\n\
                          connect myelin[0](0), axon[1](1)";

    const OPTIMISER: &str = "proc replace_axon(){ local nSec, D1, D2\n nSec = sec_count(axonal)\n if (nSec == 0) {\n D1 = D2 = 1\n } else {\n\
        axon[0] D1 = diam\n forsec axonal {\n D2 = diam\n if (distance(0.5) > 60) { break }\n }\n }\n forsec axonal{ delete_section() }\n\
        create axon[2]\n axon[0] {\n L = 30\n diam = D1\n nseg = 1 + 2*int(L/40)\n all.append()\n }\n axon[1] { L = 30 diam = D2 nseg = 1 + 2*int(L/40) }\n\
        nSecAxonal = 2\n soma[0] connect axon[0](0), 1\n}";

    fn rule(init: &str, procedures: &str) -> Result<DiscretisationRule> {
        parse(&template(init, procedures), "cADpyr", None)
    }

    #[track_caller]
    fn is(init: &str, procedures: &str, axon: AxonReplacement, least_axon_sections: usize) {
        let found = rule(init, procedures).unwrap();
        assert_eq!(
            (found.chunk_um, found.axon_replacement, found.min_axon_sections),
            (40.0, axon, least_axon_sections)
        );
    }

    #[test]
    fn the_forms_of_published_templates_are_recognised() {
        is(INIT, &replace_axon(3, MYELIN), AxonReplacement::Taper, 3);
        is(INIT, &replace_axon(1, ""), AxonReplacement::Legacy, 2);
        is(
            INIT,
            &replace_axon(2, "").replace("access axon[i]\n", "axon[i] {").replace("all.append()", "}"),
            AxonReplacement::Legacy,
            2,
        );
        is(INIT, OPTIMISER, AxonReplacement::BluePyOpt, 2);
        is("  geom_nseg()", OPTIMISER, AxonReplacement::Keep, 0);
        let delete = |l0: u32, l1: u32, nseg: &str| {
            format!(
                "proc delete_axon() {{\n forsec axonal {{ delete_section() }}\n create axon[2]\n axon[0] {{ L = {l0}\n nseg = {nseg}\n \
                 diam = $1 }}\n axon[1] {{\n L = {l1}\n nseg = {nseg}\n diam = $2\n }}\n connect axon[0](0), soma(0.5)\n}}"
            )
        };
        is("  geom_nseg()\n  delete_axon()", &delete(30, 30, "1 + 2*int(L/40)"), AxonReplacement::Delete, 2);
        is("  geom_nseg()\n  delete_axon(3, 2)", &delete(20, 30, "1+2*int(L/10)"), AxonReplacement::DeleteFine, 2);
    }

    #[test]
    fn names_order_and_arguments_do_not_matter() {
        let renamed = replace_axon(3, MYELIN).replace("replace_axon", "stub");
        is("  prepare()", &format!("{renamed}\nproc prepare() {{\n geom_nseg() stub()\n}}"), AxonReplacement::Taper, 3);
        let scaled = replace_axon(3, MYELIN).replace("L_target = 60", "scale = $1\n L_target = 60");
        is("  geom_nseg()\n  replace_axon($4)", &scaled, AxonReplacement::Taper, 3);
        let target = replace_axon(3, MYELIN).replace("L_target = 60", "L_target = $1");
        is("  geom_nseg()\n  replace_axon(60)", &target, AxonReplacement::Taper, 3);
        let other_chunk =
            template(INIT, &replace_axon(3, MYELIN)).replace("geom_nseg_fixed(40)", "geom_nseg_fixed(12.5)");
        assert_eq!(parse(&other_chunk, "cADpyr", None).unwrap().chunk_um, 12.5);
        assert_eq!(parse(&other_chunk, "cADpyr", Some(20.0)).unwrap().chunk_um, 20.0);
    }

    /// Statements of published templates around the parts that matter.
    const PUBLISHED: &str = "  forall delete_section()\n  CellRef = this\n  if (numarg() >= 2) {\n load_morphology($s1, $s2)\n } else {\n \
        load_morphology($s1, \"morph.asc\")\n }\n  forsec this.all {\n if (diam == 0) { diam = 1e-6 }\n }\n  geom_nseg()\n  replace_axon()\n  \
        biophys()";

    #[test]
    fn other_statements_of_templates_are_ignored() {
        let others = "proc biophys() {\n forsec CellRef.axonal { insert NaTa_t gNaTa_tbar_NaTa_t = 3.137968 }\n CellRef.soma { cm = 1 }\n \
            forsec CellRef.all { cm = 1 }\n}\nproc load_morphology() { localobj morph\n strdef path\n sprint(path, \"%s/%s\", $s1, $s2)\n \
            morph = new Import3d_Neurolucida3()\n morph.quiet = 1\n}";
        is(PUBLISHED, &format!("{}\n{others}", replace_axon(3, MYELIN)), AxonReplacement::Taper, 3);
        is(PUBLISHED, &format!("{OPTIMISER}\n{others}"), AxonReplacement::BluePyOpt, 2);
        let counted = template(PUBLISHED, &replace_axon(3, MYELIN)).replace(
            "nseg = 1 + 2*int(L/chunkSize)",
            "nseg = 1 + 2*int(L/chunkSize)\n segCounts.x[secIndex] = nseg\n secIndex += 1",
        );
        assert_eq!(parse(&counted, "cADpyr", None).unwrap(), DiscretisationRule::for_axon(AxonReplacement::Taper));
    }

    #[test]
    fn the_arguments_choose_between_two_ways_of_a_procedure() {
        let delete = "proc delete_axon() {\n forsec axonal { delete_section() }\n create axon[2]\n if (numarg() == 0) {\n access axon[0] { \
            L = 30\n nseg = 1+2*int(L/40) }\n access axon[1] { L = 30\n nseg = 1+2*int(L/40) }\n } else {\n access axon[0] { L = 20\n \
            nseg = 1+2*int(L/10)\n diam = $1 }\n access axon[1] { L = 30\n nseg = 1+2*int(L/10)\n diam = $2 }\n }\n}";
        for delete in
            [delete.to_string(), delete.replace("== 0", "< 1"), delete.replace("numarg() == 0", "(numarg()) == 0")]
        {
            let found = |init: &str| rule(init, &delete).ok().map(|r| r.axon_replacement);
            assert_eq!(found("  geom_nseg()\n  delete_axon()"), Some(AxonReplacement::Delete));
            assert_eq!(found("  geom_nseg()\n  delete_axon(3, 2)"), Some(AxonReplacement::DeleteFine));
        }
    }

    #[test]
    fn values_that_depend_on_a_condition_are_unknown() {
        let perhaps = replace_axon(3, MYELIN)
            .replace("L_target = 60", "if ($1 > 2) {\n L_target = 30\n} else {\n L_target = 60\n}");
        assert!(rule(INIT, &perhaps).is_err());
        let same = replace_axon(3, MYELIN)
            .replace("L_target = 60", "if ($1 > 2) {\n L_target = 60\n} else {\n L_target = 60\n}");
        is(INIT, &same, AxonReplacement::Taper, 3);
        let twice = OPTIMISER.replace("L = 30\n diam", "L = 30\n if ($1) {\n L = 20\n }\n diam");
        assert!(rule(INIT, &twice).is_err());
    }

    #[test]
    fn stubs_that_are_cut_again_follow_the_chunk() {
        // 30 µm are below a chunk of 40 µm: one segment; 1000 µm of myelin would have 51
        is("  replace_axon()\n  geom_nseg()", &replace_axon(2, ""), AxonReplacement::BluePyOpt, 2);
        assert!(rule("  replace_axon()\n  geom_nseg()", &replace_axon(2, MYELIN)).is_err());
    }

    /// Replaces the axon by a stub whose diameters decay exponentially to a width that each neuron scales.
    const SYNTHESISED: &str = r#"proc replace_axon(){ local turn, k, span, pieces localobj widths
    axon[0] first = v(0.0001)
    axon[2] third = v(0.0001)
    forsec axonal { delete_section() }
    execute1("create axon[2]", CellRef)
    pieces = 10
    span = 60
    extra = 0.5
    decay = 8
    widths = new Vector()
    turn = 0
    for k=0,pieces{
        turn = turn + 1
        widths.resize(turn)
        widths.x[turn-1] = extra * exp(-span * k / pieces / decay) + 0.6 * $1
    }
    turn = 0
    for k=0,1{
        access axon[k]
        L =  span/2
        nseg = pieces/2
        for (x) {
            if (x > 0 && x < 1) {
                diam(x) = widths.x[turn]
                turn = turn + 1
            }
        }
        all.append()
    }
    create myelin[1]
    access myelin{
        L = 1000
        diam = widths.x[turn-1]
        nseg = 5
    }
}"#;

    /// Returns the radii that a template gives to the stubs of a neuron.
    #[track_caller]
    fn radii(rule: &DiscretisationRule, scale: f64) -> Vec<f64> {
        let StubDiameters::FromTemplate { diameters, .. } = &rule.stub_diameters else { panic!("{rule:?}") };
        diameters.radii_um(scale).collect()
    }

    #[test]
    fn a_template_that_computes_diameters_gives_them_for_every_scale() {
        let text = template("  geom_nseg()\n  replace_axon($4)", SYNTHESISED);
        let text = format!("strdef cADpyr_NeededAttributes\ncADpyr_NeededAttributes = \"AIS_scaler\"\n{text}");
        let rule = parse(&text, "cADpyr", None).unwrap();
        // three axon sections are used before they are deleted
        assert_eq!((rule.axon_replacement, rule.min_axon_sections), (AxonReplacement::Taper, 3));
        let StubDiameters::FromTemplate { diameters, .. } = &rule.stub_diameters else { panic!("{rule:?}") };
        assert_eq!(diameters.scale_attribute.as_deref(), Some("AIS_scaler"));
        for scale in [1.0, 0.3, 2.5] {
            let diameter = |i: f64| 0.5 * (-60.0 * i / 10.0 / 8.0_f64).exp() + 0.6 * scale;
            let mut expected: Vec<f64> = (0..10).map(|i| diameter(f64::from(i)) / 2.0).collect();
            expected.extend([diameter(9.0) / 2.0; 5]);
            let found = radii(&rule, scale);
            assert!(found.len() == 15 && found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        }
        // a scale that is fixed in the template needs no attribute
        let fixed = template("  geom_nseg()\n  replace_axon(1)", SYNTHESISED);
        let fixed = parse(&fixed, "cADpyr", None).unwrap();
        assert_eq!(radii(&fixed, 7.0), radii(&fixed, 1.0));
        assert!((radii(&fixed, 1.0)[0] - 0.55).abs() < 1e-12);
    }

    #[test]
    fn unset_diameters_and_those_of_the_original_axon_are_distinguished() {
        let unset = SYNTHESISED.replace("diam(x) = widths.x[turn]", "").replace("diam = widths.x[turn-1]", "");
        assert_eq!(rule("  geom_nseg()\n  replace_axon($4)", &unset).unwrap().stub_diameters, StubDiameters::Unset);
        assert_eq!(rule(INIT, &replace_axon(3, MYELIN)).unwrap().stub_diameters, StubDiameters::FromAxon(None));
        assert_eq!(rule(INIT, OPTIMISER).unwrap().stub_diameters, StubDiameters::FromAxon(None));
        assert_eq!(rule("  geom_nseg()", OPTIMISER).unwrap().stub_diameters, StubDiameters::Unset);
    }

    /// `delete_axon` in its form of 2015.
    const DELETE_2015: &str = r#"proc delete_axon(){ local near, far, away
    access axon[0]
    near = far = diam
    access soma distance()
    forsec axonal {
        away = distance(0.5)
        if (away > 60) {
            far = diam
            break
        }
    }
    forsec axonal { delete_section() }
    execute1("create axon[2]\n", this)
    axon[0] {
        if (numarg() == 0) {
            L = 30 diam = near nseg = 1 + 2*int(L/40)
        } else {
            L = 20 nseg = 1 + 2*int(L/10) diam(0:1) = $1:$2
        }
    }
    axon[1] {
        L = 30
        if (numarg() == 0) {
            diam = far
            nseg = 1 + 2*int(L/40)
        } else {
            nseg = 1 + 2*int(L/10)
            diam(0:1) = $2:$3
        }
    }
    if (numarg() > 0) if ($4) {
        create myelin[1]
        access myelin { L = 1000 nseg = 11 }
    }
}"#;

    #[test]
    fn a_condition_may_contain_another_one_without_brackets() {
        let delete = |call: &str| rule(&format!("  geom_nseg()\n  {call}"), DELETE_2015);
        let plain = delete("delete_axon()").unwrap();
        assert_eq!(
            (plain.axon_replacement, plain.stub_diameters),
            (AxonReplacement::Delete, StubDiameters::FromAxon(None))
        );
        let fine = delete("delete_axon(3, 2, 1, 0)").unwrap();
        assert_eq!(fine.axon_replacement, AxonReplacement::DeleteFine);
        // from 3 to 2 µm at the middles of 5 segments, from 2 to 1 µm at those of 7
        let along = |n: u32, from: f64| (0..n).map(move |i| (from - (f64::from(i) + 0.5) / f64::from(n)) / 2.0);
        let expected: Vec<f64> = along(5, 3.0).chain(along(7, 2.0)).collect();
        assert!(radii(&fine, 1.0).iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12));
        let refused = delete("delete_axon(3, 2, 1, 0.5)").unwrap_err().to_string();
        assert!(refused.contains("unknown way to replace an axon"), "{refused}");
        // `else` belongs to the inner condition, and the outer one has none
        let other =
            DELETE_2015.replace("    if (numarg() > 0) if ($4) {", "    if (numarg() > 9) if ($4) {\n} else {\n");
        assert_eq!(rule("  geom_nseg()\n  delete_axon()", &other).unwrap().axon_replacement, AxonReplacement::Delete);
    }

    #[test]
    fn a_loop_runs_its_body_if_the_number_of_iterations_is_known() {
        let bound = replace_axon(3, MYELIN).replace(
            "L_real = 0\n",
            "for i = 0, nseg_total {\n L_real = i\n }\n for (j = 0; j < nseg_total; j += 1) {\n }\n",
        );
        is(INIT, &bound, AxonReplacement::Taper, 3);
        let counted = replace_axon(3, MYELIN)
            .replace("nseg = nseg_total/2", "nseg = 0\n for k = 1, 5 nseg = nseg + 1\n nseg = nseg_total/2");
        is(INIT, &counted, AxonReplacement::Taper, 3);
        // the number of iterations is unknown
        let unknown =
            replace_axon(3, MYELIN).replace("L_target = 60", "L_target = 0\n for i = 1, $1 { L_target = 60 }");
        assert!(rule(INIT, &unknown).is_err());
        let endless =
            replace_axon(3, MYELIN).replace("L_real = 0\n", "for i = 0, 900 { for j = 0, 900 { L_real = i } }\n");
        assert!(rule(INIT, &endless).is_err());
    }

    #[test]
    fn other_changes_of_axon_or_segments_are_reported_with_their_text() {
        let refused = |init: &str, procedures: &str| format!("{:?}", rule(init, procedures).unwrap_err());
        let bare = "proc replace_axon() {\n  forsec axonal { delete_section() }\n}";
        assert_eq!(
            refused(INIT, bare),
            format!(
                "line[22]: unknown way to replace an axon, expected two stubs (30 and 30 µm of 5 or 1 segments, or 20 and 30 µm of 5 \
                 and 7) and perhaps 1000 µm of myelin of 5, found:\n    proc replace_axon() {{\n      forsec axonal {{ \
                 delete_section() }}\n    }}\nhint: {RULE_HINT}"
            )
        );
        for (from, to) in [
            ("L_target = 60", "L_target = 80"),
            ("nseg0 = 5", "nseg0 = lambda_f(100)"),
            ("create axon[2]", "create axon[3]"),
            ("L = 1000", "L = 100"),
            ("forsec axonal{\n            delete", "forsec apical{\n            delete"),
        ] {
            let changed = replace_axon(3, MYELIN).replace(from, to);
            assert!(refused(INIT, &changed).contains("unknown way to replace an axon"), "{to}");
        }
        let lambda =
            template("  geom_nseg()", "").replace("1 + 2*int(L/chunkSize)", "int((L/(0.1*lambda_f(100))+.9)/2)*2+1");
        let message = parse(&lambda, "cADpyr", None).unwrap_err();
        assert!(message.to_string().starts_with("line[13]: unknown rule for the number of segments"), "{message}");
        let expected = DiscretisationRule { chunk_um: 30.0, ..DiscretisationRule::for_axon(AxonReplacement::Keep) };
        assert_eq!(parse(&lambda, "cADpyr", Some(30.0)).unwrap(), expected);
        for none in ["", "  soma nseg = 1\n  dend nseg = 5", "  geom_nseg()\n  forsec basal { nseg = 3 }"] {
            assert!(refused(none, "").contains("unknown rule for the number of segments"), "{none}");
        }
    }

    #[test]
    fn only_the_start_of_a_long_procedure_is_shown() {
        let long = format!("proc replace_axon() {{\n{}}}", "  create axon[9]\n".repeat(30));
        let message = rule(INIT, &long).unwrap_err().to_string();
        assert!(message.ends_with("    create axon[9]\n    ... (16 more lines)"), "{message}");
    }

    #[test]
    fn a_text_without_the_template_is_refused() {
        let message = |text: &str| parse(text, "cADpyr", None).unwrap_err().to_string();
        let other = "begintemplate other\nendtemplate other";
        assert_eq!(message(other), "no such template, expected `begintemplate cADpyr`, found `begintemplate other`");
        assert_eq!(message("\u{0}\u{1}"), "no such template, expected `begintemplate cADpyr`, found none");
        assert_eq!(
            message("begintemplate cADpyr\nproc start() { }\nendtemplate cADpyr"),
            "no `proc init`, expected one that loads the morphology and cuts it into segments, found `start`"
        );
        assert_eq!(
            message("begintemplate cADpyr\n\nproc init() { {\n}\nendtemplate cADpyr"),
            "line[3]: `{` is not closed, expected its closing bracket, found the end of the file"
        );
    }

    #[test]
    fn procedures_that_call_each_other_terminate() {
        let circle = "proc a() {\n b() b()\n}\nproc b() {\n a()\n}";
        is("  geom_nseg()\n  a()", circle, AxonReplacement::Keep, 0);
    }

    #[test]
    fn the_template_of_synthetic_circuits_is_a_taper() {
        let text = include_str!("../synthetic/template.hoc");
        assert_eq!(parse(text, "TEMPLATE_NAME", None).unwrap(), DiscretisationRule::for_axon(AxonReplacement::Taper));
    }

    /// Returns a template whose `geom_nseg` has the given statements.
    fn geometry(init: &str, geom: &str, others: &str) -> String {
        format!(
            "begintemplate T\ncreate soma[1], dend[1], apic[1], axon[1], hillock[1]\nproc init() {{\n  forall delete_section()\n{init}\n}}\n\
             proc geom_nseg() {{\n{geom}\n}}\n{others}\nendtemplate T\n"
        )
    }

    /// Summarises the result; for an error its first line without the expectation, and its last line, the statement.
    fn outcome(text: &str) -> String {
        match parse(text, "T", None) {
            Ok(rule) => format!("{} {}", rule.chunk_um, rule.axon_replacement.name()),
            Err(e) => {
                let text = e.to_string();
                let first = text.lines().next().unwrap_or_default().split(", expected").next().unwrap_or_default();
                let last = text.lines().rfind(|line| line.starts_with("    line "));
                format!("{first}:{}", last.unwrap_or_default().trim_start_matches("   "))
            }
        }
    }

    const ALL: &str = "  forsec all { nseg = 1 + 2*int(L/40) }";
    const COUNT: &str = "unknown rule for the number of segments";

    #[test]
    fn segments_of_some_sections_are_reported_with_their_line() {
        // begintemplate, create, init of 4 lines, geom_nseg in line 7, its second statement in line 9
        for statement in [
            "  forsec all { nseg *= 3 }",
            "  forsec all nseg += 2",
            "  forsec apical { nseg  /=  3 }",
            "  forsec basal { nseg -= 2 }",
            "  forall nseg *= 3",
            "  forsec all { nseg = nseg*3 }",
            "  soma nseg=1",
            "  soma.nseg = 3",
            "  dend[0].nseg = 5",
            "  this.dend[0] { nseg = 5 }",
            "  access soma nseg = 3",
            "  hillock nseg = 3",
            "  axon.nseg = 3",
            "  forsec axonal { nseg = 3 }",
            "  for i = 0, 3 dend[i] { nseg = 9 }",
            "  for i = 0, n-1 dend[i].nseg += 2",
            "  forsec \"dend\" { nseg = 1 + 2*int(L/20) }",
            "  forsec $o1 { nseg = 1 + 2*int(L/20) }",
            "  forsec all { if (L > 100) { nseg = 1 + 2*int(L/20) } else { nseg = 1 + 2*int(L/40) } }",
            "  forsec all { if (diam > 1) nseg = 1 + 2*int(L/20) }",
            "  forsec all if (nseg > 3) nseg = 3",
            "  forsec all { if (nseg % 2 == 0) nseg += 1 }",
            "  forsec all { ifsec \"dend\" { nseg = 1 + 2*int(L/20) } }",
            "  forsec all ifsec \"dend\" nseg = 1 + 2*int(L/20)",
            "  forsec all { if (issection(\"dend.*\")) { nseg = 1 + 2*int(L/20) } }",
            "  forsec all { if (!ismembrane(\"pas\")) { nseg = 1 + 2*int(L/20) } }",
            "  forsec all { nseg = 1 + 2*int(L/20) if (L > 500) break }",
            "  forsec all { if (L < 40) continue nseg = 1 + 2*int(L/20) }",
            "  forsec all { k = k + 1 if (k == 2) { nseg = 9 } }",
            "  while (k < n) { k = k + 1 if (k == 3) { soma nseg = 5 } }",
            "  if ($1 > 3) { forsec all { nseg = 1 + 2*int(L/20) } }",
            "  execute(\"soma nseg = 3\", this)",
            "  sr.child[0] { nseg = 9 }",
            "  sr.sec.nseg = 9",
            "  push_section(\"dend\") nseg = 3",
            "  execute1(\"forsec all nseg = 5\", this)",
            "  tool.geom_nseg_lambda(this)",
            "  xopen(\"fixnseg.hoc\")",
            "  sprint(text, \"%s nseg = %d\", name, 3) execute(text, this)",
        ] {
            let text = geometry("  geom_nseg()", &format!("{ALL}\n{statement}"), "");
            assert_eq!(outcome(&text), format!("line[7]: {COUNT}: line 9: `{}`", statement.trim()), "{statement}");
            // the same statement in a later procedure, after the axon was replaced
            let late = geometry(
                "  geom_nseg()\n  biophys()",
                ALL,
                &format!("proc biophys() {{ more() }}\nproc more() {{\n{statement}\n}}"),
            );
            assert_eq!(outcome(&late), format!("line[12]: {COUNT}: line 13: `{}`", statement.trim()), "{statement}");
        }
        assert_eq!(
            outcome(&geometry("  geom_nseg()\n  forall nseg *= 3", ALL, "")),
            format!("line[3]: {COUNT}: line 6: `forall nseg *= 3`")
        );
        assert_eq!(outcome(&geometry("  geom_nseg()", "", "")), format!("line[3]: {COUNT}:"));
        let called = geometry("  geom_nseg()", "  forsec all { cut(20) }", "proc cut() {\n  nseg = 1 + 2*int(L/$1)\n}");
        assert_eq!(outcome(&called), format!("line[10]: {COUNT}: line 11: `nseg = 1 + 2*int(L/$1)`"));
        let outside = geometry("  geom_nseg()", &format!("{ALL}\n  refine()"), "external refine");
        assert_eq!(outcome(&outside), format!("line[7]: {COUNT}: line 9: `refine()`"));
    }

    #[test]
    fn an_error_shows_procedure_and_line() {
        let text = geometry("  geom_nseg()", &format!("{ALL}\n  forsec apical {{ nseg *= 3 }}"), "");
        assert_eq!(
            parse(&text, "T", None).unwrap_err().to_string(),
            "line[7]: unknown rule for the number of segments, expected `nseg = 1 + 2*int(L/chunk)` over all sections, found:\n    \
             proc geom_nseg() {\n      forsec all { nseg = 1 + 2*int(L/40) }\n      forsec apical { nseg *= 3 }\n    }\n    \
             line 9: `forsec apical { nseg *= 3 }`"
        );
    }

    #[test]
    fn a_changed_length_is_reported_with_its_line_whether_the_axon_is_kept_or_not() {
        for statement in [
            "  dend[0] L = 10",
            "  forsec basal { L *= 3 }",
            "  forsec apical { L = 10 }",
            "  soma.L = 100",
            "  forall L = L*1.1",
            "  for i = 0, 2 dend[i].L += 5",
            "  if ($1) { access dend[0] L = 10 }",
            "  soma { pt3dclear() pt3dadd(0, 0, 0, 9) }",
            "  forsec apical { pt3dchange(0, 1) }",
        ] {
            for axon in ["", "\n  replace_axon()"] {
                for init in [format!("{statement}\n  geom_nseg(){axon}"), format!("  geom_nseg(){axon}\n{statement}")] {
                    let found = outcome(&geometry(&init, ALL, OPTIMISER));
                    let line = 5 + init.lines().position(|line| line == statement).unwrap();
                    assert_eq!(
                        found,
                        format!("line[3]: the length of a section is changed: line {line}: `{}`", statement.trim())
                    );
                }
            }
        }
        let text = geometry("  dend[0] L = 10\n  geom_nseg()", ALL, "");
        assert_eq!(
            format!("{:?}", parse(&text, "T", None).unwrap_err()),
            "line[3]: the length of a section is changed, expected the lengths of the morphology, found:\n    proc init() {\n      \
             forall delete_section()\n      dend[0] L = 10\n      geom_nseg()\n    }\n    line 5: `dend[0] L = \
             10`\nhint: sections get the lengths of the morphology: remove the change, or give the rule yourself: \
             `--axon-rule taper|legacy|bluepyopt|delete|keep`, and `--segment-length UM` if it is not 40"
        );
        // this statement never runs
        assert_eq!(outcome(&geometry("  if (numarg() > 9) { dend[0] L = 10 }\n  geom_nseg()", ALL, "")), "40 keep");
    }

    #[test]
    fn a_function_that_changes_the_cell_is_refused_in_an_expression() {
        let function = "func cut() { forsec apical { nseg *= 3 }\n return 1 }";
        for statement in ["  x = cut()", "  if (cut()) { x = 1 }", "  while (x < cut()) { x = 2 }"] {
            let text = geometry("  geom_nseg()", &format!("{ALL}\n{statement}"), function);
            let expected =
                format!("line[7]: a function changes lengths, segments or sections: line 9: `{}`", statement.trim());
            assert_eq!(outcome(&text), expected);
        }
        assert_eq!(
            outcome(&geometry("  geom_nseg()", &format!("  x = cut()\n{ALL}"), "func cut() { return 40 }")),
            "40 keep"
        );
    }

    #[test]
    fn statements_and_variables_have_the_extent_that_they_have_in_the_simulator() {
        let chunk = |geom: &str, others: &str| outcome(&geometry("  geom_nseg()", geom, others));
        let set = "  forsec all { nseg = 1 + 2*int(L/c) }";
        for (before, others, expected) in [
            // a condition has one statement, whatever follows in its line
            ("  c = 40\n  if (0) x = 1 c = 20", "", "20"),
            ("  c = 40\n  if (1) x = 1 else x = 2 c = 20", "", "20"),
            ("  forsec basal n = n + 1 c = 20", "", "20"),
            ("  c = 10\n  for i = 0, 1 c = c*2 n = 1", "", "40"),
            ("  c = 10\n  while (c < 30) { c = c*2 }", "", "40"),
            ("  for (c = 10; c < 35; c += 10) { x = c }", "", "40"),
            ("  for c = 10, 99 { if (c == 25) { break } }", "", "25"),
            ("  c = 100 % 60", "", "40"),
            ("  c = 2 * \\\n 20", "", "40"),
            // variables belong to the template, unless they are declared local
            ("  c = 40\n  setup()", "proc setup() { c = 25 }", "25"),
            ("  c = 40\n  setup()", "proc setup() { local c\n c = 25 }", "40"),
            ("  c = 40\n  setup()\n  tool.setup2()", "proc setup() { tool.c = 25 }\nproc setup2() { c = 30 }", "40"),
            ("  c = 40\n  if (numarg() > 0 && $1) { c = 20 }", "", "40"),
        ] {
            assert_eq!(chunk(&format!("{before}\n{set}"), others), format!("{expected} keep"), "{before}");
        }
        for (before, others) in [
            ("  c = 40\n  if ($1) { c = 20 }", ""),
            ("  c = 40\n  forsec all { c = 20 }", ""),
            ("  c = 40\n  forsec all { if (L > 9) { setup() } }", "proc setup() { c = 25 }"),
            ("  c = 40\n  while (x) { c = c + 1 }", ""),
            ("  c = 40\n  for k = 1, x { if (c == 41) { d = 1 } c = c + 1 }", ""),
        ] {
            assert!(chunk(&format!("{before}\n{set}"), others).contains(COUNT), "{before}");
        }
    }

    #[test]
    fn changes_before_the_importer_creates_the_sections_are_lost() {
        let load = "proc load() {\n importer = new Import3d_GUI(morph, 0)\n importer.instantiate(this)\n}";
        let found = |init: &str| outcome(&geometry(init, ALL, load));
        assert_eq!(found("  load()\n  geom_nseg()"), "40 keep");
        assert_eq!(found("  geom_nseg()\n  load()"), format!("line[3]: {COUNT}:"));
        let deleted = found("  load()\n  geom_nseg()\n  forall delete_section()");
        assert_eq!(deleted, "line[3]: unknown way to replace an axon: line 7: `forall delete_section()`");
    }

    #[test]
    fn the_last_definition_of_a_procedure_counts() {
        let finer = "proc geom_nseg() { forsec all { nseg = 1 + 2*int(L/20) } }";
        assert_eq!(outcome(&geometry("  geom_nseg()", ALL, finer)), "20 keep");
        let replaced = |others: &str| outcome(&geometry("  geom_nseg()\n  replace_axon()", ALL, others));
        let taper = replace_axon(3, MYELIN);
        assert_eq!(replaced(&taper), "40 taper");
        assert_eq!(replaced(&format!("{taper}\nproc replace_axon() {{ }}")), "40 keep");
        assert_eq!(replaced(&format!("{taper}\n{OPTIMISER}")), "40 bluepyopt");
        let again = format!("{taper}\nproc init() {{\n  geom_nseg()\n}}");
        assert_eq!(replaced(&again), "40 keep");
    }

    #[test]
    fn arguments_have_the_values_that_neurodamus_passes() {
        let called = |statement: &str| {
            let others = format!("{OPTIMISER}\nproc fix() {{ if ($1) {{ replace_axon() }} }}");
            outcome(&geometry(&format!("  geom_nseg()\n{statement}"), ALL, &others))
        };
        for (statement, is_replaced) in [
            ("  if ($4) { replace_axon() }", false),
            ("  if (!$4) { replace_axon() }", true),
            ("  if ($4 == 1) { replace_axon() }", false),
            ("  if ($4 == 0) { replace_axon() } else { x = 1 }", true),
            ("  if (numarg() >= 4) { if ($4) replace_axon() }", false),
            ("  if (numarg() > 3 && $4 == 0) { replace_axon() }", true),
            ("  if (!(numarg() > 3 && $4)) { replace_axon() }", true),
            ("  if (numarg() < 4) { replace_axon() }", false),
            ("  if (numarg() == 4) replace_axon()", true),
            ("  if (numarg() == 3) { replace_axon() }", false),
            ("  if (numarg() < 4) return\n  replace_axon()", true),
            ("  if ($4 == 0) return\n  replace_axon()", false),
            ("  keep = 1\n  if (numarg() > 3) keep = $4\n  if (keep == 0) replace_axon()", true),
            ("  fix($4)", false),
            ("  fix(!$4)", true),
            ("  if (0) x = 1 replace_axon()", true),
        ] {
            assert_eq!(called(statement), if is_replaced { "40 bluepyopt" } else { "40 keep" }, "{statement}");
        }
        for statement in [
            "  if ($1 == 0) { replace_axon() }",
            "  fix($1)",
            "  if ($1 > 5) return\n  replace_axon()",
            "  for i = 0, $1 { replace_axon() }",
            "  forsec apical { replace_axon() }",
        ] {
            assert!(
                called(statement).contains("unknown way to replace an axon: line "),
                "{statement}: {}",
                called(statement)
            );
        }
        // with needed attributes, argument 4 is an attribute of the node
        let scaled = geometry("  geom_nseg()\n  if (!$4) { replace_axon() }", ALL, OPTIMISER);
        let needed = format!("strdef T_NeededAttributes\nT_NeededAttributes = \"AIS_scaler;other\"\n{scaled}");
        assert!(outcome(&needed).contains("unknown way to replace an axon: line 8: "), "{}", outcome(&needed));
        let counted = needed.replace("!$4", "numarg() == 5");
        assert_eq!(outcome(&counted), "40 bluepyopt");
    }

    #[test]
    fn stubs_that_are_changed_later_are_reported_with_the_line() {
        for statement in ["  axon nseg = 5", "  axon[1] { L = 60 }", "  forsec axonal nseg *= 3", "  axon[0].L += 1"] {
            let text = geometry(&format!("  geom_nseg()\n  replace_axon()\n{statement}"), ALL, OPTIMISER);
            let expected = format!("line[3]: unknown way to replace an axon: line 7: `{}`", statement.trim());
            assert_eq!(outcome(&text), expected);
        }
        // as in NEURON, the number of segments is truncated to an integer
        for (from, to) in [
            ("nseg = 1 + 2*int(L/40)\n", "nseg = 1.7\n"),
            ("L = 30\n diam", "L = 20\n L += 10\n diam"),
            ("nseg = 1 + 2*int(L/40)\n", "nseg = 5\n nseg /= 3\n"),
        ] {
            let changed = OPTIMISER.replacen(from, to, 1);
            assert_ne!(changed, OPTIMISER);
            assert_eq!(outcome(&geometry("  geom_nseg()\n  replace_axon()", ALL, &changed)), "40 bluepyopt");
        }
    }

    #[test]
    fn the_original_axon_is_sampled_with_its_segments_at_that_point() {
        let found = |init: &str, others: &str| parse(&geometry(init, ALL, others), "T", None).unwrap().stub_diameters;
        let after = "  geom_nseg()\n  replace_axon()";
        assert_eq!(found(after, OPTIMISER), StubDiameters::FromAxon(None));
        assert_eq!(found("  replace_axon()\n  geom_nseg()", OPTIMISER), StubDiameters::FromAxon(Some(f64::INFINITY)));
        let taper = |from: &str, to: &str| {
            let changed = replace_axon(3, MYELIN).replace(from, to);
            assert!(from.is_empty() || changed != replace_axon(3, MYELIN), "{from}");
            found(after, &changed)
        };
        assert_eq!(taper("", ""), StubDiameters::FromAxon(None));
        assert_eq!(taper("chunkSize = L_target/nseg_total", "chunkSize = 12"), StubDiameters::FromAxon(Some(24.0)));
        assert_eq!(taper("int(L/chunkSize/2.)*2", "int(L/chunkSize)*2"), StubDiameters::FromAxon(Some(6.0)));
        assert_eq!(taper("nseg = 1 + int(L/chunkSize/2.)*2", ""), StubDiameters::FromAxon(Some(40.0)));
    }

    #[test]
    fn diameters_that_the_radii_ignore_are_noted_with_their_line() {
        let notes = |init: &str, others: &str| {
            let rule = parse(&geometry(init, ALL, others), "T", None).unwrap();
            (rule.stub_diameters, rule.notes.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let taper = replace_axon(3, MYELIN);
        let after = "  geom_nseg()\n  replace_axon()";
        for statement in
            ["  forsec basal { diam = 3 }", "  dend[0].diam *= 2", "  soma diam = 9", "  apic[0] { diam(0:1) = 2:1 }"]
        {
            let expected = format!("line 7: `{}` is not applied: radii are those of the morphology", statement.trim());
            assert_eq!(
                notes(&format!("{after}\n{statement}"), &taper),
                (StubDiameters::FromAxon(None), vec![expected])
            );
        }
        for statement in ["  axon[0] diam = 7", "  forsec axonal { diam *= 2 }", "  axon[1].diam(0.5) = 3"] {
            let expected = format!(
                "line 7: `{}` sets diameters of the axon stubs in an unsupported way: the stubs have no radius",
                statement.trim()
            );
            assert_eq!(notes(&format!("{after}\n{statement}"), &taper), (StubDiameters::Unset, vec![expected]));
        }
        for (from, to) in [
            ("diam(x) = diams.x[count]", "diam(x) = diams.x[count]*2"),
            ("diam(x) = diams.x[count]", "diam(x) = diams.x[9 - count]"),
            ("diam = diams.x[count-1]", "diam = diams.x[0]"),
            ("= diam(x)\n", "= diam(x)*2\n"),
            ("nseg = 1 + int(L/chunkSize/2.)*2", "nseg = 3"),
        ] {
            let changed = taper.replace(from, to);
            assert_ne!(changed, taper);
            let (diameters, notes) = notes(after, &changed);
            assert_eq!((diameters, notes.len()), (StubDiameters::Unset, 1), "{to}");
        }
        for (from, to) in [
            ("diam = D2", "diam = D1"),
            ("diam = D1\n", "diam = D2\n"),
            ("> 60", "> 30"),
            ("distance(0.5)", "distance(1)"),
        ] {
            let changed = OPTIMISER.replace(from, to);
            assert_ne!(changed, OPTIMISER);
            let (diameters, notes) = notes(after, &changed);
            assert_eq!((diameters, notes.len()), (StubDiameters::Unset, 1), "{to}");
        }
        // a guard against missing diameters is not a change
        let guard = "  forsec all { if (diam == 0) { diam = 1e-6 } }\n  geom_nseg()";
        assert_eq!(notes(guard, "").1, [""; 0]);
    }

    proptest::proptest! {
        #[test]
        fn no_damaged_template_makes_the_parser_panic(cut in 0..4000_usize, at in 0..4000_usize, put in "[(){}\\[\\]=,.\\n\"/*a0 $]{0,4}") {
            let mut text = template(INIT, &replace_axon(3, MYELIN));
            text.truncate(text.len() - cut % text.len());
            let at = at % (text.len() + 1);
            if text.is_char_boundary(at) {
                text.insert_str(at, &put);
            }
            drop(parse(&text, "cADpyr", None));
        }
    }
}
