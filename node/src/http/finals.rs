//! What of the chain is shown: durable final blocks, accounts with the height of their state, recent transactions.

use crate::block::Block;
use crate::environment::Environment;
use crate::genesis::Genesis;
use crate::ledger::{Account, Databases, Overlay};
use crate::status::Status;
use crate::transaction::{Address, Transaction, TransactionId};
use crate::vote::Scheme;
use commonware_consensus::marshal::Identifier;
use commonware_consensus::marshal::core::Mailbox as MarshalMailbox;
use commonware_consensus::marshal::standard::Standard;
use commonware_consensus::simplex::types::Finalization;
use commonware_consensus::types::Height;
use commonware_cryptography::{Digestible as _, sha256};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// The account database of any runtime.
pub(super) trait Accounts: Send + Sync {
    /// What the latest final state holds for an account, and the root of that state; an error if storage fails.
    fn account<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, Result<Stored, String>>;
}

/// An account as it is stored, with the root of the state it is part of.
type Stored = (Option<Account>, sha256::Digest);

impl<E: Environment> Accounts for Databases<E> {
    fn account<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, Result<Stored, String>> {
        async move {
            // Both under one lock.
            let database = self.read().await;
            let account = database.get(address).await.map_err(|error| error.to_string())?;
            Ok((account, database.root()))
        }
        .boxed()
    }
}

/// A block by what a client calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Latest,
    Height(u64),
    Hash(sha256::Digest),
}

/// Why a block is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// No final block of this node has that name.
    Unknown { latest: u64 },
    /// It was final once and is not kept any more.
    Pruned,
}

/// Transactions of the latest final blocks that are remembered: about 10 MB.
const RECENT: usize = 1 << 16;
/// Blocks that are looked at for transactions when the node starts, or after it caught up with many at once.
const LOOK_BACK: u64 = 256;
/// Roots of recent states that are remembered.
const ROOTS: usize = 64;
/// How far the state can be from the height that marshal calls processed: blocks that are handed over and not
/// acknowledged yet, and some that are finalized while one looks.
const AHEAD: u64 = 16;
/// How far above a block a certificate is looked for. Certificates are missing where consensus skipped to a later one.
const CERTIFIED_WITHIN: u64 = 64;

/// A view of the final chain.
pub(super) struct Finals {
    genesis: Arc<Genesis>,
    genesis_block: Block,
    marshal: MarshalMailbox<Scheme, Standard<Block>>,
    accounts: Arc<dyn Accounts>,
    status: Status,
    /// Heights of recent states by their roots, newest last.
    roots: Mutex<VecDeque<(sha256::Digest, u64)>>,
    recent: Mutex<Recent>,
}

/// Where recent transactions are.
#[derive(Debug, Default)]
struct Recent {
    heights: HashMap<TransactionId, u64>,
    order: VecDeque<TransactionId>,
    /// The last block that was looked at.
    seen: Option<u64>,
}

impl Recent {
    fn add(&mut self, height: u64, ids: impl Iterator<Item = TransactionId>) {
        for id in ids {
            if self.order.len() == RECENT
                && let Some(oldest) = self.order.pop_front()
            {
                self.heights.remove(&oldest);
            }
            self.order.push_back(id);
            self.heights.insert(id, height);
        }
        self.seen = Some(height);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing that holds one of these locks can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Finals {
    pub fn new<E: Environment>(
        genesis: Arc<Genesis>,
        marshal: MarshalMailbox<Scheme, Standard<Block>>,
        databases: Databases<E>,
        status: Status,
    ) -> Self {
        let genesis_block = crate::engine::genesis_block::<E>(&genesis);
        Self {
            genesis,
            genesis_block,
            marshal,
            accounts: Arc::new(databases),
            status,
            roots: Mutex::default(),
            recent: Mutex::default(),
        }
    }

    /// The highest block that is shown.
    ///
    /// A block is handed to the ledger, which reports to the status, after marshal's archive was synced; so both
    /// heights below are of durable blocks. The first knows of them sooner, the second also after a restart.
    pub async fn latest(&self) -> u64 {
        let processed = self.marshal.get_processed().await.map_or(0, |processed| processed.height().get());
        processed.max(self.status.progress().height)
    }

    /// A final block.
    pub async fn block(&self, name: Name) -> Result<Block, Absent> {
        let latest = self.latest().await;
        let height = match name {
            Name::Latest => latest,
            Name::Height(height) => height,
            Name::Hash(hash) if hash == self.genesis_block.digest() => 0,
            // This looks in the archive of final blocks only.
            Name::Hash(hash) => match self.marshal.get_info(Identifier::Digest(hash)).await {
                Some((height, _)) => height.get(),
                None => return Err(Absent::Unknown { latest }),
            },
        };
        if height > latest {
            return Err(Absent::Unknown { latest });
        }
        self.at(height).await.ok_or(Absent::Pruned)
    }

    /// The block of the archive at a height.
    async fn at(&self, height: u64) -> Option<Block> {
        if height == 0 {
            return Some(self.genesis_block.clone());
        }
        let block = self.marshal.get_block(Identifier::<sha256::Digest>::Height(Height::new(height))).await?;
        let block: Arc<Block> = block.into();
        Some(Arc::unwrap_or_clone(block))
    }

    /// The certificate that makes the block at a height final, and the height of the block it names: the lowest one
    /// at or above that has a certificate.
    pub async fn certificate(&self, height: u64) -> Option<(u64, Finalization<Scheme, sha256::Digest>)> {
        for above in height..=height.saturating_add(CERTIFIED_WITHIN).min(self.latest().await) {
            if let Some(finalization) = self.marshal.get_finalization(Height::new(above)).await {
                return Some((above, finalization));
            }
        }
        None
    }

    /// An account in the latest final state, with the height and the root of that state; `None` as the height if that
    /// cannot be told right now.
    ///
    /// # Errors
    /// Storage fails.
    pub async fn account(&self, address: &Address) -> Result<(Option<Account>, Option<u64>, sha256::Digest), String> {
        let (stored, root) = self.accounts.account(address).await?;
        let height = self.height(&root).await;
        let account = match height {
            // The genesis balances enter the database with the first block.
            Some(0) => Overlay::at(&self.genesis, 1).read(address, stored),
            _ => stored,
        };
        Ok((account, height, root))
    }

    /// The height of the state with this root.
    async fn height(&self, root: &sha256::Digest) -> Option<u64> {
        if *root == self.genesis_block.state.root {
            return Some(0);
        }
        if let Some((_, height)) = lock(&self.roots).iter().rev().find(|(known, _)| known == root) {
            return Some(*height);
        }
        let latest = self.latest().await;
        let around = (0..=AHEAD).flat_map(|away| [latest.saturating_add(away), latest.saturating_sub(away)]);
        for height in around {
            let Some(block) = self.at(height).await else { continue };
            if block.state.root == *root {
                let mut roots = lock(&self.roots);
                if roots.len() == ROOTS {
                    roots.pop_front();
                }
                roots.push_back((*root, height));
                return Some(height);
            }
        }
        None
    }

    /// The height of the recent final block that holds a transaction.
    pub fn transaction(&self, id: &TransactionId) -> Option<u64> {
        lock(&self.recent).heights.get(id).copied()
    }

    /// Looks at the blocks that became final since the last call, for [`Finals::transaction`].
    pub async fn follow(&self) {
        let latest = self.latest().await;
        let seen = lock(&self.recent).seen.unwrap_or(0);
        for height in seen.max(latest.saturating_sub(LOOK_BACK)) + 1..=latest {
            let ids: Vec<_> =
                self.at(height).await.iter().flat_map(|block| &block.transactions).map(Transaction::id).collect();
            lock(&self.recent).add(height, ids.into_iter());
        }
    }
}
