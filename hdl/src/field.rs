//! The base field of BLS12-381 and the software models of its units, on big integers.
//!
//! The constants come from `generated.rs`. The models are plain and slow: they are what the hardware is tested against.

use crate::generated::{NEGATED_INVERSE, P, RADIX_INVERSE, TRIPLE_B};
use num_bigint::BigUint;

/// Width of a coordinate on every port, in bits; elements are below p < 2^381.
pub const WIDTH: usize = 384;

/// The number that words of 64 bits stand for, the least significant first.
fn number(words: &[u64]) -> BigUint {
    words.iter().rev().fold(BigUint::ZERO, |n, word| (n << 64) + *word)
}

/// p, the modulus of the base field (381 bits).
pub fn modulus() -> BigUint {
    number(&P)
}

/// R = 2^384, the Montgomery radix.
pub fn radix() -> BigUint {
    BigUint::from(1u32) << WIDTH
}

/// −p⁻¹ mod R.
pub fn negated_inverse() -> BigUint {
    number(&NEGATED_INVERSE)
}

/// a·b·R⁻¹ mod p: the model of the Montgomery multiplier.
pub fn mont_mul(a: &BigUint, b: &BigUint) -> BigUint {
    let p = modulus();
    a * b % &p * number(&RADIX_INVERSE) % &p
}

/// a·R mod p: the Montgomery form of a.
pub fn to_mont(a: &BigUint) -> BigUint {
    a * radix() % modulus()
}

/// a + b mod m, both below m.
pub fn add_mod(a: &BigUint, b: &BigUint, m: &BigUint) -> BigUint {
    (a + b) % m
}

/// a − b mod m, both below m.
pub fn sub_mod(a: &BigUint, b: &BigUint, m: &BigUint) -> BigUint {
    (a + m - b) % m
}

/// A signed digit of a recoding: the value is Σ digit·2^shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digit {
    /// Power of two.
    pub shift: usize,
    /// Odd, in −7..=7.
    pub value: i32,
}

/// The width-4 non-adjacent form: odd digits in −7..=7, on average one in five bits, lowest first.
pub fn wnaf4(constant: &BigUint) -> Vec<Digit> {
    let (mut rest, mut shift, mut digits) = (constant.clone(), 0, Vec::new());
    while rest != BigUint::ZERO {
        let zeros = rest.trailing_zeros().unwrap_or(0) as usize;
        rest >>= zeros;
        shift += zeros;
        let low = (0..4).fold(0i32, |acc, bit| acc | i32::from(rest.bit(bit)) << bit);
        let value = if low > 8 { low - 16 } else { low };
        digits.push(Digit { shift, value });
        if value < 0 {
            rest += value.unsigned_abs();
        } else {
            rest -= value.unsigned_abs();
        }
    }
    digits
}

/// A point (X : Y : Z) in homogeneous projective coordinates, each in Montgomery form; the identity is (0 : 1 : 0).
pub type Projective = [BigUint; 3];

/// P + Q on y² = x³ + 4 by the complete formulas of Renes, Costello and Batina (2016), algorithm 7: any inputs.
pub fn point_add(a: &Projective, b: &Projective) -> Projective {
    let p = modulus();
    let mul = |x: &BigUint, y: &BigUint| mont_mul(x, y);
    let add = |x: &BigUint, y: &BigUint| add_mod(x, y, &p);
    let sub = |x: &BigUint, y: &BigUint| sub_mod(x, y, &p);
    let cross = |i: usize, j: usize| {
        sub(&mul(&add(&a[i], &a[j]), &add(&b[i], &b[j])), &add(&mul(&a[i], &b[i]), &mul(&a[j], &b[j])))
    };
    let (xx, yy, zz) = (mul(&a[0], &b[0]), mul(&a[1], &b[1]), mul(&a[2], &b[2]));
    let (xy, yz, xz) = (cross(0, 1), cross(1, 2), cross(0, 2));
    let (xz12, xx3, zz12) = (xz * TRIPLE_B % &p, xx * 3u32 % &p, zz * TRIPLE_B % &p);
    let (plus, minus) = (add(&yy, &zz12), sub(&yy, &zz12));
    [
        sub(&mul(&xy, &minus), &mul(&yz, &xz12)),
        add(&mul(&xz12, &xx3), &mul(&minus, &plus)),
        add(&mul(&plus, &yz), &mul(&xx3, &xy)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;

    #[test]
    fn constants_fit_together() {
        let (p, r) = (modulus(), radix());
        // p = (z − 1)²·(z⁴ − z² + 1)/3 + z for the seed z = −0xd201000000010000.
        let z = BigUint::from(0xd201_0000_0001_0000u64);
        let order = z.pow(4) - z.pow(2) + 1u32;
        assert_eq!((&z + 1u32).pow(2) * order, (&p + &z) * 3u32);
        assert_eq!((p.bits(), WIDTH), (381, 64 * P.len()));
        assert_eq!((&p * negated_inverse() + 1u32) % &r, BigUint::ZERO);
        assert_eq!(&r * number(&RADIX_INVERSE) % &p, BigUint::from(1u32));
        assert_eq!(
            mont_mul(&to_mont(&BigUint::from(6u32)), &to_mont(&BigUint::from(7u32))),
            to_mont(&BigUint::from(42u32))
        );
    }

    #[test]
    fn recoding_keeps_the_value() {
        for constant in [modulus(), negated_inverse(), BigUint::from(8u32), BigUint::from(15u32)] {
            let digits = wnaf4(&constant);
            let sum: BigInt = digits.iter().map(|d| BigInt::from(d.value) << d.shift).sum();
            assert_eq!(sum, BigInt::from(constant));
            assert!(digits.iter().all(|d| d.value % 2 != 0 && d.value.abs() < 8));
            assert!(digits.windows(2).all(|w| w[1].shift >= w[0].shift + 4));
        }
    }
}
