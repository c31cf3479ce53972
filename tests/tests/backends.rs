//! Every backend through the suite: a new one is added by naming it here.

use arblast::backend::Backend;
use arblast::cpu::CpuPortable;
use arblast_tests::faulty::Faulty;
use arblast_tests::harness::backend_trials;
use libtest_mimic::Arguments;
use std::sync::Arc;

fn main() {
    let mut trials = Vec::new();
    for threads in 1..=3 {
        let backend: Arc<dyn Backend> = Arc::new(CpuPortable::new(threads));
        trials.extend(backend_trials(&format!("cpu-portable, {threads} threads"), Ok(backend)));
    }
    // The device of the fault tests is right as long as it is told to be.
    trials.extend(backend_trials("faulty, without a fault", Ok(Arc::new(Faulty::new("faulty")))));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
