use loadline_model::series::{Axis, Series};
use proptest::prelude::*;

use super::*;

fn load(text: &str, format: Format, columns: &Columns) -> Result<Vec<Series>, IngestError> {
    read(text.as_bytes(), "d.csv", format, columns)?.into_iter().map(|raw| regular(raw, "d.csv")).collect()
}

fn csv(text: &str) -> Result<Vec<Series>, IngestError> {
    load(text, Format::Csv, &Columns::default())
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

#[test]
fn disorder_is_mended_and_said() {
    let all = csv("time,requests\n3,30\n0,0\n1,10\n1,12\n6,60\n7,NaN\n8,80\n").unwrap();
    assert_eq!(all[0].values, [0.0, 11.0, 20.5, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0]);
    assert_eq!(
        all[0].notes,
        [
            "put the rows into the order of time",
            "averaged 1 rows with a time that occurs twice or more",
            "interpolated 4 of 9 points",
        ]
    );
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
    let all = load(text, Format::Ndjson, &Columns::default()).unwrap();
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
    assert!(message("time,a,b\n0,1,2\n").contains("several columns could be the demand: `a`, `b`"));
    assert!(message("0,1\n1,2\n").contains("the first line holds data"));
    assert!(message("time,value\n0,\n1,\n2,\n").contains("all values are missing"));
    assert!(message("time,value\n0,1\n1,2\n").contains("too few"));
    assert!(message("time,value\n0,1\n1,2\n2,3\n99999999,2\n").contains("is one of the times wrong?"));
    let wrong = Columns { value: Some("valeu".into()), ..Columns::default() };
    let error = load("time,value\n0,1\n", Format::Csv, &wrong).unwrap_err();
    assert!(error.to_string().contains("did you mean `value`?"), "{error}");
}

proptest! {
    /// Whatever the bytes: an error or finite values, never a panic.
    #[test]
    fn any_text(text in "(time,value\n)?([0-9a-zT:,.{}\"\n-]{0,80}|([0-9]{1,3},[0-9.]{1,5}\n){0,30})") {
        for format in [Format::Csv, Format::Tsv, Format::Ndjson] {
            if let Ok(all) = load(&text, format, &Columns::default()) {
                prop_assert!(all.iter().all(|s| s.values.iter().all(|v| v.is_finite())));
            }
        }
    }
}
