//! What happens to each request, decided at the instant at which it arrives. No clock, no sockets.

use super::config::{ServeConfig, StallFrom};
use super::distribution::{Random, ServiceTime};
use super::queue::{Admission, Queue};

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// As it should.
    Answer,
    /// 500.
    Error,
    /// A good status and a wrong body.
    CheckFailure,
    /// The connection is reset.
    Reset,
    /// 503, for want of room in the queue.
    Full,
}

/// One request's visit to the service. Instants are nanoseconds on the clock of [`Model::arrive`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// When the answer is due.
    pub due: u64,
    /// How long a worker is busy with it (0 if it was turned away).
    pub service: u64,
    /// What the answer is.
    pub fate: Fate,
}

/// The queue with its service times, faults and stalls.
#[derive(Clone, Debug)]
pub struct Model {
    queue: Queue,
    random: Random,
    service: ServiceTime,
    /// Upper ends of the shares of resets, errors and check failures on [0, 1).
    fates: [(f64, Fate); 3],
    /// Spans from `stalls_from` on: ascending (from, length).
    stalls: Vec<(u64, u64)>,
    stalls_from: Option<u64>,
    first: Option<u64>,
}

impl Model {
    /// The model of a configuration, for a service that starts at `now`.
    pub fn new(config: &ServeConfig, now: u64) -> Self {
        let nanos = |s: f64| (s * 1e9).round() as u64;
        let mut stalls: Vec<_> = config.stalls.iter().map(|s| (nanos(s.from_s), nanos(s.length_s))).collect();
        stalls.sort_unstable();
        let resets = config.reset_share;
        let errors = resets + config.error_share;
        let failures = errors + config.check_failure_share;
        Self {
            queue: Queue::new(config.workers, config.queue),
            random: Random::new(config.seed),
            service: config.service,
            fates: [(resets, Fate::Reset), (errors, Fate::Error), (failures, Fate::CheckFailure)],
            stalls,
            stalls_from: (config.stall_from == StallFrom::Start).then_some(now),
            first: None,
        }
    }

    /// Admits a request or turns it away.
    ///
    /// Every arrival takes three random numbers, whatever becomes of it: what is drawn for the n-th arrival
    /// depends on the seed alone.
    pub fn arrive(&mut self, now: u64) -> Visit {
        self.first.get_or_insert(now);
        self.stalls_from.get_or_insert(now);
        let (lot, u, v) = (self.random.uniform(), self.random.uniform(), self.random.uniform());
        let service = self.service.at(u, v);
        match self.queue.arrive(now, service) {
            Admission::Full => Visit { due: self.release(now), service: 0, fate: Fate::Full },
            Admission::Admitted { end, .. } => {
                let fate =
                    self.fates.iter().find(|(bound, _)| lot < *bound).map_or(Fate::Answer, |(_, fate)| *fate);
                Visit { due: self.release(end), service, fate }
            }
        }
    }

    /// The instant at which what is due at `due` leaves: at once, or when the stall that it falls into ends.
    pub fn release(&self, due: u64) -> u64 {
        let from = self.stalls_from.unwrap_or(u64::MAX);
        self.stalls.iter().fold(due, |due, &(start, length)| {
            let start = from.saturating_add(start);
            let end = start.saturating_add(length);
            if (start..end).contains(&due) { end } else { due }
        })
    }

    /// The queue as of `now`.
    pub fn queue(&mut self, now: u64) -> &Queue {
        self.queue.advance(now);
        &self.queue
    }

    /// When the first request came.
    pub fn first(&self) -> Option<u64> {
        self.first
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::Stall;
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn what_is_due_in_a_stall_leaves_when_it_ends() {
        let stalls = vec![Stall { from_s: 3.0, length_s: 1.0 }, Stall { from_s: 1.0, length_s: 2.0 }];
        let config = ServeConfig { stalls, ..ServeConfig::default() };
        let mut model = Model::new(&config, 0);
        assert_eq!(model.arrive(10 * S).due, 10 * S);
        assert_eq!(model.arrive(11 * S - 1).due, 11 * S - 1);
        assert_eq!(model.arrive(11 * S).due, 14 * S, "the second stall begins as the first one ends");
        assert_eq!(model.arrive(14 * S).due, 14 * S);

        let mut model = Model::new(&ServeConfig { stall_from: StallFrom::Start, ..config }, 2 * S);
        assert_eq!(model.arrive(4 * S).due, 6 * S);
    }

    /// Counts of 10⁵ arrivals within five standard errors of the binomial law, and the same for the same seed.
    #[test]
    fn fates_have_their_shares_and_follow_the_seed() {
        let config = ServeConfig {
            error_share: 0.01,
            check_failure_share: 0.02,
            reset_share: 0.001,
            service: "exp:1ms".parse().unwrap(),
            seed: 7,
            ..ServeConfig::default()
        };
        let (mut model, mut twin, n) = (Model::new(&config, 0), Model::new(&config, 0), 100_000);
        let visits: Vec<_> = (0..n).map(|i| model.arrive(i * 1000)).collect();
        assert!((0..n).all(|i| twin.arrive(i * 1000) == visits[i as usize]));
        for (fate, share) in [(Fate::Error, 0.01), (Fate::CheckFailure, 0.02), (Fate::Reset, 0.001)] {
            let count = visits.iter().filter(|visit| visit.fate == fate).count() as f64;
            let (mean, error) = (share * n as f64, (share * (1.0 - share) * n as f64).sqrt());
            assert!((count - mean).abs() < 5.0 * error, "{fate:?}: {count}, expected {mean} ± {error}");
        }
    }
}
