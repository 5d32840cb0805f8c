//! Runs that fall into clearly separate groups.
//!
//! A fresh cloud machine comes with one of several processors under one name, and its figures form separate clusters
//! tens of per cent apart. A change of a few per cent then drowns in their mixture but is plain within each. A list
//! is cut where the cut leaves the least variance within the parts, and only if it leaves under a tenth of it: for a
//! normal distribution the best cut leaves 1 − 2/π = 36 %, for a uniform one 25 %. Few values fall apart by chance: the
//! best cut leaves under a tenth in one of eight samples of six. There it has to leave what it does in one of a thousand.
//! It is the size of the whole list that counts: where many runs have fallen apart, that there are groups is known, and
//! their parts are cut by the same measure.

/// The most variance that may be left within the parts for a cut to be believed, as a share.
const LEFT: f64 = 0.1;
/// The same for three parts, of which a normal distribution leaves 19 % and a uniform one 11 %.
const LEFT_OF_THREE: f64 = 0.02;
/// What the best cut of six normal values leaves in one of a thousand samples, and by how much more with each value;
/// simulated, 20,000 samples of each size. First for two parts, then for three.
const OF_FEWEST: [(f64, f64); 2] = [(0.008, 0.0105), (0.0005, 0.0025)];
/// The least gap between groups, in steps of rounding.
const GAP: f64 = 3.0;
/// The fewest runs that are cut.
const FEWEST: usize = 6;

/// The group of each value, numbered from 0 in ascending order. Values were rounded to steps of `resolution`: neighbours
/// among the few values that are left are no groups.
pub(crate) fn labels(values: &[f64], resolution: f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut labels = vec![0; values.len()];
    let sorted: Vec<f64> = order.iter().map(|&index| values[index]).collect();
    let mut group = 0;
    let mut pending = vec![(0, sorted.len())];
    let allowed = allowed(sorted.len());
    while let Some((start, end)) = pending.pop() {
        if let Some(cut) = cut(&sorted[start..end], GAP * resolution, allowed) {
            pending.push((start + cut, end));
            pending.push((start, start + cut));
        } else {
            order[start..end].iter().for_each(|&index| labels[index] = group);
            group += 1;
        }
    }
    labels
}

/// The most that two and three parts of a list of `n` may leave.
fn allowed(n: usize) -> [f64; 2] {
    let [of_two, of_three] = OF_FEWEST.map(|(least, more)| least + more * n.saturating_sub(FEWEST) as f64);
    [LEFT.min(of_two), LEFT_OF_THREE.min(of_three)]
}

/// Where a sorted list falls into two parts, or for want of that into three; then it is the first of the two cuts.
fn cut(sorted: &[f64], gap: f64, [of_two, of_three]: [f64; 2]) -> Option<usize> {
    let n = sorted.len();
    if n < FEWEST {
        return None;
    }
    let mean = sorted.iter().sum::<f64>() / n as f64;
    // Sums of the first k deviations: a part from i to j has the variance between of (sums[j] − sums[i])²/(j − i).
    let mut sums = vec![0.0; n + 1];
    (0..n).for_each(|k| sums[k + 1] = sums[k] + sorted[k] - mean);
    let total: f64 = sorted.iter().map(|value| (value - mean).powi(2)).sum();
    let part = |i: usize, j: usize| (sums[j] - sums[i]).powi(2) / (j - i) as f64;
    let most = |best: (f64, usize), next: (f64, usize)| if next.0 > best.0 { next } else { best };
    let open = |k: &usize| sorted[*k] - sorted[*k - 1] > gap;
    let two = (1..n).filter(open).map(|k| (part(0, k) + part(k, n), k)).fold((0.0, 0), most);
    if total > 0.0 && total - two.0 < of_two * total {
        return Some(two.1);
    }
    let pairs = (1..n - 1).filter(open).flat_map(|i| (i + 1..n).filter(open).map(move |j| (i, j)));
    let three = pairs.map(|(i, j)| (part(0, i) + part(i, j) + part(j, n), i)).fold((0.0, 0), most);
    (total > 0.0 && total - three.0 < of_three * total).then_some(three.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_told_apart_and_spread_is_not() {
        let clusters = [0.0, 1.0, 0.02, 1.01, 0.01, 1.02, 0.01, 1.0, 9.0];
        assert_eq!(labels(&clusters, 0.01), [0, 1, 0, 1, 0, 1, 0, 1, 2]);
        let even: Vec<f64> = (0..20).map(f64::from).collect();
        assert!(labels(&even, 0.0).iter().all(|&label| label == 0));
        let rounded = [0.033, 0.034, 0.033, 0.034, 0.033, 0.033, 0.035];
        assert!(labels(&rounded, 0.001).iter().all(|&label| label == 0));
        assert!(labels(&[1.0; 9], 0.0).iter().all(|&label| label == 0));
    }

    /// Three and three normal values fall apart by chance in one of a thousand samples, not in one of four.
    #[test]
    fn few_values_do_not_fall_apart_by_chance() {
        let mut state = 7u64;
        let mut uniform = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        for n in [6, 8, 10, 14] {
            let mut sample = || (0..n).map(|_| (0..12).map(|_| uniform()).sum()).collect::<Vec<f64>>();
            let apart = (0..1000).filter(|_| labels(&sample(), 0.0).iter().any(|label| *label > 0)).count();
            assert!(apart <= 8, "{apart} of 1000 samples of {n}");
        }
    }
}
