//! The doubling steps of one or two pairs, with the products of a step side by side: for latency.
//!
//! Lane 2·role + pair. A doubling is three products of eight lanes in Fp2, one after the other, and not twelve; the
//! formulas are those of `step.rs`.

use super::step::{Evaluated, Twisted, twelvefold};
use crate::cpu::vector::fp::Fp8;
use crate::cpu::vector::fp2::Fp2x8;
use crate::cpu::vector::mont::Vector;
use crate::cpu::vector::tower::{Line, settle};
use std::arch::x86_64::{_mm512_permutex2var_epi64, _mm512_set_epi64};

/// Points in the lanes of roles 0 (X), 1 (Y), 2 (Z); coordinates below 4·p.
pub(super) struct Duo(Fp2x8);

/// Which role each role takes; 4 + k is role k of a second operand.
type Roles = [i64; 4];

/// The roles as named, of a and b.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn roles(a: &Fp2x8, b: &Fp2x8, [r0, r1, r2, r3]: Roles) -> Fp2x8 {
    // Role r of the first operand is in lanes 2r and 2r + 1, of the second, 8 above.
    let [a0, a1, a2, a3] = [2 * r0, 2 * r1, 2 * r2, 2 * r3];
    let from = _mm512_set_epi64(a3 + 1, a3, a2 + 1, a2, a1 + 1, a1, a0 + 1, a0);
    Fp2x8 { c0: Fp8(permute(&a.c0.0, &b.c0.0, from)), c1: Fp8(permute(&a.c1.0, &b.c1.0, from)) }
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn permute(a: &[Vector; 8], b: &[Vector; 8], from: Vector) -> [Vector; 8] {
    let mut out = *a;
    for (out, b) in out.iter_mut().zip(b) {
        *out = _mm512_permutex2var_epi64(*out, from, *b);
    }
    out
}

impl Duo {
    /// The points of lanes 0 and 1.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn new(t: &Twisted) -> Self {
        let xy = roles(&t.x, &t.y, [0, 4, 0, 0]);
        Self(roles(&xy, &t.z, [0, 1, 4, 0]))
    }

    /// The same in lanes 0 and 1, other points in the others.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn twisted(&self) -> Twisted {
        let t = &self.0;
        Twisted { x: *t, y: roles(t, t, [1, 1, 1, 1]), z: roles(t, t, [2, 2, 2, 2]) }
    }

    /// −xP, yP, 0, 0 in the roles, as elements of Fp2.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn evaluated(zero: &Fp8, at: &Evaluated) -> Fp2x8 {
        let (x, y) = (Fp2x8 { c0: at.minus_x, c1: *zero }, Fp2x8 { c0: at.y, c1: *zero });
        let zero = Fp2x8 { c0: *zero, c1: *zero };
        roles(&roles(&x, &y, [0, 4, 0, 0]), &zero, [0, 1, 4, 4])
    }

    /// T ← 2T; gives the tangents in lanes 0 and 1, coefficients below 10/3·p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn double(&mut self, at: &Fp2x8) -> Line {
        let t = &self.0;
        // B = Y², C = Z², YZ, XY.
        let first = roles(t, t, [1, 2, 1, 0]).mul(&roles(t, t, [1, 2, 2, 1]));
        // E = 12ξC in role 1, from −16p to 32p before it is settled.
        let c = (first.c0.columns(), first.c1.columns());
        let e = Fp2x8 {
            c0: settle::<20>(&twelvefold(&c.0.sub_columns(&c.1))),
            c1: settle::<20>(&twelvefold(&c.0.add(&first.c1))),
        };
        let (b, e) = (roles(&first, &first, [0, 0, 0, 0]), roles(&e, &e, [1, 1, 1, 1]));
        // I = B − E below 10/3·p, and 2(B − 3E) = 2I − 4E below 12·p.
        let i = b.sub::<2>(&e);
        let drop = zip(&i, &e, |i, e| i.columns().add(i).sub(e).sub(e).sub(e).sub(e).tighten::<5>());
        let yz = roles(&first, &first, [2, 2, 2, 2]);
        let h = zip(&yz, &yz, Fp8::add);
        let h4 = zip(&h, &h, |h, _| h.columns().add(h).add(h).add(h).tighten::<0>());
        // J = X², X₃ = XY·2(B − 3E), Z₃ = B·8YZ, I².
        let left = roles(&roles(t, &first, [0, 7, 4, 0]), &i, [0, 1, 2, 7]);
        let right = roles(&roles(t, &drop, [0, 5, 0, 0]), &roles(&h4, &i, [2, 2, 2, 7]), [0, 1, 6, 7]);
        let second = left.mul(&right);
        // −3J·xP, H·yP, B².
        let j3 = zip(&second, &second, |j, _| j.columns().add(j).add(j).tighten::<0>());
        let left = roles(&roles(&j3, &h, [0, 5, 0, 0]), &b, [0, 1, 6, 0]);
        let third = left.mul(&roles(at, &b, [0, 1, 6, 2]));
        // Y₃ = 4B² − 3I² in role 3.
        let squares = roles(&third, &third, [2, 2, 2, 2]);
        let y = zip(&squares, &second, |b, i| settle::<5>(&b.columns().add(b).add(b).add(b).sub(i).sub(i).sub(i)));
        self.0 = roles(&second, &y, [1, 7, 2, 0]);
        Line { l0: i, l1: third, l4: roles(&third, &third, [1, 1, 1, 1]) }
    }
}

/// The same function of both pairs of coefficients.
#[inline(always)]
fn zip(a: &Fp2x8, b: &Fp2x8, f: impl Fn(&Fp8, &Fp8) -> Fp8) -> Fp2x8 {
    Fp2x8 { c0: f(&a.c0, &b.c0), c1: f(&a.c1, &b.c1) }
}
