//! The likelihood of a history with a step at each place, over all kinds of noise.
//!
//! Whitening turns a step that begins at `a` into `s(t)·(u(t) + (1 − u(a))·f(a, t))` from `a` on: `s` are the scales of
//! the filter, `u` is what it makes of a step from the very beginning, and `f(a, t)` is the product of its rates of decay
//! from `a` to `t`, for it forgets where a step began at the same rates wherever that was. So the inner products of any
//! two steps, and of all steps with a column, come from sums from the end that are made once. A place then costs the same
//! however long the history is and however many steps it has.

use crate::compare::least_squares::{self, backward, cholesky, dot, forward};
use crate::compare::noise::{Noise, Whitener};

/// How fast the lasting part of the noise may fade, and the shares of the variance it may have.
const PHIS: [f64; 4] = [0.5, 0.8, 0.9, 0.97];
const SHARES: [f64; 6] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.95];

/// White noise, and all mixtures of the grid.
pub(super) fn noises() -> impl Iterator<Item = Noise> {
    let mixed = PHIS.into_iter().flat_map(|phi| SHARES.into_iter().map(move |share| Noise { phi, share }));
    std::iter::once(Noise { phi: 0.0, share: 0.0 }).chain(mixed)
}

/// What one more step does.
pub(super) struct Profile {
    /// The log likelihood without it, noise fitted.
    pub(super) without: f64,
    /// The log likelihood with it at each place allowed, noise fitted.
    pub(super) with: Vec<(usize, f64)>,
}

impl Profile {
    /// The likeliest place and what it adds to twice the log likelihood.
    pub(super) fn best(&self) -> Option<(usize, f64)> {
        let best = self.with.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((best.0, 2.0 * (best.1 - self.without)))
    }
}

/// A history under all kinds of noise.
pub(super) struct Profiler<'a> {
    values: &'a [f64],
    kinds: Vec<Kind>,
    /// Residual squares below this are rounding.
    floor: f64,
}

impl<'a> Profiler<'a> {
    pub(super) fn new(values: &'a [f64], floor: f64) -> Profiler<'a> {
        Profiler { values, kinds: noises().map(|noise| Kind::new(noise, values.len())).collect(), floor }
    }

    /// Profiles one more step besides `steps`, in any order, over the places allowed, which ascend.
    pub(super) fn profile(&self, steps: &[usize], places: &[usize]) -> Profile {
        let starts = starts(steps);
        let mut without = f64::NEG_INFINITY;
        let mut with: Vec<(usize, f64)> = places.iter().map(|place| (*place, f64::NEG_INFINITY)).collect();
        for kind in &self.kinds {
            let Some(fitted) = kind.fit(self.values, &starts) else { continue };
            without = without.max(self.log_likelihood(kind, fitted.left));
            fitted.each_place(places, |at, left| {
                with[at].1 = with[at].1.max(self.log_likelihood(kind, left));
            });
        }
        Profile { without, with }
    }

    /// The log likelihood of steps, noise fitted.
    pub(super) fn of_steps(&self, steps: &[usize]) -> f64 {
        self.profile(steps, &[]).without
    }

    /// The log likelihood of a level that rises steadily, noise fitted, and its rise from the first run to the last.
    pub(super) fn of_trend(&self) -> Option<(f64, f64)> {
        let n = self.values.len();
        let ramp: Vec<f64> = (0..n).map(|at| at as f64 / (n.max(2) - 1) as f64).collect();
        let fitted = self.kinds.iter().filter_map(|kind| {
            let columns = [kind.whitener.step(0).collect(), kind.whitener.apply(&ramp)];
            let fit = least_squares::fit(&columns, &kind.whitener.apply(self.values))?;
            Some((self.log_likelihood(kind, fit.residual_ss), fit.coefficients[1]))
        });
        fitted.max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// The kind of noise under which the values with these steps are likeliest.
    pub(super) fn likeliest_noise(&self, steps: &[usize]) -> Noise {
        let starts = starts(steps);
        let likelihood = |kind: &Kind| Some(self.log_likelihood(kind, kind.fit(self.values, &starts)?.left));
        let known = self.kinds.iter().filter_map(|kind| Some((likelihood(kind)?, kind.noise)));
        let white = (f64::NEG_INFINITY, Noise { phi: 0.0, share: 0.0 });
        known.fold(white, |best, next| if next.0 > best.0 { next } else { best }).1
    }

    fn log_likelihood(&self, kind: &Kind, left: f64) -> f64 {
        -kind.whitener.half_log_det - 0.5 * self.values.len() as f64 * left.max(self.floor).ln()
    }
}

/// Where levels begin, ascending: at 0 and at each step.
fn starts(steps: &[usize]) -> Vec<usize> {
    let mut starts: Vec<usize> = std::iter::once(0).chain(steps.iter().copied()).collect();
    starts.sort_unstable();
    starts
}

/// Whitened steps under one kind of noise.
struct Kind {
    noise: Noise,
    whitener: Whitener,
    /// `u`.
    lasting: Vec<f64>,
    /// From one place to the next.
    decay: Vec<f64>,
    /// The product of the steps from `a` and from `b`, `a ≤ b`, is `level(b) + (1 − u(a))·f(a, b)·fading(b)`.
    level: Vec<f64>,
    fading: Vec<f64>,
}

impl Kind {
    fn new(noise: Noise, n: usize) -> Kind {
        let whitener = Whitener::new(noise, n);
        let decay: Vec<f64> = whitener.gain.iter().map(|gain| noise.phi * (1.0 - gain)).collect();
        let mut lasting = vec![1.0; n];
        (1..n).for_each(|t| lasting[t] = 1.0 - noise.phi + decay[t - 1] * lasting[t - 1]);
        let (mut level, mut fading) = (vec![0.0; n], vec![0.0; n]);
        // Sums from t on of s²u², s²uf and s²f².
        let (mut uu, mut uf, mut ff) = (0.0, 0.0, 0.0);
        for t in (0..n).rev() {
            let square = whitener.scale[t].powi(2);
            uu += square * lasting[t].powi(2);
            uf = square * lasting[t] + decay[t] * uf;
            ff = square + decay[t].powi(2) * ff;
            level[t] = uu + (1.0 - lasting[t]) * uf;
            fading[t] = uf + (1.0 - lasting[t]) * ff;
        }
        Kind { noise, whitener, lasting, decay, level, fading }
    }

    /// The products of a whitened column with the steps from all places.
    fn along(&self, column: &[f64]) -> Vec<f64> {
        let mut along = vec![0.0; column.len()];
        let (mut of_u, mut of_f) = (0.0, 0.0);
        for t in (0..column.len()).rev() {
            let scaled = self.whitener.scale[t] * column[t];
            of_u += scaled * self.lasting[t];
            of_f = scaled + self.decay[t] * of_f;
            along[t] = of_u + (1.0 - self.lasting[t]) * of_f;
        }
        along
    }

    /// `f` from `from` to `to`.
    fn faded(&self, from: usize, to: usize) -> f64 {
        self.decay[from..to].iter().product()
    }

    /// Fits a level from each start on; `None` where they cannot be told apart.
    fn fit(&self, values: &[f64], starts: &[usize]) -> Option<Fitted<'_>> {
        let between: Vec<f64> = starts.windows(2).map(|pair| self.faded(pair[0], pair[1])).collect();
        let faded = |i: usize, j: usize| between[i..j].iter().product::<f64>();
        let lower = cholesky(starts.len(), |i, j| {
            let (a, b) = (starts[j], starts[i]);
            self.level[b] + (1.0 - self.lasting[a]) * faded(j, i) * self.fading[b]
        })?;
        let all = self.along(&self.whitener.apply(values));
        let sizes = backward(&lower, forward(&lower, starts.iter().map(|start| all[*start]).collect()));
        let mut residual = values.to_vec();
        for (at, start) in starts.iter().enumerate() {
            let end = starts.get(at + 1).copied().unwrap_or(values.len());
            let level: f64 = sizes[..=at].iter().sum();
            residual[*start..end].iter_mut().for_each(|value| *value -= level);
        }
        let residual = self.whitener.apply(&residual);
        let (left, along) = (dot(&residual, &residual), self.along(&residual));
        Some(Fitted { kind: self, starts: starts.to_vec(), between, lower, along, left })
    }
}

/// Levels fitted under one kind of noise, and what they leave.
struct Fitted<'a> {
    kind: &'a Kind,
    starts: Vec<usize>,
    /// `f` from each start to the next.
    between: Vec<f64>,
    /// Cholesky's factor of the products of the steps from the starts.
    lower: Vec<Vec<f64>>,
    /// What the steps from all places have in common with the residual.
    along: Vec<f64>,
    /// The sum of its squares.
    left: f64,
}

impl Fitted<'_> {
    /// Says for each place, by its index among `places`, what squares a step there would leave.
    fn each_place(&self, places: &[usize], mut say: impl FnMut(usize, f64)) {
        let kind = self.kind;
        let n = self.along.len();
        let mut at = 0;
        for gap in 0..self.starts.len() {
            let (from, to) = (self.starts[gap], self.starts.get(gap + 1).copied().unwrap_or(n));
            let products = self.directions(gap);
            // `f` from each place of the gap to its end.
            let mut until = vec![1.0; to - from];
            (0..to - from - 1).rev().for_each(|t| until[t] = until[t + 1] * kind.decay[from + t]);
            if to < n {
                until.iter_mut().for_each(|f| *f *= kind.decay[to - 1]);
            }
            let (mut since, mut reached) = (1.0, from);
            while let Some(&place) = places.get(at).filter(|place| **place < to) {
                since *= kind.faded(reached, place);
                reached = place;
                let fresh = 1.0 - kind.lasting[place];
                let parts = [kind.level[place], kind.fading[place] * since, 1.0, fresh * until[place - from]];
                let rows = products.iter().zip(&parts);
                let known: f64 = rows.map(|(row, part)| part * dot(row, &parts)).sum();
                let length = kind.level[place] + fresh * kind.fading[place];
                let free = length - known;
                if free > 1e-9 * length {
                    say(at, self.left - self.along[place].powi(2) / free);
                }
                at += 1;
            }
        }
    }

    /// The products of a step in a gap with those from the starts are sums of four directions: two for the starts before
    /// it and two for those after. Here are the products of these among each other, in terms of the factor.
    fn directions(&self, gap: usize) -> [[f64; 4]; 4] {
        let kind = self.kind;
        let mut each = [(); 4].map(|()| vec![0.0; self.starts.len()]);
        let mut faded = 1.0;
        for before in (0..=gap).rev() {
            each[0][before] = 1.0;
            each[1][before] = (1.0 - kind.lasting[self.starts[before]]) * faded;
            faded *= before.checked_sub(1).map_or(1.0, |earlier| self.between[earlier]);
        }
        faded = 1.0;
        for (after, start) in self.starts.iter().enumerate().skip(gap + 1) {
            each[2][after] = kind.level[*start];
            each[3][after] = faded * kind.fading[*start];
            faded *= self.between.get(after).copied().unwrap_or(1.0);
        }
        let solved = each.map(|direction| forward(&self.lower, direction));
        [0, 1, 2, 3].map(|i| [0, 1, 2, 3].map(|j| dot(&solved[i], &solved[j])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by least squares over whole columns, place by place.
    fn dense(values: &[f64], steps: &[usize], place: Option<usize>, floor: f64) -> f64 {
        let n = values.len();
        let likelihood = |noise| {
            let whitener = Whitener::new(noise, n);
            let column = |from: usize| [vec![0.0; from], whitener.step(from).collect()].concat();
            let columns: Vec<Vec<f64>> = starts(steps).into_iter().chain(place).map(column).collect();
            let fit = crate::compare::least_squares::fit(&columns, &whitener.apply(values)).unwrap();
            -whitener.half_log_det - 0.5 * n as f64 * fit.residual_ss.max(floor).ln()
        };
        noises().map(likelihood).fold(f64::NEG_INFINITY, f64::max)
    }

    #[test]
    fn sums_from_the_end_are_least_squares() {
        let values: Vec<f64> = (0..60u64)
            .map(|at| {
                let noise = (at.wrapping_mul(6_364_136_223_846_793_005).rotate_left(23) % 1000) as f64 / 1e3;
                noise + if at < 20 { 0.0 } else { 2.0 } - if at < 41 { 0.0 } else { 5.0 }
            })
            .collect();
        let profiler = Profiler::new(&values, 1e-12);
        for steps in [&[][..], &[20usize], &[41, 20], &[7, 30, 50]] {
            let places: Vec<usize> =
                (1..60).filter(|place: &usize| steps.iter().all(|step| step.abs_diff(*place) > 2)).collect();
            let profile = profiler.profile(steps, &places);
            assert!((profile.without - dense(&values, steps, None, 1e-12)).abs() < 1e-8);
            for (place, likelihood) in profile.with {
                let expected = dense(&values, steps, Some(place), 1e-12);
                assert!((likelihood - expected).abs() < 1e-8, "{steps:?} {place}: {likelihood} {expected}");
            }
        }
    }
}
