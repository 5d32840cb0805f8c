use super::*;

/// Noise from a fixed generator: the sum of twelve uniform numbers less six, nearly normal with variance 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        let mut uniform = || {
            self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    }
}

fn table(values: &[f64], commit: impl Fn(usize) -> Option<String>) -> RunTable {
    let figure = Figure::of_all("p99_ms");
    let run = |(index, value): (usize, &f64)| RunFigures {
        run: index.to_string(),
        commit: commit(index),
        values: [(figure.clone(), *value)].into(),
        ..RunFigures::default()
    };
    RunTable {
        figures: vec![figure.clone()],
        labels: Vec::new(),
        runs: values.iter().enumerate().map(run).collect(),
    }
}

fn found(values: &[f64]) -> Changes {
    changes(&table(values, |_| None), &[], 0.95).unwrap()
}

/// Steps up and down of 5 % and 8 % among noise of 2 % and three wild runs.
#[test]
fn steps_are_found_where_they_are() {
    let mut noise = Noise(5);
    let level = |index: usize| [1.0, 1.05, 0.97][index / 50];
    let mut values: Vec<f64> =
        (0..150).map(|index| 10.0 * level(index) * (0.02 * noise.next()).exp()).collect();
    [20, 70, 120].into_iter().for_each(|wild| values[wild] *= 2.0);
    let document = found(&values);
    assert_eq!(document.changes.len(), 2, "{document:#?}");
    for (change, (index, size)) in document.changes.iter().zip([(50, 0.05), (100, 0.97 / 1.05 - 1.0)]) {
        let [first, last] = change.index_interval;
        assert!(first <= index && index <= last && last - first < 25, "{change:?}");
        let [low, high] = change.interval.unwrap();
        assert!(low < size && size < high && high - low < 0.05, "{change:?}");
    }
}

/// One wild last run is told, and is no change; a history that has had such runs before says nothing of it.
#[test]
fn a_wild_last_run_is_told() {
    let mut noise = Noise(8);
    let mut values: Vec<f64> = (0..40).map(|_| 10.0 * (0.02 * noise.next()).exp()).collect();
    assert_eq!(found(&values).metrics[0].finding, Finding::NoChange);
    values[39] = 20.0;
    let document = found(&values);
    let about = &document.metrics[0];
    assert_eq!((about.finding, about.changes), (Finding::LastRunsApart, 0));
    assert!(about.notes[0].contains("the last run differs from its neighbours by +10"), "{:?}", about.notes);
    values[12] = 25.0;
    assert_eq!(found(&values).metrics[0].finding, Finding::NoChange);
}

/// A step three runs or more before the end is where it is, and as large; the step of two runs may be wild runs.
#[test]
fn a_step_shortly_before_the_end_is_told_as_it_is() {
    let (mut reported, mut held, mut told) = (0, 0, 0);
    for seed in 1..=100u64 {
        let mut noise = Noise(seed);
        let late = 3 + seed as usize % 4;
        let mut history = |late: usize| -> Vec<f64> {
            let level = |at: usize| if at < 40 - late { 10.0 } else { 12.0 };
            (0..40).map(|at| level(at) * (0.02 * noise.next()).exp()).collect()
        };
        let document = found(&history(late));
        if let Some(change) = document.changes.last() {
            let ([first, last], [low, high]) = (change.index_interval, change.interval.unwrap());
            reported += 1;
            held += usize::from((first..=last).contains(&(40 - late)) && low <= 0.2 && 0.2 <= high);
        }
        let two = found(&history(2));
        let about = &two.metrics[0];
        let said = about.notes.iter().any(|note| note.starts_with("the last 2 runs differ"));
        told += usize::from(two.changes.is_empty() && about.finding == Finding::LastRunsApart && said);
    }
    assert!(reported >= 95, "{reported} of 100 reported");
    assert!(held * 10 >= reported * 9, "{held} of {reported} intervals of place and size hold");
    assert!(told >= 80, "{told} of 100 told apart");
}

/// The interval of a size holds where the noise lasts from run to run, too.
#[test]
fn the_size_allows_for_noise_that_lasts() {
    let (mut reported, mut held) = (0, 0);
    for seed in 1..=100 {
        let mut noise = Noise(seed);
        let mut state = noise.next() / 0.75f64.sqrt();
        let values: Vec<f64> = (0..24)
            .map(|at| {
                state = 0.5 * state + noise.next();
                let level = if at < 18 { 10.0 } else { 12.0 };
                level * (0.01 * state).exp()
            })
            .collect();
        for change in found(&values).changes.iter().filter(|change| change.index == 18) {
            let [low, high] = change.interval.unwrap();
            reported += 1;
            held += usize::from(low <= 0.2 && 0.2 <= high);
        }
    }
    assert!(reported >= 90 && held * 20 >= reported * 17, "{held} of {reported}");
}

/// Thirty steps in two thousand runs: a place costs the same however many runs and steps there are, or this takes
/// minutes.
#[test]
fn long_histories_with_many_steps_are_cut() {
    let mut noise = Noise(13);
    let level = |index: usize| [0.0, 0.1, -0.05, 0.08][index / 65 % 4];
    let values: Vec<f64> = (0..2000).map(|index| 10.0 * (level(index) + 0.01 * noise.next()).exp()).collect();
    let document = found(&values);
    let right = |at: &usize| {
        document.changes.iter().any(|change| {
            let [first, last] = change.index_interval;
            first <= *at && *at <= last && last - first < 10
        })
    };
    let steps = (1..=30).map(|step| 65 * step).filter(right).count();
    assert!(steps >= 29 && document.changes.len() <= 31, "{steps}: {:?}", document.changes.len());
}

/// Levels that take turns: no step explains much by itself, and all of them do.
#[test]
fn levels_that_take_turns_are_found() {
    for seed in 1..6 {
        let mut noise = Noise(seed);
        let level = |at: usize| 0.1 * (at / 28 % 2) as f64;
        let values: Vec<f64> = (0..196).map(|at| 10.0 * (level(at) + 0.02 * noise.next()).exp()).collect();
        let found = found(&values).changes.len();
        assert!((6..=7).contains(&found), "{seed}: {found} of 6");
    }
}

/// A small step after a large one, before which there is one nearly as plain: that is another step, and no place that the
/// first can have had.
#[test]
fn a_place_ends_where_its_neighbours_are() {
    for seed in 1..60 {
        let mut noise = Noise(seed);
        let level = |index: usize| [0.0, 0.0, 0.0, 0.012, 0.5, 0.5, 0.5, 0.5, 0.512, 0.512][index / 10];
        let values: Vec<f64> =
            (0..100).map(|index| 10.0 * (level(index) + 0.01 * noise.next()).exp()).collect();
        let document = found(&values);
        for pair in document.changes.windows(2) {
            assert!(pair[0].index_interval[1] < pair[1].index, "{seed}: {pair:#?}");
            assert!(pair[0].index < pair[1].index_interval[0], "{seed}: {pair:#?}");
        }
    }
}

/// A level that wanders (an autoregression of 0.9) has no steps; nor has white noise.
#[test]
fn noise_is_not_cut_into_steps() {
    let mut noise = Noise(3);
    let mut alarms = 0;
    for _ in 0..10 {
        let mut state = 0.0;
        let wandering: Vec<f64> = (0..120)
            .map(|_| {
                state = 0.9 * state + noise.next();
                10.0 * (0.01 * state).exp()
            })
            .collect();
        let white: Vec<f64> = (0..120).map(|_| 10.0 + 0.2 * noise.next()).collect();
        alarms += found(&wandering).changes.len() + found(&white).changes.len();
    }
    assert!(alarms <= 1, "{alarms}");
}

/// The same step is a change between two commits, and the machine's doing within one.
#[test]
fn a_step_inside_one_commit_is_not_a_change() {
    let mut noise = Noise(9);
    let values: Vec<f64> = (0..80).map(|at| if at < 40 { 10.0 } else { 12.0 } + 0.1 * noise.next()).collect();
    let between = changes(&table(&values, |index| Some((index / 40).to_string())), &[], 0.95).unwrap();
    assert_eq!(between.changes[0].index, 40);
    assert_eq!(between.changes[0].commit.as_deref(), Some("1"));
    let within = changes(&table(&values, |index| Some((index / 60).to_string())), &[], 0.95).unwrap();
    assert!(within.changes.is_empty());
    assert_eq!(within.metrics[0].finding, Finding::Shifted, "no change is not what was seen");
    let note = &within.metrics[0].notes[0];
    assert!(note.contains("at run 40 within commit 0") && note.contains("shifts by +20."), "{note}");
}

/// A ramp is neither a change at one run nor none at all; a step is no ramp.
#[test]
fn a_steady_trend_is_told() {
    for (seed, rise) in [(1, 0.175), (2, 0.6), (3, -0.175), (4, 0.175)] {
        let mut noise = Noise(seed);
        let mut history = |level: &dyn Fn(usize) -> f64| -> Vec<f64> {
            (0..60).map(|at| 10.0 * (level(at) + 0.01 * noise.next()).exp()).collect()
        };
        let ramp = found(&history(&|at| rise * at as f64 / 59.0));
        assert!(ramp.changes.is_empty() && ramp.metrics[0].finding == Finding::Trend, "{ramp:#?}");
        let said: f64 = ramp.metrics[0].notes[0].split(['+', '%']).nth(usize::from(rise > 0.0)).map_or_else(
            || panic!("{ramp:?}"),
            |said| said.trim_start_matches("the level moves steadily by ").trim().parse().unwrap(),
        );
        assert!((said / 100.0 - rise.exp_m1()).abs() < 0.03, "{said}");
        let step = found(&history(&|at| if at < 30 { 0.0 } else { rise }));
        assert!(step.changes.len() == 1 && step.metrics[0].finding == Finding::Changed, "{step:#?}");
        let level = found(&history(&|_| 0.0));
        assert_eq!(level.metrics[0].finding, Finding::NoChange);
    }
}

/// Two commits that take turns: a shift that both make is no doing of either. A commit that is new at the shift may be.
#[test]
fn a_commit_that_ran_on_the_old_level_made_no_change() {
    let mut noise = Noise(9);
    let values: Vec<f64> = (0..80).map(|at| if at < 40 { 10.0 } else { 12.0 } + 0.1 * noise.next()).collect();
    let turns = |at: usize| Some(["a", "b"][at % 2].to_owned());
    let both = changes(&table(&values, turns), &[], 0.95).unwrap();
    assert!(both.changes.is_empty(), "{both:#?}");
    assert!(both.metrics[0].notes[0].contains("had run on the old level"), "{both:#?}");
    let fresh = |at: usize| Some([["a", "b"], ["c", "d"]][at / 40][at % 2].to_owned());
    let made = changes(&table(&values, fresh), &[], 0.95).unwrap();
    assert_eq!((made.changes.len(), made.changes[0].index), (1, 40));
    // What was taken back is a change, too: the level before the last is not the old one.
    let back: Vec<f64> =
        (0..120).map(|at| if at / 40 == 1 { 12.0 } else { 10.0 } + 0.1 * noise.next()).collect();
    let reverted = changes(&table(&back, |at| Some(["a", "b", "a"][at / 40].to_owned())), &[], 0.95).unwrap();
    assert_eq!(reverted.changes.len(), 2, "{reverted:#?}");
}

/// A change of the size that is said to be found in four cases of five is found in about as many.
#[test]
fn what_could_have_been_seen_is_seen() {
    let mut noise = Noise(77);
    let mut quiet = |n: usize| -> Vec<f64> { (0..n).map(|_| 20.0 * (0.03 * noise.next()).exp()).collect() };
    for n in [60, 200] {
        let mut said: Vec<f64> =
            (0..30).filter_map(|_| found(&quiet(n)).metrics[0].min_detectable_change).collect();
        said.sort_by(f64::total_cmp);
        let step = 1.0 + said[said.len() / 2];
        let stepped = |values: Vec<f64>| -> Vec<f64> {
            values.iter().enumerate().map(|(at, v)| if at < n / 2 { *v } else { v * step }).collect()
        };
        let seen = (0..100).filter(|_| !found(&stepped(quiet(n))).changes.is_empty()).count();
        assert!((68..=95).contains(&seen), "{seen} of 100 steps of {step} in {n} runs");
    }
}

#[test]
fn odd_histories_are_told_of() {
    // So few runs show nothing, whatever they are: that is no "no change".
    let few = &found(&[1.0, 1.0, 1.0, 9.0, 9.0, 9.0]).metrics[0];
    assert_eq!((few.finding, few.min_detectable_change), (Finding::TooFewRuns, None));
    assert!(few.notes[0].contains("6 of the 10 runs") && few.notes[0].contains("give 4 more"));
    assert!(found(&[1.0; 50]).metrics[0].notes[0].contains("same value"));
    let zeros: Vec<f64> =
        (0..60).map(|at| if at < 30 { 0.0 } else { 0.2 + 0.001 * f64::from(at % 3) }).collect();
    let document = found(&zeros);
    assert_eq!((document.changes[0].index, document.changes[0].change), (30, None));
    assert_eq!(changes(&table(&zeros, |_| None), &[], 1.0), Err(ChangesError::Confidence(1.0)));
    let unknown = changes(&table(&zeros, |_| None), &["p50".into()], 0.95).unwrap_err();
    assert!(unknown.to_string().contains("there are p99_ms"));
}
