//! Whether an interval ends by what was measured, or by what the search was allowed.

use loadline_analysis::search::{Capacity, Search};
use loadline_model::run::LoadModel;
use loadline_model::saturation::CutOff;

use super::pilot::{Course, End};

/// An end so near a bound of the search, as a share of its distance from the middle, is the bound's: beyond it the
/// search gave no load any chance, so that the quantile lies a little within it.
const CUT_OFF_NEAR: f64 = 0.25;

/// Which ends of the interval the bounds of the search have cut off.
pub(super) fn cut_off(end: Option<&End>, search: &Search) -> CutOff {
    let Some(End::Converged(Capacity { load: Some(middle), interval: (low, high), .. })) = end else {
        return CutOff::default();
    };
    let near = |bound: f64, end: f64| (bound / end).ln().abs() < CUT_OFF_NEAR * (end / middle).ln().abs();
    CutOff { low: near(search.least, *low), high: high.is_some_and(|high| near(search.most, high)) }
}

/// What a reader should know of an interval that is cut off.
pub(super) fn cut_off_words(end: Option<&End>, course: &Course) -> Vec<String> {
    let cut_off = cut_off(end, &course.search);
    let (unit, lower, higher) = match course.model {
        LoadModel::Open => ("/s", " (--min-rate)", " (--max-rate)"),
        LoadModel::Closed => (" users", "", " (--users)"),
    };
    let words = |cut: bool, load: f64, which: &str, change: &str, may_be: &str| {
        let load = (load * 100.0).round() / 100.0;
        cut.then(|| {
            format!(
                "the interval is cut off at {load}{unit}, the {which} that was allowed{change}: the capacity may be {may_be}"
            )
        })
    };
    let low = words(cut_off.low, course.search.least, "least", lower, "lower");
    let high = words(cut_off.high, course.search.most, "most", higher, "higher");
    low.into_iter().chain(high).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Between 1 and 256: the same width of interval in the middle of what was allowed, and at either bound.
    #[test]
    fn an_end_at_a_bound_is_no_finding() {
        let search =
            crate::saturate::SaturateOptions { least: Some(1.0), most: Some(256.0), ..Default::default() };
        let scenario = |slo: &str| {
            let mut scenario =
                loadline_model::scenario::Scenario::for_url("http://service/", "GET", &[], None).unwrap();
            scenario.set_slos(vec![slo.parse().unwrap()]).unwrap();
            scenario
        };
        let course = search.course(&scenario("p99 < 10ms")).unwrap();
        let end = |low: f64, middle: f64, high: f64| {
            let (load, interval) = (Some(middle), (low, Some(high)));
            End::Converged(Capacity { load, interval, confidence: 0.9, precise: false })
        };
        let cases = [
            (end(90.0, 100.0, 110.0), (false, false), ""),
            (
                end(220.0, 240.0, 255.0),
                (false, true),
                "cut off at 256/s, the most that was allowed (--max-rate)",
            ),
            (end(1.01, 1.2, 1.5), (true, false), "cut off at 1/s, the least that was allowed (--min-rate)"),
        ];
        for (end, (low, high), words) in cases {
            assert_eq!(cut_off(Some(&end), &course.search), CutOff { low, high }, "{end:?}");
            let said = cut_off_words(Some(&end), &course).join("; ");
            assert!(said.contains(words) && said.is_empty() == words.is_empty(), "{said}");
        }
        assert!(cut_off(None, &course.search).is_not());
    }
}
