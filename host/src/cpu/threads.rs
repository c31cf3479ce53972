//! Threads of a CPU backend: one pool per class, made when first used.
//!
//! A job that pauses for more urgent work blocks the pool thread it runs on, so urgent work must not queue behind it:
//! hence a pool for each class. Idle threads cost only their stacks.

use crate::backend::{Class, Control};
use crate::error::DeviceError;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::OnceLock;

/// A thread count, and the pools that work with it.
pub(super) struct Threads {
    count: usize,
    pools: [OnceLock<Option<ThreadPool>>; Class::ALL.len()],
}

impl Threads {
    /// `count` threads for each class; 0 means one per core.
    pub(super) fn new(count: usize) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Self { count: if count == 0 { cores() } else { count }, pools: Default::default() }
    }

    /// The number of threads one call may use.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The pool of a class, unless callers had better work inline: with one thread.
    fn pool(&self, class: Class) -> Option<&ThreadPool> {
        if self.count == 1 { None } else { self.started(class) }
    }

    /// The pool of a class; none where the system gives no threads.
    fn started(&self, class: Class) -> Option<&ThreadPool> {
        let build = || {
            let name = move |i| format!("arblast-{}-{i}", class.name());
            ThreadPoolBuilder::new().num_threads(self.count).thread_name(name).build().ok()
        };
        self.pools[class as usize].get_or_init(build).as_ref()
    }

    /// Runs `work` inside the class's pool, so that rayon code in it uses these threads and no others: even one thread
    /// is a pool, since outside of any rayon takes all cores.
    pub(super) fn install<R: Send>(&self, class: Class, work: impl FnOnce() -> R + Send) -> R {
        match self.started(class) {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Maps chunks of `items` in parallel, with a checkpoint before each; results in order.
    ///
    /// A chunk has at least `grain` items (but for the last), below which a thread is not worth waking, and at most
    /// `piece` items, so that one takes no longer than [`Control::PIECE`].
    pub(super) fn map_pieces<T: Sync, R: Send>(
        &self,
        control: &Control,
        items: &[T],
        grain: usize,
        piece: usize,
        work: impl Fn(&[T]) -> R + Sync,
    ) -> Result<Vec<R>, DeviceError> {
        let run = |chunk: &[T]| {
            control.checkpoint()?;
            Ok(work(chunk))
        };
        let chunk = items.len().div_ceil(self.count).max(grain).min(piece).max(1);
        match self.pool(control.class()) {
            Some(pool) if items.len() > chunk => pool.install(|| items.par_chunks(chunk).map(run).collect()),
            _ => items.chunks(piece.max(1)).map(run).collect(),
        }
    }

    /// Runs `work(0..count)` in parallel, with a checkpoint before each; results in order.
    pub(super) fn map_tasks<R: Send>(
        &self,
        control: &Control,
        count: usize,
        work: impl Fn(usize) -> R + Sync,
    ) -> Result<Vec<R>, DeviceError> {
        let run = |i| {
            control.checkpoint()?;
            Ok(work(i))
        };
        match self.pool(control.class()) {
            Some(pool) if count > 1 => pool.install(|| (0..count).into_par_iter().with_max_len(1).map(run).collect()),
            _ => (0..count).map(run).collect(),
        }
    }
}
