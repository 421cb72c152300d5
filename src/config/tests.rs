//! Whole configurations: `fixtures/config/NAME.toml` gives exactly the findings of
//! `NAME.findings`. A line `#env NAME=VALUE` of a fixture is its environment. With
//! `UPDATE_FIXTURES=1` the texts are written instead of compared.

mod collect;
mod console;
mod drives;
mod freshworks;
mod show;
mod wild;

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use secrecy::ExposeSecret as _;

use super::*;
use crate::destinations::{Settings, ftp, odoo, sftp};

/// Compares a text with the file that holds it, or writes the file.
fn same_as_file(text: &str, file: &str) {
    if env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(file, text).unwrap();
    }
    let kept = fs::read_to_string(file).unwrap_or_default();
    let differing = text.lines().zip(kept.lines()).find(|(text, kept)| text != kept);
    assert!(text == kept, "{file}, to be written with UPDATE_FIXTURES=1: {differing:#?}");
}

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const SECRET: (&str, &str) = ("APERTUR_BRIDGE__WEBHOOK__SECRETS", "s");

/// The file `config.toml` of this folder with this text, and the webhook secret.
fn load_at(folder: &Path, text: &str, pairs: &[(&str, &str)]) -> Loaded {
    let mut env = env(pairs);
    env.entry(SECRET.0.to_owned()).or_insert_with(|| SECRET.1.to_owned());
    load_from(Some((&folder.join("config.toml"), text)), &env)
        .unwrap_or_else(|findings| panic!("{findings}"))
}

fn load_text(text: &str, pairs: &[(&str, &str)]) -> Config {
    load_at(Path::new("/etc/bridge"), text, pairs).config
}

fn refused(text: &str) -> String {
    load_from(Some((Path::new("c.toml"), text)), &env(&[SECRET])).unwrap_err().to_string()
}

#[test]
fn every_fixture_gives_its_findings() {
    let mut seen = 0;
    for entry in fs::read_dir("fixtures/config").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let pairs: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("#env ")?.split_once('=')).collect();
        let name = Path::new(path.file_name().unwrap());
        let said: String = match load_from(Some((name, &text)), &env(&pairs)) {
            Ok(loaded) => {
                let all = loaded.warnings.iter().chain(&loaded.notes);
                all.map(|finding| format!("{finding}\n")).collect()
            }
            Err(findings) => format!("{findings}\n"),
        };
        same_as_file(&said, path.with_extension("findings").to_str().unwrap());
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn nothing_but_a_secret_gives_the_defaults() {
    let loaded = load_from(None, &env(&[SECRET])).unwrap();
    let config = loaded.config;
    assert_eq!(config.data_dir, Path::new("/var/lib/apertur-bridge"));
    assert_eq!(config.spool_dir(), Path::new("/var/lib/apertur-bridge/spool"));
    assert_eq!(config.server.listen, Listen::Tcp(([127, 0, 0, 1], 8787).into()));
    assert_eq!(config.server.console_listen, Some(Listen::Tcp(([127, 0, 0, 1], 8788).into())));
    assert_eq!(config.receive.webhook_path, "/apertur/webhook");
    assert_eq!(config.receive.max_body, 64 << 20);
    assert_eq!(config.receive.secrets.len(), 1);
    assert_eq!(config.receive.max_age, Duration::from_secs(300));
    assert_eq!(config.apertur.base_url.as_str(), "https://api.aptr.ca/");
    assert!(!config.apertur.base_url_is_configured);
    assert!(!config.apertur.download_hosts_is_configured);
    assert_eq!(config.deliver.give_up_after, Duration::from_secs(3 * 24 * 3600));
    let path = "/var/lib/apertur-bridge/journal.db".into();
    assert_eq!(config.journal, crate::journal::Settings::Sqlite { path });
    let [(name, Settings::Folder(folder))] = &config.destinations[..] else {
        panic!("{:?}", config.destinations)
    };
    assert_eq!((name.as_str(), folder.path.as_path()), ("photos", photos()));
    assert_eq!(config.routes.destinations, [(name.clone(), crate::model::Kind::Folder)]);
    assert_eq!(loaded.warnings, []);
    let note = "destination: none is configured: photos are kept in \
                /var/lib/apertur-bridge/photos; write a [destination.NAME] to deliver them";
    assert_eq!(loaded.notes[0].to_string(), note);
}

/// The settings of one Azure destination with these keys.
fn azure(keys: &str) -> crate::destinations::azure_blob::Settings {
    let text = format!("[destination.a]\ntype = 'azure_blob'\ncontainer_name = 'photos'\n{keys}");
    match load_text(&text, &[]).destinations.remove(0).1 {
        Settings::AzureBlob(settings) => settings,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connection_string_says_account_credential_and_address() {
    use crate::destinations::azure_blob::Credential;
    let whole = azure(
        "connection_string = 'DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5;\
         EndpointSuffix=core.chinacloudapi.cn'",
    );
    assert_eq!(whole.account_name, "acme");
    assert_eq!(whole.endpoint.as_str(), "https://acme.blob.core.chinacloudapi.cn/");
    assert!(matches!(whole.credential, Credential::Key(key) if key.expose_secret() == "a2V5"));
    let signed = azure(
        "connection_string = 'BlobEndpoint=https://shop.blob.core.windows.net/;\
         SharedAccessSignature=sv=1&sig=x%3D'",
    );
    assert_eq!(signed.account_name, "shop");
    assert!(
        matches!(signed.credential, Credential::Sas(sas) if sas.expose_secret() == "sv=1&sig=x%3D")
    );
    let plain = azure("account_name = 'acme'\nsas_token = '?sv=1&sig=x'");
    assert_eq!(plain.endpoint.as_str(), "https://acme.blob.core.windows.net/");
    assert!(
        matches!(plain.credential, Credential::Sas(sas) if sas.expose_secret() == "sv=1&sig=x")
    );
}

#[test]
fn a_bucket_is_in_the_path_where_its_host_has_no_certificate() {
    let path_style = |keys: &str| {
        let text = format!(
            "[destination.a]\ntype = 's3'\n{keys}\naccess_key_id = 'a'\nsecret_access_key = 'b'"
        );
        match load_text(&text, &[]).destinations.remove(0).1 {
            Settings::S3(settings) => settings.path_style,
            other => panic!("{other:?}"),
        }
    };
    assert!(!path_style("bucket = 'photos'"));
    assert!(path_style("bucket = 'photos.example.com'"));
    assert!(path_style("bucket = 'photos'\nendpoint = 'https://minio.example.com'"));
    assert!(!path_style("bucket = 'photos'\nendpoint = 'https://s3.example'\npath_style = false"));
}

fn photos() -> &'static Path {
    Path::new("/var/lib/apertur-bridge/photos")
}

#[test]
fn defaults_are_those_of_the_rooms() {
    let config = load_text(
        "[destination.erp]\ntype = 'odoo'\nurl = 'https://erp'\ndatabase = 'd'\nusername = 'u'\n\
         api_key = 'k'\n[destination.a]\ntype = 'folder'\npath = 'p'\n[destination.u]\n\
         type = 'ftp'\nhost = 'h'\nusername = 'u'\npassword = 'p'\n[destination.f]\n\
         type = 'sftp'\nhost = 'h'\nusername = 'u'\npassword = 'p'",
        &[],
    );
    let [
        (_, Settings::Odoo(erp)),
        (_, Settings::Folder(folder)),
        (_, Settings::Ftp(upload)),
        (_, Settings::Sftp(files)),
    ] = &config.destinations[..]
    else {
        panic!("{:?}", config.destinations)
    };
    assert_eq!((upload.port, upload.timeout), (21, ftp::DEFAULT_TIMEOUT));
    assert_eq!(upload.tls, ftp::Tls::Explicit(<_>::default()));
    assert_eq!(upload.concurrency, ftp::DEFAULT_CONCURRENCY);
    assert_eq!((files.port, files.timeout), (22, sftp::DEFAULT_TIMEOUT));
    assert_eq!(files.trust, sftp::Trust::Fingerprints(Vec::new()));
    assert_eq!(files.concurrency, sftp::DEFAULT_CONCURRENCY);
    assert_eq!(erp.models, odoo::DEFAULT_MODELS);
    assert_eq!(erp.timeout, odoo::DEFAULT_TIMEOUT);
    assert_eq!(erp.concurrency, odoo::DEFAULT_CONCURRENCY);
    assert_eq!(erp.default_mode, odoo::DEFAULT_MODE);
    assert_eq!((erp.api, erp.message.clone()), <_>::default());
    assert!(erp.keep_original && erp.is_api_key);
    assert_eq!(folder.key_template, <_>::default());
    assert_eq!(config.collect, <_>::default());
    assert_eq!(config.deliver, <_>::default());
    let hosts = &config.apertur.download_hosts;
    let known = crate::apertur::HostPattern::defaults();
    assert!(known.len() == hosts.len() && known.iter().all(|host| hosts.contains(host)));
}

#[test]
fn the_environment_sets_every_kind_of_key_and_wins() {
    let file = "[server]\nmax_body = '1MB'\n[webhook]\nsecrets = ['a', 'b']\n\
                [destination.shop]\ntype = 'folder'\npath = '/srv/a'";
    let config = load_text(
        file,
        &[
            ("APERTUR_BRIDGE__SERVER__LISTEN", "127.0.0.1:9000"),
            ("APERTUR_BRIDGE__SERVER__MAX_BODY", "1024"),
            ("APERTUR_BRIDGE__SERVER__WORKERS", "3"),
            ("APERTUR_BRIDGE__SERVER__TLS", "{ cert = 'c.pem', key = '/k.pem' }"),
            ("APERTUR_BRIDGE__WEBHOOK__SECRETS", "['x', { env = 'OTHER' }, 'z']"),
            ("OTHER", "y"),
            ("APERTUR_BRIDGE__APERTUR__API_KEY__ENV", "KEY"),
            ("KEY", "aptr_test_1"),
            ("APERTUR_BRIDGE__APERTUR__ALLOW_PRIVATE_DOWNLOADS", "true"),
            ("APERTUR_BRIDGE__APERTUR__DOWNLOAD_HOSTS", "photos.example.com"),
            ("APERTUR_BRIDGE__CONSOLE__LISTEN", "unix:run/a.sock"),
            ("APERTUR_BRIDGE__RETRY", "{ first_delay = '1s', max_delay = '2s' }"),
            ("APERTUR_BRIDGE__DESTINATION__SHOP__PATH", "b"),
            ("APERTUR_BRIDGE__DESTINATION__ERP__TYPE", "odoo"),
            ("APERTUR_BRIDGE__DESTINATION__ERP__BASE_URL", "http://127.0.0.1:8069"),
            ("APERTUR_BRIDGE__DESTINATION__ERP__DATABASE", "16"),
            ("APERTUR_BRIDGE__DESTINATION__ERP__USERNAME", "bridge"),
            ("APERTUR_BRIDGE__DESTINATION__ERP__PASSWORD", "{ env = 'KEY' }"),
            (
                "APERTUR_BRIDGE__ROUTE",
                "[{ to = 'erp' }, { when = { tag = 'vip:*' }, to = ['shop'] }]",
            ),
        ],
    );
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:9000");
    let console = config.server.console_listen.as_ref().unwrap();
    assert_eq!(*console, Listen::Unix("/etc/bridge/run/a.sock".into()));
    assert_eq!(console.to_string(), "unix:/etc/bridge/run/a.sock");
    assert_eq!((config.receive.max_body, config.server.workers), (1024, 3));
    let tls = Tls { cert: "/etc/bridge/c.pem".into(), key: "/k.pem".into() };
    assert_eq!(config.server.tls, Some(tls));
    let secrets: Vec<_> = config.receive.secrets.iter().map(|s| s.expose_secret()).collect();
    assert_eq!(secrets, ["x", "y", "z"]);
    assert_eq!(config.apertur.base_url.as_str(), "https://sandbox.api.aptr.ca/");
    assert!(config.apertur.allow_private_downloads && config.apertur.download_hosts_is_configured);
    assert_eq!(config.deliver.max_delay, Duration::from_secs(2));
    let [(_, Settings::Folder(shop)), (_, Settings::Odoo(erp))] = &config.destinations[..] else {
        panic!("{:?}", config.destinations)
    };
    assert_eq!(shop.path, Path::new("/etc/bridge/b"));
    assert_eq!((erp.url.as_str(), erp.database.as_str()), ("http://127.0.0.1:8069/", "16"));
    assert_eq!((erp.secret.expose_secret(), erp.is_api_key), ("aptr_test_1", false));
    assert_eq!(config.routes.rules.len(), 2);
    assert_eq!(config.routes.rules[1].when.tag, crate::route::Pattern::parse("vip:*").ok());
}

#[test]
fn secrets_come_from_files_and_credentials_and_are_never_shown() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    fs::write(folder.join("hook"), "sec-ret-1\r\n").unwrap();
    fs::write(folder.join("key"), "sec-ret-2\n\n").unwrap();
    fs::set_permissions(folder.join("hook"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(folder.join("key"), fs::Permissions::from_mode(0o644)).unwrap();
    let text = "[webhook]\nsecrets = { file = 'hook' }\n\
                [apertur]\napi_key = { credential = 'key' }\nsigning_secret = { file = 'key' }";
    let loaded = load_at(
        folder,
        text,
        &[("CREDENTIALS_DIRECTORY", folder.to_str().unwrap()), (SECRET.0, "{ file = 'hook' }")],
    );
    let config = &loaded.config;
    assert_eq!(config.receive.secrets[0].expose_secret(), "sec-ret-1");
    assert_eq!(config.apertur.api_key.as_ref().unwrap().expose_secret(), "sec-ret-2");
    let [warning] = &loaded.warnings[..] else { panic!("{:?}", loaded.warnings) };
    assert!(warning.to_string().contains("key can be read by others (mode 644); chmod 600"));
    assert!(!format!("{loaded:?}").contains("sec-ret"));
}

#[test]
fn a_timeout_that_never_comes_is_warned_of() {
    let warned = |text: &str| {
        let text = format!("{text}\n[destination.a]\ntype = 'webdav'\nurl = 'https://a.example'\n");
        let loaded = |more: &str| {
            let text = format!("{text}{more}");
            load_from(Some((Path::new("c.toml"), &text)), &env(&[SECRET])).unwrap().warnings
        };
        // A default is nobody's wish.
        (loaded("").len(), loaded("timeout = '6m'").iter().map(ToString::to_string).collect())
    };
    let (none, told): (usize, Vec<String>) = warned("[retry]\ndeadline = '1m'");
    assert_eq!((none, told.len()), (0, 1), "{told:?}");
    assert!(told[0].contains("destination.a.timeout: is longer than retry.deadline"), "{told:?}");
    assert_eq!(warned("[retry]\ndeadline = '6m'").1, [""; 0]);
}

#[test]
fn commands_beside_the_service_read_its_credentials() {
    let home = tempfile::tempdir().unwrap();
    let found = |pairs, folder: &Path| {
        with_credentials(env(pairs), folder).get(CREDENTIALS_VARIABLE).cloned()
    };
    assert_eq!(found(&[], home.path()).as_deref(), home.path().to_str());
    assert_eq!(found(&[(CREDENTIALS_VARIABLE, "own")], home.path()).as_deref(), Some("own"));
    assert_eq!(found(&[], &home.path().join("no-service")), None);
}

#[test]
fn a_file_with_a_secret_in_it_should_be_closed() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    fs::write(&file, "webhook.secrets = 's'").unwrap();
    for (mode, warnings) in [(0o600, 0), (0o640, 0), (0o644, 1)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(load(Some(&file)).unwrap().warnings.len(), warnings, "{mode:o}");
    }
}

#[test]
fn a_wrong_secret_is_not_shown() {
    for (key, value) in [
        ("webhook.secrets", "{ fil = 'sec-ret' }"),
        ("webhook.secrets", "{ file = 'a', env = 'sec-ret' }"),
        ("webhook.secrets", "[['sec-ret']]"),
        ("apertur.api_key", "'sec-ret and more'"),
        ("apertur.totp_secret", "'sec-ret'"),
        ("apertur.client_certificate", "'sec-ret'"),
        ("apertur.e2e_private_keys", "'sec-ret'"),
        ("journal.url", "'postgres://bridge:sec-ret@db/bridge'"),
        ("apertur.base_url", "'https://u:sec-ret@example.com'"),
        ("apertur.base_url", "'https://example.com?key=sec-ret'"),
    ] {
        let text = format!("{key} = {value}");
        let said =
            load_from(Some((Path::new("c.toml"), &text)), &env(&[])).unwrap_err().to_string();
        assert!(said.contains(key) && !said.contains("sec-ret"), "{said}");
    }
    let said = refused("[webhook]\nsecrets = sec-ret\n");
    assert!(said.starts_with("c.toml:2:11: is not TOML") && !said.contains("sec-ret"), "{said}");
}

#[test]
fn sizes_and_durations_are_what_they_say() {
    for (text, bytes) in [
        ("'1'", 1),
        ("'7 B'", 7),
        ("'2kB'", 2000),
        ("'2KB'", 2000),
        ("'64MB'", 64_000_000),
        ("'1GB'", 1_000_000_000),
        ("'2KiB'", 2048),
        ("'20MiB'", 20 << 20),
        ("'3 GiB'", 3 << 30),
        ("1024", 1024),
    ] {
        assert_eq!(load_text(&format!("server.max_body = {text}"), &[]).receive.max_body, bytes);
    }
    for text in ["''", "'0'", "-1", "'1.5MB'", "'MiB'", "'1TB'", "'99999999999GiB'", "1e400"] {
        assert!(refused(&format!("server.max_body = {text}")).contains("is not a size"), "{text}");
    }
    for (text, seconds) in [("30s", 30), ("5m", 300), ("1h 30m", 5400), ("7d", 604_800)] {
        let config = load_text(&format!("server.drain_timeout = '{text}'"), &[]);
        assert_eq!(config.server.drain, Duration::from_secs(seconds));
    }
}

#[test]
fn two_listeners_need_two_places() {
    let with = |place: &str| format!("server.listen = {place:?}\nconsole.listen = {place:?}\n");
    for place in ["127.0.0.1:0", "systemd"] {
        let server = load_text(&with(place), &[]).server;
        assert_eq!(server.console_listen, Some(server.listen));
    }
    for place in ["127.0.0.1:8787", "unix:/run/a.sock"] {
        assert!(refused(&with(place)).contains("is the place of server.listen"), "{place}");
    }
}

#[test]
fn a_secret_may_be_missing_where_photos_are_polled_for() {
    let load = |text: &str| load_from(Some((Path::new("c.toml"), text)), &env(&[]));
    let config = load("apertur = { poll = true, api_key = 'aptr_test_x' }").unwrap().config;
    assert!(config.apertur.poll && config.receive.secrets.is_empty());
    for text in ["", "apertur.poll = false", "[webhook]\nmax_age = '1m'"] {
        let said = load(text).unwrap_err().to_string();
        assert!(said.contains("webhook.secrets: is missing; write for example secrets"), "{said}");
    }
    let said = load("apertur.poll = true").unwrap_err().to_string();
    assert!(said.contains("apertur.poll: needs an API key; set apertur.api_key"), "{said}");
    let said = load("apertur = { poll = true, api_key = 'k' }\nwebhook.secrets = ''").unwrap_err();
    assert!(said.to_string().contains("webhook.secrets"), "{said}");
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let said = load(Some(Path::new("/nowhere/config.toml"))).unwrap_err().to_string();
    assert_eq!(
        said,
        "/nowhere/config.toml: cannot be read: No such file or directory (os error 2); \
         name another file with --config or APERTUR_BRIDGE_CONFIG\n1 error in the configuration"
    );
}

#[test]
fn the_example_is_the_one_in_the_repository_and_loads() {
    let example = example();
    same_as_file(&example, "config/example.toml");
    assert!(load_text(&example, &[]).destinations.len() == 1);
}

/// The example with every commented key in force.
fn in_force(example: &str) -> String {
    let in_force = |line: &str| match line.strip_prefix('#') {
        Some(key) if !key.starts_with(' ') => key.to_owned(),
        _ => line.to_owned(),
    };
    example.lines().map(in_force).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_shows_defaults_that_are_the_defaults() {
    let without_examples: String = example()
        .split("\n\n")
        .filter(|table| !table.contains("#["))
        .flat_map(str::lines)
        .filter(|line| {
            !["/etc/", "https://", "\"11111111-"].iter().any(|example| line.contains(example))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let explicit = in_force(&without_examples);
    assert!(explicit.contains("\nmax_delay = \"1h\""), "{explicit}");
    let mut config = load_text(&explicit, &[]);
    assert!(config.apertur.download_hosts_is_configured);
    config.apertur.download_hosts_is_configured = false;
    let bare = load_text("", &[]);
    // The same values, from elsewhere.
    let values = |config: &mut Config| {
        std::mem::take(&mut config.shown)
            .iter()
            .map(|key| (format!("{}.{}", key.table, key.name), key.value.clone()))
            .collect::<BTreeMap<_, _>>()
    };
    let mut bare = bare;
    let written = values(&mut config);
    for (path, value) in values(&mut bare) {
        assert_eq!(written.get(&path), Some(&value), "{path}");
    }
    assert_eq!(format!("{config:?}"), format!("{bare:?}"));
}

#[test]
fn the_example_loads_with_every_key_in_force() {
    let home = tempfile::tempdir().unwrap();
    let secrets = home.path().to_str().unwrap();
    let text = in_force(&example()).replace("/etc/apertur-bridge", secrets);
    for (_, name) in text.lines().filter_map(|line| line.split_once(&format!("{secrets}/"))) {
        let name = name.split('"').next().unwrap();
        fs::write(home.path().join(name), "s").unwrap();
    }
    fs::write(home.path().join("e2e.pem"), e2e_key()).unwrap();
    for (name, file) in [("sftp-key", "example-sftp-key"), ("ca.pem", "example-ca.pem")] {
        fs::copy(Path::new("fixtures/config").join(file), home.path().join(name)).unwrap();
    }
    fs::write(home.path().join("gcs-key.json"), r#"{"type": "authorized_user"}"#).unwrap();
    let client = Path::new("fixtures/config/example-client.pem");
    fs::copy(client, home.path().join("apertur-client.pem")).unwrap();
    fs::write(home.path().join("apertur-totp-secret"), "GEZDGNBVGY3TQOJQ").unwrap();
    fs::write(home.path().join("azure-sas"), "sv=1&sig=s").unwrap();
    fs::write(home.path().join("collect-password"), "open sesame").unwrap();
    fs::write(home.path().join("collect-key"), "k".repeat(32)).unwrap();
    fs::write(home.path().join("console-password"), "open sesame").unwrap();
    fs::write(home.path().join("token"), "t".repeat(32)).unwrap();
    let config = load_at(home.path(), &text, &[]).config;
    assert_eq!(config.destinations.len(), crate::model::Kind::ALL.len());
    assert_eq!(config.routes.rules.len(), 1);
    assert_eq!(config.apertur.e2e_private_keys.len(), 1);
}

fn e2e_key() -> String {
    let vectors = include_str!("../../fixtures/contracts/vectors.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let key = vectors["envelope"]["rsa_pkcs8_der_b64"].as_str().unwrap();
    format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n")
}
