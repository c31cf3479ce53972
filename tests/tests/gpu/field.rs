//! The field's operations on raw integers below 2p, at the edges of limbs and of the reduction.

use super::executor::{Executor, WORDS};
use super::number::{edges, from_host, host_words, is_below_twice, radix, residue};
use super::{Checked, label, on_stages};
use arblast::gpu::Family;
use arblast_kernels::Field;
use arblast_kernels::machine::{Builder, Results};
use arblast_kernels::programs::{Constant, power};
use arblast_tests::harness::done;
use arblast_tests::random::Random;
use ark_bls12_381::Fq;
use ark_ff::Field as _;
use libtest_mimic::Trial;

pub fn trials(family: Family) -> Vec<Trial> {
    let interpreted = |name: &str, check: fn(Executor<'_>) -> Checked| {
        Trial::test(format!("{name}, interpreted, {}", label(family)), move || {
            done(check(Executor::Interpreter(family))).map(drop)
        })
    };
    vec![
        on_stages("field::operations", family, |stages| operations(Executor::Device(stages))),
        on_stages("field::powers", family, |stages| powers(Executor::Device(stages))),
        interpreted("field::operations", operations),
        interpreted("field::powers", powers),
    ]
}

/// Every operation on all pairs of edges: the right residue, below 2p.
fn operations(executor: Executor<'_>) -> Checked {
    let values = edges::<Fq>(&mut Random::new("gpu field"), 8);
    let pairs: Vec<(&Vec<u32>, &Vec<u32>)> = values.iter().flat_map(|a| values.iter().map(move |b| (a, b))).collect();
    let mut m = Builder::new();
    let (a, b) = (m.input(0), m.input(1));
    for (i, value) in [m.mul(a, b), m.add(a, b), m.sub(a, b), m.double(a), m.square(a)].into_iter().enumerate() {
        m.store(i, value);
    }
    // A value that is stored where it was loaded is what it was.
    m.store(5, b);
    let input: Vec<u32> = pairs.iter().flat_map(|(a, b)| [a.as_slice(), b.as_slice()].concat()).collect();
    let out = executor.outputs(&m.finish(Results::Output, 0), pairs.len(), &input)?;
    let inverse = radix::<Fq>(Field::Fp, executor.family()).inverse().unwrap_or_default();
    let interpreted = matches!(executor, Executor::Interpreter(_));
    for ((x, y), results) in pairs.iter().zip(out.chunks(6 * WORDS)) {
        let (a, b): (Fq, Fq) = (residue(x), residue(y));
        let expected = [a * b * inverse, a + b, a - b, a + a, a * a * inverse, b];
        for ((name, expected), words) in
            ["a·b/R", "a + b", "a - b", "2a", "a²/R", "b"].into_iter().zip(expected).zip(results.chunks(WORDS))
        {
            if residue::<Fq>(words) != expected || !is_below_twice::<Fq>(words) {
                return Err(format!("{name} for a = {x:08x?}, b = {y:08x?}: got {words:08x?}"));
            }
        }
        if !interpreted && results[5 * WORDS..] != y[..] {
            return Err(format!("{y:08x?} was not stored as it was loaded"));
        }
    }
    Ok(())
}

/// Powers by windows, in the host's form on both sides.
fn powers(executor: Executor<'_>) -> Checked {
    let exponents: [&[u64]; 6] = [&[1], &[2], &[0xffff], &[0x8000_0000_0000_0001], &[0, 1], &[12345, u64::MAX]];
    let mut m = Builder::new();
    let (x, from) = (m.input(0), Constant::FromHost.of(&mut m));
    let base = m.mul(x, from);
    for (i, exponent) in exponents.iter().enumerate() {
        let (result, to) = (power(&mut m, base, exponent), Constant::ToHost.of(&mut m));
        let host = m.mul(result, to);
        m.store(i, host);
    }
    let values: Vec<Fq> = edges::<Fq>(&mut Random::new("gpu powers"), 3).iter().map(|words| residue(words)).collect();
    let input: Vec<u32> = values.iter().flat_map(|value| host_words(Field::Fp, *value)).collect();
    let out = executor.outputs(&m.finish(Results::Output, 0), values.len(), &input)?;
    for (value, results) in values.iter().zip(out.chunks(exponents.len() * WORDS)) {
        for (exponent, words) in exponents.iter().zip(results.chunks(WORDS)) {
            if from_host::<Fq>(Field::Fp, words) != value.pow(exponent) {
                return Err(format!("{value}^{exponent:x?} is wrong"));
            }
        }
    }
    Ok(())
}
