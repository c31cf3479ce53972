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
//! Nine, in the order of [`Channels`]. Quotas are small on purpose: the network reserves, for each channel, room for
//! one burst of quota from every peer of every tracked set, of messages of any size.
//!
//! # Storage
//!
//! All partitions begin with the configured prefix. The vote record is not among them (see [`crate::vote::record`]).

mod settings;

use crate::application::{Application, Tamper};
use crate::block::{Block, BlockLimit, State};
use crate::crypto::Checker;
use crate::environment::Environment;
use crate::genesis::Genesis;
use crate::ledger::{Account, Database, Databases};
use crate::mempool::{self, MAX_GOSSIP_BYTES, Mempool};
use crate::monitor::{Blocks, Certificates, Event, Monitor, Tips};
use crate::status::Status;
use crate::transaction::Address;
use crate::vote::seen::Keeper;
use crate::vote::witness::{self, Tap};
use crate::vote::{Gate, Scheme};
use commonware_broadcast::buffered;
use commonware_codec::FixedSize as _;
use commonware_consensus::marshal::core::{Actor as Marshal, Mailbox as MarshalMailbox};
use commonware_consensus::marshal::resolver::p2p as backfill;
use commonware_consensus::marshal::standard::{Deferred, Standard};
use commonware_consensus::types::Height;
use commonware_consensus::{marshal, simplex};
use commonware_cryptography::{Digested, Digestible as _, ed25519, sha256};
use commonware_glue::stateful::db::{DatabaseSet, p2p as state_sync};
use commonware_glue::stateful::probe::{self, Probe};
use commonware_glue::stateful::{Stateful, SyncPlan};
use commonware_p2p::{Blocker, Provider, Receiver, Sender, max_message_size};
use commonware_runtime::{Handle, Quota};
use commonware_storage::archive::prunable::Archive;
use commonware_storage::mmr;
use commonware_storage::qmdb::any::unordered::fixed::Operation;
use commonware_utils::NZU32;
pub use settings::REPAIR;
use settings::{SYNC_BATCH, Settings};
use std::sync::Arc;
use std::time::Duration;

/// Fetches account state from peers and serves it to them.
type StateSync<E, P, B> = state_sync::Actor<E, ed25519::PublicKey, P, Blocks<B>, mmr::Family, Database<E>>;

/// How many of its own latest certificates a validator looks at when it starts.
const OWN_CERTIFICATES: u64 = 32;

/// Identifier and quota of each channel, in the order of [`Channels`].
pub const CHANNELS: [(u64, Quota); 9] = [
    (0, Quota::per_second(NZU32!(256))),
    (1, Quota::per_second(NZU32!(256))),
    (2, Quota::per_second(NZU32!(64))),
    // What a validator catches up with: blocks a second, from each peer.
    (3, Quota::per_second(NZU32!(512))),
    (4, Quota::per_second(NZU32!(32))),
    (5, Quota::per_second(NZU32!(32))),
    (6, Quota::per_second(NZU32!(64))),
    (7, Quota::per_second(NZU32!(16))),
    (8, Quota::per_second(NZU32!(4))),
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
    /// Questions about votes that were seen.
    pub witness: (S, R),
    /// Questions about the latest final block, for state sync.
    pub floor: (S, R),
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
            witness: pairs.next()?,
            floor: pairs.next()?,
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
    /// What the validator says about itself.
    pub status: Status,
    /// Opened when nobody has seen foreign votes of our key for [`Config::listen_time`]. Without one the record in
    /// [`Config::scheme`] is trusted from the start.
    pub gate: Option<Arc<Gate>>,
    /// How long to listen before the gate opens.
    pub listen_time: Duration,
    /// How many final blocks to keep for others that catch up.
    pub keep_blocks: u32,
    /// Makes its proposals Byzantine, for tests.
    pub tamper: Option<Tamper>,
}

/// A running validator.
pub struct Validator<E: Environment> {
    /// Ends when the engine does; aborting it stops everything.
    pub handle: Handle<()>,
    /// Where its clients submit transactions.
    pub mempool: Mempool,
    /// Its blocks.
    pub marshal: MarshalMailbox<Scheme, Standard<Block>>,
    /// Its accounts, as of the last final block that was executed.
    pub databases: Databases<E>,
}

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
        witness::MAX_MESSAGE,
        probe::max_payload_size::<Standard<Block>, Scheme>(participants),
    ])
}

/// The block before the first, over the empty account database.
pub fn genesis_block<E: Environment>(genesis: &Genesis) -> Block {
    let empty = <Databases<E> as DatabaseSet<E>>::initial_sync_targets();
    Block::genesis(genesis, State { root: empty.root, range: empty.range })
}

/// How a validator without data catches up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUp {
    /// It fetches and executes every block since the genesis. The others must still keep them all.
    Blocks,
    /// It fetches the state after a recent final block, and the blocks from there. A validator that has data already
    /// goes on from them, as with [`CatchUp::Blocks`].
    State,
}

/// Starts a validator that catches up by [`CatchUp::Blocks`].
///
/// # Panics
/// If its storage cannot be opened, or if the consensus engine's own invariants break.
pub async fn start<E, B, P, S, R>(context: E, config: Config<B, P>, channels: Channels<S, R>) -> Validator<E>
where
    E: Environment,
    B: Blocker<PublicKey = ed25519::PublicKey>,
    P: Provider<PublicKey = ed25519::PublicKey>,
    S: Sender<PublicKey = ed25519::PublicKey>,
    R: Receiver<PublicKey = ed25519::PublicKey>,
{
    // Boxed: the state of this future is large, and stacks of threads are small.
    Box::pin(start_with(context, config, CatchUp::Blocks, channels)).await
}

/// Starts a validator. With [`CatchUp::State`] and no data, this returns when enough of the others have said where
/// they are; dropping the future before leaves tasks behind that end with the context.
///
/// # Panics
/// If its storage cannot be opened, or if the consensus engine's own invariants break.
pub async fn start_with<E, B, P, S, R>(
    context: E,
    config: Config<B, P>,
    catch_up: CatchUp,
    channels: Channels<S, R>,
) -> Validator<E>
where
    E: Environment,
    B: Blocker<PublicKey = ed25519::PublicKey>,
    P: Provider<PublicKey = ed25519::PublicKey>,
    S: Sender<PublicKey = ed25519::PublicKey>,
    R: Receiver<PublicKey = ed25519::PublicKey>,
{
    let genesis_block = genesis_block::<E>(&config.genesis);
    let genesis_digest = genesis_block.digest();
    let settings = Settings::new(config, Digested::precomputed(genesis_block, genesis_digest));
    let Settings { genesis, checker, keys, probe, status, .. } = settings.clone();

    // Votes are remembered on their way to the engine, for those who ask.
    let validators = genesis.validators().iter().map(|(validator, _)| &validator.identity);
    let (seen, keeper) = Keeper::open(context.child("seen"), settings.seen(), validators).await;
    let witness = settings.witness(seen.clone());
    let votes = (channels.votes.0, Tap::new(channels.votes.1, Some(seen)));
    let (mempool, submissions) = Mempool::new(settings.limits);

    // Blocks: a buffer for what peers broadcast, a resolver for what is missing, archives for what is final.
    let (buffering, buffer) = buffered::Engine::new(context.child("blocks"), settings.buffer());
    buffering.start(channels.blocks);
    let resolver = backfill::init(context.child("backfill"), settings.backfill(), channels.backfill);
    let committee = genesis.validators().len();
    let certificates = Archive::init(context.child("certificates"), settings.archive("certificates", committee));
    let certificates = certificates.await.expect("the archive of certificates cannot be opened");
    let blocks = Archive::init(context.child("archive"), settings.archive("blocks", settings.limit));
    let blocks = blocks.await.expect("the archive of blocks cannot be opened");
    let mut plan = SyncPlan::init(context.child("plan"), settings.prefix.clone()).await;
    let (probing, floors) = Probe::new(settings.probe(context.child("floor")));
    probing.start(channels.floor);
    if catch_up == CatchUp::State && plan.may_sync() && plan.floor().is_none() {
        tracing::info!("asking the others for a recent final block to begin with");
        if let Ok(floor) = floors.subscribe().await {
            tracing::info!(view = floor.round().view().get(), "fetching the state after a final block");
            plan = plan.set_floor(floor).await;
        }
    }
    let fetching = plan.floor().is_some();
    let marshal_config = settings.marshal(plan.marshal_start(settings.genesis_block.clone()));
    let (marshal, marshal_mailbox, floor) = Marshal::<_, Standard<Block>, _, _, _, _, _>::init(
        context.child("marshal"),
        certificates,
        blocks,
        marshal_config,
    )
    .await;

    floors.attach(marshal_mailbox.clone());

    // State: the account database under speculative execution.
    let (syncing, sync) = StateSync::<E, P, B>::new(context.child("state_sync"), settings.state_sync());
    syncing.start(channels.state);
    let application = Application::new(settings.application(mempool.clone()));
    let state_config = settings.state(application, plan, sync, (marshal_mailbox.clone(), floor));
    let (state, state_mailbox) = Stateful::new(context.child("state"), state_config);
    marshal.start(Tips { inner: state_mailbox.clone(), status: status.clone() }, buffer, resolver);
    state.start();

    // The state is opened before consensus begins, except while it is fetched: then it must go on, for the state to
    // aim at newer blocks.
    let opened = if fetching { None } else { Some(state_mailbox.subscribe_databases().await) };
    resume(&marshal_mailbox, &settings).await;

    // Only now, because the gate must not open before our own certificates were looked at.
    let questions = channels.witness;
    context.child("witness").spawn(move |context| witness.run(context, keeper, questions));

    // Consensus takes the context itself, so that aborting its handle stops everything above.
    let epochs = settings::epochs();
    let mempool_context = context.child("mempool");
    let deferred = Deferred::new(context.child("deferred"), state_mailbox.clone(), marshal_mailbox.clone(), epochs);
    let reporter =
        Certificates { inner: deferred.clone(), probe: probe.clone(), clock: Arc::new(context.child("clock")) };
    let engine = simplex::Engine::new(context, settings.consensus(deferred, reporter));
    let handle = engine.start(votes, channels.certificates, channels.resolver);

    let databases = match opened {
        Some(databases) => databases,
        None => state_mailbox.subscribe_databases().await,
    };
    let mempool_config = mempool::Config {
        mempool: mempool.clone(),
        submissions,
        genesis,
        checker,
        keys,
        probe,
        journal: Some(settings.mempool_journal()),
    };
    mempool::start(mempool_context, mempool_config, databases.clone(), channels.transactions).await;
    Validator { handle, mempool, marshal: marshal_mailbox, databases }
}

/// Reports where the last run ended: what was final then is final and durable now.
///
/// The certificates of the last blocks may hold votes of ours that the record has forgotten; it is told.
async fn resume<B, P>(marshal: &MarshalMailbox<Scheme, Standard<Block>>, settings: &Settings<B, P>) {
    let Some(processed) = marshal.get_processed().await else { return };
    let height = processed.height().get();
    settings.status.reached(height);
    settings.probe.on(Event::Resumed { height });
    for height in height.saturating_sub(OWN_CERTIFICATES)..=height {
        if let Some(finalization) = marshal.get_finalization(Height::new(height)).await {
            settings.scheme.recall(&finalization);
        }
    }
}
