//! What a search says: its steps and its end as a document.

use loadline_analysis::resources::{Finding, finding, usages};
use loadline_analysis::saturation::reciprocal::{Point, Reciprocal};
use loadline_analysis::saturation::{Model, Points, Request, fit};
use loadline_analysis::search::figure::Figure;
use loadline_analysis::search::{Capacity, Doom, Hopeless, Judged};
use loadline_generator::schedule::Arrivals;
use loadline_generator::stop::Stop;
use loadline_model::fit::{FitDocument, Interval};
use loadline_model::run::{LoadModel, StageRecord, Status, Validity, ValidityVerdict, Verdict};
use loadline_model::saturation::{
    CurvePoint, Evidence, SCHEMA, SaturationDocument, SearchEnd, StepDocument, StepFigure, StepVerdict,
};
use loadline_model::scenario;
use loadline_model::slo::Slo;

use super::cut_off::{cut_off, cut_off_words};
use super::metrics::Metrics;
use super::pilot::{Course, End, Leg};
use super::users::Rates;
use super::{Explored, SaturateOptions};

/// Points of the curve of the limiting objective, and of the saturation curve.
const CURVE_POINTS: usize = 48;
const FIT_POINTS: usize = 24;
/// A backlog counts as at most this many times the requests of the busiest step without one.
const BACKLOG_MOST: f64 = 2.0;
/// So many requests more than flows may be those of flows on their way.
const ON_ITS_WAY: f64 = 0.05;
/// Curves are drawn this far beyond the largest load that was driven.
const BEYOND: f64 = 1.1;

/// What the document says besides what was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circumstances {
    /// Half the width of the interval over the capacity that was asked for.
    pub precision: f64,
    /// The capacity that is required.
    pub required_per_s: Option<f64>,
}

impl Circumstances {
    /// Those of these options.
    pub fn of(options: &SaturateOptions) -> Self {
        Circumstances { precision: options.precision, required_per_s: options.required_per_s }
    }
}

/// What a search says, be it at its end or by now. `read` is what was read of the service's resources meanwhile.
pub fn document(
    explored: &Explored,
    course: &Course,
    circumstances: &Circumstances,
    read: Option<&Metrics>,
) -> SaturationDocument {
    let legs = &explored.legs;
    let found = Found::of(explored.end.as_ref());
    let (capacity, interval) = match course.model {
        LoadModel::Open => (found.load, found.interval),
        LoadModel::Closed => {
            let rates = Rates::of(legs);
            let interval = found.interval.and_then(|users| rates.interval(found.load, users));
            (found.load.and_then(|users| rates.per_s(users)), interval)
        }
    };
    let limited_by = found.load.and_then(|load| limiting(legs, load)).map(|figure| figure.slo.clone());
    let curve = limited_by.as_deref().map(|slo| curve(legs, course, slo)).unwrap_or_default();
    let closed = course.model == LoadModel::Closed;
    let nothing_passes =
        matches!(explored.end, Some(End::Doomed(Doom::NothingPasses { .. } | Doom::Regardless { .. })));
    let verdict =
        circumstances.required_per_s.map(|required| required_verdict(interval, required, nothing_passes));
    SaturationDocument {
        schema: SCHEMA.to_owned(),
        validity: validity(legs),
        capacity_per_s: capacity,
        interval,
        cut_off: cut_off(explored.end.as_ref(), &course.search),
        confidence: course.search.confidence,
        limited_by,
        steps: legs.iter().map(|leg| step(leg, course)).collect(),
        fit: saturation_curve(legs, course.model, course.search.confidence),
        elapsed_s: explored.elapsed_s,
        reasons: reasons(explored, course, circumstances),
        end: explored.end.as_ref().map(search_end),
        status: status(explored),
        model: course.model,
        capacity_users: found.load.filter(|_| closed),
        interval_users: found.interval.filter(|_| closed),
        requests_per_flow: requests_per_flow(legs),
        slos: course.slos.iter().map(|slo| slo.text.clone()).collect(),
        curve,
        evidence: read.map(|read| evidence(read, legs, course.model, capacity)),
        precision: Some(circumstances.precision),
        required_per_s: circumstances.required_per_s,
        verdict,
    }
}

/// Requests of a flow, over the steps in which as many were completed as came: of the others some are left out. About one is
/// one, but for what was on its way.
fn requests_per_flow(legs: &[Leg]) -> Option<f64> {
    let steady =
        legs.iter().map(|leg| &leg.judged).filter(|judged| judged.step.settled && judged.completes_offered());
    let (requests, flows) =
        steady.fold((0, 0), |sum, judged| (sum.0 + judged.requests, sum.1 + judged.flows));
    (flows > 0).then_some(requests as f64 / flows as f64).filter(|each| *each > 1.0 + ON_ITS_WAY)
}

/// The end of a search in loads.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    load: Option<f64>,
    interval: Option<Interval>,
}

impl Found {
    fn of(end: Option<&End>) -> Self {
        match end {
            Some(End::Converged(Capacity { load, interval, .. })) => {
                Found { load: *load, interval: Some(*interval) }
            }
            Some(End::Doomed(
                Doom::GeneratorLimited { at_least: Some(low), .. }
                | Doom::OutOfTime { at_least: Some(low), .. },
            )) => Found { load: None, interval: Some((*low, None)) },
            _ => Found::default(),
        }
    }
}

/// Which resource comes to its limit, from what was read during each step once the service had settled; `capacity` is a
/// rate.
fn evidence(read: &Metrics, legs: &[Leg], model: LoadModel, capacity: Option<f64>) -> Evidence {
    let spans: Vec<(f64, f64)> = legs
        .iter()
        .map(|leg| (leg.first as f64 + leg.judged.warmup_s.unwrap_or(0.0), (leg.first + leg.length_s) as f64))
        .collect();
    // The utilisation law is about what is done: users make rates.
    let rate = |leg: &Leg| match model {
        LoadModel::Open => leg.judged.step.load,
        LoadModel::Closed => leg.judged.achieved_per_s.unwrap_or(0.0),
    };
    let loads: Vec<f64> = legs.iter().map(rate).collect();
    let Finding { resources, saturated, words } = finding(usages(&read.scrapes, &spans), &loads, capacity);
    let words = match (&read.error, resources.is_empty()) {
        (Some(error), true) => format!("The service's resources could not be read: {error}"),
        (None, true) if read.scrapes.iter().any(|scrape| !scrape.readings.is_empty()) => {
            "No resource was read twice within a step, as counters have to be: scrape the service more often, or read its \
             own page (--metrics)"
                .to_owned()
        }
        _ => words,
    };
    Evidence {
        source: scenario::strike_url(&read.source),
        samples: read.scrapes.len() as u64,
        failed: read.failed,
        resources,
        saturated,
        finding: words,
    }
}

/// Whether a required rate is within the capacity: where the interval has it on both sides, the data do not tell.
fn required_verdict(interval: Option<Interval>, required: f64, nothing_passes: bool) -> Verdict {
    match interval {
        Some((low, _)) if low >= required => Verdict::Pass,
        Some((_, Some(high))) if high < required => Verdict::Fail,
        None if nothing_passes => Verdict::Fail,
        Some(_) | None => Verdict::Inconclusive,
    }
}

fn search_end(end: &End) -> SearchEnd {
    match end {
        End::Converged(Capacity { load: None, .. }) => SearchEnd::AtMaximum,
        End::Converged(Capacity { precise: true, .. }) => SearchEnd::Converged,
        End::Converged(_) => SearchEnd::Imprecise,
        End::Doomed(Doom::GeneratorLimited { .. }) => SearchEnd::GeneratorLimited,
        End::Doomed(Doom::NothingPasses { .. } | Doom::Regardless { .. }) => SearchEnd::NothingPasses,
        End::Doomed(Doom::OutOfTime { .. }) => SearchEnd::OutOfTime,
    }
}

fn status(explored: &Explored) -> Status {
    match (explored.stopped, &explored.end) {
        (Some(Stop::Interrupted | Stop::AtOnce), _) => Status::Interrupted,
        (Some(_), _) => Status::Incomplete,
        (None, Some(_)) if explored.finished => Status::Complete,
        // Written while it goes on: where nothing follows, it was killed.
        (None, _) => Status::Incomplete,
    }
}

/// One step as documents show it.
pub(super) fn step(leg: &Leg, course: &Course) -> StepDocument {
    let Leg { judged, .. } = leg;
    let Judged { step, .. } = judged;
    let closed = course.model == LoadModel::Closed;
    let ends = |low: f64, high: f64| (low, high.is_finite().then_some(high));
    let interval = |figure: &Figure| figure.interval.map(|(low, high)| ends(low, high));
    let figure = |figure: &Figure| StepFigure {
        slo: figure.slo.clone(),
        observed: figure.observed,
        interval: interval(figure),
        unit: figure.unit.to_owned(),
        verdict: Some(figure.verdict),
    };
    let mut notes = leg.notes.clone();
    if leg.failing {
        notes.push(
            "most requests failed, which counts as broken whatever the objectives say (--abort-errors)"
                .to_owned(),
        );
    } else if !judged.keeps_up {
        notes.push("the service completed less than what was offered: its backlog grew".to_owned());
    } else if !step.settled && judged.figures.iter().all(|figure| figure.verdict == StepVerdict::Pass) {
        notes.push("response times or the backlog still grew: kept so far, not surely for longer".to_owned());
    }
    StepDocument {
        start_s: leg.first as f64,
        rate_per_s: if closed { judged.achieved_per_s.unwrap_or(0.0) } else { step.load },
        achieved_per_s: judged.achieved_per_s,
        achieved_interval_per_s: judged.achieved_interval_per_s.map(|(low, high)| ends(low, high)),
        users: closed.then_some(step.load),
        // Seconds are cut where requests end: by that alone there may seem to be more than there are.
        concurrency: judged.concurrency.map(|n| if closed { n.min(step.load) } else { n }),
        p50_ms: judged.p50_ms,
        p99_ms: judged.p99.map(|p99| p99.value_ms),
        p99_interval_ms: judged.p99.map(|p99| ends(p99.low_ms, p99.high_ms)),
        error_rate: judged.error_rate,
        verdict: judged.verdict(),
        warmup_s: judged.warmup_s,
        duration_s: leg.length_s as f64,
        confirming: step.confirming,
        figures: judged.figures.iter().map(figure).collect(),
        worst: judged.worst.map(|worst| judged.figures[worst].slo.clone()),
        notes,
    }
}

/// The objective that stands worst where the load is nearest to the capacity: the one that is broken first.
fn limiting(legs: &[Leg], capacity: f64) -> Option<&Figure> {
    let used = legs.iter().filter(|leg| !leg.judged.step.generator_limited);
    let distance = |leg: &Leg| (leg.judged.step.load / capacity).ln().abs();
    let broken = used.clone().filter(|leg| leg.judged.step.is_open());
    let nearest = broken.min_by(|a, b| distance(a).total_cmp(&distance(b)));
    let leg = nearest.or_else(|| used.min_by(|a, b| distance(a).total_cmp(&distance(b))))?;
    leg.judged.worst.map(|worst| &leg.judged.figures[worst])
}

/// The limiting objective against the rate, where it is a duration.
fn curve(legs: &[Leg], course: &Course, slo: &str) -> Vec<CurvePoint> {
    let Some(slo) = course.slos.iter().find(|known: &&Slo| known.text == slo) else { return Vec::new() };
    if course.model == LoadModel::Closed || slo.metric.unit() != "ms" {
        return Vec::new();
    }
    let point = |leg: &Leg| {
        let figure = leg.judged.figures.iter().find(|figure| figure.slo == slo.text)?;
        let step = &leg.judged.step;
        let usable = step.settled && !step.generator_limited;
        let value = figure.observed.filter(|value| *value > 0.0 && usable)?;
        Some(Point { load: step.load, value, log_error: figure.error })
    };
    let points: Vec<Point> = legs.iter().filter_map(point).collect();
    let Some(line) = Reciprocal::fit(&points, slo.limit) else { return Vec::new() };
    let loads = || points.iter().map(|point| point.load);
    let (least, most) = (loads().fold(f64::INFINITY, f64::min), loads().fold(0.0, f64::max));
    let at = |k: usize| least + (BEYOND * most - least) * k as f64 / (CURVE_POINTS - 1) as f64;
    let value = |rate_per_s: f64| {
        let (value, low, high) = line.at(rate_per_s, course.search.confidence)?;
        Some(CurvePoint { rate_per_s, value, interval: (low, high) })
    };
    (0..CURVE_POINTS).map_while(|k| value(at(k))).collect()
}

/// Throughput against requests in the service.
fn saturation_curve(legs: &[Leg], model: LoadModel, confidence: f64) -> Option<FitDocument> {
    let judged = || legs.iter().map(|leg| &leg.judged).filter(|judged| !judged.step.generator_limited);
    let steady = judged().filter(|judged| model == LoadModel::Closed || judged.completes_offered());
    let steady_most = steady.filter_map(|judged| judged.concurrency).fold(0.0, f64::max);
    let pairs: Vec<(f64, f64)> = judged()
        .filter_map(|judged| in_service(judged, model, steady_most))
        .filter(|(concurrency, throughput)| *concurrency > 0.0 && *throughput > 0.0)
        .collect();
    let most = pairs.iter().map(|pair| pair.0).fold(0.0, f64::max);
    let least = pairs.iter().map(|pair| pair.0).fold(f64::INFINITY, f64::min);
    let points = Points::new(&pairs).ok()?;
    let ratio = (1.5 * most / least).ln();
    let at = (0..FIT_POINTS).map(|k| least * (ratio * k as f64 / (FIT_POINTS - 1) as f64).exp());
    Some(fit(&points, &Request { model: Model::Auto, confidence, at: at.collect() }))
}

/// Requests in the service, and the throughput with so many. Where what arrives is completed, throughput is the arrival
/// rate itself, without the scatter of how many happened to arrive. Where it is not, what was completed is what the
/// service can do, with however many: how many waited tells how long the backlog grew, and nothing of the service.
fn in_service(judged: &Judged, model: LoadModel, steady_most: f64) -> Option<(f64, f64)> {
    let (concurrency, achieved) = (judged.concurrency?, judged.achieved_per_s?);
    let offered = judged.step.load;
    let backlog_most = if steady_most > 0.0 { BACKLOG_MOST * steady_most } else { f64::INFINITY };
    Some(match model {
        LoadModel::Closed => (concurrency, achieved),
        LoadModel::Open if judged.completes_offered() => (concurrency * offered / achieved, offered),
        LoadModel::Open => (concurrency.min(backlog_most), achieved),
    })
}

/// The generator's figures over the steps that count; where one of them is limited, so is the search.
fn validity(legs: &[Leg]) -> Validity {
    let counted = || legs.iter().filter(|leg| !leg.spoiled).map(|leg| &leg.judged.validity);
    let last = legs.last().filter(|leg| !leg.spoiled && !leg.kept_all_the_same);
    let ended = last.map(|leg| &leg.judged.validity);
    if let Some(limited) = ended.filter(|validity| validity.verdict == ValidityVerdict::GeneratorLimited) {
        return limited.clone();
    }
    let worst = |of: fn(&Validity) -> Option<f64>| counted().filter_map(of).reduce(f64::max);
    Validity {
        verdict: ValidityVerdict::Valid,
        reasons: Vec::new(),
        generator_delay_p99_ms: worst(|v| v.generator_delay_p99_ms),
        generator_cpu: worst(|v| v.generator_cpu),
        stolen: worst(|v| v.stolen),
    }
}

/// Why the search ended as it did.
fn reasons(explored: &Explored, course: &Course, circumstances: &Circumstances) -> Vec<String> {
    let mut reasons = Vec::new();
    let unit = if course.model == LoadModel::Open { "/s" } else { " users" };
    match &explored.end {
        Some(End::Converged(Capacity { load: None, interval, .. })) => reasons.push(format!(
            "no objective was broken up to {}{unit}, the most that was allowed: the capacity is at least that",
            (interval.0 * 100.0).round() / 100.0
        )),
        Some(End::Converged(Capacity { load: Some(middle), interval, precise, .. })) => {
            let half = (interval.1.unwrap_or(*middle) - interval.0) / 2.0 / middle;
            if !precise && explored.finished && explored.stopped.is_none() {
                reasons.push(format!(
                    "the time was spent before the interval was as narrow as ±{:.1} %: it is ±{:.1} %; give it more \
                     (--max-time)",
                    circumstances.precision * 100.0,
                    half * 100.0
                ));
            }
        }
        Some(End::Doomed(Doom::OutOfTime { .. })) if explored.stopped.is_some() => {}
        Some(End::Doomed(doom)) => reasons.push(doom_words(doom, course.model)),
        None => {}
    }
    reasons.extend(cut_off_words(explored.end.as_ref(), course));
    let spoiled = explored.legs.iter().filter(|leg| leg.spoiled).count();
    if spoiled > 0 {
        reasons.push(format!(
            "{spoiled} step{} spoiled by the generator and driven again",
            if spoiled == 1 { " was" } else { "s were" }
        ));
    }
    if let Some(End::Converged(_)) = &explored.end
        && explored.finished
        && explored.stopped.is_none()
        && !explored.legs.iter().any(|leg| leg.judged.step.confirming)
    {
        reasons.push("there was no time left for a confirming run".to_owned());
    }
    reasons.extend(explored.legs.iter().rev().find(|leg| leg.judged.step.confirming).and_then(unconfirmed));
    reasons.extend(match explored.stopped {
        Some(Stop::Interrupted | Stop::AtOnce) => Some("it was interrupted".to_owned()),
        Some(Stop::Unreachable) if explored.legs.iter().any(|leg| leg.judged.achieved_per_s > Some(0.0)) => {
            Some("the target could not be reached any more".to_owned())
        }
        Some(Stop::Unreachable) => Some("the target could not be reached".to_owned()),
        Some(Stop::OutOfRows) => Some("the rows of a data source were used up".to_owned()),
        Some(Stop::Objective | Stop::Decided) | None => None,
    });
    reasons
}

/// What is to be said of a confirming run that lay beyond a limit.
fn unconfirmed(leg: &Leg) -> Option<String> {
    let beyond =
        leg.judged.worst.map(|worst| &leg.judged.figures[worst]).filter(|figure| figure.score > 0.0)?;
    Some(match beyond.verdict {
        StepVerdict::Fail => format!("the confirming run broke `{}`: it counts among the steps", beyond.slo),
        _ => format!(
            "the confirming run was beyond `{}`, by less than its interval: it neither confirms nor refutes",
            beyond.slo
        ),
    })
}

fn doom_words(doom: &Doom, model: LoadModel) -> String {
    let (unit, lower, nearer) = match model {
        LoadModel::Open => {
            ("/s", " or begin lower (--min-rate)", ", or begin nearer to the capacity (--min-rate)")
        }
        LoadModel::Closed => (" users", "", ""),
    };
    let load = |load: f64| format!("{}{unit}", (load * 100.0).round() / 100.0);
    match doom {
        Doom::GeneratorLimited { at, .. } => format!("the generator could not drive {}", load(*at)),
        Doom::NothingPasses { at } => format!(
            "the objectives are broken at {} already, the least load allowed: loosen them{lower}",
            load(*at)
        ),
        Doom::Regardless { at, why: Hopeless::AllFailed } => {
            format!("all requests failed, at {} as at more: load is not the reason", load(*at))
        }
        Doom::Regardless { at, why: Hopeless::Alone } => format!(
            "the objectives are broken at {} too, with hardly a request at a time: no load keeps them; loosen them",
            load(*at)
        ),
        Doom::OutOfTime { at, at_least: Some(_) } => {
            format!(
                "the time was spent at {}, before an objective broke; give it more (--max-time){nearer}",
                load(*at)
            )
        }
        Doom::OutOfTime { at, at_least: None } => format!(
            "the time was spent at {}, before there were requests enough to say that the objectives are kept; give it more \
             (--max-time){nearer}",
            load(*at)
        ),
    }
}

/// The stages as they were driven, the pauses and lead-ins between them counted as warm-up.
pub(super) fn stages(legs: &[Leg], course: &Course) -> Vec<StageRecord> {
    let mut stages = Vec::new();
    let mut end = 0;
    for leg in legs {
        let load = leg.judged.step.load;
        let open = course.model == LoadModel::Open;
        let arrivals = match course.arrivals {
            Arrivals::Uniform => "uniform",
            Arrivals::Poisson => "poisson",
        };
        let stage = |duration_s: u64, warmup| StageRecord {
            from_per_s: open.then_some(load),
            to_per_s: open.then_some(load),
            users: (!open).then_some(load as u32),
            duration_s: duration_s as f64,
            warmup,
            arrivals: open.then(|| arrivals.to_owned()),
        };
        stages.push(stage(leg.first - end, true));
        stages.push(stage(leg.length_s, false));
        end = leg.first + leg.length_s;
    }
    stages
}
