//! The look for what may be there: all pages, exact matches, never elsewhere.

use apertur_bridge::model::{Failure, Mode};

use super::{Lab, delivery, ending, id};
use crate::fakes::{
    desk::{Fault, Shape, What},
    zendesk::Switch,
};

#[tokio::test]
async fn what_was_stored_is_found_on_any_page_and_nothing_else() {
    let lab = Lab::new();
    lab.zendesk.set(Switch::PageOf(2));
    lab.zendesk.add_comment(9, "ref apertur-img_10 and apertur-img_1.jpg", "apertur-img_10.jpg");
    lab.zendesk.add_comment(9, "apertur-img_1", "img_1.jpg");
    lab.zendesk.add_comment(10, "ref apertur-img_1", "apertur-img_1.jpg");
    let wanted = [delivery("img_1", 9, None), delivery("img_2", 9, None)];
    assert_eq!(lab.destination.find(&wanted).await, Ok(vec![None, None]));

    lab.zendesk.fault(Fault::once("update", What::LoseAnswer));
    let lost = lab.send(&delivery("img_1", 9, Some(Mode::Contact))).await;
    assert!(matches!(lost, Err(Failure::Unknown { .. })), "{lost:?}");
    lab.zendesk.add_comment(9, "thanks", "");
    let found = lab.destination.find(&wanted).await.unwrap();
    let comment = &lab.zendesk.comments(9)[2];
    let receipt = found[0].as_ref().unwrap();
    assert_eq!(id(receipt, "comment"), Some(comment.id));
    assert_eq!(id(receipt, "attachment"), Some(comment.files[0].id));
    assert_eq!(receipt.url.as_deref(), Some("https://acme.zendesk.com/agent/tickets/9"));
    assert_eq!(found[1], None);
    // An agent redacted the file: the mark beside it is left.
    lab.zendesk.add_comment(9, "<p>x (ref apertur-img_2)</p>", "redacted.txt");
    let found = lab.destination.find(&wanted).await.unwrap();
    let note = |at: usize| found[at].as_ref().unwrap().note.as_deref();
    assert_eq!(note(0), None);
    assert!(note(1).is_some_and(|note| note.contains("its file is not listed")));
}

#[tokio::test]
async fn the_next_page_is_never_asked_of_somebody_else() {
    let lab = Lab::new();
    lab.zendesk.set(Switch::PageOf(1));
    for number in 0..3 {
        lab.zendesk.add_comment(9, &format!("{number}"), "");
    }
    lab.zendesk.set(Switch::LinksTo("http://127.0.0.1:1".to_owned()));
    let found = lab.destination.find(&[delivery("img_1", 9, None)]).await;
    assert_eq!(ending(&found), "later protocol");
    assert_eq!(lab.calls(), ["comments"]);
    // The account's own name is the account, wherever it is called.
    lab.zendesk.set(Switch::LinksTo("https://acme.zendesk.com".to_owned()));
    lab.zendesk.add_comment(9, "ref apertur-img_1", "");
    let found = lab.destination.find(&[delivery("img_1", 9, None)]).await.unwrap();
    assert!(found[0].is_some());
}

#[tokio::test]
async fn a_list_that_goes_on_in_another_manner_is_not_taken_for_whole() {
    let page = |next: serde_json::Value| {
        Shape::Json(serde_json::json!({"comments": [], "next_page": next, "count": 140}))
    };
    let look = async |body| {
        let lab = Lab::new();
        lab.zendesk.fault(Fault::once("comments", What::Status(200, body)));
        ending(&lab.destination.find(&[delivery("img_1", 9, None)]).await)
    };
    let next = "https://acme.zendesk.com/api/v2/tickets/9/comments.json?page=2";
    assert_eq!(look(page(next.into())).await, "later protocol");
    assert_eq!(look(page(serde_json::Value::Null)).await, "done");
}

#[tokio::test]
async fn a_look_that_fails_is_no_answer() {
    for (what, expected) in [
        (What::Status(500, Shape::Html), "later unavailable"),
        (What::LoseAnswer, "later unavailable"),
        (What::Garbage, "later protocol"),
        (What::Status(401, Shape::Empty), "broken unauthorized"),
        (What::RetryAfter(429, "5"), "later rate_limited"),
    ] {
        let lab = Lab::new();
        lab.zendesk.fault(Fault::once("comments", what.clone()));
        let found = lab.destination.find(&[delivery("img_1", 9, None)]).await;
        assert_eq!(ending(&found), expected, "{what:?}");
    }
    let lab = Lab::new();
    let gone = lab.destination.find(&[delivery("img_1", 1, None)]).await;
    assert_eq!(ending(&gone), "refused not_found");
}
