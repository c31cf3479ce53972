//! Modular addition and subtraction, with the carry cut into chunks of 96 bits.
//!
//! A chunk's sum is registered with its own carry; in the next stage the carries are resolved over the few chunks
//! (generate: the chunk overflowed; propagate: it is all ones) and each chunk is incremented at most once. No stage has
//! a longer carry chain than a chunk.

use crate::block::{Config, module, verilog_logic};
use num_bigint::BigUint;
use rust_hdl::prelude::*;

/// The longest carry of one stage, in bits.
pub const CHUNK: usize = 96;

/// Which of the two operations a [`ModAdd`] does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModOp {
    /// a + b mod m.
    #[default]
    Add,
    /// a − b mod m.
    Sub,
}

/// r = a ± b mod m, one result a clock. Inputs below m, result below m; m < 2^(W−1). Latency 4.
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
    op: Config<ModOp>,
    modulus: Config<BigUint>,
}

impl<const W: usize> ModAdd<W> {
    /// Clocks from operands to result.
    pub const LATENCY: usize = 4;

    /// The unit for one operation and one modulus below 2^(W−1).
    pub fn new(op: ModOp, modulus: &BigUint) -> Self {
        assert!(modulus.bits() < W as u64, "the modulus must leave a bit for the sum");
        Self {
            clock: Default::default(),
            a: Default::default(),
            b: Default::default(),
            r: Default::default(),
            op: Config(op),
            modulus: Config(modulus.clone()),
        }
    }

    /// Clocks from operands to result.
    pub fn latency(&self) -> usize {
        Self::LATENCY
    }
}

verilog_logic!([const W: usize] ModAdd<W>, drives: [r], |unit| {
    let (name, first, sign) = match unit.op.0 {
        ModOp::Add => ("mod_add", '+', "+"),
        ModOp::Sub => ("mod_sub", '-', "-"),
    };
    let mut body = chunked_stage("s", 'a', first, 'b', W);
    body += &resolve("s", first, W);
    body += &match unit.op.0 {
        ModOp::Add => subtract_modulus(&unit.modulus.0, W),
        ModOp::Sub => add_modulus(&unit.modulus.0, W),
    };
    body += "  assign r = r_q;";
    let description = format!(
        "r = a {sign} b mod m for a, b < m; {W} bits, carries of at most {CHUNK} bits, latency {}.\nm = {:#x}",
        ModAdd::<W>::LATENCY, unit.modulus.0
    );
    module(&format!("{name}_{W}"), &description, &body)
});

/// The chunks of a word: (index, lowest bit, width).
fn chunks(width: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..width.div_ceil(CHUNK)).map(move |i| (i, i * CHUNK, CHUNK.min(width - i * CHUNK)))
}

/// Stage: each chunk of `a op b` with its own carry on top, in `{name}{i}`.
fn chunked_stage(name: &str, a: char, op: char, b: char, width: usize) -> String {
    chunks(width)
        .map(|(i, low, bits)| {
            let high = low + bits - 1;
            format!(
                "  reg [{bits}:0] {name}{i};\n  always @(posedge clock) {name}{i} <= \
                 {{1'b0, {a}[{high}:{low}]}} {op} {{1'b0, {b}[{high}:{low}]}};\n"
            )
        })
        .collect()
}

/// Wires `{name}_c{i}`: the carry (or borrow) into chunk i; `{name}_c{n}` is the one out of the word.
fn carries(name: &str, op: char, width: usize) -> String {
    let mut text = format!("  wire {name}_c0 = 1'b0;\n");
    for (i, _, bits) in chunks(width) {
        let through = if op == '+' { "&" } else { "~|" };
        text += &format!(
            "  wire {name}_c{} = {name}{i}[{bits}] | ({through}{name}{i}[{}:0] & {name}_c{i});\n",
            i + 1,
            bits - 1
        );
    }
    text
}

/// Stage: the chunks with their carries resolved, in `{name}_q`; the carry out, in `{name}_out`.
fn resolve(name: &str, op: char, width: usize) -> String {
    let last = width.div_ceil(CHUNK);
    let mut text = carries(name, op, width);
    text += &format!("  reg [{}:0] {name}_q;\n  reg {name}_out;\n  always @(posedge clock) begin\n", width - 1);
    for (i, low, bits) in chunks(width) {
        text += &format!(
            "    {name}_q[{}:{low}] <= {name}{i}[{}:0] {op} {{{}'d0, {name}_c{i}}};\n",
            low + bits - 1,
            bits - 1,
            bits - 1
        );
    }
    text + &format!("    {name}_out <= {name}_c{last};\n  end\n")
}

/// Stages 3 and 4 of an addition: s − m where that is not negative, else s.
pub(crate) fn subtract_modulus(modulus: &BigUint, width: usize) -> String {
    let mut text = format!(
        "  wire [{top}:0] m = {width}'h{modulus:x};\n  reg [{top}:0] keep;\n  always @(posedge clock) keep <= s_q;\n",
        top = width - 1
    );
    for (i, low, bits) in chunks(width) {
        let high = low + bits - 1;
        text += &format!(
            "  reg [{bits}:0] d{i};\n  always @(posedge clock) d{i} <= {{1'b0, s_q[{high}:{low}]}} - {{1'b0, m[{high}:{low}]}};\n"
        );
    }
    text += &carries("d", '-', width);
    text += &format!("  reg [{}:0] r_q;\n  always @(posedge clock) begin\n", width - 1);
    let last = width.div_ceil(CHUNK);
    for (i, low, bits) in chunks(width) {
        let high = low + bits - 1;
        text += &format!(
            "    r_q[{high}:{low}] <= d_c{last} ? keep[{high}:{low}] : d{i}[{}:0] - {{{}'d0, d_c{i}}};\n",
            bits - 1,
            bits - 1
        );
    }
    text + "  end\n"
}

/// Stages 3 and 4 of a subtraction: the difference, plus m where it borrowed.
fn add_modulus(modulus: &BigUint, width: usize) -> String {
    let mut text = format!("  wire [{}:0] m = s_out ? {width}'h{modulus:x} : {width}'d0;\n", width - 1);
    for (i, low, bits) in chunks(width) {
        let high = low + bits - 1;
        text += &format!(
            "  reg [{bits}:0] t{i};\n  always @(posedge clock) t{i} <= {{1'b0, s_q[{high}:{low}]}} + {{1'b0, m[{high}:{low}]}};\n"
        );
    }
    text += &carries("t", '+', width);
    text += &format!("  reg [{}:0] r_q;\n  always @(posedge clock) begin\n", width - 1);
    for (i, low, bits) in chunks(width) {
        let high = low + bits - 1;
        text += &format!("    r_q[{high}:{low}] <= t{i}[{}:0] + {{{}'d0, t_c{i}}};\n", bits - 1, bits - 1);
    }
    text + "  end\n"
}
