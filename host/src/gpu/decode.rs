//! Decompression and membership: the device computes roots and multiples, the CPU decides what they mean.

use super::batch::Machine;
use super::device::Work;
use super::elements::{Curve, ToWords, fq, fq2, is_zero, words};
use crate::backend::{Backend as _, Control};
use crate::cpu::CpuPortable;
use crate::encoding::{Abscissa, Parsed, parse};
use crate::error::{DeviceError, PointError};
use crate::layout::{AffineE1, AffineE2};
use arblast_kernels::Field;
use arblast_kernels::programs::decode::{Numbers, decompression, membership};
use ark_bls12_381::{Fq, Fq2};
use ark_ec::models::bls12::Bls12Config as _;
use ark_ec::short_weierstrass::SWCurveConfig;
use ark_ff::{BigInt, Field as _, PrimeField as _, Zero as _};

/// The exponent of roots, and the seed.
fn numbers() -> Numbers {
    // (p − 3)/4 = ⌊p/4⌋ for p = 3 mod 4.
    let p = Fq::MODULUS.0;
    let exponent = (0..6).map(|i| p[i] >> 2 | p.get(i + 1).map_or(0, |next| next << 62)).collect();
    Numbers { exponent, seed: ark_bls12_381::Config::X[0] }
}

/// A curve whose points the device decodes.
pub(super) trait Encoded: Curve {
    /// An element of the base field.
    type Base: ToWords + Copy + PartialEq;
    /// Bytes of a compressed point.
    type Bytes: AsRef<[u8]>;

    /// The abscissa of an encoding.
    fn abscissa(x: &Abscissa) -> Self::Base;
    /// The point with abscissa x, the candidate `root` and the sign that is asked for, if that is on the curve.
    fn with_root(x: Self::Base, root: &[u32], larger: bool) -> Option<Self>;

    /// Whether the program's root of x³ + b may be wrong although there is one; the CPU then decodes.
    fn is_exceptional(x: Self::Base) -> bool;

    /// What the CPU's reference says of an encoding.
    fn decode(bytes: &Self::Bytes, control: &Control) -> Result<Result<Self, PointError>, DeviceError>;
}

impl Encoded for AffineE1 {
    type Base = Fq;
    type Bytes = [u8; 48];

    fn abscissa(x: &Abscissa) -> Fq {
        number(&x[0])
    }

    fn with_root(x: Fq, root: &[u32], larger: bool) -> Option<Self> {
        let point = Self::new_unchecked(x, fq(root));
        let signed = if is_larger(&[point.y]) == larger { point } else { -point };
        signed.is_on_curve().then_some(signed)
    }

    fn is_exceptional(_: Fq) -> bool {
        false
    }

    fn decode(bytes: &[u8; 48], control: &Control) -> Result<Result<Self, PointError>, DeviceError> {
        Ok(CpuPortable::new(1).decompress_g1(&[*bytes], control)?.remove(0))
    }
}

impl Encoded for AffineE2 {
    type Base = Fq2;
    type Bytes = [u8; 96];

    fn abscissa(x: &Abscissa) -> Fq2 {
        Fq2::new(number(&x[1]), number(&x[0]))
    }

    fn with_root(x: Fq2, root: &[u32], larger: bool) -> Option<Self> {
        let point = Self::new_unchecked(x, fq2(root));
        let signed = if is_larger(&[point.y.c1, point.y.c0]) == larger { point } else { -point };
        signed.is_on_curve().then_some(signed)
    }

    /// x³ + b without imaginary part: its root is real or imaginary, and the program finds real ones only.
    fn is_exceptional(x: Fq2) -> bool {
        (x.square() * x + <ark_bls12_381::g2::Config as SWCurveConfig>::COEFF_B).c1.is_zero()
    }

    fn decode(bytes: &[u8; 96], control: &Control) -> Result<Result<Self, PointError>, DeviceError> {
        Ok(CpuPortable::new(1).decompress_g2(&[*bytes], control)?.remove(0))
    }
}

/// A number below p.
fn number(words: &[u64; 6]) -> Fq {
    Fq::from_bigint(BigInt::new(*words)).unwrap_or_default()
}

/// Whether y is larger than −y: by the first coefficient that is not zero.
fn is_larger(coefficients: &[Fq]) -> bool {
    let half = Fq::MODULUS_MINUS_ONE_DIV_TWO;
    coefficients.iter().find(|c| !c.is_zero()).is_some_and(|c| c.into_bigint() > half)
}

/// For each encoding the point, or what is wrong with it.
pub(super) fn decompress<C: Encoded>(
    work: &mut Work<'_>,
    machine: &Machine,
    encodings: &[C::Bytes],
) -> Result<Vec<Result<C, PointError>>, DeviceError> {
    let parsed: Vec<_> = encodings.iter().map(|bytes| parse(bytes.as_ref())).collect();
    let abscissas: Vec<C::Base> = parsed
        .iter()
        .filter_map(|item| if let Parsed::Point(x, _) = item { Some(C::abscissa(x)) } else { None })
        .collect();
    let each = C::GROUP.coordinate() * Field::Fp.words();
    let answers = if abscissas.is_empty() {
        Vec::new()
    } else {
        let name = format!("decompression {:?}", C::GROUP);
        let program = machine.program(work.device, name, || decompression(C::GROUP, &numbers()))?;
        let input = work.device.upload(&words(&abscissas))?;
        let output = program.outputs(work.device, abscissas.len())?;
        machine.run(work, &program, abscissas.len(), &input, &output)?;
        work.download(&output, abscissas.len() * 2 * each)?
    };
    let mut answers = abscissas.iter().zip(answers.chunks_exact(2 * each));
    let decide = |(item, bytes): (Parsed, &C::Bytes)| match item {
        Parsed::Malformed => Ok(Err(PointError::Encoding)),
        Parsed::Identity => Ok(Ok(C::zero())),
        Parsed::Point(_, larger) => {
            let (x, answer) = answers.next().ok_or_else(|| DeviceError::Failed("an answer is missing".into()))?;
            let (root, check) = answer.split_at(each);
            match C::with_root(*x, root, larger) {
                Some(point) if is_zero(check) => Ok(Ok(point)),
                Some(_) => Ok(Err(PointError::NotInSubgroup)),
                None if C::is_exceptional(*x) => C::decode(bytes, work.control()),
                None => Ok(Err(PointError::NotOnCurve)),
            }
        }
    };
    parsed.into_iter().zip(encodings).map(decide).collect()
}

/// For each point whether it is on the curve and in the subgroup; the identity is.
pub(super) fn members<C: Curve>(
    work: &mut Work<'_>,
    machine: &Machine,
    points: &[C],
    on_curve: impl Fn(&C) -> bool,
) -> Result<Vec<bool>, DeviceError> {
    if points.is_empty() {
        return Ok(Vec::new());
    }
    let each = C::GROUP.coordinate() * Field::Fp.words();
    let name = format!("membership {:?}", C::GROUP);
    let program = machine.program(work.device, name, || membership(C::GROUP, &numbers()))?;
    let input = work.device.upload(&words(points))?;
    let output = program.outputs(work.device, points.len())?;
    machine.run(work, &program, points.len(), &input, &output)?;
    let checks = work.download(&output, points.len() * each)?;
    Ok(points
        .iter()
        .zip(checks.chunks_exact(each))
        .map(|(point, check)| point.is_zero() || (on_curve(point) && is_zero(check)))
        .collect())
}
