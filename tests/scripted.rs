//! Scripted flows: what fails is counted by class, exactly as the service injected it.

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::count;
use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::measure;
use crate::support::serve::Serve;

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Beside: failed_checks_are_those_injected, every_class_of_error_is_counted_apart,
            redirects_are_followed_where_asked_for, cookies_belong_to_their_user, data_rows_are_used_as_told,
            captures_carry_over_and_a_missing_one_ends_the_flow, users_keep_their_number_and_count_their_rounds;
    }
}

/// Log in, capture the token, post with it; both answers are checked.
const BUY: &str = r#"
target: http://127.0.0.1:1
seed: 5
load: [{ rate: 400/s, for: 5s }]
flows:
  - name: buy
    steps:
      - post: /login
        name: login
        json: { user: "user ${{ iteration }}", password: demo }
        check: { status: 200, json: { $.user: "user ${{ iteration }}" } }
        capture: { token: { json: $.token } }
      - post: /orders
        name: order
        auth: { bearer: "${{ token }}" }
        json: { product: 1 }
        check: { status: 201, json: { $.status: accepted } }
"#;

fn by_name<'a>(summary: &'a Value, name: &str) -> &'a Value {
    let names = summary["requests_by_name"].as_array().expect("a list");
    names.iter().find(|entry| entry["name"] == name).unwrap_or_else(|| panic!("no {name} in {summary:#}"))
}

/// Runs a scenario against `serve`; the summary and the service's own counts.
fn against(serve: &Serve, scenario: &str, flags: &[&str]) -> (Value, Value) {
    let folder = Folder::new("scripted");
    folder.write("users.csv", "name,city\nada,London\ngrace,New York\nzoë,\"Paris, TX\"\n");
    let file = folder.write("scenario.yaml", scenario);
    let ended = measure(&folder, &file, &[&["--target", &serve.url("")], flags].concat());
    (ended.json(), serve.settled_stats())
}

fn failed_checks_are_those_injected() {
    let serve = Serve::start(&["--check-failures", "0.01", "--seed", "11"]);
    let (summary, stats) = against(&serve, BUY, &[]);
    let failed = count(&stats, "/check_failures");
    assert!(failed > 10, "{failed} of some 4,000");
    assert_eq!(summary["errors"]["by_class"], serde_json::json!({ "check": failed }));
    assert_eq!(count(&summary, "/errors/total"), failed);
    let (login, order) = (by_name(&summary, "login"), by_name(&summary, "order"));
    assert_eq!(count(login, "/requests"), 2000);
    assert_eq!(
        count(order, "/requests"),
        2000 - count(login, "/errors/total"),
        "a failed login buys nothing"
    );
    assert_eq!(count(&summary, "/requests"), count(&stats, "/requests"));
    assert_eq!(count(&stats, "/by_status/200"), 2000);
    assert_eq!(count(&stats, "/by_status/201"), count(order, "/requests"));
}

fn every_class_of_error_is_counted_apart() {
    let serve =
        Serve::start(&["--check-failures", "0.02", "--errors", "0.03", "--resets", "0.02", "--seed", "12"]);
    let (summary, stats) = against(&serve, BUY, &[]);
    let injected = serde_json::json!({
        "check": stats["check_failures"], "status_5xx": stats["errors"], "reset": stats["resets"],
    });
    assert_eq!(summary["errors"]["by_class"], injected, "{stats}");
    assert_eq!(count(&summary, "/requests"), count(&stats, "/arrivals"));

    let plain = "target: http://127.0.0.1:1\nload: [{ rate: 400/s, for: 3s }]\nflows: [{ steps: [{ get: /, check: { body: { contains: well } } }] }]\n";
    let serve = Serve::start(&[
        "--check-failures",
        "0.02",
        "--errors",
        "0.03",
        "--resets",
        "0.02",
        "--reset-mid-body",
        "--seed",
        "13",
    ]);
    let (summary, stats) = against(&serve, plain, &[]);
    let injected = serde_json::json!({
        "check": stats["check_failures"], "status_5xx": stats["errors"], "reset": stats["resets"],
    });
    assert_eq!(summary["errors"]["by_class"], injected);
    assert_eq!(count(&summary, "/requests"), 1200);
}

fn redirects_are_followed_where_asked_for() {
    let serve = Serve::start(&[]);
    let scenario = r#"
target: http://127.0.0.1:1
load: [{ rate: 40/s, for: 1s }]
flows:
  - steps:
      - { get: "/redirect?to=/products", name: not followed, check: { status: 302, header: { location: /products } } }
      - { get: "/redirect?to=/products", name: followed, redirects: 2, check: { status: 200, json: { $.items: not_empty } } }
      - { get: "/redirect?to=/redirect?to=/", name: too many, redirects: 1 }
"#;
    let (summary, stats) = against(&serve, scenario, &[]);
    assert_eq!(summary["errors"]["by_class"], serde_json::json!({ "redirect": 40 }), "{}", summary["errors"]);
    // A redirect belongs to the request that it answers: three requests a flow, five exchanges.
    assert_eq!((count(&summary, "/requests"), count(&stats, "/requests")), (120, 40 + 80 + 80));
}

fn cookies_belong_to_their_user() {
    let serve = Serve::start(&[]);
    let scenario = r#"
target: http://127.0.0.1:1
load: [{ rate: 100/s, for: 1s }]
flows:
  - steps:
      - { get: /cookies, name: first, check: { json: { $.cookies: { exists: true }, $.cookies.mine: { exists: false } } } }
      - { get: "/cookies?mine=u${{ iteration }}", name: set }
      - { get: /cookies, name: kept, check: { json: { $.cookies.mine: "u${{ iteration }}" } } }
"#;
    let (summary, stats) = against(&serve, scenario, &[]);
    assert_eq!(count(&summary, "/errors/total"), 0, "{}", summary["errors"]);
    assert_eq!((count(&summary, "/requests"), count(&stats, "/requests")), (300, 300));
}

fn data_rows_are_used_as_told() {
    let serve = Serve::start(&[]);
    // Of three rows that are used once, the fourth arrival has none left: the run ends there.
    let once = r#"
target: http://127.0.0.1:1
load: [{ rate: 50/s, for: 5s }]
data: { users: { csv: users.csv, pick: once } }
flows: [{ steps: [{ post: /echo, json: { who: "${{ users.name }}" }, check: { json: { $.who: "${{ users.name }}" } } }] }]
"#;
    for workers in ["1", "2"] {
        let before = count(&serve.stats(), "/requests");
        let (summary, stats) = against(&serve, once, &["--workers", workers]);
        assert_eq!((count(&summary, "/requests"), count(&summary, "/errors/total")), (3, 0), "{summary:#}");
        assert_eq!(count(&stats, "/requests") - before, 3);
        assert_eq!(summary["status"], "complete");
    }
    // In turn: each row a third of the arrivals. What comes back says which row was sent.
    let sequential = r#"
target: http://127.0.0.1:1
load: [{ rate: 60/s, for: 1s }]
data: { users: { csv: users.csv } }
flows:
  - steps:
      - { post: /echo, name: echo, json: { city: "${{ users.city }}" }, capture: { city: { json: $.city } } }
      - { if: city == "London", then: [{ get: /, name: London }], else: [{ get: /, name: elsewhere }] }
"#;
    let (summary, _) = against(&serve, sequential, &[]);
    assert_eq!(count(by_name(&summary, "London"), "/requests"), 20);
    assert_eq!(count(by_name(&summary, "elsewhere"), "/requests"), 40);
}

fn captures_carry_over_and_a_missing_one_ends_the_flow() {
    let serve = Serve::start(&[]);
    let scenario = r#"
target: http://127.0.0.1:1
load: [{ rate: 50/s, for: 1s }]
flows:
  - steps:
      - get: /products?page=3
        name: list
        capture:
          id: { json: "$.items[9].id" }
          kind: { header: content-type }
          price: { regex: '"price":([0-9.]+)' }
      - { get: "/products/${{ id }}", name: product, check: { json: { $.id: 30 } } }
      - { get: "/products/${{ id + 1 }}", name: next, check: { json: { $.id: 31 } } }
      - { post: /echo, name: echo, text: "${{ kind }} ${{ price }}", check: { body: { matches: "^application/json [0-9.]+$" } } }
      - { get: /products/1, name: none, capture: { nothing: { json: $.nothing } } }
      - { get: /, name: never }
"#;
    let (summary, _) = against(&serve, scenario, &[]);
    assert_eq!(summary["errors"]["by_class"], serde_json::json!({ "capture": 50 }), "{}", summary["errors"]);
    assert_eq!(count(by_name(&summary, "none"), "/errors/total"), 50);
    assert_eq!(count(by_name(&summary, "never"), "/requests"), 0);
}

/// In the closed model a user is the same person every time: cookies stay, rounds are counted.
fn users_keep_their_number_and_count_their_rounds() {
    let serve = Serve::start(&[]);
    let scenario = r#"
target: http://127.0.0.1:1
load: [{ users: 5, for: 1s, pacing: 100ms }]
flows:
  - steps:
      - if: iteration > 0
        then: [{ get: /cookies, name: again, check: { json: { $.cookies.round: "${{ iteration - 1 }}-${{ user }}" } } }]
      - { get: "/cookies?round=${{ iteration }}-${{ user }}", name: round }
"#;
    let (summary, _) = against(&serve, scenario, &[]);
    assert_eq!(count(&summary, "/errors/total"), 0, "{}", summary["errors"]);
    // A round each tenth of a second at most.
    let (rounds, again) =
        (count(by_name(&summary, "round"), "/requests"), count(by_name(&summary, "again"), "/requests"));
    assert!((25..=50).contains(&rounds), "{rounds}");
    assert_eq!(again, rounds - 5);
}
