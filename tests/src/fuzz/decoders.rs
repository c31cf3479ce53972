//! Every decoder on arbitrary bytes: none panics, what decodes encodes back to the same bytes, one by one and in
//! batch agree, and arkworks agrees about what is a member.

use super::{call, dispatcher};
use arblast::bls::{MinPk, MinSig, PublicKey, SecretKey, Signature};
use arblast::{G1, G2, PointError};
use ark_bls12_381::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};

/// Decodes `data` as everything there is a decoder for.
///
/// # Panics
/// Where a decoder is wrong.
pub fn decoders(data: &[u8]) {
    keys_and_signatures(data);
    secrets(data);
    g1(data);
    g2(data);
}

/// The bytes as they are: any length but the right one is refused, and a key is never the identity.
fn keys_and_signatures(data: &[u8]) {
    macro_rules! check {
        ($what:ty, $point:ty) => {
            let point = <$point>::from_bytes(data);
            match <$what>::from_bytes(data) {
                Ok(decoded) => {
                    assert_eq!(decoded.to_bytes().as_slice(), data, "decoded bytes encode to others");
                    assert_eq!(Ok(decoded.point()), point);
                }
                Err(PointError::Identity) => assert!(point.is_ok_and(|p| p.is_identity())),
                Err(error) => assert_eq!(point, Err(error)),
            }
        };
    }
    check!(PublicKey::<MinPk>, G1);
    check!(PublicKey::<MinSig>, G2);
    check!(Signature::<MinPk>, G2);
    check!(Signature::<MinSig>, G1);
}

/// Secret keys from bytes, key material, seeds and paths.
fn secrets(data: &[u8]) {
    if let Ok(secret) = SecretKey::from_bytes(data) {
        assert_eq!(secret.to_bytes().as_slice(), data);
    }
    let (material, info) = data.split_at(data.len() / 2);
    assert_eq!(SecretKey::key_gen(material, info).is_ok(), material.len() >= 32 && info.len() <= 4096);
    match SecretKey::derive_master(data) {
        Ok(master) => {
            assert!(data.len() >= 32);
            if let Ok(path) = std::str::from_utf8(data)
                && data.len() < 100
            {
                let _ = master.derive_path(path);
            }
        }
        Err(_) => assert!(data.len() < 32),
    }
}

/// What arkworks decodes. It passes over stray bits beside the infinity flag, so that the encoding must also be the
/// one that it writes.
fn by_arkworks<P: AffineRepr + CanonicalDeserialize + CanonicalSerialize>(bytes: &[u8]) -> Option<P> {
    let point = P::deserialize_compressed(bytes).ok()?;
    let mut again = Vec::new();
    point.serialize_compressed(&mut again).ok()?;
    (again == bytes).then_some(point)
}

macro_rules! batch {
    ($name:ident, $point:ty, $affine:ty, $bytes:literal, $decompress:ident, $subgroup:ident) => {
        fn $name(data: &[u8]) {
            let (encoded, _) = data.as_chunks::<$bytes>();
            let verdicts = dispatcher().$decompress(&call(), encoded).expect("no cause for an error of the call");
            assert_eq!(verdicts.len(), encoded.len());
            for (bytes, verdict) in encoded.iter().zip(&verdicts) {
                assert_eq!(*verdict, <$point>::from_bytes(bytes), "a batch and a single decoding differ");
                assert_eq!(verdict.ok().map(|p| p.into_affine()), by_arkworks::<$affine>(bytes), "arkworks differs");
            }
            let points: Vec<$affine> = verdicts.iter().flatten().map(|p| p.into_affine()).collect();
            let members = dispatcher().$subgroup(&call(), &points).expect("no cause for an error of the call");
            assert!(members.iter().all(|m| *m), "a decoded point is no member");
        }
    };
}

batch!(g1, G1, G1Affine, 48, decompress_g1, subgroup_g1);
batch!(g2, G2, G2Affine, 96, decompress_g2, subgroup_g2);
