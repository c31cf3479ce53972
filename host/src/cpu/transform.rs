//! The transform over Fr on any CPU: radix 2, depth first, with arkworks' arithmetic.
//!
//! Factors belong to blocks, not to places in them: at level s, block b is a polynomial modulo x^m − w², which splits
//! into its values modulo x^(m/2) − w and x^(m/2) + w, with w = ω^(b with its bits reversed) for the ω of order 2^(s+1).
//! So a table of factors in that order serves all levels and is read in order, the first block of a level needs no
//! multiplication, and halves can be finished one after the other while they are in a cache. Values end in bit-reversed
//! order and are put right at the end.
//!
//! arkworks' own transform (`ark-poly`) makes its table anew for each call, goes over all values at each level, and
//! takes the threads of the program's global pool when called outside a pool; below 2^12 values that costs more than
//! the transform.

use super::threads::Threads;
use crate::backend::{Control, NttKind};
use crate::error::DeviceError;
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, FftField, Field};
use rayon::prelude::*;
use std::borrow::Cow;
use std::iter::successors;
use std::sync::OnceLock;

/// Values of a block that one thread finishes without asking anybody: half a millisecond, and half an L2 cache.
const ALONE: usize = 1 << 13;

/// The largest log n of which the factors are kept: 1 MiB each way.
const KEPT: u32 = 16;

/// The transform of n values, a power of two up to 2^32; in natural order, with arkworks' root of unity.
pub(super) fn ntt(threads: &Threads, values: &[Fr], kind: NttKind, control: &Control) -> Result<Vec<Fr>, DeviceError> {
    control.checkpoint()?;
    let log = values.len().ilog2();
    let roots = block_roots(log, kind.inverse);
    let run = Run { roots: &roots, control, parallel: threads.count() > 1 };
    let offset = kind.coset.filter(|g| *g != Fr::ONE);
    let mut out = match offset.filter(|_| !kind.inverse) {
        Some(g) => values.iter().zip(powers(g)).map(|(value, power)| *value * power).collect(),
        None => values.to_vec(),
    };
    match run.parallel && out.len() > ALONE {
        true => threads.install(control.class(), || run.block(&mut out, 0))?,
        false => run.block(&mut out, 0)?,
    }
    reverse(&mut out, log);
    if kind.inverse {
        let [_, _, mut scale] = *roots_of_order(log);
        let step = offset.and_then(|g| g.inverse());
        for value in &mut out {
            *value *= scale;
            if let Some(step) = step {
                scale *= step;
            }
        }
    }
    Ok(out)
}

/// 1, g, g², ….
pub(super) fn powers(g: Fr) -> impl Iterator<Item = Fr> {
    successors(Some(Fr::ONE), move |power| Some(*power * g))
}

/// What all blocks share.
struct Run<'a> {
    roots: &'a [Fr],
    control: &'a Control,
    parallel: bool,
}

impl Run<'_> {
    /// All levels of block `block` of its level.
    fn block(&self, values: &mut [Fr], block: usize) -> Result<(), DeviceError> {
        if values.len() <= ALONE {
            self.control.checkpoint()?;
            self.levels(values, block);
            return Ok(());
        }
        let (upper, lower) = values.split_at_mut(values.len() / 2);
        if self.parallel {
            let pieces = upper.par_chunks_mut(ALONE).zip(lower.par_chunks_mut(ALONE));
            pieces.try_for_each(|(upper, lower)| {
                self.control.checkpoint()?;
                butterflies(upper, lower, block, self.roots);
                Ok(())
            })?;
            let halves = rayon::join(|| self.block(upper, 2 * block), || self.block(lower, 2 * block + 1));
            return halves.0.and(halves.1);
        }
        for (upper, lower) in upper.chunks_mut(ALONE).zip(lower.chunks_mut(ALONE)) {
            self.control.checkpoint()?;
            butterflies(upper, lower, block, self.roots);
        }
        self.block(upper, 2 * block)?;
        self.block(lower, 2 * block + 1)
    }

    /// All levels of a block that fits a cache.
    fn levels(&self, values: &mut [Fr], block: usize) {
        let mut size = values.len();
        let mut first = block;
        while size > 1 {
            for (i, block) in values.chunks_exact_mut(size).enumerate() {
                let (upper, lower) = block.split_at_mut(size / 2);
                butterflies(upper, lower, first + i, self.roots);
            }
            (size, first) = (size / 2, 2 * first);
        }
    }
}

/// upper + w·lower and upper − w·lower, for the factor w of a block; that of block 0 is 1.
fn butterflies(upper: &mut [Fr], lower: &mut [Fr], block: usize, roots: &[Fr]) {
    let w = roots[block];
    for (a, b) in upper.iter_mut().zip(lower) {
        if block != 0 {
            *b *= w;
        }
        (*a, *b) = (*a + *b, *a - *b);
    }
}

/// Puts values in bit-reversed order into natural order, or back.
fn reverse(values: &mut [Fr], log: u32) {
    for i in 1..values.len() {
        let j = i.reverse_bits() >> (usize::BITS - log);
        if i < j {
            values.swap(i, j);
        }
    }
}

/// For each log up to 32: arkworks' root of unity of order n = 2^log, its inverse, and 1/n.
pub(super) fn roots_of_order(log: u32) -> &'static [Fr; 3] {
    static ROOTS: OnceLock<Vec<[Fr; 3]>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let omega = Fr::TWO_ADIC_ROOT_OF_UNITY;
        let half = Fr::from(2u64).inverse().unwrap_or_default();
        let last = [omega, omega.inverse().unwrap_or_default(), half.pow([u64::from(Fr::TWO_ADICITY)])];
        let below = |[w, v, n]: &[Fr; 3]| Some([w.square(), v.square(), n.double()]);
        let mut roots: Vec<_> = successors(Some(last), below).take(Fr::TWO_ADICITY as usize + 1).collect();
        roots.reverse();
        roots
    });
    &roots[log as usize]
}

/// The factors of the blocks of a transform of 2^log values, as the module says, at least one. Small tables are kept.
pub(super) fn block_roots(log: u32, inverse: bool) -> Cow<'static, [Fr]> {
    static KEPT_ROOTS: [[OnceLock<Vec<Fr>>; KEPT as usize + 1]; 2] =
        [const { [const { OnceLock::new() }; KEPT as usize + 1] }; 2];
    let make = || {
        let mut roots = vec![Fr::ONE];
        for level in 2..=log {
            let (lower, omega) = (roots.len(), roots_of_order(level)[usize::from(inverse)]);
            roots.extend_from_within(..);
            roots[lower..].iter_mut().for_each(|w| *w *= omega);
        }
        roots
    };
    match KEPT_ROOTS[usize::from(inverse)].get(log as usize) {
        Some(kept) => Cow::Borrowed(kept.get_or_init(make)),
        None => Cow::Owned(make()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{CancelToken, Class};
    use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};

    fn by_arkworks(values: &[Fr], kind: NttKind) -> Vec<Fr> {
        let domain = Radix2EvaluationDomain::<Fr>::new(values.len()).expect("a power of two");
        let domain = domain.get_coset(kind.coset.unwrap_or(Fr::ONE)).expect("an offset that is not zero");
        if kind.inverse { domain.ifft(values) } else { domain.fft(values) }
    }

    #[test]
    fn agrees_with_arkworks() {
        let control = Control::new(Class::Job, CancelToken::new());
        let threads = [Threads::new(1), Threads::new(3)];
        // Up to 2^17, where pieces, threads and tables that are not kept all come in.
        for log in (0..=10).chain([14, 17]) {
            let values: Vec<Fr> = powers(-Fr::from(5u64)).take(1 << log).collect();
            for coset in [None, Some(Fr::ONE), Some(Fr::from(7u64))] {
                for inverse in [false, true] {
                    let kind = NttKind { inverse, coset };
                    let known = by_arkworks(&values, kind);
                    for threads in &threads {
                        let ours = ntt(threads, &values, kind, &control).expect("nobody cancels");
                        assert!(ours == known, "2^{log}, {} threads, {kind:?}", threads.count());
                    }
                }
            }
        }
    }

    #[test]
    fn roots_are_arkworks() {
        for log in 0..=32 {
            let [omega, inverse, fraction] = *roots_of_order(log);
            assert_eq!(Some(omega), Fr::get_root_of_unity(1 << log));
            assert_eq!((omega * inverse, fraction * Fr::from(1u64 << log)), (Fr::ONE, Fr::ONE));
        }
        for (inverse, log) in [(false, 6u32), (true, 5), (false, 17)] {
            let roots = block_roots(log, inverse);
            assert_eq!(roots.len(), 1 << (log - 1));
            for (block, root) in roots.iter().enumerate().take(99) {
                let bits = block.reverse_bits() >> (usize::BITS - (log - 1));
                assert_eq!(*root, roots_of_order(log)[usize::from(inverse)].pow([bits as u64]));
            }
        }
        assert_eq!(block_roots(0, false).as_ref(), [Fr::ONE]);
    }

    #[test]
    fn a_cancelled_transform_ends() {
        let token = CancelToken::new();
        token.cancel();
        let control = Control::new(Class::Job, token);
        assert_eq!(ntt(&Threads::new(1), &[Fr::ONE; 4], NttKind::FORWARD, &control), Err(DeviceError::Cancelled));
    }
}
