//! The devnet: all validators of a network in one process, under load.
//!
//! Every validator has its own storage, vote record, mempool and network stack, and talks to the others over
//! authenticated, encrypted connections on the loopback interface. They share one dispatcher, as they share one
//! machine. A built-in load generator submits signed transfers, each to one validator, which passes it on; so every
//! validator checks every signature once.
//!
//! [`run`] blocks until the devnet ends and returns what was measured. Nothing is left behind: the data lives in a
//! temporary folder that goes with it.

pub mod collect;
pub mod lanes;
pub mod load;
pub mod report;

use crate::application::Tamper;
use crate::config::keys::Keys;
use crate::crypto::Checker;
use crate::engine::{self, Validator};
use crate::genesis::{self, Genesis, GenesisError, Parameters};
use crate::mempool::pool::Limits;
use crate::network::{self, Endpoint};
use crate::scratch::Scratch;
use crate::status::{Role, Status};
use crate::vote::{FileRecord, RecordError, Scheme, owner, scheme::SchemeError};
use arblast::Dispatcher;
use collect::Collector;
use commonware_cryptography::Signer as _;
use commonware_runtime::{Clock as _, Runner as _, Spawner as _, Supervisor as _, tokio};
use lanes::Lanes;
use load::Load;
use report::Summary;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Where lines go as they are ready.
pub type Output = Arc<dyn Fn(&str) + Send + Sync>;

/// What to run.
#[derive(Clone)]
pub struct Config {
    /// How many validators, at least 1. Four tolerate one fault.
    pub validators: usize,
    /// After how many final blocks to stop; without, at Ctrl-C.
    pub blocks: Option<u64>,
    /// The least time from a block to the next.
    pub interval: Duration,
    /// Transactions submitted per second.
    pub load: u32,
    /// Transactions submitted per second to the standard lane on top of that, whatever becomes of them.
    pub flood: u32,
    /// The most transactions of a block.
    pub block_transactions: u32,
    /// Carries out every check; a test hands in one with faulty devices.
    pub dispatcher: Dispatcher,
    /// Takes a line for each block.
    pub output: Output,
    /// Makes the validator with this index a Byzantine proposer, for tests.
    pub tamper: Option<(usize, Tamper)>,
}

/// Why a devnet could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting makes no sense.
    #[error("{what}: got {got}, expected {expected}")]
    Setting {
        /// The setting.
        what: &'static str,
        /// Its value.
        got: String,
        /// What is accepted.
        expected: &'static str,
    },
    /// The system refused something.
    #[error("{action}: {source}")]
    System {
        /// What was attempted.
        action: &'static str,
        /// What the system answered.
        source: std::io::Error,
    },
    /// The genesis is not acceptable.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// A vote record cannot be made.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A voting scheme cannot be made.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The host crate refused a key.
    #[error(transparent)]
    Host(#[from] arblast::Error),
}

/// How long the last validator may take to reach the height at which the first one stopped.
const CATCH_UP: Duration = Duration::from_secs(30);
/// How often progress is looked at.
const POLL: Duration = Duration::from_millis(20);

/// Runs a devnet to its end.
///
/// # Errors
/// [`Error`] if it could not be started. Validators that end in different states are no error here: see
/// [`Summary::agreed`].
pub fn run(config: Config) -> Result<Summary, Error> {
    check(&config)?;
    let folder = Scratch::new("devnet").map_err(|source| Error::System { action: "create a data folder", source })?;
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    let runtime = tokio::Config::new().with_storage_directory(folder.path().join("data")).with_worker_threads(workers);
    tokio::Runner::new(runtime).start(|context| devnet(context, config, folder.path().to_path_buf()))
}

fn check(config: &Config) -> Result<(), Error> {
    let setting = |what, got: String, expected| Err(Error::Setting { what, got, expected });
    if !genesis::VALIDATORS.contains(&config.validators) {
        return setting("validators", config.validators.to_string(), "1 to 64");
    }
    if !(8..=16_384).contains(&config.block_transactions) {
        return setting("transactions of a block", config.block_transactions.to_string(), "8 to 16384");
    }
    if config.interval > genesis::LONGEST_INTERVAL {
        return setting("block interval", format!("{:?}", config.interval), "at most 60s");
    }
    if config.blocks == Some(0) {
        return setting("blocks", "0".into(), "at least 1");
    }
    if config.load > 100_000 {
        return setting("load", config.load.to_string(), "at most 100000 transactions a second");
    }
    if config.flood > 100_000 {
        return setting("flood", config.flood.to_string(), "at most 100000 transactions a second");
    }
    Ok(())
}

async fn devnet(context: tokio::Context, config: Config, folder: std::path::PathBuf) -> Result<Summary, Error> {
    let checker = Checker::new(config.dispatcher.clone());
    let keys: Vec<Keys> =
        (0..config.validators).map(|_| Keys::generate()).collect::<Result<_, _>>().map_err(no_randomness)?;
    let (mut load, mut flood) = (Load::new(config.load)?, Load::flood(config.flood)?);
    let parameters = Parameters { base_fee: 1, block_transactions: config.block_transactions };
    let validators = keys.iter().map(Keys::entry).collect();
    let mut accounts = load.accounts();
    accounts.append(&mut flood.accounts());
    let genesis = Arc::new(Genesis::new("arblast-devnet", validators, accounts, parameters, &checker)?);

    for load in [&mut load, &mut flood] {
        load.prepare(*genesis.digest(), expected_duration(&config));
    }
    let lanes = Arc::new(Lanes::default());
    let (output, dispatcher) = (config.output.clone(), config.dispatcher.clone());
    let (collector, finals) = Collector::new(config.validators, config.blocks, output, dispatcher, lanes.clone());
    let collector = Arc::new(collector);
    let addresses = free_addresses(config.validators)
        .map_err(|source| Error::System { action: "find free ports on the loopback interface", source })?;
    let mut running = Vec::with_capacity(config.validators);
    for (index, keys) in keys.into_iter().enumerate() {
        let setup = Setup { index, keys, genesis: genesis.clone(), checker: checker.clone(), addresses: &addresses };
        running.push(setup.start(&context, &config, collector.clone(), &folder).await?);
    }

    (config.output)(&report::header());
    let observer = running.first().map(|validator| validator.marshal.clone());
    if let Some(marshal) = observer {
        context.child("lanes").spawn({
            let lanes = lanes.clone();
            move |_| lanes.watch(marshal, finals)
        });
    }
    let mempools: Vec<_> = running.iter().map(|validator: &Validator<_>| validator.mempool.clone()).collect();
    let generators = [load, flood].map(|load| {
        let (mempools, collector, lanes) = (mempools.clone(), collector.clone(), lanes.clone());
        context.child("load").spawn(move |context| load.run(context, mempools, collector, lanes))
    });
    wait(&context, config.blocks, &collector).await;
    generators.into_iter().for_each(|generator| generator.abort());
    let height = settle(&context, config.blocks, &collector).await;
    Ok(collector.summary(height))
}

/// Waits for the last block or for Ctrl-C.
async fn wait(context: &tokio::Context, blocks: Option<u64>, collector: &Collector) {
    let reached = async {
        while blocks.is_none_or(|blocks| collector.height(0) < blocks) {
            context.sleep(POLL).await;
        }
    };
    futures::pin_mut!(reached);
    let interrupt = ::tokio::signal::ctrl_c();
    futures::pin_mut!(interrupt);
    futures::future::select(reached, interrupt).await;
}

/// Lets every validator reach the height at which to compare, and returns it.
async fn settle(context: &tokio::Context, blocks: Option<u64>, collector: &Collector) -> u64 {
    let height = blocks.map_or_else(|| collector.height(0), |blocks| blocks.min(collector.height(0)));
    let deadline = context.current() + CATCH_UP;
    while collector.lowest() < height && context.current() < deadline {
        context.sleep(POLL).await;
    }
    height
}

fn expected_duration(config: &Config) -> Duration {
    /// What an open-ended run has in hand before it starts.
    const AHEAD: Duration = Duration::from_secs(15);
    match config.blocks {
        Some(blocks) => (config.interval * u32::try_from(blocks).unwrap_or(u32::MAX)).min(4 * AHEAD) * 5 / 4,
        None => AHEAD,
    }
}

fn no_randomness(source: std::io::Error) -> Error {
    Error::System { action: "draw randomness", source }
}

/// Asks the system for `count` ports that nobody listens on, all at once so that they differ.
fn free_addresses(count: usize) -> std::io::Result<Vec<SocketAddr>> {
    let listeners: Vec<_> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
    listeners.iter().map(TcpListener::local_addr).collect()
}

/// What one validator is started from.
struct Setup<'a> {
    index: usize,
    keys: Keys,
    genesis: Arc<Genesis>,
    checker: Checker,
    addresses: &'a [SocketAddr],
}

impl Setup<'_> {
    async fn start(
        self,
        context: &tokio::Context,
        config: &Config,
        collector: Arc<Collector>,
        folder: &Path,
    ) -> Result<Validator<tokio::Context>, Error> {
        let identity = self.keys.identity.public_key();
        // Beside the data folder, not in it: a copy or a loss of the data must not touch the record.
        let record =
            FileRecord::create(&folder.join(format!("votes-{}", self.index)), owner(&self.genesis, &self.keys.vote))?;
        let secret = self.keys.vote.to_bytes();
        let scheme = Scheme::signer(&self.genesis, &secret, Arc::new(record), self.checker.clone())?;
        let context = context.child("validator").with_attribute("index", self.index);
        let listen = self.addresses[self.index];
        let endpoint = Endpoint { identity: self.keys.identity, listen, addresses: self.addresses };
        let (channels, oracle) = network::start(context.child("network"), endpoint, &self.genesis);
        let tamper = config.tamper.as_ref().filter(|(index, _)| *index == self.index);
        let config = engine::Config {
            index: self.index,
            identity,
            genesis: self.genesis,
            scheme,
            checker: self.checker,
            blocker: oracle.clone(),
            peers: oracle,
            monitor: collector,
            prefix: format!("validator-{}", self.index),
            interval: config.interval,
            mempool: Limits { base_fee: 1, waiting_bytes: 4 << 20, ready_bytes: 4 << 20, per_sender: 128 },
            status: Status::new(Role::Voting),
            // The keys were made a moment ago: nobody has seen votes of theirs.
            gate: None,
            listen_time: Duration::ZERO,
            keep_blocks: 4096,
            tamper: tamper.map(|(_, tamper)| tamper.clone()),
        };
        Ok(engine::start(context, config, channels).await)
    }
}
