//! Demand from a real Prometheus whose history is known, and from servers that answer badly.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::harness::{Skip, trials};
use crate::support::loadline::{Ended, command, run, start};
use crate::support::odd::{Odd, read_head};
use crate::support::prometheus::Prometheus;
use crate::support::serve::Serve;
use crate::support::tls::Identity;

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Beside: a_history_comes_whole_and_says_what_is_missing, a_long_range_is_asked_for_in_pieces,
            headroom_from_a_server, the_resource_that_fills_is_read_by_the_times_of_its_scrapes, who_asks_is_checked_and_not_shown, what_the_server_refuses_is_said,
            a_server_that_misbehaves_is_one_clear_error, a_moment_of_absence_is_waited_for;
    }
}

const STEP_S: u64 = 300;
const DAYS: u64 = 9;

/// Demand that repeats by the day: 1000, and 10 more with each hour of it.
fn demand(time: u64) -> u64 {
    1000 + 10 * (time / 3600 % 24)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// Five-minute samples of two instances up to the next hour, so that it does not matter when the server is asked; `b`
/// carries twice as much, and its hours 30 to 33 ago are missing.
fn history() -> String {
    let end = (now() / 3600 + 1) * 3600;
    let times = || (0..DAYS * 86_400 / STEP_S).map(move |at| end - DAYS * 86_400 + STEP_S * (at + 1));
    let missing = |time: &u64| (end - time) / 3600 < 30 || (end - time) / 3600 >= 33;
    let mut text = "# TYPE demand gauge\n".to_owned();
    for time in times() {
        text += &format!("demand{{instance=\"a\"}} {} {time}\n", demand(time));
    }
    for time in times().filter(missing) {
        text += &format!("demand{{instance=\"b\"}} {} {time}\n", 2 * demand(time));
    }
    text + "# EOF\n"
}

fn forecast(url: &str, query: &str, flags: &[&str]) -> Ended {
    let folder = Folder::new("prometheus-forecast");
    let fixed = ["forecast", "--prometheus", url, "--query", query, "--model", "seasonal-naive"];
    run(&folder, &[&fixed[..], flags].concat())
}

const DAY: [&str; 7] = ["--last", "8d", "--step", "1h", "--horizon", "24", "--json"];

fn seconds(point: &Value) -> u64 {
    let text = point["time"].as_str().expect("a time");
    text.parse::<jiff::Timestamp>().expect("RFC 3339").as_second() as u64
}

/// The history repeats itself: seasonal naive is the truth.
#[track_caller]
fn assert_true(series: &Value, times: u64) {
    for point in series["points"].as_array().expect("points") {
        let expected = (times * demand(seconds(point))) as f64;
        assert_eq!(point["value"].as_f64(), Some(expected), "{point}");
    }
}

fn notes(series: &Value) -> String {
    series["notes"].to_string()
}

fn a_history_comes_whole_and_says_what_is_missing() -> Result<(), Skip> {
    let server = Prometheus::start(&history(), "", &[])?;
    let url = format!("http://{}", server.address());
    let both = forecast(&url, "demand", &DAY).expect(0).json();
    let all = both["series"].as_array().expect("series");
    let ids: Vec<&str> = all.iter().filter_map(|s| s["id"].as_str()).collect();
    assert_eq!(ids, [r#"demand{instance="a"}"#, r#"demand{instance="b"}"#]);
    assert_true(&all[0], 1);
    assert!(!notes(&all[0]).contains("interpolated"), "{}", notes(&all[0]));
    assert!(notes(&all[1]).contains("interpolated 3 of 192 points"), "{}", notes(&all[1]));
    assert!(notes(&all[0]).contains("one sample of its 3600 s"), "{}", notes(&all[0]));
    // Beyond the nine days there is nothing, and that is said; the mean over the step is the server's.
    let query = "sum(avg_over_time(demand{instance=\"a\"}[1h]))";
    let longer = forecast(&url, query, &["--last", "30d", "--step", "1h", "--horizon", "24", "--json"])
        .expect(0)
        .json();
    let notes = notes(&longer["series"][0]);
    assert!(notes.contains("the server has data from") && !notes.contains("one sample"), "{notes}");
    assert_eq!(longer["series"][0]["id"], "");
    let only = forecast(&url, "demand", &[&DAY[..], &["--only", "demand{instance=\"b\"}"]].concat())
        .expect(0)
        .json();
    assert_eq!(only["series"].as_array().map(Vec::len), Some(1));
    Ok(())
}

fn a_long_range_is_asked_for_in_pieces() -> Result<(), Skip> {
    let server = Prometheus::start(&history(), "", &[])?;
    let url = format!("http://{}/", server.address());
    // 25,920 points of 30 s are more than the 11,000 that the server gives at a time.
    let flags = ["--last", "9d", "--step", "30s", "--horizon", "3", "--json", "--season", "2880"];
    let ended = forecast(&url, "demand{instance=\"a\"}", &flags).expect(0).json();
    assert_true(&ended["series"][0], 1);
    assert!(!notes(&ended["series"][0]).contains("interpolated"), "{}", notes(&ended["series"][0]));
    assert_eq!(server.range_queries(), 3);
    Ok(())
}

/// Four workers of 20 ms are full at 200/s; the server's own processes are none of the service's.
fn the_resource_that_fills_is_read_by_the_times_of_its_scrapes() -> Result<(), Skip> {
    let serve = Serve::start(&["--workers", "4", "--service", "const:20ms"]);
    let server = Prometheus::scraping(serve.address())?;
    let url = format!("http://{}", server.address());
    let folder = Folder::new("prometheus-saturate");
    let found = |labels: &str, out: &str| {
        let target = serve.url("/");
        let flags =
            ["--slo", "p99 < 500ms", "--arrivals", "uniform", "--max-time", "40s", "--json", "--out", out];
        let read = ["--prometheus", &url, "--prometheus-match", labels];
        run(&folder, &[&["saturate", &target], &flags[..], &read[..]].concat()).done().json()
    };
    let evidence = &found(r#"{job="shop"}"#, "shop")["evidence"];
    let saturated = evidence["saturated"].as_str().unwrap_or_default();
    assert_eq!(saturated, format!("workers {}", serve.address()), "{evidence:#}");
    let resources = evidence["resources"].as_array().expect("resources");
    assert!(resources.iter().all(|resource| !resource["name"].to_string().contains(&server.address())));
    let workers = resources.iter().find(|resource| resource["name"] == saturated).expect("it is there");
    let full = workers["full_at_per_s"].as_f64().expect("a line");
    assert!((full / 200.0 - 1.0).abs() < 0.1, "{full}: {evidence:#}");
    // No series has this label.
    let nothing = found(r#"job="nobody""#, "nobody");
    assert_eq!(nothing["evidence"]["finding"], "No metric of a known resource was sampled");
    Ok(())
}

fn headroom_from_a_server() -> Result<(), Skip> {
    let server = Prometheus::start(&history(), "", &[])?;
    let url = format!("http://{}", server.address());
    let folder = Folder::new("prometheus-headroom");
    let query = "sum(avg_over_time(demand{instance=\"a\"}[1h]))";
    let flags = [
        "headroom",
        "--prometheus",
        &url,
        "--query",
        query,
        "--last",
        "8d",
        "--step",
        "1h",
        "--capacity",
        "2000",
    ];
    let plain = run(&folder, &[&flags[..], &["--horizon", "48", "--json"]].concat()).expect(0).json();
    // The peak of the day is 1230.
    assert!(
        (plain["headroom_now"].as_f64().expect("known") - (1.0 - 1230.0 / 2000.0)).abs() < 0.01,
        "{plain}"
    );
    let plan = format!(
        "horizon: 48\nservices:\n  - name: front\n    demand: {{ prometheus: '{url}', query: '{query}', last: 8d, step: 1h }}\n    \
         capacity: 2000\n"
    );
    folder.write("plan.yaml", &plan);
    let planned = run(&folder, &["headroom", "plan.yaml", "--json"]).expect(0).json();
    assert_eq!(planned["headroom_now"], plain["headroom_now"]);
    folder.write("bad.yaml", &plan.replace("step: 1h", "step: often"));
    let bad = run(&folder, &["headroom", "bad.yaml"]).expect(2);
    assert!(
        bad.stderr.contains("bad.yaml:4:") && bad.stderr.contains("`often` is no step"),
        "{}",
        bad.stderr
    );
    Ok(())
}

fn who_asks_is_checked_and_not_shown() -> Result<(), Skip> {
    let identity = Identity::of(&["127.0.0.1"]);
    // bcrypt of `sesame`.
    let web = "tls_server_config: { cert_file: cert.pem, key_file: key.pem }\nbasic_auth_users:\n  \
               me: $2b$04$abcdefghijklmnopqrstuuinwY/tkBVrn3xrxQI/TgnMHhkvl85RW\n";
    let files = [("cert.pem", identity.chain_pem.as_str()), ("key.pem", identity.key_pem.as_str())];
    let server = Prometheus::start(&history(), web, &files)?;
    let folder = Folder::new("prometheus-users");
    let authority = folder.write("authority.pem", &identity.authority_pem);
    let trusted = [&DAY[..], &["--cacert", &authority]].concat();
    let (open, with) =
        (format!("https://{}", server.address()), format!("https://me:sesame@{}", server.address()));
    forecast(&with, "demand", &trusted).expect(0);
    forecast(&with, "demand", &[&DAY[..], &["--insecure"]].concat()).expect(0);
    let wrong = format!("https://me:pea-soup@{}", server.address());
    for (url, flags, code, word) in [
        (&open, &trusted[..], 2, "LOADLINE_PROMETHEUS_TOKEN"),
        (&wrong, &trusted[..], 2, "401"),
        (&with, &DAY[..], 1, "--cacert"),
    ] {
        let ended = forecast(url, "demand", flags).expect(code);
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
        assert!(!ended.stderr.contains("sesame") && !ended.stderr.contains("pea-soup"), "{}", ended.stderr);
    }
    let plan = format!(
        "horizon: 24\nservices:\n  - name: front\n    demand: {{ prometheus: '{open}', query: demand, last: 8d, step: 1h }}\n    \
         capacity: 2000\n"
    );
    folder.write("plan.yaml", &plan);
    let ask = ["forecast", "--prometheus", &open, "--query", "demand"];
    for verb in [&ask[..], &["headroom", "plan.yaml"], &["check", "plan.yaml"]] {
        let mut from_env = command(&[verb, if verb == ask { &trusted } else { &trusted[7..] }].concat());
        from_env.env("LOADLINE_PROMETHEUS_USER", "me").env("LOADLINE_PROMETHEUS_PASSWORD", "sesame");
        start(&folder, from_env).end().expect(0);
    }
    Ok(())
}

fn what_the_server_refuses_is_said() -> Result<(), Skip> {
    let server = Prometheus::start(&history(), "", &[])?;
    let url = format!("http://{}", server.address());
    for (query, words) in [
        ("demand * on(nothing) demand", ["HTTP 422", "many-to-many"]),
        ("sum(", ["HTTP 400", "parse error"]),
        ("absent_metric", ["has no data", "--last"]),
    ] {
        let ended = forecast(&url, query, &DAY).expect(2);
        assert!(words.iter().all(|word| ended.stderr.contains(word)), "{query}: {}", ended.stderr);
        assert_eq!(ended.stderr.trim_end().lines().count(), 1, "{}", ended.stderr);
    }
    let lost = forecast(&format!("{url}/elsewhere"), "demand", &DAY).expect(2);
    assert!(lost.stderr.contains("HTTP 404"), "{}", lost.stderr);
    Ok(())
}

/// Reads a request to its end, so that closing afterwards takes nothing away from the answer.
fn read_request(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let head = read_head(stream)?;
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    stream.read_exact(&mut vec![0; length.unwrap_or(0)])?;
    Ok(head)
}

/// A server that gives every request this answer.
fn answering(answer: String) -> Odd {
    Odd::start(move |mut stream| {
        read_request(&mut stream)?;
        stream.write_all(answer.as_bytes())
    })
}

/// An answer with a length that is or is not true.
fn http(status: &str, length: usize, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn a_server_that_misbehaves_is_one_clear_error() {
    let half = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[17"#;
    let whole = |body: &str| http("200 OK", body.len(), body);
    let vector = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    for (answer, code, word) in [
        (http("200 OK", 5000, half), 1, "broke off"),
        (whole(half), 1, "broke off"),
        (whole("<html>Sign in</html>"), 2, "is this the address"),
        (whole(vector), 2, "vector"),
        (
            http("302 Found\r\nlocation: https://me:sesame@login.example/a?b", 0, ""),
            2,
            "https://login.example",
        ),
        (http("500 Internal Server Error", 4, "oops"), 1, "HTTP 500"),
        (http("503 Service Unavailable", 4, "busy"), 1, "busy"),
        (http("405 Method Not Allowed", 0, ""), 2, "neither POST nor GET"),
    ] {
        let server = answering(answer);
        let ended = forecast(&server.url(), "demand", &DAY).expect(code);
        assert!(ended.stderr.contains(word) && !ended.stderr.contains("sesame"), "{}", ended.stderr);
        assert_eq!(
            (ended.stderr.trim_end().lines().count(), ended.stdout.as_str()),
            (1, ""),
            "{}",
            ended.stderr
        );
        assert!(server.connections() <= 3, "tries are bounded");
    }
    let silent = Odd::start(|mut stream| {
        read_request(&mut stream)?;
        std::thread::sleep(std::time::Duration::from_secs(30));
        Ok(())
    });
    let stalled = forecast(&silent.url(), "demand", &[&DAY[..], &["--timeout", "500ms"]].concat()).expect(1);
    assert!(stalled.stderr.contains("no whole answer within 0.5 s"), "{}", stalled.stderr);
    let gone = forecast("http://127.0.0.1:1", "demand", &DAY).expect(1);
    assert!(gone.stderr.contains("cannot connect"), "{}", gone.stderr);
    for flags in [&["--prometheus", "nowhere"][..], &["--prometheus", "ftp://x", "--query", "up"]] {
        run(&Folder::new("usage"), &[&["forecast"], flags].concat()).expect(2);
    }
}

/// The first answer is that it is busy; POST is refused; then come the points, with a warning and values that are none.
fn a_moment_of_absence_is_waited_for() {
    let asked = AtomicU32::new(0);
    let server = Odd::start(move |mut stream| {
        let head = read_request(&mut stream)?;
        let answer = match (
            asked.fetch_add(1, Ordering::Relaxed),
            head.starts_with(b"GET /api/v1/query_range?query=demand&"),
        ) {
            (0, _) => http("503 Service Unavailable", 4, "busy"),
            (_, false) => http("405 Method Not Allowed", 0, ""),
            (_, true) => {
                let end = now() / 3600 * 3600;
                let value = |hour: u64| {
                    if hour == 20 { "NaN".to_owned() } else { demand(end - 3600 * hour).to_string() }
                };
                let points: Vec<String> = (0..192)
                    .rev()
                    .map(|hour| format!("[{},\"{}\"]", end - 3600 * hour, value(hour)))
                    .collect();
                let body = format!(
                    "{{\"status\":\"success\",\"warnings\":[\"a store is\\u001b[2J away\"],\"data\":{{\"resultType\":\
                     \"matrix\",\"result\":[{{\"metric\":{{}},\"values\":[{}]}}]}}}}",
                    points.join(",")
                );
                http("200 OK", body.len(), &body)
            }
        };
        stream.write_all(answer.as_bytes())
    });
    let document = forecast(&server.url(), "demand", &DAY).expect(0).json();
    let notes = notes(&document["series"][0]);
    assert!(notes.contains("the server warns: a store is [2J away"), "{notes}");
    assert!(notes.contains("1 values are NaN") && notes.contains("interpolated 1 of 192 points"), "{notes}");
}
