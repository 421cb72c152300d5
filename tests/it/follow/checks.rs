//! Photos that never came.

use std::time::Duration;

use apertur_bridge::{
    intake::Listed,
    journal::{Accepted, Arrival, Bytes, Planned},
    model::{DeliveryState, DestinationName, Digest, ImageId, OwnSession, PhotoId, Shape},
};

use super::Rig;

/// A photo of a session that came by webhook, known by its bytes alone if it is `nameless`.
async fn came(rig: &Rig, own: &OwnSession, image: &str, is_nameless: bool) {
    let image = ImageId::parse(image).unwrap();
    let listed = Listed { image, filename: None, media_type: None, size: None };
    let mut photo = listed.photo(own, Shape::Multipart, rig.clock.now());
    let digest = Digest([7; 32]);
    (photo.sha256, photo.size) = (Some(digest), Some(1500));
    if is_nameless {
        photo.id = PhotoId::of_bytes(&digest, photo.target.as_ref());
        photo.image_id = None;
    }
    let destination = DestinationName::parse("erp").ok();
    let plan = vec![Planned { destination, target: photo.target.clone(), mode: None }];
    let arrival = Arrival { photo, bytes: Bytes::Stored, plan, held: None, is_doubtful: false };
    assert_eq!(rig.journal.accept(arrival).await.unwrap(), Accepted::New);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_to_come_is_announced_at_the_start_and_what_is_on_its_way_waits() {
    let mut rig = Rig::new();
    let own = rig.session(3600, 7200, false).await;
    for (image, status) in [
        ("here", "sent"),
        ("failed", "failed"),
        ("trying", "retrying"),
        ("new", "pending"),
        ("said", "sent"),
    ] {
        rig.upload(&own, image);
        rig.remote(image, status);
    }
    came(&rig, &own, "here", false).await;
    rig.start("").await;
    rig.pass(2).await;
    let story = rig.known("failed").await;
    assert_eq!((story.photo.shape, story.photo.target), (Shape::Reconciled, Some(own.target)));
    assert_eq!((story.fetch_state.as_str(), story.photo.scheme), ("wanted", None));
    // It was delivered to us and is not here.
    rig.known("said").await;
    assert_eq!(rig.counted("reconciled_photos_total"), 2);
    assert!(rig.story("trying").await.is_none() && rig.story("new").await.is_none());

    // One comes by itself, the other one is given up by Apertur without a word.
    rig.remote("new", "sent");
    let own = rig.journal.sessions().await.unwrap().remove(0);
    let listed = |image: &str| {
        let image = ImageId::parse(image).unwrap();
        Listed { image, filename: None, media_type: None, size: None }
    };
    let mut photo = listed("new").photo(&own, Shape::Event, rig.clock.now());
    photo.sha256 = Some(Digest([8; 32]));
    let arrival =
        Arrival { photo, bytes: Bytes::Stored, plan: Vec::new(), held: None, is_doubtful: false };
    rig.journal.accept(arrival).await.unwrap();
    for _ in 0..21 {
        rig.clock.step(Duration::from_mins(1));
        rig.settle().await;
    }
    rig.known("trying").await;
    assert_eq!(rig.counted("reconciled_photos_total"), 3);
    let calls = rig.calls("delivery-status");
    assert!((3..=6).contains(&calls), "{calls} in 21 minutes");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ended_while_we_were_down_is_asked_about_once() {
    let mut rig = Rig::new();
    let own = rig.session(7200, 60, false).await;
    rig.upload(&own, "img_1");
    rig.remote("img_1", "retrying");
    rig.clock.step(Duration::from_hours(5));
    rig.start("").await;
    rig.pass(2).await;
    rig.known("img_1").await;
    assert_eq!(rig.journal.unsettled_sessions().await.unwrap(), []);
    rig.end().await;
    let calls = rig.calls("");
    rig.start("").await;
    rig.pass(10).await;
    assert_eq!(rig.calls(""), calls, "it is settled");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_in_doubt_that_waits_to_be_polled_is_in_doubt_no_more() {
    let mut rig = Rig::new();
    let own = rig.session(60, 7200, true).await;
    rig.upload(&own, "img_1");
    let image = ImageId::parse("img_1").unwrap();
    let listed = Listed { image, filename: None, media_type: None, size: None };
    let mut photo = listed.photo(&own, Shape::Event, rig.clock.now());
    (photo.sha256, photo.target) = (Some(Digest([7; 32])), "odoo:res.partner:43".parse().ok());
    let arrival =
        Arrival { photo, bytes: Bytes::Stored, plan: Vec::new(), held: None, is_doubtful: true };
    rig.journal.accept(arrival).await.unwrap();
    rig.start("poll = true\n").await;
    rig.pass(10).await;
    let story = rig.known("img_1").await;
    assert_eq!(story.photo.target.as_ref(), Some(&own.target));
    let [delivery] = &story.deliveries[..] else { panic!("{story:?}") };
    assert_eq!(delivery.destination.as_ref().map(DestinationName::as_str), Some("erp"));
    assert_eq!(delivery.state, DeliveryState::Due);
    assert_eq!(rig.calls("img_1/ack"), 1);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_that_came_without_its_id_is_not_taken_again() {
    let mut rig = Rig::new();
    let own = rig.session(3600, 7200, false).await;
    came(&rig, &own, "img_1", true).await;
    rig.upload(&own, "img_1");
    rig.start("").await;
    rig.pass(2).await;
    assert!(rig.story("img_1").await.is_none(), "as many bytes came");
    assert_eq!(rig.calls("delivery-status"), 1);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_went_to_somebody_else_is_left_to_them() {
    let mut rig = Rig::new();
    let own = rig.session(3600, 7200, false).await;
    rig.upload(&own, "img_1");
    rig.start("session_destinations = [\"d0d0d0d0-2222-4333-8444-555555555599\"]\n").await;
    rig.pass(2).await;
    assert!(rig.story("img_1").await.is_none());
    assert_eq!(rig.calls("delivery-status"), 1);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_without_its_id_stands_for_one_of_its_size_and_the_other_is_fetched() {
    let mut rig = Rig::new();
    let own = rig.session(3600, 7200, false).await;
    came(&rig, &own, "img_1", true).await;
    rig.upload(&own, "img_1");
    rig.upload(&own, "img_2");
    rig.start("").await;
    rig.pass(2).await;
    rig.known("img_2").await;
    assert!(rig.story("img_1").await.is_none(), "as many bytes came");
    rig.end().await;
}
