//! The parameter file, and the numbers that follow from it.

use crate::field::{Fp2, Prime};
use num_bigint::{BigInt, BigUint, Sign};
use toml::{Table, Value};

/// What the parameter file says, and p and r.
pub struct Params {
    /// |z|; the seed is −|z|.
    pub z: BigUint,
    /// The base field.
    pub p: Prime,
    /// The scalar field.
    pub r: Prime,
    /// The constant of E1.
    pub b: BigUint,
    /// The cubic and quadratic non-residue of Fp2 that the tower and the twist are built on.
    pub xi: Fp2,
    /// The generator of Fr's multiplicative group.
    pub scalar_generator: BigUint,
    /// The generator of G1.
    pub g1: (BigUint, BigUint),
    /// The generator of G2.
    pub g2: (Fp2, Fp2),
    /// The map to E1.
    pub map_g1: MapParams,
    /// The map to E2.
    pub map_g2: MapParams,
    /// Bits of a limb of WGSL's field arithmetic.
    pub wgsl: Limbs,
}

/// Bits of a limb, by the width of a product of two.
pub struct Limbs {
    /// Where products have 32 bits.
    pub narrow: usize,
    /// Where they have 64.
    pub wide: usize,
}

/// A map to a curve: the curve E' it reaches, y² = x³ + ax + b, and an isogeny from there.
pub struct MapParams {
    pub a: Fp2,
    pub b: Fp2,
    /// The parameter Z of the simplified SWU map.
    pub z: Fp2,
    /// What divides the normalised isogeny.
    pub scale: Fp2,
    /// The polynomial of the kernel without its leading 1, lowest coefficient first.
    pub kernel: Vec<Fp2>,
}

impl MapParams {
    fn parse(file: &Table, section: &str, p: &Prime) -> Result<Self, String> {
        let element = |key| element(get(file, section, key)?, p);
        let kernel = get(file, section, "kernel")?.as_array().filter(|k| !k.is_empty());
        let kernel = kernel.ok_or_else(|| format!("{section}.kernel: expected a list of coefficients"))?;
        Ok(Self {
            a: element("a")?,
            b: element("b")?,
            z: element("z")?,
            scale: element("scale")?,
            kernel: kernel.iter().map(|k| self::element(k, p)).collect::<Result<_, _>>()?,
        })
    }
}

impl Params {
    /// Reads a parameter file.
    ///
    /// # Errors
    /// What is missing or does not fit, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Table = text.parse().map_err(|e| format!("{e}"))?;
        let z = number(&file, "seed", "magnitude")?;
        let negative = get(&file, "seed", "negative")?.as_bool().ok_or("seed.negative: expected true or false")?;
        if !negative || number_signed(get(&file, "tower", "beta")?)? != BigInt::from(-1) {
            return Err("the formulas here are for a negative seed and u² = −1".into());
        }
        let (p, r) = primes(&z)?;
        let xi = element(get(&file, "tower", "xi")?, &p)?;
        let point = |x0, x1| Ok::<_, String>(Fp2 { c0: number(&file, "g2", x0)?, c1: number(&file, "g2", x1)? });
        let params = Self {
            b: number(&file, "tower", "b")?,
            scalar_generator: number(&file, "scalar", "generator")?,
            g1: (number(&file, "g1", "x")?, number(&file, "g1", "y")?),
            g2: (point("x0", "x1")?, point("y0", "y1")?),
            map_g1: MapParams::parse(&file, "map_g1", &p)?,
            map_g2: MapParams::parse(&file, "map_g2", &p)?,
            wgsl: Limbs { narrow: width(&file, "narrow")?, wide: width(&file, "wide")? },
            z,
            p,
            r,
            xi,
        };
        params.check()?;
        Ok(params)
    }

    /// What the generators are held to: points of their curves, and a non-residue.
    fn check(&self) -> Result<(), String> {
        let (p, r) = (&self.p, &self.r);
        let cube = |x: &BigUint| p.mul(&p.mul(x, x), x);
        if p.mul(&self.g1.1, &self.g1.1) != p.add(&cube(&self.g1.0), &self.b) {
            return Err("g1: not a point of E1".into());
        }
        let (x, y) = &self.g2;
        let [left, right] = [y.mul(y, p), x.mul(x, p).mul(x, p).add(&self.xi.scale(&self.b, p), p)];
        if left != right {
            return Err("g2: not a point of E2".into());
        }
        let half = (&r.0 - 1u32) / 2u32;
        if r.pow(&self.scalar_generator, &half) != &r.0 - 1u32 {
            return Err("scalar.generator: a square, so no generator".into());
        }
        Ok(())
    }
}

/// p = (z − 1)²(z⁴ − z² + 1)/3 + z and r = z⁴ − z² + 1, for z = −|z|.
fn primes(magnitude: &BigUint) -> Result<(Prime, Prime), String> {
    let z = BigInt::from_biguint(Sign::Minus, magnitude.clone());
    let r: BigInt = z.pow(4) - z.pow(2) + 1;
    let cubed: BigInt = (&z - 1u32).pow(2) * &r;
    if &cubed % 3 != BigInt::ZERO {
        return Err("(z − 1)²·r is not divisible by 3: not a seed of the BLS12 family".into());
    }
    let p: BigInt = cubed / 3 + z;
    let positive = |n: BigInt| n.to_biguint().ok_or("p or r is negative");
    Ok((Prime(positive(p)?), Prime(positive(r)?)))
}

fn get<'a>(file: &'a Table, section: &str, key: &str) -> Result<&'a Value, String> {
    file.get(section).and_then(|s| s.get(key)).ok_or_else(|| format!("{section}.{key} is missing"))
}

/// A number, or two for c0 and c1.
fn element(value: &Value, p: &Prime) -> Result<Fp2, String> {
    let (c0, c1) = match value.as_array().map(Vec::as_slice) {
        None => (number_signed(value)?, BigInt::ZERO),
        Some([c0, c1]) => (number_signed(c0)?, number_signed(c1)?),
        Some(_) => return Err(format!("{value}: expected one number or two")),
    };
    Ok(Fp2 { c0: p.of(&c0), c1: p.of(&c1) })
}

fn number_signed(value: &Value) -> Result<BigInt, String> {
    match value {
        Value::Integer(n) => Ok(BigInt::from(*n)),
        Value::String(text) => {
            let digits = text.strip_prefix("0x").unwrap_or(text);
            BigInt::parse_bytes(digits.as_bytes(), 16).ok_or_else(|| format!("{text:?}: expected 0x and hex digits"))
        }
        other => Err(format!("{other}: expected a number")),
    }
}

/// A limb's width.
fn width(file: &Table, key: &str) -> Result<usize, String> {
    let value = get(file, "wgsl", key)?.as_integer().and_then(|bits| usize::try_from(bits).ok());
    value.filter(|bits| (8..=31).contains(bits)).ok_or_else(|| format!("wgsl.{key}: expected 8 to 31 bits"))
}

fn number(file: &Table, section: &str, key: &str) -> Result<BigUint, String> {
    let value = number_signed(get(file, section, key)?)?;
    value.to_biguint().ok_or_else(|| format!("{section}.{key} is negative"))
}
