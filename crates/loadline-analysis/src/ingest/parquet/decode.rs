//! Columns of Parquet as times, numbers and names.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use polars_arrow::array::{Array, PrimitiveArray, Utf8ViewArray};
use polars_arrow::datatypes::{ArrowDataType, Field, TimeUnit};
use polars_arrow::types::NativeType;
use polars_buffer::Buffer;
use polars_parquet::read::{
    BasicDecompressor, ColumnChunkMetadata, Filter, PageReader, column_iter_to_arrays,
};

/// The most bytes of one page: writers make pages of about one MiB.
const PAGE_BYTES_MAX: usize = 1 << 30;

/// The arrays of one column, all of the same type.
pub(super) type Arrays = Vec<Box<dyn Array>>;

/// Decodes the rows of a column chunk; all of them without a `filter`.
pub(super) fn arrays(
    metadata: &ColumnChunkMetadata,
    bytes: Buffer<u8>,
    field: &Field,
    filter: Option<Filter>,
) -> Result<Arrays, String> {
    let pages = PageReader::new(Cursor::new(bytes), metadata, Vec::new(), PAGE_BYTES_MAX);
    let types = vec![&metadata.descriptor().descriptor.primitive_type];
    let pages = vec![BasicDecompressor::new(pages, Vec::new())];
    // The reader takes some damage for impossible and panics.
    let decoded =
        catch_unwind(AssertUnwindSafe(|| column_iter_to_arrays(pages, types, field.clone(), filter)));
    match decoded {
        Ok(Ok((arrays, _))) => Ok(arrays),
        Ok(Err(error)) => Err(format!("it cannot be decoded: {error}")),
        Err(_) => Err("it cannot be decoded: the file is damaged".to_owned()),
    }
}

/// The first text of a column; empty where it is missing.
pub(super) fn first_text(
    metadata: &ColumnChunkMetadata,
    bytes: Buffer<u8>,
    field: &Field,
) -> Result<String, String> {
    let arrays = arrays(metadata, bytes, field, Some(Filter::new_ranged(0, 1)))?;
    Ok(texts(&arrays).next().flatten().unwrap_or_default().to_owned())
}

/// Whether values of this type are numbers.
pub(super) fn is_number(dtype: &ArrowDataType) -> bool {
    use ArrowDataType as D;
    matches!(dtype, D::Int8 | D::Int16 | D::Int32 | D::Int64 | D::UInt8 | D::UInt16 | D::UInt32 | D::UInt64)
        || matches!(dtype, D::Float32 | D::Float64 | D::Decimal(..))
}

/// How many a second has; `None` for what is no timestamp.
pub(super) fn units_per_s(dtype: &ArrowDataType) -> Option<i64> {
    match dtype {
        ArrowDataType::Timestamp(TimeUnit::Second, _) => Some(1),
        ArrowDataType::Timestamp(TimeUnit::Millisecond, _) => Some(1_000),
        ArrowDataType::Timestamp(TimeUnit::Microsecond, _) => Some(1_000_000),
        ArrowDataType::Timestamp(TimeUnit::Nanosecond, _) => Some(1_000_000_000),
        _ => None,
    }
}

/// The texts of a column of texts.
pub(super) fn texts(arrays: &Arrays) -> impl Iterator<Item = Option<&str>> {
    arrays
        .iter()
        .flat_map(|array| array.as_any().downcast_ref::<Utf8ViewArray>().expect("a column of texts").iter())
}

fn primitives<T: NativeType>(arrays: &Arrays) -> impl Iterator<Item = &PrimitiveArray<T>> {
    arrays.iter().map(|array| array.as_any().downcast_ref().expect("the type that the schema says"))
}

/// Numbers of type `T`, those that are missing as `None`.
pub(super) fn natives<T: NativeType>(arrays: &Arrays) -> impl Iterator<Item = Option<T>> {
    primitives::<T>(arrays).flat_map(|array| array.iter().map(|value| value.copied()))
}

/// The only array of a column without missing values: nothing is copied.
pub(super) fn whole<T: NativeType>(arrays: &Arrays) -> Option<Buffer<T>> {
    let only = primitives::<T>(arrays).next().filter(|_| arrays.len() == 1)?;
    (only.null_count() == 0).then(|| only.values().clone())
}

/// Numbers of whatever type; those that are missing are NaN.
pub(super) fn numbers(arrays: &Arrays, dtype: &ArrowDataType) -> Option<Buffer<f64>> {
    use ArrowDataType as D;
    let missing = f64::NAN;
    fn all<T: NativeType>(arrays: &Arrays, number: impl Fn(T) -> f64) -> Vec<f64> {
        natives::<T>(arrays).map(|value| value.map_or(f64::NAN, &number)).collect()
    }
    let numbers = match dtype {
        D::Float64 => match whole::<f64>(arrays) {
            Some(numbers) => return Some(numbers),
            None => natives::<f64>(arrays).map(|value| value.unwrap_or(missing)).collect(),
        },
        D::Float32 => all(arrays, |v: f32| f64::from(v)),
        D::Int8 => all(arrays, |v: i8| f64::from(v)),
        D::Int16 => all(arrays, |v: i16| f64::from(v)),
        D::Int32 => all(arrays, |v: i32| f64::from(v)),
        D::Int64 => all(arrays, |v: i64| v as f64),
        D::UInt8 => all(arrays, |v: u8| f64::from(v)),
        D::UInt16 => all(arrays, |v: u16| f64::from(v)),
        D::UInt32 => all(arrays, |v: u32| f64::from(v)),
        D::UInt64 => all(arrays, |v: u64| v as f64),
        D::Decimal(_, scale) => {
            let unit = 10f64.powi(*scale as i32);
            all(arrays, |v: i128| v as f64 / unit)
        }
        _ => return None,
    };
    Some(Buffer::from_vec(numbers))
}
