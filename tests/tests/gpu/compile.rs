//! How long a family takes to compile, cold: in a process of its own, in which no driver finds what it compiled before.
//!
//! Machines that run tests are shared, so what is bounded is the time that the process ran on a processor; drivers
//! compile in the calling thread. The limits of the project, 2 s a pipeline and 40 s a family, are what is printed
//! against; the bounds of the test leave room for processors of half the speed.

use super::{FAMILIES, label, rendering};
use arblast::gpu::Family;
use arblast::gpu::stages::Stages;
use arblast_kernels::Stage;
use arblast_tests::harness::{done, skip};
use libtest_mimic::Trial;
use std::process::Command;

const CHILD: &str = "ARBLAST_COMPILE_FAMILY";
/// Seconds.
const MOST_PIPELINE: f64 = 4.0;
const MOST_FAMILY: f64 = 80.0;

pub fn trial(family: Family) -> Trial {
    Trial::ignorable_test(format!("compile::family, {}", label(family)), move || {
        if let Err(reason) = Stages::open(&rendering(family)) {
            return skip(&reason);
        }
        done(measure(family))
    })
}

fn measure(family: Family) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    // Mesa's own cache would answer for the second run.
    let command = Command::new(program)
        .env(CHILD, label(family))
        .env("MESA_SHADER_CACHE_DISABLE", "true")
        .env("MESA_GLSL_CACHE_DISABLE", "true")
        .output();
    let output = command.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    print!("{text}");
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    let (mut sum, mut stages) = (0.0, 0);
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(stage), Some(Ok(seconds))) = (words.next(), words.next().map(str::parse::<f64>)) else { continue };
        if seconds > MOST_PIPELINE {
            return Err(format!("{stage} took {seconds} s of a processor, more than {MOST_PIPELINE}"));
        }
        sum += seconds;
        stages += 1;
    }
    println!("all of {}: {sum:.2} s of at most 40", label(family));
    match stages == Stage::all().len() && sum < MOST_FAMILY {
        true => Ok(()),
        false => Err(format!("{stages} stages in {sum} s:\n{text}")),
    }
}

/// Whether this process is the one that measures.
pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Prints each stage with the seconds that this process ran for it.
pub fn child() {
    let wanted = std::env::var(CHILD).unwrap_or_default();
    let family = FAMILIES.into_iter().find(|family| label(*family) == wanted).unwrap_or(Family::Narrow);
    let stages = Stages::open(&rendering(family)).expect("the parent has opened it");
    for stage in Stage::all() {
        let before = processor_seconds();
        let passed = stages.compile(stage).expect("a stage compiles").as_secs_f64();
        // Where the system does not tell, what passed.
        let seconds = before.zip(processor_seconds()).map_or(passed, |(before, after)| after - before);
        println!("{} {seconds:.2} s", stage.name());
    }
}

/// Seconds that this process has run on processors: `utime` and `stime` of Linux's /proc, in hundredths.
fn processor_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = text.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / 100.0)
}
