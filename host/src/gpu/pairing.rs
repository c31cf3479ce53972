//! Miller loops of many pairs at once, and their product.

use super::batch::Machine;
use super::device::Work;
use super::elements::{fq, words};
use crate::error::DeviceError;
use crate::point::{G1, G2};
use arblast_kernels::Field;
use arblast_kernels::programs::pairing::{INPUT, STATE, add, double, end, product, start};
use arblast_kernels::programs::tower::Fp12;
use ark_bls12_381::{Fq2, Fq6, Fq12};
use ark_ec::AffineRepr as _;
use ark_ec::models::bls12::Bls12Config as _;
use ark_ff::Field as _;

/// Words of an element of Fp12.
const EACH: usize = Fp12::ELEMENTS * Field::Fp.words();

/// Bytes of a pair's state, the largest of what it reads and writes.
pub(super) const BYTES: usize = 4 * STATE * Field::Fp.words();

/// Π f(Pᵢ, Qᵢ), up to factors in Fp that the final exponentiation sends to 1: the answer keeps the kernel's form.
pub(super) fn miller_loop(work: &mut Work<'_>, machine: &Machine, pairs: &[(G1, G2)]) -> Result<Fq12, DeviceError> {
    let device = work.device;
    let mut input = Vec::with_capacity(pairs.len() * INPUT * Field::Fp.words());
    let mut count = 0;
    for (p, q) in pairs.iter().filter(|(p, q)| !p.affine().is_zero() && !q.affine().is_zero()) {
        input.extend(words(&[p.into_affine()]));
        input.extend(words(&[q.into_affine()]));
        count += 1;
    }
    if count == 0 {
        return Ok(Fq12::ONE);
    }
    let input = device.upload(&input)?;
    let start = machine.program(device, "pairing start", start)?;
    let double = machine.program(device, "pairing double", double)?;
    let add = machine.program(device, "pairing add", add)?;
    let end = machine.program(device, "pairing end", end)?;
    let product = machine.program(device, "pairing product", product)?;
    let state = double.outputs(device, count)?;
    machine.run(work, &start, count, &input, &state)?;
    let seed = ark_bls12_381::Config::X[0];
    for bit in (0..seed.ilog2()).rev() {
        machine.run(work, &double, count, &input, &state)?;
        if seed >> bit & 1 == 1 {
            machine.run(work, &add, count, &input, &state)?;
        }
    }
    // A tree of products; an odd one out goes to the next level as it is.
    let mut factors = end.outputs(device, count)?;
    machine.run(work, &end, count, &state, &factors)?;
    while count > 1 {
        let next = device.buffer(count.div_ceil(2) * EACH)?;
        machine.run(work, &product, count / 2, &factors, &next)?;
        if count % 2 == 1 {
            work.copy(&factors, (count - 1) * EACH, &next, count / 2 * EACH, EACH);
        }
        factors = next;
        count = count.div_ceil(2);
    }
    let words = work.download(&factors, EACH)?;
    Ok(element(&words))
}

fn element(words: &[u32]) -> Fq12 {
    let mut elements = words.chunks_exact(Field::Fp.words()).map(fq);
    let mut next = || elements.next().unwrap_or_default();
    let mut two = || Fq2::new(next(), next());
    let mut six = || Fq6::new(two(), two(), two());
    let (c0, c1) = (six(), six());
    Fq12::new(c0, c1)
}
