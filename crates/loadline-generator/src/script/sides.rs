//! Two builds in one run: each pair of arrivals goes one to each, in an order drawn by lot.
//!
//! Both arrivals of a pair run the same flow with the same data rows, think times and random numbers, so that nothing
//! differs between the builds but the builds. The lot makes the two exchangeable where the builds are equal: that is
//! what a test of their difference rests on.

use super::{Arrival, Script, Step, random};

/// Keeps the lots apart from other uses of the seed.
const SIDES: u64 = 0x7369_6465_7300_0000;

/// An arrival as its side sees it: the same for both arrivals of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// 0, or 1 for the second build of a duel.
    pub side: usize,
    /// The arrival, counted on its side alone.
    pub arrival: Arrival,
}

impl Script {
    /// One script of two builds: this one's flows, then `other`'s. Names of requests become `<label>: <name>`.
    ///
    /// Both come from one scenario and differ in the target alone; so they share variables and data.
    pub fn against(mut self, mut other: Script, labels: [&str; 2]) -> Script {
        let first = self.request_names.len();
        other.flows.iter_mut().for_each(|flow| shift_names(&mut flow.steps, first));
        let named = |label: &str, names: Vec<String>| -> Vec<String> {
            names.iter().map(|name| format!("{label}: {name}")).collect()
        };
        self.request_names = named(labels[0], self.request_names);
        self.request_names.extend(named(labels[1], other.request_names));
        self.flows.extend(other.flows);
        self.sides = 2;
        self
    }

    /// Whose arrival it is. In the closed model a user stays on one side, and with it its cookies.
    pub fn seat(&self, seed: u64, arrival: Arrival) -> Seat {
        if self.sides == 1 {
            return Seat { side: 0, arrival };
        }
        let Arrival { index, user, iteration } = arrival;
        let lot = random::hash(seed ^ SIDES, u64::from(user / 2)) & 1;
        let side = (u64::from(user & 1) ^ lot) as usize;
        Seat { side, arrival: Arrival { index: index / 2, user: user / 2, iteration } }
    }
}

fn shift_names(steps: &mut [Step], by: usize) {
    for step in steps {
        match step {
            Step::Request(request) => request.name += by,
            Step::Repeat(repeat) => shift_names(&mut repeat.steps, by),
            Step::If(branch) => {
                shift_names(&mut branch.then, by);
                shift_names(&mut branch.otherwise, by);
            }
            Step::Think(_) | Step::Set(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use loadline_model::scenario::Scenario;

    use super::*;

    const SHOP: &str = "target: http://127.0.0.1:1\nflows:\n  - { name: a, weight: 2, steps: [{ get: /a }] }\n  \
                        - { name: b, steps: [{ repeat: 2, steps: [{ get: /b }] }] }\n";

    fn script() -> Script {
        let scenario = Scenario::parse(SHOP, "shop.yaml", |_| None).expect("a scenario");
        let compile = || Script::compile(&scenario, &|_| unreachable!("no files")).expect("it compiles");
        compile().against(compile(), ["base", "candidate"])
    }

    fn arrival(index: u64) -> Arrival {
        Arrival { index, user: index as u32, iteration: 0 }
    }

    /// Of each pair one arrival goes to each side, both with the same flow and rows; who is first is a lot.
    #[test]
    fn pairs_are_split_by_lot() {
        let script = script();
        let mut first = [0, 0];
        for pair in 0..1000 {
            let [a, b] = [2 * pair, 2 * pair + 1].map(|index| script.seat(7, arrival(index)));
            assert_eq!((a.side + b.side, a.arrival), (1, b.arrival));
            assert_eq!(a.arrival.index, pair);
            let flows = [a, b].map(|seat| script.flow_of(7, seat));
            assert_eq!(flows[0].abs_diff(flows[1]), 2, "the same flow of either build");
            first[a.side] += 1;
        }
        // 500 with a standard deviation of 16.
        assert!(first[0].abs_diff(first[1]) < 130, "{first:?}");
    }

    #[test]
    fn a_user_keeps_its_side() {
        let script = script();
        let side = |iteration| script.seat(7, Arrival { index: iteration * 8 + 5, user: 5, iteration }).side;
        assert!((1..20).all(|iteration| side(iteration) == side(0)));
    }

    #[test]
    fn requests_are_told_apart() {
        let script = script();
        let names = ["base: GET /a", "base: GET /b", "candidate: GET /a", "candidate: GET /b"];
        assert_eq!(script.request_names, names);
        let Step::Repeat(repeat) = &script.flows[3].steps[0] else { panic!("the last flow repeats") };
        let Step::Request(request) = &repeat.steps[0] else { panic!("a request") };
        assert_eq!(request.name, 3);
    }
}
