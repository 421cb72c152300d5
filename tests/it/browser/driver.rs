//! The WebDriver protocol, as far as chromedriver is asked here (<https://w3.org/TR/webdriver2>):
//! one session, its commands as they come, one after the other.
//!
//! No crate does this for us: `thirtyfour` adds a `String + Key`, after which `String + &String`
//! compiles nowhere in these tests, and `fantoccini` brings 25 crates and no DevTools protocol.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::runtime::{self, Runtime};

/// Longest wait for an answer; scripts and loading pages end before that.
const PATIENCE: Duration = Duration::from_secs(120);

/// The name under which an element's id stands in an answer.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session.
pub(super) struct Driver {
    runtime: Runtime,
    client: Client,
    /// `http://127.0.0.1:PORT/session/ID`
    session: String,
}

impl Driver {
    /// Has the chromedriver at `origin` start a browser.
    ///
    /// # Panics
    /// When it does not, with its words.
    pub(super) fn start(origin: &str, capabilities: &Value) -> Self {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let mut driver = Self { runtime, client, session: format!("{origin}/session") };
        let wanted = json!({"capabilities": {"alwaysMatch": capabilities}});
        let started = driver.ask(&Method::POST, "", Some(&wanted)).unwrap();
        driver.session.push('/');
        driver.session.push_str(started["sessionId"].as_str().unwrap());
        driver
    }

    /// Asks for something, such as `/url`; gives its value, or why there is none.
    pub(super) fn get(&self, what: &str) -> Result<Value, String> {
        self.ask(&Method::GET, what, None)
    }

    /// Has something done, such as `/refresh`.
    pub(super) fn post(&self, what: &str, parameters: &Value) -> Result<Value, String> {
        self.ask(&Method::POST, what, Some(parameters))
    }

    /// The first element of a CSS selector, as the beginning of its commands: `/element/ID`.
    pub(super) fn element(&self, selector: &str) -> Result<String, String> {
        let wanted = json!({"using": "css selector", "value": selector});
        let found = self.post("/element", &wanted)?;
        let id = found[ELEMENT].as_str().ok_or_else(|| format!("no element but {found}"))?;
        Ok(format!("/element/{id}"))
    }

    /// Sends a command of the DevTools protocol.
    pub(super) fn devtools(&self, method: &str, parameters: &Value) -> Result<Value, String> {
        self.post("/goog/cdp/execute", &json!({"cmd": method, "params": parameters}))
    }

    /// What a log (`browser`, `performance`) says since it was asked last.
    pub(super) fn log(&self, name: &str) -> Result<Vec<Value>, String> {
        let log = self.post("/se/log", &json!({"type": name}))?;
        serde_json::from_value(log).map_err(|error| error.to_string())
    }

    /// Ends the browser.
    pub(super) fn quit(&self) -> Result<Value, String> {
        self.ask(&Method::DELETE, "", None)
    }

    fn ask(&self, method: &Method, what: &str, body: Option<&Value>) -> Result<Value, String> {
        let mut request = self.client.request(method.clone(), format!("{}{what}", self.session));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answered = async { request.send().await?.json::<Value>().await };
        let mut answer = self.runtime.block_on(answered).map_err(|error| error.to_string())?;
        let value = answer["value"].take();
        match value["error"].as_str() {
            Some(kind) if value["stacktrace"].is_string() => {
                Err(format!("{kind}: {}", value["message"].as_str().unwrap_or_default()))
            }
            _ => Ok(value),
        }
    }
}
