//! The charts of headroom: the fan against what may be used, when it runs out, instances, and what-ifs side by side.

use loadline_model::headroom::{HeadroomDocument, Outlook, ServiceHeadroom};
use loadline_model::series::Time;

use super::words::{by_end, date, most_needed, probability, promised};
use crate::chart::dates::{axis, when};
use crate::chart::document::standalone;
use crate::chart::{Axis, Chart, EndLabel, Head, Picture, Role, Scale};
use crate::forecast::fan::{Against, fan, thin, x};
use crate::forecast::{backtests, seasons};
use crate::format::{number, percent};
use crate::page::Width;

/// The charts with their names, each a stand-alone SVG for light and dark.
pub fn charts(document: &HeadroomDocument) -> Vec<(String, String)> {
    let all = document.details.iter().enumerate().flat_map(|(index, service)| {
        let own = Charts { service, prefix: format!("s{}", index + 1) };
        [
            own.demand(Width::Full),
            own.runs_out(Width::Full),
            own.instances(Width::Full),
            own.what_ifs(document, Width::Full),
            own.backtests(Width::Full),
            own.season(Width::Full),
        ]
    });
    all.flatten().map(|picture| (picture.name.clone(), standalone(&picture))).collect()
}

/// The charts of one service.
pub(super) struct Charts<'a> {
    pub(super) service: &'a ServiceHeadroom,
    /// What their names begin with.
    pub(super) prefix: String,
}

impl Charts<'_> {
    fn named(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    fn span(&self) -> Option<(Time, Time)> {
        Some((self.service.probability.first()?.date, self.service.probability.last()?.date))
    }

    pub(super) fn demand(&self, width: Width) -> Option<Picture> {
        let out = &self.service.runs_out;
        let mark = |at: Option<Time>, text: &str| Some((at?, text.to_owned()));
        let mut marks: Vec<(Time, String)> =
            [mark(out.p10, "10 %"), mark(out.p50, "50 %"), mark(out.p90, "90 %")]
                .into_iter()
                .flatten()
                .collect();
        marks.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 = format!("{}, {}", first.1.trim_end_matches(" %"), later.1);
            }
            same
        });
        let against = Against { capacity: self.service.capacity.usable, marks };
        let title = "Demand against what may be used".to_owned();
        fan(&self.service.demand, (self.named("demand"), title), Some(&against), width)
    }

    pub(super) fn runs_out(&self, width: Width) -> Option<Picture> {
        let (from, to) = self.span()?;
        let p = by_end(self.service);
        let ends = vec![EndLabel::new(p, probability(p), Role::Series(2))];
        let out = &self.service.runs_out;
        let head = Head {
            name: self.named("runs-out"),
            title: "Probability of having run out".to_owned(),
            subtitle: "demand above what may be used at least once by that date".to_owned(),
            description: format!(
                "10% by {}, 50% by {}, 90% by {}; {} at the end.",
                date(out.p10),
                date(out.p50),
                date(out.p90),
                probability(p)
            ),
        };
        let y = Axis {
            scale: Scale::linear(0.0, 1.0),
            ticks: [0.0, 0.1, 0.5, 0.9, 1.0].map(|v| (v, percent(v))).to_vec(),
        };
        let size = width.size(280);
        let chart = Chart::new(size, head, axis(from, to, size.width), y, ends);
        chart.grid();
        let line: Vec<(f64, f64)> =
            self.service.probability.iter().map(|p| (x(p.date), p.exceeded_by)).collect();
        chart.line(Role::Series(2), 2.2, &thin(&line));
        for (at, level) in [(out.p10, 0.1), (out.p50, 0.5), (out.p90, 0.9)] {
            if let Some(at) = at {
                chart.dot(Role::Series(2), 3.5, (x(at), level));
                // Beneath the curve, which never falls, there is room to the right.
                chart.word((x(at), level - 0.05), &when(at), Role::Ink);
            }
        }
        Some(chart.finish())
    }

    pub(super) fn instances(&self, width: Width) -> Option<Picture> {
        let (from, to) = self.span()?;
        let have = f64::from(self.service.instances_now);
        let needed: Vec<(f64, f64)> =
            self.service.instances.iter().filter_map(|i| Some((x(i.date), i.needed? as f64))).collect();
        let last = needed.last()?.1;
        let most = most_needed(self.service)?;
        let ends = vec![
            EndLabel::new(last, "needed", Role::Series(0)),
            EndLabel::new(have, format!("now {}", self.service.instances_now), Role::Limit),
        ];
        let head = Head {
            name: self.named("instances"),
            title: "Instances needed".to_owned(),
            subtitle: format!(
                "to suffice until then with {} probability, redundancy included; dashed: those there are",
                promised(self.service.policy.quantile)
            ),
            description: format!(
                "There are {}; at most {} are needed, first at {}.",
                self.service.instances_now,
                most.0,
                when(most.1)
            ),
        };
        let y = Axis::new(Scale::from_zero(have.max(most.0 as f64).max(4.0)), 6, number);
        let size = width.size(280);
        let chart = Chart::new(size, head, axis(from, to, size.width), y, ends);
        chart.grid();
        chart.line(Role::Series(0), 1.8, &stairs(&thin(&needed)));
        chart.limit(have);
        Some(chart.finish())
    }

    pub(super) fn backtests(&self, width: Width) -> Option<Picture> {
        backtests(&self.service.demand, self.named("backtests"), width)
    }

    pub(super) fn season(&self, width: Width) -> Option<Picture> {
        seasons(&self.service.demand, self.named("season"), width)
    }

    /// One row for the plan and each what-if: from the 10 % to the 90 % date, with a dot at 50 %.
    pub(super) fn what_ifs(&self, document: &HeadroomDocument, width: Width) -> Option<Picture> {
        let of = |o: &&Outlook| o.service == self.service.service;
        let rows: Vec<&Outlook> =
            document.services.iter().filter(of).chain(document.what_ifs.iter().filter(of)).collect();
        if rows.len() < 2 {
            return None;
        }
        let (from, to) = self.span()?;
        let count = rows.len();
        let at = |row: usize| (count - row) as f64 - 0.5;
        let label = |o: &Outlook| {
            let name = o.what_if.as_deref().unwrap_or("as planned");
            let room = if width == Width::Narrow { 14 } else { 34 };
            if name.chars().count() <= room {
                name.to_owned()
            } else {
                format!("{}…", name.chars().take(room - 1).collect::<String>().trim_end())
            }
        };
        let words: Vec<String> = rows
            .iter()
            .map(|o| {
                format!("{}: 50% by {}", o.what_if.as_deref().unwrap_or("as planned"), date(o.runs_out.p50))
            })
            .collect();
        let head = Head {
            name: self.named("what-ifs"),
            title: "When it runs out: what if …".to_owned(),
            subtitle: "from the date of 10 % probability to that of 90 %, the dot at 50 %; open to the right: later than \
                       the horizon"
                .to_owned(),
            description: format!("{}.", words.join("; ")),
        };
        let y = Axis {
            scale: Scale::linear(0.0, count as f64),
            ticks: rows.iter().enumerate().map(|(row, o)| (at(row), label(o))).collect(),
        };
        let mut size = width.size(330);
        size.height = 104 + 34 * count as u32;
        let chart = Chart::new(size, head, axis(from, to, size.width), y, Vec::new());
        chart.grid();
        for (row, outlook) in rows.iter().enumerate() {
            self.what_if_row(&chart, outlook, at(row), (from, to));
        }
        Some(chart.finish())
    }

    fn what_if_row(&self, chart: &Chart, outlook: &Outlook, y: f64, (from, to): (Time, Time)) {
        let out = &outlook.runs_out;
        let role = if outlook.what_if.is_none() { Role::Series(2) } else { Role::Series(0) };
        let Some(p10) = out.p10 else {
            let text = format!("{} by the end", probability(outlook.exceeded_by_end));
            return chart.word((x(from), y), &text, Role::Muted);
        };
        let end = out.p90.unwrap_or(to);
        chart.line(role, 3.0, &[(x(p10), Some(y)), (x(end), Some(y))]);
        match out.p50 {
            Some(p50) => {
                chart.dot(role, 5.0, (x(p50), y));
                chart.word((x(p50), y + 0.3), &when(p50), Role::Ink);
            }
            None => {
                let text = format!("{} by the end", probability(outlook.exceeded_by_end));
                chart.word((x(p10), y + 0.3), &text, Role::Ink);
            }
        }
    }
}

/// A line of steps: a value holds until the next.
fn stairs(points: &[(f64, Option<f64>)]) -> Vec<(f64, Option<f64>)> {
    let mut all = Vec::with_capacity(2 * points.len());
    for (i, point) in points.iter().enumerate() {
        if i > 0 && points[i - 1].1 != point.1 {
            all.push((point.0, points[i - 1].1));
        }
        all.push(*point);
    }
    all
}
