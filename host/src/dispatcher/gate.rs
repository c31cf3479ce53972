//! Order among calls on the CPU: work of a lower class pauses between its pieces while more urgent calls run.

use crate::backend::{Class, Yield};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// The longest a piece waits for more urgent calls, so that a flood of them slows a job down but never stops it.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Counts the calls running on the CPU, by class.
#[derive(Default)]
pub(super) struct Gate {
    running: [AtomicUsize; Class::ALL.len()],
    waiting: AtomicUsize,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Marks a call as running until the guard is dropped.
    pub(super) fn enter(self: &Arc<Self>, class: Class) -> Running {
        self.running[class as usize].fetch_add(1, Ordering::AcqRel);
        Running { gate: self.clone(), class }
    }

    fn more_urgent_running(&self, class: Class) -> bool {
        self.running[..class as usize].iter().any(|n| n.load(Ordering::Acquire) > 0)
    }
}

/// A call that runs on the CPU.
pub(super) struct Running {
    gate: Arc<Gate>,
    class: Class,
}

impl Drop for Running {
    fn drop(&mut self) {
        let gate = &self.gate;
        gate.running[self.class as usize].fetch_sub(1, Ordering::AcqRel);
        if gate.waiting.load(Ordering::Acquire) > 0 {
            drop(gate.lock.lock().unwrap_or_else(|e| e.into_inner()));
            gate.changed.notify_all();
        }
    }
}

impl Yield for Gate {
    fn yield_to_urgent(&self, class: Class) {
        if !self.more_urgent_running(class) {
            return;
        }
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let guard = self.lock.lock().unwrap_or_else(|e| e.into_inner());
        drop(self.changed.wait_timeout_while(guard, LONGEST_WAIT, |()| self.more_urgent_running(class)));
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn only_lower_classes_wait_and_not_for_ever() {
        let gate = Gate::new();
        let vote = gate.enter(Class::Consensus);
        let start = Instant::now();
        gate.yield_to_urgent(Class::Consensus);
        assert!(start.elapsed() < LONGEST_WAIT / 2);
        gate.yield_to_urgent(Class::Job);
        assert!(start.elapsed() >= LONGEST_WAIT);
        drop(vote);
        let start = Instant::now();
        gate.yield_to_urgent(Class::Job);
        assert!(start.elapsed() < LONGEST_WAIT / 2);
    }

    #[test]
    fn a_waiting_piece_goes_on_when_the_urgent_call_ends() {
        let gate = Gate::new();
        let vote = gate.enter(Class::Block);
        let waiter = {
            let gate = gate.clone();
            std::thread::spawn(move || {
                let start = Instant::now();
                gate.yield_to_urgent(Class::Admission);
                start.elapsed()
            })
        };
        std::thread::sleep(Duration::from_millis(20));
        drop(vote);
        assert!(waiter.join().unwrap() < LONGEST_WAIT);
    }
}
