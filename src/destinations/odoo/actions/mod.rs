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
use url::Url;

pub use self::install::{Actions, Administrator, Plan};
use crate::{destinations::Language, model::DestinationName};

/// The module of our external ids; none of this name can be installed.
const MODULE: &str = "__apertur_bridge__";
/// Where the delivery stands in `binding_view_types`, with the version of its code: the bridge
/// calls it only where both sides mean the same. Whoever changes what `deliver.py` reads or does
/// counts it up: there may be one of another installation on the same Odoo.
pub(super) const SHORTCUT: &str = "apertur-bridge-2";
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

    /// The views in whose Action menu it stands.
    fn views(self) -> &'static str {
        match self {
            Self::Collect => "form",
            Self::Deliver => SHORTCUT,
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
        format!("{kind}__{destination}__{}", model.replace('.', "_"))
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

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
