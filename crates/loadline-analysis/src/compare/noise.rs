//! Noise that drifts: a white part from run to run and a part that lasts.

/// Noise of variance 1 in time order: white noise with the share `1 − share`, and a first-order autoregression
/// `x(t) = phi · x(t − 1) + e` with the share `share` of the variance. `phi` near 1 is a slow drift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Noise {
    pub(crate) phi: f64,
    pub(crate) share: f64,
}

/// Turns columns with that noise into columns with white noise of the same likelihood, in time linear in their length:
/// the innovations of the Kalman filter (Harvey, *Forecasting, Structural Time Series Models and the Kalman Filter*,
/// 1989, §3.4). The filter is linear and its gains do not depend on the data, so that regressors go through it too.
pub(crate) struct Whitener {
    phi: f64,
    /// What each surprise does to what is expected next.
    pub(crate) gain: Vec<f64>,
    /// By what each surprise is multiplied.
    pub(crate) scale: Vec<f64>,
    /// Half the logarithm of the determinant of the covariance.
    pub(crate) half_log_det: f64,
}

impl Whitener {
    pub(crate) fn new(noise: Noise, len: usize) -> Whitener {
        let Noise { phi, share } = noise;
        let (mut gain, mut scale) = (Vec::with_capacity(len), Vec::with_capacity(len));
        let mut half_log_det = 0.0;
        let mut state = share;
        for _ in 0..len {
            let total = state + 1.0 - share;
            let k = state / total;
            half_log_det += 0.5 * total.ln();
            gain.push(k);
            scale.push(total.sqrt().recip());
            state = phi * phi * state * (1.0 - k) + share * (1.0 - phi * phi);
        }
        Whitener { phi, gain, scale, half_log_det }
    }

    /// Whitens a column.
    pub(crate) fn apply(&self, column: &[f64]) -> Vec<f64> {
        let mut expected = 0.0;
        let each = column.iter().zip(&self.gain).zip(&self.scale);
        each.map(|((&value, gain), scale)| {
            let surprise = value - expected;
            expected = self.phi * (expected + gain * surprise);
            surprise * scale
        })
        .collect()
    }

    /// Whitens the step that is 0 before `from` and 1 from there on; gives the part from `from` on, since the part
    /// before is 0.
    pub(crate) fn step(&self, from: usize) -> impl Iterator<Item = f64> + '_ {
        let mut expected = 0.0;
        self.gain[from..].iter().zip(&self.scale[from..]).map(move |(gain, scale)| {
            let surprise = 1.0 - expected;
            expected = self.phi * (expected + gain * surprise);
            surprise * scale
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The likelihood of the innovations is that of the covariance matrix itself, here worked out by hand for n = 2:
    /// Σ = [[1, c], [c, 1]], c = share · phi.
    #[test]
    fn whitening_keeps_the_likelihood() {
        let noise = Noise { phi: 0.9, share: 0.5 };
        let c: f64 = 0.45;
        let whitener = Whitener::new(noise, 2);
        let (a, b) = (0.7, -0.4);
        let quadratic: f64 = whitener.apply(&[a, b]).iter().map(|x| x * x).sum();
        let det = 1.0 - c * c;
        assert!((quadratic - (a * a - 2.0 * c * a * b + b * b) / det).abs() < 1e-12);
        assert!((whitener.half_log_det - 0.5 * det.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_step_is_whitened_as_a_column_is() {
        let whitener = Whitener::new(Noise { phi: 0.8, share: 0.3 }, 6);
        let column = whitener.apply(&[0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
        let step: Vec<f64> = whitener.step(2).collect();
        assert_eq!(column[..2], [0.0, 0.0]);
        assert!(column[2..].iter().zip(&step).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
