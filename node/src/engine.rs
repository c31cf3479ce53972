//! One validator's engine: consensus, blocks, state and mempool, wired together.
//!
//! [`start`] is the only way to run a validator. It is generic over the runtime and the network, so that the devnet
//! (tokio, authenticated connections) and the tests (deterministic runtime, simulated links) run the same code.
//!
//! ```text
//!              votes, certificates                blocks                     transactions
//!                     |                             |                             |
//!   record <-- vote::Scheme --> dispatcher      marshal (+ buffer, backfill)   mempool --> dispatcher
//!                     |                             |                             |
//!                 simplex ----- Deferred ------- stateful ------ Application -----+
//!                                                   |                 |
//!                                                 QMDB            dispatcher
//! ```
//!
//! # Channels
//!
//! Seven, in the order of [`Channels`]. Quotas are small on purpose: the network reserves, for each channel, room for
//! one burst of quota from every peer of every tracked set, of messages of any size.
//!
//! # Storage
//!
//! All partitions begin with the configured prefix. The vote record is not among them (see [`crate::vote::record`]).

use crate::application::{self, Application, Tamper};
use crate::block::{Block, BlockLimit, State};
use crate::crypto::{Checker, Keys};
use crate::environment::Environment;
use crate::genesis::Genesis;
use crate::ledger::{Account, Database, Databases, database_config};
use crate::mempool::{self, MAX_GOSSIP_BYTES, Mempool};
use crate::monitor::{Blocks, Certificates, Monitor, Probe};
use crate::transaction::Address;
use crate::vote::Scheme;
use commonware_broadcast::buffered;
use commonware_codec::FixedSize as _;
use commonware_consensus::marshal;
use commonware_consensus::marshal::core::{Actor as Marshal, Mailbox as MarshalMailbox};
use commonware_consensus::marshal::resolver::p2p as backfill;
use commonware_consensus::marshal::standard::{Deferred, Standard};
use commonware_consensus::simplex;
use commonware_consensus::simplex::config::{Floor, ForwardPolicy, SkipBudget, SkipPolicy};
use commonware_consensus::simplex::elector::RoundRobin;
use commonware_consensus::types::{Epoch, FixedEpocher, ViewDelta};
use commonware_cryptography::certificate::ConstantProvider;
use commonware_cryptography::{Digested, Digestible as _, Sha256, ed25519, sha256};
use commonware_glue::stateful::db::{DatabaseSet, SyncEngineConfig, p2p as state_sync};
use commonware_glue::stateful::{self, PruneConfig, Stateful, SyncPlan};
use commonware_p2p::{Blocker, Provider, Receiver, Sender, max_message_size};
use commonware_parallel::Sequential;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_runtime::{Handle, Quota};
use commonware_storage::archive::prunable;
use commonware_storage::mmr;
use commonware_storage::qmdb::any::unordered::fixed::Operation;
use commonware_storage::translator::EightCap;
use commonware_utils::{NZDuration, NZU16, NZU32, NZU64, NZUsize};
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

/// Identifier and quota of each channel, in the order of [`Channels`].
pub const CHANNELS: [(u64, Quota); 7] = [
    (0, Quota::per_second(NZU32!(256))),
    (1, Quota::per_second(NZU32!(256))),
    (2, Quota::per_second(NZU32!(64))),
    (3, Quota::per_second(NZU32!(32))),
    (4, Quota::per_second(NZU32!(32))),
    (5, Quota::per_second(NZU32!(32))),
    (6, Quota::per_second(NZU32!(64))),
];

/// A sender and a receiver for each channel.
pub struct Channels<S, R> {
    /// Votes.
    pub votes: (S, R),
    /// Certificates.
    pub certificates: (S, R),
    /// Certificates on request.
    pub resolver: (S, R),
    /// Blocks on request.
    pub backfill: (S, R),
    /// Blocks as they are proposed.
    pub blocks: (S, R),
    /// State on request.
    pub state: (S, R),
    /// Transactions.
    pub transactions: (S, R),
}

impl<S, R> Channels<S, R> {
    /// Takes the pairs in the order of [`CHANNELS`]; `None` if there are too few.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (S, R)>) -> Option<Self> {
        let mut pairs = pairs.into_iter();
        Some(Self {
            votes: pairs.next()?,
            certificates: pairs.next()?,
            resolver: pairs.next()?,
            backfill: pairs.next()?,
            blocks: pairs.next()?,
            state: pairs.next()?,
            transactions: pairs.next()?,
        })
    }
}

/// What makes one validator.
pub struct Config<B, P> {
    /// Its index, for reports.
    pub index: usize,
    /// Its identity on the network.
    pub identity: ed25519::PublicKey,
    /// The network's genesis.
    pub genesis: Arc<Genesis>,
    /// Signs and checks votes.
    pub scheme: Scheme,
    /// Checks everything else.
    pub checker: Checker,
    /// Blocks peers that break the protocol.
    pub blocker: B,
    /// Knows the peers.
    pub peers: P,
    /// Hears what happens.
    pub monitor: Arc<dyn Monitor>,
    /// Beginning of the names of all partitions.
    pub prefix: String,
    /// The least time from a block to the next.
    pub interval: Duration,
    /// Bounds of the mempool.
    pub mempool: mempool::pool::Limits,
    /// Makes its proposals Byzantine, for tests.
    pub tamper: Option<Tamper>,
}

/// A running validator.
pub struct Validator {
    /// Ends when the engine does; aborting it stops everything.
    pub handle: Handle<()>,
    /// Where its clients submit transactions.
    pub mempool: Mempool,
    /// Its blocks.
    pub marshal: MarshalMailbox<Scheme, Standard<Block>>,
}

/// Operations of the state log in one message of state sync.
const SYNC_BATCH: NonZeroU64 = NZU64!(64);
const MAILBOX: NonZeroUsize = NZUsize!(256);
const BUFFER: NonZeroUsize = NZUsize!(1 << 16);
/// Decoded account keys kept by a validator, about 13 MB.
const KEYS: usize = 1 << 16;
/// One epoch for ever: the committee of a devnet does not change.
const EPOCH_LENGTH: NonZeroU64 = NZU64!(u64::MAX);
/// How many heights marshal may hand over before the first is acknowledged.
const PENDING: NonZeroUsize = NZUsize!(4);

/// The largest message of a network with this genesis, in bytes.
pub fn message_size(genesis: &Genesis) -> u32 {
    let participants = u32::try_from(genesis.validators().len()).unwrap_or(u32::MAX);
    let limit = BlockLimit(genesis.parameters().block_transactions);
    max_message_size(&[
        simplex::max_payload_size::<Scheme, sha256::Digest>(participants),
        marshal::max_payload_size::<Standard<Block>, Scheme>(participants, &limit),
        state_sync::max_payload_size::<mmr::Family, sha256::Digest>(
            SYNC_BATCH,
            Operation::<mmr::Family, Address, Account>::SIZE,
        ),
        MAX_GOSSIP_BYTES,
    ])
}

/// The block before the first, over the empty account database.
pub fn genesis_block<E: Environment>(genesis: &Genesis) -> Block {
    let empty = <Databases<E> as DatabaseSet<E>>::initial_sync_targets();
    Block::genesis(genesis, State { root: empty.root, range: empty.range })
}

/// Starts a validator.
///
/// # Panics
/// If its storage cannot be opened, or if the consensus engine's own invariants break.
pub async fn start<E, B, P, S, R>(context: E, config: Config<B, P>, channels: Channels<S, R>) -> Validator
where
    E: Environment,
    B: Blocker<PublicKey = ed25519::PublicKey>,
    P: Provider<PublicKey = ed25519::PublicKey>,
    S: Sender<PublicKey = ed25519::PublicKey>,
    R: Receiver<PublicKey = ed25519::PublicKey>,
{
    let prefix = config.prefix;
    let probe = Probe::new(config.monitor, config.index);
    let blocker = Blocks { inner: config.blocker, probe: probe.clone() };
    let page_cache = CacheRef::new(NZU16!(16_384), NZUsize!(256));
    let limit = BlockLimit(config.genesis.parameters().block_transactions);
    let genesis_block = genesis_block::<E>(&config.genesis);
    let genesis_digest = genesis_block.digest();
    let keys = Keys::new(KEYS);
    let (mempool, submissions) = Mempool::new(config.mempool);

    // Blocks: a buffer for what peers broadcast, a resolver for what is missing, archives for what is final.
    let (buffer_engine, buffer) = buffered::Engine::new(
        context.child("blocks"),
        buffered::Config {
            public_key: config.identity.clone(),
            mailbox_size: MAILBOX,
            deque_size: 16,
            priority: true,
            codec_config: limit,
            peer_provider: config.peers.clone(),
            strategy: Sequential,
        },
    );
    buffer_engine.start(channels.blocks);
    let resolver = backfill::init(
        context.child("backfill"),
        backfill::Config {
            public_key: config.identity.clone(),
            peer_provider: config.peers.clone(),
            blocker: blocker.clone(),
            mailbox_size: MAILBOX,
            fetch_timeout: NZDuration!(Duration::from_secs(2)),
            fetch_retry_delay: Duration::from_millis(100),
            priority_requests: false,
            priority_responses: false,
        },
        channels.backfill,
    );
    let certificates = prunable::Archive::init(
        context.child("certificates"),
        archive_config(&prefix, "certificates", page_cache.clone(), config.genesis.validators().len()),
    );
    let certificates = certificates.await.expect("the archive of certificates cannot be opened");
    let blocks =
        prunable::Archive::init(context.child("archive"), archive_config(&prefix, "blocks", page_cache.clone(), limit));
    let blocks = blocks.await.expect("the archive of blocks cannot be opened");

    let plan = SyncPlan::init(context.child("plan"), prefix.clone()).await;
    let (marshal, marshal_mailbox, floor) = Marshal::<_, Standard<Block>, _, _, _, _, _>::init(
        context.child("marshal"),
        certificates,
        blocks,
        marshal::Config {
            provider: ConstantProvider::new(config.scheme.clone()),
            epocher: FixedEpocher::new(EPOCH_LENGTH),
            start: plan.marshal_start(Digested::precomputed(genesis_block.clone(), genesis_digest)),
            partition_prefix: format!("{prefix}-marshal"),
            mailbox_size: MAILBOX,
            view_retention: ViewDelta::new(64),
            prunable_items_per_section: NZU64!(256),
            page_cache: page_cache.clone(),
            replay_buffer: BUFFER,
            key_write_buffer: BUFFER,
            value_write_buffer: BUFFER,
            block_codec_config: limit,
            max_repair: NZUsize!(16),
            max_pending_acks: PENDING,
            strategy: Sequential,
        },
    )
    .await;

    // State: the account database under speculative execution.
    let (state_resolver, state_mailbox) =
        state_sync::Actor::<_, ed25519::PublicKey, _, _, mmr::Family, Database<E>>::new(
            context.child("state_sync"),
            state_sync::Config {
                peer_provider: config.peers.clone(),
                blocker: blocker.clone(),
                database: None,
                mailbox_size: MAILBOX,
                me: Some(config.identity.clone()),
                fetch_timeout: NZDuration!(Duration::from_secs(2)),
                fetch_retry_delay: Duration::from_millis(100),
                max_serve_ops: SYNC_BATCH,
                priority_requests: false,
                priority_responses: false,
            },
        );
    state_resolver.start(channels.state);
    let application = Application::new(application::Config {
        genesis: config.genesis.clone(),
        genesis_block,
        checker: config.checker.clone(),
        keys: keys.clone(),
        mempool: mempool.clone(),
        probe: probe.clone(),
        interval: config.interval,
        tamper: config.tamper,
    });
    let (state, state_handle) = Stateful::new(
        context.child("state"),
        stateful::Config {
            application,
            db_config: database_config(&prefix, page_cache.clone()),
            provider: (),
            marshal: (marshal_mailbox.clone(), floor),
            mailbox_size: MAILBOX,
            plan,
            resolvers: state_mailbox,
            sync_config: SyncEngineConfig {
                fetch_batch_size: SYNC_BATCH,
                apply_batch_size: NZU64!(1024),
                max_outstanding_requests: NZUsize!(8),
            },
            prune_config: Some(PruneConfig {
                maintenance_interval: NZUsize!(256),
                retained_marshal_blocks: 4096,
                retained_qmdb_blocks: 256,
            }),
            strategy: Sequential,
        },
    );
    marshal.start(state_handle.clone(), buffer, resolver);
    state.start();

    let databases = state_handle.subscribe_databases().await;
    let mempool_config = mempool::Config {
        mempool: mempool.clone(),
        submissions,
        genesis: config.genesis,
        checker: config.checker,
        keys,
        probe: probe.clone(),
    };
    mempool::start(context.child("mempool"), mempool_config, databases, channels.transactions);

    // Consensus. It takes the context itself, so that aborting its handle stops everything above.
    let deferred = Deferred::new(
        context.child("deferred"),
        state_handle,
        marshal_mailbox.clone(),
        FixedEpocher::new(EPOCH_LENGTH),
    );
    let reporter = Certificates { inner: deferred.clone(), probe, clock: Arc::new(context.child("clock")) };
    let engine = simplex::Engine::new(
        context,
        simplex::Config {
            scheme: config.scheme,
            elector: RoundRobin::<Sha256>::default(),
            blocker,
            automaton: deferred.clone(),
            relay: deferred,
            reporter,
            track_historical_votes: false,
            strategy: Sequential,
            partition: format!("{prefix}-consensus"),
            mailbox_size: MAILBOX,
            epoch: Epoch::zero(),
            floor: Floor::Genesis(genesis_digest),
            replay_buffer: BUFFER,
            write_buffer: BUFFER,
            page_cache,
            // A leader may use the whole interval before it proposes.
            leader_timeout: config.interval + Duration::from_secs(2),
            certification_timeout: config.interval + Duration::from_secs(4),
            timeout_retry: Duration::from_secs(2),
            view_retention: ViewDelta::new(64),
            skip: SkipPolicy::Enabled {
                timeout: config.interval + Duration::from_secs(12),
                budget: SkipBudget::Participants,
            },
            fetch_timeout: NZDuration!(Duration::from_secs(1)),
            fetch_retry_delay: Duration::from_millis(100),
            forward: ForwardPolicy::SilentVoters,
        },
    );
    let handle = engine.start(channels.votes, channels.certificates, channels.resolver);
    Validator { handle, mempool, marshal: marshal_mailbox }
}

fn archive_config<C>(prefix: &str, name: &str, page_cache: CacheRef, codec_config: C) -> prunable::Config<EightCap, C> {
    prunable::Config {
        translator: EightCap,
        metadata_partition: format!("{prefix}-{name}-metadata"),
        key_partition: format!("{prefix}-{name}-key"),
        key_page_cache: page_cache,
        value_partition: format!("{prefix}-{name}-value"),
        compression: None,
        codec_config,
        items_per_section: NZU64!(256),
        key_write_buffer: BUFFER,
        value_write_buffer: BUFFER,
        replay_buffer: BUFFER,
    }
}
