//! A metric run by run, with the levels between its change points.

use loadline_model::changes::{Change, Changes};
use loadline_model::run_table::{Figure, RunFigures, RunTable};

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
}

const EARLIER: Role = Role::Series(3);

impl<'a> Line<'a> {
    /// Earlier runs, the base's and the candidate's. Runs that cannot be used keep their place, since changes are placed
    /// by it.
    pub(super) fn of_groups(tables: [&'a RunTable; 3]) -> Line<'a> {
        let sides = [("earlier", EARLIER), ("base", BASE), ("candidate", CANDIDATE)];
        let each = tables.into_iter().zip(sides);
        let runs = each.flat_map(|(table, (_, role))| table.runs.iter().map(move |run| (run, role)));
        let mut line = Line { runs: runs.collect(), sides: Vec::new(), series: None };
        line.sort();
        line.sides =
            sides.into_iter().filter(|(_, role)| line.runs.iter().any(|(_, of)| of == role)).collect();
        line
    }

    /// A history, by its name where there are several.
    pub(super) fn of_history(table: &'a RunTable, series: Option<&'a str>) -> Line<'a> {
        let runs = table.runs.iter().map(|run| (run, BASE)).collect();
        let mut line = Line { runs, sides: Vec::new(), series };
        line.sort();
        line
    }

    fn sort(&mut self) {
        if self.runs.iter().all(|(run, _)| run.time_s.is_some()) {
            self.runs.sort_by(|a, b| a.0.time_s.unwrap_or(0.0).total_cmp(&b.0.time_s.unwrap_or(0.0)));
        }
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
        let room = 0.12 * (high - low).max(1e-3 * high.abs()).max(f64::MIN_POSITIVE);
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
            let [from, to] = step.index_interval.map(|at| at as f64);
            chart.shade(from - 0.5, to + 0.5, &step.change.map_or_else(|| "change".to_owned(), signed));
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
        let earlier = self.runs.iter().filter(|(_, role)| *role == EARLIER).count();
        let last = if earlier > 0 { earlier } else { self.runs.len() }.max(2) - 1;
        let mut from = 0.0;
        let mut level = |to: f64, value: f64| {
            chart.line(Role::Ink, 1.4, &[(from, Some(value)), (to, Some(value))]);
            from = to;
        };
        for step in steps {
            level(step.index as f64 - 0.5, step.before);
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
            title: format!("{} run by run", of_series(&figure.name, self.series)),
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
