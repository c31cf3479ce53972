//! The random weights of a linear combination of signature sets.

use super::curve::Curve;
use crate::dispatcher::Call;
use crate::error::Error;
use crate::point::InSubgroup;
use ark_bls12_381::Fr;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// What the weights of one batch depend on besides the call's randomness: every term of the equation.
///
/// The weights are a ChaCha20 stream under the key SHA-256(tag ‖ 32 fresh bytes ‖ terms). The fresh bytes are drawn
/// last, when the terms are fixed. Hashing the terms in as well separates the weights of two batches even where a
/// caller uses a seed twice, or an operating system repeats itself after a snapshot.
pub(super) struct Transcript(Sha256);

impl Transcript {
    /// Without terms. The fresh bytes come from the call's seed, or else from the operating system.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub(super) fn new(call: &Call) -> Result<Self, Error> {
        let mut fresh = [0; 32];
        call.rng()?.fill_bytes(&mut fresh);
        Ok(Self(Sha256::new_with_prefix(b"arblast signature batch weights").chain_update(fresh)))
    }

    /// Appends a point by its coordinates, as they lie in memory on a little-endian machine.
    pub(super) fn absorb<C: Curve>(&mut self, point: &InSubgroup<C>) {
        for coordinate in C::coordinates(point) {
            coordinate.0.0.iter().for_each(|limb| self.0.update(limb.to_le_bytes()));
        }
    }

    /// `count` weights, uniform in 1..2^64.
    pub(super) fn weights(self, count: usize) -> Vec<Fr> {
        let mut rng = ChaCha20Rng::from_seed(self.0.finalize().into());
        let mut weight = || {
            loop {
                let weight = rng.next_u64();
                if weight != 0 {
                    return Fr::from(weight);
                }
            }
        };
        (0..count).map(|_| weight()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Class;
    use crate::point::{G1, G2};

    fn weights(call: &Call, points: &[G1]) -> Vec<Fr> {
        let mut transcript = Transcript::new(call).unwrap();
        transcript.absorb(&G2::generator());
        points.iter().for_each(|point| transcript.absorb(point));
        transcript.weights(3)
    }

    #[test]
    fn a_seed_reproduces_the_weights_of_the_same_terms_only() {
        let (call, point) = (Call::new(Class::Job), G1::generator());
        let seeded = call.clone().seed([7; 32]);
        assert_eq!(weights(&seeded, &[point]), weights(&seeded, &[point]));
        assert_ne!(weights(&seeded, &[point]), weights(&seeded, &[point.negate()]));
        assert_ne!(weights(&seeded, &[point]), weights(&seeded, &[point, G1::identity()]));
        assert_ne!(weights(&seeded, &[point]), weights(&call.clone().seed([8; 32]), &[point]));
        assert_ne!(weights(&call, &[point]), weights(&call, &[point]));
    }

    #[test]
    fn weights_differ_are_not_zero_and_fill_64_bits() {
        use ark_ff::{BigInteger, PrimeField, Zero};
        let weights = Transcript::new(&Call::new(Class::Job)).unwrap().weights(1000);
        assert!(weights.iter().all(|w| !w.is_zero() && w.into_bigint().num_bits() <= 64));
        assert!(weights.iter().any(|w| w.into_bigint().num_bits() == 64));
        let distinct: std::collections::HashSet<_> = weights.iter().collect();
        assert_eq!(distinct.len(), weights.len());
    }
}
