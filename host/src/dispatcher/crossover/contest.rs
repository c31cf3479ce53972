//! One operation on the dispatcher's backends: run, timed and compared.

use super::super::breaker::Admission;
use super::super::operation::{Job as _, Operation};
use super::super::slot::{Failure, Slot, guarded};
use super::super::{Dispatcher, call};
use super::sample::{Samples, Visitor};
use super::trial::{Bout, Fault, Lab};
use crate::backend::{CancelToken, Class, Control, Op};
use crate::error::DeviceError;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How long one run on a device may take: it may have to compile first.
const PATIENCE: Duration = Duration::from_secs(10);

/// The dispatcher's backends, and the wall clock.
pub(super) struct Laboratory<'a> {
    pub(super) dispatcher: &'a Dispatcher,
    pub(super) samples: &'a mut Samples,
    /// When the measurement began.
    pub(super) start: Instant,
}

impl Lab for Laboratory<'_> {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn supports(&self, device: usize, op: Op, size: usize) -> bool {
        self.dispatcher.0.slots[device].backend.supports(op, size)
    }

    fn expected(&self, op: Op, size: usize) -> Duration {
        self.dispatcher.reference().costs.estimate_reference(op, size)
    }

    fn bout(&mut self, op: Op, size: usize, work: &mut dyn FnMut(&mut dyn Bout)) {
        let mut host = Host { dispatcher: self.dispatcher, start: self.start, work };
        self.samples.show(op, size, &mut host);
    }
}

/// Makes a bout of an operation.
struct Host<'a, 'w> {
    dispatcher: &'a Dispatcher,
    start: Instant,
    work: &'w mut dyn FnMut(&mut dyn Bout),
}

impl Visitor for Host<'_, '_> {
    fn visit<O: Operation>(&mut self, operation: &O) {
        let cpu = self.dispatcher.best_cpu(operation.op(), operation.size());
        (self.work)(&mut Contest { dispatcher: self.dispatcher, start: self.start, cpu, operation, known: None });
    }
}

/// One operation on the CPU and on devices.
struct Contest<'a, O: Operation> {
    dispatcher: &'a Dispatcher,
    start: Instant,
    cpu: &'a Slot,
    operation: &'a O,
    /// The CPU's answer.
    known: Option<O::Output>,
}

impl<O: Operation> Contest<'_, O> {
    /// Runs the operation on a backend of the CPU, as work that lets all other go first.
    fn on_cpu(&self, slot: &Slot) -> Result<(O::Output, Duration), Fault> {
        let gate = &self.dispatcher.0.gate;
        let _running = gate.enter(Class::Job);
        let control = Control::new(Class::Job, CancelToken::new()).with_yield(gate.clone());
        let start = Instant::now();
        let answer = guarded(|| self.operation.run(&*slot.backend, &control));
        let took = start.elapsed();
        answer.map(|answer| (answer, took)).map_err(|e| Fault::Cpu(format!("{}: {e}", slot.name())))
    }

    /// Runs the operation on a device as a call does, up to the checks that every answer gets.
    fn on_device(&self, slot: &Slot) -> Result<(O::Output, Duration), Failure> {
        let failed = |e: String| Failure::Device(DeviceError::Failed(e));
        let mut rng = call::fresh_rng().map_err(|e| failed(e.to_string()))?;
        let start = Instant::now();
        let job = Arc::new(self.operation.to_job(&mut rng));
        let raw = slot.submit(job.clone(), Class::Job, CancelToken::new(), Some(PATIENCE))?;
        let answer = job.finish(raw).map_err(|how| Failure::Device(DeviceError::WrongAnswer(how)))?;
        Ok((answer, start.elapsed()))
    }

    /// Whose fault it is that device and CPU differ: blst has the last word.
    fn differ(&self, slot: &Slot, answer: &O::Output) -> Fault {
        let how = format!("another answer than the CPU's for {} items", self.operation.size());
        if self.cpu.index == self.dispatcher.reference().index {
            return self.wrong(slot, how);
        }
        match self.on_cpu(self.dispatcher.reference()) {
            Ok((right, _)) if !self.operation.same(answer, &right) => self.wrong(slot, how),
            Ok(_) => {
                self.dispatcher.blame(self.cpu, Admission::Ordinary, self.operation, &how);
                Fault::Cpu(format!("{} gave a wrong answer", self.cpu.name()))
            }
            Err(fault) => fault,
        }
    }

    fn wrong(&self, slot: &Slot, how: String) -> Fault {
        self.dispatcher.blame(slot, Admission::Ordinary, self.operation, &how);
        Fault::Wrong(how)
    }
}

impl<O: Operation> Bout for Contest<'_, O> {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn cpu(&mut self) -> Result<Duration, Fault> {
        let (answer, took) = self.on_cpu(self.cpu)?;
        self.known.get_or_insert(answer);
        Ok(took)
    }

    fn device(&mut self, device: usize) -> Result<Duration, Fault> {
        let (slot, op) = (&self.dispatcher.0.slots[device], self.operation.op());
        let (answer, took) = match self.on_device(slot) {
            Ok(answered) => answered,
            Err(Failure::Device(DeviceError::Unsupported)) => return Err(Fault::Unsupported),
            Err(Failure::Device(DeviceError::WrongAnswer(how))) => return Err(self.wrong(slot, how)),
            Err(failure) => {
                self.dispatcher.note_failure(slot, Admission::Ordinary, op, &failure);
                return Err(Fault::Failed(match failure {
                    Failure::Device(error) => error.to_string(),
                    Failure::Busy | Failure::Cancelled => "it gave no answer".into(),
                }));
            }
        };
        slot.board.of(op).audits.fetch_add(1, Relaxed);
        match &self.known {
            Some(known) if !self.operation.same(&answer, known) => Err(self.differ(slot, &answer)),
            _ => Ok(took),
        }
    }
}
