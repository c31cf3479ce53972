//! Between memory and rows: eight elements of arkworks' form (four 64-bit words each) and five limbs of 52 bits.

use super::kernel::Columns;
use crate::cpu::vector::mont::{MASK, Vector, splat};
use std::arch::x86_64::{
    _MM_HINT_T0, _mm_prefetch, _mm512_and_si512, _mm512_loadu_si512, _mm512_or_si512, _mm512_permutex2var_epi64,
    _mm512_setr_epi64, _mm512_shuffle_i64x2, _mm512_slli_epi64, _mm512_srli_epi64, _mm512_storeu_si512,
};

/// Word i of eight numbers in vector i.
pub(super) type Words = [Vector; 4];

/// Eight elements that lie one after the other, as tight limbs of the same integers.
///
/// # Safety
/// 32 words can be read.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) unsafe fn load_elements(from: *const u64) -> Columns {
    // SAFETY: the caller's.
    let [a, b, c, d] = unsafe { load(from) };
    // Words 0 and 1, then 2 and 3, of four elements.
    let low = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13);
    let high = _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15);
    let (a, b) = (_mm512_permutex2var_epi64(a, low, b), _mm512_permutex2var_epi64(a, high, b));
    let (c, d) = (_mm512_permutex2var_epi64(c, low, d), _mm512_permutex2var_epi64(c, high, d));
    limbs(&[lower_halves(a, c), upper_halves(a, c), lower_halves(b, d), upper_halves(b, d)])
}

/// Asks the cache for eight elements that are read soon. The address need not be valid.
#[inline]
pub(super) fn prefetch(from: *const u64) {
    for line in 0..4 {
        // SAFETY: SSE is part of x86-64, and a prefetch reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(8 * line).cast()) };
    }
}

/// Eight elements, given by their words, one after the other.
///
/// # Safety
/// 32 words can be written.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) unsafe fn store_elements(to: *mut u64, words: &Words) {
    let [w0, w1, w2, w3] = *words;
    let (a, c) = (lower_halves(w0, w1), upper_halves(w0, w1));
    let (b, d) = (lower_halves(w2, w3), upper_halves(w2, w3));
    let first = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13);
    let second = _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15);
    let (e0, e1) = (_mm512_permutex2var_epi64(a, first, b), _mm512_permutex2var_epi64(a, second, b));
    let (e2, e3) = (_mm512_permutex2var_epi64(c, first, d), _mm512_permutex2var_epi64(c, second, d));
    // SAFETY: the caller's.
    unsafe { store(to, &[e0, e1, e2, e3]) }
}

/// Four vectors of words.
///
/// # Safety
/// 32 words can be read.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) unsafe fn load(from: *const u64) -> Words {
    // SAFETY: the caller's.
    std::array::from_fn(|i| unsafe { _mm512_loadu_si512(from.add(8 * i).cast()) })
}

/// Four vectors of words.
///
/// # Safety
/// 32 words can be written.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) unsafe fn store(to: *mut u64, words: &Words) {
    for (i, word) in words.iter().enumerate() {
        // SAFETY: the caller's.
        unsafe { store_word(to, i, *word) }
    }
}

/// Word i of eight numbers, at its place in a chunk of four vectors.
///
/// # Safety
/// 32 words can be written; i is below 4.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) unsafe fn store_word(to: *mut u64, i: usize, word: Vector) {
    // SAFETY: the caller's.
    unsafe { _mm512_storeu_si512(to.add(8 * i).cast(), word) }
}

/// Numbers below 2^256 cut into limbs of 52 bits.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn limbs(words: &Words) -> Columns {
    let [w0, w1, w2, w3] = *words;
    let mask = splat(MASK);
    let l1 = _mm512_or_si512(_mm512_srli_epi64::<52>(w0), _mm512_slli_epi64::<12>(w1));
    let l2 = _mm512_or_si512(_mm512_srli_epi64::<40>(w1), _mm512_slli_epi64::<24>(w2));
    let l3 = _mm512_or_si512(_mm512_srli_epi64::<28>(w2), _mm512_slli_epi64::<36>(w3));
    let [l0, l1, l2, l3] = [w0, l1, l2, l3].map(|limb| _mm512_and_si512(limb, mask));
    Columns([l0, l1, l2, l3, _mm512_srli_epi64::<16>(w3)])
}

/// The words of numbers below 2^256, given by tight limbs.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn words(limbs: &Columns) -> Words {
    let [l0, l1, l2, l3, l4] = limbs.0;
    [
        _mm512_or_si512(l0, _mm512_slli_epi64::<52>(l1)),
        _mm512_or_si512(_mm512_srli_epi64::<12>(l1), _mm512_slli_epi64::<40>(l2)),
        _mm512_or_si512(_mm512_srli_epi64::<24>(l2), _mm512_slli_epi64::<28>(l3)),
        _mm512_or_si512(_mm512_srli_epi64::<36>(l3), _mm512_slli_epi64::<16>(l4)),
    ]
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn lower_halves(a: Vector, b: Vector) -> Vector {
    _mm512_shuffle_i64x2::<0x44>(a, b)
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn upper_halves(a: Vector, b: Vector) -> Vector {
    _mm512_shuffle_i64x2::<0xee>(a, b)
}
