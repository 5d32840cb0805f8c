//! Scores the forecaster on folders of real series: MASE, scaled pinball loss, coverage, blow-ups, exceedance, cost.
//!
//! `LOADLINE_DATA=FOLDER cargo run --release -p loadline-analysis --example evaluate_forecast -- [SET…] [--all] [-v]`
//!
//! The folder holds `demand/{m4_hourly,ops_hourly,daily_long}.csv` with `series_id,timestamp,value`. Sets: `m4`,
//! `ops`, `daily`. Without `--all` every third series of M4 is taken. `-v` prints each series. `--earlier` takes other
//! ends of the histories than the protocol's. `--shift=1.4:10` makes demand 1.4 times as large from 10 days before the
//! end of each history on: a level shift whose truth is known, in real noise. Figures stand for the even, the odd and all
//! series: so that a choice made on one half, or on earlier ends, can be checked on the other.

use std::{env, fs};

use loadline_analysis::forecast::{Calendar, Forecast, Method, forecast, score, seasons};

const QUANTILES: [f64; 5] = [0.025, 0.1, 0.5, 0.9, 0.975];
const CAPACITIES: [f64; 5] = [0.95, 1.0, 1.05, 1.1, 1.2];
const PATHS: usize = 2000;

struct Set {
    name: &'static str,
    file: &'static str,
    horizon: usize,
    season: usize,
    cuts: &'static [usize],
    /// Ends of the history that the protocol does not look at.
    earlier: &'static [usize],
    history_max: usize,
}

const SETS: [Set; 3] = [
    Set {
        name: "m4",
        file: "m4_hourly.csv",
        horizon: 48,
        season: 24,
        cuts: &[0],
        earlier: &[48, 96],
        history_max: usize::MAX,
    },
    Set {
        name: "ops",
        file: "ops_hourly.csv",
        horizon: 48,
        season: 24,
        cuts: &[0, 108, 216],
        earlier: &[54, 162, 270, 324],
        history_max: 2016,
    },
    Set {
        name: "daily",
        file: "daily_long.csv",
        horizon: 90,
        season: 7,
        cuts: &[0],
        earlier: &[60, 120, 180, 240],
        history_max: usize::MAX,
    },
];

struct Series {
    id: String,
    dated: bool,
    values: Vec<f64>,
}

fn read(path: &str) -> Vec<Series> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut all: Vec<Series> = Vec::new();
    for line in text.lines().skip(1) {
        let mut cells = line.split(',');
        let (id, time) = (cells.next().expect("an id"), cells.next().expect("a time"));
        if all.last().is_none_or(|s| s.id != id) {
            all.push(Series { id: id.into(), dated: time.contains('T'), values: Vec::new() });
        }
        let value = cells.next().and_then(|v| v.parse().ok()).expect("a value");
        all.last_mut().expect("just pushed").values.push(value);
    }
    all
}

/// CPU seconds of this thread so far, where the kernel tells.
fn cpu_s() -> f64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// The scores of one forecast.
#[derive(Default, Clone, Copy)]
struct Score {
    mase: f64,
    spl: f64,
    within_80: f64,
    within_95: f64,
    naive_mase: f64,
    naive_spl: f64,
    blown_up: f64,
    cpu_ms: f64,
}

fn score_one(set: &Set, train: &[f64], test: &[f64], forecast: &Forecast, cpu_ms: f64) -> Score {
    let scale = score::seasonal_scale(train, set.season).unwrap_or(f64::MIN_POSITIVE);
    let h = set.horizon as f64;
    let naive: Vec<f64> =
        (0..set.horizon).map(|k| train[train.len() - set.season + k % set.season]).collect();
    let naive_mase = score::mean_absolute_error(test, &naive) / scale;
    let mase = score::mean_absolute_error(test, forecast.median()) / scale;
    let mut one = Score { mase, naive_mase, cpu_ms, ..Score::default() };
    one.blown_up = f64::from(u8::from(mase > 10.0 * naive_mase));
    let squares = (set.season..train.len()).map(|t| (train[t] - train[t - set.season]).powi(2)).sum::<f64>();
    let deviation = (squares / (train.len() - set.season - 1) as f64).sqrt();
    for (k, &actual) in test.iter().enumerate() {
        let at = QUANTILES.map(|q| forecast.quantile(k, q));
        for (i, q) in QUANTILES.into_iter().enumerate() {
            let z = [-1.959964, -1.281552, 0.0, 1.281552, 1.959964][i];
            let of_naive = naive[k] + z * deviation * ((k / set.season + 1) as f64).sqrt();
            one.spl += 2.0 * score::pinball(q, actual, at[i]) / scale / h / 5.0;
            one.naive_spl += 2.0 * score::pinball(q, actual, of_naive) / scale / h / 5.0;
        }
        one.within_80 += f64::from(u8::from((at[1]..=at[3]).contains(&actual))) / h;
        one.within_95 += f64::from(u8::from((at[0]..=at[4]).contains(&actual))) / h;
    }
    one
}

/// Brier score and log loss of "demand exceeds C within the horizon", one pair for each C.
fn score_exceedance(train: &[f64], test: &[f64], forecast: &Forecast) -> Vec<(f64, f64, f64, bool)> {
    let highest = |v: &[f64]| v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let base = highest(&train[train.len() - test.len()..]);
    let peaks: Vec<f64> = forecast.paths(PATHS, 1).map(|path| highest(&path)).collect();
    CAPACITIES
        .iter()
        .map(|c| {
            let above = peaks.iter().filter(|p| **p > c * base).count();
            let p = (above as f64 + 0.5) / (PATHS + 1) as f64;
            let exceeded = highest(test) > c * base;
            let of_truth = if exceeded { p } else { 1.0 - p };
            ((1.0 - of_truth).powi(2), -of_truth.ln(), p, exceeded)
        })
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard error of a mean over series.
fn standard_error(values: &[f64]) -> f64 {
    let m = mean(values);
    let n = values.len() as f64;
    (values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt()
}

fn print_row(set: &str, part: &str, scores: &[&Vec<Score>]) {
    let runs: Vec<Score> = scores.iter().flat_map(|s| s.iter().copied()).collect();
    let of = |f: fn(&Score) -> f64| mean(&runs.iter().map(f).collect::<Vec<_>>());
    let error = |f: fn(&Score) -> f64| {
        standard_error(&scores.iter().map(|s| mean(&s.iter().map(f).collect::<Vec<_>>())).collect::<Vec<_>>())
    };
    println!(
        "{set:5} {part:4} n {:3}  MASE {:.4}  SPL {:.4}  within80 {:.3} ± {:.3}  within95 {:.3} ± {:.3}  blown up {}  \
         {:.1} ms CPU | seasonal naive {:.3} {:.3}",
        runs.len(),
        of(|s| s.mase),
        of(|s| s.spl),
        of(|s| s.within_80),
        error(|s| s.within_80),
        of(|s| s.within_95),
        error(|s| s.within_95),
        runs.iter().map(|s| s.blown_up).sum::<f64>(),
        of(|s| s.cpu_ms),
        of(|s| s.naive_mase),
        of(|s| s.naive_spl)
    );
}

/// A change of level put into every series: how many times as large, and days before the end of the history.
#[derive(Clone, Copy)]
struct Shift {
    factor: f64,
    days: usize,
}

impl Shift {
    fn parse(text: &str) -> Shift {
        let (factor, days) = text.split_once(':').expect("--shift=FACTOR:DAYS");
        Shift { factor: factor.parse().expect("a factor"), days: days.parse().expect("days") }
    }
}

fn evaluate(set: &Set, series: &[Series], earlier: bool, shift: Option<Shift>, verbose: bool) {
    let all = if earlier { set.earlier } else { set.cuts };
    let mut scores: Vec<Vec<Score>> = Vec::new();
    let mut exceedance: Vec<Vec<(f64, f64, f64, bool)>> = Vec::new();
    for one in series {
        let cuts = if one.values.len() < 500 { &all[..1] } else { all };
        let mut of_series = Vec::new();
        for cut in cuts {
            let mut values = one.values[..one.values.len() - cut].to_vec();
            let end = values.len() - set.horizon;
            if let Some(shift) = shift {
                let steps = shift.days * if set.season == 7 { 1 } else { 24 };
                values[end.saturating_sub(steps)..].iter_mut().for_each(|v| *v *= shift.factor);
            }
            let (train, test) = values.split_at(end);
            let train = &train[train.len().saturating_sub(set.history_max)..];
            let begin = cpu_s();
            let calendar = calendar(one.dated, set.season, train);
            let forecast = forecast(train, set.horizon, &calendar, Method::Auto).expect("a forecast");
            let score = score_one(set, train, test, &forecast, 1e3 * (cpu_s() - begin));
            if verbose {
                println!(
                    "{:24} -{cut:3} MASE {:7.3} ({:7.3}) SPL {:7.3} within {:.2} {:.2} backtest {:?} {:?} {:?} {} {:?} {:?}",
                    one.id,
                    score.mase,
                    score.naive_mase,
                    score.spl,
                    score.within_80,
                    score.within_95,
                    forecast.accuracy.coverage_80,
                    forecast.accuracy.error_to_naive,
                    calendar.seasons,
                    forecast.model,
                    forecast.shift,
                    forecast.notes
                );
            }
            of_series.push(score);
            exceedance.push(score_exceedance(train, test, &forecast));
        }
        scores.push(of_series);
    }
    for (at, cut) in all.iter().enumerate() {
        // Series that end on the same days share what came: over ends coverage varies more than over series.
        let of_end: Vec<Score> = scores.iter().filter_map(|ends| ends.get(at)).copied().collect();
        let of = |f: fn(&Score) -> f64| mean(&of_end.iter().map(f).collect::<Vec<_>>());
        let (within_80, within_95) = (of(|s| s.within_80), of(|s| s.within_95));
        println!(
            "{:5} end -{cut:<3} n {:3}  within80 {within_80:.4}  within95 {within_95:.4}",
            set.name,
            of_end.len()
        );
    }
    for (part, of) in [("even", Some(0)), ("odd", Some(1)), ("all", None)] {
        let chosen: Vec<&Vec<Score>> = scores
            .iter()
            .enumerate()
            .filter(|(i, _)| of.is_none_or(|h| i % 2 == h))
            .map(|(_, s)| s)
            .collect();
        print_row(set.name, part, &chosen);
        let chosen: Vec<&(f64, f64, f64, bool)> = exceedance
            .iter()
            .enumerate()
            .filter(|(i, _)| of.is_none_or(|h| i % 2 == h))
            .flat_map(|(_, e)| e)
            .collect();
        if set.name == "daily" {
            let n = chosen.len() as f64;
            let (brier, loss) = chosen.iter().fold((0.0, 0.0), |sum, e| (sum.0 + e.0 / n, sum.1 + e.1 / n));
            let (said, came) = chosen
                .iter()
                .fold((0.0, 0.0), |sum, e| (sum.0 + e.2 / n, sum.1 + f64::from(u8::from(e.3)) / n));
            println!(
                "      exceedance: Brier {brier:.4}  log loss {loss:.4}  said {said:.3}  came {came:.3}"
            );
        }
    }
}

/// What a user would have: the step of dated series, nothing of others.
fn calendar(dated: bool, season: usize, train: &[f64]) -> Calendar {
    match (dated, season) {
        (true, 7) => seasons::of_step(86_400.0),
        (true, _) => seasons::of_step(3600.0),
        (false, _) => seasons::detect(train),
    }
}

fn main() {
    let Ok(folder) = env::var("LOADLINE_DATA") else {
        eprintln!("LOADLINE_DATA names the folder that holds demand/m4_hourly.csv and its like");
        std::process::exit(2);
    };
    let arguments: Vec<String> = env::args().skip(1).collect();
    let flag = |name: &str| arguments.iter().any(|a| a == name);
    for set in SETS {
        if arguments.iter().any(|a| !a.starts_with('-')) && !flag(set.name) {
            continue;
        }
        let mut series = read(&format!("{folder}/demand/{}", set.file));
        if set.name == "m4" && !flag("--all") {
            series = series.into_iter().step_by(3).collect();
        }
        let shift = arguments.iter().find_map(|a| a.strip_prefix("--shift=")).map(Shift::parse);
        evaluate(&set, &series, flag("--earlier"), shift, flag("-v"));
    }
}
