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
use crate::genesis::{self, Genesis, GenesisError, Parameters};
use crate::transaction::Address;
use crate::vote::{FileRecord, RecordError, owner};
use commonware_cryptography::Signer as _;
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
    let mut keys = keys.map_err(io(&plan.out))?;
    // In the order in which certificates number the validators, so that each has one number everywhere.
    keys.sort_by_key(|keys| keys.identity.public_key());
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
        if !genesis::VALIDATORS.contains(&self.validators) {
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
        if self.block_interval > genesis::LONGEST_INTERVAL {
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

# Hardware for signature checks: auto, cpu, cpu-portable; wgpu in a build with it.
accel = "auto"

# Which GPU wgpu or auto takes: a part of its name, as `arblast devices` shows it. Without it: the first real one.
# accel-adapter = "RTX"

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::process::Parts;
    use crate::scratch::Scratch;
    use arblast::{Dispatcher, Selection};
    use clap::{Args as _, Command};
    use std::net::Ipv4Addr;

    fn checker() -> Checker {
        let builder = Dispatcher::builder().select(Selection::CpuPortable);
        Checker::new(builder.retirement_record(None).build().unwrap())
    }

    fn plan(folder: &Scratch) -> Plan {
        Plan {
            name: "test".into(),
            validators: 4,
            out: folder.path().join("network"),
            hosts: vec![Ipv4Addr::LOCALHOST.into()],
            base_port: 7000,
            http_port: 8000,
            metrics_port: 9000,
            accounts: 2,
            balance: 500,
            base_fee: 1,
            block_transactions: 64,
            block_interval: Duration::from_millis(250),
        }
    }

    fn settings(config: &Path) -> Settings {
        let command = Settings::augment_args(Command::new("run").no_binary_name(true));
        let matches = command.get_matches_from([format!("--config={}", config.display())]);
        Settings::resolve(&matches).unwrap()
    }

    #[test]
    fn every_validator_can_start_from_its_folder_alone() {
        let folder = Scratch::new("init").unwrap();
        let plan = plan(&folder);
        let genesis = network(&plan, &checker()).unwrap();
        let mut identities = std::collections::BTreeSet::new();
        for index in 0..4 {
            // Moved elsewhere, as to another host.
            let own = folder.path().join(format!("host-{index}"));
            std::fs::rename(plan.out.join(format!("validator-{index}")), &own).unwrap();
            let parts = Parts::load(settings(&own.join("config.toml"))).unwrap();
            assert_eq!((parts.genesis.digest(), parts.index), (genesis.digest(), index));
            assert_eq!(parts.listen(), SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 7000 + index as u16));
            assert_eq!(
                (parts.settings.http_port, parts.settings.metrics_port),
                (8000 + index as u16, 9000 + index as u16)
            );
            assert_eq!(parts.settings.block_interval, Duration::from_millis(250));
            identities.insert(parts.keys.entry().vote);
            let record = FileRecord::open(&parts.settings.vote_record, owner(&genesis, &parts.keys.vote)).unwrap();
            assert_eq!(record.marks().unwrap().last(), None);
        }
        assert_eq!(identities.len(), 4);
        let text = std::fs::read_to_string(plan.out.join("accounts.json")).unwrap();
        let accounts: Vec<FundedAccount> = serde_json::from_str(&text).unwrap();
        assert_eq!((accounts.len(), genesis.accounts().len()), (2, 2));
        for account in accounts {
            let secret = hex::decode(&account.secret[2..]).unwrap();
            let address = crypto::address(&crypto::SecretKey::from_bytes(&secret).unwrap());
            assert_eq!(account.address, format!("0x{address}"));
            assert_eq!(genesis.accounts()[&address], 500);
        }
    }

    #[test]
    fn keys_of_another_validator_or_network_are_refused() {
        let folder = Scratch::new("init-mixed").unwrap();
        let plan = plan(&folder);
        network(&plan, &checker()).unwrap();
        let other = Plan { out: folder.path().join("other"), ..plan.clone() };
        network(&other, &checker()).unwrap();
        let config = plan.out.join("validator-0/config.toml");
        let good = settings(&config);
        let refused = |settings: Settings| Parts::load(settings).err().expect("refused").to_string();
        let neighbour = plan.out.join("validator-1");
        let error = refused(Settings { vote_key: neighbour.join("vote.key"), ..good.clone() });
        assert!(error.contains("validator 1") && error.contains("validator 0"), "{error}");
        let error = refused(Settings { identity_key: other.out.join("validator-0/identity.key"), ..good.clone() });
        assert!(error.contains("identity.key") && error.contains("another network"), "{error}");
        let error = refused(Settings { genesis: other.out.join("genesis.json"), ..good.clone() });
        assert!(error.contains("another network"), "{error}");
        let error = refused(Settings { peers: other.out.join("peers.toml"), ..good });
        assert!(error.contains("peers.toml") && error.contains("no validator of the genesis"), "{error}");
    }

    #[test]
    fn a_damaged_genesis_or_peers_file_is_refused_with_the_line() {
        let folder = Scratch::new("init-damaged").unwrap();
        let plan = plan(&folder);
        network(&plan, &checker()).unwrap();
        let own = plan.out.join("validator-0");
        let good = settings(&own.join("config.toml"));
        let load = || Parts::load(good.clone()).map(|_| ()).map_err(|error| error.to_string());
        let changed = |name: &str, from: &str, to: &str| {
            let path = own.join(name);
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{name} has no {from}");
            std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let error = load().expect_err("refused");
            std::fs::write(&path, text).unwrap();
            assert!(error.contains(name), "{error}");
            error
        };
        let error = changed("genesis.json", "\"base_fee\"", "\"base_fees\"");
        assert!(error.contains(":3: ") && error.contains("did you mean `base_fee`?"), "{error}");
        assert!(changed("genesis.json", "\"proof\": \"0x", "\"proof\": \"0y").contains("expected 192 hexadecimal"));
        assert!(changed("genesis.json", "\"base_fee\": \"1\"", "\"base_fee\": \"-1\"").contains(":3: "));
        assert!(changed("genesis.json", "64", "4").contains("expected 8 to"));
        assert!(changed("genesis.json", "}", "").contains("genesis.json:"));
        assert!(changed("peers.toml", "127.0.0.1:7001", "127.0.0.1:7000").contains("listed twice"));
        assert!(changed("peers.toml", "127.0.0.1:7001", "somewhere").contains("expected an IP address and a port"));
        assert!(changed("peers.toml", "127.0.0.1:7001", "0.0.0.0:7001").contains("nobody can be reached"));
        let text = std::fs::read_to_string(own.join("peers.toml")).unwrap();
        let shorter: Vec<_> = text.lines().filter(|line| !line.contains(":7002")).collect();
        std::fs::write(own.join("peers.toml"), shorter.join("\n")).unwrap();
        assert!(load().unwrap_err().contains("has no address"));
    }

    #[test]
    fn nothing_is_overwritten_and_senseless_numbers_are_refused() {
        let folder = Scratch::new("init-twice").unwrap();
        let good = plan(&folder);
        network(&good, &checker()).unwrap();
        assert!(matches!(network(&good, &checker()), Err(Error::NotEmpty(_))));
        let fresh = Plan { out: folder.path().join("fresh"), ..good };
        let refused = |plan: Plan| matches!(network(&plan, &checker()), Err(Error::Setting { .. }));
        assert!(refused(Plan { validators: 0, ..fresh.clone() }));
        assert!(refused(Plan { validators: 65, ..fresh.clone() }));
        assert!(refused(Plan { hosts: vec![Ipv4Addr::LOCALHOST.into(); 3], ..fresh.clone() }));
        assert!(refused(Plan { balance: u64::MAX, ..fresh.clone() }));
        assert!(refused(Plan { base_port: 65_534, ..fresh.clone() }));
        assert!(!fresh.out.exists(), "nothing was written");
        let hosts = (1..=4).map(|host| Ipv4Addr::new(10, 0, 0, host).into()).collect();
        network(&Plan { hosts, ..fresh.clone() }, &checker()).unwrap();
        let peers = std::fs::read_to_string(fresh.out.join("peers.toml")).unwrap();
        assert!((1..=4).all(|host| peers.contains(&format!("10.0.0.{host}:7000"))), "{peers}");
    }
}
