//! Finding the invalid sets of a batch that failed, by halving.
//!
//! With the batch's weights, the product over a range of sets is F(range) = Πᵢ Dᵢ^rᵢ, and F(whole) = F(left)·F(right):
//! one multi-pairing over the left half gives both. A range whose product is 1 is valid up to the error of the batch
//! itself; a single set's is exact, since rᵢ is not 0 mod r. One invalid set among n costs multi-pairings of
//! n, n/2, n/4, … pairs, and k of them at most k times that.

use super::batch::{Batch, Terms};
use super::curve::Curve;
use super::keys::{KeyPoint, SignaturePoint};
use super::suite::pairs;
use super::variant::Variant;
use crate::backend::IndexLists;
use crate::dispatcher::{Call, Dispatcher};
use crate::error::Error;
use ark_bls12_381::{Bls12_381, Fr};
use ark_ec::pairing::PairingOutput;
use ark_ff::AdditiveGroup;
use std::ops::Range;

impl<V: Variant> Batch<'_, V> {
    /// For each set, whether it is valid. `call` is one on blst alone, and so were the terms computed.
    pub(super) fn locate(&self, dispatcher: &Dispatcher, call: &Call, terms: &Terms<V>) -> Result<Vec<bool>, Error> {
        let mut verdicts = vec![false; self.len()];
        let suspects = Suspects::new(self, dispatcher, call, terms)?;
        let whole = 0..suspects.sets.len();
        let product = suspects.product(dispatcher, call, whole.clone())?;
        let mut open = vec![(whole, product)];
        while let Some((range, product)) = open.pop() {
            if product == PairingOutput::ZERO {
                suspects.sets[range].iter().for_each(|&set| verdicts[set as usize] = true);
            } else if range.len() > 1 {
                let middle = range.start + range.len() / 2;
                let left = suspects.product(dispatcher, call, range.start..middle)?;
                // arkworks writes the target group additively.
                open.push((middle..range.end, product - left));
                open.push((range.start..middle, left));
            }
        }
        Ok(verdicts)
    }
}

/// The sets whose keys do not sum to the identity, those with the same message next to each other.
struct Suspects<'a, V: Variant> {
    sets: Vec<u32>,
    /// Which hash each set's message has.
    messages: Vec<usize>,
    hashes: &'a [SignaturePoint<V>],
    /// rᵢKᵢ.
    keys: Vec<KeyPoint<V>>,
    signatures: Vec<SignaturePoint<V>>,
    weights: Vec<Fr>,
}

impl<'a, V: Variant> Suspects<'a, V> {
    fn new(batch: &Batch<'_, V>, dispatcher: &Dispatcher, call: &Call, terms: &'a Terms<V>) -> Result<Self, Error> {
        let message_of = |set: &u32| batch.messages.of()[*set as usize];
        let mut sets: Vec<u32> = (0..).take(batch.len()).filter(|&i| !terms.keys[i as usize].is_identity()).collect();
        sets.sort_by_key(message_of);
        let (keys, weights) = terms.pick(&sets);
        Ok(Self {
            messages: sets.iter().map(message_of).collect(),
            hashes: &terms.hashes,
            keys: V::PublicKeyCurve::mul(dispatcher, call, &keys, &weights)?,
            signatures: sets.iter().map(|&set| batch.signatures[set as usize]).collect(),
            weights,
            sets,
        })
    }

    /// Πᵢ Dᵢ^rᵢ over a range of the sets.
    fn product(
        &self,
        dispatcher: &Dispatcher,
        call: &Call,
        range: Range<usize>,
    ) -> Result<PairingOutput<Bls12_381>, Error> {
        let (signatures, weights) = (&self.signatures[range.clone()], &self.weights[range.clone()]);
        let signature = V::SignatureCurve::msm(dispatcher, call, signatures, weights)?;
        let runs: Vec<&[usize]> = self.messages[range.clone()].chunk_by(|a, b| a == b).collect();
        let hashes = runs.iter().map(|run| &self.hashes[run[0]]);
        let keys = &self.keys[range];
        if runs.len() == keys.len() {
            return dispatcher.multi_pairing(call, &pairs::<V>(keys, hashes, signature));
        }
        let mut lists = IndexLists::new();
        let mut start = 0;
        for run in &runs {
            lists.push(start..start + run.len() as u32);
            start += run.len() as u32;
        }
        let sums = V::PublicKeyCurve::sum(dispatcher, call, keys, &lists)?;
        dispatcher.multi_pairing(call, &pairs::<V>(&sums, hashes, signature))
    }
}
