//! Metrics that have one and the same value in all runs, such as a throughput that the plan sets.
//!
//! There is no noise to tell, and none is needed: the values differ by less than a step of their rounding, whatever noise
//! there is below it.

use loadline_model::comparison::{MetricComparison, Verdict};

use super::Options;

/// Steps by which the values of the sides have to differ beyond the tolerance to be told apart in four of five cases: rounding
/// leaves each half a step off, a standard deviation of 1/√6 of a step between two, and 1.96 + 0.84 of those are needed.
const TOLD: f64 = 1.144;

/// Judges a metric that is `value`, not 0, in all runs of both sides, rounded to `step`.
pub(super) fn judge(metric: &mut MetricComparison, value: f64, step: f64, options: &Options) {
    let most = step / value.abs();
    metric.change = Some(0.0);
    (metric.low, metric.high) = (Some(-most), Some(most));
    metric.min_detectable_change = Some((1.0 + options.tolerance) * (1.0 + TOLD * most) - 1.0);
    if options.tolerance == 0.0 {
        metric.reasons.push(format!(
            "it is {value} in all runs of both sides, which shows no difference of exactly 0: a tolerance of 0 leaves \
             nothing to pass"
        ));
    } else if most <= options.tolerance {
        metric.verdict = Verdict::Pass;
    } else {
        metric.reasons.push(format!(
            "it is {value} in all runs of both sides, which says no more than its digits, a step of {:.1} %: figures with \
             more digits would tell, more runs would not",
            100.0 * most
        ));
    }
}
