//! What both engines share: the identity of a run, its counters, and the stream of results.

use super::ports::StreamOut;
use super::registers::STATUS_BITS;
use crate::block::{Parameter, Title};
use num_bigint::BigUint;
use rust_hdl::prelude::*;

/// A number of things that come and go, modulo 2^N; one may come and one go in a clock.
#[derive(LogicBlock, Default)]
pub struct UpDown<const N: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous: back to 0.
    pub clear: Signal<In, Bit>,
    /// One comes.
    pub up: Signal<In, Bit>,
    /// One goes.
    pub down: Signal<In, Bit>,
    /// How many there are.
    pub count: Signal<Out, Bits<N>>,
    /// Whether there is any.
    pub any: Signal<Out, Bit>,
    number: DFF<Bits<N>>,
    title: Title,
}

impl<const N: usize> UpDown<N> {
    /// The counter.
    pub fn new() -> Self {
        let description = "A number of things of which one may come and one go in a clock.";
        Self { title: Title::new(&format!("up_down_{N}"), description), ..Self::default() }
    }
}

impl<const N: usize> Logic for UpDown<N> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, number);
        self.count.next = self.number.q.val();
        self.any.next = self.number.q.val().any();
        if self.clear.val() {
            self.number.d.next = bits::<N>(0);
        } else if self.up.val() & !self.down.val() {
            self.number.d.next = self.number.q.val() + 1;
        } else if self.down.val() & !self.up.val() {
            self.number.d.next = self.number.q.val() - 1;
        }
    }
}

/// The counters of a run, and all status registers' values.
#[derive(LogicBlock, Default)]
pub struct Counters {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// A run begins: all counters go to 0.
    pub start: Signal<In, Bit>,
    /// Clocks are counted.
    pub running: Signal<In, Bit>,
    /// Clocks count as accumulation.
    pub accumulating: Signal<In, Bit>,
    /// A value waits for the accumulator.
    pub waiting: Signal<In, Bit>,
    /// An addition starts.
    pub issued: Signal<In, Bit>,
    /// A value from the stream is accepted.
    pub accepted: Signal<In, Bit>,
    /// Pairs in the queue.
    pub queued: Signal<In, Bits<8>>,
    /// The engine is busy.
    pub busy: Signal<In, Bit>,
    /// The run before is finished.
    pub finished: Signal<In, Bit>,
    /// A packet ended inside an item.
    pub cut: Signal<In, Bit>,
    /// Something was out of range.
    pub range: Signal<In, Bit>,
    /// STATUS and the counters, as the register file wants them.
    pub status: Signal<Out, Bits<STATUS_BITS>>,
    cycles: DFF<Bits<32>>,
    stalls: DFF<Bits<32>>,
    additions: DFF<Bits<32>>,
    items: DFF<Bits<32>>,
    accumulated: DFF<Bits<32>>,
    peak: DFF<Bits<8>>,
    title: Title,
}

impl Counters {
    /// The counters.
    pub fn new() -> Self {
        Self {
            title: Title::new("counters", "What a run counts, and the status registers' values."),
            ..Self::default()
        }
    }
}

impl Logic for Counters {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, cycles, stalls, additions, items, accumulated, peak);
        if self.start.val() {
            self.cycles.d.next = bits::<32>(0);
            self.stalls.d.next = bits::<32>(0);
            self.additions.d.next = bits::<32>(0);
            self.items.d.next = bits::<32>(0);
            self.accumulated.d.next = bits::<32>(0);
            self.peak.d.next = bits::<8>(0);
        } else if self.running.val() {
            self.cycles.d.next = self.cycles.q.val() + 1;
            self.stalls.d.next = self.stalls.q.val() + self.waiting.val();
            self.additions.d.next = self.additions.q.val() + self.issued.val();
            self.items.d.next = self.items.q.val() + self.accepted.val();
            self.accumulated.d.next = self.accumulated.q.val() + self.accumulating.val();
            if self.queued.val() > self.peak.q.val() {
                self.peak.d.next = self.queued.val();
            }
        }
        self.status.next = bit_cast::<STATUS_BITS, 1>(self.busy.val().into())
            | (bit_cast::<STATUS_BITS, 1>(self.finished.val().into()) << 1)
            | (bit_cast::<STATUS_BITS, 1>(self.cut.val().into()) << 8)
            | (bit_cast::<STATUS_BITS, 1>(self.range.val().into()) << 9)
            | (bit_cast::<STATUS_BITS, 32>(self.cycles.q.val()) << 32)
            | (bit_cast::<STATUS_BITS, 32>(self.stalls.q.val()) << 64)
            | (bit_cast::<STATUS_BITS, 32>(self.additions.q.val()) << 96)
            | (bit_cast::<STATUS_BITS, 32>(self.items.q.val()) << 128)
            | (bit_cast::<STATUS_BITS, 8>(self.peak.q.val()) << 160)
            | (bit_cast::<STATUS_BITS, 32>(self.accumulated.q.val()) << 192);
    }
}

/// What the stream of results does.
#[derive(Debug, Clone, Copy, PartialEq, LogicState)]
enum Sending {
    Idle,
    Pop,
    Fetch,
    X,
    Y,
    Z,
}

/// Reads the results' slots, one after the other, and sends x, y and z of each; an empty slot is the identity.
#[derive(LogicBlock, Default)]
pub struct Results<const W: usize, const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// Starts, in a clock in which nothing is sent.
    pub start: Signal<In, Bit>,
    /// The last beat is taken.
    pub done: Signal<Out, Bit>,
    /// A slot is asked for.
    pub pop_valid: Signal<Out, Bit>,
    /// Which.
    pub pop_slot: Signal<Out, Bits<S>>,
    /// The request is taken; the answer comes in the next clock.
    pub pop_ready: Signal<In, Bit>,
    /// Whether the slot had a value.
    pub full: Signal<In, Bit>,
    /// The value.
    pub value: [Signal<In, Bits<W>>; 3],
    /// The stream.
    pub m_axis: StreamOut<W>,
    first: Parameter<Bits<S>>,
    last: Parameter<Bits<S>>,
    identity: [Parameter<Bits<W>>; 3],
    state: DFF<Sending>,
    slot: DFF<Bits<S>>,
    result: [DFF<Bits<W>>; 3],
    at_last: Signal<Local, Bit>,
    title: Title,
}

impl<const W: usize, const S: usize> Results<W, S> {
    /// The stream of `results` slots from `first` on.
    pub fn new(first: usize, results: usize, identity: &[BigUint; 3]) -> Self {
        Self {
            first: Parameter::new(first.to_bits()),
            last: Parameter::new((first + results - 1).to_bits()),
            identity: std::array::from_fn(|i| Parameter::new(identity[i].clone().into())),
            title: Title::new("results", &format!("Sends x, y, z of {results} slots from {first} on.")),
            ..Self::default()
        }
    }
}

impl<const W: usize, const S: usize> Logic for Results<W, S> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, slot);
        for i in 0..3 {
            self.result[i].clock.next = self.clock.val();
            self.result[i].d.next = self.result[i].q.val();
        }
        self.at_last.next = self.slot.q.val() == self.last.val();
        self.pop_valid.next = self.state.q.val() == Sending::Pop;
        self.pop_slot.next = self.slot.q.val();
        match self.state.q.val() {
            Sending::Idle => {
                self.slot.d.next = self.first.val();
                if self.start.val() {
                    self.state.d.next = Sending::Pop;
                }
            }
            Sending::Pop => {
                if self.pop_ready.val() {
                    self.state.d.next = Sending::Fetch;
                }
            }
            Sending::Fetch => {
                for i in 0..3 {
                    self.result[i].d.next = self.identity[i].val();
                    if self.full.val() {
                        self.result[i].d.next = self.value[i].val();
                    }
                }
                self.state.d.next = Sending::X;
            }
            Sending::X => {
                if self.m_axis.tready.val() {
                    self.state.d.next = Sending::Y;
                }
            }
            Sending::Y => {
                if self.m_axis.tready.val() {
                    self.state.d.next = Sending::Z;
                }
            }
            Sending::Z => {
                if self.m_axis.tready.val() {
                    self.slot.d.next = self.slot.q.val() + 1;
                    self.state.d.next = Sending::Pop;
                    if self.at_last.val() {
                        self.state.d.next = Sending::Idle;
                    }
                }
            }
            _ => {
                self.state.d.next = Sending::Idle;
            }
        }
        if self.reset.val() {
            self.state.d.next = Sending::Idle;
        }
        self.m_axis.tdata.next = self.result[2].q.val();
        self.m_axis.tvalid.next = self.state.q.val() == Sending::Z;
        if self.state.q.val() == Sending::X {
            self.m_axis.tdata.next = self.result[0].q.val();
            self.m_axis.tvalid.next = true;
        } else if self.state.q.val() == Sending::Y {
            self.m_axis.tdata.next = self.result[1].q.val();
            self.m_axis.tvalid.next = true;
        }
        self.m_axis.tlast.next = (self.state.q.val() == Sending::Z) & self.at_last.val();
        self.done.next = (self.state.q.val() == Sending::Z) & self.at_last.val() & self.m_axis.tready.val();
    }
}
