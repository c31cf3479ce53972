//! The aggregation engine: sums of G1 points (public keys) that lie in the engine's memory, by index or by mask.
//!
//! Points are loaded once (CONTROL bit 2): two beats a point, x and y in Montgomery form, `tlast` on the last y. A run
//! (CONTROL bit 0) streams selections, one beat each: bits 31:0 the index of a first point, bits 47:32 the number of
//! the sum, bits 63:48 a mask: bit i selects the point i places after the first. An index list is a beat with mask 1 an
//! index; a dense bit mask is a beat for 16 points. `tlast` on the last. One selected point is added a clock, whatever
//! the sum: the [accumulator](super::accumulator) pairs them through the adder's latency. Then every sum is sent as
//! x, y, z (homogeneous), sum 0 first. A point at infinity has no affine form: the host leaves it out.

use super::accumulator::Accumulator;
use super::ports::{AxiLite, StreamIn, StreamOut};
use super::registers::RegisterFile;
use super::shell::{Counters, Results};
use crate::block::{Parameter, Title, comment};
use crate::units::memory::BlockRam;
use crate::units::point_add::Adder;
use num_bigint::BigUint;
use rust_hdl::prelude::*;

/// Points that one selection beat can name.
pub const MASK_BITS: usize = 16;

/// The shape of an engine and the group it works in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// log2 of the points that fit the memory, at most 20.
    pub point_bits: usize,
    /// Number of sums.
    pub sums: usize,
    /// z of an affine point.
    pub one: BigUint,
    /// The identity.
    pub identity: [BigUint; 3],
}

/// What the engine is doing.
#[derive(Debug, Clone, Copy, PartialEq, LogicState)]
enum Activity {
    Idle,
    Load,
    Clear,
    Run,
    Drain,
    Send,
}

/// The engine, with an adder A; S bits number its sums.
#[derive(LogicBlock, Default)]
pub struct AggregateEngine<const W: usize, const S: usize, A: Adder<W> + Default> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// Registers.
    pub s_axil: AxiLite,
    /// Points, or selections.
    pub s_axis: StreamIn<W>,
    /// Results.
    pub m_axis: StreamOut<W>,
    regs: RegisterFile,
    counters: Counters,
    store: PointStore<W>,
    selector: Selector<W, S>,
    core: Accumulator<W, S>,
    adder: A,
    results: Results<W, S>,
    one: Parameter<Bits<W>>,
    last_slot: Parameter<Bits<S>>,
    state: DFF<Activity>,
    slot: DFF<Bits<S>>,
    finished: DFF<Bit>,
    cut: DFF<Bit>,
    range: DFF<Bit>,
    idle: Signal<Local, Bit>,
    start: Signal<Local, Bit>,
    start_load: Signal<Local, Bit>,
    stop: Signal<Local, Bit>,
    drained: Signal<Local, Bit>,
    title: Title,
}

impl<const W: usize, const S: usize, A: Adder<W> + Default> AggregateEngine<W, S, A> {
    /// The engine of this shape around `adder`.
    pub fn new(shape: &Shape, adder: A) -> Self {
        let (sums, point_bits) = (shape.sums, shape.point_bits);
        assert!(point_bits <= 20 && sums >= 2 && W >= 64, "at most 2^20 points, two sums, 64 bits a beat");
        let latency = adder.latency();
        let numbers = [point_bits, sums, latency, sums].map(|n| n as u32);
        let constants = [&[0x4152_424C, 1, 2], &numbers[..]].concat();
        let description = format!(
            "Aggregation engine: {sums} sums over a memory of 2^{point_bits} points; adder latency {latency}.\n\
             Stream in: points (x, y), then selections. Stream out: x, y, z of each sum."
        );
        Self {
            regs: RegisterFile::new(&constants),
            counters: Counters::new(),
            store: PointStore::new(point_bits),
            selector: Selector::new(sums),
            core: Accumulator::new(sums, latency),
            adder,
            results: Results::new(0, sums, &shape.identity),
            one: Parameter::new(shape.one.clone().into()),
            last_slot: Parameter::new((sums - 1).to_bits()),
            title: Title::new(&format!("aggregate_engine_{sums}"), &description),
            ..Self::default()
        }
    }
}

impl<const W: usize, const S: usize, A: Adder<W> + Default> Logic for AggregateEngine<W, S, A> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, regs, counters, store, selector, core, adder, results);
        dff_setup!(self, clock, state, slot, finished, cut, range);

        // The host.
        AxiLite::link(&mut self.s_axil, &mut self.regs.bus);
        self.regs.reset.next = self.reset.val();
        self.regs.status.next = self.counters.status.val();
        self.idle.next = self.state.q.val() == Activity::Idle;
        self.start.next = self.regs.control.val().get_bit(0) & self.idle.val();
        self.start_load.next = self.regs.control.val().get_bit(2) & self.idle.val();
        self.stop.next = self.reset.val() | self.regs.control.val().get_bit(1);

        // The stream fills the memory, or selects.
        self.s_axis.tready.next = (self.state.q.val() == Activity::Load) | self.selector.ready.val();
        self.store.clear.next = self.stop.val() | self.start_load.val();
        self.store.data.next = self.s_axis.tdata.val();
        self.store.valid.next = self.s_axis.tvalid.val() & (self.state.q.val() == Activity::Load);
        self.store.read.next = self.selector.free.val();
        self.store.read_at.next = self.selector.read_at.val();
        self.selector.clear.next = self.stop.val() | self.start.val();
        self.selector.open.next = self.state.q.val() == Activity::Run;
        self.selector.data.next = bit_cast::<64, W>(self.s_axis.tdata.val());
        self.selector.valid.next = self.s_axis.tvalid.val();
        self.selector.last.next = self.s_axis.tlast.val();
        self.selector.stored.next = self.store.stored.val();
        self.selector.op_taken.next = self.core.in_ready.val();

        // Selected points go to the accumulator.
        self.core.reset.next = self.stop.val();
        self.core.in_valid.next = self.selector.op_valid.val();
        self.core.in_slot.next = self.selector.op_slot.val();
        self.core.in_x.next = self.store.x.val();
        self.core.in_y.next = self.store.y.val();
        self.core.in_z.next = self.one.val();
        self.core.pop_valid.next = self.results.pop_valid.val();
        self.core.pop_slot.next = self.results.pop_slot.val();
        self.core.clear_valid.next = self.state.q.val() == Activity::Clear;
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

        // The results.
        self.drained.next =
            (self.state.q.val() == Activity::Drain) & !self.selector.op_valid.val() & !self.core.busy.val();
        self.results.reset.next = self.stop.val();
        self.results.start.next = self.drained.val();
        self.results.pop_ready.next = self.core.pop_ready.val();
        self.results.full.next = self.core.out_full.val();
        self.results.value[0].next = self.core.out_x.val();
        self.results.value[1].next = self.core.out_y.val();
        self.results.value[2].next = self.core.out_z.val();
        StreamOut::<W>::link(&mut self.m_axis, &mut self.results.m_axis);

        // What is counted.
        self.counters.start.next = self.start.val();
        self.counters.running.next =
            !self.idle.val() & (self.state.q.val() != Activity::Clear) & (self.state.q.val() != Activity::Load);
        self.counters.accumulating.next =
            (self.state.q.val() == Activity::Run) | (self.state.q.val() == Activity::Drain);
        self.counters.waiting.next = self.selector.op_valid.val() & !self.core.in_ready.val();
        self.counters.issued.next = self.core.add_valid.val();
        self.counters.accepted.next = self.selector.op_valid.val() & self.core.in_ready.val();
        self.counters.queued.next = self.core.queued.val();
        self.counters.busy.next = !self.idle.val();
        self.counters.finished.next = self.finished.q.val();
        self.counters.cut.next = self.cut.q.val();
        self.counters.range.next = self.range.q.val();

        comment!("The run.");
        match self.state.q.val() {
            Activity::Idle => {
                self.slot.d.next = bits::<S>(0);
                if self.start.val() | self.start_load.val() {
                    self.state.d.next = Activity::Load;
                    self.finished.d.next = false;
                    self.cut.d.next = false;
                    self.range.d.next = false;
                }
                if self.start.val() {
                    self.state.d.next = Activity::Clear;
                }
            }
            Activity::Load => {
                if self.store.valid.val() & self.s_axis.tlast.val() {
                    self.state.d.next = Activity::Idle;
                    self.finished.d.next = true;
                    if !self.store.second.val() {
                        self.cut.d.next = true;
                    }
                }
            }
            Activity::Clear => {
                self.slot.d.next = self.slot.q.val() + 1;
                if self.slot.q.val() == self.last_slot.val() {
                    self.state.d.next = Activity::Run;
                }
            }
            Activity::Run => {
                if self.selector.done.val() {
                    self.state.d.next = Activity::Drain;
                }
            }
            Activity::Drain => {
                if self.drained.val() {
                    self.state.d.next = Activity::Send;
                }
            }
            Activity::Send => {
                if self.results.done.val() {
                    self.state.d.next = Activity::Idle;
                    self.finished.d.next = true;
                }
            }
            _ => {
                self.state.d.next = Activity::Idle;
            }
        }
        if self.store.overflow.val() | self.selector.out_of_range.val() {
            self.range.d.next = true;
        }
        if self.stop.val() {
            self.state.d.next = Activity::Idle;
            self.finished.d.next = false;
            self.cut.d.next = false;
            self.range.d.next = false;
        }
    }
}

/// The memory of points, filled by beats x, y, x, y …; what comes when it is full is left out.
#[derive(LogicBlock, Default)]
pub struct PointStore<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous: the memory is empty.
    pub clear: Signal<In, Bit>,
    /// A beat.
    pub data: Signal<In, Bits<W>>,
    /// It is there, and is taken.
    pub valid: Signal<In, Bit>,
    /// Whether the beat is a y.
    pub second: Signal<Out, Bit>,
    /// A beat comes while the memory is full.
    pub overflow: Signal<Out, Bit>,
    /// Points inside.
    pub stored: Signal<Out, Bits<32>>,
    /// A point is asked for; if not, `x` and `y` stay.
    pub read: Signal<In, Bit>,
    /// Which.
    pub read_at: Signal<In, Bits<20>>,
    /// The point, one clock later.
    pub x: Signal<Out, Bits<W>>,
    /// The point, one clock later.
    pub y: Signal<Out, Bits<W>>,
    points_x: BlockRam<W, 20>,
    points_y: BlockRam<W, 20>,
    capacity: Parameter<Bits<32>>,
    at_y: DFF<Bit>,
    place: DFF<Bits<32>>,
    room: Signal<Local, Bit>,
    title: Title,
}

impl<const W: usize> PointStore<W> {
    /// A memory of 2^`point_bits` points, at most 2^20.
    pub fn new(point_bits: usize) -> Self {
        Self {
            points_x: BlockRam::new(1 << point_bits),
            points_y: BlockRam::new(1 << point_bits),
            capacity: Parameter::new((1usize << point_bits).to_bits()),
            title: Title::new("point_store", &format!("A memory of 2^{point_bits} points, filled by beats x, y.")),
            ..Self::default()
        }
    }
}

impl<const W: usize> Logic for PointStore<W> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, points_x, points_y);
        dff_setup!(self, clock, at_y, place);
        self.room.next = self.place.q.val() != self.capacity.val();
        self.second.next = self.at_y.q.val();
        self.overflow.next = self.valid.val() & !self.room.val();
        self.stored.next = self.place.q.val();
        self.points_x.write.next = self.valid.val() & self.room.val() & !self.at_y.q.val();
        self.points_x.write_at.next = self.place.q.val().get_bits::<20>(0);
        self.points_x.data.next = self.data.val();
        self.points_x.read.next = self.read.val();
        self.points_x.read_at.next = self.read_at.val();
        self.x.next = self.points_x.q.val();
        self.points_y.write.next = self.valid.val() & self.room.val() & self.at_y.q.val();
        self.points_y.write_at.next = self.place.q.val().get_bits::<20>(0);
        self.points_y.data.next = self.data.val();
        self.points_y.read.next = self.read.val();
        self.points_y.read_at.next = self.read_at.val();
        self.y.next = self.points_y.q.val();
        if self.clear.val() {
            self.at_y.d.next = false;
            self.place.d.next = bits::<32>(0);
        } else if self.valid.val() {
            self.at_y.d.next = !self.at_y.q.val();
            if self.at_y.q.val() & self.room.val() {
                self.place.d.next = self.place.q.val() + 1;
            }
        }
    }
}

/// Selections become operations, one point a clock: the lowest bit of the mask first.
#[derive(LogicBlock, Default)]
pub struct Selector<const W: usize, const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous: no selection and no operation is there.
    pub clear: Signal<In, Bit>,
    /// Whether selections are taken.
    pub open: Signal<In, Bit>,
    /// A selection: first index, sum, mask.
    pub data: Signal<In, Bits<64>>,
    /// It is there.
    pub valid: Signal<In, Bit>,
    /// It is the packet's last.
    pub last: Signal<In, Bit>,
    /// It is taken.
    pub ready: Signal<Out, Bit>,
    /// Points in the memory.
    pub stored: Signal<In, Bits<32>>,
    /// The index that the memory reads for the next operation, where `free`.
    pub read_at: Signal<Out, Bits<20>>,
    /// The operation's place is free, or becomes so.
    pub free: Signal<Out, Bit>,
    /// An operation is there; its point comes out of the memory.
    pub op_valid: Signal<Out, Bit>,
    /// Its slot.
    pub op_slot: Signal<Out, Bits<S>>,
    /// It is taken.
    pub op_taken: Signal<In, Bit>,
    /// A selected index is beyond the memory's points, or a sum beyond the last; it is left out.
    pub out_of_range: Signal<Out, Bit>,
    /// The last selection's last point is taken.
    pub done: Signal<Out, Bit>,
    sums: Parameter<Bits<16>>,
    chosen: DFF<Bit>,
    chosen_last: DFF<Bit>,
    closed: DFF<Bit>,
    base: DFF<Bits<32>>,
    sum: DFF<Bits<16>>,
    mask: DFF<Bits<16>>,
    held: DFF<Bit>,
    slot: DFF<Bits<S>>,
    lowest: Signal<Local, Bits<16>>,
    offset: Signal<Local, Bits<5>>,
    index: Signal<Local, Bits<33>>,
    beyond: Signal<Local, Bit>,
    step: Signal<Local, Bit>,
    next_choice: Signal<Local, Bit>,
    taken: Signal<Local, Bit>,
    title: Title,
}

impl<const W: usize, const S: usize> Selector<W, S> {
    /// The stage for this many sums, fewer than 2^16.
    pub fn new(sums: usize) -> Self {
        Self {
            sums: Parameter::new(sums.to_bits()),
            title: Title::new(
                "selector",
                "Selections become operations, one point a clock: lowest bit of the mask first.",
            ),
            ..Self::default()
        }
    }
}

impl<const W: usize, const S: usize> Logic for Selector<W, S> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, chosen, chosen_last, closed, base, sum, mask, held, slot);
        self.free.next = !self.held.q.val() | self.op_taken.val();
        self.lowest.next = self.mask.q.val() & (!self.mask.q.val() + 1);
        self.offset.next = bits::<5>(0);
        for i in 0..16 {
            if self.lowest.val().get_bit(i) {
                self.offset.next = i.to_bits::<5>();
            }
        }
        self.index.next = bit_cast::<33, 32>(self.base.q.val()) + bit_cast::<33, 5>(self.offset.val());
        self.read_at.next = self.index.val().get_bits::<20>(0);
        self.beyond.next = self.mask.q.val().any()
            & ((self.index.val() >= bit_cast::<33, 32>(self.stored.val())) | (self.sum.q.val() >= self.sums.val()));
        self.step.next = self.open.val() & self.chosen.q.val() & self.free.val();
        // An empty mask has its last bit too.
        self.next_choice.next = self.step.val() & (self.mask.q.val() == self.lowest.val());
        self.out_of_range.next = self.step.val() & self.beyond.val();
        self.done.next = self.next_choice.val() & self.chosen_last.q.val();
        self.ready.next = self.open.val() & !self.closed.q.val() & (!self.chosen.q.val() | self.next_choice.val());
        self.taken.next = self.valid.val() & self.ready.val();
        if self.step.val() {
            self.mask.d.next = self.mask.q.val() ^ self.lowest.val();
        }
        if self.next_choice.val() {
            self.chosen.d.next = false;
        }
        if self.taken.val() {
            self.base.d.next = self.data.val().get_bits::<32>(0);
            self.sum.d.next = self.data.val().get_bits::<16>(32);
            self.mask.d.next = self.data.val().get_bits::<16>(48);
            self.chosen.d.next = true;
            self.chosen_last.d.next = self.last.val();
            if self.last.val() {
                self.closed.d.next = true;
            }
        }
        if self.free.val() {
            self.held.d.next = self.step.val() & self.mask.q.val().any() & !self.beyond.val();
            self.slot.d.next = bit_cast::<S, 16>(self.sum.q.val());
        }
        if self.clear.val() {
            self.chosen.d.next = false;
            self.closed.d.next = false;
            self.held.d.next = false;
        }
        self.op_valid.next = self.held.q.val();
        self.op_slot.next = self.slot.q.val();
    }
}
