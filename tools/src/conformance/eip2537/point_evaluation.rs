//! The point-evaluation precompile of EIP-4844: a KZG opening p(z) = y, checked with one pairing check.
//!
//! With C = [p(τ)]₁ and the proof π = [(p(τ) − y)/(τ − z)]₁, the opening holds when
//! e(C − y·g1 + z·π, g2) = e(π, [τ]₂). [τ]₂ is a public constant of the KZG ceremony: the second of the monomial G2
//! points in every client's trusted setup.

use super::codec::Refusal;
use super::{Env, Output, refuse};
use arblast::{G1, G2};
use ark_bls12_381::Fr;
use ark_ff::{BigInt, Field, PrimeField};
use sha2::{Digest, Sha256};

/// [τ]₂, compressed.
const TAU_G2: &str = "b5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72\
                      185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2";

/// `FIELD_ELEMENTS_PER_BLOB` and the order r, as the precompile returns them.
const OUTPUT: &str = "0000000000000000000000000000000000000000000000000000000000001000\
                      73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

/// versioned_hash ‖ z ‖ y ‖ commitment ‖ proof, 192 bytes.
pub(super) fn run(input: &[u8], env: Env<'_>) -> Output {
    let Ok(input) = <&[u8; 192]>::try_from(input) else { return Ok(Err(Refusal::Length)) };
    let (commitment, proof) = (&input[96..144], &input[144..]);
    let hash = Sha256::digest(commitment);
    if input[0] != 1 || input[1..32] != hash[1..] {
        return Ok(Err(Refusal::Opening));
    }
    let (Some(z), Some(y)) = (scalar(&input[32..64]), scalar(&input[64..96])) else {
        return Ok(Err(Refusal::Opening));
    };
    let (commitment, proof) = (refuse!(point(commitment)), refuse!(point(proof)));
    let tau = hex::decode(TAU_G2).ok().and_then(|b| G2::from_bytes(&b).ok()).unwrap_or_else(G2::identity);
    let shifted = env.dispatcher.msm_g1(env.call, &[commitment, G1::generator(), proof], &[Fr::ONE, -y, z])?;
    let holds = env.dispatcher.pairing_check(env.call, &[(shifted.negate(), G2::generator()), (proof, tau)])?;
    Ok(if holds { Ok(hex::decode(OUTPUT).unwrap_or_default()) } else { Err(Refusal::Opening) })
}

/// A scalar below r, big-endian.
fn scalar(bytes: &[u8]) -> Option<Fr> {
    let mut limbs = [0; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.rchunks_exact(8)) {
        *limb = u64::from_be_bytes(chunk.try_into().ok()?);
    }
    Fr::from_bigint(BigInt::new(limbs))
}

fn point(bytes: &[u8]) -> Result<G1, Refusal> {
    G1::from_bytes(bytes).map_err(|_| Refusal::Opening)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_decode() {
        assert!(G2::from_bytes(&hex::decode(TAU_G2).unwrap()).is_ok());
        assert_eq!(hex::decode(OUTPUT).unwrap().len(), 64);
        assert_eq!(scalar(&hex::decode(&OUTPUT[64..]).unwrap()), None);
    }
}
