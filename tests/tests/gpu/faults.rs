//! Lost devices, errors of validation, deadlines: errors to the dispatcher, right answers to its callers; and which
//! adapters are chosen.

use super::{Checked, label, on_backend, rendering};
use arblast::backend::{Backend, CancelToken, Class, Control, Kind};
use arblast::gpu::stages::Stages;
use arblast::gpu::{Choice, Family, Gpu, NAME, adapters};
use arblast::{Audit, Call, DeviceError, Dispatcher, OpStats, Selection};
use arblast_kernels::Stage;
use arblast_tests::harness::{done, skip};
use arblast_tests::random::Random;
use ark_bls12_381::{Fr, G1Affine, G1Projective};
use ark_ec::{CurveGroup as _, VariableBaseMSM as _};
use libtest_mimic::Trial;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub fn trials(family: Family) -> Vec<Trial> {
    // A device of its own: the others are not to be disturbed.
    let own = |name: &str, check: fn(&Arc<Gpu>) -> Checked| {
        on_backend(name, family, |choice| Choice { largest_binding: Some(1 << 26), ..choice }, check)
    };
    vec![
        own("faults::lost-between-jobs", lost_between_jobs),
        own("faults::lost-in-a-job", lost_in_a_job),
        own("faults::lost-under-the-dispatcher", lost_under_the_dispatcher),
        own("faults::deadline-and-cancellation", deadline_and_cancellation),
        on_backend(
            "faults::too-little-memory",
            family,
            |choice| Choice { largest_binding: Some(1000), ..choice },
            too_little_memory,
        ),
        Trial::ignorable_test(format!("faults::validation, {}", label(family)), move || {
            match Stages::open(&rendering(family)) {
                Ok(stages) => done(validation(&stages)),
                Err(reason) => skip(&reason),
            }
        }),
    ]
}

pub fn without_a_device() -> Vec<Trial> {
    vec![
        Trial::ignorable_test("adapters::software-by-name-only", || match Gpu::detect(&rendering(Family::Narrow)) {
            Ok(gpu) => done(software_by_name_only(&gpu)),
            Err(reason) => skip(&reason),
        }),
        Trial::test("adapters::without-a-driver", || done(hidden("VK_ICD_FILENAMES", "/nonexistent")).map(drop)),
        Trial::test("adapters::without-a-loader", || done(without_a_loader()).map(drop)),
    ]
}

fn control() -> Control {
    Control::new(Class::Job, CancelToken::new())
}

struct Sum {
    points: Vec<arblast::G1>,
    scalars: Vec<Fr>,
    expected: G1Affine,
}

impl Sum {
    fn new(n: usize) -> Self {
        let mut random = Random::new("gpu faults");
        let (points, scalars) = (random.members::<G1Affine>(n), random.scalars(n));
        let affine: Vec<G1Affine> = points.iter().map(|p| *p.affine()).collect();
        let expected = G1Projective::msm_unchecked(&affine, &scalars).into_affine();
        Self { points, scalars, expected }
    }

    fn on(&self, gpu: &Gpu) -> Result<bool, DeviceError> {
        Ok(gpu.msm_g1(&self.points, &self.scalars, &control())? == self.expected)
    }
}

fn expect_right(what: &str, answer: Result<bool, DeviceError>) -> Checked {
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("{what}: wrong")),
        Err(error) => Err(format!("{what}: {error}")),
    }
}

/// What stayed on the lost device is uploaded again.
fn lost_between_jobs(gpu: &Arc<Gpu>) -> Checked {
    let sum = Sum::new(100);
    let bases = gpu.prepare_g1(&sum.points, &control()).map_err(|error| error.to_string())?;
    for round in 0..3 {
        expect_right(&format!("round {round}"), sum.on(gpu))?;
        let prepared = gpu.msm_g1_prepared(&bases, &sum.scalars, &control());
        expect_right(&format!("round {round}, prepared"), prepared.map(|point| point == sum.expected))?;
        gpu.reset();
    }
    Ok(())
}

/// Every job that a loss meets ends in an error, soon; the others are right.
fn lost_in_a_job(gpu: &Arc<Gpu>) -> Checked {
    let sum = Sum::new(2000);
    expect_right("before", sum.on(gpu))?;
    let stop = AtomicBool::new(false);
    let met = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(90));
                gpu.reset();
            }
        });
        let (mut lost, start) = (0, Instant::now());
        let result = loop {
            match sum.on(gpu) {
                Ok(true) => {}
                Ok(false) => break Err("a wrong answer".to_owned()),
                Err(DeviceError::Lost(_) | DeviceError::Failed(_)) => lost += 1,
                Err(error) => break Err(format!("an unexpected error: {error}")),
            }
            if lost >= 3 {
                break Ok(lost);
            }
            if start.elapsed() > Duration::from_secs(120) {
                break Err(format!("only {lost} losses met a job"));
            }
        };
        stop.store(true, Ordering::Relaxed);
        result
    });
    met?;
    expect_right("afterwards", sum.on(gpu))
}

/// The CPU answers for a lost device, and the device comes back.
fn lost_under_the_dispatcher(gpu: &Arc<Gpu>) -> Checked {
    let sum = Sum::new(1500);
    let dispatcher = Dispatcher::builder()
        .select(Selection::Only(NAME.into()))
        .backend(gpu.clone())
        .audit(Audit::Never)
        .breaker_pause(Duration::from_millis(20))
        .retirement_record(None)
        .build()
        .map_err(|error| error.to_string())?;
    let call = Call::new(Class::Job);
    let count = |counter: fn(&OpStats) -> u64| dispatcher.stats().backend(NAME).map_or(0, |stats| stats.total(counter));
    let stop = AtomicBool::new(false);
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(60));
                gpu.reset();
            }
        });
        let start = Instant::now();
        let result = loop {
            match dispatcher.msm_g1(&call, &sum.points, &sum.scalars) {
                Ok(point) if *point.affine() == sum.expected => {}
                other => break Err(format!("{other:?}")),
            }
            if count(|op| op.panics) > 0 {
                break Err("the backend panicked".into());
            }
            if count(|op| op.errors) > 0 {
                break Ok(());
            }
            if start.elapsed() > Duration::from_secs(120) {
                break Err("no fault was counted".into());
            }
        };
        stop.store(true, Ordering::Relaxed);
        result
    });
    result?;
    expect_right("afterwards", sum.on(gpu))
}

/// A job whose time is over or that nobody wants stops with the reason; its device goes on.
fn deadline_and_cancellation(gpu: &Arc<Gpu>) -> Checked {
    let sum = Sum::new(2000);
    let late = control().with_deadline(Some(Instant::now() + Duration::from_millis(1)));
    match gpu.msm_g1(&sum.points, &sum.scalars, &late) {
        Err(DeviceError::TimedOut(_)) => {}
        other => return Err(format!("late: {other:?}")),
    }
    let token = CancelToken::new();
    token.cancel();
    match gpu.msm_g1(&sum.points, &sum.scalars, &Control::new(Class::Job, token)) {
        Err(DeviceError::Cancelled) => {}
        other => return Err(format!("cancelled: {other:?}")),
    }
    expect_right("afterwards", sum.on(gpu))
}

fn too_little_memory(gpu: &Arc<Gpu>) -> Checked {
    match Sum::new(10).on(gpu) {
        Err(DeviceError::OutOfMemory(_)) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

/// A dispatch that does not fit its pipeline is an error, not a panic; the device is not used after it.
fn validation(stages: &Stages) -> Checked {
    for attempt in ["at first", "again"] {
        match stages.run(Stage::Scan, 256, &[&[1, 2, 3, 4]], |_| [4u32, 0, 0, 0]) {
            Err(DeviceError::Failed(reason)) if !reason.is_empty() => {}
            other => return Err(format!("{attempt}: {other:?}")),
        }
    }
    Ok(())
}

/// `auto` takes a real device or says why there is none; a software rendering is named in the reason.
fn software_by_name_only(gpu: &Gpu) -> Checked {
    if gpu.kind() != Kind::Simulation {
        return Err("a software rendering is not a simulation".into());
    }
    let all = adapters();
    let software = all.iter().find(|report| report.name.contains("llvmpipe")).ok_or("not reported")?;
    if software.refused.is_none() {
        return Err(format!("not refused: {software}"));
    }
    match Gpu::detect(&Choice::default()) {
        Ok(gpu) if gpu.kind() == Kind::Device => {}
        Ok(_) => return Err("auto took a software rendering".into()),
        Err(reason) if reason.contains(&software.name) && reason.contains("software") => {}
        Err(reason) => return Err(format!("the reason does not name it: {reason}")),
    }
    match Gpu::detect(&Choice { adapter: Some("abacus".into()), ..Choice::default() }) {
        Err(reason) if reason.contains("abacus") && reason.contains(&software.name) => Ok(()),
        other => Err(format!("{:?}", other.map(|gpu| gpu.describe()))),
    }
}

/// These tests once more where a variable hides the drivers: all is skipped, with the reason, and none fails.
fn hidden(variable: &str, value: &str) -> Checked {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program).arg("field::operations").env(variable, value).output();
    let output = output.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let skipped = text.matches("ignored (no adapter").count();
    match output.status.success() && skipped == 2 {
        true => Ok(()),
        false => Err(format!("{}, {skipped} skipped:\n{text}", output.status)),
    }
}

/// A loader that is no library is as none.
fn without_a_loader() -> Checked {
    let folder = std::env::temp_dir().join(format!("arblast-no-vulkan-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for name in ["libvulkan.so.1", "libvulkan.so"] {
        std::fs::write(folder.join(name), "no library").map_err(|error| error.to_string())?;
    }
    let result = hidden("LD_LIBRARY_PATH", &folder.display().to_string());
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    result
}
