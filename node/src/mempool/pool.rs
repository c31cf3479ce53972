//! The mempool's pure core: what is kept, what is shed, what goes into a block.
//!
//! # Rooms
//!
//! Each lane has two rooms with a byte budget each. A transaction *waits* until its signature is checked, then it is
//! *ready*. The lanes share nothing but the table of senders, so that a flood in one does not touch the other.
//!
//! # Shedding
//!
//! Everything that can be refused without a signature check is refused before it, in this order: the rules that need
//! no state, a nonce behind the account's or too far ahead of it, a balance that cannot pay, a known transaction, a
//! replacement that does not pay a tenth more, a sender with too many in this lane, a lane whose rooms are full of
//! better-paying ones. A full room evicts its lowest fee for a higher one.
//!
//! What a waiting transaction claims is not authenticated yet. So it displaces nothing in the ready room: replacement
//! and eviction there happen when its signature has been found good. A forged copy of a transaction (same content,
//! other signature) waits beside the honest one and does not hide it.
//!
//! # Order
//!
//! By fee, then by arrival; within one sender and lane always by nonce without gaps. So an eviction takes a sender's
//! later nonces along: they could not be used.
//!
//! # Watchers
//!
//! A client waits for the outcome of its submission by leaving a [`Watcher`] with the waiting transaction. The watcher
//! hears exactly once: when the transaction is settled, displaced, or overtaken by a final block.
//!
//! Nothing here depends on time, randomness or the iteration order of a hash table.

use super::lane::{Fees, Ready, Room};
pub use super::shed::Shed;
use crate::block::Shares;
use crate::crypto::Signature;
use crate::ledger::Account;
use crate::transaction::{Address, Lane, SignedTransaction, Transaction, TransactionId};
use commonware_codec::{Encode as _, FixedSize as _};
use commonware_cryptography::{Hasher as _, Sha256, sha256};
use commonware_utils::channel::oneshot;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

/// Bounds of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The network's least fee.
    pub base_fee: u64,
    /// Bytes of each lane's waiting room.
    pub waiting_bytes: usize,
    /// Bytes of each lane's ready room.
    pub ready_bytes: usize,
    /// The most transactions of one sender in one lane, and how far a nonce may run ahead.
    pub per_sender: usize,
}

/// What a lane holds, and what it did since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Transactions that wait for their check.
    pub waiting: usize,
    /// Their bytes.
    pub waiting_bytes: usize,
    /// Checked transactions.
    pub ready: usize,
    /// Their bytes.
    pub ready_bytes: usize,
    /// Transactions that were kept after their check.
    pub kept: u64,
    /// Transactions that were not kept or were displaced, by [`Shed::name`].
    pub shed: BTreeMap<&'static str, u64>,
}

/// A transaction on its way through the signature check.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The transaction.
    pub signed: SignedTransaction,
    /// Its identity without the signature.
    pub id: TransactionId,
    /// Whether it came from a client of this node, which then passes it on once it is checked.
    pub local: bool,
    content: sha256::Digest,
}

/// A transaction that may go into a block, with its checked signature.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The transaction.
    pub transaction: Transaction,
    /// Its signature.
    pub signature: Signature,
}

/// Hears what became of a waiting transaction.
pub type Watcher = oneshot::Sender<Result<(), Shed>>;

/// Nonces spent by blocks that are not final yet: the next one for a lane and sender.
pub type NextNonces = HashMap<(Lane, Address), u64>;

#[derive(Debug, Default)]
struct Sender {
    account: Account,
    /// Transactions of both lanes in any room or under check; the entry goes when it reaches zero.
    present: usize,
    /// Waiting or under check, for each lane.
    waiting: [usize; 2],
    ready: [BTreeMap<u64, Ready>; 2],
}

/// The pool. See the module documentation.
#[derive(Debug)]
pub struct Pool {
    limits: Limits,
    waiting: [Room<Waiting>; 2],
    fees: [Fees; 2],
    senders: HashMap<Address, Sender>,
    /// Contents waiting or under check, signature included, each with those who want to hear of it.
    contents: HashMap<sha256::Digest, Vec<Watcher>>,
    /// Where the ready ones are.
    ids: HashMap<TransactionId, (Lane, Address, u64)>,
    /// Transactions of blocks that were verified and are not final yet, with the block's height.
    in_blocks: HashMap<TransactionId, u64>,
    arrivals: u64,
    kept: [u64; 2],
    shed: [BTreeMap<&'static str, u64>; 2],
}

impl Pool {
    /// An empty pool.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: [Room::new(limits.waiting_bytes), Room::new(limits.waiting_bytes)],
            fees: [Fees::default(), Fees::default()],
            senders: HashMap::new(),
            contents: HashMap::new(),
            ids: HashMap::new(),
            in_blocks: HashMap::new(),
            arrivals: 0,
            kept: [0; 2],
            shed: [BTreeMap::new(), BTreeMap::new()],
        }
    }

    /// What a lane holds and did.
    pub fn figures(&self, lane: Lane) -> Figures {
        let lane = lane.index();
        let (waiting, ready) = (self.waiting[lane].len(), self.fees[lane].len());
        Figures {
            waiting,
            waiting_bytes: waiting * SignedTransaction::SIZE,
            ready,
            ready_bytes: ready * Transaction::SIZE,
            kept: self.kept[lane],
            shed: self.shed[lane].clone(),
        }
    }

    fn count(&mut self, lane: Lane, shed: &Shed) {
        *self.shed[lane.index()].entry(shed.name()).or_default() += 1;
    }

    /// Transactions waiting for a check in both lanes.
    pub fn waiting(&self) -> usize {
        self.waiting.iter().map(Room::len).sum()
    }

    /// Checked transactions in both lanes.
    pub fn ready(&self) -> usize {
        self.ids.len()
    }

    /// Whether a checked transaction is here, and then whether a block that is not final yet holds it.
    pub fn find(&self, id: &TransactionId) -> Option<bool> {
        let in_block = self.in_blocks.contains_key(id);
        (in_block || self.ids.contains_key(id)).then_some(in_block)
    }

    /// Whether a transaction waits or is under check, by the digest of its content with its signature.
    pub(super) fn awaits(&self, content: &sha256::Digest) -> bool {
        self.contents.contains_key(content)
    }

    /// Takes a new transaction into the waiting room. `account` is its sender's latest final state.
    ///
    /// # Errors
    /// Why it was shed.
    pub fn offer(&mut self, signed: SignedTransaction, account: Account, local: bool) -> Result<(), Shed> {
        let lane = signed.transaction.lane;
        let outcome = self.wait(signed, account, local);
        outcome.inspect_err(|reason| self.count(lane, reason))
    }

    fn wait(&mut self, signed: SignedTransaction, account: Account, local: bool) -> Result<(), Shed> {
        let transaction = &signed.transaction;
        let lane = transaction.lane.index();
        // A table entry is never older than what the caller read.
        let account = self.senders.get(&transaction.sender).map_or(account, |sender| sender.account);
        let id = transaction.id();
        let content = content(&signed);
        self.admissible(transaction, &id, &account)?;
        if self.contents.contains_key(&content) {
            return Err(Shed::Known);
        }
        if let Some(sender) = self.senders.get(&transaction.sender) {
            let count = sender.waiting[lane] + sender.ready[lane].len();
            // A replacement adds nothing to what is ready.
            let replaced = usize::from(sender.ready[lane].contains_key(&transaction.nonce));
            if count - replaced >= self.limits.per_sender {
                return Err(Shed::SenderFull(count));
            }
        }
        let fee = transaction.fee;
        let ready_room = self.limits.ready_bytes / Transaction::SIZE;
        if self.fees[lane].len() >= ready_room && self.fees[lane].lowest().is_none_or(|lowest| fee <= lowest) {
            return Err(Shed::LaneFull { got: fee });
        }
        let sender = transaction.sender.clone();
        let waiting = Waiting { signed, id, local, content };
        let evicted =
            self.waiting[lane].insert(fee, self.arrivals, waiting).map_err(|_| Shed::LaneFull { got: fee })?;
        self.arrivals += 1;
        self.contents.insert(content, Vec::new());
        let entry = self.senders.entry(sender).or_insert_with(|| Sender { account, ..Sender::default() });
        entry.present += 1;
        entry.waiting[lane] += 1;
        if let Some(gone) = evicted {
            let Transaction { fee, lane, .. } = gone.signed.transaction;
            let reason = Shed::LaneFull { got: fee };
            self.count(lane, &reason);
            tell(self.forget_waiting(&gone), Err(reason));
        }
        Ok(())
    }

    /// Leaves a watcher with a transaction that waits or is under check; gives it back if it does neither.
    pub fn watch(&mut self, signed: &SignedTransaction, watcher: Watcher) -> Option<Watcher> {
        match self.contents.get_mut(&content(signed)) {
            Some(watchers) => {
                // Whoever went away makes room for who came back.
                watchers.retain(|watcher| !watcher.is_closed());
                watchers.push(watcher);
                None
            }
            None => Some(watcher),
        }
    }

    /// Takes the watchers of a transaction that is about to be settled, for a caller who has more to do before it
    /// tells them.
    pub fn watchers(&mut self, waiting: &Waiting) -> Vec<Watcher> {
        self.contents.get_mut(&waiting.content).map(std::mem::take).unwrap_or_default()
    }

    /// The checks that depend on the account and on what is ready.
    fn admissible(&self, transaction: &Transaction, id: &TransactionId, account: &Account) -> Result<(), Shed> {
        transaction.check(self.limits.base_fee)?;
        let cost = transaction.cost()?;
        let (got, expected) = (transaction.nonce, account.nonces[transaction.lane.index()]);
        if got < expected {
            return Err(Shed::Spent { got, expected });
        }
        let limit = expected.saturating_add(self.limits.per_sender as u64);
        if got >= limit {
            return Err(Shed::Ahead { got, limit });
        }
        if cost > account.balance {
            return Err(Shed::Unaffordable { cost, balance: account.balance });
        }
        if self.ids.contains_key(id) {
            return Err(Shed::Known);
        }
        let known = self.senders.get(&transaction.sender);
        if let Some(known) = known.and_then(|sender| sender.ready[transaction.lane.index()].get(&got)) {
            let expected = replacement_fee(known.transaction.fee);
            if transaction.fee < expected {
                return Err(Shed::Underpriced { got: transaction.fee, expected });
            }
        }
        Ok(())
    }

    /// Takes up to `most` transactions out to be checked, best first, three quarters of them priority if there are
    /// so many. Those in a block that was verified already are left: they will be final soon. Each must come back
    /// through [`Pool::settle`] or [`Pool::give_up`].
    pub fn take(&mut self, most: usize) -> Vec<Waiting> {
        let skip = |waiting: &Waiting| self.in_blocks.contains_key(&waiting.id);
        let priority = Lane::Priority.index();
        let mut taken = self.waiting[priority].take(most - most / 4, skip);
        taken.extend(self.waiting[Lane::Standard.index()].take(most - taken.len(), skip));
        taken.extend(self.waiting[priority].take(most - taken.len(), skip));
        taken
    }

    /// Takes back a transaction that was checked; `signature` is its decoded signature if that is good.
    ///
    /// # Errors
    /// Why it was not kept.
    pub fn settle(&mut self, waiting: Waiting, signature: Option<Signature>) -> Result<(), Shed> {
        let outcome = match signature {
            Some(signature) => self.keep(&waiting, signature),
            None => Err(Shed::Signature),
        };
        match &outcome {
            Ok(()) => self.kept[waiting.signed.transaction.lane.index()] += 1,
            Err(reason) => self.count(waiting.signed.transaction.lane, reason),
        }
        tell(self.forget_waiting(&waiting), outcome);
        outcome
    }

    /// Drops a transaction that was taken and could not be checked.
    pub fn give_up(&mut self, waiting: &Waiting) {
        self.count(waiting.signed.transaction.lane, &Shed::Unchecked);
        tell(self.forget_waiting(waiting), Err(Shed::Unchecked));
    }

    fn keep(&mut self, waiting: &Waiting, signature: Signature) -> Result<(), Shed> {
        let transaction = &waiting.signed.transaction;
        let account = self.senders.get(&transaction.sender).map_or_else(Account::default, |sender| sender.account);
        self.admissible(transaction, &waiting.id, &account)?;
        let (lane, nonce) = (transaction.lane, transaction.nonce);
        self.remove_ready(lane, &transaction.sender, nonce);
        while (self.fees[lane.index()].len() + 1) * Transaction::SIZE > self.limits.ready_bytes {
            self.evict_for(transaction)?;
        }
        let order = self.arrivals;
        self.arrivals += 1;
        self.fees[lane.index()].insert(transaction, order);
        self.ids.insert(waiting.id, (lane, transaction.sender.clone(), nonce));
        let entry = self.senders.entry(transaction.sender.clone()).or_default();
        entry.present += 1;
        let ready = Ready { transaction: transaction.clone(), id: waiting.id, signature, order };
        entry.ready[lane.index()].insert(nonce, ready);
        Ok(())
    }

    /// Makes room for `newcomer` by removing the lowest fee of its lane and what depends on it.
    fn evict_for(&mut self, newcomer: &Transaction) -> Result<(), Shed> {
        let lane = newcomer.lane;
        let full = Shed::LaneFull { got: newcomer.fee };
        let (fee, sender, nonce) = self.fees[lane.index()].worst().ok_or(full)?;
        // A newcomer that builds on the victim would be unusable without it.
        if fee >= newcomer.fee || (sender == newcomer.sender && nonce < newcomer.nonce) {
            return Err(full);
        }
        let later: Vec<u64> = match self.senders.get(&sender) {
            Some(entry) => entry.ready[lane.index()].range(nonce..).map(|(nonce, _)| *nonce).collect(),
            None => Vec::new(),
        };
        for nonce in later {
            self.count(lane, &full);
            self.remove_ready(lane, &sender, nonce);
        }
        Ok(())
    }

    /// The best transactions for a block of the given shares, priority first; `spent` holds the nonces that blocks
    /// before it use and that are not final yet.
    pub fn candidates(&self, shares: Shares, spent: &NextNonces) -> Vec<Candidate> {
        let mut picked = Vec::new();
        let mut costs = HashMap::new();
        for lane in Lane::ALL {
            let most = shares.most(lane).min(shares.total() - picked.len());
            self.pick(lane, most, spent, &mut costs, &mut picked);
        }
        picked
    }

    /// Picks from one lane. `costs` sums what the picked ones cost their senders: who has promised more than he holds
    /// gets no further, so that promises nobody can keep take no space.
    fn pick<'a>(
        &'a self,
        lane: Lane,
        most: usize,
        spent: &NextNonces,
        costs: &mut HashMap<&'a Address, u64>,
        picked: &mut Vec<Candidate>,
    ) {
        let next = |address: &Address, account: &Account| {
            let own = account.nonces[lane.index()];
            spent.get(&(lane, address.clone())).map_or(own, |spent| own.max(*spent))
        };
        let mut heads: BinaryHeap<_> = self
            .senders
            .iter()
            .filter_map(|(address, sender)| {
                let nonce = next(address, &sender.account);
                sender.ready[lane.index()].get(&nonce).map(|ready| (ready.rank(), address, nonce))
            })
            .collect();
        let end = picked.len() + most;
        while picked.len() < end {
            let Some((_, address, nonce)) = heads.pop() else { return };
            let sender = &self.senders[address];
            let queue = &sender.ready[lane.index()];
            let ready = &queue[&nonce];
            let cost = costs.entry(address).or_default();
            *cost = cost.saturating_add(ready.transaction.cost().unwrap_or(u64::MAX));
            if *cost > sender.account.balance {
                continue;
            }
            picked.push(Candidate { transaction: ready.transaction.clone(), signature: ready.signature });
            if let Some(following) = queue.get(&(nonce + 1)) {
                heads.push((following.rank(), address, nonce + 1));
            }
        }
    }

    /// The checked signature of a transaction, if it is ready.
    pub fn signature(&self, id: &TransactionId) -> Option<Signature> {
        let (lane, sender, nonce) = self.ids.get(id)?;
        Some(self.senders.get(sender)?.ready[lane.index()].get(nonce)?.signature)
    }

    /// Notes that a block was verified, so that its transactions are not checked a second time meanwhile.
    pub fn verified(&mut self, height: u64, ids: impl IntoIterator<Item = TransactionId>) {
        self.in_blocks.extend(ids.into_iter().map(|id| (id, height)));
    }

    /// Notes that the block at `height` is final: `accounts` is the new state of the senders in it.
    pub fn finalized(&mut self, height: u64, accounts: &HashMap<Address, Account>) {
        for lane in Lane::ALL {
            let spent = |waiting: &Waiting| {
                let transaction = &waiting.signed.transaction;
                let account = accounts.get(&transaction.sender);
                account.is_some_and(|account| transaction.nonce < account.nonces[lane.index()])
            };
            for gone in self.waiting[lane.index()].remove(spent) {
                let Transaction { sender, nonce: got, .. } = &gone.signed.transaction;
                let expected = accounts.get(sender).map_or(0, |account| account.nonces[lane.index()]);
                // It may be in the block itself, checked there before it was checked here.
                let included = self.in_blocks.get(&gone.id).is_some_and(|at| *at <= height);
                let outcome = if included { Ok(()) } else { Err(Shed::Spent { got: *got, expected }) };
                tell(self.forget_waiting(&gone), outcome);
            }
            for (address, account) in accounts {
                let Some(sender) = self.senders.get_mut(address) else { continue };
                sender.account = *account;
                let spent = ..account.nonces[lane.index()];
                let stale: Vec<u64> = sender.ready[lane.index()].range(spent).map(|(nonce, _)| *nonce).collect();
                for nonce in stale {
                    self.remove_ready(lane, address, nonce);
                }
            }
        }
        self.in_blocks.retain(|_, at| *at > height);
    }

    fn remove_ready(&mut self, lane: Lane, address: &Address, nonce: u64) {
        let Some(sender) = self.senders.get_mut(address) else { return };
        let Some(ready) = sender.ready[lane.index()].remove(&nonce) else { return };
        self.fees[lane.index()].remove(&ready.transaction, ready.order);
        self.ids.remove(&ready.id);
        sender.present -= 1;
        if sender.present == 0 {
            self.senders.remove(address);
        }
    }

    /// Removes a transaction that no longer waits; gives its watchers.
    fn forget_waiting(&mut self, waiting: &Waiting) -> Vec<Watcher> {
        let watchers = self.contents.remove(&waiting.content).unwrap_or_default();
        let transaction = &waiting.signed.transaction;
        if let Some(sender) = self.senders.get_mut(&transaction.sender) {
            sender.waiting[transaction.lane.index()] -= 1;
            sender.present -= 1;
            if sender.present == 0 {
                self.senders.remove(&transaction.sender);
            }
        }
        watchers
    }
}

/// Identifies a submission: SHA-256 of the transaction with its signature.
pub(super) fn content(signed: &SignedTransaction) -> sha256::Digest {
    Sha256::hash(&[&signed.encode()])
}

/// Tells watchers; those who went away do not hear it.
fn tell(watchers: Vec<Watcher>, outcome: Result<(), Shed>) {
    for watcher in watchers {
        let _ = watcher.send(outcome);
    }
}

/// The least fee that replaces a transaction: a tenth more, at least 1 more.
const fn replacement_fee(fee: u64) -> u64 {
    let tenth = fee / 10;
    fee.saturating_add(if tenth == 0 { 1 } else { tenth })
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
