//! What the server holds: rows, users, files, switches and the log of calls.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::{DateTime, datetime};

use super::faults::Fault;
use super::files::Content;
use super::schema;
use super::value::Value;
use super::{Call, Switch};

/// Field values of one record; many2one as id or False, x2many as ids.
pub(crate) type Row = BTreeMap<String, Value>;

/// Where the server's clock begins, in UTC; what was seeded was made the day before.
pub(crate) const EPOCH: DateTime = datetime(2026, 11, 20, 22, 18, 0, 0);

/// Characters of a time as clients get it, which is without parts of a second.
pub(crate) const SECONDS: usize = 19;

/// A time in UTC, as the database holds it.
pub(crate) fn moment(at: DateTime) -> Value {
    Value::Str(at.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string())
}

/// What a user may do; the groups behind it are not simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Settings administrator.
    Admin,
    /// The service user: contacts, projects and help desk.
    Bot,
    /// An internal user who may only read.
    Intern,
    /// A customer with a login.
    Portal,
}

/// How a user logs in.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub login: String,
    pub password: String,
    pub keys: Vec<String>,
    pub role: Role,
}

/// The standing switches of a test.
#[derive(Debug, Clone)]
pub(crate) struct Switches {
    pub postgres_down: bool,
    pub helpdesk: bool,
    pub key_revoked: bool,
    pub json2: bool,
    pub no_write: BTreeSet<String>,
    pub slow: Duration,
}

/// A stored file beside its `ir.attachment` row.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub content: Content,
    /// Set when the server re-encoded the picture: the bytes are not what was sent.
    pub postprocessed: bool,
}

/// The whole server. A test takes it from a stopped server to start the next one on it.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(super) version: u32,
    /// How long ago the server's clock stood at [`EPOCH`].
    pub(super) passed: Duration,
    /// The last request, as one that repeats it would say it.
    pub(super) heard: String,
    pub(super) db: String,
    pub(super) other_databases: Vec<String>,
    /// Several databases match this host: JSON-2 then insists on `X-Odoo-Database`.
    pub(super) header_needed: bool,
    pub(super) accounts: BTreeMap<i64, Account>,
    pub(super) tables: BTreeMap<String, BTreeMap<i64, Row>>,
    pub(super) sequences: BTreeMap<String, i64>,
    pub(super) files: BTreeMap<i64, Stored>,
    /// Records that only administrators see (a task of a private project).
    pub(super) private: BTreeSet<(String, i64)>,
    pub(super) followers: BTreeMap<(String, i64), BTreeSet<i64>>,
    pub(super) languages: BTreeSet<String>,
    /// Action-menu entries that came with the modules: `(model, entry)`.
    pub(super) bindings: Vec<(String, Value)>,
    /// Chatter models a test installed beside the built-in ones.
    pub(super) models: BTreeSet<String>,
    /// The service user, whom the switches speak of, and the e-mail it had.
    pub(super) bot: i64,
    pub(super) bot_email: Value,
    pub(super) switches: Switches,
    pub(super) faults: Vec<Fault>,
    pub(super) calls: Vec<Call>,
}

impl State {
    /// An empty database with only what every database has.
    pub(super) fn empty(version: u32, db: &str) -> State {
        let mut state = State {
            version,
            passed: Duration::ZERO,
            heard: String::new(),
            db: db.to_owned(),
            other_databases: Vec::new(),
            header_needed: false,
            accounts: BTreeMap::new(),
            tables: BTreeMap::new(),
            sequences: BTreeMap::new(),
            files: BTreeMap::new(),
            private: BTreeSet::new(),
            followers: BTreeMap::new(),
            languages: BTreeSet::from(["en_US".to_owned()]),
            bindings: Vec::new(),
            models: BTreeSet::new(),
            bot: 0,
            bot_email: Value::Bool(false),
            switches: Switches {
                postgres_down: false,
                helpdesk: false,
                key_revoked: false,
                json2: true,
                no_write: BTreeSet::new(),
                slow: Duration::ZERO,
            },
            faults: Vec::new(),
            calls: Vec::new(),
        };
        state.fill_base();
        state
    }

    fn add_language(&mut self, id: i64, code: &str) {
        let row =
            [("name", Value::str(code)), ("code", Value::str(code)), ("active", Value::Bool(true))];
        self.insert("res.lang", id, row);
        self.languages.insert(code.to_owned());
    }

    /// The time, as the database holds it.
    pub(super) fn now(&self) -> Value {
        moment(EPOCH + self.passed)
    }

    fn fill_base(&mut self) {
        self.insert("res.company", 1, [("name", Value::str("My Company"))]);
        self.insert(
            "res.country",
            20,
            [("name", Value::str("Belgium")), ("code", Value::str("BE"))],
        );
        self.insert("mail.message.subtype", 1, [("name", Value::str("Discussions"))]);
        self.insert(
            "mail.message.subtype",
            2,
            [("name", Value::str("Note")), ("internal", Value::Bool(true))],
        );
        self.insert("res.partner", 1, [("name", Value::str("My Company"))]);
        let inactive = [("name", Value::str("OdooBot")), ("active", Value::Bool(false))];
        self.insert("res.partner", 2, inactive);
        self.add_language(1, "en_US");
        let mut next = 600;
        for model in schema::MODELS {
            let id = known_model_id(self.version, model.name).unwrap_or_else(|| {
                next += 1;
                next
            });
            let row = [
                ("model", Value::str(model.name)),
                ("name", Value::str(model.label)),
                ("is_mail_thread", Value::Bool(model.chatter)),
            ];
            self.insert("ir.model", id, row);
        }
    }

    /// Puts a record in, moving the id sequence past it.
    pub(super) fn insert<const N: usize>(
        &mut self,
        model: &str,
        id: i64,
        fields: [(&str, Value); N],
    ) {
        let row = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.put(model, id, row);
    }

    /// Like `insert`, from a finished row.
    pub(super) fn put(&mut self, model: &str, id: i64, row: Row) {
        let next = self.sequences.entry(model.to_owned()).or_insert(1);
        *next = (*next).max(id + 1);
        self.tables.entry(model.to_owned()).or_default().insert(id, row);
    }

    /// The next id of a sequence. PostgreSQL never gives one back, not even after a roll-back.
    pub(super) fn next_id(&mut self, model: &str) -> i64 {
        let next = self.sequences.entry(model.to_owned()).or_insert(1);
        *next += 1;
        *next - 1
    }

    pub(super) fn row(&self, model: &str, id: i64) -> Option<&Row> {
        self.tables.get(model)?.get(&id)
    }

    pub(super) fn row_mut(&mut self, model: &str, id: i64) -> Option<&mut Row> {
        self.tables.get_mut(model)?.get_mut(&id)
    }

    pub(super) fn rows(&self, model: &str) -> impl Iterator<Item = (i64, &Row)> {
        self.tables.get(model).into_iter().flatten().map(|(id, row)| (*id, row))
    }

    /// Is the model there? `helpdesk.ticket` only after its switch.
    pub(super) fn installed(&self, model: &str) -> bool {
        match model {
            "helpdesk.ticket" => self.switches.helpdesk,
            _ => schema::model(model).is_some() || self.models.contains(model),
        }
    }

    pub(super) fn has_chatter(&self, model: &str) -> bool {
        schema::model(model).map_or_else(|| self.models.contains(model), |known| known.chatter)
    }

    /// A user with its partner.
    pub(super) fn add_user(
        &mut self,
        uid: i64,
        partner: i64,
        name: &str,
        email: Value,
        account: Account,
    ) {
        let person = [("name", Value::str(name)), ("email", email.clone())];
        self.insert("res.partner", partner, person);
        let user = [
            ("name", Value::str(name)),
            ("login", Value::str(&account.login)),
            ("email", email),
            ("partner_id", Value::Int(partner)),
            ("company_id", Value::Int(1)),
            ("lang", Value::str("en_US")),
            ("tz", Value::Bool(false)),
            ("share", Value::Bool(account.role == Role::Portal)),
        ];
        self.insert("res.users", uid, user);
        self.accounts.insert(uid, account);
    }

    /// Name of a record, as relations and `name_get` show it.
    pub(super) fn display_name(&self, model: &str, id: i64) -> Option<String> {
        let row = self.row(model, id)?;
        let name = row.get("name").or_else(|| row.get("key")).or_else(|| row.get("subject"));
        Some(name.and_then(Value::as_str).map_or_else(|| format!("{model},{id}"), str::to_owned))
    }

    /// The user for a login and a password or key.
    pub(super) fn log_in(&self, login: &str, secret: &str) -> Option<i64> {
        let (uid, _) = self.accounts.iter().find(|(_, account)| account.login == login)?;
        self.secret_fits(*uid, secret).then_some(*uid)
    }

    /// Is this the user's password or one of its keys?
    pub(super) fn secret_fits(&self, uid: i64, secret: &str) -> bool {
        let Some(account) = self.accounts.get(&uid) else { return false };
        !secret.is_empty() && (account.password == secret || self.key_fits(uid, account, secret))
    }

    /// The owner of an API key.
    pub(super) fn key_owner(&self, key: &str) -> Option<i64> {
        self.accounts
            .iter()
            .find(|(uid, account)| self.key_fits(**uid, account, key))
            .map(|(uid, _)| *uid)
    }

    fn key_fits(&self, uid: i64, account: &Account, key: &str) -> bool {
        let revoked = self.switches.key_revoked && uid == self.bot;
        !revoked && account.keys.iter().any(|known| known == key)
    }

    /// Turns a switch.
    pub(super) fn turn(&mut self, switch: Switch) {
        match switch {
            Switch::PostgresDown(on) => self.switches.postgres_down = on,
            Switch::HelpdeskInstalled(on) => self.switches.helpdesk = on,
            Switch::KeyRevoked(on) => self.switches.key_revoked = on,
            Switch::Json2Enabled(on) => self.switches.json2 = on,
            Switch::NoWriteOn(model) => {
                self.switches.no_write.insert(model);
            }
            Switch::WriteOn(model) => {
                self.switches.no_write.remove(&model);
            }
            Switch::Later(by) => self.passed += by,
            Switch::Slow(delay) => self.switches.slow = delay,
            Switch::Language(code) => {
                let id = self.next_id("res.lang");
                self.add_language(id, &code);
            }
            Switch::NextId(model, id) => {
                self.sequences.insert(model, id);
            }
            Switch::UserWithoutEmail(on) => {
                let email = if on { Value::Bool(false) } else { self.bot_email.clone() };
                let partner = self.partner_of(self.bot);
                for (model, id) in [("res.users", self.bot), ("res.partner", partner)] {
                    if let Some(row) = self.row_mut(model, id) {
                        row.insert("email".to_owned(), email.clone());
                    }
                }
            }
        }
    }

    /// The partner behind a user.
    pub(super) fn partner_of(&self, uid: i64) -> i64 {
        self.row("res.users", uid)
            .and_then(|row| row.get("partner_id"))
            .and_then(Value::as_int)
            .unwrap_or(0)
    }
}

/// Ids the recorded servers gave their models; clients must look them up, so they differ by
/// version.
fn known_model_id(version: u32, model: &str) -> Option<i64> {
    let ids = match version {
        16 => [85, 391, 78],
        17 => [86, 392, 79],
        18 => [87, 390, 79],
        _ => [90, 409, 83],
    };
    let at =
        ["res.partner", "project.task", "res.country"].iter().position(|known| *known == model)?;
    Some(ids[at])
}

/// Who calls, and in what context.
#[derive(Debug, Clone)]
pub(crate) struct Env {
    pub version: u32,
    pub uid: i64,
    pub partner: i64,
    pub user_name: String,
    pub role: Role,
    pub context: Value,
    /// JSON-2 answers lists where XML-RPC answers a bare id.
    pub json2: bool,
}

impl Env {
    pub(super) fn new(state: &State, uid: i64, context: Value, json2: bool) -> Env {
        Env {
            version: state.version,
            uid,
            partner: state.partner_of(uid),
            user_name: state.display_name("res.users", uid).unwrap_or_default(),
            role: state.accounts.get(&uid).map_or(Role::Portal, |account| account.role),
            context,
            json2,
        }
    }

    /// A flag of the context, with its default.
    pub(crate) fn flag(&self, name: &str, default: bool) -> bool {
        self.context.get(name).map_or(default, Value::truthy)
    }

    /// The language of the context.
    pub(crate) fn lang(&self) -> Option<&str> {
        self.context.get("lang").and_then(Value::as_str)
    }

    /// Are texts given in French? The language was checked before the call began.
    pub(crate) fn french(&self) -> bool {
        self.lang().is_some_and(|lang| lang.starts_with("fr"))
    }
}
