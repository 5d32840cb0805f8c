//! By how much the candidate's runs lie above the base's, and how sure that is.
//!
//! The model, on the logarithms of the figures: a run is the level of its group of runs (see `groups`), plus the shift
//! if it is of the candidate, plus noise that is partly white and partly drifts. An earlier run has a level of its own,
//! so that history tells how large noise and drift usually are and nothing else. Three things make it hold on real
//! machines:
//!
//! - *Wild runs* are moved in to two scales from the fit before least squares is used, and the standard error pays for
//!   it (Huber's pseudo-observations; Huber and Ronchetti, *Robust Statistics*, 2009, §7.8).
//! - *Drift* takes an unknown share of the variance, and there may be a steady trend. The shift is worked out for a grid
//!   of shares, with a trend and without, and the answers, Student's t each, are mixed by the restricted likelihood
//!   times a prior that favours little drift. Interleaved runs cancel it by themselves, and runs of the base and then
//!   of the candidate get the wider interval that they deserve.
//! - *Groups* beyond the first cost two degrees of freedom each, one for the level and one for having been searched for.

use super::groups;
use super::least_squares::{self, dot};
use super::mixture::{Mixture, Part};
use super::noise::{Noise, Whitener};
use super::robust::{median, scale};
use super::unequal::{self, Unequal};

/// Whose run it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    History,
    Base,
    Candidate,
}

/// How far the order of runs is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Not at all: drift cannot be part of the model.
    Unknown,
    /// Only that earlier runs come first, and how much drift there is. Either side may have come first, or they took turns.
    Assumed,
    /// By their times.
    Timed,
}

/// Values of runs, in the order of time as far as it is known.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) values: Vec<f64>,
    pub(crate) sides: Vec<Side>,
    /// How far the order is known to be that of time.
    pub(crate) order: Order,
    /// The step to which the values were rounded, on their own scale; 0 where not known.
    pub(crate) resolution: f64,
}

impl Sample {
    /// The values of one side, in their order.
    pub(crate) fn of(&self, side: Side) -> Vec<f64> {
        let each = self.values.iter().zip(&self.sides);
        each.filter(|(_, own)| **own == side).map(|(value, _)| *value).collect()
    }
}

/// What is thought of the shift.
#[derive(Debug, Clone)]
pub(crate) struct Shift {
    /// A mixture for each order that the runs may have been made in; the mean of the first is the estimate.
    orders: Vec<Mixture>,
    /// Into how many separate groups the runs fall.
    pub(crate) groups: usize,
    /// The sides fall into them unequally: which group a run is in may be the change.
    pub(crate) lopsided: bool,
    /// The group of each value; empty where nothing was fitted.
    pub(crate) labels: Vec<usize>,
    /// How far each value lies from what was fitted.
    pub(crate) residuals: Vec<f64>,
    /// Their scale.
    pub(crate) spread: f64,
    /// The error is that of the rounding, which more runs do not make smaller.
    pub(crate) is_rounded: bool,
    /// By how much the error is larger than that of runs with the same noise and no drift, in the order in which it is most.
    pub(crate) widened: f64,
    /// One side scatters more than the other.
    pub(crate) is_unequal: bool,
    /// The history was left out, since the runs scatter more than it does.
    pub(crate) is_without_history: bool,
}

/// How slowly drift fades, from one run to the next.
const PHI: f64 = 0.97;
/// Shares of the variance that drift may have, and what is thought of them before the data speak. Where nearly all of it
/// drifts, a step is seen only if it is larger than what lies between other neighbours.
const SHARES: [(f64, f64); 9] = [
    (0.0, 0.3),
    (0.1, 0.15),
    (0.2, 0.15),
    (0.35, 0.15),
    (0.5, 0.1),
    (0.7, 0.1),
    (0.85, 0.05),
    (0.95, 0.03),
    (0.99, 0.02),
];
/// Runs may also get steadily slower or quicker. How likely that is before the data speak, and the standard deviation
/// of what comes of it from the first run of the sides to the last, in those of the noise.
const TREND: f64 = 0.1;
const TREND_SD: f64 = 6.0;
/// Noise below this many steps of rounding does not average the rounding out: as much as two neighbouring values have, and
/// a little.
const ROUNDED: f64 = 0.6;
/// By how much a grouping may be less likely than the best, on the scale of logarithms, to be as good an explanation: 1 to
/// 20.
const AS_GOOD: f64 = 3.0;
/// How far from the fit a run may lie, in scales.
const REACH: f64 = 2.0;
/// A side with fewer runs says nothing of its own spread.
pub(super) const FEW: usize = 3;
/// A side with fewer runs says nothing of groups: each of a few runs that scatter could be one.
const GROUPED: usize = 6;

impl Shift {
    /// A shift whose standard error is known from elsewhere, as if from `free` degrees of freedom.
    pub(crate) fn known(estimate: f64, error: f64, free: f64) -> Option<Shift> {
        Some(Shift {
            orders: vec![Mixture::new(vec![Part { weight: 1.0, estimate, error }], free)?],
            groups: 1,
            lopsided: false,
            labels: Vec::new(),
            residuals: Vec::new(),
            spread: 0.0,
            is_rounded: false,
            widened: 1.0,
            is_unequal: false,
            is_without_history: false,
        })
    }

    /// How far a value lies outside of what counts in full, in its direction; 0 inside.
    pub(crate) fn moved_in(&self, at: usize) -> f64 {
        let reach = REACH * self.spread;
        self.residuals.get(at).map_or(0.0, |residual| residual - residual.clamp(-reach, reach))
    }

    /// The likeliest shift.
    pub(crate) fn estimate(&self) -> f64 {
        self.orders.first().map_or(0.0, Mixture::mean)
    }

    /// The probability that the shift is below `x`, in the order in which that is likeliest.
    pub(crate) fn below(&self, x: f64) -> f64 {
        self.orders.iter().map(|order| order.below(x)).fold(0.0, f64::max)
    }

    /// The probability that the shift is above `x`, in the order in which that is likeliest.
    pub(crate) fn above(&self, x: f64) -> f64 {
        self.orders.iter().map(|order| 1.0 - order.below(x)).fold(0.0, f64::max)
    }

    /// The value that the shift passes, outwards, with no more than the probability that `p` leaves, in any order.
    pub(crate) fn quantile(&self, p: f64) -> f64 {
        let each = self.orders.iter().map(|order| order.quantile(p));
        if p < 0.5 { each.fold(f64::MAX, f64::min) } else { each.fold(f64::MIN, f64::max) }
    }

    /// The quantile `p` of the noise in the estimate, were the shift 0.
    pub(crate) fn reach(&self, p: f64) -> f64 {
        self.quantile(p) - self.estimate()
    }
}

/// A model with the runs' groups chosen, ready for drift to be weighed.
struct Cleaned {
    columns: Vec<Vec<f64>>,
    values: Vec<f64>,
    inflation: f64,
    /// Runs that were not moved in.
    inside: usize,
    groups: usize,
    lopsided: bool,
    misfit: f64,
    labels: Vec<usize>,
    residuals: Vec<f64>,
    spread: f64,
}

/// Estimates the shift; `None` where there are too few runs to tell noise from shift.
pub(crate) fn estimate(sample: &Sample) -> Option<Shift> {
    let pairs = pairwise_median(sample);
    // Groups may be hidden by the shift or feigned by it: they are looked for with the shift taken out as the median
    // difference has it, and as it is. The tighter fit is believed, and what is said has to hold by the other, too, where
    // that is about as tight: candidates all of the base's slower kind, or all slower, of its faster. Of a side with few runs
    // nobody knows which groups it falls into: any shift would do.
    let starts = [pairs, 0.0];
    let starts = if runs_of_smaller_side(sample) < GROUPED { &starts[..0] } else { &starts[..] };
    let mut fits: Vec<Cleaned> = starts.iter().filter_map(|start| grouped(sample, *start)).collect();
    fits.sort_by(|a, b| a.misfit.total_cmp(&b.misfit));
    let mut fits = fits.into_iter();
    let cleaned = fits.next().or_else(|| clean(sample, &vec![0; sample.values.len()]))?;
    if is_history_quieter(sample, &cleaned) {
        return without_history(sample);
    }
    let mut shift = weigh(sample, &cleaned)?;
    let as_good = |other: &Cleaned| other.misfit < cleaned.misfit + AS_GOOD && other.labels != cleaned.labels;
    if let Some(other) = fits.next().filter(as_good) {
        shift.orders.extend(weigh(sample, &other)?.orders);
    }
    if let Some(Unequal { mixture, spread }) = unequal(sample, &cleaned) {
        // What is said has to hold by each side's own scatter, and with the drift that was seen.
        shift.orders.insert(0, mixture);
        shift.spread = shift.spread.max(spread);
        shift.is_unequal = true;
    }
    Some(shift)
}

/// The shift by each side's own scatter, where the two differ.
fn unequal(sample: &Sample, cleaned: &Cleaned) -> Option<Unequal> {
    let shift = *least_squares::fit(&cleaned.columns, &cleaned.values)?.coefficients.last()?;
    let [base, candidate] = [Side::Base, Side::Candidate].map(|side| cleaned.residuals_of(sample, side));
    unequal::estimate(&base, &candidate, shift, REACH)
}

impl Cleaned {
    fn residuals_of(&self, sample: &Sample, wanted: Side) -> Vec<f64> {
        let each = self.residuals.iter().zip(&sample.sides);
        each.filter(|(_, side)| **side == wanted).map(|(residual, _)| *residual).collect()
    }
}

/// Whether earlier runs scatter so much less than those of the sides that they do not tell how noisy these are.
fn is_history_quieter(sample: &Sample, cleaned: &Cleaned) -> bool {
    let [history, base, candidate] =
        [Side::History, Side::Base, Side::Candidate].map(|side| cleaned.residuals_of(sample, side));
    unequal::is_quieter(&history, [&base, &candidate], REACH)
}

/// The shift by the runs of the sides alone.
fn without_history(sample: &Sample) -> Option<Shift> {
    let is_of_sides = |at: &usize| sample.sides[*at] != Side::History;
    let kept: Vec<usize> = (0..sample.values.len()).filter(is_of_sides).collect();
    let sides = Sample {
        values: kept.iter().map(|at| sample.values[*at]).collect(),
        sides: kept.iter().map(|at| sample.sides[*at]).collect(),
        ..*sample
    };
    let mut shift = estimate(&sides)?;
    // Each value keeps its place.
    let (mut labels, mut residuals) = (vec![usize::MAX; sample.values.len()], vec![0.0; sample.values.len()]);
    for (at, (label, residual)) in kept.iter().zip(shift.labels.iter().zip(&shift.residuals)) {
        (labels[*at], residuals[*at]) = (*label, *residual);
    }
    (shift.labels, shift.residuals, shift.is_without_history) = (labels, residuals, true);
    Some(shift)
}

fn pairwise_median(sample: &Sample) -> f64 {
    let (base, candidate) = (sample.of(Side::Base), sample.of(Side::Candidate));
    let differences: Vec<f64> =
        base.iter().flat_map(|base| candidate.iter().map(move |c| c - base)).collect();
    median(&differences)
}

fn grouped(sample: &Sample, start: f64) -> Option<Cleaned> {
    let mut shift = start;
    let mut cleaned = None;
    for _ in 0..2 {
        let each = sample.values.iter().zip(&sample.sides);
        let unshifted: Vec<f64> =
            each.map(|(value, side)| if *side == Side::Candidate { value - shift } else { *value }).collect();
        let fit = clean(sample, &groups::labels(&unshifted, sample.resolution))?;
        shift = *least_squares::fit(&fit.columns, &fit.values)?.coefficients.last()?;
        cleaned = Some(fit);
    }
    cleaned
}

/// A column a group, one for earlier runs, and one for the candidate, which comes last.
fn design(sample: &Sample, labels: &[usize]) -> Vec<Vec<f64>> {
    let indicator = |member: &dyn Fn(usize) -> bool| {
        (0..labels.len()).map(|at| f64::from(u8::from(member(at)))).collect()
    };
    let groups = labels.iter().max().map_or(0, |last| last + 1);
    let mut columns: Vec<Vec<f64>> = (0..groups).map(|group| indicator(&|at| labels[at] == group)).collect();
    for side in [Side::History, Side::Candidate] {
        if sample.sides.contains(&side) {
            columns.push(indicator(&|at| sample.sides[at] == side));
        }
    }
    columns
}

/// Moves wild runs in.
fn clean(sample: &Sample, labels: &[usize]) -> Option<Cleaned> {
    let columns = design(sample, labels);
    let groups = labels.iter().max().map_or(0, |last| last + 1);
    let n = labels.len();
    let free = n as f64 - columns.len() as f64;
    if free < 1.0 || n <= 2 * groups {
        return None;
    }
    let correction = (n as f64 / free).sqrt();
    let mut coefficients = if groups == 1 {
        medians(sample)
    } else {
        least_squares::fit(&columns, &sample.values)?.coefficients
    };
    let mut values = sample.values.clone();
    let (mut spread, mut inside, mut residuals) = (0.0, n, Vec::new());
    for _ in 0..4 {
        let fitted: Vec<f64> = (0..n)
            .map(|row| columns.iter().zip(&coefficients).map(|(column, b)| column[row] * b).sum())
            .collect();
        residuals = sample.values.iter().zip(&fitted).map(|(value, fit)| value - fit).collect::<Vec<f64>>();
        spread = scale(&residuals) * correction;
        let reach = reach(sample) * spread;
        inside = residuals.iter().filter(|residual| residual.abs() <= reach).count();
        values = residuals
            .iter()
            .zip(&fitted)
            .map(|(residual, fit)| fit + residual.clamp(-reach, reach))
            .collect();
        coefficients = least_squares::fit(&columns, &values)?.coefficients;
    }
    let inflation = (n as f64 / inside as f64).min(3.0);
    let misfit = n as f64 * spread.max(f64::MIN_POSITIVE).ln() + 2.0 * groups as f64;
    let lopsided = lopsided(sample, labels, groups);
    let labels = labels.to_vec();
    Some(Cleaned { columns, values, inflation, inside, groups, lopsided, misfit, labels, residuals, spread })
}

/// Standard errors by which the shares of a group may differ between the sides.
const LOPSIDED: f64 = 1.5;

/// Whether a group holds runs of the candidate only, or clearly more of one side than of the other.
fn lopsided(sample: &Sample, labels: &[usize], groups: usize) -> bool {
    let count = |group: Option<usize>, side: Side| {
        let members = sample.sides.iter().zip(labels);
        members.filter(|(s, g)| **s == side && group.is_none_or(|group| **g == group)).count() as f64
    };
    let (base, candidate) = (count(None, Side::Base), count(None, Side::Candidate));
    (0..groups).any(|group| {
        let own = |side| count(Some(group), side);
        let share = (own(Side::Base) + own(Side::Candidate)) / (base + candidate);
        let error = (share * (1.0 - share) * (base.recip() + candidate.recip())).sqrt();
        let is_new = own(Side::Base) + own(Side::History) == 0.0 && own(Side::Candidate) > 0.0;
        is_new
            || (own(Side::Base) / base - own(Side::Candidate) / candidate).abs() > LOPSIDED * error.max(1e-9)
    })
}

/// How far from the fit a run may lie, in scales. A side of one or two runs has nothing that a wild run could be told
/// from, so that the tails of the noise have to count in full.
fn reach(sample: &Sample) -> f64 {
    if runs_of_smaller_side(sample) < FEW { f64::MAX } else { REACH }
}

fn runs_of(sample: &Sample, wanted: Side) -> usize {
    sample.sides.iter().filter(|side| **side == wanted).count()
}

fn runs_of_smaller_side(sample: &Sample) -> usize {
    runs_of(sample, Side::Base).min(runs_of(sample, Side::Candidate))
}

/// The coefficients of one group by medians.
fn medians(sample: &Sample) -> Vec<f64> {
    let of = |wanted: Side| {
        let values = sample.of(wanted);
        (!values.is_empty()).then(|| median(&values))
    };
    let base = of(Side::Base).unwrap_or_default();
    let mut coefficients = vec![base];
    coefficients
        .extend([Side::History, Side::Candidate].into_iter().filter_map(of).map(|level| level - base));
    coefficients
}

/// One way for the level to move from run to run.
#[derive(Debug, Clone, Copy)]
struct Drift {
    share: f64,
    trend: bool,
    prior: f64,
}

/// All that are considered; no trend of a run or two, nor one in an order that is but possible: with each side first in
/// turn the interval has room for it.
fn drifts(sample: &Sample) -> Vec<Drift> {
    let with = |trend: bool, prior: f64| {
        SHARES.into_iter().map(move |(share, of_share)| Drift { share, trend, prior: prior * of_share })
    };
    if sample.order != Order::Timed || runs_of_smaller_side(sample) < FEW {
        return with(false, 1.0).collect();
    }
    with(false, 1.0 - TREND).chain(with(true, TREND)).collect()
}

/// The runs in an order that they may have been made in, by their places in the sample, and how the level may move then.
struct Course {
    order: Vec<usize>,
    drifts: Vec<Drift>,
}

/// The orders that are possible. Runs that took turns, in whatever order, are independent: what drifts is in both sides.
fn courses(sample: &Sample) -> Vec<Course> {
    let as_it_stands: Vec<usize> = (0..sample.values.len()).collect();
    let drifting = |order: Vec<usize>| Course { order, drifts: drifts(sample) };
    let independent =
        Course { order: as_it_stands.clone(), drifts: vec![Drift { share: 0.0, trend: false, prior: 1.0 }] };
    let mut candidate_first = as_it_stands.clone();
    candidate_first.sort_by_key(|at| match sample.sides[*at] {
        Side::History => 0,
        Side::Candidate => 1,
        Side::Base => 2,
    });
    match sample.order {
        Order::Unknown => vec![independent],
        Order::Timed => vec![drifting(as_it_stands)],
        Order::Assumed => vec![independent, drifting(as_it_stands), drifting(candidate_first)],
    }
}

/// A steady trend over the runs of the sides, larger by [`TREND_SD`] at the last than at the first. Earlier runs have no
/// part in it: they may have been made a night apart, and these minutes.
fn trend_of(sample: &Sample, order: &[usize]) -> Vec<f64> {
    let is_earlier = |side: Side| side == Side::History;
    let runs = sample.sides.iter().filter(|side| !is_earlier(**side)).count();
    let step = TREND_SD / (runs.max(2) - 1) as f64;
    let mut place = 0.0;
    let at = |at: &usize| {
        let earlier = is_earlier(sample.sides[*at]);
        let value = place * step;
        place += if earlier { 0.0 } else { 1.0 };
        if earlier { 0.0 } else { value }
    };
    order.iter().map(at).collect()
}

/// What is thought of the shift in one order.
struct InOrder {
    mixture: Mixture,
    is_rounded: bool,
    /// By how much the error is larger than it were of runs with the same noise and no drift.
    widened: f64,
}

/// Weighs the drifts in each order. Where several are possible, what is said of the shift has to hold in all.
fn weigh(sample: &Sample, cleaned: &Cleaned) -> Option<Shift> {
    let each: Vec<InOrder> =
        courses(sample).iter().map(|course| in_order(sample, cleaned, course)).collect::<Option<_>>()?;
    Some(Shift {
        is_rounded: each.iter().any(|order| order.is_rounded),
        widened: each.iter().map(|order| order.widened).fold(1.0, f64::max),
        orders: each.into_iter().map(|order| order.mixture).collect(),
        groups: cleaned.groups,
        lopsided: cleaned.lopsided,
        labels: cleaned.labels.clone(),
        residuals: cleaned.residuals.clone(),
        spread: cleaned.spread,
        is_unequal: false,
        is_without_history: false,
    })
}

/// Mixes the answers over the drifts in one order.
fn in_order(sample: &Sample, cleaned: &Cleaned, course: &Course) -> Option<InOrder> {
    let spent = cleaned.columns.len() + cleaned.groups - 1;
    let free = cleaned.values.len() as f64 - spent as f64;
    if free < 1.0 {
        return None;
    }
    // A run that was moved in says little of the spread.
    let certain = (cleaned.inside as f64 - spent as f64).max(1.0);
    let in_order = |column: &[f64]| course.order.iter().map(|at| column[*at]).collect::<Vec<f64>>();
    let columns: Vec<Vec<f64>> = cleaned.columns.iter().map(|column| in_order(column)).collect();
    let values = in_order(&cleaned.values);
    let mut parts = Vec::with_capacity(course.drifts.len());
    let mut widths = Vec::with_capacity(course.drifts.len());
    let mut is_rounded = false;
    let mut steady = None;
    for Drift { share, trend, prior } in &course.drifts {
        let whitener = Whitener::new(Noise { phi: PHI, share: *share }, values.len());
        let mut columns: Vec<Vec<f64>> = columns.iter().map(|column| whitener.apply(column)).collect();
        let mut values = whitener.apply(&values);
        if *trend {
            // What is thought of it beforehand is one more row (ridge regression), and takes no degree of freedom.
            columns.iter_mut().for_each(|column| column.push(0.0));
            values.push(0.0);
            let mut slope = whitener.apply(&trend_of(sample, &course.order));
            slope.push(1.0);
            columns.insert(0, slope);
        }
        let fit = least_squares::fit(&columns, &values)?;
        let tiny = 1e-24 * dot(&values, &values);
        let variance = (fit.residual_ss / free).max(tiny).max(f64::MIN_POSITIVE);
        let mut error = (variance * fit.variances.last()?).sqrt() * cleaned.inflation;
        if variance.sqrt() < ROUNDED * sample.resolution {
            // Too little noise to average the rounding out: each side may be off by half a step.
            let rounding = sample.resolution / 6f64.sqrt();
            is_rounded |= rounding > error;
            error = error.max(rounding);
        }
        let log_weight = prior.ln() - whitener.half_log_det - fit.half_log_det - 0.5 * free * variance.ln();
        let factor = fit.variances.last()? / (1.0 - share);
        widths.push((factor / *steady.get_or_insert(factor)).sqrt());
        parts.push(Part { weight: log_weight, estimate: *fit.coefficients.last()?, error });
    }
    let most = parts.iter().map(|part| part.weight).fold(f64::MIN, f64::max);
    parts.iter_mut().for_each(|part| part.weight = (part.weight - most).exp());
    let total: f64 = parts.iter().map(|part| part.weight).sum();
    parts.iter_mut().for_each(|part| part.weight /= total);
    let widened = parts.iter().zip(&widths).map(|(part, width)| part.weight * width).sum();
    parts.retain(|part| part.weight > 1e-4);
    let kept: f64 = parts.iter().map(|part| part.weight).sum();
    parts.iter_mut().for_each(|part| part.weight /= kept);
    Some(InOrder { mixture: Mixture::new(parts, certain)?, is_rounded, widened })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(base: &[f64], candidate: &[f64]) -> Sample {
        let sides = [vec![Side::Base; base.len()], vec![Side::Candidate; candidate.len()]].concat();
        Sample { values: [base, candidate].concat(), sides, order: Order::Unknown, resolution: 0.0 }
    }

    /// Without wild runs, groups and times it is Student's t test for two samples: here the difference is 1, its
    /// standard error √(2.5 · 2/5) = 1, and the quantile 0.975 of t with 8 degrees of freedom 2.306004.
    #[test]
    fn students_t_test() {
        let shift = estimate(&sample(&[3.0, 1.0, 5.0, 2.0, 4.0], &[2.0, 6.0, 4.0, 3.0, 5.0])).unwrap();
        assert_eq!(shift.groups, 1);
        assert!((shift.estimate() - 1.0).abs() < 1e-9);
        assert!((shift.quantile(0.025) + 1.306004).abs() < 1e-5);
        assert!((shift.quantile(0.975) - 3.306004).abs() < 1e-5);
    }

    /// A wild run moves the mean by five times the shift, and the answer hardly.
    #[test]
    fn a_wild_run_does_not_decide() {
        let base = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99, 1.0, 9.0];
        let candidate: Vec<f64> = base[..9].iter().map(|value| value + 0.1).chain([1.1]).collect();
        let shift = estimate(&sample(&base, &candidate)).unwrap();
        assert!((shift.estimate() - 0.1).abs() < 0.02 && shift.below(0.0) < 1e-6);
    }

    /// Two kinds of machine, 0.3 apart, in unequal numbers: the shift within each is found.
    #[test]
    fn groups_of_machines_are_compared_within() {
        let base = [0.0, 0.01, 0.3, 0.31, 0.02, 0.32, 0.01, 0.3, 0.0, 0.31];
        let candidate = [0.05, 0.06, 0.07, 0.05, 0.36, 0.06, 0.35, 0.07, 0.05, 0.06];
        let shift = estimate(&Sample { resolution: 0.01, ..sample(&base, &candidate) }).unwrap();
        assert_eq!(shift.groups, 2);
        assert!((shift.estimate() - 0.05).abs() < 0.01 && shift.below(0.0) < 1e-4);
    }

    /// Runs that stand apart on one side only may be what the change does to some of them.
    #[test]
    fn groups_of_one_side_are_told() {
        let base: Vec<f64> = (0..10).map(|at| 0.003 * f64::from(at * 7 % 10)).collect();
        let some = |moved: usize| -> Vec<f64> {
            base.iter().enumerate().map(|(at, value)| value + if at < moved { 1.0 } else { 0.0 }).collect()
        };
        for moved in 1..5 {
            let shift = estimate(&sample(&base, &some(moved))).unwrap();
            assert!(shift.groups == 1 || shift.lopsided, "{moved}: {shift:?}");
        }
        let shift = estimate(&sample(&some(5), &some(5))).unwrap();
        assert!(shift.groups > 1 && !shift.lopsided, "{shift:?}");
    }

    /// A ramp that is cut in the middle looks like a shift, unless drift is part of the model.
    #[test]
    fn drift_widens_the_interval_of_one_after_the_other() {
        let ramp: Vec<f64> = (0..20).map(|at| f64::from(at) + if at % 2 == 0 { 0.8 } else { -0.8 }).collect();
        let blocks = sample(&ramp[..10], &ramp[10..]);
        let interval = |sample: &Sample| {
            let shift = estimate(sample).unwrap();
            (shift.quantile(0.025), shift.quantile(0.975), shift.widened)
        };
        assert!(interval(&blocks).0 > 0.0, "ten runs further on the ramp is ten higher");
        let (low, high, widened) = interval(&Sample { order: Order::Timed, ..blocks.clone() });
        assert!(low < 0.0 && high > 0.0 && widened > 1.7, "{low} {high} {widened}");
        // Of pairs the second is higher by the 1 of the ramp, and their halves take turns to be high.
        let turns = |at: usize| if matches!(at % 4, 0 | 3) { Side::Base } else { Side::Candidate };
        let interleaved = Sample { sides: (0..20).map(turns).collect(), order: Order::Timed, ..blocks };
        let (from, to, widened) = interval(&interleaved);
        assert!(to - from < 0.6 * (high - low) && widened < 1.3, "{from} {to} {widened}");
        assert!(from < 0.0 && to > 0.0);
    }

    /// Runs of both sides that took turns along a ramp of 1 % a run, as the earlier ones lie on it, and are given without
    /// their times: one side after the other they would be the base's ramp and then the same once more.
    #[test]
    fn the_order_of_the_sides_may_be_any() {
        let ramp = |at: i32| 0.01 * f64::from(at) + if at % 3 == 0 { 0.002 } else { -0.001 };
        let history: Vec<f64> = (0..64).map(ramp).collect();
        let side = |first: i32, step: i32, shift: f64| (0..10).map(move |at| ramp(first + step * at) + shift);
        let judged = |base: Vec<f64>, candidate: Vec<f64>| {
            let sides = [vec![Side::History; 64], vec![Side::Base; 10], vec![Side::Candidate; 10]].concat();
            let values = [history.clone(), base, candidate].concat();
            estimate(&Sample { values, sides, order: Order::Assumed, resolution: 0.0 }).unwrap()
        };
        let turns = judged(side(64, 2, 0.0).collect(), side(65, 2, 0.17).collect());
        assert!((turns.estimate() - 0.18).abs() < 0.005, "{}", turns.estimate());
        assert!(turns.quantile(0.025) < 0.17 && turns.quantile(0.975) > 0.18);
        assert!(turns.above(0.05) > 0.025, "within 5 % it is not");
        for (base, candidate) in [(64, 74), (74, 64)] {
            let same = judged(side(base, 1, 0.0).collect(), side(candidate, 1, 0.0).collect());
            assert!(same.quantile(0.025) < 0.0 && same.quantile(0.975) > 0.0, "{base}");
            assert!(same.widened > 1.7, "{}", same.widened);
        }
    }

    #[test]
    fn one_run_a_side_needs_a_history() {
        let one = sample(&[1.0], &[1.1]);
        assert!(estimate(&one).is_none());
        let history: Vec<f64> = (0..40).map(|at| 1.0 + 0.01 * f64::from(at % 3)).collect();
        let values = [history, one.values].concat();
        let sides = [vec![Side::History; 40], one.sides].concat();
        let shift = estimate(&Sample { values, sides, order: Order::Timed, resolution: 0.0 }).unwrap();
        assert!(shift.below(0.0) < 0.01);
    }
}
