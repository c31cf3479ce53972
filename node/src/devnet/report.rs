//! The lines and the summary of a devnet, at most 80 columns wide.

use crate::crypto::Usage;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// The heading of the lines.
pub fn header() -> String {
    format!("{:>8} {:>7} {:>9} {:>11}  {:<16} {:>11}", "height", "txs", "unchecked", "verify", "backend", "finality")
}

/// One final block.
pub struct Line {
    /// Its height.
    pub height: u64,
    /// How many transactions it holds.
    pub transactions: usize,
    /// The most signatures that a validator had not checked in its mempool before.
    pub checked: usize,
    /// The longest check by a validator.
    pub verification: Duration,
    /// The backend that did most since the last line.
    pub backend: String,
    /// From the beginning of the proposal to the certificate of finality.
    pub finality: Option<Duration>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { height, transactions, checked, verification, backend, finality } = self;
        let finality = finality.map_or_else(|| "-".into(), milliseconds);
        let verification = milliseconds(*verification);
        write!(f, "{height:>8} {transactions:>7} {checked:>9} {verification:>11}  {backend:<16.16} {finality:>11}")
    }
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

/// Median and 95th percentile, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half of the samples are at most this.
    pub p50: f64,
    /// 95 of 100 samples are at most this.
    pub p95: f64,
}

impl Quantiles {
    /// Of samples in ascending order; zero if there are none.
    pub fn of(sorted: &[Duration]) -> Self {
        let at = |part: f64| match sorted.len() {
            0 => 0.0,
            count => sorted[((count as f64 * part).ceil() as usize).clamp(1, count) - 1].as_secs_f64() * 1e3,
        };
        Self { p50: at(0.50), p95: at(0.95) }
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.1} ms, p95 {:.1} ms", self.p50, self.p95)
    }
}

/// The transactions of one lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LaneSummary {
    /// Final transactions.
    pub transactions: usize,
    /// From the submission to a validator to finality at the observer.
    pub finality_ms: Quantiles,
}

/// What a devnet run measured.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// How many validators there were.
    pub validators: usize,
    /// Final blocks.
    pub blocks: usize,
    /// Height of the last of them.
    pub height: u64,
    /// Transactions in them.
    pub transactions: usize,
    /// From the first final block to the last.
    pub seconds: f64,
    /// Transactions of all blocks but the first, over those seconds.
    pub transactions_per_second: f64,
    /// From the beginning of a proposal to the certificate of finality.
    pub finality_ms: Quantiles,
    /// The priority lane.
    pub priority: LaneSummary,
    /// The standard lane.
    pub standard: LaneSummary,
    /// The check of one block by one validator: settlement, signatures, state root.
    pub verification_ms: Quantiles,
    /// Transactions kept by mempools after a check, of all validators together.
    pub admitted: u64,
    /// Transactions with a good signature that mempools did not keep.
    pub shed: u64,
    /// Transactions with a wrong signature.
    pub invalid: u64,
    /// Blocks that a validator refused.
    pub blocks_refused: u64,
    /// Peers that a validator blocked for a protocol violation.
    pub peers_blocked: u64,
    /// What each backend did.
    pub backends: Vec<Usage>,
    /// The state root after the last block.
    pub state_root: Option<String>,
    /// Whether every validator has that state root at that height.
    pub agreed: bool,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "validators: {}", self.validators)?;
        writeln!(f, "blocks: {} in {:.1} s", self.blocks, self.seconds)?;
        writeln!(f, "transactions: {}", self.transactions)?;
        writeln!(f, "transactions/s: {:.0}", self.transactions_per_second)?;
        writeln!(f, "finality: {}", self.finality_ms)?;
        for (name, lane) in [("priority", &self.priority), ("standard", &self.standard)] {
            if lane.transactions > 0 {
                writeln!(f, "{name} lane, submission to finality: {}", lane.finality_ms)?;
            }
        }
        writeln!(f, "block verification: {}", self.verification_ms)?;
        writeln!(
            f,
            "signatures checked at admission: {} ({} wrong)",
            self.admitted + self.shed + self.invalid,
            self.invalid
        )?;
        for Usage { backend, operations, items, faults, fallbacks } in &self.backends {
            writeln!(
                f,
                "backend {backend}: {operations} operations, {items} items, {faults} faults, {fallbacks} fallbacks"
            )?;
        }
        let fallbacks: u64 = self.backends.iter().map(|usage| usage.fallbacks).sum();
        writeln!(f, "fallbacks to the CPU: {fallbacks}")?;
        writeln!(f, "blocks refused: {}, peers blocked: {}", self.blocks_refused, self.peers_blocked)?;
        match (&self.state_root, self.agreed) {
            (Some(root), true) => {
                write!(f, "state root: {}..., the same at all {} validators", &root[..16], self.validators)
            }
            (_, true) => write!(f, "state root: no block was finalized"),
            (_, false) => write!(f, "state root: THE VALIDATORS DISAGREE or one fell behind"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_samples() {
        let samples: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(Quantiles::of(&samples), Quantiles { p50: 50.0, p95: 95.0 });
        assert_eq!(Quantiles::of(&samples[..1]), Quantiles { p50: 1.0, p95: 1.0 });
        assert_eq!(Quantiles::of(&[]), Quantiles::default());
    }

    #[test]
    fn lines_fit_into_eighty_columns() {
        let line = Line {
            height: 99_999_999,
            transactions: 16_384,
            checked: 16_384,
            verification: Duration::from_millis(99_999),
            backend: "a-backend-with-a-very-long-name".into(),
            finality: Some(Duration::from_millis(99_999)),
        };
        assert!(line.to_string().len() <= 80, "{line}");
        assert_eq!(line.to_string().len(), header().len());
    }
}
