//! Columns of a frame as times, numbers and names.

use polars::prelude::{Column, DataType, Float64Chunked, Int64Chunked, StringChunked};
use polars_core::datatypes::{ArrowDataType, ArrowTimeUnit};

/// Whether values of this type are numbers.
pub(super) fn is_number(dtype: &ArrowDataType) -> bool {
    use ArrowDataType as D;
    matches!(dtype, D::Int8 | D::Int16 | D::Int32 | D::Int64 | D::UInt8 | D::UInt16 | D::UInt32 | D::UInt64)
        || matches!(dtype, D::Float32 | D::Float64 | D::Decimal(..))
}

/// How many a second has; `None` for what is no timestamp.
pub(super) fn units_per_s(dtype: &ArrowDataType) -> Option<i64> {
    match dtype {
        ArrowDataType::Timestamp(ArrowTimeUnit::Second, _) => Some(1),
        ArrowDataType::Timestamp(ArrowTimeUnit::Millisecond, _) => Some(1_000),
        ArrowDataType::Timestamp(ArrowTimeUnit::Microsecond, _) => Some(1_000_000),
        ArrowDataType::Timestamp(ArrowTimeUnit::Nanosecond, _) => Some(1_000_000_000),
        _ => None,
    }
}

/// The texts of a column of texts.
pub(super) fn texts(column: &Column) -> &StringChunked {
    column.str().expect("a column of texts")
}

/// What a column of timestamps or dates counts, since 1970; where one is missing, null.
pub(super) fn counts(column: &Column) -> Int64Chunked {
    let counts = column.as_materialized_series().to_physical_repr().cast(&DataType::Int64);
    let counts = counts.expect("times are whole numbers beneath");
    counts.i64().expect("cast just now").rechunk().into_owned()
}

/// Numbers of whatever type; those that are missing are NaN.
pub(super) fn numbers(column: &Column) -> Float64Chunked {
    let numbers = column.as_materialized_series().cast(&DataType::Float64).expect("a column of numbers");
    let numbers = numbers.f64().expect("cast just now");
    if numbers.null_count() == 0 {
        return numbers.rechunk().into_owned();
    }
    let filled = numbers.iter().map(|number| number.unwrap_or(f64::NAN)).collect();
    Float64Chunked::from_vec(numbers.name().clone(), filled)
}
