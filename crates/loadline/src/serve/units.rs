//! Durations and shares as they stand in service times and stalls.

use loadline_model::units::{UnitError, parse_duration};

/// `250us`, `20ms`, `1.5s`, `2m` or `1h`, in milliseconds.
///
/// # Errors
/// What is wrong with it, and how to write it.
pub fn duration_ms(text: &str) -> Result<f64, UnitError> {
    parse_duration(text).map(|duration| duration.as_nanos() as f64 / 1e6)
}

/// `1%` or `0.01`, as a share from 0 to 1.
///
/// # Errors
/// What is wrong with it, and how to write it.
pub fn share(text: &str) -> Result<f64, UnitError> {
    let (number, scale) = text.trim().strip_suffix('%').map_or((text.trim(), 1.0), |number| (number, 100.0));
    let share = number.trim_end().parse::<f64>().ok().map(|number| number / scale);
    share.filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| UnitError {
        message: format!("`{text}` is not a share"),
        help: "write it as a percentage or a fraction, such as `1%` or `0.01`".into(),
    })
}
