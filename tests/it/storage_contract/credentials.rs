//! Credentials that the configuration does not hold: variables, a profile, the role of a
//! container or an instance for S3, a machine's service account for Google; whole daemons, so
//! that the variables are their own. What gives them out is a fake of its few answers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

use super::{Shore as _, gcs::Emulator};
use crate::{
    daemon::{Daemon, Options},
    fakes::apertur::{self, Photo},
    look,
    servers::{Place, Server, program},
};

const QUICK: &str = "[retry]\nfirst_delay = \"100ms\"\nmax_delay = \"200ms\"\nprobe_every = \"200ms\"\n\
     [log]\nlevel = \"trace\"\n";
/// Two access keys, with their secrets.
const KEYS: [(&str, &str); 2] = [
    ("firstaccesskey", "first-secret-nobody-sees"),
    ("otheraccesskey", "other-secret-nobody-sees"),
];

/// rclone, which checks signatures and knows the keys that a file beside its home names, or both.
fn rclone(place: &Place) -> Command {
    fs::create_dir_all(place.path("photos")).unwrap();
    let mut command = program("python/bin/rclone");
    command.args(["serve", "s3", "--addr", &format!("127.0.0.1:{}", place.port)]);
    let known = fs::read_to_string(place.home.with_file_name("known")).unwrap_or_default();
    for (id, secret) in KEYS.into_iter().filter(|(id, _)| known.is_empty() || known == *id) {
        command.args(["--auth-key", &format!("{id},{secret}")]);
    }
    command.arg("--config").arg(place.home.with_file_name("rclone.conf")).arg(&place.home);
    command
}

/// What gives credentials out: answers every question by its first line and its headers.
struct Source {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Source {
    /// `answers` gets the question and how many there were before it.
    fn start(answers: impl Fn(&str, usize) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let ours = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let question = head(&stream);
                let mut asked = ours.lock().unwrap();
                let (status, body) = answers(&question, asked.len());
                asked.push(question);
                drop(write!(
                    &stream,
                    "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                ));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The head of a request, in small letters.
fn head(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).fold(String::new(), |mut head, line| {
        writeln!(head, "{}", line.to_lowercase()).unwrap();
        head
    })
}

/// The `number`th key for so many seconds.
fn role(number: usize, seconds: i64) -> String {
    let (id, secret) = KEYS[number];
    let until = Timestamp::now() + seconds.seconds();
    json!({"Code": "Success", "AccessKeyId": id, "SecretAccessKey": secret,
           "Token": "a-session-token-nobody-sees", "Expiration": until.to_string()})
    .to_string()
}

fn daemon(section: &str, env: &[(&str, String)]) -> Daemon {
    let mut options = Options::toml(format!("{QUICK}[destination.far]\n{section}\n"));
    options.env = env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    // Nothing of who runs the tests.
    options.env.push(("HOME".to_owned(), "/nonexistent".to_owned()));
    Daemon::start(options)
}

fn s3(server: &Server, env: &[(&str, String)]) -> Daemon {
    let section = format!(
        "type = \"s3\"\nbucket = \"photos\"\nendpoint = \"http://{}\"\n\
         credentials = \"environment\"\nkey_template = \"{{image_id}}.{{ext}}\"",
        server.address()
    );
    daemon(&section, env)
}

fn post(daemon: &Daemon, id: &str) {
    let answer = apertur::post(daemon.url(), &Photo::new(id).json_base64().signed()).unwrap();
    assert_eq!(answer.told(), (200, "accepted".to_owned()));
}

fn send(daemon: &Daemon, id: &str) {
    post(daemon, id);
    look::settled(daemon, &["delivered"]);
}

fn stored(server: &Server) -> usize {
    look::files(&server.home().join("photos")).len()
}

fn assert_silent(daemon: &Daemon) {
    let said = format!("{}{:?}", daemon.log(), look::deliveries(daemon));
    assert!(!said.contains("nobody-sees"), "{said}");
}

#[test]
fn variables_and_a_profile_give_keys() {
    let server = Server::start(rclone);
    let file = server.home().with_file_name("credentials");
    let [(_, _), (id, secret)] = KEYS;
    let text = format!("[photos]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    fs::write(&file, text).unwrap();
    let off = ("AWS_EC2_METADATA_DISABLED", "true".to_owned());
    let variables = [
        ("AWS_ACCESS_KEY_ID", KEYS[0].0.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", KEYS[0].1.to_owned()),
        off.clone(),
    ];
    let profile = [
        ("AWS_SHARED_CREDENTIALS_FILE", file.display().to_string()),
        ("AWS_PROFILE", "photos".to_owned()),
        off,
    ];
    for (n, env) in [variables, profile].into_iter().enumerate() {
        let daemon = s3(&server, &env);
        send(&daemon, &format!("img_{n}"));
        assert_silent(&daemon);
    }
    assert_eq!(stored(&server), 2);
}

#[test]
fn the_role_of_a_container_gives_keys() {
    let server = Server::start(rclone);
    let source = Source::start(|question, _| {
        let is_known = question.contains("authorization: a-task-token-nobody-sees");
        if is_known { (200, role(0, 3600)) } else { (403, String::new()) }
    });
    let uri = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{}/role", source.address));
    let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a-task-token-nobody-sees".to_owned());
    let off = ("AWS_EC2_METADATA_DISABLED", "true".to_owned());
    let daemon = s3(&server, &[uri.clone(), token, off.clone()]);
    send(&daemon, "img_1");
    send(&daemon, "img_2");
    assert_silent(&daemon);
    assert_eq!(stored(&server), 2);
    // They are kept for as long as they are good.
    assert_eq!(source.asked().len(), 1, "{:?}", source.asked());
    // Without the token.
    let refused = s3(&server, &[uri, off]);
    assert_none(&refused, "403");
}

#[test]
fn the_role_of_an_instance_gives_keys_and_new_ones_when_they_end() {
    let mut server = Server::start(rclone);
    let second = Arc::new(Mutex::new(false));
    let is_second = Arc::clone(&second);
    let source = Source::start(move |question, _| {
        let (line, headers) = question.split_once('\n').unwrap();
        if line.starts_with("put /latest/api/token") {
            return (200, "a-metadata-token-nobody-sees".to_owned());
        }
        if !headers.contains("x-aws-ec2-metadata-token: a-metadata-token-nobody-sees") {
            return (401, String::new());
        }
        if line.starts_with("get /latest/meta-data/iam/security-credentials/ ") {
            return (200, "photographer".to_owned());
        }
        assert!(line.contains("/security-credentials/photographer "), "{line}");
        // Within two minutes of their end they are old.
        (200, role(usize::from(*is_second.lock().unwrap()), 60))
    });
    let at = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{}", source.address));
    let daemon = s3(&server, &[at]);
    send(&daemon, "img_1");
    // The first key is no longer taken.
    server.kill9();
    fs::write(server.home().with_file_name("known"), KEYS[1].0).unwrap();
    *second.lock().unwrap() = true;
    server.restart();
    send(&daemon, "img_2");
    assert_silent(&daemon);
    assert_eq!(stored(&server), 2);
    let tokens = source.asked().iter().filter(|asked| asked.starts_with("put")).count();
    assert_eq!(tokens, 1, "{:?}", source.asked());
}

/// Asserts that the destination pauses for want of credentials, and says what to do.
fn assert_none(daemon: &Daemon, detail: &str) {
    post(daemon, "img_none");
    let line = daemon.wait_for_log("there are no credentials for");
    assert!(line.contains(detail), "{line}");
    let tested = daemon.command(&["destinations", "test", "far"]);
    let said = String::from_utf8_lossy(&tested.stdout);
    assert_eq!(tested.status.code(), Some(69), "{said}");
    assert!(said.contains("there are no credentials for"), "{said}");
    assert!(!said.contains("no such bucket") && !said.contains("make the bucket"), "{said}");
    assert_silent(daemon);
}

#[test]
fn no_credentials_anywhere_pause_the_destination_and_name_the_ways() {
    let server = Server::start(rclone);
    let source = Source::start(|_, _| (404, String::new()));
    let at = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{}", source.address));
    for (env, detail) in [(at, "404"), (("AWS_EC2_METADATA_DISABLED", "true".to_owned()), "")] {
        let daemon = s3(&server, &[env]);
        assert_none(&daemon, detail);
        let said = daemon.command(&["destinations", "test", "far"]).stdout;
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.contains("AWS_ACCESS_KEY_ID") && said.contains("role"), "{said}");
        assert_eq!(stored(&server), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_s_service_account_at_google_gives_tokens() {
    let mut shore = Emulator::start().await;
    let address = shore.server().address();
    let section = shore.keys(address).replace("\"none\"", "\"environment\"");
    let source = Source::start(|question, _| {
        assert!(question.contains("metadata-flavor: google"), "{question}");
        let token = json!({"access_token": "a-google-token-nobody-sees", "expires_in": 3600,
                           "token_type": "Bearer"});
        (200, token.to_string())
    });
    let machine = daemon(&section, &[("GCE_METADATA_HOST", source.address.to_string())]);
    send(&machine, "img_1");
    send(&machine, "img_2");
    assert_silent(&machine);
    assert_eq!(shore.list().await.len(), 2);
    assert_eq!(source.asked().len(), 1, "{:?}", source.asked());
    let none = Source::start(|_, _| (404, String::new()));
    let nobody = daemon(&section, &[("GCE_METADATA_HOST", none.address.to_string())]);
    assert_none(&nobody, "404");
    assert_eq!(shore.list().await.len(), 2);
}

#[test]
fn a_source_that_is_silent_is_asked_again() {
    let server = Server::start(rclone);
    // Nobody listens there yet.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{address}"));
    let daemon = s3(&server, &[at]);
    post(&daemon, "img_1");
    let line = daemon.wait_for_log("the credentials for S3 cannot be fetched now");
    assert!(line.contains("refused"), "{line}");
    look::eventually(Duration::from_secs(20), "a second try", || {
        let tries = daemon.log().matches("the credentials for S3 cannot be fetched now").count();
        (tries > 1).then_some(())
    });
    assert_eq!(stored(&server), 0);
}
