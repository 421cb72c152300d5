//! `type = "onedrive"`.

use url::Url;

use super::{
    super::{
        section::Section,
        values::{Wrong, text},
    },
    drive::{self, Server},
};
use crate::destinations::onedrive::{
    DEFAULT_BASE_URL, DEFAULT_TENANT, LOGIN_URL, SCOPES, Settings, WIDE_SCOPES,
};

/// Reads the keys.
pub(super) fn read(s: &mut Section<'_>) -> Option<Settings> {
    let has_folder = s.has("folder");
    let tenant = s
        .key(
            "tenant",
            "whose accounts log in: a tenant's id or domain, \"organizations\", \"consumers\" or\n\
             \"common\" for all",
        )
        .or(DEFAULT_TENANT, text(tenant));
    let of_tenant = |what: &str| {
        let tenant = tenant.as_deref().unwrap_or(DEFAULT_TENANT);
        format!("{LOGIN_URL}/{tenant}/oauth2/v2.0/{what}")
    };
    let server = Server {
        client_id: "00000000-0000-0000-0000-000000000000",
        client_secret: "{ file = \"/etc/apertur-bridge/onedrive-client-secret\" }",
        authorize: &of_tenant("authorize"),
        offline: &[],
        token: &of_tenant("token"),
        scopes: if has_folder { &WIDE_SCOPES } else { &SCOPES },
    };
    let login = drive::login(s, &server);
    let folder = s
        .key(
            "folder",
            "path below the drive's root, made when it is not there; the log-in then asks for all\n\
             files; without it, the app's own folder",
        )
        .alternative("Apertur", text(drive::folder));
    let habits = drive::habits(s, DEFAULT_BASE_URL);
    let folder = if has_folder { Some(folder?) } else { None };
    let (habits, _) = (habits?, tenant?);
    Some(Settings {
        base_url: habits.base_url.or_else(|| Url::parse(DEFAULT_BASE_URL).ok())?,
        login: login?,
        folder,
        key_template: habits.key_template,
        timeout: habits.timeout,
        concurrency: habits.concurrency,
    })
}

/// A tenant's id, domain or general name.
fn tenant(text: &str) -> Result<String, Wrong> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    if !(1..=253).contains(&text.len()) || !text.bytes().all(fits) || text.contains("..") {
        let fix = "write the tenant's id or domain, or \"common\"";
        return Err(Wrong::new("is no tenant", fix));
    }
    Ok(text.to_owned())
}
