//! JUnit: a case for each metric.

use loadline_model::comparison::{Comparison, MetricComparison, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::words::{change, interval, name, sentence};
use crate::format::{NONE, number};

/// The comparison as a JUnit report: a regression is a failure; what cannot be judged is an error, or skipped where that is
/// `lenient`, so that the cases say what the exit code says.
pub fn junit(comparison: &Comparison, lenient: bool) -> String {
    let kind = if comparison.duel.is_some() { "duel" } else { "compare" };
    let case = |name: &str, status| case(kind, name, status);
    let mut suite = TestSuite::new(kind);
    if comparison.verdict == Verdict::Invalid {
        suite.add_test_case(case("runs are valid", error("invalid", sentence(comparison))));
    }
    suite.add_test_cases(comparison.metrics.iter().map(|one| {
        let (status, told) = metric(one, lenient);
        let mut case = case(&name(one), status);
        case.set_system_out(told);
        case
    }));
    let named = comparison.metrics.iter().any(|metric| metric.verdict == Verdict::Regressed);
    if comparison.verdict == Verdict::Regressed && !named {
        suite.add_test_case(case("the candidate answers", failure(sentence(comparison))));
    }
    let mut report = Report::new("loadline");
    report.add_test_suite(suite);
    report.to_string().unwrap_or_else(|e| unreachable!("a report in memory is always written: {e}"))
}

/// What became of a metric, and the figures.
fn metric(metric: &MetricComparison, lenient: bool) -> (TestCaseStatus, String) {
    let reasons = metric.reasons.iter().map(|reason| format!("; {reason}")).collect::<String>();
    let [base, candidate] =
        [metric.base, metric.candidate].map(|value| value.map_or(NONE.to_owned(), number));
    let (change, interval) = (change(metric), interval(metric));
    let told = format!("base {base}, candidate {candidate}, change {change}, interval {interval}{reasons}");
    let status = match metric.verdict {
        Verdict::Pass | Verdict::Improved => TestCaseStatus::success(),
        Verdict::Regressed => failure(told.clone()),
        Verdict::Inconclusive if lenient => {
            let mut status = TestCaseStatus::skipped();
            status.set_type(metric.verdict.name()).set_message(told.clone());
            status
        }
        Verdict::Inconclusive | Verdict::Invalid => error(metric.verdict.name(), told.clone()),
    };
    (status, told)
}

fn failure(message: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type("regressed").set_message(message);
    status
}

fn error(kind: &str, message: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(kind.to_owned()).set_message(message);
    status
}

fn case(kind: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("loadline.{kind}"));
    case
}
