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

/// Redundancy as the field counts it: N + k keeps k instances beside those that serve (Barroso, Hölzle and
/// Ranganathan 2018, The Datacenter as a Computer, third edition, chapter 4); with z zones the load of the one that is
/// lost goes to the others (Weiss and Furr, "Static stability using Availability Zones", Amazon Builders' Library).
impl Policy {
    /// Of `instances`, those that serve after the loss that is planned for: n, n − k, or, spread as evenly as they can
    /// be over z zones of which the largest is lost, `n − ⌈n / z⌉`.
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

    /// The fewest instances of which `serving` serve after the loss: s, s + k, or, since `n − ⌈n / z⌉ = ⌊n (z − 1) / z⌋`
    /// is at least s from `n ≥ s z / (z − 1)` on, `⌈s z / (z − 1)⌉`.
    fn having(&self, serving: u64) -> u64 {
        match self.redundancy {
            Redundancy::None => serving,
            Redundancy::Spare(spare) => serving + u64::from(spare),
            Redundancy::Zones(zones) => {
                let zones = u64::from(zones.max(2));
                (serving * zones).div_ceil(zones - 1)
            }
        }
    }
}

/// Capacity against demand.
#[derive(Debug, Clone, PartialEq)]
pub struct Headroom {
    /// For each step, the probability that demand has been above capacity at least once by then.
    pub exceeded_by: Vec<f64>,
    /// For each step, the fewest instances with which capacity suffices from now until then with the policy's
    /// probability; `None` where that has no bound. What there is suffices as long as `exceeded_by` is at most
    /// 1 − quantile, and no longer.
    pub needed: Vec<Option<u64>>,
    /// For each step, those that suffice at that step alone (and within the lag after it): what instances that follow
    /// demand cost.
    pub following: Vec<Option<u64>>,
}

/// Demand that is larger than capacity by less than this share of it is equal to it: the last digits of a sum are no
/// overload.
const TIE: f64 = 1e-9;

/// The probability of having run out by a step and the instances needed until then, by Monte Carlo: with the demand
/// `D_i(t)` of path i and its draw of the capacity of one instance `c_i`, usable `u_i = c_i × utilisation / burst`,
/// `exceeded_by(t) = P(max_{s ≤ t} D(s) > u × serving(instances))`, the law of the first passage, and
/// `needed(t) = having(⌈Q_q(max_{s ≤ t} D(s) / u)⌉)` with the policy's quantile Q_q: the two say the same.
///
/// Sets `paths` of demand (all as long as the horizon, at least one) against `instances` of a `capacity` each.
pub fn headroom(paths: &[Vec<f64>], capacity: &Capacity, instances: u32, policy: &Policy) -> Headroom {
    let steps = paths[0].len();
    let each: Vec<f64> =
        (0..paths.len()).map(|i| capacity.draw(i) * policy.utilisation / policy.burst).collect();
    let mut above = vec![0.0; steps];
    for (path, each) in paths.iter().zip(&each) {
        let usable = each * policy.serving(instances);
        if let Some(first) = path.iter().position(|d| *d > usable * (1.0 + TIE)) {
            above[first] += 1.0;
        }
    }
    let exceeded_by = running(&above).into_iter().map(|n| n / paths.len() as f64).collect();
    let mut so_far = vec![0.0f64; paths.len()];
    let (mut needed, mut following) = (Vec::with_capacity(steps), Vec::with_capacity(steps));
    for t in 0..steps {
        let counts: Vec<f64> = paths
            .iter()
            .zip(&each)
            .map(|(path, each)| highest(&path[t..], policy.lag_steps) / each)
            .collect();
        so_far.iter_mut().zip(&counts).for_each(|(most, count)| *most = most.max(*count));
        needed.push(fewest(so_far.clone(), policy));
        following.push(fewest(counts, policy));
    }
    Headroom { exceeded_by, needed, following }
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

/// The policy's quantile of `counts`, one for each path, of the capacities that serve; with redundancy.
fn fewest(mut counts: Vec<f64>, policy: &Policy) -> Option<u64> {
    counts.sort_unstable_by(f64::total_cmp);
    let rank = (policy.quantile * counts.len() as f64 - 1e-9).ceil().max(1.0) as usize;
    let count = counts[rank.min(counts.len()) - 1];
    // A demand of exactly three capacities needs three.
    let serving = (count * (1.0 - TIE)).ceil();
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
        // Of 14 in three zones (5, 5, 4) nine are left when five are lost; of 13 (5, 4, 4) only eight.
        assert_eq!(needed(Policy { redundancy: Redundancy::Zones(3), ..policy }), Some(14));
        assert_eq!(needed(Policy { burst: 1.5, utilisation: 0.5, ..policy }), Some(27));
        // Half a step ahead of a rise from 100 to 300 there are 200.
        let rise = vec![vec![100.0, 300.0]; 5];
        let ahead =
            |lag_steps| headroom(&rise, &Capacity::exact(100.0), 1, &Policy { lag_steps, ..policy }).needed;
        assert_eq!([ahead(0.0), ahead(0.5), ahead(1.0), ahead(9.0)].map(|n| n[0]), [1, 2, 3, 3].map(Some));
        let lost = Policy { redundancy: Redundancy::Zones(3), ..policy };
        assert_eq!(headroom(&flat, &Capacity::exact(100.0), 12, &lost).exceeded_by[0], 1.0);
        assert_eq!(headroom(&flat, &Capacity::exact(100.0), 13, &lost).exceeded_by[0], 1.0);
        assert_eq!(headroom(&flat, &Capacity::exact(100.0), 14, &lost).exceeded_by[2], 0.0);
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

    /// Demand that goes up and down: what is needed until then never falls, what follows demand does.
    #[test]
    fn what_is_bought_stays() {
        let paths = vec![vec![100.0, 300.0, 200.0]; 10];
        let h = headroom(&paths, &Capacity::exact(100.0), 2, &Policy::default());
        assert_eq!(h.needed, [1, 3, 3].map(Some));
        assert_eq!(h.following, [1, 3, 2].map(Some));
    }

    /// What equals capacity but for the last digit does not exceed it.
    #[test]
    fn a_tie_is_no_overload() {
        let paths: Vec<Vec<f64>> = (0..10).map(|i| vec![300.0 * (1.0 + f64::from(i) * 1e-15); 3]).collect();
        let h = headroom(&paths, &Capacity::exact(100.0), 3, &Policy::default());
        assert_eq!((h.exceeded_by[2], h.needed[2]), (0.0, Some(3)));
        let above = headroom(&[vec![300.001; 3]], &Capacity::exact(100.0), 3, &Policy::default());
        assert_eq!((above.exceeded_by[2], above.needed[2]), (1.0, Some(4)));
    }

    proptest! {
        /// One quantile decides: more are needed than there are exactly when the risk is above what is allowed. And
        /// nothing less than what is needed would do.
        #[test]
        fn what_is_needed_and_the_risk_agree(
            paths in prop::collection::vec(prop::collection::vec(0.0..1e4f64, 5), 1..30),
            quantile in 0.05..0.99f64, instances in 1u32..30, kind in 0u32..7,
        ) {
            let redundancy = match kind {
                0 => Redundancy::None,
                1 | 2 => Redundancy::Spare(kind),
                zones => Redundancy::Zones(zones - 1),
            };
            let policy = Policy { quantile, redundancy, ..Policy::default() };
            let capacity = Capacity::interval(400.0, 600.0, 0.9);
            let h = headroom(&paths, &capacity, instances, &policy);
            for t in 0..5 {
                let needed = h.needed[t].unwrap();
                let risky = h.exceeded_by[t] > 1.0 - quantile + 1e-9;
                prop_assert_eq!(needed > u64::from(instances), risky, "{} of {}", needed, instances);
            }
            let most = h.needed[4].unwrap() as u32;
            prop_assert!(headroom(&paths, &capacity, most, &policy).exceeded_by[4] <= 1.0 - quantile + 1e-9);
            prop_assert!(most == 0 || headroom(&paths, &capacity, most - 1, &policy).exceeded_by[4] > 1.0 - quantile + 1e-9);
        }

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
