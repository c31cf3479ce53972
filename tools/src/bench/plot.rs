//! A plot with two logarithmic axes, as SVG to be put into a page.
//!
//! Colours come from the page's style sheet, by the classes `s0`, `s1`, … of the series; markers differ in shape too.

use std::fmt::Write;

/// One line of a plot.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Points in ascending x; those that are not positive have no place on logarithmic axes and are left out.
    pub points: Vec<(f64, f64)>,
}

/// What is written beside the axes.
pub(super) struct Labels<'a> {
    /// What the plot shows, for those who cannot see it.
    pub title: &'a str,
    /// What x counts.
    pub x: &'a str,
    /// The text of a value of y.
    pub y_text: &'a dyn Fn(f64) -> String,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 340.0;
/// The area of the points: left, right, top, bottom.
const AREA: [f64; 4] = [76.0, 620.0, 36.0, 288.0];
/// At most this many labels on an axis.
const MOST_TICKS: usize = 8;

/// Text made safe for elements and quoted attributes of HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The powers of `base` from `low` to `high`; every second, third, … where there are more than [`MOST_TICKS`].
pub(super) fn ticks(low: f64, high: f64, base: f64) -> Vec<f64> {
    // A bound that is a power itself must not be lost to rounding.
    let (first, last) = ((low.log(base) - 1e-9).ceil() as i32, (high.log(base) + 1e-9).floor() as i32);
    let count = (last - first + 1).max(0) as usize;
    let step = count.div_ceil(MOST_TICKS).max(1);
    (first..=last).step_by(step).map(|exponent| base.powi(exponent)).collect()
}

/// One axis: the logarithms of its ends, and where they are drawn.
struct Axis {
    ends: [f64; 2],
    at: [f64; 2],
}

impl Axis {
    fn new(low: f64, high: f64, at: [f64; 2]) -> Self {
        Self { ends: [low.ln(), high.ln()], at }
    }

    fn place(&self, value: f64) -> f64 {
        let part = (value.ln() - self.ends[0]) / (self.ends[1] - self.ends[0]);
        self.at[0] + part * (self.at[1] - self.at[0])
    }
}

fn drawable(series: &Series) -> impl Iterator<Item = (f64, f64)> {
    series.points.iter().copied().filter(|(x, y)| *x > 0.0 && *y > 0.0 && x.is_finite() && y.is_finite())
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |ends, v| Some(ends.map_or((v, v), |(low, high): (f64, f64)| (low.min(v), high.max(v)))))
}

/// The plot; a frame with a remark where no point can be drawn.
pub(super) fn log_log(labels: &Labels, series: &[Series]) -> String {
    let title = escape(labels.title);
    let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\n");
    let points = || series.iter().flat_map(drawable);
    match bounds(points().map(|p| p.0)).zip(bounds(points().map(|p| p.1))) {
        Some((xs, ys)) => draw(&mut out, labels, series, xs, ys),
        None => text(&mut out, "middle", WIDTH / 2.0, HEIGHT / 2.0, "nothing was measured"),
    }
    out + "</svg>\n"
}

/// Axes that hold the bounds, the series, and the legend.
fn draw(out: &mut String, labels: &Labels, series: &[Series], xs: (f64, f64), ys: (f64, f64)) {
    let [left, right, top, bottom] = AREA;
    // A little room at the sides; whole decades in height, one at least.
    let room = (xs.1 / xs.0).powf(0.04).max(if xs.0 == xs.1 { 2.0 } else { 1.0 });
    let (x_low, x_high) = (xs.0 / room, xs.1 * room);
    let y_low = 10f64.powf((ys.0.log10() + 1e-9).floor());
    let y_high = 10f64.powf((ys.1.log10() - 1e-9).ceil()).max(y_low * 10.0);
    let (x_axis, y_axis) = (Axis::new(x_low, x_high, [left, right]), Axis::new(y_low, y_high, [bottom, top]));
    // x counts something: no label below 1.
    for value in ticks(x_low.max(1.0), x_high, 2.0) {
        let x = x_axis.place(value);
        line(out, [x, top, x, bottom]);
        text(out, "middle", x, bottom + 18.0, &format!("{value}"));
    }
    for value in ticks(y_low, y_high, 10.0) {
        let y = y_axis.place(value);
        line(out, [left, y, right, y]);
        text(out, "end", left - 8.0, y + 4.0, &(labels.y_text)(value));
    }
    text(out, "middle", left.midpoint(right), bottom + 40.0, labels.x);
    let mut at = left;
    for (index, one) in series.iter().enumerate() {
        if drawable(one).next().is_none() {
            continue;
        }
        let places: Vec<_> = drawable(one).map(|(x, y)| (x_axis.place(x), y_axis.place(y), x, y)).collect();
        let path: Vec<_> = places.iter().map(|(x, y, ..)| format!("{x:.1},{y:.1}")).collect();
        // Writing to a string does not fail.
        let _ = writeln!(out, "<g class=\"s{index}\"><polyline points=\"{}\"/>", path.join(" "));
        for (x, y, size, value) in places {
            let tip = format!("{}, {size}: {}", one.name, (labels.y_text)(value));
            let _ = writeln!(out, "<g>{}<title>{}</title></g>", marker(index, x, y), escape(&tip));
        }
        let _ = writeln!(out, "{}</g>", marker(index, at + 6.0, 16.0));
        text(out, "start", at + 16.0, 20.0, &one.name);
        at += 40.0 + 7.0 * one.name.chars().count() as f64;
    }
}

fn line(out: &mut String, [x1, y1, x2, y2]: [f64; 4]) {
    let _ = writeln!(out, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>");
}

fn text(out: &mut String, anchor: &str, x: f64, y: f64, text: &str) {
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escape(text));
}

/// A disc, a square or a triangle, in turn.
fn marker(index: usize, x: f64, y: f64) -> String {
    match index % 3 {
        0 => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>"),
        1 => format!("<rect x=\"{:.1}\" y=\"{:.1}\" width=\"8\" height=\"8\"/>", x - 4.0, y - 4.0),
        _ => format!("<path d=\"M{x:.1} {:.1}l5 9h-10z\"/>", y - 5.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: &[&[(f64, f64)]]) -> String {
        let series: Vec<_> = points.iter().map(|p| Series { name: "a<b".into(), points: p.to_vec() }).collect();
        log_log(&Labels { title: "t\"", x: "points", y_text: &|y| format!("{y}") }, &series)
    }

    #[test]
    fn ticks_are_powers_within_the_range() {
        assert_eq!(ticks(1.0, 1000.0, 10.0), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(ticks(3.0, 20.0, 2.0), [4.0, 8.0, 16.0]);
        assert_eq!(ticks(1.0, 512.0, 2.0), [1.0, 4.0, 16.0, 64.0, 256.0]);
        assert!(ticks(5.0, 6.0, 2.0).is_empty());
        for exponent in 0..40 {
            let power = 2f64.powi(exponent);
            assert_eq!(ticks(power, power, 2.0), [power]);
        }
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
        let svg = plot(&[&[(1.0, 10.0), (4.0, 50.0)]]);
        assert!(svg.contains("a&lt;b") && svg.contains("t&quot;") && !svg.contains("a<b"));
    }

    #[test]
    fn nothing_to_draw_is_said() {
        for empty in [plot(&[]), plot(&[&[]]), plot(&[&[(0.0, 1.0), (1.0, f64::NAN), (1.0, 0.0)]])] {
            assert!(empty.contains("nothing was measured") && empty.ends_with("</svg>\n"));
        }
    }

    #[test]
    fn one_point_has_axes_around_it() {
        let svg = plot(&[&[(1.0, 100.0)]]);
        assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains(">0.5<"), "{svg}");
        // Half-way from 1/2 to 2, at the foot of the decade from 100.
        assert!(svg.contains("<circle cx=\"348.0\" cy=\"288.0\""), "{svg}");
    }

    #[test]
    fn points_stay_in_the_area() {
        let (x, y) = (Axis::new(1.0, 16.0, [0.0, 100.0]), Axis::new(1.0, 100.0, [50.0, 0.0]));
        assert!((x.place(4.0) - 50.0).abs() < 1e-9 && (y.place(10.0) - 25.0).abs() < 1e-9);
    }
}
