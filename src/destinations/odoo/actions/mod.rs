//! What the bridge puts into Odoo itself, without a module: server actions, made over the API.
//!
//! Two for each model: "Collect photos" in the Action menu of its forms (`collect.py`), and the
//! delivery of a photo in one call (`deliver.py`), which no menu shows. This file holds what
//! they are and how they are known again, `install` makes, renews and removes them.
//!
//! They are known by external ids of a module of our own, so renaming one is no problem. The
//! bridge's user may read neither actions nor external ids; it finds the delivery by
//! `get_bindings`, which every internal user may call: there `binding_view_types` comes with it,
//! and holds a word that no view has for a name (`fixtures/odoo/README.md`, "Server actions and
//! marks").

mod install;

use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use url::Url;

pub use self::install::{Actions, Administrator, Plan};
use crate::{destinations::Language, model::DestinationName};

/// The module of our external ids; none of this name can be installed.
const MODULE: &str = "__apertur_bridge__";
/// Where the delivery stands in `binding_view_types`, with the version of its code: the bridge
/// calls it only where both sides mean the same. Whoever changes what `deliver.py` reads or does
/// counts it up: there may be one of another installation on the same Odoo.
pub(super) const SHORTCUT: &str = "apertur-bridge-2";
/// How the word in `binding_view_types` begins that says where "Collect photos" leads to; who may
/// not read its code can tell by it.
const LEADS: &str = "apertur-bridge-page-";
/// Where the address of the collect page stands in the code.
const PAGE: &str = "@PAGE@";

/// What an action is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// "Collect photos" in the Action menu of a record.
    Collect,
    /// The delivery of a photo in one call.
    Deliver,
}

/// What became of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was not there.
    Made,
    /// It was there otherwise: with another address, older code, another menu.
    Updated,
    /// It is there as it should be.
    Unchanged,
    /// It was there and is not any more.
    Removed,
}

/// One action of one model, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The model's technical name.
    pub model: String,
    /// Which of its actions.
    pub entry: Entry,
    /// What became of it.
    pub outcome: Outcome,
}

impl Entry {
    const ALL: [Self; 2] = [Self::Collect, Self::Deliver];

    /// The first name it gets; people may rename it.
    fn name(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Collect, Language::En) => "Collect photos",
            (Self::Collect, Language::Fr) => "Collecter des photos",
            (Self::Collect, Language::Es) => "Recopilar fotos",
            (Self::Deliver, _) => "Apertur: deliver a photo",
        }
    }

    /// The views in whose Action menu it stands, and its word for the bridge.
    fn views(self, page: &Url) -> String {
        match self {
            Self::Collect => format!("form,{}", leads_to(page)),
            Self::Deliver => SHORTCUT.to_owned(),
        }
    }

    /// Its Python, as Odoo's `safe_eval` takes it from 16 on.
    fn code(self, page: &Url) -> String {
        // A URL is plain ASCII, so that its JSON is a literal of Python too.
        let page = serde_json::Value::from(page.as_str()).to_string();
        match self {
            Self::Collect => include_str!("collect.py").replace(PAGE, &page),
            Self::Deliver => include_str!("deliver.py").to_owned(),
        }
        .trim_end()
        .to_owned()
    }

    /// The name of its external id.
    fn external_id(self, destination: &DestinationName, model: &str) -> String {
        let kind = match self {
            Self::Collect => "collect",
            Self::Deliver => "deliver",
        };
        // Neither an external id nor a technical name has room for more than this.
        let model = model.replace('_', "-").replace('.', "_");
        format!("{kind}__{destination}__{model}")
    }

    /// Which action of a destination an external id names, and of which model.
    fn named(external_id: &str, destination: &DestinationName) -> Option<(Self, String)> {
        let (_, model) = external_id.rsplit_once("__")?;
        let model = model.replace('_', ".").replace('-', "_");
        let is_it = |entry: &Self| entry.external_id(destination, &model) == external_id;
        let entry = Self::ALL.into_iter().find(is_it)?;
        Some((entry, model))
    }
}

/// An address without what is appended to it.
fn bare(page: &Url) -> Url {
    let mut page = page.clone();
    page.set_query(None);
    page.set_fragment(None);
    page
}

/// The word that says in `binding_view_types` where "Collect photos" leads to.
pub(super) fn leads_to(page: &Url) -> String {
    let digest = hex::encode(Sha256::digest(bare(page).as_str()));
    format!("{LEADS}{}", &digest[..16])
}

/// Whether what a model's menus hold leads to this page (`true`) or to others alone; `None` where
/// there is no "Collect photos".
pub(super) fn leads_here(bindings: &Json, page: &Url) -> Option<bool> {
    let actions = bindings.get("action").and_then(Json::as_array).into_iter().flatten();
    let views = actions.filter_map(|action| action.get("binding_view_types")?.as_str());
    let words: Vec<_> =
        views.flat_map(|views| views.split(',')).filter(|word| word.starts_with(LEADS)).collect();
    (!words.is_empty()).then(|| words.contains(&leads_to(page).as_str()))
}

/// Where the code of "Collect photos" leads to.
fn page_in(code: &str) -> Option<Url> {
    let literal = code.lines().find_map(|line| line.strip_prefix("page = "))?;
    serde_json::from_str::<String>(literal).ok()?.parse().ok()
}

/// The collect page of a bridge.
pub(super) fn collect_page(public_url: &Url) -> Url {
    let mut page = bare(public_url);
    page.set_path(&format!("{}/collect", public_url.path().trim_end_matches('/')));
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        destinations::odoo::{fault::Doing, xmlrpc::tests::read},
        model::{ErrorKind, Failure},
    };

    #[test]
    fn the_code_opens_the_page_it_is_given() {
        for (page, wanted) in [
            ("https://p.example.com/collect?d=erp&key=a-b", ".com/collect?d=erp&key=a-b\""),
            ("https://p.example.com/'\"\\%41/collect?key=x", ".com/'%22/%41/collect?key=x\""),
        ] {
            let code = Entry::Collect.code(&page.parse().unwrap());
            let wanted = format!("page = \"https://p.example{wanted}");
            assert!(code.contains(&wanted), "{code}");
            assert!(!code.contains(PAGE) && !code.ends_with('\n'));
        }
    }

    #[test]
    fn another_code_of_the_delivery_has_another_version() {
        // An older one beside it on the same Odoo would be called otherwise: both change or none.
        let digest = hex::encode(Sha256::digest(include_str!("deliver.py")));
        assert_eq!((SHORTCUT, &digest[..16]), ("apertur-bridge-2", "95d103307fa8f419"));
    }

    #[test]
    fn external_ids_tell_destinations_models_and_actions_apart() {
        let name = DestinationName::parse("erp-2").unwrap();
        let id = Entry::Collect.external_id(&name, "res.partner");
        assert_eq!(id, "collect__erp-2__res_partner");
        assert_ne!(id, Entry::Deliver.external_id(&name, "res.partner"));
        let models = ["a.b_c", "a_b.c", "a.b.c", "x_a", "res.partner"];
        for name in ["erp", "erp__a", "erp_", "e-r"].map(DestinationName::parse) {
            let name = name.unwrap();
            for (entry, model) in Entry::ALL.into_iter().flat_map(|e| models.map(|m| (e, m))) {
                let id = entry.external_id(&name, model);
                assert_eq!(Entry::named(&id, &name), Some((entry, model.to_owned())), "{id}");
                assert_eq!(Entry::named(&id, &DestinationName::parse("a").unwrap()), None);
            }
        }
        assert_ne!(
            Entry::Collect.external_id(&name, "a.b_c"),
            Entry::Collect.external_id(&name, "a_b.c")
        );
    }

    #[test]
    fn where_it_leads_can_be_told_from_the_code_and_from_the_menu() {
        let public: Url = "https://p.example.com/a'\"b/?x=1#y".parse().unwrap();
        let there: Url =
            "https://p.example.com/a'\"b/collect?destination=erp&key=k".parse().unwrap();
        assert_eq!(page_in(&Entry::Collect.code(&there)), Some(there.clone()));
        assert_eq!(page_in("pass"), None);
        let here = collect_page(&public);
        let menu = |views: &[&str]| {
            let actions =
                views.iter().map(|views| serde_json::json!({"binding_view_types": views}));
            serde_json::json!({"action": actions.collect::<Vec<_>>()})
        };
        let ours = Entry::Collect.views(&there);
        assert!(ours.starts_with("form,"), "{ours}");
        let other = Entry::Collect.views(&"https://old.example.com/collect".parse().unwrap());
        for (views, wanted) in [
            (&["list,form", SHORTCUT][..], None),
            (&["list,form", &ours], Some(true)),
            (&[&other], Some(false)),
            (&[&other, &ours], Some(true)),
        ] {
            assert_eq!(leads_here(&menu(views), &here), wanted, "{views:?}");
        }
        assert_eq!(leads_here(&Json::Null, &here), None);
    }

    #[test]
    fn real_servers_took_an_action_of_these_values_and_refused_others() {
        for version in [16, 18, 19] {
            let made = read(version, "-server-action-create").unwrap();
            assert!(made.as_u64().is_some(), "{version}");
            let row = read(version, "-server-action-read").unwrap();
            for (field, value) in [("binding_view_types", "form"), ("binding_type", "action")] {
                assert_eq!(row[0][field], value, "{version}");
            }
            assert_eq!(row[0]["model_name"], "res.partner");
            assert!(row[0]["binding_model_id"][0].is_u64(), "{version}");
            let refused = |case: &str| {
                let failure = read(version, case).unwrap_err().failure(Doing::Writing, "x");
                assert!(matches!(failure, Failure::Refused { .. }), "{version} {failure:?}");
                failure.cause().kind
            };
            assert_eq!(refused("-server-action-create-bot"), ErrorKind::Forbidden);
            assert_eq!(refused("-server-action-forbidden-import"), ErrorKind::Rejected);
        }
    }
}
