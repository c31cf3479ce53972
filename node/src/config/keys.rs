//! Key files.
//!
//! A validator has two secrets: the *identity* (ed25519), with which it authenticates its connections, and the *vote
//! key* (BLS12-381), with which it signs votes. Each is a text file:
//!
//! ```text
//! # Arblast vote key of 0x9a1c... Keep it secret, and use it on one machine only.
//! 3f8e... (64 hexadecimal digits: 32 bytes)
//! ```
//!
//! Empty lines and lines that begin with `#` are ignored. The files are not encrypted: like the host keys of an SSH
//! server they are read without a person present, and what protects them is who may read them. A file that others than
//! its owner may read is refused.
//!
//! Both keys are made from 32 bytes of the operating system's generator. Buffers that held a secret are wiped.

use super::FileError;
use crate::crypto::SecretKey;
use crate::genesis;
use commonware_codec::DecodeExt as _;
use commonware_cryptography::{Signer as _, ed25519};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use zeroize::Zeroizing;

/// The secrets of one validator.
pub struct Keys {
    /// Authenticates its connections.
    pub identity: ed25519::PrivateKey,
    /// Signs its votes.
    pub vote: SecretKey,
}

/// Largest key file read: more is no key file.
const MOST: u64 = 4096;

/// 32 bytes from the operating system's generator.
///
/// # Errors
/// The system has no randomness.
pub fn random() -> io::Result<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut()).map_err(io::Error::other)?;
    Ok(bytes)
}

/// A new BLS secret key; `purpose` separates keys of different uses.
///
/// # Errors
/// The system has no randomness.
pub fn generate_bls(purpose: &[u8]) -> io::Result<SecretKey> {
    SecretKey::key_gen(random()?.as_ref(), purpose).map_err(io::Error::other)
}

impl Keys {
    /// New keys of full entropy.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate() -> io::Result<Self> {
        Ok(Self { identity: identity(&*random()?)?, vote: generate_bls(b"vote")? })
    }

    /// Reads both from their files.
    ///
    /// # Errors
    /// A [`FileError`] that names the file and what to do.
    pub fn load(identity_path: &Path, vote_path: &Path) -> Result<Self, FileError> {
        let secret = read(identity_path)?;
        let identity = identity(&secret).map_err(|error| FileError::new(identity_path, error.to_string()))?;
        let secret = read(vote_path)?;
        let vote = SecretKey::from_bytes(secret.as_ref()).map_err(|error| {
            FileError::new(vote_path, format!("{error}; restore the file from where the key was made"))
        })?;
        Ok(Self { identity, vote })
    }

    /// The entry of the genesis, which proves that the vote key's secret is known.
    pub fn entry(&self) -> genesis::Validator {
        genesis::Validator {
            identity: self.identity.public_key(),
            vote: crate::crypto::address(&self.vote).as_ref().try_into().unwrap_or([0; 48]),
            proof: crate::crypto::prove_possession(&self.vote).to_bytes(),
        }
    }

    /// Writes both to new files that only their owner may read.
    ///
    /// # Errors
    /// A file exists already, or cannot be written.
    pub fn store(&self, identity_path: &Path, vote_path: &Path) -> Result<(), FileError> {
        let public = hex::encode(commonware_codec::Encode::encode(&self.identity.public_key()));
        let secret = Zeroizing::new(commonware_codec::Encode::encode(&self.identity).to_vec());
        let title = format!("Arblast identity of {public}");
        write(identity_path, &title, &secret)?;
        let title = format!("Arblast vote key of 0x{}", crate::crypto::address(&self.vote));
        write(vote_path, &title, self.vote.to_bytes().as_ref())
    }
}

fn identity(secret: &[u8; 32]) -> io::Result<ed25519::PrivateKey> {
    ed25519::PrivateKey::decode(commonware_codec::Copying(secret.as_slice())).map_err(io::Error::other)
}

fn write(path: &Path, title: &str, secret: &[u8]) -> Result<(), FileError> {
    let digits = Zeroizing::new(hex::encode(secret));
    let text = Zeroizing::new(format!("# {title}.\n# Keep it secret, and use it on one machine only.\n{}\n", *digits));
    write_private(path, text.as_bytes()).map_err(|error| FileError::new(path, format!("cannot be written: {error}")))
}

/// Writes a new file that only its owner may read, and syncs it.
///
/// # Errors
/// It exists already, or cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Reads the 32 bytes of a key file that only its owner may read.
fn read(path: &Path) -> Result<Zeroizing<[u8; 32]>, FileError> {
    let refused = |what: String| FileError::new(path, what);
    let file = File::open(path).map_err(|error| refused(format!("cannot be read: {error}")))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata().map_err(|error| refused(format!("cannot be read: {error}")))?.permissions().mode();
        if mode & 0o077 != 0 {
            let shown = path.display();
            let mode = mode & 0o777;
            return Err(refused(format!(
                "others may read this secret (mode {mode:03o}, expected 600); if nobody has, run: chmod 600 {shown}"
            )));
        }
    }
    let mut text = Zeroizing::new(String::with_capacity(MOST as usize + 1));
    file.take(MOST + 1).read_to_string(&mut text).map_err(|error| refused(format!("cannot be read: {error}")))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (Some(digits), None) = (lines.next(), lines.next()) else {
        return Err(refused("no key: expected one line of 64 hexadecimal digits".into()));
    };
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let mut secret = Zeroizing::new([0; 32]);
    // The error does not show the digits: it may go to a log.
    hex::decode_to_slice(digits, secret.as_mut()).map_err(|_| {
        refused(format!("no key: got a line of {} characters, expected 64 hexadecimal digits", digits.len()))
    })?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn keys_come_back_and_are_not_overwritten() {
        let folder = Scratch::new("keys").unwrap();
        let (identity, vote) = (folder.path().join("identity.key"), folder.path().join("vote.key"));
        let keys = Keys::generate().unwrap();
        keys.store(&identity, &vote).unwrap();
        let again = Keys::load(&identity, &vote).unwrap();
        assert_eq!(again.entry(), keys.entry());
        assert_ne!(Keys::generate().unwrap().entry(), keys.entry());
        assert!(keys.store(&identity, &vote).is_err(), "a key is never overwritten");
    }

    #[test]
    fn a_bad_key_file_is_refused_and_not_shown() {
        let folder = Scratch::new("bad-keys").unwrap();
        let (identity, vote) = (folder.path().join("identity.key"), folder.path().join("vote.key"));
        Keys::generate().unwrap().store(&identity, &vote).unwrap();
        let good = std::fs::read_to_string(&vote).unwrap();
        let order = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";
        let zero = "0".repeat(64);
        for bad in ["", "# only a comment\n", "abc\n", order, zero.as_str(), &"g".repeat(64), &good.repeat(2)] {
            std::fs::write(&vote, bad).unwrap();
            let error = Keys::load(&identity, &vote).err().expect("refused").to_string();
            assert!(error.contains("vote.key"), "{error}");
            assert!(bad.len() < 20 || !error.contains(&bad[..20]), "the secret is in the message: {error}");
        }
        std::fs::write(&vote, &good).unwrap();
        std::fs::remove_file(&identity).unwrap();
        assert!(Keys::load(&identity, &vote).err().unwrap().to_string().contains("identity.key"));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Scratch::new("open-keys").unwrap();
        let (identity, vote) = (folder.path().join("identity.key"), folder.path().join("vote.key"));
        Keys::generate().unwrap().store(&identity, &vote).unwrap();
        assert_eq!(std::fs::metadata(&vote).unwrap().permissions().mode() & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o660] {
            std::fs::set_permissions(&vote, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = Keys::load(&identity, &vote).err().expect("refused").to_string();
            assert!(error.contains("chmod 600"), "{error}");
        }
    }
}
