//! Google Drive, Dropbox and OneDrive as configured.

use super::load_text;
use crate::destinations::{
    Settings, drive, dropbox, google_drive,
    key::KeyTemplate,
    oauth::{self, Client, Endpoints, Style},
    onedrive,
};

/// Where people log in and where tokens are given.
fn addresses(client: &Client) -> [String; 2] {
    assert_eq!(client.style, Style::Form);
    assert_eq!(client.redirect.as_str(), oauth::DEFAULT_REDIRECT);
    let Endpoints::Fixed(addresses) = &client.endpoints else { panic!("{client:?}") };
    [addresses.authorize.as_ref().unwrap().to_string(), addresses.token.to_string()]
}

#[test]
fn defaults_of_drives_are_those_of_their_rooms_and_ask_for_the_least() {
    let client = "client_id = 'i'\nclient_secret = 'c'\n";
    let text = ["google_drive", "dropbox", "onedrive"]
        .map(|kind| format!("[destination.{}]\ntype = '{kind}'\n{client}", kind.replace('_', "-")));
    let config = load_text(&text.concat(), &[]);
    let [
        (_, Settings::GoogleDrive(google)),
        (_, Settings::Dropbox(dropbox)),
        (_, Settings::Onedrive(onedrive)),
    ] = &config.destinations[..]
    else {
        panic!("{:?}", config.destinations)
    };
    for (template, timeout, concurrency) in [
        (&google.key_template, google.timeout, google.concurrency),
        (&dropbox.key_template, dropbox.timeout, dropbox.concurrency),
        (&onedrive.key_template, onedrive.timeout, onedrive.concurrency),
    ] {
        assert_eq!(*template, KeyTemplate::default());
        assert_eq!(timeout, drive::DEFAULT_TIMEOUT);
        assert_eq!(concurrency, drive::DEFAULT_CONCURRENCY);
    }
    assert_eq!(google.login.scopes, [google_drive::SCOPE]);
    let authorize = format!("{}?access_type=offline&prompt=consent", google_drive::AUTHORIZE_URL);
    assert_eq!(addresses(&google.login), [authorize.as_str(), google_drive::TOKEN_URL]);
    assert_eq!((google.folder.to_string().as_str(), &google.folder_id), ("Apertur", &None));
    assert_eq!(dropbox.login.scopes, dropbox::SCOPES);
    let authorize = format!("{}?token_access_type=offline", dropbox::AUTHORIZE_URL);
    assert_eq!(addresses(&dropbox.login), [authorize.as_str(), dropbox::TOKEN_URL]);
    assert_eq!(dropbox.content_url.as_str(), "https://content.dropboxapi.com/");
    assert_eq!(onedrive.login.scopes, onedrive::SCOPES);
    let of_all = "https://login.microsoftonline.com/common/oauth2/v2.0/";
    assert_eq!(
        addresses(&onedrive.login),
        ["authorize", "token"].map(|what| format!("{of_all}{what}"))
    );
    assert_eq!(onedrive.folder, None);
}

#[test]
fn what_is_wider_is_asked_for_only_where_it_is_configured() {
    let client = "client_id = 'i'\nclient_secret = 'c'\nbase_url = 'http://10.0.0.9:8'\n";
    let config = load_text(
        &format!(
            "[destination.g]\ntype = 'google_drive'\nfolder_id = '0A'\n{client}\
             [destination.d]\ntype = 'dropbox'\n{client}\
             [destination.o]\ntype = 'onedrive'\ntenant = 'acme.example'\nfolder = 'A/B'\n{client}\
             authorize_url = 'http://10.0.0.9:9/a'\n"
        ),
        &[],
    );
    let [
        (_, Settings::GoogleDrive(google)),
        (_, Settings::Dropbox(dropbox)),
        (_, Settings::Onedrive(onedrive)),
    ] = &config.destinations[..]
    else {
        panic!("{:?}", config.destinations)
    };
    assert_eq!(google.login.scopes, [google_drive::WIDE_SCOPE]);
    assert_eq!(google.base_url.as_str(), "http://10.0.0.9:8/");
    assert_eq!(dropbox.api_url, dropbox.content_url);
    assert_eq!(onedrive.login.scopes, onedrive::WIDE_SCOPES);
    let token = "https://login.microsoftonline.com/acme.example/oauth2/v2.0/token";
    assert_eq!(addresses(&onedrive.login), ["http://10.0.0.9:9/a", token]);
}
