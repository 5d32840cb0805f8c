//! The search as JUnit XML: one case, whether the capacity is what was required.

use loadline_model::run::{Status, ValidityVerdict, Verdict};
use loadline_model::saturation::{SaturationDocument, SearchEnd};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::headline::headline;

/// One suite with one case.
pub fn junit(document: &SaturationDocument) -> String {
    case(document, false)
}

/// The same where what cannot be told is no reason to fail: it is skipped.
pub fn junit_lenient(document: &SaturationDocument) -> String {
    case(document, true)
}

fn case(document: &SaturationDocument, lenient: bool) -> String {
    let head = headline(document);
    let limited = document.validity.verdict == ValidityVerdict::GeneratorLimited;
    let kind = match document.verdict {
        _ if limited => Some(NonSuccessKind::Error),
        Some(Verdict::Pass) => None,
        Some(Verdict::Fail) => Some(NonSuccessKind::Failure),
        Some(Verdict::Inconclusive | Verdict::Invalid) => Some(NonSuccessKind::Error),
        None if document.is_vague() || document.status != Status::Complete => Some(NonSuccessKind::Error),
        None if document.interval.is_some() => None,
        None if document.end == Some(SearchEnd::NothingPasses) => Some(NonSuccessKind::Failure),
        None => Some(NonSuccessKind::Error),
    };
    let is_unclear = kind == Some(NonSuccessKind::Error) && !limited;
    let status = match kind {
        None => TestCaseStatus::success(),
        Some(_) if is_unclear && lenient => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("{} — {}", head.word, head.sentence)).set_type(head.word);
            status
        }
        Some(kind) => {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_message(format!("{} — {}", head.word, head.sentence)).set_type(head.word);
            status
        }
    };
    let mut case = TestCase::new("capacity", status);
    case.set_classname("loadline.saturate");
    case.set_system_out(format!("{} — {}", head.word, head.sentence));
    let mut suite = TestSuite::new("saturation");
    suite.add_test_case(case);
    let mut report = Report::new("loadline saturate");
    report.add_test_suite(suite);
    report.to_string().expect("the report is text")
}
