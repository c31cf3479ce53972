//! Transforms over Fr on the device, by decimation in frequency.
//!
//! A transform is linear, so the values keep the host's Montgomery form and only the roots are in the kernel's.
//!
//! # Cut transforms
//!
//! More values than a kernel can bind lie in parts: n = P·M values in P buffers of M, powers of two. With j = q·M + i and
//! k = s + P·t,
//!
//! ω^(jk) = ω_P^(qs) · ω^(is) · ω_M^(it), where ω_P = ω^M and ω_M = ω^P,
//!
//! so that the transform is (Bailey, "FFTs in external or hierarchical memory", 1990):
//! 1. at each place i a transform of P values, one of each part: levels between pairs of parts. It leaves the values of s
//!    in part q = s in bit-reversed order;
//! 2. in each part a multiplication by (ω^s)^i, and
//! 3. a transform of M values. Its results are those of s, s + P, s + 2P, …, which the host puts there.
//!
//! All parts are on the device at once: a transform that its memory does not hold ends in
//! [`DeviceError::OutOfMemory`].

use super::device::{Device, Work};
use super::elements::{fr, words};
use crate::backend::NttKind;
use crate::error::DeviceError;
use arblast_kernels::layout::{AcrossJob, ButterflyJob, ScaleJob};
use arblast_kernels::{Family, Field, Stage};
use ark_bls12_381::Fr;
use ark_ff::{FftField as _, Field as _};
use wgpu::Buffer;

/// Words of a value.
const EACH: usize = Field::Fr.words();
/// Bytes of a value.
const BYTES: usize = 4 * EACH;
/// Operations of a butterfly, with its traffic.
const BUTTERFLY: u64 = 6;
/// log2 of the values of a part at most: kernels count words in 32 bits.
const MOST: u32 = 28;

/// first·stepⁱ for i below `count`, in the kernel's form.
fn powers(first: Fr, step: Fr, count: usize, family: Family) -> Vec<u32> {
    // The powers in the kernel's form times 1/2^256 in arkworks': the limbs of `power` are then power·radix.
    let two = Fr::from(2u64);
    let mut power = first * two.pow([u64::from(Field::Fr.radix_bits(family))]) / two.pow([256u64]);
    let mut powers = Vec::with_capacity(count);
    for _ in 0..count {
        powers.push(power);
        power *= step;
    }
    words(&powers)
}

/// The root of unity of a transform of 2^`log` values.
fn root(log: u32, inverse: bool) -> Result<Fr, DeviceError> {
    let n = 1u64.checked_shl(log).ok_or(DeviceError::Unsupported)?;
    let root = Fr::get_root_of_unity(n).ok_or(DeviceError::Unsupported)?;
    Ok(if inverse { root.inverse().unwrap_or_default() } else { root })
}

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
        let count = 1usize << log.saturating_sub(1);
        let powers = powers(Fr::ONE, root(log, inverse)?, count, device.family);
        Ok(Self { log, inverse, buffer: device.upload(&powers)? })
    }
}

/// log2 of the values of a part, for a transform of `values`: all of them, if they fit a binding.
///
/// # Errors
/// [`DeviceError::OutOfMemory`] where a binding holds no value.
pub(super) fn part(device: &Device, values: usize) -> Result<u32, DeviceError> {
    let fits = device.fitting(BYTES).checked_ilog2().ok_or_else(|| {
        DeviceError::OutOfMemory(format!("kernels bind at most {} bytes, too few for a transform", device.largest))
    })?;
    Ok(values.ilog2().min(fits).min(MOST))
}

/// The transform of `values`, a power of two of them, in parts as long as `roots` are for (see [`part`]).
pub(super) fn transform(
    work: &mut Work<'_>,
    roots: &Roots,
    values: &[Fr],
    kind: NttKind,
) -> Result<Vec<Fr>, DeviceError> {
    let device = work.device;
    let (n, log, each) = (values.len(), values.len().ilog2(), 1usize << roots.log);
    let (count, one) = (n / each, Fr::ONE);
    let mut parts = Vec::with_capacity(count);
    for (q, part) in values.chunks_exact(each).enumerate() {
        let mut data = device.upload(&words(part))?;
        if let (Some(offset), false) = (kind.coset, kind.inverse) {
            data = scale(work, &data, roots.log, false, (offset, offset.pow([(q * each) as u64])))?;
        }
        if count > 1 {
            // What an upload and a scaling take besides is free again before the next part.
            work.finish()?;
        }
        parts.push(data);
    }
    across(work, &parts, roots)?;
    let omega = root(log, roots.inverse)?;
    let inverse = |x: Fr| x.inverse().unwrap_or_default();
    let (base, factor) = match kind {
        NttKind { inverse: true, coset } => (coset.map_or(one, inverse), inverse(Fr::from(n as u64))),
        NttKind { inverse: false, .. } => (one, one),
    };
    let mut out = vec![Fr::default(); n];
    for (q, mut data) in parts.into_iter().enumerate() {
        let s = reversed(q, log - roots.log);
        if s != 0 {
            data = scale(work, &data, roots.log, false, (omega.pow([s as u64]), one))?;
        }
        for level in (0..roots.log).rev() {
            work.run(Stage::Butterfly, each / 2, BUTTERFLY, &[&roots.buffer, &data], |span| ButterflyJob {
                pairs: (each / 2) as u32,
                half: 1 << level,
                first: span.first,
                width: span.width,
            })?;
        }
        let by = (base.pow([count as u64]), factor * base.pow([s as u64]));
        let data = scale(work, &data, roots.log, true, by)?;
        let words = work.download(&data, each * EACH)?;
        for (value, words) in out[s..].iter_mut().step_by(count).zip(words.chunks_exact(EACH)) {
            *value = fr(words);
        }
    }
    Ok(out)
}

/// The lowest `bits` bits of `index` in reversed order.
fn reversed(index: usize, bits: u32) -> usize {
    index.reverse_bits().checked_shr(usize::BITS - bits).unwrap_or(0)
}

/// At each place the transform of the parts' values, in bit-reversed order.
fn across(work: &mut Work<'_>, parts: &[Buffer], within: &Roots) -> Result<(), DeviceError> {
    if parts.len() < 2 {
        return Ok(());
    }
    let values = 1usize << within.log;
    let roots = Roots::new(work.device, parts.len().ilog2(), within.inverse)?;
    for level in (0..roots.log).rev() {
        let half = 1 << level;
        for lower in (0..parts.len()).filter(|part| part & half == 0) {
            // ω_(2·half)^(lower mod half).
            let root = lower % half * (parts.len() / (2 * half));
            let buffers = [&roots.buffer, &parts[lower], &parts[lower + half]];
            work.run(Stage::Across, values, BUTTERFLY, &buffers, |span| AcrossJob {
                values: values as u32,
                root: root as u32,
                first: span.first,
                width: span.width,
            })?;
        }
    }
    Ok(())
}

/// valueᵢ·factor·baseⁱ of 2^`log` values, read in bit-reversed order if `reverse`.
fn scale(
    work: &mut Work<'_>,
    values: &Buffer,
    log: u32,
    reverse: bool,
    (base, factor): (Fr, Fr),
) -> Result<Buffer, DeviceError> {
    let (device, n) = (work.device, 1usize << log);
    let split = log / 2;
    let mut tables = powers(Fr::ONE, base, 1 << split, device.family);
    tables.extend(powers(factor, base.pow([1u64 << split]), 1 << (log - split), device.family));
    let (tables, out) = (device.upload(&tables)?, device.buffer(n * EACH)?);
    work.run(Stage::Scale, n, BUTTERFLY, &[&tables, values, &out], |span| ScaleJob {
        values: n as u32,
        split,
        reverse: if reverse { log } else { 0 },
        first: span.first,
        width: span.width,
    })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_reversed() {
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(|i| reversed(i, 3)), [0, 4, 2, 6, 1, 5, 3, 7]);
        assert_eq!((reversed(0, 0), reversed(1, 1)), (0, 1));
    }
}
