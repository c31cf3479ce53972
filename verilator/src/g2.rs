//! The aggregation engine for G2 under simulation, with arkworks' points on both sides.

use crate::axi::{Beat, Counters, Engine};
use crate::error::Error;
use crate::g1;
use crate::simulate::{Config, finish, loaded, selection};
use arblast_hdl::designs;
use arblast_hdl::engine::registers;
use ark_bls12_381::{Fq2, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::Field;

/// Clocks between additions, for the budget of a run.
const INTERVAL: usize = 36;
/// Beats of a sum.
const BEATS: usize = 6;

/// The coordinates of a point as beats: x.c0, x.c1, y.c0, y.c1.
pub(crate) fn coordinates(point: &G2Affine) -> [Beat; 4] {
    [&point.x.c0, &point.x.c1, &point.y.c0, &point.y.c1].map(g1::coordinate)
}

/// The points of an engine's answer: (X : Y : Z) with x = X/Z, y = Y/Z; the identity has Z = 0.
fn points(beats: &[Beat]) -> Result<Vec<G2Affine>, Error> {
    let element = |pair: &[Beat]| Ok::<_, Error>(Fq2::new(g1::from_beat(&pair[0])?, g1::from_beat(&pair[1])?));
    beats
        .chunks_exact(BEATS)
        .map(|sum| {
            let [x, y, z] = [element(&sum[..2])?, element(&sum[2..4])?, element(&sum[4..])?];
            let Some(inverse) = z.inverse() else { return Ok(G2Affine::zero()) };
            let point = G2Affine::new_unchecked(x * inverse, y * inverse);
            if point.is_on_curve() { Ok(point) } else { Err(Error::Design("a point is not on the curve".into())) }
        })
        .collect()
}

/// The aggregation engine for G2, with its points in memory.
pub struct AggregateG2 {
    engine: Engine,
    sums: usize,
    capacity: usize,
    loaded: usize,
    identities: Vec<bool>,
}

impl AggregateG2 {
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
        let engine = config.engine(&designs::aggregate_g2("aggregate_g2", (point_bits, sums)))?;
        Ok(Self { engine, sums, capacity: 1 << point_bits, loaded: 0, identities: Vec::new() })
    }

    /// Puts points into the engine's memory, in place of those before. Any points of the curve will do.
    ///
    /// # Errors
    /// [`Error::Limit`] for more points than fit.
    pub fn load(&mut self, points: &[G2Affine], checkpoint: &mut dyn FnMut() -> bool) -> Result<(), Error> {
        if points.len() > self.capacity {
            return Err(Error::Limit { what: "points", got: points.len() as u64, limit: self.capacity as u64 });
        }
        self.loaded = points.len();
        self.identities = points.iter().map(|point| point.is_zero()).collect();
        if points.is_empty() {
            return Ok(());
        }
        let packet: Vec<Beat> = points.iter().flat_map(coordinates).collect();
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
    ) -> Result<(Vec<G2Affine>, Counters), Error> {
        let (mut answers, mut counters) = (Vec::with_capacity(lists.len()), Counters::default());
        for group in lists.chunks(self.sums) {
            let mut packet = Vec::new();
            for (sum, list) in group.iter().enumerate() {
                for &index in *list {
                    let Some(identity) = self.identities.get(index as usize) else {
                        return Err(Error::Limit { what: "index", got: index.into(), limit: self.loaded as u64 });
                    };
                    if !identity {
                        packet.push(selection(index, sum, 1));
                    }
                }
            }
            if packet.is_empty() {
                packet.push(selection(0, 0, 0));
            }
            self.engine.write(registers::CONTROL, 1)?;
            self.engine.phase(0, "clear");
            // 100 times what backpressure of up to 99% and a latency of a few hundred clocks a level can make of it.
            let budget = 100 * (2 * INTERVAL * packet.len() + 4 * BEATS * self.sums + 10_000) as u64;
            let answer = self.engine.exchange(&packet, BEATS * self.sums, budget, checkpoint)?;
            answers.extend(points(&answer)?.into_iter().take(group.len()));
            counters = counters.plus(finish(&mut self.engine)?);
        }
        Ok((answers, counters))
    }
}
