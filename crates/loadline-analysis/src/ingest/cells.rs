//! Rows added up by steps of time, in memory bounded by the steps and not by the rows.

/// What the rows of one step add up to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    /// Where the step begins: seconds since 1970, or a whole step.
    pub(super) time: i64,
    /// Rows, those without a value too.
    pub(super) rows: u64,
    /// Rows with a value.
    pub(super) values: u64,
    /// The sum of the values.
    pub(super) sum: f64,
    /// The largest value.
    pub(super) largest: f64,
    /// The value that came last, by its time.
    pub(super) last: f64,
    /// The time of the last row.
    pub(super) last_time: i64,
}

impl Cell {
    /// A step without rows.
    fn empty(time: i64) -> Cell {
        let none = f64::NEG_INFINITY;
        Cell { time, rows: 0, values: 0, sum: 0.0, largest: none, last: 0.0, last_time: i64::MIN }
    }

    fn push(&mut self, time: i64, value: Option<f64>) {
        self.rows += 1;
        if let Some(value) = value {
            self.values += 1;
            self.sum += value;
            self.largest = self.largest.max(value);
            if time >= self.last_time {
                self.last = value;
            }
        }
        self.last_time = self.last_time.max(time);
    }

    /// Adds what came later in the file.
    pub(super) fn merge(&mut self, later: &Cell) {
        self.rows += later.rows;
        self.values += later.values;
        self.sum += later.sum;
        self.largest = self.largest.max(later.largest);
        if later.values > 0 && (later.last_time >= self.last_time || self.values == later.values) {
            self.last = later.last;
        }
        self.last_time = self.last_time.max(later.last_time);
    }
}

/// Rows that have come late wait in a list of at least this length before they are sorted in.
const LATE_MIN: usize = 1024;
const WEEK_S: i64 = 604_800;
/// The first Monday after the beginning of 1970, a Thursday.
const MONDAY_S: i64 = 4 * 86_400;

/// The beginning of the step of `grain` that `time` lies in: whole steps since 1970 (UTC), weeks from Monday on.
pub(super) fn floor(time: i64, grain: i64) -> i64 {
    let origin = if grain % WEEK_S == 0 { MONDAY_S } else { 0 };
    time - (time - origin).rem_euclid(grain)
}

/// The steps of one series. Sums are made in the order of the rows, so that they do not depend on anything else.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cells {
    grain: i64,
    /// In the order of time.
    sorted: Vec<Cell>,
    /// Steps that are not among them yet, in the order of the file.
    late: Vec<Cell>,
    /// The time of the last row read.
    last_time: i64,
    /// The earliest time of a row.
    pub(super) earliest: i64,
    /// The latest.
    pub(super) latest: i64,
    /// Whether a row came after one with a later time.
    pub(super) disordered: bool,
}

impl Cells {
    /// With steps of `grain`, at least 1.
    pub(super) fn new(grain: i64) -> Cells {
        Cells {
            grain,
            sorted: Vec::new(),
            late: Vec::new(),
            last_time: i64::MIN,
            earliest: i64::MAX,
            latest: i64::MIN,
            disordered: false,
        }
    }

    /// Steps held.
    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.late.len()
    }

    pub(super) fn grain(&self) -> i64 {
        self.grain
    }

    /// The time of the last row read.
    pub(super) fn last_time(&self) -> i64 {
        self.last_time
    }

    pub(super) fn push(&mut self, time: i64, value: Option<f64>) {
        self.disordered |= time < self.last_time;
        self.last_time = time;
        self.earliest = self.earliest.min(time);
        self.latest = self.latest.max(time);
        self.cell(floor(time, self.grain)).push(time, value);
        self.settle();
    }

    /// Many rows of times in units of which a second (or a step) has `unit`. `value` gives those without a value as NaN.
    #[cfg(feature = "ingest")]
    pub(super) fn extend(&mut self, times: &[i64], unit: i64, value: impl Fn(usize) -> f64) {
        let mut at = 0;
        while at < times.len() {
            let time = times[at].div_euclid(unit);
            self.disordered |= time < self.last_time;
            let begin = floor(time, self.grain);
            // All rows up to the first outside of this step; wrapping makes one comparison of two.
            let (low, width) = (begin.wrapping_mul(unit), self.grain.saturating_mul(unit) as u64);
            let mut sum = Cell::empty(begin);
            let (mut earliest, mut latest) = (i64::MAX, i64::MIN);
            while let Some(&t) = times.get(at).filter(|t| (t.wrapping_sub(low) as u64) < width) {
                let value = value(at);
                self.disordered |= t < latest;
                sum.rows += 1;
                if !value.is_nan() {
                    sum.values += 1;
                    sum.sum += value;
                    sum.largest = sum.largest.max(value);
                    if t >= latest {
                        sum.last = value;
                    }
                }
                earliest = earliest.min(t);
                latest = latest.max(t);
                at += 1;
            }
            sum.last_time = latest.div_euclid(unit);
            self.earliest = self.earliest.min(earliest.div_euclid(unit));
            self.latest = self.latest.max(sum.last_time);
            self.last_time = times[at - 1].div_euclid(unit);
            self.cell(begin).merge(&sum);
            self.settle();
        }
    }

    /// Adds those of rows that come later in the file.
    pub(super) fn merge(&mut self, mut later: Cells) {
        later.tidy();
        let first = later.sorted.first().map_or(i64::MAX, |c| floor(c.time, self.grain));
        self.disordered |= later.disordered || first < self.sorted.last().map_or(i64::MIN, |c| c.time);
        self.earliest = self.earliest.min(later.earliest);
        self.latest = self.latest.max(later.latest);
        for cell in later.sorted {
            self.cell(floor(cell.time, self.grain)).merge(&cell);
            self.settle();
        }
        self.last_time = later.last_time;
    }

    /// Makes the steps longer.
    pub(super) fn coarsen(&mut self, grain: i64) {
        if grain == self.grain {
            return;
        }
        self.tidy();
        self.grain = grain;
        self.sorted.iter_mut().for_each(|cell| cell.time = floor(cell.time, grain));
        fold(&mut self.sorted);
    }

    /// Takes cells that are in the order of time already.
    pub(super) fn take_sorted(&mut self, cells: Vec<Cell>) {
        self.sorted = cells;
    }

    /// All of them in the order of time.
    pub(super) fn into_sorted(mut self) -> Vec<Cell> {
        self.tidy();
        self.sorted
    }

    /// The step that begins at `begin`.
    fn cell(&mut self, begin: i64) -> &mut Cell {
        let last = self.sorted.last().map_or(i64::MIN, |cell| cell.time);
        if begin > last || self.sorted.is_empty() {
            self.sorted.push(Cell::empty(begin));
            return self.sorted.last_mut().expect("just pushed");
        }
        let found = if begin == last { Ok(self.sorted.len() - 1) } else { self.find(begin) };
        match found {
            Ok(at) => &mut self.sorted[at],
            Err(_) => {
                self.late.push(Cell::empty(begin));
                self.late.last_mut().expect("just pushed")
            }
        }
    }

    /// Where the steps are without gaps, their place is known without a search.
    fn find(&self, begin: i64) -> Result<usize, usize> {
        let guess = ((begin - self.sorted[0].time) / self.grain) as usize;
        if self.sorted.get(guess).is_some_and(|cell| cell.time == begin) {
            return Ok(guess);
        }
        self.sorted.binary_search_by_key(&begin, |cell| cell.time)
    }

    /// Sorts the late ones in before they are many.
    fn settle(&mut self) {
        if self.late.len() >= LATE_MIN.max(self.sorted.len() / 2) {
            self.tidy();
        }
    }

    fn tidy(&mut self) {
        if !self.late.is_empty() {
            self.sorted.append(&mut self.late);
            // Stable: what came first stays first. Two runs, one of them sorted already, cost little.
            self.sorted.sort_by_key(|cell| cell.time);
            fold(&mut self.sorted);
        }
    }
}

/// Makes one of neighbours with the same time.
fn fold(cells: &mut Vec<Cell>) {
    cells.dedup_by(|later, kept| {
        let same = later.time == kept.time;
        if same {
            kept.merge(later);
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_begin_where_a_calendar_begins_them() {
        assert_eq!(floor(7_199, 3_600), 3_600);
        assert_eq!(floor(-1, 3_600), -3_600);
        // 2026-11-21 is a Saturday; its week began on 2026-11-16 (GNU date).
        assert_eq!(floor(1_795_219_200, WEEK_S), 1_794_787_200);
    }

    type Rows = Vec<(i64, i32)>;

    fn rows() -> impl Strategy<Value = Rows> {
        prop::collection::vec((-50i64..50_000, -9i32..9), 0..3_000)
    }

    /// The steps as a plain table has them: time, values, sum.
    fn table(rows: &Rows, grain: i64) -> Vec<(i64, u64, f64)> {
        let mut table = std::collections::BTreeMap::<i64, (u64, f64)>::new();
        for (time, value) in rows {
            let entry = table.entry(time.div_euclid(grain) * grain).or_default();
            *entry = (entry.0 + 1, entry.1 + f64::from(*value));
        }
        table.into_iter().map(|(t, (n, sum))| (t, n, sum)).collect()
    }

    fn seen(cells: Cells) -> Vec<(i64, u64, f64)> {
        cells.into_sorted().iter().map(|c| (c.time, c.values, c.sum)).collect()
    }

    proptest! {
        /// Whatever the order: the steps are those of a plain table.
        #[test]
        fn as_a_table_would_have_it(rows in rows(), grain in 1i64..400) {
            let mut single = Cells::new(grain);
            rows.iter().for_each(|(time, value)| single.push(*time, Some(f64::from(*value))));
            prop_assert_eq!(seen(single), table(&rows, grain));
        }

        /// In bulk, in two parts, and made coarser afterwards: the same.
        #[cfg(feature = "ingest")]
        #[test]
        fn as_a_table_would_have_it_in_bulk(rows in rows(), grain in 1i64..400, cut in 0usize..3_000) {
            let times: Vec<i64> = rows.iter().map(|r| 1_000 * r.0 + 17).collect();
            let mut bulk = Cells::new(1);
            let (left, right) = times.split_at(cut.min(times.len()));
            bulk.extend(left, 1_000, |at| f64::from(rows[at].1));
            let mut rest = Cells::new(1);
            rest.extend(right, 1_000, |at| f64::from(rows[at + left.len()].1));
            bulk.merge(rest);
            bulk.coarsen(grain);
            prop_assert_eq!(seen(bulk), table(&rows, grain));
        }
    }
}
