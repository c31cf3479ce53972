//! Field elements as the kernels' words: integers below twice the prime, 32 bits a word, least significant first.

use arblast_kernels::{Family, Field};
use ark_ff::{BigInteger, PrimeField};

/// The words of an integer below the prime.
pub fn plain_words<F: PrimeField>(value: F) -> Vec<u32> {
    value
        .into_bigint()
        .to_bytes_le()
        .chunks(4)
        .map(|b| b.iter().rev().fold(0, |w, byte| w << 8 | u32::from(*byte)))
        .collect()
}

/// The residue of the integer in `words`, whatever its size.
pub fn residue<F: PrimeField>(words: &[u32]) -> F {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    F::from_le_bytes_mod_order(&bytes)
}

/// Whether the integer in `words` is below twice the prime.
pub fn is_below_twice<F: PrimeField>(words: &[u32]) -> bool {
    let modulus: Vec<u32> = plain_words(-F::ONE);
    let mut twice: Vec<u64> = modulus.iter().map(|&word| 2 * u64::from(word)).collect();
    // 2(p - 1) + 1 is the largest.
    twice[0] += 1;
    let mut carry = 0;
    for word in &mut twice {
        *word += carry;
        carry = *word >> 32;
        *word &= 0xffff_ffff;
    }
    let value = words.iter().rev().map(|&word| u64::from(word));
    value.le(twice.iter().rev().copied())
}

/// The sum of two integers, as words of the same length.
pub fn plus(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut carry = 0;
    let add = |(x, y): (&u32, &u32)| {
        let sum = u64::from(*x) + u64::from(*y) + carry;
        carry = sum >> 32;
        sum as u32
    };
    a.iter().zip(b).map(add).collect()
}

/// The Montgomery radix of a family, as an element.
pub fn radix<F: PrimeField>(field: Field, family: Family) -> F {
    F::from(2u64).pow([u64::from(field.radix_bits(family))])
}

/// The host's Montgomery radix.
pub fn host_radix<F: PrimeField>(field: Field) -> F {
    F::from(2u64).pow([32 * field.words() as u64])
}

/// The words of a value in the host's form.
pub fn host_words<F: PrimeField>(field: Field, value: F) -> Vec<u32> {
    plain_words(value * host_radix::<F>(field))
}

/// The value of words in the host's form.
pub fn from_host<F: PrimeField>(field: Field, words: &[u32]) -> F {
    residue::<F>(words) / host_radix::<F>(field)
}

/// The words of a value in a kernel's form.
pub fn kernel_words<F: PrimeField>(field: Field, family: Family, value: F) -> Vec<u32> {
    plain_words(value * radix::<F>(field, family))
}

/// The value of words in a kernel's form.
pub fn from_kernel<F: PrimeField>(field: Field, family: Family, words: &[u32]) -> F {
    residue::<F>(words) / radix::<F>(field, family)
}

/// Integers at which carries, borrows and reductions happen, as words below twice the prime: around 0, p and 2p, around
/// the limbs of both families, and random ones in both halves.
pub fn edges<F: PrimeField>(random: &mut arblast_tests::random::Random, count: usize) -> Vec<Vec<u32>> {
    let (one, two) = (F::ONE, F::from(2u64));
    let mut below: Vec<F> = vec![F::ZERO, one, two, -one, -two];
    for bits in [14u64, 15, 16, 28, 29, 30, 32, 180, 224, 240] {
        let power = two.pow([bits]);
        below.extend([power, power - one, -power, -power - one]);
    }
    below.extend((0..count).map(|_| random.field::<F>()));
    let prime = plus(&plain_words(-one), &{
        let mut words = vec![0; plain_words(one).len()];
        words[0] = 1;
        words
    });
    below.into_iter().map(plain_words).flat_map(|words| [plus(&words, &prime), words]).collect()
}
