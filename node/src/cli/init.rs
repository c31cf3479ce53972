//! `init-network`.

use super::Outcome;
use arblast::{Dispatcher, Selection};
use arblast_node::config::duration;
use arblast_node::crypto::Checker;
use arblast_node::init::{Plan, network};
use clap::Args;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Make the keys, the genesis and the configuration of a new network.
///
/// Writes one folder for each validator, with all that it needs and nothing of the others, and prints the digest of
/// the genesis. Move each folder to its host; start each with `arblast-node run --config FOLDER/config.toml`.
#[derive(Args)]
pub struct InitNetwork {
    /// How many validators; 3f+1 tolerate f faults.
    #[arg(long, value_name = "N")]
    validators: usize,

    /// The folder to write to. It must be new or empty.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The network's name.
    #[arg(long, default_value = "arblast-local", value_name = "NAME")]
    name: String,

    /// Address where the others reach a validator: one for all, or one for each, in order.
    #[arg(long = "host", default_value = "127.0.0.1", value_name = "IP", value_delimiter = ',')]
    hosts: Vec<IpAddr>,

    /// Port between validators. Validators with the same address get consecutive ports, here and below.
    #[arg(long, default_value_t = 7000, value_name = "PORT")]
    base_port: u16,

    /// Port of the HTTP interface.
    #[arg(long, default_value_t = 8000, value_name = "PORT")]
    http_port: u16,

    /// Port of the metrics.
    #[arg(long, default_value_t = 9000, value_name = "PORT")]
    metrics_port: u16,

    /// Fund N accounts and write their secret keys to DIR/accounts.json, for tests and load.
    #[arg(long, default_value_t = 0, value_name = "N")]
    accounts: usize,

    /// What each of these accounts holds.
    #[arg(long, default_value_t = 1_000_000_000, value_name = "AMOUNT")]
    balance: u64,

    /// The least fee of a transaction; the priority lane costs four times as much.
    #[arg(long, default_value_t = 1, value_name = "FEE")]
    base_fee: u64,

    /// The most transactions of a block.
    #[arg(long, default_value_t = 2048, value_name = "MAX", value_parser = clap::value_parser!(u32).range(8..=16_384))]
    block_txs: u32,

    /// The least time from one block to the next.
    #[arg(long, default_value = "500ms", value_name = "TIME", value_parser = duration)]
    block_interval: Duration,
}

/// Makes a network.
pub fn main(arguments: InitNetwork) -> Outcome {
    let plan = Plan {
        name: arguments.name,
        validators: arguments.validators,
        out: arguments.out,
        hosts: arguments.hosts,
        base_port: arguments.base_port,
        http_port: arguments.http_port,
        metrics_port: arguments.metrics_port,
        accounts: arguments.accounts,
        balance: arguments.balance,
        base_fee: arguments.base_fee,
        block_transactions: arguments.block_txs,
        block_interval: arguments.block_interval,
    };
    let dispatcher = Dispatcher::builder().select(Selection::CpuPortable).build()?;
    let genesis = network(&plan, &Checker::new(dispatcher))?;
    println!("genesis {}", genesis.digest());
    let folder = plan.out.display();
    println!("Start each validator with:");
    for index in 0..plan.validators {
        println!("  arblast-node run --config {folder}/validator-{index}/config.toml");
    }
    Ok(ExitCode::SUCCESS)
}
