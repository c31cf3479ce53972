//! A disk that is full, or nearly.

use crate::network::{Network, Node, Shape};
use std::time::{Duration, Instant};

/// How long a process may take to notice.
const NOTICED: Duration = Duration::from_secs(120);

/// Waits until the process has ended by itself; gives its exit status.
fn ended(node: &mut Node) -> Option<i32> {
    let start = Instant::now();
    while start.elapsed() < NOTICED {
        if let Some(status) = node.exit_status() {
            return status;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("validator {} did not end; its log:\n{}", node.index, node.log.tail());
}

#[test]
fn a_nearly_full_disk_ends_a_validator_before_a_write_fails_and_the_others_go_on() {
    let mut network = Network::new(&Shape::default());
    let (last, others) = network.nodes.split_last_mut().expect("there are four");
    others.iter_mut().for_each(|node| node.start(&[]));
    // No disk has a pebibyte free.
    last.start(&["--min-free-space", "1048576GiB"]);
    assert_eq!(ended(last), Some(2), "{}", last.log.tail());
    assert!(last.log.count("disk_full") > 0 && last.log.count("Make room") > 0, "{}", last.log.tail());
    assert_eq!(last.log.votes.views(), 0, "it voted");
    network.next_block(Some(3), NOTICED);
    // With room it takes part again.
    network.nodes[3].kill();
    network.nodes[3].start(&[]);
    network.nodes[3].until_voting(NOTICED);
    network.check_votes();
}

#[test]
fn a_write_that_fails_ends_a_validator_and_it_goes_on_when_there_is_room() {
    let mut network = Network::new(&Shape::default());
    // No file of validator 3 may exceed 24 KiB; the signal that goes with it is ignored, so that the write fails.
    let limited = "trap '' XFSZ; ulimit -f 48; exec \"$0\" \"$@\"";
    network.nodes[3].prefix = ["sh", "-c", limited].map(str::to_owned).to_vec();
    network.start();
    assert_eq!(ended(&mut network.nodes[3]), Some(2), "{}", network.nodes[3].log.tail());
    let log = &network.nodes[3].log;
    assert!(log.count("voting") > 0, "it ended before it took part:\n{}", log.tail());
    network.next_block(Some(3), NOTICED);
    network.nodes[3].kill();
    network.nodes[3].prefix.clear();
    network.nodes[3].start(&[]);
    network.nodes[3].until_voting(NOTICED);
    let height = network.height();
    network.reach(height, NOTICED);
    network.check_agreement(height);
    network.check_votes();
}
