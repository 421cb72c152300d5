//! Reading the configuration again: what can be changed under way is in force from then on, what
//! cannot is named, and a configuration with an error changes nothing.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use rustls::sign::CertifiedKey;
use tokio::sync::Mutex;

use super::{
    Named, build,
    certificate::{self, Certificate},
    page,
    senders::Senders,
};
use crate::{
    config::{self, Config, Keys, Loaded},
    console::{Setting, Setup},
    destinations::Shared,
    model::DestinationName,
    ops::{
        control::{Reload, Reloaded},
        prune,
    },
    receive::Door,
    route::Routes,
    system::Live,
    telemetry::{self, Fact, Telemetry},
};

/// Keys, or all keys of a table, that a reload puts in force. All others need a restart. The
/// table of the README says the same.
const LIVE: [&str; 9] = [
    "webhook",
    "route",
    "destination",
    "retry",
    "retention",
    "journal.min_free",
    "log.level",
    "server.max_body",
    "server.body_timeout",
];
/// Live where there was TLS before and is now.
const TLS: &str = "server.tls";

/// Where a configuration came from, and what it said.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file that was named.
    pub file: Option<PathBuf>,
    /// Its keys.
    pub keys: Keys,
}

/// What a reload changes.
pub(super) struct Parts {
    pub(super) door: Arc<Door>,
    pub(super) routes: Live<Routes>,
    pub(super) prune: Live<prune::Settings>,
    pub(super) min_free: Live<u64>,
    pub(super) certificate: Option<Arc<Certificate>>,
    pub(super) setup: Live<Setup>,
    /// Where notes are left.
    pub(super) noted: Live<Vec<Named>>,
    pub(super) senders: Senders,
    pub(super) shared: Shared,
    pub(super) telemetry: Telemetry,
}

/// Reads the configuration again.
pub(super) struct Reloader {
    file: Option<PathBuf>,
    parts: Parts,
    /// What is in force; one reload at a time.
    state: Mutex<State>,
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader").field("file", &self.file).finish_non_exhaustive()
    }
}

struct State {
    keys: Keys,
    destinations: Vec<DestinationName>,
}

/// A configuration that can be run, with what its files hold.
struct Read {
    loaded: Loaded,
    certificate: Option<CertifiedKey>,
}

impl Reloader {
    pub(super) fn new(source: Source, config: &Config, parts: Parts) -> Self {
        let destinations = config.destinations.iter().map(|(name, _)| name.clone()).collect();
        let state = Mutex::new(State { keys: source.keys, destinations });
        Self { file: source.file, parts, state }
    }

    async fn read(&self) -> Result<Read, String> {
        let file = self.file.clone();
        let read = tokio::task::spawn_blocking(move || {
            let loaded = config::load(file.as_deref()).map_err(|findings| findings.to_string())?;
            let tls = loaded.config.server.tls.as_ref();
            let certificate = tls.map(certificate::read).transpose();
            Ok(Read { certificate: certificate.map_err(|error| format!("{error:#}"))?, loaded })
        });
        read.await.map_err(|error| error.to_string()).flatten()
    }

    fn apply(&self, read: Read, state: &mut State) -> Reloaded {
        let Read { loaded: Loaded { config, warnings, keys, .. }, certificate } = read;
        let stays_tls = self.parts.certificate.is_some() && certificate.is_some();
        let changed = state.keys.changed(&keys);
        let is_live = |path: &String| {
            LIVE.iter().any(|live| is_within(path, live)) || (is_within(path, TLS) && stays_tls)
        };
        let (mut applied, needs_restart): (Vec<_>, Vec<_>) = changed.into_iter().partition(is_live);
        if let (Some(shown), Some(key)) = (&self.parts.certificate, certificate)
            && shown.renew(key)
        {
            applied.push("server.tls (the certificate is another one)".to_owned());
        }
        self.change_destinations(&config, state, &applied, &needs_restart);
        self.parts.prune.store(config.prune);
        self.parts.min_free.store(config.min_free);
        self.parts.door.change(config.receive);
        if let Err(error) = telemetry::change_level(&config.telemetry) {
            tracing::error!(%error, "the log goes on as before");
        }
        // What needs a restart still does so at the next reload.
        state.keys = state.keys.with(&keys, &applied);
        let warnings = warnings.iter().map(ToString::to_string).collect();
        Reloaded { applied, needs_restart, warnings }
    }

    /// Routes first: from then on nothing is planned for what is taken out.
    fn change_destinations(
        &self,
        config: &Config,
        state: &mut State,
        applied: &[String],
        needs_restart: &[String],
    ) {
        self.parts.routes.store(config.routes.clone());
        let all = applied.iter().any(|path| is_within(path, "retry"));
        let names: Vec<_> = config.destinations.iter().map(|(name, _)| name.clone()).collect();
        let known: BTreeSet<_> = state.destinations.iter().collect();
        let destinations = build(config, &self.parts.shared);
        let mut setup = page::setup(config, &destinations);
        let before = self.parts.setup.load();
        setup.configuration = in_force(&before.configuration, setup.configuration, needs_restart);
        self.parts.setup.store(setup);
        self.parts.noted.store(destinations.clone());
        for (name, destination) in destinations {
            let is_changed = || applied.iter().any(|path| Keys::is_of(path, &name));
            if all || !known.contains(&name) || is_changed() {
                let shore = (destination, config.deliver.clone());
                self.parts.senders.change(name, Some(shore));
            }
        }
        for gone in state.destinations.iter().filter(|name| !names.contains(name)) {
            self.parts.senders.change(gone.clone(), None);
        }
        self.parts.telemetry.foresee(&names, &[]);
        state.destinations = names;
    }
}

/// What is shown of the configuration after a reload: what needs a restart is as it was before.
fn in_force(before: &[Setting], now: Vec<Setting>, needs_restart: &[String]) -> Vec<Setting> {
    let waits = |setting: &Setting| needs_restart.iter().any(|path| is_within(&setting.path, path));
    let mut shown: Vec<_> = now.into_iter().filter(|setting| !waits(setting)).collect();
    let table =
        |setting: &Setting| setting.path.rsplit_once('.').map(|(table, _)| table.to_owned());
    for kept in before.iter().filter(|setting| waits(setting)) {
        let last = shown.iter().rposition(|setting| table(setting) == table(kept));
        shown.insert(last.map_or(shown.len(), |last| last + 1), kept.clone());
    }
    shown
}

/// Whether a key is this one, or stands in this table.
fn is_within(path: &str, table: &str) -> bool {
    path.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[async_trait]
impl Reload for Reloader {
    async fn reload(&self) -> Result<Reloaded, String> {
        let mut state = self.state.lock().await;
        let telemetry = &self.parts.telemetry;
        match self.read().await {
            Ok(read) => {
                let reloaded = self.apply(read, &mut state);
                telemetry.emit(&Fact::Reloaded {
                    applied: &reloaded.applied.join(", "),
                    needs_restart: &reloaded.needs_restart.join(", "),
                    warnings: &reloaded.warnings,
                });
                Ok(reloaded)
            }
            Err(error) => {
                telemetry.emit(&Fact::NotReloaded { error: &error });
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{in_force, is_within};
    use crate::console::{Origin, Setting};

    #[test]
    fn what_needs_a_restart_is_shown_as_it_runs() {
        let setting = |path: &str, value: &str| Setting {
            path: path.to_owned(),
            value: value.to_owned(),
            origin: Origin::Default,
        };
        let before =
            [setting("server.listen", "1"), setting("retry.deadline", "1"), setting("a.b", "1")];
        let now = vec![
            setting("server.listen", "2"),
            setting("server.workers", "2"),
            setting("retry.deadline", "2"),
        ];
        let shown = in_force(&before, now, &["server.listen".to_owned(), "a.b".to_owned()]);
        let shown: Vec<_> = shown.iter().map(|s| format!("{} {}", s.path, s.value)).collect();
        let expected = ["server.workers 2", "server.listen 1", "retry.deadline 2", "a.b 1"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_table_holds_its_keys_and_not_its_neighbours() {
        assert!(is_within("retry", "retry") && is_within("retry.deadline", "retry"));
        assert!(!is_within("retryless", "retry") && !is_within("server.tls", "server.tl"));
    }
}
