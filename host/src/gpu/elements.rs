//! The border between arkworks values and the words that kernels read.

use crate::layout::{AffineE1, AffineE2};
use arblast_kernels::programs::Constant;
use arblast_kernels::{Family, Field, Group};
use ark_bls12_381::{Fq, Fq2, Fr, G1Projective, G2Projective};
use ark_ec::AffineRepr;
use ark_ff::{BigInt, Field as _, MontFp, PrimeField, Zero};

/// The words of values as they lie in memory: arkworks' Montgomery form, R = 2^(32·words).
pub(super) trait ToWords {
    /// Appends the words.
    fn put(&self, words: &mut Vec<u32>);
}

fn put_limbs(limbs: &[u64], words: &mut Vec<u32>) {
    words.extend(limbs.iter().flat_map(|&limb| [limb as u32, (limb >> 32) as u32]));
}

impl ToWords for Fq {
    fn put(&self, words: &mut Vec<u32>) {
        put_limbs(&self.0.0, words);
    }
}

impl ToWords for Fr {
    fn put(&self, words: &mut Vec<u32>) {
        put_limbs(&self.0.0, words);
    }
}

impl ToWords for Fq2 {
    fn put(&self, words: &mut Vec<u32>) {
        self.c0.put(words);
        self.c1.put(words);
    }
}

impl ToWords for AffineE1 {
    fn put(&self, words: &mut Vec<u32>) {
        // Kernels know the identity by its zeros, whatever beside the flag the coordinates are.
        let (x, y) = self.xy().unwrap_or_default();
        x.put(words);
        y.put(words);
    }
}

impl ToWords for AffineE2 {
    fn put(&self, words: &mut Vec<u32>) {
        // Kernels know the identity by its zeros, whatever beside the flag the coordinates are.
        let (x, y) = self.xy().unwrap_or_default();
        x.put(words);
        y.put(words);
    }
}

/// The words of all values, one after another.
pub(super) fn words<T: ToWords>(values: &[T]) -> Vec<u32> {
    let mut words = Vec::with_capacity(size_of_val(values) / 4);
    values.iter().for_each(|value| value.put(&mut words));
    words
}

/// The integer in `words`, below 2p, modulo p.
fn residue<P: PrimeField<BigInt = BigInt<N>>, const N: usize>(words: &[u32]) -> BigInt<N> {
    let mut limbs = [0u64; N];
    for (limb, pair) in limbs.iter_mut().zip(words.chunks_exact(2)) {
        *limb = u64::from(pair[0]) | u64::from(pair[1]) << 32;
    }
    let mut integer = BigInt::new(limbs);
    while integer >= P::MODULUS {
        use ark_ff::BigInteger as _;
        integer.sub_with_borrow(&P::MODULUS);
    }
    integer
}

/// A value in arkworks' Montgomery form.
pub(super) fn fq(words: &[u32]) -> Fq {
    Fq::new_unchecked(residue::<Fq, 6>(words))
}

/// A pair of them.
pub(super) fn fq2(words: &[u32]) -> Fq2 {
    let (c0, c1) = words.split_at(Field::Fp.words());
    Fq2::new(fq(c0), fq(c1))
}

/// A value of Fr in arkworks' Montgomery form.
pub(super) fn fr(words: &[u32]) -> Fr {
    Fr::new_unchecked(residue::<Fr, 4>(words))
}

/// Whether an element is zero modulo p, in whatever form.
pub(super) fn is_zero(words: &[u32]) -> bool {
    words.chunks_exact(Field::Fp.words()).all(|element| residue::<Fq, 6>(element).0 == [0; 6])
}

/// value·R mod the prime, as words: the form of the kernels.
pub(super) fn kernel_form<F: PrimeField>(value: F, field: Field, family: Family) -> Vec<u32> {
    let radix = F::from(2u64).pow([u64::from(field.radix_bits(family))]);
    let mut words = Vec::with_capacity(field.words());
    put_limbs((value * radix).into_bigint().as_ref(), &mut words);
    words
}

/// The buffer of constants of the programs.
pub(super) fn constants(family: Family) -> Vec<u32> {
    let two = Fq::from(2u64);
    let radix = two.pow([u64::from(Field::Fp.radix_bits(family))]);
    let host = two.pow([384u64]);
    let inverse = |value: Fq| value.inverse().unwrap_or_default();
    // (p − 1)/3 and (p − 1)/2.
    let power = |xi: Fq2, divisor: u64| {
        let mut exponent = num_div(Fq::MODULUS, divisor);
        exponent.reverse();
        let mut result = Fq2::ONE;
        for limb in exponent {
            for bit in (0..64).rev() {
                result.square_in_place();
                if limb >> bit & 1 == 1 {
                    result *= xi;
                }
            }
        }
        result.inverse().unwrap_or_default()
    };
    let xi = Fq2::new(Fq::ONE, Fq::ONE);
    let (psi_x, psi_y) = (power(xi, 3), power(xi, 2));
    let value = |constant: Constant| match constant {
        Constant::FromHost => radix * inverse(host),
        Constant::ToHost => host * inverse(radix),
        Constant::One => Fq::ONE,
        Constant::Half => inverse(two),
        Constant::Beta => BETA,
        Constant::PsiX0 => psi_x.c0,
        Constant::PsiX1 => psi_x.c1,
        Constant::PsiY0 => psi_y.c0,
        Constant::PsiY1 => psi_y.c1,
    };
    Constant::ALL.iter().flat_map(|&constant| kernel_form(value(constant), Field::Fp, family)).collect()
}

/// The cube root of one by which (βx, y) is −z²·(x, y) on G1 (checked in the tests).
const BETA: Fq =
    MontFp!("793479390729215512621379701633421447060886740281060493010456487427281649075476305620758731620350");

/// ⌊(n − 1)/divisor⌋, little-endian.
fn num_div(mut n: BigInt<6>, divisor: u64) -> Vec<u64> {
    n.0[0] -= 1;
    let mut remainder = 0u128;
    for limb in n.0.iter_mut().rev() {
        let value = remainder << 64 | u128::from(*limb);
        *limb = (value / u128::from(divisor)) as u64;
        remainder = value % u128::from(divisor);
    }
    n.0.to_vec()
}

/// A curve whose points kernels add.
pub(super) trait Curve: AffineRepr + ToWords {
    /// For the kernels.
    const GROUP: Group;
    /// From a homogeneous point in any scaled form; zeros are the identity.
    fn from_homogeneous(words: &[u32]) -> Self::Group;
}

impl Curve for AffineE1 {
    const GROUP: Group = Group::G1;

    fn from_homogeneous(words: &[u32]) -> G1Projective {
        let [x, y, z] = coordinates(words, fq);
        if z.is_zero() {
            return G1Projective::zero();
        }
        // (X : Y : Z) homogeneous is (XZ : YZ² : Z) in Jacobian coordinates.
        let zz = z.square();
        G1Projective::new_unchecked(x * z, y * zz, z)
    }
}

impl Curve for AffineE2 {
    const GROUP: Group = Group::G2;

    fn from_homogeneous(words: &[u32]) -> G2Projective {
        let [x, y, z] = coordinates(words, fq2);
        if z.is_zero() {
            return G2Projective::zero();
        }
        let zz = z.square();
        G2Projective::new_unchecked(x * z, y * zz, z)
    }
}

fn coordinates<F>(words: &[u32], read: impl Fn(&[u32]) -> F) -> [F; 3] {
    let each = words.len() / 3;
    std::array::from_fn(|i| read(&words[i * each..(i + 1) * each]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::G1Affine;
    use ark_ec::PrimeGroup as _;

    #[test]
    fn constants_are_their_values() {
        for family in [Family::Narrow, Family::Wide] {
            let all = constants(family);
            let radix = Fq::from(2u64).pow([u64::from(Field::Fp.radix_bits(family))]);
            let host = Fq::from(2u64).pow([384u64]);
            let constant = |c: Constant| {
                let at = c as usize * Field::Fp.words();
                // The words are value·R as an integer; as arkworks' limbs they are value·R/2^384.
                fq(&all[at..at + Field::Fp.words()]) * host / radix
            };
            assert_eq!(constant(Constant::One), Fq::ONE);
            assert_eq!(constant(Constant::Half) + constant(Constant::Half), Fq::ONE);
            assert_eq!(constant(Constant::FromHost) * constant(Constant::ToHost), Fq::ONE);
            assert_eq!(constant(Constant::FromHost), radix / host);
            assert_eq!(constant(Constant::Beta).pow([3u64]), Fq::ONE);
        }
    }

    #[test]
    fn beta_acts_as_minus_z_squared() {
        let g = G1Affine::generator();
        let z2 = 0xd201_0000_0001_0000u128 * 0xd201_0000_0001_0000u128;
        let expected: G1Affine = (-G1Projective::generator().mul_bigint([z2 as u64, (z2 >> 64) as u64])).into();
        assert_eq!((expected.x, expected.y), (BETA * g.x, g.y));
    }
}
