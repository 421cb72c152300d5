//! What an authorization server may say instead of a token, and what becomes of it.

use std::time::Duration;

use apertur_bridge::{
    destinations::oauth::{Client, Endpoints, Grant, Style},
    model::Failure,
};

use super::{Lab, sent_back};
use crate::fakes::oauth::{FakeOauth, Trouble, Wants};

/// The failure when the refresh meets this.
async fn meeting(trouble: Trouble) -> Failure {
    let lab = Lab::logged_in().await;
    let access = lab.access();
    lab.wait();
    lab.server.trouble(trouble);
    let failure = access.token().await.unwrap_err();
    lab.assert_silent(&format!("{failure:?} {}", failure.cause()));
    if let Failure::Later { after: Some(after), .. } = &failure {
        // Nobody is asked before the time that was named.
        let asked = lab.grants().len();
        lab.clock.step(*after - Duration::from_secs(1));
        let left = Some(Duration::from_secs(1));
        let cause = failure.cause().clone();
        assert_eq!(access.token().await.unwrap_err(), Failure::Later { after: left, cause });
        assert_eq!(lab.grants().len(), asked);
        lab.clock.step(Duration::from_secs(1));
    }
    // Whatever it was: when it is over, it is over.
    assert!(lab.is_good(&access.token().await.unwrap()), "{trouble:?}");
    failure
}

#[tokio::test]
async fn every_refusal_becomes_the_right_failure() {
    let minute = Some(Duration::from_mins(1));
    for (trouble, after, kind) in [
        (Trouble::Status(429, 60), minute, "rate_limited"),
        (Trouble::Status(429, 0), None, "rate_limited"),
        (Trouble::Status(503, 60), minute, "unavailable"),
        (Trouble::Status(500, 0), None, "unavailable"),
        (Trouble::Error(400, "temporarily_unavailable"), None, "unavailable"),
    ] {
        let failure = meeting(trouble).await;
        let Failure::Later { after: told, cause } = &failure else { panic!("{failure:?}") };
        assert_eq!((*told, cause.kind.as_str()), (after, kind), "{trouble:?}");
    }
    for (trouble, kind, part) in [
        (Trouble::Error(400, "invalid_grant"), "unauthorized", "destinations login desk"),
        (Trouble::Error(401, "invalid_client"), "unauthorized", "client_id and client_secret"),
        (Trouble::Error(400, "unauthorized_client"), "unauthorized", "client_id"),
        (Trouble::Status(401, 0), "unauthorized", "client_id"),
        (Trouble::Error(400, "invalid_scope"), "rejected", "invalid_scope, says the"),
        (Trouble::Status(404, 0), "rejected", "HTTP 404"),
        (Trouble::Status(302, 0), "rejected", "HTTP 302"),
        (Trouble::Status(200, 0), "protocol", "without an access token"),
    ] {
        let failure = meeting(trouble).await;
        let Failure::Broken { cause } = &failure else { panic!("{failure:?}") };
        assert_eq!(cause.kind.as_str(), kind, "{trouble:?}");
        assert!(cause.to_string().contains(part), "{trouble:?} {cause}");
    }
}

#[tokio::test]
async fn an_absurd_wait_ends_with_a_probe_or_a_new_login_and_after_a_day_by_itself() {
    for way in ["probe", "login", "day"] {
        let lab = Lab::logged_in().await;
        let access = lab.access();
        lab.wait();
        lab.server.trouble(Trouble::Status(429, u32::MAX));
        access.token().await.unwrap_err();
        access.token().await.unwrap_err();
        match way {
            "probe" => drop(access.reload().await.unwrap()),
            "login" => drop(lab.log_in(&access).await),
            _ => lab.clock.step(Duration::from_hours(24)),
        }
        assert!(lab.is_good(&access.token().await.unwrap()), "{way}");
    }
}

#[tokio::test]
async fn nobody_there_is_later_and_a_wrong_secret_is_broken() {
    let lab = Lab::logged_in().await;
    lab.wait();
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut client = lab.client();
    if let Endpoints::Fixed(addresses) = &mut client.endpoints {
        addresses.token = format!("http://{nowhere}/token").parse().unwrap();
    }
    let grant = apertur_bridge::destinations::oauth::Grant::LoggedIn;
    let failure = lab.access_with(client, grant).token().await.unwrap_err();
    let Failure::Later { cause, .. } = &failure else { panic!("{failure:?}") };
    assert_eq!(cause.kind.as_str(), "unreachable");

    let client = Client { secret: "wrong".into(), ..lab.client() };
    let failure = lab.access_with(client, grant).token().await.unwrap_err();
    let Failure::Broken { cause } = &failure else { panic!("{failure:?}") };
    assert!(cause.what.contains("client_id and client_secret"), "{cause}");
}

#[tokio::test]
async fn an_answer_that_repeats_the_token_does_not_bring_it_into_the_text() {
    let lab = Lab::logged_in().await;
    let access = lab.access();
    lab.wait();
    lab.server.end_all_tokens();
    let failure = access.token().await.unwrap_err();
    assert!(failure.cause().detail.contains("no such grant: …"), "{failure:?}");
    lab.assert_silent(&format!("{failure:?}"));
}

#[tokio::test]
async fn an_answer_that_repeats_the_request_brings_no_secret_into_the_text() {
    for wants in [Wants::BasicForm, Wants::Form, Wants::Json] {
        let lab = Lab::wanting(wants);
        let style = match wants {
            Wants::Form => Style::Form,
            Wants::Json => Style::Json,
            Wants::BasicForm | Wants::BasicJson => Style::BasicForm,
        };
        let client = Client { style, ..lab.client() };
        let access = lab.access_with(client, Grant::LoggedIn);
        let login = access.login().unwrap();
        let back = sent_back(&login.url().await.unwrap());
        let code = url::Url::parse(&back).unwrap();
        let code = code.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        lab.server.trouble(Trouble::Echo(400));
        let failure = login.exchange(login.pasted(&back).unwrap()).await.unwrap_err();
        let said = format!("{failure:?}");
        assert!(said.contains("authorization_code") && !said.contains(&code), "{said}");
        lab.assert_silent(&said);
        lab.log_in(&access).await;
        for status in [400, 401, 500] {
            lab.wait();
            lab.server.trouble(Trouble::Echo(status));
            let said = format!("{:?}", access.token().await.unwrap_err());
            assert!(said.contains("grant_type"), "{said}");
            lab.assert_silent(&said);
        }
    }
}

#[tokio::test]
async fn a_server_that_reads_no_forms_is_asked_in_json_from_then_on() {
    let lab = Lab::wanting(Wants::BasicJson);
    let access = lab.access();
    lab.log_in(&access).await;
    for _ in 0..2 {
        lab.wait();
        assert!(lab.is_good(&access.token().await.unwrap()));
    }
    let statuses: Vec<_> = lab.server.seen().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [400, 200, 200, 200]);
}

#[tokio::test]
async fn a_refusal_in_oauth_s_words_is_not_asked_again_in_json() {
    let lab = Lab::logged_in().await;
    let access = lab.access();
    lab.wait();
    lab.server.end_all_tokens();
    access.token().await.unwrap_err();
    assert_eq!(lab.server.seen().len(), 2);
}

/// The client with a metadata document, and addresses of another server otherwise.
fn discovering(lab: &Lab, other: &FakeOauth) -> Client {
    let addresses = apertur_bridge::destinations::oauth::Addresses {
        authorize: Some(other.authorize_url()),
        token: other.token_url(),
    };
    let endpoints = Endpoints::Discovered { at: lab.server.discovery_url(), otherwise: addresses };
    Client { endpoints, ..lab.client() }
}

#[tokio::test]
async fn addresses_come_from_the_document_and_without_it_from_the_configuration() {
    let lab = Lab::new();
    let other = FakeOauth::start(Wants::BasicForm);
    let grant = apertur_bridge::destinations::oauth::Grant::LoggedIn;
    let access = lab.access_with(discovering(&lab, &other), grant);
    let begins = |url: url::Url, server: &FakeOauth| {
        assert!(url.as_str().starts_with(&format!("{}/org", server.url())), "{url}");
    };
    lab.server.discovery(Some(404));
    begins(access.login().unwrap().url().await.unwrap(), &other);
    lab.server.discovery(None);
    begins(access.login().unwrap().url().await.unwrap(), &lab.server);
    // It is remembered once it was there.
    lab.server.discovery(Some(500));
    begins(access.login().unwrap().url().await.unwrap(), &lab.server);
    lab.log_in(&access).await;
    assert_eq!(other.seen(), []);
    lab.wait();
    assert!(lab.is_good(&access.token().await.unwrap()));
}
