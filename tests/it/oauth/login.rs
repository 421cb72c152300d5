//! The login of a person: what goes to the browser and what comes back.

use apertur_bridge::{destinations::oauth::Unreadable, model::Failure};

use super::{Lab, sent_back};

#[tokio::test]
async fn a_login_says_what_was_granted_and_until_when() {
    let lab = Lab::new();
    let granted = lab.log_in(&lab.access()).await;
    assert_eq!(granted.scopes, ["tickets.view", "tickets.write"]);
    assert_eq!(granted.missing, [""; 0]);
    assert_eq!(granted.expires_at.unwrap().to_string(), "2027-01-15T08:30:00Z");
    assert_eq!(granted.login_ends_at.unwrap().to_string(), "2028-01-15T08:00:00Z");
    lab.server.tell_scope(false);
    assert_eq!(lab.log_in(&lab.access()).await.scopes, ["tickets.view", "tickets.write"]);
}

#[tokio::test]
async fn what_comes_back_is_read_in_every_form() {
    let lab = Lab::new();
    let access = lab.access();
    let login = access.login().unwrap();
    let url = login.url().await.unwrap();
    let back = sent_back(&url);
    let (_, query) = back.split_once('?').unwrap();
    let (_, target) = back.split_once("localhost:8789").unwrap();
    let code = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code");
    let code = code.unwrap().1.into_owned();
    for text in [&back, &format!(" {back}#top \n"), &format!("?{query}"), &query.into(), &code] {
        login.pasted(text).unwrap();
    }
    let reply = login.redirected(target).unwrap();
    login.exchange(reply).await.unwrap();
    // A code is good once.
    let failure = login.exchange(login.pasted(&code).unwrap()).await.unwrap_err();
    let Failure::Broken { cause } = &failure else { panic!("{failure:?}") };
    assert!(cause.what.contains("refuses the code"), "{cause}");
    lab.assert_silent(&format!("{failure:?}"));
}

#[tokio::test]
async fn what_belongs_to_no_login_or_another_is_not_taken() {
    let lab = Lab::new();
    let access = lab.access();
    let (login, other) = (access.login().unwrap(), access.login().unwrap());
    let theirs = sent_back(&other.url().await.unwrap());
    let (_, target) = theirs.split_once("localhost:8789").unwrap();
    assert_eq!(login.redirected(target).unwrap_err(), Unreadable::State);
    assert_eq!(login.pasted(&theirs).unwrap_err(), Unreadable::State);
    assert_eq!(login.redirected("/callback?code=abc").unwrap_err(), Unreadable::State);
    for target in ["/favicon.ico", "/", "/callback", "/callback?", "/x?code=a&state=b", "", "*"] {
        assert_eq!(login.redirected(target).unwrap_err(), Unreadable::Other, "{target}");
    }
    for text in ["", "  ", "two words", "http://localhost:8789/callback", "é", "?x=1"] {
        assert_eq!(login.pasted(text).unwrap_err(), Unreadable::Other, "{text}");
    }
}

#[tokio::test]
async fn a_person_who_says_no_is_heard() {
    let lab = Lab::new();
    lab.server.deny();
    let access = lab.access();
    let login = access.login().unwrap();
    let back = sent_back(&login.url().await.unwrap());
    assert_eq!(login.pasted(&back).unwrap_err(), Unreadable::Refused("access_denied".to_owned()));
    let bare = "/callback?error=access_denied&error_description=not+today";
    let refused = Unreadable::Refused("access_denied, not today".to_owned());
    assert_eq!(login.redirected(bare).unwrap_err(), refused);
    let forged = "/callback?error=access_denied&state=other";
    assert_eq!(login.redirected(forged).unwrap_err(), Unreadable::State);
    assert!(!lab.file().exists());
}

#[tokio::test]
async fn a_login_that_fails_leaves_the_earlier_one_in_force() {
    let lab = Lab::logged_in().await;
    let before = lab.text();
    let access = lab.access();
    let login = access.login().unwrap();
    login.exchange(login.pasted("no-code-of-theirs").unwrap()).await.unwrap_err();
    assert_eq!(lab.text(), before);
    assert!(lab.is_good(&access.token().await.unwrap()));
}
