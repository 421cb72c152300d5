//! OneDrive alone: folders, signed addresses, the app's own folder.

use apertur_bridge::destinations::{
    drive::{DEFAULT_CONCURRENCY, DEFAULT_TIMEOUT, FolderPath},
    onedrive::{Settings as OneDrive, WIDE_SCOPES},
};

use super::*;
use crate::fakes::onedrive::FakeOneDrive;

super::contract!(FakeOneDrive);

impl Cloud for FakeOneDrive {
    const TYPE: &'static str = "onedrive";
    const OFFLINE: &'static [&'static str] = &[];
    const SCOPES: &'static [&'static str] = &WIDE_SCOPES;
    const PIECE: &'static str = "piece";
    const ASKS: &'static [&'static str] = &["ask"];

    fn last(size: usize) -> &'static str {
        if size > 4 << 20 { "piece" } else { "content" }
    }

    fn before_the_last(size: usize) -> usize {
        // A small one is refused first, since its folder is missing.
        if size > 4 << 20 { size.div_ceil(10 << 20) - 1 } else { 1 }
    }

    fn start(oauth: FakeOauth, clock: Clock, url: String) -> Self {
        Self::new(oauth, clock, url)
    }

    fn settings(url: &str, login: Client, key_template: KeyTemplate) -> Settings {
        Settings::Onedrive(Box::new(OneDrive {
            base_url: url.parse().unwrap(),
            login,
            folder: Some(FolderPath::parse("Apertur").unwrap()),
            key_template,
            timeout: DEFAULT_TIMEOUT,
            concurrency: DEFAULT_CONCURRENCY,
        }))
    }

    fn stored(&self) -> Vec<Stored> {
        let below = |path: &str| path.strip_prefix("/root/Apertur/").unwrap_or(path).to_owned();
        let mime = |mime: &str| Some(mime.to_owned());
        self.files().map(|f| (below(&f.path), f.bytes.clone(), mime(&f.mime))).collect()
    }

    fn add(&mut self, path: &str, bytes: &[u8]) {
        Self::add(self, &format!("/root/Apertur/{path}"), bytes);
    }

    fn fill(&mut self) {
        self.free = 0;
    }

    fn twins(&self) -> usize {
        0
    }
}

type Drive = Lab<FakeOneDrive>;

#[tokio::test]
async fn folders_are_made_when_they_are_missing_and_never_again() {
    let lab = Drive::with("{year}/{month}/{image_id}.{ext}").await;
    let (one, two) = tokio::join!(lab.send("img_1", b"one"), lab.send("img_2", b"two"));
    assert_eq!((ending(&one).as_str(), ending(&two).as_str()), ("done", "done"));
    lab.server.desk().makings.clear();
    lab.send("img_3", &picture(LARGE)).await.unwrap();
    assert_eq!(lab.server.desk().makings.len(), 0);
    assert_eq!(lab.paths(), ["2027/01/img_1.jpg", "2027/01/img_2.jpg", "2027/01/img_3.jpg"]);
}

#[tokio::test]
async fn what_somebody_puts_there_meanwhile_is_not_replaced_and_no_upload_stays_open() {
    let lab = Drive::with("photo.{ext}").await;
    for (id, size) in [("img_1", 3_000), ("img_2", LARGE)] {
        Cloud::add(&mut *lab.server.desk(), "photo.jpg", b"theirs");
        let nothing = serde_json::json!({ "error": { "code": "itemNotFound" } });
        lab.fault(Fault::once("item", What::Status(404, Body::Json(nothing))));
        let receipt = lab.send(id, &picture(size)).await.unwrap();
        assert_eq!(key(&receipt), format!("photo-{id}.jpg"));
    }
    assert_eq!(lab.server.desk().open_uploads(), 0);
    assert_eq!(lab.paths().len(), 3);
}

#[tokio::test]
async fn a_piece_that_is_there_already_is_not_sent_again() {
    let lab = Drive::new().await;
    let bytes = picture(LARGE);
    let already = serde_json::json!({ "error": { "code": "invalidRange" } });
    lab.fault(Fault::once("piece", What::After(416, Body::Json(already))));
    lab.send("img_1", &bytes).await.unwrap();
    assert!(lab.stored()[0].1 == bytes);
    assert_eq!(lab.calls().iter().filter(|call| **call == "piece").count(), 3);
}

#[tokio::test]
async fn a_name_that_is_refused_holds_its_photo_and_no_other() {
    let lab = Drive::new().await;
    let bytes = picture(LARGE);
    let invalid = serde_json::json!({ "error": { "code": "invalidRequest" } });
    for call in ["item", "begin", "piece"] {
        lab.fault(Fault::once(call, What::Status(400, Body::Json(invalid.clone()))));
        assert_eq!(ending(&lab.send("img_1", &bytes).await), "refused rejected", "{call}");
    }
    assert!(lab.stored().is_empty());
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
    let by = |seen: &Seen| seen.request.head.path().contains("/items/");
    let seen = lab.server.desk().core().seen.clone();
    assert!(seen.iter().filter(|seen| seen.endpoint == "delete").all(by), "{seen:?}");
}

#[tokio::test]
async fn an_answer_that_tells_of_no_file_leaves_a_doubt() {
    let folder = serde_json::json!({ "id": "1", "folder": {} });
    for (status, told, size) in [
        (200, serde_json::json!({}), 3_000),
        (201, folder.clone(), 3_000),
        (200, serde_json::json!({}), LARGE),
        (201, serde_json::json!({}), LARGE),
        (200, folder, LARGE),
    ] {
        let lab = Drive::with("{image_id}.{ext}").await;
        // The first one makes the folder.
        lab.send("img_0", b"zero").await.unwrap();
        if size == LARGE {
            lab.fault(Fault { on: "piece", times: 2, what: What::Stall(Duration::ZERO) });
        }
        let call = if size == LARGE { "piece" } else { "content" };
        lab.fault(Fault::once(call, What::After(status, Body::Json(told.clone()))));
        let sent = lab.send("img_1", &picture(size)).await;
        assert!(ending(&sent).starts_with("unknown"), "{status} {told} {size} {sent:?}");
        assert!(lab.send("img_1", &picture(size)).await.unwrap().found);
    }
}

#[tokio::test]
async fn the_app_s_own_folder_needs_no_permission_for_the_rest() {
    let lab = Drive::changed("{image_id}.{ext}", |_, settings| {
        let Settings::Onedrive(mut settings) = settings else { panic!("{settings:?}") };
        settings.folder = None;
        settings.login.scopes = vec!["Files.ReadWrite.AppFolder".to_owned()];
        Settings::Onedrive(settings)
    })
    .await;
    lab.server.desk().is_narrow = true;
    lab.send("img_1", b"one").await.unwrap();
    assert!(lab.send("img_1", b"one").await.unwrap().found);
    assert_eq!(lab.paths(), ["/approot/img_1.jpg"]);
    assert_eq!(errors(&lab.destination.test(None).await), [""; 0]);
    // With a folder of its own it would.
    let lab = Drive::new().await;
    lab.server.desk().is_narrow = true;
    assert_eq!(ending(&lab.send("img_1", b"one").await), "broken forbidden");
    assert_eq!(errors(&lab.destination.probe().await).len(), 1);
}
