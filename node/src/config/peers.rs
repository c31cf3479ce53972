//! The peers file: where the other validators listen.
//!
//! TOML, one line for each validator, its identity and its address:
//!
//! ```text
//! "1f3a..." = "10.0.0.2:7000"
//! ```
//!
//! Names are not looked up: an address is an IP address and a port. Every validator of the genesis has a line; a
//! validator's own line is where the others reach it, and, unless it is configured otherwise, where it listens.
//! Connections from other addresses are refused.

use super::{FileError, genesis::parse_identity};
use crate::genesis::Genesis;
use commonware_cryptography::ed25519;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

/// Addresses by identity.
pub type Peers = BTreeMap<ed25519::PublicKey, SocketAddr>;

/// Reads a peers file.
///
/// # Errors
/// A [`FileError`] with the line.
pub fn read(path: &Path) -> Result<Peers, FileError> {
    let text = super::read_text(path)?;
    let mut peers = Peers::new();
    for entry in super::file::entries(path, &text)? {
        let refused = |what: String| FileError::new(path, what).at(entry.line);
        let identity = parse_identity(&entry.key).map_err(refused)?;
        let address: SocketAddr = entry.value.parse().map_err(|_| {
            refused(format!(
                "got the address {:?}, expected an IP address and a port, such as 10.0.0.2:7000",
                entry.value
            ))
        })?;
        if address.port() == 0 || address.ip().is_unspecified() {
            return Err(refused(format!("got the address {address}; nobody can be reached there")));
        }
        if let Some((other, _)) = peers.iter().find(|(_, known)| **known == address) {
            return Err(refused(format!("{address} is listed twice, for {other} too; each validator has its own")));
        }
        peers.insert(identity, address);
    }
    Ok(peers)
}

/// The address of each validator of a genesis, in the order of the genesis.
///
/// # Errors
/// A [`FileError`] if one has none, or if the file lists others.
pub fn match_genesis(path: &Path, peers: &Peers, genesis: &Genesis) -> Result<Vec<SocketAddr>, FileError> {
    let validators = genesis.validators().iter().map(|(validator, _)| &validator.identity);
    let known: BTreeSet<_> = validators.clone().collect();
    if let Some(stranger) = peers.keys().find(|identity| !known.contains(identity)) {
        let what = format!("{stranger} is no validator of the genesis; remove the line, or use the right genesis");
        return Err(FileError::new(path, what));
    }
    validators
        .map(|identity| {
            let missing = || FileError::new(path, format!("validator {identity} has no address; add a line for it"));
            peers.get(identity).copied().ok_or_else(missing)
        })
        .collect()
}

/// The file's text, with a comment on top.
pub fn write(peers: &Peers) -> String {
    let mut text = String::from("# Where each validator listens: its identity, and an IP address with a port.\n");
    for (identity, address) in peers {
        let identity = hex::encode(commonware_codec::Encode::encode(identity));
        text.push_str(&format!("\"{identity}\" = \"{address}\"\n"));
    }
    text
}
