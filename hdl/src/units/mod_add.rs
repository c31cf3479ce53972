//! Modular addition and subtraction, with the carry cut into chunks of 96 bits.
//!
//! A chunk's sum is registered with its own carry; in the next stage the carries are resolved over the four chunks
//! (generate: the chunk overflowed; propagate: it is all ones) and each chunk is incremented at most once. No stage has
//! a longer carry chain than a chunk. A difference is a + not b + 1: its carry out is 1 where nothing was borrowed.

use crate::block::{Parameter, Title};
use num_bigint::BigUint;
use rust_hdl::prelude::*;

/// The longest carry of one stage, in bits.
pub const CHUNK: usize = 96;
/// Chunks of a word.
const CHUNKS: usize = 4;
/// The widest operands.
pub const MAX_WIDTH: usize = CHUNK * CHUNKS;

/// Which of the two operations a [`ModAdd`] does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModOp {
    /// a + b mod m.
    #[default]
    Add,
    /// a − b mod m.
    Sub,
}

/// r = a ± b mod m, one result a clock. Inputs below m, result below m; m < 2^(W−1), W ≤ 384. Latency 4.
///
/// Clock 1: chunks of a + b, or of a + not b. Clock 2: their carries. Clocks 3 and 4: the [`Correction`].
#[derive(LogicBlock)]
pub struct ModAdd<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First operand, below m.
    pub a: Signal<In, Bits<W>>,
    /// Second operand, below m.
    pub b: Signal<In, Bits<W>>,
    /// Result, below m.
    pub r: Signal<Out, Bits<W>>,
    subtract: Parameter<Bit>,
    a_wide: Signal<Local, Bits<MAX_WIDTH>>,
    b_wide: Signal<Local, Bits<MAX_WIDTH>>,
    a_chunk: [Signal<Local, Bits<CHUNK>>; CHUNKS],
    b_chunk: [Signal<Local, Bits<CHUNK>>; CHUNKS],
    sum: [DFF<Bits<97>>; CHUNKS],
    carry: [Signal<Local, Bit>; 5],
    resolved: [DFF<Bits<CHUNK>>; CHUNKS],
    carry_out: DFF<Bit>,
    correction: Correction,
    r_wide: Signal<Local, Bits<MAX_WIDTH>>,
    title: Title,
}

impl<const W: usize> ModAdd<W> {
    /// Clocks from operands to result.
    pub const LATENCY: usize = 2 + Correction::LATENCY;

    /// The unit for one operation and one modulus below 2^(W−1).
    pub fn new(op: ModOp, modulus: &BigUint) -> Self {
        assert!(W <= MAX_WIDTH, "{W} bits are more than {CHUNKS} chunks of {CHUNK}");
        assert!(modulus.bits() < W as u64, "the modulus must leave a bit for the sum");
        let (name, sign) = match op {
            ModOp::Add => ("mod_add", "+"),
            ModOp::Sub => ("mod_sub", "-"),
        };
        let latency = Self::LATENCY;
        let description = format!(
            "r = a {sign} b mod m for a, b < m; {W} bits, carries of at most {CHUNK} bits, latency {latency}.\nm = {modulus:#x}"
        );
        Self {
            clock: Default::default(),
            a: Default::default(),
            b: Default::default(),
            r: Default::default(),
            subtract: Parameter::new(op == ModOp::Sub),
            a_wide: Default::default(),
            b_wide: Default::default(),
            a_chunk: Default::default(),
            b_chunk: Default::default(),
            sum: Default::default(),
            carry: Default::default(),
            resolved: Default::default(),
            carry_out: Default::default(),
            correction: Correction::new(op, modulus),
            r_wide: Default::default(),
            title: Title::new(&format!("{name}_{W}"), &description),
        }
    }

    /// Clocks from operands to result.
    pub fn latency(&self) -> usize {
        Self::LATENCY
    }
}

/// Without a modulus: a + b.
impl<const W: usize> Default for ModAdd<W> {
    fn default() -> Self {
        Self::new(ModOp::Add, &BigUint::ZERO)
    }
}

impl<const W: usize> Logic for ModAdd<W> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, carry_out, correction);
        self.a_wide.next = bit_cast::<384, W>(self.a.val());
        self.b_wide.next = bit_cast::<384, W>(self.b.val());
        self.carry[0].next = self.subtract.val();
        for i in 0..4 {
            self.sum[i].clock.next = self.clock.val();
            self.resolved[i].clock.next = self.clock.val();
            self.a_chunk[i].next = self.a_wide.val().get_bits::<96>(i * 96);
            if self.subtract.val() {
                self.b_chunk[i].next = !self.b_wide.val().get_bits::<96>(i * 96);
            } else {
                self.b_chunk[i].next = self.b_wide.val().get_bits::<96>(i * 96);
            }
            self.sum[i].d.next = self.a_chunk[i].val().get_bits::<97>(0) + self.b_chunk[i].val().get_bits::<97>(0);
            self.carry[i + 1].next =
                self.sum[i].q.val().get_bit(96) | (self.sum[i].q.val().get_bits::<96>(0).all() & self.carry[i].val());
            self.resolved[i].d.next = self.sum[i].q.val().get_bits::<96>(0) + self.carry[i].val();
            self.correction.s[i].next = self.resolved[i].q.val();
        }
        self.carry_out.d.next = self.carry[4].val();
        self.correction.carry.next = self.carry_out.q.val();
        self.r_wide.next = bit_cast::<384, 96>(self.correction.r[0].val())
            | (bit_cast::<384, 96>(self.correction.r[1].val()) << 96)
            | (bit_cast::<384, 96>(self.correction.r[2].val()) << 192)
            | (bit_cast::<384, 96>(self.correction.r[3].val()) << 288);
        self.r.next = bit_cast::<W, 384>(self.r_wide.val());
    }
}

/// The last two clocks of a modular operation: s − m where that is not negative, else s; or, after a subtraction, s + m
/// where it borrowed (`carry` 0), else s.
#[derive(LogicBlock)]
pub struct Correction {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// The sum, below 2m, or the difference modulo 2^384, above −m; in chunks.
    pub s: [Signal<In, Bits<CHUNK>>; CHUNKS],
    /// The carry out of a difference.
    pub carry: Signal<In, Bit>,
    /// Result, below m.
    pub r: [Signal<Out, Bits<CHUNK>>; CHUNKS],
    subtract: Parameter<Bit>,
    modulus: [Parameter<Bits<CHUNK>>; CHUNKS],
    addend: [Signal<Local, Bits<CHUNK>>; CHUNKS],
    kept: [DFF<Bits<CHUNK>>; CHUNKS],
    sum: [DFF<Bits<97>>; CHUNKS],
    carries: [Signal<Local, Bit>; 5],
    result: [DFF<Bits<CHUNK>>; CHUNKS],
    title: Title,
}

impl Correction {
    /// Clocks from s to r.
    pub const LATENCY: usize = 2;

    /// The unit after one operation, for one modulus of at most 383 bits.
    pub fn new(op: ModOp, modulus: &BigUint) -> Self {
        let (name, what) = match op {
            ModOp::Add => ("correct_sum", "r = s - m where that is not negative, else s"),
            ModOp::Sub => ("correct_difference", "r = s + m where the difference borrowed, else s"),
        };
        let mask = (BigUint::from(1u32) << CHUNK) - 1u32;
        Self {
            clock: Default::default(),
            s: Default::default(),
            carry: Default::default(),
            r: Default::default(),
            subtract: Parameter::new(op == ModOp::Sub),
            modulus: std::array::from_fn(|i| Parameter::new((modulus >> (i * CHUNK) & &mask).into())),
            addend: Default::default(),
            kept: Default::default(),
            sum: Default::default(),
            carries: Default::default(),
            result: Default::default(),
            title: Title::new(name, &format!("{what}; chunks of {CHUNK} bits, latency 2.\nm = {modulus:#x}")),
        }
    }
}

impl Logic for Correction {
    #[hdl_gen]
    #[allow(clippy::collapsible_if)] // a parameter alone in a condition: one branch becomes Verilog
    fn update(&mut self) {
        self.carries[0].next = !self.subtract.val();
        for i in 0..4 {
            self.kept[i].clock.next = self.clock.val();
            self.sum[i].clock.next = self.clock.val();
            self.result[i].clock.next = self.clock.val();
            if self.subtract.val() {
                self.addend[i].next = self.modulus[i].val();
                if self.carry.val() {
                    self.addend[i].next = bits::<96>(0);
                }
            } else {
                self.addend[i].next = !self.modulus[i].val();
            }
            self.sum[i].d.next = self.s[i].val().get_bits::<97>(0) + self.addend[i].val().get_bits::<97>(0);
            self.kept[i].d.next = self.s[i].val();
            self.carries[i + 1].next =
                self.sum[i].q.val().get_bit(96) | (self.sum[i].q.val().get_bits::<96>(0).all() & self.carries[i].val());
            self.result[i].d.next = self.sum[i].q.val().get_bits::<96>(0) + self.carries[i].val();
            self.r[i].next = self.result[i].q.val();
        }
        if !self.subtract.val() {
            if !self.carries[4].val() {
                for i in 0..4 {
                    self.result[i].d.next = self.kept[i].q.val();
                }
            }
        }
    }
}
