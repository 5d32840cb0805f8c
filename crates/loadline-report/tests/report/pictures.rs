//! Charts as SVG and as one PNG.

use loadline_report::run::charts;
use roxmltree::Document;

use crate::samples::Sample;
use crate::view_of;

fn chart(sample: &Sample, name: &str) -> String {
    charts(&view_of(sample)).into_iter().find(|(found, _)| found == name).expect("the chart is there").1
}

fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|n| n.has_tag_name("text"));
    texts.filter_map(|n| n.text().map(str::to_owned)).collect()
}

/// Where the data lines of a class go: their points, in the picture's own units.
fn lines(svg: &str, class: &str) -> Vec<Vec<(f64, f64)>> {
    let document = Document::parse(svg).unwrap();
    let data = |n: &roxmltree::Node| {
        n.attribute("class") == Some(class) && n.attribute("stroke-width") == Some("1.8")
    };
    document.descendants().filter(data).map(|n| path(n.attribute("d").unwrap())).collect()
}

/// The points of a path that begins with `M` and goes on with relative lines.
fn path(d: &str) -> Vec<(f64, f64)> {
    let (start, rest) = d.strip_prefix('M').unwrap().split_once('l').unwrap();
    let numbers = |text: &str| -> Vec<f64> {
        let spaced = text.replace('-', " -");
        spaced.split_whitespace().map(|number| number.parse().unwrap()).collect()
    };
    let (start, rest) = (numbers(start), numbers(rest));
    let mut points = vec![(start[0], start[1])];
    for step in rest.chunks(2) {
        let (x, y) = *points.last().unwrap();
        points.push((x + step[0], y + step[1]));
    }
    points
}

#[test]
fn all_are_well_formed_and_stand_alone() {
    for (name, sample) in Sample::all().into_iter().filter(|(name, _)| *name != "hour") {
        for (chart, svg) in charts(&view_of(&sample)) {
            let document = Document::parse(&svg).unwrap_or_else(|e| panic!("{name} {chart}: {e}"));
            assert!(svg.contains("prefers-color-scheme:dark"));
            assert!(!svg.contains("href") && !svg.contains("url("), "{name} {chart}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name} {chart}");
            assert!(svg.len() < 60_000, "{name} {chart}: {}", svg.len());
            assert!(document.root_element().children().any(|n| n.has_tag_name("title")));
        }
    }
}

#[test]
fn a_line_has_a_point_for_each_second_and_a_gap_where_nothing_ended() {
    let svg = chart(&Sample::stall(), "latency");
    // Twenty seconds of load; nothing ends in the 10th and 11th.
    let p50 = lines(&svg, "l c0");
    assert_eq!(p50.iter().map(Vec::len).collect::<Vec<_>>(), [9, 9]);
    assert!(p50.iter().flatten().map(|p| p.0).is_sorted(), "time goes to the right: {p50:?}");
    // The first second after the stall is the slowest: the highest point of the line.
    let highest = p50.iter().flatten().map(|p| p.1).fold(f64::INFINITY, f64::min);
    assert_eq!(p50[1][0].1, highest);
}

#[test]
fn axes_are_labelled_with_round_values_and_units() {
    let latency = texts(&chart(&Sample::stall(), "latency"));
    for label in
        ["1 ms", "10 ms", "100 ms", "1 s", "0:00", "0:10", "0:20", "p50", "p90", "p99", "max", "p99 < 200ms"]
    {
        assert!(latency.iter().any(|t| t == label), "{label} in {latency:?}");
    }
    let traffic = texts(&chart(&Sample::stall(), "traffic"));
    for label in ["0", "1,000", "2,000", "3,000", "asked", "started", "done ok"] {
        assert!(traffic.iter().any(|t| t == label), "{label} in {traffic:?}");
    }
    let tail = texts(&chart(&Sample::stall(), "distribution"));
    for label in ["p50", "p90", "p99", "p99.9", "p99.99", "response", "service", "too few samples"] {
        assert!(tail.iter().any(|t| t == label), "{label} in {tail:?}");
    }
}

#[test]
fn a_limit_far_above_is_named_but_does_not_squeeze_the_lines() {
    let labels = texts(&chart(&Sample::all_errors(), "latency"));
    assert!(labels.iter().any(|t| t == "p99 < 200ms ↑"), "{labels:?}");
    assert!(!labels.iter().any(|t| t == "200 ms" || t == "100 ms"), "{labels:?}");
}

#[test]
fn a_run_without_errors_has_no_chart_of_errors_and_one_without_requests_no_distribution() {
    let names = |sample| charts(&view_of(&sample)).into_iter().map(|c| c.0).collect::<Vec<_>>();
    assert!(!names(Sample::healthy()).contains(&"errors".to_owned()));
    assert!(names(Sample::failing()).contains(&"errors".to_owned()));
    assert_eq!(names(Sample::nothing()), ["latency", "traffic", "in-flight", "generator-cpu"]);
}

/// The coordinated omission that the chart is there to show: response and service of a stalled service.
#[test]
fn waiting_is_in_the_response_time_and_not_in_the_service_time() {
    let view = view_of(&Sample::stall());
    let tail = view.distribution.as_ref().unwrap();
    let past = |curve: &[(f64, f64)], x: f64| *curve.iter().find(|p| p.0 >= x).unwrap();
    // 1,000 a second fall due in the two seconds, and one due later waits as much less: of 20,000 requests 1/x are
    // slower than 2 s − 20 s / x. Working off what waited takes the service some 40 ms more.
    for x in [12.0, 20.0, 100.0] {
        let (x, ms) = past(&tail.response, x);
        assert!((ms - (2000.0 - 20_000.0 / x)).abs() < 50.0, "{x}: {ms}");
    }
    assert!(past(&tail.service, 20.0).1 < 5.0);
    assert_eq!(tail.samples, 20_000);
    assert_eq!(tail.few_from, 2_000.0);
}

#[test]
fn the_heat_map_counts_every_request_once() {
    for sample in [Sample::stall(), Sample::failing(), Sample::short()] {
        let view = view_of(&sample);
        let heat = view.heat.as_ref().unwrap();
        let asked = sample.rate * (sample.warmup_s + sample.measured_s);
        assert_eq!(heat.counts.iter().flatten().sum::<u64>(), asked as u64);
        assert!(heat.counts.len() <= 120 && heat.counts.iter().all(|c| c.len() == 40));
    }
}

#[cfg(feature = "png")]
#[test]
fn the_picture_has_text_in_it() {
    let simulated = Sample::short().simulate();
    let png = |name: &str| {
        let mut summary = simulated.summary.clone();
        summary.name = name.to_owned();
        loadline_report::run::png(&loadline_report::run::view(&simulated.run, &summary, simulated.seconds()))
    };
    let (one, other) = (png("one name"), png("another name"));
    assert_eq!(one[..8], *b"\x89PNG\r\n\x1a\n");
    assert_ne!(one, other, "without a font all text is silently dropped");
}
