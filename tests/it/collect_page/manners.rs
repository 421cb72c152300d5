//! What every answer promises to browsers, and what requests it takes.

use super::site::{Site, form, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_guards_itself() {
    let site = Site::start().await;
    let session = site.made(&site.contact(), "contact");
    for path in [
        site.contact(),
        session.clone(),
        format!("{session}/qr.svg"),
        format!("{session}/progress"),
        "/collect".to_owned(),
        "/collect/rubbish".to_owned(),
        "/collect/a/b/c/d".to_owned(),
    ] {
        let answer = site.get(&path);
        let policy = answer.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.contains(part), "{policy}");
        }
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("x-robots-tag", "noindex, nofollow"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
    }
    assert_eq!(site.get("/favicon.ico").status, 204);
    let html = text(&site.get(&session));
    assert!(!html.contains(" style=") && !html.contains("<script>") && !html.contains("onclick"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn style_and_script_are_kept_by_browsers_until_they_change() {
    let site = Site::start().await;
    let html = text(&site.get(&site.contact()));
    for (ending, media_type) in [(".css", "text/css"), (".js", "text/javascript")] {
        let (head, _) = html.split_once(&format!("{ending}\"")).unwrap();
        let path = format!("{}{ending}", head.rsplit('"').next().unwrap());
        let answer = site.get(&path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("cache-control").unwrap().contains("immutable"));
        assert!(answer.header("content-type").unwrap().starts_with(media_type));
    }
    assert_eq!(site.get("/collect/assets/0.css").status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_methods_and_large_forms_are_refused() {
    let site = Site::start().await;
    let page = site.contact();
    let session = site.made(&page, "contact");
    for (method, path) in [
        ("HEAD", site.entry("1", "x")),
        ("HEAD", page.clone()),
        ("PUT", page.clone()),
        ("POST", session.clone()),
        ("GET", format!("{session}/close")),
        ("DELETE", format!("{session}/send")),
        ("POST", format!("{session}/progress")),
    ] {
        let answer = site.ask(method, &path, &[], "");
        assert_eq!(answer.status, 405, "{method} {path}");
        assert!(answer.header("allow").is_some());
    }
    assert_eq!(site.erp.count("redeem"), 0);
    let key = form(&site.get(&page));
    let large = "x".repeat(5000);
    let answer = site.post(&page, &[("form", &key), ("mode", "contact"), ("more", &large)]);
    assert_eq!(answer.status, 400);
    assert_eq!(site.at_apertur(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_from_outside_is_never_markup() {
    let site = Site::start().await;
    let evil = "</title><script>alert(1)</script>\"'&";
    evil.clone_into(&mut site.erp.name.lock().unwrap());
    let session = site.made(&site.contact(), "contact");
    let asked = "/collect?target=freshdesk:17&destination=%22%3E%3Cscript%3E";
    for path in [site.contact(), session, asked.to_owned()] {
        let html = text(&site.get(&path));
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
    }
    let html = text(&site.get("/collect?target=%22%3E%3Cscript%3Ealert(1)"));
    assert!(!html.contains("<script>"), "{html}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_is_counted() {
    let site = Site::start().await;
    site.made(&site.contact(), "contact");
    site.get("/collect/rubbish");
    let metrics = site.telemetry.render(&apertur_bridge::telemetry::Gauges::default());
    for line in ["{outcome=\"made\"} 1", "{outcome=\"forbidden\"} 1"] {
        let line = format!("apertur_bridge_collect_page_total{line}");
        assert!(metrics.contains(&line), "{metrics}");
    }
}
