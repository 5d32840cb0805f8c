//! The service of known truth, over real sockets: what a client sees is what the service says it did.

use std::io::ErrorKind;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use client::Client;
use loadline::serve::{Exchange, Model, Running, ServeConfig, ServiceTime, Stall, Stats, start};
use serde_json::json;

mod client;

fn serve(config: ServeConfig) -> Running {
    start(config).unwrap()
}

fn constant(ms: f64) -> ServiceTime {
    ServiceTime::Constant { ms }
}

/// What became of one request, as the client saw it.
fn outcome(client: &mut Client, service: &Running) -> Result<u16, ErrorKind> {
    match client.get("/") {
        Ok(response) if response.body.starts_with("FAIL") => Ok(0),
        Ok(response) => Ok(response.status),
        Err(error) => {
            *client = Client::new(service.addr());
            Err(error.kind())
        }
    }
}

#[test]
fn counts_are_those_that_clients_see() {
    let faults = ServeConfig {
        error_share: 0.05,
        check_failure_share: 0.03,
        reset_share: 0.02,
        workers: 2,
        queue: 1,
        service: "exp:100us".parse().unwrap(),
        seed: 7,
        threads: 2,
        arrivals_max: 1_900,
        ..ServeConfig::default()
    };
    let service = serve(faults);
    let seen: Vec<_> = thread::scope(|scope| {
        let client = || {
            let mut client = Client::new(service.addr());
            (0..500).map(|_| outcome(&mut client, &service)).collect::<Vec<_>>()
        };
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(client)).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    let count = |wanted| seen.iter().filter(|outcome| **outcome == wanted).count() as u64;
    let record = service.stop();
    let Stats { arrivals, requests, errors, check_failures, full, resets, abandoned, in_flight, by_status } =
        record.stats;
    assert_eq!((arrivals, abandoned, in_flight), (2_000, 0, 0));
    assert_eq!((errors, full, check_failures), (count(Ok(500)), count(Ok(503)), count(Ok(0))));
    assert_eq!(resets, count(Err(ErrorKind::ConnectionReset)));
    assert_eq!(requests + resets, 2_000);
    assert_eq!(by_status[&200], count(Ok(200)) + count(Ok(0)));
    assert!(errors > 0 && check_failures > 0 && resets > 0);
    assert_eq!((record.exchanges.len(), record.exchanges_missed), (1_900, 100));
    assert!(record.exchanges.iter().all(|exchange| exchange.answered >= Some(exchange.arrived)));
}

/// The arrivals recorded, put through the model again: no answer leaves before its time.
#[test]
fn answers_leave_when_the_model_says() {
    let config = ServeConfig {
        workers: 2,
        service: "exp:1ms".parse().unwrap(),
        seed: 3,
        arrivals_max: 1_000,
        ..ServeConfig::default()
    };
    let service = serve(config.clone());
    let client = || {
        let mut client = Client::new(service.addr());
        (0..100).for_each(|_| assert_eq!(client.get("/").unwrap().status, 200));
    };
    thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(client))));
    let mut exchanges = service.stop().exchanges;
    exchanges.sort_by_key(|exchange| exchange.arrived);
    let mut model = Model::new(&config, 0);
    let mut late: Vec<_> = exchanges
        .iter()
        .map(|exchange| exchange.answered.unwrap().checked_sub(model.arrive(exchange.arrived).due))
        .collect();
    late.sort_unstable();
    assert_eq!(late.len(), 800);
    assert!(late[0].is_some(), "an answer left early");
    let micros = |share: f64| late[(800.0 * share) as usize].unwrap() / 1000;
    println!("late by {} µs at the median, {} µs at p99", micros(0.5), micros(0.99));
}

#[test]
fn a_seed_fixes_what_happens() {
    let outcomes = |seed| {
        let service =
            serve(ServeConfig { error_share: 0.2, reset_share: 0.1, seed, ..ServeConfig::default() });
        let mut client = Client::new(service.addr());
        (0..200).map(|_| outcome(&mut client, &service)).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(1), outcomes(1));
    assert_ne!(outcomes(1), outcomes(2));
}

/// Nothing leaves in a stall, and what came in it leaves when it ends.
#[test]
fn a_stall_holds_answers_until_its_end() {
    let stall = Stall { from_s: 0.1, length_s: 0.4 };
    let service =
        serve(ServeConfig { stalls: vec![stall], arrivals_max: 1_000_000, ..ServeConfig::default() });
    let began = Instant::now();
    let client = || {
        let mut client = Client::new(service.addr());
        while began.elapsed().as_secs_f64() < 0.7 {
            assert_eq!(client.get("/").unwrap().status, 200);
        }
    };
    thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(client))));
    let mut exchanges = service.stop().exchanges;
    exchanges.sort_by_key(|exchange| exchange.arrived);
    let from = exchanges[0].arrived + 100_000_000;
    let end = from + 400_000_000;
    let held: Vec<_> = exchanges.iter().filter(|exchange| (from..end).contains(&exchange.arrived)).collect();
    assert!((1..=4).contains(&held.len()), "each client is held once");
    assert!(held.iter().all(|exchange| exchange.answered.unwrap() >= end));
    assert!(exchanges.last().unwrap().arrived > end, "it goes on after the stall");
}

/// Six at once for one worker and two places to wait: three are turned away; the others come one after another.
#[test]
fn a_full_queue_turns_away_and_workers_take_their_time() {
    let service = serve(ServeConfig {
        workers: 1,
        queue: 2,
        service: constant(300.0),
        arrivals_max: 10,
        ..ServeConfig::default()
    });
    let mut clients: Vec<_> = (0..6).map(|_| Client::new(service.addr())).collect();
    clients.iter_mut().for_each(|client| client.send("GET", "/", "", "").unwrap());
    let mut seen: Vec<_> = clients.iter_mut().map(|client| client.receive().unwrap().status).collect();
    seen.sort_unstable();
    assert_eq!(seen, [200, 200, 200, 503, 503, 503]);
    drop(clients);
    let record = service.stop();
    assert_eq!(record.stats.full, 3);
    let mut served: Vec<_> = record.exchanges.iter().filter(|exchange| exchange.status == 200).collect();
    served.sort_by_key(|exchange| exchange.arrived);
    let first = served[0].arrived;
    let kept = |(place, exchange): (u64, &&Exchange)| {
        exchange.answered.unwrap() >= first + (place + 1) * 300_000_000
    };
    assert!((0..).zip(&served).all(kept), "{served:?}");
}

#[test]
fn a_reset_is_a_reset() {
    let service = serve(ServeConfig { reset_share: 1.0, ..ServeConfig::default() });
    let error = Client::new(service.addr()).get("/").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    let mid_body = ServeConfig { reset_share: 1.0, reset_mid_body: true, ..ServeConfig::default() };
    let service = serve(mid_body);
    let mut raw = std::net::TcpStream::connect(service.addr()).unwrap();
    std::io::Write::write_all(&mut raw, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut received = Vec::new();
    let error = std::io::Read::read_to_end(&mut raw, &mut received).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let text = String::from_utf8(received).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("200 OK") && head.contains("content-length: 1024"), "{head}");
    assert_eq!(body.len(), 512);
    assert_eq!(service.stats().resets, 1);
    assert_eq!(service.stats().requests, 0);
}

/// Waits for what is bound to happen, for ten seconds at most.
#[track_caller]
fn soon(happened: impl Fn() -> bool) {
    let patience = Instant::now();
    while !happened() {
        assert!(patience.elapsed().as_secs() < 10, "it did not happen");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_client_that_goes_away_is_counted() {
    let service = serve(ServeConfig { service: constant(60_000.0), ..ServeConfig::default() });
    let mut client = Client::new(service.addr());
    client.send("GET", "/", "", "").unwrap();
    soon(|| service.stats().in_flight == 1);
    drop(client);
    soon(|| service.stats().abandoned == 1);
    assert_eq!(service.stop().stats, Stats { arrivals: 1, abandoned: 1, ..Stats::default() });
}

#[test]
fn a_user_logs_in_and_orders() {
    let service = serve(ServeConfig { seed: 7, ..ServeConfig::default() });
    let mut client = Client::new(service.addr());
    assert_eq!(client.post("/login", "", "{}").unwrap().status, 401);
    let login = client.post("/login", "", r#"{"user": "zoë", "password": "x"}"#).unwrap();
    let token = login.json()["token"].as_str().unwrap().to_owned();
    assert_eq!((login.status, login.json()["user"].as_str()), (200, Some("zoë")));
    assert_eq!(login.header("set-cookie"), Some(format!("session={token}; Path=/; HttpOnly").as_str()));

    let order = |client: &mut Client, token: &str| {
        client.post("/orders", &format!("authorization: Bearer {token}\r\n"), r#"{"product": 1}"#).unwrap()
    };
    let accepted = order(&mut client, &token);
    assert_eq!((accepted.status, &accepted.json()["status"]), (201, &json!("accepted")));
    assert!(accepted.json()["order"].is_u64());
    let (user, _) = token.split_once('.').unwrap();
    for forged in ["", ".", user, &format!("{user}.0000000000000000"), &token[2..], &token[..token.len() - 1]]
    {
        assert_eq!(order(&mut client, forged).status, 401, "{forged}");
    }
    assert_eq!(client.post("/orders", "", "").unwrap().status, 401);
    assert_eq!(client.get("/orders").unwrap().status, 405);
}

#[test]
fn the_other_paths_answer_as_they_say() {
    let service = serve(ServeConfig { body_bytes: 10_000, ..ServeConfig::default() });
    let mut client = Client::new(service.addr());
    assert_eq!(client.get("/any/path?at=all").unwrap().body.len(), 10_000);
    let page = client.get("/products?page=3").unwrap().json();
    assert_eq!((&page["page"], page["items"].as_array().unwrap().len()), (&json!(3), 10));
    let first = &page["items"][0];
    assert_eq!(&client.get(&format!("/products/{}", first["id"])).unwrap().json(), first);
    assert_eq!(client.get("/products?page=none").unwrap().status, 400);
    assert_eq!(client.get("/products/none").unwrap().status, 404);
    assert_eq!(client.post("/echo", "content-type: text/x\r\n", "hello").unwrap().body, "hello");
    assert_eq!(client.post("/upload", "", &"x".repeat(3 << 20)).unwrap().json(), json!({ "bytes": 3 << 20 }));
    assert_eq!(client.post("/echo", "", &"x".repeat(3 << 20)).unwrap().status, 413);
    let redirect = client.get("/redirect?to=%2Fproducts%3Fpage%3D2").unwrap();
    assert_eq!((redirect.status, redirect.header("location")), (302, Some("/products?page=2")));
    for elsewhere in
        ["/redirect", "/redirect?to=//elsewhere", "/redirect?to=http://elsewhere", "/redirect?to=/%0d%0ax"]
    {
        assert_eq!(client.get(elsewhere).unwrap().status, 400, "{elsewhere}");
    }
    client.send("GET", "/cookies?c=3", "cookie: a=1; b=2\r\n", "").unwrap();
    let cookies = client.receive().unwrap();
    assert_eq!(cookies.json(), json!({ "cookies": { "a": "1", "b": "2" } }));
    assert_eq!(cookies.header("set-cookie"), Some("c=3; Path=/"));
    assert_eq!(service.stats().in_flight, 0);
}

#[test]
fn check_failures_spoil_the_body_and_keep_the_status() {
    let service = serve(ServeConfig { check_failure_share: 1.0, ..ServeConfig::default() });
    let mut client = Client::new(service.addr());
    assert!(client.get("/").unwrap().body.starts_with("FAIL"));
    let login = client.post("/login", "", r#"{"user": "u", "password": "x"}"#).unwrap();
    assert_eq!((login.status, &login.json()["ok"]), (200, &json!(false)));
    assert_eq!(client.post("/login", "", "").unwrap().status, 401);
    assert_eq!(service.stats().check_failures, 2, "an answer that is no good anyway is not counted");
    drop(service);

    let honest = serve(ServeConfig::default());
    let credentials = r#"{"user": "u", "password": "x"}"#;
    let token = Client::new(honest.addr()).post("/login", "", credentials).unwrap().json()["token"].clone();
    let service = serve(ServeConfig { check_failure_share: 1.0, ..ServeConfig::default() });
    let bearer = format!("authorization: Bearer {}\r\n", token.as_str().unwrap());
    let order = Client::new(service.addr()).post("/orders", &bearer, "").unwrap();
    assert_eq!((order.status, &order.json()["status"]), (201, &json!("rejected")));
}

#[test]
fn a_slow_body_comes_whole_and_late() {
    let service = serve(ServeConfig { slow_body_ms: 200.0, arrivals_max: 1, ..ServeConfig::default() });
    let response = Client::new(service.addr()).get("/").unwrap();
    assert_eq!((response.status, response.body.len()), (200, 1024));
    let exchange = service.stop().exchanges[0];
    assert!(exchange.answered.unwrap() >= exchange.arrived + 200_000_000);
}

#[test]
fn talk_about_the_service_leaves_no_mark_on_an_exchange() {
    let service = serve(ServeConfig { arrivals_max: 10, ..ServeConfig::default() });
    let mut client = Client::new(service.addr());
    client.get("/").unwrap();
    thread::sleep(Duration::from_millis(300));
    let later = client.get("/stats").unwrap();
    assert_eq!(later.json()["requests"], 1);
    let exchanges = service.stop().exchanges;
    let [Exchange { arrived, answered: Some(answered), status: 200 }] = exchanges[..] else {
        panic!("{exchanges:?}");
    };
    assert!(answered - arrived < 300_000_000, "the instant is that of another answer");
}

#[test]
fn it_tells_about_itself_without_counting_that() {
    let config =
        ServeConfig { workers: 3, service: "lognormal:1ms,0.5".parse().unwrap(), ..ServeConfig::default() };
    let service = serve(config.clone());
    let mut client = Client::new(service.addr());
    assert_eq!(client.get("/healthz").unwrap().body, "ok\n");
    let told: ServeConfig = serde_json::from_str(&client.get("/config").unwrap().body).unwrap();
    assert_eq!(told, ServeConfig { listen: service.addr(), ..config });
    let stats: Stats = serde_json::from_str(&client.get("/stats").unwrap().body).unwrap();
    assert_eq!(stats, Stats::default());

    (0..20).for_each(|_| drop(client.get("/").unwrap()));
    assert_eq!(client.get("/products/none").unwrap().status, 404);
    let metrics = client.get("/metrics").unwrap().body;
    for line in [
        "loadline_serve_requests_total{path=\"page\",status=\"200\"} 20",
        "loadline_serve_requests_total{path=\"product\",status=\"404\"} 1",
        "loadline_serve_workers 3",
        "loadline_serve_service_seconds_count 21",
    ] {
        assert!(metrics.lines().any(|known| known == line), "no {line} in {metrics}");
    }
    promtool_finds_nothing_wrong(&metrics);
}

fn promtool_finds_nothing_wrong(metrics: &str) {
    let check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut check) = check else {
        assert!(std::env::var_os("LOADLINE_REQUIRE_ALL").is_none(), "promtool is not installed");
        return eprintln!("skipped: promtool is not installed");
    };
    std::io::Write::write_all(&mut check.stdin.take().unwrap(), metrics.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let base = ServeConfig::default();
    for (config, word) in [
        (ServeConfig { listen: "0.0.0.0:0".parse().unwrap(), ..base.clone() }, "--allow-remote"),
        (ServeConfig { error_share: 0.7, reset_share: 0.7, ..base.clone() }, "shares"),
        (ServeConfig { error_share: f64::NAN, ..base.clone() }, "shares"),
        (ServeConfig { service: constant(-1.0), ..base.clone() }, "service const:-1ms: it needs times"),
        (ServeConfig { stalls: vec![Stall { from_s: -1.0, length_s: 1.0 }], ..base.clone() }, "stall -1s+1s"),
        (ServeConfig { slow_body_ms: f64::INFINITY, ..base.clone() }, "slow_body_ms"),
        (ServeConfig { body_bytes: usize::MAX, ..base.clone() }, "body_bytes"),
        (ServeConfig { threads: 0, ..base }, "threads 0"),
    ] {
        let Err(error) = start(config.clone()) else { panic!("{config:?} is served") };
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(word), "{error}");
    }
}
