//! The ways in. A mark that somebody left on a record of Odoo, a link that this bridge signed
//! (which is the page's own address), or the password: each ends at the page of one record.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration as CookieTime},
    http::header,
    web,
};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    CollectPage, Desk,
    key::Purpose,
    link::{Link, Signed},
    page,
    record::PATIENCE,
    trouble::Trouble,
    visit::{Visit, form},
};
use crate::{
    destinations::{Mark, Record},
    model::{Kind, Target},
    pages::{Fields, html, see},
    system::later,
    telemetry::Fact,
};

/// The cookie of who knew the password.
const COOKIE: &str = "apertur_collect";
/// Longest token of a mark, in bytes.
const MAX_TOKEN: usize = 200;

/// Who came in by a link.
#[derive(Debug)]
pub(super) struct Entered<'a> {
    pub(super) link: Link,
    pub(super) signed: Signed,
    pub(super) desk: &'a Desk,
}

/// `GET /collect`.
pub(super) async fn open(request: HttpRequest, page: web::Data<CollectPage>) -> HttpResponse {
    let visit = Visit::new(&request, &page);
    let asked = Fields::parse(request.query_string().as_bytes());
    let shown = if asked.text("mark").is_empty() {
        page.by_password(&request, &visit, &asked)
    } else {
        page.by_mark(&visit, &asked).await
    };
    visit.answer(&page, shown)
}

/// `POST /collect`: the password.
pub(super) async fn log_in(
    request: HttpRequest,
    payload: web::Payload,
    page: web::Data<CollectPage>,
) -> HttpResponse {
    let visit = Visit::new(&request, &page);
    let shown = match form(payload).await {
        Ok(asked) => page.check_password(&visit, &asked).await,
        Err(trouble) => Err(trouble),
    };
    visit.answer(&page, shown)
}

/// Another method than those that there are.
pub(super) async fn not_allowed(request: HttpRequest) -> HttpResponse {
    let posts = ["/send", "/close"].iter().any(|end| request.path().ends_with(end));
    let allowed = if posts { "POST" } else { "GET, POST" };
    HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, allowed)).finish()
}

/// Nothing is here.
pub(super) fn not_found() -> HttpResponse {
    HttpResponse::NotFound().finish()
}

impl CollectPage {
    /// The page of a record, for as long as links work.
    fn admit(&self, visit: &Visit, target: Target, desk: &Desk, way: &'static str) -> String {
        let until = later(self.now(), self.settings.link_lifetime);
        self.behind.telemetry.emit(&Fact::CollectOpened { target: &target, way });
        let link = Link::new(target, desk.name.clone(), until);
        format!("{}/{}", visit.base, link.sign(&self.key).reveal())
    }

    /// By a mark: what it is found on is the record. The cheap looks come first, and the first of
    /// them nobody passes who has not seen the entry in the destination's own menus.
    async fn by_mark(&self, visit: &Visit, asked: &Fields) -> Result<HttpResponse, Trouble> {
        if !self.key.is_pass(asked.text("destination"), asked.text("key")) {
            return Err(Trouble::OldEntry);
        }
        let token = asked.text("token");
        let id = asked.text("mark").parse().ok().filter(|id: &i64| *id > 0);
        let desk = self.desk(asked.text("destination"));
        let desk = desk.filter(|desk| desk.destination.kind() == Kind::Odoo);
        let is_plain = !token.is_empty()
            && token.len() <= MAX_TOKEN
            && token.bytes().all(|b| b.is_ascii_graphic());
        let (Some(id), Some(desk), true) = (id, desk, is_plain) else {
            return Err(Trouble::Forbidden);
        };
        self.gates.marks.begin(&visit.guest).await.map_err(Trouble::Throttled)?;
        let mark = Mark { id, token: SecretString::from(token) };
        let redeemed = self.asked(desk, desk.destination.redeem(&mark), PATIENCE).await;
        // Without an answer nobody knows whether it is used up.
        let redeemed = redeemed.map_err(|trouble| match trouble {
            Trouble::Unreachable => Trouble::NoAnswer,
            other => other,
        });
        let Record { target, name } = redeemed?.ok_or(Trouble::Forbidden)?;
        self.gates.marks.succeeded(&visit.guest);
        let location = self.admit(visit, target.clone(), desk, "mark");
        self.names.keep_record(&desk.name, Record { target, name }, self.now());
        Ok(see(location))
    }

    /// By the password, given now or before.
    fn by_password(
        &self,
        request: &HttpRequest,
        visit: &Visit,
        asked: &Fields,
    ) -> Result<HttpResponse, Trouble> {
        let password = self.settings.password.as_ref().ok_or(Trouble::NoPassword)?;
        let target = self.target(asked)?;
        let cookie = request.cookie(COOKIE);
        let knew = cookie.is_some_and(|cookie| self.logged_in(cookie.value(), password));
        if !knew {
            return Ok(html(page::password(visit, asked, false)));
        }
        self.choose(visit, target, asked)
    }

    /// Leads to the record's page; where several destinations know such a record, first asks
    /// which one is meant.
    fn choose(
        &self,
        visit: &Visit,
        target: Target,
        asked: &Fields,
    ) -> Result<HttpResponse, Trouble> {
        let name = asked.text("destination");
        let is_meant = |desk: &&Desk| name.is_empty() || desk.name.as_str() == name;
        let desks: Vec<_> = self.desks_of(&target).filter(is_meant).collect();
        match desks.as_slice() {
            [] => Err(Trouble::NoTarget),
            [desk] => Ok(see(self.admit(visit, target.clone(), desk, "password"))),
            several => Ok(html(page::choose(visit, &target, several))),
        }
    }

    /// The record that an address names, as on the command line: with one type of help desk
    /// configured, a mere `ticket:17` is one of it.
    fn target(&self, asked: &Fields) -> Result<Target, Trouble> {
        let target = asked.text("target").parse().map_err(|_| Trouble::NoTarget)?;
        Ok(self.behind.routes.named(target))
    }

    async fn check_password(&self, visit: &Visit, asked: &Fields) -> Result<HttpResponse, Trouble> {
        let password = self.settings.password.as_ref().ok_or(Trouble::NoPassword)?;
        let target = self.target(asked)?;
        self.gates.logins.begin(&visit.guest).await.map_err(Trouble::Throttled)?;
        if !self.key.are_same(asked.text("password"), password.expose_secret().trim()) {
            self.behind.telemetry.emit(&Fact::CollectRefused { reason: "wrong_password" });
            let mut answer = html(page::password(visit, asked, true));
            *answer.status_mut() = actix_web::http::StatusCode::FORBIDDEN;
            return Ok(answer);
        }
        self.gates.logins.succeeded(&visit.guest);
        let mut answer = self.choose(visit, target, asked)?;
        // A cookie that cannot be written is one more question some day.
        drop(answer.add_cookie(&self.login(visit, password)));
        Ok(answer)
    }

    /// The cookie that stands for the password. It is of the lax kind: the way here is a click in
    /// the help desk, another site, and with a strict one the password would be asked for each
    /// time. What it opens by such a click is a page to look at; forms have keys of their own.
    fn login(&self, visit: &Visit, password: &SecretString) -> Cookie<'static> {
        let lifetime = self.settings.link_lifetime;
        let until = later(self.now(), lifetime).as_second();
        let text = format!("{until} {}", self.password_mark(password));
        let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        Cookie::build(COOKIE, self.key.sign(Purpose::Login, &text))
            .path(visit.base.clone())
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.settings.public_url.scheme() == "https")
            .max_age(CookieTime::seconds(seconds))
            .finish()
    }

    fn logged_in(&self, cookie: &str, password: &SecretString) -> bool {
        let Some(text) = self.key.verified(Purpose::Login, cookie) else { return false };
        let Some((until, mark)) = text.split_once(' ') else { return false };
        let until = until.parse().ok().and_then(|at| Timestamp::from_second(at).ok());
        until.is_some_and(|until| self.now() < until) && mark == self.password_mark(password)
    }

    /// Tells this password's cookies from those of another one, and nothing about it.
    fn password_mark(&self, password: &SecretString) -> String {
        let signed = self.key.sign(Purpose::Login, password.expose_secret());
        signed.rsplit('.').next().unwrap_or_default().chars().take(16).collect()
    }
}
