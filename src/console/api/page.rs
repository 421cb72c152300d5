//! The way from a page of a list to the next one.

use std::fmt::Debug;

use actix_web::{HttpRequest, HttpResponse, http::header};
use serde::Serialize;

use super::cursor;

/// The header that leads on, for the document.
pub(super) const LINK: (&str, &str) =
    ("Link", "The address of the next page with `rel=\"next\"`; not there on the last page.");

/// What a cursor is bound to: the list and what was asked of it.
pub(super) fn of(list: &str, asked: &impl Debug) -> String {
    format!("{list} {asked:?}")
}

/// The way to the next page, if there is one.
pub(super) struct Next {
    cursor: Option<String>,
    link: Option<String>,
}

impl Next {
    /// After the last item of a page; `None` where it is the last page.
    pub(super) fn new(request: &HttpRequest, list: &str, last: Option<String>) -> Self {
        let cursor = last.map(|last| cursor::after(list, &last));
        let link = cursor.as_ref().map(|cursor| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let asked = url::form_urlencoded::parse(request.query_string().as_bytes());
            query.extend_pairs(asked.filter(|(name, _)| name != "cursor"));
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
