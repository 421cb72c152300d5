//! Whether a verb changes a delivery, and why not. Pure, the same for every store.

use crate::model::{Cause, DeliveryState, ErrorKind, FetchState, Filter, Left, Reason, Verb};

/// What a verdict rests on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) state: DeliveryState,
    /// The kind of its last error.
    pub(super) error: Option<ErrorKind>,
    pub(super) fetch: FetchState,
    /// Whether it has a way to go: its destination, or a plan.
    pub(super) has_way: bool,
    /// Whether it can only go by a plan.
    pub(super) is_stray: bool,
    /// Whether another photo with the same bytes covers it, where that matters: see
    /// [`heeds_copies`]; and where it was not delivered itself, in which case it is found.
    pub(super) is_covered: bool,
}

/// Whether it matters to a verb that another photo with the same bytes covers a delivery: only
/// who names a few may insist.
pub(super) fn heeds_copies(verb: &Verb, filter: &Filter) -> bool {
    match verb {
        Verb::Replay { force } => !(*force && filter.means_each()),
        Verb::Release => true,
        Verb::Hold { .. } | Verb::Drop { .. } => false,
    }
}

/// Why this verb leaves a delivery as it is; `None` where it does not.
pub(super) fn left(verb: &Verb, case: &Case) -> Option<Left> {
    use DeliveryState as S;
    let on_hold = case.state == S::Held && case.error == Some(ErrorKind::Operator);
    match (verb, case.state) {
        (Verb::Release, _) if on_hold => left_again(case),
        (Verb::Release, _) => Some(Left::NotOnHold),
        (_, S::Sending) => Some(Left::UnderWay),
        (_, S::Dropped) => Some(Left::Dropped),
        (Verb::Replay { force: true }, S::Delivered) if case.is_stray => Some(Left::Unrouted),
        (Verb::Replay { force: true }, S::Delivered) => left_again(case),
        (_, S::Delivered) => Some(Left::Delivered),
        (Verb::Replay { .. }, _) if on_hold => Some(Left::OnHold),
        (Verb::Replay { .. }, _) => left_again(case),
        (Verb::Hold { .. }, S::Held) => Some(Left::HeldAlready),
        (Verb::Hold { .. } | Verb::Drop { .. }, _) => None,
    }
}

fn left_again(case: &Case) -> Option<Left> {
    match case.fetch {
        _ if !case.has_way => Some(Left::Unrouted),
        FetchState::Expired => Some(Left::Expired),
        FetchState::Stored if case.is_covered && !case.is_stray => Some(Left::SamePhoto),
        FetchState::Stored | FetchState::Wanted | FetchState::Held => None,
    }
}

/// Why a delivery is held or dropped by a person.
pub(super) fn by_person(verb: &Verb, reason: &Reason) -> Cause {
    let fix = match verb {
        Verb::Hold { .. } => "release it with `apertur-bridge deliveries release`",
        _ => "have the photo sent or taken again if it is wanted after all",
    };
    Cause::new(ErrorKind::Operator, reason.as_str(), fix)
}
