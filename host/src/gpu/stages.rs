//! One stage of the pipelines at a time, on words: for tests that name the stage that is wrong, and for measurements.

use super::adapter::{Choice, choose};
use super::batch::{Loaded, Machine};
pub use super::device::Span;
use super::device::{Device, Work};
use crate::backend::{CancelToken, Class, Control};
use crate::error::DeviceError;
use arblast_kernels::machine::Program;
use arblast_kernels::{Family, Stage};
use std::time::{Duration, Instant};

/// A device of its own, whose stages are run one by one.
pub struct Stages {
    device: Device,
    control: Control,
}

impl Stages {
    /// Opens the adapter that `choice` names; without the cache of compiled pipelines.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn open(choice: &Choice) -> Result<Self, String> {
        let (adapter, family, _) = choose(choice)?;
        let mut device = Device::open(&adapter, family, choice.largest_binding).map_err(|error| error.to_string())?;
        device.forget_cache();
        Ok(Self { device, control: Control::new(Class::Job, CancelToken::new()) })
    }

    /// The family of its kernels.
    pub fn family(&self) -> Family {
        self.device.family
    }

    /// Runs `stage` on `items` items, cut into dispatches of one workgroup; `job` gives the parameters of each. Returns
    /// what the buffers hold afterwards; those of fewer than four words are filled up with zeros.
    ///
    /// # Errors
    /// Those of the device.
    pub fn run<J: bytemuck::Pod>(
        &self,
        stage: Stage,
        items: usize,
        buffers: &[&[u32]],
        job: impl Fn(Span) -> J,
    ) -> Result<Vec<Vec<u32>>, DeviceError> {
        let mut work = Work::new(&self.device, &self.control)?.in_single_workgroups();
        let on_device = buffers.iter().map(|words| self.device.upload(words)).collect::<Result<Vec<_>, _>>()?;
        work.run(stage, items, 1000, &on_device.iter().collect::<Vec<_>>(), job)?;
        on_device.iter().zip(buffers).map(|(buffer, words)| work.download(buffer, words.len().max(4))).collect()
    }

    /// Runs a program on items whose inputs follow one another in `input`, and returns their outputs; `state` is what
    /// the outputs hold before.
    ///
    /// # Errors
    /// Those of the device.
    pub fn program(
        &self,
        program: &Program,
        items: usize,
        input: &[u32],
        state: &[u32],
    ) -> Result<Vec<u32>, DeviceError> {
        let mut work = Work::new(&self.device, &self.control)?;
        let machine = Machine::new(&self.device)?;
        let loaded = Loaded::new(&self.device, program.clone())?;
        let (input, output) = (self.device.upload(input)?, self.device.upload(state)?);
        machine.run(&mut work, &loaded, items, &input, &output)?;
        work.download(&output, state.len())
    }

    /// Compiles a stage and runs it on nothing, since some drivers compile when a pipeline is first used; how long both
    /// took.
    ///
    /// # Errors
    /// Those of the device.
    pub fn compile(&self, stage: Stage) -> Result<Duration, DeviceError> {
        let start = Instant::now();
        let nothing = vec![&[0u32; 4][..]; stage.buffers()];
        self.run(stage, stage.workgroup() as usize, &nothing, |_| [0u32; 8])?;
        Ok(start.elapsed())
    }
}

/// The constants of programs in a family, as they are uploaded: for the interpreter.
pub fn constants(family: Family) -> Vec<u32> {
    super::elements::constants(family)
}
