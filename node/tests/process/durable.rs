//! What a client was told survives `kill -9`; a validator without data catches up with the state.

use crate::load::transfer;
use crate::network::{Network, Shape};
use std::time::Duration;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn an_accepted_transaction_survives_the_kill_of_the_only_node_that_has_it() {
    let mut network = Network::new(&Shape { accounts: 1, ..Shape::default() });
    network.start();
    network.reach(2, PATIENCE);
    // Alone, node 0 can neither make it final nor pass it on.
    (1..4).for_each(|node| network.nodes[node].kill());
    let signed = transfer(&network.accounts()[0], 0, &network.genesis);
    let answer = network.nodes[0].client().submit(&signed).expect("it answers");
    assert_eq!(answer.status, 202, "{}", answer.body);
    let hash = answer.body["hash"].as_str().expect("it says the hash").to_owned();
    network.nodes[0].kill();
    network.start();
    let path = format!("/v1/transactions/{hash}");
    for node in &network.nodes {
        let last = |node: &crate::network::Node| node.client().ok(&path);
        node.until(PATIENCE, "final transaction", |node| last(node).is_some_and(|t| t["status"] == "final"));
    }
    network.check_votes();
}

#[test]
fn a_validator_without_data_begins_with_a_recent_state() {
    let mut network = Network::new(&Shape { interval: Duration::from_millis(100), ..Shape::default() });
    network.start();
    network.reach(30, PATIENCE);
    let node = &mut network.nodes[3];
    node.kill();
    std::fs::remove_dir_all(node.home.join("data")).expect("it can be deleted");
    node.start(&["--catch-up", "state"]);
    node.until_voting(PATIENCE);
    let height = network.height();
    network.reach(height + 5, PATIENCE);
    let block = |node: usize, height: u64| {
        let block = network.nodes[node].client().ok(&format!("/v1/blocks/{height}?limit=1"))?;
        Some((block["hash"].clone(), block["state_root"].clone()))
    };
    assert!(block(0, 5).is_some() && block(3, 5).is_none(), "it fetched the oldest blocks, too");
    assert!(block(3, height + 5).is_some() && block(3, height + 5) == block(0, height + 5));
    network.check_votes();
}
