//! `vote-record`: what an operator does about the record of votes.

use super::Outcome;
use arblast_node::config::Settings;
use arblast_node::process::Parts;
use arblast_node::vote::{FileRecord, Kind, owner};
use clap::{ArgMatches, Args, Subcommand};
use std::process::ExitCode;

/// Show or replace the record of votes.
///
/// The record keeps a validator from ever signing two conflicting votes: a vote is written there before its signature
/// leaves. A validator without its record observes only.
#[derive(Args)]
pub struct VoteRecord {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show the last votes of the record. The validator must not be running.
    Show(Show),
    /// Make a new record, for a key whose record is lost or too old.
    ///
    /// The new record refuses every vote in a view up to the one given, whatever it was for, so it is safe if the key
    /// never voted above that view. Find the network's view in the log of the observing validator or in /v1/status of
    /// any validator, and add a margin: the validator votes again once the network has passed that view.
    ///
    /// This cannot see whether a copy of the validator is running somewhere. Make sure that none is: two running
    /// copies can sign conflicting votes, which proves that the key was misused.
    Create(Create),
}

#[derive(Args)]
struct Show {
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
struct Create {
    /// The last view in which the key may have voted.
    #[arg(long, value_name = "VIEW")]
    above_view: u64,

    /// Says that you have made sure that no other copy of this validator is running.
    #[arg(long, required = true)]
    i_know_that_no_copy_is_running: bool,

    #[command(flatten)]
    settings: Settings,
}

/// Carries out the action.
pub fn main(arguments: VoteRecord, matches: &ArgMatches) -> Outcome {
    let Some((_, own)) = matches.subcommand() else { return Ok(ExitCode::FAILURE) };
    let parts = Parts::load(Settings::resolve(own)?)?;
    let path = &parts.settings.vote_record;
    let owner = owner(&parts.genesis, &parts.keys.vote);
    match arguments.action {
        Action::Show(_) => {
            let marks = FileRecord::open(path, owner)?.marks().unwrap_or_default();
            println!("vote record {} of validator {}", path.display(), parts.index);
            for kind in Kind::ALL {
                match marks.highest(kind) {
                    Some(vote) => println!("{:<9} view {}", kind.name(), vote.view),
                    None => println!("{:<9} never", kind.name()),
                }
            }
        }
        Action::Create(create) => {
            FileRecord::create_above(path, owner, (0, create.above_view))?;
            println!("{}: made; nothing up to view {} is signed again", path.display(), create.above_view);
        }
    }
    Ok(ExitCode::SUCCESS)
}
