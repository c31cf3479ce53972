//! The mempool: where transactions wait for a block.
//!
//! [`pool`] is the pure core; this module is its shell, two tasks for each validator.
//!
//! # Intake
//!
//! Transactions come from clients of this node ([`Mempool::admit`], which waits for the outcome, and
//! [`Mempool::submit`], which does not) or from other validators. Intake looks up the
//! senders' accounts in the latest final state and offers the transactions to the pool, which sheds what it can before
//! any signature is looked at.
//!
//! # Check
//!
//! Waiting transactions are checked in batches by random linear combination, off the runtime's workers, in the
//! dispatcher's admission class. A small batch waits a little for company, because a batch costs one final
//! exponentiation whatever its size.
//!
//! # Journal
//!
//! What a client was told is accepted survives a restart, see [`journal`].
//!
//! # Gossip
//!
//! What came from a client is passed on to every validator once its signature is found good; what came from a
//! validator is not passed on, since all of them are connected. A message holds up to [`MAX_GOSSIP`] signed
//! transactions:
//!
//! ```text
//! | count (varint, 1 to 256) | signed transactions (217 each) |
//! ```
//!
//! A message that does not decode is dropped and logged.

pub mod journal;
mod lane;
pub mod pool;
mod shed;

use crate::crypto::{Checker, Claim, Keys, Signature};
use crate::environment::Environment;
use crate::genesis::Genesis;
use crate::ledger::{Account, Databases};
use crate::monitor::{Event, Probe};
use crate::transaction::{Address, SignedTransaction, TransactionId};
use commonware_codec::{Decode as _, Encode as _, FixedSize as _, RangeCfg};
use commonware_cryptography::ed25519;
use commonware_macros::select;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::IoBuf;
use commonware_utils::channel::{mpsc, oneshot};
use commonware_utils::sync::Mutex;
use journal::Journal;
use pool::{Pool, Shed, Waiting, Watcher};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The most transactions of a gossip message.
pub const MAX_GOSSIP: usize = 256;
/// The most bytes of a gossip message.
pub const MAX_GOSSIP_BYTES: usize = MAX_GOSSIP * SignedTransaction::SIZE + 5;
/// The most signatures checked together: about 40 ms of one core, so that a block is not held up behind a batch.
const MAX_BATCH: usize = 128;
/// A batch smaller than this waits for company.
const SMALL_BATCH: usize = 32;
/// How long it waits.
const BATCH_DELAY: Duration = Duration::from_millis(20);
/// How many client submissions may queue up; more are refused at once.
const SUBMISSIONS: usize = 256;

/// A handle to a validator's mempool. Cheap to clone.
#[derive(Clone)]
pub struct Mempool {
    pool: Arc<Mutex<Pool>>,
    submissions: mpsc::Sender<Submission>,
}

/// Transactions that a client hands in, and who hears what becomes of the first.
pub struct Submission {
    transactions: Vec<SignedTransaction>,
    watcher: Option<Watcher>,
}

/// The queue between the clients and intake.
pub type Submissions = mpsc::Receiver<Submission>;

/// Why a client's transaction was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// This node has too many submissions to look at.
    #[error("this node has too many submissions to look at")]
    Busy,
    /// The mempool did not keep it.
    #[error(transparent)]
    Shed(#[from] Shed),
    /// The mempool ended before it came to a verdict.
    #[error("this node is stopping")]
    Stopped,
}

impl Mempool {
    /// A mempool with the given bounds, and the queue that [`start`] serves.
    pub fn new(limits: pool::Limits) -> (Self, Submissions) {
        let (submissions, queue) = mpsc::channel(SUBMISSIONS);
        (Self { pool: Arc::new(Mutex::new(Pool::new(limits))), submissions }, queue)
    }

    /// Hands in transactions of a client. Returns false, and keeps none, if this node has too many to look at.
    pub fn submit(&self, transactions: Vec<SignedTransaction>) -> bool {
        self.submissions.try_send(Submission { transactions, watcher: None }).is_ok()
    }

    /// Hands in a transaction of a client and waits until it is checked and kept, or not; gives its identity.
    ///
    /// A transaction that the mempool holds already counts as kept, so that a client may repeat itself.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn admit(&self, signed: SignedTransaction) -> Result<TransactionId, Refusal> {
        let id = signed.transaction.id();
        let (watcher, outcome) = oneshot::channel();
        let submission = Submission { transactions: vec![signed], watcher: Some(watcher) };
        self.submissions.try_send(submission).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::Busy,
            mpsc::error::TrySendError::Closed(_) => Refusal::Stopped,
        })?;
        match outcome.await {
            Ok(Ok(())) => Ok(id),
            Ok(Err(reason)) => Err(Refusal::Shed(reason)),
            Err(_) => Err(Refusal::Stopped),
        }
    }

    /// Looks at the pool or changes it. The lock is held meanwhile: be brief.
    pub fn with<T>(&self, look: impl FnOnce(&mut Pool) -> T) -> T {
        look(&mut self.pool.lock())
    }
}

/// What the tasks of a mempool need.
pub struct Config {
    /// The mempool.
    pub mempool: Mempool,
    /// Its queue of submissions.
    pub submissions: Submissions,
    /// The network's genesis.
    pub genesis: Arc<Genesis>,
    /// Checks signatures.
    pub checker: Checker,
    /// Decoded account keys.
    pub keys: Keys,
    /// Hears of each batch.
    pub probe: Probe,
    /// Where accepted submissions are kept; without one a restart loses them.
    pub journal: Option<journal::Config>,
}

/// Runs intake and checks until the context is stopped.
///
/// # Panics
/// If the journal cannot be opened.
pub async fn start<E, S, R>(context: E, config: Config, databases: Databases<E>, (sender, receiver): (S, R))
where
    E: Environment,
    S: Sender<PublicKey = ed25519::PublicKey>,
    R: Receiver<PublicKey = ed25519::PublicKey>,
{
    let Config { mempool, submissions, genesis, checker, keys, probe, journal } = config;
    let (wake, woken) = mpsc::channel(1);
    let intake = Intake { mempool: mempool.clone(), genesis: genesis.clone(), databases, wake };
    let (journal, held) = match journal {
        Some(config) => {
            let (journal, held) = Journal::open(context.child("journal"), config).await;
            (Some(journal), held)
        }
        None => (None, Vec::new()),
    };
    if !held.is_empty() {
        tracing::info!(transactions = held.len(), "offering what was accepted before the restart again");
        intake.offer(held, true, None).await;
    }
    context.child("intake").spawn(move |_| intake.run(submissions, receiver));
    let check = Check { mempool, genesis, checker, keys, probe, journal };
    context.child("check").spawn(move |context| check.run(context, woken, sender));
}

struct Intake<E: Environment> {
    mempool: Mempool,
    genesis: Arc<Genesis>,
    databases: Databases<E>,
    wake: mpsc::Sender<()>,
}

impl<E: Environment> Intake<E> {
    async fn run<R: Receiver<PublicKey = ed25519::PublicKey>>(self, mut submissions: Submissions, mut receiver: R) {
        loop {
            select! {
                submission = submissions.recv() => {
                    let Some(Submission { transactions, watcher }) = submission else { return };
                    self.offer(transactions, true, watcher).await;
                },
                message = receiver.recv() => {
                    let Ok((peer, message)) = message else { return };
                    match Vec::<SignedTransaction>::decode_cfg(message, &(RangeCfg::new(1..=MAX_GOSSIP), ())) {
                        Ok(batch) => self.offer(batch, false, None).await,
                        Err(error) => tracing::warn!(?peer, %error, "dropped a malformed transaction message"),
                    }
                },
            }
        }
    }

    async fn offer(&self, batch: Vec<SignedTransaction>, local: bool, mut watcher: Option<Watcher>) {
        let accounts = self.accounts(&batch).await;
        self.mempool.with(|pool| {
            for signed in batch {
                let account = accounts.get(&signed.transaction.sender).copied().unwrap_or_default();
                let watched = watcher.take().map(|watcher| (watcher, signed.clone()));
                let outcome = pool.offer(signed, account, local);
                if let Err(reason) = &outcome {
                    tracing::debug!(%reason, "shed a transaction");
                }
                if let Some((watcher, signed)) = watched {
                    watch(pool, watcher, &signed, outcome);
                }
            }
        });
        // A full channel means that a wake-up is pending already.
        let _ = self.wake.try_send(());
    }

    /// The senders' accounts in the latest final state. Before the first block that is the genesis.
    async fn accounts(&self, batch: &[SignedTransaction]) -> HashMap<Address, Account> {
        let mut accounts = HashMap::new();
        let database = self.databases.read().await;
        for signed in batch {
            let sender = &signed.transaction.sender;
            if accounts.contains_key(sender) {
                continue;
            }
            let stored = match database.get(sender).await {
                Ok(stored) => stored,
                Err(error) => {
                    tracing::error!(%error, "the state could not be read; a transaction was dropped");
                    continue;
                }
            };
            // After the first block every genesis account is stored, so that this matters only before it.
            let genesis = || Some(Account::with_balance(*self.genesis.accounts().get(sender)?));
            accounts.insert(sender.clone(), stored.or_else(genesis).unwrap_or_default());
        }
        accounts
    }
}

struct Check<E: Environment> {
    mempool: Mempool,
    genesis: Arc<Genesis>,
    checker: Checker,
    keys: Keys,
    probe: Probe,
    journal: Option<Journal<E>>,
}

impl<E: Environment> Check<E> {
    async fn run<S>(mut self, mut context: E, mut woken: mpsc::Receiver<()>, mut sender: S)
    where
        S: Sender<PublicKey = ed25519::PublicKey>,
    {
        while woken.recv().await.is_some() {
            loop {
                if self.mempool.with(|pool| pool.waiting()) < SMALL_BATCH {
                    context.sleep(BATCH_DELAY).await;
                }
                let batch = self.mempool.with(|pool| pool.take(MAX_BATCH));
                if batch.is_empty() {
                    break;
                }
                match self.verdicts(&mut context, &batch).await {
                    Some(verdicts) => self.settle(batch, verdicts, &mut sender).await,
                    None => self.mempool.with(|pool| batch.iter().for_each(|waiting| pool.give_up(waiting))),
                }
            }
        }
    }

    /// The decoded signature of each transaction that its sender signed; `None` if that could not be found out.
    async fn verdicts(&self, context: &mut E, batch: &[Waiting]) -> Option<Vec<Option<Signature>>> {
        let mut seed = [0; 32];
        context.fill_bytes(&mut seed);
        let (checker, keys, genesis) = (self.checker.clone(), self.keys.clone(), *self.genesis.digest());
        let signed: Vec<_> = batch.iter().map(|waiting| waiting.signed.clone()).collect();
        // `shared(true)` moves the work to a thread that may block.
        let work = context
            .child("batch")
            .shared(true)
            .spawn(move |_| async move { check_signatures(&checker, &keys, &genesis, &signed, seed) });
        match work.await {
            Ok(Ok(verdicts)) => Some(verdicts),
            Ok(Err(error)) => {
                tracing::error!(%error, "a batch of transactions could not be checked; it was dropped");
                None
            }
            Err(error) => {
                tracing::debug!(%error, "stopped while checking transactions");
                None
            }
        }
    }

    async fn settle<S>(&mut self, batch: Vec<Waiting>, verdicts: Vec<Option<Signature>>, sender: &mut S)
    where
        S: Sender<PublicKey = ed25519::PublicKey>,
    {
        let (mut kept, mut shed, mut invalid) = (0, 0, 0);
        let (mut news, mut told) = (Vec::new(), Vec::new());
        self.mempool.with(|pool| {
            for (waiting, signature) in batch.into_iter().zip(verdicts) {
                let own = waiting.local.then(|| waiting.signed.clone());
                let watchers = pool.watchers(&waiting);
                let outcome = pool.settle(waiting, signature);
                told.extend(watchers.into_iter().map(|watcher| (watcher, outcome)));
                match outcome {
                    Ok(()) => {
                        kept += 1;
                        news.extend(own);
                    }
                    Err(Shed::Signature) => invalid += 1,
                    Err(_) => shed += 1,
                }
            }
        });
        if let Some(journal) = &mut self.journal {
            // Durable before anybody hears of it.
            journal.keep(&news).await;
            journal.prune(&self.mempool).await;
        }
        for chunk in news.chunks(MAX_GOSSIP) {
            sender.send(Recipients::All, IoBuf::from(chunk.to_vec().encode()), false);
        }
        for (watcher, outcome) in told {
            let _ = watcher.send(outcome.or_else(kept_already));
        }
        self.probe.on(Event::Admitted { kept, shed, invalid });
    }
}

/// Leaves a client's watcher with its transaction, or tells him at once if that does not wait.
fn watch(pool: &mut Pool, watcher: Watcher, signed: &SignedTransaction, outcome: Result<(), Shed>) {
    let Some(watcher) = pool.watch(signed, watcher) else { return };
    let _ = watcher.send(outcome.or_else(kept_already));
}

/// What a client hears: that a transaction is here already is good news.
fn kept_already(reason: Shed) -> Result<(), Shed> {
    if reason == Shed::Known { Ok(()) } else { Err(reason) }
}

/// Checks a batch: `Some` with the decoded signature for each that is good. Both addresses must be valid keys.
fn check_signatures(
    checker: &Checker,
    keys: &Keys,
    genesis: &commonware_cryptography::sha256::Digest,
    batch: &[SignedTransaction],
    seed: [u8; 32],
) -> Result<Vec<Option<Signature>>, arblast::Error> {
    let messages: Vec<_> = batch.iter().map(|signed| signed.transaction.message(genesis)).collect();
    let encoded: Vec<[u8; 96]> = batch.iter().map(|signed| signed.signature.clone().into()).collect();
    let mut outcome = checker.decode_admissions(&encoded)?;
    let (mut positions, mut claims) = (Vec::new(), Vec::new());
    for (position, signed) in batch.iter().enumerate() {
        let transaction = &signed.transaction;
        let known = keys.get(&transaction.sender).filter(|_| keys.get(&transaction.recipient).is_some());
        match (known, outcome[position]) {
            (Some(key), Some(signature)) => {
                positions.push(position);
                claims.push(Claim { message: &messages[position], keys: vec![key], signature });
            }
            _ => outcome[position] = None,
        }
    }
    let verdicts = checker.admissions(seed, &claims)?;
    for (position, good) in positions.into_iter().zip(verdicts) {
        outcome[position] = outcome[position].filter(|_| good);
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto;
    use crate::transaction::{Lane, Transaction};
    use arblast::{Dispatcher, Selection};
    use commonware_cryptography::{Hasher as _, Sha256};
    use commonware_utils::sequence::FixedBytes;

    fn secret(index: u8) -> crypto::SecretKey {
        crypto::SecretKey::key_gen(&[index; 32], b"mempool").unwrap()
    }

    fn transfer(nonce: u64) -> Transaction {
        let (sender, recipient) = (crypto::address(&secret(1)), crypto::address(&secret(2)));
        Transaction { sender, recipient, amount: 1, fee: 1, nonce, lane: Lane::Standard }
    }

    #[test]
    fn each_bad_transaction_of_a_batch_is_found_and_no_other() {
        let genesis = Sha256::hash(&[b"genesis"]);
        let sign = |transaction: Transaction, secret: &crypto::SecretKey| {
            let signature = crypto::sign(secret, &transaction.message(&genesis));
            SignedTransaction { transaction, signature: FixedBytes::new(signature.to_bytes()) }
        };
        let none = Address::new([0xff; 48]);
        let mut identity = [0; 96];
        identity[0] = 0xc0;
        let good = sign(transfer(0), &secret(1));
        let mut moved = sign(transfer(5), &secret(1));
        moved.transaction.lane = Lane::Priority;
        let batch = [
            good.clone(),
            sign(transfer(1), &secret(3)),
            SignedTransaction { signature: FixedBytes::new([0; 96]), ..good.clone() },
            SignedTransaction { signature: FixedBytes::new(identity), ..good.clone() },
            sign(Transaction { sender: none.clone(), ..transfer(2) }, &secret(1)),
            sign(Transaction { recipient: none, ..transfer(3) }, &secret(1)),
            moved,
            sign(transfer(4), &secret(1)),
        ];
        let dispatcher = Dispatcher::builder().select(Selection::CpuPortable).retirement_record(None).build().unwrap();
        let (checker, keys) = (Checker::new(dispatcher), Keys::new(8));
        let verdicts = check_signatures(&checker, &keys, &genesis, &batch, [9; 32]).unwrap();
        let kept: Vec<_> = verdicts.iter().map(Option::is_some).collect();
        assert_eq!(kept, [true, false, false, false, false, false, false, true]);
        assert_eq!(verdicts[0].unwrap().to_bytes()[..], good.signature[..]);
        assert_eq!(check_signatures(&checker, &keys, &genesis, &[], [9; 32]).unwrap(), []);
    }

    #[test]
    fn gossip_is_bounded() {
        let signed = SignedTransaction { transaction: transfer(0), signature: FixedBytes::new([0; 96]) };
        let decode = |count: usize| {
            let message = vec![signed.clone(); count].encode();
            assert!(message.len() <= MAX_GOSSIP_BYTES || count > MAX_GOSSIP);
            Vec::<SignedTransaction>::decode_cfg(message, &(RangeCfg::new(1..=MAX_GOSSIP), ())).map(|batch| batch.len())
        };
        assert_eq!(decode(MAX_GOSSIP).unwrap(), MAX_GOSSIP);
        assert!(decode(0).is_err());
        assert!(decode(MAX_GOSSIP + 1).is_err());
    }
}
