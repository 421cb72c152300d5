//! What a browser looks like to a page: its size, its language, its colours.

use serde_json::{Value, json};

/// Narrower than this is a phone: touched, two pixels a point.
const PHONE: u32 = 600;

/// A window, in points of CSS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub width: u32,
    pub height: u32,
    /// As the settings of a browser list them: `fr-CA,fr,en`.
    pub languages: &'static str,
    pub dark: bool,
    /// Whether pages may run scripts.
    pub script: bool,
}

impl Window {
    /// Light, in English.
    pub(crate) const DESKTOP: Self = Self::of(1280, 800);
    /// The same, of a usual phone.
    pub(crate) const PHONE: Self = Self::of(390, 844);
    /// The narrowest that a page has to fit (WCAG 2.2, 1.4.10: 1280 points at 400 %).
    pub(crate) const NARROW: Self = Self::of(320, 640);

    const fn of(width: u32, height: u32) -> Self {
        Self { width, height, languages: "en-US,en", dark: false, script: true }
    }

    pub(crate) const fn speaking(self, languages: &'static str) -> Self {
        Self { languages, ..self }
    }

    pub(crate) const fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    pub(crate) const fn without_script(self) -> Self {
        Self { script: false, ..self }
    }

    /// The commands of the DevTools protocol that make it.
    pub(super) fn commands(self, agent: &str) -> [(&'static str, Value); 5] {
        let phone = self.width < PHONE;
        let scheme = if self.dark { "dark" } else { "light" };
        [
            (
                "Emulation.setDeviceMetricsOverride",
                json!({"width": self.width, "height": self.height, "mobile": phone,
                    "deviceScaleFactor": if phone { 2 } else { 1 }}),
            ),
            ("Emulation.setTouchEmulationEnabled", json!({"enabled": phone})),
            (
                "Emulation.setUserAgentOverride",
                json!({"userAgent": agent, "acceptLanguage": self.languages}),
            ),
            (
                "Emulation.setEmulatedMedia",
                json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
            ),
            ("Emulation.setScriptExecutionDisabled", json!({"value": !self.script})),
        ]
    }
}
