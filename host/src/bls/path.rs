//! EIP-2334: paths through the tree of keys of EIP-2333.

use super::secret::SecretKey;
use crate::error::Error;

/// The first level of every path: the name of the curve.
const PURPOSE: u32 = 12381;

/// Levels below the master key that a path has at least: purpose, coin type, account, use.
const FEWEST_LEVELS: usize = 4;

impl SecretKey {
    /// The key at an EIP-2334 path, seen from this master key: `m/12381/3600/0/0/0` is the signing key of the first
    /// Ethereum validator.
    ///
    /// A path is `m` and at least four levels, each `/` and a decimal integer below 2^32, the first 12381. For other
    /// trees there is [`derive_child`](Self::derive_child). Constant time in the key, variable in the path.
    ///
    /// # Errors
    /// [`Error::KeyPath`], which says what is wrong with the path.
    pub fn derive_path(&self, path: &str) -> Result<Self, Error> {
        let indices = indices(path)?;
        let mut levels = indices.iter();
        // At least four levels were checked: the first one is there.
        let first = self.derive_child(levels.next().copied().unwrap_or(PURPOSE));
        Ok(levels.fold(first, |key, &index| key.derive_child(index)))
    }
}

/// The indices that a path names, from the level below the master key on.
fn indices(path: &str) -> Result<Vec<u32>, Error> {
    let fault = |reason| Error::KeyPath { path: path.into(), reason };
    let mut levels = path.split('/');
    if levels.next() != Some("m") {
        return Err(fault("it must begin with the master key m"));
    }
    let index = |level: &str| match level.bytes().all(|b| b.is_ascii_digit()) {
        _ if level.is_empty() => Err(fault("a level is empty")),
        false if level.ends_with('\'') => Err(fault("hardened levels (') do not exist here; every level is hardened")),
        false => Err(fault("a level is not a decimal integer")),
        true => level.parse().map_err(|_| fault("a level is not below 2^32")),
    };
    let indices: Vec<u32> = levels.map(index).collect::<Result<_, _>>()?;
    if indices.len() < FEWEST_LEVELS {
        return Err(fault("it needs at least four levels: m/12381/coin_type/account/use"));
    }
    if indices[0] != PURPOSE {
        return Err(fault("its first level, the purpose, must be 12381"));
    }
    Ok(indices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        assert_eq!(indices("m/12381/3600/0/0/0"), Ok(vec![12381, 3600, 0, 0, 0]));
        assert_eq!(indices("m/12381/60/3141592653/4294967295"), Ok(vec![12381, 60, 3_141_592_653, u32::MAX]));
    }

    #[test]
    fn bad_paths_are_refused_with_the_reason() {
        for (path, part) in [
            ("", "begin with"),
            ("/12381/3600/0/0", "begin with"),
            ("M/12381/3600/0/0", "begin with"),
            (" m/12381/3600/0/0", "begin with"),
            ("m", "four levels"),
            ("m/12381/3600/0", "four levels"),
            ("m/12381/3600/0/", "empty"),
            ("m/12381//3600/0/0", "empty"),
            ("m/12381'/3600'/0'/0'", "hardened"),
            ("m/12381/3600/+1/0", "decimal"),
            ("m/12381/3600/-1/0", "decimal"),
            ("m/12381/3600/0x1/0", "decimal"),
            ("m/12381/3600/\u{664}/0", "decimal"),
            ("m/12381/3600/4294967296/0", "below 2^32"),
            ("m/44/60/0/0/0", "purpose"),
        ] {
            let error = indices(path).unwrap_err().to_string();
            assert!(error.contains(part), "{path:?}: {error}");
        }
    }
}
