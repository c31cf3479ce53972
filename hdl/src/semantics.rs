//! Where rust-hdl's Rust and the Verilog of its own printer mean different things, as blocks that show it.
//!
//! These are the reason why the kernels are printed by this crate ([`crate::emit`]). The simulation tests run each block
//! in Rust, as rust-hdl prints it and as this crate does: they fail when the last differs from Rust, and when a version
//! of rust-hdl changes what it emits.

use crate::emit::{Design, Port};

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

/// A block as rust-hdl itself prints it, with the ports a, b (4 bits) and r.
pub fn printed_by_rust_hdl<B: Block>(name: &str, mut block: B, result_bits: usize) -> Design {
    block.connect_all();
    let verilog = generate_verilog_unchecked(&block).replace("module top", &format!("module {name}"));
    let port = |name: &str, width, input| Port { name: name.into(), width, input };
    let ports = vec![port("clock", 1, true), port("a", 4, true), port("b", 4, true), port("r", result_bits, false)];
    Design { name: name.into(), ports, verilog, modules: vec![name.into()] }
}
