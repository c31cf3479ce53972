//! A line of progress on a terminal's standard error; nothing where there is no terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// The line. It is wiped when dropped.
pub struct Progress {
    shown: bool,
    start: Instant,
    last: Option<Instant>,
}

/// How often the line changes.
const PERIOD: Duration = Duration::from_millis(100);
/// Characters of the bar.
const WIDTH: usize = 30;

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// An empty line.
    pub fn new() -> Self {
        Self { shown: std::io::stderr().is_terminal(), start: Instant::now(), last: None }
    }

    /// Time since the line was begun.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Shows a text at once.
    pub fn say(&mut self, text: &str) {
        self.last = None;
        self.show(|_| text.to_string());
    }

    /// Shows a text with the seconds since the start, a few times a second at most.
    pub fn step(&mut self, text: &str) {
        self.show(|elapsed| format!("{text} ({} s)", elapsed.as_secs()));
    }

    /// Shows how much of some work is done, a few times a second at most.
    pub fn bar(&mut self, done: u64, all: u64, text: &str) {
        self.show(|_| bar(done, all, text));
    }

    fn show(&mut self, text: impl FnOnce(Duration) -> String) {
        if self.shown && self.last.is_none_or(|last| last.elapsed() >= PERIOD) {
            // A terminal that is gone is no error of the work.
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", text(self.start.elapsed()));
            self.last = Some(Instant::now());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// The bar; what was expected may be too little, so it stays below 100%.
fn bar(done: u64, all: u64, text: &str) -> String {
    let percent = (100 * done / all.max(1)).min(99);
    let full = WIDTH * percent as usize / 100;
    format!("[{}{}] {percent:2}% {text}", "#".repeat(full), ".".repeat(WIDTH - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_keeps_its_length() {
        for (done, percent) in [(0, " 0%"), (5, "50%"), (10, "99%"), (1000, "99%")] {
            let line = bar(done, 10, "x");
            assert!(line.contains(percent) && line.len() == WIDTH + 8, "{line:?}");
        }
        assert!(bar(1, 0, "").contains("99%"));
    }
}
