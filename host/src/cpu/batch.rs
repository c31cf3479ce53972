//! Batch inversion and batch affine normalisation, on the caller's thread.
//!
//! Montgomery's trick: one inversion and three products an element. With the vector engine eight elements a vector, each
//! lane a chain of its own; without it arkworks' for fields and blst's for points. Both give the same values. Variable
//! time: for public data only.

use ark_bls12_381::{Fq, Fq2, Fr, G1Affine, G1Projective, G2Affine, G2Projective};

/// Replaces each element of Fp by its inverse; zero stays zero.
pub fn invert_fp(values: &mut [Fq]) {
    imp::invert(values);
}

/// Replaces each element of Fp2 by its inverse; zero stays zero.
pub fn invert_fp2(values: &mut [Fq2]) {
    imp::invert(values);
}

/// Replaces each element of Fr by its inverse; zero stays zero.
pub fn invert_fr(values: &mut [Fr]) {
    imp::invert(values);
}

/// The affine forms of points of G1's curve in Jacobian coordinates, in order; the identity (Z = 0) gives the identity.
pub fn normalize_g1(points: &[G1Projective]) -> Vec<G1Affine> {
    imp::normalize_g1(points)
}

/// The affine forms of points of G2's curve; as [`normalize_g1`].
pub fn normalize_g2(points: &[G2Projective]) -> Vec<G2Affine> {
    imp::normalize_g2(points)
}

#[cfg(target_arch = "x86_64")]
mod imp {
    use super::portable;
    use crate::cpu::elements::Element;
    use crate::cpu::vector::{E1, E2, Ifma, to_affine};
    use ark_bls12_381::{G1Affine, G1Projective, G2Affine, G2Projective};

    /// Elements, and points, below which conversions cost more than the engine gains.
    const FEWEST_ELEMENTS: usize = 64;
    const FEWEST_POINTS: usize = 16;

    /// The engine, where it is worth its while for so many.
    fn engine(count: usize, fewest: usize) -> Option<Ifma> {
        if count < fewest || crate::cpu::switched_off() { None } else { Ifma::detect() }
    }

    pub(super) fn invert<E: Element>(values: &mut [E]) {
        let Some(ifma) = engine(values.len(), FEWEST_ELEMENTS) else { return portable::invert(values) };
        // SAFETY: the token proves that the CPU has the features.
        values.chunks_mut(PIECE).for_each(|piece| unsafe { invert_piece(ifma, piece) });
    }

    /// Elements that share an inversion: in Fp their vectors and products take 128 KiB, well inside a second-level cache.
    const PIECE: usize = 1 << 10;

    /// Vectors whose products do not wait for one another.
    const CHAINS: usize = 4;

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn invert_piece<E: Element>(ifma: Ifma, values: &mut [E]) {
        // Zeros and the places past the end become ones.
        let one = E::ONE;
        let lane = |eight: &[E], i: usize| eight.get(i).filter(|e| !e.is_zero()).copied().unwrap_or(one);
        let gather = |eight: &[E]| {
            let lanes: [E; 8] = std::array::from_fn(|i| lane(eight, i));
            E::gather(ifma, lanes.each_ref())
        };
        let vectors: Vec<E::Lanes> = values.chunks(8).map(gather).collect();
        // The product of the vectors of a chain up to and with each.
        let mut products = vectors.clone();
        for i in CHAINS..products.len() {
            let before = products[i - CHAINS];
            E::multiply(&mut products[i], &before);
        }
        let last = products.len().saturating_sub(CHAINS);
        let mut ends: Vec<E> = products[last..].iter().flat_map(|product| E::scatter(ifma, *product)).collect();
        portable::invert(&mut ends);
        let (ends, _) = ends.as_chunks::<8>();
        // Chain `i % CHAINS`, in the order of the last vectors.
        let mut inverses: Vec<E::Lanes> = ends.iter().map(|end| E::gather(ifma, end.each_ref())).collect();
        for i in (0..vectors.len()).rev() {
            let chain = (i + CHAINS - last % CHAINS) % CHAINS;
            let mut own = inverses[chain];
            if let Some(before) = i.checked_sub(CHAINS) {
                E::multiply(&mut own, &products[before]);
                E::multiply(&mut inverses[chain], &vectors[i]);
            }
            let places = &mut values[8 * i..];
            for (value, inverse) in places.iter_mut().zip(E::scatter(ifma, own)).filter(|(value, _)| !value.is_zero()) {
                *value = inverse;
            }
        }
    }

    pub(super) fn normalize_g1(points: &[G1Projective]) -> Vec<G1Affine> {
        engine(points.len(), FEWEST_POINTS)
            .map_or_else(|| portable::normalize_g1(points), |ifma| to_affine::<E1>(ifma, points))
    }

    pub(super) fn normalize_g2(points: &[G2Projective]) -> Vec<G2Affine> {
        engine(points.len(), FEWEST_POINTS)
            .map_or_else(|| portable::normalize_g2(points), |ifma| to_affine::<E2>(ifma, points))
    }
}

#[cfg(not(target_arch = "x86_64"))]
use portable as imp;

/// The same without the engine.
mod portable {
    use crate::cpu::group::{Group, OnE1, OnE2};
    use crate::layout::SameLayout;
    use ark_bls12_381::{G1Affine, G1Projective, G2Affine, G2Projective};
    use ark_ff::Field;

    pub(super) fn invert<E: Field>(values: &mut [E]) {
        ark_ff::batch_inversion(values);
    }

    pub(super) fn normalize_g1(points: &[G1Projective]) -> Vec<G1Affine> {
        OnE1::to_affine_many(SameLayout::slice_as_blst(points))
    }

    pub(super) fn normalize_g2(points: &[G2Projective]) -> Vec<G2Affine> {
        OnE2::to_affine_many(SameLayout::slice_as_blst(points))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::{CurveGroup, PrimeGroup};
    use ark_ff::Field;
    use std::fmt::Debug;

    const LENGTHS: [usize; 14] = [0, 1, 7, 8, 16, 17, 40, 63, 64, 65, 71, 100, 129, 2100];

    fn check<E: Field + Debug>(seed: E, ours: impl Fn(&mut [E])) {
        for length in LENGTHS {
            // Zeros at the borders of vectors and chains, none at all, and nothing else.
            for zero in [usize::MAX, 1, 2, 8, 9, 33] {
                let mut values: Vec<E> = (0..length as u64)
                    .map(|i| if i as usize % zero == zero - 1 { E::ZERO } else { seed.pow([i + 1]) })
                    .collect();
                if let Some(first) = values.first_mut().filter(|first| !first.is_zero()) {
                    *first = -E::ONE;
                }
                let known: Vec<E> = values.iter().map(|v| v.inverse().unwrap_or(E::ZERO)).collect();
                let mut portably = values.clone();
                ours(&mut values);
                assert_eq!(values, known, "{length} elements, every {zero}th zero");
                portable::invert(&mut portably);
                assert_eq!(portably, known, "{length} elements, every {zero}th zero, without the engine");
            }
        }
    }

    #[test]
    fn inverses_are_arkworks_and_zero_stays_zero() {
        check(-Fq::from(3u64), invert_fp);
        check(Fq2::new(Fq::from(3u64), -Fq::from(7u64)), invert_fp2);
        check(-Fr::from(5u64), invert_fr);
    }

    fn check_points<G: PrimeGroup + CurveGroup>(
        ours: impl Fn(&[G]) -> Vec<G::Affine>,
        portably: impl Fn(&[G]) -> Vec<G::Affine>,
    ) {
        for length in LENGTHS {
            for identity in [usize::MAX, 1, 2, 8, 9] {
                let mut next = G::generator();
                let points: Vec<G> = (0..length)
                    .map(|i| {
                        // Doubling leaves Z ≠ 1, the first has Z = 1.
                        next = if i % 5 == 4 { -next.double() } else { next + G::generator() };
                        if i % identity == identity - 1 { G::ZERO } else { next }
                    })
                    .collect();
                let known: Vec<G::Affine> = points.iter().map(|p| p.into_affine()).collect();
                assert!(ours(&points) == known, "{length} points, every {identity}th the identity");
                assert!(portably(&points) == known, "{length} points, every {identity}th, without the engine");
            }
        }
    }

    #[test]
    fn affine_points_are_arkworks_and_the_identity_stays() {
        check_points::<G1Projective>(normalize_g1, portable::normalize_g1);
        check_points::<G2Projective>(normalize_g2, portable::normalize_g2);
    }
}
