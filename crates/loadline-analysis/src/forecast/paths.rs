//! Joint courses of the future: what the whole horizon may look like, not only each step by itself.
//!
//! A path is the forecast plus the slow part of one backtest's errors, or its mirror image, plus the quick part of
//! another's, moved by whole seasons: a level that is missed stays missed for a while, and noise is noise. Drawing the
//! parts apart gives many courses from few backtests (a block bootstrap: Künsch 1989). Backtests at the same time of
//! the year count more.

use super::{spread::Errors, transform::Transform};

/// What a backtest in the same season of the year counts more than one half a year away.
const SEASON_WEIGHT: f64 = 4.0;
/// Days over which that fades.
const SEASON_DAYS: f64 = 70.0;
/// Slow parts that are more than noise are scaled as Student's t is from a normal, with one degree of freedom less than
/// the horizons that the backtests span: where few independent ones were seen, larger misses are to be expected. Bounds
/// of that number.
const FREEDOM: std::ops::RangeInclusive<usize> = 2..=10;
/// Slow parts are wholly more than noise where they are larger by this share than means of noise are.
const BEYOND_NOISE: f64 = 0.5;
/// Days in a year.
const YEAR_DAYS: f64 = 365.25;

/// Draws of the future.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Paths {
    scale: Transform,
    centre: Vec<f64>,
    slow: Vec<Vec<f64>>,
    quick: Vec<Vec<f64>>,
    /// Cumulated weights of the backtests, the last 1.
    chances: Vec<f64>,
    season: usize,
    freedom: u32,
    /// How much of the slow parts is more than noise, 0 to 1.
    real: f64,
    limit: f64,
    floor: f64,
}

impl Paths {
    /// `ages` are the steps since each backtest's origin; `day` the steps in a day, where known.
    pub(super) fn new(
        centre: &[f64],
        errors: &Errors,
        ages: &[usize],
        season: usize,
        day: Option<usize>,
    ) -> Paths {
        let weight = |age: &usize| {
            day.map_or(1.0, |day| {
                let days = *age as f64 / day as f64;
                let off = days - (days / YEAR_DAYS).round().max(1.0) * YEAR_DAYS;
                1.0 + SEASON_WEIGHT * (-(off / SEASON_DAYS).powi(2)).exp()
            })
        };
        let total: f64 = ages.iter().map(weight).sum();
        let mut sum = 0.0;
        let chances = ages
            .iter()
            .map(|age| {
                sum += weight(age) / total;
                sum
            })
            .collect();
        let quick = errors.rows.iter().zip(&errors.slow);
        let horizons = ages.iter().max().map_or(0, |oldest| oldest / centre.len().max(1));
        Paths {
            scale: errors.scale,
            centre: centre.iter().map(|v| errors.scale.apply(*v)).collect(),
            slow: errors.slow.clone(),
            quick: quick.map(|(all, slow)| all.iter().zip(slow).map(|(a, s)| a - s).collect()).collect(),
            chances,
            season,
            freedom: horizons.saturating_sub(1).clamp(*FREEDOM.start(), *FREEDOM.end()) as u32,
            real: ((errors.lasting() / errors.lasting_of_noise() - 1.0) / BEYOND_NOISE).clamp(0.0, 1.0),
            limit: errors.limit(),
            floor: errors.floor,
        }
    }

    /// The path `index` of the family `seed`: always the same one.
    pub(super) fn draw(&self, seed: u64, index: usize) -> Vec<f64> {
        let mut random = Random::new(seed, index);
        let slow = &self.slow[self.pick(&mut random)];
        let quick = &self.quick[self.pick(&mut random)];
        let sign = if index.is_multiple_of(2) { 1.0 } else { -1.0 };
        let unseen = (f64::from(self.freedom) / random.chi_square(self.freedom)).sqrt();
        let size = sign * unseen.powf(self.real);
        let cycles = quick.len() / self.season;
        let (span, shift) = if cycles > 1 {
            (cycles * self.season, (random.unit() * cycles as f64) as usize * self.season)
        } else {
            (quick.len(), 0)
        };
        (0..self.centre.len())
            .map(|t| {
                let off = (size * slow[t] + quick[(t + shift) % span]).clamp(-self.limit, self.limit);
                self.scale.invert(self.centre[t] + off).max(self.floor)
            })
            .collect()
    }

    fn pick(&self, random: &mut Random) -> usize {
        let u = random.unit();
        self.chances.iter().position(|c| u < *c).unwrap_or(self.chances.len() - 1)
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
pub(super) struct Random(u64);

impl Random {
    /// The stream `index` of the family `seed`.
    pub(super) fn new(seed: u64, index: usize) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (index as u64) << 20)
    }

    /// Uniform from 0 to 1.
    pub(super) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A standard normal (Box and Muller 1958).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = -2.0 * (1.0 - self.unit()).ln();
        radius.sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A sum of squares of normals.
    fn chi_square(&mut self, freedom: u32) -> f64 {
        (0..freedom).map(|_| self.normal().powi(2)).sum::<f64>().max(1e-3)
    }
}
