//! Points of arkworks from Jacobian to affine coordinates.

use super::super::curve::{AffineOf, E1, E2};
use super::super::fp::Fp8;
use super::super::fp2::Fp2x8;
use super::super::token::Ifma;
use super::jacobian::{self, Jacobian};
use super::target::{Target, store};
use ark_bls12_381::{G1Projective, G2Projective};

/// A curve with arkworks' Jacobian points.
pub(crate) trait Normal: Target {
    /// x = X/Z², y = Y/Z³, and Z = 0 for the identity.
    type Projective: Copy + Default + Sync;

    /// Eight points.
    fn load_jacobian(ifma: Ifma, points: [&Self::Projective; 8]) -> Jacobian<Self::Coordinate>;
}

impl Normal for E1 {
    type Projective = G1Projective;

    #[inline(always)]
    fn load_jacobian(ifma: Ifma, points: [&G1Projective; 8]) -> Jacobian<Fp8> {
        let [x, y, z] = [points.map(|p| &p.x), points.map(|p| &p.y), points.map(|p| &p.z)];
        let [x, y, z] = [x, y, z].map(|c| Self::load_elements(ifma, c));
        Jacobian { x, y, z }
    }
}

impl Normal for E2 {
    type Projective = G2Projective;

    #[inline(always)]
    fn load_jacobian(ifma: Ifma, points: [&G2Projective; 8]) -> Jacobian<Fp2x8> {
        let [x, y, z] = [points.map(|p| &p.x), points.map(|p| &p.y), points.map(|p| &p.z)];
        let [x, y, z] = [x, y, z].map(|c| Self::load_elements(ifma, c));
        Jacobian { x, y, z }
    }
}

/// Points whose inverses share one inversion: their Jacobian coordinates stay in the second-level cache.
const PIECE: usize = 1 << 11;

/// The affine forms of Jacobian points, the identity for Z = 0. Variable time.
pub(crate) fn to_affine<C: Normal>(ifma: Ifma, points: &[C::Projective]) -> Vec<AffineOf<C>> {
    let mut out = Vec::with_capacity(points.len());
    for piece in points.chunks(PIECE) {
        // SAFETY: the token proves that the CPU has the features.
        out.extend(unsafe { normalize::<C>(ifma, piece) });
    }
    out
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn normalize<C: Normal>(ifma: Ifma, points: &[C::Projective]) -> Vec<AffineOf<C>> {
    let identity = C::Projective::default();
    let load =
        |eight: &[C::Projective]| C::load_jacobian(ifma, std::array::from_fn(|i| eight.get(i).unwrap_or(&identity)));
    let loaded: Vec<_> = points.chunks(8).map(load).collect();
    store::<C>(ifma, &jacobian::to_affine(ifma, &loaded), points.len())
}
