//! Detects regions of ObjectiveCSD that extend twice as far along the axis in one file as in the other.
//!
//! Membership is recomputed from the segments with the thickness that each file states (or the default of the array),
//! half of it, and twice as much. The cause is proved if a contact's column is exactly one of these in one file, and
//! exactly that of twice the thickness in the other.

use super::WeightsCause;
use super::differing_files::DifferingFiles;
use crate::error::Result;
use crate::methods::objective_csd::{ObjectiveCsd, RegionShape};
use crate::methods::{Contact, Method, PreparedMethod};
use crate::segments::table::SegmentTable;
use crate::validate::weights::matched_columns::MatchedColumn;

/// Relative tolerance within which thicknesses are equal: only rounding.
const RELATIVE_TOLERANCE: f64 = 1e-7;

/// Factors to apply to each file's thickness.
const THICKNESS_FACTORS: [f64; 3] = [0.5, 1.0, 2.0];

/// A thickness for each contact, and the columns of each file that it reproduces exactly.
struct ThicknessCandidate {
    thickness_um: Vec<f64>,
    kernel: Box<dyn PreparedMethod>,
    fits: Vec<[bool; 2]>,
}

pub(super) fn find_half_thickness(case: &DifferingFiles<'_>, table: &SegmentTable) -> Result<Option<WeightsCause>> {
    for shape in [RegionShape::Disk, RegionShape::Plane] {
        let (contacts, regions) = csd_array_contacts(case, shape)?;
        let Some(mut candidates) = thickness_candidates(shape, &regions) else { continue };
        if !test_candidates(case, table, &contacts, &mut candidates)? {
            continue;
        }
        let twice = |a: f64, b: f64| (a - 2.0 * b).abs() <= RELATIVE_TOLERANCE * a;
        let proved = |i: usize| {
            let of = |file: usize| {
                let fitting = candidates.iter().filter(move |c| c.fits[i][file]);
                fitting.map(move |c| c.thickness_um[i]).collect::<Vec<f64>>()
            };
            let second = of(1);
            of(0).into_iter().find_map(|a| {
                let b = second.iter().find(|&&b| twice(a, b) || twice(b, a))?;
                Some([a, *b])
            })
        };
        let is_different = |i: &usize| case.differing_names.contains(&contacts[*i].name.as_str());
        let proved: Vec<(String, [f64; 2])> = (0..contacts.len())
            .filter(is_different)
            .filter_map(|i| Some((contacts[i].name.clone(), proved(i)?)))
            .collect();
        if let Some(&(_, thickness)) = proved.first() {
            let contacts = proved.into_iter().map(|(name, _)| name).collect();
            return Ok(Some(WeightsCause::HalfThickness { contacts, thickness }));
        }
    }
    Ok(None)
}

/// Returns the contacts of a shape, if they form one array, with their regions as each file states them.
fn csd_array_contacts<'c>(
    case: &'c DifferingFiles<'_>,
    shape: RegionShape,
) -> Result<(Vec<&'c MatchedColumn>, [Vec<Contact>; 2])> {
    let (mut contacts, mut regions) = (Vec::new(), [Vec::new(), Vec::new()]);
    for contact in &case.matched {
        let [a, b] = case.sides.map(|(file, _)| file.recomputable_contact(&contact.name));
        if let (Some(a), Some(b)) = (a?, b?)
            && a.method.name() == shape.name()
            && b.method.name() == shape.name()
        {
            contacts.push(contact);
            regions[0].push(a.contact);
            regions[1].push(b.contact);
        }
    }
    Ok((contacts, regions))
}

/// Returns the thicknesses that the files may have been computed with; empty for contacts that are not an array.
fn thickness_candidates(shape: RegionShape, regions: &[Vec<Contact>; 2]) -> Option<Vec<ThicknessCandidate>> {
    let method = ObjectiveCsd(shape);
    let mut candidates = Vec::new();
    for contacts in regions {
        // a single contact has no axis
        if contacts.len() < 2 {
            return None;
        }
        let own = method.prepare(contacts).ok()?;
        for factor in THICKNESS_FACTORS {
            let size = |i: usize| {
                own.size_attributes(i).into_iter().find(|(key, _)| *key == "thickness").map(|(_, t)| factor * t)
            };
            let thickness = (0..contacts.len()).map(size).collect::<Option<Vec<f64>>>()?;
            let mut sized = contacts.clone();
            sized.iter_mut().zip(&thickness).for_each(|(contact, &t)| contact.csd_region.thickness_um = Some(t));
            let fits = vec![[true; 2]; thickness.len()];
            candidates.push(ThicknessCandidate { thickness_um: thickness, kernel: method.prepare(&sized).ok()?, fits });
        }
    }
    Some(candidates)
}

/// Tests the candidates at all neurons and keeps those that fit the columns. Returns false if no neuron is in both
/// files and the table.
fn test_candidates(
    case: &DifferingFiles<'_>,
    table: &SegmentTable,
    contacts: &[&MatchedColumn],
    candidates: &mut [ThicknessCandidate],
) -> Result<bool> {
    let width = contacts.len();
    let (mut any, mut computed) = (false, Vec::new());
    for part in table.parts() {
        for neuron in part.read_by_row()?.neurons() {
            let Some(node) = neuron.node_id() else { continue };
            let Some(files) = case.node_weights(node, contacts)? else { continue };
            if files[0].len() != neuron.len() * width {
                return Ok(false);
            }
            any = true;
            for candidate in candidates.iter_mut() {
                computed.clear();
                computed.resize(neuron.len() * width, 0.0);
                candidate.kernel.fill_weights(&neuron, &mut computed);
                for (file, values) in files.iter().enumerate() {
                    for (row, expected) in values.chunks_exact(width).zip(computed.chunks_exact(width)) {
                        let pairs = candidate.fits.iter_mut().zip(row.iter().zip(expected));
                        pairs.for_each(|(fits, (value, expected))| fits[file] &= value == expected);
                    }
                }
            }
        }
    }
    Ok(any)
}
