//! Single values far from everything: an event with a frequency of its own, and no part of the ordinary spread.
//!
//! One such day lies within every backtest that reaches it, and would make each course of the future hold one. So where
//! they are few and stand alone they are taken out of the history before anything is fitted, and each path draws them
//! at the frequency at which they were seen (a contaminated distribution: Tukey 1960). The quantiles of a step leave
//! them out: a step meets one with a probability of at most [`SHARE`].

use super::Calendar;
use super::history::{self, Finding};
use super::paths::Random;

/// The largest share of values that is rare.
const SHARE: f64 = 0.01;

/// What was taken out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rare {
    /// The probability that a step is one.
    share: f64,
    /// How far each was off what is usual.
    off: Vec<f64>,
    floor: f64,
}

/// Puts what is usual in the place of each rare value of `values`.
pub(super) fn take_out(values: &mut [f64], calendar: &Calendar) -> Rare {
    let found = history::outliers_of(values, calendar);
    let at = |finding: &Finding| if let Finding::Outlier { index, .. } = finding { *index } else { 0 };
    let alone = found.windows(2).all(|pair| at(&pair[1]) - at(&pair[0]) > 1);
    if !alone || found.len() as f64 > SHARE * values.len() as f64 {
        return Rare::default();
    }
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let mut rare = Rare {
        share: found.len() as f64 / values.len() as f64,
        off: Vec::new(),
        floor: if lowest >= 0.0 { 0.0 } else { f64::NEG_INFINITY },
    };
    for finding in found {
        if let Finding::Outlier { index, value, usual } = finding {
            rare.off.push(value - usual);
            values[index] = usual.max(rare.floor);
        }
    }
    rare
}

impl Rare {
    /// Draws them on a path: the same for the same seed and index.
    pub(super) fn put_on(&self, path: &mut [f64], seed: u64, index: usize) {
        if self.off.is_empty() {
            return;
        }
        let mut random = Random::new(seed ^ 0x0DD_DA15, index);
        for value in path {
            if random.unit() < self.share {
                let which = (random.unit() * self.off.len() as f64) as usize;
                *value = (*value + self.off[which]).max(self.floor);
            }
        }
    }

    /// What a reader has to know of it, of a history of `n` values.
    pub(super) fn note(&self, n: usize) -> Option<String> {
        let times = match self.off.len() {
            0 => return None,
            1 => "one value lies".into(),
            count => format!("{count} values lie"),
        };
        Some(format!(
            "of {n} values {times} far from all others: such values are left out of the intervals, and probabilities \
             hold them as often as they came"
        ))
    }
}
