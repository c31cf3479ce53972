//! The priority lane under a flood of standard transactions, on the deterministic runtime: what waits is the block
//! space, and time is exact. `arblast-node devnet --flood` measures the same with real time and real load.

use crate::network::{Network, Shape, State, Submission};
use arblast_node::block::Shares;
use arblast_node::monitor::Event;
use arblast_node::transaction::{Lane, TransactionId};
use commonware_cryptography::{Digestible as _, ed25519};
use commonware_glue::simulate::exit::ProcessedHeightAtLeast;
use commonware_glue::simulate::plan::PlanBuilder;
use commonware_glue::simulate::property::Property;
use commonware_glue::simulate::tracker::ProgressTracker;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_millis(500);
const BLOCK_TRANSACTIONS: u32 = 32;
/// Before anything is submitted: the first leaders of a network pass for idle until they were heard once, and one of
/// them may be skipped.
const WARM_UP: Duration = Duration::from_secs(5);
/// Blocks of a run, 28 s, and blocks under the flood.
const BLOCKS: u64 = 56;
const FLOODED: u32 = 40;
/// Time between two priority transactions; no divisor of the interval, so that they meet it at every point.
const PRIORITY_EVERY: Duration = Duration::from_millis(170);
const PRIORITY: u32 = 100;
/// Three times what the blocks can hold, if they held nothing else.
const FLOOD_EVERY: Duration = Duration::from_nanos(500_000_000 / (3 * BLOCK_TRANSACTIONS as u64));
const FLOOD: u32 = FLOODED * 3 * BLOCK_TRANSACTIONS;

/// In which block each transaction became final, and how many of each lane the blocks hold.
#[derive(Clone, Default)]
struct Placed(Arc<Mutex<Places>>);

#[derive(Default)]
struct Places {
    block: HashMap<TransactionId, commonware_cryptography::sha256::Digest>,
    standard: Vec<usize>,
}

impl Property<ed25519::PublicKey, State> for Placed {
    fn name(&self) -> &str {
        "placed"
    }

    fn check<'a>(
        &'a self,
        _: &'a ProgressTracker<ed25519::PublicKey>,
        states: &'a [&'a State],
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            for height in 1..=BLOCKS {
                let block = states[0].block(height).await.ok_or(format!("no block at height {height}"))?;
                let mut places = self.0.lock().unwrap();
                let digest = block.digest();
                places.block.extend(block.transactions.iter().map(|transaction| (transaction.id(), digest)));
                let standard = block.transactions.iter().filter(|transaction| transaction.lane == Lane::Standard);
                places.standard.push(standard.count());
            }
            Ok(())
        })
    }
}

/// Times from submission to finality of the priority transactions, in order, and the standard transactions of each
/// block.
fn run(flood: bool) -> (Vec<Duration>, Vec<usize>) {
    let shape = Shape { interval: INTERVAL, block_transactions: BLOCK_TRANSACTIONS, wallets: 0..PRIORITY + FLOOD };
    let network = Network::shaped(4, &shape);
    // Every transaction has a sender of its own, so that none waits for another's nonce.
    let mut traffic: Vec<_> = (0..PRIORITY)
        .map(|n| Submission {
            at: WARM_UP + PRIORITY_EVERY * n,
            validator: n as usize % 4,
            transaction: network.transfer(n, (n + 1) % PRIORITY, Lane::Priority, 0),
        })
        .collect();
    let probes = traffic.clone();
    if flood {
        traffic.extend((0..FLOOD).map(|n| Submission {
            at: WARM_UP + FLOOD_EVERY * n,
            validator: n as usize % 4,
            transaction: network.transfer(PRIORITY + n, n % PRIORITY, Lane::Standard, 0),
        }));
        traffic.sort_by_key(|submission| submission.at);
    }
    let network = network.with_traffic(traffic);
    let placed = Placed::default();
    let plan = PlanBuilder::new(network.clone())
        .seed(41)
        .exit_condition(ProcessedHeightAtLeast::new(BLOCKS))
        .property(placed.clone())
        .timeout(Duration::from_secs(120));
    plan.run().unwrap_or_else(|error| panic!("{error}"));
    let start = network.started();
    let places = placed.0.lock().unwrap();
    let certified: HashMap<_, _> = network
        .log
        .all()
        .into_iter()
        .filter_map(|(validator, event)| match event {
            Event::Certified { block, at } => Some(((validator, block), at)),
            _ => None,
        })
        .rev()
        .collect();
    let mut times = Vec::new();
    for probe in probes {
        // The last ones may come too late for the last block.
        let Some(block) = places.block.get(&probe.transaction.transaction.id()) else { continue };
        if let Some(at) = certified.get(&(probe.validator, *block)) {
            times.push(at.duration_since(start + probe.at).expect("it was submitted before it was final"));
        }
    }
    times.sort_unstable();
    (times, places.standard.clone())
}

#[test]
fn a_flood_in_the_standard_lane_does_not_delay_the_priority_lane() {
    let p95 = |times: &[Duration]| times[(times.len() * 95).div_ceil(100) - 1];
    let (idle, none) = run(false);
    let (flooded, standard) = run(true);
    let share = Shares::new(BLOCK_TRANSACTIONS).most(Lane::Standard);
    let full = standard.iter().filter(|count| **count >= share).count();
    println!(
        "priority transactions, from submission to finality: idle p95 {:?} ({} of them), flooded p95 {:?} ({}); \
         the standard lane was full in {full} blocks",
        p95(&idle),
        idle.len(),
        p95(&flooded),
        flooded.len(),
    );
    assert_eq!(none.iter().sum::<usize>(), 0);
    assert!(full as u32 >= FLOODED * 9 / 10, "the flood did not fill the lane: {standard:?}");
    assert!(idle.len() as u32 >= PRIORITY * 9 / 10 && flooded.len() as u32 >= PRIORITY * 9 / 10);
    assert!(p95(&flooded).as_secs_f64() <= 1.5 * p95(&idle).as_secs_f64(), "{idle:?} {flooded:?}");
}
