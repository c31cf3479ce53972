//! Field elements of arkworks, eight at a time on the vector engine.

use super::vector::{Coordinate, Fp2x8, Fp8, Fr8, Ifma};
use ark_bls12_381::{Fq, Fq2, Fr};
use ark_ff::{BigInt, Field};

/// A field element that the engine has eight at a time.
pub(super) trait Element: Field {
    /// Eight of them.
    type Lanes: Copy;

    fn gather(ifma: Ifma, elements: [&Self; 8]) -> Self::Lanes;
    fn scatter(ifma: Ifma, lanes: Self::Lanes) -> [Self; 8];
    /// a ← a·b.
    fn multiply(a: &mut Self::Lanes, b: &Self::Lanes);
}

fn fq(words: [u64; 6]) -> Fq {
    Fq::new_unchecked(BigInt(words))
}

impl Element for Fq {
    type Lanes = Fp8;

    #[inline(always)]
    fn gather(ifma: Ifma, elements: [&Self; 8]) -> Fp8 {
        Fp8::from_words(ifma, elements.map(|e| &e.0.0))
    }

    #[inline(always)]
    fn scatter(ifma: Ifma, lanes: Fp8) -> [Self; 8] {
        lanes.to_words(ifma).map(fq)
    }

    #[inline(always)]
    fn multiply(a: &mut Fp8, b: &Fp8) {
        a.mul_assign(b);
    }
}

impl Element for Fq2 {
    type Lanes = Fp2x8;

    #[inline(always)]
    fn gather(ifma: Ifma, elements: [&Self; 8]) -> Fp2x8 {
        Fp2x8 { c0: Fq::gather(ifma, elements.map(|e| &e.c0)), c1: Fq::gather(ifma, elements.map(|e| &e.c1)) }
    }

    #[inline(always)]
    fn scatter(ifma: Ifma, lanes: Fp2x8) -> [Self; 8] {
        let (c0, c1) = (Fq::scatter(ifma, lanes.c0), Fq::scatter(ifma, lanes.c1));
        std::array::from_fn(|i| Fq2::new(c0[i], c1[i]))
    }

    #[inline(always)]
    fn multiply(a: &mut Fp2x8, b: &Fp2x8) {
        a.mul_assign(b);
    }
}

impl Element for Fr {
    type Lanes = Fr8;

    #[inline(always)]
    fn gather(ifma: Ifma, elements: [&Self; 8]) -> Fr8 {
        Fr8::from_words(ifma, elements.map(|e| &e.0.0))
    }

    #[inline(always)]
    fn scatter(ifma: Ifma, lanes: Fr8) -> [Self; 8] {
        lanes.to_words(ifma).map(|words| Fr::new_unchecked(BigInt(words)))
    }

    #[inline(always)]
    fn multiply(a: &mut Fr8, b: &Fr8) {
        *a = a.mul(b);
    }
}
