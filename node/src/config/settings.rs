//! The settings of one validator.

use super::file::{self, Entry};
use super::{FileError, suggest};
use crate::accel;
use arblast::Audit;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches as _, ValueEnum};
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// How a validator without data catches up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CatchUp {
    /// With every block since the genesis.
    Blocks,
    /// With the state after a recent block.
    State,
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// The settings of one validator, in the order of the help text.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Files")]
pub struct Settings {
    /// The configuration file; `init-network` writes one for each validator.
    #[arg(long, env = "ARBLAST_CONFIG", value_name = "FILE")]
    pub config: PathBuf,

    /// What the network agreed on before its first block; the same file at every validator.
    #[arg(long, env = "ARBLAST_GENESIS", value_name = "FILE", default_value = "genesis.json")]
    pub genesis: PathBuf,

    /// Where each validator listens.
    #[arg(long, env = "ARBLAST_PEERS", value_name = "FILE", default_value = "peers.toml")]
    pub peers: PathBuf,

    /// The secret that authenticates this validator's connections.
    #[arg(long, env = "ARBLAST_IDENTITY_KEY", value_name = "FILE", default_value = "identity.key")]
    pub identity_key: PathBuf,

    /// The secret that signs this validator's votes. Never use it on two machines at once.
    #[arg(long, env = "ARBLAST_VOTE_KEY", value_name = "FILE", default_value = "vote.key")]
    pub vote_key: PathBuf,

    /// What was voted for. It must never be lost or replaced by an older copy, so keep it out of --datadir, off
    /// snapshots, and out of backups. Without it the validator observes only; see `vote-record --help`.
    #[arg(long, env = "ARBLAST_VOTE_RECORD", value_name = "FILE", default_value = "votes.record")]
    pub vote_record: PathBuf,

    /// Blocks, state and accepted transactions. It can be deleted or restored from a copy: the validator catches up.
    #[arg(long, env = "ARBLAST_DATADIR", value_name = "FOLDER", default_value = "data")]
    pub datadir: PathBuf,

    /// Where to listen for the other validators. Without it: this validator's address in the peers file.
    #[arg(long, env = "ARBLAST_P2P_LISTEN", value_name = "IP:PORT", help_heading = "Network")]
    pub p2p_listen: Option<SocketAddr>,

    /// Address of the HTTP interface. Everybody who reaches it may submit transactions.
    #[arg(
        long,
        env = "ARBLAST_HTTP_ADDRESS",
        value_name = "IP",
        default_value = "127.0.0.1",
        help_heading = "Network"
    )]
    pub http_address: IpAddr,

    /// Port of the HTTP interface; 0 leaves it out.
    #[arg(long, env = "ARBLAST_HTTP_PORT", value_name = "PORT", default_value_t = 8000, help_heading = "Network")]
    pub http_port: u16,

    /// Requests a second that one client (an IPv4 address, an IPv6 /64) may make, and twice as many at once after a
    /// rest. Behind a proxy all clients are one: raise it there.
    #[arg(
        long,
        env = "ARBLAST_HTTP_RATE",
        value_name = "N",
        default_value_t = 1000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000),
        help_heading = "Network"
    )]
    pub http_rate: u32,

    /// Address of the metrics for Prometheus.
    #[arg(
        long,
        env = "ARBLAST_METRICS_ADDRESS",
        value_name = "IP",
        default_value = "127.0.0.1",
        help_heading = "Network"
    )]
    pub metrics_address: IpAddr,

    /// Port of the metrics; 0 leaves them out.
    #[arg(long, env = "ARBLAST_METRICS_PORT", value_name = "PORT", default_value_t = 9000, help_heading = "Network")]
    pub metrics_port: u16,

    /// Follow the network and serve clients, but sign nothing. To vote again, restart without it.
    #[arg(
        long,
        env = "ARBLAST_OBSERVE",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        value_parser = clap::builder::BoolishValueParser::new(),
        help_heading = "Voting"
    )]
    pub observe: bool,

    /// How long to listen for votes of this validator's own key before it votes: such votes mean that a copy of it is
    /// running, or that the vote record is too old.
    #[arg(
        long,
        env = "ARBLAST_LISTEN_TIME",
        value_name = "TIME",
        default_value = "2s",
        value_parser = duration,
        help_heading = "Voting"
    )]
    pub listen_time: Duration,

    /// The least time from one block to the next. The same at every validator, or the slowest decides.
    #[arg(
        long,
        env = "ARBLAST_BLOCK_INTERVAL",
        value_name = "TIME",
        default_value = "500ms",
        value_parser = duration,
        help_heading = "Voting"
    )]
    pub block_interval: Duration,

    /// How a validator without data catches up: with every block since the genesis (blocks), or with the state after a
    /// recent block (state), which is quicker, and the only way when the others do not keep the oldest blocks any more.
    /// A validator with data goes on from them in either case.
    #[arg(
        long,
        env = "ARBLAST_CATCH_UP",
        value_name = "HOW",
        default_value = "blocks",
        value_enum,
        help_heading = "Storage"
    )]
    pub catch_up: CatchUp,

    /// How many final blocks to keep for others that catch up. Who was away for longer
    /// starts again with an empty --datadir and `--catch-up state`.
    #[arg(
        long,
        env = "ARBLAST_KEEP_BLOCKS",
        value_name = "N",
        default_value_t = 100_000,
        value_parser = clap::value_parser!(u32).range(256..),
        help_heading = "Storage"
    )]
    pub keep_blocks: u32,

    /// With less free space than this for the data or the vote record, the validator stops signing; with a quarter of
    /// it, it shuts down before a write fails.
    #[arg(
        long,
        env = "ARBLAST_MIN_FREE_SPACE",
        value_name = "SIZE",
        default_value = "256MiB",
        value_parser = size,
        help_heading = "Storage"
    )]
    pub min_free_space: Size,

    /// Memory for transactions that wait for a block, for each of the two lanes.
    #[arg(
        long,
        env = "ARBLAST_MEMPOOL_SIZE",
        value_name = "SIZE",
        default_value = "8MiB",
        value_parser = mempool_size,
        help_heading = "Storage"
    )]
    pub mempool_size: Size,

    /// Which hardware checks signatures: the fastest of what is there (auto), the best of the processor (cpu), or
    /// plain blst (cpu-portable). wgpu is a GPU, in a build with `--features wgpu`. fpga-sim, an FPGA design under
    /// simulation, is far slower than any of them; it needs Verilator and a build with `--features fpga-sim`.
    #[arg(
        long,
        env = "ARBLAST_ACCEL",
        value_name = "NAME",
        default_value = "auto",
        value_parser = accel::NAMES,
        help_heading = "Hardware"
    )]
    pub accel: String,

    /// Which GPU --accel wgpu or auto takes: the first whose name contains NAME, in any case; `arblast devices` shows the
    /// names. Without it: the first real one. A software rendering is taken only so, and not by auto.
    #[arg(
        long,
        env = "ARBLAST_ACCEL_ADAPTER",
        value_name = "NAME",
        value_parser = accel::adapter_name,
        help_heading = "Hardware"
    )]
    pub accel_adapter: Option<String>,

    /// How often a device's answer is computed again on the processor: always, never, or a rate from 0 to 1.
    #[arg(long, env = "ARBLAST_ACCEL_AUDIT", value_name = "RATE", default_value = "0.01", help_heading = "Hardware")]
    pub accel_audit: Audit,

    /// How the log is written to standard error.
    #[arg(
        long,
        env = "ARBLAST_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text",
        value_enum,
        help_heading = "Log"
    )]
    pub log_format: LogFormat,

    /// What is logged: error, warn, info, debug or trace; or by part, such as warn,arblast_node=debug.
    #[arg(
        long,
        env = "ARBLAST_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "warn,arblast_node=info",
        value_parser = log_level,
        help_heading = "Log"
    )]
    pub log_level: String,
}

/// Why the settings are refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file, or a file it names.
    #[error(transparent)]
    File(#[from] FileError),
    /// The command line or the environment.
    #[error("{0}")]
    Usage(clap::Error),
    /// A setting that cannot be, wherever it comes from.
    #[error("{place}: {what}")]
    Setting {
        /// The flag, the variable, or the file with its line.
        place: String,
        /// What is wrong, and what to do.
        what: String,
    },
}

/// Settings that hold a path.
const PATHS: [&str; 6] = ["genesis", "peers", "identity-key", "vote-key", "vote-record", "datadir"];

/// A parser for the settings alone.
fn command() -> Command {
    Settings::augment_args(Command::new("arblast-node run").no_binary_name(true)).args_override_self(true)
}

impl Settings {
    /// The settings of a command line's matches, completed by the configuration file that they name.
    ///
    /// # Errors
    /// A [`ConfigError`] that says where the trouble is and what to do.
    pub fn resolve(matches: &ArgMatches) -> Result<Self, ConfigError> {
        let config: &PathBuf = matches
            .get_one("config")
            .ok_or_else(|| ConfigError::Usage(clap::Error::new(ErrorKind::MissingRequiredArgument)))?;
        let text = super::read_text(config)?;
        let folder = config.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let entries = file::entries(config, &text)?;
        for entry in &entries {
            check_entry(entry).map_err(|what| FileError::new(config, what).at(entry.line))?;
        }

        let mut arguments: Vec<OsString> = vec!["--config".into(), config.into()];
        // Default paths are meant like paths in the file.
        for name in PATHS {
            if !given(matches, name) && !entries.iter().any(|entry| entry.key == name) {
                let default = command().get_arguments().find(|arg| arg.get_long() == Some(name)).and_then(|arg| {
                    let value = arg.get_default_values().first()?;
                    Some(folder.join(value))
                });
                arguments.extend(default.map(|path| argument(name, path.as_os_str())));
            }
        }
        for entry in entries.iter().filter(|entry| !given(matches, &entry.key)) {
            let value: OsString = if PATHS.contains(&entry.key.as_str()) {
                folder.join(&entry.value).into()
            } else {
                entry.value.clone().into()
            };
            arguments.push(argument(&entry.key, &value));
        }
        for name in names().iter().filter(|name| given(matches, name)) {
            let values = matches.get_raw(&name.replace('-', "_")).into_iter().flatten();
            arguments.extend(values.map(|value| argument(name, value)));
        }
        let merged = command().try_get_matches_from(arguments).map_err(ConfigError::Usage)?;
        let settings = Self::from_arg_matches(&merged).map_err(ConfigError::Usage)?;
        settings.check(|name| place(matches, config, &entries, name))?;
        Ok(settings)
    }

    /// What no single value shows.
    fn check(&self, place: impl Fn(&str) -> String) -> Result<(), ConfigError> {
        let refused = |name, what: String| Err(ConfigError::Setting { place: place(name), what });
        if inside(&self.vote_record, &self.datadir) {
            let (record, data) = (self.vote_record.display(), self.datadir.display());
            return refused(
                "vote-record",
                format!(
                    "vote-record {record} lies in datadir {data}; restoring or copying the data would then restore or \
                     copy the record, which must never happen. Move it out"
                ),
            );
        }
        if self.http_port != 0 && self.http_port == self.metrics_port && self.http_address == self.metrics_address {
            let port = self.metrics_port;
            return refused("metrics-port", format!("metrics-port is {port}, and so is http-port; choose another"));
        }
        if self.block_interval > Duration::from_secs(60) {
            return refused(
                "block-interval",
                format!("block-interval is {:?}, expected at most 60s", self.block_interval),
            );
        }
        if let (Some(_), Err(error)) = (&self.accel_adapter, accel::check_adapter(&self.accel)) {
            return refused("accel-adapter", error.to_string());
        }
        if self.listen_time > Duration::from_secs(600) {
            return refused("listen-time", format!("listen-time is {:?}, expected at most 600s", self.listen_time));
        }
        Ok(())
    }
}

/// Whether a file, which need not exist, lies in a folder.
fn inside(file: &Path, folder: &Path) -> bool {
    let real = |path: &Path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        // The longest part that exists is resolved, so that links and `..` do not hide where it lies.
        let existing = path.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
        match existing {
            Some((part, resolved)) => {
                let rest = path.strip_prefix(part).unwrap_or_else(|_| Path::new(""));
                rest.components().fold(resolved, |mut real, component| {
                    if component == Component::ParentDir {
                        real.pop();
                    } else {
                        real.push(component);
                    }
                    real
                })
            }
            None => path,
        }
    };
    real(file).starts_with(real(folder))
}

/// `--name=value`.
fn argument(name: &str, value: &std::ffi::OsStr) -> OsString {
    let mut argument = OsString::from(format!("--{name}="));
    argument.push(value);
    argument
}

/// The names of all settings but the file itself.
fn names() -> Vec<String> {
    let command = command();
    let names =
        command.get_arguments().filter_map(|arg| arg.get_long()).filter(|name| !matches!(*name, "config" | "help"));
    names.map(str::to_owned).collect()
}

/// Whether a setting came from a flag or from the environment.
fn given(matches: &ArgMatches, name: &str) -> bool {
    let source = matches
        .try_contains_id(&name.replace('-', "_"))
        .ok()
        .and_then(|_| matches.value_source(&name.replace('-', "_")));
    matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

/// Where a setting came from, for messages.
fn place(matches: &ArgMatches, config: &Path, entries: &[Entry], name: &str) -> String {
    match matches.value_source(&name.replace('-', "_")) {
        Some(ValueSource::CommandLine) => format!("--{name}"),
        Some(ValueSource::EnvVariable) => format!("ARBLAST_{}", name.replace('-', "_").to_uppercase()),
        _ => match entries.iter().find(|entry| entry.key == name) {
            Some(entry) => format!("{}:{}", config.display(), entry.line),
            None => format!("{} (by default)", config.display()),
        },
    }
}

/// Checks one line of the file on its own.
fn check_entry(entry: &Entry) -> Result<(), String> {
    let Entry { key, value, .. } = entry;
    let names = names();
    if !names.contains(key) {
        let hint = match suggest(key, names.iter().map(String::as_str)) {
            Some(known) => format!("did you mean {known}?"),
            None => format!("the settings are {}", names.join(", ")),
        };
        return Err(format!("unknown setting {key}; {hint}"));
    }
    let single = ["--config=-".into(), argument(key, std::ffi::OsStr::new(value))];
    match command().try_get_matches_from(single) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{key}: {}", explain(value, &error))),
    }
}

/// What clap says about a value, in one line.
fn explain(value: &str, error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        let reason = source.to_string();
        return if reason.starts_with("got") { reason } else { format!("got {value:?}, {reason}") };
    }
    let context = |kind| error.get(kind);
    let Some(ContextValue::Strings(valid)) = context(ContextKind::ValidValue) else {
        return format!("got {value:?}, which is not accepted");
    };
    let hint = suggest(value, valid.iter().map(String::as_str)).map(|known| format!("; did you mean {known}?"));
    format!("got {value:?}, expected {}{}", valid.join(", "), hint.unwrap_or_default())
}

/// Parses a whole number of milliseconds or seconds.
///
/// # Errors
/// What was expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = number_and_unit(text).ok_or(format!("got {text:?}, expected a number and ms or s"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err(format!("got {text:?}, expected the unit ms or s")),
    }
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    Some((number.parse().ok()?, unit.trim_start()))
}

/// Parses a number of bytes.
fn size(text: &str) -> Result<Size, String> {
    let expected = || format!("got {text:?}, expected a number and KiB, MiB or GiB");
    let (number, unit) = number_and_unit(text).ok_or_else(expected)?;
    let shift = match unit {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return Err(expected()),
    };
    number.checked_mul(1 << shift).map(Size).ok_or_else(|| format!("got {text:?}, which is too large"))
}

fn mempool_size(text: &str) -> Result<Size, String> {
    match size(text)? {
        size if (Size(1 << 16)..=Size(1 << 34)).contains(&size) => Ok(size),
        _ => Err(format!("got {text:?}, expected 64KiB to 16GiB")),
    }
}

fn log_level(text: &str) -> Result<String, String> {
    let refused = |error| format!("got {text:?}, {error}; expected error, warn, info, debug, trace, or part=level,...");
    // A lone word that is no level would be taken for the name of a part.
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    if !text.contains(['=', ',']) && !levels.contains(&text) {
        let hint = suggest(text, levels).map(|level| format!(" (did you mean {level}?)")).unwrap_or_default();
        return Err(refused(format!("which is no level{hint}")));
    }
    let filter: Result<tracing_subscriber::EnvFilter, _> = text.parse();
    filter.map(|_| text.to_owned()).map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
