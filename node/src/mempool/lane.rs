//! The containers of one lane of the mempool.

use crate::crypto::Signature;
use crate::transaction::{Address, SignedTransaction, Transaction, TransactionId};
use commonware_codec::FixedSize as _;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A checked transaction.
#[derive(Debug)]
pub(super) struct Ready {
    pub transaction: Transaction,
    pub id: TransactionId,
    pub signature: Signature,
    /// Number of arrivals before it.
    pub order: u64,
}

impl Ready {
    /// Greater is better: a higher fee, then an earlier arrival.
    pub const fn rank(&self) -> (u64, Reverse<u64>) {
        (self.transaction.fee, Reverse(self.order))
    }
}

/// A bounded room of signed transactions, best first.
#[derive(Debug)]
pub(super) struct Room<T> {
    capacity: usize,
    items: BTreeMap<(Reverse<u64>, u64), T>,
}

impl<T> Room<T> {
    /// A room of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self { capacity: bytes / SignedTransaction::SIZE, items: BTreeMap::new() }
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Inserts an item and returns what it displaced; the item itself if it is the worst of a full room.
    pub fn insert(&mut self, fee: u64, order: u64, item: T) -> Result<Option<T>, T> {
        if self.items.len() < self.capacity {
            self.items.insert((Reverse(fee), order), item);
            return Ok(None);
        }
        match self.items.last_key_value() {
            Some(((Reverse(lowest), _), _)) if fee > *lowest => {
                let evicted = self.items.pop_last().map(|(_, evicted)| evicted);
                self.items.insert((Reverse(fee), order), item);
                Ok(evicted)
            }
            _ => Err(item),
        }
    }

    /// Takes out the best `most` items that are not to be skipped.
    pub fn take(&mut self, most: usize, skip: impl Fn(&T) -> bool) -> Vec<T> {
        let keys: Vec<_> = self.items.iter().filter(|(_, item)| !skip(item)).take(most).map(|(key, _)| *key).collect();
        keys.iter().filter_map(|key| self.items.remove(key)).collect()
    }

    /// Takes out every item that matches.
    pub fn remove(&mut self, matches: impl Fn(&T) -> bool) -> Vec<T> {
        self.items.extract_if(.., |_, item| matches(item)).map(|(_, item)| item).collect()
    }
}

/// The ready transactions of a lane by fee, worst first.
#[derive(Debug, Default)]
pub(super) struct Fees {
    order: BTreeSet<(u64, Reverse<u64>, Address, u64)>,
}

impl Fees {
    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn insert(&mut self, transaction: &Transaction, order: u64) {
        self.order.insert(Self::key(transaction, order));
    }

    pub fn remove(&mut self, transaction: &Transaction, order: u64) {
        self.order.remove(&Self::key(transaction, order));
    }

    /// The lowest fee.
    pub fn lowest(&self) -> Option<u64> {
        self.order.first().map(|(fee, ..)| *fee)
    }

    /// Fee, sender and nonce of the first to go: the lowest fee, of those the latest arrival.
    pub fn worst(&self) -> Option<(u64, Address, u64)> {
        self.order.first().map(|(fee, _, sender, nonce)| (*fee, sender.clone(), *nonce))
    }

    fn key(transaction: &Transaction, order: u64) -> (u64, Reverse<u64>, Address, u64) {
        (transaction.fee, Reverse(order), transaction.sender.clone(), transaction.nonce)
    }
}
