//! Columns in different units: the numbers agree once they are converted.

use super::Cause;
use super::case::Case;
use crate::error::Result;
use crate::units::{CURRENTS, POTENTIALS};
use crate::validate::weights::UnitsDiffer;
use crate::validate::weights::columns::Matched;

pub(super) fn units(case: &Case<'_>, differing: &[UnitsDiffer]) -> Result<Option<Cause>> {
    let Some(UnitsDiffer { units, .. }) = differing.first() else { return Ok(None) };
    let volts = |unit: &str| {
        let (potential, current) = unit.split_once('/')?;
        Some(POTENTIALS.factor(potential).ok()? / CURRENTS.factor(current).ok()?)
    };
    let [Some(a), Some(b)] = units.each_ref().map(|unit| volts(unit)) else { return Ok(None) };
    let factor = a / b;
    let is_one = |contact: &&Matched| differing.iter().any(|d| d.contact == contact.name && d.units == *units);
    let contacts: Vec<&Matched> = case.differing().filter(is_one).collect();
    for &node in case.sides[0].1.node_ids() {
        let Some([first, second]) = case.node(node, &contacts)? else { continue };
        if !first.iter().zip(&second).all(|(&a, &b)| case.tolerance.allows(a * factor, b)) {
            return Ok(None);
        }
    }
    let names = contacts.iter().map(|contact| contact.name.clone()).collect::<Vec<_>>();
    Ok((!names.is_empty()).then(|| Cause::Units { contacts: names, units: units.clone(), factor }))
}
