//! The collect page: somebody who may, opens it for one record, makes a session, shows its QR
//! code and sees the photos arrive (public listener, below `/collect`).
//!
//! Three ways lead in (`enter`), each to an address that is signed for one record (`link`);
//! `record` makes sessions there, `session` shows one. Nothing here shows a photo, and nothing
//! of a link, a token or a session's id gets into a log.

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

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use actix_web::{HttpResponse, web};
use ipnet::IpNet;
use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use self::{enter::Entered, gate::Gates, names::Names, once::Once, trouble::Trouble};
pub use self::{
    key::{Key, open_to_others},
    link::{Link, Signed},
};
use crate::{
    apertur::Apertur,
    destinations::Destination,
    journal::Journal,
    model::{DestinationName, Mode, OwnSession, Target},
    pages::{self, Asset},
    route::Routes,
    system::Clock,
    telemetry::Telemetry,
};

/// Longest time that a link may work.
pub const LONGEST_LIFE: Duration = Duration::from_hours(31 * 24);

/// The style.
static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::style(concat!(
        include_str!("../pages/assets/base.css"),
        include_str!("assets/collect.css")
    ))
});

/// The script.
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::script(concat!(
        include_str!("../pages/assets/base.js"),
        include_str!("assets/collect.js")
    ))
});

/// How the page works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of the public listener, as people reach it.
    pub public_url: Url,
    /// Proxies whose word counts on who is beyond them.
    pub trusted_proxies: Vec<IpNet>,
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

    /// Where the entry in the menus of a destination's own pages leads, to which `&mark=` and
    /// `&token=` are appended. Who does not know it is not listened to.
    #[must_use]
    pub fn entry(&self, key: &Key, destination: &DestinationName) -> Url {
        let mut url = self.public_url.clone();
        url.set_path(&self.base());
        url.set_fragment(None);
        url.query_pairs_mut()
            .clear()
            .append_pair("destination", destination.as_str())
            .append_pair("key", &key.pass(destination.as_str()));
        url
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

impl Desk {
    /// How visible the photos of a session are here.
    fn mode(&self, own: &OwnSession) -> Option<Mode> {
        own.mode.or(self.default_mode)
    }
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
    /// What a ticket is of whose help desk nobody named.
    pub routes: Arc<Routes>,
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
        Self {
            gates: Gates::new(&behind.clock),
            names: Names::default(),
            made: Once::new(record::is_nothing, &behind.clock, tasks.clone(), runtime.clone()),
            told: Once::new(session::Told::is_nothing, &behind.clock, tasks.clone(), runtime),
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
        let resource = |path: &str| web::resource(path.to_owned()).default_service(nowhere());
        let scope = web::scope("/collect")
            .wrap(pages::headers("no-referrer"))
            .app_data(web::Data::from(Arc::clone(self)))
            .service(resource("").get(enter::open).post(enter::log_in))
            .service(resource("/assets/{name}").get(asset))
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

/// `GET /collect/assets/{name}`.
async fn asset(name: web::Path<String>) -> HttpResponse {
    pages::asset(&[&STYLE, &SCRIPT], &name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_entry_leads_to_the_page_of_its_destination_with_its_pass() {
        let key = Key::load(Some(&"k".into()), Path::new("")).unwrap();
        let name = DestinationName::parse("erp").unwrap();
        for (public, wanted) in [
            ("https://p.example.com", "https://p.example.com/collect?destination=erp&key="),
            ("https://p.example.com/a/?x=1#y", "https://p.example.com/a/collect?destination="),
        ] {
            let settings = Settings {
                public_url: public.parse().unwrap(),
                trusted_proxies: Vec::new(),
                key: None,
                password: None,
                link_lifetime: LONGEST_LIFE,
                default_mode: None,
            };
            let entry = settings.entry(&key, &name);
            assert!(entry.as_str().starts_with(wanted), "{entry}");
            let pass = entry.query_pairs().find(|(name, _)| name == "key").unwrap().1.into_owned();
            assert!(key.is_pass("erp", &pass), "{entry}");
        }
    }
}
