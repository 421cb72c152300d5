//! The collect page: somebody who may, opens it for one record, makes a session, shows its QR
//! code and sees the photos arrive (public listener, below `/collect`).
//!
//! Three ways lead in (`enter`), each to an address that is signed for one record (`link`);
//! `record` makes sessions there, `session` shows one. Nothing here shows a photo, and nothing
//! of a link, a token or a session's id gets into a log.

mod assets;
mod enter;
mod gate;
mod key;
mod link;
mod names;
mod once;
mod page;
mod progress;
mod record;
mod session;
mod trouble;
mod visit;
mod words;

use std::{sync::Arc, time::Duration};

use actix_web::{HttpResponse, http::header, middleware::DefaultHeaders, web};
use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use self::{enter::Entered, gate::Gates, names::Names, once::Once, trouble::Trouble};
pub use self::{
    key::Key,
    link::{Link, Signed},
};
use crate::{
    apertur::Apertur,
    destinations::Destination,
    journal::Journal,
    model::{DestinationName, Mode, Target},
    system::Clock,
    telemetry::Telemetry,
};

/// Longest time that a link may work.
pub const LONGEST_LIFE: Duration = Duration::from_hours(31 * 24);

/// Nothing but ourselves: no script or style of anybody else's, nobody else's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// How the page works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of the public listener, as people reach it.
    pub public_url: Url,
    /// What links are signed with; by default the key of the data directory.
    pub key: Option<SecretString>,
    /// What opens the page of any record; nothing does without.
    pub password: Option<SecretString>,
    /// How long a link works, and a password is remembered; at most [`LONGEST_LIFE`].
    pub link_lifetime: Duration,
    /// The mode that is chosen to begin with; by default that of the destination.
    pub default_mode: Option<Mode>,
}

impl Settings {
    /// The whole address of a record's page.
    #[must_use]
    pub fn address(&self, link: &Signed) -> String {
        let url = self.public_url.as_str().trim_end_matches('/');
        format!("{url}/collect/{}", link.reveal())
    }

    /// The path below which the page is, as people reach it: `/collect`.
    fn base(&self) -> String {
        format!("{}/collect", self.public_url.path().trim_end_matches('/'))
    }
}

/// A destination whose records have pages.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Its name.
    pub name: DestinationName,
    /// It.
    pub destination: Arc<dyn Destination>,
    /// The mode of its photos when nobody says one.
    pub default_mode: Option<Mode>,
}

/// What the page works with.
#[derive(Debug, Clone)]
pub struct Behind {
    /// The memory.
    pub journal: Arc<dyn Journal>,
    /// Who makes sessions.
    pub apertur: Apertur,
    /// The destinations; those that have no records are never asked.
    pub desks: Vec<Desk>,
    /// The time.
    pub clock: Clock,
    /// Where facts go.
    pub telemetry: Telemetry,
}

/// The page, with everything behind it that it needs.
#[derive(Debug)]
pub struct CollectPage {
    settings: Settings,
    key: Key,
    behind: Behind,
    gates: Gates,
    names: Names,
    /// Sessions that forms made.
    made: Once<Result<String, Trouble>>,
    /// What became of messages that forms sent.
    told: Once<session::Told>,
    tasks: TaskTracker,
}

impl CollectPage {
    /// The page. What it begins goes on in the runtime that this is called in.
    #[must_use]
    pub fn new(settings: Settings, key: Key, behind: Behind) -> Self {
        let (tasks, runtime) = (TaskTracker::new(), Handle::current());
        let since = behind.clock.now();
        Self {
            gates: Gates::new(&behind.clock),
            names: Names::default(),
            made: Once::new(since, tasks.clone(), runtime.clone()),
            told: Once::new(since, tasks.clone(), runtime),
            tasks,
            settings,
            key,
            behind,
        }
    }

    /// Returns once `stop` is there and everything that forms began has ended.
    pub async fn drained(self: Arc<Self>, stop: CancellationToken) {
        stop.cancelled().await;
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Adds the pages to an actix-web application.
    pub fn configure(self: &Arc<Self>, app: &mut web::ServiceConfig) {
        let nowhere = || web::to(enter::not_allowed);
        let headers = DefaultHeaders::new()
            .add((header::CONTENT_SECURITY_POLICY, POLICY))
            .add((header::REFERRER_POLICY, "no-referrer"))
            .add(("Cross-Origin-Opener-Policy", "same-origin"))
            .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .add((header::CACHE_CONTROL, "no-store"))
            .add(("X-Robots-Tag", "noindex, nofollow"));
        let resource = |path: &str| web::resource(path.to_owned()).default_service(nowhere());
        let scope = web::scope("/collect")
            .wrap(headers)
            .app_data(web::Data::from(Arc::clone(self)))
            .service(resource("").get(enter::open).post(enter::log_in))
            .service(resource("/assets/{name}").get(assets::get))
            .service(resource("/{link}").get(record::show).post(record::make))
            .service(resource("/{link}/{session}").get(session::show))
            .service(resource("/{link}/{session}/qr.svg").get(session::qr))
            .service(resource("/{link}/{session}/progress").get(session::progress))
            .service(resource("/{link}/{session}/send").post(session::send))
            .service(resource("/{link}/{session}/close").post(session::close))
            .default_service(web::to(HttpResponse::NotFound));
        // Else browsers ask for it with every page, and are told of a page that is not there.
        app.route("/favicon.ico", web::get().to(HttpResponse::NoContent)).service(scope);
    }

    fn now(&self) -> jiff::Timestamp {
        self.behind.clock.now()
    }

    /// The destinations that know a record.
    fn desks_of<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a Desk> {
        let knows = |desk: &&Desk| target.belongs_to(desk.destination.kind());
        self.behind.desks.iter().filter(knows)
    }

    /// The destination of this name.
    fn desk(&self, name: &str) -> Option<&Desk> {
        self.behind.desks.iter().find(|desk| desk.name.as_str() == name)
    }

    /// What a segment of an address opens.
    fn entered(&self, segment: &str) -> Result<Entered<'_>, Trouble> {
        let verified = Link::verified(&self.key, segment, self.now());
        let (link, signed) = verified.ok_or(Trouble::Forbidden)?;
        let desk = self.desk(link.destination.as_str()).ok_or(Trouble::Forbidden)?;
        if !link.target.belongs_to(desk.destination.kind()) {
            return Err(Trouble::Forbidden);
        }
        Ok(Entered { link, signed, desk })
    }
}
