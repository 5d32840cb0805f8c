//! What was measured: throughput at levels of concurrency.

/// Why measurements cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PointsError {
    /// A curve with three parameters needs three different levels.
    #[error("{found} different levels of concurrency are too few: measure at three or more")]
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
}

impl Points {
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
        Ok(Points { levels })
    }

    /// The levels, ascending.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// All measurements.
    pub fn count(&self) -> f64 {
        self.levels.iter().map(|level| level.count).sum()
    }

    /// The highest concurrency measured.
    pub fn top(&self) -> f64 {
        self.levels[self.levels.len() - 1].concurrency
    }

    /// The same in at most `most` levels: neighbours are put together at their mean concurrency.
    pub fn condensed(&self, most: usize) -> Points {
        let size = self.levels.len().div_ceil(most);
        Points { levels: self.levels.chunks(size).map(merge).collect() }
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

fn merge(levels: &[Level]) -> Level {
    let count: f64 = levels.iter().map(|level| level.count).sum();
    let mean_of = |field: fn(&Level) -> f64| levels.iter().map(|l| l.count * field(l)).sum::<f64>() / count;
    Level {
        concurrency: mean_of(|l| l.concurrency),
        count,
        mean: mean_of(|l| l.mean),
        spread: levels.iter().map(|l| l.spread).sum(),
        log_mean: mean_of(|l| l.log_mean),
        log_spread: levels.iter().map(|l| l.log_spread).sum(),
    }
}
