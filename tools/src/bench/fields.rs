//! Multiplication in Fp and Fp2 on the vector engine, one thread, against the baseline's.
//!
//! The size is the number of products. Both sides hold [`PAIRS`] pairs in the first-level cache and multiply each first
//! element by its second again and again, so that 64 independent products follow one another; time divided by the size
//! is the throughput of one.

use super::inputs::Inputs;
use super::job::{Baseline, FIELD_PAIRS as PAIRS, no_plain};
use super::measure::{Clock, Timing, duel};
use super::{Bench, Error};
use arblast::{Selection, cpu};
use ark_bls12_381::{Fq, Fq2};
use blst::{blst_fp, blst_fp2};
use std::ops::MulAssign;

type Answer = Result<Option<Timing>, Error>;

pub(super) fn fp_mul(bench: &Bench, size: usize) -> Answer {
    let mut inputs = Inputs::new();
    let (a, b) = (inputs.fp(PAIRS), inputs.fp(PAIRS));
    let convert = |e: &Fq| blst_fp { l: e.0.0 };
    let job = Job { a, b, rounds: size / PAIRS, engine: cpu::multiply_fp };
    job.run(bench, convert, |x, y| {
        let before = *x;
        // SAFETY: valid references.
        unsafe { blst::blst_fp_mul(x, &before, y) }
    })
}

pub(super) fn fp2_mul(bench: &Bench, size: usize) -> Answer {
    let mut inputs = Inputs::new();
    let mut pairs = || -> Vec<Fq2> {
        inputs.fp(PAIRS).into_iter().zip(inputs.fp(PAIRS)).map(|(c0, c1)| Fq2::new(c0, c1)).collect()
    };
    let (a, b) = (pairs(), pairs());
    let convert = |e: &Fq2| blst_fp2 { fp: [blst_fp { l: e.c0.0.0 }, blst_fp { l: e.c1.0.0 }] };
    let job = Job { a, b, rounds: size / PAIRS, engine: cpu::multiply_fp2 };
    job.run(bench, convert, |x, y| {
        let before = *x;
        // SAFETY: valid references.
        unsafe { blst::blst_fp2_mul(x, &before, y) }
    })
}

/// The engine's repeated products of pairs.
type Products<E> = fn(&[E], &[E], usize) -> Option<Vec<E>>;

/// aᵢ·bᵢ^rounds in one of the fields.
struct Job<E> {
    a: Vec<E>,
    b: Vec<E>,
    rounds: usize,
    engine: Products<E>,
}

impl<E: Copy + PartialEq + for<'a> MulAssign<&'a E>> Job<E> {
    /// Both sides; blst's by its form of an element and its product in place.
    fn run<B: Copy + PartialEq>(
        &self,
        bench: &Bench,
        convert: impl Fn(&E) -> B,
        multiply: impl Fn(&mut B, &B),
    ) -> Answer {
        refuse_without_engine(&bench.plan.backend.selection)?;
        // An engine that was found once does not go away; if it did, the comparison would fail.
        let ours = || Ok((self.engine)(&self.a, &self.b, self.rounds).unwrap_or_default());
        let budget = bench.plan.budget;
        Ok(match bench.plan.baseline {
            Baseline::Blst => {
                let (a, b): (Vec<B>, Vec<B>) =
                    (self.a.iter().map(&convert).collect(), self.b.iter().map(&convert).collect());
                let theirs = || repeat(&a, &b, self.rounds, &multiply);
                duel(Clock::of(true), budget, ours, theirs, |x, y| x.iter().map(&convert).eq(y.iter().copied()))?
            }
            Baseline::Plain => return no_plain(),
            Baseline::Arkworks => {
                let theirs = || repeat(&self.a, &self.b, self.rounds, &|x: &mut E, y: &E| *x *= y);
                duel(Clock::of(true), budget, ours, theirs, |x, y| x == y)?
            }
        })
    }
}

/// The products by a multiplication of single elements.
fn repeat<T: Copy>(a: &[T], b: &[T], rounds: usize, multiply: &impl Fn(&mut T, &T)) -> Vec<T> {
    let mut out = a.to_vec();
    for _ in 0..rounds {
        for (x, y) in out.iter_mut().zip(b) {
            multiply(x, y);
        }
    }
    out
}

/// Only the vector engine has an arithmetic of its own.
fn refuse_without_engine(backend: &Selection) -> Result<(), Error> {
    let refuse = |why: String| {
        let what = "fp-mul and fp2-mul measure the arithmetic of the CPU's vector engine";
        Err(Error::Refused(format!("{what}: {why}")))
    };
    match backend {
        Selection::CpuPortable => refuse("cpu-portable is blst, which has no other; ask for --backend cpu".into()),
        Selection::Only(name) if name != cpu::ENGINE => refuse(format!("{name} is not it; ask for --backend cpu")),
        _ => cpu::vector_engine(1).map(drop).or_else(|why| refuse(format!("there is none here ({why})"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_engine_has_field_operations() {
        for backend in [Selection::CpuPortable, Selection::Only("gpu".into())] {
            assert!(matches!(refuse_without_engine(&backend), Err(Error::Refused(_))), "{backend}");
        }
        assert_eq!(refuse_without_engine(&Selection::Cpu).is_ok(), cpu::vector_engine(1).is_ok());
    }

    #[test]
    fn rounds_are_powers() {
        assert_eq!(repeat(&[2, 3], &[5, 7], 2, &|x: &mut i32, y: &i32| *x *= y), [50, 147]);
    }
}
