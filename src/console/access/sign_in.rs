//! Signing in and out.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration as CookieTime},
    http::StatusCode,
    web,
};
use secrecy::SecretString;

use super::{Access, Caller, OPERATOR, Scope, origin};
use crate::{
    console::{
        Console,
        layout::{self, Page},
        trouble::Trouble,
        visit::{Form, Here, Visit, local},
    },
    pages::{Fields, html, see},
    telemetry::Fact,
};

/// Longest form, in bytes.
const MAX_FORM: usize = 4096;

/// `GET /sign-in`.
pub(in crate::console) async fn open(request: HttpRequest, visit: Here) -> HttpResponse {
    let asked = Fields::parse(request.query_string().as_bytes());
    let to = local(asked.text("to"));
    if visit.login.is_some() {
        return see(to);
    }
    html(shown(&visit, &to, false))
}

/// `POST /sign-in`: a password, or a token. No session is there yet whose key the form could
/// carry: where it comes from is what counts, and a session begun by somebody else's form would
/// need the password.
pub(in crate::console) async fn sign_in(
    request: HttpRequest,
    payload: web::Payload,
    visit: Here,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    if !origin::is_ours(&request, console.settings.public_url.as_ref()) {
        return Err(Trouble::ForeignForm);
    }
    let asked = Fields::read(payload, MAX_FORM).await.map_err(|_| Trouble::BadForm)?;
    let to = local(asked.text("to"));
    let access = &console.access;
    access.tries.begin(&visit.guest).await.map_err(Trouble::Throttled)?;
    let Some(caller) = access.caller(asked.text("password")).await? else {
        console.telemetry().emit(&Fact::ConsoleRefused { reason: "wrong_password" });
        let mut answer = html(shown(&visit, &to, true));
        *answer.status_mut() = StatusCode::FORBIDDEN;
        return Ok(answer);
    };
    access.tries.succeeded(&visit.guest);
    console.telemetry().emit(&Fact::ConsoleSignedIn { by: &caller.name });
    if let Some(before) = visit.session(&request) {
        access.sessions.end(before.value());
    }
    let lifetime = i64::try_from(access.sessions.lifetime().as_secs()).unwrap_or(i64::MAX);
    let cookie = cookie(&visit, access.sessions.begin(caller), lifetime);
    let mut answer = see(to);
    answer.add_cookie(&cookie).map_err(|_| Trouble::BadForm)?;
    Ok(answer)
}

/// `POST /sign-out`.
pub(in crate::console) async fn leave(
    request: HttpRequest,
    visit: Here,
    console: web::Data<Console>,
    _form: Form,
) -> HttpResponse {
    if let Some(session) = visit.session(&request) {
        console.access.sessions.end(session.value());
    }
    let mut answer = see("/sign-in".to_owned());
    // What it names is gone, whether or not the browser forgets it.
    drop(answer.add_cookie(&cookie(&visit, String::new(), 0)));
    answer
}

impl Access {
    /// Who shows this: a program's token, or the password.
    async fn caller(&self, shown: &str) -> Result<Option<Caller>, Trouble> {
        if let Some(caller) = self.tokens.caller(shown) {
            return Ok(Some(caller.clone()));
        }
        let Some(password) = &self.password else { return Ok(None) };
        let is_it = password.is(SecretString::from(shown)).await.ok_or(Trouble::Busy)?;
        Ok(is_it.then(|| Caller { name: OPERATOR.to_owned(), scope: Scope::Admin }))
    }
}

/// The cookie of a session. Other sites never send it, scripts never see it, and a name of
/// `__Host-` no other host can set.
fn cookie(visit: &Visit, session: String, seconds: i64) -> Cookie<'static> {
    Cookie::build(visit.cookie(), session)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(visit.is_secure)
        .max_age(CookieTime::seconds(seconds))
        .finish()
}

fn shown(visit: &Visit, to: &str, wrong: bool) -> maud::Markup {
    let words = &visit.words.access;
    let main = maud::html! {
        form.card.narrow method="post" action="/sign-in" {
            @if wrong { p.note.bad #wrong role="alert" { (words.wrong) } }
            input type="hidden" name="to" value=(to);
            // Password managers keep what has a name.
            input type="text" name="username" value="console" autocomplete="username" readonly
                hidden;
            label for="password" { (words.password) }
            input #password type="password" name="password" required autofocus
                autocomplete="current-password" aria-describedby=[wrong.then_some("wrong")];
            button.primary type="submit" { (words.sign_in) }
        }
    };
    layout::whole(visit, &Page { title: words.sign_in.to_owned(), ..Page::new(main) })
}
