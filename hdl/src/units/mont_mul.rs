//! The Montgomery multiplier of BLS12-381's base field, one product a clock.
//!
//! ```text
//!  a ─┐                       ┌─────────── delay ───────────┐ t = T >> 368
//!     ├─ product_384 ── T ────┤                             ▼
//!  b ─┘   27 DSP tiles        └─ low ── low_product ── q ── high_product ── w < 2p ── w − p or w ── r
//!                                       T·(−p⁻¹) mod R      (T + q·p) / R
//! ```

use crate::block::Title;
use crate::field::{WIDTH, modulus, negated_inverse};
use crate::units::const_mul::{GUARD, HighProduct, LowProduct};
use crate::units::delay::Delay;
use crate::units::mod_add::{Correction, ModOp};
use crate::units::product::{Multiplier, Product384};
use rust_hdl::prelude::*;

const TOP: usize = WIDTH + GUARD;
// The kernel's slice starts here; an index in a kernel is a number.
const _: () = assert!(WIDTH - GUARD == 368);

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
    correction: Correction,
    title: Title,
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
            title: Title::new(
                "mont_mul",
                &format!(
                    "r = a*b/2^{WIDTH} mod p for a, b < p, one result a clock, latency {}.\np = {:#x}",
                    Self::latency_of(&low, &high),
                    modulus()
                ),
            ),
            low,
            high,
            correction: Correction::new(ModOp::Add, &modulus()),
        }
    }
}

impl MontMul {
    /// Clocks from factors to result.
    pub fn latency(&self) -> usize {
        Self::latency_of(&self.low, &self.high)
    }

    fn latency_of(low: &LowProduct<WIDTH>, high: &HighProduct<WIDTH, TOP>) -> usize {
        Product384::latency() + low.latency() + high.latency() + Correction::LATENCY
    }
}

impl Logic for MontMul {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, product, low, high, late, correction);
        self.product.a.next = self.a.val();
        self.product.b.next = self.b.val();
        self.low.x_in.next = self.product.p.val().get_bits::<WIDTH>(0);
        self.high.q.next = self.low.p.val();
        self.late.d.next = self.product.p.val().get_bits::<TOP>(368);
        self.high.t.next = self.late.q.val();
        // (T + q*p) / R < p^2 / R + p < 2p: one subtraction brings it below p.
        for i in 0..4 {
            self.correction.s[i].next = self.high.w.val().get_bits::<96>(i * 96);
        }
        self.correction.carry.next = false;
        self.r.next = bit_cast::<384, 96>(self.correction.r[0].val())
            | (bit_cast::<384, 96>(self.correction.r[1].val()) << 96)
            | (bit_cast::<384, 96>(self.correction.r[2].val()) << 192)
            | (bit_cast::<384, 96>(self.correction.r[3].val()) << 288);
    }
}
