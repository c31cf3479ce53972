//! Calls from asynchronous code: they run on the dispatcher's own threads, served by class.

use super::queue::Queue;
use super::slot::guarded;
use super::{Dispatcher, Error};
use crate::backend::Class;
use futures_channel::oneshot;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The threads for offloaded calls, started with the first one.
pub(super) struct Offload {
    queue: Arc<Queue>,
    threads: usize,
    started: Mutex<bool>,
    spawned: AtomicUsize,
}

impl Offload {
    pub(super) fn new(threads: usize) -> Self {
        Self { queue: Queue::new(), threads, started: Mutex::new(false), spawned: AtomicUsize::new(0) }
    }

    /// Starts the threads; false if the system gives none at all.
    fn start(&self) -> bool {
        let mut started = self.started.lock().unwrap_or_else(|e| e.into_inner());
        if !*started {
            *started = true;
            let spawn = |i| self.queue.spawn(format!("arblast-offload-{i}")).is_ok();
            self.spawned.store((0..self.threads).filter(|&i| spawn(i)).count(), Ordering::Release);
        }
        self.spawned.load(Ordering::Acquire) > 0
    }
}

impl Drop for Offload {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Dispatcher {
    /// Runs `work` on one of the dispatcher's threads, as many as a CPU call may use; the future resolves with its
    /// result. For asynchronous code, on any runtime: no worker is blocked. Waiting work is served by class. Dropping
    /// the future drops the result, not the work; a [`CancelToken`](crate::CancelToken) in the
    /// [`Call`](crate::Call) ends that too.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the dispatcher goes away first, or if `work` panicked.
    pub fn offload<T, W>(
        &self,
        class: Class,
        work: W,
    ) -> impl Future<Output = Result<T, Error>> + Send + 'static + use<T, W>
    where
        T: Send + 'static,
        W: FnOnce(&Dispatcher) -> T + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let dispatcher = self.clone();
        let work = move || {
            if let Ok(result) = guarded(|| Ok(work(&dispatcher))) {
                // The future may be gone; then so is the interest in the result.
                let _ = sender.send(result);
            }
        };
        if self.0.offload.start() {
            self.0.offload.queue.push(class, Box::new(work));
        } else {
            // No thread to be had: better late than never.
            work();
        }
        async move { receiver.await.map_err(|_| Error::Cancelled) }
    }
}
