//! What a test's server starts with.

use super::state::{Account, Role, State};
use super::value::Value;

/// The start of a server. The default is what the bridge's tests need: database `prod`; the service
/// user `bot@example.com` (uid 7, partner 10, key `odoo-key`, password `odoo-password`); `admin`
/// (uid 2, password `admin`, key `admin-key`); `intern@example.com` (uid 8, password `intern`, key
/// `intern-key`) who may only read; contacts 42 and 43, 44 archived; task 5, task 6 of a private
/// project; country 20 (no chatter); `helpdesk.ticket` 77 of customer 43 once the module is
/// switched on.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    /// The database that answers.
    pub db: String,
    /// Names that `db.list` gives away beside it.
    pub other_databases: Vec<String>,
    /// Several databases on this host: JSON-2 insists on the `X-Odoo-Database` header.
    pub several_databases: bool,
    /// The key of the service user.
    pub bot_key: String,
    /// Does the service user have an e-mail address? Up to 18 it cannot post without.
    pub bot_has_email: bool,
    /// More chatter models with their records, such as `("crm.lead", vec![1])`.
    pub models: Vec<(String, Vec<i64>)>,
    /// The state of a stopped server; all other fields are then ignored.
    pub kept: Option<Box<State>>,
}

impl Default for Seed {
    fn default() -> Seed {
        Seed {
            db: "prod".to_owned(),
            other_databases: Vec::new(),
            several_databases: false,
            bot_key: "odoo-key".to_owned(),
            bot_has_email: true,
            models: Vec::new(),
            kept: None,
        }
    }
}

impl Seed {
    /// Goes on where a stopped server was.
    pub(crate) fn from_state(state: State) -> Seed {
        Seed { kept: Some(Box::new(state)), ..Seed::default() }
    }

    pub(super) fn build(self, version: u32) -> State {
        if let Some(mut state) = self.kept {
            state.version = version;
            return *state;
        }
        let mut state = State::empty(version, &self.db);
        state.other_databases = self.other_databases;
        state.header_needed = self.several_databases;
        add_users(&mut state, &self.bot_key, self.bot_has_email);
        for (id, name) in [(42, "Anna Customer"), (43, "Bert Customer")] {
            let email = format!("customer{id}@example.com");
            state.insert(
                "res.partner",
                id,
                [("name", Value::str(name)), ("email", Value::Str(email))],
            );
        }
        let archived = [("name", Value::str("Old Customer")), ("active", Value::Bool(false))];
        state.insert("res.partner", 44, archived);
        state.insert("project.project", 1, [("name", Value::str("Project"))]);
        for (id, name, partner) in [(5, "Task", Value::Int(42)), (6, "Private", Value::Bool(false))]
        {
            let task = [
                ("name", Value::str(name)),
                ("project_id", Value::Int(1)),
                ("partner_id", partner),
            ];
            state.insert("project.task", id, task);
        }
        state.private.insert(("project.task".to_owned(), 6));
        let ticket = [("name", Value::str("Ticket")), ("partner_id", Value::Int(43))];
        state.insert("helpdesk.ticket", 77, ticket);
        for (model, ids) in self.models {
            let id = state.next_id("ir.model");
            let row = [
                ("model", Value::str(&model)),
                ("name", Value::str(&model)),
                ("is_mail_thread", Value::Bool(true)),
            ];
            state.insert("ir.model", id, row);
            for id in ids {
                state.insert(&model, id, [("name", Value::Str(format!("Record {id}")))]);
            }
            state.models.insert(model);
        }
        state
    }
}

fn add_users(state: &mut State, bot_key: &str, bot_has_email: bool) {
    let account = |login: &str, password: &str, key: &str, role: Role| Account {
        login: login.to_owned(),
        password: password.to_owned(),
        keys: vec![key.to_owned()],
        role,
    };
    let admin = account("admin", "admin", "admin-key", Role::Admin);
    state.add_user(2, 3, "Administrator", Value::str("admin@example.com"), admin);
    let bot = account("bot@example.com", "odoo-password", bot_key, Role::Bot);
    state.add_user(7, 10, "Bridge", Value::str("bot@example.com"), bot);
    let intern = account("intern@example.com", "intern", "intern-key", Role::Intern);
    state.add_user(8, 11, "Intern", Value::str("intern@example.com"), intern);
    state.bot = 7;
    state.bot_email = Value::str("bot@example.com");
    if !bot_has_email {
        state.turn(super::Switch::UserWithoutEmail(true));
    }
}
