//! A queue served by class, and the threads that serve it: one for a device, several for offloaded calls.
//!
//! Within a class jobs run in the order they came. A running job that calls [`Queue::run_urgent`] between its pieces
//! runs the more urgent ones first, on its own thread: so a device's long job never delays a vote by more than a
//! piece.

use crate::backend::{Class, Yield};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Work that runs once. It must not unwind: whoever queues it catches panics.
pub(super) type Work = Box<dyn FnOnce() + Send>;

/// Jobs waiting, most urgent first.
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: BTreeMap<(Class, u64), Work>,
    next: u64,
    closed: bool,
}

impl Queue {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), wake: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Adds a job; a closed queue drops it.
    pub(super) fn push(&self, class: Class, work: Work) {
        let mut state = self.lock();
        if !state.closed {
            let key = (class, state.next);
            state.next += 1;
            state.jobs.insert(key, work);
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Drops the waiting jobs and ends the threads once they are idle.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        drop(jobs);
        self.wake.notify_all();
    }

    /// Takes the most urgent job that is more urgent than `than`.
    fn pop_urgent(&self, than: Class) -> Option<Work> {
        let mut state = self.lock();
        let entry = state.jobs.first_entry()?;
        (entry.key().0 < than).then(|| entry.remove())
    }

    /// Serves the queue until it is closed.
    pub(super) fn serve(&self) {
        loop {
            let mut state = self.lock();
            let work = loop {
                if state.closed {
                    return;
                }
                match state.jobs.pop_first() {
                    Some((_, work)) => break work,
                    None => state = self.wake.wait(state).unwrap_or_else(|e| e.into_inner()),
                }
            };
            drop(state);
            work();
        }
    }

    /// Starts a thread that serves the queue.
    pub(super) fn spawn(self: &Arc<Self>, name: String) -> std::io::Result<()> {
        let queue = self.clone();
        std::thread::Builder::new().name(name).spawn(move || queue.serve()).map(drop)
    }
}

impl Yield for Queue {
    fn yield_to_urgent(&self, class: Class) {
        while let Some(work) = self.pop_urgent(class) {
            work();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn serves_by_class_then_by_age() {
        let (queue, (sender, receiver)) = (Queue::new(), mpsc::channel());
        for (class, tag) in [(Class::Job, 1), (Class::Block, 2), (Class::Consensus, 3), (Class::Block, 4)] {
            let sender = sender.clone();
            queue.push(class, Box::new(move || sender.send(tag).unwrap()));
        }
        let closer = queue.clone();
        queue.push(Class::Job, Box::new(move || closer.close()));
        queue.serve();
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [3, 2, 4, 1]);
    }

    #[test]
    fn a_running_job_lets_only_more_urgent_ones_in() {
        let (queue, (sender, receiver)) = (Queue::new(), mpsc::channel());
        let (inner, tell) = (queue.clone(), sender.clone());
        queue.push(
            Class::Admission,
            Box::new(move || {
                for (class, tag) in [(Class::Job, "job"), (Class::Admission, "equal"), (Class::Consensus, "vote")] {
                    let tell = tell.clone();
                    inner.push(class, Box::new(move || tell.send(tag).unwrap()));
                }
                inner.yield_to_urgent(Class::Admission);
                tell.send("long").unwrap();
            }),
        );
        let closer = queue.clone();
        queue.push(Class::Job, Box::new(move || closer.close()));
        queue.serve();
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["vote", "long", "equal"]);
    }

    #[test]
    fn a_closed_queue_drops_its_jobs() {
        let (queue, (sender, receiver)) = (Queue::new(), mpsc::channel::<()>());
        queue.push(Class::Job, Box::new(move || sender.send(()).unwrap()));
        queue.close();
        assert!(receiver.recv().is_err(), "the sender went with the job");
    }
}
