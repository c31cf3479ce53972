//! Sums by slot around a pipelined adder, one addition a clock, in which no conflict can arise.
//!
//! A slot holds one partial sum or none. A value for a slot (from the input, or a result of the adder) that finds the
//! slot empty is stored there. One that finds it full takes the stored value out, and the two go to the adder; their
//! sum comes back later as a value for the same slot. So a slot may have any number of additions in flight and each
//! partial sum is in exactly one place: in its slot, in the queue, or in the adder. Values of one slot that arrive
//! together pair up into a tree, and n values of one slot take n additions at full rate.
//!
//! ```text
//!            ┌────────────── results ── port A ──┐ slot full: pair, always issued at once
//!   adder ◀──┤ issue ◀── queue ◀─────── port B ──┤ slot full: pair, waits in the queue while port A issues
//!            └                                   └ slot empty: stored
//!   input ──────────────────────────────▶ port B
//! ```
//!
//! Port A (results) never waits. Port B (input) waits while the queue has no room; only port B adds to the queue, so the
//! queue is bounded by construction. A result and an input for the same slot in one clock are paired with each other.

use super::shell::UpDown;
use crate::block::{Parameter, Title, comment};
use crate::units::delay::TagPipe;
use crate::units::memory::{LutRam, PointRam};
use rust_hdl::prelude::*;

/// Pairs that can wait for the adder.
pub const QUEUE: usize = 16;

/// The accumulator: `slots` partial sums of three coordinates, around an adder outside of latency `latency`.
///
/// An input is taken in a clock with `in_valid` and `in_ready`. `pop_valid` empties a slot instead (and blocks the
/// input); one clock after `pop_ready`, `out_valid` comes with the slot's value, and `out_full` if it had one. Pops are
/// for when `busy` is low or for slots without additions in flight. `clear_valid` empties a slot unread; it is for when
/// nothing else happens.
#[derive(LogicBlock, Default)]
pub struct Accumulator<const W: usize, const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous: forgets what is in flight (not the slots).
    pub reset: Signal<In, Bit>,
    /// A value comes in.
    pub in_valid: Signal<In, Bit>,
    /// It is taken.
    pub in_ready: Signal<Out, Bit>,
    /// Its slot.
    pub in_slot: Signal<In, Bits<S>>,
    /// Its coordinates.
    pub in_x: Signal<In, Bits<W>>,
    /// Its coordinates.
    pub in_y: Signal<In, Bits<W>>,
    /// Its coordinates.
    pub in_z: Signal<In, Bits<W>>,
    /// A slot is to be emptied and read.
    pub pop_valid: Signal<In, Bit>,
    /// The request is taken.
    pub pop_ready: Signal<Out, Bit>,
    /// Which slot.
    pub pop_slot: Signal<In, Bits<S>>,
    /// The answer, one clock later.
    pub out_valid: Signal<Out, Bit>,
    /// Whether the slot had a value.
    pub out_full: Signal<Out, Bit>,
    /// The value.
    pub out_x: Signal<Out, Bits<W>>,
    /// The value.
    pub out_y: Signal<Out, Bits<W>>,
    /// The value.
    pub out_z: Signal<Out, Bits<W>>,
    /// A slot is to be emptied unread.
    pub clear_valid: Signal<In, Bit>,
    /// Which slot.
    pub clear_slot: Signal<In, Bits<S>>,
    /// An addition starts.
    pub add_valid: Signal<Out, Bit>,
    /// Its operands.
    pub add_x1: Signal<Out, Bits<W>>,
    /// Its operands.
    pub add_y1: Signal<Out, Bits<W>>,
    /// Its operands.
    pub add_z1: Signal<Out, Bits<W>>,
    /// Its operands.
    pub add_x2: Signal<Out, Bits<W>>,
    /// Its operands.
    pub add_y2: Signal<Out, Bits<W>>,
    /// Its operands.
    pub add_z2: Signal<Out, Bits<W>>,
    /// The adder's result, `latency` clocks after the operands.
    pub sum_x: Signal<In, Bits<W>>,
    /// The adder's result.
    pub sum_y: Signal<In, Bits<W>>,
    /// The adder's result.
    pub sum_z: Signal<In, Bits<W>>,
    /// Whether any pair or addition is in flight.
    pub busy: Signal<Out, Bit>,
    /// Pairs in the queue.
    pub queued: Signal<Out, Bits<8>>,
    flags: SlotFlags<S>,
    slots: PointRam<W, S>,
    // Clock 0: what port B is asked for, and what it does.
    b_slot: Signal<Local, Bits<S>>,
    same: Signal<Local, Bit>,
    pop_fire: Signal<Local, Bit>,
    in_fire: Signal<Local, Bit>,
    meet: Signal<Local, Bit>,
    // Clock 1: a pair of either port; the stored half comes out of the memory now.
    a_pair: DFF<Bit>,
    met: DFF<Bit>,
    b_pair: DFF<Bit>,
    pop_done: DFF<Bit>,
    pop_full: DFF<Bit>,
    a_slot_1: DFF<Bits<S>>,
    b_slot_1: DFF<Bits<S>>,
    a_value: [DFF<Bits<W>>; 3],
    b_value: [DFF<Bits<W>>; 3],
    queue: PairQueue<W, S>,
    // Clock 2: the pair that is issued.
    issue: DFF<Bit>,
    issue_slot: DFF<Bits<S>>,
    operand: [DFF<Bits<W>>; 6],
    tags: TagPipe<S>,
    title: Title,
}

impl<const W: usize, const S: usize> Accumulator<W, S> {
    /// An accumulator of `slots` slots around an adder of this latency.
    pub fn new(slots: usize, latency: usize) -> Self {
        let description = format!(
            "Sums by slot around a pipelined adder: {slots} slots of 3 x {W} bits, a queue of {QUEUE} pairs.\n\
             A value that finds its slot full takes the stored value out and goes to the adder with it; the sum comes back."
        );
        Self {
            flags: SlotFlags::new(slots),
            slots: PointRam::new(slots),
            queue: PairQueue::new(),
            tags: TagPipe::new(latency),
            title: Title::new(&format!("accumulator_{slots}"), &description),
            ..Self::default()
        }
    }
}

impl<const W: usize, const S: usize> Logic for Accumulator<W, S> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, flags, slots, queue, tags);
        dff_setup!(self, clock, a_pair, met, b_pair, pop_done, pop_full, a_slot_1, b_slot_1, issue, issue_slot);
        for i in 0..3 {
            self.a_value[i].clock.next = self.clock.val();
            self.b_value[i].clock.next = self.clock.val();
        }
        for i in 0..6 {
            self.operand[i].clock.next = self.clock.val();
        }

        // Clock 0. Port A: a result, which always goes on. Port B: an input or a pop. An input waits for room in the
        // queue, unless a result for the same slot comes: the two meet and pair up, and the slot is left as it is. A pop
        // waits for such a result.
        self.b_slot.next = self.in_slot.val();
        if self.pop_valid.val() {
            self.b_slot.next = self.pop_slot.val();
        }
        self.same.next = self.tags.out_valid.val() & (self.tags.out_tag.val() == self.b_slot.val());
        self.pop_ready.next = !self.same.val();
        self.in_ready.next = (self.same.val() | self.queue.room.val()) & !self.pop_valid.val();
        self.pop_fire.next = self.pop_valid.val() & !self.same.val();
        self.in_fire.next = self.in_valid.val() & self.queue.room.val() & !self.same.val() & !self.pop_valid.val();
        self.meet.next = self.in_valid.val() & self.same.val() & !self.pop_valid.val();

        // What a port does to its slot changes whether the slot is full, but for a meeting.
        self.flags.a_slot.next = self.tags.out_tag.val();
        self.flags.a_toggle.next = self.tags.out_valid.val() & !self.meet.val();
        self.flags.b_slot.next = self.b_slot.val();
        self.flags.b_toggle.next = self.in_fire.val() | (self.pop_fire.val() & self.flags.b_full.val());
        self.flags.clear.next = self.clear_valid.val();
        self.flags.clear_slot.next = self.clear_slot.val();
        self.slots.a_write.next = self.tags.out_valid.val() & !self.flags.a_full.val() & !self.meet.val();
        self.slots.a_at.next = self.tags.out_tag.val();
        self.slots.a_data[0].next = self.sum_x.val();
        self.slots.a_data[1].next = self.sum_y.val();
        self.slots.a_data[2].next = self.sum_z.val();
        self.slots.b_write.next = self.in_fire.val() & !self.flags.b_full.val();
        self.slots.b_at.next = self.b_slot.val();
        self.slots.b_data[0].next = self.in_x.val();
        self.slots.b_data[1].next = self.in_y.val();
        self.slots.b_data[2].next = self.in_z.val();

        comment!("Clock 1: pairs. That of port A is issued now; that of port B goes through the queue.");
        self.a_pair.d.next =
            self.tags.out_valid.val() & (self.flags.a_full.val() | self.meet.val()) & !self.reset.val();
        self.met.d.next = self.meet.val();
        self.b_pair.d.next = self.in_fire.val() & self.flags.b_full.val() & !self.reset.val();
        self.pop_done.d.next = self.pop_fire.val() & !self.reset.val();
        self.pop_full.d.next = self.flags.b_full.val();
        self.a_slot_1.d.next = self.tags.out_tag.val();
        self.b_slot_1.d.next = self.b_slot.val();
        self.a_value[0].d.next = self.sum_x.val();
        self.a_value[1].d.next = self.sum_y.val();
        self.a_value[2].d.next = self.sum_z.val();
        self.b_value[0].d.next = self.in_x.val();
        self.b_value[1].d.next = self.in_y.val();
        self.b_value[2].d.next = self.in_z.val();
        self.out_valid.next = self.pop_done.q.val();
        self.out_full.next = self.pop_full.q.val();
        self.out_x.next = self.slots.b_q[0].val();
        self.out_y.next = self.slots.b_q[1].val();
        self.out_z.next = self.slots.b_q[2].val();

        self.queue.reset.next = self.reset.val();
        self.queue.put.next = self.b_pair.q.val();
        self.queue.put_slot.next = self.b_slot_1.q.val();
        for i in 0..3 {
            self.queue.put_pair[i].next = self.slots.b_q[i].val();
            self.queue.put_pair[i + 3].next = self.b_value[i].q.val();
        }
        self.queue.take.next = !self.a_pair.q.val() & self.queue.waiting.val();

        comment!("Clock 2: issue.");
        self.issue.d.next = (self.a_pair.q.val() | self.queue.waiting.val()) & !self.reset.val();
        self.issue_slot.d.next = self.queue.slot.val();
        for i in 0..6 {
            self.operand[i].d.next = self.queue.pair[i].val();
        }
        if self.a_pair.q.val() {
            self.issue_slot.d.next = self.a_slot_1.q.val();
            for i in 0..3 {
                self.operand[i].d.next = self.slots.a_q[i].val();
                self.operand[i + 3].d.next = self.a_value[i].q.val();
            }
            if self.met.q.val() {
                for i in 0..3 {
                    self.operand[i].d.next = self.b_value[i].q.val();
                }
            }
        }
        self.add_x1.next = self.operand[0].q.val();
        self.add_y1.next = self.operand[1].q.val();
        self.add_z1.next = self.operand[2].q.val();
        self.add_x2.next = self.operand[3].q.val();
        self.add_y2.next = self.operand[4].q.val();
        self.add_z2.next = self.operand[5].q.val();
        self.add_valid.next = self.issue.q.val();
        self.tags.valid.next = self.issue.q.val();
        self.tags.tag.next = self.issue_slot.q.val();
        self.tags.reset.next = self.reset.val();
        self.busy.next = self.a_pair.q.val()
            | self.b_pair.q.val()
            | self.queue.waiting.val()
            | self.issue.q.val()
            | self.tags.busy.val();
        self.queued.next = self.queue.count.val();
    }
}

/// Whether slots are full. A slot is full where its two flags differ: each port toggles its own, so each flag memory has
/// one write port. `clear` empties a slot; it is for when nothing else happens.
#[derive(LogicBlock, Default)]
struct SlotFlags<const S: usize> {
    pub clock: Signal<In, Clock>,
    pub a_slot: Signal<In, Bits<S>>,
    pub a_toggle: Signal<In, Bit>,
    pub a_full: Signal<Out, Bit>,
    pub b_slot: Signal<In, Bits<S>>,
    pub b_toggle: Signal<In, Bit>,
    pub b_full: Signal<Out, Bit>,
    pub clear: Signal<In, Bit>,
    pub clear_slot: Signal<In, Bits<S>>,
    flag_a: LutRam<Bit, S, 2>,
    flag_b: LutRam<Bit, S, 2>,
    title: Title,
}

impl<const S: usize> SlotFlags<S> {
    fn new(slots: usize) -> Self {
        let description = "Whether slots are full: where the two flags differ. Each port toggles its own flag.";
        Self {
            flag_a: LutRam::new(slots),
            flag_b: LutRam::new(slots),
            title: Title::new(&format!("slot_flags_{slots}"), description),
            ..Self::default()
        }
    }
}

impl<const S: usize> Logic for SlotFlags<S> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, flag_a, flag_b);
        self.flag_a.read_at[0].next = self.a_slot.val();
        self.flag_a.read_at[1].next = self.b_slot.val();
        self.flag_b.read_at[0].next = self.a_slot.val();
        self.flag_b.read_at[1].next = self.b_slot.val();
        self.a_full.next = self.flag_a.q[0].val() ^ self.flag_b.q[0].val();
        self.b_full.next = self.flag_a.q[1].val() ^ self.flag_b.q[1].val();
        self.flag_a.write.next = self.clear.val() | self.a_toggle.val();
        self.flag_b.write.next = self.clear.val() | self.b_toggle.val();
        self.flag_a.data.next = !self.flag_a.q[0].val() & !self.clear.val();
        self.flag_b.data.next = !self.flag_b.q[1].val() & !self.clear.val();
        self.flag_a.write_at.next = self.a_slot.val();
        self.flag_b.write_at.next = self.b_slot.val();
        if self.clear.val() {
            self.flag_a.write_at.next = self.clear_slot.val();
            self.flag_b.write_at.next = self.clear_slot.val();
        }
    }
}

/// The pairs that wait for the adder, first in, first out. `room` counts a pair that is put in now; one that comes
/// without room would overwrite the oldest. A pair is there where `waiting`.
#[derive(LogicBlock, Default)]
struct PairQueue<const W: usize, const S: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub put: Signal<In, Bit>,
    pub put_slot: Signal<In, Bits<S>>,
    pub put_pair: [Signal<In, Bits<W>>; 6],
    pub take: Signal<In, Bit>,
    pub waiting: Signal<Out, Bit>,
    pub slot: Signal<Out, Bits<S>>,
    pub pair: [Signal<Out, Bits<W>>; 6],
    pub room: Signal<Out, Bit>,
    pub count: Signal<Out, Bits<8>>,
    pairs: [LutRam<Bits<W>, 4, 1>; 6],
    slots: LutRam<Bits<S>, 4, 1>,
    waiting_pairs: UpDown<8>,
    head: DFF<Bits<4>>,
    tail: DFF<Bits<4>>,
    limit: Parameter<Bits<8>>,
    title: Title,
}

impl<const W: usize, const S: usize> PairQueue<W, S> {
    fn new() -> Self {
        Self {
            pairs: std::array::from_fn(|_| LutRam::new(QUEUE)),
            slots: LutRam::new(QUEUE),
            waiting_pairs: UpDown::new(),
            limit: Parameter::new(QUEUE.to_bits()),
            title: Title::new("pair_queue", &format!("Up to {QUEUE} pairs that wait for the adder, with their slots.")),
            ..Self::default()
        }
    }
}

impl<const W: usize, const S: usize> Logic for PairQueue<W, S> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, slots, waiting_pairs);
        dff_setup!(self, clock, head, tail);
        for i in 0..6 {
            self.pairs[i].clock.next = self.clock.val();
            self.pairs[i].write.next = self.put.val();
            self.pairs[i].write_at.next = self.tail.q.val();
            self.pairs[i].data.next = self.put_pair[i].val();
            self.pairs[i].read_at[0].next = self.head.q.val();
            self.pair[i].next = self.pairs[i].q[0].val();
        }
        self.slots.write.next = self.put.val();
        self.slots.write_at.next = self.tail.q.val();
        self.slots.data.next = self.put_slot.val();
        self.slots.read_at[0].next = self.head.q.val();
        self.slot.next = self.slots.q[0].val();
        self.waiting_pairs.clear.next = self.reset.val();
        self.waiting_pairs.up.next = self.put.val();
        self.waiting_pairs.down.next = self.take.val();
        self.waiting.next = self.waiting_pairs.any.val();
        self.count.next = self.waiting_pairs.count.val();
        self.room.next = self.waiting_pairs.count.val() + self.put.val() < self.limit.val();
        self.head.d.next = self.head.q.val() + self.take.val();
        self.tail.d.next = self.tail.q.val() + self.put.val();
        if self.reset.val() {
            self.head.d.next = bits::<4>(0);
            self.tail.d.next = bits::<4>(0);
        }
    }
}
