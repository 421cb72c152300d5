//! What waits and what is held, and why.

use std::{sync::Arc, time::Duration};

use apertur_bridge::{
    journal::{Accepted, Arrival, Bytes, Journal, Pause, Planned, memory::Memory},
    model::{Cause, DestinationName, Digest, ErrorKind, ImageId, Photo, PhotoId, Scheme, Shape},
    system::Clock,
};
use jiff::Timestamp;

use super::certificate::{checkup, told};

fn name(text: &str) -> DestinationName {
    DestinationName::parse(text).unwrap()
}

/// A photo whose bytes are here, for a destination or none.
async fn arrive(journal: &Memory, image: &str, to: Option<&str>, at: Timestamp) {
    let photo = Photo {
        id: PhotoId::parse(image).unwrap(),
        image_id: Some(ImageId::parse(image).unwrap()),
        session: None,
        index: None,
        filename: None,
        media_type: Some("image/jpeg".to_owned()),
        size: Some(3),
        sha256: Some(Digest([image.len().try_into().unwrap(); 32])),
        tags: Vec::new(),
        target: None,
        mode: None,
        topic: None,
        shape: Shape::Event,
        scheme: Some(Scheme::Body),
        received_at: at,
    };
    let plan = vec![Planned { destination: to.map(name), target: None, mode: None }];
    let arrival = Arrival { photo, bytes: Bytes::Stored, plan, held: None, is_doubtful: false };
    assert_eq!(journal.accept(arrival).await.unwrap(), Accepted::New);
}

#[tokio::test]
async fn what_waits_too_long_is_told_of_with_the_reason() {
    let home = tempfile::tempdir().unwrap();
    let start: Timestamp = "2027-01-15T08:00:00Z".parse().unwrap();
    let clock = Clock::stepped(start);
    let journal = Arc::new(Memory::new());
    let mut checkup = checkup(home.path(), clock.clone());
    checkup.journal = Ok(Some(journal.clone()));
    let nothing = told(&checkup, "deliveries").await;
    assert_eq!(
        nothing,
        ["ok: oldest due: nothing waits for its turn", "ok: held: nothing waits for a person"]
    );
    arrive(&journal, "a", Some("erp"), start).await;
    arrive(&journal, "bb", None, start).await;
    clock.step(Duration::from_mins(4));
    assert!(told(&checkup, "deliveries").await[0].starts_with("ok: oldest due: due since"));
    clock.step(Duration::from_mins(2));
    let said = told(&checkup, "deliveries").await;
    assert_eq!(
        said[0],
        "warning: oldest due: a delivery is due since 2027-01-15T08:00:00Z: no \
                         daemon runs; start it, see above"
    );
    assert_eq!(
        said[1],
        "warning: held: 1 wait for a person: 1 (no destination: unrouted); \
                         apertur-bridge deliveries list --state held, then deliveries show ID; \
                         once it is mended: apertur-bridge deliveries replay --state held"
    );
    let cause = Cause::new(ErrorKind::Unauthorized, "the key is refused", "mend `api_key`");
    let pause =
        Pause { destination: name("erp"), since: start, cause: cause.with_detail("HTTP 401") };
    journal.set_pause(&name("erp"), Some(pause)).await.unwrap();
    assert_eq!(
        told(&checkup, "deliveries").await[0],
        "error: pause: erp gets nothing since 2027-01-15T08:00:00Z: the key is refused (HTTP 401); \
         mend `api_key`; it goes on by itself then: apertur-bridge destinations test erp"
    );
}
