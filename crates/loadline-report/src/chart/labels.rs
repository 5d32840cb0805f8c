//! Where labels go: at the ends of lines, moved apart where they would collide.

/// Places the centres of labels of one `height` as close as possible (least squares) to where they are `wanted`,
/// between `low` and `high`, so that none overlap and their order is kept.
///
/// Returned in the order given. Where there is not enough room for all, they are spread evenly.
///
/// With labels sorted, zᵢ = yᵢ − i·height has to be non-decreasing: the least-squares answer is the isotonic
/// regression of the wanted places, found by pooling adjacent violators (Ayer et al. 1955).
pub fn place(wanted: &[f64], height: f64, low: f64, high: f64) -> Vec<f64> {
    let count = wanted.len();
    if count == 0 {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let height = height.min((high - low) / count as f64);

    // Pools of neighbours that touch: (sum of z, members).
    let mut pools: Vec<(f64, usize)> = Vec::with_capacity(count);
    for (rank, index) in order.iter().enumerate() {
        pools.push((wanted[*index] - rank as f64 * height, 1));
        while let [.., (a, n), (b, m)] = pools[..]
            && a / n as f64 > b / m as f64
        {
            pools.pop();
            *pools.last_mut().expect("two were there") = (a + b, n + m);
        }
    }

    let (first, last) = (low + height / 2.0, high - (count as f64 - 0.5) * height);
    let mut placed = vec![0.0; count];
    let mut rank = 0;
    for (sum, members) in pools {
        let z = (sum / members as f64).min(last).max(first);
        for _ in 0..members {
            placed[order[rank]] = z + rank as f64 * height;
            rank += 1;
        }
    }
    placed
}

/// The width of `text` in a sans-serif font of `size`. The reader's font is unknown: the estimate is that of a wide
/// one (DejaVu Sans, Verdana).
pub fn text_width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '|' | '\'' | '!' | ' ' => 0.34,
        'f' | 't' | 'r' | '(' | ')' | '/' | '-' => 0.41,
        'm' | 'w' | 'M' | 'W' | '%' | '—' | '@' => 0.98,
        'A'..='Z' | '<' | '>' | '=' | '+' | '≈' | '≤' | '≥' | '↑' => 0.8,
        c if (c as u32) > 0x2e80 => 1.0,
        _ => 0.64,
    };
    size * text.chars().map(em).sum::<f64>()
}

/// How much wider bold text is.
pub const BOLD: f64 = 1.12;

/// Cuts `text` to at most `width` with an ellipsis.
pub fn fit(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut cut: String = text.to_owned();
    while cut.pop().is_some() && text_width(&cut, size) + size > width {}
    format!("{}…", cut.trim_end())
}

/// Breaks `text` at spaces into lines of at most `width`; a word wider than that is cut.
pub fn wrap(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), size) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fit(word, size, width)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_with_room_stay_where_they_are_wanted() {
        assert_eq!(place(&[50.0, 10.0, 90.0], 12.0, 0.0, 100.0), [50.0, 10.0, 90.0]);
        assert_eq!(place(&[50.0, 50.0], 12.0, 0.0, 100.0), [44.0, 56.0]);
    }

    proptest! {
        #[test]
        fn no_two_overlap_and_order_is_kept(wanted in prop::collection::vec(-20.0f64..220.0, 0..12)) {
            let placed = place(&wanted, 14.0, 0.0, 200.0);
            prop_assert_eq!(placed.len(), wanted.len());
            for (i, a) in placed.iter().enumerate() {
                prop_assert!(*a >= 7.0 - 1e-9 && *a <= 193.0 + 1e-9);
                for (j, b) in placed.iter().enumerate().skip(i + 1) {
                    prop_assert!((a - b).abs() >= 14.0 - 1e-9, "{} and {}", a, b);
                    prop_assert!(wanted[i] == wanted[j] || (wanted[i] < wanted[j]) == (a < b));
                }
            }
        }

        #[test]
        fn without_room_they_still_stay_inside(wanted in prop::collection::vec(0.0f64..50.0, 1..20)) {
            prop_assert!(place(&wanted, 14.0, 0.0, 50.0).iter().all(|y| (0.0..=50.0).contains(y)));
        }

        #[test]
        fn what_is_fitted_fits(text in ".{0,60}", width in 30.0f64..200.0) {
            prop_assert!(text_width(&fit(&text, 12.0, width), 12.0) <= width + 12.0);
        }
    }
}
