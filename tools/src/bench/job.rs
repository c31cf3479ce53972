//! The operations, sizes and baselines that can be asked for.

use super::Error;
use clap::ValueEnum;

/// Pairs of elements that the field operations multiply over and over; their sizes are multiples of it.
pub(super) const FIELD_PAIRS: usize = 64;

/// An operation of the bench. The size is the number of what each line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Op {
    /// Multi-scalar multiplication in G1: points
    MsmG1,
    /// Multi-scalar multiplication in G2: points
    MsmG2,
    /// MSM in G1 over bases with a table of multiples (16 KiB a base at most): points
    MsmG1Fixed,
    /// MSM in G2 over bases with a table of multiples (16 KiB a base at most): points
    MsmG2Fixed,
    /// MSM in G1, scalars of 64 bits: points
    #[value(name = "msm-g1-64")]
    MsmG1Bits64,
    /// MSM in G1, scalars of 128 bits: points
    #[value(name = "msm-g1-128")]
    MsmG1Bits128,
    /// MSM in G1, a proof's witness (a quarter of the scalars 0, a quarter 1): points
    MsmG1Witness,
    /// MSM in G1, each point many times over (as many different points as a hundredth of all): points
    MsmG1Repeated,
    /// Each point of G1 times a scalar of its own: points
    MulG1,
    /// Each point of G2 times a scalar of its own: points
    MulG2,
    /// Sum of G1 points, such as a committee's keys: points
    SumG1,
    /// Single pairings, one call each: pairings
    Pairing,
    /// One product of pairings: pairs
    MultiPairing,
    /// One product of pairings over points of G2 whose lines are stored: pairs
    MultiPairingPrepared,
    /// RFC 9380 hash to G2: messages
    HashToG2,
    /// G1 points decoded, with curve and subgroup checks: points
    DecompressG1,
    /// G2 points decoded, with curve and subgroup checks: points
    DecompressG2,
    /// Curve and subgroup checks in G1: points
    SubgroupG1,
    /// Curve and subgroup checks in G2: points
    SubgroupG2,
    /// Single signatures verified, one call each (min-pk): signatures
    Verify,
    /// One batch of signatures on distinct messages (min-pk): signatures
    VerifyBatch,
    /// One aggregate signature of many keys on one message (min-pk): keys
    FastAggregateVerify,
    /// Number-theoretic transform over Fr, forward: values
    Ntt,
    /// Batch inversion in Fr: elements
    InvertFr,
    /// Points of G1 from Jacobian to affine coordinates: points
    NormalizeG1,
    /// Throughput of the vector engine's multiplication in Fp: products
    FpMul,
    /// Throughput of the vector engine's multiplication in Fp2: products
    Fp2Mul,
}

impl Op {
    /// What `--op all` runs, with the size of each: those with a meaning and a blst baseline.
    /// Sizes are such that most jobs take a few milliseconds: on a machine that does other work too, a longer one is
    /// seldom run without an interruption.
    pub const ALL: [(Op, usize); 13] = [
        (Op::MsmG1, 1 << 10),
        (Op::MsmG2, 1 << 8),
        (Op::SumG1, 1 << 12),
        (Op::Pairing, 1),
        (Op::MultiPairing, 16),
        (Op::HashToG2, 16),
        (Op::DecompressG1, 32),
        (Op::DecompressG2, 32),
        (Op::SubgroupG1, 32),
        (Op::SubgroupG2, 32),
        (Op::Verify, 1),
        (Op::VerifyBatch, 64),
        (Op::FastAggregateVerify, 1 << 9),
    ];

    /// The name on the command line and in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MsmG1 => "msm-g1",
            Self::MsmG2 => "msm-g2",
            Self::MsmG1Fixed => "msm-g1-fixed",
            Self::MsmG2Fixed => "msm-g2-fixed",
            Self::MsmG1Bits64 => "msm-g1-64",
            Self::MsmG1Bits128 => "msm-g1-128",
            Self::MsmG1Witness => "msm-g1-witness",
            Self::MsmG1Repeated => "msm-g1-repeated",
            Self::MulG1 => "mul-g1",
            Self::MulG2 => "mul-g2",
            Self::SumG1 => "sum-g1",
            Self::Pairing => "pairing",
            Self::MultiPairing => "multi-pairing",
            Self::MultiPairingPrepared => "multi-pairing-prepared",
            Self::HashToG2 => "hash-to-g2",
            Self::DecompressG1 => "decompress-g1",
            Self::DecompressG2 => "decompress-g2",
            Self::SubgroupG1 => "subgroup-g1",
            Self::SubgroupG2 => "subgroup-g2",
            Self::Verify => "verify",
            Self::VerifyBatch => "verify-batch",
            Self::FastAggregateVerify => "fast-aggregate-verify",
            Self::Ntt => "ntt",
            Self::InvertFr => "invert-fr",
            Self::NormalizeG1 => "normalize-g1",
            Self::FpMul => "fp-mul",
            Self::Fp2Mul => "fp2-mul",
        }
    }

    /// The size taken where none is asked for.
    pub fn default_size(self) -> usize {
        let other = if self.is_field() { 1 << 14 } else { 1 << 12 };
        Self::ALL.iter().find(|(op, _)| *op == self).map_or(other, |(_, size)| *size)
    }

    /// Whether it is an operation of a field alone, whose size is a multiple of the pairs that are worked on.
    pub(super) const fn is_field(self) -> bool {
        matches!(self, Self::FpMul | Self::Fp2Mul)
    }

    /// Whether it runs on one thread whatever the plan says.
    pub(super) const fn is_single_threaded(self) -> bool {
        self.is_field() || matches!(self, Self::InvertFr | Self::NormalizeG1)
    }

    /// Whether its points were prepared for many calls.
    const fn is_fixed(self) -> bool {
        matches!(self, Self::MsmG1Fixed | Self::MsmG2Fixed | Self::MultiPairingPrepared)
    }
}

/// What a backend is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Baseline {
    /// blst, called directly
    Blst,
    /// arkworks, called directly
    Arkworks,
    /// The same backend without table of multiples or stored lines (msm-g1-fixed, msm-g2-fixed, multi-pairing-prepared)
    Plain,
}

impl Baseline {
    /// The name on the command line and in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blst => "blst",
            Self::Arkworks => "arkworks",
            Self::Plain => "plain",
        }
    }
}

/// Whether the baseline's side of an operation is cut into parts for several threads; the rest runs on one.
pub(super) const fn baseline_uses_threads(op: Op) -> bool {
    !matches!(op, Op::Pairing | Op::Verify) && !op.is_single_threaded()
}

/// Refuses what has no meaning.
///
/// # Errors
/// [`Error::Refused`], with the reason for a person.
pub fn check(op: Op, size: usize, baseline: Baseline) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::Refused(why));
    match op {
        _ if size == 0 => refuse("a size of 0 measures nothing".into()),
        _ if op.is_field() && !size.is_multiple_of(FIELD_PAIRS) => {
            refuse(format!("{}: the size must be a multiple of {FIELD_PAIRS}, got {size}", op.name()))
        }
        _ if baseline == Baseline::Plain && !op.is_fixed() => no_plain(),
        Op::InvertFr if baseline == Baseline::Blst => {
            refuse("blst has no batch inversion; compare with arkworks: --op invert-fr --baseline arkworks".into())
        }
        _ if size > 1 << 24 => refuse(format!("a size of {size} is more than 2^24, the most that is measured")),
        Op::Ntt if baseline == Baseline::Blst => {
            refuse("blst has no NTT; compare with arkworks: --op ntt --baseline arkworks".into())
        }
        Op::Ntt if !size.is_power_of_two() => refuse(format!("ntt: the size must be a power of two, got {size}")),
        _ => Ok(()),
    }
}

/// Refuses a comparison with points that are not prepared, for an operation that prepares none.
pub(super) fn no_plain<T>() -> Result<T, Error> {
    let fixed = "msm-g1-fixed, msm-g2-fixed and multi-pairing-prepared";
    Err(Error::Refused(format!("plain is what {fixed} are compared with, and nothing else")))
}

/// Reads a comma-separated list of sizes, each a count (`1024`) or a power (`2^10`).
///
/// # Errors
/// What is wrong, for the person who typed it.
pub fn parse_sizes(list: &str) -> Result<Vec<usize>, String> {
    list.split(',').map(|item| parse_size(item.trim())).collect()
}

fn parse_size(item: &str) -> Result<usize, String> {
    let bad = || format!("{item:?} is no size: write a count (1024) or a power (2^10), several separated by commas");
    let size = match item.split_once('^') {
        Some((base, exponent)) => {
            let base: usize = base.parse().map_err(|_| bad())?;
            let exponent: u32 = exponent.parse().map_err(|_| bad())?;
            base.checked_pow(exponent).ok_or_else(bad)?
        }
        None => item.parse().map_err(|_| bad())?,
    };
    if size == 0 { Err(bad()) } else { Ok(size) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_counts_or_powers() {
        assert_eq!(parse_sizes("1024,65536"), Ok(vec![1024, 65536]));
        assert_eq!(parse_sizes("2^10, 2^16"), Ok(vec![1024, 65536]));
        for bad in ["", "0", "ten", "2^", "^3", "2^99", "1,,2", "-1"] {
            assert!(parse_sizes(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for op in Op::value_variants() {
            assert_eq!(op.to_possible_value().unwrap().get_name(), op.name());
        }
    }

    #[test]
    fn meaningless_combinations_are_refused() {
        for (op, size, baseline) in [
            (Op::FpMul, 1, Baseline::Blst),
            (Op::Fp2Mul, 1, Baseline::Arkworks),
            (Op::Ntt, 8, Baseline::Blst),
            (Op::Ntt, 6, Baseline::Arkworks),
            (Op::Verify, 0, Baseline::Blst),
            (Op::MsmG1, 8, Baseline::Plain),
            (Op::InvertFr, 8, Baseline::Blst),
            (Op::MsmG1, 1 << 30, Baseline::Blst),
        ] {
            assert!(matches!(check(op, size, baseline), Err(Error::Refused(_))), "{op:?} {size}");
        }
    }
}
