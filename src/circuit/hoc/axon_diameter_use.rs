//! How a procedure reads the diameters of the original axon.

use super::lexer::{HocToken, PlacedToken, closing_bracket};

/// How a procedure reads the diameters of the original axon before it deletes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AxonDiameterUse {
    /// Whether it reads `diam`, the diameter in the middle of a section.
    pub reads_middle: bool,
    /// Whether it reads `diam(x)`, the diameters of all segments.
    pub reads_along: bool,
    /// Whether the second stub takes the diameter of the last visited section, and not only that of a distant one.
    pub takes_last_visited: bool,
    /// Whether sections are selected by the distance of their middle from the soma, more than 60 µm.
    pub reads_distant: bool,
    /// The variables that take a diameter in a loop over sections.
    pub distant_variables: Vec<String>,
    /// Whether diameters are copied without arithmetic.
    pub is_unmodified: bool,
}

impl AxonDiameterUse {
    /// Analyses a procedure's statements.
    pub fn from_body(body: &[PlacedToken<'_>]) -> Self {
        let is = |at: usize, token: HocToken<'_>| body.get(at).is_some_and(|(found, _)| *found == token);
        let deleted = (0..body.len()).find(|&at| is(at, HocToken::Word("delete_section"))).unwrap_or(0);
        let assigned = |at: usize| match is(at + 1, HocToken::Mark("(")) {
            true => closing_bracket(body, at + 1).is_some_and(|close| is(close + 1, HocToken::Mark("="))),
            false => is(at + 1, HocToken::Mark("=")),
        };
        let reads = |at: &usize| is(*at, HocToken::Word("diam")) && !assigned(*at);
        let read: Vec<usize> = (0..deleted).filter(reads).collect();
        let middle = |at: &usize| !is(at + 1, HocToken::Mark("("));
        let is_operator = |at: usize| ["+", "-", "*", "/", "^", "%"].iter().any(|mark| is(at, HocToken::Mark(mark)));
        let after = |at: usize| match is(at + 1, HocToken::Mark("(")) {
            true => closing_bracket(body, at + 1).map_or(at + 1, |close| close + 1),
            false => at + 1,
        };
        let is_plain = read.iter().all(|&at| !is_operator(after(at)) && !at.checked_sub(1).is_some_and(is_operator));
        let has =
            |tokens: &[HocToken<'_>]| (0..deleted).any(|at| tokens.iter().zip(at..).all(|(&token, at)| is(at, token)));
        let reads_far =
            has(&[HocToken::Word("distance"), HocToken::Mark("("), HocToken::Number(0.5), HocToken::Mark(")")])
                && has(&[HocToken::Mark(">"), HocToken::Number(60.0)]);
        // reads in the loop over the axon, outside any condition in it
        let loops = (0..deleted).filter(|&at| is(at, HocToken::Word("forsec")));
        let block = |at| {
            let open = (at..deleted).find(|&i| is(i, HocToken::Mark("{")))?;
            Some((open, closing_bracket(body, open)?))
        };
        let blocks: Vec<(usize, usize)> = loops.filter_map(block).collect();
        let assigned_variable = |&&at: &&usize| match body.get(at.checked_sub(2)?..at) {
            Some([(HocToken::Word(name), _), (HocToken::Mark("="), _)]) => Some((*name).to_string()),
            _ => None,
        };
        let is_looped = |at: &&usize| blocks.iter().any(|(open, close)| (open..close).contains(at));
        let far = read.iter().filter(is_looped).filter_map(|at| assigned_variable(&at)).collect();
        let depth = |from: usize, to: usize| {
            let marks = body.get(from..to).unwrap_or_default().iter();
            marks.fold(0_i32, |depth, (token, _)| match token {
                HocToken::Mark("{") => depth + 1,
                HocToken::Mark("}") => depth - 1,
                _ => depth,
            })
        };
        let takes_last_visited = blocks.iter().any(|&(open, close)| {
            read.iter().filter(|at| middle(at)).any(|&at| (open..close).contains(&at) && depth(open, at) == 1)
        });
        Self {
            reads_middle: read.iter().any(&middle),
            reads_along: read.iter().any(|at| !middle(at)),
            takes_last_visited,
            reads_distant: reads_far,
            distant_variables: far,
            is_unmodified: is_plain,
        }
    }
}
