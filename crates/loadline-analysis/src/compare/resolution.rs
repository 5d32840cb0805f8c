//! The step to which values were rounded.
//!
//! Values of a few digits, such as 0.033, say no more than their last decimal place. Percentiles out of a histogram have
//! many digits and lie on the edges of its buckets all the same; such values come again and again, which values that are
//! not rounded do not.

use super::shift::{FEW, Side};

/// The largest gap between two values, as a share of their size, that is taken for one of a histogram's buckets: that of two
/// significant digits. Wider ones are the values' own.
const BUCKET_MAX: f64 = 0.02;
/// The same between the sides, where every run of a side has one value: that of three digits, for more may be the change.
const BETWEEN_MAX: f64 = 0.001;
/// The share of runs whose value another has, too, from which on values are taken to lie in buckets.
const COMING_AGAIN: f64 = 0.5;

/// The step of the last decimal place that any value uses.
pub(super) fn decimal(values: impl Iterator<Item = f64>) -> f64 {
    let places = values.map(|value| value.to_string().split_once('.').map_or(0, |(_, places)| places.len()));
    10f64.powi(-(places.max().unwrap_or(0).min(300) as i32))
}

/// The least gap between neighbouring values, where values come again.
pub(super) fn bucket(values: &[(Side, f64)]) -> Option<f64> {
    let sides = [Side::History, Side::Base, Side::Candidate];
    let of = |wanted: &[Side], most: f64| {
        let own = values.iter().filter(|(side, _)| wanted.contains(side));
        gap(own.map(|(_, value)| *value).collect(), most)
    };
    let within = sides.iter().filter_map(|side| of(&[*side], BUCKET_MAX)).reduce(f64::min);
    within.or_else(|| of(&sides, BETWEEN_MAX))
}

/// The least gap of at most that share between values that come again.
fn gap(mut values: Vec<f64>, most: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let alone = values.chunk_by(|a, b| a == b).filter(|same| same.len() == 1).count();
    if values.len() < FEW || ((values.len() - alone) as f64) < COMING_AGAIN * values.len() as f64 {
        return None;
    }
    let gaps = values.windows(2).map(|pair| (pair[1] - pair[0], most * pair[1].abs()));
    gaps.filter(|(gap, most)| *gap > 0.0 && gap <= most).map(|(gap, _)| gap).reduce(f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_seen() {
        assert_eq!(decimal([0.03, 0.031, 2.0].into_iter()), 0.001);
        let side = |values: &[f64]| values.iter().map(|value| (Side::Base, *value)).collect::<Vec<_>>();
        // Neighbouring buckets of a histogram of three digits, in milliseconds.
        let gap = bucket(&side(&[21.119, 21.135, 21.119, 21.135, 21.151, 21.119])).unwrap();
        assert!((gap - 0.016).abs() < 1e-9);
        assert_eq!(bucket(&side(&[21.1193, 21.135, 21.1312, 21.1351, 21.151, 21.1152])), None);
        assert_eq!(bucket(&side(&[20.0, 24.0, 20.0, 24.0, 20.0, 24.0])), None, "two kinds of machine");
        let apart: Vec<(Side, f64)> =
            (0..12).map(|at| if at < 6 { (Side::Base, 20.0) } else { (Side::Candidate, 20.2) }).collect();
        assert_eq!(bucket(&apart), None, "that is the change");
        let near: Vec<(Side, f64)> =
            (0..12).map(|at| if at < 6 { (Side::Base, 21.119) } else { (Side::Candidate, 21.135) }).collect();
        assert!((bucket(&near).unwrap() - 0.016).abs() < 1e-9, "one bucket and the next");
    }
}
