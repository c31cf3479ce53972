//! What runs a program: a device, or an interpreter on the CPU that needs none.

use super::number::{plain_words, radix, residue};
use arblast::gpu::Family;
use arblast::gpu::stages::{Stages, constants};
use arblast_kernels::Field;
use arblast_kernels::machine::{Arithmetic, Program};
use ark_bls12_381::Fq;
use ark_ff::Field as _;

/// Words of an element.
pub const WORDS: usize = Field::Fp.words();

/// Runs programs.
#[derive(Clone, Copy)]
pub enum Executor<'a> {
    /// On a device.
    Device(&'a Stages),
    /// By arkworks' arithmetic, in a family's form.
    Interpreter(Family),
}

impl Executor<'_> {
    /// The family.
    pub fn family(&self) -> Family {
        match self {
            Self::Device(stages) => stages.family(),
            Self::Interpreter(family) => *family,
        }
    }

    /// The outputs of `items` items, as integers in the family's form; `state` is what the outputs are before.
    pub fn run(&self, program: &Program, items: usize, input: &[u32], state: &[u32]) -> Result<Vec<u32>, String> {
        match self {
            Self::Device(stages) => stages.program(program, items, input, state).map_err(|error| error.to_string()),
            Self::Interpreter(family) => Ok(interpret(*family, program, items, input, state)),
        }
    }

    /// The outputs of a program that reads no state.
    pub fn outputs(&self, program: &Program, items: usize, input: &[u32]) -> Result<Vec<u32>, String> {
        self.run(program, items, input, &vec![0; items * program.outputs * WORDS])
    }
}

/// Products with the inverse of R; the rest is the field's own.
struct Montgomery {
    inverse: Fq,
}

impl Arithmetic<Fq> for Montgomery {
    fn mul(&self, a: Fq, b: Fq) -> Fq {
        a * b * self.inverse
    }

    fn add(&self, a: Fq, b: Fq) -> Fq {
        a + b
    }

    fn sub(&self, a: Fq, b: Fq) -> Fq {
        a - b
    }
}

fn interpret(family: Family, program: &Program, items: usize, input: &[u32], state: &[u32]) -> Vec<u32> {
    let elements = |words: &[u32]| -> Vec<Fq> { words.chunks(WORDS).map(residue).collect() };
    let arithmetic = Montgomery { inverse: radix::<Fq>(Field::Fp, family).inverse().unwrap_or_default() };
    let (constants, input, mut state) = (elements(&constants(family)), elements(input), elements(state));
    for item in 0..items {
        let own = &input[item * program.inputs..(item + 1) * program.inputs];
        let output = &mut state[item * program.outputs..(item + 1) * program.outputs];
        program.interpret(&arithmetic, &constants, own, output, &mut vec![Fq::default(); program.registers]);
    }
    state.into_iter().flat_map(plain_words).collect()
}
