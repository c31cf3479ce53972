//! `run` and `check-config`.

use super::Outcome;
use arblast_node::config::Settings;
use arblast_node::process::{self, Parts, logging};
use clap::{ArgMatches, Args};
use std::process::ExitCode;

/// Run one validator.
///
/// Each setting below can be given as a flag, as a variable of the environment, or as a line of the configuration
/// file: `--http-port 8000`, `ARBLAST_HTTP_PORT=8000`, `http-port = 8000`. The flag counts before the variable, the
/// variable before the file. Paths in the file are relative to the file's folder.
///
/// The validator first listens for votes of its own key, then votes. If it may not vote (its vote record is missing,
/// damaged, too old or in use; a copy of it is running; the disk is full) it observes only: it follows the network and
/// serves clients, signs nothing, and says on the log and in /v1/status what to do.
///
/// SIGTERM and SIGINT stop it within 5 seconds. `kill -9` loses nothing that it has promised.
///
/// Exit status: 0 when it was told to stop, 2 if it could not start or had to stop.
#[derive(Args)]
pub struct Run {
    #[command(flatten)]
    settings: Settings,
}

/// Check the configuration of a validator and every file it names, without starting it.
///
/// Exit status: 0 if the validator could start, 2 if not.
#[derive(Args)]
pub struct CheckConfig {
    #[command(flatten)]
    settings: Settings,
}

/// Runs a validator.
pub fn main(matches: &ArgMatches) -> Outcome {
    let settings = Settings::resolve(matches)?;
    logging::init(settings.log_format, &settings.log_level)?;
    process::run(settings)?;
    Ok(ExitCode::SUCCESS)
}

/// Checks a configuration.
pub fn check(matches: &ArgMatches) -> Outcome {
    let parts = Parts::load(Settings::resolve(matches)?)?;
    let (index, validators) = (parts.index, parts.genesis.validators().len());
    println!("validator {index} of {validators}, genesis {}, p2p {}", parts.genesis.digest(), parts.listen());
    Ok(ExitCode::SUCCESS)
}
