//! The G1 engines under simulation, with arkworks' points on both sides.

use crate::axi::{Backpressure, Beat, Counters, Engine};
use crate::compile::Options;
use crate::error::Error;
use crate::g1;
use crate::shim::Trace;
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
const CLEAN: u32 = 2;

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

/// Whether a loading ended as it must.
pub(crate) fn loaded(engine: &mut Engine) -> Result<(), Error> {
    match engine.read(registers::STATUS)? {
        CLEAN => Ok(()),
        status => Err(Error::Design(format!("status {status:#x} after loading"))),
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
            sums.extend(g1::points(&answer)?);
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

/// The aggregation engine for G1, with its points in memory.
pub struct AggregateG1 {
    engine: Engine,
    sums: usize,
    capacity: usize,
    loaded: usize,
    identities: Vec<bool>,
}

impl AggregateG1 {
    /// Builds the engine with room for 2^`point_bits` (at most 20) points and `sums` (2 to 4096) sums in a run.
    ///
    /// # Errors
    /// What building and loading run into; [`Error::Limit`] for another shape.
    pub fn new((point_bits, sums): (usize, usize), config: &Config) -> Result<Self, Error> {
        for (what, got, limit) in [("log2 of the points", point_bits, 20), ("sums", sums, 4096)] {
            if got > limit || got < 2 {
                return Err(Error::Limit { what, got: got as u64, limit: limit as u64 });
            }
        }
        let engine = config.engine(&designs::aggregate_g1("aggregate_g1", (point_bits, sums)))?;
        Ok(Self { engine, sums, capacity: 1 << point_bits, loaded: 0, identities: Vec::new() })
    }

    /// Puts points into the engine's memory, in place of those before.
    ///
    /// # Errors
    /// [`Error::Limit`] for more points than fit.
    pub fn load(&mut self, points: &[G1Affine], checkpoint: &mut dyn FnMut() -> bool) -> Result<(), Error> {
        if points.len() > self.capacity {
            return Err(Error::Limit { what: "points", got: points.len() as u64, limit: self.capacity as u64 });
        }
        self.loaded = points.len();
        self.identities = points.iter().map(|point| point.is_zero()).collect();
        if points.is_empty() {
            return Ok(());
        }
        let packet: Vec<Beat> = points.iter().flat_map(|p| [g1::coordinate(&p.x), g1::coordinate(&p.y)]).collect();
        self.engine.write(registers::CONTROL, 4)?;
        self.engine.phase(0, "load");
        self.engine.exchange(&packet, 0, 1000 * (packet.len() as u64 + 100), checkpoint)?;
        loaded(&mut self.engine)
    }

    /// Clocks simulated so far.
    pub fn clock(&self) -> u64 {
        self.engine.clock()
    }

    /// The engine.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// The sum of each list's points, and what the engine counted.
    ///
    /// # Errors
    /// [`Error::Limit`] for an index beyond the loaded points; [`Error::Stopped`]; faults of the design.
    pub fn run(
        &mut self,
        lists: &[&[u32]],
        checkpoint: &mut dyn FnMut() -> bool,
    ) -> Result<(Vec<G1Affine>, Counters), Error> {
        let (mut answers, mut counters) = (Vec::with_capacity(lists.len()), Counters::default());
        for group in lists.chunks(self.sums) {
            let mut packet = Vec::new();
            for (sum, list) in group.iter().enumerate() {
                for &index in *list {
                    if index as usize >= self.loaded {
                        return Err(Error::Limit { what: "index", got: index.into(), limit: self.loaded as u64 });
                    }
                    if !self.identities[index as usize] {
                        packet.push(selection(index, sum, 1));
                    }
                }
            }
            if packet.is_empty() {
                packet.push(selection(0, 0, 0));
            }
            self.engine.write(registers::CONTROL, 1)?;
            self.engine.phase(0, "clear");
            let budget = 1000 * (packet.len() + 4 * self.sums + 2000) as u64;
            let answer = self.engine.exchange(&packet, 3 * self.sums, budget, checkpoint)?;
            answers.extend(g1::points(&answer)?.into_iter().take(group.len()));
            counters = counters.plus(finish(&mut self.engine)?);
        }
        Ok((answers, counters))
    }
}

/// A selection beat: the points `first` + i for the bits i of `mask`, into `sum`.
pub(crate) fn selection(first: u32, sum: usize, mask: u32) -> Beat {
    let mut beat = [0; 32];
    (beat[0], beat[1]) = (first, sum as u32 | mask << 16);
    beat
}
