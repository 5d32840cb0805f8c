//! Rows from whatever file, parted by series and added up as they come.

use std::collections::HashMap;

use loadline_model::series::Time;

use super::{IngestError, Reading, Step, cells::Cells, clock::Written, reading::grouped};

/// The most steps held at a time, of all series together. Beyond it steps grow longer, or the file is refused where
/// their length was stated: so memory is bounded by this and not by the rows.
pub(super) const STEPS_MAX: usize = 4_000_000;
/// Lengths that steps grow to.
pub(super) const LADDER: [i64; 9] = [1, 10, 60, 300, 900, 3_600, 21_600, 86_400, 604_800];

/// The rows of one series, added up by steps.
#[derive(Debug, Clone, PartialEq)]
pub struct RawSeries {
    /// Its name; empty where there is no such column.
    pub id: String,
    pub(super) cells: Cells,
    pub(super) kind: Kind,
    /// How the times are written; not known of what is no file.
    pub(super) written: Option<Written>,
    /// Rows read.
    pub(super) rows: u64,
    /// Line or row of the first one.
    pub(super) first: u64,
    /// Whether times of day came without an offset and without a zone to read them in.
    pub(super) adrift: bool,
    /// What was done to it so far.
    pub(super) notes: Vec<String>,
}

impl RawSeries {
    /// Rows that hold `values` at `times`, sorted or not, of a source that is no file.
    pub fn of_points(id: String, points: impl IntoIterator<Item = (Time, Option<f64>)>) -> Option<RawSeries> {
        let mut points = points.into_iter().peekable();
        let kind = Kind::of(points.peek()?.0);
        let mut cells = Cells::new(1);
        let mut rows = 0;
        for (time, value) in points {
            cells.push(time.number(), value);
            rows += 1;
        }
        Some(RawSeries { id, cells, kind, written: None, rows, first: 1, adrift: false, notes: Vec::new() })
    }
}

/// Times with dates, or whole steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Clock,
    Steps,
}

impl Kind {
    pub(super) fn of(time: Time) -> Kind {
        match time {
            Time::Clock(_) => Kind::Clock,
            Time::Step(_) => Kind::Steps,
        }
    }
}

/// Parts rows by series.
pub(super) struct Collector<'a> {
    pub(super) file: &'a str,
    pub(super) reading: &'a Reading,
    /// `line` or `row`: what the numbers of rows count.
    unit: &'static str,
    by_id: HashMap<String, usize>,
    pub(super) all: Vec<RawSeries>,
    /// Index into [`LADDER`].
    rung: usize,
    held: usize,
}

impl<'a> Collector<'a> {
    pub(super) fn new(file: &'a str, reading: &'a Reading, unit: &'static str) -> Collector<'a> {
        Collector { file, reading, unit, by_id: HashMap::new(), all: Vec::new(), rung: 0, held: 0 }
    }

    /// An error at a line of a text, or in a row of a table.
    pub(super) fn error(
        &self,
        place: u64,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> IngestError {
        match self.unit {
            "line" => IngestError::new(self.file, Some(place), message, help),
            unit => IngestError::new(self.file, None, format!("{unit} {place}: {}", message.into()), help),
        }
    }

    /// The series `id`, whose row at `place` has a time of this kind; `text` is that time as it stands there.
    pub(super) fn series(
        &mut self,
        id: &str,
        kind: Kind,
        place: u64,
        text: impl Fn() -> String,
    ) -> Result<usize, IngestError> {
        if let Some(&index) = self.by_id.get(id) {
            let known = &self.all[index];
            if known.kind == kind {
                return Ok(index);
            }
            let message =
                format!("`{}` is another kind of time than in {} {}", text(), self.unit, known.first);
            return Err(self.error(
                place,
                message,
                "write dates or whole steps, not both, within one series",
            ));
        }
        let grain = self.grain(kind, place)?;
        self.all.push(RawSeries {
            id: id.to_owned(),
            cells: Cells::new(grain),
            kind,
            written: None,
            rows: 0,
            first: place,
            adrift: false,
            notes: Vec::new(),
        });
        self.by_id.insert(id.to_owned(), self.all.len() - 1);
        Ok(self.all.len() - 1)
    }

    /// Holds a time of the series at `index` against the way its first one is written.
    pub(super) fn written(
        &mut self,
        index: usize,
        written: Written,
        place: u64,
        text: impl Fn() -> String,
    ) -> Result<(), IngestError> {
        let known = &mut self.all[index];
        match *known.written.get_or_insert(written) {
            first if first == written => Ok(()),
            first => {
                let unit = self.unit;
                let message = format!(
                    "`{}` is another kind of time ({written}) than in {unit} {} ({first})",
                    text(),
                    known.first
                );
                Err(self.error(place, message, "write all times of one series the same way"))
            }
        }
    }

    fn grain(&self, kind: Kind, place: u64) -> Result<i64, IngestError> {
        let help = match (self.reading.step, kind) {
            (None, _) => return Ok(LADDER[self.rung]),
            (Some(Step::Seconds(size)), Kind::Clock) | (Some(Step::Count(size)), Kind::Steps) => {
                return Ok(size);
            }
            (Some(Step::Seconds(_)), Kind::Steps) => "give --step as a whole number of steps",
            (Some(Step::Count(_)), Kind::Clock) => "give --step as a duration such as 1h",
        };
        let message = match kind {
            Kind::Steps => "the times are whole steps without dates",
            Kind::Clock => "the times have dates",
        };
        Err(self.error(place, message, help))
    }

    /// The time of the last row of the series `id`.
    pub(super) fn last_time(&self, id: &str) -> Option<i64> {
        self.by_id.get(id).map(|index| self.all[*index].cells.last_time())
    }

    /// Lets `add` give rows to a series, and keeps the whole within its bound.
    pub(super) fn add(
        &mut self,
        index: usize,
        rows: u64,
        add: impl FnOnce(&mut Cells),
    ) -> Result<(), IngestError> {
        let series = &mut self.all[index];
        series.rows += rows;
        let before = series.cells.len();
        add(&mut series.cells);
        self.held = self.held + series.cells.len() - before;
        if self.held > STEPS_MAX { self.shrink() } else { Ok(()) }
    }

    /// Takes over what was collected from rows further down.
    #[cfg(feature = "ingest")]
    pub(super) fn merge(&mut self, later: Vec<RawSeries>) -> Result<(), IngestError> {
        for mut series in later {
            let index = self.series(&series.id, series.kind, series.first, || "its time".into())?;
            self.all[index].adrift |= series.adrift;
            let grain = self.all[index].cells.grain();
            series.cells.coarsen(grain.max(series.cells.grain()));
            self.add(index, series.rows, |cells| cells.merge(series.cells))?;
        }
        Ok(())
    }

    fn shrink(&mut self) -> Result<(), IngestError> {
        while self.held > STEPS_MAX {
            let most = grouped(STEPS_MAX as u64);
            if self.reading.step.is_some() || self.rung + 1 == LADDER.len() {
                let message = format!("it holds more than {most} steps of that length");
                let help = "give a longer --step, or fewer series; or is one of the times wrong?";
                return Err(IngestError::new(self.file, None, message, help));
            }
            self.rung += 1;
            self.all.iter_mut().for_each(|series| series.cells.coarsen(LADDER[self.rung]));
            self.held = self.all.iter().map(|series| series.cells.len()).sum();
        }
        Ok(())
    }

    /// All series, in the order of their first rows.
    pub(super) fn finish(self) -> Result<Vec<RawSeries>, IngestError> {
        if self.all.is_empty() {
            let help = "give a file with times and values";
            return Err(IngestError::new(self.file, None, "there are no rows", help));
        }
        Ok(self.all)
    }
}
