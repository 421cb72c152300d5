//! How people name a session. Pure.

use crate::model::OwnSession;

/// Fewest hex digits of a short name.
const SHORTEST: usize = 4;

/// Why a name names no session. Repeats the name in neither case: it may be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// There is none.
    #[error("there is no session of that name; see `apertur-bridge sessions list`")]
    None,
    /// There are several; their short names.
    #[error("several sessions have that name: {0}; write one of these")]
    Several(String),
}

/// The session that a person means: by its id, its short name `session~1a2b3c4d` (also without
/// `session~`, and its first four digits or more), or the beginning of its label in any case. A
/// whole label counts before the beginning of one.
///
/// # Errors
/// When it is none, or not only one: short names and labels count alike.
pub fn find<'a>(sessions: &'a [OwnSession], name: &str) -> Result<&'a OwnSession, NotFound> {
    let name = name.trim();
    if let Some(exact) = sessions.iter().find(|own| own.session.reveal() == name) {
        return Ok(exact);
    }
    let short = name.strip_prefix("session~").unwrap_or(name).to_ascii_lowercase();
    let is_short = short.len() >= SHORTEST && short.bytes().all(|b| b.is_ascii_hexdigit());
    let by_short = |own: &OwnSession| is_short && own.session.fingerprint().starts_with(&short);
    let wanted = name.to_lowercase();
    let label = |own: &OwnSession| own.label.as_deref().map(str::to_lowercase);
    let by_label = |own: &OwnSession| label(own).is_some_and(|label| label == wanted);
    let is_labelled = sessions.iter().any(by_label);
    let by_prefix = |own: &OwnSession| {
        !is_labelled
            && !wanted.is_empty()
            && label(own).is_some_and(|label| label.starts_with(&wanted))
    };
    let found = sessions.iter().filter(|own| by_short(own) || by_label(own) || by_prefix(own));
    only(&found.collect::<Vec<_>>())
}

/// The session that a program means: by its id, its mark or its whole short name. No label and no
/// beginning of a name counts: somebody else may give another session the same.
///
/// # Errors
/// When it is none, or not only one.
pub fn named<'a>(sessions: &'a [OwnSession], name: &str) -> Result<&'a OwnSession, NotFound> {
    let is_it = |own: &&OwnSession| {
        let id = &own.session;
        id.reveal() == name || id.mark() == name || id.to_string() == name
    };
    only(&sessions.iter().filter(is_it).collect::<Vec<_>>())
}

fn only<'a>(found: &[&'a OwnSession]) -> Result<&'a OwnSession, NotFound> {
    match found {
        [] => Err(NotFound::None),
        [one] => Ok(one),
        many => {
            let names: Vec<_> = many.iter().map(|own| own.session.to_string()).collect();
            Err(NotFound::Several(names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{Environment, SessionId, Target};

    fn session(id: &str, label: Option<&str>) -> OwnSession {
        OwnSession {
            session: SessionId::parse(id).unwrap(),
            target: Target::Zendesk { ticket: 9 },
            destination: None,
            mode: None,
            label: label.map(ToOwned::to_owned),
            link: None,
            environment: Environment::Live,
            long_polling: false,
            tags: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH,
            closed_at: None,
        }
    }

    #[test]
    fn a_session_is_found_by_id_short_name_and_label() {
        let all = [session("id-1", Some("Roof")), session("id-2", Some("Roof, back side"))];
        let id = |name: &str| find(&all, name).map(|own| own.session.reveal());
        let short = all[1].session.fingerprint();
        assert_eq!(id("id-1"), Ok("id-1"));
        for name in [format!("session~{short}"), short.clone(), short[..5].to_uppercase()] {
            assert_eq!(id(&name), Ok("id-2"), "{name}");
        }
        assert_eq!(id("roof"), Ok("id-1"), "a whole label counts before the beginning of one");
        assert_eq!(id("ROOF, b"), Ok("id-2"));
        assert!(matches!(id("ro"), Err(NotFound::Several(names)) if names.contains(&short)));
        for none in ["", "session~", "id-", "cellar", &short[..3]] {
            assert_eq!(id(none), Err(NotFound::None), "{none}");
        }
    }

    #[test]
    fn a_label_that_looks_like_another_s_short_name_is_asked_about() {
        let short = session("id-1", None).session.fingerprint();
        let all = [session("id-1", None), session("id-2", Some(&short[..4]))];
        let several = find(&all, &short[..4]).unwrap_err().to_string();
        for own in &all {
            assert!(several.contains(&own.session.to_string()), "{several}");
        }
        let exact = format!("session~{short}");
        assert_eq!(find(&all, &exact).map(|own| own.session.reveal()), Ok("id-1"));
    }
}
