//! G1 between arkworks and the engines: Montgomery words in, homogeneous projective words out, signed digits.

use crate::axi::Beat;
use crate::error::Error;
use ark_bls12_381::{Fq, Fr, G1Affine, G1Projective};
use ark_ec::CurveGroup;
use ark_ff::{BigInt, BigInteger, PrimeField, Zero};

/// Bits that the digits of a scalar must cover: 255, and one for the last carry of the signed form.
pub(crate) const SCALAR_BITS: usize = 256;

/// A coordinate as a beat: the Montgomery form (R = 2^384, as in arkworks), lowest word first.
pub(crate) fn coordinate(value: &Fq) -> Beat {
    let mut beat = [0; 32];
    for (i, limb) in value.0.0.iter().enumerate() {
        beat[2 * i] = *limb as u32;
        beat[2 * i + 1] = (limb >> 32) as u32;
    }
    beat
}

/// A coordinate of an engine's answer.
pub(crate) fn from_beat(beat: &Beat) -> Result<Fq, Error> {
    let limbs = std::array::from_fn(|i| u64::from(beat[2 * i]) | u64::from(beat[2 * i + 1]) << 32);
    let value = BigInt::<6>::new(limbs);
    if value >= Fq::MODULUS {
        return Err(Error::Design(format!("a coordinate is not below p: {value}")));
    }
    Ok(Fq::new_unchecked(value))
}

/// The signed digits of a scalar in windows of `bits` bits, lowest first: −2^(bits−1) to 2^(bits−1).
pub(crate) fn signed_digits(scalar: &Fr, bits: usize) -> Vec<i32> {
    let bytes = scalar.into_bigint().to_bytes_le();
    let raw = |start: usize| {
        (start..(start + bits).min(SCALAR_BITS))
            .fold(0, |acc, bit| acc | i32::from(bytes[bit / 8] >> (bit % 8) & 1) << (bit - start))
    };
    let mut carry = 0;
    (0..SCALAR_BITS.div_ceil(bits))
        .map(|window| {
            let digit = raw(window * bits) + carry;
            carry = i32::from(digit > 1 << (bits - 1));
            digit - (carry << bits)
        })
        .collect()
}

/// The digits of one point, 16 bits each.
pub(crate) fn digit_beat(digits: &[i32]) -> Beat {
    let mut beat = [0; 32];
    for (i, digit) in digits.iter().enumerate() {
        beat[i / 2] |= u32::from(*digit as i16 as u16) << (16 * (i % 2));
    }
    beat
}

/// Σ 2ⁱ·sumᵢ, by doubling and adding from the top.
pub(crate) fn join(sums: &[G1Affine]) -> G1Affine {
    let total = sums.iter().rev().fold(G1Projective::zero(), |mut acc, sum| {
        ark_ec::AdditiveGroup::double_in_place(&mut acc);
        acc + sum
    });
    total.into_affine()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Σ digitᵢ·2^(i·bits).
    fn value(digits: &[i32], bits: usize) -> Fr {
        let base = Fr::from(1u64 << bits);
        digits.iter().rev().fold(Fr::zero(), |acc, &digit| acc * base + Fr::from(digit))
    }

    #[test]
    fn digits_give_the_scalar_back() {
        for bits in [2, 5, 8, 13, 15] {
            for scalar in [Fr::from(0u64), Fr::from(1u64), -Fr::from(1u64), Fr::from(u64::MAX), -Fr::from(1u64 << 40)] {
                let digits = signed_digits(&scalar, bits);
                assert_eq!(value(&digits, bits), scalar, "{bits} bits");
                assert!(digits.iter().all(|d| d.abs() <= 1 << (bits - 1)));
            }
        }
    }
}
