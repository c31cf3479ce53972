//! Sums by slot around the folded G2 adder: one value at a time, which is enough for an addition every 36 clocks.
//!
//! A slot holds one partial sum or none, as in the [accumulator](super::accumulator) for G1: a value for an empty slot
//! is stored there, a value that finds its slot full takes the stored one out and goes to the adder with it, and the
//! sum comes back as a value for the same slot. So a slot may have any number of additions under way, and each partial
//! sum is in exactly one place. The adder takes one pair a round, and a sum comes at most once a round, always between
//! the same clocks; so there is no queue:
//!
//! - a sum is written as it comes: to its slot, or to one place beside all slots if its slot is full; then it is the
//!   next pair;
//! - in the rest of the round inputs are stored in empty slots; one that finds its slot full waits for the window after
//!   the round's sum, and is the next pair if the sum is not. The next round takes the pair before a sum can come.
//!
//! Each round in which values are left starts an addition, also if all values are for one slot. Coordinates are moved
//! one at a time: x, y, z.

use crate::block::{comment, kernel_logic};
use crate::field::WIDTH;
use crate::units::point_add_g2::PointAddG2;
use crate::units::register::{FlagMemory, Fp2Memory, Register};
use rust_hdl::prelude::*;

/// Bits of a slot's number: up to 4096 slots, and the place beside them.
pub const SLOT_BITS: usize = 13;
/// Bits of a coordinate's address: four for each slot, one of them unused.
pub const WORD_BITS: usize = SLOT_BITS + 2;

/// The accumulator with its adder.
///
/// An input stays at `in_valid`, `in_slot` until `in_ready`; meanwhile its coordinates are asked for by
/// `in_coordinate` (0 x, 1 y, 2 z) and answered one clock later at `in_c0`, `in_c1`. While `busy` is low a slot can be
/// read: `pop_valid`, `pop_slot`, `pop_coordinate`; `pop_full` says at once whether it has a value, and the coordinate
/// comes a clock later. `clear_valid` empties a slot; it is for when nothing else happens.
#[derive(LogicBlock)]
pub struct FoldedAccumulator {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous: forgets what is under way (not the slots).
    pub reset: Signal<In, Bit>,
    /// A value comes in.
    pub in_valid: Signal<In, Bit>,
    /// Its slot.
    pub in_slot: Signal<In, Bits<SLOT_BITS>>,
    /// It was taken: for one clock.
    pub in_ready: Signal<Out, Bit>,
    /// The coordinate that is asked for.
    pub in_coordinate: Signal<Out, Bits<2>>,
    /// That coordinate, a clock later.
    pub in_c0: Signal<In, Bits<WIDTH>>,
    /// That coordinate, a clock later.
    pub in_c1: Signal<In, Bits<WIDTH>>,
    /// A slot is read.
    pub pop_valid: Signal<In, Bit>,
    /// Which.
    pub pop_slot: Signal<In, Bits<SLOT_BITS>>,
    /// Which coordinate.
    pub pop_coordinate: Signal<In, Bits<2>>,
    /// Whether it has a value.
    pub pop_full: Signal<Out, Bit>,
    /// The coordinate, a clock later.
    pub pop_c0: Signal<Out, Bits<WIDTH>>,
    /// The coordinate, a clock later.
    pub pop_c1: Signal<Out, Bits<WIDTH>>,
    /// A slot is emptied.
    pub clear_valid: Signal<In, Bit>,
    /// Which.
    pub clear_slot: Signal<In, Bits<SLOT_BITS>>,
    /// An addition starts: for one clock.
    pub add_valid: Signal<Out, Bit>,
    /// Pairs that wait for the adder: one or none.
    pub queued: Signal<Out, Bits<8>>,
    /// Whether any value is under way.
    pub busy: Signal<Out, Bit>,
    adder: PointAddG2<SLOT_BITS>,
    sums: Fp2Memory<WIDTH, WORD_BITS>,
    full: FlagMemory<SLOT_BITS>,
    // The sum that found its slot full.
    beside: Register<Bit>,
    beside_slot: Register<Bits<SLOT_BITS>>,
    goes_beside: Register<Bit>,
    // What is done with a value: offered to the adder with the slot's, or stored.
    offering: Register<Bit>,
    from_input: Register<Bit>,
    storing: Register<Bit>,
    answered: Register<Bit>,
    coordinate: Register<Bits<2>>,
    slot: Register<Bits<SLOT_BITS>>,
    // Operands on their way to the adder.
    second_input: Register<Bit>,
    operand_c0: Register<Bits<WIDTH>>,
    operand_c1: Register<Bits<WIDTH>>,
    under_way: Register<Bits<5>>,
    place_beside: Constant<Bits<SLOT_BITS>>,
    arrives: Signal<Local, Bit>,
    arrives_first: Signal<Local, Bit>,
    arrives_last: Signal<Local, Bit>,
    arrives_beside: Signal<Local, Bit>,
    arrives_slot: Signal<Local, Bits<SLOT_BITS>>,
    free: Signal<Local, Bit>,
    begin_sum: Signal<Local, Bit>,
    begin_input: Signal<Local, Bit>,
    begin_store: Signal<Local, Bit>,
    store_write: Signal<Local, Bit>,
    stored: Signal<Local, Bit>,
    wanted: Signal<Local, Bits<2>>,
    second: Signal<Local, Bit>,
    read_slot: Signal<Local, Bits<SLOT_BITS>>,
    read_coordinate: Signal<Local, Bits<2>>,
    write_slot: Signal<Local, Bits<SLOT_BITS>>,
    write_coordinate: Signal<Local, Bits<2>>,
    _slots: usize,
}

impl FoldedAccumulator {
    /// An accumulator of 2 to 4096 slots.
    pub fn new(slots: usize) -> Self {
        assert!((2..1 << SLOT_BITS).contains(&slots), "{slots} slots and one beside need more than {SLOT_BITS} bits");
        Self {
            clock: Default::default(),
            reset: Default::default(),
            in_valid: Default::default(),
            in_slot: Default::default(),
            in_ready: Default::default(),
            in_coordinate: Default::default(),
            in_c0: Default::default(),
            in_c1: Default::default(),
            pop_valid: Default::default(),
            pop_slot: Default::default(),
            pop_coordinate: Default::default(),
            pop_full: Default::default(),
            pop_c0: Default::default(),
            pop_c1: Default::default(),
            clear_valid: Default::default(),
            clear_slot: Default::default(),
            add_valid: Default::default(),
            queued: Default::default(),
            busy: Default::default(),
            adder: PointAddG2::default(),
            sums: Fp2Memory::new(4 * (slots + 1)),
            full: FlagMemory::new(slots),
            beside: Default::default(),
            beside_slot: Default::default(),
            goes_beside: Default::default(),
            offering: Default::default(),
            from_input: Default::default(),
            storing: Default::default(),
            answered: Default::default(),
            coordinate: Default::default(),
            slot: Default::default(),
            second_input: Default::default(),
            operand_c0: Default::default(),
            operand_c1: Default::default(),
            under_way: Default::default(),
            place_beside: Constant::new((slots as u64).into()),
            arrives: Default::default(),
            arrives_first: Default::default(),
            arrives_last: Default::default(),
            arrives_beside: Default::default(),
            arrives_slot: Default::default(),
            free: Default::default(),
            begin_sum: Default::default(),
            begin_input: Default::default(),
            begin_store: Default::default(),
            store_write: Default::default(),
            stored: Default::default(),
            wanted: Default::default(),
            second: Default::default(),
            read_slot: Default::default(),
            read_coordinate: Default::default(),
            write_slot: Default::default(),
            write_coordinate: Default::default(),
            _slots: slots,
        }
    }

    /// Clocks of an addition.
    pub fn latency(&self) -> usize {
        self.adder.latency()
    }

    /// Clocks between additions.
    pub fn interval(&self) -> usize {
        self.adder.interval()
    }

    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, adder, sums, full, beside, beside_slot, goes_beside, offering, from_input, storing);
        clock!(self, clock, answered, coordinate, slot, second_input, operand_c0, operand_c1, under_way);
        comment!("A sum comes: its slot's flag says where it goes, when its first coordinate is there.");
        self.arrives.next = self.adder.out_valid.val();
        self.arrives_first.next = self.adder.out_valid.val() && (self.adder.out_index.val() == 0);
        self.arrives_last.next = self.adder.out_valid.val() && (self.adder.out_index.val() == 2);
        self.full.read_address.next = self.in_slot.val();
        if self.pop_valid.val() {
            self.full.read_address.next = self.pop_slot.val();
        }
        if self.arrives.val() {
            self.full.read_address.next = self.adder.out_tag.val();
        }
        self.arrives_beside.next = self.goes_beside.q.val();
        if self.arrives_first.val() {
            self.arrives_beside.next = self.full.read_flag.val();
        }
        self.goes_beside.d.next = self.arrives_beside.val();
        self.arrives_slot.next = self.adder.out_tag.val();
        if self.arrives_beside.val() {
            self.arrives_slot.next = self.place_beside.val();
        }
        comment!("What to do next: the sum beside the slots first, then the input.");
        self.free.next = !self.offering.q.val() && !self.storing.q.val() && !self.arrives.val();
        self.begin_sum.next = self.free.val() && self.beside.q.val();
        self.begin_store.next =
            self.free.val() && !self.beside.q.val() && self.in_valid.val() && !self.full.read_flag.val();
        self.begin_input.next = self.free.val()
            && !self.beside.q.val()
            && self.in_valid.val()
            && self.full.read_flag.val()
            && self.adder.window.val();
        self.beside.d.next = (self.beside.q.val() || (self.arrives_last.val() && self.arrives_beside.val()))
            && !self.begin_sum.val()
            && !self.reset.val();
        self.beside_slot.d.next = self.beside_slot.q.val();
        if self.arrives.val() {
            self.beside_slot.d.next = self.adder.out_tag.val();
        }
        self.slot.d.next = self.slot.q.val();
        if self.begin_sum.val() {
            self.slot.d.next = self.beside_slot.q.val();
        }
        if self.begin_store.val() || self.begin_input.val() {
            self.slot.d.next = self.in_slot.val();
        }
        self.from_input.d.next = (self.from_input.q.val() || self.begin_input.val()) && !self.begin_sum.val();
        self.offering.d.next = (self.offering.q.val() || self.begin_sum.val() || self.begin_input.val())
            && !self.adder.in_ready.val()
            && !self.reset.val();
        comment!("Storing: a coordinate is asked for, and written unless a sum is coming in that clock.");
        self.store_write.next = self.storing.q.val() && self.answered.q.val() && !self.arrives.val();
        self.stored.next = self.store_write.val() && (self.coordinate.q.val() == 2);
        self.storing.d.next =
            (self.storing.q.val() || self.begin_store.val()) && !self.stored.val() && !self.reset.val();
        self.answered.d.next = self.storing.q.val() && !self.store_write.val();
        self.coordinate.d.next = self.coordinate.q.val();
        if self.store_write.val() {
            self.coordinate.d.next = self.coordinate.q.val() + 1;
        }
        if self.begin_store.val() {
            self.coordinate.d.next = 0.into();
        }
        comment!("Flags: a slot is full from when a value starts to be written until a pair is made with it.");
        self.full.write.next = self.clear_valid.val()
            || self.arrives_first.val()
            || self.begin_store.val()
            || self.begin_sum.val()
            || self.begin_input.val();
        self.full.write_flag.next = !self.clear_valid.val() && (self.arrives_first.val() || self.begin_store.val());
        self.full.write_address.next = self.clear_slot.val();
        if self.arrives_first.val() {
            self.full.write_address.next = self.adder.out_tag.val();
        }
        if self.begin_store.val() || self.begin_input.val() {
            self.full.write_address.next = self.in_slot.val();
        }
        if self.begin_sum.val() {
            self.full.write_address.next = self.beside_slot.q.val();
        }
        comment!("The adder asks for coordinates: even numbers are the slot's value, odd ones the other's.");
        self.adder.reset.next = self.reset.val();
        self.adder.in_valid.next = self.offering.q.val();
        self.adder.in_tag.next = self.slot.q.val();
        self.wanted.next = self.adder.want.val().get_bits::<2>(1);
        self.second.next = self.adder.want.val().get_bit(0);
        self.in_coordinate.next = self.coordinate.q.val();
        if self.offering.q.val() {
            self.in_coordinate.next = self.wanted.val();
        }
        self.read_slot.next = self.slot.q.val();
        self.read_coordinate.next = self.wanted.val();
        if self.second.val() {
            self.read_slot.next = self.place_beside.val();
        }
        if self.pop_valid.val() {
            self.read_slot.next = self.pop_slot.val();
            self.read_coordinate.next = self.pop_coordinate.val();
        }
        self.sums.read_address.next = (bit_cast::<WORD_BITS, SLOT_BITS>(self.read_slot.val()) << 2)
            | bit_cast::<WORD_BITS, 2>(self.read_coordinate.val());
        self.second_input.d.next = self.second.val() && self.from_input.q.val();
        self.operand_c0.d.next = self.sums.read_c0.val();
        self.operand_c1.d.next = self.sums.read_c1.val();
        if self.second_input.q.val() {
            self.operand_c0.d.next = self.in_c0.val();
            self.operand_c1.d.next = self.in_c1.val();
        }
        self.adder.in_c0.next = self.operand_c0.q.val();
        self.adder.in_c1.next = self.operand_c1.q.val();
        comment!("The slots' memory: sums as they come, inputs that are stored.");
        self.write_slot.next = self.slot.q.val();
        self.write_coordinate.next = self.coordinate.q.val();
        self.sums.write_c0.next = self.in_c0.val();
        self.sums.write_c1.next = self.in_c1.val();
        if self.arrives.val() {
            self.write_slot.next = self.arrives_slot.val();
            self.write_coordinate.next = self.adder.out_index.val();
            self.sums.write_c0.next = self.adder.out_c0.val();
            self.sums.write_c1.next = self.adder.out_c1.val();
        }
        self.sums.write.next = self.arrives.val() || self.store_write.val();
        self.sums.write_address.next = (bit_cast::<WORD_BITS, SLOT_BITS>(self.write_slot.val()) << 2)
            | bit_cast::<WORD_BITS, 2>(self.write_coordinate.val());
        comment!("Additions under way: the tag of one is in the adder from when its pair was taken.");
        self.under_way.d.next = self.under_way.q.val();
        if self.adder.in_ready.val() && !self.arrives_last.val() {
            self.under_way.d.next = self.under_way.q.val() + 1;
        }
        if self.arrives_last.val() && !self.adder.in_ready.val() {
            self.under_way.d.next = self.under_way.q.val() - 1;
        }
        if self.reset.val() {
            self.under_way.d.next = 0.into();
        }
        self.in_ready.next = self.stored.val() || (self.adder.in_ready.val() && self.from_input.q.val());
        self.pop_full.next = self.full.read_flag.val();
        self.pop_c0.next = self.sums.read_c0.val();
        self.pop_c1.next = self.sums.read_c1.val();
        self.add_valid.next = self.adder.in_ready.val();
        self.queued.next = bit_cast::<8, 1>(self.offering.q.val().into());
        self.busy.next =
            self.offering.q.val() || self.storing.q.val() || self.beside.q.val() || (self.under_way.q.val() != 0);
    }
}

kernel_logic!([] FoldedAccumulator, |unit| {
    let description = format!(
        "Sums by slot around the folded G2 adder: {} slots; an addition every {} clocks while values are left.\n\
         A value that finds its slot full takes the stored value out and goes to the adder with it; the sum comes back.",
        unit._slots, unit.interval()
    );
    (format!("folded_accumulator_{}", unit._slots), description)
});
