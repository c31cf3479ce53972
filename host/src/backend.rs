//! What a device implements: the [`Backend`] trait, the operations, and the control a running job obeys.
//!
//! The dispatcher checks lengths, indices and parameters before a backend sees them, and picks a backend only for an
//! operation that it [supports](Backend::supports). A backend checks nothing again; its errors cover only what the
//! caller cannot foresee (device lost, out of memory, a driver's error). It returns group and field elements; what
//! they mean for a signature or a proof is decided on the CPU.

use crate::error::{DeviceError, PointError};
use crate::point::{G1, G2};
use ark_bls12_381::{Fq, Fq2, Fq12, Fr, G1Affine, G2Affine};
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident => $name:literal),* $(,)?) => {
        /// An operation a backend may have. The size that choices are made by is the number of items named here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Op { $($(#[$doc])* $variant),* }

        impl Op {
            /// Every operation, in order.
            pub const ALL: [Op; [$(Op::$variant),*].len()] = [$(Op::$variant),*];

            /// The name used in statistics, metrics and on command lines.
            pub const fn name(self) -> &'static str {
                match self { $(Op::$variant => $name),* }
            }
        }
    };
}

operations! {
    /// Multi-scalar multiplication in G1; size: points.
    MsmG1 => "msm-g1",
    /// Multi-scalar multiplication in G2; size: points.
    MsmG2 => "msm-g2",
    /// Elementwise scalar multiplication in G1; size: points.
    MulG1 => "mul-g1",
    /// Elementwise scalar multiplication in G2; size: points.
    MulG2 => "mul-g2",
    /// Sums of G1 points by index lists; size: indices in all lists.
    SumG1 => "sum-g1",
    /// Sums of G2 points by index lists; size: indices in all lists.
    SumG2 => "sum-g2",
    /// Product of Miller loops; size: pairs.
    MillerLoop => "miller-loop",
    /// RFC 9380 hash to G1; size: messages.
    HashToG1 => "hash-to-g1",
    /// RFC 9380 hash to G2; size: messages.
    HashToG2 => "hash-to-g2",
    /// RFC 9380 map to G1; size: field elements.
    MapToG1 => "map-to-g1",
    /// RFC 9380 map to G2; size: field elements.
    MapToG2 => "map-to-g2",
    /// Decompression in G1 with curve and subgroup checks; size: points.
    DecompressG1 => "decompress-g1",
    /// Decompression in G2 with curve and subgroup checks; size: points.
    DecompressG2 => "decompress-g2",
    /// Curve and subgroup checks in G1; size: points.
    SubgroupG1 => "subgroup-g1",
    /// Curve and subgroup checks in G2; size: points.
    SubgroupG2 => "subgroup-g2",
    /// Number-theoretic transform over Fr; size: values.
    Ntt => "ntt",
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a call ranks against others; served in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Votes and certificates: a late answer stalls the network.
    Consensus,
    /// Validating or building a block.
    Block,
    /// Admitting transactions to the mempool.
    Admission,
    /// Proofs and other bulk work.
    Job,
}

impl Class {
    /// Every class, most urgent first.
    pub const ALL: [Class; 4] = [Class::Consensus, Class::Block, Class::Admission, Class::Job];

    /// The name used in statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Consensus => "consensus",
            Class::Block => "block",
            Class::Admission => "admission",
            Class::Job => "job",
        }
    }
}

/// A flag with which a caller gives up on a call. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the flag; calls that carry it end with [`Error::Cancelled`](crate::Error::Cancelled) at their next piece.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the flag is set.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a running job asks between its pieces: may it go on, and is something more urgent waiting?
pub trait Yield: Send + Sync {
    /// Called between pieces of a job of `class`: runs, or lets run, what is more urgent, then returns.
    fn yield_to_urgent(&self, class: Class);
}

/// The control a job runs under: its class, deadline, cancellation, and the place it yields to urgent work.
///
/// A backend cuts its work into pieces of at most [`Control::PIECE`] and calls [`Control::checkpoint`] between them.
/// A checkpoint may run another job of the same backend on this thread, so no lock may be held across it.
///
/// On the CPU, which the operating system shares out anyway, pieces are as short but for two: one window of an MSM of
/// more than 2^17 points, and a whole NTT.
#[derive(Clone)]
pub struct Control {
    class: Class,
    start: Instant,
    deadline: Option<Instant>,
    abandoned: CancelToken,
    cancelled: CancelToken,
    urgent: Option<Arc<dyn Yield>>,
}

impl Control {
    /// The longest a job may run between two checkpoints.
    pub const PIECE: Duration = Duration::from_millis(50);

    /// A control without deadline, for work that only its caller's token ends.
    pub fn new(class: Class, cancelled: CancelToken) -> Self {
        let abandoned = CancelToken::new();
        Self { class, start: Instant::now(), deadline: None, abandoned, cancelled, urgent: None }
    }

    /// Sets the instant after which nobody waits for the answer.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets where the job yields to more urgent work.
    #[must_use]
    pub fn with_yield(mut self, urgent: Arc<dyn Yield>) -> Self {
        self.urgent = Some(urgent);
        self
    }

    /// The class of the call.
    pub fn class(&self) -> Class {
        self.class
    }

    /// Time left until the deadline, if there is one.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|d| d.saturating_duration_since(Instant::now()))
    }

    /// A token that tells the job that nobody waits for it any more.
    pub(crate) fn abandon_token(&self) -> CancelToken {
        self.abandoned.clone()
    }

    /// To be called between pieces: lets more urgent work go first, then says whether to go on.
    ///
    /// # Errors
    /// [`DeviceError::Cancelled`] or [`DeviceError::TimedOut`]: the job stops and returns this error.
    pub fn checkpoint(&self) -> Result<(), DeviceError> {
        if let Some(urgent) = &self.urgent {
            urgent.yield_to_urgent(self.class);
        }
        if self.cancelled.is_cancelled() || self.abandoned.is_cancelled() {
            return Err(DeviceError::Cancelled);
        }
        match self.deadline {
            Some(d) if Instant::now() > d => Err(DeviceError::TimedOut(self.start.elapsed())),
            _ => Ok(()),
        }
    }
}

/// Lists of indices into a slice of points, stored flat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexLists {
    indices: Vec<u32>,
    ends: Vec<usize>,
}

impl IndexLists {
    /// No lists.
    pub fn new() -> Self {
        Self::default()
    }

    /// One list that selects each of `points` points once.
    ///
    /// # Panics
    /// Never: counts above 2^32 are cut there, and no slice of points in memory is that long.
    pub fn all(points: usize) -> Self {
        let count = u32::try_from(points).unwrap_or(u32::MAX);
        Self { indices: (0..count).collect(), ends: vec![count as usize] }
    }

    /// Appends a list; it may be empty (its sum is the identity) and may repeat an index.
    pub fn push(&mut self, list: impl IntoIterator<Item = u32>) {
        self.indices.extend(list);
        self.ends.push(self.indices.len());
    }

    /// Number of lists.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no lists.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All indices, list after list.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// The lists in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        (0..self.ends.len()).map(|i| self.get(i))
    }

    /// List `i`; empty where there is no such list.
    pub fn get(&self, i: usize) -> &[u32] {
        let Some(&end) = self.ends.get(i) else { return &[] };
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.indices[start..end]
    }
}

impl<L: IntoIterator<Item = u32>> FromIterator<L> for IndexLists {
    fn from_iter<T: IntoIterator<Item = L>>(lists: T) -> Self {
        let mut all = Self::new();
        lists.into_iter().for_each(|list| all.push(list));
        all
    }
}

/// Which transform of Fr^n to compute, n a power of two. The root of unity of order n is arkworks' (from the generator
/// 7); values are in natural order on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NttKind {
    /// Evaluations to coefficients instead of coefficients to evaluations.
    pub inverse: bool,
    /// The offset g of the coset g·⟨ω⟩ that is evaluated on; `None` for the subgroup itself. Non-zero.
    pub coset: Option<Fr>,
}

impl NttKind {
    /// Coefficients to evaluations on the subgroup: yᵢ = Σⱼ xⱼ ωⁱʲ.
    pub const FORWARD: Self = Self { inverse: false, coset: None };
    /// Evaluations on the subgroup to coefficients.
    pub const INVERSE: Self = Self { inverse: true, coset: None };
}

/// Bases that a backend keeps in its own form; only the backend that made it can read it.
pub type Prepared = Arc<dyn Any + Send + Sync>;

/// What a backend is, which decides how far its answers are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// blst on the CPU: the reference that everything else falls back to and is checked against.
    Reference,
    /// Our own vector code on the CPU: believed, but its negative verdicts are recomputed.
    VectorEngine,
    /// A device: audited, given a deadline, its negative verdicts recomputed.
    Device,
    /// A simulation or software rendering of a device: as a device, but never chosen by `auto`.
    Simulation,
}

/// What a backend says about itself, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Hardware and driver, as the vendor names them.
    pub hardware: String,
    /// Version of driver, library or design.
    pub version: String,
}

pub(crate) type Answer<T> = Result<T, DeviceError>;

/// A device, an engine or a library that computes some of the operations.
///
/// Each method's default says [`DeviceError::Unsupported`]; a backend implements what it has and says so in
/// [`supports`](Backend::supports). Inputs were validated by the dispatcher: slices that must match do, indices are in
/// range, NTT lengths are powers of two. Points are affine arkworks values, in Montgomery form with R = 2^384, below p.
/// A backend may panic or hang; the dispatcher survives both, but neither is good manners.
pub trait Backend: Send + Sync + 'static {
    /// The name on command lines and in statistics: lower case, unique among the backends of a program.
    fn name(&self) -> &str;

    /// What the backend is.
    fn kind(&self) -> Kind {
        Kind::Device
    }

    /// Hardware and version, for the operator.
    fn describe(&self) -> Description;

    /// Whether the backend has the operation at this size.
    fn supports(&self, op: Op, size: usize) -> bool;

    /// Σᵢ scalarsᵢ·pointsᵢ in G1; both slices have the same length, which may be 0 (the identity).
    fn msm_g1(&self, _points: &[G1], _scalars: &[Fr], _control: &Control) -> Answer<G1Affine> {
        Err(DeviceError::Unsupported)
    }

    /// Σᵢ scalarsᵢ·pointsᵢ in G2; as [`msm_g1`](Backend::msm_g1).
    fn msm_g2(&self, _points: &[G2], _scalars: &[Fr], _control: &Control) -> Answer<G2Affine> {
        Err(DeviceError::Unsupported)
    }

    /// Brings G1 bases into the backend's own form, on the device.
    fn prepare_g1(&self, _points: &[G1], _control: &Control) -> Answer<Prepared> {
        Err(DeviceError::Unsupported)
    }

    /// Brings G2 bases into the backend's own form, on the device.
    fn prepare_g2(&self, _points: &[G2], _control: &Control) -> Answer<Prepared> {
        Err(DeviceError::Unsupported)
    }

    /// As [`prepare_g1`](Backend::prepare_g1), with multiples of the bases in up to `memory` bytes beside or in place of
    /// them, so that MSMs over them are faster. A backend that has no such tables prepares the bases without.
    fn prepare_fixed_g1(&self, points: &[G1], _memory: usize, control: &Control) -> Answer<Prepared> {
        self.prepare_g1(points, control)
    }

    /// As [`prepare_fixed_g1`](Backend::prepare_fixed_g1), in G2.
    fn prepare_fixed_g2(&self, points: &[G2], _memory: usize, control: &Control) -> Answer<Prepared> {
        self.prepare_g2(points, control)
    }

    /// [`msm_g1`](Backend::msm_g1) over prepared bases; as many scalars as bases.
    fn msm_g1_prepared(&self, _bases: &Prepared, _scalars: &[Fr], _control: &Control) -> Answer<G1Affine> {
        Err(DeviceError::Unsupported)
    }

    /// [`msm_g2`](Backend::msm_g2) over prepared bases; as many scalars as bases.
    fn msm_g2_prepared(&self, _bases: &Prepared, _scalars: &[Fr], _control: &Control) -> Answer<G2Affine> {
        Err(DeviceError::Unsupported)
    }

    /// scalarsᵢ·pointsᵢ in G1 for each i; both slices have the same length, `bits` bounds the scalars' bit length.
    fn mul_g1(&self, _points: &[G1], _scalars: &[Fr], _bits: u32, _control: &Control) -> Answer<Vec<G1Affine>> {
        Err(DeviceError::Unsupported)
    }

    /// scalarsᵢ·pointsᵢ in G2 for each i; as [`mul_g1`](Backend::mul_g1).
    fn mul_g2(&self, _points: &[G2], _scalars: &[Fr], _bits: u32, _control: &Control) -> Answer<Vec<G2Affine>> {
        Err(DeviceError::Unsupported)
    }

    /// The sum of each list's points, on the whole curve of G1; an empty list gives the identity.
    fn sum_g1(&self, _points: &[G1Affine], _lists: &IndexLists, _control: &Control) -> Answer<Vec<G1Affine>> {
        Err(DeviceError::Unsupported)
    }

    /// The sum of each list's points, on the whole curve of G2; an empty list gives the identity.
    fn sum_g2(&self, _points: &[G2Affine], _lists: &IndexLists, _control: &Control) -> Answer<Vec<G2Affine>> {
        Err(DeviceError::Unsupported)
    }

    /// Πᵢ f(Pᵢ, Qᵢ), the product of Miller loops of the optimal ate pairing, up to factors that the final
    /// exponentiation sends to 1. Pairs with an identity contribute 1; no pairs give 1.
    fn miller_loop(&self, _pairs: &[(G1, G2)], _control: &Control) -> Answer<Fq12> {
        Err(DeviceError::Unsupported)
    }

    /// Brings G2 points into the backend's own form for [`miller_loop_prepared`](Backend::miller_loop_prepared): with the
    /// lines of their Miller loops, for instance. A backend without such a form has no need of this method.
    fn prepare_pairing(&self, _points: &[G2], _control: &Control) -> Answer<Prepared> {
        Err(DeviceError::Unsupported)
    }

    /// [`miller_loop`](Backend::miller_loop) over `pairs` and, in their order, over the prepared points with one point of
    /// G1 each.
    fn miller_loop_prepared(
        &self,
        _pairs: &[(G1, G2)],
        _points: &Prepared,
        _at: &[G1],
        _control: &Control,
    ) -> Answer<Fq12> {
        Err(DeviceError::Unsupported)
    }

    /// f^(3(p¹² − 1)/r) for a Miller value, by an engine of the CPU that is faster at it than blst; `None` for f = 0 and
    /// from every other backend. Devices are not asked: what a pairing comes to is decided on the CPU.
    fn final_exponentiation(&self, _f: &Fq12) -> Option<Fq12> {
        None
    }

    /// `hash_to_curve` of RFC 9380 for the suite BLS12381G1_XMD:SHA-256_SSWU_RO_ with the caller's tag (not empty).
    fn hash_to_g1(&self, _messages: &[&[u8]], _dst: &[u8], _control: &Control) -> Answer<Vec<G1Affine>> {
        Err(DeviceError::Unsupported)
    }

    /// `hash_to_curve` of RFC 9380 for the suite BLS12381G2_XMD:SHA-256_SSWU_RO_ with the caller's tag (not empty).
    fn hash_to_g2(&self, _messages: &[&[u8]], _dst: &[u8], _control: &Control) -> Answer<Vec<G2Affine>> {
        Err(DeviceError::Unsupported)
    }

    /// `clear_cofactor(map_to_curve(u))` of RFC 9380 in G1 for each u.
    fn map_to_g1(&self, _elements: &[Fq], _control: &Control) -> Answer<Vec<G1Affine>> {
        Err(DeviceError::Unsupported)
    }

    /// `clear_cofactor(map_to_curve(u))` of RFC 9380 in G2 for each u.
    fn map_to_g2(&self, _elements: &[Fq2], _control: &Control) -> Answer<Vec<G2Affine>> {
        Err(DeviceError::Unsupported)
    }

    /// Each point decoded, with curve and subgroup checks; the identity is accepted.
    fn decompress_g1(&self, _bytes: &[[u8; 48]], _control: &Control) -> Answer<Vec<Result<G1Affine, PointError>>> {
        Err(DeviceError::Unsupported)
    }

    /// Each point decoded, with curve and subgroup checks; the identity is accepted.
    fn decompress_g2(&self, _bytes: &[[u8; 96]], _control: &Control) -> Answer<Vec<Result<G2Affine, PointError>>> {
        Err(DeviceError::Unsupported)
    }

    /// For each point, whether it is on the curve and in the subgroup.
    fn subgroup_g1(&self, _points: &[G1Affine], _control: &Control) -> Answer<Vec<bool>> {
        Err(DeviceError::Unsupported)
    }

    /// For each point, whether it is on the curve and in the subgroup.
    fn subgroup_g2(&self, _points: &[G2Affine], _control: &Control) -> Answer<Vec<bool>> {
        Err(DeviceError::Unsupported)
    }

    /// The transform of `values` (a power of two of them), natural order in and out.
    fn ntt(&self, _values: &[Fr], _kind: NttKind, _control: &Control) -> Answer<Vec<Fr>> {
        Err(DeviceError::Unsupported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_lists_keep_empty_and_repeated() {
        let lists: IndexLists = [vec![3, 3, 1], vec![], vec![0]].into_iter().collect();
        assert_eq!(lists.iter().collect::<Vec<_>>(), [&[3, 3, 1][..], &[], &[0]]);
        assert_eq!(lists.len(), 3);
        assert_eq!(lists.get(7), &[] as &[u32]);
    }

    #[test]
    fn checkpoint_tells_why() {
        let token = CancelToken::new();
        let control = Control::new(Class::Job, token.clone());
        assert_eq!(control.checkpoint(), Ok(()));
        let late = control.clone().with_deadline(Some(Instant::now() - Duration::from_millis(1)));
        assert!(matches!(late.checkpoint(), Err(DeviceError::TimedOut(_))));
        token.cancel();
        assert_eq!(late.checkpoint(), Err(DeviceError::Cancelled));
    }
}
