//! The summary of a run, from its seconds: the same function at the end of a run and whenever a report is made.

use std::collections::BTreeMap;
use std::time::Duration;

use loadline_model::recording::{Durations, GeneratorSecond, RequestSecond, Second};
use loadline_model::run::{
    Connections, Errors, LoadModel, RequestSummary, RunDocument, SCHEMA, SloResult, StageRecord, Status,
    Summary, ValidityVerdict, Verdict, add_examples,
};
use loadline_model::slo::Slo;

use crate::latency::latency;
use crate::slo::{self, Evidence, Windows};
use crate::validity::{SENT_SHARE_MIN, Sent, Watch};

/// The class of what was in flight when the drain ended.
pub(crate) const UNANSWERED: &str = "unanswered";

/// Gathers the seconds of a run. Its memory is bounded by the names of requests and the lengths of windows.
#[derive(Debug)]
pub struct Summariser {
    model: LoadModel,
    measured: Vec<(f64, f64)>,
    objectives: Vec<(Slo, Option<Windows>)>,
    /// The objective that ended the run, by its place, and what was seen then.
    breach: Option<(usize, SloResult)>,
    totals: Vec<Total>,
    /// Of the measured part only.
    flows: GeneratorSecond,
    connections: Connections,
    dns_ms: f64,
    connect_ms: f64,
    watch: Watch,
    seconds: u64,
}

#[derive(Debug)]
struct Total {
    name: String,
    durations: Durations,
    requests: u64,
    errors: BTreeMap<String, u64>,
    examples: BTreeMap<String, Vec<String>>,
    bytes_received: u64,
    bytes_sent: u64,
}

impl Total {
    fn new(name: &str, durations: Durations) -> Self {
        Total {
            name: name.to_owned(),
            durations,
            requests: 0,
            errors: BTreeMap::new(),
            examples: BTreeMap::new(),
            bytes_received: 0,
            bytes_sent: 0,
        }
    }

    fn add(&mut self, request: &RequestSecond) {
        self.durations.add(&request.durations);
        self.merge(request.counts.requests, &request.counts.errors, &request.counts.examples);
        self.bytes_received += request.counts.bytes_received;
        self.bytes_sent += request.counts.bytes_sent;
    }

    fn merge(
        &mut self,
        requests: u64,
        errors: &BTreeMap<String, u64>,
        examples: &BTreeMap<String, Vec<String>>,
    ) {
        self.requests += requests;
        for (class, count) in errors {
            *self.errors.entry(class.clone()).or_default() += count;
        }
        for (class, texts) in examples {
            add_examples(&mut self.examples, class, texts);
        }
    }

    fn errors(&self, early: bool) -> Errors {
        let total = self.failed(early);
        let rate = (self.requests > 0).then(|| total as f64 / self.requests as f64);
        let mut by_class = self.errors.clone();
        by_class.retain(|class, _| !(early && class == UNANSWERED));
        Errors { total, rate, by_class, examples: self.examples.clone() }
    }

    /// Requests that were in flight when the drain ended.
    fn unanswered(&self) -> u64 {
        self.errors.get(UNANSWERED).copied().unwrap_or(0)
    }

    /// Failed requests. What a run that ended `early` left unanswered had less time than it was promised: that is no
    /// fault of the service.
    fn failed(&self, early: bool) -> u64 {
        self.errors.values().sum::<u64>() - if early { self.unanswered() } else { 0 }
    }

    fn summary(&self, duration_s: f64, early: bool) -> RequestSummary {
        RequestSummary {
            name: self.name.clone(),
            requests: self.requests,
            requests_per_s: per_second(self.requests, duration_s),
            errors: self.errors(early),
            bytes_received: self.bytes_received,
            bytes_sent: self.bytes_sent,
            response: latency(&self.durations.response),
            response_ok: latency(&self.durations.response_ok),
            service: latency(&self.durations.service),
            delay: latency(&self.durations.delay),
        }
    }
}

impl Summariser {
    /// For a run with these stages, names of requests and objectives.
    pub fn new(model: LoadModel, stages: &[StageRecord], request_names: &[String], slos: &[Slo]) -> Self {
        Summariser {
            model,
            measured: measured_spans(stages),
            objectives: slos.iter().map(|slo| (slo.clone(), Windows::of(slo))).collect(),
            breach: None,
            totals: request_names
                .iter()
                .map(|name| Total::new(name, Durations::among(request_names.len())))
                .collect(),
            flows: GeneratorSecond::default(),
            connections: Connections::default(),
            dns_ms: 0.0,
            connect_ms: 0.0,
            watch: Watch::default(),
            seconds: 0,
        }
    }

    /// Takes the next second.
    pub fn push(&mut self, second: &Second) {
        self.seconds = second.second + 1;
        for line in &second.generator {
            self.push_connections(line);
            if !line.warmup {
                self.push_flows(line);
            }
        }
        for request in second.requests.iter().filter(|r| !r.counts.warmup) {
            if let Some(total) = self.totals.iter_mut().find(|total| total.name == request.counts.request) {
                total.add(request);
            }
        }
        let at = second.second as f64;
        if self.measured.iter().any(|(start, end)| *start <= at && at + 1.0 <= *end) {
            self.objectives
                .iter_mut()
                .filter_map(|(_, windows)| windows.as_mut())
                .for_each(|w| w.push(second));
        }
        if self.breach.is_none() {
            self.breach = self.find_breach();
        }
    }

    fn push_flows(&mut self, line: &GeneratorSecond) {
        self.flows.offered += line.offered;
        self.flows.started += line.started;
        self.flows.completed += line.completed;
        self.flows.completed_ok += line.completed_ok;
        self.flows.late += line.late;
        self.flows.dropped += line.dropped;
        self.watch.push(line);
    }

    fn push_connections(&mut self, line: &GeneratorSecond) {
        let (dns_max, connect_max) = (line.dns_max_ms, line.connect_max_ms);
        let opened = &mut self.connections;
        opened.opened += line.connections_opened;
        self.dns_ms += line.dns_ms;
        self.connect_ms += line.connect_ms;
        if line.connections_opened > 0 {
            opened.dns_max_ms = Some(opened.dns_max_ms.map_or(dns_max, |max| max.max(dns_max)));
            opened.connect_max_ms =
                Some(opened.connect_max_ms.map_or(connect_max, |max| max.max(connect_max)));
        }
    }

    /// The first objective with `abort` that is broken once its grace is over; asked after each second.
    pub fn broken(&self) -> Option<&Slo> {
        self.breach.as_ref().map(|(at, _)| &self.objectives[*at].0)
    }

    fn find_breach(&self) -> Option<(usize, SloResult)> {
        let elapsed = self.measured_until(self.seconds as f64);
        let due = |slo: &Slo| {
            slo.abort_after.is_some_and(|grace| elapsed > 0.0 && Duration::from_secs_f64(elapsed) >= grace)
        };
        let breach = |(at, (slo, windows)): (usize, &(Slo, Option<Windows>))| {
            let mut result = match windows {
                Some(windows) => windows.finish(),
                None => self.judge(slo, elapsed, false),
            };
            result.reason.get_or_insert_with(|| format!("broken {elapsed:.0} s into the measured part"));
            (result.verdict == Verdict::Fail).then_some((at, result))
        };
        self.objectives.iter().enumerate().filter(|(_, (slo, _))| due(slo)).find_map(breach)
    }

    /// The summary. `run` tells the status, and when the load ended early.
    pub fn finish(&self, run: &RunDocument) -> Summary {
        let duration_s = self.duration_s(run);
        let early = run.status != Status::Complete;
        let all = self.all();
        let delay = latency(&all.durations.delay);
        let response = latency(&all.durations.response);
        let flows = &self.flows;
        let sent = Sent { offered: flows.offered, started: flows.started, dropped: flows.dropped };
        let validity = self.watch.judge(self.model, sent, &all.durations.delay, &all.durations.response);
        let slos = self.slo_results(run.status, duration_s);
        let verdict = overall(&slos, validity.verdict);
        let mut notes = run.notes.clone();
        notes.extend(self.watch.note(self.model));
        Summary {
            schema: SCHEMA.to_owned(),
            name: run.name.clone(),
            status: run.status,
            verdict,
            ended_by: run.ended_by.clone(),
            validity,
            model: self.model,
            duration_s,
            requests: all.requests,
            requests_per_s: per_second(all.requests, duration_s),
            offered_per_s: per_second(flows.offered, duration_s),
            achieved_per_s: per_second(flows.started, duration_s),
            throughput_per_s: per_second(flows.completed_ok, duration_s),
            late: flows.late,
            dropped: flows.dropped,
            unanswered: all.unanswered(),
            errors: all.errors(early),
            response,
            response_ok: latency(&all.durations.response_ok),
            service: latency(&all.durations.service),
            delay,
            connections: self.connections(),
            cpu_ms_per_request: cpu_ms_per_request(run, per_second(all.requests, duration_s)),
            requests_by_name: self.totals.iter().map(|total| total.summary(duration_s, early)).collect(),
            slos,
            notes,
        }
    }

    fn all(&self) -> Total {
        let mut all = Total::new("", Durations::empty());
        for total in &self.totals {
            all.durations.add(&total.durations);
            all.merge(total.requests, &total.errors, &total.examples);
        }
        all
    }

    fn connections(&self) -> Connections {
        let opened = self.connections.opened;
        let mean = |sum: f64| (opened > 0).then(|| sum / opened as f64);
        Connections {
            dns_mean_ms: mean(self.dns_ms),
            connect_mean_ms: mean(self.connect_ms),
            ..self.connections.clone()
        }
    }

    fn judge(&self, slo: &Slo, seconds: f64, early: bool) -> SloResult {
        let named =
            slo.request.as_ref().and_then(|name| self.totals.iter().find(|total| total.name == *name));
        let (all, completed_ok);
        let total = match named {
            Some(total) => {
                // What is unanswered was not completed.
                completed_ok = total.requests - total.failed(false);
                total
            }
            None => {
                completed_ok = self.flows.completed_ok;
                all = self.all();
                &all
            }
        };
        let (response, service) = (&total.durations.response, &total.durations.service);
        let (requests, failed) = (total.requests, total.failed(early));
        slo::judge(slo, &Evidence { response, service, requests, failed, completed_ok, seconds })
    }

    fn slo_results(&self, status: Status, duration_s: f64) -> Vec<SloResult> {
        let judge = |(at, (slo, windows)): (usize, &(Slo, Option<Windows>))| {
            let mut result = match (windows, &self.breach) {
                (Some(windows), _) => windows.finish(),
                // The answers that came while the run was being ended make no promise kept.
                (None, Some((broken, breach))) if *broken == at => breach.clone(),
                (None, _) => self.judge(slo, duration_s, status != Status::Complete),
            };
            if status != Status::Complete && result.verdict == Verdict::Pass {
                result.verdict = Verdict::Inconclusive;
                result.reason = Some("kept until the run ended early".to_owned());
            }
            if let Some(share) = self.dropped_share().filter(|_| result.verdict == Verdict::Pass) {
                result.verdict = Verdict::Inconclusive;
                result.reason = Some(format!(
                    "{:.1} % of the arrivals were never sent, and are in no figure",
                    share * 100.0
                ));
            }
            result
        };
        self.objectives.iter().enumerate().map(judge).collect()
    }

    /// The share of the arrivals that were given up, where it is too large to pass them over.
    fn dropped_share(&self) -> Option<f64> {
        let share = self.flows.dropped as f64 / self.flows.offered as f64;
        (share > 1.0 - SENT_SHARE_MIN).then_some(share)
    }

    /// The length of the measured part: as planned, or until the load ended.
    fn duration_s(&self, run: &RunDocument) -> f64 {
        match (run.load_ended_s, run.status) {
            (Some(ended), _) => self.measured_until(ended),
            (None, Status::Complete) => self.measured_until(f64::INFINITY),
            (None, _) => self.measured_until(self.seconds as f64),
        }
    }

    fn measured_until(&self, end: f64) -> f64 {
        self.measured.iter().map(|(from, to)| (to.min(end) - from).max(0.0)).sum()
    }
}

/// The stretches of the measured part, in seconds since the start of the run; neighbours joined.
/// By the rates of both, since readings do not begin and end with the load.
fn cpu_ms_per_request(run: &RunDocument, requests_per_s: Option<f64>) -> Option<f64> {
    let requests_per_s = requests_per_s.filter(|rate| *rate > 0.0)?;
    Some(1e3 * run.service_cpu.as_ref()?.cores / requests_per_s)
}

/// The measured parts of a run with these stages, as `(from, to)` in seconds since its start.
pub fn measured_spans(stages: &[StageRecord]) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = Vec::new();
    let mut start = 0.0;
    for stage in stages {
        let end = start + stage.duration_s;
        match spans.last_mut() {
            _ if stage.warmup => {}
            Some(last) if last.1 == start => last.1 = end,
            _ => spans.push((start, end)),
        }
        start = end;
    }
    spans
}

fn per_second(count: u64, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| count as f64 / seconds)
}

/// The verdict over all objectives: none of them can be believed after an invalid measurement.
fn overall(slos: &[SloResult], validity: ValidityVerdict) -> Option<Verdict> {
    let has = |verdict| slos.iter().any(|slo| slo.verdict == verdict);
    match validity {
        _ if slos.is_empty() => None,
        ValidityVerdict::GeneratorLimited => Some(Verdict::Invalid),
        ValidityVerdict::Valid if has(Verdict::Fail) => Some(Verdict::Fail),
        ValidityVerdict::Valid if has(Verdict::Inconclusive) => Some(Verdict::Inconclusive),
        ValidityVerdict::Valid => Some(Verdict::Pass),
    }
}
