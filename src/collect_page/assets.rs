//! The style and the script of the pages: part of this program, and named by what they hold, so
//! that a browser keeps them until they change.

use std::sync::LazyLock;

use actix_web::{HttpResponse, http::header, web};
use sha2::{Digest as _, Sha256};

use super::enter;

/// A file with its name.
pub(super) struct Asset {
    name: String,
    media_type: &'static str,
    text: &'static str,
}

/// The style.
pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("css", "text/css; charset=utf-8", include_str!("assets/collect.css"))
});

/// The script.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("js", "text/javascript; charset=utf-8", include_str!("assets/collect.js"))
});

impl Asset {
    fn new(ending: &str, media_type: &'static str, text: &'static str) -> Self {
        let digest = hex::encode(&Sha256::digest(text)[..8]);
        Self { name: format!("{digest}.{ending}"), media_type, text }
    }

    /// Where it is.
    pub(super) fn path(&self, base: &str) -> String {
        format!("{base}/assets/{}", self.name)
    }
}

/// `GET /collect/assets/{name}`.
pub(super) async fn get(name: web::Path<String>) -> HttpResponse {
    let all = [&*STYLE, &*SCRIPT];
    let Some(asset) = all.into_iter().find(|asset| asset.name == *name) else {
        return enter::not_found();
    };
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .content_type(asset.media_type)
        .body(asset.text)
}
