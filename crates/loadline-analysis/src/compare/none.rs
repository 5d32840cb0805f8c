//! Metrics of which neither side has any, such as errors.
//!
//! That none was seen does not show that there is none. A rate of `−ln(α)/n` or more leaves `n` requests without an error
//! with a probability of at most `α`: the rule of three, for `α` = 5 % (Hanley and Lippman-Hand, *JAMA* 249, 1983). No
//! share of nothing can be tolerated, so that what does not matter is a difference. Where requests are not counted it
//! takes as many runs as tell anything of a side.

use loadline_model::comparison::{MetricComparison, Verdict};

use super::Options;
use super::metric::ERROR_RATE;
use super::shift::FEW;

/// A difference of error rates that does not matter where the base has none, and in a duel however small they are: one
/// request in two hundred. To show it takes a duel some 1,900 requests a side without an error at 99 % (see
/// `duel::errors`): a smaller one would leave duels at modest rates open for minutes, although there was nothing to see.
pub(super) const ERROR_RATE_MARGIN: f64 = 0.005;

/// Judges a metric that is 0 in all runs of both sides. `requests` are those of the base and of the candidate where the
/// metric is a share of requests and they are known.
pub(super) fn judge(metric: &mut MetricComparison, requests: Option<[u64; 2]>, options: &Options) {
    metric.difference = Some(0.0);
    if options.tolerance == 0.0 {
        let reason = "no run of either side has any, which shows no difference of exactly 0: a tolerance of 0 leaves \
                      nothing to pass";
        metric.reasons.push(reason.into());
    }
    match requests {
        Some(requests) => by_requests(metric, requests, options),
        None => by_runs(metric, options),
    }
}

/// Errors in each run of a candidate, or in all of them where runs are few, by which four of five are found to have regressed
/// from a base without any: simulated for 5, 10 and 20 runs a side.
const FOUND: (f64, f64) = (1.2, 11.0);

fn by_requests(metric: &mut MetricComparison, requests: [u64; 2], options: &Options) {
    let surprise = -((1.0 - options.confidence) / 2.0).ln();
    let [base, candidate] = requests.map(|requests| (surprise / requests.max(1) as f64).min(1.0));
    metric.difference_interval = Some([-base, candidate]);
    let [runs, of_run] =
        [metric.candidate_runs as f64, requests[1] as f64 / metric.candidate_runs.max(1) as f64];
    let (each, all) = FOUND;
    metric.min_detectable_difference =
        (metric.candidate_runs >= FEW && of_run > 0.0).then(|| (each.max(all / runs) / of_run).min(1.0));
    if options.tolerance == 0.0 {
        return;
    }
    // The base's rate may be as little as 0.
    if candidate <= ERROR_RATE_MARGIN {
        metric.verdict = Verdict::Pass;
        return;
    }
    let [_, seen] = requests;
    let wanted = (surprise / ERROR_RATE_MARGIN).ceil();
    let each = seen.max(1) as f64 / metric.candidate_runs.max(1) as f64;
    metric.more_runs_needed = Some(((wanted - seen as f64) / each).ceil().max(1.0) as u64);
    metric.reasons.push(format!(
        "no errors in {seen} requests of the candidate leave room for a rate of {:.1} %; {wanted} requests without one \
         would show less than {:.1} %",
        100.0 * candidate,
        100.0 * ERROR_RATE_MARGIN
    ));
}

fn by_runs(metric: &mut MetricComparison, options: &Options) {
    if options.tolerance == 0.0 {
        return;
    }
    let runs = metric.base_runs.min(metric.candidate_runs);
    if runs >= FEW {
        metric.verdict = Verdict::Pass;
        if metric.metric == ERROR_RATE {
            let reason = "of how many requests is not known, so that it rests on the runs alone: give a column `requests`";
            metric.reasons.push(reason.into());
        }
        return;
    }
    metric.more_runs_needed = Some((FEW - runs) as u64);
    metric.reasons.push(format!(
        "no run of either side has any, of which fewer than {FEW} runs a side without a known number of requests show \
         little"
    ));
}
