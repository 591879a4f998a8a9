//! Places the segments of a neuron: the two ends, type and radius of each.

use super::StubPlacement;
use super::axon_stub::{AxonBranch, StubKind, StubRange, stub_ranges};
use super::discretise::{count_section_segments, find_chunk_range, first_neurite_id, myelin_id};
use super::neuron_plan::{AxonTreatment, NeuronPlan};
use super::problem::{MismatchKind, PlacementProblem};
use super::segmented_section::SegmentedSection;
use super::template_radii::stub_segment_radii;
use crate::circuit::hoc::{AxonReplacement, CHUNK_UM};
use crate::error::{Context, Result};
use crate::geometry::Point;
use crate::morphology::{Morphology, Section};
use crate::segments::{SectionCount, SectionType, Segment, Segments};

/// Old reference files number the myelin stub up to this much above the file's sections.
const MAX_MYELIN_ID_OFFSET: u32 = 31;

/// How strictly segment counts are checked against the morphology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CountChecks {
    /// One chunk length must explain all counts of a neuron.
    #[default]
    SectionsAndLengths,
    /// Only the section ids must fit.
    SectionsOnly,
    /// No check: the counts were computed from this morphology.
    None,
}

/// Places the segments of one neuron, in row order: ascending section ids, segments from the start of each section.
///
/// A section's boundaries lie at equal path length along its own points, rotated and shifted in float64. All of the
/// soma's segments lie at the soma's position. `placement` determines where stubs lie; stubs have radii if their form
/// takes the diameters from the original axon or the template, and none otherwise.
///
/// # Errors
/// Returns an error if the sections or counts do not fit the morphology, or there is no axon to replace.
pub fn place_segments(
    morphology: &Morphology,
    plan: &NeuronPlan,
    placement: StubPlacement,
    checks: CountChecks,
) -> Result<Segments> {
    let placed = match plan.axon {
        AxonTreatment::Keep => NeuronPlacer { morphology, plan, stubs: None }.place_sections(checks),
        AxonTreatment::Replace(_) => place_with_stubs(morphology, plan, placement, checks),
    };
    placed.at_index("node", plan.node_id)
}

/// Checks that a morphology has enough axon sections to replace its axon. At least two are needed: the stubs take
/// section ids 1 and 2, so two sections of the file must be free for them.
///
/// # Errors
/// Returns an error if the axon is to be replaced and has fewer than `least` or fewer than two sections.
pub fn require_axon(morphology: &Morphology, axon: AxonTreatment, least: usize) -> Result<(), PlacementProblem> {
    let found = morphology.axon_section_count();
    match axon {
        AxonTreatment::Replace(_) if found < least.max(2) => {
            Err(PlacementProblem::NoAxon { expected: least.max(2), found })
        }
        _ => Ok(()),
    }
}

fn place_with_stubs(
    morphology: &Morphology,
    plan: &NeuronPlan,
    placement: StubPlacement,
    checks: CountChecks,
) -> Result<Segments> {
    require_axon(morphology, plan.axon, 0)?;
    let branch = AxonBranch::choose(morphology, &plan.transform, placement);
    let branch = branch.ok_or(PlacementProblem::NoAxon { expected: 2, found: 0 })?;
    let counts: Vec<u32> = stub_section_counts(morphology, plan).map(|s| s.segments).collect();
    let form = AxonReplacement::from_segment_counts(&counts);
    let radii = stub_segment_radii(morphology, plan, form);
    let first_id = first_neurite_id(morphology);
    NeuronPlacer {
        morphology,
        plan,
        stubs: Some(AxonStubs { branch, ranges: stub_ranges(form), first_id, radii_um: radii }),
    }
    .place_sections(checks)
}

/// Returns the sections of a neuron with a replaced axon that are stubs.
fn stub_section_counts(morphology: &Morphology, plan: &NeuronPlan) -> impl Iterator<Item = SectionCount> {
    let (first, beyond) = (first_neurite_id(morphology), myelin_id(morphology));
    plan.section_counts
        .iter()
        .copied()
        .filter(move |s| (first..first + 2).contains(&s.section_id) || s.section_id >= beyond)
}

/// The stubs that replace an axon.
struct AxonStubs {
    branch: AxonBranch,
    ranges: [StubRange; 3],
    /// Section id of the first stub.
    first_id: u32,
    /// Radii of the stubs' segments, in sequence, µm; may be fewer than the segments.
    radii_um: Vec<f32>,
}

/// The role of a section id in a neuron.
enum SectionRole<'a> {
    Soma,
    Neurite(&'a Section),
    /// The stub with this index.
    Stub(usize),
}

struct NeuronPlacer<'a> {
    morphology: &'a Morphology,
    plan: &'a NeuronPlan,
    stubs: Option<AxonStubs>,
}

impl AxonStubs {
    /// Returns the radius of a segment of a stub; myelin without a radius takes that of the segment before it.
    fn segment_radius(&self, plan: &NeuronPlan, part: StubKind, segment: usize) -> Option<f32> {
        let of = |id: u32| plan.section_counts.iter().find(|s| s.section_id == id).map_or(0, |s| s.segments as usize);
        let place = match part {
            StubKind::FirstAis => segment,
            StubKind::SecondAis => of(self.first_id) + segment,
            StubKind::Myelin => of(self.first_id) + of(self.first_id + 1) + segment,
        };
        let last_before = || self.radii_um.get((of(self.first_id) + of(self.first_id + 1)).checked_sub(1)?);
        let radius = self.radii_um.get(place);
        if part == StubKind::Myelin { radius.or_else(last_before).copied() } else { radius.copied() }
    }
}

impl<'a> NeuronPlacer<'a> {
    fn place_sections(&self, checks: CountChecks) -> Result<Segments> {
        self.check_counts(checks)?;
        let mut rows = SegmentRows { segments: Segments::default(), plan: self.plan };
        for &section in self.plan.section_counts.iter() {
            let role = self
                .section_role(section.section_id)
                .ok_or_else(|| self.count_problem(section.section_id, MismatchKind::Sections))?;
            self.place_section(&mut rows, section, role);
        }
        Ok(rows.segments)
    }

    fn place_section(&self, rows: &mut SegmentRows<'_>, section: SectionCount, role: SectionRole<'_>) {
        match role {
            SectionRole::Soma => {
                let at = vec![self.plan.transform.translation; section.segments as usize + 1];
                let radius = self.morphology.soma.radius_um();
                rows.push_section(section, SectionType::Soma, &at, |_| radius);
            }
            SectionRole::Neurite(s) => {
                let shape = SegmentedSection::cut(s, section.segments);
                let world: Vec<_> = shape.boundaries.iter().map(|&p| self.plan.transform.apply(p)).collect();
                rows.push_section(section, s.kind, &world, |i| shape.radii_um.get(i).copied());
            }
            SectionRole::Stub(number) => {
                let Some(stubs) = &self.stubs else { return };
                let Some(&range) = stubs.ranges.get(number) else { return };
                let kind = if range.kind == StubKind::Myelin { SectionType::Myelin } else { SectionType::Ais };
                let radius = |i: usize| stubs.segment_radius(self.plan, range.kind, i);
                rows.push_section(section, kind, &stubs.branch.stub_boundaries(range, section.segments), radius);
            }
        }
    }

    fn section_role(&self, section_id: u32) -> Option<SectionRole<'a>> {
        let (first, myelin) = (first_neurite_id(self.morphology), myelin_id(self.morphology));
        let Some(place) = section_id.checked_sub(first) else { return Some(SectionRole::Soma) };
        let neurite = self.morphology.sections.get(place as usize);
        match (place, &self.stubs) {
            (_, None) => neurite.map(SectionRole::Neurite),
            (0, Some(_)) => Some(SectionRole::Stub(0)),
            (1, Some(_)) => Some(SectionRole::Stub(1)),
            _ if (myelin..myelin + MAX_MYELIN_ID_OFFSET).contains(&section_id) => Some(SectionRole::Stub(2)),
            _ => neurite.filter(|s| s.kind != SectionType::Axon).map(SectionRole::Neurite),
        }
    }

    /// Returns the treatment of the axon that the caller asked for.
    fn requested_replacement(&self) -> AxonReplacement {
        match self.plan.axon {
            AxonTreatment::Keep => AxonReplacement::Keep,
            AxonTreatment::Replace(form) => form.unwrap_or(AxonReplacement::Taper),
        }
    }

    /// Returns an error if the segment counts do not fit this morphology.
    fn check_counts(&self, checks: CountChecks) -> Result<(), PlacementProblem> {
        if checks == CountChecks::None {
            return Ok(());
        }
        self.check_more_than_soma()?;
        let rule = count_section_segments(self.morphology, self.requested_replacement(), CHUNK_UM);
        let found: Vec<u32> = self.section_ids().filter(|&id| !self.is_stub(id)).collect();
        let expected: Vec<u32> = rule.iter().map(|s| s.section_id).filter(|&id| !self.is_stub(id)).collect();
        if let Some(id) = first_difference(&found, &expected) {
            return Err(self.count_problem(id, MismatchKind::Sections));
        }
        let stubs: Vec<u32> = self.section_ids().filter(|&id| self.is_stub(id)).collect();
        let stubs_fit = match self.plan.axon {
            AxonTreatment::Keep => true,
            AxonTreatment::Replace(None) => {
                let first = first_neurite_id(self.morphology);
                matches!(stubs.as_slice(), &[a, b] | &[a, b, _] if (a, b) == (first, first + 1))
            }
            AxonTreatment::Replace(Some(form)) => stub_section_counts(self.morphology, self.plan)
                .map(|s| s.segments)
                .eq(form.stub_shapes().iter().map(|s| s.segments)),
        };
        if !stubs_fit || self.plan.section_counts.iter().any(|s| s.segments == 0) {
            return Err(self.count_problem(stubs.last().copied().unwrap_or(1), MismatchKind::Sections));
        }
        if checks == CountChecks::SectionsAndLengths && find_chunk_range(self.lengths_and_counts()).is_none() {
            let differs = self
                .plan
                .section_counts
                .iter()
                .find(|s| !self.is_stub(s.section_id) && !self.is_soma(s.section_id) && !rule.contains(s));
            return Err(self.count_problem(differs.map_or(0, |s| s.section_id), MismatchKind::Lengths));
        }
        Ok(())
    }

    fn check_more_than_soma(&self) -> Result<(), PlacementProblem> {
        let neurites = self.morphology.sections.len();
        if neurites == 0 || self.section_ids().any(|id| !self.is_soma(id)) {
            return Ok(());
        }
        let (sections, found) = (neurites + self.morphology.soma_section_count(), self.plan.segment_count());
        Err(PlacementProblem::SomaOnly { morphology: self.plan.morphology_name.to_string(), sections, found })
    }

    fn section_ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.plan.section_counts.iter().map(|s| s.section_id)
    }

    fn is_soma(&self, id: u32) -> bool {
        id < first_neurite_id(self.morphology)
    }

    fn is_stub(&self, id: u32) -> bool {
        matches!(self.section_role(id), Some(SectionRole::Stub(..)))
    }

    fn lengths_and_counts(&self) -> impl Iterator<Item = (f64, u32)> + '_ {
        self.plan.section_counts.iter().filter_map(|s| match self.section_role(s.section_id) {
            Some(SectionRole::Neurite(section)) => Some((section.length_um(), s.segments)),
            _ => None,
        })
    }

    fn count_problem(&self, section_id: u32, misfit: MismatchKind) -> PlacementProblem {
        let total = |sections: &[SectionCount]| sections.iter().map(|s| u64::from(s.segments)).sum();
        let form = self.requested_replacement();
        let without_soma = |sections: &[SectionCount]| -> Vec<SectionCount> {
            sections.iter().copied().filter(|s| !self.is_soma(s.section_id)).collect()
        };
        let found = without_soma(&self.plan.section_counts);
        let fits = |&f: &AxonReplacement| {
            f != form && without_soma(&count_section_segments(self.morphology, f, CHUNK_UM)) == found
        };
        PlacementProblem::CountMismatch {
            morphology: self.plan.morphology_name.to_string(),
            at: format!("section {section_id}"),
            expected: total(&count_section_segments(self.morphology, form, CHUNK_UM)),
            form,
            found: self.plan.segment_count(),
            fitting: AxonReplacement::ALL.into_iter().find(fits),
            misfit,
        }
    }
}

/// Returns the first id in which two ascending lists differ.
fn first_difference(a: &[u32], b: &[u32]) -> Option<u32> {
    let difference = a.iter().zip(b).find(|(x, y)| x != y).map(|(x, y)| *x.min(y));
    difference.or_else(|| a.get(b.len()).or_else(|| b.get(a.len())).copied())
}

/// Collects the segments of a neuron and numbers their rows.
struct SegmentRows<'a> {
    segments: Segments,
    plan: &'a NeuronPlan,
}

impl SegmentRows<'_> {
    /// Adds the segments between a section's boundaries.
    fn push_section(
        &mut self,
        section: SectionCount,
        kind: SectionType,
        boundaries: &[Point],
        radius: impl Fn(usize) -> Option<f32>,
    ) {
        for (i, (ends, segment_id)) in boundaries.windows(2).zip(0..section.segments).enumerate() {
            self.segments.push(Segment {
                node_id: self.plan.node_id,
                section_id: section.section_id,
                segment_id,
                section_type: Some(kind),
                start: ends[0],
                end: ends[1],
                radius_um: radius(i),
                row: self.plan.first_row + self.segments.len() as u64,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::hoc::StubDiameters;
    use crate::geometry::Quaternion;
    use crate::geometry::Transform;
    use crate::morphology::{Soma, SomaForm};

    fn section(kind: SectionType, parent: Option<usize>, points: &[[f32; 3]]) -> Section {
        let diameters = vec![2.0; points.len()];
        Section { kind, parent, points: points.to_vec(), diameters_um: diameters, starts_at_soma: false }
    }

    /// A soma, an axon of a stem and two branches, and one basal dendrite of 100 µm with a corner.
    fn morphology() -> Morphology {
        let soma = Soma { points: vec![[0.0; 3]], diameters_um: vec![20.0], form: SomaForm::Point, ..Soma::default() };
        let axon =
            |parent, x0: f32, x1: f32, y: f32| section(SectionType::Axon, parent, &[[x0, 0.0, 0.0], [x1, y, 0.0]]);
        let sections = vec![
            axon(None, 0.0, 50.0, 0.0),
            axon(Some(0), 50.0, 90.0, 0.0),
            axon(Some(0), 50.0, 90.0, 30.0),
            section(SectionType::Dend, None, &[[0.0, 0.0, 10.0], [60.0, 0.0, 10.0], [60.0, 0.0, 50.0]]),
        ];
        Morphology { soma, sections, ..Morphology::default() }
    }

    fn plan(counts: &[(u32, u32)]) -> NeuronPlan {
        let rotation = Quaternion::from_euler(0.0, 0.0, std::f64::consts::FRAC_PI_2);
        NeuronPlan {
            node_id: 7,
            morphology_name: "m".into(),
            first_row: 100,
            section_counts: counts
                .iter()
                .map(|&(section_id, segments)| SectionCount { section_id, segments })
                .collect(),
            axon: AxonTreatment::Replace(None),
            stub_diameters: StubDiameters::default(),
            transform: Transform::new(rotation, Point::new(1000.0, 0.0, 0.0)),
        }
    }

    fn with_kept_axon(counts: &[(u32, u32)]) -> NeuronPlan {
        NeuronPlan { axon: AxonTreatment::Keep, ..plan(counts) }
    }

    const TAPER: [(u32, u32); 5] = [(0, 1), (1, 5), (2, 5), (4, 5), (5, 5)];

    fn refused(plan: &NeuronPlan) -> String {
        format!(
            "{:?}",
            place_segments(&morphology(), plan, StubPlacement::Arc, CountChecks::SectionsAndLengths).unwrap_err()
        )
    }

    #[test]
    fn a_dendrite_is_cut_at_equal_path_length_and_transformed() {
        let placed =
            place_segments(&morphology(), &plan(&TAPER), StubPlacement::Arc, CountChecks::SectionsAndLengths).unwrap();
        assert_eq!(placed.len(), 21);
        assert_eq!(placed.row, (100..121).collect::<Vec<_>>());
        let dendrite: Vec<Segment> = placed.iter().filter(|s| s.section_id == 4).collect();
        // 100 µm in 5: the third segment runs from 40 along x and ends at the corner at 60
        assert!(dendrite[2].start.distance(Point::new(1000.0, 40.0, 10.0)) < 1e-12);
        assert!(dendrite[2].end.distance(Point::new(1000.0, 60.0, 10.0)) < 1e-12);
        assert!(dendrite[4].end.distance(Point::new(1000.0, 60.0, 50.0)) < 1e-12);
        assert!(dendrite.iter().all(|s| s.radius_um == Some(1.0)));
        let soma = placed.get(0);
        assert_eq!((soma.start, soma.end, soma.radius_um), (soma.end, Point::new(1000.0, 0.0, 0.0), Some(10.0)));
        // every point of the axon has a diameter of 2 µm
        let stubs = placed.iter().filter(|s| s.section_type >= Some(SectionType::Ais));
        assert!(stubs.into_iter().all(|s| s.radius_um == Some(1.0)));
    }

    #[test]
    fn counts_of_a_kept_axon_are_recognised() {
        assert_eq!(
            refused(&plan(&[(0, 1), (1, 3), (2, 3), (3, 3), (4, 5)])),
            "node[7]: segment counts do not fit morphology `m` at section 3, expected 21 segments (axon replaced by two \
             stubs and myelin, 40 µm rule), found 15 segments\n\
             hint: these are the counts of a neuron with its axon kept: use `--keep-axon`"
        );
        assert_eq!(
            refused(&with_kept_axon(&TAPER)),
            "node[7]: segment counts do not fit morphology `m` at section 3, expected 15 segments (axon kept, 40 µm \
             rule), found 21 segments\nhint: these are the counts of a neuron with its axon replaced by two stubs and \
             myelin: leave out `--keep-axon`"
        );
    }

    #[test]
    fn counts_of_the_soma_alone_are_recognised() {
        assert_eq!(
            refused(&with_kept_axon(&[(0, 1)])),
            "node[7]: only the soma's segments are listed, expected those of all 5 sections of morphology `m`, found 1 \
             segment\nhint: the simulation that wrote this report had other settings: run it again with `\"sections\": \
             \"all\", \"compartments\": \"all\"`; one frame is enough"
        );
    }

    #[test]
    fn counts_that_no_chunk_explains_are_refused_unless_unchecked() {
        let counts = [(0, 1), (1, 5), (2, 5), (4, 4), (5, 5)];
        assert_eq!(
            refused(&plan(&counts)),
            "node[7]: segment counts do not fit morphology `m` at section 4, expected 21 segments (axon replaced by two \
             stubs and myelin, 40 µm rule), found 20 segments\n\
             hint: the report may belong to another circuit; if its neurons are cut by another rule, accept its \
             counts with `--any-discretisation`"
        );
        assert_eq!(
            place_segments(&morphology(), &plan(&counts), StubPlacement::Arc, CountChecks::SectionsOnly).unwrap().len(),
            20
        );
    }

    #[test]
    fn stubs_without_myelin_and_old_myelin_ids_are_accepted() {
        for counts in [&[(0, 1), (1, 5), (2, 5), (4, 5)][..], &[(0, 1), (1, 1), (2, 1), (4, 5), (9, 5)][..]] {
            place_segments(&morphology(), &plan(counts), StubPlacement::BlueRecording, CountChecks::SectionsAndLengths)
                .unwrap();
        }
    }

    #[test]
    fn a_requested_form_must_fit_the_counts() {
        let legacy = NeuronPlan { axon: AxonReplacement::Legacy.into(), ..plan(&TAPER) };
        let message = refused(&legacy);
        assert!(message.contains("(axon replaced by two stubs of 5 segments, 40 µm rule)"), "{message}");
        let counts = [(0, 1), (1, 1), (2, 1), (4, 5)];
        let short = NeuronPlan { axon: AxonReplacement::Delete.into(), ..plan(&counts) };
        let placed =
            place_segments(&morphology(), &short, StubPlacement::Arc, CountChecks::SectionsAndLengths).unwrap();
        // every point of the axon has a diameter of 2 µm
        assert!(placed.iter().filter(|s| s.section_type == Some(SectionType::Ais)).all(|s| s.radius_um == Some(1.0)));
        let unset = NeuronPlan { stub_diameters: StubDiameters::Unset, ..short };
        let placed =
            place_segments(&morphology(), &unset, StubPlacement::Arc, CountChecks::SectionsAndLengths).unwrap();
        assert_eq!(placed.iter().filter(|s| s.radius_um.is_none()).count(), 2);
    }

    #[test]
    fn stubs_have_the_lengths_of_their_form() {
        let fine = [(0, 1), (1, 5), (2, 7), (4, 5)];
        let placed =
            place_segments(&morphology(), &plan(&fine), StubPlacement::Arc, CountChecks::SectionsAndLengths).unwrap();
        let length =
            |id: u32| placed.iter().filter(|s| s.section_id == id).map(|s| s.start.distance(s.end)).sum::<f64>();
        // the axon's first 50 µm are straight
        assert!((length(1) - 20.0).abs() < 1e-12 && (length(2) - 30.0).abs() < 1e-12);
    }

    #[test]
    fn a_missing_axon_cannot_be_replaced() {
        let mut bare = morphology();
        bare.sections.drain(..3);
        bare.sections[0].parent = None;
        let error =
            place_segments(&bare, &plan(&TAPER), StubPlacement::Arc, CountChecks::SectionsAndLengths).unwrap_err();
        assert_eq!(
            format!("{error:?}"),
            "node[7]: axon cannot be replaced by stubs, expected at least 2 axon sections in the morphology, found 0\n\
             hint: keep the reconstructed axon with `--keep-axon`, if the simulation kept it"
        );
    }
}
