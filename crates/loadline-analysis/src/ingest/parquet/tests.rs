use std::path::Path;

use loadline_model::series::{Axis, Series};
use proptest::prelude::*;

use super::super::{Aggregate, Columns, Step, Zone, regular};
use super::*;

/// A file of `samples/`, written by other tools (`make.py` there).
fn load(sample: &str, reading: &Reading) -> Result<Vec<Series>, IngestError> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/ingest/parquet/samples/{sample}.parquet"));
    let file = File::open(path).unwrap();
    let one = read_parquet(&file, "d.parquet", reading, 1);
    assert_eq!(one, read_parquet(&file, "d.parquet", reading, 3), "the number of threads changes nothing");
    one?.into_iter().map(|raw| regular(raw, "d.parquet", reading)).collect()
}

fn only(sample: &str) -> Series {
    let mut all = load(sample, &Reading::default()).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

const HOURLY: Axis = Axis::Clock { start_s: 1_767_225_600, step_s: 3_600 };

#[test]
fn what_other_tools_write_is_read() {
    let expected: Vec<f64> = (0..48).map(|hour| f64::from(hour) + 0.5).collect();
    for sample in ["zstd_groups", "gzip_epoch_ms_f32", "lz4_text_decimal", "plain_wall_clock"] {
        let series = only(sample);
        assert_eq!((series.axis, &series.values), (HOURLY, &expected), "{sample}");
    }
    assert_eq!(only("zstd_groups").notes, ["interpolated 1 of 48 points"]);
    let steps = only("steps");
    assert_eq!((steps.axis, steps.values[47]), (Axis::Steps { start: 0, step: 1 }, 95.0));
}

#[test]
fn days_may_come_twice_and_in_any_order() {
    let days = only("days");
    assert_eq!(days.values, [2.0, 3.0, 5.0]);
    assert_eq!(days.notes.len(), 2, "{:?}", days.notes);
}

#[test]
fn series_take_turns() {
    let all = load("two_series", &Reading::default()).unwrap();
    let expected: Vec<f64> = (0..48).map(f64::from).collect();
    assert_eq!(all.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["even", "odd"]);
    assert!(all.iter().all(|s| s.axis == HOURLY && s.values == expected));
    let columns = Columns { series: Some("odd".into()), value: Some("value".into()), ..Columns::default() };
    let by_number = load("two_series", &Reading { columns, ..Reading::default() }).unwrap();
    assert_eq!(by_number[1].id, "1");
}

#[test]
fn rows_are_aggregated() {
    let of = |aggregate| {
        let reading = Reading { step: Some(Step::Seconds(12 * 3_600)), aggregate, ..Reading::default() };
        load("plain_wall_clock", &reading).unwrap().remove(0).values
    };
    assert_eq!(of(Aggregate::Mean), [6.0, 18.0, 30.0, 42.0]);
    assert_eq!(of(Aggregate::Count), [12.0; 4]);
}

#[test]
fn a_wall_clock_has_a_zone() {
    let reading = Reading { zone: Some(Zone::parse("Europe/Berlin").unwrap()), ..Reading::default() };
    let local = load("plain_wall_clock", &reading).unwrap().remove(0);
    assert_eq!(local.axis.time(0).to_string(), "2025-12-31T23:00:00Z");
    assert_eq!(load("zstd_groups", &reading).unwrap()[0].axis, HOURLY);
}

#[test]
fn mistakes_are_named() {
    let message = |sample| load(sample, &Reading::default()).unwrap_err().to_string();
    assert_eq!(
        message("infinite"),
        "d.parquet: row 31: `inf` in column `value` is not a number; leave it empty where nothing was measured"
    );
    assert!(message("texts").starts_with("d.parquet: row 21: `many` in column `value` is not a number"));
    assert_eq!(message("lists"), "d.parquet: column `value` holds no numbers; name another with --value");
    assert_eq!(message("empty"), "d.parquet: there are no rows; give a file with times and values");
    assert!(message("times_missing").starts_with("d.parquet: row 10: `` in column `time` is not a time"));
    assert!(message("mixed_times").starts_with("d.parquet: row 10: "), "{}", message("mixed_times"));
    let columns = Columns { value: Some("valeu".into()), ..Columns::default() };
    let wrong = load("texts", &Reading { columns, ..Reading::default() }).unwrap_err();
    assert!(wrong.to_string().contains("did you mean `value`?"), "{wrong}");
}

/// A row group may be too large for one frame.
#[test]
fn a_part_of_a_row_group_is_that_part() {
    for sample in ["zstd_groups", "lz4_text_decimal", "steps", "two_series"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("src/ingest/parquet/samples/{sample}.parquet"));
        let (file, reading) = (File::open(path).unwrap(), Reading::default());
        let table = Table::open(&file, "d.parquet", &reading).unwrap();
        for piece in table.pieces().into_iter().filter(|piece| piece.rows.len() > 7) {
            let part = Piece { rows: 3..piece.rows.len() - 2, ..piece.clone() };
            let whole = table.frame(&piece, &table.columns()).unwrap();
            let expected = whole.slice(3, part.rows.len());
            assert!(table.frame(&part, &table.columns()).unwrap().equals_missing(&expected), "{sample}");
        }
    }
}

/// Cut anywhere, as a copy that broke off is, a file is refused.
#[test]
fn no_part_is_a_whole() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ingest/parquet/samples/two_series.parquet");
    let whole = std::fs::read(sample).unwrap();
    let path = std::env::temp_dir().join(format!("loadline-cut-{}.parquet", std::process::id()));
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error =
            read_parquet(&File::open(&path).unwrap(), "d.parquet", &Reading::default(), 1).unwrap_err();
        assert!(error.to_string().starts_with("d.parquet: "), "{error}");
    }
    std::fs::remove_file(path).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// Bytes that a disk or a network has changed: an answer or one clear error, and the program lives on.
    #[test]
    fn damage_is_survived(
        sample in 0..SAMPLES.len(), damage in prop::collection::vec((0.0..1.0, 1u8..), 1..4),
    ) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("src/ingest/parquet/samples/{}.parquet", SAMPLES[sample]));
        let mut bytes = std::fs::read(path).unwrap();
        for (place, mask) in damage {
            let at = (place * bytes.len() as f64) as usize;
            bytes[at] ^= mask;
        }
        let path = std::env::temp_dir().join(format!("loadline-damaged-{}.parquet", std::process::id()));
        std::fs::write(&path, &bytes).unwrap();
        let read = read_parquet(&File::open(&path).unwrap(), "d.parquet", &Reading::default(), 2);
        if let Err(error) = read {
            prop_assert!(error.to_string().starts_with("d.parquet: "), "{error}");
        }
    }
}

const SAMPLES: [&str; 8] = [
    "zstd_groups",
    "gzip_epoch_ms_f32",
    "lz4_text_decimal",
    "plain_wall_clock",
    "steps",
    "days",
    "two_series",
    "texts",
];
