//! Arithmetic of Fp2 = Fp(u), u² = −1: a product folded on one Montgomery multiplier, and sums.
//!
//! ```text
//!  clock of a beat   0: a0·b0   1: a1·b1   2: (a0 + a1)·(b0 + b1)          (Karatsuba)
//!  c0 = a0·b0 − a1·b1      c1 = (a0 + a1)·(b0 + b1) − (a0·b0 + a1·b1)
//! ```

use crate::block::{comment, kernel_logic};
use crate::field::{WIDTH, modulus};
use crate::units::delay::Delay;
use crate::units::mod_add::{ModAdd, ModOp};
use crate::units::mont_mul::MontMul;
use crate::units::register::Register;
use rust_hdl::prelude::*;

/// r = a·b·R⁻¹ in Fp2 on one Montgomery multiplier: one product every three clocks (a beat).
///
/// `beat` counts the clocks of a beat, 0 1 2 0 …; operands are there, below p, in all three clocks of their beat. The
/// result is there for one clock, `latency()` clocks after its beat's first.
#[derive(LogicBlock)]
pub struct Fp2Mul {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Clock of the beat: 0, 1 or 2.
    pub beat: Signal<In, Bits<2>>,
    /// First factor.
    pub a_c0: Signal<In, Bits<WIDTH>>,
    /// First factor.
    pub a_c1: Signal<In, Bits<WIDTH>>,
    /// Second factor.
    pub b_c0: Signal<In, Bits<WIDTH>>,
    /// Second factor.
    pub b_c1: Signal<In, Bits<WIDTH>>,
    /// Product.
    pub r_c0: Signal<Out, Bits<WIDTH>>,
    /// Product.
    pub r_c1: Signal<Out, Bits<WIDTH>>,
    mul: MontMul,
    sum_a: ModAdd<WIDTH>,
    sum_b: ModAdd<WIDTH>,
    left: Register<Bits<WIDTH>>,
    right: Register<Bits<WIDTH>>,
    first: Register<Bits<WIDTH>>,
    add_outer: ModAdd<WIDTH>,
    sub_real: ModAdd<WIDTH>,
    sub_imaginary: ModAdd<WIDTH>,
    late: Delay<WIDTH>,
}

impl Default for Fp2Mul {
    fn default() -> Self {
        let (add, sub) = (|| ModAdd::new(ModOp::Add, &modulus()), || ModAdd::new(ModOp::Sub, &modulus()));
        // The sums of a beat are there from clock 4 to clock 6 after its first: in the one with beat 2, clock 5.
        assert!((3..=5).contains(&ModAdd::<WIDTH>::LATENCY), "the sums must meet the beat's third clock");
        Self {
            clock: Default::default(),
            beat: Default::default(),
            a_c0: Default::default(),
            a_c1: Default::default(),
            b_c0: Default::default(),
            b_c1: Default::default(),
            r_c0: Default::default(),
            r_c1: Default::default(),
            mul: MontMul::default(),
            sum_a: add(),
            sum_b: add(),
            left: Register::default(),
            right: Register::default(),
            first: Register::default(),
            add_outer: add(),
            sub_real: sub(),
            sub_imaginary: sub(),
            late: Delay::new(ModAdd::<WIDTH>::LATENCY),
        }
    }
}

impl Fp2Mul {
    /// Clocks from a beat's first to the product: a register, the third product of the beat, the last difference.
    pub fn latency(&self) -> usize {
        let third = 5;
        third + 1 + self.mul.latency() + self.sub_imaginary.latency()
    }

    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, mul, sum_a, sum_b, left, right, first, add_outer, sub_real, sub_imaginary, late);
        self.sum_a.a.next = self.a_c0.val();
        self.sum_a.b.next = self.a_c1.val();
        self.sum_b.a.next = self.b_c0.val();
        self.sum_b.b.next = self.b_c1.val();
        comment!("The sums come a beat late, between the products of the next beat: their turn is the third clock.");
        self.left.d.next = self.sum_a.r.val();
        self.right.d.next = self.sum_b.r.val();
        if self.beat.val() == 0 {
            self.left.d.next = self.a_c0.val();
            self.right.d.next = self.b_c0.val();
        }
        if self.beat.val() == 1 {
            self.left.d.next = self.a_c1.val();
            self.right.d.next = self.b_c1.val();
        }
        self.mul.a.next = self.left.q.val();
        self.mul.b.next = self.right.q.val();
        comment!(
            "a0*b0 waits a clock for a1*b1; their sum and the third product come out of their pipelines together."
        );
        self.first.d.next = self.mul.r.val();
        self.add_outer.a.next = self.first.q.val();
        self.add_outer.b.next = self.mul.r.val();
        self.sub_real.a.next = self.first.q.val();
        self.sub_real.b.next = self.mul.r.val();
        self.sub_imaginary.a.next = self.mul.r.val();
        self.sub_imaginary.b.next = self.add_outer.r.val();
        self.late.d.next = self.sub_real.r.val();
        self.r_c0.next = self.late.q.val();
        self.r_c1.next = self.sub_imaginary.r.val();
    }
}

kernel_logic!([] Fp2Mul, |unit| {
    let description = format!(
        "r = a*b/2^384 in Fp2 on one multiplier (Karatsuba): a product every three clocks, latency {}.\n\
         beat counts the clocks of a beat; the operands stay for the three clocks of their beat.",
        unit.latency()
    );
    ("fp2_mul".into(), description)
});

/// r = a ± b in Fp2, one result a clock, with b's components swapped first where asked.
///
/// `op` bit 0 subtracts in c0, bit 1 subtracts in c1, bit 2 swaps b: 000 is a + b, 011 is a − b, 101 with b = a is ξ·a.
#[derive(LogicBlock)]
pub struct Fp2Linear {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Operation.
    pub op: Signal<In, Bits<3>>,
    /// First operand.
    pub a_c0: Signal<In, Bits<WIDTH>>,
    /// First operand.
    pub a_c1: Signal<In, Bits<WIDTH>>,
    /// Second operand.
    pub b_c0: Signal<In, Bits<WIDTH>>,
    /// Second operand.
    pub b_c1: Signal<In, Bits<WIDTH>>,
    /// Result.
    pub r_c0: Signal<Out, Bits<WIDTH>>,
    /// Result.
    pub r_c1: Signal<Out, Bits<WIDTH>>,
    left_c0: Register<Bits<WIDTH>>,
    left_c1: Register<Bits<WIDTH>>,
    right_c0: Register<Bits<WIDTH>>,
    right_c1: Register<Bits<WIDTH>>,
    add_c0: ModAdd<WIDTH>,
    add_c1: ModAdd<WIDTH>,
    sub_c0: ModAdd<WIDTH>,
    sub_c1: ModAdd<WIDTH>,
    operation: Delay<3>,
}

impl Default for Fp2Linear {
    fn default() -> Self {
        let (add, sub) = (|| ModAdd::new(ModOp::Add, &modulus()), || ModAdd::new(ModOp::Sub, &modulus()));
        Self {
            clock: Default::default(),
            op: Default::default(),
            a_c0: Default::default(),
            a_c1: Default::default(),
            b_c0: Default::default(),
            b_c1: Default::default(),
            r_c0: Default::default(),
            r_c1: Default::default(),
            left_c0: Register::default(),
            left_c1: Register::default(),
            right_c0: Register::default(),
            right_c1: Register::default(),
            add_c0: add(),
            add_c1: add(),
            sub_c0: sub(),
            sub_c1: sub(),
            operation: Delay::new(1 + ModAdd::<WIDTH>::LATENCY),
        }
    }
}

impl Fp2Linear {
    /// Clocks from operands to result.
    pub fn latency(&self) -> usize {
        1 + self.add_c0.latency()
    }

    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, left_c0, left_c1, right_c0, right_c1, add_c0, add_c1, sub_c0, sub_c1, operation);
        self.left_c0.d.next = self.a_c0.val();
        self.left_c1.d.next = self.a_c1.val();
        self.right_c0.d.next = self.b_c0.val();
        self.right_c1.d.next = self.b_c1.val();
        if self.op.val().get_bit(2) {
            self.right_c0.d.next = self.b_c1.val();
            self.right_c1.d.next = self.b_c0.val();
        }
        self.add_c0.a.next = self.left_c0.q.val();
        self.add_c0.b.next = self.right_c0.q.val();
        self.add_c1.a.next = self.left_c1.q.val();
        self.add_c1.b.next = self.right_c1.q.val();
        self.sub_c0.a.next = self.left_c0.q.val();
        self.sub_c0.b.next = self.right_c0.q.val();
        self.sub_c1.a.next = self.left_c1.q.val();
        self.sub_c1.b.next = self.right_c1.q.val();
        self.operation.d.next = self.op.val();
        self.r_c0.next = self.add_c0.r.val();
        self.r_c1.next = self.add_c1.r.val();
        if self.operation.q.val().get_bit(0) {
            self.r_c0.next = self.sub_c0.r.val();
        }
        if self.operation.q.val().get_bit(1) {
            self.r_c1.next = self.sub_c1.r.val();
        }
    }
}

kernel_logic!([] Fp2Linear, |unit| {
    let description = format!(
        "r = a + b or a - b in Fp2, one result a clock, latency {}.\n\
         op: bit 0 subtracts in c0, bit 1 subtracts in c1, bit 2 swaps the components of b.",
        unit.latency()
    );
    ("fp2_linear".into(), description)
});
