//! Demand from a server that speaks Prometheus' HTTP API: Prometheus itself, Thanos, Mimir, VictoriaMetrics.
//!
//! Aggregation is left to the server. The range is cut into pieces below its limit of points, and what does not come
//! whole is an error: never a shorter history that looks like one.

mod answer;
mod client;
mod range;

use std::collections::BTreeMap;
use std::time::Duration;

use loadline_analysis::ingest::{RawSeries, Reading, Step, regular};
use loadline_generator::client::tls::TlsSettings;
use loadline_model::series::{Series, Time};
use reqwest::Url;

use crate::forecast::PlanningError;
use answer::Points;
use client::Client;
use range::Range;
pub use range::default_step_s;

/// The most points of all series together.
const POINTS_MAX: u64 = 5_000_000;
/// The most series.
const SERIES_MAX: usize = 10_000;

/// What is asked of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Its address; what the API adds to it is left out. Of user info nothing is ever shown.
    pub url: String,
    /// The expression (PromQL); each series of its result is one of demand.
    pub query: String,
    /// How far back, in seconds.
    pub last_s: f64,
    /// Seconds between points; [`default_step_s`] of `last_s` where not given.
    pub step_s: Option<i64>,
}

/// How a server is reached.
#[derive(Clone)]
pub struct Access {
    /// Who asks; goes before the URL's user info.
    pub credentials: Option<Credentials>,
    /// Further headers, such as `X-Scope-OrgID`.
    pub headers: Vec<(String, String)>,
    /// Trust and identity.
    pub tls: TlsSettings,
    /// The longest time for one answer.
    pub timeout: Duration,
}

impl Default for Access {
    fn default() -> Access {
        let timeout = Duration::from_secs(60);
        Access { credentials: None, headers: Vec::new(), tls: TlsSettings::default(), timeout }
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// `Authorization: Bearer …`
    Bearer(String),
    /// `Authorization: Basic …`
    Basic {
        /// The user.
        user: String,
        /// Their password.
        password: String,
    },
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Why a server gave no demand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{server}: {message}; {help}")]
pub struct PrometheusError {
    /// The server's address, without user info.
    pub server: String,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: String,
    /// Whether the question is to blame (a query, an address, credentials) and not the server or the way to it.
    pub is_bad_input: bool,
}

/// Reads the history that `query` asks for, up to the time `now_s` (seconds since 1970).
///
/// # Errors
///
/// Where the server cannot be reached, refuses, breaks off or stalls, or where the answer holds no demand.
pub fn read(query: &Query, access: &Access, now_s: i64) -> Result<Vec<Series>, PlanningError> {
    let client = Client::new(&query.url, &query.query, access)?;
    let step_s = query.step_s.unwrap_or_else(|| default_step_s(query.last_s));
    let asked = Range::last(query.last_s, step_s, now_s);
    let of = |message: String, help: &str| {
        let (server, help) = (client.server().to_owned(), help.to_owned());
        PrometheusError { server, message, help, is_bad_input: true }
    };
    if asked.points() < 3 {
        let message = format!("{} points are too few", asked.points());
        return Err(of(message, "give a longer --last or a shorter --step").into());
    }
    if asked.points() > POINTS_MAX {
        return Err(of(format!("{} points are too many", asked.points()), "give a longer --step").into());
    }
    let mut all: BTreeMap<String, Points> = BTreeMap::new();
    let mut warnings: Vec<String> = Vec::new();
    let mut held = 0;
    for answer in client.read(asked) {
        let answer = answer?;
        warnings.extend(answer.warnings);
        for (id, points) in answer.series {
            held += points.len() as u64;
            all.entry(id).or_default().extend(points);
        }
        if all.len() > SERIES_MAX || held > POINTS_MAX {
            let message = format!("the query gives {} series with {held} points so far: too many", all.len());
            return Err(of(message, "aggregate them in the query, as in sum by (service) (…)").into());
        }
    }
    warnings.sort();
    warnings.dedup();
    let said: Vec<String> =
        warnings.iter().take(5).map(|warning| format!("the server warns: {warning}")).collect();
    let sparse = range::unseen(&query.query, step_s);
    let series = all.into_iter().filter(|(_, points)| points.iter().any(|p| p.1.is_finite()));
    let series: Vec<Series> = series
        .map(|(id, points)| {
            let mut notes = absent(&points, asked);
            notes.extend(sparse.iter().chain(&said).cloned());
            regularised(id, points, step_s, notes, client.server())
        })
        .collect::<Result<_, PlanningError>>()?;
    if series.is_empty() {
        let (from, to) = (Time::Clock(asked.start_s), Time::Clock(asked.end_s));
        let message = format!("the query has no data from {from} to {to}");
        return Err(of(message, "try it on the server's own page, or give another --query or --last").into());
    }
    Ok(series)
}

fn regularised(
    id: String,
    points: Points,
    step_s: i64,
    notes: Vec<String>,
    server: &str,
) -> Result<Series, PlanningError> {
    let reading = Reading { step: Some(Step::Seconds(step_s)), ..Reading::default() };
    let points =
        points.into_iter().map(|(time, value)| (Time::Clock(time), Some(value).filter(|v| v.is_finite())));
    let raw = RawSeries::of_points(id, points).expect("a series has points");
    let mut series = regular(raw, server, &reading)?;
    series.notes.splice(0..0, notes);
    Ok(series)
}

/// What a series does not have of the range, and values that are none.
fn absent(points: &Points, asked: Range) -> Vec<String> {
    let mut notes = Vec::new();
    let there = |p: &&(i64, f64)| p.1.is_finite();
    let (Some(first), Some(last)) = (points.iter().find(there), points.iter().rfind(there)) else {
        return notes;
    };
    if first.0 > asked.start_s {
        let (since, since_asked) = (Time::Clock(first.0), Time::Clock(asked.start_s));
        notes.push(format!("the server has data from {since} on only: asked for since {since_asked}"));
    }
    if last.0 < asked.end_s {
        let (until, until_asked) = (Time::Clock(last.0), Time::Clock(asked.end_s));
        notes.push(format!("no data after {until}, though asked for until {until_asked}"));
    }
    let odd = points.iter().filter(|p| !p.1.is_finite()).count();
    if odd > 0 {
        notes.push(format!("{odd} values are NaN or infinite: taken as missing"));
    }
    notes
}

/// The address as it may be shown, and its user info.
fn parts_of(url: &str) -> Result<(Url, Option<Credentials>), String> {
    let mut url = Url::parse(url).map_err(|e| e.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("it is neither http nor https".into());
    }
    let decoded = |text: &str| percent_decoded(text);
    let user = (!url.username().is_empty()).then(|| Credentials::Basic {
        user: decoded(url.username()),
        password: decoded(url.password().unwrap_or_default()),
    });
    // Neither fails for a URL that has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    Ok((url, user))
}

/// `%41` as `A`; a `+` stays one, in user info.
fn percent_decoded(text: &str) -> String {
    let text = text.replace('+', "%2B");
    form_urlencoded::parse(text.as_bytes()).next().map(|(key, _)| key.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_info_is_taken_and_never_shown() {
        let (url, user) = parts_of("https://me%40here:a%2Bb+c@prom.example/prefix/?x=1").unwrap();
        assert_eq!(url.as_str(), "https://prom.example/prefix/");
        assert_eq!(user, Some(Credentials::Basic { user: "me@here".into(), password: "a+b+c".into() }));
        assert_eq!(format!("{user:?}"), "Some(Credentials(…))");
        for bad in ["prom.example", "ftp://x", "file:///x", ""] {
            assert!(parts_of(bad).is_err(), "{bad}");
        }
    }
}
