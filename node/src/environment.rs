//! What the node asks of a runtime, so that the same code runs on tokio and on the deterministic simulator.

use commonware_runtime::{Clock, Metrics, Spawner, Storage};
use rand_core::CryptoRng;

/// A runtime context: tasks, time, storage, metrics and randomness.
pub trait Environment: Spawner + Clock + Storage + Metrics + CryptoRng {}

impl<T: Spawner + Clock + Storage + Metrics + CryptoRng> Environment for T {}
