//! Signing, verifying, aggregating, proofs of possession.

use super::{call, dispatcher, hex, identity, key, opposite, secret};
use arblast::bls::{Ciphersuite, MinPk, MinSig, PublicKey, SecretKey, Signature, Variant};
use arblast::{CancelToken, Error};

/// Secret key, message and signature of Ethereum's `bls` test vectors (`sign`).
const ETHEREUM: [(&str, [u8; 32], &str); 2] = [
    (
        "47b8192d77bf871b62e87859d653922725724a5c031afeabc60bcef5ff665138",
        [0x56; 32],
        "af1390c3c47acdb37131a51216da683c509fce0e954328a59f93aebda7e4ff974ba208d9a4a2a2389f892a9d418d6184\
         18dd7f7a6bc7aa0da999a9d3a5b815bc085e14fd001f6a1948768a3f4afefc8b8240dda329f984cb345c6363272ba4fe",
    ),
    (
        "328388aff0d4a5b7dc9205abd374e7e98f3cd9f3418edb4eafda5fb16473d216",
        [0; 32],
        "948a7cb99f76d616c2c564ce9bf4a519f1bea6b0a624a02276443c245854219fabb8d4ce061d255af5330b078d538068\
         1751aa7053da2c98bae898edc218c75f07e24d8802a17cd1f6833b71e58f5eb5b94208b4d0bb3848cecb075ea21be115",
    ),
];

#[test]
fn signatures_are_ethereums() {
    for (secret, message, signature) in ETHEREUM {
        let secret = SecretKey::from_bytes(&hex::<32>(secret)).unwrap();
        let signed = Ciphersuite::<MinPk>::POP.sign(&secret, &message);
        assert_eq!(signed.to_bytes(), hex::<96>(signature));
    }
}

#[test]
fn tags_are_those_of_the_draft() {
    assert_eq!(Ciphersuite::<MinPk>::POP.dst(), b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_");
    assert_eq!(Ciphersuite::<MinPk>::POP.possession_dst(), b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_");
    assert_eq!(Ciphersuite::<MinSig>::POP.dst(), b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_");
    assert_eq!(Ciphersuite::<MinSig>::POP.possession_dst(), b"BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_");
    let own = Ciphersuite::<MinSig>::new(Ciphersuite::<MinSig>::POP.dst().to_vec()).unwrap();
    assert_eq!(own, Ciphersuite::POP);
    assert_eq!(Ciphersuite::<MinPk>::new(&b"mine"[..]).unwrap().possession_dst(), b"BLS_POP_mine");
    assert_eq!(Ciphersuite::<MinPk>::new(vec![]), Err(Error::EmptyDst));
    assert_eq!(Ciphersuite::<MinPk>::POP.with_possession_dst(vec![]), Err(Error::EmptyDst));
    let same = Ciphersuite::<MinPk>::POP.with_possession_dst(Ciphersuite::<MinPk>::POP.dst().to_vec());
    assert!(matches!(same, Err(Error::InvalidSetting { .. })));
}

fn verify<V: Variant>(key: &PublicKey<V>, message: &[u8], signature: &Signature<V>) -> bool {
    Ciphersuite::POP.verify(dispatcher(), &call(), key, message, signature).unwrap()
}

fn one_signature<V: Variant>() {
    let (suite, secret) = (Ciphersuite::<V>::POP, secret(1));
    let key = secret.public_key();
    for message in [&b""[..], b"message", &[0xa5; 5000]] {
        let signature = suite.sign(&secret, message);
        assert!(verify(&key, message, &signature));
        assert!(!verify(&key, b"another message", &signature));
        assert!(!verify(&super::key(2), message, &signature));
        assert!(!verify(&opposite(&key), message, &signature));
        assert!(!verify(&key, message, &Signature::from_point(signature.point().negate())));
        assert!(!verify(&key, message, &identity()));
        for dst in [&b"another tag"[..], &[7; 300]] {
            let other = Ciphersuite::<V>::new(dst.to_vec()).unwrap();
            assert!(!other.verify(dispatcher(), &call(), &key, message, &signature).unwrap());
            let signature = other.sign(&secret, message);
            assert!(other.verify(dispatcher(), &call(), &key, message, &signature).unwrap());
        }
    }
}

fn aggregates<V: Variant>() {
    let (suite, d, call) = (Ciphersuite::<V>::POP, dispatcher(), call());
    assert!(matches!(suite.aggregate(d, &call, &[]), Err(Error::Empty { .. })));
    assert_eq!(suite.aggregate(d, &call, &[identity()]), Ok(identity()));
    let messages: [&[u8]; 5] = [b"a", b"b", b"c", b"b", b""];
    let signed: Vec<_> = (0..5).map(|i| (key::<V>(i), messages[i as usize])).collect();
    let signatures: Vec<_> = (0..5).map(|i| suite.sign(&secret(i), messages[i as usize])).collect();
    let aggregate = suite.aggregate(d, &call, &signatures).unwrap();
    let verify = |signed: &[_], signature| suite.aggregate_verify(d, &call, signed, &signature).unwrap();
    assert!(verify(&signed, aggregate));
    assert!(verify(&signed[..1], signatures[0]));
    assert!(!verify(&signed[..4], aggregate));
    assert!(!verify(&signed, signatures[0]));
    assert!(!verify(&signed, identity()));
    assert!(!verify(&[], identity()));
    assert!(!verify(&[], aggregate));
    let mut swapped = signed.clone();
    (swapped[0].1, swapped[1].1) = (messages[1], messages[0]);
    assert!(!verify(&swapped, aggregate));
    // Opposite keys on one message cancel, as they do for blst: this is what proofs of possession are for.
    assert!(verify(&[(key(1), b"m"), (opposite(&key(1)), b"m")], identity()));
    assert!(!verify(&[(key(1), b"m"), (opposite(&key(1)), b"n")], identity()));
}

fn fast_aggregates<V: Variant>() {
    let (suite, d, call) = (Ciphersuite::<V>::POP, dispatcher(), call());
    let (keys, signatures): (Vec<_>, Vec<_>) =
        (0..9).map(|i| (key::<V>(i), suite.sign(&secret(i), b"message"))).unzip();
    let aggregate = suite.aggregate(d, &call, &signatures).unwrap();
    let verify = |keys: &[_], message: &[u8], signature| {
        suite.fast_aggregate_verify(d, &call, keys, message, &signature).unwrap()
    };
    assert!(verify(&keys, b"message", aggregate));
    assert!(!verify(&keys, b"another", aggregate));
    assert!(!verify(&keys[1..], b"message", aggregate));
    assert!(!verify(&keys, b"message", identity()));
    assert!(!verify(&[], b"message", aggregate));
    assert!(!verify(&[], b"message", identity()));
    // Keys may repeat.
    let twice = suite.aggregate(d, &call, &[signatures[0], signatures[0]]).unwrap();
    assert!(verify(&[keys[0], keys[0]], b"message", twice));
    assert!(!verify(&[keys[0], keys[0]], b"message", signatures[0]));
    // Keys that sum to the identity would verify the identity on every message.
    assert!(!verify(&[keys[0], opposite(&keys[0])], b"message", identity()));
}

fn possession<V: Variant>() {
    let (suite, d, call) = (Ciphersuite::<V>::POP, dispatcher(), call());
    let (secret, key) = (secret(1), key::<V>(1));
    let proof = suite.prove_possession(&secret);
    let verify = |key, proof| suite.verify_possession(d, &call, &key, &proof).unwrap();
    assert!(verify(key, proof));
    assert!(!verify(super::key(2), proof));
    assert!(!verify(key, identity()));
    // A signature of the key's bytes is no proof: the tags differ.
    assert!(!verify(key, suite.sign(&secret, key.to_bytes().as_ref())));
    assert!(!super::suite::verify(&key, key.to_bytes().as_ref(), &proof));
}

/// An attacker who registers K' = A − V, for A of a known secret a, signs for V + K' = A alone; what stops it is that
/// it can't prove possession of K'.
fn rogue_key<V: Variant>() {
    let (suite, d, call) = (Ciphersuite::<V>::POP, dispatcher(), call());
    let (victim, known) = (key::<V>(1), secret(2));
    let as_proof = |point| V::PublicKeyCurve::from(point);
    let difference = *known.public_key::<V>().point().affine() + *opposite(&victim).point().affine();
    let rogue = PublicKey::from_point(arblast::InSubgroup::new_unchecked(as_proof(difference))).unwrap();
    let forged = suite.sign(&known, b"message");
    assert!(suite.fast_aggregate_verify(d, &call, &[victim, rogue], b"message", &forged).unwrap());
    assert!(!suite.verify_possession(d, &call, &rogue, &suite.prove_possession(&known)).unwrap());
    assert!(!suite.verify_possession(d, &call, &rogue, &identity()).unwrap());
}

fn cancelled<V: Variant>() {
    let (suite, token) = (Ciphersuite::<V>::POP, CancelToken::new());
    token.cancel();
    let (call, signature) = (call().cancel_with(token), suite.sign(&secret(1), b""));
    assert_eq!(suite.verify(dispatcher(), &call, &key(1), b"", &signature), Err(Error::Cancelled));
}

macro_rules! for_both_variants {
    ($($property:ident),* $(,)?) => {
        mod min_pk { $(#[test] fn $property() { super::$property::<arblast::bls::MinPk>(); })* }
        mod min_sig { $(#[test] fn $property() { super::$property::<arblast::bls::MinSig>(); })* }
    };
}
pub(super) use for_both_variants;

for_both_variants!(one_signature, aggregates, fast_aggregates, possession, rogue_key, cancelled);
