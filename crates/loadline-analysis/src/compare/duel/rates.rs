//! Error rates of a duel and what they can differ by, request by request.
//!
//! The interval of a rate is that of Robbins' mixture (*Annals of Mathematical Statistics* 41, 1970) over a Beta(½, ½): it
//! holds at all times together, where requests fail or not each for itself.

use statrs::function::beta::ln_beta;

use super::block::Tally;
use crate::compare::none::ERROR_RATE_MARGIN;

/// The most times the requests there are that a duel is asked to go on for.
const MUCH_LONGER: f64 = 64.0;

/// Failed requests and all requests of base and candidate, which have some.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    counts: [[u64; 2]; 2],
}

impl Rates {
    /// Of the totals of both sides; `None` where a side has no request.
    pub(super) fn of(totals: &[Tally; 2]) -> Option<Rates> {
        let counts = [&totals[0], &totals[1]].map(|side| [side.failed, side.requests]);
        counts.iter().all(|[_, requests]| *requests > 0).then_some(Rates { counts })
    }

    /// The rates that were seen.
    pub(super) fn seen(&self) -> [f64; 2] {
        self.counts.map(|[failed, requests]| failed as f64 / requests as f64)
    }

    /// The largest difference that does not matter.
    pub(super) fn margin(&self, tolerance: f64) -> f64 {
        ERROR_RATE_MARGIN.max(tolerance * self.seen()[0])
    }

    /// The interval of candidate less base: from the ends of both sides' own, each at half the risk.
    pub(super) fn difference(&self, confidence: f64) -> [f64; 2] {
        let [base, candidate] = self.each(confidence);
        [candidate[0] - base[1], candidate[1] - base[0]]
    }

    /// The same where the ratio of candidate to base, at the same confidence, is known to lie between two ends as well: of a candidate's rate `c`
    /// at least `low` times the base's, `c (1 − 1/low)` at least is not the base's. Either may be wrong, so that both hold
    /// together with one less twice the risk at worst; the rates' own ends are of requests that fail each for itself.
    pub(super) fn difference_within(&self, ends: [Option<f64>; 2], confidence: f64) -> [f64; 2] {
        let [low, high] = self.difference(confidence);
        let [base, candidate] = self.each(confidence);
        let beyond = ends[0].filter(|ratio| *ratio > 1.0).map(|ratio| candidate[0] * (1.0 - ratio.recip()));
        let below = ends[1].filter(|ratio| *ratio < 1.0).map(|ratio| base[0] * (ratio - 1.0));
        [beyond.map_or(low, |beyond| low.max(beyond)), below.map_or(high, |below| high.min(below))]
    }

    /// Whether it is shown that the rates differ by less than the margin.
    pub(super) fn differ_by_less(&self, margin: f64, confidence: f64) -> bool {
        let [low, high] = self.difference(confidence);
        low > -margin && high < margin
    }

    /// How many times the requests, errors in the same shares, show that the rates differ by less than the margin.
    pub(super) fn times_until_within(&self, margin: f64, confidence: f64) -> Option<f64> {
        let within = |times: f64| {
            let counts = self.counts.map(|both| both.map(|count| (count as f64 * times) as u64));
            Rates { counts }.differ_by_less(margin, confidence)
        };
        let (mut inside, mut outside) = (MUCH_LONGER, 1.0);
        if !within(inside) {
            return None;
        }
        for _ in 0..20 {
            let between = 0.5 * (inside + outside);
            if within(between) { inside = between } else { outside = between }
        }
        Some(inside)
    }

    fn each(&self, confidence: f64) -> [[f64; 2]; 2] {
        let each = 1.0 - (1.0 - confidence) / 2.0;
        self.counts.map(|[failed, requests]| rate_interval(failed, requests, each))
    }
}

/// The interval of a rate after `failed` of `requests`, at all times together; needs at least one request.
fn rate_interval(failed: u64, requests: u64, confidence: f64) -> [f64; 2] {
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

    /// Five of 1,000 against none: the plain interval holds 0; a ratio of at least 4 leaves three quarters of the least
    /// rate of the candidate.
    #[test]
    fn a_known_ratio_narrows_the_difference() {
        let rates = Rates { counts: [[0, 1000], [5, 1000]] };
        let [low, high] = rates.difference(0.99);
        assert!(low < 0.0 && high > 0.005);
        let [narrowed, same] = rates.difference_within([Some(4.0), None], 0.99);
        let least = rate_interval(5, 1000, 0.995)[0];
        assert!((narrowed - 0.75 * least).abs() < 1e-12 && narrowed > 0.0 && same == high);
    }
}
