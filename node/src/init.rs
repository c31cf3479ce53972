//! `init-network`: everything that the validators of a new network start from.
//!
//! ```text
//! DIR/
//!   genesis.json         what the network agrees on
//!   peers.toml           where each validator listens
//!   accounts.json        secrets of the funded accounts, if any were asked for (mode 600)
//!   validator-0/         all that this validator needs, and nothing of the others (mode 700)
//!     config.toml
//!     genesis.json, peers.toml
//!     identity.key, vote.key   (mode 600)
//!     votes.record       the empty record of votes of a key that never voted
//!   validator-1/ ...
//! ```
//!
//! Each validator's folder can be moved to its host as it is. An existing network is never overwritten.

use crate::config::genesis::GenesisFile;
use crate::config::keys::{Keys, generate_bls, write_private};
use crate::config::peers::{self, Peers};
use crate::config::{ConfigError, FileError};
use crate::crypto::{self, Checker};
use crate::genesis::{Genesis, GenesisError, Parameters};
use crate::transaction::Address;
use crate::vote::{FileRecord, RecordError, owner};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// What to make.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The network's name.
    pub name: String,
    /// How many validators, 1 to 64.
    pub validators: usize,
    /// The folder, which must not exist or be empty.
    pub out: PathBuf,
    /// Addresses of the validators: one for all, or one for each.
    pub hosts: Vec<IpAddr>,
    /// First of the ports between validators; validators on one address get consecutive ones.
    pub base_port: u16,
    /// First of the HTTP ports.
    pub http_port: u16,
    /// First of the metrics ports.
    pub metrics_port: u16,
    /// How many funded accounts.
    pub accounts: usize,
    /// What each of them holds.
    pub balance: u64,
    /// The least fee.
    pub base_fee: u64,
    /// The most transactions of a block.
    pub block_transactions: u32,
    /// The least time from a block to the next.
    pub block_interval: Duration,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A number makes no sense.
    #[error("{what}: got {got}, expected {expected}")]
    Setting {
        /// The flag.
        what: &'static str,
        /// Its value.
        got: String,
        /// What is accepted.
        expected: String,
    },
    /// There is something already.
    #[error("{} is not empty; a network is never overwritten, choose another folder", .0.display())]
    NotEmpty(PathBuf),
    /// The system refused something.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The genesis does not pass its own checks.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// A vote record could not be made.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The configuration just written is not accepted.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// A funded account, as `accounts.json` lists it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FundedAccount {
    /// Its address: `0x` and 96 hexadecimal digits.
    pub address: String,
    /// Its BLS secret key: `0x` and 64 hexadecimal digits.
    pub secret: String,
    /// Its first balance.
    pub balance: String,
}

/// Makes a network's files, and returns its genesis.
///
/// # Errors
/// An [`Error`]; what was written until then is left for inspection.
pub fn network(plan: &Plan, checker: &Checker) -> Result<Genesis, Error> {
    let addresses = plan.check()?;
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::Io { path, source }
    };
    if plan.out.exists() && plan.out.read_dir().map_err(io(&plan.out))?.next().is_some() {
        return Err(Error::NotEmpty(plan.out.clone()));
    }
    std::fs::create_dir_all(&plan.out).map_err(io(&plan.out))?;

    let keys = (0..plan.validators).map(|_| Keys::generate()).collect::<Result<Vec<_>, _>>();
    let keys = keys.map_err(io(&plan.out))?;
    let accounts = plan.write_accounts().map_err(io(&plan.out.join("accounts.json")))?;
    let rules = Parameters { base_fee: plan.base_fee, block_transactions: plan.block_transactions };
    let file = GenesisFile::new(&plan.name, keys.iter().map(Keys::entry).collect(), &accounts, rules);
    let genesis = file.check(checker)?;
    let text = serde_json::to_string_pretty(&file).map_err(|error| io(&plan.out)(error.into()))? + "\n";
    let identities = file.validators.iter().map(|entry| entry.identity.clone());
    let peers = peers::write(&identities.zip(addresses.iter().copied()).collect::<Peers>());

    let write = |path: PathBuf, text: &str| std::fs::write(&path, text).map_err(io(&path));
    write(plan.out.join("genesis.json"), &text)?;
    write(plan.out.join("peers.toml"), &peers)?;
    for (index, keys) in keys.iter().enumerate() {
        let folder = plan.out.join(format!("validator-{index}"));
        private_folder(&folder).map_err(io(&folder))?;
        write(folder.join("genesis.json"), &text)?;
        write(folder.join("peers.toml"), &peers)?;
        write(folder.join("config.toml"), &plan.config(index, &addresses))?;
        keys.store(&folder.join("identity.key"), &folder.join("vote.key"))?;
        FileRecord::create(&folder.join("votes.record"), owner(&genesis, &keys.vote))?;
    }
    Ok(genesis)
}

impl Plan {
    /// Checks the numbers and gives the address of each validator.
    fn check(&self) -> Result<Vec<SocketAddr>, Error> {
        let refused = |what, got: String, expected: &str| Err(Error::Setting { what, got, expected: expected.into() });
        if !(1..=64).contains(&self.validators) {
            return refused("--validators", self.validators.to_string(), "1 to 64");
        }
        if self.hosts.len() != 1 && self.hosts.len() != self.validators {
            let expected = format!("one, or one for each of the {} validators", self.validators);
            return refused("--host", format!("{} addresses", self.hosts.len()), &expected);
        }
        if self.accounts > 100_000 {
            return refused("--accounts", self.accounts.to_string(), "at most 100000");
        }
        if (self.accounts as u64).checked_mul(self.balance).is_none() {
            return refused("--balance", self.balance.to_string(), "so much that all accounts together fit 64 bits");
        }
        if self.block_interval > Duration::from_secs(60) {
            return refused("--block-interval", format!("{:?}", self.block_interval), "at most 60s");
        }
        for (what, first) in
            [("--base-port", self.base_port), ("--http-port", self.http_port), ("--metrics-port", self.metrics_port)]
        {
            if first == 0 || usize::from(first) + self.validators > usize::from(u16::MAX) {
                let expected = format!("room for {} ports", self.validators);
                return refused(what, first.to_string(), &expected);
            }
        }
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for index in 0..self.validators {
            let host = self.host(index);
            let before = addresses.iter().filter(|address| address.ip() == host).count();
            addresses.push(SocketAddr::new(host, self.base_port + before as u16));
        }
        Ok(addresses)
    }

    fn host(&self, index: usize) -> IpAddr {
        *self.hosts.get(index).unwrap_or(&self.hosts[0])
    }

    /// Makes the funded accounts and writes their secrets.
    fn write_accounts(&self) -> io::Result<BTreeMap<Address, u64>> {
        let mut accounts = BTreeMap::new();
        let mut listed = Vec::with_capacity(self.accounts);
        for _ in 0..self.accounts {
            let secret = generate_bls(b"account")?;
            let address = crypto::address(&secret);
            listed.push(FundedAccount {
                address: format!("0x{address}"),
                secret: format!("0x{}", hex::encode(secret.to_bytes())),
                balance: self.balance.to_string(),
            });
            accounts.insert(address, self.balance);
        }
        if !listed.is_empty() {
            let text = Zeroizing::new(serde_json::to_string_pretty(&listed)? + "\n");
            write_private(&self.out.join("accounts.json"), text.as_bytes())?;
        }
        Ok(accounts)
    }

    /// The configuration file of a validator.
    fn config(&self, index: usize, addresses: &[SocketAddr]) -> String {
        let Self { validators, name, .. } = self;
        // Validators of one host need different ports; on hosts of their own all have the same.
        let offset = addresses[index].port() - self.base_port;
        let (http, metrics) = (self.http_port + offset, self.metrics_port + offset);
        let interval = format!("{}ms", self.block_interval.as_millis());
        format!(
            r#"# Validator {index} of {validators} of the network "{name}".
# Start it with: arblast-node run --config FILE. All settings: arblast-node run --help.
# A flag or a variable ARBLAST_... counts before a line here. Paths are relative to this file's folder.

genesis = "genesis.json"
peers = "peers.toml"
identity-key = "identity.key"
vote-key = "vote.key"

# What was voted for. Never lose it, never restore an older copy of it, never use it twice.
vote-record = "votes.record"

# Blocks, state and accepted transactions. Can be deleted: the validator catches up.
datadir = "data"

# Where to listen for the other validators, if not at this validator's address in the peers file.
# p2p-listen = "0.0.0.0:{port}"

http-address = "127.0.0.1"
http-port = {http}
metrics-address = "127.0.0.1"
metrics-port = {metrics}

# The least time from one block to the next; the same at every validator.
block-interval = "{interval}"

# Stop signing below this much free space.
min-free-space = "256MiB"

# Hardware for signature checks: auto, cpu, cpu-portable.
accel = "auto"

log-format = "text"
"#,
            port = addresses[index].port(),
        )
    }
}

/// Makes a folder that only its owner may enter.
fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
