//! Where rust-hdl's Rust and its Verilog mean different things, as blocks that show it.
//!
//! These are the reason why the units state their Verilog themselves. The simulation tests run each block both ways
//! and fail when a version of rust-hdl changes what it emits.

use rust_hdl::prelude::*;

/// `bit_cast(a + b)`: in Rust the sum is cut to its own width first; in the Verilog it is as wide as its target.
#[derive(LogicBlock, Default)]
pub struct CastOfSum {
    /// Unused; every design has a clock.
    pub clock: Signal<In, Clock>,
    /// Summand.
    pub a: Signal<In, Bits<4>>,
    /// Summand.
    pub b: Signal<In, Bits<4>>,
    /// The cast sum.
    pub r: Signal<Out, Bits<8>>,
}

impl Logic for CastOfSum {
    #[hdl_gen]
    fn update(&mut self) {
        self.r.next = bit_cast::<8, 4>(self.a.val() + self.b.val());
    }
}

/// `a & b == b`: in Rust `(a & b) == b`; the Verilog has no parentheses and means `a & (b == b)`.
#[derive(LogicBlock, Default)]
pub struct AndEquals {
    /// Unused; every design has a clock.
    pub clock: Signal<In, Clock>,
    /// First operand.
    pub a: Signal<In, Bits<4>>,
    /// Second operand.
    pub b: Signal<In, Bits<4>>,
    /// The comparison.
    pub r: Signal<Out, Bit>,
}

impl Logic for AndEquals {
    #[hdl_gen]
    fn update(&mut self) {
        self.r.next = self.a.val() & self.b.val() == self.b.val();
    }
}

/// What rust-hdl itself computes for a block: `[cast of sum, and-equals]` for operands of 4 bits.
pub fn in_rust(a: u64, b: u64) -> [u64; 2] {
    let (mut cast, mut equals) = (CastOfSum::default(), AndEquals::default());
    cast.connect_all();
    equals.connect_all();
    (cast.a.next, cast.b.next) = (a.to_bits(), b.to_bits());
    (equals.a.next, equals.b.next) = (a.to_bits(), b.to_bits());
    for _ in 0..3 {
        cast.update_all();
        equals.update_all();
    }
    [cast.r.val().to_u64(), u64::from(equals.r.val())]
}
