//! An authorization server (RFC 6749, 7636, 8414), strict: a client says exactly what it has to,
//! where it has to. Self-contained; it ends with the process.
//!
//! The destinations' own fakes ask [`FakeOauth::is_good`] about what comes behind `Bearer`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod http;
mod token;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use apertur_bridge::system::Clock;
use jiff::Timestamp;
use serde_json::json;
use url::Url;

pub(crate) use self::http::visit;
use self::http::{Answer, Request};

/// The one client that is known.
pub(crate) const CLIENT_ID: &str = "fw_ext_0123456789";
/// Its secret.
pub(crate) const CLIENT_SECRET: &str = "s3cr3t-0f-th3-cl13nt";

/// How the token endpoint wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// The client by HTTP Basic, a form as body; answers 415 to anything else.
    BasicForm,
    /// The client by HTTP Basic, JSON as body; answers 400 to anything else.
    BasicJson,
    /// Everything in a form, nothing in a header.
    Form,
    /// Everything in a JSON body, nothing in a header.
    Json,
}

/// What becomes of a refresh token that is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// It dies, and a new one is given.
    #[default]
    Dies,
    /// A new one is given, and the old one lives until the new one is used.
    Grace,
    /// It stays, and none is given.
    Stays,
}

/// What goes wrong with the next request to the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is carried out, and the connection closes without an answer.
    LostAnswer,
    /// It is not carried out; a status with a page, and `Retry-After` where it is not 0.
    Status(u16, u32),
    /// It is not carried out; a status with this OAuth error.
    Error(u16, &'static str),
    /// It is not carried out; a status with an error that repeats all that was sent.
    Echo(u16),
}

/// A request to the token endpoint as it came, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub grant: String,
    pub content_type: String,
    pub status: u16,
}

struct State {
    wants: Wants,
    clock: Clock,
    origin: String,
    redirect: String,
    rotation: Rotation,
    lifetime: u32,
    /// What is granted, whatever is asked for.
    scope: Option<String>,
    /// Whether answers name the scope.
    tells_scope: bool,
    denies: bool,
    /// Names that an address to log in at may have beside those of the standards.
    also: &'static [&'static str],
    discovery: Option<u16>,
    /// What the token endpoint waits before it answers.
    delay: Duration,
    troubles: VecDeque<Trouble>,
    codes: HashMap<String, Code>,
    used_codes: HashSet<String>,
    /// Refresh tokens that work, with their scope.
    refresh: HashMap<String, String>,
    /// Under [`Rotation::Grace`]: the old token that ends when the new one is used.
    replaced: HashMap<String, String>,
    access: HashMap<String, Timestamp>,
    /// Every secret that was ever given out.
    given: Vec<String>,
    seen: Vec<Seen>,
}

struct Code {
    challenge: String,
    scope: String,
}

/// A running server.
#[derive(Clone)]
pub(crate) struct FakeOauth {
    state: Arc<Mutex<State>>,
    origin: String,
}

impl FakeOauth {
    /// Starts one that lives by the system's clock and knows the redirect address
    /// `http://localhost:8789/callback`.
    pub(crate) fn start(wants: Wants) -> Self {
        Self::start_at(wants, Clock::system())
    }

    /// The same by another clock.
    pub(crate) fn start_at(wants: Wants, clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::new(wants, clock, &origin)));
        let ours = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&ours);
                // A client that hangs up is its own business.
                thread::spawn(move || drop(serve(&stream, &state)));
            }
        });
        Self { state, origin }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> &str {
        &self.origin
    }

    /// Where a person logs in.
    pub(crate) fn authorize_url(&self) -> Url {
        self.at("/org/oauth/v2/authorize")
    }

    /// Where tokens are given.
    pub(crate) fn token_url(&self) -> Url {
        self.at("/org/oauth/v2/token")
    }

    /// The metadata document.
    pub(crate) fn discovery_url(&self) -> Url {
        self.at("/.well-known/oauth-authorization-server")
    }

    /// Whether an access token works now.
    pub(crate) fn is_good(&self, token: &str) -> bool {
        let state = self.state();
        state.access.get(token).is_some_and(|ends| state.clock.now() < *ends)
    }

    /// Ends every access token; refresh tokens go on.
    pub(crate) fn end_access_tokens(&self) {
        self.state().access.clear();
    }

    /// Ends every token, as an administrator does who takes the access away.
    pub(crate) fn end_all_tokens(&self) {
        let mut state = self.state();
        state.access.clear();
        state.refresh.clear();
    }

    /// How long access tokens live from now on, in seconds; 1800 at first.
    pub(crate) fn live(&self, seconds: u32) {
        self.state().lifetime = seconds;
    }

    /// Grants these scopes from now on, whatever is asked for.
    pub(crate) fn grant(&self, scope: &str) {
        self.state().scope = Some(scope.to_owned());
    }

    /// Whether answers name the scope; they do at first.
    pub(crate) fn tell_scope(&self, tells: bool) {
        self.state().tells_scope = tells;
    }

    /// What becomes of used refresh tokens from now on.
    pub(crate) fn rotate(&self, rotation: Rotation) {
        self.state().rotation = rotation;
    }

    /// The person at the browser says no from now on.
    pub(crate) fn deny(&self) {
        self.state().denies = true;
    }

    /// An address to log in at has to have these names, too, from now on.
    pub(crate) fn want(&self, also: &'static [&'static str]) {
        self.state().also = also;
    }

    /// The metadata document answers with this status from now on, or again with itself.
    pub(crate) fn discovery(&self, status: Option<u16>) {
        self.state().discovery = status;
    }

    /// The address that browsers may be sent to after a login.
    pub(crate) fn redirect_to(&self, redirect: &str) {
        redirect.clone_into(&mut self.state().redirect);
    }

    /// Lets the token endpoint take its time from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// What goes wrong with one of the next requests to the token endpoint, in order.
    pub(crate) fn trouble(&self, trouble: Trouble) {
        self.state().troubles.push_back(trouble);
    }

    /// Every request to the token endpoint so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// Every code and token that was given out, and the client's secret: what no log may hold.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let given = self.state().given.clone();
        given.into_iter().chain([CLIENT_SECRET.to_owned()]).collect()
    }

    fn at(&self, path: &str) -> Url {
        format!("{}{path}", self.origin).parse().unwrap()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn new(wants: Wants, clock: Clock, origin: &str) -> Self {
        Self {
            wants,
            clock,
            origin: origin.to_owned(),
            redirect: "http://localhost:8789/callback".to_owned(),
            rotation: Rotation::default(),
            lifetime: 1800,
            scope: None,
            tells_scope: true,
            denies: false,
            also: &[],
            discovery: None,
            delay: Duration::ZERO,
            troubles: VecDeque::new(),
            codes: HashMap::new(),
            used_codes: HashSet::new(),
            refresh: HashMap::new(),
            replaced: HashMap::new(),
            access: HashMap::new(),
            given: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// A secret nobody had before, with characters that forms and addresses have to escape.
    fn fresh(&mut self, kind: &str) -> String {
        let secret = format!("{kind}+/{}=", hex::encode(rand::random::<[u8; 12]>()));
        self.given.push(secret.clone());
        secret
    }

    fn document(&self) -> Answer {
        if let Some(status) = self.discovery {
            return Answer::page(status);
        }
        let at = |path: &str| format!("{}{path}", self.origin);
        Answer::json(
            200,
            &json!({
                "issuer": self.origin,
                "authorization_endpoint": at("/org/oauth/v2/authorize"),
                "token_endpoint": at("/org/oauth/v2/token"),
                "code_challenge_methods_supported": ["S256"],
            }),
        )
    }

    /// The page on which a person agrees; the person is quick.
    fn authorize(&mut self, query: &str) -> Answer {
        let Some(asked) = http::form(query) else { return Answer::page(400) };
        let mut names: Vec<_> = asked.keys().map(String::as_str).collect();
        names.sort_unstable();
        let standard = [
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "redirect_uri",
            "response_type",
            "scope",
            "state",
        ];
        let mut wanted: Vec<_> = standard.iter().chain(self.also).copied().collect();
        wanted.sort_unstable();
        let is_right = names == wanted
            && !query.contains('+')
            && asked["client_id"] == CLIENT_ID
            && asked["response_type"] == "code"
            && asked["code_challenge_method"] == "S256"
            && asked["code_challenge"].len() == 43
            && asked["state"].len() >= 22
            && asked["redirect_uri"] == self.redirect;
        if !is_right {
            return Answer::page(400);
        }
        let mut back: Url = self.redirect.parse().unwrap();
        if self.denies {
            back.query_pairs_mut().append_pair("error", "access_denied");
        } else {
            let code = self.fresh("code");
            let scope = self.scope.clone().unwrap_or_else(|| asked["scope"].clone());
            let challenge = asked["code_challenge"].clone();
            self.codes.insert(code.clone(), Code { challenge, scope });
            back.query_pairs_mut().append_pair("code", &code);
        }
        back.query_pairs_mut().append_pair("state", &asked["state"]);
        Answer::to(back.as_str())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let request = http::read(stream)?;
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let answer = match (request.method.as_str(), path) {
        ("GET", "/.well-known/oauth-authorization-server") => Some(lock(state).document()),
        ("GET", "/org/oauth/v2/authorize") => Some(lock(state).authorize(query)),
        ("POST", "/org/oauth/v2/token" | "/oauth/tokens") => at_token(state, &request),
        _ => Some(Answer::page(404)),
    };
    answer.map_or(Ok(()), |answer| http::write(stream, &answer))
}

/// The token endpoint with its delay and its troubles.
fn at_token(state: &Mutex<State>, request: &Request) -> Option<Answer> {
    let delay = lock(state).delay;
    thread::sleep(delay);
    let mut state = lock(state);
    let trouble = state.troubles.pop_front();
    let (grant, answer) = match trouble {
        Some(Trouble::Status(status, 0)) => (String::new(), Answer::page(status)),
        Some(Trouble::Status(status, after)) => {
            (String::new(), Answer::page(status).with("Retry-After", &after.to_string()))
        }
        Some(Trouble::Error(status, error)) => (String::new(), token::error(status, error)),
        Some(Trouble::Echo(status)) => (String::new(), token::repeated(status, request)),
        Some(Trouble::LostAnswer) | None => state.token(request),
    };
    let content_type = request.header("content-type").unwrap_or_default().to_owned();
    state.seen.push(Seen { grant, content_type, status: answer.status });
    (trouble != Some(Trouble::LostAnswer)).then_some(answer)
}
