//! Seconds gathered into a bounded number of time buckets, by merging histograms.

use std::collections::BTreeMap;

use loadline_model::histogram::{self, Histogram};
use loadline_model::recording::Second;

/// The most buckets kept: past it, neighbours are merged and every bucket is twice as long.
pub(crate) const BUCKETS_MAX: usize = 600;

/// A histogram as its recorded values alone: a full one takes 184 KiB, and there are hundreds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sparse(Vec<(u64, u64)>);

impl Sparse {
    fn add(&mut self, values: impl IntoIterator<Item = (u64, u64)>) {
        let mut merged = Vec::with_capacity(self.0.len());
        let mut ours = std::mem::take(&mut self.0).into_iter().peekable();
        for (value, count) in values {
            while let Some(own) = ours.next_if(|own| own.0 < value) {
                merged.push(own);
            }
            let same = ours.next_if(|own| own.0 == value).map_or(0, |own| own.1);
            merged.push((value, count + same));
        }
        merged.extend(ours);
        self.0 = merged;
    }

    /// Adds all samples of a histogram of the model's bounds.
    pub(crate) fn add_histogram(&mut self, h: &Histogram) {
        self.add(h.iter_recorded().map(|v| (v.value_iterated_to(), v.count_since_last_iteration())));
    }

    /// Values in microseconds with their counts, ascending.
    pub(crate) fn values(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// Fills `into` anew: every value falls into the slot it came from, so nothing is lost.
    pub(crate) fn write_to(&self, into: &mut Histogram) {
        into.reset();
        for (value, count) in &self.0 {
            histogram::record_n(into, *value, *count);
        }
    }
}

/// What happened in one stretch of time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bucket {
    /// Seconds of it that were measured.
    pub(crate) seconds: u64,
    pub(crate) response: Sparse,
    pub(crate) requests: u64,
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) offered: u64,
    pub(crate) started: u64,
    pub(crate) completed_ok: u64,
    /// The largest at the end of a second.
    pub(crate) in_flight: u64,
    /// The largest at the end of a second.
    pub(crate) waiting: u64,
    /// The largest of a second.
    pub(crate) cpu: Option<f64>,
}

impl Bucket {
    fn add_second(&mut self, second: &Second) {
        self.seconds += 1;
        for request in &second.requests {
            self.response.add_histogram(&request.durations.response);
            self.requests += request.counts.requests;
            for (class, count) in &request.counts.errors {
                *self.errors.entry(class.clone()).or_default() += count;
            }
        }
        let most = |of: fn(&loadline_model::recording::GeneratorSecond) -> u64| {
            second.generator.iter().map(of).max().unwrap_or(0)
        };
        self.in_flight = self.in_flight.max(most(|g| g.in_flight));
        self.waiting = self.waiting.max(most(|g| g.waiting));
        for g in &second.generator {
            self.offered += g.offered;
            self.started += g.started;
            self.completed_ok += g.completed_ok;
            self.cpu = larger(self.cpu, g.cpu);
        }
    }

    fn add_bucket(&mut self, other: Bucket) {
        self.seconds += other.seconds;
        self.response.add(other.response.0);
        self.requests += other.requests;
        for (class, count) in other.errors {
            *self.errors.entry(class).or_default() += count;
        }
        self.offered += other.offered;
        self.started += other.started;
        self.completed_ok += other.completed_ok;
        self.in_flight = self.in_flight.max(other.in_flight);
        self.waiting = self.waiting.max(other.waiting);
        self.cpu = larger(self.cpu, other.cpu);
    }
}

fn larger(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::max)
}

/// Buckets of equal length, from the start of the run.
#[derive(Debug, Clone)]
pub(crate) struct Buckets {
    /// Seconds in each.
    pub(crate) width_s: u64,
    pub(crate) list: Vec<Bucket>,
}

impl Buckets {
    pub(crate) fn new() -> Self {
        Buckets { width_s: 1, list: Vec::new() }
    }

    pub(crate) fn push(&mut self, second: &Second) {
        while second.second / self.width_s >= BUCKETS_MAX as u64 {
            self.list = merged(std::mem::take(&mut self.list), 2);
            self.width_s *= 2;
        }
        let at = (second.second / self.width_s) as usize;
        if at >= self.list.len() {
            self.list.resize_with(at + 1, Bucket::default);
        }
        self.list[at].add_second(second);
    }
}

/// Every `each` neighbours merged into one.
pub(crate) fn merged(list: Vec<Bucket>, each: usize) -> Vec<Bucket> {
    let mut out: Vec<Bucket> = Vec::with_capacity(list.len() / each + 1);
    for (at, bucket) in list.into_iter().enumerate() {
        match out.last_mut() {
            Some(last) if at % each > 0 => last.add_bucket(bucket),
            _ => out.push(bucket),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use loadline_model::recording::{Durations, GeneratorSecond, RequestCounts, RequestSecond};
    use proptest::prelude::*;

    use super::*;

    fn second(at: u64, values: &[u64]) -> Second {
        let mut durations = Durations { response: histogram::new(), ..Durations::empty() };
        values.iter().for_each(|v| durations.response.record(*v).unwrap());
        let counts = RequestCounts { requests: values.len() as u64, ..RequestCounts::default() };
        Second {
            second: at,
            generator: vec![GeneratorSecond { offered: 1, ..GeneratorSecond::default() }],
            requests: vec![RequestSecond { counts, durations }],
        }
    }

    proptest! {
        /// However the seconds are bucketed, a bucket's quantiles are those of the merged histogram.
        #[test]
        fn a_bucket_has_the_quantiles_of_its_merged_histogram(
            parts in prop::collection::vec(prop::collection::vec(1u64..3_600_000_000, 0..40), 1..6)
        ) {
            let mut truth = histogram::new();
            let mut bucket = Bucket::default();
            for (at, values) in parts.iter().enumerate() {
                let second = second(at as u64, values);
                truth.add(&second.requests[0].durations.response).unwrap();
                let mut one = Bucket::default();
                one.add_second(&second);
                bucket.add_bucket(one);
            }
            let mut found = histogram::new();
            bucket.response.write_to(&mut found);
            prop_assert_eq!(found.len(), truth.len());
            for q in [0.5, 0.9, 0.99, 0.999, 1.0] {
                prop_assert_eq!(found.value_at_quantile(q), truth.value_at_quantile(q));
            }
            prop_assert_eq!(found.max(), truth.max());
        }
    }

    #[test]
    fn a_day_is_bounded_and_loses_nothing() {
        let mut buckets = Buckets::new();
        for at in 0..5_000 {
            buckets.push(&second(at, &[at + 1]));
        }
        assert_eq!(buckets.width_s, 16);
        assert_eq!(buckets.list.len(), 313);
        assert_eq!(buckets.list.iter().map(|b| b.requests).sum::<u64>(), 5_000);
        assert_eq!(buckets.list.iter().map(|b| b.offered).sum::<u64>(), 5_000);
        assert_eq!(buckets.list[1].seconds, 16);
    }

    #[test]
    fn a_second_far_away_takes_no_memory() {
        let mut buckets = Buckets::new();
        buckets.push(&second(u64::MAX / 2, &[1]));
        assert!(buckets.list.len() <= BUCKETS_MAX);
    }
}
