//! `type = "freshdesk"` and `type = "freshservice"`.

use url::Url;

use super::{
    super::{
        secret::secret,
        section::Section,
        values::{http_url, name, some_of, text, word},
    },
    desk::{self, Address, System},
};
use crate::destinations::{
    freshworks::{DEFAULT_SCOPES, Login, Product, RequesterRefused, Settings},
    oauth::{Addresses, Client, DEFAULT_REDIRECT, Endpoints, Style},
};

const FRESHDESK: System = System {
    host: "freshdesk.com",
    domain: "the acme of https://acme.freshdesk.com",
    max_attachment: "19MiB",
    writes_per_minute: "20",
};
const FRESHSERVICE: System = System {
    host: "freshservice.com",
    domain: "the acme of https://acme.freshservice.com",
    max_attachment: "38MiB",
    writes_per_minute: "20",
};
/// Where organisations of the vendor's have their log-in.
const ORGANISATION: &str = "myfreshworks.com";
/// The scopes asked for, as [`crate::destinations::freshworks::DEFAULT_SCOPES`] has them.
const SCOPES: &str = "[\"freshservice.tickets.view\", \
                      \"freshservice.tickets.conversations.create\", \
                      \"freshservice.tickets.conversations.view\"]";
const SECRET_FILE: &str = "{ file = \"/etc/apertur-bridge/freshservice-client-secret\" }";

/// Reads the keys of `type = "freshdesk"`.
pub(super) fn freshdesk(s: &mut Section<'_>) -> Option<Settings> {
    const KEY_FILE: &str = "{ file = \"/etc/apertur-bridge/freshdesk-api-key\" }";
    let address = desk::address(s, &FRESHDESK);
    let api_key =
        s.key("api_key", "API key of the agent the bridge works as").required(KEY_FILE, secret);
    rest(s, Product::Freshdesk, address, api_key.map(Login::ApiKey))
}

/// Reads the keys of `type = "freshservice"`.
pub(super) fn freshservice(s: &mut Section<'_>) -> Option<Settings> {
    let address = desk::address(s, &FRESHSERVICE);
    let login = login(s, address.as_ref());
    rest(s, Product::Freshservice, address, login)
}

fn rest(
    s: &mut Section<'_>,
    product: Product,
    address: Option<Address>,
    login: Option<Login>,
) -> Option<Settings> {
    let system = match product {
        Product::Freshdesk => FRESHDESK,
        Product::Freshservice => FRESHSERVICE,
    };
    let habits = desk::habits(s, &system);
    let requester_refused = s
        .key(
            "requester_refused",
            "in \"client\" mode, where the requester is refused as author: a note for agents only\n\
             (\"internal\") or one without author (\"public\")",
        )
        .or(
            "internal",
            word(&[("internal", RequesterRefused::Internal), ("public", RequesterRefused::Public)]),
        );
    let (address, habits) = (address?, habits?);
    Some(Settings {
        product,
        base_url: address.base_url,
        agent_url: address.agent_url,
        login: login?,
        default_mode: habits.default_mode,
        message: habits.message,
        max_attachment: habits.max_attachment,
        writes_per_minute: habits.writes_per_minute,
        requester_refused: requester_refused?,
        timeout: habits.timeout,
        concurrency: habits.concurrency,
    })
}

/// An API key, or an OAuth client.
fn login(s: &mut Section<'_>, address: Option<&Address>) -> Option<Login> {
    const KEY_FILE: &str = "{ file = \"/etc/apertur-bridge/freshservice-api-key\" }";
    const OF_CLIENT: [&str; 7] = [
        "client_id",
        "client_secret",
        "org_domain",
        "authorize_url",
        "token_url",
        "redirect_url",
        "scopes",
    ];
    let (has_key, client) = (s.has("api_key"), OF_CLIENT.into_iter().find(|key| s.has(key)));
    let api_key = s
        .key("api_key", "API key of the agent the bridge works as, or the client_id below")
        .optional(KEY_FILE, secret);
    let oauth = oauth(s, client.is_some(), address);
    match (has_key, client) {
        (false, None) => {
            s.missing("api_key", KEY_FILE);
            None
        }
        (true, Some(client)) => {
            let what = format!("has both api_key and {client}");
            s.wrong(&what, "keep the API key, or the keys of the OAuth client")
        }
        (true, None) => api_key.map(Login::ApiKey),
        (false, Some(_)) => oauth.map(Box::new).map(Login::OAuth),
    }
}

/// The OAuth client, whose keys have to be whole where one of them is there
/// (`fixtures/contracts/freshservice.md` section 7).
fn oauth(s: &mut Section<'_>, is_used: bool, address: Option<&Address>) -> Option<Client> {
    const AUTHORIZE: &str = "https://acme.myfreshworks.com/org/oauth/v2/authorize";
    const TOKEN: &str = "https://acme.myfreshworks.com/org/oauth/v2/token";
    let has = |s: &Section<'_>, key: &str| !is_used || s.has(key);
    let has_urls = s.has("authorize_url") && s.has("token_url");
    let wanted = [
        ("client_id", "fw_ext_1", has(s, "client_id")),
        ("client_secret", SECRET_FILE, has(s, "client_secret")),
        ("org_domain", "acme", has_urls || has(s, "org_domain")),
    ];
    let id = s
        .key("client_id", "id of the OAuth client, instead of api_key; then log in once")
        .alternative("fw_ext_1", text(name));
    let client_secret = s.key("client_secret", "its secret").alternative(SECRET_FILE, secret);
    let org = s
        .key("org_domain", "the acme of https://acme.myfreshworks.com, the organisation's address")
        .alternative("acme", text(|text| desk::domain(text, ORGANISATION)));
    let authorize = s
        .key("authorize_url", "where an administrator agrees, instead of what the account names")
        .alternative(AUTHORIZE, http_url(AUTHORIZE));
    let token = s
        .key("token_url", "where tokens are given, instead of what the account names")
        .alternative(TOKEN, http_url(TOKEN));
    let redirect = s
        .key("redirect_url", "where the browser is sent afterwards, as registered")
        .alternative(DEFAULT_REDIRECT, http_url(DEFAULT_REDIRECT));
    let has_scopes = s.has("scopes");
    let scopes =
        s.key("scopes", "what the log-in asks for").alternative(SCOPES, some_of(text(name)));
    for (key, example, _) in wanted.iter().filter(|(.., is_there)| !is_there) {
        s.missing(key, example);
    }
    let default = || DEFAULT_SCOPES.map(str::to_owned).to_vec();
    Some(Client {
        id: id?,
        secret: client_secret?,
        scopes: if has_scopes { scopes? } else { default() },
        endpoints: endpoints(address?, org.as_ref(), authorize, token)?,
        style: Style::BasicForm,
        redirect: redirect.or_else(|| Url::parse(DEFAULT_REDIRECT).ok())?,
    })
}

/// The addresses as configured, else those that the account names, else the organisation's.
fn endpoints(
    address: &Address,
    org: Option<&Url>,
    authorize: Option<Url>,
    token: Option<Url>,
) -> Option<Endpoints> {
    let of_org = |path: &str| org.and_then(|org| org.join(path).ok());
    let is_fixed = authorize.is_some() || token.is_some();
    let addresses = Addresses {
        authorize: Some(authorize.or_else(|| of_org("org/oauth/v2/authorize"))?),
        token: token.or_else(|| of_org("org/oauth/v2/token"))?,
    };
    if is_fixed {
        return Some(Endpoints::Fixed(addresses));
    }
    let mut at = address.base_url.clone();
    let prefix = at.path().trim_end_matches('/').to_owned();
    at.set_path(&format!("{prefix}/.well-known/oauth-authorization-server"));
    Some(Endpoints::Discovered { at, otherwise: addresses })
}
