//! Randomness that is a pure function of the seed and an index, so that it does not depend on which worker asks
//! or in which order.
//!
//! The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
//! generators", OOPSLA 2014), applied to seed and index in turn.

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// 64 random bits for `index` under `seed`.
pub fn bits(seed: u64, index: u64) -> u64 {
    let golden = 0x9E37_79B9_7F4A_7C15;
    mix(mix(seed.wrapping_add(golden)).wrapping_add(index.wrapping_mul(golden)).wrapping_add(golden))
}

/// Uniform on the open interval (0, 1).
pub fn uniform(seed: u64, index: u64) -> f64 {
    ((bits(seed, index) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// Exponential with mean one, by inversion.
pub fn exponential(seed: u64, index: u64) -> f64 {
    -uniform(seed, index).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_variates_have_mean_and_variance_one() {
        let n = 200_000;
        let draws: Vec<f64> = (0..n).map(|i| exponential(7, i)).collect();
        let mean = draws.iter().sum::<f64>() / n as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        // Standard errors: 1/√n and √(8/n).
        assert!((mean - 1.0).abs() < 4.0 / (n as f64).sqrt(), "{mean}");
        assert!((variance - 1.0).abs() < 4.0 * (8.0 / n as f64).sqrt(), "{variance}");
    }

    #[test]
    fn neighbouring_seeds_and_indices_share_nothing() {
        let correlation = |a: &dyn Fn(u64) -> f64, b: &dyn Fn(u64) -> f64| {
            (0..100_000).map(|i| (a(i) - 0.5) * (b(i) - 0.5) * 12.0).sum::<f64>() / 100_000.0
        };
        assert!(correlation(&|i| uniform(1, i), &|i| uniform(2, i)).abs() < 0.015);
        assert!(correlation(&|i| uniform(1, i), &|i| uniform(1, i + 1)).abs() < 0.015);
    }
}
