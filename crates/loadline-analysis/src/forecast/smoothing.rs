//! Exponential smoothing with one or two seasons, a damped trend and autocorrelated errors.
//!
//! The recursions are those of Holt and Winters with a second season and a first-order autoregression of the errors
//! (Taylor 2003, "Short-term electricity demand forecasting using double seasonal exponential smoothing"). An error
//! beyond three times the usual one counts as that (Gelper, Fried and Croux 2010), so that an outlier moves the level
//! little and a lasting shift moves it within a few steps. Parameters come from a grid: the backtests over the whole
//! horizon choose among them, not the errors one step ahead.

use super::pool::{Candidate, Family, Task};

/// The damping of the trend, each step.
const DAMPING: f64 = 0.97;
/// Errors count up to this many times the usual one.
const CLIP: f64 = 3.0;

#[derive(Debug, Clone, Copy)]
struct Parameters {
    level: f64,
    trend: f64,
    season: f64,
    carry: f64,
}

/// The grid over the shortest season alone, and over the two shortest where there are two.
pub(super) fn candidates(task: &Task<'_>) -> Vec<Candidate> {
    let short = task.seasons()[0];
    let mut all = fitted(task, short, None, Family::Smoothing);
    if let Some(&long) = task.seasons().get(1) {
        all.extend(fitted(task, short, Some(long), Family::DoubleSmoothing));
    }
    all
}

fn fitted(task: &Task<'_>, short: usize, long: Option<usize>, family: Family) -> Vec<Candidate> {
    let seasons = format!("{short}{}", long.map(|l| format!("+{l}")).unwrap_or_default());
    grid(short)
        .into_iter()
        .map(|p| {
            let name = format!("smoothing {seasons} ({}, {}, {}, {})", p.level, p.trend, p.season, p.carry);
            let mut state = State::start(task.values, short, long);
            let mut from = 0;
            let runs = task
                .origins
                .iter()
                .map(|&origin| {
                    (from..origin).for_each(|t| state.update(t, task.values[t], &p));
                    from = origin;
                    state.forecast(origin, task.steps(origin), &p)
                })
                .collect();
            Candidate { name, family, runs }
        })
        .collect()
}

fn grid(season: usize) -> Vec<Parameters> {
    let rates: &[f64] = if season > 1 { &[0.05, 0.2, 0.5] } else { &[0.0] };
    let carries = if season > 12 { [0.0, 0.9] } else { [0.0, 0.5] };
    let mut all = Vec::new();
    for level in [0.003, 0.02, 0.08, 0.25] {
        for &season in rates {
            all.extend(carries.map(|carry| Parameters { level, trend: 0.0, season, carry }));
            if level > 0.05 {
                all.push(Parameters { level, trend: 0.1, season, carry: 0.0 });
            }
        }
    }
    all
}

struct State {
    level: f64,
    slope: f64,
    short: Vec<f64>,
    long: Vec<f64>,
    /// The last deviation from level, trend and seasons.
    deviation: f64,
    /// The usual size of an error.
    spread: f64,
}

impl State {
    /// From the first cycles: their mean, their mean course, and most of what the long season adds to it.
    fn start(values: &[f64], short: usize, long: Option<usize>) -> State {
        let span = long.unwrap_or(2 * short).clamp(1, values.len());
        let first = &values[..span];
        let level = first.iter().sum::<f64>() / span as f64;
        let course = |phase: usize| {
            let alike: Vec<f64> = first.iter().skip(phase).step_by(short).copied().collect();
            if alike.is_empty() { 0.0 } else { alike.iter().sum::<f64>() / alike.len() as f64 - level }
        };
        let short: Vec<f64> = (0..short).map(course).collect();
        let rest: Vec<f64> =
            first.iter().enumerate().map(|(t, v)| v - level - short[t % short.len()]).collect();
        let mut sizes: Vec<f64> = rest.iter().map(|r| r.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let spread = 1.5 * sizes[span / 2];
        let long = long.map(|length| (0..length).map(|i| rest.get(i).map_or(0.0, |r| 0.7 * r)).collect());
        State { level, slope: 0.0, short, long: long.unwrap_or_default(), deviation: 0.0, spread }
    }

    fn season(&self, t: usize) -> f64 {
        let long = if self.long.is_empty() { 0.0 } else { self.long[t % self.long.len()] };
        self.short[t % self.short.len()] + long
    }

    fn update(&mut self, t: usize, value: f64, p: &Parameters) {
        let carried = p.carry * self.deviation;
        let raw = value - (self.level + DAMPING * self.slope + self.season(t)) - carried;
        let limit = CLIP * self.spread;
        let error = raw.clamp(-limit, limit);
        let size = raw.abs().min(4.0 * self.spread);
        self.spread = (self.spread + 0.02 * (1.25 * size - self.spread)).max(1e-12);
        self.deviation = carried + error;
        self.slope = DAMPING * self.slope + p.trend * p.level * error;
        self.level += p.level * error + self.slope;
        let phase = t % self.short.len();
        if self.long.is_empty() {
            self.short[phase] += p.season * error;
        } else {
            self.short[phase] += 0.3 * p.season * error;
            let phase = t % self.long.len();
            self.long[phase] += p.season * error;
        }
    }

    fn forecast(&self, origin: usize, steps: usize, p: &Parameters) -> Vec<f64> {
        let (mut carried, mut slope, mut risen) = (self.deviation, self.slope, 0.0);
        (origin..origin + steps)
            .map(|t| {
                carried *= p.carry;
                slope *= DAMPING;
                risen += slope;
                self.level + self.season(t) + carried + risen
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_that_repeats_is_continued() {
        let values: Vec<f64> = (0..21).map(|t| [1.0, 5.0, 9.0][t % 3]).collect();
        let p = Parameters { level: 0.1, trend: 0.0, season: 0.2, carry: 0.0 };
        let mut state = State::start(&values, 3, None);
        (0..21).for_each(|t| state.update(t, values[t], &p));
        for (k, v) in state.forecast(21, 6, &p).into_iter().enumerate() {
            assert!((v - values[k % 3]).abs() < 1e-9);
        }
    }
}
