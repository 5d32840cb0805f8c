//! A series of demand: evenly spaced values on a clock or on plain steps, and the times they are written as.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
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
}

impl Axis {
    /// The time of the value at `index`.
    pub fn time(&self, index: usize) -> Time {
        let at = |start: i64, step: i64| start.saturating_add(step.saturating_mul(index as i64));
        match *self {
            Axis::Clock { start_s, step_s } => Time::Clock(at(start_s, step_s)),
            Axis::Steps { start, step } => Time::Step(at(start, step)),
        }
    }

    /// The distance of values, in seconds or in steps.
    pub fn step(&self) -> i64 {
        match *self {
            Axis::Clock { step_s: step, .. } | Axis::Steps { step, .. } => step,
        }
    }

    /// Seconds between values, where they have dates.
    pub fn step_s(&self) -> Option<f64> {
        match self {
            Axis::Clock { step_s, .. } => Some(*step_s as f64),
            Axis::Steps { .. } => None,
        }
    }
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
    /// Reads RFC 3339 (a date alone is its midnight, a missing offset is UTC; fractions of a second are dropped),
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
    /// What was done to the data, such as `interpolated 14 of 4320 points`.
    pub notes: Vec<String>,
}

fn parse_rfc3339(text: &str) -> Option<i64> {
    let instant = text.parse::<Timestamp>().ok();
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
            "2024-01-01T25:00:00Z",
            "2024-01-01T10:00:00+9",
            "1.5",
            "1e30",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
        assert_eq!(Time::Clock(1_709_210_096).to_string(), "2024-02-29T12:34:56Z");
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
