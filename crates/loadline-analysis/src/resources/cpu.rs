//! The processor time that a service spends on what it is asked.

use std::collections::BTreeMap;

use super::{Amount, Scrape};

/// The counter of a process's processor seconds, which client libraries for Prometheus export by that name.
const COUNTER: &str = "rate(process_cpu_seconds_total)";
/// The least share of the time that has to lie between readings.
const COVERED: f64 = 0.5;

/// Processor seconds a second, over all processes that were read, in the spans `(from, to)` of a run: the growth of their
/// counters over the time between the first and the last reading in each span. `None` where no process tells, a counter
/// fell since its process was begun anew, or the readings cover too little.
pub fn cores_in_use(scrapes: &[Scrape], spans: &[(f64, f64)]) -> Option<f64> {
    let length: f64 = spans.iter().map(|(from, to)| to - from).sum();
    let mut of_processes: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for &(from, to) in spans {
        let mut within: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
        for scrape in scrapes.iter().filter(|scrape| scrape.at_s >= from && scrape.at_s <= to) {
            for reading in scrape.readings.iter().filter(|reading| reading.metric.starts_with(COUNTER)) {
                if let Amount::Used { total, .. } = reading.amount {
                    within.entry(&reading.name).or_default().push((scrape.at_s, total));
                }
            }
        }
        for (name, readings) in within {
            if readings.windows(2).any(|pair| pair[1].1 < pair[0].1) {
                return None;
            }
            let (first, last) = (readings[0], readings[readings.len() - 1]);
            let (used, covered) = of_processes.entry(name).or_default();
            *used += last.1 - first.1;
            *covered += last.0 - first.0;
        }
    }
    let enough = |covered: f64| covered > 0.0 && covered >= COVERED * length;
    let each = of_processes.values().map(|(used, covered)| enough(*covered).then_some(used / covered));
    let cores: Vec<f64> = each.collect::<Option<_>>()?;
    (!cores.is_empty()).then(|| cores.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::super::exposition::parse;
    use super::super::rules::read;
    use super::*;

    fn scrapes(page: impl Fn(f64) -> String) -> Vec<Scrape> {
        let at = |second: u32| f64::from(second) + 0.25;
        (0..20).map(|second| Scrape { at_s: at(second), readings: read(&parse(&page(at(second)))) }).collect()
    }

    /// Two processes, of which one idles until the load comes at 5 s and then takes half a core.
    #[test]
    fn the_growth_of_the_counters_is_the_use() {
        let page = |at: f64| {
            let busy = 7.0 + 0.5 * (at - 5.0).max(0.0);
            format!(
                "process_cpu_seconds_total{{instance=\"a\"}} {busy}\nprocess_cpu_seconds_total{{instance=\"b\"}} {}\n",
                0.1 * at
            )
        };
        let cores = cores_in_use(&scrapes(page), &[(5.0, 15.0)]).unwrap();
        assert!((cores - 0.6).abs() < 1e-9, "{cores}");
    }

    #[test]
    fn what_does_not_tell_is_none() {
        assert_eq!(cores_in_use(&scrapes(|_| "up 1\n".into()), &[(5.0, 15.0)]), None);
        let begun_anew =
            |at: f64| format!("process_cpu_seconds_total {}\n", if at < 9.0 { at } else { at - 9.0 });
        assert_eq!(cores_in_use(&scrapes(begun_anew), &[(5.0, 15.0)]), None);
        let steady = |at: f64| format!("process_cpu_seconds_total {at}\n");
        assert_eq!(cores_in_use(&scrapes(steady), &[(5.0, 60.0)]), None, "15 of 55 s are covered");
    }
}
