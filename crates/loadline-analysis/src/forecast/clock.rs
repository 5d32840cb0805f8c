//! Seasons belong to the clock on the wall: where that is put forward or back, an hour of the day comes earlier or later.
//!
//! The history is put on an even grid of local time: an hour that the clock leaves out is interpolated, and one that it
//! shows twice is the mean of both. The forecast is made on that grid; each step to come takes its own from it.

use super::Test;

/// Where the steps of a history, and of the horizon after it, stand on an even grid of local time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LocalClock {
    /// How many steps each is off the first one's clock; those beyond the end are off as the last is.
    off: Vec<i64>,
}

impl LocalClock {
    /// From the offset to UTC of each step, in seconds. A change that is not a whole number of steps of `step_s` seconds
    /// cannot be followed, and neither can one on days and longer: the clock is then an even one.
    pub fn new(offsets_s: impl IntoIterator<Item = i64>, step_s: i64) -> LocalClock {
        let offsets: Vec<i64> = offsets_s.into_iter().collect();
        let first = offsets.first().copied().unwrap_or(0);
        let changes: Vec<i64> = offsets.iter().map(|o| o - first).collect();
        let moved = changes.iter().any(|c| *c != 0);
        if !moved || step_s <= 0 || changes.iter().any(|c| c % step_s != 0) {
            return LocalClock::default();
        }
        LocalClock { off: changes.iter().map(|c| c / step_s).collect() }
    }

    /// The place of step `t` on the grid. Never before the first.
    fn place(&self, t: usize) -> usize {
        let off = self.off.get(t).or(self.off.last()).copied().unwrap_or(0);
        (t as i64 + off).max(0) as usize
    }

    /// The last place that any of the steps below `n` takes, and one more.
    fn len(&self, n: usize) -> usize {
        (0..n).map(|t| self.place(t) + 1).max().unwrap_or(0)
    }

    /// `values` on the grid.
    pub(super) fn to_local(&self, values: &[f64]) -> Vec<f64> {
        let mut sums = vec![(0.0, 0.0); self.len(values.len())];
        for (t, value) in values.iter().enumerate() {
            let (sum, count) = &mut sums[self.place(t)];
            (*sum, *count) = (*sum + value, *count + 1.0);
        }
        let mut local: Vec<f64> = sums.iter().map(|(sum, count)| sum / count).collect();
        let known: Vec<usize> = (0..local.len()).filter(|p| sums[*p].1 > 0.0).collect();
        for ends in known.windows(2) {
            let (from, to) = (local[ends[0]], local[ends[1]]);
            let width = (ends[1] - ends[0]) as f64;
            for (k, between) in local[ends[0]..ends[1]].iter_mut().enumerate().skip(1) {
                *between = from + (to - from) * k as f64 / width;
            }
        }
        local
    }

    /// For each of `horizon` steps after a history of `n` the step on the grid after its end. The hour shown twice, once
    /// before the end, is taken from the first step after it.
    pub(super) fn steps(&self, n: usize, horizon: usize) -> Vec<usize> {
        let end = self.len(n);
        (n..n + horizon).map(|t| self.place(t).saturating_sub(end)).collect()
    }

    /// The first step that is at `place` or after it.
    pub(super) fn step_at(&self, place: usize) -> usize {
        let most = self.off.iter().map(|o| o.unsigned_abs() as usize).max().unwrap_or(0);
        (place.saturating_sub(most)..).find(|t| self.place(*t) >= place).unwrap_or(place)
    }

    /// A backtest on the grid, of a history of `n` values, as one of these.
    pub(super) fn to_steps(&self, test: &Test, n: usize) -> Test {
        let places = test.origin..test.origin + test.median.len();
        let origin = self.step_at(places.start);
        let took: Vec<usize> = (origin..n)
            .map(|t| self.place(t))
            .take_while(|p| *p < places.end)
            .map(|p| p.saturating_sub(places.start))
            .collect();
        Test {
            origin,
            median: took.iter().map(|k| test.median[*k]).collect(),
            intervals: test
                .intervals
                .iter()
                .map(|(level, ends)| (*level, took.iter().map(|k| ends[*k]).collect()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six hours, the third of which begins an hour later by the clock, and the last two an hour earlier again.
    fn there_and_back() -> LocalClock {
        LocalClock::new([0, 0, 3600, 3600, 0, 0], 3600)
    }

    #[test]
    fn an_hour_left_out_is_interpolated_and_one_shown_twice_is_a_mean() {
        // By the clock: 0, 1, 3, 4, 4, 5.
        let local = there_and_back().to_local(&[10.0, 20.0, 40.0, 50.0, 70.0, 80.0]);
        assert_eq!(local, [10.0, 20.0, 30.0, 40.0, 60.0, 80.0]);
    }

    #[test]
    fn steps_to_come_take_theirs_from_the_grid() {
        // A history of two hours up to the change: the next hours by the clock are 3, 4, 4, 5, and 2 is left out.
        assert_eq!(there_and_back().steps(2, 4), [1, 2, 2, 3]);
        // One that ends before the hour shown a second time.
        assert_eq!(there_and_back().steps(4, 2), [0, 0]);
        assert_eq!(LocalClock::default().steps(7, 3), [0, 1, 2]);
    }

    #[test]
    fn a_test_comes_back_with_as_many_values_as_hours_passed() {
        let ends = |k: usize| (k as f64 - 1.0, k as f64 + 1.0);
        let test = Test {
            origin: 1,
            median: vec![1.0, 2.0, 3.0, 4.0],
            intervals: vec![(0.8, (1..5).map(ends).collect())],
        };
        let back = there_and_back().to_steps(&test, 6);
        assert_eq!((back.origin, back.median), (1, vec![1.0, 3.0, 4.0, 4.0]));
        assert_eq!(back.intervals[0].1, [1, 3, 4, 4].map(ends));
    }

    #[test]
    fn what_is_no_whole_number_of_steps_is_left() {
        assert_eq!(LocalClock::new([0, 3600], 7200), LocalClock::default());
        assert_eq!(LocalClock::new([3600, 3600], 3600), LocalClock::default());
        assert_eq!(LocalClock::new([0, 3600], 86_400), LocalClock::default());
        assert_eq!(LocalClock::new([0, 3600], 1800).off, [0, 2]);
    }
}
