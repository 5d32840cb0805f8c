//! Linear autoregression on the lags of a day and a week, with ridge, iterated over the horizon.
//!
//! The coefficients solve `(X'X + λ n I) b = X'y` over all steps before an origin (Hoerl and Kennard 1970), so every
//! backtest knows only its own past; the sums grow from one origin to the next. Fitted once on the values and once on
//! their differences over the short season.

use super::pool::{Candidate, Family, Task};

/// Values count up to this many standard deviations from the mean of the first stretch.
const CLIP: f64 = 6.0;
const RIDGES: [f64; 3] = [3e-5, 1e-3, 1e-2];
const RIDGE_OF_DIFFERENCES: f64 = 1e-3;

/// On the values with three ridges, on the seasonal differences with one; none where the first backtest has too
/// little before it.
pub(super) fn candidates(task: &Task<'_>) -> Vec<Candidate> {
    let named = |family, prefix: &str, (ridge, runs): (f64, Vec<Vec<f64>>)| Candidate {
        name: format!("autoregression{prefix} ({ridge})"),
        family,
        runs,
    };
    let mut all: Vec<Candidate> = fit(task.values, task.origins, &RIDGES, |o| task.steps(o), task.seasons())
        .into_iter()
        .map(|run| named(Family::Autoregression, "", run))
        .collect();
    let season = task.seasons()[0];
    if task.origins[0] >= 6 * season {
        let differences: Vec<f64> = task.values.windows(season + 1).map(|w| w[season] - w[0]).collect();
        let origins: Vec<usize> = task.origins.iter().map(|o| o - season).collect();
        let steps = |o: usize| task.steps(o + season);
        for (ridge, mut runs) in fit(&differences, &origins, &[RIDGE_OF_DIFFERENCES], steps, task.seasons()) {
            for (run, &origin) in runs.iter_mut().zip(task.origins) {
                for k in 0..run.len() {
                    run[k] += if k < season { task.values[origin - season + k] } else { run[k - season] };
                }
            }
            all.push(named(Family::Differenced, " of differences", (ridge, runs)));
        }
    }
    all
}

/// Lags: one short season and two steps, its first seven multiples, the long season, each with neighbours; at most
/// half of the first stretch.
fn lags(seasons: &[usize], first_stretch: usize) -> Vec<usize> {
    let short = seasons[0];
    let mut lags: Vec<usize> =
        if short == 1 { (1..=8).collect() } else { (1..=(short + 2).min(50)).collect() };
    if short > 1 {
        lags.extend((1..=7).flat_map(|m| [m * short - 1, m * short, m * short + 1]));
    }
    if let Some(&long) = seasons.get(1) {
        lags.extend(long.saturating_sub(4).max(1)..=long + 4);
        lags.extend([long + short, 2 * long]);
    }
    lags.retain(|lag| *lag >= 1 && 2 * lag <= first_stretch);
    lags.sort_unstable();
    lags.dedup();
    lags
}

/// Forecasts from each origin, for each ridge.
fn fit(
    values: &[f64],
    origins: &[usize],
    ridges: &[f64],
    steps: impl Fn(usize) -> usize,
    seasons: &[usize],
) -> Vec<(f64, Vec<Vec<f64>>)> {
    let lags = lags(seasons, origins[0]);
    let Some(&longest) = lags.last() else { return Vec::new() };
    let (mean, deviation) = moments(&values[..origins[0]]);
    let x: Vec<f64> = values.iter().map(|v| ((v - mean) / deviation).clamp(-CLIP, CLIP)).collect();
    let mut sums = Sums::new(lags.len() + 1);
    let mut fits: Vec<(f64, Vec<Vec<f64>>)> = ridges.iter().map(|r| (*r, Vec::new())).collect();
    let mut next = longest;
    for &origin in origins {
        for t in next..origin {
            sums.add(std::iter::once(1.0).chain(lags.iter().map(|lag| x[t - lag])), x[t]);
        }
        next = origin;
        for (ridge, runs) in &mut fits {
            let run = match sums.solve(*ridge) {
                Some(coefficients) => {
                    iterate(&x[origin - longest..origin], &lags, &coefficients, steps(origin))
                }
                None => vec![f64::NAN; steps(origin)],
            };
            runs.push(run.into_iter().map(|v| mean + deviation * v).collect());
        }
    }
    fits
}

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt().max(1e-12))
}

/// Each forecast is the past of the next.
fn iterate(past: &[f64], lags: &[usize], coefficients: &[f64], steps: usize) -> Vec<f64> {
    let mut path = past.to_vec();
    for _ in 0..steps {
        let now = path.len();
        let sum: f64 = lags.iter().zip(&coefficients[1..]).map(|(lag, b)| b * path[now - lag]).sum();
        path.push((coefficients[0] + sum).clamp(-1.5 * CLIP, 1.5 * CLIP));
    }
    path.split_off(past.len())
}

/// The normal equations so far: the lower triangle of `X'X`, and `X'y`.
struct Sums {
    size: usize,
    rows: f64,
    squares: Vec<f64>,
    products: Vec<f64>,
    row: Vec<f64>,
}

impl Sums {
    fn new(size: usize) -> Sums {
        Sums { size, rows: 0.0, squares: vec![0.0; size * size], products: vec![0.0; size], row: Vec::new() }
    }

    fn add(&mut self, row: impl Iterator<Item = f64>, y: f64) {
        self.row.clear();
        self.row.extend(row);
        self.rows += 1.0;
        for (i, &v) in self.row.iter().enumerate() {
            self.products[i] += v * y;
            let line = &mut self.squares[i * self.size..i * self.size + i + 1];
            line.iter_mut().zip(&self.row).for_each(|(sum, w)| *sum += v * w);
        }
    }

    /// The coefficients, by Cholesky's factors; the constant is hardly shrunk. `None` where the sums are singular.
    fn solve(&self, ridge: f64) -> Option<Vec<f64>> {
        let n = self.size;
        let mut a = self.squares.clone();
        a[0] += 1e-6 * self.rows;
        (1..n).for_each(|i| a[i * n + i] += ridge * self.rows);
        for j in 0..n {
            let (head, tail) = a.split_at_mut((j + 1) * n);
            let line = &mut head[j * n..];
            let pivot = line[j] - line[..j].iter().map(|v| v * v).sum::<f64>();
            if pivot <= 0.0 {
                return None;
            }
            line[j] = pivot.sqrt();
            for below in tail.chunks_exact_mut(n) {
                let dot: f64 = below[..j].iter().zip(&line[..j]).map(|(v, w)| v * w).sum();
                below[j] = (below[j] - dot) / line[j];
            }
        }
        let mut b = self.products.clone();
        for i in 0..n {
            let dot: f64 = (0..i).map(|k| a[i * n + k] * b[k]).sum();
            b[i] = (b[i] - dot) / a[i * n + i];
        }
        for i in (0..n).rev() {
            let dot: f64 = (i + 1..n).map(|k| a[k * n + i] * b[k]).sum();
            b[i] = (b[i] - dot) / a[i * n + i];
        }
        Some(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y = 3 + 2x has one answer; the ridge is too small to matter.
    #[test]
    fn a_line_is_found() {
        let mut sums = Sums::new(2);
        (0..10).map(f64::from).for_each(|x| sums.add([1.0, x].into_iter(), 3.0 + 2.0 * x));
        let b = sums.solve(1e-12).unwrap();
        assert!((b[0] - 3.0).abs() < 1e-4 && (b[1] - 2.0).abs() < 1e-4, "{b:?}");
    }

    #[test]
    fn a_wave_is_continued() {
        let wave = |t: usize| 10.0 + (t as f64 * std::f64::consts::TAU / 12.0).sin();
        let values: Vec<f64> = (0..240).map(wave).collect();
        let fits = fit(&values, &[200, 240], &[1e-9], |_| 24, &[12]);
        for (k, v) in fits[0].1[1].iter().enumerate() {
            assert!((v - wave(240 + k)).abs() < 1e-3);
        }
    }
}
