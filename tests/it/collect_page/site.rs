//! A page in this process, and whoever visits it.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle};
use apertur_bridge::{
    apertur::Apertur,
    collect_page::{Behind, CollectPage, Desk, Key, Link, Settings},
    config,
    destinations::{Destination, Invitation, Limits, Mark, Parcel, Progress, Record},
    http::Http,
    journal::{self, Arrival, Bytes, Journal},
    model::{
        Cause, Delivery, DestinationName, ErrorKind, Failure, Finding, ImageId, Kind, Mode,
        OwnSession, Photo, PhotoId, Planned, Receipt, Scheme, SessionId, Shape, Target,
    },
    route::Routes,
    system::Clock,
    telemetry::Telemetry,
};
use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::{
    daemon::SECRET,
    fakes::apertur::{Answer, FakeApertur, WEBHOOK_DESTINATION, raw},
};

/// The password of the pages.
pub(super) const PASSWORD: &str = "open sesame";

/// Where records are, and what happens to what is asked there.
#[derive(Debug)]
pub(super) struct FakeDesk {
    kind: Kind,
    /// The name of every record; none is there where it is empty.
    pub(super) name: Mutex<String>,
    /// Marks that were left, with their records.
    pub(super) marks: Mutex<Vec<(i64, String, Target)>>,
    /// How the next calls fail.
    pub(super) fails: Mutex<Vec<Failure>>,
    /// What was asked: `record`, `redeem`, `tell contact`.
    pub(super) seen: Mutex<Vec<String>>,
    /// What the receipts of messages note.
    pub(super) note: Mutex<Option<String>>,
}

impl FakeDesk {
    pub(super) fn new(kind: Kind) -> Arc<Self> {
        Arc::new(Self {
            kind,
            name: Mutex::new("Marc Demo".to_owned()),
            marks: Mutex::default(),
            fails: Mutex::default(),
            seen: Mutex::default(),
            note: Mutex::default(),
        })
    }

    fn see(&self, what: String) -> Result<(), Failure> {
        self.seen.lock().unwrap().push(what);
        self.fails.lock().unwrap().pop().map_or(Ok(()), Err)
    }

    /// How often this was asked.
    pub(super) fn count(&self, what: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| seen.starts_with(what)).count()
    }

    pub(super) fn fail(&self, failure: Failure) {
        self.fails.lock().unwrap().push(failure);
    }
}

#[async_trait]
impl Destination for FakeDesk {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn place(&self) -> String {
        "https://desk.example.com".to_owned()
    }

    fn limits(&self) -> Limits {
        unreachable!("the page hands nothing over")
    }

    async fn probe(&self) -> Vec<Finding> {
        Vec::new()
    }

    async fn test(&self, _target: Option<&Target>) -> Vec<Finding> {
        Vec::new()
    }

    fn preview(&self, _delivery: &Delivery) -> Result<Receipt, Failure> {
        Ok(Receipt::default())
    }

    async fn find(&self, _deliveries: &[Delivery]) -> Result<Vec<Option<Receipt>>, Failure> {
        unreachable!("the page hands nothing over")
    }

    async fn deliver(
        &self,
        _parcel: &Parcel,
        _progress: &Progress,
    ) -> Result<Vec<Receipt>, Failure> {
        unreachable!("the page hands nothing over")
    }

    async fn tell(
        &self,
        _target: &Target,
        mode: Option<Mode>,
        _invitation: &Invitation,
    ) -> Result<Receipt, Failure> {
        self.see(format!("tell {}", mode.map_or("-", Mode::as_str)))?;
        Ok(Receipt { note: self.note.lock().unwrap().clone(), ..Receipt::default() })
    }

    async fn record(&self, target: &Target) -> Result<Record, Failure> {
        self.see("record".to_owned())?;
        let name = self.name.lock().unwrap().clone();
        if name.is_empty() {
            let cause = Cause::new(ErrorKind::NotFound, "there is none", "make one");
            return Err(Failure::Refused { cause });
        }
        Ok(Record { target: target.clone(), name })
    }

    async fn redeem(&self, mark: &Mark) -> Result<Option<Record>, Failure> {
        self.see("redeem".to_owned())?;
        let mut marks = self.marks.lock().unwrap();
        let is_it = |(id, token, _): &(i64, String, Target)| {
            *id == mark.id && token == mark.token.expose_secret()
        };
        let Some(at) = marks.iter().position(is_it) else { return Ok(None) };
        let (_, _, target) = marks.remove(at);
        Ok(Some(Record { target, name: self.name.lock().unwrap().clone() }))
    }
}

/// A running page with all around it.
pub(super) struct Site {
    pub(super) apertur: FakeApertur,
    /// `erp`, an Odoo, and `desk`, a Freshdesk.
    pub(super) erp: Arc<FakeDesk>,
    pub(super) desk: Arc<FakeDesk>,
    pub(super) clock: Clock,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) telemetry: Telemetry,
    settings: Settings,
    key: Key,
    url: String,
    server: ServerHandle,
    home: tempfile::TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

pub(super) fn target(text: &str) -> Target {
    text.parse().unwrap()
}

pub(super) fn name(text: &str) -> DestinationName {
    DestinationName::parse(text).unwrap()
}

impl Site {
    pub(super) async fn start() -> Site {
        Self::with(&format!("password = \"{PASSWORD}\"")).await
    }

    /// With these lines of `[collect]`.
    pub(super) async fn with(lines: &str) -> Site {
        Self::of(lines, false).await
    }

    /// With a second Odoo, `second`.
    pub(super) async fn with_second() -> Site {
        Self::of(&format!("password = \"{PASSWORD}\""), true).await
    }

    async fn of(lines: &str, has_second: bool) -> Site {
        let apertur = FakeApertur::start();
        let text = format!(
            "webhook.secrets = [\"{SECRET}\"]\nserver.public_url = \"https://photos.example.com\"\n\
             {}session_destinations = [\"{WEBHOOK_DESTINATION}\"]\n[collect]\n{lines}",
            apertur.settings()
        );
        let loaded = config::load_from(Some((Path::new("config.toml"), &text)), &BTreeMap::new());
        let config = loaded.unwrap().config;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("journal.db");
        let journal = journal::open(&journal::Settings::Sqlite { path }).await.unwrap();
        let clock = Clock::stepped(jiff::Timestamp::now());
        let api = config.apertur.clone();
        let api = Apertur::new(Http::new().unwrap(), api, clock.clone()).unwrap();
        let settings = config.collect_page.unwrap();
        let key = Key::load_or_make(settings.key.as_ref(), home.path()).unwrap();
        let (erp, desk) = (FakeDesk::new(Kind::Odoo), FakeDesk::new(Kind::Freshdesk));
        let telemetry = Telemetry::default();
        let mut desks = desks(&erp, &desk);
        if has_second {
            desks.push(Desk { name: name("second"), ..desks[0].clone() });
        }
        let behind = Behind {
            journal: Arc::clone(&journal),
            apertur: api,
            desks,
            routes: routes(),
            clock: clock.clone(),
            telemetry: telemetry.clone(),
        };
        let page = Arc::new(CollectPage::new(settings.clone(), key.clone(), behind));
        let (url, server) = serve(page);
        Site { apertur, erp, desk, clock, journal, telemetry, settings, key, url, server, home }
    }

    /// The same after a restart of the daemon, at another address.
    pub(super) fn restarted(&mut self, apertur: Apertur) {
        let behind = Behind {
            journal: Arc::clone(&self.journal),
            apertur,
            desks: desks(&self.erp, &self.desk),
            routes: routes(),
            clock: self.clock.clone(),
            telemetry: self.telemetry.clone(),
        };
        let key = Key::load(self.settings.key.as_ref(), self.home.path()).unwrap();
        let page = Arc::new(CollectPage::new(self.settings.clone(), key, behind));
        (self.url, self.server) = serve(page);
    }

    /// The folder with `journal.db` and `collect.key`.
    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The address of a record's page, signed for an hour.
    pub(super) fn link(&self, record: &str, destination: &str) -> String {
        let until = self.clock.after(Duration::from_hours(1));
        let link = Link::new(target(record), name(destination), until);
        format!("/collect/{}", link.sign(&self.key).reveal())
    }

    /// Where the entry in the menus of `erp` leads with this mark and token.
    pub(super) fn entry(&self, mark: &str, token: &str) -> String {
        let entry = self.settings.entry(&self.key, &name("erp"));
        format!("{}?{}&mark={mark}&token={token}", entry.path(), entry.query().unwrap())
    }

    /// The page of contact 42.
    pub(super) fn contact(&self) -> String {
        self.link("odoo:res.partner:42", "erp")
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let headers: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: photos.example.com\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\
             {headers}\r\n{body}"
        );
        raw(&self.url, request.as_bytes()).unwrap()
    }

    pub(super) fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.ask("POST", path, &[], &encoded(fields))
    }

    /// What somebody does who is at this address.
    pub(super) fn from(&self, address: &str, method: &str, path: &str, body: &str) -> Answer {
        self.ask(method, path, &[("X-Forwarded-For", address)], body)
    }

    /// Opens a record's page, makes a session there and gives its address.
    pub(super) fn made(&self, page: &str, mode: &str) -> String {
        let form = form(&self.get(page));
        let made = self.post(page, &[("form", &form), ("mode", mode)]);
        assert_eq!(made.status, 303, "{}", text(&made));
        made.header("location").unwrap().to_owned()
    }

    /// Where photos stand, as the script is told.
    pub(super) fn progress(&self, session: &str) -> Value {
        let answer = self.get(&format!("{session}/progress"));
        assert_eq!(answer.status, 200, "{}", text(&answer));
        serde_json::from_slice(&answer.body).unwrap()
    }

    pub(super) async fn sessions(&self) -> Vec<OwnSession> {
        self.journal.sessions().await.unwrap()
    }

    /// How many sessions Apertur has.
    pub(super) fn at_apertur(&self) -> usize {
        self.apertur.with(|api| api.sessions.all.len())
    }

    /// A photo of a session that came in just now, to `erp` and to a storage.
    pub(super) async fn arrived(&self, id: &str, session: &SessionId, bytes: Bytes) {
        self.arrived_for(id, session, bytes, &["erp", "archive"]).await;
    }

    /// The same, to these destinations.
    pub(super) async fn arrived_for(
        &self,
        id: &str,
        session: &SessionId,
        bytes: Bytes,
        to: &[&str],
    ) {
        let photo = Photo {
            id: PhotoId::parse(id).unwrap(),
            image_id: ImageId::parse(id).ok(),
            session: Some(session.clone()),
            index: None,
            filename: Some(format!("<b>{id}</b>.jpg")),
            media_type: None,
            size: Some(3),
            sha256: Some(apertur_bridge::model::Digest([1; 32])),
            tags: Vec::new(),
            target: Some(target("odoo:res.partner:42")),
            mode: None,
            topic: None,
            shape: Shape::Event,
            scheme: Some(Scheme::Body),
            received_at: self.clock.now(),
        };
        let planned = |to: &str| Planned {
            destination: Some(name(to)),
            target: photo.target.clone(),
            mode: None,
        };
        let plan = to.iter().copied().map(planned).collect();
        self.journal
            .accept(Arrival { photo, bytes, plan, held: None, is_doubtful: false })
            .await
            .unwrap();
    }
}

fn desks(erp: &Arc<FakeDesk>, desk: &Arc<FakeDesk>) -> Vec<Desk> {
    let one = |name_of: &str, it: &Arc<FakeDesk>, default_mode| Desk {
        name: name(name_of),
        destination: Arc::clone(it) as Arc<dyn Destination>,
        default_mode: Some(default_mode),
    };
    vec![one("erp", erp, Mode::Contact), one("desk", desk, Mode::Internal)]
}

fn routes() -> Arc<Routes> {
    let destinations = vec![(name("erp"), Kind::Odoo), (name("desk"), Kind::Freshdesk)];
    Arc::new(Routes { rules: Vec::new(), destinations })
}

fn serve(page: Arc<CollectPage>) -> (String, ServerHandle) {
    let server = HttpServer::new(move || {
        let page = Arc::clone(&page);
        App::new().configure(move |app| page.configure(app))
    });
    let server = server.workers(2).disable_signals().shutdown_timeout(1);
    let server = server.bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    (url, handle)
}

pub(super) fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// The one-time field of the first form of a page.
pub(super) fn form(page: &Answer) -> String {
    let html = text(page);
    let (_, rest) = html.split_once("name=\"form\" value=\"").unwrap_or_else(|| panic!("{html}"));
    rest.split('"').next().unwrap().to_owned()
}

/// Fields as a browser sends them.
pub(super) fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// What a system says that cannot be reached.
pub(super) fn down() -> Failure {
    let cause = Cause::new(ErrorKind::Unreachable, "nobody answers at secret.internal", "wait");
    Failure::Later { after: None, cause }
}
