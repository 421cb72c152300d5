//! Talking to the service manager, and hearing that it is time to stop.

use std::{io, time::Duration};

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The service manager, if one started us; every call is harmless without.
#[derive(Debug, Clone, Copy, Default)]
pub struct Service;

impl Service {
    /// Says that requests are taken.
    pub fn ready(self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// Says that the configuration is read again; [`Service::ready`] says that it has been.
    pub fn reloading(self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!(%error, "the service manager could not be told"),
        }
    }

    /// Says that no new work is taken.
    pub fn stopping(self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// Says that this process is alive.
    pub fn alive(self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    /// How often [`Service::alive`] is wanted: half of `WatchdogSec=`; `None` without one.
    #[must_use]
    pub fn watchdog(self) -> Option<Duration> {
        sd_notify::watchdog_enabled().map(|limit| limit / 2)
    }

    fn tell(self, state: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(state) {
            tracing::warn!(%error, "the service manager could not be told");
        }
    }
}

/// Listens from now on for being told to stop (SIGTERM, SIGINT); the future ends when it is.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn shutdown() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Hears when the configuration is to be read again (SIGHUP).
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the signal cannot be listened to.
    pub fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Returns at the next one.
    pub async fn next(&mut self) {
        // No stream of signals ends.
        self.0.recv().await;
    }
}
