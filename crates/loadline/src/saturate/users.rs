//! Rates of a search for users: how many requests a second so many users make.

use loadline_analysis::search::Judged;
use loadline_model::fit::Interval;

use super::pilot::Leg;

/// The throughput of steps against their users, in straight lines.
#[derive(Debug, Clone)]
pub(super) struct Rates(Vec<Rate>);

/// What so many users make, with half the width of its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rate {
    users: f64,
    per_s: f64,
    half: f64,
}

impl Rates {
    /// Of all steps but those that the generator spoiled.
    pub(super) fn of(legs: &[Leg]) -> Rates {
        let used = legs.iter().map(|leg| &leg.judged).filter(|judged| !judged.step.generator_limited);
        let rate = |judged: &Judged| {
            let (low, high) = judged.achieved_interval_per_s.unwrap_or_default();
            Some(Rate { users: judged.step.load, per_s: judged.achieved_per_s?, half: 0.5 * (high - low) })
        };
        Rates::through(used.filter_map(rate).collect())
    }

    /// Steps with as many users are one point: their mean.
    fn through(mut steps: Vec<Rate>) -> Rates {
        steps.sort_by(|a, b| a.users.total_cmp(&b.users));
        let mean = |same: &[Rate]| {
            let count = same.len() as f64;
            let per_s = same.iter().map(|rate| rate.per_s).sum::<f64>() / count;
            let half = same.iter().map(|rate| rate.half.powi(2)).sum::<f64>().sqrt() / count;
            Rate { users: same[0].users, per_s, half }
        };
        Rates(steps.chunk_by(|a, b| a.users == b.users).map(mean).collect())
    }

    fn at(&self, users: f64) -> Option<Rate> {
        let last = self.0.last()?;
        let above = self.0.iter().position(|rate| rate.users >= users);
        Some(match above {
            None => Rate { users, ..*last },
            Some(0) => {
                let (share, first) = (users / self.0[0].users, self.0[0]);
                Rate { users, per_s: first.per_s * share, half: first.half * share }
            }
            Some(k) => {
                let (below, above) = (self.0[k - 1], self.0[k]);
                let share = (users - below.users) / (above.users - below.users);
                Rate {
                    users,
                    per_s: below.per_s + (above.per_s - below.per_s) * share,
                    half: (below.half * (1.0 - share)).hypot(above.half * share),
                }
            }
        })
    }

    /// What so many users make.
    pub(super) fn per_s(&self, users: f64) -> Option<f64> {
        self.at(users).map(|rate| rate.per_s)
    }

    /// What an interval of users makes: how uncertain their number is and how uncertain the rate of so many is, as independent
    /// errors. Where more users get no more done the second is all.
    pub(super) fn interval(&self, users: Option<f64>, (low, high): Interval) -> Option<Interval> {
        let (low, high) = (self.at(low)?, high.and_then(|high| self.at(high)));
        let middle = users.and_then(|users| self.at(users)).unwrap_or(low);
        // More users may also get less done: either end may be on either side.
        let reach = |side: f64| {
            let beyond = |end: &Rate| {
                let apart = side * (end.per_s - middle.per_s);
                (apart > 0.0).then(|| apart.hypot(end.half))
            };
            [Some(low), high].iter().flatten().filter_map(beyond).fold(middle.half, f64::max)
        };
        Some(((middle.per_s - reach(-1.0)).max(0.0), high.map(|_| middle.per_s + reach(1.0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(steps: &[(f64, f64, f64)]) -> Rates {
        Rates::through(steps.iter().map(|&(users, per_s, half)| Rate { users, per_s, half }).collect())
    }

    /// A pool of 20 connections that take 10 ms: 2,000/s from 20 users on, measured within 1 %.
    #[test]
    fn where_more_users_get_no_more_done_the_rate_is_as_uncertain_as_it_was_measured() {
        let rates = rates(&[
            (10.0, 1_000.0, 10.0),
            (40.0, 2_012.0, 20.0),
            (40.0, 2_012.0, 20.0),
            (60.0, 2_010.0, 20.0),
        ]);
        let (low, high) = rates.interval(Some(50.0), (40.0, Some(60.0))).unwrap();
        let high = high.unwrap();
        assert!(low < 2_000.0 && low > 1_980.0 && high > 2_020.0 && high < 2_040.0, "{low} {high}");
    }

    /// As far as throughput grows with users, the interval is that of their number.
    #[test]
    fn where_users_make_the_rate_their_interval_is_its_interval() {
        let rates = rates(&[(10.0, 100.0, 0.1), (30.0, 300.0, 0.1)]);
        let (low, high) = rates.interval(Some(20.0), (18.0, Some(22.0))).unwrap();
        assert!((low - 180.0).abs() < 0.1 && (high.unwrap() - 220.0).abs() < 0.1, "{low} {high:?}");
        assert_eq!(rates.per_s(5.0), Some(50.0));
        assert_eq!(rates.interval(None, (30.0, None)).map(|ends| ends.1), Some(None));
    }
}
