//! No conflicting vote after the journal is deleted, after a folder is rolled back to an older copy, and while a copy
//! runs beside the original.
//!
//! The long form tries each fifty times:
//!
//! ```text
//! ARBLAST_TRIES=50 cargo test --release -p arblast-node --test process records -- --nocapture
//! ```

use crate::long_form;
use crate::network::{Network, Process, Shape, copy};
use crate::votes::conflict;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a validator may take until it votes, or says why not.
const DECIDED: Duration = Duration::from_secs(60);
/// How long a copy runs beside the original.
const BESIDE: Duration = Duration::from_secs(5);

/// How long a validator may take until what it has seen is on its disk.
const KEPT: Duration = Duration::from_secs(3);

/// What a validator logs when it stops voting, or does not begin.
const OBSERVES: &str = "observing only";

fn tries() -> u64 {
    long_form("ARBLAST_TRIES", 2)
}

/// A running network in which everybody votes.
fn voting() -> Network {
    let mut network = Network::new(&Shape::default());
    network.start();
    for node in &network.nodes {
        node.until_voting(DECIDED);
    }
    // There is a journal once there were votes.
    network.reach(3, DECIDED);
    network
}

/// The partitions of the engine's journal in a data folder.
fn journal(home: &Path) -> Vec<PathBuf> {
    let store = std::fs::read_dir(home.join("data/store")).expect("the data folder has a store");
    let entries = store.map_while(Result::ok).map(|entry| entry.path());
    entries.filter(|path| path.to_string_lossy().ends_with("-consensus")).collect()
}

#[test]
fn a_deleted_journal_leads_to_no_conflicting_vote() {
    let mut network = voting();
    let start = Instant::now();
    for attempt in 0..tries() {
        let victim = attempt as usize % 4;
        // At another point of the view each time.
        std::thread::sleep(Duration::from_millis(200 + 37 * (attempt % 16)));
        let node = &mut network.nodes[victim];
        let before = node.log.votes.highest();
        node.kill();
        let journal = journal(&node.home);
        assert!(!journal.is_empty(), "there is no journal to delete");
        for path in journal {
            std::fs::remove_dir_all(path).expect("it can be deleted");
        }
        node.start(&[]);
        node.until_voting(DECIDED);
        node.until(DECIDED, "vote", |node| node.log.votes.highest() > before);
    }
    network.check_votes();
    println!("journal deleted {} times in {:?}: no conflicting vote", tries(), start.elapsed());
}

#[test]
fn a_data_folder_rolled_back_leads_to_no_conflicting_vote() {
    let mut network = voting();
    let start = Instant::now();
    for attempt in 0..tries() {
        let node = &mut network.nodes[attempt as usize % 4];
        let (data, older) = (node.home.join("data"), node.home.join("older"));
        node.kill();
        copy(&data, &older);
        node.start(&[]);
        node.until_voting(DECIDED);
        // So many votes that the others have seen some of them.
        let before = node.log.votes.views();
        node.until(DECIDED, "vote", |node| node.log.votes.views() > before + 4);
        std::thread::sleep(Duration::from_millis(37 * (attempt % 16)));
        node.kill();
        std::fs::remove_dir_all(&data).expect("it can be deleted");
        std::fs::rename(&older, &data).expect("it can be moved");
        let before = node.log.votes.highest();
        node.start(&[]);
        node.until_voting(DECIDED);
        node.until(DECIDED, "vote", |node| node.log.votes.highest() > before);
    }
    network.check_votes();
    println!("data folder rolled back {} times in {:?}: no conflicting vote", tries(), start.elapsed());
}

#[test]
fn a_whole_folder_rolled_back_is_noticed_and_only_observes() {
    let mut network = voting();
    let start = Instant::now();
    for attempt in 0..tries() {
        let victim = attempt as usize % 4;
        let node = &mut network.nodes[victim];
        let (home, older, newer) =
            (node.home.clone(), node.home.with_extension("older"), node.home.with_extension("newer"));
        node.kill();
        copy(&home, &older);
        node.start(&[]);
        node.until_voting(DECIDED);
        // So many votes that the others have seen some of them.
        let before = node.log.votes.views();
        node.until(DECIDED, "vote", |node| node.log.votes.views() > before + 4);
        node.kill();
        std::fs::rename(&home, &newer).expect("it can be moved");
        std::fs::rename(&older, &home).expect("it can be moved");
        let before = node.log.votes.highest();
        // Every other time those who have seen its votes are killed and started anew: what they saw is on their disks.
        if attempt % 2 == 1 {
            std::thread::sleep(KEPT);
            let others = network.nodes.iter_mut().enumerate().filter(|(other, _)| *other != victim);
            for (_, other) in others {
                other.kill();
                other.start(&[]);
            }
        }
        let node = &mut network.nodes[victim];
        node.start(&[]);
        node.until(DECIDED, "observer", |node| node.role().as_deref() == Some("observing"));
        let status = node.client().ok("/v1/status").expect("it answers");
        // The others show votes that the record does not hold; whether they are a copy's cannot always be told.
        let cause = &status["reason"]["cause"];
        assert!(cause == "record_stale" || cause == "copy", "{status}");
        assert_eq!(node.log.votes.highest(), before, "it voted on an old record");
        // The record of today: it votes again.
        node.kill();
        std::fs::remove_dir_all(&home).expect("it can be deleted");
        std::fs::rename(&newer, &home).expect("it can be moved");
        node.start(&[]);
        node.until_voting(DECIDED);
    }
    network.check_votes();
    println!("whole folder rolled back {} times in {:?}: noticed, no conflicting vote", tries(), start.elapsed());
}

#[test]
fn a_copy_beside_the_original_leads_to_no_conflicting_vote() {
    let mut network = voting();
    let start = Instant::now();
    let (mut observed, mut voted) = (0, 0);
    for attempt in 0..tries() {
        let index = attempt as usize % 4;
        let node = &mut network.nodes[index];
        let home = node.home.with_extension("copy");
        std::thread::sleep(Duration::from_millis(37 * (attempt % 16)));
        copy(&node.home, &home);
        // Ports of its own, as on a machine of its own; the others dial the original.
        let flags = ["--p2p-listen", "127.0.0.1:0", "--http-port", "0", "--metrics-port", "0"];
        let copied = Process::start(node, &home, &flags);
        let log = copied.log.clone();
        if attempt % 2 == 1 {
            // The original dies under the copy, which takes its place on the network, learns there that its record is
            // old, and stays silent; then the original comes back.
            std::thread::sleep(BESIDE / 2);
            node.kill();
            let taken = Instant::now();
            while log.count(OBSERVES) == 0 {
                assert!(
                    taken.elapsed() < DECIDED,
                    "try {attempt}: the copy did not learn of the others:\n{}",
                    log.tail()
                );
                std::thread::sleep(Duration::from_millis(20));
            }
            // As long as the copy has its place, it listens.
            node.start(&[]);
            std::thread::sleep(BESIDE);
        } else {
            std::thread::sleep(BESIDE);
        }
        drop(copied);
        std::thread::sleep(Duration::from_millis(200));
        conflict([&node.log.votes, &log.votes]).unwrap_or_else(|error| panic!("try {attempt}: {error}"));
        observed += usize::from(log.count(OBSERVES) > 0);
        voted += usize::from(log.votes.views() > 0);
        std::fs::remove_dir_all(&home).expect("it can be deleted");
        // Alone again, the original votes, at the latest after a restart.
        if node.role().as_deref() != Some("voting") {
            node.kill();
            node.start(&[]);
        }
        node.until_voting(DECIDED);
        for other in &network.nodes {
            let blamed = other.log.count("blocked a peer");
            assert_eq!(blamed, 0, "try {attempt}: validator {} blocked a peer", other.index);
        }
    }
    network.check_votes();
    println!(
        "a copy beside the original {} times in {:?}: no conflicting vote; the copy observed {observed} times and \
         voted {voted} times",
        tries(),
        start.elapsed()
    );
}
