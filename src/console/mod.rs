//! The operator's listener: pages for people, `/api/v1` for programs, readiness and metrics.
//!
//! `access` says who may, `layout` and `words` are what every page has, and each page is a room
//! of its own: its path in [`Console::configure`], its words in `words`, its place in the menu in
//! `layout::MENU`. Nothing here decides what becomes of a photo; `ops` does.

mod access;
mod api;
mod attention;
mod configuration;
mod deliveries;
mod destinations;
mod doctor;
mod layout;
mod overview;
mod photo;
mod ready;
mod runs;
mod sessions;
mod standing;
mod trouble;
mod visit;
mod words;

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, middleware::from_fn, web};
use ipnet::IpNet;
use secrecy::SecretString;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use self::{
    access::{Access, page},
    api::Api,
    attention::{Attention, Watch},
    photo::thumbnail::{self, Thumbnails},
    trouble::Trouble,
};
pub use self::{
    access::{
        Caller, InvalidPassword, InvalidToken, Scope, Token, Tokens, check_password, hash_password,
    },
    configuration::{Origin, Setting},
    doctor::Examiner,
};
use crate::{
    apertur::Apertur,
    destinations::Destination,
    model::{DestinationName, Mode},
    ops::{Ops, measure::Measures},
    pages::{self, Asset},
    spool::Spool,
    system::Live,
    telemetry::Telemetry,
};

/// The style.
static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::style(concat!(
        include_str!("../pages/assets/base.css"),
        include_str!("assets/console.css")
    ))
});

/// The script.
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::script(concat!(
        include_str!("../pages/assets/base.js"),
        include_str!("assets/console.js")
    ))
});

/// How the console works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What people sign in with, as [`check_password`] takes it.
    pub password: Option<SecretString>,
    /// What programs sign in with; people may, too.
    pub tokens: Tokens,
    /// How long somebody stays signed in at most.
    pub session_lifetime: Duration,
    /// The address that people reach it at, where that is not the one it listens at.
    pub public_url: Option<Url>,
    /// Proxies whose word counts on who is beyond them.
    pub trusted_proxies: Vec<IpNet>,
}

/// A destination with the mode of its photos when nobody says one.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its name.
    pub name: DestinationName,
    /// It.
    pub destination: Arc<dyn Destination>,
    /// The mode of its photos, where its type knows modes.
    pub default_mode: Option<Mode>,
}

/// What a reload of the configuration replaces.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// The destinations.
    pub destinations: Vec<Place>,
    /// The configuration as it runs, in the order of the reference.
    pub configuration: Vec<Setting>,
}

/// What the console works with.
#[derive(Debug)]
pub struct Behind {
    /// The operator's verbs.
    pub ops: Ops,
    /// Where photos go, and the configuration.
    pub setup: Live<Setup>,
    /// Who makes sessions.
    pub apertur: Apertur,
    /// The bytes.
    pub spool: Spool,
    /// What is measured.
    pub measures: Arc<Measures>,
    /// Who looks at everything.
    pub doctor: Arc<dyn Examiner>,
}

/// The console, with everything behind it that it needs.
#[derive(Debug)]
pub struct Console {
    settings: Settings,
    access: Access,
    behind: Behind,
    watch: Watch,
    examined: Arc<doctor::Examined>,
    thumbnails: Thumbnails,
    api: Arc<Api>,
    /// What forms began that must not end with the request.
    tasks: TaskTracker,
}

impl Console {
    /// The console. Blocks where the password has to be hashed. What it begins goes on in the
    /// runtime that this is called in.
    ///
    /// # Errors
    /// When the password cannot be hashed.
    pub fn new(settings: Settings, behind: Behind) -> anyhow::Result<Self> {
        let access = Access::new(&settings, &behind.ops.clock)?;
        let tasks = TaskTracker::new();
        let watch = Watch::new(&behind.ops.clock);
        let api = Arc::new(Api::new(&settings, &behind, tasks.clone()));
        Ok(Self {
            settings,
            access,
            behind,
            watch,
            examined: Arc::default(),
            thumbnails: Thumbnails::default(),
            api,
            tasks,
        })
    }

    /// Returns once `stop` is there and everything that requests began has ended.
    pub async fn drained(self: Arc<Self>, stop: CancellationToken) {
        stop.cancelled().await;
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Adds readiness, metrics, the API and the pages to an actix-web application, at its root.
    pub fn configure(self: &Arc<Self>, app: &mut web::ServiceConfig) {
        use Scope::{Admin, Operate, Read};
        app.app_data(web::Data::from(Arc::clone(self)))
            .route("/readyz", web::get().to(ready::ready))
            .route("/metrics", web::get().to(ready::metrics))
            .configure(|app| self.api.configure(app))
            .route("/favicon.ico", web::get().to(HttpResponse::NoContent))
            .service(
                web::resource("/assets/{name}").wrap(pages::headers("same-origin")).get(asset),
            );
        let sign_in = web::resource("/sign-in").get(access::open).post(access::sign_in);
        let pages = web::scope("")
            .wrap(from_fn(access::front))
            // Without an origin in forms nobody could tell whose they are.
            .wrap(pages::headers("same-origin"))
            .service(sign_in)
            .service(web::resource("/language/{tag}").get(visit::choose_language))
            .service(page("/sign-out", Read, Read).post(access::leave))
            .service(page("/", Read, Operate).get(overview::show))
            .service(page("/deliveries", Read, Operate).get(deliveries::list))
            .service(
                page("/deliveries/change", Operate, Operate)
                    .get(deliveries::preview)
                    .post(deliveries::begin),
            )
            .service(page("/photos/{id}", Read, Operate).get(photo::show))
            .service(page("/photos/{id}/thumbnail", Operate, Operate).get(thumbnail::show))
            .service(page("/photos/{id}/bytes", Operate, Operate).get(photo::bytes))
            .service(page("/runs", Read, Operate).get(runs::list))
            .service(page("/runs/{run}", Read, Operate).get(runs::show))
            .service(page("/runs/{run}/stop", Operate, Operate).post(runs::stop))
            .service(page("/runs/{run}/resume", Operate, Operate).post(runs::resume))
            .service(page("/destinations", Read, Operate).get(destinations::show))
            .service(page("/destinations/{name}/test", Operate, Operate).post(destinations::test))
            .service(page("/sessions", Read, Operate).get(sessions::list).post(sessions::make))
            .service(page("/sessions/new", Operate, Operate).get(sessions::new))
            .service(page("/sessions/{mark}", Read, Operate).get(sessions::show))
            .service(page("/sessions/{mark}/qr.svg", Operate, Operate).get(sessions::qr))
            .service(page("/sessions/{mark}/close", Operate, Operate).post(sessions::close))
            .service(page("/doctor", Admin, Admin).get(doctor::show).post(doctor::examine))
            .service(page("/configuration", Admin, Admin).get(configuration::show))
            .default_service(web::to(nowhere));
        app.service(pages);
    }

    fn ops(&self) -> &Ops {
        &self.behind.ops
    }

    fn telemetry(&self) -> &Telemetry {
        &self.behind.ops.telemetry
    }

    /// What needs a person.
    async fn attention(&self) -> Attention {
        self.watch.look(self.ops()).await
    }

    /// What comes of work that goes on when whoever asked goes away; after `patience` nobody waits
    /// for it any more.
    async fn finished<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        patience: Duration,
    ) -> Result<T, Trouble> {
        let done = self.api.finished(work, patience).await;
        self.watch.forget();
        done.map_err(Trouble::from)
    }

    /// Why a request gets no page, whoever it is from.
    fn refused(&self, request: &HttpRequest) -> Option<Trouble> {
        if !access::is_for_us(request, self.settings.public_url.as_ref()) {
            return Some(Trouble::ForeignHost);
        }
        let is_language = request.path().starts_with("/language/");
        (!self.access.is_configured() && !is_language).then_some(Trouble::NotConfigured)
    }

    /// Whether the way to whoever asks is encrypted.
    fn is_secure(&self, request: &HttpRequest) -> bool {
        access::is_secure(request, self.settings.public_url.as_ref())
    }
}

/// `GET /assets/{name}`.
async fn asset(name: web::Path<String>) -> HttpResponse {
    pages::asset(&[&STYLE, &SCRIPT], &name)
}

/// Nothing is here: nobody who did not sign in learns that.
async fn nowhere(visit: visit::Here) -> Result<HttpResponse, Trouble> {
    match visit.login {
        Some(_) => Err(Trouble::NotFound),
        None => Err(Trouble::SignIn { comes_back: false, is_foreign_link: false }),
    }
}
