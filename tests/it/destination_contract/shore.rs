//! What the cases need of another side, whatever it is.

use std::time::Duration;

use apertur_bridge::destinations::Destination;

/// Who sees a photo there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It comes from the customer, or the customer is told.
    Customer,
    /// Everybody who may see the record.
    Public,
    /// Staff alone.
    Staff,
    /// There is no such question.
    Anybody,
}

/// A photo as it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    /// The record, as a target's text.
    pub(super) record: String,
    /// SHA-256 of the bytes, in hex.
    pub(super) sha256: String,
    pub(super) file_name: String,
    /// The words beside it, HTML where there is such.
    pub(super) text: String,
    pub(super) seen: Seen,
    /// The note, comment or message that carries it.
    pub(super) note: u64,
}

/// A call of the destination's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    /// A look for what is there.
    Look,
    /// What is asked before something is written.
    Ask,
    /// The bytes go first, where they go alone.
    Upload,
    /// The photo becomes visible.
    Write,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The work is done and there is no answer.
    LoseAnswer,
    /// There is no answer and no work.
    CloseBefore,
    /// The wire is cut in the body; no work.
    Cut,
    /// The answer breaks off; the work is done.
    Half,
    /// The answer makes no sense; the work is done.
    Garbage,
    /// The answer never ends; the work is done.
    Huge,
    /// A status without the work, in every shape that its body may have.
    Status(u16),
    /// A status after the work.
    After(u16),
    /// 429 with a wait in seconds.
    TooMany,
    /// A status without the work, and in its words what was sent, credentials too.
    Echo(u16),
}

/// Another side, and a destination that points at it.
pub(super) trait Shore: Send + Sync {
    /// Its name, for messages.
    fn name(&self) -> String;

    fn destination(&self) -> &dyn Destination;

    /// Two records that take photos.
    fn records(&self) -> [&'static str; 2];

    /// A record that is not there; `None` where there are no records.
    fn nowhere(&self) -> Option<&'static str>;

    /// Every photo there, oldest first, and who may see it.
    fn stored(&self) -> Vec<Stored>;

    /// Every text there without a photo, and who sees it.
    fn words(&self) -> Vec<(Seen, String)>;

    /// What is there and belongs to no photo.
    fn litter(&self) -> usize;

    /// Who sees a photo that names no mode.
    fn default_seen(&self) -> Seen;

    /// Credentials and all else that nobody may show.
    fn secrets(&self) -> Vec<String>;

    /// In how many shapes the trouble comes on such a call; 0 where this side knows no such call.
    fn shapes(&self, on: On, trouble: Trouble) -> usize;

    /// Plants the fault in its shape of that number.
    fn plant(&self, on: On, trouble: Trouble, shape: usize);

    /// Whether it gets a new token where one is refused.
    fn renews(&self) -> bool {
        false
    }

    /// Time passes.
    fn step(&self, by: Duration);

    /// The credentials work no more; `None` where there are none.
    fn lock_out(&self) -> Option<()>;

    /// Other people's notes on the first record, before and after which photos may stand, with
    /// marks that look like that of `img_1`; lists come in small pages from now on.
    fn crowd(&self);
}
