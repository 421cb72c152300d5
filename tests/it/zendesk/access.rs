//! Being let in: an OAuth client, an API token, and what the checks say of them.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use apertur_bridge::{
    destinations::oauth::NoLogin,
    model::{Finding, Severity},
};

use serde_json::{Value, json};

use super::{Lab, Login, delivery, destination, ending, settings};
use crate::fakes::{
    desk::{Bearer, Fault, Shape, What},
    zendesk::Switch,
};

/// A front of a Zendesk: answers `/oauth/tokens` itself with these tokens, one after the other,
/// and hands everything else on. Gives its address and the bodies it saw.
fn front(behind: &str, tokens: &[&str], scope: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let behind = behind.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let answers = |token: &&str| {
        let (kind, life) = ("bearer", 3600);
        json!({"access_token": token, "token_type": kind, "scope": scope, "expires_in": life})
    };
    let mut answers: Vec<_> = tokens.iter().rev().map(answers).collect();
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let ours = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (head, body) = message(&stream);
            let answer = if head.contains("/oauth/tokens ") {
                ours.lock().unwrap().push(String::from_utf8(body).unwrap());
                let (status, text) = match answers.pop() {
                    Some(answer) => ("200 OK", answer.to_string()),
                    None => ("401 No", json!({"error": "invalid_client"}).to_string()),
                };
                let length = text.len();
                format!(
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\
                     Connection: close\r\nContent-Length: {length}\r\n\r\n{text}"
                )
                .into_bytes()
            } else {
                let mut other = TcpStream::connect(&behind).unwrap();
                other.write_all(head.as_bytes()).unwrap();
                other.write_all(&body).unwrap();
                let (head, body) = message(&other);
                let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
                [head.into_bytes(), body].concat()
            };
            drop((&stream).write_all(&answer));
        }
    });
    (url, seen)
}

/// Reads a request or an answer.
fn message(stream: &TcpStream) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    (head, body)
}

fn client() -> Login {
    Login::Client {
        id: "apertur_bridge".to_owned(),
        secret: "CLIENTCANARY".into(),
        scopes: ["tickets:read", "tickets:write"].map(str::to_owned).to_vec(),
    }
}

/// A lab behind a front that gives these tokens, of which the Zendesk knows those that are good.
fn behind(tokens: &[&str], good: &[&str], scope: &str) -> (Lab, Arc<Mutex<Vec<String>>>) {
    let mut lab = Lab::new();
    lab.zendesk.set(Switch::NoApiTokens(true));
    let hour = std::time::Duration::from_hours(1);
    for token in good {
        lab.zendesk.allow(Bearer::new(token, &lab.clock, hour, scope));
    }
    let (url, seen) = front(&lab.zendesk.url(), tokens, scope);
    let mut settings = settings(&url);
    settings.login = client();
    lab.destination = destination(settings, &lab.clock, &lab.home);
    (lab, seen)
}

const SCOPES: &str = "tickets:read tickets:write";

#[tokio::test]
async fn a_token_is_had_for_the_client_s_secret_and_used_until_it_is_refused() {
    let (lab, asked) = behind(&["one", "two"], &["two"], SCOPES);
    for photo in ["a", "b"] {
        assert_eq!(ending(&lab.send(&delivery(photo, 9, None)).await), "done");
    }
    // The first call of all was refused and made again.
    assert_eq!(lab.calls()[..4], ["ticket", "ticket", "upload", "update"]);
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 2);
    let body: Value = serde_json::from_str(&asked[0]).unwrap();
    assert_eq!(body["grant_type"], "client_credentials");
    assert_eq!((&body["client_id"], &body["scope"]), (&"apertur_bridge".into(), &SCOPES.into()));
    assert_eq!(lab.destination.login().err(), Some(NoLogin::ClientCredentials));
}

#[tokio::test]
async fn a_token_that_ends_during_an_upload_is_replaced_and_the_file_sent_whole() {
    let (lab, _) = behind(&["one", "two"], &["one", "two"], SCOPES);
    assert_eq!(ending(&lab.send(&delivery("a", 9, None)).await), "done");
    lab.zendesk.fault(Fault::once("upload", What::Status(401, Shape::Empty)));
    assert_eq!(ending(&lab.send(&delivery("b", 9, None)).await), "done");
    assert_eq!(lab.zendesk.comments(9)[1].files[0].bytes.as_ref(), super::bytes("b"));
    assert_eq!(lab.calls()[3..], ["ticket", "upload", "upload", "update"]);
}

#[tokio::test]
async fn a_refused_upload_is_the_scopes_unless_they_surely_cover_it() {
    for (granted, expected) in [(SCOPES, "broken forbidden"), ("read write", "refused forbidden")] {
        let (lab, _) = behind(&["one"], &["one"], granted);
        lab.zendesk.fault(Fault::once("upload", What::Status(403, Shape::Empty)));
        assert_eq!(ending(&lab.send(&delivery("a", 9, None)).await), expected, "{granted}");
    }
}

#[tokio::test]
async fn a_second_refusal_in_a_row_is_the_end() {
    let (lab, asked) = behind(&["one", "two", "three"], &[], SCOPES);
    let sent = lab.send(&delivery("a", 9, None)).await;
    assert_eq!(ending(&sent), "broken unauthorized");
    assert_eq!((lab.calls(), asked.lock().unwrap().len()), (vec!["ticket", "ticket"], 2));
    assert!(!format!("{sent:?}{:?}", lab.destination).contains("CLIENTCANARY"));
    let (lab, _) = behind(&[], &[], SCOPES);
    assert_eq!(ending(&lab.send(&delivery("a", 9, None)).await), "broken unauthorized");
    assert_eq!(lab.calls(), Vec::<&str>::new());
}

/// Severity and what was found for a subject.
fn found<'a>(findings: &'a [Finding], subject: &str) -> (Severity, &'a str) {
    let finding = findings.iter().find(|finding| finding.subject == subject).unwrap();
    (finding.severity, &finding.what)
}

#[tokio::test]
async fn the_checks_name_what_is_missing() {
    let (lab, _) = behind(&["one"], &["one"], SCOPES);
    let findings = lab.destination.probe().await;
    let granted = "an access token was given for tickets:read tickets:write";
    assert_eq!(found(&findings, "log in"), (Severity::Ok, granted));
    assert_eq!(found(&findings, "tickets").0, Severity::Ok);
    assert!(!lab.calls().contains(&"me"), "who is not let in is shown a user all the same");

    let (lab, _) = behind(&["one"], &["one"], "tickets:read");
    let findings = lab.destination.probe().await;
    let what = "Zendesk does not grant tickets:write, only \"tickets:read\"";
    assert_eq!(found(&findings, "log in"), (Severity::Error, what));
    let (lab, _) = behind(&["one"], &["one"], "read write");
    assert_eq!(found(&lab.destination.probe().await, "log in").0, Severity::Ok);

    let lab = Lab::new();
    let findings = lab.destination.probe().await;
    assert_eq!(found(&findings, "log in").0, Severity::Warning);
    assert!(found(&findings, "log in").1.contains("30 April 2027"));
    assert_eq!(lab.destination.login().err(), Some(NoLogin::ApiKey));
    lab.zendesk.set(Switch::NoApiTokens(true));
    let (severity, what) = (Severity::Error, "HTTP 401");
    let findings = lab.destination.probe().await;
    let tickets = found(&findings, "tickets");
    assert!(tickets.0 == severity && tickets.1.contains(what), "{tickets:?}");
}

#[tokio::test]
async fn the_test_writes_for_agents_alone_and_says_that_it_stays() {
    let lab = Lab::new();
    let findings = lab.destination.test("zendesk:9".parse().ok().as_ref()).await;
    let worst = findings.iter().map(|finding| finding.severity).max();
    assert_eq!(worst, Some(Severity::Warning), "{findings:#?}");
    assert!(found(&findings, "remove").1.contains("Zendesk lets nobody remove a comment"));
    let [comment] = &lab.zendesk.comments(9)[..] else { panic!("one comment") };
    assert_eq!((comment.public, comment.files.len()), (false, 1));
    assert!(comment.files[0].bytes.starts_with(b"\x89PNG"));
    let full = lab.destination.test("zendesk:95".parse().ok().as_ref()).await;
    assert_eq!((found(&full, "test").0, lab.zendesk.loose_uploads()), (Severity::Error, 0));
    let closed = lab.destination.test("zendesk:94".parse().ok().as_ref()).await;
    assert_eq!(found(&closed, "test").0, Severity::Error);
    let other = lab.destination.test("freshdesk:9".parse().ok().as_ref()).await;
    assert_eq!(found(&other, "test"), (Severity::Error, "freshdesk:9 is no ticket of Zendesk"));
    let none = lab.destination.test(None).await;
    assert_eq!(found(&none, "test"), (Severity::Warning, "nothing was written"));
    assert_eq!(lab.zendesk.comments(9).len(), 1);
    // What stays is said whatever the look finds.
    lab.zendesk.set(Switch::ListsLag(Duration::from_mins(1)));
    let lagging = lab.destination.test("zendesk:10".parse().ok().as_ref()).await;
    assert_eq!(found(&lagging, "read").0, Severity::Warning);
    assert!(found(&lagging, "remove").1.contains("stays on ticket 10"));
    let busy = What::Status(500, Shape::Empty);
    lab.zendesk.fault(Fault::once("count", busy));
    let lost = lab.destination.probe().await;
    let tickets = lost.iter().find(|finding| finding.subject == "tickets").unwrap();
    assert_eq!(tickets.fix, "nothing if it passes; else look at Zendesk's status page");
}
