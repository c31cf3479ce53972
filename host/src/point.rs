//! Points of the prime-order subgroups, with membership as a type.
//!
//! Endomorphism-based backends and plain ones disagree outside the subgroup of order r, and two validators with
//! different hardware must never disagree. So every operation whose answer depends on membership takes
//! [`InSubgroup`] points, which come from a checked decoding, from a check, or from an explicit unchecked constructor.

use crate::error::PointError;
use crate::layout;
use ark_bls12_381::{G1Affine, G2Affine};
use ark_ec::AffineRepr;

/// An affine point known to lie in the subgroup of order r. The identity is a member.
///
/// The representation is that of the arkworks point, so that a slice of members can be viewed as a slice of plain
/// points without a copy ([`InSubgroup::as_affine_slice`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct InSubgroup<P>(P);

/// A point of G1, the order-r subgroup of y² = x³ + 4 over Fp.
pub type G1 = InSubgroup<G1Affine>;

/// A point of G2, the order-r subgroup of y² = x³ + 4(u + 1) over Fp2.
pub type G2 = InSubgroup<G2Affine>;

impl<P: AffineRepr> InSubgroup<P> {
    /// The identity.
    pub fn identity() -> Self {
        Self(P::zero())
    }

    /// The standard generator of the subgroup.
    pub fn generator() -> Self {
        Self(P::generator())
    }

    /// Whether this is the identity.
    pub fn is_identity(&self) -> bool {
        self.0.is_zero()
    }

    /// The point −P.
    pub fn negate(self) -> Self {
        Self((-self.0.into_group()).into())
    }
}

impl<P> InSubgroup<P> {
    /// Wraps a point without checking it.
    ///
    /// The caller vouches that the point is on the curve and in the subgroup of order r. If it is not, every
    /// operation on it returns some point or verdict, without panicking, but backends may disagree about which.
    pub const fn new_unchecked(point: P) -> Self {
        Self(point)
    }

    /// The arkworks point.
    pub const fn affine(&self) -> &P {
        &self.0
    }

    /// The arkworks point, by value.
    pub fn into_affine(self) -> P {
        self.0
    }

    /// Views members as plain points, without a copy.
    pub fn as_affine_slice(points: &[Self]) -> &[P] {
        // SAFETY: `InSubgroup` is `repr(transparent)` over `P`.
        unsafe { std::slice::from_raw_parts(points.as_ptr().cast(), points.len()) }
    }
}

macro_rules! checked_points {
    ($affine:path, $bytes:literal, $uncompress:path, $compress:path, $on_curve:path, $in_subgroup:path) => {
        impl InSubgroup<$affine> {
            /// Length of the compressed encoding in bytes.
            pub const BYTES: usize = $bytes;

            /// Checks that the point is on the curve and in the subgroup. Variable time.
            ///
            /// # Errors
            /// [`PointError::NotOnCurve`] or [`PointError::NotInSubgroup`].
            pub fn new(point: $affine) -> Result<Self, PointError> {
                if point.is_zero() {
                    return Ok(Self(point));
                }
                if !$on_curve(&point) {
                    return Err(PointError::NotOnCurve);
                }
                if !$in_subgroup(&point) {
                    return Err(PointError::NotInSubgroup);
                }
                Ok(Self(point))
            }

            /// Decodes the compressed encoding (Zcash flags, as in the IETF pairing-friendly-curves draft,
            /// appendix C) and checks curve and subgroup. The identity is accepted. Variable time.
            ///
            /// # Errors
            /// A [`PointError`] that names the first check that failed.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, PointError> {
                let bytes: &[u8; $bytes] =
                    bytes.try_into().map_err(|_| PointError::Length { got: bytes.len(), expected: $bytes })?;
                let point = $uncompress(bytes)?;
                if !point.is_zero() && !$in_subgroup(&point) {
                    return Err(PointError::NotInSubgroup);
                }
                Ok(Self(point))
            }

            /// The compressed encoding.
            pub fn to_bytes(&self) -> [u8; $bytes] {
                $compress(&self.0)
            }
        }
    };
}

checked_points!(
    layout::AffineE1,
    48,
    layout::g1_uncompress,
    layout::g1_compress,
    layout::g1_on_curve,
    layout::g1_in_subgroup
);
checked_points!(
    layout::AffineE2,
    96,
    layout::g2_uncompress,
    layout::g2_compress,
    layout::g2_on_curve,
    layout::g2_in_subgroup
);

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::{Fq, Fq2};

    #[test]
    fn encodings_round_trip_and_identity_is_a_member() {
        for p in [G1::identity(), G1::generator(), G1::generator().negate()] {
            assert_eq!(G1::from_bytes(&p.to_bytes()), Ok(p));
            assert_eq!(G1::new(*p.affine()), Ok(p));
        }
        for p in [G2::identity(), G2::generator(), G2::generator().negate()] {
            assert_eq!(G2::from_bytes(&p.to_bytes()), Ok(p));
            assert_eq!(G2::new(*p.affine()), Ok(p));
        }
    }

    #[test]
    fn points_outside_are_named() {
        assert_eq!(G1::from_bytes(&[0; 47]), Err(PointError::Length { got: 47, expected: 48 }));
        assert_eq!(G1::from_bytes(&[0xff; 48]), Err(PointError::Encoding));
        assert_eq!(G2::from_bytes(&[0; 96]), Err(PointError::Encoding));
        assert_eq!(G1::new(G1Affine::new_unchecked(Fq::from(1), Fq::from(1))), Err(PointError::NotOnCurve));
        assert_eq!(
            G2::new(G2Affine::new_unchecked(Fq2::new(1.into(), 0.into()), Fq2::new(1.into(), 0.into()))),
            Err(PointError::NotOnCurve)
        );
        let outside = (0u64..)
            .filter_map(|x| G1Affine::get_point_from_x_unchecked(Fq::from(x), false))
            .find(|p| !p.is_in_correct_subgroup_assuming_on_curve())
            .unwrap();
        assert_eq!(G1::new(outside), Err(PointError::NotInSubgroup));
        assert_eq!(G1::from_bytes(&layout::g1_compress(&outside)), Err(PointError::NotInSubgroup));
    }
}
