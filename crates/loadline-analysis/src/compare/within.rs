//! How far off a run's figures may be from the noise within it, from its own blocks.
//!
//! The standard error of a figure is that of the mean over the blocks, on a logarithmic scale, widened for what lasts
//! from one block to the next (an autoregression of the first order: (1 + ρ)/(1 − ρ) on the variance). It says nothing
//! of the noise between runs.

use std::collections::BTreeMap;

use loadline_model::baseline::Block;
use loadline_model::histogram::quantile_ms;
use loadline_model::run_table::Figure;
use statrs::distribution::{ContinuousCDF, Normal};

use super::robust::{median, scale};
use crate::latency::too_few_samples;

/// Fewer blocks say nothing of their noise.
const BLOCKS_MIN: usize = 5;
/// The mean of so many blocks is never sharper than this for what lasts between them.
const LASTING_MAX: f64 = 0.9;

/// How blocks become a figure.
type Of = fn(&Block) -> Option<f64>;

const FIGURES: [(&str, Option<f64>, Of); 6] = [
    ("p50_ms", Some(0.5), |block| quantile_ms(&block.response, 0.5)),
    ("p90_ms", Some(0.9), |block| quantile_ms(&block.response, 0.9)),
    ("p95_ms", Some(0.95), |block| quantile_ms(&block.response, 0.95)),
    ("p99_ms", Some(0.99), |block| quantile_ms(&block.response, 0.99)),
    ("mean_ms", None, |block| (block.requests > 0).then(|| block.response.mean() / 1e3)),
    ("throughput_per_s", None, |block| Some((block.requests - block.failed) as f64 / block.seconds as f64)),
];

/// The standard errors of the logarithms of a run's figures, of those that enough blocks tell.
pub fn errors_within(blocks: &[Block]) -> BTreeMap<Figure, f64> {
    let error = |(name, quantile, of): &(&str, Option<f64>, Of)| {
        let values: Option<Vec<f64>> = with_enough(blocks, *quantile)?
            .iter()
            .map(|block| of(block).filter(|value| *value > 0.0).map(f64::ln))
            .collect();
        Some((Figure::of_all(*name), standard_error(&values?)?))
    };
    FIGURES.iter().filter_map(error).collect()
}

/// The standard error of the logarithm of a figure that is known by its interval, log-normal as it is taken to be;
/// `None` for one that is no interval of a positive figure.
pub fn error_of_interval(low: f64, high: f64, confidence: f64) -> Option<f64> {
    let good = low > 0.0 && high >= low && high.is_finite() && (0.0..1.0).contains(&confidence);
    good.then(|| (high / low).ln() / (2.0 * Normal::standard().inverse_cdf(0.5 + 0.5 * confidence)))
}

/// The blocks, as many neighbours taken together as it takes for each to tell the quantile.
fn with_enough(blocks: &[Block], quantile: Option<f64>) -> Option<Vec<Block>> {
    let enough = |block: &Block| quantile.is_none_or(|q| !too_few_samples(block.requests, q));
    (1..=blocks.len() / BLOCKS_MIN).find_map(|together| {
        let joined: Vec<Block> = blocks.chunks_exact(together).map(Block::sum).collect();
        joined.iter().all(enough).then_some(joined)
    })
}

fn standard_error(values: &[f64]) -> Option<f64> {
    if values.len() < BLOCKS_MIN {
        return None;
    }
    let middle = median(values);
    let residuals: Vec<f64> = values.iter().map(|value| value - middle).collect();
    let squares: f64 = residuals.iter().map(|r| r * r).sum();
    let together: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let lasting = if squares > 0.0 { (together / squares).clamp(0.0, LASTING_MAX) } else { 0.0 };
    let variance = scale(&residuals).powi(2) / values.len() as f64;
    Some((variance * (1.0 + lasting) / (1.0 - lasting)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_that_lasts_widens_the_error() {
        let alternating: Vec<f64> = (0..20).map(|at| if at % 2 == 0 { 0.1 } else { -0.1 }).collect();
        let lasting: Vec<f64> = (0..20).map(|at| if at < 10 { 0.1 } else { -0.1 }).collect();
        let (quick, slow) = (standard_error(&alternating).unwrap(), standard_error(&lasting).unwrap());
        // 0.1 · 1.4826 / √20 for independent blocks.
        assert!((quick - 0.1 * 1.4826 / 20f64.sqrt()).abs() < 1e-9, "{quick}");
        assert!(slow > 3.0 * quick);
        assert_eq!(standard_error(&[1.0; 4]), None);
    }
}
