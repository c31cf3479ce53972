//! The whole engine on the deterministic runtime: loss, a crash, Byzantine proposers, and replay.

use crate::network::{Network, Shape, State};
use arblast_node::block::Block;
use arblast_node::monitor::Event;
use arblast_node::transaction::{Address, Lane, Transaction};
use commonware_cryptography::ed25519;
use commonware_glue::simulate::action::{Action, Crash, Schedule};
use commonware_glue::simulate::exit::{ExitCondition, ProcessedHeightAtLeast};
use commonware_glue::simulate::plan::{PlanBuilder, PlanResult};
use commonware_glue::simulate::property::Property;
use commonware_glue::simulate::tracker::ProgressTracker;
use commonware_p2p::simulated::Link;
use commonware_utils::probability;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// Final blocks that every test asks for.
const BLOCKS: u64 = 12;

/// Every running validator has the same blocks, the same state roots among them, and no transaction twice.
#[derive(Clone)]
struct Agreement {
    /// Transactions that must be final by the end.
    transactions: usize,
}

impl Property<ed25519::PublicKey, State> for Agreement {
    fn name(&self) -> &str {
        "agreement"
    }

    fn check<'a>(
        &'a self,
        _: &'a ProgressTracker<ed25519::PublicKey>,
        states: &'a [&'a State],
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let mut seen = BTreeSet::new();
            let mut count = 0;
            for height in 1..=BLOCKS {
                let first = states[0].block(height).await.ok_or(format!("no block at height {height}"))?;
                for state in &states[1..] {
                    if state.block(height).await.as_ref() != Some(&first) {
                        return Err(format!("two blocks at height {height}"));
                    }
                }
                count += first.transactions.len();
                seen.extend(first.transactions.iter().map(|t| (t.sender.clone(), t.lane, t.nonce)));
            }
            if seen.len() != count {
                return Err(format!("{count} transactions, but only {} nonces", seen.len()));
            }
            if count < self.transactions {
                return Err(format!("{count} transactions are final, expected {}", self.transactions));
            }
            Ok(())
        })
    }
}

fn plan(network: &Network, seed: u64, transactions: usize) -> PlanBuilder<Network> {
    PlanBuilder::new(network.clone())
        .seed(seed)
        .exit_condition(ProcessedHeightAtLeast::new(BLOCKS))
        .property(Agreement { transactions })
        .timeout(Duration::from_secs(300))
}

fn run(plan: PlanBuilder<Network>) -> PlanResult<Network> {
    plan.run().unwrap_or_else(|error| panic!("{error}")).remove(0)
}

fn blocked(network: &Network) -> usize {
    network.log.count(|_, event| matches!(event, Event::Blocked { .. }))
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let network = Network::new(4);
    let first = run(plan(&network, 7, 32));
    let again = network.again();
    assert_eq!(first.state, run(plan(&again, 7, 32)).state);
    let other = network.again();
    assert_ne!(first.state, run(plan(&other, 8, 32)).state);
    // The mempools had checked what the blocks held, so blocks cost no pairing of their own.
    let checks = network.log.all();
    let known = checks.iter().filter(|(_, event)| {
        matches!(event, Event::Verified { signatures, .. } if signatures.known > 0 && signatures.checked == 0)
    });
    assert!(known.count() > 0);
    assert_eq!(blocked(&network), 0);
}

#[test]
fn lost_messages_delay_but_do_not_divide() {
    let network = Network::new(4);
    let link =
        Link { latency: Duration::from_millis(30), jitter: Duration::from_millis(20), success_rate: probability!(0.8) };
    run(plan(&network, 11, 16).link(link));
    assert_eq!(blocked(&network), 0);
}

/// Reached after so much simulated time.
#[derive(Clone)]
struct After(Duration, Arc<Mutex<Option<SystemTime>>>);

impl ExitCondition<ed25519::PublicKey, State> for After {
    fn name(&self) -> &str {
        "after"
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
            let now = states[0].now();
            Ok(now >= *self.1.lock().unwrap().get_or_insert(now) + self.0)
        })
    }
}

#[test]
fn a_fifth_lost_and_a_jitter_of_100_ms_leave_a_block_every_30_s() {
    const RUN: Duration = Duration::from_secs(120);
    const GAP: Duration = Duration::from_secs(30);
    let link = Link {
        latency: Duration::from_millis(100),
        jitter: Duration::from_millis(100),
        success_rate: probability!(0.8),
    };
    let shape = Shape { interval: Duration::from_secs(1), block_transactions: 16, wallets: 0..1 };
    for seed in 51..54 {
        let network = Network::shaped(4, &shape);
        let plan = PlanBuilder::new(network.clone()).seed(seed).link(link.clone());
        plan.exit_condition(After(RUN, Arc::default())).run().unwrap_or_else(|error| panic!("{error}"));
        let mut latest = [network.started(); 4];
        let (mut longest, mut blocks) = (Duration::ZERO, 0);
        for (validator, event) in network.log.all() {
            if let Event::Finalized { at, height, .. } = event {
                longest = longest.max(at.duration_since(latest[validator]).unwrap_or_default());
                latest[validator] = at;
                blocks = blocks.max(height);
            }
        }
        let end = network.started() + RUN;
        let silent = latest.iter().map(|at| end.duration_since(*at).unwrap_or_default()).max().unwrap_or_default();
        println!("seed {seed}: {blocks} blocks in {RUN:?}, the longest wait of a validator {:?}", longest.max(silent));
        assert!(longest.max(silent) <= GAP, "seed {seed}: a validator waited {longest:?}, at the end {silent:?}");
        assert_eq!(blocked(&network), 0);
        network.ballots.check().unwrap();
    }
}

#[test]
fn a_crashed_validator_is_missed_and_catches_up() {
    let network = Network::new(4);
    let victim = network.identity(2);
    let schedule = Schedule::new()
        .at(Duration::from_millis(600), Action::Crash(victim.clone()))
        .at(Duration::from_millis(6_000), Action::Restart(victim));
    let result = run(plan(&network, 13, 16).crash(Crash::Schedule(schedule)));
    assert_eq!(result.crashes, 1);
    assert_eq!(blocked(&network), 0);
}

#[test]
fn forged_transactions_are_dropped_and_hide_no_honest_ones() {
    let network = Network::new(4).with_forgeries();
    run(plan(&network, 37, 32));
    let invalid = |_: usize, event: &Event| matches!(event, Event::Admitted { invalid, .. } if *invalid > 0);
    assert!(network.log.count(invalid) > 0);
    assert_eq!(network.log.count(|_, event| matches!(event, Event::Refused { .. })), 0);
    assert_eq!(blocked(&network), 0);
}

/// Runs with validator 1 Byzantine: its blocks are refused by everybody else, the others' go on.
fn byzantine(seed: u64, reason: &str, tamper: impl Fn(&mut Block) + Send + Sync + 'static) {
    let network = Network::new(4).with_tamper(1, tamper);
    run(plan(&network, seed, 16));
    let refused = |who: usize, event: &Event| match event {
        Event::Refused { reason: given, .. } => {
            assert!(given.contains(reason), "refused for another reason: {given}");
            assert_ne!(who, 1);
            true
        }
        _ => false,
    };
    assert!(network.log.count(refused) > 0, "nobody had to refuse anything");
    let honest = [0, 2, 3].map(|validator| network.identity(validator));
    let blamed = |_: usize, event: &Event| matches!(event, Event::Blocked { peer } if honest.contains(peer));
    assert_eq!(network.log.count(blamed), 0);
}

#[test]
fn a_block_that_overspends_is_refused() {
    byzantine(17, "cannot afford", |block| {
        let Some(last) = block.transactions.last_mut() else { return };
        last.amount = 1_000_000;
    });
}

#[test]
fn a_block_with_a_forged_transaction_is_refused() {
    byzantine(19, "aggregate signature", |block| {
        let Some(last) = block.transactions.last_mut() else { return };
        last.amount += 1;
    });
}

#[test]
fn a_block_with_a_wrong_aggregate_is_refused() {
    byzantine(23, "aggregate signature", |block| {
        if !block.transactions.is_empty() {
            block.signature = arblast_node::block::empty_signature();
        }
    });
}

#[test]
fn a_block_that_pays_a_key_that_is_none_is_refused() {
    byzantine(29, "not a public key", |block| {
        let Some(last) = block.transactions.last_mut() else { return };
        last.recipient = Address::new([0xff; 48]);
    });
}

#[test]
fn a_block_beyond_a_lane_s_share_is_refused() {
    byzantine(31, "Standard transactions", |block| {
        let Some(template) = block.transactions.first().cloned() else { return };
        let more = Transaction { lane: Lane::Standard, ..template };
        block.transactions = vec![more; 9];
    });
}
