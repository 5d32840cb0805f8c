use super::*;
use crate::series::Time;

const PLAN: &str = "\
name: shop
horizon: 90d
services:
  - name: front
    demand: { file: demand.csv, value: requests_per_s }
    capacity: 1100..1300
    instances: 8
  - name: database
    calls: { front: 2.5 }
    capacity: 9000
policy: { quantile: 95%, redundancy: n+1, burst: 1.2, lead_time: 14d }
what_ifs:
  - { name: launch, from: 2026-12-01, factor: 1.3 }
";

#[test]
fn a_plan_is_read() {
    let plan = Plan::parse(PLAN, "plan.yaml").unwrap();
    assert_eq!((plan.services.len(), plan.services[1].instances), (2, 1));
    assert_eq!(plan.services[1].calls[0].1, 2.5);
    let policy = &plan.services[0].policy;
    assert_eq!(policy.redundancy, Redundancy::Spare(1));
    assert_eq!((policy.quantile, policy.lead_time_s), (0.95, Some(1_209_600.0)));
    assert_eq!(plan.what_ifs[0].from, Time::parse("2026-12-01"));
}

#[test]
fn demand_of_a_server_is_read() {
    let server =
        "{ prometheus: 'http://me:secret@prom:9090', query: 'sum(up)', last: 30d, step: 1h, per: minute }";
    let text = PLAN.replace("{ file: demand.csv, value: requests_per_s }", server);
    let service = Plan::parse(&text, "plan.yaml").unwrap().services.remove(0);
    let Some(DemandSource::Prometheus { query, last_s, .. }) = &service.demand else { panic!() };
    assert_eq!((query.value.as_str(), *last_s, service.per_s), ("sum(up)", Some(2_592_000.0), Some(60.0)));
    let without = Plan::parse(&text.replace("query: 'sum(up)', ", ""), "plan.yaml").unwrap_err();
    assert!(without[0].to_string().contains("PromQL"), "{}", without[0]);
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let json = |text: &str| yaml::parse(&Source::new("p", text)).unwrap().to_value().to_json();
    assert!(validator.is_valid(&json(&text)));
    assert!(!validator.is_valid(&json(&text.replace("query: 'sum(up)', ", ""))));
}

#[test]
fn mistakes_have_their_place() {
    let wrong = PLAN.replace("front: 2.5", "frnt: 2.5").replace("95%", "195%").replace("burst", "brust");
    let messages: Vec<String> =
        Plan::parse(&wrong, "plan.yaml").unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert!(messages[0].starts_with("plan.yaml:9:14: no service `frnt` stands above `database`"));
    assert!(messages[0].contains("did you mean `front`?"));
    assert!(messages[1].starts_with("plan.yaml:11:21: `quantile` cannot be `195%`"), "{messages:?}");
    assert!(messages[2].contains("unknown key `brust` in a policy; did you mean `burst`?"), "{messages:?}");
    assert!(Plan::parse("services: []", "p").unwrap_err()[0].to_string().contains("no service"));
    for text in ["", "x", "services: 3", "services: [{}]", "[1"] {
        assert!(Plan::parse(text, "p").is_err(), "{text}");
    }
}

/// The last day counts: a sale until Monday is over on Tuesday.
#[test]
fn a_what_if_ends() {
    let of = |what_if: &str| {
        let plan = Plan::parse(&PLAN.replace("from: 2026-12-01, factor: 1.3", what_if), "plan.yaml");
        plan.map(|plan| (plan.what_ifs[0].from, plan.what_ifs[0].until))
    };
    let time = |text: &str| Time::parse(text);
    let week = "from: 2026-12-01, until: 2026-12-07, factor: 1.3";
    assert_eq!(of(week).unwrap(), (time("2026-12-01"), time("2026-12-08")));
    assert_eq!(of("until: 40, factor: 1.3").unwrap(), (None, Some(Time::Step(41))));
    for wrong in ["from: 2026-12-02, until: 2026-12-01, factor: 2", "from: 2026-12-01, instances: 9"] {
        assert_eq!(of(wrong).unwrap_err().len(), 1, "{wrong}");
    }
}

/// A mistake of each kind, with all that a user sees of it.
#[test]
fn messages_show_the_place_and_the_way_out() {
    let wrong = [
        ("capacity: 1100..1300", "capcity: 1100..1300"),
        ("capacity: 9000", "capacity: { low: 9000, high: 8000 }"),
        ("capacity: 9000", "capacity: { utilisation: cpu.csv, at: 170% }"),
        ("calls: { front: 2.5 }", "calls: { front: -1 }"),
        ("instances: 8", "instances: none"),
        ("n+1", "n-1"),
        ("14d", "a fortnight"),
        ("95%", "100%"),
        ("factor: 1.3", "factor: 0"),
        ("from: 2026-12-01", "from: December"),
        ("from: 2026-12-01", "from: 2026-12-02, until: 2026-12-01"),
        ("from: 2026-12-01, factor: 1.3", "from: 2026-12-01, instances: 9"),
        ("what_ifs:", "prices: { instance: 140/moon }\nwhat_ifs:"),
        ("what_ifs:", "events: [{ name: sale, on: 13-45 }]\nwhat_ifs:"),
        ("what_ifs:", "events: [{ name: sale, factor: 2 }]\nwhat_ifs:"),
        ("launch, ", "launch, service: frnt, "),
        ("demand: { file: demand.csv, value: requests_per_s }", "demand: { flie: demand.csv }"),
        (
            "demand: { file: demand.csv, value: requests_per_s }",
            "demand: { file: demand.csv, per: fortnight }",
        ),
        ("    demand: { file: demand.csv, value: requests_per_s }\n", ""),
        ("name: database", "name: front"),
    ];
    let shown: Vec<String> = wrong
        .iter()
        .map(|(right, wrong)| {
            assert!(PLAN.contains(right), "{right}");
            let problems = Plan::parse(&PLAN.replacen(right, wrong, 1), "plan.yaml").unwrap_err();
            problems.iter().map(|p| p.render(false)).collect::<Vec<_>>().join("\n")
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn the_sample_fits_the_schema_and_the_schema_refuses_what_has_another_shape() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let json = |text: &str| yaml::parse(&Source::new("p", text)).unwrap().to_value().to_json();
    let sample = include_str!("../../../../scenarios/plans/shop.yaml");
    assert!(Plan::parse(sample, "shop.yaml").is_ok() && is_plan(sample));
    for text in [PLAN, sample] {
        let errors: Vec<String> = validator.iter_errors(&json(text)).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
    for (right, wrong) in
        [("capacity: 9000", "capcity: 9000"), ("n+1", "n-1"), ("calls: { front: 2.5 }", "instances: 2")]
    {
        assert!(!validator.is_valid(&json(&PLAN.replace(right, wrong))), "{wrong}");
    }
}
