//! One picture of the whole report.

use super::charts::pictures;
use super::headline::{headline, verdict_word};
use super::rows::observed;
use super::view::View;
use crate::chart::sheet::{self, Line};

/// The verdict and all charts below one another, as a PNG on white.
pub fn png(view: &View) -> Vec<u8> {
    let head = headline(&view.summary);
    let mut lines = vec![
        Line::name(&view.summary.name),
        Line::headline(format!("{} — {}", head.word, head.sentence)),
        Line::remark(head.validity),
    ];
    lines.extend(head.status.into_iter().map(Line::remark));
    lines.extend(view.summary.slos.iter().map(|slo| {
        let reason = slo.reason.iter().map(|reason| format!(" ({reason})")).collect::<String>();
        let word = verdict_word(slo.verdict);
        Line::finding(format!("{word}  {}: observed {}{reason}", slo.slo, observed(slo)))
    }));
    sheet::png(&lines, &pictures(view))
}
