//! The load generator: wallets that send each other transfers, at a steady rate.
//!
//! Transactions are signed beforehand, because signing one costs about as much as checking one and would be counted
//! against the validators. Two threads sign until the expected duration is covered; if the run takes longer, they sign
//! further stretches when the stock runs low.
//!
//! # Back-pressure
//!
//! At most [`Load::window`] transactions are on their way (submitted and not final). When the network is slower than
//! the load, the generator waits instead of flooding the mempools: what is reported is then what the network can do.
//! A flood ([`Load::flood`]) does not wait for anything, and keeps to the standard lane.
//!
//! A wallet always submits to the same validator, so that its nonces arrive there in order.

use super::{Error, collect::Collector, lanes::Lanes, no_randomness};
use crate::config::keys;
use crate::crypto::{self, SecretKey};
use crate::mempool::Mempool;
use crate::transaction::{Address, Lane, SignedTransaction, Transaction};
use commonware_cryptography::sha256;
use commonware_runtime::Clock;
use commonware_utils::sequence::FixedBytes;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// How often a portion of the load is submitted.
const TICK: Duration = Duration::from_millis(25);
/// Every fifth transaction takes the priority lane.
const PRIORITY_EVERY: u64 = 5;
/// What each wallet holds at first; enough for any run.
const BALANCE: u64 = 1 << 40;
/// Threads that sign.
const SIGNERS: u64 = 2;
/// The most transactions signed before the start: about 20 s of two cores.
const MOST_AHEAD: u64 = 100_000;
/// How many signatures a signer hands over at once.
const PORTION: u64 = 64;

struct Wallet {
    secret: SecretKey,
    address: Address,
}

/// The load generator.
pub struct Load {
    rate: u32,
    flood: bool,
    wallets: Arc<Vec<Wallet>>,
    seed: [u8; 32],
    stock: Option<Stock>,
}

/// Signed transactions, each with the wallet it comes from.
type Portion = Vec<(usize, SignedTransaction)>;

/// Makes the transactions of some of the wallets, one wallet after the other.
struct Signer {
    wallets: Arc<Vec<Wallet>>,
    own: Vec<usize>,
    nonces: Vec<[u64; 2]>,
    rng: ChaCha20Rng,
    genesis: sha256::Digest,
    flood: bool,
    made: u64,
}

impl Signer {
    fn next(&mut self) -> (usize, SignedTransaction) {
        let sender = self.own[self.made as usize % self.own.len()];
        let priority = !self.flood && self.made.is_multiple_of(PRIORITY_EVERY);
        let lane = if priority { Lane::Priority } else { Lane::Standard };
        let recipient = (self.rng.next_u64() % self.wallets.len() as u64) as usize;
        let nonce = &mut self.nonces[sender][lane.index()];
        let transaction = Transaction {
            sender: self.wallets[sender].address.clone(),
            recipient: self.wallets[recipient].address.clone(),
            amount: 1 + self.rng.next_u64() % 1000,
            fee: lane.minimum_fee(1) + self.rng.next_u64() % 8,
            nonce: *nonce,
            lane,
        };
        *nonce += 1;
        self.made += 1;
        let signature = crypto::sign(&self.wallets[sender].secret, &transaction.message(&self.genesis));
        (sender, SignedTransaction { transaction, signature: FixedBytes::new(signature.to_bytes()) })
    }
}

/// What is signed and not submitted yet.
struct Stock {
    signers: Vec<mpsc::Receiver<Portion>>,
    /// How many transactions each signer is to make in all.
    target: Arc<AtomicU64>,
    ready: VecDeque<(usize, SignedTransaction)>,
    /// How many have arrived in all.
    received: u64,
    next: usize,
}

impl Load {
    /// Wallets for a load of `rate` transactions a second.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(rate: u32) -> Result<Self, Error> {
        Self::with_wallets(rate, (Self::outstanding(rate) / 16).clamp(32, 4096), false)
    }

    /// Wallets for a flood of the standard lane with `rate` transactions a second. They are many, because a mempool
    /// keeps few transactions of one sender.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn flood(rate: u32) -> Result<Self, Error> {
        Self::with_wallets(rate, u64::from(rate).clamp(32, 4096), true)
    }

    fn with_wallets(rate: u32, count: u64, flood: bool) -> Result<Self, Error> {
        let wallet = |_| {
            let secret = keys::generate_bls(b"wallet").map_err(no_randomness)?;
            Ok(Wallet { address: crypto::address(&secret), secret })
        };
        let wallets = (0..count).map(wallet).collect::<Result<Vec<_>, Error>>()?;
        let seed = *keys::random().map_err(no_randomness)?;
        Ok(Self { rate, flood, wallets: Arc::new(wallets), seed, stock: None })
    }

    /// The wallets' accounts, for the genesis.
    pub fn accounts(&self) -> BTreeMap<Address, u64> {
        self.wallets.iter().map(|wallet| (wallet.address.clone(), BALANCE)).collect()
    }

    /// The most transactions on their way: four seconds of load, within what a mempool holds.
    pub fn window(&self) -> u64 {
        Self::outstanding(self.rate)
    }

    fn outstanding(rate: u32) -> u64 {
        (u64::from(rate) * 4).clamp(256, 16_384)
    }

    /// Signs enough for `duration`, and returns when that is done.
    pub fn prepare(&mut self, genesis: sha256::Digest, duration: Duration) {
        if self.rate == 0 {
            return;
        }
        let needed = ((f64::from(self.rate) * duration.as_secs_f64()) as u64 + self.window()).min(MOST_AHEAD);
        let target = Arc::new(AtomicU64::new(needed.div_ceil(SIGNERS)));
        let signers = (0..SIGNERS).map(|signer| self.spawn_signer(signer, genesis, target.clone())).collect();
        let mut stock = Stock { signers, target, ready: VecDeque::new(), received: 0, next: 0 };
        while (stock.ready.len() as u64) < needed && stock.receive(true) {}
        self.stock = Some(stock);
    }

    /// Signer `number` owns every wallet whose index leaves that remainder, so that nonces stay in order.
    fn spawn_signer(&self, number: u64, genesis: sha256::Digest, target: Arc<AtomicU64>) -> mpsc::Receiver<Portion> {
        let (sender, receiver) = mpsc::channel();
        let mut rng = ChaCha20Rng::from_seed(self.seed);
        rng.set_stream(number);
        let own = (0..self.wallets.len()).filter(|index| *index as u64 % SIGNERS == number).collect();
        let nonces = vec![[0; 2]; self.wallets.len()];
        let (wallets, flood) = (self.wallets.clone(), self.flood);
        let mut signer = Signer { wallets, own, nonces, rng, genesis, flood, made: 0 };
        std::thread::spawn(move || {
            loop {
                let portion = if signer.made < target.load(Ordering::Relaxed) {
                    (0..PORTION).map(|_| signer.next()).collect()
                } else {
                    std::thread::sleep(TICK);
                    // An empty portion finds out whether anybody still listens.
                    Vec::new()
                };
                if sender.send(portion).is_err() {
                    return;
                }
            }
        });
        receiver
    }

    /// Submits transactions to `mempools` at the configured rate until the task is stopped.
    pub async fn run<E: Clock>(
        mut self,
        context: E,
        mempools: Vec<Mempool>,
        collector: Arc<Collector>,
        lanes: Arc<Lanes>,
    ) {
        let (rate, window) = (f64::from(self.rate), self.window());
        let Some(stock) = &mut self.stock else { return };
        let mut last = context.current();
        let (mut submitted, mut due) = (0u64, 0.0);
        loop {
            context.sleep(TICK).await;
            let now = context.current();
            due += now.duration_since(last).unwrap_or_default().as_secs_f64() * rate;
            last = now;
            if !self.flood {
                let room = window.saturating_sub(submitted.saturating_sub(collector.transactions()));
                // What the network cannot take now is not made up for later: the load is a rate, not a debt.
                due = due.min(room as f64);
            }
            stock.refill((rate * 5.0) as u64);
            let mut portions = vec![Vec::new(); mempools.len()];
            while due >= 1.0 {
                let Some((wallet, signed)) = stock.ready.pop_front() else { break };
                portions[wallet % mempools.len()].push((wallet, signed));
                due -= 1.0;
            }
            for (mempool, portion) in mempools.iter().zip(portions) {
                if portion.is_empty() {
                    continue;
                }
                let batch: Vec<_> = portion.iter().map(|(_, signed)| signed.clone()).collect();
                if mempool.submit(batch) {
                    submitted += portion.len() as u64;
                    portion.iter().for_each(|(_, signed)| lanes.submitted(&signed.transaction, now));
                } else {
                    // Refused as a whole: put it back in front, in order.
                    portion.into_iter().rev().for_each(|item| stock.ready.push_front(item));
                }
            }
        }
    }
}

impl Stock {
    /// Takes over what one signer has; with `block`, waits for it. False if the signers are gone.
    fn receive(&mut self, block: bool) -> bool {
        let signer = &self.signers[self.next];
        self.next = (self.next + 1) % self.signers.len();
        match if block { signer.recv().ok() } else { signer.try_recv().ok() } {
            Some(portion) => {
                self.received += portion.len() as u64;
                self.ready.extend(portion);
                true
            }
            None => false,
        }
    }

    /// Has another stretch signed if fewer than `low` are left.
    fn refill(&mut self, low: u64) {
        for _ in 0..self.signers.len() {
            while self.receive(false) {}
        }
        let target = self.target.load(Ordering::Relaxed);
        // The target moves on only after the last stretch has arrived.
        if (self.ready.len() as u64) < low && self.received >= SIGNERS * target {
            self.target.store(target + low.div_ceil(SIGNERS), Ordering::Relaxed);
        }
    }
}
