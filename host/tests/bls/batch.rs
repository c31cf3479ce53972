//! Batch verification: what a naive sum would let through, and exact verdicts when a batch fails.

use super::suite::for_both_variants;
use super::{call, dispatcher, identity, key, new_dispatcher, opposite, secret};
use arblast::backend::Op;
use arblast::bls::{BatchVerdict, Ciphersuite, MinPk, Signature, SignatureSet, Variant};

/// A valid set of `keys` keys from number `first` on.
fn set<V: Variant>(first: u32, keys: u32, message: &str) -> SignatureSet<'static, V> {
    let suite = Ciphersuite::<V>::POP;
    let (keys, signatures): (Vec<_>, Vec<_>) =
        (first..first + keys).map(|i| (key(i), suite.sign(&secret(i), message.as_bytes()))).unzip();
    let signature = suite.aggregate(dispatcher(), &call(), &signatures).unwrap();
    SignatureSet::new(message.as_bytes().to_vec(), keys, signature)
}

/// `count` valid sets of one key and a message of its own each.
fn singles<V: Variant>(count: u32) -> Vec<SignatureSet<'static, V>> {
    (0..count).map(|i| set(i, 1, &format!("message {i}"))).collect()
}

fn verify<V: Variant>(sets: &[SignatureSet<V>]) -> BatchVerdict {
    let verdict = Ciphersuite::POP.verify_batch(dispatcher(), &call(), sets).unwrap();
    assert_eq!(verdict.all_valid(), verdict.clone().verdicts(sets.len()).iter().all(|v| *v));
    verdict
}

/// Asserts that exactly the sets at `bad` are found invalid.
#[track_caller]
fn assert_bad<V: Variant>(sets: &[SignatureSet<V>], bad: &[usize]) {
    let expected: Vec<bool> = (0..sets.len()).map(|i| !bad.contains(&i)).collect();
    assert_eq!(verify(sets), BatchVerdict::Invalid(expected));
}

fn add<V: Variant>(a: Signature<V>, b: Signature<V>) -> Signature<V> {
    Ciphersuite::POP.aggregate(dispatcher(), &call(), &[a, b]).unwrap()
}

fn negate<V: Variant>(a: Signature<V>) -> Signature<V> {
    Signature::from_point(a.point().negate())
}

fn empty_and_one<V: Variant>() {
    assert_eq!(verify::<V>(&[]), BatchVerdict::AllValid);
    let mut one = singles::<V>(1);
    assert_eq!(verify(&one), BatchVerdict::AllValid);
    one[0].message = b"another".into();
    assert_bad(&one, &[0]);
}

fn valid_mixtures<V: Variant>() {
    // Repeated messages, below and above the count that gets an MSM of its own; repeated keys; many keys a set.
    let mut sets = singles::<V>(5);
    sets.extend((0..4).map(|i| set(i, 1 + i, "few")));
    sets.extend((0..11).map(|i| set(i, 1 + i % 3, "many")));
    sets.push(sets[0].clone());
    sets.push(SignatureSet::new(&b"twice"[..], vec![key(1); 2], {
        let signature = Ciphersuite::POP.sign(&secret(1), b"twice");
        add(signature, signature)
    }));
    assert_eq!(verify(&sets), BatchVerdict::AllValid);
    // The same with one bad set at each place.
    for bad in 0..sets.len() {
        let mut sets = sets.clone();
        sets[bad].signature = negate(sets[bad].signature);
        assert_bad(&sets, &[bad]);
    }
}

fn errors_that_cancel_in_a_plain_sum_are_found<V: Variant>() {
    let d = Ciphersuite::POP.sign(&secret(99), b"D");
    let mut sets = singles::<V>(6);
    sets[1].signature = add(sets[1].signature, d);
    sets[4].signature = add(sets[4].signature, negate(d));
    assert_bad(&sets, &[1, 4]);
    // Swapped signatures, with different messages and with the same message.
    let mut sets = singles::<V>(6);
    (sets[2].signature, sets[3].signature) = (sets[3].signature, sets[2].signature);
    assert_bad(&sets, &[2, 3]);
    let mut sets: Vec<_> = (0..9).map(|i| set::<V>(i, 1, "same")).collect();
    (sets[0].signature, sets[8].signature) = (sets[8].signature, sets[0].signature);
    assert_bad(&sets, &[0, 8]);
    // Three errors that sum to zero.
    let mut sets = singles::<V>(3);
    sets[0].signature = add(sets[0].signature, d);
    sets[1].signature = add(sets[1].signature, d);
    sets[2].signature = add(sets[2].signature, negate(add(d, d)));
    assert_bad(&sets, &[0, 1, 2]);
}

fn the_identity_makes_a_set_invalid_and_nothing_else<V: Variant>() {
    // Without keys, whatever the signature.
    let mut sets = singles::<V>(4);
    sets[2].keys.clear();
    assert_bad(&sets, &[2]);
    sets[2].signature = identity();
    assert_bad(&sets, &[2]);
    assert_bad(&sets[2..3], &[0]);
    // Keys that sum to the identity.
    sets[2].keys = vec![key(1), opposite(&key(1))];
    assert_bad(&sets, &[2]);
    assert_bad(&sets[2..3], &[0]);
    // Together with an ordinary bad set, and with no good one.
    sets[0].signature = identity();
    assert_bad(&sets, &[0, 2]);
    sets.remove(3);
    sets.remove(1);
    assert_bad(&sets, &[0, 1]);
    // Two sets with opposite keys and identity signatures on one message: each is invalid, though their sum holds.
    let opposed = [key::<V>(1), opposite(&key(1))].map(|key| SignatureSet::single(&b"m"[..], key, identity()));
    assert_bad(&opposed, &[0, 1]);
}

fn one_bad_in_a_hundred<V: Variant>() {
    let sets = singles::<V>(100);
    assert_eq!(verify(&sets), BatchVerdict::AllValid);
    for bad in [0, 37, 99] {
        let mut sets = sets.clone();
        sets[bad].signature = sets[(bad + 1) % 100].signature;
        assert_bad(&sets, &[bad]);
    }
    let mut sets = sets;
    sets.iter_mut().for_each(|set| set.signature = negate(set.signature));
    assert_bad(&sets, &(0..100).collect::<Vec<_>>());
}

fn a_seed_changes_no_verdict<V: Variant>() {
    let mut sets = singles::<V>(7);
    for bad in [None, Some(5)] {
        bad.into_iter().for_each(|bad: usize| sets[bad].signature = identity());
        let plain = verify(&sets);
        for seed in [[0; 32], [1; 32], [0; 32]] {
            let seeded = Ciphersuite::POP.verify_batch(dispatcher(), &call().seed(seed), &sets);
            assert_eq!(seeded.as_ref(), Ok(&plain));
        }
    }
}

for_both_variants!(
    empty_and_one,
    valid_mixtures,
    errors_that_cancel_in_a_plain_sum_are_found,
    the_identity_makes_a_set_invalid_and_nothing_else,
    one_bad_in_a_hundred,
    a_seed_changes_no_verdict,
);

/// Pairing products and pairs that a dispatcher computed, and messages it hashed.
fn work(sets: &[SignatureSet<MinPk>]) -> (u64, u64, u64) {
    let dispatcher = new_dispatcher();
    Ciphersuite::POP.verify_batch(&dispatcher, &call(), sets).unwrap();
    let stats = dispatcher.stats();
    let of = |op| stats.backends[0].operations.iter().find(|(o, _)| *o == op).map(|(_, s)| (s.operations, s.items));
    let ((products, pairs), (_, hashed)) = (of(Op::MillerLoop).unwrap(), of(Op::HashToG2).unwrap());
    (products, pairs, hashed)
}

#[test]
fn few_bad_sets_cost_about_log_n_checks_each() {
    let mut sets = singles::<MinPk>(64);
    assert_eq!(work(&sets), (1, 65, 64));
    sets[20].signature = identity();
    // Set 20 is in the third of eight parts, and the fifth in it; no message is hashed again.
    assert_eq!(work(&sets), (1 + 3 + 5, 65 + 3 * 9 + 5 * 2, 64));
    sets[50].signature = identity();
    // Set 50 is in the seventh part, and the third in it.
    assert_eq!(work(&sets), (1 + 7 + 5 + 3, 65 + 7 * 9 + (5 + 3) * 2, 64));
}
