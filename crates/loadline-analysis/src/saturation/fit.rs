//! What `loadline fit` says about measured points.

use std::collections::BTreeMap;

use loadline_model::fit::{
    self as document, FitDocument, Gain, Interval, ParameterIntervals, Peak, Prediction,
};

use super::estimate::Estimate;
use super::family::Family;
use super::mixture::Mixture;
use super::points::Points;
use super::queue::QueueFit;
use super::region::Region;
use super::usl::{Usl, UslFit};

/// Levels beyond this many are put together before curves are sampled.
const MOST_LEVELS: usize = 60;
/// From this weight on no other family than the USL is believed.
const USL_ALONE: f64 = 0.95;
/// Measurements so far above the maximum of a curve contradict it, and twice what they scatter.
const MEASURED_ABOVE: f64 = 0.01;
/// A curve is said to peak where that is at least this probable.
const PEAK_PROBABILITY: f64 = 0.9;
/// And to be likely.
const PEAK_LIKELY: f64 = 0.5;

/// Which model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// The USL by least squares.
    Usl,
    /// M/M/c by latency.
    Queue,
    /// All families of curves, each weighted by the evidence for it; of [`Points::of_rates`] M/M/c instead, where that is
    /// nearer.
    Auto,
}

/// What is wanted of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The model.
    pub model: Model,
    /// Confidence of all intervals, 0 to 1.
    pub confidence: f64,
    /// Concurrencies at which to predict.
    pub at: Vec<f64>,
}

/// What a model says, apart from the parameters of the USL.
struct Answer {
    model: String,
    /// What its figures are from: one of `usl`, `queue` and `families`.
    source: &'static str,
    peak: Peak,
    weights: BTreeMap<String, f64>,
    /// Throughput, and what is gained by one more unit.
    predictions: Vec<(Estimate, Estimate)>,
    fitted: Vec<f64>,
    reasons: Vec<String>,
    queue: Option<document::Queue>,
    r_squared: Option<f64>,
}

/// Fits a model; there is always an answer, and `adequate` and `reasons` say what it is worth.
pub fn fit(points: &Points, request: &Request) -> FitDocument {
    let (confidence, top) = (request.confidence, points.top());
    let at = ascending(request.at.clone());
    // What one more unit is worth at the largest load is told unasked.
    let places = ascending([at.as_slice(), &[top]].concat());
    let usl = UslFit::new(points);
    let region = Region::new(points, &usl, confidence);
    let levels = &points.condensed(MOST_LEVELS);
    let answer = answer(points, levels, request, &places, &usl, region.as_ref());
    let misfits = misfits(levels, &answer.fitted, answer.peak.throughput_per_s);
    let adequate = misfits.is_empty();
    let peak = tested(answer.peak, top);
    let mut reasons = answer.reasons;
    reasons.extend(misfits);
    if request.model != Model::Queue && region.as_ref().is_some_and(|region| region.excludes_the_fit) {
        reasons.push(
            "the errors grow with the throughput: the intervals of λ, σ and κ allow for that, the values, by plain least \
             squares, do not, and lie at the ends of their intervals"
                .into(),
        );
    }
    let usl = (request.model != Model::Queue).then_some(usl.usl);
    let predicted: Vec<Prediction> =
        places.iter().zip(answer.predictions).map(|(&n, p)| prediction(n, p, top)).collect();
    FitDocument {
        schema: document::SCHEMA.into(),
        model: answer.model,
        lambda: usl.map(|usl| usl.lambda),
        sigma: usl.map(|usl| usl.sigma),
        kappa: usl.map(|usl| usl.kappa),
        intervals: parameter_intervals(region.filter(|_| usl.is_some()).as_ref(), confidence),
        peak,
        weights: answer.weights,
        gain_at_largest: predicted.iter().find(|p| p.concurrency == top).map(gain),
        predictions: predicted.into_iter().filter(|p| at.contains(&p.concurrency)).collect(),
        r_squared: answer.r_squared,
        adequate,
        reasons,
        usl_limit: usl.and_then(limit_of).map(str::to_owned),
        sources: sources(request.model, answer.source),
        queue: answer.queue,
        crossings: Vec::new(),
        tested: (points.bottom(), top),
        points: levels.count() as u64,
    }
}

/// The answer of the model that is wanted; `levels` are the points, put together where they are many.
fn answer(
    points: &Points,
    levels: &Points,
    request: &Request,
    at: &[f64],
    usl: &UslFit,
    region: Option<&Region>,
) -> Answer {
    let by_region = || usl_answer(levels, usl, region, at);
    match request.model {
        Model::Usl => by_region(),
        Model::Queue => queue_answer(&QueueFit::new(points), levels, at, request.confidence),
        Model::Auto => {
            let answer = auto_answer(points, levels, at, request.confidence);
            let by_region = by_region();
            if is_usl_alone(&answer, &by_region) {
                Answer { weights: answer.weights, ..by_region }
            } else {
                answer
            }
        }
    }
}

fn ascending(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

fn parameter_intervals(region: Option<&Region>, confidence: f64) -> ParameterIntervals {
    let over = |figure: fn(&Usl) -> f64| region.map(|region| ends(region.range(figure)));
    ParameterIntervals {
        lambda: over(|usl| usl.lambda),
        sigma: over(|usl| usl.sigma),
        kappa: over(|usl| usl.kappa),
        confidence,
    }
}

/// The same with how far its concurrencies lie beyond the largest tested.
fn tested(peak: Peak, top: f64) -> Peak {
    let beyond = |concurrency: Option<f64>| concurrency.map(|n| n / top);
    Peak {
        concurrency_beyond_tested: beyond(peak.concurrency),
        concurrency_at_90_percent_beyond_tested: beyond(peak.concurrency_at_90_percent),
        ..peak
    }
}

/// Whether nothing but a USL is believed, and the sample of curves was too coarse for data as exact as these: its maximum
/// then lies apart from that of the region of confidence, which knows no grain.
fn is_usl_alone(sampled: &Answer, by_region: &Answer) -> bool {
    let alone = sampled.weights.get("usl").is_some_and(|weight| *weight >= USL_ALONE);
    let apart = |figure: fn(&Peak) -> Option<Interval>| {
        let (Some(ours), Some(theirs)) = (figure(&sampled.peak), figure(&by_region.peak)) else {
            return false;
        };
        let high = |interval: Interval| interval.1.unwrap_or(f64::INFINITY);
        ours.0 > high(theirs) || theirs.0 > high(ours)
    };
    alone && (apart(|peak| peak.interval) || apart(|peak| peak.concurrency_interval))
}

/// The law that a USL is at its bounds.
fn limit_of(usl: Usl) -> Option<&'static str> {
    match (usl.sigma, usl.kappa) {
        (0.0, 0.0) => Some("linear"),
        (_, 0.0) => Some("amdahl"),
        _ => None,
    }
}

/// Which model each figure is from.
fn sources(model: Model, curve: &str) -> BTreeMap<String, String> {
    let parameters = (model != Model::Queue).then_some(("parameters", "usl"));
    let figures = [("peak", curve), ("predictions", curve), ("crossings", "queue"), ("queue", "queue")];
    parameters.into_iter().chain(figures).map(|(figure, model)| (figure.into(), model.into())).collect()
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn ends((low, high): (f64, f64)) -> Interval {
    (low, finite(high))
}

fn interval(estimate: Estimate) -> Option<Interval> {
    estimate.low.is_finite().then(|| ends((estimate.low, estimate.high)))
}

fn gain(at: &Prediction) -> Gain {
    Gain {
        concurrency: at.concurrency,
        marginal_gain_per_s: at.marginal_gain_per_s,
        marginal_gain_interval_per_s: at.marginal_gain_interval_per_s,
    }
}

fn prediction(n: f64, (at, gain): (Estimate, Estimate), top: f64) -> Prediction {
    Prediction {
        concurrency: n,
        throughput_per_s: finite(at.value),
        interval: interval(at),
        marginal_gain_per_s: finite(gain.value),
        marginal_gain_interval_per_s: interval(gain),
        latency_ms: finite(1e3 * n / at.value),
        beyond_tested: n / top,
    }
}

fn usl_answer(points: &Points, fit: &UslFit, region: Option<&Region>, at: &[f64]) -> Answer {
    let usl = fit.usl;
    let over = |figure: &dyn Fn(&Usl) -> f64| {
        let (low, high) = region.map_or((f64::NAN, f64::NAN), |region| region.range(figure));
        Estimate { low, value: figure(&usl), high }
    };
    let or_infinite = |figure: Option<f64>| figure.unwrap_or(f64::INFINITY);
    let peak = over(&|usl| or_infinite(usl.peak_concurrency()));
    let maximum = over(&|usl| or_infinite(usl.maximum()));
    let reaching = over(&|usl| or_infinite(usl.reaching(0.9)));
    let mut reasons = Vec::new();
    if region.is_none() || peak.high.is_infinite() {
        reasons.push("the data do not show a peak: κ may be 0".into());
    }
    if usl.maximum().is_none() {
        reasons.push("the data show no limit: throughput grows in proportion to concurrency".into());
    }
    let predict = |&n: &f64| (over(&|usl| usl.throughput(n)), over(&|usl| usl.marginal_gain(n)));
    Answer {
        model: "usl".into(),
        source: "usl",
        peak: Peak {
            concurrency: finite(peak.value),
            concurrency_interval: interval(peak),
            throughput_per_s: finite(maximum.value),
            interval: interval(maximum),
            concurrency_at_90_percent: finite(reaching.value),
            concurrency_at_90_percent_interval: interval(reaching),
            ..Peak::default()
        },
        weights: BTreeMap::from([("usl".into(), 1.0)]),
        predictions: at.iter().map(predict).collect(),
        fitted: points.levels().iter().map(|level| usl.throughput(level.concurrency)).collect(),
        reasons,
        queue: None,
        r_squared: finite(fit.r_squared),
    }
}

/// All families; where arrivals came by themselves a queue instead, if it is nearer, since curves know no law of latency.
fn auto_answer(all: &Points, points: &Points, at: &[f64], confidence: f64) -> Answer {
    let mixture = Mixture::fit(points, &Family::ALL);
    let queue = all.is_open().then(|| QueueFit::new(all));
    let Some(queue) = queue else { return mixture_answer(&mixture, points, at, confidence) };
    if queue.is_as_near_as(|concurrencies| mixture.centre(concurrencies), all) {
        queue_answer(&queue, points, at, confidence)
    } else {
        // Curves of throughput cannot be weighed against a law of latency: it stands beside them.
        Answer {
            queue: Some(queue_of(&queue, confidence)),
            ..mixture_answer(&mixture, points, at, confidence)
        }
    }
}

fn mixture_answer(mixture: &Mixture, points: &Points, at: &[f64], confidence: f64) -> Answer {
    let (peak, probability) = mixture.peak(confidence);
    let peaks = probability >= PEAK_PROBABILITY;
    let maximum = mixture.maximum(confidence);
    let reaching = mixture.reaching(0.9, confidence);
    let mut reasons = Vec::new();
    if !peaks && probability >= PEAK_LIKELY {
        reasons.push(format!(
            "the data do not show a peak for sure, though one is likelier than not ({:.0} %): measure higher to see it",
            100.0 * probability
        ));
    } else if !peaks {
        reasons.push("the data do not show a peak: the maximum is a ceiling or lies beyond".into());
    }
    let below_the_knee = reaching.value > points.top();
    if below_the_knee {
        reasons.push(
            "the largest concurrency measured is below the knee: measure higher to find the maximum".into(),
        );
    }
    // What was not seen to bend has no largest throughput, and no upper bound of it.
    let bends = peaks || !below_the_knee;
    let weights = mixture.weights().iter().map(|(family, weight)| (family.name().to_owned(), *weight));
    let best = mixture.weights().iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or("", |best| best.0.name());
    let levels: Vec<f64> = points.levels().iter().map(|level| level.concurrency).collect();
    let fitted = mixture.centre(&levels);
    let gains = mixture.marginal_gain(at, confidence);
    Answer {
        model: best.into(),
        source: "families",
        peak: Peak {
            concurrency: peaks.then_some(peak.value),
            concurrency_interval: interval(peak).filter(|_| peaks),
            throughput_per_s: finite(maximum.value).filter(|_| bends),
            interval: interval(maximum).map(|(low, high)| (low, high.filter(|_| bends))),
            concurrency_at_90_percent: finite(reaching.value).filter(|_| bends),
            concurrency_at_90_percent_interval: interval(reaching)
                .map(|(low, high)| (low, high.filter(|_| bends))),
            ..Peak::default()
        },
        weights: weights.collect(),
        predictions: mixture.throughput(at, confidence).into_iter().zip(gains).collect(),
        r_squared: r_squared(points, &fitted),
        fitted,
        reasons,
        queue: None,
    }
}

fn queue_answer(fit: &QueueFit, points: &Points, at: &[f64], confidence: f64) -> Answer {
    let (ceiling, reaching) = (fit.ceiling(confidence), fit.reaching(0.9, confidence));
    let predict = |&n: &f64| (fit.throughput(n, confidence), fit.marginal_gain(n, confidence));
    Answer {
        model: "queue".into(),
        source: "queue",
        peak: Peak {
            throughput_per_s: finite(ceiling.value),
            interval: interval(ceiling),
            concurrency_at_90_percent: finite(reaching.value),
            concurrency_at_90_percent_interval: interval(reaching),
            ..Peak::default()
        },
        weights: BTreeMap::from([("queue".into(), 1.0)]),
        predictions: at.iter().map(predict).collect(),
        fitted: points.levels().iter().map(|level| fit.nearest(level.concurrency)).collect(),
        reasons: vec!["a queue has no peak: the maximum is the rate that all servers together can do".into()],
        queue: Some(queue_of(fit, confidence)),
        r_squared: finite(fit.r_squared),
    }
}

fn queue_of(fit: &QueueFit, confidence: f64) -> document::Queue {
    let servers = fit.servers(confidence);
    let service = fit.service_time(confidence).map(|seconds| 1e3 * seconds);
    document::Queue {
        servers: servers.value,
        servers_interval: ends((servers.low, servers.high)),
        service_time_ms: service.value,
        service_time_interval_ms: ends((service.low, service.high)),
    }
}

fn r_squared(points: &Points, fitted: &[f64]) -> Option<f64> {
    let levels = points.levels();
    let mean = levels.iter().map(|l| l.count * l.mean).sum::<f64>() / points.count();
    let total: f64 = levels.iter().map(|l| l.count * (l.mean - mean).powi(2) + l.spread).sum();
    let rest: f64 = levels.iter().zip(fitted).map(|(l, f)| l.count * (l.mean - f).powi(2) + l.spread).sum();
    finite(1.0 - rest / total)
}

/// Why the curve does not describe the data, in words.
fn misfits(points: &Points, fitted: &[f64], maximum: Option<f64>) -> Vec<String> {
    let levels = points.levels();
    let relative: Vec<f64> =
        levels.iter().zip(fitted).map(|(level, fitted)| level.mean / fitted - 1.0).collect();
    let squares: f64 = relative.iter().map(|r| r * r).sum();
    let typical = (squares / relative.len() as f64).sqrt();
    let mut reasons = Vec::new();
    if typical > 0.1 {
        reasons.push(format!(
            "the curve misses the levels by {:.0} % typically: no model here describes them",
            100.0 * typical
        ));
    }
    let measured = levels.iter().map(|level| level.mean).fold(0.0, f64::max);
    let scatter = (2.0 * typical).max(MEASURED_ABOVE);
    if let Some(maximum) = maximum.filter(|maximum| maximum * (1.0 + scatter) < measured) {
        reasons.push(format!(
            "the maximum by the curve, {maximum:.1}/s, is below the {measured:.1}/s that were measured: it bends too early"
        ));
    }
    // Neighbouring residuals of one sign: von Neumann's ratio is near 2 for noise, its deviation 2/√n.
    let steps: f64 = relative.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    let count = relative.len() as f64;
    if count >= 8.0 && typical > 0.02 && (2.0 - steps / squares) > 2.6 * 2.0 / count.sqrt() {
        let percent = 100.0 * typical;
        reasons.push(format!(
            "the curve misses whole stretches of the range, by {percent:.1} % typically: another shape"
        ));
    }
    reasons
}
