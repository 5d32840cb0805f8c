use loadline_model::series::{Axis, Series};
use proptest::prelude::*;

use super::*;

fn load(text: &str, format: Format, reading: &Reading) -> Result<Vec<Series>, IngestError> {
    let raw = read(text.as_bytes(), "d.csv", format, reading)?;
    raw.into_iter().map(|raw| regular(raw, "d.csv", reading)).collect()
}

fn csv(text: &str) -> Result<Vec<Series>, IngestError> {
    load(text, Format::Csv, &Reading::default())
}

/// With a step and a way to aggregate.
fn csv_by(text: &str, step: &str, aggregate: Aggregate) -> Result<Series, IngestError> {
    let reading = Reading { step: Some(Step::parse(step).unwrap()), aggregate, ..Reading::default() };
    Ok(load(text, Format::Csv, &reading)?.remove(0))
}

#[test]
fn many_series_in_one_file() {
    let all = csv("series_id,timestamp,value,commit\na,0,1,x\nb,2026-01-01T00:00:00Z,5,y\na,1,2,x\n\
                   b,2026-01-02T00:00:00Z,6,y\na,2,3,x\nb,2026-01-03T00:00:00Z,7,y\n")
    .unwrap();
    assert_eq!(all[0].values, [1.0, 2.0, 3.0]);
    assert_eq!(all[0].axis, Axis::Steps { start: 0, step: 1 });
    assert_eq!((all[1].id.as_str(), all[1].axis.step_s()), ("b", Some(86_400.0)));
    assert_eq!(all[1].axis.time(3).to_string(), "2026-01-04T00:00:00Z");
}

/// Rows of many series that no column is known to part make one series: that is done, and doubted.
#[test]
fn rows_of_several_series_are_not_mixed_unseen() {
    let rows = |name: &str| {
        let rows = (0..9).flat_map(|t| ["a", "b", "c"].map(|who| format!("{t},{who},{}\n", t * 10)));
        csv(&format!("time,{name},value\n{}", rows.collect::<String>())).unwrap()
    };
    let mixed = rows("colour");
    assert_eq!(mixed.len(), 1);
    assert!(mixed[0].notes[0].ends_with("with --series"), "{:?}", mixed[0].notes);
    assert_eq!(rows("service").iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn disorder_is_mended_and_said() {
    let all = csv("time,requests\n3,30\n0,0\n1,10\n1,12\n6,60\n7,NaN\n8,80\n").unwrap();
    assert_eq!(all[0].values, [0.0, 11.0, 20.5, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0]);
    assert_eq!(
        all[0].notes,
        [
            "put the rows into the order of time",
            "averaged 1 row with a time that occurs twice or more",
            "interpolated 4 of 9 points",
        ]
    );
}

/// Months are not equally long, and whoever writes them means the calendar: the first, the 15th, the last day, or
/// `2024-02` alone; quarters and years likewise. A month that is missing is one point.
#[test]
fn months_are_those_of_the_calendar() {
    let load = |dates: &[&str]| -> Series {
        let rows: String = dates.iter().enumerate().map(|(i, date)| format!("{date},{i}\n")).collect();
        csv(&format!("month,v\n{rows}")).unwrap().remove(0)
    };
    for (dates, next) in [
        (&["2023-11-01", "2023-12-01", "2024-01-01", "2024-02-01"][..], "2024-03-01T00:00:00Z"),
        (&["2023-11", "2023-12", "2024-01", "2024-02"], "2024-03-01T00:00:00Z"),
        (&["2023-11-15", "2023-12-15", "2024-01-15", "2024-02-15"], "2024-03-15T00:00:00Z"),
        (&["2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29"], "2024-03-31T00:00:00Z"),
        (&["2023-01-01", "2023-04-01", "2023-07-01", "2023-10-01"], "2024-01-01T00:00:00Z"),
        (&["2019-01-01", "2020-01-01", "2021-01-01", "2022-01-01"], "2023-01-01T00:00:00Z"),
    ] {
        let series = load(dates);
        assert_eq!(
            (series.values.as_slice(), series.notes.len()),
            (&[0.0, 1.0, 2.0, 3.0][..], 0),
            "{dates:?}"
        );
        assert_eq!(series.axis.time(4).to_string(), next);
    }
    let gap = load(&["2023-11-01", "2024-01-01", "2024-02-01", "2024-03-01"]);
    assert_eq!(
        (gap.values, gap.notes),
        (vec![0.0, 0.5, 1.0, 2.0, 3.0], vec!["interpolated 1 of 5 points".into()])
    );
    // Every four weeks is no month.
    let weeks = load(&["2024-01-01", "2024-01-29", "2024-02-26", "2024-03-25"]);
    assert_eq!(weeks.axis.step_s(), Some(28.0 * 86_400.0));
}

/// As spreadsheets write it where the comma is the decimal point.
#[test]
fn semicolons_part_cells_too() {
    let days = csv("Tag;Wert\n2026-01-01;1,5\n2026-01-02;2\n2026-01-03;3,25\n").unwrap();
    assert_eq!(days[0].values, [1.5, 2.0, 3.25]);
    let error = csv("Tag;Wert\n2026-01-01;2\n2026-01-02;1.000,5\n2026-01-03;3\n").unwrap_err();
    assert!(error.to_string().starts_with("d.csv:3: `1.000,5` in column `Wert` is not a number"), "{error}");
    assert_eq!(csv("time\tv\n0\t1\n1\t2\n2\t3\n").unwrap()[0].values, [1.0, 2.0, 3.0]);
}

/// The column of the values is found though its first one is missing; where all are, that is what is said.
#[test]
fn the_first_value_may_be_missing() {
    assert_eq!(csv("time,v\n0,\n1,5\n2,6\n3,7\n").unwrap()[0].values, [5.0, 6.0, 7.0]);
    let error = csv("time,v\n0,\n1,\n2,\n").unwrap_err();
    assert!(error.to_string().contains("all values are missing"), "{error}");
}

#[test]
fn a_counter_gives_its_increments() {
    let mut text = "time,value\n".to_owned();
    for t in 0..40 {
        text += &format!("{t},{}\n", if t < 25 { t * 5 } else { (t - 25) * 5 });
    }
    let all = csv(&text).unwrap();
    assert_eq!(all[0].values.len(), 39);
    assert_eq!(all[0].values[..24], [5.0; 24]);
    assert_eq!((all[0].values[24], all[0].values[25]), (0.0, 5.0));
}

#[test]
fn a_day_without_an_hour_is_no_hole_in_utc() {
    // Central European summer time begins: 01:00+01:00 is followed by 03:00+02:00.
    let all = csv(
        "time,v\n2026-03-29T00:00:00+01:00,1\n2026-03-29T01:00:00+01:00,2\n2026-03-29T03:00:00+02:00,3\n\
                   2026-03-29T04:00:00+02:00,4\n",
    )
    .unwrap();
    assert_eq!((all[0].values.as_slice(), all[0].notes.len()), (&[1.0, 2.0, 3.0, 4.0][..], 0));
}

#[test]
fn lines_of_json() {
    let text = "{\"ts\":1767225600,\"n\":1}\n\n{\"ts\":1767229200,\"n\":null}\n{\"n\":3,\"ts\":1767232800}\n\
                {\"ts\":1767236400,\"n\":4}\n";
    let all = load(text, Format::Ndjson, &Reading::default()).unwrap();
    assert_eq!(all[0].values, [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn mistakes_are_named() {
    let message = |text: &str| csv(text).unwrap_err().to_string();
    assert_eq!(message(""), "d.csv: there are no rows; give a file with times and values");
    assert_eq!(message("time,value\n"), "d.csv: there are no rows; give a file with times and values");
    assert_eq!(
        message("time,value\n0,1\n1,x\n"),
        "d.csv:3: `x` in column `value` is not a number; leave it empty where nothing was measured"
    );
    assert!(
        message("time,value\n0,1\n2026-01-01,2\n").contains("d.csv:3: `2026-01-01` is another kind of time")
    );
    for (first, then, kinds) in [
        ("2026-01-01", "1767312000", "(seconds since 1970) than in line 2 (a date)"),
        ("1767225600", "1767312000000", "(milliseconds since 1970) than in line 2 (seconds since 1970)"),
        ("1767225600000000", "1767312000000", "(milliseconds since 1970) than in line 2 (microseconds"),
    ] {
        let said = message(&format!("time,value\n{first},1\n{then},2\n"));
        assert!(said.contains(&format!("d.csv:3: `{then}` is another kind of time {kinds}")), "{said}");
    }
    assert!(message("time,a,b\n0,1,2\n").contains("several columns could be the demand: `a`, `b`"));
    assert!(message("time,value\r\n1,2\r\n\r\n2,x\r\n").starts_with("d.csv:4: `x`"));
    assert!(message("0,1\n1,2\n").contains("the first line holds data"));
    assert!(message("time,value\n0,\n1,\n2,\n").contains("all values are missing"));
    assert!(message("time,value\n0,1\n1,2\n").contains("too few"));
    assert!(message("time,value\n0,1\n1,2\n2,3\n99999999,2\n").contains("is one of the times wrong?"));
    let columns = Columns { value: Some("valeu".into()), ..Columns::default() };
    let wrong = Reading { columns, ..Reading::default() };
    let error = load("time,value\n0,1\n", Format::Csv, &wrong).unwrap_err();
    assert!(error.to_string().contains("did you mean `value`?"), "{error}");
}

/// Minutes, with each of 0 to 59 once in every hour as their values.
fn minutes(count: i64) -> String {
    let row = |minute: i64| format!("{},{}\n", 1_767_225_600 + 60 * minute, minute * 7 % 60);
    "time,value\n".to_owned() + &(0..count).map(row).collect::<String>()
}

#[test]
fn rows_are_aggregated_to_a_stated_step() {
    let of = |aggregate| csv_by(&minutes(300), "1h", aggregate).unwrap();
    let mean = of(Aggregate::Mean);
    assert_eq!((mean.values.as_slice(), mean.axis.step_s()), (&[29.5; 5][..], Some(3600.0)));
    assert_eq!(mean.notes, ["averaged 300 rows within 5 steps of 1 h"]);
    assert_eq!(of(Aggregate::Sum).values, [1770.0; 5]);
    assert_eq!(of(Aggregate::Max).values, [59.0; 5]);
    assert_eq!(of(Aggregate::Count).values, [60.0; 5]);
    // The last value of each hour is the same, so that a counter has not grown since the one before.
    assert_eq!(of(Aggregate::Increase).values, [0.0; 4]);
    // What came within an hour counts by the hour; a mean is in the unit of the rows.
    let unit = |aggregate| of(aggregate).counted_over_s;
    assert_eq!([Aggregate::Mean, Aggregate::Max].map(unit), [None; 2]);
    assert_eq!([Aggregate::Sum, Aggregate::Count, Aggregate::Increase].map(unit), [Some(3600.0); 3]);
}

#[test]
fn a_step_that_rows_cover_in_part_is_left_out() {
    let series = csv_by(&minutes(330), "1h", Aggregate::Sum).unwrap();
    assert_eq!(series.values, [1770.0; 5]);
    assert_eq!(
        series.notes[1],
        "left the last step out, 2026-01-01T05:00:00Z: its rows end at 2026-01-01T05:29:00Z, before it does"
    );
    let late: String = minutes(300)
        .lines()
        .enumerate()
        .filter(|(i, _)| !(1..40).contains(i))
        .map(|(_, l)| format!("{l}\n"))
        .collect();
    assert_eq!(csv_by(&late, "1h", Aggregate::Mean).unwrap().values, [29.5; 4]);
}

/// A row that is an event has a name of its own, which makes no series of it.
#[test]
fn the_id_of_an_event_is_no_series() {
    let events: String = (0..12).map(|at| format!("{},e{at}\n", 1_767_225_600 + 900 * at)).collect();
    let series = csv_by(&format!("time,id\n{events}"), "1h", Aggregate::Count).unwrap();
    assert_eq!(series.values, [4.0; 3]);
}

#[test]
fn events_are_counted_and_a_quiet_hour_is_none() {
    let events =
        "seen\n2026-01-01T00:10:00Z\n2026-01-01T00:20:00Z\n2026-01-01T03:30:00Z\n2026-01-01T01:30:00Z\n";
    let series = csv_by(events, "1h", Aggregate::Count).unwrap();
    assert_eq!(series.values, [2.0, 1.0, 0.0, 1.0]);
    assert!(
        series.notes.iter().any(|note| note == "1 of 4 points have no rows: counted as 0"),
        "{:?}",
        series.notes
    );
}

#[test]
fn too_many_points_are_aggregated_and_that_is_said() {
    let series = &csv(&minutes(150_000)).unwrap()[0];
    assert_eq!(series.axis.step_s(), Some(300.0));
    assert_eq!(series.notes[0], "averaged 150,000 rows within 30,000 steps of 5 min (--step states another)");
}

#[test]
fn a_step_that_fits_no_row_is_refused() {
    let message = |step: &str| csv_by(&minutes(300), step, Aggregate::Mean).unwrap_err().to_string();
    assert_eq!(
        message("10s"),
        "d.csv: its rows are 1 min apart, so that most steps of 10 s have none; leave --step out, or give a longer one"
    );
    assert_eq!(message("5"), "d.csv:2: the times have dates; give --step as a duration such as 1h");
    let steps = csv_by("time,value\n0,1\n1,2\n2,3\n", "1h", Aggregate::Mean).unwrap_err().to_string();
    assert!(steps.contains("whole steps without dates"), "{steps}");
    assert_eq!(
        csv_by("time,value\n0,1\n1,3\n2,3\n3,5\n4,1\n5,1\n", "2", Aggregate::Mean).unwrap().values,
        [2.0, 4.0, 1.0]
    );
}

#[test]
fn local_hours_need_their_zone() {
    // The night of 25 October 2026 in Berlin: 02:00 comes twice.
    let hours = ["00", "01", "02", "02", "03", "04"].iter().enumerate();
    let text: String = hours.map(|(i, hour)| format!("2026-10-25 {hour}:00:00,{i}\n")).collect();
    let text = format!("time,value\n{text}");
    let plain = &csv(&text).unwrap()[0];
    assert_eq!(plain.values, [0.0, 1.0, 2.5, 4.0, 5.0]);
    assert!(plain.notes.iter().any(|note| note.contains("--timezone")), "{:?}", plain.notes);
    let reading = Reading { zone: Some(Zone::parse("Europe/Berlin").unwrap()), ..Reading::default() };
    let local = load(&text, Format::Csv, &reading).unwrap().remove(0);
    assert_eq!((local.values.as_slice(), local.notes.len()), (&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0][..], 0));
    assert_eq!(local.axis.time(0).to_string(), "2026-10-24T22:00:00Z");
}

#[test]
fn files_that_go_on_are_one_series() {
    let days = |from: i64, to: i64| -> Vec<RawSeries> {
        let rows: String = (from..to).map(|t| format!("{},{t}\n", 1_767_225_600 + 3_600 * t)).collect();
        read(format!("time,value\n{rows}").as_bytes(), "d", Format::Csv, &Reading::default()).unwrap()
    };
    let reading = Reading::default();
    let of = |spans: &[(i64, i64)], parts| -> Vec<Series> {
        let mut files = Files::new("d", &reading, parts);
        spans
            .iter()
            .enumerate()
            .for_each(|(i, (from, to))| files.add(format!("f{i}"), days(*from, *to)).unwrap());
        files.finish().into_iter().map(|raw| regular(raw, "d", &reading).unwrap()).collect()
    };
    let joined = of(&[(24, 48), (0, 24)], Parts::Auto);
    assert_eq!((joined.len(), joined[0].values.len(), joined[0].values[47]), (1, 48, 47.0));
    assert_eq!(joined[0].notes, ["joined 2 files"]);
    let apart = of(&[(0, 24), (0, 24)], Parts::Auto);
    assert_eq!(apart.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["f0", "f1"]);
    assert_eq!(of(&[(0, 24), (24, 48)], Parts::Separate).len(), 2);
    assert_eq!(of(&[(0, 24), (12, 48)], Parts::Joined)[0].values.len(), 48);
}

proptest! {
    /// Rows in any order and number of copies make the same series, apart from the notes.
    #[test]
    fn order_does_not_matter(rows in prop::collection::vec((0i64..400, -50i32..50), 3..200).prop_shuffle()) {
        let text = |rows: &[(i64, i32)]| -> String {
            rows.iter().fold("time,value\n".into(), |text, (t, v)| text + &format!("{},{v}\n", 1_767_225_600 + 600 * t))
        };
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        let (any, ordered) = (csv_by(&text(&rows), "1h", Aggregate::Mean), csv_by(&text(&sorted), "1h", Aggregate::Mean));
        match (any, ordered) {
            (Ok(any), Ok(ordered)) => {
                prop_assert_eq!(any.axis, ordered.axis);
                any.values.iter().zip(&ordered.values).for_each(|(a, b)| assert!((a - b).abs() < 1e-9));
            }
            (any, ordered) => prop_assert_eq!(any.is_err(), ordered.is_err()),
        }
    }

    /// However a file is written, it is the same demand.
    #[test]
    fn all_formats_say_the_same(values in prop::collection::vec(prop::option::of((-1_000_000i32..1_000_000).prop_map(|n| f64::from(n) / 16.0)), 4..60)) {
        let rows = || values.iter().enumerate().map(|(i, v)| (1_767_225_600 + 3_600 * i as i64, v));
        let cell = |v: &Option<f64>, none: &str| v.map_or(none.to_owned(), |v| v.to_string());
        let csv: String = rows().map(|(t, v)| format!("{t},{}\n", cell(v, ""))).collect();
        let tsv: String = rows().map(|(t, v)| format!("{}\t{}\n", loadline_model::series::Time::Clock(t), cell(v, "NaN"))).collect();
        let lines: String = rows().map(|(t, v)| format!("{{\"value\":{},\"time\":{t}}}\n", cell(v, "null"))).collect();
        let of = |text: String, format| load(&text, format, &Reading::default()).map_err(|e| e.to_string());
        let first = of(format!("time,value\n{csv}"), Format::Csv);
        prop_assert_eq!(&first, &of(format!("time\tvalue\n{tsv}"), Format::Tsv));
        if values[0].is_some() {
            prop_assert_eq!(&first, &of(lines, Format::Ndjson));
        }
    }

    /// Whatever the bytes: an error or finite values, never a panic.
    #[test]
    fn any_text(text in "(time,value\n)?([0-9a-zT:,.{}\"\n-]{0,80}|([0-9]{1,3},[0-9.]{1,5}\n){0,30})") {
        for format in [Format::Csv, Format::Tsv, Format::Ndjson] {
            if let Ok(all) = load(&text, format, &Reading::default()) {
                prop_assert!(all.iter().all(|s| s.values.iter().all(|v| v.is_finite())));
            }
        }
    }
}
