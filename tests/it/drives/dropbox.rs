//! Dropbox alone: offsets, permissions, names in another case.

use apertur_bridge::destinations::{
    drive::{DEFAULT_CONCURRENCY, DEFAULT_TIMEOUT, FolderPath},
    dropbox::{SCOPES, Settings as Dropbox},
};

use super::*;
use crate::fakes::dropbox::FakeDropbox;

super::contract!(FakeDropbox);

impl Cloud for FakeDropbox {
    const TYPE: &'static str = "dropbox";
    const OFFLINE: &'static [&'static str] = &["token_access_type"];
    const SCOPES: &'static [&'static str] = &SCOPES;
    const PIECE: &'static str = "append";
    const ASKS: &'static [&'static str] = &[];

    fn last(size: usize) -> &'static str {
        if size > 8 << 20 { "finish" } else { "upload" }
    }

    fn before_the_last(_size: usize) -> usize {
        0
    }

    fn start(oauth: FakeOauth, clock: Clock, _url: String) -> Self {
        Self::new(oauth, clock)
    }

    fn settings(url: &str, login: Client, key_template: KeyTemplate) -> Settings {
        Settings::Dropbox(Box::new(Dropbox {
            api_url: url.parse().unwrap(),
            content_url: url.parse().unwrap(),
            login,
            folder: FolderPath::parse("Apertur").unwrap(),
            key_template,
            timeout: DEFAULT_TIMEOUT,
            concurrency: DEFAULT_CONCURRENCY,
        }))
    }

    fn stored(&self) -> Vec<Stored> {
        let below = |path: &str| path.strip_prefix("/Apertur/").unwrap_or(path).to_owned();
        self.files().map(|file| (below(&file.path), file.bytes.clone(), None)).collect()
    }

    fn add(&mut self, path: &str, bytes: &[u8]) {
        Self::add(self, &format!("/Apertur/{path}"), bytes);
    }

    fn fill(&mut self) {
        self.free = 0;
    }

    fn twins(&self) -> usize {
        0
    }
}

type Drive = Lab<FakeDropbox>;

#[tokio::test]
async fn a_name_in_another_case_is_taken() {
    let lab = Drive::with("photo.{ext}").await;
    Cloud::add(&mut *lab.server.desk(), "PHOTO.JPG", b"theirs");
    assert_eq!(key(&lab.send("img_1", b"ours").await.unwrap()), "photo-img_1.jpg");
    Cloud::add(&mut *lab.server.desk(), "photo-img_2.jpg/deep", b"theirs");
    let sent = lab.send("img_2", b"ours").await;
    assert_eq!(ending(&sent), "refused rejected", "a folder has the second name");
}

#[tokio::test]
async fn what_somebody_puts_there_meanwhile_is_not_replaced() {
    let lab = Drive::with("photo.{ext}").await;
    for (name, size) in [("photo.jpg", 3_000), ("photo-img_1.jpg", LARGE)] {
        // It is not there when it is looked for and is there when the upload ends.
        Cloud::add(&mut *lab.server.desk(), name, b"theirs");
        let summary = serde_json::json!({ "error_summary": "path/not_found/..", "error": {} });
        lab.fault(Fault::once("metadata", What::Status(409, Body::Json(summary))));
        let sent = lab.send("img_1", &picture(size)).await;
        assert!(ending(&sent) == "done" || name != "photo.jpg", "{sent:?}");
    }
    let theirs = lab.stored().iter().filter(|(_, bytes, _)| bytes == b"theirs").count();
    assert_eq!(theirs, 2);
}

#[tokio::test]
async fn what_arrives_changed_is_removed_and_sent_again() {
    let lab = Drive::new().await;
    lab.server.desk().garbles = true;
    for size in [3_000, LARGE] {
        assert_eq!(ending(&lab.send("img_1", &picture(size)).await), "later protocol");
        assert!(lab.stored().is_empty());
    }
    // By what it is: under its path somebody may have put another one.
    let by = |seen: &Seen| String::from_utf8_lossy(&seen.request.body).contains("\"id:");
    let seen = lab.server.desk().core().seen.clone();
    assert!(seen.iter().filter(|seen| seen.endpoint == "delete").all(by), "{seen:?}");
}

#[tokio::test]
async fn an_answer_that_tells_of_no_file_leaves_a_doubt() {
    for (told, size) in [("{}", 3_000), (r#"{"id": "id:1"}"#, 3_000), ("{}", LARGE)] {
        let lab = Drive::new().await;
        let call = if size == LARGE { "finish" } else { "upload" };
        let told: serde_json::Value = serde_json::from_str(told).unwrap();
        lab.fault(Fault::once(call, What::After(200, Body::Json(told))));
        lab.fault(Fault { on: "finish", times: 9, what: What::CloseBefore });
        let sent = lab.send("img_1", &picture(size)).await;
        assert!(ending(&sent).starts_with("unknown"), "{size} {sent:?}");
        lab.server.desk().core().faults.clear();
        assert!(lab.send("img_1", &picture(size)).await.unwrap().found);
        // A page that is no answer about a file is no folder in its place either.
        lab.fault(Fault::once("metadata", What::Status(200, Body::Json(serde_json::json!({})))));
        assert_eq!(ending(&lab.send("img_1", &picture(size)).await), "later protocol");
    }
}

#[tokio::test]
async fn a_name_that_is_refused_holds_its_photo_and_no_other() {
    let lab = Drive::new().await;
    let summary = serde_json::json!({ "error_summary": "path/malformed_path/..", "error": {} });
    for call in ["metadata", "upload"] {
        lab.fault(Fault::once(call, What::Status(409, Body::Json(summary.clone()))));
        assert_eq!(ending(&lab.send("img_1", b"abc").await), "refused rejected");
    }
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let lab = Drive::new().await;
    lab.server.desk().lacks = Some(("files.content.write", "upload"));
    let sent = lab.send("img_1", b"abc").await;
    assert_eq!(ending(&sent), "broken forbidden");
    assert!(sent.unwrap_err().cause().fix.contains("files.content.write"));
    let lab = Drive::logged_out("{image_id}", |_, settings| settings);
    lab.oauth.grant("account_info.read files.metadata.read files.content.read");
    lab.log_in().await;
    let said = errors(&lab.destination.probe().await);
    assert!(said[0].contains("the login lacks files.content.write"), "{said:?}");
}
