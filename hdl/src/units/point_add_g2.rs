//! The complete G2 adder: the formulas of Renes, Costello and Batina (2016) for a = 0 over Fp2, folded on one multiplier.
//!
//! G2 lies on y² = x³ + 4ξ, so b₃ = 12ξ. An addition is 12 products in Fp2, 36 of the multiplier's: one addition starts
//! every 36 clocks, and the multiplier works in every clock. The formulas are complete on all of the curve over Fp2, not
//! only in the subgroup, because the curve's order is odd.

use crate::block::{comment, kernel_logic};
use crate::field::WIDTH;
use crate::units::delay::TagPipe;
use crate::units::folded::{ADDRESS_BITS, FoldedFp2};
use crate::units::register::Register;
use crate::units::rom::ScheduleRom;
use crate::units::schedule::{CONTEXT_BITS, Latencies, Program, REGISTER_BITS, Schedule};
use rust_hdl::prelude::*;

/// Renes–Costello–Batina 2016, algorithm 7, with b₃ = 12ξ: 12 products and 29 linear steps.
pub const FULL: Program = Program {
    operands: &["x1", "x2", "y1", "y2", "z1", "z2"],
    results: &["x3", "y3", "z3"],
    text: "
t0 = x1 * x2; t1 = y1 * y2; t2 = z1 * z2
xy1 = x1 + y1; xy2 = x2 + y2; xyp = xy1 * xy2; xys = t0 + t1; xy = xyp - xys
yz1 = y1 + z1; yz2 = y2 + z2; yzp = yz1 * yz2; yzs = t1 + t2; yz = yzp - yzs
xz1 = x1 + z1; xz2 = x2 + z2; xzp = xz1 * xz2; xzs = t0 + t2; xz = xzp - xzs
c1 = xi xz; c2 = c1 + c1; c4 = c2 + c2; c8 = c4 + c4; xzb = c8 + c4
d2 = t0 + t0; xx3 = d2 + t0
e1 = xi t2; e2 = e1 + e1; e4 = e2 + e2; e8 = e4 + e4; zzb = e8 + e4
plus = t1 + zzb; minus = t1 - zzb
xa = xy * minus; xb = yz * xzb; x3 = xa - xb
ya = xzb * xx3; yb = minus * plus; y3 = ya + yb
za = plus * yz; zb = xx3 * xy; z3 = za + zb",
};

/// (x3 : y3 : z3) = (x1 : y1 : z1) + (x2 : y2 : z2) over Fp2, Montgomery form, all below p; coordinates one at a time.
///
/// Operands: whoever has two points raises `in_valid` with a tag and keeps both until `in_ready`. `want` numbers the
/// coordinate that must be at `in_c0`, `in_c1` two clocks later: 0 to 5 for x1 x2 y1 y2 z1 z2. A sum comes as three
/// coordinates, in clocks with `out_valid`: `out_index` 0 to 2, with the tag. Sums come in order, at most one in 36
/// clocks, always in the same clocks of a round; in the clocks after one with `window` a new pair is still in time for
/// the next round, and no sum comes before it starts.
#[derive(LogicBlock)]
pub struct PointAddG2<const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high: forgets the additions under way.
    pub reset: Signal<In, Bit>,
    /// A pair is there.
    pub in_valid: Signal<In, Bit>,
    /// Its tag.
    pub in_tag: Signal<In, Bits<S>>,
    /// It was taken: for one clock.
    pub in_ready: Signal<Out, Bit>,
    /// The coordinate that is asked for.
    pub want: Signal<Out, Bits<3>>,
    /// That coordinate, two clocks later.
    pub in_c0: Signal<In, Bits<WIDTH>>,
    /// That coordinate, two clocks later.
    pub in_c1: Signal<In, Bits<WIDTH>>,
    /// A coordinate of a sum.
    pub out_valid: Signal<Out, Bit>,
    /// Which.
    pub out_index: Signal<Out, Bits<2>>,
    /// The sum's tag.
    pub out_tag: Signal<Out, Bits<S>>,
    /// The coordinate.
    pub out_c0: Signal<Out, Bits<WIDTH>>,
    /// The coordinate.
    pub out_c1: Signal<Out, Bits<WIDTH>>,
    /// A pair that comes in the next clock is taken in the next round.
    pub window: Signal<Out, Bit>,
    unit: FoldedFp2,
    rom: ScheduleRom,
    tags: TagPipe<S>,
    loading: Register<Bit>,
    asked: Register<Bit>,
    asked_address: Register<Bits<ADDRESS_BITS>>,
    load: Register<Bit>,
    load_address: Register<Bits<ADDRESS_BITS>>,
    deliver: Register<Bit>,
    deliver_index: Register<Bits<2>>,
    live: Register<Bit>,
    tag: Register<Bits<S>>,
    begin_run: Signal<Local, Bit>,
    first: Signal<Local, Bit>,
    read_context: Signal<Local, Bits<CONTEXT_BITS>>,
    linear_context: Signal<Local, Bits<CONTEXT_BITS>>,
    _schedule: Schedule,
}

/// Clocks from an operand's number to the operand.
const ANSWER: usize = 2;

impl<const S: usize> Default for PointAddG2<S> {
    fn default() -> Self {
        let unit = FoldedFp2::default();
        let own = unit.latencies();
        // Whoever takes a result can act on it a clock after it is there.
        let schedule = Schedule::new(&FULL, Latencies { load: ANSWER + own.load, output: own.output + 1, ..own });
        Self {
            clock: Default::default(),
            reset: Default::default(),
            in_valid: Default::default(),
            in_tag: Default::default(),
            in_ready: Default::default(),
            want: Default::default(),
            in_c0: Default::default(),
            in_c1: Default::default(),
            out_valid: Default::default(),
            out_index: Default::default(),
            out_tag: Default::default(),
            out_c0: Default::default(),
            out_c1: Default::default(),
            window: Default::default(),
            rom: ScheduleRom::new(&schedule),
            tags: TagPipe::new(schedule.first_output + own.output),
            unit,
            loading: Register::default(),
            asked: Register::default(),
            asked_address: Register::default(),
            load: Register::default(),
            load_address: Register::default(),
            deliver: Register::default(),
            deliver_index: Register::default(),
            live: Register::default(),
            tag: Register::default(),
            begin_run: Default::default(),
            first: Default::default(),
            read_context: Default::default(),
            linear_context: Default::default(),
            _schedule: schedule,
        }
    }
}

impl<const S: usize> PointAddG2<S> {
    /// Clocks from the start of an addition to the last coordinate of its sum.
    pub fn latency(&self) -> usize {
        self._schedule.last_output + self.unit.latencies().output
    }

    /// Clocks between additions.
    pub fn interval(&self) -> usize {
        self._schedule.interval()
    }

    /// The schedule it plays.
    pub fn schedule(&self) -> &Schedule {
        &self._schedule
    }

    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, unit, rom, tags, loading, asked, asked_address, load, load_address);
        clock!(self, clock, deliver, deliver_index, live, tag);
        self.rom.reset.next = self.reset.val();
        self.unit.reset.next = self.reset.val();
        self.tags.reset.next = self.reset.val();
        comment!("Addresses: the context is the number of the round in which its run began; registers have 5 bits.");
        self.unit.beat.next = self.rom.beat.val();
        self.read_context.next = self.rom.round.val() - self.rom.read_stage.val();
        self.linear_context.next = self.rom.round.val() - self.rom.linear_stage.val();
        self.unit.read_address.next = (bit_cast::<ADDRESS_BITS, CONTEXT_BITS>(self.read_context.val()) << 5)
            | bit_cast::<ADDRESS_BITS, REGISTER_BITS>(self.rom.read_register.val());
        self.unit.read_linear.next = self.rom.read_linear.val();
        self.unit.product.next = self.rom.product.val();
        self.unit.product_address.next = (bit_cast::<ADDRESS_BITS, CONTEXT_BITS>(self.read_context.val()) << 5)
            | bit_cast::<ADDRESS_BITS, REGISTER_BITS>(self.rom.product_register.val());
        self.unit.linear.next = self.rom.linear.val();
        self.unit.linear_op.next = self.rom.linear_op.val();
        self.unit.a_address.next = (bit_cast::<ADDRESS_BITS, CONTEXT_BITS>(self.linear_context.val()) << 5)
            | bit_cast::<ADDRESS_BITS, REGISTER_BITS>(self.rom.a_register.val());
        self.unit.a_linear.next = self.rom.a_linear.val();
        self.unit.b_address.next = (bit_cast::<ADDRESS_BITS, CONTEXT_BITS>(self.linear_context.val()) << 5)
            | bit_cast::<ADDRESS_BITS, REGISTER_BITS>(self.rom.b_register.val());
        self.unit.b_linear.next = self.rom.b_linear.val();
        self.unit.linear_address.next = (bit_cast::<ADDRESS_BITS, CONTEXT_BITS>(self.linear_context.val()) << 5)
            | bit_cast::<ADDRESS_BITS, REGISTER_BITS>(self.rom.linear_register.val());
        comment!("Operands: a run begins where a pair is there when its first operand is asked for.");
        self.begin_run.next = self.rom.want_first.val() && self.in_valid.val();
        self.loading.d.next = self.loading.q.val();
        if self.rom.want_first.val() {
            self.loading.d.next = self.in_valid.val();
        }
        self.want.next = self.rom.want_index.val();
        self.in_ready.next = self.rom.want_last.val() && self.loading.q.val();
        self.asked.d.next =
            self.rom.want.val() && (self.begin_run.val() || (self.loading.q.val() && !self.rom.want_first.val()));
        self.asked_address.d.next = (bit_cast::<ADDRESS_BITS, CONTEXT_BITS>(self.rom.round.val()) << 5)
            | bit_cast::<ADDRESS_BITS, 3>(self.rom.want_index.val());
        self.load.d.next = self.asked.q.val();
        self.load_address.d.next = self.asked_address.q.val();
        self.unit.load.next = self.load.q.val();
        self.unit.load_address.next = self.load_address.q.val();
        self.unit.load_c0.next = self.in_c0.val();
        self.unit.load_c1.next = self.in_c1.val();
        comment!("Results: of the run whose tag comes with the first of them.");
        self.tags.valid.next = self.begin_run.val();
        self.tags.tag.next = self.in_tag.val();
        self.deliver.d.next = self.rom.deliver.val();
        self.deliver_index.d.next = self.rom.deliver_index.val();
        self.first.next = self.deliver.q.val() && (self.deliver_index.q.val() == 0);
        self.live.d.next = self.live.q.val() && !self.reset.val();
        self.tag.d.next = self.tag.q.val();
        self.out_valid.next = self.deliver.q.val() && self.live.q.val();
        self.out_tag.next = self.tag.q.val();
        if self.first.val() {
            self.live.d.next = self.tags.out_valid.val() && !self.reset.val();
            self.tag.d.next = self.tags.out_tag.val();
            self.out_valid.next = self.tags.out_valid.val();
            self.out_tag.next = self.tags.out_tag.val();
        }
        self.out_index.next = self.deliver_index.q.val();
        self.out_c0.next = self.unit.read_c0.val();
        self.out_c1.next = self.unit.read_c1.val();
        self.window.next = self.rom.window.val();
    }
}

kernel_logic!([const S: usize] PointAddG2<S>, |unit| {
    let description = format!(
        "(x3:y3:z3) = (x1:y1:z1) + (x2:y2:z2) on y^2 = x^3 + 4(1+u) over Fp2, complete (Renes, Costello, Batina 2016).\n\
         One multiplier, folded: an addition every {} clocks, latency {}. Coordinates come and go one at a time.",
        unit.interval(), unit.latency()
    );
    ("point_add_g2".into(), description)
});
