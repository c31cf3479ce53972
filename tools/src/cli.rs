//! The command line: arguments, output, exit codes.
//!
//! Results go to standard output, errors with their cause and an advice to standard error. Exit status 0: what was
//! asked for was done and holds; 1: it was done and something does not hold; 2: it could not be done.

use crate::backends::{self, Wanted};
use crate::bench::{
    self, Baseline, Bench, Op, Outcome, Plan, Record, Suite, geometric_mean, parse_sizes, table, to_csv,
};
use crate::{adapters, conformance, devices};
use arblast::gpu::{Choice, Family};
use arblast::{Dispatcher, Measure};
use clap::{ArgAction, Args, Parser, Subcommand};
use fpga::{HdlCommand, SimCommand, hdl_command, sim_command};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

mod fpga;

/// BLS12-381 on whatever hardware you own: look at it, check it, measure it.
#[derive(Parser)]
#[command(name = "arblast", version, max_term_width = 80, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List every backend: present or not and why not, self-test, breaker, crossovers
    ///
    /// A crossover is the number of items from which on a device is faster than this machine's CPU, for each operation;
    /// --backend auto goes by it. They are measured once for a machine, device and driver, which takes some seconds, and
    /// kept in the user's cache folder. With the CPU alone there is nothing to measure.
    Devices(DevicesArgs),
    /// Run public test vectors through a backend
    ///
    /// Walks DIR, recognises the suites in it (bls, eip2537, rfc9380, eip2333, scalar multiplications), runs every
    /// case through the dispatcher on the backend, and prints a row per suite. A file that is not understood counts
    /// against the run. Exit status 1 unless everything passed.
    Conformance(ConformanceArgs),
    /// Measure a backend against blst or arkworks, side by side
    ///
    /// Both sides run in this process, interleaved and warmed up. Their results are compared for equality first:
    /// where they differ nothing is timed and the exit status is 1. A ratio above 1 means that the backend is faster.
    Bench(BenchArgs),
    /// FPGA designs: Verilog for your flow, and what they need on a device
    #[command(subcommand)]
    Hdl(HdlCommand),
    /// Simulate an FPGA engine on random inputs and compare with the CPU
    ///
    /// Builds the engine's model with Verilator (kept for the next time), runs it, and prints cycles, stalls and the
    /// occupancy of its adder. Exit status 1 where its answer is not the CPU's. Needs Verilator 5.006, g++ and make.
    #[command(subcommand)]
    Sim(SimCommand),
}

#[derive(Args)]
struct DevicesArgs {
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Use a device again that was retired for a wrong answer, after its fault is mended
    #[arg(long, value_name = "NAME")]
    readmit: Option<String>,
    /// Measure the crossovers again, taking SECONDS in all [default: 6]; more time reaches larger sizes
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_BUDGET,
          value_parser = parse_seconds, conflicts_with = "readmit")]
    remeasure: Option<f64>,
    #[command(flatten)]
    gpu: GpuArgs,
}

#[derive(Args)]
struct GpuArgs {
    /// The GPU whose name contains NAME; a software rendering is used only so [default: the first real one]
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// The GPU's kernels: narrow (products of 32 bits) or wide (of 64) [default: wide where the adapter can]
    #[arg(long, value_name = "WIDTH", value_parser = parse_limbs)]
    limbs: Option<Family>,
}

impl GpuArgs {
    fn choice(&self) -> Choice {
        Choice { adapter: self.adapter.clone(), family: self.limbs, ..Choice::default() }
    }
}

fn parse_limbs(text: &str) -> Result<Family, String> {
    match text {
        "narrow" => Ok(Family::Narrow),
        "wide" => Ok(Family::Wide),
        _ => Err("expected narrow or wide".into()),
    }
}

/// [`CROSSOVER_BUDGET`] in seconds.
const DEFAULT_BUDGET: &str = "6";

#[derive(Args)]
struct BackendArgs {
    /// auto, cpu (the best CPU path of this machine), cpu-portable (blst), wgpu (a GPU), or fpga-sim (the FPGA engines
    /// under Verilator: slow, MSM in G1 and sums only, the CPU for the rest)
    #[arg(long, default_value = "auto", value_name = "BACKEND")]
    backend: String,
    #[command(flatten)]
    gpu: GpuArgs,
}

impl BackendArgs {
    fn wanted(&self) -> Wanted {
        let Ok(selection) = self.backend.parse();
        Wanted { selection, gpu: self.gpu.choice() }
    }
}

#[derive(Args)]
struct ConformanceArgs {
    /// The folder (or a single file) of vectors
    dir: PathBuf,
    #[command(flatten)]
    backend: BackendArgs,
    /// CPU threads; 0 means one per core
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

#[derive(Args)]
struct BenchArgs {
    /// The operation, or "all" for the default list with its geometric mean
    ///
    /// Sizes count points for msm-*, mul-*, sum-g1, decompress-*, subgroup-* and normalize-g1, pairings for pairing and
    /// multi-pairing (one call each, or one product), messages for hash-to-g2, signatures for verify and verify-batch
    /// (one call each, or one batch), keys for fast-aggregate-verify, values for ntt and invert-fr. For fp-mul and
    /// fp2-mul they count products, 64 independent ones after another on one thread; only the vector engine has these.
    ///
    /// With one thread and --backend cpu or cpu-portable, times are those that the thread ran (Linux), so that other
    /// work on the machine is not in them; else those that passed.
    #[arg(long, value_parser = parse_op, required_unless_present = "suite")]
    op: Option<OpChoice>,
    /// A suite of operations, each at several sizes, against both baselines
    ///
    /// Takes a few minutes; auto means cpu here. A size whose five rounds would take more than 40 times the seconds of
    /// a figure is left out.
    #[arg(long, value_enum, conflicts_with_all = ["op", "sizes", "baseline"])]
    suite: Option<Suite>,
    /// Sizes, as counts (1024,65536) or powers (2^10,2^16); a default for each operation otherwise
    #[arg(long, value_name = "LIST", value_parser = parse_sizes, action = ArgAction::Set)]
    sizes: Option<std::vec::Vec<usize>>,
    #[command(flatten)]
    backend: BackendArgs,
    /// What to compare with
    #[arg(long, value_enum, default_value_t = Baseline::Blst)]
    baseline: Baseline,
    /// Threads on both sides; 0 means one per core
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Seconds spent on each figure, both sides together, five rounds at least [default: 2, or 0.5 in a suite]
    #[arg(long, value_parser = parse_seconds)]
    seconds: Option<f64>,
    /// Also write the records to FILE as a JSON array
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the records to FILE as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Also write a page with plots to FILE, which needs no other file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// One operation or the default list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OpChoice {
    All,
    One(Op),
}

fn parse_op(text: &str) -> Result<OpChoice, String> {
    if text == "all" {
        return Ok(OpChoice::All);
    }
    let known = || {
        let names: Vec<_> = <Op as clap::ValueEnum>::value_variants().iter().map(|op| op.name()).collect();
        format!("no such operation; known: {}, or all", names.join(", "))
    };
    <Op as clap::ValueEnum>::from_str(text, false).map(OpChoice::One).map_err(|_| known())
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds from 0 to 3600".into()),
    }
}

/// What a command came to.
type Done = Result<bool, Failure>;

/// An error with what to do about it.
struct Failure {
    error: String,
    advice: &'static str,
}

impl Failure {
    fn new(error: impl std::fmt::Display, advice: &'static str) -> Self {
        Self { error: error.to_string(), advice }
    }
}

impl From<arblast::Error> for Failure {
    fn from(error: arblast::Error) -> Self {
        let advice = match error {
            arblast::Error::UnknownBackend { .. } | arblast::Error::BackendUnavailable { .. } => {
                "`arblast devices` lists the backends of this machine and why some are not usable"
            }
            arblast::Error::Record { .. } => "the record is a JSON file; it must be readable and writable",
            _ => "",
        };
        Self::new(error, advice)
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    let done = match cli.command {
        Command::Devices(args) => devices_command(&args),
        Command::Conformance(args) => conformance_command(&args),
        Command::Bench(args) => bench_command(&args),
        Command::Hdl(command) => hdl_command(&command),
        Command::Sim(command) => sim_command(&command),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(Failure { error, advice }) => {
            eprintln!("error: {error}");
            if !advice.is_empty() {
                eprintln!("  {advice}");
            }
            ExitCode::from(2)
        }
    }
}

/// Prints to standard output; a closed pipe is no error of ours.
fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn devices_command(args: &DevicesArgs) -> Done {
    // Listed are measured figures, so they are waited for; but not to be thrown away, or to strike a device off a list.
    let needed = args.readmit.is_none() && args.remeasure.is_none();
    let when = if needed { Measure::AtBuild } else { Measure::Never };
    let builder = backends::with_gpu(Dispatcher::builder().measure_crossovers(when), &args.gpu.choice());
    let dispatcher = backends::with_simulation(builder).build()?;
    if let Some(name) = &args.readmit {
        if !dispatcher.readmit(name)? {
            eprintln!("error: {name:?} is not retired\n  `arblast devices` shows which devices are");
            return Ok(false);
        }
        print(&format!("{name} is re-admitted; its self-test runs when it is used next\n"));
        return Ok(true);
    }
    if let Some(seconds) = args.remeasure {
        dispatcher.remeasure_crossovers(Duration::from_secs_f64(seconds));
    }
    dispatcher.self_test_all();
    let reports = devices::reports(&dispatcher);
    let adapters = arblast::gpu::adapters();
    print(&if args.json {
        let mut devices = serde_json::to_value(&reports).unwrap_or_default();
        adapters::attach(&mut devices, &adapters);
        to_json(&devices)
    } else {
        adapters::text(&adapters) + &devices::text(&reports, &dispatcher.crossovers())
    });
    Ok(true)
}

fn conformance_command(args: &ConformanceArgs) -> Done {
    let dispatcher = backends::builder(&args.backend.wanted()).threads(args.threads).build()?;
    let report = conformance::run(&args.dir, &dispatcher).map_err(|e| {
        let error = format!("{} cannot be read: {e}", args.dir.display());
        Failure::new(error, "give the folder that holds the vector files, such as ../shared/vectors/bls")
    })?;
    print(&report.to_string());
    let total = report.total();
    if total == conformance::Counts::default() {
        eprintln!("error: no vector file in {}", args.dir.display());
    }
    Ok(report.all_passed())
}

fn bench_command(args: &BenchArgs) -> Done {
    let outcome = match (args.suite, args.op) {
        (Some(suite), _) => run_suite(args, suite)?,
        (None, op) => run_ops(args, op.unwrap_or(OpChoice::All))?,
    };
    for baseline in [Baseline::Blst, Baseline::Arkworks, Baseline::Plain] {
        let against: Vec<Record> = outcome.records.iter().filter(|r| r.baseline == baseline.name()).cloned().collect();
        print(&table(&against));
        if let (Some(OpChoice::All), Some(mean)) = (args.op, geometric_mean(&against)) {
            print(&format!("geometric mean of {} ratios: {mean:.3}\n", against.len()));
        }
    }
    for line in &outcome.remarks {
        print(&format!("{line}\n"));
    }
    for line in &outcome.disagreements {
        eprintln!("error: {line}");
    }
    write_records(args, &outcome)?;
    Ok(outcome.disagreements.is_empty())
}

/// The plan of the arguments, with what is taken where they say nothing.
fn plan(args: &BenchArgs, name: &str, seconds: f64) -> Plan {
    let Ok(selection) = name.parse();
    Plan {
        backend: Wanted { selection, gpu: args.backend.gpu.choice() },
        backend_name: name.into(),
        baseline: args.baseline,
        threads: args.threads,
        budget: Duration::from_secs_f64(args.seconds.unwrap_or(seconds)),
    }
}

fn run_suite(args: &BenchArgs, suite: Suite) -> Result<Outcome, Failure> {
    let asked = args.backend.backend.as_str();
    let backend = if asked == "auto" { "cpu" } else { asked };
    for path in [&args.json, &args.csv, &args.html].into_iter().flatten() {
        // Better known before some minutes of measuring than after; what is there stays until then.
        let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
        opened.map_err(|error| unwritable(path, &error))?;
    }
    let mut bench = Bench::new(plan(args, backend, Suite::SECONDS)).map_err(bench_failure)?;
    suite.run(&mut bench, |step| eprintln!("{step}")).map_err(bench_failure)
}

fn run_ops(args: &BenchArgs, choice: OpChoice) -> Result<Outcome, Failure> {
    let defaults = match choice {
        OpChoice::All => Op::ALL.to_vec(),
        OpChoice::One(op) => vec![(op, op.default_size())],
    };
    let sized = |(op, size)| args.sizes.clone().unwrap_or_else(|| vec![size]).into_iter().map(move |size| (op, size));
    let work: Vec<(Op, usize)> = defaults.into_iter().flat_map(sized).collect();
    // Refused before anything is set up or timed.
    for (op, size) in &work {
        bench::check(*op, *size, args.baseline).map_err(bench_failure)?;
    }
    let bench = Bench::new(plan(args, &args.backend.backend, 2.0)).map_err(bench_failure)?;
    let mut outcome = Outcome::default();
    for (op, size) in work {
        match bench.run(op, size) {
            Ok(record) => outcome.records.push(record),
            Err(error @ bench::Error::Disagree { .. }) => outcome.disagreements.push(error.to_string()),
            Err(error) => return Err(bench_failure(error)),
        }
    }
    Ok(outcome)
}

fn bench_failure(error: bench::Error) -> Failure {
    match error {
        bench::Error::Dispatcher(error) => error.into(),
        error => Failure::new(error, ""),
    }
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be written: {error}", path.display()), "the folder must exist and be writable")
}

fn write_records(args: &BenchArgs, outcome: &Outcome) -> Result<(), Failure> {
    let write = |path: &PathBuf, text: String| std::fs::write(path, text).map_err(|error| unwritable(path, &error));
    if let Some(path) = &args.json {
        write(path, to_json(&outcome.records))?;
    }
    if let Some(path) = &args.csv {
        write(path, to_csv(&outcome.records))?;
    }
    if let Some(path) = &args.html {
        let remarks = [outcome.remarks.as_slice(), &outcome.disagreements].concat();
        write(path, bench::html(&outcome.records, &remarks))?;
    }
    Ok(())
}

/// Pretty JSON with a final newline.
fn to_json<T: serde::Serialize>(value: &T) -> String {
    // Plain data with string keys always serialises.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn devices_are_measured_again_for_as_long_as_asked() {
        let parse = |line: &str| match Cli::try_parse_from(line.split_whitespace()) {
            Ok(Cli { command: Command::Devices(args) }) => Some(args.remeasure),
            _ => None,
        };
        assert_eq!(parse("arblast devices"), Some(None));
        assert_eq!(parse("arblast devices --remeasure"), Some(Some(arblast::CROSSOVER_BUDGET.as_secs_f64())));
        assert_eq!(parse("arblast devices --remeasure=0.5 --json"), Some(Some(0.5)));
        for line in ["--remeasure=-1", "--remeasure=soon", "--remeasure --readmit gpu"] {
            assert_eq!(parse(&format!("arblast devices {line}")), None, "{line}");
        }
    }

    #[test]
    fn issue_line_parses() {
        let line = "arblast bench --op msm-g1 --sizes 2^10,65536 --backend cpu-portable --baseline arkworks --threads 2 \
                    --json a.json --csv a.csv";
        let Command::Bench(args) = Cli::try_parse_from(line.split_whitespace()).unwrap().command else { panic!() };
        assert_eq!(args.sizes, Some(vec![1 << 10, 65536]));
        assert_eq!((args.op, args.threads), (Some(OpChoice::One(Op::MsmG1)), 2));
        assert!(Cli::try_parse_from(["arblast", "bench", "--op", "msm-g3"]).is_err());
        for line in
            ["", " --suite gpu", " --suite cpu --op all", " --suite cpu --sizes 8", " --suite cpu --baseline blst"]
        {
            assert!(Cli::try_parse_from(format!("arblast bench{line}").split(' ')).is_err(), "{line}");
        }
        assert!(Cli::try_parse_from(["arblast", "bench", "--suite", "cpu", "--html", "a.html"]).is_ok());
        assert!(Cli::try_parse_from(["arblast", "bench", "--op", "all", "--seconds", "-1"]).is_err());
    }
}
