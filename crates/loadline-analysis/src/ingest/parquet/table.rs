//! What a Parquet file says of itself, and frames of its rows.

use std::fs::File;

use polars::prelude::{Column, DataFrame, PolarsResult};
use polars_core::prelude::{ArrowDataType, ArrowField, ArrowSchema};
use polars_io::SerReader;
use polars_io::parquet::metadata::{FileMetadata, FileMetadataRef};
use polars_io::parquet::read::{ParallelStrategy, ParquetReader, infer_schema};

use super::super::{Aggregate, IngestError, Reading, columns::Chosen};
use super::{PIECE_ROWS, column, guard::guarded, pages, piece::Piece};

/// A file with the columns that are to be read.
pub(super) struct Table<'a> {
    file: &'a File,
    pub(super) name: &'a str,
    /// Each row group as if it were the only one: a reader then goes nowhere else.
    groups: Vec<FileMetadataRef>,
    pub(super) time: ArrowField,
    /// None where rows are counted.
    pub(super) value: Option<ArrowField>,
    pub(super) series: Option<ArrowField>,
}

impl<'a> Table<'a> {
    pub(super) fn open(file: &'a File, name: &'a str, reading: &Reading) -> Result<Table<'a>, IngestError> {
        let broken = |message: String| {
            IngestError::new(name, None, message, "is it a whole Parquet file? write it again, or give CSV")
        };
        let footer =
            guarded(|| footer(file)).map_err(|e| broken(format!("its footer cannot be read: {e}")))?;
        check(&footer, file).map_err(broken)?;
        let mut names: Vec<&str> = footer.schema().fields().iter().map(|f| f.name()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
            return Err(broken(format!("two columns are named `{}`", twice[0])));
        }
        let schema = guarded(|| infer_schema(&footer))
            .map_err(|error| broken(format!("its footer cannot be read: {error}")))?;
        let names: Vec<String> = schema.iter_names().map(ToString::to_string).collect();
        let field = |at: usize| schema.get_at_index(at).expect("chosen among them").1.clone();
        let mut table = Table {
            file,
            name,
            groups: groups(footer),
            time: ArrowField::default(),
            value: None,
            series: None,
        };
        let first = table.samples(&schema)?;
        let Chosen { time, value, series } = reading.choose(name, &names, &first).map_err(without_line)?;
        let value = value.filter(|_| reading.aggregate != Aggregate::Count);
        (table.time, table.value, table.series) = (field(time), value.map(field), series.map(field));
        table.check_types()?;
        Ok(table)
    }

    /// The columns to read.
    pub(super) fn columns(&self) -> Vec<&ArrowField> {
        [Some(&self.time), self.value.as_ref(), self.series.as_ref()].into_iter().flatten().collect()
    }

    /// Whether the columns hold what they are to say.
    fn check_types(&self) -> Result<(), IngestError> {
        let is_time =
            |dtype: &ArrowDataType| column::units_per_s(dtype).is_some() || *dtype == ArrowDataType::Date32;
        for (field, may_be_time, lack, flag) in [
            (Some(&self.time), true, "no times", "--time"),
            (self.value.as_ref(), false, "no numbers", "--value"),
            (self.series.as_ref(), false, "neither text nor numbers", "--series"),
        ] {
            let Some(field) = field else { continue };
            let dtype = &field.dtype;
            let fits = *dtype == ArrowDataType::Utf8View
                || column::is_number(dtype)
                || may_be_time && is_time(dtype);
            if !fits {
                let message = format!("column `{}` holds {lack}", field.name);
                return Err(IngestError::new(self.name, None, message, format!("name another with {flag}")));
            }
        }
        Ok(())
    }

    /// Rows in pieces, none of them over the end of a row group.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut before = 0;
        for (group, metadata) in self.groups.iter().enumerate() {
            for from in (0..metadata.num_rows).step_by(PIECE_ROWS) {
                let to = (from + PIECE_ROWS).min(metadata.num_rows);
                pieces.push(Piece { group, rows: from..to, before: before + from as u64 });
            }
            before += metadata.num_rows as u64;
        }
        pieces
    }

    /// The rows of `piece` in these columns.
    pub(super) fn frame(&self, piece: &Piece, columns: &[&ArrowField]) -> Result<DataFrame, IngestError> {
        let frame = self.read(piece, columns);
        frame.map_err(|error| {
            // Which of them is to blame, a frame does not say.
            let alone = columns.iter().find_map(|column| Some((*column, self.read(piece, &[column]).err()?)));
            let (column, error) = alone.unwrap_or((columns[0], error));
            let message = format!("column `{}` cannot be decoded: {error}", column.name);
            IngestError::new(self.name, None, message, "write the file again, or give CSV")
        })
    }

    fn read(&self, piece: &Piece, columns: &[&ArrowField]) -> Result<DataFrame, String> {
        let (rows, group) = (piece.rows.len(), &self.groups[piece.group]);
        let names = columns.iter().map(|column| column.name.to_string()).collect();
        for chunk in
            columns.iter().filter_map(|c| group.row_groups[0].columns_under_root_iter(&c.name)).flatten()
        {
            pages::check(self.file, chunk.byte_range(), chunk.num_values(), group.num_rows)?;
        }
        let frame = guarded(|| {
            let mut reader = ParquetReader::new(self.file.try_clone()?);
            reader.set_metadata(group.clone());
            reader
                .with_columns(Some(names))
                .with_slice(Some((piece.rows.start, rows)))
                // Pieces are read at the same time, not what is within one.
                .read_parallel(ParallelStrategy::None)
                .finish()
        })?;
        match frame.columns().iter().map(Column::len).find(|len| *len != rows) {
            Some(found) => Err(format!("it has {found} of {rows} rows")),
            None => Ok(frame),
        }
    }

    /// A first value of each column as text, as far as a choice between columns needs it.
    fn samples(&self, schema: &ArrowSchema) -> Result<Vec<String>, IngestError> {
        let first = self.pieces().first().map(|piece| Piece { rows: 0..1, ..piece.clone() });
        let sample = |field: &ArrowField| match (&field.dtype, &first) {
            (ArrowDataType::Timestamp(..) | ArrowDataType::Date32, _) => Ok("2000-01-01".to_owned()),
            (ArrowDataType::Utf8View, Some(piece)) => {
                let frame = self.frame(piece, &[field])?;
                let texts = column::texts(&frame.columns()[0]);
                Ok(texts.get(0).unwrap_or_default().to_owned())
            }
            (dtype, _) if column::is_number(dtype) => Ok("1".to_owned()),
            _ => Ok(String::new()),
        };
        schema.iter_values().map(sample).collect()
    }
}

/// What the end of a file says, without what writers add for themselves: the types are those of Parquet.
fn footer(file: &File) -> PolarsResult<FileMetadata> {
    let mut reader = ParquetReader::new(file.try_clone()?);
    let footer = reader.get_metadata()?.as_ref().clone();
    Ok(FileMetadata { key_value_metadata: None, ..footer })
}

fn groups(mut footer: FileMetadata) -> Vec<FileMetadataRef> {
    let mut groups: Vec<FileMetadataRef> = Vec::new();
    for group in std::mem::take(&mut footer.row_groups) {
        let num_rows = group.num_rows();
        groups.push(FileMetadata { num_rows, row_groups: vec![group], ..footer.clone() }.into());
    }
    groups
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

/// A table has no lines.
fn without_line(error: IngestError) -> IngestError {
    IngestError { line: None, ..error }
}
