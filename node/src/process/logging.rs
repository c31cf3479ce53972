//! The log: standard error, as text or JSON.

use crate::config::LogFormat;
use crate::status::Status;
use commonware_runtime::Clock;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// How often the progress of catching up is logged.
const PROGRESS: Duration = Duration::from_secs(5);
/// How often a validator that is in step says so.
const STEADY: u32 = 12;

/// Starts the log of this process.
///
/// # Errors
/// There is a log already.
pub fn init(format: LogFormat, level: &str) -> Result<(), Box<dyn std::error::Error>> {
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(EnvFilter::new(level));
    let outcome = match format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    outcome.map_err(|error| error as Box<dyn std::error::Error>)
}

/// Logs how far the validator has come: every few seconds while it catches up, every minute otherwise.
pub async fn progress(context: impl Clock, status: Status) {
    let mut quiet = 0;
    loop {
        context.sleep(PROGRESS).await;
        let progress = status.progress();
        let rate = (progress.blocks_per_second * 10.0).round() / 10.0;
        if !progress.synced() {
            let left = progress.remaining.map_or_else(|| "unknown".into(), |left| format!("{}s", left.as_secs()));
            let (height, target) = (progress.height, progress.target);
            tracing::info!(height, target, blocks_per_second = rate, left, "catching up");
            quiet = 0;
        } else if quiet == 0 {
            let role = status.role().name();
            tracing::info!(height = progress.height, blocks_per_second = rate, role, "in step");
        }
        quiet = (quiet + 1) % STEADY;
    }
}
