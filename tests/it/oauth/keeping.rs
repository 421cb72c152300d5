//! `tokens.json`: private, never half, never overwritten by mistake.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    time::Duration,
};

use apertur_bridge::{destinations::oauth::Client, model::Failure};
use secrecy::ExposeSecret as _;

use super::{Lab, logged_out};

#[tokio::test]
async fn the_file_is_private_and_nothing_is_left_beside_it() {
    let lab = Lab::logged_in().await;
    lab.wait();
    // What a process left that was killed while it wrote.
    fs::write(lab.home.path().join("tokens.json.new"), "{ half").unwrap();
    let token = lab.access().token().await.unwrap();
    assert!(lab.text().contains(token.secret.expose_secret()));
    let mut names = Vec::new();
    for entry in fs::read_dir(lab.home.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        names.push(entry.file_name());
    }
    names.sort();
    assert_eq!(names, ["tokens.json", "tokens.lock"]);
}

#[tokio::test]
async fn a_pair_that_the_disk_does_not_take_is_kept_until_it_does() {
    let lab = Lab::logged_in().await;
    let access = lab.access();
    lab.wait();
    // The place of the temporary file is taken by something that cannot be removed.
    let beside = lab.home.path().join("tokens.json.new");
    fs::create_dir(&beside).unwrap();
    let before = lab.text();
    for _ in 0..2 {
        let failure = access.token().await.unwrap_err();
        let Failure::Later { cause, .. } = &failure else { panic!("{failure:?}") };
        assert_eq!(cause.kind.as_str(), "local");
        assert_eq!(lab.text(), before);
    }
    assert_eq!(lab.grants(), ["authorization_code", "refresh_token"]);
    fs::remove_dir(&beside).unwrap();
    let token = access.token().await.unwrap();
    assert!(lab.is_good(&token));
    assert_eq!(lab.grants().len(), 2);
    assert!(lab.text().contains(token.secret.expose_secret()));
}

#[tokio::test]
async fn a_process_killed_between_answer_and_write_leaves_the_old_pair() {
    let lab = Lab::logged_in().await;
    lab.wait();
    let beside = lab.home.path().join("tokens.json.new");
    fs::create_dir(&beside).unwrap();
    let before = lab.text();
    lab.access().token().await.unwrap_err();
    fs::remove_dir(&beside).unwrap();
    assert_eq!(lab.text(), before);
    // Its refresh token died with the answer: that is said, and a login helps.
    let restarted = lab.access();
    logged_out(&restarted.token().await.unwrap_err());
    lab.log_in(&lab.access()).await;
    assert!(lab.is_good(&restarted.token().await.unwrap()));

    // Where the other side still takes it, nobody has to do anything.
    lab.server.rotate(crate::fakes::oauth::Rotation::Grace);
    lab.wait();
    fs::create_dir(&beside).unwrap();
    lab.access().token().await.unwrap_err();
    fs::remove_dir(&beside).unwrap();
    assert!(lab.is_good(&lab.access().token().await.unwrap()));
}

#[tokio::test]
async fn a_damaged_file_is_said_and_not_overwritten() {
    let lab = Lab::logged_in().await;
    let good = lab.text();
    let unknown = good.replacen("\"scope\"", "\"colour\": 1, \"scope\"", 1);
    let half = good[..good.len() / 2].to_owned();
    for damaged in [String::new(), half, "[]".to_owned(), unknown] {
        fs::write(lab.file(), &damaged).unwrap();
        let access = lab.access();
        let login = access.login().unwrap();
        for failure in [access.token().await.unwrap_err(), login.url().await.unwrap_err()] {
            let Failure::Broken { cause } = &failure else { panic!("{failure:?}") };
            assert_eq!(cause.kind.as_str(), "local");
            assert!(cause.what.contains("tokens.json does not hold tokens"), "{cause}");
            assert!(cause.fix.contains("destinations login"), "{cause}");
            lab.assert_silent(&format!("{failure:?}"));
        }
        assert_eq!(lab.text(), damaged);
    }
}

#[tokio::test]
async fn a_pair_for_another_client_id_is_not_used() {
    let lab = Lab::logged_in().await;
    let client = Client { id: "fw_ext_another".to_owned(), ..lab.client() };
    let access = lab.access_with(client, apertur_bridge::destinations::oauth::Grant::LoggedIn);
    let what = logged_out(&access.token().await.unwrap_err());
    assert_eq!(what, "the login to Freshservice was made for another client_id");
    assert_eq!(lab.grants(), ["authorization_code"]);
}

#[tokio::test]
async fn the_pairs_of_other_destinations_stay_as_they_are() {
    let lab = Lab::logged_in().await;
    let other = lab.text().replacen("\"desk\"", "\"archive\"", 1);
    fs::write(lab.file(), &other).unwrap();
    let archive: serde_json::Value = serde_json::from_str(&other).unwrap();
    lab.log_in(&lab.access()).await;
    let both: serde_json::Value = serde_json::from_str(&lab.text()).unwrap();
    assert_eq!(both["archive"], archive["archive"]);
    assert!(both["desk"]["refresh_token"].is_string());
}

#[tokio::test]
async fn nothing_secret_is_in_a_debug_text() {
    let lab = Lab::logged_in().await;
    let access = lab.access();
    let login = access.login().unwrap();
    let url = login.url().await.unwrap();
    let back = super::sent_back(&url);
    let reply = login.pasted(&back).unwrap();
    let token = access.token().await.unwrap();
    lab.assert_silent(&format!("{access:?} {login:?} {reply:?} {token:?} {:?}", lab.client()));
    lab.assert_silent(url.as_str());
}

#[tokio::test]
async fn tokens_belong_to_the_owner_of_the_data_directory_whoever_logs_in() {
    let lab = Lab::new();
    // Root may give it away, as the packages' scripts do; nobody else can.
    let given = chown(lab.home.path(), Some(4711), Some(4712));
    assert!(given.is_ok() || fs::metadata(lab.home.path()).unwrap().uid() != 0);
    let owner = fs::metadata(lab.home.path()).unwrap().uid();
    lab.log_in(&lab.access()).await;
    for name in ["tokens.json", "tokens.lock"] {
        assert_eq!(fs::metadata(lab.home.path().join(name)).unwrap().uid(), owner, "{name}");
    }
}

#[tokio::test]
async fn a_process_at_work_on_the_file_is_waited_for() {
    let lab = Lab::logged_in().await;
    let access = lab.access();
    lab.wait();
    let theirs = fs::File::options().write(true).open(lab.home.path().join("tokens.lock")).unwrap();
    theirs.lock().unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(300), access.token()).await;
    assert!(waiting.is_err());
    assert_eq!(lab.grants(), ["authorization_code"]);
    drop(theirs);
    assert!(lab.is_good(&access.token().await.unwrap()));
}
