//! Authenticated connections between the validators of a devnet, on the loopback interface.

use crate::engine::{CHANNELS, Channels, message_size};
use crate::genesis::Genesis;
use commonware_cryptography::{ChaCha20Poly1305, ed25519};
use commonware_p2p::authenticated::lookup::{self, Config, Network, Oracle};
use commonware_p2p::{Address, AddressableManager as _};
use commonware_runtime::tokio::Context;
use commonware_stream::cups::{self, Cups};
use commonware_stream::sake::{self, Sake};
use commonware_utils::ordered::Map;
use commonware_utils::{NZU32, NZUsize};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::time::Duration;

/// The sender of a channel.
pub type Sender = lookup::Sender<ed25519::PublicKey, Context>;
/// The receiver of a channel.
pub type Receiver = lookup::Receiver<ed25519::PublicKey>;

/// Asks the system for `count` ports that nobody listens on, all at once so that they differ.
///
/// # Errors
/// The system has none.
pub fn free_addresses(count: usize) -> std::io::Result<Vec<SocketAddr>> {
    let listeners: Vec<_> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
    listeners.iter().map(TcpListener::local_addr).collect()
}

/// Starts the network stack of validator `index`; `addresses` has one entry for each validator of the genesis.
pub fn start(
    context: Context,
    identity: ed25519::PrivateKey,
    index: usize,
    genesis: &Genesis,
    addresses: &[SocketAddr],
) -> (Channels<Sender, Receiver>, Oracle<ed25519::PublicKey>) {
    let handshake = Cups::<_, ChaCha20Poly1305>::new(
        Sake {
            signer: identity,
            synchrony_bound: Duration::from_secs(5),
            max_handshake_age: Duration::from_secs(10),
            version: sake::Version::V1,
        },
        cups::Version::V1,
    );
    let peers = NonZeroUsize::new(addresses.len()).unwrap_or(NonZeroUsize::MIN);
    let (namespace, size) = (genesis.network_namespace(), message_size(genesis));
    let mut config = Config::local(handshake, &namespace, addresses[index], peers, size, NZUsize!(256));
    // Room is reserved for each peer of each tracked set, and the set never changes.
    config.tracked_peer_sets = NZUsize!(1);
    // All validators dial from one address.
    config.allowed_handshake_rate_per_ip = commonware_runtime::Quota::per_second(NZU32!(1_024));
    config.allowed_handshake_rate_per_subnet = commonware_runtime::Quota::per_second(NZU32!(1_024));
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
