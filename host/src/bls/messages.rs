//! Messages of many signatures, each distinct one kept once.

use super::curve::Curve;
use crate::backend::IndexLists;
use crate::dispatcher::{Call, Dispatcher};
use crate::error::Error;
use crate::point::InSubgroup;
use std::collections::HashMap;

/// The distinct messages of a list in order of appearance, so that each is hashed once and costs one pair.
pub(super) struct Messages<'a> {
    distinct: Vec<&'a [u8]>,
    of: Vec<usize>,
}

impl<'a> Messages<'a> {
    /// Sorts out which positions have the same message.
    pub(super) fn new(messages: impl ExactSizeIterator<Item = &'a [u8]>) -> Self {
        let mut known = HashMap::with_capacity(messages.len());
        let mut distinct = Vec::with_capacity(messages.len());
        let of = messages
            .map(|message| {
                *known.entry(message).or_insert_with(|| {
                    distinct.push(message);
                    distinct.len() - 1
                })
            })
            .collect();
        Self { distinct, of }
    }

    /// The distinct messages.
    pub(super) fn distinct(&self) -> &[&'a [u8]] {
        &self.distinct
    }

    /// For each position, which of the distinct messages it has.
    pub(super) fn of(&self) -> &[usize] {
        &self.of
    }

    /// Whether no message repeats; position i then has distinct message i.
    pub(super) fn all_distinct(&self) -> bool {
        self.distinct.len() == self.of.len()
    }

    /// For each distinct message, the positions that have it.
    pub(super) fn positions(&self) -> Vec<Vec<u32>> {
        let mut positions = vec![Vec::new(); self.distinct.len()];
        for (position, &message) in (0..).zip(&self.of) {
            positions[message].push(position);
        }
        positions
    }

    /// For each distinct message, the sum of the points at the positions that have it.
    ///
    /// An identity takes its message out of a product of pairings, so that blst has the last word on one.
    pub(super) fn sum<C: Curve>(
        &self,
        dispatcher: &Dispatcher,
        call: &Call,
        points: Vec<InSubgroup<C>>,
    ) -> Result<Vec<InSubgroup<C>>, Error> {
        if self.all_distinct() {
            return Ok(points);
        }
        let lists = IndexLists::from_iter(self.positions());
        let sums = C::sum(dispatcher, call, &points, &lists)?;
        if sums.iter().any(InSubgroup::is_identity) {
            return C::sum(dispatcher, &call.on_reference(), &points, &lists);
        }
        Ok(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_messages_are_kept_once_in_order() {
        let list: [&[u8]; 5] = [b"b", b"a", b"", b"b", b""];
        let messages = Messages::new(list.into_iter());
        assert_eq!(messages.distinct(), [&b"b"[..], b"a", b""]);
        assert_eq!(messages.of(), [0, 1, 2, 0, 2]);
        assert_eq!(messages.positions(), [vec![0, 3], vec![1], vec![2, 4]]);
        assert!(!messages.all_distinct());
        assert!(Messages::new(list[..3].iter().copied()).all_distinct());
        assert!(Messages::new([].into_iter()).all_distinct());
    }
}
