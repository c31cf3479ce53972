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
        let xi =
            get(&file, "tower", "xi")?.as_array().filter(|a| a.len() == 2).ok_or("tower.xi: expected two numbers")?;
        let xi = Fp2 { c0: p.of(&number_signed(&xi[0])?), c1: p.of(&number_signed(&xi[1])?) };
        let point = |x0, x1| Ok::<_, String>(Fp2 { c0: number(&file, "g2", x0)?, c1: number(&file, "g2", x1)? });
        Ok(Self {
            b: number(&file, "tower", "b")?,
            scalar_generator: number(&file, "scalar", "generator")?,
            g1: (number(&file, "g1", "x")?, number(&file, "g1", "y")?),
            g2: (point("x0", "x1")?, point("y0", "y1")?),
            z,
            p,
            r,
            xi,
        })
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

fn number(file: &Table, section: &str, key: &str) -> Result<BigUint, String> {
    let value = number_signed(get(file, section, key)?)?;
    value.to_biguint().ok_or_else(|| format!("{section}.{key} is negative"))
}
