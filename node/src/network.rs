//! Authenticated connections between validators.
//!
//! Only validators of the genesis may connect, from the addresses that the peers file gives them, and each proves its
//! identity before it may send anything. The network is closed: there is no discovery.
//!
//! # Bounds
//!
//! Whatever strangers do costs bounded memory: a limited number of handshakes at a time, in all and for each address
//! and second, each with a time limit; a connection from an address that is no validator's is closed at once. A
//! validator that misbehaves costs no more than its quota on each channel (see [`crate::engine::CHANNELS`]): messages
//! above the quota wait, messages above [`message_size`] end the connection, and one that reads slowly loses messages
//! rather than holding up others.

use crate::engine::{CHANNELS, Channels, message_size};
use crate::genesis::Genesis;
use commonware_cryptography::{ChaCha20Poly1305, ed25519};
use commonware_p2p::authenticated::lookup::{self, Config, Network, Oracle};
use commonware_p2p::{Address, AddressableManager as _};
use commonware_runtime::Quota;
use commonware_runtime::tokio::Context;
use commonware_stream::cups::{self, Cups};
use commonware_stream::sake::{self, Sake};
use commonware_utils::ordered::Map;
use commonware_utils::{NZU32, NZUsize};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

/// The sender of a channel.
pub type Sender = lookup::Sender<ed25519::PublicKey, Context>;
/// The receiver of a channel.
pub type Receiver = lookup::Receiver<ed25519::PublicKey>;

/// How far the clocks of two validators may differ.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// Where a validator listens and whom it knows.
pub struct Endpoint<'a> {
    /// Authenticates this validator.
    pub identity: ed25519::PrivateKey,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The addresses of all validators, in the order of the genesis.
    pub addresses: &'a [SocketAddr],
}

/// Starts the network stack of a validator.
pub fn start(
    context: Context,
    endpoint: Endpoint<'_>,
    genesis: &Genesis,
) -> (Channels<Sender, Receiver>, Oracle<ed25519::PublicKey>) {
    let Endpoint { identity, listen, addresses } = endpoint;
    let handshake = Cups::<_, ChaCha20Poly1305>::new(
        Sake {
            signer: identity,
            synchrony_bound: CLOCK_SKEW,
            max_handshake_age: 2 * CLOCK_SKEW,
            version: sake::Version::V1,
        },
        cups::Version::V1,
    );
    let peers = NonZeroUsize::new(addresses.len()).unwrap_or(NonZeroUsize::MIN);
    let (namespace, size) = (genesis.network_namespace(), message_size(genesis));
    // The addresses are the operator's own words, private ones included; only the quotas below are not "local".
    let mut config = Config::local(handshake, &namespace, listen, peers, size, NZUsize!(256));
    config.allow_dns = false;
    // Room is reserved for each peer of each tracked set, and the set never changes.
    config.tracked_peer_sets = NZUsize!(1);
    config.max_concurrent_handshakes = NZU32!(64);
    config.handshake_timeout = Duration::from_secs(3);
    config.dial_timeout = Duration::from_secs(5);
    // All validators of one host dial from one address, so that a host may come back with all of them at once.
    let rate = NZU32!(64).max(std::num::NonZeroU32::new(4 * addresses.len() as u32).unwrap_or(NZU32!(1)));
    config.allowed_handshake_rate_per_ip = Quota::per_second(rate);
    config.allowed_handshake_rate_per_subnet = Quota::per_second(rate.saturating_add(64));
    config.dial_frequency = Duration::from_millis(100);
    let (mut network, mut oracle) = Network::new(context, config);
    let validators = genesis.validators().iter().map(|(validator, _)| validator.identity.clone());
    let known = validators.zip(addresses.iter().map(|address| Address::from(*address)));
    oracle.track(0, Map::from_iter_dedup(known));
    let pairs = CHANNELS.map(|(channel, quota)| network.register(channel, quota));
    let channels = Channels::from_pairs(pairs).expect("there is a pair for each channel");
    network.start();
    (channels, oracle)
}
