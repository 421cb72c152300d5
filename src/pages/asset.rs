//! A style or script of pages: part of this program, and named by what it holds, so that a
//! browser keeps it until it changes.

use actix_web::{HttpResponse, http::header};
use sha2::{Digest as _, Sha256};

/// A file with its name.
#[derive(Debug)]
pub struct Asset {
    name: String,
    media_type: &'static str,
    text: &'static str,
}

impl Asset {
    /// A style.
    #[must_use]
    pub fn style(text: &'static str) -> Self {
        Self::new("css", "text/css; charset=utf-8", text)
    }

    /// A script.
    #[must_use]
    pub fn script(text: &'static str) -> Self {
        Self::new("js", "text/javascript; charset=utf-8", text)
    }

    fn new(ending: &str, media_type: &'static str, text: &'static str) -> Self {
        let digest = hex::encode(&Sha256::digest(text)[..8]);
        Self { name: format!("{digest}.{ending}"), media_type, text }
    }

    /// Where it is, below the path of the pages.
    #[must_use]
    pub fn path(&self, base: &str) -> String {
        format!("{base}/assets/{}", self.name)
    }
}

/// The file of this name as an answer; 404 where there is none.
#[must_use]
pub fn asset(all: &[&Asset], name: &str) -> HttpResponse {
    let Some(asset) = all.iter().find(|asset| asset.name == name) else {
        return HttpResponse::NotFound().finish();
    };
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .content_type(asset.media_type)
        .body(asset.text)
}
