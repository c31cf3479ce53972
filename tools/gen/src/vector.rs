//! Constants of the host's eight-way arithmetic: 52-bit limbs, Montgomery form with R = 2^416 (Fp) and 2^260 (Fr).

use crate::field::{Fp2, Prime, multiply};
use crate::params::Params;
use crate::rust::{LIMB_BITS, Source};
use num_bigint::BigUint;

const FP_LIMBS: usize = 8;
const FR_LIMBS: usize = 5;
/// The Montgomery radix of arkworks' and blst's limbs, in bits.
const FP_WORDS: usize = 384;
const FR_WORDS: usize = 256;

/// The text of `generated.rs`.
pub fn emit(params: &Params) -> Result<String, String> {
    let mut out = Source::new(
        "Constants of the eight-way arithmetic: 52-bit limbs, least significant first.\n\n\
         Elements of Fp are in Montgomery form with R = 2^416, of Fr with R = 2^260, unless a line says otherwise.",
    );
    base_field(&mut out, &params.p);
    scalar_field(&mut out, params);
    curves(&mut out, params)?;
    tower(&mut out, params);
    Ok(out.finish())
}

/// p⁻¹ mod 2^52.
fn inverse_mod_limb(p: &BigUint) -> u64 {
    let low = p.iter_u64_digits().next().unwrap_or(0);
    // Newton: each step doubles the bits that are right; an odd number is its own inverse modulo 8.
    let inverse = (0..5).fold(low, |x, _| x.wrapping_mul(2u64.wrapping_sub(low.wrapping_mul(x))));
    inverse & ((1 << LIMB_BITS) - 1)
}

fn base_field(out: &mut Source, p: &Prime) {
    let r = LIMB_BITS * FP_LIMBS;
    let fold = p.inverse(&p.power_of_two(LIMB_BITS));
    let half = |n: BigUint| n >> 2;
    out.limbs("p = (z − 1)²(z⁴ − z² + 1)/3 + z.", "P", &p.0, FP_LIMBS);
    out.word("p⁻¹ mod 2^52.", "P_INV", inverse_mod_limb(&p.0));
    out.limbs("2^-52 mod p, canonical: folds the lowest limb away.", "P_FOLD", &fold, FP_LIMBS);
    out.limbs("R mod p: one.", "FP_ONE", &p.power_of_two(r), FP_LIMBS);
    out.limbs(
        "R² mod p: a product with it takes a canonical value to Montgomery form.",
        "FP_R2",
        &p.power_of_two(2 * r),
        FP_LIMBS,
    );
    let (from, to) = (p.power_of_two(2 * r - FP_WORDS), p.power_of_two(FP_WORDS));
    out.limbs(
        "2^448 mod p: a product with it takes Montgomery form with 2^384 to R.",
        "FP_FROM_WORDS",
        &from,
        FP_LIMBS,
    );
    out.limbs("2^384 mod p: a product with it takes R to Montgomery form with 2^384.", "FP_TO_WORDS", &to, FP_LIMBS);
    let two_inverse = p.mul(&p.inverse(&2u32.into()), &p.power_of_two(r));
    out.limbs("1/2.", "FP_HALF", &two_inverse, FP_LIMBS);
    let exponent = half(&p.0 - 3u32);
    out.limbs(
        "(p − 3)/4, canonical: x^((p−3)/4) = 1/√x where x is a square.",
        "FP_INV_SQRT_EXPONENT",
        &exponent,
        FP_LIMBS,
    );
}

fn scalar_field(out: &mut Source, params: &Params) {
    let r = &params.r;
    let bits = LIMB_BITS * FR_LIMBS;
    let fold = r.inverse(&r.power_of_two(LIMB_BITS));
    out.limbs("r = z⁴ − z² + 1.", "R", &r.0, FR_LIMBS);
    out.word("r⁻¹ mod 2^52.", "R_INV", inverse_mod_limb(&r.0));
    out.limbs("2^-52 mod r, canonical.", "R_FOLD", &fold, FR_LIMBS);
    out.limbs("R mod r: one.", "FR_ONE", &r.power_of_two(bits), FR_LIMBS);
    let (from, to) = (r.power_of_two(2 * bits - FR_WORDS), r.power_of_two(FR_WORDS));
    out.limbs(
        "2^264 mod r: a product with it takes Montgomery form with 2^256 to R.",
        "FR_FROM_WORDS",
        &from,
        FR_LIMBS,
    );
    out.limbs("2^256 mod r: a product with it takes R to Montgomery form with 2^256.", "FR_TO_WORDS", &to, FR_LIMBS);
    let z2 = &params.z * &params.z;
    out.constant("z²: an eigenvalue of the endomorphism of G1, up to sign.", "Z_SQUARED", "u128", &format!("{z2:#x}"));
    let z = params.z.iter_u64_digits().next().unwrap_or(0);
    out.word("|z|; the seed z is negative.", "Z_ABS", z);
}

fn curves(out: &mut Source, params: &Params) -> Result<(), String> {
    let p = &params.p;
    let mont = |x: &BigUint| p.mul(x, &p.power_of_two(LIMB_BITS * FP_LIMBS));
    let mont2 = |x: &Fp2| Fp2 { c0: mont(&x.c0), c1: mont(&x.c1) };
    out.limbs("b = 4 of E1.", "E1_B", &mont(&params.b), FP_LIMBS);
    out.pair("b·ξ = 4(u + 1) of E2.", "E2_B", &mont2(&params.xi.scale(&params.b, p)), FP_LIMBS);
    out.limbs("β, a cube root of one: φ(x, y) = (βx, y) is −z² on G1.", "BETA", &mont(&beta(params)?), FP_LIMBS);
    let one = BigUint::from(1u32);
    let third = (&p.0 - &one) / 3u32;
    let half = (&p.0 - &one) / 2u32;
    let psi_x = params.xi.pow(&third, p).inverse(p);
    let psi_y = params.xi.pow(&half, p).inverse(p);
    out.pair("ξ^(−(p−1)/3): ψ(x, y) = (PSI_X·x̄, PSI_Y·ȳ) is z on G2.", "PSI_X", &mont2(&psi_x), FP_LIMBS);
    out.pair("ξ^(−(p−1)/2).", "PSI_Y", &mont2(&psi_y), FP_LIMBS);
    Ok(())
}

/// The cube root of one by which φ acts on G1 as −z².
fn beta(params: &Params) -> Result<BigUint, String> {
    let p = &params.p;
    let third = (&p.0 - 1u32) / 3u32;
    let roots = (2u32..).map(|g| p.pow(&g.into(), &third)).find(|root| *root != 1u32.into());
    let root = roots.ok_or("no cube root of one")?;
    // z²·G = (β x, −y).
    let (x, y) = multiply(&params.g1, &(&params.z * &params.z), p).ok_or("z² G is the identity")?;
    if p.add(&y, &params.g1.1) != 0u32.into() {
        return Err("z² G is not an image of G under an automorphism: wrong generator".into());
    }
    [root.clone(), p.mul(&root, &root)]
        .into_iter()
        .find(|b| p.mul(b, &params.g1.0) == x)
        .ok_or_else(|| "neither cube root of one takes G to −z² G".into())
}

/// The coefficients with which the Frobenius map acts on Fp12 over Fp2.
fn tower(out: &mut Source, params: &Params) {
    let p = &params.p;
    let mont = |x: &BigUint| p.mul(x, &p.power_of_two(LIMB_BITS * FP_LIMBS));
    let sixth = (&p.0 - 1u32) / 6u32;
    for i in 1..6u32 {
        let gamma = params.xi.pow(&(&sixth * i), p);
        let gamma = Fp2 { c0: mont(&gamma.c0), c1: mont(&gamma.c1) };
        out.pair(
            &format!("γ{i} = ξ^({i}(p−1)/6): (w^{i})^p = γ{i}·w^{i}."),
            &format!("FROBENIUS_{i}"),
            &gamma,
            FP_LIMBS,
        );
    }
}
