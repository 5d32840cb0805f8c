//! Made-up runs to make reports of: a small simulation of arrivals, connections and a service that stalls and fails.

use std::collections::{BTreeMap, BinaryHeap};

use loadline_model::histogram::{Histogram, quantile_ms};
use loadline_model::recording::{Durations, GeneratorSecond, RequestCounts, RequestSecond, Second};
use loadline_model::run::*;

/// A class of errors and its probability at a time in seconds.
type Fault = (&'static str, fn(f64) -> f64);

/// An objective with its verdict, what was observed, limit, unit and reason.
type Judged = (&'static str, Verdict, Option<f64>, f64, &'static str, Option<&'static str>);

/// What to simulate.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) requests: Vec<String>,
    pub(crate) rate: f64,
    pub(crate) warmup_s: f64,
    pub(crate) measured_s: f64,
    pub(crate) connections: usize,
    pub(crate) service_ms: f64,
    /// Seconds from and to when the service answers nothing.
    pub(crate) stall: Option<(f64, f64)>,
    pub(crate) errors: Vec<Fault>,
    /// As the analysis would have judged them.
    pub(crate) slos: Vec<Judged>,
    pub(crate) cpu: f64,
    pub(crate) reasons: Vec<&'static str>,
    pub(crate) status: Status,
    pub(crate) command: Vec<String>,
}

/// One request: when due, sent and done, in seconds.
struct Event {
    name: usize,
    due: f64,
    sent: f64,
    done: f64,
    error: Option<&'static str>,
}

pub(crate) struct Simulated {
    pub(crate) run: RunDocument,
    pub(crate) summary: Summary,
    events: Vec<Event>,
    warmup_s: f64,
    load_s: f64,
    cpu: f64,
}

impl Sample {
    pub(crate) fn healthy() -> Self {
        Sample {
            name: "checkout",
            requests: vec!["GET /".into()],
            rate: 500.0,
            warmup_s: 5.0,
            measured_s: 60.0,
            connections: 64,
            service_ms: 2.0,
            stall: None,
            errors: vec![],
            slos: vec![
                ("p99 < 20ms", Verdict::Pass, Some(5.4), 20.0, "ms", None),
                ("p50 < 5ms", Verdict::Pass, Some(2.0), 5.0, "ms", None),
                ("error_rate < 0.1%", Verdict::Pass, Some(0.0), 0.001, "ratio", None),
                ("throughput > 450/s", Verdict::Pass, Some(500.0), 450.0, "per_s", None),
            ],
            cpu: 0.22,
            reasons: vec![],
            status: Status::Complete,
            command: ["loadline", "run", "scenarios/checkout.yaml", "--rate", "500/s"]
                .map(String::from)
                .to_vec(),
        }
    }

    pub(crate) fn stall() -> Self {
        Sample {
            name: "stall of two seconds",
            rate: 1000.0,
            warmup_s: 0.0,
            measured_s: 20.0,
            connections: 50,
            service_ms: 1.0,
            stall: Some((9.0, 11.0)),
            slos: vec![
                ("p99 < 200ms", Verdict::Fail, Some(1800.0), 200.0, "ms", None),
                (
                    "p95 < 150ms over 10s",
                    Verdict::Fail,
                    Some(1100.0),
                    150.0,
                    "ms",
                    Some("broken in the window from 0 s to 10 s"),
                ),
                ("error_rate < 0.1%", Verdict::Pass, Some(0.0), 0.001, "ratio", None),
            ],
            ..Sample::healthy()
        }
    }

    pub(crate) fn failing() -> Self {
        Sample {
            name: "orders",
            requests: vec!["login".into(), "list".into(), "order".into()],
            rate: 300.0,
            measured_s: 40.0,
            service_ms: 12.0,
            errors: vec![
                ("status_5xx", |t| if (18.0..26.0).contains(&t) { 0.35 } else { 0.004 }),
                ("timeout", |t| if (22.0..30.0).contains(&t) { 0.08 } else { 0.0 }),
                ("check", |_| 0.01),
                ("reset", |t| if t > 33.0 { 0.05 } else { 0.0 }),
            ],
            slos: vec![
                ("error_rate < 0.1%", Verdict::Fail, Some(0.094), 0.001, "ratio", None),
                ("p99 < 200ms", Verdict::Pass, Some(34.0), 200.0, "ms", None),
                ("p99.99 < 1s for order", Verdict::Inconclusive, None, 1000.0, "ms", Some("too few samples")),
            ],
            ..Sample::healthy()
        }
    }

    pub(crate) fn limited() -> Self {
        Sample {
            name: "too much for one core",
            rate: 2000.0,
            measured_s: 15.0,
            connections: 4,
            service_ms: 2.4,
            cpu: 0.97,
            reasons: vec![
                "a core of the generator was busy above 90 % for 14 s on end; give it more cores (--workers) or ask for \
                 a lower rate",
            ],
            slos: vec![(
                "p99 < 20ms",
                Verdict::Invalid,
                None,
                20.0,
                "ms",
                Some("the measurement is invalid"),
            )],
            ..Sample::healthy()
        }
    }

    pub(crate) fn short() -> Self {
        Sample {
            name: "three seconds",
            rate: 20.0,
            warmup_s: 0.0,
            measured_s: 3.0,
            slos: vec![("p99 < 20ms", Verdict::Inconclusive, None, 20.0, "ms", Some("too few samples"))],
            ..Sample::healthy()
        }
    }

    pub(crate) fn hour() -> Self {
        Sample {
            name: "an hour",
            rate: 60.0,
            warmup_s: 300.0,
            measured_s: 3600.0,
            service_ms: 15.0,
            ..Sample::healthy()
        }
    }

    pub(crate) fn hostile() -> Self {
        let mut requests: Vec<String> = (1..=9).map(|n| format!("step {n}")).collect();
        requests.extend(["<script>alert(1)</script>".into(), "a|b ]]> </style>".into(), "x".repeat(150)]);
        Sample {
            name: "</title><script>alert('name')</script>",
            requests,
            errors: vec![("<b>odd|class</b>", |_| 0.01)],
            command: vec!["loadline".into(), "run".into(), "</dd><script>alert(2)</script>".into()],
            slos: vec![(
                "p99 < 20ms for <script>alert(3)</script>",
                Verdict::Inconclusive,
                None,
                20.0,
                "ms",
                Some("</td>--><![CDATA[ ]]>"),
            )],
            ..Sample::healthy()
        }
    }

    pub(crate) fn all_errors() -> Self {
        Sample {
            name: "nobody at home",
            rate: 50.0,
            warmup_s: 0.0,
            measured_s: 10.0,
            service_ms: 0.3,
            errors: vec![("connect", |_| 1.0)],
            slos: vec![
                ("error_rate < 0.1%", Verdict::Fail, Some(1.0), 0.001, "ratio", None),
                ("p99 < 200ms", Verdict::Pass, Some(0.5), 200.0, "ms", None),
            ],
            ..Sample::healthy()
        }
    }

    pub(crate) fn nothing() -> Self {
        Sample {
            name: "nothing",
            rate: 0.0,
            warmup_s: 0.0,
            measured_s: 5.0,
            slos: vec![],
            status: Status::Interrupted,
            ..Sample::healthy()
        }
    }

    pub(crate) fn all() -> Vec<(&'static str, Sample)> {
        vec![
            ("healthy", Sample::healthy()),
            ("stall", Sample::stall()),
            ("failing", Sample::failing()),
            ("limited", Sample::limited()),
            ("short", Sample::short()),
            ("hour", Sample::hour()),
            ("hostile", Sample::hostile()),
            ("all-errors", Sample::all_errors()),
            ("nothing", Sample::nothing()),
        ]
    }

    pub(crate) fn simulate(&self) -> Simulated {
        let load_s = self.warmup_s + self.measured_s;
        let mut random = Random(7);
        let mut free: BinaryHeap<std::cmp::Reverse<u64>> =
            vec![std::cmp::Reverse(0); self.connections].into();
        let mut events = Vec::new();
        for i in 0..(self.rate * load_s) as u64 {
            let due = i as f64 / self.rate;
            let std::cmp::Reverse(free_at) = free.pop().expect("a connection");
            let sent = due.max(free_at as f64 / 1e6);
            let mut done = sent + self.service_ms / 1e3 * random.log_normal(0.35);
            if random.uniform() < 0.001 {
                done += self.service_ms / 1e3 * 8.0 * random.uniform();
            }
            if let Some((from, to)) = self.stall
                && done > from
                && sent < to
            {
                done = to + (done - sent);
            }
            free.push(std::cmp::Reverse((done * 1e6) as u64));
            let error = self.errors.iter().find(|(_, p)| random.uniform() < p(due)).map(|(class, _)| *class);
            events.push(Event { name: i as usize % self.requests.len(), due, sent, done, error });
        }
        let summary = summary(self, &events);
        let run = document(self, &summary);
        Simulated { run, summary, events, warmup_s: self.warmup_s, load_s, cpu: self.cpu }
    }
}

impl Simulated {
    /// The seconds of the run, one at a time.
    pub(crate) fn seconds(&self) -> impl Iterator<Item = Second> + '_ {
        let end = self.events.iter().map(|e| e.done as u64).max().unwrap_or(0).max(self.load_s as u64 - 1);
        let mut by_second: BTreeMap<u64, Vec<&Event>> = BTreeMap::new();
        self.events.iter().for_each(|e| by_second.entry(e.done as u64).or_default().push(e));
        (0..=end).map(move |at| self.second(at, by_second.get(&at).map_or(&[][..], Vec::as_slice)))
    }

    fn second(&self, at: u64, ended: &[&Event]) -> Second {
        let (from, to) = (at as f64, at as f64 + 1.0);
        let count = |of: &dyn Fn(&Event) -> bool| self.events.iter().filter(|e| of(e)).count() as u64;
        let mut requests: Vec<RequestSecond> = Vec::new();
        for event in ended {
            let warmup = event.due < self.warmup_s;
            let name = &self.run.request_names[event.name];
            let slot = requests.iter().position(|r| r.counts.request == *name && r.counts.warmup == warmup);
            let slot = slot.unwrap_or_else(|| {
                let counts = RequestCounts { request: name.clone(), warmup, ..RequestCounts::default() };
                requests.push(RequestSecond { counts, durations: Durations::empty() });
                requests.len() - 1
            });
            let into = &mut requests[slot];
            into.counts.requests += 1;
            into.counts.bytes_received += 2_048;
            event
                .error
                .iter()
                .for_each(|class| *into.counts.errors.entry((*class).to_owned()).or_default() += 1);
            record(&mut into.durations, event);
        }
        let generator = GeneratorSecond {
            offered: count(&|e| e.due >= from && e.due < to),
            started: count(&|e| e.sent >= from && e.sent < to),
            completed: ended.len() as u64,
            completed_ok: ended.iter().filter(|e| e.error.is_none()).count() as u64,
            in_flight: count(&|e| e.sent < to && e.done >= to),
            waiting: count(&|e| e.due < to && e.sent >= to),
            cpu: Some(self.cpu * (0.9 + 0.1 * ((at % 7) as f64 / 7.0))),
            warmup: from < self.warmup_s,
            ..GeneratorSecond::default()
        };
        Second { second: at, generator: vec![generator], requests }
    }
}

fn us(seconds: f64) -> u64 {
    ((seconds * 1e6) as u64).max(1)
}

fn record(into: &mut Durations, event: &Event) {
    into.response.record(us(event.done - event.due)).unwrap();
    if event.error.is_none() {
        into.response_ok.record(us(event.done - event.due)).unwrap();
    }
    into.service.record(us(event.done - event.sent)).unwrap();
    into.delay.record(30 + (event.due * 1e4) as u64 % 40).unwrap();
}

fn latency(h: &Histogram) -> Latency {
    let fields = [
        ("p50_ms", 0.5),
        ("p90_ms", 0.9),
        ("p95_ms", 0.95),
        ("p99_ms", 0.99),
        ("p999_ms", 0.999),
        ("p9999_ms", 0.9999),
    ];
    let few = |q: f64| !h.is_empty() && h.len() as f64 * (1.0 - q) < 9.999_999;
    Latency {
        p50_ms: quantile_ms(h, 0.5),
        p90_ms: quantile_ms(h, 0.9),
        p95_ms: quantile_ms(h, 0.95),
        p99_ms: quantile_ms(h, 0.99),
        p999_ms: quantile_ms(h, 0.999),
        p9999_ms: quantile_ms(h, 0.9999),
        max_ms: quantile_ms(h, 1.0),
        mean_ms: (!h.is_empty()).then(|| h.mean() / 1e3),
        too_few_samples: fields.iter().filter(|(_, q)| few(*q)).map(|(n, _)| (*n).to_owned()).collect(),
    }
}

/// Requests, errors and durations of one request name or of all.
fn part(measured: &[&Event], name: Option<usize>) -> (u64, Errors, Durations) {
    let mut d = Durations::empty();
    let mut errors = Errors::default();
    let mut n = 0u64;
    for e in measured.iter().filter(|e| name.is_none_or(|name| e.name == name)) {
        n += 1;
        record(&mut d, e);
        e.error.iter().for_each(|class| *errors.by_class.entry((*class).to_owned()).or_default() += 1);
    }
    // What a server sent may be meant to be more than text.
    let example = |class: &String| {
        let text = format!("POST /orders (order): $.why is \"<b>{class}</b>\u{1b}[2J\", expected \"ok\"");
        (class.clone(), vec![text])
    };
    errors.examples = errors.by_class.keys().map(example).collect();
    errors.total = errors.by_class.values().sum();
    errors.rate = (n > 0).then(|| errors.total as f64 / n as f64);
    (n, errors, d)
}

fn summary(sample: &Sample, events: &[Event]) -> Summary {
    let measured: Vec<&Event> = events.iter().filter(|e| e.due >= sample.warmup_s).collect();
    let per_s = |n: u64| (n > 0).then(|| n as f64 / sample.measured_s);
    let (n, errors, d) = part(&measured, None);
    let by_name = sample.requests.iter().enumerate().map(|(i, name)| {
        let (n, errors, d) = part(&measured, Some(i));
        RequestSummary {
            name: name.clone(),
            requests: n,
            requests_per_s: per_s(n),
            errors,
            bytes_received: n * 2048,
            bytes_sent: 0,
            response: latency(&d.response),
            response_ok: latency(&d.response_ok),
            service: latency(&d.service),
            delay: latency(&d.delay),
        }
    });
    let limited = !sample.reasons.is_empty();
    let verdicts: Vec<Verdict> = sample.slos.iter().map(|s| s.1).collect();
    let verdict = [Verdict::Invalid, Verdict::Fail, Verdict::Inconclusive, Verdict::Pass]
        .into_iter()
        .find(|v| verdicts.contains(v));
    let slos = sample.slos.iter().map(|(slo, verdict, observed, limit, unit, reason)| SloResult {
        slo: (*slo).to_owned(),
        verdict: *verdict,
        observed: *observed,
        limit: *limit,
        unit: (*unit).to_owned(),
        reason: reason.map(str::to_owned),
    });
    let delay_p99 = quantile_ms(&d.delay, 0.99);
    Summary {
        schema: SCHEMA.to_owned(),
        name: sample.name.to_owned(),
        status: sample.status,
        ended_by: None,
        verdict,
        validity: Validity {
            verdict: if limited { ValidityVerdict::GeneratorLimited } else { ValidityVerdict::Valid },
            reasons: sample.reasons.iter().map(|r| (*r).to_owned()).collect(),
            generator_delay_p99_ms: delay_p99,
            generator_cpu: Some(sample.cpu),
            stolen: Some(0.0),
        },
        model: LoadModel::Open,
        duration_s: sample.measured_s,
        requests: n,
        requests_per_s: per_s(n),
        offered_per_s: per_s(n),
        achieved_per_s: per_s(n),
        throughput_per_s: per_s(n - errors.total),
        late: events.iter().filter(|e| e.sent > e.due).count() as u64,
        dropped: 0,
        unanswered: 0,
        response: latency(&d.response),
        response_ok: latency(&d.response_ok),
        service: latency(&d.service),
        delay: latency(&d.delay),
        errors,
        cpu_ms_per_request: None,
        connections: Connections {
            opened: sample.connections as u64,
            connect_mean_ms: Some(0.21),
            connect_max_ms: Some(1.4),
            ..Connections::default()
        },
        requests_by_name: by_name.collect(),
        slos: slos.collect(),
        notes: vec!["pacing by timerfd".to_owned()],
    }
}

fn document(sample: &Sample, summary: &Summary) -> RunDocument {
    let stage = |duration_s, warmup| StageRecord {
        from_per_s: Some(if warmup { sample.rate / 10.0 } else { sample.rate }),
        to_per_s: Some(sample.rate),
        users: None,
        duration_s,
        warmup,
        arrivals: Some("uniform".to_owned()),
    };
    let warmup = (sample.warmup_s > 0.0).then(|| stage(sample.warmup_s, true));
    RunDocument {
        schema: SCHEMA.to_owned(),
        name: sample.name.to_owned(),
        id: "k3f9q2".to_owned(),
        status: sample.status,
        started_at: "2026-11-21T08:00:00Z".to_owned(),
        command: sample.command.clone(),
        target: "http://127.0.0.1:8080/".to_owned(),
        duel: None,
        scenario: serde_json::Value::Null,
        stages: warmup.into_iter().chain([stage(sample.measured_s, false)]).collect(),
        slos: sample.slos.iter().map(|s| s.0.to_owned()).collect(),
        request_names: sample.requests.clone(),
        model: LoadModel::Open,
        seed: 7,
        versions: BTreeMap::from([
            ("loadline".to_owned(), "0.1.0".to_owned()),
            ("reqwest".to_owned(), "0.13.5".to_owned()),
        ]),
        host: Host {
            system: "Linux 6.1.0 x86_64".to_owned(),
            cpus: 2,
            cpu_model: Some("Example CPU 3.0 GHz".to_owned()),
            memory_bytes: Some(8 << 30),
        },
        workers: 2,
        max_in_flight: 10_000,
        notes: vec!["pacing by timerfd".to_owned()],
        load_ended_s: None,
        service_cpu: None,
        ended_by: None,
        summary: Some(summary.clone()),
    }
}

/// A linear congruential generator (Knuth's MMIX constants): samples are the same for ever.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Median 1; the normal deviate is a sum of twelve uniforms.
    fn log_normal(&mut self, sigma: f64) -> f64 {
        let z = (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0;
        (sigma * z).exp()
    }
}
