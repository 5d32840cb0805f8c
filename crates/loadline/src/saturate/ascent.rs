//! The way up to the first breach: short steps in real time, where seconds count and not precision.

use loadline_analysis::search::{Search, Step};
use loadline_model::run::LoadModel;

/// Until an objective breaks, steps are as long as this many requests take, within these bounds in seconds: seconds
/// count there, not precision.
const ASCENT_REQUESTS: f64 = 60.0;
const ASCENT_S: (f64, f64) = (3.0, 6.0);
/// A score that rose by less than this since the least load is no sign of a limit yet.
const RISE: f64 = 0.25;

/// The next load of the way up, until an objective is surely broken, and down where none was kept yet, with the length
/// of its step in seconds. It goes by the largest factor allowed as long as load changes nothing. `None` once the
/// search itself has something to go by.
pub(super) fn ascent(search: &Search, model: LoadModel, steps: &[Step]) -> Option<(f64, f64)> {
    let spent: f64 = steps.iter().map(|step| step.took_s).sum();
    let hurried = |load| hurried(search, model, load);
    let Some(last) = steps.last() else { return Some(hurried(search.start)) };
    if last.generator_limited || spent >= search.time_s {
        return None;
    }
    let kept = || steps.iter().filter(|step| step.settled && step.score < 0.0);
    let broken = steps.iter().filter(|step| step.fails()).map(|step| step.load).reduce(f64::min);
    if let Some(broken) = broken {
        let lower = broken / (search.growth * search.growth);
        return (kept().next().is_none() && broken > search.least).then(|| hurried(lower));
    }
    let unsure = |pair: &[Step]| pair[0].load == pair[1].load && pair.iter().all(|step| step.score >= 0.0);
    if steps.windows(2).any(unsure) {
        return None;
    }
    if last.score >= 0.0 {
        // Not surely: a few slow requests among few. Once more for longer, then the search decides.
        let (load, duration_s) = hurried(last.load);
        return Some((load, 2.0 * duration_s));
    }
    if last.load >= search.most {
        return None;
    }
    let least = kept().map(|step| step.score).fold(f64::INFINITY, f64::min);
    let power = if last.settled && last.score < least + RISE { 1.0 } else { 0.5 };
    Some(hurried(last.load * search.growth.powf(power)))
}

/// A load within the bounds, and a short step at it.
fn hurried(search: &Search, model: LoadModel, load: f64) -> (f64, f64) {
    let load = load.clamp(search.least, search.most);
    let (shortest, longest) = ASCENT_S;
    let shortest = shortest.min(search.step_s);
    let length_s = if model == LoadModel::Open { ASCENT_REQUESTS / load } else { shortest };
    (load, length_s.clamp(shortest, longest))
}

#[cfg(test)]
mod tests {
    use loadline_analysis::search::figure::Events;

    use super::*;

    fn search() -> Search {
        Search {
            start: 10.0,
            least: 1.0,
            most: 1_000.0,
            growth: 2.0,
            precision: 0.05,
            confidence: 0.9,
            time_s: 600.0,
            step_s: 5.0,
            step_requests: 4_000.0,
        }
    }

    /// Loads of the way up against a service whose score is a function of the load.
    fn loads(score: impl Fn(f64) -> f64, error: f64) -> Vec<f64> {
        let (mut steps, mut loads) = (Vec::new(), Vec::new());
        while let Some((load, took_s)) = ascent(&search(), LoadModel::Open, &steps) {
            let score = score(load);
            steps.push(Step {
                load,
                took_s,
                score,
                error,
                events: Events::of_score(score, error),
                settled: true,
                generator_limited: false,
                confirming: false,
            });
            loads.push(load);
            assert!(loads.len() < 50, "{loads:?}");
        }
        loads
    }

    #[test]
    fn it_doubles_until_the_first_sure_breach() {
        assert_eq!(loads(|load| if load < 100.0 { -1.0 } else { 1.0 }, 0.1), [10.0, 20.0, 40.0, 80.0, 160.0]);
        // Where load shows, the steps are smaller.
        let nearing = loads(|load| (load / 100.0).ln().max(-1.0), 0.1);
        assert_eq!(nearing[..5], [10.0, 20.0, 40.0, 80.0, 80.0 * 2f64.sqrt()]);
    }

    #[test]
    fn it_goes_down_where_nothing_is_kept_and_ends_at_the_bounds() {
        assert_eq!(loads(|_| 1.0, 0.1), [10.0, 2.5, 1.0]);
        assert_eq!(loads(|_| -1.0, 0.1).last(), Some(&1_000.0));
    }

    #[test]
    fn what_is_unsure_is_driven_once_more() {
        assert_eq!(loads(|load| if load < 30.0 { -1.0 } else { 0.1 }, 1.0), [10.0, 20.0, 40.0, 40.0]);
    }
}
