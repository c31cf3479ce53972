//! The GPU's kernels stage by stage against the reference, in both families on a software rendering; then whole jobs at
//! sizes and on inputs that the suite does not have, faults, and how long pipelines take to compile.
//!
//! | module | subject |
//! |---|---|
//! | `number` | field elements as the kernels' words |
//! | `executor` | what runs a program: a device, or an interpreter on the CPU |
//! | `field` | the field's operations, with raw limbs at the edges |
//! | `programs` | programs of the curve, of decompression and of the pairing |
//! | `stages` | digits, prefix sums, scatter, accumulate, reduce, butterfly, across, scale |
//! | `jobs` | MSMs, inputs that are cut, exceptional encodings |
//! | `faults` | lost devices, errors of validation, deadlines; which adapters are chosen |
//! | `compile` | compiling, cold |

mod compile;
mod executor;
mod faults;
mod field;
mod jobs;
mod number;
mod programs;
mod stages;

use arblast::gpu::stages::Stages;
use arblast::gpu::{Choice, Family, Gpu};
use arblast_tests::harness::{done, skip};
use libtest_mimic::{Arguments, Trial};
use std::sync::{Arc, OnceLock};

/// A check, with what is wrong.
type Checked = Result<(), String>;

const FAMILIES: [Family; 2] = [Family::Narrow, Family::Wide];

/// The software rendering in a family.
fn rendering(family: Family) -> Choice {
    Choice { adapter: Some("llvmpipe".into()), family: Some(family), largest_binding: None }
}

fn label(family: Family) -> String {
    format!("{family:?}").to_lowercase()
}

/// A trial on the stages of one family; they are opened once for all.
fn on_stages(name: &str, family: Family, check: impl Fn(&Stages) -> Checked + Send + 'static) -> Trial {
    static OPEN: [OnceLock<Result<Stages, String>>; 2] = [OnceLock::new(), OnceLock::new()];
    Trial::ignorable_test(format!("{name}, {}", label(family)), move || {
        match OPEN[family as usize].get_or_init(|| Stages::open(&rendering(family))) {
            Ok(stages) => done(check(stages)),
            Err(reason) => skip(reason),
        }
    })
}

/// A trial on a backend of one family; opened once for all, unless `choice` changes it.
fn on_backend(
    name: &str,
    family: Family,
    choice: impl Fn(Choice) -> Choice + Send + 'static,
    check: impl Fn(&Arc<Gpu>) -> Checked + Send + 'static,
) -> Trial {
    static OPEN: [OnceLock<Result<Arc<Gpu>, String>>; 2] = [OnceLock::new(), OnceLock::new()];
    Trial::ignorable_test(format!("{name}, {}", label(family)), move || {
        let wanted = choice(rendering(family));
        let shared = wanted == rendering(family);
        let detect = || Gpu::detect(&wanted).map(Arc::new);
        let backend = if shared { OPEN[family as usize].get_or_init(detect).clone() } else { detect() };
        match backend {
            Ok(gpu) => done(check(&gpu)),
            Err(reason) => skip(&reason),
        }
    })
}

fn main() {
    if compile::is_child() {
        return compile::child();
    }
    let mut trials = Vec::new();
    for family in FAMILIES {
        trials.extend(field::trials(family));
        trials.extend(programs::trials(family));
        trials.extend(stages::trials(family));
        trials.extend(jobs::trials(family));
        trials.extend(faults::trials(family));
        trials.push(compile::trial(family));
    }
    trials.extend(faults::without_a_device());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
