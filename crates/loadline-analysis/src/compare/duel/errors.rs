//! Failed requests of a duel: mostly none, often in bursts.
//!
//! Whether one side fails more is asked block by block: where the builds are equal, a burst of errors is as likely to
//! hit either, however many requests it spoils. How large the rates can be is asked request by request, with Robbins'
//! mixture (*Annals of Mathematical Statistics* 41, 1970) over a Beta(½, ½), whose interval holds at all times together.

use statrs::function::beta::ln_beta;

use super::super::sequential::Bets;

/// Counts of failed requests, block after block.
#[derive(Debug, Clone, Default)]
pub(super) struct ErrorCounts {
    bets: Bets,
}

impl ErrorCounts {
    /// Adds a block's failed requests of base and candidate.
    pub(super) fn push(&mut self, [base, candidate]: [u64; 2]) {
        if base + candidate > 0 {
            self.bets.place((candidate as f64 - base as f64) / (candidate + base) as f64);
        }
    }

    /// The logarithm of the evidence against both sides failing alike.
    pub(super) fn log_evidence(&self) -> f64 {
        self.bets.log_wealth()
    }
}

/// The interval of a rate after `failed` of `requests`, at all times together; needs at least one request.
pub(super) fn rate_interval(failed: u64, requests: u64, confidence: f64) -> [f64; 2] {
    let (k, n) = (failed as f64, requests as f64);
    let limit = -(1.0 - confidence).ln();
    let mixed = ln_beta(k + 0.5, n - k + 0.5) - ln_beta(0.5, 0.5);
    // 0·ln 0 is 0 here.
    let times_ln = |count: f64, p: f64| if count == 0.0 { 0.0 } else { count * p.ln() };
    let evidence = |p: f64| mixed - times_ln(k, p) - times_ln(n - k, 1.0 - p);
    let observed = k / n;
    let edge = |mut outside: f64| {
        if evidence(outside) < limit {
            return outside;
        }
        let mut inside = observed;
        for _ in 0..60 {
            let between = 0.5 * (inside + outside);
            if evidence(between) < limit { inside = between } else { outside = between }
        }
        outside
    };
    [if failed == 0 { 0.0 } else { edge(0.0) }, if failed == requests { 1.0 } else { edge(1.0) }]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without failures the mixture is a product of Wallis: B(½, n + ½)/B(½, ½) is about 1/√(πn), so that the end is
    /// where (1 − p)ⁿ = α/√(πn).
    #[test]
    fn no_failures_still_leave_a_rate() {
        let n = 10_000u64;
        let [low, high] = rate_interval(0, n, 0.95);
        let expected = 1.0 - (0.05 / (std::f64::consts::PI * n as f64).sqrt()).powf(1.0 / n as f64);
        assert_eq!(low, 0.0);
        assert!((high / expected - 1.0).abs() < 1e-3, "{high} {expected}");
        let [low, high] = rate_interval(n, n, 0.95);
        assert!(low > 0.999 && high == 1.0);
    }

    #[test]
    fn the_interval_holds_the_rate() {
        let [low, high] = rate_interval(50, 1000, 0.99);
        assert!(low > 0.02 && low < 0.05 && high > 0.05 && high < 0.09, "{low} {high}");
    }

    /// One burst, however large, is one block.
    #[test]
    fn a_burst_is_no_evidence() {
        let mut counts = ErrorCounts::default();
        counts.push([0, 5000]);
        assert!(counts.log_evidence() < 1.0);
        (0..20).for_each(|_| counts.push([0, 1]));
        assert!(counts.log_evidence() > 100f64.ln());
    }
}
