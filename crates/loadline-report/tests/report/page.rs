//! The HTML page: structure, escaping, size.

use loadline_report::run::html;
use scraper::{Html, Selector};

use crate::samples::Sample;
use crate::{new_view, view_of};

fn parse(page: &str) -> Html {
    let document = Html::parse_document(page);
    assert!(document.errors.is_empty(), "{:?}", document.errors);
    document
}

fn texts(document: &Html, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).unwrap();
    document.select(&selector).map(|e| e.text().collect::<String>()).collect()
}

#[test]
fn every_page_is_well_formed_and_loads_nothing() {
    for (name, sample) in Sample::all().into_iter().filter(|(name, _)| *name != "hour") {
        let page = html(&view_of(&sample));
        let document = parse(&page);
        for attribute in ["src", "href", "data", "action", "srcset", "style"] {
            let selector = Selector::parse(&format!("[{attribute}]")).unwrap();
            let local = |value: &str| value.starts_with('#');
            let found = document.select(&selector).filter_map(|e| e.value().attr(attribute));
            assert!(found.into_iter().all(local), "{name}: {attribute}");
        }
        let style = texts(&document, "style").concat();
        assert!(!style.contains("url(") && !style.contains("@import"), "{name}");
        for nothing in ["script", "link", "iframe", "object", "img", "form"] {
            assert!(texts(&document, nothing).is_empty(), "{name}: {nothing}");
        }
        assert!(page.len() < 400_000, "{name}: {} bytes", page.len());
    }
}

#[test]
fn the_verdict_comes_first() {
    let cases = [
        (Sample::healthy(), "PASS — all 4 objectives kept at 500 requests/s"),
        (
            Sample::stall(),
            "FAIL — 2 of 3 objectives broken at 1,000 requests/s: p99 < 200ms, observed 1.8 s, and 1 more",
        ),
        (Sample::limited(), "INVALID — the generator was the bottleneck: a core of the generator was busy"),
        (
            Sample::short(),
            "INCONCLUSIVE — the objective cannot be judged at 20 requests/s: p99 < 20ms — too few samples",
        ),
        (Sample::nothing(), "MEASURED — nothing: no request ended"),
    ];
    for (sample, sentence) in cases {
        let document = parse(&html(&view_of(&sample)));
        let first = texts(&document, "h1").remove(0);
        assert!(first.starts_with(sentence), "{first}");
    }
    let interrupted = parse(&html(&view_of(&Sample::nothing())));
    assert_eq!(texts(&interrupted, ".status"), ["Interrupted by the user; 5 s were measured."]);
}

#[test]
fn what_came_from_outside_is_text() {
    let view = view_of(&Sample::hostile());
    let document = parse(&html(&view));
    assert_eq!(texts(&document, ".name"), ["</title><script>alert('name')</script>"]);
    let names: Vec<String> = texts(&document, "tbody th");
    for request in &view.run.request_names {
        assert!(names.contains(request), "{request}");
    }
    assert!(texts(&document, "dd").iter().any(|dd| dd.contains("</dd><script>alert(2)</script>")));
    assert!(texts(&document, "svg text").iter().any(|t| t.contains("<b>odd|class</b>")));
}

#[test]
fn charts_have_names_for_those_who_cannot_see_them() {
    let document = parse(&html(&view_of(&Sample::failing())));
    let select = |s: &str| Selector::parse(s).unwrap();
    let charts: Vec<_> = document.select(&select("svg")).collect();
    assert_eq!(charts.len(), 14, "seven charts, wide and narrow");
    let mut ids = std::collections::BTreeSet::new();
    for chart in charts {
        assert_eq!(chart.value().attr("role"), Some("img"));
        for id in chart.value().attr("aria-labelledby").unwrap().split(' ') {
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
            let named = document.select(&select(&format!("#{id}"))).next().unwrap();
            assert!(!named.text().collect::<String>().is_empty());
        }
    }
}

#[test]
fn doubtful_and_missing_figures_are_shown_as_such() {
    let few = parse(&html(&view_of(&Sample::short())));
    assert!(texts(&few, ".tiles .few").iter().any(|t| t.starts_with("≈ ") && t.ends_with("too few samples")));
    let nothing = parse(&html(&view_of(&Sample::nothing())));
    assert!(texts(&nothing, ".tiles .figure").iter().filter(|t| *t == "—").count() >= 5);
    let page = html(&view_of(&Sample::nothing()));
    assert!(!page.contains("NaN") && !page.contains("inf ") && !page.contains("null"));
}

#[test]
fn two_reports_of_one_run_are_the_same() {
    let (a, b) = (new_view(&Sample::failing()), new_view(&Sample::failing()));
    assert_eq!(html(&a), html(&b));
    assert_eq!(loadline_report::run::charts(&a), loadline_report::run::charts(&b));
    #[cfg(feature = "png")]
    assert_eq!(loadline_report::run::png(&a), loadline_report::run::png(&b));
}

#[test]
fn a_run_without_documents_of_its_own_still_makes_a_page() {
    let simulated = Sample::healthy().simulate();
    let mut run = simulated.run.clone();
    run.stages.clear();
    run.command.clear();
    run.versions.clear();
    run.slos = vec!["not an objective".to_owned()];
    parse(&html(&loadline_report::run::view(&run, &simulated.summary, simulated.seconds().take(2))));
    parse(&html(&loadline_report::run::view(&run, &simulated.summary, [])));
}
