//! Uploads live within one attempt: those that are not good are made anew once, those that
//! nobody will name are removed.

use std::time::Duration;

use apertur_bridge::{
    destinations::Allowance,
    model::{ErrorKind, Failure},
};

use super::{Lab, delivery, ending};
use crate::fakes::{
    desk::{Fault, Shape, What},
    zendesk::{Switch, named},
};

#[tokio::test]
async fn uploads_that_are_not_good_any_more_are_made_anew_once() {
    for invalid in [false, true] {
        let lab = Lab::new();
        lab.zendesk.set(Switch::BadUploadIsInvalid(invalid));
        let (status, body) = if invalid {
            (422, named("RecordInvalid", "Upload token is invalid"))
        } else {
            (404, named("RecordNotFound", "Not found"))
        };
        lab.zendesk.fault(Fault::once("update", What::Status(status, Shape::Json(body))));
        let photos = [delivery("a", 9, None), delivery("b", 9, None)];
        assert_eq!(lab.send_all(&photos).await.map(|all| all.len()), Ok(2));
        let (upload, remove) = ("upload", "unupload");
        let order = ["ticket", upload, upload, "update", remove, remove, upload, upload, "update"];
        assert_eq!(lab.calls(), order);
        assert_eq!(lab.zendesk.comments(9)[0].files.len(), 2);
        assert_eq!(lab.zendesk.loose_uploads(), 0);
    }
}

#[tokio::test]
async fn uploads_that_are_never_good_end_in_a_refusal() {
    let lab = Lab::new();
    lab.zendesk.set(Switch::UploadsLive(Duration::ZERO));
    // Their own end says so, so nothing is asked of the ticket.
    assert_eq!(ending(&lab.send(&delivery("a", 9, None)).await), "later timeout");
    assert!(!lab.calls().contains(&"update"), "{:?}", lab.calls());

    let lab = Lab::new();
    let body = Shape::Json(named("RecordNotFound", "Not found"));
    lab.zendesk.fault(Fault { on: "update", times: 9, what: What::Status(404, body) });
    assert_eq!(ending(&lab.send(&delivery("a", 9, None)).await), "refused not_found");
    assert_eq!(lab.calls().iter().filter(|call| **call == "update").count(), 2);
    assert_eq!((lab.zendesk.loose_uploads(), lab.zendesk.comments(9).len()), (0, 0));
}

#[tokio::test]
async fn a_parcel_that_fails_half_way_leaves_no_upload() {
    let lab = Lab::new();
    lab.zendesk.set(Switch::LargestFile(1000));
    let photos = [delivery("a", 9, None), delivery("a-longer-one", 9, None)];
    let sent = lab.send_all(&photos).await;
    assert_eq!(ending(&sent), "refused too_large");
    assert!(sent.unwrap_err().cause().fix.contains("max_attachment"));
    assert_eq!(lab.calls(), ["ticket", "upload", "upload", "unupload"]);
    assert_eq!(lab.zendesk.loose_uploads(), 0);

    for (what, expected) in [
        (What::Status(500, Shape::Html), "later unavailable"),
        (What::LoseAnswer, "later unavailable"),
        (What::Garbage, "later protocol"),
        (What::Status(403, Shape::Empty), "refused forbidden"),
    ] {
        let lab = Lab::new();
        lab.zendesk.fault(Fault::once("upload", what.clone()));
        let sent = lab.send(&delivery("a", 9, None)).await;
        assert_eq!(ending(&sent), expected, "{what:?}");
        assert_eq!(lab.zendesk.comments(9).len(), 0);
    }
}

#[tokio::test]
async fn a_comment_whose_end_is_not_known_keeps_its_uploads() {
    for what in [
        What::LoseAnswer,
        What::After(500, Shape::Html),
        What::Status(502, Shape::Empty),
        What::HalfAnswer,
        What::Garbage,
        What::Status(408, Shape::Empty),
    ] {
        let lab = Lab::new();
        lab.zendesk.fault(Fault::once("update", what.clone()));
        let sent = lab.send(&delivery("a", 9, None)).await;
        assert!(matches!(sent, Err(Failure::Unknown { .. })), "{what:?} {sent:?}");
        assert!(!lab.calls().contains(&"unupload"), "{what:?}");
    }
}

#[tokio::test]
async fn a_clash_comes_again_later_and_leaves_no_upload() {
    let lab = Lab::new();
    lab.zendesk.fault(Fault::once("update", What::Status(409, Shape::Empty)));
    assert_eq!(ending(&lab.send(&delivery("a", 9, None)).await), "later unavailable");
    assert_eq!(lab.zendesk.loose_uploads(), 0);
    assert_eq!(ending(&lab.send(&delivery("a", 9, None)).await), "done");
}

#[tokio::test]
async fn one_ticket_s_limit_does_not_stop_the_account() {
    let lab = Lab::new();
    lab.zendesk.fault(Fault::once("update", What::RetryAfter(429, "600")));
    let Err(Failure::Later { after, cause }) = lab.send(&delivery("a", 9, None)).await else {
        panic!("a 429")
    };
    assert_eq!((after, cause.kind), (Some(Duration::from_mins(10)), ErrorKind::RateLimited));
    // Told to slow down, nothing more is asked, not even to remove the upload.
    assert_eq!(lab.calls(), ["ticket", "upload", "update"]);
    assert_eq!(ending(&lab.send(&delivery("a", 10, None)).await), "done");
    // What comes next for that ticket waits without a call, until it is open again.
    lab.clock.step(Duration::from_secs(599));
    let calls = lab.calls().len();
    assert_eq!(ending(&lab.send(&delivery("b", 9, None)).await), "later rate_limited");
    assert_eq!(lab.calls().len(), calls);
    lab.clock.step(Duration::from_secs(1));
    assert_eq!(ending(&lab.send(&delivery("b", 9, None)).await), "done");

    let lab = Lab::new();
    lab.zendesk.fault(Fault::once("ticket", What::RetryAfter(429, "42")));
    assert_eq!(ending(&lab.send(&delivery("a", 9, None)).await), "later rate_limited");
    let Allowance::From(at) = lab.destination.allowance() else { panic!("closed") };
    assert_eq!(at, lab.clock.after(Duration::from_secs(42)));
    let other = lab.send(&delivery("a", 10, None)).await;
    assert!(matches!(other, Err(Failure::Later { after: Some(_), .. })), "{other:?}");
    assert_eq!(lab.calls(), ["ticket"]);
}

#[tokio::test]
async fn a_ticket_takes_thirty_comments_in_ten_minutes() {
    let lab = Lab::new();
    for photo in 0..30 {
        assert_eq!(ending(&lab.send(&delivery(&format!("p{photo}"), 9, None)).await), "done");
        lab.clock.step(Duration::from_secs(2));
    }
    let full = lab.send(&delivery("more", 9, None)).await;
    assert_eq!(ending(&full), "later rate_limited");
    assert_eq!(ending(&lab.send(&delivery("other", 10, None)).await), "done");
    lab.clock.step(Duration::from_mins(10));
    assert_eq!(ending(&lab.send(&delivery("more", 9, None)).await), "done");
    let (_, most, refused) = lab.zendesk.pace();
    assert_eq!((most, refused), (30, 0));
}
