//! The configuration as it is shown.

use super::*;

/// Every value of the configuration that is a secret is this.
const HUSH: &str = "hush-hush-hush-hush-hush-hush-hush-hush";

fn shown(text: &str, pairs: &[(&str, &str)]) -> String {
    load_text(text, pairs).shown.to_string()
}

#[test]
fn every_value_is_shown_with_where_it_comes_from() {
    let text = "[server]\nlisten = '127.0.0.1:1'\ntls = { cert = '/c', key = '/k' }\n\
                [webhook]\nsecrets = [{ file = 'Cargo.toml' }]\n\
                [[route]]\nto = ['a']\nwhen = { tag = 'x' }\n\
                [destination.a]\ntype = 'folder'\npath = 'p'";
    let pairs =
        [("APERTUR_BRIDGE__SERVER__WORKERS", "3"), ("APERTUR_BRIDGE__WEBHOOK__SECRETS", "[\"a\"]")];
    let shown = shown(text, &pairs);
    for line in [
        "data_dir = \"/var/lib/apertur-bridge\"  # default\n",
        "\n[server]\nlisten = \"127.0.0.1:1\"  # /etc/bridge/config.toml:2\n",
        "tls = { cert = \"/c\", key = \"/k\" }  # /etc/bridge/config.toml:3\n",
        "workers = 3  # APERTUR_BRIDGE__SERVER__WORKERS\n",
        "secrets = [\"(hidden)\"]  # APERTUR_BRIDGE__WEBHOOK__SECRETS\n",
        "\n[retry]\nfirst_delay = \"5s\"  # default\n",
        "\n[destination.a]\ntype = \"folder\"  # /etc/bridge/config.toml:10\n",
        "route = [{ to = [\"a\"], when = { tag = \"x\" } }]  # /etc/bridge/config.toml:6\n",
    ] {
        assert!(shown.contains(line), "{line:?} is not in\n{shown}");
    }
    let parsed: toml::Table = shown.parse().unwrap();
    assert_eq!(parsed["destination"]["a"]["path"].as_str(), Some("p"));
    assert!(!shown.contains("public_url"), "nothing that is not set: {shown}");
}

#[test]
fn where_a_secret_is_kept_is_shown_but_never_the_secret() {
    let text = format!(
        "[apertur]\napi_key = '{HUSH}'\nsigning_secret = {{ env = 'SIGNING' }}\n\
         [collect]\npassword = '{HUSH}'\nkey = '{HUSH}'\n\
         [destination.erp]\ntype = 'odoo'\nurl = 'https://erp'\ndatabase = 'd'\nusername = 'u'\n\
         password = '{HUSH}'\n\
         [destination.hook]\ntype = 'webhook'\nurl = 'https://h.example/?key={HUSH}'\n\
         secret = '{HUSH}'\nheaders = {{ Authorization = '{HUSH}' }}\n\
         [destination.f]\ntype = 'ftp'\nhost = 'h'\nusername = 'u'\npassword = '{HUSH}'\n\
         [destination.z]\ntype = 'azure_blob'\ncontainer_name = 'photos'\naccount_name = 'acme'\n\
         sas_token = 'sv=1&sig={HUSH}'\n\
         [alert]\nwebhook = 'https://chat.example/{HUSH}'\nsecret = '{HUSH}'\n\
         [traces]\nendpoint = 'https://c.example'\nheaders = {{ Authorization = '{HUSH}' }}"
    );
    let pairs = [
        ("SIGNING", HUSH),
        ("APERTUR_BRIDGE__WEBHOOK__SECRETS", HUSH),
        ("APERTUR_BRIDGE__DESTINATION__F__PASSWORD", "[\"hush-hush\"]"),
    ];
    let shown = shown(&text, &pairs);
    assert!(!shown.contains("hush"), "{shown}");
    assert!(shown.contains("signing_secret = { env = \"SIGNING\" }"), "{shown}");
    assert_eq!(shown.matches("(hidden)").count(), 13, "{shown}");
}

#[test]
fn every_key_that_the_reference_shows_as_a_secret_is_hidden() {
    let (lines, types) = reference::described(None);
    let mut secrets = 0;
    for line in lines {
        let reader::Described::Key { path, text, .. } = line else { continue };
        // What opens the key of an SSH server is read together with its passphrase.
        if text.starts_with("{ file =") && !path.ends_with(".private_key") {
            assert_eq!(types.get(&path), Some(&reader::Type::Secret), "{path}");
            secrets += 1;
        }
    }
    assert!(secrets > 20, "{secrets}");
}
