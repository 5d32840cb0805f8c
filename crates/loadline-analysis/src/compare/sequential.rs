//! Intervals that hold however often one looks: for duels that stop as soon as the case is clear.
//!
//! A duel runs both builds in randomised blocks and hands over one log ratio a block, candidate over base. Under a
//! true log ratio `m`, the deviation `d − m` of a block is as likely up as down, since the order within it was drawn
//! by lot. So a bettor who before each block stakes a share `λ` of the wealth on the direction, and wins or loses
//! `λ ψ((d − m)/s)` of it with `ψ` odd and within ±1, cannot get rich: the wealth is a martingale, and reaches `1/α`
//! with a probability of at most `α`, whenever one stops (Ville 1939; Waudby-Smith and Ramdas, *J. R. Stat. Soc. B* 86,
//! 2024). Values `m` at which the bettors together did get there are ruled out. `ψ` is flat beyond two scales, so that
//! a burst of noise during one block counts as one block against. The scale `s` is taken from the blocks before, in
//! units of what each block says of its own noise. Anything may say so that would say the same had the two builds
//! changed places: then the deviation is still as likely up as down.

use super::robust::{quantile, scale};

/// Stakes of the bettors, each for and against.
const STAKES: [f64; 5] = [0.1, 0.2, 0.4, 0.7, 0.95];
/// Blocks that only teach the scale.
const LEARNING: usize = 3;
/// Where `ψ` becomes flat, in scales.
const REACH: f64 = 2.0;
/// The share of the blocks that are taken to be quiet.
const QUIET: f64 = 0.2;

/// What the bettors have after a number of blocks.
#[derive(Debug, Clone, Default)]
pub(super) struct Bets {
    /// The logarithms of their wealth, for and against, by stake.
    wealth: [[f64; 2]; STAKES.len()],
}

impl Bets {
    /// The outcome of a block, −1 to 1, that is as likely up as down where there is nothing to find.
    pub(super) fn place(&mut self, score: f64) -> &Self {
        for (stake, both) in STAKES.iter().zip(&mut self.wealth) {
            both[0] += (stake * score).ln_1p();
            both[1] += (-stake * score).ln_1p();
        }
        self
    }

    /// The logarithm of their mean wealth.
    pub(super) fn log_wealth(&self) -> f64 {
        let each = self.wealth.as_flattened();
        let most = each.iter().copied().fold(f64::MIN, f64::max);
        let sum: f64 = each.iter().map(|log| (log - most).exp()).sum();
        most + (sum / each.len() as f64).ln()
    }
}

/// A block that was bet on.
#[derive(Debug, Clone, Copy)]
struct Bet {
    value: f64,
    /// The scale that was known before its outcome.
    spread: f64,
    /// The share of the stake that it is worth: less for a noisier one, for which a stake that suits a quiet one would be
    /// reckless.
    weight: f64,
}

/// A sequence of log ratios.
#[derive(Debug, Clone, Default)]
pub struct Sequence {
    /// Those that were bet on.
    blocks: Vec<Bet>,
    /// Each with its own noise.
    values: Vec<(f64, f64)>,
}

impl Sequence {
    /// No blocks yet.
    pub fn new() -> Sequence {
        Sequence::default()
    }

    /// Adds the log ratio of a block, candidate over base; all blocks are taken to be equally noisy. One that is not
    /// finite says nothing and is left out.
    pub fn push(&mut self, log_ratio: f64) {
        self.push_noisy(log_ratio, 1.0);
    }

    /// The same for a block that is so much noisier than others; `noise` is above zero and blind to which build is which.
    pub fn push_noisy(&mut self, log_ratio: f64, noise: f64) {
        if !(log_ratio.is_finite() && noise.is_finite() && noise > 0.0) {
            return;
        }
        if self.values.len() >= LEARNING {
            let middle = middle(&self.values);
            let residuals: Vec<f64> =
                self.values.iter().map(|(value, noise)| (value - middle) / noise).collect();
            let spread = noise * scale(&residuals).max(f64::MIN_POSITIVE.sqrt());
            let weight = (self.quiet_noise(noise) / noise).min(1.0);
            self.blocks.push(Bet { value: log_ratio, spread, weight });
        }
        self.values.push((log_ratio, noise));
    }

    /// The noise of quiet blocks: that which [`QUIET`] of all so far, with the one at hand, stay below.
    fn quiet_noise(&self, noise: f64) -> f64 {
        let all: Vec<f64> = self.values.iter().map(|(_, noise)| *noise).chain([noise]).collect();
        quantile(&all, QUIET)
    }

    /// The fewest blocks that have an interval at a confidence: those that teach the scale, and those in which bettors who
    /// are always right become as rich as they have to be.
    pub fn blocks_needed(confidence: f64) -> usize {
        let limit = -(1.0 - confidence).ln();
        let mut bets = Bets::default();
        let right = std::iter::repeat_with(|| bets.place(1.0).log_wealth());
        LEARNING + 1 + right.take_while(|wealth| *wealth < limit).count()
    }

    /// Blocks so far.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The logarithm of the wealth of those who bet against the log ratio `m`.
    pub fn log_evidence(&self, m: f64) -> f64 {
        let mut bets = Bets::default();
        for Bet { value, spread, weight } in &self.blocks {
            bets.place(weight * ((value - m) / (REACH * spread)).clamp(-1.0, 1.0));
        }
        bets.log_wealth()
    }

    /// The median of the blocks, quieter ones counting for more; `None` while there are none.
    pub fn estimate(&self) -> Option<f64> {
        (!self.values.is_empty()).then(|| middle(&self.values))
    }

    /// The estimate, and the interval of the log ratio at a confidence; `None` while it has no ends.
    ///
    /// The interval at one confidence holds at all times together: the probability that it ever leaves the truth out is
    /// at most one less the confidence.
    pub fn interval(&self, confidence: f64) -> Option<(f64, [f64; 2])> {
        let limit = -(1.0 - confidence).ln();
        if self.blocks.is_empty() {
            return None;
        }
        let middle = middle(&self.values);
        if self.log_evidence(middle) >= limit {
            // The blocks contradict every level: they are no noise about one. Nothing can be said.
            return None;
        }
        let widest =
            self.blocks.iter().map(|bet| (bet.value - middle).abs() + REACH * bet.spread).fold(0.0, f64::max);
        let edge = |sign: f64| {
            let (mut inside, mut outside) = (0.0, widest);
            if self.log_evidence(middle + sign * outside) < limit {
                return None;
            }
            for _ in 0..50 {
                let between = 0.5 * (inside + outside);
                if self.log_evidence(middle + sign * between) < limit {
                    inside = between
                } else {
                    outside = between
                }
            }
            Some(middle + sign * outside)
        };
        Some((middle, [edge(-1.0)?, edge(1.0)?]))
    }
}

/// The median weighted by precision: where the sum of the distances to all values, in units of their noise, is least.
/// Between two such places the middle.
fn middle(values: &[(f64, f64)]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = sorted.iter().map(|(_, noise)| noise.recip()).sum::<f64>() / 2.0;
    let mut before = 0.0;
    for (at, (value, noise)) in sorted.iter().enumerate() {
        before += noise.recip();
        if before > half * (1.0 + 1e-12) {
            return *value;
        }
        if before >= half * (1.0 - 1e-12)
            && let Some((next, _)) = sorted.get(at + 1)
        {
            return 0.5 * (value + next);
        }
    }
    sorted.last().map_or(0.0, |(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise from a fixed generator: Student's t with two degrees of freedom, whose variance is infinite.
    struct Wild(u64);

    impl Wild {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
        }

        fn next(&mut self) -> f64 {
            let u = self.uniform();
            (2.0 * u - 1.0) / (2.0 * u * (1.0 - u)).sqrt()
        }
    }

    /// At most one in twenty of duels between equals may ever rule equality out at 95 %, though all look a hundred times.
    #[test]
    fn looking_every_time_costs_nothing() {
        let mut wild = Wild(7);
        let duels = 200;
        let wrong = (0..duels).filter(|_| {
            let mut sequence = Sequence::new();
            (0..100).any(|_| {
                sequence.push(0.05 * wild.next());
                sequence.log_evidence(0.0) >= 20f64.ln()
            })
        });
        // 10 expected at most, with a standard error of 3.
        assert!(wrong.count() <= 16);
    }

    #[test]
    fn a_clear_case_ends_early() {
        let mut wild = Wild(11);
        let mut sequence = Sequence::new();
        let stopped = (0..200).find(|_| {
            sequence.push(0.05 + 0.02 * wild.next());
            sequence.interval(0.99).is_some_and(|(_, [low, _])| low > 0.0)
        });
        assert!(stopped.is_some_and(|block| block < 60), "{stopped:?}");
        let (middle, [low, high]) = sequence.interval(0.99).unwrap();
        assert!(low < middle && middle < high && low < 0.05 && high > 0.05);
    }

    /// In two blocks of three another program burns: told so, the sequence finds what the quiet ones show.
    #[test]
    fn quiet_blocks_count_for_more() {
        let mut wild = Wild(5);
        let (mut told, mut blind) = (Sequence::new(), Sequence::new());
        for at in 0..200 {
            let noise = if at % 3 == 0 { 0.005 } else { 0.2 };
            let ratio = 0.05 + noise * wild.next();
            told.push_noisy(ratio, noise);
            blind.push(ratio);
        }
        let width =
            |sequence: &Sequence| sequence.interval(0.99).map_or(f64::MAX, |(_, [low, high])| high - low);
        assert!(width(&told) < 0.5 * width(&blind), "{} {}", width(&told), width(&blind));
        assert!((told.estimate().unwrap() - 0.05).abs() < 0.01);
    }

    #[test]
    fn the_middle_is_the_median_where_all_are_alike() {
        let of = |values: &[f64]| middle(&values.iter().map(|value| (*value, 1.0)).collect::<Vec<_>>());
        assert_eq!(of(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(middle(&[(1.0, 1.0), (2.0, 1.0), (9.0, 0.1)]), 9.0);
    }

    #[test]
    fn few_blocks_have_no_interval() {
        let mut sequence = Sequence::new();
        sequence.push(f64::NAN);
        assert!(sequence.is_empty() && sequence.interval(0.9).is_none());
        [0.1, 0.2, 0.15, 0.12].into_iter().for_each(|value| sequence.push(value));
        assert_eq!(sequence.len(), 4);
        assert!(sequence.interval(0.99).is_none());
        // As many as it takes at least, and no fewer.
        let without = (0..Sequence::blocks_needed(0.99)).map(|at| 0.1 + 1e-3 * (at % 2) as f64);
        let mut sequence = Sequence::new();
        for value in without {
            assert!(sequence.interval(0.99).is_none());
            sequence.push(value);
        }
    }
}
