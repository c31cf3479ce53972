//! A network of validators on the deterministic runtime, with simulated links.

use crate::support::{dispatcher, entry, secret};
use arblast_node::application::Tamper;
use arblast_node::block::Block;
use arblast_node::crypto::{self, Checker};
use arblast_node::engine::{self, CHANNELS, Channels};
use arblast_node::genesis::{Genesis, Parameters};
use arblast_node::mempool::pool::Limits;
use arblast_node::monitor::{Event, Monitor};
use arblast_node::status::{Role, Status};
use arblast_node::transaction::{Lane, SignedTransaction, Transaction};
use arblast_node::vote::{MemoryRecord, Scheme};
use commonware_consensus::marshal::Identifier;
use commonware_consensus::marshal::core::Mailbox as MarshalMailbox;
use commonware_consensus::marshal::standard::Standard;
use commonware_consensus::types::Height;
use commonware_cryptography::{Signer as _, ed25519, sha256};
use commonware_glue::simulate::engine::{EngineDefinition, InitContext};
use commonware_glue::simulate::processed::ProcessedHeight;
use commonware_glue::simulate::tracker::FinalizationUpdate;
use commonware_runtime::{Clock as _, Handle, Quota, Spawner as _, Supervisor as _};
use commonware_utils::channel::mpsc;
use commonware_utils::sequence::FixedBytes;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Everything that happened, by validator.
#[derive(Default)]
pub struct Log(Mutex<Vec<(usize, Event)>>);

impl Log {
    /// How many events match.
    pub fn count(&self, matches: impl Fn(usize, &Event) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|(validator, event)| matches(*validator, event)).count()
    }

    /// The events themselves.
    pub fn all(&self) -> Vec<(usize, Event)> {
        self.0.lock().unwrap().clone()
    }
}

/// Writes the log, and tells the harness what is final.
struct Reports {
    log: Arc<Log>,
    identity: ed25519::PublicKey,
    harness: mpsc::UnboundedSender<FinalizationUpdate<ed25519::PublicKey>>,
}

impl Monitor for Reports {
    fn on(&self, validator: usize, event: Event) {
        if let Event::Finalized { block, round, height, .. } = &event {
            let _ = self.harness.send(FinalizationUpdate {
                pk: self.identity.clone(),
                round: *round,
                height: Height::new(*height),
                block_digest: block.as_ref().to_vec(),
            });
        }
        self.log.0.lock().unwrap().push((validator, event));
    }
}

/// A network to simulate.
#[derive(Clone)]
pub struct Network {
    genesis: Arc<Genesis>,
    identities: Arc<Vec<ed25519::PrivateKey>>,
    records: Arc<Vec<Arc<MemoryRecord>>>,
    checker: Checker,
    traffic: Arc<Vec<SignedTransaction>>,
    pub log: Arc<Log>,
    tamper: Option<(usize, Tamper)>,
    forgeries: bool,
}

const WALLETS: u8 = 8;

impl Network {
    /// Four validators and `rounds` transfers by each of eight wallets.
    pub fn new(rounds: u64) -> Self {
        let identities: Vec<_> = (0..4).map(ed25519::PrivateKey::from_seed).collect();
        let checker = Checker::new(dispatcher());
        let validators = (0..4u8).map(|n| entry(&identities[usize::from(n)], &secret("vote", n))).collect();
        let accounts = (0..WALLETS).map(|n| (crypto::address(&secret("wallet", n)), 1_000)).collect();
        let parameters = Parameters { base_fee: 1, block_transactions: 16 };
        let genesis = Genesis::new("simulation", validators, accounts, parameters, &checker).expect("a good genesis");
        let traffic = (0..rounds).flat_map(|nonce| (0..WALLETS).map(move |wallet| (wallet, nonce)));
        let traffic = traffic.map(|(wallet, nonce)| transfer(&genesis, wallet, nonce)).collect();
        Self {
            genesis: Arc::new(genesis),
            identities: Arc::new(identities),
            records: Arc::new((0..4).map(|_| Arc::default()).collect()),
            checker,
            traffic: Arc::new(traffic),
            log: Arc::default(),
            tamper: None,
            forgeries: false,
        }
    }

    /// Makes one validator change its blocks after it has built them.
    pub fn with_tamper(mut self, validator: usize, tamper: impl Fn(&mut Block) + Send + Sync + 'static) -> Self {
        self.tamper = Some((validator, Arc::new(tamper)));
        self
    }

    /// Has clients submit, beside each transaction, a dearer one that its sender never signed.
    pub fn with_forgeries(mut self) -> Self {
        self.forgeries = true;
        self
    }

    /// The same network with a log and vote records of its own.
    pub fn again(&self) -> Self {
        let records = Arc::new((0..4).map(|_| Arc::default()).collect());
        Self { log: Arc::default(), records, ..self.clone() }
    }

    pub fn identity(&self, validator: usize) -> ed25519::PublicKey {
        self.identities[validator].public_key()
    }
}

/// Odd wallets use the priority lane.
fn transfer(genesis: &Genesis, wallet: u8, nonce: u64) -> SignedTransaction {
    let lane = if wallet % 2 == 1 { Lane::Priority } else { Lane::Standard };
    let key = secret("wallet", wallet);
    let transaction = Transaction {
        sender: crypto::address(&key),
        recipient: crypto::address(&secret("wallet", (wallet + 1) % WALLETS)),
        amount: 1 + nonce,
        fee: lane.minimum_fee(1),
        nonce,
        lane,
    };
    let signature = crypto::sign(&key, &transaction.message(genesis.digest()));
    SignedTransaction { transaction, signature: FixedBytes::new(signature.to_bytes()) }
}

/// The transaction with a higher fee, and the signature of the original.
fn forged(mut signed: SignedTransaction) -> SignedTransaction {
    signed.transaction.fee += 50;
    signed
}

/// What a test can ask of a running validator.
#[derive(Clone)]
pub struct State {
    marshal: MarshalMailbox<Scheme, Standard<Block>>,
}

impl State {
    /// The final block at a height.
    pub async fn block(&self, height: u64) -> Option<Block> {
        let block = self.marshal.get_block(Identifier::<sha256::Digest>::Height(Height::new(height))).await?;
        let block: Arc<Block> = block.into();
        Some((*block).clone())
    }
}

impl ProcessedHeight for State {
    async fn processed_height(&self) -> u64 {
        self.marshal.get_processed().await.map_or(0, |processed| processed.height().get())
    }
}

impl EngineDefinition for Network {
    type PublicKey = ed25519::PublicKey;
    type Engine = Handle<()>;
    type State = State;

    fn participants(&self) -> Vec<ed25519::PublicKey> {
        self.identities.iter().map(|identity| identity.public_key()).collect()
    }

    fn channels(&self) -> Vec<(u64, Quota)> {
        CHANNELS.to_vec()
    }

    fn max_message_size(&self) -> u32 {
        engine::message_size(&self.genesis)
    }

    async fn init(&self, setup: InitContext<'_, ed25519::PublicKey>) -> (Handle<()>, State) {
        let InitContext { context, index, public_key, oracle, channels, monitor, .. } = setup;
        let vote = secret("vote", index as u8).to_bytes();
        let record = self.records[index].clone();
        let scheme = Scheme::signer(&self.genesis, &vote, record, self.checker.clone()).expect("a validator");
        let traffic = self.traffic.clone();
        let forgeries = self.forgeries;
        let load = context.child("load");
        let config = engine::Config {
            index,
            identity: public_key.clone(),
            genesis: self.genesis.clone(),
            scheme,
            checker: self.checker.clone(),
            blocker: oracle.control(public_key.clone()),
            peers: oracle.manager(),
            monitor: Arc::new(Reports { log: self.log.clone(), identity: public_key.clone(), harness: monitor }),
            prefix: format!("validator-{index}"),
            interval: Duration::from_millis(100),
            mempool: Limits { base_fee: 1, waiting_bytes: 1 << 16, ready_bytes: 1 << 16, per_sender: 64 },
            status: Status::new(Role::Voting),
            gate: None,
            listen_time: Duration::ZERO,
            keep_blocks: 4096,
            tamper: self.tamper.as_ref().filter(|(validator, _)| *validator == index).map(|(_, tamper)| tamper.clone()),
        };
        let channels = Channels::from_pairs(channels).expect("a pair for each channel");
        let validator = engine::start(context, config, channels).await;
        let mempool = validator.mempool;
        load.spawn(move |context| async move {
            // Each wallet is a client of one validator.
            for portion in traffic.chunks(usize::from(WALLETS)) {
                let mut own: Vec<_> = portion.iter().skip(index).step_by(4).cloned().collect();
                if forgeries {
                    own.extend(own.clone().into_iter().map(forged));
                }
                mempool.submit(own);
                context.sleep(Duration::from_millis(50)).await;
            }
        });
        (validator.handle, State { marshal: validator.marshal })
    }

    fn start(engine: Handle<()>) -> Handle<()> {
        engine
    }
}
