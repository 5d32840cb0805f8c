//! Values as people write them in plans and flags.

use crate::{
    scenario::{read::Reader, yaml::Node},
    units,
};

/// What a value has to keep, and the way out where it does not.
pub(super) type Limits<T> = (fn(T) -> bool, &'static str);

/// Reads a number or per cents: `0.95`, `95%`.
pub fn parse_fraction(text: &str) -> Result<f64, String> {
    let (digits, scale) = match text.trim().strip_suffix('%') {
        Some(digits) => (digits, 100.0),
        None => (text, 1.0),
    };
    let value = digits.trim().parse::<f64>().ok().filter(|v| v.is_finite());
    value
        .map(|v| v / scale)
        .ok_or_else(|| format!("`{text}` is no number; write one such as `0.95` or `95%`"))
}

/// Reads `14d`, `2w` or a duration of [`units`] into seconds.
pub fn parse_span(text: &str) -> Result<f64, String> {
    let text = text.trim();
    for (unit, seconds) in [("w", 604_800.0), ("d", 86_400.0)] {
        let count = text.strip_suffix(unit).and_then(|n| n.trim().parse::<f64>().ok());
        if let Some(count) = count.filter(|c| c.is_finite() && *c >= 0.0) {
            return Ok(count * seconds);
        }
    }
    let help = |_| format!("`{text}` is no duration; write one such as `14d`, `2w` or `36h`");
    units::parse_duration(text).map(|d| d.as_secs_f64()).map_err(help)
}

/// Days in a month, on average over the Gregorian calendar's 400 years: 146,097 / 4,800.
pub const MONTH_DAYS: f64 = 30.436_875;

/// Reads a price of one instance into a price a month: `140`, `140/month`, `0.19/h`, `4.6/day`, `1680/year`.
pub fn parse_price(text: &str) -> Result<f64, String> {
    let help = "write one such as `140/month` or `0.19/h`";
    let (amount, unit) = text.split_once('/').unwrap_or((text, "month"));
    let months = match unit.trim() {
        "h" | "hour" => 24.0 * MONTH_DAYS,
        "d" | "day" => MONTH_DAYS,
        "month" | "mo" => 1.0,
        "y" | "year" => 1.0 / 12.0,
        other => return Err(format!("`{other}` in `{text}` is no unit of a price; {help}")),
    };
    let amount = amount.trim().parse::<f64>().ok().filter(|a| a.is_finite() && *a >= 0.0);
    amount.map(|a| a * months).ok_or_else(|| format!("`{text}` is no price of an instance; {help}"))
}

/// What a demand counts by; reads `second`, `minute`, `hour`, `day` (or `s`, `min`, `h`, `d`) into seconds.
pub fn parse_per(text: &str) -> Result<f64, String> {
    match text.trim() {
        "s" | "second" => Ok(1.0),
        "min" | "minute" => Ok(60.0),
        "h" | "hour" => Ok(3600.0),
        "d" | "day" => Ok(86_400.0),
        other => Err(format!("`{other}` is no unit of time; write second, minute, hour or day")),
    }
}

/// Reads a text with `parse` and keeps it where it `fits`.
pub(super) fn value<T: Copy>(
    node: Option<&Node>,
    field: &str,
    reader: &mut Reader,
    parse: fn(&str) -> Result<T, String>,
    (fits, help): Limits<T>,
) -> Option<T> {
    let node = node?;
    let text = reader.text(node, field)?;
    match parse(&text.value) {
        Ok(value) if fits(value) => Some(value),
        Ok(_) => {
            reader.problem("out-of-range", node.span, format!("`{field}` cannot be `{}`", text.value), help);
            None
        }
        Err(message) => {
            // The way out stands beside the message, not in it.
            let message = message.split("; ").next().unwrap_or(&message).to_owned();
            reader.problem("unit", node.span, message, help);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_people_write_them() {
        assert_eq!(parse_fraction("95%"), Ok(0.95));
        assert_eq!(parse_span("2w"), Ok(1_209_600.0));
        assert_eq!((parse_price("140"), parse_price("140/month")), (Ok(140.0), Ok(140.0)));
        // 0.20 an hour is 146.1 in an average month of 730.485 hours.
        assert!((parse_price("0.20/h").unwrap() - 146.097).abs() < 1e-9);
        assert_eq!(parse_price("1200/year"), Ok(100.0));
        for text in ["", "x", "-3", "4/fortnight", "inf/month"] {
            assert!(parse_price(text).is_err(), "{text}");
        }
        assert_eq!(parse_per("minute"), Ok(60.0));
        assert!(parse_per("fortnight").unwrap_err().contains("second, minute"));
    }
}
