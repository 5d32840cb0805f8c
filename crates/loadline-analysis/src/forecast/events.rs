//! What is known to change demand: taken out of the history, and put into the future.
//!
//! An occurrence in the history is set against the median of the values in the same phase of the cycles around it; what
//! it multiplied demand by is learnt from that, where no factor is given. The history is then as if nothing had
//! happened, so that a holiday teaches the candidates nothing wrong, and the factor is put on the days to come. Factors
//! of several occurrences are averaged on the logarithmic scale, and each path draws its own from their spread.

use std::ops::Range;

use super::paths::Random;
use super::score;

/// Cycles to either side that make the usual value.
const CYCLES: usize = 4;
/// The spread of a factor seen only once: this share of its own logarithm.
const SEEN_ONCE: f64 = 0.5;

/// Something known.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownEvent {
    /// What it is called.
    pub name: String,
    /// The steps of its occurrences, from the first value of the history on; those from its end on are to come.
    pub spans: Vec<Range<usize>>,
    /// How many times as large demand is meanwhile; learnt where not given.
    pub factor: Option<f64>,
    /// Whether it lasts once begun: then it is learnt from nowhere, and left in the history.
    pub lasts: bool,
}

/// What an event does.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// What it is called.
    pub name: String,
    /// The median of the factor.
    pub factor: f64,
    /// The standard deviation of its logarithm; 0 where it was given.
    pub deviation: f64,
    /// Occurrences that it was learnt from.
    pub learnt_from: usize,
    /// Steps of the horizon that it touches.
    pub upcoming: Vec<Range<usize>>,
}

/// The history without its events, what they do to the horizon, and what could not be done.
pub(super) struct Known {
    pub(super) values: Vec<f64>,
    pub(super) effects: Vec<Effect>,
    pub(super) notes: Vec<String>,
}

/// `season` is the longest season that the history holds, 1 where there is none.
pub(super) fn known(values: &[f64], horizon: usize, season: usize, events: &[KnownEvent]) -> Known {
    let n = values.len();
    let mut touched = vec![false; n];
    for span in events.iter().filter(|e| !e.lasts).flat_map(|e| &e.spans) {
        touched[span.start.min(n)..span.end.min(n)].iter_mut().for_each(|t| *t = true);
    }
    let usual = |t: usize| usual(values, &touched, season, t);
    let mut known = Known { values: values.to_vec(), effects: Vec::new(), notes: Vec::new() };
    for event in events {
        let past = event.spans.iter().filter(|span| !event.lasts && span.end <= n);
        let ratios: Vec<f64> = past.filter_map(|span| ratio(values, span.clone(), usual)).collect();
        let upcoming: Vec<Range<usize>> = event
            .spans
            .iter()
            .filter(|span| if event.lasts { span.start >= n } else { span.end > n })
            .map(|span| span.start.max(n) - n..(span.end - n).min(horizon))
            .filter(|span| span.start < span.end)
            .collect();
        if event.lasts && event.spans.iter().any(|span| span.start < n) {
            known
                .notes
                .push(format!("{}: it began before the end of the history, and is left to it", event.name));
            continue;
        }
        if event.factor.is_some() && upcoming.is_empty() {
            let beyond = event.spans.iter().all(|span| span.start >= n);
            let why =
                if beyond { "it lies beyond the horizon" } else { "it is over before the forecast begins" };
            known.notes.push(format!("{}: {why}, and changes nothing in it", event.name));
        }
        match effect(event, &ratios, upcoming) {
            Some(effect) => known.effects.push(effect),
            None => known.notes.push(format!(
                "{}: no factor is given, and the history holds no occurrence to learn it from: left out",
                event.name
            )),
        }
    }
    let cleaned: Vec<(usize, f64)> =
        (0..n).filter(|t| touched[*t]).filter_map(|t| Some((t, usual(t)?))).collect();
    cleaned.into_iter().for_each(|(t, value)| known.values[t] = value);
    for effect in known.effects.iter().filter(|e| e.learnt_from == 1 && !e.upcoming.is_empty()) {
        known.notes.push(format!(
            "{}: its factor of {:.2} rests on one occurrence only, its spread on a guess",
            effect.name, effect.factor
        ));
    }
    known
}

fn effect(event: &KnownEvent, ratios: &[f64], upcoming: Vec<Range<usize>>) -> Option<Effect> {
    let named = |factor: f64, deviation: f64, learnt_from: usize| Effect {
        name: event.name.clone(),
        factor,
        deviation,
        learnt_from,
        upcoming: upcoming.clone(),
    };
    if let Some(factor) = event.factor {
        return Some(named(factor, 0.0, 0));
    }
    let logs: Vec<f64> = ratios.iter().map(|r| r.max(1e-3).ln()).collect();
    let count = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / count.max(1.0);
    match logs.len() {
        0 => None,
        1 => Some(named(mean.exp(), SEEN_ONCE * mean.abs(), 1)),
        _ => {
            // The next one differs from the mean of those seen by both their spreads.
            let square: f64 = logs.iter().map(|l| (l - mean).powi(2)).sum();
            let deviation = (square / (count - 1.0) * (1.0 + 1.0 / count)).sqrt();
            Some(named(mean.exp(), deviation, logs.len()))
        }
    }
}

/// The demand of an occurrence over what would have been usual.
fn ratio(values: &[f64], span: Range<usize>, usual: impl Fn(usize) -> Option<f64>) -> Option<f64> {
    let (mut came, mut expected) = (0.0, 0.0);
    for t in span {
        expected += usual(t)?;
        came += values[t];
    }
    (expected > 0.0 && came >= 0.0).then(|| came / expected)
}

/// The median of the values in the same phase around `t` that no event touched.
fn usual(values: &[f64], touched: &[bool], season: usize, t: usize) -> Option<f64> {
    let mut near: Vec<f64> = (1..=CYCLES)
        .flat_map(|k| [t.checked_sub(k * season), Some(t + k * season)])
        .flatten()
        .filter(|u| *u < values.len() && !touched[*u])
        .map(|u| values[u])
        .collect();
    near.sort_by(f64::total_cmp);
    (!near.is_empty()).then(|| score::quantile(&near, 0.5))
}

/// The median factor at a step of the horizon and the standard deviation of its logarithm.
pub(super) fn factor(effects: &[Effect], step: usize) -> (f64, f64) {
    let touching = effects.iter().filter(|e| e.upcoming.iter().any(|span| span.contains(&step)));
    let (factor, variance) =
        touching.fold((1.0, 0.0), |(f, v), e| (f * e.factor, v + e.deviation * e.deviation));
    (factor, variance.sqrt())
}

/// Puts the effects on a path, each with its own draw: the same for the same seed and index.
pub(super) fn put_on(path: &mut [f64], effects: &[Effect], seed: u64, index: usize) {
    for (number, effect) in effects.iter().enumerate() {
        let mut random = Random::new(seed ^ 0xE7E7 ^ (number as u64 + 1) << 48, index);
        for span in &effect.upcoming {
            let factor = effect.factor * (effect.deviation * random.normal()).exp();
            path[span.clone()].iter_mut().for_each(|v| *v *= factor);
        }
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "lists of ranges are what is compared")]
mod tests {
    use super::*;

    /// Weeks of 100 … 106, doubled and tripled on two days.
    fn weeks() -> Vec<f64> {
        let mut values: Vec<f64> = (0..140).map(|t| 100.0 + f64::from(t % 7)).collect();
        values[40] *= 2.0;
        values[80] *= 3.0;
        values
    }

    fn event(factor: Option<f64>) -> KnownEvent {
        KnownEvent { name: "sale".into(), spans: vec![40..41, 80..81, 150..151], factor, lasts: false }
    }

    #[test]
    fn a_factor_is_learnt_and_taken_out() {
        let known = known(&weeks(), 20, 7, &[event(None)]);
        assert_eq!((known.values[40], known.values[80]), (100.0 + 5.0, 100.0 + 3.0));
        let effect = &known.effects[0];
        // The geometric mean of 2 and 3; the logarithms differ by ln 1.5, their deviation is that over √2, and a third
        // one differs from their mean by √1.5 of that.
        assert!((effect.factor - 6f64.sqrt()).abs() < 1e-9);
        assert!((effect.deviation - 1.5f64.ln() / 2f64.sqrt() * 1.5f64.sqrt()).abs() < 1e-9);
        assert_eq!((effect.learnt_from, effect.upcoming.as_slice()), (2, &[10..11][..]));
        assert_eq!(factor(&known.effects, 9), (1.0, 0.0));
    }

    #[test]
    fn a_given_factor_is_put_on_and_an_unknown_one_left_out() {
        let given = known(&weeks(), 20, 7, &[event(Some(4.0))]);
        let mut path = vec![1.0; 20];
        put_on(&mut path, &given.effects, 1, 0);
        assert_eq!((path[9], path[10], path[11]), (1.0, 4.0, 1.0));
        let new = KnownEvent { name: "new".into(), spans: vec![145..146], factor: None, lasts: false };
        let without = known(&weeks(), 20, 7, &[new]);
        assert!(without.effects.is_empty() && without.notes[0].starts_with("new: no factor is given"));
        let launched = KnownEvent { name: "l".into(), spans: vec![100..160], factor: Some(2.0), lasts: true };
        let launched = known(&weeks(), 20, 7, &[launched]);
        assert!(launched.effects.is_empty() && launched.values == weeks());
    }
}
