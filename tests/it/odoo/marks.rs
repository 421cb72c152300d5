//! Records by name, and the marks by which somebody proves the right to one.

use std::time::Duration;

use apertur_bridge::{
    destinations::{Destination, Mark},
    model::{Failure, Target},
};
use serde_json::json;

use super::{Lab, VERSIONS, delivery, digest, photo};
use crate::fakes::odoo::{FakeOdoo, Fault, Seed, Switch, What};

/// Who may only read.
const INTERN: i64 = 8;
const TOKEN: &str = "2f1c2d1e-7a32-4b8e-9f3e-6a2f6f6e4c11";

/// Leaves a mark as the bot's colleague, the administrator, would.
fn leave(odoo: &FakeOdoo, model: &str, id: i64, token: &str) -> Mark {
    let description = format!("apertur-collect:{}", digest(token.as_bytes()).to_hex());
    let values = json!({
        "name": "apertur-collect", "res_model": model, "res_id": id, "description": description,
    });
    let made = odoo.call_as(2, "ir.attachment", "create", json!([values]), json!({})).unwrap();
    Mark { id: made.as_i64().unwrap(), token: token.into() }
}

async fn redeemed(lab: &Lab, mark: &Mark) -> Option<(String, String)> {
    let record = lab.destination.redeem(mark).await.unwrap();
    record.map(|record| (record.target.to_string(), record.name))
}

fn told(name: &str, target: &str) -> Option<(String, String)> {
    Some((target.to_owned(), name.to_owned()))
}

#[tokio::test]
async fn a_mark_gives_its_record_once() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let mark = leave(&lab.odoo, "res.partner", 42, TOKEN);
        let other = leave(&lab.odoo, "project.task", 5, "another");
        assert_eq!(redeemed(&lab, &mark).await, told("Anna Customer", "odoo:res.partner:42"));
        assert_eq!(redeemed(&lab, &mark).await, None, "{version}");
        assert_eq!(redeemed(&lab, &other).await, told("Task", "odoo:project.task:5"));
        assert_eq!(lab.counts(), (0, 0), "{version}");
    }
}

#[tokio::test]
async fn what_is_no_mark_of_ours_gives_nothing_and_stays() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let receipt = lab.send(&delivery("img_1", "odoo:res.partner:42", None), &photo()).await;
        let attachment = receipt.unwrap().ids[0].value.parse().unwrap();
        let mark = leave(&lab.odoo, "res.partner", 42, TOKEN);
        let foreign = leave(&lab.odoo, "res.country", 20, TOKEN);
        let hidden = leave(&lab.odoo, "project.task", 6, TOKEN);
        let of = |id, token: &str| Mark { id, token: token.into() };
        lab.odoo.forget_calls();
        for (what, mark) in [
            ("a forged token", of(mark.id, "2f1c2d1e-7a32-4b8e-9f3e-6a2f6f6e4c12")),
            ("no token", of(mark.id, "")),
            ("the digest as the token", of(mark.id, &digest(TOKEN.as_bytes()).to_hex())),
            ("a photo", of(attachment, "img_1")),
            ("a model that is not allowed", foreign),
            ("a record that the bridge does not see", hidden),
            ("no mark", of(9999, TOKEN)),
            ("an impossible id", of(-1, TOKEN)),
            ("no id", of(0, TOKEN)),
        ] {
            assert_eq!(redeemed(&lab, &mark).await, None, "{version}: {what}");
        }
        assert!(lab.methods().iter().all(|call| call == "ir.attachment.search_read"));
        assert_eq!(lab.odoo.attachments().len(), 4, "{version}");
        assert!(redeemed(&lab, &mark).await.is_some());
    }
}

#[tokio::test]
async fn a_mark_is_good_for_five_minutes_of_the_server_s_clock() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let [old, young] = [(42, TOKEN), (43, "another")]
            .map(|(id, token)| leave(&lab.odoo, "res.partner", id, token));
        lab.odoo.set(Switch::Later(Duration::from_secs(300)));
        assert!(redeemed(&lab, &young).await.is_some(), "{version}");
        lab.odoo.set(Switch::Later(Duration::from_secs(1)));
        assert_eq!(redeemed(&lab, &old).await, None, "{version}");
    }
}

#[tokio::test]
async fn stale_marks_are_swept_away_and_nothing_else_is() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        lab.send(&delivery("img_1", "odoo:res.partner:42", None), &photo()).await.unwrap();
        for at in 0..12 {
            leave(&lab.odoo, "res.partner", 42, &format!("stale {at}"));
        }
        lab.odoo.set(Switch::Later(Duration::from_secs(301)));
        let [good, next] = [(42, TOKEN), (43, "another")]
            .map(|(id, token)| leave(&lab.odoo, "res.partner", id, token));
        assert!(redeemed(&lab, &good).await.is_some());
        // The photo, two stale ones that are for the next sweep, the one that is still good.
        assert_eq!(lab.odoo.attachments().len(), 4, "{version}");
        assert!(redeemed(&lab, &next).await.is_some());
        assert_eq!(lab.odoo.attachments().len(), 1, "{version}");
    }
}

/// Has whoever may only read a task let Odoo move an attachment of the composer there, in
/// `moved_after` of its making; gives it as a mark, and the message.
fn forge(odoo: &FakeOdoo, moved_after: Duration) -> (Mark, i64) {
    let description = format!("apertur-collect:{}", digest(TOKEN.as_bytes()).to_hex());
    let values = json!({
        "name": "apertur-collect", "res_model": "mail.compose.message", "res_id": 0,
        "description": description,
    });
    let call = |model: &str, method: &str, args, named| {
        odoo.call_as(INTERN, model, method, args, named).unwrap()
    };
    let made = call("ir.attachment", "create", json!([values]), json!({})).as_i64().unwrap();
    odoo.set(Switch::Later(moved_after));
    let named = json!({"body": "", "attachment_ids": [made]});
    let posted = call("project.task", "message_post", json!([[5]]), named);
    let posted = posted.as_i64().or_else(|| posted[0].as_i64()).unwrap();
    (Mark { id: made, token: TOKEN.into() }, posted)
}

#[tokio::test]
async fn an_attachment_moved_to_a_record_that_its_maker_may_only_read_is_no_mark() {
    for version in VERSIONS {
        for moved_after in [0, 4, 1500, 60_000].map(Duration::from_millis) {
            let lab = Lab::new(version);
            let (mark, posted) = forge(&lab.odoo, moved_after);
            let there = lab.odoo.attachments();
            assert_eq!((there[0].res_model.as_str(), there[0].res_id), ("project.task", 5));
            assert_eq!(redeemed(&lab, &mark).await, None, "{version} {moved_after:?}");
            // Nor once it was taken off the message; that is another call, too.
            lab.odoo.set(Switch::Later(Duration::from_millis(4)));
            let off = json!([[posted], {"attachment_ids": [[3, mark.id]]}]);
            lab.odoo.call_as(INTERN, "mail.message", "write", off, json!({})).unwrap();
            if !moved_after.is_zero() {
                assert_eq!(redeemed(&lab, &mark).await, None, "{version} {moved_after:?}");
            }
            assert!(!lab.methods().iter().any(|call| call == "ir.attachment.unlink"));
        }
    }
}

#[tokio::test]
async fn what_others_say_on_the_record_is_nothing_against_a_mark() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let post = |uid| {
            let args = json!([[42]]);
            lab.odoo.call_as(uid, "res.partner", "message_post", args, json!({"body": "x"}))
        };
        post(2).unwrap();
        lab.odoo.set(Switch::Later(Duration::from_secs(1)));
        let mark = leave(&lab.odoo, "res.partner", 42, TOKEN);
        post(7).unwrap();
        assert!(redeemed(&lab, &mark).await.is_some(), "{version}");
    }
}

#[tokio::test]
async fn a_mark_that_is_not_younger_than_its_record_proves_nothing() {
    for version in 16..19 {
        for later in [0, 30] {
            let lab = Lab::new(version);
            lab.odoo.set(Switch::NextId("res.partner".to_owned(), 777));
            let early = leave(&lab.odoo, "res.partner", 777, TOKEN);
            lab.odoo.set(Switch::Later(Duration::from_secs(later)));
            let new = json!([{"name": "New"}]);
            let made = lab.odoo.call_as(2, "res.partner", "create", new, json!({})).unwrap();
            assert_eq!(made[0].as_i64().or(made.as_i64()), Some(777));
            assert_eq!(redeemed(&lab, &early).await, None, "{version}");
            lab.odoo.set(Switch::Later(Duration::from_secs(1)));
            let mark = leave(&lab.odoo, "res.partner", 777, TOKEN);
            assert_eq!(redeemed(&lab, &mark).await, told("New", "odoo:res.partner:777"));
        }
    }
}

#[tokio::test]
async fn a_sweep_takes_what_is_a_mark_to_the_letter_and_goes_past_what_it_cannot_take() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let digest = digest(b"stale").to_hex();
        let attach = |description: &str, datas: &str| {
            let values = json!({
                "name": "x", "res_model": "res.partner", "res_id": 42,
                "description": description, "datas": datas,
            });
            let made = lab.odoo.call_as(2, "ir.attachment", "create", json!([values]), json!({}));
            made.unwrap().as_i64().unwrap()
        };
        leave(&lab.odoo, "res.partner", 42, "stale");
        let kept = [
            attach("apertur-collect: a note of mine", ""),
            attach(&format!("apertur-collect:{digest}0"), ""),
            attach(&format!("apertur-collect:{}", "x".repeat(64)), ""),
            attach(&format!("apertur-collect:{digest}"), "aGVsbG8="),
        ];
        // On a record of a model that the bridge may read alone.
        let stuck: Vec<_> = (0..10).map(|_| leave(&lab.odoo, "res.country", 20, "no").id).collect();
        lab.odoo.set(Switch::Later(Duration::from_secs(301)));
        let tokens = ["one", "two", "three"];
        let [first, second, third] = tokens.map(|token| leave(&lab.odoo, "res.partner", 43, token));
        for (mark, left) in [(first, 17), (second, 15), (third, 14)] {
            assert!(redeemed(&lab, &mark).await.is_some(), "{version}");
            assert_eq!(lab.odoo.attachments().len(), left, "{version}");
        }
        let there: Vec<_> = lab.odoo.attachments().into_iter().map(|one| one.id).collect();
        assert!(kept.iter().chain(&stuck).all(|id| there.contains(id)), "{version}");
    }
}

#[tokio::test]
async fn one_of_many_who_redeem_a_mark_at_once_wins() {
    for version in [16, 19] {
        let lab = Lab::new(version);
        let mark = leave(&lab.odoo, "res.partner", 42, TOKEN);
        let all = (0..8).map(|_| lab.destination.redeem(&mark));
        let won = futures_util::future::join_all(all).await;
        let won = won.into_iter().filter(|redeemed| redeemed.as_ref().unwrap().is_some());
        assert_eq!(won.count(), 1, "{version}");
    }
}

#[tokio::test]
async fn a_mark_that_cannot_be_taken_off_proves_nothing() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let mark = leave(&lab.odoo, "res.partner", 42, TOKEN);
        lab.odoo.set(Switch::NoWriteOn("res.partner".to_owned()));
        let failure = lab.destination.redeem(&mark).await.unwrap_err();
        assert!(matches!(failure, Failure::Refused { .. }), "{version}: {failure:?}");
        lab.odoo.set(Switch::WriteOn("res.partner".to_owned()));
        lab.odoo.fault(Fault {
            on: "ir.attachment.unlink".to_owned(),
            times: 1,
            what: What::LoseAnswer,
        });
        let failure = lab.destination.redeem(&mark).await.unwrap_err();
        assert!(matches!(failure, Failure::Unknown { .. }), "{version}: {failure:?}");
        assert_eq!(redeemed(&lab, &mark).await, None, "{version}");
    }
}

#[tokio::test]
async fn a_token_never_shows() {
    let lab = Lab::new(18);
    let mark = leave(&lab.odoo, "res.partner", 42, TOKEN);
    assert!(!format!("{mark:?}").contains(TOKEN));
    lab.odoo.fault(Fault {
        on: "ir.attachment.search_read".to_owned(),
        times: 1,
        what: What::Echo(500),
    });
    let failure = lab.destination.redeem(&mark).await.unwrap_err();
    assert!(!format!("{failure:?}").contains(TOKEN), "{failure:?}");
}

#[tokio::test]
async fn a_record_is_known_by_its_name_or_refused() {
    for version in VERSIONS {
        let models = vec![("maintenance.request".to_owned(), vec![1])];
        let lab =
            Lab::with(FakeOdoo::start_with(version, Seed { models, ..Seed::default() }), |s| {
                s.models.push("res.country".to_owned());
            });
        let named = async |target: &str| {
            let target: Target = target.parse().unwrap();
            let record = lab.destination.record(&target).await;
            record.map(|record| {
                assert_eq!(record.target, target);
                record.name
            })
        };
        assert_eq!(named("odoo:res.partner:42").await.unwrap(), "Anna Customer");
        assert_eq!(named("odoo:res.partner:44").await.unwrap(), "Old Customer", "archived");
        assert_eq!(named("odoo:maintenance.request:1").await.unwrap(), "Record 1");
        for (target, wanted) in [
            ("odoo:res.partner:9999", "not_found"),
            ("odoo:project.task:6", "not_found"),
            ("odoo:helpdesk.ticket:77", if version == 19 { "not_found" } else { "rejected" }),
            ("odoo:res.country:20", "rejected"),
            ("odoo:res.users:2", "not_allowed"),
            ("freshdesk:17", "unrouted"),
        ] {
            let failure = named(target).await.unwrap_err();
            assert!(matches!(failure, Failure::Refused { .. }), "{version} {target}: {failure:?}");
            assert_eq!(failure.cause().kind.to_string(), wanted, "{version} {target}");
        }
    }
}
