//! Apertur's side: is our key good, and does somebody there post to us?

use url::Url;

use super::Checkup;
use crate::{
    apertur::{ApiError, Hook, Receiver},
    model::{Environment, Finding},
};

/// Looks at it.
pub(super) async fn look(checkup: &Checkup) -> Vec<Finding> {
    let settings = checkup.apertur.settings();
    if settings.api_key.is_none() {
        return vec![Finding::ok("API key", "none is set; photos come by webhook alone")];
    }
    let mut findings = match key(checkup).await {
        Ok(finding) => vec![finding],
        Err(error) => return vec![failed("API key", error)],
    };
    let Some(project) = &settings.project_id else {
        let what = "`apertur.project_id` is not set, so who posts to us was not looked at";
        let fix = "set it: the id in the address of the project in Apertur's dashboard".to_owned();
        findings.push(Finding { fix, ..Finding::ok("webhooks", what) });
        return findings;
    };
    match webhooks(checkup, project).await {
        Ok(more) => findings.extend(more),
        Err(error) => findings.push(failed("webhooks", error)),
    }
    findings
}

fn failed(subject: &str, ApiError { cause, .. }: ApiError) -> Finding {
    let what = if cause.detail.is_empty() {
        cause.what.clone()
    } else {
        format!("{} ({})", cause.what, cause.detail)
    };
    Finding::error(subject, what, cause.fix)
}

async fn key(checkup: &Checkup) -> Result<Finding, ApiError> {
    let page = checkup.apertur.unrepeated().sessions(1, 1).await?;
    let which = match checkup.apertur.environment() {
        Environment::Sandbox => "the sandbox",
        Environment::Live => "the live Apertur",
    };
    let what = format!("accepted by {which}, which has {} session(s) of it", page.total);
    Ok(Finding::ok("API key", what))
}

async fn webhooks(checkup: &Checkup, project: &str) -> Result<Vec<Finding>, ApiError> {
    let apertur = checkup.apertur.unrepeated();
    let hooks = apertur.hooks(project).await?;
    let receivers = apertur.receivers(project).await?;
    let ours = checkup.door.webhook();
    let is_ours = |url: &Url| ours.as_ref() == Some(url);
    let mut findings = Vec::new();
    for hook in &hooks {
        match &hook.url {
            Some(url) if is_ours(url) => findings.push(match hook.disabled {
                Some(_) => off(checkup, project, hook).await?,
                None => working(hook),
            }),
            Some(url) => findings.extend(near(ours.as_ref(), url, "an event webhook")),
            None => {}
        }
    }
    for Receiver { kind, name, url, is_active } in &receivers {
        let whose = format!("the destination {name:?} of type {kind}");
        if !is_ours(url) {
            findings.extend(near(ours.as_ref(), url, &whose));
        } else if *is_active {
            findings.push(Finding::ok("destinations", format!("{whose} posts to us")));
        } else {
            let fix = "switch it on in Apertur's dashboard: the project's destinations";
            findings.push(Finding::error("destinations", format!("{whose} is switched off"), fix));
        }
    }
    if findings.is_empty() {
        findings.push(nobody(checkup, ours.as_ref()));
    }
    Ok(findings)
}

fn working(hook: &Hook) -> Finding {
    let what = format!("an event webhook posts {} to us", hook.topics.join(", "));
    if hook.failures == 0 {
        return Finding::ok("webhooks", what);
    }
    let what =
        format!("{what} and failed {} time(s) in a row; Apertur will switch it off", hook.failures);
    let fix = "see what is said of the public address, and the webhook's deliveries in Apertur's \
               dashboard";
    Finding::warning("webhooks", what, fix)
}

/// One that Apertur switched off because it failed too often, or a person did.
async fn off(checkup: &Checkup, project: &str, hook: &Hook) -> Result<Finding, ApiError> {
    let said = checkup.apertur.unrepeated().last_failure(project, &hook.id).await?;
    let since = hook.disabled.flatten().map_or(String::new(), |at| format!(" since {at:.0}"));
    let failed = match (hook.failures, said) {
        (0, None) => String::new(),
        (failures, None) => format!(" after {failures} failures"),
        (failures, Some(said)) => format!(" after {failures} failures, the last one: {said}"),
    };
    let topics = hook.topics.join(", ");
    let what = format!("the event webhook for {topics} is switched off at Apertur{since}{failed}");
    let fix = "mend what is said of the public address, switch the webhook on in Apertur's \
               dashboard (the project's webhooks), then fetch what was missed: apertur-bridge \
               sessions reconcile";
    Ok(Finding::error("webhooks", what, fix))
}

/// One that leads to our host and to another path.
fn near(ours: Option<&Url>, url: &Url, whose: &str) -> Option<Finding> {
    let ours = ours.filter(|ours| ours.host() == url.host())?;
    let what = format!("{whose} posts to the path {} of our host", url.path());
    let fix = format!("if it is for this bridge, let it post to {ours}");
    Some(Finding::warning("webhooks", what, fix))
}

fn nobody(checkup: &Checkup, ours: Option<&Url>) -> Finding {
    let (Some(ours), false) = (ours, checkup.apertur.settings().poll) else {
        return Finding::ok("webhooks", "no webhook is needed: photos are polled for");
    };
    let what = format!("nothing in this project posts to {ours}: no photo comes by itself");
    let fix = "in Apertur's dashboard make a destination of type odoo or webhook, or an event \
               webhook, with this address";
    Finding::warning("webhooks", what, fix)
}
