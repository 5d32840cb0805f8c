//! What one sees while load is driven: a few live lines on a terminal, a plain line every ten seconds elsewhere.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use loadline::model::histogram::{self, quantile_ms};
use loadline::model::recording::{GeneratorSecond, Second};
use loadline::run::Progress;

use super::output::{Output, talk};

const PLAIN_EVERY_S: u64 = 10;
const SPARK_WIDTH: usize = 30;

/// Shows a run as it goes on.
pub(crate) struct Live {
    shown: Shown,
    planned_s: f64,
    elapsed_s: u64,
    p99s: VecDeque<Option<f64>>,
    errors: BTreeMap<String, u64>,
    /// Generator delay p99 of the last second, and the busiest core.
    generator: (Option<f64>, Option<f64>),
}

enum Shown {
    Nothing,
    Lines,
    Screen(ProgressBar),
}

impl Live {
    pub(crate) fn new(out: &Output) -> Self {
        let shown = if out.is_quiet() {
            Shown::Nothing
        } else if io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
            bar.set_style(ProgressStyle::with_template("{msg}").expect("the template is a constant"));
            Shown::Screen(bar)
        } else {
            Shown::Lines
        };
        Live {
            shown,
            planned_s: 0.0,
            elapsed_s: 0,
            p99s: VecDeque::new(),
            errors: BTreeMap::new(),
            generator: (None, None),
        }
    }

    pub(crate) fn show(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Started { document, directory } => {
                self.planned_s = document.stages.iter().map(|stage| stage.duration_s).sum();
                if !matches!(self.shown, Shown::Nothing) {
                    talk(format_args!(
                        "{}: {} for {:.0} s, {} worker(s), into {}",
                        document.name,
                        document.target,
                        self.planned_s,
                        document.workers,
                        directory.display()
                    ));
                }
            }
            Progress::Second(second) => self.show_second(second),
        }
    }

    pub(crate) fn close(&mut self) {
        if let Shown::Screen(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }

    fn show_second(&mut self, second: &Second) {
        self.elapsed_s = second.second + 1;
        let now = Now::of(second);
        for (class, count) in second.requests.iter().flat_map(|request| &request.counts.errors) {
            *self.errors.entry(class.clone()).or_default() += count;
        }
        self.p99s.push_back(now.p99_ms);
        if self.p99s.len() > SPARK_WIDTH {
            self.p99s.pop_front();
        }
        self.generator = (now.delay_p99_ms, now.generator.cpu);
        match &self.shown {
            Shown::Nothing => {}
            Shown::Screen(bar) => bar.set_message(self.screen(&now)),
            Shown::Lines if self.elapsed_s.is_multiple_of(PLAIN_EVERY_S) => talk(self.line(&now)),
            Shown::Lines => {}
        }
    }

    fn line(&self, now: &Now) -> String {
        format!(
            "{} s: {}/s asked, {}/s sent, {} in flight, p50 {}, p99 {}, errors: {}{}",
            self.elapsed_s,
            now.generator.offered,
            now.generator.started,
            now.generator.in_flight,
            ms(now.p50_ms),
            ms(now.p99_ms),
            self.error_list(),
            self.doubt().map(|doubt| format!(" ({doubt})")).unwrap_or_default(),
        )
    }

    fn screen(&self, now: &Now) -> String {
        let left = (self.planned_s - self.elapsed_s as f64).max(0.0);
        let time =
            if left > 0.0 { format!("{left:.0} s left") } else { "waiting for the last answers".to_owned() };
        let warmup = if now.generator.warmup { "  (warm-up)" } else { "" };
        let places = if now.generator.waiting > 0 {
            format!(", {} waiting", now.generator.waiting)
        } else {
            String::new()
        };
        format!(
            "  time     {} s of {:.0}, {time}{warmup}\n  traffic  {}/s asked, {}/s sent, {} in flight{places}\n  \
             latency  p50 {}  p99 {}  {}\n  errors   {}\n  validity {}",
            self.elapsed_s,
            self.planned_s,
            now.generator.offered,
            now.generator.started,
            now.generator.in_flight,
            ms(now.p50_ms),
            ms(now.p99_ms),
            spark(&self.p99s),
            self.error_list(),
            self.doubt().unwrap_or_else(|| "the generator keeps up".to_owned()),
        )
    }

    fn error_list(&self) -> String {
        if self.errors.is_empty() {
            return "none".to_owned();
        }
        let list: Vec<String> = self.errors.iter().map(|(class, count)| format!("{count} {class}")).collect();
        list.join(", ")
    }

    /// What in the last second would spoil a run if it went on.
    fn doubt(&self) -> Option<String> {
        match self.generator {
            (Some(delay), _) if delay > 1.0 => Some(format!("the generator sends {delay:.1} ms late at p99")),
            (_, Some(cpu)) if cpu > 0.9 => {
                Some(format!("a core of the generator is {:.0} % busy", cpu * 100.0))
            }
            _ => None,
        }
    }
}

/// The figures of one second.
struct Now {
    generator: GeneratorSecond,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    delay_p99_ms: Option<f64>,
}

impl Now {
    fn of(second: &Second) -> Self {
        let mut generator = second.generator.first().cloned().unwrap_or_default();
        for other in second.generator.iter().skip(1) {
            generator.offered += other.offered;
            generator.started += other.started;
        }
        let (mut response, mut delay) = (histogram::new(), histogram::new());
        for request in &second.requests {
            // All histograms have the same bounds.
            let _ = response.add(&request.durations.response);
            let _ = delay.add(&request.durations.delay);
        }
        Now {
            generator,
            p50_ms: quantile_ms(&response, 0.5),
            p99_ms: quantile_ms(&response, 0.99),
            delay_p99_ms: quantile_ms(&delay, 0.99),
        }
    }
}

fn ms(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(ms) if ms < 10.0 => format!("{ms:.2} ms"),
        Some(ms) if ms < 1_000.0 => format!("{ms:.0} ms"),
        Some(ms) => format!("{:.2} s", ms / 1e3),
    }
}

/// The last values as bars on a logarithmic scale, from the least to the greatest among them.
fn spark(values: &VecDeque<Option<f64>>) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let logs: Vec<f64> = values.iter().flatten().map(|v| v.max(1e-3).ln()).collect();
    let least = logs.iter().copied().fold(f64::INFINITY, f64::min);
    // Noise is not to look like a mountain: the scale spans a factor of two at least.
    let span = (logs.iter().copied().fold(f64::NEG_INFINITY, f64::max) - least).max(std::f64::consts::LN_2);
    let bar = |value: &Option<f64>| match value {
        None => ' ',
        Some(value) => BARS[(((value.max(1e-3).ln() - least) / span * 7.0).round() as usize).min(7)],
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spark_rises_with_its_values_and_keeps_gaps() {
        let values = VecDeque::from([Some(1.0), Some(10.0), None, Some(100.0)]);
        assert_eq!(spark(&values), "▁▅ █");
        assert_eq!(spark(&VecDeque::from([Some(1.0), Some(1.01)])), "▁▁");
    }
}
