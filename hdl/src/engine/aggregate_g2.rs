//! The aggregation engine for G2: sums of points (signatures) that lie in the engine's memory, by index or by mask.
//!
//! As the [engine for G1](super::aggregate), with the same registers (KIND is 3) and the same order of a run. Stream in,
//! 384-bit beats: points as x.c0, x.c1, y.c0, y.c1 in Montgomery form, `tlast` on the last; then selections, bits 31:0
//! the index of a first point, bits 47:32 the number of the sum, bits 63:48 a mask of 16 points from there. Stream out:
//! every sum as X.c0, X.c1, Y.c0, Y.c1, Z.c0, Z.c1 (homogeneous; the identity has Z = 0), sum 0 first. The
//! [accumulator](super::folded_accumulator) takes one point in 36 clocks, so a mask is simply walked bit by bit. A point
//! at infinity has no affine form: the host leaves it out.

use super::folded_accumulator::{FoldedAccumulator, SLOT_BITS};
use super::ports::{AxiLite, StreamIn, StreamOut};
use super::registers::{RegisterFile, STATUS_BITS};
use crate::block::{comment, kernel_logic};
use crate::field::WIDTH;
use crate::field2;
use crate::units::register::{Fp2Memory, Register};
use rust_hdl::prelude::*;

/// The shape of an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// log2 of the points that fit the memory, at most 20.
    pub point_bits: usize,
    /// Number of sums, 2 to 4096.
    pub sums: usize,
}

/// Bits of a coordinate's address in the points' memory: two for each of 2^20 points.
const POINT_BITS: usize = 21;

/// The engine.
#[derive(LogicBlock)]
pub struct AggregateG2 {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// Registers.
    pub s_axil: AxiLite,
    /// Points, then selections.
    pub s_axis: StreamIn<WIDTH>,
    /// Sums.
    pub m_axis: StreamOut<WIDTH>,
    regs: RegisterFile,
    core: FoldedAccumulator,
    points: Fp2Memory<WIDTH, POINT_BITS>,
    // The life of a run.
    idle: Constant<Bits<3>>,
    clear: Constant<Bits<3>>,
    load: Constant<Bits<3>>,
    run: Constant<Bits<3>>,
    drain: Constant<Bits<3>>,
    fetch: Constant<Bits<3>>,
    send: Constant<Bits<3>>,
    state: Register<Bits<3>>,
    finished: Register<Bit>,
    cut: Register<Bit>,
    range: Register<Bit>,
    stop: Signal<Local, Bit>,
    begin_run: Signal<Local, Bit>,
    begin_load: Signal<Local, Bit>,
    // Loading: the beat of a point, the first half of a coordinate, the number of points.
    beat: Register<Bits<2>>,
    half: Register<Bits<WIDTH>>,
    place: Register<Bits<POINT_BITS>>,
    capacity: Constant<Bits<POINT_BITS>>,
    loaded: Signal<Local, Bit>,
    room: Signal<Local, Bit>,
    // Selecting.
    closed: Register<Bit>,
    chosen: Register<Bit>,
    index: Register<Bits<33>>,
    sum: Register<Bits<16>>,
    mask: Register<Bits<16>>,
    sums: Constant<Bits<16>>,
    taken: Signal<Local, Bit>,
    selected: Signal<Local, Bit>,
    out_of_range: Signal<Local, Bit>,
    step: Signal<Local, Bit>,
    z_asked: Register<Bit>,
    one: Constant<Bits<WIDTH>>,
    // Sending.
    walk: Register<Bits<SLOT_BITS>>,
    last_slot: Constant<Bits<SLOT_BITS>>,
    coordinate: Register<Bits<2>>,
    second: Register<Bit>,
    sent: Signal<Local, Bit>,
    last: Signal<Local, Bit>,
    // Counters.
    counting: Signal<Local, Bit>,
    cycles: Register<Bits<32>>,
    stalls: Register<Bits<32>>,
    additions: Register<Bits<32>>,
    items: Register<Bits<32>>,
    accumulated: Register<Bits<32>>,
    peak: Register<Bit>,
    status: Signal<Local, Bits<32>>,
    _shape: Shape,
}

impl AggregateG2 {
    /// The engine of this shape.
    pub fn new(shape: Shape) -> Self {
        let Shape { point_bits, sums } = shape;
        assert!((1..POINT_BITS).contains(&point_bits), "2 to 2^20 points");
        let core = FoldedAccumulator::new(sums);
        let numbers = [point_bits, sums, core.latency(), sums].map(|n| n as u32);
        let constants = [&[0x4152_424C, 1, 3], &numbers[..]].concat();
        let state = |number: u64| Constant::new(number.into());
        Self {
            clock: Default::default(),
            reset: Default::default(),
            s_axil: Default::default(),
            s_axis: Default::default(),
            m_axis: Default::default(),
            regs: RegisterFile::new(&constants),
            core,
            points: Fp2Memory::new(2 << point_bits),
            idle: state(0),
            clear: state(1),
            load: state(2),
            run: state(3),
            drain: state(4),
            fetch: state(5),
            send: state(6),
            state: Default::default(),
            finished: Default::default(),
            cut: Default::default(),
            range: Default::default(),
            stop: Default::default(),
            begin_run: Default::default(),
            begin_load: Default::default(),
            beat: Default::default(),
            half: Default::default(),
            place: Default::default(),
            capacity: Constant::new((1u64 << point_bits).into()),
            loaded: Default::default(),
            room: Default::default(),
            closed: Default::default(),
            chosen: Default::default(),
            index: Default::default(),
            sum: Default::default(),
            mask: Default::default(),
            sums: Constant::new((sums as u64).into()),
            taken: Default::default(),
            selected: Default::default(),
            out_of_range: Default::default(),
            step: Default::default(),
            z_asked: Default::default(),
            one: Constant::new(field2::one()[0].clone().into()),
            walk: Default::default(),
            last_slot: Constant::new((sums as u64 - 1).into()),
            coordinate: Default::default(),
            second: Default::default(),
            sent: Default::default(),
            last: Default::default(),
            counting: Default::default(),
            cycles: Default::default(),
            stalls: Default::default(),
            additions: Default::default(),
            items: Default::default(),
            accumulated: Default::default(),
            peak: Default::default(),
            status: Default::default(),
            _shape: shape,
        }
    }

    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, regs, core, points, state, finished, cut, range, beat, half, place, closed, chosen);
        clock!(self, clock, index, sum, mask, z_asked, walk, coordinate, second);
        clock!(self, clock, cycles, stalls, additions, items, accumulated, peak);
        comment!("Registers.");
        self.regs.reset.next = self.reset.val();
        AxiLite::link(&mut self.s_axil, &mut self.regs.bus);
        self.stop.next = self.reset.val() || self.regs.control.val().get_bit(1);
        self.begin_run.next = self.regs.control.val().get_bit(0) && (self.state.q.val() == self.idle.val());
        self.begin_load.next = self.regs.control.val().get_bit(2) && (self.state.q.val() == self.idle.val());
        comment!("Loading: four beats a point, each coordinate is written with its second half.");
        self.loaded.next = (self.state.q.val() == self.load.val()) && self.s_axis.tvalid.val();
        self.room.next = self.place.q.val() < self.capacity.val();
        self.half.d.next = self.half.q.val();
        if self.loaded.val() {
            self.half.d.next = self.s_axis.tdata.val();
        }
        self.beat.d.next = self.beat.q.val();
        self.place.d.next = self.place.q.val();
        if self.loaded.val() {
            self.beat.d.next = self.beat.q.val() + 1;
        }
        if self.loaded.val() && self.room.val() && (self.beat.q.val() == 3) {
            self.place.d.next = self.place.q.val() + 1;
        }
        if self.stop.val() || self.begin_load.val() {
            self.beat.d.next = 0.into();
            self.place.d.next = 0.into();
        }
        self.points.write.next = self.loaded.val() && self.room.val() && self.beat.q.val().get_bit(0);
        self.points.write_address.next =
            (self.place.q.val() << 1) | bit_cast::<POINT_BITS, 1>(self.beat.q.val().get_bits::<1>(1));
        self.points.write_c0.next = self.half.q.val();
        self.points.write_c1.next = self.s_axis.tdata.val();
        comment!("Selecting: the mask is walked from its lowest bit, a point stays until the accumulator has it.");
        self.taken.next = (self.state.q.val() == self.run.val())
            && !self.closed.q.val()
            && !self.chosen.q.val()
            && self.s_axis.tvalid.val();
        self.selected.next =
            (self.state.q.val() == self.run.val()) && self.chosen.q.val() && self.mask.q.val().get_bit(0);
        self.out_of_range.next = (self.index.q.val() >= bit_cast::<33, POINT_BITS>(self.place.q.val()))
            || (self.sum.q.val() >= self.sums.val());
        self.core.in_valid.next = self.selected.val() && !self.out_of_range.val();
        self.step.next =
            self.chosen.q.val() && (!self.selected.val() || self.out_of_range.val() || self.core.in_ready.val());
        self.closed.d.next = self.closed.q.val();
        self.chosen.d.next = self.chosen.q.val() && (self.mask.q.val() != 0);
        self.index.d.next = self.index.q.val();
        self.sum.d.next = self.sum.q.val();
        self.mask.d.next = self.mask.q.val();
        if self.step.val() {
            self.index.d.next = self.index.q.val() + 1;
            self.mask.d.next = self.mask.q.val() >> 1;
        }
        if self.taken.val() {
            self.closed.d.next = self.s_axis.tlast.val();
            self.chosen.d.next = true;
            self.index.d.next = bit_cast::<33, 32>(self.s_axis.tdata.val().get_bits::<32>(0));
            self.sum.d.next = self.s_axis.tdata.val().get_bits::<16>(32);
            self.mask.d.next = self.s_axis.tdata.val().get_bits::<16>(48);
        }
        if self.stop.val() || self.begin_run.val() {
            self.closed.d.next = false;
            self.chosen.d.next = false;
        }
        self.s_axis.tready.next = (self.state.q.val() == self.load.val())
            || ((self.state.q.val() == self.run.val()) && !self.closed.q.val() && !self.chosen.q.val());
        self.core.reset.next = self.stop.val();
        self.core.in_slot.next = self.sum.q.val().get_bits::<SLOT_BITS>(0);
        self.points.read_address.next = (self.index.q.val().get_bits::<POINT_BITS>(0) << 1)
            | bit_cast::<POINT_BITS, 1>(self.core.in_coordinate.val().get_bits::<1>(0));
        self.z_asked.d.next = self.core.in_coordinate.val().get_bit(1);
        self.core.in_c0.next = self.points.read_c0.val();
        self.core.in_c1.next = self.points.read_c1.val();
        if self.z_asked.q.val() {
            self.core.in_c0.next = self.one.val();
            self.core.in_c1.next = 0.into();
        }
        comment!("Sending: six beats a sum; a slot without a value is the identity (0 : 1 : 0).");
        self.core.clear_valid.next = self.state.q.val() == self.clear.val();
        self.core.clear_slot.next = self.walk.q.val();
        self.core.pop_valid.next = (self.state.q.val() == self.fetch.val()) || (self.state.q.val() == self.send.val());
        self.core.pop_slot.next = self.walk.q.val();
        self.core.pop_coordinate.next = self.coordinate.q.val();
        self.m_axis.tvalid.next = self.state.q.val() == self.send.val();
        self.m_axis.tdata.next = 0.into();
        if self.core.pop_full.val() && !self.second.q.val() {
            self.m_axis.tdata.next = self.core.pop_c0.val();
        }
        if self.core.pop_full.val() && self.second.q.val() {
            self.m_axis.tdata.next = self.core.pop_c1.val();
        }
        if !self.core.pop_full.val() && !self.second.q.val() && (self.coordinate.q.val() == 1) {
            self.m_axis.tdata.next = self.one.val();
        }
        self.sent.next = (self.state.q.val() == self.send.val()) && self.m_axis.tready.val() && self.second.q.val();
        self.last.next =
            (self.walk.q.val() == self.last_slot.val()) && (self.coordinate.q.val() == 2) && self.second.q.val();
        self.m_axis.tlast.next = self.last.val();
        self.second.d.next = self.second.q.val();
        if (self.state.q.val() == self.send.val()) && self.m_axis.tready.val() {
            self.second.d.next = !self.second.q.val();
        }
        self.coordinate.d.next = self.coordinate.q.val();
        self.walk.d.next = self.walk.q.val();
        if self.sent.val() {
            self.coordinate.d.next = self.coordinate.q.val() + 1;
        }
        if self.sent.val() && (self.coordinate.q.val() == 2) {
            self.coordinate.d.next = 0.into();
            self.walk.d.next = self.walk.q.val() + 1;
        }
        if self.state.q.val() == self.clear.val() {
            self.walk.d.next = self.walk.q.val() + 1;
        }
        if (self.state.q.val() == self.idle.val()) || (self.state.q.val() == self.drain.val()) {
            self.second.d.next = false;
            self.coordinate.d.next = 0.into();
            self.walk.d.next = 0.into();
        }
        comment!("The state.");
        self.state.d.next = self.state.q.val();
        self.finished.d.next = self.finished.q.val();
        self.cut.d.next =
            self.cut.q.val() || (self.loaded.val() && self.s_axis.tlast.val() && (self.beat.q.val() != 3));
        self.range.d.next = self.range.q.val()
            || (self.loaded.val() && !self.room.val())
            || (self.selected.val() && self.out_of_range.val());
        if self.begin_load.val() {
            self.state.d.next = self.load.val();
        }
        if self.begin_run.val() {
            self.state.d.next = self.clear.val();
        }
        if (self.state.q.val() == self.clear.val()) && (self.walk.q.val() == self.last_slot.val()) {
            self.state.d.next = self.run.val();
        }
        if self.loaded.val() && self.s_axis.tlast.val() {
            self.state.d.next = self.idle.val();
            self.finished.d.next = true;
        }
        if (self.state.q.val() == self.run.val()) && self.closed.q.val() && !self.chosen.q.val() {
            self.state.d.next = self.drain.val();
        }
        if (self.state.q.val() == self.drain.val()) && !self.core.busy.val() {
            self.state.d.next = self.fetch.val();
        }
        if self.state.q.val() == self.fetch.val() {
            self.state.d.next = self.send.val();
        }
        if self.sent.val() {
            self.state.d.next = self.fetch.val();
        }
        if self.sent.val() && self.last.val() {
            self.state.d.next = self.idle.val();
            self.finished.d.next = true;
        }
        if self.begin_run.val() || self.begin_load.val() || self.stop.val() {
            self.finished.d.next = false;
            self.cut.d.next = false;
            self.range.d.next = false;
        }
        if self.stop.val() {
            self.state.d.next = self.idle.val();
        }
        comment!("Counters.");
        self.counting.next = (self.state.q.val() != self.idle.val())
            && (self.state.q.val() != self.clear.val())
            && (self.state.q.val() != self.load.val());
        self.cycles.d.next = self.cycles.q.val();
        self.stalls.d.next = self.stalls.q.val();
        self.additions.d.next = self.additions.q.val();
        self.items.d.next = self.items.q.val();
        self.accumulated.d.next = self.accumulated.q.val();
        self.peak.d.next = self.peak.q.val() || (self.core.queued.val() != 0);
        if self.counting.val() {
            self.cycles.d.next = self.cycles.q.val() + 1;
        }
        if self.core.in_valid.val() && !self.core.in_ready.val() {
            self.stalls.d.next = self.stalls.q.val() + 1;
        }
        if self.core.add_valid.val() {
            self.additions.d.next = self.additions.q.val() + 1;
        }
        if self.core.in_valid.val() && self.core.in_ready.val() {
            self.items.d.next = self.items.q.val() + 1;
        }
        if (self.state.q.val() == self.run.val()) || (self.state.q.val() == self.drain.val()) {
            self.accumulated.d.next = self.accumulated.q.val() + 1;
        }
        if self.begin_run.val() {
            self.cycles.d.next = 0.into();
            self.stalls.d.next = 0.into();
            self.additions.d.next = 0.into();
            self.items.d.next = 0.into();
            self.accumulated.d.next = 0.into();
            self.peak.d.next = false;
        }
        self.status.next = bit_cast::<32, 1>(self.range.q.val().into()) << 9
            | bit_cast::<32, 1>(self.cut.q.val().into()) << 8
            | bit_cast::<32, 1>(self.finished.q.val().into()) << 1
            | bit_cast::<32, 1>((self.state.q.val() != self.idle.val()).into());
        self.regs.status.next = (bit_cast::<STATUS_BITS, 32>(self.accumulated.q.val()) << 192)
            | (bit_cast::<STATUS_BITS, 1>(self.peak.q.val().into()) << 160)
            | (bit_cast::<STATUS_BITS, 32>(self.items.q.val()) << 128)
            | (bit_cast::<STATUS_BITS, 32>(self.additions.q.val()) << 96)
            | (bit_cast::<STATUS_BITS, 32>(self.stalls.q.val()) << 64)
            | (bit_cast::<STATUS_BITS, 32>(self.cycles.q.val()) << 32)
            | bit_cast::<STATUS_BITS, 32>(self.status.val());
    }
}

kernel_logic!([] AggregateG2, |unit| {
    let Shape { point_bits, sums } = unit._shape;
    let description = format!(
        "Aggregation engine for G2: {sums} sums over a memory of 2^{point_bits} points; an addition every {} clocks, \
         adder latency {}.\n\
         Stream in: points (x.c0, x.c1, y.c0, y.c1), then selections. Stream out: x, y, z of each sum, c0 and c1 each.",
        unit.core.interval(), unit.core.latency()
    );
    (format!("aggregate_engine_g2_{sums}"), description)
});
