//! One picture of the whole report.

use loadline_model::run::RunDocument;
use loadline_model::saturation::SaturationDocument;

use super::charts::pictures;
use super::headline::headline;
use crate::chart::sheet::{self, Line};

/// The capacity and all charts below one another, as a PNG on white.
pub fn png(document: &SaturationDocument, run: &RunDocument) -> Vec<u8> {
    let head = headline(document);
    let mut lines = vec![
        Line::name(&run.name),
        Line::headline(format!("{} — {}", head.word, head.sentence)),
        Line::remark(head.validity),
    ];
    lines.extend(head.status.into_iter().map(Line::remark));
    lines.extend(document.evidence.iter().map(|evidence| Line::finding(&evidence.finding)));
    // The headline may have one of them.
    let others = document.reasons.iter().filter(|reason| !head.sentence.contains(reason.as_str()));
    lines.extend(others.map(Line::finding));
    sheet::png(&lines, &pictures(document))
}
