//! Square roots for decompression, and membership in the subgroups.
//!
//! A program has no branches: it returns a candidate for the root, and a coordinate that is zero exactly where the
//! point is in the subgroup. The host squares the candidate, which tells it whether there is a root at all, and takes
//! the sign that the encoding asks for; membership does not depend on the sign.

use super::curve::Point;
use super::tower::{Coordinate, Fp2};
use super::{Constant, power};
use crate::Group;
use crate::machine::{Builder, Program, Results, Value};

/// Exponents and the seed, which the host knows.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// (p − 3)/4 in little-endian words.
    pub exponent: Vec<u64>,
    /// |z|.
    pub seed: u64,
}

/// For abscissas in the host's form: y (host's form), then the check of [`membership`] for (x, y).
///
/// Inputs: a coordinate. Outputs: a coordinate, and another. If x³ + b has no root, both are meaningless.
pub fn decompression(group: Group, numbers: &Numbers) -> Program {
    let mut m = Builder::new();
    match group {
        Group::G1 => {
            let x = input(0, &mut m);
            // (x³ + 4)^((p−3)/4)·(x³ + 4): a root where there is one, for p = 3 mod 4.
            let right = x.square(&mut m).mul(x, &mut m);
            let right = right.add(constant_b(&mut m), &mut m);
            let inverse = power(&mut m, right, &numbers.exponent);
            let y = m.mul(inverse, right);
            let check = check_g1(x, y, numbers, &mut m);
            let factor = Constant::ToHost.of(&mut m);
            let host = m.mul(y, factor);
            m.store(0, host);
            m.store(1, check);
        }
        Group::G2 => {
            let x = Fp2(input(0, &mut m), input(1, &mut m));
            let b = constant_b(&mut m);
            let right = x.square(&mut m).mul(x, &mut m).add(Fp2(b, b), &mut m);
            let y = root(right, numbers, &mut m);
            let check = check_g2(x, y, numbers, &mut m);
            let factor = Constant::ToHost.of(&mut m);
            let host = y.scale(factor, &mut m);
            [host.0, host.1, check.0, check.1].into_iter().enumerate().for_each(|(i, value)| m.store(i, value));
        }
    }
    m.finish(Results::Output, 0)
}

/// For affine points of the curve in the host's form: a coordinate that is zero (mod p) where the point is in the
/// subgroup. In G1 the Z of z²·P + φ(P), in G2 that of |z|·P + ψ(P) (Scott, eprint 2021/1130, sections 5 and 6).
pub fn membership(group: Group, numbers: &Numbers) -> Program {
    let mut m = Builder::new();
    match group {
        Group::G1 => {
            let (x, y) = (input(0, &mut m), input(1, &mut m));
            let check = check_g1(x, y, numbers, &mut m);
            m.store(0, check);
        }
        Group::G2 => {
            let x = Fp2(input(0, &mut m), input(1, &mut m));
            let y = Fp2(input(2, &mut m), input(3, &mut m));
            let check = check_g2(x, y, numbers, &mut m);
            m.store(0, check.0);
            m.store(1, check.1);
        }
    }
    m.finish(Results::Output, 0)
}

/// An input element, taken to the kernel's form.
fn input(index: usize, m: &mut Builder) -> Value {
    let (value, factor) = (m.input(index), Constant::FromHost.of(m));
    m.mul(value, factor)
}

/// 4.
fn constant_b(m: &mut Builder) -> Value {
    let one = Constant::One.of(m);
    let two = m.double(one);
    m.double(two)
}

fn check_g1(x: Value, y: Value, numbers: &Numbers, m: &mut Builder) -> Value {
    let one = Constant::One.of(m);
    let p = Point { x, y, z: one };
    let image = Point {
        x: {
            let beta = Constant::Beta.of(m);
            m.mul(beta, x)
        },
        ..p
    };
    p.times(numbers.seed, m).times(numbers.seed, m).add(image, m).z
}

fn check_g2(x: Fp2, y: Fp2, numbers: &Numbers, m: &mut Builder) -> Fp2 {
    let one = Constant::One.of(m);
    let zero = m.sub(one, one);
    let p = Point { x, y, z: Fp2(one, zero) };
    let psi_x = Fp2(Constant::PsiX0.of(m), Constant::PsiX1.of(m));
    let psi_y = Fp2(Constant::PsiY0.of(m), Constant::PsiY1.of(m));
    let image = Point { x: x.conjugate(m).mul(psi_x, m), y: y.conjugate(m).mul(psi_y, m), z: p.z };
    p.times(numbers.seed, m).add(image, m).z
}

/// A square root of a = a0 + a1·u where there is one, but for a1 = 0 with a0 no square, by two powers in Fp.
///
/// With s = √(a0² + a1²), δ = (a0 + s)/2 and w = δ^((p−3)/4), χ = w²·δ is 1 or −1. If 1, then (δw) + (a1·w/2)·u is a
/// root: (δw)² = δ and 2·δw·a1w/2 = a1. If −1, then (a1·w/2) − (δw)·u is one. The sum of the two, weighted by
/// (1 + χ)/2 and (1 − χ)/2, is the right one without a branch.
fn root(a: Fp2, numbers: &Numbers, m: &mut Builder) -> Fp2 {
    let (one, half) = (Constant::One.of(m), Constant::Half.of(m));
    let (sq0, sq1) = (m.square(a.0), m.square(a.1));
    let norm = m.add(sq0, sq1);
    let inverse = power(m, norm, &numbers.exponent);
    let s = m.mul(inverse, norm);
    let sum = m.add(a.0, s);
    let delta = m.mul(sum, half);
    let w = power(m, delta, &numbers.exponent);
    let first = m.mul(delta, w);
    let chi = m.mul(first, w);
    let half_w = m.mul(w, half);
    let second = m.mul(a.1, half_w);
    let plus = {
        let t = m.add(one, chi);
        m.mul(t, half)
    };
    let minus = m.sub(one, plus);
    let (a0, a1) = (m.mul(plus, first), m.mul(minus, second));
    let (b0, b1) = (m.mul(plus, second), m.mul(minus, first));
    Fp2(m.add(a0, a1), m.sub(b0, b1))
}
