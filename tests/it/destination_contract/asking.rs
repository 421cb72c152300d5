//! Checks before the first photo.

use std::time::Duration;

use apertur_bridge::model::{Receipt, Severity};

use super::{
    desks, ending, every,
    shore::{On, Trouble},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_says_whether_photos_would_arrive_and_writes_nothing() {
    for lab in every().await {
        let told = lab.shore.name();
        let destination = lab.shore.destination();
        let findings = destination.probe().await;
        assert!(!findings.is_empty(), "{told}");
        let worst = findings.iter().map(|finding| finding.severity).max();
        assert!(worst < Some(Severity::Error), "{told} {findings:?}");
        assert_eq!((lab.shore.stored(), lab.shore.litter()), (Vec::new(), 0), "{told}");
        if lab.shore.lock_out().is_none() {
            continue;
        }
        let findings = destination.probe().await;
        let errors: Vec<_> =
            findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        assert!(!errors.is_empty(), "{told} {findings:?}");
        assert!(errors.iter().all(|error| !error.fix.is_empty()), "{told} {errors:?}");
        assert_eq!(ending(&lab.send(&lab.photo("img_1")).await), "broken unauthorized", "{told}");
        let found = lab.find(&lab.photo("img_1")).await.map(|found| found.unwrap_or_default());
        assert_eq!(ending(&found), "broken unauthorized", "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_without_a_record_says_how_to_name_one() {
    for lab in every().await {
        if lab.shore.nowhere().is_none() {
            continue;
        }
        let told = lab.shore.name();
        let findings = lab.shore.destination().test(None).await;
        let named = findings.iter().any(|finding| finding.fix.contains("--target "));
        assert!(named, "{told} {findings:?}");
        assert_eq!((lab.shore.stored(), lab.shore.litter()), (Vec::new(), 0), "{told}");
        let gone = lab.shore.nowhere().unwrap().parse().unwrap();
        let findings = lab.shore.destination().test(Some(&gone)).await;
        assert!(findings.iter().any(|f| f.severity == Severity::Error), "{told} {findings:?}");
        assert_eq!((lab.shore.stored(), lab.shore.litter()), (Vec::new(), 0), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_called_by_its_subject_and_one_that_is_not_there_is_refused() {
    for lab in desks().await {
        let (told, destination) = (lab.shore.name(), lab.shore.destination());
        let target = lab.shore.records()[0].parse().unwrap();
        let record = destination.record(&target).await.unwrap();
        assert_eq!(
            (&record.target, record.name.as_str()),
            (&target, "Broken \"door\" <b>"),
            "{told}"
        );
        let asked = async |target: &str| {
            let record = destination.record(&target.parse().unwrap()).await;
            ending(&record.map(|_| Receipt::default()))
        };
        let gone = lab.shore.nowhere().unwrap();
        assert_eq!(asked(gone).await, "refused not_found", "{told}");
        let foreign = asked("odoo:res.partner:42").await;
        assert!(foreign.starts_with("refused "), "{told}: {foreign}");
        let target = target.to_string();
        for (trouble, expected) in
            [(Trouble::LoseAnswer, "later unavailable"), (Trouble::TooMany, "later rate_limited")]
        {
            lab.shore.plant(On::Ask, trouble, 0);
            assert_eq!(asked(&target).await, expected, "{told} {trouble:?}");
        }
        // The account asked for a pause: nothing is asked until then.
        assert_eq!(asked(&target).await, "later rate_limited", "{told}");
        lab.shore.step(Duration::from_mins(10));
        assert_eq!(asked(&target).await, "done", "{told}");
        lab.shore.lock_out().unwrap();
        assert_eq!(asked(&target).await, "broken unauthorized", "{told}");
        assert_eq!((lab.shore.stored(), lab.shore.litter()), (Vec::new(), 0), "{told}");
    }
}
