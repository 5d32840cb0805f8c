//! Run directories: what a run leaves on disk, appended second by second, and read back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use loadline_model::recording::{INTERVALS_FILE, LOG_FILE, ReadError, Reader, Second, Writer};
use loadline_model::run::{RunDocument, SCHEMA, Status};

/// The name of the document.
pub const DOCUMENT_FILE: &str = "run.json";

/// Why a run directory could not be made, written or read.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The system's word on a path.
    #[error("failed to {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A run directory holds one run.
    #[error("{} is not empty; give `--out` a new or an empty directory", .0.display())]
    NotEmpty(PathBuf),
    /// There is no document where one should be.
    #[error(
        "{} is no run directory: it has no {DOCUMENT_FILE}; give a directory that `loadline run` or `saturate` wrote, with {DOCUMENT_FILE}, \
         {LOG_FILE} and {INTERVALS_FILE}", .0.display()
    )]
    NoRun(PathBuf),
    /// A file of a run directory is not there.
    #[error(
        "{} is missing, so the run cannot be read; copy the whole directory again ({DOCUMENT_FILE}, {LOG_FILE} and \
         {INTERVALS_FILE}), or leave this run out", .0.display()
    )]
    Missing(PathBuf),
    /// A file stands where a directory should.
    #[error("{} is a file; give the run directory that it is in, or what `compare --json` printed", .0.display())]
    AFile(PathBuf),
    /// The document is not what it should be.
    #[error("{}: {message}", path.display())]
    Document {
        /// The document.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The recording is not what it should be.
    #[error(
        "{}: the recording is damaged, so no figure of it can be trusted; restore it from a copy, or leave this run out",
        path.display()
    )]
    Recording {
        /// The run directory.
        path: PathBuf,
        /// What is wrong.
        source: ReadError,
    },
}

impl DirectoryError {
    /// What cannot be read as a document, and the way out.
    pub(crate) fn unreadable(path: &Path, error: &serde_json::Error) -> DirectoryError {
        let what = match error.classify() {
            serde_json::error::Category::Eof => {
                format!("it is empty or cut short, and ends at line {}", error.line())
            }
            serde_json::error::Category::Syntax => format!("it is no JSON: {error}"),
            _ => format!("it is no such document: {error}"),
        };
        let message = format!("{what}; restore it from a copy, or leave this run out");
        DirectoryError::Document { path: path.to_owned(), message }
    }

    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DirectoryError {
        move |source| DirectoryError::Io { action, path: path.to_owned(), source }
    }

    /// Whether the user gave a path that cannot be right, rather than the system failing.
    pub fn is_bad_input(&self) -> bool {
        match self {
            // A file that should be there and is not is no failure of the system.
            DirectoryError::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
            }
            _ => true,
        }
    }
}

/// A run directory that is being written.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    writer: Writer<File, File>,
}

impl RunDirectory {
    /// Makes the directory, which has to be absent or empty, and writes the document and the heads of the files.
    /// `start_epoch_s` is the start of the run in seconds since 1970.
    ///
    /// # Errors
    /// When the directory is not empty or cannot be written.
    pub fn create(path: &Path, document: &RunDocument, start_epoch_s: f64) -> Result<Self, DirectoryError> {
        check_vacant(path)?;
        fs::create_dir_all(path).map_err(DirectoryError::io("make", path))?;
        write_document(path, document)?;
        let append = |name: &str| {
            let file = path.join(name);
            OpenOptions::new()
                .create_new(true)
                .append(true)
                .open(&file)
                .map_err(DirectoryError::io("make", &file))
        };
        let writer =
            Writer::begin(append(INTERVALS_FILE)?, append(LOG_FILE)?, start_epoch_s, &document.started_at)
                .map_err(DirectoryError::io("write to", path))?;
        Ok(RunDirectory { path: path.to_owned(), writer })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one second and flushes it.
    ///
    /// # Errors
    /// When the disk is full, say.
    pub fn append(&mut self, second: &Second) -> Result<(), DirectoryError> {
        self.writer.write(second).map_err(DirectoryError::io("write to", &self.path))
    }

    /// Writes the document again, now that the run has ended.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&self, document: &RunDocument) -> Result<(), DirectoryError> {
        write_document(&self.path, document)
    }
}

/// A directory that a run may be written to.
///
/// # Errors
/// When it holds something already, or is no directory.
pub fn check_vacant(path: &Path) -> Result<(), DirectoryError> {
    match fs::read_dir(path).map(Iterator::count) {
        Ok(0) => Ok(()),
        Ok(_) => Err(DirectoryError::NotEmpty(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => {
            Err(DirectoryError::Io { action: "use as a directory", path: path.to_owned(), source })
        }
    }
}

fn write_document(directory: &Path, document: &RunDocument) -> Result<(), DirectoryError> {
    write_json(directory, DOCUMENT_FILE, document)
}

/// Writes beside the file and then takes its place: a reader never sees half of it.
pub(crate) fn write_json(
    directory: &Path,
    name: &str,
    document: &impl serde::Serialize,
) -> Result<(), DirectoryError> {
    let path = directory.join(name);
    let beside = directory.join(format!(".{name}.new"));
    let write = || {
        let mut file = File::create(&beside)?;
        serde_json::to_writer_pretty(&mut file, document)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    };
    write().map_err(DirectoryError::io("write", &path))
}

/// Reads a document of a run directory; `None` where there is none.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(
    directory: &Path,
    name: &str,
) -> Result<Option<T>, DirectoryError> {
    let path = directory.join(name);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(DirectoryError::AFile(directory.to_owned()));
        }
        Err(error) => return Err(DirectoryError::io("read", &path)(error)),
    };
    serde_json::from_str(&text).map(Some).map_err(|error| DirectoryError::unreadable(&path, &error))
}

/// A run directory that is read.
#[derive(Debug)]
pub struct RecordedRun {
    path: PathBuf,
    /// The document. A run whose end was never written stands as incomplete.
    pub document: RunDocument,
}

impl RecordedRun {
    /// Reads the document of a run directory.
    ///
    /// # Errors
    /// When there is none, or it is of another schema.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        let file = path.join(DOCUMENT_FILE);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(DirectoryError::NoRun(path.to_owned()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(DirectoryError::AFile(path.to_owned()));
            }
            Err(error) => return Err(DirectoryError::io("read", &file)(error)),
        };
        let mut document: RunDocument =
            serde_json::from_str(&text).map_err(|error| DirectoryError::unreadable(&file, &error))?;
        if document.schema != SCHEMA {
            let message = format!(
                "the schema is `{}`, this version reads `{SCHEMA}`; read it with the version of Loadline that wrote it",
                document.schema
            );
            return Err(DirectoryError::Document { path: file, message });
        }
        if document.status == Status::Running {
            document.status = Status::Incomplete;
            document.ended_by =
                Some("its end was never written: it was killed, or is still going on".to_owned());
        }
        Ok(RecordedRun { path: path.to_owned(), document })
    }

    /// What was measured, second by second, in bounded memory.
    ///
    /// # Errors
    /// When a file is missing or damaged.
    pub fn seconds(
        &self,
    ) -> Result<impl Iterator<Item = Result<Second, DirectoryError>> + use<>, DirectoryError> {
        let open = |name: &str| {
            let file = self.path.join(name);
            File::open(&file).map(BufReader::new).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => DirectoryError::Missing(file.clone()),
                _ => DirectoryError::io("read", &file)(error),
            })
        };
        let path = self.path.clone();
        let reader = Reader::new(open(INTERVALS_FILE)?, open(LOG_FILE)?);
        let named = move |source| DirectoryError::Recording { path: path.clone(), source };
        Ok(reader.map(move |second| second.map_err(&named)))
    }
}
