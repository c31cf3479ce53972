//! The Montgomery multiplier of BLS12-381's base field, one product a clock.
//!
//! ```text
//!  a ─┐                       ┌─────────── delay ───────────┐ t = T >> 368
//!     ├─ product_384 ── T ────┤                             ▼
//!  b ─┘   27 DSP tiles        └─ low ── low_product ── q ── high_product ── w < 2p ── w − p or w ── r
//!                                       T·(−p⁻¹) mod R      (T + q·p) / R
//! ```

use crate::block::{module, verilog_logic};
use crate::field::{WIDTH, modulus, negated_inverse};
use crate::units::const_mul::{GUARD, HighProduct, LowProduct};
use crate::units::delay::Delay;
use crate::units::mod_add::subtract_modulus;
use crate::units::product::{Multiplier, Product384};
use rust_hdl::prelude::*;

const TOP: usize = WIDTH + GUARD;

/// r = a·b·R⁻¹ mod p, R = 2^384. Inputs below p, result below p; one result a clock.
#[derive(LogicBlock)]
pub struct MontMul {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First factor, below p.
    pub a: Signal<In, Bits<WIDTH>>,
    /// Second factor, below p.
    pub b: Signal<In, Bits<WIDTH>>,
    /// Result, below p.
    pub r: Signal<Out, Bits<WIDTH>>,
    product: Product384,
    low: LowProduct<WIDTH>,
    high: HighProduct<WIDTH, TOP>,
    late: Delay<TOP>,
}

impl Default for MontMul {
    fn default() -> Self {
        let (low, high) = (LowProduct::new(&negated_inverse()), HighProduct::new(&modulus()));
        Self {
            clock: Default::default(),
            a: Default::default(),
            b: Default::default(),
            r: Default::default(),
            product: Product384::default(),
            late: Delay::new(low.latency() + 1),
            low,
            high,
        }
    }
}

impl MontMul {
    /// Clocks of the conditional subtraction at the end.
    const SUBTRACT: usize = 2;

    /// Clocks from factors to result.
    pub fn latency(&self) -> usize {
        Product384::latency() + self.low.latency() + self.high.latency() + Self::SUBTRACT
    }
}

verilog_logic!([] MontMul, drives: [r], |unit| {
    let body = format!(
        "  assign product_a = a;
  assign product_b = b;
  assign low_x_in = product_p[{}:0];
  assign high_q = low_p;
  assign late_d = product_p[{}:{}];
  assign high_t = late_q;
  // (T + q*p) / R < p^2 / R + p < 2p: one subtraction brings it below p.
  wire [{}:0] s_q = high_w;
{}  assign r = r_q;",
        WIDTH - 1,
        2 * WIDTH - 1,
        WIDTH - GUARD,
        WIDTH - 1,
        subtract_modulus(&modulus(), WIDTH)
    );
    let description = format!("r = a*b/2^384 mod p for a, b < p, one result a clock, latency {}.", unit.latency());
    module("mont_mul", &description, &body)
});
