//! One suite for every backend: each operation against arkworks as the oracle.
//!
//! Every operation sees empty input, identities, equal and opposite and repeated points, scalars and field elements at
//! their edges, lengths around the sizes at which implementations change their method or cut their work, and seeded
//! random inputs. A mismatch names the operation, the case and the seed.

mod field_ops;
mod groups;
mod side;

use crate::random;
use arblast::backend::{Backend, CancelToken, Class, Control, Op};

/// A check of one operation.
pub struct Check {
    /// The operation.
    pub op: Op,
    run: fn(&dyn Backend) -> Result<(), String>,
}

impl Check {
    /// Runs the check on a backend that supports the operation.
    ///
    /// # Errors
    /// The first mismatch, with operation, case and seed.
    pub fn run(&self, backend: &dyn Backend) -> Result<(), String> {
        (self.run)(backend).map_err(|e| format!("{} on {}: {e} (seed {})", self.op, backend.name(), random::seed()))
    }
}

/// The checks of all operations.
pub fn checks() -> Vec<Check> {
    use side::{G1Side, G2Side};
    let check = |op, run| Check { op, run };
    vec![
        check(Op::MsmG1, groups::msm::<G1Side>),
        check(Op::MsmG2, groups::msm::<G2Side>),
        check(Op::MulG1, groups::mul::<G1Side>),
        check(Op::MulG2, groups::mul::<G2Side>),
        check(Op::SumG1, groups::sum::<G1Side>),
        check(Op::SumG2, groups::sum::<G2Side>),
        check(Op::MillerLoop, field_ops::miller_loop),
        check(Op::HashToG1, groups::hash::<G1Side>),
        check(Op::HashToG2, groups::hash::<G2Side>),
        check(Op::MapToG1, groups::map::<G1Side>),
        check(Op::MapToG2, groups::map::<G2Side>),
        check(Op::DecompressG1, groups::decompress::<G1Side>),
        check(Op::DecompressG2, groups::decompress::<G2Side>),
        check(Op::SubgroupG1, groups::subgroup::<G1Side>),
        check(Op::SubgroupG2, groups::subgroup::<G2Side>),
        check(Op::Ntt, field_ops::ntt),
    ]
}

/// A control that never ends a job.
fn control() -> Control {
    Control::new(Class::Job, CancelToken::new())
}

/// Lengths around which implementations change method or cut their work, none of them a multiple of all group sizes.
const LENGTHS: [usize; 15] = [0, 1, 2, 3, 4, 7, 15, 16, 17, 31, 32, 33, 65, 127, 257];

/// Compares, naming the case and, in lists, the first place that differs.
fn same<T: PartialEq + std::fmt::Debug>(case: &str, got: &T, expected: &T) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("{case}: got {got:?}, expected {expected:?}")) }
}

/// Compares lists.
fn same_list<T: PartialEq + std::fmt::Debug>(case: &str, got: &[T], expected: &[T]) -> Result<(), String> {
    if got.len() != expected.len() {
        return Err(format!("{case}: {} results, expected {}", got.len(), expected.len()));
    }
    match got.iter().zip(expected).position(|(g, e)| g != e) {
        None => Ok(()),
        Some(i) => Err(format!("{case}: item {i} of {}: got {:?}, expected {:?}", got.len(), got[i], expected[i])),
    }
}

/// The answer, or the device's error as a mismatch.
fn answer<T>(case: &str, answer: Result<T, arblast::DeviceError>) -> Result<T, String> {
    answer.map_err(|e| format!("{case}: {e}"))
}
