//! How the parts of an engine are configured: every size, time-out and name in one place.

use super::Config;
use crate::application::{self, Application, Tamper};
use crate::block::{Block, BlockLimit};
use crate::crypto::{Checker, Keys};
use crate::environment::Environment;
use crate::genesis::Genesis;
use crate::ledger::{Database, database_config};
use crate::mempool::pool::Limits;
use crate::mempool::{self, Mempool};
use crate::monitor::{Blocks, Certificates, Probe};
use crate::status::Status;
use crate::transaction::SignedTransaction;
use crate::vote::seen::Seen;
use crate::vote::witness::Witness;
use crate::vote::{Gate, Scheme};
use commonware_broadcast::buffered;
use commonware_codec::FixedSize as _;
use commonware_consensus::marshal::core::{Floor as MarshalFloor, Mailbox as MarshalMailbox};
use commonware_consensus::marshal::resolver::p2p as backfill;
use commonware_consensus::marshal::standard::{Deferred, Standard};
use commonware_consensus::marshal::{self, Start};
use commonware_consensus::simplex;
use commonware_consensus::simplex::config::{Floor, ForwardPolicy, SkipBudget, SkipPolicy};
use commonware_consensus::simplex::elector::RoundRobin;
use commonware_consensus::types::{Epoch, FixedEpocher, ViewDelta};
use commonware_cryptography::certificate::ConstantProvider;
use commonware_cryptography::{Digested, Digestible as _, Sha256, ed25519, sha256};
use commonware_glue::stateful::db::{SyncEngineConfig, p2p as state_sync};
use commonware_glue::stateful::probe;
use commonware_glue::stateful::{self, Mailbox as StateMailbox, PruneConfig, SyncPlan};
use commonware_p2p::{Blocker, Provider};
use commonware_parallel::Sequential;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::archive::prunable;
use commonware_storage::translator::EightCap;
use commonware_utils::{NZDuration, NZU16, NZU64, NZUsize};
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

/// Operations of the state log in one message of state sync.
pub(super) const SYNC_BATCH: NonZeroU64 = NZU64!(64);
/// Messages that an actor's mailbox holds.
const MAILBOX: NonZeroUsize = NZUsize!(256);
/// Bytes of a read or write buffer.
const BUFFER: NonZeroUsize = NZUsize!(1 << 16);
/// Decoded account keys kept by a validator, about 13 MB.
const KEYS: usize = 1 << 16;
/// Views whose messages are kept behind the last final one.
const RETENTION: ViewDelta = ViewDelta::new(64);
/// Entries of an archive that are pruned together.
const SECTION: NonZeroU64 = NZU64!(256);
/// Blocks asked for at a time when catching up: their certificates are checked in one batch.
pub const REPAIR: NonZeroUsize = NZUsize!(128);
/// How long a peer may take to send a block or state.
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause before it is asked of another.
const FETCH_RETRY: Duration = Duration::from_millis(100);

/// One epoch for ever: the committee does not change.
pub(super) fn epochs() -> FixedEpocher {
    FixedEpocher::new(NZU64!(u64::MAX))
}

/// What the configurations of all parts are made from.
#[derive(Clone)]
pub(super) struct Settings<B, P> {
    pub identity: ed25519::PublicKey,
    pub genesis: Arc<Genesis>,
    pub genesis_block: Digested<Block>,
    pub scheme: Scheme,
    pub checker: Checker,
    pub keys: Keys,
    pub blocker: Blocks<B>,
    pub peers: P,
    pub probe: Probe,
    pub prefix: String,
    pub interval: Duration,
    pub limits: Limits,
    pub limit: BlockLimit,
    pub status: Status,
    gate: Option<Arc<Gate>>,
    listen_time: Duration,
    keep_blocks: u32,
    pub tamper: Option<Tamper>,
    page_cache: CacheRef,
}

/// The consensus application as the engine calls it.
type Automaton<E> = Deferred<E, Scheme, StateMailbox<E, Application>, Block, FixedEpocher>;
/// The marshal's configuration, with everything fixed that this node fixes.
type MarshalConfig =
    marshal::Config<ConstantProvider<Scheme, Epoch>, FixedEpocher, Sequential, Block, Digested<Block>, sha256::Digest>;
/// The configuration of the search for a final block to begin with.
type ProbeConfig<E, B> = probe::Config<E, ConstantProvider<Scheme, Epoch>, Sequential, ed25519::PublicKey, Blocks<B>>;
/// The consensus engine's configuration, with everything fixed that this node fixes.
type ConsensusConfig<E, B> = simplex::Config<
    Scheme,
    RoundRobin<Sha256>,
    Blocks<B>,
    sha256::Digest,
    Automaton<E>,
    Automaton<E>,
    Certificates<Automaton<E>, E>,
    Sequential,
>;

impl<B, P> Settings<B, P>
where
    B: Blocker<PublicKey = ed25519::PublicKey>,
    P: Provider<PublicKey = ed25519::PublicKey>,
{
    pub fn new(config: Config<B, P>, genesis_block: Digested<Block>) -> Self {
        let probe = Probe::new(config.monitor, config.index);
        Self {
            identity: config.identity,
            limit: BlockLimit(config.genesis.parameters().block_transactions),
            genesis: config.genesis,
            genesis_block,
            scheme: config.scheme,
            checker: config.checker,
            keys: Keys::new(KEYS),
            blocker: Blocks { inner: config.blocker, probe: probe.clone() },
            peers: config.peers,
            probe,
            prefix: config.prefix,
            interval: config.interval,
            limits: config.mempool,
            status: config.status,
            gate: config.gate,
            listen_time: config.listen_time,
            keep_blocks: config.keep_blocks,
            tamper: config.tamper,
            page_cache: CacheRef::new(NZU16!(16_384), NZUsize!(256)),
        }
    }

    pub fn witness(&self, seen: Seen) -> Witness {
        Witness { scheme: self.scheme.clone(), gate: self.gate.clone(), listen: self.listen_time, seen }
    }

    pub fn buffer(&self) -> buffered::Config<ed25519::PublicKey, BlockLimit, P, Sequential> {
        buffered::Config {
            public_key: self.identity.clone(),
            mailbox_size: MAILBOX,
            deque_size: 16,
            priority: true,
            codec_config: self.limit,
            peer_provider: self.peers.clone(),
            strategy: Sequential,
        }
    }

    pub fn backfill(&self) -> backfill::Config<ed25519::PublicKey, P, Blocks<B>> {
        backfill::Config {
            public_key: self.identity.clone(),
            peer_provider: self.peers.clone(),
            blocker: self.blocker.clone(),
            mailbox_size: MAILBOX,
            fetch_timeout: NZDuration!(FETCH_TIMEOUT),
            fetch_retry_delay: FETCH_RETRY,
            priority_requests: false,
            priority_responses: false,
        }
    }

    pub fn archive<C>(&self, name: &str, codec_config: C) -> prunable::Config<EightCap, C> {
        let prefix = &self.prefix;
        prunable::Config {
            translator: EightCap,
            metadata_partition: format!("{prefix}-{name}-metadata"),
            key_partition: format!("{prefix}-{name}-key"),
            key_page_cache: self.page_cache.clone(),
            value_partition: format!("{prefix}-{name}-value"),
            compression: None,
            codec_config,
            items_per_section: SECTION,
            key_write_buffer: BUFFER,
            value_write_buffer: BUFFER,
            replay_buffer: BUFFER,
        }
    }

    pub fn marshal(&self, start: Start<Scheme, sha256::Digest, Digested<Block>>) -> MarshalConfig {
        marshal::Config {
            provider: ConstantProvider::new(self.scheme.clone()),
            epocher: epochs(),
            start,
            partition_prefix: format!("{}-marshal", self.prefix),
            mailbox_size: MAILBOX,
            view_retention: RETENTION,
            prunable_items_per_section: SECTION,
            page_cache: self.page_cache.clone(),
            replay_buffer: BUFFER,
            key_write_buffer: BUFFER,
            value_write_buffer: BUFFER,
            block_codec_config: self.limit,
            max_repair: REPAIR,
            max_pending_acks: NZUsize!(4),
            strategy: Sequential,
        }
    }

    pub fn probe<E: Environment>(&self, context: E) -> ProbeConfig<E, B> {
        probe::Config {
            context,
            provider: ConstantProvider::new(self.scheme.clone()),
            strategy: Sequential,
            mailbox_size: MAILBOX,
            blocker: self.blocker.clone(),
            minimum_epoch: Epoch::zero(),
            retry_timeout: NZDuration!(FETCH_TIMEOUT),
        }
    }

    pub fn state_sync<E: Environment>(&self) -> state_sync::Config<ed25519::PublicKey, P, Blocks<B>, Database<E>> {
        state_sync::Config {
            peer_provider: self.peers.clone(),
            blocker: self.blocker.clone(),
            database: None,
            mailbox_size: MAILBOX,
            me: Some(self.identity.clone()),
            fetch_timeout: NZDuration!(FETCH_TIMEOUT),
            fetch_retry_delay: FETCH_RETRY,
            max_serve_ops: SYNC_BATCH,
            priority_requests: false,
            priority_responses: false,
        }
    }

    /// The partition of what was seen of the others' votes.
    pub fn seen(&self) -> String {
        format!("{}-seen", self.prefix)
    }

    pub fn mempool_journal(&self) -> mempool::journal::Config {
        mempool::journal::Config {
            partition: format!("{}-mempool", self.prefix),
            page_cache: self.page_cache.clone(),
            // Both rooms of both lanes.
            capacity: 2 * (self.limits.waiting_bytes + self.limits.ready_bytes) / SignedTransaction::SIZE,
        }
    }

    pub fn application(&self, mempool: Mempool) -> application::Config {
        application::Config {
            genesis: self.genesis.clone(),
            genesis_block: self.genesis_block.inner().clone(),
            checker: self.checker.clone(),
            keys: self.keys.clone(),
            mempool,
            probe: self.probe.clone(),
            interval: self.interval,
            tamper: self.tamper.clone(),
        }
    }

    pub fn state<E: Environment, R>(
        &self,
        application: Application,
        plan: SyncPlan<E, Scheme, Standard<Block>>,
        resolvers: R,
        marshal: (MarshalMailbox<Scheme, Standard<Block>>, MarshalFloor),
    ) -> stateful::Config<E, Application, Standard<Block>, R, Sequential> {
        stateful::Config {
            application,
            db_config: database_config(&self.prefix, self.page_cache.clone()),
            provider: (),
            marshal,
            mailbox_size: MAILBOX,
            plan,
            resolvers,
            sync_config: SyncEngineConfig {
                fetch_batch_size: SYNC_BATCH,
                apply_batch_size: NZU64!(1024),
                max_outstanding_requests: NZUsize!(8),
            },
            prune_config: Some(PruneConfig {
                maintenance_interval: NZUsize!(256),
                retained_marshal_blocks: self.keep_blocks as usize,
                retained_qmdb_blocks: 256,
            }),
            strategy: Sequential,
        }
    }

    pub fn consensus<E: Environment>(
        &self,
        automaton: Automaton<E>,
        reporter: Certificates<Automaton<E>, E>,
    ) -> ConsensusConfig<E, B> {
        simplex::Config {
            scheme: self.scheme.clone(),
            elector: RoundRobin::<Sha256>::default(),
            blocker: self.blocker.clone(),
            automaton: automaton.clone(),
            relay: automaton,
            reporter,
            track_historical_votes: false,
            strategy: Sequential,
            partition: format!("{}-consensus", self.prefix),
            mailbox_size: MAILBOX,
            epoch: Epoch::zero(),
            floor: Floor::Genesis(self.genesis_block.digest()),
            replay_buffer: BUFFER,
            write_buffer: BUFFER,
            page_cache: self.page_cache.clone(),
            // A leader may use the whole interval before it proposes.
            leader_timeout: self.interval + Duration::from_secs(2),
            certification_timeout: self.interval + Duration::from_secs(4),
            timeout_retry: Duration::from_secs(2),
            view_retention: RETENTION,
            skip: SkipPolicy::Enabled {
                timeout: self.interval + Duration::from_secs(12),
                budget: SkipBudget::Participants,
            },
            fetch_timeout: NZDuration!(Duration::from_secs(1)),
            fetch_retry_delay: FETCH_RETRY,
            // A block that a peer seems to miss is sent again, rather than waiting for it to ask.
            forward: ForwardPolicy::SilentVoters,
        }
    }
}
