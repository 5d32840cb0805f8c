//! `loadline/forecast@1`: the forecast of demand, with the backtest it rests on.

use std::{collections::BTreeMap, io};

use serde::{Deserialize, Serialize, ser::SerializeMap};

use crate::series::Time;

/// The schema of [`ForecastDocument`].
pub const SCHEMA: &str = "loadline/forecast@1";

/// What `forecast --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecastDocument {
    /// [`SCHEMA`].
    pub schema: String,
    /// One entry for each series, in the order of the input.
    pub series: Vec<SeriesForecast>,
}

/// The forecast of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesForecast {
    /// The series' name; empty where the input holds only one.
    pub id: String,
    /// What made the forecast.
    pub model: String,
    /// The season lengths used, in steps.
    pub seasons: Vec<usize>,
    /// How the same way of forecasting did on the past.
    pub backtest: Backtest,
    /// One entry for each step of the horizon.
    pub points: Vec<Point>,
    /// What stands out in the history.
    pub findings: Vec<Finding>,
    /// What was known to change demand, given or learnt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventEffect>,
    /// The history, where it was asked for: at most the last 5,000 values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Past>,
    /// The latest backtests that do not overlap, where the history was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<Vec<Point>>,
    /// What was done to the data, and what could not be known.
    pub notes: Vec<String>,
}

/// One value of a history.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// When.
    pub time: Time,
    /// The demand.
    pub value: f64,
}

/// What an event does to demand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventEffect {
    /// What it is called.
    pub name: String,
    /// How many times as large demand is meanwhile: the median.
    pub factor: f64,
    /// The central 80 %, where it was learnt from more than one occurrence.
    pub interval: Option<(f64, f64)>,
    /// Occurrences in the history that it was learnt from; 0 where the factor was given.
    pub learnt_from: usize,
    /// The first time of each occurrence within the horizon.
    pub upcoming: Vec<Time>,
}

/// How the forecast did on the past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    /// Backtests made.
    pub count: usize,
    /// Steps ahead in each.
    pub horizon: usize,
    /// Mean absolute error over that of the value one season back, one season ahead, within the history.
    pub mase: Option<f64>,
    /// From 0 to 200.
    pub smape: Option<f64>,
    /// The share of values within the central 80 % interval.
    pub coverage_80: Option<f64>,
    /// The share of values within the central 95 % interval.
    pub coverage_95: Option<f64>,
    /// The error over that of seasonal naive.
    pub error_to_naive: Option<f64>,
    /// Whether that is below 1; where not, the forecast is seasonal naive.
    pub beats_seasonal_naive: bool,
}

/// One step of the horizon. In JSON the bounds are fields `lo_80`, `hi_80`, …
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// When.
    pub time: Time,
    /// The median.
    pub value: f64,
    /// Central intervals, as they were asked for.
    pub bounds: Vec<Bound>,
}

/// A central interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// Its probability in per cent.
    pub level: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Serialize for Point {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2 + 2 * self.bounds.len()))?;
        map.serialize_entry("time", &self.time)?;
        map.serialize_entry("value", &self.value)?;
        for bound in &self.bounds {
            map.serialize_entry(&format!("lo_{}", bound.level), &bound.low)?;
            map.serialize_entry(&format!("hi_{}", bound.level), &bound.high)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Point, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            time: Time,
            value: f64,
            #[serde(flatten)]
            rest: BTreeMap<String, f64>,
        }
        let Fields { time, value, rest } = Fields::deserialize(deserializer)?;
        let mut bounds: Vec<Bound> = rest
            .iter()
            .filter_map(|(name, low)| {
                let level = name.strip_prefix("lo_")?;
                Some(Bound {
                    level: level.parse().ok()?,
                    low: *low,
                    high: *rest.get(&format!("hi_{level}"))?,
                })
            })
            .collect();
        bounds.sort_by(|a, b| a.level.total_cmp(&b.level));
        Ok(Point { time, value, bounds })
    }
}

/// Something that stands out in a history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// The level was another one from here on.
    LevelShift {
        /// The first value of the new level.
        time: Time,
        /// The level before.
        before: f64,
        /// The level after.
        after: f64,
    },
    /// One value far from the usual at its time.
    Outlier {
        /// When.
        time: Time,
        /// What was there.
        value: f64,
        /// What would have been usual.
        usual: f64,
    },
}

impl ForecastDocument {
    /// `series,time,value,lo_80,hi_80,…`, one row for each series and step.
    pub fn write_csv(&self, mut out: impl io::Write) -> io::Result<()> {
        let levels = self.series.iter().find_map(|s| s.points.first());
        let names = levels.iter().flat_map(|p| &p.bounds).map(|b| format!(",lo_{0},hi_{0}", b.level));
        writeln!(out, "series,time,value{}", names.collect::<String>())?;
        for series in &self.series {
            let id = quoted(&series.id);
            for point in &series.points {
                write!(out, "{id},{},{}", point.time, point.value)?;
                for bound in &point.bounds {
                    write!(out, ",{},{}", bound.low, bound.high)?;
                }
                writeln!(out)?;
            }
        }
        Ok(())
    }
}

/// A CSV cell (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> ForecastDocument {
        let bounds =
            vec![Bound { level: 80.0, low: 1.0, high: 3.0 }, Bound { level: 99.5, low: 0.5, high: 4.0 }];
        ForecastDocument {
            schema: SCHEMA.into(),
            series: vec![SeriesForecast {
                id: "a,b".into(),
                model: "seasonal naive 24".into(),
                seasons: vec![24],
                backtest: Backtest {
                    count: 1,
                    horizon: 1,
                    mase: None,
                    smape: Some(1.0),
                    coverage_80: None,
                    coverage_95: None,
                    error_to_naive: None,
                    beats_seasonal_naive: false,
                },
                points: vec![Point { time: Time::Clock(0), value: 2.0, bounds }],
                findings: vec![Finding::Outlier { time: Time::Step(3), value: 9.0, usual: 2.0 }],
                events: vec![],
                history: vec![],
                tests: vec![],
                notes: vec![],
            }],
        }
    }

    #[test]
    fn json_goes_there_and_back() {
        let json = serde_json::to_string(&document()).unwrap();
        assert!(json.contains(
            r#"{"time":"1970-01-01T00:00:00Z","value":2.0,"lo_80":1.0,"hi_80":3.0,"lo_99.5":0.5,"hi_99.5":4.0}"#
        ));
        assert!(json.contains(r#"{"kind":"outlier","time":3,"value":9.0,"usual":2.0}"#));
        assert_eq!(serde_json::from_str::<ForecastDocument>(&json).unwrap(), document());
    }

    #[test]
    fn csv_has_one_row_a_step() {
        let mut out = Vec::new();
        document().write_csv(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "series,time,value,lo_80,hi_80,lo_99.5,hi_99.5\n\"a,b\",1970-01-01T00:00:00Z,2,1,3,0.5,4\n"
        );
    }
}
