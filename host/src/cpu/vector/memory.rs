//! Between memory, where an element's limbs lie side by side, and vectors, where limb i of eight elements does.

use super::mont::{MASK, Vector, splat};
use super::token::Ifma;
use std::arch::x86_64::{
    _MM_HINT_T0, _mm_cvtsi32_si128, _mm_prefetch, _mm256_add_epi32, _mm256_andnot_si256, _mm256_castsi256_ps,
    _mm256_cmpgt_epi32, _mm256_i32gather_epi32, _mm256_loadu_si256, _mm256_min_epu32, _mm256_movemask_ps,
    _mm256_set1_epi32, _mm256_storeu_si256, _mm512_add_epi64, _mm512_and_si512, _mm512_cvtepu32_epi64,
    _mm512_loadu_si512, _mm512_mask_blend_epi64, _mm512_mask_storeu_epi64, _mm512_maskz_loadu_epi64, _mm512_or_si512,
    _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_sll_epi64, _mm512_srl_epi64, _mm512_srli_epi64,
    _mm512_store_si512, _mm512_storeu_si512, _mm512_test_epi64_mask, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};

/// One element of Fp in memory: eight limbs of 52 bits, one cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Limbs(pub(crate) [u64; 8]);

/// Limb i of the eight elements in vector i.
#[inline(always)]
pub(super) fn load_transposed(_: Ifma, from: [&Limbs; 8]) -> [Vector; 8] {
    // SAFETY: each reference is to 64 readable bytes; the token proves the features.
    unsafe { transpose(from.map(|limbs| _mm512_loadu_si512(limbs.0.as_ptr().cast()))) }
}

/// Element by element what the vectors hold limb by limb.
#[inline(always)]
pub(super) fn store_transposed(_: Ifma, vectors: &[Vector; 8]) -> [Limbs; 8] {
    let mut out = [Limbs::default(); 8];
    // SAFETY: each element has 64 writable bytes; the token proves the features.
    unsafe {
        for (limbs, row) in out.iter_mut().zip(transpose(*vectors)) {
            _mm512_storeu_si512(limbs.0.as_mut_ptr().cast(), row);
        }
    }
    out
}

/// Asks the cache for the lines of a value that is read soon.
#[inline(always)]
pub(super) fn prefetch<T>(_: Ifma, value: *const T) {
    let start: *const i8 = value.cast();
    for line in (0..size_of::<T>()).step_by(64) {
        // SAFETY: a prefetch of any address is harmless; SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line)) };
    }
}

/// The addresses that eight references mean, and the lanes whose bit 0 is set.
///
/// Bit 1 of a reference chooses the pool; the bits from 2 on, times 2^`size`, are added to the pool's address.
#[inline(always)]
pub(super) fn resolve(_: Ifma, refs: [u32; 8], pools: [usize; 2], size: u32) -> ([usize; 8], u8) {
    // SAFETY: the token proves the features.
    unsafe { resolve_refs(refs, pools, size) }
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn resolve_refs(refs: [u32; 8], pools: [usize; 2], size: u32) -> ([usize; 8], u8) {
    // SAFETY: 32 readable bytes.
    let words = _mm512_cvtepu32_epi64(unsafe { _mm256_loadu_si256(refs.as_ptr().cast()) });
    let negative = _mm512_test_epi64_mask(words, splat(1));
    let pool = _mm512_mask_blend_epi64(
        _mm512_test_epi64_mask(words, splat(2)),
        splat(pools[0] as u64),
        splat(pools[1] as u64),
    );
    let offset = shift_left(_mm512_srli_epi64::<2>(words), size);
    let mut addresses = [0usize; 8];
    // SAFETY: 64 writable bytes.
    unsafe { _mm512_storeu_si512(addresses.as_mut_ptr().cast(), _mm512_add_epi64(pool, offset)) };
    (addresses, negative)
}

/// Eight stretches of a list that are read in step.
pub(super) struct Stretches {
    pub(super) starts: [u32; 8],
    /// From its start, the last element that is read of each.
    pub(super) lasts: [u32; 8],
    pub(super) lengths: [u32; 8],
}

/// Element `row` of each stretch, or its last one, and the lanes where `row` is below the length.
///
/// # Panics
/// If an element is past the end of the list, or the list has 2^31 elements.
#[inline(always)]
pub(super) fn gather_row(_: Ifma, list: &[u32], stretches: &Stretches, row: u32) -> ([u32; 8], u8) {
    // SAFETY: the token proves the features.
    unsafe { gather_eight(list, stretches, row) }
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn gather_eight(list: &[u32], stretches: &Stretches, row: u32) -> ([u32; 8], u8) {
    // SAFETY: 32 readable bytes each.
    let [starts, lasts, lengths] = [&stretches.starts, &stretches.lasts, &stretches.lengths]
        .map(|eight| unsafe { _mm256_loadu_si256(eight.as_ptr().cast()) });
    let row = _mm256_set1_epi32(row.cast_signed());
    let places = _mm256_add_epi32(starts, _mm256_min_epu32(row, lasts));
    let end = i32::try_from(list.len()).unwrap_or(0);
    // Places are below 2^31 if they are below the end as signed and as unsigned numbers.
    let within = _mm256_cmpgt_epi32(_mm256_set1_epi32(end), places);
    let within = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_andnot_si256(places, within)));
    assert!(within == 0xff, "a stretch ends behind the list");
    let mut row_of = [0u32; 8];
    // SAFETY: all places are in the list; 32 writable bytes.
    unsafe {
        let gathered = _mm256_i32gather_epi32::<4>(list.as_ptr().cast(), places);
        _mm256_storeu_si256(row_of.as_mut_ptr().cast(), gathered);
    }
    let live = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(lengths, row)));
    (row_of, live as u8)
}

/// Writes eight elements whose limb i is in vector i.
///
/// # Safety
/// The places are valid for writes.
#[inline(always)]
pub(super) unsafe fn store_transposed_to(_: Ifma, vectors: &[Vector; 8], places: [*mut Limbs; 8]) {
    // SAFETY: the caller's promise; the token proves the features.
    unsafe {
        for (place, row) in places.into_iter().zip(transpose(*vectors)) {
            _mm512_store_si512(place.cast(), row);
        }
    }
}

/// The 8×8 transpose: lane j of vector i becomes lane i of vector j.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn transpose(rows: [Vector; 8]) -> [Vector; 8] {
    // Pairs of rows, even and odd columns: t[2k] = (r₂ₖ[0], r₂ₖ₊₁[0], r₂ₖ[2], …), t[2k+1] the odd ones.
    let mut t = [_mm512_setzero_si512(); 8];
    for k in 0..4 {
        t[2 * k] = _mm512_unpacklo_epi64(rows[2 * k], rows[2 * k + 1]);
        t[2 * k + 1] = _mm512_unpackhi_epi64(rows[2 * k], rows[2 * k + 1]);
    }
    // Then 128-bit pieces: columns c and c + 4 of four rows, and once more for one column of all eight.
    let mut out = [_mm512_setzero_si512(); 8];
    for odd in 0..2 {
        let (a, b) = (t[odd], t[2 + odd]);
        let (c, d) = (t[4 + odd], t[6 + odd]);
        let (ab04, ab26) = (_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0xdd>(a, b));
        let (cd04, cd26) = (_mm512_shuffle_i64x2::<0x88>(c, d), _mm512_shuffle_i64x2::<0xdd>(c, d));
        out[odd] = _mm512_shuffle_i64x2::<0x88>(ab04, cd04);
        out[2 + odd] = _mm512_shuffle_i64x2::<0x88>(ab26, cd26);
        out[4 + odd] = _mm512_shuffle_i64x2::<0xdd>(ab04, cd04);
        out[6 + odd] = _mm512_shuffle_i64x2::<0xdd>(ab26, cd26);
    }
    out
}

/// Eight numbers of six 64-bit words as tight limbs.
#[inline(always)]
pub(super) fn load_words(_: Ifma, from: [&[u64; 6]; 8]) -> [Vector; 8] {
    // SAFETY: each reference is to 48 readable bytes, six words, and the mask reads no more; the token proves the
    // features.
    unsafe {
        let [w0, w1, w2, w3, w4, w5, ..] =
            transpose(from.map(|words| _mm512_maskz_loadu_epi64(0b11_1111, words.as_ptr().cast())));
        regroup::<64, 52, 6, 8>(&[w0, w1, w2, w3, w4, w5])
    }
}

/// Eight numbers below 2^384, given as tight limbs, as six 64-bit words.
#[inline(always)]
pub(super) fn store_words(_: Ifma, limbs: &[Vector; 8]) -> [[u64; 6]; 8] {
    let mut out = [[0; 6]; 8];
    // SAFETY: each place has 48 writable bytes, six words, and the mask writes no more; the token proves the features.
    unsafe {
        let [w0, w1, w2, w3, w4, w5] = regroup::<52, 64, 8, 6>(limbs);
        let rows = transpose([w0, w1, w2, w3, w4, w5, _mm512_setzero_si512(), _mm512_setzero_si512()]);
        for (words, row) in out.iter_mut().zip(rows) {
            _mm512_mask_storeu_epi64(words.as_mut_ptr().cast(), 0b11_1111, row);
        }
    }
    out
}

/// The same numbers, cut into `M` digits of `TO` bits instead of `N` of `FROM`; 52 and 64 bits in either order.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn regroup<const FROM: usize, const TO: usize, const N: usize, const M: usize>(digits: &[Vector; N]) -> [Vector; M] {
    let mut out = [_mm512_setzero_si512(); M];
    for (i, digit) in out.iter_mut().enumerate() {
        // Digit i starts `shift` bits above the bottom of digit `first` and may reach into the two after it.
        let (first, shift) = (i * TO / FROM, (i * TO % FROM) as u32);
        let (from, to) = (FROM as u32, TO as u32);
        if first < N {
            *digit = shift_right(digits[first], shift);
        }
        if first + 1 < N && from - shift < to {
            *digit = _mm512_or_si512(*digit, shift_left(digits[first + 1], from - shift));
        }
        if first + 2 < N && 2 * from - shift < to {
            *digit = _mm512_or_si512(*digit, shift_left(digits[first + 2], 2 * from - shift));
        }
        if TO == 52 {
            *digit = _mm512_and_si512(*digit, splat(MASK));
        }
    }
    out
}

/// Each word times 2^`bits`, without what is above 64 bits.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn shift_left(v: Vector, bits: u32) -> Vector {
    _mm512_sll_epi64(v, _mm_cvtsi32_si128(bits.cast_signed()))
}

/// Each word divided by 2^`bits`.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn shift_right(v: Vector, bits: u32) -> Vector {
    _mm512_srl_epi64(v, _mm_cvtsi32_si128(bits.cast_signed()))
}
