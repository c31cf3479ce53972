//! What a simulation may be given, and the MSM engine under simulation, with arkworks' points on both sides.

use crate::axi::{Backpressure, Beat, Counters, Engine};
use crate::compile::Options;
use crate::error::Error;
use crate::shim::Trace;
use crate::{aggregate, g1};
use arblast_hdl::designs;
use arblast_hdl::engine::registers;
use ark_bls12_381::{Fr, G1Affine};
use ark_ec::AffineRepr;
use std::path::PathBuf;

/// What a caller may choose about a simulation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// How often the streams hold back.
    pub backpressure: Backpressure,
    /// Where to write a waveform; the format follows from the ending: `.fst`, else VCD.
    pub trace: Option<PathBuf>,
    /// Where models are built; `None` for the user's cache.
    pub folder: Option<PathBuf>,
    /// The bodies of the field units.
    pub bodies: Bodies,
    /// Whether a [timeline](Engine::timeline) is kept.
    pub timeline: bool,
    /// The folder that a [trial](crate::trial) writes its coverage into; without one none is counted.
    pub coverage: Option<PathBuf>,
}

/// The bodies of the field units: the same results in the same clocks, at different speeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bodies {
    /// C++: the fastest.
    #[default]
    Fast,
    /// Plain Verilog.
    Plain,
    /// What is synthesised, with the DSP slices described by behaviour; slow to build and to run.
    Tiled,
}

impl Config {
    pub(crate) fn engine(&self, design: &arblast_hdl::Design) -> Result<Engine, Error> {
        let bodies = match self.bodies {
            Bodies::Fast => Options::fast(),
            Bodies::Plain => Options::plain(),
            Bodies::Tiled => Options::structural(),
        };
        let mut options = Options { folder: self.folder.clone(), coverage: self.coverage.is_some(), ..bodies };
        if self.timeline {
            options = Engine::with_timeline(options);
        }
        if let Some(path) = &self.trace {
            options =
                options.with_trace(if path.extension().is_some_and(|e| e == "fst") { Trace::Fst } else { Trace::Vcd });
        }
        Engine::new(design, &options, self.backpressure, self.trace.as_deref())
    }
}

/// The status a finished run must have: finished, not busy, no error.
pub(crate) const CLEAN: u32 = 2;

/// The counters of a run that ended as it must.
pub(crate) fn finish(engine: &mut Engine) -> Result<Counters, Error> {
    match engine.read(registers::STATUS)? {
        CLEAN => {
            let counters = engine.counters()?;
            engine.phase(counters.cycles, "accumulate");
            engine.phase(counters.cycles - counters.accumulated, "reduce, send");
            Ok(counters)
        }
        status => Err(Error::Design(format!("status {status:#x} after a run"))),
    }
}

/// The MSM engine for G1.
pub struct MsmG1 {
    engine: Engine,
    window_bits: usize,
    windows: usize,
    slots: usize,
    latency: usize,
}

impl MsmG1 {
    /// Builds the engine with windows of `window_bits` bits (2 to 15), `windows` (1 to 24) of them in a pass.
    ///
    /// # Errors
    /// What building and loading run into; [`Error::Limit`] for another shape.
    pub fn new((window_bits, windows): (usize, usize), config: &Config) -> Result<Self, Error> {
        for (what, got, limit) in [("window bits", window_bits, 15), ("windows in a pass", windows, 24)] {
            if got > limit || got < 1 + usize::from(limit == 15) {
                return Err(Error::Limit { what, got: got as u64, limit: limit as u64 });
            }
        }
        let mut engine = config.engine(&designs::msm_g1("msm_g1", (window_bits, windows)))?;
        let slots = engine.read(registers::SLOTS)? as usize;
        let latency = engine.read(registers::ADDER_LATENCY)? as usize;
        Ok(Self { engine, window_bits, windows, slots, latency })
    }

    /// Σ scalarsᵢ·pointsᵢ and what the engine counted, all passes together; `checkpoint` is asked now and then whether
    /// to go on.
    ///
    /// # Errors
    /// [`Error::Stopped`]; faults of the design.
    pub fn run(
        &mut self,
        points: &[G1Affine],
        scalars: &[Fr],
        checkpoint: &mut dyn FnMut() -> bool,
    ) -> Result<(G1Affine, Counters), Error> {
        let digits: Vec<Vec<i32>> = scalars.iter().map(|scalar| g1::signed_digits(scalar, self.window_bits)).collect();
        let all = g1::SCALAR_BITS.div_ceil(self.window_bits);
        let (mut sums, mut counters) = (Vec::new(), Counters::default());
        for first in (0..all).step_by(self.windows) {
            let packet: Vec<Beat> = points
                .iter()
                .zip(&digits)
                .filter(|(point, _)| !point.is_zero())
                .flat_map(|(point, digits)| {
                    let digits = &digits[first..all.min(first + self.windows)];
                    [g1::coordinate(&point.x), g1::coordinate(&point.y), g1::digit_beat(digits)]
                })
                .collect();
            if packet.is_empty() {
                return Ok((G1Affine::identity(), counters));
            }
            self.engine.write(registers::CONTROL, 1)?;
            self.engine.phase(0, "clear");
            let beats = 3 * self.windows * self.window_bits;
            let answer = self.engine.exchange(&packet, beats, self.budget(packet.len(), beats), checkpoint)?;
            sums.extend(aggregate::points(&answer)?);
            counters = counters.plus(finish(&mut self.engine)?);
        }
        Ok((g1::join(&sums), counters))
    }

    /// Clocks after which a pass has failed: 100 times what backpressure of up to 99% can make of it.
    fn budget(&self, beats: usize, answer: usize) -> u64 {
        let work = beats * self.windows.max(3) + self.slots * (self.window_bits + 4) + 64 * self.latency + answer;
        100 * work as u64
    }

    /// Clocks simulated so far.
    pub fn clock(&self) -> u64 {
        self.engine.clock()
    }

    /// The engine.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }
}
