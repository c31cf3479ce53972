//! Programs on many items: membership, decompression, Miller loops.

use super::device::{Device, Work};
use super::elements::constants;
use crate::error::DeviceError;
use arblast_kernels::layout::ProgramJob;
use arblast_kernels::machine::Program;
use arblast_kernels::programs::SIZES;
use arblast_kernels::{Field, Stage};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use wgpu::Buffer;

/// What programs on a device share, and the programs that were needed so far.
pub(super) struct Machine {
    constants: Buffer,
    programs: Mutex<HashMap<String, Arc<Loaded>>>,
}

/// A program on a device.
pub(super) struct Loaded {
    pub program: Program,
    pub code: Buffer,
}

impl Loaded {
    /// Uploads a program.
    pub fn new(device: &Device, program: Program) -> Result<Self, DeviceError> {
        let code = device.upload(&program.code)?;
        Ok(Self { program, code })
    }

    /// A buffer for the outputs of `items` items.
    pub fn outputs(&self, device: &Device, items: usize) -> Result<Buffer, DeviceError> {
        device.buffer(items * self.program.outputs * Field::Fp.words())
    }
}

impl Machine {
    /// Uploads the constants.
    pub fn new(device: &Device) -> Result<Self, DeviceError> {
        Ok(Self { constants: device.upload(&constants(device.family))?, programs: Mutex::default() })
    }

    /// The program of a name, written and uploaded when it is first needed.
    pub fn program(
        &self,
        device: &Device,
        name: impl Into<String>,
        write: impl FnOnce() -> Program,
    ) -> Result<Arc<Loaded>, DeviceError> {
        let name = name.into();
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = programs.get(&name) {
            return Ok(known.clone());
        }
        let loaded = Arc::new(Loaded::new(device, write())?);
        programs.insert(name, loaded.clone());
        Ok(loaded)
    }

    /// Runs a program on `items` items.
    pub fn run(
        &self,
        work: &mut Work<'_>,
        loaded: &Loaded,
        items: usize,
        input: &Buffer,
        output: &Buffer,
    ) -> Result<(), DeviceError> {
        let Loaded { program, code } = loaded;
        let size = SIZES.into_iter().find(|&size| size >= program.registers).unwrap_or(program.registers);
        let buffers = [code, &self.constants, input, output];
        work.run(Stage::Program(size), items, program.code.len() as u64, &buffers, |span| ProgramJob {
            items: items as u32,
            first: span.first,
            steps: program.code.len() as u32,
            inputs: program.inputs as u32,
            outputs: program.outputs as u32,
            width: span.width,
        })
    }
}
