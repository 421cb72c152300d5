//! The guest's side (section 4.2): what the upload page takes, and a phone that uses it.

use serde_json::{Value, json};

use super::{
    Answer, Photo, Request,
    api::Asked,
    post,
    sessions::{Refused, Sessions},
};
use crate::fakes::desk::{Part, parts};

/// Largest photo of most plans.
const LARGEST_MB: u64 = 20;
const TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "image/heic"];

impl Sessions {
    /// Takes an uploaded form in, and has it delivered.
    pub(super) fn receive(&mut self, id: &str, asked: &Asked) -> Result<Value, Refused> {
        let session = self.known(id)?;
        self.let_in(id, asked.header("x-session-password"))?;
        self.takes_photos(session)?;
        let wish = session.asked.clone();
        let file = file(asked)?;
        let largest = wish["max_image_size_mb"].as_u64().unwrap_or(LARGEST_MB) << 20;
        if file.bytes.len() as u64 > largest {
            return Err((413, "File too large".to_owned()));
        }
        let mime = file.content_type.clone().unwrap_or_default();
        let allowed = match wish["allowed_mime_types"].as_array() {
            Some(some) => some.iter().any(|allowed| *allowed == mime),
            None => TYPES.contains(&mime.as_str()),
        };
        // Nobody but the customer can look into an encrypted one.
        let is_picture = asked.header("x-aptr-encrypted").is_some() || begins(&mime, &file.bytes);
        if !allowed || !is_picture {
            return Err((415, "Unsupported file type".to_owned()));
        }
        let number = self.all.iter().map(|session| session.photos.len()).sum::<usize>() + 1;
        let image = format!("1a6e0001-2222-4333-8444-{number:012}");
        let filename = file.filename.unwrap_or_default();
        let photo = Photo { filename, mime, bytes: file.bytes.to_vec(), ..Photo::new(&image) };
        let photo = self.take(id, photo, "sent")?;
        let count = self.deliver(id, &photo);
        Ok(json!({"id": image, "filename": photo.filename, "size_bytes": photo.bytes.len(),
            "destinations": count, "long_polling": wish["long_polling"] == true}))
    }

    /// Whether this is the session's password, if it has one.
    pub(super) fn let_in(&self, id: &str, given: Option<&str>) -> Result<(), Refused> {
        let wanted = self.known(id)?.asked["password"].as_str();
        if wanted.is_some() && wanted != given {
            return Err((401, "Invalid session password".to_owned()));
        }
        Ok(())
    }
}

fn file(asked: &Asked) -> Result<Part, Refused> {
    let bad = |what: &str| (400, what.to_owned());
    let parts = parts(asked.header("content-type").unwrap_or_default(), &asked.body);
    let parts = parts.map_err(|_| bad("Request is not multipart"))?;
    let source = parts.iter().find(|part| part.name == "source").map(Part::text);
    if source.is_some_and(|source| !["camera", "gallery"].contains(&source.as_str())) {
        return Err(bad("source must be one of camera, gallery"));
    }
    let file = parts.into_iter().find(|part| part.name == "file" && part.filename.is_some());
    file.ok_or_else(|| bad("file is required"))
}

fn begins(mime: &str, bytes: &[u8]) -> bool {
    match mime {
        "image/jpeg" => bytes.starts_with(b"\xff\xd8\xff"),
        "image/png" => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        "image/webp" => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
        _ => bytes.get(4..8) == Some(b"ftyp"),
    }
}

/// A phone that sends a photo to a session at the API `api`.
pub(super) fn send(api: &str, session: &str, photo: &Photo, password: Option<&str>) -> Answer {
    let mut body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"source\"\r\n\r\ncamera\r\n\
         --XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\
         Content-Type: {}\r\n\r\n",
        photo.filename, photo.mime
    )
    .into_bytes();
    body.extend_from_slice(&photo.bytes);
    body.extend_from_slice(b"\r\n--XX--\r\n");
    let mut request = Request::new("multipart/form-data; boundary=XX", body);
    if let Some(password) = password {
        request = request.header("x-session-password", password);
    }
    if photo.bytes.starts_with(b"{") {
        request = request.header("X-Aptr-Encrypted", "e2e");
    }
    let url = format!("{api}/api/v1/upload/{session}/images");
    post::post_to(&url, &request, std::time::Duration::from_secs(30)).unwrap()
}
