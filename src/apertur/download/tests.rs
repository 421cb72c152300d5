//! Downloads against servers on this machine, over real sockets into a real spool.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::{
    apertur::{HostPattern, Settings, Timeouts, envelope::PrivateKey, signing},
    http::Http,
    system::Clock,
};

const JPEG: &[u8] = b"\xff\xd8\xff\xe0 a small picture";

/// A server that answers every request by its path and keeps the request heads.
struct Server {
    origin: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let heads = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let answer = answer(head.split(' ').nth(1).unwrap());
                heads.lock().unwrap().push(head);
                if answer.is_empty() {
                    // Silence for ever.
                    tokio::spawn(async move { stream.read_u8().await });
                } else {
                    drop(stream.write_all(&answer).await);
                }
            }
        });
        Self { origin, seen }
    }

    fn link(&self) -> String {
        format!("{}/d/hush?sig=hush", self.origin)
    }

    /// The heads of the requests so far, in lower case.
    fn heads(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|head| head.to_lowercase()).collect()
    }
}

fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn picture() -> Vec<u8> {
    answer(200, "content-type: image/jpeg\r\n", JPEG)
}

fn redirect_to(url: &str) -> Vec<u8> {
    answer(302, &format!("location: {url}\r\n"), b"")
}

/// Without a length: the end of the connection is the end of the body.
fn endless(body: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 x\r\nconnection: close\r\n\r\n", body].concat()
}

/// Downloads on this machine are allowed; no key.
fn near() -> Settings {
    let mut settings = Settings::for_test("https://api.aptr.ca", false);
    settings.allow_private_downloads = true;
    settings
}

/// The same with this server as the API, and a key.
fn with_api(api: &Server) -> Settings {
    let mut settings = near();
    settings.base_url = Url::parse(&api.origin).unwrap();
    settings.base_url_is_configured = true;
    settings.api_key = Some("aptr_live_hush".into());
    settings
}

async fn download(
    settings: Settings,
    link: Option<&str>,
    image: Option<&str>,
) -> Result<Stored, FetchFailure> {
    let home = tempfile::tempdir().unwrap();
    let spool = Spool::open(home.path()).unwrap();
    let clock = Clock::stepped(Timestamp::from_second(1_800_000_000).unwrap());
    let apertur = Apertur::new(Http::new().unwrap(), settings, clock).unwrap();
    let image = image.map(|id| ImageId::parse(id).unwrap());
    let result = apertur.download(link, image.as_ref(), &spool).await;
    assert_eq!(left_behind(home.path()), 0);
    match &result {
        Ok(stored) => assert_eq!(spool.digests().unwrap(), [stored.sha256]),
        Err(failure) => {
            assert_eq!(spool.digests().unwrap(), []);
            assert!(!format!("{failure:?}").contains("hush"), "{failure:?}");
        }
    }
    result
}

fn left_behind(spool: &Path) -> usize {
    std::fs::read_dir(spool.join("tmp")).unwrap().count()
}

fn held(result: Result<Stored, FetchFailure>) -> Cause {
    match result {
        Err(FetchFailure::Held { cause }) => cause,
        other => panic!("{other:?}"),
    }
}

fn later(result: Result<Stored, FetchFailure>) -> (Option<u64>, Cause) {
    match result {
        Err(FetchFailure::Later { after, cause }) => (after.map(|d| d.as_secs()), cause),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_link_gives_the_picture_without_any_credentials() {
    let server = Server::start(|_| picture()).await;
    let mut settings = near();
    settings.api_key = Some("aptr_live_hush".into());
    settings.signing_secret = Some("hush".into());
    let stored = download(settings, Some(&server.link()), Some("img_1")).await.unwrap();
    assert_eq!((stored.size, stored.media_type), (JPEG.len() as u64, Some("image/jpeg")));
    let heads = server.heads();
    assert!(heads[0].starts_with("get /d/hush?sig=hush http/1.1\r\n"), "{heads:?}");
    assert!(!heads[0].contains("authorization") && !heads[0].contains("aptr"), "{heads:?}");
}

#[tokio::test]
async fn a_link_that_fails_is_replaced_by_the_api_and_the_key_goes_only_there() {
    let api = Server::start(|_| picture()).await;
    for (status, body) in [(401, ""), (403, ""), (404, ""), (410, ""), (500, ""), (200, "<html>")] {
        let server = Server::start(move |_| answer(status, "", body.as_bytes())).await;
        let done = download(with_api(&api), Some(&server.link()), Some("img_1")).await;
        assert!(done.is_ok(), "{status}");
        assert!(!server.heads()[0].contains("authorization"));
    }
    for refused in ["http://169.254.169.254/hush", "https://evil.example/hush", "hush", ""] {
        assert!(download(with_api(&api), Some(refused), Some("img_1")).await.is_ok());
    }
    let heads = api.heads();
    assert_eq!(heads.len(), 10);
    for head in heads {
        assert!(head.starts_with("get /api/v1/uploads/img_1/download http/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: bearer aptr_live_hush\r\n"), "{head}");
    }
}

#[tokio::test]
async fn without_a_link_the_api_is_asked_with_a_signature_where_one_is_configured() {
    let api = Server::start(|_| picture()).await;
    let mut settings = with_api(&api);
    settings.signing_secret = Some("hush-secret".into());
    assert!(download(settings, None, Some("img_1")).await.is_ok());
    let url = Url::parse(&format!("{}/api/v1/uploads/img_1/download", api.origin)).unwrap();
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    let signature = signing::sign(&"hush-secret".into(), at, "GET", &url, b"");
    let head = &api.heads()[0];
    assert!(head.contains("x-aptr-timestamp: 1800000000\r\n"), "{head}");
    assert!(head.contains(&format!("x-aptr-signature: {signature}\r\n")), "{head}");
}

#[tokio::test]
async fn a_link_to_the_apis_own_origin_gets_the_key() {
    let api = Server::start(|_| picture()).await;
    assert!(download(with_api(&api), Some(&api.link()), None).await.is_ok());
    assert!(api.heads()[0].contains("authorization: bearer"));
}

#[tokio::test]
async fn the_key_stays_at_home_when_a_redirect_leaves_and_comes_back() {
    let home = Arc::new(Mutex::new(String::new()));
    let back = Arc::clone(&home);
    let away = Server::start(move |_| redirect_to(&format!("{}/end", back.lock().unwrap()))).await;
    let leave = away.origin.clone();
    let api = Server::start(move |path| match path {
        "/end" => picture(),
        "/second" => redirect_to(&format!("{leave}/away")),
        _ => redirect_to("/second"),
    })
    .await;
    api.origin.clone_into(&mut home.lock().unwrap());
    assert!(download(with_api(&api), None, Some("img_1")).await.is_ok());
    let keyed: Vec<bool> = api.heads().iter().map(|h| h.contains("authorization")).collect();
    assert_eq!(keyed, [true, true, false]);
    assert!(!away.heads()[0].contains("authorization"));
}

#[tokio::test]
async fn five_redirects_are_followed_and_a_sixth_is_not() {
    let server = Server::start(|path| match path.rsplit('/').next().unwrap().parse::<u8>() {
        Ok(0) => picture(),
        Ok(left) => redirect_to(&format!("/{}", left - 1)),
        Err(_) => answer(302, "", b""),
    })
    .await;
    let link = |path| format!("{}/{path}", server.origin);
    assert!(download(near(), Some(&link("5")), None).await.is_ok());
    assert_eq!(later(download(near(), Some(&link("6")), None).await).1.kind, ErrorKind::Protocol);
    assert_eq!(server.heads().len(), 12);
    assert_eq!(later(download(near(), Some(&link("x")), None).await).1.kind, ErrorKind::Protocol);
}

#[tokio::test]
async fn a_redirect_is_vetted_like_a_link() {
    let inner = Server::start(|_| picture()).await;
    for target in [inner.link(), inner.link().replace("127.0.0.1", "localhost")] {
        let api = Server::start(move |_| redirect_to(&target)).await;
        let mut settings = with_api(&api);
        settings.allow_private_downloads = false;
        let cause = held(download(settings, Some(&api.link()), Some("img_1")).await);
        assert_eq!(cause.kind, ErrorKind::NotAllowed);
        assert!(cause.to_string().contains("apertur.download_hosts"), "{cause}");
    }
    assert_eq!(inner.heads(), [""; 0]);
}

#[tokio::test]
async fn a_name_that_resolves_inside_is_not_connected_to() {
    let inner = Server::start(|_| picture()).await;
    let mut settings = near();
    settings.allow_private_downloads = false;
    settings.download_hosts = vec![HostPattern::parse("localhost").unwrap()];
    let link = inner.link().replace("http://127.0.0.1", "https://localhost");
    let cause = held(download(settings.clone(), Some(&link), None).await);
    assert_eq!(cause.kind, ErrorKind::NotAllowed);
    assert!(cause.fix.contains("apertur.allow_private_downloads"), "{cause}");
    assert_eq!(inner.heads(), [""; 0]);

    settings.allow_private_downloads = true;
    let link = link.replace("https", "http");
    assert!(download(settings, Some(&link), None).await.is_ok());
}

#[tokio::test]
async fn more_than_the_limit_is_refused_announced_or_not() {
    let body = [JPEG, &[0; 990]].concat();
    for (max, fits) in [(body.len(), true), (body.len() - 1, false)] {
        for answered in [answer(200, "", &body), endless(&body)] {
            let server = Server::start(move |_| answered.clone()).await;
            let mut settings = near();
            settings.max_size = max as u64;
            let result = download(settings, Some(&server.link()), None).await;
            if fits {
                assert!(result.is_ok());
            } else {
                let cause = held(result);
                assert_eq!(cause.kind, ErrorKind::TooLarge);
                assert!(cause.fix.contains("apertur.max_download"), "{cause}");
            }
        }
    }
}

#[tokio::test]
async fn half_a_picture_is_fetched_again() {
    let mut half = picture();
    half.truncate(half.len() - 3);
    let server = Server::start(move |_| half.clone()).await;
    let (_, cause) = later(download(near(), Some(&server.link()), None).await);
    assert_eq!(cause.kind, ErrorKind::Unavailable);
    let empty = Server::start(|_| answer(200, "", b"")).await;
    let (_, cause) = later(download(near(), Some(&empty.link()), None).await);
    assert_eq!(cause.kind, ErrorKind::Protocol);
}

#[tokio::test]
async fn what_is_no_picture_is_held() {
    for body in ["<html>log in</html>", "{\"error\":\"hush\"}", "%PDF-1.7 hush"] {
        let server =
            Server::start(|_| answer(200, "content-type: text/html\r\n", body.as_bytes())).await;
        let cause = held(download(near(), Some(&server.link()), None).await);
        assert_eq!(cause.kind, ErrorKind::NotAnImage);
        assert_eq!(cause.detail, "content type: text/html");
    }
}

#[tokio::test]
async fn what_is_gone_is_held_whichever_way_is_left() {
    let gone = Server::start(|_| answer(410, "", b"")).await;
    let missing = Server::start(|_| answer(404, "", br#"{"message":"No such file"}"#)).await;
    let cause = held(download(near(), Some(&gone.link()), Some("img_1")).await);
    assert_eq!(cause.kind, ErrorKind::Gone);
    let cause = held(download(with_api(&missing), Some(&gone.link()), Some("img_1")).await);
    assert_eq!((cause.kind, cause.detail.as_str()), (ErrorKind::Gone, "No such file"));
    assert!(cause.fix.contains("dashboard"), "{cause}");
}

#[tokio::test]
async fn a_link_that_may_still_work_outweighs_an_api_that_has_nothing() {
    let gone = Server::start(|_| answer(410, "", b"")).await;
    let down = Server::start(|_| answer(503, "retry-after: 7\r\n", b"")).await;
    let (after, cause) = later(download(with_api(&gone), Some(&down.link()), Some("i")).await);
    assert_eq!((after, cause.kind), (Some(7), ErrorKind::Unavailable));
    let cause = held(download(with_api(&gone), Some("https://new.example/hush"), Some("i")).await);
    assert_eq!(cause.kind, ErrorKind::NotAllowed);
    assert!(cause.to_string().contains("new.example"), "{cause}");
}

#[tokio::test]
async fn a_refused_key_and_a_rate_limit_wait() {
    let body = br#"{"statusCode":403,"message":"IP not on the list"}"#;
    let api = Server::start(|_| answer(403, "", body)).await;
    let (_, cause) = later(download(with_api(&api), None, Some("img_1")).await);
    assert_eq!(
        (cause.kind, cause.detail.as_str()),
        (ErrorKind::Unauthorized, "IP not on the list")
    );
    assert!(cause.fix.contains("apertur.api_key"), "{cause}");

    for (headers, body) in [
        ("retry-after: 30\r\n", &b""[..]),
        ("", br#"{"retryAfter":30}"#),
        ("x-ratelimit-reset: 1800000030\r\n", b""),
    ] {
        let api = Server::start(move |_| answer(429, headers, body)).await;
        let (after, cause) = later(download(with_api(&api), None, Some("img_1")).await);
        assert_eq!((after, cause.kind), (Some(30), ErrorKind::RateLimited));
    }

    let limited = Server::start(|_| answer(429, "retry-after: 30\r\n", b"")).await;
    let (after, _) = later(download(with_api(&api), Some(&limited.link()), Some("img_1")).await);
    assert_eq!(after, Some(30));
    assert_eq!(api.heads().len(), 1, "a rate limit is not answered by another request");
}

#[tokio::test]
async fn an_event_that_gives_no_way_says_what_is_missing() {
    let (_, cause) = later(download(near(), None, Some("img_1")).await);
    assert!(cause.fix.contains("apertur.api_key"), "{cause}");
    assert_eq!(held(download(near(), None, None).await).kind, ErrorKind::Protocol);
}

#[tokio::test]
async fn silence_ends_the_try() {
    let server = Server::start(|_| Vec::new()).await;
    let short = std::time::Duration::from_millis(50);
    let long = std::time::Duration::from_secs(60);
    for timeouts in [Timeouts { idle: short, total: long }, Timeouts { idle: long, total: short }] {
        let mut settings = near();
        settings.timeouts = timeouts;
        let (_, cause) = later(download(settings, Some(&server.link()), None).await);
        assert_eq!(cause.kind, ErrorKind::Timeout);
    }
}

#[tokio::test]
async fn a_download_that_is_dropped_leaves_nothing() {
    // The head and a part of the body, then silence.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = format!("http://{}/x", listener.local_addr().unwrap());
    let home = tempfile::tempdir().unwrap();
    let spool = Spool::open(home.path()).unwrap();
    let apertur = Apertur::new(Http::new().unwrap(), near(), Clock::system()).unwrap();
    let task = tokio::spawn({
        let spool = spool.clone();
        async move { apertur.download(Some(&link), None, &spool).await }
    });
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 500\r\n\r\n\xff\xd8\xff").await.unwrap();
    while left_behind(home.path()) == 0 {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(left_behind(home.path()), 0);
}

#[tokio::test]
async fn an_envelope_is_opened_or_held_but_never_stored() {
    let all = include_str!("../../../fixtures/contracts/vectors.json");
    let vector = serde_json::from_str::<serde_json::Value>(all).unwrap()["envelope"].take();
    let body = vector["json"].to_string();
    let standard = base64::engine::general_purpose::STANDARD;
    let decode = |text: &serde_json::Value| {
        base64::Engine::decode(&standard, text.as_str().unwrap()).unwrap()
    };
    let plain = decode(&vector["plaintext_b64"]);
    let server = Server::start(move |_| answer(200, "", body.as_bytes())).await;

    let cause = held(download(near(), Some(&server.link()), None).await);
    assert_eq!(cause.kind, ErrorKind::Encrypted);
    assert!(cause.fix.contains("apertur.e2e_private_keys"), "{cause}");

    let mut settings = near();
    // The picture fits; its envelope is larger.
    settings.max_size = plain.len() as u64;
    settings.e2e_private_keys =
        vec![PrivateKey::parse(&decode(&vector["rsa_pkcs8_der_b64"])).unwrap()];
    let stored = download(settings, Some(&server.link()), None).await.unwrap();
    assert_eq!((stored.size, stored.media_type), (plain.len() as u64, Some("image/jpeg")));
}
