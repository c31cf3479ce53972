//! Clients that submit transfers at a steady rate, whatever happens to the nodes.
//!
//! Each account's transfers carry its nonces in order. An account stays with one node as long as that answers; then it
//! turns to the next, and hands in again what it does not know to be accepted.

use crate::client::{Client, integer};
use crate::network::Network;
use arblast_node::crypto::{self, SecretKey};
use arblast_node::transaction::{Address, Lane, SignedTransaction, Transaction};
use commonware_codec::Encode as _;
use commonware_utils::sequence::FixedBytes;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Threads that sign and submit, each one transfer at a time: an answer takes as long as a signature check in a batch.
const THREADS: usize = 48;

/// A running load.
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Account>>>,
}

/// An account and how far it got.
struct Account {
    secret: SecretKey,
    address: Address,
    /// The nonce of its next standard transfer: all before it were accepted.
    next: u64,
    node: usize,
}

/// What was accepted.
pub struct Sent(Vec<Account>);

impl Load {
    /// Starts `rate` transfers a second, spread over the accounts and the nodes.
    pub fn start(network: &Network, rate: u32) -> Self {
        let nodes: Vec<SocketAddr> = network.nodes.iter().map(|node| node.http).collect();
        let accounts = network.accounts().into_iter().enumerate().map(|(number, secret)| Account {
            address: crypto::address(&secret),
            secret,
            next: 0,
            node: number % 4,
        });
        let mut shares: Vec<Vec<Account>> = (0..THREADS).map(|_| Vec::new()).collect();
        for (number, account) in accounts.enumerate() {
            shares[number % THREADS].push(account);
        }
        let (stop, genesis) = (Arc::new(AtomicBool::new(false)), network.genesis);
        let spawn = |accounts: Vec<Account>| {
            let (stop, nodes) = (stop.clone(), nodes.clone());
            let pace = Duration::from_secs(THREADS as u64) / rate;
            std::thread::spawn(move || submit(accounts, &nodes, genesis, pace, &stop))
        };
        let threads = shares.into_iter().map(spawn).collect();
        Self { stop, threads }
    }

    /// Ends the load.
    pub fn stop(self) -> Sent {
        self.stop.store(true, Ordering::Relaxed);
        Sent(self.threads.into_iter().flat_map(|thread| thread.join().expect("a client panicked")).collect())
    }
}

fn submit(
    mut accounts: Vec<Account>,
    nodes: &[SocketAddr],
    genesis: [u8; 32],
    pace: Duration,
    stop: &AtomicBool,
) -> Vec<Account> {
    let mut clients: Vec<_> = nodes.iter().map(|address| Client::new(*address)).collect();
    let (mut due, mut turn) = (Instant::now(), 0);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        // The load is a rate, not a debt.
        due = (due + pace).max(Instant::now() - Duration::from_secs(1));
        let place = turn % accounts.len();
        turn += 1;
        let account = &mut accounts[place];
        let signed = account.sign(&genesis);
        let code = |answer: &crate::client::Answer| answer.body["error"]["code"].as_str().unwrap_or("").to_owned();
        match clients[account.node].submit(&signed) {
            Ok(answer) if answer.status == 202 => account.next += 1,
            // It was accepted, and the answer lost.
            Ok(answer) if answer.status == 409 => account.next += 1,
            Ok(answer) if matches!(answer.status, 429 | 503) => {}
            Ok(answer) => panic!("a good transaction was refused: {} {} {}", answer.status, code(&answer), answer.body),
            Err(_) => account.node = (account.node + 1) % nodes.len(),
        }
    }
    accounts
}

impl Account {
    fn sign(&self, genesis: &[u8; 32]) -> Vec<u8> {
        transfer(&self.secret, self.next, genesis)
    }
}

/// A signed transfer of an account to itself, as it travels.
pub fn transfer(secret: &SecretKey, nonce: u64, genesis: &[u8; 32]) -> Vec<u8> {
    let address = crypto::address(secret);
    let transaction = Transaction {
        sender: address.clone(),
        recipient: address,
        amount: 1,
        fee: Lane::Standard.minimum_fee(1),
        nonce,
        lane: Lane::Standard,
    };
    let signature = crypto::sign(secret, &transaction.message(&(*genesis).into()));
    SignedTransaction { transaction, signature: FixedBytes::new(signature.to_bytes()) }.encode().to_vec()
}

impl Sent {
    /// How many transfers were accepted.
    pub fn accepted(&self) -> u64 {
        self.0.iter().map(|account| account.next).sum()
    }

    /// Waits until every accepted transfer is final at every node; gives how long that took.
    pub fn settle(&self, network: &Network, within: Duration) -> Duration {
        let start = Instant::now();
        for node in &network.nodes {
            let mut client = node.client();
            for account in self.0.iter().filter(|account| account.next > 0) {
                let path = format!("/v1/accounts/0x{}", account.address);
                let mut nonce = 0;
                while nonce < account.next {
                    nonce = client.ok(&path).and_then(|body| integer(&body["nonces"]["standard"])).unwrap_or(nonce);
                    assert!(
                        nonce >= account.next || start.elapsed() < within,
                        "validator {}: account {} is at nonce {nonce}, but {} transfers were accepted",
                        node.index,
                        account.address,
                        account.next,
                    );
                    if nonce < account.next {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                }
            }
        }
        start.elapsed()
    }
}
