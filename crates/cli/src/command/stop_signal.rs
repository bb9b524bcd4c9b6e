//! The signals that stop a command: SIGINT (Ctrl-C) and SIGTERM.

use holdfast_ops::failure::Failure;
use tokio::signal::unix::{SignalKind, signal};

/// Waits for a signal; returns its effect on the command, for people.
///
/// # Errors
/// Signals can't be received.
pub async fn wait_for_signal() -> Result<&'static str, Failure> {
    let unusable = |error: std::io::Error| Failure::incomplete(format!("signals can't be received: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unusable)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(unusable)?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "interrupted",
        _ = terminate.recv() => "stopped by SIGTERM",
    })
}
