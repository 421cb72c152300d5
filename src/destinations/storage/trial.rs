//! `destinations test`: a small object is written, seen, read back, compared and removed, each
//! step with its time.

use std::time::Instant;

use super::{Object, Store, Upload, Written};
use crate::{
    destinations::{
        key::{Beside, KeyTemplate},
        sample::{self, PICTURE},
    },
    model::{Cause, Failure, Finding, Severity},
};

/// Tries a store out where photos go. After the first step that fails only the removal is tried,
/// if there may be something to remove.
pub(super) async fn run(store: &impl Store, template: &KeyTemplate) -> Vec<Finding> {
    let mut findings = store.probe().await;
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return findings;
    }
    let place = template.beside(&format!("apertur-bridge-test-{}", uuid::Uuid::now_v7().simple()));
    let Beside { key, folder } = &place;
    let mut steps = Steps { findings: &mut findings, start: Instant::now() };
    let written = write(store, key).await;
    let may_be_there = matches!(&written, Ok(()) | Err(Failure::Unknown { .. }));
    if steps.step("write", &format!("wrote {key}"), written)
        && steps.step("look", "it is there, whole", look(store, key).await)
    {
        steps.step("read", "it reads back equal", read(store, key).await);
    }
    // Whatever failed, nothing is to be left there.
    if may_be_there {
        if !steps.step("remove", "it was removed", remove(store, &place).await) {
            steps.remains(folder.as_ref().unwrap_or(key), &store.place());
        }
    } else if let Some(folder) = folder {
        drop(store.remove_folder(folder).await);
    }
    findings
}

struct Steps<'a> {
    findings: &'a mut Vec<Finding>,
    start: Instant,
}

impl Steps<'_> {
    fn step(&mut self, subject: &str, what: &str, done: Result<(), Failure>) -> bool {
        let is_done = done.is_ok();
        let took = self.start.elapsed().as_millis();
        self.findings.push(match done {
            Ok(()) => Finding::ok(subject, format!("{what}, {took} ms")),
            Err(failure) => {
                let failed = Finding::failed(subject, &failure);
                Finding { what: format!("{}, {took} ms", failed.what), ..failed }
            }
        });
        self.start = Instant::now();
        is_done
    }

    fn remains(&mut self, key: &str, place: &str) {
        let what = format!("{key} may still be in {place}");
        self.findings.push(Finding::warning("remove", what, "remove it by hand"));
    }
}

fn odd(what: &str, fix: &str) -> Failure {
    Failure::Broken { cause: Cause::new(crate::model::ErrorKind::Protocol, what, fix) }
}

async fn write(store: &impl Store, key: &str) -> Result<(), Failure> {
    let (_kept, file) = sample::file().await?;
    let upload = Upload { file, media_type: sample::MEDIA_TYPE.to_owned() };
    match store.write(key, &upload).await? {
        Written::Done => Ok(()),
        Written::Taken => Err(odd(
            "a name that was never used is said to be taken",
            "look whether the storage lets this user list and read",
        )),
    }
}

async fn remove(store: &impl Store, place: &Beside) -> Result<(), Failure> {
    store.remove(&place.key).await?;
    match &place.folder {
        Some(folder) => store.remove_folder(folder).await,
        None => Ok(()),
    }
}

async fn look(store: &impl Store, key: &str) -> Result<(), Failure> {
    let fix = "look at the storage's own log: what it acknowledges it does not show";
    match store.stat(key).await? {
        Some(Object { size, .. }) if size == PICTURE.len() as u64 => Ok(()),
        Some(Object { size, .. }) => {
            Err(odd(&format!("it has {size} bytes instead of {}", PICTURE.len()), fix))
        }
        None => Err(odd("it is not there", fix)),
    }
}

async fn read(store: &impl Store, key: &str) -> Result<(), Failure> {
    if super::digest(store, key).await?.0 == sample::digest() {
        return Ok(());
    }
    let fix = "look for a proxy or a text mode that changes what goes through";
    Err(odd("it reads back with other bytes", fix))
}
