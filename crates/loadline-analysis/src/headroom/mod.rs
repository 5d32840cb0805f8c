//! Headroom: joint paths of demand against the distribution of capacity.
//!
//! Both uncertainties meet path by path: each path of demand is set against one draw of the capacity, which does not
//! change along the path, since it is unknown rather than fluctuating. Peaks of sums come from sums of paths, never
//! from sums of peaks.

mod capacity;
pub mod cost;
mod overload;
mod utilisation;

pub use capacity::Capacity;
pub use loadline_model::plan::Redundancy;
pub use overload::{Budget, Overload, excess, overload};
pub use utilisation::{PerInstance, per_instance};

/// How capacity is to be planned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// The probability with which capacity has to suffice.
    pub quantile: f64,
    /// The peak within one sampling interval over its mean, at least 1.
    pub burst: f64,
    /// The share of an instance's capacity to be used, above 0, at most 1.
    pub utilisation: f64,
    /// What may be lost.
    pub redundancy: Redundancy,
    /// Steps that new instances take to come: what is needed by then is needed now. Between two steps demand is taken
    /// to run straight.
    pub lag_steps: f64,
}

impl Default for Policy {
    /// No margin, no burst, no redundancy; the median.
    fn default() -> Policy {
        Policy { quantile: 0.5, burst: 1.0, utilisation: 1.0, redundancy: Redundancy::None, lag_steps: 0.0 }
    }
}

impl Policy {
    /// Of `instances`, those that serve after the loss that is planned for.
    fn serving(&self, instances: u32) -> f64 {
        match self.redundancy {
            Redundancy::None => f64::from(instances),
            Redundancy::Spare(spare) => f64::from(instances.saturating_sub(spare)),
            Redundancy::Zones(zones) => {
                let largest = instances.div_ceil(zones.max(2));
                f64::from(instances - largest)
            }
        }
    }

    /// The instances to have where `serving` have to serve.
    fn having(&self, serving: u64) -> u64 {
        match self.redundancy {
            Redundancy::None => serving,
            Redundancy::Spare(spare) => serving + u64::from(spare),
            Redundancy::Zones(zones) => {
                let zones = u64::from(zones.max(2));
                serving.div_ceil(zones - 1) * zones
            }
        }
    }
}

/// Capacity against demand.
#[derive(Debug, Clone, PartialEq)]
pub struct Headroom {
    /// For each step, the probability that demand has been above capacity at least once by then.
    pub exceeded_by: Vec<f64>,
    /// For each step, the instances to have; `None` where that has no bound.
    pub needed: Vec<Option<u64>>,
}

/// Sets `paths` of demand (all as long as the horizon, at least one) against `instances` of a `capacity` each.
pub fn headroom(paths: &[Vec<f64>], capacity: &Capacity, instances: u32, policy: &Policy) -> Headroom {
    let steps = paths[0].len();
    let each: Vec<f64> =
        (0..paths.len()).map(|i| capacity.draw(i) * policy.utilisation / policy.burst).collect();
    let mut above = vec![0.0; steps];
    for (path, each) in paths.iter().zip(&each) {
        let usable = each * policy.serving(instances);
        if let Some(first) = path.iter().position(|d| *d > usable) {
            above[first] += 1.0;
        }
    }
    let exceeded_by = running(&above).into_iter().map(|n| n / paths.len() as f64).collect();
    let needed = (0..steps).map(|t| needed(paths, &each, t, policy)).collect();
    Headroom { exceeded_by, needed }
}

impl Headroom {
    /// The first step by which the probability of having run out is at least `p`.
    pub fn runs_out(&self, p: f64) -> Option<usize> {
        // `1 − 0.95` is not quite 0.05.
        self.exceeded_by.iter().position(|e| *e >= p - 1e-9)
    }
}

fn running(values: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    values
        .iter()
        .map(|v| {
            sum += v;
            sum
        })
        .collect()
}

/// The policy's quantile over the paths of the instances that serve the demand at `step`, with redundancy.
fn needed(paths: &[Vec<f64>], each: &[f64], step: usize, policy: &Policy) -> Option<u64> {
    let mut counts: Vec<f64> =
        paths.iter().zip(each).map(|(path, each)| highest(&path[step..], policy.lag_steps) / each).collect();
    counts.sort_unstable_by(f64::total_cmp);
    let rank = (policy.quantile * counts.len() as f64).ceil().max(1.0) as usize;
    let count = counts[rank.min(counts.len()) - 1];
    // A demand of exactly three capacities needs three.
    let serving = (count * (1.0 - 1e-12)).ceil();
    (serving < 1e12).then(|| policy.having(serving as u64))
}

/// The highest demand from now until `lag` steps ahead.
fn highest(path: &[f64], lag: f64) -> f64 {
    let whole = (lag as usize).min(path.len() - 1);
    let most = path[..=whole].iter().copied().fold(0.0, f64::max);
    match path.get(whole + 1) {
        Some(next) => most.max(path[whole] + (next - path[whole]) * lag.fract()),
        None => most,
    }
}

/// The capacity that the policy lets be used: the draw of one instance of `capacity` at `quantile`, times those that
/// serve after the loss that is planned for, times the share to be used, over the burst.
pub fn usable(capacity: &Capacity, instances: u32, policy: &Policy, quantile: f64) -> f64 {
    capacity.quantile(quantile) * policy.utilisation / policy.burst * policy.serving(instances)
}

/// `1 − demand / capacity` with the capacity that is there with the policy's quantile; `None` where that is nothing.
pub fn headroom_now(demand: f64, capacity: &Capacity, instances: u32, policy: &Policy) -> Option<f64> {
    let usable = usable(capacity, instances, policy, 1.0 - policy.quantile);
    (usable > 0.0).then(|| 1.0 - demand / usable)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A hundred paths: path i grows by i + 1 a step.
    fn fan() -> Vec<Vec<f64>> {
        (1..=100).map(|i| (1..=10).map(|t| f64::from(i * t)).collect()).collect()
    }

    #[test]
    fn probability_and_instances_by_hand() {
        let h = headroom(&fan(), &Capacity::exact(200.0), 1, &Policy::default());
        // i t > 200: at t = 2 none (100 × 2 is not above), at t = 3 from i = 67 on, at t = 10 from 21 on.
        assert_eq!((h.exceeded_by[1], h.runs_out(0.1)), (0.0, Some(2)));
        assert!((h.exceeded_by[2] - 0.34).abs() < 1e-9 && (h.exceeded_by[9] - 0.80).abs() < 1e-9);
        assert_eq!(h.runs_out(0.9), None);
        // The median path at t = 10 is 500: 2.5 capacities.
        assert_eq!(h.needed[9], Some(3));
        assert_eq!(headroom_now(150.0, &Capacity::exact(200.0), 1, &Policy::default()), Some(0.25));
    }

    #[test]
    fn policies_by_hand() {
        let flat = vec![vec![900.0; 3]; 50];
        let needed = |policy: Policy| headroom(&flat, &Capacity::exact(100.0), 12, &policy).needed[0];
        let policy = Policy::default();
        assert_eq!(needed(policy), Some(9));
        assert_eq!(needed(Policy { redundancy: Redundancy::Spare(2), ..policy }), Some(11));
        // Nine in two of three zones are five a zone.
        assert_eq!(needed(Policy { redundancy: Redundancy::Zones(3), ..policy }), Some(15));
        assert_eq!(needed(Policy { burst: 1.5, utilisation: 0.5, ..policy }), Some(27));
        // Half a step ahead of a rise from 100 to 300 there are 200.
        let rise = vec![vec![100.0, 300.0]; 5];
        let ahead =
            |lag_steps| headroom(&rise, &Capacity::exact(100.0), 1, &Policy { lag_steps, ..policy }).needed;
        assert_eq!([ahead(0.0), ahead(0.5), ahead(1.0), ahead(9.0)].map(|n| n[0]), [1, 2, 3, 3].map(Some));
        let lost = Policy { redundancy: Redundancy::Zones(3), ..policy };
        assert_eq!(headroom(&flat, &Capacity::exact(100.0), 12, &lost).exceeded_by[0], 1.0);
        assert_eq!(headroom(&flat, &Capacity::exact(100.0), 15, &lost).exceeded_by[2], 0.0);
    }

    #[test]
    fn an_uncertain_capacity_makes_an_uncertain_end() {
        // Demand grows by 1 a step past a capacity that is normal with mean 100 and deviation 10.
        let paths = vec![(60..140).map(f64::from).collect::<Vec<f64>>(); 4000];
        let h = headroom(
            &paths,
            &Capacity::interval(100.0 - 16.4485, 100.0 + 16.4485, 0.9),
            1,
            &Policy::default(),
        );
        // P(capacity < 110) is Φ(1) = 0.8413; step 50 has a demand of 110.
        assert!((h.exceeded_by[50] - 0.8413).abs() < 0.005, "{}", h.exceeded_by[50]);
        assert!((h.exceeded_by[30] - 0.1587).abs() < 0.005);
    }

    proptest! {
        /// Probabilities never fall and stay within 0 and 1; more capacity never makes them larger.
        #[test]
        fn more_is_never_worse(
            paths in prop::collection::vec(prop::collection::vec(0.0..1e6f64, 7), 1..20),
            low in 1.0..1e6f64, more in 1.0..3.0f64, instances in 1u32..9,
        ) {
            let policy = Policy::default();
            let little = headroom(&paths, &Capacity::exact(low), instances, &policy);
            let much = headroom(&paths, &Capacity::exact(low * more), instances, &policy);
            prop_assert!(little.exceeded_by.is_sorted() && little.exceeded_by.iter().all(|p| (0.0..=1.0).contains(p)));
            for t in 0..7 {
                prop_assert!(much.exceeded_by[t] <= little.exceeded_by[t] + 1e-12);
                prop_assert!(much.needed[t] <= little.needed[t]);
            }
        }
    }
}
