//! The search in virtual time: the dispatch that drives real load, against a queue whose capacity has a closed form.

use std::time::Duration;

use loadline::analysis::queueing::mmc;
use loadline::generator::client::Client;
use loadline::generator::client::simulated::SimulatedServer;
use loadline::generator::clock::Clock;
use loadline::generator::exchange::{Failure, Request, Response};
use loadline::generator::run::{Plan, RunError, RunEvent, Stages};
use loadline::generator::schedule::Arrivals;
use loadline::generator::stop::StopHandle;
use loadline::model::run::{LoadModel, ValidityVerdict, Verdict};
use loadline::model::saturation::{SaturationDocument, SearchEnd, StepVerdict};
use loadline::model::scenario::Scenario;
use loadline::saturate::{Engine, SaturateOptions, VirtualLoad, search_in};

fn scenario(seed: u64, slos: &[&str]) -> Scenario {
    let mut scenario = Scenario::for_url("http://service/", "GET", &[], None).unwrap();
    scenario.set_slos(slos.iter().map(|slo| slo.parse().unwrap()).collect()).unwrap();
    scenario.set_seed(seed);
    scenario
}

/// Exponential variates from a generator of their own (xorshift64*).
fn exponential(seed: u64, mean: Duration) -> impl FnMut() -> Duration {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let bits = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        mean.mul_f64(-((bits as f64 + 0.5) / (1_u64 << 53) as f64).ln())
    }
}

/// A search against M/M/c with a mean service time of 5 ms.
fn against_queue(seed: u64, servers: usize, slo: &str, options: &SaturateOptions) -> SaturationDocument {
    let service =
        |clock| SimulatedServer::new(clock, servers, exponential(seed + 77, Duration::from_millis(5)));
    search_in(&scenario(seed, &[slo]), options, &mut VirtualLoad(service)).unwrap()
}

/// The 99th percentile of M/M/c meets the limit at a rate with a closed form.
#[test]
fn the_interval_holds_the_closed_form() {
    let truth = mmc::capacity(200.0, 2, 0.99, 0.034_54).unwrap().unwrap();
    let options = SaturateOptions { max_time: Duration::from_secs(600), ..SaturateOptions::default() };
    let (mut covered, mut ceilings) = (0, 0);
    for seed in 1..=24 {
        let found = against_queue(seed, 2, "p99 < 34.54ms", &options);
        let (low, high) = found.interval.unwrap();
        let capacity = found.capacity_per_s.unwrap();
        println!(
            "seed {seed}: {capacity:.1} ({low:.1} to {:.1}) for {truth:.1}, {:.0} s",
            high.unwrap(),
            found.elapsed_s
        );
        assert!((capacity / truth - 1.0).abs() < 0.1, "{capacity} for {truth}");
        assert_eq!(found.limited_by.as_deref(), Some("p99 < 34.54ms"));
        assert!(found.steps.iter().any(|step| step.confirming) && found.elapsed_s <= 602.0);
        for step in found.steps.iter().filter(|step| step.verdict != StepVerdict::Fail) {
            let (done, expected) = (step.achieved_per_s.unwrap(), step.rate_per_s);
            let noise = 5.0 * (expected / step.duration_s).sqrt();
            assert!((done - expected).abs() < noise, "{done} of {expected}");
        }
        covered += u32::from(low <= truth && truth <= high.unwrap());
        // Two servers of 5 ms can do 400/s, however long the backlog grew.
        let (least, most) = found.fit.unwrap().peak.interval.unwrap();
        println!("at most {least:.1} to {most:.1?}");
        ceilings += u32::from(least <= 400.0 && most.is_none_or(|most| (400.0..800.0).contains(&most)));
    }
    assert!(ceilings >= 16, "{ceilings} of 24");
    // Of 24 intervals at 90 % fewer than 18 hold the truth once in 600 times.
    assert!(covered >= 18, "{covered} of 24");
}

/// With evenly spaced arrivals and constant service times a queue is a wall: all is well up to its limit.
#[test]
fn a_wall_is_found() {
    let service = |clock| SimulatedServer::new(clock, 3, || Duration::from_millis(6));
    let options =
        SaturateOptions { arrivals: Arrivals::Uniform, precision: 0.02, ..SaturateOptions::default() };
    let found = search_in(&scenario(1, &["p99 < 50ms"]), &options, &mut VirtualLoad(service)).unwrap();
    let capacity = found.capacity_per_s.unwrap();
    assert!((capacity / 500.0 - 1.0).abs() < 0.03, "{capacity} for 500");
}

/// Closed loop: users without think time keep the workers busy as soon as there is one for each.
#[test]
fn users_are_searched_for_in_a_closed_loop() {
    let service = |clock| SimulatedServer::new(clock, 4, || Duration::from_millis(10));
    let options =
        SaturateOptions { model: LoadModel::Closed, most: Some(200.0), ..SaturateOptions::default() };
    // Each of N users waits N/4 · 10 ms beyond four of them: 100 ms are reached by 40 users.
    let found = search_in(&scenario(1, &["p99 < 105ms"]), &options, &mut VirtualLoad(service)).unwrap();
    let users = found.capacity_users.unwrap();
    assert!((users / 40.0 - 1.0).abs() < 0.08, "{users} for 40: {:?}", found.interval_users);
    assert!((found.capacity_per_s.unwrap() / 400.0 - 1.0).abs() < 0.03, "{:?}", found.capacity_per_s);
    assert!(found.steps.iter().all(|step| step.users.is_some()));
}

/// A factor that makes no second user of the first one all the same goes on with two.
#[test]
fn users_grow_by_one_at_least() {
    let service = |clock| SimulatedServer::new(clock, 4, || Duration::from_millis(10));
    let options = SaturateOptions {
        model: LoadModel::Closed,
        growth: 1.2,
        most: Some(50.0),
        ..SaturateOptions::default()
    };
    let found = search_in(&scenario(1, &["p99 < 25ms"]), &options, &mut VirtualLoad(service)).unwrap();
    let users: Vec<f64> = found.steps.iter().filter_map(|step| step.users).collect();
    assert_eq!(users[..4], [1.0, 2.0, 3.0, 4.0]);
    // Each of N users waits N/4 · 10 ms: 25 ms are reached by ten.
    assert!(found.capacity_users.is_some_and(|users| (8.0..=11.0).contains(&users)), "{found:?}");
}

/// A service that sends everything beyond a rate away, as rate limiters do.
#[derive(Clone)]
struct Limiter<C> {
    clock: C,
    /// When the next request is let in at the earliest, in nanoseconds: the leaky bucket as a virtual schedule.
    next: std::rc::Rc<std::cell::Cell<u64>>,
    gap_ns: u64,
    burst: u64,
}

impl<C: Clock> Client for Limiter<C> {
    async fn send(&self, _: std::sync::Arc<Request>) -> Result<Response, Failure> {
        let now = self.clock.now();
        let due = self.next.get().max(now);
        let taken = due - now <= self.burst * self.gap_ns;
        if taken {
            self.next.set(due + self.gap_ns);
        }
        self.clock.wait_until(now + 1_000_000).await;
        Ok(Response {
            status: if taken { 200 } else { 503 },
            headers: Default::default(),
            body: Default::default(),
            body_len: 0,
            unread: Duration::ZERO,
            service_time: Duration::from_millis(1),
        })
    }
}

#[test]
fn a_rate_limit_is_found_by_the_error_rate() {
    let limiter = |clock| Limiter { clock, next: Default::default(), gap_ns: 5_000_000, burst: 20 };
    let options = SaturateOptions { arrivals: Arrivals::Uniform, ..SaturateOptions::default() };
    let found = search_in(&scenario(1, &["error_rate < 1%"]), &options, &mut VirtualLoad(limiter)).unwrap();
    let capacity = found.capacity_per_s.unwrap();
    assert!((capacity / 200.0 - 1.0).abs() < 0.03, "{capacity} for 200: {:?}", found.steps);
}

/// What it sends away it sends at once: by the response time alone it would take any load.
#[test]
fn most_requests_failing_is_a_breach_of_any_objective() {
    let limiter = |clock| Limiter { clock, next: Default::default(), gap_ns: 5_000_000, burst: 20 };
    let found =
        search_in(&scenario(1, &["p99 < 50ms"]), &SaturateOptions::default(), &mut VirtualLoad(limiter))
            .unwrap();
    let failing: Vec<_> = found.steps.iter().filter(|step| step.error_rate > Some(0.6)).collect();
    assert!(!failing.is_empty() && failing.iter().all(|step| step.verdict == StepVerdict::Fail));
    assert!(failing.iter().all(|step| step.notes.iter().any(|note| note.contains("most requests failed"))));
    // Half of the requests fail at 400/s.
    let capacity = found.capacity_per_s.unwrap();
    assert!((capacity / 400.0 - 1.0).abs() < 0.1, "{capacity}: {:?}", found.interval);
    assert!(found.steps.iter().all(|step| step.rate_per_s < 800.0));
}

/// A bucket that runs dry in the middle of a step: most of it was answered, and still it is broken.
#[test]
fn failing_late_in_a_step_is_a_breach_too() {
    let limiter = |clock| Limiter { clock, next: Default::default(), gap_ns: 5_000_000, burst: 2_000 };
    let slo = scenario(1, &["p99 < 50ms over 4s"]);
    let options = SaturateOptions { arrivals: Arrivals::Uniform, ..SaturateOptions::default() };
    let found = search_in(&slo, &options, &mut VirtualLoad(limiter)).unwrap();
    // Of the 2,000 six seconds at 320/s leave some 1,200, which are gone after two seconds at 640/s; then 440 of 640 fail.
    let late = found.steps.iter().find(|step| step.rate_per_s == 640.0).expect("it went up to 640/s");
    assert!(late.error_rate < Some(0.5) && late.verdict == StepVerdict::Fail, "{late:?}");
    assert!(late.notes.iter().any(|note| note.contains("most requests failed")), "{late:?}");
    assert!(found.steps.iter().all(|step| step.rate_per_s <= 640.0), "{:?}", found.steps);
}

/// A service that answers nothing but errors has no capacity, however quick they are; nor has one that is too slow by itself.
#[test]
fn what_load_has_no_part_in_ends_the_search() {
    let broken = |clock| {
        let next = std::rc::Rc::new(std::cell::Cell::new(u64::MAX / 2));
        Limiter { clock, next, gap_ns: 1, burst: 0 }
    };
    for slo in ["p99 < 50ms", "error_rate < 1%"] {
        let found =
            search_in(&scenario(1, &[slo]), &SaturateOptions::default(), &mut VirtualLoad(broken)).unwrap();
        assert_eq!(
            (found.capacity_per_s, found.end),
            (None, Some(SearchEnd::NothingPasses)),
            "{:?}",
            found.reasons
        );
        assert!(
            found.reasons[0].contains("all requests failed") && found.steps.len() <= 3,
            "{:?}",
            found.reasons
        );
    }
    // One at a time takes 5 ms on average: its p99 is 23 ms.
    let found = against_queue(1, 2, "p99 < 10ms", &SaturateOptions::default());
    assert_eq!(
        (found.capacity_per_s, found.end),
        (None, Some(SearchEnd::NothingPasses)),
        "{:?}",
        found.reasons
    );
    assert!(found.reasons[0].contains("no load keeps them"), "{:?}", found.reasons);
    assert!(found.steps.len() <= 6, "{} steps", found.steps.len());
}

/// An objective over windows says nothing in less than one, and how it scatters only over three.
#[test]
fn steps_are_long_enough_for_the_windows_of_an_objective() {
    let found = against_queue(5, 2, "p99 < 60ms over 10s", &SaturateOptions::default());
    assert!(found.steps.iter().all(|step| step.duration_s >= 15.0), "{:?}", found.steps);
    // The mean of M/M/2 with 60 ms at p99 is reached at 323/s; the worst of some windows is broken below.
    let capacity = found.capacity_per_s.unwrap();
    assert!((200.0..323.0).contains(&capacity), "{capacity}: {:?}", found.interval);
    // Longer than any step of a search of this length: one and a half windows of a step that is a sixth of it.
    let service = |clock| SimulatedServer::new(clock, 2, || Duration::from_millis(5));
    let windows = scenario(5, &["p99 < 60ms over 5m"]);
    let refused = search_in(&windows, &SaturateOptions::default(), &mut VirtualLoad(service)).unwrap_err();
    assert!(refused.to_string().contains("give it at least 2700 s"), "{refused}");
}

#[test]
fn what_no_search_can_keep_is_refused() {
    let refused = |options: SaturateOptions| {
        let service = |clock| SimulatedServer::new(clock, 2, || Duration::from_millis(5));
        search_in(&scenario(1, &["p99 < 50ms"]), &options, &mut VirtualLoad(service)).unwrap_err().to_string()
    };
    let precise = refused(SaturateOptions { precision: 0.01, ..SaturateOptions::default() });
    assert!(precise.contains("2 % is the least"), "{precise}");
    let still = refused(SaturateOptions { growth: 1.0, ..SaturateOptions::default() });
    assert!(still.contains("above 1"), "{still}");
    let short = refused(SaturateOptions { step: Duration::from_secs(1), ..SaturateOptions::default() });
    assert!(short.contains("3 s are the least"), "{short}");
    let nothing = refused(SaturateOptions { required_per_s: Some(0.0), ..SaturateOptions::default() });
    assert!(nothing.contains("above 0"), "{nothing}");
    let service = |clock| SimulatedServer::new(clock, 2, || Duration::from_millis(5));
    for objective in ["p99 > 50ms", "throughput > 100/s"] {
        let scenario = scenario(1, &[objective]);
        let refused = search_in(&scenario, &SaturateOptions::default(), &mut VirtualLoad(service));
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(objective) && refused.contains("no upper limit"), "{refused}");
    }
    // Beside one that load breaks it is left out.
    let options = SaturateOptions { most: Some(20.0), ..SaturateOptions::default() };
    let both = scenario(1, &["p99 < 50ms", "throughput > 100/s"]);
    let found = search_in(&both, &options, &mut VirtualLoad(service)).unwrap();
    assert_eq!((found.slos, found.end), (vec!["p99 < 50ms".to_owned()], Some(SearchEnd::AtMaximum)));
}

#[test]
fn the_service_is_protected() {
    let options =
        SaturateOptions { most: Some(170.0), required_per_s: Some(150.0), ..SaturateOptions::default() };
    let found = against_queue(3, 2, "p99 < 34.54ms", &options);
    assert!(found.steps.iter().all(|step| step.rate_per_s <= 170.0));
    assert_eq!((found.capacity_per_s, found.end), (None, Some(SearchEnd::AtMaximum)));
    assert_eq!(found.interval, Some((170.0, None)));
    assert_eq!((found.verdict, found.validity.verdict), (Some(Verdict::Pass), ValidityVerdict::Valid));

    let found = against_queue(3, 2, "p99 < 34.54ms", &SaturateOptions::default());
    let mut kept = 10.0_f64;
    for step in &found.steps {
        assert!(step.rate_per_s <= 2.0 * kept * 1.000_001, "{step:?} after {kept}");
        if step.figures[0].observed.is_some_and(|p99| p99 < 34.54) {
            kept = kept.max(step.rate_per_s);
        }
    }
}

#[test]
fn an_objective_that_no_load_keeps_is_said_to_be_that() {
    let options =
        SaturateOptions { least: Some(5.0), max_time: Duration::from_secs(120), ..Default::default() };
    let found = against_queue(1, 1, "p99 < 1ms", &options);
    assert_eq!((found.capacity_per_s, found.interval), (None, None));
    assert_eq!(found.end, Some(SearchEnd::NothingPasses));
    assert!(found.reasons[0].contains("broken at 5"), "{:?}", found.reasons);
}

/// Two workers of 5 ms can do 400/s, and whoever comes beyond waits without an error: three seconds at more are not kept,
/// and nothing is asked for that goes by them.
#[test]
fn a_backlog_that_grows_is_not_kept_though_nothing_fails() {
    for seed in 1..=4 {
        let found = against_queue(seed, 2, "error_rate < 0.1%", &SaturateOptions::default());
        let over = found.steps.iter().filter(|step| step.rate_per_s > 440.0);
        for step in over {
            assert!(step.verdict != StepVerdict::Pass && step.rate_per_s <= 800.0, "{step:?}");
        }
        let (low, high) = found.interval.unwrap();
        assert!(
            (360.0..410.0).contains(&low) && (380.0..440.0).contains(&high.unwrap()),
            "{low} to {high:?}"
        );
    }
}

/// The time is kept whatever happens, and what was found until then is said.
#[test]
fn the_time_is_kept() {
    let options =
        SaturateOptions { max_time: Duration::from_secs(60), precision: 0.02, ..Default::default() };
    let found = against_queue(5, 2, "p99 < 34.54ms", &options);
    assert!(found.elapsed_s <= 62.0, "{}", found.elapsed_s);
    assert_eq!(found.end, Some(SearchEnd::Imprecise));
    assert!(found.reasons[0].contains("the time was spent"), "{:?}", found.reasons);
    assert!(found.steps.iter().any(|step| step.verdict == StepVerdict::Fail));
}

/// What a confirming run did not tell, all of the time that is left is there for.
#[test]
fn the_time_is_used() {
    let options = SaturateOptions { max_time: Duration::from_secs(180), ..SaturateOptions::default() };
    for seed in 1..=8 {
        let found = against_queue(seed, 2, "p99 < 34.54ms", &options);
        let (low, high) = found.interval.unwrap();
        let half = 0.5 * (high.unwrap() - low) / found.capacity_per_s.unwrap();
        assert!(half <= 0.05 || found.elapsed_s > 170.0, "±{half} after {} s", found.elapsed_s);
        assert!(found.steps.last().unwrap().confirming, "seed {seed}");
    }
}

/// Where the capacity is just below the most allowed the interval ends there, and that is said.
#[test]
fn an_interval_cut_off_by_the_bounds_is_labelled() {
    let time = Duration::from_secs(60);
    let options =
        SaturateOptions { most: Some(256.0), max_time: time, precision: 0.02, ..Default::default() };
    for seed in 1..=3 {
        let found = against_queue(seed, 2, "p99 < 34.54ms", &options);
        let Some((_, Some(high))) = found.interval else { continue };
        assert!(high <= 256.0, "{high}");
        assert_eq!(found.cut_off.high, found.reasons.iter().any(|r| r.contains("cut off at 256/s")));
        assert!(!found.cut_off.low);
    }
    let free =
        against_queue(1, 2, "p99 < 34.54ms", &SaturateOptions { max_time: time, ..Default::default() });
    assert!(free.cut_off.is_not(), "{:?}", free.reasons);
}

/// Text, JSON and page say of a step what its interval says.
#[test]
fn verdicts_of_steps_are_those_of_their_intervals() {
    let found = against_queue(2, 2, "p99 < 34.54ms", &SaturateOptions::default());
    for step in &found.steps {
        // Without an upper end: all of so few requests may lie below the p99.
        let (low, high) =
            step.figures[0].interval.map(|(low, high)| (low, high.unwrap_or(f64::INFINITY))).unwrap();
        let said = match step.verdict {
            StepVerdict::Pass => high < 34.54,
            StepVerdict::Fail => low >= 34.54 || step.notes.iter().any(|n| n.contains("backlog grew")),
            StepVerdict::Unclear => (low < 34.54 && high >= 34.54) || step.warmup_s.is_none(),
            StepVerdict::GeneratorLimited => false,
        };
        assert!(said, "{step:?}");
        // .99ⁿ falls to the 5 % that a 90 % interval may miss on one side at n = 298 independent requests.
        let requests = step.achieved_per_s.unwrap() * step.duration_s;
        assert!(high.is_infinite() || requests > 298.0, "{step:?}");
        assert!(high.is_finite() || !step.confirming, "{step:?}");
        assert!(step.p50_ms.unwrap() <= step.p99_interval_ms.unwrap().0 * 1.001, "{step:?}");
    }
}

/// Virtual load on a machine whose host takes a fifth of the time away, from a generator that is as busy as this.
struct Robbed<E> {
    engine: E,
    cpu: f64,
}

impl<E: Engine> Engine for Robbed<E> {
    fn run(
        &mut self,
        plan: &Plan,
        stages: Stages,
        stop: &StopHandle,
        on_event: &mut dyn FnMut(RunEvent),
    ) -> Result<(), RunError> {
        let cpu = self.cpu;
        self.engine.run(plan, stages, stop, &mut |mut event| {
            if let RunEvent::Second(second) = &mut event {
                for line in &mut second.generator {
                    (line.cpu, line.stolen) = (Some(cpu), Some(0.2));
                }
            }
            on_event(event);
        })
    }
}

/// What others on the machine spoiled is driven again the more often, the more of its processor the generator had left:
/// then it is not at its end. No capacity comes of it either way.
#[test]
fn what_others_spoiled_is_driven_again() {
    for (cpu, most) in [(0.1, 6), (0.8, 3)] {
        let service = |clock| SimulatedServer::new(clock, 2, exponential(7, Duration::from_millis(5)));
        let mut engine = Robbed { engine: VirtualLoad(service), cpu };
        let found =
            search_in(&scenario(7, &["p99 < 34.54ms"]), &SaturateOptions::default(), &mut engine).unwrap();
        let first = found.steps.iter().take_while(|step| step.rate_per_s == found.steps[0].rate_per_s);
        assert_eq!(first.count(), most, "with {cpu} of a processor");
        assert!(found.steps.iter().all(|step| step.verdict == StepVerdict::GeneratorLimited));
        assert_eq!((found.capacity_per_s, found.validity.verdict), (None, ValidityVerdict::GeneratorLimited));
    }
}
