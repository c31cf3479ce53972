//! Secret keys: made, stored and used by blst's constant-time code, and wiped when dropped.
//!
//! No secret leaves the CPU, and no dispatched operation takes one.

use super::keys::PublicKey;
use super::variant::Variant;
use crate::error::Error;
use crate::layout::SameLayout;
use crate::point::{G1, G2, InSubgroup};
use ark_bls12_381::{G1Affine, G2Affine};
use blst::{blst_p1, blst_p2, blst_scalar};
use std::fmt;
use std::ptr::{null, null_mut};
use zeroize::Zeroizing;

/// An integer from 1 to r − 1 that signs. Not `Clone`, prints nothing of itself, and is wiped when dropped.
///
/// It lives on the heap, so that moving the key leaves no copy behind.
pub struct SecretKey(Box<blst_scalar>);

impl SecretKey {
    /// Length of the encoding in bytes.
    pub const BYTES: usize = 32;

    /// The least key material that a key is made from, in bytes.
    pub const LEAST_KEY_MATERIAL: usize = 32;

    /// The longest `key_info` that [`key_gen`](Self::key_gen) takes, in bytes. The draft sets no bound; blst holds it
    /// on the stack.
    pub const LONGEST_KEY_INFO: usize = 4096;

    /// `KeyGen` of draft-irtf-cfrg-bls-signature-05, section 2.3: a key from secret key material (at least 32 bytes,
    /// with at least 256 bits of entropy) and optional public information that separates keys.
    ///
    /// The salt is the draft's initial one, hashed (as in version 4, and as EIP-2333 fixes it). Constant time in the
    /// contents of `key_material`.
    ///
    /// # Errors
    /// [`Error::KeyMaterialTooShort`]; [`Error::KeyInfoTooLong`] above [`LONGEST_KEY_INFO`](Self::LONGEST_KEY_INFO).
    pub fn key_gen(key_material: &[u8], key_info: &[u8]) -> Result<Self, Error> {
        check_key_material(key_material)?;
        if key_info.len() > Self::LONGEST_KEY_INFO {
            return Err(Error::KeyInfoTooLong { got: key_info.len(), most: Self::LONGEST_KEY_INFO });
        }
        let mut key = Self::zero();
        // SAFETY: a valid destination; both inputs are passed with their lengths.
        unsafe {
            blst::blst_keygen(
                &mut *key.0,
                key_material.as_ptr(),
                key_material.len(),
                key_info.as_ptr(),
                key_info.len(),
            );
        }
        Ok(key)
    }

    /// Decodes 32 big-endian bytes. Constant time in their contents.
    ///
    /// # Errors
    /// [`Error::InvalidSecretKey`] for another length, for 0, and for r and above.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().map_err(|_| Error::InvalidSecretKey)?;
        let mut key = Self::zero();
        // SAFETY: a valid destination and 32 bytes to read.
        let valid = unsafe {
            blst::blst_scalar_from_bendian(&mut *key.0, bytes.as_ptr());
            blst::blst_sk_check(&*key.0)
        };
        if valid { Ok(key) } else { Err(Error::InvalidSecretKey) }
    }

    /// The 32 big-endian bytes, wiped when dropped. Constant time.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        // SAFETY: 32 bytes to write, a valid source.
        unsafe { blst::blst_bendian_from_scalar(bytes.as_mut_ptr(), &*self.0) };
        bytes
    }

    /// The public key: this integer times the generator. Constant time.
    pub fn public_key<V: Variant>(&self) -> PublicKey<V> {
        PublicKey::of_secret(self)
    }

    /// The master key of the tree of EIP-2333 (`derive_master_SK`). Constant time in the contents of the seed.
    ///
    /// # Errors
    /// [`Error::KeyMaterialTooShort`] for a seed below 32 bytes.
    pub fn derive_master(seed: &[u8]) -> Result<Self, Error> {
        check_key_material(seed)?;
        let mut key = Self::zero();
        // SAFETY: a valid destination; the seed is passed with its length.
        unsafe { blst::blst_derive_master_eip2333(&mut *key.0, seed.as_ptr(), seed.len()) };
        Ok(key)
    }

    /// Child `index` of this key in the tree of EIP-2333 (`derive_child_SK`). Every index is hardened. Constant time
    /// in the key.
    #[must_use]
    pub fn derive_child(&self, index: u32) -> Self {
        let mut key = Self::zero();
        // SAFETY: a valid destination and a valid source.
        unsafe { blst::blst_derive_child_eip2333(&mut *key.0, &*self.0, index) };
        key
    }

    fn zero() -> Self {
        Self(Box::default())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

fn check_key_material(bytes: &[u8]) -> Result<(), Error> {
    let (got, expected) = (bytes.len(), SecretKey::LEAST_KEY_MATERIAL);
    if got < expected { Err(Error::KeyMaterialTooShort { got, expected }) } else { Ok(()) }
}

macro_rules! secret_operations {
    ($public:ident, $sign:ident, $point:ty, $affine:ty, $projective:ty, $c_public:ident, $c_hash:ident,
     $c_sign:ident) => {
        /// secret·generator.
        pub(super) fn $public(secret: &SecretKey) -> $point {
            let mut out = Default::default();
            // SAFETY: a valid destination and a valid key; no encoding is asked for.
            unsafe { blst::$c_public(null_mut(), &mut out, &*secret.0) };
            InSubgroup::new_unchecked(<$affine>::from_blst(&out))
        }

        /// secret·hash(message), with the message hashed to the group under the tag.
        pub(super) fn $sign(secret: &SecretKey, message: &[u8], dst: &[u8]) -> $point {
            let (mut hash, mut out) = (<$projective>::default(), Default::default());
            // SAFETY: pointers with their lengths, no augmentation; no encoding is asked for.
            unsafe {
                blst::$c_hash(&mut hash, message.as_ptr(), message.len(), dst.as_ptr(), dst.len(), null(), 0);
                blst::$c_sign(null_mut(), &mut out, &hash, &*secret.0);
            }
            InSubgroup::new_unchecked(<$affine>::from_blst(&out))
        }
    };
}

// blst names its signing functions after the group of the key.
secret_operations!(
    public_in_g1,
    sign_in_g1,
    G1,
    G1Affine,
    blst_p1,
    blst_sk_to_pk2_in_g1,
    blst_hash_to_g1,
    blst_sign_pk2_in_g2
);
secret_operations!(
    public_in_g2,
    sign_in_g2,
    G2,
    G2Affine,
    blst_p2,
    blst_sk_to_pk2_in_g2,
    blst_hash_to_g2,
    blst_sign_pk2_in_g1
);
