//! Steps found one by one, moved to where they fit best, and dropped if they no longer pay.

use std::ops::Range;

use super::profile::{Profiler, noises};
use crate::compare::least_squares::{self, Fit};
use crate::compare::mixture::{Mixture, Part};
use crate::compare::noise::{Noise, Whitener};
use crate::compare::robust::{median, quantile, root_mean_square};

/// Fewer runs than this are no history.
pub const FEWEST_RUNS: usize = 10;
/// The fewest runs of a level. Fewer at the end of a history may be the beginning of one, and are found as such.
pub(super) const SHORTEST: usize = 5;
/// The most steps looked for.
pub(super) const MOST_STEPS: usize = 60;
/// The most steps that are looked for together.
const AHEAD: usize = 8;
/// How often a step is looked at again once all are found, in the mean over the steps.
const LOOKS: usize = 3;
/// Neighbours on each side of a run that tell whether it is wild.
const NEIGHBOURS: usize = 5;
/// How far from its neighbours' median a run may lie, in scales.
const REACH: f64 = 3.0;

/// Places whose log likelihood is lower than the best by this are left out of the size.
const UNLIKELY: f64 = 7.0;

/// One step.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The first value of the new level, where it is likeliest.
    pub(super) place: usize,
    /// The places it can have had, ascending, with the log likelihood of each; never empty.
    pub(super) places: Vec<(usize, f64)>,
    /// New level less old.
    pub(super) size: f64,
    /// The interval of the size.
    pub(super) interval: [f64; 2],
}

/// A history cut into levels.
#[derive(Debug, Clone)]
pub(super) struct Segmentation {
    pub(super) steps: Vec<Step>,
    /// The level before each step.
    pub(super) levels: Vec<f64>,
    /// By how much the level rises steadily from the first run to the last, where that tells the history better than steps.
    pub(super) trend: Option<f64>,
    /// The smallest step in the middle that would be found in four of five histories.
    pub(super) detectable: f64,
}

impl Segmentation {
    /// Cuts a history of at least [`FEWEST_RUNS`] values; `None` where all are the same.
    pub(super) fn of(values: &[f64], confidence: f64) -> Option<Segmentation> {
        let first = values[0];
        if values.iter().all(|value| *value == first) {
            return None;
        }
        let middle = median(values);
        let centred: Vec<f64> = values.iter().map(|value| value - middle).collect();
        let calm = calm(&centred);
        let floor = 1e-12 * least_squares::dot(&calm, &calm).max(f64::MIN_POSITIVE);
        let profiler = Profiler::new(&calm, floor);
        let found = search(&profiler, calm.len());
        if let Some(rise) = trend(&profiler, &found, calm.len()) {
            let (steps, levels) = (Vec::new(), Vec::new());
            return Some(Segmentation { steps, levels, trend: Some(rise), detectable: f64::NAN });
        }
        let ends = ends(&found, calm.len());
        if ends == (0..calm.len()) {
            return describe(&calm, &profiler, &found, middle, confidence);
        }
        // What was moved in tells where a short level begins, and not how far it lies from the others.
        let mut whole = centred.clone();
        whole[ends.clone()].copy_from_slice(&self::calm(&centred[ends]));
        let profiler = Profiler::new(&whole, floor);
        let likeliest = |at| {
            likelihoods(&profiler, whole.len(), &found, at).into_iter().max_by(|a, b| a.1.total_cmp(&b.1))
        };
        let found: Vec<usize> =
            (0..found.len()).map(|at| likeliest(at).map_or(found[at], |(place, _)| place)).collect();
        describe(&whole, &profiler, &found, middle, confidence)
    }
}

/// The runs besides those of levels at the ends that are too short to tell their own wild runs.
fn ends(found: &[usize], n: usize) -> Range<usize> {
    let first = found.first().copied().filter(|place| *place < SHORTEST).unwrap_or(0);
    let last = found.last().copied().filter(|place| n - place < SHORTEST).unwrap_or(n);
    first..last
}

/// What a step has to add to twice the log likelihood.
fn price(n: usize) -> f64 {
    2.0 * (n as f64).ln() + 4.4
}

/// Moves wild values towards the median of their neighbours. The scale is taken from the 80th percentile, so that a
/// history that goes back and forth between two levels is no history of wild values.
fn calm(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    let reflected = |at: isize| {
        let last = n as isize - 1;
        let inside = if at < 0 { -at } else { at };
        values[(if inside > last { 2 * last - inside } else { inside }) as usize]
    };
    let width = NEIGHBOURS as isize;
    let medians: Vec<f64> = (0..n as isize)
        .map(|at| median(&(at - width..=at + width).map(reflected).collect::<Vec<f64>>()))
        .collect();
    let residuals: Vec<f64> = values.iter().zip(&medians).map(|(value, median)| value - median).collect();
    let absolute: Vec<f64> = residuals.iter().map(|residual| residual.abs()).collect();
    let mut scale = quantile(&absolute, 0.8) / 1.2816;
    if scale == 0.0 {
        scale = root_mean_square(residuals.iter().copied());
    }
    let reach = REACH * scale;
    residuals.iter().zip(&medians).map(|(residual, median)| median + residual.clamp(-reach, reach)).collect()
}

/// The places a step can take besides others.
fn places(n: usize, others: &[usize]) -> Vec<usize> {
    let apart = |place: usize| others.iter().all(|other| other.abs_diff(place) >= SHORTEST);
    (1..n).filter(|place| apart(*place)).collect()
}

fn search(profiler: &Profiler<'_>, n: usize) -> Vec<usize> {
    let any = |steps: &[usize]| profiler.profile(steps, &places(n, steps)).best();
    let best = |steps: &[usize]| any(steps).filter(|(_, gain)| *gain > price(n));
    let mut steps: Vec<usize> = Vec::new();
    while let Some(more) = further(any, &steps, n) {
        steps = more;
    }
    // Later steps may have moved earlier ones, or made them needless.
    let (mut index, mut looks) = (0, LOOKS * steps.len());
    while index < steps.len() && looks > 0 {
        looks -= 1;
        steps.remove(index);
        match best(&steps) {
            Some((place, _)) => {
                steps.insert(index, place);
                index += 1;
            }
            None => index = 0,
        }
    }
    steps.sort_unstable();
    steps
}

/// The rise of a steady trend, where it pays what a step has to and more than the steps found. A ramp is cut into stairs, or
/// taken for noise that wanders.
fn trend(profiler: &Profiler<'_>, found: &[usize], n: usize) -> Option<f64> {
    let (likelihood, rise) = profiler.of_trend()?;
    let (level, stairs) = (profiler.of_steps(&[]), profiler.of_steps(found));
    let paid = 2.0 * likelihood - price(n);
    (paid > 2.0 * level && paid > 2.0 * stairs - price(n) * found.len() as f64).then_some(rise)
}

/// The steps with as many more as it takes to pay: where levels take turns, no step does so by itself. Several together
/// have to pay for one more than they are, since many sets of steps were looked through.
fn further(best: impl Fn(&[usize]) -> Option<(usize, f64)>, steps: &[usize], n: usize) -> Option<Vec<usize>> {
    let mut more = steps.to_vec();
    let mut surplus = 0.0;
    for count in 0..AHEAD {
        let (place, gain) = (more.len() < MOST_STEPS).then(|| best(&more)).flatten()?;
        more.push(place);
        surplus += gain - price(n);
        if surplus > if count == 0 { 0.0 } else { price(n) } {
            return Some(more);
        }
    }
    None
}

fn describe(
    values: &[f64],
    profiler: &Profiler<'_>,
    found: &[usize],
    middle: f64,
    confidence: f64,
) -> Option<Segmentation> {
    let n = values.len();
    let noise = profiler.likeliest_noise(found);
    let likeliest = Levels::fit(values, noise, found)?;
    let others: Vec<Levels> = noises().filter_map(|noise| Levels::fit(values, noise, found)).collect();
    let mut level = middle + likeliest.fit.coefficients[0];
    let (mut steps, mut levels) = (Vec::new(), Vec::new());
    for at in 0..found.len() {
        let places = likelihoods(profiler, n, found, at);
        let (size, interval) =
            size_of(values, noise, (&likeliest, &others), (found, at, &places), confidence)?;
        steps.push(Step { place: found[at], places: possible(places, confidence), size, interval });
        levels.push(level);
        level += size;
    }
    let whitener = Whitener::new(noise, n);
    let column = |from: usize| [vec![0.0; from], whitener.step(from).collect()].concat();
    let half = least_squares::fit(&[column(0), column(n / 2)], &whitener.apply(values))?;
    // Found in half of all histories at the root of the price, in 80 % at 0.84 standard errors more.
    let detectable = (price(n).sqrt() + BLUNTER + 0.8416) * (likeliest.variance * half.variances[1]).sqrt();
    Some(Segmentation { steps, levels, trend: None, detectable })
}

/// Standard errors that a step costs beyond its price, since its place and the kind of noise are not known: simulated, 60
/// and 200 runs of independent noise.
const BLUNTER: f64 = 1.5;

/// Levels under one kind of noise.
struct Levels {
    fit: Fit,
    variance: f64,
    free: f64,
    /// The restricted log likelihood of that noise.
    likelihood: f64,
}

impl Levels {
    fn fit(values: &[f64], noise: Noise, steps: &[usize]) -> Option<Levels> {
        let whitener = Whitener::new(noise, values.len());
        let column = |from: usize| [vec![0.0; from], whitener.step(from).collect()].concat();
        let columns: Vec<Vec<f64>> = std::iter::once(0).chain(steps.iter().copied()).map(column).collect();
        let fit = least_squares::fit(&columns, &whitener.apply(values))?;
        let free = (values.len() as f64 - columns.len() as f64).max(1.0);
        let variance = (fit.residual_ss / free).max(f64::MIN_POSITIVE);
        let likelihood = -whitener.half_log_det - fit.half_log_det - 0.5 * free * variance.ln();
        Some(Levels { fit, variance, free, likelihood })
    }

    fn size(&self, step: usize) -> (f64, f64) {
        (self.fit.coefficients[step + 1], (self.variance * self.fit.variances[step + 1]).sqrt())
    }
}

/// The size of a step with its interval: over the kinds of noise and the places by how likely they are, for the error
/// hangs on the one, and few runs on one side on the other.
fn size_of(
    values: &[f64],
    noise: Noise,
    (likeliest, others): (&Levels, &[Levels]),
    (found, at, places): (&[usize], usize, &[(usize, f64)]),
    confidence: f64,
) -> Option<(f64, [f64; 2])> {
    let (size, error) = likeliest.size(at);
    let most = |all: &mut dyn Iterator<Item = f64>| all.fold(f64::NEG_INFINITY, f64::max);
    let of_noise = most(&mut others.iter().map(|levels| levels.likelihood));
    let of_place = most(&mut places.iter().map(|place| place.1));
    let mut parts = Vec::new();
    for (place, likelihood) in places.iter().filter(|place| of_place - place.1 < UNLIKELY) {
        let mut moved = found.to_vec();
        moved[at] = *place;
        let (there, its_error) = Levels::fit(values, noise, &moved)?.size(at);
        for levels in others.iter().filter(|levels| of_noise - levels.likelihood < UNLIKELY) {
            let (own, own_error) = levels.size(at);
            parts.push(Part {
                weight: (likelihood - of_place + levels.likelihood - of_noise).exp(),
                estimate: own + there - size,
                error: own_error * (its_error / error),
            });
        }
    }
    parts.retain(|part| part.weight > 1e-3);
    let total: f64 = parts.iter().map(|part| part.weight).sum();
    parts.iter_mut().for_each(|part| part.weight /= total);
    let mixture = Mixture::new(parts, likeliest.free)?;
    Some((size, [0.5 - confidence / 2.0, 0.5 + confidence / 2.0].map(|p| mixture.quantile(p))))
}

/// How likely each place of a step is, its neighbours being where they are: beyond them it would be another step.
fn likelihoods(profiler: &Profiler<'_>, n: usize, found: &[usize], at: usize) -> Vec<(usize, f64)> {
    let others: Vec<usize> = found.iter().copied().filter(|other| *other != found[at]).collect();
    let after = at.checked_sub(1).map_or(0, |before| found[before]);
    let until = found.get(at + 1).copied().unwrap_or(n);
    let between: Vec<usize> =
        places(n, &others).into_iter().filter(|place| (after..until).contains(place)).collect();
    profiler.profile(&others, &between).with
}

/// The places a step can have had at a confidence.
fn possible(mut places: Vec<(usize, f64)>, confidence: f64) -> Vec<(usize, f64)> {
    let best = places.iter().map(|(_, likelihood)| *likelihood).fold(f64::NEG_INFINITY, f64::max);
    // P(twice the fall of the log likelihood ≤ x) = (1 − exp(−x/2))².
    let fall = -(1.0 - confidence.sqrt()).ln();
    places.retain(|(_, likelihood)| best - likelihood <= fall);
    places
}
