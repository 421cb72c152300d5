//! How often somebody may try: a guest at passwords and marks, the page of a record at what asks
//! other systems. Strangers can make the daemon do only so much.

use std::{fmt, hash::Hash, net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::Clock as _,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};

use crate::{model::Target, system::Clock};

/// Most names that are remembered; nobody new gets in above it until some are forgotten.
const MOST: usize = 20_000;

/// So many at once, then one each so long.
type Pace = (u32, Duration);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The daemon's time, as the limiter asks for it.
#[derive(Debug, Clone)]
struct Time(Clock);

impl governor::clock::Clock for Time {
    type Instant = Duration;

    fn now(&self) -> Duration {
        let at = self.0.now().as_millisecond();
        Duration::from_millis(u64::try_from(at).unwrap_or_default())
    }
}

type Limiter<K, S> = RateLimiter<K, S, Time, NoOpMiddleware<Duration>>;

/// Lets each name and all together pass so often.
pub(super) struct Gate<K: Hash + Eq + Clone> {
    each: Limiter<K, HashMapStateStore<K>>,
    all: Limiter<NotKeyed, InMemoryState>,
    time: Time,
}

impl<K: Hash + Eq + Clone> fmt::Debug for Gate<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate(…)")
    }
}

impl<K: Hash + Eq + Clone> Gate<K> {
    fn new(each: Pace, all: Pace, clock: &Clock) -> Self {
        let time = Time(clock.clone());
        let quota = |(burst, every): Pace| {
            // No pace here is zero.
            let per_second = Quota::per_second(NonZeroU32::MIN);
            let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
            Quota::with_period(every).unwrap_or(per_second).allow_burst(burst)
        };
        Self {
            each: RateLimiter::hashmap_with_clock(quota(each), time.clone()),
            all: RateLimiter::direct_with_clock(quota(all), time.clone()),
            time,
        }
    }

    /// Counts a try.
    ///
    /// # Errors
    /// How long to wait; such a try does not count for all.
    pub(super) fn pass(&self, name: &K) -> Result<(), Duration> {
        if self.each.len() >= MOST {
            self.each.retain_recent();
            if self.each.len() >= MOST {
                return Err(seconds(60));
            }
        }
        let now = self.time.now();
        self.each.check_key(name).map_err(|wait| wait.wait_time_from(now))?;
        self.all.check().map_err(|wait| wait.wait_time_from(now))
    }
}

/// Somebody of whom only the address is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Guest(Option<IpAddr>);

impl Guest {
    /// Who connects from `peer` (`None`: by a socket file), as the proxy in front says who is
    /// beyond it: the last address of `X-Forwarded-For` is the proxy's own word. A peer that is
    /// not on this machine is no proxy of ours.
    pub(super) fn new(peer: Option<IpAddr>, forwarded: Option<&str>) -> Self {
        let is_proxy = peer.is_none_or(|peer| peer.to_canonical().is_loopback());
        let last = forwarded.and_then(|all| all.rsplit(',').next());
        let beyond = last.and_then(|last| last.trim().parse().ok()).filter(|_| is_proxy);
        Self(beyond.or(peer).map(network))
    }
}

/// The address, or of IPv6 the network that one customer has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

/// Every gate of the page.
#[derive(Debug)]
pub(super) struct Gates {
    /// Passwords.
    pub(super) logins: Gate<Guest>,
    /// Marks that another system is asked about.
    pub(super) marks: Gate<Guest>,
    /// Records whose names other systems are asked for.
    pub(super) lookups: Gate<Target>,
    /// Sessions.
    pub(super) makes: Gate<Target>,
    /// Messages.
    pub(super) tells: Gate<Target>,
}

impl Gates {
    pub(super) fn new(clock: &Clock) -> Self {
        Self {
            logins: Gate::new((20, seconds(10)), (100, seconds(2)), clock),
            marks: Gate::new((20, seconds(3)), (60, seconds(1)), clock),
            lookups: Gate::new((20, seconds(5)), (120, seconds(1)), clock),
            makes: Gate::new((10, seconds(30)), (60, seconds(2)), clock),
            tells: Gate::new((5, seconds(60)), (30, seconds(5)), clock),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_all_together_pass_so_often() {
        let clock = Clock::stepped("2027-01-15T08:00:00Z".parse().unwrap());
        let gate = Gate::new((2, seconds(10)), (3, seconds(1)), &clock);
        assert_eq!((gate.pass(&"a"), gate.pass(&"a")), (Ok(()), Ok(())));
        assert_eq!(gate.pass(&"a"), Err(seconds(10)));
        assert_eq!(gate.pass(&"b"), Ok(()));
        assert_eq!(gate.pass(&"b"), Err(seconds(1)), "all together");
        clock.step(seconds(9));
        assert!(gate.pass(&"a").is_err());
        clock.step(seconds(1));
        assert_eq!(gate.pass(&"a"), Ok(()));
    }

    #[test]
    fn a_guest_is_whom_the_proxy_of_this_machine_names() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let guest = |peer: &str, forwarded| Guest::new(Some(ip(peer)), forwarded);
        let shown = |text: &str| Guest(Some(ip(text)));
        assert_eq!(guest("203.0.113.9", Some("198.51.100.1")), shown("203.0.113.9"));
        assert_eq!(guest("127.0.0.1", Some("1.1.1.1, 198.51.100.1")), shown("198.51.100.1"));
        assert_eq!(guest("::ffff:127.0.0.1", Some("rubbish")), shown("127.0.0.1"));
        assert_eq!(Guest::new(None, Some("2001:db8:1:2:3::4")), shown("2001:db8:1:2::"));
        assert_eq!(Guest::new(None, None), Guest(None));
    }
}
