//! The figures of one histogram, each labelled where it rests on too few samples.

use loadline_model::histogram::{Histogram, quantile_ms};
use loadline_model::run::Latency;

/// A quantile needs this many samples beyond it to be a figure.
pub const SAMPLES_BEYOND_MIN: f64 = 10.0;

/// Whether quantile `q` of `samples` values rests on fewer than [`SAMPLES_BEYOND_MIN`] beyond it.
pub fn too_few_samples(samples: u64, q: f64) -> bool {
    // Half a sample of slack: 1 − 0.9 is a little less than a tenth in binary.
    samples as f64 * (1.0 - q) < SAMPLES_BEYOND_MIN - 1e-6
}

/// Quantiles, mean and maximum in milliseconds; all `None` without samples.
pub fn latency(histogram: &Histogram) -> Latency {
    let fields = [
        ("p50_ms", 0.5),
        ("p90_ms", 0.9),
        ("p95_ms", 0.95),
        ("p99_ms", 0.99),
        ("p999_ms", 0.999),
        ("p9999_ms", 0.9999),
    ];
    let [p50_ms, p90_ms, p95_ms, p99_ms, p999_ms, p9999_ms] = fields.map(|(_, q)| quantile_ms(histogram, q));
    let some = !histogram.is_empty();
    let doubtful = fields.iter().filter(|(_, q)| some && too_few_samples(histogram.len(), *q));
    Latency {
        p50_ms,
        p90_ms,
        p95_ms,
        p99_ms,
        p999_ms,
        p9999_ms,
        max_ms: some.then(|| histogram.max() as f64 / 1e3),
        mean_ms: some.then(|| histogram.mean() / 1e3),
        too_few_samples: doubtful.map(|(name, _)| (*name).to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use loadline_model::histogram;

    use super::*;

    #[test]
    fn ten_samples_have_to_lie_beyond_a_quantile() {
        assert!(too_few_samples(19, 0.5) && !too_few_samples(20, 0.5));
        assert!(too_few_samples(99, 0.9) && !too_few_samples(100, 0.9));
        assert!(too_few_samples(9_999, 0.999) && !too_few_samples(10_000, 0.999));
    }

    #[test]
    fn figures_of_a_known_set_are_within_the_histograms_resolution() {
        let mut h = histogram::new();
        for us in 1..=100_000u64 {
            h.record(us).unwrap();
        }
        let found = latency(&h);
        for (got, truth) in
            [(found.p50_ms, 50.0), (found.p99_ms, 99.0), (found.p9999_ms, 99.99), (found.mean_ms, 50.0)]
        {
            let got = got.unwrap();
            assert!((got / truth - 1.0).abs() < 1e-3, "{got} is not {truth}");
        }
        assert_eq!(found.max_ms, Some(h.max() as f64 / 1e3));
        assert!(found.too_few_samples.is_empty(), "{:?}", found.too_few_samples);
    }

    #[test]
    fn nothing_measured_is_null_not_zero() {
        assert_eq!(latency(&histogram::new()), Latency::default());
    }
}
