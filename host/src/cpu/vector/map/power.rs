//! x^((p−3)/4), several vectors in step: the exponentiation below every square root.
//!
//! With e = (p − 3)/4 and t = x^e, the Euler symbol χ(x) is t²·x; where it is 1, t = 1/√x and t·x = √x, and where it is
//! −1, the same holds of −x up to a factor √−1 that squares away (each use says how).
//!
//! The exponent is cut into windows of at most five bits that begin and end with a one, computed at compile time: 379
//! bits need 378 squarings, 15 products and a square for the odd powers up to 31, and 66 products for the windows (four
//! bits: 86 in all, six: 88). A chain waits for each of its products, 40 ns, where the multipliers need 23 to 29: so
//! several vectors go through it side by side; one alone takes 1.88 µs for each element, two, three or four 1.46 (Zen 5).

use super::super::fp::Fp8;
use super::super::generated::FP_INV_SQRT_EXPONENT;
use super::lazy;

/// Bits of a window.
const WINDOW: usize = 5;
/// Odd powers below 2^WINDOW.
const ODD: usize = 1 << (WINDOW - 1);
/// A step without a product.
const NONE: u8 = u8::MAX;

/// So many squarings, then a product with the odd power 2·`odd` + 1.
#[derive(Clone, Copy)]
struct Step {
    squarings: u8,
    odd: u8,
}

/// Bit i of the exponent.
const fn bit(i: usize) -> bool {
    FP_INV_SQRT_EXPONENT[i / 52] >> (i % 52) & 1 == 1
}

/// The windows from the top, and how many there are.
const fn windows() -> ([Step; 128], usize) {
    let mut out = [Step { squarings: 0, odd: NONE }; 128];
    let (mut count, mut pending, mut above) = (0, 0, 416);
    while above > 0 {
        if !bit(above - 1) {
            // Zeros above the top bit are no squarings.
            pending += (count > 0) as u8;
            above -= 1;
            continue;
        }
        let mut low = above.saturating_sub(WINDOW);
        while !bit(low) {
            low += 1;
        }
        let (mut value, mut i) = (0, above);
        while i > low {
            value = value << 1 | bit(i - 1) as u8;
            i -= 1;
        }
        out[count] = Step { squarings: pending + (above - low) as u8, odd: value / 2 };
        count += 1;
        pending = 0;
        above = low;
    }
    out[count] = Step { squarings: pending, odd: NONE };
    (out, count + (pending > 0) as usize)
}

const WINDOWS: ([Step; 128], usize) = windows();

/// x^((p−3)/4) in each lane of each vector, 0 for 0; below 4/3·p. Takes less than 2^12·p.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn inverse_root<const N: usize>(x: &[Fp8; N]) -> [Fp8; N] {
    let mut odd = [*x; ODD];
    let (mut first, mut second) = (*x, *x);
    let (mut power, mut next) = (&mut first, &mut second);
    for k in 0..N {
        lazy::fp_square(&mut next[k], &x[k]);
    }
    for i in 1..ODD {
        let (before, after) = odd.split_at_mut(i);
        for k in 0..N {
            lazy::fp_mul(&mut after[0][k], &before[i - 1][k], &next[k]);
        }
    }
    let (steps, count) = const { &WINDOWS };
    *power = odd[steps[0].odd as usize];
    for step in &steps[1..*count] {
        for _ in 0..step.squarings {
            for k in 0..N {
                lazy::fp_square(&mut next[k], &power[k]);
            }
            std::mem::swap(&mut power, &mut next);
        }
        if step.odd != NONE {
            for k in 0..N {
                lazy::fp_mul(&mut next[k], &power[k], &odd[step.odd as usize][k]);
            }
            std::mem::swap(&mut power, &mut next);
        }
    }
    *power
}
