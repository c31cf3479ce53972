//! The ledger as the consensus engine sees it: building, checking and finalizing blocks.
//!
//! Runs under commonware's `stateful`, which keeps the state of blocks that are not final yet and hands each call the
//! state of the block's parent, and under marshal's `Deferred`, which has checked the block's context, parent and
//! height before a block is processed here.
//!
//! # Building
//!
//! A proposer waits until the block interval has passed since it first saw the parent, takes the best transactions
//! from its mempool, drops those that do not settle, sums their signatures and commits to the resulting state.
//!
//! # Checking
//!
//! In the order of [`crate::block`]: shape, settlement, new accounts, signatures, state root. A block that is final
//! already is only executed: a quorum has checked it.
//!
//! "Invalid" is a permanent verdict. When a signature check cannot be carried out, which is our trouble and not the
//! block's, it is tried again until it can.

use crate::block::{Block, Context, InvalidShape, Shares, State};
use crate::chain::Chain;
use crate::crypto::{Checker, Keys, Signature};
use crate::environment::Environment;
use crate::genesis::Genesis;
use crate::ledger::{Account, Databases, Overlay};
use crate::mempool::Mempool;
use crate::mempool::pool::Candidate;
use crate::monitor::{Event, Probe};
use crate::transaction::{Address, Transaction, TransactionId};
use crate::validation::{self, Verdict};
use crate::vote::Scheme;
use commonware_consensus::Heightable as _;
use commonware_consensus::marshal::ancestry::Ancestry;
use commonware_cryptography::{Digestible as _, sha256};
use commonware_glue::stateful::db::{DatabaseSet, Merkleized as _};
use commonware_glue::stateful::{self, Finality, Input, Proposed};
use commonware_glue::transfers::{Plan, Rejection, Selection};
use commonware_parallel::Sequential;
use commonware_runtime::{Clock, Spawner};
use commonware_storage::qmdb::sync::Target;
use commonware_utils::non_empty_range;
use commonware_utils::sequence::FixedBytes;
use commonware_utils::sync::Mutex;
use futures::StreamExt as _;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Changes a block after it was built. Tests use it to make a proposer Byzantine.
pub type Tamper = Arc<dyn Fn(&mut Block) + Send + Sync>;

/// What an application is made of.
pub struct Config {
    /// The network's genesis.
    pub genesis: Arc<Genesis>,
    /// The genesis block.
    pub genesis_block: Block,
    /// Checks signatures.
    pub checker: Checker,
    /// Decoded account keys.
    pub keys: Keys,
    /// Where transactions come from.
    pub mempool: Mempool,
    /// Hears of proposals, checks and final blocks.
    pub probe: Probe,
    /// The least time from a block to the next.
    pub interval: Duration,
    /// Makes this proposer Byzantine.
    pub tamper: Option<Tamper>,
}

/// The ledger application of one validator. Cheap to clone.
#[derive(Clone)]
pub struct Application {
    config: Arc<Config>,
    chain: Arc<Mutex<Chain>>,
}

/// Why a block is refused.
#[derive(Debug, thiserror::Error)]
enum Invalid {
    #[error(transparent)]
    Shape(#[from] InvalidShape),
    #[error(transparent)]
    Settlement(#[from] Rejection<Address>),
    #[error("the new account {0} is not a public key in the subgroup")]
    Account(Address),
    #[error("the aggregate signature does not verify")]
    Signature,
    #[error("got state root {got}, expected {expected}")]
    Root { got: sha256::Digest, expected: sha256::Digest },
}

type Unmerkleized<E> = <Databases<E> as DatabaseSet<E>>::Unmerkleized;
type Merkleized<E> = <Databases<E> as DatabaseSet<E>>::Merkleized;

/// Pause before a check that could not be carried out is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// What a storage failure does: the state is unknown, and the engine's contract is to stop.
const STORAGE: &str = "the account database cannot be read";

impl Application {
    /// An application at the genesis.
    pub fn new(config: Config) -> Self {
        Self { config: Arc::new(config), chain: Arc::default() }
    }

    /// Waits until the interval since this node first saw the parent has passed.
    async fn pace<E: Clock>(&self, context: &E, parent: &sha256::Digest) {
        let seen = self.chain.lock().seen(parent);
        if let Some(seen) = seen {
            context.sleep_until(seen + self.config.interval).await;
        }
    }

    /// Picks transactions that settle on the parent's state, and executes them.
    async fn build<E: Environment>(
        &self,
        context: &mut E,
        height: u64,
        candidates: Vec<Candidate>,
        batches: Unmerkleized<E>,
    ) -> (Vec<Candidate>, Merkleized<E>) {
        let overlay = Overlay::at(&self.config.genesis, height);
        let transactions: Vec<_> = candidates.iter().map(|candidate| candidate.transaction.clone()).collect();
        let mut selection = Selection::<Address, Account>::with_seed(context.next_u64());
        selection.touch(&transactions);
        let keys = selection.keys().to_vec();
        let (stored, staged) = batches.stage(&keys.iter().collect::<Vec<_>>()).await.expect(STORAGE);
        let before: Vec<_> = keys.iter().zip(stored).map(|(key, stored)| overlay.read(key, stored)).collect();
        selection.register(before.clone());
        let accepted = selection.apply(&transactions);
        let (slots, untouched) = overlay.writes(&keys, &before, selection.settle(&Sequential));
        let merkleized = staged.merkleize(slots, untouched).await.expect(STORAGE);
        let picked = candidates.into_iter().zip(accepted).filter(|(_, accepted)| *accepted);
        (picked.map(|(candidate, _)| candidate).collect(), merkleized)
    }

    /// Executes a block on its parent's state; returns the accounts it creates, too.
    async fn execute<E: Environment>(
        &self,
        context: &mut E,
        block: &Block,
        batches: Unmerkleized<E>,
    ) -> Result<(Vec<Address>, Merkleized<E>), Invalid> {
        let overlay = Overlay::at(&self.config.genesis, block.height.get());
        let plan = Plan::<Address, Account>::with_seed(&block.transactions, context.next_u64(), &Sequential)?;
        let keys = plan.keys();
        let (stored, staged) = batches.stage(&keys.iter().collect::<Vec<_>>()).await.expect(STORAGE);
        let before: Vec<_> = keys.iter().zip(stored).map(|(key, stored)| overlay.read(key, stored)).collect();
        let slots = plan.settle(&before, &Sequential)?;
        let created = keys.iter().zip(&before).filter(|(_, before)| before.is_none());
        let created = created.map(|(key, _)| key.clone()).collect();
        let (slots, untouched) = overlay.writes(keys, &before, slots);
        let merkleized = staged.merkleize(slots, untouched).await.expect(STORAGE);
        Ok((created, merkleized))
    }

    /// The sum of the picked signatures, computed off the runtime's workers; none if this node is stopping.
    async fn sum<E: Spawner>(&self, context: &E, signatures: Vec<Signature>) -> Option<FixedBytes<96>> {
        let checker = self.config.checker.clone();
        let work = context.child("sum").shared(true).spawn(move |_| async move { checker.aggregate(&signatures) });
        match work.await {
            Ok(Ok(sum)) => Some(FixedBytes::new(sum.to_bytes())),
            Ok(Err(error)) => {
                tracing::error!(%error, "the signatures of a block could not be summed; no block is proposed");
                None
            }
            Err(_) => None,
        }
    }

    /// Checks the signatures of a block, off the runtime's workers.
    async fn signatures<E: Environment>(&self, context: &mut E, block: &Arc<Block>, ids: &[TransactionId]) -> Verdict {
        let known: Vec<_> = self.config.mempool.with(|pool| ids.iter().map(|id| pool.signature(id)).collect());
        loop {
            let mut seeds = [[0; 32]; 2];
            seeds.iter_mut().for_each(|seed| context.fill_bytes(seed));
            let (config, block, known) = (self.config.clone(), block.clone(), known.clone());
            let work = context.child("signatures").shared(true).spawn(move |_| async move {
                let Config { checker, keys, genesis, .. } = &*config;
                let aggregate = block.signature.as_ref();
                validation::check(checker, keys, genesis.digest(), &block.transactions, &known, aggregate, seeds)
            });
            match work.await {
                Ok(Ok(verdict)) => return verdict,
                Ok(Err(error)) => tracing::error!(%error, "a block could not be checked; trying again"),
                Err(error) => tracing::debug!(%error, "a block check was stopped"),
            }
            context.sleep(RETRY).await;
        }
    }

    /// Checks a block completely; gives its state, and what the signature check did.
    async fn check<E: Environment>(
        &self,
        context: &mut E,
        block: &Arc<Block>,
        batches: Unmerkleized<E>,
        finality: Finality,
    ) -> Result<(Merkleized<E>, Option<(Verdict, Duration)>), Invalid> {
        block.check(self.config.genesis.parameters())?;
        let (created, merkleized) = self.execute(context, block, batches).await?;
        if let Some(address) = created.into_iter().find(|address| self.config.keys.get(address).is_none()) {
            return Err(Invalid::Account(address));
        }
        let mut signatures = None;
        if finality == Finality::Candidate {
            let start = context.current();
            let ids: Vec<_> = block.transactions.iter().map(Transaction::id).collect();
            let verdict = self.signatures(context, block, &ids).await;
            if !verdict.valid {
                return Err(Invalid::Signature);
            }
            self.config.mempool.with(|pool| pool.verified(block.height.get(), ids));
            signatures = Some((verdict, elapsed(context, start)));
        }
        let (got, expected) = (block.state.root, merkleized.root());
        if got != expected {
            return Err(Invalid::Root { got, expected });
        }
        Ok((merkleized, signatures))
    }
}

fn elapsed(context: &impl Clock, start: SystemTime) -> Duration {
    context.current().duration_since(start).unwrap_or_default()
}

/// The state a batch leaves behind, as a block commits to it.
fn state<E: Environment>(merkleized: &Merkleized<E>) -> State {
    let bounds = merkleized.bounds();
    State { root: merkleized.root(), range: non_empty_range!(bounds.inactivity_floor, bounds.tip.size) }
}

impl<E: Environment> stateful::Application<E> for Application {
    type SigningScheme = Scheme;
    type Context = Context;
    type Block = Block;
    type Databases = Databases<E>;
    type Captured = ();
    type Provider = ();
    type Input = ();

    fn sync_targets(block: &Block) -> <Databases<E> as DatabaseSet<E>>::SyncTargets {
        Target::new(block.state.root, block.state.range.clone())
    }

    async fn genesis(&mut self) -> Block {
        self.config.genesis_block.clone()
    }

    async fn propose(
        &mut self,
        (mut context, consensus): (E, Context),
        ancestry: impl Ancestry<Block>,
        batches: Unmerkleized<E>,
        _: Input<(), ()>,
    ) -> Option<Proposed<Self, E>> {
        let mut ancestry = Box::pin(ancestry);
        let parent = ancestry.next().await?;
        let height = parent.height().next();
        self.pace(&context, &parent.digest()).await;
        let at = context.current();

        let shares = Shares::new(self.config.genesis.parameters().block_transactions);
        let spent = self.chain.lock().spent(&parent.digest());
        let candidates = self.config.mempool.with(|pool| pool.candidates(shares, &spent));
        let (picked, merkleized) = self.build(&mut context, height.get(), candidates, batches).await;

        let signature = self.sum(&context, picked.iter().map(|candidate| candidate.signature).collect()).await?;
        let mut block = Block {
            context: consensus,
            parent: parent.digest(),
            height,
            state: state::<E>(&merkleized),
            signature,
            transactions: picked.into_iter().map(|candidate| candidate.transaction).collect(),
        };
        if let Some(tamper) = &self.config.tamper {
            tamper(&mut block);
        }
        let digest = block.digest();
        self.chain.lock().note(digest, &block, at);
        self.config.probe.on(Event::Proposed { block: digest, height: height.get(), at });
        Some(Proposed { block, merkleized })
    }

    async fn process(
        &mut self,
        (mut context, _): (E, Context),
        ancestry: impl Ancestry<Block>,
        batches: Unmerkleized<E>,
        finality: Finality,
    ) -> Option<Merkleized<E>> {
        let digested = ancestry.peek()?.clone();
        let digest = digested.digest();
        let block: Arc<Block> = digested.into();
        let start = context.current();
        self.chain.lock().note(digest, &block, start);
        let height = block.height.get();
        match self.check(&mut context, &block, batches, finality).await {
            Ok((merkleized, signatures)) => {
                if let Some((signatures, checking)) = signatures {
                    let total = elapsed(&context, start);
                    self.config.probe.on(Event::Verified { block: digest, height, signatures, checking, total });
                }
                Some(merkleized)
            }
            Err(reason) => {
                tracing::warn!(%digest, height, %reason, "refused a block");
                self.config.probe.on(Event::Refused { block: digest, height, reason: reason.to_string() });
                None
            }
        }
    }

    async fn capture(
        &mut self,
        _: (E, Context),
        _: &Block,
        _: &Merkleized<E>,
        _: <Databases<E> as DatabaseSet<E>>::Readers,
    ) {
    }

    async fn finalized(
        &mut self,
        (context, _): (E, Context),
        block: &Block,
        (): (),
        readers: <Databases<E> as DatabaseSet<E>>::Readers,
    ) {
        // In order, because the deterministic runtime watches the order of reads.
        let senders: BTreeSet<&Address> = block.transactions.iter().map(|transaction| &transaction.sender).collect();
        let senders: Vec<&Address> = senders.into_iter().collect();
        let accounts = readers.read().await.get_many(&senders).await.expect(STORAGE);
        let accounts: HashMap<_, _> = senders
            .into_iter()
            .cloned()
            .zip(accounts)
            .map(|(key, account)| (key, account.unwrap_or_default()))
            .collect();
        let height = block.height.get();
        self.config.mempool.with(|pool| pool.finalized(height, &accounts));
        self.chain.lock().finalized(block.height);
        self.config.probe.on(Event::Finalized {
            block: block.digest(),
            round: block.context.round,
            height,
            root: block.state.root,
            transactions: block.transactions.len(),
            at: context.current(),
        });
    }
}
