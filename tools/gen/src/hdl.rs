//! Constants of the FPGA designs: 64-bit words, Montgomery form with R = 2^384.

use crate::params::Params;
use crate::rust::Source;
use num_bigint::BigUint;

/// The Montgomery radix of the designs, in bits.
const RADIX_BITS: usize = 384;
const WORDS: usize = RADIX_BITS / 64;

/// The text of `generated.rs`.
pub fn emit(params: &Params) -> Result<String, String> {
    let p = &params.p;
    let mut out = Source::new(
        "Constants of the base field and of E1: 64-bit words, least significant first. R = 2^384 is the Montgomery \
         radix.",
    );
    let radix = BigUint::from(1u32) << RADIX_BITS;
    out.words("p = (z − 1)²(z⁴ − z² + 1)/3 + z.", "P", &p.0, WORDS);
    out.words("−p⁻¹ mod R.", "NEGATED_INVERSE", &(&radix - inverse_mod_power_of_two(&p.0, &radix)), WORDS);
    out.words("R⁻¹ mod p.", "RADIX_INVERSE", &p.inverse(&p.power_of_two(RADIX_BITS)), WORDS);
    let triple = (&params.b * 3u32).try_into().map_err(|_| "3·b of E1 is no small number".to_string())?;
    out.decimal("3·b of E1, by which the complete addition multiplies.", "TRIPLE_B", triple);
    Ok(out.finish())
}

/// n⁻¹ modulo a power of two, for odd n, by Newton's iteration x ← x·(2 − n·x), which doubles the bits that are right.
fn inverse_mod_power_of_two(n: &BigUint, power: &BigUint) -> BigUint {
    let mut x = BigUint::from(1u32);
    while n * &x % power != BigUint::from(1u32) {
        let product = n * &x % power;
        x = x * (power + 2u32 - product) % power;
    }
    x
}
