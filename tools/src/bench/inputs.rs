//! Seeded random inputs: the same in each run, made quickly for any size.

use arblast::bls::{Ciphersuite, MinPk, PublicKey, SecretKey, Signature};
use arblast::{G1, G2, InSubgroup};
use ark_bls12_381::{Fq, Fr, G1Projective, G2Projective};
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::{BigInteger, PrimeField};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// A source of inputs.
pub(super) struct Inputs(ChaCha20Rng);

impl Inputs {
    pub(super) fn new() -> Self {
        Self(ChaCha20Rng::seed_from_u64(0x0061_7262_6c61_7374))
    }

    /// A uniform scalar.
    pub(super) fn scalar(&mut self) -> Fr {
        let mut wide = [0; 64];
        self.0.fill_bytes(&mut wide);
        Fr::from_le_bytes_mod_order(&wide)
    }

    /// Uniform elements of Fp.
    pub(super) fn fp(&mut self, count: usize) -> Vec<Fq> {
        let mut element = || {
            let mut wide = [0; 64];
            self.0.fill_bytes(&mut wide);
            Fq::from_le_bytes_mod_order(&wide)
        };
        (0..count).map(|_| element()).collect()
    }

    pub(super) fn scalars(&mut self, count: usize) -> Vec<Fr> {
        (0..count).map(|_| self.scalar()).collect()
    }

    /// Uniform numbers below 2^`bits`, `bits` a multiple of 8 and at most 248.
    pub(super) fn short_scalars(&mut self, count: usize, bits: usize) -> Vec<Fr> {
        let mut bytes = vec![0; bits / 8];
        let mut short = || {
            self.0.fill_bytes(&mut bytes);
            Fr::from_le_bytes_mod_order(&bytes)
        };
        (0..count).map(|_| short()).collect()
    }

    /// Uniform scalars, but for one in four that is 0 and one in four that is 1, in no order.
    pub(super) fn witness(&mut self, count: usize) -> Vec<Fr> {
        let mut entry = || match self.0.next_u64() % 4 {
            0 => Fr::from(0u64),
            1 => Fr::from(1u64),
            _ => self.scalar(),
        };
        (0..count).map(|_| entry()).collect()
    }

    /// Distinct points (a + i·d)·g for random a and d.
    pub(super) fn g1(&mut self, count: usize) -> Vec<G1> {
        let (start, step) = (G1Projective::generator() * self.scalar(), G1Projective::generator() * self.scalar());
        chain(start, step, count)
    }

    /// As [`g1`](Self::g1).
    pub(super) fn g2(&mut self, count: usize) -> Vec<G2> {
        let (start, step) = (G2Projective::generator() * self.scalar(), G2Projective::generator() * self.scalar());
        chain(start, step, count)
    }

    /// Messages of 32 bytes.
    pub(super) fn messages(&mut self, count: usize) -> Vec<[u8; 32]> {
        let mut message = || {
            let mut bytes = [0; 32];
            self.0.fill_bytes(&mut bytes);
            bytes
        };
        (0..count).map(|_| message()).collect()
    }

    /// Random bytes for a linear combination, 8 for each item, none zero.
    pub(super) fn weights(&mut self, count: usize) -> Vec<[u8; 8]> {
        (0..count).map(|_| (self.0.next_u64() | 1).to_le_bytes()).collect()
    }

    /// Signatures by distinct keys on distinct messages.
    pub(super) fn signed(&mut self, count: usize) -> Result<Vec<Signed>, arblast::Error> {
        let messages = self.messages(count);
        messages
            .into_iter()
            .map(|message| {
                let secret = secret(self.scalar())?;
                Ok(Signed { key: secret.public_key(), message, signature: suite().sign(&secret, &message) })
            })
            .collect()
    }

    /// Keys, a message, and the aggregate of all their signatures on it.
    pub(super) fn committee(&mut self, count: usize) -> Result<Committee, arblast::Error> {
        let (start, step) = (self.scalar(), self.scalar());
        let points: Vec<G1> = chain(G1Projective::generator() * start, G1Projective::generator() * step, count);
        let keys = points.into_iter().filter_map(|p| PublicKey::from_point(p).ok()).collect::<Vec<_>>();
        // Σ (a + i·d) for i below n, so that one signature stands for the aggregate of all.
        let n = Fr::from(count as u64);
        let total = start * n + step * Fr::from((count as u64).saturating_sub(1)) * n / Fr::from(2);
        let message = self.messages(1)[0];
        Ok(Committee { keys, message, signature: suite().sign(&secret(total)?, &message) })
    }
}

/// A signature with what it is about.
pub(super) struct Signed {
    pub key: PublicKey<MinPk>,
    pub message: [u8; 32],
    pub signature: Signature<MinPk>,
}

/// An aggregate signature with what it is about.
pub(super) struct Committee {
    pub keys: Vec<PublicKey<MinPk>>,
    pub message: [u8; 32],
    pub signature: Signature<MinPk>,
}

/// The ciphersuite of the signature benches.
pub(super) fn suite() -> Ciphersuite<MinPk> {
    Ciphersuite::<MinPk>::POP
}

fn secret(scalar: Fr) -> Result<SecretKey, arblast::Error> {
    SecretKey::from_bytes(&scalar.into_bigint().to_bytes_be())
}

fn chain<G: CurveGroup>(start: G, step: G, count: usize) -> Vec<InSubgroup<G::Affine>> {
    let step = step.into_affine();
    let points: Vec<G> = std::iter::successors(Some(start), |p| Some(*p + step)).take(count).collect();
    G::normalize_batch(&points).into_iter().map(InSubgroup::new_unchecked).collect()
}
