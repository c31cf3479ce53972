//! Arithmetic modulo a prime and in Fp2 = Fp[u]/(u² + 1), and the group law of E1: plain, slow and obvious.

use num_bigint::{BigInt, BigUint};

/// A prime modulus.
#[derive(Clone)]
pub struct Prime(pub BigUint);

impl Prime {
    /// The residue of an integer, from 0 to p − 1.
    pub fn of(&self, n: &BigInt) -> BigUint {
        let p = BigInt::from(self.0.clone());
        (((n % &p) + &p) % &p).to_biguint().unwrap_or_default()
    }

    pub fn mul(&self, a: &BigUint, b: &BigUint) -> BigUint {
        a * b % &self.0
    }

    pub fn add(&self, a: &BigUint, b: &BigUint) -> BigUint {
        (a + b) % &self.0
    }

    pub fn sub(&self, a: &BigUint, b: &BigUint) -> BigUint {
        (a + &self.0 - b % &self.0) % &self.0
    }

    pub fn pow(&self, a: &BigUint, e: &BigUint) -> BigUint {
        a.modpow(e, &self.0)
    }

    /// a⁻¹ = a^(p−2).
    pub fn inverse(&self, a: &BigUint) -> BigUint {
        self.pow(a, &(&self.0 - 2u32))
    }

    /// √a = a^((p+1)/4), where a is a square.
    pub fn root(&self, a: &BigUint) -> Option<BigUint> {
        let root = self.pow(a, &((&self.0 + 1u32) >> 2));
        (self.mul(&root, &root) == *a).then_some(root)
    }

    /// 2^bits mod p.
    pub fn power_of_two(&self, bits: usize) -> BigUint {
        (BigUint::from(1u32) << bits) % &self.0
    }
}

/// c0 + c1·u.
#[derive(Clone, PartialEq, Eq)]
pub struct Fp2 {
    pub c0: BigUint,
    pub c1: BigUint,
}

impl Fp2 {
    pub fn one() -> Self {
        Self { c0: 1u32.into(), c1: 0u32.into() }
    }

    /// (a0 + a1 u)(b0 + b1 u) = (a0 b0 − a1 b1) + (a0 b1 + a1 b0) u.
    pub fn mul(&self, other: &Self, p: &Prime) -> Self {
        let (a, b) = (self, other);
        Self {
            c0: p.sub(&p.mul(&a.c0, &b.c0), &p.mul(&a.c1, &b.c1)),
            c1: p.add(&p.mul(&a.c0, &b.c1), &p.mul(&a.c1, &b.c0)),
        }
    }

    pub fn add(&self, other: &Self, p: &Prime) -> Self {
        Self { c0: p.add(&self.c0, &other.c0), c1: p.add(&self.c1, &other.c1) }
    }

    pub fn sub(&self, other: &Self, p: &Prime) -> Self {
        Self { c0: p.sub(&self.c0, &other.c0), c1: p.sub(&self.c1, &other.c1) }
    }

    /// a0² + a1².
    pub fn norm(&self, p: &Prime) -> BigUint {
        p.add(&p.mul(&self.c0, &self.c0), &p.mul(&self.c1, &self.c1))
    }

    pub fn pow(&self, e: &BigUint, p: &Prime) -> Self {
        let mut out = Self::one();
        for i in (0..e.bits()).rev() {
            out = out.mul(&out, p);
            if e.bit(i) {
                out = out.mul(self, p);
            }
        }
        out
    }

    /// (a0 − a1 u)/(a0² + a1²).
    pub fn inverse(&self, p: &Prime) -> Self {
        let scale = p.inverse(&self.norm(p));
        Self { c0: p.mul(&self.c0, &scale), c1: p.mul(&p.sub(&0u32.into(), &self.c1), &scale) }
    }

    /// The multiple by an integer.
    pub fn scale(&self, k: &BigUint, p: &Prime) -> Self {
        Self { c0: p.mul(&self.c0, k), c1: p.mul(&self.c1, k) }
    }
}

/// An affine point of E1; `None` is the identity.
type Point = Option<(BigUint, BigUint)>;

/// P + Q on y² = x³ + b, by the chord and tangent rule.
fn add(a: &Point, b: &Point, p: &Prime) -> Point {
    let (Some((x1, y1)), Some((x2, y2))) = (a, b) else { return a.clone().or_else(|| b.clone()) };
    let slope = if x1 != x2 {
        p.mul(&p.sub(y2, y1), &p.inverse(&p.sub(x2, x1)))
    } else if y1 == y2 {
        p.mul(&(p.mul(x1, x1) * 3u32), &p.inverse(&(y1 * 2u32)))
    } else {
        return None;
    };
    let x3 = p.sub(&p.sub(&p.mul(&slope, &slope), x1), x2);
    let y3 = p.sub(&p.mul(&slope, &p.sub(x1, &x3)), y1);
    Some((x3, y3))
}

/// k·P on E1.
pub fn multiply(point: &(BigUint, BigUint), k: &BigUint, p: &Prime) -> Point {
    let mut out = None;
    for i in (0..k.bits()).rev() {
        out = add(&out, &out, p);
        if k.bit(i) {
            out = add(&out, &Some(point.clone()), p);
        }
    }
    out
}
