//! Sums and multi-scalar multiplications on the device.
//!
//! An MSM is: scalars to signed digits; digits sorted by bucket (count, prefix sums, scatter); sums of the runs of equal
//! buckets by tiles of fixed length, repeated on what tiles share; buckets to windows by running sums, sixteen to one,
//! level by level. The CPU joins the windows: Σ 2^(c·w)·S_w. Nothing in it depends on how scalars or points are spread,
//! and every addition is complete.

use super::batch::{Loaded, Machine};
use super::device::{Device, Work};
use super::elements::{Curve, words};
use crate::backend::IndexLists;
use crate::error::DeviceError;
use arblast_kernels::layout::{AccumulateJob, DigitsJob, ScanJob};
use arblast_kernels::programs::curve;
use arblast_kernels::{Field, Group, Stage};
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup as _, Zero as _};
use std::sync::Arc;
use wgpu::Buffer;

/// Entries that an invocation adds.
const TILE: usize = 16;
/// Buckets, or sums of buckets, that an invocation reduces to one.
const ARITY: usize = 16;
/// Values of a block of prefix sums.
const BLOCK: usize = 2048;
/// Entries of one pass at most, so that its buffers take less than a gigabyte.
const MOST_ENTRIES: usize = 1 << 24;

/// Points in a buffer: affine and in the host's form, or homogeneous.
pub(super) struct Points<'a> {
    pub buffer: &'a Buffer,
    /// Field elements of a point.
    pub elements: usize,
}

/// Entries (key, point) in order of their keys.
struct Entries<'a> {
    buffer: &'a Buffer,
    /// How many, in a buffer.
    total: &'a Buffer,
    /// The most there can be.
    limit: usize,
}

/// The program that accumulates.
fn adder(machine: &Machine, group: Group, device: &Device) -> Result<Arc<Loaded>, DeviceError> {
    machine.program(device, format!("accumulation {group:?}"), || curve::accumulation(group))
}

/// Sums of runs of entries, into the slots of `sums` that the keys name.
fn accumulate(
    work: &mut Work<'_>,
    adder: &Loaded,
    group: Group,
    entries: &Entries<'_>,
    points: &Points<'_>,
    sums: &Buffer,
) -> Result<(), DeviceError> {
    let device = work.device;
    let cost = (TILE * adder.program.code.len()) as u64;
    let one = device.upload(&[0; 4])?;
    // What is carried from level to level: partial sums, their entries, and how many.
    let mut level: Option<(Buffer, Buffer, Buffer, usize)> = None;
    loop {
        let (buffer, total, limit) = match &level {
            None => (entries.buffer, entries.total, entries.limit),
            Some((entries, _, total, limit)) => (entries, total, *limit),
        };
        let source = level.as_ref().map_or(points.buffer, |(_, points, ..)| points);
        let elements = if level.is_some() { 3 * group.coordinate() } else { points.elements };
        let tiles = limit.div_ceil(TILE);
        let last = tiles <= 1;
        let slots = if last { 0 } else { 2 * tiles };
        let next = (
            if last { one.clone() } else { device.buffer(2 * slots)? },
            if last { device.buffer(4)? } else { device.buffer(slots * group.point_words())? },
            device.upload(&[slots as u32, 0, 0, 0])?,
            slots,
        );
        work.run(
            Stage::Accumulate(group),
            tiles,
            cost,
            &[&adder.code, total, buffer, source, sums, &next.0, &next.1],
            |span| AccumulateJob {
                steps: adder.program.code.len() as u32,
                per_tile: TILE as u32,
                tiles: tiles as u32,
                first: span.first,
                width: span.width,
                elements: elements as u32,
                limit: limit as u32,
                last: u32::from(last),
            },
        )?;
        if last {
            return Ok(());
        }
        level = Some(next);
    }
}

/// The sum of each list's points, in pieces whose buffers fit.
pub(super) fn sums<C: Curve>(
    work: &mut Work<'_>,
    machine: &Machine,
    points: &[C],
    lists: &IndexLists,
) -> Result<Vec<C::Group>, DeviceError> {
    let (device, group) = (work.device, C::GROUP);
    let mut sums = vec![C::Group::zero(); lists.len()];
    if lists.indices().is_empty() {
        return Ok(sums);
    }
    let adder = adder(machine, group, device)?;
    // All points once, or for each piece those that it names.
    let all = match points.len() <= device.fitting(4 * group.affine_words()).min(4 * lists.indices().len()) {
        true => Some(affine(device, points)?),
        false => None,
    };
    let most = device.fitting(entry_bytes(group).max(4 * group.affine_words())).clamp(1, MOST_ENTRIES);
    let keys = device.fitting(4 * group.point_words()).max(1);
    let mut piece: Vec<(usize, u32)> = Vec::new();
    let mut add = |work: &mut Work<'_>, piece: &mut Vec<(usize, u32)>| {
        let Some(&(first, _)) = piece.first() else { return Ok(()) };
        let named: Vec<C>;
        let gathered;
        let buffer = match &all {
            Some(buffer) => buffer,
            None => {
                named = piece.iter().map(|(_, index)| points[*index as usize]).collect();
                gathered = affine(device, &named)?;
                &gathered
            }
        };
        let point = |at: usize, index: u32| if all.is_some() { index } else { at as u32 };
        let entries: Vec<u32> =
            piece.iter().enumerate().flat_map(|(at, (key, index))| [(key - first) as u32, point(at, *index)]).collect();
        let count = piece.last().map_or(0, |(key, _)| key - first + 1);
        let source = Points { buffer, elements: 2 * group.coordinate() };
        let partial = sums_of_entries(work, &adder, group, &entries, &source, count)?;
        for (sum, words) in sums[first..].iter_mut().zip(partial.chunks_exact(group.point_words())) {
            *sum += C::from_homogeneous(words);
        }
        piece.clear();
        Ok::<(), DeviceError>(())
    };
    for (key, list) in lists.iter().enumerate() {
        for &index in list {
            if piece.len() == most || piece.first().is_some_and(|(first, _)| key - first >= keys) {
                add(work, &mut piece)?;
            }
            piece.push((key, index));
        }
    }
    add(work, &mut piece)?;
    Ok(sums)
}

/// The sums, as words, of entries (key, point) whose keys begin at 0 and are below `keys`.
fn sums_of_entries(
    work: &mut Work<'_>,
    adder: &Loaded,
    group: Group,
    entries: &[u32],
    points: &Points<'_>,
    keys: usize,
) -> Result<Vec<u32>, DeviceError> {
    let (device, count) = (work.device, entries.len() / 2);
    let (buffer, total) = (device.upload(entries)?, device.upload(&[count as u32, 0, 0, 0])?);
    let sums = device.buffer(keys * group.point_words())?;
    accumulate(work, adder, group, &Entries { buffer: &buffer, total: &total, limit: count }, points, &sums)?;
    work.download(&sums, keys * group.point_words())
}

/// Bytes of the largest buffer that grows with the entries: these themselves, or partial sums, two for each tile.
fn entry_bytes(group: Group) -> usize {
    (2 * 4 * group.point_words()).div_ceil(TILE).max(8) + 1
}

/// How an MSM is cut: points of a pass, and bits of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Points of one pass.
    pub chunk: usize,
    bits: usize,
}

impl Plan {
    /// The plan with the least work for `points` points, in which a bucket costs two additions and every buffer fits.
    ///
    /// # Errors
    /// [`DeviceError::OutOfMemory`] where not even the smallest plan fits.
    pub fn new(group: Group, points: usize, device: &Device) -> Result<Self, DeviceError> {
        Self::within(group, points, device.largest).ok_or_else(|| {
            DeviceError::OutOfMemory(format!("kernels bind at most {} bytes, too few for an MSM", device.largest))
        })
    }

    fn within(group: Group, points: usize, largest: u64) -> Option<Self> {
        let largest = usize::try_from(largest).unwrap_or(usize::MAX);
        let points = points.max(1);
        let plan = |bits: usize| {
            let (windows, buckets) = (windows(bits), 1 << (bits - 1));
            let entries = (largest / entry_bytes(group)).min(MOST_ENTRIES);
            let chunk = (entries / windows).min(largest / (4 * group.affine_words())).min(points);
            let fits = chunk > 0 && windows * buckets * 4 * group.point_words() <= largest;
            let work = points.div_ceil(chunk.max(1)) * windows * (chunk + 2 * buckets);
            fits.then_some((work, Self { chunk, bits }))
        };
        // Windows of 20 bits are what the kernel takes at most; more than 16 never pay.
        (3..=16).filter_map(plan).min_by_key(|(work, _)| *work).map(|(_, plan)| plan)
    }
}

/// Windows of so many bits that hold a scalar and a carry.
fn windows(bits: usize) -> usize {
    256usize.div_ceil(bits)
}

/// Σ scalarᵢ·pointᵢ over at most [`Plan::chunk`] points.
pub(super) fn msm<C: Curve<ScalarField = Fr>>(
    work: &mut Work<'_>,
    machine: &Machine,
    plan: &Plan,
    points: &Points<'_>,
    scalars: &[Fr],
) -> Result<C::Group, DeviceError> {
    if scalars.is_empty() {
        return Ok(C::Group::zero());
    }
    let (device, group) = (work.device, C::GROUP);
    let bits = plan.bits;
    let windows = windows(bits);
    let buckets = 1 << (bits - 1);
    let adder = adder(machine, group, device)?;

    let digits_job = |span: super::device::Span| DigitsJob {
        scalars: scalars.len() as u32,
        bits: bits as u32,
        windows: windows as u32,
        first: span.first,
        width: span.width,
    };
    // Digits, and the number of digits of each bucket.
    let keys = windows * buckets;
    let limit = windows * scalars.len();
    let (input, digits) = (device.upload(&words(scalars))?, device.buffer(limit)?);
    let counts = device.buffer(keys)?;
    work.run(Stage::Digits, scalars.len(), 4 * windows as u64, &[&input, &digits, &counts], digits_job)?;
    // Prefix sums in blocks, and of the blocks.
    let blocks = keys.div_ceil(BLOCK);
    let (block_sums, total) = (device.buffer(blocks)?, device.buffer(4)?);
    let scan = |work: &mut Work<'_>, values: &Buffer, count: usize, totals: &Buffer| {
        // A workgroup scans a block: 256 invocations.
        work.run(Stage::Scan, count.div_ceil(BLOCK) * 256, 8, &[values, totals], |span| ScanJob {
            values: count as u32,
            first: span.first,
            width: span.width,
        })
    };
    scan(work, &counts, keys, &block_sums)?;
    scan(work, &block_sums, blocks, &total)?;
    let entries = device.buffer(2 * limit)?;
    work.run(
        Stage::Scatter,
        scalars.len(),
        4 * windows as u64,
        &[&digits, &counts, &block_sums, &entries],
        digits_job,
    )?;
    // Buckets: identities, but for those that something falls into.
    let sums = device.buffer(keys * group.point_words())?;
    let identity = machine.program(device, format!("identity {group:?}"), || curve::identity(group))?;
    // It reads nothing.
    machine.run(work, &identity, keys, &identity.code, &sums)?;
    let entries = Entries { buffer: &entries, total: &total, limit };
    accumulate(work, &adder, group, &entries, points, &sums)?;
    let window_sums = reduce(work, machine, group, sums, windows, buckets)?;
    // Σ 2^(bits·w)·S_w, each window as (Σ B, S_w).
    let words = work.download(&window_sums, 2 * windows * group.point_words())?;
    Ok(words.chunks_exact(2 * group.point_words()).rev().fold(C::Group::zero(), |mut sum, window| {
        for _ in 0..bits {
            sum.double_in_place();
        }
        sum + C::from_homogeneous(&window[group.point_words()..])
    }))
}

/// The buckets of each window, a power of two of them, to (Σ B, Σ (j + 1)·Bⱼ): level by level, at most [`ARITY`] to one.
fn reduce(
    work: &mut Work<'_>,
    machine: &Machine,
    group: Group,
    buckets: Buffer,
    windows: usize,
    each: usize,
) -> Result<Buffer, DeviceError> {
    let (device, mut input, mut left) = (work.device, buckets, each);
    loop {
        let (arity, bits) = (left.min(ARITY), (each / left).ilog2());
        let name = format!("reduction {group:?} {arity} {bits}");
        let program = machine.program(device, name, || match bits {
            0 => curve::reduction(group, arity),
            bits => curve::further_reduction(group, arity, bits),
        })?;
        left /= arity;
        let output = program.outputs(device, windows * left)?;
        machine.run(work, &program, windows * left, &input, &output)?;
        input = output;
        if left == 1 {
            return Ok(input);
        }
    }
}

/// Affine points of the host in a buffer.
pub(super) fn affine<C: Curve>(device: &Device, points: &[C]) -> Result<Buffer, DeviceError> {
    debug_assert_eq!(size_of::<C>(), 8 * C::GROUP.coordinate() * Field::Fp.words());
    device.upload(&words(points))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every buffer of a plan fits, whatever the limit; a plan is found from the least that WebGPU promises on.
    #[test]
    fn plans_fit() {
        for group in [Group::G1, Group::G2] {
            for largest in [1u64 << 18, 1 << 20, 128 << 20, 1 << 40] {
                for points in [0, 1, 100, 1 << 16, 1 << 20, 1 << 24] {
                    let plan = Plan::within(group, points, largest).unwrap();
                    let entries = windows(plan.bits) * plan.chunk;
                    let keys = windows(plan.bits) << (plan.bits - 1);
                    let tiles = entries.div_ceil(TILE);
                    for bytes in [
                        8 * entries,
                        4 * group.affine_words() * plan.chunk,
                        4 * group.point_words() * keys,
                        4 * group.point_words() * 2 * tiles,
                    ] {
                        assert!(
                            bytes as u64 <= largest.max(4096),
                            "{group:?}, {points} points, {largest} bytes, {plan:?}"
                        );
                    }
                }
            }
            assert_eq!(Plan::within(group, 5, 1000), None);
        }
        // 2^20 points in G1, 2^19 in G2, are one pass where a kernel binds 512 MiB.
        assert_eq!(Plan::within(Group::G1, 1 << 20, 512 << 20).map(|plan| plan.chunk), Some(1 << 20));
    }
}
