//! Fp2 = Fp[u]/(u² + 1), Fp6 = Fp2[v]/(v³ − ξ), Fp12 = Fp6[w]/(w² − v), ξ = 1 + u.

use crate::machine::{Builder, Value};

/// A coordinate of a point: Fp in G1, Fp2 in G2.
pub trait Coordinate: Copy {
    /// Field elements of it.
    const ELEMENTS: usize;
    /// The coordinate whose elements `read` gives.
    fn read(read: impl FnMut(usize) -> Value) -> Self;
    /// Element `index`.
    fn element(self, index: usize) -> Value;
    /// a + b.
    fn add(self, b: Self, m: &mut Builder) -> Self;
    /// a − b.
    fn sub(self, b: Self, m: &mut Builder) -> Self;
    /// a·b.
    fn mul(self, b: Self, m: &mut Builder) -> Self;
    /// a².
    fn square(self, m: &mut Builder) -> Self;
    /// 3b·a for the curve's constant b: 12 in G1, 12(1 + u) in G2.
    fn times_3b(self, m: &mut Builder) -> Self;

    /// 2a.
    fn double(self, m: &mut Builder) -> Self {
        self.add(self, m)
    }

    /// 3a.
    fn triple(self, m: &mut Builder) -> Self {
        self.double(m).add(self, m)
    }
}

impl Coordinate for Value {
    const ELEMENTS: usize = 1;

    fn read(mut read: impl FnMut(usize) -> Value) -> Self {
        read(0)
    }

    fn element(self, _: usize) -> Value {
        self
    }

    fn add(self, b: Self, m: &mut Builder) -> Self {
        m.add(self, b)
    }

    fn sub(self, b: Self, m: &mut Builder) -> Self {
        m.sub(self, b)
    }

    fn mul(self, b: Self, m: &mut Builder) -> Self {
        m.mul(self, b)
    }

    fn square(self, m: &mut Builder) -> Self {
        m.square(self)
    }

    fn times_3b(self, m: &mut Builder) -> Self {
        self.triple(m).double(m).double(m)
    }
}

/// c0 + c1·u.
#[derive(Clone, Copy, Debug)]
pub struct Fp2(pub Value, pub Value);

impl Fp2 {
    /// (1 + u)·a.
    pub fn times_xi(self, m: &mut Builder) -> Self {
        Self(m.sub(self.0, self.1), m.add(self.0, self.1))
    }

    /// k·a for k in Fp.
    pub fn scale(self, k: Value, m: &mut Builder) -> Self {
        Self(m.mul(self.0, k), m.mul(self.1, k))
    }

    /// 0 − a.
    pub fn neg(self, m: &mut Builder) -> Self {
        let zero = m.sub(self.0, self.0);
        Self(m.sub(zero, self.0), m.sub(zero, self.1))
    }

    /// c0 − c1·u.
    pub fn conjugate(self, m: &mut Builder) -> Self {
        let zero = m.sub(self.1, self.1);
        Self(self.0, m.sub(zero, self.1))
    }
}

impl Coordinate for Fp2 {
    const ELEMENTS: usize = 2;

    fn read(mut read: impl FnMut(usize) -> Value) -> Self {
        Self(read(0), read(1))
    }

    fn element(self, index: usize) -> Value {
        if index == 0 { self.0 } else { self.1 }
    }

    fn add(self, b: Self, m: &mut Builder) -> Self {
        Self(m.add(self.0, b.0), m.add(self.1, b.1))
    }

    fn sub(self, b: Self, m: &mut Builder) -> Self {
        Self(m.sub(self.0, b.0), m.sub(self.1, b.1))
    }

    /// (a0 + a1 u)(b0 + b1 u) = (a0 b0 − a1 b1) + ((a0 + a1)(b0 + b1) − a0 b0 − a1 b1) u.
    fn mul(self, b: Self, m: &mut Builder) -> Self {
        let (low, high) = (m.mul(self.0, b.0), m.mul(self.1, b.1));
        let (sa, sb) = (m.add(self.0, self.1), m.add(b.0, b.1));
        let (both, sum) = (m.mul(sa, sb), m.add(low, high));
        Self(m.sub(low, high), m.sub(both, sum))
    }

    /// (a0 + a1)(a0 − a1) + 2 a0 a1 u.
    fn square(self, m: &mut Builder) -> Self {
        let (sum, difference) = (m.add(self.0, self.1), m.sub(self.0, self.1));
        let product = m.mul(self.0, self.1);
        Self(m.mul(sum, difference), m.double(product))
    }

    fn times_3b(self, m: &mut Builder) -> Self {
        self.times_xi(m).triple(m).double(m).double(m)
    }
}

/// c0 + c1·v + c2·v².
#[derive(Clone, Copy, Debug)]
pub struct Fp6(pub Fp2, pub Fp2, pub Fp2);

impl Fp6 {
    fn add(self, b: Self, m: &mut Builder) -> Self {
        Self(self.0.add(b.0, m), self.1.add(b.1, m), self.2.add(b.2, m))
    }

    fn sub(self, b: Self, m: &mut Builder) -> Self {
        Self(self.0.sub(b.0, m), self.1.sub(b.1, m), self.2.sub(b.2, m))
    }

    /// v·a: v³ = ξ.
    fn times_v(self, m: &mut Builder) -> Self {
        Self(self.2.times_xi(m), self.0, self.1)
    }

    /// Karatsuba over the three coefficients (Devegili et al., eprint 2006/471, section 4).
    fn mul(self, b: Self, m: &mut Builder) -> Self {
        let (v0, v1, v2) = (self.0.mul(b.0, m), self.1.mul(b.1, m), self.2.mul(b.2, m));
        let cross = |x: Fp2, y: Fp2, s: Fp2, t: Fp2, low: Fp2, high: Fp2, m: &mut Builder| {
            let (left, right) = (x.add(y, m), s.add(t, m));
            left.mul(right, m).sub(low, m).sub(high, m)
        };
        let c0 = cross(self.1, self.2, b.1, b.2, v1, v2, m).times_xi(m).add(v0, m);
        let high = v2.times_xi(m);
        let c1 = cross(self.0, self.1, b.0, b.1, v0, v1, m).add(high, m);
        let c2 = cross(self.0, self.2, b.0, b.2, v0, v2, m).add(v1, m);
        Self(c0, c1, c2)
    }

    /// a·(b0 + b1 v).
    fn mul_by_01(self, b0: Fp2, b1: Fp2, m: &mut Builder) -> Self {
        let (v0, v1) = (self.0.mul(b0, m), self.1.mul(b1, m));
        let c0 = self.2.mul(b1, m).times_xi(m).add(v0, m);
        let (left, right) = (self.0.add(self.1, m), b0.add(b1, m));
        let c1 = left.mul(right, m).sub(v0, m).sub(v1, m);
        let c2 = self.2.mul(b0, m).add(v1, m);
        Self(c0, c1, c2)
    }

    /// a·(b1 v).
    fn mul_by_1(self, b1: Fp2, m: &mut Builder) -> Self {
        Self(self.2.mul(b1, m).times_xi(m), self.0.mul(b1, m), self.1.mul(b1, m))
    }
}

/// c0 + c1·w.
#[derive(Clone, Copy, Debug)]
pub struct Fp12(pub Fp6, pub Fp6);

impl Fp12 {
    /// Field elements of it: c0 before c1, each by powers of v, each c0 before c1.
    pub const ELEMENTS: usize = 12;

    /// The element whose coefficients `read` gives, in the order of [`Fp12::ELEMENTS`].
    pub fn read(mut read: impl FnMut(usize) -> Value) -> Self {
        let mut two = |at| Fp2(read(at), read(at + 1));
        Self(Fp6(two(0), two(2), two(4)), Fp6(two(6), two(8), two(10)))
    }

    /// Its coefficients in the same order.
    pub fn elements(self) -> [Value; 12] {
        let Self(Fp6(a, b, c), Fp6(d, e, f)) = self;
        [a.0, a.1, b.0, b.1, c.0, c.1, d.0, d.1, e.0, e.1, f.0, f.1]
    }

    /// (a0 + a1 w)(b0 + b1 w) = (a0 b0 + a1 b1 v) + ((a0 + a1)(b0 + b1) − a0 b0 − a1 b1) w.
    pub fn mul(self, b: Self, m: &mut Builder) -> Self {
        let (low, high) = (self.0.mul(b.0, m), self.1.mul(b.1, m));
        let (left, right) = (self.0.add(self.1, m), b.0.add(b.1, m));
        let c1 = left.mul(right, m).sub(low, m).sub(high, m);
        Self(high.times_v(m).add(low, m), c1)
    }

    /// The complex method: c0 = (a0 + a1)(a0 + a1 v) − a0 a1 − a0 a1 v, c1 = 2 a0 a1.
    pub fn square(self, m: &mut Builder) -> Self {
        let product = self.0.mul(self.1, m);
        let turned = self.1.times_v(m);
        let (left, right) = (self.0.add(self.1, m), self.0.add(turned, m));
        let shifted = product.times_v(m);
        let c0 = left.mul(right, m).sub(product, m).sub(shifted, m);
        Self(c0, product.add(product, m))
    }

    /// a·(l0 + l1 v + l4 v w), a line.
    pub fn mul_by_014(self, l0: Fp2, l1: Fp2, l4: Fp2, m: &mut Builder) -> Self {
        let low = self.0.mul_by_01(l0, l1, m);
        let high = self.1.mul_by_1(l4, m);
        let (sum, line) = (self.0.add(self.1, m), l1.add(l4, m));
        let c1 = sum.mul_by_01(l0, line, m).sub(low, m).sub(high, m);
        Self(high.times_v(m).add(low, m), c1)
    }

    /// a0 − a1 w.
    pub fn conjugate(self, m: &mut Builder) -> Self {
        let Fp6(a, b, c) = self.1;
        Self(self.0, Fp6(a.neg(m), b.neg(m), c.neg(m)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Arithmetic, Results};

    /// The tower over the integers modulo a prime: its identities hold in any ring.
    const PRIME: u64 = (1 << 61) - 1;

    struct Modulo;

    impl Arithmetic<u64> for Modulo {
        fn mul(&self, a: u64, b: u64) -> u64 {
            (u128::from(a) * u128::from(b) % u128::from(PRIME)) as u64
        }

        fn add(&self, a: u64, b: u64) -> u64 {
            (a + b) % PRIME
        }

        fn sub(&self, a: u64, b: u64) -> u64 {
            (a + PRIME - b) % PRIME
        }
    }

    /// What a program of two elements of Fp12 comes to.
    fn run(inputs: &[u64], write: impl FnOnce(Fp12, Fp12, &mut Builder) -> Fp12) -> Vec<u64> {
        let mut m = Builder::new();
        let a = Fp12::read(|i| m.input(i));
        let b = Fp12::read(|i| m.input(12 + i));
        let result = write(a, b, &mut m);
        result.elements().into_iter().enumerate().for_each(|(i, value)| m.store(i, value));
        let program = m.finish(Results::Output, 0);
        let (mut output, mut registers) = (vec![0; 12], vec![0; program.registers]);
        program.interpret(&Modulo, &[], inputs, &mut output, &mut registers);
        output
    }

    #[test]
    fn short_forms_are_products() {
        let inputs: Vec<u64> = (0..24u64).map(|i| (i + 3).wrapping_mul(0x9e37_79b9_7f4a_7c15) % PRIME).collect();
        let product = run(&inputs, |a, b, m| a.mul(b, m));
        assert_eq!(product, run(&inputs, |a, b, m| b.mul(a, m)));
        assert_eq!(run(&inputs, |a, _, m| a.square(m)), run(&inputs, |a, _, m| a.mul(a, m)));
        let line = |a: Fp12, b: Fp12, m: &mut Builder| {
            let zero = Fp2(m.sub(b.0.0.0, b.0.0.0), m.sub(b.0.0.0, b.0.0.0));
            a.mul(Fp12(Fp6(b.0.0, b.0.1, zero), Fp6(zero, b.1.1, zero)), m)
        };
        assert_eq!(run(&inputs, |a, b, m| a.mul_by_014(b.0.0, b.0.1, b.1.1, m)), run(&inputs, line));
        // Over a base: (1 + w)² = 1 + 2w + v.
        let mut one_w = vec![0; 24];
        (one_w[0], one_w[6]) = (1, 1);
        let mut expected = vec![0; 12];
        (expected[0], expected[2], expected[6]) = (1, 1, 2);
        assert_eq!(run(&one_w, |a, _, m| a.square(m)), expected);
    }
}
