//! What an engine's adder and queue did, clock by clock.

/// Signals of the engines' top modules that a timeline is made of: an addition starts; pairs that wait for the adder.
pub(crate) const PROBES: [&str; 2] = ["core_add_valid", "core_queued"];

/// The clocks of an engine's transfers, in order; register accesses in between are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// A byte a clock: bit 7, an addition started; bits 6 to 0, pairs in the queue.
    clocks: Vec<u8>,
    phases: Vec<Phase>,
}

/// What the engine was doing from a clock on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// First clock.
    pub start: usize,
    /// In a word.
    pub name: &'static str,
}

/// Some clocks in a row, taken together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// First clock.
    pub start: usize,
    /// Number of clocks.
    pub clocks: usize,
    /// Additions that started.
    pub additions: usize,
    /// Pairs in the queue, on average.
    pub queue_mean: f64,
    /// Most pairs in the queue.
    pub queue_peak: u8,
}

impl Window {
    /// Part of the clocks in which an addition started.
    pub fn occupancy(&self) -> f64 {
        self.additions as f64 / self.clocks.max(1) as f64
    }
}

impl Timeline {
    /// Adds a clock.
    pub(crate) fn push(&mut self, addition: bool, queued: u32) {
        self.clocks.push(u8::from(addition) << 7 | queued.min(127) as u8);
    }

    /// From clock `start` on the engine was in the phase `name`.
    pub(crate) fn phase(&mut self, start: usize, name: &'static str) {
        self.phases.push(Phase { start, name });
    }

    /// Number of clocks.
    pub fn len(&self) -> usize {
        self.clocks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.clocks.is_empty()
    }

    /// The phases, in order.
    pub fn phases(&self) -> &[Phase] {
        &self.phases
    }

    /// All clocks in at most `count` windows of equal length; the last may be shorter.
    pub fn windows(&self, count: usize) -> Vec<Window> {
        let length = self.clocks.len().div_ceil(count.max(1)).max(1);
        let window = |(index, clocks): (usize, &[u8])| {
            let queued = || clocks.iter().map(|clock| clock & 127);
            Window {
                start: index * length,
                clocks: clocks.len(),
                additions: clocks.iter().filter(|clock| *clock >> 7 == 1).count(),
                queue_mean: queued().map(f64::from).sum::<f64>() / clocks.len() as f64,
                queue_peak: queued().max().unwrap_or(0),
            }
        };
        self.clocks.chunks(length).enumerate().map(window).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_hold_all_clocks() {
        let mut line = Timeline::default();
        assert!(line.windows(3).is_empty());
        (0..10).for_each(|clock| line.push(clock % 2 == 0, clock));
        let windows = line.windows(3);
        assert_eq!(
            windows.iter().map(|w| (w.start, w.clocks, w.additions)).collect::<Vec<_>>(),
            [(0, 4, 2), (4, 4, 2), (8, 2, 1)]
        );
        assert!(windows[1].queue_mean == 5.5 && windows[1].queue_peak == 7 && windows[2].occupancy() == 0.5);
        assert_eq!(line.windows(100).len(), 10);
    }
}
