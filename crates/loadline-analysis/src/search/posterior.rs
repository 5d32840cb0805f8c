//! What steps at several loads say about the load at which the objective is met exactly.
//!
//! An objective allows a share of events: 1 % of the requests may be beyond the limit of a p99. So a step is a count
//! of events against the count allowed, and the capacity C is the load at which the two are equal on average. How
//! their ratio r grows with the load is one of a few curves (see `curve`). Requests that wait for one another are late
//! together: the number of clumps follows Poisson's law and their sizes differ widely, so that a count is negative
//! binomial. Few events are then the rule even where many are due on average, and now and then there are very many.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::gamma::ln_gamma;

use super::Step;
use super::curve::{Curve, Response};
use super::figure::Events;
use super::variation;

/// Cells of the looks: the first finds where it is, the last shows it in detail.
const LOOKS: [usize; 3] = [50, 40, 60];
/// How many cells of the next look do not go by what the look before found, beside one of those that do.
const EVEN: f64 = 0.1;
/// How wrong a curve may be, as a share of the ln r it gives, and at least.
const MISFIT_SHARE: f64 = 0.15;
const MISFIT_LEAST: f64 = 0.02;
/// Without it simulated searches of nine M/M/c ended .1 % too low to 1.2 % too high at the median, the latter where queues
/// take long to fill: what is taken off for that, as a share of the capacity, and the standard error of what is left. Where
/// service times are late alone it is more.
const TOO_HIGH: f64 = 0.003;
const TOO_HIGH_ALONE: f64 = 0.005;
const MISPLACED: f64 = 0.006;
/// The same of a limiter: what its bucket lets through at once counts as if its rate were higher.
const MISPLACED_LIMITER: f64 = 0.004;
/// By how much the ends of an interval that is of queues are brought nearer to its middle: natures other than that of M/M/c
/// make the posterior wide. Where service times are late alone low loads tell the shape of the curve already, and the less
/// is idle at the capacity the more tells what was completed under overload: with a share of the allowed of `FLOOR_ENOUGH`
/// ends are nearer yet by the first of `NARROWER`, and with nothing idle by the second, too, which is nothing with as much
/// idle as `IDLE_ENOUGH`. See ARCHITECTURE.md for how often intervals hold the truth.
const CALIBRATION: f64 = 0.95;
const NARROWER: (f64, f64) = (0.04, 0.39);
const FLOOR_ENOUGH: f64 = 0.08;
const IDLE_ENOUGH: f64 = 0.13;
/// Some events come at any load.
const RATIO_LEAST: f64 = 1e-3;
/// What is less likely than the likeliest by this in its logarithm is left out, and curves with less than this share
/// of the look from the next one.
const NEGLIGIBLE: f64 = 14.0;
const UNLIKELY: f64 = 5e-4;
/// How sure it is that what was completed under overload is what the service can, so that the capacity follows from how
/// steep the curve is, and how exact that is. If not, it tells nothing.
const THROUGHPUT_TRUST: f64 = 0.5;
const THROUGHPUT_ERROR: f64 = 0.007;
/// The share of steps that were disturbed: such a step tells nothing.
const DISTURBED: f64 = 0.003;

/// With fewer events, over less time, or with fewer clumps due the scatter from second to second says nothing.
const CLUMPED_LEAST: f64 = 5.0;
const CLUMPED_LEAST_S: f64 = 15.0;
const CLUMPS_LEAST: f64 = 4.0;
/// The variance of the logarithm of clumps by the scatter within a step: at least, and over their number.
const CLUMP_ERROR: (f64, f64) = (0.25, 2.5);
/// What steps are near the capacity.
const NEAR: std::ops::Range<f64> = 0.85..1.03;
/// How sure it is beforehand that clumps are as the curves say, as the inverse of a variance.
const LARGER_PRIOR: f64 = 4.0;

/// The posterior of the capacity on cells of its logarithm.
#[derive(Debug, Clone)]
pub struct Posterior {
    /// Logarithms of loads, one more than there are cells.
    edges: Vec<f64>,
    /// Of the capacity being below the upper edge of each cell.
    cumulative: Vec<f64>,
    /// The curves with their weights, which sum to 1.
    curves: Vec<(Curve, f64)>,
    /// How much larger clumps are than the curves say.
    larger: f64,
}

impl Posterior {
    /// From steps, for a capacity between `least` and `highest`, before the steps equally likely at every scale.
    pub fn new(steps: &[Step], least: f64, highest: f64) -> Posterior {
        let counts: Vec<Counts> = steps.iter().map(Counts::of).collect();
        let [first, second, last] = LOOKS;
        let varied = variation::squared(steps);
        let most = steps.last().map_or(Events::UNBOUNDED, |step| step.events.most);
        let curves = Curve::all(most, varied);
        let overload = Overload::of(steps, varied);
        // Where only one load is allowed its cells still need a width.
        let highest = highest.max(least * (1.0 + f64::EPSILON.sqrt()));
        let found = Self::on_cells(&counts, overload, &curves, evenly(least.ln(), highest.ln(), first));
        // Only this one is fine enough to tell which curves are likely.
        let seen = Self::on_cells(&counts, overload, &curves, found.finer(second));
        let likely = seen.curves.iter().filter(|(_, weight)| *weight > UNLIKELY);
        let curves: Vec<Curve> = likely.map(|(curve, _)| *curve).collect();
        let mut posterior = Self::on_cells(&counts, overload, &curves, seen.finer(last));
        posterior.larger = posterior.larger(&counts);
        posterior
    }

    /// How much larger clumps are than the curves say, by the scatter within the steps near the capacity; at least 1. The
    /// interval is wider by its root, as with the dispersion of a quasi-likelihood (P. McCullagh, J. A. Nelder, *Generalized
    /// Linear Models*, 1989, 4.5).
    fn larger(&self, steps: &[Counts]) -> f64 {
        let capacity = self.quantile(0.5);
        let (mut sum, mut weight) = (0.0, LARGER_PRIOR);
        for step in steps {
            for (curve, likely) in &self.curves {
                if let Some((log, variance)) = step.log_larger(curve, capacity) {
                    sum += likely * log / variance;
                    weight += likely / variance;
                }
            }
        }
        (sum / weight).max(0.0).exp()
    }

    /// Equally likely at every scale but for the steps.
    fn on_cells(
        steps: &[Counts],
        overload: Option<Overload>,
        curves: &[Curve],
        edges: Vec<f64>,
    ) -> Posterior {
        let cells =
            edges.windows(2).map(|ends| ((0.5 * (ends[0] + ends[1])).exp(), (ends[1] - ends[0]).ln()));
        let cells: Vec<(f64, f64)> = cells.collect();
        let mut logs = Vec::with_capacity(curves.len() * cells.len());
        // What is hopeless is seen at once beside the likeliest curve through the last step.
        let nearest = cells.partition_point(|(load, _)| *load < steps.last().map_or(0.0, |step| step.load));
        let (near, width) = cells[nearest.min(cells.len() - 1)];
        let through = |curve: &Curve| width + log_likelihood(steps, curve, near, f64::NEG_INFINITY);
        let mut best = curves.iter().map(through).fold(f64::NEG_INFINITY, f64::max);
        for curve in curves {
            for &(capacity, width) in &cells {
                let width = width + overload.map_or(0.0, |overload| overload.log_likelihood(curve, capacity));
                let log = width + log_likelihood(steps, curve, capacity, best - width - NEGLIGIBLE);
                best = best.max(log);
                logs.push(log);
            }
        }
        let (mut sum, mut weights) = (0.0, Vec::with_capacity(curves.len()));
        let mut shares = vec![0.0; cells.len()];
        for row in logs.chunks(cells.len()) {
            let before = sum;
            for (log, share) in row.iter().zip(&mut shares) {
                let weight = (log - best).exp();
                sum += weight;
                *share += weight;
            }
            weights.push(sum - before);
        }
        let curves = curves.iter().zip(weights).map(|(curve, weight)| (*curve, weight / sum)).collect();
        Posterior { edges, cumulative: cumulative(&shares), curves, larger: 1.0 }
    }

    /// Edges of so many cells which are the narrower the likelier the capacity is in them or beside.
    fn finer(&self, cells: usize) -> Vec<f64> {
        let last = self.cumulative.len() - 1;
        let below = |k: usize| if k == 0 { 0.0 } else { self.cumulative[k - 1] };
        let range = self.edges[last + 1] - self.edges[0];
        let share = |k: usize| {
            let (from, to) = (k.saturating_sub(1), (k + 1).min(last));
            let about = (self.cumulative[to] - below(from)) / (to - from + 1) as f64;
            about + EVEN * (self.edges[k + 1] - self.edges[k]) / range
        };
        let cumulative = cumulative(&(0..=last).map(share).collect::<Vec<f64>>());
        (0..=cells).map(|k| quantile(&self.edges, &cumulative, k as f64 / cells as f64)).collect()
    }

    /// The load below which the capacity lies with probability `p`.
    pub fn quantile(&self, p: f64) -> f64 {
        quantile(&self.edges, &self.cumulative, p).exp()
    }

    /// The middle of the capacity, and its interval with this confidence.
    pub(super) fn middle_and_interval(&self, confidence: f64) -> (f64, (f64, f64)) {
        let tail = 0.5 - 0.5 * confidence;
        let [low, middle, high] = [tail, 0.5, 1.0 - tail].map(|p| self.quantile(p));
        let queues = self.curves.iter().filter(|(curve, _)| matches!(curve, Curve::Queue(_)));
        let share: f64 = queues.map(|(_, weight)| weight).sum();
        let place_error = (share * MISPLACED.powi(2) + (1.0 - share) * MISPLACED_LIMITER.powi(2)).sqrt();
        let misplaced = place_error * Normal::standard().inverse_cdf(1.0 - tail);
        let calibration: f64 = self.curves.iter().map(|(curve, weight)| weight * calibration(curve)).sum();
        let nearer = calibration * self.larger.sqrt();
        let apart = |end: f64| (nearer * (end / middle).ln()).hypot(misplaced).exp();
        let too_high: f64 = self.curves.iter().map(|(curve, weight)| weight * too_high(curve)).sum();
        let place = middle * (1.0 - too_high);
        (place, (place / apart(low), place * apart(high)))
    }

    /// d ln r / d ln load at the capacity, its geometric mean.
    pub fn steepness(&self) -> f64 {
        self.geometric_mean(|curve| curve.steepness().max(1.0))
    }

    /// How many events come together at the capacity, where one in `most` requests may be one; its geometric mean.
    pub(super) fn clump(&self, most: f64) -> f64 {
        self.geometric_mean(|curve| curve.response(1.0, most, f64::INFINITY).clump)
    }

    fn geometric_mean(&self, of: impl Fn(&Curve) -> f64) -> f64 {
        self.curves.iter().map(|(curve, weight)| weight * of(curve).ln()).sum::<f64>().exp()
    }
}

/// See [`TOO_HIGH`].
fn too_high(curve: &Curve) -> f64 {
    match curve {
        Curve::Limiter => 0.0,
        Curve::Queue(queue) if queue.is_late_alone() => TOO_HIGH_ALONE,
        Curve::Queue(_) => TOO_HIGH,
    }
}

/// See [`CALIBRATION`].
fn calibration(curve: &Curve) -> f64 {
    let Curve::Queue(queue) = curve else { return 1.0 };
    let busy = (1.0 - queue.idle_at_capacity().0 / IDLE_ENOUGH).max(0.0);
    let (known, told) = NARROWER;
    CALIBRATION - (known + told * busy) * (queue.floor() / FLOOR_ENOUGH).min(1.0)
}

/// The edges of so many cells of the same width.
fn evenly(low: f64, high: f64, cells: usize) -> Vec<f64> {
    (0..=cells).map(|k| low + (high - low) * k as f64 / cells as f64).collect()
}

/// The share of all that is in each cell and before it.
fn cumulative(shares: &[f64]) -> Vec<f64> {
    let sum: f64 = shares.iter().sum();
    let below = shares.iter().scan(0.0, |below, share| {
        *below += share / sum;
        Some(*below)
    });
    below.collect()
}

/// Where the share `p` lies below, between the edges of cells evenly.
fn quantile(edges: &[f64], cumulative: &[f64], p: f64) -> f64 {
    let cell = cumulative.partition_point(|below| *below < p).min(cumulative.len() - 1);
    let (below, here) = (if cell == 0 { 0.0 } else { cumulative[cell - 1] }, cumulative[cell]);
    let share = if here > below { ((p - below) / (here - below)).min(1.0) } else { 0.5 };
    edges[cell] + share * (edges[cell + 1] - edges[cell])
}

/// What was completed under overload.
#[derive(Debug, Clone, Copy)]
struct Overload {
    /// A load, as those of steps.
    completed: f64,
    /// Relative to it.
    variance: f64,
}

impl Overload {
    /// Of a service that is never idle: completions vary as service times do.
    fn of(steps: &[Step], varied: f64) -> Option<Overload> {
        let overloads = steps.iter().filter_map(|step| Some((step, step.throughput()?)));
        let (step, completed) = overloads.max_by(|a, b| a.1.total_cmp(&b.1))?;
        let count = step.offered_per_s * step.completed_share * step.took_s;
        let counts = step.events.most < Events::UNBOUNDED;
        counts.then_some(Overload { completed, variance: THROUGHPUT_ERROR.powi(2) + varied / count.max(1.0) })
    }

    /// ln of the density of the capacity's logarithm, over one that is 1 everywhere.
    fn log_likelihood(self, curve: &Curve, capacity: f64) -> f64 {
        let Curve::Queue(queue) = curve else { return 0.0 };
        let (idle, error) = queue.idle_at_capacity();
        let residual = (self.completed * (1.0 - idle) / capacity).ln();
        let variance = self.variance + error * error;
        let density =
            (-0.5 * residual * residual / variance).exp() / (std::f64::consts::TAU * variance).sqrt();
        (THROUGHPUT_TRUST * density + 1.0 - THROUGHPUT_TRUST).ln()
    }
}

/// By all steps, the last first, since they are nearest; no more of them once it is below `least`.
fn log_likelihood(steps: &[Counts], curve: &Curve, capacity: f64, least: f64) -> f64 {
    let mut log = curve.log_prior();
    for step in steps.iter().rev() {
        log += step.log_likelihood(curve, capacity);
        if log < least {
            return f64::NEG_INFINITY;
        }
    }
    log
}

/// See [`CLUMP_ERROR`].
fn clump_error(clumps: f64) -> f64 {
    CLUMP_ERROR.0 + CLUMP_ERROR.1 / clumps
}

/// The events of one step.
#[derive(Debug, Clone, Copy)]
struct Counts {
    load: f64,
    seen: f64,
    /// ln Γ(seen + 1).
    log_factorial: f64,
    allowed: f64,
    most: f64,
    settled: bool,
    /// ln of the probability of so many in a step that was disturbed: every order of magnitude is as likely.
    log_disturbed: f64,
    /// How many came together, by the scatter within the step.
    clump: f64,
    /// ln of that; `None` where there were too few to tell.
    log_clump: Option<f64>,
}

impl Counts {
    fn of(step: &Step) -> Counts {
        let Events { seen, allowed, most, clump } = step.events;
        let log_factorial = ln_gamma(seen + 1.0);
        let log_disturbed = (DISTURBED / ((seen + 1.0) * (allowed * most + 2.0).ln())).ln();
        let tells = seen >= CLUMPED_LEAST && step.took_s >= CLUMPED_LEAST_S && most < Events::UNBOUNDED;
        let log_clump = (tells && step.settled).then(|| clump.ln());
        Counts {
            load: step.load,
            seen,
            log_factorial,
            allowed,
            most,
            settled: step.settled,
            log_disturbed,
            clump: clump.max(1.0),
            log_clump,
        }
    }

    /// ln of the probability of what was seen.
    fn log_likelihood(&self, curve: &Curve, capacity: f64) -> f64 {
        let relative = self.load / capacity;
        let Response { ratio, reached, clump } = self.response(curve, relative);
        let expected = self.allowed * reached;
        // A backlog that still grew would have given a worse score in more time.
        if !self.settled && self.seen <= expected {
            return 0.0;
        }
        let misfit = MISFIT_LEAST + MISFIT_SHARE * ratio.ln().abs();
        // What a limiter refuses is as uneven as it was seen to be: by its bucket, and by arrivals.
        let is_limiter = *curve == Curve::Limiter;
        let clump = if is_limiter { self.clump } else { clump };
        let spread = clump - 1.0 + misfit * misfit * expected;
        let mut log = self.log_probability(expected, spread);
        if is_limiter {
            log += self.log_as_even_as_arrivals();
        }
        if !self.settled {
            return (log - self.log_probability(self.seen, spread)).max(DISTURBED.ln()).min(0.0);
        }
        // ln of the sum of both.
        let (more, less) = (log.max(self.log_disturbed), log.min(self.log_disturbed));
        if more - less > 7.0 { more } else { more + (less - more).exp().ln_1p() }
    }

    fn response(&self, curve: &Curve, relative: f64) -> Response {
        let response = curve.response(relative, self.most, self.allowed * self.most);
        let [ratio, reached] = [response.ratio, response.reached].map(|ratio| ratio.max(RATIO_LEAST));
        Response { ratio, reached, ..response }
    }

    /// ln of how much larger the clumps are than this curve of a queue says, by the scatter within the step, with its variance. Short
    /// steps show less than all of it. In simulations of M/M/1 to M/M/4 and M/LN/2 the mean and the variance were
    /// right within a third.
    fn log_larger(&self, curve: &Curve, capacity: f64) -> Option<(f64, f64)> {
        let seen = self.log_clump?;
        let relative = self.load / capacity;
        if !NEAR.contains(&relative) || !matches!(curve, Curve::Queue(_)) {
            return None;
        }
        let Response { ratio, clump, .. } = self.response(curve, relative);
        let clumps = self.allowed * ratio / clump;
        (clumps >= CLUMPS_LEAST).then(|| (seen - clump.ln() + 0.2 + 2.0 / clumps, clump_error(clumps)))
    }

    /// ln of how much less likely a limiter is for what came together: it refuses what is too much, which from second to second
    /// varies no more than Poisson arrivals do, by all requests over those refused. Without this a queue whose few steps
    /// happened to rise like a limiter's was taken for one, which knows its capacity to 1 %.
    fn log_as_even_as_arrivals(&self) -> f64 {
        let Some(seen) = self.log_clump else { return 0.0 };
        let arrivals = (self.allowed * self.most / self.seen).ln();
        let excess = (seen - arrivals).max(0.0);
        -0.5 * excess.powi(2) / clump_error(self.seen / seen.exp())
    }

    /// Of as many events in clumps: the negative binomial law is Poisson's for the number of clumps whose sizes follow
    /// the logarithmic law (M. H. Quenouille, Biometrics 5(2), 1949); `spread` is its variance over its mean, less 1.
    fn log_probability(&self, expected: f64, spread: f64) -> f64 {
        let size = expected / spread;
        let none = -size * spread.ln_1p();
        if self.seen == 0.0 {
            return none;
        }
        none + ln_gamma(self.seen + size)
            - ln_gamma(size)
            - self.log_factorial
            - self.seen * (1.0 / spread).ln_1p()
    }
}
