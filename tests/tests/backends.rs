//! Every backend through the suite: a new one is added by naming it here.

use arblast::backend::Backend;
use arblast::cpu::{CpuPortable, ENGINE, vector_engine};
use arblast::gpu::{Choice, Family, Gpu};
use arblast_tests::faulty::Faulty;
use arblast_tests::harness::backend_trials;
use arblast_verilator::FpgaSim;
use arblast_verilator::simulate::Config;
use libtest_mimic::Arguments;
use std::sync::Arc;

fn main() {
    let mut trials = Vec::new();
    for threads in 1..=3 {
        let backend: Arc<dyn Backend> = Arc::new(CpuPortable::new(threads));
        trials.extend(backend_trials(&format!("cpu-portable, {threads} threads"), Ok(backend)));
        trials.extend(backend_trials(&format!("{ENGINE}, {threads} threads"), vector_engine(threads)));
    }
    // A software rendering is enough to check every kernel, in both families. What it answers does not depend on the
    // CPU's engine, so that a run without that leaves it out.
    let families = [Family::Narrow, Family::Wide].into_iter();
    for family in families.filter(|_| std::env::var("ARBLAST_CPU_ENGINE").as_deref() != Ok("off")) {
        let choice = Choice { adapter: Some("llvmpipe".into()), family: Some(family), ..Choice::default() };
        let backend = Gpu::detect(&choice).map(|gpu| Arc::new(gpu) as Arc<dyn Backend>);
        trials.extend(backend_trials(&format!("wgpu, {family:?}").to_lowercase(), backend));
    }
    // The device of the fault tests is right as long as it is told to be.
    trials.extend(backend_trials("faulty, without a fault", Ok(Arc::new(Faulty::new("faulty")))));
    // The simulation's sums; its MSMs have their own tests beside the engine, since the suite's number would take hours
    // of simulated clocks. Skipped where Verilator is absent.
    let simulation = FpgaSim::detect(Config::default()).map(|b| Arc::new(b) as Arc<dyn Backend>);
    let simulated = backend_trials("fpga-sim", simulation.map_err(|e| e.to_string()));
    trials.extend(simulated.into_iter().filter(|trial| trial.name().starts_with("fpga-sim::sum-")));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
