//! The one place where rooms are joined: a configuration becomes a running daemon.

mod certificate;
mod checkup;
mod listen;
mod page;
mod reload;
mod senders;

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::{
    certificate::Certificate,
    listen::{Doors, Server},
    reload::{Parts, Reloader},
    senders::{Room, Senders},
};
pub use self::{
    certificate::check_tls,
    checkup::{checkup, found},
    listen::Address,
    reload::Source,
};
use crate::{
    alert::{self, Alerts},
    apertur::Apertur,
    collect::{self, Collector},
    config::{Config, Listen},
    console::{self, Console},
    destinations::{self, Destination, Shared},
    follow::{Around, Follower},
    http::Http,
    journal::{self, Commit, Journal, Observer},
    model::DestinationName,
    ops::{
        self, Ops,
        control::{self, Desk, Reload},
        measure::Measures,
        prune,
        space::Watch,
        upkeep::Keeper,
    },
    receive::{Behind, Door, Status},
    spool::Spool,
    system::{Clock, DataDir, Hangups, Live, Service, shutdown},
    telemetry::{Committed, Fact, Telemetry},
};

/// How long another side may at least go on with what a killed daemon had asked of it; who looks
/// before it is done finds nothing and stores the photo a second time. Odoo takes two seconds for
/// the largest photo.
const STILL_AT_WORK: Duration = Duration::from_secs(10);

/// A destination by its name.
type Named = (DestinationName, Arc<dyn Destination>);

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
    reload: Option<Arc<dyn Reload>>,
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
        Self::start_from(config, clock, None).await
    }

    /// The same; with a source the daemon reads its configuration again when it is told to.
    async fn start_from(
        config: Config,
        clock: Clock,
        source: Option<Source>,
    ) -> anyhow::Result<Self> {
        let started = std::time::Instant::now();
        let (data_dir, spool) = take_files(&config).await?;
        let http = Http::new()?;
        let telemetry = telemetry(&config, &http)?;
        let journal = journal::open_observed(&config.journal, observer(&telemetry)).await?;
        let shared = Shared::new(http.clone(), clock.clone(), &config.data_dir);
        let destinations = build(&config, &shared);
        let routes = Live::new(config.routes.clone());
        let ops = Ops { routes, telemetry, ..Ops::to_read(journal, clock) };
        take_up(&ops, &config, &destinations).await?;
        let socket = control::bind(&data_dir.path().join("control.sock"))?;
        let stop = CancellationToken::new();
        let mut rooms = JoinSet::new();
        let measures = measures(&config, &ops, &spool, (&mut rooms, &stop));
        rooms.spawn(ops::carry_on(ops.clone(), stop.clone()));
        rooms.spawn(ops::keep_up(ops.clone(), stop.clone()));
        let (prune, min_free) = (Live::new(config.prune), Live::new(config.min_free));
        let keeper = keeper(&ops, &spool, &prune);
        rooms.spawn(Arc::clone(&keeper).keep(stop.clone()));
        let watch = watch(&config, &ops, (&spool, &keeper), min_free.clone());
        watch.look().await;
        rooms.spawn(watch.watch(stop.clone()));
        let stores = (&spool, &stop);
        let senders = spawn_senders(&mut rooms, &destinations, &config, &ops, stores);
        let apertur = Apertur::new(http, config.apertur.clone(), ops.clock.clone())?;
        spawn_follower(&mut rooms, &apertur, &ops, (&spool, &stop));
        let noted = spawn_alerts(&mut rooms, &config, &ops, (&destinations, &shared, &stop));
        let with_page = (apertur.clone(), &mut rooms, &stop);
        let page = page::open(&config, &ops, &destinations, with_page).await?;
        let setup = Live::new(page::setup(&config, &destinations));
        let examiner = checkup::Examiner::new(source.clone(), &config, &ops, &shared);
        let behind = console::Behind {
            ops: ops.clone(),
            setup: setup.clone(),
            apertur: apertur.clone(),
            spool: spool.clone(),
            measures,
            doctor: Arc::new(examiner),
        };
        let console = page::console(&config, behind, (&mut rooms, &stop)).await?;
        spawn_collector(&mut rooms, config.collect, &ops, (apertur, &spool, &stop));
        let door = door(&config, &ops, spool);
        let tls = certificate(&config).await?;
        let doors = (Arc::clone(&door), page, tls.clone());
        let (public, console, servers) = listen(&config, (doors, console), &mut rooms)?;
        let telemetry = ops.telemetry.clone();
        let routes = ops.routes.clone();
        let parts =
            Parts { door, routes, prune, min_free, tls, setup, noted, senders, shared, telemetry };
        let reload = source
            .map(|source| -> Arc<dyn Reload> { Arc::new(Reloader::new(source, &config, parts)) });
        let desk = Desk { ops: ops.clone(), keeper, reload: reload.clone() };
        rooms.spawn(control::serve(socket, desk, stop.clone()));
        say_started(&ops, &public, console.as_ref(), started.elapsed());
        Ok(Self {
            public,
            console,
            telemetry: ops.telemetry.clone(),
            ops,
            destinations,
            servers,
            sockets: socket_files(&config),
            rooms,
            stop,
            drain: config.server.drain,
            data_dir,
            reload,
        })
    }

    /// Reads the configuration again; what came of it is in the log.
    async fn reload(&self, service: Service) {
        let Some(reload) = &self.reload else { return };
        service.reloading();
        drop(reload.reload().await);
        service.ready();
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
        self.telemetry.flush().await;
        self.telemetry.emit(&Fact::Stopped);
    }
}

/// Takes the data directory and opens the spool.
async fn take_files(config: &Config) -> anyhow::Result<(DataDir, Spool)> {
    let (path, spool_dir) = (config.data_dir.clone(), config.spool_dir());
    let data_dir = tokio::task::spawn_blocking(move || DataDir::take(&path)).await??;
    let spool = tokio::task::spawn_blocking(move || Spool::open(&spool_dir)).await?;
    Ok((data_dir, spool.context("cannot open the spool; see that data_dir is writable")?))
}

/// The certificate of the public listener, where it has one.
async fn certificate(config: &Config) -> anyhow::Result<Option<Arc<Certificate>>> {
    let server = config.server.clone();
    tokio::task::spawn_blocking(move || Certificate::load(&server)).await?
}

fn say_started(ops: &Ops, public: &Address, console: Option<&Address>, took: Duration) {
    let console = console.map(ToString::to_string);
    let (listen, console) = (&public.to_string(), console.as_deref());
    ops.telemetry.emit(&Fact::Started { listen, console, took });
}

/// The socket files that listening makes.
fn socket_files(config: &Config) -> Vec<PathBuf> {
    let own = [Some(&config.server.listen), config.server.console_listen.as_ref()];
    let files = own.into_iter().flatten().filter_map(|listen| match listen {
        Listen::Unix(path) => Some(path.clone()),
        Listen::Tcp(_) | Listen::Systemd => None,
    });
    files.collect()
}

/// Runs a daemon until the process is told to stop.
///
/// # Errors
/// As [`Daemon::start`].
pub async fn run(config: Config, source: Source) -> anyhow::Result<()> {
    // From the first moment on: who stops a daemon that just said it is ready must be heard.
    let stop = shutdown().context("cannot listen to signals")?;
    let mut hangups = Hangups::listen().context("cannot listen to signals")?;
    let mut daemon = Daemon::start_from(config, Clock::system(), Some(source)).await?;
    let service = Service;
    service.ready();
    let watch = tokio::spawn(watchdog(service, Arc::clone(&daemon.ops.journal)));
    tokio::pin!(stop);
    let ended = loop {
        tokio::select! {
            () = &mut stop => break false,
            // Every room works until it is told to stop.
            _ = daemon.rooms.join_next() => break true,
            () = hangups.next() => daemon.reload(service).await,
        }
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

/// What the last run left behind.
async fn take_up(
    ops: &Ops,
    config: &Config,
    destinations: &[(DestinationName, Arc<dyn Destination>)],
) -> anyhow::Result<()> {
    let (journal, clock) = (&ops.journal, &ops.clock);
    let settled = destinations.iter().map(|(_, to)| to.limits().settles_in).max();
    let look_at = clock.after(settled.unwrap_or_default().max(STILL_AT_WORK));
    let left = journal.recover(clock.now(), look_at).await?;
    if left > 0 {
        ops.telemetry.emit(&Fact::Recovered { deliveries: left });
    }
    let configured: Vec<_> = config.destinations.iter().map(|(name, _)| name.clone()).collect();
    let mut strays = 0;
    loop {
        match journal.hold_strays(&configured, clock.now()).await? {
            0 => break,
            held => strays += held,
        }
    }
    if strays > 0 {
        ops.telemetry.emit(&Fact::Strays { count: strays });
    }
    for pause in journal.pauses().await? {
        // A pause ends with the daemon; a destination that is still broken says so at once.
        journal.set_pause(&pause.destination, None).await?;
    }
    Ok(())
}

fn keeper(ops: &Ops, spool: &Spool, settings: &Live<prune::Settings>) -> Arc<Keeper> {
    let stores = (Arc::clone(&ops.journal), spool.clone());
    let around = (ops.clock.clone(), ops.telemetry.clone());
    Arc::new(Keeper::new(stores, settings.clone(), ops.floor.clone(), around))
}

fn watch(
    config: &Config,
    ops: &Ops,
    (spool, keeper): (&Spool, &Arc<Keeper>),
    min_free: Live<u64>,
) -> Watch {
    let journal::Settings::Sqlite { path } = &config.journal;
    let folder = path.parent().unwrap_or(&config.data_dir).to_owned();
    Watch {
        places: vec![folder, spool.dir().to_owned()],
        min_free,
        floor: ops.floor.clone(),
        clock: ops.clock.clone(),
        telemetry: ops.telemetry.clone(),
        collector: ops.collector.clone(),
        keeper: Arc::clone(keeper),
    }
}

fn spawn_senders(
    rooms: &mut JoinSet<()>,
    destinations: &[(DestinationName, Arc<dyn Destination>)],
    config: &Config,
    ops: &Ops,
    (spool, stop): (&Spool, &CancellationToken),
) -> Senders {
    let (senders, mut room) = Room::new(ops.clone(), spool.clone(), stop.clone());
    for (name, destination) in destinations {
        room.begin(name.clone(), (Arc::clone(destination), config.deliver.clone()));
    }
    rooms.spawn(room.run());
    senders
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
        floor: ops.floor.clone(),
        clock: ops.clock.clone(),
        stored: ops.sender.clone(),
        stop: stop.clone(),
        telemetry: ops.telemetry.clone(),
    };
    rooms.spawn(Arc::new(collector).collect(ops.collector.clone()));
}

/// Gives the destinations that notes are left at, which a reload replaces.
fn spawn_alerts(
    rooms: &mut JoinSet<()>,
    config: &Config,
    ops: &Ops,
    (destinations, shared, stop): (&[Named], &Shared, &CancellationToken),
) -> Live<Vec<Named>> {
    let destinations = Live::new(destinations.to_vec());
    let outlets = alert::Outlets::new(&config.alert, shared.http.clone(), ops.clock.clone());
    let around = alert::Around {
        journal: Arc::clone(&ops.journal),
        destinations: destinations.clone(),
        data_dir: config.data_dir.clone(),
        clock: ops.clock.clone(),
        telemetry: ops.telemetry.clone(),
        stop: stop.clone(),
    };
    rooms.spawn(Alerts::new(config.alert.clone(), outlets, around).run());
    destinations
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
        routes: ops.routes.clone(),
        floor: ops.floor.clone(),
        clock: ops.clock.clone(),
        telemetry: ops.telemetry.clone(),
        collector: ops.collector.clone(),
        sender: ops.sender.clone(),
        stop: stop.clone(),
    };
    rooms.spawn(Arc::new(Follower::new(apertur, around)).follow());
}

/// Where facts go, with what is configured shown from the start.
fn telemetry(config: &Config, http: &Http) -> anyhow::Result<Telemetry> {
    let telemetry = Telemetry::default();
    let configured: Vec<_> = config.destinations.iter().map(|(name, _)| name.clone()).collect();
    telemetry.foresee(&configured, &Status::ALL.map(Status::as_str));
    if let Some(traces) = &config.traces {
        telemetry.trace(traces, http.clone())?;
    }
    Ok(telemetry)
}

/// Counts the journal's commits.
fn observer(telemetry: &Telemetry) -> Observer {
    let telemetry = telemetry.clone();
    Observer::new(move |Commit { requests, took, sync }| {
        telemetry.committed(Committed { requests, took, sync });
    })
}

/// The measures, which look at the spool by themselves.
fn measures(
    config: &Config,
    ops: &Ops,
    spool: &Spool,
    (rooms, stop): (&mut JoinSet<()>, &CancellationToken),
) -> Arc<Measures> {
    let measures = Measures::new(ops.clone(), spool.clone(), &config.data_dir, &config.journal);
    let measures = Arc::new(measures);
    let (ours, stop) = (Arc::clone(&measures), stop.clone());
    rooms.spawn(async move { ours.watch(stop).await });
    measures
}

fn door(config: &Config, ops: &Ops, spool: Spool) -> Arc<Door> {
    let behind = Behind {
        journal: Arc::clone(&ops.journal),
        spool,
        routes: ops.routes.clone(),
        floor: ops.floor.clone(),
        clock: ops.clock.clone(),
        telemetry: ops.telemetry.clone(),
        collector: ops.collector.clone(),
        sender: ops.sender.clone(),
    };
    Arc::new(Door::new(config.receive.clone(), behind))
}

fn listen(
    config: &Config,
    (doors, console): (Doors, Option<Arc<Console>>),
    rooms: &mut JoinSet<()>,
) -> anyhow::Result<(Address, Option<Address>, Vec<Server>)> {
    // Asked for once: whoever asks takes them out of the environment.
    let mut handed_over = listenfd::ListenFd::from_env();
    let (public, server) = listen::public(&config.server, &mut handed_over, doors, rooms)?;
    let mut servers = vec![server];
    let console = match (&config.server.console_listen, console) {
        (Some(at), Some(console)) => {
            // The second socket that was handed over, where the first is the public one.
            let second = usize::from(config.server.listen == Listen::Systemd);
            let handed_over = (&mut handed_over, second);
            let (console, server) = listen::console(at, handed_over, console, rooms)?;
            servers.push(server);
            Some(console)
        }
        _ => None,
    };
    Ok((public, console, servers))
}
