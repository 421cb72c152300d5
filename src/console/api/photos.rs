//! `/photos`: lists, the story of one, and its bytes.

mod story;

use std::io;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ContentDisposition, DispositionParam, DispositionType},
    web,
};
use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use self::story::Story;
use super::{
    Api, Scope,
    facts::Photo,
    operation::Operation,
    page,
    problem::Problem,
    query::{Page, Query, State, Wanted},
};
use crate::{
    destinations::Language,
    journal,
    model::{self, Digest, FetchState, PhotoId},
    ops::photos::{At, Row},
    spool::Spool,
};

/// Bytes that are read at once.
const BLOCK: usize = 64 * 1024;

/// A page of photos.
#[derive(Debug, Serialize, ToSchema)]
struct Photos {
    /// Those with the newest deliveries first.
    items: Vec<PhotoRow>,
    /// Leads to the next page; null on the last one.
    next_cursor: Option<String>,
}

/// A photo and where it stands.
#[derive(Debug, Serialize, ToSchema)]
struct PhotoRow {
    photo: Photo,
    /// Where it stands, over all its deliveries, in one line.
    summary: String,
    /// Its deliveries, oldest first.
    deliveries: Vec<Stand>,
}

/// Where a delivery stands.
#[derive(Debug, Serialize, ToSchema)]
struct Stand {
    /// Its number.
    id: i64,
    /// The destination; null while no destination wants the photo.
    destination: Option<String>,
    #[schema(value_type = State)]
    state: &'static str,
    /// When it was delivered, held or dropped.
    settled_at: Option<Timestamp>,
}

impl From<Row> for PhotoRow {
    fn from(row: Row) -> Self {
        let stand = |at: At| Stand {
            id: at.id.0,
            destination: at.destination.as_ref().map(ToString::to_string),
            state: at.state.as_str(),
            settled_at: at.settled_at,
        };
        Self {
            photo: Photo::from(&row.photo),
            summary: row.summary,
            deliveries: row.deliveries.into_iter().map(stand).collect(),
        }
    }
}

/// The operations below `/photos`.
pub(super) fn operations() -> Vec<Operation> {
    let list = ("listPhotos", "List photos with a delivery that matches");
    let show = ("showPhoto", "Tell the whole story of a photo");
    let bytes = ("downloadPhoto", "Download the bytes of a photo");
    vec![
        Operation::get("/photos", Scope::Read, list, self::list)
            .asked::<Wanted>()
            .asked::<Page>()
            .gives_with::<Photos>(200, "A page of photos.", page::LINK),
        Operation::get("/photos/{photo}", Scope::Read, show, self::show)
            .gives::<Story>(200, "Its story."),
        Operation::get("/photos/{photo}/bytes", Scope::Operate, bytes, self::bytes)
            .gives_file("The picture as it came.", &["image/*", "application/octet-stream"])
            .fails(409, "The bytes are not here yet.")
            .fails(410, "The bytes were removed by retention."),
    ]
}

async fn list(request: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Problem> {
    let asked = api.asked(&request, "photos").await?;
    let found = api.ops.photos(&asked.filter, asked.before, asked.size).await?;
    let next = asked.next(&request, found.next);
    let items = found.rows.into_iter().map(PhotoRow::from).collect();
    Ok(next.linked(&Photos { items, next_cursor: next.cursor() }))
}

async fn show(
    request: HttpRequest,
    part: web::Path<String>,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let story = api.photo(&part).await?;
    let account = api.ops.account(&story, Language::En).await?;
    Ok(HttpResponse::Ok().json(Story::from(account)))
}

async fn bytes(
    request: HttpRequest,
    part: web::Path<String>,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let journal::Story { photo, fetch_state, .. } = api.photo(&part).await?;
    let (Some(sha256), Some(size), FetchState::Stored) = (photo.sha256, photo.size, fetch_state)
    else {
        return Err(not_here(fetch_state));
    };
    file(&api.spool, &photo, sha256, size).await.map_err(|error| {
        tracing::warn!(photo = %photo.id, %error, "the API could not read a file of the spool");
        Problem::internal("the file of this photo cannot be read")
    })
}

/// The bytes of a photo, to be kept and not shown.
pub(in crate::console) async fn file(
    spool: &Spool,
    photo: &model::Photo,
    sha256: Digest,
    size: u64,
) -> io::Result<HttpResponse> {
    let stream = spool.file(sha256, size).stream(BLOCK).await?;
    let known = photo.media_type.as_deref().filter(|text| text.starts_with("image/"));
    Ok(HttpResponse::Ok()
        .content_type(known.unwrap_or("application/octet-stream"))
        .insert_header(attachment(photo))
        .insert_header((header::CONTENT_LENGTH, size))
        .insert_header((header::ETAG, format!("\"{sha256}\"")))
        .no_chunking(size)
        .streaming(stream.map_err(actix_web::Error::from)))
}

fn not_here(state: FetchState) -> Problem {
    match state {
        FetchState::Expired => {
            let fix = "find it at its destination, see its story";
            Problem::gone("retention removed the bytes of this photo", fix)
        }
        FetchState::Wanted | FetchState::Stored => {
            Problem::conflict("the bytes of this photo are not here yet", "try again later")
        }
        FetchState::Held => {
            Problem::conflict("the bytes of this photo could not be had", "see its story")
        }
    }
}

/// Never shown within a page: what strangers upload is no part of the console.
fn attachment(photo: &model::Photo) -> ContentDisposition {
    let end = match photo.media_type.as_deref() {
        Some("image/jpeg") => ".jpg",
        Some("image/png") => ".png",
        Some("image/webp") => ".webp",
        Some("image/heic" | "image/heif") => ".heic",
        _ => "",
    };
    let name = format!("{}{end}", photo.id.marker());
    let parameters = vec![DispositionParam::Filename(name)];
    ContentDisposition { disposition: DispositionType::Attachment, parameters }
}

impl Api {
    /// What is known of a photo.
    async fn photo(&self, id: &str) -> Result<journal::Story, Problem> {
        let missing = || Problem::not_found("there is no photo of that id", "see /api/v1/photos");
        let wrong = |error: model::InvalidId| {
            Problem::invalid("photo", error.to_string(), "see /api/v1/photos")
        };
        let id = PhotoId::parse(id).map_err(wrong)?;
        self.ops.journal.story(&id).await?.ok_or_else(missing)
    }
}
