//! The stages of the MSM engine: the ring of points, the digits that become operations, the reduction of the buckets.

use super::msm::Shape;
use super::ports::StreamIn;
use super::shell::UpDown;
use crate::block::{Parameter, Title, comment};
use crate::units::delay::TagPipe;
use crate::units::memory::LutRam;
use crate::units::mod_add::{ModAdd, ModOp};
use num_bigint::BigUint;
use rust_hdl::prelude::*;

/// A ring of four points: they arrive as three beats (x, y, digits), −y is computed on the way, and the first is shown
/// until `next_point`.
#[derive(LogicBlock, Default)]
pub struct PointRing<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous: no point is inside, a packet begins.
    pub clear: Signal<In, Bit>,
    /// Whether beats are taken.
    pub open: Signal<In, Bit>,
    /// Points and digits.
    pub s_axis: StreamIn<W>,
    /// The first point leaves.
    pub next_point: Signal<In, Bit>,
    /// There is a first point.
    pub ready: Signal<Out, Bit>,
    /// Its coordinates.
    pub x: Signal<Out, Bits<W>>,
    /// Its coordinates.
    pub y: Signal<Out, Bits<W>>,
    /// p − y, and 0 for y = 0.
    pub negated_y: Signal<Out, Bits<W>>,
    /// Its digits.
    pub digits: Signal<Out, Bits<W>>,
    /// Whether it is the packet's last.
    pub last: Signal<Out, Bit>,
    /// The packet ends inside a point.
    pub cut: Signal<Out, Bit>,
    beat: DFF<Bits<2>>,
    closed: DFF<Bit>,
    write_at: DFF<Bits<2>>,
    negated_at: DFF<Bits<2>>,
    read_at: DFF<Bits<2>>,
    ring_x: LutRam<Bits<W>, 2, 1>,
    ring_y: LutRam<Bits<W>, 2, 1>,
    ring_negated: LutRam<Bits<W>, 2, 1>,
    ring_digits: LutRam<Bits<W>, 2, 1>,
    ring_last: LutRam<Bit, 2, 1>,
    /// Places taken; points whose −y is there; points whose digits are there.
    places: UpDown<3>,
    negated: UpDown<3>,
    complete: UpDown<3>,
    negate: ModAdd<W>,
    arrive: TagPipe<1>,
    taken: Signal<Local, Bit>,
    arrived: Signal<Local, Bit>,
    title: Title,
}

impl<const W: usize> PointRing<W> {
    /// The ring, for a group whose opposite of y is −y modulo `modulus`.
    pub fn new(modulus: &BigUint) -> Self {
        Self {
            ring_x: LutRam::new(4),
            ring_y: LutRam::new(4),
            ring_negated: LutRam::new(4),
            ring_digits: LutRam::new(4),
            ring_last: LutRam::new(4),
            places: UpDown::new(),
            negated: UpDown::new(),
            complete: UpDown::new(),
            negate: ModAdd::new(ModOp::Sub, modulus),
            arrive: TagPipe::new(ModAdd::<W>::LATENCY),
            title: Title::new("point_ring", "Points arrive as x, y, digits; -y is computed on the way; four fit."),
            ..Self::default()
        }
    }
}

impl<const W: usize> Logic for PointRing<W> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, ring_x, ring_y, ring_negated, ring_digits, ring_last);
        clock!(self, clock, places, negated, complete, negate, arrive);
        dff_setup!(self, clock, beat, closed, write_at, negated_at, read_at);
        // A point's x is taken where a place is free; y and digits follow.
        self.s_axis.tready.next =
            self.open.val() & !self.closed.q.val() & ((self.beat.q.val() != 0) | (self.places.count.val() != 4));
        self.taken.next = self.s_axis.tvalid.val() & self.s_axis.tready.val();
        self.arrived.next = self.taken.val() & (self.beat.q.val() == 2);
        self.cut.next = self.taken.val() & self.s_axis.tlast.val() & (self.beat.q.val() != 2);
        self.negate.a.next = bits::<W>(0);
        self.negate.b.next = self.s_axis.tdata.val();
        self.arrive.reset.next = self.clear.val();
        self.arrive.valid.next = self.taken.val() & (self.beat.q.val() == 1);
        self.arrive.tag.next = bits::<1>(0);

        self.ring_x.data.next = self.s_axis.tdata.val();
        self.ring_x.write.next = self.taken.val() & (self.beat.q.val() == 0);
        self.ring_x.write_at.next = self.write_at.q.val();
        self.ring_x.read_at[0].next = self.read_at.q.val();
        self.x.next = self.ring_x.q[0].val();
        self.ring_y.data.next = self.s_axis.tdata.val();
        self.ring_y.write.next = self.taken.val() & (self.beat.q.val() == 1);
        self.ring_y.write_at.next = self.write_at.q.val();
        self.ring_y.read_at[0].next = self.read_at.q.val();
        self.y.next = self.ring_y.q[0].val();
        self.ring_negated.data.next = self.negate.r.val();
        self.ring_negated.write.next = self.arrive.out_valid.val();
        self.ring_negated.write_at.next = self.negated_at.q.val();
        self.ring_negated.read_at[0].next = self.read_at.q.val();
        self.negated_y.next = self.ring_negated.q[0].val();
        self.ring_digits.data.next = self.s_axis.tdata.val();
        self.ring_digits.write.next = self.arrived.val();
        self.ring_digits.write_at.next = self.write_at.q.val();
        self.ring_digits.read_at[0].next = self.read_at.q.val();
        self.digits.next = self.ring_digits.q[0].val();
        self.ring_last.data.next = self.s_axis.tlast.val();
        self.ring_last.write.next = self.arrived.val();
        self.ring_last.write_at.next = self.write_at.q.val();
        self.ring_last.read_at[0].next = self.read_at.q.val();
        self.last.next = self.ring_last.q[0].val();

        // −y comes 4 clocks after y, the digits at least one: a point is ready when both are there.
        self.places.clear.next = self.clear.val();
        self.places.up.next = self.taken.val() & (self.beat.q.val() == 0);
        self.places.down.next = self.next_point.val();
        self.negated.clear.next = self.clear.val();
        self.negated.up.next = self.arrive.out_valid.val();
        self.negated.down.next = self.next_point.val();
        self.complete.clear.next = self.clear.val();
        self.complete.up.next = self.arrived.val();
        self.complete.down.next = self.next_point.val();
        self.ready.next = self.negated.any.val() & self.complete.any.val();

        if self.taken.val() {
            self.beat.d.next = self.beat.q.val() + 1;
        }
        if self.arrived.val() {
            self.beat.d.next = bits::<2>(0);
            self.closed.d.next = self.s_axis.tlast.val();
        }
        self.write_at.d.next = self.write_at.q.val() + self.arrived.val();
        self.negated_at.d.next = self.negated_at.q.val() + self.arrive.out_valid.val();
        self.read_at.d.next = self.read_at.q.val() + self.next_point.val();
        if self.clear.val() {
            self.beat.d.next = bits::<2>(0);
            self.closed.d.next = false;
            self.write_at.d.next = bits::<2>(0);
            self.negated_at.d.next = bits::<2>(0);
            self.read_at.d.next = bits::<2>(0);
        }
    }
}

/// The digits of a point become operations, one a clock: the point, or its opposite, for the digit's bucket.
#[derive(LogicBlock, Default)]
pub struct DigitIssue<const W: usize, const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous: no operation is there, the next digit is that of window 0.
    pub clear: Signal<In, Bit>,
    /// A point is there, and its digits may be taken.
    pub point_ready: Signal<In, Bit>,
    /// The point.
    pub x: Signal<In, Bits<W>>,
    /// The point.
    pub y: Signal<In, Bits<W>>,
    /// Its opposite's y.
    pub negated_y: Signal<In, Bits<W>>,
    /// Its digits, 16 bits each.
    pub digits: Signal<In, Bits<W>>,
    /// The point's last digit is taken.
    pub next_point: Signal<Out, Bit>,
    /// A digit is beyond the buckets; it is left out.
    pub out_of_range: Signal<Out, Bit>,
    /// An operation is there.
    pub op_valid: Signal<Out, Bit>,
    /// Its slot.
    pub op_slot: Signal<Out, Bits<S>>,
    /// The point that is added.
    pub op_x: Signal<Out, Bits<W>>,
    /// The point that is added.
    pub op_y: Signal<Out, Bits<W>>,
    /// The operation is taken.
    pub op_taken: Signal<In, Bit>,
    last_window: Parameter<Bits<5>>,
    buckets: Parameter<Bits<16>>,
    buckets_in_slots: Parameter<Bits<S>>,
    window: DFF<Bits<5>>,
    /// First slot of the window, less one: digit 1 has the first.
    base: DFF<Bits<S>>,
    valid: DFF<Bit>,
    slot: DFF<Bits<S>>,
    point_x: DFF<Bits<W>>,
    point_y: DFF<Bits<W>>,
    digit: Signal<Local, Bits<16>>,
    magnitude: Signal<Local, Bits<16>>,
    too_large: Signal<Local, Bit>,
    free: Signal<Local, Bit>,
    step: Signal<Local, Bit>,
    at_last: Signal<Local, Bit>,
    title: Title,
}

impl<const W: usize, const S: usize> DigitIssue<W, S> {
    /// The stage for an engine of this shape.
    pub fn new(shape: &Shape) -> Self {
        let description = format!(
            "Digits of {} bits become operations, one a clock: the point or its opposite, for the digit's bucket.",
            shape.window_bits
        );
        Self {
            last_window: Parameter::new((shape.windows - 1).to_bits()),
            buckets: Parameter::new(shape.buckets().to_bits()),
            buckets_in_slots: Parameter::new(shape.buckets().to_bits()),
            title: Title::new("digit_issue", &description),
            ..Self::default()
        }
    }
}

impl<const W: usize, const S: usize> Logic for DigitIssue<W, S> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, window, base, valid, slot, point_x, point_y);
        self.digit.next = self.digits.val().get_bits::<16>((bit_cast::<9, 5>(self.window.q.val()) << 4).index());
        self.magnitude.next = self.digit.val();
        if self.digit.val().get_bit(15) {
            self.magnitude.next = !self.digit.val() + 1;
        }
        self.too_large.next = self.magnitude.val() > self.buckets.val();
        self.free.next = !self.valid.q.val() | self.op_taken.val();
        self.step.next = self.point_ready.val() & self.free.val();
        self.at_last.next = self.window.q.val() == self.last_window.val();
        self.next_point.next = self.step.val() & self.at_last.val();
        self.out_of_range.next = self.step.val() & self.too_large.val();
        if self.step.val() {
            self.window.d.next = self.window.q.val() + 1;
            self.base.d.next = self.base.q.val() + self.buckets_in_slots.val();
            if self.at_last.val() {
                self.window.d.next = bits::<5>(0);
                self.base.d.next = bits::<S>(0);
            }
        }
        if self.free.val() {
            self.valid.d.next = self.step.val() & self.digit.val().any() & !self.too_large.val();
            self.slot.d.next = self.base.q.val() + bit_cast::<S, 16>(self.magnitude.val()) - 1;
            self.point_x.d.next = self.x.val();
            self.point_y.d.next = self.y.val();
            if self.digit.val().get_bit(15) {
                self.point_y.d.next = self.negated_y.val();
            }
        }
        if self.clear.val() {
            self.window.d.next = bits::<5>(0);
            self.base.d.next = bits::<S>(0);
            self.valid.d.next = false;
        }
        self.op_valid.next = self.valid.q.val();
        self.op_slot.next = self.slot.q.val();
        self.op_x.next = self.point_x.q.val();
        self.op_y.next = self.point_y.q.val();
    }
}

/// What the reduction is doing.
#[derive(Debug, Clone, Copy, PartialEq, LogicState)]
enum Reducing {
    Idle,
    Pop,
    Read,
    Feed,
}

/// The reduction Σ m·Bₘ of every window: bucket m is read, and fed to the slot of each bit of m.
#[derive(LogicBlock, Default)]
pub struct Reducer<const W: usize, const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// Starts, in a clock in which nothing is reduced.
    pub start: Signal<In, Bit>,
    /// The last bucket's last value is taken, or the last bucket is empty.
    pub done: Signal<Out, Bit>,
    /// A bucket is asked for.
    pub pop_valid: Signal<Out, Bit>,
    /// Its slot.
    pub pop_slot: Signal<Out, Bits<S>>,
    /// The request is taken; the answer comes in the next clock.
    pub pop_ready: Signal<In, Bit>,
    /// Whether the bucket had a value.
    pub full: Signal<In, Bit>,
    /// The value.
    pub value: [Signal<In, Bits<W>>; 3],
    /// A value is fed.
    pub feed_valid: Signal<Out, Bit>,
    /// Its slot.
    pub feed_slot: Signal<Out, Bits<S>>,
    /// The value.
    pub feed: [Signal<Out, Bits<W>>; 3],
    /// It is taken.
    pub feed_taken: Signal<In, Bit>,
    buckets: Parameter<Bits<16>>,
    window_bits: Parameter<Bits<S>>,
    last_bucket: Parameter<Bits<S>>,
    first_bit: Parameter<Bits<S>>,
    state: DFF<Reducing>,
    slot: DFF<Bits<S>>,
    /// m, the bucket's number in its window.
    number: DFF<Bits<16>>,
    /// The bits of m that are still to be fed.
    left: DFF<Bits<16>>,
    /// The slot of bit 0 of this window.
    bits_at: DFF<Bits<S>>,
    held: [DFF<Bits<W>>; 3],
    lowest: Signal<Local, Bits<16>>,
    bit_index: Signal<Local, Bits<5>>,
    advance: Signal<Local, Bit>,
    at_last: Signal<Local, Bit>,
    title: Title,
}

impl<const W: usize, const S: usize> Reducer<W, S> {
    /// The stage for an engine of this shape.
    pub fn new(shape: &Shape) -> Self {
        let first_bit = shape.windows * shape.buckets();
        Self {
            buckets: Parameter::new(shape.buckets().to_bits()),
            window_bits: Parameter::new(shape.window_bits.to_bits()),
            last_bucket: Parameter::new((first_bit - 1).to_bits()),
            first_bit: Parameter::new(first_bit.to_bits()),
            title: Title::new("reducer", "Reads each bucket and feeds it to the slot of each bit of its number."),
            ..Self::default()
        }
    }
}

impl<const W: usize, const S: usize> Logic for Reducer<W, S> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, slot, number, left, bits_at);
        for i in 0..3 {
            self.held[i].clock.next = self.clock.val();
            self.held[i].d.next = self.held[i].q.val();
            self.feed[i].next = self.held[i].q.val();
        }
        self.lowest.next = self.left.q.val() & (!self.left.q.val() + 1);
        self.bit_index.next = bits::<5>(0);
        for i in 0..16 {
            if self.lowest.val().get_bit(i) {
                self.bit_index.next = i.to_bits::<5>();
            }
        }
        self.at_last.next = self.slot.q.val() == self.last_bucket.val();
        self.advance.next = ((self.state.q.val() == Reducing::Read) & !self.full.val())
            | ((self.state.q.val() == Reducing::Feed)
                & self.feed_taken.val()
                & (self.left.q.val() == self.lowest.val()));
        self.done.next = self.advance.val() & self.at_last.val();
        self.pop_valid.next = self.state.q.val() == Reducing::Pop;
        self.pop_slot.next = self.slot.q.val();
        self.feed_valid.next = self.state.q.val() == Reducing::Feed;
        self.feed_slot.next = self.bits_at.q.val() + bit_cast::<S, 5>(self.bit_index.val());
        match self.state.q.val() {
            Reducing::Idle => {
                self.slot.d.next = bits::<S>(0);
                self.number.d.next = bits::<16>(1);
                self.bits_at.d.next = self.first_bit.val();
                if self.start.val() {
                    self.state.d.next = Reducing::Pop;
                }
            }
            Reducing::Pop => {
                self.left.d.next = self.number.q.val();
                if self.pop_ready.val() {
                    self.state.d.next = Reducing::Read;
                }
            }
            Reducing::Read => {
                for i in 0..3 {
                    self.held[i].d.next = self.value[i].val();
                }
                self.state.d.next = Reducing::Feed;
            }
            Reducing::Feed => {
                if self.feed_taken.val() {
                    self.left.d.next = self.left.q.val() ^ self.lowest.val();
                }
            }
            _ => {
                self.state.d.next = Reducing::Idle;
            }
        }
        comment!("The next bucket; the next window's after a window's last.");
        if self.advance.val() {
            self.state.d.next = Reducing::Pop;
            self.slot.d.next = self.slot.q.val() + 1;
            self.number.d.next = self.number.q.val() + 1;
            if self.number.q.val() == self.buckets.val() {
                self.number.d.next = bits::<16>(1);
                self.bits_at.d.next = self.bits_at.q.val() + self.window_bits.val();
            }
            if self.at_last.val() {
                self.state.d.next = Reducing::Idle;
            }
        }
        if self.reset.val() {
            self.state.d.next = Reducing::Idle;
        }
    }
}
