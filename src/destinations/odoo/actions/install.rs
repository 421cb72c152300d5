//! Making, renewing and removing the actions, with an administrator's rights for one call.

use std::collections::HashSet;

use secrecy::SecretString;
use serde_json::{Value as Json, json};
use url::Url;

use super::{Change, Entry, MODULE, Outcome, bare, page_in};
use crate::{
    destinations::{
        Language,
        odoo::{
            Settings,
            calls::{id, strange},
            deliver::refused,
            session::Session,
            settings::Api,
            wire::{self, Call, Wire},
        },
    },
    http::Http,
    model::{Cause, DestinationName, ErrorKind, Failure},
};

const ACTION: &str = "ir.actions.server";
/// Marks that are removed along with the actions; they are gone by themselves otherwise.
const MARKS: usize = 100;

/// Who makes them: a user of Odoo with the rights of Administration/Settings. Kept nowhere.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// The login.
    pub login: String,
    /// An API key or the password.
    pub key: SecretString,
}

/// What is to be made or removed.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Technical names of models; none: those the destination is configured with as far as they
    /// are installed, or in removing all.
    pub models: Vec<String>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Let them lead to this bridge even if they lead to another one.
    pub take_over: bool,
}

/// The actions of one destination, in the hands of an administrator.
#[derive(Debug)]
pub struct Actions {
    destination: DestinationName,
    models: Vec<String>,
    login: String,
    wire: Wire,
}

/// An action that is to be there.
struct Wanted<'a> {
    entry: Entry,
    model: &'a Model,
    code: String,
    views: String,
}

/// What was there before anything was done.
struct Ground {
    known: Vec<Known>,
    /// The languages of this Odoo in which there are names, by their codes.
    languages: Vec<(String, Language)>,
}

/// A model of this Odoo.
struct Model {
    name: String,
    id: u64,
    has_chatter: bool,
}

/// An external id of ours, and the action it names where that is still there.
struct Known {
    /// Its own id.
    id: u64,
    name: String,
    action: u64,
    row: Option<Json>,
}

impl Actions {
    /// Those of a destination with these settings. Nothing is asked yet.
    #[must_use]
    pub fn new(
        destination: DestinationName,
        settings: &Settings,
        administrator: Administrator,
        http: Http,
    ) -> Self {
        let Administrator { login, key } = administrator;
        // A password is told from a key by the server alone, so JSON-2 is tried, not insisted on.
        let api = if settings.api == Api::Xmlrpc { Api::Xmlrpc } else { Api::Auto };
        let settings = Settings {
            username: login.clone(),
            secret: key,
            is_api_key: true,
            api,
            ..settings.clone()
        };
        let models = settings.models.clone();
        Self { destination, models, login, wire: Wire { settings: settings.into(), http } }
    }

    /// Makes what is not there and renews what is there otherwise; `page` is the address that
    /// "Collect photos" leads to, for the browsers of Odoo's users, and goes on with
    /// `&mark=...&token=...`. Doing it again changes nothing.
    ///
    /// # Errors
    /// When a model cannot take photos, what is there leads to another bridge, the user is no
    /// administrator or Odoo cannot be asked.
    pub async fn install(&self, plan: &Plan, page: &Url) -> Result<Vec<Change>, Failure> {
        let done = async {
            let session = Session::open(self.wire.clone()).await?;
            let models = self.models(&session, plan).await?;
            let known = known(&session).await?;
            if !plan.take_over {
                self.leave_to_others(&known, page)?;
            }
            let ground = Ground { known, languages: session.languages().await? };
            let mut changes = Vec::new();
            for model in &models {
                for entry in Entry::ALL {
                    let (code, views) = (entry.code(page), entry.views(page));
                    let wanted = Wanted { entry, model, code, views };
                    let outcome = self.settle(&session, &ground, &wanted, plan.dry_run).await?;
                    changes.push(Change { model: model.name.clone(), entry, outcome });
                }
            }
            Ok(changes)
        };
        done.await.map_err(|failure| self.explained(failure))
    }

    /// Removes what [`Actions::install`] made for this destination, on whichever machine, and the
    /// marks that are left on records of these models.
    ///
    /// # Errors
    /// When a model is named that is neither configured nor has actions, the user is no
    /// administrator or Odoo cannot be asked.
    pub async fn remove(&self, plan: &Plan) -> Result<Vec<Change>, Failure> {
        let done = async {
            let session = Session::open(self.wire.clone()).await?;
            let mut changes = Vec::new();
            let known = known(&session).await?;
            self.know(&plan.models, &known)?;
            for known in known {
                let Some((entry, model)) = Entry::named(&known.name, &self.destination) else {
                    continue;
                };
                if !plan.models.is_empty() && !plan.models.contains(&model) {
                    continue;
                }
                if !plan.dry_run {
                    session.discard(&known).await?;
                }
                changes.push(Change { model, entry, outcome: Outcome::Removed });
            }
            if !plan.dry_run {
                let models: Vec<_> = changes.iter().map(|change| change.model.as_str()).collect();
                session.clear_marks(&models).await?;
            }
            Ok(changes)
        };
        done.await.map_err(|failure| self.explained(failure))
    }

    /// The models that get actions.
    async fn models(&self, session: &Session, plan: &Plan) -> Result<Vec<Model>, Failure> {
        let is_asked = !plan.models.is_empty();
        let names = if is_asked { &plan.models } else { &self.models };
        if let Some(name) = names.iter().find(|name| !self.models.contains(name)) {
            return Err(refused(
                ErrorKind::NotAllowed,
                &format!("photos may not go to {name}"),
                &format!(
                    "if they should, add \"{name}\" to `destination.{}.models`",
                    self.destination
                ),
            ));
        }
        let mut models = session.installed(names).await?;
        if is_asked {
            let lacks = |name: &&String| !models.iter().any(|model| model.name == **name);
            let missing: Vec<_> = names.iter().filter(lacks).map(String::as_str).collect();
            if !missing.is_empty() {
                return Err(refused(
                    ErrorKind::NotFound,
                    &format!("this Odoo has no model {}", missing.join(", ")),
                    "install the app it belongs to, or name another --model",
                ));
            }
            if let Some(model) = models.iter().find(|model| !model.has_chatter) {
                return Err(refused(
                    ErrorKind::Rejected,
                    &format!("{} has no chatter in this Odoo", model.name),
                    "install the app that adds a chatter, or name another --model",
                ));
            }
        }
        models.retain(|model| model.has_chatter);
        Ok(models)
    }

    async fn settle(
        &self,
        session: &Session,
        ground: &Ground,
        wanted: &Wanted<'_>,
        dry_run: bool,
    ) -> Result<Outcome, Failure> {
        let name = wanted.entry.external_id(&self.destination, &wanted.model.name);
        let there = ground.known.iter().find(|known| known.name == name);
        match there.map(|there| (there, there.row.as_ref())) {
            Some((there, Some(row))) => {
                let is_as_wanted = wanted.is(row);
                if !dry_run && !is_as_wanted {
                    session.renew(there.action, wanted).await?;
                }
                let was_named = session.translate(there.action, wanted, ground, dry_run).await?;
                let is_unchanged = is_as_wanted && !was_named;
                Ok(if is_unchanged { Outcome::Unchanged } else { Outcome::Updated })
            }
            gone => {
                if !dry_run {
                    if let Some((there, _)) = gone {
                        session.discard(there).await?;
                    }
                    session.make(ground, wanted, &name).await?;
                }
                Ok(Outcome::Made)
            }
        }
    }

    /// Refuses to turn people away from another bridge.
    fn leave_to_others(&self, known: &[Known], page: &Url) -> Result<(), Failure> {
        let here = bare(page);
        let there = known
            .iter()
            .filter(|known| {
                let named = Entry::named(&known.name, &self.destination);
                named.is_some_and(|(entry, _)| entry == Entry::Collect)
            })
            .filter_map(|known| page_in(known.row.as_ref()?.get("code")?.as_str()?))
            .map(|page| bare(&page))
            .find(|there| *there != here);
        let Some(there) = there else { return Ok(()) };
        let name = &self.destination;
        Err(refused(
            ErrorKind::NotAllowed,
            &format!("the actions of `{name}` in this Odoo lead to {there}, not to {here}"),
            &format!(
                "if this bridge takes the place of that one, or has a new address, give \
                 --take-over; if that is another bridge, give the destination another name than \
                 `{name}`"
            ),
        ))
    }

    /// Refuses models that nobody knows of: they were typed wrong.
    fn know(&self, models: &[String], known: &[Known]) -> Result<(), Failure> {
        let named = known.iter().filter_map(|known| Entry::named(&known.name, &self.destination));
        let there: HashSet<_> = named.map(|(_, model)| model).collect();
        let is_unknown = |model: &&String| !self.models.contains(model) && !there.contains(*model);
        let Some(model) = models.iter().find(is_unknown) else { return Ok(()) };
        Err(refused(
            ErrorKind::NotFound,
            &format!("`{}` has no actions for {model} in this Odoo", self.destination),
            "check the model's technical name; without --model all are removed",
        ))
    }

    /// A failure in the words of this command: what is wrong is the administrator's log-in.
    fn explained(&self, failure: Failure) -> Failure {
        let login = &self.login;
        let again =
            |cause: Cause, what: String, fix: &str| Cause { what, fix: fix.into(), ..cause };
        match failure {
            Failure::Refused { cause } if cause.kind == ErrorKind::Forbidden => {
                let what = format!("{login} is no administrator of this Odoo");
                let fix = "name a user of the group Administration / Settings with --admin-login";
                Failure::Refused { cause: again(cause, what, fix) }
            }
            Failure::Broken { cause } if cause.kind == ErrorKind::Unauthorized => {
                let what = format!("Odoo does not let {login} in");
                let fix = "check --admin-login and the key; a user with two-factor log-in needs \
                           an API key";
                Failure::Broken { cause: again(cause, what, fix) }
            }
            other => other,
        }
    }
}

impl Wanted<'_> {
    fn values(&self) -> Json {
        json!({
            "model_id": self.model.id,
            "binding_model_id": self.model.id,
            "binding_type": "action",
            "binding_view_types": self.views,
            "state": "code",
            "code": self.code,
        })
    }

    /// Whether an action does what this one is to do, whatever it is called.
    fn is(&self, row: &Json) -> bool {
        let text = |name: &str| row.get(name).and_then(Json::as_str).unwrap_or_default();
        let of_model = |name: &str| row.get(name).and_then(|m| m.get(0)?.as_u64());
        text("code").trim_end() == self.code
            && text("state") == "code"
            && text("binding_type") == "action"
            && text("binding_view_types") == self.views
            && of_model("binding_model_id") == Some(self.model.id)
            && of_model("model_id") == Some(self.model.id)
    }
}

/// The external ids of ours and their actions.
async fn known(session: &Session) -> Result<Vec<Known>, Failure> {
    let domain = json!([["module", "=", MODULE], ["model", "=", ACTION]]);
    let ids = session
        .rows("ir.model.data", "look for the actions made earlier", domain, &["name", "res_id"])
        .await?;
    let action = |row: &Json| row.get("res_id").and_then(Json::as_u64);
    let actions: Vec<_> = ids.iter().filter_map(action).collect();
    let fields = [
        "model_name",
        "model_id",
        "state",
        "code",
        "binding_type",
        "binding_model_id",
        "binding_view_types",
    ];
    let domain = json!([["id", "in", actions]]);
    let rows = session.rows(ACTION, "read the actions made earlier", domain, &fields).await?;
    let one = |data: &Json| {
        let action = action(data)?;
        let is_it = |row: &&Json| row.get("id").and_then(Json::as_u64) == Some(action);
        let row = rows.iter().find(is_it).cloned();
        let name = data.get("name")?.as_str()?.to_owned();
        Some(Known { id: data.get("id")?.as_u64()?, name, action, row })
    };
    Ok(ids.iter().filter_map(one).collect())
}

impl Session {
    async fn rows(
        &self,
        model: &str,
        about: &'static str,
        domain: Json,
        fields: &[&str],
    ) -> Result<Vec<Json>, Failure> {
        let call = Call::reading(model, "search_read", about)
            .arg("domain", domain)
            .arg("fields", json!(fields));
        match self.call(&call).await? {
            Json::Array(rows) => Ok(rows),
            _ => Err(strange(&call)),
        }
    }

    /// Which of these models this Odoo has, in their order.
    async fn installed(&self, names: &[String]) -> Result<Vec<Model>, Failure> {
        let domain = json!([["model", "in", names]]);
        let fields = ["model", "is_mail_thread"];
        let rows = self.rows("ir.model", "look for the models", domain, &fields).await?;
        let mut seen = HashSet::new();
        let names = names.iter().filter(|name| seen.insert(name.as_str()));
        let model = |name: &String| {
            let is_it = |row: &&Json| row.get("model").and_then(Json::as_str) == Some(name);
            let row = rows.iter().find(is_it)?;
            let has_chatter = row.get("is_mail_thread")?.as_bool()?;
            Some(Model { name: name.clone(), id: row.get("id")?.as_u64()?, has_chatter })
        };
        Ok(names.filter_map(model).collect())
    }

    async fn insert(&self, model: &str, about: &'static str, values: Json) -> Result<u64, Failure> {
        let values = match self.api {
            wire::Api::Xmlrpc { .. } => values,
            wire::Api::Json2 => json!([values]),
        };
        let call = Call::writing(model, "create", about).arg("vals_list", values);
        let made = self.call(&call).await?;
        id(&made).ok_or_else(|| strange(&call))
    }

    /// Makes an action and its external id.
    async fn make(&self, ground: &Ground, wanted: &Wanted<'_>, name: &str) -> Result<(), Failure> {
        let action = match self.orphan(&ground.known, wanted).await? {
            Some(orphan) => orphan,
            None => self.fresh(wanted).await?,
        };
        self.translate(action, wanted, ground, false).await?;
        let values = json!({
            "module": MODULE, "name": name, "model": ACTION, "res_id": action, "noupdate": true,
        });
        match self.insert("ir.model.data", "write down which action is ours", values).await {
            Ok(_) => Ok(()),
            Err(failure @ Failure::Unknown { .. }) => Err(failure),
            Err(failure) => {
                // Without its external id nobody would know it again.
                let call = Call::writing(ACTION, "unlink", "remove the action").on(action);
                drop(self.call(&call).await);
                Err(failure)
            }
        }
    }

    /// An action just as wanted that no external id names: one whose maker was cut off.
    async fn orphan(&self, known: &[Known], wanted: &Wanted<'_>) -> Result<Option<u64>, Failure> {
        let domain = json!([
            ["model_id", "=", wanted.model.id],
            ["name", "=", wanted.entry.name(Language::En)],
            ["code", "=", wanted.code],
        ]);
        let rows = self.rows(ACTION, "look for an action cut off", domain, &["name"]).await?;
        let ids = rows.iter().filter_map(|row| row.get("id")?.as_u64());
        Ok(ids.into_iter().find(|id| known.iter().all(|known| known.action != *id)))
    }

    async fn fresh(&self, wanted: &Wanted<'_>) -> Result<u64, Failure> {
        let mut values = wanted.values();
        values["name"] = wanted.entry.name(Language::En).into();
        self.insert(ACTION, "create the action", values).await
    }

    /// The languages of this Odoo in which actions have names of their own.
    async fn languages(&self) -> Result<Vec<(String, Language)>, Failure> {
        let domain = json!([["active", "=", true]]);
        let rows = self.rows("res.lang", "look for the languages", domain, &["code"]).await?;
        let known = |row: &Json| {
            let code = row.get("code")?.as_str()?;
            let language = match code.split('_').next() {
                Some("fr") => Language::Fr,
                Some("es") => Language::Es,
                _ => return None,
            };
            Some((code.to_owned(), language))
        };
        Ok(rows.iter().filter_map(known).collect())
    }

    /// Names an action in the other languages that this Odoo speaks, unless somebody gave it a
    /// name; whether there was one to be given.
    async fn translate(
        &self,
        action: u64,
        wanted: &Wanted<'_>,
        ground: &Ground,
        dry_run: bool,
    ) -> Result<bool, Failure> {
        let first = wanted.entry.name(Language::En);
        let mut was_named = false;
        for (code, language) in &ground.languages {
            let name = wanted.entry.name(*language);
            if name == first {
                continue;
            }
            let call = Call::reading(ACTION, "read", "read the action's name")
                .on(action)
                .arg("fields", json!(["name"]))
                .context("lang", code.as_str());
            let read = self.call(&call).await?;
            let there = read.get(0).and_then(|row| row.get("name")?.as_str());
            if there != Some(first) {
                continue;
            }
            was_named = true;
            if !dry_run {
                let call = Call::writing(ACTION, "write", "name the action")
                    .on(action)
                    .arg("vals", json!({"name": name}))
                    .context("lang", code.as_str());
                self.call(&call).await?;
            }
        }
        Ok(was_named)
    }

    /// Takes the marks off that are left on records of these models.
    async fn clear_marks(&self, models: &[&str]) -> Result<(), Failure> {
        let (marks, _) = self.marks(&[json!(["res_model", "in", models])], MARKS).await?;
        for mark in marks {
            // One that somebody took off meanwhile is as good.
            drop(self.remove(mark).await);
        }
        Ok(())
    }

    async fn renew(&self, action: u64, wanted: &Wanted<'_>) -> Result<(), Failure> {
        let call = Call::writing(ACTION, "write", "renew the action")
            .on(action)
            .arg("vals", wanted.values());
        self.call(&call).await.map(drop)
    }

    /// Removes an action of ours; its external id goes with it.
    async fn discard(&self, known: &Known) -> Result<(), Failure> {
        let (model, id) = match known.row {
            Some(_) => (ACTION, known.action),
            None => ("ir.model.data", known.id),
        };
        let call = Call::writing(model, "unlink", "remove the action").on(id);
        self.call(&call).await.map(drop)
    }
}
