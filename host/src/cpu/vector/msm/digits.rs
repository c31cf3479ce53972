//! The digits of eight parts at once, as keys to sort by.

use super::plan::Window;
use super::scalar::Part;
use crate::cpu::vector::memory::{shift_left, shift_right};
use crate::cpu::vector::mont::{Vector, splat};
use crate::cpu::vector::token::Ifma;
use std::arch::x86_64::{
    _mm256_storeu_si256, _mm512_abs_epi64, _mm512_add_epi64, _mm512_and_si512, _mm512_cmpeq_epi64_mask,
    _mm512_cmplt_epi64_mask, _mm512_cmplt_epu64_mask, _mm512_cvtepi64_epi32, _mm512_loadu_si512, _mm512_mask_add_epi64,
    _mm512_mask_blend_epi64, _mm512_or_si512, _mm512_permutexvar_epi64, _mm512_setr_epi64, _mm512_setzero_si512,
    _mm512_sub_epi64, _mm512_test_epi64_mask, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};

/// The key of a digit that is zero.
pub(super) const NOTHING: u32 = u32::MAX;

/// Appends the key of each part's digit in a window: twice the bucket, counted from `first` on for the magnitudes 1, 2,
/// …, plus one where the digit's and the part's sign differ.
pub(super) fn keys(ifma: Ifma, parts: &[Part], window: &Window, first: u32, keys: &mut Vec<u32>) {
    let mut eights = parts.chunks_exact(8);
    for eight in &mut eights {
        let Ok(eight) = eight.try_into() else { unreachable!("chunks of eight") };
        keys.extend(keys_of_eight(ifma, eight, window, first));
    }
    let rest = eights.remainder();
    let mut eight = [Part::default(); 8];
    eight[..rest.len()].copy_from_slice(rest);
    keys.extend(&keys_of_eight(ifma, &eight, window, first)[..rest.len()]);
}

#[inline(always)]
fn keys_of_eight(_: Ifma, parts: &[Part; 8], window: &Window, first: u32) -> [u32; 8] {
    // SAFETY: the token proves the features.
    unsafe { compute(parts, window, first) }
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn compute(parts: &[Part; 8], window: &Window, first: u32) -> [u32; 8] {
    const { assert!(size_of::<Part>() == 16) };
    // The lanes have parts 0, 4, 1, 5, …; their order is mended at the end.
    let words: *const Part = parts.as_ptr();
    // SAFETY: 128 readable bytes.
    let (front, back) = unsafe { (_mm512_loadu_si512(words.cast()), _mm512_loadu_si512(words.add(4).cast())) };
    let (low, high) = (_mm512_unpacklo_epi64(front, back), _mm512_unpackhi_epi64(front, back));
    let (lift_low, lift_high) = (splat(window.lift as u64), splat((window.lift >> 64) as u64));
    let lifted_low = _mm512_add_epi64(low, lift_low);
    let carry = _mm512_cmplt_epu64_mask(lifted_low, low);
    // The magnitude has 127 bits; the sign is above them.
    let magnitude = _mm512_and_si512(high, splat(u64::MAX >> 1));
    let lifted_high = _mm512_add_epi64(magnitude, lift_high);
    let lifted_high = _mm512_mask_add_epi64(lifted_high, carry, lifted_high, splat(1));
    let bits = _mm512_and_si512(shifted(lifted_low, lifted_high, window.start), splat((1 << window.bits) - 1));
    let digit = _mm512_sub_epi64(bits, splat(window.half as u64));
    let zero = _mm512_cmpeq_epi64_mask(digit, _mm512_setzero_si512());
    let negative = _mm512_cmplt_epi64_mask(digit, _mm512_setzero_si512());
    let opposite = negative ^ _mm512_test_epi64_mask(high, splat(1 << 63));
    let bucket = _mm512_add_epi64(_mm512_abs_epi64(digit), splat(u64::from(first).wrapping_sub(1)));
    let key = _mm512_add_epi64(bucket, bucket);
    let key = _mm512_mask_add_epi64(key, opposite, key, splat(1));
    let key = _mm512_mask_blend_epi64(zero, key, splat(u64::from(NOTHING)));
    let key = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), key);
    let mut keys = [0u32; 8];
    // SAFETY: 32 writable bytes.
    unsafe { _mm256_storeu_si256(keys.as_mut_ptr().cast(), _mm512_cvtepi64_epi32(key)) };
    keys
}

/// The low 64 bits of (high·2^64 + low)/2^bits.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn shifted(low: Vector, high: Vector, bits: usize) -> Vector {
    match bits.checked_sub(64) {
        Some(more) => shift_right(high, more as u32),
        // A shift by 64 leaves nothing.
        None => _mm512_or_si512(shift_right(low, bits as u32), shift_left(high, 64 - bits as u32)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::vector::msm::plan::Plan;
    use crate::cpu::vector::msm::scalar::halves;

    #[test]
    fn keys_are_those_of_the_digits() {
        let Some(ifma) = Ifma::detect() else { return eprintln!("skipped: this CPU has no AVX-512 IFMA") };
        let mut word = 1u64;
        let mut next = || {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            word ^ word >> 31
        };
        let mut parts = vec![Part::default(), Part::LARGEST, Part::LARGEST.negated()];
        for length in 0..64 {
            let short = |word: u64| word & ((1 << length) - 1);
            parts.extend(halves([short(next()), 0, 0, 0]));
            parts.extend(halves([next(), short(next()), short(next()), 0]));
            parts.extend(halves([next(), next(), next(), next() >> 2]));
            parts.extend(halves([next() | next(), u64::MAX, u64::MAX, short(next()) >> 2]));
        }
        for (bits, count) in [(2, 64), (13, 10), (16, 8), (15, 9), (11, 12), (7, 19)] {
            for window in Plan::uniform(bits, count).windows {
                for (first, parts) in [(0, &parts[..]), (4096, &parts[..13]), (1 << 20, &parts[..8])] {
                    let mut found = vec![7];
                    keys(ifma, parts, &window, first, &mut found);
                    let known = parts.iter().map(|&part| match window.digit(part) {
                        0 => NOTHING,
                        digit => {
                            let opposite = (digit < 0) != part.is_negative();
                            (first + digit.unsigned_abs() - 1) << 1 | u32::from(opposite)
                        }
                    });
                    assert_eq!(found, [7].into_iter().chain(known).collect::<Vec<_>>(), "{window:?}");
                }
            }
        }
    }
}
