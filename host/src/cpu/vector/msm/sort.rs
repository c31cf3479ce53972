//! Digits by bucket.

use super::digits::{self, NOTHING};
use super::plan::{Terms, Window};
use crate::cpu::vector::adder::PointRef;
use crate::cpu::vector::token::Ifma;

/// Points by bucket. The buckets of power e of the endomorphism in set s start at `(e·sets + s)·buckets`.
#[derive(Default)]
pub(super) struct Sorted {
    pub(super) refs: Vec<PointRef>,
    /// Where each bucket begins, and the end of the last.
    pub(super) starts: Vec<u32>,
}

/// Equally wide windows, the sets of buckets that their digits go to, and the bases that they select.
#[derive(Clone, Copy)]
pub(super) struct Layout<'a> {
    pub(super) windows: &'a [Window],
    /// Window w belongs to set `w % sets`.
    pub(super) sets: usize,
    /// Term i of window w selects base `w / sets · row + i`.
    pub(super) row: usize,
}

impl<'a> Layout<'a> {
    /// A set for each window, over one row of bases.
    pub(super) fn plain(windows: &'a [Window]) -> Self {
        Self { windows, sets: windows.len(), row: 0 }
    }
}

/// A counting sort, which keeps its memory.
#[derive(Default)]
pub(crate) struct Sorter {
    keys: Vec<u32>,
    /// Where the next point of each bucket goes.
    next: Vec<u32>,
    sorted: Sorted,
}

impl Sorter {
    /// Sorts the digits by set and bucket.
    pub(super) fn sort(&mut self, ifma: Ifma, parts: &[Terms], layout: Layout<'_>) -> &Sorted {
        let Layout { windows, sets, row } = layout;
        let buckets = windows.first().map_or(0, Window::buckets);
        self.keys.clear();
        self.keys.reserve(parts.iter().map(|terms| terms.len() * windows.len()).sum());
        for (power, terms) in parts.iter().enumerate() {
            for (w, window) in windows.iter().enumerate() {
                let first = (power * sets + w % sets) * buckets;
                digits::keys(ifma, terms.reaching(window.start).1, window, first as u32, &mut self.keys);
            }
        }
        let Sorted { refs, starts } = &mut self.sorted;
        starts.clear();
        starts.resize(parts.len() * sets * buckets + 1, 0);
        for key in self.keys.iter().filter(|key| **key != NOTHING) {
            starts[(key >> 1) as usize + 1] += 1;
        }
        let mut end = 0;
        for start in starts.iter_mut() {
            end += *start;
            *start = end;
        }
        self.next.clone_from(starts);
        refs.clear();
        refs.resize(end as usize, PointRef::base(0, false));
        let mut keys = self.keys.iter();
        for terms in parts {
            for (w, window) in windows.iter().enumerate() {
                let first = w / sets * row;
                let (points, _) = terms.reaching(window.start);
                for (&point, &key) in points.iter().zip(&mut keys) {
                    if key != NOTHING {
                        let next = &mut self.next[(key >> 1) as usize];
                        refs[*next as usize] = PointRef::base(first + point as usize, key & 1 == 1);
                        *next += 1;
                    }
                }
            }
        }
        &self.sorted
    }
}
