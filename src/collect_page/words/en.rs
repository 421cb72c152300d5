//! English.

use super::{Causes, Modes, Notes, Records, Sending, Standings, Troubles, Words};

pub(super) const WORDS: Words = Words {
    tag: "en",
    collect_photos: "Collect photos",
    who_sees: "Who will see the photos?",
    odoo: Modes {
        contact: (
            "Customer",
            "The customer is notified of each photo, and everybody here sees it.",
        ),
        public: (
            "Followers",
            "Everybody who follows the record. The customer is notified only if they follow it.",
        ),
        internal: ("Staff only", "An internal note. The customer sees nothing."),
    },
    desk: Modes {
        contact: ("Customer", "On the ticket as sent in by the customer, who can see it."),
        public: ("Customer, from an agent", "A public note in the agent's name."),
        internal: ("Agents only", "A private note. The customer sees nothing."),
    },
    zendesk: Modes {
        contact: ("Customer", "A public comment as if by the customer, who can see it."),
        public: (
            "Customer, from an agent",
            "A public comment in the agent's name. The customer can see it and may be notified.",
        ),
        internal: ("Agents only", "An internal note. The customer sees nothing."),
    },
    more: "More options",
    most_photos: "Number of photos",
    most_photos_hint: "usual number",
    lifetime: "The link works for",
    lifetime_usual: "the usual time",
    hours: |n| if n == 1 { "1 hour".to_owned() } else { format!("{n} hours") },
    days: |n| if n == 1 { "1 day".to_owned() } else { format!("{n} days") },
    show_qr: "Show QR code",
    still_open: "Still open for this record",
    go_on: "Continue",
    until: "until",
    sandbox: "Test",
    sandbox_text: "This link is of Apertur’s sandbox: for trying out, not for customers.",
    qr: "QR code of the link where photos are taken",
    scan: "Scan with the phone’s camera, then take the photos.",
    link: "Link",
    copy: "Copy",
    copied: "Copied",
    share: "Share…",
    mail: "E-mail",
    text_message: "Text message",
    mail_subject: "Your photos",
    mail_text: "Please send us your photos here:",
    language: "Language of the message",
    open_here: "Open here",
    send_link: "Send the link",
    send_odoo: Sending {
        contact: "Send to the customer",
        public: "Post to the followers",
        internal: "Note on the record",
    },
    send_desk: Sending {
        contact: "Reply to the customer",
        public: "Add a public note",
        internal: "Add a private note",
    },
    send_zendesk: Sending {
        contact: "Comment to the customer",
        public: "Add a public comment",
        internal: "Add an internal note",
    },
    photos: "Photos",
    photo: |n| format!("Photo {n}"),
    none_yet: "No photos yet. They appear here as they arrive.",
    none_came: "No photos came.",
    landed_of: |done, all| match (done, all) {
        (1, 1) => "The photo is on the record.".to_owned(),
        (2, 2) => "Both photos are on the record.".to_owned(),
        (done, all) if done == all => format!("All {all} photos are on the record."),
        (0, 1) => "The photo is not on the record yet.".to_owned(),
        (0, all) => format!("None of {all} photos is on the record yet."),
        (1, all) => format!("1 of {all} photos is on the record."),
        (done, all) => format!("{done} of {all} photos are on the record."),
    },
    standing: Standings {
        received: "Received",
        sending: "On its way",
        delayed: "Delayed",
        landed: "On the record",
        stored: "Stored, not on the record",
        problem: "Problem",
    },
    causes: Causes {
        unreachable: "The system cannot be reached. It is tried again by itself.",
        busy: "The system is busy. It is tried again by itself.",
        administrator: "Tell your administrator: the photo service cannot do it.",
        no_record: "The record is not there any more.",
        gone: "The photo could not be fetched. Ask for it again.",
        too_large: "The photo is too large.",
        refused: "The system does not take this photo. Tell your administrator.",
        not_an_image: "The file is not a picture.",
        encrypted: "The photo is encrypted and cannot be opened here.",
        unrouted: "Nobody set up where this photo goes. Tell your administrator.",
        gave_up: "It was tried for days. Tell your administrator.",
        held: "An administrator holds it back.",
    },
    close: "End session",
    another: "Another link",
    closed: "The session is over. Photos that are on their way still arrive.",
    ended: "The link has expired.",
    slow: "Photos of this session may arrive late, up to half an hour after they were taken. \
           Tell your administrator.",
    offline: "No connection. Trying again…",
    password: "Password",
    password_text: "Enter the password for collecting photos. You are asked once.",
    password_wrong: "That is not the password.",
    password_open: "Open",
    choose_system: "In which system is the record?",
    back: "Back to the record",
    records: Records {
        contact: "Contact",
        task: "Task",
        project: "Project",
        lead: "Opportunity",
        order: "Order",
        invoice: "Invoice",
        ticket: "Ticket",
    },
    notes: Notes {
        sent: "The link was sent.",
        sent_followers: "The link was posted, but the record names no customer: only its \
                         followers were told.",
        send_unknown: "It is not certain whether the link was sent. Look at the record before \
                       you send it again.",
        send_failed: "The link was not sent:",
        stale: "This page was open for a long time. Please choose again.",
        link_lives_on: "The session is over here, but Apertur did not take that: the link still \
                        works. End it again in a minute.",
        invalid: "Please look at the options: the number of photos is 1 to 50.",
    },
    troubles: Troubles {
        forbidden: (
            "This link does not work",
            "It may have expired, or it was used already. Open the record again and choose \
             “Collect photos” there, or ask for a new link.",
        ),
        old_entry: (
            "This entry is out of date",
            "Tell your administrator: `apertur-bridge odoo install-actions` renews “Collect \
             photos” in the menus.",
        ),
        no_target: (
            "This address names no record",
            "Open the page from the record itself. If that leads here too, tell your \
             administrator: an address ends for example in target=freshdesk:17.",
        ),
        no_password: (
            "This page cannot be opened this way",
            "Ask your administrator for a link, or to set a password for collecting photos \
             ([collect] password).",
        ),
        throttled: ("Too many tries", "Wait a minute, then try again."),
        bad_form: ("That did not work", "Go back, reload the page and try again."),
        no_record: (
            "The record is not there",
            "It may have been deleted, or photos are not set up for it. Open it in its system and \
             try from there, or ask your administrator.",
        ),
        no_session: (
            "This link is not there any more",
            "Go back to the record and make a new one.",
        ),
        unreachable: (
            "The system cannot be reached now",
            "Nothing was changed. Try again in a minute.",
        ),
        no_answer: (
            "The system did not answer in time",
            "Wait a minute, then choose “Collect photos” on the record once more: this address \
             may be used up.",
        ),
        not_let_in: (
            "The photo service may not look at the record",
            "Nothing was changed. Tell your administrator: the log says why.",
        ),
        apertur_down: ("Apertur cannot be reached now", "No link was made. Try again in a minute."),
        apertur_refuses: (
            "Apertur did not make a link",
            "Nothing was made. Tell your administrator.",
        ),
        not_ended: (
            "The session was not ended",
            "Its link still works. Tell your administrator: the log says why.",
        ),
        quota: (
            "This month’s photo sessions are used up",
            "No link was made. Ask your administrator about the Apertur plan.",
        ),
        unsure: (
            "Apertur’s answer was lost",
            "Nobody knows whether a link was made; nobody was shown one. Try again: at most, one \
             unused session remains.",
        ),
        slow: (
            "Apertur takes its time",
            "The link may still be made. Go back to the record in a minute: if it was made, it \
             stands there. If not, try again.",
        ),
        not_kept: (
            "The link could not be written down",
            "It was thrown away, so nothing can get lost. Try again in a minute; if it stays, \
             tell your administrator.",
        ),
        journal: (
            "The photo service is busy",
            "Nothing was changed. Try again in a minute; if it stays, tell your administrator.",
        ),
    },
    their_words: "In Apertur’s words:",
};
