//! Which frames of a report are used.

use crate::error::Problem;

/// A range of times, and the time from one used frame to the next.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TimeSelection {
    /// First time, ms; `None` for that of the report.
    pub start_ms: Option<f64>,
    /// End, ms, excluded; `None` for that of the report.
    pub end_ms: Option<f64>,
    /// Time between used frames, ms, a multiple of the report's step; `None` for every frame.
    pub stride_ms: Option<f64>,
}

/// Reasons why times select no frames.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum TimeProblem {
    /// A time is NaN or infinite.
    #[error("{which} is not a time, expected a number of ms, found {found}")]
    NotFinite {
        /// Which of the times.
        which: &'static str,
        /// The time.
        found: f64,
    },
    /// The stride is not a multiple of the step.
    #[error(
        "stride is not a multiple of the report's time step, expected a multiple of {step_ms} ms, found {found} ms"
    )]
    Stride {
        /// The report's step, ms.
        step_ms: f64,
        /// The stride, ms.
        found: f64,
    },
    /// No frame is in the range.
    #[error(
        "no frame in the time range, expected times from {first_ms} to {last_ms} ms, found {start_ms} to {end_ms} ms"
    )]
    NoFrame {
        /// Time of the report's first frame, ms.
        first_ms: f64,
        /// Time of its last frame, ms.
        last_ms: f64,
        /// The requested first time, ms.
        start_ms: f64,
        /// The requested end, ms.
        end_ms: f64,
    },
    /// The report has no frame.
    #[error("no frames, expected at least one")]
    Empty,
}

impl Problem for TimeProblem {}

/// How far a time may be from that of a frame, in steps (2^-20): times in decimal notation are not exact.
const TOLERANCE: f64 = 1.0 / 1_048_576.0;

impl TimeSelection {
    /// Returns the indices of the frames in the range, for a report with these times.
    ///
    /// # Errors
    /// Returns an error if a time is not finite, no frame is in the range, or the stride is not a multiple of the step.
    pub fn select(&self, first_ms: f64, step_ms: f64, frames: usize) -> Result<Vec<usize>, TimeProblem> {
        if frames == 0 {
            return Err(TimeProblem::Empty);
        }
        let times = [("start", self.start_ms), ("end", self.end_ms), ("stride", self.stride_ms)];
        let not_finite = |(which, time): (&'static str, Option<f64>)| Some((which, time.filter(|t| !t.is_finite())?));
        if let Some((which, found)) = times.into_iter().find_map(not_finite) {
            return Err(TimeProblem::NotFinite { which, found });
        }
        let last_ms = first_ms + (frames - 1) as f64 * step_ms;
        let index = |time: f64| ((time - first_ms) / step_ms - TOLERANCE).ceil().clamp(0.0, frames as f64) as usize;
        let from = self.start_ms.map_or(0, index);
        let to = self.end_ms.map_or(frames, index);
        let every = self.stride_ms.map_or(1.0, |stride| stride / step_ms);
        if !(every.round() >= 1.0 && (every - every.round()).abs() <= TOLERANCE * every) {
            let found = self.stride_ms.unwrap_or(step_ms);
            return Err(TimeProblem::Stride { step_ms, found });
        }
        if from >= to {
            let (start_ms, end_ms) = (self.start_ms.unwrap_or(first_ms), self.end_ms.unwrap_or(last_ms));
            return Err(TimeProblem::NoFrame { first_ms, last_ms, start_ms, end_ms });
        }
        Ok((from..to).step_by(every.round() as usize).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_select_frames_with_the_end_excluded() {
        let times = |start_ms, end_ms, stride_ms| TimeSelection { start_ms, end_ms, stride_ms }.select(1.0, 0.1, 10);
        assert_eq!(times(None, None, None).unwrap(), (0..10).collect::<Vec<_>>());
        // 1.3 and 1.6 are not exact in binary
        assert_eq!(times(Some(1.3), Some(1.6), None).unwrap(), [3, 4, 5]);
        assert_eq!(times(Some(1.25), None, Some(0.3)).unwrap(), [3, 6, 9]);
        assert_eq!(
            times(None, None, Some(0.25)).unwrap_err().to_string(),
            "stride is not a multiple of the report's time step, expected a multiple of 0.1 ms, found 0.25 ms"
        );
        assert_eq!(
            times(Some(3.0), Some(4.0), None).unwrap_err().to_string(),
            "no frame in the time range, expected times from 1 to 1.9 ms, found 3 to 4 ms"
        );
        for (selection, text) in [
            (times(Some(f64::NAN), None, None), "start is not a time, expected a number of ms, found NaN"),
            (times(None, Some(f64::INFINITY), None), "end is not a time, expected a number of ms, found inf"),
            (times(None, None, Some(f64::NAN)), "stride is not a time, expected a number of ms, found NaN"),
        ] {
            assert_eq!(selection.unwrap_err().to_string(), text);
        }
    }
}
