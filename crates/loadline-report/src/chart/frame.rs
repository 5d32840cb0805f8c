//! One picture: head, axes, marks, and labels at the ends of lines.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use plotters::coord::cartesian::Cartesian2d;
use plotters::prelude::{Circle, DrawingArea, PathElement, Polygon, RGBAColor, Rectangle, ShapeStyle};

use super::Picture;
use super::canvas::{Anchor, Canvas, UNITS};
use super::labels::{BOLD, fit, place, text_width, wrap};
use super::palette::Role;
use super::scale::{Scale, time_ticks};
use crate::format;

const TITLE: f64 = 15.0;
const TEXT: f64 = 12.5;
const SMALL: f64 = 11.5;
const LINE: f64 = 16.0;
/// Room between the plot and its end labels, for leaders.
const LEADER: f64 = 12.0;

/// Width and height in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// What stands above a chart, and what is said of it to those who cannot see it.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// See [`Picture::name`].
    pub name: String,
    /// In bold.
    pub title: String,
    /// Muted, below the title.
    pub subtitle: String,
    /// See [`Picture::description`].
    pub description: String,
}

/// A scale with its labelled ticks.
#[derive(Debug, Clone)]
pub struct Axis {
    /// The scale.
    pub scale: Scale,
    /// Values and their labels.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// At most `max` ticks, labelled by `label`.
    pub fn new(scale: Scale, max: usize, label: impl Fn(f64) -> String) -> Self {
        Axis { scale, ticks: scale.ticks(max).into_iter().map(|v| (v, label(v))).collect() }
    }

    /// Seconds since the start, labelled `m:ss`, with as many ticks as fit into `width`.
    pub fn time(end_s: f64, width: u32) -> Self {
        let room = text_width(&format::clock(end_s), TEXT) + 28.0;
        let max = (f64::from(width) * 0.8 / room) as usize;
        let ticks = time_ticks(end_s, max.max(2)).into_iter().map(|t| (t, format::clock(t))).collect();
        Axis { scale: Scale::linear(0.0, end_s), ticks }
    }
}

/// The shape of a point: told apart without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A filled disc.
    Dot,
    /// A ring.
    Ring,
    /// A cross.
    Cross,
}

/// A label to the right of the plot, at the height of `value`.
#[derive(Debug, Clone)]
pub struct EndLabel {
    /// Where on the y axis.
    pub value: f64,
    /// What to write.
    pub text: String,
    /// In which colour.
    pub role: Role,
}

impl EndLabel {
    /// A label.
    pub fn new(value: f64, text: impl Into<String>, role: Role) -> Self {
        EndLabel { value, text: text.into(), role }
    }

    /// Names of lines are bold, those of limits are not.
    fn bold(&self) -> bool {
        self.role != Role::Limit
    }

    fn width(&self) -> f64 {
        text_width(&self.text, TEXT) * if self.bold() { BOLD } else { 1.0 }
    }
}

type Plot = DrawingArea<Canvas, Cartesian2d<Scale, Scale>>;

/// A picture in the making.
pub struct Chart {
    head: Head,
    size: Size,
    canvas: Rc<RefCell<Canvas>>,
    plot: Plot,
    x: Axis,
    y: Axis,
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    ends: Vec<EndLabel>,
    /// Up to where the strip above the plot is taken by names.
    named_to: Cell<f64>,
}

impl Chart {
    /// Lays the picture out, with room for `ends` at the right, and writes its head.
    pub fn new(size: Size, head: Head, x: Axis, y: Axis, ends: Vec<EndLabel>) -> Self {
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        let mut canvas = Canvas::new(size.width, size.height);
        canvas.text(
            (0.0, 12.0),
            &fit(&head.title, TITLE, width / BOLD),
            Role::Ink,
            TITLE,
            Anchor::Start,
            true,
        );
        let lines = if head.subtitle.is_empty() { Vec::new() } else { wrap(&head.subtitle, TEXT, width) };
        for (n, line) in lines.iter().enumerate() {
            let y = 33.0 + n as f64 * LINE;
            canvas.text((0.0, y), line, Role::Muted, TEXT, Anchor::Start, false);
        }
        let widest =
            |texts: &mut dyn Iterator<Item = &String>| texts.map(|t| text_width(t, TEXT)).fold(0.0, f64::max);
        let left = widest(&mut y.ticks.iter().map(|t| &t.1)) + 8.0;
        let last_tick = x.ticks.last().map_or(0.0, |t| text_width(&t.1, TEXT) / 2.0);
        let room =
            if ends.is_empty() { 0.0 } else { ends.iter().map(EndLabel::width).fold(0.0, f64::max) + LEADER };
        let right = width - room.clamp(last_tick, width * 0.4);
        let (top, bottom) = (48.0 + lines.len() as f64 * LINE, height - 24.0);

        let canvas = Rc::new(RefCell::new(canvas));
        let units = |px: f64| (px * f64::from(UNITS)).round() as i32;
        let area = (units(left)..units(right), units(bottom)..units(top));
        let plot = DrawingArea::from(&canvas).apply_coord_spec(Cartesian2d::new(x.scale, y.scale, area));
        Chart { head, size, canvas, plot, x, y, left, top, right, bottom, ends, named_to: Cell::new(0.0) }
    }

    /// Sets a part of the plot apart, behind everything, and names it above; call before [`Chart::grid`].
    pub fn shade(&self, from: f64, to: f64, text: &str) {
        let (lo, hi) = (self.y.scale.lo(), self.y.scale.hi());
        self.draw(Rectangle::new([(from, lo), (to, hi)], filled(Role::Shade)));
        let (x0, x1) = (self.at_x(from), self.at_x(to));
        let half = text_width(text, SMALL) / 2.0;
        let end = if self.ends.is_empty() { f64::from(self.size.width) } else { self.right + 2.0 };
        let middle = ((x0 + x1) / 2.0).max(self.left + half).min(end - half);
        if middle - half > self.named_to.get() {
            self.named_to.set(middle + half + 6.0);
            let at = (middle, self.top - 10.0);
            self.canvas.borrow_mut().text(at, text, Role::Muted, SMALL, Anchor::Middle, false);
        }
    }

    /// Draws pale lines at the ticks of y, the base line, and the labels of both axes.
    pub fn grid(&self) {
        let (x0, x1) = (self.x.scale.lo(), self.x.scale.hi());
        for (value, label) in &self.y.ticks {
            self.draw(PathElement::new([(x0, *value), (x1, *value)], stroke(Role::Grid, 1.0)));
            self.text((self.left - 8.0, self.at_y(*value)), label, Role::Muted, Anchor::End);
        }
        self.axis();
    }

    /// Draws the base line with the labels of x alone.
    fn axis(&self) {
        let (lo, ends) = (self.y.scale.lo(), (self.x.scale.lo(), self.x.scale.hi()));
        self.draw(PathElement::new([(ends.0, lo), (ends.1, lo)], stroke(Role::Axis, 1.0)));
        // From the right: the end of an axis says more than the tick before it, where only one label fits.
        let mut free_to = f64::from(self.size.width);
        for (value, label) in self.x.ticks.iter().rev() {
            let half = text_width(label, TEXT) / 2.0;
            let inside = self.at_x(*value).max(half).min(f64::from(self.size.width) - half);
            if inside + half > free_to {
                continue;
            }
            free_to = inside - half - 6.0;
            self.text((inside, self.bottom + 14.0), label, Role::Muted, Anchor::Middle);
        }
    }

    /// Draws pale lines at the ticks of x.
    pub fn upright(&self) {
        let (lo, hi) = (self.y.scale.lo(), self.y.scale.hi());
        for (value, _) in &self.x.ticks {
            self.draw(PathElement::new([(*value, lo), (*value, hi)], stroke(Role::Grid, 1.0)));
        }
    }

    /// Draws a line through the points; `None` breaks it, and a point alone becomes a dot.
    pub fn line(&self, role: Role, width: f64, points: &[(f64, Option<f64>)]) {
        for run in points.split(|(_, y)| y.is_none()).filter(|run| !run.is_empty()) {
            let known: Vec<(f64, f64)> = run.iter().filter_map(|(x, y)| Some((*x, (*y)?))).collect();
            match known[..] {
                [only] => self.draw(Circle::new(only, units(width.max(1.6)), filled(role))),
                _ => self.draw(PathElement::new(known, stroke(role, width))),
            }
        }
    }

    /// Fills between two lines given as `(x, lower, upper)`.
    pub fn band(&self, role: Role, points: &[(f64, f64, f64)]) {
        let upper = points.iter().map(|(x, _, up)| (*x, *up));
        let lower = points.iter().rev().map(|(x, low, _)| (*x, *low));
        self.draw(Polygon::new(upper.chain(lower).collect::<Vec<_>>(), filled(role)));
    }

    /// Fills a rectangle given by two corners.
    pub fn cell(&self, role: Role, from: (f64, f64), to: (f64, f64)) {
        self.draw(Rectangle::new([from, to], filled(role)));
    }

    /// Draws a point.
    pub fn mark(&self, role: Role, mark: Mark, at: (f64, f64)) {
        let (x, y) = (self.at_x(at.0), self.at_y(at.1));
        match mark {
            Mark::Dot => self.draw(Circle::new(at, units(4.0), filled(role))),
            Mark::Ring => self.draw(Circle::new(at, units(3.6), stroke(role, 1.6))),
            Mark::Cross => {
                for side in [-1.0, 1.0] {
                    let line = [(x - 3.8, y - 3.8 * side), (x + 3.8, y + 3.8 * side)];
                    self.draw_plain(PathElement::new(
                        line.map(|(x, y)| (units(x), units(y))),
                        stroke(role, 2.0),
                    ));
                }
            }
        }
    }

    /// Draws the interval of a point.
    pub fn whisker(&self, role: Role, x: f64, low: f64, high: f64) {
        self.draw(PathElement::new([(x, low), (x, high)], stroke(role, 1.4)));
    }

    /// Draws the dashed upright line of a limit.
    pub fn limit_at(&self, x: f64) {
        let (lo, hi) = (self.y.scale.lo(), self.y.scale.hi());
        self.draw(PathElement::new([(x, lo), (x, hi)], stroke(Role::Limit, 1.2)));
    }

    /// Draws the dashed line of a limit.
    pub fn limit(&self, y: f64) {
        let (x0, x1) = (self.x.scale.lo(), self.x.scale.hi());
        self.draw(PathElement::new([(x0, y), (x1, y)], stroke(Role::Limit, 1.2)));
    }

    /// Draws an upright dashed line at `x` and names it above the plot, as far as there is room.
    pub fn mark_at(&self, x: f64, text: &str) {
        let (lo, hi) = (self.y.scale.lo(), self.y.scale.hi());
        self.draw(PathElement::new([(x, lo), (x, hi)], stroke(Role::Limit, 1.2)));
        let half = text_width(text, SMALL) / 2.0;
        let wanted = self.at_x(x).max(self.left + half).min(f64::from(self.size.width) - half);
        // Beside the one before, as long as it stays next to its own line.
        let middle = wanted.max(self.named_to.get() + half);
        if middle - wanted <= half + 8.0 {
            self.named_to.set(middle + half + 6.0);
            let at = (middle, self.top - 10.0);
            self.canvas.borrow_mut().text(at, text, Role::Ink, SMALL, Anchor::Middle, false);
        }
    }

    /// Draws a filled dot.
    pub fn dot(&self, role: Role, radius: f64, at: (f64, f64)) {
        self.draw(Circle::new(at, units(radius), filled(role)));
    }

    /// Writes a word into the plot, its vertical middle at `at`, beginning or ending there: ending where it would not
    /// fit to the right.
    pub fn word(&self, (x, y): (f64, f64), text: &str, role: Role) {
        let (at, width) = (self.at_x(x) + 8.0, text_width(text, SMALL));
        let fits = at + width <= f64::from(self.size.width);
        let (at, anchor) = if fits { (at, Anchor::Start) } else { (at - 16.0, Anchor::End) };
        self.canvas.borrow_mut().text((at, self.at_y(y)), text, role, SMALL, anchor, false);
    }

    /// Writes the end labels, and so ends the picture.
    pub fn finish(self) -> Picture {
        let wanted: Vec<f64> = self.ends.iter().map(|end| self.at_y(end.value)).collect();
        let placed = place(&wanted, LINE, self.top - 10.0, self.bottom + 8.0);
        let room = f64::from(self.size.width) - self.right - LEADER;
        for ((end, from), to) in self.ends.iter().zip(wanted).zip(placed) {
            if (from - to).abs() > 2.0 {
                let x = self.right;
                let leader = [(x + 1.0, from), (x + LEADER - 3.0, to)].map(|(x, y)| (units(x), units(y)));
                self.draw_plain(PathElement::new(leader, stroke(end.role, 0.8)));
            }
            let bold = end.bold();
            let text = fit(&end.text, TEXT, (room + 2.0) / if bold { BOLD } else { 1.0 });
            self.canvas.borrow_mut().text(
                (self.right + LEADER, to),
                &text,
                end.role,
                TEXT,
                Anchor::Start,
                bold,
            );
        }
        let Chart { head, size, canvas, plot, .. } = self;
        drop(plot);
        let canvas = Rc::into_inner(canvas).expect("the plot was the only other owner").into_inner();
        Picture {
            name: head.name,
            title: head.title,
            description: head.description,
            width: size.width,
            height: size.height,
            body: canvas.into_body(),
        }
    }

    fn draw<'a, E>(&self, element: E)
    where
        for<'b> &'b E: plotters::element::PointCollection<'b, (f64, f64)>,
        E: plotters::element::Drawable<Canvas> + 'a,
    {
        self.plot.draw(&element).expect("the canvas cannot fail");
    }

    /// Draws in units of the canvas.
    fn draw_plain(&self, path: PathElement<(i32, i32)>) {
        self.plot.strip_coord_spec().draw(&path).expect("the canvas cannot fail");
    }

    fn text(&self, at: (f64, f64), text: &str, role: Role, anchor: Anchor) {
        self.canvas.borrow_mut().text(at, text, role, TEXT, anchor, false);
    }

    fn at_x(&self, value: f64) -> f64 {
        self.left + self.x.scale.position(value) * (self.right - self.left)
    }

    fn at_y(&self, value: f64) -> f64 {
        self.bottom - self.y.scale.position(value) * (self.bottom - self.top)
    }
}

fn units(px: f64) -> i32 {
    (px * f64::from(UNITS)).round() as i32
}

fn colour(role: Role) -> RGBAColor {
    let (r, g, b) = role.to_backend().rgb;
    RGBAColor(r, g, b, 1.0)
}

fn filled(role: Role) -> ShapeStyle {
    ShapeStyle { color: colour(role), filled: true, stroke_width: 0 }
}

fn stroke(role: Role, width: f64) -> ShapeStyle {
    ShapeStyle { color: colour(role), filled: false, stroke_width: units(width) as u32 }
}
