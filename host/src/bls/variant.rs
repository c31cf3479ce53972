//! Which group holds the keys and which the signatures.

use super::curve::Curve;
use crate::layout::{AffineE1, AffineE2};
use crate::point::{G1, G2, InSubgroup};
use std::fmt::Debug;
use std::hash::Hash;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::MinPk {}
    impl Sealed for super::MinSig {}
}

/// One of the two ways to place keys and signatures in G1 and G2 (draft-irtf-cfrg-bls-signature-05, section 2.1).
///
/// Implemented by [`MinPk`] and [`MinSig`] only; everything in this module is written once, for both.
pub trait Variant: sealed::Sealed + Copy + Eq + Hash + Debug + Send + Sync + 'static {
    /// The affine point behind a public key.
    type PublicKeyCurve: Curve;
    /// The affine point behind a signature, and of hashed messages.
    type SignatureCurve: Curve;

    /// The domain separation tag of signatures in the proof-of-possession scheme (section 4.2.3).
    const SIGNATURE_DST: &'static [u8];
    /// The domain separation tag of proofs of possession (section 4.2.3).
    const POSSESSION_DST: &'static [u8];

    /// Whether keys are in G1, the cheaper group.
    #[doc(hidden)]
    const KEYS_IN_G1: bool;

    /// Puts a point of the keys' group and one of the signatures' group in the order that the pairing takes.
    #[doc(hidden)]
    fn pair(key: InSubgroup<Self::PublicKeyCurve>, signature: InSubgroup<Self::SignatureCurve>) -> (G1, G2);
}

/// Minimal public keys: keys of 48 bytes in G1, signatures of 96 bytes in G2. Ethereum's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MinPk {}

/// Minimal signatures: signatures of 48 bytes in G1, keys of 96 bytes in G2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MinSig {}

impl Variant for MinPk {
    type PublicKeyCurve = AffineE1;
    type SignatureCurve = AffineE2;

    const SIGNATURE_DST: &'static [u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
    const POSSESSION_DST: &'static [u8] = b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
    const KEYS_IN_G1: bool = true;

    fn pair(key: G1, signature: G2) -> (G1, G2) {
        (key, signature)
    }
}

impl Variant for MinSig {
    type PublicKeyCurve = AffineE2;
    type SignatureCurve = AffineE1;

    const SIGNATURE_DST: &'static [u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
    const POSSESSION_DST: &'static [u8] = b"BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
    const KEYS_IN_G1: bool = false;

    fn pair(key: G2, signature: G1) -> (G1, G2) {
        (signature, key)
    }
}
