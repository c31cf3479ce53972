//! The check of a block's aggregate, with and without what the mempool knows.

use crate::support::{dispatcher, secret};
use arblast_node::block::empty_signature;
use arblast_node::crypto::{self, Checker, Keys, Signature};
use arblast_node::transaction::{Address, Lane, Transaction};
use arblast_node::validation::{Verdict, check};
use commonware_cryptography::{Hasher as _, Sha256, sha256::Digest};

fn genesis() -> Digest {
    Sha256::hash(&[b"validation"])
}

fn transfer(sender: u8) -> Transaction {
    Transaction {
        sender: crypto::address(&secret("wallet", sender)),
        recipient: crypto::address(&secret("wallet", 0)),
        amount: 5,
        fee: 1,
        nonce: 0,
        lane: Lane::Standard,
    }
}

fn sign(transaction: &Transaction, sender: u8) -> Signature {
    crypto::sign(&secret("wallet", sender), &transaction.message(&genesis()))
}

/// Five transactions, their signatures, and the sum.
fn block() -> (Vec<Transaction>, Vec<Signature>, Vec<u8>) {
    let transactions: Vec<_> = (1..=5).map(transfer).collect();
    let signatures: Vec<_> = transactions.iter().zip(1..).map(|(transaction, n)| sign(transaction, n)).collect();
    let sum = Checker::new(dispatcher()).aggregate(&signatures).unwrap();
    (transactions, signatures, sum.to_bytes().to_vec())
}

fn verdict(transactions: &[Transaction], known: &[Option<Signature>], aggregate: &[u8]) -> Verdict {
    let seeds = [[1; 32], [2; 32]];
    check(&Checker::new(dispatcher()), &Keys::new(16), &genesis(), transactions, known, aggregate, seeds).unwrap()
}

fn first(count: usize, signatures: &[Signature]) -> Vec<Option<Signature>> {
    signatures.iter().enumerate().map(|(position, signature)| (position < count).then_some(*signature)).collect()
}

#[test]
fn a_wrong_aggregate_is_refused_whatever_is_known() {
    let (transactions, signatures, sum) = block();
    let mut changed = transactions.clone();
    changed[4].amount += 1;
    let foreign = sign(&transactions[0], 9).to_bytes();
    for known in 0..=5 {
        let known = first(known, &signatures);
        for (transactions, aggregate) in [
            (&transactions, &empty_signature()[..]),
            (&transactions, &foreign[..]),
            (&transactions, &[0; 96][..]),
            (&transactions, &sum[..95]),
        ] {
            assert!(!verdict(transactions, &known, aggregate).valid);
        }
    }
    // The mempool knows nothing of the changed one: it is another transaction.
    assert!(!verdict(&changed, &first(4, &signatures), &sum).valid);
    assert!(!verdict(&transactions[..4], &first(4, &signatures)[..4], &sum).valid, "one too few");
}

#[test]
fn what_is_known_is_not_checked_again() {
    let (transactions, signatures, sum) = block();
    for known in 0..=5 {
        let expected = Verdict { valid: true, known, checked: 5 - known };
        assert_eq!(verdict(&transactions, &first(known, &signatures), &sum), expected);
    }
}

#[test]
fn a_wrong_entry_in_the_mempool_does_not_refuse_a_good_block() {
    let (transactions, signatures, sum) = block();
    let mut known = first(5, &signatures);
    known[2] = Some(sign(&transactions[2], 9));
    assert_eq!(verdict(&transactions, &known, &sum), Verdict { valid: true, known: 0, checked: 5 });
    // Two wrong entries that cancel out leave the sum right: the aggregate is what counts.
    (known[2], known[3]) = (Some(signatures[3]), Some(signatures[2]));
    assert!(verdict(&transactions, &known, &sum).valid);
}

#[test]
fn no_transactions_need_the_identity() {
    let (_, _, sum) = block();
    assert!(verdict(&[], &[], &empty_signature()).valid);
    assert!(!verdict(&[], &[], &sum).valid);
}

#[test]
fn a_sender_that_is_no_key_is_refused() {
    let (mut transactions, signatures, sum) = block();
    transactions[1].sender = Address::new([0xff; 48]);
    assert!(!verdict(&transactions, &first(5, &signatures), &sum).valid);
}
