//! JUnit: a case for each objective, and one for the validity of the measurement.

use loadline_model::run::{SloResult, Summary, ValidityVerdict, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::headline::headline;
use super::rows::observed;
use crate::format::with_unit;

/// The run as a JUnit report: broken objectives are failures; what cannot be judged, and an invalid measurement, are
/// errors.
pub fn junit(summary: &Summary) -> String {
    cases(summary, false)
}

/// The same where the inconclusive is let through: its cases are skipped, so that they say what the exit code says.
pub fn junit_lenient(summary: &Summary) -> String {
    cases(summary, true)
}

fn cases(summary: &Summary, lenient: bool) -> String {
    let mut suite = TestSuite::new(summary.name.clone());
    suite.add_test_case(validity(summary));
    suite.add_test_cases(summary.slos.iter().map(|slo| objective(slo, lenient)));
    let mut report = Report::new("loadline");
    report.add_test_suite(suite);
    report.to_string().unwrap_or_else(|e| unreachable!("a report in memory is always written: {e}"))
}

fn validity(summary: &Summary) -> TestCase {
    let status = match summary.validity.verdict {
        ValidityVerdict::Valid => TestCaseStatus::success(),
        ValidityVerdict::GeneratorLimited => {
            said(NonSuccessKind::Error, "generator_limited", headline(summary).sentence)
        }
    };
    case("measurement is valid", status)
}

fn objective(slo: &SloResult, lenient: bool) -> TestCase {
    let told = || {
        let reason = slo.reason.iter().map(|r| format!(" ({r})")).collect::<String>();
        format!("observed {}, limit {}{reason}", observed(slo), with_unit(slo.limit, &slo.unit))
    };
    let status = match slo.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => said(NonSuccessKind::Failure, "fail", told()),
        Verdict::Inconclusive if lenient => {
            let mut status = TestCaseStatus::skipped();
            status.set_type("inconclusive").set_message(told());
            status
        }
        Verdict::Inconclusive => said(NonSuccessKind::Error, "inconclusive", told()),
        Verdict::Invalid => said(NonSuccessKind::Error, "invalid", told()),
    };
    let mut case = case(&slo.slo, status);
    case.set_system_out(told());
    case
}

fn case(name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname("loadline.slo");
    case
}

fn said(kind: NonSuccessKind, kind_name: &str, message: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(kind_name).set_message(message);
    status
}
