//! Photos that were announced, and the ways to them.

use std::time::Duration;

use super::{Rig, kind, photo};
use crate::{fakes::apertur::Way, look};

fn ways(rig: &Rig) -> Vec<(&'static str, u16)> {
    rig.apertur.seen().iter().map(|seen| (seen.way, seen.status)).collect()
}

#[test]
fn an_expired_link_is_no_loss_while_the_api_has_the_photo() {
    for status in [410, 404, 403] {
        let rig = Rig::new(18);
        let photo = photo();
        let link = rig.apertur.keep("img_1", &photo.bytes);
        rig.apertur.link(Way::Status(status));
        rig.accepted(photo.event("image.delivered", Some(&link)));
        rig.delivered();
        rig.only(&photo);
        assert_eq!(ways(&rig), [("link", status), ("api", 200)]);
    }
}

#[test]
fn a_link_that_gives_something_else_or_half_is_not_the_photo() {
    for way in [Way::WrongType, Way::Truncated, Way::Loop] {
        let rig = Rig::new(18);
        let photo = photo();
        let link = rig.apertur.keep("img_1", &photo.bytes);
        rig.apertur.link(way.clone());
        rig.accepted(photo.event("image.delivered", Some(&link)));
        rig.delivered();
        rig.only(&photo);
        assert_eq!(ways(&rig).last(), Some(&("api", 200)), "{way:?}");
    }
}

#[test]
fn a_redirect_is_followed_and_a_slow_link_waited_for() {
    for way in [Way::Redirect, Way::Slow(Duration::from_millis(700))] {
        let rig = Rig::new(18);
        let photo = photo();
        let link = rig.apertur.keep("img_1", &photo.bytes);
        rig.apertur.link(way.clone());
        rig.accepted(photo.event("image.delivered", Some(&link)));
        rig.delivered();
        rig.only(&photo);
        assert_eq!(ways(&rig).last(), Some(&("link", 200)), "{way:?}");
    }
}

#[test]
fn a_photo_that_is_gone_is_held_and_fetched_when_it_is_there_again() {
    let rig = Rig::new(18);
    let photo = photo();
    let link = rig.apertur.keep("img_1", &photo.bytes);
    rig.apertur.link(Way::Status(410));
    rig.apertur.api(Way::Status(404));
    rig.accepted(photo.event("image.delivered", Some(&link)));
    let held = rig.held();
    assert_eq!(kind(&held), "gone");
    let (what, fix) = (held["cause"]["what"].as_str(), held["cause"]["fix"].as_str());
    assert!(what.unwrap().contains("does not have the photo any more"), "{what:?}");
    assert!(fix.unwrap().contains("ask for the photo again"), "{fix:?}");
    assert_eq!(ways(&rig).len(), 2, "asked once each");

    rig.apertur.api(Way::Works);
    assert_eq!(rig.replay(&["--state", "held"])["fetching"], 1);
    rig.delivered();
    rig.only(&photo);
}

#[test]
fn a_held_photo_is_completed_by_a_redelivery_that_brings_it() {
    let rig = Rig::new(18);
    let photo = photo();
    rig.accepted(photo.event("image.delivered", None));
    assert_eq!(kind(&rig.held()), "gone");
    let inline = rig.post(&photo.json_base64().signed());
    assert_eq!(inline.told(), (200, "duplicate".to_owned()));
    assert_eq!(rig.delivered().len(), 1);
    rig.only(&photo);
}

#[test]
fn an_api_that_limits_or_fails_is_asked_again() {
    for way in [Way::Limited(1), Way::Status(503)] {
        let rig = Rig::new(18);
        let photo = photo();
        rig.apertur.keep("img_1", &photo.bytes);
        rig.apertur.api(way.clone());
        rig.accepted(photo.event("image.delivered", None));
        look::eventually(Duration::from_secs(10), "a first try", || {
            (!rig.apertur.seen().is_empty()).then_some(())
        });
        rig.apertur.api(Way::Works);
        rig.delivered();
        rig.only(&photo);
        assert!(ways(&rig).len() == 2, "{way:?}");
    }
}
