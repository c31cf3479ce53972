//! Public keys and signatures: encodings of checked points.

use super::curve::Curve;
use super::secret::SecretKey;
use super::variant::Variant;
use crate::dispatcher::{Call, Dispatcher};
use crate::error::{Error, PointError};
use crate::point::InSubgroup;
use std::fmt;

/// A point of the keys' group.
pub(super) type KeyPoint<V> = InSubgroup<<V as Variant>::PublicKeyCurve>;
/// A point of the signatures' group.
pub(super) type SignaturePoint<V> = InSubgroup<<V as Variant>::SignatureCurve>;
/// A compressed public key.
type KeyBytes<V> = <<V as Variant>::PublicKeyCurve as Curve>::Bytes;
/// A compressed signature.
type SignatureBytes<V> = <<V as Variant>::SignatureCurve as Curve>::Bytes;

/// A public key that passed `KeyValidate` (draft-irtf-cfrg-bls-signature-05, section 2.5): on the curve, in the
/// subgroup of order r, not the identity. 48 bytes in [`MinPk`](super::MinPk), 96 in [`MinSig`](super::MinSig).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct PublicKey<V: Variant> {
    point: KeyPoint<V>,
}

impl<V: Variant> PublicKey<V> {
    /// Decodes the compressed encoding and validates the key, on the calling thread. Variable time.
    ///
    /// # Errors
    /// A [`PointError`] that names the first check that failed; the identity is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PointError> {
        Self::from_point(V::PublicKeyCurve::decode(bytes)?)
    }

    /// Decodes and validates many keys, with a verdict for each. Variable time.
    ///
    /// # Errors
    /// An [`Error`] of the call (cancelled). A bad encoding is a verdict, not an error.
    pub fn from_bytes_batch(
        dispatcher: &Dispatcher,
        call: &Call,
        bytes: &[KeyBytes<V>],
    ) -> Result<Vec<Result<Self, PointError>>, Error> {
        let points = V::PublicKeyCurve::decode_many(dispatcher, call, bytes)?;
        let key = |(point, bytes): (Result<KeyPoint<V>, _>, &KeyBytes<V>)| match Self::from_point(point?) {
            // Refusing is a negative verdict: blst has the last word, also about a device that says "identity".
            Err(PointError::Identity) => Self::from_bytes(bytes.as_ref()),
            verdict => verdict,
        };
        Ok(points.into_iter().zip(bytes).map(key).collect())
    }

    /// The key of a point of the subgroup.
    ///
    /// # Errors
    /// [`PointError::Identity`].
    pub fn from_point(point: InSubgroup<V::PublicKeyCurve>) -> Result<Self, PointError> {
        if point.is_identity() { Err(PointError::Identity) } else { Ok(Self { point }) }
    }

    /// The point.
    pub fn point(&self) -> InSubgroup<V::PublicKeyCurve> {
        self.point
    }

    /// The compressed encoding, an array of 48 or 96 bytes.
    pub fn to_bytes(&self) -> <V::PublicKeyCurve as Curve>::Bytes {
        V::PublicKeyCurve::encode(&self.point)
    }

    /// The key of a secret, which is never 0, so that its key is never the identity.
    pub(super) fn of_secret(secret: &SecretKey) -> Self {
        Self { point: V::PublicKeyCurve::public(secret) }
    }

    /// Views keys as points, without a copy.
    pub(super) fn points(keys: &[Self]) -> &[KeyPoint<V>] {
        // SAFETY: `PublicKey` is `repr(transparent)` over its point.
        unsafe { std::slice::from_raw_parts(keys.as_ptr().cast(), keys.len()) }
    }
}

/// A signature, an aggregate of signatures, or a proof of possession: a point of the subgroup, the identity included.
/// 96 bytes in [`MinPk`](super::MinPk), 48 in [`MinSig`](super::MinSig).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Signature<V: Variant> {
    point: SignaturePoint<V>,
}

impl<V: Variant> Signature<V> {
    /// Decodes the compressed encoding with curve and subgroup checks, on the calling thread. The identity is a
    /// signature, though no single key's signature verifies with it. Variable time.
    ///
    /// # Errors
    /// A [`PointError`] that names the first check that failed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PointError> {
        V::SignatureCurve::decode(bytes).map(Self::from_point)
    }

    /// Decodes many signatures, with a verdict for each. Variable time.
    ///
    /// # Errors
    /// An [`Error`] of the call (cancelled). A bad encoding is a verdict, not an error.
    pub fn from_bytes_batch(
        dispatcher: &Dispatcher,
        call: &Call,
        bytes: &[SignatureBytes<V>],
    ) -> Result<Vec<Result<Self, PointError>>, Error> {
        let points = V::SignatureCurve::decode_many(dispatcher, call, bytes)?;
        Ok(points.into_iter().map(|point| point.map(Self::from_point)).collect())
    }

    /// The signature that is this point.
    pub fn from_point(point: InSubgroup<V::SignatureCurve>) -> Self {
        Self { point }
    }

    /// The point.
    pub fn point(&self) -> InSubgroup<V::SignatureCurve> {
        self.point
    }

    /// The compressed encoding, an array of 96 or 48 bytes.
    pub fn to_bytes(&self) -> <V::SignatureCurve as Curve>::Bytes {
        V::SignatureCurve::encode(&self.point)
    }

    /// Views signatures as points, without a copy.
    pub(super) fn points(signatures: &[Self]) -> &[SignaturePoint<V>] {
        // SAFETY: `Signature` is `repr(transparent)` over its point.
        unsafe { std::slice::from_raw_parts(signatures.as_ptr().cast(), signatures.len()) }
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

macro_rules! print_as_hex {
    ($($name:ident),*) => { $(
        /// The compressed encoding in hexadecimal, without a prefix.
        impl<V: Variant> fmt::Display for $name<V> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, self.to_bytes().as_ref())
            }
        }

        impl<V: Variant> fmt::Debug for $name<V> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )* };
}

print_as_hex!(PublicKey, Signature);
