//! What goes over the wire and what answers mean, at a receiver on a real socket.

use std::{path::PathBuf, sync::Arc};

use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use super::*;
use crate::{
    destinations::tests::{Steps, delivery},
    http::Http,
    model::{Digest, Mode, PhotoId, Scheme, SessionId},
    spool::SpooledFile,
    system::Clock,
};

const SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const SESSION: &str = "5e551011-hush";
const PHOTO: &[u8] = b"\xff\xd8\xff";

/// Answers one request after the other with these, and gives what came.
async fn receiver(answers: &[&str]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in?sig=hush-0815", listener.local_addr().unwrap());
    let answers: Vec<_> = answers.iter().map(|answer| (*answer).to_owned()).collect();
    let came = tokio::spawn(async move {
        let mut came = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let whole = |request: &[u8]| {
                let text = String::from_utf8_lossy(request).into_owned();
                let (head, _) = text.split_once("\r\n\r\n")?;
                let length = head.lines().find_map(|l| l.strip_prefix("content-length: "))?;
                Some(request.len() >= head.len() + 4 + length.parse::<usize>().unwrap())
            };
            while whole(&request) != Some(true) {
                let mut part = [0; 4096];
                let count = stream.read(&mut part).await.unwrap();
                assert!(count > 0);
                request.extend_from_slice(&part[..count]);
            }
            let (status, body) = answer.split_once('|').unwrap_or((&answer, ""));
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            came.push(request.iter().map(|byte| char::from(*byte)).collect());
        }
        came
    });
    (url, came)
}

fn settings(url: &str) -> Settings {
    let value = SecretString::from("Bearer hush-4711");
    Settings {
        address: Address::new(url.parse().unwrap()),
        signer: Signer::new(Scheme::Timestamped, &SECRET.into()).unwrap(),
        format: Format::JsonBase64,
        headers: vec![Header::parse("Authorization", &value).unwrap()],
        timeout: Duration::from_secs(10),
        max_size: 1000,
        allow_private: false,
        concurrency: 4,
    }
}

fn webhook(settings: Settings) -> Webhook {
    let now = "2027-01-15T08:00:00Z".parse().unwrap();
    let clock = Clock::stepped(now);
    let shared = Shared::new(Http::new().unwrap(), clock, &PathBuf::from("/nowhere"));
    Webhook::new(DestinationName::parse("partner").unwrap(), settings, &shared)
}

async fn deliver(webhook: &Webhook, delivery: Delivery) -> Result<Receipt, Failure> {
    let kept = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(kept.path(), PHOTO).unwrap();
    let file = SpooledFile::at(kept.path().to_owned(), 3, Digest([0; 32]));
    let parcel = Parcel { items: vec![Item { delivery, file }] };
    let progress = Progress(Arc::new(Steps::default()));
    Ok(webhook.deliver(&parcel, &progress).await?.remove(0))
}

/// What an answer to a photo, and then one to a ping, come to; nothing in it gives a secret away.
async fn failed(answers: &[&str]) -> Failure {
    let (url, came) = receiver(answers).await;
    let mut delivery = delivery();
    delivery.photo.session = SessionId::parse(SESSION).ok();
    let failure = deliver(&webhook(settings(&url)), delivery).await.unwrap_err();
    came.await.unwrap();
    let text = format!("{failure:?}");
    assert!(!text.contains("hush") && !text.contains(SECRET), "{text}");
    failure
}

#[tokio::test]
async fn a_photo_is_told_in_full_with_the_same_key_in_every_try() {
    let taken = "200 OK|{\"status\":\"accepted\"}";
    let again = "202 Accepted|{\"status\":\"duplicate\"}";
    let (url, came) = receiver(&[taken, again]).await;
    let webhook = webhook(settings(&url));
    let mut hinted = delivery();
    hinted.mode = Some(Mode::Internal);
    // What only a header said is not signed for.
    hinted.photo.id = PhotoId::parse("sha256-00").unwrap();
    let first = deliver(&webhook, hinted.clone()).await.unwrap();
    let second = deliver(&webhook, hinted).await.unwrap();
    assert_eq!((first.found, second.found), (false, true));
    assert_eq!(first.ids[1].value, "200 accepted");
    let came = came.await.unwrap();
    let body = concat!(
        r#"{"session_id":"s-1","image_id":"sha256-00","image_index":0,"mime_type":"image/jpeg","#,
        r#""filename":"photo 1.jpg","size_bytes":3,"data":"/9j/","#,
        r#""tags":{"vip":"gold","odoo":"res.partner:42"},"#,
        r#""metadata":{"odoo":{"model":"res.partner","res_id":42,"mode":"internal"}}}"#
    );
    let header = |request: &str, name: &str| {
        let line = request.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_default().to_owned()
    };
    for request in &came {
        assert!(request.starts_with("POST /in?sig=hush-0815 HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
        assert_eq!(header(request, "idempotency-key"), first.ids[0].value);
        assert_eq!(header(request, "x-apertur-delivery-id"), first.ids[0].value);
        assert_eq!(header(request, "x-apertur-image-id"), "sha256-00");
        assert_eq!(header(request, "x-apertur-timestamp"), "1800000000");
        assert_eq!(header(request, "authorization"), "Bearer hush-4711");
        assert!(header(request, "x-apertur-signature").starts_with("sha256="));
        assert_eq!(header(request, "transfer-encoding"), "");
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_needs_a_person() {
    let later = |failure: &Failure| match failure {
        Failure::Later { after, .. } => *after,
        other => panic!("{other:?}"),
    };
    let wait = failed(&["429 Too Many Requests\r\nretry-after: 7"]).await;
    assert_eq!(later(&wait), Some(Duration::from_secs(7)));
    assert_eq!(wait.cause().kind, ErrorKind::RateLimited);
    let wait = failed(&["503 Service Unavailable\r\nretry-after: 9"]).await;
    assert_eq!(later(&wait), Some(Duration::from_secs(9)));
    for code in ["408 Request Timeout", "409 Conflict", "425 Too Early"] {
        assert_eq!(later(&failed(&[code]).await), None, "{code}");
    }
    for code in ["500 Internal Server Error", "502 Bad Gateway", "504 Gateway Timeout"] {
        assert!(matches!(failed(&[code]).await, Failure::Unknown { .. }), "{code}");
    }
    for code in ["401 Unauthorized", "403 Forbidden", "302 Found\r\nlocation: http://127.0.0.1/"] {
        assert!(matches!(failed(&[code]).await, Failure::Broken { .. }), "{code}");
    }
    for code in ["400 Bad Request", "413 Content Too Large", "415 No", "422 No", "451 No"] {
        assert!(matches!(failed(&[code]).await, Failure::Refused { .. }), "{code}");
    }
}

#[tokio::test]
async fn an_address_that_takes_nothing_is_told_from_a_photo_that_is_not_taken() {
    let wrong = failed(&["404 Not Found", "404 Not Found"]).await;
    assert!(
        matches!(&wrong, Failure::Broken { cause } if cause.fix.contains("`url`")),
        "{wrong:?}"
    );
    let refused = failed(&["404 Not Found", "200 OK"]).await;
    assert!(matches!(refused, Failure::Refused { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_receiver_s_own_words_are_kept_but_for_what_was_sent_to_it() {
    let told = failed(&["422 No|{\"message\":\"no such folder\"}"]).await;
    assert_eq!(told.cause().detail, "no such folder");
    assert_eq!(failed(&["422 No|plain words"]).await.cause().detail, "plain words");
    let long = "x".repeat(196);
    let (cut, kept) = (format!("{long}hush-4711"), format!("{long}…"));
    for (echo, kept) in [
        ("Bearer hush-4711", "…"),
        ("no hush-4711, no sig=hush-0815", "no …, no …"),
        ("sig hush-0815 is wrong", "sig … is wrong"),
        ("session 5e551011-hush", "session …"),
        ("<html>hush-4711</html>", ""),
        (r#"{"error": "no hush\u002d4711"}"#, "no …"),
        (r#"{"message": "\"hush-4711\"", "status": "hush-4711"}"#, "\"…\""),
        (&cut, &kept),
    ] {
        assert_eq!(failed(&[&format!("422 No|{echo}")]).await.cause().detail, kept, "{echo}");
    }
}

#[tokio::test]
async fn a_probe_sends_a_signed_event_without_a_photo() {
    let (url, came) = receiver(&["200 OK|{\"status\":\"ignored\"}"]).await;
    let findings = webhook(settings(&url)).probe().await;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].severity, Severity::Ok, "{findings:?}");
    assert!(findings[0].what.contains("200 ignored"), "{findings:?}");
    let request = came.await.unwrap().remove(0);
    assert!(request.ends_with(r#"{"data":{},"topic":"apertur-bridge.ping"}"#), "{request}");
    assert!(request.contains("x-apertur-signature: sha256="), "{request}");
    for (answer, severity) in [
        ("401 Unauthorized", Severity::Error),
        ("404 Not Found", Severity::Error),
        ("308 Permanent Redirect", Severity::Error),
        ("500 No", Severity::Error),
        ("422 No", Severity::Warning),
    ] {
        let (url, came) = receiver(&[answer]).await;
        let finding = webhook(settings(&url)).probe().await.remove(0);
        assert_eq!(finding.severity, severity, "{answer}: {finding:?}");
        assert!(!finding.fix.is_empty());
        came.await.unwrap();
    }
}

#[tokio::test]
async fn a_test_sends_a_marked_picture_of_its_own() {
    let taken = "200 OK|{\"status\":\"accepted\"}";
    let (url, came) = receiver(&["200 OK", taken]).await;
    let findings = webhook(settings(&url)).test(None).await;
    assert!(findings.iter().all(|finding| finding.severity == Severity::Ok), "{findings:?}");
    let sent = came.await.unwrap().remove(1);
    assert!(sent.contains(r#""image_id":"apertur-bridge-test-"#), "{sent}");
    assert!(sent.contains(r#""tags":{"apertur-bridge-test":""}"#), "{sent}");
    assert!(findings[1].what.contains("answered 200 accepted"), "{findings:?}");
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_until_that_is_allowed() {
    let (url, came) = receiver(&["200 OK"]).await;
    let url = url.replace("127.0.0.1", "localhost");
    let refused = deliver(&webhook(settings(&url)), delivery()).await.unwrap_err();
    assert!(
        matches!(&refused, Failure::Broken { cause } if cause.fix.contains("allow_private")),
        "{refused:?}"
    );
    let allowed = Settings { allow_private: true, ..settings(&url) };
    deliver(&webhook(allowed), delivery()).await.unwrap();
    came.await.unwrap();
}

#[tokio::test]
async fn nobody_there_was_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in?sig=hush-0815", listener.local_addr().unwrap());
    drop(listener);
    let nobody = deliver(&webhook(settings(&url)), delivery()).await.unwrap_err();
    assert!(matches!(&nobody, Failure::Later { .. }), "{nobody:?}");
    assert!(!format!("{nobody:?}").contains("hush"));
}
