//! A photo, and the bodies in which Apertur sends it (sections 1.2 to 1.4).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Request;

/// A photo as Apertur knows it.
#[derive(Debug, Clone)]
pub(crate) struct Photo {
    pub image_id: String,
    pub session: String,
    pub index: u32,
    pub filename: String,
    pub mime: String,
    pub tags: Vec<String>,
    pub metadata: Value,
    pub bytes: Vec<u8>,
}

impl Photo {
    /// A small one; equal ids are equal bytes.
    pub(crate) fn new(image_id: &str) -> Photo {
        Photo::of_size(image_id, 1500)
    }

    /// A JPEG to whoever looks at its first bytes only.
    pub(crate) fn of_size(image_id: &str, size: usize) -> Photo {
        let mut bytes = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00".to_vec();
        // Blocks that differ, so that lost, doubled or swapped ones change the digest.
        let mut block = Sha256::digest(image_id);
        while bytes.len() < size {
            for _ in 0..32 {
                bytes.extend_from_slice(&block);
            }
            block = Sha256::digest(block);
        }
        bytes.truncate(size.max(11));
        Photo {
            image_id: image_id.to_owned(),
            session: "5e551011-2222-4333-8444-555555555555".to_owned(),
            index: 0,
            filename: format!("{image_id}.jpg"),
            mime: "image/jpeg".to_owned(),
            tags: Vec::new(),
            metadata: Value::Null,
            bytes,
        }
    }

    pub(crate) fn tag(mut self, tag: &str) -> Photo {
        self.tags.push(tag.to_owned());
        self
    }

    /// `metadata.odoo` as the vendor's module writes it.
    pub(crate) fn odoo(mut self, model: &str, id: u64, mode: &str) -> Photo {
        self.metadata = json!({"odoo": {"model": model, "res_id": id, "mode": mode}});
        self
    }

    pub(crate) fn sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.bytes))
    }

    /// Family B: `{topic, data}`.
    pub(crate) fn event(&self, topic: &str, link: Option<&str>) -> Request {
        Request::json(&json!({"topic": topic, "data": self.data(link)}))
    }

    /// Family C: `{event, project_id, data, timestamp}`.
    pub(crate) fn project_event(&self, event: &str, link: Option<&str>) -> Request {
        Request::json(&json!({
            "event": event,
            "project_id": "proj_demo",
            "data": self.data(link),
            "timestamp": "2027-01-15T08:00:00Z",
        }))
    }

    fn data(&self, link: Option<&str>) -> Value {
        let mut data = json!({
            "id": self.image_id,
            "session_id": self.session,
            "filename": self.filename,
            "size_bytes": self.bytes.len(),
            "mime_type": self.mime,
            "tags": self.tags,
            "metadata": self.metadata,
        });
        if let Some(link) = link {
            data["download_url"] = link.into();
        }
        data
    }

    /// Family A, `json_base64`. Tags are an object; `metadata` only where there is some.
    pub(crate) fn json_base64(&self) -> Request {
        let tags = self.tags.iter().filter_map(|tag| tag.split_once(':'));
        let tags = tags.map(|(key, value)| (key.to_owned(), value.into()));
        let mut body = json!({
            "session_id": self.session,
            "image_id": self.image_id,
            "image_index": self.index,
            "mime_type": self.mime,
            "filename": self.filename,
            "size_bytes": self.bytes.len(),
            "data": "@",
            "tags": Value::Object(tags.collect()),
        });
        if !self.metadata.is_null() {
            body["metadata"] = self.metadata.clone();
        }
        let data = format!("\"data\":\"{}\"", STANDARD.encode(&self.bytes));
        Request::new("application/json", body.to_string().replacen("\"data\":\"@\"", &data, 1))
    }

    /// Family A, multipart: the file is named `image`, every tag is a field.
    pub(crate) fn multipart(&self) -> Request {
        let mut body = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"image\"; filename=\"{}\"\r\n\
             Content-Type: {}\r\n\r\n",
            self.filename, self.mime
        )
        .into_bytes();
        body.extend_from_slice(&self.bytes);
        for tag in &self.tags {
            let (key, value) = tag.split_once(':').unwrap();
            let field = format!(
                "\r\n--XX\r\nContent-Disposition: form-data; name=\"{key}\"\r\n\r\n{value}"
            );
            body.extend_from_slice(field.as_bytes());
        }
        body.extend_from_slice(b"\r\n--XX--\r\n");
        self.with_ids(Request::new("multipart/form-data; boundary=XX", body), "Aptr")
    }

    /// Family A, binary: the bytes alone.
    pub(crate) fn binary(&self) -> Request {
        self.with_ids(Request::new("application/octet-stream", self.bytes.clone()), "Aptr")
    }

    /// The ids in headers that no signature covers.
    pub(crate) fn with_ids(&self, request: Request, spelling: &str) -> Request {
        request
            .header(&format!("X-{spelling}-Session-Id"), &self.session)
            .header(&format!("X-{spelling}-Image-Id"), &self.image_id)
            .header(&format!("X-{spelling}-Image-Index"), &self.index.to_string())
            .header("X-APTR-Delivery-ID", "del_1")
    }
}
