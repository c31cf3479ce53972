//! Products by a constant in logic: leaves, because the widths of their adders follow from the constant's digits, and a
//! type of rust-hdl has its width when it is compiled.
//!
//! A product is the constant in signed digits, the multiples 1, 3, 5, 7 of the operand, and a
//! pipelined tree of adders, one level a clock.

use crate::block::{Config, Line, module, verilog_logic};
use crate::field::{Digit, wnaf4};
use crate::units::delay::ring_text;
use num_bigint::{BigInt, BigUint};
use rust_hdl::prelude::*;

/// A summand in the tree: the value is ±(wire << shift) (low product) or ±wire (high product).
#[derive(Clone, Debug)]
struct Node {
    wire: String,
    negative: bool,
    shift: usize,
    /// Range of the wire's value; only the high product needs it.
    min: BigInt,
    max: BigInt,
}

/// Levels of a binary tree over `leaves`.
fn levels(leaves: usize) -> usize {
    leaves.next_power_of_two().trailing_zeros() as usize
}

/// The registered odd multiples of `input`, `width + 3` bits each.
fn multiples(input: &str, width: usize) -> String {
    let top = width + 2;
    let mut text = format!("  wire [{top}:0] x = {{3'b000, {input}}};\n  reg [{top}:0] x1, x3, x5, x7;\n");
    text += "  always @(posedge clock) begin\n    x1 <= x;\n    x3 <= (x << 1) + x;\n    x5 <= (x << 2) + x;\n";
    text + "    x7 <= (x << 3) - x;\n  end\n"
}

/// Adds the nodes level by level until one is left; `join` writes one addition and says what it makes.
fn reduce(
    mut nodes: Vec<Node>,
    text: &mut String,
    mut join: impl FnMut(&mut String, String, &Node, Option<&Node>) -> Node,
) -> Node {
    let mut level = 0;
    while nodes.len() > 1 {
        level += 1;
        let mut next = Vec::with_capacity(nodes.len().div_ceil(2));
        for (index, pair) in nodes.chunks(2).enumerate() {
            next.push(join(text, format!("l{level}_{index}"), &pair[0], pair.get(1)));
        }
        nodes = next;
    }
    nodes.remove(0)
}

/// p = x·c mod 2^W for a constant c, one product a clock; latency 1 + the tree's levels.
#[derive(LogicBlock)]
pub struct LowProduct<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Operand, any W bits.
    pub x_in: Signal<In, Bits<W>>,
    /// The low W bits of the product.
    pub p: Signal<Out, Bits<W>>,
    constant: Config<BigUint>,
    _line: Line<Bits<W>>,
}

impl<const W: usize> LowProduct<W> {
    /// The unit for one constant; it must be odd or the tree has no lowest term.
    pub fn new(constant: &BigUint) -> Self {
        assert!(constant.bit(0) && constant.bits() <= W as u64, "an odd constant of at most {W} bits");
        Self {
            clock: Default::default(),
            x_in: Default::default(),
            p: Default::default(),
            constant: Config(constant.clone()),
            _line: Line::new(Self::latency_of(constant)),
        }
    }

    fn digits(constant: &BigUint) -> Vec<Digit> {
        wnaf4(constant).into_iter().filter(|digit| digit.shift < W).collect()
    }

    fn latency_of(constant: &BigUint) -> usize {
        1 + levels(Self::digits(constant).len())
    }

    /// Clocks from operand to product.
    pub fn latency(&self) -> usize {
        Self::latency_of(&self.constant.0)
    }
}

verilog_logic!([const W: usize] LowProduct<W>, drives: [p],
    update: |unit| {
        if unit.clock.pos_edge() {
            let product = BigUint::from(unit.x_in.val()) * &unit.constant.0;
            unit.p.next = unit._line.step((product % (BigUint::from(1u32) << W)).into());
        }
    },
    |unit| {
    let digits = Self::digits(&unit.constant.0);
    let mut text = multiples("x_in", W);
    let leaves = digits.iter().map(|digit| Node {
        wire: format!("x{}", digit.value.abs()),
        negative: digit.value < 0,
        shift: digit.shift,
        min: BigInt::ZERO,
        max: BigInt::ZERO,
    });
    let root = reduce(leaves.collect(), &mut text, |text, name, a, b| low_join(text, name, a, b, W));
    assert!(!root.negative && root.shift == 0, "an odd constant has a lowest term");
    let plain = ring_text("p", &format!("x_in * {W}'h{:x}", unit.constant.0), W, unit.latency());
    let body = format!("`ifdef ARBLAST_PLAIN\n{plain}\n`else\n{text}  assign p = {};\n`endif", root.wire);
    let description = format!("p = x_in * c mod 2^{W}, {} terms, latency {}.\nc = {:#x}", digits.len(), unit.latency(), unit.constant.0);
    module(&format!("low_product_{W}"), &description, &body)
});

/// One node of the low product: a + b at the lower shift, modulo 2^width; the sign moves out where both are negative.
fn low_join(text: &mut String, name: String, a: &Node, b: Option<&Node>, width: usize) -> Node {
    let shift = b.map_or(a.shift, |b| a.shift.min(b.shift));
    let bits = width - shift;
    let term = |node: &Node| {
        if node.shift == shift {
            node.wire.clone()
        } else {
            format!("({{{}'d0, {}}} << {})", width, node.wire, node.shift - shift)
        }
    };
    let (value, negative) = match b {
        None => (a.wire.clone(), a.negative),
        Some(b) if a.negative == b.negative => (format!("{} + {}", term(a), term(b)), a.negative),
        Some(b) if a.negative => (format!("{} - {}", term(b), term(a)), false),
        Some(b) => (format!("{} - {}", term(a), term(b)), false),
    };
    *text += &format!("  reg [{}:0] {name};\n  always @(posedge clock) {name} <= {value};\n", bits - 1);
    Node { wire: name, negative, shift, min: BigInt::ZERO, max: BigInt::ZERO }
}

/// w = (t·2^−(W−G) + q·c·2^−(W−G)) / 2^G rounded: the exact (T + q·c) / 2^W where 2^W divides T + q·c.
///
/// G = 16 guard bits; t is T >> (W − G). Each of the fewer than 2^(G−2) terms is cut to the guard bits, an error below
/// one unit each, so rounding to nearest gives the exact quotient. t must come one clock after q. Latency from q:
/// 1 + the tree's levels. The result is below 2^W for q < 2^W, T < 2^(2W−6), c < 2^(W−3).
#[derive(LogicBlock)]
pub struct HighProduct<const W: usize, const T: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Operand, any W bits.
    pub q: Signal<In, Bits<W>>,
    /// T >> (W − G), one clock after `q`.
    pub t: Signal<In, Bits<T>>,
    /// Quotient.
    pub w: Signal<Out, Bits<W>>,
    constant: Config<BigUint>,
    _product: BigUint,
    _line: Line<Bits<W>>,
}

/// Guard bits of the high product.
pub const GUARD: usize = 16;

impl<const W: usize, const T: usize> HighProduct<W, T> {
    /// The unit for one constant; T must be W + [`GUARD`].
    pub fn new(constant: &BigUint) -> Self {
        assert!(T == W + GUARD && constant.bits() + 3 <= W as u64, "the constant must be below 2^(W-3)");
        Self {
            clock: Default::default(),
            q: Default::default(),
            t: Default::default(),
            w: Default::default(),
            constant: Config(constant.clone()),
            _product: BigUint::ZERO,
            _line: Line::new(Self::latency_of(constant) - 1),
        }
    }

    fn latency_of(constant: &BigUint) -> usize {
        1 + levels(wnaf4(constant).len() + 1)
    }

    /// Clocks from `q` to `w`.
    pub fn latency(&self) -> usize {
        Self::latency_of(&self.constant.0)
    }
}

verilog_logic!([const W: usize, const T: usize] HighProduct<W, T>, drives: [w],
    update: |unit| {
        if unit.clock.pos_edge() {
            // The quotient rounded up: where 2^W divides T + q*c, the bits of T that t has not complete it.
            let total = &unit._product + (BigUint::from(unit.t.val()) << (W - GUARD));
            let quotient = (total + (BigUint::from(1u32) << W) - 1u32) >> W;
            unit.w.next = unit._line.step((quotient % (BigUint::from(1u32) << W)).into());
            unit._product = BigUint::from(unit.q.val()) * &unit.constant.0;
        }
    },
    |unit| {
    let digits = wnaf4(&unit.constant.0);
    assert!(digits.len() + 1 < 1 << (GUARD - 2), "the errors of all terms must stay below half a unit");
    let mut text = multiples("q", W);
    let cut = W - GUARD;
    let mut leaves: Vec<Node> = digits.iter().map(|digit| high_leaf(&mut text, digit, cut, W)).collect();
    text += &format!("  wire signed [{T}:0] t_s = {{1'b0, t}};\n");
    let max = (BigInt::from(1) << T) - 1;
    leaves.push(Node { wire: "t_s".into(), negative: false, shift: 0, min: BigInt::ZERO, max });
    let root = reduce(leaves, &mut text, high_join);
    assert!(!root.negative, "the last leaf is positive");
    let plain = plain_high_text(&unit.constant.0, W, T, unit.latency());
    let body = format!(
        "`ifdef ARBLAST_PLAIN\n{plain}\n`else\n{text}  wire [{T}:0] rounded = {} + {}'sd{};\n  assign w = rounded[{}:{GUARD}];\n`endif",
        root.wire,
        T + 1,
        1 << (GUARD - 1),
        T - 1
    );
    let description = format!(
        "w = (T + q*c) / 2^{W} where that is an integer, with t = T >> {cut}, one clock after q; {} terms, latency {}.\nc = {:#x}",
        digits.len(), unit.latency(), unit.constant.0
    );
    module(&format!("high_product_{W}"), &description, &body)
});

/// A term of the high product, cut to the guard bits: a slice of one of the multiples.
fn high_leaf(text: &mut String, digit: &Digit, cut: usize, width: usize) -> Node {
    let multiple = digit.value.unsigned_abs();
    let name = format!("term{}", digit.shift);
    let max = (BigInt::from(multiple) << (width + digit.shift)) >> cut;
    let bits = max.bits();
    let value = if digit.shift >= cut {
        format!("{{x{multiple}, {}'d0}}", digit.shift - cut + 1)
    } else {
        format!("x{multiple}[{}:{}]", width + 2, cut - digit.shift)
    };
    // A term shifted up has one zero too many below, so that the width of the zeros is never 0: cut it off again.
    let value = if digit.shift >= cut { format!("({value} >> 1)") } else { value };
    *text += &format!("  wire signed [{bits}:0] {name} = {value};\n");
    Node { wire: name, negative: digit.value < 0, shift: 0, min: BigInt::ZERO, max }
}

/// One node of the high product: a ± b, signed, as wide as its range.
fn high_join(text: &mut String, name: String, a: &Node, b: Option<&Node>) -> Node {
    let (value, negative, min, max) = match b {
        None => (a.wire.clone(), a.negative, a.min.clone(), a.max.clone()),
        Some(b) if a.negative == b.negative => {
            (format!("{} + {}", a.wire, b.wire), a.negative, &a.min + &b.min, &a.max + &b.max)
        }
        Some(b) => {
            let (plus, minus) = if a.negative { (b, a) } else { (a, b) };
            (format!("{} - {}", plus.wire, minus.wire), false, &plus.min - &minus.max, &plus.max - &minus.min)
        }
    };
    let bits = max.bits().max(min.bits());
    *text += &format!("  reg signed [{bits}:0] {name};\n  always @(posedge clock) {name} <= {value};\n");
    Node { wire: name, negative, shift: 0, min, max }
}

/// The same in one multiplication, for simulation: ceil((t·2^(W−G) + q·c) / 2^W) with the bits below t left out.
///
/// Where 2^W divides T + q·c, the bits of T below W − G only complete the sum to the next multiple.
fn plain_high_text(constant: &BigUint, width: usize, t_width: usize, latency: usize) -> String {
    let (double, cut) = (2 * width + 1, width - GUARD);
    let last = double - 1;
    let mut text = format!(
        "  reg [{last}:0] product;\n  always @(posedge clock) product <= {{{}'d0, q}} * {double}'h{constant:x};\n",
        double - width
    );
    text += &format!("  wire [{last}:0] total = product + {{{}'d0, t, {cut}'d0}};\n", double - t_width - cut);
    text += &format!(
        "  wire [{}:0] quotient = total[{}:{width}] + {{{}'d0, |total[{}:0]}};\n",
        width - 1,
        2 * width - 1,
        width - 1,
        width - 1
    );
    text + &ring_text("w", "quotient", width, latency - 1)
}
