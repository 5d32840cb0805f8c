//! The planner's journey: a plan, its forms, known truths, and plans that cannot be used.

use std::fs;
use std::path::Path;

use libtest_mimic::Trial;

use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::run;

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Beside: the_sample_plan_in_every_form, utilisation_gives_the_capacity_that_is_true,
            a_plan_that_cannot_be_used_says_where, a_plan_is_not_read_by_flags, a_known_event_is_on_its_days, costs_and_orders_by_hand,
            orders_count_from_today, one_of_many_series,
            a_series_that_begins_late_is_summed, what_is_promised_is_not_rounded, months_of_the_calendar;
    }
}

fn sample() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/plans/shop.yaml");
    path.canonicalize().expect("it is in the repository").display().to_string()
}

fn the_sample_plan_in_every_form() {
    let folder = Folder::new("plan");
    let plan = sample();
    run(&folder, &["check", &plan]).expect(0);
    let json = run(&folder, &["headroom", &plan, "--json"]).expect(0).json();
    assert_eq!(json["schema"], "loadline/headroom@1");
    assert_eq!(json["probability"].as_array().map(Vec::len), Some(120));
    let exceeded: Vec<f64> =
        json["probability"].as_array().unwrap().iter().map(|p| p["exceeded_by"].as_f64().unwrap()).collect();
    assert!(exceeded.is_sorted());
    for form in ["html", "md", "json", "txt"] {
        let name = |n: u32| format!("{n}.{form}");
        for n in [1, 2] {
            run(&folder, &["headroom", &plan, "-o", &name(n)]).expect(0);
        }
        let of = |n: u32| fs::read(folder.join(name(n))).expect("it is written");
        assert!(!of(1).is_empty() && of(1) == of(2), "{form}");
    }
    let page = fs::read_to_string(folder.join("1.html")).unwrap();
    assert!(page.contains("launch in December") && !page.contains("src=\"http") && !page.contains("NaN"));
    run(&folder, &["headroom", &plan, "-o", "charts.svg"]).expect(0);
    assert!(folder.join("charts.svg/s1-demand.svg").is_file());
    run(&folder, &["headroom", &plan, "-o", "report.pdf"]).expect(2);
    let schema = run(&folder, &["schema", "plan"]).expect(0).json();
    assert_eq!(schema["title"], "Loadline plan");
}

/// Hours of demand, on four instances that are 10 % busy and 0.2 % more for each request a second of one.
fn histories(folder: &Folder) {
    let mut text = "time,requests_per_s,cpu,nodes\n".to_owned();
    for t in 0..480u32 {
        let demand =
            800.0 + 300.0 * (f64::from(t) / 24.0 * std::f64::consts::TAU).sin() + f64::from(t * 37 % 41);
        let cpu = 10.0 + 0.2 * demand / 4.0 + f64::from(t * 61 % 17) / 17.0 - 0.5;
        text += &format!("{},{demand:.1},{cpu:.2},4\n", 1_767_225_600 + t * 3600);
    }
    folder.write("metrics.csv", &text);
}

/// At 70 % each carries 300 requests a second.
fn utilisation_gives_the_capacity_that_is_true() {
    let folder = Folder::new("utilisation");
    histories(&folder);
    let line =
        ["headroom", "--demand", "metrics.csv", "--value", "requests_per_s", "--json", "--horizon", "7d"];
    let from = [
        "--utilisation-history",
        "metrics.csv",
        "--utilisation-value",
        "cpu",
        "--utilisation-instances",
        "nodes",
        "--at-utilisation",
        "70%",
    ];
    let json = run(&folder, &[&line[..], &from, &["--instances", "4"]].concat()).expect(0).json();
    let each = &json["details"][0]["capacity"]["per_instance"];
    let (low, high) = (each["low"].as_f64().unwrap(), each["high"].as_f64().unwrap());
    assert!(low <= 300.0 && 300.0 <= high && high - low < 20.0, "{each}");
    // 285 a second of one instance is the largest demand seen: less than at the target.
    assert!(json["notes"].to_string().contains("times beyond the largest demand"), "{}", json["notes"]);
    let wrong = [&line[..], &from[..4], &["--at-utilisation", "170%"]].concat();
    run(&folder, &wrong).expect(2);
    run(&folder, &[&line[..], &from[..4]].concat()).expect(2);
}

fn a_plan_that_cannot_be_used_says_where() {
    let folder = Folder::new("bad-plan");
    histories(&folder);
    folder.write("table.csv", "name,capacity\nsmall,700\nlarge,many\n");
    folder.write("holidays.csv", "date,name\n2026-25-12,Christmas\n");
    let plan = |capacity: &str, rest: &str| {
        format!(
            "services:\n  - name: front\n    demand: {{ file: metrics.csv, value: requests_per_s }}\n    capacity: {capacity}\n{rest}"
        )
    };
    for (text, place, says) in [
        (plan("{ table: table.csv, row: smal }", ""), "plan.yaml:4:40", "did you mean `small`?"),
        (
            plan("{ table: table.csv, row: large }", ""),
            "plan.yaml:4:40",
            "table.csv:3: `many` in column `capacity`",
        ),
        (plan("nowhere.json", ""), "plan.yaml:4:15", "is neither a capacity above 0 nor a file"),
        (plan("1300..1100", ""), "plan.yaml:4:15", "ends before it begins"),
        (
            plan("900", "events: [{ calendar: holidays.csv }]\n"),
            "plan.yaml:5:22",
            "holidays.csv:2: `2026-25-12`",
        ),
        (plan("900", "horizon: soon\n"), "plan.yaml:5:10", "`soon` is no horizon"),
        (plan("900", "policy: { quantil: 95% }\n"), "plan.yaml:5:11", "did you mean `quantile`?"),
        (
            plan("{ utilisation: metrics.csv, value: cup, at: 70% }", ""),
            "plan.yaml:4:30",
            "did you mean `cpu`?",
        ),
    ] {
        folder.write("plan.yaml", &text);
        for verb in ["check", "headroom"] {
            let said = run(&folder, &[verb, "plan.yaml"]).expect(2).stderr;
            assert!(said.contains(place) && said.contains(says), "{place} {says}\n{said}");
            assert_eq!(said.matches("error[").count(), 1, "{said}");
        }
    }
    let missing = plan("900", "").replace("metrics.csv", "nowhere.csv");
    folder.write("plan.yaml", &missing);
    let said = run(&folder, &["headroom", "plan.yaml"]).expect(2).stderr;
    assert!(said.contains("nowhere.csv"), "{said}");
}

/// A plan says how its files are read: a flag that says it otherwise is refused, not overheard.
fn a_plan_is_not_read_by_flags() {
    let (folder, plan) = (Folder::new("plan-flags"), sample());
    for flags in [["--time", "when"], ["--value", "cpu"], ["--aggregate", "mean"], ["--last", "30d"]] {
        let said = run(&folder, &[&["headroom", &plan], &flags[..]].concat()).expect(2).stderr;
        assert!(said.contains("cannot be used with") && said.contains(flags[0]), "{said}");
    }
}

/// A flat demand of 100 a day, doubled for two days to come.
fn a_known_event_is_on_its_days() {
    let folder = Folder::new("event");
    let day = |t: i64| 1_767_225_600 + t * 86_400;
    let rows: String = (0..60).map(|t| format!("{},{}\n", day(t), 100 + t % 2)).collect();
    folder.write("days.csv", &format!("time,value\n{rows}"));
    // The 60th day is 2026-03-02.
    let line = ["forecast", "days.csv", "--horizon", "7d", "--event", "2026-03-04..2026-03-05=2", "--json"];
    let json = run(&folder, &line).expect(0).json();
    let medians: Vec<f64> = json["series"][0]["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["value"].as_f64().unwrap())
        .collect();
    let near = |value: f64, times: f64| (value / times - 100.5).abs() < 3.0;
    for (step, value) in medians.iter().enumerate() {
        assert!(near(*value, if [2, 3].contains(&step) { 2.0 } else { 1.0 }), "{medians:?}");
    }
    run(&folder, &["forecast", "days.csv", "--event", "soon=2"]).expect(2);
    let page = ["forecast", "days.csv", "-o", "forecast.html", "--holiday", "12-25"];
    run(&folder, &page).expect(0);
    let page = fs::read_to_string(folder.join("forecast.html")).unwrap();
    assert!(page.contains("12-25: no factor is given") && page.contains("<svg"));
}

/// 350 a second for ever on three instances of 100: four are needed, and have been for long.
fn costs_and_orders_by_hand() {
    let folder = Folder::new("cost");
    let rows: String = (0..200).map(|t| format!("{},350\n", 1_767_225_600 + t * 86_400)).collect();
    folder.write("flat.csv", &format!("time,value\n{rows}"));
    let line =
        ["headroom", "--demand", "flat.csv", "--capacity", "100/s", "--instances", "3", "--horizon", "30d"];
    let money = [
        "--price",
        "1/h",
        "--currency",
        "EUR",
        "--availability",
        "99%",
        "--lead-time",
        "14d",
        "--today",
        "2026-07-19",
        "--json",
    ];
    let json = run(&folder, &[&line[..], &money].concat()).expect(0).json();
    let service = &json["details"][0];
    assert_eq!(json["instances"][0]["needed"], 4);
    // The day before the horizon is the 19th of July; two weeks before its first day is the 6th.
    assert_eq!(json["order_by"], "2026-07-06T00:00:00Z");
    let dearest = service["cost"]["months"][0]["per_month"].as_f64().unwrap();
    assert!((dearest - 4.0 * 730.485).abs() < 1e-6, "{dearest}");
    let million = service["cost"]["months"][0]["per_million_requests"].as_f64().unwrap();
    assert!((million - 4.0 / 1.26).abs() < 1e-6, "{million}");
    let eaten = service["error_budget"]["eaten"].as_f64().unwrap();
    assert!((eaten - 50.0 / 350.0 / 0.01).abs() < 1e-6, "{eaten}");
}

/// The history ends on the 19th of July; four are needed from the 20th on.
fn orders_count_from_today() {
    let folder = Folder::new("today");
    let rows: String = (0..200).map(|t| format!("{},350\n", 1_767_225_600 + t * 86_400)).collect();
    folder.write("flat.csv", &format!("time,value\n{rows}"));
    let on = |today: &str, form: &str| {
        let line =
            ["headroom", "--demand", "flat.csv", "--capacity", "100", "--instances", "3", "--horizon", "60d"];
        run(&folder, &[&line[..], &["--lead-time", "14d", "--today", today, "-o", form]].concat()).expect(0);
        fs::read_to_string(folder.join(form)).unwrap()
    };
    let fresh = on("2026-07-20", "fresh.txt");
    assert!(!fresh.contains("the history ends at") && fresh.contains("is there by 3 Aug"), "{fresh}");
    let stale = on("2026-08-08", "stale.txt");
    for said in [
        "the history ends at 2026-07-19",
        "20 days before today",
        "is there by 22 Aug",
        "At the end of its history",
    ] {
        assert!(stale.contains(said), "{said}\n{stale}");
    }
    // A clock that is behind the history is not believed.
    let json: serde_json::Value = serde_json::from_str(&on("2020-01-01", "behind.json")).unwrap();
    assert_eq!(json["today"], "2026-07-19T00:00:00Z");
}

/// Two sites in one file, of which the plan takes one.
fn one_of_many_series() {
    let folder = Folder::new("only");
    let rows = |site: &str, value: u32| -> String {
        (0..60).map(|t| format!("{},{site},{value}\n", 1_767_225_600 + t * 86_400)).collect()
    };
    folder.write("sites.csv", &format!("time,site,value\n{}{}", rows("eu", 100), rows("us", 300)));
    let plan = |only: &str| {
        format!(
            "horizon: 10d\nservices:\n  - name: front\n    demand: {{ file: sites.csv, series: site, only: {only} }}\n    \
             capacity: 50\n"
        )
    };
    for (only, needed) in [("us", 6), ("[eu]", 2), ("[eu, us]", 8)] {
        folder.write("plan.yaml", &plan(only));
        let json = run(&folder, &["headroom", "plan.yaml", "--json"]).expect(0).json();
        assert_eq!(json["instances"][9]["needed"], needed, "{only}");
    }
    folder.write("plan.yaml", &plan("[eu, uss]"));
    let said = run(&folder, &["check", "plan.yaml"]).expect(2).stderr;
    assert!(said.contains("plan.yaml:4:57") && said.contains("did you mean `us`?"), "{said}");
    folder.write("plan.yaml", "# nothing yet\n");
    let said = run(&folder, &["headroom", "plan.yaml"]).expect(2).stderr;
    assert!(said.contains("the file is empty") && said.contains("`services`"), "{said}");
}

/// The second site has opened twenty days ago: the total demand is known for all sixty.
fn a_series_that_begins_late_is_summed() {
    let folder = Folder::new("late");
    let rows = |site: &str, value: u32, from: u32| -> String {
        (from..60).map(|t| format!("{},{site},{value}\n", 1_767_225_600 + t * 86_400)).collect()
    };
    folder.write("sites.csv", &format!("time,site,value\n{}{}", rows("eu", 100, 0), rows("us", 300, 40)));
    let line =
        ["headroom", "--demand", "sites.csv", "--series", "site", "--capacity", "50", "--horizon", "10d"];
    let json = run(&folder, &[&line[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(json["instances"][9]["needed"], 8);
    assert!(
        json["notes"].to_string().contains("us: it begins at 2026-02-10T00:00:00Z, later than others"),
        "{json}"
    );
    let history = &json["details"][0]["demand"]["history"];
    assert_eq!((history[39]["value"].as_f64(), history[40]["value"].as_f64()), (Some(100.0), Some(400.0)));
    // One that has ended before cannot be summed, and that is one line.
    let ended =
        rows("eu", 100, 0) + &rows("us", 300, 0).lines().take(50).fold(String::new(), |t, l| t + l + "\n");
    folder.write("sites.csv", &format!("time,site,value\n{ended}"));
    let said = run(&folder, &line).expect(2).stderr;
    assert!(said.contains("`eu` and `us` do not go on at the same time"), "{said}");
}

/// 99.95 % is no 100 %; and what autoscaling changes, and what it does not, is said.
fn what_is_promised_is_not_rounded() {
    let folder = Folder::new("promise");
    let rows: String = (0..60).map(|t| format!("{},350\n", 1_767_225_600 + t * 86_400)).collect();
    folder.write("flat.csv", &format!("time,value\n{rows}"));
    let line = ["headroom", "--demand", "flat.csv", "--capacity", "400", "--horizon", "40d"];
    let asked = ["--availability", "99.95%", "--quantile", "99.95%", "--autoscaling-lag", "5m"];
    let text = run(&folder, &[&line[..], &asked].concat()).expect(0).stdout;
    assert!(
        text.contains("at 99.95% overload") && text.contains("To suffice with 99.95% probability"),
        "{text}"
    );
    assert!(text.contains("there is 1 instance."), "{text}");
    assert!(text.contains("take the 1 there are as the most there can be"), "{text}");
}

/// Three years of months that repeat themselves: what comes stands at the beginnings of months.
fn months_of_the_calendar() {
    let folder = Folder::new("months");
    let rows: String =
        (0..36).map(|t| format!("{}-{:02}-01;{}\n", 2023 + t / 12, t % 12 + 1, 100 + t % 12)).collect();
    folder.write("months.csv", &format!("Monat;Umsatz\n{rows}"));
    let json = run(&folder, &["forecast", "months.csv", "--horizon", "14", "--json"]).expect(0).json();
    let points = json["series"][0]["points"].as_array().expect("points");
    for (at, point) in points.iter().enumerate() {
        assert_eq!(point["time"], format!("{}-{:02}-01T00:00:00Z", 2026 + at / 12, at % 12 + 1));
        assert!((point["value"].as_f64().unwrap() - (100 + at % 12) as f64).abs() < 1e-6, "{point}");
    }
    // The best combination is exact: no word of a fall-back to seasonal naive.
    assert!(!json.to_string().contains("no method beat"), "{json}");
    let flags = ["--capacity", "105.5", "--horizon", "270d", "--today", "2025-12-05", "--lead-time", "31d"];
    let json = run(&folder, &[&["headroom", "--demand", "months.csv", "--json"], &flags[..]].concat())
        .expect(0)
        .json();
    assert_eq!(json["runs_out"]["p50"], "2026-07-01T00:00:00Z");
    assert_eq!(
        (&json["order_by"], &json["today"]),
        (&"2026-05-31T00:00:00Z".into(), &"2025-12-05T00:00:00Z".into())
    );
}
