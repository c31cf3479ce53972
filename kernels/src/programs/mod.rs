//! The programs: formulas of the curve and of the pairing as straight-line code.
//!
//! | module | what it computes |
//! |---|---|
//! | [`tower`] | Fp2, Fp6 and Fp12 over the machine's field |
//! | [`curve`] | complete additions and doublings, multiples by the seed |
//! | [`decode`] | square roots and membership |
//! | [`pairing`] | steps of the Miller loop, products in Fp12 |

pub mod curve;
pub mod decode;
pub mod pairing;
pub mod tower;

use crate::machine::{Builder, Value};

/// Registers of the pipelines that run programs: a program runs on the first that is large enough.
pub const SIZES: [usize; 2] = [32, 64];

/// The constants that programs use, in the order of their buffer. The host fills it with `raw = value·R mod p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constant {
    /// R / 2^384: a product with it takes the host's Montgomery form to the kernel's.
    FromHost,
    /// 2^384 / R: and back.
    ToHost,
    /// 1.
    One,
    /// 1/2.
    Half,
    /// β, a cube root of one: (βx, y) = −z²·(x, y) on G1.
    Beta,
    /// c0 of ξ^(−(p−1)/3), the factor of ψ's abscissa.
    PsiX0,
    /// c1 of it.
    PsiX1,
    /// c0 of ξ^(−(p−1)/2), the factor of ψ's ordinate.
    PsiY0,
    /// c1 of it.
    PsiY1,
}

impl Constant {
    /// All, in order.
    pub const ALL: [Self; 9] = [
        Self::FromHost,
        Self::ToHost,
        Self::One,
        Self::Half,
        Self::Beta,
        Self::PsiX0,
        Self::PsiX1,
        Self::PsiY0,
        Self::PsiY1,
    ];

    /// The constant as a value of a program.
    pub fn of(self, m: &mut Builder) -> Value {
        m.constant(self as usize)
    }
}

/// base^exponent for an exponent of little-endian words, by windows of four bits (Brauer, 1939).
pub fn power(m: &mut Builder, base: Value, exponent: &[u64]) -> Value {
    let square = m.square(base);
    let mut odd = vec![base];
    for i in 1..8 {
        let next = m.mul(odd[i - 1], square);
        odd.push(next);
    }
    let bit = |i: usize| exponent[i / 64] >> (i % 64) & 1;
    let mut result: Option<Value> = None;
    let mut i = 64 * exponent.len();
    while i > 0 {
        if bit(i - 1) == 0 {
            result = result.map(|r| m.square(r));
            i -= 1;
            continue;
        }
        // The longest window of at most four bits that ends in a one.
        let low = (i.saturating_sub(4)..i).find(|&low| bit(low) == 1).unwrap_or(i - 1);
        let window = (low..i).rev().fold(0, |w, at| 2 * w + bit(at)) as usize;
        result = Some(match result {
            None => odd[window / 2],
            Some(mut r) => {
                for _ in low..i {
                    r = m.square(r);
                }
                m.mul(r, odd[window / 2])
            }
        });
        i = low;
    }
    result.unwrap_or_else(|| Constant::One.of(m))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Program;
    use crate::{Group, Stage};

    /// Every program has a pipeline that is large enough, and its indices fit its words.
    #[test]
    fn programs_fit_their_pipelines() {
        let numbers = decode::Numbers { exponent: vec![u64::MAX; 6], seed: 0xd201_0000_0001_0000 };
        let mut programs: Vec<(String, Program)> = vec![
            ("start".into(), pairing::start()),
            ("double".into(), pairing::double()),
            ("add".into(), pairing::add()),
            ("end".into(), pairing::end()),
            ("product".into(), pairing::product()),
        ];
        for group in [Group::G1, Group::G2] {
            programs.extend([
                (format!("decompression {group:?}"), decode::decompression(group, &numbers)),
                (format!("membership {group:?}"), decode::membership(group, &numbers)),
                (format!("identity {group:?}"), curve::identity(group)),
                (format!("reduction {group:?}"), curve::reduction(group, 16)),
                (format!("further reduction {group:?}"), curve::further_reduction(group, 16, 4)),
            ]);
            let accumulation = curve::accumulation(group);
            assert!(accumulation.registers > 6 * group.coordinate() && accumulation.registers <= 64);
        }
        for (name, program) in programs {
            assert!(SIZES.iter().any(|size| *size >= program.registers), "{name}: {} registers", program.registers);
        }
        assert_eq!(Stage::all().len(), SIZES.len() + 8);
    }
}
