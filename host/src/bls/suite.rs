//! Ciphersuites: signing and verifying under a domain separation tag.

use super::curve::Curve;
use super::keys::{KeyPoint, PublicKey, Signature, SignaturePoint};
use super::messages::Messages;
use super::secret::SecretKey;
use super::variant::Variant;
use crate::backend::IndexLists;
use crate::dispatcher::{Call, Dispatcher};
use crate::error::Error;
use crate::point::InSubgroup;
use std::borrow::Cow;
use std::marker::PhantomData;

/// A signature scheme: where keys and signatures live, and the domain separation tags (DST) that messages and proofs
/// of possession are hashed under. Draft-irtf-cfrg-bls-signature-05, section 4.
///
/// Every verification runs within [`Dispatcher::judge`]: the operations go to the backend the dispatcher picks, and
/// no signature is called invalid unless blst says so. An invalid signature is `Ok(false)`; verification is variable
/// time, as all its inputs are public. Keys must come with proofs of possession
/// ([`verify_possession`](Self::verify_possession)) wherever signatures of several keys are aggregated, or a rogue key
/// can cancel another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ciphersuite<V: Variant> {
    dst: Cow<'static, [u8]>,
    possession_dst: Cow<'static, [u8]>,
    variant: PhantomData<V>,
}

impl<V: Variant> Ciphersuite<V> {
    /// The proof-of-possession ciphersuite (section 4.2.3). For [`MinPk`](super::MinPk) it is Ethereum's,
    /// `BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_`.
    pub const POP: Self = Self {
        dst: Cow::Borrowed(V::SIGNATURE_DST),
        possession_dst: Cow::Borrowed(V::POSSESSION_DST),
        variant: PhantomData,
    };

    /// A ciphersuite with the caller's tag. Tags above 255 bytes are hashed first (RFC 9380, section 5.3.3).
    ///
    /// The tag of proofs of possession is the same with its prefix `BLS_SIG_` replaced by `BLS_POP_`, or with
    /// `BLS_POP_` before it if it has no such prefix; see [`with_possession_dst`](Self::with_possession_dst).
    ///
    /// # Errors
    /// [`Error::EmptyDst`].
    pub fn new(dst: impl Into<Cow<'static, [u8]>>) -> Result<Self, Error> {
        let dst = dst.into();
        if dst.is_empty() {
            return Err(Error::EmptyDst);
        }
        let name = dst.strip_prefix(b"BLS_SIG_").unwrap_or(&dst);
        let possession_dst = [b"BLS_POP_", name].concat().into();
        Ok(Self { dst, possession_dst, variant: PhantomData })
    }

    /// The ciphersuite with another tag for proofs of possession.
    ///
    /// # Errors
    /// [`Error::EmptyDst`]; [`Error::InvalidSetting`] if the tag is that of signatures, as then a signature of the
    /// bytes of a key would be a proof.
    pub fn with_possession_dst(mut self, dst: impl Into<Cow<'static, [u8]>>) -> Result<Self, Error> {
        let dst = dst.into();
        if dst.is_empty() {
            return Err(Error::EmptyDst);
        }
        if dst == self.dst {
            let got = String::from_utf8_lossy(&dst).into_owned();
            return Err(Error::InvalidSetting {
                what: "tag of proofs of possession",
                got,
                expected: "another tag than that of signatures",
            });
        }
        self.possession_dst = dst;
        Ok(self)
    }

    /// The tag that messages are hashed under.
    pub fn dst(&self) -> &[u8] {
        &self.dst
    }

    /// The tag that keys are hashed under in proofs of possession.
    pub fn possession_dst(&self) -> &[u8] {
        &self.possession_dst
    }

    /// The signature of a message (`CoreSign`, section 2.6), by blst on the calling thread. Constant time in the key.
    pub fn sign(&self, secret: &SecretKey, message: &[u8]) -> Signature<V> {
        Signature::from_point(V::SignatureCurve::sign(secret, message, &self.dst))
    }

    /// Whether the signature is that of the message under the key (`CoreVerify`, section 2.7).
    ///
    /// # Errors
    /// [`Error`] of the call only (cancelled).
    pub fn verify(
        &self,
        dispatcher: &Dispatcher,
        call: &Call,
        key: &PublicKey<V>,
        message: &[u8],
        signature: &Signature<V>,
    ) -> Result<bool, Error> {
        dispatcher.judge(call, |call| verify_one(dispatcher, call, key.point(), message, &self.dst, signature))
    }

    /// The sum of signatures (`Aggregate`, section 2.8).
    ///
    /// # Errors
    /// [`Error::Empty`] without signatures; [`Error`] of the call.
    pub fn aggregate(
        &self,
        dispatcher: &Dispatcher,
        call: &Call,
        signatures: &[Signature<V>],
    ) -> Result<Signature<V>, Error> {
        if signatures.is_empty() {
            return Err(Error::Empty { what: "signatures to aggregate" });
        }
        sum_all(dispatcher, call, Signature::points(signatures)).map(Signature::from_point)
    }

    /// Whether the signature is the aggregate of one signature for each key and message (`CoreAggregateVerify`,
    /// section 2.9). Messages may repeat, as the proof-of-possession scheme allows (section 3.3). Without any it is
    /// false.
    ///
    /// One multi-pairing of a pair for each distinct message and one for the signature.
    ///
    /// # Errors
    /// [`Error`] of the call only.
    pub fn aggregate_verify(
        &self,
        dispatcher: &Dispatcher,
        call: &Call,
        signed: &[(PublicKey<V>, &[u8])],
        signature: &Signature<V>,
    ) -> Result<bool, Error> {
        if signed.is_empty() {
            return Ok(false);
        }
        let messages = Messages::new(signed.iter().map(|(_, message)| *message));
        dispatcher.judge(call, |call| {
            let keys = signed.iter().map(|(key, _)| key.point()).collect();
            let keys = messages.sum(dispatcher, call, keys)?;
            let hashes = V::SignatureCurve::hash(dispatcher, call, messages.distinct(), &self.dst)?;
            product_is_one::<V>(dispatcher, call, &keys, &hashes, signature.point())
        })
    }

    /// Whether the signature is the aggregate of one signature of the message for each key (`FastAggregateVerify`,
    /// section 3.3.4). Without keys it is false, and for keys that sum to the identity too.
    ///
    /// # Errors
    /// [`Error`] of the call only.
    pub fn fast_aggregate_verify(
        &self,
        dispatcher: &Dispatcher,
        call: &Call,
        keys: &[PublicKey<V>],
        message: &[u8],
        signature: &Signature<V>,
    ) -> Result<bool, Error> {
        if keys.is_empty() {
            return Ok(false);
        }
        dispatcher.judge(call, |call| {
            let key = sum_all(dispatcher, call, PublicKey::points(keys))?;
            verify_one(dispatcher, call, key, message, &self.dst, signature)
        })
    }

    /// The proof that the caller knows the secret of its key (`PopProve`, section 3.3.2). Constant time in the key.
    pub fn prove_possession(&self, secret: &SecretKey) -> Signature<V> {
        let key = secret.public_key::<V>().to_bytes();
        Signature::from_point(V::SignatureCurve::sign(secret, key.as_ref(), &self.possession_dst))
    }

    /// Whether the proof shows possession of the key's secret (`PopVerify`, section 3.3.3).
    ///
    /// # Errors
    /// [`Error`] of the call only.
    pub fn verify_possession(
        &self,
        dispatcher: &Dispatcher,
        call: &Call,
        key: &PublicKey<V>,
        proof: &Signature<V>,
    ) -> Result<bool, Error> {
        let message = key.to_bytes();
        dispatcher.judge(call, |call| {
            verify_one(dispatcher, call, key.point(), message.as_ref(), &self.possession_dst, proof)
        })
    }
}

/// Whether e(key, hash(message)) = e(generator, signature), for a key that is not the identity.
fn verify_one<V: Variant>(
    dispatcher: &Dispatcher,
    call: &Call,
    key: KeyPoint<V>,
    message: &[u8],
    dst: &[u8],
    signature: &Signature<V>,
) -> Result<bool, Error> {
    if key.is_identity() {
        return Ok(false);
    }
    let hash = V::SignatureCurve::hash(dispatcher, call, &[message], dst)?;
    product_is_one::<V>(dispatcher, call, &[key], &hash, signature.point())
}

/// Whether Πᵢ e(keyᵢ, hashᵢ) · e(−generator, signature) = 1.
///
/// A hash is the identity with probability 2^-255, or by a fault; the answer is then false, and judged again by blst.
fn product_is_one<V: Variant>(
    dispatcher: &Dispatcher,
    call: &Call,
    keys: &[KeyPoint<V>],
    hashes: &[SignaturePoint<V>],
    signature: SignaturePoint<V>,
) -> Result<bool, Error> {
    if hashes.iter().any(InSubgroup::is_identity) {
        return Ok(false);
    }
    dispatcher.pairing_check(call, &pairs::<V>(keys, hashes.iter(), signature))
}

/// The pairs (keyᵢ, hashᵢ) and (−generator, signature).
pub(super) fn pairs<'a, V: Variant>(
    keys: &[KeyPoint<V>],
    hashes: impl Iterator<Item = &'a SignaturePoint<V>>,
    signature: SignaturePoint<V>,
) -> Vec<(crate::G1, crate::G2)> {
    let mut pairs = Vec::with_capacity(keys.len() + 1);
    pairs.extend(keys.iter().zip(hashes).map(|(key, hash)| V::pair(*key, *hash)));
    pairs.push(V::pair(InSubgroup::generator().negate(), signature));
    pairs
}

/// The sum of all points.
fn sum_all<C: Curve>(dispatcher: &Dispatcher, call: &Call, points: &[InSubgroup<C>]) -> Result<InSubgroup<C>, Error> {
    let sums = C::sum(dispatcher, call, points, &IndexLists::all(points.len()))?;
    Ok(sums.first().copied().unwrap_or(InSubgroup::identity()))
}
