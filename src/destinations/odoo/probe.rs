//! The checks: can the server be reached, does it let us in, may photos be written, and does
//! one really arrive whole?

use std::time::Instant;

use serde_json::{Value as Json, json};

use super::{
    Odoo,
    actions::{collect_page, leads_here},
    calls::{NewAttachment, Record, creation, id, strange},
    session::Session,
    settings::Api,
    wire::{self, Call},
};
use crate::model::{Cause, ErrorKind, Failure, Finding, Target};

/// A picture of one pixel, as base64.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGA\
                     hKmMIQAAAABJRU5ErkJggg==";
const FIX_TARGET: &str = "name a record that a test may touch: --target odoo:res.partner:42";

impl Odoo {
    /// What `check --connect`, doctor and console show.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<_> = self.plain_text().into_iter().collect();
        self.forget().await;
        match self.session().await {
            Err(failure) => findings.push(Finding::failed("log in", &failure)),
            Ok(session) => {
                findings.push(self.logged_in(&session));
                findings.extend(supported(&session));
                findings.extend(interface(&session, self.settings().api));
                findings
                    .push(email(&session).await.unwrap_or_else(|f| Finding::failed("e-mail", &f)));
                findings.extend(self.key_life(&session).await);
                findings.extend(self.models(&session).await);
                findings.extend(self.one_call(&session).await);
                findings.extend(self.entries(&session).await);
            }
        }
        findings
    }

    /// Attaches a picture to a record, reads it back, compares and removes it. Posts nothing:
    /// nobody is told.
    pub(super) async fn trial(&self, target: Option<&Target>) -> Vec<Finding> {
        let Some(Target::Odoo { model, id }) = target else {
            let mut findings = self.findings().await;
            findings.push(Finding::warning("test", "nothing was written", FIX_TARGET));
            return findings;
        };
        if !self.settings().models.contains(model) {
            let what = format!("photos may not go to {model}");
            let fix = format!("add \"{model}\" to `destination.{}.models`", self.name().as_str());
            return vec![Finding::error("test", what, fix)];
        }
        let session = match self.session().await {
            Ok(session) => session,
            Err(failure) => return vec![Finding::failed("log in", &failure)],
        };
        let record = Record { model: model.clone(), id: *id };
        let mut findings = vec![self.logged_in(&session)];
        let outcome = try_out(&session, &record, &mut findings).await;
        if let Err(failure) = outcome {
            self.forget().await;
            findings.push(Finding::failed("test", &failure));
        }
        findings
    }

    fn plain_text(&self) -> Option<Finding> {
        let url = &self.settings().url;
        let host = url.host_str().unwrap_or_default();
        let is_near = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        (url.scheme() == "http" && !is_near).then(|| {
            Finding::warning(
                "transport",
                "the address is plain http: key and photos travel readable",
                "use the https address of Odoo",
            )
        })
    }

    fn logged_in(&self, session: &Session) -> Finding {
        let speaks = match session.api {
            wire::Api::Xmlrpc { .. } => "XML-RPC",
            wire::Api::Json2 => "JSON-2",
        };
        let (version, uid) = (&session.version.text, session.uid);
        Finding::ok(
            "log in",
            format!("Odoo {version} at {}, user {uid}, over {speaks}", self.settings().place()),
        )
    }

    async fn models(&self, session: &Session) -> Vec<Finding> {
        let mut findings = Vec::new();
        let (mut good, mut missing) = (Vec::new(), Vec::new());
        for name in &self.settings().models {
            match model(session, name).await {
                Ok(None) => good.push(name.as_str()),
                Ok(Some(finding)) => findings.push(finding),
                Err(Failure::Refused { .. }) => missing.push(name.as_str()),
                Err(failure) => findings.push(Finding::failed(name, &failure)),
            }
        }
        let summary = if good.is_empty() {
            Finding::error(
                "models",
                "none of the models in `models` can take a photo",
                "install their apps in Odoo, give the user write access, or name other models",
            )
        } else {
            let missing = match missing.as_slice() {
                [] => String::new(),
                names => format!("; not installed: {}", names.join(", ")),
            };
            Finding::ok("models", format!("photos can go to {}{missing}", good.join(", ")))
        };
        findings.push(summary);
        findings
    }

    /// The models to which photos go in one call, if there are any.
    async fn one_call(&self, session: &Session) -> Option<Finding> {
        let mut models = Vec::new();
        for name in &self.settings().models {
            let is_there = session.model(name).await.is_ok_and(|model| model.has_chatter);
            if is_there && matches!(session.shortcut(name).await, Ok(Some(_))) {
                models.push(name.as_str());
            }
        }
        let what = format!("photos go in one call to {}", models.join(", "));
        (!models.is_empty()).then(|| Finding::ok("one call", what))
    }

    /// Where "Collect photos" leads to, if it is there.
    async fn entries(&self, session: &Session) -> Option<Finding> {
        let page = collect_page(self.settings().public_url.as_ref()?);
        let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
        for name in &self.settings().models {
            let Ok(bindings) = session.bindings(name).await else { continue };
            match leads_here(&bindings, &page) {
                Some(true) => here.push(name.as_str()),
                Some(false) => elsewhere.push(name.as_str()),
                None => {}
            }
        }
        const SUBJECT: &str = "collect photos";
        if !elsewhere.is_empty() {
            let what = format!("the entry of {} leads to another address", elsewhere.join(", "));
            let fix = "if `server.public_url` was changed, run `apertur-bridge odoo \
                       install-actions --take-over`";
            return Some(Finding::warning(SUBJECT, what, fix));
        }
        let what = format!("the entry of {} leads to {page}", here.join(", "));
        (!here.is_empty()).then(|| Finding::ok(SUBJECT, what))
    }
}

fn supported(session: &Session) -> Option<Finding> {
    let what = match session.version.major {
        16..=19 => return None,
        ..16 => "is older than 16, the first that the bridge knows",
        20.. => "is newer than 19, the last that the bridge was measured with",
    };
    let what = format!("Odoo {} {what}", session.version.text);
    Some(Finding::warning("version", what, "try a delivery: destinations test --target"))
}

fn interface(session: &Session, api: Api) -> Option<Finding> {
    if session.version.major < 19 || session.api == wire::Api::Json2 {
        return None;
    }
    let fix = match (&session.fallback, api) {
        (Some(cause), _) => return Some(closed(cause)),
        (None, Api::Xmlrpc) => "set `api = \"auto\"` and use an API key, so that JSON-2 is spoken",
        (None, _) => {
            "use an API key (`api_key`) in place of the password, so that JSON-2 is spoken"
        }
    };
    Some(Finding::warning("interface", "Odoo has announced the end of XML-RPC", fix))
}

fn closed(cause: &Cause) -> Finding {
    let what = format!("JSON-2 does not let the bridge in, so XML-RPC is spoken: {}", cause.what);
    Finding::warning("interface", what, cause.fix.clone())
}

/// Odoo 16 to 18 refuse to post for a user without an e-mail address.
async fn email(session: &Session) -> Result<Finding, Failure> {
    let call = Call::reading("res.users", "read", "read the bridge's user")
        .on(session.uid)
        .arg("fields", json!(["email"]));
    let user = session.call(&call).await?;
    let email = user.get(0).and_then(|user| user.get("email")).and_then(Json::as_str);
    let fix = "give the bridge's user an e-mail address in Odoo";
    Ok(match (email.filter(|email| !email.trim().is_empty()), session.version.major) {
        (Some(_), _) => Finding::ok("e-mail", "the user has an e-mail address"),
        (None, ..19) => {
            Finding::error("e-mail", "the user has no e-mail address, so it cannot post", fix)
        }
        (None, 19..) => Finding::warning("e-mail", "the user has no e-mail address", fix),
    })
}

/// `None` where photos can go to the model.
async fn model(session: &Session, name: &str) -> Result<Option<Finding>, Failure> {
    if !session.model(name).await?.has_chatter {
        let fix = "take it out of `models`, or install the app that adds a chatter";
        return Ok(Some(Finding::warning(name, "the model has no chatter", fix)));
    }
    let call = match session.api {
        wire::Api::Xmlrpc { .. } => {
            Call::reading(name, "check_access_rights", "check the write access")
                .arg("operation", "write")
                .named("raise_exception", false)
        }
        wire::Api::Json2 => Call::reading(name, "has_access", "check the write access")
            .named("ids", json!([]))
            .arg("operation", "write"),
    };
    if session.call(&call).await? == json!(true) {
        return Ok(None);
    }
    let fix = "give the bridge's user a group in Odoo that may write there, or take it out of \
               `models`";
    Ok(Some(Finding::warning(name, "the user has no write access", fix)))
}

async fn try_out(
    session: &Session,
    record: &Record,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let start = Instant::now();
    let mut done = |subject: &str, what: &str| {
        findings.push(Finding::ok(subject, format!("{what}, {} ms", start.elapsed().as_millis())));
    };
    if session.record(record, false).await?.is_none() {
        return Err(Failure::Refused {
            cause: Cause::new(
                ErrorKind::NotFound,
                format!("{} {} does not exist or is hidden", record.model, record.id),
                FIX_TARGET,
            ),
        });
    }
    done("record", "the record is there");
    let attachment = write(session, record).await?;
    done("write", &format!("attachment {attachment} made"));
    let back = read(session, attachment).await;
    if back.is_ok() {
        done("read", "read back and compared");
    }
    // Removed whatever the comparison says, so that nothing of the test stays.
    session.remove(attachment).await?;
    done("remove", "attachment removed");
    back
}

async fn write(session: &Session, record: &Record) -> Result<u64, Failure> {
    let new = NewAttachment {
        name: "apertur-bridge-test.png",
        media_type: Some("image/png"),
        description: "apertur-bridge:test",
        keep_original: true,
    };
    let call = creation(session.api, record, &new, PIXEL);
    let made = session.call(&call).await?;
    id(&made).ok_or_else(|| strange(&call))
}

async fn read(session: &Session, attachment: u64) -> Result<(), Failure> {
    let call = Call::reading("ir.attachment", "read", "read the test's attachment")
        .on(attachment)
        .arg("fields", json!(["datas"]));
    let back = session.call(&call).await?;
    if back.get(0).and_then(|row| row.get("datas")).and_then(Json::as_str) == Some(PIXEL) {
        return Ok(());
    }
    Err(Failure::Refused {
        cause: Cause::new(
            ErrorKind::Rejected,
            "the picture came back changed",
            "look for an Odoo module that changes attachments",
        ),
    })
}
