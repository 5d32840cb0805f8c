//! What is recorded is what comes out, however it is spread over workers and seconds.

use std::sync::mpsc::{channel, sync_channel};
use std::time::Duration;

use loadline_generator::clock::SECOND;
use loadline_generator::collect::Collector;
use loadline_generator::exchange::ErrorClass;
use loadline_generator::recorder::{Ended, Gauges, Recorder};
use loadline_model::recording::{Durations, Second};
use proptest::prelude::*;

/// A request that ends so long after the one before on the same worker.
#[derive(Debug, Clone)]
struct Event {
    worker: u32,
    after_ms: u64,
    ended: Ended,
}

fn an_event() -> impl Strategy<Value = Event> {
    let times = (0u64..5_000_000, 0u64..5_000_000, 0u64..10_000);
    (0u32..3, 0u64..1500, 0usize..2, any::<bool>(), times, 0usize..28, 0u64..1000).prop_map(
        |(worker, after_ms, name, warmup, (response, service, delay), class, bytes)| Event {
            worker,
            after_ms,
            ended: Ended {
                name,
                warmup,
                response: Duration::from_micros(response),
                service: Duration::from_micros(service),
                delay: Duration::from_micros(delay),
                error: ErrorClass::ALL.get(class).copied(),
                bytes_received: bytes,
                bytes_sent: bytes / 2,
            },
        },
    )
}

/// Plays events on three workers, with a channel of `room` seconds, and gives what comes out.
fn play(events: &[Event], room: usize) -> Vec<Second> {
    let (out, seconds) = sync_channel(room);
    let mut collector = Collector::new(vec!["a".into(), "b".into()], 3);
    let mut collected = Vec::new();
    let mut take = |collector: &mut Collector, second| {
        collector.push(second);
        collected.extend(std::iter::from_fn(|| collector.pop(|| None)));
    };
    for worker in 0..3 {
        let (_spare, spare) = channel();
        let (mut recorder, mut now) = (Recorder::new(worker, 2, out.clone(), spare), 0);
        for event in events.iter().filter(|event| event.worker == worker) {
            now += event.after_ms * SECOND / 1000;
            if recorder.is_due(now) {
                recorder.hand_over(now, Gauges::default());
            }
            recorder.record(&event.ended);
            recorder.flows(event.ended.warmup).started += 1;
        }
        // A full channel holds a second back: now there is room for the last.
        while let Ok(second) = seconds.try_recv() {
            take(&mut collector, second);
        }
        recorder.finish(Gauges::default());
        while let Ok(second) = seconds.try_recv() {
            take(&mut collector, second);
        }
    }
    assert!(collector.is_done());
    collected
}

/// The sums of one name, for the measured part or warm-up.
fn sums(seconds: &[Second], name: &str, warmup: bool) -> (u64, u64, u64, Durations) {
    let mut sums = (0, 0, 0, Durations::empty());
    let requests = seconds.iter().flat_map(|second| &second.requests);
    for request in requests.filter(|r| r.counts.request == name && r.counts.warmup == warmup) {
        sums.0 += request.counts.requests;
        sums.1 += request.counts.errors.values().sum::<u64>();
        sums.2 += request.counts.bytes_received + request.counts.bytes_sent;
        sums.3.add(&request.durations);
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Law: no request is lost or counted twice, even where the receiver has room for one second only.
    #[test]
    fn nothing_is_lost_between_recorder_and_second(
        events in prop::collection::vec(an_event(), 0..60), room in 1usize..70,
    ) {
        let seconds = play(&events, room);
        prop_assert!(seconds.is_sorted_by(|a, b| a.second < b.second), "each second comes once, in order");
        for (index, name) in ["a", "b"].into_iter().enumerate() {
            for warmup in [false, true] {
                let of = |event: &&Event| event.ended.name == index && event.ended.warmup == warmup;
                let own: Vec<Ended> = events.iter().filter(of).map(|event| event.ended).collect();
                let mut expected = Durations::empty();
                for ended in &own {
                    let record = loadline_model::histogram::record;
                    record(&mut expected.response, ended.response);
                    record(&mut expected.service, ended.service);
                    record(&mut expected.delay, ended.delay);
                    if ended.error.is_none() {
                        record(&mut expected.response_ok, ended.response);
                    }
                }
                let failed = own.iter().filter(|ended| ended.error.is_some()).count() as u64;
                let bytes = own.iter().map(|ended| ended.bytes_received + ended.bytes_sent).sum();
                // Histograms are too long to be shown.
                prop_assert!(sums(&seconds, name, warmup) == (own.len() as u64, failed, bytes, expected));
            }
        }
        let started: u64 = seconds.iter().flat_map(|second| &second.generator).map(|line| line.started).sum();
        prop_assert_eq!(started, events.len() as u64);
    }
}
