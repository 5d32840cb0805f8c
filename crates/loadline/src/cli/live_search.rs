//! What one sees while a search goes on: a line for each step, and on a terminal what happens now.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use loadline::analysis::search::Capacity;
use loadline::model::histogram::{self, quantile_ms};
use loadline::model::recording::Second;
use loadline::render::saturation;
use loadline::saturate::Progress;

use super::output::{Output, talk};

/// Shows a search as it goes on.
pub(super) struct LiveSearch {
    quiet: bool,
    closed: bool,
    bar: Option<ProgressBar>,
    now: Option<(f64, u64, bool)>,
    driven_s: u64,
    estimate: String,
}

impl LiveSearch {
    pub(super) fn new(out: &Output, closed: bool) -> Self {
        let bar = (!out.is_quiet() && io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
            bar.set_style(ProgressStyle::with_template("{msg}").expect("the template is a constant"));
            bar
        });
        LiveSearch { quiet: out.is_quiet(), closed, bar, now: None, driven_s: 0, estimate: String::new() }
    }

    pub(super) fn show(&mut self, progress: Progress<'_>) {
        if self.quiet {
            return;
        }
        match progress {
            Progress::Started { run: Some((run, directory)) } => {
                self.say(&format!("{}: {}, into {}", run.name, run.target, directory.display()));
            }
            Progress::Started { run: None } => {}
            Progress::Begins { load, length_s, confirming } => {
                self.now = Some((load, length_s, confirming));
                self.driven_s = 0;
            }
            Progress::Unread { source, error } => self.say(&format!(
                "warning: the service's resources cannot be read from {source}: {error}; the search goes on without"
            )),
            Progress::Second(second) => self.second(second),
            Progress::Ended { step, estimate } => {
                self.estimate = estimate.map_or(String::new(), |capacity| self.estimated(capacity));
                let line = saturation::step_line(None, step);
                self.say(&format!("{line}{}", self.estimate));
            }
        }
    }

    fn estimated(&self, capacity: &Capacity) -> String {
        let unit = if self.closed { " users" } else { "/s" };
        let figure = |value: f64| if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") };
        match (capacity.load, capacity.interval) {
            (Some(middle), (low, Some(high))) => format!(
                " → capacity {}{unit} ({} to {}, ±{:.0} %)",
                figure(middle),
                figure(low),
                figure(high),
                (high - low) / 2.0 / middle * 100.0
            ),
            _ => String::new(),
        }
    }

    fn second(&mut self, second: &Second) {
        self.driven_s += 1;
        let (Some(bar), Some((load, length_s, confirming))) = (&self.bar, self.now) else { return };
        let mut response = histogram::new();
        for request in &second.requests {
            // All histograms have the same bounds.
            let _ = response.add(&request.durations.response);
        }
        let p99 = quantile_ms(&response, 0.99).map_or("–".to_owned(), |p99| format!("{p99:.1} ms"));
        let in_flight: u64 = second.generator.iter().map(|line| line.in_flight + line.waiting).sum();
        let kind = if confirming { "confirming at" } else { "step at" };
        let unit = if self.closed { " users" } else { "/s" };
        bar.set_message(format!(
            "  {kind} {load:.0}{unit}: {} s of {length_s}, p99 {p99}, {in_flight} in flight{}",
            self.driven_s.saturating_sub(1).min(length_s),
            self.estimate
        ));
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| talk(line)),
            None => talk(line),
        }
    }

    pub(super) fn close(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
