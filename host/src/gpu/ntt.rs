//! Transforms over Fr on the device, by decimation in frequency.
//!
//! A transform is linear, so the values keep the host's Montgomery form and only the roots are in the kernel's.

use super::device::{Device, Work};
use super::elements::{fr, kernel_form, words};
use crate::backend::NttKind;
use crate::error::DeviceError;
use arblast_kernels::layout::{ButterflyJob, ScaleJob};
use arblast_kernels::{Field, Stage};
use ark_bls12_381::Fr;
use ark_ff::{FftField as _, Field as _};
use wgpu::Buffer;

/// Words of a value.
const EACH: usize = Field::Fr.words();
/// Operations of a butterfly, with its traffic.
const BUTTERFLY: u64 = 6;

/// Roots of unity on the device: ω⁰ … ω^(n/2 − 1) for one length and direction.
pub(super) struct Roots {
    /// log2 n.
    pub log: u32,
    /// Whether they are those of the inverse.
    pub inverse: bool,
    buffer: Buffer,
}

impl Roots {
    /// Computes and uploads them.
    pub fn new(device: &Device, log: u32, inverse: bool) -> Result<Self, DeviceError> {
        let root = Fr::get_root_of_unity(1 << log).ok_or(DeviceError::Unsupported)?;
        let root = if inverse { root.inverse().unwrap_or_default() } else { root };
        let count = 1usize << log.saturating_sub(1);
        let radix = Fr::from(2u64).pow([u64::from(Field::Fr.radix_bits(device.family))]);
        // The powers in the kernel's form times 1/2^256 in arkworks': the limbs of `power` are then power·radix.
        let host = Fr::from(2u64).pow([256u64]).inverse().unwrap_or_default();
        let mut power = radix * host;
        let mut powers = Vec::with_capacity(count);
        for _ in 0..count {
            powers.push(power);
            power *= root;
        }
        Ok(Self { log, inverse, buffer: device.upload(&words(&powers))? })
    }
}

/// The transform of `values`, a power of two of them whose words fit a binding.
pub(super) fn transform(
    work: &mut Work<'_>,
    roots: &Roots,
    values: &[Fr],
    kind: NttKind,
) -> Result<Vec<Fr>, DeviceError> {
    let device = work.device;
    let (n, log) = (values.len(), roots.log);
    let mut data = device.upload(&words(values))?;
    let one = Fr::ONE;
    if let (Some(offset), false) = (kind.coset, kind.inverse) {
        data = scale(work, &data, n, log, 0, (offset, one))?;
    }
    for level in (0..log).rev() {
        work.run(Stage::Butterfly, n / 2, BUTTERFLY, &[&roots.buffer, &data], |span| ButterflyJob {
            pairs: (n / 2) as u32,
            half: 1 << level,
            first: span.first,
            width: span.width,
        })?;
    }
    let inverse = |x: Fr| x.inverse().unwrap_or_default();
    let (base, factor) = match kind {
        NttKind { inverse: true, coset } => (coset.map_or(one, inverse), inverse(Fr::from(n as u64))),
        NttKind { inverse: false, .. } => (one, one),
    };
    let data = scale(work, &data, n, log, log, (base, factor))?;
    Ok(work.download(&data, n * EACH)?.chunks_exact(EACH).map(fr).collect())
}

/// valueᵢ·factor·baseⁱ, read in bit-reversed order where `reverse` is log2 n.
fn scale(
    work: &mut Work<'_>,
    values: &Buffer,
    n: usize,
    log: u32,
    reverse: u32,
    (base, factor): (Fr, Fr),
) -> Result<Buffer, DeviceError> {
    let device = work.device;
    let split = log / 2;
    let table = |mut power: Fr, step: Fr, count: usize| {
        let mut out = Vec::with_capacity(count * EACH);
        for _ in 0..count {
            out.extend(kernel_form(power, Field::Fr, device.family));
            power *= step;
        }
        out
    };
    let mut tables = table(Fr::ONE, base, 1 << split);
    tables.extend(table(factor, base.pow([1u64 << split]), 1 << (log - split)));
    let (tables, out) = (device.upload(&tables)?, device.buffer(n * EACH)?);
    work.run(Stage::Scale, n, BUTTERFLY, &[&tables, values, &out], |span| ScaleJob {
        values: n as u32,
        split,
        reverse,
        first: span.first,
        width: span.width,
    })?;
    Ok(out)
}
