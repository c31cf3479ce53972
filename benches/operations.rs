//! Every operation of `arblast bench` under criterion: our backend, blst and arkworks, each on one thread.
//!
//! Inputs, baselines and the comparison of results before anything is timed are those of `arblast bench`. Unlike there,
//! the sides are not interleaved: for a ratio on a busy machine ask `arblast bench`, for a change over time this.
//!
//! The environment variable `ARBLAST_BENCH_BACKEND` names the backend (`cpu` unless it is set).

use arblast::Selection;
use arblast_benches::filters;
use arblast_tools::bench::{Baseline, Bench, Error, Op, Plan, check};
use clap::ValueEnum;
use criterion::Criterion;
use std::cell::RefCell;
use std::error;
use std::time::Duration;

/// The sizes of an operation: where small costs show, and where throughput does.
fn sizes(op: Op) -> &'static [usize] {
    match op {
        Op::MsmG1 => &[1 << 8, 1 << 10, 1 << 12, 1 << 14, 1 << 16],
        Op::MsmG2 => &[1 << 8, 1 << 10, 1 << 12],
        Op::MsmG1Fixed => &[1 << 8, 1 << 10, 1 << 12, 1 << 14],
        Op::MsmG2Fixed => &[1 << 8, 1 << 10, 1 << 12],
        Op::MsmG1Bits64 | Op::MsmG1Bits128 | Op::MsmG1Witness | Op::MsmG1Repeated => {
            &[1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 14]
        }
        Op::MulG1 | Op::MulG2 => &[16, 1 << 10],
        Op::SumG1 => &[1 << 9, 10_000],
        Op::Pairing | Op::Verify => &[1],
        Op::MultiPairing | Op::MultiPairingPrepared | Op::VerifyBatch => &[16, 128],
        Op::HashToG2 => &[1, 128],
        Op::DecompressG1 | Op::DecompressG2 | Op::SubgroupG1 | Op::SubgroupG2 => &[1, 1 << 10],
        Op::FastAggregateVerify => &[1 << 9, 10_000],
        Op::Ntt => &[1 << 8, 1 << 12, 1 << 16, 1 << 18],
        Op::InvertFr | Op::NormalizeG1 => &[1 << 8, 1 << 12],
        Op::FpMul | Op::Fp2Mul => &[1 << 12],
    }
}

/// Whether the command line asks for a bench of this name; what is not wanted is not even set up.
///
/// Criterion takes the argument for a regular expression; one with its signs in it is left to criterion.
fn wanted(name: &str) -> bool {
    let filters = filters(std::env::args().skip(1));
    let literal = |a: &str| a.chars().all(|c| c.is_ascii_alphanumeric() || "-=/_".contains(c));
    filters.is_empty() || filters.iter().any(|a| !literal(a) || name.contains(a.as_str()))
}

/// Runs one operation at one size against one baseline; `ours` says whether our side is timed too.
fn run(criterion: &RefCell<Criterion>, op: Op, size: usize, baseline: Baseline, ours: bool) -> Result<(), Error> {
    let backend_name = std::env::var("ARBLAST_BENCH_BACKEND").unwrap_or_else(|_| "cpu".into());
    let backend = backend_name.parse::<Selection>().unwrap_or_else(|never| match never {});
    let group = format!("{}/size={size}", op.name());
    let plan = Plan {
        backend: backend.into(),
        backend_name: backend_name.clone(),
        baseline,
        threads: 1,
        budget: Duration::ZERO,
    };
    Bench::new(plan)?.each_side(op, size, &|side, job| {
        if side != backend_name || ours {
            criterion.borrow_mut().bench_function(&format!("{group}/backend={side}"), |b| b.iter(&mut *job));
        }
    })
}

fn main() -> Result<(), Box<dyn error::Error>> {
    let criterion = Criterion::default().sample_size(20).warm_up_time(Duration::from_secs(1));
    let criterion = RefCell::new(criterion.measurement_time(Duration::from_secs(2)).configure_from_args());
    let baselines = [Baseline::Blst, Baseline::Arkworks, Baseline::Plain];
    for &op in Op::value_variants() {
        for &size in sizes(op).iter().filter(|size| wanted_any(op, **size)) {
            let mut ours = true;
            for baseline in baselines.into_iter().filter(|b| check(op, size, *b).is_ok()) {
                run(&criterion, op, size, baseline, ours)?;
                ours = false;
            }
        }
    }
    criterion.borrow_mut().final_summary();
    Ok(())
}

/// Whether any side of an operation at a size is [`wanted`].
fn wanted_any(op: Op, size: usize) -> bool {
    let backend = std::env::var("ARBLAST_BENCH_BACKEND").unwrap_or_else(|_| "cpu".into());
    let sides = [&backend, Baseline::Blst.name(), Baseline::Arkworks.name(), Baseline::Plain.name()];
    sides.iter().any(|side| wanted(&format!("{}/size={size}/backend={side}", op.name())))
}
