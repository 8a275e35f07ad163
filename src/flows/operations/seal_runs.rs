//! Which seals hold or do not, as runs of numbers that a person can read.
use std::fmt;

/// Numbers of seals, in runs without a gap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SealRuns(Vec<(i64, i64)>);

impl SealRuns {
    /// How many runs are printed; the rest is counted.
    const SHOWN: usize = 10;

    /// `number` is greater than every one before.
    pub(super) fn push(&mut self, number: i64) {
        match self.0.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            Some(_) | None => self.0.push((number, number)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn count(&self) -> i64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    pub fn runs(&self) -> &[(i64, i64)] {
        &self.0
    }
}

impl fmt::Display for SealRuns {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (first, last)) in self.0.iter().take(Self::SHOWN).enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            match last - first {
                0 => write!(out, "{comma}{first}")?,
                _ => write!(out, "{comma}{first}–{last}")?,
            }
        }
        match self.0.len().saturating_sub(Self::SHOWN) {
            0 => Ok(()),
            more => write!(out, " and {more} more runs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k16_runs_of_seals_are_named_by_their_ends_and_not_without_end() {
        let mut runs = SealRuns::default();
        for number in [2, 3, 4, 6, 8, 9] {
            runs.push(number);
        }
        assert_eq!((runs.to_string().as_str(), runs.count()), ("2–4, 6, 8–9", 6));
        for number in 0..20 {
            runs.push(11 + number * 2);
        }
        assert!(
            runs.to_string().ends_with("11, 13, 15, 17, 19, 21, 23 and 13 more runs"),
            "{runs}"
        );
    }
}
