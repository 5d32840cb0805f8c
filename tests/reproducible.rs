//! A seed fixes what is sent and when, whatever drives it.

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::measure;
use crate::support::machine::on_a_quiet_machine;
use crate::support::serve::Serve;

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Alone: a_seed_fixes_the_instants_of_arrivals;
        Beside: a_seed_fixes_what_is_sent;
    }
}

/// Arrivals at random, as the service saw them: milliseconds since the first.
fn arrivals(seed: &str, workers: &str) -> Vec<f64> {
    let serve = Serve::start(&[]);
    let folder = Folder::new("arrivals");
    let flags = [
        "--rate",
        "300/s",
        "--duration",
        "3s",
        "--arrivals",
        "poisson",
        "--seed",
        seed,
        "--workers",
        workers,
    ];
    measure(&folder, &serve.url("/"), &flags);
    let exchanges = serve.stop();
    exchanges.iter().map(|exchange| (exchange.arrived - exchanges[0].arrived) as f64 / 1e6).collect()
}

/// The median of the distances between the k-th arrivals.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    let mut distances: Vec<f64> = a.iter().zip(b).map(|(a, b)| (a - b).abs()).collect();
    distances.sort_unstable_by(f64::total_cmp);
    distances[distances.len() / 2]
}

fn a_seed_fixes_the_instants_of_arrivals() {
    on_a_quiet_machine(|| {
        let (one, two, other) = (arrivals("7", "1"), arrivals("7", "2"), arrivals("8", "1"));
        assert_eq!(one.len(), two.len());
        assert!(apart(&one, &two) < 1.0, "{} ms apart with another number of workers", apart(&one, &two));
        // The k-th arrivals of two processes are some √k gaps apart: tens of milliseconds at 300 a second.
        assert!(apart(&one, &other) > 5.0, "{} ms apart with another seed", apart(&one, &other));
    });
}

/// Flows by weight, rows and numbers at random, branches: their counts and bytes follow from the seed.
const CHANCE: &str = r#"
target: http://127.0.0.1:1
load: [{ rate: 300/s, for: 1s, arrivals: poisson }]
data: { users: { csv: users.csv, pick: random } }
flows:
  - name: often
    weight: 2
    steps:
      - { post: /echo, name: often, text: "${{ users.name }} ${{ uuid() }} ${{ random_int(1, 100000) }}" }
  - name: seldom
    steps:
      - if: random_int(1, 3) == 1
        then: [{ post: /echo, name: third, text: "${{ users.name }}" }]
        else: [{ post: /echo, name: two thirds, text: "${{ random_int(1, 1000) }}" }]
"#;

/// By name: requests and bytes.
fn sent(seed: &str, workers: &str) -> Vec<(Value, Value, Value)> {
    let serve = Serve::start(&[]);
    let folder = Folder::new("chance");
    folder.write("users.csv", "name\nal\nbernadette\nchristopherson\n");
    let file = folder.write("chance.yaml", CHANCE);
    let flags = ["--target", &serve.url(""), "--seed", seed, "--workers", workers];
    let summary = measure(&folder, &file, &flags).done().json();
    let names = summary["requests_by_name"].as_array().expect("a list");
    names
        .iter()
        .map(|name| (name["name"].clone(), name["requests"].clone(), name["bytes_sent"].clone()))
        .collect()
}

fn a_seed_fixes_what_is_sent() {
    let one = sent("3", "1");
    assert_eq!(one, sent("3", "1"));
    assert_eq!(one, sent("3", "2"));
    assert_eq!(one, sent("3", "5"));
    assert_ne!(one, sent("4", "1"));
}
