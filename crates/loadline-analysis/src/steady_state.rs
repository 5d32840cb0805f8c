//! When a run has settled, and how sure its percentiles are although neighbouring requests are alike.

use statrs::distribution::{Beta, ContinuousCDF, StudentsT};

use crate::latency::SAMPLES_BEYOND_MIN;
use crate::search::interval::Values;

/// Fewer intervals than this say nothing about settling.
const FEWEST_INTERVALS: usize = 8;
/// With fewer degrees of freedom than this Student's t says hardly anything.
const FEWEST_FREEDOM: f64 = 5.0;
/// Batches over which the variance of a share is estimated.
const BATCHES: usize = 60;

/// Whether a run settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settling {
    /// It had, from this interval on.
    From(usize),
    /// It never did: the figures of its intervals still drift.
    Never,
    /// There are too few intervals to tell.
    Unknown,
}

/// Finds the end of the warm-up in the figures of equal intervals: MSER-5 (K. P. White, Simulation 69(6), 1997),
/// the cut that minimises the standard error of the mean of what is left, in batches of five (of fewer where
/// there are few). What is left has to be free of drift: the means of its two halves differ by less than 3.5
/// standard errors, taken from batch means.
pub fn settling(figures: &[f64]) -> Settling {
    if figures.len() < FEWEST_INTERVALS {
        return Settling::Unknown;
    }
    let size = (figures.len() / 20).clamp(1, 5);
    let batches: Vec<f64> = figures.chunks_exact(size).map(mean).collect();
    let score = |cut: usize| {
        let rest = &batches[cut..];
        let centre = mean(rest);
        rest.iter().map(|b| (b - centre).powi(2)).sum::<f64>() / (rest.len() as f64).powi(2)
    };
    let cut = (0..=batches.len() / 2).min_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap_or(0);
    // Where the part to cut is like the rest, cutting would only pick the figures that please.
    let cut = if cut > 0 && apart(&batches[..cut], &batches[cut..]) { cut } else { 0 };
    if drifts(&batches[cut..]) { Settling::Never } else { Settling::From(cut * size) }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Whether a beginning lies apart from the rest by three standard errors of a mean of its length.
fn apart(beginning: &[f64], rest: &[f64]) -> bool {
    let size = beginning.len().min(rest.len() / 4).max(1);
    let means: Vec<f64> = rest.chunks_exact(size).map(mean).collect();
    let centre = mean(rest);
    let variance =
        means.iter().map(|m| (m - centre).powi(2)).sum::<f64>() / (means.len() as f64 - 1.0).max(1.0);
    (mean(beginning) - centre).powi(2) > 9.0 * variance
}

/// Whether the second half lies apart from the first, by the spread of means of longer batches.
fn drifts(values: &[f64]) -> bool {
    let size = (values.len() / 8).max(1);
    let batches: Vec<f64> = values.chunks_exact(size).map(mean).collect();
    if batches.len() < 4 {
        return false;
    }
    let (first, second) = batches.split_at(batches.len() / 2);
    let squares = |half: &[f64]| {
        let centre = mean(half);
        half.iter().map(|b| (b - centre).powi(2)).sum::<f64>()
    };
    let variance = (squares(first) + squares(second)) / (batches.len() - 2) as f64;
    let error = (variance * (1.0 / first.len() as f64 + 1.0 / second.len() as f64)).sqrt();
    (mean(second) - mean(first)).abs() > 3.5 * error.max(1e-9 * mean(first).abs())
}

/// A ratio of sums over consecutive intervals, with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The ratio.
    pub value: f64,
    /// Its standard error, autocorrelation considered.
    pub error: f64,
    /// Degrees of freedom of the error.
    pub freedom: f64,
}

impl Ratio {
    /// Its interval by Student's t; not below 0.
    pub fn interval(&self, confidence: f64) -> (f64, f64) {
        let t = StudentsT::new(0.0, 1.0, self.freedom)
            .map_or(f64::INFINITY, |t| t.inverse_cdf(0.5 + 0.5 * confidence));
        let width = t * self.error;
        ((self.value - width).max(0.0), self.value + width)
    }
}

/// A share of requests with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// The share.
    pub value: f64,
    /// Its standard error, autocorrelation between requests considered.
    pub error: f64,
    /// Independent requests that would be as informative.
    pub effective_samples: f64,
    /// Degrees of freedom of the error.
    pub freedom: f64,
}

impl Share {
    /// Without the number of samples.
    pub fn ratio(self) -> Ratio {
        Ratio { value: self.value, error: self.error, freedom: self.freedom }
    }
}

/// The share of requests that are `(hits, requests)` in consecutive intervals; see [`ratio`]. Requests never know
/// more than if they were independent, nor is a share of 0 known without error.
pub fn share(intervals: &[(f64, f64)]) -> Option<Share> {
    let (hits, requests) = intervals.iter().fold((0.0, 0.0), |sum, i| (sum.0 + i.0, sum.1 + i.1));
    let share = hits / requests;
    let independent = (share * (1.0 - share)).max(1.0 / (requests + 2.0)) / requests;
    let Ratio { value, error, freedom } = ratio(intervals, independent)?;
    Some(Share { value, error, effective_samples: requests * independent / (error * error), freedom })
}

/// The ratio of the sums of `(numerator, denominator)` over consecutive intervals. Its error comes from the sums of
/// the numerators minus what the ratio would give, interval by interval, and their autocovariances as far as pairs
/// of them are positive (C. J. Geyer's initial sequence, Statistical Science 7(4), 1992); its square is never less
/// than `variance_least`. `None` with fewer than two intervals that have a denominator.
pub fn ratio(intervals: &[(f64, f64)], variance_least: f64) -> Option<Ratio> {
    let sum = |part: &[(f64, f64)]| part.iter().fold((0.0, 0.0), |sum, i| (sum.0 + i.0, sum.1 + i.1));
    let (numerator, denominator) = sum(intervals);
    let size = intervals.len().div_ceil(BATCHES).max(1);
    let batches: Vec<(f64, f64)> = intervals.chunks(size).map(sum).filter(|batch| batch.1 > 0.0).collect();
    if batches.len() < 2 {
        return None;
    }
    let (count, value) = (batches.len() as f64, numerator / denominator);
    let excess: Vec<f64> = batches.iter().map(|(above, below)| above - value * below).collect();
    let covariance = |lag: usize| excess.iter().zip(&excess[lag..]).map(|(a, b)| a * b).sum::<f64>();
    let mut squares = -covariance(0);
    let mut lag = 0;
    while lag == 0 || lag + 1 < batches.len() / 3 {
        let pair = covariance(lag) + if lag + 1 < batches.len() { covariance(lag + 1) } else { 0.0 };
        if pair <= 0.0 {
            break;
        }
        squares += 2.0 * pair;
        lag += 2;
    }
    // Taking the mean out hides part of the covariance; what is left are this many independent stretches.
    let stretches = (count / lag.max(1) as f64).max(2.0);
    let squares = squares.max(covariance(0)) * stretches / (stretches - 1.0);
    let variance = (squares / (denominator * denominator)).max(variance_least);
    Some(Ratio { value, error: variance.sqrt(), freedom: stretches - 1.0 })
}

/// A quantile with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// In milliseconds.
    pub value_ms: f64,
    /// The lower end.
    pub low_ms: f64,
    /// The upper end; infinite where all samples may lie below the quantile.
    pub high_ms: f64,
    /// Standard error of the logarithm of the value.
    pub log_error: f64,
    /// Fewer than ten effective samples lie beyond it.
    pub too_few_samples: bool,
}

/// Quantile `q` of consecutive intervals together. Its interval inverts that of the share of requests beyond it
/// (on the scale of its logit), see [`share`]; with few intervals that of an order statistic by the binomial law, of as
/// many requests as are independent. It never reaches across the median: with so few requests it is not known. Nor has it an
/// upper end where all of them lie below the quantile more often than the interval may miss it. `None` without requests, or
/// with fewer than two intervals that have any.
pub fn quantile(intervals: &[&Values], q: f64, confidence: f64) -> Option<Quantile> {
    let all = Values::merged(intervals.iter().copied());
    let value = all.quantile(q);
    let beyond = |values: &&Values| (values.beyond(value as f64) as f64, values.len() as f64);
    let counts: Vec<(f64, f64)> = intervals.iter().map(beyond).collect();
    let share = share(&counts)?;
    let t = StudentsT::new(0.0, 1.0, share.freedom).ok()?;
    let logit_error = share.error / (q * (1.0 - q));
    let at = |logits: f64| {
        let logit = (q / (1.0 - q)).ln() + logits;
        all.quantile(1.0 / (1.0 + (-logit).exp())).max(1) as f64 / 1e3
    };
    let width = logit_error * t.inverse_cdf(0.5 + 0.5 * confidence);
    let tail = 0.5 - 0.5 * confidence;
    let (low, high) = match share.freedom {
        few if few < FEWEST_FREEDOM => {
            let (low, high) = order_statistics(share.effective_samples, q, tail);
            let at_share = |share: f64| all.quantile(share).max(1) as f64 / 1e3;
            (at_share(low), at_share(high))
        }
        _ => (at(-width), at(width)),
    };
    let median = all.quantile(0.5).max(1) as f64 / 1e3;
    let (low, high) = if q < 0.5 { (low, high.min(median)) } else { (low.max(median), high) };
    let all_below = q.powf(share.effective_samples.max(1.0));
    let high = if q >= 0.5 && all_below > tail { f64::INFINITY } else { high };
    // One standard error either way gives the error of the logarithm; t's heavier tails are kept in it.
    let one = logit_error * t.inverse_cdf(0.841_344_746);
    Some(Quantile {
        value_ms: value.max(1) as f64 / 1e3,
        low_ms: low,
        high_ms: high,
        log_error: 0.5 * (at(one) / at(-one)).ln(),
        too_few_samples: share.effective_samples * (1.0 - q) < SAMPLES_BEYOND_MIN,
    })
}

/// The shares of `samples` independent values between which quantile `q` lies, by C. J. Clopper and E. S. Pearson
/// (Biometrika 26(4), 1934), `tail` of the probability on either side.
fn order_statistics(samples: f64, q: f64, tail: f64) -> (f64, f64) {
    let (below, beyond) = (samples * q, samples * (1.0 - q));
    let edge = |a: f64, b: f64, p: f64| Beta::new(a, b).map_or(q, |beta| beta.inverse_cdf(p));
    (edge(below, beyond + 1.0, tail), edge(below + 1.0, beyond, 1.0 - tail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::Random;

    #[test]
    fn cuts_the_warm_up_off() {
        let mut random = Random::new(3);
        let figures: Vec<f64> =
            (0..120).map(|k| 10.0 + 8.0 * (-f64::from(k) / 6.0).exp() + 0.3 * random.normal()).collect();
        let Settling::From(cut) = settling(&figures) else { panic!("it settled") };
        assert!((8..40).contains(&cut), "{cut}");
    }

    #[test]
    fn a_growing_backlog_never_settles() {
        let mut random = Random::new(4);
        let figures: Vec<f64> = (0..60).map(|k| 10.0 + f64::from(k) + random.normal()).collect();
        assert_eq!(settling(&figures), Settling::Never);
        assert_eq!(settling(&figures[..5]), Settling::Unknown);
    }

    /// A first-order autoregression with coefficient φ has (1 + φ)/(1 − φ) times the variance of the mean.
    #[test]
    fn the_error_of_a_share_respects_autocorrelation() {
        let mut random = Random::new(5);
        let (mut covered, rounds) = (0, 300);
        for _ in 0..rounds {
            let mut state = 0.0;
            let intervals: Vec<(f64, f64)> = (0..300)
                .map(|_| {
                    state = 0.6 * state + 0.8 * random.normal();
                    (f64::from(u8::from(state > 0.0)) * 10.0, 10.0)
                })
                .collect();
            let share = share(&intervals).unwrap();
            let t = StudentsT::new(0.0, 1.0, share.freedom).unwrap().inverse_cdf(0.95);
            covered += u32::from((share.value - 0.5).abs() < t * share.error);
        }
        let coverage = f64::from(covered) / f64::from(rounds);
        assert!((0.85..0.95).contains(&coverage), "{coverage} for 0.9");
    }

    fn exponential_seconds(random: &mut Random, seconds: usize, requests: usize) -> Vec<Values> {
        let value = |random: &mut Random| ((-1e4 * random.uniform().ln()) as u64 + 1, 1);
        (0..seconds).map(|_| (0..requests).map(|_| value(random)).collect()).collect()
    }

    /// All of 60 values lie below the p99 more often than not: the interval has no upper end then, and holds it.
    #[test]
    fn a_quantile_beyond_the_samples_has_no_upper_end() {
        let mut random = Random::new(11);
        let covered = (0..400).filter(|_| {
            let seconds = exponential_seconds(&mut random, 6, 10);
            let quantile = quantile(&seconds.iter().collect::<Vec<_>>(), 0.99, 0.9).unwrap();
            assert!(quantile.high_ms.is_infinite() && quantile.value_ms.is_finite());
            quantile.low_ms < 46.05
        });
        // One-sided: 95 in a hundred.
        assert!(covered.count() >= 360);
        let many = exponential_seconds(&mut random, 6, 200);
        assert!(quantile(&many.iter().collect::<Vec<_>>(), 0.99, 0.9).unwrap().high_ms.is_finite());
    }

    /// Of 10 ms exponential the p99 is 46.05 ms. Two seconds leave t one degree of freedom: an interval down to the
    /// quickest request, as if a percentile could lie below the median.
    #[test]
    fn few_seconds_keep_the_order_of_percentiles_and_hold_the_truth() {
        let mut random = Random::new(6);
        for (seconds, requests) in [(2, 500), (3, 1_000), (2, 30)] {
            let (mut covered, rounds) = (0, 200);
            for _ in 0..rounds {
                let values = exponential_seconds(&mut random, seconds, requests);
                let p99 = quantile(&values.iter().collect::<Vec<_>>(), 0.99, 0.9).unwrap();
                let median = Values::merged(&values).quantile(0.5) as f64 / 1e3;
                assert!(p99.low_ms >= median && p99.high_ms >= p99.value_ms, "{p99:?} about {median}");
                assert!(p99.low_ms <= p99.value_ms, "{p99:?}");
                if requests >= 500 {
                    assert!(p99.low_ms > 2.0 * median, "{p99:?}: an interval that says nothing");
                }
                covered += u32::from(p99.low_ms <= 46.05 && 46.05 <= p99.high_ms);
            }
            assert!(requests < 100 || covered >= 165, "{covered} of {rounds} for {seconds} s");
        }
    }
}
