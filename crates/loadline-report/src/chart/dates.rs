//! Axes of dates: ticks where people count days, weeks, months and years.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use loadline_model::series::Time;

use super::frame::Axis;
use super::labels::text_width;
use super::scale::Scale;
use crate::format::number;

const DAY_S: i64 = 86_400;
const TEXT: f64 = 12.5;
/// Distances of ticks in days, up to where months begin.
const DAYS: [i64; 4] = [1, 2, 7, 14];
/// The same in months.
const MONTHS: [i32; 8] = [1, 2, 3, 6, 12, 24, 60, 120];

/// From one time to another, with as many ticks as fit into `width`; steps where the times have no dates.
pub(crate) fn axis(from: Time, to: Time, width: u32) -> Axis {
    let (lo, hi) = (from.number(), to.number());
    let scale = Scale::linear(lo as f64, hi as f64);
    let max = |widest: &str| ((f64::from(width) * 0.8 / (text_width(widest, TEXT) + 16.0)) as usize).max(2);
    let ticks = match from {
        Time::Step(_) => scale.ticks(max("10,000")).into_iter().map(|v| (v, number(v))).collect(),
        Time::Clock(_) => dated(lo, hi, max("Jan 2027")),
    };
    Axis { scale, ticks }
}

fn dated(lo: i64, hi: i64, max: usize) -> Vec<(f64, String)> {
    for hours in [3, 6, 12] {
        let step = hours * 3600;
        if (hi - lo) / step < max as i64 {
            return multiples(lo, hi, step).map(|s| (s as f64, hour(s))).collect();
        }
    }
    for days in DAYS {
        let step = days * DAY_S;
        if (hi - lo) / step < max as i64 {
            // Weeks begin on Mondays: the first day of 1970 was a Thursday.
            let offset = if days >= 7 { 4 * DAY_S } else { 0 };
            return multiples(lo - offset, hi - offset, step).map(|s| s + offset).map(day_tick).collect();
        }
    }
    let (Some(first), Some(last)) = (date(lo), date(hi)) else { return Vec::new() };
    let months = |d: Date| i32::from(d.year()) * 12 + i32::from(d.month()) - 1;
    let all = months(first) + i32::from(first.day() > 1)..=months(last);
    let each = |every: i32| all.clone().filter(move |month| month % every == 0);
    let every = MONTHS.into_iter().find(|every| each(*every).count() <= max).unwrap_or(120);
    each(every).filter_map(month_tick).collect()
}

fn multiples(lo: i64, hi: i64, step: i64) -> impl Iterator<Item = i64> {
    let first = lo.div_euclid(step) + i64::from(lo.rem_euclid(step) > 0);
    (first..=hi.div_euclid(step)).map(move |k| k * step)
}

fn date(seconds: i64) -> Option<Date> {
    Some(Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::UTC).date())
}

fn hour(seconds: i64) -> String {
    let of_day = seconds.rem_euclid(DAY_S);
    if of_day == 0 { short(seconds) } else { format!("{:02}:{:02}", of_day / 3600, of_day / 60 % 60) }
}

fn day_tick(seconds: i64) -> (f64, String) {
    (seconds as f64, short(seconds))
}

fn month_tick(month: i32) -> Option<(f64, String)> {
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12));
    let first = Date::new(i16::try_from(year).ok()?, month as i8 + 1, 1).ok()?;
    let at = first.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    let name = NAMES[month as usize];
    Some((at as f64, if month == 0 { format!("{name} {year}") } else { name.to_owned() }))
}

const NAMES: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `4 Nov`.
fn short(seconds: i64) -> String {
    date(seconds).map_or(String::new(), |d| format!("{} {}", d.day(), NAMES[d.month() as usize - 1]))
}

/// A time as people write it: `20 Jan 2027`, with the time of day where it is not midnight; `step 48`.
pub(crate) fn when(time: Time) -> String {
    match time {
        Time::Step(step) => format!("step {step}"),
        Time::Clock(s) => {
            let year = date(s).map_or(String::new(), |d| format!(" {}", d.year()));
            let of_day = s.rem_euclid(DAY_S);
            let clock = if of_day == 0 {
                String::new()
            } else {
                format!(", {:02}:{:02}", of_day / 3600, of_day / 60 % 60)
            };
            format!("{}{year}{clock}", short(s))
        }
    }
}

/// The day of the week of a time, 0 for Monday; `None` without dates.
pub(crate) fn weekday(time: Time) -> Option<usize> {
    match time {
        Time::Clock(s) => Some((s.div_euclid(DAY_S) + 3).rem_euclid(7) as usize),
        Time::Step(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    fn labels(from: &str, to: &str, width: u32) -> Vec<String> {
        axis(at(from), at(to), width).ticks.into_iter().map(|t| t.1).collect()
    }

    #[test]
    fn ticks_are_where_people_count() {
        assert_eq!(
            labels("2026-11-04", "2027-03-04", 1080),
            ["9 Nov", "23 Nov", "7 Dec", "21 Dec", "4 Jan", "18 Jan", "1 Feb", "15 Feb", "1 Mar"]
        );
        assert_eq!(labels("2025-09-01", "2027-03-04", 360), ["Jan 2026", "Jul", "Jan 2027"]);
        assert_eq!(labels("2026-11-04", "2026-11-05", 524), ["4 Nov", "06:00", "12:00", "18:00", "5 Nov"]);
        assert_eq!(labels("3", "40", 360), ["10", "20", "30", "40"]);
    }

    #[test]
    fn times_read_well() {
        assert_eq!(when(at("2027-01-20")), "20 Jan 2027");
        assert_eq!(when(at("2027-01-20T05:30:00Z")), "20 Jan 2027, 05:30");
        assert_eq!(when(Time::Step(48)), "step 48");
        // The 20th of January 2027 is a Wednesday.
        assert_eq!(weekday(at("2027-01-20T23:00:00Z")), Some(2));
    }
}
