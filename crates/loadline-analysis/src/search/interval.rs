//! One second of a step, as small as it can be kept.

use loadline_model::histogram::{self, Histogram};
use loadline_model::recording::{RequestSecond, Second};
use loadline_model::slo::Timing;

/// Durations as `(µs, how often)`, ascending: a second holds far fewer different ones than a histogram has room for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values(Vec<(u64, u64)>);

impl From<&Histogram> for Values {
    fn from(histogram: &Histogram) -> Self {
        let recorded = histogram.iter_recorded();
        Values(recorded.map(|v| (v.value_iterated_to(), v.count_at_value())).collect())
    }
}

impl FromIterator<(u64, u64)> for Values {
    /// In any order.
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(values: I) -> Self {
        Values::merged([&Values(values.into_iter().collect())])
    }
}

impl Values {
    /// All of these together.
    pub fn merged<'a>(parts: impl IntoIterator<Item = &'a Values>) -> Values {
        let mut all: Vec<(u64, u64)> = parts.into_iter().flat_map(|part| part.0.iter().copied()).collect();
        all.sort_unstable();
        all.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 += if same { next.1 } else { 0 };
            same
        });
        Values(all)
    }

    /// The same as a histogram.
    pub fn to_histogram(&self) -> Histogram {
        let mut all = histogram::new();
        self.0.iter().for_each(|(us, count)| histogram::record_n(&mut all, *us, *count));
        all
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|value| value.1).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many are longer than this, in µs.
    pub fn beyond(&self, us: f64) -> u64 {
        let from = self.0.partition_point(|value| value.0 as f64 <= us);
        self.0[from..].iter().map(|value| value.1).sum()
    }

    /// The least value that is not exceeded by this share of them, in µs; 0 without any.
    pub fn quantile(&self, q: f64) -> u64 {
        let wanted = (q * self.len() as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let reached = |value: &&(u64, u64)| {
            seen += value.1;
            seen >= wanted
        };
        self.0.iter().find(reached).or(self.0.last()).map_or(0, |value| value.0)
    }

    /// The longest, in µs; 0 without any.
    pub fn max(&self) -> u64 {
        self.0.last().map_or(0, |value| value.0)
    }

    /// The sum, in µs.
    pub fn sum(&self) -> f64 {
        self.0.iter().map(|value| value.0 as f64 * value.1 as f64).sum()
    }

    /// The sum of squares, in µs².
    pub fn sum_of_squares(&self) -> f64 {
        self.0.iter().map(|value| (value.0 as f64).powi(2) * value.1 as f64).sum()
    }
}

/// The requests of one name, or all of them, in one interval.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Intended → done.
    pub response: Values,
    /// Sent → done.
    pub service: Values,
    /// Requests that ended.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
}

impl Group {
    fn of<'a>(requests: impl Iterator<Item = &'a RequestSecond> + Clone) -> Group {
        let durations = || requests.clone().map(|r| &r.durations);
        Group {
            response: Values::merged(
                durations().map(|d| Values::from(&d.response)).collect::<Vec<_>>().iter(),
            ),
            service: Values::merged(durations().map(|d| Values::from(&d.service)).collect::<Vec<_>>().iter()),
            requests: requests.clone().map(|r| r.counts.requests).sum(),
            failed: requests.clone().flat_map(|r| r.counts.errors.values()).sum(),
        }
    }

    /// Their durations.
    pub fn values(&self, timing: Timing) -> &Values {
        match timing {
            Timing::Response => &self.response,
            Timing::Service => &self.service,
        }
    }

    fn add(&mut self, later: &Group) {
        self.response = Values::merged([&self.response, &later.response]);
        self.service = Values::merged([&self.service, &later.service]);
        self.requests += later.requests;
        self.failed += later.failed;
    }
}

/// One second of a step. The last one also holds the requests that came in within the step and ended after it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Interval {
    /// All requests, then those of each name that an objective is about.
    pub groups: Vec<Group>,
    /// Arrivals that fell due.
    pub offered: u64,
    /// Flows completed.
    pub completed: u64,
    /// Flows completed without error.
    pub completed_ok: u64,
    /// Requests on their way and arrivals waiting, at its end.
    pub backlog: u64,
}

impl Interval {
    /// From a second as it was recorded; `names` are those that objectives are about.
    pub(super) fn of(second: &Second, names: &[String]) -> Interval {
        let count = |field: fn(&loadline_model::recording::GeneratorSecond) -> u64| {
            second.generator.iter().map(field).sum::<u64>()
        };
        let named = |name: &String| {
            let name = name.clone();
            Group::of(second.requests.iter().filter(move |r| r.counts.request == name))
        };
        let all = Group::of(second.requests.iter());
        Interval {
            groups: std::iter::once(all).chain(names.iter().map(named)).collect(),
            offered: count(|g| g.offered),
            completed: count(|g| g.completed),
            completed_ok: count(|g| g.completed_ok),
            backlog: second.generator.last().map_or(0, |g| g.in_flight + g.waiting),
        }
    }

    /// A second in which nothing ended.
    pub(super) fn default_for(names: &[String]) -> Interval {
        Interval { groups: vec![Group::default(); names.len() + 1], ..Interval::default() }
    }

    /// Takes the requests that ended after the step. Flows are left out: they would count as throughput.
    pub(super) fn add_late(&mut self, late: &Interval) {
        self.groups.iter_mut().zip(&late.groups).for_each(|(group, late)| group.add(late));
    }
}
