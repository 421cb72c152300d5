//! Keys, what is recognised and the trial, over a store in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::*;
use crate::{
    destinations::tests::{Steps, delivery, shared},
    model::{PhotoId, Severity},
};

/// A store in memory that does as it is told.
#[derive(Debug, Default)]
struct Shelf {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    tells_digests: bool,
    is_write_only: bool,
    /// Something other than asked for is written.
    garbles: bool,
    is_full: bool,
    /// Reading ends early.
    cuts: bool,
}

fn failed(kind: ErrorKind) -> Failure {
    Failure::Broken { cause: Cause::new(kind, "as it was told", "tell it otherwise") }
}

#[async_trait]
impl Store for Arc<Shelf> {
    fn kind(&self) -> Kind {
        Kind::Folder
    }

    fn place(&self) -> String {
        "a shelf".to_owned()
    }

    fn limits(&self) -> StoreLimits {
        StoreLimits { max_size: 1000, concurrency: 4 }
    }

    async fn probe(&self) -> Vec<Finding> {
        vec![Finding::ok("shelf", "stands")]
    }

    async fn stat(&self, key: &str) -> Result<Option<Object>, Failure> {
        tokio::task::yield_now().await;
        let objects = self.objects.lock().unwrap();
        let sha256 = |bytes: &Vec<u8>| Digest(Sha256::digest(bytes).into());
        Ok(objects.get(key).map(|bytes| Object {
            size: bytes.len() as u64,
            sha256: self.tells_digests.then(|| sha256(bytes)),
        }))
    }

    async fn write(&self, key: &str, upload: &Upload) -> Result<Written, Failure> {
        if self.is_full {
            return Err(failed(ErrorKind::Unavailable));
        }
        let mut file = upload.file.open().await.map_err(|error| unreadable(&error))?;
        let mut bytes = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut file, &mut bytes).await.unwrap();
        if self.garbles {
            bytes.reverse();
        }
        self.objects.lock().unwrap().insert(key.to_owned(), bytes);
        Ok(Written::Done)
    }

    async fn read(&self, key: &str) -> Result<Body, Failure> {
        if self.is_write_only {
            return Err(failed(ErrorKind::Forbidden));
        }
        let mut bytes = self.objects.lock().unwrap().get(key).cloned().unwrap();
        bytes.truncate(if self.cuts { bytes.len() - 1 } else { bytes.len() });
        Ok(Box::pin(futures_util::stream::iter([Ok(Bytes::from(bytes))])))
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        self.objects.lock().unwrap().remove(key);
        Ok(())
    }
}

struct Lab {
    shelf: Arc<Shelf>,
    storage: Storage<Arc<Shelf>>,
    steps: Arc<Steps>,
    home: tempfile::TempDir,
}

impl Lab {
    fn new(shelf: Shelf, template: &str) -> Self {
        Self::at(&Arc::new(shelf), template, &shared())
    }

    fn at(shelf: &Arc<Shelf>, template: &str, shared: &Shared) -> Self {
        let template = KeyTemplate::parse(template).unwrap();
        let storage = Storage::new(Arc::clone(shelf), template, shared);
        let home = tempfile::tempdir().unwrap();
        Self { shelf: Arc::clone(shelf), storage, steps: Arc::default(), home }
    }

    fn item(&self, id: &str, bytes: &[u8]) -> Item {
        let path = self.home.path().join(id);
        std::fs::write(&path, bytes).unwrap();
        let sha256 = Digest(Sha256::digest(bytes).into());
        let mut delivery = delivery();
        delivery.photo.id = PhotoId::parse(id).unwrap();
        delivery.photo.size = Some(bytes.len() as u64);
        delivery.photo.sha256 = Some(sha256);
        Item { delivery, file: SpooledFile::at(path, bytes.len() as u64, sha256) }
    }

    /// Delivers a photo; gives the key and whether it was found there.
    async fn send(&self, id: &str, bytes: &[u8]) -> Result<(String, bool), Failure> {
        let parcel = Parcel { items: vec![self.item(id, bytes)] };
        let progress = Progress(Arc::clone(&self.steps) as Arc<dyn crate::destinations::StepLog>);
        let receipt = self.storage.deliver(&parcel, &progress).await?.remove(0);
        Ok((receipt.ids[0].value.clone(), receipt.found))
    }

    async fn found(&self, id: &str, bytes: &[u8]) -> Option<String> {
        let item = self.item(id, bytes);
        let found = self.storage.find(&[item.delivery]).await.unwrap().remove(0);
        found.map(|receipt| receipt.ids[0].value.clone())
    }

    fn keys(&self) -> Vec<String> {
        self.shelf.objects.lock().unwrap().keys().cloned().collect()
    }
}

#[tokio::test]
async fn the_same_photo_again_is_found_and_not_written() {
    for tells_digests in [true, false] {
        let lab = Lab::new(Shelf { tells_digests, ..Shelf::default() }, "{date}/{image_id}.{ext}");
        assert_eq!(lab.found("img_1", b"one").await, None);
        let key = "2027-01-15/img_1.jpg".to_owned();
        assert_eq!(lab.send("img_1", b"one").await, Ok((key.clone(), false)));
        assert_eq!(lab.send("img_1", b"one").await, Ok((key.clone(), true)));
        assert_eq!(lab.found("img_1", b"one").await, Some(key));
        assert_eq!(lab.found("img_2", b"two").await, None);
    }
}

#[tokio::test]
async fn photos_that_render_to_one_key_never_replace_each_other() {
    for tells_digests in [true, false] {
        let lab = Lab::new(Shelf { tells_digests, ..Shelf::default() }, "photo.{ext}");
        // Of one length: only the bytes tell them apart.
        let (one, two) = (lab.send("img_1", b"one"), lab.send("img_2", b"two"));
        let (one, two) = tokio::join!(one, two);
        assert_eq!(one.unwrap(), ("photo.jpg".to_owned(), false));
        assert_eq!(two.unwrap(), ("photo-img_2.jpg".to_owned(), false));
        assert_eq!(lab.found("img_2", b"two").await.as_deref(), Some("photo-img_2.jpg"));
        assert_eq!(lab.keys(), ["photo-img_2.jpg", "photo.jpg"]);
    }
}

#[tokio::test]
async fn where_nothing_may_be_read_the_length_decides_for_a_key_of_its_own_alone() {
    let write_only = || Shelf { is_write_only: true, ..Shelf::default() };
    let lab = Lab::new(write_only(), "{image_id}.{ext}");
    lab.send("img_1", b"one").await.unwrap();
    assert_eq!(lab.send("img_1", b"one").await, Ok(("img_1.jpg".to_owned(), true)));
    let lab = Lab::new(write_only(), "photo.{ext}");
    lab.send("img_1", b"one").await.unwrap();
    let second = "photo-img_2.jpg".to_owned();
    assert_eq!(lab.send("img_2", b"two").await, Ok((second.clone(), false)));
    assert_eq!(lab.send("img_2", b"two").await, Ok((second, true)));
}

#[tokio::test]
async fn what_was_written_before_its_record_was_named_is_found() {
    let lab = Lab::new(Shelf::default(), "{target}/{image_id}.{ext}");
    let (key, _) = lab.send("img_1", b"one").await.unwrap();
    let mut delivery = lab.item("img_1", b"one").delivery;
    delivery.target = Some("odoo:res.partner:43".parse().unwrap());
    delivery.photo.target = delivery.target.clone();
    assert_eq!(lab.storage.find(&[delivery.clone()]).await, Ok(vec![None]));
    delivery.steps.clone_from(&lab.steps.0.lock().unwrap());
    let found = lab.storage.find(&[delivery]).await.unwrap().remove(0).unwrap();
    assert_eq!((found.ids[0].value.as_str(), found.found), (key.as_str(), true));
}

#[tokio::test]
async fn what_reads_back_too_short_is_compared_again_later() {
    let lab = Lab::new(Shelf { cuts: true, ..Shelf::default() }, "{image_id}.{ext}");
    lab.send("img_1", b"one").await.unwrap();
    let failure = lab.send("img_1", b"one").await.unwrap_err();
    assert!(matches!(failure, Failure::Later { .. }), "{failure:?}");
    assert_eq!(lab.keys(), ["img_1.jpg"]);
}

#[tokio::test]
async fn two_destinations_of_one_place_write_a_key_one_after_the_other() {
    let (shelf, shared) = (Arc::new(Shelf::default()), shared());
    let one = Lab::at(&shelf, "photo.{ext}", &shared);
    let two = Lab::at(&shelf, "photo.{ext}", &shared);
    let sent = tokio::join!(one.send("img_1", b"one"), two.send("img_2", b"two"));
    sent.0.unwrap();
    sent.1.unwrap();
    assert_eq!(one.keys(), ["photo-img_2.jpg", "photo.jpg"]);
}

#[tokio::test]
async fn two_names_taken_by_others_are_refused_with_the_way_out() {
    let lab = Lab::new(Shelf::default(), "photo.{ext}");
    for key in ["photo.jpg", "photo-img_1.jpg"] {
        lab.shelf.objects.lock().unwrap().insert(key.to_owned(), b"other".to_vec());
    }
    let failure = lab.send("img_1", b"one").await.unwrap_err();
    assert!(matches!(&failure, Failure::Refused { cause } if cause.fix.contains("key_template")));
}

#[tokio::test]
async fn a_trial_says_each_step_and_leaves_nothing() {
    let errors = |findings: &[Finding]| -> Vec<String> {
        let wrong = findings.iter().filter(|f| f.severity == Severity::Error);
        wrong.map(|f| f.subject.clone()).collect()
    };
    for (shelf, wrong) in [
        (Shelf::default(), vec![]),
        (Shelf { is_full: true, ..Shelf::default() }, vec!["write"]),
        (Shelf { garbles: true, ..Shelf::default() }, vec!["read"]),
        (Shelf { is_write_only: true, ..Shelf::default() }, vec!["read"]),
    ] {
        let lab = Lab::new(shelf, "{image_id}.{ext}");
        let findings = lab.storage.test(None).await;
        assert_eq!(errors(&findings), wrong, "{findings:?}");
        assert_eq!(lab.keys(), [""; 0]);
        // What was surely not written is not to be removed either.
        let removes = findings.iter().any(|f| f.subject == "remove");
        assert_eq!(removes, wrong != ["write"], "{findings:?}");
    }
}
