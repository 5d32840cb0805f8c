//! Many runs from disk: run directories, baselines, folders of either, and CSV tables, brought together for a comparison.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};

use loadline_analysis::compare::errors_within;
use loadline_model::baseline::{Baseline, BaselineError, Block};
use loadline_model::histogram::{self, Histogram};
use loadline_model::run::{Errors, Latency, RunDocument, Status, Summary, ValidityVerdict};
use loadline_model::run_table::{ALL, Figure, RunFigures, RunTable, TableError};
use loadline_model::series::EPOCH_LEAST;

use crate::baseline;
use crate::directory::{DOCUMENT_FILE, DirectoryError};

mod fingerprint;
mod searched;

/// Why runs could not be gathered.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// The path cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A table is not what it should be.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A run directory is not what it should be.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A file looks like a baseline and is none.
    #[error("{}: {source}; restore it from a copy, or save it again", path.display())]
    Baseline {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: BaselineError,
    },
    /// A duel holds two builds.
    #[error("{} is a duel, which has both builds in it; its verdict is in its comparison.json, and `compare` takes runs of one build each", .0.display())]
    Duel(PathBuf),
    /// A folder has neither a run nor folders of runs in it.
    #[error("{} holds no runs: no {DOCUMENT_FILE} in it or in the folders below it, and no baseline; give a run directory, a baseline, a folder of them or a CSV", .0.display())]
    NoRuns(PathBuf),
    /// The same run was given twice.
    #[error("{} was given twice; a run counts once, so name it on one side only", .0.display())]
    Twice(PathBuf),
    /// The same run, or the same table of runs, at two places.
    #[error("{} and {} are the same, given twice; a run counts once, so name it on one side only", first.display(), second.display())]
    Copy {
        /// The first.
        first: PathBuf,
        /// The copy.
        second: PathBuf,
    },
    /// Runs of different things.
    #[error("{} and {} ran different scenarios: {what}; compare runs of one scenario, or record the base anew", first.display(), second.display())]
    Scenario {
        /// One run.
        first: PathBuf,
        /// Another.
        second: PathBuf,
        /// What differs.
        what: String,
    },
}

/// What a note begins with that may put a verdict into doubt.
const WARNING: &str = "warning: ";

/// Gathers the runs of several sides; no run may be on two of them, and all have to be of one scenario.
#[derive(Debug, Default)]
pub struct Gatherer {
    seen: BTreeSet<PathBuf>,
    /// The ids of the runs; a copy has that of what it was copied from.
    ids: BTreeMap<String, PathBuf>,
    tables: Vec<(PathBuf, RunTable)>,
    first: Option<First>,
    /// What differs between the runs and may explain a change.
    pub notes: Vec<String>,
    /// Whether runs whose scenarios differ in what is sent are taken all the same, with a note: a history may outlive small
    /// edits, a verdict may not.
    is_lenient: bool,
    /// Response times of the runs gathered last.
    responses: Option<Histogram>,
}

/// The run that all others have to be like.
#[derive(Debug)]
struct First {
    path: PathBuf,
    document: RunDocument,
    /// The objectives of a search for the capacity; `None` for a run.
    searched: Option<Vec<String>>,
}

impl Gatherer {
    /// One for a history, which takes runs whose scenarios differ a little.
    pub fn lenient() -> Gatherer {
        Gatherer { is_lenient: true, ..Gatherer::default() }
    }

    /// Reads the runs at each path: a run directory, a folder of run directories, or a CSV (`-`: from `stdin`).
    ///
    /// # Errors
    /// When a path cannot be read, a run comes twice, or a run is of another scenario.
    pub fn gather(&mut self, paths: &[PathBuf]) -> Result<RunTable, RunsError> {
        self.responses = None;
        let mut all = RunTable::default();
        for path in paths {
            let table = self.one(path, false)?;
            append(&mut all, table, path, paths.len() > 1);
        }
        Ok(all)
    }

    /// The same for earlier runs; those that were gathered already are passed over.
    ///
    /// # Errors
    /// As for [`Gatherer::gather`].
    pub fn gather_history(&mut self, paths: &[PathBuf]) -> Result<RunTable, RunsError> {
        let mut all = RunTable::default();
        for path in paths {
            let table = self.one(path, true)?;
            append(&mut all, table, path, paths.len() > 1);
        }
        Ok(all)
    }

    fn one(&mut self, path: &Path, earlier: bool) -> Result<RunTable, RunsError> {
        if path == Path::new("-") {
            self.first_time(Path::new("-"))?;
            return Ok(RunTable::read_csv("stdin", io::stdin().lock())?);
        }
        let fault = |source| RunsError::Io { path: path.to_owned(), source };
        let real = fs::canonicalize(path).map_err(fault)?;
        if !real.is_dir() && !is_json(path).map_err(fault)? {
            self.first_time(path)?;
            let table = RunTable::read_csv(&path.display().to_string(), File::open(path).map_err(fault)?)?;
            if let Some((first, _)) =
                self.tables.iter().find(|(_, known)| *known == table && is_telling(known))
            {
                return Err(RunsError::Copy { first: first.clone(), second: path.to_owned() });
            }
            self.tables.push((path.to_owned(), table.clone()));
            return Ok(table);
        }
        let mut table = RunTable::default();
        for place in if real.is_dir() { places(path)? } else { vec![path.to_owned()] } {
            if earlier && self.seen.contains(&fs::canonicalize(&place).map_err(fault)?) {
                continue;
            }
            self.first_time(&place)?;
            if let Some((search, document)) = searched::read(&place)? {
                self.first_of_id(&place, &document)?;
                self.same_scenario(&place, &document, Some(&search.slos), earlier)?;
                let run = searched::figures(&place, &document, &search);
                note_figures(&mut table, &run);
                table.runs.push(run);
                continue;
            }
            let Read { run: document, blocks, is_edited } = read(&place)?;
            if earlier && self.ids.contains_key(&document.id) {
                continue;
            }
            self.first_of_id(&place, &document)?;
            self.same_scenario(&place, &document, None, earlier)?;
            if is_edited {
                self.note(format!(
                    "{} was changed after it was saved, so its figures may not be those of the run",
                    place.display()
                ));
            }
            let Some(summary) = &document.summary else { continue };
            let mut run = figures(&place, &document, summary);
            run.errors_within = errors_within(&blocks);
            note_figures(&mut table, &run);
            if run.invalid.is_none() {
                self.add_responses(&blocks);
            }
            table.runs.push(run);
        }
        Ok(table)
    }

    /// Response times of the valid runs that [`Gatherer::gather`] brought last; `None` for tables.
    pub fn take_responses(&mut self) -> Option<Histogram> {
        self.responses.take()
    }

    fn add_responses(&mut self, blocks: &[Block]) {
        let all = self.responses.get_or_insert_with(histogram::new);
        for block in blocks {
            all.add(&block.response).expect("all histograms have the same bounds");
        }
    }

    fn first_time(&mut self, path: &Path) -> Result<(), RunsError> {
        // A path without a canonical form, such as `-`, is itself.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if self.seen.insert(real) { Ok(()) } else { Err(RunsError::Twice(path.to_owned())) }
    }

    fn first_of_id(&mut self, path: &Path, document: &RunDocument) -> Result<(), RunsError> {
        if document.id.is_empty() {
            return Ok(());
        }
        match self.ids.insert(document.id.clone(), path.to_owned()) {
            None => Ok(()),
            Some(first) => Err(RunsError::Copy { first, second: path.to_owned() }),
        }
    }

    fn same_scenario(
        &mut self,
        path: &Path,
        document: &RunDocument,
        searched: Option<&Vec<String>>,
        earlier: bool,
    ) -> Result<(), RunsError> {
        let Some(First { path: first, document: known, searched: known_searched }) = &self.first else {
            let (path, document) = (path.to_owned(), document.clone());
            self.first = Some(First { path, document, searched: searched.cloned() });
            return Ok(());
        };
        let differing = fingerprint::differing(known, document, searched.is_some());
        let what = if known_searched.is_some() != searched.is_some() {
            "one is a search for the capacity, the other a run".to_owned()
        } else if known_searched.as_ref() != searched {
            "the objectives of the searches differ".to_owned()
        } else if known.model != document.model {
            "one is open, the other closed".to_owned()
        } else if searched.is_none() && known.stages != document.stages {
            let [one, other] = [known, document].map(fingerprint::load);
            format!("the stages of the load differ, {one} in the first and {other} in the second")
        } else if known.request_names != document.request_names {
            let [one, other] = [known, document].map(|run| run.request_names.join(", "));
            format!("the requests differ, {one} in the first and {other} in the second")
        } else {
            differing.of_what_is_sent.filter(|_| !earlier && !self.is_lenient).unwrap_or_default()
        };
        if !what.is_empty() {
            return Err(RunsError::Scenario { first: first.clone(), second: path.to_owned(), what });
        }
        differing.notes.into_iter().for_each(|note| self.note(note));
        Ok(())
    }

    fn note(&mut self, note: String) {
        let note = format!("{WARNING}{note}");
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// Whether a table that is equal to this one has to be a copy: runs were made at the same times, or have figures in which
/// chance had a say. Two sides without an error, or with rounded figures, may be equal.
fn is_telling(table: &RunTable) -> bool {
    let values = |figure: &Figure| {
        let each = table.runs.iter().filter_map(|run| run.values.get(figure));
        each.map(|value| value.to_bits()).collect::<BTreeSet<u64>>().len()
    };
    let vary = |figure: &Figure| 2 * values(figure) > table.runs.len() && values(figure) > 1;
    let is_clock = |time_s: f64| time_s >= EPOCH_LEAST as f64;
    table.runs.iter().any(|run| run.time_s.is_some_and(is_clock)) || table.figures.iter().any(vary)
}

/// Adds a table; where there are several, runs are called after their file as well.
fn append(all: &mut RunTable, table: RunTable, path: &Path, several: bool) {
    for figure in table.figures {
        if !all.figures.contains(&figure) {
            all.figures.push(figure);
        }
    }
    all.labels.extend(table.labels);
    let named = |mut run: RunFigures| {
        if several && path.is_file() {
            run.run = format!("{}:{}", path.display(), run.run);
        }
        run
    };
    all.runs.extend(table.runs.into_iter().map(named));
}

/// The path itself where it is a run directory, else the run directories and baselines right below it, by name.
fn places(path: &Path) -> Result<Vec<PathBuf>, RunsError> {
    if path.join(DOCUMENT_FILE).exists() {
        return Ok(vec![path.to_owned()]);
    }
    let fault = |source| RunsError::Io { path: path.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(fault)? {
        let entry = entry.map_err(fault)?.path();
        let baseline = || entry.is_file() && entry.extension().is_some_and(|end| end == "json");
        if entry.join(DOCUMENT_FILE).exists() || baseline() {
            found.push(entry);
        }
    }
    found.sort();
    if found.is_empty() { Err(RunsError::NoRuns(path.to_owned())) } else { Ok(found) }
}

/// Whether a file begins as JSON does, and so is no CSV.
fn is_json(path: &Path) -> io::Result<bool> {
    let mut start = [0; 64];
    let mut file = File::open(path)?;
    let length = file.read(&mut start)?;
    Ok(start[..length].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{'))
}

/// A run with its summary, and its blocks.
struct Read {
    run: RunDocument,
    blocks: Vec<Block>,
    /// Whether it was edited after it was saved.
    is_edited: bool,
}

/// Reads a run directory or a baseline.
fn read(path: &Path) -> Result<Read, RunsError> {
    let Baseline { run, blocks, is_edited, .. } = if path.is_dir() {
        baseline::of_directory(path)?
    } else {
        let fault = |source| RunsError::Io { path: path.to_owned(), source };
        let file = BufReader::new(File::open(path).map_err(fault)?);
        Baseline::read(file).map_err(|source| RunsError::Baseline { path: path.to_owned(), source })?
    };
    if run.duel.is_some() {
        return Err(RunsError::Duel(path.to_owned()));
    }
    Ok(Read { run, blocks, is_edited })
}

fn note_figures(table: &mut RunTable, run: &RunFigures) {
    for figure in run.values.keys() {
        if !table.figures.contains(figure) {
            table.figures.push(figure.clone());
        }
    }
}

/// The figures of a run, and why it cannot be used, where it cannot.
fn figures(directory: &Path, document: &RunDocument, summary: &Summary) -> RunFigures {
    let (mut values, mut missing) = (BTreeMap::new(), BTreeMap::new());
    request(&mut values, &mut missing, ALL, &summary.response, &summary.errors);
    if let Some(throughput) = summary.throughput_per_s {
        values.insert(Figure::of_all("throughput_per_s"), throughput);
    }
    if let Some(cpu) = summary.cpu_ms_per_request {
        values.insert(Figure::of_all("cpu_ms_per_request"), cpu);
    }
    if summary.requests_by_name.len() > 1 {
        for named in &summary.requests_by_name {
            request(&mut values, &mut missing, &named.name, &named.response, &named.errors);
        }
    }
    let by_name = summary.requests_by_name.iter().map(|named| (named.name.clone(), named.requests));
    let requests = by_name.chain([(ALL.to_owned(), summary.requests)]).collect();
    RunFigures {
        values,
        missing,
        requests,
        invalid: invalid(document, summary),
        ..named(directory, document)
    }
}

/// A run with its name and time, and no figures yet.
fn named(directory: &Path, document: &RunDocument) -> RunFigures {
    let time: Option<jiff::Timestamp> = document.started_at.parse().ok();
    RunFigures {
        run: directory.display().to_string(),
        time_s: time.map(|time| time.as_microsecond() as f64 / 1e6),
        time: Some(document.started_at.clone()),
        ..RunFigures::default()
    }
}

fn request(
    values: &mut BTreeMap<Figure, f64>,
    missing: &mut BTreeMap<Figure, String>,
    name: &str,
    response: &Latency,
    errors: &Errors,
) {
    let figures = [
        ("p50_ms", response.p50_ms),
        ("p90_ms", response.p90_ms),
        ("p95_ms", response.p95_ms),
        ("p99_ms", response.p99_ms),
        ("p999_ms", response.p999_ms),
        ("mean_ms", response.mean_ms),
        ("error_rate", errors.rate),
    ];
    for (figure, value) in figures {
        // A quantile beyond which there are hardly any samples says nothing of the service.
        let sparse = response.too_few_samples.iter().any(|field| field == figure);
        let figure = Figure { request: name.into(), name: figure.into() };
        match value.filter(|value| value.is_finite() && !sparse) {
            Some(value) => {
                values.insert(figure, value);
            }
            None if sparse => {
                let why =
                    "too few samples, fewer than 10 requests lie beyond it; run longer, or at a higher rate";
                missing.insert(figure, why.into());
            }
            None => {}
        }
    }
}

fn invalid(document: &RunDocument, summary: &Summary) -> Option<String> {
    if summary.validity.verdict == ValidityVerdict::GeneratorLimited {
        return Some(format!("generator limited: {}", summary.validity.reasons.join(", ")));
    }
    match document.status {
        Status::Complete => None,
        _ => Some(document.ended_by.clone().unwrap_or_else(|| "the run did not come to its end".into())),
    }
}
