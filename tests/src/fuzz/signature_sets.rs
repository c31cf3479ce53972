//! The verifier of signature sets on arbitrary sets: no keys, keys that cancel, repeated keys and messages, the
//! identity, other sets' signatures, garbage. Its verdicts are those of blst on each set alone.

use super::{call, dispatcher};
use arblast::bls::{Ciphersuite, MinPk, PublicKey, SecretKey, Signature, SignatureSet};
use arblast::{G1, G2};
use ark_bls12_381::G2Projective;
use ark_ec::CurveGroup;
use blst::{BLST_ERROR, min_pk};
use std::sync::OnceLock;

/// Signers, the last the negative of the first.
const SIGNERS: usize = 5;
/// Messages, the last empty.
const MESSAGES: usize = 4;
/// Sets of one batch, so that an execution stays short.
const SETS: usize = 6;

/// Keys and signatures made once.
struct Cast {
    keys: Vec<PublicKey<MinPk>>,
    messages: Vec<Vec<u8>>,
    /// By signer, then by message.
    signatures: Vec<Vec<Signature<MinPk>>>,
}

fn cast() -> &'static Cast {
    static CAST: OnceLock<Cast> = OnceLock::new();
    CAST.get_or_init(|| {
        let messages: Vec<Vec<u8>> = (0..MESSAGES).map(|i| vec![i as u8; (MESSAGES - 1 - i) * 20]).collect();
        let secret = |i: usize| SecretKey::key_gen(&[i as u8 + 1; 32], b"").expect("32 bytes suffice");
        let secrets: Vec<SecretKey> = (0..SIGNERS - 1).map(secret).collect();
        let sign = |s: &SecretKey| messages.iter().map(|m| Ciphersuite::<MinPk>::POP.sign(s, m)).collect::<Vec<_>>();
        let mut keys: Vec<_> = secrets.iter().map(SecretKey::public_key::<MinPk>).collect();
        let mut signatures: Vec<_> = secrets.iter().map(sign).collect();
        keys.push(PublicKey::from_point(keys[0].point().negate()).expect("not the identity"));
        signatures.push(signatures[0].iter().map(|s| Signature::from_point(s.point().negate())).collect());
        Cast { keys, messages, signatures }
    })
}

/// Reads numbers off the input; zeros at its end.
struct Script<'a>(std::slice::Iter<'a, u8>);

impl Script<'_> {
    fn below(&mut self, bound: usize) -> usize {
        self.0.next().map_or(0, |b| usize::from(*b) % bound)
    }
}

/// Reads sets off the input and verifies them, all at once and one by one.
///
/// # Panics
/// Where a verdict is not blst's.
pub fn signature_sets(data: &[u8]) {
    let mut script = Script(data.iter());
    let count = script.below(SETS + 1);
    let sets: Vec<SignatureSet<'_, MinPk>> = (0..count).map(|_| set(&mut script)).collect();
    let expected: Vec<bool> = sets.iter().map(by_blst).collect();
    let suite = Ciphersuite::<MinPk>::POP;
    let verdict = suite.verify_batch(dispatcher(), &call(), &sets).expect("no cause for an error of the call");
    assert_eq!(verdict.all_valid(), expected.iter().all(|v| *v), "{sets:?}");
    assert_eq!(verdict.verdicts(count), expected, "{sets:?}");
    if let Some(set) = sets.first() {
        let alone = suite.fast_aggregate_verify(dispatcher(), &call(), &set.keys, &set.message, &set.signature);
        assert_eq!(alone, Ok(expected[0]), "{set:?}");
    }
}

fn set(script: &mut Script<'_>) -> SignatureSet<'static, MinPk> {
    let cast = cast();
    let signers: Vec<usize> = (0..script.below(5)).map(|_| script.below(SIGNERS)).collect();
    let message = script.below(MESSAGES);
    let signature = match script.below(8) {
        // The right signature, so that valid sets are common.
        0..=3 => aggregate(signers.iter().map(|s| cast.signatures[*s][message])),
        4 => Signature::from_point(G2::identity()),
        5 => cast.signatures[script.below(SIGNERS)][script.below(MESSAGES)],
        // The right one and one more.
        6 => {
            let more = cast.signatures[script.below(SIGNERS)][message];
            aggregate(signers.iter().map(|s| cast.signatures[*s][message]).chain([more]))
        }
        _ => {
            let mut bytes = cast.signatures[0][message].to_bytes();
            let place = script.below(96);
            bytes[place] ^= script.below(256) as u8;
            Signature::from_bytes(&bytes).unwrap_or(Signature::from_point(G2::generator()))
        }
    };
    let keys = signers.iter().map(|s| cast.keys[*s]).collect();
    SignatureSet::new(cast.messages[message].as_slice(), keys, signature)
}

fn aggregate(signatures: impl Iterator<Item = Signature<MinPk>>) -> Signature<MinPk> {
    let sum: G2Projective = signatures.map(|s| G2Projective::from(s.point().into_affine())).sum();
    Signature::from_point(G2::new_unchecked(sum.into_affine()))
}

/// blst's verdict on one set: `fast_aggregate_verify`, with its rules for no keys and for the point at infinity.
fn by_blst(set: &SignatureSet<'_, MinPk>) -> bool {
    let key = |key: &PublicKey<MinPk>| {
        let bytes = G1::to_bytes(&key.point());
        min_pk::PublicKey::from_bytes(&bytes).expect("our own encoding")
    };
    let keys: Vec<min_pk::PublicKey> = set.keys.iter().map(key).collect();
    let keys: Vec<&min_pk::PublicKey> = keys.iter().collect();
    let signature = min_pk::Signature::from_bytes(&set.signature.to_bytes()).expect("our own encoding");
    if keys.is_empty() {
        return false;
    }
    let dst = Ciphersuite::<MinPk>::POP;
    signature.fast_aggregate_verify(true, &set.message, dst.dst(), &keys) == BLST_ERROR::BLST_SUCCESS
}
