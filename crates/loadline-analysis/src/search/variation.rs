//! How widely service times vary: the more, the larger are the clumps in which requests are late together.

use super::Step;
use super::interval::Values;

/// Steps at no more than this share of the largest load show service times with little waiting.
const LIGHT: f64 = 0.5;
/// With fewer requests they say little.
const REQUESTS_LEAST: f64 = 300.0;
/// What is considered: a service that varies less than exponentially is taken for one that does not, since what disturbs it
/// otherwise is seen at low loads rarely, and one mishap of a second does not make a tail.
const SQUARED: std::ops::RangeInclusive<f64> = 1.0..=2.0;

/// The response times of one step, by their moments.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    /// How many.
    pub count: f64,
    /// Their sum, in µs.
    pub sum: f64,
    /// The sum of their squares, in µs².
    pub squares: f64,
}

impl From<&Values> for Moments {
    fn from(values: &Values) -> Self {
        Moments { count: values.len() as f64, sum: values.sum(), squares: values.sum_of_squares() }
    }
}

/// The squared coefficient of variation of service times, by the response times of all light steps together: 1 where
/// they are exponential, and where too little is known.
pub(super) fn squared(steps: &[Step]) -> f64 {
    let largest = steps.iter().map(|step| step.load).fold(0.0, f64::max);
    let light = steps.iter().filter(|step| step.settled && step.load <= LIGHT * largest);
    let all = light.fold(Moments::default(), |all, Step { responses, .. }| Moments {
        count: all.count + responses.count,
        sum: all.sum + responses.sum,
        squares: all.squares + responses.squares,
    });
    if all.count < REQUESTS_LEAST || all.sum <= 0.0 {
        return 1.0;
    }
    (all.count * all.squares / (all.sum * all.sum) - 1.0).clamp(*SQUARED.start(), *SQUARED.end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::figure::Events;

    /// Of service times with a mean of 5 ms whose squares are so much over that of the mean, on average.
    fn step(load: f64, count: f64, squares: f64) -> Step {
        Step {
            load,
            took_s: 10.0,
            offered_per_s: load,
            completed_share: 1.0,
            score: -1.0,
            error: 0.1,
            events: Events::of_score(-1.0, 0.1),
            responses: Moments { count, sum: 5e3 * count, squares: squares * 25e6 * count },
            kept: true,
            hopeless: None,
            settled: true,
            generator_limited: false,
            confirming: false,
        }
    }

    /// E[S²]/E[S]² is 1 of constant times, 2 of exponential ones, and e^{σ²} of log-normal ones.
    #[test]
    fn laws_are_told_apart_at_light_load() {
        let of = |squares| squared(&[step(50.0, 500.0, squares), step(400.0, 4_000.0, 90.0)]);
        let near =
            |squares, variation: f64| assert!((of(squares) - variation).abs() < 1e-9, "{}", of(squares));
        near(2.0, 1.0);
        near(std::f64::consts::E, std::f64::consts::E - 1.0);
        near(1.0, 1.0);
        // One second among them: no tail.
        near(1.0 + 4e4 / 500.0, 2.0);
        assert_eq!(squared(&[step(50.0, 50.0, 3.0), step(400.0, 4_000.0, 90.0)]), 1.0);
    }
}
