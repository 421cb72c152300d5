//! Keeps our secrets out of what the other side says, in the forms in which it may repeat them.
//! Knows texts only; which secrets went out with a call is the affair of who made it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;
use url::{Url, form_urlencoded};

/// What stands in a secret's place.
const HIDDEN: &str = "…";

/// Shorter ones are not looked for, in bytes: they would be found in every other word, and no
/// system gives such.
const SHORTEST: usize = 6;

/// Secrets that went out with a call. Shows none of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets(Vec<SecretString>);

impl Secrets {
    /// With one more.
    pub(super) fn and(mut self, secret: &str) -> Self {
        if secret.len() >= SHORTEST {
            self.0.extend(forms(secret).into_iter().map(SecretString::from));
        }
        self
    }

    /// With a user's password, also as the two go out in a header.
    pub(super) fn and_basic(self, user: &str, password: &str) -> Self {
        self.and(password).and(&STANDARD.encode(format!("{user}:{password}")))
    }

    /// With what stands behind the `?` of an address: the whole and each value, as it is written
    /// there and as it is meant.
    pub(super) fn and_query(self, query: &str) -> Self {
        let values = query.split('&').filter_map(|pair| Some(pair.split_once('=')?.1));
        let written = values.fold(self.and(query), Self::and);
        let meant = form_urlencoded::parse(query.as_bytes());
        meant.fold(written, |secrets, (_, value)| secrets.and(&value))
    }

    /// With an address that lets in whoever knows it: by its query or by its last part.
    pub(super) fn and_address(self, url: &Url) -> Self {
        let last = url.path().rsplit('/').next().unwrap_or_default();
        let known = self.and(url.as_str()).and(url.path()).and(last);
        known.and_query(url.query().unwrap_or_default())
    }

    /// The text without them. Cut it afterwards: half a secret would not be known again.
    pub(super) fn out_of(&self, text: &str) -> String {
        let mut secrets: Vec<_> = self.0.iter().map(|secret| secret.expose_secret()).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
    }

    /// The body of an answer without them, before it is read; in JSON whatever it escapes.
    pub(super) fn out_of_body(&self, body: &[u8]) -> Bytes {
        match serde_json::from_slice(body) {
            Ok(json) => self.out_of_json(json).to_string().into(),
            Err(_) => self.out_of(&String::from_utf8_lossy(body)).into(),
        }
    }

    fn out_of_json(&self, json: Json) -> Json {
        match json {
            Json::String(text) => self.out_of(&text).into(),
            Json::Array(items) => items.into_iter().map(|item| self.out_of_json(item)).collect(),
            Json::Object(members) => {
                let clean =
                    |(name, value): (String, _)| (self.out_of(&name), self.out_of_json(value));
                Json::Object(members.into_iter().map(clean).collect())
            }
            other => other,
        }
    }
}

/// A secret as it is, and as it stands in an address, a form, JSON or XML that is repeated.
fn forms(secret: &str) -> Vec<String> {
    let in_form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let in_json = Json::from(secret).to_string();
    let in_json = in_json.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let in_json = in_json.unwrap_or(secret);
    let mut forms = vec![
        secret.to_owned(),
        in_form.replace('+', "%20"),
        in_form,
        in_json.to_owned(),
        // As some write a slash in JSON.
        in_json.replace('/', "\\/"),
        secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
    ];
    forms.sort_unstable();
    forms.dedup();
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_leave_a_text_also_as_basic_credentials_and_the_longest_first() {
        let secrets = Secrets::default().and("code").and("secret").and("secret-2");
        let secrets = secrets.and_basic("key", "X");
        let text = "code: bad secret-2, secret or Basic a2V5Olg= of acme";
        assert_eq!(secrets.out_of(text), "code: bad …, … or Basic … of acme");
        assert!(!format!("{secrets:?}").contains("secret-2"));
    }

    #[test]
    fn a_secret_is_known_in_every_form_that_a_repeated_request_may_have() {
        let secret = "a/b c+d\"<é>";
        let secrets = Secrets::default().and(secret);
        let json = Json::from(secret).to_string();
        for form in [
            secret,
            "a%2Fb+c%2Bd%22%3C%C3%A9%3E",
            "a%2Fb%20c%2Bd%22%3C%C3%A9%3E",
            json.trim_matches('"'),
            "a\\/b c+d\\\"<é>",
            "a/b c+d\"&lt;é&gt;",
        ] {
            assert_eq!(secrets.out_of(&format!("x={form};")), "x=…;", "{form}");
        }
    }

    #[test]
    fn json_hides_no_secret_by_its_escapes_and_stays_json() {
        let secrets = Secrets::default().and("a/b+c\u{e9}f").and("name-of-it");
        let body = br#"{"name-of-it": [1, "x a\u002Fb\u002bc\u00E9f y"], "plain": null}"#;
        assert_eq!(secrets.out_of_body(body), r#"{"plain":null,"…":[1,"x … y"]}"#);
        assert_eq!(secrets.out_of_body(b"<b>a/b+c\xc3\xa9f</b>\xff"), "<b>…</b>\u{fffd}");
    }

    #[test]
    fn an_address_that_opens_a_door_is_known_whole_and_by_its_parts() {
        let address = "https://up.example.com/up/fe6987415ace?tempauth=ey%2BJ0.x&n=1";
        let secrets = Secrets::default().and_address(&address.parse().unwrap());
        let text = format!("{address} /up/fe6987415ace fe6987415ace ey+J0.x ey%2BJ0.x n=1");
        assert_eq!(secrets.out_of(&text), "… … … … … n=1");
    }
}
