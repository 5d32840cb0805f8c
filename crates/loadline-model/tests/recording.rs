//! The recording codec: what is written is read back, and what a killed process leaves is read as far as it goes.

use std::io::{self, Write};
use std::time::Duration;

use loadline_model::histogram;
use loadline_model::recording::{
    Durations, GeneratorSecond, Reader, RequestCounts, RequestSecond, Second, Writer,
};
use proptest::prelude::*;

fn durations(ok: &[u64], failed: &[u64]) -> Durations {
    let mut durations = Durations::empty();
    let record = |histogram: &mut histogram::Histogram, us: u64| {
        histogram::record(histogram, Duration::from_micros(us))
    };
    for &us in ok.iter().chain(failed) {
        record(&mut durations.response, us);
        record(&mut durations.service, us / 2);
        record(&mut durations.delay, us % 7);
    }
    ok.iter().for_each(|&us| record(&mut durations.response_ok, us));
    durations
}

fn a_request() -> impl Strategy<Value = RequestSecond> {
    let times = || prop::collection::vec(1u64..4_000_000_000, 0..6);
    ("\\PC{0,8}|[, :%\n\t\"#]{1,4}", any::<bool>(), times(), times(), any::<u32>()).prop_map(
        |(request, warmup, ok, failed, bytes)| RequestSecond {
            counts: RequestCounts {
                request,
                warmup,
                requests: (ok.len() + failed.len()) as u64,
                errors: (!failed.is_empty())
                    .then(|| ("status_5xx".to_owned(), failed.len() as u64))
                    .into_iter()
                    .collect(),
                bytes_received: bytes.into(),
                in_flight: u64::from(bytes % 3),
                oldest_in_flight_ms: (bytes % 3 > 0).then(|| f64::from(bytes) / 8.0),
                ..Default::default()
            },
            durations: durations(&ok, &failed),
        },
    )
}

fn a_second() -> impl Strategy<Value = Second> {
    let requests = prop::collection::vec(a_request(), 0..4);
    (requests, 0u64..1000, prop::option::of(0u32..64)).prop_map(|(mut requests, offered, cpu)| {
        requests.sort_by_key(|r| (r.counts.request.clone(), r.counts.warmup));
        requests.dedup_by_key(|r| (r.counts.request.clone(), r.counts.warmup));
        let cpu = cpu.map(|cpu| f64::from(cpu) / 64.0);
        let generator = vec![GeneratorSecond { offered, started: offered, cpu, ..Default::default() }];
        Second { second: 0, generator, requests }
    })
}

/// Seconds with gaps between them.
fn seconds() -> impl Strategy<Value = Vec<Second>> {
    prop::collection::vec((a_second(), 1u64..3), 0..6).prop_map(|seconds| {
        let mut at = 0;
        let number = |(second, gap): (Second, u64)| {
            at += gap;
            Second { second: at, ..second }
        };
        seconds.into_iter().map(number).collect()
    })
}

/// The two files.
fn files(seconds: &[Second]) -> (Vec<u8>, Vec<u8>) {
    let (mut intervals, mut log) = (Vec::new(), Vec::new());
    let mut writer = Writer::begin(&mut intervals, &mut log, 1.5, "now").expect("memory");
    seconds.iter().for_each(|second| writer.write(second).expect("memory"));
    (intervals, log)
}

/// The two files, and their lengths before the first and after each second.
fn written(seconds: &[Second]) -> (Vec<u8>, Vec<u8>, Vec<(usize, usize)>) {
    let (intervals, log) = files(seconds);
    let length = |upto: usize| {
        let (intervals, log) = files(&seconds[..upto]);
        (intervals.len(), log.len())
    };
    (intervals, log, (0..=seconds.len()).map(length).collect())
}

fn read(intervals: &[u8], log: &[u8]) -> Vec<Second> {
    Reader::new(intervals, log).collect::<Result<_, _>>().expect("a recording that was cut is no error")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Law: read ∘ write = identity, for any name, time and gap.
    #[test]
    fn what_is_written_is_read_back(seconds in seconds()) {
        let (intervals, log) = files(&seconds);
        prop_assert!(read(&intervals, &log) == seconds);
    }

    /// Law: arbitrary bytes are an error or a recording, never a panic.
    #[test]
    fn nothing_panics(mut intervals: Vec<u8>, mut log: Vec<u8>, seconds in seconds(), at: prop::sample::Index, byte: u8) {
        Reader::new(&*intervals, &*log).for_each(drop);
        (intervals, log) = files(&seconds);
        for file in [&mut intervals, &mut log].into_iter().filter(|file| !file.is_empty()) {
            let at = at.index(file.len());
            file[at] = byte;
        }
        Reader::new(&*intervals, &*log).for_each(drop);
    }
}

/// Three seconds; in the last a request failed, and one has a name that has to be encoded.
fn three() -> Vec<Second> {
    let request = |name: &str, failed: &[u64]| RequestSecond {
        counts: RequestCounts {
            request: name.into(),
            requests: 3 + failed.len() as u64,
            errors: (!failed.is_empty())
                .then(|| ("reset".to_owned(), failed.len() as u64))
                .into_iter()
                .collect(),
            ..Default::default()
        },
        durations: durations(&[900, 1500, 3_000_000], failed),
    };
    let second = |second, requests| Second { second, generator: vec![GeneratorSecond::default()], requests };
    vec![
        second(0, vec![request("list", &[])]),
        second(1, vec![request("list", &[]), request("two\nlines, größe", &[])]),
        second(2, vec![request("list", &[777]), request("two\nlines, größe", &[])]),
    ]
}

/// A process is killed while it writes: the log is cut at any byte of a second's rows, or the counts at any byte of
/// its lines. All seconds before are there, to the last count.
#[test]
fn a_recording_that_was_cut_at_any_byte_is_read_up_to_there() {
    let seconds = three();
    let (intervals, log, ends) = written(&seconds);
    for (n, pair) in ends.windows(2).enumerate() {
        let ((intervals_before, log_before), (intervals_after, log_after)) = (pair[0], pair[1]);
        for cut in log_before..=log_after {
            assert!(read(&intervals[..intervals_before], &log[..cut]) == seconds[..n], "log cut at {cut}");
        }
        for cut in intervals_before..intervals_after {
            assert!(read(&intervals[..cut], &log[..log_after]) == seconds[..n], "counts cut at {cut}");
        }
    }
    assert!(read(&intervals, &log) == seconds);
    // A disk that kept the counts and lost the end of the log: that second is left out, not invented.
    let (_, log_before_last) = ends[2];
    for cut in log_before_last..log.len() {
        assert!(read(&intervals, &log[..cut]) == seconds[..2], "log cut at {cut}");
    }
}

/// Damage in the middle is an error that names file and line, for it is no end.
#[test]
fn damage_in_the_middle_is_told() {
    let (intervals, log) = files(&three());
    let error = |intervals: &[u8], log: &[u8]| {
        let result: Result<Vec<Second>, _> = Reader::new(intervals, log).collect();
        result.expect_err("it is damaged").to_string()
    };
    let line = intervals.iter().position(|byte| *byte == b'\n').expect("lines") + 1;
    let mut spoilt = intervals.clone();
    spoilt[line] = b'!';
    assert!(error(&spoilt, &log).starts_with("intervals.ndjson line 2: "), "{}", error(&spoilt, &log));
    let payload = log.windows(4).position(|four| four == b"HIST").expect("a payload");
    let mut spoilt = log.clone();
    spoilt[payload] = b'!';
    assert!(
        error(&intervals, &spoilt).starts_with("latency.hlog line 6: "),
        "{}",
        error(&intervals, &spoilt)
    );
    let first_row = log.windows(4).position(|four| four == b"Tag=").expect("a row");
    let mut missing = log.clone();
    missing.drain(
        first_row..first_row + log[first_row..].iter().position(|byte| *byte == b'\n').expect("lines") + 1,
    );
    assert!(error(&intervals, &missing).contains("does not agree with latency.hlog"));
}

/// A full disk is the writer's error, and what was written before is there.
#[test]
fn a_full_disk_is_an_error() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut writer = Writer::begin(Full, Vec::new(), 0.0, "now").expect("the head goes into the log");
    assert_eq!(writer.write(&three()[0]).expect_err("full").kind(), io::ErrorKind::StorageFull);
}
