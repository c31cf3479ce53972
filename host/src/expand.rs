//! RFC 9380 `expand_message_xmd` with SHA-256: the first step of hashing to a field, and of the protocols that hash to
//! something else under a domain separation tag.

use crate::error::Error;

/// The longest output: 255 blocks of SHA-256.
const LONGEST: usize = 255 * 32;

/// `len` uniform bytes from a message under a domain separation tag (RFC 9380, section 5.3.1, SHA-256; a tag above 255
/// bytes is hashed first, section 5.3.3). Runs on the calling thread. Time depends on the lengths only.
///
/// # Errors
/// [`Error::EmptyDst`]; [`Error::InvalidSetting`] for a length of 0 or above 8,160.
pub fn expand_message_xmd(message: &[u8], dst: &[u8], len: usize) -> Result<Vec<u8>, Error> {
    if dst.is_empty() {
        return Err(Error::EmptyDst);
    }
    if !(1..=LONGEST).contains(&len) {
        let expected = "a number of bytes from 1 to 8160";
        return Err(Error::InvalidSetting { what: "expand_message_xmd length", got: len.to_string(), expected });
    }
    let mut out = vec![0; len];
    fill(message, dst, &mut out);
    Ok(out)
}

/// [`expand_message_xmd`] into a place of its own, of at most 8,160 bytes.
pub(crate) fn fill(message: &[u8], dst: &[u8], out: &mut [u8]) {
    assert!(out.len() <= LONGEST);
    // SAFETY: pointers with their lengths; the length is one that blst accepts.
    unsafe {
        blst::blst_expand_message_xmd(
            out.as_mut_ptr(),
            out.len(),
            message.as_ptr(),
            message.len(),
            dst.as_ptr(),
            dst.len(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9380, appendix K.1.
    const DST: &[u8] = b"QUUX-V01-CS02-with-expander-SHA256-128";

    #[test]
    fn agrees_with_the_rfc() {
        let out = expand_message_xmd(b"", DST, 0x20).unwrap();
        assert_eq!(hex::encode(out), "68a985b87eb6b46952128911f2a4412bbc302a9d759667f87f7a21d803f07235");
        let out = expand_message_xmd(b"abc", DST, 0x20).unwrap();
        assert_eq!(hex::encode(out), "d8ccab23b5985ccea865c6c97b6e5b8350e794e603b4b97902f53a8a0d605615");
    }

    #[test]
    fn impossible_lengths_and_tags_are_refused() {
        assert_eq!(expand_message_xmd(b"m", b"", 32), Err(Error::EmptyDst));
        for len in [0, LONGEST + 1, usize::MAX] {
            assert!(matches!(expand_message_xmd(b"m", DST, len), Err(Error::InvalidSetting { .. })), "{len}");
        }
        for len in [1, 31, 33, LONGEST - 1, LONGEST] {
            assert_eq!(expand_message_xmd(b"m", DST, len).unwrap().len(), len);
        }
        assert_eq!(expand_message_xmd(b"m", &[7; 300], 40).unwrap().len(), 40);
    }
}
