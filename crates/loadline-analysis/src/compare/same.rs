//! Metrics that have one and the same value in all runs, such as a throughput that the plan sets.
//!
//! There is no noise to tell, and none is needed: the values differ by less than a step of their rounding, whatever noise
//! there is below it.

use loadline_model::comparison::{MetricComparison, Verdict};

use super::Options;

/// Judges a metric that is `value`, not 0, in all runs of both sides, rounded to `step`.
pub(super) fn judge(metric: &mut MetricComparison, value: f64, step: f64, options: &Options) {
    let most = step / value.abs();
    metric.change = Some(0.0);
    (metric.low, metric.high) = (Some(-most), Some(most));
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
