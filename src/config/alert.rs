//! `[alert]`: who is told what needs a person.

use std::path::PathBuf;

use super::{
    secret::secret,
    section::Section,
    values::{Wrong, duration, flag, secret_url, size, some_of, text},
};
use crate::{
    alert::{Command, Settings},
    destinations::{
        HookSettings,
        webhook::{Address, Signer},
    },
    model::Scheme,
};

/// Reads `[alert]`.
pub(super) fn read(s: &mut Section<'_>) -> Option<Settings> {
    let note_on_target = s
        .key(
            "note_on_target",
            "whether a photo that is finally held leaves an internal note on its record or\n\
             ticket, in the destination's language",
        )
        .or("false", flag);
    let webhook = webhook(s);
    let command = command(s);
    let gather = s
        .key("gather", "how long is waited for more of the same, to tell it together")
        .or("30s", |entry| {
            let gather = duration(entry)?;
            if gather.as_secs() < 1 || gather.as_secs() > 3600 {
                return entry
                    .wrong_value("is not from 1 second to 1 hour", "write for example 30s");
            }
            Some(gather)
        });
    let every = s
        .key("every", "at most one alert of a kind, and one note on a record, in this time")
        .or("1h", |entry| {
            let every = duration(entry)?;
            if every.as_secs() < 60 || every.as_secs() > 24 * 3600 {
                return entry.wrong_value("is not from 1 minute to 1 day", "write for example 1h");
            }
            Some(every)
        });
    let paused_after = s
        .key("paused_after", "a destination that is paused for longer is worth an alert")
        .or("15m", duration);
    let due_after =
        s.key("due_after", "a photo that is due for longer is worth an alert").or("1h", duration);
    let free_space = s
        .key("free_space", "free space on the disk of data_dir below which there is an alert")
        .or("1GiB", size);
    Some(Settings {
        note_on_target: note_on_target?,
        webhook: webhook?,
        command: command?,
        gather: gather?,
        every: every?,
        paused_after: paused_after?,
        due_after: due_after?,
        free_space: free_space?,
    })
}

/// The webhook, where one is named; the outer `None` where something is wrong with it.
fn webhook(s: &mut Section<'_>) -> Option<Option<HookSettings>> {
    const EXAMPLE: &str = "https://alerts.example.com/in";
    const SECRET: &str = "{ file = \"/etc/apertur-bridge/alert-secret\" }";
    let (is_named, has_secret) = (s.has("webhook"), s.has("secret"));
    let url =
        s.key("webhook", "where alerts are posted as JSON").optional(EXAMPLE, secret_url(EXAMPLE));
    let secret = s
        .key("secret", "what they are signed with, as Apertur signs photos with a time")
        .optional(SECRET, secret);
    match (is_named, has_secret) {
        (false, false) => Some(None),
        (false, true) => s.wrong("has a secret and no webhook", "take secret out, or add webhook"),
        (true, false) => {
            s.missing("secret", SECRET);
            None
        }
        (true, true) => {
            let signer = Signer::new(Scheme::Timestamped, &secret?).ok()?;
            Some(Some(HookSettings { address: Address::new(url?), signer }))
        }
    }
}

/// The command, where one is named; the outer `None` where something is wrong with it.
fn command(s: &mut Section<'_>) -> Option<Option<Command>> {
    let (is_named, has_recipient) = (s.has("command"), s.has("mail_to"));
    let words = s
        .key(
            "command",
            "a program and its arguments, run without a shell for each alert; it gets the alert\n\
             as a mail on its standard input",
        )
        .optional("[\"/usr/bin/msmtp\", \"--read-recipients\"]", |entry| {
            let words = some_of(text(word))(entry)?;
            if words.first().is_some_and(|program| !program.starts_with('/')) {
                let remedy = "write for example /usr/bin/msmtp";
                return entry.wrong("does not begin with an absolute path", remedy);
            }
            Some(words)
        });
    let mail_to =
        s.key("mail_to", "whom that mail names in To").optional("ops@example.com", text(recipient));
    if !is_named {
        return if has_recipient {
            s.wrong("has mail_to and no command", "add the command that sends mail")
        } else {
            Some(None)
        };
    }
    if has_recipient && mail_to.is_none() {
        return None;
    }
    let mut words = words?.into_iter();
    let program = PathBuf::from(words.next()?);
    Some(Some(Command::new(program, words.collect(), mail_to)))
}

fn word(text: &str) -> Result<String, Wrong> {
    if text.is_empty() || text.contains('\0') {
        return Err(Wrong::new("is no argument of a program", "take it out"));
    }
    Ok(text.to_owned())
}

fn recipient(text: &str) -> Result<String, Wrong> {
    let is_one = text.contains('@') && text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if is_one { Ok(text.to_owned()) } else { Err(Wrong::new("is no mail address", "write one")) }
}
