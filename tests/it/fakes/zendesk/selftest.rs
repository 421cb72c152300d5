//! The fake against the contract: every example, every trap.

use std::time::Duration;

use apertur_bridge::system::Clock;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{EMAIL, FakeZendesk, SCOPES, Switch, TOKEN};
use crate::fakes::desk::{Answer, Bearer, Client, Fault, What};

fn client(fake: &FakeZendesk) -> Client {
    let basic = STANDARD.encode(format!("{EMAIL}/token:{TOKEN}"));
    Client::new(&fake.url(), &format!("Basic {basic}"))
}

fn stepped() -> Clock {
    Clock::stepped(Timestamp::from_second(1_800_000_017).unwrap())
}

async fn uploaded(fake: &FakeZendesk, more: &str) -> Answer {
    let path = format!("/uploads.json?filename=apertur-img_demo_1.jpg{more}");
    client(fake).send(("POST", &path), "image/jpeg", "abc").await.unwrap()
}

async fn token(fake: &FakeZendesk) -> String {
    uploaded(fake, "").await.body["upload"]["token"].as_str().unwrap().to_owned()
}

async fn put(fake: &FakeZendesk, ticket: u64, comment: Value) -> Answer {
    let path = format!("/tickets/{ticket}.json");
    client(fake).json(("PUT", &path), &json!({"ticket": {"comment": comment}})).await
}

fn comment(public: bool) -> Value {
    json!({"html_body": "<p>Photo received (ref apertur-img_demo_1)</p>", "public": public})
}

/// A comment with one more field.
fn with(field: &str, value: impl Into<Value>) -> Value {
    let mut comment = comment(true);
    comment[field] = value.into();
    comment
}

#[tokio::test]
async fn the_examples_of_the_contract_come_true() {
    let fake = FakeZendesk::on(stepped());
    let upload = uploaded(&fake, "").await;
    assert_eq!(upload.status, 201);
    let upload = &upload.body["upload"];
    assert_eq!(upload["expires_at"], "2027-01-15T09:00:17Z");
    assert_eq!(upload["attachment"]["file_name"], "apertur-img_demo_1.jpg");
    assert_eq!(upload["attachment"]["content_type"], "image/jpeg");
    assert_eq!((&upload["attachment"]["size"], fake.loose_uploads()), (&json!(3), 1));
    let mut wanted = comment(true);
    wanted["author_id"] = 5501.into();
    wanted["uploads"] = json!([upload["token"]]);
    let body = json!({"ticket": {"comment": wanted, "metadata": {"photo": "img_demo_1"}}});
    let done = client(&fake).json(("PUT", "/tickets/9.json"), &body).await;
    assert_eq!((done.status, &done.body["ticket"]["id"]), (200, &json!(9)));
    let mut events = done.body["audit"]["events"].as_array().unwrap().iter();
    let event = events.rfind(|event| event["type"] == "Comment").unwrap();
    let kept = fake.comments(9).remove(0);
    assert_eq!((&event["id"], kept.author, kept.public), (&json!(kept.id), 5501, true));
    assert_eq!(kept.files[0].bytes.as_ref(), b"abc");
    assert_eq!(kept.metadata, json!({"photo": "img_demo_1"}));
    assert_eq!((fake.loose_uploads(), fake.overwritten()), (0, Vec::<String>::new()));
    let kinds: Vec<_> = fake.seen().iter().map(|seen| seen.endpoint).collect();
    assert_eq!(kinds, ["upload", "update"]);
    assert_eq!(put(&fake, 10, comment(false)).await.status, 200);
    let kept = fake.comments(10).remove(0);
    assert_eq!((kept.author, kept.public), (900, false));
}

#[tokio::test]
async fn an_upload_is_raw_named_and_typed() {
    let fake = FakeZendesk::start();
    let client = client(&fake);
    let post = async |path: &str, media: &str, body: &'static str| {
        client.send(("POST", path), media, body).await.unwrap().status
    };
    let named = "/uploads?filename=a%20b.jpg";
    assert_eq!(post(named, "image/jpeg", "abc").await, 201);
    assert_eq!(post(named, "", "abc").await, 422);
    assert_eq!(post(named, "multipart/form-data; boundary=XX", "--XX--").await, 422);
    assert_eq!(post(named, "image/jpeg", "").await, 422);
    assert_eq!(post("/uploads", "image/jpeg", "abc").await, 422);
    assert_eq!(post("/upload?filename=a", "image/jpeg", "abc").await, 404);
    fake.set(Switch::LargestFile(2));
    assert_eq!(post(named, "image/jpeg", "abc").await, 413);
    assert_eq!(fake.loose_uploads(), 1);
}

#[tokio::test]
async fn an_upload_token_works_once_and_not_for_ever() {
    let clock = stepped();
    let fake = FakeZendesk::on(clock.clone());
    let first = token(&fake).await;
    let second = uploaded(&fake, &format!("&token={first}")).await;
    assert_eq!(second.body["upload"]["attachments"].as_array().unwrap().len(), 2);
    assert_eq!(put(&fake, 9, with("uploads", vec![first.clone()])).await.status, 200);
    assert_eq!(fake.comments(9)[0].files.len(), 2);
    let again = put(&fake, 9, with("uploads", vec![first.clone()])).await;
    assert_eq!((again.status, &again.body["error"]), (404, &json!("RecordNotFound")));
    assert_eq!(uploaded(&fake, &format!("&token={first}")).await.status, 404);
    let old = token(&fake).await;
    clock.step(Duration::from_hours(1));
    fake.set(Switch::BadUploadIsInvalid(true));
    for bad in [old.as_str(), "unknown"] {
        assert_eq!(put(&fake, 9, with("uploads", vec![bad])).await.status, 422, "{bad}");
    }
    assert_eq!(put(&fake, 9, with("uploads", "x")).await.status, 422);
    let unused = token(&fake).await;
    let client = client(&fake);
    let remove = async |token: &str| {
        let path = format!("/uploads/{token}.json");
        client.send(("DELETE", &path), "", "").await.unwrap().status
    };
    assert_eq!(
        [remove(&unused).await, remove(&unused).await, remove(&first).await],
        [204, 404, 404]
    );
    assert_eq!(fake.comments(9).len(), 1);
}

#[tokio::test]
async fn a_comment_that_may_not_be_is_refused() {
    let fake = FakeZendesk::start();
    let rows = [
        (9, json!({"html_body": "a"})),
        (9, with("body", "a")),
        (9, json!({"public": true})),
        (9, with("html_body", " ")),
        (9, with("subject", "a")),
        (9, with("author_id", 77)),
        (9, with("author_id", 5502)),
        (9, with("author_id", 5504)),
        (9, json!({"html_body": "a", "public": false, "author_id": 5501})),
        (93, with("author_id", 5503)),
        (94, comment(true)),
        (95, comment(true)),
    ];
    for (ticket, row) in rows {
        let answer = put(&fake, ticket, row.clone()).await;
        let error = answer.body["error"].as_str().unwrap_or_default();
        assert_eq!((answer.status, error), (422, "RecordInvalid"), "{ticket} {row}");
    }
    let closed = put(&fake, 94, comment(true)).await;
    let why = "Status: closed prevents ticket update";
    assert_eq!(closed.body["details"]["status"][0]["description"], why);
    assert_eq!(put(&fake, 1, comment(true)).await.status, 404);
    let client = client(&fake);
    let call = ("PUT", "/tickets/9");
    assert_eq!(client.json(call, &json!({"comment": comment(true)})).await.status, 400);
    assert_eq!(client.send(call, "text/plain", "{}").await.unwrap().status, 415);
    assert_eq!(client.json(("POST", "/tickets/9/comments"), &comment(true)).await.status, 404);
    assert_eq!((fake.everything(), fake.comments(95).len()), (Vec::new(), 5000));
    let more = json!({"ticket": {"comment": comment(true), "tags": ["a"], "status": "open"}});
    assert_eq!(client.json(call, &more).await.status, 200);
    assert_eq!(fake.overwritten(), ["status", "tags"]);
}

#[tokio::test]
async fn only_good_credentials_come_in() {
    let clock = stepped();
    let fake = FakeZendesk::on(clock.clone());
    let ask = async |authorization: String, path: &str| {
        Client::new(&fake.url(), &authorization).get(path).await
    };
    let basic = |words: &str| format!("Basic {}", STANDARD.encode(words));
    let good = format!("{EMAIL}/token:{TOKEN}");
    assert_eq!(ask(basic(&good), "/tickets/count.json").await.status, 200);
    for wrong in ["", "x", &format!("{EMAIL}:{TOKEN}"), &format!("{EMAIL}/token:x"), TOKEN] {
        let answer = ask(basic(wrong), "/tickets/9").await;
        assert_eq!(
            (answer.status, answer.body),
            (401, json!({"error": "Couldn't authenticate you"}))
        );
    }
    let stranger = ask(String::new(), "/users/me.json").await;
    assert_eq!((stranger.status, &stranger.body["user"]["id"]), (200, &Value::Null));
    assert_eq!(ask(basic(&good), "/users/me").await.body["user"]["id"], 900);
    fake.set(Switch::NoApiTokens(true));
    assert_eq!(ask(basic(&good), "/tickets/9").await.status, 401);
    fake.set(Switch::NoApiTokens(false));
    let hour = Duration::from_hours(1);
    fake.allow(Bearer::new("good", &clock, hour, SCOPES));
    fake.allow(Bearer::new("wide", &clock, hour, "read write"));
    fake.allow(Bearer::new("odd", &clock, hour, "ticket:read"));
    let bearer = |token: &str| format!("Bearer {token}");
    for (token, status) in [("good", 200), ("wide", 200), ("odd", 403), ("none", 401)] {
        assert_eq!(ask(bearer(token), "/tickets/9").await.status, status, "{token}");
    }
    fake.set(Switch::UploadScope("write"));
    for (token, status) in [("good", 403), ("wide", 201)] {
        let client = Client::new(&fake.url(), &bearer(token));
        let answer = client.send(("POST", "/uploads?filename=a"), "image/png", "a").await.unwrap();
        assert_eq!(answer.status, status, "{token}");
    }
    clock.step(hour);
    assert_eq!(ask(bearer("good"), "/tickets/9").await.body["error"], "invalid_token");
    fake.forget_tokens();
    assert_eq!(ask(bearer("wide"), "/tickets/9").await.status, 401);
}

#[tokio::test]
async fn comments_come_in_pages_and_late() {
    let clock = stepped();
    let fake = FakeZendesk::on(clock.clone());
    let client = client(&fake);
    let ids: Vec<u64> = (0..6).map(|n| fake.add_comment(9, &format!("{n}"), "")).collect();
    fake.add_comment(10, "elsewhere", "a.jpg");
    fake.set(Switch::PageOf(3));
    let mut path = "/tickets/9/comments?page[size]=100".to_owned();
    let mut seen = Vec::new();
    for page in 1..=2 {
        let answer = client.get(&path).await;
        let comments = answer.body["comments"].as_array().unwrap();
        seen.extend(comments.iter().filter_map(|comment| comment["id"].as_u64()));
        assert_eq!(answer.body["meta"]["has_more"], page < 2);
        path = answer.body["links"]["next"].as_str().unwrap().to_owned();
    }
    assert_eq!(seen, ids);
    assert_eq!(client.get(&path).await.body["comments"], json!([]));
    let old = client.get("/tickets/9/comments.json?per_page=3&page=2").await;
    assert_eq!(old.body["comments"].as_array().unwrap().len(), 3);
    for wrong in ["page[size]=101", "page[size]=0", "page[size]=3&page=2", "sort=-created_at"] {
        let answer = client.get(&format!("/tickets/9/comments?{wrong}")).await;
        let error = (answer.status, &answer.body["errors"][0]["code"]);
        assert_eq!(error, (400, &json!("InvalidPaginationParameter")), "{wrong}");
    }
    fake.set(Switch::LinksTo("https://elsewhere".to_owned()));
    fake.set(Switch::ListsLag(Duration::from_secs(5)));
    let late = client.get("/tickets/9/comments?page[size]=100").await;
    assert_eq!(late.body["comments"], json!([]));
    assert!(late.body["links"]["next"].as_str().unwrap().starts_with("https://elsewhere/"));
    clock.step(Duration::from_secs(5));
    let all = client.get("/tickets/9/comments?page[size]=100").await;
    assert_eq!(all.body["comments"].as_array().unwrap().len(), 3);
    assert_eq!(client.get("/tickets/1/comments").await.status, 404);
}

#[tokio::test]
async fn an_account_and_a_ticket_have_their_limits() {
    let clock = stepped();
    let fake = FakeZendesk::on(clock.clone());
    for number in 0..30 {
        assert_eq!(put(&fake, 9, comment(true)).await.status, 200, "{number}");
    }
    let over = put(&fake, 9, comment(true)).await;
    assert_eq!((over.status, &over.body["error"]), (429, &json!("APIRateLimitExceeded")));
    assert_eq!(over.header("retry-after"), "600");
    let other = put(&fake, 10, comment(true)).await;
    let told = other.header("zendesk-ratelimit-tickets-update");
    assert_eq!(told, "total=100; remaining=68; resets=60");
    fake.set(Switch::Updates(Some(3)));
    assert_eq!(put(&fake, 10, comment(true)).await.status, 429);
    clock.step(Duration::from_mins(1));
    fake.set(Switch::Calls(Some(2)));
    let first = client(&fake).get("/tickets/9").await;
    fake.set(Switch::OthersCall(1));
    let told = ["x-rate-limit", "x-rate-limit-remaining", "ratelimit-remaining", "ratelimit-reset"];
    assert_eq!(told.map(|name| first.header(name)), ["2", "1", "1", "60"]);
    assert_eq!(client(&fake).get("/tickets/9").await.status, 429);
    assert_eq!((fake.pace(), fake.comments(9).len()), ((33, 31, 3), 30));
}

#[tokio::test]
async fn faults_hit_what_they_are_meant_for() {
    let fake = FakeZendesk::start();
    fake.fault(Fault::once("update", What::LoseAnswer));
    let good = token(&fake).await;
    let body = json!({"ticket": {"comment": with("uploads", vec![good])}});
    let client = client(&fake);
    let lost = client.send(("PUT", "/tickets/9"), "application/json", body.to_string());
    assert!(lost.await.is_none());
    assert_eq!((fake.comments(9).len(), fake.seen().len()), (1, 2));
    assert_eq!(fake.seen()[1].status, None);
    fake.forget_seen();
    assert_eq!(client.get("/tickets/9").await.body["ticket"]["requester_id"], 5501);
    assert_eq!(fake.seen().len(), 1);
}
