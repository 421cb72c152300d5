//! The JSON API below `/api/v1` (console listener): the operator's verbs for programs.
//!
//! Each operation is said once (`operation`), in the file of what it is about; routes and the
//! OpenAPI document come of it. Every request shows a bearer token, never a cookie, so no page of
//! anybody else can make a browser send one. Nothing of a token, a session's id or a link gets
//! into a log, and the ids of sessions of ours into no answer.

mod body;
mod configuration;
mod cursor;
mod deliveries;
mod destinations;
mod doctor;
mod document;
mod facts;
mod operation;
mod page;
mod photos;
mod problem;
mod query;
mod runs;
mod sessions;
mod status;

use std::{fmt, sync::Arc, time::Duration};

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header,
    middleware::{DefaultHeaders, Next, from_fn},
    web,
};
use ipnet::IpNet;
use jiff::Timestamp;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::task::TaskTracker;

use self::{operation::Operation, problem::Problem, query::Wanted};
pub(super) use self::{photos::file, sessions::kept};
use super::{Behind, Caller, Examiner, Scope, Settings, Setup, Tokens};
use crate::{
    apertur::Apertur,
    model::{Filter, OwnSession},
    ops::Ops,
    pages::{Guest, Pace, Paced},
    spool::Spool,
    system::Live,
    telemetry::Fact,
};

/// Wrong tokens of one address: so many at once, then one each so long.
const WRONG: Pace = (60, Duration::from_secs(1));
/// Tests and examinations that run at a time.
const TESTS: usize = 4;

/// The API, with everything behind it that it needs.
pub(super) struct Api {
    tokens: Tokens,
    /// Proxies whose word counts on who is beyond them.
    proxies: Vec<IpNet>,
    /// Wrong tokens.
    wrong: Paced<Guest>,
    ops: Ops,
    apertur: Apertur,
    spool: Spool,
    setup: Live<Setup>,
    doctor: Arc<dyn Examiner>,
    started_at: Timestamp,
    /// The OpenAPI document.
    document: String,
    tests: Arc<Semaphore>,
    tasks: TaskTracker,
    runtime: Handle,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// Every operation, in the order of the document.
fn operations() -> Vec<Operation> {
    [
        deliveries::operations(),
        runs::operations(),
        photos::operations(),
        destinations::operations(),
        sessions::operations(),
        status::operations(),
        configuration::operations(),
        doctor::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Api {
    /// The API for who shows one of the tokens. What it begins is counted by `tasks` and goes on
    /// in the runtime that this is called in.
    pub(super) fn new(settings: &Settings, behind: &Behind, tasks: TaskTracker) -> Self {
        let Behind { ops, setup, apertur, spool, doctor, .. } = behind;
        Self {
            tokens: settings.tokens.clone(),
            proxies: settings.trusted_proxies.clone(),
            wrong: Paced::new(WRONG, &ops.clock),
            started_at: ops.clock.now(),
            ops: ops.clone(),
            apertur: apertur.clone(),
            spool: spool.clone(),
            setup: setup.clone(),
            doctor: Arc::clone(doctor),
            // Texts and numbers can always be written.
            document: document::of(operations()).to_json().unwrap_or_default(),
            tests: Arc::new(Semaphore::new(TESTS)),
            tasks,
            runtime: Handle::current(),
        }
    }

    /// Adds the API to an actix-web application.
    pub(super) fn configure(self: &Arc<Self>, app: &mut web::ServiceConfig) {
        let headers = DefaultHeaders::new()
            .add((header::CACHE_CONTROL, "no-store"))
            .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .add((header::REFERRER_POLICY, "no-referrer"))
            .add((header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"));
        let document = web::resource("/v1/openapi.json")
            .get(document)
            .default_service(web::to(|| async { Problem::method("GET") }));
        let version = web::scope("/v1").wrap(from_fn(known)).configure(routes);
        let scope = web::scope("/api")
            .wrap(headers)
            .app_data(web::Data::from(Arc::clone(self)))
            .service(document)
            .service(version.default_service(web::to(nothing)))
            .default_service(web::to(nothing));
        app.service(scope);
    }

    /// The filter that somebody writes.
    async fn filter(&self, wanted: &Wanted) -> Result<Filter, Problem> {
        wanted.filter(&self.sessions_for(wanted).await?)
    }

    /// The sessions that were made here, where a filter names one.
    async fn sessions_for(&self, wanted: &Wanted) -> Result<Vec<OwnSession>, Problem> {
        Ok(match wanted.session {
            Some(_) => self.ops.journal.sessions().await?,
            None => Vec::new(),
        })
    }

    /// A place among the few that ask other systems at a time.
    fn place_to_test(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let busy = |_| Problem::busy("other tests are running", "try again");
        Arc::clone(&self.tests).try_acquire_owned().map_err(busy)
    }

    /// What comes of work that is not given up when whoever asked goes away; after `patience`
    /// nobody waits for it any more.
    pub(super) async fn finished<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        patience: Duration,
    ) -> Result<T, Problem> {
        let task = self.tasks.spawn_on(work, &self.runtime);
        let done = tokio::time::timeout(patience, task).await.map_err(|_| {
            let what = "another system has not answered yet; what was begun goes on";
            Problem::slow(what, "look in a minute at what came of it")
        })?;
        done.map_err(|_| Problem::internal("a part of the bridge failed"))
    }
}

/// Adds the operations; an address answers other methods with those that it takes.
fn routes(app: &mut web::ServiceConfig) {
    let mut resources = Vec::<(&str, Vec<(String, actix_web::Route)>)>::new();
    for operation in operations() {
        let (path, method, route) = operation.into_route();
        let route = (method.to_string(), route);
        match resources.iter_mut().find(|(known, _)| *known == path) {
            Some((_, routes)) => routes.push(route),
            None => resources.push((path, vec![route])),
        }
    }
    // `/deliveries/counts` is no delivery.
    resources.sort_by_key(|(path, _)| path.contains('{'));
    for (path, routes) in resources {
        let (methods, routes): (Vec<_>, Vec<_>) = routes.into_iter().unzip();
        let allowed = methods.join(", ");
        let other = move || std::future::ready(Problem::method(&allowed));
        let resource = routes.into_iter().fold(web::resource(path), |all, route| all.route(route));
        app.service(resource.default_service(web::to(other)));
    }
}

async fn document(api: web::Data<Api>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(api.document.clone())
}

async fn nothing() -> Problem {
    Problem::not_found("there is no such address", "see /api/v1/openapi.json for those there are")
}

impl Responder for Problem {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.response()
    }
}

/// Lets in who shows a token, and remembers whose it is.
async fn known(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let found = match request.app_data::<web::Data<Api>>() {
        Some(api) => api.caller(request.request()),
        None => Err(Problem::off()),
    };
    match found {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await
        }
        Err(problem) => Ok(request.into_response(problem.response())),
    }
}

impl Api {
    fn caller(&self, request: &HttpRequest) -> Result<Caller, Problem> {
        if self.tokens.is_empty() {
            return Err(Problem::off());
        }
        let shown = request.headers().get(header::AUTHORIZATION);
        let Some(shown) = shown else { return Err(Problem::unauthorized("no token was sent")) };
        let token = shown.to_str().ok().and_then(|text| text.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let caller = token.and_then(|(_, token)| self.tokens.caller(token.trim()));
        // Whoever guesses is slowed down; a right token is kept out by nobody's wrong ones.
        caller.cloned().ok_or_else(|| {
            let (reason, problem) = match self.wrong.pass(&Guest::of(request, &self.proxies)) {
                Ok(()) => {
                    let what = "the token is none of console.tokens";
                    ("wrong_token", Problem::unauthorized(what))
                }
                Err(wait) => ("throttled", Problem::throttled(wait)),
            };
            self.ops.telemetry.emit(&Fact::ConsoleRefused { reason });
            problem
        })
    }
}

/// Who sent a request that was let in.
fn caller(request: &HttpRequest) -> Option<Caller> {
    request.extensions().get::<Caller>().cloned()
}
