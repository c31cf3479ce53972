//! G1 and G2 behind one trait: the dispatcher's operations on each, and blst's secret-key functions.

use super::secret::{self, SecretKey};
use crate::backend::IndexLists;
use crate::dispatcher::{Call, Dispatcher};
use crate::error::{Error, PointError};
use crate::layout::{AffineE1, AffineE2};
use crate::point::InSubgroup;
use ark_bls12_381::{Fq, Fr};
use ark_ec::AffineRepr;
use std::fmt::Debug;
use std::hash::Hash;

/// A point of one of the two groups, and what a signature scheme does with it. Implemented for the arkworks affine
/// points; not for others to implement.
pub trait Curve: AffineRepr<ScalarField = Fr> {
    /// The compressed encoding.
    type Bytes: AsRef<[u8]> + Copy + Eq + Hash + Debug + Send + Sync + 'static;

    /// Decodes with all checks, on the calling thread.
    fn decode(bytes: &[u8]) -> Result<InSubgroup<Self>, PointError>;
    /// The compressed encoding.
    fn encode(point: &InSubgroup<Self>) -> Self::Bytes;
    /// The coordinates over Fp, for the transcript of a batch.
    fn coordinates(point: &InSubgroup<Self>) -> impl Iterator<Item = Fq>;

    /// Decodes many, with a verdict for each.
    fn decode_many(
        dispatcher: &Dispatcher,
        call: &Call,
        bytes: &[Self::Bytes],
    ) -> Result<Vec<Result<InSubgroup<Self>, PointError>>, Error>;
    /// Hashes each message to the group.
    fn hash(
        dispatcher: &Dispatcher,
        call: &Call,
        messages: &[&[u8]],
        dst: &[u8],
    ) -> Result<Vec<InSubgroup<Self>>, Error>;
    /// The sum of each list's points.
    fn sum(
        dispatcher: &Dispatcher,
        call: &Call,
        points: &[InSubgroup<Self>],
        lists: &IndexLists,
    ) -> Result<Vec<InSubgroup<Self>>, Error>;
    /// scalarᵢ·pointᵢ for each i.
    fn mul(
        dispatcher: &Dispatcher,
        call: &Call,
        points: &[InSubgroup<Self>],
        scalars: &[Fr],
    ) -> Result<Vec<InSubgroup<Self>>, Error>;
    /// Σ scalarᵢ·pointᵢ.
    fn msm(
        dispatcher: &Dispatcher,
        call: &Call,
        points: &[InSubgroup<Self>],
        scalars: &[Fr],
    ) -> Result<InSubgroup<Self>, Error>;

    /// secret·generator. Constant time.
    fn public(secret: &SecretKey) -> InSubgroup<Self>;
    /// secret·hash(message). Constant time in the secret.
    fn sign(secret: &SecretKey, message: &[u8], dst: &[u8]) -> InSubgroup<Self>;
}

macro_rules! curve {
    ($affine:ty, $bytes:literal, $coordinates:expr, $decode_many:ident, $hash:ident, $sum:ident, $mul:ident,
     $msm:ident, $public:ident, $sign:ident) => {
        impl Curve for $affine {
            type Bytes = [u8; $bytes];

            fn decode(bytes: &[u8]) -> Result<InSubgroup<Self>, PointError> {
                InSubgroup::<Self>::from_bytes(bytes)
            }

            fn encode(point: &InSubgroup<Self>) -> Self::Bytes {
                point.to_bytes()
            }

            fn coordinates(point: &InSubgroup<Self>) -> impl Iterator<Item = Fq> {
                let coordinates: fn(&Self) -> _ = $coordinates;
                coordinates(point.affine()).into_iter()
            }

            fn decode_many(
                dispatcher: &Dispatcher,
                call: &Call,
                bytes: &[Self::Bytes],
            ) -> Result<Vec<Result<InSubgroup<Self>, PointError>>, Error> {
                dispatcher.$decode_many(call, bytes)
            }

            fn hash(
                dispatcher: &Dispatcher,
                call: &Call,
                messages: &[&[u8]],
                dst: &[u8],
            ) -> Result<Vec<InSubgroup<Self>>, Error> {
                dispatcher.$hash(call, messages, dst)
            }

            fn sum(
                dispatcher: &Dispatcher,
                call: &Call,
                points: &[InSubgroup<Self>],
                lists: &IndexLists,
            ) -> Result<Vec<InSubgroup<Self>>, Error> {
                let sums = dispatcher.$sum(call, InSubgroup::as_affine_slice(points), lists)?;
                // A sum of members is a member.
                Ok(sums.into_iter().map(InSubgroup::new_unchecked).collect())
            }

            fn mul(
                dispatcher: &Dispatcher,
                call: &Call,
                points: &[InSubgroup<Self>],
                scalars: &[Fr],
            ) -> Result<Vec<InSubgroup<Self>>, Error> {
                dispatcher.$mul(call, points, scalars)
            }

            fn msm(
                dispatcher: &Dispatcher,
                call: &Call,
                points: &[InSubgroup<Self>],
                scalars: &[Fr],
            ) -> Result<InSubgroup<Self>, Error> {
                dispatcher.$msm(call, points, scalars)
            }

            fn public(secret: &SecretKey) -> InSubgroup<Self> {
                secret::$public(secret)
            }

            fn sign(secret: &SecretKey, message: &[u8], dst: &[u8]) -> InSubgroup<Self> {
                secret::$sign(secret, message, dst)
            }
        }
    };
}

curve!(AffineE1, 48, |p| [p.x, p.y], decompress_g1, hash_to_g1, sum_g1, mul_g1, msm_g1, public_in_g1, sign_in_g1);
curve!(
    AffineE2,
    96,
    |p| [p.x.c0, p.x.c1, p.y.c0, p.y.c1],
    decompress_g2,
    hash_to_g2,
    sum_g2,
    mul_g2,
    msm_g2,
    public_in_g2,
    sign_in_g2
);
