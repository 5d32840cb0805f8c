//! Laws of the schedule.

use std::time::Duration;

use loadline_generator::clock::SECOND;
use loadline_generator::schedule::{Arrivals, Due, RateStage, Schedule, is_of_worker};
use proptest::prelude::*;

/// All arrivals of stages that follow one another.
fn arrivals(seed: u64, stages: &[RateStage]) -> Vec<Due> {
    let (mut schedule, mut start, mut all) = (Schedule::new(seed), 0, Vec::new());
    for stage in stages {
        all.extend(std::iter::from_fn(|| schedule.next(stage, start)));
        schedule.leave(stage);
        start += stage.duration.as_nanos() as u64;
    }
    all
}

fn total(stages: &[RateStage]) -> f64 {
    stages.iter().map(|stage| stage.expected_until(stage.duration.as_secs_f64())).sum()
}

/// Arrivals expected by `at`: Λ over the stages.
fn expected_by(stages: &[RateStage], at: u64) -> f64 {
    let (mut expected, mut start) = (0.0, 0);
    for stage in stages {
        let within = at.saturating_sub(start).min(stage.duration.as_nanos() as u64);
        expected += stage.expected_until(within as f64 / SECOND as f64);
        start += stage.duration.as_nanos() as u64;
    }
    expected
}

fn a_stage(arrivals: impl Strategy<Value = Arrivals>) -> impl Strategy<Value = RateStage> {
    let rate = prop_oneof![Just(0.0), 0.1f64..20.0, 20.0f64..3000.0];
    (rate.clone(), rate, 1u64..3_000, arrivals).prop_map(|(from_per_s, to_per_s, millis, arrivals)| {
        RateStage { from_per_s, to_per_s, duration: Duration::from_millis(millis), arrivals }
    })
}

fn any_arrivals() -> impl Strategy<Value = Arrivals> {
    prop_oneof![Just(Arrivals::Uniform), Just(Arrivals::Poisson)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Law: even arrivals come where Λ reaches 0, 1, 2, …, and there are ⌈Λ(end)⌉ of them, whatever the stages.
    #[test]
    fn even_arrivals_come_where_the_expected_count_is_whole(
        stages in prop::collection::vec(a_stage(Just(Arrivals::Uniform)), 1..5),
    ) {
        let all = arrivals(1, &stages);
        let total = total(&stages);
        prop_assert!((all.len() as f64 - total.ceil()).abs() <= 1.0, "{} of {total}", all.len());
        let round = (total.round() - total).abs() < 1e-6;
        prop_assert!(all.len() as f64 == total.ceil() || round, "{} of {total}", all.len());
        for (k, due) in all.iter().enumerate() {
            prop_assert_eq!(due.index, k as u64);
            // Within a microsecond: what a rate of thousands a second makes of a nanosecond.
            let (before, after) = (expected_by(&stages, due.at.saturating_sub(1000)), expected_by(&stages, due.at + 1000));
            prop_assert!(before - 1e-6 <= k as f64 && k as f64 <= after + 1e-6, "{k} at {} ns: {before} to {after}", due.at);
        }
    }

    /// Laws: instants never decrease and stay within the run; the workers' shares are all arrivals, each once; the
    /// seed decides.
    #[test]
    fn arrivals_are_in_order_and_shared_out(
        stages in prop::collection::vec(a_stage(any_arrivals()), 1..5), seed: u64, workers in 1u32..9,
    ) {
        let all = arrivals(seed, &stages);
        let end: u64 = stages.iter().map(|stage| stage.duration.as_nanos() as u64).sum();
        prop_assert!(all.is_sorted_by_key(|due| due.at));
        prop_assert!(all.iter().all(|due| due.at <= end));
        prop_assert!(all.iter().enumerate().all(|(k, due)| due.index == k as u64));
        for due in &all {
            let owners = (0..workers).filter(|worker| is_of_worker(due.index, *worker, workers)).count();
            prop_assert_eq!(owners, 1);
        }
        prop_assert_eq!(arrivals(seed, &stages), all);
    }
}

/// The gaps of a Poisson process, measured in Λ, are independent exponentials of mean one: Kolmogorov and Smirnov
/// find no difference at 1 %, at a constant rate as on a ramp. The seeds are fixed.
#[test]
fn gaps_at_random_are_exponential() {
    for (seed, from_per_s, to_per_s) in [(1, 500.0, 500.0), (2, 10.0, 1000.0), (3, 1000.0, 10.0)] {
        let stages = [RateStage {
            from_per_s,
            to_per_s,
            duration: Duration::from_secs(40),
            arrivals: Arrivals::Poisson,
        }];
        let marks: Vec<f64> =
            arrivals(seed, &stages).iter().map(|due| expected_by(&stages, due.at)).collect();
        let mut gaps: Vec<f64> = marks.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let neighbours =
            gaps.windows(2).map(|pair| (pair[0] - 1.0) * (pair[1] - 1.0)).sum::<f64>() / gaps.len() as f64;
        gaps.sort_unstable_by(f64::total_cmp);
        let n = gaps.len() as f64;
        let distance = |(i, gap): (usize, &f64)| {
            let law = 1.0 - (-gap).exp();
            (law - i as f64 / n).abs().max((law - (i + 1) as f64 / n).abs())
        };
        let d = gaps.iter().enumerate().map(distance).fold(0.0, f64::max);
        assert!(n > 15_000.0 && d < 1.63 / n.sqrt(), "{d} with {n} gaps");
        // Serial correlation of independent gaps is normal with standard error 1/√n.
        assert!(neighbours.abs() < 3.0 / n.sqrt(), "{neighbours}");
    }
}
