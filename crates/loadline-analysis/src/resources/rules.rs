//! The metrics that say how busy a resource is: names that are widely used, and the forms that names of pools take.

use std::collections::{BTreeMap, HashMap};

use loadline_model::saturation::ResourceKind::{self, Cpu, Disk, Memory, Network, Pool};

use super::exposition::Sample;

/// Resources read at a time, at most.
const RESOURCES_MOST: usize = 200;

/// What one reading says of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// For people: what it is, and the labels that tell it from others of its kind.
    pub name: String,
    /// What it is.
    pub kind: ResourceKind,
    /// The metrics it was read from.
    pub metric: String,
    /// How much of it was in use.
    pub amount: Amount,
}

/// How much of a resource was in use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// The share at this instant.
    Share(f64),
    /// What was used so far, and how much there is of it each second.
    Used {
        /// In units times seconds.
        total: f64,
        /// In units; `None` where nothing says how much there is.
        of: Option<f64>,
    },
}

/// Gauges that are a share already.
const SHARES: [(&str, ResourceKind, &str); 5] = [
    ("process_cpu_usage", Cpu, "cpu of the process"),
    ("system_cpu_usage", Cpu, "cpu"),
    ("nodejs_eventloop_utilization", Cpu, "event loop"),
    ("jvm_gc_overhead_percent", Cpu, "garbage collection"),
    ("dotnet_gc_pause_ratio", Cpu, "garbage collection"),
];

/// A gauge over the gauge of its limit.
const OVER: [(&str, &str, ResourceKind, &str); 16] = [
    ("process_open_fds", "process_max_fds", Pool, "file descriptors"),
    ("process_files_open_files", "process_files_max_files", Pool, "file descriptors"),
    ("jvm_memory_used_bytes", "jvm_memory_max_bytes", Memory, "jvm memory"),
    ("hikaricp_connections_active", "hikaricp_connections_max", Pool, "database connections"),
    ("jdbc_connections_active", "jdbc_connections_max", Pool, "database connections"),
    ("tomcat_threads_busy_threads", "tomcat_threads_config_max_threads", Pool, "tomcat threads"),
    ("jetty_threads_busy", "jetty_threads_config_max", Pool, "jetty threads"),
    ("executor_active_threads", "executor_pool_max_threads", Pool, "executor threads"),
    ("go_sql_in_use_connections", "go_sql_max_open_connections", Pool, "database connections"),
    ("go_sql_stats_connections_in_use", "go_sql_stats_connections_max_open", Pool, "database connections"),
    ("redis_memory_used_bytes", "redis_memory_max_bytes", Memory, "redis memory"),
    ("redis_connected_clients", "redis_config_maxclients", Pool, "redis clients"),
    ("pg_stat_activity_count", "pg_settings_max_connections", Pool, "postgres connections"),
    (
        "mysql_global_status_threads_connected",
        "mysql_global_variables_max_connections",
        Pool,
        "mysql connections",
    ),
    ("phpfpm_active_processes", "phpfpm_total_processes", Pool, "php-fpm processes"),
    ("container_memory_working_set_bytes", "container_spec_memory_limit_bytes", Memory, "container memory"),
];

/// Counters of seconds (or bytes), over how many there are of them each second: the first of these gauges that is
/// there. Those without are about one thing, which has a second each second.
const COUNTERS: [(&str, &[&str], ResourceKind, &str); 8] = [
    (
        "process_cpu_seconds_total",
        &["go_sched_gomaxprocs_threads", "system_cpu_count", "process_cpu_cores"],
        Cpu,
        "cpu of the process",
    ),
    ("node_disk_io_time_seconds_total", &[], Disk, "disk"),
    ("node_network_receive_bytes_total", &["node_network_speed_bytes"], Network, "network in"),
    ("node_network_transmit_bytes_total", &["node_network_speed_bytes"], Network, "network out"),
    ("node_pressure_cpu_waiting_seconds_total", &[], Cpu, "cpu pressure"),
    ("node_pressure_memory_waiting_seconds_total", &[], Memory, "memory pressure"),
    ("node_pressure_io_waiting_seconds_total", &[], Disk, "io pressure"),
    ("nodejs_eventloop_active_seconds_total", &[], Cpu, "event loop"),
];

/// What runtimes tell of themselves that use one processor at a time.
const SINGLE_THREADED: [&str; 2] = ["python_info", "nodejs_version_info"];

/// Words in names of gauges for what is in use, and for how much there is.
const USED: [&str; 5] = ["in_use", "busy", "active", "used", "borrowed"];
const LIMIT: [&str; 6] = ["max", "limit", "capacity", "size", "max_size", TOTAL];
const TOTAL: &str = "total";

/// Endings of gauges that are a share.
const RATIOS: [&str; 6] = [
    "_utilization",
    "_utilisation",
    "_utilization_ratio",
    "_utilisation_ratio",
    "_usage_ratio",
    "_saturation_ratio",
];

/// A mean since the start of the service says little about now.
const MEANS_SINCE_START: [&str; 1] = ["loadline_serve_utilisation_ratio"];

/// Labels that do not tell one resource from another for people.
const DULL_LABELS: [&str; 4] = ["job", "__name__", "endpoint", "container"];

/// What pools are of, where their names end in `total`: so many counters do that all of them would be read.
const POOLED: &str = "pool|connections|threads|workers|slots|permits";

/// A selector for a Prometheus server that finds whatever [`read`] understands, among the series that `matchers` choose, such
/// as `job="shop"`.
pub fn selector(matchers: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    names.extend(SHARES.iter().map(|rule| rule.0.to_owned()));
    names.extend(OVER.iter().flat_map(|rule| [rule.0, rule.1]).map(str::to_owned));
    names.extend(
        COUNTERS.iter().flat_map(|rule| std::iter::once(&rule.0).chain(rule.1)).map(|n| (*n).to_owned()),
    );
    names.extend(
        ["node_cpu_seconds_total", "node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"]
            .map(str::to_owned),
    );
    names.extend(SINGLE_THREADED.map(str::to_owned));
    names.push(".+(_utili[sz]ation|_utili[sz]ation_ratio|_usage_ratio|_saturation_ratio)".to_owned());
    names.push(".+_busy_seconds_total".to_owned());
    names.push(format!(".+_({})", USED.join("|")));
    names.push(".*(busy|active)_(workers|threads|connections)".to_owned());
    let limits: Vec<&str> = LIMIT.into_iter().filter(|word| *word != TOTAL).collect();
    names.push(format!(".+_({})", limits.join("|")));
    names.push(format!("(.+_)?({POOLED})_{TOTAL}"));
    names.push(".+_(workers|threads|connections)".to_owned());
    names.sort();
    names.dedup();
    let matchers = matchers.trim().trim_start_matches('{').trim_end_matches('}');
    let joined = if matchers.is_empty() { String::new() } else { format!(",{matchers}") };
    format!("{{__name__=~\"{}\"{joined}}}", names.join("|"))
}

/// What samples read at one instant say of resources. Each is named once; a counter is preferred to a gauge, which
/// knows an instant alone.
pub fn read(samples: &[Sample]) -> Vec<Reading> {
    let page = Page::new(samples);
    let mut readings = Vec::new();
    readings.extend(samples.iter().filter_map(|sample| page.counter(sample)));
    readings.extend(page.processors());
    readings.extend(samples.iter().filter_map(|sample| page.busy_seconds(sample)));
    readings.extend(samples.iter().filter_map(|sample| page.over(sample)));
    readings.extend(samples.iter().filter_map(|sample| page.memory(sample)));
    readings.extend(samples.iter().filter_map(share));
    readings.extend(samples.iter().filter_map(|sample| page.pool(sample)));
    let mut seen = std::collections::BTreeSet::new();
    readings.retain(|reading| seen.insert(reading.name.clone()));
    readings.truncate(RESOURCES_MOST);
    readings
}

/// The samples by name and labels.
struct Page<'a> {
    samples: &'a [Sample],
    by_name: HashMap<&'a str, Vec<&'a Sample>>,
}

impl<'a> Page<'a> {
    fn new(samples: &'a [Sample]) -> Self {
        let mut by_name: HashMap<&str, Vec<&Sample>> = HashMap::new();
        samples.iter().for_each(|sample| by_name.entry(&sample.name).or_default().push(sample));
        Page { samples, by_name }
    }

    /// The value of a gauge above 0 that is about the same thing: with the same labels, or with some of them alone.
    fn limit(&self, name: &str, labels: &BTreeMap<String, String>) -> Option<f64> {
        let fits = |sample: &&&Sample| sample.labels.iter().all(|(k, v)| labels.get(k) == Some(v));
        let found = self.by_name.get(name)?.iter().filter(fits).max_by_key(|sample| sample.labels.len())?;
        (found.value > 0.0).then_some(found.value)
    }

    fn counter(&self, sample: &Sample) -> Option<Reading> {
        let (name, limits, kind, words) = COUNTERS.iter().find(|rule| rule.0 == sample.name)?;
        let limit = limits.iter().find_map(|limit| self.limit(limit, &sample.labels).map(|of| (of, *limit)));
        let metric =
            limit.map_or_else(|| format!("rate({name})"), |(_, limit)| format!("rate({name}) / {limit}"));
        // How many processors a process may use few say; a share of one would be none.
        let one = limits.is_empty() || (*kind == Cpu && self.is_single_threaded(sample));
        let of = limit.map(|(of, _)| of).or(one.then_some(1.0));
        Some(reading(words, sample, *kind, metric, Amount::Used { total: sample.value, of }))
    }

    /// Whether the process that this sample is of uses one processor at a time.
    fn is_single_threaded(&self, sample: &Sample) -> bool {
        let told = SINGLE_THREADED.iter().filter_map(|name| self.by_name.get(name)).flatten();
        told.into_iter().any(|info| sample.labels.iter().all(|(k, v)| info.labels.get(k) == Some(v)))
    }

    /// Processors of each host: the seconds in which they were not idle.
    fn processors(&self) -> Vec<Reading> {
        let seconds = self.by_name.get("node_cpu_seconds_total").map(Vec::as_slice).unwrap_or_default();
        let label = |sample: &Sample, name: &str| sample.labels.get(name).cloned().unwrap_or_default();
        let mut hosts: BTreeMap<String, (f64, std::collections::BTreeSet<String>)> = BTreeMap::new();
        for sample in seconds {
            let host = hosts.entry(label(sample, "instance")).or_default();
            host.1.insert(label(sample, "cpu"));
            if !matches!(label(sample, "mode").as_str(), "idle" | "iowait") {
                host.0 += sample.value;
            }
        }
        hosts
            .into_iter()
            .map(|(instance, (total, cpus))| Reading {
                name: format!("cpu {instance}").trim().to_owned(),
                kind: Cpu,
                metric: "1 - rate(node_cpu_seconds_total{mode=\"idle\"})".to_owned(),
                amount: Amount::Used { total, of: Some(cpus.len() as f64) },
            })
            .collect()
    }

    /// `*_busy_seconds_total` over `*_workers` or `*_threads`.
    fn busy_seconds(&self, sample: &Sample) -> Option<Reading> {
        let prefix = sample.name.strip_suffix("busy_seconds_total")?;
        let pools = ["workers", "threads"].map(|pool| (pool, format!("{prefix}{pool}")));
        let (pool, name, of) =
            pools.iter().find_map(|(pool, name)| Some((pool, name, self.limit(name, &sample.labels)?)))?;
        let metric = format!("rate({}) / {name}", sample.name);
        Some(reading(pool, sample, Pool, metric, Amount::Used { total: sample.value, of: Some(of) }))
    }

    fn over(&self, sample: &Sample) -> Option<Reading> {
        let (name, limit, kind, words) = OVER.iter().find(|rule| rule.0 == sample.name)?;
        let of = self.limit(limit, &sample.labels)?;
        Some(reading(words, sample, *kind, format!("{name} / {limit}"), Amount::Share(sample.value / of)))
    }

    fn memory(&self, sample: &Sample) -> Option<Reading> {
        if sample.name != "node_memory_MemAvailable_bytes" {
            return None;
        }
        let of = self.limit("node_memory_MemTotal_bytes", &sample.labels)?;
        let metric = "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes".to_owned();
        Some(reading("memory", sample, Memory, metric, Amount::Share(1.0 - sample.value / of)))
    }

    /// Pools by the form of their names: `x_busy` over `x_max`, `busy_x` over `x`.
    fn pool(&self, sample: &Sample) -> Option<Reading> {
        let known = OVER.iter().any(|rule| rule.0 == sample.name || rule.1 == sample.name);
        let word = USED.iter().find(|word| has_word(&sample.name, word))?;
        if known || self.samples.is_empty() {
            return None;
        }
        let swapped = LIMIT.iter().map(|limit| replace_word(&sample.name, word, limit));
        let dropped = sample
            .name
            .contains(&format!("{word}_"))
            .then(|| sample.name.replacen(&format!("{word}_"), "", 1));
        let limit = swapped.chain(dropped).find(|limit| {
            *limit != sample.name
                && self.limit(limit, &sample.labels).is_some_and(|of| sample.value <= 1.5 * of)
        })?;
        let of = self.limit(&limit, &sample.labels)?;
        let words = replace_word(&sample.name, word, "");
        let words = words.trim_matches('_').rsplit('_').next().unwrap_or(&words).to_owned();
        let words = if words.len() > 2 { words } else { sample.name.clone() };
        Some(reading(
            &words,
            sample,
            Pool,
            format!("{} / {limit}", sample.name),
            Amount::Share(sample.value / of),
        ))
    }
}

/// Gauges that are a share.
fn share(sample: &Sample) -> Option<Reading> {
    let within = (0.0..=1.0).contains(&sample.value);
    if !within || MEANS_SINCE_START.contains(&sample.name.as_str()) {
        return None;
    }
    if let Some((name, kind, words)) = SHARES.iter().find(|rule| rule.0 == sample.name) {
        return Some(reading(words, sample, *kind, (*name).to_owned(), Amount::Share(sample.value)));
    }
    let ending =
        RATIOS.iter().filter(|ending| sample.name.ends_with(**ending)).max_by_key(|ending| ending.len())?;
    let words = sample.name.trim_end_matches(*ending).replace('_', " ");
    let kind = [("cpu", Cpu), ("memory", Memory), ("disk", Disk), ("network", Network)]
        .into_iter()
        .find_map(|(word, kind)| words.contains(word).then_some(kind))
        .unwrap_or(Pool);
    Some(reading(&words, sample, kind, sample.name.clone(), Amount::Share(sample.value)))
}

fn has_word(name: &str, word: &str) -> bool {
    format!("_{name}_").contains(&format!("_{word}_"))
}

fn replace_word(name: &str, word: &str, by: &str) -> String {
    format!("_{name}_").replacen(&format!("_{word}_"), &format!("_{by}_"), 1).trim_matches('_').to_owned()
}

fn reading(words: &str, sample: &Sample, kind: ResourceKind, metric: String, amount: Amount) -> Reading {
    let labels = sample.labels.iter().filter(|(name, _)| !DULL_LABELS.contains(&name.as_str()));
    let labels: Vec<&str> =
        labels.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty()).collect();
    let name = std::iter::once(words).chain(labels).collect::<Vec<_>>().join(" ");
    Reading { name, kind, metric, amount }
}

#[cfg(test)]
mod tests {
    use super::super::exposition::parse;
    use super::*;

    fn found(page: &str) -> Vec<(String, Amount)> {
        read(&parse(page)).into_iter().map(|reading| (reading.name, reading.amount)).collect()
    }

    #[test]
    fn the_service_of_known_truth_tells_of_its_workers() {
        let page = "loadline_serve_busy_workers 2\nloadline_serve_in_service 2\nloadline_serve_workers 4\n\
                    loadline_serve_busy_seconds_total 12.5\nloadline_serve_utilisation_ratio 0.1\n";
        assert_eq!(found(page), [("workers".to_owned(), Amount::Used { total: 12.5, of: Some(4.0) })]);
    }

    #[test]
    fn known_names_are_held_against_their_limits() {
        let page = "process_cpu_seconds_total 40\ngo_sched_gomaxprocs_threads 8\nprocess_open_fds 10\nprocess_max_fds 1000\n\
                    hikaricp_connections_active{pool=\"main\"} 9\nhikaricp_connections_max{pool=\"main\"} 10\n\
                    hikaricp_connections_max{pool=\"other\"} 90\n";
        let expected = [
            ("cpu of the process".to_owned(), Amount::Used { total: 40.0, of: Some(8.0) }),
            ("file descriptors".to_owned(), Amount::Share(0.01)),
            ("database connections main".to_owned(), Amount::Share(0.9)),
        ];
        assert_eq!(found(page), expected);
    }

    #[test]
    fn a_host_has_processors_memory_disks_and_a_network() {
        let page = "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 100\nnode_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 30\n\
                    node_cpu_seconds_total{cpu=\"1\",mode=\"system\"} 10\nnode_memory_MemAvailable_bytes 25\n\
                    node_memory_MemTotal_bytes 100\nnode_disk_io_time_seconds_total{device=\"sda\"} 7\n\
                    node_network_receive_bytes_total{device=\"eth0\"} 50\nnode_network_speed_bytes{device=\"eth0\"} 125\n\
                    node_network_receive_bytes_total{device=\"lo\"} 50\n";
        let names: Vec<String> = found(page).into_iter().map(|found| found.0).collect();
        assert_eq!(names, ["disk sda", "network in eth0", "network in lo", "cpu", "memory"]);
        assert_eq!(found(page)[2].1, Amount::Used { total: 50.0, of: None });
        assert_eq!(found(page)[3].1, Amount::Used { total: 40.0, of: Some(2.0) });
        assert_eq!(found(page)[4].1, Amount::Share(0.75));
    }

    /// A service that uses 3 of 16 processors is not full, and one of Python's is where it uses one.
    #[test]
    fn processor_seconds_are_no_share_of_processors_that_nobody_counted() {
        let of = |page: &str| match found(page)[0].1 {
            Amount::Used { of, .. } => of,
            Amount::Share(_) => panic!("a counter"),
        };
        let (seconds, labelled) =
            ("process_cpu_seconds_total 3\n", "process_cpu_seconds_total{instance=\"a\"} 3\n");
        assert_eq!(of(seconds), None);
        assert_eq!(of(&format!("python_info{{version=\"3.13\"}} 1\n{seconds}")), Some(1.0));
        assert_eq!(of(&format!("python_info{{instance=\"b\"}} 1\n{labelled}")), None);
        assert_eq!(of(&format!("nodejs_version_info{{instance=\"a\"}} 1\n{labelled}")), Some(1.0));
    }

    /// Of a server that keeps thousands of counters only what may be a resource is asked for.
    #[test]
    fn a_selector_chooses_by_name_and_by_what_is_asked_for() {
        let all = selector("");
        assert!(all.starts_with("{__name__=~\"") && all.ends_with("\"}"), "{all}");
        assert!(!all.contains("|total)"), "{all}");
        assert!(selector("{job=\"shop\"}").ends_with("\",job=\"shop\"}"));
        assert_eq!(selector("{job=\"shop\"}"), selector(" job=\"shop\" "));
    }

    #[test]
    fn pools_are_known_by_the_form_of_their_names() {
        assert_eq!(found("db_pool_in_use 3\ndb_pool_max 12\n")[0].1, Amount::Share(0.25));
        assert_eq!(found("active_threads 3\nthreads 6\n")[0].1, Amount::Share(0.5));
        assert_eq!(found("worker_utilization 0.4\n"), [("worker".to_owned(), Amount::Share(0.4))]);
        assert!(found("requests_active 3\nupload_bytes_total 9\n").is_empty());
    }
}
