//! The circuit breaker of one device: a pure state machine over time.
//!
//! ```text
//!            error, time-out                 pause over
//!   closed ------------------> open ------------------------> half-open
//!     ^                         ^  \__ error, time-out (pause doubles) __/ |
//!     |_________________________|______________ success __________________|
//!
//!   any state -- wrong answer --> retired -- the operator re-admits --> closed
//! ```
//!
//! Half-open admits one call at a time, as a trial.

use std::time::{Duration, Instant};

/// First pause after an error; doubles with each failed trial.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Whether a device is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// The device is used.
    Closed,
    /// The device failed and is left alone for a while.
    Open,
    /// The device failed, and one call is let through to see whether it works again.
    HalfOpen,
    /// The device gave a wrong answer and is not used until its operator re-admits it.
    Retired,
}

impl BreakerState {
    /// The name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::Retired => "retired",
        }
    }
}

/// Permission for one call to use the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// An ordinary call.
    Ordinary,
    /// The one trial call of a half-open breaker: audited whatever the policy.
    Trial,
}

#[derive(Clone, Debug)]
pub(super) struct Breaker {
    state: State,
    first_pause: Duration,
}

#[derive(Clone, Debug)]
enum State {
    Closed,
    Open { until: Instant, pause: Duration },
    HalfOpen { trial_running: bool, pause: Duration },
    Retired,
}

impl Breaker {
    /// Closed; `first_pause` is how long the first error keeps the device out.
    pub(super) fn new(first_pause: Option<Duration>) -> Self {
        Self { state: State::Closed, first_pause: first_pause.unwrap_or(FIRST_PAUSE) }
    }

    /// The state at `now`.
    pub(super) fn state(&self, now: Instant) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::Open { until, .. } if now < until => BreakerState::Open,
            State::Open { .. } | State::HalfOpen { .. } => BreakerState::HalfOpen,
            State::Retired => BreakerState::Retired,
        }
    }

    /// Asks to use the device at `now`.
    pub(super) fn admit(&mut self, now: Instant) -> Option<Admission> {
        match self.state {
            State::Closed => Some(Admission::Ordinary),
            State::Open { until, pause } if now >= until => {
                self.state = State::HalfOpen { trial_running: true, pause };
                Some(Admission::Trial)
            }
            State::HalfOpen { trial_running: false, pause } => {
                self.state = State::HalfOpen { trial_running: true, pause };
                Some(Admission::Trial)
            }
            _ => None,
        }
    }

    /// A call came back with a right answer.
    pub(super) fn succeeded(&mut self, admission: Admission) {
        if admission == Admission::Trial && matches!(self.state, State::HalfOpen { .. }) {
            self.state = State::Closed;
        }
    }

    /// A call ended without an answer and without a fault of the device (unsupported, cancelled, still queued).
    pub(super) fn released(&mut self, admission: Admission) {
        if let (Admission::Trial, State::HalfOpen { trial_running, .. }) = (admission, &mut self.state) {
            *trial_running = false;
        }
    }

    /// A call failed or was late at `now`.
    pub(super) fn failed(&mut self, now: Instant) {
        let pause = match self.state {
            State::Closed => self.first_pause,
            State::HalfOpen { pause, .. } => (pause * 2).min(LONGEST_PAUSE),
            State::Open { .. } | State::Retired => return,
        };
        self.state = State::Open { until: now + pause, pause };
    }

    /// The device gave a wrong answer.
    pub(super) fn retire(&mut self) {
        self.state = State::Retired;
    }

    /// The operator re-admits the device.
    pub(super) fn readmit(&mut self) {
        self.state = State::Closed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_half_opens_and_closes() {
        let (mut b, t0) = (Breaker::new(None), Instant::now());
        assert_eq!(b.admit(t0), Some(Admission::Ordinary));
        b.failed(t0);
        assert_eq!((b.state(t0), b.admit(t0)), (BreakerState::Open, None));
        let t1 = t0 + FIRST_PAUSE;
        assert_eq!((b.state(t1), b.admit(t1)), (BreakerState::HalfOpen, Some(Admission::Trial)));
        assert_eq!(b.admit(t1), None, "one trial at a time");
        b.released(Admission::Trial);
        assert_eq!(b.admit(t1), Some(Admission::Trial));
        b.succeeded(Admission::Trial);
        assert_eq!(b.state(t1), BreakerState::Closed);
    }

    #[test]
    fn failed_trials_double_the_pause_up_to_a_bound() {
        let (mut b, mut now) = (Breaker::new(None), Instant::now());
        b.failed(now);
        let mut pause = FIRST_PAUSE;
        for _ in 0..10 {
            assert_eq!(b.admit(now + pause - Duration::from_millis(1)), None);
            now += pause;
            assert_eq!(b.admit(now), Some(Admission::Trial));
            b.failed(now);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        assert_eq!(pause, LONGEST_PAUSE);
    }

    #[test]
    fn retirement_ends_only_by_readmission() {
        let (mut b, now) = (Breaker::new(None), Instant::now());
        b.retire();
        b.failed(now);
        b.succeeded(Admission::Trial);
        assert_eq!(b.admit(now + Duration::from_secs(3600)), None);
        b.readmit();
        assert_eq!(b.admit(now), Some(Admission::Ordinary));
    }

    #[test]
    fn late_failures_of_ordinary_calls_do_not_prolong_an_open_breaker() {
        let (mut b, now) = (Breaker::new(None), Instant::now());
        b.failed(now);
        b.failed(now + FIRST_PAUSE / 2);
        assert_eq!(b.admit(now + FIRST_PAUSE), Some(Admission::Trial));
    }
}
