//! What was measured: throughput at levels of concurrency.

/// Why measurements cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PointsError {
    /// A curve with three parameters needs three different levels.
    #[error(
        "{found} {} of concurrency {} too few: measure at three or more",
        if *found == 1 { "level" } else { "different levels" },
        if *found == 1 { "is" } else { "are" }
    )]
    TooFewLevels {
        /// How many there are.
        found: usize,
    },
    /// A value that no measurement can have.
    #[error("{what} of point {index} is {value}: it has to be a positive finite number")]
    Value {
        /// `concurrency` or `throughput`.
        what: &'static str,
        /// Counted from 0.
        index: usize,
        /// The value.
        value: f64,
    },
}

/// One level of concurrency with all that was measured there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Requests or users in the system.
    pub concurrency: f64,
    /// Measurements.
    pub count: f64,
    /// Mean throughput.
    pub mean: f64,
    /// Sum of squares of throughput about that mean.
    pub spread: f64,
    /// Mean logarithm of throughput.
    pub log_mean: f64,
    /// Sum of squares of the logarithm about its mean.
    pub log_spread: f64,
}

/// Measurements, valid and gathered by level in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    levels: Vec<Level>,
    /// The lowest and the highest concurrency measured.
    tested: (f64, f64),
    /// Whether arrivals came by themselves, so that a concurrency is the mean that follows from rate and latency.
    open: bool,
}

impl Points {
    /// Gathers pairs of an arrival rate and the mean latency at it, in seconds: by Little's law as many as their product are
    /// in the service on average.
    ///
    /// # Errors
    /// As [`Points::new`].
    pub fn of_rates(pairs: &[(f64, f64)]) -> Result<Self, PointsError> {
        let by_little: Vec<_> = pairs.iter().map(|&(rate, latency)| (rate * latency, rate)).collect();
        Ok(Points { open: true, ..Points::new(&by_little)? })
    }

    /// Whether arrivals came by themselves.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Gathers `(concurrency, throughput)` pairs in any order.
    ///
    /// # Errors
    /// Where a value is not a positive finite number, or there are fewer than three different levels.
    pub fn new(pairs: &[(f64, f64)]) -> Result<Self, PointsError> {
        let valid = |value: f64| value.is_finite() && value > 0.0;
        for (index, &(n, x)) in pairs.iter().enumerate() {
            for (what, value) in [("concurrency", n), ("throughput", x)] {
                if !valid(value) {
                    return Err(PointsError::Value { what, index, value });
                }
            }
        }
        let mut sorted = pairs.to_vec();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let levels: Vec<_> = sorted.chunk_by(|a, b| a.0 == b.0).map(gather).collect();
        if levels.len() < 3 {
            return Err(PointsError::TooFewLevels { found: levels.len() });
        }
        let tested = (sorted[0].0, sorted[sorted.len() - 1].0);
        Ok(Points { levels, tested, open: false })
    }

    /// The levels, ascending.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// All measurements.
    pub fn count(&self) -> f64 {
        self.levels.iter().map(|level| level.count).sum()
    }

    /// The lowest concurrency measured, also of levels put together.
    pub fn bottom(&self) -> f64 {
        self.tested.0
    }

    /// The highest concurrency measured, also of levels put together.
    pub fn top(&self) -> f64 {
        self.tested.1
    }

    /// Mean latency against rate, by Little's law N/X against X: levels of the rate, ascending. What repeats of a level
    /// scatter is not taken along, for it is in both.
    pub(super) fn latencies(&self) -> Points {
        let turned = |level: &Level| {
            let (concurrency, mean) = (level.mean, level.concurrency / level.mean);
            Level { concurrency, mean, log_mean: mean.ln(), spread: 0.0, log_spread: 0.0, ..*level }
        };
        let mut levels: Vec<Level> = self.levels.iter().map(turned).collect();
        levels.sort_by(|a, b| a.concurrency.total_cmp(&b.concurrency));
        let tested = (levels[0].concurrency, levels[levels.len() - 1].concurrency);
        Points { levels, tested, open: self.open }
    }

    /// The same in at most `most` levels: neighbours are put together at their mean concurrency, and what they scatter
    /// stays in the spread.
    pub fn condensed(&self, most: usize) -> Points {
        let (levels, size) = (&self.levels, self.levels.len().div_ceil(most));
        if size == 1 {
            return self.clone();
        }
        let cell = |first: usize| {
            let end = (first + size).min(levels.len());
            let around = &levels[first.saturating_sub(1)..(end + 1).min(levels.len())];
            merge(&levels[first..end], around)
        };
        Points {
            levels: (0..levels.len()).step_by(size).map(cell).collect(),
            tested: self.tested,
            open: self.open,
        }
    }
}

fn gather(rows: &[(f64, f64)]) -> Level {
    let count = rows.len() as f64;
    let (mean, spread) = moments(rows.iter().map(|row| row.1), count);
    let (log_mean, log_spread) = moments(rows.iter().map(|row| row.1.ln()), count);
    Level { concurrency: rows[0].0, count, mean, spread, log_mean, log_spread }
}

/// Mean and sum of squares about it.
fn moments(values: impl Iterator<Item = f64> + Clone, count: f64) -> (f64, f64) {
    let mean = values.clone().sum::<f64>() / count;
    (mean, values.map(|value| (value - mean).powi(2)).sum())
}

/// One level for several. `around` are these and the one to either side: what scatters about a line through them (about a
/// power law for the logarithms) is noise, what the line gains from level to level is not. A mean of so many keeps one
/// degree of freedom; the spread has the noise of the others.
fn merge(levels: &[Level], around: &[Level]) -> Level {
    let count: f64 = levels.iter().map(|level| level.count).sum();
    let mean_of = |field: fn(&Level) -> f64| levels.iter().map(|l| l.count * field(l)).sum::<f64>() / count;
    let line = Line::through(around, |l| (l.concurrency, l.mean));
    let power_law = Line::through(around, |l| (l.concurrency.ln(), l.log_mean));
    let concurrency = mean_of(|l| l.concurrency);
    // The mean logarithm belongs to the geometric mean of the concurrencies.
    let aside = concurrency.ln() - mean_of(|l| l.concurrency.ln());
    let others = (levels.len() - 1) as f64;
    Level {
        concurrency,
        count,
        mean: mean_of(|l| l.mean),
        spread: levels.iter().map(|l| l.spread).sum::<f64>() + others * line.noise,
        log_mean: mean_of(|l| l.log_mean) + power_law.slope * aside,
        log_spread: levels.iter().map(|l| l.log_spread).sum::<f64>() + others * power_law.noise,
    }
}

/// A line of least squares.
struct Line {
    slope: f64,
    /// The sum of squares about it for each degree of freedom: the variance of one measurement.
    noise: f64,
}

impl Line {
    fn through(levels: &[Level], place: impl Fn(&Level) -> (f64, f64)) -> Line {
        let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
            levels
                .iter()
                .map(|level| (level.count, place(level)))
                .map(|(count, (x, y))| count * of(x, y))
                .sum()
        };
        let count = sum(&|_, _| 1.0);
        let (x_mean, y_mean) = (sum(&|x, _| x) / count, sum(&|_, y| y) / count);
        let (xx, xy) = (sum(&|x, _| (x - x_mean).powi(2)), sum(&|x, y| (x - x_mean) * (y - y_mean)));
        // Levels so near each other that their logarithms are the same have no slope.
        let slope = if xx > 0.0 { xy / xx } else { 0.0 };
        let squares = sum(&|x, y| (y - y_mean - slope * (x - x_mean)).powi(2));
        Line { slope, noise: squares / levels.len().saturating_sub(2).max(1) as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::Random;

    const LEVELS: usize = 500;

    fn condensed(noise: f64, most: usize) -> Points {
        let mut random = Random::new(5);
        let mut pair = |n: f64| (n, 100.0 * n / (1.0 + 0.01 * n) * (1.0 + noise * random.normal()));
        let pairs: Vec<_> = (1..=LEVELS).map(|n| pair(n as f64)).collect();
        Points::new(&pairs).unwrap().condensed(most)
    }

    /// The sum of squares within levels put together is noise times the degrees of freedom that they lost.
    #[test]
    fn levels_put_together_keep_their_scatter() {
        for most in [400, 100, 60, 20] {
            let points = condensed(0.05, most);
            let lost = (LEVELS - points.levels().len()) as f64;
            let within: f64 = points.levels().iter().map(|level| level.log_spread).sum();
            // About four standard errors.
            let ratio = within / (0.05 * 0.05 * lost);
            assert!((ratio - 1.0).abs() < 0.35, "{most}: {ratio}");
            let relative: f64 = points.levels().iter().map(|l| l.spread / (l.mean * l.mean)).sum();
            assert!((relative / within - 1.0).abs() < 0.1, "{most}: {relative} {within}");
            assert_eq!((points.bottom(), points.top(), points.count()), (1.0, 500.0, 500.0));
        }
    }

    /// A curve without noise stays one: its slope within a level is no scatter (nine loads from 1 to 9 scatter by .7 in their
    /// logarithm), and the mean logarithm lies on it, but for the bend that a power law does not have.
    #[test]
    fn the_slope_within_a_level_is_no_scatter() {
        let points = condensed(0.0, 60);
        for level in points.levels() {
            let exact = 100.0 * level.concurrency / (1.0 + 0.01 * level.concurrency);
            assert!((level.log_mean - exact.ln()).abs() < 0.02, "{level:?}");
            assert!((level.log_spread / level.count).sqrt() < 0.02, "{level:?}");
        }
    }
}
