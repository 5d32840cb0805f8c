//! Ranges of time, and their pieces. Pure.

/// The most points of a piece: Prometheus refuses more than 11,000 a series.
pub(super) const PIECE_POINTS: u64 = 10_000;

/// Points from `start_s` to `end_s`, both among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start_s: i64,
    pub(super) end_s: i64,
    pub(super) step_s: i64,
}

const WEEK_S: i64 = 604_800;

impl Range {
    /// The last `last_s` seconds before `now_s`. Points lie at whole steps since 1970 (weeks at Monday), so that the same
    /// question a little later has the same points.
    pub(super) fn last(last_s: f64, step_s: i64, now_s: i64) -> Range {
        let origin = if step_s % WEEK_S == 0 { 4 * 86_400 } else { 0 };
        let end_s = now_s - (now_s - origin).rem_euclid(step_s);
        let steps = (last_s / step_s as f64).floor() as i64;
        Range { start_s: end_s - (steps - 1).max(0) * step_s, end_s, step_s }
    }

    pub(super) fn points(&self) -> u64 {
        ((self.end_s - self.start_s) / self.step_s) as u64 + 1
    }

    /// Pieces of at most `points`, that have each point of the whole once.
    pub(super) fn split(self, points: u64) -> Vec<Range> {
        let length = self.step_s * points as i64;
        (0..self.points().div_ceil(points) as i64)
            .map(|piece| {
                let start_s = self.start_s + piece * length;
                Range { start_s, end_s: (start_s + length - self.step_s).min(self.end_s), ..self }
            })
            .collect()
    }
}

/// Seconds between points where nobody says: an hour from two weeks on, less below that, so that a day and a week show.
pub fn default_step_s(last_s: f64) -> i64 {
    let days = last_s / 86_400.0;
    match days {
        _ if days >= 14.0 => 3_600,
        _ if days >= 3.0 => 900,
        _ if days >= 0.5 => 300,
        _ => 60,
    }
}

/// A word about what a query does not see: each point looks back over the longest window in its brackets, or at one
/// sample where there is none, and what happens in the rest of its step is not in it.
pub(super) fn unseen(query: &str, step_s: i64) -> Option<String> {
    let window = windows(query).max_by(f64::total_cmp);
    if window.is_some_and(|window| window >= step_s as f64) || step_s <= 60 {
        return None;
    }
    let seen = window.map_or("one sample".to_owned(), |window| format!("{window} s"));
    Some(format!(
        "each point sees {seen} of its {step_s} s: what happens between is not in it; let the query look back over the \
         step, as in rate(…[{step_s}s]) or avg_over_time((…)[{step_s}s:1m])"
    ))
}

/// The windows of a query in seconds: what stands in brackets, before the colon of a subquery. Texts in quotes are
/// passed over.
fn windows(query: &str) -> impl Iterator<Item = f64> {
    let mut quote = None;
    let mut starts = Vec::new();
    let mut escaped = false;
    for (at, character) in query.char_indices() {
        match (quote, character) {
            _ if escaped => escaped = false,
            (Some('"' | '\''), '\\') => escaped = true,
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(character),
            (None, '[') => starts.push(at + 1),
            _ => {}
        }
    }
    starts.into_iter().filter_map(|at| {
        let inside = query[at..].split([']', ':']).next()?;
        duration_s(inside.trim())
    })
}

/// A duration of PromQL, such as `1h30m`, in seconds.
fn duration_s(text: &str) -> Option<f64> {
    let units = [
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3_600.0),
        ("d", 86_400.0),
        ("w", 604_800.0),
        ("y", 31_536_000.0),
    ];
    let (mut left, mut sum) = (text, 0.0);
    while !left.is_empty() {
        let digits = left.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(left.len());
        let count: f64 = left[..digits].parse().ok()?;
        left = &left[digits..];
        let (unit, seconds) = match left {
            "" => ("", 1.0),
            _ => units.into_iter().find(|(unit, _)| left.starts_with(unit))?,
        };
        left = &left[unit.len()..];
        sum += count * seconds;
    }
    (sum > 0.0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_a_year_by_the_hour_is_one_piece_and_by_the_minute_many() {
        let hours = Range::last(180.0 * 86_400.0, 3_600, 1_795_219_999);
        assert_eq!((hours.end_s, hours.points(), hours.split(PIECE_POINTS).len()), (1_795_219_200, 4_320, 1));
        assert_eq!(Range::last(180.0 * 86_400.0, 60, 1_795_219_999).split(PIECE_POINTS).len(), 26);
        // Weeks end on Mondays: 2026-11-16.
        assert_eq!(Range::last(86_400.0 * 70.0, WEEK_S, 1_795_219_999).end_s, 1_794_787_200);
    }

    #[test]
    fn windows_are_found_where_they_are() {
        let of = |query| windows(query).collect::<Vec<_>>();
        assert_eq!(of("sum(rate(http_requests_total{path=\"/a[9d]\"}[5m]))"), [300.0]);
        assert_eq!(of("max_over_time(sum(rate(x[1m]))[1h30m:30s]) + y[10]"), [60.0, 5_400.0, 10.0]);
        assert!(of("up{a='[5m]', b=`[1m]`, c=\"\\\"[2m]\"}").is_empty());
        assert!(unseen("rate(x[1h])", 3_600).is_none() && unseen("up", 60).is_none());
        assert!(unseen("rate(x[5m])", 3_600).unwrap().starts_with("each point sees 300 s of its 3600 s"));
        assert!(unseen("up", 3_600).unwrap().starts_with("each point sees one sample"));
    }

    proptest! {
        /// The pieces have every point once, in order, and none has too many.
        #[test]
        fn pieces_make_the_whole(start in -1_000_000i64..2_000_000_000, steps in 0i64..5_000, step in 1i64..90_000, most in 1u64..700) {
            let whole = Range { start_s: start, end_s: start + steps * step, step_s: step };
            let mut next = start;
            for piece in whole.split(most) {
                prop_assert_eq!(piece.start_s, next);
                prop_assert!(piece.points() >= 1 && piece.points() <= most);
                next = piece.end_s + step;
            }
            prop_assert_eq!(next, whole.end_s + step);
        }

        /// Whatever the query: no panic.
        #[test]
        fn any_query(query in "[\\[\\]a-z0-9.:\"'`\\\\(){}é ]{0,40}") {
            unseen(&query, 3_600);
        }
    }
}
