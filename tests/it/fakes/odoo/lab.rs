//! The state the recorded servers were in when the recording began.

use super::Seed;
use super::state::{Account, Role, State};
use super::value::Value;

/// A seed as the lab's server of this version.
pub(crate) fn seed(version: u32) -> Seed {
    let mut state = State::empty(version, &format!("lab{version}"));
    state.other_databases =
        (16..=19).filter(|other| *other != version).map(|other| format!("lab{other}")).collect();
    // On 19 the users and contacts begin one id earlier.
    let shift = if version >= 19 { 1 } else { 0 };
    let admin_email =
        if version >= 19 { Value::Bool(false) } else { Value::str("admin@example.com") };
    state.add_user(
        2,
        3,
        "Administrator",
        admin_email,
        account("admin", "admin", Some("lab-api-key-1"), Role::Admin),
    );
    let intern = account("intern", "intern", Some("lab-api-key-3"), Role::Intern);
    state.add_user(6 - shift, 7 - shift, "Lab Intern", Value::str("intern@lab.invalid"), intern);
    let portal = account("portal1", "portal1", None, Role::Portal);
    state.add_user(7 - shift, 8 - shift, "Lab Portal", Value::str("portal@lab.invalid"), portal);
    let bot = account("apertur-bot", "apertur-bot", Some("lab-api-key-2"), Role::Bot);
    state.add_user(8 - shift, 9 - shift, "Apertur Bot", Value::str("bot@lab.invalid"), bot);
    let customer = 10 - shift;
    let fields =
        [("name", Value::str("Lab Customer")), ("email", Value::str("customer@lab.invalid"))];
    state.insert("res.partner", customer, fields);
    if version == 18 {
        let bot_follows = state.followers.entry(("res.partner".to_owned(), customer)).or_default();
        bot_follows.insert(9);
    }
    let first_task = if version >= 19 { 4 } else { 1 };
    for (id, name) in [(0, "Lab"), (1, "Lab Private")] {
        state.insert("project.project", 1 + id, [("name", Value::Str(format!("{name} Project")))]);
        let task =
            [("name", Value::Str(format!("{name} Task"))), ("project_id", Value::Int(1 + id))];
        state.insert("project.task", first_task + id, task);
    }
    state.private.insert(("project.task".to_owned(), first_task + 1));
    let message = [
        ("model", Value::str("res.partner")),
        ("res_id", Value::Int(customer)),
        ("body", Value::str("")),
    ];
    state.insert("mail.message", 1, message);
    add_sequences(&mut state);
    add_bindings(&mut state);
    Seed::from_state(state)
}

fn account(login: &str, password: &str, key: Option<&str>, role: Role) -> Account {
    Account {
        login: login.to_owned(),
        password: password.to_owned(),
        keys: key.map(str::to_owned).into_iter().collect(),
        role,
    }
}

/// The ids the first recorded records got.
fn add_sequences(state: &mut State) {
    let [attachment, message, notification, action] = match state.version {
        16 => [24, 7, 1, 213],
        18 => [53, 32, 2, 233],
        _ => [34, 53, 1, 234],
    };
    for (model, id) in [
        ("ir.attachment", attachment),
        ("mail.message", message),
        ("mail.notification", notification),
        ("ir.actions.server", action),
    ] {
        state.sequences.insert(model.to_owned(), id);
    }
}

/// The Action menu of contacts before the lab added to it: id, name, views, sequence.
type Entry = (i64, &'static str, &'static str, i64);

const MENU_16: &[Entry] = &[
    (49, "Merge", "list", 0),
    (130, "Send email", "list", 0),
    (163, "Send SMS Text Message", "list", 0),
    (164, "Send SMS Text Message", "form", 0),
    (147, "Privacy Lookup", "form", 5),
    (156, "Grant portal access", "list,form", 5),
];
const MENU_18: &[Entry] = &[
    (50, "Merge", "list", 0),
    (143, "Send email", "list", 0),
    (176, "Send SMS", "list", 0),
    (177, "Send SMS", "form", 0),
    (84, "Download (vCard)", "form,list", 5),
    (160, "Privacy Lookup", "form", 5),
    (169, "Grant portal access", "list,form", 5),
];
const MENU_19: &[Entry] = &[
    (50, "Merge", "list,kanban", 0),
    (143, "Send email", "list,kanban", 0),
    (175, "Send SMS", "list,kanban", 0),
    (176, "Send SMS", "form", 0),
    (83, "Download (vCard)", "form,list,kanban", 5),
    (161, "Privacy Lookup", "form", 5),
    (169, "Grant portal access", "list,form", 5),
];

fn add_bindings(state: &mut State) {
    let menu = match state.version {
        16 => MENU_16,
        18 => MENU_18,
        _ => MENU_19,
    };
    for (id, name, views, sequence) in menu {
        let mut entry = vec![
            ("id".to_owned(), Value::Int(*id)),
            ("name".to_owned(), Value::str(*name)),
            ("binding_view_types".to_owned(), Value::str(*views)),
        ];
        if *sequence > 0 {
            entry.push(("sequence".to_owned(), Value::Int(*sequence)));
        }
        state.bindings.push(("res.partner".to_owned(), Value::Struct(entry)));
    }
}
