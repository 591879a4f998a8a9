//! Times of files, and durations of steps.

use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::error::{Context, FileProblem, Result};
use crate::segments::table::part_files::is_single_file;

/// Measures the duration of each step.
pub struct StepTimer {
    last: Instant,
    steps: Vec<(&'static str, f64)>,
}

impl StepTimer {
    pub fn start() -> Self {
        Self { last: Instant::now(), steps: Vec::new() }
    }

    /// Ends a step that began at the end of the last one.
    pub fn finish_step(&mut self, name: &'static str) {
        self.steps.push((name, self.last.elapsed().as_secs_f64()));
        self.last = Instant::now();
    }

    /// Returns the durations of earlier steps, then those of this report.
    pub fn to_rows(&self, before: &[(&str, f64)]) -> Vec<(String, String)> {
        let seconds = |s: &f64| if *s < 9.95 { format!("{s:.2} s") } else { format!("{s:.0} s") };
        let before = before.iter().map(|(name, s)| (name.to_string(), seconds(s)));
        let own = self.steps.iter().map(|(name, s)| (format!("report: {name}"), seconds(s)));
        before.chain(own).collect()
    }
}

/// Returns when a file, or the last part of a folder, was written, by the file system: `2026-02-03 04:05:06 UTC`. Empty
/// if the file system has no times.
pub fn last_modified(path: &Path) -> Result<String> {
    let time = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified());
    let last = match is_single_file(path) || path.is_file() {
        true => time(path).ok(),
        false => {
            let files = std::fs::read_dir(path).map_err(FileProblem::Read).in_file(path)?;
            files.filter_map(|file| time(&file.ok()?.path()).ok()).max()
        }
    };
    Ok(last.and_then(format_utc).unwrap_or_default())
}

/// Formats a time, to the second.
pub fn format_utc(time: SystemTime) -> Option<String> {
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(chrono::DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_formatted_to_the_second() {
        // 2000-02-29 is day 11016 of the epoch: 30 years of 365 days, 7 leap days, and 59 days
        let seconds = 11_016 * 86_400 + 3 * 3600 + 4 * 60 + 5;
        let time = UNIX_EPOCH + std::time::Duration::from_millis(seconds * 1000 + 999);
        assert_eq!(format_utc(time).unwrap(), "2000-02-29 03:04:05 UTC");
    }
}
