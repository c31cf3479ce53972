//! The butterflies: eight columns at once, four rows at a time.
//!
//! # Multiplication by a known factor
//! A factor w is stored as the five numbers Wᵢ = w·2^(52(i+1)) mod r. Then a·w = (Σ aᵢ·Wᵢ)/2^52 mod r for the limbs aᵢ
//! of a: the sum has one limb too many and is below 5·2^52·r, so one round of Montgomery's reduction ends it, below
//! 6·r. That is 50 + 11 IFMA against 50 + 51 for a general product, and no factor 2^260 to keep account of: rows stay
//! in whatever form they came in.
//!
//! # Ranges
//! A row in between is [`Columns`]: limbs not carried, the value from r·(1 − ε) to r·(29 + ε), ε = 2^-30. [`butterfly`]
//! brings the first of its four rows to between r·(13 − ε) and r·(17 + ε), whatever the row's own ε was; each of the two
//! levels adds or subtracts less than 6·r, so its results are in that range again, and what is multiplied stays below
//! r·(35 + ε) < 2^260 = 35.33·r. Each pass adds less
//! than 2^57 to the magnitude of a limb; five limbs of 64 bits take 32 passes, 64 levels.
//!
//! # Limit
//! A butterfly of four rows is four multiplications, 244 IFMA, 122 cycles at two a cycle, beside 110 other vector
//! instructions on the other pipes and 115 loads; so 3.8 cycles for a butterfly of two elements. Measured: 4.9, no value
//! spilt.

use crate::cpu::vector::fr::Fr8;
use crate::cpu::vector::generated::{R, R_FOLD, R_INV};
use crate::cpu::vector::mont::{self, MASK, Vector, high, low, splat};
use crate::cpu::vector::token::Ifma;
use std::arch::asm;
use std::arch::x86_64::{
    _mm512_add_epi64, _mm512_and_si512, _mm512_cmpge_epi64_mask, _mm512_mask_blend_epi64, _mm512_permutexvar_epi64,
    _mm512_set_epi64, _mm512_setzero_si512, _mm512_srai_epi64, _mm512_srli_epi64, _mm512_sub_epi64,
};

/// The body for each limb: left as a loop, the compiler keeps it one, with the limbs in memory.
macro_rules! unrolled {
    ($i:ident => $body:expr) => {{
        {
            const $i: usize = 0;
            $body
        }
        {
            const $i: usize = 1;
            $body
        }
        {
            const $i: usize = 2;
            $body
        }
        {
            const $i: usize = 3;
            $body
        }
        {
            const $i: usize = 4;
            $body
        }
    }};
}

/// Eight elements of Fr by signed limbs that are not carried.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Columns(pub(super) [Vector; 5]);

/// A known factor: limb j of w·2^(52(i+1)) mod r is `0[i][j]`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Factor(#[allow(dead_code, reason = "read in assembly")] pub(super) [[u64; 5]; 5]);

/// A factor of its own for each lane.
#[derive(Clone, Copy)]
pub(super) struct Factor8(pub(super) [[Vector; 5]; 5]);

impl Columns {
    /// Zero.
    pub(super) fn zero(_: Ifma) -> Self {
        // SAFETY: the token proves the features.
        Self([unsafe { _mm512_setzero_si512() }; 5])
    }
}

/// a + b.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn add(a: &Columns, b: &Columns) -> Columns {
    let mut out = *a;
    for (x, y) in out.0.iter_mut().zip(b.0) {
        *x = _mm512_add_epi64(*x, y);
    }
    out
}

/// a − b.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn sub(a: &Columns, b: &Columns) -> Columns {
    let mut out = *a;
    for (x, y) in out.0.iter_mut().zip(b.0) {
        *x = _mm512_sub_epi64(*x, y);
    }
    out
}

/// a + K·r.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn lift<const K: u64>(a: &Columns) -> Columns {
    let mut out = *a;
    for (x, limb) in out.0.iter_mut().zip(R) {
        *x = _mm512_add_epi64(*x, splat(K * limb));
    }
    out
}

/// The same value by tight limbs. Takes `0..2^260`.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn carry(a: &Columns) -> Columns {
    Columns(mont::carry(a.0))
}

/// Six columns below 2^56, plus a multiple of r, over 2^52: below T/2^52 + r.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn last_round(mut t: [Vector; 6]) -> Columns {
    let q = low(_mm512_setzero_si512(), t[0], splat(R_INV.wrapping_neg() & MASK));
    for (j, limb) in R.into_iter().enumerate() {
        t[j] = low(t[j], q, splat(limb));
        t[j + 1] = high(t[j + 1], q, splat(limb));
    }
    t[1] = _mm512_add_epi64(t[1], _mm512_srli_epi64::<52>(t[0]));
    Columns([t[1], t[2], t[3], t[4], t[5]])
}

/// Limb J of number I of a factor in each lane. In assembly, since the compiler would load it again for each use, where
/// two loads a cycle are the limit; or once before a loop, to keep all 25 on the stack.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn spread<const I: usize, const J: usize>(factor: &Factor) -> Vector {
    const { assert!(I < 5 && J < 5) };
    let vector;
    // SAFETY: a read inside the factor.
    unsafe {
        asm!(
            "vpbroadcastq {vector}, qword ptr [{factor} + 40 * {i} + 8 * {j}]",
            vector = lateout(zmm_reg) vector,
            factor = in(reg) factor,
            i = const I,
            j = const J,
            options(readonly, nostack, preserves_flags),
        );
    }
    vector
}

/// Number I of a factor in each lane.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn spread_number<const I: usize>(w: &Factor) -> [Vector; 5] {
    [spread::<I, 0>(w), spread::<I, 1>(w), spread::<I, 2>(w), spread::<I, 3>(w), spread::<I, 4>(w)]
}

/// t + a·w for one limb a.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn accumulate(t: &mut [Vector; 6], a: Vector, w: [Vector; 5]) {
    for j in 0..5 {
        t[j] = low(t[j], a, w[j]);
        t[j + 1] = high(t[j + 1], a, w[j]);
    }
}

/// a·w and b·v, side by side so that twelve chains of additions are in flight. Takes tight limbs; gives columns not
/// negative, below 6·r.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn times_two(a: &Columns, w: &Factor, b: &Columns, v: &Factor) -> [Columns; 2] {
    let (mut s, mut t) = ([_mm512_setzero_si512(); 6], [_mm512_setzero_si512(); 6]);
    unrolled!(I => {
        accumulate(&mut s, a.0[I], spread_number::<I>(w));
        accumulate(&mut t, b.0[I], spread_number::<I>(v));
    });
    [last_round(s), last_round(t)]
}

/// a·w and b·w; as [`times_two`].
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn both_times(a: &Columns, b: &Columns, w: &Factor) -> [Columns; 2] {
    let (mut s, mut t) = ([_mm512_setzero_si512(); 6], [_mm512_setzero_si512(); 6]);
    unrolled!(I => {
        let w = spread_number::<I>(w);
        accumulate(&mut s, a.0[I], w);
        accumulate(&mut t, b.0[I], w);
    });
    [last_round(s), last_round(t)]
}

/// a·w. Takes tight limbs; gives columns not negative, below 6·r.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn times(a: &Columns, w: &Factor) -> Columns {
    let mut t = [_mm512_setzero_si512(); 6];
    unrolled!(I => accumulate(&mut t, a.0[I], spread_number::<I>(w)));
    last_round(t)
}

/// a·b/2^260 and b·w, w a factor for each lane: a row times its twist, and the next twist. Takes tight limbs with a·b
/// below 170·r²; gives columns not negative, below 6.9·r and 6·r.
///
/// The rounds of the first reduction wait for each other; the second product fills the gaps.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn twist(a: &Columns, b: &Columns, w: &Factor8) -> [Columns; 2] {
    let mut t = mont::product::<5, 10>([_mm512_setzero_si512(); 10], &a.0, &b.0);
    let mut u = [_mm512_setzero_si512(); 6];
    unrolled!(I => {
        if I < 4 {
            fold(&mut t, I);
        }
        accumulate(&mut u, b.0[I], w.0[I]);
    });
    [last_round([t[4], t[5], t[6], t[7], t[8], t[9]]), last_round(u)]
}

/// Column i replaced by (its low 52 bits)·(2^-52 mod r) one place up, as in `mont.rs`; what is above goes up too.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn fold(t: &mut [Vector; 10], i: usize) {
    let lowest = t[i];
    t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64::<52>(lowest));
    for j in 0..5 {
        t[i + 1 + j] = low(t[i + 1 + j], lowest, splat(R_FOLD[j]));
        t[i + 2 + j] = high(t[i + 2 + j], lowest, splat(R_FOLD[j]));
    }
}

/// floor(r / 2^208) + 1: what the limb of weight 2^208 is divided by to estimate a quotient by r from below.
const TOP: u128 = R[4] as u128 + 1;
/// floor(2^100 / 4·TOP): a product with it, cut at 2^100, is a quotient by 4·r.
const QUARTER_QUOTIENT: u64 = ((1u128 << 100) / (4 * TOP)) as u64;
/// floor(2^98 / TOP).
const QUOTIENT: u64 = ((1u128 << 98) / TOP) as u64;

/// Limb `j` of (13 − 4k)·r for k = 0..8, not carried.
const fn multiples(j: usize) -> [i64; 8] {
    let (mut out, mut k) = ([0; 8], 0);
    while k < 8 {
        out[k] = (13 - 4 * k as i64) * R[j] as i64;
        k += 1;
    }
    out
}

const MULTIPLES: [[i64; 8]; 5] = [multiples(0), multiples(1), multiples(2), multiples(3), multiples(4)];

/// A value from r·(1 − ε) to r·(29 + ε), or any up to there whose top limb is not negative, brought to between r·(13 − ε)
/// and r·(17 + ε).
///
/// The top limb lacks the carries from below, fewer than 2^12, and stands for 2^208 each: so k is the quotient by 4·r,
/// or one away from it where the value is within 2^-30·r of a multiple.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn centre(a: &Columns) -> Columns {
    let k = _mm512_srli_epi64::<48>(high(_mm512_setzero_si512(), a.0[4], splat(QUARTER_QUOTIENT)));
    let mut out = *a;
    for (x, m) in out.0.iter_mut().zip(const { MULTIPLES }) {
        let multiples = _mm512_set_epi64(m[7], m[6], m[5], m[4], m[3], m[2], m[1], m[0]);
        *x = _mm512_add_epi64(*x, _mm512_permutexvar_epi64(k, multiples));
    }
    out
}

/// 2^260 − r: adding it is subtracting r, where what is carried out at 2^260 is dropped.
const COMPLEMENT: [u64; 5] = {
    let (mut out, mut i) = ([0; 5], 1);
    out[0] = (1 << 52) - R[0];
    while i < 5 {
        out[i] = MASK - R[i];
        i += 1;
    }
    out
};

/// The value mod r as tight limbs below r·(1 + ε). Takes columns not negative, of a value below 2^260.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn settle(a: &Columns) -> Columns {
    let k = _mm512_srli_epi64::<46>(high(_mm512_setzero_si512(), a.0[4], splat(QUOTIENT)));
    let mut out = a.0;
    for (j, limb) in COMPLEMENT.into_iter().enumerate() {
        out[j] = low(out[j], k, splat(limb));
        if j < 4 {
            out[j + 1] = high(out[j + 1], k, splat(limb));
        }
    }
    Columns(mont::carry(out))
}

/// The value below r. Takes tight limbs of a value below 2·r.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn canonical(a: &Columns) -> Columns {
    let mut less = a.0;
    let mut above = _mm512_setzero_si512();
    for (x, limb) in less.iter_mut().zip(COMPLEMENT) {
        let sum = _mm512_add_epi64(_mm512_add_epi64(*x, splat(limb)), above);
        above = _mm512_srai_epi64::<52>(sum);
        *x = _mm512_and_si512(sum, splat(MASK));
    }
    // A carry out at 2^260 says that the difference is not negative.
    let reached = _mm512_cmpge_epi64_mask(above, splat(1));
    for (x, y) in less.iter_mut().zip(a.0) {
        *x = _mm512_mask_blend_epi64(reached, y, *x);
    }
    Columns(less)
}

/// Two levels of the transform on rows a, b, c, d at the quarters of a block with the factor w: first a ± w·c and
/// b ± w·d, then the halves with the factors of their own blocks, v and u = v·√−1.
///
/// Takes and gives rows as the module says; b, c and d may be any value from 0 to r·(29 + ε), and a too where its top limb
/// is not negative.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn butterfly([a, b, c, d]: [&mut Columns; 4], w: &Factor, [v, u]: [&Factor; 2]) {
    let [wc, wd] = both_times(&carry(c), &carry(d), w);
    let (upper, lower) = (carry(&add(b, &wd)), carry(&lift::<6>(&sub(b, &wd))));
    let [x, y] = times_two(&upper, v, &lower, u);
    let centred = centre(a);
    let (sum, difference) = (add(&centred, &wc), sub(&centred, &wc));
    (*a, *b) = (add(&sum, &x), sub(&sum, &x));
    (*c, *d) = (add(&difference, &y), sub(&difference, &y));
}

/// [`butterfly`] for the factors 1, 1 and i = √−1, of the first block, with one multiplication. Takes tight limbs below
/// 3.01·r.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn first_butterfly([a, b, c, d]: [&Columns; 4], i: &Factor) -> [Columns; 4] {
    let (even, odd) = (add(a, c), add(b, d));
    let x = times(&carry(&lift::<4>(&sub(b, d))), i);
    let difference = sub(a, c);
    [
        add(&even, &odd),
        lift::<8>(&sub(&even, &odd)),
        add(&lift::<5>(&difference), &x),
        lift::<11>(&sub(&difference, &x)),
    ]
}

/// One level for the factor 1: a + b and a − b + 2·r. Takes tight limbs below r·(1 + ε); gives such below 3.01·r.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn halves(a: &Columns, b: &Columns) -> [Columns; 2] {
    [carry(&add(a, b)), carry(&lift::<2>(&sub(a, b)))]
}

/// The factor in each lane. Takes Montgomery form with 2^260, below 10·r.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn factor_lanes(ifma: Ifma, w: &Fr8, shifts: &[[u64; 5]; 5]) -> Factor8 {
    let shifted = shifts.each_ref().map(|shift| w.mul(&Fr8::splat(ifma, shift)));
    Factor8(shifted.map(|w| canonical(&settle(&Columns(w.0))).0))
}
