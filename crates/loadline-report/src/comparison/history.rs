//! A metric run by run, with the levels between its change points.

use loadline_model::changes::{Change, Changes};
use loadline_model::run_table::{ALL, Figure, RunFigures, RunTable};

use super::overlay::{BASE, CANDIDATE};
use super::words::{of_series, signed};
use crate::chart::{Axis, Chart, EndLabel, Head, Picture, Role, Scale};
use crate::format::{number, plural};
use crate::page::Width;

/// Runs in the order of time where all have one, each with its colour.
#[derive(Debug)]
pub(super) struct Line<'a> {
    runs: Vec<(&'a RunFigures, Role)>,
    sides: Vec<(&'static str, Role)>,
    /// Which of several histories.
    series: Option<&'a str>,
    /// Where the runs that changes were looked for in stand on the line, in their own order: changes are numbered by it.
    places: Vec<usize>,
}

const EARLIER: Role = Role::Series(3);

impl<'a> Line<'a> {
    /// Earlier runs, the base's and the candidate's. Runs that cannot be used keep their place, since changes are placed
    /// by it.
    pub(super) fn of_groups(tables: [&'a RunTable; 3]) -> Line<'a> {
        let sides = [("earlier", EARLIER), ("base", BASE), ("candidate", CANDIDATE)];
        let each = tables.into_iter().zip(sides);
        let runs = each.flat_map(|(table, (_, role))| table.runs.iter().map(move |run| (run, role)));
        let mut line = Line { runs: runs.collect(), sides: Vec::new(), series: None, places: Vec::new() };
        by_time(&mut line.runs, |(run, _)| run.time_s);
        line.sides =
            sides.into_iter().filter(|(_, role)| line.runs.iter().any(|(_, of)| of == role)).collect();
        let mut earlier: Vec<&RunFigures> = tables[0].runs.iter().collect();
        by_time(&mut earlier, |run| run.time_s);
        let place = |run: &RunFigures| line.runs.iter().position(|(other, _)| std::ptr::eq(*other, run));
        line.places = earlier.into_iter().filter_map(place).collect();
        line
    }

    /// A history, by its name where there are several.
    pub(super) fn of_history(table: &'a RunTable, series: Option<&'a str>) -> Line<'a> {
        let mut runs: Vec<_> = table.runs.iter().map(|run| (run, BASE)).collect();
        by_time(&mut runs, |(run, _)| run.time_s);
        let places = (0..runs.len()).collect();
        Line { runs, sides: Vec::new(), series, places }
    }

    /// Whether other runs stand among those that changes were looked for in, so that the two are numbered differently.
    pub(super) fn is_mixed(&self) -> bool {
        self.places.iter().enumerate().any(|(own, place)| own != *place)
    }

    /// Where a run of the history stands.
    fn place(&self, index: usize) -> f64 {
        self.places.get(index).copied().unwrap_or(index) as f64
    }

    /// Where a change at a run of the history is drawn: just before that run.
    fn edge(&self, index: usize) -> f64 {
        self.place(index) - 0.5
    }

    /// From the run before the first at which a change can have been, to the last.
    fn region(&self, [first, last]: [usize; 2]) -> [f64; 2] {
        let from = first.checked_sub(1).map_or(self.edge(first), |before| self.place(before) + 0.5);
        [from, self.place(last) + 0.5]
    }

    /// The chart of one figure; `None` with fewer than two values.
    pub(super) fn chart(&self, figure: &Figure, changes: Option<&Changes>, width: Width) -> Option<Picture> {
        let value = |run: &RunFigures| run.values.get(figure).copied();
        let known =
            || self.runs.iter().filter(|(run, _)| run.invalid.is_none()).filter_map(|(run, _)| value(run));
        if known().count() < 2 {
            return None;
        }
        let [low, high] = self.reach(figure);
        // Where all are 0 any height will do.
        let height = (high - low).max(1e-3 * high.abs());
        let room = 0.12 * if height > 0.0 { height } else { 1.0 };
        let beyond: Vec<f64> = known().filter(|value| !(low..=high).contains(value)).collect();
        let scale = Scale::linear(if low >= 0.0 { (low - room).max(0.0) } else { low - room }, high + room);
        let steps: Vec<&Change> = changes.map_or(Vec::new(), |changes| {
            let own =
                |change: &&Change| change.metric == figure.name && change.series.as_deref() == self.series;
            changes.changes.iter().filter(own).collect()
        });
        let last = self.runs.len().max(2) - 1;
        let x = Axis::new(Scale::linear(0.0, last as f64), if width == Width::Full { 10 } else { 4 }, |at| {
            format!("{at:.0}")
        });
        let chart = Chart::new(
            width.size(if width == Width::Full { 260 } else { 300 }),
            self.head(figure, &steps, &beyond),
            x,
            Axis::new(scale, 6, number),
            self.ends(|run| value(run).map(|value| value.clamp(low, high))),
        );
        for step in &steps {
            let [from, to] = self.region(step.index_interval);
            chart.shade(from, to, &step.change.map_or_else(|| "change".to_owned(), signed));
        }
        chart.grid();
        for (at, (run, role)) in self.runs.iter().enumerate() {
            if let Some(value) = value(run).filter(|_| run.invalid.is_none()) {
                let inside = value.clamp(low, high);
                chart.line(*role, 3.0, &[(at as f64, Some(inside))]);
                if inside != value {
                    // A short line to the edge: it lies beyond.
                    let edge = if value > high { high + room } else { low - room };
                    chart.line(*role, 1.4, &[(at as f64, Some(inside)), (at as f64, Some(edge))]);
                }
            }
        }
        self.levels(&chart, &steps);
        Some(chart.finish())
    }

    /// The values that the axis has to show: those of all sides but for single wild runs, which would leave no room for
    /// the rest.
    fn reach(&self, figure: &Figure) -> [f64; 2] {
        let of = |side: Option<Role>| {
            let runs = self
                .runs
                .iter()
                .filter(|(run, role)| run.invalid.is_none() && side.is_none_or(|of| of == *role));
            let mut values: Vec<f64> = runs.filter_map(|(run, _)| run.values.get(figure).copied()).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let all = of(None);
        let quantile = |values: &[f64], q: f64| values[(q * (values.len() - 1) as f64).round() as usize];
        let sides = [BASE, CANDIDATE, EARLIER].map(|role| of(Some(role)));
        let usual = sides
            .iter()
            .filter(|side| !side.is_empty())
            .flat_map(|side| [quantile(side, 0.1), quantile(side, 0.9)]);
        let (low, high) = usual.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
        let span = high - low;
        if span == 0.0 {
            return [all[0], all[all.len() - 1]];
        }
        let inside = |value: &&f64| (low - span..=high + span).contains(*value);
        let shown = || all.iter().filter(inside).copied();
        [shown().fold(low, f64::min), shown().fold(high, f64::max)]
    }

    /// The level up to each change and from the last one on, as far as changes were looked for.
    fn levels(&self, chart: &Chart, steps: &[&Change]) {
        let [first, last] =
            [self.places.first(), self.places.last()].map(|place| place.copied().unwrap_or(0));
        let mut from = first as f64;
        let mut level = |to: f64, value: f64| {
            chart.line(Role::Ink, 1.4, &[(from, Some(value)), (to, Some(value))]);
            from = to;
        };
        for step in steps {
            level(self.edge(step.index), step.before);
        }
        if let Some(step) = steps.last() {
            level(last as f64, step.after);
        }
    }

    fn head(&self, figure: &Figure, steps: &[&Change], beyond: &[f64]) -> Head {
        let runs = plural(self.runs.len() as u64, "run", "runs");
        let found = match steps {
            [] => String::new(),
            steps => format!("; {}", plural(steps.len() as u64, "lasting change", "lasting changes")),
        };
        let farthest = beyond.iter().copied().reduce(|a, b| if b.abs() > a.abs() { b } else { a });
        let apart = farthest.map_or(String::new(), |value| {
            format!(
                "; {} beyond the scale, at up to {}",
                plural(beyond.len() as u64, "run", "runs"),
                number(value)
            )
        });
        let series = self.series.unwrap_or_default();
        let mut name = format!("history-{}-{}{series}", figure.request, figure.name);
        name.retain(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        Head {
            name,
            title: format!("{} run by run", of_series(&of_request(figure), self.series)),
            subtitle: format!("{runs}, numbered from 0{found}{apart}"),
            description: format!("{} over {runs}{found}{apart}.", figure.name),
        }
    }

    /// Names of the sides at the height of their last run.
    fn ends(&self, value: impl Fn(&RunFigures) -> Option<f64>) -> Vec<EndLabel> {
        let end = |(name, role): &(&'static str, Role)| {
            let mut of_side = self.runs.iter().rev().filter(|(_, of)| of == role);
            Some(EndLabel::new(of_side.find_map(|(run, _)| value(run))?, *name, *role))
        };
        self.sides.iter().filter_map(end).collect()
    }
}

/// `p50_ms`, or `p50_ms of list` where it is about one request.
fn of_request(figure: &Figure) -> String {
    of_series(&figure.name, (figure.request != ALL).then_some(figure.request.as_str()))
}

/// Sorts runs by their times where all have one, as changes are looked for.
fn by_time<T>(runs: &mut [T], time_s: impl Fn(&T) -> Option<f64>) {
    if runs.iter().all(|run| time_s(run).is_some()) {
        let key = |run: &T| time_s(run).unwrap_or(0.0);
        runs.sort_by(|a, b| key(a).total_cmp(&key(b)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(times: &[f64]) -> RunTable {
        let run = |time_s: &f64| RunFigures { time_s: Some(*time_s), ..RunFigures::default() };
        RunTable { runs: times.iter().map(run).collect(), ..RunTable::default() }
    }

    /// Runs of the base among the earlier ones push these on along the line, and their changes with them.
    #[test]
    fn changes_stand_at_their_own_runs() {
        let [earlier, base, candidate] = [&[60.0, 0.0, 20.0, 40.0][..], &[10.0, 30.0], &[50.0]].map(table);
        let line = Line::of_groups([&earlier, &base, &candidate]);
        assert_eq!(line.places, [0, 2, 4, 6]);
        assert!(line.is_mixed());
        // Between the runs at 20 s and 40 s stands one of the base, at 3.
        assert_eq!(line.edge(2), 3.5);
        assert_eq!(line.region([2, 2]), [2.5, 4.5]);
        let [earlier, base, candidate] = [&[0.0, 1.0, 2.0][..], &[3.0], &[4.0]].map(table);
        let apart = Line::of_groups([&earlier, &base, &candidate]);
        assert!(!apart.is_mixed());
        assert_eq!((apart.edge(2), apart.region([1, 2])), (1.5, [0.5, 2.5]));
    }
}
