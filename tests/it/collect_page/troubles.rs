//! Records and systems that are not there, in the visitor's language.

use apertur_bridge::model::{Cause, ErrorKind, Failure};

use super::site::{Site, down, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_or_system_that_is_not_there_is_told_without_details() {
    let site = Site::start().await;
    let broken = |kind| {
        let cause = Cause::new(kind, "the key of secret.internal is wrong", "mend it");
        Failure::Broken { cause }
    };
    let cause = Cause::new(ErrorKind::Forbidden, "secret.internal says no", "");
    let forbidden = Failure::Refused { cause };
    let page = site.contact();
    for (failure, status, part) in [
        (down(), 503, "The system cannot be reached now"),
        (broken(ErrorKind::Timeout), 503, "The system cannot be reached now"),
        (broken(ErrorKind::Unauthorized), 502, "Tell your administrator"),
        (forbidden, 502, "may not look at the record"),
    ] {
        site.erp.fail(failure);
        let answer = site.get(&page);
        let said = text(&answer);
        assert!(answer.status == status && said.contains(part), "{} {said}", answer.status);
        assert!(!said.contains("secret.internal"), "{said}");
    }
    site.erp.fail(down());
    let mark = site.get(&site.entry("7", "x"));
    assert_eq!((mark.status, mark.header("retry-after")), (503, Some("60")));
    assert!(text(&mark).contains("choose “Collect photos” on the record once more"));
    site.erp.name.lock().unwrap().clear();
    let answer = site.get(&page);
    assert!(answer.status == 404 && text(&answer).contains("The record is not there"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_loaded_again_asks_nobody_again_for_a_minute() {
    let site = Site::start().await;
    let page = site.contact();
    for _ in 0..5 {
        assert_eq!(site.get(&page).status, 200);
    }
    assert_eq!(site.erp.count("record"), 1);
    site.clock.step(std::time::Duration::from_secs(61));
    assert_eq!(site.get(&page).status, 200);
    assert_eq!(site.erp.count("record"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_in_the_language_of_the_browser() {
    let site = Site::start().await;
    let session = site.made(&site.contact(), "internal");
    let page = site.contact();
    for (language, tag, words) in [
        ("fr-FR", "fr", ["Qui verra les photos", "fonctionne pas", "Pas encore de photos"]),
        ("es", "es", ["¿Quién verá las fotos?", "no funciona", "Todavía no hay fotos"]),
        ("de, en;q=0.5", "en", ["Who will see the photos?", "does not work", "No photos yet"]),
    ] {
        let get = |path: &str| text(&site.ask("GET", path, &[("Accept-Language", language)], ""));
        let pages = [get(&page), get("/collect/rubbish"), get(&session)];
        for (page, words) in pages.iter().zip(words) {
            assert!(page.contains(&format!("<html lang=\"{tag}\">")), "{page}");
            assert!(page.contains(words), "{words} is not in {page}");
        }
        assert!(get(&format!("{session}/progress")).contains(words[2]));
    }
}
