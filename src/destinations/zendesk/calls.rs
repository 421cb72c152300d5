//! The calls a delivery is made of: what goes in, what comes out
//! (`fixtures/contracts/zendesk.md` sections 2, 3 and 6).

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json, json};
use url::Url;

use super::{
    fault::{Doing, Fault, unreadable},
    wire::{Answer, Body, Call, Wire},
};
use crate::{
    destinations::{pace::Permit, redact::Secrets, ticket},
    model::{Failure, PhotoId},
};

/// How long an upload is used at most, however long it says that it lasts
/// (`fixtures/contracts/open-questions.md`, F1).
const LASTS: Duration = Duration::from_mins(50);

/// A ticket, as far as it concerns a photo.
#[derive(Debug, Deserialize)]
pub(super) struct Ticket {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) status: String,
    pub(super) requester_id: Option<u64>,
    // Of whatever type: no photo is to be lost for it.
    #[serde(default)]
    subject: Json,
}

impl Ticket {
    /// What people call it.
    pub(super) fn subject(&self) -> Option<&str> {
        self.subject.as_str()
    }
}

/// A file that waits for a comment to name it. Good for one comment of this attempt.
#[derive(Debug)]
pub(super) struct Upload {
    token: SecretString,
    ends: Timestamp,
}

impl Upload {
    /// Whether a comment that names it now comes in time.
    pub(super) fn lasts(&self, now: Timestamp) -> bool {
        self.ends > now
    }
}

/// A comment to be added.
#[derive(Debug, Clone)]
pub(super) struct NewComment<'a> {
    pub(super) html_body: &'a str,
    pub(super) public: bool,
    /// The requester, where the comment is to be theirs.
    pub(super) author: Option<u64>,
    /// Whose photos it carries, for the ticket's audit.
    pub(super) photos: &'a [&'a PhotoId],
}

/// A comment, made or found.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Comment {
    pub(super) id: Option<u64>,
    pub(super) body: Option<String>,
    pub(super) html_body: Option<String>,
    /// `None` where nothing is said of files.
    attachments: Option<Vec<Attachment>>,
}

impl Comment {
    /// Its files.
    pub(super) fn files(&self) -> impl Iterator<Item = &Attachment> {
        self.attachments.iter().flatten()
    }

    /// Whether it names its files, and not one of this photo.
    pub(super) fn lacks(&self, photo: &PhotoId) -> bool {
        self.attachments.is_some()
            && !self.files().any(|file| ticket::is_file_of(photo, &file.file_name))
    }
}

/// A file of a comment; where it can be had is never read.
#[derive(Debug, Deserialize)]
pub(super) struct Attachment {
    pub(super) id: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) file_name: String,
    pub(super) size: Option<u64>,
}

/// Why a comment was not added, as far as something can be done about it at once.
#[derive(Debug)]
pub(super) enum NotAdded {
    /// One of the uploads is not good any more.
    Uploads(Failure),
    /// The author may not write here.
    Author(Failure),
    /// Anything else.
    Other(Failure),
}

/// One page of comments, and where the next one is.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) comments: Vec<Comment>,
    pub(super) next: Option<Url>,
}

impl Wire {
    /// Reads a ticket.
    ///
    /// # Errors
    /// [`Failure::Refused`] when it is not there or not to be seen; else as [`Fault::failure`].
    pub(super) async fn ticket(&self, permit: &mut Permit, id: u64) -> Result<Ticket, Failure> {
        #[derive(Deserialize)]
        struct Wrapped {
            ticket: Ticket,
        }
        let url = self.settings.endpoint(&format!("api/v2/tickets/{id}.json"));
        let call = reading(url, "read the ticket");
        let answer = self.succeed(permit, &call).await?;
        let wrapped = serde_json::from_slice::<Wrapped>(&answer.body);
        wrapped.map(|w| w.ticket).map_err(|_| unreadable(call.doing, call.about))
    }

    /// Uploads a file under this name, as it is.
    ///
    /// # Errors
    /// As [`Fault::failure`]; never [`Failure::Unknown`].
    pub(super) async fn upload(
        &self,
        permit: &mut Permit,
        name: &str,
        body: Body<'_>,
    ) -> Result<Upload, Failure> {
        #[derive(Deserialize)]
        struct Wrapped {
            upload: Made,
        }
        #[derive(Deserialize)]
        struct Made {
            token: SecretString,
            expires_at: Option<Timestamp>,
        }
        let mut url = self.settings.endpoint("api/v2/uploads.json");
        url.query_pairs_mut().append_pair("filename", name);
        let (doing, about) = (Doing::Uploading, "take the picture");
        let secrets = Secrets::default();
        let call = Call { method: Method::POST, url, body, doing, about, secrets };
        let answer = self.succeed(permit, &call).await?;
        let made = serde_json::from_slice::<Wrapped>(&answer.body).map(|w| w.upload);
        let Made { token, expires_at } = made.map_err(|_| unreadable(doing, about))?;
        let latest = self.clock.after(LASTS);
        Ok(Upload { token, ends: expires_at.map_or(latest, |end| end.min(latest)) })
    }

    /// Adds a comment with these uploads.
    ///
    /// # Errors
    /// See [`NotAdded`]; [`Failure::Unknown`] when it may have been added.
    pub(super) async fn comment(
        &self,
        permit: &mut Permit,
        ticket: u64,
        new: &NewComment<'_>,
        uploads: &[Upload],
    ) -> Result<Comment, NotAdded> {
        let url = self.settings.endpoint(&format!("api/v2/tickets/{ticket}.json"));
        let (doing, about) = (Doing::Commenting, "add the comment");
        let body = update(new, uploads);
        let body = Body::Json(&body);
        let tokens = uploads.iter().map(|upload| upload.token.expose_secret());
        let secrets = tokens.fold(Secrets::default(), Secrets::and);
        let call = Call { method: Method::PUT, url, body, doing, about, secrets };
        let answer = self.call(permit, &call).await.map_err(NotAdded::Other)?;
        if answer.status.is_success() {
            return added(&answer).ok_or_else(|| NotAdded::Other(unreadable(doing, about)));
        }
        let fault = Fault::of(&answer);
        let (author, files) = (fault.is_about_author(), fault.is_about_uploads());
        let failure = self.judged(permit, fault, &call).await;
        Err(match failure {
            failure if author && new.author.is_some() => NotAdded::Author(failure),
            failure if files && !uploads.is_empty() => NotAdded::Uploads(failure),
            failure => NotAdded::Other(failure),
        })
    }

    /// Removes an upload that no comment named; one that stays ends by itself.
    pub(super) async fn remove(&self, permit: &mut Permit, upload: &Upload) {
        let mut url = self.settings.endpoint("api/v2/uploads");
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(upload.token.expose_secret());
        }
        let (doing, about) = (Doing::Uploading, "remove the picture");
        let secrets = Secrets::default().and(upload.token.expose_secret());
        let call = Call { method: Method::DELETE, url, body: Body::None, doing, about, secrets };
        // What comes of it changes nothing.
        drop(self.call(permit, &call).await);
    }

    /// Where the comments of a ticket begin.
    pub(super) fn first_page(&self, ticket: u64) -> Url {
        let mut url = self.settings.endpoint(&format!("api/v2/tickets/{ticket}/comments.json"));
        url.query_pairs_mut().append_pair("page[size]", "100");
        url
    }

    /// Reads a page of comments.
    ///
    /// # Errors
    /// As [`Fault::failure`]; [`Failure::Later`] when the next page is said to be elsewhere, or
    /// to be there in the manner of lists that were not asked for.
    pub(super) async fn page(&self, permit: &mut Permit, page: Url) -> Result<Page, Failure> {
        #[derive(Deserialize)]
        struct Listed {
            comments: Vec<Comment>,
            #[serde(default, deserialize_with = "or_default")]
            meta: Meta,
            #[serde(default, deserialize_with = "or_default")]
            links: Links,
            /// How lists by number go on; here it says that the list is not by cursor.
            next_page: Option<Json>,
        }
        #[derive(Default, Deserialize)]
        struct Meta {
            #[serde(default, deserialize_with = "or_default")]
            has_more: bool,
        }
        #[derive(Default, Deserialize)]
        struct Links {
            next: Option<String>,
        }
        let call = reading(page, "list the comments");
        let answer = self.succeed(permit, &call).await?;
        let strange = || unreadable(call.doing, call.about);
        let listed: Listed = serde_json::from_slice(&answer.body).map_err(|_| strange())?;
        let next = match listed.links.next.filter(|_| listed.meta.has_more) {
            Some(next) => Some(self.next_page(&call.url, &next).ok_or_else(strange)?),
            None if listed.meta.has_more || listed.next_page.is_some() => return Err(strange()),
            None => None,
        };
        Ok(Page { comments: listed.comments, next })
    }

    /// The next page of the same list: what the account says may name its own host, or the one
    /// that is called, and no other.
    fn next_page(&self, this: &Url, next: &str) -> Option<Url> {
        let next = this.join(next).ok()?;
        let hosts = [&self.settings.base_url, &self.settings.agent_url];
        let is_ours = hosts.iter().any(|host| host.origin() == next.origin());
        let list = |url: &Url| url.path().trim_end_matches(".json").to_owned();
        let own = list(this);
        let is_same = list(&next).strip_prefix('/').is_some_and(|path| own.ends_with(path));
        let mut page = this.clone();
        page.set_query(next.query());
        (is_ours && is_same && page != *this).then_some(page)
    }

    /// Counts the tickets, which only somebody who is let in may.
    ///
    /// # Errors
    /// As [`Fault::failure`].
    pub(super) async fn count(
        &self,
        permit: &mut Permit,
    ) -> Result<(Answer, Option<u64>), Failure> {
        let url = self.settings.endpoint("api/v2/tickets/count.json");
        let call = reading(url, "count the tickets");
        let answer = self.call(permit, &call).await?;
        if !answer.status.is_success() {
            let fault = Fault::of(&answer);
            return Err(fault.failure(call.doing, call.about, &self.settings));
        }
        let json: Json =
            serde_json::from_slice(&answer.body).map_err(|_| unreadable(call.doing, call.about))?;
        let count = json["count"]["value"].as_u64().or_else(|| json["count"].as_u64());
        Ok((answer, count))
    }

    /// Makes a call that is nothing without its success.
    async fn succeed(&self, permit: &mut Permit, call: &Call<'_>) -> Result<Answer, Failure> {
        let answer = self.call(permit, call).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(self.judged(permit, Fault::of(&answer), call).await)
    }

    /// The failure of a call for a photo. Where the refusal could be the whole account's, the
    /// account is asked, so that a wrong address holds no photo and one ticket stops no other.
    /// Where it cannot be asked, nobody knows: later.
    async fn judged(&self, permit: &mut Permit, fault: Fault, call: &Call<'_>) -> Failure {
        let (doing, about, settings) = (call.doing, call.about, &self.settings);
        if !fault.is_doubtful(doing) {
            return fault.failure(doing, about, settings);
        }
        match self.may_upload().await {
            Ok(false) if doing == Doing::Uploading && fault.is_forbidden() => {
                return fault.failure(doing, about, settings);
            }
            Ok(_) => {}
            Err(failure) => return failure,
        }
        match self.count(permit).await {
            Ok(_) => fault.failure_of_photo(doing, about, settings),
            Err(Failure::Refused { cause }) => Failure::Broken { cause },
            Err(failure) => failure,
        }
    }
}

/// What is `null` is not there.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn reading(url: Url, about: &'static str) -> Call<'static> {
    let (doing, secrets) = (Doing::Reading, Secrets::default());
    Call { method: Method::GET, url, body: Body::None, doing, about, secrets }
}

/// The update that adds a comment and touches nothing else of the ticket.
fn update(new: &NewComment<'_>, uploads: &[Upload]) -> Json {
    let mut comment = Map::new();
    comment.insert("html_body".to_owned(), new.html_body.into());
    // Without it the ticket decides who sees the comment.
    comment.insert("public".to_owned(), new.public.into());
    if let Some(author) = new.author {
        comment.insert("author_id".to_owned(), author.into());
    }
    let tokens: Vec<_> = uploads.iter().map(|upload| upload.token.expose_secret()).collect();
    comment.insert("uploads".to_owned(), tokens.into());
    let photos: Vec<_> = new.photos.iter().map(ToString::to_string).collect();
    json!({"ticket": {"comment": comment, "metadata": {"apertur": photos}}})
}

/// The comment among the events of an update's answer. Where the answer is one but names no
/// comment, the comment was added all the same.
fn added(answer: &Answer) -> Option<Comment> {
    let json: Json = serde_json::from_slice(&answer.body).ok()?;
    let events = json["audit"]["events"].as_array();
    let comment = events.into_iter().flatten().find(|event| event["type"] == "Comment");
    match comment {
        Some(comment) => Some(Comment::deserialize(comment).unwrap_or_default()),
        None => json.get("ticket").or(json.get("audit")).map(|_| Comment::default()),
    }
}
