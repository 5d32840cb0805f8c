use loadline_generator::{arrivals::*, run::*, schedule::*, script::*, *};
use std::sync::Arc;
use std::time::Duration;
fn main() {
    let a: Vec<f64> = std::env::args().skip(1).map(|x| x.parse().unwrap()).collect();
    let req = exchange::Request {
        method: http::Method::GET,
        uri: "http://127.0.0.1:18080/".parse().unwrap(),
        headers: Default::default(),
        body: Default::default(),
        timeout: Duration::from_secs(30),
        keep_body: false,
    };
    let script = Arc::new(Script {
        flows: vec![Flow { steps: vec![Step::Request(RequestStep { name: 0, req: Arc::new(req) })] }],
        request_names: vec!["get".into()],
    });
    let workers = a[2] as u32;
    let stages = [Stage {
        warmup: false,
        load: Load::Rate(RateStage {
            from_per_s: a[0],
            to_per_s: a[0],
            duration: Duration::from_secs_f64(a[1]),
            arrivals: Arrivals::Uniform,
        }),
    }];
    let (users_max, rate_max_per_s) = extremes(&stages);
    let plan = Plan {
        script,
        seed: 1,
        workers,
        max_in_flight: 10000,
        connections: None,
        drain: Duration::from_secs(5),
        users_max,
        rate_max_per_s,
        http: Default::default(),
    };
    let mut tot = loadline_model::recording::Durations::empty();
    let mut n = 0;
    run(&plan, Stages::fixed(&stages, workers), &stop::StopHandle::new(), |e| match e {
        RunEvent::Second(s) => {
            for r in &s.requests {
                tot.add(&r.durations);
                n += r.counts.requests;
                if !r.counts.errors.is_empty() {
                    println!("{:?}", r.counts.errors)
                }
            }
            println!("{} {:?}", s.second, s.generator)
        }
        e => println!("{e:?}"),
    })
    .unwrap();
    println!("requests {n}");
    for (k, h) in [("response", &tot.response), ("service", &tot.service), ("delay", &tot.delay)] {
        println!(
            "{k} p50 {} p90 {} p99 {} p999 {} max {} us",
            h.value_at_quantile(0.5),
            h.value_at_quantile(0.9),
            h.value_at_quantile(0.99),
            h.value_at_quantile(0.999),
            h.max()
        )
    }
}
