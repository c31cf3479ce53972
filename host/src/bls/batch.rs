//! Batch verification of signature sets by a random linear combination.
//!
//! A set (m, keys, σ) is valid when e(K, H(m)) = e(g, σ) for K = Σ keys. For weights rᵢ drawn after all sets are
//! fixed, n valid sets satisfy
//!
//! ```text
//! Π over distinct m of e(Σ_{i signs m} rᵢKᵢ, H(m)) · e(−g, Σᵢ rᵢσᵢ) = 1
//! ```
//!
//! and a batch with an invalid set does with probability below 2^-63 for weights of 64 bits: the left side is
//! Πᵢ Dᵢ^rᵢ with Dᵢ = e(Kᵢ, H(mᵢ))·e(−g, σᵢ) in a group of prime order r, and for a Dⱼ ≠ 1 at most one value of rⱼ
//! makes the product 1.

use super::curve::Curve;
use super::keys::{KeyPoint, PublicKey, Signature, SignaturePoint};
use super::messages::Messages;
use super::suite::{Ciphersuite, pairs};
use super::variant::Variant;
use super::weights::Transcript;
use crate::backend::IndexLists;
use crate::dispatcher::{Call, Dispatcher};
use crate::error::Error;
use crate::point::InSubgroup;
use ark_bls12_381::{Bls12_381, Fr};
use ark_ec::pairing::PairingOutput;
use ark_ff::AdditiveGroup;
use std::borrow::Cow;
use std::cell::RefCell;

/// A message, the keys that signed it, and one signature or the aggregate of all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureSet<'a, V: Variant> {
    /// What was signed.
    pub message: Cow<'a, [u8]>,
    /// Who signed it: one key or many, repetitions allowed. Without a key the set is invalid.
    pub keys: Vec<PublicKey<V>>,
    /// The signature.
    pub signature: Signature<V>,
}

impl<'a, V: Variant> SignatureSet<'a, V> {
    /// A set of one key.
    pub fn single(message: impl Into<Cow<'a, [u8]>>, key: PublicKey<V>, signature: Signature<V>) -> Self {
        Self { message: message.into(), keys: vec![key], signature }
    }

    /// A set of one or many keys.
    pub fn new(message: impl Into<Cow<'a, [u8]>>, keys: Vec<PublicKey<V>>, signature: Signature<V>) -> Self {
        Self { message: message.into(), keys, signature }
    }
}

/// What a batch verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchVerdict {
    /// Every set is valid; an empty batch is.
    AllValid,
    /// For each set, whether it is valid; at least one is not.
    Invalid(Vec<bool>),
}

impl BatchVerdict {
    /// Whether every set is valid.
    pub fn all_valid(&self) -> bool {
        matches!(self, Self::AllValid)
    }

    /// A verdict for each of the batch's `sets` sets.
    pub fn verdicts(self, sets: usize) -> Vec<bool> {
        match self {
            Self::AllValid => vec![true; sets],
            Self::Invalid(verdicts) => verdicts,
        }
    }
}

impl<V: Variant> Ciphersuite<V> {
    /// Whether each set's signature is that of its message under the sum of its keys, for all sets at once; as
    /// [`fast_aggregate_verify`](Self::fast_aggregate_verify) on each, up to an error of 2^-63 towards "valid".
    ///
    /// A set without keys, or whose keys sum to the identity, is invalid (blst's rule for the point at infinity). When
    /// the batch fails, blst finds the invalid sets by division: one of them costs less than the batch did, few about
    /// log n checks each, and a set is called invalid only by its own exact equation.
    ///
    /// The weights are uniform, 64 bits each, from 32 bytes that are drawn from the operating system, or from the
    /// call's seed, after the sets are fixed, and from a hash of all terms. A seed makes the weights reproducible; it
    /// must be fresh and unknown to whoever made the sets. Variable time.
    ///
    /// # Errors
    /// [`Error::Randomness`], or [`Error`] of the call.
    pub fn verify_batch(
        &self,
        dispatcher: &Dispatcher,
        call: &Call,
        sets: &[SignatureSet<'_, V>],
    ) -> Result<BatchVerdict, Error> {
        let (batch, terms) = (Batch::new(sets), RefCell::new(None));
        let sound = dispatcher.judge(call, |call| {
            let mut latest = batch.terms(dispatcher, call, self.dst())?;
            latest.product = batch.product(dispatcher, call, &latest)?;
            let sound = latest.product == Some(PairingOutput::ZERO);
            terms.replace(Some(latest));
            Ok(sound)
        })?;
        // What is judged false was computed by blst alone, the latest terms included.
        let found = match terms.into_inner() {
            Some(terms) if !sound => batch.locate(dispatcher, &call.on_reference(), &terms)?,
            _ => vec![true; batch.len()],
        };
        let mut found = found.into_iter();
        // A set without keys is not in the batch.
        let verdicts: Vec<bool> = sets.iter().map(|set| !set.keys.is_empty() && found.next() == Some(true)).collect();
        Ok(if verdicts.iter().all(|valid| *valid) { BatchVerdict::AllValid } else { BatchVerdict::Invalid(verdicts) })
    }
}

/// The sets of a batch that have keys.
pub(super) struct Batch<'a, V: Variant> {
    pub(super) keys: Vec<&'a [PublicKey<V>]>,
    pub(super) messages: Messages<'a>,
    pub(super) signatures: Vec<SignaturePoint<V>>,
}

/// What the equation of a batch is made of.
pub(super) struct Terms<V: Variant> {
    /// For each set, the sum of its keys.
    pub(super) keys: Vec<KeyPoint<V>>,
    /// For each distinct message, its hash.
    pub(super) hashes: Vec<SignaturePoint<V>>,
    /// For each set, its weight.
    pub(super) weights: Vec<Fr>,
    /// The left side of the equation; `None` where a term of it is the identity, which no valid batch has.
    pub(super) product: Option<PairingOutput<Bls12_381>>,
}

/// For each distinct message, the combination of its keys and its hash, as they go into the product.
type Weighted<'t, V> = (Cow<'t, [KeyPoint<V>]>, Cow<'t, [SignaturePoint<V>]>);

/// From this many sets with one message on, their keys are combined by an MSM of their own. For 8 sets it takes half
/// the time of elementwise products and a sum on one thread, but only the latter use several threads at this size.
const MSM_FROM: usize = 8;

impl<'a, V: Variant> Batch<'a, V> {
    fn new(sets: &'a [SignatureSet<'_, V>]) -> Self {
        let live: Vec<_> = sets.iter().filter(|set| !set.keys.is_empty()).collect();
        Self {
            keys: live.iter().map(|set| set.keys.as_slice()).collect(),
            messages: Messages::new(live.iter().map(|set| set.message.as_ref())),
            signatures: live.iter().map(|set| set.signature.point()).collect(),
        }
    }

    /// The number of sets.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Sums each set's keys, hashes each distinct message, and then draws the weights.
    fn terms(&self, dispatcher: &Dispatcher, call: &Call, dst: &[u8]) -> Result<Terms<V>, Error> {
        let keys = self.key_sums(dispatcher, call)?;
        let hashes = V::SignatureCurve::hash(dispatcher, call, self.messages.distinct(), dst)?;
        let mut transcript = Transcript::new(call)?;
        for ((key, &message), signature) in keys.iter().zip(self.messages.of()).zip(&self.signatures) {
            transcript.absorb(key);
            transcript.absorb(&hashes[message]);
            transcript.absorb(signature);
        }
        Ok(Terms { keys, hashes, weights: transcript.weights(self.len()), product: None })
    }

    /// The sum of each set's keys.
    fn key_sums(&self, dispatcher: &Dispatcher, call: &Call) -> Result<Vec<KeyPoint<V>>, Error> {
        let mut sums: Vec<_> = self.keys.iter().map(|keys| keys[0].point()).collect();
        let several: Vec<usize> = (0..self.len()).filter(|&i| self.keys[i].len() > 1).collect();
        if several.is_empty() {
            return Ok(sums);
        }
        let (mut points, mut lists) = (Vec::new(), IndexLists::new());
        for &i in &several {
            let start = points.len() as u32;
            points.extend_from_slice(PublicKey::points(self.keys[i]));
            lists.push(start..points.len() as u32);
        }
        let found = V::PublicKeyCurve::sum(dispatcher, call, &points, &lists)?;
        several.into_iter().zip(found).for_each(|(i, sum)| sums[i] = sum);
        Ok(sums)
    }

    /// The left side of the equation of the whole batch.
    ///
    /// A hash is the identity with probability 2^-255 and a combination of keys with 2^-64, or by a fault: then, as
    /// for a set whose keys sum to the identity, there is no product, and blst looks at the sets.
    fn product(
        &self,
        dispatcher: &Dispatcher,
        call: &Call,
        terms: &Terms<V>,
    ) -> Result<Option<PairingOutput<Bls12_381>>, Error> {
        if terms.keys.iter().any(InSubgroup::is_identity) || terms.hashes.iter().any(InSubgroup::is_identity) {
            return Ok(None);
        }
        let (keys, hashes) = self.weighted(dispatcher, call, terms)?;
        if keys.iter().any(InSubgroup::is_identity) || hashes.iter().any(InSubgroup::is_identity) {
            return Ok(None);
        }
        let signature = V::SignatureCurve::msm(dispatcher, call, &self.signatures, &terms.weights)?;
        dispatcher.multi_pairing(call, &pairs::<V>(&keys, hashes.iter(), signature)).map(Some)
    }

    /// For each distinct message, Σ rᵢKᵢ over the sets that sign it, and H(m); where each message has one set, the
    /// weight goes to whichever of the two is in G1, where products cost less than half: e(rK, H) = e(K, rH).
    fn weighted<'t>(
        &self,
        dispatcher: &Dispatcher,
        call: &Call,
        terms: &'t Terms<V>,
    ) -> Result<Weighted<'t, V>, Error> {
        if self.messages.all_distinct() && !V::KEYS_IN_G1 {
            let hashes = V::SignatureCurve::mul(dispatcher, call, &terms.hashes, &terms.weights)?;
            return Ok((Cow::Borrowed(&terms.keys), Cow::Owned(hashes)));
        }
        let keys = match self.messages.all_distinct() {
            true => V::PublicKeyCurve::mul(dispatcher, call, &terms.keys, &terms.weights)?,
            false => self.combined_keys(dispatcher, call, terms)?,
        };
        Ok((Cow::Owned(keys), Cow::Borrowed(&terms.hashes)))
    }

    /// For each distinct message, Σ rᵢKᵢ over the sets that sign it.
    fn combined_keys(&self, dispatcher: &Dispatcher, call: &Call, terms: &Terms<V>) -> Result<Vec<KeyPoint<V>>, Error> {
        let positions = self.messages.positions();
        let mut combined = vec![InSubgroup::identity(); positions.len()];
        let (mut picked, mut lists, mut few) = (Vec::new(), IndexLists::new(), Vec::new());
        for (message, sets) in positions.iter().enumerate() {
            if sets.len() >= MSM_FROM {
                let (keys, weights) = terms.pick(sets);
                combined[message] = V::PublicKeyCurve::msm(dispatcher, call, &keys, &weights)?;
            } else {
                lists.push(picked.len() as u32..(picked.len() + sets.len()) as u32);
                picked.extend_from_slice(sets);
                few.push(message);
            }
        }
        let (keys, weights) = terms.pick(&picked);
        let products = V::PublicKeyCurve::mul(dispatcher, call, &keys, &weights)?;
        let sums = V::PublicKeyCurve::sum(dispatcher, call, &products, &lists)?;
        few.into_iter().zip(sums).for_each(|(message, sum)| combined[message] = sum);
        Ok(combined)
    }
}

impl<V: Variant> Terms<V> {
    /// The keys and weights of some sets.
    pub(super) fn pick(&self, sets: &[u32]) -> (Vec<KeyPoint<V>>, Vec<Fr>) {
        sets.iter().map(|&i| (self.keys[i as usize], self.weights[i as usize])).unzip()
    }
}
