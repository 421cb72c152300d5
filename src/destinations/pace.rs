//! How fast an account of another system may be called: what it says in its answers, and an own
//! ceiling. One pace an account, whichever destinations use it. Never waits.
//!
//! The systems count calls by the minute, some old accounts by the hour, and do not say when a
//! minute begins; others use up the same account. So no more calls go out within any minute than
//! the account has in one, no more than it said are left, and none before it said to come again
//! (`fixtures/contracts/freshservice.md` section 6, `zendesk.md` section 4).

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    model::{Cause, ErrorKind, Failure},
    system::{Clock, later},
};

/// Which limit a plan has to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Limit {
    /// [`Ceiling::writes_per_minute`].
    Ceiling,
    /// What the account told of its calls.
    Account,
    /// [`Ceiling::writes_per_ticket`], or what was told of the ticket.
    Ticket,
    /// The account wants to be left alone.
    Closed,
}

impl Limit {
    /// Why nothing goes out before `at`.
    fn cause(self, at: Timestamp) -> Cause {
        let at = at.strftime("%H:%M:%S UTC");
        let by_itself = "nothing to do: it goes on by itself";
        let (what, fix) = match self {
            Self::Ceiling => (
                format!("our own ceiling of writing calls a minute is reached until {at}"),
                "nothing to do: it goes on by itself; raise writes_per_minute if the account \
                 takes more",
            ),
            Self::Account => (
                format!("the account has no calls left for us, as it says, until {at}"),
                "nothing to do: it goes on by itself; if it happens often, see what else calls \
                 the account",
            ),
            Self::Ticket => {
                (format!("this ticket takes no more updates until {at}, others do"), by_itself)
            }
            Self::Closed => (format!("the account asked to be left alone until {at}"), by_itself),
        };
        Cause::new(ErrorKind::RateLimited, what, fix)
    }
}

/// What is counted as a minute: calls take time to arrive, and nobody's minute is shorter.
const MINUTE: Duration = Duration::from_secs(61);
/// The wait after a 429 that does not name one.
const UNNAMED: Duration = Duration::from_mins(1);
/// The wait while another call finds out whether the account serves again.
const SOON: Duration = Duration::from_secs(1);
/// More parcels than this are never under way at once.
const AT_ONCE: usize = 32;
/// Tickets whose updates are remembered at least; more are forgotten once they are old.
const TICKETS: usize = 1000;

/// How many parcels a destination may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// So many now, at least one.
    Parcels(usize),
    /// None before this time.
    From(Timestamp),
}

/// The paces of every account.
#[derive(Debug, Clone)]
pub(super) struct Accounts {
    clock: Clock,
    known: Arc<Mutex<HashMap<String, Pace>>>,
}

impl Accounts {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, known: Arc::default() }
    }

    /// The pace of the account at this address. The lower ceiling of two destinations counts.
    pub(super) fn pace(&self, account: &str, ceiling: Ceiling) -> Pace {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let pace = known.entry(account.to_owned()).or_insert_with(|| Pace {
            clock: self.clock.clone(),
            state: Arc::new(Mutex::new(State::new(ceiling))),
        });
        pace.state().0.ceiling.lower_to(ceiling);
        pace.clone()
    }
}

/// What we allow ourselves, whatever the account would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ceiling {
    /// Writing calls a minute.
    pub(super) writes_per_minute: usize,
    /// Writing calls to one ticket within ten minutes.
    pub(super) writes_per_ticket: usize,
}

impl Ceiling {
    fn lower_to(&mut self, other: Self) {
        self.writes_per_minute = self.writes_per_minute.min(other.writes_per_minute);
        self.writes_per_ticket = self.writes_per_ticket.min(other.writes_per_ticket);
    }
}

/// The time in which [`Ceiling::writes_per_ticket`] counts.
const TEN_MINUTES: Duration = Duration::from_secs(601);

/// The pace of one account. Clones are the same pace.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Calls, the writing ones among them.
    pub(super) calls: usize,
    /// Writing calls.
    pub(super) writes: usize,
    /// The ticket that is written to.
    pub(super) ticket: Option<u64>,
}

/// What an account said with an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Calls in a whole minute (or whatever it counts by).
    pub(super) total: Option<usize>,
    /// Calls left.
    pub(super) remaining: Option<usize>,
    /// How long until it counts anew, where it says so.
    pub(super) resets: Option<Duration>,
    /// How long it wants to be left alone: a 429, or a limit that is used up.
    pub(super) closed: Option<Duration>,
    /// How long the ticket that was called wants to be left alone, and it alone.
    pub(super) ticket_closed: Option<Duration>,
}

impl Told {
    /// A 429 with the wait that it names.
    pub(super) fn refused(self, after: Option<Duration>) -> Self {
        Self { closed: Some(after.unwrap_or(UNNAMED)), ..self }
    }
}

#[derive(Debug)]
struct State {
    ceiling: Ceiling,
    /// When calls went out, and whether they wrote; the last minute of them.
    calls: VecDeque<(Timestamp, bool)>,
    tickets: HashMap<u64, Ticket>,
    /// The latest time that was seen.
    seen: Timestamp,
    /// Calls that have permission and are not out yet.
    planned: usize,
    planned_writes: usize,
    /// Calls that are out and not answered.
    under_way: usize,
    total: Option<usize>,
    left: Option<Left>,
    closed_until: Timestamp,
}

/// One ticket of the account.
#[derive(Debug, Default)]
struct Ticket {
    /// When it was written to, the last ten minutes.
    writes: VecDeque<Timestamp>,
    closed_until: Option<Timestamp>,
}

/// What an account said is left, less what went out since.
#[derive(Debug, Clone, Copy)]
struct Left {
    calls: usize,
    /// When it counts anew.
    until: Timestamp,
}

impl State {
    fn new(ceiling: Ceiling) -> Self {
        Self {
            ceiling,
            calls: VecDeque::new(),
            tickets: HashMap::new(),
            seen: Timestamp::MIN,
            planned: 0,
            planned_writes: 0,
            under_way: 0,
            total: None,
            left: None,
            closed_until: Timestamp::MIN,
        }
    }

    /// Takes the time over. Where the machine's clock was set back, everything moves back with
    /// it: what was written down under the wrong time must not stop the account for as long.
    fn at(&mut self, now: Timestamp) {
        if self.seen > now {
            let back = self.seen.duration_since(now);
            let shift = |at: &mut Timestamp| *at = at.checked_sub(back).unwrap_or(Timestamp::MIN);
            self.calls.iter_mut().for_each(|(at, _)| shift(at));
            for ticket in self.tickets.values_mut() {
                ticket.writes.iter_mut().chain(&mut ticket.closed_until).for_each(shift);
            }
            self.left.iter_mut().for_each(|left| shift(&mut left.until));
            shift(&mut self.closed_until);
        }
        self.seen = now;
        self.forget(now);
    }

    fn forget(&mut self, now: Timestamp) {
        while self.calls.front().is_some_and(|(at, _)| later(*at, MINUTE) <= now) {
            self.calls.pop_front();
        }
        if self.tickets.len() > TICKETS {
            self.tickets.retain(|_, ticket| {
                let written = ticket.writes.back().map(|at| later(*at, TEN_MINUTES));
                written.max(ticket.closed_until).is_some_and(|until| until > now)
            });
        }
    }

    /// When the plan can be carried out as far as is known, `ahead` such plans before it: now
    /// or earlier if at once. With it the limit that says so.
    fn ready_at(&self, plan: Plan, ahead: usize, now: Timestamp) -> (Timestamp, Limit) {
        let planned = self.planned + plan.calls * ahead;
        let planned_writes = self.planned_writes + plan.writes * ahead;
        let free_at = |times: VecDeque<Timestamp>, planned: usize, more: usize, limit, span| {
            let over = (times.len() + planned + more).saturating_sub(limit);
            match over.min(times.len()).checked_sub(1).and_then(|last| times.get(last)) {
                // Nobody knows when what is planned will be out of the way.
                _ if over > times.len() && planned > 0 => later(now, SOON),
                Some(at) => later(*at, span),
                // What alone is over the limit goes where nothing else did.
                None => Timestamp::MIN,
            }
        };
        let writes = self.calls.iter().filter(|(_, writes)| *writes).map(|(at, _)| *at).collect();
        let ceiling = self.ceiling.writes_per_minute;
        let by_ceiling = free_at(writes, planned_writes, plan.writes, ceiling, MINUTE);
        let all = self.calls.iter().map(|(at, _)| *at).collect();
        let total = self.total.unwrap_or(usize::MAX);
        let by_total = free_at(all, planned, plan.calls, total, MINUTE);
        let by_left = self.left.map_or(now, |left| {
            if plan.calls + planned <= left.calls {
                now
            } else if left.until > now {
                left.until
            } else if planned + self.under_way > 0 {
                // One call finds out; the others wait for what it hears.
                later(now, SOON)
            } else {
                now
            }
        });
        let by_ticket = plan.ticket.and_then(|ticket| self.tickets.get(&ticket)).map_or(now, |t| {
            let most = self.ceiling.writes_per_ticket;
            let free = free_at(t.writes.clone(), 0, plan.writes, most, TEN_MINUTES);
            free.max(t.closed_until.unwrap_or(free))
        });
        (by_ceiling, Limit::Ceiling)
            .max((by_total.max(by_left), Limit::Account))
            .max((by_ticket, Limit::Ticket))
            .max((self.closed_until, Limit::Closed))
    }
}

impl Pace {
    /// How many such plans may be carried out now.
    pub(super) fn allowance(&self, plan: Plan) -> Allowance {
        let (state, now) = self.state();
        let (at, _) = state.ready_at(plan, 0, now);
        if at > now {
            return Allowance::From(at);
        }
        let more = (1..AT_ONCE).take_while(|ahead| state.ready_at(plan, *ahead, now).0 <= now);
        Allowance::Parcels(1 + more.count())
    }

    /// Permission for every call of a plan.
    ///
    /// # Errors
    /// [`Failure::Later`] of kind `rate_limited` with the time until then, and whose limit it is.
    pub(super) fn take(&self, plan: Plan) -> Result<Permit, Failure> {
        let (mut state, now) = self.state();
        let (at, limit) = state.ready_at(plan, 0, now);
        if at > now {
            let after = Duration::try_from(at.duration_since(now)).unwrap_or_default();
            return Err(Failure::Later { after: Some(after), cause: limit.cause(at) });
        }
        state.planned += plan.calls;
        state.planned_writes += plan.writes;
        Ok(Permit { pace: self.clone(), plan })
    }

    /// Heeds what an answer to a call to this ticket said.
    fn learn(&self, told: Told, ticket: Option<u64>) {
        let (mut state, now) = self.state();
        state.total = told.total.or(state.total);
        if let Some(remaining) = told.remaining {
            // What is out may not be counted in it yet.
            let calls = remaining.saturating_sub(state.under_way);
            let until = later(now, told.resets.unwrap_or(MINUTE));
            state.left = Some(Left { calls, until });
        }
        if let Some(closed) = told.closed {
            state.closed_until = state.closed_until.max(later(now, closed));
        }
        if let Some((ticket, closed)) = ticket.zip(told.ticket_closed) {
            let ticket = state.tickets.entry(ticket).or_default();
            ticket.closed_until = ticket.closed_until.max(Some(later(now, closed)));
        }
    }

    /// What is known, at this time.
    fn state(&self) -> (MutexGuard<'_, State>, Timestamp) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        state.at(now);
        (state, now)
    }
}

/// Permission for the calls of one plan; what is not used of it goes back.
#[derive(Debug)]
pub(super) struct Permit {
    pace: Pace,
    plan: Plan,
}

impl Permit {
    /// A reading call goes out now. One beyond the plan is counted, not refused.
    pub(super) fn reads(&mut self) -> Call {
        self.goes_out(false)
    }

    /// A writing call goes out now.
    pub(super) fn writes(&mut self) -> Call {
        self.goes_out(true)
    }

    fn goes_out(&mut self, writes: bool) -> Call {
        let (mut state, now) = self.pace.state();
        if self.plan.calls > 0 {
            self.plan.calls -= 1;
            state.planned -= 1;
        }
        if writes && self.plan.writes > 0 {
            self.plan.writes -= 1;
            state.planned_writes -= 1;
        }
        state.calls.push_back((now, writes));
        if let Some(ticket) = self.plan.ticket.filter(|_| writes) {
            let writes = &mut state.tickets.entry(ticket).or_default().writes;
            while writes.front().is_some_and(|at| later(*at, TEN_MINUTES) <= now) {
                writes.pop_front();
            }
            writes.push_back(now);
        }
        state.under_way += 1;
        if let Some(left) = &mut state.left {
            left.calls = left.calls.saturating_sub(1);
        }
        Call { pace: self.pace.clone(), ticket: self.plan.ticket }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let (mut state, _) = self.pace.state();
        state.planned -= self.plan.calls;
        state.planned_writes -= self.plan.writes;
    }
}

/// A call that is out.
#[derive(Debug)]
pub(super) struct Call {
    pace: Pace,
    ticket: Option<u64>,
}

impl Call {
    /// It was answered, and this was said with the answer. Without an answer: drop it.
    pub(super) fn answered(self, told: Told) {
        let (pace, ticket) = (self.pace.clone(), self.ticket);
        drop(self);
        pace.learn(told, ticket);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let (mut state, _) = self.pace.state();
        state.under_way = state.under_way.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests;
