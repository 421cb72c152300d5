//! What was signed with what: tries the likely mistakes until one gives the signature that came.
//! Pure. A tool for somebody who has the secret: nothing here is in constant time.

use std::borrow::Cow;

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::reformat;
use crate::model::Scheme;

/// Larger bodies are not rewritten, in bytes.
const SMALL: usize = 1024 * 1024;
const BOM: &[u8] = "\u{feff}".as_bytes();

/// A signature as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    /// The header it came in.
    pub(super) header: String,
    pub(super) bytes: Vec<u8>,
    pub(super) encoding: Encoding,
}

/// How bytes are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Hex,
    Base64,
}

/// Reads a signature however it is written; `None` when it is neither hex nor base64.
pub(super) fn read(header: &str, text: &str) -> Option<Signature> {
    let known = ["sha256=", "sha1=", "sha512=", "sha256:", "v1,", "v1="];
    let text = text.trim();
    let digits = known.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    let (bytes, encoding) = match hex::decode(digits) {
        Ok(bytes) => (bytes, Encoding::Hex),
        Err(_) => (base64(digits)?, Encoding::Base64),
    };
    Some(Signature { header: header.to_owned(), bytes, encoding })
        .filter(|signature| !signature.bytes.is_empty())
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [&STANDARD, &URL_SAFE]
        .into_iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, lenient).decode(text).ok())
}

/// What came, for [`search`].
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) scheme: Scheme,
    /// The svix message id.
    pub(super) id: &'a str,
    /// The timestamp; empty where there is none.
    pub(super) at: &'a str,
    pub(super) signatures: &'a [Signature],
    pub(super) body: &'a [u8],
    pub(super) secrets: &'a [&'a str],
}

/// A way in which a signature does come out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The number of the secret, from 0.
    pub(super) secret: usize,
    /// The number of the signature, from 0.
    pub(super) signature: usize,
    /// What is different from what it should be, in words.
    pub(super) why: Vec<String>,
}

/// Something that may have been done, with its difference from what should have been done.
struct Try<T> {
    why: Option<String>,
    what: T,
}

impl<T> Try<T> {
    fn right(what: T) -> Self {
        Self { why: None, what }
    }

    fn wrong(why: impl Into<String>, what: T) -> Self {
        Self { why: Some(why.into()), what }
    }
}

type Parts<'a> = [Cow<'a, [u8]>; 2];

/// The likeliest way in which one of the signatures comes out: with the fewest mistakes.
pub(super) fn search(case: &Case<'_>) -> Option<Found> {
    let (bodies, prefixes) = (bodies(case.body), prefixes(case));
    let keys: Vec<_> = (0..case.secrets.len())
        .flat_map(|secret| keys(case, secret).into_iter().map(move |key| (secret, key)))
        .collect();
    let most = if case.body.len() <= SMALL { 3 } else { 1 };
    for mistakes in 0..=most {
        for (secret, key) in &keys {
            for prefix in &prefixes {
                for body in &bodies {
                    let why = [&key.why, &prefix.why, &body.why].into_iter().flatten();
                    if why.clone().count() != mistakes {
                        continue;
                    }
                    let mac = mac(&key.what, prefix.what.as_bytes(), &body.what);
                    let is_it = |signature: &Signature| Some(&signature.bytes) == mac.as_ref();
                    if let Some(signature) = case.signatures.iter().position(is_it) {
                        return Some(Found {
                            secret: *secret,
                            signature,
                            why: why.cloned().collect(),
                        });
                    }
                }
            }
        }
    }
    None
}

/// The signature that a secret gives for a body by the rules; `None` when it cannot be a key.
pub(super) fn expected(case: &Case<'_>, secret: usize) -> Option<Vec<u8>> {
    let key = keys(case, secret).into_iter().find(|key| key.why.is_none())?;
    let prefix = prefixes(case).into_iter().next()?;
    mac(&key.what, prefix.what.as_bytes(), &[Cow::Borrowed(case.body), Cow::Borrowed(&[])])
}

fn mac(key: &[u8], prefix: &[u8], body: &Parts<'_>) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(prefix);
    body.iter().for_each(|part| mac.update(part));
    Some(mac.finalize().into_bytes().to_vec())
}

fn prefixes(case: &Case<'_>) -> Vec<Try<String>> {
    let at = case.at;
    let right = match case.scheme {
        Scheme::Body => return vec![Try::right(String::new())],
        Scheme::Timestamped => format!("{at}."),
        Scheme::Svix => format!("{}.{at}.", case.id),
    };
    let alone = format!(
        "the signature covers the body alone, although a timestamp header is there; the sender \
         must sign {}, or leave the timestamp out",
        if case.scheme == Scheme::Svix { "<id>.<timestamp>.<body>" } else { "<timestamp>.<body>" }
    );
    let mut all = vec![Try::right(right), Try::wrong(alone, String::new())];
    if case.scheme == Scheme::Svix {
        let why = "the signature does not cover svix-id; the sender must sign \
                   <id>.<timestamp>.<body>";
        all.push(Try::wrong(why, format!("{at}.")));
    }
    all
}

fn keys(case: &Case<'_>, secret: usize) -> Vec<Try<Vec<u8>>> {
    let Some(text) = case.secrets.get(secret) else { return Vec::new() };
    let number = secret + 1;
    let bare = text.trim().trim_matches(['"', '\'']);
    let mut all = of_text(case.scheme, text, number);
    if bare != *text {
        let why = format!(
            "secret {number} has white space or quotes around it that the sender's has not; \
             remove them"
        );
        let bare = of_text(case.scheme, bare, number);
        all.extend(
            bare.into_iter()
                .filter(|key| key.why.is_none())
                .map(|key| Try::wrong(why.clone(), key.what)),
        );
    }
    let why = format!(
        "the sender's secret ends in a newline, secret {number} does not; enter it there again"
    );
    all.push(Try::wrong(why, format!("{text}\n").into_bytes()));
    all
}

fn of_text(scheme: Scheme, text: &str, number: usize) -> Vec<Try<Vec<u8>>> {
    let utf8 = text.as_bytes().to_vec();
    let after = text.strip_prefix("whsec_").unwrap_or(text);
    let hex = hex::decode(text).ok();
    let decoded = base64(after);
    let mut all = Vec::new();
    if scheme == Scheme::Svix {
        let is_whsec = text.starts_with("whsec_");
        all.extend(hex.map(Try::right));
        all.extend(decoded.map(|key| match is_whsec {
            true => Try::right(key),
            false => Try::wrong(format!("secret {number} is base64; write whsec_ before it"), key),
        }));
        let why = format!(
            "the sender took the text of secret {number} for the key; svix takes its hex bytes, \
             or the base64 after whsec_"
        );
        all.push(Try::wrong(why, utf8));
        return all;
    }
    all.push(Try::right(utf8));
    let why = |what: &str| {
        format!("the sender took {what} of secret {number} for the key instead of its whole text")
    };
    all.extend(hex.map(|key| Try::wrong(why("the hex bytes"), key)));
    if after != text {
        all.push(Try::wrong(why("what follows whsec_"), after.as_bytes().to_vec()));
    }
    all.extend(decoded.map(|key| Try::wrong(why("the base64 bytes"), key)));
    all
}

fn bodies(body: &[u8]) -> Vec<Try<Parts<'_>>> {
    fn pair<'a>(first: &'a [u8], second: &'a [u8]) -> Parts<'a> {
        [Cow::Borrowed(first), Cow::Borrowed(second)]
    }
    let mut all = vec![Try::right(pair(body, b""))];
    for (end, name) in [("\r\n", "CR LF"), ("\n", "newline")] {
        if let Some(shorter) = body.strip_suffix(end.as_bytes()) {
            let why = format!(
                "the body here ends in a {name} that was not signed; keep the bytes as they came \
                 (curl: --data-binary; many editors add one)"
            );
            all.push(Try::wrong(why, pair(shorter, b"")));
        }
        let why = format!(
            "a {name} at the end of the body was signed and is not here; keep the bytes as they \
             came (curl: --data-binary, not -d)"
        );
        all.push(Try::wrong(why, pair(body, end.as_bytes())));
    }
    if let Some(rest) = body.strip_prefix(BOM) {
        let why =
            "the body here begins with a byte order mark that was not signed; save it without";
        all.push(Try::wrong(why, pair(rest, b"")));
    } else {
        let why = "a byte order mark was signed before the body and is not here";
        all.push(Try::wrong(why, pair(BOM, body)));
    }
    if !body.is_empty() {
        let why = "the signature is that of an empty body; the sender signed before it had one";
        all.push(Try::wrong(why, pair(b"", b"")));
    }
    if body.len() <= SMALL {
        rewritten(body, &mut all);
    }
    all
}

fn rewritten(body: &[u8], all: &mut Vec<Try<Parts<'_>>>) {
    let mut add = |why: String, text: Vec<u8>, end: &'static [u8]| {
        all.push(Try::wrong(why, [Cow::Owned(text), Cow::Borrowed(end)]));
    };
    let lf = lines(body, b"\n");
    if lf != body {
        let why = "lines end in CR LF here and ended in LF when they were signed; keep the bytes \
                   as they came";
        add(why.to_owned(), lf.clone(), b"");
    }
    let crlf = lines(&lf, b"\r\n");
    if crlf != body {
        let why = "lines end in LF here and ended in CR LF when they were signed; keep the bytes \
                   as they came";
        add(why.to_owned(), crlf, b"");
    }
    for (how, text) in reformat::variants(body) {
        let why = |end: &str| {
            format!(
                "the JSON was written again on its way: it was signed {how}{end}; verify the raw \
                 body before anything parses it"
            )
        };
        add(why(""), text.clone(), b"");
        add(why(" and a newline at the end"), text, b"\n");
    }
}

/// The text with these line ends.
fn lines(body: &[u8], end: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(body.len());
    let mut lines = body.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let is_last = lines.peek().is_none();
        text.extend_from_slice(if is_last {
            line
        } else {
            line.strip_suffix(b"\r").unwrap_or(line)
        });
        if !is_last {
            text.extend_from_slice(end);
        }
    }
    text
}
