//! The pages as HTML. What comes from outside is text in them, never markup.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::{
    Desk, SCRIPT, STYLE, record,
    record::{LIVES, time},
    session,
    session::{Line, Progress},
    trouble::Trouble,
    visit::Visit,
    words::Words,
};
use crate::{
    destinations::{Language, Record},
    model::{Environment, Mode, OwnSession, SessionLink, Target},
    pages::{Fields, encoded},
};

/// Seconds between two looks where no script runs.
const REFRESH: u32 = 10;

/// A whole page.
fn whole(visit: &Visit, title: &str, refresh: bool, main: &Markup) -> Markup {
    let Visit { words, base, .. } = visit;
    html! {
        (DOCTYPE)
        html lang=(words.tag) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex, nofollow";
                title { (title) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(STYLE.path(base));
                script defer src=(SCRIPT.path(base)) {}
                @if refresh {
                    noscript { meta http-equiv="refresh" content=(REFRESH); }
                }
            }
            body { main { (main) } }
        }
    }
}

/// The head of a page of a record.
fn head(visit: &Visit, record: &Record) -> Markup {
    let words = visit.words;
    html! {
        header {
            p.eyebrow { (words.collect_photos) }
            h1 { (record.name) }
            p.number { (words.record(&record.target)) }
        }
    }
}

/// The page of a record.
pub(super) fn record(visit: &Visit, shown: &record::Shown<'_>) -> Markup {
    let words = visit.words;
    let address = format!("{}/{}", visit.base, shown.entered.signed.reveal());
    let main = html! {
        (head(visit, shown.record))
        @if let Some(said) = shown.said { p.note.bad role="status" { (said) } }
        form.card method="post" action=(address) data-once {
            input type="hidden" name="form" value=(shown.form);
            (modes(words, &shown.record.target, shown.mode))
            (more(words))
            button #create.primary type="submit" { (words.show_qr) }
        }
        @if !shown.open.is_empty() {
            section.card #open {
                h2 { (words.still_open) }
                ul.rows {
                    @for own in &shown.open {
                        li { (open(words, &address, own, shown.entered.desk.mode(own))) }
                    }
                }
            }
        }
    };
    whole(visit, &format!("{} – {}", shown.record.name, words.collect_photos), false, &main)
}

fn modes(words: &Words, target: &Target, chosen: Option<Mode>) -> Markup {
    html! {
        fieldset #mode {
            legend { (words.who_sees) }
            @for mode in [Mode::Contact, Mode::Public, Mode::Internal] {
                @let (name, text) = words.mode(target, mode);
                label.choice {
                    input type="radio" name="mode" value=(mode.as_str()) required
                        checked[chosen == Some(mode)];
                    span { strong { (name) } span.hint { (text) } }
                }
            }
        }
    }
}

fn more(words: &Words) -> Markup {
    html! {
        details {
            summary { (words.more) }
            div.fields {
                label {
                    span { (words.most_photos) }
                    input type="number" name="max_images" min="1" max="50" inputmode="numeric"
                        placeholder=(words.most_photos_hint);
                }
                label {
                    span { (words.lifetime) }
                    select name="hours" {
                        option value="" { (words.lifetime_usual) }
                        @for hours in LIVES {
                            option value=(hours) { (life(words, hours)) }
                        }
                    }
                }
            }
        }
    }
}

fn life(words: &Words, hours: u8) -> String {
    if hours < 24 { (words.hours)(hours.into()) } else { (words.days)(u32::from(hours) / 24) }
}

fn open(words: &Words, address: &str, own: &OwnSession, mode: Option<Mode>) -> Markup {
    html! {
        a href=(format!("{address}/{}", own.session.mark())) {
            span {
                strong { (words.go_on) }
                @if let Some(mode) = mode { " · " (words.mode(&own.target, mode).0) }
                @if own.environment == Environment::Sandbox { " " (sandbox(words)) }
            }
            span.hint { (words.until) " " (moment(own.expires_at)) }
        }
    }
}

/// A time, which the script writes as people here do.
fn moment(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (time(at)) } }
}

fn sandbox(words: &Words) -> Markup {
    html! { span.badge title=(words.sandbox_text) { (words.sandbox) } }
}

/// The page of a session.
pub(super) fn session(visit: &Visit, shown: &session::Shown<'_>) -> Markup {
    let session::Shown { own, progress, entered, .. } = shown;
    let words = visit.words;
    let record_page = format!("{}/{}", visit.base, entered.signed.reveal());
    let address = format!("{record_page}/{}", own.session.mark());
    let link = own.link.as_ref().filter(|_| progress.open);
    let main = html! {
        (head(visit, shown.record))
        @if let Some((said, good)) = &shown.said {
            p.note.good[*good].bad[!*good] #said role="status" { (said) }
        }
        div.columns {
            @if let Some(link) = link {
                section.card { (code(words, &address, shown, link)) }
                section.card { (reach(visit, &address, shown, link)) }
            } @else if shown.lives_on {
                p.note.bad #lives-on role="status" { (words.notes.link_lives_on) }
            } @else {
                p.note { (if own.closed_at.is_some() { words.closed } else { words.ended }) }
            }
            (photos(words, &address, progress))
        }
        nav {
            a.button href=(record_page) { (words.another) }
            @if progress.open || shown.lives_on {
                form method="post" action=(format!("{address}/close")) data-once {
                    button #close type="submit" { (words.close) }
                }
            }
        }
    };
    let title = format!("{} – {}", shown.record.name, words.collect_photos);
    whole(visit, &title, !progress.done, &main)
}

fn code(words: &Words, address: &str, shown: &session::Shown<'_>, link: &SessionLink) -> Markup {
    let own = shown.own;
    html! {
        p.facts {
            @if let Some(mode) = shown.mode {
                span.badge { (words.mode(&own.target, mode).0) }
            }
            @if own.environment == Environment::Sandbox { (sandbox(words)) }
            span { (words.until) " " (moment(own.expires_at)) }
        }
        img #qr src=(format!("{address}/qr.svg")) alt=(words.qr) width="360" height="360";
        p.hint.center { (words.scan) }
        @if own.environment == Environment::Sandbox { p.note.warn { (words.sandbox_text) } }
        @if shown.is_slow { p.note.warn #slow { (words.slow) } }
        label.stacked for="link" { (words.link) }
        div.together {
            input #link type="text" readonly value=(link.reveal()) spellcheck="false";
            button #copy type="button" hidden data-copied=(words.copied) { (words.copy) }
            a #here.button.handheld href=(link.reveal()) target="_blank"
                rel="noopener noreferrer" { (words.open_here) }
        }
        p #copied.unseen role="status" {}
    }
}

/// The ways in which the link reaches somebody who is not here.
fn reach(visit: &Visit, address: &str, shown: &session::Shown<'_>, link: &SessionLink) -> Markup {
    let words = visit.words;
    let text = encoded(&format!("{} {}", words.mail_text, link.reveal()));
    let languages = [
        (Language::En, "English", "en"),
        (Language::Fr, "Français", "fr"),
        (Language::Es, "Español", "es"),
    ];
    html! {
        h2 { (words.send_link) }
        form method="post" action=(format!("{address}/send")) data-once {
            input type="hidden" name="form" value=(shown.form);
            label.stacked for="language" { (words.language) }
            div.together {
                select #language name="language" {
                    @for (language, name, tag) in languages {
                        option value=(tag) lang=(tag) selected[language == visit.language] {
                            (name)
                        }
                    }
                }
                button #send type="submit" { (words.sending(&shown.own.target, shown.mode)) }
            }
        }
        div.ways {
            a.button href=(format!("mailto:?subject={}&body={text}", encoded(words.mail_subject))) {
                (words.mail)
            }
            a.button href=(format!("sms:?&body={text}")) { (words.text_message) }
            button #share type="button" hidden data-text=(words.mail_text) { (words.share) }
        }
    }
}

fn photos(words: &Words, address: &str, progress: &Progress) -> Markup {
    let of = format!("{address}/progress");
    html! {
        section.card #progress data-progress=[(!progress.done).then_some(of)]
            data-open=(progress.open) data-offline=(words.offline) {
            h2 { (words.photos) }
            p #summary role="status" { (progress.summary) }
            ol #photos { @for line in &progress.photos { (photo(line)) } }
        }
    }
}

fn photo(line: &Line) -> Markup {
    html! {
        li data-state=(line.state) {
            span.title { (line.title) }
            span.name { (line.name) }
            span.standing { (line.standing) }
            span.cause { (line.cause) }
        }
    }
}

/// The page that asks for the password.
pub(super) fn password(visit: &Visit, asked: &Fields, wrong: bool) -> Markup {
    let words = visit.words;
    let main = html! {
        header { h1 { (words.collect_photos) } }
        form.card method="post" action=(visit.base) {
            p { (words.password_text) }
            @if wrong { p.note.bad #wrong role="alert" { (words.password_wrong) } }
            input type="hidden" name="target" value=(asked.text("target"));
            input type="hidden" name="destination" value=(asked.text("destination"));
            // Password managers keep what has a name.
            input type="text" name="username" value=(words.collect_photos) autocomplete="username"
                readonly hidden;
            label.stacked for="password" { (words.password) }
            input #password type="password" name="password" required autofocus
                autocomplete="current-password" aria-describedby=[wrong.then_some("wrong")];
            button.primary type="submit" { (words.password_open) }
        }
    };
    whole(visit, words.collect_photos, false, &main)
}

/// The page that asks which of several systems is meant.
pub(super) fn choose(visit: &Visit, target: &Target, desks: &[&Desk]) -> Markup {
    let words = visit.words;
    let address = |desk: &Desk| {
        let target = encoded(&target.to_string());
        format!("{}?target={target}&destination={}", visit.base, desk.name)
    };
    let main = html! {
        header {
            p.eyebrow { (words.collect_photos) }
            h1 { (words.record(target)) }
        }
        section.card {
            h2 { (words.choose_system) }
            ul.rows {
                @for desk in desks {
                    li { a href=(address(desk)) {
                        strong { (desk.name) }
                        span.hint { (desk.destination.place()) }
                    } }
                }
            }
        }
    };
    whole(visit, words.collect_photos, false, &main)
}

/// The page that says why there is no other.
pub(super) fn trouble(visit: &Visit, trouble: &Trouble) -> Markup {
    let (title, text) = trouble.said(visit.words);
    let main = html! {
        header { p.eyebrow { (visit.words.collect_photos) } h1 { (title) } }
        section.card {
            p { (text) }
            @if let Some(detail) = trouble.detail() {
                p.hint { (visit.words.their_words) " “" (detail) "”" }
            }
        }
        @if let Some(back) = &visit.back {
            nav { a.button href=(back) { (visit.words.back) } }
        }
    };
    whole(visit, title, false, &main)
}
