//! One backend inside the dispatcher: its thread and queue, its breaker, its counters, costs and crossovers.

use super::breaker::{Admission, Breaker, BreakerState};
use super::cost::Costs;
use super::crossover::Starts;
use super::operation::Job;
use super::queue::Queue;
use super::stats::Board;
use crate::backend::{Backend, CancelToken, Class, Control, Kind};
use crate::error::DeviceError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Threads that may hang in a device's driver at once; past that the device is not asked until one comes back.
const MOST_STUCK: usize = 4;
/// How often a waiting caller looks at its cancellation.
const LOOK: Duration = Duration::from_millis(20);

/// What the self-test of a backend found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelfTest {
    /// Not run: the selection does not use the backend.
    NotRun,
    /// Every operation it has gave the known answers.
    Passed,
    /// The first operation that did not, and how.
    Failed(String),
}

/// Why a job has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The device did not get to it in time.
    Busy,
    /// Its caller gave up.
    Cancelled,
    /// The device's own failure.
    Device(DeviceError),
}

/// A backend and what the dispatcher knows about it.
pub(super) struct Slot {
    pub(super) index: usize,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) costs: Costs,
    /// From which sizes on `auto` may choose it; of a device only.
    pub(super) starts: Starts,
    pub(super) board: Board,
    breaker: Mutex<Breaker>,
    self_test: Mutex<SelfTest>,
    line: Mutex<Option<Arc<Line>>>,
    stuck: Arc<AtomicUsize>,
}

/// A thread that serves the device, and its queue. A line whose thread hangs is given up and replaced.
struct Line {
    queue: Arc<Queue>,
    given_up: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

impl Slot {
    pub(super) fn new(index: usize, backend: Arc<dyn Backend>, first_pause: Option<Duration>) -> Self {
        Self {
            index,
            backend,
            costs: Costs::default(),
            starts: Starts::default(),
            board: Board::default(),
            breaker: Mutex::new(Breaker::new(first_pause)),
            self_test: Mutex::new(SelfTest::NotRun),
            line: Mutex::new(None),
            stuck: Arc::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.backend.name()
    }

    /// Whether it runs on the caller's thread, as the CPU's own engines do.
    pub(super) fn is_inline(&self) -> bool {
        matches!(self.backend.kind(), Kind::Reference | Kind::VectorEngine)
    }

    pub(super) fn self_test(&self) -> SelfTest {
        lock(&self.self_test).clone()
    }

    pub(super) fn set_self_test(&self, result: SelfTest) {
        *lock(&self.self_test) = result;
    }

    /// Whether it passed its self-test (blst needs none) and is not retired.
    pub(super) fn is_usable(&self) -> bool {
        let tested = self.index == 0 || self.self_test() == SelfTest::Passed;
        tested && self.breaker_state() != BreakerState::Retired
    }

    pub(super) fn breaker_state(&self) -> BreakerState {
        lock(&self.breaker).state(Instant::now())
    }

    pub(super) fn admit(&self) -> Option<Admission> {
        lock(&self.breaker).admit(Instant::now())
    }

    pub(super) fn succeeded(&self, admission: Admission) {
        lock(&self.breaker).succeeded(admission);
    }

    pub(super) fn released(&self, admission: Admission) {
        lock(&self.breaker).released(admission);
    }

    pub(super) fn failed(&self) {
        lock(&self.breaker).failed(Instant::now());
    }

    pub(super) fn retire(&self) {
        lock(&self.breaker).retire();
    }

    pub(super) fn readmit(&self) {
        lock(&self.breaker).readmit();
    }

    /// Runs a job on the backend: inline for an engine of the CPU, on the device's thread otherwise.
    pub(super) fn submit<J: Job>(
        &self,
        job: Arc<J>,
        class: Class,
        cancel: CancelToken,
        limit: Option<Duration>,
    ) -> Result<J::Raw, Failure> {
        if self.is_inline() {
            let control = Control::new(class, cancel);
            return guarded(|| job.run(&*self.backend, &control)).map_err(failure);
        }
        let line = self.line().map_err(Failure::Device)?;
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let control = Control::new(class, cancel.clone()).with_deadline(deadline).with_yield(line.queue.clone());
        let (abandoned, started) = (control.abandon_token(), Arc::new(AtomicBool::new(false)));
        let (answer, waiting) = sync_channel(1);
        let (backend, has_started, gone) = (self.backend.clone(), started.clone(), abandoned.clone());
        line.queue.push(
            class,
            Box::new(move || {
                if !gone.is_cancelled() {
                    has_started.store(true, Ordering::Release);
                    // The caller may have stopped waiting; then the answer is dropped.
                    let _ = answer.send(guarded(|| job.run(&*backend, &control)));
                }
            }),
        );
        let start = Instant::now();
        loop {
            let left = deadline.map_or(LOOK, |d| d.saturating_duration_since(Instant::now()).min(LOOK));
            match waiting.recv_timeout(left) {
                Ok(answer) => return answer.map_err(failure),
                Err(RecvTimeoutError::Disconnected) => return Err(Failure::Busy),
                Err(RecvTimeoutError::Timeout) if cancel.is_cancelled() => {
                    abandoned.cancel();
                    return Err(Failure::Cancelled);
                }
                Err(RecvTimeoutError::Timeout) if deadline.is_some_and(|d| Instant::now() >= d) => {
                    abandoned.cancel();
                    if !started.load(Ordering::Acquire) {
                        return Err(Failure::Busy);
                    }
                    self.give_up(&line);
                    return Err(Failure::Device(DeviceError::TimedOut(start.elapsed())));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The line in use, started if there is none.
    fn line(&self) -> Result<Arc<Line>, DeviceError> {
        let mut current = lock(&self.line);
        if let Some(line) = &*current {
            return Ok(line.clone());
        }
        let stuck = self.stuck.load(Ordering::Acquire);
        if stuck >= MOST_STUCK {
            return Err(DeviceError::Lost(format!("{stuck} calls never came back from it")));
        }
        let line = Arc::new(Line { queue: Queue::new(), given_up: AtomicBool::new(false) });
        let (serving, stuck) = (line.clone(), self.stuck.clone());
        let serve = move || {
            serving.queue.serve();
            if serving.given_up.load(Ordering::Acquire) {
                stuck.fetch_sub(1, Ordering::AcqRel);
            }
        };
        let thread = std::thread::Builder::new().name(format!("arblast-{}", self.name())).spawn(serve);
        thread.map_err(|e| DeviceError::Failed(format!("no thread for the device: {e}")))?;
        *current = Some(line.clone());
        Ok(line)
    }

    /// Gives a line up whose job is late: its thread ends when the job does, the next call gets a new one.
    fn give_up(&self, line: &Arc<Line>) {
        let mut current = lock(&self.line);
        if current.as_ref().is_some_and(|l| Arc::ptr_eq(l, line)) {
            *current = None;
            self.stuck.fetch_add(1, Ordering::AcqRel);
            line.given_up.store(true, Ordering::Release);
            line.queue.close();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(line) = lock(&self.line).take() {
            line.queue.close();
        }
    }
}

fn failure(error: DeviceError) -> Failure {
    match error {
        DeviceError::Cancelled => Failure::Cancelled,
        error => Failure::Device(error),
    }
}

/// Runs a backend's code; a panic in it is an error of the device.
pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T, DeviceError>) -> Result<T, DeviceError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(DeviceError::Panicked(text.unwrap_or_else(|| "no message".into())))
    })
}
