//! The journey of a duel: two builds loaded in one run until it is clear whether they differ.
//!
//! Each build gets the scenario's whole load at the same time. The pairs of arrivals, who of each pair comes first, and
//! the verdict are [`Script::against`]'s and [`Referee`]'s; here they are joined.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use loadline_analysis::compare::duel::{Referee, Rules, RulesError};
use loadline_generator::arrivals::{Load, Stage, UserStage};
use loadline_generator::schedule::RateStage;
use loadline_generator::script::Script;
use loadline_generator::stop::Stop;
use loadline_model::comparison::{self, Comparison, DuelEnd, MetricComparison};
use loadline_model::histogram::Histogram;
use loadline_model::run::{DuelTerms, LoadModel, RunDocument, Status, Summary, ValidityVerdict};
use loadline_model::scenario::Scenario;

use crate::run::{FinishedRun, JourneyError, Progress, RunOptions, drive, shown_target, stages};

/// The names of the two builds before those of their requests.
const LABELS: [&str; 2] = ["base", "candidate"];
/// Load before the first second that counts, where the scenario has no warm-up of its own: connections are opened then.
pub const WARMUP: Duration = Duration::from_secs(2);
/// The longest duel where nothing is said.
const MAX_TIME: Duration = Duration::from_secs(180);
/// Stages of a duel at most: a short scenario is repeated until the time is up.
const STAGES_MAX: usize = 100_000;

/// How a duel is held.
#[derive(Debug, Clone)]
pub struct DuelOptions {
    /// What is asked.
    pub rules: Rules,
    /// When it ends at the latest, warm-up included.
    pub max_time: Duration,
    /// How the load is driven.
    pub run: RunOptions,
}

impl Default for DuelOptions {
    fn default() -> Self {
        DuelOptions { rules: Rules::default(), max_time: MAX_TIME, run: RunOptions::default() }
    }
}

/// A duel that came to its end.
#[derive(Debug, Clone)]
pub struct FinishedDuel {
    /// The verdict and what it rests on.
    pub comparison: Comparison,
    /// Response times of base and candidate, over the seconds that count.
    pub responses: [Histogram; 2],
    /// Whether base and candidate were not reached by a single attempt to connect.
    pub unreachable: [bool; 2],
    /// The run that both builds were loaded in; a request's name begins with the build's.
    pub run: FinishedRun,
}

/// Why there was no duel.
#[derive(Debug, thiserror::Error)]
pub enum DuelError {
    /// The rules ask for what cannot be told.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Both targets are one.
    #[error(
        "base and candidate are both {0}; a duel is between two builds, so start each on a port of its own"
    )]
    SameTarget(String),
    /// There is hardly any time.
    #[error(
        "{max_time_s} s are no time for a duel after a warm-up of {warmup_s} s; give more with --max-time"
    )]
    NoTime {
        /// The time there is.
        max_time_s: f64,
        /// What the warm-up takes.
        warmup_s: f64,
    },
    /// The run.
    #[error(transparent)]
    Run(#[from] JourneyError),
}

/// Loads both targets of a scenario, the same but for the target, in one run, and judges them as it goes on. The
/// measured stages are repeated until the case is decided or the time is up. Blocks the calling thread.
///
/// # Errors
/// When the rules cannot be followed, or the run cannot be made.
pub fn duel(
    base: &Scenario,
    candidate: &Scenario,
    options: DuelOptions,
    mut watch: impl FnMut(Progress<'_>),
) -> Result<FinishedDuel, DuelError> {
    let [base_target, candidate_target] = [base, candidate].map(shown_target);
    if base.target.value == candidate.target.value {
        return Err(DuelError::SameTarget(base_target));
    }
    let script = joined(base, candidate, &options.run.base)?;
    let Rules { tolerance, confidence, ref metrics } = options.rules;
    let (metrics, objectives) = (metrics.clone(), base.slos.len());
    let terms = DuelTerms { candidate: candidate_target, tolerance, confidence, metrics, objectives };
    let mut referee = Referee::new(options.rules, &script.request_names)?;
    let stages = doubled(&stages(base.load.as_ref().ok_or(JourneyError::NoLoad)?), options.max_time)?;
    let stop = options.run.stop.clone();
    // Objectives are about one build; a duel compares.
    let scenario = Scenario { slos: Vec::new(), ..base.clone() };
    let run = drive(&scenario, Arc::new(script), &stages, Some(terms), options.run, &mut |progress| {
        if let Progress::Second(second) = progress {
            referee.push(second);
            if referee.is_decided() {
                stop.request(Stop::Decided);
            }
        }
        watch(progress);
    })?;
    let comparison = comparison(&referee, &run.document, &run.summary);
    let responses = referee.responses().map(Clone::clone);
    Ok(FinishedDuel { comparison, responses, unreachable: unreachable(&run), run })
}

/// What a referee who has seen all of a run says, and how the run was made.
pub(crate) fn comparison(referee: &Referee, run: &RunDocument, summary: &Summary) -> Comparison {
    let (seconds_used, seconds_left_out) = referee.seconds();
    let [base_requests, candidate_requests] = referee.requests();
    let length_s = |warmup_only: bool| -> f64 {
        run.stages.iter().filter(|stage| stage.warmup || !warmup_only).map(|stage| stage.duration_s).sum()
    };
    let elapsed_s = run.load_ended_s.unwrap_or_else(|| length_s(true) + summary.duration_s);
    let mut comparison = referee.comparison();
    let loaded_s = elapsed_s.min(length_s(false)) - length_s(true) - seconds_left_out as f64;
    correct_throughput(&mut comparison, seconds_used as f64, loaded_s);
    if run.model == LoadModel::Open && comparison.metrics.iter().any(is_throughput) {
        comparison.notes.push(
            "both builds are sent the same arrivals, so their throughput shows only whether each keeps up with them".into(),
        );
    }
    let objectives = run.duel.as_ref().map_or(0, |terms| terms.objectives);
    if objectives > 0 {
        comparison.notes.push(format!(
            "the scenario's objectives ({objectives}) are not judged: they are about one build, and a duel compares two"
        ));
    }
    comparison.duel = Some(comparison::Duel {
        base_target: run.target.clone(),
        candidate_target: run.duel.as_ref().map(|terms| terms.candidate.clone()).unwrap_or_default(),
        seconds_used,
        seconds_left_out,
        base_requests,
        candidate_requests,
        elapsed_s: elapsed_s.min(length_s(false)),
        max_time_s: length_s(false),
        ended: match run.status {
            Status::Interrupted => DuelEnd::Interrupted,
            _ if referee.is_decided() => DuelEnd::Decided,
            Status::Complete if run.load_ended_s.is_none() => DuelEnd::TimeUp,
            _ => DuelEnd::LoadEnded,
        },
    });
    // A duel that was killed, or reached nobody.
    let cut_short = run.ended_by.iter().filter(|_| run.status == Status::Incomplete);
    comparison.notes.extend(cut_short.map(|why| format!("incomplete: {why}")));
    comparison.notes.extend(notes(summary));
    comparison
}

fn is_throughput(metric: &MetricComparison) -> bool {
    metric.metric.strip_prefix("throughput").is_some_and(|unit| unit.is_empty() || unit == "_per_s")
}

/// The seconds that count include those after the load in which its last answers came. A rate is of the time in which
/// there was load.
fn correct_throughput(comparison: &mut Comparison, seconds_used: f64, loaded_s: f64) {
    if !(1.0..seconds_used).contains(&loaded_s) {
        return;
    }
    for metric in comparison.metrics.iter_mut().filter(|metric| is_throughput(metric)) {
        for side in [&mut metric.base, &mut metric.candidate].into_iter().flatten() {
            *side *= seconds_used / loaded_s;
        }
    }
}

/// Both scenarios in one script.
fn joined(base: &Scenario, candidate: &Scenario, folder: &Path) -> Result<Script, JourneyError> {
    let load_file = |path: &Path| std::fs::read(folder.join(path));
    let compile = |scenario| Script::compile(scenario, &load_file).map_err(JourneyError::Scenario);
    Ok(compile(base)?.against(compile(candidate)?, LABELS))
}

/// Stages of twice the load, half of it for either build: the warm-up, then the measured ones over and over.
fn doubled(stages: &[Stage], max_time: Duration) -> Result<Vec<Stage>, DuelError> {
    let (warmup, measured): (Vec<Stage>, Vec<Stage>) =
        stages.iter().map(double).partition(|stage| stage.warmup);
    let warmup = match (warmup.is_empty(), measured.first()) {
        (true, Some(first)) => vec![Stage { warmup: true, ..lasting(*first, WARMUP) }],
        _ => warmup,
    };
    let spent: Duration = warmup.iter().map(Stage::duration).sum();
    let round: Duration = measured.iter().map(Stage::duration).sum();
    let mut left = max_time.saturating_sub(spent);
    if left < Duration::from_secs(1) || round.is_zero() {
        let (max_time_s, warmup_s) = (max_time.as_secs_f64(), spent.as_secs_f64());
        return Err(DuelError::NoTime { max_time_s, warmup_s });
    }
    let mut all = warmup;
    for stage in measured.iter().cycle().take(STAGES_MAX) {
        if left.is_zero() {
            break;
        }
        all.push(if stage.duration() > left { cut(*stage, left) } else { *stage });
        left = left.saturating_sub(stage.duration());
    }
    Ok(all)
}

fn double(stage: &Stage) -> Stage {
    let load = match stage.load {
        Load::Rate(rate) => {
            Load::Rate(RateStage { from_per_s: 2.0 * rate.from_per_s, to_per_s: 2.0 * rate.to_per_s, ..rate })
        }
        Load::Users(users) => Load::Users(UserStage { users: 2 * users.users, ..users }),
    };
    Stage { load, ..*stage }
}

/// The load with which the stage begins, for so long.
fn lasting(stage: Stage, duration: Duration) -> Stage {
    let load = match stage.load {
        Load::Rate(rate) => Load::Rate(RateStage { to_per_s: rate.from_per_s.max(1.0), duration, ..rate }),
        Load::Users(users) => Load::Users(UserStage { duration, ..users }),
    };
    Stage { load, ..stage }
}

/// The beginning of a stage.
fn cut(stage: Stage, duration: Duration) -> Stage {
    let share = duration.as_secs_f64() / stage.duration().as_secs_f64();
    let load = match stage.load {
        Load::Rate(rate) => {
            let to_per_s = rate.from_per_s + share * (rate.to_per_s - rate.from_per_s);
            Load::Rate(RateStage { to_per_s, duration, ..rate })
        }
        Load::Users(users) => Load::Users(UserStage { duration, ..users }),
    };
    Stage { load, ..stage }
}

/// Whether all that a build's requests came to were failed attempts to connect.
fn unreachable(run: &FinishedRun) -> [bool; 2] {
    let all = &run.summary.requests_by_name;
    let (base, candidate) = all.split_at(all.len() / 2);
    [base, candidate].map(|side| {
        let requests: u64 = side.iter().map(|request| request.requests).sum();
        let failed = side
            .iter()
            .flat_map(|request| ["connect", "dns", "tls"].map(|class| request.errors.by_class.get(class)));
        requests > 0 && failed.flatten().sum::<u64>() == requests
    })
}

/// What a reader should know of the run.
fn notes(summary: &Summary) -> Vec<String> {
    let validity = &summary.validity;
    let limited = (validity.verdict == ValidityVerdict::GeneratorLimited).then(|| {
        let reasons = validity.reasons.join("; ");
        format!("do not read the figures of either build alone: {reasons}. Their ratio is what the duel is about: both bear it alike")
    });
    limited.into_iter().chain(summary.notes.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use loadline_generator::schedule::Arrivals;

    use super::*;

    fn rate(per_s: f64, to_per_s: f64, seconds: u64, warmup: bool) -> Stage {
        let duration = Duration::from_secs(seconds);
        let rate = RateStage { from_per_s: per_s, to_per_s, duration, arrivals: Arrivals::Uniform };
        Stage { load: Load::Rate(rate), warmup }
    }

    #[test]
    fn each_build_gets_the_whole_load_until_the_time_is_up() {
        let stages = [rate(5.0, 5.0, 3, true), rate(10.0, 30.0, 4, false)];
        let all = doubled(&stages, Duration::from_secs(9)).unwrap();
        // The second round is cut in its middle, where the ramp has come half the way.
        let expected = [rate(10.0, 10.0, 3, true), rate(20.0, 60.0, 4, false), rate(20.0, 40.0, 2, false)];
        assert_eq!(all, expected);
        let warmed = doubled(&stages[1..], Duration::from_secs(6)).unwrap();
        assert_eq!(warmed, [rate(20.0, 20.0, 2, true), rate(20.0, 60.0, 4, false)]);
        assert!(doubled(&stages, Duration::from_secs(3)).is_err());
    }

    #[test]
    fn a_duel_with_oneself_is_refused() {
        let scenario = Scenario::for_url("http://127.0.0.1:1/", "GET", &[], None).unwrap();
        let error = duel(&scenario, &scenario, DuelOptions::default(), |_| {}).unwrap_err();
        assert!(error.to_string().contains("port of its own"));
    }
}
