//! The folded unit: one Montgomery multiplier, one linear unit and the memory of many contexts, for programs over Fp2.
//!
//! A context is one run of a program: its operands and intermediate values. Many are under way, so that the pipelines
//! are full although every run waits for its own results. What is done in which clock says the user's control: the
//! [G2 adder](super::point_add_g2) plays a [schedule](super::schedule) from a ROM; other programs (the pairing's) use
//! the same unit with other control.
//!
//! ```text
//!            ┌────────────────── products ───────────────────┐
//!  operands ─┴▶ bank 0 ─┬─▶ a, then b ─▶ Fp2 product (3 clocks)┘      the banks have three copies,
//!               bank 1 ─┼─▶ a ─┐                                     one for each read port
//!                 ▲     └─▶ b ─┴▶ Fp2 sum (every clock) ─┐
//!                 └─────────────── sums ────────────────┘
//! ```
//!
//! Each bank has one writer: a product comes every third clock and operands are written between, the linear unit writes
//! bank 1. An address is context and register. Timing: see [`FoldedFp2::latencies`].

use crate::block::{comment, kernel_logic};
use crate::field::WIDTH;
use crate::units::delay::TagPipe;
use crate::units::fp2::{Fp2Linear, Fp2Mul};
use crate::units::register::{Fp2Memory, Register};
use crate::units::schedule::{CONTEXT_BITS, Latencies, REGISTER_BITS};
use rust_hdl::prelude::*;

/// Bits of an address in a bank: context, then register.
pub const ADDRESS_BITS: usize = CONTEXT_BITS + REGISTER_BITS;

/// The multiplier, the linear unit and the contexts' memory. All control is for the clock in which it is there.
#[derive(LogicBlock)]
pub struct FoldedFp2 {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous: forgets what is under way (not the memory).
    pub reset: Signal<In, Bit>,
    /// Clock of the beat: 0, 1, 2, 0 …
    pub beat: Signal<In, Bits<2>>,
    /// The multiplier's port: in clock 0 of a beat the product's first operand, in clock 1 its second, in clock 2 any.
    pub read_address: Signal<In, Bits<ADDRESS_BITS>>,
    /// Whether that is in bank 1.
    pub read_linear: Signal<In, Bit>,
    /// What the port read, one clock later.
    pub read_c0: Signal<Out, Bits<WIDTH>>,
    /// What the port read, one clock later.
    pub read_c1: Signal<Out, Bits<WIDTH>>,
    /// In clock 0 of a beat: a product starts.
    pub product: Signal<In, Bit>,
    /// Its place in bank 0.
    pub product_address: Signal<In, Bits<ADDRESS_BITS>>,
    /// A step of the linear unit starts.
    pub linear: Signal<In, Bit>,
    /// Its operation, see [`Fp2Linear`].
    pub linear_op: Signal<In, Bits<3>>,
    /// Its first operand.
    pub a_address: Signal<In, Bits<ADDRESS_BITS>>,
    /// Whether that is in bank 1.
    pub a_linear: Signal<In, Bit>,
    /// Its second operand.
    pub b_address: Signal<In, Bits<ADDRESS_BITS>>,
    /// Whether that is in bank 1.
    pub b_linear: Signal<In, Bit>,
    /// Its place in bank 1.
    pub linear_address: Signal<In, Bits<ADDRESS_BITS>>,
    /// An operand is written to bank 0; not in a clock in which a product is.
    pub load: Signal<In, Bit>,
    /// Its place.
    pub load_address: Signal<In, Bits<ADDRESS_BITS>>,
    /// The operand.
    pub load_c0: Signal<In, Bits<WIDTH>>,
    /// The operand.
    pub load_c1: Signal<In, Bits<WIDTH>>,
    multiply: Fp2Mul,
    sum: Fp2Linear,
    // Bank 0 (operands and products) and bank 1 (the linear unit's results), a copy for each read port.
    bank0_read: Fp2Memory<WIDTH, ADDRESS_BITS>,
    bank0_a: Fp2Memory<WIDTH, ADDRESS_BITS>,
    bank0_b: Fp2Memory<WIDTH, ADDRESS_BITS>,
    bank1_read: Fp2Memory<WIDTH, ADDRESS_BITS>,
    bank1_a: Fp2Memory<WIDTH, ADDRESS_BITS>,
    bank1_b: Fp2Memory<WIDTH, ADDRESS_BITS>,
    from_linear: Register<Bit>,
    a_from_linear: Register<Bit>,
    b_from_linear: Register<Bit>,
    op: Register<Bits<3>>,
    // The product's operands: the first waits for the second, then both stay for a beat.
    first_c0: Register<Bits<WIDTH>>,
    first_c1: Register<Bits<WIDTH>>,
    left_c0: Register<Bits<WIDTH>>,
    left_c1: Register<Bits<WIDTH>>,
    right_c0: Register<Bits<WIDTH>>,
    right_c1: Register<Bits<WIDTH>>,
    product_tag: TagPipe<ADDRESS_BITS>,
    linear_tag: TagPipe<ADDRESS_BITS>,
    // What bank 0 is given.
    write0: Signal<Local, Bit>,
    write0_address: Signal<Local, Bits<ADDRESS_BITS>>,
    write0_c0: Signal<Local, Bits<WIDTH>>,
    write0_c1: Signal<Local, Bits<WIDTH>>,
    port_c0: Signal<Local, Bits<WIDTH>>,
    port_c1: Signal<Local, Bits<WIDTH>>,
}

/// Clocks from a product's first read to its operands' registers: two reads, one after the other, and the register.
const PRODUCT_READ: usize = 3;
/// Clocks from a linear step's reads to its unit: the read.
const LINEAR_READ: usize = 1;

impl Default for FoldedFp2 {
    fn default() -> Self {
        let (multiply, sum) = (Fp2Mul::default(), Fp2Linear::default());
        let bank = || Fp2Memory::new(1 << ADDRESS_BITS);
        let product_tag = TagPipe::new(PRODUCT_READ + multiply.latency());
        let linear_tag = TagPipe::new(LINEAR_READ + sum.latency());
        Self {
            clock: Default::default(),
            reset: Default::default(),
            beat: Default::default(),
            read_address: Default::default(),
            read_linear: Default::default(),
            read_c0: Default::default(),
            read_c1: Default::default(),
            product: Default::default(),
            product_address: Default::default(),
            linear: Default::default(),
            linear_op: Default::default(),
            a_address: Default::default(),
            a_linear: Default::default(),
            b_address: Default::default(),
            b_linear: Default::default(),
            linear_address: Default::default(),
            load: Default::default(),
            load_address: Default::default(),
            load_c0: Default::default(),
            load_c1: Default::default(),
            multiply,
            sum,
            bank0_read: bank(),
            bank0_a: bank(),
            bank0_b: bank(),
            bank1_read: bank(),
            bank1_a: bank(),
            bank1_b: bank(),
            from_linear: Register::default(),
            a_from_linear: Register::default(),
            b_from_linear: Register::default(),
            op: Register::default(),
            first_c0: Register::default(),
            first_c1: Register::default(),
            left_c0: Register::default(),
            left_c1: Register::default(),
            right_c0: Register::default(),
            right_c1: Register::default(),
            product_tag,
            linear_tag,
            write0: Default::default(),
            write0_address: Default::default(),
            write0_c0: Default::default(),
            write0_c1: Default::default(),
            port_c0: Default::default(),
            port_c1: Default::default(),
        }
    }
}

impl FoldedFp2 {
    /// Clocks from a step's control to the first clock in which its result can be read: a write is read a clock later.
    ///
    /// `load` counts from `load` itself, `output` from the read to its answer.
    pub fn latencies(&self) -> Latencies {
        Latencies { product: self.product_tag.latency() + 1, linear: self.linear_tag.latency() + 1, load: 1, output: 1 }
    }

    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, multiply, sum, bank0_read, bank0_a, bank0_b, bank1_read, bank1_a, bank1_b);
        clock!(self, clock, from_linear, a_from_linear, b_from_linear, op, product_tag, linear_tag);
        clock!(self, clock, first_c0, first_c1, left_c0, left_c1, right_c0, right_c1);
        comment!("Read ports.");
        self.bank0_read.read_address.next = self.read_address.val();
        self.bank1_read.read_address.next = self.read_address.val();
        self.bank0_a.read_address.next = self.a_address.val();
        self.bank1_a.read_address.next = self.a_address.val();
        self.bank0_b.read_address.next = self.b_address.val();
        self.bank1_b.read_address.next = self.b_address.val();
        self.from_linear.d.next = self.read_linear.val();
        self.a_from_linear.d.next = self.a_linear.val();
        self.b_from_linear.d.next = self.b_linear.val();
        self.port_c0.next = self.bank0_read.read_c0.val();
        self.port_c1.next = self.bank0_read.read_c1.val();
        if self.from_linear.q.val() {
            self.port_c0.next = self.bank1_read.read_c0.val();
            self.port_c1.next = self.bank1_read.read_c1.val();
        }
        self.read_c0.next = self.port_c0.val();
        self.read_c1.next = self.port_c1.val();
        comment!("The product's operands: in clock 1 the first one's read is answered, in clock 2 the second one's.");
        self.first_c0.d.next = self.port_c0.val();
        self.first_c1.d.next = self.port_c1.val();
        self.left_c0.d.next = self.left_c0.q.val();
        self.left_c1.d.next = self.left_c1.q.val();
        self.right_c0.d.next = self.right_c0.q.val();
        self.right_c1.d.next = self.right_c1.q.val();
        if self.beat.val() == 2 {
            self.left_c0.d.next = self.first_c0.q.val();
            self.left_c1.d.next = self.first_c1.q.val();
            self.right_c0.d.next = self.port_c0.val();
            self.right_c1.d.next = self.port_c1.val();
        }
        self.multiply.beat.next = self.beat.val();
        self.multiply.a_c0.next = self.left_c0.q.val();
        self.multiply.a_c1.next = self.left_c1.q.val();
        self.multiply.b_c0.next = self.right_c0.q.val();
        self.multiply.b_c1.next = self.right_c1.q.val();
        self.product_tag.reset.next = self.reset.val();
        self.product_tag.valid.next = self.product.val();
        self.product_tag.tag.next = self.product_address.val();
        comment!("The linear unit's operands.");
        self.op.d.next = self.linear_op.val();
        self.sum.op.next = self.op.q.val();
        self.sum.a_c0.next = self.bank0_a.read_c0.val();
        self.sum.a_c1.next = self.bank0_a.read_c1.val();
        if self.a_from_linear.q.val() {
            self.sum.a_c0.next = self.bank1_a.read_c0.val();
            self.sum.a_c1.next = self.bank1_a.read_c1.val();
        }
        self.sum.b_c0.next = self.bank0_b.read_c0.val();
        self.sum.b_c1.next = self.bank0_b.read_c1.val();
        if self.b_from_linear.q.val() {
            self.sum.b_c0.next = self.bank1_b.read_c0.val();
            self.sum.b_c1.next = self.bank1_b.read_c1.val();
        }
        self.linear_tag.reset.next = self.reset.val();
        self.linear_tag.valid.next = self.linear.val();
        self.linear_tag.tag.next = self.linear_address.val();
        comment!("Bank 0 takes products, and operands between them.");
        self.write0.next = self.product_tag.out_valid.val() || self.load.val();
        self.write0_address.next = self.load_address.val();
        self.write0_c0.next = self.load_c0.val();
        self.write0_c1.next = self.load_c1.val();
        if self.product_tag.out_valid.val() {
            self.write0_address.next = self.product_tag.out_tag.val();
            self.write0_c0.next = self.multiply.r_c0.val();
            self.write0_c1.next = self.multiply.r_c1.val();
        }
        self.bank0_read.write.next = self.write0.val();
        self.bank0_read.write_address.next = self.write0_address.val();
        self.bank0_read.write_c0.next = self.write0_c0.val();
        self.bank0_read.write_c1.next = self.write0_c1.val();
        self.bank0_a.write.next = self.write0.val();
        self.bank0_a.write_address.next = self.write0_address.val();
        self.bank0_a.write_c0.next = self.write0_c0.val();
        self.bank0_a.write_c1.next = self.write0_c1.val();
        self.bank0_b.write.next = self.write0.val();
        self.bank0_b.write_address.next = self.write0_address.val();
        self.bank0_b.write_c0.next = self.write0_c0.val();
        self.bank0_b.write_c1.next = self.write0_c1.val();
        comment!("Bank 1 takes the linear unit's results.");
        self.bank1_read.write.next = self.linear_tag.out_valid.val();
        self.bank1_read.write_address.next = self.linear_tag.out_tag.val();
        self.bank1_read.write_c0.next = self.sum.r_c0.val();
        self.bank1_read.write_c1.next = self.sum.r_c1.val();
        self.bank1_a.write.next = self.linear_tag.out_valid.val();
        self.bank1_a.write_address.next = self.linear_tag.out_tag.val();
        self.bank1_a.write_c0.next = self.sum.r_c0.val();
        self.bank1_a.write_c1.next = self.sum.r_c1.val();
        self.bank1_b.write.next = self.linear_tag.out_valid.val();
        self.bank1_b.write_address.next = self.linear_tag.out_tag.val();
        self.bank1_b.write_c0.next = self.sum.r_c0.val();
        self.bank1_b.write_c1.next = self.sum.r_c1.val();
    }
}

kernel_logic!([] FoldedFp2, |unit| {
    let latencies = unit.latencies();
    let description = format!(
        "One Montgomery multiplier, one linear unit and the memory of {} contexts of 2 x {} Fp2 elements.\n\
         A product every three clocks, readable {} clocks after its first operand's read; a sum every clock, after {}.",
        1 << CONTEXT_BITS, 1 << REGISTER_BITS, latencies.product, latencies.linear
    );
    ("folded_fp2".into(), description)
});
