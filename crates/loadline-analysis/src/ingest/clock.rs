//! Times as text, those without an offset in a zone of the user's choice.

use jiff::{civil::DateTime, tz::AmbiguousOffset, tz::TimeZone};
use loadline_model::series::{EPOCH_LEAST, Time};

/// Where times without an offset are local.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(TimeZone);

impl Zone {
    /// A zone of the IANA database, such as `Europe/Berlin`.
    ///
    /// # Errors
    ///
    /// When the system knows no such zone.
    pub fn parse(name: &str) -> Result<Zone, String> {
        TimeZone::get(name).map(Zone).map_err(|_| {
            format!("`{name}` is no time zone of this system; write one such as Europe/Berlin or UTC (Debian: package tzdata)")
        })
    }

    /// Seconds that local time is ahead of UTC at `time_s` seconds since 1970; 0 beyond the years of the calendar.
    pub fn offset_s(&self, time_s: i64) -> i64 {
        jiff::Timestamp::from_second(time_s).map_or(0, |at| i64::from(self.0.to_offset(at).seconds()))
    }

    /// The instant of a local time. An hour that the clocks show twice is the first one, unless `previous` is not
    /// before that; an hour that they skip is the one after it.
    fn instant(&self, local: DateTime, previous: Option<i64>) -> Option<i64> {
        let ambiguous = self.0.to_ambiguous_timestamp(local);
        let second = matches!(ambiguous.offset(), AmbiguousOffset::Fold { before, .. }
            if before.to_timestamp(local).is_ok_and(|first| previous >= Some(first.as_second())));
        let instant = if second { ambiguous.later() } else { ambiguous.compatible() };
        Some(instant.ok()?.as_nanosecond().div_euclid(1_000_000_000) as i64)
    }

    /// The same for seconds since 1970 as a clock on the wall shows them.
    #[cfg(feature = "ingest")]
    pub(super) fn of_wall(&self, seconds: i64, previous: Option<i64>) -> Option<i64> {
        let local = TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(seconds).ok()?);
        self.instant(local, previous)
    }
}

/// How a time is written: a series has one way, since a mixture is two clocks put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Date,
    Step,
    /// Since 1970, so many to a second.
    Epoch(i64),
}

impl Written {
    /// A number, by its size, as [`Time::of_number`] tells units apart.
    pub(super) fn of_number(number: f64) -> Written {
        match number {
            n if n < EPOCH_LEAST as f64 => Written::Step,
            n if n < 1e12 => Written::Epoch(1),
            n if n < 1e15 => Written::Epoch(1_000),
            n if n < 1e18 => Written::Epoch(1_000_000),
            _ => Written::Epoch(1_000_000_000),
        }
    }

    fn of(text: &str) -> Written {
        text.parse::<f64>().map_or(Written::Date, Written::of_number)
    }
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Written::Date => "a date",
            Written::Step => "a whole step",
            Written::Epoch(1) => "seconds since 1970",
            Written::Epoch(1_000) => "milliseconds since 1970",
            Written::Epoch(1_000_000) => "microseconds since 1970",
            Written::Epoch(_) => "nanoseconds since 1970",
        })
    }
}

/// A time as read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Read {
    pub(super) time: Time,
    pub(super) written: Written,
    /// It has a time of day and no offset, and no zone was given.
    pub(super) adrift: bool,
}

/// Reads a time; `previous` is that of the row before in the same series.
pub(super) fn read(text: &str, zone: Option<&Zone>, previous: Option<i64>) -> Option<Read> {
    let text = text.trim();
    let time = Time::parse(text)?;
    let written = Written::of(text);
    let firm = Some(Read { time, written, adrift: false });
    // Numbers and dates alone are what they are; a local time has a time of day and parses without an offset only.
    if text.len() <= 10 || text.ends_with(['Z', 'z']) || !text.contains(':') {
        return firm;
    }
    let after_date = text.get(10..).unwrap_or_default();
    if after_date.contains(['+', '-']) {
        return firm;
    }
    let Some(zone) = zone else { return Some(Read { time, written, adrift: true }) };
    let instant = zone.instant(text.parse::<DateTime>().ok()?, previous)?;
    Some(Read { time: Time::Clock(instant), written, adrift: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central European summer time of 2026 ended on 25 October, 03:00 becoming 02:00 (GNU date gives the instants).
    #[test]
    fn the_hour_that_comes_twice_comes_twice() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let of = |text: &str, previous| read(text, Some(&berlin), previous).unwrap().time.number();
        assert_eq!(of("2026-10-25 01:30:00", None), 1_792_884_600);
        assert_eq!(of("2026-10-25 02:30:00", Some(1_792_884_600)), 1_792_888_200);
        assert_eq!(of("2026-10-25 02:30:00", Some(1_792_888_200)), 1_792_891_800);
        assert_eq!(of("2026-10-25 03:30:00", Some(1_792_891_800)), 1_792_895_400);
        // The one that is skipped in spring does not exist; the clocks go on an hour later.
        assert_eq!(of("2026-03-29 02:30:00", None), of("2026-03-29 03:30:00", None));
        assert_eq!(of("2026-10-25T02:30:00Z", Some(1_792_891_800)), 1_792_895_400);
    }

    #[test]
    fn an_offset_is_that_of_its_instant() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        // Summer time of 2026 ends on 25 October at 1 h UTC.
        let change = 1_792_890_000;
        assert_eq!([change - 1, change].map(|at| berlin.offset_s(at)), [7200, 3600]);
    }

    #[test]
    fn only_local_times_are_adrift() {
        let adrift = |text| read(text, None, None).unwrap().adrift;
        assert!(adrift("2026-10-25 02:30:00") && adrift("2026-10-25T02:30"));
        for text in ["2026-10-25", "12", "1792884600", "2026-10-25T02:30:00Z", "2026-10-25T02:30:00+01:00"] {
            assert!(!adrift(text), "{text}");
        }
        assert!(Zone::parse("Europe/Atlantis").is_err());
    }
}
