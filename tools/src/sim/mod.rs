//! `arblast sim`: an engine under simulation on random inputs, compared with the CPU.

mod plot;

pub use plot::svg;

use arblast_verilator::trial::{Outcome, Trial};
use serde::Serialize;
use std::fmt::Write;

/// What a simulation came to, as JSON and text have it.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// `msm-g1` or `aggregate`.
    pub engine: &'static str,
    /// Points.
    pub points: usize,
    /// MSM: bits of a window.
    pub window_bits: Option<usize>,
    /// MSM: windows in a pass.
    pub windows: Option<usize>,
    /// MSM: whether all scalars were equal.
    pub equal_scalars: Option<bool>,
    /// Clocks in a hundred in which a stream held back.
    pub backpressure_percent: u8,
    /// Seed of inputs and backpressure.
    pub seed: u64,
    /// Whether the engine's answer is the CPU's.
    pub equals_cpu: bool,
    /// Clocks from the start to the last result, all passes together.
    pub cycles: u64,
    /// Clocks of the accumulation, without the reduction and the sending of results.
    pub accumulation_cycles: u64,
    /// Clocks a point.
    pub cycles_per_point: f64,
    /// Clocks of the accumulation for each value that went in.
    pub accumulation_cycles_per_value: f64,
    /// Values that went in: digits other than 0, or selected points.
    pub values: u64,
    /// Additions.
    pub additions: u64,
    /// Part of the clocks in which an addition began.
    pub adder_occupancy: f64,
    /// Clocks of an addition.
    pub adder_latency: usize,
    /// Clocks in which a value waited.
    pub stalls: u64,
    /// Most pairs that waited for the adder.
    pub queue_peak: u64,
    /// Clocks simulated, register accesses and loading included.
    pub simulated_clocks: u64,
    /// Seconds of the simulation.
    pub simulation_seconds: f64,
    /// Simulated clocks in a millisecond.
    pub simulation_khz: f64,
    /// The assumed clock: nothing was measured on hardware.
    pub assumed_clock_mhz: f64,
    /// Microseconds of the run at the assumed clock.
    pub microseconds_at_assumed_clock: f64,
    /// Lines, branches and narrow signals exercised, in percent, where it was asked for.
    pub coverage_percent: Option<f64>,
}

/// What was chosen besides the trial itself.
#[derive(Clone, Copy, Debug)]
pub struct Choices {
    /// Percent.
    pub backpressure: u8,
    /// Seed.
    pub seed: u64,
    /// MHz.
    pub clock_mhz: f64,
}

impl Record {
    /// The record of an outcome.
    pub fn new(trial: Trial, choices: Choices, outcome: &Outcome) -> Self {
        let (engine, shape) = match trial {
            Trial::Msm { window_bits, windows, equal_scalars, .. } => {
                ("msm-g1", Some((window_bits, windows, equal_scalars)))
            }
            Trial::Aggregate { .. } => ("aggregate", None),
        };
        let counters = outcome.counters;
        Self {
            engine,
            points: outcome.points,
            window_bits: shape.map(|s| s.0),
            windows: shape.map(|s| s.1),
            equal_scalars: shape.map(|s| s.2),
            backpressure_percent: choices.backpressure,
            seed: choices.seed,
            equals_cpu: outcome.equal,
            cycles: counters.cycles,
            accumulation_cycles: counters.accumulated,
            cycles_per_point: outcome.cycles_per_point(),
            accumulation_cycles_per_value: counters.cycles_per_item(),
            values: counters.items,
            additions: counters.additions,
            adder_occupancy: counters.occupancy(),
            adder_latency: outcome.adder_latency,
            stalls: counters.stalls,
            queue_peak: counters.queue_peak,
            simulated_clocks: outcome.clocks,
            simulation_seconds: outcome.elapsed.as_secs_f64(),
            simulation_khz: outcome.simulation_khz(),
            assumed_clock_mhz: choices.clock_mhz,
            microseconds_at_assumed_clock: outcome.at_assumed_mhz(choices.clock_mhz).as_secs_f64() * 1e6,
            coverage_percent: outcome.coverage.map(|c| c.percent()),
        }
    }

    /// What ran, in a line.
    pub fn title(&self) -> String {
        let shape = match (self.window_bits, self.windows) {
            (Some(bits), Some(windows)) => format!(", windows of {bits} bits, {windows} in a pass"),
            _ => String::new(),
        };
        let equal = if self.equal_scalars == Some(true) { ", all scalars equal" } else { "" };
        let (engine, points, percent) = (self.engine, self.points, self.backpressure_percent);
        format!("{engine}: {points} points{shape}{equal}, {percent}% backpressure, seed {}", self.seed)
    }

    /// The record for a person.
    pub fn text(&self) -> String {
        let verdict = if self.equals_cpu { "equal to the CPU's" } else { "NOT THE CPU'S: the engine is wrong" };
        let rows = [
            ("answer", verdict.to_string()),
            ("cycles", format!("{} ({} before the reduction)", self.cycles, self.accumulation_cycles)),
            ("cycles a point", format!("{:.2}", self.cycles_per_point)),
            (
                "cycles a value",
                format!("{:.3} ({} values accumulated)", self.accumulation_cycles_per_value, self.values),
            ),
            (
                "adder",
                format!(
                    "{} additions, busy in {:.1}% of the cycles, latency {}",
                    self.additions,
                    100.0 * self.adder_occupancy,
                    self.adder_latency
                ),
            ),
            ("stalls", format!("{} cycles; queue of at most {}", self.stalls, self.queue_peak)),
            (
                "simulation",
                format!(
                    "{} clocks in {:.2} s, {:.1} kHz",
                    self.simulated_clocks, self.simulation_seconds, self.simulation_khz
                ),
            ),
            (
                "on hardware",
                format!(
                    "{:.1} us, if it ran at {} MHz (an assumption: no clock was measured)",
                    self.microseconds_at_assumed_clock, self.assumed_clock_mhz
                ),
            ),
        ];
        let mut out = self.title() + "\n";
        for (label, value) in rows {
            // Writing to a string does not fail.
            let _ = writeln!(out, "  {label:<16}{value}");
        }
        if let Some(percent) = self.coverage_percent {
            let _ = writeln!(out, "  {:<16}{percent:.1}% of lines, branches and narrow signals", "coverage");
        }
        out
    }
}

/// Windows in a pass for windows of `bits` bits, where nobody chose: as few passes of at most 16 windows as cover 256
/// bits, as even as can be.
pub fn default_windows(bits: usize) -> usize {
    let all = 256usize.div_ceil(bits.max(1));
    all.div_ceil(all.div_ceil(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_a_scalar_in_few_passes() {
        assert_eq!([8, 12, 15, 2].map(default_windows), [16, 11, 9, 16]);
        for bits in 2..=15 {
            let windows = default_windows(bits);
            assert!(windows <= 16 && windows * bits * 256usize.div_ceil(bits).div_ceil(windows) >= 256);
        }
    }
}
