//! Which resource of a service saturates: from what it tells of itself while it is driven.
//!
//! [`exposition`] reads what was scraped, [`rules`] knows the metrics that say how busy something is, [`Usage`] is a
//! resource's share in use during each step, and [`finding`] names the one that reaches its limit at the knee.

mod cpu;
pub mod exposition;
pub mod rules;

use std::collections::BTreeMap;

use loadline_model::saturation::{Resource, ResourceKind};

pub use cpu::cores_in_use;
pub use exposition::Sample;
pub use rules::{Amount, Reading};

/// In use above this share a resource is at its limit.
const FULL: f64 = 0.9;
/// A resource whose use at the least load is already this share of its most is not filled by the load.
const RISES: f64 = 0.8;
/// Beyond this multiple of the capacity a straight line says nothing about the knee.
const NEAR: f64 = 2.0;
/// The least share of the variance that a straight line has to explain before it is extrapolated.
const STRAIGHT: f64 = 0.8;
/// Steps that are full are left out of the line: it does not go on there.
const CLIPPED: f64 = 0.95;
/// So many steps nearest to the knee say whether it is full there.
const AROUND: usize = 3;

/// What was read at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Scrape {
    /// Seconds since the start of the run.
    pub at_s: f64,
    /// What it said of resources.
    pub readings: Vec<Reading>,
}

/// The share of one resource that was in use during each step.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// For people.
    pub name: String,
    /// What it is.
    pub kind: ResourceKind,
    /// The metrics it was read from.
    pub metric: String,
    /// 0 to 1, in the order of the steps; `None` where it was not sampled.
    pub by_step: Vec<Option<f64>>,
}

/// The share in use of every resource during each step, given as `(from, to)` in seconds since the start of the run:
/// of a gauge the mean, of a counter its growth over the time between the first and the last reading in the step. A
/// counter that was read once in a step says nothing of it.
pub fn usages(scrapes: &[Scrape], steps: &[(f64, f64)]) -> Vec<Usage> {
    let mut found: BTreeMap<&str, Usage> = BTreeMap::new();
    for (index, &(from, to)) in steps.iter().enumerate() {
        let mut within: BTreeMap<&str, Vec<(f64, &Reading)>> = BTreeMap::new();
        for scrape in scrapes.iter().filter(|scrape| scrape.at_s >= from && scrape.at_s <= to) {
            for reading in &scrape.readings {
                within.entry(&reading.name).or_default().push((scrape.at_s, reading));
            }
        }
        for (name, readings) in within {
            let Some(share) = share_of(&readings) else { continue };
            let first = readings[0].1;
            let usage = found.entry(name).or_insert_with(|| Usage {
                name: first.name.clone(),
                kind: first.kind,
                metric: first.metric.clone(),
                by_step: vec![None; steps.len()],
            });
            usage.by_step[index] = Some(share);
        }
    }
    found.into_values().collect()
}

fn share_of(readings: &[(f64, &Reading)]) -> Option<f64> {
    let share = match (readings.first()?, readings.last()?) {
        ((from, Reading { amount: Amount::Used { total: before, of }, .. }), (to, last)) => {
            let Amount::Used { total: after, .. } = last.amount else { return None };
            let of = (*of)?;
            // A counter that fell was begun anew.
            (to > from && after >= *before).then(|| (after - before) / (to - from) / of)?
        }
        _ => {
            let shares = readings.iter().filter_map(|(_, reading)| match reading.amount {
                Amount::Share(share) => Some(share),
                Amount::Used { .. } => None,
            });
            let (sum, count) = shares.fold((0.0, 0), |(sum, count), share| (sum + share, count + 1));
            (count > 0).then(|| sum / f64::from(count))?
        }
    };
    share.is_finite().then_some(share)
}

/// What the resources show: each with its line over the load, the busiest at the capacity first; the name of the one
/// that saturates; and the same in a sentence.
pub struct Finding {
    /// The resources.
    pub resources: Vec<Resource>,
    /// The one that reaches its limit at the knee.
    pub saturated: Option<String>,
    /// In words.
    pub words: String,
}

/// Names the resource that reaches its limit at the knee. `loads` are those of the steps, in their order; `capacity`
/// is the load at the knee, where one was found.
///
/// One that was full in a step at the knee or beyond it is named. Where none was, it is the one that by the
/// utilisation law (U = X·D: P. J. Denning and J. P. Buzen, Computing Surveys 10(3), 1978) is full before twice the
/// capacity: an objective on latency breaks while servers have time to spare.
pub fn finding(usages: Vec<Usage>, loads: &[f64], capacity: Option<f64>) -> Finding {
    let knee = capacity.or_else(|| loads.iter().copied().reduce(f64::max)).unwrap_or(0.0);
    let mut resources: Vec<Resource> = usages
        .into_iter()
        .map(|usage| {
            let line = Line::through(&usage.by_step, loads);
            let Usage { name, kind, metric, by_step } = usage;
            let at_capacity = full_around(&by_step, loads, knee).or_else(|| line.at(knee));
            let at_capacity = at_capacity.map(|share| share.clamp(0.0, 1.0));
            Resource { name, kind, metric, by_step, at_capacity, full_at_per_s: line.full_at() }
        })
        .collect();
    resources.sort_by(|a, b| {
        b.at_capacity
            .unwrap_or(-1.0)
            .total_cmp(&a.at_capacity.unwrap_or(-1.0))
            .then_with(|| a.name.cmp(&b.name))
    });
    let full = resources.iter().filter(|resource| is_filled(resource, loads, knee));
    let full = full.max_by(|a, b| most(a).0.total_cmp(&most(b).0));
    let near =
        resources.iter().find(|resource| resource.full_at_per_s.is_some_and(|full| full <= NEAR * knee));
    let saturated = full.or(near).map(|resource| resource.name.clone());
    let words = words(&resources, saturated.as_deref(), loads, knee);
    Finding { resources, saturated, words }
}

/// The mean share in use of the steps nearest to the knee, where that is full: the line ends below.
fn full_around(by_step: &[Option<f64>], loads: &[f64], knee: f64) -> Option<f64> {
    let mut known: Vec<(f64, f64)> = loads
        .iter()
        .zip(by_step)
        .filter_map(|(load, share)| Some(((load / knee).ln().abs(), (*share)?)))
        .collect();
    known.sort_by(|a, b| a.0.total_cmp(&b.0));
    let nearest = known.get(..AROUND)?;
    let mean = nearest.iter().map(|(_, share)| share).sum::<f64>() / AROUND as f64;
    (mean >= CLIPPED).then_some(mean)
}

/// Whether the load filled it, at the knee or beyond.
fn is_filled(resource: &Resource, loads: &[f64], knee: f64) -> bool {
    let known = || loads.iter().zip(&resource.by_step).filter_map(|(load, share)| Some((*load, (*share)?)));
    let full = known().any(|(load, share)| load >= 0.9 * knee && share >= FULL);
    let least = known().min_by(|a, b| a.0.total_cmp(&b.0)).map_or(1.0, |point| point.1);
    full && least <= RISES * most(resource).0
}

/// The largest share in a step, and which step.
fn most(resource: &Resource) -> (f64, usize) {
    let known = resource.by_step.iter().enumerate().filter_map(|(k, share)| Some(((*share)?, k)));
    known.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, 0))
}

fn words(resources: &[Resource], saturated: Option<&str>, loads: &[f64], knee: f64) -> String {
    let percent = |share: f64| format!("{:.0} %", share.min(1.0) * 100.0);
    let at = |load: f64| if load < 100.0 { format!("{load:.1}/s") } else { format!("{load:.0}/s") };
    let line = |resource: &Resource| {
        let at_knee = resource.at_capacity.map(|share| format!("{} in use at {}", percent(share), at(knee)));
        let (top, step) = most(resource);
        let top = loads.get(step).map(|load| format!("{} at {}", percent(top), at(*load)));
        [at_knee, top].into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let full_at = |resource: &Resource| {
        resource
            .full_at_per_s
            .map_or(String::new(), |full| format!("; by the utilisation law full at {}", at(full)))
    };
    let found = saturated.and_then(|name| resources.iter().find(|resource| resource.name == name));
    match (found, resources.first()) {
        (Some(resource), _) if most(resource).0 >= FULL => {
            format!("What reaches its limit at the knee: {}, {}", resource.name, line(resource))
        }
        (Some(resource), _) => {
            format!(
                "What comes to its limit first: {}, {}{}",
                resource.name,
                line(resource),
                full_at(resource)
            )
        }
        (None, Some(busiest)) => format!(
            "None of the {} sampled resources reached its limit; the busiest was {}, {}{}",
            resources.len(),
            busiest.name,
            line(busiest),
            full_at(busiest)
        ),
        (None, None) => "No metric of a known resource was sampled".to_owned(),
    }
}

/// Share in use against load, by least squares over the steps in which there was something left.
#[derive(Debug, Clone, Copy)]
struct Line {
    intercept: f64,
    slope: f64,
    /// The share of the variance that it explains; 0 for fewer than three points.
    straight: f64,
}

impl Line {
    fn through(by_step: &[Option<f64>], loads: &[f64]) -> Line {
        let all: Vec<(f64, f64)> =
            loads.iter().zip(by_step).filter_map(|(load, share)| Some((*load, (*share)?))).collect();
        let open: Vec<(f64, f64)> = all.iter().copied().filter(|point| point.1 < CLIPPED).collect();
        let points = if open.len() >= 2 { open } else { all };
        let count = points.len() as f64;
        let (x, y) = points.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0 / count, sum.1 + p.1 / count));
        let squares: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
        let products: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
        let spread: f64 = points.iter().map(|p| (p.1 - y).powi(2)).sum();
        let slope = if squares > 0.0 { products / squares } else { 0.0 };
        let straight =
            if points.len() > 2 && spread > 0.0 { products * products / squares / spread } else { 0.0 };
        Line { intercept: y - slope * x, slope, straight }
    }

    fn at(&self, load: f64) -> Option<f64> {
        Some(self.intercept + self.slope * load).filter(|share| share.is_finite())
    }

    /// Where it is full, if it is a line at all.
    fn full_at(&self) -> Option<f64> {
        let load = (1.0 - self.intercept) / self.slope;
        (self.straight >= STRAIGHT && self.slope > 0.0 && load.is_finite() && load > 0.0).then_some(load)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(name: &str, by_step: &[f64]) -> Usage {
        let by_step = by_step.iter().copied().map(Some).collect();
        Usage { name: name.into(), kind: ResourceKind::Pool, metric: name.into(), by_step }
    }

    #[test]
    fn what_the_load_fills_is_named_and_what_is_always_full_is_not() {
        let loads = [100.0, 200.0, 300.0, 390.0];
        let usages = vec![
            usage("memory", &[0.95, 0.95, 0.96, 0.96]),
            usage("workers", &[0.25, 0.5, 0.75, 0.97]),
            usage("disk", &[0.02, 0.04, 0.06, 0.08]),
        ];
        let found = finding(usages, &loads, Some(360.0));
        assert_eq!(found.saturated.as_deref(), Some("workers"));
        assert!(
            found.words.starts_with(
                "What reaches its limit at the knee: workers, 90 % in use at 360/s, 97 % at 390/s"
            )
        );
        let workers = found.resources.iter().find(|r| r.name == "workers").unwrap();
        assert!((workers.full_at_per_s.unwrap() - 400.0).abs() < 1e-6);
    }

    #[test]
    fn an_objective_may_break_before_anything_is_full() {
        let loads = [100.0, 200.0, 250.0];
        let found = finding(vec![usage("workers", &[0.25, 0.5, 0.625])], &loads, Some(250.0));
        assert_eq!(found.saturated.as_deref(), Some("workers"));
        assert!(found.words.contains("by the utilisation law full at 400/s"), "{}", found.words);
        let found = finding(vec![usage("cpu", &[0.05, 0.1, 0.12])], &loads, Some(250.0));
        assert_eq!(found.saturated, None);
        assert!(found.words.starts_with("None of the 1 sampled resources"), "{}", found.words);
    }

    /// What scatters about nothing is full nowhere.
    #[test]
    fn what_is_no_line_is_not_extrapolated() {
        let loads = [100.0, 200.0, 300.0, 400.0];
        let found = finding(vec![usage("files", &[0.010, 0.011, 0.010, 0.011])], &loads, Some(300.0));
        assert_eq!(found.resources[0].full_at_per_s, None);
        assert!(!found.words.contains("full at"), "{}", found.words);
    }

    /// Of users who wait for their answers a full pool makes one rate, however many they are.
    #[test]
    fn what_is_full_at_the_knee_is_not_extrapolated_to_it() {
        let loads = [50.0, 100.0, 150.0, 196.0, 199.0, 200.0];
        let found = finding(vec![usage("pool", &[0.25, 0.48, 0.7, 1.0, 1.0, 0.99])], &loads, Some(199.0));
        let at = found.resources[0].at_capacity.unwrap();
        assert!(at > 0.99, "{at}");
    }

    #[test]
    fn counters_are_read_by_their_growth_and_gauges_by_their_mean() {
        let reading = |name: &str, amount| Reading {
            name: name.into(),
            kind: ResourceKind::Cpu,
            metric: name.into(),
            amount,
        };
        let scrapes: Vec<Scrape> = (0..10)
            .map(|k| Scrape {
                at_s: f64::from(k),
                readings: vec![
                    reading("cpu", Amount::Used { total: 1.5 * f64::from(k), of: Some(2.0) }),
                    reading("pool", Amount::Share(f64::from(k) / 10.0)),
                ],
            })
            .collect();
        let found = usages(&scrapes, &[(1.0, 5.0), (20.0, 30.0)]);
        assert_eq!(found[0].by_step, [Some(0.75), None]);
        assert!((found[1].by_step[0].unwrap() - 0.3).abs() < 1e-12);
    }
}
