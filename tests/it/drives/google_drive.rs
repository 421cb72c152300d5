//! Google Drive alone: files of one name, shared drives, scopes, what people move.

use std::time::Duration;

use apertur_bridge::destinations::{
    drive::{DEFAULT_CONCURRENCY, DEFAULT_TIMEOUT, FolderPath},
    google_drive::{SCOPE, Settings as GoogleDrive},
};

use super::*;
use crate::fakes::google_drive::FakeDrive;

super::contract!(FakeDrive);

impl Cloud for FakeDrive {
    const TYPE: &'static str = "google_drive";
    const OFFLINE: &'static [&'static str] = &["access_type", "prompt"];
    const SCOPES: &'static [&'static str] = &[SCOPE];
    const PIECE: &'static str = "piece";
    const ASKS: &'static [&'static str] = &["ask"];

    fn last(_size: usize) -> &'static str {
        "piece"
    }

    fn before_the_last(size: usize) -> usize {
        size.div_ceil(8 << 20) - 1
    }

    fn start(oauth: FakeOauth, clock: Clock, url: String) -> Self {
        Self::new(oauth, clock, url)
    }

    fn settings(url: &str, login: Client, key_template: KeyTemplate) -> Settings {
        Settings::GoogleDrive(Box::new(GoogleDrive {
            base_url: url.parse().unwrap(),
            login,
            folder_id: None,
            folder: FolderPath::parse("Apertur").unwrap(),
            key_template,
            timeout: DEFAULT_TIMEOUT,
            concurrency: DEFAULT_CONCURRENCY,
        }))
    }

    fn stored(&self) -> Vec<Stored> {
        let below = |path: &str| path.strip_prefix("/root/Apertur/").unwrap_or(path).to_owned();
        let files = self.seen_files().into_iter();
        files.map(|(path, file)| (below(&path), file.bytes, Some(file.mime))).collect()
    }

    fn add(&mut self, path: &str, bytes: &[u8]) {
        // With this scope nobody sees it but its owner, so that its name is free.
        let folder = "application/vnd.google-apps.folder";
        let parent = Self::add(self, "Apertur", "root", folder, b"", true);
        Self::add(self, path, &parent, "image/jpeg", bytes, false);
    }

    fn fill(&mut self) {
        self.free = 0;
    }

    fn twins(&self) -> usize {
        let mut folders = self.folders();
        let all = folders.len();
        folders.dedup();
        all - folders.len()
    }
}

type Drive = Lab<FakeDrive>;

#[tokio::test]
async fn a_file_with_the_name_that_is_seen_is_left_and_the_photo_gets_its_id() {
    let lab = Drive::with("photo.{ext}").await;
    lab.server.desk().is_narrow = false;
    Cloud::add(&mut *lab.server.desk(), "photo.jpg", b"theirs");
    assert_eq!(key(&lab.send("img_1", b"ours").await.unwrap()), "photo-img_1.jpg");
    assert_eq!(lab.paths(), ["photo-img_1.jpg", "photo.jpg"]);
}

#[tokio::test]
async fn a_file_that_people_renamed_or_moved_is_found_and_one_in_the_trash_is_not() {
    let lab = Drive::with("{date}/{image_id}.{ext}").await;
    lab.send("img_1", b"one").await.unwrap();
    {
        let mut drive = lab.server.desk();
        let file = drive.at("/root/Apertur/2027-01-15/img_1.jpg");
        (file.name, file.parent) = ("Front door.jpg".to_owned(), "root".to_owned());
    }
    assert!(lab.send("img_1", b"one").await.unwrap().found);
    assert_eq!(lab.paths(), ["/root/Front door.jpg"]);
    lab.server.desk().at("/root/Front door.jpg").trashed = true;
    assert!(!lab.send("img_1", b"one").await.unwrap().found);
    assert_eq!(lab.paths(), ["2027-01-15/img_1.jpg"]);
}

#[tokio::test]
async fn a_folder_that_was_known_and_is_in_the_trash_is_made_anew() {
    let lab = Drive::new().await;
    lab.send("img_1", b"one").await.unwrap();
    lab.server.desk().at("/root/Apertur").trashed = true;
    let sent = lab.send("img_2", b"two").await;
    assert_eq!(ending(&sent), "later not_found");
    lab.send("img_2", b"two").await.unwrap();
    assert_eq!(lab.paths(), ["2027-01-15/img_2.jpg"]);
}

#[tokio::test]
async fn two_bridges_at_once_leave_one_file_and_one_folder() {
    let lab = Drive::new().await;
    lab.send("img_1", b"one").await.unwrap();
    let theirs = lab.stored();
    // Its probe forgets the folders, as another bridge never knew them. That one's are there by
    // the time this one looks again, and are older.
    lab.destination.probe().await;
    lab.fault(Fault { on: "folder", times: 1, what: What::Stall(Duration::ZERO) });
    let nothing = Body::Json(serde_json::json!({ "files": [] }));
    // Looks for the folder and the mark, twice; for the folder that is then made.
    lab.fault(Fault { on: "list", times: 5, what: What::Status(200, nothing) });
    let sent = lab.send("img_1", b"one").await.unwrap();
    assert!(sent.found, "{sent:?}");
    assert_eq!(lab.stored(), theirs);
    assert_eq!(lab.server.desk().twins(), 0);
    assert_eq!(lab.calls().iter().filter(|call| **call == "delete").count(), 2);
}

#[tokio::test]
async fn of_two_files_only_the_younger_one_is_removed_whatever_a_list_shows() {
    let lab = Drive::new().await;
    lab.send("img_0", b"zero").await.unwrap();
    // Both looks for the mark and the one for the name see nothing, and after the upload the
    // list shows another bridge's file alone, which is younger.
    let nothing = || Body::Json(serde_json::json!({ "files": [] }));
    let younger = serde_json::json!({ "files": [{ "id": "younger", "size": "3",
        "createdTime": "2027-01-15T09:00:00.000Z" }] });
    lab.fault(Fault { on: "list", times: 4, what: What::Status(200, nothing()) });
    lab.fault(Fault::once("list", What::Status(200, Body::Json(younger))));
    let sent = lab.send("img_1", b"one").await.unwrap();
    assert!(!sent.found, "{sent:?}");
    assert_eq!(lab.paths(), ["2027-01-15/img_0.jpg", "2027-01-15/img_1.jpg"]);
    // A lost answer is looked for when the list shows it for sure.
    assert!(lab.destination.limits().settles_in >= Duration::from_mins(2));
}

#[tokio::test]
async fn an_answer_that_tells_of_no_file_leaves_a_doubt() {
    for told in [serde_json::json!({}), serde_json::json!({ "id": "1" })] {
        let lab = Drive::new().await;
        lab.fault(Fault::once("piece", What::After(200, Body::Json(told.clone()))));
        lab.silence();
        let sent = lab.send("img_1", b"one").await;
        assert!(ending(&sent).starts_with("unknown"), "{told} {sent:?}");
        lab.server.desk().core().faults.clear();
        assert!(lab.send("img_1", b"one").await.unwrap().found);
    }
}

#[tokio::test]
async fn a_shared_drive_is_written_to_and_what_may_not_be_deleted_goes_to_the_trash() {
    let lab = Drive::changed("{image_id}.{ext}", |drive, settings| {
        let Settings::GoogleDrive(mut settings) = settings else { panic!("{settings:?}") };
        settings.folder_id = Some(drive.shared.clone());
        Settings::GoogleDrive(settings)
    })
    .await;
    lab.server.desk().is_narrow = false;
    lab.server.desk().is_paged = true;
    lab.send("img_1", b"one").await.unwrap();
    assert!(lab.send("img_1", b"one").await.unwrap().found);
    assert_eq!(lab.paths(), ["/drives/Shared/Apertur/img_1.jpg"]);
    let findings = lab.destination.test(None).await;
    assert_eq!(errors(&findings), [""; 0]);
    assert_eq!(lab.paths().len(), 1);
    // One that the scope does not show is no folder.
    lab.server.desk().is_narrow = true;
    let said = errors(&lab.destination.probe().await);
    assert!(said[0].contains("folder_id"), "{said:?}");
}

#[tokio::test]
async fn what_arrives_changed_is_removed_and_sent_again() {
    let lab = Drive::new().await;
    lab.server.desk().garbles = true;
    assert_eq!(ending(&lab.send("img_1", b"abc").await), "later protocol");
    assert!(lab.stored().is_empty());
    lab.server.desk().garbles = false;
    lab.server.desk().tells_digests = false;
    lab.send("img_1", b"abc").await.unwrap();
    assert!(lab.send("img_1", b"abc").await.unwrap().found, "it is read back");
    assert!(lab.calls().contains(&"get"));
}

#[tokio::test]
async fn an_upload_that_google_forgot_begins_anew() {
    let lab = Drive::new().await;
    let bytes = picture(LARGE);
    lab.fault(Fault::once("piece", What::Stall(Duration::ZERO)));
    lab.fault(Fault::once("piece", What::Status(410, Body::Empty)));
    assert_eq!(ending(&lab.send("img_1", &bytes).await), "later unavailable");
    assert!(lab.stored().is_empty());
    lab.send("img_1", &bytes).await.unwrap();
    assert!(lab.stored()[0].1 == bytes);
}

#[tokio::test]
async fn a_login_without_the_scope_is_an_error_of_the_probe() {
    let lab = Drive::logged_out("{image_id}", |_, settings| settings);
    lab.oauth.grant("https://www.googleapis.com/auth/drive.readonly");
    lab.log_in().await;
    let said = errors(&lab.destination.probe().await);
    assert!(said[0].contains("the login lacks https://www.googleapis.com/auth/drive.file"));
}
