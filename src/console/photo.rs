//! One photo: its whole story in the words of [`crate::ops::story`], and what a person can do
//! with each of its deliveries right there.

mod scale;
pub(super) mod thumbnail;

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::{
    Console,
    access::Scope,
    api::file,
    deliveries::{asked::box_of, badge},
    layout::{self, Page, Tab, ago, key, lasting, moment, what, written},
    trouble::Trouble,
    visit::{Here, Visit},
};
use crate::{
    journal,
    model::{Cause, Delivery, DeliveryState, ErrorKind, FetchState, Photo, PhotoId, Tag},
    ops::story::{Account, Entry, Next, NextKind, Remedy, Standing},
    pages::{encoded, html as answer},
};

/// `GET /photos/{id}`.
pub(super) async fn show(
    id: web::Path<String>,
    visit: Here,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let story = console.photo(&id).await?;
    let account = console.ops().account(&story, visit.language).await?;
    let words = &visit.words.deliveries;
    let main = html! {
        p.title #summary data-live { strong { (account.summary) } }
        div #deliveries.stack data-live {
            @for standing in &account.deliveries { (delivery(&visit, &account.photo, standing)) }
        }
        div.columns {
            section.card {
                h2 { (words.photo) }
                div #picture data-live {
                    (thumbnail::picture(&visit, &account, &console.thumbnails))
                }
                div #facts data-live { (facts(&visit, &account)) }
            }
            section.card {
                h2 { (words.happened) }
                ol.rows #story data-live {
                    @for entry in &account.timeline { (told(&visit, entry)) }
                }
            }
        }
        p.actions { a.button href="/deliveries" { (words.back) } }
    };
    let name = account.photo.filename.as_deref().unwrap_or(account.photo.id.as_str());
    let page = Page::at(&visit, Tab::Deliveries, main).titled(name).live();
    Ok(answer(layout::whole(&visit, &page)))
}

impl Console {
    /// What is known of a photo.
    async fn photo(&self, id: &str) -> Result<journal::Story, Trouble> {
        let id = PhotoId::parse(id).map_err(|_| Trouble::NotFound)?;
        self.ops().journal.story(&id).await?.ok_or(Trouble::NotFound)
    }
}

fn delivery(visit: &Visit, photo: &Photo, standing: &Standing) -> Markup {
    let words = &visit.words.deliveries;
    let Standing { delivery, words: how, why, next, remedy, .. } = standing;
    let link = delivery.receipt.as_ref().and_then(|receipt| receipt.url.as_deref());
    let link = link.filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    html! {
        section.card id={ "d" (delivery.id) } {
            div.title {
                h2 {
                    @match &delivery.destination { Some(to) => (to), None => (words.nobody) }
                }
                @if let Some(target) = &delivery.target { span.hint { (target) } }
                (badge(visit, delivery.state))
            }
            p { (how) }
            @if let Some(why) = why { (cause(visit, why)) }
            @if next.words != *how && delivery.state != DeliveryState::Delivered {
                (comes(visit, next))
            }
            @if let Some(remedy) = remedy { (mend(visit, why.as_ref(), remedy)) }
            @if let Some(note) = delivery.receipt.as_ref().and_then(|it| it.note.as_ref()) {
                p.hint lang="en" { (note) }
            }
            @if let Some(link) = link {
                p { a.record href=(link) rel="noreferrer" { (words.see_record) } }
            }
            @if visit.may(Scope::Operate) { (verbs(visit, photo, delivery)) }
        }
    }
}

/// Why it is so, and what the other side said.
fn cause(visit: &Visit, cause: &Cause) -> Markup {
    html! {
        p.why { (what(visit, cause)) }
        @if !cause.detail.is_empty() { p.hint lang="en" { "“" (cause.detail) "”" } }
    }
}

fn comes(visit: &Visit, next: &Next) -> Markup {
    html! {
        p {
            (visit.words.deliveries.next) " " (next.words)
            @if let Some(at) = next.at { ", " (ago(visit, at)) }
            @else if let Some(since) = next.since {
                " ("
                @if !matches!(next.kind, NextKind::Underway | NextKind::Bytes) {
                    (visit.words.deliveries.waiting) " "
                }
                (lasting(visit, since)) ")"
            }
        }
    }
}

fn mend(visit: &Visit, why: Option<&Cause>, remedy: &Remedy) -> Markup {
    let (own, fix) = match remedy.what.strip_suffix(&remedy.fix) {
        _ if remedy.what.is_empty() => ("", why.map_or("", |why| &why.fix)),
        Some(own) => (own, remedy.fix.as_str()),
        None => (remedy.what.as_str(), ""),
    };
    html! {
        @if !own.is_empty() || !fix.is_empty() {
            p.fix { (own) @if !fix.is_empty() { (written(visit, fix)) } }
        }
    }
}

/// What a person can do with a delivery: at once, or after saying why.
fn verbs(visit: &Visit, photo: &Photo, delivery: &Delivery) -> Markup {
    use DeliveryState::{Delivered, Dropped, Due, Held, Sending, Waiting};
    let is_on_hold = delivery.state == Held
        && delivery.cause.as_ref().is_some_and(|cause| cause.kind == ErrorKind::Operator);
    let (at_once, asks): (&[&str], &[&str]) = match delivery.state {
        Held if is_on_hold => (&["release"], &["drop"]),
        Held => (&["replay"], &["drop"]),
        Waiting | Due => (&["replay"], &["hold", "drop"]),
        Delivered => (&[], &["replay"]),
        Dropped | Sending => (&[], &[]),
    };
    let to = delivery.destination.as_ref().map_or("", |to| to.as_str());
    let chosen = format!("{}=on", box_of(delivery.id));
    html! {
        div.actions {
            @for word in at_once {
                form method="post" action="/deliveries/change" data-once {
                    (key(visit))
                    input type="hidden" name="verb" value=(word);
                    input type="hidden" name="of" value="chosen";
                    input type="hidden" name=(box_of(delivery.id)) value="on";
                    input type="hidden" name="back" value=(photo.id);
                    button.primary data-verb=(word) type="submit"
                        aria-label={ (visit.words.changes.verb(word).0) " " (to) } {
                        (visit.words.changes.verb(word).0)
                    }
                }
            }
            @for word in asks {
                @let force = if *word == "replay" { "&force=on" } else { "" };
                a.button.danger[*word == "drop"] data-verb=(word)
                    aria-label={ (visit.words.changes.verb(word).0) " " (to) }
                    href={ "/deliveries/change?of=chosen&verb=" (word) (force) "&" (chosen) } {
                    (visit.words.changes.verb(word).0)
                }
            }
        }
    }
}

fn facts(visit: &Visit, account: &Account) -> Markup {
    let (words, photo) = (&visit.words.deliveries, &account.photo);
    let session = photo.session.as_ref();
    let is_here = account.fetch_state == FetchState::Stored;
    html! {
        dl.settings.about {
            div { dt { (words.photo) } dd { code { (photo.id) } } }
            div { dt { (words.received) } dd { (moment(photo.received_at)) } }
            div { dt { (words.came) } dd { (account.came) } }
            @if let Some(hint) = &account.hint { div { dt {} dd { (hint) } } }
            @if let Some(target) = &photo.target { div { dt { (words.record) } dd { (target) } } }
            @if let Some(session) = session {
                div { dt { (words.session) } dd { (session) } }
            }
            @if !photo.tags.is_empty() {
                div { dt { (words.tags) } dd { (tags(photo)) } }
            }
            div {
                dt { (words.bytes) }
                dd {
                    span { (account.fetch.words) }
                    @if let Some(kind) = &photo.media_type { span.hint { (kind) } }
                    @if let Some(size) = photo.size {
                        span.hint { (layout::number(size)) " " (visit.words.layout.byte) }
                    }
                }
            }
        }
        @if let Some(why) = &account.fetch_cause { (cause(visit, why)) }
        @if let Some(next) = &account.fetch.next { (comes(visit, next)) }
        @if let Some(remedy) = &account.fetch.remedy {
            (mend(visit, account.fetch_cause.as_ref(), remedy))
        }
        @if let Some(remark) = &account.remark {
            (cause(visit, remark))
            p.fix { (written(visit, &remark.fix)) }
        }
        @if is_here && visit.may(Scope::Operate) {
            p { a.button #bytes href={ "/photos/" (encoded(photo.id.as_str())) "/bytes" } {
                (words.download)
            } }
        }
    }
}

fn tags(photo: &Photo) -> String {
    photo.tags.iter().map(Tag::to_text).collect::<Vec<_>>().join(", ")
}

/// One thing that happened.
fn told(visit: &Visit, entry: &Entry) -> Markup {
    html! {
        li {
            div.title {
                span {
                    @if let Some(to) = &entry.destination { strong { (to) } " · " }
                    span { (entry.words) }
                }
                span.hint { (moment(entry.at)) }
            }
            @if let Some(why) = &entry.cause { p.hint { (what(visit, why)) } }
            @if let Some(detail) = entry.cause.as_ref().map(|why| &why.detail)
                && !detail.is_empty() {
                p.hint lang="en" { "“" (detail) "”" }
            }
            p.facts {
                @if let Some(took) = entry.took_ms { span { (layout::number(took)) " ms" } }
                span { (ago(visit, entry.at)) }
            }
        }
    }
}

/// `GET /photos/{id}/bytes`: the picture as it came.
pub(super) async fn bytes(
    id: web::Path<String>,
    console: web::Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let journal::Story { photo, fetch_state, .. } = console.photo(&id).await?;
    let (Some(sha256), Some(size), FetchState::Stored) = (photo.sha256, photo.size, fetch_state)
    else {
        return Err(Trouble::NotFound);
    };
    file(&console.behind.spool, &photo, sha256, size).await.map_err(|error| {
        tracing::warn!(photo = %photo.id, %error, "the console could not read a file of the spool");
        Trouble::NotFound
    })
}
