//! Finds the chunk length in a formula for the number of segments.

use super::expression::Scope;
use super::lexer::PlacedToken;

/// Returns the chunk length c, µm, if the expression that starts at a token is equivalent to `1 + 2 int(L / c)`.
///
/// The slope without `int` is 2 / c; the steps are then compared, at multiples of c and between them.
pub(super) fn find_chunk_length(scope: &Scope<'_>, tokens: &[PlacedToken<'_>], at: usize) -> Option<f64> {
    let value = |scope: &Scope<'_>, length: f64| scope.with_value("L", Some(length)).evaluate(tokens, at).0;
    let smooth = scope.with_smooth_int();
    const FAR_UM: f64 = 1e6;
    let (near, far) = (value(&smooth, 0.0)?, value(&smooth, FAR_UM)?);
    let slope = (far - near) / FAR_UM;
    // removes the rounding error, so that the length is the one in the text
    let chunk: f64 = format!("{:.9e}", 2.0 / slope).parse().ok()?;
    if !(chunk > 0.0 && chunk.is_finite()) {
        return None;
    }
    let agrees = |chunks: &f64| value(scope, chunks * chunk) == Some(1.0 + 2.0 * chunks.trunc());
    [0.0, 0.3, 0.999, 1.0, 1.5, 2.0, 2.999, 3.0, 10.5, 1000.25].iter().all(agrees).then_some(chunk)
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokenize;
    use super::*;

    #[test]
    fn the_chunk_is_found_in_every_equivalent_formula_and_in_no_other() {
        let mut scope = Scope::default();
        scope.set_value("chunkSize", Some(40.0));
        for (text, expected) in [
            ("1 + 2*int(L/40)", Some(40.0)),
            ("1+int(L/chunkSize)*2", Some(40.0)),
            ("int(L/20/2.)*2 + 1", Some(40.0)),
            ("2*int(L/(chunkSize/4)) + 1", Some(10.0)),
            ("1 + 2*int(L/33.3)", Some(33.3)),
            ("1 + int(L/40)", None),
            ("2*int(L/40)", None),
            ("1 + 2*int(L/40 + 0.5)", None),
            ("1 + 2*(L/40)", None),
            ("int((L/(0.1*lambda_f(100))+.9)/2)*2 + 1", None),
            ("5", None),
            ("1 + 2*int(diam/40)", None),
        ] {
            assert_eq!(find_chunk_length(&scope, &tokenize(text), 0), expected, "{text}");
        }
    }
}
