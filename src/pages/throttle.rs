//! How often somebody may try: a guest at passwords, or whatever is named at what asks other
//! systems. Strangers can make the daemon do only so much, and keep nobody else out.
//!
//! A pace is kept as the time at which all that may be done at once is to be had again (the generic
//! cell rate algorithm): one number a name, and what was counted can be given back.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use actix_web::{HttpRequest, http::header};
use ipnet::IpNet;
use tokio::sync::Semaphore;

use crate::system::Clock;

/// Most names that are told apart; above it, all others are held back together alone.
const MOST: usize = 20_000;
/// What a try takes while all together fail too often, and how many may be tried at a time then.
const SLOWLY: Duration = Duration::from_secs(1);
const PLACES: usize = 16;
/// How long somebody waits for such a place.
const QUEUE: Duration = Duration::from_secs(20);

/// So many at once, then one each so long.
pub type Pace = (u32, Duration);

/// Lets each name pass so often.
#[derive(Debug)]
pub struct Paced<K> {
    pace: Pace,
    clock: Clock,
    /// When each name may do all at once again; whoever is not in it may now.
    full_at: Mutex<HashMap<K, Duration>>,
}

impl<K: Hash + Eq + Clone> Paced<K> {
    /// With this pace.
    #[must_use]
    pub fn new(pace: Pace, clock: &Clock) -> Self {
        Self { pace, clock: clock.clone(), full_at: Mutex::default() }
    }

    /// Counts a try.
    ///
    /// # Errors
    /// How long to wait.
    pub fn pass(&self, name: &K) -> Result<(), Duration> {
        let (burst, every) = self.pace;
        let now = self.clock.passed();
        let mut all = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(name) {
            all.retain(|_, full_at| *full_at > now);
            if all.len() >= MOST {
                return Ok(());
            }
        }
        let full_at = all.get(name).map_or(now, |full_at| now.max(*full_at)) + every;
        match full_at.saturating_sub(now + every * burst) {
            Duration::ZERO => {
                all.insert(name.clone(), full_at);
                Ok(())
            }
            wait => Err(wait),
        }
    }

    /// Takes a try back that was counted.
    fn give_back(&self, name: &K) {
        let (_, every) = self.pace;
        let mut all = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = all.get_mut(name) {
            *full_at = full_at.saturating_sub(every);
        }
    }
}

/// Lets each name and all together pass so often.
#[derive(Debug)]
pub struct Gate<K> {
    each: Paced<K>,
    all: Paced<()>,
}

impl<K: Hash + Eq + Clone> Gate<K> {
    /// With the pace of each name and that of all together.
    #[must_use]
    pub fn new(each: Pace, all: Pace, clock: &Clock) -> Self {
        Self { each: Paced::new(each, clock), all: Paced::new(all, clock) }
    }

    /// Counts a try.
    ///
    /// # Errors
    /// How long to wait; such a try does not count for all.
    pub fn pass(&self, name: &K) -> Result<(), Duration> {
        self.each.pass(name)?;
        self.all.pass(&())
    }
}

/// Tries at something secret. Who fails often has to wait; while all together fail often,
/// everybody is slowed down and nobody kept out.
#[derive(Debug)]
pub struct Tries {
    each: Paced<Guest>,
    all: Paced<()>,
    places: Semaphore,
    clock: Clock,
}

impl Tries {
    /// With the pace of each name and that of all together.
    #[must_use]
    pub fn new(each: Pace, all: Pace, clock: &Clock) -> Self {
        Self {
            each: Paced::new(each, clock),
            all: Paced::new(all, clock),
            places: Semaphore::new(PLACES),
            clock: clock.clone(),
        }
    }

    /// Lets a guest try, at once or slowly. Counts as failed until [`Tries::succeeded`]: so many
    /// at once are no way around it. A guest of whom nobody knows where they are is one of all.
    ///
    /// # Errors
    /// How long this guest has to wait.
    pub async fn begin(&self, guest: &Guest) -> Result<(), Duration> {
        if guest.is_known() {
            self.each.pass(guest)?;
        }
        if self.all.pass(&()).is_ok() {
            return Ok(());
        }
        let place = tokio::select! {
            place = self.places.acquire() => place.ok(),
            () = self.clock.sleep_until(self.clock.after(QUEUE)) => None,
        };
        if place.is_none() {
            self.each.give_back(guest);
            return Err(SLOWLY);
        }
        self.clock.sleep_until(self.clock.after(SLOWLY)).await;
        Ok(())
    }

    /// Takes back that a try counts: it was right.
    pub fn succeeded(&self, guest: &Guest) {
        self.each.give_back(guest);
        self.all.give_back(&());
    }
}

/// Somebody of whom only the address is known, if that.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Guest(Option<IpAddr>);

impl Guest {
    /// Whoever asks this, with these proxies of ours in between.
    #[must_use]
    pub fn of(request: &HttpRequest, proxies: &[IpNet]) -> Self {
        let peer = request.peer_addr().map(|peer| peer.ip());
        let forwarded = request.headers().get_all(header::X_FORWARDED_FOR);
        let forwarded: Vec<_> = forwarded.map(|line| line.to_str().unwrap_or_default()).collect();
        Self::new(peer, &forwarded, proxies)
    }

    /// Who connects from `peer` (`None`: by a socket file). A proxy of ours, which a socket file
    /// always leads to, says in `forwarded`, the lines of `X-Forwarded-For`, who is beyond it:
    /// the last address that is no proxy's. What stands before it may be anybody's word.
    #[must_use]
    pub fn new(peer: Option<IpAddr>, forwarded: &[&str], proxies: &[IpNet]) -> Self {
        let is_proxy = |address: &IpAddr| proxies.iter().any(|net| net.contains(address));
        let peer = peer.map(|peer| peer.to_canonical());
        if let Some(peer) = peer.filter(|peer| !is_proxy(peer)) {
            return Self(Some(network(peer)));
        }
        let hops = forwarded.iter().rev().flat_map(|line| line.rsplit(','));
        let beyond = hops.map(address).find(|hop| !hop.as_ref().is_some_and(is_proxy));
        Self(beyond.flatten().map(network))
    }

    fn is_known(&self) -> bool {
        self.0.is_some()
    }
}

/// An address, as some proxies write it with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse().ok().map(|socket: std::net::SocketAddr| socket.ip());
    let address = text.parse().ok().or_else(with_port);
    address.map(|address: IpAddr| address.to_canonical())
}

/// The address, or of IPv6 the network that one site has.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 80 << 80).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn clock() -> Clock {
        Clock::stepped("2027-01-15T08:00:00Z".parse().unwrap())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_and_all_together_pass_so_often_also_when_the_clock_is_set_back() {
        let clock = clock();
        let gate = Gate::new((2, seconds(10)), (3, seconds(1)), &clock);
        assert_eq!((gate.pass(&"a"), gate.pass(&"a")), (Ok(()), Ok(())));
        assert_eq!(gate.pass(&"a"), Err(seconds(10)));
        assert_eq!(gate.pass(&"b"), Ok(()));
        assert_eq!(gate.pass(&"b"), Err(seconds(1)), "all together");
        clock.step(seconds(9));
        clock.set(jiff::Timestamp::UNIX_EPOCH);
        assert!(gate.pass(&"a").is_err());
        clock.step(seconds(1));
        assert_eq!(gate.pass(&"a"), Ok(()));
    }

    #[test]
    fn names_beyond_what_is_remembered_are_let_through_and_forgotten_ones_make_room() {
        let clock = clock();
        let paced = Paced::new((1, seconds(10)), &clock);
        (0..MOST).for_each(|name| assert_eq!(paced.pass(&name), Ok(())));
        assert_eq!((paced.pass(&MOST), paced.pass(&MOST)), (Ok(()), Ok(())));
        assert!(paced.pass(&0).is_err());
        clock.step(seconds(10));
        assert_eq!((paced.pass(&MOST), paced.full_at.lock().unwrap().len()), (Ok(()), 1));
    }

    #[tokio::test]
    async fn what_is_right_does_not_count_and_failures_of_others_only_slow() {
        let clock = clock();
        let tries = Tries::new((2, seconds(10)), (4, seconds(100)), &clock);
        let guest = |number: u8| Guest(Some(IpAddr::from([203, 0, 113, number])));
        for _ in 0..10 {
            assert_eq!(tries.begin(&guest(0)).await, Ok(()));
            tries.succeeded(&guest(0));
        }
        for number in [1, 1, 2, 2] {
            assert_eq!(tries.begin(&guest(number)).await, Ok(()));
        }
        assert_eq!(tries.begin(&guest(1)).await, Err(seconds(10)));
        for other in [guest(3), Guest(None)] {
            let mut slow = Box::pin(tries.begin(&other));
            assert!(futures_util::poll!(slow.as_mut()).is_pending());
            clock.step(SLOWLY);
            assert_eq!(slow.await, Ok(()));
        }
    }

    #[tokio::test]
    async fn whoever_finds_no_place_for_long_is_told_to_come_again() {
        let clock = clock();
        let tries = Tries::new((1, seconds(10)), (0, seconds(1)), &clock);
        let place = tries.places.acquire_many(16).await.unwrap();
        let guest = Guest(Some(ip("203.0.113.9")));
        let mut waiting = Box::pin(tries.begin(&guest));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        clock.step(QUEUE);
        assert_eq!(waiting.await, Err(SLOWLY));
        drop(place);
        let mut again = Box::pin(tries.begin(&guest));
        assert!(futures_util::poll!(again.as_mut()).is_pending(), "it did not count");
    }

    #[test]
    fn a_guest_is_the_last_address_that_is_no_proxy_s() {
        let proxies = ["127.0.0.0/8", "::1/128", "10.0.0.7/32"].map(|net| net.parse().unwrap());
        let guest = |peer: &str, lines: &[&str]| Guest::new(Some(ip(peer)), lines, &proxies);
        let shown = |text: &str| Guest(Some(ip(text)));
        let nobody = Guest(None);
        assert_eq!(guest("203.0.113.9", &["198.51.100.1"]), shown("203.0.113.9"));
        assert_eq!(guest("127.0.0.1", &["1.1.1.1, 198.51.100.1"]), shown("198.51.100.1"));
        assert_eq!(guest("127.0.0.1", &["1.1.1.1", "198.51.100.1"]), shown("198.51.100.1"));
        let through_two = ["1.1.1.1, 198.51.100.1:4711, 10.0.0.7"];
        assert_eq!(guest("::ffff:127.0.0.1", &through_two), shown("198.51.100.1"));
        assert_eq!(guest("127.0.0.1", &["1.1.1.1, rubbish"]), nobody);
        assert_eq!(guest("::1", &[]), nobody);
        assert_eq!(Guest::new(None, &["2001:db8:1:2:3::4"], &proxies), shown("2001:db8:1::"));
        assert_eq!(guest("2001:db8:1:ffff::9", &[]), shown("2001:db8:1::"));
        assert_eq!(Guest::new(None, &["127.0.0.1"], &proxies), nobody);
    }
}
