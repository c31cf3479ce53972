//! Four processes under load, one after the other killed with `kill -9` and started again.
//!
//! The short form kills three times in about half a minute at 100 transactions a second. The long form is that of a
//! night: twenty kills in five minutes at 500 a second.
//!
//! ```text
//! ARBLAST_KILLS=20 ARBLAST_LOAD=500 cargo test --release -p arblast-node --test process kills -- --nocapture
//! ```

use crate::client::integer;
use crate::load::Load;
use crate::long_form;
use crate::network::{Network, Shape};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How soon after a kill there must be a new block.
const NEXT_BLOCK: Duration = Duration::from_secs(5);
/// How long the victim is away.
const AWAY: Duration = Duration::from_secs(1);
/// How long it may take until it votes again.
const BACK: Duration = Duration::from_secs(60);
/// Seconds of one kill in the long form: twenty make five minutes.
const PACE: Duration = Duration::from_secs(15);

#[test]
fn a_network_survives_kill_9_under_load() {
    let (kills, rate) = (long_form("ARBLAST_KILLS", 3), long_form("ARBLAST_LOAD", 100));
    // The short form also runs where other work takes the cores for seconds at a time; the bound is the long form's.
    let (pace, next) = if kills > 3 { (PACE, NEXT_BLOCK) } else { (Duration::from_secs(6), 3 * NEXT_BLOCK) };
    let shape = Shape { interval: Duration::from_millis(500), accounts: 256, ..Shape::default() };
    let mut network = Network::new(&shape);
    network.start();
    for node in &network.nodes {
        node.until_voting(Duration::from_secs(60));
    }
    network.reach(2, Duration::from_secs(30));
    let load = Load::start(&network, rate as u32);
    // Every final block that any node ever showed, by height.
    let mut shown = HashMap::new();
    let (mut slowest, mut back) = (Duration::ZERO, Duration::ZERO);
    let start = Instant::now();
    for kill in 0..kills {
        let due = start + pace * kill as u32;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let victim = kill as usize % 4;
        // What the victim says is final just before it dies must not be lost with it.
        note(&network, victim, &mut shown);
        network.nodes[victim].kill();
        slowest = slowest.max(network.next_block(Some(victim), next));
        std::thread::sleep(AWAY);
        network.nodes[victim].start(&[]);
        back = back.max(network.nodes[victim].until_voting(BACK));
        note(&network, (victim + 1) % 4, &mut shown);
    }
    let under_load = start.elapsed();
    let sent = load.stop();
    // What was accepted is final in the end, although the nodes that accepted it were killed.
    let settled = sent.settle(&network, Duration::from_secs(120));
    let height = network.height();
    network.reach(height, Duration::from_secs(60));
    for ((height, hash), _) in shown.iter() {
        for node in &network.nodes {
            let block = node.client().ok(&format!("/v1/blocks/{height}?limit=1")).expect("it was final before");
            assert_eq!(block["hash"].as_str(), Some(hash.as_str()), "height {height} at validator {}", node.index);
        }
    }
    network.check_agreement(height);
    network.check_votes();
    let votes: usize = network.nodes.iter().map(|node| node.log.votes.views()).sum();
    assert!(votes as u64 > height, "the logs show {votes} votes for {height} blocks");
    println!(
        "{kills} kills in {under_load:?}, {rate} transactions/s offered, {:.0} accepted: the next block after at most {slowest:?}, the \
         victim voted again after at most {back:?}; {height} blocks, {} transactions accepted and final, {settled:?} \
         after the last was sent; votes in {votes} views, no two in conflict",
        sent.accepted() as f64 / under_load.as_secs_f64(),
        sent.accepted(),
    );
}

/// Remembers the latest final block of a node.
fn note(network: &Network, node: usize, shown: &mut HashMap<(u64, String), ()>) {
    if let Some(block) = network.nodes[node].client().ok("/v1/blocks/latest?limit=1")
        && let (Some(height), Some(hash)) = (integer(&block["height"]), block["hash"].as_str())
    {
        shown.insert((height, hash.to_owned()), ());
    }
}

#[test]
fn sigterm_stops_a_validator_within_5_s() {
    let mut network = Network::new(&Shape::default());
    network.start();
    network.reach(3, Duration::from_secs(60));
    for node in &mut network.nodes {
        let (took, status) = node.terminate(Duration::from_secs(5));
        println!("validator {} stopped in {took:?}", node.index);
        assert_eq!(status, Some(0), "its log:\n{}", node.log.tail());
    }
    // And starts again where it was.
    network.start();
    network.reach(6, Duration::from_secs(60));
    network.check_votes();
}
