//! Fetching one photo into the spool: by its link, else by its id from the API.

use std::{io, time::Duration};

use reqwest::{Client, Response, StatusCode, header::LOCATION};
use tokio::time::timeout;
use url::Url;

use super::{
    Apertur, FetchFailure, Use,
    answer::{self, Miss, Then, Way},
    envelope,
    link::{self, Road},
    opening::{self, Fetched, IfShut},
};
use crate::{
    http,
    model::{Cause, ErrorKind, Failure, ImageId},
    spool::{AsyncWriter, Spool, Stored, blocking},
};

/// Longest wait for a call by id; a full minute of the budget is over then.
const LONGEST_TURN: Duration = Duration::from_secs(65);
/// Most redirects followed for one photo.
const MAX_REDIRECTS: usize = 5;

impl Apertur {
    /// Fetches a photo into the spool: by the link, and where that does not give it by the id.
    /// What is stored is a picture of at most `max_size` bytes; an end-to-end encrypted one is
    /// opened first. Nothing stays in the spool when it fails.
    ///
    /// # Errors
    /// See [`FetchFailure`]; its texts hold no link.
    pub async fn download(
        &self,
        link: Option<&str>,
        image: Option<&ImageId>,
        spool: &Spool,
    ) -> Result<Stored, FetchFailure> {
        let total = self.settings.timeouts.total;
        timeout(total, self.by_any_way(link, image, spool))
            .await
            .unwrap_or_else(|_| Err(timed_out("Apertur", total)))
            .map_err(FetchFailure::from)
    }

    async fn by_any_way(
        &self,
        link: Option<&str>,
        image: Option<&ImageId>,
        spool: &Spool,
    ) -> Result<Stored, Miss> {
        let by_id = image.and_then(|image| self.url_of(image));
        let Some(link) = link else {
            let url = by_id.ok_or_else(|| self.no_way(image))?;
            return self.fetch_by_id(url, spool).await;
        };
        let by_link = match Url::parse(link) {
            Ok(url) => self.fetch(Way::Link, url, spool).await,
            Err(_) => Err(Miss::new(Then::OtherWay, link::unreadable())),
        };
        match (by_link, by_id) {
            (Err(miss), Some(url)) if matches!(miss.then, Then::OtherWay | Then::Again(_)) => {
                let by_id = self.fetch_by_id(url, spool).await;
                by_id.map_err(|second| better_hope(miss, second))
            }
            (by_link, _) => by_link,
        }
    }

    /// From the API, within the budget.
    async fn fetch_by_id(&self, url: Url, spool: &Spool) -> Result<Stored, Miss> {
        let is_soon =
            self.budget.limited_until().is_none_or(|at| at <= self.clock.after(LONGEST_TURN));
        let turn = timeout(LONGEST_TURN, self.budget.wait(Use::Fetch));
        if !is_soon || turn.await.is_err() {
            return Err(self.not_yet());
        }
        let fetched = self.fetch(Way::Api, url, spool).await;
        if let Err(Miss { cause, then: Then::Wait(after) | Then::Again(after) }) = &fetched
            && cause.kind == ErrorKind::RateLimited
        {
            self.budget.limited(*after);
        }
        fetched
    }

    /// Apertur's limit is used up for longer than a fetch waits.
    fn not_yet(&self) -> Miss {
        let until = self.budget.limited_until();
        let wait = until.map(|at| at.duration_since(self.clock.now()).unsigned_abs());
        let what = "the calls that Apertur allows are used up";
        let fix = "nothing to do if it passes; keys that others use, too, share one limit";
        Miss::new(Then::Wait(wait), Cause::new(ErrorKind::RateLimited, what, fix))
    }

    /// Neither a link nor an id that a key could be used with.
    fn no_way(&self, image: Option<&ImageId>) -> Miss {
        if image.is_some() && self.settings.api_key.is_none() {
            let what = "the event brought no link and there is no API key to fetch the photo with";
            let fix = "set apertur.api_key; the photo is fetched then";
            return Miss::new(Then::Again(None), Cause::new(ErrorKind::Unauthorized, what, fix));
        }
        let what = "the event brought neither a link nor an id to fetch the photo with";
        let fix = "find the photo in Apertur's dashboard and redeliver it";
        Miss::new(Then::Hold, Cause::new(ErrorKind::Protocol, what, fix))
    }

    async fn fetch(&self, way: Way, url: Url, spool: &Spool) -> Result<Stored, Miss> {
        Ok(self.fetch_sealed(way, url, spool, IfShut::Drop).await?.stored)
    }

    /// Fetches a photo by one way, and what becomes of an envelope that stays shut.
    pub(super) async fn fetch_sealed(
        &self,
        way: Way,
        url: Url,
        spool: &Spool,
        shut: IfShut,
    ) -> Result<Fetched, Miss> {
        let idle = self.settings.timeouts.idle;
        let response = self.follow(way, url).await?;
        if response.status() != StatusCode::OK {
            return Err(answer::miss(way, response, idle, self.clock.now()).await);
        }
        let claimed = response.headers().get(reqwest::header::CONTENT_TYPE);
        let claimed = claimed.and_then(|v| v.to_str().ok()).map(str::to_owned);
        let writer = self.receive(response, spool).await?;
        self.keep(writer, spool, claimed, shut).await
    }

    /// Asks, and follows redirects by the same rules as the link itself. The key goes along
    /// only as long as no hop has left the API's origin.
    async fn follow(&self, way: Way, first: Url) -> Result<Response, Miss> {
        let mut url = first;
        let mut at_home = true;
        for _ in 0..=MAX_REDIRECTS {
            at_home &= url.origin() == self.settings.base_url.origin();
            let road = match way {
                Way::Api if at_home => Road::Configured,
                _ => link::road(&self.settings, &url)
                    .map_err(|cause| Miss::new(Then::OtherWay, cause))?,
            };
            let response = self.ask(road, &url, at_home).await?;
            match redirect(&response, &url) {
                None => return Ok(response),
                Some(next) => url = next?,
            }
        }
        Err(misled("sends us on and on"))
    }

    async fn ask(&self, road: Road, url: &Url, at_home: bool) -> Result<Response, Miss> {
        let idle = self.settings.timeouts.idle;
        let identified = self.identified.as_ref().filter(|_| at_home);
        let mut request = identified.unwrap_or_else(|| self.client(road)).get(url.clone());
        if at_home {
            request = self.keyed(request, "GET", url, b"");
        }
        let whom = url.host_str().unwrap_or("Apertur");
        let sent = timeout(idle, request.send()).await.map_err(|_| timed_out(whom, idle))?;
        sent.map_err(|error| match url.host() {
            Some(host) if http::is_unvetted(&error) => {
                Miss::new(Then::OtherWay, link::unvetted(&host))
            }
            _ => unreachable_now(whom, &error),
        })
    }

    fn client(&self, road: Road) -> &Client {
        match road {
            Road::Configured => self.http.client(),
            Road::Public => self.http.vetted(),
            Road::Near => self.http.near(),
            Road::Internal => self.http.internal(),
        }
    }

    /// Streams an answer's body into the spool, counting.
    async fn receive(&self, response: Response, spool: &Spool) -> Result<AsyncWriter, Miss> {
        let mut response = response;
        let max = self.settings.max_size;
        let announced = response.content_length().unwrap_or_default();
        let mut limit = None;
        let mut writer = spool.begin_async().await.map_err(|e| local(&e))?;
        while let Some(chunk) = self.chunk(&mut response).await? {
            limit = limit.or_else(|| {
                let is_envelope = envelope::may_begin(&chunk)?;
                Some(if is_envelope { opening::largest(max) } else { max })
            });
            let size = writer.size() + chunk.len() as u64;
            if size.max(announced) > limit.unwrap_or(max) {
                return Err(opening::too_large(max));
            }
            writer = writer.write(&chunk).await.map_err(|e| local(&e))?;
        }
        Ok(writer)
    }

    async fn chunk(&self, response: &mut Response) -> Result<Option<bytes::Bytes>, Miss> {
        let idle = self.settings.timeouts.idle;
        let whom = response.url().host_str().unwrap_or("Apertur").to_owned();
        let read = timeout(idle, response.chunk()).await.map_err(|_| timed_out(&whom, idle))?;
        read.map_err(|error| unreachable_now(&whom, &error))
    }

    /// Keeps what was received if it is a picture, or an envelope that holds one.
    async fn keep(
        &self,
        writer: AsyncWriter,
        spool: &Spool,
        claimed: Option<String>,
        shut: IfShut,
    ) -> Result<Fetched, Miss> {
        let writer = writer.finish().await.map_err(|e| local(&e))?;
        if writer.size() == 0 {
            let what = "Apertur's answer was empty";
            let fix = "nothing to do if it passes; else report it to Apertur";
            return Err(Miss::new(Then::Again(None), Cause::new(ErrorKind::Protocol, what, fix)));
        }
        let (apertur, spool, max) = (self.clone(), spool.clone(), self.settings.max_size);
        let kept = blocking(move || apertur.keep_picture(writer, &spool, shut));
        kept.await.map_err(|e| local(&e))?.or_miss(max, claimed.as_deref().unwrap_or("none"))
    }
}

/// Of two ways that missed, what is to be told: where the API has nothing, a link that may work
/// again, or would if it were allowed, is the better hope.
fn better_hope(link: Miss, api: Miss) -> Miss {
    let hopeful = matches!(link.then, Then::Again(_)) || link.cause.kind == ErrorKind::NotAllowed;
    if hopeful && api.then == Then::OtherWay { link } else { api }
}

/// Where a redirect leads; `None` when the answer is none.
fn redirect(response: &Response, from: &Url) -> Option<Result<Url, Miss>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let to = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let to = to.and_then(|to| from.join(to).ok());
    Some(to.ok_or_else(|| misled("sends us on without saying where")))
}

fn misled(why: &str) -> Miss {
    let what = format!("the photo's address {why}");
    let fix = "nothing to do if it passes; else report it to Apertur";
    Miss::new(Then::Again(None), Cause::new(ErrorKind::Protocol, what, fix))
}

fn unreachable_now(whom: &str, error: &reqwest::Error) -> Miss {
    match http::failure(whom, error) {
        Failure::Later { after, cause } => Miss::new(Then::Again(after), cause),
        other => Miss::new(Then::Again(None), other.cause().clone()),
    }
}

pub(super) fn timed_out(whom: &str, limit: Duration) -> Miss {
    let what = format!("{whom} did not give the photo within {} s", limit.as_secs());
    let fix = "nothing to do if it passes; else look at this machine's connection";
    Miss::new(Then::Again(None), Cause::new(ErrorKind::Timeout, what, fix))
}

fn local(error: &io::Error) -> Miss {
    let what = "the photo cannot be written to the spool";
    let fix = "look at the disk of data_dir: space, permissions, health";
    let cause = Cause::new(ErrorKind::Local, what, fix).with_detail(&error.to_string());
    // The other way leads to the same disk.
    Miss::new(Then::Wait(None), cause)
}

#[cfg(test)]
mod tests;
