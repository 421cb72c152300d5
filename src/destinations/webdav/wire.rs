//! One call: who calls, how long, and what a refusal means.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret as _;
use url::Url;

use super::settings::{Login, Settings};
use crate::{
    destinations::redact::Secrets,
    http::{self, Http, ReadError},
    model::{Cause, ErrorKind, Failure},
    system::Clock,
};

/// What the texts call the other side.
pub(super) const WHOM: &str = "the WebDAV server";
/// Longest answer read that is not a photo, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;
/// Most of a refusal's words read, in bytes.
const MAX_WORDS: usize = 16 * 1024;

/// What lets photos in.
const MAY_WRITE: &str = "let this user read, make, change and remove files and folders there; a \
                         share may be for reading only";

/// The server and how to talk to it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) settings: Settings,
    pub(super) http: Http,
    pub(super) clock: Clock,
}

/// What a call does, for what a refusal means and for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Looking,
    MakingFolder,
    Uploading,
    Renaming,
    Reading,
    Removing,
}

impl Doing {
    fn words(self) -> &'static str {
        match self {
            Self::Looking => "look",
            Self::MakingFolder => "make a folder",
            Self::Uploading => "upload",
            Self::Renaming => "rename",
            Self::Reading => "read",
            Self::Removing => "remove",
        }
    }
}

/// A refusal that the caller may have a use for.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    after: Option<Duration>,
    doing: Doing,
}

impl Wire {
    /// A request with its methods beyond HTTP's own: `PROPFIND`, `MKCOL`, `MOVE`.
    ///
    /// # Errors
    /// Never in practice.
    pub(super) fn request(&self, method: &str, url: Url) -> Result<RequestBuilder, Failure> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| {
            let what = format!("{method} is no method");
            Failure::Refused { cause: Cause::new(ErrorKind::Protocol, what, "report it") }
        })?;
        let request = self.http.client().request(method, url).timeout(self.settings.timeout);
        Ok(match &self.settings.login {
            None => request,
            Some(Login::Password { username, password }) => {
                request.basic_auth(username, Some(password.expose_secret()))
            }
            Some(Login::Token(token)) => request.bearer_auth(token.expose_secret()),
        })
    }

    /// What goes out with a request and must not come back in words.
    pub(super) fn secrets(&self) -> Secrets {
        match &self.settings.login {
            None => Secrets::default(),
            Some(Login::Password { username, password }) => {
                Secrets::default().and_basic(username, password.expose_secret())
            }
            Some(Login::Token(token)) => Secrets::default().and(token.expose_secret()),
        }
    }

    /// Sends a request; a refusal is the inner error.
    ///
    /// # Errors
    /// When there is no answer.
    pub(super) async fn send(
        &self,
        request: RequestBuilder,
        doing: Doing,
    ) -> Result<Result<Response, Refusal>, Failure> {
        let response = request.send().await.map_err(|error| unanswered(&error, doing))?;
        let status = response.status();
        if status.is_success() {
            return Ok(Ok(response));
        }
        let after = http::retry_after(response.headers(), self.clock.now());
        // Read, so that the connection can be used again. The words are pages for browsers.
        drop(http::read(response, MAX_WORDS).await);
        Ok(Err(Refusal { status, after, doing }))
    }
}

/// The body of an answer that is not a photo.
///
/// # Errors
/// [`Failure::Later`] when it is too long or breaks off; nothing was changed by asking.
pub(super) async fn body(response: Response) -> Result<Bytes, Failure> {
    http::read(response, MAX_ANSWER).await.map_err(|error| {
        let what = format!("the answer of {WHOM} cannot be read");
        let fix = match &error {
            ReadError::TooLarge => "check url: it is to be a folder's address",
            ReadError::Broken(_) => "nothing to do if it passes; else look at the server's log",
        };
        let cause = Cause::new(ErrorKind::Protocol, what, fix).with_detail(&error.to_string());
        Failure::Later { after: None, cause }
    })
}

/// Until the renaming nothing can be seen under the key, so a lost answer leaves nothing unknown.
fn unanswered(error: &reqwest::Error, doing: Doing) -> Failure {
    match http::failure(WHOM, error) {
        Failure::Unknown { cause } if doing != Doing::Renaming => {
            Failure::Later { after: None, cause }
        }
        other => other,
    }
}

impl Refusal {
    /// The status as a number.
    pub(super) fn code(&self) -> u16 {
        self.status.as_u16()
    }

    /// What it means where the caller has no use for it.
    pub(super) fn failure(self) -> Failure {
        let code = self.code();
        let (kind, fix) = match code {
            300..=399 => (ErrorKind::Protocol, "write the address that it redirects to as url"),
            401 => (
                ErrorKind::Unauthorized,
                "check username and password, or token; Nextcloud and ownCloud want an app \
                 password where the user has a second factor",
            ),
            403 => (ErrorKind::Forbidden, MAY_WRITE),
            // The folder answers WebDAV by now; rclone says so of a full disk, others of a share
            // that can only be read.
            405 if matches!(self.doing, Doing::Uploading | Doing::MakingFolder) => (
                ErrorKind::Unavailable,
                "look at the server's disk and log, and whether this user may write there",
            ),
            405 | 501 if self.doing != Doing::Looking => (
                ErrorKind::Protocol,
                "let the server take PUT, MKCOL, MOVE and DELETE there; nginx: dav_methods",
            ),
            405 | 501 => (
                ErrorKind::Protocol,
                "check url: nothing there speaks WebDAV; Nextcloud's is \
                 https://HOST/remote.php/dav/files/USER/FOLDER",
            ),
            507 => (ErrorKind::Unavailable, "free space there, or raise this user's quota"),
            _ => return self.passing_or_refused(),
        };
        Failure::Broken { cause: self.cause(kind, fix) }
    }

    /// What it means where the folder is there that was to be written into.
    pub(super) fn unwritable(self) -> Failure {
        let Cause { what, .. } = self.cause(ErrorKind::Forbidden, "");
        let what = format!("{what}, though its folder is there: this user may not write there");
        Failure::Broken { cause: Cause::new(ErrorKind::Forbidden, what, MAY_WRITE) }
    }

    fn passing_or_refused(self) -> Failure {
        let (kind, fix) = match self.code() {
            413 => (ErrorKind::TooLarge, "raise the server's limit for uploads, then replay"),
            400 | 414 | 415 | 422 => (
                ErrorKind::Rejected,
                "look at the server's log; it may not take such a name: change key_template, \
                 then replay",
            ),
            429 => return self.later(ErrorKind::RateLimited, "nothing; it goes on by itself"),
            423 => return self.later(ErrorKind::Unavailable, "unlock the file or folder there"),
            _ if self.doing == Doing::Renaming && self.status.is_server_error() => {
                let fix = "nothing to do if it passes; else look at the server's log";
                return Failure::Unknown { cause: self.cause(ErrorKind::Unavailable, fix) };
            }
            _ => {
                let fix = "nothing to do if it passes; else look at the server's log and its disk";
                return self.later(ErrorKind::Unavailable, fix);
            }
        };
        Failure::Refused { cause: self.cause(kind, fix) }
    }

    fn later(self, kind: ErrorKind, fix: &str) -> Failure {
        Failure::Later { after: self.after, cause: self.cause(kind, fix) }
    }

    fn cause(&self, kind: ErrorKind, fix: &str) -> Cause {
        let words = match self.code() {
            423 => ": it is locked",
            507 => ": it is full",
            _ => "",
        };
        let reason = self.status.canonical_reason().unwrap_or_default();
        let (code, doing) = (self.code(), self.doing.words());
        let what = format!("{WHOM} answered {code} {reason} to the call to {doing}{words}");
        Cause::new(kind, what, fix)
    }
}
