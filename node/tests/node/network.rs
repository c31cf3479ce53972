//! A network of validators on the deterministic runtime, with simulated links.

use crate::adversary::{self, Ballots, Conduct, Misdeeds, Reckless, Traitor};
use crate::rollback::{Damage, Vandal};
use crate::support::{self, dispatcher, entry, secret};
use arblast::Dispatcher;
use arblast_node::application::Tamper;
use arblast_node::block::Block;
use arblast_node::crypto::{self, Checker, SecretKey};
use arblast_node::engine::{self, CHANNELS};
use arblast_node::genesis::{Genesis, Parameters};
use arblast_node::mempool::pool::Limits;
use arblast_node::monitor::{Event, Monitor};
use arblast_node::status::{Role, Status};
use arblast_node::transaction::{Lane, SignedTransaction, Transaction};
use arblast_node::vote::{MemoryRecord, Record, Scheme};
use commonware_consensus::marshal::Identifier;
use commonware_consensus::marshal::core::Mailbox as MarshalMailbox;
use commonware_consensus::marshal::standard::Standard;
use commonware_consensus::types::Height;
use commonware_cryptography::{Signer as _, ed25519, sha256};
use commonware_glue::simulate::engine::{EngineDefinition, InitContext};
use commonware_glue::simulate::processed::ProcessedHeight;
use commonware_glue::simulate::tracker::FinalizationUpdate;
use commonware_runtime::{Clock as _, Handle, Quota, Spawner as _, Supervisor as _, deterministic};
use commonware_utils::channel::mpsc;
use commonware_utils::sequence::FixedBytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// Everything that happened, by validator.
#[derive(Default)]
pub struct Log(Mutex<Vec<(usize, Event)>>);

/// When the clients began to count.
type Started = Arc<Mutex<Option<SystemTime>>>;

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

/// How a Byzantine validator goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treason {
    /// Every misdeed in turn, beginning with this one.
    Turns(u64),
    /// Two engines with one identity, each of them talking to half of the network.
    Twin,
}

/// A transaction that a client hands to a validator some time after the start.
#[derive(Clone)]
pub struct Submission {
    pub at: Duration,
    pub validator: usize,
    pub transaction: SignedTransaction,
}

/// What a network is made of, besides its validators.
pub struct Shape {
    pub interval: Duration,
    pub block_transactions: u32,
    /// Accounts with a balance, by number of their secret.
    pub wallets: std::ops::Range<u32>,
}

/// A network to simulate.
#[derive(Clone)]
pub struct Network {
    genesis: Arc<Genesis>,
    identities: Arc<Vec<ed25519::PrivateKey>>,
    records: Arc<Vec<Arc<MemoryRecord>>>,
    checker: Checker,
    interval: Duration,
    traffic: Arc<Vec<Submission>>,
    pub log: Arc<Log>,
    tamper: Option<(usize, Tamper)>,
    forgeries: bool,
    one_by_one: bool,
    vandal: Option<(Damage, Arc<Vandal>)>,
    traitors: Arc<BTreeMap<usize, Treason>>,
    started: Started,
    pub ballots: Arc<Ballots>,
    pub misdeeds: Arc<Misdeeds>,
}

const WALLETS: u32 = 8;

impl Network {
    /// Four validators and `rounds` transfers by each of eight wallets.
    pub fn new(rounds: u64) -> Self {
        Self::of(4, rounds)
    }

    /// So many validators, and `rounds` transfers by each of eight wallets, one round every 50 ms. Each wallet is a
    /// client of one of the first four validators.
    pub fn of(count: u8, rounds: u64) -> Self {
        let shape = Shape { interval: Duration::from_millis(100), block_transactions: 16, wallets: 0..WALLETS };
        let network = Self::shaped(count, &shape);
        let traffic = (0..rounds).flat_map(|nonce| (0..WALLETS).map(move |wallet| (wallet, nonce)));
        let traffic = traffic.map(|(wallet, nonce)| Submission {
            at: Duration::from_millis(50 * nonce),
            validator: wallet as usize % 4,
            // Odd wallets use the priority lane.
            transaction: network.transfer(
                wallet,
                (wallet + 1) % WALLETS,
                if wallet % 2 == 1 { Lane::Priority } else { Lane::Standard },
                nonce,
            ),
        });
        let traffic = traffic.collect();
        network.with_traffic(traffic)
    }

    /// So many validators, and no traffic yet.
    pub fn shaped(count: u8, shape: &Shape) -> Self {
        Self::shaped_on(count, shape, dispatcher())
    }

    /// The same on this dispatcher.
    pub fn shaped_on(count: u8, shape: &Shape, dispatcher: Dispatcher) -> Self {
        support::log();
        let identities: Vec<_> = (0..u64::from(count)).map(ed25519::PrivateKey::from_seed).collect();
        let checker = Checker::new(dispatcher);
        let validators = (0..count).map(|n| entry(&identities[usize::from(n)], &secret("vote", n))).collect();
        let accounts = shape.wallets.clone().map(|n| (crypto::address(&wallet(n)), 1_000)).collect();
        let parameters = Parameters { base_fee: 1, block_transactions: shape.block_transactions };
        let genesis = Genesis::new("simulation", validators, accounts, parameters, &checker).expect("a good genesis");
        Self {
            genesis: Arc::new(genesis),
            identities: Arc::new(identities),
            records: Arc::new((0..count).map(|_| Arc::default()).collect()),
            checker,
            interval: shape.interval,
            traffic: Arc::default(),
            log: Arc::default(),
            tamper: None,
            forgeries: false,
            one_by_one: false,
            vandal: None,
            traitors: Arc::default(),
            started: Arc::default(),
            ballots: Arc::default(),
            misdeeds: Arc::default(),
        }
    }

    /// Has clients submit these, in the order given.
    pub fn with_traffic(mut self, traffic: Vec<Submission>) -> Self {
        self.traffic = Arc::new(traffic);
        self
    }

    /// A transfer of 1 and its nonce between two wallets.
    pub fn transfer(&self, from: u32, to: u32, lane: Lane, nonce: u64) -> SignedTransaction {
        let key = wallet(from);
        let transaction = Transaction {
            sender: crypto::address(&key),
            recipient: crypto::address(&wallet(to)),
            amount: 1 + nonce,
            fee: lane.minimum_fee(1),
            nonce,
            lane,
        };
        let signature = crypto::sign(&key, &transaction.message(self.genesis.digest()));
        SignedTransaction { transaction, signature: FixedBytes::new(signature.to_bytes()) }
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

    /// Has every certificate of a batch checked on its own, as the engine's multisignature does it.
    pub fn with_one_by_one(mut self, one_by_one: bool) -> Self {
        self.one_by_one = one_by_one;
        self
    }

    /// Has the journal of a validator damaged whenever the validator is started again.
    pub fn with_vandal(mut self, damage: Damage, vandal: Arc<Vandal>) -> Self {
        self.vandal = Some((damage, vandal));
        self
    }

    /// Makes validators Byzantine.
    pub fn with_traitors(mut self, traitors: BTreeMap<usize, Treason>) -> Self {
        self.traitors = Arc::new(traitors);
        self
    }

    /// The same network with a log, vote records and counts of its own.
    pub fn again(&self) -> Self {
        let records = Arc::new(self.records.iter().map(|_| Arc::default()).collect());
        let (started, ballots, misdeeds) = (Arc::default(), Arc::default(), Arc::default());
        Self { log: Arc::default(), records, started, ballots, misdeeds, ..self.clone() }
    }

    /// When the first validator was started: what submissions are dated by.
    pub fn started(&self) -> SystemTime {
        self.started.lock().unwrap().expect("the network ran")
    }

    /// Whether a validator keeps to the protocol.
    pub fn honest(&self, validator: usize) -> bool {
        !self.traitors.contains_key(&validator)
    }

    /// All identities, in their order.
    fn sorted(&self) -> Vec<ed25519::PublicKey> {
        let mut identities: Vec<_> = self.identities.iter().map(|identity| identity.public_key()).collect();
        identities.sort();
        identities
    }

    pub fn identity(&self, validator: usize) -> ed25519::PublicKey {
        self.identities[validator].public_key()
    }
}

/// The secret of an account.
fn wallet(number: u32) -> SecretKey {
    SecretKey::key_gen(&[&[7; 32], number.to_be_bytes().as_slice()].concat(), b"wallet").expect("32 bytes are enough")
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
    pub validator: usize,
    clock: Arc<deterministic::Context>,
}

impl State {
    /// The simulated time.
    pub fn now(&self) -> SystemTime {
        self.clock.current()
    }

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
        let everybody = Arc::new(self.sorted());
        if let Some((damage, vandal)) = &self.vandal {
            vandal.visit(&context, index, *damage).await;
        }
        let scheme = |record| {
            let vote = secret("vote", index as u8).to_bytes();
            let scheme = Scheme::signer(&self.genesis, &vote, record, self.checker.clone()).expect("a validator");
            if self.one_by_one { scheme.one_by_one() } else { scheme }
        };
        let treason = self.traitors.get(&index);
        let record: Arc<dyn Record> = match treason {
            Some(_) => Arc::new(Reckless),
            None => self.records[index].clone(),
        };
        let (load, clock) = (context.child("load"), Arc::new(context.child("clock")));
        let reports = Reports { log: self.log.clone(), identity: public_key.clone(), harness: monitor };
        let tamper =
            self.tamper.as_ref().filter(|(validator, _)| *validator == index).map(|(_, tamper)| tamper.clone());
        let config = |name, monitor| engine::Config {
            index,
            identity: public_key.clone(),
            genesis: self.genesis.clone(),
            scheme: scheme(record.clone()),
            checker: self.checker.clone(),
            blocker: oracle.control(public_key.clone()),
            peers: oracle.manager(),
            monitor,
            prefix: format!("{name}-{index}"),
            interval: self.interval,
            mempool: Limits { base_fee: 1, waiting_bytes: 1 << 16, ready_bytes: 1 << 16, per_sender: 64 },
            status: Status::new(Role::Voting),
            gate: None,
            listen_time: Duration::ZERO,
            keep_blocks: 1 << 14,
            tamper: tamper.clone(),
        };
        let first = config("validator", Arc::new(reports) as Arc<dyn Monitor>);
        let validator = match treason {
            None => {
                let conduct = Conduct::Honest { validator: index, ballots: self.ballots.clone() };
                engine::start(context, first, adversary::channels(channels, &conduct, &everybody)).await
            }
            Some(Treason::Turns(offset)) => {
                let traitor = Traitor::new(scheme(record.clone()), *offset, self.misdeeds.clone());
                let conduct = Conduct::Traitor(Arc::new(traitor));
                engine::start(context, first, adversary::channels(channels, &conduct, &everybody)).await
            }
            Some(Treason::Twin) => {
                let [even, odd] = adversary::twins(&context, channels, &everybody);
                let second = config("twin", Arc::new(()));
                engine::start(context.child("twin"), second, odd).await;
                engine::start(context, first, even).await
            }
        };
        let mempool = validator.mempool;
        let own: Vec<_> = self.traffic.iter().filter(|submission| submission.validator == index).cloned().collect();
        let forgeries = self.forgeries;
        let start = *self.started.lock().unwrap().get_or_insert_with(|| load.current());
        load.spawn(move |context| async move {
            for together in own.chunk_by(|one, next| one.at == next.at) {
                context.sleep_until(start + together[0].at).await;
                let mut batch: Vec<_> = together.iter().map(|submission| submission.transaction.clone()).collect();
                if forgeries {
                    batch.extend(batch.clone().into_iter().map(forged));
                }
                mempool.submit(batch);
            }
        });
        (validator.handle, State { marshal: validator.marshal, validator: index, clock })
    }

    fn start(engine: Handle<()>) -> Handle<()> {
        engine
    }
}
