//! What the journal keeps of telling people: of which held deliveries nobody was told, what is
//! still to be sent, and what was told last about what.

use async_trait::async_trait;
use jiff::Timestamp;

use super::JournalError;
use crate::model::{DestinationName, ErrorKind, Target};

/// Who is told that deliveries are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Telling {
    /// The people of the record, by a note on it.
    Note,
    /// The operator, by an alert.
    Alert,
}

/// By what somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outlet {
    /// A note on a record.
    Note,
    /// The alert webhook.
    Webhook,
    /// The alert command.
    Command,
}

impl Outlet {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Webhook => "webhook",
            Self::Command => "command",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Note, Self::Webhook, Self::Command].into_iter().find(|it| it.as_str() == word)
    }
}

/// Held deliveries of one sort that nobody was told of since they are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// Their destination; `None` for photos that nobody wants.
    pub destination: Option<DestinationName>,
    /// Their record ([`Target::record`]); always `None` for [`Telling::Alert`], which does not
    /// tell records apart.
    pub record: Option<Target>,
    /// The kind of the error that holds them.
    pub error: Option<ErrorKind>,
    /// How many.
    pub count: u64,
    /// Since when the first of them is held.
    pub first_at: Timestamp,
}

/// Something to be sent to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its own, by which the other side knows it again.
    pub id: String,
    /// By what.
    pub outlet: Outlet,
    /// What it is about.
    pub subject: String,
    /// What is to be said, as its writer reads it again.
    pub body: String,
    /// How many deliveries it is about.
    pub count: u64,
    /// When it was filed.
    pub made_at: Timestamp,
    /// When it is to be tried.
    pub due_at: Timestamp,
    /// How often it was tried.
    pub tries: u32,
}

/// A decision to tell somebody, filed as a whole.
#[derive(Debug, Clone)]
pub struct Filing {
    /// Who is told of `told`.
    pub telling: Telling,
    /// The sorts of held deliveries that count as told from now on; their numbers and times do
    /// not matter. Empty where it is not about deliveries.
    pub told: Vec<Untold>,
    /// What it is about, and whether that goes on until another filing ends it; `None` where
    /// nobody is to be told.
    pub subject: Option<(String, bool)>,
    /// What is to be sent: id, outlet and body.
    pub notices: Vec<(String, Outlet, String)>,
    /// Now.
    pub at: Timestamp,
}

/// What was told last about a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What it is about.
    pub name: String,
    /// When it was told; of what went on and ended, when its beginning was.
    pub told_at: Timestamp,
    /// Whether it goes on.
    pub is_open: bool,
}

/// The part of the journal that remembers who was told what.
#[async_trait]
pub trait Notices {
    /// Sorts of held deliveries that were not told since they are held, in no order, at most 500.
    /// A delivery that is held anew is told anew.
    async fn untold(&self, telling: Telling) -> Result<Vec<Untold>, JournalError>;

    /// Marks the deliveries of these sorts as told and files the notices, each with the number
    /// of deliveries that were marked; gives that number. Where there are such sorts and none of
    /// their deliveries is left to be told, nothing is filed. What waits for the same outlet and
    /// is about the same subject is replaced, its number added. Forgets subjects that do not go on
    /// and were told more than two days before. Marks some hundreds at a time, so that others may
    /// write in between, and files with the first of them: what an error leaves unmarked is told
    /// again, and nothing is marked that nobody is told of.
    async fn file(&self, filing: Filing) -> Result<u64, JournalError>;

    /// What is to be sent, oldest first, at most 500.
    async fn notices(&self) -> Result<Vec<Notice>, JournalError>;

    /// Counts a try of a notice and sets when the next is due: written down before each try, so
    /// that a try without an end is known as one.
    async fn postpone(&self, notice: &str, until: Timestamp) -> Result<(), JournalError>;

    /// Removes a notice: it was sent, or never will be.
    async fn settle_notice(&self, notice: &str) -> Result<(), JournalError>;

    /// What was told last, by subject.
    async fn subjects(&self) -> Result<Vec<Subject>, JournalError>;
}

/// Most sorts and notices that are given at once.
pub(super) const MOST: usize = 500;
/// How long a subject that does not go on is remembered.
pub(super) const REMEMBERED: std::time::Duration = std::time::Duration::from_hours(48);
