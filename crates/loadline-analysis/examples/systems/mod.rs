//! Systems made up for the evaluation of fits: six families with known curves, measured at levels with noise.

use loadline_analysis::queueing::closed;

/// One system as it was measured, and the truth about it.
#[allow(dead_code, reason = "either evaluation uses a part of it")]
pub(crate) struct System {
    pub(crate) family: &'static str,
    /// The largest load measured over that of nine tenths of the maximum.
    pub(crate) fraction: f64,
    pub(crate) points: Vec<(f64, f64)>,
    /// Loads at most this are asked for.
    pub(crate) curve: Box<dyn Fn(u32) -> f64>,
    /// λ, σ and κ, where it is of that law.
    pub(crate) usl: Option<[f64; 3]>,
    /// The largest throughput, or the ceiling that it nears.
    pub(crate) maximum: f64,
    /// The load of the largest throughput, where there is one.
    pub(crate) peak: Option<f64>,
}

/// Random numbers, the same for the same seed (Marsaglia's xorshift, 2003).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Chance(0x2545_F491_4F6C_DD1D ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Evenly in the logarithm.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.uniform())
    }

    fn one_of<T: Copy, const N: usize>(&mut self, values: [T; N]) -> T {
        values[(self.uniform() * N as f64) as usize % N]
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

fn relative_usl(n: f64, sigma: f64, kappa: f64) -> f64 {
    n / (1.0 + (n - 1.0) * (sigma + kappa * n))
}

/// The loads at which it is measured.
fn levels(chance: &mut Chance, top: f64) -> Vec<f64> {
    let count = chance.between(5.0, 16.0).floor();
    let shape = chance.one_of(["even", "geometric", "doubling", "few low, many high"]);
    let level = |k: f64| {
        let share = k / (count - 1.0);
        match shape {
            "even" => 1.0 + share * (top - 1.0),
            "geometric" => top.powf(share),
            "doubling" => 2f64.powf(k).min(top),
            _ => top * (0.1 + 0.9 * share),
        }
    };
    let mut levels: Vec<f64> = (0..count as u32).map(|k| level(f64::from(k)).round().max(1.0)).collect();
    levels.dedup();
    levels
}

/// A fresh system; its family goes by `index`. Errors are in proportion to the throughput, or all `alike`.
pub(crate) fn simulated(index: usize, alike: bool, chance: &mut Chance) -> System {
    let scale = chance.between(10.0, 10_000.0);
    let knee = chance.between(8.0, 400.0).round();
    let mut usl = None;
    let (family, curve, ceiling): (_, Box<dyn Fn(u32) -> f64>, _) = match index % 6 {
        0 => {
            let (sigma, kappa) = (chance.between(0.003, 0.1), chance.between(1e-5, 2e-3));
            usl = Some([scale, sigma, kappa]);
            ("usl", Box::new(move |n| relative_usl(f64::from(n), sigma, kappa)), 0.0)
        }
        1 => {
            let sigma = chance.between(0.01, 0.1);
            usl = Some([scale, sigma, 0.0]);
            ("amdahl", Box::new(move |n| relative_usl(f64::from(n), sigma, 0.0)), 1.0 / sigma)
        }
        2 => {
            let mut demands = vec![1.0];
            for _ in 0..1 + (chance.between(1.0, 4.0) as usize) {
                demands.push(chance.between(0.1, 1.0));
            }
            let think = (knee - demands.iter().sum::<f64>()).max(0.0);
            ("mva", Box::new(move |n| closed::network(&demands, think, n).unwrap().throughput), 1.0)
        }
        kind @ (3 | 4) => {
            let servers = chance.between(1.0, 32.0_f64.min(knee)).floor();
            let (onset, slope) =
                (knee * chance.between(1.05, 1.6), if kind == 3 { 0.0 } else { chance.between(0.05, 1.0) });
            let think = knee / servers - 1.0;
            let curve = move |n: u32| {
                let slowdown = 1.0 + slope * (f64::from(n) / onset - 1.0).max(0.0);
                closed::repairman(1.0, servers as u32, think, n).unwrap().throughput / slowdown
            };
            (["mmc", "mmc_thrash"][kind - 3], Box::new(curve), if kind == 3 { servers } else { 0.0 })
        }
        _ => ("pool_limit", Box::new(move |n| f64::from(n).min(knee)), knee),
    };
    let farthest = (1..=2_000).fold((1, 0.0), |best, n| if curve(n) > best.1 { (n, curve(n)) } else { best });
    let maximum = if ceiling > 0.0 { ceiling } else { farthest.1 };
    let peak = (ceiling == 0.0).then_some(f64::from(farthest.0));
    let n90 = (1..=2_000).find(|&n| curve(n) >= 0.9 * maximum).map_or(2_000.0, f64::from);
    let fraction = chance.one_of([0.6, 1.0, 1.6, 2.5]);
    let top = (n90 * fraction).clamp(7.0, 600.0).round();
    let (noise, repeats) = (chance.one_of([0.01, 0.03]), chance.one_of([1, 2, 3, 5]));
    let mut points = Vec::new();
    for n in levels(chance, top) {
        for _ in 0..repeats {
            let error = noise * chance.normal() * if alike { 0.5 * maximum } else { curve(n as u32) };
            points.push((n, scale * (curve(n as u32) + error).max(1e-3 * curve(1))));
        }
    }
    let curve = Box::new(move |n| scale * curve(n));
    System { family, fraction, points, curve, usl, maximum: scale * maximum, peak }
}
