//! Known causes of differences, each proved by the numbers of the two files.

use super::columns::{Columns, Matched};
use super::rows::{Rows, Span};
use super::{ColumnRule, Comparison, ExtraColumn, Options, compare};
use crate::compare::Tolerance;
use crate::error::{Result, count, listed};
use crate::sonata::electrodes_file::{ElectrodesFile, Factors, Population};

/// Sums that are zero but for rounding, relative to the sum of absolute values.
const ROUNDING: f64 = 1e-10;

/// Number of segments of a myelin stub, by every rule that makes one.
const MYELIN: usize = 5;

/// Why two files differ.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// One file has a column of ones that is no contact's.
    ExtraColumn {
        /// Which: 0 or 1.
        file: usize,
    },
    /// One file's columns are in the order of sorted names, under other numbers.
    SortedNames {
        /// The contacts that agree when this is undone.
        contacts: Vec<String>,
    },
    /// The dipoles' centre is that of a chunk of neurons in one file, and the neuron's own in the other.
    DipoleCentre {
        /// The file with the chunks: 0 or 1.
        file: usize,
        /// The contacts.
        contacts: Vec<String>,
        /// Number of chunks.
        chunks: u64,
    },
    /// The last rows of neurons, those of the myelin, stand between others in one file.
    MyelinIds {
        /// Number of neurons.
        nodes: u64,
    },
}

impl Cause {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ExtraColumn { .. } => "extra column",
            Self::SortedNames { .. } => "sorted names",
            Self::DipoleCentre { .. } => "chunk-wide dipole centre",
            Self::MyelinIds { .. } => "myelin ids",
        }
    }
}

fn which(file: usize) -> &'static str {
    if file == 0 { "first" } else { "second" }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ExtraColumn { file } => {
                let which = which(*file);
                write!(
                    f,
                    "the {which} file has a column that is no contact's, all ones, as BlueRecording 0.2.1 writes it"
                )
            }
            Self::SortedNames { contacts } => write!(
                f,
                "contacts {} agree once columns are taken in the order of sorted names, in which BlueRecording 0.2.1 \
                 writes them: `--columns sorted-names`",
                listed(contacts, 6)
            ),
            Self::DipoleCentre { file, contacts, chunks } => {
                let (other, which) = (which(1 - file), which(*file));
                write!(
                    f,
                    "the coefficients of contacts {} sum to 0 over each neuron in the {other} file, and over \
                     {} of neurons in the {which}: their centre is that of a chunk, not of a neuron",
                    listed(contacts, 6),
                    count(*chunks, "run")
                )
            }
            Self::MyelinIds { nodes } => write!(
                f,
                "the rows of {nodes} neurons are the same, but the last {MYELIN}, those of the myelin, stand between \
                 others in one file, as under a section id that is too small"
            ),
        }
    }
}

/// The known causes of what differs.
///
/// # Errors
/// A file cannot be read.
pub fn causes(
    a: (&ElectrodesFile, &Population),
    b: (&ElectrodesFile, &Population),
    options: &Options,
    found: &Comparison,
) -> Result<Vec<Cause>> {
    let outside: Vec<&str> = found.electrodes.iter().filter(|e| e.outside > 0).map(|e| e.name.as_str()).collect();
    let mut causes = Vec::new();
    causes.extend(extra_column(a, b, found)?);
    if outside.is_empty() {
        return Ok(causes);
    }
    if let Some(sorted) = sorted_names(a, b, options, &outside)? {
        causes.push(sorted);
        return Ok(causes);
    }
    let matched = Columns::of(a, b, &Options { extra_column: ExtraColumn::Ignore, ..*options })?.matched;
    let factors = [a.0.factors(a.1)?, b.0.factors(b.1)?];
    causes.extend(dipole_centre(a, b, &factors, &matched, &outside)?);
    causes.extend(myelin_ids(a.1, b.1, &factors, &matched, options.tolerance)?);
    Ok(causes)
}

fn extra_column(
    a: (&ElectrodesFile, &Population),
    b: (&ElectrodesFile, &Population),
    found: &Comparison,
) -> Result<Option<Cause>> {
    let (file, (reader, population)) = match found.extra_columns {
        Some([1, 0]) => (0, a),
        Some([0, 1]) => (1, b),
        _ => return Ok(None),
    };
    let (factors, last) = (reader.factors(population)?, population.columns().saturating_sub(1) as usize);
    let mut ones = true;
    each_block(&factors, |_, values| {
        ones &= values.chunks_exact(last + 1).all(|row| row.last() == Some(&1.0));
        ones
    })?;
    Ok((ones && factors.rows() > 0).then_some(Cause::ExtraColumn { file }))
}

/// Goes through all rows in blocks, as long as it is told to.
fn each_block(factors: &Factors, mut visit: impl FnMut(u64, &[f64]) -> bool) -> Result<()> {
    let step = ((1 << 17) / factors.columns().max(1)).max(1);
    let mut values = Vec::new();
    for block in (Span { a: 0, b: 0, rows: factors.rows() }).blocks(step) {
        factors.read(block.a..block.a + block.rows, &mut values)?;
        if !visit(block.a, &values) {
            break;
        }
    }
    Ok(())
}

fn sorted_names(
    a: (&ElectrodesFile, &Population),
    b: (&ElectrodesFile, &Population),
    options: &Options,
    outside: &[&str],
) -> Result<Option<Cause>> {
    let has_extra = |(file, population): (&ElectrodesFile, &Population)| {
        let own = file.electrodes().iter().filter(|e| e.column(population.name()).is_some()).count() as u64;
        population.columns() == own + 1
    };
    if options.columns == ColumnRule::SortedNames || !(has_extra(a) || has_extra(b)) {
        return Ok(None);
    }
    let sorted = Options { columns: ColumnRule::SortedNames, extra_column: ExtraColumn::Ignore, ..*options };
    let again = compare(a, b, &sorted, &|_| ())?;
    let all = again.electrodes.iter().all(|e| e.outside == 0);
    Ok(all.then(|| Cause::SortedNames { contacts: outside.iter().map(|&name| name.into()).collect() }))
}

/// For a contact and each node: the sum of the coefficients, and of their absolute values.
type Sums = Vec<[f64; 2]>;

fn sums(population: &Population, factors: &Factors, columns: &[usize]) -> Result<Vec<Sums>> {
    let mut sums = vec![vec![[0.0; 2]; population.node_ids().len()]; columns.len()];
    let ends = population.offsets().get(1..).unwrap_or_default();
    let mut node = 0;
    each_block(factors, |first, values| {
        for (row, at) in values.chunks_exact(factors.columns().max(1) as usize).zip(first..) {
            while ends.get(node).is_some_and(|end| *end <= at) {
                node += 1;
            }
            for (sums, &column) in sums.iter_mut().zip(columns) {
                if let (Some([sum, size]), Some(value)) = (sums.get_mut(node), row.get(column)) {
                    *sum += value;
                    *size += value.abs();
                }
            }
        }
        true
    })?;
    Ok(sums)
}

fn dipole_centre(
    a: (&ElectrodesFile, &Population),
    b: (&ElectrodesFile, &Population),
    factors: &[Factors; 2],
    matched: &[Matched],
    outside: &[&str],
) -> Result<Option<Cause>> {
    let is_dipole = |contact: &&Matched| {
        let mut named = a.0.electrodes().iter().chain(b.0.electrodes()).filter(|e| e.name == contact.name);
        outside.contains(&contact.name.as_str()) && named.any(|e| e.kind.as_deref() == Some("DipoleReciprocity"))
    };
    let contacts: Vec<&Matched> = matched.iter().filter(is_dipole).collect();
    if contacts.is_empty() {
        return Ok(None);
    }
    let columns = [0, 1].map(|file| contacts.iter().map(|c| c.columns[file]).collect::<Vec<usize>>());
    let sums = [sums(a.1, &factors[0], &columns[0])?, sums(b.1, &factors[1], &columns[1])?];
    let is_zero = |[sum, size]: [f64; 2]| sum.abs() <= ROUNDING * size;
    let own = |sums: &[Sums]| sums.iter().flatten().all(|&sum| is_zero(sum));
    let in_chunks = |sums: &[Sums]| sums.iter().map(|s| chunks(s)).try_fold(0, |most, n| Some(n?.max(most)));
    let names = contacts.iter().map(|c| c.name.clone()).collect();
    let cause = |file, chunks| Some(Cause::DipoleCentre { file, contacts: names, chunks });
    Ok(match [own(&sums[0]), own(&sums[1])] {
        [true, false] => in_chunks(&sums[1]).and_then(|chunks| cause(1, chunks)),
        [false, true] => in_chunks(&sums[0]).and_then(|chunks| cause(0, chunks)),
        _ => None,
    })
}

/// Into how many runs of neurons sums that are zero can be cut; none where the last does not come to zero.
fn chunks(sums: &[[f64; 2]]) -> Option<u64> {
    let (mut run, mut chunks) = ([0.0; 2], 0);
    for [sum, size] in sums {
        run = [run[0] + sum, run[1] + size];
        if run[0].abs() <= ROUNDING * run[1] {
            (run, chunks) = ([0.0; 2], chunks + 1);
        }
    }
    (run == [0.0; 2]).then_some(chunks)
}

fn myelin_ids(
    a: &Population,
    b: &Population,
    factors: &[Factors; 2],
    matched: &[Matched],
    tolerance: Tolerance,
) -> Result<Option<Cause>> {
    let rows = Rows::of(a, b);
    let mut values = [Vec::new(), Vec::new()];
    let mut nodes = 0;
    for &node in a.node_ids() {
        let (Some(own), Some(other)) = (a.rows_of(node), b.rows_of(node)) else { continue };
        if rows.segment_counts.iter().any(|n| n.node == node) {
            continue;
        }
        factors[0].read(own, &mut values[0])?;
        factors[1].read(other, &mut values[1])?;
        let pick = |file: usize| -> Vec<Vec<f64>> {
            let width = factors[file].columns().max(1) as usize;
            let row = |row: &[f64]| matched.iter().filter_map(|c| row.get(c.columns[file]).copied()).collect();
            values[file].chunks_exact(width).map(row).collect()
        };
        let (a, b) = (pick(0), pick(1));
        if same(&a, &b, tolerance) {
            continue;
        }
        if !(moved(&a, &b, tolerance) || moved(&b, &a, tolerance)) {
            return Ok(None);
        }
        nodes += 1;
    }
    Ok((nodes > 0).then_some(Cause::MyelinIds { nodes }))
}

fn same(a: &[Vec<f64>], b: &[Vec<f64>], tolerance: Tolerance) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.iter().zip(b).all(|(&a, &b)| tolerance.allows(a, b)))
}

/// Whether `b` is `a` with its last rows, those of the myelin, moved up.
fn moved(a: &[Vec<f64>], b: &[Vec<f64>], tolerance: Tolerance) -> bool {
    let Some(kept) = a.len().checked_sub(MYELIN) else { return false };
    let differs = |at: &usize| !same(&a[*at..at + 1], &b[*at..at + 1], tolerance);
    let Some(to) = (0..kept).find(differs) else { return false };
    same(&a[kept..], &b[to..to + MYELIN], tolerance) && same(&a[to..kept], &b[to + MYELIN..], tolerance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_sum_to_zero_are_counted() {
        let sums = |values: &[f64]| values.iter().map(|v| [*v, v.abs()]).collect::<Sums>();
        assert_eq!(chunks(&sums(&[1.0, -3.0, 2.0, 5.0, -5.0])), Some(2));
        assert_eq!(chunks(&sums(&[1.0, -3.0])), None);
    }

    #[test]
    fn rows_of_myelin_that_moved_up_are_found_and_nothing_else() {
        let tolerance = Tolerance { rtol: 0.0, atol: 0.0 };
        let rows = |order: &[u32]| order.iter().map(|&v| vec![f64::from(v)]).collect::<Vec<_>>();
        let a = rows(&[0, 1, 2, 3, 10, 11, 12, 13, 14]);
        assert!(moved(&a, &rows(&[0, 10, 11, 12, 13, 14, 1, 2, 3]), tolerance));
        assert!(!moved(&a, &rows(&[0, 10, 11, 12, 13, 1, 14, 2, 3]), tolerance));
        assert!(!moved(&a, &rows(&[0, 1, 2, 3, 10, 11, 12, 13, 99]), tolerance));
    }
}
