//! A daemon with a console, and whoever uses it.

use crate::{
    daemon::{Daemon, Options},
    fakes::apertur::{Answer, raw},
};

/// What people sign in with.
pub(crate) const PASSWORD: &str = "correct horse battery";
/// Tokens by their scope.
pub(super) const READ: &str = "read-token-0123456789-0123456789";
pub(super) const OPERATE: &str = "operate-token-0123456789-0123456";
pub(super) const ADMIN: &str = "admin-token-0123456789-012345678";

/// A daemon with a console.
pub(super) struct Site {
    pub(super) daemon: Daemon,
}

/// `[console]` with the password and a token of each scope, and more of its keys.
pub(crate) fn keys(more: &str) -> String {
    let token = |scope: &str, token: &str| {
        format!("{{ name = \"the-{scope}\", scope = \"{scope}\", token = \"{token}\" }}")
    };
    let tokens = [("read", READ), ("operate", OPERATE), ("admin", ADMIN)];
    let tokens = tokens.map(|(scope, secret)| token(scope, secret)).join(", ");
    format!(
        "[console]\nlisten = \"127.0.0.1:0\"\npassword = \"{PASSWORD}\"\ntokens = [{tokens}]\n{more}\n"
    )
}

impl Site {
    pub(super) fn start() -> Self {
        Self::with("")
    }

    /// With more keys of `[console]`, and whatever comes after it.
    pub(super) fn with(more: &str) -> Self {
        Self::of(&keys(more))
    }

    /// With this configuration.
    pub(super) fn of(toml: &str) -> Self {
        Self { daemon: Daemon::start(Options::toml(toml)) }
    }

    /// The console's address.
    pub(super) fn origin(&self) -> &str {
        self.daemon.console_url()
    }

    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let host = self.origin().trim_start_matches("http://");
        let own = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let host = if own("host") { String::new() } else { format!("Host: {host}\r\n") };
        let headers: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\
             {headers}\r\n{body}"
        );
        raw(self.origin(), request.as_bytes()).unwrap()
    }

    /// Shows a password or a token, as the form does.
    pub(super) fn sign_in(&self, secret: &str) -> Answer {
        let body = encoded(&[("password", secret), ("to", "/")]);
        self.ask("POST", "/sign-in", &[("Origin", self.origin())], &body)
    }

    /// Signs somebody in.
    pub(super) fn user(&self, secret: &str) -> User<'_> {
        let answer = self.sign_in(secret);
        assert_eq!(answer.status, 303, "{}", text(&answer));
        let cookie = answer.header("set-cookie").unwrap();
        User { site: self, cookie: cookie.split(';').next().unwrap().to_owned() }
    }
}

/// Somebody who signed in.
pub(super) struct User<'s> {
    pub(super) site: &'s Site,
    /// `name=value`.
    pub(super) cookie: String,
}

impl User<'_> {
    pub(super) fn get(&self, path: &str) -> Answer {
        self.site.ask("GET", path, &[("Cookie", &self.cookie)], "")
    }

    /// Sends a form as a page of the console does.
    pub(super) fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let key = self.key();
        let mut all = vec![("form", key.as_str())];
        all.extend(fields);
        let headers = [("Cookie", self.cookie.as_str()), ("Origin", self.site.origin())];
        self.site.ask("POST", path, &headers, &encoded(&all))
    }

    /// The key of the forms of this session.
    pub(super) fn key(&self) -> String {
        let html = text(&self.get("/"));
        let (_, rest) =
            html.split_once("name=\"form\" value=\"").unwrap_or_else(|| panic!("{html}"));
        rest.split('"').next().unwrap().to_owned()
    }

    pub(super) fn is_in(&self) -> bool {
        match self.get("/").status {
            200 => true,
            303 => false,
            other => panic!("{other}"),
        }
    }
}

pub(super) fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// Fields as a browser sends them.
pub(super) fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
