//! The command line of the node.

mod devnet;
mod init;
mod record;
mod run;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::process::ExitCode;

/// A validator node whose signature checks run on whatever hardware you own.
#[derive(Parser)]
#[command(name = "arblast-node", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Devnet(devnet::Devnet),
    InitNetwork(init::InitNetwork),
    Run(run::Run),
    CheckConfig(run::CheckConfig),
    VoteRecord(record::VoteRecord),
}

/// Parses the command line and runs what it asks for.
pub fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let outcome = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut Cli::command()));
    let cli = outcome.unwrap_or_else(|error| error.exit());
    let own = matches.subcommand().map(|(_, own)| own);
    let outcome = match (cli.command, own) {
        (Command::Devnet(arguments), _) => devnet::main(&arguments),
        (Command::InitNetwork(arguments), _) => init::main(arguments),
        (Command::Run(_), Some(own)) => run::main(own),
        (Command::CheckConfig(_), Some(own)) => run::check(own),
        (Command::VoteRecord(arguments), Some(own)) => record::main(arguments, own),
        (_, None) => Ok(ExitCode::FAILURE),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("arblast-node: {error}");
        ExitCode::from(2)
    })
}

/// What a command ends with: its exit status, or a message for the operator.
type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;
