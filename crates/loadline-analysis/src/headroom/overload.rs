//! What demand above capacity does to an error budget.

use super::Capacity;

/// What a budget of errors stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// The share of requests that may fail.
    pub share: f64,
    /// Steps that a budget lasts.
    pub steps: usize,
}

/// What overload does to a budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overload {
    /// The share of the first budget that overload is expected to eat.
    pub eaten: f64,
    /// The probability that it eats all of it.
    pub overdrawn: f64,
    /// The share of a budget eaten over the worst stretch of as many steps.
    pub worst: f64,
    /// The first step of that stretch.
    pub worst_from: usize,
}

/// The mean demand above `capacity` within one sampling interval of mean `demand`, whose short peaks are `burst` times
/// the mean.
///
/// Within the interval demand is taken to be evenly spread between `(2 − burst)` and `burst` times its mean, so that
/// the mean is kept, which is a choice for want of finer data (above a burst of 2: between 0 and `burst`, for `2 / burst` of the time). With the ends `a < b` the
/// excess is `∫ max(0, x − C) dx / (b − a)` = `(b − C)² / (2 (b − a))` for `a < C < b`.
pub fn excess(demand: f64, capacity: f64, burst: f64) -> f64 {
    let (low, high) = ((2.0 - burst).max(0.0) * demand, burst * demand);
    let busy = (2.0 / burst).min(1.0);
    if capacity >= high {
        0.0
    } else if capacity <= low || high - low <= 0.0 {
        busy * ((low + high) / 2.0 - capacity)
    } else {
        busy * (high - capacity).powi(2) / (2.0 * (high - low))
    }
}

/// Sets `paths` of demand against all `instances` of a `capacity` each: nothing is held back and nothing lost, since an
/// error budget pays for what fails, not for what a policy forbids. What is above capacity fails; nothing is made up
/// for later.
///
/// An error budget is `1 − availability` of the requests of a period (Beyer et al. 2016, Site Reliability Engineering,
/// chapters 3 and 4). Over the window W the share eaten is `E[Σ excess] / E[Σ demand] / budget.share`, the expectations
/// over all paths: failed requests over all requests, over those that may fail. `overdrawn` is the share of paths with
/// `Σ excess > budget.share × Σ demand`. That all above capacity fails is the fluid approximation (Newell
/// 1982, Applications of Queueing Theory, second edition, chapter 2) of a system in which nobody waits for as long as a step.
pub fn overload(
    paths: &[Vec<f64>],
    capacity: &Capacity,
    instances: u32,
    burst: f64,
    budget: &Budget,
) -> Overload {
    let steps = paths[0].len();
    let window = budget.steps.clamp(1, steps);
    let (mut excesses, mut totals) = (vec![0.0; steps], vec![0.0; steps]);
    let mut overdrawn = 0usize;
    for (index, path) in paths.iter().enumerate() {
        let all = capacity.draw(index) * f64::from(instances);
        let (mut failed, mut came) = (0.0, 0.0);
        for (t, demand) in path.iter().map(|d| d.max(0.0)).enumerate() {
            let above = excess(demand, all, burst);
            excesses[t] += above;
            totals[t] += demand;
            if t < window {
                failed += above;
                came += demand;
            }
        }
        overdrawn += usize::from(failed > budget.share * came);
    }
    let eaten = |from: usize| {
        let sum = |values: &[f64]| values[from..from + window].iter().sum::<f64>();
        let total = sum(&totals);
        if total > 0.0 { sum(&excesses) / total / budget.share } else { 0.0 }
    };
    let worst_from =
        (0..=steps - window).fold(0, |worst, from| if eaten(from) > eaten(worst) { from } else { worst });
    Overload {
        eaten: eaten(0),
        overdrawn: overdrawn as f64 / paths.len() as f64,
        worst: eaten(worst_from),
        worst_from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The closed form against the integral in small steps.
    #[test]
    fn the_excess_is_the_integral() {
        for (capacity, burst) in
            [(80.0, 1.5), (100.0, 1.5), (120.0, 1.2), (30.0, 3.0), (250.0, 3.0), (40.0, 1.5)]
        {
            let (low, high) = ((2.0f64 - burst).max(0.0) * 100.0, burst * 100.0);
            let busy = (2.0 / burst).min(1.0);
            let n = 100_000;
            let at = |i: usize| low + (high - low) * (i as f64 + 0.5) / n as f64;
            let sum: f64 = (0..n).map(|i| (at(i) - capacity).max(0.0)).sum::<f64>() / n as f64 * busy;
            let found = excess(100.0, capacity, burst);
            assert!((found - sum).abs() < 1e-6 * sum.max(1.0), "{capacity} {burst}: {found} {sum}");
        }
        assert_eq!(excess(100.0, 80.0, 1.0), 20.0);
        assert_eq!(excess(100.0, 100.0, 1.0), 0.0);
    }

    #[test]
    fn budgets_by_hand() {
        // Ten steps of 100, of which the last two are 110 against 100: 20 of 1,020 fail.
        let path: Vec<f64> = (0..10).map(|t| if t < 8 { 100.0 } else { 110.0 }).collect();
        let budget = Budget { share: 0.01, steps: 5 };
        let found = overload(&vec![path; 4], &Capacity::exact(50.0), 2, 1.0, &budget);
        assert_eq!((found.eaten, found.overdrawn, found.worst_from), (0.0, 0.0, 5));
        assert!((found.worst - 20.0 / 520.0 / 0.01).abs() < 1e-9, "{found:?}");
    }
}
