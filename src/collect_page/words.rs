//! Every word of the page, one struct a language: a word that is missing does not compile.

mod en;
mod es;
mod fr;

use crate::{
    destinations::Language,
    model::{ErrorKind, Mode, Target},
};

/// The words of a language.
#[derive(Debug)]
pub(super) struct Words {
    /// Its tag, for `lang`.
    pub(super) tag: &'static str,
    pub(super) collect_photos: &'static str,
    pub(super) who_sees: &'static str,
    pub(super) odoo: Modes,
    pub(super) desk: Modes,
    pub(super) zendesk: Modes,
    pub(super) more: &'static str,
    pub(super) most_photos: &'static str,
    pub(super) most_photos_hint: &'static str,
    pub(super) lifetime: &'static str,
    pub(super) lifetime_usual: &'static str,
    pub(super) hours: fn(u32) -> String,
    pub(super) days: fn(u32) -> String,
    pub(super) show_qr: &'static str,
    pub(super) still_open: &'static str,
    pub(super) go_on: &'static str,
    pub(super) until: &'static str,
    pub(super) sandbox: &'static str,
    pub(super) sandbox_text: &'static str,
    pub(super) qr: &'static str,
    pub(super) scan: &'static str,
    pub(super) link: &'static str,
    pub(super) copy: &'static str,
    pub(super) copied: &'static str,
    pub(super) share: &'static str,
    pub(super) mail: &'static str,
    pub(super) text_message: &'static str,
    /// Subject of a mail.
    pub(super) mail_subject: &'static str,
    /// Stands before the link in a mail or text message.
    pub(super) mail_text: &'static str,
    pub(super) language: &'static str,
    pub(super) open_here: &'static str,
    /// Over what sends the link.
    pub(super) send_link: &'static str,
    /// What sending does, in each mode.
    pub(super) send_odoo: Sending,
    pub(super) send_desk: Sending,
    pub(super) send_zendesk: Sending,
    pub(super) photos: &'static str,
    pub(super) photo: fn(usize) -> String,
    pub(super) none_yet: &'static str,
    pub(super) none_came: &'static str,
    /// So many of so many photos are on the record.
    pub(super) landed_of: fn(usize, usize) -> String,
    pub(super) standing: Standings,
    pub(super) causes: Causes,
    pub(super) close: &'static str,
    pub(super) another: &'static str,
    pub(super) closed: &'static str,
    pub(super) ended: &'static str,
    /// Photos come, but late.
    pub(super) slow: &'static str,
    pub(super) offline: &'static str,
    pub(super) password: &'static str,
    pub(super) password_text: &'static str,
    pub(super) password_wrong: &'static str,
    pub(super) password_open: &'static str,
    pub(super) choose_system: &'static str,
    pub(super) back: &'static str,
    pub(super) records: Records,
    pub(super) notes: Notes,
    pub(super) troubles: Troubles,
    /// Stands before the other side's own words.
    pub(super) their_words: &'static str,
}

/// A mode: its name, and who sees the photos.
pub(super) type Named = (&'static str, &'static str);

/// The modes of a type of system.
#[derive(Debug)]
pub(super) struct Modes {
    pub(super) contact: Named,
    pub(super) public: Named,
    pub(super) internal: Named,
}

/// What a button does that sends the link.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) contact: &'static str,
    pub(super) public: &'static str,
    pub(super) internal: &'static str,
}

/// Where a photo stands.
#[derive(Debug)]
pub(super) struct Standings {
    pub(super) received: &'static str,
    pub(super) sending: &'static str,
    pub(super) delayed: &'static str,
    pub(super) landed: &'static str,
    pub(super) stored: &'static str,
    pub(super) problem: &'static str,
}

/// Why a photo is not on the record.
#[derive(Debug)]
pub(super) struct Causes {
    unreachable: &'static str,
    busy: &'static str,
    administrator: &'static str,
    no_record: &'static str,
    gone: &'static str,
    too_large: &'static str,
    refused: &'static str,
    not_an_image: &'static str,
    encrypted: &'static str,
    unrouted: &'static str,
    gave_up: &'static str,
    held: &'static str,
}

/// What records are called.
#[derive(Debug)]
pub(super) struct Records {
    contact: &'static str,
    task: &'static str,
    project: &'static str,
    lead: &'static str,
    order: &'static str,
    invoice: &'static str,
    ticket: &'static str,
}

/// What came of something.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) sent: &'static str,
    pub(super) sent_followers: &'static str,
    pub(super) send_unknown: &'static str,
    pub(super) send_failed: &'static str,
    pub(super) stale: &'static str,
    pub(super) link_lives_on: &'static str,
    pub(super) invalid: &'static str,
}

/// A title and the next step.
pub(super) type Said = (&'static str, &'static str);

/// Pages that say why there is no other.
#[derive(Debug)]
pub(super) struct Troubles {
    pub(super) forbidden: Said,
    pub(super) old_entry: Said,
    pub(super) no_password: Said,
    pub(super) no_target: Said,
    pub(super) throttled: Said,
    pub(super) bad_form: Said,
    pub(super) no_record: Said,
    pub(super) no_session: Said,
    pub(super) unreachable: Said,
    pub(super) no_answer: Said,
    pub(super) not_let_in: Said,
    pub(super) apertur_down: Said,
    pub(super) apertur_refuses: Said,
    pub(super) not_ended: Said,
    pub(super) quota: Said,
    pub(super) unsure: Said,
    pub(super) slow: Said,
    pub(super) not_kept: Said,
    pub(super) journal: Said,
}

impl Words {
    /// The words of a language.
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &en::WORDS,
            Language::Fr => &fr::WORDS,
            Language::Es => &es::WORDS,
        }
    }

    /// A mode's name and who sees the photos then, in the record's system.
    pub(super) fn mode(&self, target: &Target, mode: Mode) -> Named {
        let modes = match target {
            Target::Odoo { .. } => &self.odoo,
            Target::Zendesk { .. } => &self.zendesk,
            _ => &self.desk,
        };
        match mode {
            Mode::Contact => modes.contact,
            Mode::Public => modes.public,
            Mode::Internal => modes.internal,
        }
    }

    /// What sending the link does in a mode, in the record's system. Without any it is not known
    /// how many see it, so the widest is said.
    pub(super) fn sending(&self, target: &Target, mode: Option<Mode>) -> &'static str {
        let sending = match target {
            Target::Odoo { .. } => &self.send_odoo,
            Target::Zendesk { .. } => &self.send_zendesk,
            _ => &self.send_desk,
        };
        match mode {
            Some(Mode::Contact) | None => sending.contact,
            Some(Mode::Public) => sending.public,
            Some(Mode::Internal) => sending.internal,
        }
    }

    /// What a record is called beside its name: `Contact 42`, `Ticket 17`.
    pub(super) fn record(&self, target: &Target) -> String {
        let records = &self.records;
        match target {
            Target::Odoo { model, id } => {
                let name = match model.as_str() {
                    "res.partner" => records.contact,
                    "project.task" => records.task,
                    "project.project" => records.project,
                    "crm.lead" => records.lead,
                    "sale.order" => records.order,
                    "account.move" => records.invoice,
                    "helpdesk.ticket" => records.ticket,
                    other => other,
                };
                format!("{name} {id}")
            }
            Target::Freshdesk { ticket }
            | Target::Freshservice { ticket, .. }
            | Target::Zendesk { ticket }
            | Target::Ticket { ticket, .. } => format!("{} {ticket}", records.ticket),
        }
    }

    /// Why something failed, for somebody who can do little about it.
    pub(super) fn cause(&self, kind: ErrorKind) -> &'static str {
        let causes = &self.causes;
        match kind {
            ErrorKind::Unreachable | ErrorKind::Unavailable | ErrorKind::Timeout => {
                causes.unreachable
            }
            ErrorKind::RateLimited => causes.busy,
            ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::Protocol
            | ErrorKind::Local => causes.administrator,
            ErrorKind::NotFound => causes.no_record,
            ErrorKind::Gone => causes.gone,
            ErrorKind::TooLarge => causes.too_large,
            ErrorKind::Rejected | ErrorKind::NotAllowed => causes.refused,
            ErrorKind::NotAnImage => causes.not_an_image,
            ErrorKind::Encrypted => causes.encrypted,
            ErrorKind::Unrouted => causes.unrouted,
            ErrorKind::GaveUp => causes.gave_up,
            ErrorKind::Operator => causes.held,
        }
    }
}
