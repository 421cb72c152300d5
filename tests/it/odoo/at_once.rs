//! Deliveries in one call, held to those in several.

use std::time::Duration;

use apertur_bridge::{
    destinations::{Destination, Message},
    model::{Failure, Mode, Receipt},
};

use serde_json::json;

use super::{Lab, VERSIONS, actions::install, delivery, ending, photo, to_contact};
use crate::fakes::odoo::{FakeOdoo, Fault, Seed, Switch, What};

const RUN: &str = "ir.actions.server.run";
const MODES: [Option<Mode>; 4] =
    [None, Some(Mode::Contact), Some(Mode::Internal), Some(Mode::Public)];

/// A server with the actions and one without, alike otherwise.
async fn pair(version: u32) -> [Lab; 2] {
    let lab = || {
        let models = vec![("maintenance.request".to_owned(), vec![1])];
        let seed = Seed { models, ..Seed::default() };
        Lab::with(FakeOdoo::start_with(version, seed), |settings| {
            settings.message = Message::parse("<i>R&D</i> {target}").unwrap();
        })
    };
    let pair = [lab(), lab()];
    install(&pair[0].odoo).await;
    pair
}

/// A receipt without what differs between two servers.
fn alike(receipt: Receipt) -> Receipt {
    let path = |url: String| url.split_once("//").unwrap().1.split_once('/').unwrap().1.to_owned();
    Receipt { url: receipt.url.map(path), ..receipt }
}

fn fault(lab: &Lab, on: &str, what: What) {
    lab.odoo.fault(Fault { on: on.to_owned(), times: 1, what });
}

#[tokio::test]
async fn one_call_leaves_the_same_as_several_in_every_mode() {
    for version in VERSIONS {
        let [once, several] = pair(version).await;
        let followers = once.odoo.followers();
        for lab in [&once, &several] {
            lab.write("project.task", 5, "partner_id", 43).await;
        }
        let targets =
            ["odoo:res.partner:42", "odoo:res.partner:44", "odoo:project.task:5"].into_iter();
        let targets = targets.chain(["odoo:maintenance.request:1"]);
        for (at, target) in targets.enumerate() {
            for (mode_at, mode) in MODES.into_iter().enumerate() {
                let delivery = delivery(&format!("img_{at}_{mode_at}"), target, mode);
                let [one, other] = [&once, &several].map(|lab| lab.send(&delivery, &[7; 5000]));
                let (one, other) = (one.await.unwrap(), other.await.unwrap());
                assert_eq!(alike(one), alike(other), "{version} {target} {mode:?}");
            }
        }
        assert_eq!(once.odoo.attachments(), several.odoo.attachments(), "{version}");
        assert_eq!(once.odoo.messages(), several.odoo.messages(), "{version}");
        // Nobody follows for it, in either way.
        assert_eq!(once.odoo.followers(), followers, "{version}");
        assert_eq!(several.odoo.followers(), followers, "{version}");
        let runs = |lab: &Lab| lab.methods().iter().filter(|method| *method == RUN).count();
        assert_eq!((runs(&once), runs(&several)), (16, 0), "{version}");
    }
}

#[tokio::test]
async fn a_warm_delivery_costs_one_call() {
    for version in VERSIONS {
        let [lab, _] = pair(version).await;
        for target in ["odoo:res.partner:42", "odoo:project.task:5"] {
            lab.send(&delivery("a", target, None), &photo()).await.unwrap();
            lab.odoo.forget_calls();
            lab.send(&delivery("b", target, None), &photo()).await.unwrap();
            assert_eq!(lab.methods(), [RUN], "{version}");
        }
        let api = lab.odoo.calls()[0].api;
        assert_eq!(api, if version == 19 { "json2" } else { "xmlrpc" });
    }
}

#[tokio::test]
async fn what_is_there_already_is_found_and_finished_by_the_separate_calls() {
    for version in VERSIONS {
        let [lab, _] = pair(version).await;
        let first = lab.send(&to_contact(), &photo()).await.unwrap();
        let again = lab.send(&to_contact(), &photo()).await.unwrap();
        assert!(again.found && again.ids == first.ids, "{version}");
        assert_eq!(lab.counts(), (1, 1));
        let message = lab.odoo.messages()[0].id;
        lab.odoo.remove_record("mail.message", message);
        assert_eq!(ending(&lab.send(&to_contact(), &photo()).await), "done");
        assert_eq!(lab.counts(), (1, 1), "{version}");
        // The key on an attachment of another length.
        let other = lab.send(&to_contact(), b"short").await;
        assert_eq!(ending(&other), "refused rejected", "{version}");
    }
}

#[tokio::test]
async fn a_refusal_is_the_one_of_the_separate_calls() {
    for version in VERSIONS {
        for target in [
            "odoo:res.partner:9999",
            "odoo:project.task:6",
            "odoo:helpdesk.ticket:77",
            "odoo:res.users:2",
        ] {
            let [once, several] = pair(version).await;
            let delivery = delivery("a", target, None);
            let failure = async |lab: &Lab| lab.send(&delivery, &photo()).await.unwrap_err();
            assert_eq!(failure(&once).await, failure(&several).await, "{version} {target}");
            assert_eq!(once.counts(), (0, 0), "{version} {target}");
        }
        let [once, several] = pair(version).await;
        for lab in [&once, &several] {
            lab.odoo.set(Switch::NoWriteOn("res.partner".to_owned()));
        }
        let failure = async |lab: &Lab| lab.send(&to_contact(), &photo()).await.unwrap_err();
        assert_eq!(failure(&once).await, failure(&several).await, "{version}");
    }
}

#[tokio::test]
async fn an_action_that_does_not_do_it_is_done_without_until_the_server_is_met_anew() {
    for version in VERSIONS {
        let [lab, _] = pair(version).await;
        lab.send(&delivery("a", "odoo:res.partner:42", None), &photo()).await.unwrap();
        let all = json!([[]]);
        let all = lab.odoo.call_as(2, "ir.actions.server", "search", all, json!({}));
        let gone = json!([all.unwrap()]);
        lab.odoo.call_as(2, "ir.actions.server", "unlink", gone, json!({})).unwrap();
        lab.odoo.forget_calls();
        for id in ["b", "c"] {
            let sent = lab.send(&delivery(id, "odoo:res.partner:42", None), &photo()).await;
            assert_eq!(ending(&sent), "done", "{version}");
        }
        assert_eq!(lab.methods().iter().filter(|method| *method == RUN).count(), 1, "{version}");
        assert_eq!(lab.counts(), (3, 3));
    }
}

#[tokio::test]
async fn code_of_another_version_is_not_called() {
    for version in VERSIONS {
        let [lab, _] = pair(version).await;
        let all = json!([[["binding_view_types", "=", "apertur-bridge-2"]]]);
        let all = lab.odoo.call_as(2, "ir.actions.server", "search", all, json!({}));
        let older = json!([all.unwrap(), {"binding_view_types": "apertur-bridge-1"}]);
        lab.odoo.call_as(2, "ir.actions.server", "write", older, json!({})).unwrap();
        assert_eq!(ending(&lab.send(&to_contact(), &photo()).await), "done");
        assert!(!lab.methods().iter().any(|method| method == RUN), "{version}");
    }
}

#[tokio::test]
async fn after_an_unknown_end_it_is_looked_for_and_sent_by_the_separate_calls() {
    for version in VERSIONS {
        for what in [What::LoseAnswer, What::CloseBefore, What::HalfAnswer, What::Garbage] {
            let [lab, _] = pair(version).await;
            fault(&lab, RUN, what.clone());
            let sent = lab.send(&to_contact(), &photo()).await;
            assert!(matches!(sent, Err(Failure::Unknown { .. })), "{version} {what:?}: {sent:?}");
            let stored = !matches!(what, What::CloseBefore);
            let found = lab.destination.find(&[to_contact()]).await.unwrap();
            assert_eq!(found[0].is_some(), stored, "{version} {what:?}");
            let mut again = to_contact();
            again.unsure = true;
            lab.odoo.forget_calls();
            let wanted = if stored { "found" } else { "done" };
            assert_eq!(ending(&lab.send(&again, &photo()).await), wanted, "{version} {what:?}");
            assert!(!lab.methods().iter().any(|method| method == RUN));
            assert_eq!(lab.counts(), (1, 1), "{version} {what:?}");
        }
    }
}

#[tokio::test]
async fn whoever_lost_the_answer_of_the_one_call_looks_once_all_of_it_is_surely_committed() {
    for version in VERSIONS {
        let [once, several] = pair(version).await;
        for lab in [&once, &several] {
            assert!(lab.destination.limits().settles_in < Duration::from_secs(10), "{version}");
        }
        // A proxy that loses patience: Odoo goes on, and there is nothing to be seen as yet.
        let hasty = super::destination(&once.odoo.url(), |settings| {
            settings.timeout = Duration::from_millis(200);
        });
        let hasty = Lab { destination: hasty, ..once };
        hasty.send(&delivery("a", "odoo:res.partner:42", None), &photo()).await.unwrap();
        fault(&hasty, RUN, What::Late(Duration::from_millis(600)));
        let sent = hasty.send(&to_contact(), &photo()).await;
        assert!(matches!(sent, Err(Failure::Unknown { .. })), "{version}: {sent:?}");
        assert!(hasty.destination.limits().settles_in >= Duration::from_mins(1), "{version}");
        assert_eq!(hasty.odoo.attachments().len(), 1, "{version}");
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(hasty.destination.find(&[to_contact()]).await.unwrap()[0].is_some(), "{version}");
        several.send(&to_contact(), &photo()).await.unwrap();
        assert!(several.destination.limits().settles_in < Duration::from_secs(10), "{version}");
    }
}

#[tokio::test]
async fn faults_mean_what_they_mean_to_the_separate_calls() {
    for version in VERSIONS {
        for (what, wanted) in [
            (What::SerializationFailure, "later unavailable"),
            (What::OperationalError, "later unavailable"),
            (What::MarshalNone, "unknown protocol"),
            (What::HtmlStatus(413), "refused too_large"),
            (What::HtmlStatus(429), "later rate_limited"),
            (What::HtmlStatus(502), "unknown unavailable"),
            (What::Echo(500), "done"),
            (What::Echo(422), "done"),
        ] {
            let [lab, _] = pair(version).await;
            fault(&lab, RUN, what.clone());
            let sent = lab.send(&to_contact(), &photo()).await;
            assert_eq!(ending(&sent), wanted, "{version} {what:?}");
            assert!(!format!("{sent:?}").contains("odoo-key"), "{version} {what:?}");
        }
        let [lab, _] = pair(version).await;
        assert_eq!(ending(&lab.send(&to_contact(), &photo()).await), "done");
        lab.odoo.set(Switch::KeyRevoked(true));
        let sent = lab.send(&delivery("b", "odoo:res.partner:42", None), &photo()).await;
        assert_eq!(ending(&sent), "broken unauthorized", "{version}");
    }
}

#[tokio::test]
async fn neither_way_makes_anybody_follow_the_record() {
    for version in VERSIONS {
        let [once, several] = pair(version).await;
        let context = async |lab: &Lab, method: &str| {
            lab.send(&to_contact(), &photo()).await.unwrap();
            lab.odoo.calls().into_iter().find(|call| call.method == method).unwrap().context
        };
        let one = context(&once, "run").await["apertur_photo"]["posting"].clone();
        assert_eq!(one, context(&several, "message_post").await, "{version}");
        let wanted = json!({
            "mail_create_nosubscribe": true,
            "mail_post_autofollow_author_skip": true,
            "mail_post_autofollow": false,
        });
        assert_eq!(one, wanted, "{version}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_tell_its_menu_is_delivered_to_in_several_calls() {
    for version in VERSIONS {
        let [lab, _] = pair(version).await;
        fault(&lab, "ir.actions.actions.get_bindings", What::Echo(500));
        assert_eq!(ending(&lab.send(&to_contact(), &photo()).await), "done", "{version}");
        assert!(!lab.methods().iter().any(|method| method == RUN));
    }
}

#[tokio::test]
async fn a_large_photo_arrives_whole_in_one_call() {
    for version in [16, 19] {
        let [lab, _] = pair(version).await;
        let large: Vec<u8> = (0..5_000_001_u32).map(|i| (i * 31 % 251) as u8).collect();
        assert_eq!(ending(&lab.send(&to_contact(), &large).await), "done");
        assert_eq!(lab.odoo.attachments()[0].sha256, super::digest(&large).to_hex());
        let calls = lab.odoo.calls();
        let run = calls.iter().find(|call| call.method == "run").unwrap();
        let keeps = &run.context["apertur_photo"]["context"]["image_no_postprocess"];
        assert_eq!(keeps, &json!(true));
    }
}

#[tokio::test]
async fn a_check_says_where_one_call_does_it() {
    for version in VERSIONS {
        let [once, several] = pair(version).await;
        let told = async |lab: &Lab| {
            let findings = lab.destination.probe().await;
            findings.into_iter().find(|finding| finding.subject == "one call")
        };
        let wanted = "photos go in one call to res.partner, project.task, maintenance.request";
        assert_eq!(told(&once).await.unwrap().what, wanted, "{version}");
        assert_eq!(told(&several).await, None, "{version}");
    }
}
