//! The history of demand from files, folders of them, or a Prometheus server.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::bufread::MultiGzDecoder;
use loadline_analysis::ingest::{self, Files, Format, Parts, RawSeries, Reading};
use loadline_model::diagnostic::nearest;
use loadline_model::series::Series;

use crate::forecast::PlanningError;
use crate::prometheus::{self, Access, Query};

/// Where demand comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file, a folder of files, or stdin for `-`.
    Files {
        /// Which.
        path: PathBuf,
        /// How its rows become series.
        reading: Reading,
        /// How files of a folder belong together.
        parts: Parts,
    },
    /// A server.
    Prometheus(Query),
}

/// Reads all series of `source`; `access` says how a server is reached.
///
/// # Errors
///
/// What cannot be read or used, with its place and the way out.
pub fn load(source: &Source, access: &Access) -> Result<Vec<Series>, PlanningError> {
    match source {
        Source::Files { path, reading, parts } => load_files(path, reading, *parts),
        Source::Prometheus(query) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
            prometheus::read(query, access, now)
        }
    }
}

/// Keeps the series of these names; all where none is given.
///
/// # Errors
/// The first name that is no series' own, and the one that may have been meant.
pub fn only<'n>(all: &mut Vec<Series>, names: &'n [String]) -> Result<(), (&'n str, Option<String>)> {
    let known = all.iter().map(|series| series.id.as_str());
    if let Some(unknown) = names.iter().find(|name| !known.clone().any(|id| id == name.as_str())) {
        return Err((unknown, nearest(unknown, known).map(str::to_owned)));
    }
    all.retain(|series| names.is_empty() || names.contains(&series.id));
    Ok(())
}

/// Folders within folders, at most.
const DEPTH_MAX: usize = 8;
/// Bytes of a Parquet file from which on it gets all cores for itself.
const LARGE_BYTES: u64 = 64 << 20;

/// Reads a file, a folder of files, or CSV from stdin for `-`.
///
/// # Errors
///
/// What cannot be read or used, with its place and the way out.
pub fn load_files(path: &Path, reading: &Reading, parts: Parts) -> Result<Vec<Series>, PlanningError> {
    let name = path.display().to_string();
    let raw = if path == Path::new("-") {
        text(io::stdin().lock(), "stdin", path, Format::Csv, reading)?
    } else if path.is_dir() {
        folder(path, &name, reading, parts)?
    } else {
        file(path, reading, cores())?
    };
    let name = if path == Path::new("-") { "stdin" } else { &name };
    Ok(raw.into_iter().map(|raw| ingest::regular(raw, name, reading)).collect::<Result<_, _>>()?)
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn broken(path: &Path) -> impl Fn(io::Error) -> PlanningError {
    let path = path.to_owned();
    move |source| PlanningError::File { path: path.clone(), source }
}

/// The rows of one file.
fn file(path: &Path, reading: &Reading, threads: usize) -> Result<Vec<RawSeries>, PlanningError> {
    let (opened, name) = (File::open(path).map_err(broken(path))?, path.display().to_string());
    if name.to_ascii_lowercase().ends_with(".parquet") {
        return parquet(&opened, path, reading, threads);
    }
    text(opened, &name, path, Format::of_name(&name), reading)
}

#[cfg(feature = "ingest")]
fn parquet(
    opened: &File,
    path: &Path,
    reading: &Reading,
    threads: usize,
) -> Result<Vec<RawSeries>, PlanningError> {
    Ok(ingest::read_parquet(opened, &path.display().to_string(), reading, threads)?)
}

#[cfg(not(feature = "ingest"))]
fn parquet(_: &File, path: &Path, _: &Reading, _: usize) -> Result<Vec<RawSeries>, PlanningError> {
    let message = "this build does not read Parquet; build with the feature `ingest`, or give CSV";
    Err(PlanningError::Format { path: path.to_owned(), message })
}

/// Text, packed or not: what it begins with tells.
fn text(
    reader: impl Read,
    name: &str,
    path: &Path,
    format: Format,
    reading: &Reading,
) -> Result<Vec<RawSeries>, PlanningError> {
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    let mut start = Vec::new();
    (&mut reader).take(4).read_to_end(&mut start).map_err(broken(path))?;
    let refused = |message| Err(PlanningError::Format { path: path.to_owned(), message });
    match start[..] {
        [b'P', b'A', b'R', b'1'] => refused("this is Parquet: give it as a file whose name ends in .parquet"),
        [0x28, 0xb5, 0x2f, 0xfd] => refused("this is packed with zstd: unpack it, or pack it with gzip"),
        [0x1f, 0x8b, ..] => {
            let unpacked = MultiGzDecoder::new(BufReader::new(start.as_slice().chain(reader)));
            Ok(ingest::read(unpacked, name, format, reading)?)
        }
        _ => Ok(ingest::read(start.as_slice().chain(reader), name, format, reading)?),
    }
}

/// The rows of all files below a folder, in the order of their paths.
fn folder(path: &Path, name: &str, reading: &Reading, parts: Parts) -> Result<Vec<RawSeries>, PlanningError> {
    let mut paths = Vec::new();
    collect(path, 0, &mut paths)?;
    paths.sort();
    if paths.is_empty() {
        return Err(PlanningError::EmptyFolder(path.to_owned()));
    }
    let size = |path: &PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
    let (large, threads) = (paths.iter().any(|path| size(path) > LARGE_BYTES), cores());
    let mut files = Files::new(name, reading, parts);
    // Large files one after the other, each by all threads; of small ones as many at a time as there are threads.
    for wave in paths.chunks(if large { 1 } else { threads }) {
        let each = threads / wave.len();
        let read = |file_path: &PathBuf| file(file_path, reading, each);
        let read: Vec<_> = thread::scope(|scope| {
            let workers: Vec<_> = wave.iter().map(|path| scope.spawn(move || read(path))).collect();
            workers.into_iter().map(|w| w.join().expect("reading does not panic")).collect()
        });
        for (file_path, raw) in wave.iter().zip(read) {
            files.add(stem(path, file_path), raw?)?;
        }
    }
    Ok(files.finish())
}

/// A file's path within its folder, without the endings that say how it is written.
fn stem(folder: &Path, file: &Path) -> String {
    let within = file.strip_prefix(folder).unwrap_or(file).display().to_string();
    let within = within.strip_suffix(".gz").unwrap_or(&within);
    within.rsplit_once('.').map_or(within, |(stem, _)| stem).to_owned()
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), PlanningError> {
    let wanted = |path: &Path| {
        let name =
            path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let bare = name.strip_suffix(".gz").unwrap_or(&name);
        // What begins with a point or an underscore is what tools write for themselves.
        let ends =
            ["csv", "tsv", "ndjson", "jsonl", "parquet"].iter().any(|end| bare.ends_with(&format!(".{end}")));
        ends && !name.starts_with(['.', '_'])
    };
    for entry in folder.read_dir().map_err(broken(folder))? {
        let path = entry.map_err(broken(folder))?.path();
        if path.is_dir() && depth < DEPTH_MAX {
            collect(&path, depth + 1, files)?;
        } else if wanted(&path) {
            files.push(path);
        }
    }
    Ok(())
}
