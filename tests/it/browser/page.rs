//! What a test sees of the page that a browser shows, and what every page of ours holds to.

use std::{fs, io::Cursor, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use png::{Decoder, Transformations};
use serde_json::{Value, json};

use super::Browser;
use crate::look;

/// Longest wait for something to show.
const PATIENCE: Duration = Duration::from_secs(30);

/// Below `target/servers`, where `tests/servers` installs it.
const AXE: &str = "target/servers/node/node_modules/axe-core/axe.min.js";

impl Browser {
    /// The text that the elements of a CSS selector show, each; nothing of what is hidden.
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let shown = "return [...document.querySelectorAll(SELECTOR)] \
            .map(e => e.checkVisibility() ? e.innerText.trim() : '')";
        let texts = self.run(&shown.replace("SELECTOR", &json!(selector).to_string()));
        serde_json::from_value(texts).unwrap()
    }

    /// The text of the only element of a CSS selector.
    pub(crate) fn text(&self, selector: &str) -> String {
        let texts = self.texts(selector);
        let [text] = texts.as_slice() else { panic!("{selector}: {texts:?}") };
        text.clone()
    }

    /// Waits until the page has an element of a CSS selector, also while it gives way to another.
    pub(crate) fn wait_for(&self, selector: &str) {
        look::eventually(PATIENCE, selector, || self.driver.element(selector).ok());
    }

    /// Where the focus is: `#id` of an element, or its tag without one.
    pub(crate) fn focused(&self) -> String {
        let name = self.run(
            "const e = document.activeElement; \
             return e.id ? '#' + e.id : e.tagName.toLowerCase()",
        );
        name.as_str().unwrap().to_owned()
    }

    /// What the QR code in an element says, read from the element's pixels; `None` when a reader
    /// finds none.
    pub(crate) fn qr(&self, selector: &str) -> Option<String> {
        let element = self.driver.element(selector).unwrap();
        let picture = self.driver.get(&format!("{element}/screenshot")).unwrap();
        let (width, luma) = gray(&STANDARD.decode(picture.as_str().unwrap()).unwrap());
        let pixel = |x, y| luma[y * width + x];
        let mut seen =
            rqrr::PreparedImage::prepare_from_greyscale(width, luma.len() / width, pixel);
        seen.detect_grids().first()?.decode().ok().map(|(_, text)| text)
    }

    /// Keeps a picture of the whole page as `target/screenshots/NAME.png`.
    pub(crate) fn screenshot(&self, name: &str) {
        let mut page = self.tell("Page.getLayoutMetrics", &json!({}))["cssContentSize"].take();
        page["scale"] = json!(1);
        let whole = json!({"format": "png", "captureBeyondViewport": true, "clip": page});
        let picture = self.tell("Page.captureScreenshot", &whole);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        fs::create_dir_all(&folder).unwrap();
        let picture = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        fs::write(folder.join(name).with_extension("png"), picture).unwrap();
    }

    /// The addresses that pages asked for since it was asked last and that are not at `origin`.
    pub(crate) fn requests_outside(&self, origin: &str) -> Vec<String> {
        let log = self.driver.log("performance").unwrap();
        let ours = format!("{origin}/");
        let asked = log.iter().filter_map(|entry| {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let what = &event["message"]["params"];
            let url = match event["message"]["method"].as_str()? {
                "Network.requestWillBeSent" => &what["request"]["url"],
                "Network.webSocketCreated" => &what["url"],
                _ => return None,
            };
            url.as_str().map(ToOwned::to_owned)
        });
        asked.filter(|url| !url.starts_with(&ours) && !url.starts_with("data:")).collect()
    }

    /// The warnings and errors that pages had the console say since it was asked last.
    pub(crate) fn console(&self) -> Vec<String> {
        let log = self.driver.log("browser").unwrap();
        let said = |entry: &Value| entry["message"].as_str().unwrap().to_owned();
        let counts = |entry: &&Value| ["WARNING", "SEVERE"].iter().any(|l| entry["level"] == *l);
        log.iter().filter(counts).map(said).collect()
    }

    /// What axe-core finds seriously wrong for people who do not see, point or hear, as
    /// `rule: element`. It needs a page that may run scripts.
    pub(crate) fn barriers(&self) -> Vec<String> {
        let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join(AXE);
        let axe = fs::read_to_string(&axe)
            .unwrap_or_else(|error| panic!("{}: {error}; run tests/servers", axe.display()));
        let found = self.run(&format!(
            "{axe};
            const rules = {{'target-size': {{enabled: true}}}};
            return axe.run(document, {{resultTypes: ['violations'], rules}}).then(found => found
                .violations.filter(rule => ['serious', 'critical'].includes(rule.impact))
                .flatMap(rule => rule.nodes.map(node => `${{rule.id}}: ${{node.html}}`)))"
        ));
        serde_json::from_value(found).unwrap()
    }

    /// How many points the page is wider than the window.
    pub(crate) fn overflow(&self) -> i64 {
        let by = "return document.documentElement.scrollWidth - window.innerWidth";
        // On a phone the window grows with a page that is too wide; the screen does not.
        let phone = "return document.documentElement.scrollWidth - screen.width";
        let touched = self.run("return navigator.maxTouchPoints > 0") == json!(true);
        self.run(if touched { phone } else { by }).as_i64().unwrap().max(0)
    }

    /// Asserts that the page fits its window, keeps nobody out, and that it and those before it
    /// asked nobody but `origin` and had nothing to complain about.
    pub(crate) fn assert_good(&self, origin: &str) {
        let address = self.address();
        assert_eq!(self.overflow(), 0, "{address} is too wide");
        assert_eq!(self.barriers(), Vec::<String>::new(), "{address}");
        assert_eq!(self.requests_outside(origin), Vec::<String>::new(), "{address}");
        assert_eq!(self.console(), Vec::<String>::new(), "{address}");
    }
}

/// The width of a PNG and its luma, row by row.
pub(super) fn gray(picture: &[u8]) -> (usize, Vec<u8>) {
    let mut decoder = Decoder::new(Cursor::new(picture));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let samples = info.color_type.samples();
    let colours = samples.min(3);
    let luma = |pixel: &[u8]| {
        let sum: usize = pixel[..colours].iter().copied().map(usize::from).sum();
        u8::try_from(sum / colours).unwrap()
    };
    let pixels = &pixels[..info.buffer_size()];
    (info.width.try_into().unwrap(), pixels.chunks_exact(samples).map(luma).collect())
}
