use std::{fs, path::PathBuf, time::Duration};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{diagnostic::Span, slo::Metric};

fn env(name: &str) -> Option<String> {
    match name {
        "USERS" => Some("25".into()),
        "TRICK" => Some("x\", evil: \"{${{ token }}".into()),
        "SHOP_PASSWORD" => Some("hunter22".into()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn parse(text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    Scenario::parse(text, "bad.yaml", env)
}

fn good(text: &str) -> Scenario {
    parse(text).unwrap_or_else(|problems| panic!("{}", problems[0].render(false)))
}

fn ready() -> Vec<(PathBuf, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn as_json(text: &str) -> serde_json::Value {
    yaml::parse(&Source::new("x", text)).unwrap().to_value().to_json()
}

const HEAD: &str = "target: http://127.0.0.1:8080\n";
const FLOWS: &str = "flows:\n  - steps:\n      - get: /\n";

/// Each is wrong in one way.
fn bad() -> Vec<(&'static str, String)> {
    let head = |rest: &str| format!("{HEAD}{rest}{FLOWS}");
    let step = |step: &str| format!("{HEAD}flows:\n  - steps:\n      - {step}\n");
    let slo = |slo: &str| format!("{HEAD}{FLOWS}slos:\n  - {slo}\n");
    vec![
        ("empty file", String::new()),
        ("not a mapping", "- get: /\n".into()),
        ("no target", FLOWS.into()),
        ("no flows", HEAD.into()),
        ("target without scheme", format!("target: localhost:8080\n{FLOWS}")),
        ("target of another scheme", format!("target: ftp://localhost\n{FLOWS}")),
        ("unknown key", head("laod: []\n")),
        ("duplicate key", head("seed: 1\nseed: 2\n")),
        ("tab", format!("{HEAD}load:\n\t- rate: 5/s\n{FLOWS}")),
        ("unclosed bracket", format!("{HEAD}load: [{{ rate: 5/s, for: 1m }}\n{FLOWS}")),
        ("environment in braces without quotes", head("load: [{ rate: ${RATE:-5/s}, for: 1m }]\n")),
        ("environment not set", format!("target: http://${{HOST_OF_SHOP}}:80\n{FLOWS}")),
        ("environment of no name", format!("target: http://${{HOST OF SHOP}}:80\n{FLOWS}")),
        ("secret not set", head("variables:\n  password: { env: NOT_SET, secret: true }\n")),
        ("rate without unit", head("load:\n  - rate: 500\n    for: 1m\n")),
        ("ramp with a wrong end", head("load:\n  - rate: 5/s -> 50/d\n    for: 1m\n")),
        ("no duration", head("load:\n  - rate: 500/s\n")),
        ("duration of zero", head("load:\n  - { rate: 500/s, for: 0s }\n")),
        ("mixed models", head("load:\n  - { rate: 5/s, for: 1m }\n  - { users: 5, for: 1m }\n")),
        ("rate and users", head("load:\n  - { rate: 5/s, users: 5, for: 1m }\n")),
        ("users of zero", head("load:\n  - { users: 0, for: 1m }\n")),
        ("unknown arrivals", head("load:\n  - { rate: 5/s, for: 1m, arrivals: poison }\n")),
        ("boolean of another language", head("load:\n  - { rate: 5/s, for: 1m, warmup: yes }\n")),
        ("negative weight", format!("{HEAD}flows:\n  - weight: -1\n    steps:\n      - get: /\n")),
        ("near miss in a flow", format!("{HEAD}flows:\n  - wieght: 3\n    steps:\n      - get: /\n")),
        ("flow without steps", format!("{HEAD}flows:\n  - name: browse\n")),
        (
            "two flows of one name",
            format!(
                "{HEAD}flows:\n  - name: a\n    steps: [{{ get: / }}]\n  - name: a\n    steps: [{{ get: / }}]\n"
            ),
        ),
        ("step without action", step("name: list")),
        ("misspelt method", step("gte: /")),
        ("two actions", step("get: /\n        think: 1s")),
        ("path without slash", step("get: products")),
        ("misspelt key of a request", step("get: /\n        header: { accept: text/html }")),
        ("two bodies", step("post: /\n        json: {}\n        text: x")),
        ("status of no kind", step("get: /\n        check: { status: 2x }")),
        ("unknown check", step("get: /\n        check: { staus: 200 }")),
        ("unknown condition", step("get: /\n        check: { json: { $.a: { greater: 5 } } }")),
        ("capture without source", step("get: /\n        capture: { token: { path: $.token } }")),
        ("capture as text", step("get: /\n        capture: { token: $.token }")),
        ("name that is no word", step("get: /\n        capture: { my-token: { json: $.token } }")),
        ("think backwards", step("think: 3s..1s")),
        ("if in braces", step("if: ${{ price > 5 }}\n        then: [{ get: / }]")),
        ("auth of no kind", step("get: /\n        auth: { digest: x }")),
        ("timeout of zero", step("get: /\n        timeout: 0s")),
        ("list as path", step("get: [a, b]")),
        ("data without file", head("data:\n  users: { pick: random }\n")),
        ("variable with a template", head("variables:\n  id: ${{ uuid() }}\n")),
        ("slo of no metric", slo("p99s < 200ms")),
        ("slo without unit", slo("p99 < 200")),
        (
            "slo for nobody",
            format!(
                "{HEAD}flows:\n  - steps:\n      - get: /\n        name: list\nslos:\n  - p99 < 1s for lst\n"
            ),
        ),
        ("slo with grace alone", slo("{ slo: p99 < 1s, grace: 5s }")),
    ]
}

#[test]
fn each_bad_scenario_gives_one_message_with_its_place_and_the_way_out() {
    let mut shown = String::new();
    for (what, text) in bad() {
        let problems = parse(&text).expect_err(what);
        assert_eq!(problems.len(), 1, "{what}: {problems:#?}");
        let problem = &problems[0];
        assert!(problem.help.is_some() && problem.line > 0 && problem.column > 0, "{what}: {problem:#?}");
        shown += &format!("## {what}\n{}\n\n", problem.render(false));
    }
    insta::assert_snapshot!("bad", shown);
}

#[test]
fn several_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let problems =
        parse("target: localhost\nsede: 5\nload:\n  - rate: 5\nflows:\n  - steps:\n      - gte: /\n")
            .unwrap_err();
    let lines: Vec<_> = problems.iter().map(|problem| (problem.line, problem.code)).collect();
    assert_eq!(lines, [(1, "url"), (2, "unknown-key"), (4, "missing-key"), (4, "unit"), (7, "unknown-key")]);
}

#[test]
fn the_ready_scenarios_are_read_and_fit_the_schema() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let files = ready();
    assert!(files.len() >= 6);
    for (path, text) in files {
        let file = path.display().to_string();
        let scenario = Scenario::parse(&text, &file, |_| None);
        scenario.unwrap_or_else(|problems| panic!("{}", problems[0].render(false)));
        let errors: Vec<_> = schema.iter_errors(&as_json(&text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{file}: {errors:#?}");
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses_where_shape_tells() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    // These take the environment, two places or more than one value to see.
    let beyond = [
        "environment",
        "secret",
        "duplicate",
        "mixed",
        "slo for nobody",
        "think backwards",
        "two ",
        "of zero",
        "tab",
        "unclosed",
        "empty file",
        "name that is no word",
        "variable with a template",
        "if in braces",
        "slo with grace",
    ];
    for (what, text) in bad() {
        if !beyond.iter().any(|beyond| what.contains(beyond)) {
            assert!(!schema.is_valid(&as_json(&text)), "{what}");
        }
    }
}

#[test]
fn the_shop_is_understood() {
    let (path, text) = ready().into_iter().find(|(path, _)| path.ends_with("shop.yaml")).unwrap();
    let shop = Scenario::parse(&text, &path.display().to_string(), env).unwrap();
    assert_eq!((shop.name.as_str(), shop.seed), ("shop", 7));
    assert_eq!(shop.target.value, "http://127.0.0.1:8080");
    let Some(Load::Open(stages)) = &shop.load else { panic!("open") };
    assert_eq!((stages[0].from_per_s, stages[0].to_per_s, stages[0].warmup), (10.0, 50.0, true));
    assert_eq!((stages[1].duration, stages[1].arrivals), (Duration::from_secs(30), Arrivals::Poisson));
    let names: Vec<_> = shop.requests().iter().map(|request| request.name.value.as_str()).collect();
    assert_eq!(names, ["list", "product", "login", "order"]);
    assert_eq!(shop.slos[1].request.as_deref(), Some("list"));
    assert_eq!(shop.slos[4].metric, Metric::Throughput);
    assert_eq!(shop.defaults.timeout, Duration::from_secs(10));
    let record = shop.record();
    assert_eq!(record["variables"][0]["value"], json!("***"));
    assert!(!record.to_string().contains("hunter22"), "{record:#}");
}

#[test]
fn requests_without_a_name_are_labelled_by_method_and_path() {
    for (url, label) in [
        ("/products?page=1", "GET /products"),
        ("/products/${{ id ? 1 }}/x?y#z", "GET /products/${{ id ? 1 }}/x"),
        ("https://user:pw@host/a#b", "GET /a"),
        ("http://host", "GET /"),
        ("/a$b/${{ x }}", "GET /a$b/${{ x }}"),
    ] {
        assert_eq!(steps::label("GET", url), label);
    }
}

#[test]
fn the_environment_fills_values_but_never_structure() {
    let scenario = good(
        "target: ${T:-http://x}\nname: \"${TRICK}\"\nload:\n  - users: ${USERS}\n    for: ${EMPTY:-5s}\nflows:\n  - steps:\n      - get: /$${A}/${{ x }}/$${{ y }}\n",
    );
    assert_eq!(scenario.name, "x\", evil: \"{$${{ token }}");
    assert_eq!(scenario.requests()[0].url.value, "/${A}/${{ x }}/$${{ y }}");
    let Some(Load::Closed(stages)) = &scenario.load else { panic!("closed") };
    assert_eq!((stages[0].users, stages[0].duration), (25, Duration::from_secs(5)));
}

#[test]
fn staircases_are_walked_in_equal_steps() {
    let scenario = good(&format!("{HEAD}load:\n  - {{ rate: 100/s -> 200/s, for: 6s, steps: 3 }}\n{FLOWS}"));
    let Some(Load::Open(stages)) = &scenario.load else { panic!("open") };
    let rates: Vec<_> =
        stages.iter().map(|stage| (stage.from_per_s, stage.to_per_s, stage.duration.as_secs())).collect();
    assert_eq!(rates, [(100.0, 100.0, 2), (150.0, 150.0, 2), (200.0, 200.0, 2)]);
}

#[test]
fn secrets_do_not_reach_the_record() {
    let scenario = good(
        "target: http://me:sesame9@host/\nvariables: { key: { env: SHOP_PASSWORD, secret: true }, db_password: sesame1 }\n\
         defaults: { headers: { X-API-Key: sesame2, cookie: a=sesame3 } }\nflows:\n  - steps:\n      \
         - post: /x?access_token=sesame4&page=2&k=hunter22\n        auth: { basic: { user: u, password: sesame5 } }\n        \
         query: { api_key: sesame6, page: 1 }\n        json: { login: { password: sesame7, note: hunter22! } }\n        \
         headers: { authorization: Bearer sesame8 }\n      - set: { token: sesame0 }\n",
    );
    let record = scenario.record().to_string();
    assert!(!record.contains("sesame") && !record.contains("hunter22"), "{record}");
    assert!(record.contains("page=2") && record.contains("***@host"), "{record}");
    assert!(!format!("{scenario:?}").contains("sesame"));
    assert_eq!(scenario.strike("with hunter22"), "with ***");
    assert_eq!(strike_url("https://a:b@h/p?Token=1&x=2"), "https://***@h/p?Token=***&x=2");
    for body in ["{\"password\": \"sesame1\", \"page\": 2}", "user=u&password=sesame2&page=2"] {
        let scenario = Scenario::for_url("http://h/", "POST", &[], Some(body)).unwrap();
        let record = scenario.record().to_string();
        assert!(!record.contains("sesame") && record.contains("page"), "{record}");
    }
}

#[test]
fn a_url_makes_a_scenario_that_a_command_line_can_change() {
    let headers = [("accept".to_string(), "text/html".to_string())];
    let mut scenario =
        Scenario::for_url("http://127.0.0.1:8080/a?b=1#c", "post", &headers, Some("body")).unwrap();
    assert_eq!(scenario.target.value, "http://127.0.0.1:8080");
    assert_eq!(scenario.name, "127.0.0.1:8080");
    assert_eq!(scenario.requests()[0].url.value, "/a?b=1");
    assert_eq!(scenario.requests()[0].name.value, "POST /a");
    assert_eq!(
        scenario.set_duration(Duration::from_secs(1)),
        Err(OverrideError::NoLoad { field: "duration" })
    );
    scenario.set_rate(100.0).unwrap();
    assert_eq!(scenario.length(false), Duration::from_secs(30));
    scenario.set_duration(Duration::from_secs(20)).unwrap();
    scenario.set_warmup(Duration::from_secs(2)).unwrap();
    scenario.set_arrivals(Arrivals::Poisson).unwrap();
    scenario.set_rate(200.0).unwrap();
    let Some(Load::Open(stages)) = &scenario.load else { panic!("open") };
    let shape: Vec<_> =
        stages.iter().map(|s| (s.from_per_s, s.duration.as_secs(), s.warmup, s.arrivals)).collect();
    assert_eq!(shape, [(200.0, 2, true, Arrivals::Poisson), (200.0, 20, false, Arrivals::Poisson)]);
    scenario.set_users(5).unwrap();
    assert_eq!(scenario.set_arrivals(Arrivals::Uniform), Err(OverrideError::ArrivalsOfUsers));
    assert!(
        scenario
            .set_slos(vec!["p99 < 1s for GET /".parse().unwrap()])
            .unwrap_err()
            .to_string()
            .contains("POST /a")
    );
    assert!(Scenario::for_url("127.0.0.1", "get", &[], None).is_err());
    assert!(scenario.set_target("http://h:99999").is_err());
}

#[test]
fn aliases_are_understood_but_cannot_blow_up() {
    let anchored =
        good(&format!("{HEAD}flows:\n  - steps: &s\n      - get: /\n  - name: b\n    steps: *s\n"));
    assert_eq!(anchored.requests().len(), 2);
    let mut bomb = String::from("target: http://x\nvariables:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        bomb += &format!("  a{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(", "));
    }
    assert_eq!(parse(&bomb).unwrap_err()[0].code, "too-large");
    assert_eq!(parse(&"[".repeat(5000)).unwrap_err()[0].code, "yaml");
    assert!(parse("a: &a [*a]").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in "(\\PC|[\n\t :{}\\[\\]&*!|>'\"#$-]){0,200}") {
        if let Err(problems) = parse(&text) {
            problems.iter().for_each(|problem| drop(problem.render(false)));
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn broken_scenarios_never_panic(which in 0usize..8, edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..30, "(\\PC|[\n :{}\\[\\]\"$&*-]){0,4}"), 1..4)) {
        let files = ready();
        let mut text = files[which % files.len()].1.clone();
        for (at, length, new) in edits {
            let start = text.floor_char_boundary(at.index(text.len().max(1)));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, &new);
        }
        match parse(&text) {
            Ok(scenario) => drop(scenario.record()),
            Err(problems) => {
                for problem in &problems {
                    prop_assert!(problem.span.start <= text.len(), "{problem}");
                    prop_assert!(problem.render(false).contains(problem.file()));
                }
            }
        }
    }
}

#[test]
fn a_place_is_found_within_quotes() {
    let source = Source::new("x", "a: \"p99 < 5\"");
    let span = source.locate(Span { start: 3, end: 12 }, "5");
    assert_eq!(source.position(span.start), (1, 11));
}
