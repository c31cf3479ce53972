//! Validators whose journal is deleted, or restored from an older copy, each time they are killed; the record of their
//! votes stays. What they send is read from the wire.
//!
//! The same with processes and whole data folders is in the test program `process`.

use crate::network::{Network, Shape, State};
use commonware_cryptography::ed25519;
use commonware_glue::simulate::action::{Action, Crash, Schedule};
use commonware_glue::simulate::exit::ProcessedHeightAtLeast;
use commonware_glue::simulate::plan::PlanBuilder;
use commonware_p2p::simulated::Link;
use commonware_runtime::{Blob as _, BlobVersion, ReadOptions, Storage as _, WriteOptions, deterministic};
use commonware_utils::probability;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Restarts with a journal that is not the last one.
const TRIES: u32 = 50;
/// Time between two of them, and how long a validator is away. A view that timed out must become final before the next
/// one: when all four have lost the certificates of views that are not final, nobody can prove any more that those views
/// were skipped, and the network stands still.
const PACE: Duration = Duration::from_millis(4_700);
const AWAY: Duration = Duration::from_millis(700);

/// What happens to a validator's journal while it is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is deleted.
    Deleted,
    /// It is replaced by a copy made when the validator was away the time before.
    Older,
}

/// The blobs of a journal: name, version, content.
type Blobs = Vec<(Vec<u8>, BlobVersion, Vec<u8>)>;

/// Damages journals, and counts how often it did.
#[derive(Default)]
pub struct Vandal {
    copies: Mutex<BTreeMap<usize, Blobs>>,
    pub damaged: Mutex<u32>,
}

impl Vandal {
    /// To be called each time a validator starts, before it does.
    pub async fn visit(&self, context: &deterministic::Context, validator: usize, damage: Damage) {
        let partition = format!("validator-{validator}-consensus");
        let Some(present) = read(context, &partition).await else { return };
        let older = self.copies.lock().unwrap().insert(validator, present);
        let replacement = match damage {
            Damage::Deleted => Blobs::new(),
            Damage::Older => match older {
                Some(older) => older,
                None => return,
            },
        };
        context.remove(&partition, None).await.expect("it was read just now");
        for (name, version, content) in replacement {
            let (blob, _, _) = context.open_versioned(&partition, &name, version..=version).await.expect("it is new");
            blob.write_at(0, content, WriteOptions::default()).await.expect("there is room");
            blob.sync().await.expect("there is room");
        }
        *self.damaged.lock().unwrap() += 1;
    }
}

/// A partition's blobs; none if there is no such partition.
async fn read(context: &deterministic::Context, partition: &str) -> Option<Blobs> {
    let mut copy = Blobs::new();
    for name in context.scan(partition).await.ok()? {
        let all = BlobVersion::new(0)..=BlobVersion::new(u16::MAX);
        let (blob, length, version) = context.open_versioned(partition, &name, all).await.ok()?;
        let content = blob.read_at(0, length as usize, ReadOptions::default()).await.ok()?;
        copy.push((name, version, content.coalesce().as_ref().to_vec()));
    }
    (!copy.is_empty()).then_some(copy)
}

fn run(seed: u64, damage: Damage) {
    let shape = Shape { interval: Duration::from_millis(400), block_transactions: 16, wallets: 0..1 };
    let vandal = Arc::new(Vandal::default());
    let network = Network::shaped(4, &shape).with_vandal(damage, vandal.clone());
    let mut schedule = Schedule::<ed25519::PublicKey>::new();
    for attempt in 0..TRIES {
        let victim = network.identity(attempt as usize % 4);
        // At another point of the view each time.
        let at = PACE * (attempt + 1) + Duration::from_millis(u64::from(attempt * 37 % 400));
        schedule = schedule.at(at, Action::Crash(victim.clone())).at(at + AWAY, Action::Restart(victim));
    }
    // Beyond the last restart.
    let blocks = u64::from(TRIES) * 3 / 2;
    let link = Link {
        latency: Duration::from_millis(40),
        jitter: Duration::from_millis(30),
        success_rate: probability!(0.95),
    };
    let plan = PlanBuilder::new(network.clone())
        .seed(seed)
        .link(link)
        .crash(Crash::Schedule(schedule))
        .exit_condition(Enough { blocks, vandal: vandal.clone() })
        .timeout(Duration::from_secs(900));
    plan.run().unwrap_or_else(|error| panic!("{error}"));
    let views = network.ballots.check().unwrap();
    println!("{damage:?}: {} restarts, votes in {views} views, no two in conflict", *vandal.damaged.lock().unwrap());
}

/// Reached when so many blocks are final everywhere and the vandal has done its work.
#[derive(Clone)]
struct Enough {
    blocks: u64,
    vandal: Arc<Vandal>,
}

impl commonware_glue::simulate::exit::ExitCondition<ed25519::PublicKey, State> for Enough {
    fn name(&self) -> &str {
        "enough"
    }

    fn requires_polling(&self) -> bool {
        true
    }

    fn reached<'a>(
        &'a self,
        tracker: &'a commonware_glue::simulate::tracker::ProgressTracker<ed25519::PublicKey>,
        states: &'a [&'a State],
        target: usize,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<bool, String>> + Send + 'a>> {
        Box::pin(async move {
            // The first visit of each validator finds no older copy.
            let done = *self.vandal.damaged.lock().unwrap() >= TRIES - 4;
            Ok(done && ProcessedHeightAtLeast::new(self.blocks).reached(tracker, states, target).await?)
        })
    }
}

#[test]
fn a_deleted_journal_leads_to_no_conflicting_vote() {
    run(71, Damage::Deleted);
}

#[test]
fn an_older_journal_leads_to_no_conflicting_vote() {
    run(73, Damage::Older);
}
