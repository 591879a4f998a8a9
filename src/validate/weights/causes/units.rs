//! Detects columns in different units, whose numbers agree once they are converted.

use super::WeightsCause;
use super::differing_files::DifferingFiles;
use crate::error::Result;
use crate::units::{CURRENT_UNITS, POTENTIAL_UNITS};
use crate::validate::weights::UnitMismatch;
use crate::validate::weights::matched_columns::MatchedColumn;

pub(super) fn find_unit_factor(case: &DifferingFiles<'_>, differing: &[UnitMismatch]) -> Result<Option<WeightsCause>> {
    let Some(UnitMismatch { units, .. }) = differing.first() else { return Ok(None) };
    let volts = |unit: &str| {
        let (potential, current) = unit.split_once('/')?;
        Some(POTENTIAL_UNITS.factor(potential).ok()? / CURRENT_UNITS.factor(current).ok()?)
    };
    let [Some(a), Some(b)] = units.each_ref().map(|unit| volts(unit)) else { return Ok(None) };
    let factor = a / b;
    let is_one = |contact: &&MatchedColumn| differing.iter().any(|d| d.contact == contact.name && d.units == *units);
    let contacts: Vec<&MatchedColumn> = case.differing_contacts().filter(is_one).collect();
    for &node in case.sides[0].1.node_ids() {
        let Some([first, second]) = case.node_weights(node, &contacts)? else { continue };
        if !first.iter().zip(&second).all(|(&a, &b)| case.tolerance.allows(a * factor, b)) {
            return Ok(None);
        }
    }
    let names = contacts.iter().map(|contact| contact.name.clone()).collect::<Vec<_>>();
    Ok((!names.is_empty()).then(|| WeightsCause::Units { contacts: names, units: units.clone(), factor }))
}
