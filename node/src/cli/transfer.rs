//! `arblast-node transfer`: signs a transfer for the HTTP interface.

use super::Outcome;
use arblast::{Dispatcher, Selection};
use arblast_node::config::genesis::GenesisFile;
use arblast_node::crypto::{self, Checker, SecretKey};
use arblast_node::http;
use arblast_node::init::FundedAccount;
use arblast_node::transaction::{Address, Lane, SignedTransaction, Transaction};
use clap::Args;
use commonware_utils::sequence::FixedBytes;
use std::path::PathBuf;
use std::process::ExitCode;

/// Sign a transfer with a funded account of a test network, and print it.
///
/// What is printed is the body of `POST /v1/transactions`; nothing is sent. The next nonce of an account and lane is
/// what `GET /v1/accounts/ADDRESS` says, or one more for each transfer that is on its way.
#[derive(Args)]
pub struct Transfer {
    /// The folder that init-network wrote, with genesis.json and accounts.json.
    #[arg(long, value_name = "DIR")]
    network: PathBuf,

    /// The account that pays: its number in accounts.json, from 0.
    #[arg(long, value_name = "N")]
    from: usize,

    /// The account that receives: its number, or the address of any account.
    #[arg(long, value_name = "N|ADDRESS")]
    to: String,

    /// What it receives.
    #[arg(long, value_name = "AMOUNT")]
    amount: u64,

    /// The payer's next nonce in the lane.
    #[arg(long, value_name = "NONCE")]
    nonce: u64,

    /// The lane.
    #[arg(long, default_value = "standard", value_parser = ["standard", "priority"])]
    lane: String,

    /// What the payer pays on top; the least that the lane takes, if it is not said.
    #[arg(long, value_name = "FEE")]
    fee: Option<u64>,
}

/// Signs and prints.
pub fn main(arguments: &Transfer) -> Outcome {
    let dispatcher = Dispatcher::builder().select(Selection::CpuPortable).build()?;
    let genesis = GenesisFile::load(&arguments.network.join("genesis.json"), &Checker::new(dispatcher))?;
    let path = arguments.network.join("accounts.json");
    let file = |what: String| format!("{}: {what}", path.display());
    let text = std::fs::read_to_string(&path).map_err(|error| file(error.to_string()))?;
    let accounts: Vec<FundedAccount> = serde_json::from_str(&text).map_err(|error| file(error.to_string()))?;
    let numbered = |number: usize| {
        let count = accounts.len();
        accounts.get(number).ok_or_else(|| file(format!("account {number}: got {count} accounts, numbered from 0")))
    };
    let to = match arguments.to.parse() {
        Ok(number) => &numbered(number)?.address,
        Err(_) => &arguments.to,
    };
    let recipient =
        address(to).ok_or_else(|| format!("--to {to}: expected a number, or 0x and 96 hexadecimal digits"))?;
    let secret = secret(numbered(arguments.from)?).ok_or_else(|| file("a secret is no BLS secret key".into()))?;
    let lane = if arguments.lane == Lane::Priority.name() { Lane::Priority } else { Lane::Standard };
    let transaction = Transaction {
        sender: crypto::address(&secret),
        recipient,
        amount: arguments.amount,
        fee: arguments.fee.unwrap_or_else(|| lane.minimum_fee(genesis.parameters().base_fee)),
        nonce: arguments.nonce,
        lane,
    };
    transaction.check(genesis.parameters().base_fee)?;
    let signature = crypto::sign(&secret, &transaction.message(genesis.digest()));
    println!("{}", http::to_json(&SignedTransaction { transaction, signature: FixedBytes::new(signature.to_bytes()) }));
    Ok(ExitCode::SUCCESS)
}

fn address(text: &str) -> Option<Address> {
    let mut bytes = [0; 48];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut bytes).ok()?;
    Some(Address::new(bytes))
}

fn secret(account: &FundedAccount) -> Option<SecretKey> {
    let bytes = zeroize::Zeroizing::new(hex::decode(account.secret.strip_prefix("0x")?).ok()?);
    SecretKey::from_bytes(&bytes).ok()
}
