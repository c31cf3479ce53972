//! Products in the base fields alone, without an operation around them: what a bench of the vector engine measures.

use ark_bls12_381::{Fq, Fq2};

/// aᵢ·bᵢ^`rounds` for each pair, by `rounds` products one after the other on the vector engine, on this thread.
///
/// Elements are converted once, before the first round and after the last; with hundreds of rounds the time is that of
/// `rounds` products for each pair. 64 pairs are worked on at a time, so that their products overlap and their values
/// stay in the first-level cache. As many elements as the shorter slice has. Variable time: for public data only.
///
/// `None` where [`vector_engine`](super::vector_engine) finds no engine.
pub fn multiply_fp(a: &[Fq], b: &[Fq], rounds: usize) -> Option<Vec<Fq>> {
    imp::multiply(a, b, rounds)
}

/// As [`multiply_fp`], in Fp2.
pub fn multiply_fp2(a: &[Fq2], b: &[Fq2], rounds: usize) -> Option<Vec<Fq2>> {
    imp::multiply(a, b, rounds)
}

#[cfg(target_arch = "x86_64")]
mod imp {
    use crate::cpu::elements::Element;
    use crate::cpu::vector::Ifma;

    /// Elements that are worked on at a time: eight vectors of products, none of which waits for another.
    const BLOCK: usize = 64;

    pub(super) fn multiply<E: Element>(a: &[E], b: &[E], rounds: usize) -> Option<Vec<E>> {
        if crate::cpu::switched_off() {
            return None;
        }
        let ifma = Ifma::detect()?;
        let mut out = Vec::with_capacity(a.len().min(b.len()));
        for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
            let count = a.len().min(b.len());
            let (mut x, y) = (gather(ifma, &a[..count]), gather(ifma, &b[..count]));
            for _ in 0..rounds {
                for (x, y) in x.iter_mut().zip(&y) {
                    E::multiply(x, y);
                }
            }
            let products = x.into_iter().flat_map(|lanes| E::scatter(ifma, lanes));
            out.extend(products.take(count));
        }
        Some(out)
    }

    /// Eights of elements, the last filled up with zeros.
    fn gather<E: Element>(ifma: Ifma, elements: &[E]) -> Vec<E::Lanes> {
        let zero = E::ZERO;
        let eight = |part: &[E]| E::gather(ifma, std::array::from_fn(|i| part.get(i).unwrap_or(&zero)));
        elements.chunks(8).map(eight).collect()
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod imp {
    pub(super) fn multiply<E>(_a: &[E], _b: &[E], _rounds: usize) -> Option<Vec<E>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::Field;

    #[test]
    fn agrees_with_arkworks_at_any_length() {
        if crate::cpu::vector_engine(1).is_err() {
            assert_eq!(multiply_fp(&[], &[], 1), None);
            return;
        }
        // 0, 1, −1, and multiples of a large element.
        let big = Fq::from(-3).pow([0x1234_5678_9abc]);
        for length in [0, 1, 7, 8, 9, 64, 65, 130] {
            let a: Vec<Fq> = (0..length).map(|i| Fq::from(i as i64 - 1) * big).collect();
            let b: Vec<Fq> = (0..length).map(|i| Fq::from(i as i64 - 2) + big.square()).collect();
            let a2: Vec<Fq2> = a.iter().zip(&b).map(|(x, y)| Fq2::new(*x, *y)).collect();
            let b2: Vec<Fq2> = a.iter().zip(&b).map(|(x, y)| Fq2::new(-*y, *x)).collect();
            for rounds in [0, 1, 5] {
                let power = [rounds as u64];
                let expected: Vec<Fq> = a.iter().zip(&b).map(|(a, b)| *a * b.pow(power)).collect();
                assert_eq!(multiply_fp(&a, &b, rounds), Some(expected), "{length} {rounds}");
                let expected: Vec<Fq2> = a2.iter().zip(&b2).map(|(a, b)| *a * b.pow(power)).collect();
                assert_eq!(multiply_fp2(&a2, &b2, rounds), Some(expected), "{length} {rounds}");
            }
        }
    }

    #[test]
    fn takes_the_shorter_length() {
        let one = Fq::from(1);
        assert!(multiply_fp(&[one; 70], &[one; 3], 2).is_none_or(|products| products == [one; 3]));
    }
}
