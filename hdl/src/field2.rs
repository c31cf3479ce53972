//! The quadratic extension Fp2 = Fp(u), u² = −1, and the software model of the G2 adder, on big integers.
//!
//! Elements are (c0, c1) = c0 + c1·u, each in Montgomery form below p. G2 lies on y² = x³ + 4ξ with ξ = 1 + u.

use crate::field::{add_mod, modulus, radix, sub_mod, to_mont};
use num_bigint::BigUint;
use std::sync::OnceLock;

/// c0 + c1·u in Montgomery form.
pub type Fp2 = [BigUint; 2];

/// A point (X : Y : Z) in homogeneous projective coordinates over Fp2; the identity is (0 : 1 : 0).
pub type Projective2 = [Fp2; 3];

/// p and R⁻¹ mod p.
fn constants() -> &'static (BigUint, BigUint) {
    static CONSTANTS: OnceLock<(BigUint, BigUint)> = OnceLock::new();
    CONSTANTS.get_or_init(|| {
        let p = modulus();
        let inverse = radix().modpow(&(&p - 2u32), &p);
        (p, inverse)
    })
}

/// 1 in Montgomery form.
pub fn one() -> Fp2 {
    [to_mont(&BigUint::from(1u32)), BigUint::ZERO]
}

/// a·b·R⁻¹: the schoolbook product, (a0·b0 − a1·b1) + (a0·b1 + a1·b0)·u.
pub fn mul(a: &Fp2, b: &Fp2) -> Fp2 {
    let (p, inverse) = constants();
    let real = &a[0] * &b[0] % p + p - &a[1] * &b[1] % p;
    let imaginary = &a[0] * &b[1] + &a[1] * &b[0];
    [real * inverse % p, imaginary % p * inverse % p]
}

/// a + b.
pub fn add(a: &Fp2, b: &Fp2) -> Fp2 {
    let p = &constants().0;
    [add_mod(&a[0], &b[0], p), add_mod(&a[1], &b[1], p)]
}

/// a − b.
pub fn sub(a: &Fp2, b: &Fp2) -> Fp2 {
    let p = &constants().0;
    [sub_mod(&a[0], &b[0], p), sub_mod(&a[1], &b[1], p)]
}

/// ξ·a = (a0 − a1) + (a0 + a1)·u.
pub fn mul_by_xi(a: &Fp2) -> Fp2 {
    let p = &constants().0;
    [sub_mod(&a[0], &a[1], p), add_mod(&a[0], &a[1], p)]
}

/// P + Q on y² = x³ + 4ξ by the complete formulas of Renes, Costello and Batina (2016), algorithm 7: any inputs.
///
/// Complete on all of the curve, not only in the subgroup: the curve's order over Fp2 is odd.
pub fn point_add(a: &Projective2, b: &Projective2) -> Projective2 {
    let small = |x: &Fp2, n: u32| {
        let p = &constants().0;
        [&x[0] * n % p, &x[1] * n % p]
    };
    let cross = |i: usize, j: usize| add(&mul(&a[i], &b[j]), &mul(&a[j], &b[i]));
    let (xx3, yy) = (small(&mul(&a[0], &b[0]), 3), mul(&a[1], &b[1]));
    // b₃ = 3·4ξ.
    let (zzb, xzb) = (small(&mul_by_xi(&mul(&a[2], &b[2])), 12), small(&mul_by_xi(&cross(0, 2)), 12));
    let (xy, yz) = (cross(0, 1), cross(1, 2));
    let (plus, minus) = (add(&yy, &zzb), sub(&yy, &zzb));
    [
        sub(&mul(&xy, &minus), &mul(&yz, &xzb)),
        add(&mul(&xzb, &xx3), &mul(&minus, &plus)),
        add(&mul(&plus, &yz), &mul(&xx3, &xy)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::mont_mul;

    #[test]
    fn the_extension_is_a_ring_with_u_squared_minus_one() {
        let (p, three) = (modulus(), to_mont(&BigUint::from(3u32)));
        let u = [BigUint::ZERO, to_mont(&BigUint::from(1u32))];
        let a = [three.clone(), to_mont(&BigUint::from(7u32))];
        assert_eq!(mul(&u, &u), [&p - &one()[0], BigUint::ZERO]);
        assert_eq!(mul(&a, &one()), a);
        assert_eq!(mul_by_xi(&a), mul(&a, &add(&one(), &u)));
        assert_eq!(mul(&a, &[three.clone(), BigUint::ZERO])[1], mont_mul(&a[1], &three));
    }

    #[test]
    fn the_identity_is_neutral() {
        let zero = [BigUint::ZERO, BigUint::ZERO];
        let identity = [zero.clone(), one(), zero.clone()];
        let sum = point_add(&identity, &identity);
        assert_eq!((&sum[0], &sum[2]), (&zero, &zero));
        assert_ne!(sum[1], zero);
    }
}
