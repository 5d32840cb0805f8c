//! The view of a run: everything a page shows, worked out once and in one pass over its seconds.

use loadline_model::histogram::{self, Histogram, quantile_ms};
use loadline_model::recording::Second;
use loadline_model::run::{RunDocument, Summary};
use loadline_model::slo::Slo;

use super::buckets::{Bucket, Buckets, Sparse, merged};
use crate::chart::Scale;

/// Error classes told apart in a chart; rarer ones are gathered as [`OTHER`].
const CLASSES_MAX: usize = 6;
/// The name of the rarer error classes taken together.
pub const OTHER: &str = "other";
/// Columns and rows of the heat map, at most.
const HEAT_COLUMNS_MAX: usize = 120;
const HEAT_ROWS: usize = 40;
/// Where the distribution ends: 1/(1 − q) of p99.99.
const TAIL_END: f64 = 10_000.0;
const TAIL_POINTS: usize = 160;
/// A bucket of the drain with fewer requests than this shows its maximum alone.
const STRAGGLERS: u64 = 20;

/// Everything a report of a run shows.
#[derive(Debug, Clone)]
pub struct View {
    /// How the run was made.
    pub run: RunDocument,
    /// What it says.
    pub summary: Summary,
    /// The objectives that could be read, for the lines of limits in charts.
    pub slos: Vec<Slo>,
    /// The run over time.
    pub series: Series,
    /// The distribution of the measured part; `None` without requests.
    pub distribution: Option<Distribution>,
    /// Latency over time as densities; `None` without requests.
    pub heat: Option<Heat>,
    /// The stretches of time set apart.
    pub shades: Vec<Shade>,
}

/// A stretch of time set apart in the charts over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Shade {
    /// Begin, in seconds since the start.
    pub from_s: f64,
    /// End.
    pub to_s: f64,
    /// What it is: `warm-up` or `drain`.
    pub label: &'static str,
}

/// The run over time.
#[derive(Debug, Clone)]
pub struct Series {
    /// The length of a bucket in seconds.
    pub bucket_s: u64,
    /// Where the charts end, in seconds since the start.
    pub end_s: f64,
    /// When the load ended; what comes later is the drain.
    pub load_end_s: f64,
    /// The error classes, the most frequent first.
    pub classes: Vec<(String, u64)>,
    /// The buckets in order.
    pub points: Vec<Point>,
}

/// One bucket of time. Latencies in milliseconds, rates per second.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    /// Its middle, in seconds since the start.
    pub at_s: f64,
    /// Whether the load was still on when it began.
    pub load: bool,
    /// p50, p90, p99 and maximum of the response time, warm-up included; `None` where nothing ended. For the last
    /// stragglers of a drain the maximum alone.
    pub response: [Option<f64>; 4],
    /// Requests that ended.
    pub requests_per_s: f64,
    /// Arrivals of flows asked for.
    pub offered_per_s: f64,
    /// Flows started.
    pub started_per_s: f64,
    /// Flows completed without error.
    pub ok_per_s: f64,
    /// Failed requests, in the order of [`Series::classes`].
    pub errors_per_s: Vec<f64>,
    /// The most requests on their way at the end of a second.
    pub in_flight: u64,
    /// The most arrivals waiting for a place at the end of a second.
    pub waiting: u64,
    /// The largest share of a core used by a worker in a second.
    pub cpu: Option<f64>,
}

/// Latencies by quantile over the measured part: `(1/(1 − q), milliseconds)`.
#[derive(Debug, Clone)]
pub struct Distribution {
    /// Requests behind it.
    pub samples: u64,
    /// Intended → done.
    pub response: Vec<(f64, f64)>,
    /// The same of requests without error, where it differs.
    pub response_ok: Option<Vec<(f64, f64)>>,
    /// Sent → done.
    pub service: Vec<(f64, f64)>,
    /// Past this 1/(1 − q) a quantile rests on fewer than ten samples.
    pub few_from: f64,
}

/// How many requests ended when (columns) and after how long (rows).
#[derive(Debug, Clone)]
pub struct Heat {
    /// The length of a column in seconds.
    pub column_s: u64,
    /// Counts by column, then by row from the fastest to the slowest.
    pub counts: Vec<Vec<u64>>,
    /// The rows divide this logarithmic scale (milliseconds) evenly.
    pub scale: Scale,
    /// The largest count.
    pub max: u64,
}

/// Gathers the seconds of a run in bounded memory, whatever its length.
#[derive(Debug)]
pub struct Gatherer {
    buckets: Buckets,
    response: Histogram,
    response_ok: Histogram,
    service: Histogram,
}

impl Default for Gatherer {
    fn default() -> Self {
        Self::new()
    }
}

impl Gatherer {
    /// Nothing gathered yet.
    pub fn new() -> Self {
        Gatherer {
            buckets: Buckets::new(),
            response: histogram::new(),
            response_ok: histogram::new(),
            service: histogram::new(),
        }
    }

    /// Takes one second, in order.
    pub fn push(&mut self, second: &Second) {
        self.buckets.push(second);
        for request in second.requests.iter().filter(|r| !r.counts.warmup) {
            for (into, from) in [
                (&mut self.response, &request.durations.response),
                (&mut self.response_ok, &request.durations.response_ok),
                (&mut self.service, &request.durations.service),
            ] {
                into.add(from).expect("histograms of the model have the same bounds");
            }
        }
    }

    /// The view, with how the run was made and what it says.
    pub fn finish(self, run: &RunDocument, summary: &Summary) -> View {
        let series = series(run, &self.buckets);
        View {
            slos: run.slos.iter().filter_map(|text| text.parse().ok()).collect(),
            distribution: distribution(&self.response, &self.response_ok, &self.service),
            heat: heat(self.buckets),
            shades: shades(run, &series),
            series,
            run: run.clone(),
            summary: summary.clone(),
        }
    }
}

/// The view of a run from its documents and seconds; see [`Gatherer`] for seconds that come one by one.
pub fn view(run: &RunDocument, summary: &Summary, seconds: impl IntoIterator<Item = Second>) -> View {
    let mut gatherer = Gatherer::new();
    seconds.into_iter().for_each(|second| gatherer.push(&second));
    gatherer.finish(run, summary)
}

fn series(run: &RunDocument, buckets: &Buckets) -> Series {
    let classes = classes(&buckets.list);
    let width = buckets.width_s as f64;
    let planned: f64 = run.stages.iter().map(|stage| stage.duration_s).sum();
    let recorded = recorded_s(buckets);
    let load_end_s = run.load_ended_s.unwrap_or(planned).min(if recorded > 0.0 { recorded } else { planned });
    let mut scratch = histogram::new();
    let point = |(i, bucket): (usize, &Bucket)| {
        let from = i as f64 * width;
        let covered = bucket.seconds.max(1) as f64;
        bucket.response.write_to(&mut scratch);
        let load = from < load_end_s - 1e-9;
        let q = |q| quantile_ms(&scratch, q);
        // The last stragglers of a drain are too few to be compared with what came before.
        let percentile = |at| q(at).filter(|_| load || bucket.requests >= STRAGGLERS);
        Point {
            at_s: from + covered.min(width) / 2.0,
            load,
            response: [percentile(0.5), percentile(0.9), percentile(0.99), q(1.0)],
            requests_per_s: bucket.requests as f64 / covered,
            offered_per_s: bucket.offered as f64 / covered,
            started_per_s: bucket.started as f64 / covered,
            ok_per_s: bucket.completed_ok as f64 / covered,
            errors_per_s: errors_of(bucket, &classes).map(|n| n as f64 / covered).collect(),
            in_flight: bucket.in_flight,
            waiting: bucket.waiting,
            cpu: bucket.cpu,
        }
    };
    let points = buckets.list.iter().enumerate().map(point).collect();
    Series {
        bucket_s: buckets.width_s,
        end_s: load_end_s.max(recorded).max(1.0),
        load_end_s,
        classes,
        points,
    }
}

/// The end of the last second in which anything was sent or ended.
fn recorded_s(buckets: &Buckets) -> f64 {
    let active = |b: &Bucket| b.requests > 0 || b.offered > 0 || b.started > 0 || b.in_flight > 0;
    let last = buckets.list.iter().rposition(active);
    last.map_or(0.0, |i| (i as u64 * buckets.width_s + buckets.list[i].seconds) as f64)
}

/// The classes with their totals, most frequent first, the rarer gathered.
fn classes(list: &[Bucket]) -> Vec<(String, u64)> {
    let mut totals = std::collections::BTreeMap::<&str, u64>::new();
    for (class, count) in list.iter().flat_map(|bucket| &bucket.errors) {
        *totals.entry(class).or_default() += count;
    }
    let mut classes: Vec<(String, u64)> = totals.into_iter().map(|(c, n)| (c.to_owned(), n)).collect();
    classes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    if classes.len() > CLASSES_MAX {
        let rest = classes.split_off(CLASSES_MAX - 1).iter().map(|class| class.1).sum();
        classes.push((OTHER.to_owned(), rest));
    }
    classes
}

fn errors_of<'a>(bucket: &'a Bucket, classes: &'a [(String, u64)]) -> impl Iterator<Item = u64> + 'a {
    let named = |name: &str| bucket.errors.get(name).copied().unwrap_or(0);
    let total: u64 = bucket.errors.values().sum();
    classes.iter().map(move |(name, _)| match name.as_str() {
        OTHER => total - classes.iter().filter(|c| c.0 != OTHER).map(|c| named(&c.0)).sum::<u64>(),
        name => named(name),
    })
}

/// Warm-up stages as far as they were run, and the drain.
fn shades(run: &RunDocument, series: &Series) -> Vec<Shade> {
    let mut shades: Vec<Shade> = Vec::new();
    let mut from_s = 0.0;
    for stage in &run.stages {
        let to_s = (from_s + stage.duration_s).min(series.load_end_s);
        if stage.warmup && to_s > from_s {
            match shades.last_mut() {
                Some(last) if last.to_s == from_s => last.to_s = to_s,
                _ => shades.push(Shade { from_s, to_s, label: "warm-up" }),
            }
        }
        from_s = to_s;
    }
    if series.end_s > series.load_end_s + 1e-9 {
        shades.push(Shade { from_s: series.load_end_s, to_s: series.end_s, label: "drain" });
    }
    shades
}

fn distribution(response: &Histogram, response_ok: &Histogram, service: &Histogram) -> Option<Distribution> {
    if response.is_empty() {
        return None;
    }
    let samples = response.len();
    let end = (samples as f64).clamp(10.0, TAIL_END);
    let curve = |h: &Histogram| tail(h, end);
    let (all, ok) = (curve(response), curve(response_ok));
    let differs = response_ok.len() < samples
        && all.iter().zip(&ok).any(|(a, b)| (a.1 - b.1).abs() > 0.02 * a.1.max(b.1));
    Some(Distribution {
        samples,
        response: all,
        response_ok: differs.then_some(ok),
        service: curve(service),
        few_from: samples as f64 / 10.0,
    })
}

/// Quantiles from the fastest to 1/(1 − q) = `end`, evenly spread over the logarithmic axis.
fn tail(h: &Histogram, end: f64) -> Vec<(f64, f64)> {
    let x = |i: usize| end.powf(i as f64 / TAIL_POINTS as f64);
    (0..=TAIL_POINTS).map(x).filter_map(|x| Some((x, quantile_ms(h, 1.0 - 1.0 / x)?))).collect()
}

fn heat(mut buckets: Buckets) -> Option<Heat> {
    let each = buckets.list.len().div_ceil(HEAT_COLUMNS_MAX).max(1);
    buckets.list = merged(buckets.list, each);
    buckets.width_s *= each as u64;
    let values = |b: &Bucket| -> Option<(u64, u64)> {
        let values = b.response.values();
        Some((values.first()?.0, values.last()?.0))
    };
    let (lo, hi) = buckets
        .list
        .iter()
        .filter_map(values)
        .reduce(|(lo, hi), (first, last)| (lo.min(first), hi.max(last)))?;
    let scale = Scale::log_around(lo as f64 / 1e3, hi as f64 / 1e3);
    let counts: Vec<Vec<u64>> = buckets.list.iter().map(|b| rows(&b.response, scale)).collect();
    let max = counts.iter().flatten().copied().max().unwrap_or(0);
    Some(Heat { column_s: buckets.width_s, counts, scale, max })
}

fn rows(sparse: &Sparse, scale: Scale) -> Vec<u64> {
    let mut rows = vec![0; HEAT_ROWS];
    for (us, count) in sparse.values() {
        let row = (scale.position(*us as f64 / 1e3) * HEAT_ROWS as f64) as usize;
        rows[row.min(HEAT_ROWS - 1)] += count;
    }
    rows
}
