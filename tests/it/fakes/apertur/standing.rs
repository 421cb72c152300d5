//! What the API tells of sessions and of how their photos stand (sections 4.1 and 4.2).

use serde_json::{Value, json};

use super::{
    places::Place,
    sessions::{Refused, Session, Sessions, Uploaded},
};

impl Sessions {
    /// What guests see; the mixed casing is real.
    pub(crate) fn state(&self, id: &str) -> Result<Value, Refused> {
        let session = self.known(id)?;
        Ok(json!({
            "id": session.id,
            "status": session.status(self.clock.now()),
            "expiresAt": session.expires_at,
            "tags": session.asked["tags"],
            "imagesPerSession": 10,
            "effectiveMaxImages": session.max_images(),
            "password_protected": session.asked["password"].is_string(),
            "serverPublicKey": "-----BEGIN PUBLIC KEY-----",
            "e2eEnabled": false,
            "e2eDowngraded": self.is_downgraded,
        }))
    }

    pub(crate) fn page(&self, page: usize, size: usize) -> Value {
        let rows: Vec<_> = self.all.iter().rev().map(|session| self.row(session)).collect();
        let from = (page.max(1) - 1) * size;
        let data: Vec<_> = rows.iter().skip(from).take(size).collect();
        let pages = rows.len().div_ceil(size.max(1));
        json!({"data": data, "total": rows.len(), "page": page, "pageSize": size,
            "totalPages": pages})
    }

    pub(crate) fn recent(&self, limit: usize) -> Value {
        self.all.iter().rev().take(limit).map(|session| self.row(session)).collect()
    }

    pub(crate) fn delivery_status(&self, id: &str) -> Result<Value, Refused> {
        let session = self.known(id)?;
        let place = |uploaded: &Uploaded, place: &Place| {
            let mut standing = self.standing(uploaded, place);
            let shown = place.shown();
            standing["destination_id"] = shown["id"].clone();
            standing["type"] = shown["type"].clone();
            standing["name"] = shown["name"].clone();
            standing
        };
        let file = |uploaded: &Uploaded| {
            let places = session.places(&self.places).into_iter();
            let places: Vec<_> = places.map(|to| place(uploaded, to)).collect();
            json!({"record_id": uploaded.photo.image_id, "filename": uploaded.photo.filename,
                "size_bytes": uploaded.photo.bytes.len(), "destinations": places})
        };
        let files: Vec<_> = session.photos.iter().map(file).collect();
        let changed = format!("{:.3}", self.changed_at);
        let status = session.status(self.clock.now());
        Ok(json!({"status": status, "lastChanged": changed, "files": files}))
    }

    /// How a photo stands at a destination.
    pub(super) fn standing(&self, uploaded: &Uploaded, place: &Place) -> Value {
        let posted = self.outbox.status(&uploaded.photo.image_id, &place.id);
        let at_once = || json!({"status": uploaded.status, "attempts": 1, "last_error": null});
        posted.unwrap_or_else(at_once)
    }

    pub(super) fn made(&self, session: &Session) -> Value {
        let url = |rest: &str| format!("https://u.example.com/{rest}/{}", session.id);
        let places = session.places(&self.places).into_iter().map(Place::shown);
        json!({
            "id": session.id,
            "uuid": session.id,
            "upload_url": url("s"),
            "qr_url": url("qr"),
            "short_url": format!("https://u.example.com/{}", &session.id[33..]),
            "qr_specs": {"endpoint": url("qr"), "formats": ["png"], "params": {}},
            "destinations": places.collect::<Vec<_>>(),
            "long_polling": session.is_polled(),
            "expires_at": session.expires_at,
            "password_protected": session.asked["password"].is_string(),
            "env": "test",
        })
    }

    fn row(&self, session: &Session) -> Value {
        let places = session.places(&self.places);
        let is = |photo: &Uploaded, wanted: &str| {
            let mut all = places.iter().map(|place| self.standing(photo, place));
            all.all(|standing| standing["status"] == wanted)
        };
        let count = |wanted| session.photos.iter().filter(|photo| is(photo, wanted)).count();
        json!({"id": session.id, "status": session.status(self.clock.now()),
            "imagesCount": session.photos.len(), "imagesDelivered": count("sent"),
            "imagesFailed": count("failed"), "longPollingEnabled": session.is_polled(),
            "env": "test", "createdAt": session.created_at, "expiresAt": session.expires_at})
    }
}
