//! A photo's story on a screen: what [`crate::ops::story`] tells, laid out for a terminal.
//!
//! Decides no words about photos. Times are written in the reader's zone and as an age.

use indicatif::DecimalBytes;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::output::{Line, Tone};
use crate::{
    model::{AttemptOutcome, Cause, DeliveryState, Digest, FetchState, Photo, Receipt, Tag},
    ops::story::{Account, Entry, EntryKind, Next, NextKind, Remedy, Standing},
};

/// Width of the column of labels.
const LABELS: usize = 11;
/// Width of the columns of date and time in the history.
const TIMES: usize = 21;

/// For whom it is laid out.
#[derive(Debug)]
pub(super) struct Reader {
    /// The time.
    pub(super) now: Timestamp,
    /// Where the reader is.
    pub(super) zone: TimeZone,
    /// Columns of the terminal; `None` where lines are not to be broken.
    pub(super) width: Option<usize>,
}

impl Reader {
    /// Whoever sits at this terminal, or reads what is piped from it.
    pub(super) fn here(now: Timestamp) -> Self {
        Self { now, zone: TimeZone::system(), width: super::output::width() }
    }

    /// A time in the reader's zone, and how far away it is.
    pub(super) fn time(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
        let away = at.duration_since(self.now);
        if away.is_positive() {
            format!("{local} (in {})", span(away))
        } else {
            format!("{local} ({} ago)", span(away))
        }
    }
}

/// A span of time in its largest unit that says enough.
fn span(time: SignedDuration) -> String {
    let seconds = time.unsigned_abs().as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}

fn took(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..120_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => format!("{} min", millis / 60_000),
    }
}

/// The lines of a story.
pub(super) fn screen(account: &Account, reader: &Reader) -> Vec<Line> {
    let mut screen = Screen { reader, lines: Vec::new() };
    screen.photo(account);
    for standing in &account.deliveries {
        screen.delivery(account, standing);
    }
    screen.history(account);
    screen.lines
}

struct Screen<'a> {
    reader: &'a Reader,
    lines: Vec<Line>,
}

impl Screen<'_> {
    fn photo(&mut self, account: &Account) {
        let photo = &account.photo;
        self.field("photo", Tone::Strong, photo.id.as_str());
        self.field("now", tone_of(account), &account.summary);
        self.plain(
            "received",
            &format!("{}, {}", self.reader.time(photo.received_at), account.came),
        );
        if let Some(hint) = &account.hint {
            self.plain("", hint);
        }
        self.session(photo);
        self.plain("picture", &picture(photo));
        let is_here = account.fetch_state == FetchState::Stored;
        match photo.sha256.map(Digest::to_hex) {
            Some(digest) if is_here => self.plain("sha256", &digest),
            _ => self.plain("bytes", &account.fetch.words),
        }
        if let Some(cause) = account.fetch_cause.as_ref().filter(|_| !is_here) {
            self.why("why", cause);
        }
        if let Some(next) = &account.fetch.next {
            self.next(next);
        }
        if let Some(remedy) = &account.fetch.remedy {
            self.remedy(remedy);
        }
        if let Some(cause) = &account.remark {
            self.why("remark", cause);
            self.plain("what to do", &cause.fix);
        }
    }

    fn session(&mut self, photo: &Photo) {
        let index = photo.index.map(|index| format!("photo {} of it", u64::from(index) + 1));
        let tags = photo.tags.iter().map(Tag::to_text).collect::<Vec<_>>().join(", ");
        let tags = (!tags.is_empty()).then(|| format!("tags {tags}"));
        let session = photo.session.as_ref().map(ToString::to_string);
        let about: Vec<_> = session.into_iter().chain(index).chain(tags).collect();
        if !about.is_empty() {
            self.plain("session", &about.join(", "));
        }
    }

    fn delivery(&mut self, account: &Account, standing: &Standing) {
        let delivery = &standing.delivery;
        let to = delivery.destination.as_ref().map_or("nobody", |name| name.as_str());
        let target = delivery.target.as_ref().map_or(String::new(), |target| format!(", {target}"));
        let mode = match (delivery.mode, &delivery.target) {
            (Some(mode), target) => format!(", mode {}", mode.word_at(target.as_ref())),
            (None, Some(_)) => ", mode by default".to_owned(),
            (None, None) => String::new(),
        };
        self.lines.push(Line::default());
        self.plain("delivery", &format!("{} to {to}{target}{mode}", delivery.id));
        let state = delivery.state.as_str();
        let words = &standing.words;
        let state = if words == state { words.clone() } else { format!("{state}: {words}") };
        self.field("state", tone(standing), &state);
        if let Some(receipt) = &delivery.receipt {
            self.receipt(receipt);
        }
        // What keeps the bytes away stands above, once for all deliveries.
        let is_told = account.fetch.next.as_ref() == Some(&standing.next)
            && (standing.why == account.fetch_cause || standing.why.is_none());
        if let Some(cause) = standing.why.as_ref().filter(|_| !is_told) {
            self.why("why", cause);
        }
        if !is_told {
            self.next(&standing.next);
        }
        match &standing.remedy {
            Some(remedy) if is_told => {
                let give_up = remedy.give_up.clone();
                self.remedy(&Remedy { give_up, ..Remedy::default() });
            }
            Some(remedy) => self.remedy(remedy),
            None => {}
        }
    }

    fn receipt(&mut self, receipt: &Receipt) {
        let ids = receipt.ids.iter().map(|id| format!("{} {}", id.name, id.value));
        let ids = ids.collect::<Vec<_>>().join(", ");
        // One that was left to another photo got nothing; its state says so.
        if !ids.is_empty() || !receipt.found {
            let said: Vec<_> = Some(ids).into_iter().chain(receipt.note.clone()).collect();
            self.plain("receipt", said.join("; ").trim_start_matches("; "));
        }
        if let Some(url) = &receipt.url {
            self.plain("link", url);
        }
    }

    fn why(&mut self, label: &str, cause: &Cause) {
        self.plain(label, &cause.what);
        if !cause.detail.is_empty() {
            self.plain("", &format!("they said: {}", cause.detail));
        }
    }

    fn next(&mut self, next: &Next) {
        let since = next.since.map(|since| format!("; since {}", self.reader.time(since)));
        let at = next.at.map(|at| format!(", {}", self.reader.time(at)));
        let times = at.or(since).unwrap_or_default();
        let tone = if next.kind == NextKind::Person { Tone::Bad } else { Tone::Plain };
        self.field("next", tone, &format!("{}{times}", next.words));
    }

    fn remedy(&mut self, remedy: &Remedy) {
        let give_up = remedy.give_up.as_ref().map(|command| format!("or give it up: {command}"));
        let what = Some(&remedy.what).filter(|what| !what.is_empty());
        let lines = what.map(|what| (Tone::Plain, what.clone())).into_iter();
        let lines = lines.chain(remedy.command.clone().map(|command| (Tone::Strong, command)));
        let lines = lines.chain(give_up.map(|command| (Tone::Plain, command)));
        let labels = std::iter::once("what to do").chain(std::iter::repeat(""));
        for (label, (tone, text)) in labels.zip(lines) {
            self.field(label, tone, &text);
        }
    }

    fn history(&mut self, account: &Account) {
        self.lines.push(Line::default());
        self.plain("history", "");
        let mut day = String::new();
        let mut entries = account.timeline.iter().peekable();
        while let Some(entry) = entries.next() {
            let mut last = (entry, 0_u32);
            while let Some(again) = entries.next_if(|next| repeats(entry, next)) {
                last = (again, last.1.saturating_add(1));
            }
            let zoned = entry.at.to_zoned(self.reader.zone.clone());
            let date = zoned.strftime("%Y-%m-%d").to_string();
            let shown = if date == day { String::new() } else { date.clone() };
            let label = format!("{shown:<11}{}", zoned.strftime("%H:%M:%S"));
            day = date;
            let is_told = told(account, entry);
            self.entry(&label, entry, (last.0, last.1, is_told));
        }
    }

    fn entry(&mut self, label: &str, entry: &Entry, (last, more, is_told): (&Entry, u32, bool)) {
        let tone = match (entry.kind, entry.outcome) {
            (_, Some(AttemptOutcome::Done)) => Tone::Good,
            (_, Some(AttemptOutcome::Refused)) => Tone::Bad,
            (EntryKind::Settled, _) if entry.cause.is_some() => Tone::Bad,
            _ => Tone::Plain,
        };
        let mut text = Self::head(entry);
        if let Some(millis) = entry.took_ms {
            text.push_str(&format!(", {}", took(millis)));
        }
        if let Some(cause) = entry.cause.as_ref().filter(|_| !is_told) {
            text.push_str(&format!(": {}", cause.what));
            if !cause.detail.is_empty() {
                text.push_str(&format!(" ({})", cause.detail));
            }
        }
        self.broken(label, TIMES, (tone, &text));
        if more > 0 {
            let until = self.reader.time(last.at);
            let again = format!("and {more} more like it, the last {until}");
            self.broken("", TIMES, (Tone::Plain, &again));
        }
    }

    /// What an entry is about, and its words.
    fn head(entry: &Entry) -> String {
        let number = entry.number.filter(|_| entry.kind == EntryKind::Attempt);
        let to = entry.destination.as_ref().map_or("nobody", |name| name.as_str());
        match (entry.delivery, number) {
            (Some(delivery), Some(number)) => {
                format!("{delivery} to {to}, attempt {number}: {}", entry.words)
            }
            (Some(delivery), None) => format!("{delivery} to {to}: {}", entry.words),
            (None, _) => entry.words.clone(),
        }
    }

    fn plain(&mut self, label: &str, text: &str) {
        self.field(label, Tone::Plain, text);
    }

    fn field(&mut self, label: &str, tone: Tone, text: &str) {
        self.broken(label, LABELS, (tone, text));
    }

    /// A text beside its label, broken where the terminal ends.
    fn broken(&mut self, label: &str, indent: usize, (tone, text): (Tone, &str)) {
        let room =
            self.reader.width.map_or(usize::MAX, |width| width.saturating_sub(indent).max(20));
        let options = textwrap::Options::new(room)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .word_separator(textwrap::WordSeparator::AsciiSpace);
        let mut label = label;
        for part in textwrap::wrap(text, options) {
            let head = if part.is_empty() { label.to_owned() } else { format!("{label:<indent$}") };
            self.lines.push(Line(vec![(Tone::Faint, head), (tone, part.into_owned())]));
            label = "";
        }
    }
}

/// Whether the cause of an entry stands above: as what keeps the delivery, or its bytes, away.
fn told(account: &Account, entry: &Entry) -> bool {
    let whys = account.deliveries.iter().filter(|it| Some(it.delivery.id) == entry.delivery);
    let above = whys.map(|standing| &standing.why).chain([&account.fetch_cause]);
    entry.cause.is_some() && above.into_iter().any(|why| *why == entry.cause)
}

/// Whether an entry says the same of the same delivery as the one before it.
fn repeats(one: &Entry, next: &Entry) -> bool {
    let what = |entry: &Entry| entry.cause.as_ref().map(|cause| cause.what.clone());
    one.outcome.is_some()
        && (one.kind, one.delivery, one.outcome) == (next.kind, next.delivery, next.outcome)
        && what(one).is_some()
        && what(one) == what(next)
}

fn picture(photo: &Photo) -> String {
    let size = photo.size.map_or("size unknown".to_owned(), |size| DecimalBytes(size).to_string());
    let name = photo.filename.as_deref().unwrap_or("without a name");
    let kind = photo.media_type.as_deref().unwrap_or("type unknown");
    format!("{name}, {kind}, {size}")
}

fn tone_of(account: &Account) -> Tone {
    let is = |state| account.deliveries.iter().any(|it| it.delivery.state == state);
    if is(DeliveryState::Held) {
        Tone::Bad
    } else if account.deliveries.iter().all(|it| it.delivery.state == DeliveryState::Delivered) {
        Tone::Good
    } else {
        Tone::Busy
    }
}

fn tone(standing: &Standing) -> Tone {
    match standing.delivery.state {
        DeliveryState::Delivered => Tone::Good,
        DeliveryState::Held => Tone::Bad,
        DeliveryState::Dropped => Tone::Plain,
        DeliveryState::Waiting | DeliveryState::Due | DeliveryState::Sending => Tone::Busy,
    }
}

#[cfg(test)]
mod tests;
