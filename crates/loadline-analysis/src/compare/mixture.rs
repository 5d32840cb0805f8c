//! What is thought of a number that several models answer: Student's t distributions, mixed.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// One model's answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// How likely the model is; those of a mixture sum to 1.
    pub(crate) weight: f64,
    pub(crate) estimate: f64,
    pub(crate) error: f64,
}

/// The answers of all models.
#[derive(Debug, Clone)]
pub(crate) struct Mixture {
    parts: Vec<Part>,
    student: StudentsT,
}

impl Mixture {
    /// Parts whose errors are known from `free` degrees of freedom.
    pub(crate) fn new(parts: Vec<Part>, free: f64) -> Option<Mixture> {
        Some(Mixture { parts, student: StudentsT::new(0.0, 1.0, free).ok()? })
    }

    /// The mean.
    pub(crate) fn mean(&self) -> f64 {
        self.parts.iter().map(|part| part.weight * part.estimate).sum()
    }

    /// The probability that the number is below `x`.
    pub(crate) fn below(&self, x: f64) -> f64 {
        self.parts.iter().map(|part| part.weight * self.student.cdf((x - part.estimate) / part.error)).sum()
    }

    /// The value below which the number lies with probability `p`.
    pub(crate) fn quantile(&self, p: f64) -> f64 {
        let t = self.student.inverse_cdf(p);
        let each = self.parts.iter().map(|part| part.estimate + t * part.error);
        let (mut low, mut high) = each.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
        // The mixture's quantile lies between those of its parts.
        while high - low > 1e-7 * (high.abs() + low.abs()) + 1e-12 {
            let middle = 0.5 * (low + high);
            if self.below(middle) < p { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two parts far apart: the median of each is a quartile of both. The quantile 0.975 of t with 8 degrees of freedom
    /// is 2.306004.
    #[test]
    fn quantiles_are_those_of_all_parts() {
        let part = |weight, estimate| Part { weight, estimate, error: 1.0 };
        let one = Mixture::new(vec![part(1.0, 3.0)], 8.0).unwrap();
        assert!((one.quantile(0.975) - 5.306004).abs() < 1e-5 && (one.below(5.306004) - 0.975).abs() < 1e-6);
        let two = Mixture::new(vec![part(0.5, -1e4), part(0.5, 1e4)], 8.0).unwrap();
        assert!((two.quantile(0.25) + 1e4).abs() < 0.1 && (two.quantile(0.75) - 1e4).abs() < 0.1);
        assert!(two.mean().abs() < 1e-9);
    }
}
