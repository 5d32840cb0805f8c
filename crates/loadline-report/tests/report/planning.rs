//! Pages of forecasts and headroom: structure, escaping, what they say, and that they load nothing.

use loadline_model::forecast::*;
use loadline_model::headroom::*;
use loadline_model::series::Time;
use loadline_report::{forecast, headroom};
use scraper::{Html, Selector};

const DAY: i64 = 86_400;

fn day(n: i64) -> Time {
    Time::Clock(1_767_225_600 + n * DAY)
}

/// A year of days with a week in them, then 60 days that grow by 2 a day.
pub(crate) fn series(id: &str) -> SeriesForecast {
    let week = |t: i64| [10.0, 20.0, 15.0, 5.0, 0.0, -60.0, -80.0][t.rem_euclid(7) as usize];
    let point = |t: i64, value: f64| Point {
        time: day(t),
        value,
        bounds: vec![
            Bound { level: 80.0, low: value * 0.9, high: value * 1.1 },
            Bound { level: 95.0, low: value * 0.8, high: value * 1.2 },
        ],
    };
    SeriesForecast {
        id: id.into(),
        model: "combination: <b>smoothing</b> 60 % and 3 more".into(),
        seasons: vec![7],
        backtest: Backtest {
            count: 12,
            horizon: 60,
            mase: Some(0.9),
            smape: Some(8.0),
            coverage_80: Some(0.79),
            coverage_95: Some(0.94),
            error_to_naive: Some(0.71),
            beats_seasonal_naive: true,
        },
        points: (365..425).map(|t| point(t, 500.0 + 2.0 * (t - 365) as f64 + week(t))).collect(),
        findings: vec![
            Finding::LevelShift { time: day(100), before: 400.0, after: 480.0 },
            Finding::Outlier { time: day(340), value: 900.0, usual: 500.0 },
        ],
        events: vec![EventEffect {
            name: "launch <i>".into(),
            factor: 1.25,
            interval: None,
            learnt_from: 0,
            upcoming: vec![day(380)],
        }],
        history: (0..365).map(|t| Past { time: day(t), value: 490.0 + week(t) }).collect(),
        tests: vec![(305..365).map(|t| point(t, 480.0 + week(t))).collect()],
        notes: vec!["interpolated 3 of 365 points".into()],
    }
}

fn service(name: &str, by_end: f64) -> ServiceHeadroom {
    let at = |p: f64| (p <= by_end).then(|| day(365 + (60.0 * p / by_end) as i64 - 1));
    ServiceHeadroom {
        service: name.into(),
        instances_now: 4,
        capacity: CapacityDocument {
            source: "given as a 90 % interval".into(),
            per_instance: Band { low: 130.0, value: 140.0, high: 150.0 },
            usable: Band { low: 520.0, value: 560.0, high: 600.0 },
            observed_max: None,
        },
        policy: PolicyDocument {
            quantile: 0.95,
            redundancy: "zones:3".into(),
            burst: 1.2,
            utilisation: 0.7,
            lead_time_s: Some(14.0 * DAY as f64),
            autoscaling_lag_s: 0.0,
        },
        demand: series(name),
        headroom_now: Some(0.1),
        runs_out: RunsOut { p10: at(0.1), p50: at(0.5), p90: at(0.9) },
        probability: (0..60)
            .map(|t| Probability { date: day(365 + t), exceeded_by: by_end * (t + 1) as f64 / 60.0 })
            .collect(),
        instances: (0..60)
            .map(|t| Instances { date: day(365 + t), needed: Some(4 + t as u64 / 20) })
            .collect(),
        order_by: at(0.05).map(|_| day(360)),
        today: None,
        error_budget: Some(ErrorBudget {
            availability: 0.999,
            eaten: 0.2,
            overdrawn: 0.05,
            worst: 1.4,
            worst_from: day(390),
            days: 30.0,
        }),
        cost: Some(Cost {
            currency: "EUR".into(),
            instance_per_month: 100.0,
            now_per_month: 400.0,
            months: vec![MonthCost {
                month: "2027-01".into(),
                days: 31.0,
                instances: Some(6.0),
                per_month: Some(600.0),
                per_million_requests: Some(0.45),
            }],
        }),
        notes: vec!["a note with <script>alert(1)</script>".into()],
    }
}

fn outlook(service: &ServiceHeadroom, what_if: Option<&str>) -> Outlook {
    Outlook {
        service: service.service.clone(),
        what_if: what_if.map(str::to_owned),
        headroom_now: service.headroom_now,
        runs_out: service.runs_out.clone(),
        exceeded_by_end: service.probability.last().map_or(0.0, |p| p.exceeded_by),
        needed_max: Some(6),
        order_by: service.order_by,
        cost_per_month_max: Some(600.0),
        error_budget_eaten: Some(0.2),
        notes: what_if.map(|_| "a part of a step".to_owned()).into_iter().collect(),
    }
}

pub(crate) fn document(by_end: &[f64]) -> HeadroomDocument {
    let details: Vec<ServiceHeadroom> =
        by_end.iter().enumerate().map(|(i, p)| service(&format!("svc <{i}>"), *p)).collect();
    let first = &details[0];
    HeadroomDocument {
        schema: loadline_model::headroom::SCHEMA.into(),
        name: "shop & co".into(),
        headroom_now: first.headroom_now,
        runs_out: first.runs_out.clone(),
        probability: first.probability.clone(),
        instances: first.instances.clone(),
        order_by: first.order_by,
        today: None,
        error_budget_eaten: Some(0.2),
        service: Some(first.service.clone()),
        services: details.iter().map(|d| outlook(d, None)).collect(),
        what_ifs: details
            .iter()
            .map(|d| outlook(d, Some("a launch with a rather long name, in December")))
            .collect(),
        notes: first.notes.clone(),
        details,
    }
}

fn parse(page: &str) -> Html {
    let document = Html::parse_document(page);
    assert!(document.errors.is_empty(), "{:?}", document.errors);
    for attribute in ["src", "href", "data", "action", "srcset", "style"] {
        let selector = Selector::parse(&format!("[{attribute}]")).unwrap();
        let outside = document.select(&selector).filter_map(|e| e.value().attr(attribute));
        assert!(outside.into_iter().all(|value| value.starts_with('#')), "{attribute}");
    }
    assert!(texts(&document, "script").is_empty());
    document
}

fn texts(document: &Html, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).unwrap();
    document.select(&selector).map(|e| e.text().collect::<String>()).collect()
}

#[test]
fn the_outcome_comes_first_in_three_sentences() {
    for (by_end, word, tone) in [(0.9, "RUNS OUT", "bad"), (0.3, "AT RISK", "doubt"), (0.02, "LASTS", "good")]
    {
        let page = parse(&headroom::html(&document(&[by_end])));
        let first = texts(&page, "h1").remove(0);
        assert!(
            first.starts_with(&format!("{word} — Today svc <0> carries its latest peak with 10%")),
            "{first}"
        );
        assert_eq!(texts(&page, &format!("header.{tone} p")).len(), 2, "{word}");
    }
    let sentences = texts(&parse(&headroom::html(&document(&[0.9]))), "header p").join(" ");
    assert!(sentences.contains("It will as likely as not have run out by 2 Feb 2027"), "{sentences}");
    assert!(sentences.contains("for 600 EUR a month instead of 400 EUR"), "{sentences}");
    assert!(sentences.contains("the date to order by, 27 Dec 2026, has passed"), "{sentences}");
}

#[test]
fn every_service_has_its_charts_and_every_id_is_there_once() {
    let page = headroom::html(&document(&[0.9, 0.01]));
    let parsed = parse(&page);
    let select = |s: &str| Selector::parse(s).unwrap();
    // Demand, probability, instances, what-ifs, backtests, season: wide and narrow, of two services.
    assert_eq!(parsed.select(&select("svg")).count(), 24);
    let mut ids = std::collections::BTreeSet::new();
    for element in parsed.select(&select("[id]")) {
        assert!(
            ids.insert(element.value().attr("id").unwrap().to_owned()),
            "{:?}",
            element.value().attr("id")
        );
    }
    assert!(!page.contains("NaN") && !page.contains("inf ") && !page.contains("null"));
    assert_eq!(headroom::html(&document(&[0.9, 0.01])), page);
    let charts = headroom::charts(&document(&[0.9, 0.01]));
    assert_eq!(charts.len(), 12);
    for (name, svg) in charts {
        roxmltree::Document::parse(&svg).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(svg.len() < 60_000 && !svg.contains("NaN"), "{name}: {}", svg.len());
    }
}

#[test]
fn what_came_from_outside_is_text() {
    let page = parse(&headroom::html(&document(&[0.9])));
    let lines = texts(&page, "li");
    assert!(lines.iter().any(|l| l.contains("<script>alert(1)</script>")), "{lines:?}");
    assert!(
        lines.iter().any(|l| l.contains("launch <i>: 1.25 times as much (given); 16 Jan 2027")),
        "{lines:?}"
    );
    let all = ForecastDocument { schema: String::new(), series: vec![series("</title><b>"), series("b")] };
    let page = parse(&forecast::html(&all));
    assert!(texts(&page, "h2").contains(&"</title><b>".to_owned()));
}

#[test]
fn the_fan_goes_where_the_figures_say() {
    let charts = headroom::charts(&document(&[0.9]));
    let words: Vec<String> = {
        let parsed = roxmltree::Document::parse(&charts[0].1).unwrap();
        let texts = parsed.descendants().filter(|n| n.has_tag_name("text"));
        texts.filter_map(|n| n.text().map(str::to_owned)).collect()
    };
    for word in ["median", "80 %", "95 %", "usable 560", "10 %", "50 %", "90 %", "Jan 2027"] {
        assert!(words.iter().any(|w| w == word), "{word} in {words:?}");
    }
}

#[test]
fn a_document_without_history_or_backtests_still_makes_a_page() {
    let mut bare = document(&[0.2]);
    let service = &mut bare.details[0];
    service.demand.history.clear();
    service.demand.tests.clear();
    (service.cost, service.error_budget, service.headroom_now) = (None, None, None);
    bare.what_ifs.clear();
    parse(&headroom::html(&bare));
    bare.details.clear();
    parse(&headroom::html(&bare));
    parse(&forecast::html(&ForecastDocument { schema: String::new(), series: vec![] }));
}

#[test]
fn text_and_markdown() {
    insta::assert_snapshot!("headroom_text", headroom::text(&document(&[0.9])));
    insta::assert_snapshot!("headroom_markdown", headroom::markdown(&document(&[0.3])));
    let all = ForecastDocument { schema: String::new(), series: vec![series("")] };
    insta::assert_snapshot!("forecast_text", forecast::text(&all));
}
