//! Errors, sorted by whose fault they are.
//!
//! | type | whose fault | what happens |
//! |---|---|---|
//! | [`Error`] | the caller: lengths, indices, parameters | returned; nothing was computed |
//! | [`PointError`] | the input: bytes or coordinates from outside | a verdict about that one item |
//! | [`DeviceError`] | the device: absent, lost, late, wrong | never leaves the dispatcher: the CPU answers instead |
//!
//! An invalid signature or proof is none of these: it is `Ok(false)`.

use std::time::Duration;

/// Why a call could not be carried out: the arguments do not fit together, or the caller gave up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two arguments that must have the same length have not.
    #[error("{what}: got {got} items, expected {expected}; pass one per {per}")]
    LengthMismatch {
        /// The argument whose length is wrong.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length it should have.
        expected: usize,
        /// What there must be one of it for.
        per: &'static str,
    },
    /// An index points past the end of the points it selects from.
    #[error("index list {list}: index {index} at position {position} is out of range for {points} points")]
    IndexOutOfRange {
        /// Which list, from 0.
        list: usize,
        /// Which position in that list, from 0.
        position: usize,
        /// The offending index.
        index: u32,
        /// How many points there are.
        points: usize,
    },
    /// An NTT length that is no power of two or exceeds the 2-adicity of `Fr` (2^32).
    #[error("ntt: got {got} values; the length must be a power of two from 1 to 2^32")]
    NttLength {
        /// The length passed.
        got: usize,
    },
    /// The offset of a coset is zero, so that the coset has a single element.
    #[error("ntt: the coset offset is zero; pass an element outside the domain, such as the generator 7")]
    ZeroCosetOffset,
    /// A domain separation tag is empty, which RFC 9380 section 3.1 forbids.
    #[error("the domain separation tag is empty; RFC 9380 section 3.1 requires at least one byte")]
    EmptyDst,
    /// Key material is too short to derive a key from.
    #[error("key material: got {got} bytes, expected at least {expected}")]
    KeyMaterialTooShort {
        /// Bytes passed.
        got: usize,
        /// The least that is accepted.
        expected: usize,
    },
    /// The public information that goes into a key is longer than is accepted.
    #[error("key info: got {got} bytes, expected at most {most}")]
    KeyInfoTooLong {
        /// Bytes passed.
        got: usize,
        /// The most that is accepted.
        most: usize,
    },
    /// A path through the tree of keys is not one of EIP-2334.
    #[error("key path {path:?}: {reason}")]
    KeyPath {
        /// The path passed.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A secret key is not in `1..r`.
    #[error("secret key: not an integer from 1 to r-1 in 32 big-endian bytes")]
    InvalidSecretKey,
    /// A call needs at least one item.
    #[error("{what}: got an empty list, expected at least one item")]
    Empty {
        /// The argument that is empty.
        what: &'static str,
    },
    /// A point inside a call's input is not what the call accepts.
    #[error("{what} {index}: {source}")]
    Point {
        /// What the point is (a public key, a signature).
        what: &'static str,
        /// Its position in the input, from 0.
        index: usize,
        /// What is wrong with it.
        source: PointError,
    },
    /// The caller cancelled the call.
    #[error("the call was cancelled by its caller")]
    Cancelled,
    /// The reference itself failed, which no input should bring about.
    #[error("the CPU reference failed, which is a defect of arblast: {0}")]
    Reference(DeviceError),
    /// The operating system gave no randomness.
    #[error("the operating system's random generator failed: {0}")]
    Randomness(String),
    /// A backend was asked for by a name that no backend has.
    #[error("unknown backend {name:?}; known here: {known}")]
    UnknownBackend {
        /// The name asked for.
        name: String,
        /// Comma-separated names that are accepted.
        known: String,
    },
    /// A backend was asked for by name but is not usable.
    #[error("backend {name:?} cannot be used: {reason}")]
    BackendUnavailable {
        /// The name asked for.
        name: String,
        /// Why, for the operator.
        reason: String,
    },
    /// A setting has an impossible value.
    #[error("{what}: got {got:?}, expected {expected}")]
    InvalidSetting {
        /// The setting.
        what: &'static str,
        /// The value passed.
        got: String,
        /// What is accepted.
        expected: &'static str,
    },
    /// The record of retired devices cannot be read or written.
    #[error("the record of retired devices at {path}: {reason}")]
    Record {
        /// The file.
        path: String,
        /// What failed.
        reason: String,
    },
}

/// What is wrong with the encoding or the coordinates of one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PointError {
    /// The encoding has the wrong number of bytes.
    #[error("got {got} bytes, expected {expected}")]
    Length {
        /// Bytes passed.
        got: usize,
        /// Bytes of an encoding.
        expected: usize,
    },
    /// Flag bits, field elements or the encoding of infinity are not canonical.
    #[error("the encoding is not canonical: bad flags, a coordinate not below p, or a malformed infinity")]
    Encoding,
    /// The coordinates do not satisfy the curve equation.
    #[error("the point is not on the curve")]
    NotOnCurve,
    /// The point is on the curve but outside the subgroup of order r.
    #[error("the point is on the curve but not in the subgroup of order r")]
    NotInSubgroup,
    /// The identity where it is not allowed, such as a public key.
    #[error("the point is the identity, which is not allowed here")]
    Identity,
}

/// Why a device did not answer. Seen by backends and in statistics; callers of the dispatcher never receive one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The device does not have this operation, or not at this size.
    #[error("the device does not support this operation")]
    Unsupported,
    /// The device is not there or not reachable any more.
    #[error("the device is lost: {0}")]
    Lost(String),
    /// The device has not enough memory for the job.
    #[error("the device is out of memory: {0}")]
    OutOfMemory(String),
    /// The driver, runtime or kernel reported an error.
    #[error("the device failed: {0}")]
    Failed(String),
    /// The deadline passed before the answer was there.
    #[error("the device was not done after {0:.1?}")]
    TimedOut(Duration),
    /// The caller cancelled the call.
    #[error("cancelled")]
    Cancelled,
    /// The backend panicked; the message of the panic.
    #[error("the backend panicked: {0}")]
    Panicked(String),
    /// The answer has the wrong shape, or an audit found it wrong.
    #[error("the device gave a wrong answer: {0}")]
    WrongAnswer(String),
}
