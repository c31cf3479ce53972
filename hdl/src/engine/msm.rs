//! The MSM engine: points and signed digits in, one point for each bit of each window out.
//!
//! Bucket m of window k (digit m or −m) is a slot of the [accumulator](super::accumulator). The reduction Σ m·Bₘ is
//! done by the same accumulator: bucket m is added to the slot of every bit that is set in m, so that
//! Σ m·Bₘ = Σᵢ 2ⁱ·Sᵢ with Sᵢ the sum of the buckets whose number has bit i. That is (C/2)·2^(C−1) more additions for a
//! window of C bits, at the full rate of one a clock, where running sums would wait for the adder's latency. The host
//! doubles and adds the Sᵢ, which joins the windows at the same time.
//!
//! Stream in (W bits): three beats a point, x, y (Montgomery) and the digits, 16 bits for each window, two's
//! complement, lowest window lowest; `tlast` on the last point's digits. Digits are in −2^(C−1)..=2^(C−1). A point at
//! infinity is sent with digits 0. Stream out: x, y, z (homogeneous, Montgomery) for window 0 bit 0, window 0 bit 1, …

use super::accumulator::Accumulator;
use super::msm_stages::{DigitIssue, PointRing, Reducer};
use super::ports::{AxiLite, StreamIn, StreamOut};
use super::registers::RegisterFile;
use super::shell::{Counters, Results};
use crate::block::{Parameter, Title, comment};
use crate::units::point_add::Adder;
use num_bigint::BigUint;
use rust_hdl::prelude::*;

/// Bits of a digit on the stream.
pub const DIGIT_BITS: usize = 16;

/// The shape of an engine and the group it works in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// C: bits of a window, 2 to 15.
    pub window_bits: usize,
    /// K: windows in a pass; K digits fit a beat.
    pub windows: usize,
    /// p, for the opposite of a point.
    pub modulus: BigUint,
    /// z of an affine point.
    pub one: BigUint,
    /// The identity.
    pub identity: [BigUint; 3],
}

impl Shape {
    /// Buckets of a window: digits 1 to 2^(C−1).
    pub fn buckets(&self) -> usize {
        1 << (self.window_bits - 1)
    }

    /// All slots: the buckets, then one for each bit of each window.
    pub fn slots(&self) -> usize {
        self.windows * (self.buckets() + self.window_bits)
    }
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, LogicState)]
enum State {
    Idle,
    Clear,
    Run,
    Drain,
    Reduce,
    Settle,
    Send,
}

/// The engine, with an adder A; S bits number its slots.
///
/// Run: slots are cleared; points come in and their digits become operations; when nothing is in flight any more the
/// buckets are reduced; when nothing is in flight again the results are sent.
#[derive(LogicBlock, Default)]
pub struct MsmEngine<const W: usize, const S: usize, A: Adder<W> + Default> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// Registers.
    pub s_axil: AxiLite,
    /// Points and digits.
    pub s_axis: StreamIn<W>,
    /// Results.
    pub m_axis: StreamOut<W>,
    regs: RegisterFile,
    counters: Counters,
    points: PointRing<W>,
    digits: DigitIssue<W, S>,
    core: Accumulator<W, S>,
    adder: A,
    reducer: Reducer<W, S>,
    results: Results<W, S>,
    one: Parameter<Bits<W>>,
    last_slot: Parameter<Bits<S>>,
    state: DFF<State>,
    slot: DFF<Bits<S>>,
    finished: DFF<Bit>,
    cut: DFF<Bit>,
    range: DFF<Bit>,
    idle: Signal<Local, Bit>,
    start: Signal<Local, Bit>,
    stop: Signal<Local, Bit>,
    drained: Signal<Local, Bit>,
    settled: Signal<Local, Bit>,
    title: Title,
}

impl<const W: usize, const S: usize, A: Adder<W> + Default> MsmEngine<W, S, A> {
    /// The engine of this shape around `adder`.
    pub fn new(shape: &Shape, adder: A) -> Self {
        let (c, k, buckets) = (shape.window_bits, shape.windows, shape.buckets());
        assert!(
            (2..=15).contains(&c) && k >= 1 && k * DIGIT_BITS <= W,
            "2 to 15 bits, digits of all windows in a beat"
        );
        let latency = adder.latency();
        let constants = [0x4152_424C, 1, 1, c as u32, k as u32, latency as u32, shape.slots() as u32];
        let description = format!(
            "MSM engine: {k} windows of {c} bits in a pass, {buckets} buckets each; adder latency {latency}.\n\
             Stream in: x, y, digits of each point. Stream out: x, y, z of one point for each bit of each window."
        );
        Self {
            regs: RegisterFile::new(&constants),
            counters: Counters::new(),
            points: PointRing::new(&shape.modulus),
            digits: DigitIssue::new(shape),
            core: Accumulator::new(shape.slots(), latency),
            adder,
            reducer: Reducer::new(shape),
            results: Results::new(k * buckets, k * c, &shape.identity),
            one: Parameter::new(shape.one.clone().into()),
            last_slot: Parameter::new((shape.slots() - 1).to_bits()),
            title: Title::new(&format!("msm_engine_{c}x{k}"), &description),
            ..Self::default()
        }
    }
}

impl<const W: usize, const S: usize, A: Adder<W> + Default> Logic for MsmEngine<W, S, A> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, regs, counters, points, digits, core, adder, reducer, results);
        dff_setup!(self, clock, state, slot, finished, cut, range);

        // The host.
        AxiLite::link(&mut self.s_axil, &mut self.regs.bus);
        self.regs.reset.next = self.reset.val();
        self.regs.status.next = self.counters.status.val();
        self.idle.next = self.state.q.val() == State::Idle;
        self.start.next = self.regs.control.val().get_bit(0) & self.idle.val();
        self.stop.next = self.reset.val() | self.regs.control.val().get_bit(1);

        // Points and digits become operations.
        StreamIn::<W>::link(&mut self.s_axis, &mut self.points.s_axis);
        self.points.clear.next = self.stop.val() | self.start.val();
        self.points.open.next = self.state.q.val() == State::Run;
        self.points.next_point.next = self.digits.next_point.val();
        self.digits.clear.next = self.stop.val() | self.start.val();
        self.digits.point_ready.next = self.points.ready.val() & (self.state.q.val() == State::Run);
        self.digits.x.next = self.points.x.val();
        self.digits.y.next = self.points.y.val();
        self.digits.negated_y.next = self.points.negated_y.val();
        self.digits.digits.next = self.points.digits.val();
        self.digits.op_taken.next = self.core.in_ready.val();

        // Operations, or buckets that are reduced, go to the accumulator.
        self.core.reset.next = self.stop.val();
        self.core.in_valid.next = self.digits.op_valid.val() | self.reducer.feed_valid.val();
        self.core.in_slot.next = self.digits.op_slot.val();
        self.core.in_x.next = self.digits.op_x.val();
        self.core.in_y.next = self.digits.op_y.val();
        self.core.in_z.next = self.one.val();
        if self.reducer.feed_valid.val() {
            self.core.in_slot.next = self.reducer.feed_slot.val();
            self.core.in_x.next = self.reducer.feed[0].val();
            self.core.in_y.next = self.reducer.feed[1].val();
            self.core.in_z.next = self.reducer.feed[2].val();
        }
        self.core.pop_valid.next = self.reducer.pop_valid.val() | self.results.pop_valid.val();
        self.core.pop_slot.next = self.results.pop_slot.val();
        if self.reducer.pop_valid.val() {
            self.core.pop_slot.next = self.reducer.pop_slot.val();
        }
        self.core.clear_valid.next = self.state.q.val() == State::Clear;
        self.core.clear_slot.next = self.slot.q.val();
        self.adder.x1.next = self.core.add_x1.val();
        self.adder.y1.next = self.core.add_y1.val();
        self.adder.z1.next = self.core.add_z1.val();
        self.adder.x2.next = self.core.add_x2.val();
        self.adder.y2.next = self.core.add_y2.val();
        self.adder.z2.next = self.core.add_z2.val();
        self.core.sum_x.next = self.adder.x3.val();
        self.core.sum_y.next = self.adder.y3.val();
        self.core.sum_z.next = self.adder.z3.val();

        // The reduction, and the results.
        self.drained.next = (self.state.q.val() == State::Drain) & !self.digits.op_valid.val() & !self.core.busy.val();
        self.settled.next = (self.state.q.val() == State::Settle) & !self.core.busy.val();
        self.reducer.reset.next = self.stop.val();
        self.reducer.start.next = self.drained.val();
        self.reducer.pop_ready.next = self.core.pop_ready.val();
        self.reducer.feed_taken.next = self.core.in_ready.val();
        self.results.reset.next = self.stop.val();
        self.results.start.next = self.settled.val();
        self.results.pop_ready.next = self.core.pop_ready.val();
        self.reducer.full.next = self.core.out_full.val();
        self.results.full.next = self.core.out_full.val();
        self.reducer.value[0].next = self.core.out_x.val();
        self.reducer.value[1].next = self.core.out_y.val();
        self.reducer.value[2].next = self.core.out_z.val();
        self.results.value[0].next = self.core.out_x.val();
        self.results.value[1].next = self.core.out_y.val();
        self.results.value[2].next = self.core.out_z.val();
        StreamOut::<W>::link(&mut self.m_axis, &mut self.results.m_axis);

        // What is counted.
        self.counters.start.next = self.start.val();
        self.counters.running.next = !self.idle.val() & (self.state.q.val() != State::Clear);
        self.counters.accumulating.next = (self.state.q.val() == State::Run) | (self.state.q.val() == State::Drain);
        self.counters.waiting.next = self.core.in_valid.val() & !self.core.in_ready.val();
        self.counters.issued.next = self.core.add_valid.val();
        self.counters.accepted.next = self.digits.op_valid.val() & self.core.in_ready.val();
        self.counters.queued.next = self.core.queued.val();
        self.counters.busy.next = !self.idle.val();
        self.counters.finished.next = self.finished.q.val();
        self.counters.cut.next = self.cut.q.val();
        self.counters.range.next = self.range.q.val();

        comment!("The run.");
        match self.state.q.val() {
            State::Idle => {
                self.slot.d.next = bits::<S>(0);
                if self.start.val() {
                    self.state.d.next = State::Clear;
                    self.finished.d.next = false;
                    self.cut.d.next = false;
                    self.range.d.next = false;
                }
            }
            State::Clear => {
                self.slot.d.next = self.slot.q.val() + 1;
                if self.slot.q.val() == self.last_slot.val() {
                    self.state.d.next = State::Run;
                }
            }
            State::Run => {
                if self.digits.next_point.val() & self.points.last.val() {
                    self.state.d.next = State::Drain;
                }
            }
            State::Drain => {
                if self.drained.val() {
                    self.state.d.next = State::Reduce;
                }
            }
            State::Reduce => {
                if self.reducer.done.val() {
                    self.state.d.next = State::Settle;
                }
            }
            State::Settle => {
                if self.settled.val() {
                    self.state.d.next = State::Send;
                }
            }
            State::Send => {
                if self.results.done.val() {
                    self.state.d.next = State::Idle;
                    self.finished.d.next = true;
                }
            }
            _ => {
                self.state.d.next = State::Idle;
            }
        }
        if self.points.cut.val() {
            self.cut.d.next = true;
        }
        if self.digits.out_of_range.val() {
            self.range.d.next = true;
        }
        if self.stop.val() {
            self.state.d.next = State::Idle;
            self.finished.d.next = false;
            self.cut.d.next = false;
            self.range.d.next = false;
        }
    }
}
