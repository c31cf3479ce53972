//! The aggregation engines under simulation, with arkworks' points on both sides: one driver for both groups.

use crate::axi::{Beat, Counters, Engine};
use crate::error::Error;
use crate::g1;
use crate::simulate::{CLEAN, Config, finish};
use arblast::DeviceError;
use arblast::backend::{Backend as _, CancelToken, Class, Control, IndexLists};
use arblast::cpu::CpuPortable;
use arblast_hdl::engine::registers;
use arblast_hdl::{Design, designs, field};
use ark_bls12_381::{Fq, Fq2, g1 as e1, g2 as e2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{Field, PrimeField};
use num_bigint::BigUint;
use std::marker::PhantomData;

/// A coordinate of a point, as the engines move it.
pub trait Coordinate: Field {
    /// Beats of it.
    const BEATS: usize;
    /// Its beats, the Montgomery form of each element: c0 before c1.
    fn beats(&self) -> Vec<Beat>;
    /// The coordinate in an answer's beats.
    ///
    /// # Errors
    /// [`Error::Design`] for an element that is not below p.
    fn from_beats(beats: &[Beat]) -> Result<Self, Error>;
    /// Its elements as integers, c1 above c0.
    fn number(&self) -> BigUint;
}

impl Coordinate for Fq {
    const BEATS: usize = 1;

    fn beats(&self) -> Vec<Beat> {
        vec![g1::coordinate(self)]
    }

    fn from_beats(beats: &[Beat]) -> Result<Self, Error> {
        g1::from_beat(&beats[0])
    }

    fn number(&self) -> BigUint {
        self.into_bigint().into()
    }
}

impl Coordinate for Fq2 {
    const BEATS: usize = 2;

    fn beats(&self) -> Vec<Beat> {
        vec![g1::coordinate(&self.c0), g1::coordinate(&self.c1)]
    }

    fn from_beats(beats: &[Beat]) -> Result<Self, Error> {
        Ok(Self::new(g1::from_beat(&beats[0])?, g1::from_beat(&beats[1])?))
    }

    fn number(&self) -> BigUint {
        (self.c1.number() << field::WIDTH) + self.c0.number()
    }
}

/// A curve whose points an engine sums.
pub trait Summed: SWCurveConfig<BaseField: Coordinate> {
    /// The shape of the emitted engine: log2 of the points in memory, and the sums of a run.
    const SHAPE: (usize, usize);
    /// The engine of a shape.
    fn design(shape: (usize, usize)) -> Design;
    /// Clocks in which a run of so many selections and sums certainly ends: 100 times what backpressure of up to 99%
    /// and an adder's latency of a few hundred clocks a level can make of it.
    fn budget(selections: usize, sums: usize) -> u64;
    /// The sums of the lists by the host crate's reference.
    ///
    /// # Errors
    /// None that a reference has.
    fn reference(points: &[Affine<Self>], lists: &IndexLists) -> Result<Vec<Affine<Self>>, DeviceError>;
}

/// A control that nobody ends.
fn control() -> Control {
    Control::new(Class::Job, CancelToken::new())
}

impl Summed for e1::Config {
    const SHAPE: (usize, usize) = designs::AGGREGATE;

    fn design(shape: (usize, usize)) -> Design {
        designs::aggregate_g1("aggregate_g1", shape)
    }

    fn budget(selections: usize, sums: usize) -> u64 {
        1000 * (selections + 4 * sums + 2000) as u64
    }

    fn reference(points: &[Affine<Self>], lists: &IndexLists) -> Result<Vec<Affine<Self>>, DeviceError> {
        CpuPortable::new(1).sum_g1(points, lists, &control())
    }
}

impl Summed for e2::Config {
    const SHAPE: (usize, usize) = designs::AGGREGATE_G2;

    fn design(shape: (usize, usize)) -> Design {
        designs::aggregate_g2("aggregate_g2", shape)
    }

    fn budget(selections: usize, sums: usize) -> u64 {
        /// Clocks between additions.
        const INTERVAL: usize = 36;
        100 * (2 * INTERVAL * selections + 24 * sums + 10_000) as u64
    }

    fn reference(points: &[Affine<Self>], lists: &IndexLists) -> Result<Vec<Affine<Self>>, DeviceError> {
        CpuPortable::new(1).sum_g2(points, lists, &control())
    }
}

/// The coordinates of a point as an engine takes them: x, then y.
pub(crate) fn beats<C: Summed>(point: &Affine<C>) -> Vec<Beat> {
    [point.x.beats(), point.y.beats()].concat()
}

/// The points of an engine's answer: (X : Y : Z) with x = X/Z, y = Y/Z; the identity has Z = 0.
pub(crate) fn points<C: Summed>(answer: &[Beat]) -> Result<Vec<Affine<C>>, Error> {
    let each = C::BaseField::BEATS;
    answer
        .chunks_exact(3 * each)
        .map(|sum| {
            let element = |i: usize| C::BaseField::from_beats(&sum[i * each..(i + 1) * each]);
            let [x, y, z] = [element(0)?, element(1)?, element(2)?];
            let Some(inverse) = z.inverse() else { return Ok(Affine::zero()) };
            let point = Affine::new_unchecked(x * inverse, y * inverse);
            if point.is_on_curve() { Ok(point) } else { Err(Error::Design("a point is not on the curve".into())) }
        })
        .collect()
}

/// A selection beat: the points `first` + i for the bits i of `mask`, into `sum`.
pub(crate) fn selection(first: u32, sum: usize, mask: u32) -> Beat {
    let mut beat = [0; 32];
    (beat[0], beat[1]) = (first, sum as u32 | mask << 16);
    beat
}

/// Whether a loading ended as it must.
fn loaded(engine: &mut Engine) -> Result<(), Error> {
    match engine.read(registers::STATUS)? {
        CLEAN => Ok(()),
        status => Err(Error::Design(format!("status {status:#x} after loading"))),
    }
}

/// An aggregation engine, with its points in memory.
pub struct Aggregate<C> {
    engine: Engine,
    sums: usize,
    capacity: usize,
    identities: Vec<bool>,
    curve: PhantomData<C>,
}

/// The engine for G1.
pub type AggregateG1 = Aggregate<e1::Config>;
/// The engine for G2.
pub type AggregateG2 = Aggregate<e2::Config>;

impl<C: Summed> Aggregate<C> {
    /// Builds the engine with room for 2^`point_bits` (at most 20) points and `sums` (2 to 4096) sums in a run.
    ///
    /// # Errors
    /// What building and loading run into; [`Error::Limit`] for another shape.
    pub fn new((point_bits, sums): (usize, usize), config: &Config) -> Result<Self, Error> {
        for (what, got, limit) in [("log2 of the points", point_bits, 20), ("sums", sums, 4096)] {
            if got > limit || got < 2 {
                return Err(Error::Limit { what, got: got as u64, limit: limit as u64 });
            }
        }
        let engine = config.engine(&C::design((point_bits, sums)))?;
        Ok(Self { engine, sums, capacity: 1 << point_bits, identities: Vec::new(), curve: PhantomData })
    }

    /// Puts points into the engine's memory, in place of those before. Any points of the curve will do.
    ///
    /// # Errors
    /// [`Error::Limit`] for more points than fit.
    pub fn load(&mut self, points: &[Affine<C>], checkpoint: &mut dyn FnMut() -> bool) -> Result<(), Error> {
        if points.len() > self.capacity {
            return Err(Error::Limit { what: "points", got: points.len() as u64, limit: self.capacity as u64 });
        }
        self.identities = points.iter().map(|point| point.is_zero()).collect();
        if points.is_empty() {
            return Ok(());
        }
        let packet: Vec<Beat> = points.iter().flat_map(beats).collect();
        self.engine.write(registers::CONTROL, 4)?;
        self.engine.phase(0, "load");
        self.engine.exchange(&packet, 0, 1000 * (packet.len() as u64 + 100), checkpoint)?;
        loaded(&mut self.engine)
    }

    /// Clocks simulated so far.
    pub fn clock(&self) -> u64 {
        self.engine.clock()
    }

    /// The engine.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// The sum of each list's points, and what the engine counted.
    ///
    /// # Errors
    /// [`Error::Limit`] for an index beyond the loaded points; [`Error::Stopped`]; faults of the design.
    pub fn run(
        &mut self,
        lists: &[&[u32]],
        checkpoint: &mut dyn FnMut() -> bool,
    ) -> Result<(Vec<Affine<C>>, Counters), Error> {
        let (mut answers, mut counters) = (Vec::with_capacity(lists.len()), Counters::default());
        for group in lists.chunks(self.sums) {
            let packet = self.packet(group)?;
            self.engine.write(registers::CONTROL, 1)?;
            self.engine.phase(0, "clear");
            let beats = 3 * C::BaseField::BEATS * self.sums;
            let answer = self.engine.exchange(&packet, beats, C::budget(packet.len(), self.sums), checkpoint)?;
            answers.extend(points(&answer)?.into_iter().take(group.len()));
            counters = counters.plus(finish(&mut self.engine)?);
        }
        Ok((answers, counters))
    }

    /// The selections of a run: a beat for each index, but for those of the identity, which has no affine form.
    fn packet(&self, lists: &[&[u32]]) -> Result<Vec<Beat>, Error> {
        let mut packet = Vec::new();
        for (sum, list) in lists.iter().enumerate() {
            for &index in *list {
                let Some(identity) = self.identities.get(index as usize) else {
                    let limit = self.identities.len() as u64;
                    return Err(Error::Limit { what: "index", got: index.into(), limit });
                };
                if !identity {
                    packet.push(selection(index, sum, 1));
                }
            }
        }
        if packet.is_empty() {
            packet.push(selection(0, 0, 0));
        }
        Ok(packet)
    }
}
