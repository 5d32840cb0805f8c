//! Figures as people read them: units, thousands separators, three significant digits.

/// What stands for a figure that does not exist.
pub const NONE: &str = "—";

/// A count: `30,000`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with at least three significant digits, no trailing zeros, and separators: `8.8`, `0.125`, `12,345`; as a
/// power of ten where it is longer than people read: `1.31e18`, `2.5e-9`.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let magnitude = value.abs();
    let decimals = match magnitude {
        m if m < 1e-12 => return "0".to_owned(),
        m if !(1e-6..1e15).contains(&m) => return power_of_ten(value),
        m if m >= 999.5 => 0,
        m => (2 - (m.log10() + 1e-9).floor() as i32).clamp(0, 9) as usize,
    };
    let text = format!("{magnitude:.decimals$}");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    let part = part.trim_end_matches('0');
    let sign = if value < 0.0 { "−" } else { "" };
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// Three significant digits and a power of ten.
fn power_of_ten(value: f64) -> String {
    let text = format!("{:.2e}", value.abs());
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    format!("{}{digits}e{power}", if value < 0.0 { "−" } else { "" })
}

/// A duration given in milliseconds: `80 µs`, `8.8 ms`, `1.23 s`.
pub fn ms(value: f64) -> String {
    match value.abs() {
        v if v > 0.0 && v < 0.9995 => format!("{} µs", number(value * 1e3)),
        v if v < 999.5 => format!("{} ms", number(value)),
        _ => format!("{} s", number(value / 1e3)),
    }
}

/// A rate per second without its unit: `500`, `499.9`, `12,345`.
pub fn rate(per_s: f64) -> String {
    if (100.0..999.95).contains(&per_s) {
        let text = format!("{per_s:.1}");
        return text.strip_suffix(".0").unwrap_or(&text).to_owned();
    }
    number(per_s)
}

/// A share as per cent: `0.01%`, `41%`.
pub fn percent(ratio: f64) -> String {
    if ratio.is_finite() { format!("{}%", number(ratio * 100.0)) } else { NONE.to_owned() }
}

/// A size: `1.5 MiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", number(value), UNITS[unit])
}

/// Seconds since the start as `m:ss`, or `h:mm:ss` from an hour on.
pub fn clock(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

/// A length of time in words: `20 s`, `2 min 30 s`, `1 h 5 min`.
pub fn length(seconds: f64) -> String {
    if seconds < 120.0 {
        return format!("{} s", number(seconds));
    }
    let s = seconds.round() as u64;
    let parts = [(s / 3600, "h"), (s / 60 % 60, "min"), (s % 60, "s")];
    let words: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, u)| format!("{n} {u}")).collect();
    words.join(" ")
}

/// `1 request`, `2 requests`.
pub fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A figure of an objective with its unit (`ms`, `ratio`, `per_s`).
pub fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "ms" => ms(value),
        "ratio" => percent(value),
        "per_s" => format!("{}/s", rate(value)),
        other => format!("{} {other}", number(value)),
    }
}

/// Words of a command as a shell reads them.
pub fn command(words: &[String]) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@,%+".contains(c);
    let quoted = |word: &String| match word {
        word if !word.is_empty() && word.chars().all(plain) => word.clone(),
        word => format!("'{}'", word.replace('\'', r"'\''")),
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `<` and spaces would do to a command that is pasted.
    #[test]
    fn commands_are_as_a_shell_reads_them() {
        let words =
            ["loadline", "run", "http://a:80/?x=1&y", "--slo", "p99 < 5ms", "it's", ""].map(str::to_owned);
        assert_eq!(command(&words), r"loadline run 'http://a:80/?x=1&y' --slo 'p99 < 5ms' 'it'\''s' ''");
    }

    #[test]
    fn figures_read_well() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let numbers = [0.0, 0.125, 8.8, 9.996, 21.0, 412.4, 999.6, 12_345.0, f64::NAN].map(number);
        assert_eq!(numbers, ["0", "0.125", "8.8", "10", "21", "412", "1,000", "12,345", "—"]);
        assert_eq!([1.312_9e18, -2.5e-9, 1e15, 9.99e14].map(number)[..3], ["1.31e18", "−2.5e-9", "1e15"]);
        let latencies = [0.0, 0.08, 0.9, 1.0, 8.8, 999.4, 999.7, 1234.0, 3_600_000.0].map(ms);
        assert_eq!(
            latencies,
            ["0 ms", "80 µs", "900 µs", "1 ms", "8.8 ms", "999 ms", "1 s", "1.23 s", "3,600 s"]
        );
        assert_eq!([0.0, 4.5, 499.9, 500.0, 49_999.6].map(rate), ["0", "4.5", "499.9", "500", "50,000"]);
        assert_eq!([0.0, 0.0001, 0.41, 1.0].map(percent), ["0%", "0.01%", "41%", "100%"]);
        assert_eq!([0, 1023, 1536, 5 << 30].map(bytes), ["0 B", "1,023 B", "1.5 KiB", "5 GiB"]);
        assert_eq!([0.0, 65.0, 3661.0].map(clock), ["0:00", "1:05", "1:01:01"]);
        assert_eq!(
            [3.0, 20.5, 150.0, 3900.0, 3600.0].map(length),
            ["3 s", "20.5 s", "2 min 30 s", "1 h 5 min", "1 h"]
        );
    }
}
