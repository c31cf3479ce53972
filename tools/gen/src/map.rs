//! Constants of hashing to the curves (RFC 9380), in the form that the host's eight-way maps take.

use crate::field::Fp2;
use crate::isogeny;
use crate::params::{MapParams, Params};
use crate::rust::{LIMB_BITS, Source};
use num_bigint::BigUint;

const LIMBS: usize = 8;
const R: usize = LIMB_BITS * LIMBS;

/// The text of `map/generated.rs`.
pub fn emit(params: &Params) -> Result<String, String> {
    let mut out = Source::new(
        "Constants of the maps to the curves: 52-bit limbs, least significant first, Montgomery form with R = 2^416.",
    );
    let p = &params.p;
    let mont = |x: &BigUint| p.mul(x, &p.power_of_two(R));
    let upper = p.power_of_two(256 + 2 * R);
    out.limbs("2^256·R: a product with it takes the upper half of 512 bits to R.", "UPPER_HALF", &upper, LIMBS);
    let third = (&p.0 - 1u32) / 3u32;
    let psi = params.xi.pow(&third, p).inverse(p);
    out.limbs("ψ²(x, y) = (PSI2_X·x, −y).", "PSI2_X", &mont(&psi.norm(p)), LIMBS);
    let z = &params.map_g1.z.c0;
    let root = p.root(&p.sub(&0u32.into(), &p.pow(z, &3u32.into()))).ok_or("map_g1.z is a square")?;
    out.limbs("√(−Z³) of E1'.", "ROOT_1", &mont(&root), LIMBS);
    let norm = params.map_g2.z.norm(p);
    let root = p.root(&p.sub(&0u32.into(), &p.pow(&norm, &3u32.into()))).ok_or("map_g2.z is a square")?;
    out.limbs("√(−N(Z)³) of E2'.", "ROOT_2", &mont(&root), LIMBS);
    curve(&mut out, params, &params.map_g1, 1);
    curve(&mut out, params, &params.map_g2, 2);
    Ok(out.finish())
}

/// The curve E', and its isogeny to E with the scale moved into the kernel's polynomial.
fn curve(out: &mut Source, params: &Params, map: &MapParams, which: usize) {
    let p = &params.p;
    let zero = Fp2 { c0: 0u32.into(), c1: 0u32.into() };
    let mont = |x: &Fp2| x.scale(&p.power_of_two(R), p);
    let one = |out: &mut Source, doc: &str, name: &str, value: &Fp2| match which {
        1 => out.limbs(doc, &format!("{name}_1"), &mont(value).c0, LIMBS),
        _ => out.pair(doc, &format!("{name}_2"), &mont(value), LIMBS),
    };
    one(out, &format!("A' of E{which}'."), "A", &map.a);
    one(out, &format!("B' of E{which}'."), "B", &map.b);
    one(out, "−B'.", "MINUS_B", &zero.sub(&map.b, p));
    one(out, "Z.", "Z", &map.z);
    one(out, "−Z.", "MINUS_Z", &zero.sub(&map.z, p));
    let mut kernel = map.kernel.clone();
    kernel.push(Fp2::one());
    let isogeny = isogeny::normalised(&kernel, &map.a, &map.b, p);
    let kernel: Vec<Fp2> = kernel.iter().map(|c| c.mul(&map.scale, p)).collect();
    let lists = [
        ("h: the isogeny is (x, y) ↦ (X/h², y·Y/h³); lowest coefficient first.", "KERNEL", &kernel[..]),
        ("X, without its leading 1.", "ISOGENY_X", &isogeny.x[..isogeny.x.len() - 1]),
        ("Y, without its leading 1.", "ISOGENY_Y", &isogeny.y[..isogeny.y.len() - 1]),
    ];
    for (doc, name, list) in lists {
        let list: Vec<Fp2> = list.iter().map(mont).collect();
        match which {
            1 => out.list(doc, &format!("{name}_1"), &list, LIMBS),
            _ => out.list_of_pairs(doc, &format!("{name}_2"), &list, LIMBS),
        }
    }
}
