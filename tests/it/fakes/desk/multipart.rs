//! Forms as they were sent, part by part, with nothing made good.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{FutureExt as _, stream};

/// A part of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub name: String,
    /// As it stands in the header, the empty one too.
    pub filename: Option<String>,
    pub content_type: Option<String>,
    pub bytes: Bytes,
}

impl Part {
    /// Its bytes as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Why a body is no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// The content type is another one, or names no boundary.
    NoForm,
    /// The parts are not where the boundary says.
    Broken,
}

/// The parts of a form, in order.
pub(crate) fn parts(content_type: &str, body: &[u8]) -> Result<Vec<Part>, Malformed> {
    let boundary = multer::parse_boundary(content_type).map_err(|_| Malformed::NoForm)?;
    let body = Bytes::copy_from_slice(body);
    let whole = stream::iter([Ok::<_, Infallible>(body)]);
    let read = async {
        let mut form = multer::Multipart::new(whole, boundary);
        let mut parts = Vec::new();
        while let Some(field) = form.next_field().await? {
            let header = |name: &str| {
                let value = field.headers().get(name)?;
                Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
            };
            let disposition = header("content-disposition").unwrap_or_default();
            let named = disposition.contains("filename");
            let filename = field.file_name().unwrap_or_default().to_owned();
            parts.push(Part {
                name: field.name().unwrap_or_default().to_owned(),
                filename: named.then_some(filename),
                content_type: header("content-type"),
                bytes: field.bytes().await?,
            });
        }
        Ok::<_, multer::Error>(parts)
    };
    // Everything is here already: there is nothing to wait for.
    read.now_or_never().and_then(Result::ok).ok_or(Malformed::Broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "multipart/form-data; boundary=XX";

    #[test]
    fn parts_are_given_as_they_were_sent() {
        let body = b"--XX\r\ncontent-disposition: form-data; name=\"body\"\r\n\r\n<p>a</p>\r\n\
            --XX\r\nContent-Disposition: form-data; name=\"x\"; filename=\"\"\r\n\r\ny\r\n\
            --XX\r\nContent-Disposition: form-data; name=\"attachments[]\"; filename=\"a.jpg\"\r\n\
            Content-Type: image/jpeg\r\n\r\n\xff\xd8\r\n\r\n--XX--\r\n";
        let parts = parts(FORM, body).unwrap_or_default();
        let told: Vec<_> = parts
            .iter()
            .map(|part| (part.name.as_str(), part.filename.as_deref(), part.bytes.as_ref()))
            .collect();
        let wanted: [(&str, Option<&str>, &[u8]); 3] = [
            ("body", None, b"<p>a</p>"),
            ("x", Some(""), b"y"),
            ("attachments[]", Some("a.jpg"), b"\xff\xd8\r\n"),
        ];
        assert_eq!(told, wanted);
        assert_eq!(parts[2].content_type.as_deref(), Some("image/jpeg"));
    }

    #[test]
    fn what_is_no_form_says_why() {
        assert_eq!(parts("multipart/form-data", b""), Err(Malformed::NoForm));
        assert_eq!(parts("application/json", b"{}"), Err(Malformed::NoForm));
        assert_eq!(parts(FORM, b"--YY\r\n\r\n--YY--"), Err(Malformed::Broken));
        let cut = b"--XX\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nhalf";
        assert_eq!(parts(FORM, cut), Err(Malformed::Broken));
    }
}
