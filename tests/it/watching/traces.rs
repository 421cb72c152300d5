//! Traces of a running daemon, at a collector.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{Rig, Shown, collector::Collector, photo};
use crate::{
    fakes::{
        apertur::{FakeApertur, SECRET},
        odoo::Switch,
    },
    look,
};

fn traces(url: &str, more: &str) -> String {
    format!(
        "[traces]\nendpoint = \"{url}\"\nheaders = {{ Authorization = \"Bearer hush-otlp\" }}\n\
         {more}\n"
    )
}

#[test]
fn one_photo_is_one_trace_also_over_a_restart() {
    let collector = Collector::start();
    let mut rig = Rig::start(&traces(&collector.url(), ""));
    let (first, second) = (photo("img_1"), photo("img_2"));
    let link = rig.apertur.keep("img_1", &first.bytes);
    rig.odoo.set(Switch::KeyRevoked(true));
    rig.accepted(first.event("image.delivered", Some(&link)));
    rig.paused();
    rig.daemon.stop();
    rig.odoo.set(Switch::KeyRevoked(false));
    rig.daemon.restart();
    rig.accepted(second.json_base64());
    look::settled(&rig.daemon, &["delivered"]);
    rig.daemon.stop();

    let taken = collector.taken();
    let spans = |id: &str| {
        let of = taken.spans.iter().filter(|span| span.has("apertur.photo.id", id));
        of.collect::<Vec<_>>()
    };
    for id in ["img_1", "img_2"] {
        let spans = spans(id);
        let roots: Vec<_> = spans.iter().filter(|span| span.parent.is_empty()).collect();
        let [root] = roots.as_slice() else { panic!("{roots:?}") };
        assert_eq!(
            (root.name.as_str(), &*root.attributes["apertur.status"]),
            ("receive", "accepted")
        );
        assert_eq!(root.trace, Sha256::digest(id)[..16]);
        for span in &spans {
            assert_eq!((&span.trace, span.trace.len(), span.id.len()), (&root.trace, 16, 8));
            assert!(span.nanos.0 <= span.nanos.1 && span.nanos.0 > 1_600_000_000_000_000_000);
            let parent = spans.iter().find(|other| other.id == span.parent);
            let expected = match span.name.as_str() {
                "receive" => None,
                "accept" | "fetch" | "attempt" => Some("receive"),
                "find" | "deliver" => Some("attempt"),
                other => panic!("a span {other}"),
            };
            assert_eq!(parent.map(|parent| parent.name.as_str()), expected, "{span:?}");
        }
        let names = |name: &str| spans.iter().filter(|span| span.name == name).count();
        assert_eq!((names("accept"), names("fetch")), (1, usize::from(id == "img_1")));
        let done: Vec<_> = spans.iter().filter(|s| s.has("apertur.outcome", "done")).collect();
        assert_eq!((done.len(), done[0].failed.as_deref()), (1, None));
        assert_eq!(done[0].attributes["apertur.destination"], "erp");
    }
    assert_ne!(spans("img_1")[0].trace, spans("img_2")[0].trace);
    let failed = taken.spans.iter().filter(|span| span.failed.is_some());
    let broken = failed.clone().find(|span| span.name == "attempt").expect("an attempt failed");
    assert!(failed.clone().any(|span| span.name == "deliver"));
    assert_eq!(broken.attributes["apertur.outcome"], "broken");
    assert_eq!(broken.attributes["error.type"], "unauthorized");
    assert_eq!(taken.resource["service.name"], "apertur-bridge");
    for head in &taken.heads {
        assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
        assert!(head.contains("authorization: bearer hush-otlp"), "{head}");
    }
    let told = format!("{:?} {:?}", taken.spans, taken.resource);
    let [key, signature] = FakeApertur::secrets();
    for secret in [SECRET, key, signature, "odoo-key", &first.session, &link, "hush-otlp"] {
        assert!(!told.contains(secret), "{secret} is told");
    }
    assert!(!rig.daemon.log().contains("hush-otlp"));
}

#[test]
fn a_collector_that_is_away_keeps_no_photo_back_and_is_told_of() {
    let rig = Rig::start(&traces("http://127.0.0.1:1", ""));
    rig.accepted(photo("img_1").json_base64());
    look::settled(&rig.daemon, &["delivered"]);
    rig.daemon.wait_for_log("traces are not taken");
    look::eventually(Duration::from_secs(20), "the failure as a metric", || {
        let shown = Shown::read(&rig.metrics());
        let failed = [("outcome", "failed")];
        let none = shown.has("apertur_bridge_trace_exports_total", &failed, 0.0);
        (!none).then_some(())
    });
}

#[test]
fn a_photo_that_is_not_in_the_sample_is_not_traced_at_all() {
    let collector = Collector::start();
    let mut rig = Rig::start(&traces(&collector.url(), "sample = 0"));
    rig.accepted(photo("img_1").json_base64());
    look::settled(&rig.daemon, &["delivered"]);
    rig.daemon.stop();
    assert!(collector.taken().spans.is_empty());
}
