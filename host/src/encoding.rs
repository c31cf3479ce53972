//! Compressed encodings as they are read before any arithmetic.

use ark_bls12_381::Fq;
use ark_ff::PrimeField as _;

/// Bytes of an element of Fp.
const ELEMENT: usize = 48;

/// The elements of Fp of one abscissa, each below p, least significant word first, in the order of the encoding: the
/// highest coefficient first. In G1 there is the first only.
pub(crate) type Abscissa = [[u64; 6]; 2];

/// What an encoding says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// Flags or numbers that no encoding has.
    Malformed,
    /// The identity.
    Identity,
    /// An abscissa, and whether the larger of the two ordinates is meant.
    Point(Abscissa, bool),
}

/// Reads flags and numbers of 48 bytes (G1) or 96 (G2): bit 7 of the first byte says "compressed", 6 "identity", 5
/// "the larger y" (the encoding of Zcash and Ethereum).
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let Some(&flags) = bytes.first() else { return Parsed::Malformed };
    if flags & 0x80 == 0 {
        return Parsed::Malformed;
    }
    if flags & 0x40 != 0 {
        let zero = flags & 0x3f == 0 && bytes[1..].iter().all(|byte| *byte == 0);
        return if zero { Parsed::Identity } else { Parsed::Malformed };
    }
    let mut x = Abscissa::default();
    for (number, part) in x.iter_mut().zip(bytes.chunks(ELEMENT)) {
        *number = words(part);
    }
    x[0][5] &= u64::MAX >> 3;
    let canonical = x.iter().all(|n| n.iter().rev().lt(Fq::MODULUS.0.iter().rev()));
    if canonical { Parsed::Point(x, flags & 0x20 != 0) } else { Parsed::Malformed }
}

/// Big-endian bytes, at most 48, as little-endian words.
pub(crate) fn words(bytes: &[u8]) -> [u64; 6] {
    let mut out = [0; 6];
    for (word, chunk) in out.iter_mut().zip(bytes.rchunks(8)) {
        *word = chunk.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
    }
    out
}
