//! What every page has: head, menu, the bar that says what needs a person, and times.
//! What comes from outside is text in it, never markup.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::{SCRIPT, STYLE, access::Scope, attention::Attention, visit::Visit, words::Layout};
use crate::{
    destinations::Language,
    model::{Cause, DeliveryState, ErrorKind},
    ops::story::phrase,
    pages::encoded,
};

/// Every state, in the order of a photo's way.
pub(super) const STATES: [DeliveryState; 6] = [
    DeliveryState::Waiting,
    DeliveryState::Due,
    DeliveryState::Sending,
    DeliveryState::Delivered,
    DeliveryState::Held,
    DeliveryState::Dropped,
];

/// Seconds between two looks where no script runs.
const REFRESH: u32 = 30;

/// A place in the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Deliveries,
    Runs,
    Destinations,
    Sessions,
    Configuration,
    Doctor,
}

/// The menu: where each place is, and who sees it.
const MENU: [(Tab, &str, Scope); 7] = [
    (Tab::Overview, "/", Scope::Read),
    (Tab::Deliveries, "/deliveries", Scope::Read),
    (Tab::Runs, "/runs", Scope::Read),
    (Tab::Destinations, "/destinations", Scope::Read),
    (Tab::Sessions, "/sessions", Scope::Read),
    (Tab::Configuration, "/configuration", Scope::Admin),
    (Tab::Doctor, "/doctor", Scope::Admin),
];

/// A page to be.
#[derive(Debug)]
pub(super) struct Page {
    /// Its heading, and the title of its window.
    pub(super) title: String,
    /// What stands under the menu, below the heading.
    pub(super) main: Markup,
    /// Where in the menu it is.
    pub(super) place: Option<Tab>,
    /// Whether what is marked `data-live` in it is kept fresh.
    pub(super) live: bool,
    /// Whether somebody chooses something in it, which is lost where it is loaded again.
    pub(super) chooses: bool,
}

impl Page {
    /// A page of this, without title or place.
    pub(super) fn new(main: Markup) -> Self {
        Self { title: String::new(), main, place: None, live: false, chooses: false }
    }

    /// A page in the menu, with its name there as its title.
    pub(super) fn at(visit: &Visit, place: Tab, main: Markup) -> Self {
        let title = visit.words.layout.place(place).to_owned();
        Self { title, main, place: Some(place), live: false, chooses: false }
    }

    /// The same, kept fresh.
    pub(super) fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// The same, where somebody chooses: without a script it stays as it is.
    pub(super) fn choosing(self) -> Self {
        Self { chooses: true, ..self }
    }

    /// The same, under another title.
    pub(super) fn titled(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }
}

/// A whole page.
pub(super) fn whole(visit: &Visit, page: &Page) -> Markup {
    let words = visit.words;
    html! {
        (DOCTYPE)
        html lang=(words.tag) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " – " (words.layout.console) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(STYLE.path(""));
                script defer src=(SCRIPT.path("")) {}
                @if page.live && !page.chooses {
                    noscript { meta http-equiv="refresh" content=(REFRESH); }
                }
            }
            body data-live-page[page.live] {
                a.skip href="#main" { (words.layout.skip) }
                (head(visit, page))
                @if visit.login.is_some() { (bar(visit)) }
                main #main tabindex="-1" {
                    h1 { (page.title) }
                    (page.main)
                }
                (foot(visit))
            }
        }
    }
}

fn head(visit: &Visit, page: &Page) -> Markup {
    let words = &visit.words.layout;
    html! {
        header.top {
            div.brand {
                a href="/" { "apertur-bridge" }
                @if visit.login.is_some() {
                    form.leave method="post" action="/sign-out" {
                        (key(visit))
                        span.who { (visit.by()) }
                        button.plain #leave type="submit" { (words.sign_out) }
                    }
                }
            }
            @if visit.login.is_some() {
                nav.menu aria-label=(words.menu) {
                    ul {
                        @for (place, to, _) in MENU.iter().filter(|(.., who)| visit.may(*who)) {
                            @let here = (page.place == Some(*place)).then_some("page");
                            li { a href=(to) aria-current=[here] { (words.place(*place)) } }
                        }
                    }
                }
            }
        }
    }
}

/// Says what needs a person, where something does.
fn bar(visit: &Visit) -> Markup {
    let layout = &visit.words.layout;
    let Attention { held, paused, journal, space } = &visit.attention;
    html! {
        div #attention.bar role="status" data-live {
            @if let Some(error) = journal {
                p.bad { strong { (layout.journal_fails) } " " span lang="en" { (error) } }
            }
            @if let Some(low) = space {
                p.bad { strong { (layout.no_room) } " " span lang="en" { (low) } }
            }
            @if *held > 0 {
                p.bad { a href="/deliveries?state=held" { ((layout.held)(*held)) } }
            }
            @for pause in paused {
                p.wait {
                    a href={ "/destinations#" (pause.destination) } {
                        ((layout.paused)(pause.destination.as_str()))
                    }
                    " " (what(visit, &pause.cause))
                }
            }
        }
    }
}

fn foot(visit: &Visit) -> Markup {
    let languages = [("en", "English"), ("fr", "Français"), ("es", "Español")];
    let to = encoded(&visit.address);
    html! {
        footer {
            nav aria-label=(visit.words.layout.language) {
                ul.languages {
                    @for (tag, name) in languages {
                        @let here = (tag == visit.words.tag).then_some("true");
                        li {
                            a href={ "/language/" (tag) "?to=" (to) } lang=(tag) hreflang=(tag)
                                aria-current=[here] { (name) }
                        }
                    }
                }
            }
            @if visit.login.is_some() { p.hint { "apertur-bridge " (env!("CARGO_PKG_VERSION")) } }
        }
    }
}

/// What every form of a page carries: that it is of this session.
pub(super) fn key(visit: &Visit) -> Markup {
    html! { input type="hidden" name="form" value=(visit.form_key()); }
}

/// What a cause says of what happened.
pub(super) fn what(visit: &Visit, cause: &Cause) -> Markup {
    match cause.kind {
        ErrorKind::Operator => html! { (own(visit, &cause.what)) },
        _ => written(visit, &cause.what),
    }
}

/// A person's own words, in whatever language; those of nobody in the visitor's.
pub(super) fn own<'t>(visit: &Visit, text: &'t str) -> &'t str {
    phrase(text, visit.language).unwrap_or(text)
}

/// What was written down in English; in the visitor's language where it is a usual phrase.
pub(super) fn written(visit: &Visit, text: &str) -> Markup {
    html! {
        @match (phrase(text, visit.language), visit.language) {
            (Some(text), _) => (text),
            (None, Language::En) => (text),
            (None, _) => span lang="en" { (text) },
        }
    }
}

/// How long ago something was, or how soon it is; the time itself is told on request.
pub(super) fn ago(visit: &Visit, at: Timestamp) -> Markup {
    let words = &visit.words.layout;
    let say = if at > visit.now { words.in_time } else { words.ago };
    away(visit, at, say)
}

/// How long it is so, since this time; the time itself is told on request.
pub(super) fn lasting(visit: &Visit, since: Timestamp) -> Markup {
    away(visit, since, visit.words.layout.lasting)
}

fn away(visit: &Visit, at: Timestamp, say: fn(&str) -> String) -> Markup {
    let seconds = visit.now.as_second() - at.as_second();
    let age = age(&visit.words.layout, seconds.unsigned_abs());
    html! { time datetime=(at) title=(stamp(at)) data-age { (say(&age)) } }
}

/// A time of its own, which the script writes as people here do.
pub(super) fn moment(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (stamp(at)) } }
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Seconds in the largest unit that says enough.
fn age(words: &Layout, seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => (words.days)(seconds / 86_400),
    }
}

/// A number with its thousands parted by narrow spaces.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::words::Words;

    #[test]
    fn numbers_and_ages_are_short_and_say_enough() {
        for (given, text) in [(0, "0"), (999, "999"), (1000, "1\u{202f}000")] {
            assert_eq!(number(given), text);
        }
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
        let words = &Words::of(Language::En).layout;
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (172_799, "47 h"),
            (172_800, "2 days"),
        ] {
            assert_eq!(age(words, seconds), text);
        }
    }
}
