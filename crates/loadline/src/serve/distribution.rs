//! Service times: their distributions, and the seeded numbers they are drawn from.

use std::f64::consts::TAU;
use std::fmt;
use std::str::FromStr;

use loadline_model::units::UnitError;
use serde::{Deserialize, Serialize};

use super::units::{duration_ms, share};

const FORMS: &str = "write `const:5ms`, `exp:5ms`, `lognormal:5ms,0.5` or `bimodal:2ms,50ms,0.05`";

/// How long a worker is busy with one request.
///
/// Written `const:5ms`, `exp:5ms` (mean), `lognormal:5ms,0.5` (median, σ of the logarithm) or
/// `bimodal:2ms,50ms,0.05` (the second with that share).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "distribution", rename_all = "snake_case", deny_unknown_fields)]
pub enum ServiceTime {
    /// Always the same.
    Constant {
        /// The time.
        ms: f64,
    },
    /// Exponential: the M of M/M/c.
    Exponential {
        /// Its mean.
        mean_ms: f64,
    },
    /// Log-normal: a long right tail, as most services have.
    LogNormal {
        /// Its median, exp(μ); the mean is `median_ms` · exp(σ²/2).
        median_ms: f64,
        /// The standard deviation of its logarithm.
        sigma: f64,
    },
    /// One of two times: a cache that hits or misses.
    Bimodal {
        /// The usual time.
        ms: f64,
        /// The other time.
        other_ms: f64,
        /// The share of requests that take the other time.
        other_share: f64,
    },
}

impl ServiceTime {
    /// The service time for two independent uniform numbers in [0, 1), in nanoseconds.
    ///
    /// Exponential by inversion, log-normal by the transform of Box and Muller (1958).
    pub fn at(&self, u: f64, v: f64) -> u64 {
        let ms = match *self {
            Self::Constant { ms } => ms,
            Self::Exponential { mean_ms } => -mean_ms * (1.0 - u).ln(),
            Self::LogNormal { median_ms, sigma } => {
                median_ms * (sigma * (-2.0 * (1.0 - u).ln()).sqrt() * (TAU * v).cos()).exp()
            }
            Self::Bimodal { other_ms, other_share, .. } if u < other_share => other_ms,
            Self::Bimodal { ms, .. } => ms,
        };
        (ms * 1e6).round() as u64
    }

    /// The mean.
    pub fn mean_ms(&self) -> f64 {
        match *self {
            Self::Constant { ms } => ms,
            Self::Exponential { mean_ms } => mean_ms,
            Self::LogNormal { median_ms, sigma } => median_ms * (sigma * sigma / 2.0).exp(),
            Self::Bimodal { ms, other_ms, other_share } => ms + other_share * (other_ms - ms),
        }
    }

    /// The squared coefficient of variation, variance over squared mean (0 where the mean is 0).
    pub fn variability(&self) -> f64 {
        match *self {
            Self::Constant { .. } => 0.0,
            Self::Exponential { .. } => 1.0,
            Self::LogNormal { sigma, .. } => (sigma * sigma).exp_m1(),
            Self::Bimodal { ms, other_ms, other_share } => {
                let mean = self.mean_ms();
                let variance = other_share * (1.0 - other_share) * (other_ms - ms).powi(2);
                if mean == 0.0 { 0.0 } else { variance / (mean * mean) }
            }
        }
    }

    /// What is wrong with the parameters, if anything.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let time = |ms: f64| (0.0..=3600e3).contains(&ms);
        let sound = match *self {
            Self::Constant { ms } => time(ms),
            Self::Exponential { mean_ms } => time(mean_ms),
            Self::LogNormal { median_ms, sigma } => time(median_ms) && (0.0..=5.0).contains(&sigma),
            Self::Bimodal { ms, other_ms, other_share } => {
                time(ms) && time(other_ms) && (0.0..=1.0).contains(&other_share)
            }
        };
        (!sound).then_some("it needs times from 0 to 1h, a σ from 0 to 5, a share from 0 to 1")
    }
}

impl FromStr for ServiceTime {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = |message: String, help: &str| UnitError { message, help: help.into() };
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let fields: Vec<&str> = rest.split(',').map(str::trim).collect();
        let parsed = match (kind.trim(), fields.as_slice()) {
            ("const", [ms]) => Self::Constant { ms: duration_ms(ms)? },
            ("exp", [mean]) => Self::Exponential { mean_ms: duration_ms(mean)? },
            ("lognormal", [median, sigma]) => Self::LogNormal {
                median_ms: duration_ms(median)?,
                sigma: sigma
                    .parse()
                    .map_err(|_| wrong(format!("`{sigma}` is not a σ"), "write it like `0.5`"))?,
            },
            ("bimodal", [ms, other, part]) => Self::Bimodal {
                ms: duration_ms(ms)?,
                other_ms: duration_ms(other)?,
                other_share: share(part)?,
            },
            _ => return Err(wrong(format!("`{text}` is not a service time"), FORMS)),
        };
        parsed.fault().map_or(Ok(parsed), |fault| Err(wrong(format!("`{text}` is out of bounds"), fault)))
    }
}

impl fmt::Display for ServiceTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant { ms } => write!(f, "const:{ms}ms"),
            Self::Exponential { mean_ms } => write!(f, "exp:{mean_ms}ms"),
            Self::LogNormal { median_ms, sigma } => write!(f, "lognormal:{median_ms}ms,{sigma}"),
            Self::Bimodal { ms, other_ms, other_share } => {
                write!(f, "bimodal:{ms}ms,{other_ms}ms,{other_share}")
            }
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, quick, and the same numbers for a seed everywhere.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers that belong to a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A uniform number in [0, 1), with all the 53 bits that a double holds.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the reference implementation for the seed 1234567.
    #[test]
    fn the_generator_is_splitmix64() {
        let mut random = Random::new(1_234_567);
        let known = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([random.bits(), random.bits(), random.bits()], known);
    }

    /// Mean and variability of 10⁶ draws against their formulas, within five standard errors of the mean.
    #[test]
    fn draws_have_the_mean_and_the_variability_stated() {
        for text in ["const:5ms", "exp:5ms", "lognormal:5ms,0.5", "bimodal:2ms,50ms,0.05"] {
            let (time, mut random, n) = (text.parse::<ServiceTime>().unwrap(), Random::new(7), 1_000_000);
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..n {
                let ms = time.at(random.uniform(), random.uniform()) as f64 / 1e6;
                sum += ms;
                squares += ms * ms;
            }
            let mean = sum / f64::from(n);
            let scv = (squares / f64::from(n) - mean * mean) / (mean * mean);
            let error = time.mean_ms() * (time.variability() / f64::from(n)).sqrt();
            assert!((mean - time.mean_ms()).abs() <= 5.0 * error + 1e-6, "{text}: mean {mean}");
            assert!(
                (scv - time.variability()).abs() <= 0.02 * time.variability() + 1e-9,
                "{text}: scv {scv}"
            );
        }
    }

    #[test]
    fn a_service_time_is_read_back_as_it_is_written() {
        for text in ["const:0ms", "exp:0.25ms", "lognormal:5ms,0.5", "bimodal:2ms,50ms,0.05"] {
            assert_eq!(text.parse::<ServiceTime>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "const",
            "exp:",
            "exp:-1ms",
            "exp:5",
            "exp:5ms,1",
            "lognormal:5ms,9",
            "bimodal:1ms,2ms,2",
            "gamma:1ms",
        ] {
            assert!(text.parse::<ServiceTime>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        /// Law: reading never panics, and what was read is written so that it is read again as the same.
        #[test]
        fn any_text_is_read_or_refused(text in "(const|exp|lognormal|bimodal|.{0,4}):[0-9.]{0,6}(us|ms|s|h|.)?(,[0-9.]{0,5}(ms|%)?){0,2}") {
            if let Ok(time) = text.parse::<ServiceTime>() {
                proptest::prop_assert_eq!(time.to_string().parse(), Ok(time));
                proptest::prop_assert!(time.at(0.5, 0.5) < u64::MAX);
            }
            let _ = text.parse::<crate::serve::Stall>();
        }
    }
}
