//! A look finds what was stored, and only that.

use super::{delivery, ending, every};

#[tokio::test(flavor = "multi_thread")]
async fn a_look_finds_what_is_there_and_nothing_else() {
    for lab in every().await {
        let told = lab.shore.name();
        lab.shore.crowd();
        assert_eq!(lab.find(&lab.photo("img_1")).await, Ok(None), "{told}");
        let before = lab.shore.stored().len();
        let first = lab.send(&lab.photo("img_1")).await.unwrap();
        assert_eq!(lab.shore.stored().len(), before + 1, "{told}");
        lab.shore.crowd();
        let found = lab.find(&lab.photo("img_1")).await.unwrap().unwrap();
        assert!(!first.found, "{told}");
        assert_eq!((&found.ids, &found.url), (&first.ids, &first.url), "{told}");
        // Nor at another record, nor under a longer or shorter name.
        for other in ["img_", "img_2", "img_11", "img_1_", "mg_1"] {
            assert_eq!(lab.find(&lab.photo(other)).await, Ok(None), "{told} {other}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_are_looked_for_at_once_and_told_in_order() {
    for lab in every().await {
        let told = lab.shore.name();
        for id in ["a", "b"] {
            lab.send(&lab.photo(id)).await.unwrap();
        }
        let asked = ["b", "c", "a"].map(|id| lab.photo(id));
        let found = lab.shore.destination().find(&asked).await.unwrap();
        let there: Vec<_> = found.iter().map(Option::is_some).collect();
        assert_eq!(there, [true, false, true], "{told}");
        let ids = async |id| lab.find(&lab.photo(id)).await.unwrap().unwrap().ids;
        assert_eq!(found[0].as_ref().unwrap().ids, ids("b").await, "{told}");
        assert_eq!(found[2].as_ref().unwrap().ids, ids("a").await, "{told}");
        assert_ne!(ids("a").await, ids("b").await, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_not_there_takes_nothing_and_holds_nothing() {
    for lab in every().await {
        let told = lab.shore.name();
        let Some(nowhere) = lab.shore.nowhere() else { continue };
        let lost = delivery("img_1", nowhere, None);
        assert_eq!(ending(&lab.send(&lost).await), "refused not_found", "{told}");
        let found = lab.find(&lost).await.map(|found| found.unwrap_or_default());
        let ended = ending(&found);
        assert!(["done", "refused not_found"].contains(&ended.as_str()), "{told} {ended}");
        // Another system's record, and none at all.
        for target in ["odoo:project.task:5", "freshdesk:17", "zendesk:9", "none"] {
            let strange = delivery("img_1", target, None);
            let kind = lab.shore.destination().kind();
            if strange.target.as_ref().is_some_and(|target| target.belongs_to(kind)) {
                continue;
            }
            let ended = ending(&lab.send(&strange).await);
            assert!(ended.starts_with("refused"), "{told} {target} {ended}");
        }
        assert_eq!((lab.shore.stored(), lab.shore.litter()), (Vec::new(), 0), "{told}");
    }
}
