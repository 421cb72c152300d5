//! Freshservice by OAuth: tokens that end, logins that end, scopes that are missing.

use apertur_bridge::destinations::oauth::{Addresses, Client, Endpoints, NoLogin, Style};

use super::*;
use crate::fakes::{
    freshworks::SCOPES,
    oauth::{CLIENT_ID, CLIENT_SECRET, FakeOauth, Wants, visit},
};

/// A Freshservice that takes the tokens of an authorization server; an administrator agreed.
async fn logged_in(granted: &str) -> (Lab, FakeOauth) {
    let server = FakeOauth::start(Wants::BasicForm);
    server.grant(granted);
    let client = Client {
        id: CLIENT_ID.to_owned(),
        secret: CLIENT_SECRET.into(),
        scopes: SCOPES.split_whitespace().map(str::to_owned).collect(),
        endpoints: Endpoints::Fixed(Addresses {
            authorize: Some(server.authorize_url()),
            token: server.token_url(),
        }),
        style: Style::BasicForm,
        redirect: "http://localhost:8789/callback".parse().unwrap(),
    };
    let lab = Lab::with(Product::Freshservice, |s| s.login = Login::OAuth(Box::new(client)));
    lab.desk.trust(&server, granted);
    let login = lab.destination.login().unwrap();
    let (_, back, _) = visit(login.url().await.unwrap().as_str()).unwrap();
    login.exchange(login.pasted(&back.unwrap()).unwrap()).await.unwrap();
    (lab, server)
}

#[tokio::test]
async fn a_token_that_ends_is_renewed_once_and_the_note_is_sent_again_whole() {
    let (lab, server) = logged_in(SCOPES).await;
    let bytes = vec![7; 3_000_000];
    lab.send(&[lab.to(241, "img_1", Mode::Internal)], &bytes).await.unwrap();
    server.end_access_tokens();
    lab.desk.forget_seen();
    lab.send(&[lab.to(241, "img_2", Mode::Internal)], &bytes).await.unwrap();
    let statuses: Vec<_> = lab.desk.seen().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [Some(401), Some(201)]);
    let notes = lab.desk.conversations(241);
    assert!(notes.len() == 2 && notes[1].attachments[0].bytes == bytes);
}

#[tokio::test]
async fn a_login_that_ended_breaks_the_destination_and_names_the_command() {
    let (lab, server) = logged_in(SCOPES).await;
    server.end_all_tokens();
    let sent = lab.send(&[lab.to(241, "img_1", Mode::Internal)], b"abc").await;
    assert_eq!(ending(&sent), "broken unauthorized");
    let fix = sent.unwrap_err().cause().fix.clone();
    assert!(fix.contains("apertur-bridge destinations login desk"), "{fix}");
    assert_eq!(lab.calls(), ["note"]);
    let findings = lab.destination.probe().await;
    assert_eq!(findings.last().unwrap().severity, Severity::Error, "{findings:?}");
}

#[tokio::test]
async fn a_token_that_nobody_takes_is_not_renewed_for_ever() {
    let (lab, _) = logged_in(SCOPES).await;
    lab.desk.forget_tokens();
    let sent = lab.send(&[lab.to(241, "img_1", Mode::Internal)], b"abc").await;
    assert_eq!(ending(&sent), "broken unauthorized");
    assert_eq!(lab.calls(), ["note", "note"]);
}

#[tokio::test]
async fn a_login_without_a_needed_scope_holds_no_photo() {
    let views = "freshservice.tickets.view freshservice.tickets.conversations.view";
    let (lab, server) = logged_in(views).await;
    let lacks = "the login lacks freshservice.tickets.conversations.create";
    let findings = said(&lab.destination.probe().await);
    assert!(findings.contains(&format!("error: scopes: {lacks}")), "{findings}");
    let sent = lab.send(&[lab.to(241, "img_1", Mode::Internal)], b"abc").await;
    assert_eq!(ending(&sent), "broken forbidden");
    assert_eq!(sent.unwrap_err().cause().what, lacks);
    for secret in server.secrets() {
        assert!(!findings.contains(&secret));
    }
}

#[tokio::test]
async fn a_test_without_the_right_to_remove_says_what_to_remove() {
    let (lab, _) = logged_in(SCOPES).await;
    let findings = lab.destination.test(Some(&"freshservice:241".parse().unwrap())).await;
    let last = findings.last().unwrap();
    assert_eq!((last.severity, last.subject.as_str()), (Severity::Warning, "remove"));
    let fix = "delete the private note with apertur-bridge-test.png at \
               https://acme.example.com/a/tickets/241";
    assert_eq!(last.fix, fix);
    assert_eq!(lab.desk.conversations(241).len(), 1);
}

#[test]
fn only_an_oauth_client_has_something_to_log_in_to() {
    let no = |product| Lab::new(product).destination.login().err();
    assert_eq!(no(Product::Freshdesk), Some(NoLogin::ByType));
    assert_eq!(no(Product::Freshservice), Some(NoLogin::ApiKey));
}
