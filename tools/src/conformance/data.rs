//! Fields of parsed vector files: typed access that says what is missing, and the encodings that suites use.

use super::Stop;
use ark_bls12_381::{Fq, Fq2};
use ark_ff::{BigInt, BigInteger, PrimeField};
use serde_json::Value;

/// The field `name` of an object.
pub(super) fn field<'v>(value: &'v Value, name: &str) -> Result<&'v Value, Stop> {
    value.get(name).ok_or_else(|| Stop::Unreadable(format!("no field {name:?}")))
}

/// The field `name`, a string.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str, Stop> {
    field(value, name)?.as_str().ok_or_else(|| Stop::Unreadable(format!("field {name:?} is not a string")))
}

/// The field `name`, a list.
pub(super) fn list<'v>(value: &'v Value, name: &str) -> Result<&'v [Value], Stop> {
    match field(value, name)? {
        Value::Array(items) => Ok(items),
        _ => Err(Stop::Unreadable(format!("field {name:?} is not a list"))),
    }
}

/// The field `name`, a list of cases: at least one, since a file without cases tests nothing.
pub(super) fn cases<'v>(file: &'v Value, name: &str) -> Result<&'v [Value], Stop> {
    let cases = list(file, name)?;
    if cases.is_empty() { Err(Stop::Unreadable(format!("field {name:?} is an empty list"))) } else { Ok(cases) }
}

/// The field `name`, bytes in hex.
pub(super) fn bytes(value: &Value, name: &str) -> Result<Vec<u8>, Stop> {
    unhex(text(value, name)?)
}

/// The field `name`, a list of bytes in hex.
pub(super) fn bytes_list(value: &Value, name: &str) -> Result<Vec<Vec<u8>>, Stop> {
    let not_text = || Stop::Unreadable(format!("field {name:?} holds something other than strings"));
    list(value, name)?.iter().map(|item| unhex(item.as_str().ok_or_else(not_text)?)).collect()
}

/// A number in hex, of any length, as big-endian bytes.
pub(super) fn number(text: &str) -> Result<Vec<u8>, Stop> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let even = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
    unhex(&even)
}

/// Bytes in hex, with or without `0x`.
pub(super) fn unhex(text: &str) -> Result<Vec<u8>, Stop> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|e| Stop::Unreadable(format!("not hexadecimal: {e}")))
}

/// A field element from up to 48 big-endian bytes; `None` where it is not below p or too long.
pub(super) fn fp_from_bytes(bytes: &[u8]) -> Option<Fq> {
    let mut limbs = [0u64; 6];
    for (i, &byte) in bytes.iter().rev().enumerate() {
        match limbs.get_mut(i / 8) {
            Some(limb) => *limb |= u64::from(byte) << (8 * (i % 8)),
            None if byte == 0 => {}
            None => return None,
        }
    }
    Fq::from_bigint(BigInt::new(limbs))
}

/// The 48 big-endian bytes of a field element.
pub(super) fn fp_to_bytes(element: &Fq) -> [u8; 48] {
    let mut out = [0; 48];
    out.copy_from_slice(&element.into_bigint().to_bytes_be());
    out
}

/// A number in hex, of any length (leading zeros and odd lengths allowed), as a field element.
pub(super) fn fp(text: &str) -> Result<Fq, Stop> {
    fp_from_bytes(&number(text)?).ok_or_else(|| Stop::Unreadable(format!("not below p: {text}")))
}

/// An element of Fp2, written `c0,c1`.
pub(super) fn fp2(text: &str) -> Result<Fq2, Stop> {
    let (c0, c1) = text.split_once(',').ok_or_else(|| Stop::Unreadable("no comma in an element of Fp2".into()))?;
    Ok(Fq2::new(fp(c0.trim())?, fp(c1.trim())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_elements_are_canonical() {
        let p = "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
        assert!(fp(p).is_err());
        assert_eq!(fp("0xf").ok(), Some(Fq::from(15)));
        assert_eq!(fp_from_bytes(&[0; 64]), Some(Fq::from(0)));
        assert_eq!(fp_from_bytes(&[1; 64]), None);
        assert_eq!(fp_to_bytes(&Fq::from(258))[46..], [1, 2]);
        assert!(fp2("0x1").is_err() && fp("zz").is_err() && fp("é").is_err());
    }
}
