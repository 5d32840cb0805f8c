//! A candidate of which a part of the runs is worse.
//!
//! Groups of runs are taken for kinds of machines, and compared within each. Where the candidate's runs fall into groups
//! that the base's do not, by more than chance puts runs into groups (Fisher's exact test, *Journal of the Royal
//! Statistical Society* 85, 1922), the group is what the candidate does to some of its runs: one in two is slow, say. No
//! comparison within groups shows that, and more runs make it no clearer.

use statrs::distribution::{DiscreteCDF, Hypergeometric};

use super::groups;
use super::robust::median;
use super::shift::Shift;

/// The most that chance may do. Machines are dealt out by chance, and no false alarm is wanted for that.
pub(super) const CHANCE: f64 = 1e-3;
/// Standard errors by which the worse runs may come in fewer stretches than if they were shuffled.
const TOGETHER: f64 = 2.0;

/// The runs of the candidate that are worse.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Affected {
    pub(super) runs: usize,
    /// Runs of the base that are as bad.
    pub(super) of_base: usize,
    /// By how much their median is above that of the base.
    pub(super) by: f64,
    /// The probability that chance puts so many of them on the candidate's side.
    pub(super) chance: f64,
    /// They follow each other, if runs stand in the order of time: what came over the machine for a while does that, too.
    pub(super) is_one_stretch: bool,
}

/// Finds runs of the candidate that are a group of their own, worse than the base by more than `least`. Values are such that
/// more is worse, in the order of time where that is known, and rounded to `resolution`.
pub(super) fn find(base: &[f64], candidate: &[f64], resolution: f64, least: f64) -> Option<Affected> {
    let labels = groups::labels(candidate, resolution);
    let last = labels.iter().copied().max()?;
    let from_group = |first: usize| {
        let is_worse: Vec<bool> = labels.iter().map(|label| *label >= first).collect();
        let side = |wanted: bool| {
            let each = candidate.iter().zip(&is_worse).filter(move |(_, worse)| **worse == wanted);
            each.map(|(value, _)| *value)
        };
        let edge = 0.5 * (side(true).fold(f64::MAX, f64::min) + side(false).fold(f64::MIN, f64::max));
        let runs = side(true).count();
        let of_base = base.iter().filter(|value| **value > edge).count();
        let by = median(&side(true).collect::<Vec<f64>>()) - median(base);
        let chance = (last as f64 * self::chance([of_base, base.len()], [runs, candidate.len()])?).min(1.0);
        let is_one_stretch = follow_each_other(&is_worse);
        (by > least && chance <= CHANCE).then_some(Affected { runs, of_base, by, chance, is_one_stretch })
    };
    (1..=last).filter_map(from_group).min_by(|a, b| a.chance.total_cmp(&b.chance))
}

/// The probability that chance deals so many of the worse runs, or more, to the candidate; of each side the worse runs and
/// all. `None` where it has none.
pub(super) fn chance(base: [usize; 2], candidate: [usize; 2]) -> Option<f64> {
    let [worse, all] = [0, 1].map(|at| (base[at] + candidate[at]) as u64);
    let others = (candidate[0] as u64).checked_sub(1)?;
    Some(Hypergeometric::new(all, worse, candidate[1] as u64).ok()?.sf(others))
}

/// Whether two kinds of runs come in clearly fewer stretches than if they were shuffled (Wald and Wolfowitz, *Annals of
/// Mathematical Statistics* 11, 1940).
fn follow_each_other(is_worse: &[bool]) -> bool {
    let n = is_worse.len() as f64;
    let worse = is_worse.iter().filter(|worse| **worse).count() as f64;
    let stretches = 1.0 + is_worse.windows(2).filter(|pair| pair[0] != pair[1]).count() as f64;
    let expected = 1.0 + 2.0 * worse * (n - worse) / n;
    let variance = (expected - 1.0) * (expected - 2.0) / (n - 1.0);
    stretches < expected - TOGETHER * variance.max(0.0).sqrt()
}

/// The difference of the means, each side by its own scatter (Welch, *Biometrika* 34, 1947): no run is moved in, for
/// those that are far off are what is asked for.
pub(super) fn of_means(base: &[f64], candidate: &[f64]) -> Option<Shift> {
    let of = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        (mean, squares / (n - 1.0) / n, n - 1.0)
    };
    let ((base, base_error, base_free), (candidate, error, free)) = (of(base), of(candidate));
    let both = base_error + error;
    let free = both.powi(2) / (base_error.powi(2) / base_free + error.powi(2) / free);
    Shift::known(candidate - base, both.sqrt(), free)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(n: usize) -> Vec<f64> {
        (0..n).map(|at| 0.001 * (at * 7 % 10) as f64).collect()
    }

    /// Eight of ten and none of ten: of the C(20, 8) = 125,970 ways to deal them C(10, 8) = 45 do that.
    #[test]
    fn a_group_of_the_candidate_is_told() {
        let some = |each: usize| -> Vec<f64> {
            quiet(10).iter().enumerate().map(|(at, v)| v + if at % 5 < each { 0.1 } else { 0.0 }).collect()
        };
        let found = find(&quiet(10), &some(4), 0.0, 0.05).unwrap();
        assert_eq!((found.runs, found.of_base, found.is_one_stretch), (8, 0, false));
        assert!((found.chance - 45.0 / 125_970.0).abs() < 1e-9 && (found.by - 0.1).abs() < 0.003);
        assert_eq!(find(&quiet(10), &some(2), 0.0, 0.05), None, "four of ten may be chance");
        assert_eq!(find(&some(4), &some(4), 0.0, 0.05), None, "the base has them, too");
        assert_eq!(find(&quiet(10), &some(4), 0.0, 0.2), None, "that is tolerated");
        assert_eq!(find(&some(4), &quiet(10), 0.0, 0.05), None, "better is not worse");
    }

    #[test]
    fn what_comes_for_a_while_is_told() {
        let late: Vec<f64> =
            quiet(40).iter().enumerate().map(|(at, v)| v + if at < 20 { 0.0 } else { 0.1 }).collect();
        assert!(find(&quiet(40), &late, 0.0, 0.05).unwrap().is_one_stretch);
    }
}
