//! The border between arkworks values and blst's C structures.
//!
//! Both libraries hold Fp as six little-endian 64-bit limbs in Montgomery form with R = 2^384, Fp2 as (c0, c1), an
//! affine point as (x, y) with the identity as (0, 0), and a Jacobian point as (x, y, z). So a reference to one is
//! a reference to the other; the assertions below fail the build if a version of either library changes that.
//! Everything `unsafe` about the cast is in this file.

use crate::error::PointError;
use ark_bls12_381::{Fq, Fq2, Fq6, Fq12, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::short_weierstrass::{Affine, Projective};
use blst::{BLST_ERROR, blst_fp, blst_fp2, blst_fp6, blst_fp12, blst_p1, blst_p1_affine, blst_p2, blst_p2_affine};
use std::mem::{align_of, offset_of, size_of};

const _: () = {
    assert!(size_of::<Fq>() == size_of::<blst_fp>() && align_of::<Fq>() == align_of::<blst_fp>());
    assert!(size_of::<Fq2>() == size_of::<blst_fp2>() && offset_of!(Fq2, c0) == 0 && offset_of!(Fq2, c1) == 48);
    assert!(size_of::<Fq6>() == size_of::<blst_fp6>() && offset_of!(Fq6, c1) == 96 && offset_of!(Fq6, c2) == 192);
    assert!(size_of::<Fq12>() == size_of::<blst_fp12>() && offset_of!(Fq12, c0) == 0 && offset_of!(Fq12, c1) == 288);
    assert!(size_of::<G1Affine>() == size_of::<blst_p1_affine>());
    assert!(offset_of!(G1Affine, x) == 0 && offset_of!(G1Affine, y) == 48);
    assert!(size_of::<G2Affine>() == size_of::<blst_p2_affine>());
    assert!(offset_of!(G2Affine, x) == 0 && offset_of!(G2Affine, y) == 96);
    assert!(size_of::<G1Projective>() == size_of::<blst_p1>());
    assert!(offset_of!(G1Projective, x) == 0 && offset_of!(G1Projective, y) == 48 && offset_of!(G1Projective, z) == 96);
    assert!(size_of::<G2Projective>() == size_of::<blst_p2>());
    assert!(
        offset_of!(G2Projective, x) == 0 && offset_of!(G2Projective, y) == 96 && offset_of!(G2Projective, z) == 192
    );
};

// The same types as `G1Affine` and so on, named without the associated types that keep `impl`s from telling them apart.
pub(crate) type AffineE1 = Affine<ark_bls12_381::g1::Config>;
pub(crate) type AffineE2 = Affine<ark_bls12_381::g2::Config>;
type JacobianE1 = Projective<ark_bls12_381::g1::Config>;
type JacobianE2 = Projective<ark_bls12_381::g2::Config>;

/// A pair of types with the same layout, one of arkworks and one of blst.
///
/// # Safety
/// Every value of either type must be a valid value of the other, at the same size and alignment.
pub(crate) unsafe trait SameLayout: Copy {
    /// The structure of blst.
    type Blst: Copy + Default;

    /// Views the value as blst's structure.
    fn as_blst(&self) -> &Self::Blst {
        // SAFETY: the trait's contract.
        unsafe { &*(std::ptr::from_ref(self).cast()) }
    }

    /// Takes a value out of blst's structure.
    fn from_blst(value: &Self::Blst) -> Self {
        // SAFETY: the trait's contract.
        unsafe { *(std::ptr::from_ref(value).cast()) }
    }

    /// Views a slice as blst's structures.
    fn slice_as_blst(values: &[Self]) -> &[Self::Blst] {
        // SAFETY: the trait's contract, for each element.
        unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
    }

    /// Copies values out of blst's structures.
    fn vec_from_blst(values: &[Self::Blst]) -> Vec<Self> {
        values.iter().map(Self::from_blst).collect()
    }
}

macro_rules! same_layout {
    ($($ark:ty => $blst:ty),* $(,)?) => { $(
        // SAFETY: sizes and offsets are asserted above, both sides are plain 64-bit limbs without padding or niches,
        // and both use Montgomery form with R = 2^384 (proved by `tests::limbs_agree`).
        unsafe impl SameLayout for $ark { type Blst = $blst; }
    )* };
}

same_layout!(
    Fq => blst_fp, Fq2 => blst_fp2, Fq12 => blst_fp12,
    AffineE1 => blst_p1_affine, AffineE2 => blst_p2_affine,
    JacobianE1 => blst_p1, JacobianE2 => blst_p2,
);

/// Translates blst's decoding errors.
pub(crate) fn point_error(error: BLST_ERROR) -> PointError {
    match error {
        BLST_ERROR::BLST_POINT_NOT_ON_CURVE => PointError::NotOnCurve,
        BLST_ERROR::BLST_POINT_NOT_IN_GROUP => PointError::NotInSubgroup,
        BLST_ERROR::BLST_PK_IS_INFINITY => PointError::Identity,
        _ => PointError::Encoding,
    }
}

macro_rules! codec {
    ($affine:ty, $bytes:literal, $uncompress:ident, $compress:ident, $on_curve:ident, $in_subgroup:ident,
     $c_uncompress:ident, $c_compress:ident, $c_on_curve:ident, $c_in:ident) => {
        /// Decodes a compressed point: flags, canonical x, curve equation. No subgroup check.
        pub(crate) fn $uncompress(bytes: &[u8; $bytes]) -> Result<$affine, PointError> {
            let mut out = Default::default();
            // SAFETY: `out` is a valid destination and `bytes` has the length blst reads.
            match unsafe { blst::$c_uncompress(&mut out, bytes.as_ptr()) } {
                BLST_ERROR::BLST_SUCCESS => Ok(<$affine>::from_blst(&out)),
                error => Err(point_error(error)),
            }
        }

        /// The compressed encoding of a point.
        pub(crate) fn $compress(point: &$affine) -> [u8; $bytes] {
            let mut out = [0; $bytes];
            // SAFETY: `out` has the length blst writes.
            unsafe { blst::$c_compress(out.as_mut_ptr(), point.as_blst()) };
            out
        }

        /// Whether the coordinates satisfy the curve equation; the identity does.
        pub(crate) fn $on_curve(point: &$affine) -> bool {
            // SAFETY: a valid reference.
            unsafe { blst::$c_on_curve(point.as_blst()) }
        }

        /// Whether a point of the curve has an order that divides r.
        pub(crate) fn $in_subgroup(point: &$affine) -> bool {
            // SAFETY: a valid reference.
            unsafe { blst::$c_in(point.as_blst()) }
        }
    };
}

codec!(
    G1Affine,
    48,
    g1_uncompress,
    g1_compress,
    g1_on_curve,
    g1_in_subgroup,
    blst_p1_uncompress,
    blst_p1_affine_compress,
    blst_p1_affine_on_curve,
    blst_p1_affine_in_g1
);
codec!(
    G2Affine,
    96,
    g2_uncompress,
    g2_compress,
    g2_on_curve,
    g2_in_subgroup,
    blst_p2_uncompress,
    blst_p2_affine_compress,
    blst_p2_affine_on_curve,
    blst_p2_affine_in_g2
);

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::AffineRepr;

    #[test]
    fn limbs_agree() {
        // SAFETY: blst's static generators.
        let (g1, g2) = unsafe { (*blst::blst_p1_affine_generator(), *blst::blst_p2_affine_generator()) };
        assert_eq!(G1Affine::from_blst(&g1), G1Affine::generator());
        assert_eq!(G2Affine::from_blst(&g2), G2Affine::generator());
        let mut seven = blst_fp::default();
        // SAFETY: six limbs in, one element out.
        unsafe { blst::blst_fp_from_uint64(&mut seven, [7, 0, 0, 0, 0, 0].as_ptr()) };
        assert_eq!(Fq::from_blst(&seven), Fq::from(7));
    }

    #[test]
    fn identity_is_all_zero_on_both_sides() {
        assert_eq!(G1Affine::from_blst(&blst_p1_affine::default()), G1Affine::identity());
        assert_eq!(G2Affine::from_blst(&blst_p2_affine::default()), G2Affine::identity());
        assert_eq!(g1_uncompress(&g1_compress(&G1Affine::identity())), Ok(G1Affine::identity()));
        assert_eq!(g2_uncompress(&g2_compress(&G2Affine::identity())), Ok(G2Affine::identity()));
    }
}
