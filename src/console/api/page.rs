//! The way from a page of a list to the next one.

use std::fmt::Debug;

use actix_web::{HttpRequest, HttpResponse, http::header};
use serde::Serialize;

use super::{
    Api, cursor,
    problem::Problem,
    query::{PAGED, Query, WANTED, Wanted},
};
use crate::model::{DeliveryId, Filter, SessionId};

/// The header that leads on, for the document.
pub(super) const LINK: (&str, &str) =
    ("Link", "The address of the next page with `rel=\"next\"`; not there on the last page.");

/// What a cursor is bound to: the list and what was asked of it.
pub(super) fn of(list: &str, asked: &impl Debug) -> String {
    format!("{list} {asked:?}")
}

/// A page of deliveries or photos that somebody asks for.
pub(super) struct Asked {
    /// Which deliveries.
    pub(super) filter: Filter,
    /// Those with lower numbers only.
    pub(super) before: Option<DeliveryId>,
    /// How many items.
    pub(super) size: usize,
    list: String,
    /// The mark of its session, where it is one of ours: what can be asked for in place of its id.
    mark: Option<String>,
}

impl Api {
    /// The page of this list that a request asks for.
    pub(super) async fn asked(&self, request: &HttpRequest, list: &str) -> Result<Asked, Problem> {
        let fields = [WANTED.as_slice(), PAGED.as_slice()].concat();
        let query = Query::read(request.query_string(), &fields)?;
        let (wanted, page) = (query.wanted()?, query.page()?);
        let sessions = self.sessions_for(&wanted).await?;
        let filter = wanted.filter(&sessions)?;
        let list = of(list, &Wanted::from(&filter));
        let before = page.after(&list)?.and_then(|id| id.parse().ok()).map(DeliveryId);
        let is_own = |id: &&SessionId| sessions.iter().any(|own| own.session == **id);
        let mark = filter.session.as_ref().filter(is_own).map(SessionId::mark);
        Ok(Asked { filter, before, size: page.size(), list, mark })
    }
}

impl Asked {
    /// The way on after the last item of this page; `None` where it is the last page.
    pub(super) fn next(&self, request: &HttpRequest, last: Option<DeliveryId>) -> Next {
        let last = last.map(|id| id.to_string());
        Next::new(request, &self.list, last, self.mark.as_deref())
    }
}

/// The way to the next page, if there is one.
pub(super) struct Next {
    cursor: Option<String>,
    link: Option<String>,
}

impl Next {
    /// After the last item of a page; `None` where it is the last page. A mark stands in the place
    /// of the session that was asked for.
    pub(super) fn new(
        request: &HttpRequest,
        list: &str,
        last: Option<String>,
        mark: Option<&str>,
    ) -> Self {
        let cursor = last.map(|last| cursor::after(list, &last));
        let link = cursor.as_ref().map(|cursor| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let asked = url::form_urlencoded::parse(request.query_string().as_bytes());
            for (name, value) in asked.filter(|(name, _)| name != "cursor") {
                let value = mark.filter(|_| name == "session").unwrap_or(&value);
                query.append_pair(&name, value);
            }
            let query = query.append_pair("cursor", cursor).finish();
            format!("<{}?{query}>; rel=\"next\"", request.path())
        });
        Self { cursor, link }
    }

    /// Its cursor, for the body.
    pub(super) fn cursor(&self) -> Option<String> {
        self.cursor.clone()
    }

    /// A page that leads on.
    pub(super) fn linked(&self, page: &impl Serialize) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        if let Some(link) = &self.link {
            response.insert_header((header::LINK, link.as_str()));
        }
        response.json(page)
    }
}
