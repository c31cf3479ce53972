//! A validator with its HTTP server, alone in its network, on a runtime of its own.

use crate::support::{dispatcher, entry, secret};
use arblast_node::crypto::{self, Checker};
use arblast_node::engine::{self, CHANNELS, Channels};
use arblast_node::genesis::{Genesis, Parameters};
use arblast_node::http::{Api, Handles, Limits, serve};
use arblast_node::mempool::{Mempool, pool};
use arblast_node::metrics::Metrics;
use arblast_node::monitor::{Event, Monitor};
use arblast_node::scratch::Scratch;
use arblast_node::status::Status;
use arblast_node::transaction::{Lane, SignedTransaction, Transaction};
use arblast_node::vote::{MemoryRecord, Scheme};
use commonware_cryptography::{ChaCha20Poly1305, Signer as _, ed25519};
use commonware_p2p::authenticated::lookup::{self, Oracle};
use commonware_p2p::{Address, AddressableManager as _};
use commonware_runtime::{Metrics as _, Runner as _, Spawner as _, Supervisor as _, tokio};
use commonware_stream::cups::{self, Cups};
use commonware_stream::sake::{self, Sake};
use commonware_utils::NZUsize;
use commonware_utils::ordered::Map;
use commonware_utils::sequence::FixedBytes;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// What each wallet holds at first.
pub const BALANCE: u64 = 1_000_000;
/// The first balances.
pub const WALLETS: u8 = 16;

type Sender = lookup::Sender<ed25519::PublicKey, tokio::Context>;
type Receiver = lookup::Receiver<ed25519::PublicKey>;

/// A running node. Dropping it stops it.
pub struct Node {
    pub address: SocketAddr,
    /// Where its metrics are.
    pub metrics: SocketAddr,
    pub genesis: Arc<Genesis>,
    stop: Option<::tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// The data, which goes last.
    folder: Arc<Scratch>,
}

struct Reports {
    status: Status,
    metrics: Arc<Metrics>,
}

impl Monitor for Reports {
    fn on(&self, validator: usize, event: Event) {
        if let Event::Finalized { height, .. } = event {
            self.status.reached(height);
        }
        self.metrics.on(validator, event);
    }
}

/// The genesis of a network of one.
fn genesis(checker: &Checker) -> Genesis {
    let identity = ed25519::PrivateKey::from_seed(0);
    let accounts = (0..WALLETS).map(|wallet| (crypto::address(&secret("wallet", wallet)), BALANCE)).collect();
    let parameters = Parameters { base_fee: 1, block_transactions: 64 };
    Genesis::new("http", vec![entry(&identity, &secret("vote", 0))], accounts, parameters, checker).expect("good")
}

impl Node {
    /// Starts a node with data of its own.
    pub fn start(limits: Limits) -> Self {
        Self::start_on(limits, Arc::new(Scratch::new("http").expect("a folder")))
    }

    /// Stops the node and starts it again on the same data.
    pub fn restart(mut self, limits: Limits) -> Self {
        self.end();
        Self::start_on(limits, self.folder.clone())
    }

    fn start_on(limits: Limits, folder: Arc<Scratch>) -> Self {
        let checker = Checker::new(dispatcher());
        let genesis = Arc::new(genesis(&checker));
        let status = Status::default();
        status.vote();
        let (stop, stopped) = ::tokio::sync::oneshot::channel();
        let (sender, started) = mpsc::channel();
        let (path, shared, state) = (folder.path().join("data"), genesis.clone(), status.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::Config::new().with_storage_directory(&path).with_worker_threads(2);
            tokio::Runner::new(runtime).start(|context| async move {
                let registry = context.child("registry");
                let page = Box::new(move || registry.encode());
                let metrics = Arc::new(Metrics::new(state.clone(), checker.dispatcher().clone(), path, page));
                let monitor = Arc::new(Reports { status: state.clone(), metrics: metrics.clone() });
                let api = validator(&context, shared, checker, state, monitor).await;
                metrics.attach(api.1);
                let (listener, address) = bound().await;
                let (metrics_listener, metrics_address) = bound().await;
                sender.send((address, metrics_address)).expect("the test waits");
                let following = context.child("follow").spawn({
                    let api = api.0.clone();
                    move |_| api.follow()
                });
                let pages = serve(metrics_listener, metrics.router(), Limits::default(), std::future::pending());
                let requests = serve(listener, api.0.router(), limits, async { drop(stopped.await) });
                futures::pin_mut!(pages, requests);
                futures::future::select(pages, requests).await;
                following.abort();
            });
        });
        let (address, metrics) = started.recv_timeout(Duration::from_secs(60)).expect("the node starts");
        Self { address, metrics, genesis, stop: Some(stop), thread: Some(thread), folder }
    }

    fn end(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    /// A transfer by a wallet to the next one.
    pub fn transfer(&self, wallet: u8, nonce: u64, lane: Lane) -> SignedTransaction {
        let key = secret("wallet", wallet);
        let transaction = Transaction {
            sender: crypto::address(&key),
            recipient: crypto::address(&secret("wallet", wallet + 1)),
            amount: 5,
            fee: lane.minimum_fee(1),
            nonce,
            lane,
        };
        self.sign(wallet, transaction)
    }

    /// A transfer signed by a wallet.
    pub fn sign(&self, wallet: u8, transaction: Transaction) -> SignedTransaction {
        let signature = crypto::sign(&secret("wallet", wallet), &transaction.message(self.genesis.digest()));
        SignedTransaction { transaction, signature: FixedBytes::new(signature.to_bytes()) }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

async fn bound() -> (::tokio::net::TcpListener, SocketAddr) {
    let listener = ::tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

async fn validator(
    context: &tokio::Context,
    genesis: Arc<Genesis>,
    checker: Checker,
    status: Status,
    monitor: Arc<Reports>,
) -> (Api, Mempool) {
    let identity = ed25519::PrivateKey::from_seed(0).public_key();
    let (channels, oracle) = network(context.child("network"), &genesis);
    let record = Arc::new(MemoryRecord::default());
    let scheme = Scheme::signer(&genesis, &secret("vote", 0).to_bytes(), record, checker.clone()).expect("a validator");
    let config = engine::Config {
        index: 0,
        identity: identity.clone(),
        genesis: genesis.clone(),
        scheme,
        checker,
        blocker: oracle.clone(),
        peers: oracle,
        monitor,
        prefix: "validator".into(),
        interval: Duration::from_millis(100),
        mempool: pool::Limits { base_fee: 1, waiting_bytes: 1 << 16, ready_bytes: 1 << 16, per_sender: 64 },
        status: status.clone(),
        gate: None,
        listen_time: Duration::ZERO,
        keep_blocks: 4096,
        tamper: None,
    };
    let validator = engine::start(context.child("validator"), config, channels).await;
    let mempool = validator.mempool.clone();
    (Api::new(Handles { validator: &validator, genesis, identity, status }), mempool)
}

/// A network stack that knows nobody else.
fn network(context: tokio::Context, genesis: &Genesis) -> (Channels<Sender, Receiver>, Oracle<ed25519::PublicKey>) {
    let signer = ed25519::PrivateKey::from_seed(0);
    let (identity, minute) = (signer.public_key(), Duration::from_secs(60));
    let sake = Sake { signer, synchrony_bound: minute, max_handshake_age: minute, version: sake::Version::V1 };
    let handshake = Cups::<_, ChaCha20Poly1305>::new(sake, cups::Version::V1);
    let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a port");
    let (namespace, size) = (genesis.network_namespace(), engine::message_size(genesis));
    let config = lookup::Config::local(handshake, &namespace, listen, NZUsize!(1), size, NZUsize!(64));
    let (mut network, mut oracle) = lookup::Network::new(context, config);
    oracle.track(0, Map::from_iter_dedup([(identity, Address::from(listen))]));
    let pairs = CHANNELS.map(|(channel, quota)| network.register(channel, quota));
    network.start();
    (Channels::from_pairs(pairs).expect("a pair for each channel"), oracle)
}
