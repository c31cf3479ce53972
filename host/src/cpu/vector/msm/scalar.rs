//! Scalars split by an endomorphism into short signed parts.

use crate::cpu::vector::generated::{Z_ABS, Z_SQUARED};

/// A signed integer of magnitude below 2^127: the sign above 127 bits of magnitude.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part(u128);

impl Part {
    /// Bits of the longest magnitude.
    pub(super) const BITS: usize = 127;

    /// The one of the largest magnitude.
    #[cfg(test)]
    pub(super) const LARGEST: Self = Self(u128::MAX >> 1);

    #[cfg(test)]
    pub(super) fn negated(self) -> Self {
        Self(self.0 ^ 1 << 127)
    }

    fn new(value: i128) -> Self {
        Self(value.unsigned_abs() | u128::from(value < 0) << 127)
    }

    pub(crate) fn is_negative(self) -> bool {
        self.0 >> 127 == 1
    }

    pub(crate) fn magnitude(self) -> u128 {
        self.0 & (u128::MAX >> 1)
    }

    /// Bits of the magnitude.
    pub(crate) fn bits(self) -> usize {
        128 - self.magnitude().leading_zeros() as usize
    }
}

/// floor((2^128 − 1)/|z|) − 2^64.
const RECIPROCAL: u64 = (u128::MAX / Z_ABS as u128) as u64;

/// (high·2^64 + low) divided by |z|, and the remainder; high below |z|.
///
/// Möller and Granlund, "Improved division by invariant integers", algorithm 4; |z| has its top bit set.
fn divide(high: u64, low: u64) -> (u64, u64) {
    let estimate = u128::from(RECIPROCAL) * u128::from(high) + (u128::from(high) << 64 | u128::from(low));
    let mut quotient = ((estimate >> 64) as u64).wrapping_add(1);
    let mut remainder = low.wrapping_sub(quotient.wrapping_mul(Z_ABS));
    if remainder > estimate as u64 {
        quotient = quotient.wrapping_sub(1);
        remainder = remainder.wrapping_add(Z_ABS);
    }
    if remainder >= Z_ABS { (quotient.wrapping_add(1), remainder - Z_ABS) } else { (quotient, remainder) }
}

/// The digits of k < r in base |z|, lowest first: r is below |z|⁴.
fn digits(k: [u64; 4]) -> [u64; 4] {
    let (q2, rest) = divide(k[3], k[2]);
    let (q1, rest) = divide(rest, k[1]);
    let (q0, a0) = divide(rest, k[0]);
    let (p1, rest) = divide(q2, q1);
    let (p0, a1) = divide(rest, q0);
    let (a3, a2) = divide(p1, p0);
    [a0, a1, a2, a3]
}

/// (k1, k2) with k = k1 + k2·z² mod r, each of magnitude at most z²/2 + 1.
///
/// k2·z² + k1 by division; a half above z²/2 gives one to the other: z² = z²·1, and z²·z² = z² − 1 mod r.
pub(super) fn halves(k: [u64; 4]) -> [Part; 2] {
    let [a0, a1, a2, a3] = digits(k).map(u128::from);
    let (mut low, mut high) = (a1 * u128::from(Z_ABS) + a0, a3 * u128::from(Z_ABS) + a2);
    let (mut carry, mut borrow) = (0i128, 0i128);
    if low > Z_SQUARED / 2 {
        high += 1;
        carry = 1;
    }
    if high > Z_SQUARED / 2 {
        borrow = 1;
    }
    let signed = |value: u128, wrapped: i128| {
        // Both are below 2^128, and the difference is below 2^127 in magnitude.
        let modulus = if wrapped == 1 { Z_SQUARED } else { 0 };
        value.wrapping_sub(modulus).cast_signed()
    };
    low = signed(low, carry).cast_unsigned();
    [Part::new(low.cast_signed() - borrow), Part::new(signed(high, borrow) + borrow)]
}

/// (k0, …, k3) with k = Σ kᵢ·|z|ⁱ mod r, each of magnitude at most |z|/2 + 2.
///
/// The digits in base |z|, made signed by carries; the carry out of the top comes back by |z|⁴ = |z|² − 1 mod r.
pub(super) fn quarters(k: [u64; 4]) -> [Part; 4] {
    let z = i128::from(Z_ABS);
    let mut parts = digits(k).map(i128::from);
    let mut carry = 0;
    for part in &mut parts {
        *part += carry;
        carry = i128::from(*part > z / 2);
        *part -= carry * z;
    }
    parts[2] += carry;
    parts[0] -= carry;
    parts.map(Part::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::Fr;
    use ark_ff::{Field, PrimeField};

    fn scalars() -> Vec<Fr> {
        let (z, one) = (Fr::from(Z_ABS), Fr::from(1u64));
        let mut out = vec![Fr::from(0u64), one, -one, z, z * z, z * z * z, -z, -z * z];
        out.extend([
            z * z - one,
            z * z + one,
            z.inverse().unwrap(),
            Fr::from(Z_SQUARED / 2),
            Fr::from(Z_SQUARED / 2 + 1),
        ]);
        out.extend([Fr::from(Z_SQUARED / 2 + 1) * z * z, Fr::from(Z_SQUARED / 2) * (z * z + one)]);
        out.extend([Fr::from(Z_ABS / 2) * (one + z + z * z + z * z * z), Fr::from(u128::MAX), Fr::from(u64::MAX)]);
        out.extend((2..200u64).map(|i| Fr::from(i).pow([i * 1_000_003])));
        out.extend((0..64u32).map(|i| -Fr::from(1u64 << i)));
        out
    }

    fn value(part: Part) -> Fr {
        let magnitude = Fr::from(part.magnitude());
        if part.is_negative() { -magnitude } else { magnitude }
    }

    #[test]
    fn parts_sum_to_the_scalar_and_are_short() {
        let z = Fr::from(Z_ABS);
        for k in scalars() {
            let [low, high] = halves(k.into_bigint().0);
            assert_eq!(value(low) + value(high) * z * z, k);
            assert!(low.magnitude().max(high.magnitude()) <= Z_SQUARED / 2 + 1, "{k}");
            let parts = quarters(k.into_bigint().0);
            assert_eq!(parts.iter().rev().fold(Fr::from(0u64), |sum, part| sum * z + value(*part)), k);
            assert!(parts.iter().all(|part| part.magnitude() <= u128::from(Z_ABS / 2) + 2), "{k}");
        }
    }

    #[test]
    fn short_scalars_stay_short() {
        for k in [1u64, 2, u64::MAX] {
            assert_eq!(halves([k, 0, 0, 0]), [Part(u128::from(k)), Part(0)]);
        }
        assert_eq!(halves([7, 9, 0, 0]), [Part(9 << 64 | 7), Part(0)]);
    }
}
