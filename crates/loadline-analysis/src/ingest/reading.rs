//! How rows are to be read: which columns, which steps, what the rows of one step make.

use loadline_model::plan::parse_span;

use super::{Columns, IngestError, Zone, columns::Chosen};

/// How the rows of a file become series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Which column holds what.
    pub columns: Columns,
    /// The distance of the points; found where not given.
    pub step: Option<Step>,
    /// What the rows of one step make.
    pub aggregate: Aggregate,
    /// Where times are local that say no offset; UTC where not given.
    pub zone: Option<Zone>,
}

impl Reading {
    /// The columns among `names`; `first` is the first row of data.
    pub(super) fn choose(
        &self,
        file: &str,
        names: &[String],
        first: &[String],
    ) -> Result<Chosen, IngestError> {
        self.columns.choose(file, names, first, self.aggregate != Aggregate::Count)
    }
}

/// The distance of points as stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// In seconds, for times with dates. Steps begin at multiples since 1970 (UTC), weeks on Monday.
    Seconds(i64),
    /// In whole steps, for times without dates.
    Count(i64),
}

impl Step {
    /// Reads `1h`, `15m`, `1d`, or a whole number of steps.
    ///
    /// # Errors
    ///
    /// What is wrong with it and how it is written.
    pub fn parse(text: &str) -> Result<Step, String> {
        let help = "write a duration such as `1h`, `15m` or `1d`, or a whole number of steps";
        let wrong = || format!("`{text}` is no step; {help}");
        if let Ok(count) = text.trim().parse::<i64>() {
            return if (1..=1_000_000_000).contains(&count) { Ok(Step::Count(count)) } else { Err(wrong()) };
        }
        let seconds = parse_span(text).map_err(|_| wrong())?;
        if seconds < 1.0 || seconds.fract() != 0.0 || seconds > 366.0 * 86_400.0 {
            return Err(format!("`{text}` does not fit as a step; write whole seconds, from 1s to 366d"));
        }
        Ok(Step::Seconds(seconds as i64))
    }

    /// Reads a duration in seconds, for what has dates in any case.
    ///
    /// # Errors
    ///
    /// What is wrong with it and how it is written.
    pub fn parse_seconds(text: &str) -> Result<i64, String> {
        match Step::parse(text)? {
            Step::Seconds(seconds) => Ok(seconds),
            Step::Count(_) => Err(format!("`{text}` has no unit; write a duration such as `1h`")),
        }
    }

    pub(super) fn size(self) -> i64 {
        match self {
            Step::Seconds(size) | Step::Count(size) => size,
        }
    }
}

/// What the rows of one step, or of one and the same time, make.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// Their mean, which keeps the unit: for rates and other gauges.
    #[default]
    Mean,
    /// Their sum: for counts of what happened since the row before.
    Sum,
    /// Their largest: for the peaks within a step.
    Max,
    /// How much a counter has grown, resets included.
    Increase,
    /// How many they are: for one row per event. Needs no column of values, and a step without rows counts 0.
    Count,
}

impl Aggregate {
    /// Reads `mean`, `sum`, `max`, `increase` or `count`.
    ///
    /// # Errors
    ///
    /// What there is to choose from.
    pub fn parse(text: &str) -> Result<Aggregate, String> {
        Ok(match text {
            "mean" => Aggregate::Mean,
            "sum" => Aggregate::Sum,
            "max" => Aggregate::Max,
            "increase" => Aggregate::Increase,
            "count" => Aggregate::Count,
            _ => {
                return Err(format!(
                    "`{text}` is no way to aggregate; write mean, sum, max, increase or count"
                ));
            }
        })
    }

    /// What was done, for notes.
    pub(super) fn done(self) -> &'static str {
        match self {
            Aggregate::Mean => "averaged",
            Aggregate::Sum => "summed",
            Aggregate::Increase => "took the increments of",
            Aggregate::Max => "took the largest of",
            Aggregate::Count => "counted",
        }
    }
}

/// Seconds as people write them: `90 s`, `15 min`, `1 h`, `1 d`.
pub(super) fn span(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let (size, unit) =
        units.into_iter().find(|(size, _)| seconds >= *size && seconds % size == 0).unwrap_or((1, "s"));
    format!("{} {unit}", seconds / size)
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let from_right = |(at, digit): (usize, char)| {
        let comma = at > 0 && (digits.len() - at).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(from_right).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_as_people_write_them() {
        assert_eq!(Step::parse("1h"), Ok(Step::Seconds(3_600)));
        assert_eq!(Step::parse("1d"), Ok(Step::Seconds(86_400)));
        assert_eq!(Step::parse("12"), Ok(Step::Count(12)));
        for text in ["", "0", "-1", "1ms", "1.5s", "500d", "x", "1 fortnight"] {
            assert!(Step::parse(text).is_err(), "{text}");
        }
        assert_eq!([span(90), span(900), span(7_200), span(604_800)], ["90 s", "15 min", "2 h", "7 d"]);
        assert_eq!([grouped(7), grouped(1_000), grouped(1_234_567)], ["7", "1,000", "1,234,567"]);
    }
}
