//! Where demand is read from: a file, a folder, or a Prometheus server; `forecast` and `headroom` share it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use loadline::analysis::ingest::{Aggregate, Columns, Parts, Reading, Step, Zone};
use loadline::demand::{self, Source, load};
use loadline::generator::client::tls::{Identity, TlsSettings};
use loadline::model::plan::parse_span;
use loadline::model::series::Series;
use loadline::prometheus::{Access, Credentials, Query};

use super::exit::UserError;
use super::forecast::sort;
use super::{headers, input};

/// The demand and how it is read.
#[derive(Debug, clap::Args)]
pub(crate) struct SourceFlags {
    #[command(flatten)]
    rows: RowFlags,
    #[command(flatten)]
    server: ServerFlags,
    /// Only the series of this name (repeatable)
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Rows")]
struct RowFlags {
    /// The column of the time [default: found]
    #[arg(long, value_name = "COL")]
    time: Option<String>,
    /// The column of the demand [default: found]
    #[arg(long, value_name = "COL")]
    value: Option<String>,
    /// The column that parts many series in one file; none: all rows are of one [default: found]
    #[arg(long, value_name = "COL")]
    series: Option<String>,
    /// The distance of points, such as 1h; rows nearer than that are aggregated [default: found; of --prometheus: 1h,
    /// less where --last is below two weeks]
    #[arg(long, value_parser = Step::parse)]
    step: Option<Step>,
    /// What the rows of one time or step make
    #[arg(long, value_enum, default_value_t)]
    aggregate: How,
    /// Where times are local that say no offset, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE", value_parser = Zone::parse)]
    timezone: Option<Zone>,
    /// How the files of a folder belong together
    #[arg(long, value_enum, default_value_t)]
    files: Together,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Prometheus")]
struct ServerFlags {
    /// Read from this server (Prometheus, Thanos, Mimir, VictoriaMetrics), such as http://127.0.0.1:9090. Credentials
    /// come from LOADLINE_PROMETHEUS_TOKEN, from LOADLINE_PROMETHEUS_USER and LOADLINE_PROMETHEUS_PASSWORD, or from the
    /// URL
    #[arg(long, value_name = "URL", requires = "query", conflicts_with_all = ["time", "value", "series", "aggregate", "timezone", "files"])]
    prometheus: Option<String>,
    /// The expression whose result is the demand, such as 'sum(rate(http_requests_total[1h]))'
    #[arg(long, value_name = "PROMQL", requires = "prometheus")]
    query: Option<String>,
    /// How far back
    #[arg(long, value_name = "TIME", default_value = "180d", value_parser = last)]
    last: f64,
    #[command(flatten)]
    access: AccessFlags,
}

/// How a server is reached; `check` takes these too.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Prometheus")]
pub(crate) struct AccessFlags {
    /// A header for the server, such as 'X-Scope-OrgID: team' (repeatable)
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = headers::parse)]
    headers: Vec<(String, String)>,
    /// Longest time for one answer
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = input::duration)]
    timeout: Duration,
    /// Trust any certificate: only for servers of your own
    #[arg(long)]
    insecure: bool,
    /// Trust the certificates of these authorities (PEM) instead of the system's
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Show this certificate (PEM) to the server
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The private key (PEM) of --cert
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum How {
    /// Their mean, which keeps the unit: rates and other gauges
    #[default]
    Mean,
    /// Their sum: counts of what happened since the row before
    Sum,
    /// Their largest: peaks
    Max,
    /// How much a counter has grown
    Increase,
    /// How many rows they are: one row per event
    Count,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Together {
    /// Parts of one whole where each goes on where another ends, else separate
    #[default]
    Auto,
    /// Parts of one whole
    Joined,
    /// Series of their own
    Separate,
}

fn last(text: &str) -> Result<f64, String> {
    parse_span(text).and_then(|s| if s > 0.0 { Ok(s) } else { Err("write a duration such as 180d".into()) })
}

impl SourceFlags {
    /// Reads the series that are asked for; `wanted` is how a file would be given.
    pub(crate) fn load(self, file: Option<PathBuf>, wanted: &str) -> anyhow::Result<Vec<Series>> {
        let access = self.access()?;
        let (only, name) = (self.only, file.as_deref().map(Path::display).map(|d| d.to_string()));
        let source = match (file, self.server.prometheus) {
            (Some(path), None) => self.rows.source(path),
            (None, Some(url)) => {
                let step_s = match self.rows.step {
                    Some(Step::Seconds(seconds)) => Some(seconds),
                    Some(Step::Count(_)) => {
                        return Err(UserError::input(
                            "give --step as a duration such as 1h: a server's times have dates",
                        ));
                    }
                    None => None,
                };
                let query = self.server.query.unwrap_or_default();
                Source::Prometheus(Query { url, query, last_s: self.server.last, step_s })
            }
            (Some(_), Some(_)) => {
                return Err(UserError::input(format!("give {wanted} or --prometheus, not both")));
            }
            (None, None) => {
                return Err(UserError::input(format!("give {wanted}, or --prometheus URL --query PROMQL")));
            }
        };
        let mut all = load(&source, &access).map_err(sort)?;
        demand::only(&mut all, &only).map_err(|(unknown, meant)| {
            let help = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            let name = name.unwrap_or_else(|| "the answer".into());
            UserError::input(format!("{name} has no series `{unknown}`{help}"))
        })?;
        Ok(all)
    }

    /// Whether a server is named.
    pub(crate) fn is_given(&self) -> bool {
        self.server.prometheus.is_some()
    }

    /// How a history beside the demand is read: at the same times.
    pub(crate) fn reading_beside(&self) -> Reading {
        Reading { step: self.rows.step, zone: self.rows.timezone.clone(), ..Reading::default() }
    }

    /// How a server is reached.
    pub(crate) fn access(&self) -> anyhow::Result<Access> {
        self.server.access.access()
    }
}

impl AccessFlags {
    /// As these flags and the environment say.
    pub(crate) fn access(&self) -> anyhow::Result<Access> {
        let identity = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some(Identity { chain: input::bytes(cert)?, key: input::bytes(key)? }),
            _ => None,
        };
        let authorities = self.cacert.as_deref().map(input::bytes).transpose()?;
        Ok(Access {
            credentials: credentials(|name| std::env::var(name).ok().filter(|value| !value.is_empty())),
            headers: self.headers.clone(),
            tls: TlsSettings { authorities, identity, insecure: self.insecure },
            timeout: self.timeout,
        })
    }
}

fn credentials(variable: impl Fn(&str) -> Option<String>) -> Option<Credentials> {
    let basic = || {
        let user = variable("LOADLINE_PROMETHEUS_USER")?;
        Some(Credentials::Basic {
            user,
            password: variable("LOADLINE_PROMETHEUS_PASSWORD").unwrap_or_default(),
        })
    };
    variable("LOADLINE_PROMETHEUS_TOKEN").map(Credentials::Bearer).or_else(basic)
}

impl RowFlags {
    fn source(self, path: PathBuf) -> Source {
        let aggregate = match self.aggregate {
            How::Mean => Aggregate::Mean,
            How::Sum => Aggregate::Sum,
            How::Max => Aggregate::Max,
            How::Increase => Aggregate::Increase,
            How::Count => Aggregate::Count,
        };
        let parts = match self.files {
            Together::Auto => Parts::Auto,
            Together::Joined => Parts::Joined,
            Together::Separate => Parts::Separate,
        };
        let columns =
            Columns { time: self.time, value: self.value, series: self.series, ..Columns::default() };
        Source::Files {
            path,
            reading: Reading { columns, step: self.step, aggregate, zone: self.timezone },
            parts,
        }
    }
}
