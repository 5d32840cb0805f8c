//! Known events from plans, flags and calendars, placed on a series.

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use loadline_analysis::forecast::KnownEvent;
use loadline_model::lines::{Lines, line_of};
use loadline_model::plan::{Event, EventSource, Plan};
use loadline_model::series::{Axis, Time};

const DAY_S: f64 = 86_400.0;

/// Reads a calendar: a CSV with the columns `date,name` and, where wanted, `days` (1 where not given) and `factor`.
/// Rows of one name are occurrences of one event; a factor in any of them holds for all.
///
/// # Errors
/// What is wrong, with its line and column. `file` is its name there.
pub fn read_calendar(input: impl Read, file: &str) -> Result<Vec<Event>, String> {
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(Lines::new(input));
    let broken = |e: csv::Error| format!("{file}: {e}");
    let headers = reader.headers().map_err(broken)?.clone();
    let find =
        |name: &str| headers.iter().position(|h| h.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name));
    let columns = "a calendar has the columns `date,name[,days][,factor]`";
    let needed =
        |name: &str| find(name).ok_or_else(|| format!("{file}:1: there is no column `{name}`; {columns}"));
    let (date, name) = (needed("date")?, needed("name")?);
    let (days, factor) = (find("days"), find("factor"));
    let mut events: Vec<Event> = Vec::new();
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(broken)? {
        let line = line_of(&reader, &row);
        let wrong = |text: &str, column: &str, help: &str| {
            format!("{file}:{line}: `{text}` in column `{column}` does not fit; {help}")
        };
        let cell = |at: Option<usize>| at.and_then(|at| row.get(at)).filter(|text| !text.is_empty());
        let number = |at: Option<usize>, column: &str, help: &str| {
            cell(at)
                .map(|text| {
                    let value = text.parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0);
                    value.ok_or_else(|| wrong(text, column, help))
                })
                .transpose()
        };
        let text = row.get(date).unwrap_or_default();
        let Some(Time::Clock(from)) = Time::parse(text) else {
            return Err(wrong(text, "date", "write a date such as 2026-12-25"));
        };
        let length = number(days, "days", "write a number of days above 0")?.unwrap_or(1.0) * DAY_S;
        let factor = number(factor, "factor", "write a factor above 0, or leave it empty to have it learnt")?;
        let name = cell(Some(name)).unwrap_or("event").to_owned();
        let span = (Time::Clock(from), Some(Time::Clock(from + length as i64)));
        match events.iter_mut().find(|e| e.name == name) {
            Some(event) => {
                event.spans.push(span);
                event.factor = event.factor.or(factor);
            }
            None => events.push(Event { name, spans: vec![span], every: None, factor }),
        }
    }
    if events.is_empty() { Err(format!("{file}: there are no rows; {columns}")) } else { Ok(events) }
}

/// The same from a file.
///
/// # Errors
/// Likewise, and where it cannot be read.
pub fn load_calendar(path: &Path) -> Result<Vec<Event>, String> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path).map_err(|e| format!("cannot read {name}: {e}"))?;
    read_calendar(file, &name)
}

/// The events of a plan, those of its calendars among them; files are relative to `base`.
pub(crate) fn of_plan(plan: &Plan, base: &Path) -> Result<Vec<Event>, (usize, String)> {
    let mut events = Vec::new();
    for (at, source) in plan.events.iter().enumerate() {
        match source {
            EventSource::Event(event) => events.push(event.clone()),
            EventSource::Calendar(file) => {
                events.extend(load_calendar(&base.join(&file.value)).map_err(|m| (at, m))?);
            }
        }
    }
    Ok(events)
}

/// The share of the steps touched that an event lasts, on average: a day of seven where steps are weeks; 1 where it lasts
/// on.
fn coverage(event: &Event, axis: &Axis, spans: &[Range<usize>]) -> f64 {
    let length = |span: &(Time, Option<Time>)| Some((span.1?.number() - span.0.number()) as f64);
    let lengths: Option<Vec<f64>> = event.spans.iter().map(length).collect();
    let Some(lengths) = lengths.filter(|all| !all.is_empty() && !spans.is_empty()) else { return 1.0 };
    let lasting = lengths.iter().sum::<f64>() / lengths.len() as f64;
    let steps = spans.iter().map(Range::len).sum::<usize>() as f64 / spans.len() as f64;
    (lasting / (steps * axis.step() as f64)).min(1.0)
}

/// Shares above this are the whole: months are not equally long, nor are years.
const WHOLE: f64 = 0.9;

/// The events on a series of `total` steps, those of the horizon included. A factor given for a part of a step is spread
/// over it, and that is said.
pub(crate) fn place(events: &[Event], axis: &Axis, total: usize) -> (Vec<KnownEvent>, Vec<String>) {
    let mut notes = Vec::new();
    let mut placed = |event: &Event| {
        let spans = event.occurrences(axis, total);
        let share = coverage(event, axis, &spans);
        let factor = event.factor.map(|given| {
            let spread = 1.0 + (given - 1.0) * share;
            if share > WHOLE || given == 1.0 {
                return given;
            }
            notes.push(format!(
                "{}: it lasts {:.0} % of the steps that it touches: {given} times as much is {spread:.3} times over them",
                event.name,
                100.0 * share
            ));
            spread
        });
        KnownEvent { name: event.name.clone(), spans, factor, lasts: event.lasts() }
    };
    let placed = events.iter().map(&mut placed).collect();
    (placed, notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_is_read() {
        let text = "date,name,days,factor\n2025-11-28,Black Friday,,\n2026-11-27,Black Friday,2,1.8\n2026-12-25,Christmas,1,\n";
        let events = read_calendar(text.as_bytes(), "c.csv").unwrap();
        assert_eq!((events.len(), events[0].spans.len(), events[0].factor), (2, 2, Some(1.8)));
        let (from, to) = events[0].spans[1];
        assert_eq!(to.unwrap().number() - from.number(), 2 * 86_400);
    }

    /// A day of double demand is a seventh more over a week; on days it is what was given.
    #[test]
    fn a_day_is_a_seventh_of_a_week() {
        let monday = Time::parse("2026-01-05").unwrap().number();
        let on = |step_s: i64| Axis::Clock { start_s: monday, step_s };
        let event = Event::parse("2026-02-04..2026-02-04=2").unwrap();
        let (weeks, notes) = place(std::slice::from_ref(&event), &on(7 * 86_400), 20);
        assert!(
            (weeks[0].factor.unwrap() - 8.0 / 7.0).abs() < 1e-9 && notes[0].contains("14 %"),
            "{notes:?}"
        );
        for step_s in [3_600, 86_400] {
            let (days, notes) = place(std::slice::from_ref(&event), &on(step_s), 2_000);
            assert_eq!((days[0].factor, notes.len()), (Some(2.0), 0));
        }
        let lasting = Event::parse("2026-02-04=2").unwrap();
        assert_eq!(place(&[lasting], &on(7 * 86_400), 20).0[0].factor, Some(2.0));
    }

    #[test]
    fn mistakes_have_their_place() {
        let error = |text: &str| read_calendar(text.as_bytes(), "c.csv").unwrap_err();
        assert!(error("day,name\n").starts_with("c.csv:1: there is no column `date`"));
        assert!(error("date,name\n2026-13-01,x\n").starts_with("c.csv:2: `2026-13-01` in column `date`"));
        assert!(error("date,name,days\n2026-12-01,x,-1\n").contains("c.csv:2: `-1` in column `days`"));
        assert!(error("date,name\r\n2026-12-01,x\r\n\r\nsoon,x\r\n").starts_with("c.csv:4: `soon`"));
        assert!(error("date,name\n").contains("there are no rows"));
    }
}
