//! Transactors: AXI-Lite registers and AXI-Stream packets of an engine, under random backpressure and a cycle budget.

use crate::compile::Options;
use crate::error::Error;
use crate::model::{Model, Pin};
use crate::timeline::{PROBES, Timeline};
use arblast_hdl::Design;
use arblast_hdl::engine::registers;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::path::Path;

/// One transfer of a stream: words of 32 bits, lowest first.
pub type Beat = [u32; 32];

/// How often a side holds back, drawn from a seed: the same seed gives the same run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backpressure {
    /// Clocks in a hundred in which the input offers nothing new, and the output is not taken; below 100.
    pub percent: u8,
    /// Seed of the draws.
    pub seed: u64,
}

/// What an engine counted in its last run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Clocks from the start to the last result.
    pub cycles: u64,
    /// Clocks to the end of the accumulation, before the reduction.
    pub accumulated: u64,
    /// Clocks in which a value waited for the accumulator.
    pub stalls: u64,
    /// Additions issued.
    pub additions: u64,
    /// Values accepted: non-zero digits, or selected points.
    pub items: u64,
    /// Most pairs that waited for the adder at one time.
    pub queue_peak: u64,
}

impl Counters {
    /// The counters of two runs together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            cycles: self.cycles + other.cycles,
            accumulated: self.accumulated + other.accumulated,
            stalls: self.stalls + other.stalls,
            additions: self.additions + other.additions,
            items: self.items + other.items,
            queue_peak: self.queue_peak.max(other.queue_peak),
        }
    }

    /// Part of the clocks in which an addition was issued.
    pub fn occupancy(&self) -> f64 {
        self.additions as f64 / self.cycles.max(1) as f64
    }

    /// Clocks of the accumulation for each accepted value.
    pub fn cycles_per_item(&self) -> f64 {
        self.accumulated as f64 / self.items.max(1) as f64
    }
}

struct Pins {
    in_data: Pin,
    in_valid: Pin,
    in_ready: Pin,
    in_last: Pin,
    out_data: Pin,
    out_valid: Pin,
    out_ready: Pin,
    out_last: Pin,
}

/// An engine under simulation.
pub struct Engine {
    model: Model,
    pins: Pins,
    rng: ChaCha8Rng,
    percent: u32,
    probes: Option<[Pin; 2]>,
    timeline: Timeline,
}

/// Clocks that a register access may take.
const REGISTER_BUDGET: u64 = 64;

impl Engine {
    /// Builds the model and resets it. It keeps a [timeline](Self::timeline) where the options have
    /// [its signals](Self::with_timeline).
    ///
    /// # Errors
    /// What building and loading run into.
    pub fn new(
        design: &Design,
        options: &Options,
        pressure: Backpressure,
        trace: Option<&Path>,
    ) -> Result<Self, Error> {
        let mut model = Model::traced(design, options, trace)?;
        let pins = Pins {
            in_data: model.pin("s_axis_tdata"),
            in_valid: model.pin("s_axis_tvalid"),
            in_ready: model.pin("s_axis_tready"),
            in_last: model.pin("s_axis_tlast"),
            out_data: model.pin("m_axis_tdata"),
            out_valid: model.pin("m_axis_tvalid"),
            out_ready: model.pin("m_axis_tready"),
            out_last: model.pin("m_axis_tlast"),
        };
        let reset = model.pin("reset");
        for high in [1, 1, 1, 0] {
            model.set(reset, high);
            model.settle();
            model.edge();
        }
        let percent = u32::from(pressure.percent.min(99));
        let rng = ChaCha8Rng::seed_from_u64(pressure.seed);
        let probes = model.probe(PROBES[0]).zip(model.probe(PROBES[1])).map(|(add, queued)| [add, queued]);
        Ok(Self { model, pins, rng, percent, probes, timeline: Timeline::default() })
    }

    /// Options of an engine that keeps a timeline.
    #[must_use]
    pub fn with_timeline(options: Options) -> Options {
        options.with_probes(&PROBES)
    }

    /// What the adder and the queue did in the transfers so far; empty where the options did not ask for it.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Says what the engine does from `back` clocks ago on, for the timeline.
    pub(crate) fn phase(&mut self, back: u64, name: &'static str) {
        let start = self.timeline.len().saturating_sub(back as usize);
        self.timeline.phase(start, name);
    }

    /// Writes the coverage so far to a file for `verilator_coverage`.
    ///
    /// # Errors
    /// [`Error::Load`] for a path that C++ cannot have.
    pub fn write_coverage(&mut self, path: &Path) -> Result<(), Error> {
        self.model.write_coverage(path)
    }

    /// The folder of the Verilog that the model was made from.
    pub(crate) fn sources(&self) -> &Path {
        self.model.sources()
    }

    /// Notes the clock, then the edge.
    fn edge(&mut self) {
        if let Some([add, queued]) = self.probes {
            let (addition, queued) = (self.model.get(add) == 1, self.model.get(queued));
            self.timeline.push(addition, queued);
        }
        self.model.edge();
    }

    /// Clocks simulated so far.
    pub fn clock(&self) -> u64 {
        self.model.cycles()
    }

    /// Reads a register.
    ///
    /// # Errors
    /// [`Error::Budget`] where the engine does not answer.
    pub fn read(&mut self, offset: u32) -> Result<u32, Error> {
        let [address, valid, ready] = ["araddr", "arvalid", "arready"].map(|n| self.model.pin(&format!("s_axil_{n}")));
        let [data, done, take] = ["rdata", "rvalid", "rready"].map(|n| self.model.pin(&format!("s_axil_{n}")));
        self.model.set(address, offset);
        self.model.set(valid, 1);
        self.model.set(take, 1);
        for _ in 0..REGISTER_BUDGET {
            self.model.settle();
            let (accepted, answered) = (self.model.get(ready) == 1, self.model.get(done) == 1);
            let value = self.model.get(data);
            self.model.edge();
            if answered {
                self.model.set(take, 0);
                return Ok(value);
            }
            if accepted {
                self.model.set(valid, 0);
            }
        }
        Err(Error::Budget { what: "a register read", budget: REGISTER_BUDGET })
    }

    /// Writes a register.
    ///
    /// # Errors
    /// [`Error::Budget`] where the engine does not answer.
    pub fn write(&mut self, offset: u32, value: u32) -> Result<(), Error> {
        let [address, data, done] = ["awaddr", "wdata", "bvalid"].map(|n| self.model.pin(&format!("s_axil_{n}")));
        let [a_valid, d_valid, ready] = ["awvalid", "wvalid", "wready"].map(|n| self.model.pin(&format!("s_axil_{n}")));
        let take = self.model.pin("s_axil_bready");
        self.model.set(address, offset);
        self.model.set(data, value);
        for pin in [a_valid, d_valid, take] {
            self.model.set(pin, 1);
        }
        for _ in 0..REGISTER_BUDGET {
            self.model.settle();
            let (accepted, answered) = (self.model.get(ready) == 1, self.model.get(done) == 1);
            self.model.edge();
            if accepted {
                self.model.set(a_valid, 0);
                self.model.set(d_valid, 0);
            }
            if answered {
                self.model.set(take, 0);
                return Ok(());
            }
        }
        Err(Error::Budget { what: "a register write", budget: REGISTER_BUDGET })
    }

    /// The counters of the last run.
    ///
    /// # Errors
    /// [`Error::Budget`] where the engine does not answer.
    pub fn counters(&mut self) -> Result<Counters, Error> {
        Ok(Counters {
            cycles: self.read(registers::CYCLES)?.into(),
            accumulated: self.read(registers::ACCUMULATED)?.into(),
            stalls: self.read(registers::STALLS)?.into(),
            additions: self.read(registers::ADDITIONS)?.into(),
            items: self.read(registers::ITEMS)?.into(),
            queue_peak: self.read(registers::QUEUE_PEAK)?.into(),
        })
    }

    /// Sends a packet and receives `answer` beats (and `tlast` on the last), within a budget of clocks; `checkpoint` is
    /// asked every thousand clocks whether to go on.
    ///
    /// # Errors
    /// [`Error::Budget`], [`Error::Stopped`], and [`Error::Design`] where `tlast` comes at the wrong beat.
    pub fn exchange(
        &mut self,
        packet: &[Beat],
        answer: usize,
        budget: u64,
        checkpoint: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<Beat>, Error> {
        let mut received = Vec::with_capacity(answer);
        let (mut sent, mut offered) = (0, false);
        for clock in 0..budget {
            if sent == packet.len() && received.len() == answer {
                return Ok(received);
            }
            if clock % 1000 == 0 && !checkpoint() {
                return Err(Error::Stopped);
            }
            // What is offered stays offered until it is taken (AXI).
            if !offered && sent < packet.len() && !self.hold() {
                offered = true;
                self.model.set_words(self.pins.in_data, &packet[sent][..self.pins.in_data.words()]);
                self.model.set(self.pins.in_last, u32::from(sent + 1 == packet.len()));
            }
            self.model.set(self.pins.in_valid, u32::from(offered));
            let ready = received.len() < answer && !self.hold();
            self.model.set(self.pins.out_ready, u32::from(ready));
            self.model.settle();
            if offered && self.model.get(self.pins.in_ready) == 1 {
                (sent, offered) = (sent + 1, false);
            }
            if ready && self.model.get(self.pins.out_valid) == 1 {
                received.push(self.model.words(self.pins.out_data));
                let last = self.model.get(self.pins.out_last) == 1;
                if last != (received.len() == answer) {
                    return Err(Error::Design(format!("tlast is {last} on beat {} of {answer}", received.len())));
                }
            }
            self.edge();
            self.model.set(self.pins.in_valid, 0);
            self.model.set(self.pins.out_ready, 0);
        }
        Err(Error::Budget { what: "a packet", budget })
    }

    fn hold(&mut self) -> bool {
        self.percent > 0 && self.rng.next_u32() % 100 < self.percent
    }
}
