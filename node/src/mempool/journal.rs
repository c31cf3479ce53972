//! The journal of what this node's clients were told is accepted.
//!
//! A client hears that its transaction is accepted after it is synced here, so that `kill -9` loses nothing that was
//! promised. What came from other validators is not kept: the validator whose client sent it keeps it.
//!
//! After a restart everything in the journal is offered to the mempool again, checked like any other transaction, and
//! passed on to the others.
//!
//! # Size
//!
//! A transaction is of use until it is final or the mempool gives it up. The journal is pruned from its beginning up
//! to the first that is of use. One that stays for long (its nonce has a gap before it) is written again at the end
//! when the journal holds twice as many as the mempool can, so that it never exceeds that by more than a section.

use super::Mempool;
use crate::environment::Environment;
use crate::transaction::{SignedTransaction, TransactionId};
use commonware_cryptography::sha256;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::journal::contiguous::fixed::{self, Journal as Log};
use commonware_storage::journal::contiguous::{Contiguous as _, Many};
use commonware_utils::{NZU64, NZUsize};
use std::collections::{HashSet, VecDeque};
use std::num::NonZeroU64;

/// Transactions that are pruned together: 220 kB.
const SECTION: NonZeroU64 = NZU64!(1024);

/// What a journal is opened from.
#[derive(Clone)]
pub struct Config {
    /// Beginning of the names of its partitions.
    pub partition: String,
    /// Pages kept in memory.
    pub page_cache: CacheRef,
    /// The most transactions of use at a time.
    pub capacity: usize,
}

/// The journal.
pub struct Journal<E: Environment> {
    /// None while an operation owns it.
    log: Option<Log<E, SignedTransaction>>,
    /// What may be of use, in the order of the log; the first has position `start`.
    entries: VecDeque<Entry>,
    start: u64,
    known: HashSet<sha256::Digest>,
    capacity: usize,
}

struct Entry {
    id: TransactionId,
    content: sha256::Digest,
}

/// What a failure of storage does: the node stops, as for every other store.
const STORAGE: &str = "the journal of the mempool cannot be written";

impl<E: Environment> Journal<E> {
    /// Opens the journal; gives what it holds, oldest first.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub async fn open(context: E, config: Config) -> (Self, Vec<SignedTransaction>) {
        let settings = fixed::Config {
            partition: config.partition,
            items_per_blob: SECTION,
            page_cache: config.page_cache,
            write_buffer: NZUsize!(1 << 16),
            replay_buffer: NZUsize!(1 << 16),
        };
        let log = Log::init(context, settings).await.expect("the journal of the mempool cannot be opened");
        let (log, reader) = log.snapshot().await.expect(STORAGE);
        let bounds = reader.bounds();
        let (mut entries, mut known, mut held) = (VecDeque::new(), HashSet::new(), Vec::new());
        for position in bounds.clone() {
            let signed = reader.read(position).await.expect("the journal of the mempool cannot be read");
            let entry = Entry::new(&signed);
            known.insert(entry.content);
            entries.push_back(entry);
            held.push(signed);
        }
        drop(reader);
        (Self { log: Some(log), entries, start: bounds.start, known, capacity: config.capacity }, held)
    }

    /// Writes transactions and returns when they are durable. What the journal holds already is not written again.
    ///
    /// # Panics
    /// If storage fails.
    pub async fn keep(&mut self, transactions: &[SignedTransaction]) {
        let new: Vec<_> = transactions
            .iter()
            .map(|signed| (Entry::new(signed), signed))
            .filter(|(entry, _)| self.known.insert(entry.content))
            .collect();
        if new.is_empty() {
            return;
        }
        let items: Vec<_> = new.iter().map(|(_, signed)| (*signed).clone()).collect();
        self.append(&items).await;
        self.entries.extend(new.into_iter().map(|(entry, _)| entry));
    }

    async fn append(&mut self, items: &[SignedTransaction]) {
        let log = self.log.take().expect("no operation owns it");
        let (log, _) = log.append_many(Many::Flat(items)).await.expect(STORAGE);
        self.log = Some(log.commit().await.expect(STORAGE));
    }

    /// Drops what `mempool` has no use for any more. Cheap when there is nothing to drop.
    ///
    /// # Panics
    /// If storage fails.
    pub async fn prune(&mut self, mempool: &Mempool) {
        let useful = |entry: &Entry| mempool.with(|pool| pool.find(&entry.id).is_some() || pool.awaits(&entry.content));
        let before = self.start;
        loop {
            while let Some(gone) = self.entries.pop_front_if(|entry| !useful(entry)) {
                self.known.remove(&gone.content);
                self.start += 1;
            }
            if self.entries.len() <= 2 * self.capacity {
                break;
            }
            // The first is still of use and holds up all behind it.
            let oldest = SECTION.get().min(self.entries.len() as u64);
            let mut moved = Vec::new();
            for entry in self.entries.drain(..oldest as usize).collect::<Vec<_>>() {
                if useful(&entry) {
                    moved.push((self.start, entry));
                } else {
                    self.known.remove(&entry.content);
                }
                self.start += 1;
            }
            let positions: Vec<u64> = moved.iter().map(|(position, _)| *position).collect();
            let log = self.log.take().expect("no operation owns it");
            let (log, reader) = log.snapshot().await.expect(STORAGE);
            self.log = Some(log);
            let items = reader.read_many(&positions).await.expect("the journal of the mempool cannot be read");
            drop(reader);
            if !items.is_empty() {
                self.append(&items).await;
            }
            self.entries.extend(moved.into_iter().map(|(_, entry)| entry));
        }
        // Whole sections only: anything less would be work for nothing.
        if self.start / SECTION > before / SECTION {
            let log = self.log.take().expect("no operation owns it");
            let (log, _) = log.prune(self.start).await.expect(STORAGE);
            self.log = Some(log);
        }
    }
}

impl Entry {
    fn new(signed: &SignedTransaction) -> Self {
        Self { id: signed.transaction.id(), content: super::pool::content(signed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Account;
    use crate::mempool::pool::Limits;
    use crate::transaction::{Address, Lane, Transaction};
    use commonware_runtime::{Runner as _, Supervisor as _, deterministic};
    use commonware_utils::NZU16;
    use commonware_utils::sequence::FixedBytes;
    use std::collections::HashMap;

    const LIMITS: Limits = Limits { base_fee: 1, waiting_bytes: 1 << 20, ready_bytes: 1 << 20, per_sender: 4096 };

    fn transfer(nonce: u64) -> SignedTransaction {
        let (sender, recipient) = (Address::new([1; 48]), Address::new([2; 48]));
        let transaction = Transaction { sender, recipient, amount: 1, fee: 1, nonce, lane: Lane::Standard };
        SignedTransaction { transaction, signature: FixedBytes::new([0; 96]) }
    }

    fn config(capacity: usize) -> Config {
        let page_cache = CacheRef::new(NZU16!(1024), NZUsize!(16));
        Config { partition: "mempool".into(), page_cache, capacity }
    }

    fn nonces(held: &[SignedTransaction]) -> Vec<u64> {
        held.iter().map(|signed| signed.transaction.nonce).collect()
    }

    /// A pool in which these wait.
    fn pool(waiting: &[SignedTransaction]) -> Mempool {
        let (mempool, _) = Mempool::new(LIMITS);
        let account = Account::with_balance(1 << 40);
        mempool.with(|pool| waiting.iter().for_each(|signed| pool.offer(signed.clone(), account, true).unwrap()));
        mempool
    }

    #[test]
    fn what_was_kept_is_there_after_a_crash_and_once_only() {
        let first = deterministic::Runner::seeded(3).start_and_recover(|context| async move {
            let (mut journal, held) = Journal::open(context.child("journal"), config(64)).await;
            assert!(held.is_empty());
            journal.keep(&[transfer(0), transfer(1)]).await;
            journal.keep(&[transfer(1)]).await;
            journal.keep(&[]).await;
        });
        let (_, checkpoint) = first;
        deterministic::Runner::from(checkpoint).start(|context| async move {
            let (mut journal, held) = Journal::open(context.child("journal"), config(64)).await;
            assert_eq!(nonces(&held), [0, 1]);
            journal.keep(&held).await;
            assert_eq!(journal.log.as_ref().unwrap().size(), 2, "it was there already");
        });
    }

    #[test]
    fn it_stays_small_though_one_transaction_never_becomes_final() {
        deterministic::Runner::seeded(4).start(|context| async move {
            let (mut journal, _) = Journal::open(context.child("journal"), config(1024)).await;
            // Nonce 0 stays, the others become final at once.
            let mempool = pool(&[transfer(0)]);
            journal.keep(&[transfer(0)]).await;
            for round in 0..20u64 {
                let batch: Vec<_> = (1..512).map(|nonce| transfer(round * 512 + nonce)).collect();
                journal.keep(&batch).await;
                journal.prune(&mempool).await;
                assert!(journal.entries.len() <= 2048 && journal.known.len() == journal.entries.len());
            }
            let log = journal.log.as_ref().unwrap();
            assert!(log.size() - log.pruning_boundary() <= 2048 + SECTION.get());
            assert!(journal.entries.iter().any(|entry| entry.id == transfer(0).transaction.id()), "it was lost");
            let accounts = HashMap::from([(Address::new([1; 48]), Account { balance: 1, nonces: [1, 0] })]);
            mempool.with(|pool| pool.finalized(1, &accounts));
            journal.prune(&mempool).await;
            assert_eq!(journal.entries.len(), 0);
        });
    }
}
