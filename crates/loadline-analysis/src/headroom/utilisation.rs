//! The capacity of an instance from its history: demand against utilisation, without a load test.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A curvature beyond this many of its standard errors is no chance.
const CURVED: f64 = 3.0;

/// The demand that one instance carries at a target utilisation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PerInstance {
    /// The estimate.
    pub demand: f64,
    /// Its confidence interval; `None` where utilisation does not clearly grow with demand.
    pub interval: Option<(f64, f64)>,
    /// The largest demand of an instance observed.
    pub observed_max: f64,
    /// The estimate over the largest demand observed: above 1 the line is drawn beyond what was seen.
    pub reach: f64,
    /// Pairs that the interval rests on: fewer than were given where errors last from one to the next.
    pub effective: f64,
    /// Whether utilisation bends with demand, upwards (1) or downwards (−1); 0 where it does not. Where it bends, the
    /// estimate is that of a parabola, and the interval reaches from that to the line's.
    pub bends: i8,
}

/// Fits `utilisation = a + b demand` to pairs of (demand of one instance, utilisation), in the order of time, by least
/// squares and solves for the demand at `target`.
///
/// The interval of probability `confidence` is Fieller's (1954, "Some problems in interval estimation"): all demands at
/// which the target lies within the confidence band of the line. The band counts pairs whose errors last as fewer:
/// `n (1 − ρ) / (1 + ρ)` with the errors' autocorrelation ρ at lag one, never below 0 (Bayley and Hammersley 1946, on the
/// "effective" number of independent observations in an autocorrelated time series). Whether the line bends is told by a
/// quadratic term beyond three of its standard errors, those pairs counted likewise; the parabola then takes the place of
/// the line as the estimate, and how far the two are apart is part of what is not known. `None` with fewer than three pairs,
/// or where utilisation does not grow with demand.
pub fn per_instance(pairs: &[(f64, f64)], target: f64, confidence: f64) -> Option<PerInstance> {
    let n = pairs.len() as f64;
    if pairs.len() < 3 {
        return None;
    }
    let (x, y) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let sxx: f64 = pairs.iter().map(|p| (p.0 - x).powi(2)).sum();
    let sxy: f64 = pairs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let slope = sxy / sxx;
    if !slope.is_finite() || slope <= 0.0 {
        return None;
    }
    let errors: Vec<f64> = pairs.iter().map(|p| p.1 - y - slope * (p.0 - x)).collect();
    let rest: f64 = errors.iter().map(|e| e * e).sum();
    let lagged: f64 = errors.windows(2).map(|w| w[0] * w[1]).sum();
    let lasting = if rest > 0.0 { (lagged / rest).clamp(0.0, 0.99) } else { 0.0 };
    let effective = (n * (1.0 - lasting) / (1.0 + lasting)).max(3.0);
    let t = StudentsT::new(0.0, 1.0, effective - 2.0).ok()?.inverse_cdf(0.5 + confidence / 2.0);
    let fewer = n / effective;
    let variance = rest / n * effective / (effective - 2.0);
    let k = t * t * variance * fewer;
    let off = y - target;
    // (slope² − k / sxx) d² + 2 slope off d + off² − k / n = 0 for d = demand − x.
    let (a, b, c) = (slope * slope - k / sxx, slope * off, off * off - k / n);
    let of_line = (a > 0.0).then(|| {
        let root = (b * b - a * c).max(0.0).sqrt();
        (x + (-b - root) / a, x + (-b + root) / a)
    });
    let observed_max = pairs.iter().map(|p| p.0).fold(f64::NEG_INFINITY, f64::max);
    let bend = Bend::new(pairs, &errors, x, sxx, fewer);
    let straight = x - off / slope;
    let curved = bend.and_then(|bend| Some(x + bend.reaches(slope, off)?));
    let demand = curved.unwrap_or(straight);
    let interval = of_line.map(|(low, high)| (low.min(demand), high.max(demand)));
    let bends = bend.map_or(0, |bend| bend.term.signum() as i8);
    (demand > 0.0).then_some(PerInstance {
        demand,
        interval,
        observed_max,
        reach: demand / observed_max,
        effective,
        bends,
    })
}

/// What a line leaves of its errors to the square of demand: `term (d² − mean − slope d)`, `d` from the mean demand.
#[derive(Debug, Clone, Copy)]
struct Bend {
    term: f64,
    mean: f64,
    slope: f64,
}

impl Bend {
    /// The quadratic term of the errors, where it is beyond chance.
    fn new(pairs: &[(f64, f64)], errors: &[f64], x: f64, sxx: f64, fewer: f64) -> Option<Bend> {
        let n = pairs.len() as f64;
        // The square of demand, with what a line explains of it taken out.
        let squares: Vec<f64> = pairs.iter().map(|p| (p.0 - x).powi(2)).collect();
        let mean = squares.iter().sum::<f64>() / n;
        let slope = pairs.iter().zip(&squares).map(|(p, s)| (p.0 - x) * s).sum::<f64>() / sxx;
        let pure: Vec<f64> = pairs.iter().zip(&squares).map(|(p, s)| s - mean - slope * (p.0 - x)).collect();
        let size: f64 = pure.iter().map(|q| q * q).sum();
        if size <= 1e-12 * mean * mean || n < 8.0 {
            return None;
        }
        let term = pure.iter().zip(errors).map(|(q, e)| q * e).sum::<f64>() / size;
        let rest: f64 = pure.iter().zip(errors).map(|(q, e)| (e - term * q).powi(2)).sum();
        let error = (rest / (n - 3.0) / size * fewer).sqrt();
        let is_beyond_chance = term.abs() > CURVED * error && term.abs() * size.sqrt() >= 1e-9;
        is_beyond_chance.then_some(Bend { term, mean, slope })
    }

    /// Where the line of this slope, so far off the target at the mean demand, meets it once bent, on the way up; `None`
    /// where it turns before.
    fn reaches(self, slope: f64, off: f64) -> Option<f64> {
        let (a, b, c) = (self.term, slope - self.term * self.slope, off - self.term * self.mean);
        let root = (b * b - 4.0 * a * c).sqrt();
        // The other root is on the way down.
        (root > 0.0).then(|| (root - b) / (2.0 * a))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_noise_is_solved_exactly() {
        let pairs: Vec<(f64, f64)> =
            (1..=10).map(|d| (f64::from(d) * 10.0, 0.05 + 0.004 * f64::from(d) * 10.0)).collect();
        let found = per_instance(&pairs, 0.65, 0.95).unwrap();
        assert!((found.demand - 150.0).abs() < 1e-9 && (found.reach - 1.5).abs() < 1e-9);
        let (low, high) = found.interval.unwrap();
        assert!((low - 150.0).abs() < 1e-6 && (high - 150.0).abs() < 1e-6);
        assert_eq!(found.bends, 0);
    }

    /// With noise of a known size the ends are where the band of the line meets the target.
    #[test]
    fn the_ends_lie_on_the_band() {
        let pairs: Vec<(f64, f64)> = (1..=20)
            .map(|d| (f64::from(d), 0.02 * f64::from(d) + if d % 2 == 0 { 0.02 } else { -0.02 }))
            .collect();
        let found = per_instance(&pairs, 0.6, 0.9).unwrap();
        let (low, high) = found.interval.unwrap();
        assert!(low < found.demand && found.demand < high && low > 20.0 && high < 45.0);
        assert_eq!(per_instance(&[(1.0, 0.5), (2.0, 0.4), (3.0, 0.3)], 0.7, 0.9), None);
    }

    fn noise(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        move || {
            let mut sum = 0.0;
            for _ in 0..12 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                sum += (state >> 33) as f64 / f64::from(1u32 << 31);
            }
            sum - 6.0
        }
    }

    /// Of 400 histories with errors that last, about nine in ten intervals of 90 % hold the truth, 200.
    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        let covered = (0..400)
            .filter(|seed| {
                let mut draw = noise(*seed);
                let mut error = 0.0;
                let pairs: Vec<(f64, f64)> = (0..200)
                    .map(|t| {
                        error = 0.7 * error + 0.02 * draw();
                        let demand = 100.0 + 40.0 * (f64::from(t) / 11.0).sin() + 10.0 * draw();
                        (demand, 0.1 + 0.003 * demand + error)
                    })
                    .collect();
                let (low, high) = per_instance(&pairs, 0.7, 0.9).unwrap().interval.unwrap();
                low <= 200.0 && 200.0 <= high
            })
            .count();
        assert!((340..=396).contains(&covered), "{covered} of 400");
    }

    #[test]
    fn a_bend_is_told() {
        let mut draw = noise(3);
        let curve = |bend: f64, draw: &mut dyn FnMut() -> f64| -> Vec<(f64, f64)> {
            (0..200)
                .map(|t| f64::from(t) / 200.0)
                .map(|d| (d, 0.1 + 0.5 * d + bend * d * d + 0.01 * draw()))
                .collect()
        };
        assert_eq!(per_instance(&curve(0.3, &mut draw), 0.7, 0.9).unwrap().bends, 1);
        assert_eq!(per_instance(&curve(-0.3, &mut draw), 0.7, 0.9).unwrap().bends, -1);
        assert_eq!(per_instance(&curve(0.0, &mut draw), 0.7, 0.9).unwrap().bends, 0);
    }

    /// 0.1 + 0.002 d + 0.00001 d² is 0.9 at 200: where the parabola meets the target counts, far beyond what was seen as
    /// well. One that turns before the target is left to the line.
    #[test]
    fn a_bend_is_followed() {
        let mut draw = noise(5);
        let mut curve = |bend: f64| -> Vec<(f64, f64)> {
            let demand = |t: u32| f64::from(t * 37 % 400) / 4.0;
            (0..400).map(demand).map(|d| (d, 0.1 + 0.002 * d + bend * d * d + 0.005 * draw())).collect()
        };
        for (bend, target, truth) in [(1e-5, 0.9, 200.0), (-5e-6, 0.1 + 0.002 * 90.0 - 5e-6 * 8100.0, 90.0)] {
            let found = per_instance(&curve(bend), target, 0.9).unwrap();
            assert!((found.demand / truth - 1.0).abs() < 0.05, "{found:?}");
            let (low, high) = found.interval.unwrap();
            assert!(low <= found.demand && found.demand <= high && high - low > 0.02 * truth, "{found:?}");
        }
        let turns = per_instance(&curve(-5e-6), 0.9, 0.9).unwrap();
        assert!(turns.bends == -1 && turns.demand > 300.0, "{turns:?}");
    }
}
