//! The reader of one objective.

use std::{ops::Range, str::FromStr, time::Duration};

use super::{Comparison, Metric, Slo, Timing};
use crate::{diagnostic, units};

/// Why an objective was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("in the SLO `{text}`: {message}; {help}")]
pub struct SloError {
    /// The objective as it was written.
    pub text: String,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: String,
    /// The bytes of the text that are wrong.
    pub at: Range<usize>,
}

const SHAPE: &str = "write it as `p99 < 200ms`, `service p95 < 50ms`, `error_rate < 0.1%`, `throughput > 450/s`, \
                     optionally with `for NAME`, `over 10s`, `abort after 10s`";
const METRICS: [&str; 10] =
    ["p50", "p90", "p95", "p99", "p99.9", "p99.99", "mean", "max", "error_rate", "throughput"];
const CLAUSES: [&str; 3] = ["for", "over", "abort"];

type Result<T> = std::result::Result<T, SloError>;

impl FromStr for Slo {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Slo> {
        let mut words = Words { text, rest: 0 };
        let timing = words.timing();
        let metric = words.metric(timing)?;
        let comparison = words.comparison()?;
        let limit = words.limit(metric)?;
        let mut slo = Slo {
            text: String::new(),
            metric,
            comparison,
            limit,
            request: None,
            over: None,
            abort_after: None,
        };
        words.clauses(&mut slo)?;
        slo.text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(slo)
    }
}

impl Slo {
    /// The same objective, ending the run when it is broken after `grace`.
    pub fn aborting_after(mut self, grace: Duration) -> Slo {
        self.text = format!("{} abort after {}", self.text, units::format_duration(grace));
        self.abort_after = Some(grace);
        self
    }
}

struct Words<'a> {
    text: &'a str,
    rest: usize,
}

impl<'a> Words<'a> {
    fn fail<T>(&self, at: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Result<T> {
        Err(SloError { text: self.text.into(), message: message.into(), help: help.into(), at })
    }

    /// The next word without taking it: `<`, `<=`, `>`, `>=`, or what stands up to a space or one of these.
    fn peek(&self) -> Option<Range<usize>> {
        let rest = &self.text[self.rest..];
        let start = self.rest + rest.find(|c: char| !c.is_whitespace())?;
        let word = &self.text[start..];
        let symbol = |c: char| matches!(c, '<' | '>' | '=' | '!');
        let end = if let Some(quoted) = word.strip_prefix('"') {
            quoted.find('"').map_or(word.len(), |at| at + 2)
        } else if word.starts_with(symbol) {
            word.find(|c| !symbol(c)).unwrap_or(word.len())
        } else {
            word.find(|c: char| c.is_whitespace() || symbol(c)).unwrap_or(word.len())
        };
        Some(start..start + end)
    }

    fn next(&mut self) -> Option<Range<usize>> {
        let at = self.peek()?;
        self.rest = at.end;
        Some(at)
    }

    fn expect(&mut self, what: &str) -> Result<Range<usize>> {
        let end = self.text.trim_end().len();
        match self.next() {
            Some(at) => Ok(at),
            None => self.fail(end.saturating_sub(1)..end, format!("{what} is missing"), SHAPE),
        }
    }

    fn timing(&mut self) -> Option<Timing> {
        let at = self.peek()?;
        let timing = match &self.text[at.clone()] {
            "response" => Timing::Response,
            "service" => Timing::Service,
            _ => return None,
        };
        self.rest = at.end;
        Some(timing)
    }

    fn metric(&mut self, timing: Option<Timing>) -> Result<Metric> {
        let at = self.expect("what is measured")?;
        let word = &self.text[at.clone()];
        let of = timing.unwrap_or_default();
        let metric = match word {
            "mean" => Metric::Mean(of),
            "max" => Metric::Max(of),
            "error_rate" => Metric::ErrorRate,
            "throughput" => Metric::Throughput,
            _ => return self.quantile(at, of),
        };
        if timing.is_some() && matches!(metric, Metric::ErrorRate | Metric::Throughput) {
            return self.fail(
                0..at.end,
                format!("`{word}` is not a duration"),
                format!("write `{word}` alone"),
            );
        }
        Ok(metric)
    }

    fn quantile(&self, at: Range<usize>, of: Timing) -> Result<Metric> {
        let word = &self.text[at.clone()];
        let digits = word.strip_prefix('p').filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()));
        let digits = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
        // The point is moved in the text: 99.9 / 100 is not the number nearest to 0.999.
        match digits.map(|digits| format!("{digits}e-2").parse::<f64>()) {
            Some(Ok(quantile)) if quantile > 0.0 && quantile < 1.0 => Ok(Metric::Quantile(of, quantile)),
            Some(Ok(_)) if digits.is_some_and(|d| d.len() > 2 && d.bytes().all(|b| b == b'9')) => {
                let meant = format!("p99.{}", &word[3..]);
                self.fail(at, format!("`{word}` is no percentile"), format!("did you mean `{meant}`?"))
            }
            Some(Ok(1.0)) => self.fail(at, "`p100` is no percentile", "write `max`"),
            Some(_) => self.fail(
                at,
                format!("`{word}` is no percentile"),
                "write one above 0 and below 100: `p99.9`",
            ),
            None if word == "avg" || word == "average" => {
                self.fail(at, format!("unknown metric `{word}`"), "did you mean `mean`?")
            }
            None => {
                let help = diagnostic::suggestion(word, METRICS);
                self.fail(at, format!("unknown metric `{word}`"), help)
            }
        }
    }

    fn comparison(&mut self) -> Result<Comparison> {
        let at = self.expect("a comparison")?;
        match &self.text[at.clone()] {
            "<" => Ok(Comparison::Below),
            "<=" => Ok(Comparison::AtMost),
            ">" => Ok(Comparison::Above),
            ">=" => Ok(Comparison::AtLeast),
            word => {
                let message = format!("expected a comparison, found `{word}`");
                self.fail(at, message, "write `<`, `<=`, `>` or `>=`")
            }
        }
    }

    fn limit(&mut self, metric: Metric) -> Result<f64> {
        let at = self.expect("the limit")?;
        let word = &self.text[at.clone()];
        let read = match metric {
            Metric::ErrorRate => return self.ratio(at),
            Metric::Throughput => units::parse_rate(word),
            _ => units::parse_duration(word).map(|limit| limit.as_nanos() as f64 / 1e6),
        };
        read.or_else(|error| self.fail(at, error.message, error.help))
    }

    fn ratio(&self, at: Range<usize>) -> Result<f64> {
        let word = &self.text[at.clone()];
        let (number, scale) = word.strip_suffix('%').map_or((word, 1.0), |number| (number, 100.0));
        match number.parse::<f64>() {
            Ok(value) if (0.0..=scale).contains(&value) => Ok(value / scale),
            _ => self.fail(at, format!("`{word}` is not a share"), "write a percentage such as `0.1%`"),
        }
    }

    fn clauses(&mut self, slo: &mut Slo) -> Result<()> {
        while let Some(at) = self.next() {
            let word = &self.text[at.clone()];
            let twice = match word {
                "for" => slo.request.replace(self.name()?).is_some(),
                "over" => slo.over.replace(self.window()?).is_some(),
                "abort" => slo.abort_after.replace(self.abort()?).is_some(),
                _ => {
                    let help = match diagnostic::nearest(word, CLAUSES) {
                        Some(clause) => format!("did you mean `{clause}`?"),
                        None => "after the limit come `for NAME`, `over 10s` and `abort after 10s`".into(),
                    };
                    return self.fail(at.clone(), format!("`{word}` is not understood here"), help);
                }
            };
            if twice {
                return self.fail(at.clone(), format!("`{word}` stands twice"), "leave one of them out");
            }
        }
        Ok(())
    }

    /// A name goes on to the next clause or to the end.
    fn name(&mut self) -> Result<String> {
        let first = self.expect("the name of a request")?;
        let word = &self.text[first.clone()];
        if let Some(quoted) = word.strip_prefix('"') {
            return match quoted.strip_suffix('"') {
                Some("") | None => {
                    self.fail(first, "the name is not closed or empty", "write `for \"NAME\"`")
                }
                Some(name) => Ok(name.into()),
            };
        }
        let mut end = first.end;
        while let Some(at) =
            self.peek().filter(|at| !["over", "abort", "for"].contains(&&self.text[at.clone()]))
        {
            end = at.end;
            self.rest = end;
        }
        Ok(self.text[first.start..end].into())
    }

    /// What is measured is kept by the second.
    fn window(&mut self) -> Result<Duration> {
        let window = self.duration("over", false)?;
        if window.subsec_nanos() == 0 {
            return Ok(window);
        }
        let word = self.text[..self.rest].split_whitespace().next_back().unwrap_or_default();
        let at = self.rest - word.len()..self.rest;
        self.fail(at, format!("the window `{word}` is not whole seconds"), "write one such as `1s` or `10s`")
    }

    fn duration(&mut self, after: &str, zero: bool) -> Result<Duration> {
        let at = self.expect(&format!("the duration after `{after}`"))?;
        match units::parse_duration(&self.text[at.clone()]) {
            Ok(duration) if zero || !duration.is_zero() => Ok(duration),
            Ok(_) => {
                self.fail(at, format!("the duration after `{after}` is zero"), "write one such as `10s`")
            }
            Err(error) => self.fail(at, error.message, error.help),
        }
    }

    fn abort(&mut self) -> Result<Duration> {
        match self.peek() {
            Some(at) if &self.text[at.clone()] == "after" => {
                self.rest = at.end;
                self.duration("after", true)
            }
            _ => Ok(Duration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slo(text: &str) -> Slo {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn every_form_is_read() {
        let plain = slo("p99 < 200ms");
        assert_eq!(plain.metric, Metric::Quantile(Timing::Response, 0.99));
        assert_eq!((plain.comparison, plain.limit), (Comparison::Below, 200.0));
        assert_eq!(slo("p99 < 80ms for list").request.as_deref(), Some("list"));
        assert_eq!(slo("service p95<50ms").metric, Metric::Quantile(Timing::Service, 0.95));
        assert_eq!(slo("error_rate < 0.1%").limit, 0.001);
        assert_eq!(slo("error_rate <= 0.25").limit, 0.25);
        assert_eq!(slo("throughput  >  450/s").text, "throughput > 450/s");
        assert_eq!(slo("p95 < 150ms over 10s").over, Some(Duration::from_secs(10)));
        assert_eq!(slo("error_rate < 5% abort after 10s").abort_after, Some(Duration::from_secs(10)));
        assert_eq!(slo("max < 1s abort").abort_after, Some(Duration::ZERO));
        assert_eq!(slo("mean < 1.5ms for GET /a b over 5s").request.as_deref(), Some("GET /a b"));
        assert_eq!(slo("mean < 1.5ms for \"all over 9\" over 5s").request.as_deref(), Some("all over 9"));
        assert_eq!(slo("p99.9 < 1s").metric, Metric::Quantile(Timing::Response, 0.999));
    }

    #[test]
    fn a_mistake_says_where_and_what_to_do() {
        let message = |text: &str| {
            let error = text.parse::<Slo>().unwrap_err();
            format!("{} @{}: {}", error.message, &error.text[error.at.clone()], error.help)
        };
        assert_eq!(message("p999 < 1s"), "`p999` is no percentile @p999: did you mean `p99.9`?");
        assert_eq!(message("p100 < 1s"), "`p100` is no percentile @p100: write `max`");
        assert_eq!(message("avg < 1s"), "unknown metric `avg` @avg: did you mean `mean`?");
        assert_eq!(
            message("eror_rate < 1%"),
            "unknown metric `eror_rate` @eror_rate: did you mean `error_rate`?"
        );
        assert_eq!(message("p99 = 1s"), "expected a comparison, found `=` @=: write `<`, `<=`, `>` or `>=`");
        assert!(
            message("p99 < 200")
                .starts_with("the duration `200` has no unit @200: write a number and a unit")
        );
        assert_eq!(
            message("error_rate < 101%"),
            "`101%` is not a share @101%: write a percentage such as `0.1%`"
        );
        assert_eq!(message("p99 < 1s ovr 5s"), "`ovr` is not understood here @ovr: did you mean `over`?");
        assert_eq!(
            message("p99 < 1s over 500ms abort"),
            "the window `500ms` is not whole seconds @500ms: write one such as `1s` or `10s`"
        );
        assert_eq!(message("p99 < 1s for a for b"), "`for` stands twice @for: leave one of them out");
        assert!(message("p99 <").starts_with("the limit is missing @<: write it as `p99 < 200ms`"));
        assert!(message("").starts_with("what is measured is missing"));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(p9?9?|mean|error_rate|throughput|for|over|abort|after|[<>=]|[0-9.]{1,3}(ms|%|/s)?|\\PC| |\"){0,12}") {
            if let Ok(read) = text.parse::<Slo>() {
                prop_assert_eq!(read.text.parse::<Slo>().unwrap().limit, read.limit);
            }
        }
    }
}
