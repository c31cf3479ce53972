//! Seeded inputs, and the edge cases that every backend sees.

use arblast::InSubgroup;
use ark_bls12_381::Fr;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, One, PrimeField, Zero};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// The seed of this run: `ARBLAST_TEST_SEED`, or a fixed one.
pub fn seed() -> u64 {
    std::env::var("ARBLAST_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x6172_626c_6173_7421)
}

/// A generator of inputs. Each use takes a `stream` of its own, so that one test's draws do not depend on another's.
pub struct Random(ChaCha20Rng);

impl Random {
    /// The stream of this run's seed with a name.
    pub fn new(stream: &str) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed().to_le_bytes());
        for (i, byte) in stream.bytes().enumerate() {
            key[8 + i % 24] = key[8 + i % 24].rotate_left(3) ^ byte;
        }
        Self(ChaCha20Rng::from_seed(key))
    }

    /// A uniform number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound as u64) as usize
    }

    /// Uniform bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A uniform element of any field of the curve.
    pub fn field<F: Field>(&mut self) -> F {
        let degree = F::extension_degree() as usize;
        let coordinates: Vec<F::BasePrimeField> =
            (0..degree).map(|_| F::BasePrimeField::from_le_bytes_mod_order(&self.bytes(64))).collect();
        F::from_base_prime_field_elems(coordinates).unwrap_or_else(F::zero)
    }

    /// A uniform member of the subgroup.
    pub fn member<P: AffineRepr<ScalarField = Fr>>(&mut self) -> InSubgroup<P> {
        InSubgroup::new_unchecked((P::generator() * self.field::<Fr>()).into_affine())
    }

    /// Distinct members, quickly: (a + i·d)·g for random a and d.
    pub fn members<P: AffineRepr<ScalarField = Fr>>(&mut self, count: usize) -> Vec<InSubgroup<P>> {
        let (start, step) = (P::generator() * self.field::<Fr>(), P::generator() * self.field::<Fr>());
        let points: Vec<P::Group> = std::iter::successors(Some(start), |p| Some(*p + step)).take(count).collect();
        P::Group::normalize_batch(&points).into_iter().map(InSubgroup::new_unchecked).collect()
    }

    /// Uniform scalars.
    pub fn scalars(&mut self, count: usize) -> Vec<Fr> {
        (0..count).map(|_| self.field()).collect()
    }
}

/// Scalars at the edges: 0, 1, small, r − 1, around the limbs and half of the order.
pub fn edge_scalars() -> Vec<Fr> {
    let limb = Fr::from(u64::MAX) + Fr::one();
    let half = Fr::from_bigint(Fr::MODULUS_MINUS_ONE_DIV_TWO).unwrap_or_else(Fr::zero);
    vec![
        Fr::zero(),
        Fr::one(),
        Fr::from(2),
        Fr::from(3),
        -Fr::one(),
        -Fr::from(2),
        Fr::from(u64::MAX),
        limb,
        limb * limb - Fr::one(),
        limb * limb,
        limb * limb * limb - Fr::one(),
        limb * limb * limb,
        half,
        half + Fr::one(),
        // The seed of the curve and its square, where endomorphisms split scalars.
        Fr::from(0xd201_0000_0001_0000u64),
        Fr::from(0xd201_0000_0001_0000u64).square(),
    ]
}

/// Members at the edges: the identity, g, −g, g again, 2g.
pub fn edge_members<P: AffineRepr>() -> Vec<InSubgroup<P>> {
    let g = P::generator();
    let two = (g.into_group() + g).into_affine();
    let minus = (-g.into_group()).into_affine();
    [P::zero(), g, minus, g, two].map(InSubgroup::new_unchecked).into()
}
