//! JUnit: a case for each metric.

use loadline_model::comparison::{Comparison, MetricComparison, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::words::{change, interval, name, sentence};

/// The comparison as a JUnit report: a regression is a failure; what cannot be judged is an error.
pub fn junit(comparison: &Comparison) -> String {
    let mut suite = TestSuite::new("compare");
    if comparison.verdict == Verdict::Invalid {
        suite.add_test_case(case("runs are valid", error("invalid", sentence(comparison))));
    }
    suite.add_test_cases(comparison.metrics.iter().map(metric));
    let mut report = Report::new("loadline");
    report.add_test_suite(suite);
    report.to_string().unwrap_or_else(|e| unreachable!("a report in memory is always written: {e}"))
}

fn metric(metric: &MetricComparison) -> TestCase {
    let reasons = metric.reasons.iter().map(|reason| format!("; {reason}")).collect::<String>();
    let told = format!("change {}, interval {}{reasons}", change(metric), interval(metric));
    let status = match metric.verdict {
        Verdict::Pass | Verdict::Improved => TestCaseStatus::success(),
        Verdict::Regressed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("regressed").set_message(told.clone());
            status
        }
        Verdict::Inconclusive | Verdict::Invalid => error(metric.verdict.name(), told.clone()),
    };
    let mut case = case(&name(metric), status);
    case.set_system_out(told);
    case
}

fn error(kind: &str, message: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(kind.to_owned()).set_message(message);
    status
}

fn case(name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname("loadline.compare");
    case
}
