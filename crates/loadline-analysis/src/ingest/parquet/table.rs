//! What a Parquet file says of itself, and the bytes of its columns.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field};
use polars_buffer::Buffer;
use polars_parquet::read::{
    ColumnChunkMetadata, FileMetadata, read_metadata, schema::parquet_to_arrow_schema,
};

use super::super::{IngestError, Reading, columns::Chosen};
use super::{PIECE_ROWS, decode, piece::Piece};

/// A file with the columns that are to be read.
pub(super) struct Table<'a> {
    file: &'a File,
    pub(super) name: &'a str,
    metadata: FileMetadata,
    pub(super) time: Field,
    pub(super) value: Option<Field>,
    pub(super) series: Option<Field>,
}

/// A column chunk of one row group: read when it is needed, by whoever needs it first.
pub(super) struct Chunks {
    group: usize,
    time: OnceLock<io::Result<Buffer<u8>>>,
    value: OnceLock<io::Result<Buffer<u8>>>,
    series: OnceLock<io::Result<Buffer<u8>>>,
}

/// The part that a column plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Time,
    Value,
    Series,
}

impl<'a> Table<'a> {
    pub(super) fn open(file: &'a File, name: &'a str, reading: &Reading) -> Result<Table<'a>, IngestError> {
        let broken = |message: String| {
            IngestError::new(name, None, message, "is it a whole Parquet file? write it again, or give CSV")
        };
        let mut handle = file.try_clone().map_err(|e| broken(format!("it cannot be read: {e}")))?;
        let metadata =
            read_metadata(&mut handle).map_err(|e| broken(format!("its footer cannot be read: {e}")))?;
        check(&metadata, file).map_err(broken)?;
        let fields = metadata.schema().fields();
        let mut names: Vec<&str> = fields.iter().map(|f| f.name()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
            return Err(broken(format!("two columns are named `{}`", twice[0])));
        }
        let schema = parquet_to_arrow_schema(fields);
        let names: Vec<String> = schema.iter_names().map(ToString::to_string).collect();
        let field = |at: usize| schema.get_at_index(at).expect("chosen among them").1.clone();
        let mut table =
            Table { file, name, metadata, time: field_or_none(&schema), value: None, series: None };
        let first = table.samples(&schema)?;
        let Chosen { time, value, series } = reading.choose(name, &names, &first).map_err(without_line)?;
        (table.time, table.value, table.series) = (field(time), value.map(field), series.map(field));
        Ok(table)
    }

    /// Rows in pieces, none of them over the end of a row group.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut before = 0;
        for (group, metadata) in self.metadata.row_groups.iter().enumerate() {
            let rows = metadata.num_rows();
            for from in (0..rows).step_by(PIECE_ROWS) {
                let to = (from + PIECE_ROWS).min(rows);
                pieces.push(Piece {
                    group,
                    rows: from..to,
                    whole: to - from == rows,
                    before: before + from as u64,
                });
            }
            before += rows as u64;
        }
        pieces
    }

    /// Places for the bytes of the row groups of these neighbours.
    pub(super) fn load(&self, wave: &[Piece]) -> Vec<Chunks> {
        let groups = wave[0].group..=wave[wave.len() - 1].group;
        groups
            .map(|group| Chunks {
                group,
                time: OnceLock::new(),
                value: OnceLock::new(),
                series: OnceLock::new(),
            })
            .collect()
    }

    fn chunk(&self, group: usize, field: &Field) -> Option<&ColumnChunkMetadata> {
        self.metadata.row_groups[group].columns_under_root_iter(&field.name)?.next()
    }

    /// The description and the bytes of a column in a row group.
    pub(super) fn column<'b>(
        &'b self,
        chunks: &Chunks,
        field: &Field,
        role: Role,
    ) -> Result<(&'b ColumnChunkMetadata, Buffer<u8>), String> {
        let metadata = self.chunk(chunks.group, field).ok_or("it has no data")?;
        let place = match role {
            Role::Time => &chunks.time,
            Role::Value => &chunks.value,
            Role::Series => &chunks.series,
        };
        let bytes = place.get_or_init(|| read_range(self.file, metadata.byte_range()));
        match bytes {
            Ok(bytes) => Ok((metadata, bytes.clone())),
            Err(error) => Err(format!("it cannot be read: {error}")),
        }
    }

    /// A first value of each column as text, as far as a choice between columns needs it.
    fn samples(&self, schema: &ArrowSchema) -> Result<Vec<String>, IngestError> {
        let group = self.metadata.row_groups.iter().position(|group| group.num_rows() > 0);
        let sample = |field: &Field| match (&field.dtype, group) {
            (ArrowDataType::Timestamp(..) | ArrowDataType::Date32, _) => Ok("2000-01-01".to_owned()),
            (ArrowDataType::Utf8View, Some(group)) => {
                let chunk = self.chunk(group, field).ok_or("it has no data".to_owned())?;
                let bytes = read_range(self.file, chunk.byte_range()).map_err(|e| e.to_string())?;
                decode::first_text(chunk, bytes, field)
            }
            (dtype, _) if decode::is_number(dtype) => Ok("1".to_owned()),
            _ => Ok(String::new()),
        };
        let of = |field: &Field| {
            sample(field).map_err(|message| {
                let message = format!("column `{}`: {message}", field.name);
                IngestError::new(self.name, None, message, "write the file again, or give CSV")
            })
        };
        schema.iter_values().map(of).collect()
    }
}

/// The most rows of a row group. Writers keep far below it; a damaged count must not make us ask for all memory.
const GROUP_ROWS_MAX: usize = 1 << 31;

/// What the footer says has to fit together and into the file.
fn check(metadata: &FileMetadata, file: &File) -> Result<(), String> {
    let length = file.metadata().map_err(|error| format!("it cannot be read: {error}"))?.len();
    let mut rows = 0usize;
    for (at, group) in metadata.row_groups.iter().enumerate() {
        let counted = group.num_rows();
        if counted > GROUP_ROWS_MAX || group.byte_ranges_iter().any(|r| r.start > r.end || r.end > length) {
            return Err(format!("its footer is damaged: row group {} does not fit into the file", at + 1));
        }
        rows += counted;
    }
    if rows != metadata.num_rows {
        return Err(format!("its footer is damaged: {rows} rows in groups, {} in all", metadata.num_rows));
    }
    Ok(())
}

/// Stands in until the columns are chosen.
fn field_or_none(schema: &ArrowSchema) -> Field {
    schema.get_at_index(0).map_or_else(Field::default, |(_, field)| field.clone())
}

/// A table has no lines.
fn without_line(error: IngestError) -> IngestError {
    IngestError { line: None, ..error }
}

fn read_range(file: &File, range: Range<u64>) -> io::Result<Buffer<u8>> {
    let mut bytes = vec![0; (range.end - range.start) as usize];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(Buffer::from_vec(bytes))
}
