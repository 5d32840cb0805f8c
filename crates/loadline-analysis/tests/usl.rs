//! USL fits against published data with reference fits (`data/usl_reference.json`: R `usl` 3.0.3 and scipy agree).

use loadline_analysis::saturation::Points;
use loadline_analysis::saturation::usl::{Reading, UslFit};
use serde_json::Value;

/// A Cisco benchmark, from B. Schwartz, *Practical Scalability Analysis with the Universal Scalability Law*.
const CISCO: &str = include_str!("data/cisco_practical_scalability.csv");

fn reference() -> Value {
    serde_json::from_str(include_str!("data/usl_reference.json")).unwrap()
}

fn pairs(csv: &str) -> Vec<(f64, f64)> {
    let number = |text: &str| text.trim().parse().unwrap();
    csv.lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap())
        .map(|(n, x)| (number(n), number(x)))
        .collect()
}

#[track_caller]
fn close(value: f64, expected: f64) {
    assert!((value - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{value} for {expected}");
}

fn matches_reference(pairs: &[(f64, f64)], reference: &Value) {
    let expected = |key: &str| reference[key].as_f64().unwrap();
    let fit = UslFit::new(&Points::new(pairs).unwrap());
    assert!((fit.usl.sigma / expected("alpha") - 1.0).abs() < 1e-6);
    assert!((fit.usl.kappa - expected("beta")).abs() < 1e-6 * expected("beta").max(1e-3), "{:?}", fit.usl);
    close(fit.usl.lambda, expected("gamma"));
    close(fit.r_squared, expected("r2"));
    close(fit.rss / expected("rss"), 1.0);
    close(fit.usl.maximum().unwrap(), expected("peakX"));
    match reference["peakN"].as_f64() {
        Some(peak) => close(fit.usl.peak_concurrency().unwrap(), peak),
        None => assert!(fit.usl.kappa == 0.0, "{:?}", fit.usl),
    }
}

#[test]
fn equals_the_reference_fit() {
    matches_reference(&pairs(CISCO), &reference()["cisco"]);
}

/// With κ at its bound. Needs data that may not be copied here:
/// `LOADLINE_DATA=… cargo test -p loadline-analysis --test usl -- --ignored`.
#[test]
#[ignore = "needs the folder of the data in LOADLINE_DATA"]
fn equals_the_reference_fit_at_the_bound() {
    let folder = std::env::var("LOADLINE_DATA").unwrap() + "/scalability/";
    let read = |name: &str| std::fs::read_to_string(folder.clone() + name).unwrap();
    let reference: Value = serde_json::from_str(&read("usl_reference.json")).unwrap();
    matches_reference(&pairs(&read("raytracer.csv")), &reference["raytracer"]);
}

/// With the curve nearly linear in its parameters the profile interval is Wald's.
#[test]
fn profile_intervals_are_near_walds_where_the_data_are_plenty() {
    let fit = UslFit::new(&Points::new(&pairs(CISCO)).unwrap());
    let near = |(low, high): (f64, f64), wald: &Value| {
        let [wald_low, wald_high] = [0, 1].map(|k| wald[k].as_f64().unwrap());
        let width = wald_high - wald_low;
        assert!(
            (low - wald_low).abs() < 0.1 * width && (high - wald_high).abs() < 0.1 * width,
            "{low} {high} {wald}"
        );
    };
    let wald = &reference()["cisco"]["wald95"];
    near(fit.sigma_interval(0.95).unwrap(), &wald[0]);
    near(fit.kappa_interval(0.95).unwrap(), &wald[1]);
    near(fit.interval(Reading::Lambda, 0.95).unwrap(), &wald[2]);
}

#[test]
fn without_a_peak_the_maximum_is_not_bounded_above() {
    let straight: Vec<_> =
        (1..8).map(|n| (f64::from(n), 10.0 * f64::from(n) * [1.01, 0.99][n as usize % 2])).collect();
    let fit = UslFit::new(&Points::new(&straight).unwrap());
    let (low, high) = fit.interval(Reading::Maximum, 0.95).unwrap();
    assert!(low > 60.0 && high.is_infinite(), "{low} {high}");
}

#[test]
fn too_few_levels_and_bad_values_are_errors() {
    assert!(Points::new(&[(1.0, 2.0), (1.0, 2.1), (2.0, 4.0)]).is_err());
    assert!(Points::new(&[(1.0, 2.0), (2.0, f64::NAN), (3.0, 4.0)]).is_err());
    assert!(Points::new(&[(1.0, 2.0), (0.0, 1.0), (3.0, 4.0)]).is_err());
}
