//! `arblast hdl` and `arblast sim`: arguments and what they come to.

use super::{Done, Failure, print, to_json, unwritable};
use crate::progress::Progress;
use crate::{hdl, sim};
use arblast_hdl::engine::accumulator::QUEUE;
use arblast_hdl::files::WriteError;
use arblast_hdl::report::{self, ReportError};
use arblast_verilator::axi::Backpressure;
use arblast_verilator::simulate::{Bodies, Config};
use arblast_verilator::trial::{self, Step, Trial};
use arblast_verilator::{Error, Toolchain};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(super) enum HdlCommand {
    /// List the designs
    List,
    /// Write a design as Verilog, with file list, register map and testbench
    ///
    /// The testbench checks itself: it has vectors from the CPU, runs in Icarus Verilog and in Verilator, and prints
    /// PASS or FAIL. The same design gives the same bytes.
    Emit(EmitArgs),
    /// What a design needs on a device, by yosys: a row for each unit
    ///
    /// LUTs (shift registers and LUT memories included), registers, DSP slices, memories, and the cells on the longest
    /// path of logic, for synth_xilinx -family xcup; and the share of a VU9P. Seconds for a unit, a minute for a
    /// multiplier, very long for a whole MSM engine. Needs yosys.
    Report(ReportArgs),
}

#[derive(Args)]
pub(super) struct EmitArgs {
    /// The design; `arblast hdl list` has them all
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(hdl::NAMES))]
    design: String,
    /// The folder for the files; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Overwrite files that are there with other contents
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
pub(super) struct ReportArgs {
    /// The design; `arblast hdl list` has them all
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(hdl::NAMES))]
    design: String,
}

#[derive(Subcommand)]
pub(super) enum SimCommand {
    /// An MSM in G1 with random points and scalars
    MsmG1(MsmArgs),
    /// One sum of random public keys in G1
    Aggregate(SimArgs),
}

#[derive(Args)]
pub(super) struct MsmArgs {
    #[command(flatten)]
    sim: SimArgs,
    /// Bits of a window, 2 to 15
    #[arg(long, value_name = "C", default_value_t = 8, value_parser = clap::value_parser!(u8).range(2..=15))]
    window_bits: u8,
    /// Windows in a pass, 1 to 24 [default: at most 16, as even as can be]
    #[arg(long, value_name = "W", value_parser = clap::value_parser!(u8).range(1..=24))]
    windows: Option<u8>,
    /// Give all points the same scalar, so that each window has one bucket
    #[arg(long)]
    equal_scalars: bool,
}

#[derive(Args)]
pub(super) struct SimArgs {
    /// Points, 1 to 2^20
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    n: u32,
    /// Clocks in a hundred in which a stream holds back, at random; 0 to 99
    #[arg(long, value_name = "P", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=99))]
    backpressure: u8,
    /// Seed of points, scalars and backpressure: the same seed gives the same run
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Write a waveform: .fst (for GTKWave), or .vcd; large
    #[arg(long, value_name = "F", value_parser = waveform)]
    trace: Option<PathBuf>,
    /// Write the figures as JSON
    #[arg(long, value_name = "F")]
    json: Option<PathBuf>,
    /// Draw the adder's occupancy and the queue over time, as SVG
    #[arg(long, value_name = "F.svg")]
    plot: Option<PathBuf>,
    /// Write which lines, branches and signals ran: coverage.dat, and the Verilog with counts
    #[arg(long, value_name = "DIR")]
    coverage: Option<PathBuf>,
    /// The clock that the time on hardware is worked out for; an assumption
    #[arg(long, value_name = "M", default_value_t = 250.0, value_parser = megahertz)]
    clock_mhz: f64,
    /// Bodies of the field units: in C++, plain Verilog, or what is synthesised (slow)
    #[arg(long, value_enum, default_value_t = BodiesArg::Fast)]
    bodies: BodiesArg,
}

#[derive(Clone, Copy, ValueEnum)]
enum BodiesArg {
    Fast,
    Plain,
    Tiled,
}

fn waveform(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|e| e.to_str()) {
        Some("fst" | "vcd") => Ok(path),
        _ => Err("expected a file that ends in .fst or .vcd".into()),
    }
}

fn megahertz(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(mhz) if (1.0..=10_000.0).contains(&mhz) => Ok(mhz),
        _ => Err("expected MHz from 1 to 10000".into()),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let advice = match error {
            Error::Cache { .. } => "ARBLAST_SIM_CACHE names another folder; `chmod 700` closes one of yours to others",
            Error::Tool { tool: "verilator_coverage", .. } => "it comes with Verilator: apt-get install verilator",
            Error::Tool { .. } => "the tools of the simulation: apt-get install verilator g++ make zlib1g-dev",
            _ => "",
        };
        Self::new(error, advice)
    }
}

/// `arblast hdl …`.
pub(super) fn hdl_command(command: &HdlCommand) -> Done {
    match command {
        HdlCommand::List => print(&hdl::list()),
        HdlCommand::Emit(args) => {
            let said = hdl::emit(&args.design, &args.out, args.force).map_err(|error| {
                let advice = match error {
                    WriteError::Occupied { .. } => "--force overwrites them; or give another folder",
                    _ => "the folder must be writable",
                };
                Failure::new(error, advice)
            })?;
            print(&said);
        }
        HdlCommand::Report(args) => {
            let mut line = Progress::new();
            let design = arblast_hdl::designs::by_name(&args.design);
            let report =
                design.map(|design| report::with_progress(&design, &mut |pass| line.step(&format!("yosys: {pass}"))));
            drop(line);
            match report {
                Some(Ok(report)) => print(&hdl::table(&report)),
                Some(Err(error @ ReportError::Failed(_))) => {
                    return Err(Failure::new(error, "a fault of the design or of yosys; 0.23 was tried"));
                }
                Some(Err(error)) => return Err(Failure::new(error, "")),
                None => return Err(Failure::new(ReportError::Name { got: args.design.clone() }, "")),
            }
        }
    }
    Ok(true)
}

/// `arblast sim …`: whether the engine's answer is the CPU's.
pub(super) fn sim_command(command: &SimCommand) -> Done {
    let (args, trial) = match command {
        SimCommand::MsmG1(args) => {
            let window_bits = usize::from(args.window_bits);
            let windows = args.windows.map_or_else(|| sim::default_windows(window_bits), usize::from);
            let points = args.sim.n as usize;
            (&args.sim, Trial::Msm { points, window_bits, windows, equal_scalars: args.equal_scalars })
        }
        SimCommand::Aggregate(args) => (args, Trial::Aggregate { points: args.n as usize }),
    };
    let tools = Toolchain::find()?;
    // Better known before the simulation than after it.
    for path in [&args.json, &args.plot, &args.trace].into_iter().flatten() {
        let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
        opened.map_err(|error| unwritable(path, &error))?;
    }
    let config = Config {
        backpressure: Backpressure { percent: args.backpressure, seed: args.seed },
        trace: args.trace.clone(),
        folder: None,
        bodies: match args.bodies {
            BodiesArg::Fast => Bodies::Fast,
            BodiesArg::Plain => Bodies::Plain,
            BodiesArg::Tiled => Bodies::Tiled,
        },
        timeline: args.plot.is_some(),
        coverage: args.coverage.clone(),
    };
    let outcome = match simulate(trial, args, &config, &tools) {
        // An engine that breaks its protocol, or answers with what is no point, is as wrong as one with another sum.
        Err(error @ (Error::Design(_) | Error::Budget { .. })) => {
            eprintln!("error: the engine is wrong: {error}");
            return Ok(false);
        }
        other => other?,
    };
    let choices = sim::Choices { backpressure: args.backpressure, seed: args.seed, clock_mhz: args.clock_mhz };
    let record = sim::Record::new(trial, choices, &outcome);
    print(&record.text());
    let write = |path: &PathBuf, text: String| std::fs::write(path, text).map_err(|error| unwritable(path, &error));
    if let Some(path) = &args.json {
        write(path, to_json(&record))?;
    }
    if let Some(path) = &args.plot {
        write(path, sim::svg(&record.title(), &outcome.timeline, QUEUE))?;
    }
    Ok(outcome.equal)
}

/// Runs the trial with a bar on the terminal.
fn simulate(trial: Trial, args: &SimArgs, config: &Config, tools: &Toolchain) -> Result<trial::Outcome, Error> {
    let mut line = Progress::new();
    let (mut thousands, expected) = (0u32, trial.expected_clocks(args.backpressure));
    let mut started = line.elapsed();
    let outcome = trial::run(trial, args.seed, config, &mut |step| {
        match step {
            Step::Building => line.say(&format!("{}: building the model (a minute, the first time)", tools.version())),
            Step::Comparing => line.say("the CPU computes the same"),
            Step::Clocks => {
                if thousands == 0 {
                    started = line.elapsed();
                }
                let seconds = (line.elapsed() - started).as_secs_f64();
                let khz = if seconds > 0.0 { f64::from(thousands) / seconds } else { 0.0 };
                line.bar(u64::from(thousands) * 1000, expected, &format!("{thousands},000 clocks, {khz:.0} kHz"));
                thousands += 1;
            }
        }
        true
    });
    drop(line);
    outcome
}
