//! Durations, rates and sizes as people write them: `250us`, `1.5s`, `500/s`, `10KiB`.
//!
//! Numbers are decimal and are read exactly; a unit is always needed. What `format_*` writes, `parse_*` reads
//! back as the same value.

use std::time::Duration;

/// Why a quantity was not understood, and how to write it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct UnitError {
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: String,
}

fn error<T>(message: impl Into<String>, help: &str) -> Result<T, UnitError> {
    Err(UnitError { message: message.into(), help: help.into() })
}

const DURATIONS: [(&str, u128); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];
const DURATION_HELP: &str =
    "write a number and a unit (ns, us, ms, s, m, h), such as `250ms`, `1.5s` or `2m`";

/// Reads `250us`, `20ms`, `1.5s`, `2m`, `1h`; at most 1,000,000 hours.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let (number, unit) = split(text, "duration", DURATION_HELP)?;
    let unit = if unit == "µs" { "us" } else { unit };
    let Some(&(_, scale)) = DURATIONS.iter().find(|(name, _)| *name == unit) else {
        return error(unknown_unit(text, unit, "duration"), DURATION_HELP);
    };
    match scaled(number, scale) {
        Some(nanos) if nanos <= 1_000_000 * DURATIONS[0].1 => {
            Ok(Duration::new((nanos / 1_000_000_000) as u64, (nanos % 1_000_000_000) as u32))
        }
        Some(_) => error(format!("the duration `{text}` is too long"), "the longest is `1000000h`"),
        None => error(
            format!("`{text}` is not a whole number of nanoseconds"),
            "use fewer digits or a smaller unit",
        ),
    }
}

/// Writes a duration in the largest unit in which it is a whole number.
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".into();
    }
    let (unit, scale) =
        DURATIONS.iter().find(|(_, scale)| nanos.is_multiple_of(*scale)).expect("1 divides all");
    format!("{}{unit}", nanos / scale)
}

const RATES: [(&str, f64); 3] = [("s", 1.0), ("m", 60.0), ("h", 3600.0)];
const RATE_HELP: &str = "write a number per second, minute or hour, such as `500/s`, `30/m` or `5/h`";

/// Reads `500/s`, `30/m`, `5/h` into a rate per second.
pub fn parse_rate(text: &str) -> Result<f64, UnitError> {
    let (number, unit) = split(text, "rate", RATE_HELP)?;
    let scale =
        unit.strip_prefix('/').and_then(|per| RATES.iter().find(|(name, _)| *name == per.trim_start()));
    let Some(&(_, scale)) = scale else {
        return error(unknown_unit(text, unit, "rate"), RATE_HELP);
    };
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value / scale),
        _ => error(format!("the rate `{text}` is too large"), RATE_HELP),
    }
}

/// Writes a rate per second; below one a second per minute or hour where that is exact.
pub fn format_rate(per_s: f64) -> String {
    let slow = RATES[1..].iter().find(|(_, scale)| {
        let value = per_s * scale;
        per_s > 0.0 && per_s < 1.0 && value.fract() == 0.0 && value / scale == per_s
    });
    match slow {
        Some((unit, scale)) => format!("{}/{unit}", per_s * scale),
        None => format!("{per_s}/s"),
    }
}

const SIZES: [(&str, u128); 8] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("KB", 1_000),
    ("B", 1),
];
const SIZE_HELP: &str = "write a number and a unit (B, kB, KiB, MB, MiB, GB, GiB), such as `10KiB` or `5MB`";

/// Reads `10KiB`, `5MB`, `512B` into bytes.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let (number, unit) = split(text, "size", SIZE_HELP)?;
    let Some(&(_, scale)) = SIZES.iter().find(|(name, _)| *name == unit) else {
        return error(unknown_unit(text, unit, "size"), SIZE_HELP);
    };
    match scaled(number, scale).map(u64::try_from) {
        Some(Ok(bytes)) => Ok(bytes),
        Some(Err(_)) => error(format!("the size `{text}` is too large"), SIZE_HELP),
        None => error(format!("`{text}` is not a whole number of bytes"), SIZE_HELP),
    }
}

/// Writes bytes in the largest unit in which they are a whole number.
pub fn format_size(bytes: u64) -> String {
    if bytes == 0 {
        return "0B".into();
    }
    let bytes = u128::from(bytes);
    let fits = |(_, scale): &&(&str, u128)| bytes.is_multiple_of(*scale);
    let (unit, scale) = SIZES.iter().find(fits).expect("1 divides all");
    format!("{}{unit}", bytes / scale)
}

/// Splits `1.5s` into `1.5` and `s`.
fn split<'a>(text: &'a str, what: &str, help: &str) -> Result<(&'a str, &'a str), UnitError> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim_start());
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 || number.bytes().filter(|&b| b == b'.').count() > 1 {
        return error(format!("`{text}` is not a {what}"), help);
    }
    if digits > 24 {
        return error(format!("the {what} `{text}` has too many digits"), help);
    }
    if unit.is_empty() {
        return error(format!("the {what} `{text}` has no unit"), help);
    }
    Ok((number, unit))
}

fn unknown_unit(text: &str, unit: &str, what: &str) -> String {
    format!("`{unit}` in `{}` is not a unit of a {what}", text.trim())
}

/// `number * scale`, where that is whole.
fn scaled(number: &str, scale: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits: u128 = format!("0{whole}{fraction}").parse().ok()?;
    let product = digits.checked_mul(scale)?;
    let tens = 10u128.checked_pow(fraction.len() as u32)?;
    product.is_multiple_of(tens).then(|| product / tens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_exactly() {
        for (text, nanos) in [
            ("250us", 250_000),
            ("20ms", 20_000_000),
            ("1.5s", 1_500_000_000),
            ("2m", 120_000_000_000),
            ("1h", 3_600_000_000_000),
            (".5s", 500_000_000),
            ("0s", 0),
            ("3µs", 3_000),
        ] {
            assert_eq!(parse_duration(text).unwrap().as_nanos(), nanos, "{text}");
        }
        for bad in ["", "5", "s", "1.2.3s", "-1s", "5 parsecs", "0.1ns", "1e3s", "99999999999h", "∞s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_and_sizes_are_read() {
        assert_eq!(parse_rate("500/s"), Ok(500.0));
        assert_eq!(parse_rate("30/m"), Ok(0.5));
        assert_eq!(parse_rate("36 / h"), Ok(0.01));
        assert_eq!(parse_size("10KiB"), Ok(10_240));
        assert_eq!(parse_size("1.5MB"), Ok(1_500_000));
        assert_eq!(parse_rate("500").unwrap_err().message, "the rate `500` has no unit");
        assert_eq!(parse_rate("500/d").unwrap_err().message, "`/d` in `500/d` is not a unit of a rate");
        assert!(parse_size("1.5B").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(nanos in 0u64..3_600_000_000_000_000, rate in 0.0f64..1e9, bytes: u64) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
            let rate: f64 = format!("{rate:.6}").parse().unwrap();
            prop_assert_eq!(parse_rate(&format_rate(rate)), Ok(rate));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,12}") {
            let _ = (parse_duration(&text), parse_rate(&text), parse_size(&text));
        }
    }
}
