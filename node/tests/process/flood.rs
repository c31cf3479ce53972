//! A validator whose port for the other validators is flooded from outside: finality goes on, memory stays bounded.

use crate::network::{Network, Shape};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long the flood lasts.
const FLOOD: Duration = Duration::from_secs(12);
/// Connections that are opened and held, beside those that come and go.
const HELD: usize = 2_000;
/// How much more memory the victim may use during the flood than before it.
const MEMORY: u64 = 256 << 20;
/// How soon the next block must come, at any moment of the flood.
const NEXT_BLOCK: Duration = Duration::from_secs(5);

/// What an attacker sends over and over on new connections.
#[derive(Clone, Copy, Debug)]
enum Attack {
    /// Random bytes.
    Garbage,
    /// A frame that says it is as long as a frame can say, and as much of it as the victim takes.
    Oversized,
    /// One byte now and then.
    Slow,
    /// Nothing: the connection is held open.
    Held,
}

/// What the attackers did.
#[derive(Default)]
struct Count {
    connections: AtomicU64,
    bytes: AtomicU64,
}

fn attack(kind: Attack, target: SocketAddr, stop: &AtomicBool, count: &Count) {
    let mut held = Vec::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let garbage: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(1 << 16)
    .collect();
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect_timeout(&target, Duration::from_secs(1)) else {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        count.connections.fetch_add(1, Ordering::Relaxed);
        let _ = stream.set_write_timeout(Some(Duration::from_millis(500)));
        let mut send = |bytes: &[u8]| {
            let sent = stream.write(bytes).unwrap_or(0);
            count.bytes.fetch_add(sent as u64, Ordering::Relaxed);
            sent > 0
        };
        match kind {
            Attack::Garbage => while !stop.load(Ordering::Relaxed) && send(&garbage) {},
            Attack::Oversized => {
                // The length of a frame, as a varint of 32 bits.
                if send(&[0xff, 0xff, 0xff, 0xff, 0x0f]) {
                    while !stop.load(Ordering::Relaxed) && send(&garbage) {}
                }
            }
            Attack::Slow => {
                while !stop.load(Ordering::Relaxed) && send(&[0x40]) {
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
            Attack::Held => {
                if held.len() == HELD {
                    held.remove(0);
                }
                held.push(stream);
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

#[test]
fn a_flood_on_the_validators_port_does_not_stop_finality() {
    let mut network = Network::new(&Shape::default());
    network.start();
    for node in &network.nodes {
        node.until_voting(Duration::from_secs(60));
    }
    network.reach(5, Duration::from_secs(60));
    let victim = &network.nodes[0];
    let (target, before) = (victim.p2p, victim.memory());
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(Count::default()));
    let attackers: Vec<_> = [Attack::Garbage, Attack::Oversized, Attack::Slow, Attack::Slow, Attack::Held]
        .into_iter()
        .map(|kind| {
            let (stop, count) = (stop.clone(), count.clone());
            std::thread::spawn(move || attack(kind, target, &stop, &count))
        })
        .collect();
    let start = Instant::now();
    let (mut most, mut slowest, first) = (0, Duration::ZERO, network.height());
    while start.elapsed() < FLOOD {
        slowest = slowest.max(network.next_block(None, NEXT_BLOCK));
        most = most.max(network.nodes[0].memory());
    }
    stop.store(true, Ordering::Relaxed);
    attackers.into_iter().for_each(|attacker| attacker.join().expect("an attacker panicked"));
    let (connections, bytes) = (count.connections.load(Ordering::Relaxed), count.bytes.load(Ordering::Relaxed));
    let height = network.height();
    println!(
        "{connections} connections and {} MiB in {FLOOD:?}: {} blocks, the next one after at most {slowest:?}; the \
         victim's memory went from {} to at most {} MiB",
        bytes >> 20,
        height - first,
        before >> 20,
        most >> 20,
    );
    assert!(connections >= 1_000, "only {connections} connections were made");
    assert!(most < before + MEMORY, "the victim used {most} bytes, {before} before the flood");
    // The victim itself kept up, too.
    network.reach(height, Duration::from_secs(20));
    network.check_agreement(height);
    network.check_votes();
    assert!(!network.nodes[0].ended());
    // Its port still answers to who behaves: a connection is at least taken.
    let mut stream = TcpStream::connect_timeout(&target, Duration::from_secs(2)).expect("the port is open");
    let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
    let _ = stream.read(&mut [0; 1]);
}
