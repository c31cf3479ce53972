//! What came of each case, counted by suite.

use std::collections::BTreeMap;
use std::fmt;

/// What came of one case, or of one file that holds none we can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is the expected one.
    Passed,
    /// The answer is not the expected one; what was got and what was expected.
    Failed(String),
    /// The case cannot be run: a malformed file, an unknown suite, a missing feature. Counts against the run.
    NotUnderstood(String),
    /// Recognised as being about something other than BLS12-381. Counts neither for nor against the run.
    OutOfScope(String),
}

impl Outcome {
    /// Passed where `got` equals `expected`; otherwise failed, with both.
    pub fn compare<T: PartialEq + fmt::Debug>(got: &T, expected: &T) -> Self {
        if got == expected {
            return Self::Passed;
        }
        Self::Failed(format!("got {}, expected {}", brief(got), brief(expected)))
    }
}

/// Debug text, cut where it would fill the screen.
fn brief(value: &impl fmt::Debug) -> String {
    const LONGEST: usize = 200;
    let text = format!("{value:?}");
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text,
    }
}

/// The counts of one suite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cases with the expected answer.
    pub passed: usize,
    /// Cases with another answer.
    pub failed: usize,
    /// Cases or files that could not be run.
    pub not_understood: usize,
    /// Cases about something other than BLS12-381.
    pub out_of_scope: usize,
}

/// The result of a walk over a folder.
#[derive(Clone, Debug, Default)]
pub struct Report {
    suites: BTreeMap<String, Counts>,
    problems: Vec<(String, Outcome)>,
    scope: BTreeMap<String, usize>,
    ignored: usize,
}

impl Report {
    /// Records one case of `suite`; `case` names it for a person.
    pub fn record(&mut self, suite: &str, case: String, outcome: Outcome) {
        let counts = self.suites.entry(suite.to_owned()).or_default();
        match &outcome {
            Outcome::Passed => counts.passed += 1,
            Outcome::Failed(_) => counts.failed += 1,
            Outcome::NotUnderstood(_) => counts.not_understood += 1,
            Outcome::OutOfScope(what) => {
                counts.out_of_scope += 1;
                *self.scope.entry(what.clone()).or_default() += 1;
            }
        }
        if matches!(outcome, Outcome::Failed(_) | Outcome::NotUnderstood(_)) {
            self.problems.push((case, outcome));
        }
    }

    /// Counts a file that is no vector file (documentation).
    pub(super) fn ignore(&mut self) {
        self.ignored += 1;
    }

    /// The counts of each suite, by name.
    pub fn suites(&self) -> &BTreeMap<String, Counts> {
        &self.suites
    }

    /// The counts of all suites together.
    pub fn total(&self) -> Counts {
        self.suites.values().fold(Counts::default(), |a, b| Counts {
            passed: a.passed + b.passed,
            failed: a.failed + b.failed,
            not_understood: a.not_understood + b.not_understood,
            out_of_scope: a.out_of_scope + b.out_of_scope,
        })
    }

    /// Each case that failed or was not understood, with its name.
    pub fn problems(&self) -> &[(String, Outcome)] {
        &self.problems
    }

    /// Documentation files that were passed over.
    pub fn ignored(&self) -> usize {
        self.ignored
    }

    /// Whether something ran, and everything that counts passed.
    pub fn all_passed(&self) -> bool {
        let total = self.total();
        total.passed > 0 && total.failed == 0 && total.not_understood == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, name: &str, c: &Counts| {
            let Counts { passed, failed, not_understood, out_of_scope } = c;
            writeln!(f, "{name:<38}{passed:>7}{failed:>7}{not_understood:>15}{out_of_scope:>13}")
        };
        writeln!(f, "{:<38}{:>7}{:>7}{:>15}{:>13}", "suite", "passed", "failed", "not-understood", "out-of-scope")?;
        for (name, counts) in &self.suites {
            row(f, name, counts)?;
        }
        row(f, "total", &self.total())?;
        for (what, cases) in &self.scope {
            writeln!(f, "out of scope: {what} ({cases})")?;
        }
        if self.ignored > 0 {
            writeln!(f, "passed over: {} documentation files", self.ignored)?;
        }
        for (case, outcome) in &self.problems {
            match outcome {
                Outcome::Failed(why) => writeln!(f, "FAILED {case}: {why}")?,
                Outcome::NotUnderstood(why) => writeln!(f, "NOT UNDERSTOOD {case}: {why}")?,
                Outcome::Passed | Outcome::OutOfScope(_) => {}
            }
        }
        Ok(())
    }
}
