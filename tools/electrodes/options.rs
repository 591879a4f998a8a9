//! Parses options of several numbers, and the anchor.

use leadfield::electrodes::cap::CapSystem;
use leadfield::electrodes::probe::ProbeAnchor;
use leadfield::geometry::Point;

/// Parses three comma-separated numbers.
pub fn parse_point(text: &str) -> Result<Point, String> {
    let numbers = parse_numbers(text).and_then(|numbers| <[f64; 3]>::try_from(numbers).ok());
    numbers.map(Point::from).ok_or_else(|| "expected three numbers, as in `-8,-850,0`".into())
}

/// Distances between columns and between rows, µm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pitches(pub [f64; 2]);

/// Parses one number for both pitches, or two comma-separated numbers.
pub fn parse_pitches(text: &str) -> Result<Pitches, String> {
    match parse_numbers(text).as_deref() {
        Some(&[both]) => Ok(Pitches([both, both])),
        Some(&[across, along]) => Ok(Pitches([across, along])),
        _ => Err("expected one number, or two as in `100,50`".into()),
    }
}

fn parse_numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(|number| number.trim().parse().ok()).collect()
}

/// [`Anchor`] as an option.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum AnchorArg {
    /// The first contact
    First,
    /// The centre of the box around all contacts
    Center,
    /// The origin of the probe's or the file's coordinates
    Origin,
}

impl From<AnchorArg> for ProbeAnchor {
    fn from(name: AnchorArg) -> Self {
        match name {
            AnchorArg::First => Self::First,
            AnchorArg::Center => Self::Center,
            AnchorArg::Origin => Self::Origin,
        }
    }
}

/// [`CapSystem`] as an option.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum CapArg {
    /// 19 electrodes
    #[value(name = "10-20")]
    TenTwenty,
    /// 73 electrodes
    #[value(name = "10-10")]
    TenTen,
}

impl From<CapArg> for CapSystem {
    fn from(name: CapArg) -> Self {
        match name {
            CapArg::TenTwenty => Self::TenTwenty,
            CapArg::TenTen => Self::TenTen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_negative_or_in_exponent_form() {
        assert_eq!(parse_point("-8,-8.5e2, 0"), Ok(Point::new(-8.0, -850.0, 0.0)));
        for wrong in ["", "1,2", "1,2,3,4", "a,b,c", "1 2 3"] {
            assert_eq!(parse_point(wrong).unwrap_err(), "expected three numbers, as in `-8,-850,0`");
        }
    }

    #[test]
    fn one_pitch_does_for_columns_and_rows() {
        assert_eq!(parse_pitches("1e2"), Ok(Pitches([100.0, 100.0])));
        assert_eq!(parse_pitches("100,50"), Ok(Pitches([100.0, 50.0])));
        assert_eq!(parse_pitches("1,2,3").unwrap_err(), "expected one number, or two as in `100,50`");
    }
}
