//! Scenarios without a file, and what a command line changes in one.

use std::{sync::Arc, time::Duration};

use super::{
    Scenario, steps,
    types::{Arrivals, Body, ClosedStage, Defaults, Flow, Load, OpenStage, Request, Step},
};
use crate::{diagnostic::Source, slo::Slo};

/// How long a stage lasts where nothing is said.
const DURATION: Duration = Duration::from_secs(30);

/// Why a value does not fit this scenario.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OverrideError {
    /// Not a URL.
    #[error("`{url}` is no URL; {help}")]
    Url {
        /// What was given.
        url: String,
        /// The way out.
        help: String,
    },
    /// Arrivals where there are only users.
    #[error("`arrivals` needs the open model, but this load is made of users; give a rate")]
    ArrivalsOfUsers,
    /// An objective about a request that does not exist.
    #[error("the SLO `{slo}` is about `{name}`, but no request has that name; {help}")]
    UnknownRequest {
        /// The objective.
        slo: String,
        /// The name in it.
        name: String,
        /// The way out.
        help: String,
    },
    /// A duration or count of zero, or a rate that is none.
    #[error("`{field}` has to be above zero")]
    Zero {
        /// The field.
        field: &'static str,
    },
    /// More arrivals per second than any machine sends.
    #[error(
        "a rate of {per_s}/s is higher than any machine sends; the highest is {}/s",
        super::load::RATE_MAX
    )]
    TooHigh {
        /// What was asked.
        per_s: f64,
    },
    /// A duration where there is no load to have it.
    #[error("`{field}` needs a load; give a rate or a number of users first")]
    NoLoad {
        /// The field.
        field: &'static str,
    },
}

/// Says what is wrong with a target, or nothing.
pub(super) fn check_target(url: &str) -> Result<(), String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err("write it with its scheme: `http://127.0.0.1:8080`".into());
    };
    if !matches!(scheme, "http" | "https") {
        return Err("only `http://` and `https://` are known".into());
    }
    if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("leave spaces out".into());
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (name, port) = match host.rfind(':').filter(|at| !host[*at..].contains(']')) {
        Some(at) => (&host[..at], Some(&host[at + 1..])),
        None => (host, None),
    };
    if name.is_empty() {
        return Err("a host is missing: `http://127.0.0.1:8080`".into());
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("the port has to be a number from 1 to 65535".into());
    }
    Ok(())
}

impl Scenario {
    /// A scenario of one request. `headers` are names and values; without a load, which the caller sets.
    ///
    /// # Errors
    ///
    /// [`OverrideError::Url`] if `url` is no absolute `http` or `https` URL.
    pub fn for_url(
        url: &str,
        method: &str,
        headers: &[(String, String)],
        body: Option<&str>,
    ) -> Result<Scenario, OverrideError> {
        check_target(url).map_err(|help| OverrideError::Url { url: super::strike_url(url), help })?;
        let start = url.find("://").map_or(0, |at| at + 3);
        let path = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
        let (target, path) = url.split_at(path);
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_string() } else { format!("/{path}") };
        let method = method.to_uppercase();
        let request = Request {
            name: steps::label(&method, &path).as_str().into(),
            method: method.as_str().into(),
            url: path.as_str().into(),
            headers: headers
                .iter()
                .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
                .collect(),
            body: body.map_or(Body::None, |body| Body::Text(body.into())),
            ..Request::default()
        };
        let host = target[start..].rsplit_once('@').map_or(&target[start..], |(_, host)| host);
        let flow = Flow { name: "url".into(), weight: 1.0, steps: vec![Step::Request(Box::new(request))] };
        Ok(Scenario {
            name: host.into(),
            target: target.into(),
            seed: 1,
            load: None,
            defaults: Defaults::default(),
            variables: Vec::new(),
            data: Vec::new(),
            flows: vec![flow],
            slos: Vec::new(),
            source: Arc::new(Source { name: "command line".into(), text: String::new() }),
        })
    }

    /// Sends the requests elsewhere.
    ///
    /// # Errors
    ///
    /// [`OverrideError::Url`] if it is no absolute `http` or `https` URL.
    pub fn set_target(&mut self, url: &str) -> Result<(), OverrideError> {
        check_target(url).map_err(|help| OverrideError::Url { url: super::strike_url(url), help })?;
        self.target = url.into();
        Ok(())
    }

    /// One constant rate in place of the measured stages, as long as they were (or 30 s); a warm-up stays as long
    /// as it was, at the new rate.
    ///
    /// # Errors
    ///
    /// [`OverrideError::Zero`] unless the rate is finite and above zero, [`OverrideError::TooHigh`] if it is absurd.
    pub fn set_rate(&mut self, per_s: f64) -> Result<(), OverrideError> {
        if !(per_s.is_finite() && per_s > 0.0) {
            return Err(OverrideError::Zero { field: "rate" });
        }
        if per_s > super::load::RATE_MAX {
            return Err(OverrideError::TooHigh { per_s });
        }
        let arrivals = match &self.load {
            Some(Load::Open(stages)) => stages.last().map(|stage| stage.arrivals).unwrap_or_default(),
            _ => Arrivals::default(),
        };
        let stage =
            |(duration, warmup)| OpenStage { from_per_s: per_s, to_per_s: per_s, duration, warmup, arrivals };
        self.load = Some(Load::Open(self.lengths().map(stage).collect()));
        Ok(())
    }

    /// So many users in place of the measured stages, as long as they were (or 30 s): the closed model.
    ///
    /// # Errors
    ///
    /// [`OverrideError::Zero`] if there are none.
    pub fn set_users(&mut self, users: u32) -> Result<(), OverrideError> {
        if users == 0 {
            return Err(OverrideError::Zero { field: "users" });
        }
        let pacing = match &self.load {
            Some(Load::Closed(stages)) => stages.last().and_then(|stage| stage.pacing),
            _ => None,
        };
        let stage = |(duration, warmup)| ClosedStage { users, duration, warmup, pacing };
        self.load = Some(Load::Closed(self.lengths().map(stage).collect()));
        Ok(())
    }

    /// Stretches the measured stages so that together they last this long.
    ///
    /// # Errors
    ///
    /// [`OverrideError::Zero`] or [`OverrideError::NoLoad`].
    pub fn set_duration(&mut self, duration: Duration) -> Result<(), OverrideError> {
        if duration.is_zero() {
            return Err(OverrideError::Zero { field: "duration" });
        }
        let measured = self.length(false);
        let stretch = |old: &mut Duration| {
            let share = old.as_secs_f64() / measured.as_secs_f64();
            *old = if share == 1.0 { duration } else { duration.mul_f64(share) };
        };
        match self.load.as_mut().ok_or(OverrideError::NoLoad { field: "duration" })? {
            Load::Open(stages) => {
                stages.iter_mut().filter(|s| !s.warmup).for_each(|s| stretch(&mut s.duration))
            }
            Load::Closed(stages) => {
                stages.iter_mut().filter(|s| !s.warmup).for_each(|s| stretch(&mut s.duration))
            }
        }
        Ok(())
    }

    /// One warm-up of this length at the load with which the measured part begins; zero for none.
    ///
    /// # Errors
    ///
    /// [`OverrideError::NoLoad`] if there is nothing to warm up for.
    pub fn set_warmup(&mut self, duration: Duration) -> Result<(), OverrideError> {
        match self.load.as_mut().ok_or(OverrideError::NoLoad { field: "warmup" })? {
            Load::Open(stages) => {
                stages.retain(|stage| !stage.warmup);
                let first = stages.first().filter(|_| !duration.is_zero()).cloned();
                let first = first.map(|stage| OpenStage {
                    to_per_s: stage.from_per_s,
                    duration,
                    warmup: true,
                    ..stage
                });
                stages.splice(..0, first);
            }
            Load::Closed(stages) => {
                stages.retain(|stage| !stage.warmup);
                let first = stages.first().filter(|_| !duration.is_zero()).cloned();
                stages.splice(..0, first.map(|stage| ClosedStage { duration, warmup: true, ..stage }));
            }
        }
        Ok(())
    }

    /// How arrivals are spread, in every stage.
    ///
    /// # Errors
    ///
    /// [`OverrideError::ArrivalsOfUsers`] in the closed model, [`OverrideError::NoLoad`] without a load.
    pub fn set_arrivals(&mut self, arrivals: Arrivals) -> Result<(), OverrideError> {
        match self.load.as_mut().ok_or(OverrideError::NoLoad { field: "arrivals" })? {
            Load::Open(stages) => stages.iter_mut().for_each(|stage| stage.arrivals = arrivals),
            Load::Closed(_) => return Err(OverrideError::ArrivalsOfUsers),
        }
        Ok(())
    }

    /// What fixes arrivals, data rows, think times and choices between flows.
    pub fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// The time-out of every request that has none of its own.
    ///
    /// # Errors
    ///
    /// [`OverrideError::Zero`] if it is zero.
    pub fn set_timeout(&mut self, timeout: Duration) -> Result<(), OverrideError> {
        if timeout.is_zero() {
            return Err(OverrideError::Zero { field: "timeout" });
        }
        self.defaults.timeout = timeout;
        Ok(())
    }

    /// Other objectives in place of those of the file.
    ///
    /// # Errors
    ///
    /// [`OverrideError::UnknownRequest`] if one names a request that does not exist.
    pub fn set_slos(&mut self, slos: Vec<Slo>) -> Result<(), OverrideError> {
        let requests = self.requests();
        let names = requests.iter().map(|request| request.name.value.as_str());
        for slo in &slos {
            if let Some(name) = slo.request.as_ref().filter(|name| !names.clone().any(|known| known == *name))
            {
                let help = crate::diagnostic::suggestion(name, names);
                return Err(OverrideError::UnknownRequest {
                    slo: slo.text.clone(),
                    name: name.clone(),
                    help,
                });
            }
        }
        self.slos = slos;
        Ok(())
    }

    /// The total length of the warm-up, or of the measured stages.
    pub fn length(&self, warmup: bool) -> Duration {
        match &self.load {
            Some(Load::Open(stages)) => {
                stages.iter().filter(|s| s.warmup == warmup).map(|s| s.duration).sum()
            }
            Some(Load::Closed(stages)) => {
                stages.iter().filter(|s| s.warmup == warmup).map(|s| s.duration).sum()
            }
            None => Duration::ZERO,
        }
    }

    /// The lengths of one warm-up, if there is any, and of one measured stage in place of those there are.
    fn lengths(&self) -> impl Iterator<Item = (Duration, bool)> + use<> {
        let (warmup, measured) = (self.length(true), self.length(false));
        let measured = if measured.is_zero() { DURATION } else { measured };
        [(warmup, true), (measured, false)].into_iter().filter(|(duration, _)| !duration.is_zero())
    }
}
