//! Montgomery multiplication, eight at a time: columns, products, reduction, carries.
//!
//! An element is `N` vectors; vector i holds limb i (of weight 2^52i) of eight independent values, one a lane. IFMA
//! multiplies the low 52 bits of its operands and adds the low or the high 52 bits of the product to a 64-bit column.
//! So operands must have *tight* limbs, in `0..2^52`; columns may take up to 2^11 such halves before they overflow,
//! which is why sums of products need no carries in between.
//!
//! # Reduction
//! To divide T by 2^52 modulo m, replace its lowest limb t₀ by t₀·(2^-52 mod m) one place up: no quotient has to be
//! computed first, so the multiplications of a round depend only on the carry into its limb. After N − 1 such rounds
//! one round of the usual kind (q = −t·m⁻¹ mod 2^52, T ← (T + q·m)/2^52) ends the division by R = 2^52N. With
//! f = (2^-52 mod m) the result is below T/R + f + m, up to m·2^-51.
//!
//! Cost for N = 8: 128 multiplications for a product (72 for a square) and 129 for the reduction, at two a cycle.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_srai_epi64,
};

/// One word of eight values.
pub(super) type Vector = __m512i;

/// A modulus of `N` limbs.
pub(super) trait Modulus<const N: usize> {
    /// The modulus m, tight limbs.
    const MODULUS: [u64; N];
    /// m⁻¹ mod 2^52.
    const INVERSE: u64;
    /// 2^-52 mod m, tight limbs.
    const FOLD: [u64; N];
}

/// The low 52 bits of a word.
pub(super) const MASK: u64 = (1 << 52) - 1;

/// The same word in each lane.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn splat(word: u64) -> Vector {
    _mm512_set1_epi64(word.cast_signed())
}

/// c + the low half of a·b.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn low(c: Vector, a: Vector, b: Vector) -> Vector {
    _mm512_madd52lo_epu64(c, a, b)
}

/// c + the high half of a·b.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn high(c: Vector, a: Vector, b: Vector) -> Vector {
    _mm512_madd52hi_epu64(c, a, b)
}

/// Brings signed columns to tight limbs; the value must be in `0..2^52N` and each column below 2^62 in magnitude.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn carry<const N: usize>(columns: [Vector; N]) -> [Vector; N] {
    let mask = splat(MASK);
    let mut out = columns;
    for i in 0..N {
        if i + 1 < N {
            out[i + 1] = _mm512_add_epi64(out[i + 1], _mm512_srai_epi64::<52>(out[i]));
        }
        out[i] = _mm512_and_si512(out[i], mask);
    }
    out
}

/// t + a·b in 2N = `W` columns; tight a and b. Adds at most 2N halves to a column.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn product<const N: usize, const W: usize>(
    mut t: [Vector; W],
    a: &[Vector; N],
    b: &[Vector; N],
) -> [Vector; W] {
    for i in 0..N {
        for j in 0..N {
            t[i + j] = low(t[i + j], a[i], b[j]);
            t[i + j + 1] = high(t[i + j + 1], a[i], b[j]);
        }
    }
    t
}

/// a² in `W` columns; tight a: each product of two different limbs once, doubled.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn square<const N: usize, const W: usize>(a: &[Vector; N]) -> [Vector; W] {
    let mut t = [_mm512_setzero_si512(); W];
    for i in 0..N {
        for j in i + 1..N {
            t[i + j] = low(t[i + j], a[i], a[j]);
            t[i + j + 1] = high(t[i + j + 1], a[i], a[j]);
        }
    }
    for column in &mut t {
        *column = _mm512_add_epi64(*column, *column);
    }
    for i in 0..N {
        t[2 * i] = low(t[2 * i], a[i], a[i]);
        t[2 * i + 1] = high(t[2 * i + 1], a[i], a[i]);
    }
    t
}

/// T/R mod m as tight limbs, for columns T of a value in `0..2^6·R·m`, each below 2^62 in magnitude.
///
/// The result is congruent to T/R and below T/R + f + m (see the module).
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn reduce<M: Modulus<N>, const N: usize, const W: usize>(mut t: [Vector; W]) -> [Vector; N] {
    let mask = splat(MASK);
    for i in 0..N - 1 {
        let lowest = _mm512_and_si512(t[i], mask);
        t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srai_epi64::<52>(t[i]));
        for j in 0..N {
            let fold = splat(M::FOLD[j]);
            t[i + 1 + j] = low(t[i + 1 + j], lowest, fold);
            t[i + 2 + j] = high(t[i + 2 + j], lowest, fold);
        }
    }
    // −t·m⁻¹: multiplying by the negative constant saves the negation.
    let q = low(_mm512_setzero_si512(), t[N - 1], splat(M::INVERSE.wrapping_neg() & MASK));
    for j in 0..N {
        let modulus = splat(M::MODULUS[j]);
        t[N - 1 + j] = low(t[N - 1 + j], q, modulus);
        t[N + j] = high(t[N + j], q, modulus);
    }
    // The lowest limb is 0 now; what is above it is a carry.
    t[N] = _mm512_add_epi64(t[N], _mm512_srai_epi64::<52>(t[N - 1]));
    let mut upper = [_mm512_setzero_si512(); N];
    upper.copy_from_slice(&t[N..]);
    carry(upper)
}
