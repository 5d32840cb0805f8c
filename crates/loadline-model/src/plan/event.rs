//! What is known to change demand: a launch, a sale, holidays.
//!
//! ```yaml
//! events:
//!   - { name: launch, from: 2026-12-01, factor: 1.25 }               # from then on
//!   - { name: sale, from: 2026-11-27, until: 2026-11-30, factor: 1.8 }
//!   - { name: Christmas, on: 12-25, for: 2d }                        # every year; the factor is learnt
//!   - { name: release, on: 2026-01-15, every: 4w, factor: 1.1 }
//!   - { calendar: holidays.csv }                                     # date,name[,days][,factor]
//! ```

use std::ops::Range;

use jiff::{Span, Timestamp, ToSpan, tz::TimeZone};

use super::values::{Limits, parse_fraction, parse_span, value};
use crate::{
    scenario::{
        Text,
        read::{Fields, Reader},
        yaml::{Kind, Node},
    },
    series::{Axis, Time},
};

const DAY_S: i64 = 86_400;
/// Occurrences to either side of the one that is given.
const REPEATS_MAX: i64 = 2_000;

/// An entry of a plan's `events`.
#[derive(Debug, Clone, PartialEq)]
pub enum EventSource {
    /// As it is written there.
    Event(Event),
    /// A file with one row an occurrence.
    Calendar(Text),
}

/// Something known that multiplies demand for a while, or from then on.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What it is called.
    pub name: String,
    /// When it begins and ends (the end not included); without an end it lasts.
    pub spans: Vec<(Time, Option<Time>)>,
    /// How it comes back.
    pub every: Option<Every>,
    /// How many times as large demand is meanwhile; learnt from the occurrences within the history where not given.
    pub factor: Option<f64>,
}

/// How an event comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// On the same day of each year.
    Year,
    /// On the same day of each month.
    Month,
    /// After so many seconds.
    Seconds(i64),
}

impl Every {
    fn parse(text: &str) -> Result<Every, String> {
        match text.trim() {
            "year" => Ok(Every::Year),
            "month" => Ok(Every::Month),
            "week" => Ok(Every::Seconds(7 * DAY_S)),
            "day" => Ok(Every::Seconds(DAY_S)),
            other => parse_span(other)
                .ok()
                .filter(|s| *s >= 60.0)
                .map(|s| Every::Seconds(s as i64))
                .ok_or_else(|| format!("`{other}` is no recurrence")),
        }
    }
}

/// Reads a day or time; `12-25` is that day of every year.
fn parse_begin(text: &str) -> Option<(Time, Option<Every>)> {
    let text = text.trim();
    let day_of_year = text.len() == 5 && text.as_bytes()[2] == b'-';
    if day_of_year {
        // 2000 was a leap year: 02-29 is a day of it.
        return Time::parse(&format!("2000-{text}")).map(|time| (time, Some(Every::Year)));
    }
    Time::parse(text).map(|time| (time, None))
}

/// The end of a day, of a step, or the instant itself.
pub(super) fn after(time: Time) -> Time {
    match time {
        Time::Clock(s) if s.rem_euclid(DAY_S) == 0 => Time::Clock(s + DAY_S),
        Time::Clock(s) => Time::Clock(s),
        Time::Step(s) => Time::Step(s + 1),
    }
}

impl Event {
    /// Reads `2026-12-01=1.3` (from then on) or `2026-11-27..2026-11-30=1.8` (the last day included).
    pub fn parse(text: &str) -> Result<Event, String> {
        let help = "write a time and a factor, such as `2026-12-01=1.3` or `2026-11-27..2026-11-30=1.8`";
        let (when, factor) = text.split_once('=').ok_or_else(|| format!("`{text}` is no event; {help}"))?;
        let factor = parse_fraction(factor).ok().filter(|f| *f >= 0.0);
        let factor = factor.ok_or_else(|| format!("`{text}` has no factor of at least 0; {help}"))?;
        let (from, until) = when.split_once("..").map_or((when, None), |(f, u)| (f, Some(u)));
        let time = |t: &str| Time::parse(t).ok_or_else(|| format!("`{t}` is no time; {help}"));
        let span = (time(from)?, until.map(time).transpose()?.map(after));
        if span.1.is_some_and(|end| end <= span.0) {
            return Err(format!("`{when}` ends before it begins; {help}"));
        }
        Ok(Event { name: when.trim().into(), spans: vec![span], every: None, factor: Some(factor) })
    }

    /// Reads a holiday whose factor is to be learnt: `12-25` (every year), `2026-04-06`, or `12-24..12-26`.
    pub fn parse_holiday(text: &str) -> Result<Event, String> {
        let wrong = || {
            format!(
                "`{text}` is no day; write one such as `12-25` (every year), `2026-04-06` or `12-24..12-26`"
            )
        };
        let (from, until) = text.split_once("..").unwrap_or((text, text));
        let ((begin, every), (end, _)) =
            (parse_begin(from).ok_or_else(wrong)?, parse_begin(until).ok_or_else(wrong)?);
        let end = after(end);
        if end <= begin || matches!(begin, Time::Step(_)) {
            return Err(wrong());
        }
        Ok(Event { name: text.trim().into(), spans: vec![(begin, Some(end))], every, factor: None })
    }

    /// Whether it lasts once it has begun.
    pub fn lasts(&self) -> bool {
        self.spans.iter().any(|span| span.1.is_none())
    }

    /// The values of a series on `axis` that it touches, among the first `total`, ascending and apart; a value stands
    /// for the time from its own to that of the next.
    pub fn occurrences(&self, axis: &Axis, total: usize) -> Vec<Range<usize>> {
        let mut all: Vec<Range<usize>> = self
            .spans
            .iter()
            .flat_map(|span| self.repeated(*span, axis, total))
            .filter_map(|(from, to)| touched(from, to, axis, total))
            .collect();
        all.sort_by_key(|r| r.start);
        all.dedup_by(|later, earlier| {
            let together = later.start <= earlier.end;
            if together {
                earlier.end = earlier.end.max(later.end);
            }
            together
        });
        all
    }

    /// The span and its repetitions over the times of the axis.
    fn repeated(&self, span: (Time, Option<Time>), axis: &Axis, total: usize) -> Vec<(i64, Option<i64>)> {
        let same_kind = matches!(
            (span.0, axis),
            (Time::Clock(_), Axis::Clock { .. } | Axis::Months { .. }) | (Time::Step(_), Axis::Steps { .. })
        );
        if !same_kind {
            return Vec::new();
        }
        let plain = (span.0.number(), span.1.map(Time::number));
        let (Some(every), Some(end)) = (self.every, plain.1) else { return vec![plain] };
        let (first, last) = (axis.time(0).number(), axis.time(total).number());
        (-REPEATS_MAX..=REPEATS_MAX)
            .filter_map(|k| Some((shifted(plain.0, every, k)?, Some(shifted(end, every, k)?))))
            .filter(|(from, to)| *from < last && to.is_none_or(|to| to > first))
            .collect()
    }
}

/// `at` moved by `k` recurrences.
fn shifted(at: i64, every: Every, k: i64) -> Option<i64> {
    let by: Span = match every {
        Every::Seconds(step) => return at.checked_add(step.checked_mul(k)?),
        Every::Year if k.abs() > 200 => return None,
        Every::Year => k.years(),
        Every::Month => k.months(),
    };
    let then = Timestamp::from_second(at).ok()?.to_zoned(TimeZone::UTC).checked_add(by).ok()?;
    Some(then.timestamp().as_second())
}

fn touched(from: i64, to: Option<i64>, axis: &Axis, total: usize) -> Option<Range<usize>> {
    let within = |index: i64| index.clamp(0, total as i64) as usize;
    let begin = within(axis.index(from));
    let end = to.map_or(total, |to| within(axis.index(to - 1) + 1));
    (begin < end).then_some(begin..end)
}

/// Reads an entry of `events`.
pub(super) fn event(node: &Node, reader: &mut Reader) -> Option<EventSource> {
    let mut fields = reader.fields(node, "an event")?;
    if let Some(file) = fields.get("calendar") {
        let file = reader.text(file, "calendar");
        fields.finish(reader, "a calendar");
        return file.map(EventSource::Calendar);
    }
    let name = fields.need(reader, "name", "give it a name").and_then(|n| reader.text(n, "name"));
    let positive: Limits<f64> = (|v| v >= 0.0, "write a factor, such as 1.3");
    let factor = value(fields.get("factor"), "factor", reader, parse_fraction, positive);
    let every = value(
        fields.get("every"),
        "every",
        reader,
        Every::parse,
        (|_| true, "write year, month, week or a duration such as 4w"),
    );
    let days = occasions(&mut fields, reader);
    fields.finish(reader, "an event");
    let (spans, implied) = days?;
    Some(EventSource::Event(Event { name: name?.value, spans, every: every.or(implied), factor }))
}

type Occasions = (Vec<(Time, Option<Time>)>, Option<Every>);

/// `on` with `for`, or `from` with `until`.
fn occasions(fields: &mut Fields<'_>, reader: &mut Reader) -> Option<Occasions> {
    let long: Limits<f64> = (|v| v > 0.0, "write a duration such as 2d");
    let length = value(fields.get("for"), "for", reader, parse_span, long);
    let time: fn(&str) -> Result<Time, String> =
        |text| Time::parse(text).ok_or_else(|| format!("`{text}` is no time"));
    let date: Limits<Time> = (|_| true, "write a date such as 2026-12-01");
    let (from, until) = (
        value(fields.get("from"), "from", reader, time, date),
        value(fields.get("until"), "until", reader, time, date),
    );
    let Some(on) = fields.get("on") else {
        let Some(from) = from else {
            let help = "write `from: 2026-12-01` (it lasts), with `until`, or `on: 12-25`";
            reader.problem("missing-key", fields.span, "the event does not say when", help);
            return None;
        };
        if until.is_some_and(|end| end < from) {
            reader.problem("out-of-range", fields.span, "the event ends before it begins", "swap the two");
        }
        return Some((vec![(from, until.map(after))], None));
    };
    let days: Vec<&Node> = match &on.kind {
        Kind::List(items) => items.iter().collect(),
        _ => vec![on],
    };
    let mut implied = None;
    let mut spans = Vec::new();
    for node in days {
        let text = reader.text(node, "on")?;
        let Some((begin, every)) = parse_begin(&text.value) else {
            let help = "write a date such as 2026-11-27, or 12-25 for every year";
            reader.problem("unit", node.span, format!("`{}` is no day", text.value), help);
            return None;
        };
        implied = implied.or(every);
        let end = match (begin, length) {
            (Time::Clock(s), Some(length)) => Time::Clock(s + length as i64),
            (Time::Clock(s), None) => Time::Clock(s + DAY_S),
            (step, _) => after(step),
        };
        spans.push((begin, Some(end)));
    }
    Some((spans, implied))
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "lists of ranges are what is compared")]
mod tests {
    use super::*;

    fn days(from: &str) -> Axis {
        Axis::Clock { start_s: Time::parse(from).unwrap().number(), step_s: DAY_S }
    }

    #[test]
    fn holidays_come_back_every_year() {
        let christmas = Event::parse_holiday("12-24..12-26").unwrap();
        // 2024-12-24 is day 358 of the leap year 2024, counted from 0; 2025 has 365 days.
        assert_eq!(christmas.occurrences(&days("2024-01-01"), 800), [358..361, 723..726]);
        assert!(christmas.occurrences(&Axis::Steps { start: 0, step: 1 }, 800).is_empty());
        let once = Event::parse_holiday("2024-03-01").unwrap();
        assert_eq!(once.occurrences(&days("2024-01-01"), 100), [60..61]);
    }

    #[test]
    fn what_lasts_lasts_to_the_end() {
        let launch = Event::parse("2024-01-11=1.5").unwrap();
        assert!(launch.lasts() && launch.factor == Some(1.5));
        assert_eq!(launch.occurrences(&days("2024-01-01"), 50), [10..50]);
        assert_eq!(launch.occurrences(&days("2024-02-01"), 50), [0..50]);
        let sale = Event::parse("2024-01-11..2024-01-12=1.5").unwrap();
        assert_eq!(sale.occurrences(&days("2024-01-01"), 50), [10..12]);
        let hours = Axis::Clock { start_s: Time::parse("2024-01-11").unwrap().number(), step_s: 3600 };
        assert_eq!(sale.occurrences(&hours, 100), [0..48]);
        for text in ["2024-01-11", "x=2", "2024-01-11=-1", "2024-01-12..2024-01-11=2"] {
            assert!(Event::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fixed_distances_and_months() {
        let spans = vec![(Time::parse("2024-01-03").unwrap(), Some(Time::parse("2024-01-04").unwrap()))];
        let of = |every| Event { name: "e".into(), spans: spans.clone(), every: Some(every), factor: None };
        assert_eq!(of(Every::Seconds(7 * DAY_S)).occurrences(&days("2024-01-01"), 20), [2..3, 9..10, 16..17]);
        assert_eq!(of(Every::Month).occurrences(&days("2024-01-01"), 60), [2..3, 33..34]);
    }
}
