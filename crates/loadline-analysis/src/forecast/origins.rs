//! Where the backtests start: a rolling origin (Tashman 2000).

/// The most backtests made of one series.
const ORIGINS_MAX: usize = 24;

/// Backtests of one series: each forecasts `horizon` steps from the values before its origin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Backtests {
    /// First steps forecast, ascending; none where the series is too short.
    pub(super) origins: Vec<usize>,
    /// Steps forecast from each; less than asked for where the history is short.
    pub(super) horizon: usize,
}

impl Backtests {
    /// Spread over the history of `n` values, at a distance of whole seasons where possible, at most half a horizon
    /// apart; each with at least a third of the history, two of the longest season and four of the shortest before it.
    pub(super) fn plan(n: usize, horizon: usize, seasons: &[usize]) -> Backtests {
        let short = seasons.first().copied().unwrap_or(1);
        let long = seasons.last().copied().unwrap_or(1);
        let least = (2 * long).max(4 * short).max(n / 3).clamp(1, (n / 2).max(1));
        let horizon = if n >= least + horizon { horizon } else { n.saturating_sub(least).div_ceil(2) };
        if horizon == 0 {
            return Backtests { origins: Vec::new(), horizon };
        }
        let room = n - horizon - least;
        let whole_seasons = |steps: usize| steps / short * short;
        let mut step = (room / ORIGINS_MAX).max(1);
        if step >= short {
            step = whole_seasons(step);
        }
        let step = step.min(whole_seasons(horizon / 2).max(short));
        let count = (room / step + 1).min(ORIGINS_MAX);
        Backtests { origins: (0..count).rev().map(|i| n - horizon - i * step).collect(), horizon }
    }

    /// How many values of the history are forecast by a backtest.
    pub(super) fn values(&self) -> usize {
        let apart = self.origins.windows(2).map(|pair| (pair[1] - pair[0]).min(self.horizon));
        apart.sum::<usize>() + self.horizon
    }

    /// Whether the spans of two backtests overlap, so that the errors of one tell on the other's.
    pub(super) fn overlap(&self, one: usize, other: usize) -> bool {
        self.origins[one].abs_diff(self.origins[other]) < self.horizon
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn four_weeks_of_hours() {
        let plan = Backtests::plan(960, 48, &[24, 168]);
        assert_eq!((plan.origins.len(), plan.horizon), (24, 48));
        assert_eq!(plan.origins[23], 912);
        assert_eq!(plan.origins[23] - plan.origins[22], 24);
    }

    proptest! {
        /// Every backtest lies within the history and has something to learn from.
        #[test]
        fn backtests_fit(n in 2usize..3000, horizon in 1usize..400, short in 1usize..60, weeks in 1usize..8) {
            let plan = Backtests::plan(n, horizon, &[short, short * weeks]);
            prop_assert!(!plan.origins.is_empty() && plan.horizon >= 1 && plan.horizon <= horizon);
            prop_assert!(plan.origins.is_sorted_by(|a, b| a < b));
            prop_assert!(plan.origins.iter().all(|o| *o >= 1 && o + plan.horizon <= n));
        }
    }
}
