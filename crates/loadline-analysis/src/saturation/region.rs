//! The curves of the USL that measurements do not rule out: intervals of any figure of the curve.
//!
//! A curve is in the region of confidence where its sum of squares is at most that of the best curve plus
//! s² t² with Student's t at n − 3 degrees of freedom. The least and the most of a figure over that region are the ends
//! of its profile interval (Bates and Watts, *Nonlinear Regression Analysis*, 1988, section 6.1), bounds included.
//!
//! The region is walked along rays from its best curve in the plane of σ and κ, where λ follows in closed form.
//! Whether errors are of one size or in proportion to the throughput decides which measurements count; where the data do
//! not tell the two apart an interval holds both.

use std::f64::consts::{FRAC_PI_2, TAU};

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::points::{Level, Points};
use super::usl::{Usl, UslFit, relative};
use crate::numeric::least_squares::minimise;

/// Levels beyond this many are put together.
const MOST_LEVELS: usize = 100;
/// Rays, and curves along each: every figure's end is found to within a hundredth of the interval.
const RAYS: usize = 48;
const RADII: usize = 6;
/// A kind of error is ruled out where the other explains the data this much better (in log-likelihood).
const RULED_OUT: f64 = 3.0;

/// What the size of an error goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// All errors are of one size.
    Constant,
    /// Errors are in proportion to the throughput.
    Proportional,
}

/// An interval; an end that the data do not bound is infinite.
pub type Interval = (f64, f64);

/// Curves on the surface of the region of confidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    curves: Vec<Usl>,
    /// The curve of least squares lies outside, at the end of an interval: its errors are not of one size.
    pub(super) excludes_the_fit: bool,
}

impl Region {
    /// The region for the errors that the data allow, about the curve of least squares. `None` with only three
    /// measurements.
    pub fn new(points: &Points, fit: &UslFit, confidence: f64) -> Option<Region> {
        let points = points.condensed(MOST_LEVELS);
        let kinds =
            [Errors::Constant, Errors::Proportional].map(|errors| Plane::new(&points, errors, fit.usl));
        let best = kinds[0].log_likelihood.max(kinds[1].log_likelihood);
        let believed = kinds.iter().filter(|plane| plane.log_likelihood >= best - RULED_OUT);
        let mut region = Region { curves: Vec::new(), excludes_the_fit: false };
        for plane in believed {
            region.curves.extend(plane.surface(confidence)?);
        }
        let figures: [fn(&Usl) -> f64; 3] = [|usl| usl.lambda, |usl| usl.sigma, |usl| usl.kappa];
        region.excludes_the_fit = figures.into_iter().any(|figure| {
            let ((low, high), fitted) = (region.range(figure), figure(&fit.usl));
            fitted < low || fitted > high
        });
        region.curves.push(fit.usl);
        Some(region)
    }

    /// The region for one kind of errors.
    pub fn with(points: &Points, fit: &UslFit, errors: Errors, confidence: f64) -> Option<Region> {
        let points = points.condensed(MOST_LEVELS);
        let curves = Plane::new(&points, errors, fit.usl).surface(confidence)?;
        Some(Region { curves, excludes_the_fit: false })
    }

    /// The least and the most of a figure.
    pub fn range(&self, figure: impl Fn(&Usl) -> f64) -> Interval {
        let each = self.curves.iter().map(figure).filter(|value| !value.is_nan());
        each.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    }
}

/// The sum of squares over σ and κ, λ being the best for each.
struct Plane<'a> {
    levels: &'a [Level],
    errors: Errors,
    count: f64,
    /// Squares that no curve explains.
    within: f64,
    /// σ and κ of the least sum.
    best: [f64; 2],
    /// The sizes at which they begin to matter.
    sizes: [f64; 2],
    log_likelihood: f64,
}

/// A point of the plane: its sum of squares, its best λ and how precisely that is known, Σ w g².
struct Height {
    rss: f64,
    lambda: f64,
    weight: f64,
}

impl<'a> Plane<'a> {
    fn new(points: &'a Points, errors: Errors, start: Usl) -> Self {
        let (levels, count) = (points.levels(), points.count());
        let within = levels.iter().map(|l| if errors == Errors::Constant { l.spread } else { l.log_spread });
        let size = 1.0 / points.top();
        let mut plane = Plane {
            levels,
            errors,
            count,
            within: within.sum(),
            best: [start.sigma, start.kappa],
            sizes: [size, size * size],
            log_likelihood: 0.0,
        };
        if errors == Errors::Proportional {
            plane.best = plane.least(start);
        }
        let total: f64 = levels.iter().map(|l| l.count * l.mean * l.mean).sum();
        let (floor, jacobian) = match errors {
            Errors::Constant => (1e-20 * total, 0.0),
            Errors::Proportional => (1e-20 * count, levels.iter().map(|l| l.count * l.log_mean).sum()),
        };
        let rss = plane.height(plane.best).rss.max(floor);
        plane.log_likelihood = -0.5 * count * (rss / count).ln() - jacobian;
        plane
    }

    /// σ and κ of the least squares of logarithms.
    fn least(&self, start: Usl) -> [f64; 2] {
        let [size, square] = self.sizes;
        let fits = [[start.sigma, start.kappa], [0.0, 0.0], [size, square]].map(|[sigma, kappa]| {
            minimise([self.log_lambda([sigma, kappa]).exp(), sigma, kappa], |&[lambda, sigma, kappa], out| {
                out.extend(self.levels.iter().map(|level| {
                    let n = level.concurrency;
                    let (g, weight) = (relative(n, sigma, kappa), level.count.sqrt());
                    let by_sigma = g * (n - 1.0) / n;
                    let slopes = [-1.0 / lambda, by_sigma, by_sigma * n];
                    (weight * (level.log_mean - (lambda * g).ln()), slopes.map(|slope| weight * slope))
                }));
            })
        });
        let least = fits.into_iter().min_by(|a, b| a.rss.total_cmp(&b.rss));
        least.map_or(self.best, |fit| [fit.parameters[1], fit.parameters[2]])
    }

    fn log_lambda(&self, [sigma, kappa]: [f64; 2]) -> f64 {
        let log = |l: &Level| l.count * (l.log_mean - relative(l.concurrency, sigma, kappa).ln());
        self.levels.iter().map(log).sum::<f64>() / self.count
    }

    fn height(&self, at: [f64; 2]) -> Height {
        let [sigma, kappa] = at;
        let levels = || self.levels.iter().map(|l| (l, relative(l.concurrency, sigma, kappa)));
        match self.errors {
            Errors::Constant => {
                let weight: f64 = levels().map(|(l, g)| l.count * g * g).sum();
                let lambda = levels().map(|(l, g)| l.count * l.mean * g).sum::<f64>() / weight;
                let rss = levels().map(|(l, g)| l.count * (l.mean - lambda * g).powi(2)).sum::<f64>();
                Height { rss: rss + self.within, lambda, weight }
            }
            Errors::Proportional => {
                let log_lambda = self.log_lambda(at);
                let rss =
                    levels().map(|(l, g)| l.count * (l.log_mean - log_lambda - g.ln()).powi(2)).sum::<f64>();
                Height { rss: rss + self.within, lambda: log_lambda.exp(), weight: self.count }
            }
        }
    }

    /// Curves on the surface of the region, from its waist (σ and κ as far out as they may be) to both of its poles (λ
    /// as large and as small as it may be); `None` without a degree of freedom.
    fn surface(&self, confidence: f64) -> Option<Vec<Usl>> {
        let freedom = self.count - 3.0;
        let t = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.5 + 0.5 * confidence);
        let least = self.height(self.best).rss;
        let allowed = least + least * t * t / freedom;
        let axes = self.axes(allowed - least);
        let mut curves = Vec::with_capacity(2 * RAYS * (RADII + 1));
        for ray in 0..RAYS {
            let (sin, cos) = (TAU * ray as f64 / RAYS as f64).sin_cos();
            let direction: [f64; 2] = std::array::from_fn(|k| cos * axes[0][k] + sin * axes[1][k]);
            let edge = self.edge(direction, allowed);
            for ring in 0..=RADII {
                let radius = edge * (FRAC_PI_2 * ring as f64 / RADII as f64).sin();
                let [sigma, kappa] = self.along(direction, radius);
                let height = self.height([sigma, kappa]);
                let reach = ((allowed - height.rss).max(0.0) / height.weight).sqrt();
                curves.extend([-reach, reach].map(|reach| {
                    let lambda = match self.errors {
                        Errors::Constant => (height.lambda + reach).max(0.0),
                        Errors::Proportional => height.lambda * reach.exp(),
                    };
                    Usl { lambda, sigma, kappa }
                }));
            }
        }
        Some(curves)
    }

    /// Two directions in which the region is about as far, by the curvature at its best point.
    fn axes(&self, rise: f64) -> [[f64; 2]; 2] {
        let [a, b] = self.sizes.map(|size| 1e-3 * size);
        let [s, k] = [self.best[0].max(a), self.best[1].max(b)];
        let rss = |x: f64, y: f64| self.height([s + x * a, k + y * b]).rss;
        let here = rss(0.0, 0.0);
        let ss = (rss(1.0, 0.0) - 2.0 * here + rss(-1.0, 0.0)) / 2.0;
        let kk = (rss(0.0, 1.0) - 2.0 * here + rss(0.0, -1.0)) / 2.0;
        let sk = (rss(1.0, 1.0) - rss(1.0, -1.0) - rss(-1.0, 1.0) + rss(-1.0, -1.0)) / 8.0;
        // The ellipse ss x² + 2 sk xy + kk y² = rise by Cholesky's factor; round where that fails.
        let (l, round) = (ss.sqrt(), [[self.sizes[0], 0.0], [0.0, self.sizes[1]]]);
        let rest = kk - sk * sk / ss;
        if !(l.is_finite() && l > 0.0 && rest > 0.0 && rise > 0.0) {
            return round;
        }
        let (m, n) = (sk / l, rest.sqrt());
        let reach = rise.sqrt();
        [[a * reach / l, 0.0], [-a * reach * m / (l * n), b * reach / n]]
    }

    /// So far along a direction; bounds are slid along.
    fn along(&self, direction: [f64; 2], radius: f64) -> [f64; 2] {
        std::array::from_fn(|k| (self.best[k] + radius * direction[k]).max(0.0))
    }

    /// How far a ray goes before it leaves the region.
    fn edge(&self, direction: [f64; 2], allowed: f64) -> f64 {
        let holds = |radius: f64| self.height(self.along(direction, radius)).rss <= allowed;
        let (mut inside, mut outside) = (0.0, 0.25);
        while holds(outside) {
            (inside, outside) = (outside, 2.0 * outside);
            if outside > FARTHEST {
                return FARTHEST;
            }
        }
        for _ in 0..HALVINGS {
            let middle = 0.5 * (inside + outside);
            if holds(middle) {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        inside
    }
}

/// Rays end here, in radii of the ellipse.
const FARTHEST: f64 = 1e6;
/// To a thousandth of the radius and less.
const HALVINGS: usize = 16;
