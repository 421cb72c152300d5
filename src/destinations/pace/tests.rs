//! Accounts on a clock that is stepped by hand.

use super::*;

const FREE: Ceiling = Ceiling { writes_per_minute: usize::MAX, writes_per_ticket: usize::MAX };
const ONE: Plan = Plan { calls: 1, writes: 1, ticket: None };

fn pace(ceiling: Ceiling) -> (Clock, Pace) {
    let clock = Clock::stepped(Timestamp::UNIX_EPOCH);
    (clock.clone(), Accounts::new(clock).pace("https://acme", ceiling))
}

fn left(total: usize, remaining: usize) -> Told {
    Told { total: Some(total), remaining: Some(remaining), ..Told::default() }
}

fn wait(pace: &Pace, plan: Plan) -> u64 {
    match pace.take(plan) {
        Ok(_) => 0,
        Err(Failure::Later { after, cause }) => {
            assert_eq!(cause.kind, ErrorKind::RateLimited);
            after.unwrap().as_secs()
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn an_account_that_says_nothing_is_called_up_to_the_ceiling() {
    let (clock, pace) = pace(Ceiling { writes_per_minute: 3, ..FREE });
    for second in 0..3 {
        assert_eq!(wait(&pace, ONE), 0, "{second}");
        pace.take(ONE).unwrap().writes().answered(Told::default());
        clock.step(Duration::from_secs(1));
    }
    assert_eq!(wait(&pace, ONE), 58);
    assert_eq!(wait(&pace, Plan { writes: 0, ..ONE }), 0);
    assert_eq!(pace.allowance(ONE), Allowance::From(later(Timestamp::UNIX_EPOCH, MINUTE)));
    clock.step(Duration::from_secs(58));
    assert_eq!(pace.allowance(ONE), Allowance::Parcels(1));
}

#[test]
fn permissions_count_before_the_calls_do_and_unused_ones_come_back() {
    let (_, pace) = pace(Ceiling { writes_per_minute: 2, ..FREE });
    let first = pace.take(ONE).unwrap();
    let second = pace.take(ONE).unwrap();
    // Nobody knows when those will be done, only that it is not now.
    assert!(pace.take(ONE).is_err());
    drop(first);
    assert_eq!(wait(&pace, ONE), 0);
    drop(second);
    assert_eq!(pace.allowance(ONE), Allowance::Parcels(2));
}

#[test]
fn what_others_use_up_is_heeded() {
    let (clock, pace) = pace(FREE);
    pace.take(ONE).unwrap().writes().answered(left(100, 1));
    assert_eq!(pace.allowance(ONE), Allowance::Parcels(1));
    pace.take(ONE).unwrap().writes().answered(left(100, 0));
    assert_eq!(wait(&pace, ONE), 61);
    clock.step(MINUTE);
    // Nobody knows what is left now: one call asks, the next one waits for its answer.
    let mut asking = pace.take(ONE).unwrap();
    assert_eq!(wait(&pace, ONE), 1);
    let out = asking.writes();
    assert_eq!(wait(&pace, ONE), 1);
    out.answered(left(100, 20));
    assert_eq!(pace.allowance(ONE), Allowance::Parcels(20));
}

#[test]
fn a_named_wait_is_never_shortened() {
    let (clock, pace) = pace(FREE);
    let refused = |after| Told::default().refused(after);
    pace.take(ONE).unwrap().writes().answered(refused(Some(Duration::from_hours(2))));
    pace.take(Plan::default()).unwrap_err();
    assert_eq!(wait(&pace, ONE), 7200);
    clock.step(Duration::from_mins(1));
    pace.learn(refused(Some(Duration::from_secs(5))), None);
    pace.learn(refused(None), None);
    pace.learn(left(100, 100), None);
    assert_eq!(wait(&pace, ONE), 7140);
}

#[test]
fn one_ticket_is_not_written_to_too_often() {
    let (clock, pace) = pace(Ceiling { writes_per_ticket: 2, ..FREE });
    let to = |ticket| Plan { ticket: Some(ticket), ..ONE };
    for _ in 0..2 {
        pace.take(to(7)).unwrap().writes().answered(Told::default());
    }
    assert_eq!([wait(&pace, to(7)), wait(&pace, to(8))], [601, 0]);
    clock.step(TEN_MINUTES);
    assert_eq!(wait(&pace, to(7)), 0);
    let told = Told { ticket_closed: Some(Duration::from_secs(90)), ..Told::default() };
    pace.take(to(7)).unwrap().reads().answered(told);
    assert_eq!([wait(&pace, to(7)), wait(&pace, to(8))], [90, 0]);
}

#[test]
fn a_wait_says_whose_limit_it_is_and_until_when() {
    let said = |ceiling, told, plan: Plan| {
        let (_, pace) = pace(ceiling);
        pace.take(plan).unwrap().writes().answered(told);
        match pace.take(plan) {
            Err(Failure::Later { cause, .. }) => cause.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let to = Plan { ticket: Some(7), ..ONE };
    let slow = said(Ceiling { writes_per_minute: 1, ..FREE }, Told::default(), to);
    assert!(slow.contains("our own ceiling") && slow.contains("00:01:01 UTC"), "{slow}");
    assert!(slow.contains("raise writes_per_minute"), "{slow}");
    let ticket = said(Ceiling { writes_per_ticket: 1, ..FREE }, Told::default(), to);
    assert!(ticket.contains("this ticket") && ticket.contains("00:10:01 UTC"), "{ticket}");
    let account = said(FREE, left(100, 0), to);
    assert!(account.contains("no calls left") && account.contains("00:01:01"), "{account}");
    let wait = Told::default().refused(Some(Duration::from_secs(90)));
    let closed = said(FREE, wait, to);
    assert!(closed.contains("left alone until 00:01:30 UTC"), "{closed}");
    assert!([ticket, account, closed].iter().all(|text| !text.contains("raise")));
}

#[test]
fn a_clock_that_is_set_back_stops_nobody_longer_than_before() {
    let (clock, pace) = pace(Ceiling { writes_per_minute: 1, ..FREE });
    clock.step(Duration::from_hours(2));
    pace.take(ONE).unwrap().writes().answered(left(100, 0));
    clock.step(Duration::from_secs(1));
    assert_eq!(wait(&pace, ONE), 60);
    clock.set(later(Timestamp::UNIX_EPOCH, Duration::from_hours(1)));
    assert_eq!(wait(&pace, ONE), 60);
    clock.step(Duration::from_secs(60));
    assert_eq!(wait(&pace, ONE), 0);
}

#[test]
fn destinations_of_one_account_share_its_pace() {
    let accounts = Accounts::new(Clock::stepped(Timestamp::UNIX_EPOCH));
    let one = accounts.pace("https://acme", FREE);
    let other = accounts.pace("https://acme", Ceiling { writes_per_minute: 1, ..FREE });
    one.take(ONE).unwrap().writes().answered(Told::default());
    assert_eq!([wait(&one, ONE), wait(&other, ONE)], [61, 61]);
    assert_eq!(wait(&accounts.pace("https://other", FREE), ONE), 0);
}
