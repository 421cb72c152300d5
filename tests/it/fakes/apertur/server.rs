//! Links (`/d/...`) and the download API, each at an origin of its own, so that a key that
//! goes to a link is seen.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Answer, Format, Photo, Signer,
    api::{Api, Asked},
    clock::FakeClock,
    guest,
    post::post_to,
    sessions::{Kept, Sessions},
};

/// The key that the API wants.
pub(super) const KEY: &str = "aptr_test_0123456789abcdef0123456789abcdef";
/// What makes a link work; stands in its query.
pub(super) const SIGNATURE: &str = "s1gn4tur3-0f-th3-l1nk";

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
    link: Way,
    api: Way,
    /// What is no photo by its id.
    rest: Api,
    seen: Vec<Seen>,
}

/// A running fake Apertur; it ends with the process.
pub(crate) struct FakeApertur {
    state: Arc<Mutex<State>>,
    api: String,
    /// Its time.
    pub clock: FakeClock,
}

impl FakeApertur {
    pub(crate) fn start() -> FakeApertur {
        let state = Arc::new(Mutex::new(State::default()));
        let (links, api) = (listen(&state, "link"), listen(&state, "api"));
        let mut own = lock(&state);
        own.rest.sessions.links = links;
        let clock = own.rest.sessions.clock.clone();
        drop(own);
        FakeApertur { state, api, clock }
    }

    /// The lines of `[apertur]` that lead here.
    pub(crate) fn settings(&self) -> String {
        format!(
            "[apertur]\nbase_url = \"{}\"\napi_key = \"{KEY}\"\nallow_private_downloads = true\n",
            self.api
        )
    }

    /// The origin of the API.
    pub(crate) fn api_url(&self) -> &str {
        &self.api
    }

    /// Takes a photo in and gives the link to it.
    pub(crate) fn keep(&self, image_id: &str, bytes: &[u8]) -> String {
        let kept = Kept { bytes: bytes.to_vec(), ..Kept::default() };
        let sessions = &mut self.state().rest.sessions;
        sessions.kept.insert(image_id.to_owned(), kept);
        sessions.link(image_id)
    }

    /// How links answer from now on.
    pub(crate) fn link(&self, way: Way) {
        self.state().link = way;
    }

    /// How the API answers from now on.
    pub(crate) fn api(&self, way: Way) {
        self.state().api = way;
    }

    /// Changes the API, or looks at what it knows.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Api) -> T) -> T {
        change(&mut self.state().rest)
    }

    /// A guest uploads a photo to a session; it can be had by its id then.
    pub(crate) fn upload(&self, session: &str, image_id: &str) -> Photo {
        let uploaded = self.with(|api| api.sessions.upload(session, image_id));
        let photo = uploaded.unwrap_or_else(|refused| panic!("{refused:?}"));
        self.keep(image_id, &photo.bytes);
        photo
    }

    /// From now on the destination of this id posts there, in this form and signed so.
    pub(crate) fn bridge(&self, id: &str, url: &str, format: Format, signer: Signer) {
        self.with(|api| {
            let mut places = api.sessions.places.iter_mut();
            let place = places.find(|place| place.id == id).unwrap();
            (place.url, place.format) = (Some(url.to_owned()), format);
            place.spelling = signer.spelling;
            place.signer = signer;
        });
    }

    /// A guest's phone uploads a photo by HTTP.
    pub(crate) fn guest(&self, session: &str, photo: &Photo, password: Option<&str>) -> Answer {
        guest::send(&self.api, session, photo, password)
    }

    /// The same with a photo that is taken; gives it as it is known from then on.
    pub(crate) fn photographed(&self, session: &str, photo: &Photo) -> Photo {
        let answer = self.guest(session, photo, None);
        let taken: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.status, 201, "{taken}");
        Photo { image_id: taken["id"].as_str().unwrap().to_owned(), ..photo.clone() }
    }

    /// Posts what is due now; gives how many tries that were.
    pub(crate) fn work(&self) -> usize {
        for done in 0.. {
            let claimed = self.with(|api| {
                let Sessions { outbox, clock, .. } = &mut api.sessions;
                Some((outbox.claim(clock.now())?, outbox.patience))
            });
            let Some(((at, posting), patience)) = claimed else { return done };
            // Each try is signed anew.
            let signer = Signer { at: Timestamp::now().as_second(), ..posting.signer };
            let answer = post_to(&posting.url, &signer.sign(posting.request), patience);
            self.with(|api| api.sessions.answered(at, &answer));
        }
        0
    }

    /// Sets the clock forward from retry to retry until none is left.
    pub(crate) fn work_off(&self) {
        loop {
            self.work();
            let Some(next) = self.with(|api| api.sessions.outbox.next_at()) else { return };
            self.clock.step_to(next);
        }
    }

    /// How many requests there were so far.
    pub(crate) fn count(&self) -> usize {
        self.state().seen.len()
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

fn request(stream: &TcpStream) -> io::Result<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut asked = Asked { method, target, headers, body: Vec::new() };
    let length = asked.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    reader.take(length).read_to_end(&mut asked.body)?;
    Ok(asked)
}

fn answer(stream: &TcpStream, shared: &Mutex<State>, way: &'static str) -> io::Result<()> {
    let head = request(stream)?;
    let asked_at = Instant::now();
    let (status, extra, body, then) = {
        let mut state = lock(shared);
        let mut is_counted = false;
        while way == "api" && is_held(&state.rest, &head, asked_at) {
            let (now, most) = &mut state.rest.sessions.held;
            *now += usize::from(!is_counted);
            *most = (*most).max(*now);
            is_counted = true;
            drop(state);
            thread::sleep(Duration::from_millis(20));
            state = lock(shared);
        }
        state.rest.sessions.held.0 -= usize::from(is_counted);
        if way == "api" && !head.target.starts_with("/api/v1/uploads/") {
            let reply = state.rest.answer(&head);
            let seen = Seen { way, path: head.target, status: reply.status };
            state.seen.push(seen);
            drop(state);
            return write(stream, (reply.status, &reply.headers), &reply.body, usize::MAX);
        }
        if way == "api"
            && let rest = &mut state.rest
            && let Err(refused) = rest.limits.count(&head, rest.sessions.clock.now())
        {
            drop(state);
            return write(stream, (refused.status, &refused.headers), &refused.body, usize::MAX);
        }
        let photo = if way == "link" { linked(&state, &head) } else { asked(&state, &head) };
        let how = if way == "link" { &state.link } else { &state.api };
        match photo {
            Ok(photo) => respond(how, &head.target, photo),
            Err(status) => (status, String::new(), Vec::new(), Way::Works),
        }
    };
    lock(shared).seen.push(Seen { way, path: head.target, status });
    if let Way::Slow(wait) = then {
        thread::sleep(wait);
    }
    let end = if matches!(then, Way::Truncated) { body.len() / 2 } else { body.len() };
    write(stream, (status, &extra), &body, end)
}

/// Whether an answer about a delivery status or to a poll is held back, because nothing changed.
fn is_held(api: &Api, head: &Asked, asked_at: Instant) -> bool {
    if api.sessions.is_quiet(&head.target) {
        return asked_at.elapsed() < api.sessions.poll_hold;
    }
    let seen = head.variable("pollFrom").and_then(|seen| seen.parse::<Timestamp>().ok());
    let is_status = head.target.contains("/delivery-status?");
    // Times travel in milliseconds.
    let changed = api.sessions.changed_at.as_millisecond();
    is_status
        && seen.is_some_and(|seen| changed <= seen.as_millisecond())
        && asked_at.elapsed() < api.sessions.hold
}

/// Writes an answer, its body up to `end`.
fn write(
    mut stream: &TcpStream,
    (status, headers): (u16, &str),
    body: &[u8],
    end: usize,
) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body[..end.min(length)])?;
    stream.shutdown(Shutdown::Write)
}

/// A link works without a key and never gets one.
fn linked<'a>(state: &'a State, head: &Asked) -> Result<&'a [u8], u16> {
    if head.header("authorization").is_some() || head.method != "GET" {
        return Err(400);
    }
    let (path, query) = head.target.split_once('?').ok_or(403_u16)?;
    let signed = query.trim_end_matches("&hop") == format!("sig={SIGNATURE}");
    let sessions = &state.rest.sessions;
    let now = sessions.clock.now();
    let photo = path.strip_prefix("/d/").and_then(|id| sessions.kept.get(id)).ok_or(404_u16)?;
    match photo {
        _ if !signed => Err(403),
        Kept { link_ends: Some(end), .. } | Kept { gone_at: Some(end), .. } if *end <= now => {
            Err(410)
        }
        Kept { bytes, .. } => Ok(bytes),
    }
}

fn asked<'a>(state: &'a State, head: &Asked) -> Result<&'a [u8], u16> {
    if head.method != "GET" {
        return Err(405);
    }
    state.rest.let_in(head).map_err(|(status, _)| status)?;
    let id = head.target.strip_prefix("/api/v1/uploads/").ok_or(404_u16)?;
    let id = id.strip_suffix("/download").ok_or(404_u16)?;
    let sessions = &state.rest.sessions;
    let kept = sessions.kept.get(id).ok_or(404_u16)?;
    let is_gone = kept.gone_at.is_some_and(|at| at <= sessions.clock.now());
    if is_gone { Err(404) } else { Ok(&kept.bytes) }
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
