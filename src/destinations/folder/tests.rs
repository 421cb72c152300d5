//! The folder destination against real folders.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use proptest::{prelude::*, test_runner::TestRunner};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::{
    destinations::{
        Destination, Item, Parcel, Progress,
        storage::part_of,
        tests::{Steps, delivery, shared},
    },
    model::{Delivery, Digest, PhotoId, Receipt, SessionId, Severity, Tag},
    spool::SpooledFile,
};

struct Lab {
    home: tempfile::TempDir,
    folder: Storage<Folder>,
}

impl Lab {
    fn new(template: &str) -> Self {
        Self::within(tempfile::tempdir().unwrap(), template)
    }

    fn within(home: tempfile::TempDir, template: &str) -> Self {
        let path = home.path().join("root");
        let key_template = KeyTemplate::parse(template).unwrap();
        Self { folder: storage(Settings { path, key_template }, &shared()), home }
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("root")
    }

    fn delivery(&self, id: &str, bytes: &[u8]) -> Delivery {
        let mut delivery = delivery();
        delivery.photo.id = PhotoId::parse(id).unwrap();
        delivery.photo.size = Some(bytes.len() as u64);
        delivery.photo.sha256 = Some(Digest(Sha256::digest(bytes).into()));
        delivery
    }

    async fn send(&self, delivery: &Delivery, bytes: &[u8]) -> Result<Receipt, Failure> {
        let path = self.home.path().join("spooled");
        fs::write(&path, bytes).unwrap();
        let sha256 = delivery.photo.sha256.unwrap();
        let file = SpooledFile::at(path, delivery.photo.size.unwrap(), sha256);
        let parcel = Parcel { items: vec![Item { delivery: delivery.clone(), file }] };
        let progress = Progress(Arc::new(Steps::default()));
        Ok(self.folder.deliver(&parcel, &progress).await?.remove(0))
    }

    async fn put(&self, id: &str, bytes: &[u8]) -> Result<Receipt, Failure> {
        self.send(&self.delivery(id, bytes), bytes).await
    }
}

fn key(receipt: &Receipt) -> &str {
    &receipt.ids[0].value
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_photo_is_a_file_and_its_second_send_is_found() {
    let lab = Lab::new("{date}/{image_id}.{ext}");
    let photo = vec![7; 600_000];
    assert_eq!(lab.folder.find(&[lab.delivery("img_1", &photo)]).await, Ok(vec![None]));
    let receipt = lab.put("img_1", &photo).await.unwrap();
    assert_eq!((key(&receipt), receipt.found), ("2027-01-15/img_1.jpg", false));
    let at: url::Url = receipt.url.unwrap().parse().unwrap();
    assert_eq!(at.to_file_path().unwrap(), lab.root().join("2027-01-15/img_1.jpg"));
    assert_eq!(files(&lab.root()), [lab.root().join("2027-01-15/img_1.jpg")]);
    assert_eq!(fs::read(lab.root().join("2027-01-15/img_1.jpg")).unwrap(), photo);
    let again = lab.put("img_1", &photo).await.unwrap();
    assert_eq!((key(&again), again.found), ("2027-01-15/img_1.jpg", true));
    let found = lab.folder.find(&[lab.delivery("img_1", &photo)]).await.unwrap().remove(0).unwrap();
    assert_eq!(found, again);
}

#[tokio::test]
async fn another_photo_with_the_same_name_gets_its_id_in_the_name() {
    let lab = Lab::new("{filename}");
    lab.put("img_1", b"one").await.unwrap();
    let receipt = lab.put("img_2", b"two").await.unwrap();
    assert_eq!(key(&receipt), "photo 1-img_2.jpg");
    assert!(receipt.note.as_deref().unwrap().contains("its id was added"));
    assert_eq!(fs::read(lab.root().join("photo 1.jpg")).unwrap(), b"one");
    let found = lab.folder.find(&[lab.delivery("img_2", b"two")]).await.unwrap().remove(0).unwrap();
    assert_eq!((key(&found), found.found), ("photo 1-img_2.jpg", true));
    fs::write(lab.root().join("photo 1-img_2.jpg"), b"x").unwrap();
    let failure = lab.put("img_2", b"two").await.unwrap_err();
    assert!(matches!(failure, Failure::Refused { .. }), "{failure:?}");
    assert_eq!(files(&lab.root()).len(), 2);
}

#[tokio::test]
async fn what_a_killed_daemon_left_is_not_written_through() {
    let lab = Lab::new("{image_id}.{ext}");
    lab.put("img_1", b"one").await.unwrap();
    // Killed between link and unlink: the temporary name is the published file.
    let other = lab.delivery("img_1", b"other bytes").photo.sha256.unwrap();
    let part = lab.root().join(part_of("img_1-img_1.jpg", &other));
    fs::hard_link(lab.root().join("img_1.jpg"), &part).unwrap();
    fs::write(lab.root().join("img_1-img_1.jpg"), b"").unwrap();
    fs::remove_file(lab.root().join("img_1-img_1.jpg")).unwrap();
    lab.put("img_1", b"other bytes").await.unwrap();
    assert_eq!(fs::read(lab.root().join("img_1.jpg")).unwrap(), b"one");
    assert_eq!(fs::read(lab.root().join("img_1-img_1.jpg")).unwrap(), b"other bytes");
    assert_eq!(files(&lab.root()).len(), 2);
}

#[tokio::test]
async fn bytes_that_are_not_the_photo_are_never_published() {
    let lab = Lab::new("{image_id}.{ext}");
    let failure = lab.send(&lab.delivery("img_1", b"one"), b"two").await.unwrap_err();
    assert!(matches!(failure, Failure::Refused { .. }), "{failure:?}");
    let failure = lab.send(&lab.delivery("img_1", b"one"), b"shorter or longer").await.unwrap_err();
    assert!(matches!(failure, Failure::Later { .. }), "{failure:?}");
    assert_eq!(files(&lab.root()), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn a_symlink_that_leads_out_stops_the_photo() {
    let lab = Lab::new("{date}/{image_id}.{ext}");
    let outside = lab.home.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::create_dir(lab.root()).unwrap();
    let link = lab.root().join("2027-01-15");
    for target in [outside.as_path(), Path::new("nowhere"), &lab.home.path().join("spooled")] {
        symlink(target, &link).unwrap();
        let failure = lab.put("img_1", b"one").await.unwrap_err();
        assert_eq!(failure.cause().kind, ErrorKind::NotAllowed, "{failure:?}");
        fs::remove_file(&link).unwrap();
    }
    assert_eq!(files(&outside), [] as [PathBuf; 0]);
    fs::create_dir(&link).unwrap();
    symlink(outside.join("x"), link.join("img_1.jpg")).unwrap();
    let receipt = lab.put("img_1", b"one").await.unwrap();
    assert_eq!(key(&receipt), "2027-01-15/img_1-img_1.jpg");
    assert_eq!(files(&outside), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn a_folder_that_went_away_is_broken_and_not_made_again() {
    let lab = Lab::new("{image_id}.{ext}");
    lab.put("img_1", b"one").await.unwrap();
    fs::rename(lab.root(), lab.home.path().join("unmounted")).unwrap();
    let failure = lab.put("img_2", b"two").await.unwrap_err();
    assert!(matches!(failure, Failure::Broken { .. }), "{failure:?}");
    assert!(!lab.root().exists());
    let far = Settings { path: lab.root().join("a/b"), key_template: KeyTemplate::default() };
    let far = Lab { folder: storage(far, &shared()), home: tempfile::tempdir().unwrap() };
    let failure = far.put("img_1", b"one").await.unwrap_err();
    assert!(matches!(failure, Failure::Broken { .. }), "{failure:?}");
}

#[test]
fn the_disk_s_errors_have_their_meaning() {
    let means = |kind: std::io::ErrorKind| {
        let failure = Trouble::Disk(kind.into()).into_failure(Path::new("/photos"));
        assert!(!failure.cause().fix.is_empty());
        matches!(failure, Failure::Broken { .. })
    };
    use std::io::ErrorKind as Io;
    let broken = [Io::StorageFull, Io::QuotaExceeded, Io::ReadOnlyFilesystem, Io::PermissionDenied];
    assert!(broken.into_iter().all(means));
    assert!(!means(Io::InvalidFilename) && !means(Io::Other));
}

#[tokio::test]
async fn the_probe_tells_what_is_wrong_and_leaves_nothing() {
    let lab = Lab::new("{image_id}.{ext}");
    let worst = |findings: &[Finding]| findings.iter().map(|f| f.severity).max().unwrap();
    assert_eq!(worst(&lab.folder.probe().await), Severity::Warning);
    assert!(!lab.root().exists());
    fs::create_dir(lab.root()).unwrap();
    let findings = lab.folder.test(None).await;
    let subjects: Vec<_> = findings.iter().map(|finding| finding.subject.as_str()).collect();
    assert_eq!(subjects, ["folder", "space", "write", "look", "read", "remove"]);
    assert_eq!(files(&lab.root()), [] as [PathBuf; 0]);
    fs::remove_dir(lab.root()).unwrap();
    fs::write(lab.root(), b"").unwrap();
    assert_eq!(worst(&lab.folder.probe().await), Severity::Error);
}

#[tokio::test]
async fn a_test_makes_the_folder_as_the_first_photo_would_and_really_writes() {
    let lab = Lab::new("{date}/{image_id}.{ext}");
    let findings = lab.folder.test(None).await;
    let told: Vec<_> = findings.iter().map(|f| (f.subject.as_str(), f.severity)).collect();
    let steps = ["write", "look", "read", "remove"].map(|step| (step, Severity::Ok));
    assert_eq!(told, [&[("folder", Severity::Warning)][..], &steps].concat());
    assert_eq!(fs::read_dir(lab.root()).unwrap().count(), 0, "its own folder is gone");
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_is_broken() {
    let lab = Lab::new("{image_id}.{ext}");
    fs::create_dir(lab.root()).unwrap();
    fs::set_permissions(lab.root(), fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(lab.root().join("x"), b"").is_ok() {
        // The superuser may write everywhere; the mapping itself is tested above.
        return;
    }
    let failure = lab.put("img_1", b"one").await.unwrap_err();
    assert!(matches!(failure, Failure::Broken { .. }), "{failure:?}");
}

/// Texts that a guest or a hostile API user would choose.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<String>(),
        3 => prop::sample::select(vec![
            "..", "/", "\\", "../", "..\\", "~", ".", " ", "\0", "\n", "\u{202e}", "CON", "nul",
            "com1", ":", "|", "*", "?", "<", "{ext}", "%2e%2e%2f", "/etc/passwd", "C:\\", "-rf",
            "．．", "∕", "é", "💥", ".part", ".jpg", ".html",
        ]).prop_map(str::to_owned),
        1 => Just("x".repeat(300)),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

#[test]
fn no_name_leads_out_of_the_folder() {
    // In memory where there is such a place: thousands of fsyncs prove nothing about names.
    let home = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let template = "{tag:t}/{target}/{filename}/{stem}-{image_id}/{session_id}.{ext}";
    let lab = Lab::within(home, template);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(1500));
    let names = (hostile(), hostile(), hostile(), hostile());
    let outcome = runner.run(&names, |(filename, tag, session, media_type)| {
        let mut delivery = lab.delivery("img_1", b"one");
        delivery.photo.filename = Some(filename);
        delivery.photo.tags = vec![Tag { key: "t".to_owned(), value: tag }];
        delivery.photo.session = SessionId::parse(&session).ok();
        delivery.photo.media_type = Some(media_type);
        let receipt = runtime.block_on(lab.send(&delivery, b"one")).unwrap();
        let key = key(&receipt);
        prop_assert!(key.len() <= 900 && key.split('/').count() == 5, "{key}");
        let harmless = |part: &str| {
            !part.is_empty()
                && part.len() <= 240
                && !part.starts_with(['.', ' '])
                && !part.ends_with(['.', ' '])
                && !part.contains(|c: char| c.is_control() || r#"\:*?"<>|"#.contains(c))
        };
        prop_assert!(key.split('/').all(harmless), "{key}");
        let real = lab.root().join(key).canonicalize().unwrap();
        prop_assert!(real.starts_with(lab.root().canonicalize().unwrap()));
        Ok(())
    });
    outcome.unwrap();
    let mut top: Vec<_> =
        fs::read_dir(lab.home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    top.sort();
    assert_eq!(top, ["root", "spooled"]);
}
