//! What a caller says about a call besides its inputs.

use crate::backend::{CancelToken, Class};
use crate::error::Error;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The class, deadline, seed and cancellation of a call. Cheap to make and to clone.
#[derive(Clone, Debug)]
pub struct Call {
    class: Class,
    deadline: Option<Duration>,
    seed: Option<[u8; 32]>,
    cancel: CancelToken,
    reference_only: bool,
    trail: Trail,
}

/// The backends other than the reference whose answers went into a call's result.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail(Arc<Mutex<Vec<usize>>>);

impl Trail {
    /// Notes that backend number `index` answered.
    pub(super) fn note(&self, index: usize) {
        let mut seen = self.0.lock().unwrap_or_else(|e| e.into_inner());
        if !seen.contains(&index) {
            seen.push(index);
        }
    }

    /// The backends noted so far.
    pub(super) fn backends(&self) -> Vec<usize> {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }
}

impl Call {
    /// A call of a class, without deadline, seed or cancellation.
    pub fn new(class: Class) -> Self {
        Self {
            class,
            deadline: None,
            seed: None,
            cancel: CancelToken::new(),
            reference_only: false,
            trail: Trail::default(),
        }
    }

    /// Bounds how long a device may take for each operation of the call before the CPU answers instead. The CPU itself
    /// is never cut short: a verdict is always reached.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Draws the randomness of the call's random linear combination from this seed instead of the operating system, for
    /// deterministic simulations. The seed must be fresh and unpredictable to whoever made the inputs; one seed serves
    /// one call.
    #[must_use]
    pub fn seed(mut self, seed: [u8; 32]) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Lets the caller give up on the call through `token`.
    #[must_use]
    pub fn cancel_with(mut self, token: CancelToken) -> Self {
        self.cancel = token;
        self
    }

    /// The class.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The call with every operation computed by blst, whatever the dispatcher's selection.
    #[must_use]
    pub fn on_reference(&self) -> Self {
        Self { reference_only: true, trail: Trail::default(), ..self.clone() }
    }

    /// The same call with a trail of its own.
    pub(super) fn with_own_trail(&self) -> Self {
        Self { trail: Trail::default(), ..self.clone() }
    }

    pub(super) fn is_reference_only(&self) -> bool {
        self.reference_only
    }

    pub(super) fn trail(&self) -> &Trail {
        &self.trail
    }

    pub(super) fn time_limit(&self) -> Option<Duration> {
        self.deadline
    }

    pub(super) fn cancel_token(&self) -> CancelToken {
        self.cancel.clone()
    }

    /// The call's random generator: ChaCha20 from the caller's seed, or from a fresh one of the operating system.
    ///
    /// # Errors
    /// [`Error::Randomness`] if the operating system gives none.
    pub fn rng(&self) -> Result<ChaCha20Rng, Error> {
        match self.seed {
            Some(seed) => Ok(ChaCha20Rng::from_seed(seed)),
            None => fresh_rng(),
        }
    }
}

/// A generator seeded by the operating system.
pub(super) fn fresh_rng() -> Result<ChaCha20Rng, Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| Error::Randomness(e.to_string()))?;
    Ok(ChaCha20Rng::from_seed(seed))
}
