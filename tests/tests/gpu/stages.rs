//! Each stage on words, against its meaning.

use super::number::{edges, from_kernel, host_words, is_below_twice, kernel_words, residue};
use super::{Checked, on_stages};
use arblast::gpu::Family;
use arblast::gpu::stages::Stages;
use arblast_kernels::layout::{AccumulateJob, AcrossJob, ButterflyJob, DigitsJob, ScaleJob, ScanJob};
use arblast_kernels::machine::Program;
use arblast_kernels::programs::curve::{accumulation, further_reduction, identity, reduction};
use arblast_kernels::{Field, Group, Stage};
use arblast_tests::random::{Random, edge_members, edge_scalars};
use ark_bls12_381::{Fq, Fq2, Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::Affine;
use ark_ff::{Field as _, Zero as _};
use libtest_mimic::Trial;
use std::collections::BTreeMap;

pub fn trials(family: Family) -> Vec<Trial> {
    vec![
        on_stages("stages::digits", family, digits),
        on_stages("stages::scan", family, scan),
        on_stages("stages::scatter", family, scatter),
        on_stages("stages::accumulate-g1", family, accumulate::<G1Affine>),
        on_stages("stages::accumulate-g2", family, accumulate::<G2Affine>),
        on_stages("stages::reduce-g1", family, reduce::<G1Affine>),
        on_stages("stages::reduce-g2", family, reduce::<G2Affine>),
        on_stages("stages::butterfly", family, butterfly),
        on_stages("stages::across", family, across),
        on_stages("stages::scale", family, scale),
    ]
}

fn run<J: bytemuck::Pod>(
    stages: &Stages,
    stage: Stage,
    items: usize,
    buffers: &[&[u32]],
    job: impl Fn(u32, u32) -> J,
) -> Result<Vec<Vec<u32>>, String> {
    let answer = stages.run(stage, items, buffers, |span| job(span.first, span.width));
    answer.map_err(|error| format!("{}: {error}", stage.name()))
}

/// The scalar is Σ dᵢ·2^(bits·i), every |dᵢ| at most 2^(bits − 1), and every bucket's count is right.
fn digits(stages: &Stages) -> Checked {
    let mut random = Random::new("gpu digits");
    for bits in [3usize, 5, 8, 13, 16] {
        let (windows, half) = (256usize.div_ceil(bits), 1u64 << (bits - 1));
        let mut scalars = edge_scalars();
        // A window at, below and above its half, alone and with all above it full.
        for digit in [half - 1, half, half + 1, 2 * half - 1] {
            let low = Fr::from(digit);
            scalars.extend([low, low * Fr::from(2u64).pow([bits as u64]), low - Fr::from(2 * half)]);
        }
        scalars.extend(random.scalars(100));
        let n = scalars.len();
        let words: Vec<u32> = scalars.iter().flat_map(|s| host_words(Field::Fr, *s)).collect();
        let (empty, counts) = (vec![0; n * windows], vec![0; windows * half as usize]);
        let out = run(stages, Stage::Digits, n, &[&words, &empty, &counts], |first, width| DigitsJob {
            scalars: n as u32,
            bits: bits as u32,
            windows: windows as u32,
            first,
            width,
        })?;
        let mut expected = counts;
        for (i, scalar) in scalars.iter().enumerate() {
            let mut sum = Fr::zero();
            for window in (0..windows).rev() {
                let digit = out[1][window * n + i];
                let size = u64::from(digit & 0x7fff_ffff);
                if size > half || digit == 0x8000_0000 {
                    return Err(format!("digit {digit:#x} of {scalar} in windows of {bits} bits"));
                }
                let value = Fr::from(size);
                sum = sum * Fr::from(1u64 << bits) + if digit >> 31 == 1 { -value } else { value };
                if size > 0 {
                    expected[window * half as usize + size as usize - 1] += 1;
                }
            }
            if sum != *scalar {
                return Err(format!("the digits of {scalar} in windows of {bits} bits are those of {sum}"));
            }
        }
        if out[2] != expected {
            return Err(format!("the counts for windows of {bits} bits"));
        }
    }
    Ok(())
}

fn scan(stages: &Stages) -> Checked {
    for n in [1usize, 7, 8, 9, 2047, 2048, 2049, 5000] {
        let values: Vec<u32> = (0..n as u32).map(|i| i * 7 % 13).collect();
        let blocks = n.div_ceil(2048);
        let out = run(stages, Stage::Scan, blocks * 256, &[&values, &vec![0; blocks]], |first, width| ScanJob {
            values: n as u32,
            first,
            width,
        })?;
        for (block, part) in values.chunks(2048).enumerate() {
            let mut sum = 0;
            for (i, value) in part.iter().enumerate() {
                if out[0][2048 * block + i] != sum {
                    return Err(format!("{n} values: the sum before value {i} of block {block}"));
                }
                sum += value;
            }
            if out[1][block] != sum {
                return Err(format!("{n} values: the total of block {block}"));
            }
        }
    }
    Ok(())
}

/// All entries are there, in order of their keys.
fn scatter(stages: &Stages) -> Checked {
    let mut random = Random::new("gpu scatter");
    // 2,560 keys: more than a block.
    let (bits, windows, n) = (9usize, 10usize, 500usize);
    let half = 1usize << (bits - 1);
    let digit = |random: &mut Random, i: usize| match i % 5 {
        0 => 0,
        1 => half as u32,
        _ => (1 + random.below(half)) as u32 | ((random.below(2) as u32) << 31),
    };
    let digits: Vec<u32> = (0..windows * n).map(|i| digit(&mut random, i)).collect();
    let mut expected: Vec<[u32; 2]> = Vec::new();
    let mut counts = vec![0u32; windows * half];
    for (at, digit) in digits.iter().enumerate().filter(|(_, digit)| **digit != 0) {
        let key = (at / n * half) as u32 + (digit & 0x7fff_ffff) - 1;
        counts[key as usize] += 1;
        expected.push([key, (at % n) as u32 | digit & 0x8000_0000]);
    }
    let (mut offsets, mut blocks) = (Vec::new(), vec![0u32]);
    for block in counts.chunks(2048) {
        let mut sum = 0;
        for count in block {
            offsets.push(sum);
            sum += count;
        }
        blocks.push(blocks[blocks.len() - 1] + sum);
    }
    let out =
        run(stages, Stage::Scatter, n, &[&digits, &offsets, &blocks, &vec![0; 2 * windows * n]], |first, width| {
            DigitsJob { scalars: n as u32, bits: bits as u32, windows: windows as u32, first, width }
        })?;
    let mut got: Vec<[u32; 2]> = out[3][..2 * expected.len()].chunks(2).map(|e| [e[0], e[1]]).collect();
    if !got.is_sorted_by_key(|entry| entry[0]) {
        return Err("the entries are not in order of their keys".into());
    }
    got.sort_unstable();
    expected.sort_unstable();
    if got == expected { Ok(()) } else { Err("entries are missing or wrong".into()) }
}

/// A curve of arkworks whose points stages add.
trait Curve: AffineRepr<ScalarField = Fr, BaseField: ark_ff::Field<BasePrimeField = Fq>> {
    const GROUP: Group;

    /// As the host uploads it: x and y in the host's form, zeros for the identity.
    fn affine_words(self) -> Vec<u32> {
        let Some((x, y)) = self.xy() else { return vec![0; Self::GROUP.affine_words()] };
        [x, y].iter().flat_map(|c| c.to_base_prime_field_elements()).flat_map(|e| host_words(Field::Fp, e)).collect()
    }

    /// As a kernel stores it: homogeneous, with Z = z.
    fn stored_words(self, z: Self::BaseField, family: Family) -> Vec<u32> {
        let coordinates = match self.xy() {
            Some((x, y)) => [x * z, y * z, z],
            None => [Self::BaseField::zero(), z, Self::BaseField::zero()],
        };
        let elements = coordinates.iter().flat_map(|c| c.to_base_prime_field_elements());
        elements.flat_map(|e| kernel_words(Field::Fp, family, e)).collect()
    }

    /// The point that a kernel stored; zeros are the identity.
    fn from_stored(words: &[u32], family: Family) -> Result<Self::Group, String> {
        let each = words.len() / 3;
        let coordinate = |i: usize| {
            let elements = words[i * each..(i + 1) * each].chunks(Field::Fp.words());
            Self::BaseField::from_base_prime_field_elems(elements.map(|e| from_kernel(Field::Fp, family, e)))
                .unwrap_or_default()
        };
        if !words.chunks(Field::Fp.words()).all(is_below_twice::<Fq>) {
            return Err("a coordinate is not below 2p".into());
        }
        match coordinate(2).inverse() {
            None => Ok(Self::Group::zero()),
            Some(z) => Ok(Self::with(coordinate(0) * z, coordinate(1) * z).into_group()),
        }
    }

    fn with(x: Self::BaseField, y: Self::BaseField) -> Self;
}

impl Curve for Affine<g1::Config> {
    const GROUP: Group = Group::G1;
    fn with(x: Fq, y: Fq) -> Self {
        Self::new_unchecked(x, y)
    }
}

impl Curve for Affine<g2::Config> {
    const GROUP: Group = Group::G2;
    fn with(x: Fq2, y: Fq2) -> Self {
        Self::new_unchecked(x, y)
    }
}

/// The identity, equal and opposite points, and others.
fn points<C: Curve>(random: &mut Random, count: usize) -> Vec<C> {
    let mut points: Vec<C> = edge_members::<C>().into_iter().map(|p| p.into_affine()).collect();
    points.extend(random.members::<C>(count).into_iter().map(|p| p.into_affine()));
    points
}

const NONE: u32 = u32::MAX;

/// Runs of every length around a tile's: what is in the sums and in the partial sums is together the sum of each key;
/// a key that lies in one tile leaves nothing partial; partial entries are in order.
fn accumulate<C: Curve>(stages: &Stages) -> Checked {
    let (mut random, family) = (Random::new("gpu accumulate"), stages.family());
    let points = points::<C>(&mut random, 6);
    let tile = 4;
    // Run lengths, the keys between them left out where 0. The last runs are P and -P alternating, P alone, identities.
    let lengths = [1, 1, 2, 3, 4, 5, 0, 7, 8, 9, 1, 4, 4, 16, 17, 0, 12, 13, 9];
    let mut entries: Vec<[u32; 2]> = Vec::new();
    for (key, length) in lengths.into_iter().enumerate() {
        entries.extend((0..length).map(|i| {
            let index = match key {
                16 => 1,
                17 => 3,
                18 => 0,
                _ => random.below(points.len()) as u32,
            };
            let negative = if key == 16 { i % 2 } else { random.below(2) as u32 };
            [key as u32, index | (negative << 31)]
        }));
    }
    let mut expected: BTreeMap<u32, C::Group> = BTreeMap::new();
    for [key, entry] in &entries {
        let point = points[(entry & 0x7fff_ffff) as usize].into_group();
        *expected.entry(*key).or_default() += if entry >> 31 == 1 { -point } else { point };
    }
    let (affine, z) = (points.iter().flat_map(|p| p.affine_words()).collect::<Vec<_>>(), random.field());
    let stored: Vec<u32> = points.iter().flat_map(|p| p.stored_words(z, family)).collect();
    let program = accumulation(C::GROUP);
    let each = C::GROUP.point_words();
    // Affine points and stored ones; tiles, and one tile for everything; fewer entries than the buffer holds.
    for (buffer, elements) in [(&affine, 2 * C::GROUP.coordinate()), (&stored, 3 * C::GROUP.coordinate())] {
        for per_tile in [tile, entries.len() + 3] {
            let limit = entries.len() + 3;
            let tiles = limit.div_ceil(per_tile);
            let mut flat = entries.concat();
            flat.resize(2 * limit, 7);
            let (sums, slots) = (vec![0; lengths.len() * each], 2 * tiles);
            let buffers: [&[u32]; 7] = [
                &program.code,
                &[entries.len() as u32, 0, 0, 0],
                &flat,
                buffer,
                &sums,
                &vec![0; 2 * slots],
                &vec![0; slots * each],
            ];
            let out = run(stages, Stage::Accumulate(C::GROUP), tiles, &buffers, |first, width| AccumulateJob {
                steps: program.code.len() as u32,
                per_tile: per_tile as u32,
                tiles: tiles as u32,
                first,
                width,
                elements: elements as u32,
                limit: limit as u32,
                last: u32::from(tiles == 1),
            })?;
            let case = |key: u32| format!("key {key}, tiles of {per_tile}, {elements} elements a point");
            let mut got: BTreeMap<u32, C::Group> = BTreeMap::new();
            for (key, words) in out[4].chunks(each).enumerate() {
                *got.entry(key as u32).or_default() += C::from_stored(words, family)?;
            }
            let mut before = 0;
            for (slot, entry) in out[5].chunks(2).enumerate().filter(|(_, entry)| tiles > 1 && entry[0] != NONE) {
                if entry[0] < before || entry[1] != slot as u32 {
                    return Err(format!("partial entry {entry:?} in slot {slot} after key {before}"));
                }
                before = entry[0];
                let run = entries.iter().position(|e| e[0] == before).unwrap_or(0);
                if run / per_tile == (run + lengths[before as usize] as usize - 1) / per_tile {
                    return Err(format!("{} lies in one tile and is partial", case(before)));
                }
                *got.entry(before).or_default() += C::from_stored(&out[6][slot * each..(slot + 1) * each], family)?;
            }
            for (key, length) in lengths.into_iter().enumerate() {
                let key = key as u32;
                let sum = expected.get(&key).copied().unwrap_or_default();
                if got.get(&key).copied().unwrap_or_default() != sum {
                    return Err(format!("the sum of {}, of {length} points", case(key)));
                }
            }
        }
    }
    Ok(())
}

/// Sums and weighted sums of buckets, and of such sums, level by level.
fn reduce<C: Curve>(stages: &Stages) -> Checked {
    let (mut random, family) = (Random::new("gpu reduce"), stages.family());
    let (windows, buckets, each) = (3usize, 64usize, C::GROUP.point_words());
    let points = points::<C>(&mut random, 8);
    let all: Vec<C> = (0..windows * buckets)
        .map(|i| match i / buckets {
            // Equal points, then equal and opposite ones, then any.
            0 => points[1],
            1 => points[1 + i % 2],
            _ => points[random.below(points.len())],
        })
        .collect();
    let run = |program: &Program, items: usize, words: &[u32]| {
        stages.program(program, items, words, &vec![0; items * 2 * each]).map_err(|error| error.to_string())
    };
    let mut words: Vec<u32> = all.iter().flat_map(|p| p.stored_words(random.field(), family)).collect();
    let mut done = 1;
    for (arity, program) in [
        (4usize, reduction(C::GROUP, 4)),
        (16, further_reduction(C::GROUP, 16, 2)),
        (1, further_reduction(C::GROUP, 1, 6)),
    ] {
        done *= arity;
        words = run(&program, windows * buckets / done, &words)?;
        for (index, sums) in words.chunks(2 * each).enumerate() {
            let buckets = &all[index * done..(index + 1) * done];
            let sum: C::Group = buckets.iter().map(|p| p.into_group()).sum();
            let weighted: C::Group = buckets.iter().enumerate().map(|(j, p)| p.mul_bigint([j as u64 + 1])).sum();
            if C::from_stored(&sums[..each], family)? != sum || C::from_stored(&sums[each..], family)? != weighted {
                return Err(format!("item {index} of {done} buckets"));
            }
        }
    }
    // Where nothing was stored there is the identity.
    let identities = stages.program(&identity(C::GROUP), 5, &[0; 4], &vec![7; 5 * each]).map_err(|e| e.to_string())?;
    match identities.chunks(each).all(|words| words == C::zero().stored_words(C::BaseField::ONE, family)) {
        true => Ok(()),
        false => Err("the identity".into()),
    }
}

/// One level: (a + b, (a − b)·w) for every pair.
fn butterfly(stages: &Stages) -> Checked {
    let (mut random, family) = (Random::new("gpu butterfly"), stages.family());
    let mut values = edges::<Fr>(&mut random, 40);
    values.truncate(values.len() / 2 * 2);
    let each = Field::Fr.words();
    let n = values.len().next_power_of_two();
    values.extend((values.len()..n).map(|_| host_words(Field::Fr, random.field::<Fr>())));
    let roots = random.scalars(n / 2);
    let root_words: Vec<u32> = roots.iter().flat_map(|w| kernel_words(Field::Fr, family, *w)).collect();
    for half in [1, 2, n / 4, n / 2] {
        let out = run(stages, Stage::Butterfly, n / 2, &[&root_words, &values.concat()], |first, width| {
            ButterflyJob { pairs: (n / 2) as u32, half: half as u32, first, width }
        })?;
        let value = |i: usize| residue::<Fr>(&out[1][i * each..(i + 1) * each]);
        for i in (0..n).filter(|i| i / half % 2 == 0) {
            let (a, b): (Fr, Fr) = (residue(&values[i]), residue(&values[i + half]));
            let root = roots[i % half * (n / 2 / half)];
            if (value(i), value(i + half)) != (a + b, (a - b) * root) {
                return Err(format!("the pair of {i} at the distance {half}"));
            }
        }
        if !out[1].chunks(each).all(is_below_twice::<Fr>) {
            return Err("a value is not below 2r".into());
        }
    }
    Ok(())
}

/// (x + y, (x − y)·w) at each place of two buffers, with each of the roots.
fn across(stages: &Stages) -> Checked {
    let (mut random, family) = (Random::new("gpu across"), stages.family());
    // More than a workgroup, and no multiple of it.
    let lower = edges::<Fr>(&mut random, 40);
    let upper: Vec<_> = lower.iter().rev().cloned().collect();
    let (n, each) = (lower.len(), Field::Fr.words());
    let roots = random.scalars(3);
    let root_words: Vec<u32> = roots.iter().flat_map(|w| kernel_words(Field::Fr, family, *w)).collect();
    for (index, root) in roots.iter().enumerate() {
        let buffers: [&[u32]; 3] = [&root_words, &lower.concat(), &upper.concat()];
        let out = run(stages, Stage::Across, n, &buffers, |first, width| AcrossJob {
            values: n as u32,
            root: index as u32,
            first,
            width,
        })?;
        for i in 0..n {
            let (x, y): (Fr, Fr) = (residue(&lower[i]), residue(&upper[i]));
            let value = |buffer: &[u32]| residue::<Fr>(&buffer[i * each..(i + 1) * each]);
            if (value(&out[1]), value(&out[2])) != (x + y, (x - y) * root) {
                return Err(format!("the values at place {i} with root {index}"));
            }
        }
        if !out[1..].iter().all(|buffer| buffer.chunks_exact(each).all(is_below_twice::<Fr>)) {
            return Err("a value is not below 2r".into());
        }
    }
    Ok(())
}

/// Products with two tables, in order and in bit-reversed order; the results are below r.
fn scale(stages: &Stages) -> Checked {
    let (mut random, family) = (Random::new("gpu scale"), stages.family());
    let (log, split, each) = (7u32, 3u32, Field::Fr.words());
    let n = 1usize << log;
    let mut values = edges::<Fr>(&mut random, 40);
    values.extend((values.len()..n).map(|_| host_words(Field::Fr, random.field::<Fr>())));
    values.truncate(n);
    let tables = random.scalars((1 << split) + (1 << (log - split)));
    let table_words: Vec<u32> = tables.iter().flat_map(|w| kernel_words(Field::Fr, family, *w)).collect();
    for reverse in [0, log] {
        let buffers: [&[u32]; 3] = [&table_words, &values.concat(), &vec![0; n * each]];
        let out = run(stages, Stage::Scale, n, &buffers, |first, width| ScaleJob {
            values: n as u32,
            split,
            reverse,
            first,
            width,
        })?;
        for (i, words) in out[2].chunks(each).enumerate() {
            let source = if reverse == 0 { i } else { i.reverse_bits() >> (usize::BITS - log) };
            let (low, high) = (tables[i & ((1 << split) - 1)], tables[(1 << split) + (i >> split)]);
            let expected = residue::<Fr>(&values[source]) * low * high;
            if words != super::number::plain_words(expected) {
                return Err(format!("value {i}, reverse {reverse}"));
            }
        }
    }
    Ok(())
}
