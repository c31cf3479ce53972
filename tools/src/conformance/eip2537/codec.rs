//! The EIP's encodings: a field element is 64 big-endian bytes whose first 16 are zero and whose value is below p, an
//! element of Fp2 is (c0, c1), a point is (x, y), the identity is all zeros.

use super::super::data::{fp_from_bytes, fp_to_bytes};
use super::on_curve;
use ark_bls12_381::{Fq, Fq2, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::Zero;

/// Bytes of a field element.
const WORD: usize = 64;

/// Why an input is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Length,
    TopBytes,
    FieldElement,
    NotOnCurve,
    NotInG1,
    NotInG2,
    /// EIP-4844: the commitment does not match its versioned hash, a scalar is not canonical, or the proof is wrong.
    Opening,
}

impl Refusal {
    /// The refusal that an error text of go-ethereum stands for; `None` for a text that is not one of its.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        Some(match text {
            "invalid input length" => Self::Length,
            "invalid field element top bytes" => Self::TopBytes,
            "invalid fp.Element encoding" => Self::FieldElement,
            "invalid point: not on curve" => Self::NotOnCurve,
            "g1 point is not on correct subgroup" | "g1 point is not in the correct subgroup" => Self::NotInG1,
            "g2 point is not on correct subgroup" | "g2 point is not in the correct subgroup" => Self::NotInG2,
            _ => return None,
        })
    }
}

/// The input cut into chunks of `size` bytes, at least one.
pub(super) fn chunks(input: &[u8], size: usize) -> Result<std::slice::ChunksExact<'_, u8>, Refusal> {
    if input.is_empty() || !input.len().is_multiple_of(size) {
        return Err(Refusal::Length);
    }
    Ok(input.chunks_exact(size))
}

/// Reads field elements and points one after another.
pub(super) struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// Over an input of exactly `count` field elements.
    pub(super) fn exactly(input: &'a [u8], count: usize) -> Result<Self, Refusal> {
        if input.len() == count * WORD { Ok(Self(input)) } else { Err(Refusal::Length) }
    }

    /// What was not read yet.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(super) fn fp(&mut self) -> Result<Fq, Refusal> {
        let (word, rest) = self.0.split_at_checked(WORD).ok_or(Refusal::Length)?;
        self.0 = rest;
        let (top, value) = word.split_at(WORD - 48);
        if top.iter().any(|&b| b != 0) {
            return Err(Refusal::TopBytes);
        }
        fp_from_bytes(value).ok_or(Refusal::FieldElement)
    }

    pub(super) fn fp2(&mut self) -> Result<Fq2, Refusal> {
        Ok(Fq2::new(self.fp()?, self.fp()?))
    }

    /// A point of the curve, in the subgroup or not.
    pub(super) fn g1(&mut self) -> Result<G1Affine, Refusal> {
        let (x, y) = (self.fp()?, self.fp()?);
        if x.is_zero() && y.is_zero() {
            return Ok(G1Affine::zero());
        }
        let point = G1Affine::new_unchecked(x, y);
        if on_curve(&point, G1Affine::is_on_curve) { Ok(point) } else { Err(Refusal::NotOnCurve) }
    }

    /// A point of the curve, in the subgroup or not.
    pub(super) fn g2(&mut self) -> Result<G2Affine, Refusal> {
        let (x, y) = (self.fp2()?, self.fp2()?);
        if x.is_zero() && y.is_zero() {
            return Ok(G2Affine::zero());
        }
        let point = G2Affine::new_unchecked(x, y);
        if on_curve(&point, G2Affine::is_on_curve) { Ok(point) } else { Err(Refusal::NotOnCurve) }
    }
}

fn write(elements: &[Fq]) -> Vec<u8> {
    elements.iter().flat_map(|e| [[0; WORD - 48].as_slice(), &fp_to_bytes(e)].concat()).collect()
}

/// The 128 bytes of a point.
pub(super) fn write_g1(point: &G1Affine) -> Vec<u8> {
    let (x, y) = point.xy().unwrap_or_default();
    write(&[x, y])
}

/// The 256 bytes of a point.
pub(super) fn write_g2(point: &G2Affine) -> Vec<u8> {
    let (x, y) = point.xy().unwrap_or_default();
    write(&[x.c0, x.c1, y.c0, y.c1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_round_trip() {
        for point in [G1Affine::zero(), G1Affine::generator()] {
            assert_eq!(Words::new(&write_g1(&point)).g1(), Ok(point));
        }
        for point in [G2Affine::zero(), G2Affine::generator()] {
            assert_eq!(Words::new(&write_g2(&point)).g2(), Ok(point));
        }
    }

    #[test]
    fn short_input_is_a_length_error() {
        assert_eq!(Words::new(&[0; 63]).fp(), Err(Refusal::Length));
        assert!(matches!(chunks(&[], 160), Err(Refusal::Length)));
        assert!(matches!(chunks(&[0; 161], 160), Err(Refusal::Length)));
    }
}
