//! What an administrator lets the bridge put into Odoo: made, renewed, used and removed.

mod python;

use apertur_bridge::{
    destinations::{
        Actions, Administrator, Change, Destination, Entry, Mark, Outcome, Plan, Settings as Any,
        odoo::{Api, Settings},
    },
    http::Http,
    model::{DestinationName, Failure},
};
use serde_json::{Value as Json, json};
use url::Url;

use super::{Lab, VERSIONS, settings};
use crate::fakes::odoo::{FakeOdoo, Fault, Seed, Switch, What};

const PUBLIC: &str = "https://photos.example.com/bridge";
const PAGE: &str = "https://photos.example.com/bridge/collect?destination=erp&key=k-1";
const ADMIN: i64 = 2;
const BOT: i64 = 7;
const INTERN: i64 = 8;

/// The actions of the destination `name` in the hands of a user with a key.
pub(super) fn in_hands_of(odoo: &FakeOdoo, name: &str, login: &str, key: &str) -> Actions {
    changed(odoo, name, (login, key), |_| {})
}

fn changed(
    odoo: &FakeOdoo,
    name: &str,
    (login, key): (&str, &str),
    change: impl FnOnce(&mut Settings),
) -> Actions {
    let mut settings = settings(&odoo.url());
    change(&mut settings);
    let administrator = Administrator { login: login.to_owned(), key: key.into() };
    let name = DestinationName::parse(name).unwrap();
    Any::Odoo(settings).actions(&name, administrator, Http::new().unwrap()).unwrap()
}

fn admin(odoo: &FakeOdoo) -> Actions {
    in_hands_of(odoo, "erp", "admin", "admin-key")
}

pub(super) async fn install(odoo: &FakeOdoo) -> Vec<Change> {
    admin(odoo).install(&Plan::default(), &page()).await.unwrap()
}

fn page() -> Url {
    PAGE.parse().unwrap()
}

/// `res.partner collect made`, a line each.
fn told(changes: &[Change]) -> Vec<String> {
    let word = |value: Json| value.as_str().unwrap().to_owned();
    let line = |change: &Change| {
        let change = serde_json::to_value(change).unwrap();
        let [model, entry, outcome] =
            ["model", "entry", "outcome"].map(|part| word(change[part].clone()));
        format!("{model} {entry} {outcome}")
    };
    changes.iter().map(line).collect()
}

fn outcomes(changes: &[Change]) -> Vec<Outcome> {
    changes.iter().map(|change| change.outcome).collect()
}

/// All server actions, with what tells them apart.
fn there(odoo: &FakeOdoo) -> Vec<Json> {
    let fields = ["name", "model_name", "code", "binding_view_types", "state", "binding_model_id"];
    let named = json!({ "fields": fields, "order": "id" });
    let rows = odoo.call_as(ADMIN, "ir.actions.server", "search_read", json!([[]]), named);
    rows.unwrap().as_array().unwrap().clone()
}

fn external_ids(odoo: &FakeOdoo) -> Vec<String> {
    let named = json!({"fields": ["module", "name"], "order": "id"});
    let rows = odoo.call_as(ADMIN, "ir.model.data", "search_read", json!([[]]), named).unwrap();
    let rows = rows.as_array().unwrap().clone();
    let name = |row: &Json| format!("{}.{}", row["module"], row["name"]).replace('"', "");
    rows.iter().map(name).collect()
}

/// The mark that an address carries.
fn mark(address: &str) -> Mark {
    let address: Url = address.parse().unwrap();
    let part =
        |name: &str| address.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned();
    Mark { id: part("mark").parse().unwrap(), token: part("token").into() }
}

#[tokio::test]
async fn each_model_gets_its_actions_once() {
    for version in VERSIONS {
        let models = vec![("crm.lead".to_owned(), vec![1])];
        let odoo = FakeOdoo::start_with(version, Seed { models, ..Seed::default() });
        let wanted = [
            "res.partner collect made",
            "res.partner deliver made",
            "project.task collect made",
            "project.task deliver made",
            "crm.lead collect made",
            "crm.lead deliver made",
        ];
        let plan = Plan { dry_run: true, ..Plan::default() };
        let foreseen = admin(&odoo).install(&plan, &page()).await.unwrap();
        assert_eq!(told(&foreseen), wanted, "{version}");
        assert_eq!(there(&odoo), Vec::<Json>::new());
        assert_eq!(told(&install(&odoo).await), wanted);
        let made = there(&odoo);
        assert_eq!(made.len(), 6, "{version}");
        assert_eq!(made[0]["name"], "Collect photos");
        let views = made[0]["binding_view_types"].as_str().unwrap();
        assert!(views.starts_with("form,apertur-bridge-page-"), "{views}");
        assert_eq!(made[0]["binding_model_id"][1], "Contact");
        let again = install(&odoo).await;
        assert!(again.iter().all(|change| change.outcome == Outcome::Unchanged), "{version}");
        assert_eq!(there(&odoo), made);
        let ids = external_ids(&odoo);
        assert_eq!(ids.len(), 6);
        assert_eq!(ids[0], "__apertur_bridge__.collect__erp__res_partner");
    }
}

#[tokio::test]
async fn only_what_changed_is_renewed_and_a_new_name_stays() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        install(&odoo).await;
        let first = there(&odoo)[0]["id"].clone();
        let write = |id: &Json, vals: Json| {
            odoo.call_as(ADMIN, "ir.actions.server", "write", json!([[id], vals]), json!({}))
        };
        write(&first, json!({"name": "Photos!"})).unwrap();
        assert_eq!(outcomes(&install(&odoo).await), [Outcome::Unchanged; 4], "{version}");
        let elsewhere: Url = "https://new.example.com/collect?key=k".parse().unwrap();
        let plan = Plan { take_over: true, ..Plan::default() };
        let moved = admin(&odoo).install(&plan, &elsewhere).await.unwrap();
        use Outcome::{Made, Unchanged, Updated};
        assert_eq!(outcomes(&moved), [Updated, Unchanged, Updated, Unchanged], "{version}");
        let renewed = &there(&odoo)[0];
        assert_eq!((&renewed["id"], &renewed["name"]), (&first, &json!("Photos!")));
        assert!(renewed["code"].as_str().unwrap().contains("https://new.example.com/collect?"));
        // Older code of the delivery, and an action that somebody removed.
        let deliver = there(&odoo)[1]["id"].clone();
        write(&deliver, json!({"code": "pass", "binding_view_types": "apertur-bridge-0"})).unwrap();
        odoo.call_as(ADMIN, "ir.actions.server", "unlink", json!([[first]]), json!({})).unwrap();
        let mended = admin(&odoo).install(&Plan::default(), &elsewhere).await.unwrap();
        assert_eq!(outcomes(&mended), [Made, Updated, Unchanged, Unchanged], "{version}");
        assert_eq!(external_ids(&odoo).len(), 4);
    }
}

#[tokio::test]
async fn exactly_what_was_made_is_removed() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        let make = |name: &str| {
            let values = json!({"name": name, "model_id": 85, "state": "code", "code": "pass"});
            odoo.call_as(ADMIN, "ir.actions.server", "create", json!([values]), json!({})).unwrap()
        };
        let foreign = make("Collect photos");
        install(&odoo).await;
        let second = in_hands_of(&odoo, "erp__res", "admin", "admin-key");
        second.install(&Plan::default(), &page()).await.unwrap();
        assert_eq!(there(&odoo).len(), 9, "{version}");
        let plan = |models: &[&str], dry_run| {
            let models = models.iter().map(|model| (*model).to_owned()).collect();
            Plan { models, dry_run, ..Plan::default() }
        };
        let foreseen = admin(&odoo).remove(&plan(&[], true)).await.unwrap();
        assert_eq!((foreseen.len(), there(&odoo).len()), (4, 9), "{version}");
        let tasks = admin(&odoo).remove(&plan(&["project.task"], false)).await.unwrap();
        assert_eq!(told(&tasks), ["project.task collect removed", "project.task deliver removed"]);
        // From another machine, which knows nothing but the destination's name.
        let rest = in_hands_of(&odoo, "erp", "admin", "admin").remove(&plan(&[], false)).await;
        assert_eq!(rest.unwrap().len(), 2, "{version}");
        assert_eq!(admin(&odoo).remove(&plan(&[], false)).await.unwrap(), []);
        assert_eq!(second.remove(&plan(&[], false)).await.unwrap().len(), 4);
        let left = there(&odoo);
        assert_eq!((left.len(), &left[0]["id"]), (1, &foreign), "{version}");
        assert_eq!(external_ids(&odoo), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_an_installation_that_was_cut_off_made_is_taken_up() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        let on = "ir.model.data.create".to_owned();
        odoo.fault(Fault { on: on.clone(), times: 1, what: What::CloseBefore });
        let cut = admin(&odoo).install(&Plan::default(), &page()).await;
        assert!(matches!(cut, Err(Failure::Unknown { .. })), "{version}: {cut:?}");
        assert_eq!((there(&odoo).len(), external_ids(&odoo).len()), (1, 0));
        install(&odoo).await;
        assert_eq!((there(&odoo).len(), external_ids(&odoo).len()), (4, 4), "{version}");
        admin(&odoo).remove(&Plan::default()).await.unwrap();
        // Where Odoo surely did not take the external id, no action is left either.
        odoo.fault(Fault { on, times: 1, what: What::SerializationFailure });
        let refused = admin(&odoo).install(&Plan::default(), &page()).await;
        assert!(matches!(refused, Err(Failure::Later { .. })), "{version}: {refused:?}");
        assert_eq!(there(&odoo), Vec::<Json>::new(), "{version}");
    }
}

#[tokio::test]
async fn an_external_id_whose_action_is_gone_is_no_obstacle() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        install(&odoo).await;
        let first = there(&odoo)[0]["id"].as_i64().unwrap();
        odoo.remove_record("ir.actions.server", first);
        assert_eq!(outcomes(&install(&odoo).await)[0], Outcome::Made, "{version}");
        assert_eq!((there(&odoo).len(), external_ids(&odoo).len()), (4, 4));
        let first = there(&odoo)[0]["id"].as_i64().unwrap();
        odoo.remove_record("ir.actions.server", first);
        assert_eq!(admin(&odoo).remove(&Plan::default()).await.unwrap().len(), 4, "{version}");
        assert_eq!(external_ids(&odoo), Vec::<String>::new());
    }
}

#[tokio::test]
async fn actions_have_names_in_the_languages_of_this_odoo() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        odoo.set(Switch::Language("fr_BE".to_owned()));
        odoo.set(Switch::Language("de_DE".to_owned()));
        install(&odoo).await;
        for (lang, wanted) in [
            ("en_US", "Collect photos"),
            ("fr_BE", "Collecter des photos"),
            ("de_DE", "Collect photos"),
        ] {
            let named = json!({"context": {"lang": lang}});
            let args = json!(["res.partner"]);
            let menu = odoo.call_as(INTERN, "ir.actions.actions", "get_bindings", args, named);
            assert_eq!(menu.unwrap()["action"][0]["name"], wanted, "{version} {lang}");
        }
    }
}

#[tokio::test]
async fn names_are_given_later_too_but_for_those_that_people_gave() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        odoo.set(Switch::Language("fr_FR".to_owned()));
        // Cut off between the making of an action and its names.
        let on = "ir.actions.server.read".to_owned();
        odoo.fault(Fault { on, times: 1, what: What::CloseBefore });
        admin(&odoo).install(&Plan::default(), &page()).await.unwrap_err();
        install(&odoo).await;
        odoo.set(Switch::Language("es_ES".to_owned()));
        let task = there(&odoo)[2]["id"].clone();
        let write = |lang: &str, name: &str| {
            let args = json!([[task], {"name": name}]);
            let named = json!({"context": {"lang": lang}});
            odoo.call_as(ADMIN, "ir.actions.server", "write", args, named).unwrap()
        };
        write("fr_FR", "Photos !");
        let foreseen = Plan { dry_run: true, ..Plan::default() };
        let foreseen = admin(&odoo).install(&foreseen, &page()).await.unwrap();
        use Outcome::{Unchanged, Updated};
        let wanted = [Updated, Unchanged, Updated, Unchanged];
        assert_eq!(outcomes(&foreseen), wanted, "{version}");
        assert_eq!(outcomes(&install(&odoo).await), wanted, "{version}");
        assert_eq!(outcomes(&install(&odoo).await), [Unchanged; 4], "{version}");
        for (model, lang, wanted) in [
            ("res.partner", "en_US", "Collect photos"),
            ("res.partner", "fr_FR", "Collecter des photos"),
            ("res.partner", "es_ES", "Recopilar fotos"),
            ("project.task", "fr_FR", "Photos !"),
            ("project.task", "es_ES", "Recopilar fotos"),
        ] {
            let named = json!({"context": {"lang": lang}});
            let menu =
                odoo.call_as(INTERN, "ir.actions.actions", "get_bindings", json!([model]), named);
            let menu = menu.unwrap();
            let mut names = menu["action"].as_array().unwrap().iter().map(|entry| &entry["name"]);
            assert!(names.any(|name| name == wanted), "{version} {model} {lang}: {menu}");
        }
    }
}

#[tokio::test]
async fn people_are_not_turned_away_from_another_bridge_unless_that_is_meant() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        install(&odoo).await;
        let before = there(&odoo);
        let staging: Url = "https://staging.example.com/collect".parse().unwrap();
        let failure = admin(&odoo).install(&Plan::default(), &staging).await.unwrap_err();
        let cause = failure.cause();
        let wanted = "the actions of `erp` in this Odoo lead to https://photos.example.com/bridge/\
                      collect, not to https://staging.example.com/collect";
        assert_eq!(cause.what, wanted, "{version}");
        assert!(cause.fix.contains("--take-over"), "{version}: {cause}");
        assert_eq!(there(&odoo), before, "{version}");
        let other = in_hands_of(&odoo, "staging", "admin", "admin-key");
        assert_eq!(other.install(&Plan::default(), &staging).await.unwrap().len(), 4);
        let plan = Plan { take_over: true, ..Plan::default() };
        admin(&odoo).install(&plan, &staging).await.unwrap();
        assert!(there(&odoo)[0]["code"].as_str().unwrap().contains("//staging.example.com/"));
    }
}

#[tokio::test]
async fn a_check_says_where_the_entries_lead() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        let told = async |public: Option<&str>| {
            let destination = super::destination(&odoo.url(), |settings| {
                settings.public_url = public.map(|public| public.parse().unwrap());
            });
            let findings = destination.probe().await;
            let found = findings.into_iter().find(|finding| finding.subject == "collect photos");
            found.map(|finding| finding.what)
        };
        assert_eq!(told(Some(PUBLIC)).await, None, "{version}");
        install(&odoo).await;
        let good = format!("the entry of res.partner, project.task leads to {PUBLIC}/collect");
        assert_eq!(told(Some(PUBLIC)).await.unwrap(), good, "{version}");
        let moved = told(Some("https://new.example.com")).await.unwrap();
        let wanted = "the entry of res.partner, project.task leads to another address";
        assert_eq!(moved, wanted, "{version}");
        assert_eq!(told(None).await, None, "{version}");
    }
}

#[tokio::test]
async fn what_somebody_changed_is_removed_too_and_so_are_marks_and_a_typing_error_is_refused() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        install(&odoo).await;
        odoo.collect(BOT, "res.partner", 42).unwrap();
        odoo.collect(BOT, "project.task", 5).unwrap();
        let task = there(&odoo)[2]["id"].clone();
        let other = json!([[task], {"model_id": there(&odoo)[0]["binding_model_id"][0]}]);
        odoo.call_as(ADMIN, "ir.actions.server", "write", other, json!({})).unwrap();
        assert_eq!(there(&odoo)[2]["model_name"], "res.partner", "{version}");
        let plan = |model: &str| Plan { models: vec![model.to_owned()], ..Plan::default() };
        let failure = admin(&odoo).remove(&plan("project.tsak")).await.unwrap_err();
        assert!(failure.cause().what.contains("no actions for project.tsak"), "{failure:?}");
        let removed = admin(&odoo).remove(&plan("project.task")).await.unwrap();
        let wanted = ["project.task collect removed", "project.task deliver removed"];
        assert_eq!(told(&removed), wanted, "{version}");
        let left: Vec<_> = odoo.attachments().into_iter().map(|mark| mark.res_model).collect();
        assert_eq!(left, ["res.partner"], "{version}");
        // It is configured, and has none any more.
        assert_eq!(admin(&odoo).remove(&plan("project.task")).await.unwrap(), []);
        admin(&odoo).remove(&Plan::default()).await.unwrap();
        assert_eq!((there(&odoo).len(), odoo.attachments().len()), (0, 0), "{version}");
    }
}

#[tokio::test]
async fn models_that_cannot_take_photos_are_named() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        let actions = changed(&odoo, "erp", ("admin", "admin-key"), |settings| {
            settings.models.push("res.country".to_owned());
        });
        for (models, wanted) in [
            (vec!["res.partner", "crm.lead", "sale.order"], "no model crm.lead, sale.order"),
            (vec!["res.country"], "res.country has no chatter"),
            (vec!["res.users"], "photos may not go to res.users"),
        ] {
            let models = models.into_iter().map(str::to_owned).collect();
            let plan = Plan { models, ..Plan::default() };
            let failure = actions.install(&plan, &page()).await.unwrap_err();
            assert!(matches!(failure, Failure::Refused { .. }), "{version}: {failure:?}");
            assert!(failure.cause().what.contains(wanted), "{version}: {failure:?}");
        }
        assert_eq!(there(&odoo), Vec::<Json>::new(), "{version}");
    }
}

#[tokio::test]
async fn whoever_is_no_administrator_is_told_so() {
    for version in VERSIONS {
        let odoo = FakeOdoo::start(version);
        let lab = |login, key| in_hands_of(&odoo, "erp", login, key);
        for (login, key, wanted) in [
            ("bot@example.com", "odoo-key", "bot@example.com is no administrator of this Odoo"),
            ("intern@example.com", "intern", "intern@example.com is no administrator"),
            ("admin", "wrong-hush", "Odoo does not let admin in"),
        ] {
            let failures = [
                lab(login, key).install(&Plan::default(), &page()).await.unwrap_err(),
                lab(login, key).remove(&Plan::default()).await.unwrap_err(),
            ];
            for failure in failures {
                let cause = failure.cause();
                assert!(cause.what.starts_with(wanted), "{version}: {cause}");
                assert!(cause.fix.contains("--admin-login"), "{version}: {cause}");
                assert!(!format!("{failure:?} {:?}", lab(login, key)).contains("hush"));
            }
        }
        // The password does where JSON-2 wants a key, whatever the destination insists on.
        let json2 = changed(&odoo, "erp", ("admin", "admin"), |s| s.api = Api::Json2);
        assert_eq!(json2.install(&Plan::default(), &page()).await.unwrap().len(), 4);
    }
}

#[tokio::test]
async fn a_click_leaves_a_mark_that_proves_the_right_to_that_record_once() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        install(&lab.odoo).await;
        let address = lab.odoo.collect(BOT, "res.partner", 42).unwrap();
        assert!(address.starts_with(&format!("{PAGE}&mark=")));
        let mark = mark(&address);
        let record = lab.destination.redeem(&mark).await.unwrap().unwrap();
        assert_eq!(record.target.to_string(), "odoo:res.partner:42", "{version}");
        assert_eq!(record.name, "Anna Customer");
        assert_eq!(lab.destination.redeem(&mark).await, Ok(None), "{version}");
        assert_eq!(lab.counts(), (0, 0));
    }
}

#[tokio::test]
async fn whoever_may_not_write_to_a_record_leaves_no_mark_and_can_use_none() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        install(&lab.odoo).await;
        for (uid, model, record) in
            [(INTERN, "res.partner", 42), (BOT, "project.task", 6), (BOT, "res.partner", 9999)]
        {
            lab.odoo.collect(uid, model, record).unwrap_err();
        }
        assert_eq!(lab.counts(), (0, 0), "{version}");
        // The intern sees the mark of a colleague, but nothing to redeem it with.
        let address = lab.odoo.collect(BOT, "res.partner", 42).unwrap();
        let seen = lab.odoo.call_as(INTERN, "ir.attachment", "search_read", json!([[]]), json!({}));
        let seen = seen.unwrap();
        let token = mark(&address).token;
        let token = secrecy::ExposeSecret::expose_secret(&token);
        assert_eq!(seen.as_array().unwrap().len(), 1, "{version}");
        assert!(!seen.to_string().contains(token));
        assert!(seen[0]["access_token"].as_str().is_none(), "{version}");
    }
}

#[tokio::test]
async fn a_second_click_takes_the_first_mark_away_and_no_one_else_s() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        install(&lab.odoo).await;
        let click = |uid| mark(&lab.odoo.collect(uid, "res.partner", 42).unwrap());
        let (first, other, second) = (click(BOT), click(ADMIN), click(BOT));
        assert_eq!(lab.odoo.attachments().len(), 2, "{version}");
        for (mark, is_good) in [(first, false), (other, true), (second, true)] {
            let redeemed = lab.destination.redeem(&mark).await.unwrap();
            assert_eq!(redeemed.is_some(), is_good, "{version}");
        }
    }
}

#[tokio::test]
async fn two_installations_on_one_odoo_are_one_another_s_matter_no_more_than_their_names() {
    let lab = Lab::new(18);
    install(&lab.odoo).await;
    let second = in_hands_of(&lab.odoo, "erp-2", "admin", "admin-key");
    let plan = Plan { models: vec!["res.partner".to_owned()], ..Plan::default() };
    let made = second.install(&plan, &page()).await.unwrap();
    assert_eq!(told(&made), ["res.partner collect made", "res.partner deliver made"]);
    let entries = made.iter().map(|change| change.entry).collect::<Vec<_>>();
    assert_eq!(entries, [Entry::Collect, Entry::Deliver]);
    assert_eq!(outcomes(&install(&lab.odoo).await), [Outcome::Unchanged; 4]);
}
