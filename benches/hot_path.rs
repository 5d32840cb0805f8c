//! What every request costs the generator besides the system's calls: its place in the schedule, its rendering, the
//! reading of its answer, and its recording.

use std::hint::black_box;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, Method};
use loadline_generator::client::lean::Answer;
use loadline_generator::exchange::Request;
use loadline_generator::recorder::{Ended, Recorder};
use loadline_generator::schedule::{Arrivals, RateStage, Schedule};
use loadline_generator::script::{Arrival, RequestStep, Script, Step};
use loadline_model::scenario::Scenario;

/// Arrivals, requests or answers that one iteration goes through.
const MANY: u64 = 1_000;

fn schedule(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedule");
    group.throughput(Throughput::Elements(MANY));
    for (name, arrivals) in [("uniform", Arrivals::Uniform), ("poisson", Arrivals::Poisson)] {
        let stage =
            RateStage { from_per_s: 1e4, to_per_s: 2e4, duration: Duration::from_secs(3_600), arrivals };
        group.bench_function(name, |bencher| {
            let mut schedule = Schedule::new(7);
            bencher.iter(|| {
                for _ in 0..MANY {
                    black_box(schedule.next(&stage, 0));
                }
            });
        });
    }
}

fn recorder(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recorder");
    group.throughput(Throughput::Elements(MANY));
    group.bench_function("record", |bencher| {
        let (out, _seconds) = sync_channel(1);
        let (_banks, spare) = sync_channel(1);
        let mut recorder = Recorder::new(0, 3, out, spare);
        bencher.iter(|| {
            for k in 0..MANY {
                let response = Duration::from_nanos(200_000 + k * 997 % 5_000_000);
                let service = response - Duration::from_micros(20);
                recorder.record(black_box(&Ended {
                    name: (k % 3) as usize,
                    warmup: false,
                    response,
                    service,
                    delay: Duration::from_micros(20),
                    error: None,
                    bytes_received: 100,
                    bytes_sent: 0,
                }));
            }
        });
    });
}

fn templates(criterion: &mut Criterion) {
    let text = "target: http://127.0.0.1:8080\nload: [{ rate: 1/s, for: 1s }]\nvariables: { id: 7 }\nflows:\n  - name: f\n    \
                steps:\n      - get: /plain\n      - get: /products/${{ id }}?page=${{ random_int(1, 50) }}\n      \
                - post: /orders\n        headers: { authorization: \"Bearer ${{ uuid() }}\" }\n        \
                json: { product: \"${{ id }}\", count: 3 }\n";
    let scenario = Scenario::parse(text, "bench.yaml", |_| None).expect("a good scenario");
    let script =
        Script::compile(&scenario, &|_| Err(std::io::ErrorKind::NotFound.into())).expect("it compiles");
    let mut session = script.session(7, Arrival::default()).expect("no rows to run out of");
    let step = |at: usize| -> &RequestStep {
        match &script.flows[0].steps[at] {
            Step::Request(step) => step,
            _ => unreachable!("all steps are requests"),
        }
    };
    let mut group = criterion.benchmark_group("templates");
    for (name, at) in [("a fixed request", 0), ("a path with two values", 1), ("a header and a JSON body", 2)]
    {
        group.bench_function(name, |bencher| bencher.iter(|| black_box(step(at).render(&mut session))));
    }
}

fn codec(criterion: &mut Criterion) {
    let request = Request {
        method: Method::GET,
        uri: "http://127.0.0.1/".parse().expect("a URI"),
        headers: HeaderMap::new(),
        body: Default::default(),
        timeout: Duration::from_secs(1),
        keep_body: false,
        keep_headers: false,
    };
    let head = "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\nContent-Type: text/html\r\n";
    let body = "x".repeat(1_024);
    let answers = [
        ("1 KiB with a length", format!("{head}Content-Length: 1024\r\n\r\n{body}")),
        ("1 KiB in chunks", format!("{head}Transfer-Encoding: chunked\r\n\r\n400\r\n{body}\r\n0\r\n\r\n")),
    ];
    let mut group = criterion.benchmark_group("codec");
    for (name, bytes) in &answers {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                let mut answer = Answer::to(&request);
                assert_eq!(answer.feed(black_box(bytes.as_bytes())), Ok(bytes.len()));
                assert!(answer.is_done());
            });
        });
    }
}

criterion_group!(all, schedule, recorder, templates, codec);
criterion_main!(all);
