//! The one place where rooms are joined: a configuration becomes a running daemon.

mod console;
mod listen;
mod page;

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::listen::Server;
pub use self::listen::{Address, check_tls};
use crate::{
    apertur::Apertur,
    collect::{self, Collector},
    collect_page::CollectPage,
    config::{Config, Listen},
    deliver::{self, Sender},
    destinations::{self, Destination, Shared},
    follow::{Around, Follower},
    http::Http,
    journal::{self, Journal},
    model::DestinationName,
    ops::{self, Ops, control, prune},
    receive::{Behind, Door},
    spool::Spool,
    system::{Clock, DataDir, Service, shutdown},
    telemetry::{Fact, Telemetry},
    work::{Loop, Wake},
};

/// How long another side may at least go on with what a killed daemon had asked of it; who looks
/// before it is done finds nothing and stores the photo a second time. Odoo takes two seconds for
/// the largest photo.
const STILL_AT_WORK: Duration = Duration::from_secs(10);
/// Time between two runs of retention.
const PRUNE_EVERY: Duration = Duration::from_hours(1);

/// A daemon that takes requests.
#[derive(Debug)]
pub struct Daemon {
    /// Where the public listener is.
    pub public: Address,
    /// Where the console listener is, if there is one.
    pub console: Option<Address>,
    /// The operator's verbs on this daemon.
    pub ops: Ops,
    /// The destinations by name.
    pub destinations: Vec<(DestinationName, Arc<dyn Destination>)>,
    servers: Vec<Server>,
    /// Socket files to remove at the end.
    sockets: Vec<PathBuf>,
    rooms: JoinSet<()>,
    stop: CancellationToken,
    drain: Duration,
    telemetry: Telemetry,
    data_dir: DataDir,
}

/// Makes the destinations of a configuration. Touches neither network nor disk.
///
/// # Errors
/// When the system's root certificates cannot be loaded.
pub fn destinations(
    config: &Config,
) -> anyhow::Result<Vec<(DestinationName, Arc<dyn Destination>)>> {
    let shared = Shared::new(Http::new()?, Clock::system(), &config.data_dir);
    Ok(build(config, &shared))
}

fn build(config: &Config, shared: &Shared) -> Vec<(DestinationName, Arc<dyn Destination>)> {
    let build = |(name, settings): &(DestinationName, destinations::Settings)| {
        (name.clone(), destinations::build(name, settings.clone(), shared))
    };
    config.destinations.iter().map(build).collect()
}

impl Daemon {
    /// Takes the data directory, opens journal and spool, takes up what a crash left, starts
    /// every loop and listens.
    ///
    /// # Errors
    /// With the remedy: the data directory is taken, journal or spool cannot be opened, an
    /// address cannot be listened at.
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let started = std::time::Instant::now();
        let path = config.data_dir.clone();
        let data_dir = tokio::task::spawn_blocking(move || DataDir::take(&path)).await??;
        let spool_dir = config.spool_dir();
        let spool = tokio::task::spawn_blocking(move || Spool::open(&spool_dir))
            .await?
            .context("cannot open the spool; see that data_dir is writable")?;
        let journal = journal::open(&config.journal).await?;
        let telemetry = Telemetry::default();
        let http = Http::new()?;
        let shared = Shared::new(http.clone(), clock.clone(), &config.data_dir);
        let destinations = build(&config, &shared);
        let settled = destinations.iter().map(|(_, to)| to.limits().settles_in).max();
        let look_at = clock.after(settled.unwrap_or_default().max(STILL_AT_WORK));
        let left = journal.recover(clock.now(), look_at).await?;
        if left > 0 {
            telemetry.emit(&Fact::Recovered { deliveries: left });
        }
        let configured: Vec<_> = config.destinations.iter().map(|(name, _)| name.clone()).collect();
        let strays = journal.hold_strays(&configured, clock.now()).await?;
        if strays > 0 {
            telemetry.emit(&Fact::Strays { count: strays });
        }
        let (collector, sender, runner) = (Wake::default(), Wake::default(), Wake::default());
        let routes = Arc::new(config.routes.clone());
        let ops = Ops { journal, routes, clock, telemetry, collector, sender, runner };
        let socket = control::bind(&data_dir.path().join("control.sock"))?;
        let stop = CancellationToken::new();
        let mut rooms = JoinSet::new();
        rooms.spawn(control::serve(socket, ops.clone(), stop.clone()));
        rooms.spawn(ops::carry_on(ops.clone(), stop.clone()));
        rooms.spawn(ops::keep_up(ops.clone(), stop.clone()));
        rooms.spawn(retention(ops.clone(), spool.clone(), config.prune, stop.clone()));
        spawn_senders(&mut rooms, &destinations, &config, &ops, (&spool, &stop)).await?;
        let apertur = Apertur::new(http, config.apertur.clone(), ops.clock.clone())?;
        spawn_follower(&mut rooms, &apertur, &ops, (&spool, &stop));
        let with_page = (apertur.clone(), &mut rooms, &stop);
        let page = page::open(&config, &ops, &destinations, with_page).await?;
        spawn_collector(&mut rooms, config.collect, &ops, (apertur, &spool, &stop));
        let rooms_of = (page, &mut rooms);
        let (public, console, servers) = listen(config.clone(), &ops, spool, rooms_of).await?;
        ops.telemetry.emit(&Fact::Started {
            listen: &public.to_string(),
            console: console.as_ref().map(ToString::to_string).as_deref(),
            took: started.elapsed(),
        });
        let own = [Some(&config.server.listen), config.server.console_listen.as_ref()];
        let sockets = own.into_iter().flatten().filter_map(|listen| match listen {
            Listen::Unix(path) => Some(path.clone()),
            Listen::Tcp(_) | Listen::Systemd => None,
        });
        let sockets = sockets.collect();
        Ok(Self {
            public,
            console,
            telemetry: ops.telemetry.clone(),
            ops,
            destinations,
            servers,
            sockets,
            rooms,
            stop,
            drain: config.server.drain,
            data_dir,
        })
    }

    /// Stops taking requests, claims nothing more, waits for what is under way as long as the
    /// configuration says and closes the journal. What is cut off then is looked for first at
    /// the next start.
    pub async fn stop(mut self) {
        self.telemetry.emit(&Fact::Stopping { drain: self.drain });
        self.stop.cancel();
        for server in &self.servers {
            server.stop().await;
        }
        let rooms = async { while self.rooms.join_next().await.is_some() {} };
        // Past the deadline the rest is cut off; its attempts stay open and count as unknown.
        drop(tokio::time::timeout(self.drain, rooms).await);
        self.rooms.shutdown().await;
        self.ops.journal.close().await;
        let control = self.data_dir.path().join("control.sock");
        for socket in std::iter::once(control).chain(self.sockets.drain(..)) {
            if let Err(error) = tokio::fs::remove_file(&socket).await {
                tracing::debug!(%error, "a socket file was gone already");
            }
        }
        self.telemetry.emit(&Fact::Stopped);
    }
}

/// Runs a daemon until the process is told to stop.
///
/// # Errors
/// As [`Daemon::start`].
pub async fn run(config: Config) -> anyhow::Result<()> {
    // From the first moment on: who stops a daemon that just said it is ready must be heard.
    let stop = shutdown().context("cannot listen to signals")?;
    let mut daemon = Daemon::start(config, Clock::system()).await?;
    let service = Service;
    service.ready();
    let watch = tokio::spawn(watchdog(service, Arc::clone(&daemon.ops.journal)));
    let ended = tokio::select! {
        () = stop => false,
        // Every room works until it is told to stop.
        _ = daemon.rooms.join_next() => true,
    };
    service.stopping();
    daemon.stop().await;
    watch.abort();
    anyhow::ensure!(!ended, "a part of the daemon ended by itself; report it, with the log before");
    Ok(())
}

/// Tells the service manager that we are alive for as long as the journal answers.
async fn watchdog(service: Service, journal: Arc<dyn Journal>) {
    let Some(every) = service.watchdog() else { return };
    loop {
        tokio::time::sleep(every).await;
        // An error is an answer: only a journal that says nothing is worth a restart.
        if tokio::time::timeout(every, journal.ping()).await.is_ok() {
            service.alive();
        }
    }
}

async fn spawn_senders(
    rooms: &mut JoinSet<()>,
    destinations: &[(DestinationName, Arc<dyn Destination>)],
    config: &Config,
    ops: &Ops,
    (spool, stop): (&Spool, &CancellationToken),
) -> anyhow::Result<()> {
    for pause in ops.journal.pauses().await? {
        // A pause ends with the daemon; a destination that is still broken says so at once.
        ops.journal.set_pause(&pause.destination, None).await?;
    }
    for (name, destination) in destinations {
        let around = deliver::Around {
            journal: Arc::clone(&ops.journal),
            spool: spool.clone(),
            clock: ops.clock.clone(),
            telemetry: ops.telemetry.clone(),
            stop: stop.clone(),
        };
        let settings = config.deliver.clone();
        let sender = Sender::new(name.clone(), Arc::clone(destination), settings, around);
        let looping = Loop {
            clock: ops.clock.clone(),
            wake: ops.sender.clone(),
            stop: stop.clone(),
            limit: sender.concurrency(),
        };
        rooms.spawn(looping.run(Arc::new(sender)));
    }
    Ok(())
}

fn spawn_collector(
    rooms: &mut JoinSet<()>,
    settings: collect::Settings,
    ops: &Ops,
    (apertur, spool, stop): (Apertur, &Spool, &CancellationToken),
) {
    let collector = Collector {
        journal: Arc::clone(&ops.journal),
        spool: spool.clone(),
        apertur,
        settings,
        clock: ops.clock.clone(),
        stored: ops.sender.clone(),
        stop: stop.clone(),
        telemetry: ops.telemetry.clone(),
    };
    rooms.spawn(Arc::new(collector).collect(ops.collector.clone()));
}

/// Without a key there is nobody to ask.
fn spawn_follower(
    rooms: &mut JoinSet<()>,
    apertur: &Apertur,
    ops: &Ops,
    (spool, stop): (&Spool, &CancellationToken),
) {
    if apertur.settings().api_key.is_none() {
        return;
    }
    let around = Around {
        journal: Arc::clone(&ops.journal),
        spool: spool.clone(),
        routes: Arc::clone(&ops.routes),
        clock: ops.clock.clone(),
        telemetry: ops.telemetry.clone(),
        collector: ops.collector.clone(),
        sender: ops.sender.clone(),
        stop: stop.clone(),
    };
    rooms.spawn(Arc::new(Follower::new(apertur, around)).follow());
}

async fn retention(ops: Ops, spool: Spool, settings: prune::Settings, stop: CancellationToken) {
    let mut next = ops.clock.after(Duration::from_mins(1));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = ops.clock.sleep_until(next) => {}
        }
        match prune::run(&ops.journal, &spool, settings, &ops.clock).await {
            Ok(prune::Pruned { files: 0, photos: 0 }) => {}
            Ok(prune::Pruned { files, photos }) => {
                ops.telemetry.emit(&Fact::Pruned { files, photos });
            }
            Err(error) => ops
                .telemetry
                .emit(&Fact::JournalFailed { room: "retention", error: &format!("{error:#}") }),
        }
        next = ops.clock.after(PRUNE_EVERY);
    }
}

async fn listen(
    config: Config,
    ops: &Ops,
    spool: Spool,
    (page, rooms): (Option<Arc<CollectPage>>, &mut JoinSet<()>),
) -> anyhow::Result<(Address, Option<Address>, Vec<Server>)> {
    let behind = Behind {
        journal: Arc::clone(&ops.journal),
        spool,
        routes: Arc::clone(&ops.routes),
        clock: ops.clock.clone(),
        telemetry: ops.telemetry.clone(),
        collector: ops.collector.clone(),
        sender: ops.sender.clone(),
    };
    let door = Arc::new(Door::new(config.receive, behind));
    // Asked for once: whoever asks takes them out of the environment.
    let mut handed_over = listenfd::ListenFd::from_env();
    let doors = (door, page);
    let (public, server) = listen::public(&config.server, &mut handed_over, doors, rooms)?;
    let mut servers = vec![server];
    let console = match &config.server.console_listen {
        Some(at) => {
            // The second socket that was handed over, where the first is the public one.
            let second = usize::from(config.server.listen == Listen::Systemd);
            let handed_over = (&mut handed_over, second);
            let (console, server) = listen::console(at, handed_over, ops.clone(), rooms)?;
            servers.push(server);
            Some(console)
        }
        None => None,
    };
    Ok((public, console, servers))
}
