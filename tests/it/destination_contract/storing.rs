//! What is sent is there once, where and as it should be.

use std::time::Duration;

use apertur_bridge::model::{Mode, Severity};

use super::{bytes, desks, digest, ending, every, shore::Seen};

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_is_stored_once_and_its_receipt_names_it() {
    for lab in every().await {
        let told = lab.shore.name();
        let receipt = lab.send(&lab.photo("img_1")).await.unwrap();
        let all = lab.shore.stored();
        let [stored] = all.as_slice() else { panic!("{told}: {all:?}") };
        assert_eq!(stored.sha256, digest(&bytes("img_1")).to_hex(), "{told}");
        assert_eq!(stored.record, lab.shore.records()[0], "{told}");
        assert_eq!(stored.seen, lab.shore.default_seen(), "{told}");
        assert_eq!((receipt.found, receipt.note.as_deref()), (false, None), "{told}");
        assert!(!receipt.ids.is_empty(), "{told}");
        assert_eq!(lab.shore.litter(), 0, "{told}");
        let at = lab.shore.destination();
        assert!(!at.place().is_empty() && at.limits().photos_per_parcel >= 1, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_help_desk_photo_carries_its_mark_in_name_and_text() {
    for lab in desks().await {
        let told = lab.shore.name();
        let settles_in = lab.shore.destination().limits().settles_in;
        assert!(settles_in >= Duration::from_secs(15), "{told} may be at work behind a balancer");
        let receipt = lab.send(&lab.photo("img_1")).await.unwrap();
        let stored = lab.shore.stored().remove(0);
        assert_eq!(stored.file_name, "apertur-img_1.jpg", "{told}");
        assert!(stored.text.contains("ref apertur-img_1)"), "{told}: {}", stored.text);
        let page = receipt.url.unwrap();
        let number = lab.shore.records()[0].rsplit(':').next().unwrap();
        assert!(page.starts_with("https://acme.example.com/"), "{told}: {page}");
        assert!(page.ends_with(&format!("/tickets/{number}")), "{told}: {page}");
        assert!(receipt.ids.iter().any(|id| id.value == stored.note.to_string()), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_parcel_is_one_note_with_a_receipt_for_each_photo_in_order() {
    for lab in every().await {
        let told = lab.shore.name();
        let most = lab.shore.destination().limits().photos_per_parcel;
        let all: Vec<_> = (1..=most).map(|n| lab.photo(&format!("img_{n}"))).collect();
        let receipts = lab.send_all(&all).await.unwrap();
        let stored = lab.shore.stored();
        assert_eq!((receipts.len(), stored.len(), lab.shore.litter()), (most, most, 0), "{told}");
        for (delivery, receipt) in all.iter().zip(&receipts) {
            let sha256 = delivery.photo.sha256.unwrap().to_hex();
            let here: Vec<_> = stored.iter().filter(|one| one.sha256 == sha256).collect();
            let [one] = here.as_slice() else { panic!("{told}: {here:?}") };
            assert_eq!(one.note, stored[0].note, "{told}");
            let found = lab.find(delivery).await.unwrap().unwrap();
            assert_eq!(found.ids, receipt.ids, "{told}");
        }
        let mut ids: Vec<_> = receipts.iter().map(|receipt| format!("{:?}", receipt.ids)).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), most, "{told}: receipts tell photos apart");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_decides_who_sees_the_photo() {
    for lab in every().await {
        let told = lab.shore.name();
        let modes = [
            (None, lab.shore.default_seen()),
            (Some(Mode::Contact), Seen::Customer),
            (Some(Mode::Public), Seen::Public),
            (Some(Mode::Internal), Seen::Staff),
        ];
        for (number, (mode, seen)) in modes.into_iter().enumerate() {
            let photo = lab.to(1, &format!("img_{number}"), mode);
            assert_eq!(ending(&lab.send(&photo).await), "done", "{told} {mode:?}");
            let sha256 = photo.photo.sha256.unwrap().to_hex();
            let all = lab.shore.stored();
            let stored = all.iter().find(|one| one.sha256 == sha256).unwrap();
            let anybody = lab.shore.default_seen() == Seen::Anybody;
            assert_eq!(stored.seen, if anybody { Seen::Anybody } else { seen }, "{told} {mode:?}");
            assert_eq!(stored.record, lab.shore.records()[1], "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_writes_and_leaves_nothing_where_something_can_be_removed() {
    for lab in every().await {
        let told = lab.shore.name();
        let target = lab.shore.records()[0].parse().unwrap();
        let findings = lab.shore.destination().test(Some(&target)).await;
        let worst = findings.iter().map(|finding| finding.severity).max();
        let left = lab.shore.stored();
        if told.starts_with("Zendesk") {
            // Comments cannot be removed: the findings say that one is there.
            assert_eq!(left.len(), 1, "{told}");
            assert_eq!(left[0].seen, Seen::Staff, "{told}");
            assert!(worst <= Some(Severity::Warning), "{told} {findings:?}");
        } else if told.ends_with("with OAuth") {
            // The scopes that the bridge asks for do not allow to remove.
            assert!(left.iter().all(|one| one.seen == Seen::Staff), "{told} {left:?}");
            assert!(worst <= Some(Severity::Warning), "{told} {findings:?}");
        } else {
            assert_eq!(left, [], "{told} {findings:?}");
            // A folder is made by the first photo.
            let most = if told == "a folder" { Severity::Warning } else { Severity::Ok };
            assert!(worst <= Some(most), "{told} {findings:?}");
        }
        assert_eq!(lab.shore.litter(), 0, "{told}");
    }
}
