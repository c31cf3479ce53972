//! Sixteen validators, five of them Byzantine, on links that lose messages and break apart: safety always, liveness
//! once the links have healed.
//!
//! Each seed is a network of its own: other traitors, who begin with other misdeeds, other losses and delays, another
//! partition. The seed is all it takes to run a failure again. `ARBLAST_SEEDS` says which seeds to run, such as
//! `300` (the first 300) or `17..18` (one); without it, the first 20. They are spread over the processors.
//!
//! ```text
//! ARBLAST_SEEDS=300 cargo test --release -p arblast-node --test node byzantine -- --nocapture
//! ```

use crate::adversary::Misdeed;
use crate::network::{Network, State, Treason};
use arblast_node::monitor::Event;
use commonware_cryptography::ed25519;
use commonware_glue::simulate::action::{Action, Crash, Schedule};
use commonware_glue::simulate::exit::ExitCondition;
use commonware_glue::simulate::plan::PlanBuilder;
use commonware_glue::simulate::processed::ProcessedHeight as _;
use commonware_glue::simulate::tracker::ProgressTracker;
use commonware_p2p::simulated::Link;
use commonware_utils::{Probability, probability};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const VALIDATORS: u8 = 16;
const TRAITORS: usize = 5;
/// Seeds in the short form.
const SHORT: u64 = 20;
/// Blocks that every honest validator must have after healing, beyond the highest one before it.
const AFTER: u64 = 6;
/// How long that may take, in simulated time. A Byzantine leader costs a time-out of about two seconds, and the five
/// may follow each other.
const LIVENESS: Duration = Duration::from_secs(60);

/// What a seed decides.
struct Case {
    traitors: BTreeMap<usize, Treason>,
    lossy: Link,
    /// One side of the partition.
    side: BTreeSet<usize>,
    /// When the network breaks apart and when it heals.
    split: Duration,
    heal: Duration,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut order: Vec<usize> = (0..usize::from(VALIDATORS)).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, (rng.next_u64() % (place as u64 + 1)) as usize);
        }
        // One pair of twins; the others each begin with a misdeed of their own.
        let treason = |place: usize| match place {
            0 => Treason::Twin,
            place => Treason::Turns(seed + place as u64),
        };
        let traitors = (0..TRAITORS).map(|place| (order[place], treason(place))).collect();
        let mut between = |low: u64, high: u64| low + rng.next_u64() % (high - low);
        let lossy = Link {
            latency: Duration::from_millis(between(5, 60)),
            jitter: Duration::from_millis(between(1, 30)),
            success_rate: Probability::new(between(80, 101), 100).expect("at most one"),
        };
        let split = Duration::from_millis(between(1_500, 6_000));
        let heal = split + Duration::from_millis(between(3_000, 12_000));
        let size = between(3, 14) as usize;
        for place in (1..order.len()).rev() {
            order.swap(place, between(0, place as u64 + 1) as usize);
        }
        Self { traitors, lossy, side: order[..size].iter().copied().collect(), split, heal }
    }

    fn schedule(&self, network: &Network) -> Schedule<ed25519::PublicKey> {
        let broken = Link { success_rate: probability!(0.0), ..self.lossy.clone() };
        let mut schedule = Schedule::new();
        for from in 0..usize::from(VALIDATORS) {
            for to in 0..usize::from(VALIDATORS) {
                if self.side.contains(&from) != self.side.contains(&to) {
                    let (from, to) = (network.identity(from), network.identity(to));
                    schedule = schedule.at(self.split, Action::UpdateLink { from, to, link: broken.clone() });
                }
            }
        }
        let whole = Link {
            latency: Duration::from_millis(20),
            jitter: Duration::from_millis(5),
            success_rate: probability!(1.0),
        };
        schedule.at(self.heal, Action::Heal(whole))
    }
}

/// Reached when every honest validator has [`AFTER`] blocks more than the highest had at healing; an error if that
/// takes longer than [`LIVENESS`].
#[derive(Clone)]
struct Recovered {
    network: Network,
    heal: Duration,
    begun: Arc<Mutex<Option<SystemTime>>>,
    /// The height to reach, once the links have healed.
    target: Arc<AtomicU64>,
    /// How long it took, in simulated milliseconds.
    took: Arc<AtomicU64>,
}

impl ExitCondition<ed25519::PublicKey, State> for Recovered {
    fn name(&self) -> &str {
        "recovered"
    }

    fn requires_polling(&self) -> bool {
        true
    }

    fn reached<'a>(
        &'a self,
        _: &'a ProgressTracker<ed25519::PublicKey>,
        states: &'a [&'a State],
        _: usize,
    ) -> Pin<Box<dyn Future<Output = Result<bool, String>> + Send + 'a>> {
        Box::pin(async move {
            let now = states.first().map_or(UNIX_EPOCH, |state| state.now());
            let begun = *self.begun.lock().unwrap().get_or_insert(now);
            let Ok(since) = now.duration_since(begun + self.heal) else { return Ok(false) };
            let mut heights = Vec::with_capacity(states.len());
            for state in states.iter().filter(|state| self.network.honest(state.validator)) {
                heights.push((state.processed_height().await, state.validator));
            }
            heights.sort_unstable();
            let (Some((lowest, slowest)), Some((highest, _))) = (heights.first(), heights.last()) else {
                return Err("no honest validator is running".into());
            };
            if self.target.load(Ordering::Relaxed) == 0 {
                self.target.store(highest + AFTER, Ordering::Relaxed);
            }
            let target = self.target.load(Ordering::Relaxed);
            if *lowest >= target {
                self.took.store(since.as_millis() as u64, Ordering::Relaxed);
                return Ok(true);
            }
            if since > LIVENESS {
                return Err(format!("{since:?} after healing validator {slowest} is at {lowest}, expected {target}"));
            }
            Ok(false)
        })
    }
}

/// No two blocks or roots of a height, no honest double vote, no honest validator blamed by another.
fn safe(network: &Network) -> Result<u64, String> {
    network.ballots.check()?;
    let mut final_blocks = BTreeMap::new();
    for (validator, event) in network.log.all().into_iter().filter(|(validator, _)| network.honest(*validator)) {
        match event {
            Event::Finalized { block, height, root, .. } => {
                let first = final_blocks.entry(height).or_insert((block, root));
                if *first != (block, root) {
                    return Err(format!("validator {validator} finalized another block or root at height {height}"));
                }
            }
            Event::Blocked { peer } => {
                let honest = |other: &usize| network.identity(*other) == peer && network.honest(*other);
                if let Some(other) = (0..usize::from(VALIDATORS)).find(honest) {
                    return Err(format!("validator {validator} blocked {other}, and both are honest"));
                }
            }
            _ => {}
        }
    }
    final_blocks.last_key_value().map(|(height, _)| *height).ok_or_else(|| "no block is final".into())
}

/// What a run has to show.
struct Outcome {
    height: u64,
    recovery: Duration,
    blamed: usize,
}

fn run(network: &Network, seed: u64) -> Result<Outcome, String> {
    let case = Case::new(seed);
    let network = network.again().with_traitors(case.traitors.clone());
    let took = Arc::new(AtomicU64::new(0));
    let recovered = Recovered {
        network: network.clone(),
        heal: case.heal,
        begun: Arc::default(),
        target: Arc::default(),
        took: took.clone(),
    };
    let plan = PlanBuilder::new(network.clone())
        .seed(seed)
        .link(case.lossy.clone())
        .crash(Crash::Schedule(case.schedule(&network)))
        .exit_condition(recovered)
        .timeout(case.heal + LIVENESS + Duration::from_secs(30));
    plan.run()?;
    let height = safe(&network)?;
    for misdeed in Misdeed::ALL {
        tally(misdeed, network.misdeeds.of(misdeed));
    }
    let blamed = network.log.count(|_, event| matches!(event, Event::Blocked { .. }));
    Ok(Outcome { height, recovery: Duration::from_millis(took.load(Ordering::Relaxed)), blamed })
}

/// Misdeeds of all seeds together: a run in which nobody misbehaves shows nothing.
static TALLY: Mutex<BTreeMap<Misdeed, u64>> = Mutex::new(BTreeMap::new());

fn tally(misdeed: Misdeed, count: u64) {
    *TALLY.lock().unwrap().entry(misdeed).or_default() += count;
}

/// The seeds asked for by `ARBLAST_SEEDS`.
fn seeds() -> Range<u64> {
    let Ok(asked) = std::env::var("ARBLAST_SEEDS") else { return 0..SHORT };
    let parse = |text: &str| text.trim().parse::<u64>().unwrap_or_else(|_| panic!("ARBLAST_SEEDS: got {asked:?}"));
    match asked.split_once("..") {
        Some((from, to)) => parse(from)..parse(to),
        None => 0..parse(&asked),
    }
}

#[test]
fn five_byzantine_of_sixteen_neither_fork_nor_stop_the_network() {
    let network = Network::of(VALIDATORS, 2);
    let (seeds, next) = (seeds(), AtomicU64::new(0));
    let (outcomes, failures) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = seeds.start + next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        break;
                    }
                    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&network, seed)));
                    match result.unwrap_or_else(|_| Err("it panicked".into())) {
                        Ok(outcome) => outcomes.lock().unwrap().push(outcome),
                        Err(error) => {
                            println!("seed {seed}: {error}");
                            failures.lock().unwrap().push(format!("seed {seed}: {error}"));
                        }
                    }
                }
            });
        }
    });
    let (outcomes, failures) = (outcomes.into_inner().unwrap(), failures.into_inner().unwrap());
    let tally = TALLY.lock().unwrap();
    let blocks: u64 = outcomes.iter().map(|outcome| outcome.height).sum();
    let blamed: usize = outcomes.iter().map(|outcome| outcome.blamed).sum();
    let slowest = outcomes.iter().map(|outcome| outcome.recovery).max().unwrap_or_default();
    println!(
        "seeds {seeds:?}: {} safe and live, {} not; {blocks} blocks, {tally:?}, {blamed} times a traitor was blocked, \
         slowest recovery {slowest:?} of simulated time",
        outcomes.len(),
        failures.len(),
    );
    assert!(failures.is_empty(), "{failures:#?}");
    for misdeed in Misdeed::ALL {
        assert!(tally.get(&misdeed).is_some_and(|count| *count > 0), "nobody committed {misdeed:?}");
    }
}
