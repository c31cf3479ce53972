//! Tests of the mempool's core, adversarial inputs first.

use super::*;
use crate::crypto;
use crate::ledger::Account;
use crate::transaction::Malformed;
use commonware_utils::sequence::FixedBytes;

const LIMITS: Limits = Limits {
    base_fee: 1,
    waiting_bytes: 8 * SignedTransaction::SIZE,
    ready_bytes: 6 * Transaction::SIZE,
    per_sender: 4,
};

fn rich() -> Account {
    Account::with_balance(1_000_000)
}

fn transfer(sender: u8, nonce: u64, fee: u64, lane: Lane) -> SignedTransaction {
    let (sender, recipient) = (Address::new([sender; 48]), Address::new([99; 48]));
    let transaction = Transaction { sender, recipient, amount: 1, fee, nonce, lane };
    SignedTransaction { transaction, signature: FixedBytes::new([7; 96]) }
}

/// A point that stands for a checked signature; the pool never looks inside.
fn good() -> Signature {
    let secret = crypto::SecretKey::key_gen(&[1; 32], b"").unwrap();
    crypto::sign(&secret, b"")
}

/// Offers, checks and settles one transaction whose signature is good.
fn add(pool: &mut Pool, signed: SignedTransaction) -> Result<(), Shed> {
    pool.offer(signed, rich(), true)?;
    let waiting = pool.take(1).pop().unwrap();
    pool.settle(waiting, Some(good()))
}

fn picked(pool: &Pool, total: u32) -> Vec<(u8, u64)> {
    let candidates = pool.candidates(Shares::new(total), &NextNonces::new());
    candidates.iter().map(|candidate| (candidate.transaction.sender[0], candidate.transaction.nonce)).collect()
}

/// What must hold between any two calls.
fn consistent(pool: &Pool) {
    for lane in Lane::ALL {
        let ready: usize = pool.senders.values().map(|sender| sender.ready[lane.index()].len()).sum();
        assert_eq!(ready, pool.fees[lane.index()].len());
        assert!(ready * Transaction::SIZE <= pool.limits.ready_bytes);
    }
    assert_eq!(pool.ready(), pool.fees.iter().map(Fees::len).sum::<usize>());
    for sender in pool.senders.values() {
        let ready: usize = sender.ready.iter().map(BTreeMap::len).sum();
        assert_eq!(sender.present, ready + sender.waiting.iter().sum::<usize>());
        assert!(sender.present > 0);
    }
}

#[test]
fn sheds_before_any_signature_is_checked() {
    let mut pool = Pool::new(LIMITS);
    let account = Account { balance: 10, nonces: [5, 0] };
    let standard = Lane::Standard;
    let cases = [
        (transfer(1, 5, 0, standard), Shed::Malformed(Malformed::Fee { lane: standard, got: 0, expected: 1 })),
        (
            transfer(1, 0, 3, Lane::Priority),
            Shed::Malformed(Malformed::Fee { lane: Lane::Priority, got: 3, expected: 4 }),
        ),
        (transfer(1, 4, 1, standard), Shed::Spent { got: 4, expected: 5 }),
        (transfer(1, 9, 1, standard), Shed::Ahead { got: 9, limit: 9 }),
        (transfer(1, u64::MAX, 1, standard), Shed::Ahead { got: u64::MAX, limit: 9 }),
        (transfer(1, 5, 10, standard), Shed::Unaffordable { cost: 11, balance: 10 }),
    ];
    for (signed, expected) in cases {
        assert_eq!(pool.offer(signed, account, false), Err(expected));
    }
    assert_eq!((pool.waiting(), pool.senders.len(), pool.contents.len()), (0, 0, 0));
    consistent(&pool);
}

#[test]
fn a_forged_copy_neither_hides_nor_displaces_the_honest_one() {
    let mut pool = Pool::new(LIMITS);
    let honest = transfer(1, 0, 5, Lane::Standard);
    let forged = SignedTransaction { signature: FixedBytes::new([8; 96]), ..honest.clone() };
    pool.offer(forged.clone(), rich(), false).unwrap();
    assert_eq!(pool.offer(forged, rich(), false), Err(Shed::Known));
    pool.offer(honest.clone(), rich(), false).unwrap();
    for waiting in pool.take(8) {
        let signature = (waiting.signed == honest).then(good);
        let expected = if signature.is_some() { Ok(()) } else { Err(Shed::Signature) };
        assert_eq!(pool.settle(waiting, signature), expected);
        consistent(&pool);
    }
    assert_eq!(picked(&pool, 8), [(1, 0)]);
    // A forged replacement at a higher fee leaves the checked one where it is.
    pool.offer(transfer(1, 0, 50, Lane::Standard), rich(), false).unwrap();
    assert_eq!(picked(&pool, 8), [(1, 0)]);
    let waiting = pool.take(8).pop().unwrap();
    assert_eq!(pool.settle(waiting, None), Err(Shed::Signature));
    assert_eq!(pool.candidates(Shares::new(8), &NextNonces::new())[0].transaction.fee, 5);
    consistent(&pool);
}

#[test]
fn a_replacement_pays_a_tenth_more() {
    let mut pool = Pool::new(LIMITS);
    add(&mut pool, transfer(1, 0, 100, Lane::Standard)).unwrap();
    assert_eq!(add(&mut pool, transfer(1, 0, 100, Lane::Standard)), Err(Shed::Known));
    let underpriced = Err(Shed::Underpriced { got: 109, expected: 110 });
    assert_eq!(add(&mut pool, transfer(1, 0, 109, Lane::Standard)), underpriced);
    add(&mut pool, transfer(1, 0, 110, Lane::Standard)).unwrap();
    assert_eq!(pool.ready(), 1);
    assert_eq!(replacement_fee(1), 2);
    assert_eq!(replacement_fee(u64::MAX), u64::MAX);
    consistent(&pool);
}

#[test]
fn a_full_lane_evicts_by_fee_and_leaves_the_other_lane_alone() {
    let mut pool = Pool::new(LIMITS);
    add(&mut pool, transfer(9, 0, 4, Lane::Priority)).unwrap();
    for sender in 0..6 {
        add(&mut pool, transfer(sender, 0, 10 + u64::from(sender), Lane::Standard)).unwrap();
    }
    assert_eq!(add(&mut pool, transfer(7, 0, 10, Lane::Standard)), Err(Shed::LaneFull { got: 10 }));
    add(&mut pool, transfer(7, 0, 11, Lane::Standard)).unwrap();
    assert!(pool.signature(&transfer(0, 0, 10, Lane::Standard).transaction.id()).is_none(), "the lowest fee went");
    assert!(pool.signature(&transfer(9, 0, 4, Lane::Priority).transaction.id()).is_some());
    consistent(&pool);
}

#[test]
fn an_eviction_takes_later_nonces_along_and_never_its_own_base() {
    let mut pool = Pool::new(LIMITS);
    for (nonce, fee) in [(0, 10), (1, 90), (2, 90)] {
        add(&mut pool, transfer(1, nonce, fee, Lane::Standard)).unwrap();
    }
    for sender in 2..5 {
        add(&mut pool, transfer(sender, 0, 50, Lane::Standard)).unwrap();
    }
    // The newcomer builds on the cheapest one: without it, it would be useless.
    assert_eq!(add(&mut pool, transfer(1, 3, 99, Lane::Standard)), Err(Shed::LaneFull { got: 99 }));
    add(&mut pool, transfer(6, 0, 60, Lane::Standard)).unwrap();
    assert_eq!(picked(&pool, 32), [(6, 0), (2, 0), (3, 0), (4, 0)]);
    consistent(&pool);
}

#[test]
fn a_sender_has_a_bound_in_each_lane() {
    let mut pool = Pool::new(LIMITS);
    for nonce in 0..4 {
        add(&mut pool, transfer(1, nonce, 5, Lane::Standard)).unwrap();
    }
    assert_eq!(add(&mut pool, transfer(1, 4, 5, Lane::Standard)), Err(Shed::Ahead { got: 4, limit: 4 }));
    add(&mut pool, transfer(1, 3, 50, Lane::Standard)).unwrap();
    pool.offer(transfer(1, 3, 60, Lane::Standard), rich(), false).unwrap();
    assert_eq!(pool.offer(transfer(1, 3, 70, Lane::Standard), rich(), false), Err(Shed::SenderFull(5)));
    add(&mut pool, transfer(1, 0, 5, Lane::Priority)).unwrap();
    consistent(&pool);
}

#[test]
fn the_waiting_room_is_bounded_and_keeps_the_best() {
    let mut pool = Pool::new(LIMITS);
    for sender in 0..8 {
        pool.offer(transfer(sender, 0, 10, Lane::Standard), rich(), false).unwrap();
    }
    assert_eq!(pool.offer(transfer(20, 0, 10, Lane::Standard), rich(), false), Err(Shed::LaneFull { got: 10 }));
    pool.offer(transfer(21, 0, 11, Lane::Standard), rich(), false).unwrap();
    assert_eq!(pool.waiting(), 8);
    consistent(&pool);
    let first = pool.take(1).pop().unwrap();
    assert_eq!(first.signed.transaction.sender[0], 21);
    pool.settle(first, None).unwrap_err();
    consistent(&pool);
}

#[test]
fn blocks_take_their_shares_in_nonce_order() {
    let limits = Limits { ready_bytes: 100 * Transaction::SIZE, waiting_bytes: 1 << 16, per_sender: 16, ..LIMITS };
    let mut pool = Pool::new(limits);
    for nonce in 0..8 {
        // Later nonces pay more and must still wait for the earlier ones.
        add(&mut pool, transfer(1, nonce, 10 + nonce, Lane::Standard)).unwrap();
        add(&mut pool, transfer(2, nonce, 40 - nonce, Lane::Priority)).unwrap();
    }
    let chosen = picked(&pool, 8);
    assert_eq!(chosen, [(2, 0), (2, 1), (2, 2), (2, 3), (2, 4), (2, 5), (1, 0), (1, 1)], "6 priority, 2 standard");
    // What a block on the way has used is skipped.
    let spent = NextNonces::from([((Lane::Standard, Address::new([1; 48])), 3)]);
    let candidates = pool.candidates(Shares::new(8), &spent);
    let standard: Vec<_> = candidates.iter().filter(|candidate| candidate.transaction.lane == Lane::Standard).collect();
    assert_eq!(standard[0].transaction.nonce, 3);
    // A gap stops a sender.
    let mut gapped = Pool::new(limits);
    add(&mut gapped, transfer(1, 1, 10, Lane::Standard)).unwrap();
    assert!(picked(&gapped, 8).is_empty());
    consistent(&pool);
}

#[test]
fn promises_beyond_the_balance_take_no_space() {
    let mut pool = Pool::new(LIMITS);
    let account = Account::with_balance(10);
    for (nonce, lane) in [(0, Lane::Priority), (0, Lane::Standard), (1, Lane::Standard)] {
        pool.offer(transfer(1, nonce, 4, lane), account, true).unwrap();
        let waiting = pool.take(1).pop().unwrap();
        pool.settle(waiting, Some(good())).unwrap();
    }
    add(&mut pool, transfer(2, 0, 1, Lane::Standard)).unwrap();
    // Each costs 5: two fit into a balance of 10, the third does not, and the other sender comes after them.
    assert_eq!(picked(&pool, 16), [(1, 0), (1, 0), (2, 0)]);
}

#[test]
fn finality_clears_what_it_spent() {
    let mut pool = Pool::new(LIMITS);
    for nonce in 0..3 {
        add(&mut pool, transfer(1, nonce, 5, Lane::Standard)).unwrap();
    }
    let copy = SignedTransaction { signature: FixedBytes::new([9; 96]), ..transfer(1, 3, 5, Lane::Standard) };
    pool.offer(copy, rich(), false).unwrap();
    pool.verified(1, [transfer(1, 3, 5, Lane::Standard).transaction.id()]);
    assert!(pool.take(8).is_empty(), "a transaction of a verified block is not checked again");
    let after = |standard| HashMap::from([(Address::new([1; 48]), Account { balance: 5, nonces: [standard, 0] })]);
    pool.finalized(1, &after(2));
    assert_eq!((pool.ready(), pool.waiting()), (1, 1));
    consistent(&pool);
    pool.finalized(2, &after(4));
    assert_eq!((pool.ready(), pool.waiting(), pool.senders.len(), pool.contents.len()), (0, 0, 0, 0));
    assert!(pool.in_blocks.is_empty());
    consistent(&pool);
}

#[test]
fn a_check_that_ends_after_finality_adds_nothing() {
    let mut pool = Pool::new(LIMITS);
    pool.offer(transfer(1, 0, 5, Lane::Standard), rich(), false).unwrap();
    let waiting = pool.take(1).pop().unwrap();
    pool.finalized(1, &HashMap::from([(Address::new([1; 48]), Account { balance: 5, nonces: [1, 0] })]));
    assert_eq!(pool.settle(waiting, Some(good())), Err(Shed::Spent { got: 0, expected: 1 }));
    assert_eq!((pool.ready(), pool.senders.len()), (0, 0));
}

#[test]
fn every_watcher_hears_once_what_became_of_its_transaction() {
    let mut pool = Pool::new(LIMITS);
    let watched = |pool: &mut Pool, signed: &SignedTransaction| {
        let (watcher, mut outcome) = oneshot::channel();
        let back = pool.watch(signed, watcher);
        (back.is_none(), move || outcome.try_recv())
    };
    // Settled well and badly, by two clients who sent the same.
    let first = transfer(1, 0, 5, Lane::Standard);
    assert!(!watched(&mut pool, &first).0, "nothing waits yet");
    pool.offer(first.clone(), rich(), true).unwrap();
    let ((_, mut one), (_, mut two)) = (watched(&mut pool, &first), watched(&mut pool, &first));
    assert!(one().is_err(), "not yet");
    let waiting = pool.take(1).pop().unwrap();
    pool.settle(waiting, Some(good())).unwrap();
    assert_eq!((one(), two()), (Ok(Ok(())), Ok(Ok(()))));
    let forged = transfer(2, 0, 5, Lane::Standard);
    pool.offer(forged.clone(), rich(), true).unwrap();
    let (_, mut outcome) = watched(&mut pool, &forged);
    let waiting = pool.take(1).pop().unwrap();
    let taken = pool.watchers(&waiting);
    pool.settle(waiting, None).unwrap_err();
    assert!(outcome().is_err(), "who takes the watchers tells them");
    for watcher in taken {
        watcher.send(Err(Shed::Signature)).unwrap();
    }
    assert_eq!(outcome(), Ok(Err(Shed::Signature)));
    let unlucky = transfer(2, 1, 5, Lane::Standard);
    pool.offer(unlucky.clone(), rich(), true).unwrap();
    let (_, mut outcome) = watched(&mut pool, &unlucky);
    let waiting = pool.take(1).pop().unwrap();
    pool.give_up(&waiting);
    assert_eq!(outcome(), Ok(Err(Shed::Unchecked)));
    consistent(&pool);
    // Displaced.
    let cheap = transfer(3, 0, 2, Lane::Standard);
    pool.offer(cheap.clone(), rich(), true).unwrap();
    let (_, mut outcome) = watched(&mut pool, &cheap);
    for sender in 10..18 {
        pool.offer(transfer(sender, 0, 9, Lane::Standard), rich(), true).unwrap();
    }
    assert_eq!(outcome(), Ok(Err(Shed::LaneFull { got: 2 })));
    // Overtaken by a final block: one that holds it, and one that holds another with its nonce.
    let mut pool = Pool::new(LIMITS);
    let (included, overtaken) = (transfer(1, 0, 5, Lane::Standard), transfer(2, 0, 5, Lane::Standard));
    for signed in [&included, &overtaken] {
        pool.offer(signed.clone(), rich(), true).unwrap();
    }
    let ((_, mut one), (_, mut two)) = (watched(&mut pool, &included), watched(&mut pool, &overtaken));
    pool.verified(1, [included.transaction.id()]);
    let spent = |sender| (Address::new([sender; 48]), Account { balance: 5, nonces: [1, 0] });
    pool.finalized(1, &HashMap::from([spent(1), spent(2)]));
    assert_eq!((one(), two()), (Ok(Ok(())), Ok(Err(Shed::Spent { got: 0, expected: 1 }))));
    assert!(pool.contents.is_empty());
}
