//! Sums of pairs of affine points, eight pairs a vector, with one inversion for a batch of them.
//!
//! λ = (y2 − y1)/(x2 − x1), x3 = λ² − x1 − x2, y3 = λ(x1 − x3) − y1. The denominators of a batch are inverted together
//! (Montgomery's trick): a forward pass multiplies them up, a backward pass takes the inverses apart. That is five
//! multiplications and a square for each sum and one inversion for each batch.
//!
//! # Exceptional pairs
//! Where x1 = x2, the pair is P + P, whose slope is 3·x1²/(2·y1), or P + (−P), whose sum is the identity. Such lanes are
//! found in the forward pass by a test of two instructions; their denominator becomes 2·y1, or 1. So every input is
//! right, and repeated points are nearly as fast as others. The identity has no affine form: callers leave it out, and
//! a pair whose sum it is says so ([`Pairs::sums`]). No point of either curve has y = 0 (the orders are odd).
//!
//! # Pace
//! A product takes 40 ns but only 29 ns of the multipliers, and a chain of prefix products waits for each. So the
//! blocks of eight pairs are dealt to [`CHAINS`] chains, and the backward pass works on one block of each at a time.
//! Limit 20.7 ns an addition; 33 to 35 ns measured in batches of 2,048, of which the multiplications are 22 to 24.
//! Gathering, transposing and scattering points is most of the rest: where points need not be anywhere in particular,
//! the blocks of `dense.rs` spare it.

use super::coordinate::Coordinate;
use super::memory::{self, Stretches, prefetch};
use super::token::Ifma;
use std::ops::Range;

/// An affine point that is not the identity; stored coordinates.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Point<E> {
    pub(crate) x: E,
    pub(crate) y: E,
}

/// A point that may be the identity (`None`), and whether its negative is meant.
pub(crate) type Sum<E> = Option<(Point<E>, bool)>;

/// Where a point is, and whether its negative is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct PointRef(u32);

impl PointRef {
    /// One of the caller's points; at most 2^30 of them.
    pub(crate) fn base(index: usize, negative: bool) -> Self {
        Self((index as u32) << 2 | u32::from(negative))
    }

    /// One of the work points.
    pub(crate) fn work(index: usize, negative: bool) -> Self {
        Self((index as u32) << 2 | 2 | u32::from(negative))
    }

    /// Whether it is a work point.
    pub(crate) fn is_work(self) -> bool {
        self.0 & 2 != 0
    }

    /// Whether the negative is meant.
    pub(crate) fn is_negative(self) -> bool {
        self.0 & 1 != 0
    }

    /// The place among the caller's points or the work points.
    pub(crate) fn index(self) -> usize {
        (self.0 >> 2) as usize
    }

    /// A reference of each of eight stretches of a list, as [`memory::gather_row`] says.
    #[inline(always)]
    pub(super) fn gather_row(ifma: Ifma, list: &[Self], stretches: &Stretches, row: u32) -> ([Self; 8], u8) {
        // SAFETY: a reference is a word.
        let words = unsafe { std::slice::from_raw_parts(list.as_ptr().cast::<u32>(), list.len()) };
        let (words, live) = memory::gather_row(ifma, words, stretches, row);
        (words.map(Self), live)
    }

    /// The point itself, without its sign, from the caller's points and the work points.
    pub(crate) fn of<E>(self, pools: [&[Point<E>]; 2]) -> &Point<E> {
        &pools[usize::from(self.is_work())][self.index()]
    }
}

/// Pairs of points to add. Structure of arrays, like all that goes through vectors.
#[derive(Clone, Default)]
pub(crate) struct Pairs {
    a: Vec<PointRef>,
    b: Vec<PointRef>,
    /// The work point that takes the sum, then [`CANCELLED`] where there is none.
    sums: Vec<u32>,
}

/// Says that the sum of a pair is the identity, and that nothing was written.
const CANCELLED: u32 = u32::MAX;

impl Pairs {
    /// Appends a pair and the work point that takes its sum: its own, or that of an operand that no other pair has.
    pub(crate) fn push(&mut self, a: PointRef, b: PointRef, sum: usize) {
        self.a.push(a);
        self.b.push(b);
        self.sums.push(sum as u32);
    }

    pub(crate) fn with_capacity(pairs: usize) -> Self {
        Self { a: Vec::with_capacity(pairs), b: Vec::with_capacity(pairs), sums: Vec::with_capacity(pairs) }
    }

    /// Makes room for more pairs.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.a.reserve(more);
        self.b.reserve(more);
        self.sums.reserve(more);
    }

    /// After the addition, the sums of some pairs, without identities.
    pub(crate) fn sums_of(&self, range: Range<usize>) -> impl Iterator<Item = PointRef> {
        let live = self.sums[range].iter().filter(|sum| **sum != CANCELLED);
        live.map(|&sum| PointRef::work(sum as usize, false))
    }

    pub(crate) fn len(&self) -> usize {
        self.sums.len()
    }

    pub(crate) fn clear(&mut self) {
        self.a.clear();
        self.b.clear();
        self.sums.clear();
    }

    /// After the addition, the sums in order; `None` for the identity.
    pub(crate) fn sums(&self) -> impl Iterator<Item = Option<PointRef>> {
        self.sums.iter().map(|&sum| (sum != CANCELLED).then(|| PointRef::work(sum as usize, false)))
    }

    /// Whether every reference is to one of `bases` points of the caller and `work` work points.
    fn fits(&self, bases: usize, work: usize) -> bool {
        let limits = [bases as u32, work as u32];
        let within = |r: &PointRef| r.0 >> 2 < limits[usize::from(r.is_work())];
        let operands = self.a.iter().chain(&self.b).fold(true, |all, r| all & within(r));
        operands & self.sums.iter().fold(true, |all, sum| all & (*sum < limits[1]))
    }
}

/// Independent chains of products, enough to cover the latency of one.
const CHAINS: usize = 4;

/// Blocks of one batch. The inversion takes 2 µs, 1 ns for each of 2,048 pairs; their scratch (three coordinates of
/// eight for each block) is 384 KiB in G1, which with the points themselves stays in a 1 MiB second-level cache.
const BATCH: usize = 256;

/// What the forward pass leaves for the backward pass, for eight pairs.
#[derive(Clone, Copy)]
struct Block<F: Coordinate> {
    /// The denominator of the slope.
    denominator: F,
    /// The product of the denominators of its chain up to here.
    product: F,
    /// x of the first points.
    x1: F,
    /// The points, and the lanes whose negative is meant.
    a: Operands<F>,
    b: Operands<F>,
    /// The lanes with equal points.
    doubled: u8,
    /// The lanes with opposite points.
    cancelled: u8,
}

/// Eight points in memory, and the lanes whose negative is meant.
#[derive(Clone, Copy)]
pub(crate) struct Operands<F: Coordinate> {
    points: [*const Point<F::Element>; 8],
    pub(crate) negative: u8,
}

impl<F: Coordinate> Operands<F> {
    /// The x of the points.
    ///
    /// # Safety
    /// The points are there, and nobody changes them.
    #[inline(always)]
    pub(crate) unsafe fn x(&self, ifma: Ifma) -> F {
        // SAFETY: the caller's promise.
        F::load(ifma, self.points.map(|p| unsafe { &(*p).x }))
    }

    /// Asks the cache for the points.
    #[inline(always)]
    pub(crate) fn prefetch(&self, ifma: Ifma) {
        self.points.iter().for_each(|p| prefetch(ifma, *p));
    }

    /// Asks the cache for the y of the points.
    #[inline(always)]
    fn prefetch_y(&self, ifma: Ifma) {
        // y is the second of a point's two coordinates.
        self.points.iter().for_each(|p| prefetch(ifma, p.cast::<F::Element>().wrapping_add(1)));
    }

    /// The y of the points, without the signs.
    ///
    /// # Safety
    /// The points are there, and nobody changes them.
    #[inline(always)]
    pub(crate) unsafe fn y(&self, ifma: Ifma) -> F {
        // SAFETY: the caller's promise.
        F::load(ifma, self.points.map(|p| unsafe { &(*p).y }))
    }
}

/// Where the caller's points and the work points are.
#[derive(Clone, Copy)]
pub(crate) struct Pools([usize; 2]);

impl Pools {
    /// The caller's points alone.
    pub(crate) fn bases<E>(bases: &[Point<E>]) -> Self {
        Self([bases.as_ptr().expose_provenance(); 2])
    }

    /// The operands that eight references mean.
    ///
    /// The address is computed for eight at once: the pool's, and bits 2.. of the reference times the point's size.
    #[inline(always)]
    pub(crate) fn eight<F: Coordinate>(self, ifma: Ifma, refs: [PointRef; 8]) -> Operands<F> {
        let size = const {
            assert!(size_of::<Point<F::Element>>().is_power_of_two());
            size_of::<Point<F::Element>>().trailing_zeros()
        };
        let (addresses, negative) = memory::resolve(ifma, refs.map(|r| r.0), self.0, size);
        Operands { points: addresses.map(std::ptr::with_exposed_provenance), negative }
    }

    /// The operands of block `index`; past the end the last one again, whose results are dropped.
    #[inline(always)]
    pub(crate) fn block<F: Coordinate>(self, ifma: Ifma, refs: &[PointRef], index: usize) -> Operands<F> {
        self.eight(
            ifma,
            match refs[8 * index..].first_chunk::<8>() {
                Some(full) => *full,
                None => std::array::from_fn(|i| refs[(8 * index + i).min(refs.len() - 1)]),
            },
        )
    }
}

/// Adds pairs of points; keeps its scratch between calls.
pub(crate) struct Adder<F: Coordinate> {
    ifma: Ifma,
    blocks: Vec<Block<F>>,
}

// SAFETY: the pointers in the blocks are used only inside `add`, which fills them anew.
unsafe impl<F: Coordinate> Send for Adder<F> {}

impl<F: Coordinate> Adder<F> {
    pub(crate) fn new(ifma: Ifma) -> Self {
        Self { ifma, blocks: Vec::with_capacity(BATCH) }
    }

    /// Computes the sums of the pairs into their work points, or marks them as the identity.
    ///
    /// # Panics
    /// If a pair refers to a point that is not there.
    pub(crate) fn add(&mut self, bases: &[Point<F::Element>], work: &mut [Point<F::Element>], pairs: &mut Pairs) {
        assert!(pairs.fits(bases.len(), work.len()), "a pair refers to a point that is not there");
        let far = bases.len() > NEAR;
        let out = work.as_mut_ptr();
        let pools = Pools([bases.as_ptr().expose_provenance(), out.expose_provenance()]);
        let all = pairs.len().div_ceil(8);
        for first in (0..all).step_by(BATCH) {
            let batch = first..all.min(first + BATCH);
            // SAFETY: the token proves that the CPU has the features; the references were checked, and `out` is where
            // the work points are, which nobody else has.
            unsafe {
                let products = forward::<F>(self.ifma, pools, far, pairs, batch, &mut self.blocks);
                let inverses = invert_chains(self.ifma, &products);
                backward::<F>(self.ifma, out, &mut pairs.sums[8 * first..], &self.blocks, inverses);
            }
        }
    }
}

/// Blocks between a prefetch and its use.
const AHEAD: usize = 4;

/// Points that the first-level cache holds anyway.
const NEAR: usize = 1 << 6;

/// Fills the blocks; gives the product of each chain's denominators.
///
/// # Safety
/// The CPU has the features, and the references of the pairs are within the pools.
#[target_feature(enable = "avx512f,avx512ifma")]
unsafe fn forward<F: Coordinate>(
    ifma: Ifma,
    pools: Pools,
    far: bool,
    pairs: &Pairs,
    batch: Range<usize>,
    blocks: &mut Vec<Block<F>>,
) -> [F; CHAINS] {
    let one = F::one(ifma);
    let nothing = Operands { points: [std::ptr::null(); 8], negative: 0 };
    let empty = Block { denominator: one, product: one, x1: one, a: nothing, b: nothing, doubled: 0, cancelled: 0 };
    blocks.resize(batch.len(), empty);
    for (i, index) in batch.enumerate() {
        if far && pairs.a.get(8 * (index + AHEAD)).is_some_and(|r| !r.is_work()) {
            let ahead: [Operands<F>; 2] = [&pairs.a, &pairs.b].map(|refs| pools.block(ifma, refs, index + AHEAD));
            ahead.iter().for_each(|operands| operands.prefetch(ifma));
        }
        let (before, rest) = blocks.split_at_mut(i);
        let block = &mut rest[0];
        block.a = pools.block(ifma, &pairs.a, index);
        block.b = pools.block(ifma, &pairs.b, index);
        // SAFETY: the caller's promise.
        unsafe {
            block.x1 = block.a.x(ifma);
            block.denominator = block.b.x(ifma).difference(&block.x1);
        }
        (block.doubled, block.cancelled) = (0, 0);
        let equal = block.denominator.zero_mask();
        if equal != 0 {
            // SAFETY: the caller's promise.
            unsafe { exceptional(ifma, equal, block) };
        }
        match i.checked_sub(CHAINS) {
            Some(last) => block.product.set_product(&before[last].product, &block.denominator),
            None => block.product = block.denominator,
        }
    }
    let last = blocks.len().saturating_sub(CHAINS);
    let mut products = [one; CHAINS];
    for (i, block) in blocks.iter().enumerate().skip(last) {
        products[i % CHAINS] = block.product;
    }
    products
}

/// Gives the lanes with x1 = x2 the denominator of their tangent, or 1 where the points are opposite.
///
/// # Safety
/// The CPU has the features, and the operands are there.
#[target_feature(enable = "avx512f,avx512ifma")]
#[cold]
#[inline(never)]
unsafe fn exceptional<F: Coordinate>(ifma: Ifma, equal: u8, block: &mut Block<F>) {
    // SAFETY: the caller's promise.
    let (y1, y2) = unsafe { (block.a.y(ifma), block.b.y(ifma)) };
    let sum = y2.signed_difference(block.b.negative, &y1, !block.a.negative);
    block.cancelled = equal & sum.zero_mask();
    block.doubled = equal & !block.cancelled;
    block.denominator = block.denominator.select(block.doubled, &sum).select(block.cancelled, &F::one(ifma));
}

/// The inverses of the chains' products, by one inversion.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
fn invert_chains<F: Coordinate>(ifma: Ifma, [a, b, c, d]: &[F; CHAINS]) -> [F; CHAINS] {
    let (ab, cd) = (a.mul(b), c.mul(d));
    let inverse = ab.mul(&cd).invert(ifma);
    let (inverse_ab, inverse_cd) = (inverse.mul(&cd), inverse.mul(&ab));
    [inverse_ab.mul(b), inverse_ab.mul(a), inverse_cd.mul(d), inverse_cd.mul(c)]
}

/// One chain of the backward pass.
struct Chain<F> {
    /// The inverse of the product of its denominators down to the block at hand.
    inverse: F,
    slope: F,
    /// y2 − y1, or the tangent's numerator.
    rise: F,
    y1: F,
    x3: F,
}

/// Takes the inverses apart and computes the sums, one block of each chain at a time, the last blocks first.
///
/// # Safety
/// The CPU has the features, the operands of the blocks are there, and the places of the sums are within `out`, which
/// nobody else looks at.
#[target_feature(enable = "avx512f,avx512ifma")]
unsafe fn backward<F: Coordinate>(
    ifma: Ifma,
    out: *mut Point<F::Element>,
    sums: &mut [u32],
    blocks: &[Block<F>],
    inverses: [F; CHAINS],
) {
    let one = F::one(ifma);
    let mut chains = inverses.map(|inverse| Chain { inverse, slope: one, rise: one, y1: one, x3: one });
    for first in (0..blocks.len()).step_by(CHAINS).rev() {
        let group = &blocks[first..blocks.len().min(first + CHAINS)];
        for block in &blocks[first.saturating_sub(CHAINS)..first] {
            block.a.prefetch_y(ifma);
            block.b.prefetch_y(ifma);
        }
        for (k, (chain, block)) in chains.iter_mut().zip(group).enumerate() {
            match first.checked_sub(CHAINS) {
                Some(before) => chain.slope.set_product(&chain.inverse, &blocks[before + k].product),
                None => chain.slope = chain.inverse,
            }
            // SAFETY: the caller's promise.
            let y2 = unsafe {
                chain.y1 = block.a.y(ifma);
                block.b.y(ifma)
            };
            chain.rise = y2.signed_difference(block.b.negative, &chain.y1, block.a.negative);
            if block.doubled != 0 {
                chain.rise = chain.rise.select(block.doubled, &block.x1.square().triple());
            }
            chain.inverse.mul_assign(&block.denominator);
        }
        for chain in &mut chains {
            chain.slope.mul_assign(&chain.rise);
        }
        for (chain, block) in chains.iter_mut().zip(group) {
            let square = chain.slope.square();
            // The true x2 − x1 is 0 where the denominator was replaced.
            chain.x3 = match block.doubled {
                0 => square.sub_pair(&block.x1, &block.denominator),
                lanes => square.sub_pair(&block.x1, &block.denominator.select(lanes, &F::two_p(ifma))),
            };
        }
        for (k, (chain, block)) in chains.iter_mut().zip(group).enumerate() {
            chain.slope.mul_assign(&block.x1.difference(&chain.x3));
            let y3 = chain.slope.sub_signed(&chain.y1, block.a.negative);
            let start = 8 * (first + k);
            let end = sums.len().min(start + 8);
            // SAFETY: the caller's promise; the operands of these pairs have been read.
            unsafe { write(ifma, out, &mut sums[start..end], &chain.x3, &y3, block.cancelled) };
        }
    }
}

/// Stores the sums of a block; marks those that are the identity.
///
/// # Safety
/// The places of the sums are within `out`, which nobody else looks at.
#[inline(always)]
unsafe fn write<F: Coordinate>(ifma: Ifma, out: *mut Point<F::Element>, sums: &mut [u32], x: &F, y: &F, cancelled: u8) {
    if let (Ok(places), 0) = (<&[u32; 8]>::try_from(&*sums), cancelled) {
        // SAFETY: the caller's promise.
        unsafe {
            let points = places.map(|place| out.add(place as usize));
            x.store_to(ifma, points.map(|p| &raw mut (*p).x));
            y.store_to(ifma, points.map(|p| &raw mut (*p).y));
        }
        return;
    }
    let (x, y) = (x.store(ifma), y.store(ifma));
    for (i, sum) in sums.iter_mut().enumerate() {
        if cancelled >> i & 1 == 1 {
            *sum = CANCELLED;
        } else {
            // SAFETY: the caller's promise.
            unsafe { out.add(*sum as usize).write(Point { x: x[i], y: y[i] }) };
        }
    }
}
