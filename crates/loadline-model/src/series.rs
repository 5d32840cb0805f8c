//! A series of demand: evenly spaced values on a clock or on plain steps, and the times they are written as.

use jiff::{
    Timestamp,
    civil::{DateTime, date},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

/// Where the values of a series stand in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Seconds since 1970 (UTC) of the first value, and seconds between values.
    Clock {
        /// The first value's time.
        start_s: i64,
        /// The distance of values, above 0.
        step_s: i64,
    },
    /// Whole numbers without dates.
    Steps {
        /// The first value's step.
        start: i64,
        /// The distance of values, above 0.
        step: i64,
    },
    /// Months of the calendar (UTC), which are not equally long.
    Months {
        /// The first value's month, counted from January 1970.
        first: i64,
        /// Months between values, above 0: 3 for quarters, 12 for years.
        every: i64,
        /// Seconds from the beginning of the month to the time of its value.
        offset_s: i64,
    },
}

/// Seconds in a month on average: 30.436875 days, the mean of the Gregorian calendar.
const MONTH_S: i64 = 2_629_746;

impl Axis {
    /// The time of the value at `index`.
    pub fn time(&self, index: usize) -> Time {
        let at = |start: i64, step: i64| start.saturating_add(step.saturating_mul(index as i64));
        match *self {
            Axis::Clock { start_s, step_s } => Time::Clock(at(start_s, step_s)),
            Axis::Steps { start, step } => Time::Step(at(start, step)),
            Axis::Months { first, every, offset_s } => {
                Time::Clock(month_begin(at(first, every)).saturating_add(offset_s))
            }
        }
    }

    /// The index of the last value that is not after `time` (of the same kind, as a number), below 0 before the first.
    pub fn index(&self, time: i64) -> i64 {
        match *self {
            Axis::Clock { start_s: start, step_s: step } | Axis::Steps { start, step } => {
                (time - start).div_euclid(step)
            }
            Axis::Months { first, every, offset_s } => (month_of(time - offset_s) - first).div_euclid(every),
        }
    }

    /// The axis of the values from `index` on.
    pub fn from(&self, index: usize) -> Axis {
        match (*self, self.time(index).number(), index as i64) {
            (Axis::Clock { step_s, .. }, start_s, _) => Axis::Clock { start_s, step_s },
            (Axis::Steps { step, .. }, start, _) => Axis::Steps { start, step },
            (Axis::Months { first, every, offset_s }, _, index) => {
                Axis::Months { first: first + every * index, every, offset_s }
            }
        }
    }

    /// The distance of values, in seconds (that of months: on average) or in steps.
    pub fn step(&self) -> i64 {
        match *self {
            Axis::Clock { step_s: step, .. } | Axis::Steps { step, .. } => step,
            Axis::Months { every, .. } => every * MONTH_S,
        }
    }

    /// Seconds between values, on average, where they have dates.
    pub fn step_s(&self) -> Option<f64> {
        match self {
            Axis::Clock { .. } | Axis::Months { .. } => Some(self.step() as f64),
            Axis::Steps { .. } => None,
        }
    }
}

/// The month that a time (seconds since 1970, UTC) lies in, counted from January 1970.
pub fn month_of(seconds: i64) -> i64 {
    let date = Timestamp::from_second(seconds).unwrap_or_default().to_zoned(TimeZone::UTC).date();
    (i64::from(date.year()) - 1970) * 12 + i64::from(date.month()) - 1
}

/// When a month begins (seconds since 1970, UTC); within the years 1 to 9998.
pub fn month_begin(month: i64) -> i64 {
    let month = month.clamp(-23_628, 96_347);
    let (year, month) = (1970 + month.div_euclid(12), month.rem_euclid(12) + 1);
    date(year as i16, month as i8, 1).to_zoned(TimeZone::UTC).map_or(0, |day| day.timestamp().as_second())
}

/// A point in time as it stands in a file: RFC 3339 (UTC), or a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Time {
    /// Seconds since 1970.
    Clock(i64),
    /// A step of a series without dates.
    Step(i64),
}

/// Integers from here on are seconds since 1970; below they are steps.
pub const EPOCH_LEAST: i64 = 100_000_000;

impl Time {
    /// Reads RFC 3339 (a date alone is its midnight, a month alone its first, a missing offset is UTC; fractions of a
    /// second are dropped),
    /// a number of [`Time::of_number`], or a step.
    pub fn parse(text: &str) -> Option<Time> {
        let text = text.trim();
        if let Ok(number) = text.parse::<f64>() {
            return Time::of_number(number);
        }
        parse_rfc3339(text).map(Time::Clock)
    }

    /// Seconds since 1970 from [`EPOCH_LEAST`] on; milliseconds, microseconds or nanoseconds where they are too large
    /// for seconds (10¹² seconds are the year 33658); whole steps below.
    pub fn of_number(number: f64) -> Option<Time> {
        let units = [(EPOCH_LEAST as f64, 1.0), (1e12, 1e3), (1e15, 1e6), (1e18, 1e9)];
        match units.into_iter().rev().find(|(least, _)| number >= *least) {
            Some((_, unit)) if number < 1e21 => Some(Time::Clock((number / unit).floor() as i64)),
            None if number.floor() == number && number > -1e12 => Some(Time::Step(number as i64)),
            _ => None,
        }
    }

    /// The number within: seconds since 1970, or the step.
    pub fn number(self) -> i64 {
        match self {
            Time::Clock(seconds) => seconds,
            Time::Step(step) => step,
        }
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Time::Step(step) => write!(f, "{step}"),
            Time::Clock(seconds) => match Timestamp::from_second(seconds) {
                Ok(instant) => write!(f, "{instant}"),
                Err(_) => write!(f, "{seconds}"),
            },
        }
    }
}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Time::Step(step) => serializer.serialize_i64(*step),
            Time::Clock(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        match &value {
            serde_json::Value::Number(step) => step.as_i64().map(Time::Step),
            serde_json::Value::String(text) => Time::parse(text),
            _ => None,
        }
        .ok_or_else(|| serde::de::Error::custom(format!("{value} is neither an RFC 3339 time nor a step")))
    }
}

/// One series, evenly spaced and without gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is called; empty where its file holds only one.
    pub id: String,
    /// Where the values stand in time.
    pub axis: Axis,
    /// The demand, in the unit of the file.
    pub values: Vec<f64>,
    /// Where each value counts what came within its step: the seconds of a step.
    pub counted_over_s: Option<f64>,
    /// What was done to the data, such as `interpolated 14 of 4320 points`.
    pub notes: Vec<String>,
}

fn parse_rfc3339(text: &str) -> Option<i64> {
    let instant = text.parse::<Timestamp>().ok();
    // `2026-03` is the first of March.
    let month = (text.len() == 7 && text.as_bytes()[4] == b'-').then(|| format!("{text}-01"));
    let text = month.as_deref().unwrap_or(text);
    let without_offset = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    instant
        .or_else(|| Some(without_offset()?.timestamp()))
        .map(|t| t.as_nanosecond().div_euclid(1_000_000_000) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_as_people_write_them() {
        // Reference values from GNU date.
        for (text, seconds) in [
            ("2024-02-29T12:34:56Z", 1_709_210_096),
            ("2024-02-29 12:34:56.789+02:00", 1_709_202_896),
            ("2024-02-29T12:34-0530", 1_709_229_840),
            ("2024-02-29", 1_709_164_800),
            ("2024-02", 1_706_745_600),
            ("1969-12-31T23:59:59Z", -1),
            ("1709210096", 1_709_210_096),
            ("1709210096.5", 1_709_210_096),
            ("1709210096999", 1_709_210_096),
            ("1709210096000000", 1_709_210_096),
            ("1709210096000000000", 1_709_210_096),
        ] {
            assert_eq!(Time::parse(text), Some(Time::Clock(seconds)), "{text}");
        }
        assert_eq!(Time::parse(" 42 "), Some(Time::Step(42)));
        for text in [
            "",
            "x",
            "2023-02-29",
            "2024-13-01",
            "2024-13",
            "2024-01-01T25:00:00Z",
            "2024-01-01T10:00:00+9",
            "1.5",
            "1e30",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
        assert_eq!(Time::Clock(1_709_210_096).to_string(), "2024-02-29T12:34:56Z");
    }

    /// Ends of months from November 2023 on, each a day before the month that it is counted with.
    #[test]
    fn months_are_those_of_the_calendar() {
        let ends = Axis::Months { first: month_of(1_701_388_800), every: 1, offset_s: -86_400 };
        let times: Vec<String> = (0..4).map(|i| ends.time(i).to_string()[..10].to_owned()).collect();
        assert_eq!(times, ["2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29"]);
        assert_eq!(ends.from(3).time(0), ends.time(3));
        for index in 0..300 {
            let at = ends.time(index).number();
            assert_eq!([ends.index(at - 1), ends.index(at)], [index as i64 - 1, index as i64]);
        }
        let quarters = Axis::Months { first: 0, every: 3, offset_s: 0 };
        assert_eq!(quarters.time(4), Time::parse("1971-01-01").unwrap());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in -60_000_000_000i64..200_000_000_000, text in "\\PC{0,30}") {
            let written = Time::Clock(seconds).to_string();
            prop_assert_eq!(Time::parse(&written), Some(Time::Clock(seconds)));
            Time::parse(&text);
        }
    }
}
