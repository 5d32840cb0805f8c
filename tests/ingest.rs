//! Demand as people have it: every oddity is mended and said, or one clear error.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::run;
use crate::support::root;

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Beside: odd_histories_are_mended_and_that_is_said, what_cannot_be_used_is_one_line, a_folder_of_days_is_one_series,
            packed_and_parquet_say_the_same, a_step_and_a_season_can_be_stated, the_order_of_work_changes_nothing;
    }
}

const DAY: i64 = 86_400;
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

/// Rows of `count` days, each made by `row` of its number and the time.
fn days(count: i64, row: impl Fn(i64, i64) -> String) -> String {
    "time,requests\n".to_owned() + &(0..count).map(|day| row(day, START + DAY * day)).collect::<String>()
}

/// Demand with a week in it.
fn demand(day: i64) -> i64 {
    100 + 10 * (day % 7) + day / 7
}

fn plain(count: i64) -> String {
    days(count, |day, time| format!("{time},{}\n", demand(day)))
}

fn forecast(folder: &Folder, file: &str, flags: &[&str]) -> Value {
    run(folder, &[&["forecast", file, "--horizon", "7", "--json"], flags].concat()).expect(0).json()
}

fn odd_histories_are_mended_and_that_is_said() {
    let twice = |day, time| format!("{time},{0}\n", demand(day)).repeat(if day == 30 { 2 } else { 1 });
    let holes =
        |day, time| if (20..34).contains(&day) { String::new() } else { format!("{time},{}\n", demand(day)) };
    let counter = |day, time| format!("{time},{}\n", (day % 45) * 50 + 1);
    let reversed: String = plain(90)
        .lines()
        .skip(1)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .fold("time,requests\n".into(), |text, line| text + line + "\n");
    for (name, text, note) in [
        ("reversed", reversed, "put the rows into the order of time"),
        ("twice", days(90, twice), "averaged 1 row with a time that occurs twice or more"),
        ("holes", days(90, holes), "interpolated 14 of 90 points"),
        ("counter", days(90, counter), "took the increments of a counter that was reset once"),
        (
            "negative",
            days(90, |day, time| format!("{time},{}\n", demand(day) - 120)),
            "values are negative: kept",
        ),
        (
            "empty cells",
            days(90, |day, time| {
                format!("{time},{}\n", if day == 8 { String::new() } else { demand(day).to_string() })
            }),
            "interpolated 1 of 90 points",
        ),
        (
            "irregular",
            days(90, |day, time| format!("{},{}\n", time + day * day % 7_919, demand(day))),
            "the times are irregular: took steps of 1 d",
        ),
        ("constant", days(90, |_, time| format!("{time},5\n")), "the history is constant"),
        ("four rows", plain(4), "rests on"),
    ] {
        let folder = Folder::new("odd-history");
        let file = folder.write("demand.csv", &text);
        let document = forecast(&folder, &file, &[]);
        let notes = document["series"][0]["notes"].to_string();
        assert!(notes.contains(note), "{name}: {notes}");
        let points = document["series"][0]["points"].as_array().expect("points");
        assert!(points.len() == 7 && points.iter().all(|p| p["value"].is_number()), "{name}: {points:?}");
    }
}

fn what_cannot_be_used_is_one_line() {
    let good = plain(30);
    let broken = |line: usize, with: &str| -> String {
        good.lines()
            .enumerate()
            .map(|(at, text)| format!("{}\n", if at + 1 == line { with } else { text }))
            .collect()
    };
    let none = days(30, |_, time| format!("{time},\n"));
    for (text, flags, words) in [
        (String::new(), &[][..], "there are no rows"),
        ("time,requests\n".into(), &[], "there are no rows"),
        (plain(2), &[], "2 points in time are too few"),
        (broken(7, "2026-01-06,many"), &[], "demand.csv:7: `many` in column `requests` is not a number"),
        (broken(7, "soon,5"), &[], "demand.csv:7: `soon` in column `time` is not a time"),
        (broken(7, "6,5"), &[], "demand.csv:7: `6` is another kind of time than in line 2"),
        (broken(7, "2026-01-06,5,6"), &[], "demand.csv:7: this line has 3 cells, the first one has 2"),
        (broken(7, "3345494401,5"), &["--step", "1s"], "apart, so that most steps of 1 s have none"),
        (none, &[], "all values are missing"),
        (
            good.clone(),
            &["--value", "request"],
            "there is no column `request` (given by --value); did you mean `requests`?",
        ),
        (good.clone(), &["--only", "a"], "has no series `a`"),
        (good.clone(), &["--step", "5"], "the times have dates"),
        (good.clone(), &["--timezone", "Mars/Olympus"], "is no time zone"),
        (good.clone(), &["--query", "up"], "--prometheus"),
        (good.clone(), &["--prometheus", "http://127.0.0.1:1", "--query", "up"], "not both"),
    ] {
        let folder = Folder::new("unusable");
        folder.write("demand.csv", &text);
        let ended = run(&folder, &[&["forecast", "demand.csv"], flags].concat()).expect(2);
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        assert!(ended.stdout.is_empty() && !ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
    let folder = Folder::new("unusable-files");
    std::fs::create_dir(folder.join("none")).expect("the folder can be written");
    folder.write("not.parquet", "time,value\n");
    folder.write("parquet.csv", "PAR1 and more");
    for (file, words) in [
        ("absent.csv", "cannot read absent.csv"),
        ("none", "there is no .csv"),
        ("not.parquet", "not.parquet: its footer cannot be read"),
        ("parquet.csv", "this is Parquet"),
    ] {
        let ended = run(&folder, &["forecast", file]).expect(2);
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    assert!(run(&folder, &["forecast"]).expect(2).stderr.contains("give SERIES, or --prometheus"));
}

/// Thirty files of a day each, hourly, two of them in a folder of their own.
fn a_folder_of_days_is_one_series() {
    let folder = Folder::new("days");
    std::fs::create_dir_all(folder.join("d/2026-01")).expect("the folder can be written");
    for day in 0..30 {
        let row = |hour: i64| format!("{},{}\n", START + DAY * day + 3_600 * hour, demand(day) + hour);
        let text = "time,requests\n".to_owned() + &(0..24).map(row).collect::<String>();
        let name = if day < 2 { format!("d/2026-01/{day:02}.csv") } else { format!("d/day-{day:02}.csv") };
        folder.write(&name, &text);
    }
    folder.write("d/_tool.csv", "not for us");
    let joined = forecast(&folder, "d", &[]);
    assert_eq!(joined["series"].as_array().map(Vec::len), Some(1));
    assert!(joined["series"][0]["notes"].to_string().contains("joined 30 files"), "{joined}");
    let apart = forecast(&folder, "d", &["--files", "separate"]);
    let ids: Vec<&str> =
        apart["series"].as_array().expect("series").iter().filter_map(|s| s["id"].as_str()).collect();
    assert_eq!((ids.len(), ids[0], ids[29]), (30, "2026-01/00", "day-29"));
}

fn packed_and_parquet_say_the_same() {
    let folder = Folder::new("packed");
    let row = |hour: i64| format!("{},{hour}.5\n", START + 3_600 * hour);
    let text = "time,value\n".to_owned() + &(0..48).map(row).collect::<String>();
    let plain = folder.write("demand.csv", &text);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).expect("memory can be written");
    std::fs::write(folder.join("demand.csv.gz"), packed.finish().expect("memory"))
        .expect("the folder can be written");
    let parquet = root().join("crates/loadline-analysis/src/ingest/parquet/samples/plain_wall_clock.parquet");
    let expected = forecast(&folder, &plain, &[]);
    assert_eq!(forecast(&folder, "demand.csv.gz", &[]), expected);
    assert_eq!(forecast(&folder, parquet.to_str().expect("text"), &[]), expected);
}

fn a_step_and_a_season_can_be_stated() {
    let folder = Folder::new("stated");
    let row = |minute: i64| format!("{},{}\n", START + 60 * minute, 100 + minute / 60 % 24);
    let text = "time,requests\n".to_owned() + &(0..14 * 1440).map(row).collect::<String>();
    let file = folder.write("demand.csv", &text);
    let hourly = forecast(&folder, &file, &["--step", "1h", "--model", "seasonal-naive"]);
    let series = &hourly["series"][0];
    assert_eq!(
        (series["points"][0]["value"].as_f64(), series["seasons"][0].as_u64()),
        (Some(100.0), Some(24))
    );
    assert!(series["notes"].to_string().contains("averaged 20,160 rows within 336 steps of 1 h"), "{series}");
    let summed =
        forecast(&folder, &file, &["--step", "1h", "--aggregate", "sum", "--model", "seasonal-naive"]);
    assert_eq!(summed["series"][0]["points"][0]["value"].as_f64(), Some(6000.0));
    let counted = forecast(&folder, &file, &["--step", "1h", "--aggregate", "count", "--season", "12"]);
    let long =
        run(&folder, &["forecast", &file, "--step", "1h", "--season", "5000", "--json"]).expect(0).json();
    assert_eq!(long["series"][0]["points"].as_array().map(Vec::len), Some(30));
    assert!(long.to_string().contains("a season of 5000 steps is not used"), "{long}");
    let count = counted["series"][0]["points"][0]["value"].as_f64().expect("a number");
    assert!((count - 60.0).abs() < 1e-9, "{count}");
}

/// Many series, whatever the number of threads: byte for byte the same.
fn the_order_of_work_changes_nothing() {
    let folder = Folder::new("many");
    let row = |id: i64, day: i64| {
        format!("s{id},{},{}\n", START + DAY * day, demand(day + id) * (1 + id) + (day * 7919 + id) % 13)
    };
    let rows: String = (0..60).flat_map(|day| (0..40).map(move |id| row(id, day))).collect();
    let file = folder.write("demand.csv", &format!("series,time,requests\n{rows}"));
    let of = |threads: &str| {
        let ended = run(&folder, &["forecast", &file, "--horizon", "14", "--json", "--threads", threads]);
        ended.expect(0).stdout
    };
    let one = of("1");
    assert_eq!(
        serde_json::from_str::<Value>(&one).expect("JSON")["series"].as_array().map(Vec::len),
        Some(40)
    );
    assert!(of("2") == one && of("7") == one);
}
