//! Durations, sizes and shares as people write them on a command line.

/// `250us`, `20ms`, `1.5s`, `2m`, `1h` or a bare `0`, in milliseconds.
pub fn duration_ms(text: &str) -> Result<f64, String> {
    let units = [("us", 1e-3), ("µs", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 60e3), ("h", 3600e3)];
    scaled(text, &units)
        .ok_or_else(|| format!("`{text}` is not a duration; write it like 250us, 20ms or 1.5s"))
}

/// `10KiB`, `2MB`, `512B` or a bare number, in bytes.
pub fn bytes(text: &str) -> Result<usize, String> {
    let (k, ki) = (1e3, 1024.0);
    let units = [
        ("KiB", ki),
        ("MiB", ki * ki),
        ("GiB", ki * ki * ki),
        ("kB", k),
        ("KB", k),
        ("MB", k * k),
        ("GB", k * k * k),
        ("B", 1.0),
        ("", 1.0),
    ];
    let size = scaled(text, &units).filter(|size| size.fract() == 0.0 && *size <= u32::MAX as f64);
    size.map(|size| size as usize)
        .ok_or_else(|| format!("`{text}` is not a size; write it like 10KiB or 512B"))
}

/// `1%` or `0.01`, as a share from 0 to 1.
pub fn share(text: &str) -> Result<f64, String> {
    let share = scaled(text, &[("%", 0.01), ("", 1.0)]).filter(|share| *share <= 1.0);
    share.ok_or_else(|| format!("`{text}` is not a share; write it like 1% or 0.01"))
}

fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let text = text.trim();
    if text == "0" {
        return Some(0.0);
    }
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let scale = units.iter().find(|(name, _)| *name == unit.trim())?.1;
    number.parse::<f64>().ok().map(|value| value * scale).filter(|value| value.is_finite())
}
