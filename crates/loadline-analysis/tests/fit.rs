//! Fits of all families: what they say about curves whose truth is known, and that odd data are no trap.

use loadline_analysis::queueing::closed;
use loadline_analysis::saturation::{Model, Points, Request, fit};
use loadline_model::fit::FitDocument;

fn auto(pairs: &[(f64, f64)], at: f64) -> FitDocument {
    fit(&Points::new(pairs).unwrap(), &Request { model: Model::Auto, confidence: 0.95, at: vec![at] })
}

/// Errors of 1 % that look random, the same every time.
fn noisy(k: usize) -> f64 {
    1.0 + 0.01 * [0.6, -1.1, 0.3, 1.4, -0.7, -0.2, 0.9, -1.3, 0.1, 0.5][k % 10]
}

/// Four servers of 20 ms and a think time of 0.5 s: a ceiling of 200/s, the knee at 104 users
/// (M/M/c with a finite population, exact).
#[test]
fn extrapolates_a_ceiling_that_the_usl_does_not_have() {
    let truth = |users: u32| closed::repairman(0.02, 4, 0.5, users).unwrap().throughput;
    let levels = [1, 5, 20, 40, 60, 80, 100, 120, 140, 160];
    let pairs: Vec<_> =
        levels.iter().enumerate().map(|(k, &n)| (f64::from(n), truth(n) * noisy(k))).collect();
    let document = auto(&pairs, 240.0);
    let at = &document.predictions[0];
    let (low, high) = at.interval.unwrap();
    assert!((at.throughput_per_s.unwrap() / truth(240) - 1.0).abs() < 0.03, "{at:?}");
    assert!(low < truth(240) && truth(240) < high.unwrap(), "{at:?}");
    assert!((document.peak.throughput_per_s.unwrap() / 200.0 - 1.0).abs() < 0.05, "{:?}", document.peak);
    assert!(document.peak.concurrency.is_none() && document.adequate, "{:?}", document.reasons);
    let total: f64 = document.weights.values().sum();
    assert!((total - 1.0).abs() < 1e-9);
}

#[test]
fn shows_a_peak_where_there_is_one() {
    let usl = |n: f64| 100.0 * n / (1.0 + 0.02 * (n - 1.0) + 0.001 * n * (n - 1.0));
    let pairs: Vec<_> =
        (0..12).map(|k| (1.0 + 6.0 * k as f64, usl(1.0 + 6.0 * k as f64) * noisy(k))).collect();
    let document = auto(&pairs, 100.0);
    let peak = document.peak.concurrency.expect("a peak");
    assert!((peak / (0.98_f64 / 0.001).sqrt() - 1.0).abs() < 0.1, "{peak}");
    assert!((document.predictions[0].throughput_per_s.unwrap() / usl(100.0) - 1.0).abs() < 0.1);
    assert!(document.predictions[0].marginal_gain_per_s.unwrap() < 0.0);
}

/// M/M/8, 10 ms: latency against rate gives servers and ceiling back.
#[test]
fn a_queue_by_its_latencies() {
    use loadline_analysis::queueing::mmc::Mmc;
    let pair = |k: usize, rate: f64| {
        let latency = Mmc::new(rate, 100.0, 8).unwrap().means().response_time * noisy(k);
        (rate * latency, rate)
    };
    let rates = [100.0, 300.0, 500.0, 600.0, 680.0, 740.0, 770.0];
    let pairs: Vec<_> = rates.iter().enumerate().map(|(k, rate)| pair(k, *rate)).collect();
    let request = Request { model: Model::Queue, confidence: 0.95, at: vec![20.0] };
    let document = fit(&Points::new(&pairs).unwrap(), &request);
    let queue = document.queue.unwrap();
    assert!((queue.servers - 8.0).abs() <= 1.0 && (queue.service_time_ms - 10.0).abs() < 1.0, "{queue:?}");
    assert!((document.peak.throughput_per_s.unwrap() / 800.0 - 1.0).abs() < 0.03);
}

/// Whatever the data, all figures are finite or null.
#[test]
fn odd_data_are_no_trap() {
    let straight: Vec<_> = (1..7).map(|n| (f64::from(n), 3.0 * f64::from(n))).collect();
    let flat: Vec<_> = (1..7).map(|n| (f64::from(n), 50.0)).collect();
    let small = vec![(1e-3, 1.0), (2e-3, 1.9), (4e-3, 3.0)];
    let large = vec![(1e6, 1e9), (2e6, 1.5e9), (9e6, 1.6e9), (9e6, 1.7e9)];
    let falling = vec![(1.0, 100.0), (10.0, 10.0), (100.0, 1.0), (1000.0, 0.1)];
    let wild: Vec<_> = (1..10).map(|n| (f64::from(n), [1.0, 1e9][n as usize % 2])).collect();
    let many: Vec<_> =
        (1..2_000).map(|n| (f64::from(n), f64::from(n) / (1.0 + 1e-3 * f64::from(n)))).collect();
    for pairs in [straight, flat, small, large, falling, wild, many] {
        for model in [Model::Usl, Model::Auto, Model::Queue] {
            let top = pairs.iter().map(|pair| pair.0).fold(0.0, f64::max);
            let request = Request { model, confidence: 0.95, at: vec![0.5 * top, 3.0 * top] };
            let document = fit(&Points::new(&pairs).unwrap(), &request);
            let text = serde_json::to_string(&document).unwrap();
            let back: FitDocument = serde_json::from_str(&text).expect(&text);
            assert_eq!(back.predictions.len(), 2);
            assert!(
                document.predictions.iter().all(|p| p.throughput_per_s.is_some_and(|x| x > 0.0)),
                "{text}"
            );
        }
    }
}

/// Figures of the whole curve have intervals that hold what the data were made of, and name their model.
#[test]
fn gain_and_peak_have_intervals_and_a_source() {
    let usl = |n: f64| 100.0 * n / (1.0 + 0.02 * (n - 1.0) + 0.001 * n * (n - 1.0));
    let levels: Vec<f64> = (0..12).map(|k| 1.0 + 6.0 * f64::from(k)).collect();
    let pairs: Vec<_> = levels.iter().enumerate().map(|(k, &n)| (n, usl(n) * noisy(k))).collect();
    let holds = |interval: Option<(f64, Option<f64>)>, truth: f64| {
        let (low, high) = interval.expect("an interval");
        low < truth && high.is_none_or(|high| truth < high)
    };
    let gain = usl(20.5) - usl(19.5);
    let most = usl((0.98_f64 / 0.001).sqrt());
    let reaching = (1..300).map(|k| 0.1 * f64::from(k)).find(|n| usl(*n) >= 0.9 * most).unwrap();
    for (model, source) in [(Model::Usl, "usl"), (Model::Auto, "families")] {
        let request = Request { model, confidence: 0.95, at: vec![20.0] };
        let document = fit(&Points::new(&pairs).unwrap(), &request);
        assert!(holds(document.predictions[0].marginal_gain_interval_per_s, gain), "{source}");
        assert!(holds(document.peak.concurrency_interval, (0.98_f64 / 0.001).sqrt()), "{:?}", document.peak);
        assert!(holds(document.peak.concurrency_at_90_percent_interval, reaching), "{:?}", document.peak);
        assert_eq!(document.sources["peak"], source);
        assert_eq!((document.sources["parameters"].as_str(), document.usl_limit), ("usl", None));
    }
    let straight: Vec<_> = (1..6).map(|k| (f64::from(k), 10.0 * f64::from(k))).collect();
    let request = Request { model: Model::Usl, confidence: 0.95, at: vec![] };
    let document = fit(&Points::new(&straight).unwrap(), &request);
    assert_eq!(document.usl_limit.as_deref(), Some("linear"));
}
