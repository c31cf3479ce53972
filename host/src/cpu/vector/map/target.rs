//! The two curves as targets of the maps.

use super::super::curve::{AffineOf, Curve, E1, E2};
use super::super::fp::Fp8;
use super::super::fp2::Fp2x8;
use super::super::generated::FP_R2;
use super::super::memory;
use super::super::token::Ifma;
use super::field::Field;
use super::generated as constants;
use super::isogeny::{self, Polynomials};
use super::jacobian::{Jacobian, Scratch};
use super::sswu;
use crate::encoding::words;
use ark_bls12_381::{Fq, Fq2};

/// Bytes of a hash for each element of Fp (L of RFC 9380, section 8.8).
pub(super) const LENGTH: usize = 64;

/// A curve with its map from a field.
pub(crate) trait Target: Curve<Coordinate: Field> {
    /// One element of the field, of arkworks.
    type Element: Copy + Default + Sync;
    /// Elements of Fp in one of the field.
    const DEGREE: usize;
    /// The coefficient A of E'.
    const A: <Self::Coordinate as Field>::Constant;
    /// The isogeny from E'.
    const ISOGENY: Polynomials<<Self::Coordinate as Field>::Constant>;

    /// Eight elements of arkworks, below 4/3·p.
    fn load_elements(ifma: Ifma, elements: [&Self::Element; 8]) -> Self::Coordinate;
    /// Eight elements from `DEGREE` times 64 bytes each, big-endian, reduced modulo p; below 8/3·p.
    fn load_hashes(ifma: Ifma, hashes: [&[u8]; 8]) -> Self::Coordinate;
    /// Points of E' with coordinates below 4/3·p. Takes u below 6·p.
    fn to_isogenous<const N: usize>(ifma: Ifma, u: &[Self::Coordinate; N])
    -> [(Self::Coordinate, Self::Coordinate); N];
    /// P ← h_eff·P.
    fn clear_cofactor<const N: usize>(
        ifma: Ifma,
        p: &mut [Jacobian<Self::Coordinate>; N],
        scratch: &mut Scratch<Self::Coordinate, N>,
    );
}

impl Target for E1 {
    type Element = Fq;
    const DEGREE: usize = 1;
    const A: [u64; 8] = constants::A_1;
    const ISOGENY: Polynomials<[u64; 8]> =
        Polynomials { kernel: &constants::KERNEL_1, x: &constants::ISOGENY_X_1, y: &constants::ISOGENY_Y_1 };

    #[inline(always)]
    fn load_elements(ifma: Ifma, elements: [&Fq; 8]) -> Fp8 {
        Fp8::from_words(ifma, elements.map(|e| &e.0.0))
    }
    #[inline(always)]
    fn load_hashes(ifma: Ifma, hashes: [&[u8]; 8]) -> Fp8 {
        from_hashes(ifma, hashes)
    }
    #[inline(always)]
    fn to_isogenous<const N: usize>(ifma: Ifma, u: &[Fp8; N]) -> [(Fp8, Fp8); N] {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { sswu::to_e1(ifma, u) }
    }
    #[inline(always)]
    fn clear_cofactor<const N: usize>(_: Ifma, p: &mut [Jacobian<Fp8>; N], scratch: &mut Scratch<Fp8, N>) {
        // SAFETY: coordinates come from a token.
        unsafe { isogeny::clear_cofactor_1(p, scratch) }
    }
}

impl Target for E2 {
    type Element = Fq2;
    const DEGREE: usize = 2;
    const A: [[u64; 8]; 2] = constants::A_2;
    const ISOGENY: Polynomials<[[u64; 8]; 2]> =
        Polynomials { kernel: &constants::KERNEL_2, x: &constants::ISOGENY_X_2, y: &constants::ISOGENY_Y_2 };

    #[inline(always)]
    fn load_elements(ifma: Ifma, elements: [&Fq2; 8]) -> Fp2x8 {
        Fp2x8 {
            c0: Fp8::from_words(ifma, elements.map(|e| &e.c0.0.0)),
            c1: Fp8::from_words(ifma, elements.map(|e| &e.c1.0.0)),
        }
    }
    #[inline(always)]
    fn load_hashes(ifma: Ifma, hashes: [&[u8]; 8]) -> Fp2x8 {
        Fp2x8 {
            c0: from_hashes(ifma, hashes.map(|h| &h[..LENGTH])),
            c1: from_hashes(ifma, hashes.map(|h| &h[LENGTH..])),
        }
    }
    #[inline(always)]
    fn to_isogenous<const N: usize>(ifma: Ifma, u: &[Fp2x8; N]) -> [(Fp2x8, Fp2x8); N] {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { sswu::to_e2(ifma, u) }
    }
    #[inline(always)]
    fn clear_cofactor<const N: usize>(ifma: Ifma, p: &mut [Jacobian<Fp2x8>; N], scratch: &mut Scratch<Fp2x8, N>) {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { isogeny::clear_cofactor_2(ifma, p, scratch) }
    }
}

/// Numbers of 512 bits, big-endian, mod p: low·R²/R + high·2^256·R²/R, each half below p/2^125; below 8/3·p.
#[inline(always)]
fn from_hashes(ifma: Ifma, hashes: [&[u8]; 8]) -> Fp8 {
    let low = from_numbers(ifma, hashes.map(|h| words(&h[32..])).each_ref(), &FP_R2);
    let high = from_numbers(ifma, hashes.map(|h| words(&h[..32])).each_ref(), &constants::UPPER_HALF);
    low.add(&high)
}

/// Numbers below 2^384 times a factor/R; below 4/3·p.
#[inline(always)]
fn from_numbers(ifma: Ifma, numbers: [&[u64; 6]; 8], factor: &[u64; 8]) -> Fp8 {
    Fp8(memory::load_words(ifma, numbers)).mul(&Fp8::splat(ifma, factor))
}

/// Affine points of arkworks from blocks of eight; the identity where a mask says so.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn store<T: Target>(
    ifma: Ifma,
    blocks: &[(T::Coordinate, T::Coordinate, u8)],
    count: usize,
) -> Vec<AffineOf<T>> {
    use ark_ec::AffineRepr;
    let mut out = Vec::with_capacity(blocks.len() * 8);
    for (x, y, identity) in blocks {
        let points = T::store(ifma, x, y);
        let point = |i: usize| if identity >> i & 1 == 1 { AffineOf::<T>::zero() } else { points[i] };
        out.extend((0..8).map(point));
    }
    out.truncate(count);
    out
}
