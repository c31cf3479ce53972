//! The adder's occupancy and the queue over time, as SVG that needs no other file.

use arblast_verilator::timeline::{Phase, Timeline, Window};
use std::fmt::Write;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 520.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 940.0;
/// Top and bottom of the two panels.
const OCCUPANCY: [f64; 2] = [84.0, 250.0];
const QUEUE: [f64; 2] = [300.0, 466.0];
/// Windows of clocks that are drawn: about one for two units of width.
const WINDOWS: usize = 400;

const STYLE: &str = "svg{font:12px system-ui,sans-serif;background:#fff}text{fill:#444}.title{font-size:15px;fill:#111}\
    .rule{stroke:#d9dce1}.phase{stroke:#999;stroke-dasharray:4 3}.name{font-size:11px;fill:#666}\
    .adder{fill:#1859c9;fill-opacity:.75}.mean{fill:#c4500c;fill-opacity:.8}.peak{fill:none;stroke:#7a2f00;stroke-width:1.2}";

/// The drawing; `title` says what ran, `capacity` is how many pairs fit the queue.
pub fn svg(title: &str, line: &Timeline, capacity: usize) -> String {
    let windows = line.windows(WINDOWS);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\">\n\
         <style>{STYLE}</style>\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    text(&mut out, "title", "start", LEFT, 24.0, title);
    if windows.is_empty() {
        text(&mut out, "", "middle", WIDTH / 2.0, HEIGHT / 2.0, "no clock was simulated");
        return out + "</svg>\n";
    }
    let x = |clock: usize| LEFT + (RIGHT - LEFT) * clock as f64 / line.len() as f64;
    let each = windows[0].clocks;
    legend(&mut out, each);
    axes(&mut out, line.len(), &x);
    panel(&mut out, OCCUPANCY, &[0.0, 25.0, 50.0, 75.0, 100.0], "additions begun, % of clocks");
    panel(&mut out, QUEUE, &queue_ticks(capacity), "pairs in the queue");
    let area = |out: &mut String, class: &str, [top, bottom]: [f64; 2], most: f64, value: &dyn Fn(&Window) -> f64| {
        let height = |window: &Window| bottom - (bottom - top) * (value(window) / most).clamp(0.0, 1.0);
        let steps: String = windows.iter().map(|w| step(&x, w, height(w))).collect();
        let _ = writeln!(out, "<path class=\"{class}\" d=\"M{LEFT} {bottom}{steps}V{bottom}Z\"/>");
    };
    area(&mut out, "adder", OCCUPANCY, 1.0, &Window::occupancy);
    area(&mut out, "mean", QUEUE, capacity as f64, &|window| window.queue_mean);
    let [top, bottom] = QUEUE;
    let peak = |w: &Window| bottom - (bottom - top) * (f64::from(w.queue_peak) / capacity as f64).clamp(0.0, 1.0);
    let steps: String = windows.iter().map(|w| step(&x, w, peak(w))).collect();
    let _ = writeln!(out, "<path class=\"peak\" d=\"M{LEFT} {bottom}{steps}\"/>");
    phases(&mut out, line.phases(), line.len(), &x);
    out + "</svg>\n"
}

/// A window as a step of a path: to its height, then to its end.
fn step(x: &dyn Fn(usize) -> f64, window: &Window, y: f64) -> String {
    format!("V{y:.1}H{:.1}", x(window.start + window.clocks))
}

fn queue_ticks(capacity: usize) -> Vec<f64> {
    (0..=4).map(|i| (capacity * i) as f64 / 4.0).collect()
}

/// Lines and labels of a panel's y axis.
fn panel(out: &mut String, [top, bottom]: [f64; 2], ticks: &[f64], label: &str) {
    let most = ticks.last().copied().unwrap_or(1.0);
    for tick in ticks {
        let y = bottom - (bottom - top) * tick / most;
        let _ = writeln!(out, "<line class=\"rule\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        text(out, "", "end", LEFT - 8.0, y + 4.0, &format!("{tick}"));
    }
    let (x, y) = (22.0, top.midpoint(bottom));
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" transform=\"rotate(-90 {x} {y})\">{label}</text>"
    );
}

/// The clocks below both panels.
fn axes(out: &mut String, clocks: usize, x: &dyn Fn(usize) -> f64) {
    let rough = clocks as f64 / 8.0;
    let power = 10f64.powf(rough.max(1.0).log10().floor());
    let unit = [1.0, 2.0, 5.0, 10.0].into_iter().find(|m| m * power >= rough).unwrap_or(10.0) * power;
    for tick in (0..=clocks).step_by(unit.max(1.0) as usize) {
        let at = x(tick);
        for [top, bottom] in [OCCUPANCY, QUEUE] {
            let _ = writeln!(out, "<line class=\"rule\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>");
            text(out, "", "middle", at, bottom + 17.0, &tick.to_string());
        }
    }
    text(out, "", "middle", LEFT.midpoint(RIGHT), QUEUE[1] + 38.0, "clock");
}

/// Where the phases begin; names only where there is room for them.
fn phases(out: &mut String, phases: &[Phase], clocks: usize, x: &dyn Fn(usize) -> f64) {
    let ends = phases.iter().skip(1).map(|phase| phase.start).chain([clocks]);
    for (phase, end) in phases.iter().zip(ends) {
        let at = x(phase.start);
        let (top, bottom) = (OCCUPANCY[0] - 16.0, QUEUE[1]);
        let _ = writeln!(out, "<line class=\"phase\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>");
        if x(end) - at > 6.5 * phase.name.len() as f64 {
            text(out, "name", "start", at + 4.0, OCCUPANCY[0] - 6.0, phase.name);
        }
    }
}

fn legend(out: &mut String, each: usize) {
    let mut at = LEFT;
    let clocks = if each == 1 { "each clock".into() } else { format!("each {each} clocks") };
    for (class, name) in [
        ("adder", format!("adder's occupancy, mean of {clocks}")),
        ("mean", "queue, mean".to_string()),
        ("peak", "queue, most".into()),
    ] {
        let _ = writeln!(out, "<rect class=\"{class}\" x=\"{at:.1}\" y=\"38\" width=\"14\" height=\"12\"/>");
        text(out, "", "start", at + 20.0, 48.0, &name);
        at += 46.0 + 6.4 * name.len() as f64;
    }
}

fn text(out: &mut String, class: &str, anchor: &str, x: f64, y: f64, text: &str) {
    let safe = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let _ = writeln!(out, "<text{class} x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{safe}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_simulated_is_said() {
        let text = svg("a<b", &Timeline::default(), 16);
        assert!(text.contains("no clock was simulated") && text.contains("a&lt;b") && !text.contains("NaN"));
    }
}
