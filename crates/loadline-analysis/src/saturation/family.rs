//! The families of saturation curves.
//!
//! A curve is X(N) = λ g(N), λ the throughput of the first unit of load and g the relative capacity, g(N) ≈ N
//! for small N. Each family maps the unit cube onto the shapes of g that are thought possible before the data
//! are seen, and equal volumes onto equal plausibility: sizes are spread evenly in their logarithm, from a
//! small part of the range tested to several times of it.

use super::sampler::Unit;
use super::usl;
use crate::queueing::closed::RepairmanCurve;
use statrs::function::erf::erfc_inv;

/// A family of curves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Amdahl's law: N / (1 + σ (N − 1)).
    Amdahl,
    /// The Universal Scalability Law: N / (1 + σ (N − 1) + κ N (N − 1)) (Gunther 1993).
    Usl,
    /// A smooth bend between slope and ceiling, (N^−p + K^−p)^(−1/p).
    Plateau,
    /// A pool of K connections, each always busy: min(N, K).
    Pool,
    /// A closed system of users who think and M/M/c.
    Servers,
    /// A closed network of single-server stations with a think time, by exact mean value analysis.
    Network,
    /// `Servers` whose work takes longer in proportion to the load beyond some point past the knee.
    Thrashing,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 7] = [
        Family::Amdahl,
        Family::Usl,
        Family::Plateau,
        Family::Pool,
        Family::Servers,
        Family::Network,
        Family::Thrashing,
    ];

    /// The name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Family::Amdahl => "amdahl",
            Family::Usl => "usl",
            Family::Plateau => "plateau",
            Family::Pool => "pool",
            Family::Servers => "servers",
            Family::Network => "network",
            Family::Thrashing => "thrashing",
        }
    }

    /// Shape parameters.
    pub(crate) fn dimensions(self) -> usize {
        match self {
            Family::Amdahl | Family::Pool => 1,
            Family::Usl | Family::Plateau | Family::Servers => 2,
            Family::Network => 3,
            Family::Thrashing => 4,
        }
    }
}

/// One shape of a family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    Usl { sigma: f64, kappa: f64 },
    Plateau { knee: f64, sharpness: f64 },
    Pool { size: f64 },
    Servers { knee: f64, servers: u32, onset: f64, slowdown: f64 },
    Network { knee: f64, stations: f64, balance: f64 },
}

/// Load tests are planned around the knee. Before the data are seen the knee is thought to lie near the largest
/// load: as likely below as above this share of it (median), and two times in three within this factor (spread,
/// a standard deviation of its logarithm).
const KNEE: LogNormal = LogNormal { median: 0.8, spread: 0.8 };
/// Amdahl's law bends slowly: 1/σ is where half of the ceiling is reached, 9/σ where nine tenths are.
const INVERSE_SIGMA: LogNormal = LogNormal { median: 0.3, spread: 1.2 };
/// The peak of the USL lies beyond the knee.
const PEAK: LogNormal = LogNormal { median: 1.6, spread: 1.2 };

struct LogNormal {
    median: f64,
    spread: f64,
}

impl LogNormal {
    fn quantile(&self, p: f64) -> f64 {
        self.median * (-self.spread * std::f64::consts::SQRT_2 * erfc_inv(2.0 * p)).exp()
    }
}

/// `low` at 0, `high` at 1, evenly in the logarithm.
fn log_between(low: f64, high: f64, unit: f64) -> f64 {
    low * (high / low).powf(unit)
}

impl Shape {
    /// The shape at a point of the unit cube, for data up to the concurrency `top`.
    pub(crate) fn at(family: Family, unit: &Unit, top: f64) -> Shape {
        let [first, second, third, fourth] = *unit;
        let knee = KNEE.quantile(first) * top;
        let sigma = || (1.0 / (INVERSE_SIGMA.quantile(first) * top)).min(1.0);
        match family {
            Family::Amdahl => Shape::Usl { sigma: sigma(), kappa: 0.0 },
            Family::Usl => {
                let peak = PEAK.quantile(second) * top;
                Shape::Usl { sigma: sigma(), kappa: peak.powi(-2) }
            }
            Family::Plateau => Shape::Plateau { knee, sharpness: log_between(1.0, 30.0, second) },
            Family::Pool => Shape::Pool { size: knee },
            Family::Servers => Shape::servers(knee, second, f64::INFINITY, 0.0),
            Family::Thrashing => {
                Shape::servers(knee, second, log_between(1.0, 2.5, third), log_between(0.02, 2.0, fourth))
            }
            Family::Network => {
                let (knee, stations) = (knee.max(1.0), log_between(1.0, 8.0, third).round());
                Shape::Network { knee, stations, balance: second * ((knee - 1.0) / stations).min(1.0) }
            }
        }
    }

    fn servers(knee: f64, unit: f64, onset: f64, slowdown: f64) -> Shape {
        let knee = knee.max(1.0);
        Shape::Servers {
            knee,
            servers: log_between(1.0, knee, unit).round() as u32,
            onset: onset * knee,
            slowdown,
        }
    }

    /// ln g at each of `levels`, ascending.
    pub(crate) fn log_relative(&self, levels: &[f64], out: &mut Vec<f64>) {
        out.clear();
        match *self {
            Shape::Usl { sigma, kappa } => {
                let cost = |n: f64| (1.0 + (n - 1.0) * (sigma + kappa * n)).max(f64::MIN_POSITIVE);
                out.extend(levels.iter().map(|&n| (n / cost(n)).ln()));
            }
            Shape::Plateau { knee, sharpness } => {
                out.extend(levels.iter().map(|&n| bend(n, knee, sharpness)))
            }
            Shape::Pool { size } => out.extend(levels.iter().map(|&n| n.min(size).ln())),
            Shape::Servers { knee, servers, onset, slowdown } => {
                interpolate(slowed(knee, servers, onset, slowdown), levels, out);
            }
            Shape::Network { knee, stations, balance } => {
                interpolate(NetworkCurve::new(knee, stations, balance), levels, out);
            }
        }
    }

    /// The largest value of g, or the limit that it nears.
    pub(crate) fn maximum(&self) -> f64 {
        match *self {
            Shape::Usl { sigma, kappa } => usl::maximum(sigma, kappa),
            Shape::Plateau { knee, .. } | Shape::Pool { size: knee } | Shape::Network { knee, .. } => knee,
            Shape::Servers { knee, slowdown: 0.0, .. } => knee,
            Shape::Servers { .. } => self.turning_point().1,
        }
    }

    /// The load of the largest g; `None` where it only nears a limit.
    pub(crate) fn peak(&self) -> Option<f64> {
        match *self {
            Shape::Usl { sigma, kappa } => usl::peak(sigma, kappa),
            Shape::Servers { slowdown, .. } if slowdown > 0.0 => Some(self.turning_point().0),
            _ => None,
        }
    }

    /// The least load with g ≥ `level`, for a level below the maximum.
    pub(crate) fn reaching(&self, level: f64) -> f64 {
        let beyond = |curve: &mut dyn Iterator<Item = f64>| {
            curve.take(FARTHEST).position(|g| g >= level).map_or(FARTHEST as f64, |k| k as f64 + 1.0)
        };
        match *self {
            Shape::Usl { sigma, kappa } => usl::reaching(level, sigma, kappa).unwrap_or(f64::INFINITY),
            Shape::Plateau { knee, sharpness } => {
                knee * ((knee / level).powf(sharpness) - 1.0).powf(-1.0 / sharpness)
            }
            Shape::Pool { .. } => level,
            Shape::Servers { knee, servers, onset, slowdown } => {
                beyond(&mut slowed(knee, servers, onset, slowdown))
            }
            Shape::Network { knee, stations, balance } => {
                beyond(&mut NetworkCurve::new(knee, stations, balance))
            }
        }
    }

    /// Load and value of the largest g of servers that slow down.
    fn turning_point(&self) -> (f64, f64) {
        let Shape::Servers { knee, servers, onset, slowdown } = *self else { return (f64::NAN, f64::NAN) };
        let last = (4.0 * onset) as usize + 2;
        let curve = (1..last).map(|n| n as f64).zip(slowed(knee, servers, onset, slowdown));
        curve.fold((1.0, 0.0), |best, here| if here.1 > best.1 { here } else { best })
    }
}

/// Loads are followed no farther than this, in batches of users.
const FARTHEST: usize = 20_000;

/// g of servers that slow down, for 1, 2, 3, … users.
fn slowed(knee: f64, servers: u32, onset: f64, slowdown: f64) -> impl Iterator<Item = f64> {
    let curve = RepairmanCurve::new((f64::from(servers) / knee).min(1.0), servers);
    curve.zip(1..).map(move |(g, n)| g / (1.0 + slowdown * (f64::from(n) / onset - 1.0).max(0.0)))
}

/// ln of (N^−p + K^−p)^(−1/p), from the smaller of the two so that no power overflows.
fn bend(n: f64, knee: f64, sharpness: f64) -> f64 {
    let ratio = if n < knee { n / knee } else { knee / n };
    n.min(knee).ln() - ratio.powf(sharpness).ln_1p() / sharpness
}

/// ln of a curve that is known at 1, 2, 3, …, at `levels`: straight lines between whole numbers. Farther out than it is
/// followed it goes on as a power law: flat where it nears a ceiling, as 1/N where servers slow down.
fn interpolate(curve: impl Iterator<Item = f64>, levels: &[f64], out: &mut Vec<f64>) {
    let (mut before, mut at) = (0.0, 0.0);
    let mut points = curve.zip(1..).take(FARTHEST);
    let mut here: f64 = 0.0;
    for &level in levels {
        while here < level {
            let Some((value, n)) = points.next() else { break };
            (before, at, here) = (at, value, f64::from(n));
        }
        out.push(if here < level {
            let power = (at / before).ln() / (here / (here - 1.0)).ln();
            at.ln() + power * (level / here).ln()
        } else {
            (at + (level - here) * (at - before)).ln()
        });
    }
}

/// Relative throughput of a closed network: a bottleneck of demand 1 and `stations` of demand `balance`, by exact
/// mean value analysis as in [`crate::queueing::closed::network`].
struct NetworkCurve {
    think: f64,
    knee: f64,
    stations: f64,
    balance: f64,
    bottleneck: f64,
    others: f64,
    population: f64,
}

impl NetworkCurve {
    fn new(knee: f64, stations: f64, balance: f64) -> Self {
        let think = (knee - 1.0 - stations * balance).max(0.0);
        NetworkCurve { think, knee, stations, balance, bottleneck: 0.0, others: 0.0, population: 0.0 }
    }
}

impl Iterator for NetworkCurve {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        self.population += 1.0;
        let (first, other) = (1.0 + self.bottleneck, self.balance * (1.0 + self.others));
        let throughput = self.population / (self.think + first + self.stations * other);
        (self.bottleneck, self.others) = (throughput * first, throughput * other);
        Some(throughput * self.knee)
    }
}
