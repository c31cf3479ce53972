//! `devnet`.

use super::Outcome;
use arblast::Audit;
use arblast_node::accel;
use arblast_node::config::{LogFormat, duration};
use arblast_node::devnet;
use arblast_node::process::logging;
use clap::Args;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Run a whole network on this machine, under load, and measure it.
///
/// All validators run in this process and talk over encrypted connections on the loopback interface. Wallets send
/// each other signed transfers. A line appears for each final block, a summary at the end or on Ctrl-C. All data
/// is temporary.
///
/// Columns: height and number of transactions; unchecked: the most signatures that a validator had not checked
/// before the block came; verify: the longest check of the block by a validator; backend: the hardware that did
/// most since the last line; finality: from the beginning of the proposal to the certificate of finality.
///
/// Exit status: 0 if all validators end with the same state, 1 if not, 2 if the devnet could not run.
#[derive(Args)]
pub struct Devnet {
    /// How many validators; 4 tolerate the failure of 1.
    #[arg(long, default_value_t = 4, value_name = "N")]
    validators: usize,

    /// Stop after N final blocks. Without it the devnet runs until Ctrl-C.
    #[arg(long, value_name = "N")]
    blocks: Option<u64>,

    /// The least time from one block to the next, such as 250ms or 1s.
    #[arg(long, default_value = "250ms", value_name = "TIME", value_parser = duration)]
    block_interval: Duration,

    /// Transactions submitted per second. If the network is slower, the wallets wait for it.
    #[arg(long, default_value_t = 200, value_name = "TPS")]
    load: u32,

    /// Transactions submitted per second to the standard lane on top of the load. They do not wait, even if the network
    /// is slower: this shows how the priority lane fares under a flood.
    #[arg(long, default_value_t = 0, value_name = "TPS")]
    flood: u32,

    /// The most transactions of a block. Half of the space is reserved for the priority lane, a quarter for the
    /// standard one.
    #[arg(long, default_value_t = 2048, value_name = "MAX")]
    block_txs: u32,

    /// Which hardware checks signatures: the fastest of what is there (auto), the best of the processor (cpu), or
    /// plain blst (cpu-portable). wgpu is a GPU, in a build with `--features wgpu`. fpga-sim, an FPGA design under
    /// simulation, is far slower than any of them; it needs Verilator and a build with `--features fpga-sim`.
    #[arg(long, default_value = "auto", value_name = "NAME", value_parser = accel::NAMES)]
    accel: String,

    /// Which GPU --accel wgpu or auto takes: the first whose name contains NAME, in any case; `arblast devices` shows the
    /// names. Without it: the first real one. A software rendering is taken only so, and not by auto.
    #[arg(long, value_name = "NAME", value_parser = accel::adapter_name)]
    accel_adapter: Option<String>,

    /// How often a device's answer is computed again on the processor: always, never, or a rate from 0 to 1.
    #[arg(long, default_value = "0.01", value_name = "RATE")]
    accel_audit: Audit,

    /// Write the summary to FILE as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the devnet and prints what it measured.
pub fn main(arguments: &Devnet) -> Outcome {
    logging::init(LogFormat::Text, &std::env::var("RUST_LOG").unwrap_or_else(|_| "error".into()))?;
    // Opened first: a figure that cannot be kept is not worth a long run.
    let json = arguments
        .json
        .as_ref()
        .map(|path| std::fs::File::create(path).map_err(|error| format!("--json {}: {error}", path.display())));
    let json = json.transpose()?;
    let builder = accel::builder(&arguments.accel, arguments.accel_adapter.as_deref(), &print)?;
    let dispatcher = builder.audit(arguments.accel_audit).build()?;
    let Devnet { validators, block_interval, load, accel, .. } = arguments;
    print(&format!(
        "{validators} validators, a block every {block_interval:?}, {load} transactions/s, backend {accel}"
    ));
    print("Signing the first transactions ...");
    let summary = devnet::run(devnet::Config {
        validators: arguments.validators,
        blocks: arguments.blocks,
        interval: arguments.block_interval,
        load: arguments.load,
        flood: arguments.flood,
        block_transactions: arguments.block_txs,
        dispatcher,
        output: Arc::new(print),
        tamper: None,
    })?;
    let title = if std::io::stdout().is_terminal() { "\x1b[1mSummary\x1b[0m" } else { "Summary" };
    print(&format!("\n{title}\n{summary}"));
    if let Some(file) = json {
        serde_json::to_writer_pretty(file, &summary)?;
    }
    Ok(ExitCode::from(u8::from(!summary.agreed)))
}

/// Prints a line. Whoever reads may stop reading (`| head`); the run goes on.
fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
