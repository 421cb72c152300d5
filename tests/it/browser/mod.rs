//! Pages in a real browser: headless Chromium, driven through chromedriver, both from Debian's
//! packages. Each [`Browser`] is a new one with an empty profile, can reach nothing but this
//! machine, and is gone with all its processes when dropped. `page` is what a test sees of a page.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod collecting;
mod driver;
mod looking;
mod operating;
mod page;
mod replaying;
mod selftest;
mod window;

use std::process::Command;

use serde_json::{Value, json};

use self::driver::Driver;
pub(crate) use self::window::Window;
use crate::servers::{Place, Server, program};

/// Where Debian's packages `chromium` and `chromium-driver` put them.
const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMEDRIVER: &str = "/usr/bin/chromedriver";

/// Nothing that asks somebody outside, needs a graphics card, or a sandbox that root cannot have.
const ARGUMENTS: [&str; 14] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--no-default-browser-check",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// A key as the WebDriver protocol writes it.
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";

/// A running browser with one tab.
pub(crate) struct Browser {
    driver: Driver,
    /// chromedriver, from which the browser's processes come.
    server: Server,
    /// What it calls itself.
    agent: String,
}

impl Browser {
    /// Starts a browser whose tab is such a window.
    ///
    /// # Panics
    /// When `chromium` or `chromium-driver` are not installed or do not start.
    pub(crate) fn open(window: Window) -> Self {
        let server = Server::start(chromedriver);
        let driver = Driver::start(&format!("http://{}", server.address()), &capabilities());
        let mut browser = Self { driver, server, agent: String::new() };
        let version = browser.tell("Browser.getVersion", &json!({}));
        version["userAgent"].as_str().unwrap().clone_into(&mut browser.agent);
        browser.become_window(window);
        browser
    }

    /// Makes its tab another window, for the pages that it opens from now on.
    pub(crate) fn become_window(&self, window: Window) {
        for (method, parameters) in window.commands(&self.agent) {
            self.tell(method, &parameters);
        }
    }

    /// Goes to an address and waits until its page is loaded.
    pub(crate) fn go(&self, url: &str) {
        self.driver.post("/url", &json!({ "url": url })).unwrap();
    }

    pub(crate) fn reload(&self) {
        self.driver.post("/refresh", &json!({})).unwrap();
    }

    /// The address that it shows.
    pub(crate) fn address(&self) -> String {
        self.driver.get("/url").unwrap().as_str().unwrap().to_owned()
    }

    /// Clicks (taps on a phone) in the middle of the first element of a CSS selector. Where this
    /// leads to another page, wait for something of it.
    ///
    /// # Panics
    /// When there is none, or something else lies over it.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.driver.element(selector);
        let clicked =
            element.and_then(|element| self.driver.post(&format!("{element}/click"), &json!({})));
        clicked.unwrap_or_else(|error| panic!("{selector} cannot be clicked: {error}"));
    }

    /// Types into a field, in place of what was there.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        let field = self.driver.element(selector).unwrap();
        self.driver.post(&format!("{field}/clear"), &json!({})).unwrap();
        self.driver.post(&format!("{field}/value"), &json!({ "text": text })).unwrap();
    }

    /// Presses a key where the focus is; where this leads to another page, as with a click.
    pub(crate) fn press(&self, key: &str) {
        let [down, up] = ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key}));
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": [down, up]});
        self.driver.post("/actions", &json!({ "actions": [keyboard] })).unwrap();
    }

    /// Lets the pages of an origin read and write what was copied.
    pub(crate) fn allow_clipboard(&self, origin: &str) {
        let permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"];
        let granted = json!({"permissions": permissions, "origin": origin});
        self.tell("Browser.grantPermissions", &granted);
    }

    /// Runs a script in the page, whatever the page allows, and gives what it returns; what it
    /// promises only where the window lets pages run scripts.
    pub(crate) fn run(&self, script: &str) -> Value {
        let run = self.driver.post("/execute/sync", &json!({"script": script, "args": []}));
        run.unwrap_or_else(|error| panic!("the script fails: {error}"))
    }

    /// Sends a command of the DevTools protocol.
    fn tell(&self, method: &str, parameters: &Value) -> Value {
        let told = self.driver.devtools(method, parameters);
        told.unwrap_or_else(|error| panic!("{method} {parameters}: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends by itself when it is asked to; whatever is left is killed.
        drop(self.driver.quit());
        self.server.kill9();
    }
}

fn chromedriver(place: &Place) -> Command {
    let mut command = program(CHROMEDRIVER);
    command.arg(format!("--port={}", place.port));
    // Nothing of whoever runs the tests is read or changed; it makes a new profile at TMPDIR.
    for name in ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
        command.env(name, &place.home);
    }
    command
}

fn capabilities() -> Value {
    json!({
        "browserName": "chrome",
        "goog:chromeOptions": {"binary": CHROMIUM, "args": ARGUMENTS},
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    })
}
