//! Checks before the first photo.

use apertur_bridge::model::Severity;

use super::{ending, every};

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
