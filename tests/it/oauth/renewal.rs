//! One new token however many ask, in one process and in several.

use std::time::Duration;

use apertur_bridge::destinations::oauth::{Access, Grant, Token};
use secrecy::ExposeSecret as _;

use super::{Lab, logged_out};
use crate::fakes::oauth::{Rotation, Trouble};

/// The secrets of what so many askers get at once, without repetition.
async fn crowd(accesses: &[Access], refused: Option<&Token>) -> Vec<String> {
    let ask = |access: Access| {
        let refused = refused.cloned();
        tokio::spawn(async move {
            match refused {
                Some(refused) => access.renew(&refused).await,
                None => access.token().await,
            }
        })
    };
    let askers: Vec<_> = (0..50).map(|i| ask(accesses[i % accesses.len()].clone())).collect();
    let mut got = Vec::new();
    for asker in askers {
        got.push(asker.await.unwrap().unwrap().secret.expose_secret().to_owned());
    }
    got.sort();
    got.dedup();
    got
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_askers_get_one_new_token_by_one_request() {
    let lab = Lab::logged_in().await;
    let access = lab.access();
    lab.wait();
    lab.server.delay(Duration::from_millis(100));
    let got = crowd(std::slice::from_ref(&access), None).await;
    assert_eq!(got.len(), 1);
    assert!(lab.server.is_good(&got[0]));
    assert_eq!(lab.grants(), ["authorization_code", "refresh_token"]);

    let refused = access.token().await.unwrap();
    lab.server.end_access_tokens();
    let got = crowd(std::slice::from_ref(&access), Some(&refused)).await;
    assert_eq!(got.len(), 1);
    assert!(lab.server.is_good(&got[0]));
    assert_eq!(lab.grants().len(), 3);
    assert_ne!(got[0], refused.secret.expose_secret());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_on_one_file_get_one_new_token_by_one_request() {
    let lab = Lab::logged_in().await;
    let processes = [lab.access(), lab.access()];
    for process in &processes {
        process.token().await.unwrap();
    }
    lab.wait();
    lab.server.delay(Duration::from_millis(100));
    let got = crowd(&processes, None).await;
    assert_eq!(got.len(), 1);
    assert_eq!(lab.grants(), ["authorization_code", "refresh_token"]);

    // One of them is told to renew, the other hears of it by its own 401.
    let refused = processes[0].token().await.unwrap();
    lab.server.end_access_tokens();
    let renewed = processes[0].renew(&refused).await.unwrap();
    let taken_over = processes[1].renew(&refused).await.unwrap();
    assert_eq!(renewed.secret.expose_secret(), taken_over.secret.expose_secret());
    assert_eq!(lab.grants().len(), 3);
}

#[tokio::test]
async fn a_token_is_used_until_shortly_before_its_end_and_survives_a_restart() {
    let lab = Lab::logged_in().await;
    let first = lab.access().token().await.unwrap();
    lab.clock.step(Duration::from_secs(1700));
    let access = lab.access();
    let same = access.token().await.unwrap();
    assert_eq!(same.secret.expose_secret(), first.secret.expose_secret());
    assert_eq!(lab.grants(), ["authorization_code"]);

    // A minute before the end it is replaced, in a process that runs and in one that starts.
    lab.clock.step(Duration::from_secs(40));
    let next = access.token().await.unwrap();
    assert!(lab.is_good(&next));
    let again = lab.access().token().await.unwrap();
    assert_eq!(again.secret.expose_secret(), next.secret.expose_secret());
    assert_eq!(lab.grants(), ["authorization_code", "refresh_token"]);
}

#[tokio::test]
async fn a_token_that_lives_for_seconds_is_used_for_half_of_them() {
    let lab = Lab::new();
    lab.server.live(20);
    lab.log_in(&lab.access()).await;
    let access = lab.access();
    lab.clock.step(Duration::from_secs(9));
    access.token().await.unwrap();
    assert_eq!(lab.grants(), ["authorization_code"]);
    lab.clock.step(Duration::from_secs(1));
    assert!(lab.is_good(&access.token().await.unwrap()));
    access.token().await.unwrap();
    assert_eq!(lab.grants(), ["authorization_code", "refresh_token"]);
}

#[tokio::test]
async fn rotating_and_lasting_refresh_tokens_both_go_on_for_ever() {
    for rotation in [Rotation::Dies, Rotation::Grace, Rotation::Stays] {
        let lab = Lab::logged_in().await;
        lab.server.rotate(rotation);
        // A lasting one is not named again, nor is the scope.
        lab.server.tell_scope(rotation != Rotation::Stays);
        let access = lab.access();
        for _ in 0..3 {
            lab.wait();
            let token = access.token().await.unwrap();
            assert!(lab.is_good(&token), "{rotation:?}");
            assert_eq!(access.missing_scopes(&token), [""; 0]);
            assert_eq!(token.scope.as_deref(), Some("tickets.view tickets.write"));
        }
        lab.wait();
        assert!(lab.is_good(&lab.access().token().await.unwrap()), "{rotation:?} restarted");
    }
}

#[tokio::test]
async fn an_asker_that_is_cut_off_loses_no_answer() {
    let lab = Lab::logged_in().await;
    let access = lab.access();
    lab.wait();
    lab.server.delay(Duration::from_millis(300));
    let cut = tokio::time::timeout(Duration::from_millis(50), access.token()).await;
    assert!(cut.is_err());
    let token = access.token().await.unwrap();
    assert!(lab.is_good(&token));
    assert_eq!(lab.grants(), ["authorization_code", "refresh_token"]);
    assert!(lab.text().contains(token.secret.expose_secret()));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_old_token() {
    let lab = Lab::logged_in().await;
    lab.server.rotate(Rotation::Grace);
    let access = lab.access();
    lab.wait();
    lab.server.trouble(Trouble::LostAnswer);
    let before = lab.text();
    let lost = access.token().await.unwrap_err();
    assert!(matches!(lost, apertur_bridge::model::Failure::Later { .. }), "{lost:?}");
    assert_eq!(lab.text(), before);
    assert!(lab.is_good(&access.token().await.unwrap()));

    // Where the old one died with the lost answer, only a person can help, and is told so.
    lab.server.rotate(Rotation::Dies);
    lab.wait();
    lab.server.trouble(Trouble::LostAnswer);
    access.token().await.unwrap_err();
    let what = logged_out(&access.token().await.unwrap_err());
    assert_eq!(what, "the login to Freshservice ended: it was revoked or ran out");
}

#[tokio::test]
async fn a_login_by_another_process_ends_the_trouble_without_a_restart() {
    let lab = Lab::new();
    let daemon = lab.access();
    assert_eq!(logged_out(&daemon.token().await.unwrap_err()), "nobody logged in to Freshservice");
    lab.log_in(&lab.access()).await;
    let token = daemon.token().await.unwrap();

    // The access is taken away while the daemon holds a token that looks good.
    lab.server.end_all_tokens();
    logged_out(&daemon.renew(&token).await.unwrap_err());
    lab.log_in(&lab.access()).await;
    assert!(lab.is_good(&daemon.token().await.unwrap()));
}

#[tokio::test]
async fn a_login_with_more_scopes_is_seen_by_the_next_probe() {
    let lab = Lab::new();
    let daemon = lab.access();
    lab.server.grant("tickets.view");
    let granted = lab.log_in(&lab.access()).await;
    assert_eq!(granted.missing, ["tickets.write"]);
    let token = daemon.token().await.unwrap();
    assert_eq!(daemon.missing_scopes(&token), ["tickets.write"]);

    lab.server.grant("tickets.view tickets.write");
    lab.log_in(&lab.access()).await;
    let same = daemon.token().await.unwrap();
    assert_eq!(same.secret.expose_secret(), token.secret.expose_secret());
    let token = daemon.reload().await.unwrap();
    assert_eq!(daemon.missing_scopes(&token), [""; 0]);
}

#[tokio::test]
async fn a_client_of_its_own_asks_again_and_keeps_nothing() {
    let lab = Lab::wanting(crate::fakes::oauth::Wants::Json);
    let style = apertur_bridge::destinations::oauth::Style::Json;
    let client = apertur_bridge::destinations::oauth::Client { style, ..lab.client() };
    let access =
        lab.access_with(client, Grant::ClientCredentials { lifetime: Duration::from_hours(1) });
    assert!(access.login().is_err());
    let token = access.token().await.unwrap();
    assert!(lab.is_good(&token));
    assert_eq!(token.expires_at, Some(lab.clock.after(Duration::from_hours(1))));
    lab.clock.step(Duration::from_mins(58));
    access.token().await.unwrap();
    assert_eq!(lab.grants(), ["client_credentials"]);
    lab.clock.step(Duration::from_mins(1));
    let next = access.token().await.unwrap();
    lab.server.end_access_tokens();
    assert!(lab.is_good(&access.renew(&next).await.unwrap()));
    assert_eq!(lab.grants().len(), 3);
    assert!(!lab.file().exists());
    lab.server.grant("tickets.view");
    assert_eq!(access.missing_scopes(&access.reload().await.unwrap()), ["tickets.write"]);
}
