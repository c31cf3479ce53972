//! The 384×384-bit product: three levels of Karatsuba over tiles of six DSP slices (27 tiles, 162 slices).
//!
//! The levels are leaves: the width of a half is no type that rust-hdl can compute from the whole's. In rust-hdl's
//! simulator each level multiplies by itself, and those below it rest.
//!
//! All inner operands are signed, so that the differences a₀ − a₁ and b₁ − b₀ need no absolute value:
//! a·b = h·2^2n + (l + h + (a₀ − a₁)(b₁ − b₀))·2^n + l, with l = a₀b₀ and h = a₁b₁.

use crate::block::{CHILDREN_MARK, Line, module, verilog_logic};
use crate::units::delay::ring_text;
use crate::units::dsp::Tile52;
use num_bigint::{BigInt, BigUint};
use rust_hdl::prelude::*;

/// A pipelined multiplier with ports `a`, `b` (WIDTH bits) and `p` (twice as many), one product a clock.
pub trait Multiplier: Block + Default {
    /// Width of an operand in bits.
    const WIDTH: usize;
    /// Clocks from operands to product.
    fn latency() -> usize;
}

/// p = a·b by one level of Karatsuba over three multipliers S; operands are signed where `SIGNED`.
///
/// P must be 2·W. Latency: that of S and 3 (differences, sums, recombination).
#[derive(LogicBlock)]
pub struct Karatsuba<const W: usize, const P: usize, const SIGNED: bool, S: Multiplier> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First factor.
    pub a: Signal<In, Bits<W>>,
    /// Second factor.
    pub b: Signal<In, Bits<W>>,
    /// Product.
    pub p: Signal<Out, Bits<P>>,
    lo: S,
    hi: S,
    mid: S,
    _line: Line<Bits<P>>,
}

impl<const W: usize, const P: usize, const SIGNED: bool, S: Multiplier> Default for Karatsuba<W, P, SIGNED, S> {
    fn default() -> Self {
        assert!(P == 2 * W && S::WIDTH > W - half::<SIGNED>(W), "the parts must fit their multipliers");
        Self {
            clock: Default::default(),
            a: Default::default(),
            b: Default::default(),
            p: Default::default(),
            lo: S::default(),
            hi: S::default(),
            mid: S::default(),
            _line: Line::new(Self::latency()),
        }
    }
}

impl<const W: usize, const P: usize, const SIGNED: bool, S: Multiplier> Multiplier for Karatsuba<W, P, SIGNED, S> {
    const WIDTH: usize = W;
    fn latency() -> usize {
        S::latency() + 3
    }
}

/// Multiplier of 99-bit signed operands: three tiles.
pub type Product99 = Karatsuba<99, 198, true, Tile52>;
/// Multiplier of 194-bit signed operands: nine tiles.
pub type Product194 = Karatsuba<194, 388, true, Product99>;
/// Multiplier of 384-bit unsigned operands: 27 tiles, latency 15.
pub type Product384 = Karatsuba<384, 768, false, Product194>;

/// Bits of the low part: signed operands have their spare bits on top.
const fn half<const SIGNED: bool>(width: usize) -> usize {
    if SIGNED { (width - 1) / 2 - (width - 1) / 2 % 2 } else { width / 2 }
}

verilog_logic!([const W: usize, const P: usize, const SIGNED: bool, S: Multiplier] Karatsuba<W, P, SIGNED, S>, drives: [p],
    update: |unit| {
        if unit.clock.pos_edge() {
            let value = |x: Bits<W>| if SIGNED { signed(x) } else { BigUint::from(x).into() };
            unit.p.next = unit._line.step(wrapped(&(value(unit.a.val()) * value(unit.b.val()))));
        }
    },
    |_unit| {
    let structural = karatsuba_text(W, half::<SIGNED>(W), S::WIDTH, SIGNED);
    let (sign, name) = if SIGNED { ("signed", format!("product_s{W}")) } else { ("unsigned", format!("product_{W}")) };
    let latency = Self::latency();
    // Only the whole product has a plain body: the parts are never seen alone.
    let body = if SIGNED {
        format!("{CHILDREN_MARK}\n{structural}")
    } else {
        let plain = ring_text("p", "a * b", P, latency);
        format!("`ifdef ARBLAST_PLAIN\n{plain}\n`else\n{CHILDREN_MARK}\n{structural}\n`endif")
    };
    let description = format!("p = a*b, {W} x {W} bits {sign}, one level of Karatsuba, latency {latency}.");
    module(&name, &description, &body)
});

/// The value of bits in two's complement.
pub(crate) fn signed<const N: usize>(x: Bits<N>) -> BigInt {
    let value = BigInt::from(BigUint::from(x));
    if x.get_bit(N - 1) { value - (BigInt::from(1) << N) } else { value }
}

/// A value in two's complement, modulo 2^N.
pub(crate) fn wrapped<const N: usize>(value: &BigInt) -> Bits<N> {
    let modulus = BigInt::from(1) << N;
    let rest = ((value % &modulus) + &modulus) % &modulus;
    rest.to_biguint().unwrap_or_default().into()
}

/// The differences, the three products' operands and the recombination.
fn karatsuba_text(width: usize, half: usize, sub: usize, signed: bool) -> String {
    let product = 2 * sub;
    let top = if signed { "" } else { "1'b0, " };
    // The middle sum is below 2^(sub + width - half + 2) in absolute value; 2*sub bits hold it.
    format!(
        "  wire signed [{h}:0] a_hi = {{{top}a[{w}:{half}]}};
  wire signed [{h}:0] b_hi = {{{top}b[{w}:{half}]}};
  wire signed [{t}:0] a_hi_x = a_hi;
  wire signed [{t}:0] b_hi_x = b_hi;
  wire signed [{t}:0] a_lo_x = $signed({{1'b0, a[{l}:0]}});
  wire signed [{t}:0] b_lo_x = $signed({{1'b0, b[{l}:0]}});
  reg signed [{t}:0] al, bl, ah, bh, ad, bd;
  always @(posedge clock) begin
    al <= a_lo_x;
    bl <= b_lo_x;
    ah <= a_hi_x;
    bh <= b_hi_x;
    ad <= a_lo_x - a_hi_x;
    bd <= b_hi_x - b_lo_x;
  end
  assign lo_a = al;
  assign lo_b = bl;
  assign hi_a = ah;
  assign hi_b = bh;
  assign mid_a = ad;
  assign mid_b = bd;
  reg [{pt}:0] middle, high;
  reg [{ft}:0] low;
  always @(posedge clock) begin
    middle <= lo_p + hi_p + mid_p;
    high <= hi_p;
    low <= lo_p[{ft}:0];
  end
  // p = high * 2^{full} + middle * 2^{half} + low; the low {half} bits pass by the adder.
  wire signed [{pt}:0] middle_s = middle;
  wire signed [{rt}:0] middle_x = middle_s;
  reg [{rt}:0] upper;
  reg [{l}:0] below;
  always @(posedge clock) begin
    upper <= {{high[{hk}:0], low[{ft}:{half}]}} + middle_x;
    below <= low[{l}:0];
  end
  assign p = {{upper, below}};",
        l = half - 1,
        w = width - 1,
        h = width - half - usize::from(signed),
        t = sub - 1,
        pt = product - 1,
        ft = 2 * half - 1,
        full = 2 * half,
        rt = 2 * width - half - 1,
        hk = 2 * width - 2 * half - 1,
    )
}
