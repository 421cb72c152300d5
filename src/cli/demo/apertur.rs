//! Apertur as far as the demo needs it: photos under links, and by their id for who has the key.

use std::{collections::BTreeMap, net::TcpListener};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use secrecy::{ExposeSecret as _, SecretString};

/// The photos by image id, and the API key.
#[derive(Debug)]
struct Shelf {
    photos: BTreeMap<String, Vec<u8>>,
    key: SecretString,
}

/// A running stand-in for Apertur on 127.0.0.1.
#[derive(Debug)]
pub(super) struct StandIn {
    url: String,
    server: ServerHandle,
}

impl StandIn {
    /// Starts it on a port that the system chooses.
    pub(super) fn start(
        photos: BTreeMap<String, Vec<u8>>,
        key: SecretString,
    ) -> anyhow::Result<Self> {
        let socket = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", socket.local_addr()?);
        let shelf = web::Data::new(Shelf { photos, key });
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shelf.clone())
                .route("/d/{id}", web::get().to(by_link))
                .route("/api/v1/uploads/{id}/download", web::get().to(by_id))
        })
        .workers(1)
        .shutdown_timeout(1)
        .disable_signals()
        .listen(socket)?
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { url, server: handle })
    }

    /// Its address.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) async fn stop(&self) {
        self.server.stop(false).await;
    }
}

async fn by_link(shelf: web::Data<Shelf>, id: web::Path<String>) -> HttpResponse {
    match shelf.photos.get(id.as_str()) {
        Some(photo) => HttpResponse::Ok().body(photo.clone()),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn by_id(
    shelf: web::Data<Shelf>,
    id: web::Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    let key = format!("Bearer {}", shelf.key.expose_secret());
    let given = request.headers().get("Authorization").and_then(|value| value.to_str().ok());
    if given != Some(key.as_str()) {
        return HttpResponse::Unauthorized().finish();
    }
    by_link(shelf, id).await
}
