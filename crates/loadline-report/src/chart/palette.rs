//! Colours by role, for light and dark.
//!
//! Series colours follow Okabe and Ito's colour-blind-safe set, darkened (light theme) or lightened (dark theme)
//! until each is readable as text on its background. The heat map's colours change in lightness at every step, so
//! that they keep their order for every eye and in grey print.

use plotters_backend::BackendColor;

/// What a mark in a chart stands for; the theme decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Titles.
    Ink,
    /// Subtitles, tick labels, leaders.
    Muted,
    /// Lines of the grid.
    Grid,
    /// The base line of an axis.
    Axis,
    /// A limit promised: a dashed line.
    Limit,
    /// A part of the picture that is set apart, such as the warm-up.
    Shade,
    /// A broad pale band behind a line: what was asked for.
    Asked,
    /// The outer band of a forecast, paler than [`Role::Asked`], which is the inner one.
    Fan,
    /// The band of an uncertain capacity.
    Capacity,
    /// A data series, 0 to 7 (taken modulo 8).
    Series(u8),
    /// A step of the sequential palette, 0 (least) to 8 (most).
    Heat(u8),
}

/// Number of series colours.
pub const SERIES: u8 = 8;
/// Number of steps of the sequential palette.
pub const HEATS: u8 = 9;

/// A colour theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark on white.
    Light,
    /// Light on near-black.
    Dark,
}

/// The background of a chart in the light and in the dark theme.
pub const BACKGROUND: [&str; 2] = ["#ffffff", "#161b22"];

const PLAIN: [(Role, &str, &str, &str); 9] = [
    (Role::Ink, "ink", "#1b1f24", "#e8edf2"),
    (Role::Muted, "mut", "#57606a", "#9aa5b1"),
    (Role::Grid, "grd", "#e6e9ed", "#2a313a"),
    (Role::Axis, "axs", "#8c959f", "#66717d"),
    (Role::Limit, "slo", "#1b1f24", "#e8edf2"),
    (Role::Shade, "shd", "#f1f3f5", "#1f262f"),
    (Role::Asked, "ask", "#c5dff2", "#234a66"),
    (Role::Fan, "fan", "#e4f0f9", "#182f42"),
    (Role::Capacity, "cap", "#f6e2d3", "#43301f"),
];

// Blue, bluish green, vermillion, grey, reddish purple, orange, sky, olive.
const SERIES_COLOURS: [(&str, &str); SERIES as usize] = [
    ("#0067a3", "#56b4e9"),
    ("#007558", "#3ccba0"),
    ("#b84a00", "#ff8d4d"),
    ("#59636e", "#a5afba"),
    ("#a23c78", "#e69bc8"),
    ("#8a5f00", "#f0b93a"),
    ("#4455b8", "#9fb0ff"),
    ("#5f6b00", "#c3cf4f"),
];

const HEAT_COLOURS: [(&str, &str); HEATS as usize] = [
    ("#c3dcee", "#27415c"),
    ("#9fcbe6", "#2c5878"),
    ("#73b3dc", "#2b7191"),
    ("#4a97cb", "#2b8ba3"),
    ("#2f7ab6", "#3aa6a9"),
    ("#265e9c", "#60bfa3"),
    ("#25437e", "#9ad594"),
    ("#21295c", "#d5e789"),
    ("#150f36", "#fdf7b0"),
];

impl Role {
    /// The CSS class of the role.
    pub fn class(self) -> String {
        match self {
            Role::Series(n) => format!("c{}", n % SERIES),
            Role::Heat(n) => format!("h{}", n.min(HEATS - 1)),
            plain => PLAIN.iter().find(|(role, ..)| *role == plain).expect("listed").1.to_owned(),
        }
    }

    /// The role as the colour that plotters carries to the canvas.
    pub(super) fn to_backend(self) -> BackendColor {
        let rgb = match self {
            Role::Series(n) => (1, n % SERIES, 0),
            Role::Heat(n) => (2, n.min(HEATS - 1), 0),
            plain => (0, PLAIN.iter().position(|(role, ..)| *role == plain).expect("listed") as u8, 0),
        };
        BackendColor { alpha: 1.0, rgb }
    }

    /// The inverse of [`Role::to_backend`].
    pub(super) fn from_backend(colour: BackendColor) -> Self {
        match colour.rgb {
            (1, n, _) => Role::Series(n),
            (2, n, _) => Role::Heat(n),
            (_, n, _) => PLAIN[usize::from(n).min(PLAIN.len() - 1)].0,
        }
    }
}

/// The colours of one theme as CSS: a class for each role, which sets `color` alone.
pub fn colours(theme: Theme) -> String {
    let pick = |light: &'static str, dark: &'static str| if theme == Theme::Light { light } else { dark };
    let plain = PLAIN.iter().map(|(role, _, light, dark)| (*role, pick(light, dark)));
    let series = SERIES_COLOURS.iter().zip(0..).map(|((l, d), n)| (Role::Series(n), pick(l, d)));
    let heat = HEAT_COLOURS.iter().zip(0..).map(|((l, d), n)| (Role::Heat(n), pick(l, d)));
    plain
        .chain(series)
        .chain(heat)
        .map(|(role, colour)| format!(".{}{{color:{colour}}}", role.class()))
        .collect()
}

/// What the marks of a chart look like apart from colour: `l` lines, `a` areas, `t` text.
pub const SHAPES: &str = ".l{fill:none;stroke:currentColor;stroke-linejoin:round}\
     .a{fill:currentColor;stroke:none}.t{fill:currentColor}.slo.l{stroke-dasharray:5 4}";

/// The fonts of charts and pages: what the reader's system has; Inter is embedded for pictures.
pub const FONTS: &str = "system-ui,-apple-system,'Segoe UI',Roboto,Inter,'Helvetica Neue',Arial,sans-serif";

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, WCAG 2.2.
    fn luminance(hex: &str) -> f64 {
        let channel = |at: usize| {
            let c = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn whatever_carries_text_is_readable_in_both_themes() {
        let text = PLAIN.iter().filter(|(r, ..)| matches!(r, Role::Ink | Role::Muted | Role::Limit));
        for (light, dark) in text.map(|(_, _, l, d)| (*l, *d)).chain(SERIES_COLOURS) {
            assert!(contrast(light, BACKGROUND[0]) >= 4.5, "{light}");
            assert!(contrast(dark, BACKGROUND[1]) >= 4.5, "{dark}");
            let shade = PLAIN[5];
            assert!(contrast(light, shade.2) >= 4.5 && contrast(dark, shade.3) >= 4.5, "{light} {dark}");
        }
    }

    #[test]
    fn the_heat_map_moves_away_from_the_background_at_every_step() {
        for (side, background) in BACKGROUND.iter().enumerate() {
            let steps: Vec<f64> = HEAT_COLOURS
                .iter()
                .map(|pair| contrast(if side == 0 { pair.0 } else { pair.1 }, background))
                .collect();
            assert!(steps[0] >= 1.3, "a single slow request is seen: {steps:?}");
            assert!(steps.windows(2).all(|w| w[1] > w[0] * 1.12), "{steps:?}");
        }
    }

    #[test]
    fn roles_survive_the_way_through_plotters() {
        let series = (0..SERIES).map(Role::Series).chain((0..HEATS).map(Role::Heat));
        for role in PLAIN.iter().map(|p| p.0).chain(series) {
            assert_eq!(Role::from_backend(role.to_backend()), role);
        }
    }
}
