//! One validator as a process: `arblast-node run`.
//!
//! # Start
//!
//! Files are read and checked, the data folder is locked, the vote record is opened. A trouble with the files of the
//! configuration ends the process with a message; a trouble with the vote record does not: the validator observes. Then
//! the network, the engine and the servers start.
//!
//! # Stop
//!
//! On SIGTERM or SIGINT, and when the disk is nearly full, the role ends, tasks are told to stop, and storage is
//! flushed. What was promised (votes, accepted transactions, final blocks) was synced when it was promised, so that
//! `kill -9` loses nothing either.

mod disk;
mod lock;
pub mod logging;
mod servers;

pub use disk::free as free_space;

use crate::accel;
use crate::config::genesis::GenesisFile;
use crate::config::keys::Keys;
use crate::config::{CatchUp, FileError, Settings, peers};
use crate::crypto::Checker;
use crate::engine::{self, Validator};
use crate::genesis::Genesis;
use crate::http::{Api, Handles};
use crate::mempool::pool::Limits;
use crate::metrics::Metrics;
use crate::monitor::{Event, Monitor};
use crate::network::{self, Endpoint};
use crate::status::{Cause, Status};
use crate::vote::{FileRecord, Gate, RecordError, Scheme, owner, scheme::SchemeError};
use ::tokio::signal::unix::{SignalKind, signal};
use commonware_cryptography::Signer as _;
use commonware_runtime::{Metrics as _, Runner as _, Spawner as _, Supervisor as _, tokio};
use std::any::Any;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Why a validator could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key that does not fit the genesis.
    #[error("{}: {what}", path.display())]
    Key {
        /// The key file.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A voting scheme cannot be made.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The hardware asked for is not there.
    #[error("accel: {0}")]
    Hardware(#[from] arblast::Error),
    /// The GPU asked for is not there, or is no use.
    #[error(transparent)]
    Adapter(#[from] accel::AdapterError),
    /// An address that cannot be listened on.
    #[error("{what} {address}: {source}; is another validator running, or the address not this machine's?")]
    Listen {
        /// The setting.
        what: &'static str,
        /// Its value.
        address: SocketAddr,
        /// What the system answered.
        source: io::Error,
    },
    /// The data folder.
    #[error(transparent)]
    Data(#[from] lock::DataError),
    /// The system refused something.
    #[error("{action}: {source}")]
    System {
        /// What was attempted.
        action: &'static str,
        /// What the system answered.
        source: io::Error,
    },
    /// The disk is nearly full.
    #[error("{0}")]
    DiskFull(String),
    /// A part of the validator failed.
    #[error(
        "a part of the validator could not go on: {0}. Nothing was signed after that, and nothing promised is lost. If \
         the disk is full or failing, see to it, then restart"
    )]
    Failed(String),
    /// The engine stopped by itself.
    #[error("the consensus engine stopped by itself; the log above says why")]
    Engine,
}

/// How long tasks may take to stop before they are cut off: with the servers' grace less than 5 seconds in all.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// What a validator is made of, read from its files and checked.
pub struct Parts {
    /// The settings.
    pub settings: Settings,
    /// The network's genesis.
    pub genesis: Arc<Genesis>,
    /// Checks signatures.
    pub checker: Checker,
    /// This validator's secrets.
    pub keys: Keys,
    /// Its position in the genesis.
    pub index: usize,
    /// The addresses of all validators, in the order of the genesis.
    pub addresses: Vec<SocketAddr>,
}

impl Parts {
    /// Reads and checks the files that the settings name.
    ///
    /// # Errors
    /// An [`Error`] that says which file is at fault and what to do.
    pub fn load(settings: Settings) -> Result<Self, Error> {
        let notice = |text: &str| tracing::info!("{text}");
        let builder = accel::builder(&settings.accel, settings.accel_adapter.as_deref(), &notice)?;
        let dispatcher = builder.audit(settings.accel_audit).build()?;
        let checker = Checker::new(dispatcher);
        let genesis = GenesisFile::load(&settings.genesis, &checker)?;
        let keys = Keys::load(&settings.identity_key, &settings.vote_key)?;
        let index = position(&settings, &genesis, &keys)?;
        let addresses = peers::match_genesis(&settings.peers, &peers::read(&settings.peers)?, &genesis)?;
        Ok(Self { settings, genesis: Arc::new(genesis), checker, keys, index, addresses })
    }

    /// Where this validator listens for the others.
    pub fn listen(&self) -> SocketAddr {
        self.settings.p2p_listen.unwrap_or(self.addresses[self.index])
    }
}

/// Finds the keys in the genesis.
fn position(settings: &Settings, genesis: &Genesis, keys: &Keys) -> Result<usize, Error> {
    let key = |path: &Path, what: String| Err(Error::Key { path: path.into(), what });
    let entry = keys.entry();
    let genesis_path = settings.genesis.display();
    let by_identity = genesis.validators().iter().position(|(validator, _)| validator.identity == entry.identity);
    let by_vote = genesis.validators().iter().position(|(validator, _)| validator.vote == entry.vote);
    match (by_identity, by_vote) {
        (Some(identity), Some(vote)) if identity == vote => Ok(identity),
        (Some(identity), Some(vote)) => key(
            &settings.vote_key,
            format!("this is the vote key of validator {vote}, but the identity is validator {identity}'s"),
        ),
        (None, _) => key(
            &settings.identity_key,
            format!("this identity belongs to no validator of {genesis_path}; is it the genesis of another network?"),
        ),
        (_, None) => key(
            &settings.vote_key,
            format!("this vote key belongs to no validator of {genesis_path}; is it the genesis of another network?"),
        ),
    }
}

/// Runs a validator until it is told to stop.
///
/// # Errors
/// An [`Error`] if it could not start, or had to stop.
pub fn run(settings: Settings) -> Result<(), Error> {
    let parts = Parts::load(settings)?;
    let listen = parts.listen();
    // The network stack panics if it cannot listen; so it is tried before.
    drop(bind("p2p-listen", listen)?);
    let listeners = servers::Listeners::bind(&parts.settings)?;
    let _data = lock::Data::open(&parts.settings.datadir, &parts.genesis)?;
    let status = Status::default();
    let record = open_record(&parts, &status);
    announce(&parts, listen);

    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    let runtime = tokio::Config::new()
        .with_storage_directory(parts.settings.datadir.join("store"))
        .with_worker_threads(workers)
        .with_read_write_timeout(network::SILENCE)
        .with_connect_timeout(network::DIAL_TIMEOUT)
        .with_tcp_nodelay(Some(true));
    // One line of the log instead of a trace on the terminal.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    let serving = || tokio::Runner::new(runtime).start(|context| serve(context, parts, status, record, listeners));
    // A part that cannot go on, because storage fails, takes the whole runtime down: nothing is signed after that.
    std::panic::catch_unwind(AssertUnwindSafe(serving)).unwrap_or_else(|panic| Err(Error::Failed(text_of(&*panic))))
}

/// What a panic says.
fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given").into()
}

/// The vote record, if it can be used; otherwise the validator observes, and the status says why.
fn open_record(parts: &Parts, status: &Status) -> Option<FileRecord> {
    let path = &parts.settings.vote_record;
    let config = parts.settings.config.display();
    if parts.settings.observe {
        status.observe(Cause::Asked, "the operator asked for it with --observe; restart without it to vote");
        return None;
    }
    let error = match FileRecord::open(path, owner(&parts.genesis, &parts.keys.vote)) {
        Ok(record) => return Some(record),
        Err(error) => error,
    };
    let create = format!("arblast-node vote-record create --config {config}");
    let (cause, advice) = match &error {
        RecordError::Locked { .. } => {
            (Cause::RecordInUse, "another process votes with this key; stop one of the two, then restart".into())
        }
        RecordError::Owner { .. } => (
            Cause::RecordForeign,
            format!("set vote-record to this validator's own record; if it is lost for good, see: {create} --help"),
        ),
        RecordError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => (
            Cause::RecordMissing,
            format!(
                "put the record back where it was; never an older copy. If it is lost for good, see: {create} --help"
            ),
        ),
        _ => (
            Cause::RecordUnusable,
            format!("make it readable and writable again; if it is lost for good, see: {create} --help"),
        ),
    };
    status.observe(cause, format!("{error}. To vote again: {advice}"));
    None
}

fn announce(parts: &Parts, listen: SocketAddr) {
    let backends: Vec<_> = parts.checker.dispatcher().stats().backends.into_iter().map(|b| b.backend).collect();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        validator = parts.index,
        validators = parts.genesis.validators().len(),
        genesis = %parts.genesis.digest(),
        p2p = %listen,
        http = %SocketAddr::new(parts.settings.http_address, parts.settings.http_port),
        metrics = %SocketAddr::new(parts.settings.metrics_address, parts.settings.metrics_port),
        accel = backends.join(","),
        "starting"
    );
}

/// Starts everything, waits for the end, and stops everything.
async fn serve(
    context: tokio::Context,
    parts: Parts,
    status: Status,
    record: Option<FileRecord>,
    listeners: servers::Listeners,
) -> Result<(), Error> {
    let system = |action| move |source| Error::System { action, source };
    let mut terminate = signal(SignalKind::terminate()).map_err(system("wait for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("wait for SIGINT"))?;

    let folders = [parts.settings.datadir.clone(), parent(&parts.settings.vote_record)];
    let disk = disk::Watch::new(folders, parts.settings.min_free_space.0, status.clone());
    let (genesis, identity) = (parts.genesis.clone(), parts.keys.identity.public_key());
    let metrics = {
        let (registry, dispatcher) = (context.child("registry"), parts.checker.dispatcher().clone());
        let page = Box::new(move || registry.encode());
        Arc::new(Metrics::new(status.clone(), dispatcher, parts.settings.datadir.clone(), page))
    };
    // With state sync the start waits for the others; one may want to stop meanwhile.
    let mut validator = ::tokio::select! {
        started = start(&context, parts, status.clone(), metrics.clone(), record) => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    metrics.attach(validator.mempool.clone());
    let handles = Handles { validator: &validator, genesis, identity, status: status.clone() };
    let servers = listeners.serve(&context, &Api::new(handles), &metrics).map_err(system("serve HTTP"))?;
    let progress = context.child("progress").spawn({
        let status = status.clone();
        move |context| logging::progress(context, status)
    });

    let outcome = ::tokio::select! {
        _ = terminate.recv() => { tracing::info!("SIGTERM: shutting down"); Ok(()) }
        _ = interrupt.recv() => { tracing::info!("SIGINT: shutting down"); Ok(()) }
        full = disk.run() => Err(Error::DiskFull(full)),
        _ = &mut validator.handle => Err(Error::Engine),
    };
    status.stop();
    progress.abort();
    servers.stop().await;
    if let Err(error) = context.stop(0, Some(SHUTDOWN)).await {
        tracing::warn!(%error, "not every task stopped in time; what was promised is on the disk");
    }
    if outcome.is_ok() {
        tracing::info!("stopped");
    }
    outcome
}

fn parent(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new(".")).into()
}

/// Starts network and engine.
async fn start(
    context: &tokio::Context,
    parts: Parts,
    status: Status,
    metrics: Arc<Metrics>,
    record: Option<FileRecord>,
) -> Result<Validator<tokio::Context>, Error> {
    let listen = parts.listen();
    let Parts { settings, genesis, checker, keys, index, addresses } = parts;
    let gate = Arc::new(Gate::new(status.clone(), record));
    let scheme = Scheme::signer(&genesis, &keys.vote.to_bytes(), gate.clone(), checker.clone())?;
    let identity = keys.identity.public_key();
    let endpoint = Endpoint { identity: keys.identity, listen, addresses: &addresses };
    let (channels, oracle) = network::start(context.child("network"), endpoint, &genesis);
    let base_fee = genesis.parameters().base_fee;
    let half = (settings.mempool_size.0 / 2) as usize;
    let config = engine::Config {
        index,
        identity,
        genesis,
        scheme,
        checker,
        blocker: oracle.clone(),
        peers: oracle,
        monitor: Arc::new(Reports { status: status.clone(), metrics }),
        prefix: "validator".into(),
        interval: settings.block_interval,
        mempool: Limits { base_fee, waiting_bytes: half, ready_bytes: half, per_sender: 256 },
        status,
        gate: Some(gate),
        listen_time: settings.listen_time,
        keep_blocks: settings.keep_blocks,
        tamper: None,
    };
    let catch_up = match settings.catch_up {
        CatchUp::Blocks => engine::CatchUp::Blocks,
        CatchUp::State => engine::CatchUp::State,
    };
    Ok(Box::pin(engine::start_with(context.child("validator"), config, catch_up, channels)).await)
}

/// Listens on an address, or says which setting is at fault.
fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).map_err(|source| Error::Listen { what, address, source })
}

/// Logs what happens, and keeps the status and the metrics.
struct Reports {
    status: Status,
    metrics: Arc<Metrics>,
}

impl Monitor for Reports {
    fn on(&self, index: usize, event: Event) {
        self.metrics.on(index, event.clone());
        match event {
            Event::Finalized { block, height, transactions, root, .. } => {
                self.status.reached(height);
                tracing::debug!(height, transactions, %block, state = %root, "final");
            }
            Event::Blocked { peer } => tracing::warn!(%peer, "blocked a peer that broke the protocol"),
            _ => {}
        }
    }
}
