//! Points brought into a backend's own form once, for many operations over them.

use super::{Answer, Job, Operation};
use crate::backend::{Backend, Control, Op, Prepared};
use crate::error::DeviceError;
use rand_core::Rng;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A handle for each backend, by its name, that has a copy of its own.
#[derive(Default)]
pub(crate) struct Handles(Mutex<HashMap<String, Prepared>>);

impl Handles {
    /// The backend's handle, if it has one.
    pub(super) fn of(&self, backend: &dyn Backend) -> Option<Prepared> {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).get(backend.name()).cloned()
    }

    fn keep(&self, backend: &dyn Backend, handle: Prepared) {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).insert(backend.name().to_owned(), handle);
    }

    /// For a backend that failed: the copy may have gone with the device, and later calls send the points along.
    pub(super) fn forget(&self, backend: &dyn Backend) {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).remove(backend.name());
    }
}

/// Points that a backend can prepare.
pub(crate) trait Prepares: Send + Sync + 'static {
    /// The operation over them.
    fn op(&self) -> Op;
    /// The size at which it will be called.
    fn size(&self) -> usize;
    /// Where the handles are.
    fn handles(&self) -> &Handles;
    /// How many times the reference's time for the operation a device may take.
    fn allowance(&self) -> u32;
    /// Whether the backend is faster with a form of its own.
    fn gains(&self, backend: &dyn Backend) -> bool;
    /// Has the backend prepare them.
    fn prepare(&self, backend: &dyn Backend, control: &Control) -> Answer<Prepared>;
}

/// Has a backend prepare points and leaves the handle with them.
pub(crate) struct Prepare<P>(pub Arc<P>);

impl<P: Prepares> Operation for Prepare<P> {
    type Output = ();
    type Job = Prepare<P>;

    fn op(&self) -> Op {
        self.0.op()
    }
    fn size(&self) -> usize {
        self.0.size()
    }
    /// Bringing points into another form says nothing about the operation over them.
    fn is_typical(&self) -> bool {
        false
    }
    fn allowance(&self) -> u32 {
        self.0.allowance()
    }
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<()> {
        if !self.0.gains(backend) {
            return Ok(());
        }
        match self.0.prepare(backend, control) {
            Ok(handle) => self.0.handles().keep(backend, handle),
            // The operation then takes the points as they are.
            Err(DeviceError::Unsupported) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
    fn to_job(&self, _rng: &mut dyn Rng) -> Self::Job {
        Prepare(self.0.clone())
    }
    fn same(&self, (): &(), (): &()) -> bool {
        true
    }
}

impl<P: Prepares> Job for Prepare<P> {
    type Raw = ();
    type Output = ();

    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<()> {
        Operation::run(self, backend, control)
    }
    fn finish(&self, (): ()) -> Result<(), String> {
        Ok(())
    }
}
