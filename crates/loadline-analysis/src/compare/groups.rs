//! Runs that fall into clearly separate groups.
//!
//! A fresh cloud machine comes with one of several processors under one name, and its figures form separate clusters
//! tens of per cent apart. A change of a few per cent then drowns in their mixture but is plain within each. A list
//! is cut where the cut leaves the least variance within the parts, and only if it leaves under a tenth of it: for a
//! normal distribution the best cut leaves 1 − 2/π = 36 %, for a uniform one 25 %.

/// The most variance that may be left within the parts for a cut to be believed, as a share.
const LEFT: f64 = 0.1;
/// The fewest runs that are cut.
const FEWEST: usize = 6;

/// The group of each value, numbered from 0 in ascending order.
pub(crate) fn labels(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut labels = vec![0; values.len()];
    let sorted: Vec<f64> = order.iter().map(|&index| values[index]).collect();
    let mut group = 0;
    let mut pending = vec![(0, sorted.len())];
    while let Some((start, end)) = pending.pop() {
        if let Some(cut) = cut(&sorted[start..end]) {
            pending.push((start + cut, end));
            pending.push((start, start + cut));
        } else {
            order[start..end].iter().for_each(|&index| labels[index] = group);
            group += 1;
        }
    }
    labels
}

/// Where a sorted list falls into two parts.
fn cut(sorted: &[f64]) -> Option<usize> {
    let n = sorted.len();
    if n < FEWEST {
        return None;
    }
    let mean = sorted.iter().sum::<f64>() / n as f64;
    let total: f64 = sorted.iter().map(|value| (value - mean).powi(2)).sum();
    // The variance between the parts is n/(k (n − k)) · (sum of the first k deviations)².
    let (mut sum, mut best) = (0.0, (0.0, 0));
    for k in 1..n {
        sum += sorted[k - 1] - mean;
        let between = sum * sum * n as f64 / (k * (n - k)) as f64;
        if between > best.0 {
            best = (between, k);
        }
    }
    (total > 0.0 && total - best.0 < LEFT * total).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_told_apart_and_spread_is_not() {
        assert_eq!(labels(&[0.0, 1.0, 0.02, 1.01, 0.01, 1.02, 9.0]), [0, 1, 0, 1, 0, 1, 2]);
        let even: Vec<f64> = (0..20).map(f64::from).collect();
        assert!(labels(&even).iter().all(|&label| label == 0));
        assert!(labels(&[1.0; 9]).iter().all(|&label| label == 0));
    }
}
