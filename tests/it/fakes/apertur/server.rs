//! Links (`/d/...`) and the download API, each at an origin of its own, so that a key that
//! goes to a link is seen.

use std::{
    collections::HashMap,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// The key that the API wants.
const KEY: &str = "aptr_test_0123456789abcdef0123456789abcdef";
/// What makes a link work; stands in its query.
const SIGNATURE: &str = "s1gn4tur3-0f-th3-l1nk";

/// How one of the two ways answers.
#[derive(Debug, Clone, Default)]
pub(crate) enum Way {
    /// With the photo.
    #[default]
    Works,
    /// With this status: a link that expired (410, 404, 403), an image that is gone (404).
    Status(u16),
    /// 429 with a `Retry-After` of these many seconds.
    Limited(u32),
    /// With the photo, so much later.
    Slow(Duration),
    /// With headers that promise the photo, and half of it.
    Truncated,
    /// With a page instead of a picture.
    WrongType,
    /// With a redirect to the real link.
    Redirect,
    /// With a redirect that leads here again.
    Loop,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `link` or `api`.
    pub way: &'static str,
    pub path: String,
    pub status: u16,
}

#[derive(Default)]
struct State {
    photos: HashMap<String, Vec<u8>>,
    link: Way,
    api: Way,
    seen: Vec<Seen>,
}

/// A running fake Apertur; it ends with the process.
pub(crate) struct FakeApertur {
    state: Arc<Mutex<State>>,
    links: String,
    api: String,
}

impl FakeApertur {
    pub(crate) fn start() -> FakeApertur {
        let state = Arc::new(Mutex::new(State::default()));
        let (links, api) = (listen(&state, "link"), listen(&state, "api"));
        FakeApertur { state, links, api }
    }

    /// The lines of `[apertur]` that lead here.
    pub(crate) fn settings(&self) -> String {
        format!(
            "[apertur]\nbase_url = \"{}\"\napi_key = \"{KEY}\"\nallow_private_downloads = true\n",
            self.api
        )
    }

    /// Takes a photo in and gives the link to it.
    pub(crate) fn keep(&self, image_id: &str, bytes: &[u8]) -> String {
        self.state().photos.insert(image_id.to_owned(), bytes.to_vec());
        format!("{}/d/{image_id}?sig={SIGNATURE}", self.links)
    }

    /// How links answer from now on.
    pub(crate) fn link(&self, way: Way) {
        self.state().link = way;
    }

    /// How the API answers from now on.
    pub(crate) fn api(&self, way: Way) {
        self.state().api = way;
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// What no log may hold.
    pub(crate) fn secrets() -> [&'static str; 2] {
        [KEY, SIGNATURE]
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(state: &Arc<Mutex<State>>, way: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let state = Arc::clone(state);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = Arc::clone(&state);
            // A client that hangs up is its own business.
            thread::spawn(move || drop(answer(&stream, &state, way)));
        }
    });
    origin
}

struct Head {
    method: String,
    path: String,
    key: Option<String>,
}

fn head(stream: &TcpStream) -> io::Result<Head> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut key = None;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("authorization") {
            key = Some(value.trim().to_owned());
        }
    }
    Ok(Head { method, path, key })
}

fn answer(stream: &TcpStream, state: &Mutex<State>, way: &'static str) -> io::Result<()> {
    let head = head(stream)?;
    let (status, extra, body, then) = {
        let state = lock(state);
        let photo = if way == "link" { linked(&state, &head) } else { asked(&state, &head) };
        let how = if way == "link" { &state.link } else { &state.api };
        match photo {
            Ok(photo) => respond(how, &head.path, photo),
            Err(status) => (status, String::new(), Vec::new(), Way::Works),
        }
    };
    lock(state).seen.push(Seen { way, path: head.path, status });
    if let Way::Slow(wait) = then {
        thread::sleep(wait);
    }
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n{extra}\r\n"
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    let end = if matches!(then, Way::Truncated) { length / 2 } else { length };
    stream.write_all(&body[..end])?;
    stream.shutdown(Shutdown::Write)
}

/// A link works without a key and never gets one.
fn linked<'a>(state: &'a State, head: &Head) -> Result<&'a [u8], u16> {
    if head.key.is_some() || head.method != "GET" {
        return Err(400);
    }
    let (path, query) = head.path.split_once('?').ok_or(403_u16)?;
    let signed = query.trim_end_matches("&hop") == format!("sig={SIGNATURE}");
    let photo = path.strip_prefix("/d/").and_then(|id| state.photos.get(id)).ok_or(404_u16)?;
    if signed { Ok(photo) } else { Err(403) }
}

fn asked<'a>(state: &'a State, head: &Head) -> Result<&'a [u8], u16> {
    if head.method != "GET" {
        return Err(405);
    }
    if head.key.as_deref() != Some(&format!("Bearer {KEY}")) {
        return Err(401);
    }
    let id = head.path.strip_prefix("/api/v1/uploads/").ok_or(404_u16)?;
    let id = id.strip_suffix("/download").ok_or(404_u16)?;
    state.photos.get(id).map(Vec::as_slice).ok_or(404)
}

/// Status, more headers, body, and what else happens.
fn respond(way: &Way, path: &str, photo: &[u8]) -> (u16, String, Vec<u8>, Way) {
    let picture = "Content-Type: image/jpeg\r\n".to_owned();
    let on = |to: &str| (302, format!("Location: {to}\r\n"), Vec::new(), Way::Works);
    match way {
        Way::Redirect if !path.ends_with("&hop") => on(&format!("{path}&hop")),
        Way::Loop => on(path),
        Way::Works | Way::Redirect => (200, picture, photo.to_vec(), Way::Works),
        Way::Slow(_) | Way::Truncated => (200, picture, photo.to_vec(), way.clone()),
        Way::Status(status) => (*status, String::new(), b"{}".to_vec(), Way::Works),
        Way::Limited(seconds) => {
            (429, format!("Retry-After: {seconds}\r\n"), Vec::new(), Way::Works)
        }
        Way::WrongType => {
            (200, "Content-Type: text/html\r\n".to_owned(), b"<html>".to_vec(), Way::Works)
        }
    }
}
