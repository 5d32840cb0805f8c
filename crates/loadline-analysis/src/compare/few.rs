//! A side of a single run, so that the scatter hardly tells the noise between runs.
//!
//! What runs of the same thing usually differ by is assumed, large enough for most machines, so that only what is plain is
//! called. It weighs as much as [`ASSUMED_FREE`] degrees of freedom, and what scatter the runs have adds its own (a
//! moderated variance: Smyth, *Statistical Applications in Genetics and Molecular Biology* 3, 2004). A second run can so
//! only add to what is known.

use super::shift::Shift;

/// What runs of the same thing are taken to differ by where nothing tells, as a fraction: fresh machines in the cloud
/// differ by more in one case of several, one machine by a third of it.
pub(super) const BETWEEN_RUNS: f64 = 0.05;
/// The weight of that: few degrees of freedom mean wide tails.
const ASSUMED_FREE: f64 = 4.0;

/// A run's figure, and how far it may be off from the noise within the run alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// The logarithm.
    pub(super) value: f64,
    /// Its standard error.
    pub(super) within: f64,
}

/// The shift between the runs of the base and those of the candidate, at least one each.
pub(super) fn estimate(base: &[Run], candidate: &[Run]) -> Option<Shift> {
    let mean = |runs: &[Run]| runs.iter().map(|run| run.value).sum::<f64>() / runs.len() as f64;
    let scatter = |runs: &[Run]| runs.iter().map(|run| (run.value - mean(runs)).powi(2)).sum::<f64>();
    let runs = (base.len() + candidate.len()) as f64;
    let within = base.iter().chain(candidate).map(|run| run.within.powi(2)).sum::<f64>() / runs;
    let free = ASSUMED_FREE + runs - 2.0;
    let assumed = ASSUMED_FREE * (BETWEEN_RUNS.powi(2) + within);
    let variance = (assumed + scatter(base) + scatter(candidate)) / free;
    let error = (variance * (1.0 / base.len() as f64 + 1.0 / candidate.len() as f64)).sqrt();
    Shift::known(mean(candidate) - mean(base), error, free)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(values: &[f64]) -> Vec<Run> {
        values.iter().map(|value| Run { value: *value, within: 0.01 }).collect()
    }

    /// By hand: one run a side has the variance 2 · (0.05² + 0.01²) and t with 4 degrees of freedom, whose quantile 0.975
    /// is 2.776445. Of two and two that lie 0.2 apart it is (4 · 0.0026 + 2 · 0.02)/6, the quantile with 6 is 2.446912.
    #[test]
    fn what_is_assumed_weighs_as_four_degrees() {
        let one = estimate(&runs(&[0.0]), &runs(&[0.3])).unwrap();
        assert!((one.quantile(0.975) - 0.3 - 2.776445 * 0.0052f64.sqrt()).abs() < 1e-6);
        let two = estimate(&runs(&[0.0, 0.2]), &runs(&[0.3, 0.5])).unwrap();
        assert!((two.quantile(0.975) - 0.3 - 2.446912 * (0.0504f64 / 6.0).sqrt()).abs() < 1e-6);
    }
}
